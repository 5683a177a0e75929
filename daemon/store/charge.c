/* charge.c - SQL of the tables charge and charge_line. Owns nothing; statement errors are the connection's. */
#include "store/charge.h"

#include <stdlib.h>
#include <string.h>


#define COLUMNS "id, seq, session, booking, corrects, kind, org, user, instrument, project, posted_at, service_from, " \
	"service_to, period, used_s, idle_s, fault_s, overrun_s, billed_s, estimated_s, amount_minor, currency, flags, sha256, gap_s"

int charge_insert(struct db *db, const struct charge *c, const char *record, const struct charge_line *lines, int n)
{
	const int64_t *session = c->session ? &c->session : NULL, *booking = c->booking ? &c->booking : NULL;
	const int64_t *corrects = c->corrects ? &c->corrects : NULL;
	int rc = db_run(db, "INSERT INTO charge(" COLUMNS ", record, lines) VALUES "
		"(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27)",
		"iiIIIttttt" "iiit" "iiiiiii" "ttbiti", c->id, c->seq, session, booking, corrects, c->kind, c->org,
			c->user,
		c->instrument, c->project, c->posted_at, c->service_from, c->service_to, c->period, c->used_s,
			c->idle_s, c->fault_s,
		c->overrun_s, c->billed_s, c->estimated_s, c->amount_minor, c->currency, c->flags, c->sha256,
		sizeof(c->sha256), c->gap_s, record, (int64_t)n);

	for (int i = 0; i < n && rc == DB_DONE; i++)
		rc = db_run(db,
			"INSERT INTO charge_line(charge, n, component, from_at, to_at, seconds, rate_minor, factor_pm, "
			"amount_minor, detail) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)", "iitiiiiiit", c->id,
				(int64_t)i + 1,
			lines[i].component, lines[i].from_at, lines[i].to_at, lines[i].seconds, lines[i].rate_minor,
			lines[i].factor_pm, lines[i].amount_minor, lines[i].detail);
	return rc;
}

static void read_row(struct stmt *s, struct charge *c)
{
	const void *hash;
	size_t n;

	memset(c, 0, sizeof(*c));
	c->id = db_int(s, 0);
	c->seq = db_int(s, 1);
	c->session = db_int(s, 2);
	c->booking = db_int(s, 3);
	c->corrects = db_int(s, 4);
	db_copy_text(s, 5, c->kind, sizeof(c->kind));
	db_copy_text(s, 6, c->org, sizeof(c->org));
	db_copy_text(s, 7, c->user, sizeof(c->user));
	db_copy_text(s, 8, c->instrument, sizeof(c->instrument));
	db_copy_text(s, 9, c->project, sizeof(c->project));
	c->posted_at = db_int(s, 10);
	c->service_from = db_int(s, 11);
	c->service_to = db_int(s, 12);
	db_copy_text(s, 13, c->period, sizeof(c->period));
	c->used_s = db_int(s, 14);
	c->idle_s = db_int(s, 15);
	c->fault_s = db_int(s, 16);
	c->overrun_s = db_int(s, 17);
	c->billed_s = db_int(s, 18);
	c->estimated_s = db_int(s, 19);
	c->amount_minor = db_int(s, 20);
	db_copy_text(s, 21, c->currency, sizeof(c->currency));
	db_copy_text(s, 22, c->flags, sizeof(c->flags));
	hash = db_blob(s, 23, &n);
	if (hash && n == sizeof(c->sha256))
		memcpy(c->sha256, hash, n);
	c->gap_s = db_int(s, 24);
}

/* The first row, if any. */
static int load_one(struct stmt *s, struct charge *ret)
{
	int rc = db_step(s);

	if (rc == DB_ROW)
		read_row(s, ret);
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int charge_load(struct db *db, int64_t id, struct charge *ret)
{
	return load_one(db_query(db, "SELECT " COLUMNS " FROM charge WHERE id = ?1", "i", id), ret);
}

int charge_of_session(struct db *db, int64_t session, struct charge *ret)
{
	return load_one(db_query(db, "SELECT " COLUMNS " FROM charge WHERE session = ?1 AND kind = 'usage'", "i",
		session),
		ret);
}

int charge_balance(struct db *db, int64_t charge, struct charge_balance *ret)
{
	struct stmt *s = db_query(db,
		"SELECT SUM(amount_minor), SUM(used_s), SUM(idle_s), SUM(fault_s), SUM(overrun_s), SUM(billed_s), SUM(estimated_s), SUM(gap_s), "
		"COUNT(corrects) FROM (SELECT * FROM charge WHERE id = ?1 UNION ALL SELECT * FROM charge WHERE "
			"corrects = ?1)", "i", charge);
	int rc = db_step(s);

	if (rc == DB_ROW)
		*ret = (struct charge_balance){ db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3), db_int(s, 4),
			db_int(s, 5), db_int(s, 6), db_int(s, 7), (int)db_int(s, 8) };
	db_end(s);
	return rc < 0 ? rc : 0;
}

int charge_lines(struct db *db, int64_t charge, struct charge_line *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db,
		"SELECT component, from_at, to_at, seconds, rate_minor, factor_pm, amount_minor, detail "
		"FROM charge_line WHERE charge = ?1 ORDER BY n", "i", charge);
	int rc, n = 0;

	while ((rc = db_step(s)) == DB_ROW && n < cap) {
		struct charge_line *l = &ret[n++];

		db_copy_text(s, 0, l->component, sizeof(l->component));
		l->from_at = db_int(s, 1);
		l->to_at = db_int(s, 2);
		l->seconds = db_int(s, 3);
		l->rate_minor = db_int(s, 4);
		l->factor_pm = db_int(s, 5);
		l->amount_minor = db_int(s, 6);
		db_copy_text(s, 7, l->detail, sizeof(l->detail));
	}
	db_end(s);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

char *charge_record(struct db *db, int64_t id)
{
	struct stmt *s = db_query(db, "SELECT record FROM charge WHERE id = ?1", "i", id);
	char *copy = NULL;

	if (db_step(s) == DB_ROW)
		copy = strdup(db_text(s, 0));
	db_end(s);
	return copy;
}

/* One text a leading column, so that each uses its index; the rest of the filter is the same. */
#define REST " AND seq > ?2 AND (?3 = '' OR org = ?3) AND (?4 = '' OR user = ?4) AND (?5 = '' OR instrument = ?5) " \
	"AND (?6 = '' OR period = ?6) AND (?7 = 0 OR booking = ?7) AND posted_at >= ?8 AND (?9 = 0 OR posted_at < ?9) " \
	"AND seq <= ?11 "
#define PAGE REST "ORDER BY seq LIMIT ?10"

enum lead { BY_BOOKING, BY_USER, BY_ORG, BY_INSTRUMENT, BY_PERIOD, BY_SEQ, LEADS };

#define CLOCK_STEP LT_DAY /* charges are posted in order of time, but for steps of the clock: none this large */

/* The first charge that was posted at `at` or later, as the clock told; last + 1 when there is none. */
static int64_t seq_near(struct db *db, int64_t at)
{
	int64_t low = 1, high = charge_last_seq(db) + 1;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (db_one_int(db, INT64_MAX, "SELECT posted_at FROM charge WHERE seq >= ?1 ORDER BY seq LIMIT 1", "i", mid) < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int64_t charge_first_seq(struct db *db, int64_t from)
{
	return from > CLOCK_STEP ? seq_near(db, from - CLOCK_STEP) : 1;
}

/* The walk over seq that can hold what was posted in [from, to). */
static void seq_range(struct db *db, int64_t from, int64_t to, int64_t *after, int64_t *last)
{
	int64_t first = charge_first_seq(db, from);

	*after = first - 1 > *after ? first - 1 : *after;
	*last = to > 0 && to < INT64_MAX - CLOCK_STEP ? seq_near(db, to + CLOCK_STEP) : INT64_MAX;
}


static struct stmt *filtered(struct db *db, const char *const sql[LEADS], const struct charge_filter *f)
{
	enum lead lead = f->booking ? BY_BOOKING : *f->user ? BY_USER : *f->org ? BY_ORG : *f->instrument ? BY_INSTRUMENT :
		*f->period ? BY_PERIOD : BY_SEQ;
	const char *const leads[] = { [BY_USER] = f->user, [BY_ORG] = f->org, [BY_INSTRUMENT] = f->instrument,
		[BY_PERIOD] = f->period, [BY_SEQ] = "" };
	int64_t limit = f->limit, after = f->after, last;

	seq_range(db, f->from, f->to, &after, &last);
	if (lead == BY_BOOKING)
		return db_query(db, sql[lead], "iittttiiiii", f->booking, after, f->org, f->user, f->instrument,
			f->period, f->booking, f->from, f->to, limit, last);
	return db_query(db, sql[lead], "tittttiiiii", leads[lead], after, f->org, f->user, f->instrument, f->period,
		f->booking, f->from, f->to, limit, last);
}

int charge_page(struct db *db, const struct charge_filter *f, struct charge *ret, int *ret_n)
{
	static const char *const sql[LEADS] = {
		[BY_BOOKING] = "SELECT " COLUMNS " FROM charge WHERE booking = ?1" PAGE,
		[BY_USER] = "SELECT " COLUMNS " FROM charge WHERE user = ?1" PAGE,
		[BY_ORG] = "SELECT " COLUMNS " FROM charge WHERE org = ?1" PAGE,
		[BY_INSTRUMENT] = "SELECT " COLUMNS " FROM charge WHERE instrument = ?1" PAGE,
		[BY_PERIOD] = "SELECT " COLUMNS " FROM charge WHERE period = ?1" PAGE,
		[BY_SEQ] = "SELECT " COLUMNS " FROM charge WHERE ?1 = ''" PAGE,
	};
	struct stmt *s = filtered(db, sql, f);
	int rc, n = 0;

	while ((rc = db_step(s)) == DB_ROW && n < f->limit)
		read_row(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

int charge_recent_used(struct db *db, const char *org, int64_t *ret_used_s, char (*ret_instrument)[LT_ID], int cap,
	int *ret_n)
{
	struct stmt *s = db_query(db,
		"SELECT used_s, instrument FROM charge WHERE org = ?1 AND kind = 'usage' AND used_s > 0 "
		"ORDER BY seq DESC LIMIT ?2", "ti", org, (int64_t)cap);
	int rc, n = 0;

	while ((rc = db_step(s)) == DB_ROW && n < cap) {
		ret_used_s[n] = db_int(s, 0);
		db_copy_text(s, 1, ret_instrument[n++], LT_ID);
	}
	db_end(s);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

#define BRIEF "SELECT seq, id, service_from, posted_at, used_s, idle_s, estimated_s, amount_minor, kind, org, user, " \
	"instrument, project, period, gap_s FROM charge "
#define BY_SEQ_TAIL " AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4"

static struct stmt *scan_query(struct db *db, const struct charge_scan *at, int64_t limit)
{
	if (*at->org)
		return db_query(db, BRIEF "WHERE org = ?1" BY_SEQ_TAIL, "tiii", at->org, at->after, at->to_seq, limit);
	if (at->by_service)
		return db_query(db, BRIEF "WHERE (service_from, id) > (?1, ?2) AND service_from < ?3 ORDER BY service_from, "
			"id LIMIT ?4", "iiii", at->begun ? at->after : at->from - 1,
			at->begun ? at->after_id : INT64_MAX, at->to, limit);
	if (*at->period)
		return db_query(db, BRIEF "WHERE period = ?1" BY_SEQ_TAIL, "tiii", at->period, at->after, at->to_seq, limit);
	return db_query(db, BRIEF "WHERE ?1 = 1" BY_SEQ_TAIL, "iiii", INT64_C(1), at->after, at->to_seq, limit);
}

static void read_brief(struct stmt *s, struct charge_brief *c)
{
	c->service_from = db_int(s, 2);
	c->posted_at = db_int(s, 3);
	c->used_s = db_int(s, 4);
	c->idle_s = db_int(s, 5);
	c->estimated_s = db_int(s, 6);
	c->amount_minor = db_int(s, 7);
	c->usage = strcmp(db_text(s, 8), "usage") == 0;
	db_copy_text(s, 9, c->org, sizeof(c->org));
	db_copy_text(s, 10, c->user, sizeof(c->user));
	db_copy_text(s, 11, c->instrument, sizeof(c->instrument));
	db_copy_text(s, 12, c->project, sizeof(c->project));
	db_copy_text(s, 13, c->period, sizeof(c->period));
	c->gap_s = db_int(s, 14);
}

int charge_scan(struct db *db, struct charge_scan *at, int limit, int (*take)(void *user, const struct charge_brief *c),
	void *user)
{
	bool by_service = at->by_service && !*at->org;
	struct stmt *s;
	struct charge_brief c;
	int64_t last;
	int rc, n = 0, taken = 0;

	if (!at->begun && !at->by_service) {
		seq_range(db, at->from, at->to, &at->after, &last);
		at->to_seq = last < at->to_seq ? last : at->to_seq;
	}
	s = scan_query(db, at, limit);
	while ((rc = db_step(s)) == DB_ROW && taken == 0) {
		n++;
		at->begun = true;
		at->after = db_int(s, by_service ? 2 : 0);
		at->after_id = db_int(s, 1);
		if (db_int(s, 0) > at->to_seq)
			continue; /* posted after the walk began */
		read_brief(s, &c);
		taken = take(user, &c);
	}
	db_end(s);
	return rc < 0 ? rc : taken ? taken : n == limit;
}

int64_t charge_last_seq(struct db *db)
{
	return db_one_int(db, 0, "SELECT MAX(seq) FROM charge", "");
}

int charge_total(struct db *db, const char *period, const char *org, int64_t *ret_rows, int64_t *ret_minor)
{
	struct stmt *s = db_query(db, "SELECT COALESCE(SUM(rows), 0), COALESCE(SUM(minor), 0) FROM charge_total "
		"WHERE period = ?1 AND (?2 = '' OR org = ?2)", "tt", period, org);
	int rc = db_step(s);

	if (rc == DB_ROW) {
		*ret_rows = db_int(s, 0);
		*ret_minor = db_int(s, 1);
	}
	db_end(s);
	return rc < 0 ? rc : 0;
}
