/* clock.c - SQL of what the ledger knows of the wall clock. Owns nothing; statement errors stay sticky. */
#include "store/clock.h"

#include "common/civil.h"

int store_clock_load(struct db *db, struct clock *ret)
{
	struct stmt *s = db_query(db, "SELECT boot_id, boot_ms, wall_ms, offset_ms, waits_until FROM clock WHERE "
		"id = 1", "");
	struct clock c = { .boot_id = "" };
	int rc = db_step(s);

	if (rc == DB_ROW) {
		db_copy_text(s, 0, c.boot_id, sizeof(c.boot_id));
		c.boot_ms = db_int(s, 1);
		c.wall_ms = db_int(s, 2);
		c.offset_ms = db_int(s, 3);
		c.waits_until = db_int(s, 4);
	}
	db_end(s);
	*ret = c;
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int store_clock_save(struct db *db, const struct clock *c)
{
	return db_run(db, "INSERT INTO clock (id, boot_id, boot_ms, wall_ms, offset_ms, waits_until) VALUES (1, ?1, ?2, ?3, "
		"?4, ?5) ON CONFLICT (id) DO UPDATE SET boot_id = excluded.boot_id, boot_ms = excluded.boot_ms, wall_ms = "
		"excluded.wall_ms, offset_ms = excluded.offset_ms, waits_until = excluded.waits_until", "tiiii", c->boot_id,
		c->boot_ms, c->wall_ms, c->offset_ms, c->waits_until);
}

int store_clock_seen(struct db *db, const struct clock *c)
{
	return db_run(db, "UPDATE clock SET boot_ms = ?1, wall_ms = ?2 WHERE id = 1", "ii", c->boot_ms, c->wall_ms);
}

int store_clock_step_add(struct db *db, int64_t id, const char *boot_id, const struct clock_step *s)
{
	return db_run(db, "INSERT INTO clock_step (id, boot_id, boot_ms, wall_ms, step_ms, jump, from_at, to_at) VALUES (?1, "
		"?2, ?3, ?4, ?5, ?6, ?7, ?8)", "itiiiiii", id, boot_id, s->boot_ms, s->wall_ms, s->step_ms, (int64_t)s->jump,
		s->skipped.from, s->skipped.to);
}

#define STEP "SELECT boot_ms, wall_ms, step_ms, jump, from_at, to_at FROM clock_step "

static struct clock_step take(struct stmt *s)
{
	return (struct clock_step){ .boot_ms = db_int(s, 0), .wall_ms = db_int(s, 1), .step_ms = db_int(s, 2),
		.jump = db_int(s, 3) != 0, .skipped = { db_int(s, 4), db_int(s, 5) } };
}

int store_clock_last_of_all(struct db *db, struct clock_step *ret)
{
	struct stmt *s = db_query(db, STEP "ORDER BY id DESC LIMIT 1", "");
	int rc = db_step(s);

	if (rc == DB_ROW)
		*ret = take(s);
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int store_clock_recent(struct db *db, const char *boot_id, struct clock_step *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, STEP "WHERE boot_id = ?1 ORDER BY id DESC LIMIT ?2", "ti", boot_id, (int64_t)cap);
	int n = 0;

	while (n < cap && db_step(s) == DB_ROW)
		ret[n++] = take(s);
	db_end(s);
	for (int k = 0; k < n / 2; k++) {
		struct clock_step last = ret[n - 1 - k];

		ret[n - 1 - k] = ret[k];
		ret[k] = last;
	}
	*ret_n = n;
	return db_failed(db);
}

/* A session that a reading found began before the step by which it was written, if its label says so. */
#define BEGAN "COALESCE((SELECT MAX(id) FROM clock_step WHERE id <= session.since_step AND wall_ms <= session.opened_at), 0)"

/* So does a booking whose wait began when another's session ended, where that was found out after a step. */
#define WAITS "COALESCE((SELECT MAX(id) FROM clock_step WHERE id <= booking.since_step AND wall_ms <= booking.since_at), 0)"

#define TAKEN_MAX 64
#define TAKEN_REACH (400 * LT_DAY)      /* no session lasts longer                                         */

/* Sessions during which the clock was set: the step before each, the last one that came in it, and where it began. */
struct taken {
	int n;
	struct { int64_t began, until, opened_at; } by[TAKEN_MAX];
};

/* Those of others on a booking's instrument, after a step. Without a step back the clock showed nothing before. */
static void load_taken(struct db *db, int64_t booking, int64_t after, int64_t from, struct taken *ret)
{
	struct stmt *s = db_query(db, "SELECT " BEGAN " AS began, CASE WHEN closed_at IS NULL THEN ?3 ELSE until_step END, "
		"opened_at FROM session WHERE EXISTS (SELECT 1 FROM clock_step WHERE id > ?2 AND step_ms < 0) AND instrument = "
		"(SELECT instrument FROM booking WHERE id = ?1) AND (booking IS NULL OR booking <> ?1) AND unplaced = 0 AND "
		"opened_at > ?4 AND (closed_at IS NULL OR until_step > ?2) ORDER BY began", "iiii", booking, after, INT64_MAX,
		from - TAKEN_REACH);

	ret->n = 0;
	while (db_step(s) == DB_ROW) {
		int64_t began = db_int(s, 0), until = db_int(s, 1);
		int last = ret->n - 1;

		if (until <= began)
			continue;
		if (ret->n < TAKEN_MAX) {
			ret->by[ret->n].began = began;
			ret->by[ret->n].until = until;
			ret->by[ret->n++].opened_at = db_int(s, 2);
		} else if (until > ret->by[last].until) { /* of too many the last one lasts as long as the rest */
			ret->by[last].until = until;
		}
	}
	db_end(s);
}

/* From which label on was another there, just before the step? From all of them, if already at the step before it. */
static int64_t taken_from(const struct taken *t, int64_t step)
{
	int64_t from = CLOCK_NOT_TAKEN;

	for (int k = 0; k < t->n; k++) {
		int64_t at = t->by[k].began < step - 1 ? 0 : t->by[k].opened_at;

		if (t->by[k].began < step && t->by[k].until >= step && at < from)
			from = at;
	}
	return from;
}

/* The steps after one and up to another that touch the labels. */
static int load_steps(struct db *db, struct interval ids, struct interval in, const struct taken *t,
	struct clock_presence *ret)
{
	struct stmt *s = db_query(db, "SELECT boot_ms, wall_ms, step_ms, jump, from_at, to_at, id FROM clock_step WHERE id > "
		"?1 AND id <= ?2 AND CASE WHEN step_ms > 0 THEN wall_ms ELSE wall_ms - "
		"step_ms END > ?3 AND CASE WHEN step_ms > 0 THEN wall_ms - step_ms ELSE wall_ms END < ?4 ORDER BY id", "iiii",
		ids.from, ids.to, in.from, in.to);

	while (db_step(s) == DB_ROW) {
		struct clock_step step = take(s);

		clock_presence_add(ret, &step, taken_from(t, db_int(s, 6)));
	}
	db_end(s);
	return db_failed(db);
}

int store_clock_of_session(struct db *db, int64_t session, int64_t now, struct interval in, struct clock_presence *ret)
{
	static const struct taken none;  /* on an instrument nobody else has a session meanwhile */
	struct stmt *s = db_query(db, "SELECT opened_at, COALESCE(closed_at, ?2), " BEGAN ", CASE WHEN closed_at IS NULL THEN "
		"?3 ELSE until_step END FROM session WHERE id = ?1", "iii", session, now, INT64_MAX);
	int rc = db_step(s);
	struct interval ids = { db_int(s, 2), db_int(s, 3) };

	ret->n = 0;
	ret->from = db_int(s, 0);
	ret->to = db_int(s, 1);
	ret->onward = true;
	db_end(s);
	return rc == DB_ROW ? load_steps(db, ids, in, &none, ret) : rc == DB_DONE ? 1 : rc;
}

int store_clock_of_booking(struct db *db, int64_t booking, int64_t now, struct interval in, struct clock_presence *ret)
{
	int64_t after = db_one_int(db, 0, "SELECT " WAITS " FROM booking WHERE id = ?1", "i", booking);
	struct taken t = { .n = 0 };

	ret->n = 0;
	ret->from = 0;
	ret->to = now;
	ret->onward = false;
	if (booking)
		load_taken(db, booking, after, in.from, &t);
	return load_steps(db, (struct interval){ after, INT64_MAX }, in, &t, ret);
}

/* Steps are few; those of an hour are the last ones. */
int64_t store_clock_forward_ms(struct db *db, const char *boot_id, int64_t after_boot_ms)
{
	struct stmt *s = db_query(db, "SELECT boot_ms, step_ms FROM clock_step WHERE boot_id = ?1 ORDER BY id DESC", "t",
		boot_id);
	int64_t sum = 0;

	while (db_step(s) == DB_ROW && db_int(s, 0) > after_boot_ms)
		sum += db_int(s, 1) > 0 ? db_int(s, 1) : 0;
	db_end(s);
	return sum;
}

int64_t store_clock_stepped_ms(struct db *db, const char *boot_id, int64_t after_boot_ms)
{
	return db_one_int(db, 0, "SELECT COALESCE(SUM(step_ms), 0) FROM clock_step WHERE boot_id = ?1 AND boot_ms > ?2", "ti",
		boot_id, after_boot_ms);
}

int64_t store_clock_back_ms(struct db *db, int64_t from)
{
	/* once labels stand still, what it is set back further has none of its own either */
	return db_one_int(db, 0, "SELECT COALESCE(SUM(-step_ms), 0) FROM clock_step WHERE step_ms < 0 AND id >= (SELECT MIN(id) "
		"FROM clock_step WHERE step_ms < 0 AND wall_ms - step_ms >= ?1)", "i", from);
}
