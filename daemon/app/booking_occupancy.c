/*
 * booking_occupancy.c - R01 and R02: who holds a unit, with turnover. The triggers of the store refuse an overlap
 * whoever writes; "taken" (1) is what they said.
 */
#include <string.h>

#include "app/booking_step.h"
#include "common/fmt.h"
#include "store/booking.h"
#include "store/occupancy.h"

int occupancy_add(struct act *a, const char *instrument, const char *kind, int64_t ref, int64_t from, int64_t to)
{
	return store_occupancy_put(a->db, act_id(a, "occupancy"), instrument, kind, ref, (struct interval){ from, to });
}

int occupancy_end(struct act *a, const char *kind, int64_t ref)
{
	return store_occupancy_end(a->db, kind, ref);
}

int occupancy_grow(struct act *a, const char *kind, int64_t ref, int64_t to, int64_t *ret_to)
{
	struct occupant o;
	int rc = store_occupancy_of(a->db, kind, ref, &o);
	int64_t next;

	if (rc != 0)
		return rc;
	next = store_occupancy_next(a->db, kind, ref);
	if (to > next)
		to = next;
	if (to <= o.busy.from)
		to = o.busy.from + 1;
	rc = store_occupancy_move(a->db, kind, ref, (struct interval){ o.busy.from, to });
	if (rc == 0)
		*ret_to = to;
	return rc;
}

/* Two bookings of one org need no turnover between them, unless the instrument wants it. */
static bool same_org(const struct occupant *o, const char *org, const struct policy *p)
{
	return o->org[0] != '\0' && strcmp(o->org, org) == 0 && !p->turnover_same_org;
}

/* R21: a slot held for this user. */
static bool is_for(const struct occupant *o, const char *user)
{
	return strcmp(o->kind, "hold") == 0 && user[0] != '\0' && strcmp(o->user, user) == 0;
}

int booking_conflicts(struct act *a, const struct facts_for *w, struct rule_facts *f)
{
	struct interval in = { w->at.from, w->at.to + w->policy->turnover_ms };
	struct occupant o[RULE_CONFLICTS];
	int n, rc = store_occupancy_in(a->db, w->instrument, in, "booking", w->except, o, RULE_CONFLICTS, &n);

	f->n_conflicts = 0;
	for (int i = 0; i < n; i++) {
		bool block = strcmp(o[i].kind, "block") == 0;

		if (!w->holds_bind && is_for(&o[i], w->user))
			continue;
		if (!w->holds_bind && same_org(&o[i], w->org, w->policy) &&
			(o[i].busy.from >= w->at.to || o[i].held_to <= w->at.from))
			continue;
		if (block && o[i].busy.from >= w->at.to)
			continue;   /* a block may begin in the turnover */
		f->conflicts[f->n_conflicts++] = (struct rule_conflict){ o[i].busy, block };
	}
	return rc;
}

/* Its owner takes the slot that was held for them. */
static int take_hold(struct act *a, const struct occupant *o, const struct booking *b)
{
	return first_refusal_end(a, o->ref, &(struct facts){ .n = b->id, .why = "taken" });
}

int booking_place(struct act *a, const struct booking *b, const struct policy *p)
{
	struct interval busy = { b->booked_from, b->held_to + p->turnover_ms };
	struct occupant o[RULE_CONFLICTS];
	int n = 0, rc = booking_taken(a, b->instrument, (struct interval){ b->booked_from, b->held_to }, b->id);

	if (rc == 0)
		rc = store_occupancy_in(a->db, b->instrument, busy, "booking", b->id, o, RULE_CONFLICTS, &n);
	for (int i = 0; i < n && rc == 0; i++) {
		bool mine = is_for(&o[i], b->user), kin = mine || same_org(&o[i], b->org, p);

		if (mine && o[i].busy.from < b->held_to)
			rc = take_hold(a, &o[i], b);
		else if (o[i].busy.from < busy.from && kin && o[i].held_to <= busy.from)
			rc = store_occupancy_move(a->db, o[i].kind, o[i].ref, (struct interval){ o[i].busy.from, busy.from });
		else if (o[i].busy.from >= b->held_to && (kin || strcmp(o[i].kind, "block") == 0) && o[i].busy.from < busy.to)
			busy.to = o[i].busy.from;
	}
	return rc != 0 ? rc : store_occupancy_put(a->db, act_id(a, "occupancy"), b->instrument, "booking", b->id, busy);
}

/* The live booking before `at` gets back the turnover that its neighbour had spared it. */
static int refit_before(struct act *a, const char *instrument, int64_t at)
{
	struct occupant o;
	struct booking b;
	struct policy p;
	int64_t to;
	int rc = store_occupancy_before(a->db, instrument, at, &o);

	if (rc != 0 || strcmp(o.kind, "booking") != 0)
		return rc < 0 ? rc : 0;
	rc = booking_load(a, o.ref, &b);
	if (rc != 0 || !booking_is_live(b.state))
		return rc < 0 ? rc : 0;
	rc = terms_policy(a, instrument, b.policy_version, &p);
	if (rc != 0 || o.busy.to >= b.held_to + p.turnover_ms)
		return rc;
	rc = occupancy_grow(a, "booking", b.id, b.held_to + p.turnover_ms, &to);
	return rc < 0 ? rc : 0;
}

int booking_unplace(struct act *a, const struct booking *b)
{
	int rc = store_occupancy_end(a->db, "booking", b->id);

	return rc != 0 ? rc : refit_before(a, b->instrument, b->booked_from);
}

int booking_refit(struct act *a, const char *instrument, int64_t at)
{
	return refit_before(a, instrument, at);
}

int booking_release(struct act *a, struct booking *b, const struct policy *p, int64_t at)
{
	struct occupant o;
	int rc = store_occupancy_of(a->db, "booking", b->id, &o);

	if (at < b->held_to)
		b->held_to = at > b->booked_from ? at : b->booked_from;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (at <= o.busy.from)
		return booking_unplace(a, b);
	if (at + p->turnover_ms >= o.busy.to)
		return 0;
	return store_occupancy_move(a->db, "booking", b->id, (struct interval){ o.busy.from, at + p->turnover_ms });
}

int booking_hold(struct act *a, int64_t id, int64_t to, int64_t *ret_to)
{
	struct booking b;
	struct policy p;
	int64_t busy_to, before;
	int rc = booking_load(a, id, &b);

	if (rc == 0)
		rc = terms_policy(a, b.instrument, b.policy_version, &p);
	if (rc != 0)
		return rc;
	before = b.held_to;
	if (to <= before) {
		*ret_to = before;
		return 0;
	}
	rc = occupancy_grow(a, "booking", id, to + p.turnover_ms, &busy_to);
	if (rc != 0)
		return rc;
	b.held_to = busy_to < to ? busy_to : to;
	if (b.held_to < before)
		b.held_to = before;
	*ret_to = b.held_to;
	return b.held_to == before ? 0 : store_booking_update(a->db, &b);
}
