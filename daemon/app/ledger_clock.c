/*
 * ledger_clock.c - the ledger looks at the clock at each of its steps, before any item of the turn runs: a step is
 * written in a transaction of its own. Owns l->clock. A step that the store cannot take now is tried again; until it is
 * written, timers that take something wait.
 */
#include "app/parts.h"
#include "base/base.h"
#include "common/fmt.h"
#include "store/clock.h"

#define SAVE_EVERY_MS LT_MINUTE

bool timer_held(const struct ledger *l, const char *kind, int64_t boot_ms)
{
	const struct timer_kind *k;

	if (!timers_wait(l, boot_ms))
		return false;
	k = l->o.ports->timer(kind);
	return k && (k->flags & TIMER_TAKES);
}

bool timers_wait(const struct ledger *l, int64_t boot_ms)
{
	return l->clock_unwritten || clock_waits(&l->clock.clock, boot_ms);
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
		log_event(LOG_ERROR_LEVEL, "a step of the wall clock is not written yet", "why", db_why(l->o.db), NULL);
		db_rollback(l->o.db);
		l->clock_unwritten = true;
		return 0;
	}
	if (db_commit(l->o.db) < 0)
		return db_failed(l->o.db);
	l->clock = v;
	l->clock_unwritten = false;
	turn_effects(l, &a);
	return 0;
}

int clock_watch(struct ledger *l, struct stamp now)
{
	struct clock_step none;

	if (!l->o.ports->clock)
		return 0;
	if (clock_must_notice(&l->clock, l->o.boot_id, now))
		return write_step(l, now);
	clock_look(&l->clock.clock, l->o.boot_id, now.boot_ms, now.wall_ms, 0, &none);
	ask_again(l, now);
	return 0;
}

int clock_start(struct ledger *l, struct act *a)
{
	return l->o.ports->clock ? l->o.ports->clock(a, &l->clock) : 0;
}

int clock_record(struct ledger *l, struct stamp now)
{
	if (!l->clock.clock.boot_id[0] || now.boot_ms - l->clock_saved < SAVE_EVERY_MS)
		return 0;
	l->clock_saved = now.boot_ms;
	return store_clock_seen(l->o.db, &l->clock.clock);
}
