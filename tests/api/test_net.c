/* test_net.c - the fence on real sockets: answers, their order, streams, slow readers, who is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "net_rig.h"

/* ---- what crosses ---- */

static void hands_over_what_was_sent(void **state)
{
	struct rig r;
	struct client *c;
	char text[LT_TOKEN_TEXT], q[1024];

	(void)state;
	rig_start(&r, NULL);
	rig_token(text, 7);
	snprintf(q, sizeof(q), "POST /v1/%%65cho?a=1&b=%%20 HTTP/1.1\r\nHost: lab\r\nAuthorization: bearer "
		"%s\r\nIdempotency-Key: k-1\r\nIf-Match: \"42\"\r\nContent-Type: application/json\r\nContent-Length: "
		"7\r\n\r\n{\"a\":1}", text);
	c = client_unix(&r);
	assert_int_equal(client_ask(c, q), 200);
	assert_true(client_saw(c, "\r\n\r\nPOST /v1/echo ?a=1&b=%20 key=k-1 match=42 token=tok00007 body={\"a\":1}"));
	assert_int_equal(r.last_peer.kind, PEER_UNIX);
	assert_int_equal(r.last_peer.uid, geteuid());
	client_free(c);
	c = client_tls(&r);
	assert_int_equal(client_ask(c, q), 200);
	assert_int_equal(r.last_peer.kind, PEER_TLS);
	client_free(c);
	rig_stop(&r);
}

static void answers_with_every_header(void **state)
{
	static const char *const lines[] = {
		"HTTP/1.1 201 Created\r\n", "\r\nDate: ", " GMT\r\n", "\r\nContent-Type: application/json\r\n",
		"\r\nCache-Control: no-store\r\n", "\r\nX-Content-Type-Options: nosniff\r\n", "\r\nETag: \"7\"\r\n",
		"\r\nLocation: /v1/bookings/B-1__X-Evil: 1\r\n",
		"\r\nContent-Disposition: attachment; filename=\"a_b.csv\"\r\n",
		"\r\nRetry-After: 3\r\n", "\r\nIdempotency-Replayed: true\r\n", "\r\nContent-Length: 2\r\n\r\n{}",
	};
	struct rig r;
	struct client *c;
	size_t i;

	(void)state;
	rig_start(&r, NULL);
	c = client_unix(&r);
	assert_int_equal(client_ask(c, PAGE("/v1/full")), 201);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!client_saw(c, lines[i]))
			fail_msg("no %s in %s", lines[i], c->in);
	assert_int_equal(client_ask(c, PAGE("/v1/denied")), 401);
	assert_true(client_saw(c, "WWW-Authenticate: Bearer\r\n"));
	assert_int_equal(client_ask(c, "PATCH /v1/echo HTTP/1.1\r\nHost: lab\r\n\r\n"), 405);
	assert_true(client_saw(c, "Allow: GET, POST, DELETE\r\n"));
	client_free(c);
	rig_stop(&r);
}

static void head_has_no_body(void **state)
{
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, NULL);
	c = client_unix(&r);
	client_text(c, "HEAD /v1/echo HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
	assert_true(rig_until(&r, c, has_eof, 0, 5000));
	assert_true(client_saw(c, "HTTP/1.1 405 "));
	assert_memory_equal(c->in + c->n - 4, "\r\n\r\n", 4);
	client_free(c);
	rig_stop(&r);
}

static void pipelined_answers_keep_their_order(void **state)
{
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, NULL);
	c = client_tls(&r);
	client_text(c, HOLD PAGE("/v1/full") PAGE("/livez") PAGE("/v1/none"));
	assert_true(rig_until(&r, c, has_held, 1, 5000));
	assert_false(rig_until(&r, c, has_answers, 1, 50));
	assert_int_equal(r.requests, 1);   /* the second waits for the first's answer */
	rig_release(&r);
	assert_true(rig_until(&r, c, has_answers, 4, 5000));
	assert_int_equal(client_status(c, 0), 200);
	assert_int_equal(client_status(c, 1), 201);
	assert_int_equal(client_status(c, 2), 200);
	assert_int_equal(client_status(c, 3), 404);
	client_free(c);
	rig_stop(&r);
}

static void half_closed_gets_its_answers(void **state)
{
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, NULL);
	c = client_unix(&r);
	client_text(c, HOLD ECHO);
	shutdown(c->fd, SHUT_WR);
	assert_true(rig_until(&r, c, has_held, 1, 5000));
	rig_release(&r);
	assert_true(rig_until(&r, c, has_eof, 0, 5000));
	assert_int_equal(client_answers(c), 2);
	client_free(c);
	rig_stop(&r);
}

static void http10_closes(void **state)
{
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, NULL);
	c = client_unix(&r);
	client_text(c, "GET /v1/stream?100000 HTTP/1.0\r\n\r\n");
	assert_true(rig_until(&r, c, has_eof, 0, 5000));
	assert_false(client_saw(c, "chunked"));
	assert_true(client_saw(c, "Connection: close\r\n\r\nhead\naaaa"));
	assert_true(c->n > 100000);
	client_free(c);
	rig_stop(&r);
}

/* ---- streams ---- */

static int64_t chunked_bytes(const struct client *c)
{
	const char *p = (const char *)memmem(c->in, c->n, "\r\n\r\n", 4) + 4;
	int64_t total = 0;

	for (;;) {
		char *end;
		int64_t n = (int64_t)strtoul(p, &end, 16);
		assert_memory_equal(end, "\r\n", 2);
		if (n == 0)
			return total;
		total += n;
		p = end + 2 + n;
		assert_memory_equal(p, "\r\n", 2);
		p += 2;
	}
}

static void streams_whole_files(void **state)
{
	static const int64_t sizes[] = { 0, 1, 65536, 65537, 20000000 };
	struct rig r;
	size_t i;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct client *c = i % 2 ? client_tls(&r) : client_unix(&r);
		char q[128];
		snprintf(q, sizeof(q), "GET /v1/stream?%lld HTTP/1.1\r\nHost: lab\r\n\r\n", (long long)sizes[i / 2]);
		client_text(c, q);
		assert_true(rig_until(&r, c, has_answers, 1, 20000));
		assert_int_equal(client_status(c, 0), 200);
		assert_int_equal(chunked_bytes(c), 5 + sizes[i / 2]);
		assert_int_equal(client_ask(c, ECHO), 200);
		client_free(c);
	}
	rig_stop(&r);
}

static void broken_stream_is_seen(void **state)
{
	struct rig r;
	struct client *c;
	int i;

	(void)state;
	rig_start(&r, NULL);
	for (i = 0; i < 2; i++) {
		c = i ? client_tls(&r) : client_unix(&r);
		client_text(c, PAGE("/v1/broken?1000000"));
		assert_true(rig_until(&r, c, has_eof, 0, 5000));
		assert_false(c->clean);
		assert_int_equal(client_answers(c), 0);  /* no last chunk: not whole */
		client_free(c);
	}
	assert_int_equal(r.gone, 0);
	rig_stop(&r);
}

static int64_t resident(void)
{
	char line[256];
	long pages = 0, total = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(sscanf(line, "%ld %ld", &total, &pages), 2);
	fclose(f);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void stalled_reader_is_bounded_and_cut(void **state)
{
	const struct net_options o = { .window_ms = 400 };
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, &o);
	for (i = 0; i < 2; i++) {
		struct client *c = i ? client_tls(&r) : client_unix(&r);
		int64_t before = resident(), given = r.streamed;
		c->frozen = true;
		client_text(c, PAGE("/v1/stream?200000000"));
		assert_true(rig_until(&r, c, has_gone, i + 1, 10000));
		/* What was produced fits in the two kernels' socket buffers, 128 KiB and a slice. */
		assert_true(r.streamed - given < 16000000);
		if (!running_under_asan())
			assert_true(resident() - before < 8000000);
		client_free(c);
	}
	rig_stop(&r);
}

static bool has_streamed(struct rig *r, struct client *c, int64_t n)
{
	if (c->n > 300000)
		c->n = 0; /* this reader keeps nothing */
	return r->streamed >= n || c->eof;
}

static void steady_reader_is_not_cut(void **state)
{
	const struct net_options o = { .window_ms = 100 };
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, &o);
	c = client_tls(&r);
	client_text(c, PAGE("/v1/stream?200000000"));
	assert_true(rig_until(&r, c, has_streamed, 200000000, 60000));
	assert_false(c->eof);
	assert_int_equal(r.gone, 0);
	client_free(c);
	rig_stop(&r);
}

/* ---- who is gone ---- */

static void late_reply_finds_nobody(void **state)
{
	struct rig r;
	struct client *c, *other;

	(void)state;
	rig_start(&r, NULL);
	c = client_tls(&r);
	client_text(c, HOLD);
	assert_true(rig_until(&r, c, has_held, 1, 5000));
	client_free(c);
	assert_true(rig_until(&r, NULL, has_gone, 1, 5000));
	assert_false(net_idle(r.net));     /* its place is reserved until the ledger has spoken */
	other = client_tls(&r);
	assert_int_equal(client_ask(other, PAGE("/v1/full")), 201);
	rig_release(&r);
	assert_true(rig_until(&r, other, is_quiet, 0, 5000));
	assert_false(rig_until(&r, other, has_answers, 2, 50));
	client_free(other);
	rig_stop(&r);
}

static void late_stream_is_called_off(void **state)
{
	struct rig r;
	struct client *c;
	struct msg_reply *m;
	struct conn_ref ref;

	(void)state;
	rig_start(&r, NULL);
	c = client_unix(&r);
	client_text(c, HOLD);
	assert_true(rig_until(&r, c, has_held, 1, 5000));
	ref = r.held[0]->conn;
	shutdown(c->fd, SHUT_RDWR);
	client_free(c);
	rig_until(&r, NULL, has_gone, 1, 100);
	m = msg_new(MSG_REPLY, sizeof(*m));
	assert_non_null(m);
	m->conn = ref;
	m->status = 200;
	m->streamed = true;
	m->body = calloc(1, 100000);
	m->body_size = 100000;
	net_message(r.net, &m->head);
	assert_true(rig_until(&r, NULL, has_gone, 1, 5000));
	assert_true(rig_until(&r, NULL, is_quiet, 0, 5000));
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_over_what_was_sent),
		cmocka_unit_test(answers_with_every_header),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(pipelined_answers_keep_their_order),
		cmocka_unit_test(half_closed_gets_its_answers),
		cmocka_unit_test(http10_closes),
		cmocka_unit_test(streams_whole_files),
		cmocka_unit_test(broken_stream_is_seen),
		cmocka_unit_test(stalled_reader_is_bounded_and_cut),
		cmocka_unit_test(steady_reader_is_not_cut),
		cmocka_unit_test(late_reply_finds_nobody),
		cmocka_unit_test(late_stream_is_called_off),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
