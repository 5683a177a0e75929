/*
 * occupancy.c - SQL of R01. Among the active rows of a unit nothing overlaps, so every question looks at the one
 * predecessor and the few rows after it, never at the whole past. Failures are the sticky class of db.h.
 */
#include "store/occupancy.h"

#include <string.h>

#define FIELDS "o.kind, o.ref, o.busy_from, o.busy_to, CASE o.kind WHEN 'booking' THEN b.org ELSE '' END, " \
	"CASE o.kind WHEN 'booking' THEN b.held_to ELSE o.busy_to END, CASE o.kind WHEN 'hold' THEN COALESCE(b.user, '') ELSE '' END"
/* a hold is named by the displaced booking whose owner it is for */
#define JOINED "occupancy o LEFT JOIN booking b ON o.kind IN ('booking','hold') AND b.id = o.ref"

static void read_occupant(const struct stmt *s, struct occupant *o)
{
	memset(o, 0, sizeof(*o));
	db_copy_text(s, 0, o->kind, sizeof(o->kind));
	o->ref = db_int(s, 1);
	o->busy = (struct interval){ db_int(s, 2), db_int(s, 3) };
	db_copy_text(s, 4, o->org, sizeof(o->org));
	o->held_to = db_int(s, 5);
	db_copy_text(s, 6, o->user, sizeof(o->user));
}

static int first(struct stmt *s, struct occupant *ret)
{
	int class = db_step(s);

	if (class == DB_ROW)
		read_occupant(s, ret);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

/* The trigger's refusal is an answer, not a failure. */
static int answer(struct db *db, int class)
{
	if (class == DB_CONSTRAINT && strcmp(db_constraint(db), "r01_overlap") == 0) {
		db_clear_constraint(db);
		return 1;
	}
	return class;
}

int store_occupancy_put(struct db *db, int64_t new_id, const char *instrument, const char *kind, int64_t ref,
	struct interval busy)
{
	int class = db_run(db, "UPDATE occupancy SET unit = (SELECT unit FROM instrument WHERE id = ?1), busy_from = ?2, "
		"busy_to = ?3, active = 1 WHERE kind = ?4 AND ref = ?5", "tiiti", instrument, busy.from, busy.to, kind, ref);

	if (class != DB_DONE || db_changes(db) > 0)
		return answer(db, class);
	class = db_run(db, "INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) "
		"VALUES (?1, (SELECT unit FROM instrument WHERE id = ?2), ?3, ?4, ?5, ?6)", "itiiti", new_id, instrument,
		busy.from,
		busy.to, kind, ref);
	return answer(db, class);
}

int store_occupancy_move(struct db *db, const char *kind, int64_t ref, struct interval busy)
{
	return answer(db, db_run(db, "UPDATE occupancy SET busy_from = ?1, busy_to = ?2 WHERE kind = ?3 AND ref = ?4 AND "
		"active = 1", "iiti", busy.from, busy.to, kind, ref));
}

int store_occupancy_end(struct db *db, const char *kind, int64_t ref)
{
	return db_run(db, "UPDATE occupancy SET active = 0 WHERE kind = ?1 AND ref = ?2 AND active = 1", "ti", kind, ref);
}

int store_occupancy_of(struct db *db, const char *kind, int64_t ref, struct occupant *ret)
{
	return first(db_query(db, "SELECT " FIELDS " FROM " JOINED " WHERE o.kind = ?1 AND o.ref = ?2 AND o.active = 1",
		"ti", kind, ref), ret);
}

int store_occupancy_in(struct db *db, const char *instrument, struct interval in, const char *except_kind,
	int64_t except_ref,
		       struct occupant *ret, int cap, int *ret_n)
{
	int64_t unit = db_one_int(db, -1, "SELECT unit FROM instrument WHERE id = ?1", "t", instrument);
	int64_t start = db_one_int(db, in.from, "SELECT busy_from FROM occupancy WHERE unit = ?1 AND active = 1 AND "
		"busy_from < ?2 ORDER BY busy_from DESC LIMIT 1", "ii", unit, in.from);
	struct stmt *s = db_query(db, "SELECT " FIELDS " FROM " JOINED " WHERE o.unit = ?1 AND o.active = 1 AND "
		"o.busy_from >= ?2 AND o.busy_from < ?3 AND o.busy_to > ?4 AND NOT (o.kind = ?5 AND o.ref = ?6) ORDER BY "
		"o.busy_from LIMIT ?7",
		"iiiitii", unit, start, in.to, in.from, except_kind, except_ref, (int64_t)cap);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		read_occupant(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int64_t store_occupancy_next(struct db *db, const char *kind, int64_t ref)
{
	return db_one_int(db, INT64_MAX, "SELECT n.busy_from FROM occupancy o JOIN occupancy n ON n.unit = o.unit AND "
		"n.active = 1 AND n.busy_from > o.busy_from WHERE o.kind = ?1 AND o.ref = ?2 ORDER BY n.busy_from LIMIT 1",
		"ti", kind, ref);
}

int store_occupancy_before(struct db *db, const char *instrument, int64_t at, struct occupant *ret)
{
	return first(db_query(db, "SELECT " FIELDS " FROM " JOINED " WHERE o.unit = (SELECT unit FROM instrument WHERE id "
		"= ?1) AND o.active = 1 AND o.busy_from < ?2 ORDER BY o.busy_from DESC LIMIT 1", "ti", instrument, at), ret);
}

int64_t store_occupancy_count(struct db *db)
{
	return db_one_int(db, 0, "SELECT COUNT(*) FROM occupancy WHERE active = 1", "");
}
