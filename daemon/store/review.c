/* review.c - SQL of review items and claims. Owns nothing; statement errors stay sticky. */
#include "store/review.h"

#include <string.h>

#define COLUMNS "id, kind, instrument, session, org, state, detail, opened_at, due_at, proposal, proposed_by, " \
	"proposed_at, decision, decided_by, decided_at, version, from_at, to_at, bound_ms, total_minor, held_ms, estimated_ms"
#define CLAIM_COLUMNS "id, instrument, at, org, user, created_at, session, note, state, version"

static const int64_t *or_null(const int64_t *v) { return *v ? v : NULL; }
static const char *text_or_null(const char *s) { return *s ? s : NULL; }

static void take(struct stmt *s, struct review *r)
{
	memset(r, 0, sizeof(*r));
	r->id = db_int(s, 0);
	db_copy_text(s, 1, r->kind, sizeof(r->kind));
	db_copy_text(s, 2, r->instrument, sizeof(r->instrument));
	r->session = db_int(s, 3);
	db_copy_text(s, 4, r->org, sizeof(r->org));
	db_copy_text(s, 5, r->state, sizeof(r->state));
	db_copy_text(s, 6, r->detail, sizeof(r->detail));
	r->opened_at = db_int(s, 7);
	r->due_at = db_int(s, 8);
	db_copy_text(s, 9, r->proposal, sizeof(r->proposal));
	db_copy_text(s, 10, r->proposed_by, sizeof(r->proposed_by));
	r->proposed_at = db_int(s, 11);
	db_copy_text(s, 12, r->decision, sizeof(r->decision));
	db_copy_text(s, 13, r->decided_by, sizeof(r->decided_by));
	r->decided_at = db_int(s, 14);
	r->version = db_int(s, 15);
	r->from_at = db_int(s, 16);
	r->to_at = db_int(s, 17);
	r->bound_ms = db_int(s, 18);
	r->total_minor = db_int(s, 19);
	r->held_ms = db_int(s, 20);
	r->estimated_ms = db_int(s, 21);
}

static int one(struct stmt *s, struct review *ret)
{
	int rc = db_step(s);

	if (rc == DB_ROW)
		take(s, ret);
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int store_review_load(struct db *db, int64_t id, struct review *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM review WHERE id = ?1", "i", id), ret);
}

int store_review_find(struct db *db, const char *kind, const char *instrument, int64_t session, struct review *ret)
{
	if (session)
		return one(db_query(db, "SELECT " COLUMNS " "
			"FROM review WHERE session = ?1 AND kind = ?2 AND state <> 'done' LIMIT 1", "it",
			session, kind), ret);
	/* a level that is over has an end: its item stays to be seen, and says nothing of the next level */
	return one(db_query(db, "SELECT " COLUMNS " "
		"FROM review WHERE session IS NULL AND instrument = ?1 AND kind = ?2 AND state <> 'done' "
		"AND (kind <> 'meter_manual' OR to_at = 0) LIMIT 1", "tt", instrument, kind), ret);
}

int store_review_insert(struct db *db, const struct review *r)
{
	return db_run(db, "INSERT INTO review (id, kind, instrument, session, org, state, detail, opened_at, due_at, from_at, "
		"to_at, bound_ms, total_minor, held_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
		"ittIttt" "iIiiiii", r->id, r->kind, r->instrument, or_null(&r->session), text_or_null(r->org), r->state, r->detail,
		r->opened_at, or_null(&r->due_at), r->from_at, r->to_at, r->bound_ms, r->total_minor, r->held_ms);
}

int store_review_update(struct db *db, struct review *r)
{
	r->version++;
	return db_run(db, "UPDATE review SET org = ?2, state = ?3, detail = ?4, due_at = ?5, proposal = ?6, proposed_by = ?7, "
		"proposed_at = ?8, decision = ?9, decided_by = ?10, decided_at = ?11, version = ?12, session = ?13, "
		"from_at = ?14, to_at = ?15, bound_ms = ?16, total_minor = ?17, estimated_ms = ?18 WHERE id = ?1", "itttIttIttIiI" "iiiii", r->id,
		text_or_null(r->org), r->state, r->detail, or_null(&r->due_at), r->proposal,
		text_or_null(r->proposed_by), or_null(&r->proposed_at), r->decision, text_or_null(r->decided_by),
		or_null(&r->decided_at), r->version, or_null(&r->session), r->from_at, r->to_at, r->bound_ms, r->total_minor,
		r->estimated_ms);
}

int store_review_list(struct db *db, const char *state, int64_t after, struct review *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " "
		"FROM review WHERE (?1 IS NULL OR state = ?1) AND id > ?2 ORDER BY id LIMIT ?3", "tii",
		state, after, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW)
		take(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc;
}

int store_review_held(struct db *db, const char *instrument, int64_t after, struct review *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM review WHERE state <> 'done' AND kind = 'meter_manual' AND "
		"instrument = ?1 AND to_at = 0 AND id > ?2 ORDER BY id LIMIT ?3", "tii", instrument, after, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW)
		take(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc < 0 ? rc : 0;
}

int store_review_hold(struct db *db, const char *instrument, int64_t held_ms)
{
	return db_run(db, "UPDATE review SET held_ms = CASE WHEN session IS NULL THEN ?2 ELSE (SELECT COALESCE(SUM(u.held_ms), 0) "
		"FROM usage u WHERE u.session = review.session) END WHERE state <> 'done' AND kind = 'meter_manual' AND instrument = "
		"?1 AND to_at = 0", "ti", instrument, held_ms);
}

bool store_review_decided(struct db *db, int64_t session, const char *kind, int64_t since)
{
	return db_one_int(db, 0, "SELECT 1 FROM review WHERE session = ?1 AND kind = ?2 AND state = 'done' AND decided_at >= ?3 "
		"LIMIT 1", "iti", session, kind, since) != 0;
}

bool store_supplement_waived(struct db *db, int64_t session, int64_t total_minor)
{
	return db_one_int(db, 0, "SELECT 1 FROM review WHERE session = ?1 AND kind = 'supplement' "
		"AND state = 'done' AND decision = 'waive' "
		"AND total_minor >= ?2 LIMIT 1", "ii", session, total_minor) != 0;
}

bool store_review_pending(struct db *db, int64_t session)
{
	return db_one_int(db, 0, "SELECT 1 FROM review WHERE session = ?1 AND state <> 'done' LIMIT 1", "i",
		session) != 0;
}

static void take_claim(struct stmt *s, struct claim *c)
{
	memset(c, 0, sizeof(*c));
	c->id = db_int(s, 0);
	db_copy_text(s, 1, c->instrument, sizeof(c->instrument));
	c->at = db_int(s, 2);
	db_copy_text(s, 3, c->org, sizeof(c->org));
	db_copy_text(s, 4, c->user, sizeof(c->user));
	c->created_at = db_int(s, 5);
	c->session = db_int(s, 6);
	db_copy_text(s, 7, c->note, sizeof(c->note));
	db_copy_text(s, 8, c->state, sizeof(c->state));
	c->version = db_int(s, 9);
}

int store_claim_insert(struct db *db, const struct claim *c)
{
	return db_run(db, "INSERT INTO claim (" CLAIM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1)",
		"itittiItt", c->id,
		c->instrument, c->at, c->org, c->user, c->created_at, or_null(&c->session), c->note, c->state);
}

int store_claim_list(struct db *db, int64_t session, const char *org, struct claim *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " CLAIM_COLUMNS " "
		"FROM claim WHERE session = ?1 AND (?2 IS NULL OR org = ?2) ORDER BY id LIMIT ?3",
		"iti", session, org, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW)
		take_claim(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc;
}

int store_claim_match(struct db *db, const char *instrument, int64_t from, int64_t to, int64_t session)
{
	return db_run(db, "UPDATE claim SET session = ?4, state = 'matched', version = version + 1 WHERE "
		"instrument = ?1 AND at BETWEEN ?2 AND ?3 "
		"AND state = 'open'", "tiii", instrument, from, to, session);
}

int store_claim_decide(struct db *db, int64_t session, const char *granted_org)
{
	return db_run(db,
		"UPDATE claim SET state = CASE WHEN org = ?2 THEN 'granted' ELSE 'refused' END, version = version + 1 "
		"WHERE session = ?1 AND state = 'matched'", "it", session, granted_org);
}

int64_t store_claim_waiting(struct db *db, const char *user)
{
	return db_one_int(db, 0, "SELECT COUNT(*) FROM claim WHERE user = ?1 AND state IN ('open', 'matched')", "t",
		user);
}

int store_review_close_all(struct db *db, int64_t session, const char *decision)
{
	return db_run(db, "UPDATE review SET state = 'done', decision = ?2, version = version + "
		"1 WHERE session = ?1 AND state <> 'done'",
		"it", session, decision);
}
