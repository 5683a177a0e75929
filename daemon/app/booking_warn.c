/*
 * booking_warn.c - R28: who is told before, at and after the end of a booking in use: its owner, and the owner of the
 * booking that waits behind it. Decided from stored state when the timer is due. Owns nothing.
 */
#include "app/booking_step.h"
#include "app/metering.h"
#include "common/fmt.h"
#include "store/booking.h"

static void instant(struct act *a, char dst[40], int64_t at)
{
	lt_rfc3339(dst, 40, at, lt_zone_offset(&a->site->zone, at));
}

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
	char detail[200], end[40];
	struct booking next;
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	/* who has gone, or has let the rest go, keeps nobody waiting */
	if (rc != 0 || s.closed_at != 0 || b->released_at != 0)
		return rc < 0 ? rc : act_end(a);
	instant(a, end, b->booked_to);
	lt_fmt(detail, sizeof(detail), "B-%lld ends at %s: finish, or `labtime extend B-%lld` while the unit is free",
		(long long)b->id, end, (long long)b->id);
	booking_tell(a, b, "end_soon", detail);
	rc = next_of(a, b, 0, &next);
	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	lt_fmt(detail, sizeof(detail), "%s is in use before your booking, until %s as booked; a run is never cut", b->instrument,
		end);
	booking_tell(a, &next, "in_use_before", detail);
	return act_end(a);
}

int booking_overruns(struct act *a, const struct booking *b)
{
	struct booking next;
	char detail[200];
	int rc = next_of(a, b, a->now.wall_ms, &next);

	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	lt_fmt(detail, sizeof(detail), "%s is still in use past the booked end of those before you; check in at your start and "
		"your time moves by the delay", b->instrument);
	booking_tell(a, &next, "held_up", detail);
	return act_end(a);
}

int booking_overran(struct act *a, const struct booking *b, int64_t at, bool continues)
{
	char detail[200], late[40];
	struct booking next;
	int64_t by = (at - b->booked_to) / LT_SECOND * LT_SECOND;
	int rc;

	if (by <= 0)
		return 0;
	terms_duration_text(late, sizeof(late), by);
	lt_fmt(detail, sizeof(detail), "the use of %s ended %s after the booked end", b->instrument, late);
	booking_tell(a, b, "overrun_over", detail);
	rc = next_of(a, b, at, &next);
	/* who has checked in is told of the delay when their own session begins */
	if (rc != 0 || continues || next.waiting)
		return rc < 0 ? rc : act_end(a);
	lt_fmt(detail, sizeof(detail), "%s is free for you: the use before your booking ended %s after its booked end",
		b->instrument, late);
	booking_tell(a, &next, "unit_free", detail);
	return act_end(a);
}
