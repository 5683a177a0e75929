/* crypto.c - SHA-256, constant-time compare and random bytes, by OpenSSL. */
#include "base/base.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

void crypto_sha256(const void *p, size_t n, uint8_t ret[32])
{
	unsigned len = 0;
	int ok = EVP_Digest(p, n, ret, &len, EVP_sha256(), NULL);

	assert(ok == 1 && len == 32);
	(void)ok;
}

/* The stream is OpenSSL's own context under another name: nothing to wrap. */
struct crypto_sha256_stream *crypto_sha256_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	return (struct crypto_sha256_stream *)c;
}

void crypto_sha256_add(struct crypto_sha256_stream *s, const void *p, size_t n)
{
	int ok = EVP_DigestUpdate((EVP_MD_CTX *)s, p, n);

	assert(ok == 1);
	(void)ok;
}

void crypto_sha256_end(struct crypto_sha256_stream *s, uint8_t ret[32])
{
	unsigned len = 0;
	int ok = EVP_DigestFinal_ex((EVP_MD_CTX *)s, ret, &len);

	assert(ok == 1 && len == 32);
	(void)ok;
	EVP_MD_CTX_free((EVP_MD_CTX *)s);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

int crypto_random(void *p, size_t n)
{
	return n <= INT32_MAX && RAND_bytes(p, (int)n) == 1 ? 0 : -1;
}

void crypto_hex(char *dst, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*dst++ = "0123456789abcdef"[p[i] >> 4];
		*dst++ = "0123456789abcdef"[p[i] & 15];
	}
	*dst = '\0';
}
