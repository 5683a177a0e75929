/* test_net_limits.c - the fence on real sockets: admission, deadlines, descriptors, the socket file, health,
 * stopping. */
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
		rig_request(q, "/v1/hold", 100 + i);
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
		rig_request(q, "/v1/hold", 100);
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
	rig_request(q, "/v1/echo", 1);
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
	static const char head[] = "GET /v1/echo HTTP/1.1\r\nHost: lab\r\nX-A: "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char body[] = "POST /v1/echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 2000\r\n\r\n{                   "
		"                 ";
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
	} while (open > 0 && now < start + 20000);
	for (i = 0; i < 30; i++) {
		assert_true(d[i].closed_at > 0);
		assert_true(d[i].closed_at - start >= 290);
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
	assert_true(cpu_us() - before < 250000);             /* a spin takes the whole second */
	assert_int_equal(client_ask(busy, ECHO), 200);       /* those who are in are served */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(client_ask(c, ECHO), 200);          /* and the listener woke up again */
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

	return cmocka_run_group_tests_name("net limits", tests, NULL, NULL);
}
