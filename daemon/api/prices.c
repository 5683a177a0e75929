/*
 * prices.c - routes of an instrument's price lists and policies: what was set, what is in force, what is announced; a
 * new list, and the end of an announced one.
 */
#include "api/prices.h"

#include <string.h>

#include "app/booking_acts.h"
#include "app/view.h"
#include "common/fmt.h"

static int find(struct act *a, struct api_request *rq, const struct instrument **ret)
{
	*ret = site_instrument(a->site, rq->param[0]);
	return *ret != NULL ? 0 : act_refuse(a, 404, "not-found", "instrument", "there is no instrument %s", rq->param[0]);
}

/* Canonical text, "key = value" a line, as an object of texts. */
static json_t *json_terms(const char *text)
{
	json_t *o = json_object();

	while (*text != '\0') {
		size_t line = strcspn(text, "\n"), key = strcspn(text, " =\n"), value = key;
		char name[64];

		while (value < line && (text[value] == ' ' || text[value] == '='))
			value++;
		if (key > 0 && key < sizeof(name)) {
			memcpy(name, text, key);
			name[key] = '\0';
			json_object_set_new(o, name, json_stringn(text + value, line - value));
		}
		text += line + (text[line] == '\n');
	}
	return o;
}

static json_t *json_version(struct act *a, const struct terms_row *r, int64_t in_force, int64_t withdrawn_at)
{
	const char *state = withdrawn_at ? "withdrawn" : r->effective_at > a->now.wall_ms ? "announced"
		: r->version == in_force ? "in_force" : "past";

	return json_pack("{s:I, s:o, s:s, s:s, s:o, s:o}", "version", (json_int_t)r->version,
		"effective_at", json_instant(a->site, r->effective_at), "state", state, "source", r->source, "withdrawn_at",
		json_instant_or_null(a->site, withdrawn_at), "terms", json_terms(r->text));
}

static int in_force_now(struct act *a, enum terms_kind kind, const char *instrument, int64_t *ret_version)
{
	struct policy policy;
	struct price price;

	return kind == TERMS_PRICE ? terms_price_at(a, instrument, a->now.wall_ms, &price, ret_version)
		: terms_policy_at(a, instrument, a->now.wall_ms, &policy, ret_version);
}

static int get_versions(struct act *a, struct api_request *rq, enum terms_kind kind, json_t **ret_body)
{
	static const char *const names[] = { "limit", "cursor", NULL };
	static struct terms_row rows[51];                 /* the ledger thread only; too large for the stack */
	const struct instrument *i;
	int64_t after, limit, next = 0, in_force = 0;
	json_t *items;
	int n = 0, rc = find(a, rq, &i);

	if (rc == 0)
		rc = api_only_query(a, rq, names);
	if (rc == 0)
		rc = api_page(a, rq, &after, &limit);
	if (rc == 0 && limit > 50)
		limit = 50;
	if (rc == 0)
		rc = view_terms(a, kind, i->id, after, rows, (int)limit + 1, &n);
	if (rc == 0)
		rc = in_force_now(a, kind, i->id, &in_force);
	if (rc != 0)
		return rc;
	if (n > limit) {
		n = (int)limit;
		next = rows[n - 1].version;
	}
	items = json_array();
	for (int k = 0; k < n; k++)
		json_array_append_new(items, json_version(a, &rows[k], in_force,
			kind == TERMS_PRICE ? terms_price_withdrawn(a, i->id, rows[k].version) : 0));
	*ret_body = api_items(items, next);
	return act_end(a);
}

int get_prices(struct act *a, struct api_request *rq, json_t **ret_body)
{
	return get_versions(a, rq, TERMS_PRICE, ret_body);
}

int get_policies(struct act *a, struct api_request *rq, json_t **ret_body)
{
	return get_versions(a, rq, TERMS_POLICY, ret_body);
}

/* Every member but effective_at is a key of a price (core/terms.h) with its text. */
static int read_price(struct act *a, struct api_request *rq, struct price *p)
{
	const char *key;
	json_t *value;

	json_object_foreach(rq->body, key, value) {
		const char *text = json_string_value(json_is_object(value) ? json_object_get(value, "amount") : value);
		struct lt_err err;

		if (strcmp(key, "effective_at") == 0)
			continue;
		if (text == NULL)
			return act_refuse(a, 422, "bad-request", key,
				"a text is expected, as in the configuration: \"120.00\", \"15m\"");
		if (price_set(p, key, text, a->site->exponent, &err) != 0)
			return act_refuse(a, 422, err.code, key, "%s", err.text);
	}
	return 0;
}

int post_price(struct act *a, struct api_request *rq, json_t **ret_body)
{
	const struct instrument *i;
	static struct terms_row row;
	struct price p;
	int64_t at = a->now.wall_ms, version;
	int rc = find(a, rq, &i);

	if (rc == 0)
		rc = api_instant(a, rq, "effective_at", OPTIONAL, &at);
	if (rc == 0)
		rc = terms_price_at(a, i->id, at, &p, &version);
	if (rc == 0)
		rc = read_price(a, rq, &p);
	if (rc == 0)
		rc = terms_set_price(a, i->id, &p, at, &row);
	if (rc != 0)
		return rc;
	rq->status = a->dry_run ? 200 : 201;
	/* what takes effect at once is in force from now on, written or not */
	*ret_body = json_version(a, &row, row.version, 0);
	return act_end(a);
}

/* If-Match is the version itself: a list never changes. */
int delete_price(struct act *a, struct api_request *rq, json_t **ret_body)
{
	const struct instrument *i;
	int64_t version;
	int rc = find(a, rq, &i);

	if (rc != 0)
		return rc;
	if (!lt_parse_i64(rq->param[1], 1, INT64_MAX, &version))
		return act_refuse(a, 404, "not-found", "version", "there is no price list %s of %s", rq->param[1], i->id);
	rq->status = 204;
	return terms_withdraw_price(a, i->id, version, rq->if_match);
}
