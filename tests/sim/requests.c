/*
 * requests.c - people's requests on their way: sent, lost, answered, sent again with the same key until answered; and
 * answered ones that are sent once more, which must give the same answer. Owns the bodies.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

static struct msg_request *request_new(const struct world *w, const struct person *p, enum method method,
	const char *path,
				       const char *key, const char *body)
{
	struct msg_request *m = msg_new(MSG_REQUEST, sizeof(*m));
	char *query;

	assert(m);
	m->head.at = world_stamp(w);
	m->method = method;
	m->peer.kind = PEER_TLS;
	m->has_token = true;
	m->token = p->token;
	lt_fmt(m->idempotency_key, sizeof(m->idempotency_key), "%s", key);
	m->path = strdup(path);
	query = strchr(m->path, '?');
	if (query) {
		*query = '\0';
		m->query = strdup(query + 1);
	}
	m->body = body ? strdup(body) : NULL;
	m->body_size = body ? strlen(body) : 0;
	return m;
}

static void send_request(struct world *w, int slot)
{
	struct pending *q = &w->pending[slot];
	struct msg_request *m = request_new(w, &w->people[q->person], q->method, q->path, q->key, q->body);

	m->conn = (struct conn_ref){ (uint32_t)slot, ++q->generation };
	lt_fmt(m->if_match, sizeof(m->if_match), "%s", q->if_match);
	q->tries++;
	w->stats.requests++;
	queue_push(w->in, &m->head);
	world_at(w, w->true_ms + rng_in(&w->rng, 4000, 9000), EV_RETRY, slot, q->generation, 0);
}

void world_ask(struct world *w, struct person *p, enum method method, const char *path, const char *if_match,
	char *body,
	       answer_fn answer)
{
	for (int i = 0; i < WORLD_PENDING; i++) {
		struct pending *q = &w->pending[i];
		uint32_t generation = q->generation;
		if (q->used)
			continue;
		*q = (struct pending){ .used = true, .generation = generation, .person = p->index, .method = method,
					.body = body,
				       .answer = answer };
		lt_fmt(q->path, sizeof(q->path), "%s", path);
		lt_fmt(q->if_match, sizeof(q->if_match), "%s", if_match ? if_match : "");
		if (method == METHOD_POST)
			lt_fmt(q->key, sizeof(q->key), "k%llx", (unsigned long long)rng_next(&w->rng));
		p->waits = true;
		p->asked_at = world_stamp(w).wall_ms;
		p->asked_true = w->true_ms;
		send_request(w, i);
		return;
	}
	assert(!"more requests under way than people");
}

void requests_retry(struct world *w, int slot, uint64_t generation)
{
	if (!w->pending[slot].used || w->pending[slot].generation != generation)
		return;
	w->stats.retries++;
	send_request(w, slot);
}

static void remember(struct world *w, const struct pending *q, int status, const char *body)
{
	struct echo *e = &w->echoes[w->n_echoes++ % WORLD_ECHOES];

	if (q->method != METHOD_POST || status >= 500 || status == 404 || status == 403 || status == 400) {
		w->n_echoes--;
		return;
	}
	free(e->body);
	free(e->answer);
	*e = (struct echo){ .used = true, .person = q->person, .status = status };
	lt_fmt(e->path, sizeof(e->path), "%s", q->path);
	lt_fmt(e->key, sizeof(e->key), "%s", q->key);
	e->body = q->body ? strdup(q->body) : NULL;
	e->answer = strdup(body ? body : "");
	world_at(w, w->true_ms + rng_in(&w->rng, 1000, 40 * 60000), EV_ECHO, (int)(e - w->echoes), 0, 0);
}

void requests_echo(struct world *w, int slot)
{
	const struct echo *e = &w->echoes[slot];
	struct msg_request *m;

	if (!e->used)
		return;
	m = request_new(w, &w->people[e->person], METHOD_POST, e->path, e->key, e->body);
	m->conn = (struct conn_ref){ (uint32_t)(WORLD_PENDING + slot), (uint32_t)w->n_echoes };
	queue_push(w->in, &m->head);
}

static void on_echo(struct world *w, int slot, const struct msg_reply *r)
{
	const struct echo *e = &w->echoes[slot];
	size_t size = strlen(e->answer);

	if (r->conn.generation != (uint32_t)w->n_echoes || r->status == 503 || r->status == 429)
		return;
	w->stats.echoes++;
	if (r->status != e->status || r->body_size != size || (size && memcmp(r->body, e->answer, size) != 0))
		world_violate(w, "the same key answered %d, then %d: %.*s", e->status, r->status,
			      r->body_size < 200 ? (int)r->body_size : 200, r->body ? r->body : "");
}

void requests_on_reply(struct world *w, const struct msg_reply *r)
{
	struct pending *q = &w->pending[r->conn.slot % WORLD_PENDING];
	struct person *p = &w->people[q->person];
	char *body;

	if (r->conn.slot >= WORLD_PENDING) {
		on_echo(w, (int)r->conn.slot - WORLD_PENDING, r);
		return;
	}
	if (!q->used || q->generation != r->conn.generation)
		return;
	world_trace(w, "%s %s -> %d %.*s", p->user, q->path, r->status, r->body_size < 300 ? (int)r->body_size : 300,
		    r->body ? r->body : "");
	if (r->status == 503 || r->status == 429)
		return; /* retried with the same key */
	if (rng_chance(&w->rng, 10))
		return; /* the answer is lost on the way */
	w->stats.answers++;
	body = r->body ? strndup(r->body, r->body_size) : NULL;
	remember(w, q, r->status, body);
	free(q->body);
	q->body = NULL;
	q->used = false;
	p->waits = false;
	p->tries = q->tries;
	q->answer(w, p, r->status, body);
	free(body);
}

void requests_crashed(struct world *w)
{
	for (int i = 0; i < WORLD_PENDING; i++)
		if (w->pending[i].used)
			world_at(w, w->true_ms + rng_in(&w->rng, 100, 3000), EV_RETRY, i, w->pending[i].generation, 0);
	if (w->n_echoes)
		world_at(w, w->true_ms + rng_in(&w->rng, 100, 3000), EV_ECHO, (w->n_echoes - 1) % WORLD_ECHOES, 0, 0);
}

int requests_under_way(const struct world *w, const char *path)
{
	int n = 0;

	for (int i = 0; i < WORLD_PENDING; i++)
		n += w->pending[i].used && (!path || strcmp(w->pending[i].path, path) == 0);
	return n;
}

void requests_free(struct world *w)
{
	for (int i = 0; i < WORLD_PENDING; i++)
		free(w->pending[i].body);
	for (int i = 0; i < WORLD_ECHOES; i++) {
		free(w->echoes[i].body);
		free(w->echoes[i].answer);
	}
}
