/*
 * booking.c - SQL of bookings. Owns nothing but its statements; failures are the sticky class of db.h.
 */
#include "store/booking.h"

#include <string.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "core/calendar.h"

#define COLUMNS "id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, " \
	"price_version, quote_minor, fee_minor, walk_up, waiting, note, project, created_at, COALESCE(ended_at, 0), " \
	"COALESCE(checkin_at, 0), created_by, version, COALESCE(released_at, 0), since_at"
#define LIVE "state IN ('pending','confirmed','active')"
/* No booking is longer than this, so a range over booked_from may start that much earlier. What is live is found by its
 * end instead (the + keeps booked_from out of the choice of an index): whatever lies behind is not looked at. */
#define REACH CALENDAR_LONGEST

static void read_booking(const struct stmt *s, struct booking *b)
{
	memset(b, 0, sizeof(*b));
	b->id = db_int(s, 0);
	db_copy_text(s, 1, b->instrument, sizeof(b->instrument));
	db_copy_text(s, 2, b->org, sizeof(b->org));
	db_copy_text(s, 3, b->user, sizeof(b->user));
	booking_state_from_name(db_text(s, 4), &b->state);
	b->booked_from = db_int(s, 5);
	b->booked_to = db_int(s, 6);
	b->held_to = db_int(s, 7);
	b->priced_to = db_int(s, 8);
	b->policy_version = db_int(s, 9);
	b->price_version = db_int(s, 10);
	b->quote_minor = db_int(s, 11);
	b->fee_minor = db_int(s, 12);
	b->walk_up = db_int(s, 13) != 0;
	b->waiting = db_int(s, 14) != 0;
	db_copy_text(s, 15, b->note, sizeof(b->note));
	db_copy_text(s, 16, b->project, sizeof(b->project));
	b->created_at = db_int(s, 17);
	b->ended_at = db_int(s, 18);
	b->checkin_at = db_int(s, 19);
	db_copy_text(s, 20, b->created_by, sizeof(b->created_by));
	b->version = db_int(s, 21);
	b->released_at = db_int(s, 22);
	b->since = booking_since(b, db_int(s, 23));
}

/* One booking or none. */
static int first(struct stmt *s, struct booking *ret)
{
	int class = db_step(s);

	if (class == DB_ROW)
		read_booking(s, ret);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

static int all(struct stmt *s, struct booking *ret, int cap, int *ret_n)
{
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		read_booking(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int store_booking_load(struct db *db, int64_t id, struct booking *ret)
{
	return first(db_query(db, "SELECT " COLUMNS " FROM booking WHERE id = ?1", "i", id), ret);
}

static const int64_t *known(const int64_t *at)
{
	return *at == 0 ? NULL : at;
}

int store_booking_insert(struct db *db, const struct booking *b)
{
	return db_run(db, "INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, "
		"priced_to, policy_version, price_version, quote_minor, fee_minor, walk_up, waiting, note, project, created_at, created_by, "
		"since_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, 1)",
		"itttt" "iiii" "iiii" "ii" "tt" "iti", b->id, b->instrument, b->org, b->user, booking_state_name(b->state),
		b->booked_from, b->booked_to, b->held_to, b->priced_to, b->policy_version, b->price_version,
		b->quote_minor, b->fee_minor, (int64_t)b->walk_up, (int64_t)b->waiting, b->note, b->project, b->created_at,
		b->created_by, b->since);
}

int store_booking_update(struct db *db, struct booking *b)
{
	int class = db_run(db, "UPDATE booking SET state = ?2, booked_from = ?3, booked_to = ?4, held_to = ?5, priced_to = "
		"?6, quote_minor = ?7, fee_minor = ?8, walk_up = ?9, waiting = ?10, note = ?11, project = ?12, ended_at = ?13, "
		"checkin_at = ?14, released_at = ?15, since_at = ?16, version = version + 1 WHERE id = ?1",
		"it" "iiii" "ii" "ii" "tt" "IIIi", b->id, booking_state_name(b->state), b->booked_from, b->booked_to,
		b->held_to, b->priced_to, b->quote_minor, b->fee_minor, (int64_t)b->walk_up, (int64_t)b->waiting, b->note,
		b->project, known(&b->ended_at), known(&b->checkin_at), known(&b->released_at), b->since);

	if (class == DB_DONE)
		b->version++;
	return class;
}

int store_booking_displaced_by(struct db *db, int64_t id, const char *by)
{
	return db_run(db, "UPDATE booking SET displaced_by = ?2 WHERE id = ?1", "it", id, by);
}

int store_booking_at(struct db *db, const char *instrument, int64_t at, struct booking *ret)
{
	return first(db_query(db, "SELECT " COLUMNS " FROM booking WHERE instrument = ?1 AND " LIVE
		" AND booked_from <= ?2 AND held_to > ?2 ORDER BY booked_from DESC LIMIT 1", "ti", instrument, at), ret);
}

int store_booking_after(struct db *db, const char *instrument, int64_t at, struct booking *ret)
{
	return first(db_query(db, "SELECT " COLUMNS " FROM booking WHERE instrument = ?1 AND " LIVE
		" AND booked_from >= ?2 ORDER BY booked_from LIMIT 1", "ti", instrument, at), ret);
}

int store_booking_unused_at(struct db *db, const char *instrument, const char *user, int64_t at, struct booking *ret)
{
	return first(db_query(db, "SELECT " COLUMNS " FROM booking WHERE instrument = ?1 AND user = ?2 AND state IN ('no_show', "
		"'lapsed') AND booked_from <= ?3 AND held_to > ?3 ORDER BY booked_from DESC LIMIT 1", "tti", instrument, user, at), ret);
}

int store_booking_released(struct db *db, const char *instrument, struct interval in, int64_t except,
	struct booking *ret)
{
	return first(db_query(db, "SELECT " COLUMNS " FROM booking WHERE instrument = ?1 AND state = 'active' AND released_at IS NOT NULL "
		"AND +booked_from < ?2 AND booked_to > ?3 AND id <> ?4 ORDER BY +booked_from LIMIT 1", "tiii", instrument, in.to,
		in.from, except), ret);
}

#define LIST_WHERE "id > ?1 AND (?2 IS NULL OR org = ?2) AND (?3 IS NULL OR user = ?3) AND (?4 IS NULL OR instrument = ?4) " \
	"AND (?5 IS NULL OR state = ?5) AND (?6 = 0 OR " LIVE ") AND (?7 = 0 OR booked_to > ?7) AND (?8 = 0 OR booked_from < ?8) " \
	"ORDER BY id LIMIT ?9"

/* One text for each leading condition, so that each finds its index. */
static const char *list_text(const struct booking_filter *f)
{
	if (f->user != NULL)
		return "SELECT " COLUMNS " FROM booking WHERE user = ?3 AND " LIST_WHERE;
	if (f->org != NULL)
		return "SELECT " COLUMNS " FROM booking WHERE org = ?2 AND " LIST_WHERE;
	if (f->instrument != NULL)
		return "SELECT " COLUMNS " FROM booking WHERE instrument = ?4 AND " LIST_WHERE;
	return "SELECT " COLUMNS " FROM booking WHERE " LIST_WHERE;
}

int store_booking_list(struct db *db, const struct booking_filter *f, struct booking *ret, int cap, int *ret_n)
{
	const char *state = f->state < 0 ? NULL : booking_state_name((enum booking_state)f->state);

	return all(db_query(db, list_text(f), "itttt" "iiii", f->after, f->org, f->user, f->instrument, state,
		(int64_t)f->live, f->from, f->to, f->limit), ret, cap, ret_n);
}

int store_booking_overlaps(struct db *db, const char *user, const char *instrument, int64_t except, struct interval at,
			   struct user_overlap *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT instrument, policy_version, booked_from, held_to FROM booking WHERE user = "
		"?1 AND +booked_from < ?2 AND held_to > ?3 AND " LIVE " AND instrument <> ?4 AND id <> ?5 "
		"ORDER BY +booked_from LIMIT ?6", "tiitii", user, at.to, at.from, instrument, except, (int64_t)cap);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW) {
		db_copy_text(s, 0, ret[n].instrument, sizeof(ret[n].instrument));
		ret[n].policy_version = db_int(s, 1);
		ret[n].at = (struct interval){ db_int(s, 2), db_int(s, 3) };
		n++;
	}
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int64_t store_booking_org_ms(struct db *db, const char *org, const char *instrument, struct interval window,
			     bool live_only, int64_t except)
{
	return db_one_int(db, 0, "SELECT SUM((CASE WHEN booked_to < ?4 THEN booked_to ELSE ?4 END) - "
		"(CASE WHEN since_at > ?3 THEN since_at ELSE ?3 END)) FROM booking WHERE org = ?1 AND instrument = ?2 "
		"AND booked_from > ?5 AND booked_from < ?4 AND since_at < ?4 AND booked_to > ?3 AND id <> ?6 AND "
		"(" LIVE " OR (?7 = 0 AND state IN ('completed','no_show')))", "ttiiiii", org, instrument, window.from,
		window.to,
		window.from - REACH, except, (int64_t)live_only);
}

int store_booking_event(struct db *db, const struct booking_row *e)
{
	int64_t n = db_one_int(db, 0, "SELECT MAX(n) FROM booking_event WHERE booking = ?1", "i", e->booking) + 1;
	const struct facts *f = &e->facts;

	return db_run(db, "INSERT INTO booking_event (booking, n, at, actor, verb, from_state, to_state, detail, from_at, to_at, "
		"minor, number, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)", "iiitttttiiiit", e->booking, n, e->at,
		e->actor, e->verb, booking_state_name(e->from), booking_state_name(e->to), e->detail,
		f->from_at, f->to_at, f->minor, f->n, f->why);
}

int store_override(struct db *db, int64_t id, const struct violation *v, const char *actor, const char *reason,
	int64_t at)
{
	int64_t n = db_one_int(db, 0, "SELECT MAX(n) FROM override WHERE booking = ?1", "i", id) + 1;

	return db_run(db, "INSERT INTO override (booking, n, rule, value, bound, actor, reason, at) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "iitttt" "ti", id, n, v->rule, v->value, v->limit, actor, reason,
		at);
}

int store_booking_history(struct db *db, int64_t id, struct booking_history *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT at, actor, verb, from_state, to_state, detail, from_at, to_at, minor, number, why "
		"FROM booking_event WHERE booking = ?1 ORDER BY n LIMIT ?2", "ii", id, (int64_t)cap);
	int class = DB_DONE, n = 0;

	for (; n < cap && (class = db_step(s)) == DB_ROW; n++) {
		ret[n].at = db_int(s, 0);
		db_copy_text(s, 1, ret[n].actor, sizeof(ret[n].actor));
		db_copy_text(s, 2, ret[n].verb, sizeof(ret[n].verb));
		db_copy_text(s, 3, ret[n].from_state, sizeof(ret[n].from_state));
		db_copy_text(s, 4, ret[n].to_state, sizeof(ret[n].to_state));
		db_copy_text(s, 5, ret[n].detail, sizeof(ret[n].detail));
		ret[n].facts = (struct facts){ .from_at = db_int(s, 6), .to_at = db_int(s, 7), .minor = db_int(s, 8),
			.n = db_int(s, 9) };
		db_copy_text(s, 10, ret[n].facts.why, sizeof(ret[n].facts.why));
	}
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int store_booking_overrides(struct db *db, int64_t id, struct booking_override *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT rule, value, bound, actor, reason, at FROM override "
		"WHERE booking = ?1 ORDER BY n LIMIT ?2", "ii", id, (int64_t)cap);
	int class = DB_DONE, n = 0;

	for (; n < cap && (class = db_step(s)) == DB_ROW; n++) {
		db_copy_text(s, 0, ret[n].rule, sizeof(ret[n].rule));
		db_copy_text(s, 1, ret[n].value, sizeof(ret[n].value));
		db_copy_text(s, 2, ret[n].bound, sizeof(ret[n].bound));
		db_copy_text(s, 3, ret[n].actor, sizeof(ret[n].actor));
		db_copy_text(s, 4, ret[n].reason, sizeof(ret[n].reason));
		ret[n].at = db_int(s, 5);
	}
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int store_active_user(struct db *db, const char *user, char ret_org[LT_ID])
{
	struct stmt *s = db_query(db, "SELECT user.org FROM user JOIN org ON org.id = user.org "
		"WHERE user.id = ?1 AND user.active = 1 AND org.active = 1", "t", user);
	int class = db_step(s);

	if (class == DB_ROW)
		db_copy_text(s, 0, ret_org, LT_ID);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int64_t store_booking_live_of(struct db *db, const char *user)
{
	return db_one_int(db, 0, "SELECT id FROM booking WHERE user = ?1 AND state IN ('pending','confirmed','active') "
		"ORDER BY booked_from LIMIT 1", "t", user);
}

int64_t store_booking_live_on(struct db *db, const char *instrument)
{
	return db_one_int(db, 0, "SELECT id FROM booking WHERE instrument = ?1 AND state IN "
		"('pending','confirmed','active') LIMIT 1", "t", instrument);
}

bool store_booking_any(struct db *db)
{
	return db_one_int(db, 0, "SELECT 1 FROM booking LIMIT 1", "") != 0;
}

int store_booking_keep(struct db *db, int64_t id, const struct rate_span *s)
{
	return db_run(db, "INSERT INTO overrun_kept (booking, n, from_at, grace_to, to_at) SELECT ?1, COALESCE(MAX(n), 0) + 1, ?2, ?3, ?4 "
		"FROM overrun_kept WHERE booking = ?1", "iiii", id, s->from_at, s->grace_to, s->to_at);
}

int store_booking_kept(struct db *db, int64_t id, struct rate_span *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT from_at, grace_to, to_at FROM overrun_kept WHERE booking = ?1 ORDER BY n LIMIT ?2", "ii", id,
		(int64_t)cap);
	int class = DB_DONE, n = 0;

	for (; n < cap && (class = db_step(s)) == DB_ROW; n++)
		ret[n] = (struct rate_span){ db_int(s, 0), db_int(s, 1), db_int(s, 2) };
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}
