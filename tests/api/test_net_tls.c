/* test_net_tls.c - versions, the self-signed pair, the swap of a certificate, close_notify, no plaintext, latency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/base.h"
#include "net_rig.h"

#define LAST "GET /v1/echo HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"

static void speaks_tls13_only(void **state)
{
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, NULL);
	c = client_tls(&r);
	assert_false(c->failed);
	assert_string_equal(SSL_get_version(c->ssl), "TLSv1.3");
	assert_int_equal(client_ask(c, ECHO), 200);
	assert_int_equal(SSL_session_reused(c->ssl), 0);
	client_free(c);
	SSL_CTX_set_max_proto_version(r.client_tls, TLS1_2_VERSION);
	c = client_tls(&r);
	assert_true(c->failed);
	client_free(c);
	rig_stop(&r);
}

static bool tls12_works_with(struct rig *r, const char *ciphers)
{
	struct client *c;
	bool ok;

	assert_int_equal(SSL_CTX_set_cipher_list(r->client_tls, ciphers), 1);
	c = client_tls(r);
	ok = !c->failed && client_ask(c, ECHO) == 200;
	client_free(c);
	return ok;
}

static void tls12_only_with_aead(void **state)
{
	const struct net_options o = { .tls12 = true };
	struct rig r;

	(void)state;
	rig_start(&r, &o);
	SSL_CTX_set_max_proto_version(r.client_tls, TLS1_2_VERSION);
	assert_true(tls12_works_with(&r, "ECDHE-ECDSA-AES128-GCM-SHA256"));
	assert_true(tls12_works_with(&r, "ECDHE-ECDSA-CHACHA20-POLY1305"));
	assert_false(tls12_works_with(&r, "ECDHE-ECDSA-AES128-SHA256"));
	assert_false(tls12_works_with(&r, "ECDHE-ECDSA-AES256-SHA"));
	rig_stop(&r);
}

static void refuses_to_renegotiate(void **state)
{
	const struct net_options o = { .tls12 = true };
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, &o);
	SSL_CTX_set_max_proto_version(r.client_tls, TLS1_2_VERSION);
	c = client_tls(&r);
	assert_int_equal(client_ask(c, ECHO), 200);
	assert_int_equal(SSL_renegotiate(c->ssl), 1);
	/* The server answers with a warning or closes; what cannot happen is a second handshake. */
	client_text(c, ECHO);
	rig_until(&r, c, has_answers, 2, 300);
	assert_int_equal(SSL_num_renegotiations(c->ssl) > 0 && !SSL_renegotiate_pending(c->ssl) && client_answers(c) > 1,
		0);
	client_free(c);
	rig_stop(&r);
}

static X509 *peer_certificate(struct rig *r)
{
	struct client *c = client_tls(r);
	X509 *x;

	assert_false(c->failed);
	x = SSL_get1_peer_certificate(c->ssl);
	assert_non_null(x);
	assert_int_equal(client_ask(c, ECHO), 200);
	client_free(c);
	return x;
}

static void makes_its_own_pair(void **state)
{
	char name[80] = "";
	struct stat st;
	struct rig r;
	X509 *x;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(stat(r.key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	x = peer_certificate(&r);
	assert_int_equal(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
	assert_int_equal(X509_check_host(x, "example.org", 0, 0, NULL), 0);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	assert_string_equal(name, "Zhangjiang Shared Lab");
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(x)), -1);
	assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(x)), 1);
	X509_free(x);
	rig_stop(&r);
}

static void half_a_pair_is_an_error(void **state)
{
	struct lt_err err = { 0 };
	struct net_options o;
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	o = r.o;
	o.unix_path = NULL;
	unlink(r.certificate);
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "half-a-pair");
	assert_string_equal(err.field, r.certificate);
	o.certificate = "";
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "no-certificate");
	o = r.o;
	o.unix_path = NULL;
	unlink(r.key);
	o.certificate = "/nonexistent/cert.pem";
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "cannot-write");
	o = r.o;
	o.unix_path = NULL;
	o.tls_address = "localhost:1";
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "bad-address");
	rig_stop(&r);
}

static void overwrite(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void swaps_whole_or_not_at_all(void **state)
{
	struct lt_err err = { 0 };
	struct rig r, other;
	struct client *kept;
	X509 *first, *second, *third;
	char *pem, *key;
	size_t n;

	(void)state;
	rig_start(&r, NULL);
	rig_start(&other, NULL);
	kept = client_tls(&r);
	assert_int_equal(client_ask(kept, ECHO), 200);
	first = peer_certificate(&r);
	/* A certificate without its key: refused, the old one stays. */
	pem = file_read(other.certificate, 65536, &n, &err);
	key = file_read(other.key, 65536, &n, &err);
	assert_non_null(pem);
	assert_non_null(key);
	overwrite(r.certificate, pem);
	assert_int_equal(net_reload_certificate(r.net, &err), -1);
	assert_string_equal(err.code, "bad-key");
	second = peer_certificate(&r);
	assert_int_equal(X509_cmp(first, second), 0);
	X509_free(second);
	/* Garbage: the same. */
	overwrite(r.certificate, "-----BEGIN CERTIFICATE-----\nnonsense\n");
	assert_int_equal(net_reload_certificate(r.net, &err), -1);
	assert_string_equal(err.code, "bad-certificate");
	/* The whole pair. */
	overwrite(r.certificate, pem);
	overwrite(r.key, key);
	assert_int_equal(net_reload_certificate(r.net, &err), 0);
	third = peer_certificate(&r);
	assert_int_not_equal(X509_cmp(first, third), 0);
	assert_int_equal(client_ask(kept, ECHO), 200);    /* who was in stays in */
	X509_free(first);
	X509_free(third);
	free(pem);
	free(key);
	client_free(kept);
	rig_stop(&other);
	rig_stop(&r);
}

static void says_close_notify(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < 50; i++) {
		struct client *c = client_tls(&r);
		client_text(c, i % 2 ? LAST : "GET /v1/stream?300000 HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
		assert_true(rig_until(&r, c, has_eof, 0, 5000));
		assert_int_equal(client_answers(c), 1);
		assert_true(c->clean);
		client_free(c);
	}
	rig_stop(&r);
}

static void no_plaintext_on_the_tls_port(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < 20; i++) {
		struct client *c = client_tcp(&r);
		client_text(c, ECHO);
		assert_true(rig_until(&r, c, has_eof, 0, 5000));
		assert_false(client_saw(c, "HTTP/"));
		client_free(c);
	}
	assert_int_equal(r.requests, 0);
	rig_stop(&r);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Without TCP_NODELAY each of these waits 40 ms; the median says whether it is set. */
static void answers_leave_at_once(void **state)
{
	enum { N = 200 };
	int64_t took[N];
	struct rig r;
	struct client *c;
	int i;

	(void)state;
	rig_start(&r, NULL);
	c = client_tls(&r);
	for (i = 0; i < N; i++) {
		took[i] = clock_boot_us();
		c->n = 0;
		assert_int_equal(client_ask(c, ECHO), 200);
		took[i] = clock_boot_us() - took[i];
	}
	qsort(took, N, sizeof(took[0]), by_value);
	assert_true(took[N / 2] < 20000);
	client_free(c);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speaks_tls13_only),
		cmocka_unit_test(tls12_only_with_aead),
		cmocka_unit_test(refuses_to_renegotiate),
		cmocka_unit_test(makes_its_own_pair),
		cmocka_unit_test(half_a_pair_is_an_error),
		cmocka_unit_test(swaps_whole_or_not_at_all),
		cmocka_unit_test(says_close_notify),
		cmocka_unit_test(no_plaintext_on_the_tls_port),
		cmocka_unit_test(answers_leave_at_once),
	};

	return cmocka_run_group_tests_name("net_tls", tests, NULL, NULL);
}
