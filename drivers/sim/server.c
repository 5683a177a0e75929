/*
 * server.c - the endpoints: listeners, connections, replies in order, and the faults that are about time.
 * Owns the sockets. Instruments that name the same address share its listener and are told apart by unit id. A frame
 * that is no Modbus/TCP request closes its connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/sim/sim.h"

#define BEND_MAX 16384
#define CONNECTIONS_PER_ENDPOINT 64

struct conn {
	struct conn *next;
	struct endpoint *e;
	int fd;
	struct event *readable, *timer;
	uint8_t in[SIM_FRAME * 2], *out;
	size_t n_in, n_out, sent;
	bool busy;            /* a reply is under way: later requests wait */
	bool slow, close_after, reset_after;
	int slow_ms;
};

struct endpoint {
	struct sim_server *v;
	struct evconnlistener *listener;
	struct sim_device *first;    /* names the address */
	struct conn *conns;
	int n_conns;
};

struct sim_server { struct sim *s; struct endpoint *endpoints; int n; };

static void conn_free(struct conn *c, bool reset)
{
	struct conn **at = &c->e->conns;
	struct linger hard = { 1, 0 };

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->e->n_conns--;
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (c->readable)
		event_free(c->readable);
	if (c->timer)
		event_free(c->timer);
	close(c->fd);
	free(c->out);
	free(c);
}

static struct sim_device *device_of(struct endpoint *e, uint8_t unit)
{
	struct sim *s = e->v->s;

	for (int i = 0; i < s->n; i++) {
		struct sim_device *d = &s->devices[i];
		if (d->port == e->first->port && strcmp(d->host, e->first->host) == 0 && (d->unit < 0 || d->unit == unit))
			return d;
	}
	return NULL;
}

static void after_ms(struct conn *c, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(c->timer, &tv);
}

static bool process(struct conn *c);

/* Sends what is due. False: the connection is gone. */
static bool flush_out(struct conn *c)
{
	while (c->sent < c->n_out) {
		size_t n = c->slow ? 1 : c->n_out - c->sent;
		ssize_t r = send(c->fd, c->out + c->sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r < 0 && errno == EAGAIN) {
			after_ms(c, 2);
			return true;
		}
		if (r <= 0) {
			conn_free(c, false);
			return false;
		}
		c->sent += (size_t)r;
		if (c->slow && c->sent < c->n_out) {
			after_ms(c, c->slow_ms);
			return true;
		}
	}
	if (c->reset_after || c->close_after) {
		conn_free(c, c->reset_after);
		return false;
	}
	c->busy = false;
	return true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (flush_out(c) && !c->busy)
		process(c);
}

static struct sim_fault take_fault(struct sim_device *d)
{
	struct sim_fault f = d->fault;

	if (f.kind != FAULT_NONE && d->fault.times > 0 && --d->fault.times == 0)
		d->fault = (struct sim_fault){ FAULT_NONE, 0, -1 };
	return f;
}

/* False: the connection is gone. */
static bool answer(struct conn *c, const uint8_t *request, int n)
{
	uint8_t reply[SIM_FRAME];
	struct sim_device *d = device_of(c->e, request[6]);
	int64_t boot = clock_boot_ms();
	struct sim_fault f;
	int size;

	if (!d || boot < d->down_until)
		return true; /* nobody there: a gateway stays silent */
	size = frames_answer(c->e->v->s->frames, d, request, n, reply, boot, clock_wall_ms());
	f = take_fault(d);
	if (size == 0)
		return true;
	c->n_out = (size_t)fault_bend(&f, request, reply, size, c->out, BEND_MAX);
	if (c->n_out == 0)
		return true;
	c->sent = 0;
	c->busy = true;
	c->slow = f.kind == FAULT_SLOW;
	c->slow_ms = f.value ? f.value : 5;
	c->reset_after = f.kind == FAULT_RESET;
	c->close_after = f.kind == FAULT_TRUNCATE || f.kind == FAULT_CLOSE;
	if (f.kind == FAULT_LATE) {
		after_ms(c, f.value ? f.value : 700);
		return true;
	}
	return flush_out(c);
}

/* Answers the whole requests in the buffer until a reply has to wait. False: the connection is gone. */
static bool process(struct conn *c)
{
	while (!c->busy && c->n_in >= 8) {
		uint8_t frame[SIM_FRAME];
		size_t n = 6 + (size_t)(c->in[4] << 8 | c->in[5]);
		if (c->in[2] || c->in[3] || n < 8 || n > SIM_FRAME) {
			conn_free(c, false);
			return false;
		}
		if (c->n_in < n)
			break;
		memcpy(frame, c->in, n);
		c->n_in -= n;
		memmove(c->in, c->in + n, c->n_in);
		if (!answer(c, frame, (int)n))
			return false;
	}
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t r;

	if (c->n_in == sizeof(c->in)) { /* a client that floods while its reply waits */
		conn_free(c, false);
		return;
	}
	r = recv(c->fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r <= 0) {
		conn_free(c, false);
		return;
	}
	c->n_in += (size_t)r;
	process(c);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int len, void *arg)
{
	struct endpoint *e = arg;
	struct conn *c = e->n_conns < CONNECTIONS_PER_ENDPOINT && clock_boot_ms() >= e->first->down_until ? calloc(1,
		sizeof(*c)) : NULL;
	struct event_base *base = e->v->s->base;

	if (!c) {
		close(fd);
		return;
	}
	c->e = e;
	c->fd = fd;
	c->next = e->conns;
	e->conns = c;
	e->n_conns++;
	c->out = malloc(BEND_MAX);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->timer = event_new(base, -1, 0, on_timer, c);
	if (!c->out || !c->readable || !c->timer || event_add(c->readable, NULL) < 0)
		conn_free(c, false);
}

static int listen_at(struct endpoint *e, struct lt_err *err)
{
	struct sim_device *d = e->first;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(d->port) };
	socklen_t len = sizeof(a);

	if (inet_pton(AF_INET, d->host, &a.sin_addr) != 1)
		return lt_err_set(err, "bad-address", d->id, "\"%s\" is not an IPv4 address", d->host);
	e->listener = evconnlistener_new_bind(e->v->s->base, on_accept, e, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
		LEV_OPT_CLOSE_ON_EXEC,
					      64, (struct sockaddr *)&a, sizeof(a));
	if (!e->listener)
		return lt_err_set(err, "cannot-listen", d->id, "cannot listen on %s:%d: %s", d->host, d->port, strerror(errno));
	if (getsockname(evconnlistener_get_fd(e->listener), (struct sockaddr *)&a, &len) < 0)
		return lt_err_set(err, "cannot-listen", d->id, "no address: %s", strerror(errno));
	d->port = ntohs(a.sin_port);
	return 0;
}

static bool shares(const struct sim_device *a, const struct sim_device *b)
{
	return a->port != 0 && a->port == b->port && strcmp(a->host, b->host) == 0;
}

struct sim_server *server_new(struct sim *s, struct lt_err *err)
{
	struct sim_server *v = calloc(1, sizeof(*v));

	if (v)
		v->endpoints = calloc((size_t)s->n + 1, sizeof(*v->endpoints));
	if (!v || !v->endpoints) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return server_free(v);
	}
	v->s = s;
	for (int i = 0; i < s->n; i++) {
		bool known = false;
		for (int k = 0; k < v->n && !known; k++)
			known = shares(v->endpoints[k].first, &s->devices[i]);
		if (known)
			continue;
		v->endpoints[v->n] = (struct endpoint){ .v = v, .first = &s->devices[i] };
		if (listen_at(&v->endpoints[v->n++], err) < 0)
			return server_free(v);
	}
	return v;
}

struct sim_server *server_free(struct sim_server *v)
{
	if (!v)
		return NULL;
	for (int i = 0; i < v->n; i++) {
		while (v->endpoints[i].conns)
			conn_free(v->endpoints[i].conns, false);
		if (v->endpoints[i].listener)
			evconnlistener_free(v->endpoints[i].listener);
	}
	free(v->endpoints);
	free(v);
	return NULL;
}

void server_drop(struct sim_server *v, const struct sim_device *d)
{
	for (int i = 0; i < v->n; i++)
		while (shares(v->endpoints[i].first, d) && v->endpoints[i].conns)
			conn_free(v->endpoints[i].conns, true);
}
