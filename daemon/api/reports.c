/* reports.c - usage, the bill so far and the book's balance. Reads only; every list is bounded. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "api/money_routes.h"
#include "common/fmt.h"

#define USAGE_ROWS 1000
#define USAGE_DAYS 400
#define BILL_ITEMS 200
#define BALANCE_ROWS 500

/* ---- usage ---- */

struct usage_request { int64_t from, to; const char *by, *org, *user; bool empty; };

static const struct { const char *name; enum usage_by by; } groups[] = {
	{ "instrument", USAGE_BY_INSTRUMENT }, { "org", USAGE_BY_ORG }, { "project", USAGE_BY_PROJECT },
	{ "user", USAGE_BY_USER }, { "kind", USAGE_BY_INSTRUMENT }, { "day", USAGE_BY_NOTHING },
};

static int group_of(struct act *a, const char *by, enum usage_by *ret)
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
	static const char *const known[] = { "from", "to", "by", "org", "user", NULL };
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
	u->empty = !money_scope(rq, &u->org, &u->user);
	return 0;
}

/* Instruments become their kinds; rows of one kind are added up. */
static int fold_kinds(struct act *a, struct usage_sum *rows, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++) {
		const struct instrument *instrument = site_instrument(a->site, rows[i].key);
		const char *kind = instrument ? instrument->kind : "";
		int k = 0;

		while (k < kept && strcmp(rows[k].key, kind) != 0)
			k++;
		if (k < kept) {
			rows[k].sessions += rows[i].sessions;
			rows[k].used_s += rows[i].used_s;
			rows[k].idle_s += rows[i].idle_s;
			rows[k].estimated_s += rows[i].estimated_s;
			rows[k].amount_minor += rows[i].amount_minor;
			continue;
		}
		rows[kept] = rows[i];
		lt_fmt(rows[kept++].key, sizeof(rows[0].key), "%s", kind);
	}
	return kept;
}

static int by_days(struct act *a, const struct usage_request *u, struct usage_sum *rows, int *ret_n)
{
	int64_t first = lt_zone_day(&a->site->zone, u->from), last = lt_zone_day(&a->site->zone, u->to - 1);
	int n = 0, rc = 0;

	for (int64_t day = first; day <= last && rc == 0 && n < USAGE_ROWS; day++) {
		int64_t from = lt_zone_midnight(&a->site->zone, day), to = lt_zone_midnight(&a->site->zone, day + 1);
		int year, month, mday, got = 0;

		rc = view_usage(a, USAGE_BY_NOTHING, (struct interval){ from > u->from ? from : u->from,
			to < u->to ? to : u->to },
			u->org, u->user, &rows[n], 1, &got);
		lt_civil_from_days(day, &year, &month, &mday);
		lt_fmt(rows[n].key, sizeof(rows[n].key), "%04d-%02d-%02d", year, month, mday);
		if (got && (rows[n].sessions || rows[n].amount_minor || rows[n].used_s))
			n++;
	}
	*ret_n = n;
	return rc;
}

static json_t *usage_item(const struct site *s, const struct usage_sum *u)
{
	json_t *o = json_object();

	json_object_set_new(o, "key", json_text(u->key));
	json_object_set_new(o, "sessions", json_integer(u->sessions));
	json_object_set_new(o, "used_seconds", json_integer(u->used_s));
	json_object_set_new(o, "idle_seconds", json_integer(u->idle_s));
	json_object_set_new(o, "estimated_seconds", json_integer(u->estimated_s));
	json_object_set_new(o, "amount", json_money(s, u->amount_minor));
	return o;
}

static int usage(struct act *a, const struct usage_request *u, enum usage_by by, struct usage_sum *rows,
	json_t **ret_body)
{
	json_t *items;
	int n = 0, rc = 0;

	if (!u->empty && by == USAGE_BY_NOTHING)
		rc = by_days(a, u, rows, &n);
	else if (!u->empty)
		rc = view_usage(a, by, (struct interval){ u->from, u->to }, u->org, u->user, rows, USAGE_ROWS, &n);
	if (rc < 0)
		return rc;
	if (strcmp(u->by, "kind") == 0)
		n = fold_kinds(a, rows, n);
	items = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(items, usage_item(a->site, &rows[i]));
	*ret_body = api_items(items, 0);
	json_object_set_new(*ret_body, "from", json_instant(a->site, u->from));
	json_object_set_new(*ret_body, "to", json_instant(a->site, u->to));
	json_object_set_new(*ret_body, "by", json_string(u->by));
	return act_end(a);
}

int reports_usage(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct usage_request u;
	struct usage_sum *rows;
	enum usage_by by = USAGE_BY_INSTRUMENT;
	int rc = read_usage_request(a, rq, &u);

	if (rc == 0)
		rc = group_of(a, u.by, &by);
	if (rc)
		return rc;
	rows = calloc(USAGE_ROWS, sizeof(*rows));
	rc = rows ? usage(a, &u, by, rows, ret_body) : DB_NOMEM;
	free(rows);
	return rc;
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

/* A whole period of an org or of all is in the roll-up; anything else is added up. */
static int bill_total(struct act *a, const struct bill_request *b, int64_t *ret_rows, int64_t *ret_minor)
{
	if (*b->period && !*b->f.user)
		return view_charge_total(a, b->period, b->f.org, ret_rows, ret_minor);
	return view_charge_sum(a, &b->f, ret_rows, ret_minor);
}

static int bill(struct act *a, const struct bill_request *b, struct charge *rows, json_t **ret_body)
{
	int64_t count = 0, total = 0;
	json_t *items;
	int n = 0, rc = b->empty ? 0 : view_charges(a, &b->f, rows, &n);

	if (rc == 0 && !b->empty)
		rc = bill_total(a, b, &count, &total);
	if (rc)
		return rc;
	items = json_array();
	rc = bill_items(a, rows, n, items);
	*ret_body = api_items(items, n == b->f.limit ? rows[n - 1].seq : 0);
	json_object_set_new(*ret_body, "period", json_text(b->period));
	json_object_set_new(*ret_body, "charges", json_integer(count));
	json_object_set_new(*ret_body, "total", json_money(a->site, total));
	return rc ? rc : act_end(a);
}

int reports_bill(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct bill_request b;
	struct charge *rows;
	int rc = read_bill_request(a, rq, &b);

	if (rc)
		return rc;
	rows = calloc(BILL_ITEMS, sizeof(*rows));
	rc = rows ? bill(a, &b, rows, ret_body) : DB_NOMEM;
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
