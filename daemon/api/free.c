/*
 * free.c - GET /v1/free: a query in, the search of the use case, slots out. No rule lives here.
 */
#include <string.h>

#include "api/bookings.h"
#include "app/booking_acts.h"
#include "common/fmt.h"

/* kind, or instruments by comma; neither: all. */
static int read_instruments(struct act *a, struct api_request *rq, struct free_request *r)
{
	const char *kind = api_query(rq, "kind"), *list = api_query(rq, "instrument");
	const int cap = (int)(sizeof(r->instruments) / sizeof(r->instruments[0]));

	if (list == NULL) {
		for (int i = 0; i < a->site->n_instruments && r->n_instruments < cap; i++)
			if (kind == NULL || strcmp(kind, a->site->instruments[i].kind) == 0)
				r->instruments[r->n_instruments++] = &a->site->instruments[i];
		return r->n_instruments > 0 ? 0 : act_refuse(a, 422, "unknown-kind", "kind",
			"there is no instrument of this kind");
	}
	while (*list != '\0') {
		char id[LT_ID] = "";
		size_t n = strcspn(list, ",");

		if (n < sizeof(id))
			memcpy(id, list, n);
		list += n + (list[n] == ',');
		if (r->n_instruments == cap)
			return act_refuse(a, 422, "bad-request", "instrument", "at most %d instruments", cap);
		r->instruments[r->n_instruments] = site_instrument(a->site, id);
		if (r->instruments[r->n_instruments++] == NULL)
			return act_refuse(a, 422, "unknown-instrument", "instrument", "there is no instrument %s", id);
	}
	return r->n_instruments > 0 ? 0 : act_refuse(a, 422, "bad-request", "instrument", "name an instrument");
}

static int read_free(struct act *a, struct api_request *rq, struct free_request *r)
{
	const char *within = api_query(rq, "within"), *user = api_query(rq, "user");
	int64_t seconds = 0, limit = 5;
	struct lt_err err;
	int rc;

	if (api_query(rq, "duration_seconds") == NULL)
		return act_refuse(a, 422, "bad-request", "duration_seconds", "say how long the slot must be, in seconds");
	rc = api_query_int(a, rq, "duration_seconds", 1, CALENDAR_LONGEST / 1000, &seconds);
	if (rc == 0)
		rc = api_query_int(a, rq, "limit", 1, FREE_MAX, &limit);
	if (rc == 0)
		rc = api_query_instant(a, rq, "after", OPTIONAL, &r->after);
	if (rc == 0)
		rc = api_query_instant(a, rq, "before", OPTIONAL, &r->before);
	if (rc == 0)
		rc = read_instruments(a, rq, r);
	if (rc != 0)
		return rc;
	r->duration_ms = seconds * 1000;
	r->limit = (int)limit;
	if (user != NULL && !act_is_staff(a) && strcmp(user, a->who.user) != 0)
		return act_refuse(a, 403, "forbidden", "user", "only staff may search for another user");
	lt_fmt(r->user, sizeof(r->user), "%s", user != NULL ? user : "");
	if (within == NULL)
		return 0;
	policy_defaults(&r->within);
	if (policy_set(&r->within, "opening", within, &err) != 0)
		return act_refuse(a, 422, "bad-request", "within", "%s", err.text);
	r->has_within = true;
	return 0;
}

int get_free(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "duration_seconds", "kind", "instrument", "after", "before", "within", "limit",
		"user", NULL };
	struct free_request r = { .before = LT_INSTANT_MAX };
	struct free_slot slots[FREE_MAX];
	json_t *items;
	int n = 0, rc = api_only_query(a, rq, names);

	if (rc == 0)
		rc = read_free(a, rq, &r);
	if (rc == 0)
		rc = booking_free(a, &r, slots, &n);
	if (rc != 0)
		return rc;
	items = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(items, json_pack("{s:s, s:o, s:o, s:o}", "instrument", slots[i].instrument,
			"from", json_instant(a->site, slots[i].from), "to", json_instant(a->site, slots[i].to),
			"price", json_money(a->site, slots[i].price_minor)));
	*ret_body = api_items(items, 0);
	return 0;
}
