/*
 * ledger_clock.c - the ledger looks at the clock at each of its steps, before any item of the turn runs: a step is
 * written in a transaction of its own. Owns l->clock and l->clock_retry. A step that the store cannot take now is tried
 * again, each time after twice as long, and the log says so once; until it is written, timers that take something wait.
 */
#include "app/parts.h"
#include "base/base.h"
#include "common/fmt.h"
#include "store/clock.h"

#define SAVE_EVERY_MS LT_MINUTE
#define RETRY_FIRST_MS LT_SECOND       /* after the first failure; twice as long after each further one            */
#define RETRY_MOST_MS LT_MINUTE

bool timers_wait(const struct ledger *l, int64_t boot_ms)
{
	return l->clock_retry.failed > 0 || clock_waits(&l->clock.clock, boot_ms);
}

/* A manager may have said go in a turn since. */
static void ask_again(struct ledger *l, struct stamp now)
{
	struct clock c;

	if (clock_waits(&l->clock.clock, now.boot_ms) && store_clock_load(l->o.db, &c) == 0)
		l->clock.clock.waits_until = c.waits_until;
	if (db_failed(l->o.db))
		db_rollback(l->o.db);
}

/* The log has one line for a row of failures, and one when it is over. */
static void not_written(struct ledger *l, struct stamp now)
{
	struct clock_retry *r = &l->clock_retry;

	if (r->failed++ == 0) {
		log_event(LOG_ERROR_LEVEL, "a step of the wall clock is not written yet; it is tried again", "why",
			db_why(l->o.db), NULL);
		r->wait_ms = RETRY_FIRST_MS;
	} else if (r->wait_ms < RETRY_MOST_MS) {
		r->wait_ms = 2 * r->wait_ms < RETRY_MOST_MS ? 2 * r->wait_ms : RETRY_MOST_MS;
	}
	r->not_before = now.boot_ms + r->wait_ms;
}

static void nothing_to_write(struct ledger *l)
{
	char times[24];

	if (l->clock_retry.failed > 0) {
		lt_fmt(times, sizeof(times), "%d", l->clock_retry.failed);
		log_event(LOG_INFO, "what the wall clock did is written again", "failures", times, NULL);
	}
	l->clock_retry = (struct clock_retry){ 0 };
}

static int write_step(struct ledger *l, struct stamp now)
{
	struct clock_view v = l->clock;
	struct effects e;
	struct act a;
	int r = db_begin(l->o.db);

	turn_act(l, &a, &e, now);
	lt_fmt(a.who.actor, sizeof(a.who.actor), "clock");
	if (r == 0)
		r = db_savepoint(l->o.db);
	if (r == 0)
		r = l->o.ports->clock(&a, &v);
	if (r == 0)
		r = db_release(l->o.db);
	if (r != 0) {
		not_written(l, now);
		db_rollback(l->o.db);
		return 0;
	}
	if (db_commit(l->o.db) < 0)
		return db_failed(l->o.db);
	l->clock = v;
	nothing_to_write(l);
	turn_effects(l, &a);
	return 0;
}

int clock_watch(struct ledger *l, struct stamp now)
{
	struct clock_step none;

	if (!l->o.ports->clock)
		return 0;
	if (clock_must_notice(&l->clock, l->o.boot_id, now))
		return now.boot_ms < l->clock_retry.not_before ? 0 : write_step(l, now);
	nothing_to_write(l); /* the clock may be where it was before it could be written */
	clock_look(&l->clock.clock, l->o.boot_id, now.boot_ms, now.wall_ms, 0, &none);
	ask_again(l, now);
	return 0;
}

int clock_start(struct ledger *l, struct act *a)
{
	return l->o.ports->clock ? l->o.ports->clock(a, &l->clock) : 0;
}

bool clock_record(struct ledger *l, struct stamp now)
{
	if (!l->clock.clock.boot_id[0] || now.boot_ms - l->clock_saved < SAVE_EVERY_MS)
		return false;
	store_clock_seen(l->o.db, &l->clock.clock);
	return true;
}

void clock_recorded(struct ledger *l, struct stamp now)
{
	l->clock_saved = now.boot_ms;
}
