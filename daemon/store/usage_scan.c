/*
 * usage_scan.c - walks the pieces of usage that no charge stands for, of one instrument after the other. Owns nothing;
 * errors stay sticky.
 */
#include <string.h>

#include "store/session.h"

/* The instrument after the one that is walked through. */
static int next_instrument(struct db *db, struct usage_scan *at)
{
	struct stmt *s = db_query(db, "SELECT id FROM instrument WHERE id > ?1 AND (?2 = '' OR id = ?2) ORDER BY id LIMIT 1", "tt",
		at->instrument, at->only);
	int rc = db_step(s);

	if (rc == DB_ROW)
		db_copy_text(s, 0, at->instrument, sizeof(at->instrument));
	db_end(s);
	at->after = at->from;
	at->after_id = 0;
	return rc;
}

static enum usage_class class_of(const char *kind)
{
	if (strcmp(kind, "internal") == 0)
		return USAGE_INTERNAL;
	return strcmp(kind, "booked") == 0 ? USAGE_UNCHARGED : USAGE_UNATTRIBUTED;
}

/*
 * Rows of one instrument, at most `limit`. *ret_n: so many were looked at. With the first piece of a session that has
 * its charge comes what was measured for it later and is not charged yet.
 */
static int rows(struct db *db, struct usage_scan *at, int limit, usage_take take, void *user, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT u.from_at, u.id, u.measured_ms, u.estimated_ms, COALESCE(s.kind, ''), "
		"COALESCE(c.seq, ?6 + 1) <= ?6, NOT EXISTS (SELECT 1 FROM usage p WHERE p.session = u.session AND p.id < u.id), "
		"CASE WHEN EXISTS (SELECT 1 FROM usage p WHERE p.session = u.session AND p.id < u.id) THEN 0 ELSE "
		"(SELECT SUM(p.measured_ms) FROM usage p WHERE p.session = u.session) - 1000 * (c.used_s + (SELECT "
		"COALESCE(SUM(d.used_s), 0) FROM charge d WHERE d.corrects = c.id AND d.seq <= ?6)) END, u.held_ms, "
		"CASE WHEN u.held_ms = 0 OR u.session IS NULL THEN 0 ELSE NOT EXISTS (SELECT 1 FROM usage p WHERE p.session = u.session "
		"AND p.id < u.id AND p.held_ms > 0) END "
		"FROM usage u LEFT JOIN session s ON s.id = u.session "
		"LEFT JOIN charge c ON c.session = u.session AND c.kind = 'usage' WHERE u.instrument = ?1 AND (u.from_at, u.id) > "
		"(?2, ?3) AND u.from_at < ?4 ORDER BY u.from_at, u.id LIMIT ?5", "tiiiii", at->instrument, at->after, at->after_id,
		at->to, (int64_t)limit, at->to_seq);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW) {
		struct usage_brief b = { class_of(db_text(s, 4)), db_int(s, 2), db_int(s, 3), db_int(s, 6) != 0 };

		(*ret_n)++;
		at->after = db_int(s, 0);
		at->after_id = db_int(s, 1);
		if (b.class == USAGE_UNATTRIBUTED && db_text(s, 4)[0] == '\0')
			b.first = false;
		if (db_int(s, 5) == 0)
			take(user, &b);
		else if (b.first && db_int(s, 7) >= 1000)
			take(user, &(struct usage_brief){ USAGE_UNCHARGED, db_int(s, 7), 0, true });
		if (db_int(s, 8) > 0)
			take(user, &(struct usage_brief){ USAGE_HELD, db_int(s, 8), 0, db_int(s, 9) != 0 });
	}
	db_end(s);
	return rc < 0 ? rc : 0;
}

int usage_scan(struct db *db, struct usage_scan *at, int limit, usage_take take, void *user)
{
	int rc = at->instrument[0] ? DB_ROW : next_instrument(db, at), n;

	while (rc == DB_ROW) {
		rc = rows(db, at, limit, take, user, &n);
		if (rc < 0 || n == limit)
			return rc < 0 ? rc : 1;
		limit -= n;
		rc = next_instrument(db, at);
	}
	return rc < 0 ? rc : 0;
}
