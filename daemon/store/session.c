/* session.c - SQL of sessions and their pieces of usage. Owns nothing; statement errors stay sticky. */
#include "store/session.h"

#include <string.h>

#define FIELDS "id, instrument, booking, org, user, kind, state, outcome, presumed, bypassed, opened_at, opened_cause, checkin_at, " \
	"checkout_wish_at, first_run_at, last_run_end_at, unknown_since, closed_at, close_cause, measured_ms, estimated_ms, end_reading, " \
	"gap_ms, version, unplaced, disowned, on_ms, counted_ms"
/* What it waits for is what its items say; the column of that name was never written. */
#define COLUMNS FIELDS ", (SELECT MIN(r.kind) FROM review r WHERE r.session = session.id AND r.state <> 'done')"
#define OPEN_STATES "('open','running','idle','unknown')"

static const int64_t *or_null(const int64_t *v) { return *v ? v : NULL; }
static const char *text_or_null(const char *s) { return *s ? s : NULL; }

/* Index of a name among the names of an enum; the last one when there is no such name. */
static int by_name(const char *text, const char *(*name)(int), int n)
{
	int i = 0;

	while (i < n - 1 && strcmp(name(i), text) != 0)
		i++;
	return i;
}

static const char *state_name(int i) { return session_state_name((enum session_state)i); }
static const char *kind_name(int i) { return session_kind_name((enum session_kind)i); }
static const char *outcome_name(int i) { return session_outcome_name((enum session_outcome)i); }

static void take(struct stmt *s, struct session *r)
{
	memset(r, 0, sizeof(*r));
	r->id = db_int(s, 0);
	db_copy_text(s, 1, r->instrument, sizeof(r->instrument));
	r->booking = db_int(s, 2);
	db_copy_text(s, 3, r->org, sizeof(r->org));
	db_copy_text(s, 4, r->user, sizeof(r->user));
	r->kind = (enum session_kind)by_name(db_text(s, 5), kind_name, SESSION_KINDS);
	r->state = (enum session_state)by_name(db_text(s, 6), state_name, SESSION_STATES);
	r->outcome = db_is_null(s, 7) ? OUTCOME_NONE : (enum session_outcome)by_name(db_text(s, 7), outcome_name, OUTCOMES);
	r->presumed = db_int(s, 8) != 0;
	r->bypassed = db_int(s, 9) != 0;
	r->opened_at = db_int(s, 10);
	db_copy_text(s, 11, r->opened_cause, sizeof(r->opened_cause));
	r->checkin_at = db_int(s, 12);
	r->checkout_wish_at = db_int(s, 13);
	r->first_run_at = db_int(s, 14);
	r->last_run_end_at = db_int(s, 15);
	r->unknown_since = db_int(s, 16);
	r->closed_at = db_int(s, 17);
	db_copy_text(s, 18, r->close_cause, sizeof(r->close_cause));
	r->measured_ms = db_int(s, 19);
	r->estimated_ms = db_int(s, 20);
	r->end_reading = db_int(s, 21) != 0;
	r->gap_ms = db_int(s, 22);
	r->version = db_int(s, 23);
	r->unplaced = db_int(s, 24) != 0;
	r->disowned = db_int(s, 25) != 0;
	r->on_ms = db_int(s, 26);
	r->counted_ms = db_int(s, 27);
	db_copy_text(s, 28, r->review_reason, sizeof(r->review_reason));
}

static int one(struct stmt *s, struct session *ret)
{
	int rc = db_step(s);

	if (rc == DB_ROW)
		take(s, ret);
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

static int many(struct stmt *s, struct session *ret, int cap, int *ret_n)
{
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW && *ret_n < cap)
		take(s, &ret[(*ret_n)++]);
	db_end(s);
	return rc < 0 ? rc : 0;
}

int store_session_load(struct db *db, int64_t id, struct session *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM session WHERE id = ?1", "i", id), ret);
}

int store_session_of_booking(struct db *db, int64_t booking, struct session *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM session WHERE booking = ?1 ORDER BY id DESC LIMIT 1", "i",
		booking), ret);
}

int store_session_list_booking(struct db *db, int64_t booking, struct session *ret, int cap, int *ret_n)
{
	return many(db_query(db, "SELECT " COLUMNS " FROM session WHERE booking = ?1 ORDER BY id LIMIT ?2", "ii", booking,
		(int64_t)cap), ret, cap, ret_n);
}

int store_session_open_on(struct db *db, const char *instrument, struct session *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM session WHERE instrument = ?1 AND state IN " OPEN_STATES, "t",
		instrument), ret);
}

int store_session_last_closed(struct db *db, const char *instrument, int64_t at, bool of_org, struct session *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM session WHERE instrument = ?1 AND closed_at <= ?2 AND unplaced = 0 "
		"AND (?3 = 0 OR org IS NOT NULL) ORDER BY closed_at DESC, id DESC LIMIT 1", "tii", instrument, at,
		(int64_t)of_org), ret);
}

/* One unit has one session at a time: from the latest back to the first that ended before. */
int store_session_since(struct db *db, const char *instrument, int64_t since, struct session *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " COLUMNS " FROM session WHERE instrument = ?1 AND unplaced = 0 ORDER BY "
		"opened_at DESC, id DESC", "t", instrument);
	int rc, n = 0;

	while (n < cap && (rc = db_step(s)) == DB_ROW) {
		take(s, &ret[n]);
		if (ret[n].closed_at && ret[n].closed_at <= since)
			break;
		n++;
	}
	db_end(s);
	for (int k = 0; k < n / 2; k++) {
		struct session last = ret[n - 1 - k];

		ret[n - 1 - k] = ret[k];
		ret[k] = last;
	}
	*ret_n = n;
	return db_failed(db);
}

int store_session_closed_since(struct db *db, const char *instrument, int64_t since, int64_t after, int64_t *ret_ids,
	int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT id FROM session WHERE instrument = ?1 AND unplaced = 0 AND closed_at > ?2 AND id > "
		"?3 ORDER BY id LIMIT ?4", "tiii", instrument, since, after, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW)
		ret_ids[(*ret_n)++] = db_int(s, 0);
	db_end(s);
	return rc < 0 ? rc : 0;
}

int store_session_insert(struct db *db, const struct session *s)
{
	return db_run(db, "INSERT INTO session (" FIELDS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
		"?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, 1, ?24, ?25, ?26, ?27)", "itIttttt" "iiitIIII" "IItiiii" "iiii",
		s->id,
		s->instrument, or_null(&s->booking),
		text_or_null(s->org), text_or_null(s->user), session_kind_name(s->kind), session_state_name(s->state),
		text_or_null(session_outcome_name(s->outcome)), (int64_t)s->presumed, (int64_t)s->bypassed, s->opened_at,
			s->opened_cause,
		or_null(&s->checkin_at), or_null(&s->checkout_wish_at), or_null(&s->first_run_at), or_null(&s->last_run_end_at),
		or_null(&s->unknown_since), or_null(&s->closed_at), text_or_null(s->close_cause), s->measured_ms,
			s->estimated_ms,
		(int64_t)s->end_reading, s->gap_ms, (int64_t)s->unplaced, (int64_t)s->disowned,
		s->on_ms, s->counted_ms);
}

int store_session_update(struct db *db, struct session *s)
{
	s->version++;
	return db_run(db, "UPDATE session SET booking = ?2, org = ?3, user = ?4, kind = ?5, state = ?6, outcome = ?7, "
		"presumed = ?8, bypassed = ?9, opened_at = ?10, checkin_at = ?11, checkout_wish_at = ?12, first_run_at = ?13, "
		"last_run_end_at = ?14, "
		"unknown_since = ?15, closed_at = ?16, close_cause = ?17, measured_ms = ?18, estimated_ms = ?19, end_reading = "
		"?20, "
		"gap_ms = ?21, version = ?22, disowned = ?23, on_ms = ?24, "
		"counted_ms = ?25 WHERE id = ?1", "iIttttt" "iiiIIII" "IItiiii" "iiii", s->id,
		or_null(&s->booking), text_or_null(s->org), text_or_null(s->user), session_kind_name(s->kind),
			session_state_name(s->state),
		text_or_null(session_outcome_name(s->outcome)), (int64_t)s->presumed, (int64_t)s->bypassed, s->opened_at,
		or_null(&s->checkin_at), or_null(&s->checkout_wish_at), or_null(&s->first_run_at), or_null(&s->last_run_end_at),
		or_null(&s->unknown_since), or_null(&s->closed_at), text_or_null(s->close_cause), s->measured_ms,
			s->estimated_ms,
		(int64_t)s->end_reading, s->gap_ms, s->version, (int64_t)s->disowned,
		s->on_ms, s->counted_ms);
}

int store_session_metered(struct db *db, struct session *s)
{
	s->version++;
	return db_run(db, "UPDATE session SET first_run_at = ?2, last_run_end_at = ?3, measured_ms = ?4, estimated_ms = ?5, "
		"gap_ms = ?6, version = ?7, on_ms = ?8, counted_ms = ?9 WHERE id = ?1", "iIIiiiiii", s->id, or_null(&s->first_run_at),
		or_null(&s->last_run_end_at), s->measured_ms, s->estimated_ms, s->gap_ms, s->version, s->on_ms,
		s->counted_ms);
}

int store_session_event(struct db *db, int64_t session, int64_t at, const char *from, const char *to,
	const char *cause, const char *detail)
{
	return db_run(db, "INSERT INTO session_event (session, n, at, from_state, to_state, cause, detail) SELECT ?1, "
		"COALESCE(MAX(n), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM session_event WHERE session = ?1", "iitttt", session, at,
		from, to, cause, detail);
}

int store_session_loose(struct db *db, const char *instrument, int64_t since, struct session *ret, int cap, int *ret_n)
{
	return many(db_query(db, "SELECT " COLUMNS " FROM session WHERE instrument = ?1 AND closed_at >= ?2 AND "
		"end_reading = 0 AND closed_at IS NOT NULL AND state <> 'charged' ORDER BY opened_at, id LIMIT ?3", "tii", instrument, since,
		(int64_t)cap), ret, cap, ret_n);
}

int store_session_unattributed_at(struct db *db, const char *instrument, int64_t at, struct session *ret)
{
	return one(db_query(db, "SELECT " COLUMNS " FROM session WHERE instrument = ?1 AND kind = 'unattributed' AND "
		"opened_at <= ?2 + 300000 AND COALESCE(closed_at, ?2) >= ?2 - 300000 ORDER BY unplaced, CASE WHEN opened_at <= ?2 "
		"AND COALESCE(closed_at, ?2) >= ?2 THEN 0 ELSE 1 END, ABS(opened_at - ?2) LIMIT 1", "ti", instrument, at), ret);
}

int store_session_list(struct db *db, const struct session_filter *f, struct session *ret, int cap, int *ret_n)
{
	return many(db_query(db, "SELECT " COLUMNS " FROM session WHERE (?1 IS NULL OR org = ?1) AND (?2 IS NULL OR user = "
		"?2) AND (?3 IS NULL OR instrument = ?3) AND (?4 IS NULL OR state = ?4) AND (?5 IS NULL OR outcome = ?5) AND "
		"opened_at >= ?6 AND "
		"opened_at < ?7 AND id < ?8 ORDER BY id DESC LIMIT ?9", "tttttiiii", f->org, f->user, f->instrument, f->state,
		f->outcome,
		f->from, f->to, f->before, (int64_t)cap), ret, cap, ret_n);
}

int store_session_steps(struct db *db, int64_t session, struct session_step *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT n, at, from_state, to_state, cause, detail FROM session_event WHERE session "
		"= ?1 ORDER BY n LIMIT ?2", "ii", session, (int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW) {
		struct session_step *r = &ret[(*ret_n)++];

		r->n = db_int(s, 0);
		r->at = db_int(s, 1);
		db_copy_text(s, 2, r->from, sizeof(r->from));
		db_copy_text(s, 3, r->to, sizeof(r->to));
		db_copy_text(s, 4, r->cause, sizeof(r->cause));
		db_copy_text(s, 5, r->detail, sizeof(r->detail));
	}
	db_end(s);
	return rc;
}
