/*
 * net.c - puts the HTTP side together: options, slots, listeners, certificate, self-test.
 *
 * Owns all memory of the room that lives as long as the daemon. Fails at creation with the option that was at fault;
 * afterwards only single connections fail.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "net/private.h"

enum {
	CONNECTIONS = 1024, IN_FLIGHT = 512, TOKEN_RATE = 500, PEER_RATE = 2000, DEADLINE_MS = 10000, IDLE_MS = 30000,
	WINDOW_MS = 10000, SELF_TEST_MS = 2000
};

static void or_default(int *value, int otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

/* The caller's strings need not outlive the call. */
static int keep_strings(struct net *n)
{
	const char **fields[] = { &n->o.unix_path, &n->o.tls_address, &n->o.certificate, &n->o.key, &n->o.site_name };
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!*fields[i])
			continue;
		n->strings[i] = strdup(*fields[i]);
		if (!n->strings[i])
			return -1;
		*fields[i] = n->strings[i];
	}
	return 0;
}

static int make_slots(struct net *n)
{
	uint32_t i;

	/* Every connection, every reply that is owed to a connection that is gone, and the self-test's. */
	n->n_slots = (uint32_t)(n->o.max_connections + n->o.max_in_flight + 1);
	n->conns = calloc(n->n_slots, sizeof(*n->conns));
	n->peers = calloc(1, sizeof(*n->peers));
	n->tokens = calloc(1, sizeof(*n->tokens));
	if (!n->conns || !n->peers || !n->tokens)
		return -1;
	for (i = 0; i < n->n_slots; i++) {
		n->conns[i].net = n;
		n->conns[i].slot = i;
		n->conns[i].generation = 1;
		n->conns[i].next_free = i + 1;
	}
	n->states[CONN_FREE] = (int)n->n_slots;
	if (crypto_random(&n->peers->secret, sizeof(n->peers->secret)) < 0 ||
	    crypto_random(&n->tokens->secret, sizeof(n->tokens->secret)) < 0)
		return -1;
	return 0;
}

static int open_tls(struct net *n, struct lt_err *err)
{
	if (tls_make_pair(&n->o, err) < 0)
		return -1;
	n->tls = tls_context(&n->o, err);
	return n->tls ? listener_open_tls(&n->tls_listener, n, n->o.tls_address, err) : -1;
}

struct net *net_new(struct loop *l, const struct net_options *o, struct lt_err *err)
{
	struct net *n = calloc(1, sizeof(*n));

	if (!n) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of its connection, not of the process */
	n->loop = l;
	n->o = *o;
	n->started_at = clock_boot_ms();
	n->unix_listener.fd = n->tls_listener.fd = -1;
	or_default(&n->o.max_connections, CONNECTIONS);
	or_default(&n->o.max_in_flight, IN_FLIGHT);
	or_default(&n->o.token_rate, TOKEN_RATE);
	or_default(&n->o.peer_rate, PEER_RATE);
	or_default(&n->o.deadline_ms, DEADLINE_MS);
	or_default(&n->o.idle_ms, IDLE_MS);
	or_default(&n->o.window_ms, WINDOW_MS);
	if (keep_strings(n) < 0 || make_slots(n) < 0) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return net_free(n);
	}
	if ((n->o.tls_address && open_tls(n, err) < 0) ||
	    (n->o.unix_path && listener_open_unix(&n->unix_listener, n, n->o.unix_path, err) < 0))
		return net_free(n);
	return n;
}

struct net *net_free(struct net *n)
{
	uint32_t i;

	if (!n)
		return NULL;
	listener_close(&n->unix_listener);
	listener_close(&n->tls_listener);
	for (i = 0; n->conns && i < n->n_slots; i++)
		if (n->conns[i].bev)
			conn_drop(&n->conns[i]);
	SSL_CTX_free(n->tls);
	free(n->conns);
	free(n->peers);
	free(n->tokens);
	for (i = 0; i < sizeof(n->strings) / sizeof(n->strings[0]); i++)
		free(n->strings[i]);
	free(n);
	return NULL;
}

void net_message(struct net *n, struct msg *m)
{
	if (m->kind == MSG_REPLY)
		conn_on_reply(n, (struct msg_reply *)m);
	else if (m->kind == MSG_CHUNK)
		conn_on_chunk(n, (struct msg_chunk *)m);
	msg_free(m);
}

void net_health(struct net *n, const struct msg_turn *t)
{
	n->turn = *t;
	n->turn_at = clock_boot_ms();
}

void net_metrics_source(struct net *n, size_t (*text)(void *arg, char *dst, size_t cap), void *arg)
{
	if (n->n_sources < SOURCES_MAX)
		n->sources[n->n_sources++] = (struct metrics_source){ text, arg };
}

int net_reload_certificate(struct net *n, struct lt_err *err)
{
	SSL_CTX *next;

	if (!n->o.tls_address)
		return 0;
	next = tls_context(&n->o, err);
	if (!next)
		return -1;
	/* Connections hold the context that they began with. */
	SSL_CTX_free(n->tls);
	n->tls = next;
	return 0;
}

void net_close_listeners(struct net *n)
{
	int kind;

	n->stopping = true;
	listener_close(&n->unix_listener);
	listener_close(&n->tls_listener);
	for (kind = 0; kind < 2; kind++)
		while (n->idle_oldest[kind])
			conn_retire(n->idle_oldest[kind]);
}

bool net_idle(const struct net *n)
{
	return n->in_flight == 0 && n->states[CONN_STREAMING] == 0 && n->states[CONN_SENDING] == 0;
}

int net_connections(const struct net *n)
{
	return n->open[PEER_UNIX] + n->open[PEER_TLS];
}

int net_tls_port(const struct net *n)
{
	return n->tls_listener.port;
}

/* ---- self-test ---- */

/* What the peer gets until it is closed, or the time is over. */
static size_t self_ask(struct net *n, int fd, char *dst, size_t cap)
{
	int64_t until = clock_boot_ms() + SELF_TEST_MS;
	size_t used = 0;

	while (used + 1 < cap && clock_boot_ms() < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;
		if (loop_once(n->loop, false) < 0 || poll(&p, 1, 1) <= 0)
			continue;
		got = read(fd, dst + used, cap - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	dst[used] = '\0';
	return used;
}

int net_self_test(struct net *n, struct lt_err *err)
{
	static const char request[] = "GET /livez HTTP/1.1\r\nHost: self\r\nContent-Length: 0\r\nContent-Length: 45\r\n\r\n"
		"GET /livez HTTP/1.1\r\nHost: self-smuggled\r\n\r\n";
	static const char refusal[] = "HTTP/1.1 400 ";
	struct peer peer = { .kind = PEER_UNIX, .uid = (uint32_t)geteuid() };
	char got[2048] = "";
	int pair[2];

	n->self_test = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return lt_err_set(err, "self-test", "http", "no socket pair for the HTTP self-test");
	if (conn_adopt(n, pair[0], peer, bucket_key(n->peers, &peer, sizeof(peer)), NULL) == 0 &&
	    write(pair[1], request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1 &&
	    self_ask(n, pair[1], got, sizeof(got)) > 0 && strncmp(got, refusal, sizeof(refusal) - 1) == 0 &&
	    strstr(got, "HTTP/1.1 200") == NULL)
		n->self_test = 1;
	close(pair[1]);
	return n->self_test == 1 ? 0 : lt_err_set(err, "self-test", "http",
		"an ambiguous request was not refused; do not let this build face a network");
}
