/*
 * request.c - a complete request: answered here, refused here, or handed to the ledger.
 *
 * Order of the questions: is the daemon stopping, has the peer asked too often, is there such a route, is the shape of
 * token and type good, has the token asked too often, is there a place at the ledger. A request that is handed over
 * has its place until its reply comes, even if the connection ends before. Owns nothing.
 */
#include "net/private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/base.h"

/* ---- admission and hand-over ---- */

static bool is_privileged(const struct peer *p)
{
	return p->kind == PEER_UNIX && (p->uid == 0 || p->uid == (uint32_t)geteuid());
}

static void identify(struct conn *c, const struct http_head *h)
{
	c->identity = 0;
	if (h->has_token)
		c->identity = bucket_key(c->net->tokens, h->token.secret, sizeof(h->token.secret));
	else if (c->peer.kind == PEER_UNIX)
		c->identity = bucket_key(c->net->tokens, &c->peer.uid, sizeof(c->peer.uid));
}

static enum http_refusal judge_rate(struct conn *c, const struct http_head *h, int *ret_wait)
{
	struct net *n = c->net;
	int64_t now = clock_boot_ms();
	struct bucket *b;

	if (!h->has_token)
		return HTTP_OK;
	b = bucket_of(n->tokens, c->identity, now, n->o.token_rate);
	*ret_wait = bucket_take(b, now, n->o.token_rate, 1);
	return *ret_wait ? HTTP_RATE : HTTP_OK;
}

/* A place at the ledger. Who was not accepted lately shares an eighth of them, the network and this machine apart. */
static enum http_refusal judge_lane(struct conn *c, int *ret_wait)
{
	struct net *n = c->net;
	struct bucket *b = c->identity ? bucket_find(n->tokens, c->identity) : NULL;
	bool known = b && b->accepted_until > clock_boot_ms();

	c->lane = known ? LANE_KNOWN : c->peer.kind == PEER_TLS ? LANE_TLS : LANE_UNIX;
	*ret_wait = 1;
	if (n->in_flight >= n->o.max_in_flight || (!known && n->lanes[c->lane] >= (n->o.max_in_flight + 7) / 8))
		return HTTP_BUSY;
	return HTTP_OK;
}

static enum http_refusal judge(struct conn *c, const struct http_head *h, char allow[64], int *ret_wait)
{
	struct net *n = c->net;
	struct bucket *b = is_privileged(&c->peer) ? NULL : bucket_find(n->peers, c->peer_key);
	enum http_refusal r;
	int known;

	*ret_wait = 1;
	if (n->stopping)
		return HTTP_STOPPING;
	*ret_wait = b ? bucket_take(b, clock_boot_ms(), n->o.peer_rate, 1) : 0;
	if (*ret_wait)
		return HTTP_RATE;
	known = n->o.route_known(h->method_name, h->path, allow);
	if (known == 404)
		return HTTP_NOT_FOUND;
	if (known != 0 || !h->routed)
		return HTTP_NOT_ALLOWED;
	if (h->judged != HTTP_OK)
		return h->judged;
	identify(c, h);
	r = judge_rate(c, h, ret_wait);
	return r == HTTP_OK ? judge_lane(c, ret_wait) : r;
}

/* The body stays in the input buffer; the caller drains it. */
static struct msg_request *request_of(struct conn *c, const struct http_head *h)
{
	struct msg_request *m = msg_new(MSG_REQUEST, sizeof(*m));

	if (!m)
		return NULL;
	m->head.at = net_stamp();
	m->conn = (struct conn_ref){ c->slot, c->generation };
	m->method = h->method;
	m->peer = c->peer;
	m->has_token = h->has_token;
	m->token = h->token;
	memcpy(m->idempotency_key, h->idempotency_key, sizeof(m->idempotency_key));
	memcpy(m->if_match, h->if_match, sizeof(m->if_match));
	m->path = strdup(h->path);
	m->query = h->has_query ? strdup(h->query) : NULL;
	m->body = h->body_size > 0 ? malloc(h->body_size + 1) : NULL;
	if (!m->path || (h->has_query && !m->query) || (h->body_size > 0 && !m->body)) {
		msg_free(&m->head);
		return NULL;
	}
	if (m->body) {
		evbuffer_copyout(bufferevent_get_input(c->bev), m->body, h->body_size);
		m->body[h->body_size] = '\0';
		m->body_size = h->body_size;
	}
	return m;
}

static void hand_over(struct conn *c, const struct http_head *h)
{
	struct net *n = c->net;
	struct msg_request *m = request_of(c, h);

	if (!m) {
		conn_refuse(c, HTTP_BUSY, NULL, 1);
		return;
	}
	n->in_flight++;
	n->lanes[c->lane]++;
	conn_enter(c, CONN_WORKING);
	n->o.submit(n->o.arg, &m->head);
}

/* The whole request is here. */
void conn_serve(struct conn *c, const struct http_head *h)
{
	struct answer a = { 0 };
	char allow[64] = "", *body = NULL;
	enum http_refusal r;
	int wait = 0;

	c->net->counts[COUNT_REQUESTS]++;
	if (health_page(c->net, h, &a, &body)) {
		conn_answer(c, &a, &body);
		free(body);
		return;
	}
	r = judge(c, h, allow, &wait);
	if (r == HTTP_OK)
		hand_over(c, h);
	else
		conn_refuse(c, r, allow, wait);
}
