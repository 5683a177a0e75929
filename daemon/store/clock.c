/* clock.c - SQL of what the ledger knows of the wall clock. Owns nothing; statement errors stay sticky. */
#include "store/clock.h"

int store_clock_load(struct db *db, struct clock *ret)
{
	struct stmt *s = db_query(db, "SELECT boot_id, boot_ms, wall_ms, offset_ms, high_at, waits_until FROM clock WHERE "
		"id = 1", "");
	struct clock c = { .boot_id = "" };
	int rc = db_step(s);

	if (rc == DB_ROW) {
		db_copy_text(s, 0, c.boot_id, sizeof(c.boot_id));
		c.boot_ms = db_int(s, 1);
		c.wall_ms = db_int(s, 2);
		c.offset_ms = db_int(s, 3);
		c.high_ms = db_int(s, 4);
		c.waits_until = db_int(s, 5);
	}
	db_end(s);
	*ret = c;
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int store_clock_save(struct db *db, const struct clock *c)
{
	return db_run(db, "INSERT INTO clock (id, boot_id, boot_ms, wall_ms, offset_ms, high_at, waits_until) VALUES (1, ?1, "
		"?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET boot_id = excluded.boot_id, boot_ms = excluded.boot_ms, "
		"wall_ms = excluded.wall_ms, offset_ms = excluded.offset_ms, high_at = excluded.high_at, waits_until = "
		"excluded.waits_until", "tiiiii", c->boot_id, c->boot_ms, c->wall_ms, c->offset_ms, c->high_ms, c->waits_until);
}

int store_clock_seen(struct db *db, const struct clock *c)
{
	return db_run(db, "UPDATE clock SET boot_ms = ?1, wall_ms = ?2, high_at = ?3 WHERE id = 1", "iii", c->boot_ms,
		c->wall_ms, c->high_ms);
}

int store_clock_step_add(struct db *db, int64_t id, const char *boot_id, const struct clock_step *s)
{
	return db_run(db, "INSERT INTO clock_step (id, boot_id, boot_ms, wall_ms, step_ms, jump, from_at, to_at) VALUES (?1, "
		"?2, ?3, ?4, ?5, ?6, ?7, ?8)", "itiiiiii", id, boot_id, s->boot_ms, s->wall_ms, s->step_ms, (int64_t)s->jump,
		s->lost.from, s->lost.to);
}

static int take(struct stmt *s, struct clock_step *ret)
{
	int rc = db_step(s);
	int64_t lived;

	if (rc == DB_ROW) {
		lived = db_int(s, 6);
		*ret = (struct clock_step){ .boot_ms = db_int(s, 0), .wall_ms = db_int(s, 1), .step_ms = db_int(s, 2),
			.jump = db_int(s, 3) != 0, .lost = { db_int(s, 4), db_int(s, 5) } };
		ret->lost.to = lived < ret->lost.to ? lived : ret->lost.to;
		ret->lost.from = ret->lost.from < ret->lost.to ? ret->lost.from : ret->lost.to;
	}
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

/* A clock that was set back brings labels that it had jumped over: from there on they are lived through after all. */
#define LIVED_FROM "(SELECT MIN(b.wall_ms) FROM clock_step b WHERE b.id > clock_step.id AND b.step_ms < 0)"
#define STEP "SELECT boot_ms, wall_ms, step_ms, jump, from_at, to_at, COALESCE(" LIVED_FROM ", to_at) FROM clock_step "

int store_clock_last_step(struct db *db, const char *boot_id, bool forward, struct clock_step *ret)
{
	return take(db_query(db, STEP "WHERE boot_id = ?1 AND (?2 = 0 OR step_ms > 0) ORDER BY id DESC LIMIT 1", "ti",
		boot_id, (int64_t)forward), ret);
}

int store_clock_last_of_all(struct db *db, struct clock_step *ret)
{
	return take(db_query(db, STEP "ORDER BY id DESC LIMIT 1", ""), ret);
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

int64_t store_clock_back_ms(struct db *db, int64_t from)
{
	return db_one_int(db, 0, "SELECT COALESCE(SUM(-step_ms), 0) FROM clock_step WHERE step_ms < 0 AND wall_ms - step_ms "
		">= ?1", "i", from);
}

int64_t store_clock_lost_ms(struct db *db, int64_t from, int64_t to)
{
	struct stmt *s = db_query(db, "SELECT from_at, to_at FROM clock_step WHERE step_ms > 0 AND from_at < ?2 AND to_at > "
		"?1", "ii", from, to);
	int64_t sum = 0;

	while (db_step(s) == DB_ROW) {
		struct interval lost = { db_int(s, 0), db_int(s, 1) };

		lost = interval_cut(lost, (struct interval){ from, to });
		sum += lost.to - lost.from;
	}
	db_end(s);
	return sum;
}
