/* sha256.h - SHA-256 of a stream, by OpenSSL: the check of downloads and the fingerprint of a certificate. */
#ifndef CLIENT_SHA256_H
#define CLIENT_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* init takes memory, free gives it back (twice is fine). Running out of memory ends the program. */
struct sha256 { void *context; };

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t ret[32]);
void sha256_free(struct sha256 *s);
void sha256_hex(const uint8_t digest[32], char ret[65]);

#endif
