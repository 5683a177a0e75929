/*
 * metering_timers.c - what metering does at an instant: forces polls at the edges of bookings, gives a session up for
 * lost when readings stay away, closes, holds the unit, reads a doubtful value again. Owns nothing.
 *
 *   edge (ref: unit)         a booking begins or ends: parks for a forced poll, then cuts or closes
 *   gap (unit)               no reading for gap_s: the open session is unknown
 *   session_end (session)    unknown: booked end + g; of nobody: quiet, or unknown, for some minutes
 *   hold (session)           the cell that the unit was held for is over and the session goes on
 *   reread (unit)            a suspect value is read again
 */
#include <string.h>

#include "app/clock.h"
#include "app/review.h"
#include "app/session_step.h"
#include "app/timers.h"
#include "common/fmt.h"
#include "store/timer.h"

static const struct instrument *of_unit(struct act *a, int64_t unit)
{
	char id[LT_ID];

	return store_unit_name(a->db, unit, id) ? site_instrument(a->site, id) : NULL;
}

static void sooner(int64_t *best, int64_t at, int64_t now)
{
	if (at > now && at < *best)
		*best = at;
}

/* The end that a session in use is told of: where the booked end lay inside a jump of the clock, some time after it. */
static int64_t told_end(struct act *a, const struct session *s, const struct booking *b)
{
	return clock_not_inside(a, s->id, b->booked_to, CLOCK_NOTICE_MS);
}

int metering_arm(struct act *a, const char *instrument)
{
	int64_t unit = store_unit_of(a->db, instrument), now = a->now.wall_ms, next = INT64_MAX, armed;
	struct booking b;
	struct session s;
	int rc = booking_at(a, instrument, now, &b);

	if (rc == 0)
		sooner(&next, b.booked_to, now);
	if (rc >= 0)
		rc = booking_after(a, instrument, now + 1, &b);
	if (rc == 0) {
		sooner(&next, b.booked_from, now);
		sooner(&next, b.booked_to, now);
	}
	if (rc >= 0)
		rc = session_open_on(a, instrument, &s);
	if (rc == 0 && s.booking && booking_load(a, s.booking, &b) == 0) {
		sooner(&next, b.booked_to, now);
		sooner(&next, told_end(a, &s, &b), now);
	}
	if (rc < 0)
		return rc;
	armed = store_timer_due(a->db, "edge", unit);
	if (next != INT64_MAX && next != armed && (armed > now || armed == INT64_MAX))
		act_timer(a, "edge", unit, next);
	return act_end(a);
}

int metering_lost_review(struct act *a, const struct session *s, int64_t from, int64_t to, int64_t measured_ms)
{
	struct booking b;
	int64_t gap = to - from, limit = LOST_MS, rest = 0, length;
	struct review_facts facts = { .from_at = from, .to_at = to };
	char detail[160];
	int rc;

	if (s->booking && booking_load(a, s->booking, &b) == 0) {
		length = (to > b.booked_to ? to : b.booked_to) - s->opened_at;
		if (length / 20 < limit)
			limit = length / 20;
		rest = b.booked_to - (from > b.since ? from : b.since);
	}
	if (gap <= limit || s->kind == SESSION_INTERNAL)
		return act_end(a);
	lt_fmt(detail, sizeof(detail), "no reading for %lld s while a run was on at an edge; %lld s of it are measured",
	       (long long)(gap / 1000), (long long)(measured_ms / 1000));
	facts.rest_ms = rest;
	facts.bound_ms = (rest < gap ? rest : gap) - measured_ms;
	if (facts.bound_ms < 0)
		facts.bound_ms = 0;
	rc = review_open_with(a, "meter_lost", s->instrument, s->id, s->org, detail, &facts);
	return rc == REVIEW_KNOWN ? 0 : rc;
}

/* Booked end + g; a session that was lost after its end has g from then on: a hiccup in an overrun closes nothing. */
static int64_t given_up_at(const struct session *s, const struct booking *b, const struct policy *p)
{
	return (s->unknown_since > b->booked_to ? s->unknown_since : b->booked_to) + p->grace_ms;
}

int session_given_up(struct act *a, const struct session *s, int64_t *ret)
{
	struct booking b;
	struct policy p;
	int rc;

	*ret = s->unknown_since + QUIET_MS;
	if (s->kind != SESSION_BOOKED)
		return 0;
	rc = booking_load(a, s->booking, &b);
	if (rc == 0)
		rc = terms_policy(a, s->instrument, b.policy_version, &p);
	if (rc == 0)
		*ret = clock_not_inside(a, s->id, given_up_at(s, &b, &p), CLOCK_NOTICE_MS);
	return rc;
}

int metering_lost(struct act *a, struct session *s, int64_t since)
{
	int64_t end;
	int rc;

	if (s->state == SESSION_UNKNOWN)
		return 0;
	if (since > a->now.wall_ms) /* a label that stands ahead of a clock that was set back */
		since = a->now.wall_ms;
	s->unknown_since = since > s->opened_at ? since : s->opened_at;
	rc = session_step(a, s, SESSION_LOST, "timer", "no reading");
	if (rc == 0)
		rc = session_given_up(a, s, &end);
	if (rc == 0)
		act_timer(a, "session_end", s->id, end);
	return rc < 0 ? rc : act_end(a);
}

/* Hands an open run over at `at` to the same org's following booking. */
static int session_continue(struct act *a, struct session *s, const struct booking *next, int64_t at)
{
	struct attr_piece open = { 0, at, at, 0, true };
	struct meter_verdict v = { 0 };
	bool seen = !act_blind(a, s->instrument);
	struct event_row e = { .kind = "booking.run_continues", .instrument = next->instrument, .org = next->org,
		.user = next->user, .booking = next->id, .facts.at = at };
	struct session n;
	struct usage u;
	int rc = store_usage_open(a->db, s->instrument, &u);

	if (rc < 0)
		return rc;
	if (rc == 0 && u.to_at > at && u.to_at <= a->now.wall_ms)
		at = u.to_at;
	open.from = open.to = at;
	v.raw_from = v.raw = rc == 0 ? (uint64_t)u.raw_to : 0;
	s->last_run_end_at = at;
	rc = session_end(a, s, at, "run_continues", seen);
	if (rc == 0)
		rc = session_open_on(a, s->instrument, &n);
	if (rc == 1)
		rc = session_open_booked(a, next, at, "run_continues", false, 0, &n);
	if (rc == 0)
		act_event(a, &e);
	if (!seen) /* the next good reading parts at the cut what it adds */
		return rc;
	if (rc == 0)
		rc = session_piece(a, &n, n.instrument, &open, "run", true, &v);
	if (rc == 0)
		rc = session_follow(a, &n, true, at, at, at);
	return rc;
}

/* The open session at the booked end of its booking. */
static int at_booked_end(struct act *a, const struct instrument *i, struct session *s, const struct booking *b,
	bool blind)
{
	struct event_row e = { .kind = "overrun", .instrument = i->id, .org = s->org, .user = s->user,
		.booking = b->id, .session = s->id,
		.detail = "the run goes on past the booked end" };
	struct meter m;

	if (s->state == SESSION_RUNNING && !blind) {
		int rc = booking_overruns(a, b);

		if (b->held_to <= b->booked_to) /* else it was told: the clock was set back and this end comes twice */
			act_event(a, &e);
		act_lease(a, i->id);
		return rc != 0 ? rc : session_hold(a, s, a->now.wall_ms);
	}
	if (!blind)
		return session_past_end(a, s, b, b->booked_to, "timer");
	if (store_meter_load(a->db, i->id, &m) == 0 && s->state != SESSION_UNKNOWN) {
		int rc = metering_lost(a, s, m.wall_ms);
		return rc != 0 ? rc : session_hold(a, s, a->now.wall_ms);
	}
	if (s->state != SESSION_UNKNOWN)
		return metering_lost(a, s, s->opened_at);
	return session_hold(a, s, a->now.wall_ms);
}

/* Nobody's run is on at the start of a booking: its owner is told. */
static int starts_under_a_run(struct act *a, const struct session *s, int64_t due)
{
	struct booking b;
	int rc = s->kind == SESSION_UNATTRIBUTED && s->state == SESSION_RUNNING ? booking_at(a, s->instrument, due, &b) : 1;

	if (rc == 0 && b.booked_from == due)
		session_tell_owner(a, &b, s->first_run_at);
	return rc < 0 ? rc : 0;
}

static int edge(struct act *a, const struct instrument *i, int64_t due)
{
	bool blind = act_blind(a, i->id), seen;
	struct booking b, next;
	struct session s;
	int rc = session_open_on(a, i->id, &s);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (s.kind != SESSION_BOOKED)
		return starts_under_a_run(a, &s, due);
	rc = booking_load(a, s.booking, &b);
	if (rc != 0 || due < b.booked_to)
		return rc < 0 ? rc : 0;
	rc = booking_at(a, i->id, due, &next);
	if (rc == 1 || (rc == 0 && next.id == b.id))
		rc = booking_after(a, i->id, due, &next);
	if (rc < 0)
		return rc;
	/* a value that is doubted says nothing against the run: the next good reading parts it */
	seen = s.state == SESSION_RUNNING && (!blind || a->polled);
	if (rc == 0 && next.id != b.id && next.booked_from <= due && strcmp(next.org, s.org) == 0 && seen)
		return session_continue(a, &s, &next, due);
	if (rc == 0 && next.id != b.id && next.booked_from == due && due > b.booked_to && seen)
		return booking_overruns(a, &b);
	if (a->now.wall_ms < told_end(a, &s, &b))
		return session_hold(a, &s, a->now.wall_ms);
	return due == b.booked_to || due == told_end(a, &s, &b) || s.state != SESSION_RUNNING
		? at_booked_end(a, i, &s, &b, blind && !seen) : 0;
}

static int fire_edge(struct act *a, int64_t ref, int64_t due_at)
{
	const struct instrument *i = of_unit(a, ref);
	int rc;

	if (!i)
		return act_end(a);
	rc = act_park(a, i->id);
	if (rc == 0)
		rc = edge(a, i, due_at);
	if (rc == 0)
		rc = metering_arm(a, i->id);
	act_lease(a, i->id);
	return rc != 0 ? rc : act_end(a);
}

static int fire_gap(struct act *a, int64_t ref, int64_t due_at)
{
	const struct instrument *i = of_unit(a, ref);
	struct session s;
	struct meter m;
	int64_t silent, limit;
	int rc;

	if (!i || i->meter.kind == METER_NONE)
		return act_end(a);
	rc = session_open_on(a, i->id, &s);
	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	rc = store_meter_load(a->db, i->id, &m);
	if (rc < 0)
		return rc;
	silent = a->now.wall_ms - s.opened_at;
	if (rc == 0 && (silent < 0 || metering_silent_ms(a, &m, false) < silent))
		silent = metering_silent_ms(a, &m, false);
	limit = metering_gap_limit(a, i);
	if (silent < limit) {
		act_timer(a, "gap", ref, a->now.wall_ms + limit - silent);
		return act_end(a);
	}
	rc = metering_lost(a, &s, rc == 0 ? m.wall_ms : s.opened_at);
	return rc != 0 ? rc : act_end(a);
}

static int end_unknown(struct act *a, struct session *s, int64_t due_at)
{
	struct meter m;
	int64_t last = s->unknown_since, end;
	int rc = session_given_up(a, s, &end);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (due_at < end) {
		act_timer(a, "session_end", s->id, end);
		return act_end(a);
	}
	if (store_meter_load(a->db, s->instrument, &m) == 0) {
		last = m.wall_ms < due_at ? m.wall_ms : due_at;
		if (m.running)
			s->last_run_end_at = last;
		rc = m.running ? metering_lost_review(a, s, last, due_at, 0) : 0;
	}
	s->gap_ms += due_at - (last > s->opened_at ? last : s->opened_at);
	return rc != 0 ? rc : session_end(a, s, last, "timer", false);
}

static int fire_session_end(struct act *a, int64_t ref, int64_t due_at)
{
	struct session s;
	int64_t end;
	int rc = session_load(a, ref, &s);

	if (rc != 0 || !session_is_open(&s))
		return rc < 0 ? rc : act_end(a);
	if (s.state == SESSION_UNKNOWN)
		return end_unknown(a, &s, due_at);
	if (s.kind == SESSION_BOOKED || s.state == SESSION_RUNNING)
		return act_end(a);
	end = s.last_run_end_at ? s.last_run_end_at : s.opened_at;
	/* a label ahead of now was given before the clock was set back; the quiet was counted from then */
	if (due_at >= end + QUIET_MS || end > a->now.wall_ms)
		return session_end(a, &s, end, "timer", true);
	act_timer(a, "session_end", ref, end + QUIET_MS);
	return act_end(a);
}

static int fire_hold(struct act *a, int64_t ref, int64_t due_at)
{
	struct session s;
	int rc = session_load(a, ref, &s);

	if (rc != 0 || !session_is_open(&s))
		return rc < 0 ? rc : act_end(a);
	/* nobody's time that nobody sees holds nothing */
	if (s.kind != SESSION_BOOKED && s.state == SESSION_UNKNOWN)
		return act_end(a);
	return session_hold(a, &s, a->now.wall_ms);
}

static int fire_reread(struct act *a, int64_t ref, int64_t due_at)
{
	const struct instrument *i = of_unit(a, ref);

	if (i)
		act_poll(a, i->id);
	return act_end(a);
}

const struct timer_kind metering_timers[] = {
	{ "edge", fire_edge, 0 },
	{ "gap", fire_gap, TIMER_LASTS },
	{ "session_end", fire_session_end, 0 },
	{ "hold", fire_hold, 0 },
	{ "reread", fire_reread, TIMER_LASTS },
	{ "locked", metering_lock_stuck, 0 },
	{ "objection", review_objection_over, TIMER_TAKES },
	{ NULL, NULL, 0 },
};
