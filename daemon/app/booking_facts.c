/*
 * booking_facts.c - the facts that the rule engine asks for, read from the open transaction, and its answer turned
 * into a refusal a person can act on. Fails only with the store's class.
 */
#include <string.h>

#include "app/booking_step.h"
#include "common/fmt.h"
#include "store/booking.h"

/* R10 counts attended instruments only, each by the policy its booking was made under. */
static int gather_overlaps(struct act *a, const struct facts_for *w, struct rule_facts *f)
{
	struct user_overlap found[RULE_OVERLAPS];
	int n, rc;

	if (!w->policy->attended || w->user[0] == '\0')
		return 0;
	rc = store_booking_overlaps(a->db, w->user, w->instrument, w->except, w->at, found, RULE_OVERLAPS, &n);
	for (int i = 0; i < n && rc == 0; i++) {
		struct policy p;

		rc = terms_policy(a, found[i].instrument, found[i].policy_version, &p);
		if (rc == 0 && p.attended)
			f->overlaps[f->n_overlaps++] = found[i].at;
	}
	return rc;
}

static int gather_windows(struct act *a, const struct facts_for *w, struct rule_facts *f)
{
	if (w->org[0] == '\0' || w->at.to - w->at.from > CALENDAR_LONGEST)
		return 0;
	if (!calendar_windows(w->policy, f->zone, w->now, w->at, f->windows, CALENDAR_WINDOWS, &f->n_windows))
		f->windows_missing = true;
	for (int i = 0; i < f->n_windows; i++)
		f->windows[i].others_ms = store_booking_org_ms(a->db, w->org, w->instrument, f->windows[i].span,
			f->windows[i].kind == WINDOW_OPEN, w->except);
	return db_failed(a->db);
}

int booking_facts(struct act *a, const struct facts_for *w, struct rule_facts *ret)
{
	struct instrument_row row;
	int rc = store_instrument_load(a->db, w->instrument, &row);

	memset(ret, 0, sizeof(*ret));
	ret->verb = w->verb;
	ret->policy = w->policy;
	ret->zone = &a->site->zone;
	ret->now = w->now;
	ret->at = w->at;
	ret->was = w->was;
	ret->was_since = w->was_since > w->was.from ? w->was_since : w->was.from;
	ret->now_from = w->now_from;
	ret->asked_ms = w->asked_ms;
	ret->existing = w->verb != BOOKING_CREATE && w->verb != BOOKING_PROMOTE;
	/* what is made or moved now counts from now at the earliest */
	ret->since = ret->existing && w->at.from == w->was.from ? ret->was_since
		: w->now > w->at.from ? w->now : w->at.from;
	if (rc == 0)
		ret->out_of_service = row.out_of_service;
	if (rc >= 0)
		rc = booking_conflicts(a, w, ret);
	if (rc == 0)
		rc = gather_overlaps(a, w, ret);
	if (rc == 0)
		rc = gather_windows(a, w, ret);
	return rc;
}

int booking_ask(struct act *a, const struct rule_facts *f, const char *reason, struct verdict *v,
	struct verdict *ret_overridden)
{
	bool may = a->who.role == ROLE_MANAGER || a->who.role == ROLE_ADMIN;

	ret_overridden->n = 0;
	rules_ask(f, v);
	if (v->n > 0 && reason[0] != '\0' && may)
		rules_override(v, ret_overridden);
	return 0;
}

int booking_record_overrides(struct act *a, int64_t id, const struct verdict *overridden, const char *reason)
{
	int rc = 0;

	for (int i = 0; i < overridden->n && rc == 0; i++) {
		char object[32];

		rc = store_override(a->db, id, &overridden->v[i], a->who.actor, reason, a->now.wall_ms);
		lt_fmt(object, sizeof(object), "B-%lld", (long long)id);
		act_audit(a, "booking.override", object, overridden->v[i].value, overridden->v[i].code, reason);
	}
	return rc;
}

/* Where else, or when else, the same length would be accepted. */
static int suggest(struct act *a, const struct facts_for *w, const char *kind)
{
	struct slot_search s = { .org = w->org, .user = w->user, .except = w->except, .limit = 5, .budget = 200,
		.duration_ms = w->asked_ms > 0 && w->asked_ms % w->policy->grid_ms == 0 ? w->asked_ms : w->at.to - w->at.from,
		.after = w->at.from, .before = LT_INSTANT_MAX };
	struct refusal *r = &a->refusal;
	int rc = 0;

	if (s.duration_ms <= 0)
		return 0;
	if (kind[0] == '\0')
		rc = booking_search(a, &s, w->instrument);
	for (int i = 0; kind[0] != '\0' && i < a->site->n_instruments && rc == 0; i++)
		if (strcmp(a->site->instruments[i].kind, kind) == 0)
			rc = booking_search(a, &s, a->site->instruments[i].id);
	r->n_suggestions = 0;
	for (int i = 0; i < s.n && rc == 0; i++) {
		memcpy(r->suggestions[i].instrument, s.slots[i].instrument, LT_ID);
		r->suggestions[i].from = s.slots[i].from;
		r->suggestions[i].to = s.slots[i].to;
		r->n_suggestions++;
	}
	return rc;
}

int booking_refuse(struct act *a, const struct facts_for *w, const struct rule_facts *f, const struct verdict *v,
	const char *kind)
{
	bool taken = rules_taken(v), all_staff = true;
	const char *code = taken ? "slot-taken" : v->v[0].code, *cure = "";
	bool may = a->who.role == ROLE_MANAGER || a->who.role == ROLE_ADMIN;
	int rc;

	for (int i = 0; i < v->n; i++)
		all_staff = all_staff && v->v[i].class == RULE_STAFF;
	if (may && all_staff)
		cure = " (a manager may override this with a reason)";
	rc = act_refuse(a, taken ? 409 : 422, code, "", "%s: %s%s", w->instrument, v->v[0].text, cure);
	a->refusal.rules = *v;
	a->refusal.n_conflicts = 0;
	for (int i = 0; taken && i < f->n_conflicts; i++) {
		a->refusal.conflicts[i].from = f->conflicts[i].span.from;
		a->refusal.conflicts[i].to = f->conflicts[i].span.to;
		a->refusal.n_conflicts++;
	}
	if (w->verb == BOOKING_CREATE || w->verb == BOOKING_MOVE) {
		int failed = suggest(a, w, kind);

		if (failed < 0)
			return failed;
	}
	return rc;
}
