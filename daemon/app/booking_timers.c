/*
 * booking_timers.c - R25 and the ends of bookings, decided from stored state at the timer's due time, so that the
 * answer is the same after any downtime. A timer that finds its booking changed does nothing or arms itself again.
 */
#include "app/booking_step.h"
#include "app/clock.h"
#include "app/metering.h"
#include "app/timers.h"
#include "store/booking.h"

#define ASK_AGAIN LT_MINUTE

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* 0 and *ret when the booking is still live; 1 when there is nothing to decide any more. */
static int still_live(struct act *a, int64_t id, struct booking *ret, struct policy *ret_policy)
{
	int rc = booking_load(a, id, ret);

	if (rc != 0)
		return rc;
	if (!booking_is_live(ret->state))
		return 1;
	return terms_policy(a, ret->instrument, ret->policy_version, ret_policy);
}

/* Arms again when the decision must wait; at the booked end the other timer decides. */
static int ask_later(struct act *a, const struct booking *b, int64_t in_ms)
{
	int64_t at = a->now.wall_ms + in_ms;

	if (at < b->booked_to)
		act_timer(a, "booking_no_show", b->id, at);
	return act_end(a);
}

/* So many usable ms are missing. They do not pass while the unit cannot be used, however few they are. */
static int ask_when_usable(struct act *a, const struct booking *b, int64_t missing_ms)
{
	int64_t now = a->now.wall_ms, lately;
	int rc = metering_usable_ms(a, b->instrument, b->id, (struct interval){ now - LT_SECOND, now }, &lately);

	if (rc != 0)
		return rc;
	return ask_later(a, b, lately < LT_SECOND && missing_ms < ASK_AGAIN ? ASK_AGAIN : missing_ms);
}

/* Nobody knows whether a run is on: the session ends with the next reading, and is judged by it. */
static int end_when_read(struct act *a, const struct booking *b)
{
	bool closed;

	return metering_checkout(a, b, &closed);
}

static int fire_no_show(struct act *a, int64_t ref, int64_t due_at)
{
	struct use_facts f = { .at = a->now.wall_ms };
	enum use_verdict v;
	struct booking b;
	struct policy p;
	int rc = still_live(a, ref, &b, &p);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (b.waiting)
		return ask_later(a, &b, ASK_AGAIN);
	rc = act_park(a, b.instrument);
	if (rc == 0)
		rc = still_live(a, ref, &b, &p);
	if (rc != 0)
		return rc == 1 ? 0 : rc;
	rc = metering_in_gap(a, b.instrument, a->now.wall_ms, &f.silent);
	if (rc == 0)
		rc = booking_judge(a, &b, &p, &f, &v);
	if (rc != 0)
		return rc;
	if (v == USE_WAITS)
		return f.silent ? ask_later(a, &b, ASK_AGAIN) : ask_when_usable(a, &b, f.wait_ms - f.usable_ms);
	if (v != USE_USED && b.state == BOOKING_ACTIVE && (f.silent || act_blind(a, b.instrument)))
		return end_when_read(a, &b);
	return booking_unused(a, &b, v, &f, a->now.wall_ms);
}

#define WARN_BEFORE (10 * LT_MINUTE)

/* So long nothing has run and nobody has said that they go on. By BOOTTIME: the wall clock may have been set
 * meanwhile. */
static int64_t idle_ms(struct act *a, const struct booking *b, const struct session *s)
{
	int64_t run = clock_passed(a, s->id, s->last_run_end_at), said = clock_passed(a, s->id, b->checkin_at),
		since = clock_passed(a, s->id, b->since);

	return sooner(run, sooner(said, since));
}

/* R26: an idle session's rest is released after I, ten minutes after its user was warned; `start` and any run reset
 * it. */
static int fire_idle(struct act *a, int64_t ref, int64_t due_at)
{
	int64_t now = a->now.wall_ms, release;
	struct booking b;
	struct policy p;
	struct session s;
	int rc = still_live(a, ref, &b, &p);

	if (rc == 0)
		rc = act_park(a, b.instrument);
	if (rc == 0)
		rc = still_live(a, ref, &b, &p);
	if (rc == 0)
		rc = session_of_booking(a, ref, &s);
	if (rc != 0 || p.idle_release_ms == 0 || b.state != BOOKING_ACTIVE || b.released_at != 0)
		return rc == 1 ? 0 : rc;
	release = now + p.idle_release_ms - idle_ms(a, &b, &s);
	if (s.state != SESSION_IDLE) {
		act_timer(a, "booking_idle", ref, now + p.idle_release_ms);
	} else if (act_blind(a, b.instrument)) { /* a run may be on by now; a silence makes the session unknown */
		act_timer(a, "booking_idle", ref, now + ASK_AGAIN);
	} else if (now >= release) {
		return booking_let_go(a, &b, &p, now);
	} else if (now < release - WARN_BEFORE) {
		act_timer(a, "booking_idle", ref, release - WARN_BEFORE);
	} else {
		booking_tell(a, &b, "idle_release_soon", &(struct facts){ .ms = WARN_BEFORE });
		act_timer(a, "booking_idle", ref, release > now + WARN_BEFORE ? release : now + WARN_BEFORE);
	}
	return act_end(a);
}

/* R28: some minutes before the end of what is in use. */
static int fire_warn(struct act *a, int64_t ref, int64_t due_at)
{
	struct booking b;
	struct policy p;
	int rc = still_live(a, ref, &b, &p);

	if (rc != 0 || b.state != BOOKING_ACTIVE || a->now.wall_ms >= b.booked_to)
		return rc < 0 ? rc : act_end(a);
	return booking_warn(a, &b);
}

/* A booking that nobody used by its end. */
static int end_without_use(struct act *a, struct booking *b, const struct policy *p)
{
	struct use_facts f = { .at = b->booked_to };
	enum use_verdict v;
	int rc;

	if (b->state == BOOKING_PENDING)
		return booking_lapse(a, b, b->booked_to, "not_approved");
	if (b->waiting)
		return booking_lapse(a, b, b->booked_to, "held_up");
	rc = booking_judge(a, b, p, &f, &v);
	return rc != 0 ? rc : booking_unused(a, b, v, &f, b->booked_to);
}

/* Nobody saw what a session without use does that cannot be read: asked again, unless metering gives it up before. */
static int end_session_without_use(struct act *a, const struct booking *b)
{
	bool unread;
	int rc = metering_end_unused(a, b, &unread);

	if (rc == 0 && unread)
		act_timer(a, "booking_end", b->id, a->now.wall_ms + ASK_AGAIN);
	return rc;
}

static int fire_end(struct act *a, int64_t ref, int64_t due_at)
{
	struct booking b;
	struct policy p;
	struct session s;
	int rc = still_live(a, ref, &b, &p);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (due_at < b.booked_to) {
		act_timer(a, "booking_end", ref, b.booked_to);
		return act_end(a);
	}
	/* A used session ends by metering's edge at the same instant, or goes on; this is for what nobody used. */
	rc = session_of_booking(a, ref, &s);
	if (rc < 0 || (rc == 0 && session_used(&s)))
		return rc < 0 ? rc : act_end(a);
	rc = act_park(a, b.instrument);
	if (rc != 0)
		return rc;
	rc = still_live(a, ref, &b, &p);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = session_of_booking(a, ref, &s);
	if (rc == 1)
		rc = end_without_use(a, &b, &p);
	else if (rc == 0)
		rc = end_session_without_use(a, &b);
	return rc != 0 ? rc : act_end(a);
}

const struct timer_kind booking_timers[] = {
	{ "booking_no_show", fire_no_show, TIMER_TAKES },
	{ "booking_end", fire_end, TIMER_TAKES },
	{ "booking_idle", fire_idle, TIMER_TAKES | TIMER_LASTS },
	{ "booking_warn", fire_warn, 0 },
	{ "late_cancel", booking_late_cancel_due, TIMER_TAKES },
	{ "given_up", booking_given_up_due, TIMER_TAKES },
	{ "first_refusal", first_refusal_over, TIMER_TAKES },
	{ NULL, NULL, 0 },
};
