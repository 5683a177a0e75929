/*
 * booking_parts.c - what the answer about one booking says besides the booking: its terms, history, overrides, sessions
 * and charges. Owns its buffers, which only the ledger thread uses; what cannot be read is left out.
 */
#include "api/bookings.h"
#include "api/words.h"
#include "app/money.h"
#include "app/view.h"

#define HISTORY_MAX 200

static json_t *history(struct act *a, int64_t id)
{
	static struct booking_history h[HISTORY_MAX];   /* the ledger thread only; too large for the stack */
	json_t *list = json_array();
	char text[WORDS_MAX];
	int n = 0;

	if (view_booking_history(a, id, h, HISTORY_MAX, &n) < 0)
		return list;
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:s, s:s, s:s, s:o}", "at", json_instant(a->site, h[i].at),
			"actor", h[i].actor, "verb", h[i].verb, "from_state", h[i].from_state, "to_state", h[i].to_state,
			"detail", json_safe(words_history(a->site, &h[i], text))));
	return list;
}

static json_t *overrides(struct act *a, int64_t id)
{
	struct booking_override o[32];
	json_t *list = json_array();
	int n = 0;

	if (view_booking_overrides(a, id, o, 32, &n) < 0)
		return list;
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "rule", o[i].rule, "value", o[i].value,
			"limit", o[i].bound, "actor", o[i].actor, "reason", json_safe(o[i].reason), "at",
			json_instant(a->site, o[i].at)));
	return list;
}

#define PARTS_MAX 50

static json_t *sessions_of(struct act *a, int64_t id)
{
	static struct session s[PARTS_MAX];             /* the ledger thread only; too large for the stack */
	json_t *list = json_array();
	int n = 0;

	if (view_booking_sessions(a, id, s, PARTS_MAX, &n) < 0)
		return list;
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o, s:o, s:I}", "id", json_id('S', s[i].id),
			"state", session_state_name(s[i].state), "outcome", json_text(session_outcome_name(s[i].outcome)),
			"opened_at", json_instant(a->site, s[i].opened_at), "closed_at",
			json_instant_or_null(a->site, s[i].closed_at),
			"measured_seconds", (json_int_t)(s[i].measured_ms / 1000)));
	return list;
}

static json_t *charges_of(struct act *a, int64_t id)
{
	static struct charge c[PARTS_MAX];              /* the ledger thread only; too large for the stack */
	struct charge_filter f = { .org = "", .user = "", .instrument = "", .period = "", .booking = id,
		.limit = PARTS_MAX };
	json_t *list = json_array();
	int n = 0;

	if (view_charges(a, &f, c, &n) < 0)
		return list;
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o}", "id", json_id('C', c[i].id), "kind", c[i].kind,
			"posted_at", json_instant(a->site, c[i].posted_at), "amount", json_money(a->site, c[i].amount_minor)));
	return list;
}

/* R27: an extension adds time under the terms of its moment. */
static json_t *terms_of(struct act *a, const struct booking *b)
{
	struct term_shown t[PARTS_MAX];
	json_t *list = json_array();
	int n;

	if (view_booking_terms(a, b, t, PARTS_MAX, &n) != 0)
		return list;
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:I, s:I}", "from",
			json_instant(a->site, t[i].term.from_at), "to", json_instant(a->site, t[i].term.to_at),
			"rate", json_money(a->site, t[i].rate_minor), "policy_version", (json_int_t)t[i].term.policy_version,
			"price_version", (json_int_t)t[i].term.price_version));
	return list;
}

void json_booking_parts(struct act *a, const struct booking *b, json_t *o)
{
	json_object_set_new(o, "terms", terms_of(a, b));
	json_object_set_new(o, "history", history(a, b->id));
	json_object_set_new(o, "overrides", overrides(a, b->id));
	json_object_set_new(o, "sessions", sessions_of(a, b->id));
	json_object_set_new(o, "charges", charges_of(a, b->id));
}
