/*
 * booking_warn.c - R28: who is told before, at and after the end of a booking in use: its owner, and the owner of the
 * booking that waits behind it. Decided from stored state when the timer is due. Owns nothing.
 */
#include "app/booking_step.h"
#include "app/metering.h"
#include "store/booking.h"

/* The live booking that directly follows b (turnover and less than a cell between them), or has begun by `at`. */
static int next_of(struct act *a, const struct booking *b, int64_t at, struct booking *ret)
{
	int64_t until = b->booked_to, version;
	struct policy p;
	int rc = terms_policy_at(a, b->instrument, a->now.wall_ms, &p, &version);

	if (rc == 0)
		rc = booking_after(a, b->instrument, b->booked_to, ret);
	if (rc != 0)
		return rc;
	until += p.turnover_ms + p.grid_ms - 1;
	return ret->booked_from <= (at > until ? at : until) ? 0 : 1;
}

int booking_warn_later(struct act *a, const struct booking *b, const struct policy *p)
{
	int64_t due = b->booked_to - p->end_warning_ms, now = a->now.wall_ms;

	if (p->end_warning_ms > 0 && b->booked_to > now)
		act_timer(a, "booking_warn", b->id, due > now ? due : now);
	else
		act_timer_clear(a, "booking_warn", b->id);
	return act_end(a);
}

int booking_warn(struct act *a, const struct booking *b)
{
	struct booking next;
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	/* who has gone, or has let the rest go, keeps nobody waiting */
	if (rc != 0 || s.closed_at != 0 || b->released_at != 0)
		return rc < 0 ? rc : act_end(a);
	booking_tell(a, b, "end_soon", &(struct facts){ .at = b->booked_to });
	rc = next_of(a, b, 0, &next);
	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	booking_tell(a, &next, "in_use_before", &(struct facts){ .at = b->booked_to });
	return act_end(a);
}

int booking_overruns(struct act *a, const struct booking *b)
{
	struct booking next;
	int rc = next_of(a, b, a->now.wall_ms, &next);

	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	booking_tell(a, &next, "held_up", &(struct facts){ .at = b->booked_to });
	return act_end(a);
}

int booking_overran(struct act *a, const struct booking *b, int64_t at, bool continues)
{
	struct facts late = { .at = at, .ms = (at - b->booked_to) / LT_SECOND * LT_SECOND };
	struct booking next;
	int rc;

	if (late.ms <= 0)
		return 0;
	booking_tell(a, b, "overrun_over", &late);
	rc = next_of(a, b, at, &next);
	/* who has checked in is told of the delay when their own session begins */
	if (rc != 0 || continues || next.waiting)
		return rc < 0 ? rc : act_end(a);
	booking_tell(a, &next, "unit_free", &late);
	return act_end(a);
}
