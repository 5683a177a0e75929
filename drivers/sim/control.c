/*
 * control.c - the control socket: text lines in, JSON lines out, on a Unix stream socket. `wait` answers when its
 * condition is met or its time is up. Owns the socket file and the connections; a client that floods is closed.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fmt.h"
#include "drivers/sim/sim.h"

#define CLIENTS 64
#define LINE_MAX_BYTES 512
#define CHECK_MS 10

struct client { struct client *next; struct sim_control *c; struct bufferevent *b; struct sim_waiter waiter;
	bool closing; };

struct sim_control {
	struct sim *s;
	struct evconnlistener *listener;
	struct event *check;
	struct client *clients;
	int n;
	char path[108];
};

static void client_free(struct client *k)
{
	struct client **at = &k->c->clients;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->c->n--;
	bufferevent_free(k->b);
	free(k);
}

static void arm(struct sim_control *c)
{
	struct timeval tv = { 0, CHECK_MS * 1000 };

	if (!event_pending(c->check, EV_TIMEOUT, NULL))
		event_add(c->check, &tv);
}

/* One line after the other; a wait holds up those behind it. */
static void serve(struct client *k)
{
	struct evbuffer *in = bufferevent_get_input(k->b), *out = bufferevent_get_output(k->b);
	char *line;

	while (!k->waiter.active && (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF))) {
		if (command_run(k->c->s, line, out, &k->waiter) == 0)
			evbuffer_add(out, "\n", 1);
		else
			arm(k->c);
		free(line);
	}
	if (!k->waiter.active && evbuffer_get_length(in) > LINE_MAX_BYTES)
		client_free(k);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	struct sim_control *c = arg;
	struct client *next;
	bool waiting = false;

	for (struct client *k = c->clients; k; k = next) {
		struct evbuffer *out = bufferevent_get_output(k->b);
		next = k->next;
		if (!k->waiter.active)
			continue;
		if (!command_wait_over(c->s, &k->waiter, out)) {
			waiting = true;
			continue;
		}
		k->waiter.active = false;
		evbuffer_add(out, "\n", 1);
		serve(k);
	}
	if (waiting)
		arm(c);
}

static void on_read(struct bufferevent *b, void *arg)
{
	serve(arg);
}

static void close_when_told(struct client *k)
{
	if (k->closing && !k->waiter.active && evbuffer_get_length(bufferevent_get_output(k->b)) == 0)
		client_free(k);
}

static void on_written(struct bufferevent *b, void *arg)
{
	close_when_told(arg);
}

/* The client said all it has to say: it gets its answers, then the end. */
static void on_event(struct bufferevent *b, short what, void *arg)
{
	struct client *k = arg;

	if (what & BEV_EVENT_ERROR) {
		client_free(k);
	} else if (what & BEV_EVENT_EOF) {
		k->closing = true;
		close_when_told(k);
	}
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int len, void *arg)
{
	struct sim_control *c = arg;
	struct client *k = c->n < CLIENTS ? calloc(1, sizeof(*k)) : NULL;

	if (k)
		k->b = bufferevent_socket_new(c->s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!k || !k->b) {
		free(k);
		close(fd);
		return;
	}
	k->c = c;
	k->next = c->clients;
	c->clients = k;
	c->n++;
	bufferevent_setcb(k->b, on_read, on_written, on_event, k);
	bufferevent_enable(k->b, EV_READ | EV_WRITE);
}

struct sim_control *control_new(struct sim *s, const char *path, struct lt_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct sim_control *c = calloc(1, sizeof(*c));

	if (!c || strlen(path) >= sizeof(a.sun_path)) {
		free(c);
		lt_err_set(err, "bad-control", path, "a socket path has at most 107 bytes");
		return NULL;
	}
	c->s = s;
	lt_fmt(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	c->listener = evconnlistener_new_bind(s->base, on_accept, c, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
					      (struct sockaddr *)&a, sizeof(a));
	c->check = event_new(s->base, -1, 0, on_check, c);
	if (!c->listener || !c->check) {
		lt_err_set(err, "bad-control", path, "cannot listen: %s", strerror(errno));
		return control_free(c);
	}
	lt_fmt(c->path, sizeof(c->path), "%s", path);
	return c;
}

struct sim_control *control_free(struct sim_control *c)
{
	if (!c)
		return NULL;
	while (c->clients)
		client_free(c->clients);
	if (c->listener)
		evconnlistener_free(c->listener);
	if (c->check)
		event_free(c->check);
	if (c->path[0])
		unlink(c->path);
	free(c);
	return NULL;
}
