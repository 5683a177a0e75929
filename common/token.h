/*
 * token.h - API token text: lt_<kind>_<8 public id>_<43 base64url of 32 bytes><6 base62 of CRC-32>.
 *
 * The shape and the checksum can be judged without the store; the secret is hashed by the caller.
 */
#ifndef LT_TOKEN_H
#define LT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LT_TOKEN_TEXT 96

struct lt_token {
	char kind[8];        /* "user" or "svc"                */
	char public_id[9];   /* [0-9a-z], safe to log          */
	uint8_t secret[32];  /* never logged, stored as SHA-256 */
};

void lt_token_text(char dst[LT_TOKEN_TEXT], const struct lt_token *t);
/* Shape and checksum; false for anything else. */
bool lt_token_parse(const char *s, struct lt_token *ret);
uint32_t lt_crc32(const void *p, size_t n); /* IEEE 802.3 */

#endif
