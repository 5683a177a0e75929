/* first_refusal.c - SQL of slots held for the owners of displaced bookings. Failures are the sticky class of db.h. */
#include "store/first_refusal.h"

int store_first_refusal_insert(struct db *db, const struct first_refusal *f)
{
	return db_run(db, "INSERT INTO first_refusal (booking, from_at, to_at, expires_at, created_at) "
		"VALUES (?1, ?2, ?3, ?4, ?5)", "iiiii", f->booking, f->at.from, f->at.to, f->expires_at, f->created_at);
}

int store_first_refusal_load(struct db *db, int64_t booking, struct first_refusal *ret)
{
	struct stmt *s = db_query(db, "SELECT booking, from_at, to_at, expires_at, created_at, COALESCE(ended_at, 0) "
		"FROM first_refusal WHERE booking = ?1", "i", booking);
	int class = db_step(s);

	if (class == DB_ROW)
		*ret = (struct first_refusal){ db_int(s, 0), { db_int(s, 1), db_int(s, 2) }, db_int(s, 3), db_int(s, 4),
			db_int(s, 5) };
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int64_t store_first_refusal_of(struct db *db, const char *user)
{
	return db_one_int(db, 0, "SELECT f.booking FROM first_refusal f JOIN booking b ON b.id = f.booking WHERE "
		"f.ended_at IS NULL AND b.user = ?1 ORDER BY f.booking LIMIT 1", "t", user);
}

int store_first_refusal_end(struct db *db, int64_t booking, int64_t at)
{
	return db_run(db, "UPDATE first_refusal SET ended_at = ?2 WHERE booking = ?1 AND ended_at IS NULL", "ii", booking,
		at);
}
