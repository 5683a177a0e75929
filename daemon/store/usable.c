/* usable.c - when an instrument could not be used, from the tables that know of it. Owns nothing, writes nothing. */
#include "store/usable.h"

#include "common/civil.h"

/* No block is looked for that began more than a year before: it would be over. */
#define BLOCK_REACH (366 * LT_DAY)

/* What the wall clock jumped over is not the same for everybody: core/clock_lost.h says it. An outage is found by its
 * end (the + keeps other indexes out): those of long ago are not looked at. */
#define OUTAGES "SELECT +from_at AS f, COALESCE(to_at, ?4) AS t FROM outage WHERE instrument = ?1 " \
	"AND kind <> 'clock' AND +from_at < ?3 AND COALESCE(to_at, 9223372036854775807) > ?2"
#define BLOCKS "SELECT from_at, to_at FROM block WHERE instrument = ?1 AND state <> 'removed' AND from_at > ?8 " \
	"AND from_at < ?3 AND to_at > ?2"
/* Sessions of a unit do not overlap: what is open at the beginning is the last one that opened before it. What is
 * nobody's holds the unit while it runs. One that is open now and by its label opens later was there before the clock
 * was set back. */
#define SESSIONS "SELECT CASE WHEN opened_at >= ?4 THEN ?2 WHEN kind = 'booked' THEN opened_at " \
	"ELSE COALESCE(first_run_at, opened_at) END, " \
	"CASE WHEN kind = 'booked' OR state IN ('running','unknown') THEN COALESCE(closed_at, ?4) " \
	"ELSE COALESCE(last_run_end_at, opened_at) END FROM session WHERE ?7 = 0 AND instrument = ?1 " \
	"AND unplaced = 0 AND opened_at >= COALESCE((SELECT MAX(opened_at) FROM session WHERE instrument = ?1 " \
	"AND unplaced = 0 AND opened_at <= ?2), ?2) " \
	"AND (opened_at < ?3 OR (opened_at >= ?4 AND state IN ('open','running','idle','unknown'))) " \
	"AND (booking IS NULL OR booking <> ?5) AND id <> ?6"

/* The clock was set back in a session: it held the unit from the label after that instant on. A session that closed
 * since ended by the clock or by the label of its last run, whichever is earlier. What it held before can be used when
 * the clock shows it again, and what the clock showed then it showed to nobody else (core/clock_lost.h). */
#define AFTER_SET_BACK "SELECT k.wall_ms, CASE WHEN s.closed_at IS NULL THEN ?4 WHEN s.closed_at < s.last_run_end_at " \
	"THEN s.closed_at ELSE COALESCE(s.last_run_end_at, 0) END " \
	"FROM clock_step k JOIN session s ON s.instrument = ?1 AND s.opened_at <= k.wall_ms - k.step_ms " \
	"AND s.opened_at > k.wall_ms - k.step_ms - 3456000000 AND s.since_step < k.id AND (s.closed_at IS NULL OR " \
	"s.until_step >= k.id) WHERE ?7 = 0 AND k.step_ms < 0 AND k.wall_ms < ?3 + 691200000 AND k.wall_ms > ?2 - 691200000 " \
	"AND s.unplaced = 0 AND (s.booking IS NULL OR s.booking <> ?5) AND s.id <> ?6"

const char store_unusable_sql[] = OUTAGES " UNION ALL " BLOCKS " UNION ALL " SESSIONS " UNION ALL " AFTER_SET_BACK
	" ORDER BY 1";

int store_unusable(struct db *db, const struct unusable_query *q, struct interval *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, store_unusable_sql,
		"tiii" "iiii", q->instrument, q->in.from, q->in.to, q->now, q->booking, q->session, (int64_t)q->anybody,
		q->in.from - BLOCK_REACH);
	int n = 0, rc;

	while ((rc = db_step(s)) == DB_ROW) {
		struct interval x = interval_cut((struct interval){ db_int(s, 0), db_int(s, 1) }, q->in);

		if (interval_empty(x))
			continue;
		if (n > 0 && (x.from <= ret[n - 1].to || n == cap))
			ret[n - 1].to = x.to > ret[n - 1].to ? x.to : ret[n - 1].to;
		else
			ret[n++] = x;
	}
	db_end(s);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}
