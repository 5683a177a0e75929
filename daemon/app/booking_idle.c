/*
 * booking_idle.c - R26: time that an idle session lets go. The rest of the slot is free for everybody, but the booking
 * stays active and its session open: a run or a check-in takes the time back, until somebody else has taken it or the
 * booked end has passed. Only then both end.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/metering.h"
#include "common/fmt.h"
#include "store/booking.h"

int booking_let_go(struct act *a, struct booking *b, const struct policy *p, int64_t at)
{
	int rc = b->released_at != 0 ? 1 : booking_release(a, b, p, at);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	b->released_at = at;
	rc = booking_note(a, b, "release", &(struct facts){ .from_at = at });
	return rc != 0 ? rc : act_end(a);
}

int booking_resume(struct act *a, struct booking *b)
{
	struct policy p;
	int64_t busy_to = 0;
	int rc = b->released_at == 0 ? 1 : terms_policy(a, b->instrument, b->policy_version, &p);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = occupancy_grow(a, "booking", b->id, b->booked_to + p.turnover_ms, &busy_to);
	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT; /* an active booking has its place */
	if (busy_to > b->booked_to)
		busy_to = b->booked_to;
	if (busy_to > b->held_to)
		b->held_to = busy_to;
	b->released_at = 0;
	rc = booking_note(a, b, "resume", &(struct facts){ .to_at = b->held_to });
	return rc != 0 ? rc : metering_arm(a, b->instrument);
}

int booking_taken(struct act *a, const char *instrument, struct interval in, int64_t by)
{
	struct principal who = a->who;
	struct booking b;
	int rc = store_booking_released(a->db, instrument, in, by, &b);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	/* its owner does not learn who took the time */
	a->who.user[0] = '\0';
	lt_fmt(a->who.actor, sizeof(a->who.actor), "timer");
	rc = metering_let_go(a, &b);
	a->who = who;
	return rc;
}
