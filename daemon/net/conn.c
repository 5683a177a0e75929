/*
 * conn.c - a connection's life, from accept to close: one state, one function for all transitions, one timer.
 *
 * Requests of a connection are served strictly one after the other: the next is looked at when the last byte of the
 * answer before it has been given to the kernel. Memory per connection is bounded: input by a high watermark (one
 * head, or one body), output by one reply or by credit (128 KiB and a slice). Owns the bufferevent (and by it SSL and
 * descriptor), the timer and the head. Any failure here closes this connection and no other.
 */
#include "net/private.h"

#include <assert.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>

#include "base/base.h"
#include "common/fmt.h"

enum {
	INPUT_MAX = 16384, CREDIT_BELOW = 131072, LINGER_MS = 1000, LINGER_BYTES = 1 << 20, BYE_RETRY_MS = 50,
	READER_BYTES_PER_S = 4096, REFERENCE_FROM = 16384
};
#define ACCEPTED_FOR_MS INT64_C(600000)

static size_t unsent(const struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* ---- states ---- */

static void idle_link(struct conn *c)
{
	struct net *n = c->net;
	struct conn **newest = &n->idle_newest[c->peer.kind];

	c->newer = NULL;
	c->older = *newest;
	if (*newest)
		(*newest)->newer = c;
	else
		n->idle_oldest[c->peer.kind] = c;
	*newest = c;
}

static void idle_unlink(struct conn *c)
{
	struct net *n = c->net;

	*(c->newer ? &c->newer->older : &n->idle_newest[c->peer.kind]) = c->older;
	*(c->older ? &c->older->newer : &n->idle_oldest[c->peer.kind]) = c->newer;
	c->newer = c->older = NULL;
}

/* Bytes that have reached the peer's kernel. */
static int64_t taken(struct conn *c)
{
	int in_kernel = 0;

	if (ioctl(bufferevent_getfd(c->bev), SIOCOUTQ, &in_kernel) < 0)
		in_kernel = 0;
	return c->queued - (int64_t)unsent(c) - in_kernel;
}

static void start_window(struct conn *c)
{
	c->taken = taken(c);
	c->drained = unsent(c) == 0;
	loop_timer_after(c->timer, c->net->o.window_ms);
}

void conn_enter(struct conn *c, enum conn_state to)
{
	struct net *n = c->net;

	if (c->state == CONN_IDLE)
		idle_unlink(c);
	n->states[c->state]--;
	n->states[to]++;
	c->state = to;
	switch (to) {
	case CONN_IDLE:
		idle_link(c);
		loop_timer_after(c->timer, n->o.idle_ms);
		break;
	case CONN_READING:
		loop_timer_after(c->timer, n->o.deadline_ms);
		break;
	case CONN_WORKING:
		loop_timer_clear(c->timer);
		break;
	case CONN_STREAMING:
	case CONN_SENDING:
		start_window(c);
		break;
	case CONN_LINGER:
		loop_timer_after(c->timer, c->bye_unsent ? BYE_RETRY_MS : LINGER_MS);
		break;
	case CONN_FREE:
	case CONN_ZOMBIE:
	case CONN_STATES:
		break;
	}
}

static void release(struct conn *c)
{
	struct net *n = c->net;

	conn_enter(c, CONN_FREE);
	c->generation++;
	c->next_free = n->first_free;
	n->first_free = c->slot;
}

struct stamp net_stamp(void)
{
	struct stamp now;

	clock_both_ms(&now.boot_ms, &now.wall_ms);
	return now;
}

/* MSG_CREDIT or MSG_GONE. False when there is no memory. */
static bool tell(struct net *n, enum msg_kind kind, struct conn_ref ref)
{
	struct msg_conn *m = msg_new(kind, sizeof(*m));

	if (!m)
		return false;
	m->head.at = net_stamp();
	m->conn = ref;
	n->o.submit(n->o.arg, &m->head);
	return true;
}

static struct conn_ref ref_of(const struct conn *c)
{
	return (struct conn_ref){ c->slot, c->generation };
}

void conn_drop(struct conn *c)
{
	struct net *n = c->net;
	struct bucket *b = bucket_find(n->peers, c->peer_key);
	bool owed = c->state == CONN_WORKING;

	if (owed || c->state == CONN_STREAMING)
		tell(n, MSG_GONE, ref_of(c));
	bufferevent_free(c->bev);
	c->bev = NULL;
	c->ssl = NULL;
	c->timer = loop_timer_free(c->timer);
	free(c->head);
	c->head = NULL;
	if (b)
		b->open--;
	n->open[c->peer.kind]--;
	if (owed)
		conn_enter(c, CONN_ZOMBIE);
	else
		release(c);
	listener_room(&n->unix_listener);
	listener_room(&n->tls_listener);
}

/* ---- closing in good form: close_notify, our FIN, then wait for the peer's, so that no RST eats the answer ---- */

static void send_bye(struct conn *c)
{
	int r = 0;

	if (c->ssl && SSL_is_init_finished(c->ssl)) {
		ERR_clear_error();
		r = SSL_shutdown(c->ssl);
		c->bye_unsent = r < 0 && SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_WRITE;
		ERR_clear_error();
	}
	if (!c->bye_unsent)
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void drain_input(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	c->lingered += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (c->lingered > LINGER_BYTES)
		conn_drop(c);
}

static void goodbye(struct conn *c)
{
	c->lingered = 0;
	c->bye_unsent = false;
	send_bye(c);
	if (c->half_closed) {
		conn_drop(c);
		return;
	}
	conn_enter(c, CONN_LINGER);
	drain_input(c);
}

void conn_retire(struct conn *c)
{
	goodbye(c);
}

/* ---- answers ---- */

static void free_reference(const void *data, size_t n, void *extra)
{
	(void)data, (void)n;
	free(extra);
}

/* A small body follows its head in one piece, which leaves as one TLS record; a large one is taken over (*own). */
static bool put_out(struct conn *c, const char *head, size_t head_n, const char *body, size_t n, char **own)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	bool refer = own && *own && n >= REFERENCE_FROM, ok;

	/* Counted first: libevent may write at once. */
	c->queued += (int64_t)(head_n + n);
	c->net->counts[COUNT_BYTES_OUT] += head_n + n;
	ok = evbuffer_expand(out, head_n + (refer ? 0 : n)) == 0 && (head_n == 0 || evbuffer_add(out, head, head_n) == 0);
	if (!ok || n == 0)
		return ok;
	if (!refer)
		return evbuffer_add(out, body, n) == 0;
	if (evbuffer_add_reference(out, *own, n, free_reference, *own) != 0)
		return false;
	*own = NULL;
	return true;
}

void conn_answer(struct conn *c, struct answer *a, char **own)
{
	char head[ANSWER_HEAD_MAX];
	size_t n;

	c->close_after = c->close_after || c->net->stopping;
	a->close = c->close_after;
	n = answer_head(head, a, clock_wall_ms());
	if (!put_out(c, head, n, a->body, c->head_only ? 0 : a->body_size, own)) {
		conn_drop(c);
		return;
	}
	conn_enter(c, CONN_SENDING);
}

void conn_refuse(struct conn *c, enum http_refusal r, const char *allow, int retry_after_s)
{
	char body[ANSWER_HEAD_MAX];
	struct answer a = {
		.status = http_problems[r].status, .content_type = "application/problem+json", .allow = allow,
		.retry_after_s = retry_after_s, .challenge = r == HTTP_TOKEN, .body = body,
	};

	c->net->counts[r == HTTP_RATE ? COUNT_RATE : r == HTTP_BUSY ? COUNT_BUSY : COUNT_REFUSED]++;
	c->close_after = c->close_after || HTTP_CLOSES(r);
	a.body_size = answer_problem(body, r);
	conn_answer(c, &a, NULL);
}

/* ---- reading ---- */

/* The head, when it is complete: c->head is set. False: refused. */
static bool read_head(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t have = evbuffer_get_length(in), size = 0;
	const char *p;
	enum http_refusal r;

	have = have < HTTP_HEAD_MAX ? have : HTTP_HEAD_MAX;
	p = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	if (have == 0 || !p)
		return true;
	r = http_scan(p, have, &c->scanned, &size);
	if (r == HTTP_OK && size > 0) {
		c->head = malloc(sizeof(*c->head));
		r = c->head ? http_parse(c->head, p, size) : HTTP_HEAD_LONG;
		evbuffer_drain(in, size);
	}
	if (r != HTTP_OK) {
		c->head_only = c->head && c->head->head_only;
		conn_refuse(c, r, NULL, 0);
		return false;
	}
	if (c->head && c->head->body_size > INPUT_MAX)
		bufferevent_setwatermark(c->bev, EV_READ, 0, c->head->body_size);
	return true;
}

static void process(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct http_head *h;

	if (!c->head && !read_head(c))
		return;
	h = c->head;
	if (!h || evbuffer_get_length(in) < h->body_size) {
		if (c->half_closed)
			conn_drop(c);
		return;
	}
	c->close_after = h->close;
	c->http10 = h->http10;
	c->head_only = h->head_only;
	c->head = NULL;
	/* h is no longer the connection's: whatever happens to that, it is freed here. The body leaves the buffer
	 * before an answer can end the connection's turn; a handed-over request has copied it. */
	if (h->body_size > INPUT_MAX)
		bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	conn_serve(c, h);
	if (c->bev && h->body_size > 0)
		evbuffer_drain(in, h->body_size);
	free(h);
}

/* The answer's last byte has left: the next request, or the end. */
static void answered(struct conn *c)
{
	bool more = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;

	if (c->close_after || c->net->stopping || (c->half_closed && !more)) {
		goodbye(c);
		return;
	}
	c->scanned = 0;
	conn_enter(c, more ? CONN_READING : CONN_IDLE);
	if (more)
		process(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (c->state == CONN_IDLE)
		conn_enter(c, CONN_READING);
	if (c->state == CONN_READING)
		process(c);
	else if (c->state == CONN_LINGER)
		drain_input(c);
}

/* ---- streams ---- */

static void grant(struct conn *c)
{
	if (c->state != CONN_STREAMING || c->credited || unsent(c) >= CREDIT_BELOW)
		return;
	c->credited = true;
	if (!tell(c->net, MSG_CREDIT, ref_of(c)))
		conn_drop(c);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	c->drained = c->drained || unsent(c) == 0;
	if (c->state == CONN_STREAMING)
		grant(c);
	else if (c->state == CONN_SENDING && unsent(c) == 0)
		answered(c);
}

/* A slice in the form of the connection: a chunk, or bare for HTTP/1.0. */
static bool put_slice(struct conn *c, char **body, size_t n, bool last)
{
	char size[24];

	if (c->http10)
		return n == 0 || put_out(c, NULL, 0, *body, n, body);
	if (n > 0 && (!put_out(c, size, lt_fmt(size, sizeof(size), "%x\r\n", (unsigned)n), *body, n, body) ||
		      !put_out(c, "\r\n", 2, NULL, 0, NULL)))
		return false;
	return !last || put_out(c, "0\r\n\r\n", 5, NULL, 0, NULL);
}

static void start_stream(struct conn *c, struct answer *a, struct msg_reply *m)
{
	char head[ANSWER_HEAD_MAX];

	c->close_after = c->close_after || c->http10;
	a->chunked = !c->http10;
	a->until_close = c->http10;
	a->close = c->close_after;
	c->credited = false;
	bufferevent_setwatermark(c->bev, EV_WRITE, CREDIT_BELOW - 1, 0);
	conn_enter(c, CONN_STREAMING);
	if (!put_out(c, head, answer_head(head, a, clock_wall_ms()), NULL, 0, NULL) ||
	    !put_slice(c, &m->body, m->body_size, false))
		conn_drop(c);
	else
		grant(c);
}

static struct conn *find(struct net *n, struct conn_ref ref)
{
	struct conn *c = ref.slot < n->n_slots ? &n->conns[ref.slot] : NULL;

	return c && c->generation == ref.generation ? c : NULL;
}

static void accept_identity(struct conn *c, int status)
{
	struct bucket *b;

	if (c->identity == 0 || status == 401)
		return;
	b = bucket_of(c->net->tokens, c->identity, clock_boot_ms(), c->net->o.token_rate);
	b->accepted_until = clock_boot_ms() + ACCEPTED_FOR_MS;
}

void conn_on_reply(struct net *n, struct msg_reply *m)
{
	struct conn *c = find(n, m->conn);
	struct answer a = {
		.status = m->status, .content_type = m->content_type, .etag = m->etag, .location = m->location,
		.filename = m->filename, .retry_after_s = m->retry_after_s, .replayed = m->replayed,
		.challenge = m->status == 401, .body = m->body, .body_size = m->body_size,
	};

	if (!c || (c->state != CONN_WORKING && c->state != CONN_ZOMBIE)) {
		n->counts[COUNT_LATE_REPLIES]++;
		return;
	}
	n->in_flight--;
	n->lanes[c->lane]--;
	accept_identity(c, m->status);
	if (c->state == CONN_ZOMBIE) {
		n->counts[COUNT_LATE_REPLIES]++;
		if (m->streamed)
			tell(n, MSG_GONE, m->conn);
		release(c);
	} else if (m->streamed) {
		start_stream(c, &a, m);
	} else {
		conn_answer(c, &a, &m->body);
	}
}

void conn_on_chunk(struct net *n, struct msg_chunk *m)
{
	struct conn *c = find(n, m->conn);

	if (!c || c->state != CONN_STREAMING) {
		n->counts[COUNT_LATE_REPLIES]++;
		return;
	}
	c->credited = false;
	if (m->failed || !put_slice(c, &m->body, m->body_size, m->last)) {
		/* No last chunk and no close_notify: the reader sees that the file is not whole. */
		if (m->failed)
			conn_enter(c, CONN_SENDING);
		conn_drop(c);
		return;
	}
	if (!m->last) {
		grant(c);
		return;
	}
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	conn_enter(c, CONN_SENDING);
	if (unsent(c) == 0)
		answered(c);
}

/* ---- time and ends ---- */

static void judge_reader(struct conn *c)
{
	int64_t least = (int64_t)READER_BYTES_PER_S * c->net->o.window_ms / 1000;

	if (c->drained || taken(c) - c->taken >= least) {
		start_window(c);
		return;
	}
	c->net->counts[COUNT_SLOW_READER]++;
	conn_drop(c);
}

static void on_timer(void *arg)
{
	struct conn *c = arg;

	switch (c->state) {
	case CONN_IDLE:
		goodbye(c);
		break;
	case CONN_READING:
		c->net->counts[COUNT_DEADLINE]++;
		conn_drop(c);
		break;
	case CONN_STREAMING:
	case CONN_SENDING:
		judge_reader(c);
		break;
	case CONN_LINGER:
		c->lingered += LINGER_BYTES / (LINGER_MS / BYE_RETRY_MS);
		if (c->bye_unsent)
			send_bye(c);
		if (c->bye_unsent && c->lingered <= LINGER_BYTES)
			loop_timer_after(c->timer, BYE_RETRY_MS);
		else
			conn_drop(c);
		break;
	default:
		assert(!"a timer without a wait");
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	if (what & BEV_EVENT_CONNECTED) {
		/* libevent makes new events when the handshake is over, at its default priority. */
		bufferevent_priority_set(bev, LOOP_CLIENT);
		return;
	}
	/* On TCP and Unix sockets "no more requests" does not mean "no more answers"; in TLS the peer is gone. */
	if ((what & BEV_EVENT_EOF) && !c->ssl &&
	    (c->state == CONN_WORKING || c->state == CONN_STREAMING || c->state == CONN_SENDING)) {
		c->half_closed = true;
		return;
	}
	if ((what & BEV_EVENT_EOF) && c->ssl && c->state == CONN_IDLE)
		send_bye(c);
	conn_drop(c);
}

static struct bufferevent *bufferevent_of(struct net *n, int fd, SSL *ssl)
{
	if (!ssl)
		return bufferevent_socket_new(loop_base(n->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	return bufferevent_openssl_socket_new(loop_base(n->loop), fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
		BEV_OPT_CLOSE_ON_FREE);
}

static void settle(struct conn *c, struct peer peer, uint64_t peer_key, SSL *ssl)
{
	struct net *n = c->net;
	struct bucket *b = bucket_find(n->peers, peer_key);
	uint32_t slot = c->slot, generation = c->generation;
	struct bufferevent *bev = c->bev;
	struct loop_timer *timer = c->timer;

	*c = (struct conn){ .net = n, .bev = bev, .timer = timer, .slot = slot, .generation = generation, .ssl = ssl,
			    .peer = peer, .peer_key = peer_key };
	if (b)
		b->open++;
	n->open[peer.kind]++;
	bufferevent_setcb(bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
	bufferevent_priority_set(bev, LOOP_CLIENT);
	conn_enter(c, CONN_READING);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* Never a plaintext connection in place of a TLS one: without an SSL object the descriptor is closed. */
int conn_adopt(struct net *n, int fd, struct peer peer, uint64_t peer_key, SSL_CTX *tls)
{
	struct conn *c = n->first_free < n->n_slots ? &n->conns[n->first_free] : NULL;
	SSL *ssl = c && tls ? SSL_new(tls) : NULL;

	/* Here, because libevent does not look whether its own attempt had memory, and would then lose the descriptor. */
	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	ERR_clear_error();
	if (!c || (peer.kind == PEER_TLS && !ssl)) {
		close(fd);
		return -1;
	}
	c->timer = loop_timer_new(n->loop, LOOP_CLIENT, on_timer, c);
	c->bev = c->timer ? bufferevent_of(n, fd, ssl) : NULL;
	if (!c->bev) {
		if (!c->timer)
			SSL_free(ssl);
		c->timer = loop_timer_free(c->timer);
		close(fd);
		return -1;
	}
	n->first_free = c->next_free;
	settle(c, peer, peer_key, ssl);
	return 0;
}
