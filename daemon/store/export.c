/* export.c - SQL of the table export and of the slices it streams. Owns nothing. */
#include "store/export.h"

#include <stdlib.h>
#include <string.h>

int export_insert(struct db *db, const struct export_row *e, const char *manifest)
{
	return db_run(db, "INSERT INTO export(id, format, org, period, from_seq, to_seq, actor, created_at, state, "
		"ledger_minor, manifest) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)", "itttiitit" "It", e->id, e->format,
		*e->org ? e->org : NULL, e->period,
		e->from_seq, e->to_seq, e->actor, e->created_at, e->state,
		e->has_ledger ? &e->ledger_minor : NULL, manifest);
}

int export_load(struct db *db, int64_t id, struct export_row *ret, char **ret_manifest)
{
	struct stmt *s = db_query(db, "SELECT id, format, org, period, from_seq, to_seq, actor, created_at, state, "
		"manifest, ledger_minor FROM export WHERE id = ?1", "i", id);
	int rc = db_step(s);

	if (rc == DB_ROW) {
		ret->id = db_int(s, 0);
		db_copy_text(s, 1, ret->format, sizeof(ret->format));
		db_copy_text(s, 2, ret->org, sizeof(ret->org));
		db_copy_text(s, 3, ret->period, sizeof(ret->period));
		ret->from_seq = db_int(s, 4);
		ret->to_seq = db_int(s, 5);
		db_copy_text(s, 6, ret->actor, sizeof(ret->actor));
		ret->created_at = db_int(s, 7);
		db_copy_text(s, 8, ret->state, sizeof(ret->state));
		ret->has_ledger = !db_is_null(s, 10);
		ret->ledger_minor = db_int(s, 10);
		if (ret_manifest)
			*ret_manifest = strdup(db_text(s, 9));
	}
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int export_finish(struct db *db, int64_t id, const char *state, const char *manifest)
{
	return db_run(db, "UPDATE export SET state = ?2, manifest = ?3 WHERE id = ?1", "itt", id, state, manifest);
}

int64_t export_last_seq(struct db *db)
{
	return db_one_int(db, 0, "SELECT MAX(seq) FROM charge", "");
}

#define ROWS "SELECT seq, id, kind, corrects, session, booking, org, user, instrument, project, period, posted_at, " \
	"service_from, service_to, used_s, idle_s, fault_s, overrun_s, billed_s, estimated_s, amount_minor, currency, flags " \
	"FROM charge "
#define TAIL " AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3"

/* One text a filter, so that each walks an index in seq order. */
struct stmt *export_slice(struct db *db, const struct export_filter *f, int64_t after, int64_t limit)
{
	if (*f->period && *f->org)
		return db_query(db, ROWS "WHERE org = ?4 AND +period = ?5" TAIL, "iiitt", after, f->to_seq, limit, f->org,
			f->period);
	if (*f->period)
		return db_query(db, ROWS "WHERE period = ?4" TAIL, "iiit", after, f->to_seq, limit, f->period);
	if (*f->org)
		return db_query(db, ROWS "WHERE org = ?4 AND posted_at >= ?5 AND posted_at < ?6" TAIL, "iiitii", after,
			f->to_seq, limit, f->org, f->from, f->to);
	return db_query(db, ROWS "WHERE posted_at >= ?4 AND posted_at < ?5" TAIL, "iiiii", after, f->to_seq, limit, f->from,
		f->to);
}
