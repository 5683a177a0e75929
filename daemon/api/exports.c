/*
 * exports.c - an export is a row that fixes what is in it (a snapshot by sequence number and the book's total), then a
 * stream of that, then its manifest. Owns nothing; the job of a stream belongs to the dispatcher.
 */
#include <stdlib.h>
#include <string.h>

#include "api/money_routes.h"
#include "common/fmt.h"
#include "export/export.h"

static int read_range(struct act *a, struct api_request *rq, struct export_row *e)
{
	int64_t from = 0, to = 0;
	char period[16] = "";
	int rc = api_text(a, rq, "period", OPTIONAL, period, sizeof(period));

	if (rc == 0)
		rc = api_instant(a, rq, "from", OPTIONAL, &from);
	if (rc == 0)
		rc = api_instant(a, rq, "to", OPTIONAL, &to);
	if (rc)
		return rc;
	if (*period) {
		if (from || to)
			return act_refuse(a, 422, "bad-request", "period", "give either \"period\" or \"from\" and \"to\"");
		lt_fmt(e->period, sizeof(e->period), "%s", period);
		return money_period_valid(a, "period", period);
	}
	if (to <= from)
		return act_refuse(a, 422, "bad-request", "period",
			"say what to export: \"period\" (2026-11), or \"from\" and a later \"to\"");
	e->from = from;
	e->to = to;
	lt_fmt(e->period, sizeof(e->period), "%lld..%lld", (long long)from, (long long)to);
	return 0;
}

static int read_org(struct act *a, struct api_request *rq, struct export_row *e)
{
	int rc = api_text(a, rq, "org", OPTIONAL, e->org, sizeof(e->org));

	if (rc)
		return rc;
	if (rq->reach_org && *e->org && strcmp(e->org, rq->reach_org) != 0)
		return act_refuse(a, 403, "forbidden", "org", "you may export the charges of %s only", rq->reach_org);
	if (rq->reach_org)
		lt_fmt(e->org, sizeof(e->org), "%s", rq->reach_org);
	return 0;
}

static int read_format(struct act *a, struct api_request *rq, struct export_row *e)
{
	char format[32] = "";
	bool excel = false;
	int rc = api_text(a, rq, "format", 0, format, sizeof(format));

	if (rc == 0)
		rc = api_bool(a, rq, "excel", OPTIONAL, &excel);
	if (rc)
		return rc;
	if (strcmp(format, "csv") != 0)
		return act_refuse(a, 422, "bad-request", "format", "\"%.20s\" is not a format of this version; use \"csv\"",
			format);
	lt_fmt(e->format, sizeof(e->format), "%s", excel ? "csv-excel" : "csv");
	return 0;
}

/* Everything that is committed now. For a period the roll-ups know rows, sum and the book. */
static int snapshot(struct act *a, struct export_row *e, struct export_tally *t)
{
	int rc;

	memset(t, 0, sizeof(*t));
	rc = export_fix(a, e, &t->rows, &t->sums[0].minor);
	t->n_sums = t->rows >= 0;
	lt_fmt(t->sums[0].currency, sizeof(t->sums[0].currency), "%s", a->site->currency);
	return rc;
}

static int create(struct act *a, struct api_request *rq, struct export_row *e, char **ret_manifest)
{
	struct export_tally t;
	int rc = snapshot(a, e, &t);

	if (rc)
		return rc;
	e->id = act_id(a, "export");
	e->created_at = a->now.wall_ms;
	lt_fmt(e->actor, sizeof(e->actor), "%s", a->who.actor);
	lt_fmt(e->state, sizeof(e->state), "ready");
	*ret_manifest = export_manifest(a->site, e, &t);
	if (!*ret_manifest)
		return DB_NOMEM;
	return export_record(a, e, *ret_manifest);
}

int exports_create(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "period", "from", "to", "format", "excel", "org", NULL };
	struct export_row e = { 0 };
	json_error_t error;
	char *manifest = NULL, object[32];
	int rc = api_only(a, rq, known);

	if (rc == 0)
		rc = read_range(a, rq, &e);
	if (rc == 0)
		rc = read_format(a, rq, &e);
	if (rc == 0)
		rc = read_org(a, rq, &e);
	if (rc == 0)
		rc = create(a, rq, &e, &manifest);
	if (rc == 0) {
		lt_fmt(object, sizeof(object), "X-%lld", (long long)e.id);
		act_audit(a, "export", object, "", manifest, "");
		rq->status = 201;
		lt_fmt(rq->location, sizeof(rq->location), "/v1/exports/%s", object);
		*ret_body = json_loads(manifest, 0, &error);
	}
	free(manifest);
	return rc ? rc : act_end(a);
}

/* The export that the path names, if the caller may see it. */
static int load(struct act *a, struct api_request *rq, struct export_row *ret, char **ret_manifest)
{
	static const char *const none[] = { NULL };
	int64_t id;
	int rc = api_only_query(a, rq, none);

	if (rc)
		return rc;
	rc = api_id(rq->param[0], 'X', &id) ? view_export(a, id, ret, ret_manifest) : 1;
	if (rc == 0 && rq->reach_org && strcmp(rq->reach_org, ret->org) != 0)
		rc = 1;
	if (rc == 1)
		return act_refuse(a, 404, "not-found", "export", "there is no export %.20s; POST /v1/exports makes one",
			rq->param[0]);
	return rc;
}

int exports_show(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct export_tally unknown = { .rows = -1 };
	struct export_row e;
	json_error_t error;
	char *manifest = NULL;
	int rc = load(a, rq, &e, &manifest);

	if (rc == 0 && (!manifest || !*manifest)) { /* nothing was announced: the row alone */
		free(manifest);
		manifest = export_manifest(a->site, &e, &unknown);
	}
	if (rc == 0) {
		*ret_body = manifest ? json_loads(manifest, 0, &error) : NULL;
		rc = *ret_body ? 0 : DB_NOMEM;
	}
	free(manifest);
	return rc;
}

static void name_file(const struct export_row *e, char *dst, size_t cap)
{
	if (strlen(e->period) == 7)
		lt_fmt(dst, cap, "labtime-%s%s%s.csv", e->period, *e->org ? "-" : "", e->org);
	else
		lt_fmt(dst, cap, "labtime-X-%lld.csv", (long long)e->id);
}

int exports_data(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct export_filter f;
	struct export_row e;
	int rc = load(a, rq, &e, NULL);

	if (rc)
		return rc;
	if (!export_row_filter(&e, &f))
		return DB_CORRUPT;
	rq->job = export_csv_new(a->site, &e, &f, strcmp(e.format, "csv-excel") == 0);
	if (!rq->job)
		return DB_NOMEM;
	rq->content_type = "text/csv; charset=utf-8";
	name_file(&e, rq->filename, sizeof(rq->filename));
	*ret_body = NULL;
	return act_end(a);
}
