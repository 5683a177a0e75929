/* sha256.h - SHA-256 (FIPS 180-4) of a stream: the check of downloads and the fingerprint of a certificate. Pure. */
#ifndef CLIENT_SHA256_H
#define CLIENT_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t ret[32]);
void sha256_hex(const uint8_t digest[32], char ret[65]);

#endif
