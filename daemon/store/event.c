/* event.c - SQL of events and of the audit trail. Failures are the sticky class of db.h. */
#include "store/event.h"

#include <string.h>

static const char *text_or_null(const char *s) { return s && *s ? s : NULL; }
static const int64_t *id_or_null(const int64_t *v) { return *v ? v : NULL; }
static const char *text_or_empty(const char *s) { return s ? s : ""; }

int store_event_add(struct db *db, int64_t id, int64_t at, const struct event_row *e)
{
	const struct facts *f = &e->facts;

	return db_run(db, "INSERT INTO event (id, at, kind, instrument, org, user, booking, session, charge, detail, fact_at, "
		"from_at, to_at, ms, most_ms, minor, was_minor, n, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
		"?13, ?14, ?15, ?16, ?17, ?18, ?19)", "iittttIIItiiiiiiiit", id, at, e->kind, text_or_null(e->instrument),
		text_or_null(e->org), text_or_null(e->user), id_or_null(&e->booking), id_or_null(&e->session),
		id_or_null(&e->charge), e->detail, f->at, f->from_at, f->to_at, f->ms, f->most_ms, f->minor, f->was_minor,
		f->n, f->why);
}

static void take(const struct stmt *s, struct event_seen *e)
{
	memset(e, 0, sizeof(*e));
	e->id = db_int(s, 0);
	e->at = db_int(s, 1);
	db_copy_text(s, 2, e->kind, sizeof(e->kind));
	db_copy_text(s, 3, e->instrument, sizeof(e->instrument));
	db_copy_text(s, 4, e->org, sizeof(e->org));
	db_copy_text(s, 5, e->user, sizeof(e->user));
	e->booking = db_int(s, 6);
	e->session = db_int(s, 7);
	e->charge = db_int(s, 8);
	db_copy_text(s, 9, e->detail, sizeof(e->detail));
	e->facts = (struct facts){ .at = db_int(s, 10), .from_at = db_int(s, 11), .to_at = db_int(s, 12),
		.ms = db_int(s, 13), .most_ms = db_int(s, 14), .minor = db_int(s, 15), .was_minor = db_int(s, 16),
		.n = db_int(s, 17) };
	db_copy_text(s, 18, e->facts.why, sizeof(e->facts.why));
}

#define SEEN "SELECT id, at, kind, instrument, org, user, booking, session, charge, detail, fact_at, from_at, to_at, ms, " \
	"most_ms, minor, was_minor, n, why FROM event WHERE "
#define FOR_USER " AND (?2 IS NULL OR user IS NULL OR user = ?2) "

static int take_all(struct stmt *s, struct event_seen *ret, int cap, int *ret_n)
{
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		take(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

/* Two texts, so that an org's events are found by its index. */
int store_event_page(struct db *db, const char *org, const char *user, int64_t after, struct event_seen *ret, int cap,
	int *ret_n)
{
	const char *sql = org ? SEEN "org = ?1" FOR_USER "AND id > ?3 ORDER BY id LIMIT ?4"
		: SEEN "?1 IS NULL" FOR_USER "AND id > ?3 ORDER BY id LIMIT ?4";

	return take_all(db_query(db, sql, "ttii", org, user, after, (int64_t)cap), ret, cap, ret_n);
}

int store_event_last(struct db *db, const char *org, const char *user, struct event_seen *ret, int cap, int *ret_n)
{
	const char *sql = org ? SEEN "org = ?1" FOR_USER "ORDER BY id DESC LIMIT ?3"
		: SEEN "?1 IS NULL" FOR_USER "ORDER BY id DESC LIMIT ?3";
	int rc = take_all(db_query(db, sql, "tti", org, user, (int64_t)cap), ret, cap, ret_n);

	for (int i = 0, k = *ret_n - 1; i < k; i++, k--) {
		struct event_seen e = ret[i];

		ret[i] = ret[k];
		ret[k] = e;
	}
	return rc;
}

int store_audit_add(struct db *db, int64_t id, int64_t at, const struct audit_row *r)
{
	return db_run(db, "INSERT INTO audit (id, at, actor, act, object, before, after, reason) VALUES (?1, ?2, ?3, ?4, "
		"?5, ?6, ?7, ?8)", "iitttttt", id, at, r->actor, r->act, r->object, text_or_empty(r->before),
		text_or_empty(r->after),
		text_or_empty(r->reason));
}
