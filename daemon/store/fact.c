/* fact.c - SQL of the site's facts. Failures are the sticky class of db.h. */
#include "store/fact.h"

int store_fact_get(struct db *db, const char *key, char *dst, size_t cap)
{
	struct stmt *s = db_query(db, "SELECT value FROM meta WHERE key = ?1", "t", key);
	int class = db_step(s);

	if (class == DB_ROW)
		db_copy_text(s, 0, dst, cap);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int store_fact_set(struct db *db, const char *key, const char *value)
{
	return db_run(db, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = "
		"excluded.value", "tt", key, value);
}
