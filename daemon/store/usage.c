/* usage.c - SQL of the table usage: where each metered millisecond went. Owns nothing; errors stay sticky. */
#include <string.h>

#include "common/fmt.h"
#include "store/session.h"

#define COLUMNS "id, instrument, session, from_at, to_at, measured_ms, estimated_ms, placed, open, reason, raw_from, raw_to, fault, held_ms"

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
	r->fault = db_int(s, 12) != 0;
	r->held_ms = db_int(s, 13);
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
	return db_run(db, "INSERT INTO usage (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
		"?13, ?14)", "itIiiiiiitiiii", u->id, u->instrument, u->session ? &u->session : NULL, u->from_at, u->to_at, u->measured_ms,
		u->estimated_ms,
		(int64_t)u->placed, (int64_t)u->open, u->reason, u->raw_from, u->raw_to, (int64_t)u->fault, u->held_ms);
}

int store_usage_update(struct db *db, const struct usage *u)
{
	return db_run(db, "UPDATE usage SET session = ?2, from_at = ?3, to_at = ?4, measured_ms = ?5, estimated_ms = ?6, "
		"placed = ?7, open = ?8, reason = ?9, raw_from = ?10, raw_to = ?11, fault = ?12, held_ms = ?13 WHERE id = ?1", "iIiiiiiitiiii", u->id,
		u->session ? &u->session : NULL,
		u->from_at, u->to_at, u->measured_ms, u->estimated_ms, (int64_t)u->placed, (int64_t)u->open, u->reason,
		u->raw_from, u->raw_to, (int64_t)u->fault, u->held_ms);
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

int64_t store_usage_held_of(struct db *db, int64_t session)
{
	return db_one_int(db, 0, "SELECT SUM(held_ms) FROM usage WHERE session = ?1", "i", session);
}

bool store_usage_is_held(struct db *db, int64_t session, int64_t from, int64_t to)
{
	return db_one_int(db, 0, "SELECT id FROM usage WHERE session = ?1 AND from_at < ?3 AND to_at > ?2 AND held_ms > 0 LIMIT 1",
		"iii", session, from, to) != 0;
}

/* Adds a piece to one that stands for several. */
static void fold(struct usage *into, const struct usage *u)
{
	into->to_at = u->to_at > into->to_at ? u->to_at : into->to_at;
	into->measured_ms += u->measured_ms;
	into->estimated_ms += u->estimated_ms;
	into->raw_to = u->raw_to;
	into->placed = false;
}

/* Makes the last two of a full list stand for what was metered in order and what was metered at fault. */
static void fold_last(struct usage pair[2])
{
	struct usage was[2] = { pair[0], pair[1] };

	for (int i = 0; i < 2; i++) {
		pair[i] = was[0];
		pair[i].fault = i == 1;
		pair[i].measured_ms = pair[i].estimated_ms = 0;
		pair[i].placed = false;
		lt_fmt(pair[i].reason, sizeof(pair[i].reason), "several");
	}
	fold(&pair[was[0].fault], &was[0]);
	fold(&pair[was[1].fault], &was[1]);
}

int store_usage_list(struct db *db, int64_t session, struct usage *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM usage WHERE session = ?1 ORDER BY from_at, id", "i",
		session);
	struct usage u;
	bool folded = false;
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW) {
		take(s, &u);
		if (*ret_n < cap) {
			ret[(*ret_n)++] = u;
			continue;
		}
		if (!folded)
			fold_last(&ret[cap - 2]);
		folded = true;
		fold(&ret[u.fault ? cap - 1 : cap - 2], &u);
	}
	db_end(s);
	return rc;
}

int store_usage_beyond(struct db *db, int64_t session, int64_t at, int64_t last, struct usage *ret, int cap,
	int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM usage WHERE session = ?1 AND id > ?3 AND (to_at > ?2 OR open = 1) "
		"ORDER BY id LIMIT ?4", "iiii", session, at, last, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW && *ret_n < cap)
		take(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc == DB_ROW ? DB_DONE : rc;
}

int store_usage_since(struct db *db, const char *instrument, int64_t since, struct usage *ret, int cap, int *ret_n)
{
	/* no two runs overlap: what reaches beyond began with the last run before the instant, or later */
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM usage WHERE instrument = ?1 AND from_at >= COALESCE((SELECT "
		"from_at FROM usage WHERE instrument = ?1 AND from_at <= ?2 AND placed = 1 ORDER BY from_at DESC LIMIT 1), ?2) "
		"AND to_at >= ?2 ORDER BY from_at, id LIMIT ?3", "tii", instrument, since, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW)
		take(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc < 0 ? rc : 0;
}

int store_usage_held(struct db *db, const char *instrument, const struct usage *after, struct usage *ret, int cap,
	int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM usage WHERE instrument = ?1 AND held_ms > 0 AND (from_at > ?2 "
		"OR (from_at = ?2 AND id > ?3)) ORDER BY from_at, id LIMIT ?4", "tiii", instrument, after ? after->from_at : -1,
		after ? after->id : -1, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW)
		take(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc < 0 ? rc : 0;
}

