/* timer.c - SQL of due times and of the series that ids come from. Failures are the sticky class of db.h. */
#include "store/timer.h"

int64_t store_next_id(struct db *db, const char *series)
{
	return db_one_int(db, 0, "INSERT INTO counter (name, next) VALUES (?1, 2) ON CONFLICT (name) DO UPDATE SET "
		"next = next + 1 RETURNING next - 1", "t", series);
}

int store_timer_set(struct db *db, const char *kind, int64_t ref, int64_t due_at)
{
	return db_run(db, "INSERT INTO timer (kind, ref, due_at) VALUES (?1, ?2, ?3) ON CONFLICT (kind, ref) DO UPDATE SET "
		"due_at = excluded.due_at", "tii", kind, ref, due_at);
}

int store_timer_clear(struct db *db, const char *kind, int64_t ref)
{
	return db_run(db, "DELETE FROM timer WHERE kind = ?1 AND ref = ?2", "ti", kind, ref);
}

int64_t store_timer_due(struct db *db, const char *kind, int64_t ref)
{
	return db_one_int(db, INT64_MAX, "SELECT due_at FROM timer WHERE kind = ?1 AND ref = ?2", "ti", kind, ref);
}

int store_timer_take(struct db *db, const char *kind, int64_t ref, int64_t due_at, bool *ret_was)
{
	int rc = db_run(db, "DELETE FROM timer WHERE kind = ?1 AND ref = ?2 AND due_at = ?3", "tii", kind, ref, due_at);

	if (ret_was)
		*ret_was = rc >= 0 && db_changes(db) != 0;
	return rc < 0 ? rc : 0;
}

int store_timers_shift(struct db *db, const char *kind, int64_t ms)
{
	return db_run(db, "UPDATE timer SET due_at = due_at + ?2 WHERE kind = ?1", "ti", kind, ms);
}

struct stmt *store_timers_by_due(struct db *db, const char *without, int64_t limit)
{
	return db_query(db, "SELECT kind, ref, due_at FROM timer WHERE ?2 NOT LIKE '%,' || kind || ',%' ORDER BY due_at, kind, "
		"ref LIMIT ?1", "it", limit, without);
}
