/*
 * turn.c - one turn: what was collected runs in one transaction, each item in its own savepoint; only after the
 * commit are requests answered and effects published. Owns the items it is given.
 * Fails: before COMMIT the turn can be run again (requests are told to retry); a failed COMMIT is in doubt and < 0.
 */
#include <stdlib.h>
#include <string.h>

#include "app/idem.h"
#include "app/parts.h"
#include "base/base.h"
#include "common/fmt.h"
#include "store/people.h"
#include "store/timer.h"

struct turn {
	struct ledger *l;
	struct stamp now;
	struct item *done;           /* all items of the turn, newest first (->next)      */
	int n;                       /* how many were given                               */
	int n_polls;
	struct { char instrument[LT_ID]; uint64_t ticket; bool urgent; } polls[TURN_REQUESTS];
};

void turn_act(struct ledger *l, struct act *a, struct effects *e, struct stamp now)
{
	memset(a, 0, sizeof(*a));
	memset(e, 0, sizeof(*e));
	a->db = l->o.db;
	a->site = l->site;
	a->now = now;
	a->boot_id = l->o.boot_id;
	a->effects = e;
	a->ledger = l;
	a->who.role = ROLE_ADMIN;
}

/* Replies ------------------------------------------------------------------------------------------------ */

struct msg_reply *reply_new(struct ledger *l, const struct msg_request *m, struct ledger_reply *r)
{
	struct msg_reply *reply = msg_new(MSG_REPLY, sizeof(*reply));

	if (!reply) {
		free(r->body);
		r->body = NULL;
		l->out_of_memory = true;
		return NULL;
	}
	reply->conn = m->conn;
	reply->status = r->status;
	reply->content_type = r->content_type;
	memcpy(reply->etag, r->etag, sizeof(reply->etag));
	memcpy(reply->location, r->location, sizeof(reply->location));
	memcpy(reply->filename, r->filename, sizeof(reply->filename));
	reply->retry_after_s = r->retry_after_s;
	reply->streamed = r->job != NULL;
	reply->replayed = r->replayed;
	reply->body = r->body;
	reply->body_size = r->body_size;
	r->body = NULL;
	return reply;
}

struct msg_reply *reply_busy(struct ledger *l, const struct msg_request *m)
{
	static const char text[] = "{\"type\": \"about:blank\", \"title\": \"Service Unavailable\", \"status\": 503, "
		"\"code\": \"try-again\", "
		"\"detail\": \"The store could not take this now; nothing was changed. Send the same request again.\"}";
	struct ledger_reply r = { .status = 503, .content_type = "application/problem+json", .retry_after_s = 1,
		.body = strdup(text) };

	r.body_size = r.body ? sizeof(text) - 1 : 0;
	return reply_new(l, m, &r);
}

static void drop_reply(struct ledger_reply *r)
{
	free(r->body);
	free(r->kept);
	r->body = r->kept = NULL;
	if (r->job)
		r->job->kind->cancel(r->job);
	r->job = NULL;
}

/* Effects ------------------------------------------------------------------------------------------------ */

void turn_effects(struct ledger *l, struct act *a)
{
	struct effects *e = a->effects;

	for (int i = 0; i < e->n_leases; i++) {
		struct unit *u = inbox_unit(l, e->leases[i]);
		if (u)
			u->lease_dirty = true;
	}
	for (int i = 0; e->all_leases && i < l->site->n_instruments; i++)
		l->units[i].lease_dirty = true;
}

static void touch(struct ledger *l, const char *public_id)
{
	for (int i = 0; i < l->n_touch; i++)
		if (strcmp(l->touch[i], public_id) == 0)
			return;
	if (public_id[0] && l->n_touch < TOUCH_MAX)
		lt_fmt(l->touch[l->n_touch++], sizeof(l->touch[0]), "%s", public_id);
}

static void want_poll(struct turn *t, const char *instrument, uint64_t ticket, bool urgent)
{
	if (t->n_polls < TURN_REQUESTS) {
		lt_fmt(t->polls[t->n_polls].instrument, LT_ID, "%s", instrument);
		t->polls[t->n_polls].urgent = urgent;
		t->polls[t->n_polls++].ticket = ticket;
	}
}

void turn_poll(struct ledger *l, const char *instrument, uint64_t ticket, bool urgent, struct stamp now)
{
	struct msg_poll *m = msg_new(MSG_POLL, sizeof(*m));

	if (!m) {
		l->out_of_memory = true;
		return;
	}
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", instrument);
	m->ticket = ticket;
	m->deadline_boot_ms = now.boot_ms + PARK_MS;
	m->urgent = urgent;
	queue_push(l->o.out, &m->head);
}

static void push_polls(struct turn *t)
{
	for (int i = 0; i < t->n_polls; i++)
		turn_poll(t->l, t->polls[i].instrument, t->polls[i].ticket, t->polls[i].urgent, t->now);
}

/* Items of one turn that wait for the same instrument share its poll; one person among them makes it urgent. */
static uint64_t ticket_for(struct turn *t, const char *instrument, bool urgent)
{
	for (int i = 0; i < t->n_polls; i++)
		if (t->polls[i].ticket && strcmp(t->polls[i].instrument, instrument) == 0) {
			t->polls[i].urgent = t->polls[i].urgent || urgent;
			return t->polls[i].ticket;
		}
	want_poll(t, instrument, ++t->l->tickets, urgent);
	return t->l->tickets;
}

/* Items -------------------------------------------------------------------------------------------------- */

static int run_timer(struct ledger *l, struct act *a, struct item *it)
{
	const struct timer_kind *k = l->o.ports->timer(it->timer);
	bool was;

	lt_fmt(a->who.actor, sizeof(a->who.actor), "timer");
	store_timer_take(a->db, it->timer, it->ref, it->due_at, &was);
	if (db_failed(a->db) || !was)
		return act_end(a); /* an item before it in this turn moved or ended it */
	return k ? k->fire(a, it->ref, it->due_at) : DB_MISUSE;
}

static int run_alarm(struct act *a, const struct item *it)
{
	struct event_row e = { .kind = "alarm", .instrument = "", .org = "", .user = "" };

	lt_fmt(a->who.actor, sizeof(a->who.actor), "labtimed");
	lt_fmt(e.detail, sizeof(e.detail), "%s", it->text);
	act_event(a, &e);
	return act_end(a);
}

static int run_meter(struct ledger *l, struct act *a, struct item *it)
{
	const struct msg_reading *r = (const struct msg_reading *)it->m;

	lt_fmt(a->who.actor, sizeof(a->who.actor), "meter");
	if (it->kind == ITEM_LINK)
		return l->o.ports->link(a, (const struct msg_link *)it->m);
	if (it->kind == ITEM_INTERLOCK)
		return l->o.ports->interlock(a, (const struct msg_interlock *)it->m);
	return r->flags & READING_UNREAD ? 0 : l->o.ports->reading(a, r); /* unread: only its ticket matters */
}

static int run(struct ledger *l, struct act *a, struct item *it, struct ledger_reply *reply)
{
	switch (it->kind) {
	case ITEM_REQUEST:
		a->who.role = ROLE_NONE;
		return l->o.request(a, (const struct msg_request *)it->m, reply);
	case ITEM_TIMER:
		return run_timer(l, a, it);
	case ITEM_STREAM:
		return stream_finish(a, it->stream);
	case ITEM_ALARM:
		return run_alarm(a, it);
	default:
		return run_meter(l, a, it);
	}
}

/* Leaves the item's savepoint as r asks; < 0 when the whole transaction is gone. */
static int leave(struct ledger *l, struct act *a, int r)
{
	return r == 0 && !a->dry_run ? db_release(l->o.db) : db_rollback_to(l->o.db);
}

static void park(struct turn *t, struct item *it, struct effects *e)
{
	it->ticket = ticket_for(t, e->park, it->kind == ITEM_REQUEST);
	it->deadline = t->now.boot_ms + PARK_MS;
	it->parked_now = true;
}

static int answer(struct turn *t, struct act *a, struct item *it, struct ledger_reply *r)
{
	const struct msg_request *m = (const struct msg_request *)it->m;
	int stored = 0;

	if (r->status != 401)
		inbox_accepted(t->l, m, t->now);
	if (r->keep && !r->replayed && a->who.scope[0])
		stored = idem_store(a, m, r);
	if (stored < 0) {
		drop_reply(r);
		return stored;
	}
	free(r->kept);
	it->reply = reply_new(t->l, m, r);
	it->job = r->job;
	return 0;
}

static void refused_timer(struct ledger *l, struct act *a, const struct item *it)
{
	store_timer_take(l->o.db, it->timer, it->ref, it->due_at, NULL);
	log_event(LOG_WARN, "a timer was refused", "kind", it->timer, "code", a->refusal.err.code, "why",
		a->refusal.err.text, NULL);
}

/* Runs one item. 0: whatever became of it, the turn goes on. < 0: the transaction is lost. */
static int run_item(struct turn *t, struct item *it)
{
	struct ledger *l = t->l;
	struct ledger_reply reply = { 0 };
	struct effects e;
	struct act a;
	int r;

	turn_act(l, &a, &e, it->at);
	a.person = it->kind == ITEM_REQUEST;
	a.polled = it->polled;
	a.unread = it->unread;
	if (db_savepoint(l->o.db) < 0)
		return db_failed(l->o.db);
	r = run(l, &a, it, &reply);
	if (r >= 0 && db_failed(l->o.db))
		r = db_failed(l->o.db);
	if (r < 0)
		log_event(LOG_ERROR_LEVEL, "an item failed", "why", db_why(l->o.db), "actor", a.who.actor, NULL);
	if (leave(l, &a, r) < 0) {
		drop_reply(&reply);
		return db_failed(l->o.db) ? db_failed(l->o.db) : DB_TXN_GONE;
	}
	touch(l, e.touch);
	if (r < 0 || r == ACT_PARKED) {
		drop_reply(&reply);
		it->failed = r < 0;
		it->class = r;
		if (r == ACT_PARKED)
			park(t, it, &e);
		return 0;
	}
	for (int i = 0; r == 0 && i < e.n_polls; i++)
		want_poll(t, e.polls[i], 0, a.person);
	if (r == 0)
		turn_effects(l, &a);
	if (it->kind == ITEM_TIMER && r == ACT_REFUSED)
		refused_timer(l, &a, it);
	return it->kind == ITEM_REQUEST ? answer(t, &a, it, &reply) : 0;
}

static void note(struct turn *t, struct item *it)
{
	it->failed = it->parked_now = false;
	it->class = 0;
	it->next = t->done;
	t->done = it;
}

/* After the reading of a ticket: what waited for it runs, in the order of stamps (they were parked in it). */
static int resume(struct turn *t, const struct msg_reading *m)
{
	struct item *it, *next;
	int r = 0;

	for (it = t->l->parked.first; it && r == 0; it = next) {
		next = it->next;
		if (it->ticket != m->ticket)
			continue;
		lane_remove(&t->l->parked, it);
		it->unread = (m->flags & READING_UNREAD) != 0;
		it->polled = !it->unread;
		note(t, it);
		r = run_item(t, it);
	}
	return r;
}

static int run_items(struct turn *t, struct item **items, int n)
{
	int r = 0;

	for (int i = 0; i < n; i++)
		note(t, items[i]);
	for (int i = 0; i < n && r == 0; i++) {
		const struct msg_reading *m = (const struct msg_reading *)items[i]->m;
		r = run_item(t, items[i]);
		if (r == 0 && items[i]->kind == ITEM_READING && m->ticket)
			r = resume(t, m);
	}
	return r;
}

static int record_touches(struct ledger *l, struct stamp now, bool *ret_clock)
{
	for (int i = 0; i < l->n_touch; i++)
		store_token_touch(l->o.db, l->touch[i], now.wall_ms);
	*ret_clock = clock_record(l, now);
	return db_failed(l->o.db);
}

/* Afterwards --------------------------------------------------------------------------------------------- */

static void turn_alarm(struct ledger *l, struct stamp now, const char *text)
{
	struct item *it = item_new(l, ITEM_ALARM, now);

	log_event(LOG_ERROR_LEVEL, "alarm", "what", text, NULL);
	if (!it)
		return;
	lt_fmt(it->text, sizeof(it->text), "%s", text);
	lane_push(&l->alarms, it);
}

static void set_aside(struct turn *t, struct item *it)
{
	static const char *const names[] = { "reading", "link", "interlock", "request", "timer", "stream", "alarm" };
	struct ledger *l = t->l;
	struct aside *a = &l->aside[0];
	const char *what = it->kind == ITEM_TIMER ? it->timer : it->m ? ((struct msg_reading *)it->m)->instrument : "";
	char text[160];

	l->numbers.set_aside++;
	if (it->kind == ITEM_TIMER) {
		for (int i = 1; i < ASIDE_MAX; i++)
			if (l->aside[i].until < a->until)
				a = &l->aside[i];
		lt_fmt(a->kind, sizeof(a->kind), "%s", it->timer);
		a->ref = it->ref;
		a->until = t->now.boot_ms + ASIDE_MS;
	}
	lt_fmt(text, sizeof(text), "%s %s failed %d times and was set aside", names[it->kind], what, ATTEMPTS);
	if (it->kind != ITEM_ALARM)
		turn_alarm(l, t->now, text);
	item_free(it);
}

/* Back into its lane, to be tried again; a timer is found again in its table. */
static void requeue(struct turn *t, struct item *it)
{
	struct ledger *l = t->l;

	it->not_before = t->now.boot_ms + RETRY_MS;
	it->edge = true;
	lane_return(it->kind == ITEM_ALARM ? &l->alarms : it->kind == ITEM_STREAM ? &l->ended : &l->meter, it);
}

/* What the loop tells once and nobody repeats: it waits for a store that is full or without memory, however long. */
static bool told_once(const struct item *it)
{
	return (it->kind == ITEM_LINK || it->kind == ITEM_INTERLOCK) && it->class != DB_MISUSE &&
		it->class != DB_CONSTRAINT && it->class != DB_CORRUPT;
}

/* alone: the failure is this item's own. */
static void failed_item(struct turn *t, struct item *it, bool alone)
{
	if (it->reply)
		msg_free(&it->reply->head);
	it->reply = NULL;
	if (it->job)
		it->job->kind->cancel(it->job);
	if (it->kind == ITEM_REQUEST) {
		it->reply = reply_busy(t->l, (struct msg_request *)it->m);
		if (it->reply)
			queue_push(t->l->o.out, &it->reply->head);
		it->reply = NULL;
		item_free(it);
		return;
	}
	it->attempts += alone && !told_once(it);
	if (it->kind == ITEM_STREAM && it->attempts >= ATTEMPTS) {
		stream_end(t->l, it->stream, false);
		item_free(it);
	} else if (it->attempts >= ATTEMPTS) {
		set_aside(t, it);
	} else {
		requeue(t, it);
	}
}

static void succeeded_item(struct turn *t, struct item *it)
{
	struct ledger *l = t->l;

	if (it->kind == ITEM_READING)
		l->numbers.readings++;
	if (it->kind == ITEM_STREAM)
		stream_end(l, it->stream, true);
	if (it->reply)
		queue_push(l->o.out, &it->reply->head);
	it->reply = NULL;
	if (it->job)
		stream_start(l, ((struct msg_request *)it->m)->conn, it->job);
	item_free(it);
}

static void finish(struct turn *t, bool committed)
{
	struct item *list = NULL, *it, *next;

	for (it = t->done; it; it = next) { /* oldest first again */
		next = it->next;
		it->next = list;
		list = it;
	}
	for (it = list; it; it = next) {
		next = it->next;
		it->next = NULL;
		t->l->numbers.items++;
		if (it->parked_now)
			lane_push(&t->l->parked, it);
		else if (!committed)
			failed_item(t, it, t->n == 1);
		else if (it->failed)
			failed_item(t, it, true);
		else
			succeeded_item(t, it);
	}
}

/* Nobody is told anything but "try again"; the ledger pushes MSG_FATAL with the store's words. */
static int in_doubt(struct turn *t)
{
	int class = db_failed(t->l->o.db);

	log_event(LOG_ERROR_LEVEL, "COMMIT failed: in doubt", "why", db_why(t->l->o.db), NULL);
	db_rollback(t->l->o.db);
	finish(t, false);
	return class;
}

int turn_run(struct ledger *l, struct item **items, int n, struct stamp now)
{
	struct turn t = { .l = l, .now = now, .n = n };
	bool clock = false;
	int64_t from;
	int r = db_begin(l->o.db);

	l->numbers.turns++;
	if (r == 0)
		r = run_items(&t, items, n);
	else
		for (int i = 0; i < n; i++)
			note(&t, items[i]);
	if (r == 0)
		r = record_touches(l, now, &clock);
	if (r < 0) {
		log_event(LOG_ERROR_LEVEL, "a turn failed before its commit; it is run again item by item", "why",
			db_why(l->o.db), NULL);
		l->numbers.failed_turns++;
		db_rollback(l->o.db);
		l->alone = n > 1 ? n : l->alone;
		finish(&t, false);
	} else {
		from = l->o.clock_us ? l->o.clock_us() : 0;
		if (db_commit(l->o.db) < 0)
			return in_doubt(&t);
		l->numbers.commit_us = l->o.clock_us ? l->o.clock_us() - from : 0;
		l->numbers.commits++;
		l->n_touch = 0;
		if (clock)
			clock_recorded(l, now);
		finish(&t, true);
	}
	push_polls(&t);
	return 0;
}
