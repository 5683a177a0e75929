/*
 * given_up.c - R23: parts of a booked time that a move or a shortening gives up cost their share of a cancellation.
 * While the instrument cannot be used that is decided at the start that the booking had, as for a whole one. Owns
 * nothing.
 */
#include "app/booking_step.h"
#include "app/metering.h"
#include "store/booking_term.h"
#include "store/given_up.h"

/* What of the booked interval the new one does not hold: at most two parts. */
static int parts_of(const struct booking *was, const struct booking *b, struct interval ret[2])
{
	struct interval whole = { was->since, was->booked_to }, before, after;
	struct interval kept = interval_cut(whole, (struct interval){ b->booked_from, b->booked_to });
	int n = 0;

	if (interval_empty(kept))
		kept.from = kept.to = whole.to;
	before = (struct interval){ whole.from, kept.from };
	after = (struct interval){ kept.to, whole.to };
	if (!interval_empty(before))
		ret[n++] = before;
	if (!interval_empty(after))
		ret[n++] = after;
	return n;
}

/* Nothing is due yet; at the old start it is known whether the instrument can be used. */
static int decide_later(struct act *a, const struct booking *was, struct interval part, int64_t *ret_minor)
{
	struct given_up g = { .booking = was->id, .at = a->now.wall_ms, .booked_from = was->booked_from,
		.booked_to = was->booked_to, .since = was->since, .walk_up = was->walk_up, .part = part,
		.terms_at = store_booking_terms_label(a->db, was->id, a->now.wall_ms) };
	int rc;

	*ret_minor = 0;
	if (g.at >= was->booked_from)
		return 0;
	rc = money_fee_given_up_preview(a, was, part, g.at, ret_minor);
	if (rc != 0 || *ret_minor == 0 || a->dry_run)
		return rc;
	rc = money_fee_given_up_room(a, was->id);
	if (rc != 0)
		return rc;
	g.id = act_id(a, "given_up");
	act_timer(a, "given_up", g.id, was->booked_from);
	return store_given_up_insert(a->db, &g);
}

int booking_give_up(struct act *a, const struct booking *was, struct booking *b)
{
	struct interval part[2];
	int n = parts_of(was, b, part), rc = 0;
	bool usable = true;

	if (n > 0)
		rc = metering_usable_at(a, was->instrument, a->now.wall_ms, &usable);
	for (int i = 0; i < n && rc == 0; i++) {
		int64_t fee = 0, later = 0;

		if (!usable)
			rc = decide_later(a, was, part[i], &later);
		else if (a->dry_run)
			rc = money_fee_given_up_preview(a, was, part[i], a->now.wall_ms, &fee);
		else
			rc = money_fee_given_up(a, was, part[i], a->now.wall_ms, &fee);
		b->fee_minor += fee;
		b->fee_later_minor += later;
	}
	return rc;
}

/* The booking as it was when the part was given up. */
static struct booking as_it_was(const struct booking *b, const struct given_up *g)
{
	struct booking was = *b;

	was.booked_from = g->booked_from;
	was.booked_to = g->booked_to;
	was.since = g->since;
	was.walk_up = g->walk_up;
	return was;
}

int booking_given_up_later(struct act *a, const struct booking *b, int64_t *ret_minor)
{
	struct given_up g;
	int64_t last = 0, fee;
	int rc;

	*ret_minor = 0;
	while ((rc = store_given_up_next(a->db, b->id, last, &g)) == 0) {
		struct booking was = as_it_was(b, &g);

		last = g.id;
		rc = money_fee_given_up_later(a, &was, g.part, g.at, g.terms_at, &fee);
		if (rc != 0)
			return rc;
		*ret_minor += fee;
	}
	return rc < 0 ? rc : 0;
}

static int charge_part(struct act *a, const struct given_up *g, struct booking *b)
{
	struct booking was = as_it_was(b, g);
	int64_t fee;
	int rc = money_fee_given_up_due(a, &was, g->part, g->at, g->terms_at, &fee);
	if (rc != 0 || fee == 0)
		return rc;
	b->fee_minor += fee;
	return booking_note(a, b, "late_cancel", &(struct facts){ .why = "given_up", .minor = fee });
}

int booking_given_up_due(struct act *a, int64_t ref, int64_t due_at)
{
	struct given_up g;
	struct booking b;
	bool usable;
	int rc = store_given_up_load(a->db, ref, &g);

	if (rc == 0)
		rc = booking_load(a, g.booking, &b);
	if (rc == 0)
		rc = metering_usable_at(a, b.instrument, due_at, &usable);
	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	rc = store_given_up_decide(a->db, ref, a->now.wall_ms);
	if (rc == 0 && usable)
		rc = charge_part(a, &g, &b);
	return rc != 0 ? rc : act_end(a);
}
