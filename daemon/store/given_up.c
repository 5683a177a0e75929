/* given_up.c - SQL of parts of bookings that wait for their fee. Failures are the sticky class of db.h. */
#include "store/given_up.h"

#define FIELDS "id, booking, at, booked_from, booked_to, since_at, walk_up, from_at, to_at, terms_at"

int store_given_up_insert(struct db *db, const struct given_up *g)
{
	return db_run(db, "INSERT INTO given_up (" FIELDS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", "iiiiiiiiii",
		g->id, g->booking, g->at, g->booked_from, g->booked_to, g->since, (int64_t)g->walk_up, g->part.from, g->part.to,
		g->terms_at);
}

static int one(struct stmt *s, struct given_up *ret)
{
	int class = db_step(s);

	if (class == DB_ROW)
		*ret = (struct given_up){ db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3), db_int(s, 4), db_int(s, 5),
			db_int(s, 6) != 0, { db_int(s, 7), db_int(s, 8) }, db_int(s, 9) };
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int store_given_up_load(struct db *db, int64_t id, struct given_up *ret)
{
	return one(db_query(db, "SELECT " FIELDS " FROM given_up WHERE id = ?1 AND decided_at IS NULL", "i", id), ret);
}

int store_given_up_next(struct db *db, int64_t booking, int64_t after, struct given_up *ret)
{
	return one(db_query(db, "SELECT " FIELDS " FROM given_up WHERE booking = ?1 AND id > ?2 AND decided_at IS NULL "
		"ORDER BY id LIMIT 1", "ii", booking, after), ret);
}

int64_t store_given_up_waiting(struct db *db, int64_t booking)
{
	return db_one_int(db, 0, "SELECT COUNT(*) FROM given_up WHERE booking = ?1 AND decided_at IS NULL", "i", booking);
}

int store_given_up_decide(struct db *db, int64_t id, int64_t at)
{
	return db_run(db, "UPDATE given_up SET decided_at = ?2 WHERE id = ?1", "ii", id, at);
}
