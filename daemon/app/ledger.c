/*
 * ledger.c - the ledger thread's step: take what is queued, choose a turn, run it; then reads, leases, slices of long
 * work and the checkpoint. Owns everything that waits.
 * Fails (< 0) when a COMMIT is in doubt, the store cannot recover, or memory is out: the process ends and recovers.
 */
#include <stdlib.h>
#include <string.h>

#include "app/idem.h"
#include "app/parts.h"
#include "base/base.h"
#include "common/fmt.h"

#define CHECKPOINT_IDLE 1000
#define CHECKPOINT_BUSY 4000
#define CHECKPOINT_MOST 65536  /* 256 MiB of log: now, whatever it costs       */
#define CHECKPOINT_SHARE 400   /* else they take at most 1/400 of the time     */
#define IDLE_MAX_MS 1000
#define BLOCKED_MS 20

struct ledger *ledger_new(const struct ledger_options *o, struct lt_err *err)
{
	struct ledger *l = o->ports ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		lt_err_set(err, o->ports ? "out-of-memory" : "no-ports", "", "the ledger cannot start");
		return NULL;
	}
	l->o = *o;
	l->plain_since = -1;
	l->leases_at = -LEASE_RENEW_MS;
	l->next_due_at = INT64_MAX;
	lane_init(&l->meter);
	lane_init(&l->known);
	lane_init(&l->others);
	lane_init(&l->reads);
	lane_init(&l->parked);
	lane_init(&l->alarms);
	lane_init(&l->ended);
	if (inbox_site(l, o->site) < 0) {
		lt_err_set(err, "out-of-memory", "", "the ledger cannot start");
		return ledger_free(l);
	}
	return l;
}

struct ledger *ledger_free(struct ledger *l)
{
	if (!l)
		return NULL;
	struct lane *const lanes[] = { &l->meter, &l->known, &l->others, &l->reads, &l->parked, &l->alarms, &l->ended };
	struct item *it;

	streams_cancel(l);
	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++)
		while ((it = lane_pop(lanes[i])))
			item_free(it);
	msg_free(l->reload);
	free(l->units);
	free(l);
	return NULL;
}

bool ledger_is_read_only(const struct ledger *l)
{
	return atomic_load(&l->read_only);
}

void ledger_set_read_only(struct ledger *l)
{
	atomic_store(&l->read_only, true);
}

/* Turns ----------------------------------------------------------------------------------------------------- */

static bool meter_starts(const struct ledger *l, struct stamp now)
{
	if (l->plain_since >= 0 && now.boot_ms - l->plain_since >= COMPANY_MS)
		return true;
	for (const struct item *it = l->meter.first; it; it = it->next)
		if (it->edge && it->not_before <= now.boot_ms)
			return true;
	return l->meter.n >= TURN_METER;
}

static bool alarms_start(const struct ledger *l, struct stamp now)
{
	return l->alarms.first && l->alarms.first->not_before <= now.boot_ms;
}

static bool ended_start(const struct ledger *l, struct stamp now)
{
	return l->ended.first && l->ended.first->not_before <= now.boot_ms;
}

static bool must_turn(const struct ledger *l, struct stamp now)
{
	return l->known.n || l->others.n || l->next_due_at <= now.wall_ms || meter_starts(l, now) ||
		alarms_start(l, now) || ended_start(l, now) || (l->stop && l->meter.n);
}

/* The wall time of the next timer that would be chosen. */
static void look_ahead(struct ledger *l, struct stamp now)
{
	struct stmt *s = timers_by_due(l, now);

	l->next_due_at = INT64_MAX;
	while (db_step(s) == DB_ROW) {
		if (timer_waits(l, db_text(s, 0), db_int(s, 1), now.boot_ms))
			continue;
		l->next_due_at = db_int(s, 2);
		break;
	}
	db_end(s);
	if (db_failed(l->o.db))
		db_rollback(l->o.db);
}

static void publish_numbers(struct ledger *l, struct stamp now)
{
	struct msg_turn *m = msg_new(MSG_TURN, sizeof(*m));

	if (!m) {
		l->out_of_memory = true;
		return;
	}
	l->numbers.next_due_at = l->next_due_at;
	l->numbers.ready = l->started;
	l->numbers.read_only = atomic_load(&l->read_only);
	l->numbers.cpu_us = l->o.cpu_us ? l->o.cpu_us() : 0;
	l->numbers.head = m->head;
	*m = l->numbers;
	queue_push(l->o.out, &m->head);
	l->numbers.commit_us = 0;
	l->numbers_at = now.boot_ms;
}

/* Nothing may be written: requests are told so, the rest is dropped and shown by /readyz. */
static void refuse_writes(struct ledger *l)
{
	struct lane *const lanes[] = { &l->known, &l->others, &l->meter, &l->alarms, &l->parked };
	struct item *it;

	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++)
		while ((it = lane_pop(lanes[i]))) {
			struct msg_reply *r = it->kind == ITEM_REQUEST ? reply_busy(l,
				(struct msg_request *)it->m) : NULL;
			if (r)
				queue_push(l->o.out, &r->head);
			item_free(it);
		}
	for (int i = 0; i < l->site->n_instruments; i++)
		l->units[i].plain = NULL;
	l->plain_since = -1;
}

static int one_turn(struct ledger *l, struct stamp now)
{
	struct item *items[TURN_MAX];
	int n = choose_turn(l, now, items), r;

	if (l->alone > 0)
		l->alone--;
	l->plain_since = -1;
	for (const struct item *it = l->meter.first; it; it = it->next)
		if (!it->edge && (l->plain_since < 0 || it->at.boot_ms < l->plain_since))
			l->plain_since = it->at.boot_ms;
	if (n == 0) { /* a due timer waits for what was complete before it: look again soon */
		if (db_failed(l->o.db)) /* or the timers could not be asked for */
			db_rollback(l->o.db);
		l->next_due_at = l->next_due_at <= now.wall_ms ? now.wall_ms + BLOCKED_MS : l->next_due_at;
		return 0;
	}
	r = turn_run(l, items, n, now);
	if (r == 0)
		look_ahead(l, now);
	publish_numbers(l, now);
	return r;
}

static bool park_expired(const struct ledger *l, struct stamp now)
{
	for (const struct item *it = l->parked.first; it; it = it->next)
		if (it->deadline <= now.boot_ms)
			return true;
	return false;
}

/* While items are retried alone, a step makes several small turns, so that nobody waits long behind them. */
static int turns(struct ledger *l, struct stamp now)
{
	int r = 0;

	if (atomic_load(&l->read_only)) {
		refuse_writes(l);
		return 0;
	}
	r = clock_watch(l, now);
	if (r < 0)
		return r;
	look_ahead(l, now);
	for (int i = 0; i < 64 && r == 0 && (must_turn(l, now) || park_expired(l, now)); i++) {
		bool many = l->alone > 0;
		r = one_turn(l, now);
		if (!many && l->alone == 0)
			break;
	}
	return r;
}

/* Reads -------------------------------------------------------------------------------------------------- */

static void read_one(struct ledger *l, struct item *it)
{
	const struct msg_request *m = (const struct msg_request *)it->m;
	bool writes = m->method != METHOD_GET; /* a dry run: its writes are rolled back */
	struct ledger_reply reply = { 0 };
	struct effects e;
	struct act a;
	struct msg_reply *out;
	int r = 0;

	turn_act(l, &a, &e, it->at);
	a.who.role = ROLE_NONE;
	a.person = true;
	db_reads_only(l->o.db, !writes);
	if (writes)
		r = db_begin(l->o.db);
	if (r == 0)
		r = l->o.request(&a, m, &reply);
	if (r >= 0 && db_failed(l->o.db))
		r = db_failed(l->o.db);
	if (r < 0)
		log_event(LOG_ERROR_LEVEL, "a read failed", "path", m->path, "why", db_why(l->o.db), NULL);
	db_rollback(l->o.db);
	db_reads_only(l->o.db, false);
	free(reply.kept);
	for (int i = 0; r == 0 && !writes && i < e.n_polls; i++)
		turn_poll(l, e.polls[i], 0, true, it->at);
	if (e.touch[0] && l->n_touch < TOUCH_MAX)
		memcpy(l->touch[l->n_touch++], e.touch, sizeof(e.touch));
	if (r < 0 || r == ACT_PARKED) {
		free(reply.body);
		reply.body = NULL;
		if (reply.job)
			reply.job->kind->cancel(reply.job);
		out = reply_busy(l, m);
		reply.job = NULL;
	} else {
		if (reply.status != 401)
			inbox_accepted(l, m, it->at);
		out = reply_new(l, m, &reply);
	}
	if (out)
		queue_push(l->o.out, &out->head);
	if (reply.job)
		stream_start(l, m->conn, reply.job);
	item_free(it);
}

static void reads(struct ledger *l)
{
	struct item *it;

	for (int i = 0; i < READS_A_STEP && (it = lane_pop(&l->reads)); i++)
		read_one(l, it);
}

/* Start, reload, stop ------------------------------------------------------------------------------------ */

/* The configured site takes its place in the store: instruments, and terms whose text changed. */
static int adopt(struct ledger *l, struct act *a)
{
	struct lt_err err = { 0 };
	int r = l->o.reload ? l->o.reload(a, l->site, &err) : 0;

	if (r != 0)
		log_event(LOG_ERROR_LEVEL, "the store refuses the configuration", "where", err.field, "why", err.text,
			NULL);
	return r;
}

static int start(struct ledger *l, struct stamp now)
{
	struct effects e;
	struct act a;
	int r = db_begin(l->o.db);

	turn_act(l, &a, &e, now);
	lt_fmt(a.who.actor, sizeof(a.who.actor), "labtimed");
	if (r == 0)
		r = db_savepoint(l->o.db);
	if (r == 0)
		r = idem_start(&a);
	if (r == 0)
		r = adopt(l, &a);
	if (r == 0)
		r = clock_start(l, &a);
	if (r == 0)
		r = l->o.ports->recover(&a);
	if (r == 0)
		r = db_release(l->o.db);
	if (r == 0)
		r = db_commit(l->o.db);
	if (r != 0) {
		log_event(LOG_ERROR_LEVEL, "the store cannot recover", "why", db_why(l->o.db), "refused",
			a.refusal.err.text, NULL);
		db_rollback(l->o.db);
		return r < 0 ? r : DB_MISUSE;
	}
	l->started = true;
	turn_effects(l, &a);
	look_ahead(l, now);
	publish_numbers(l, now);
	return 0;
}

static int try_reload(struct ledger *l, const struct site *next, struct stamp now, struct lt_err *err)
{
	struct effects e;
	struct act a;
	int r = db_begin(l->o.db);

	turn_act(l, &a, &e, now);
	lt_fmt(a.who.actor, sizeof(a.who.actor), "config");
	if (r == 0)
		r = db_savepoint(l->o.db);
	if (r == 0)
		r = l->o.reload ? l->o.reload(&a, next, err) : 0;
	if (r == 0)
		r = db_release(l->o.db);
	if (r != 0) {
		if (r < 0 && err->text[0] == '\0')
			lt_err_set(err, "store-failed", "", "the store could not take the new configuration: %s",
				db_why(l->o.db));
		db_rollback(l->o.db);
		return 1;
	}
	return db_commit(l->o.db) < 0 ? -1 : 0;
}

/* 0, or < 0 when the commit is in doubt. The site goes back to the loop, which owns both. */
static int reload(struct ledger *l, struct stamp now)
{
	struct msg_reload *m = (struct msg_reload *)l->reload;
	struct msg_reloaded *out = msg_new(MSG_RELOADED, sizeof(*out));
	int r;

	if (!out) {
		l->out_of_memory = true;
		return 0;
	}
	l->reload = NULL;
	r = try_reload(l, m->site, now, &out->err);
	out->site = m->site;
	if (r == 0 && inbox_site(l, m->site) < 0)
		l->out_of_memory = true;
	out->ok = r == 0 && !l->out_of_memory;
	msg_free(&m->head);
	queue_push(l->o.out, &out->head);
	if (r == 0)
		l->leases_at = now.boot_ms - LEASE_RENEW_MS;
	look_ahead(l, now);
	return r < 0 ? r : 0;
}

static int fatal(struct ledger *l, int class)
{
	struct msg_fatal *m = msg_new(MSG_FATAL, sizeof(*m));

	log_event(LOG_ERROR_LEVEL, "the ledger ends; the next start recovers", "why", db_why(l->o.db), NULL);
	if (m) {
		lt_fmt(m->why, sizeof(m->why), "%s", class == DB_NOMEM ? "out of memory" : db_why(l->o.db));
		queue_push(l->o.out, &m->head);
	}
	return class;
}

static int waiting(const struct ledger *l)
{
	return l->meter.n + l->known.n + l->others.n + l->alarms.n + l->ended.n;
}

static int stop(struct ledger *l, struct stamp now)
{
	struct item *it;
	struct msg *m;
	int r = 0, left = INT32_MAX;

	while (r == 0 && must_turn(l, now) && waiting(l) < left) {
		left = waiting(l);
		r = one_turn(l, now);
	}
	if (r < 0)
		return fatal(l, r);
	while ((it = lane_pop(&l->parked))) {
		struct msg_reply *reply = it->kind == ITEM_REQUEST ? reply_busy(l, (struct msg_request *)it->m) : NULL;
		if (reply)
			queue_push(l->o.out, &reply->head);
		item_free(it);
	}
	while (l->reads.n)
		reads(l);
	streams_cancel(l);
	db_checkpoint(l->o.db);
	m = msg_new(MSG_STOPPED, sizeof(*m));
	if (m)
		queue_push(l->o.out, m);
	return 1;
}

/* Steps -------------------------------------------------------------------------------------------------- */

static bool backlog(const struct ledger *l, struct stamp now)
{
	return l->reads.n || l->reload || l->stop || streams_ready(l) || must_turn(l, now) || park_expired(l, now);
}

/* Everybody waits for a checkpoint: on a slow disk they are rare, so that few requests meet one. */
static void checkpoint(struct ledger *l, struct stamp now)
{
	int64_t frames = db_wal_frames(l->o.db), began;

	if (frames < (backlog(l, now) ? CHECKPOINT_BUSY : CHECKPOINT_IDLE))
		return;
	if (frames < CHECKPOINT_MOST && now.boot_ms - l->checkpoint_at < CHECKPOINT_SHARE * l->checkpoint_us / 1000)
		return;
	began = l->o.clock_us ? l->o.clock_us() : 0;
	db_checkpoint(l->o.db);
	l->checkpoint_us = l->o.clock_us ? l->o.clock_us() - began : 0;
	l->checkpoint_at = now.boot_ms;
}

static int work(struct ledger *l, struct stamp now)
{
	int r = l->started ? 0 : start(l, now);

	inbox_take(l);
	if (r == 0)
		r = turns(l, now);
	if (r == 0 && l->reload)
		r = reload(l, now);
	if (r < 0)
		return fatal(l, r);
	leases_publish(l, now);
	inbox_take(l); /* reads that came during the turn do not wait for another one */
	reads(l);
	if (l->stop)
		return stop(l, now);
	streams_slice(l);
	if (now.boot_ms - l->numbers_at >= HEARTBEAT_MS)
		publish_numbers(l, now);
	checkpoint(l, now);
	return 0;
}

int ledger_step(struct ledger *l, struct stamp now)
{
	int r = work(l, now);

	return r >= 0 && l->out_of_memory ? fatal(l, DB_NOMEM) : r;
}

static void sooner(int64_t *ms, int64_t left)
{
	if (left < *ms)
		*ms = left > 0 ? left : 0;
}

int64_t ledger_idle_ms(const struct ledger *l, struct stamp now)
{
	int64_t ms = IDLE_MAX_MS;

	if (!l->started || backlog(l, now))
		return 0;
	if (l->next_due_at != INT64_MAX)
		sooner(&ms, l->next_due_at - now.wall_ms);
	if (l->plain_since >= 0)
		sooner(&ms, l->plain_since + COMPANY_MS - now.boot_ms);
	for (const struct item *it = l->parked.first; it; it = it->next)
		sooner(&ms, it->deadline - now.boot_ms);
	for (const struct item *it = l->meter.first; it; it = it->next)
		if (it->not_before > now.boot_ms)
			sooner(&ms, it->not_before - now.boot_ms);
	sooner(&ms, l->leases_at + LEASE_RENEW_MS - now.boot_ms);
	if (l->leases_again_at > now.boot_ms)
		sooner(&ms, l->leases_again_at - now.boot_ms);
	sooner(&ms, l->numbers_at + HEARTBEAT_MS - now.boot_ms);
	return ms;
}

int ledger_run(struct ledger *l, struct stamp (*now)(void))
{
	int r = 0;

	while (r == 0) {
		int64_t ms = ledger_idle_ms(l, now());
		if (ms > 0)
			queue_ready(l->o.in, ms);
		r = ledger_step(l, now());
	}
	return r;
}
