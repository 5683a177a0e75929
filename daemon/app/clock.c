/*
 * clock.c - what follows from a step of the wall clock (app/clock.h). Owns the tables clock and clock_step; a step is
 * one savepoint: its row, audit, event, outages, and the sessions and timers that it concerns. Fails with the store's
 * class, and is then noticed again at the next step of the ledger.
 */
#include "app/clock.h"

#include <string.h>

#include "app/metering.h"
#include "app/booking.h"
#include "app/session_step.h"
#include "app/timers.h"
#include "base/base.h"
#include "common/fmt.h"
#include "store/clock.h"
#include "store/meter.h"
#include "store/timer.h"
#include "store/usable.h"

bool clock_must_notice(const struct clock_view *v, const char *boot_id, struct stamp now)
{
	return !v->clock.boot_id[0] || clock_stepped(&v->clock, boot_id, now.boot_ms, now.wall_ms) != 0;
}

/* For auditors, the log and people: once a step. */
static void say(struct act *a, const struct clock *c, const struct clock_step *s)
{
	struct event_row e = { .kind = s->jump ? "clock_jumped" : s->step_ms > 0 ? "clock_forward" : "clock_back" };
	char by[40], after[64];

	e.facts.ms = s->step_ms > 0 ? s->step_ms : -s->step_ms;
	e.facts.from_at = s->wall_ms - s->step_ms;
	e.facts.to_at = s->wall_ms;
	if (clock_waits(c, s->boot_ms))
		e.facts.at = s->wall_ms + c->waits_until - s->boot_ms;
	act_event(a, &e);
	lt_fmt(by, sizeof(by), "%lld ms", (long long)s->step_ms);
	lt_fmt(after, sizeof(after), "CLOCK_STEP %s", by);
	act_audit(a, "clock_step", "clock", "", after, "");
	log_event(LOG_WARN, "the wall clock was set", "by", by, "jump", s->jump ? "yes" : "no", NULL);
}

/* What the lab did not live through is kept for people, on each instrument. */
static int lose(struct act *a, const struct clock_step *s)
{
	struct unusable_query lab = { .in = s->skipped };
	struct lost_labels lost;
	int rc = clock_lost_to(a, &lab, &lost);

	for (int k = 0; k < a->site->n_instruments && rc == 0; k++)
		for (int n = 0; n < lost.n && rc == 0 && store_unit_of(a->db, a->site->instruments[k].id); n++)
			rc = store_outage_add(a->db, act_id(a, "outage"), a->site->instruments[k].id, "clock", lost.of[n].from,
				lost.of[n].to);
	return rc;
}

static int64_t notice_ms(const struct policy *p)
{
	return p->grace_ms > CLOCK_NOTICE_MS ? p->grace_ms : CLOCK_NOTICE_MS;
}

/* Did the step jump over the end that the booking's session has, or over what it may go on for after it? */
static bool spares(const struct clock_presence *p, const struct clock_step *s, const struct booking *b,
	int64_t grace_ms)
{
	int64_t end = b->booked_to > s->skipped.from ? b->booked_to : s->skipped.from;

	return b->priced_to + grace_ms > s->skipped.from && clock_jump_over(p, end, 1) == s;
}

/* Where a jump took the booked end of a session, its user is told, overrun begins some time after the jump, and the
 * unit is held as it is past any other booked end. oldest: the first step of the presence that is asked for. */
static int spare_session(struct act *a, const struct session *s, const struct clock_presence *p, int oldest)
{
	struct event_row e = { .kind = "clock_end", .instrument = s->instrument, .org = s->org, .user = s->user,
		.booking = s->booking, .session = s->id };
	struct booking b;
	struct policy own;
	int k = p->n - 1, rc = s->booking ? booking_load(a, s->booking, &b) : 1;

	if (rc == 0)
		rc = terms_policy(a, b.instrument, b.policy_version, &own);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	while (k >= oldest && !spares(p, &p->steps[k], &b, own.grace_ms))
		k--;
	if (k < oldest)
		return 0;
	e.facts.from_at = b.booked_to;
	e.facts.at = p->steps[k].wall_ms + notice_ms(&own);
	act_event(a, &e);
	rc = booking_overrun_from(a, b.id, e.facts.at);
	if (rc == 0)
		rc = session_hold(a, s, a->now.wall_ms);
	return rc == 0 ? metering_arm(a, s->instrument) : rc;
}

static const struct interval any_time = { 0, INT64_MAX };

/* all: every step that the session was there for, or only the last of all. */
static int spare_unit(struct act *a, const char *instrument, bool all)
{
	static struct clock_presence p;
	struct session s;
	int rc = session_open_on(a, instrument, &s);

	if (rc == 0)
		rc = store_clock_of_session(a->db, s.id, a->now.wall_ms, any_time, &p);
	if (rc != 0 || p.n == 0)
		return rc < 0 ? rc : 0;
	return spare_session(a, &s, &p, all ? 0 : p.n - 1);
}

int clock_session_opened(struct act *a, const char *instrument)
{
	return spare_unit(a, instrument, true);
}

/* The clock is set back to before a booked end that it had jumped over: the end is still to come, and what ran since
 * the jump was no overrun. Labels stand still until the clock is where it was, and overrun begins no sooner. */
static int take_back_overrun(struct act *a, const char *instrument)
{
	static struct clock_presence p;
	struct session s;
	struct booking b;
	struct policy own;
	int64_t high = 0;
	int rc = session_open_on(a, instrument, &s);

	if (rc == 0)
		rc = s.booking ? booking_load(a, s.booking, &b) : 1;
	if (rc == 0)
		rc = terms_policy(a, b.instrument, b.policy_version, &own);
	if (rc == 0)
		rc = store_clock_of_session(a->db, s.id, a->now.wall_ms, any_time, &p);
	if (rc != 0 || p.n == 0 || a->now.wall_ms >= b.booked_to)
		return rc < 0 ? rc : 0;
	for (int k = 0; k < p.n; k++)
		if (p.steps[k].step_ms < 0 && p.steps[k].wall_ms - p.steps[k].step_ms > high)
			high = p.steps[k].wall_ms - p.steps[k].step_ms;
	p.n--; /* before this step */
	return clock_jump_over(&p, b.booked_to, 1) ? booking_overrun_from(a, b.id, high + own.grace_ms) : 0;
}

static int write_step(struct act *a, const struct clock *c, const struct clock_step *s)
{
	int rc = store_clock_step_add(a->db, act_id(a, "clock_step"), a->boot_id, s);

	if (rc == 0)
		rc = lose(a, s);
	if (rc == 0)
		rc = timers_shift(a, s->step_ms);
	for (int k = 0; k < a->site->n_instruments && rc == 0; k++) {
		if (s->jump)
			rc = spare_unit(a, a->site->instruments[k].id, false);
		else if (s->step_ms < 0 && store_unit_of(a->db, a->site->instruments[k].id)) {
			rc = take_back_overrun(a, a->site->instruments[k].id);
			if (rc == 0) /* edges that passed come again */
				rc = metering_arm(a, a->site->instruments[k].id);
		}
	}
	if (rc == 0)
		say(a, c, s);
	return rc;
}

int clock_notice(struct act *a, struct clock_view *v)
{
	struct clock_view next = *v;
	struct clock_step s;
	bool stepped;
	int64_t recent;
	int rc = next.clock.boot_id[0] ? 0 : store_clock_load(a->db, &next.clock);

	if (rc < 0)
		return rc;
	recent = store_clock_forward_ms(a->db, a->boot_id, a->now.boot_ms - CLOCK_SUM_MS);
	stepped = clock_look(&next.clock, a->boot_id, a->now.boot_ms, a->now.wall_ms, recent, &s);
	rc = store_clock_save(a->db, &next.clock);
	if (rc == 0 && stepped)
		rc = write_step(a, &next.clock, &s);
	if (rc == 0)
		rc = store_clock_recent(a->db, a->boot_id, next.recent, CLOCK_RECENT, &next.n);
	if (rc != 0)
		return rc;
	*v = next;
	return act_end(a);
}

int clock_accept(struct act *a, const char *reason)
{
	struct event_row e = { .kind = "clock_accepted" };
	struct facts none = { 0 };
	struct clock c;
	int rc = store_clock_load(a->db, &c);

	if (rc < 0)
		return rc;
	if (!clock_waits(&c, a->now.boot_ms))
		return act_refuse_facts(a, 409, "clock-steady", "", &none);
	c.waits_until = 0;
	act_event(a, &e);
	act_audit(a, "clock_accept", "clock", "", "", reason);
	rc = store_clock_save(a->db, &c);
	return rc != 0 ? rc : act_end(a);
}

int clock_report(struct act *a, struct clock_report *ret)
{
	struct clock c;
	int rc = store_clock_load(a->db, &c);

	memset(ret, 0, sizeof(*ret));
	if (rc < 0)
		return rc;
	ret->waits = rc == 0 && clock_waits(&c, a->now.boot_ms);
	if (ret->waits)
		ret->waits_until = a->now.wall_ms + c.waits_until - a->now.boot_ms;
	rc = store_clock_last_of_all(a->db, &ret->last);
	ret->has_step = rc == 0;
	return rc < 0 ? rc : act_end(a);
}

bool clock_is_unsteady(struct act *a)
{
	return store_clock_forward_ms(a->db, a->boot_id, a->now.boot_ms - CLOCK_SUM_MS) > CLOCK_JUMP_MS;
}
