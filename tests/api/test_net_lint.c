/*
 * test_net_lint.c - malformed and ambiguous requests, on the Unix socket and on TLS.
 *
 * Each is followed by a second request. What must be refused is refused with the status of the table, the connection
 * is closed, and the ledger sees neither the request nor what came behind it. What may be accepted is in the table too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net_rig.h"

#define H "Host: lab\r\n"
#define GET "GET /v1/echo HTTP/1.1\r\n"
#define POST "POST /v1/echo HTTP/1.1\r\n" H
#define SECOND "GET /v1/full HTTP/1.1\r\nHost: lab\r\n\r\n"
#define TOKEN "lt_user_abcd1234_0000000000000000000000000000000000000000000AAAAAA"
#define RAW(text) text, sizeof(text) - 1

static const struct {
	const char *name, *bytes;
	size_t n;
	int status;
} refused[] = {
	/* length and framing */
	{ "two lengths", RAW(POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400 },
	{ "two equal lengths", RAW(POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400 },
	{ "a list of lengths", RAW(POST "Content-Length: 2, 2\r\n\r\n{}"), 400 },
	{ "length with plus", RAW(POST "Content-Length: +2\r\n\r\n{}"), 400 },
	{ "length with minus", RAW(POST "Content-Length: -1\r\n\r\n{}"), 400 },
	{ "length in hex", RAW(POST "Content-Length: 0x2\r\n\r\n{}"), 400 },
	{ "length with tail", RAW(POST "Content-Length: 2abc\r\n\r\n{}"), 400 },
	{ "length empty", RAW(POST "Content-Length:\r\n\r\n{}"), 400 },
	{ "length in two words", RAW(POST "Content-Length: 2 2\r\n\r\n{}"), 400 },
	{ "length beyond 64 bits", RAW(POST "Content-Length: 36893488147419103234\r\n\r\n{}"), 413 },
	{ "length of nine digits", RAW(POST "Content-Length: 000000002\r\n\r\n{}"), 413 },
	{ "too long, then twice", RAW(POST "Content-Length: 99999999\r\nContent-Length: 2\r\n\r\n{}"), 400 },
	{ "length and chunked", RAW(POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501 },
	{ "chunked and length", RAW(POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"), 501 },
	{ "chunked", RAW(POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 501 },
	{ "chunk size with plus", RAW(POST "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n"), 501 },
	{ "chunk size in hex form", RAW(POST "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n"), 501 },
	{ "coding identity", RAW(POST "Transfer-Encoding: identity\r\n\r\n"), 501 },
	{ "coding unknown", RAW(POST "Transfer-Encoding: cow\r\n\r\n"), 501 },
	{ "coding xchunked", RAW(POST "Transfer-Encoding: xchunked\r\n\r\n"), 501 },
	{ "coding gzip, chunked", RAW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501 },
	{ "coding, blank before colon", RAW(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "coding, folded", RAW(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), 501 },
	{ "coding, tab before colon", RAW(POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "length, blank before colon", RAW(POST "Content-Length : 2\r\n\r\n{}"), 400 },
	{ "body on GET", RAW(GET H "Content-Length: 2\r\n\r\n{}"), 400 },
	{ "length zero on GET", RAW(GET H "Content-Length: 0\r\n\r\n"), 400 },
	{ "body on DELETE", RAW("DELETE /v1/echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"), 400 },
	{ "body too large", RAW(POST "Content-Length: 65537\r\n\r\n"), 413 },
	/* line ends and characters */
	{ "bare LF everywhere", RAW("GET /v1/echo HTTP/1.1\nHost: lab\n\n"), 400 },
	{ "bare LF after the request line", RAW("GET /v1/echo HTTP/1.1\nHost: lab\r\n\r\n"), 400 },
	{ "bare LF between headers", RAW(GET "Host: lab\nX: 1\r\n\r\n"), 400 },
	{ "bare LF at the end", RAW(GET H "\n"), 400 },
	{ "bare CR in a value", RAW(GET H "X: a\rb\r\n\r\n"), 400 },
	{ "CR CR LF", RAW(GET H "X: a\r\r\n\r\n"), 400 },
	{ "NUL in a value", RAW(GET H "X: a\0b\r\n\r\n"), 400 },
	{ "NUL in a name", RAW(GET H "X\0: a\r\n\r\n"), 400 },
	{ "NUL in the target", RAW("GET /v1/echo\0x HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "control character", RAW(GET H "X: \001\r\n\r\n"), 400 },
	{ "DEL", RAW(GET H "X: \177\r\n\r\n"), 400 },
	{ "empty line first", RAW("\r\n" GET H "\r\n"), 400 },
	{ "blank first", RAW(" " GET H "\r\n"), 400 },
	/* request line */
	{ "two blanks", RAW("GET  /v1/echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "blank in the target", RAW("GET /v1/e cho HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "blank after the version", RAW("GET /v1/echo HTTP/1.1 \r\n" H "\r\n"), 400 },
	{ "tab as separator", RAW("GET\t/v1/echo\tHTTP/1.1\r\n" H "\r\n"), 400 },
	{ "HTTP/1.10", RAW("GET /v1/echo HTTP/1.10\r\n" H "\r\n"), 400 },
	{ "HTTP/1.2", RAW("GET /v1/echo HTTP/1.2\r\n" H "\r\n"), 505 },
	{ "HTTP/2.0", RAW("GET /v1/echo HTTP/2.0\r\n" H "\r\n"), 505 },
	{ "HTTP/01.1", RAW("GET /v1/echo HTTP/01.1\r\n" H "\r\n"), 400 },
	{ "http in small letters", RAW("GET /v1/echo http/1.1\r\n" H "\r\n"), 400 },
	{ "HTTP/0.9", RAW("GET /v1/echo\r\n\r\n"), 400 },
	{ "the preface of HTTP/2", RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ "method in small letters", RAW("get /v1/echo HTTP/1.1\r\n" H "\r\n"), 501 },
	{ "method unknown", RAW("BREW /v1/echo HTTP/1.1\r\n" H "\r\n"), 501 },
	{ "method with a bracket", RAW("G(T /v1/echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "TRACE", RAW("TRACE /v1/echo HTTP/1.1\r\n" H "\r\n"), 501 },
	{ "CONNECT", RAW("CONNECT lab:443 HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "absolute target", RAW("GET http://other/v1/echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "asterisk", RAW("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "no slash", RAW("GET v1/echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "two slashes first", RAW("GET //v1/echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "two slashes inside", RAW("GET /v1//echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "dot segment", RAW("GET /v1/./echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "dot dot segment", RAW("GET /v1/x/../echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "dot dot at the end", RAW("GET /v1/echo/.. HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%00", RAW("GET /v1/echo%00.jpg HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%00 in the query", RAW("GET /v1/echo?a=%00 HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%2f", RAW("GET /v1%2fecho HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%2e%2e", RAW("GET /v1/%2e%2E/echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%5c", RAW("GET /v1/%5cecho HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%0a", RAW("GET /v1/echo%0a HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "%zz", RAW("GET /v1/%zz HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "% cut short", RAW("GET /v1/echo%4 HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "not UTF-8", RAW("GET /v1/%ff HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "bytes beyond ASCII", RAW("GET /v1/\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "fragment", RAW("GET /v1/echo#x HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "backslash", RAW("GET /v1\\echo HTTP/1.1\r\n" H "\r\n"), 400 },
	{ "angle bracket", RAW("GET /v1/<echo> HTTP/1.1\r\n" H "\r\n"), 400 },
	/* headers */
	{ "no Host", RAW(GET "\r\n"), 400 },
	{ "two Hosts", RAW(GET H H "\r\n"), 400 },
	{ "empty Host", RAW(GET "Host:\r\n\r\n"), 400 },
	{ "Host with a blank", RAW(GET "Host: a b\r\n\r\n"), 400 },
	{ "Host with a path", RAW(GET "Host: a/b\r\n\r\n"), 400 },
	{ "Host list", RAW(GET "Host: a,b\r\n\r\n"), 400 },
	{ "folded by blank", RAW(GET H "X: a\r\n b\r\n\r\n"), 400 },
	{ "folded by tab", RAW(GET H "X: a\r\n\tb\r\n\r\n"), 400 },
	{ "first header folded", RAW(GET " Host: lab\r\n\r\n"), 400 },
	{ "no name", RAW(GET H ": a\r\n\r\n"), 400 },
	{ "no colon", RAW(GET H "X\r\n\r\n"), 400 },
	{ "blank in the name", RAW(GET H "X Y: a\r\n\r\n"), 400 },
	{ "bracket in the name", RAW(GET H "X(: a\r\n\r\n"), 400 },
	{ "two Authorizations", RAW(GET H "Authorization: Bearer " TOKEN "\r\nAuthorization: Bearer " TOKEN "\r\n\r\n"), 400 },
	{ "two Content-Types", RAW(POST "Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n"), 400 },
	{ "two keys", RAW(POST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n"), 400 },
	{ "two If-Matches", RAW(POST "If-Match: \"1\"\r\nIf-Match: \"2\"\r\n\r\n"), 400 },
	{ "empty key", RAW(POST "Idempotency-Key:\r\n\r\n"), 400 },
	{ "key with a blank", RAW(POST "Idempotency-Key: a b\r\n\r\n"), 400 },
	{ "key beyond ASCII", RAW(POST "Idempotency-Key: \xc3\xa9\r\n\r\n"), 400 },
	{ "If-Match without quotes", RAW(POST "If-Match: 1\r\n\r\n"), 400 },
	{ "If-Match weak", RAW(POST "If-Match: W/\"1\"\r\n\r\n"), 400 },
	{ "If-Match list", RAW(POST "If-Match: \"1\", \"2\"\r\n\r\n"), 400 },
	{ "If-Match asterisk", RAW(POST "If-Match: *\r\n\r\n"), 400 },
	{ "Expect", RAW(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"), 417 },
	{ "Upgrade", RAW(GET H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), 400 },
	{ "Upgrade alone", RAW(GET H "Upgrade: websocket\r\n\r\n"), 400 },
	{ "Connection names a header", RAW(GET H "Connection: close, authorization\r\n\r\n"), 400 },
	{ "a TLS hello in clear", RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400 },
};

static const struct { const char *name, *bytes; size_t n; int status, handed_over; } accepted[] = {
	{ "GET", RAW(GET H "\r\n"), 200, 1 },
	{ "POST with a body", RAW(POST "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"), 200, 1 },
	{ "POST without a body", RAW(POST "\r\n"), 200, 1 },
	{ "type with charset", RAW(POST "Content-Type: application/json; charset=UTF-8\r\nContent-Length: 2\r\n\r\n{}"), 200, 1 },
	{ "header names in any case", RAW(GET "hOST: lab\r\nCONNECTION: Keep-Alive\r\n\r\n"), 200, 1 },
	{ "value beyond ASCII", RAW(GET H "X: \xc3\xa9\r\n\r\n"), 200, 1 },
	{ "%XX in the path", RAW("GET /v1/%65cho?a=%2f%2e HTTP/1.1\r\n" H "\r\n"), 200, 1 },
	{ "DELETE", RAW("DELETE /v1/echo HTTP/1.1\r\n" H "If-Match: \"3\"\r\n\r\n"), 200, 1 },
	{ "two in one piece", RAW(GET H "\r\n" GET H "\r\n"), 200, 2 },
	{ "no such route", RAW("GET /v1/none HTTP/1.1\r\n" H "\r\n"), 404, 0 },
	{ "slash at the end", RAW("GET /v1/echo/ HTTP/1.1\r\n" H "\r\n"), 404, 0 },
	{ "method of no use here", RAW("PUT /v1/echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"), 405, 0 },
	{ "PATCH of no use here", RAW("PATCH /v1/echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"), 405, 0 },
	{ "form instead of JSON", RAW(POST "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n\r\n{}"), 415, 0 },
	{ "not a token", RAW(GET H "Authorization: Bearer lt_user_x\r\n\r\n"), 401, 0 },
	{ "token with a wrong checksum", RAW(GET H "Authorization: Bearer " TOKEN "\r\n\r\n"), 401, 0 },
	{ "another scheme", RAW(GET H "Authorization: Basic YTpi\r\n\r\n"), 401, 0 },
};

static void check_refused(struct rig *r, struct client *c, const char *name, const char *bytes, size_t n, int status)
{
	char *both = malloc(n + sizeof(SECOND));
	int before = r->requests;

	assert_non_null(both);
	memcpy(both, bytes, n);
	memcpy(both + n, SECOND, sizeof(SECOND) - 1);
	client_send(c, both, n + sizeof(SECOND) - 1);
	free(both);
	if (!rig_until(r, c, has_eof, 0, 5000))
		fail_msg("%s: not closed", name);
	if (client_status(c, 0) != status || client_answers(c) != 1)
		fail_msg("%s: %d answers, the first %d instead of %d", name, client_answers(c), client_status(c, 0), status);
	if (r->requests != before)
		fail_msg("%s: the ledger was given %s", name, r->last_path);
	assert_true(client_saw(c, "Connection: close"));
	assert_true(client_saw(c, "application/problem+json"));
	client_free(c);
}

static void refuses_all(void **state)
{
	struct rig r;
	size_t i;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		check_refused(&r, client_unix(&r), refused[i].name, refused[i].bytes, refused[i].n, refused[i].status);
		check_refused(&r, client_tls(&r), refused[i].name, refused[i].bytes, refused[i].n, refused[i].status);
	}
	assert_true(i >= 57);
	assert_null(strstr(r.seen_paths, "/v1/full"));
	rig_stop(&r);
}

static void check_accepted(struct rig *r, struct client *c, size_t i)
{
	int before = r->requests, wait_for = accepted[i].handed_over > 1 ? accepted[i].handed_over : 1;

	client_send(c, accepted[i].bytes, accepted[i].n);
	if (!rig_until(r, c, has_answers, wait_for, 5000) || client_status(c, 0) != accepted[i].status)
		fail_msg("%s: %d instead of %d", accepted[i].name, client_status(c, 0), accepted[i].status);
	if (r->requests - before != accepted[i].handed_over)
		fail_msg("%s: %d handed over", accepted[i].name, r->requests - before);
	/* The connection is sound and goes on. */
	assert_int_equal(client_ask(c, SECOND), 201);
	client_free(c);
}

static void accepts_what_is_sound(void **state)
{
	struct rig r;
	size_t i;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		check_accepted(&r, client_unix(&r), i);
		check_accepted(&r, client_tls(&r), i);
	}
	rig_stop(&r);
}

/* The same bytes one by one must mean the same. */
static void reads_byte_by_byte(void **state)
{
	struct rig r;
	size_t i, k;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i += 3) {
		struct client *c = client_unix(&r);
		int before = r.requests;
		for (k = 0; k < refused[i].n && !c->eof; k++) {
			client_send(c, refused[i].bytes + k, 1);
			rig_pump(&r);
			client_step(c);
		}
		assert_true(rig_until(&r, c, has_eof, 0, 5000));
		if (client_status(c, 0) != refused[i].status)
			fail_msg("%s: %d instead of %d", refused[i].name, client_status(c, 0), refused[i].status);
		assert_int_equal(r.requests, before);
		client_free(c);
	}
	for (i = 0; i < 8; i++) {
		struct client *c = client_unix(&r);
		for (k = 0; k < accepted[i].n; k++) {
			client_send(c, accepted[i].bytes + k, 1);
			rig_pump(&r);
		}
		assert_true(rig_until(&r, c, has_answers, 1, 5000));
		assert_int_equal(client_status(c, 0), accepted[i].status);
		client_free(c);
	}
	rig_stop(&r);
}

static int ask_sized(struct rig *r, size_t uri, int headers, size_t value)
{
	struct client *c = client_unix(r);
	size_t size = uri + (size_t)headers * 16 + value + 256, n;
	char *q = malloc(size);
	int i, status;

	assert_non_null(q);
	n = (size_t)snprintf(q, size, "GET /v1/echo?");
	memset(q + n, 'a', uri - 9);
	n += uri - 9;
	n += (size_t)snprintf(q + n, size - n, " HTTP/1.1\r\nHost: lab\r\n");
	for (i = 1; i < headers; i++)
		n += (size_t)snprintf(q + n, size - n, "X-%d: %d\r\n", i, i);
	if (value > 0) {
		n += (size_t)snprintf(q + n, size - n, "Y: ");
		memset(q + n, 'b', value);
		n += value;
		n += (size_t)snprintf(q + n, size - n, "\r\n");
	}
	snprintf(q + n, size - n, "\r\n");
	status = client_ask(c, q);
	free(q);
	client_free(c);
	return status;
}

static void keeps_its_limits(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(ask_sized(&r, 2048, 1, 0), 200);
	assert_int_equal(ask_sized(&r, 2049, 1, 0), 414);
	assert_int_equal(ask_sized(&r, 7000, 1, 0), 414);
	assert_int_equal(ask_sized(&r, 64, 48, 0), 200);
	assert_int_equal(ask_sized(&r, 64, 49, 0), 431);
	/* "GET " + target + " HTTP/1.1 CR LF" + Host + "Y: " ... + CR LF + empty line = 8192. */
	assert_int_equal(ask_sized(&r, 64, 1, 8192 - 4 - 64 - 11 - 11 - 5 - 2), 200);
	assert_int_equal(ask_sized(&r, 64, 1, 8192 - 4 - 64 - 11 - 11 - 5 - 1), 431);
	assert_int_equal(ask_sized(&r, 64, 1, 100000), 431);
	rig_stop(&r);
}

static void carries_a_full_body(void **state)
{
	struct rig r;
	struct client *c;
	char *body = malloc(65536);
	int i;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 65536);
	rig_start(&r, NULL);
	for (i = 0; i < 2; i++) {
		c = i ? client_tls(&r) : client_unix(&r);
		client_text(c, POST "Content-Length: 65536\r\n\r\n");
		client_send(c, body, 65536);
		assert_true(rig_until(&r, c, has_answers, 1, 5000));
		assert_int_equal(client_status(c, 0), 200);
		assert_true(c->n > 65536 && c->in[c->n - 1] == 'x');
		assert_int_equal(client_ask(c, SECOND), 201);
		client_free(c);
	}
	free(body);
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_all),
		cmocka_unit_test(accepts_what_is_sound),
		cmocka_unit_test(reads_byte_by_byte),
		cmocka_unit_test(keeps_its_limits),
		cmocka_unit_test(carries_a_full_body),
	};

	return cmocka_run_group_tests_name("net_lint", tests, NULL, NULL);
}
