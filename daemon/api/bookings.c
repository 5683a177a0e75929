/*
 * bookings.c - routes of bookings and quotes: JSON in, a use case, JSON out. No rule lives here.
 */

#include <string.h>

#include "api/api.h"
#include "api/bookings.h"
#include "app/booking_acts.h"
#include "app/metering.h"
#include "app/money.h"
#include "app/view.h"
#include "common/fmt.h"
#include "common/money.h"

#define PAGE_MAX 200

/* R21: what is held for the owner of a displaced booking. */
static json_t *first_refusal(struct act *a, const struct booking *b)
{
	struct interval at;
	int64_t until;

	if (b->state != BOOKING_DISPLACED || booking_first_refusal(a, b->id, &at, &until) != 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "from", json_instant(a->site, at.from), "to", json_instant(a->site, at.to),
		"until", json_instant(a->site, until));
}

static json_t *json_booking(struct act *a, const struct booking *b)
{
	const struct site *s = a->site;
	struct session session;
	int rc = b->id != 0 ? session_of_booking(a, b->id, &session) : 1;
	int64_t later = b->fee_later_minor;

	if (!a->dry_run && booking_fee_later(a, b, &later) != 0)
		later = 0;
	return json_pack("{s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:I, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:I}",
		"id", b->id != 0 ? json_id('B', b->id) : json_null(), "instrument", b->instrument, "org", b->org, "user",
		b->user,
		"state", booking_state_name(b->state), "from", json_instant(s, b->booked_from), "to",
		json_instant(s, b->booked_to),
		"held_to", json_instant(s, b->held_to), "since", json_instant(s, b->since), "duration_seconds",
		(json_int_t)((b->booked_to - b->booked_from) / 1000),
		"quote", json_money(s, b->quote_minor), "fee", json_money(s, b->fee_minor), "fee_later", json_money(s, later),
		"walk_up", (int)b->walk_up,
		"waiting", (int)b->waiting, "project", json_text(b->project), "note", json_text(b->note),
		"policy_version", (json_int_t)b->policy_version, "price_version", (json_int_t)b->price_version,
		"created_at", json_instant(s, b->created_at), "created_by", b->created_by,
		"checkin_at", json_instant_or_null(s, b->checkin_at), "released_at", json_instant_or_null(s, b->released_at),
		"session",
		rc == 0 ? json_id('S', session.id) : json_null(), "first_refusal", first_refusal(a, b),
		"version", (json_int_t)b->version);
}

static int answer(struct act *a, struct api_request *rq, const struct booking *b, json_t **ret_body)
{
	*ret_body = json_booking(a, b);
	rq->etag = b->version;
	return 0;
}

/* "override": {"reason": "..."} */
static int read_override(struct act *a, struct api_request *rq, char dst[REASON_MAX])
{
	json_t *o = json_object_get(rq->body, "override");
	const char *reason = json_string_value(json_object_get(o, "reason"));

	if (o == NULL || json_is_null(o))
		return 0;
	if (!json_is_object(o) || json_object_size(o) != 1 || reason == NULL || reason[0] == '\0' ||
		strlen(reason) >= REASON_MAX)
		return act_refuse(a, 422, "bad-request", "override", "an override is {\"reason\": \"...\"}, up to %d bytes",
				  REASON_MAX - 1);
	for (const char *c = reason; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return act_refuse(a, 422, "bad-request", "override", "the reason holds a control character");
	if (a->who.role != ROLE_MANAGER && a->who.role != ROLE_ADMIN)
		return act_refuse(a, 403, "forbidden", "override", "only a manager may override a rule");
	lt_fmt(dst, REASON_MAX, "%s", reason);
	return 0;
}

static int read_max_price(struct act *a, struct api_request *rq, struct booking_request *r)
{
	json_t *v = json_object_get(rq->body, "max_price");
	const char *text = json_string_value(json_is_object(v) ? json_object_get(v, "amount") : v);
	const char *currency = json_string_value(json_object_get(v, "currency"));

	if (v == NULL || json_is_null(v))
		return 0;
	if (currency != NULL && strcmp(currency, a->site->currency) != 0)
		return act_refuse(a, 422, "bad-request", "max_price", "this site's currency is %s", a->site->currency);
	if (text == NULL || !lt_money_parse(text, a->site->exponent, &r->max_price_minor))
		return act_refuse(a, 422, "bad-request", "max_price", "an amount is a decimal text such as \"400.00\"");
	r->has_max_price = true;
	return 0;
}

static int read_place_and_time(struct act *a, struct api_request *rq, struct booking_request *r)
{
	int rc = api_text(a, rq, "instrument", OPTIONAL, r->instrument, sizeof(r->instrument));

	if (rc == 0)
		rc = api_text(a, rq, "kind", OPTIONAL, r->kind, sizeof(r->kind));
	if (rc == 0 && (r->instrument[0] == '\0') == (r->kind[0] == '\0'))
		return act_refuse(a, 422, "bad-request", "instrument", "name either an instrument or a kind");
	if (rc == 0)
		rc = api_instant(a, rq, "from", 0, &r->from);
	if (rc == 0)
		rc = api_instant(a, rq, "to", 0, &r->to);
	if (rc == 0)
		rc = api_text(a, rq, "user", OPTIONAL, r->user, sizeof(r->user));
	if (rc == 0)
		rc = api_bool(a, rq, "walk_up", OPTIONAL, &r->walk_up);
	return rc;
}

static int post_booking(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "instrument", "kind", "from", "to", "user", "project", "note", "walk_up",
		"max_price", "override", NULL };
	struct booking_request r = { .from = 0 };
	struct booking b;
	int rc = api_only(a, rq, names);

	if (rc == 0)
		rc = read_place_and_time(a, rq, &r);
	if (rc == 0)
		rc = api_text(a, rq, "project", OPTIONAL, r.project, sizeof(r.project));
	if (rc == 0)
		rc = api_text(a, rq, "note", OPTIONAL, r.note, sizeof(r.note));
	if (rc == 0)
		rc = read_max_price(a, rq, &r);
	if (rc == 0)
		rc = read_override(a, rq, r.override_reason);
	if (rc == 0)
		rc = booking_create(a, &r, &b);
	if (rc != 0)
		return rc;
	rq->status = a->dry_run ? 200 : 201;
	if (!a->dry_run)
		lt_fmt(rq->location, sizeof(rq->location), "/v1/bookings/B-%lld", (long long)b.id);
	return answer(a, rq, &b, ret_body);
}

static json_t *json_violations(const struct verdict *v)
{
	json_t *list = json_array();

	for (int i = 0; i < v->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "rule", v->v[i].rule, "code",
			v->v[i].code, "class", v->v[i].class == RULE_HARD ? "HARD" : "STAFF", "limit", v->v[i].limit, "value",
			v->v[i].value,
			"detail", v->v[i].text));
	return list;
}

/* What the quote is made of, line by line as a charge would show it. */
static json_t *quote_lines(struct act *a, const struct rate_result *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n; i++) {
		const struct rate_line *l = &r->line[i];

		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:I, s:o, s:o, s:o}", "component",
			component_name(l->component), "from", json_instant(a->site, l->from_at), "to",
			json_instant(a->site, l->to_at), "seconds", (json_int_t)l->seconds, "rate",
			json_money(a->site, l->rate_minor), "factor", json_factor(l->factor_pm), "amount",
			json_money(a->site, l->amount_minor)));
	}
	return list;
}

static int post_quote(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "instrument", "kind", "from", "to", "user", "walk_up", NULL };
	struct booking_request r = { .from = 0 };
	struct booking_quote q;
	json_t *conflicts = NULL, *suggestions = NULL;
	int rc = api_only(a, rq, names);

	if (rc == 0)
		rc = read_place_and_time(a, rq, &r);
	if (rc == 0)
		rc = booking_quote(a, &r, &q);
	if (rc != 0)
		return rc;
	conflicts = json_array();
	suggestions = json_array();
	for (int i = 0; i < q.n_conflicts; i++)
		json_array_append_new(conflicts, json_pack("{s:o, s:o}", "from", json_instant(a->site, q.conflicts[i].from),
			"to", json_instant(a->site, q.conflicts[i].to)));
	for (int i = 0; i < q.n_suggestions; i++)
		json_array_append_new(suggestions, json_pack("{s:s, s:o, s:o}", "instrument", q.suggestions[i].instrument,
			"from", json_instant(a->site, q.suggestions[i].from), "to", json_instant(a->site, q.suggestions[i].to)));
	*ret_body = json_pack("{s:s, s:o, s:o, s:I, s:o, s:o, s:b, s:o, s:o, s:o, s:I, s:I}", "instrument",
		q.booking.instrument, "from", json_instant(a->site, q.booking.booked_from), "to",
		json_instant(a->site, q.booking.booked_to),
		"duration_seconds", (json_int_t)((q.booking.booked_to - q.booking.booked_from) / 1000),
		"price", json_money(a->site, q.booking.quote_minor), "lines", quote_lines(a, &q.price_lines),
		"acceptable", (int)(q.rules.n == 0), "violations", json_violations(&q.rules), "conflicts", conflicts,
		"suggestions", suggestions, "policy_version", (json_int_t)q.booking.policy_version,
		"price_version", (json_int_t)q.booking.price_version);
	return 0;
}

static int read_filter(struct act *a, struct api_request *rq, struct booking_filter *f)
{
	const char *state = api_query(rq, "state"), *user = api_query(rq, "user"), *org = api_query(rq, "org");
	enum booking_state s;
	int rc;

	f->state = -1;
	f->live = state != NULL && strcmp(state, "live") == 0;
	if (state != NULL && !f->live) {
		if (!booking_state_from_name(state, &s))
			return act_refuse(a, 422, "bad-request", "state",
				"unknown state %.40s; one of live, pending, confirmed, active, "
					  "completed, cancelled, no_show, displaced, lapsed, replaced", state);
		f->state = (int)s;
	}
	f->instrument = api_query(rq, "instrument");
	/* What the caller asks for can only narrow what the caller may see. */
	if ((rq->reach_org != NULL && org != NULL && strcmp(org, rq->reach_org) != 0) ||
	    (rq->reach_user != NULL && user != NULL && strcmp(user, rq->reach_user) != 0))
		f->limit = 0;
	f->org = rq->reach_org != NULL ? rq->reach_org : org;
	f->user = rq->reach_user != NULL ? rq->reach_user : user;
	rc = api_query_instant(a, rq, "from", OPTIONAL, &f->from);
	return rc != 0 ? rc : api_query_instant(a, rq, "to", OPTIONAL, &f->to);
}

static int get_bookings(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "state", "instrument", "from", "to", "user", "org", "limit", "cursor", NULL };
	struct booking_filter f = { .state = -1 };
	struct booking found[PAGE_MAX + 1];
	json_t *items;
	int64_t limit, next = 0;
	int n = 0, rc = api_only_query(a, rq, names);

	if (rc == 0)
		rc = api_page(a, rq, &f.after, &limit);
	f.limit = rc == 0 ? limit + 1 : 0;
	if (rc == 0)
		rc = read_filter(a, rq, &f);
	if (rc == 0 && f.limit > 0)
		rc = view_bookings(a, &f, found, PAGE_MAX + 1, &n);
	if (rc != 0)
		return rc;
	if (n > limit) {
		n = (int)limit;
		next = found[n - 1].id;
	}
	items = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(items, json_booking(a, &found[i]));
	*ret_body = api_items(items, next);
	return act_end(a);
}

static int get_booking(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct booking b;
	int rc = booking_load(a, rq->id, &b);

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "booking", "there is no booking B-%lld", (long long)rq->id);
	if (rc != 0)
		return rc;
	answer(a, rq, &b, ret_body);
	json_booking_parts(a, &b, *ret_body);
	return act_end(a);
}

static bool present(struct api_request *rq, const char *name)
{
	json_t *v = json_object_get(rq->body, name);

	return v != NULL && !json_is_null(v);
}

static int patch_booking(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "from", "to", "walk_up", "note", "project", "override", NULL };
	struct booking_patch p = { .has_from = present(rq, "from"), .has_to = present(rq, "to"),
		.has_note = present(rq, "note"), .has_project = present(rq, "project") };
	struct booking b;
	int rc = api_only(a, rq, names);

	if (rc == 0)
		rc = api_instant(a, rq, "from", OPTIONAL, &p.from);
	if (rc == 0)
		rc = api_instant(a, rq, "to", OPTIONAL, &p.to);
	if (rc == 0)
		rc = api_bool(a, rq, "walk_up", OPTIONAL, &p.walk_up);
	if (rc == 0)
		rc = api_text(a, rq, "note", OPTIONAL, p.note, sizeof(p.note));
	if (rc == 0)
		rc = api_text(a, rq, "project", OPTIONAL, p.project, sizeof(p.project));
	if (rc == 0)
		rc = read_override(a, rq, p.override_reason);
	if (rc == 0)
		rc = booking_change(a, rq->id, rq->if_match, &p, &b);
	return rc != 0 ? rc : answer(a, rq, &b, ret_body);
}

static int post_cancel(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "reason", NULL };
	char reason[201] = "";
	struct booking b;
	int rc = api_only(a, rq, names);

	if (rc == 0)
		rc = api_text(a, rq, "reason", OPTIONAL, reason, sizeof(reason));
	if (rc == 0)
		rc = booking_cancel(a, rq->id, reason, &b);
	return rc != 0 ? rc : answer(a, rq, &b, ret_body);
}

static int post_use(struct act *a, struct api_request *rq, json_t **ret_body,
		    int (*use)(struct act *, int64_t, struct booking *))
{
	static const char *const names[] = { NULL };
	struct booking b;
	int rc = api_only(a, rq, names);

	if (rc == 0)
		rc = use(a, rq->id, &b);
	return rc != 0 ? rc : answer(a, rq, &b, ret_body);
}

static int post_checkin(struct act *a, struct api_request *rq, json_t **ret_body)
{
	return post_use(a, rq, ret_body, booking_checkin);
}

static int post_checkout(struct act *a, struct api_request *rq, json_t **ret_body)
{
	return post_use(a, rq, ret_body, booking_checkout);
}

static bool was_overridden(const struct booking_override *o, int n, const char *rule)
{
	for (int i = 0; i < n; i++)
		if (strcmp(o[i].rule, rule) == 0)
			return true;
	return false;
}

static int get_why(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct finding found[RULES_MAX];
	struct booking_override o[32];
	struct booking b;
	json_t *rules;
	int n, n_overrides = 0, rc = booking_why(a, rq->id, &b, found, &n);

	if (rc == 0)
		rc = view_booking_overrides(a, rq->id, o, 32, &n_overrides);
	if (rc != 0)
		return rc;
	rules = json_array();
	for (int i = 0; i < n; i++) {
		const struct violation *v = &found[i].v;
		const char *verdict = !found[i].applies ? "not_asked" : !found[i].violated ? "ok"
			: was_overridden(o, n_overrides, v->rule) ? "overridden" : "refused";

		json_array_append_new(rules, json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s}", "rule", v->rule, "code",
			v->code, "class", v->class == RULE_HARD ? "HARD" : "STAFF", "applies", (int)found[i].applies, "verdict",
			verdict,
			"limit", v->limit, "value", v->value, "detail", v->text));
	}
	*ret_body = json_pack("{s:o, s:I, s:o}", "booking", json_id('B', b.id), "policy_version",
		(json_int_t)b.policy_version, "rules", rules);
	return act_end(a);
}

#define EVERYONE { REACH_NONE, REACH_ANY, REACH_ANY, REACH_ANY, REACH_ANY, REACH_ANY }
#define READERS { REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY, REACH_ANY, REACH_ANY }
#define WRITERS { REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY, REACH_NONE, REACH_ANY }

const struct route booking_routes[] = {
	{ METHOD_GET, "/v1/free", get_free, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_POST, "/v1/quotes", post_quote, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_POST, "/v1/bookings", post_booking, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, WRITERS },
	{ METHOD_GET, "/v1/bookings", get_bookings, ROUTE_READ, OBJ_NONE, READERS },
	{ METHOD_GET, "/v1/bookings/{booking}", get_booking, ROUTE_READ, OBJ_BOOKING, READERS },
	{ METHOD_PATCH, "/v1/bookings/{booking}", patch_booking, ROUTE_MATCH | ROUTE_DRY, OBJ_BOOKING, WRITERS },
	{ METHOD_POST, "/v1/bookings/{booking}/cancel", post_cancel, ROUTE_KEY | ROUTE_DRY, OBJ_BOOKING, WRITERS },
	{ METHOD_POST, "/v1/bookings/{booking}/checkin", post_checkin, ROUTE_KEY, OBJ_BOOKING, WRITERS },
	{ METHOD_POST, "/v1/bookings/{booking}/checkout", post_checkout, ROUTE_KEY, OBJ_BOOKING, WRITERS },
	{ METHOD_GET, "/v1/bookings/{booking}/why", get_why, ROUTE_READ, OBJ_BOOKING, READERS },
	{ 0 },
};
