/*
 * test_net_chaos.c - clients that do anything at any moment: connect, send pieces, pipeline, ask for streams, stop
 * reading, half-close, reset, vanish; the ledger answers late and in any order, and once in a while breaks a stream.
 *
 * Afterwards nothing may be left: no connection, no request in flight, no stream that the ledger still feeds. Under
 * the sanitizers this is the test of the life of a connection. A seed is printed; test_net_chaos SEED plays it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "net_rig.h"

enum { CLIENTS = 24, STEPS = 6000 };

static uint64_t state, first_seed = 1;

static int any(int below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int)((state >> 16) % (uint64_t)below);
}

static const char *const texts[] = {
	"GET /v1/echo HTTP/1.1\r\nHost: lab\r\n\r\n",
	"POST /v1/echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\n\r\n",
	"{\"a\"}",
	"GET /v1/hold HTTP/1.1\r\nHost: lab\r\n\r\n",
	"GET /v1/hold HTTP/1.1\r\nHost: lab\r\n\r\n",
	"GET /v1/stream?400000 HTTP/1.1\r\nHost: lab\r\n\r\n",
	"GET /v1/broken?400000 HTTP/1.1\r\nHost: lab\r\n\r\n",
	"GET /v1/full HTTP/1.0\r\n\r\n",
	"GET /v1/denied HTTP/1.1\r\nHost: lab\r\n",
	"Connection: close\r\n\r\n",
	"\r\n",
	"GET /livez HTTP/1.1\r\nHost: lab\r\n\r\nGET /metrics HTTP/1.1\r\nHost: lab\r\n\r\nGET /v1/none HTTP/1.1\r\nHost: lab\r\n\r\n",
};

static void say_something(struct client *c)
{
	const char *t = texts[any(sizeof(texts) / sizeof(texts[0]))];
	size_t n = strlen(t);

	if (c->failed || c->eof)
		return;
	if (any(4) == 0)
		n = 1 + (size_t)any((int)n);
	if (c->ssl)
		SSL_write(c->ssl, t, (int)n);
	else
		send(c->fd, t, n, MSG_NOSIGNAL);
}

static void reset(struct client *c)
{
	const struct linger now = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	client_free(c);
}

static struct client *appear(struct rig *r)
{
	int kind = any(8);

	if (kind < 4)
		return client_unix(r);
	return kind < 7 ? client_tls(r) : client_tcp(r);
}

static void act(struct rig *r, struct client **c)
{
	int what = any(20);

	if (!*c) {
		*c = appear(r);
	} else if (what < 12) {
		say_something(*c);
	} else if (what == 12) {
		(*c)->frozen = !(*c)->frozen;
	} else if (what == 13) {
		shutdown((*c)->fd, SHUT_WR);
	} else if (what == 14) {
		reset(*c);
		*c = NULL;
	} else if (what == 15 || (*c)->eof) {
		client_free(*c);
		*c = NULL;
	} else {
		client_step(*c);
		(*c)->n = 0;
	}
	if (r->n_held > 50 || any(30) == 0)
		rig_release(r);
	rig_pump(r);
}

static bool is_empty(struct rig *r, struct client *c, int64_t arg)
{
	int i;

	(void)c, (void)arg;
	rig_release(r);   /* what clients had sent before they vanished may still be handed over */
	for (i = 0; i < 64; i++)
		if (r->streams[i].open)
			return false;
	return net_idle(r->net) && net_connections(r->net) == 0;
}

static void run(uint64_t seed)
{
	const struct net_options o = {
		.max_connections = 20, .max_in_flight = 40, .deadline_ms = 60, .idle_ms = 40, .window_ms = 60,
		.peer_rate = -1, .token_rate = -1,
	};
	struct client *c[CLIENTS] = { NULL };
	struct rig r;
	int i;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	rig_start(&r, &o);
	for (i = 0; i < STEPS; i++)
		act(&r, &c[any(CLIENTS)]);
	for (i = 0; i < CLIENTS; i++)
		if (c[i])
			client_free(c[i]);
	if (!rig_until(&r, NULL, is_empty, 0, 10000))
		fail_msg("seed %llu: %d connections left", (unsigned long long)seed, net_connections(r.net));
	i = r.requests;
	assert_true(i > 100);
	rig_stop(&r);
}

static void nothing_is_left(void **unused)
{
	uint64_t seed;

	(void)unused;
	for (seed = first_seed; seed < first_seed + 4; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		run(seed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_left) };

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("net_chaos", tests, NULL, NULL);
}
