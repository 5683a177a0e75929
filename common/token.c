/* token.c - API tokens as text: shape, base64url and checksum. Owns nothing; a wrong token is just false. */
#include "common/token.h"

#include <string.h>

#include "common/fmt.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define SECRET_TEXT 43
#define CHECK_TEXT 6

uint32_t lt_crc32(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= b[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void encode(char dst[SECRET_TEXT + 1], const uint8_t secret[32])
{
	uint32_t acc = 0;
	int bits = 0;

	for (int i = 0; i < 32; i++) {
		acc = acc << 8 | secret[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*dst++ = base64[acc >> (bits - 6) & 63];
	}
	*dst++ = base64[acc << (6 - bits) & 63];
	*dst = '\0';
}

/* Only the one canonical text of 32 bytes: the two spare bits are zero. */
static bool decode(const char *s, uint8_t secret[32])
{
	uint32_t acc = 0;
	int bits = 0, n = 0;

	for (int i = 0; i < SECRET_TEXT; i++) {
		const char *p = s[i] ? strchr(base64, s[i]) : NULL;
		if (!p)
			return false;
		acc = acc << 6 | (uint32_t)(p - base64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			secret[n++] = (uint8_t)(acc >> bits);
		}
	}
	return (acc & 3) == 0;
}

static void checksum(char dst[CHECK_TEXT + 1], const char *text, size_t n)
{
	uint32_t v = lt_crc32(text, n);

	for (int i = CHECK_TEXT; i-- > 0; v /= 62)
		dst[i] = base62[v % 62];
	dst[CHECK_TEXT] = '\0';
}

void lt_token_text(char dst[LT_TOKEN_TEXT], const struct lt_token *t)
{
	char secret[SECRET_TEXT + 1], check[CHECK_TEXT + 1];
	size_t n;

	encode(secret, t->secret);
	n = lt_fmt(dst, LT_TOKEN_TEXT, "lt_%s_%s_%s", t->kind, t->public_id, secret);
	checksum(check, dst, n);
	lt_fmt(dst + n, LT_TOKEN_TEXT - n, "%s", check);
}

static bool kind_of(const char *s, char kind[8], size_t *ret_length)
{
	static const char *const kinds[] = { "user", "svc" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i]);
		if (strncmp(s, kinds[i], n) == 0 && s[n] == '_') {
			lt_fmt(kind, 8, "%s", kinds[i]);
			*ret_length = n;
			return true;
		}
	}
	return false;
}

bool lt_token_parse(const char *s, struct lt_token *ret)
{
	struct lt_token t;
	char check[CHECK_TEXT + 1];
	size_t kind, body;

	memset(&t, 0, sizeof(t));
	if (strncmp(s, "lt_", 3) != 0 || !kind_of(s + 3, t.kind, &kind))
		return false;
	body = 3 + kind + 1 + 8 + 1 + SECRET_TEXT;
	if (strlen(s) != body + CHECK_TEXT || s[3 + kind + 9] != '_')
		return false;
	checksum(check, s, body);
	if (strcmp(check, s + body) != 0)
		return false;
	memcpy(t.public_id, s + 3 + kind + 1, 8);
	for (int i = 0; i < 8; i++)
		if (!((t.public_id[i] >= '0' && t.public_id[i] <= '9') || (t.public_id[i] >= 'a' && t.public_id[i] <= 'z')))
			return false;
	if (!decode(s + body - SECRET_TEXT, t.secret))
		return false;
	*ret = t;
	return true;
}
