/*
 * search.c - earliest free slots under every rule: candidates are tried by the rule engine itself, so what is offered
 * can be booked. A refused candidate says how far the next one is (rules_retry_from), so that closed and busy time is
 * jumped over; a budget of evaluations bounds the work whatever the calendar looks like.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/money.h"
#include "common/fmt.h"
#include "store/booking.h"

#define FREE_BUDGET 2000

/* Where a slot that begins then would stand among the earliest `limit`; limit: it comes too late to matter. */
static int place_of(const struct slot_search *s, int64_t from)
{
	int at = s->n;

	while (at > 0 && s->slots[at - 1].from > from)
		at--;
	return at;
}

static void keep(struct slot_search *s, const struct free_slot *slot)
{
	int at = place_of(s, slot->from);

	if (s->n < s->limit)
		s->n++;
	memmove(&s->slots[at + 1], &s->slots[at], (size_t)(s->n - 1 - at) * sizeof(s->slots[0]));
	s->slots[at] = *slot;
}

/* Where a slot ends that begins at t: in the current cell its length counts from now. */
static int64_t slot_end(struct act *a, const struct slot_search *s, const struct policy *p, int64_t t)
{
	int64_t now = a->now.wall_ms;

	return t < now ? calendar_grid_next(&a->site->zone, p->grid_ms, now + s->duration_ms) : t + s->duration_ms;
}

/* Moves *t to where the slot would lie inside the wished hours; false: nowhere before the end. */
static bool fit_within(struct act *a, const struct slot_search *s, int64_t *t, int64_t end, bool *ret_moved)
{
	struct interval span;
	int64_t limit = *t + 15 * LT_DAY;

	*ret_moved = false;
	if (s->within == NULL)
		return true;
	if (!calendar_open_span(s->within, &a->site->zone, *t, limit, &span))
		return false;
	if (span.from > *t || span.to < end) {
		*t = span.from > *t ? span.from : span.to;
		*ret_moved = true;
	}
	return true;
}

/* What booking the slot now would be promised. */
static int price_slot(struct act *a, const char *org, struct free_slot *slot)
{
	struct booking b = { .booked_from = slot->from, .booked_to = slot->to, .priced_to = slot->to,
		.since = slot->from > a->now.wall_ms ? slot->from : a->now.wall_ms,
		.walk_up = slot->from <= a->now.wall_ms };
	struct terms_rows terms = { 1, { { slot->from, slot->to, 0, 0 } } };
	struct rate_result quote;
	int rc = terms_price_for(a, slot->instrument, org, a->now.wall_ms, NULL, &terms.row[0].price_version);

	lt_fmt(b.instrument, sizeof(b.instrument), "%s", slot->instrument);
	lt_fmt(b.org, sizeof(b.org), "%s", org);
	if (rc == 0)
		rc = money_quote(a, &b, &terms, NULL, &quote);
	if (rc == 0)
		slot->price_minor = quote.total_minor;
	return rc;
}

enum { OFFER_LATE = 1 };

/* Keeps a slot that every rule accepts. One whose price is refused cannot be booked and is not offered. 0, OFFER_LATE,
 * < 0. */
static int offer(struct act *a, struct slot_search *s, const char *instrument, struct interval at)
{
	struct free_slot slot = { .from = at.from, .to = at.to };
	int rc;

	if (place_of(s, at.from) >= s->limit)
		return OFFER_LATE;
	lt_fmt(slot.instrument, sizeof(slot.instrument), "%s", instrument);
	rc = s->priced ? price_slot(a, s->org, &slot) : 0;
	if (rc == 0)
		keep(s, &slot);
	return rc == ACT_REFUSED ? 0 : rc;
}

int booking_search(struct act *a, struct slot_search *s, const char *instrument)
{
	struct policy p;
	int64_t version, now = a->now.wall_ms, t, floor_at;
	int rc = terms_policy_at(a, instrument, now, &p, &version);

	if (rc != 0)
		return rc;
	floor_at = calendar_cell(&a->site->zone, p.grid_ms, now);
	t = s->after > floor_at && s->after > now ? s->after : floor_at;
	while (s->budget-- > 0) {
		struct facts_for w = { .verb = BOOKING_CREATE, .instrument = instrument, .org = s->org, .user = s->user,
			.except = s->except, .policy = &p, .now = now, .holds_bind = s->holds_bind };
		struct rule_facts f;
		struct verdict v;
		bool moved;
		int64_t end;

		t = calendar_grid_next(&a->site->zone, p.grid_ms, t);
		end = slot_end(a, s, &p, t);
		if (!fit_within(a, s, &t, end, &moved) || end > s->before)
			break;
		if (moved)
			continue;
		w.at = (struct interval){ t, end };
		w.asked_ms = s->duration_ms;
		rc = booking_facts(a, &w, &f);
		if (rc != 0)
			return rc;
		if (rules_ask(&f, &v) == 0) {
			rc = offer(a, s, instrument, w.at);
			if (rc != 0)
				return rc == OFFER_LATE ? 0 : rc;
			t = w.at.to;
			continue;
		}
		t = rules_retry_from(&f, &v);
		if (t >= LT_INSTANT_MAX - s->duration_ms)
			break;
	}
	return 0;
}

int booking_free(struct act *a, const struct free_request *rq, struct free_slot *ret, int *ret_n)
{
	struct slot_search s = { .duration_ms = rq->duration_ms, .after = rq->after, .before = rq->before,
		.limit = rq->limit, .within = rq->has_within ? &rq->within : NULL, .priced = true };
	const char *user = rq->user[0] != '\0' ? rq->user : a->who.user;
	char org[LT_ID] = "";
	int rc = user[0] != '\0' ? store_active_user(a->db, user, org) : 0;

	*ret_n = 0;
	if (rc == 1)
		return act_refuse(a, 422, "unknown-user", "user", "there is no active user %s", user);
	s.user = user;
	s.org = org;
	for (int i = 0; i < rq->n_instruments && rc == 0; i++) {
		/* What earlier instruments left over is there for later ones. */
		s.budget += FREE_BUDGET / rq->n_instruments;
		rc = booking_search(a, &s, rq->instruments[i]->id);
		if (s.budget < 0)
			s.budget = 0;
	}
	if (rc != 0)
		return rc;
	memcpy(ret, s.slots, (size_t)s.n * sizeof(*ret));
	*ret_n = s.n;
	return act_end(a);
}
