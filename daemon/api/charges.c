/* charges.c - charges as the API shows them, the routes of money, and how a charge came about. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "api/money_routes.h"
#include "base/base.h"
#include "common/fmt.h"
#include "export/explain.h"

#define PAGE_MAX 200

bool money_scope(struct api_request *rq, const char **ret_org, const char **ret_user)
{
	const char *org = api_query(rq, "org"), *user = api_query(rq, "user");

	if (rq->reach_org && org && strcmp(org, rq->reach_org) != 0)
		return false;
	if (rq->reach_user && user && strcmp(user, rq->reach_user) != 0)
		return false;
	*ret_org = rq->reach_org ? rq->reach_org : org ? org : "";
	*ret_user = rq->reach_user ? rq->reach_user : user ? user : "";
	return true;
}

int money_period_valid(struct act *a, const char *field, const char *text)
{
	int64_t year, month;

	if (strlen(text) == 7 && text[4] == '-' && lt_parse_i64n(text, 4, 1970, 2199, &year) &&
	    lt_parse_i64n(text + 5, 2, 1, 12, &month))
		return 0;
	return act_refuse(a, 422, "bad-request", field, "\"%.20s\" is not a month; write it as 2026-11", text);
}

static json_t *flags(const char *list)
{
	json_t *array = json_array();

	while (*list) {
		size_t n = strcspn(list, ",");

		json_array_append_new(array, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	return array;
}

static json_t *id_or_null(char letter, int64_t id)
{
	return id ? json_id(letter, id) : json_null();
}

json_t *json_charge(const struct site *s, const struct charge *c)
{
	char hex[65];
	json_t *o = json_object();

	crypto_hex(hex, c->sha256, sizeof(c->sha256));
	json_object_set_new(o, "id", json_id('C', c->id));
	json_object_set_new(o, "kind", json_string(c->kind));
	json_object_set_new(o, "session", id_or_null('S', c->session));
	json_object_set_new(o, "booking", id_or_null('B', c->booking));
	json_object_set_new(o, "org", json_string(c->org));
	json_object_set_new(o, "user", json_text(c->user));
	json_object_set_new(o, "instrument", json_string(c->instrument));
	json_object_set_new(o, "project", json_text(c->project));
	json_object_set_new(o, "posted_at", json_instant(s, c->posted_at));
	json_object_set_new(o, "period", json_string(c->period));
	json_object_set_new(o, "from", json_instant(s, c->service_from));
	json_object_set_new(o, "to", json_instant(s, c->service_to));
	json_object_set_new(o, "used_seconds", json_integer(c->used_s));
	json_object_set_new(o, "idle_seconds", json_integer(c->idle_s));
	json_object_set_new(o, "fault_seconds", json_integer(c->fault_s));
	json_object_set_new(o, "overrun_seconds", json_integer(c->overrun_s));
	json_object_set_new(o, "billed_seconds", json_integer(c->billed_s));
	json_object_set_new(o, "estimated_seconds", json_integer(c->estimated_s));
	json_object_set_new(o, "gap_seconds", json_integer(c->gap_s));
	json_object_set_new(o, "amount", json_money(s, c->amount_minor));
	json_object_set_new(o, "corrects", id_or_null('C', c->corrects));
	json_object_set_new(o, "flags", flags(c->flags));
	json_object_set_new(o, "sha256", json_string(hex));
	return o;
}

json_t *json_charge_lines(struct act *a, const struct charge *c)
{
	struct charge_line lines[RATE_LINES_MAX];
	json_t *array;
	int n;

	if (view_charge_lines(a, c->id, lines, RATE_LINES_MAX, &n) < 0)
		return NULL;
	array = json_array();
	for (int i = 0; i < n; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "component", json_string(lines[i].component));
		json_object_set_new(o, "from", json_instant_or_null(a->site, lines[i].from_at));
		json_object_set_new(o, "to", json_instant_or_null(a->site, lines[i].to_at));
		json_object_set_new(o, "seconds", json_integer(lines[i].seconds));
		json_object_set_new(o, "rate", json_money(a->site, lines[i].rate_minor));
		json_object_set_new(o, "factor", json_factor(lines[i].factor_pm));
		json_object_set_new(o, "amount", json_money(a->site, lines[i].amount_minor));
		json_object_set_new(o, "detail", json_text(lines[i].detail));
		json_array_append_new(array, o);
	}
	return array;
}

static int list_filter(struct act *a, struct api_request *rq, struct charge_filter *f, bool *ret_empty)
{
	static const char *const known[] = { "period", "org", "user", "instrument", "booking", "limit", "cursor", NULL };
	const char *period = api_query(rq, "period"), *instrument = api_query(rq, "instrument");
	const char *booking = api_query(rq, "booking");
	int64_t limit = 0;
	int rc = api_only_query(a, rq, known);

	memset(f, 0, sizeof(*f));
	if (rc == 0)
		rc = api_page(a, rq, &f->after, &limit);
	if (rc == 0 && period)
		rc = money_period_valid(a, "period", period);
	if (rc)
		return rc;
	if (booking && !api_id(booking, 'B', &f->booking))
		return act_refuse(a, 422, "bad-request", "booking", "\"%.40s\" is not a booking; write it as B-1042", booking);
	f->period = period ? period : "";
	f->instrument = instrument ? instrument : "";
	f->limit = (int)limit;
	*ret_empty = !money_scope(rq, &f->org, &f->user);
	return 0;
}

static int charges_list(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct charge *rows;
	struct charge_filter f;
	json_t *items = NULL;
	bool empty = false;
	int n = 0, rc = list_filter(a, rq, &f, &empty);

	if (rc)
		return rc;
	rows = calloc(PAGE_MAX, sizeof(*rows));
	if (!rows)
		return DB_NOMEM;
	if (!empty)
		rc = view_charges(a, &f, rows, &n);
	if (rc == 0) {
		items = json_array();
		for (int i = 0; i < n; i++)
			json_array_append_new(items, json_charge(a->site, &rows[i]));
		*ret_body = api_items(items, n == f.limit ? rows[n - 1].seq : 0);
	}
	free(rows);
	return rc;
}

/* The dispatcher has checked that the caller may see it. */
static int load(struct act *a, struct api_request *rq, struct charge *ret)
{
	int rc = view_charge(a, rq->id, ret);

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "charge", "there is no charge C-%lld; list them with GET /v1/charges",
			(long long)rq->id);
	return rc;
}

static int charges_show(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const none[] = { NULL };
	struct charge c;
	json_t *lines;
	int rc = api_only_query(a, rq, none);

	if (rc == 0)
		rc = load(a, rq, &c);
	if (rc)
		return rc;
	lines = json_charge_lines(a, &c);
	if (!lines)
		return act_end(a);
	*ret_body = json_charge(a->site, &c);
	json_object_set_new(*ret_body, "lines", lines);
	return act_end(a);
}

static json_t *steps(const struct explain *x)
{
	json_t *array = json_array();

	for (int i = 0; i < x->n; i++)
		json_array_append_new(array, json_pack("{s:s, s:s}", "text", x->step[i].text, "value", x->step[i].value));
	return array;
}

static int explain(struct act *a, const struct charge *c, const char *record, struct explain *x, json_t **ret_body)
{
	struct lt_err err;
	json_error_t error;

	if (explain_record(x, record, c->sha256, &a->site->zone, &err))
		return act_refuse(a, 409, err.code, err.field, "%s", err.text);
	*ret_body = json_object();
	json_object_set_new(*ret_body, "charge", json_id('C', c->id));
	json_object_set_new(*ret_body, "record", json_loads(record, 0, &error));
	json_object_set_new(*ret_body, "steps", steps(x));
	json_object_set_new(*ret_body, "amount", json_money(a->site, x->amount_minor));
	json_object_set_new(*ret_body, "recomputed", json_money(a->site, x->recomputed_minor));
	json_object_set_new(*ret_body, "matches", json_boolean(x->matches));
	return act_end(a);
}

static int charges_explain(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const none[] = { NULL };
	struct explain *x = malloc(sizeof(*x));
	struct charge c;
	char *record = NULL;
	int rc = x ? api_only_query(a, rq, none) : DB_NOMEM;

	if (rc == 0)
		rc = load(a, rq, &c);
	if (rc == 0)
		rc = view_charge_record(a, c.id, &record);
	if (rc == 0)
		rc = explain(a, &c, record, x, ret_body);
	free(record);
	free(x);
	return rc;
}

#define EVERYBODY { REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY, REACH_ANY, REACH_ANY }
#define FINANCE_ONLY { REACH_NONE, REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_ANY }
#define ORGS_AND_FINANCE { REACH_NONE, REACH_NONE, REACH_ORG, REACH_NONE, REACH_ANY, REACH_ANY }

const struct route charge_routes[] = {
	{ METHOD_GET, "/v1/charges", charges_list, ROUTE_READ, OBJ_NONE, EVERYBODY },
	{ METHOD_GET, "/v1/charges/{charge}", charges_show, ROUTE_READ, OBJ_CHARGE, EVERYBODY },
	{ METHOD_GET, "/v1/charges/{charge}/explain", charges_explain, ROUTE_READ, OBJ_CHARGE, EVERYBODY },
	{ METHOD_GET, "/v1/usage", reports_usage, ROUTE_READ, OBJ_NONE, EVERYBODY },
	{ METHOD_GET, "/v1/bill", reports_bill, ROUTE_READ, OBJ_NONE, EVERYBODY },
	{ METHOD_GET, "/v1/ledger/balance", reports_balance, ROUTE_READ, OBJ_NONE, FINANCE_ONLY },
	{ METHOD_POST, "/v1/exports", exports_create, ROUTE_KEY, OBJ_NONE, ORGS_AND_FINANCE },
	{ METHOD_GET, "/v1/exports/{export}", exports_show, ROUTE_READ, OBJ_NONE, ORGS_AND_FINANCE },
	{ METHOD_GET, "/v1/exports/{export}/data", exports_data, ROUTE_READ, OBJ_NONE, ORGS_AND_FINANCE },
	{ 0 },
};
