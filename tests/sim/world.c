/*
 * world.c - the machinery of the simulated world: events, the poller's part, requests and their retries, crashes.
 * What people do is in people.c, what must hold in checks.c. Owns the store, the queues and the ledger.
 */
#include "sim/world.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "app/booking.h"
#include "base/base.h"
#include "common/fmt.h"

#define RTT_MS 4
#define LINK_DOWN_AFTER 3
#define FORCED_TIMEOUT_MS 900

/* Events: a binary heap by (at, order). ----------------------------------------------------------------- */

static bool sooner(const struct world_event *a, const struct world_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void world_at(struct world *w, int64_t at, enum world_event_kind kind, int index, uint64_t ticket, int64_t deadline)
{
	int i = w->n_events++;

	assert(w->n_events < WORLD_EVENTS);
	w->events[i] = (struct world_event){ at > w->true_ms ? at : w->true_ms, w->event_order++, kind, index, ticket, deadline };
	while (i > 0 && sooner(&w->events[i], &w->events[(i - 1) / 2])) {
		struct world_event t = w->events[i];
		w->events[i] = w->events[(i - 1) / 2];
		w->events[(i - 1) / 2] = t;
		i = (i - 1) / 2;
	}
}

static struct world_event take_event(struct world *w)
{
	struct world_event first = w->events[0];
	int i = 0;

	w->events[0] = w->events[--w->n_events];
	for (;;) {
		int l = 2 * i + 1, m = i;
		if (l < w->n_events && sooner(&w->events[l], &w->events[m]))
			m = l;
		if (l + 1 < w->n_events && sooner(&w->events[l + 1], &w->events[m]))
			m = l + 1;
		if (m == i)
			return first;
		struct world_event t = w->events[i];
		w->events[i] = w->events[m];
		w->events[m] = t;
		i = m;
	}
}

/* ------------------------------------------------------------------------------------------------------- */

void world_violate(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->violation[0])
		return;
	va_start(ap, fmt);
	lt_vfmt(w->violation, sizeof(w->violation), fmt, ap);
	va_end(ap);
}

static void trace(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void trace(struct world *w, const char *fmt, ...)
{
	char line[600], at[40];
	va_list ap;

	va_start(ap, fmt);
	lt_vfmt(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (const char *p = line; *p; p++)
		w->trace_hash = (w->trace_hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3); /* FNV-1a */
	if (!w->trace)
		return;
	lt_rfc3339(at, sizeof(at), w->true_ms, lt_zone_offset(&w->site.zone, w->true_ms));
	fprintf(w->trace, "%s %s\n", at, line);
}

struct stamp world_stamp(const struct world *w)
{
	return (struct stamp){ w->true_ms - w->boot_base_ms, w->true_ms + w->wall_skew_ms };
}

/* Requests ----------------------------------------------------------------------------------------------- */

static void send_request(struct world *w, int slot)
{
	struct pending *q = &w->pending[slot];
	const struct person *p = &w->people[q->person];
	struct msg_request *m = msg_new(MSG_REQUEST, sizeof(*m));
	char *query;

	assert(m);
	m->head.at = world_stamp(w);
	m->conn = (struct conn_ref){ (uint32_t)slot, ++q->generation };
	m->method = q->method;
	m->peer.kind = PEER_TLS;
	m->has_token = true;
	m->token = p->token;
	lt_fmt(m->idempotency_key, sizeof(m->idempotency_key), "%s", q->key);
	lt_fmt(m->if_match, sizeof(m->if_match), "%s", q->if_match);
	m->path = strdup(q->path);
	query = strchr(m->path, '?');
	if (query) {
		*query = '\0';
		m->query = strdup(query + 1);
	}
	m->body = q->body ? strdup(q->body) : NULL;
	m->body_size = q->body ? strlen(q->body) : 0;
	q->tries++;
	w->stats.requests++;
	queue_push(w->in, &m->head);
	world_at(w, w->true_ms + rng_in(&w->rng, 4000, 9000), EV_RETRY, slot, q->generation, 0);
}

void world_ask(struct world *w, struct person *p, enum method method, const char *path, const char *if_match, char *body,
	       answer_fn answer)
{
	for (int i = 0; i < WORLD_PENDING; i++) {
		struct pending *q = &w->pending[i];
		uint32_t generation = q->generation;
		if (q->used)
			continue;
		*q = (struct pending){ .used = true, .generation = generation, .person = p->index, .method = method, .body = body,
				       .answer = answer };
		lt_fmt(q->path, sizeof(q->path), "%s", path);
		lt_fmt(q->if_match, sizeof(q->if_match), "%s", if_match ? if_match : "");
		if (method == METHOD_POST)
			lt_fmt(q->key, sizeof(q->key), "k%llx", (unsigned long long)rng_next(&w->rng));
		p->waits = true;
		send_request(w, i);
		return;
	}
	assert(!"more requests under way than people");
}

static void on_reply(struct world *w, const struct msg_reply *r)
{
	struct pending *q = &w->pending[r->conn.slot];
	struct person *p = &w->people[q->person];
	char *body;

	if (!q->used || q->generation != r->conn.generation)
		return;
	trace(w, "%s %s -> %d %.*s", p->user, q->path, r->status, r->body_size < 300 ? (int)r->body_size : 300, r->body ? r->body : "");
	if (r->status == 503 || r->status == 429)
		return; /* retried with the same key */
	if (rng_chance(&w->rng, 10))
		return; /* the answer is lost on the way */
	w->stats.answers++;
	body = r->body ? strndup(r->body, r->body_size) : NULL;
	free(q->body);
	q->body = NULL;
	q->used = false;
	p->waits = false;
	q->answer(w, p, r->status, body);
	free(body);
}

/* The poller's part --------------------------------------------------------------------------------------- */

static int device_index(const struct world *w, const char *instrument)
{
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		if (strcmp(w->devices[i].d.id, instrument) == 0)
			return i;
	assert(!"unknown instrument");
	return 0;
}

static void push_link(struct world *w, int i, bool up)
{
	struct msg_link *m = msg_new(MSG_LINK, sizeof(*m));

	m->head.at = world_stamp(w);
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", w->devices[i].d.id);
	m->up = up;
	lt_fmt(m->why, sizeof(m->why), "%s", up ? "answers" : "no answer");
	w->devices[i].link_up = up;
	queue_push(w->in, &m->head);
}

/* What the loop does with leases: locks and unlocks, never locks a running instrument, reports the read-back. */
static void follow_lease(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];
	bool unlocked = d->lease_unlocked && w->true_ms - w->boot_base_ms <= d->lease_until_boot;
	uint8_t lock;
	struct msg_interlock *m;

	if (unlocked)
		d->d.locked = false;
	else if (!d->d.running)
		d->d.locked = true;
	lock = d->d.locked ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED;
	if (lock == d->reported_lock)
		return;
	m = msg_new(MSG_INTERLOCK, sizeof(*m));
	m->head.at = world_stamp(w);
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", d->d.id);
	m->lock = lock;
	d->reported_lock = lock;
	queue_push(w->in, &m->head);
}

static void deliver(struct world *w, int i, uint64_t ticket, uint32_t flags)
{
	struct world_device *d = &w->devices[i];
	struct msg_reading *m = msg_new(MSG_READING, sizeof(*m));

	m->head.at = world_stamp(w);
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", d->d.id);
	m->ticket = ticket;
	m->flags = flags;
	m->rtt_ms = RTT_MS;
	if (!(flags & READING_UNREAD)) {
		device_read(&d->d, w->true_ms, &m->obs);
		if (rng_chance(&w->rng, 2)) { /* a lie: one wild value */
			m->obs.hourmeter = (uint64_t)rng_in(&w->rng, 0, 1) ? 0 : rng_next(&w->rng) % d->d.modulus;
			d->d.lies++;
			w->stats.lies++;
		}
		w->stats.readings++;
		trace(w, "read %s raw %llu run %d", d->d.id, (unsigned long long)m->obs.hourmeter, m->obs.running);
	}
	queue_push(w->in, &m->head);
}

static void on_poll(struct world *w, int i, uint64_t ticket, int64_t deadline_boot)
{
	struct world_device *d = &w->devices[i];
	bool forced = ticket != 0 || deadline_boot != 0;

	if (d->d.down || rng_chance(&w->rng, 5)) {
		w->stats.lost++;
		d->silent_polls++;
		if (d->silent_polls == LINK_DOWN_AFTER && d->link_up)
			push_link(w, i, false);
		if (forced)
			deliver(w, i, ticket, READING_FORCED | READING_UNREAD);
		return;
	}
	d->silent_polls = 0;
	if (!d->link_up)
		push_link(w, i, true);
	deliver(w, i, ticket, forced ? READING_FORCED : 0);
	follow_lease(w, i);
}

static void on_leases(struct world *w, const struct msg_leases *m)
{
	for (int k = 0; k < m->n; k++) {
		struct world_device *d = &w->devices[device_index(w, m->leases[k].instrument)];
		d->lease_unlocked = m->leases[k].desired == LT_LOCK_UNLOCKED;
		d->lease_until_boot = m->leases[k].valid_until_boot_ms;
		follow_lease(w, device_index(w, m->leases[k].instrument));
	}
}

static void on_message(struct world *w, struct msg *m)
{
	switch (m->kind) {
	case MSG_REPLY:
		on_reply(w, (struct msg_reply *)m);
		break;
	case MSG_POLL: {
		const struct msg_poll *p = (struct msg_poll *)m;
		world_at(w, w->true_ms + RTT_MS + (rng_chance(&w->rng, 20) ? FORCED_TIMEOUT_MS : 0), EV_FORCED,
			 device_index(w, p->instrument), p->ticket, p->deadline_boot_ms);
		break;
	}
	case MSG_LEASES:
		on_leases(w, (struct msg_leases *)m);
		break;
	case MSG_TURN: {
		int64_t due = ((struct msg_turn *)m)->next_due_at;
		if (due != INT64_MAX && (due - w->wall_skew_ms != w->tick_at || w->tick_at <= w->true_ms)) {
			w->tick_at = due - w->wall_skew_ms;
			world_at(w, w->tick_at > w->true_ms ? w->tick_at : w->true_ms + 50, EV_TICK, 0, 0, 0);
		}
		break;
	}
	case MSG_FATAL:
		world_violate(w, "the ledger ended: %s", ((struct msg_fatal *)m)->why);
		break;
	default:
		break;
	}
	msg_free(m);
}

/* The ledger's life --------------------------------------------------------------------------------------- */

static int adopt(struct act *a, const struct site *next, struct lt_err *err)
{
	for (int i = 0; i < next->n_instruments; i++)
		if (terms_adopt(a, &next->instruments[i]) != 0)
			return lt_err_set(err, "adopt", next->instruments[i].id, "%s", db_why(a->db));
	return 0;
}

static int64_t no_clock(void)
{
	return 0;
}

void world_start(struct world *w)
{
	struct lt_err err = { 0 };
	struct ledger_options o = {
		.db = w->db, .site = &w->site, .boot_id = "5117a7ed-0000-4000-8000-000000000001", .request = api_handle,
		.is_read = api_is_read, .reload = adopt, .clock_us = no_clock, .service_version = "sim", .ports = &ledger_ports,
	};

	w->in = queue_new();
	w->out = queue_new();
	o.in = w->in;
	o.out = w->out;
	w->ledger = ledger_new(&o, &err);
	if (!w->ledger)
		world_violate(w, "the ledger does not start: %s", err.text);
}

void world_drop(struct world *w)
{
	w->ledger = ledger_free(w->ledger);
	w->in = queue_free(w->in);
	w->out = queue_free(w->out);
}

/* kill -9: what is queued and what is decided but not sent is gone; the store keeps what was committed. */
static void crash(struct world *w)
{
	trace(w, "crash");
	w->stats.crashes++;
	if (db_in_transaction(w->db))
		db_rollback(w->db);
	world_drop(w);
	w->true_ms += rng_in(&w->rng, 50, 90000); /* until somebody starts it again */
	world_start(w);
	for (int i = 0; i < WORLD_INSTRUMENTS; i++) {
		w->devices[i].lease_unlocked = false;
		w->devices[i].link_up = false;
		w->devices[i].silent_polls = 0;
		w->devices[i].reported_lock = LT_LOCK_UNKNOWN;
	}
	for (int i = 0; i < WORLD_PENDING; i++)
		if (w->pending[i].used)
			world_at(w, w->true_ms + rng_in(&w->rng, 100, 3000), EV_RETRY, i, w->pending[i].generation, 0);
}

/* Steps the ledger until nothing is left to do at this instant; 5 of a thousand times it dies before it can answer. */
static void run_ledger(struct world *w)
{
	for (int rounds = 0; rounds < 16 && w->ledger; rounds++) {
		struct msg *m, *next;
		int r = ledger_step(w->ledger, world_stamp(w));
		if (r < 0)
			world_violate(w, "ledger_step failed: %d %s", r, db_why(w->db));
		if (rng_chance(&w->rng, 1) && rng_chance(&w->rng, 250)) {
			crash(w);
			return;
		}
		m = queue_take(w->out);
		if (!m)
			return;
		for (; m; m = next) {
			next = m->next;
			on_message(w, m);
		}
	}
}

static void on_event(struct world *w, const struct world_event *e)
{
	switch (e->kind) {
	case EV_POLL:
		world_at(w, w->true_ms + w->poll_ms + rng_in(&w->rng, -200, 200), EV_POLL, e->index, 0, 0);
		on_poll(w, e->index, 0, 0);
		break;
	case EV_FORCED:
		on_poll(w, e->index, e->ticket, e->deadline);
		break;
	case EV_PERSON:
		people_act(w, &w->people[e->index]);
		break;
	case EV_RETRY:
		if (w->pending[e->index].used && w->pending[e->index].generation == e->ticket) {
			w->stats.retries++;
			send_request(w, e->index);
		}
		break;
	case EV_FAULT:
		/* A controller falls silent for a while, or restarts its counter. */
		if (rng_chance(&w->rng, 150)) {
			device_reset(&w->devices[e->index].d, w->true_ms);
			w->stats.resets++;
			trace(w, "reset %s", w->devices[e->index].d.id);
		} else {
			w->devices[e->index].d.down = !w->devices[e->index].d.down;
			trace(w, "%s %s", w->devices[e->index].d.down ? "silent" : "speaks", w->devices[e->index].d.id);
		}
		world_at(w, w->true_ms + (w->devices[e->index].d.down ? rng_in(&w->rng, 5000, 40 * 60000) : rng_in(&w->rng, 3600000, 30 * 3600000)),
			 EV_FAULT, e->index, 0, 0);
		break;
	case EV_CRASH:
		crash(w);
		world_at(w, w->true_ms + rng_in(&w->rng, 3600000, 20 * 3600000), EV_CRASH, 0, 0, 0);
		break;
	case EV_CLOCK:
		w->wall_skew_ms = rng_in(&w->rng, -2000, 2000);
		trace(w, "clock step to %lld", (long long)w->wall_skew_ms);
		world_at(w, w->true_ms + rng_in(&w->rng, 10 * 3600000, 40 * 3600000), EV_CLOCK, 0, 0, 0);
		break;
	case EV_TICK:
	case EV_DEVICE:
		break;
	}
}

bool world_run(struct world *w)
{
	while (!w->violation[0] && w->true_ms < w->end_ms) {
		struct world_event e = take_event(w);
		if (e.at > w->true_ms)
			w->true_ms = e.at;
		w->stats.steps++;
		on_event(w, &e);
		run_ledger(w);
		if (e.kind == EV_POLL || e.kind == EV_FORCED) /* batches wait 200 ms, parks 1 s */
			world_at(w, w->true_ms + 210, EV_TICK, 0, 0, 0);
		checks_step(w, e.kind == EV_POLL || e.kind == EV_FORCED ? e.index : -1);
	}
	if (!w->violation[0])
		checks_end(w);
	return w->violation[0] == '\0';
}
