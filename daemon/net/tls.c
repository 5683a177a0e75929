/*
 * tls.c - the TLS context, and the self-signed pair of the first start.
 *
 * TLS 1.3 (1.2 with ECDHE and AEAD by option), no renegotiation, no tickets, no session cache. A context is complete
 * and checked before anybody sees it; whoever holds an older one keeps it. Fails with the file that was at fault.
 */
#include "net/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/base.h"
#include "common/fmt.h"

enum { SELF_SIGNED_DAYS = 3650 };

static int tls_fail(struct lt_err *err, const char *code, const char *where, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	char why[160] = "no reason given";

	if (e)
		ERR_error_string_n(e, why, sizeof(why));
	ERR_clear_error();
	return lt_err_set(err, code, where, "%s (%s)", what, why);
}

/* ---- the context ---- */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned n,
	void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase is an error, never a question on somebody's terminal. */
static int no_passphrase(char *dst, int size, int writing, void *arg)
{
	(void)dst, (void)size, (void)writing, (void)arg;
	return 0;
}

static bool configure(SSL_CTX *ctx, bool tls12)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
			    SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
		SSL_CTX_set_min_proto_version(ctx, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
		SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
		SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1;
}

SSL_CTX *tls_context(const struct net_options *o, struct lt_err *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || !configure(ctx, o->tls12))
		tls_fail(err, "tls-failed", "", "TLS cannot be set up");
	else if (SSL_CTX_use_certificate_chain_file(ctx, o->certificate) != 1)
		tls_fail(err, "bad-certificate", o->certificate, "not a readable PEM certificate");
	else if (SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1)
		tls_fail(err, "bad-key", o->key, "not a readable PEM private key, or not the certificate's");
	else if (SSL_CTX_check_private_key(ctx) != 1)
		tls_fail(err, "bad-key", o->key, "the key does not belong to the certificate");
	else
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- the self-signed pair ---- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* "127.0.0.1:7620", "[::1]:7620" -> the address as a subject alternative name, unless it is already one of them. */
static void alternative_names(char dst[256], const char *address)
{
	const char *from = address && *address == '[' ? address + 1 : address;
	size_t n = from ? strcspn(from, address[0] == '[' ? "]" : ":") : 0;
	static const char *const all[] = { "127.0.0.1", "::1", "0.0.0.0", "::" };
	size_t i, used = lt_fmt(dst, 256, "DNS:localhost,IP:127.0.0.1,IP:::1");
	struct in6_addr binary;
	char host[64];

	if (n == 0 || n >= sizeof(host))
		return;
	memcpy(host, from, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &binary) != 1 && inet_pton(AF_INET6, host, &binary) != 1)
		return; /* the listener will say what is wrong with it */
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(host, all[i]) == 0)
			return;
	lt_fmt(dst + used, 256 - used, ",IP:%s", host);
}

static bool fill_certificate(X509 *cert, EVP_PKEY *key, const struct net_options *o)
{
	X509_NAME *name = X509_get_subject_name(cert);
	const char *site = o->site_name && *o->site_name ? o->site_name : "labtime";
	char names[256];
	uint64_t serial;
	size_t n = strlen(site);

	while (n > 60 || (n > 0 && ((unsigned char)site[n] & 0xc0) == 0x80))
		n--; /* at most 64 characters; never half a UTF-8 character */
	alternative_names(names, o->tls_address);
	return crypto_random(&serial, sizeof(serial)) == 0 && X509_set_version(cert, 2) == 1 &&
		ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1 &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
		X509_time_adj_ex(X509_getm_notAfter(cert), SELF_SIGNED_DAYS, 0, NULL) && X509_set_pubkey(cert, key) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)site, (int)n, -1, 0) == 1 &&
		X509_set_issuer_name(cert, name) == 1 && add_extension(cert, NID_subject_alt_name, names) &&
		add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
		add_extension(cert, NID_ext_key_usage, "serverAuth") && X509_sign(cert, key, EVP_sha256()) > 0;
}

/* Written beside its place, synced, then renamed: nobody ever sees half a key. */
static int write_pem(const char *path, mode_t mode, EVP_PKEY *key, X509 *cert, struct lt_err *err)
{
	char temporary[PATH_MAX];
	FILE *f = NULL;
	bool ok;
	int fd;

	if (lt_fmt(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return lt_err_set(err, "bad-path", path, "the path is too long");
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd >= 0)
		f = fdopen(fd, "w");
	ok = f && (key ? PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) : PEM_write_X509(f, cert)) == 1;
	ok = ok && fflush(f) == 0 && fsync(fd) == 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	else if (fd >= 0)
		close(fd);
	if (ok && rename(temporary, path) == 0)
		return 0;
	lt_err_set(err, "cannot-write", path, "a self-signed certificate cannot be saved: %s; make the directory, or name "
		   "tls.certificate and tls.key", strerror(errno));
	unlink(temporary);
	return -1;
}

static int make_pair(const struct net_options *o, struct lt_err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	int r = -1;

	if (!key || !cert || !fill_certificate(cert, key, o))
		tls_fail(err, "tls-failed", o->certificate, "a self-signed certificate cannot be made");
	else if (write_pem(o->key, 0600, key, NULL, err) == 0) {
		r = write_pem(o->certificate, 0644, NULL, cert, err);
		if (r < 0)
			unlink(o->key); /* ours, of a moment ago: half a pair would stop the next start */
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return r;
}

int tls_make_pair(const struct net_options *o, struct lt_err *err)
{
	bool has_certificate, has_key;

	if (!o->certificate || !*o->certificate || !o->key || !*o->key)
		return lt_err_set(err, "no-certificate", "tls",
			"TLS needs tls.certificate and tls.key; both files are made when absent");
	has_certificate = access(o->certificate, F_OK) == 0;
	has_key = access(o->key, F_OK) == 0;
	if (has_certificate && has_key)
		return 0;
	if (has_certificate != has_key)
		return lt_err_set(err, "half-a-pair", has_key ? o->certificate : o->key,
				  "this file is missing but %s is there; put it back, or remove both for a new self-signed pair",
				  has_key ? o->key : o->certificate);
	return make_pair(o, err);
}
