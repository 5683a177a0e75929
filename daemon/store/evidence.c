/* evidence.c - reads over several tables for money. Owns nothing, writes nothing. */
#include "store/evidence.h"

/* No session, gap or piece of metered time is taken to be longer: the bound lets an index find where to begin. */
#define LONGEST "34560000000"           /* 400 days */

int evidence_org(struct db *db, const char *org, struct org_copy *ret)
{
	struct stmt *s = db_query(db, "SELECT id, name, tax_id FROM org WHERE id = ?1", "t", org);
	int rc = db_step(s);

	if (rc == DB_ROW) {
		db_copy_text(s, 0, ret->id, sizeof(ret->id));
		db_copy_text(s, 1, ret->name, sizeof(ret->name));
		db_copy_text(s, 2, ret->tax_id, sizeof(ret->tax_id));
	}
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

static int one_reading(struct stmt *s, struct reading_copy *ret)
{
	int rc = db_step(s);

	if (rc == DB_ROW) {
		ret->id = db_int(s, 0);
		ret->at = db_int(s, 1);
		ret->raw = db_int(s, 2);
		ret->ext_ms = db_int(s, 3);
		db_copy_text(s, 4, ret->class, sizeof(ret->class));
	}
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int evidence_reading_before(struct db *db, const char *instrument, int64_t at, struct reading_copy *ret)
{
	return one_reading(db_query(db, "SELECT id, at, raw, ext_ms, class FROM reading WHERE instrument = ?1 AND at <= ?2 "
		"ORDER BY at DESC, id DESC LIMIT 1", "ti", instrument, at), ret);
}

int evidence_reading_after(struct db *db, const char *instrument, int64_t at, struct reading_copy *ret)
{
	return one_reading(db_query(db, "SELECT id, at, raw, ext_ms, class FROM reading WHERE instrument = ?1 AND at >= ?2 "
		"ORDER BY at, id LIMIT 1", "ti", instrument, at), ret);
}

int64_t evidence_next_booking(struct db *db, const char *instrument, int64_t from, int64_t except)
{
	return db_one_int(db, 0, "SELECT booked_from FROM booking WHERE instrument = ?1 AND booked_from >= ?2 AND id <> ?3 "
		"AND state IN ('confirmed','active','completed','no_show') ORDER BY booked_from LIMIT 1", "tii", instrument,
		from,
		except);
}

bool evidence_overlap(struct db *db, const char *instrument, int64_t session, int64_t from, int64_t to)
{
	int64_t before = db_one_int(db, 0, "SELECT COALESCE(closed_at, ?2 + 1) FROM session WHERE instrument = ?1 "
		"AND opened_at <= ?2 AND id <> ?3 AND unplaced = 0 ORDER BY opened_at DESC LIMIT 1", "tii", instrument, from, session);
	int64_t inside = db_one_int(db, 0, "SELECT id FROM session WHERE instrument = ?1 AND opened_at > ?2 AND opened_at "
		"< ?3 AND id <> ?4 AND unplaced = 0 LIMIT 1", "tiii", instrument, from, to, session);

	return before > from || inside != 0;
}

bool evidence_hidden(struct db *db, const char *instrument, int64_t from, int64_t to)
{
	return db_one_int(db, 0, "SELECT id FROM session WHERE instrument = ?1 AND opened_at < ?3 AND opened_at > ?2 - " LONGEST " "
		"AND closed_at > ?2 AND unplaced = 1 AND kind = 'unattributed' LIMIT 1", "tii", instrument, from, to) != 0 ||
		/* what was too short for a session of its own */
		db_one_int(db, 0, "SELECT id FROM usage WHERE instrument = ?1 AND session IS NULL AND reason = 'gap' AND from_at < ?3 "
		"AND from_at > ?2 - " LONGEST " AND to_at > ?2 AND measured_ms + held_ms > 0 LIMIT 1", "tii", instrument, from,
		to) != 0;
}

bool evidence_nobodys_run(struct db *db, const char *instrument, int64_t from, int64_t to)
{
	return db_one_int(db, 0, "SELECT id FROM session WHERE instrument = ?1 AND opened_at < ?3 AND opened_at > ?2 - " LONGEST " "
		"AND COALESCE(last_run_end_at, closed_at, ?3) > ?2 AND kind = 'unattributed' AND first_run_at IS NOT NULL LIMIT 1",
		"tii", instrument, from, to) != 0;
}

bool evidence_review_done(struct db *db, int64_t session, const char *kind)
{
	return db_one_int(db, 0, "SELECT id FROM review WHERE session = ?1 AND kind = ?2 AND state = 'done' LIMIT 1", "it",
		session, kind) != 0;
}

int64_t evidence_used_by_others(struct db *db, const char *instrument, int64_t booking, int64_t from, int64_t to)
{
	return db_one_int(db, 0, "SELECT SUM(CASE WHEN ms < span THEN ms ELSE span END) FROM (SELECT u.measured_ms AS ms, "
		"CASE WHEN u.to_at < ?4 THEN u.to_at ELSE ?4 END - CASE WHEN u.from_at > ?3 THEN u.from_at ELSE ?3 END AS span "
		"FROM usage u JOIN session s ON s.id = u.session WHERE u.instrument = ?1 AND u.from_at < ?4 "
		"AND u.from_at > ?3 - " LONGEST " AND u.to_at > ?3 AND (s.booking IS NULL OR s.booking <> ?2) "
		"AND s.org IS NOT NULL AND s.unplaced = 0) AS pieces", "tiii", instrument, booking, from, to);
}
