/* sha256.c - see sha256.h. Owns the digest's context between init and free. */
#include "client/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

static void must(int ok)
{
	if (!ok)
		abort();
}

void sha256_init(struct sha256 *s)
{
	s->context = EVP_MD_CTX_new();
	must(s->context && EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) == 1);
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
	must(EVP_DigestUpdate(s->context, p, n) == 1);
}

void sha256_end(struct sha256 *s, uint8_t ret[32])
{
	unsigned size = 0;

	must(EVP_DigestFinal_ex(s->context, ret, &size) == 1 && size == 32);
}

void sha256_free(struct sha256 *s)
{
	EVP_MD_CTX_free(s->context);
	s->context = NULL;
}

void sha256_hex(const uint8_t digest[32], char ret[65])
{
	for (int i = 0; i < 32; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	ret[64] = '\0';
}
