/*
 * booking_view.c - why a booking was accepted, and what lies on an instrument's calendar. Reads only.
 */
#include <stdlib.h>
#include <string.h>

#include "app/booking_step.h"
#include "common/fmt.h"
#include "store/booking.h"

int booking_why(struct act *a, int64_t id, struct booking *ret, struct finding found[RULES_MAX], int *ret_n)
{
	struct policy p;
	struct rule_facts f;
	int rc = booking_open(a, id, 0, ret);

	if (rc == 0)
		rc = terms_policy(a, ret->instrument, ret->policy_version, &p);
	if (rc != 0)
		return rc;
	{
		struct facts_for w = { .verb = BOOKING_CREATE, .instrument = ret->instrument, .org = ret->org, .user = ret->user,
			.except = id, .policy = &p, .now = ret->created_at, .at = { ret->booked_from, ret->booked_to } };

		rc = booking_facts(a, &w, &f);
	}
	if (rc != 0)
		return rc;
	*ret_n = rules_examine(&f, found);
	return act_end(a);
}

static int by_start(const void *pa, const void *pb)
{
	const struct calendar_entry *x = pa, *y = pb;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/* One text per source; every row is kind, from, to, booking, user, org, reason. */
static int add_entries(struct act *a, struct stmt *s, enum calendar_kind kind, struct calendar_entry *ret, int cap, int *n)
{
	int class = DB_DONE;

	while (*n < cap && (class = db_step(s)) == DB_ROW) {
		struct calendar_entry *e = &ret[(*n)++];

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
	return class < 0 ? class : db_failed(a->db);
}

#define SPAN_ARGS "tiii", instrument, from, to, (int64_t)cap

int booking_calendar(struct act *a, const char *instrument, int64_t from, int64_t to, struct calendar_entry *ret, int cap,
		     int *ret_n)
{
	int n = 0;
	int rc = add_entries(a, db_query(a->db, "SELECT booked_from, held_to, id, user, org, state FROM booking WHERE instrument = ?1 "
		"AND booked_from > ?2 - 31622400000 AND booked_from < ?3 AND held_to > ?2 AND held_to > booked_from AND "
		"state IN ('pending','confirmed','active','completed') ORDER BY booked_from LIMIT ?4", SPAN_ARGS),
		CALENDAR_BOOKING, ret, cap, &n);

	if (rc == 0)
		rc = add_entries(a, db_query(a->db, "SELECT from_at, to_at, NULL, '', '', reason FROM block WHERE instrument = ?1 "
			"AND to_at > ?2 AND from_at < ?3 AND state <> 'removed' ORDER BY from_at LIMIT ?4", SPAN_ARGS),
			CALENDAR_BLOCK, ret, cap, &n);
	if (rc == 0)
		rc = add_entries(a, db_query(a->db, "SELECT busy_from, busy_to, NULL, '', '', '' FROM occupancy WHERE "
			"unit = (SELECT unit FROM instrument WHERE id = ?1) AND busy_to > ?2 AND busy_from < ?3 AND active = 1 "
			"AND kind = 'hold' ORDER BY busy_from LIMIT ?4", SPAN_ARGS), CALENDAR_HOLD, ret, cap, &n);
	if (rc == 0)
		rc = add_entries(a, db_query(a->db, "SELECT opened_at, ?5, booking, user, org, kind FROM session WHERE "
			"instrument = ?1 AND opened_at < ?3 AND ?5 > ?2 AND state IN ('open','running','idle','unknown') "
			"ORDER BY opened_at LIMIT ?4", "tiiii", instrument, from, to, (int64_t)cap, a->now.wall_ms),
			CALENDAR_SESSION, ret, cap, &n);
	if (rc == 0)
		rc = add_entries(a, db_query(a->db, "SELECT u.from_at, u.to_at, s.booking, s.user, s.org, u.reason FROM usage u "
			"LEFT JOIN session s ON s.id = u.session WHERE u.instrument = ?1 AND u.from_at > ?2 - 31622400000 AND "
			"u.from_at < ?3 AND u.to_at > ?2 AND u.placed = 1 ORDER BY u.from_at LIMIT ?4", SPAN_ARGS),
			CALENDAR_METERED, ret, cap, &n);
	if (rc != 0)
		return rc;
	qsort(ret, (size_t)n, sizeof(*ret), by_start);
	*ret_n = n;
	return act_end(a);
}
