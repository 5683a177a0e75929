/* test_net.c - the fence on real sockets: answers, order, admission, deadlines, slow readers, descriptors, stopping. */
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

#define ECHO "GET /v1/echo HTTP/1.1\r\nHost: lab\r\n\r\n"
#define HOLD "GET /v1/hold HTTP/1.1\r\nHost: lab\r\n\r\n"
#define PAGE(p) "GET " p " HTTP/1.1\r\nHost: lab\r\n\r\n"

static void text_of_token(char dst[LT_TOKEN_TEXT], int i)
{
	struct lt_token t = { .kind = "user" };

	snprintf(t.public_id, sizeof(t.public_id), "tok%05d", i);
	memset(t.secret, i, sizeof(t.secret));
	lt_token_text(dst, &t);
}

static void request_with(char dst[512], const char *path, int token)
{
	char text[LT_TOKEN_TEXT];

	text_of_token(text, token);
	snprintf(dst, 512, "GET %s HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer %s\r\n\r\n", path, text);
}

/* ---- what crosses ---- */

static void hands_over_what_was_sent(void **state)
{
	struct rig r;
	struct client *c;
	char text[LT_TOKEN_TEXT], q[1024];

	(void)state;
	rig_start(&r, NULL);
	text_of_token(text, 7);
	snprintf(q, sizeof(q), "POST /v1/%%65cho?a=1&b=%%20 HTTP/1.1\r\nHost: lab\r\nAuthorization: bearer %s\r\nIdempotency-Key: k-1\r\n"
		 "If-Match: \"42\"\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}", text);
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
		"\r\nLocation: /v1/bookings/B-1__X-Evil: 1\r\n", "\r\nContent-Disposition: attachment; filename=\"a_b.csv\"\r\n",
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

static bool is_quiet(struct rig *r, struct client *c, int64_t arg)
{
	(void)c, (void)arg;
	return net_idle(r->net);
}

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

/* ---- admission ---- */

static void strangers_share_an_eighth(void **state)
{
	const struct net_options o = { .max_in_flight = 16 };
	struct client *c[20];
	struct rig r;
	char q[512];
	int i;

	(void)state;
	rig_start(&r, &o);
	for (i = 0; i < 3; i++) {
		c[i] = client_tls(&r);
		request_with(q, "/v1/hold", 100 + i);
		client_text(c[i], q);
		assert_true(rig_until(&r, c[i], i < 2 ? has_held : has_answers, i < 2 ? i + 1 : 1, 5000));
	}
	assert_int_equal(client_status(c[2], 0), 503);
	assert_true(client_saw(c[2], "Retry-After: 1\r\n"));
	/* The Unix socket's strangers have an eighth of their own. */
	c[3] = client_unix(&r);
	assert_int_equal(client_ask(c[3], ECHO), 200);
	rig_release(&r);
	/* The ledger has answered token 100: it may use all places now. */
	for (i = 4; i < 20; i++) {
		c[i] = client_tls(&r);
		request_with(q, "/v1/hold", 100);
		client_text(c[i], q);
		assert_true(rig_until(&r, c[i], has_held, i - 3, 5000));
	}
	assert_int_equal(client_ask(c[3], ECHO), 503);
	rig_release(&r);
	assert_int_equal(client_ask(c[3], ECHO), 200);
	for (i = 0; i < 20; i++)
		client_free(c[i]);
	rig_stop(&r);
}

static void buckets_say_when(void **state)
{
	const struct net_options o = { .token_rate = 1, .peer_rate = 4 };
	struct client *c;
	struct rig r;
	char q[512];
	int i;

	(void)state;
	rig_start(&r, &o);
	c = client_tls(&r);                /* costs 4 of the peer's 8 */
	request_with(q, "/v1/echo", 1);
	assert_int_equal(client_ask(c, q), 200);
	assert_int_equal(client_ask(c, q), 200);
	assert_int_equal(client_ask(c, q), 429);   /* the token's two are gone */
	assert_true(client_saw(c, "Retry-After: "));
	for (i = 0; i < 3 && client_ask(c, ECHO) == 200; i++)
		;
	assert_true(i < 3);                /* the peer's are gone too */
	client_free(c);
	c = client_unix(&r);               /* the daemon's own uid has no peer limit */
	for (i = 0; i < 20; i++)
		assert_int_equal(client_ask(c, ECHO), 200);
	client_free(c);
	rig_stop(&r);
}

static void cap_is_exact_and_idle_ones_make_room(void **state)
{
	const struct net_options o = { .max_connections = 8 };
	struct client *c[9];
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, &o);
	for (i = 0; i < 8; i++) {
		c[i] = client_unix(&r);
		assert_int_equal(client_ask(c[i], ECHO), 200);
	}
	c[8] = client_unix(&r);
	assert_int_equal(client_ask(c[8], ECHO), 200);
	assert_true(rig_until(&r, c[0], has_eof, 0, 5000));   /* the longest idle has made room */
	client_free(c[0]);
	for (i = 1; i < 9; i++) {
		client_text(c[i], "GET /v1/echo HTTP/1.1\r\n");   /* no longer idle */
		rig_pump(&r);
	}
	c[0] = client_unix(&r);
	client_text(c[0], ECHO);
	assert_false(rig_until(&r, c[0], has_answers, 1, 50));
	client_free(c[1]);
	assert_true(rig_until(&r, c[0], has_answers, 1, 5000));
	assert_int_equal(client_status(c[0], 0), 200);
	client_free(c[0]);
	for (i = 2; i < 9; i++)
		client_free(c[i]);
	rig_stop(&r);
}

/* ---- deadlines ---- */

struct drip { struct client *c; const char *bytes; size_t at, n; int64_t next, closed_at; };

static void drip_step(struct drip *d, int64_t now)
{
	client_step(d->c);
	if (d->c->eof && !d->closed_at)
		d->closed_at = now;
	if (d->c->eof || now < d->next || d->at >= d->n)
		return;
	client_send(d->c, d->bytes + d->at++, 1);
	d->next = now + 15;
}

static void slow_ones_are_closed_at_the_deadline(void **state)
{
	static const char head[] = "GET /v1/echo HTTP/1.1\r\nHost: lab\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char body[] = "POST /v1/echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 2000\r\n\r\n{                                    ";
	const struct net_options o = { .deadline_ms = 300 };
	struct drip d[30];
	struct rig r;
	struct client *good;
	int64_t start, now;
	int i, open;

	(void)state;
	rig_start(&r, &o);
	good = client_tls(&r);
	start = clock_boot_ms();
	for (i = 0; i < 30; i++) {
		d[i] = (struct drip){ .c = i % 2 ? client_unix(&r) : i < 20 ? client_tls(&r) : client_tcp(&r) };
		if (i < 20) {
			d[i].bytes = i < 10 ? head : body;
			d[i].n = strlen(d[i].bytes);
			d[i].at = i < 10 ? 0 : strlen(body) - 36;
			client_send(d[i].c, d[i].bytes, d[i].at);
		}
	}
	do {
		rig_pump(&r);
		now = clock_boot_ms();
		for (i = open = 0; i < 30; i++) {
			drip_step(&d[i], now);
			open += !d[i].closed_at;
		}
		if (now - start < 250)
			assert_int_equal(client_ask(good, ECHO), 200);   /* bookings go on */
	} while (open > 0 && now < start + 5000);
	for (i = 0; i < 30; i++) {
		assert_true(d[i].closed_at > 0);
		assert_true(d[i].closed_at - start >= 290);
		assert_true(d[i].closed_at - start < 300 + (running_under_asan() ? 1500 : 500));
		client_free(d[i].c);
	}
	client_free(good);
	rig_stop(&r);
}

static void idle_is_closed_in_good_form(void **state)
{
	const struct net_options o = { .deadline_ms = 150, .idle_ms = 400 };
	struct rig r;
	struct client *c;
	int64_t answered_at;

	(void)state;
	rig_start(&r, &o);
	c = client_tls(&r);
	assert_int_equal(client_ask(c, ECHO), 200);
	assert_false(rig_until(&r, c, has_eof, 0, 200));    /* the request's deadline is not the idle one */
	assert_int_equal(client_ask(c, ECHO), 200);
	answered_at = clock_boot_ms();
	assert_true(rig_until(&r, c, has_eof, 0, 5000));
	assert_true(clock_boot_ms() - answered_at >= 390);
	assert_true(c->clean);
	client_free(c);
	rig_stop(&r);
}

/* ---- descriptors ---- */

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

static int64_t cpu_us(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void no_descriptors_no_spin(void **state)
{
	struct rlimit old, tight;
	struct loop_timer *stop;
	struct client *c, *busy;
	struct rig r;
	int64_t before;
	int lowest;

	(void)state;
	rig_start(&r, NULL);
	busy = client_unix(&r);
	assert_int_equal(client_ask(busy, ECHO), 200);
	c = client_unix(&r);               /* in the backlog; its descriptor here is open already */
	lowest = dup(0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	stop = loop_timer_new(r.loop, LOOP_CONTROL, stop_loop, r.loop);
	assert_non_null(stop);
	loop_timer_after(stop, 1000);
	before = cpu_us();
	assert_int_equal(loop_run(r.loop), 0);
	assert_true(cpu_us() - before < 50000);              /* 5 % of a second */
	assert_int_equal(client_ask(busy, ECHO), 200);       /* those who are in are served */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	before = clock_boot_ms();
	assert_int_equal(client_ask(c, ECHO), 200);
	assert_true(clock_boot_ms() - before < 1000);
	loop_timer_free(stop);
	client_free(busy);
	client_free(c);
	rig_stop(&r);
}

/* ---- the socket file ---- */

static void unix_socket_is_taken_with_care(void **state)
{
	struct net_options o;
	struct lt_err err = { 0 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char path[96], lengthy[200];
	struct rig r;
	FILE *f;
	int fd;

	(void)state;
	rig_start(&r, NULL);
	o = r.o;
	o.tls_address = NULL;
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "in-use");
	snprintf(path, sizeof(path), "%s/other", r.dir);
	o.unix_path = path;
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "not-a-socket");
	unlink(path);
	/* A daemon that was killed leaves its file. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
	net_free(net_new(r.loop, &o, &err));
	assert_int_equal(access(path, F_OK), -1);            /* taken over, and removed at the end */
	memset(lengthy, 'x', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	o.unix_path = lengthy;
	assert_null(net_new(r.loop, &o, &err));
	assert_string_equal(err.code, "path-too-long");
	rig_stop(&r);
}

/* ---- health, self-test, stopping ---- */

static size_t some_lines(void *arg, char *dst, size_t cap)
{
	(void)arg;
	return (size_t)snprintf(dst, cap, "labtime_polls_total 5\n");
}

static void health_says_what_is(void **state)
{
	struct msg_turn t = { .ready = true, .turns = 12345 };
	struct rig r;
	struct client *c;

	(void)state;
	rig_start(&r, NULL);
	c = client_tls(&r);
	assert_int_equal(client_ask(c, PAGE("/livez")), 200);
	assert_int_equal(client_ask(c, PAGE("/readyz")), 503);
	t.ready = false;
	net_health(r.net, &t);
	assert_int_equal(client_ask(c, PAGE("/readyz")), 503);
	t.ready = true;
	net_health(r.net, &t);
	assert_int_equal(client_ask(c, PAGE("/readyz")), 200);
	t.read_only = true;
	net_health(r.net, &t);
	assert_int_equal(client_ask(c, PAGE("/readyz")), 503);
	assert_int_equal(client_ask(c, "POST /livez HTTP/1.1\r\nHost: lab\r\n\r\n"), 405);
	net_metrics_source(r.net, some_lines, NULL);
	assert_int_equal(client_ask(c, PAGE("/metrics")), 200);
	assert_true(client_saw(c, "\nlabtime_turns_total 12345\n"));
	assert_true(client_saw(c, "\nlabtime_read_only 1\n"));
	assert_true(client_saw(c, "\nlabtime_http_connections 1\n"));
	assert_true(client_saw(c, "\nlabtime_polls_total 5\n"));
	assert_int_equal(r.requests, 0);
	client_free(c);
	rig_stop(&r);
}

static void tests_itself(void **state)
{
	struct lt_err err = { 0 };
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(net_self_test(r.net, &err), 0);
	assert_int_equal(r.requests, 0);
	rig_stop(&r);
}

static void stops_in_order(void **state)
{
	struct rig r;
	struct client *held, *idle, *late;

	(void)state;
	rig_start(&r, NULL);
	held = client_tls(&r);
	client_text(held, HOLD);
	assert_true(rig_until(&r, held, has_held, 1, 5000));
	idle = client_tls(&r);
	assert_int_equal(client_ask(idle, ECHO), 200);
	late = client_unix(&r);
	client_text(late, "GET /v1/echo HTTP/1.1\r\n");
	rig_until(&r, late, has_answers, 1, 20);
	net_close_listeners(r.net);
	assert_int_equal(access(r.unix_path, F_OK), -1);
	assert_true(rig_until(&r, idle, has_eof, 0, 5000));
	assert_true(idle->clean);
	assert_int_equal(client_ask(late, "Host: lab\r\n\r\n"), 503);
	assert_false(net_idle(r.net));
	rig_release(&r);
	assert_true(rig_until(&r, held, has_eof, 0, 5000));
	assert_int_equal(client_status(held, 0), 200);
	assert_true(client_saw(held, "Connection: close\r\n"));
	assert_true(held->clean);
	assert_true(rig_until(&r, NULL, is_quiet, 0, 5000));
	client_free(held);
	client_free(idle);
	client_free(late);
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
		cmocka_unit_test(strangers_share_an_eighth),
		cmocka_unit_test(buckets_say_when),
		cmocka_unit_test(cap_is_exact_and_idle_ones_make_room),
		cmocka_unit_test(slow_ones_are_closed_at_the_deadline),
		cmocka_unit_test(idle_is_closed_in_good_form),
		cmocka_unit_test(no_descriptors_no_spin),
		cmocka_unit_test(unix_socket_is_taken_with_care),
		cmocka_unit_test(health_says_what_is),
		cmocka_unit_test(tests_itself),
		cmocka_unit_test(stops_in_order),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
