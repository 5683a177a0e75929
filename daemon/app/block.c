/*
 * block.c - R21: maintenance. A block over bookings needs to be told to displace them; each is told and pays nothing.
 * What is in use is never displaced: its held time ends where the block begins, and the block waits for its session.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/metering.h"
#include "common/fmt.h"
#include "store/booking.h"
#include "store/meter.h"
#include "store/occupancy.h"

#define BLOCK_OVER 64   /* bookings one block may displace */
#define OFFER_BUDGET 2000   /* rule evaluations for all their next slots */

/* What making room left: where the block may begin, and whom it displaced. */
struct room { int64_t from; int n; int64_t displaced[BLOCK_OVER]; };

static int refuse_over(struct act *a, const struct occupant *o, int n)
{
	int rc = act_refuse(a, 409, "slot-taken", "from",
		"%d booking%s or block%s lie in this time; say displace to cancel the "
			    "bookings free of charge and tell their owners", n, n == 1 ? "" : "s", n == 1 ? "" : "s");

	a->refusal.n_conflicts = 0;
	for (int i = 0; i < n && i < 8; i++) {
		a->refusal.conflicts[i].from = o[i].busy.from;
		a->refusal.conflicts[i].to = o[i].busy.to;
		a->refusal.n_conflicts++;
	}
	return rc;
}

static int displace(struct act *a, struct booking *b, const struct block *k)
{
	char by[24];
	int rc = booking_step(a, b, BOOKING_DISPLACE, "displace", k->reason, &(struct facts){ .n = k->id, .why = "block" });

	lt_fmt(by, sizeof(by), "K-%lld", (long long)k->id);
	if (rc == 0)
		rc = store_booking_displaced_by(a->db, b->id, by);
	if (rc == 0)
		rc = booking_unplace(a, b);
	return rc != 0 ? rc : metering_booking_gone(a, b->id);
}

/* In use: its held time ends at the cut, never earlier than now. */
static int cut_active(struct act *a, struct booking *b, const struct occupant *o, struct block *k, int64_t cut)
{
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	if (rc < 0)
		return rc;
	k->cut_booking = b->id;
	k->cut_priced_to = b->priced_to;
	if (rc == 0) /* what runs on through the block is given a place again behind it */
		act_timer(a, "hold", s.id, cut > a->now.wall_ms ? cut : a->now.wall_ms + LT_MINUTE);
	rc = store_occupancy_move(a->db, "booking", b->id, (struct interval){ o->busy.from, cut });

	if (rc == 0 && b->held_to > cut)
		b->held_to = cut;
	/* inside the block nothing is overrun; what was before it stays so */
	if (rc == 0 && k->to > b->priced_to) {
		rc = booking_keep_overrun(a, b, k->from);
		if (rc >= 0)
			b->priced_to = k->to;
		rc = rc < 0 ? rc : 0;
	}
	return rc != 0 ? rc : booking_note(a, b, "cut", &(struct facts){ .at = cut });
}

/* Makes room for [from, to) of one occupant. from moves to the end of what is in use. */
static int make_room(struct act *a, const struct occupant *o, struct block *k, struct room *room)
{
	int64_t cut = k->from > a->now.wall_ms ? k->from : a->now.wall_ms;
	struct booking b;
	int rc;

	if (cut <= o->busy.from)
		cut = o->busy.from + 1;
	if (strcmp(o->kind, "hold") == 0)
		return first_refusal_end(a, o->ref, &(struct facts){ .why = "block" });
	if (strcmp(o->kind, "session") == 0) {
		k->state = BLOCK_WAITING;
		room->from = cut > room->from ? cut : room->from;
		return store_occupancy_move(a->db, "session", o->ref, (struct interval){ o->busy.from, cut });
	}
	rc = booking_load(a, o->ref, &b);
	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	if (b.state == BOOKING_ACTIVE) {
		k->state = BLOCK_WAITING;
		room->from = cut > room->from ? cut : room->from;
		return cut_active(a, &b, o, k, cut);
	}
	/* Only its turnover, or the past of one that is over, reaches into the block. */
	if (!booking_is_live(b.state) || o->held_to <= k->from) {
		int64_t to = k->from > o->busy.from ? k->from : o->busy.from + 1;

		room->from = to > room->from ? to : room->from;
		return store_occupancy_move(a->db, "booking", o->ref, (struct interval){ o->busy.from, to });
	}
	room->displaced[room->n++] = b.id;
	return displace(a, &b, k);
}

/* First refusal, in the order of what was booked. */
static int offer_next(struct act *a, const struct block *k, const struct room *room)
{
	int rc = 0;

	for (int i = 0; i < room->n && rc == 0; i++) {
		struct booking b;

		rc = booking_load(a, room->displaced[i], &b);
		if (rc == 0)
			rc = first_refusal_offer(a, &b, k->to, OFFER_BUDGET / room->n);
	}
	return rc;
}

static int check_block(struct act *a, const struct block_request *rq)
{
	if (site_instrument(a->site, rq->instrument) == NULL)
		return act_refuse(a, 422, "unknown-instrument", "instrument", "there is no instrument %s", rq->instrument);
	if (rq->to <= rq->from)
		return act_refuse(a, 422, "bad-interval", "to", "the end must be later than the start");
	if (rq->to <= a->now.wall_ms)
		return act_refuse(a, 422, "in-the-past", "to", "a block must end later than now");
	if (rq->to - rq->from > CALENDAR_LONGEST)
		return act_refuse(a, 422, "over-a-year", "to", "a block is at most 366 days long");
	return 0;
}

static int write_block(struct act *a, struct block *k, const struct occupant *o, int n)
{
	char object[32], span[90];
	struct event_row e = { .kind = "block.create", .instrument = k->instrument };
	struct room room = { .from = k->from };
	int rc = booking_taken(a, k->instrument, (struct interval){ k->from, k->to }, 0);

	k->id = act_id(a, "block");
	for (int i = 0; i < n && rc == 0; i++)
		rc = make_room(a, &o[i], k, &room);
	if (rc == 0)
		rc = room.from < k->to ? store_occupancy_put(a->db, act_id(a, "occupancy"), k->instrument, "block", k->id,
							(struct interval){ room.from, k->to }) : 0;
	if (rc == 1)
		return act_refuse(a, 409, "slot-taken", "from", "%s is taken in this time", k->instrument);
	if (rc == 0)
		rc = store_block_insert(a->db, k);
	if (rc == 0)
		rc = offer_next(a, k, &room);
	if (rc != 0)
		return rc;
	lt_fmt(object, sizeof(object), "K-%lld", (long long)k->id);
	booking_span_text(a->site, span, sizeof(span), k->from, k->to);
	act_audit(a, "block.create", object, "", span, k->reason);
	e.facts = (struct facts){ .from_at = k->from, .to_at = k->to, .n = k->id, .why = "block" };
	lt_fmt(e.detail, sizeof(e.detail), "%s", k->reason);
	act_event(a, &e);
	act_lease(a, k->instrument);
	return db_failed(a->db);
}

int block_create(struct act *a, const struct block_request *rq, struct block *ret)
{
	struct block k = { .from = rq->from, .to = rq->to, .created_at = a->now.wall_ms, .version = 1 };
	struct occupant o[BLOCK_OVER];
	int n, hard = 0, live = 0, rc = check_block(a, rq);

	if (rc != 0)
		return rc;
	lt_fmt(k.instrument, sizeof(k.instrument), "%s", rq->instrument);
	lt_fmt(k.reason, sizeof(k.reason), "%s", rq->reason);
	lt_fmt(k.actor, sizeof(k.actor), "%s", a->who.actor);
	rc = store_occupancy_in(a->db, k.instrument, (struct interval){ k.from, k.to }, "", 0, o, BLOCK_OVER, &n);
	if (rc != 0)
		return rc;
	for (int i = 0; i < n; i++) {
		bool block = strcmp(o[i].kind, "block") == 0, hold = strcmp(o[i].kind, "hold") == 0;

		hard += block;
		live += block || (!hold && o[i].held_to > k.from && o[i].held_to > a->now.wall_ms);
	}
	if (n == BLOCK_OVER)
		return act_refuse(a, 422, "too-many", "to", "more than %d bookings lie in this time; make shorter blocks",
			BLOCK_OVER);
	if (hard > 0 || (live > 0 && !rq->displace))
		return refuse_over(a, o, n);
	if (!a->dry_run)
		rc = write_block(a, &k, o, n);
	if (rc != 0)
		return rc;
	*ret = k;
	return act_end(a);
}

/* The end for overrun pricing as if the block had ended now: what was before it was kept, and inside it nothing is. */
static int64_t priced_end(const struct block *k, int64_t now)
{
	int64_t end = k->cut_priced_to > k->from ? k->cut_priced_to : k->from, over = now < k->to ? now : k->to;

	if (k->cut_priced_to >= k->to)
		return k->cut_priced_to; /* it had not moved */
	return now > k->from && over > end ? over : end;
}

/* What is still in use gets back the held and the priced end that the block took from it, as far as nobody has it. */
static int give_back(struct act *a, const struct block *k)
{
	struct booking b;
	struct policy p;
	int64_t priced_to, busy_to = 0;
	int rc = k->cut_booking ? booking_load(a, k->cut_booking, &b) : 1;

	if (rc != 0 || b.state != BOOKING_ACTIVE)
		return rc < 0 ? rc : 0;
	priced_to = priced_end(k, a->now.wall_ms);
	if (priced_to < b.priced_to)
		b.priced_to = priced_to;
	if (b.held_to < b.booked_to && b.released_at == 0) {
		rc = terms_policy(a, b.instrument, b.policy_version, &p);
		if (rc == 0)
			rc = occupancy_grow(a, "booking", b.id, b.booked_to + p.turnover_ms, &busy_to);
		if (rc != 0)
			return rc < 0 ? rc : DB_CORRUPT; /* an active booking has its place */
		if (busy_to > b.held_to)
			b.held_to = busy_to < b.booked_to ? busy_to : b.booked_to;
	}
	rc = booking_note(a, &b, "uncut", &(struct facts){ .to_at = b.held_to });
	return rc != 0 ? rc : metering_arm(a, b.instrument);
}

int block_remove(struct act *a, int64_t id, int64_t version)
{
	struct block k;
	char object[32];
	int rc = store_block_load(a->db, id, &k);

	if (rc == 1 || (rc == 0 && k.state == BLOCK_REMOVED))
		return act_refuse(a, 404, "not-found", "block", "there is no block K-%lld", (long long)id);
	if (rc < 0)
		return rc;
	if (version != 0 && version != k.version)
		return act_refuse(a, 412, "version-conflict", "If-Match", "K-%lld has changed since you read it; read it again",
				  (long long)id);
	if (a->dry_run)
		return act_end(a);
	rc = store_block_set_state(a->db, id, BLOCK_REMOVED);
	/* the row will not tell any more how long it was in force */
	if (rc == 0 && k.from < a->now.wall_ms)
		rc = store_outage_add(a->db, act_id(a, "outage"), k.instrument, "service", k.from,
			k.to < a->now.wall_ms ? k.to : a->now.wall_ms);
	if (rc == 0)
		rc = occupancy_end(a, "block", id);
	if (rc == 0)
		rc = give_back(a, &k);
	if (rc == 0)
		rc = booking_refit(a, k.instrument, k.from);
	if (rc != 0)
		return rc;
	lt_fmt(object, sizeof(object), "K-%lld", (long long)id);
	act_audit(a, "block.remove", object, k.reason, "", "");
	act_lease(a, k.instrument);
	return act_end(a);
}
