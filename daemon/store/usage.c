/* usage.c - SQL of the table usage: where each metered millisecond went. Owns nothing; errors stay sticky. */
#include <string.h>

#include "store/session.h"

#define COLUMNS "id, instrument, session, from_at, to_at, measured_ms, estimated_ms, placed, open, reason, raw_from, raw_to"

static void take(struct stmt *s, struct usage *r)
{
	memset(r, 0, sizeof(*r));
	r->id = db_int(s, 0);
	db_copy_text(s, 1, r->instrument, sizeof(r->instrument));
	r->session = db_int(s, 2);
	r->from_at = db_int(s, 3);
	r->to_at = db_int(s, 4);
	r->measured_ms = db_int(s, 5);
	r->estimated_ms = db_int(s, 6);
	r->placed = db_int(s, 7) != 0;
	r->open = db_int(s, 8) != 0;
	db_copy_text(s, 9, r->reason, sizeof(r->reason));
	r->raw_from = db_int(s, 10);
	r->raw_to = db_int(s, 11);
}

static int one(struct stmt *s, struct usage *ret)
{
	int rc = db_step(s);

	if (rc == DB_ROW)
		take(s, ret);
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int store_usage_insert(struct db *db, const struct usage *u)
{
	return db_run(db, "INSERT INTO usage (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
		"itIiiiiiitii", u->id, u->instrument, u->session ? &u->session : NULL, u->from_at, u->to_at, u->measured_ms,
		u->estimated_ms,
		(int64_t)u->placed, (int64_t)u->open, u->reason, u->raw_from, u->raw_to);
}

int store_usage_update(struct db *db, const struct usage *u)
{
	return db_run(db, "UPDATE usage SET session = ?2, from_at = ?3, to_at = ?4, measured_ms = ?5, estimated_ms = ?6, "
		"placed = ?7, open = ?8, reason = ?9, raw_from = ?10, raw_to = ?11 WHERE id = ?1", "iIiiiiiitii", u->id,
		u->session ? &u->session : NULL,
		u->from_at, u->to_at, u->measured_ms, u->estimated_ms, (int64_t)u->placed, (int64_t)u->open, u->reason,
		u->raw_from, u->raw_to);
}

int store_usage_open(struct db *db, const char *instrument, struct usage *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM usage WHERE instrument = ?1 AND open = 1", "t", instrument), ret);
}

int store_usage_last(struct db *db, int64_t session, struct usage *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM usage WHERE session = ?1 AND reason = 'run' ORDER BY from_at "
		"DESC, id DESC LIMIT 1", "i", session), ret);
}

int store_usage_list(struct db *db, int64_t session, struct usage *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM usage WHERE session = ?1 ORDER BY from_at, id", "i",
		session);
	struct usage u;
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW) {
		take(s, &u);
		if (*ret_n < cap) {
			ret[(*ret_n)++] = u;
			continue;
		}
		ret[cap - 1].to_at = u.to_at > ret[cap - 1].to_at ? u.to_at : ret[cap - 1].to_at;
		ret[cap - 1].measured_ms += u.measured_ms;
		ret[cap - 1].estimated_ms += u.estimated_ms;
		ret[cap - 1].raw_to = u.raw_to;
		ret[cap - 1].placed = false;
	}
	db_end(s);
	return rc;
}

int store_usage_delete_none(struct db *db, int64_t id)
{
	return db_run(db, "DELETE FROM usage WHERE id = ?1 AND measured_ms = 0 AND estimated_ms = 0", "i", id);
}

int store_usage_move(struct db *db, int64_t from_session, int64_t to_session)
{
	return db_run(db, "UPDATE usage SET session = ?2 WHERE session = ?1", "iI", from_session,
		to_session ? &to_session : NULL);
}
