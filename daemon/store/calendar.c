/* calendar.c - SQL of an instrument's calendar. Failures are the sticky class of db.h. */
#include "store/calendar.h"

#include <string.h>

struct page { struct calendar_entry *entries; int cap, n; };

/* Every row is from, to, booking, user, org, reason. */
static int add(struct stmt *s, enum calendar_kind kind, struct page *p)
{
	int class = DB_DONE;

	while (p->n < p->cap && (class = db_step(s)) == DB_ROW) {
		struct calendar_entry *e = &p->entries[p->n++];

		memset(e, 0, sizeof(*e));
		e->kind = kind;
		e->from = db_int(s, 0);
		e->to = db_int(s, 1);
		e->booking = db_int(s, 2);
		db_copy_text(s, 3, e->user, sizeof(e->user));
		db_copy_text(s, 4, e->org, sizeof(e->org));
		db_copy_text(s, 5, e->reason, sizeof(e->reason));
	}
	db_end(s);
	return class < 0 ? class : 0;
}

#define SPAN_ARGS "tiii", instrument, in.from, in.to, (int64_t)cap

int store_calendar(struct db *db, const char *instrument, struct interval in, int64_t now, struct calendar_entry *ret,
	int cap,
		   int *ret_n)
{
	struct page p = { .entries = ret, .cap = cap };
	int rc = add(db_query(db, "SELECT booked_from, held_to, id, user, org, state FROM booking WHERE instrument = ?1 "
		"AND booked_from > ?2 - 31622400000 AND booked_from < ?3 AND held_to > ?2 AND held_to > booked_from AND "
		"state IN ('pending','confirmed','active','completed') ORDER BY booked_from LIMIT ?4",
		SPAN_ARGS), CALENDAR_BOOKING, &p);

	if (rc == 0)
		rc = add(db_query(db, "SELECT from_at, to_at, NULL, '', '', reason FROM block WHERE instrument = ?1 AND to_at "
			"> ?2 AND from_at < ?3 AND state <> 'removed' ORDER BY from_at LIMIT ?4", SPAN_ARGS), CALENDAR_BLOCK, &p);
	if (rc == 0)
		rc = add(db_query(db, "SELECT busy_from, busy_to, NULL, '', '', '' FROM occupancy WHERE "
			"unit = (SELECT unit FROM instrument WHERE id = ?1) AND busy_to > ?2 AND busy_from < ?3 AND active = 1 "
			"AND kind = 'hold' ORDER BY busy_from LIMIT ?4", SPAN_ARGS), CALENDAR_HOLD, &p);
	if (rc == 0)
		rc = add(db_query(db, "SELECT opened_at, ?5, booking, user, org, kind FROM session WHERE instrument = ?1 AND "
			"opened_at < ?3 AND ?5 > ?2 AND state IN ('open','running','idle','unknown') ORDER BY opened_at LIMIT ?4",
			"tiiii", instrument, in.from, in.to, (int64_t)cap, now), CALENDAR_SESSION, &p);
	if (rc == 0)
		rc = add(db_query(db, "SELECT u.from_at, u.to_at, s.booking, s.user, s.org, u.reason FROM usage u "
			"LEFT JOIN session s ON s.id = u.session WHERE u.instrument = ?1 AND u.from_at > ?2 - 31622400000 AND "
			"u.from_at < ?3 AND u.to_at > ?2 AND u.placed = 1 ORDER BY u.from_at LIMIT ?4",
			SPAN_ARGS), CALENDAR_METERED, &p);
	*ret_n = p.n;
	return rc;
}
