/* reports.c - usage, the bill so far and the book's balance. Reads only; every list is bounded. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "api/money_routes.h"
#include "app/tally.h"
#include "common/fmt.h"

#define USAGE_DAYS 400
#define BILL_ITEMS 200
#define BALANCE_ROWS 500

/* ---- an answer that is added up slice by slice ---- */

struct report;
typedef json_t *(*report_render)(const struct report *r);
struct report {
	struct job job;                 /* of an answer that one slice could not finish                       */
	struct tally *tally;
	struct site site;               /* a copy without instruments: a reload may free the original         */
	report_render render;
	json_t *body;                   /* what render adds the sums to; owned                                */
	char *text;                     /* the answer once all is added up; size: of it, sent: so much left   */
	size_t size, sent;
};

static void report_cancel(struct job *j)
{
	struct report *r = (struct report *)j;

	tally_free(r->tally);
	json_decref(r->body);
	free(r->text);
	free(r);
}

/* Until all is added up a space keeps the answer alive: JSON may begin with it. */
static int report_slice(struct job *j, struct db *db, char *dst, size_t cap, size_t *ret_size)
{
	struct report *r = (struct report *)j;
	int rc = r->text ? 0 : tally_step(r->tally, db);

	if (rc < 0)
		return rc;
	*ret_size = 1;
	dst[0] = ' ';
	if (rc > 0)
		return 1;
	if (!r->text) {
		r->body = r->render(r);
		r->text = json_dumps(r->body, JSON_COMPACT);
		if (!r->text)
			return DB_NOMEM;
		r->size = strlen(r->text);
	}
	*ret_size = r->size - r->sent < cap ? r->size - r->sent : cap;
	memcpy(dst, r->text + r->sent, *ret_size);
	r->sent += *ret_size;
	return r->sent < r->size;
}

static const struct job_kind report_job = { "report", report_slice, NULL, report_cancel };

/* The first slice is added up at once: a small answer is whole then. body: stolen. */
static int report_answer(struct act *a, struct api_request *rq, const struct tally_want *want, report_render render,
	json_t *body, json_t **ret_body)
{
	struct report *r = calloc(1, sizeof(*r));
	int rc = DB_NOMEM;

	if (!r) {
		json_decref(body);
		return DB_NOMEM;
	}
	*r = (struct report){ .job = { &report_job }, .tally = tally_new(a, want), .site = *a->site, .render = render,
		.body = body };
	r->site.instruments = NULL;
	r->site.n_instruments = 0;
	if (r->tally && r->body)
		rc = tally_step(r->tally, a->db);
	if (rc > 0) {
		rq->job = &r->job;
		rq->content_type = "application/json";
		*ret_body = NULL;
		return act_end(a);
	}
	if (rc == 0)
		*ret_body = json_incref(r->body = render(r));
	report_cancel(&r->job);
	return rc ? rc : act_end(a);
}

/* ---- usage ---- */

struct usage_request { int64_t from, to; const char *by, *org, *user, *instrument; bool empty, staff; };

static const struct { const char *name; enum tally_by by; } groups[] = {
	{ "instrument", TALLY_INSTRUMENT }, { "org", TALLY_ORG }, { "project", TALLY_PROJECT },
	{ "user", TALLY_USER }, { "kind", TALLY_KIND }, { "day", TALLY_DAY },
};

static int group_of(struct act *a, const char *by, enum tally_by *ret)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(groups[i].name, by) == 0) {
			*ret = groups[i].by;
			return 0;
		}
	return act_refuse(a, 422, "bad-request", "by",
		"\"%.20s\" is not a grouping; choose instrument, org, project, user, kind or day", by);
}

static int read_usage_request(struct act *a, struct api_request *rq, struct usage_request *u)
{
	static const char *const known[] = { "from", "to", "by", "org", "user", "instrument", NULL };
	int rc = api_only_query(a, rq, known);

	memset(u, 0, sizeof(*u));
	if (rc == 0)
		rc = api_query_instant(a, rq, "from", 0, &u->from);
	if (rc == 0)
		rc = api_query_instant(a, rq, "to", 0, &u->to);
	if (rc)
		return rc;
	if (u->to <= u->from)
		return act_refuse(a, 422, "bad-request", "to", "\"to\" must be later than \"from\"");
	if (u->to - u->from > USAGE_DAYS * LT_DAY)
		return act_refuse(a, 422, "bad-request", "to", "a report covers at most %d days; ask for less at a time",
			USAGE_DAYS);
	u->by = api_query(rq, "by") ? api_query(rq, "by") : "instrument";
	u->instrument = api_query(rq, "instrument") ? api_query(rq, "instrument") : "";
	u->empty = !money_scope(rq, &u->org, &u->user);
	u->staff = !rq->reach_org && !rq->reach_user;
	return 0;
}

static json_t *usage_item(const struct site *s, const struct tally_sum *u, bool charged)
{
	json_t *o = json_object();

	json_object_set_new(o, "key", json_text(u->key));
	json_object_set_new(o, "sessions", json_integer(u->sessions));
	json_object_set_new(o, "used_seconds", json_integer(u->used_s));
	json_object_set_new(o, "idle_seconds", json_integer(u->idle_s));
	json_object_set_new(o, "estimated_seconds", json_integer(u->estimated_s));
	json_object_set_new(o, "gap_seconds", json_integer(u->gap_s));
	json_object_set_new(o, "amount", json_money(s, u->minor));
	json_object_set_new(o, "charged", json_boolean(charged));
	return o;
}

static json_t *render_usage(const struct report *r)
{
	json_t *items = json_object_get(r->body, "items");
	int n;
	const struct tally_sum *sums = tally_sums(r->tally, &n);

	for (int i = 0; i < n; i++)
		json_array_append_new(items, usage_item(&r->site, &sums[i], true));
	sums = tally_rest(r->tally, &n);
	for (int i = 0; i < n; i++)
		json_array_append_new(items, usage_item(&r->site, &sums[i], false));
	return r->body;
}

int reports_usage(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct tally_want want = { .by_service = true };
	struct usage_request u;
	json_t *body;
	int rc = read_usage_request(a, rq, &u);

	if (rc == 0)
		rc = group_of(a, u.by, &want.by);
	if (rc)
		return rc;
	body = api_items(json_array(), 0);
	json_object_set_new(body, "from", json_instant(a->site, u.from));
	json_object_set_new(body, "to", json_instant(a->site, u.to));
	json_object_set_new(body, "by", json_string(u.by));
	if (u.empty) {
		*ret_body = body;
		return act_end(a);
	}
	want.from = u.from;
	want.to = u.to;
	lt_fmt(want.org, sizeof(want.org), "%s", u.org);
	lt_fmt(want.user, sizeof(want.user), "%s", u.user);
	lt_fmt(want.instrument, sizeof(want.instrument), "%s", u.instrument);
	want.rest = u.staff && !*u.org && !*u.user;
	return report_answer(a, rq, &want, render_usage, body, ret_body);
}

/* ---- the bill ---- */

struct bill_request { struct charge_filter f; char period[8]; bool empty; };

static int read_bill_request(struct act *a, struct api_request *rq, struct bill_request *b)
{
	static const char *const known[] = { "period", "from", "to", "org", "user", "limit", "cursor", NULL };
	const char *period = api_query(rq, "period");
	int64_t limit = 0;
	int rc = api_only_query(a, rq, known);

	memset(b, 0, sizeof(*b));
	if (rc == 0)
		rc = api_page(a, rq, &b->f.after, &limit);
	if (rc == 0)
		rc = api_query_instant(a, rq, "from", OPTIONAL, &b->f.from);
	if (rc == 0)
		rc = api_query_instant(a, rq, "to", OPTIONAL, &b->f.to);
	if (rc == 0 && period)
		rc = money_period_valid(a, "period", period);
	if (rc)
		return rc;
	if (period && (b->f.from || b->f.to))
		return act_refuse(a, 422, "bad-request", "period", "give either \"period\" or \"from\" and \"to\"");
	if (!period && !b->f.from && !b->f.to) {
		struct lt_civil c = lt_zone_civil(&a->site->zone, a->now.wall_ms);

		lt_fmt(b->period, sizeof(b->period), "%04d-%02d", c.year, c.month);
	} else {
		lt_fmt(b->period, sizeof(b->period), "%s", period ? period : "");
	}
	b->f.period = b->period;
	b->f.instrument = "";
	b->f.limit = (int)limit;
	b->empty = !money_scope(rq, &b->f.org, &b->f.user);
	return 0;
}

static int bill_items(struct act *a, const struct charge *rows, int n, json_t *items)
{
	for (int i = 0; i < n; i++) {
		json_t *o = json_charge(a->site, &rows[i]), *lines = json_charge_lines(a, &rows[i]);

		json_array_append_new(items, o);
		if (!lines)
			return act_end(a);
		json_object_set_new(o, "lines", lines);
	}
	return 0;
}

static json_t *bill_total(const struct site *s, json_t *body, int64_t rows, int64_t minor)
{
	json_object_set_new(body, "charges", json_integer(rows));
	json_object_set_new(body, "total", json_money(s, minor));
	return body;
}

static json_t *render_bill(const struct report *r)
{
	int n;
	const struct tally_sum *sum = tally_sums(r->tally, &n);

	return bill_total(&r->site, r->body, n ? sum->rows : 0, n ? sum->minor : 0);
}

/* A whole period of an org or of all is in the roll-up; anything else is added up. Steals body. */
static int bill_sums(struct act *a, struct api_request *rq, const struct bill_request *b, json_t *body,
	json_t **ret_body)
{
	struct tally_want want = { .by = TALLY_NOTHING, .from = b->f.from, .to = b->f.to };
	int64_t rows = 0, minor = 0;
	int rc = 0;

	if (b->empty || (*b->period && !*b->f.user)) {
		if (!b->empty)
			rc = view_charge_total(a, b->period, b->f.org, &rows, &minor);
		*ret_body = bill_total(a->site, body, rows, minor);
		return rc ? rc : act_end(a);
	}
	lt_fmt(want.org, sizeof(want.org), "%s", b->f.org);
	lt_fmt(want.user, sizeof(want.user), "%s", b->f.user);
	lt_fmt(want.period, sizeof(want.period), "%s", b->period);
	return report_answer(a, rq, &want, render_bill, body, ret_body);
}

static int bill(struct act *a, struct api_request *rq, const struct bill_request *b, struct charge *rows,
	json_t **ret_body)
{
	json_t *items, *body;
	int n = 0, rc = b->empty ? 0 : view_charges(a, &b->f, rows, &n);

	if (rc)
		return rc;
	items = json_array();
	rc = bill_items(a, rows, n, items);
	body = api_items(items, n == b->f.limit ? rows[n - 1].seq : 0);
	json_object_set_new(body, "period", json_text(b->period));
	if (rc) {
		json_decref(body);
		return rc;
	}
	return bill_sums(a, rq, b, body, ret_body);
}

int reports_bill(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct bill_request b;
	struct charge *rows;
	int rc = read_bill_request(a, rq, &b);

	if (rc)
		return rc;
	rows = calloc(BILL_ITEMS, sizeof(*rows));
	rc = rows ? bill(a, rq, &b, rows, ret_body) : DB_NOMEM;
	free(rows);
	return rc;
}

/* ---- the book ---- */

int reports_balance(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "period", NULL };
	const char *period = api_query(rq, "period");
	struct ledger_balance *rows;
	json_t *items = json_array();
	char after[80] = "";
	int64_t total = 0;
	int n, rc = api_only_query(a, rq, known);

	if (rc == 0 && period)
		rc = money_period_valid(a, "period", period);
	rows = calloc(BALANCE_ROWS, sizeof(*rows));
	if (!rows && rc == 0)
		rc = DB_NOMEM;
	for (n = BALANCE_ROWS; rc == 0 && n == BALANCE_ROWS;) {
		rc = view_balances(a, period ? period : "", after, rows, BALANCE_ROWS, &n);
		for (int i = 0; rc == 0 && i < n; i++) {
			json_t *o = json_object();

			json_object_set_new(o, "account", json_string(rows[i].account));
			json_object_set_new(o, "amount", json_money(a->site, rows[i].minor));
			json_array_append_new(items, o);
			total += rows[i].minor;
			lt_fmt(after, sizeof(after), "%s", rows[i].account);
		}
	}
	free(rows);
	if (rc) {
		json_decref(items);
		return rc;
	}
	*ret_body = api_items(items, 0);
	json_object_set_new(*ret_body, "period", json_text(period ? period : ""));
	json_object_set_new(*ret_body, "total", json_money(a->site, total));
	return act_end(a);
}
