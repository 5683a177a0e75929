/*
 * ledger_clock.c - the ledger looks at the clocks at each of its steps, before any item of the turn runs: that the wall
 * clock was set, and that the ledger itself had no turn for long, is written in a transaction of its own. Owns
 * l->clock, l->stepped, l->away and l->clock_retry. What the store cannot take now is tried again, each time after
 * twice as long, and the log says so once; until it is written, timers that take something wait.
 */
#include "app/parts.h"
#include "base/base.h"
#include "common/fmt.h"
#include "store/clock.h"

#define SAVE_EVERY_MS LT_MINUTE
#define RETRY_FIRST_MS LT_SECOND       /* after the first failure; twice as long after each further one            */
#define RETRY_MOST_MS LT_MINUTE
#define LATE_MS (5 * LT_SECOND)        /* the ledger steps once a second also when it has nothing to do            */

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
		log_event(LOG_ERROR_LEVEL, "what the clocks did is not written yet; it is tried again", "why",
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
		log_event(LOG_INFO, "what the clocks did is written again", "failures", times, NULL);
	}
	l->clock_retry = (struct clock_retry){ 0 };
}

/*
 * The machine slept, or the process was stopped: BOOTTIME went on, and the step comes late. For so long labtime was not
 * up. Where both clocks stood still there is nothing to be seen; what the wall clock skips when it is set right is
 * clock_notice()'s matter.
 */
static void look_at_pace(struct ledger *l, struct stamp now)
{
	struct stamp was = l->stepped;
	int64_t late = now.boot_ms - was.boot_ms;
	char text[40];

	l->stepped = now;
	if (was.wall_ms == 0 || late <= LATE_MS)
		return;
	if (interval_empty(l->away))
		l->away = (struct interval){ was.wall_ms, was.wall_ms };
	if (was.wall_ms + late > l->away.to)
		l->away.to = was.wall_ms + late;
	lt_fmt(text, sizeof(text), "%lld ms", (long long)late);
	log_event(LOG_WARN, "labtimed had no turn: it counts as not up", "for", text, NULL);
}

static int write_clocks(struct ledger *l, struct stamp now)
{
	struct clock_view v = l->clock;
	struct effects e;
	struct act a;
	int r = db_begin(l->o.db);

	turn_act(l, &a, &e, now);
	lt_fmt(a.who.actor, sizeof(a.who.actor), "clock");
	if (r == 0)
		r = db_savepoint(l->o.db);
	if (r == 0 && !interval_empty(l->away))
		r = l->o.ports->unwatched(&a, l->away);
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
	l->away = (struct interval){ 0 };
	nothing_to_write(l);
	turn_effects(l, &a);
	return 0;
}

int clock_watch(struct ledger *l, struct stamp now)
{
	struct clock_step none;

	if (!l->o.ports->clock)
		return 0;
	if (l->o.ports->unwatched)
		look_at_pace(l, now);
	if (clock_must_notice(&l->clock, l->o.boot_id, now) || !interval_empty(l->away))
		return now.boot_ms < l->clock_retry.not_before ? 0 : write_clocks(l, now);
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
