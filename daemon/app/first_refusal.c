/*
 * first_refusal.c - R21: when a block displaces a booking, its owner's next slot of the same length on the unit is held
 * for them for a while: an R01 object (occupancy "hold"), ended by their booking, by its expiry or by another block.
 * Where no slot is found nothing is held. Fails only with the store's class.
 */
#include <string.h>

#include "app/booking_step.h"
#include "common/fmt.h"
#include "store/booking.h"
#include "store/first_refusal.h"
#include "store/occupancy.h"

#define NEVER_WITHIN (30 * LT_MINUTE)    /* of the held slot's start: who wants it then takes it */

/* "PT4H30M"; bookings are whole minutes long. */
static void say_length(char *dst, size_t cap, int64_t ms)
{
	int64_t h = ms / LT_HOUR, m = ms % LT_HOUR / LT_MINUTE;
	size_t n = lt_fmt(dst, cap, "PT");

	if (h > 0)
		n += lt_fmt(dst + n, cap - n, "%lldH", (long long)h);
	if (m > 0 || h == 0)
		lt_fmt(dst + n, cap - n, "%lldM", (long long)m);
}

static int tell_offer(struct act *a, const struct booking *b, const struct first_refusal *f)
{
	const struct lt_zone *zone = &a->site->zone;
	char detail[300], from[40], until[40], length[24];

	lt_rfc3339(from, sizeof(from), f->at.from, lt_zone_offset(zone, f->at.from));
	lt_rfc3339(until, sizeof(until), f->expires_at, lt_zone_offset(zone, f->expires_at));
	say_length(length, sizeof(length), f->at.to - f->at.from);
	lt_fmt(detail, sizeof(detail), "held for you until %s: labtime book %s %s/%s", until, b->instrument, from, length);
	return booking_log(a, b, "first_refusal", detail, &(struct facts){ 0 });
}

/* The place of the slot, with turnover as far as it is free. 0, 1 taken, < 0. */
static int place(struct act *a, const struct booking *b, struct interval at, const struct policy *p)
{
	int64_t to;
	int rc = booking_taken(a, b->instrument, at, 0);

	if (rc == 0)
		rc = store_occupancy_put(a->db, act_id(a, "occupancy"), b->instrument, "hold", b->id, at);
	if (rc == 0 && p->turnover_ms > 0)
		rc = occupancy_grow(a, "hold", b->id, at.to + p->turnover_ms, &to);
	return rc;
}

int first_refusal_offer(struct act *a, const struct booking *b, int64_t after, int budget)
{
	int64_t now = a->now.wall_ms, version;
	struct slot_search s = { .org = b->org, .user = b->user, .holds_bind = true, .limit = 1, .budget = budget,
		.duration_ms = b->booked_to - b->booked_from, .before = LT_INSTANT_MAX };
	struct first_refusal f = { .booking = b->id, .created_at = now };
	struct policy p;
	int rc = terms_policy_at(a, b->instrument, now, &p, &version);

	if (rc != 0 || p.first_refusal_ms == 0)
		return rc;
	s.after = after > now + NEVER_WITHIN ? after : now + NEVER_WITHIN + 1;
	rc = booking_search(a, &s, b->instrument);
	if (rc != 0 || s.n == 0)
		return rc;
	f.at = (struct interval){ s.slots[0].from, s.slots[0].to };
	f.expires_at = now + p.first_refusal_ms;
	if (f.expires_at > f.at.from - NEVER_WITHIN)
		f.expires_at = f.at.from - NEVER_WITHIN;
	rc = f.expires_at > now ? place(a, b, f.at, &p) : 1;
	if (rc == 0)
		rc = store_first_refusal_insert(a->db, &f);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	act_timer(a, "first_refusal", b->id, f.expires_at);
	return tell_offer(a, b, &f);
}

int first_refusal_end(struct act *a, int64_t booking, const struct facts *f)
{
	struct booking b;
	int rc = booking_load(a, booking, &b);

	if (rc == 0)
		rc = occupancy_end(a, "hold", booking);
	if (rc == 0)
		rc = store_first_refusal_end(a->db, booking, a->now.wall_ms);
	if (rc == 0)
		rc = booking_log(a, &b, "hold_over", "", f);
	act_timer_clear(a, "first_refusal", booking);
	return rc < 0 ? rc : act_end(a);
}

int first_refusal_over(struct act *a, int64_t ref, int64_t due_at)
{
	struct first_refusal f;
	int rc = store_first_refusal_load(a->db, ref, &f);

	if (rc != 0 || f.ended_at != 0)
		return rc < 0 ? rc : act_end(a);
	return first_refusal_end(a, ref, &(struct facts){ .why = "expired" });
}

int booking_first_refusal(struct act *a, int64_t id, struct interval *ret, int64_t *ret_until)
{
	struct first_refusal f;
	int rc = store_first_refusal_load(a->db, id, &f);

	if (rc != 0 || f.ended_at != 0)
		return rc < 0 ? rc : 1;
	*ret = f.at;
	*ret_until = f.expires_at;
	return 0;
}

int booking_first_refusals_end(struct act *a, const char *user)
{
	int64_t id;
	int rc = 0;

	while (rc == 0 && (id = store_first_refusal_of(a->db, user)) != 0)
		rc = first_refusal_end(a, id, &(struct facts){ .why = "deactivated" });
	return rc != 0 ? rc : act_end(a);
}
