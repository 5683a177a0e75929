/* instrument.c - SQL of instruments. Failures are the sticky class of db.h. */
#include "store/instrument.h"

#include <string.h>

#define FIELDS "id, unit, retired, out_of_service, notes, link, link_since, link_why, lock, lock_since, version"

static void take(const struct stmt *s, struct instrument_row *ret)
{
	memset(ret, 0, sizeof(*ret));
	db_copy_text(s, 0, ret->id, sizeof(ret->id));
	ret->unit = db_int(s, 1);
	ret->retired = db_int(s, 2) != 0;
	ret->out_of_service = db_int(s, 3) != 0;
	db_copy_text(s, 4, ret->notes, sizeof(ret->notes));
	db_copy_text(s, 5, ret->link, sizeof(ret->link));
	ret->link_since = db_int(s, 6);
	db_copy_text(s, 7, ret->link_why, sizeof(ret->link_why));
	db_copy_text(s, 8, ret->lock, sizeof(ret->lock));
	ret->lock_since = db_int(s, 9);
	ret->version = db_int(s, 10);
}

int store_instrument_load(struct db *db, const char *id, struct instrument_row *ret)
{
	struct stmt *s = db_query(db, "SELECT " FIELDS " FROM instrument WHERE id = ?1", "t", id);
	int class = db_step(s);

	if (class == DB_ROW)
		take(s, ret);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int store_instrument_list(struct db *db, const char *after, struct instrument_row *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " FIELDS " FROM instrument WHERE retired = 0 AND id > ?1 ORDER BY id LIMIT "
		"?2", "ti", after, (int64_t)cap);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		take(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int store_instrument_insert(struct db *db, const char *id, int64_t unit)
{
	return db_run(db, "INSERT INTO instrument (id, unit) VALUES (?1, ?2)", "ti", id, unit);
}

int store_instrument_set(struct db *db, const char *id, bool out_of_service, const char *notes)
{
	return db_run(db, "UPDATE instrument SET out_of_service = ?2, notes = ?3, version = version + 1 WHERE id = ?1",
		"tit", id, (int64_t)out_of_service, notes);
}

int store_instrument_retired(struct db *db, const char *id, bool retired)
{
	return db_run(db, "UPDATE instrument SET retired = ?2, version = version + 1 WHERE id = ?1", "ti", id,
		(int64_t)retired);
}
