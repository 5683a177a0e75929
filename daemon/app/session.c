/*
 * session.c - a session's life: begins, follows the run bit, closes, settles. The only writer of session states.
 * Owns nothing; statement errors are sticky in the store.
 */
#include <string.h>

#include "app/money.h"
#include "app/session_step.h"
#include "app/timers.h"
#include "common/fmt.h"
#include "core/use.h"

#define HOLD_AGAIN_MS LT_MINUTE

bool session_is_open(const struct session *s)
{
	return s->state <= SESSION_UNKNOWN;
}

int64_t session_over_at(const struct session *s)
{
	return s->last_run_end_at > s->closed_at ? s->last_run_end_at : s->closed_at;
}

int session_load(struct act *a, int64_t id, struct session *ret)
{
	return store_session_load(a->db, id, ret);
}

int session_of_booking(struct act *a, int64_t booking, struct session *ret)
{
	return store_session_of_booking(a->db, booking, ret);
}

int session_open_on(struct act *a, const char *instrument, struct session *ret)
{
	return store_session_open_on(a->db, instrument, ret);
}

int session_usage(struct act *a, int64_t session, struct usage *ret, int cap, int *ret_n)
{
	return store_usage_list(a->db, session, ret, cap, ret_n);
}

static void tell(struct act *a, const struct session *s, const char *kind, const char *cause)
{
	struct event_row e = { .kind = kind, .instrument = s->instrument, .org = s->org, .user = s->user,
		.booking = s->booking, .session = s->id, .facts = facts_why(cause) };

	act_event(a, &e);
}

int session_step(struct act *a, struct session *s, enum session_event event, const char *cause, const char *detail)
{
	enum session_state from = s->state;

	if (!session_next(from, event, &s->state))
		return DB_MISUSE;
	store_session_event(a->db, s->id, a->now.wall_ms, session_state_name(from), session_state_name(s->state), cause,
		detail);
	act_lease(a, s->instrument);
	return store_session_update(a->db, s);
}

int session_note(struct act *a, struct session *s, const char *cause, const char *detail)
{
	store_session_event(a->db, s->id, a->now.wall_ms, session_state_name(s->state), session_state_name(s->state), cause,
		detail);
	act_lease(a, s->instrument);
	return store_session_update(a->db, s);
}

/* End of the slot-grid cell that holds the instant; cells count from local midnight. */
static int64_t cell_end(struct act *a, const char *instrument, int64_t at)
{
	const struct instrument *i = site_instrument(a->site, instrument);
	struct policy p;
	int64_t version, midnight = lt_zone_midnight(&a->site->zone, lt_zone_day(&a->site->zone, at));
	int64_t grid = i ? i->policy.grid_ms : 15 * LT_MINUTE;

	if (terms_policy_at(a, instrument, at, &p, &version) == 0)
		grid = p.grid_ms;
	if (grid < LT_MINUTE)
		grid = LT_MINUTE;
	return midnight + ((at - midnight) / grid + 1) * grid;
}

/* What came after the hold is over and the run still goes on: a place of the session's own, from now. */
static int hold_again(struct act *a, const struct session *s, int64_t now, int64_t to, int64_t *ret_until)
{
	int rc = occupancy_add(a, s->instrument, "session", s->id, now, now + 1);

	return rc == 0 ? occupancy_grow(a, "session", s->id, to, ret_until) : rc;
}

int session_hold(struct act *a, const struct session *s, int64_t now)
{
	int64_t to = cell_end(a, s->instrument, now), until = 0;
	int rc;

	if (s->kind == SESSION_BOOKED && s->booking)
		rc = booking_hold(a, s->booking, to, &until);
	else
		rc = occupancy_grow(a, "session", s->id, to, &until);
	if (rc >= 0 && until <= now && s->state != SESSION_IDLE)
		rc = hold_again(a, s, now, to, &until);
	if (rc < 0)
		return rc;
	/* another's time now: asked again, for it may go away */
	act_timer(a, "hold", s->id, until > now ? until : now + HOLD_AGAIN_MS);
	return act_end(a);
}

/* The unit is taken from when the session began; where a booking already holds it there is nothing to add. */
static int take_place(struct act *a, const struct session *s)
{
	int64_t now = s->opened_at > a->now.wall_ms ? s->opened_at : a->now.wall_ms, to = cell_end(a, s->instrument, now),
		until;
	struct booking next;
	int rc;

	if (s->kind == SESSION_BOOKED)
		return 0; /* its booking holds the unit, from an early start on (booking_used) */
	rc = booking_after(a, s->instrument, s->opened_at, &next);
	if (rc < 0)
		return rc;
	until = rc == 0 && next.booked_from < to ? next.booked_from : to;
	if (until <= s->opened_at)
		return 0;
	rc = occupancy_add(a, s->instrument, "session", s->id, s->opened_at, until);
	if (rc == 0)
		act_timer(a, "hold", s->id, until);
	return rc < 0 ? rc : act_end(a);
}

/* An open session is unknown when no reading comes for so long. */
static void watch(struct act *a, const char *instrument)
{
	const struct instrument *i = site_instrument(a->site, instrument);

	if (i)
		act_timer(a, "gap", store_unit_of(a->db, instrument), a->now.wall_ms + metering_gap_limit(a, i));
}

int session_begin(struct act *a, struct session *s)
{
	const struct instrument *i = site_instrument(a->site, s->instrument);
	static const char *const told[SESSION_KINDS] = { "session_opened", "session_unattributed", "session_internal" };
	int rc;

	s->id = act_id(a, "session");
	s->state = SESSION_OPEN;
	s->outcome = OUTCOME_NONE;
	s->version = 1;
	rc = store_session_insert(a->db, s);
	if (rc != 0)
		return rc;
	store_session_event(a->db, s->id, a->now.wall_ms, "", session_state_name(s->state), s->opened_cause, "");
	rc = take_place(a, s);
	if (rc == 0 && i)
		rc = metering_session_starts(a, i);
	if (rc != 0)
		return rc;
	tell(a, s, s->presumed ? "session_presumed" : told[s->kind], s->opened_cause);
	watch(a, s->instrument);
	act_lease(a, s->instrument);
	return act_end(a);
}

int session_record(struct act *a, struct session *s, const char *detail)
{
	int rc;

	s->id = act_id(a, "session");
	s->state = SESSION_CLOSED;
	s->outcome = s->kind == SESSION_INTERNAL ? OUTCOME_INTERNAL : OUTCOME_UNATTRIBUTED;
	s->version = 1;
	rc = store_session_insert(a->db, s);
	store_session_event(a->db, s->id, a->now.wall_ms, "", session_state_name(s->state), s->opened_cause, detail);
	return rc;
}

int session_piece(struct act *a, struct session *s, const char *instrument, const struct attr_piece *p,
	const char *reason, bool open,
		  const struct meter_verdict *v)
{
	struct usage u = { .id = act_id(a, "usage"), .session = s ? s->id : 0, .from_at = p->from, .to_at = p->to,
		.measured_ms = p->measured_ms, .placed = p->placed, .open = open, .raw_from = (int64_t)v->raw_from,
		.raw_to = (int64_t)v->raw, .fault = v->was_faulty && (!v->gap || v->faulty) && p->measured_ms > 0 };

	lt_fmt(u.instrument, sizeof(u.instrument), "%s", instrument);
	lt_fmt(u.reason, sizeof(u.reason), "%s", reason);
	if (v->fresh_held_ms > 0) {
		u.held_ms = u.measured_ms;
		u.measured_ms = 0;
	} else if (s) {
		s->measured_ms += p->measured_ms;
	}
	return store_usage_insert(a->db, &u);
}

static enum session_outcome outcome_at_close(struct act *a, const struct session *s, bool in_gap)
{
	if (s->kind == SESSION_INTERNAL)
		return OUTCOME_INTERNAL;
	if (store_review_pending(a->db, s->id))
		return OUTCOME_REVIEW;
	if (s->kind == SESSION_UNATTRIBUTED)
		return OUTCOME_UNATTRIBUTED;
	return in_gap ? OUTCOME_OPEN_GAP : OUTCOME_SETTLING;
}

static int close_run(struct act *a, const struct session *s)
{
	struct usage u;
	int rc = store_usage_open(a->db, s->instrument, &u);

	if (rc != 0 || u.session != s->id)
		return rc < 0 ? rc : 0;
	u.open = false;
	return store_usage_update(a->db, &u);
}

int session_end(struct act *a, struct session *s, int64_t at, const char *cause, bool read)
{
	bool in_gap = s->state == SESSION_UNKNOWN, sure;
	int64_t now = a->now.wall_ms;
	int rc;

	if (at > now) /* a label from before the clock was set back */
		at = now;
	s->closed_at = at > s->opened_at ? at : s->opened_at;
	s->end_reading = read;
	sure = read && !metering_holds(a, s->instrument, s->closed_at);
	rc = witness_compare(a, s, sure);
	if (rc != 0)
		return rc;
	s->outcome = outcome_at_close(a, s, in_gap || !read);
	lt_fmt(s->close_cause, sizeof(s->close_cause), "%s", cause);
	rc = close_run(a, s);
	if (rc == 0)
		rc = session_step(a, s, SESSION_CLOSE, cause, "");
	if (rc == 0)
		rc = occupancy_end(a, "session", s->id);
	if (rc < 0)
		return rc;
	act_timer_clear(a, "hold", s->id);
	act_timer_clear(a, "session_end", s->id);
	tell(a, s, "session_closed", cause);
	if (s->kind == SESSION_BOOKED && s->booking)
		rc = booking_closed(a, s->booking, s->closed_at < now ? s->closed_at : now, sure, cause);
	if (rc == 0)
		rc = money_settle(a, s->id);
	if (rc == 0)
		rc = session_load(a, s->id, s);
	/* what is nobody's holds the unit while it runs */
	if (rc == 0)
		rc = booking_freed(a, s->instrument, s->booking, s->kind != SESSION_BOOKED ? s->last_run_end_at
			: now);
	if (rc == 0)
		rc = session_next_waiting(a, s->instrument, now);
	if (rc >= 0)
		rc = metering_lock_watch(a, s->instrument);
	return rc < 0 ? rc : act_end(a);
}

int session_past_end(struct act *a, struct session *s, const struct booking *b, int64_t at, const char *cause)
{
	if (session_used(s) || !booking_is_live(b->state))
		return session_end(a, s, at, cause, true);
	act_timer(a, "booking_end", b->id, b->booked_to);
	return act_end(a);
}

/* ---- following the run bit ---- */

static int run_began(struct act *a, struct session *s, int64_t from, int64_t at)
{
	if (!s->first_run_at)
		s->first_run_at = from;
	act_timer_clear(a, "session_end", s->id);
	return s->booking ? booking_ran(a, s->booking, at) : 0;
}

/* A run that begins when the hold of its booking is over (a block cut it) takes the unit again. */
static int hold_run(struct act *a, const struct session *s, int64_t at)
{
	struct booking b;
	int rc = s->booking ? booking_load(a, s->booking, &b) : 1;

	return rc == 0 && at >= b.held_to ? session_hold(a, s, at) : rc < 0 ? rc : 0;
}

/* No run is on: does the session end with this reading? */
static int quiet(struct act *a, struct session *s, int64_t at)
{
	struct booking b;
	int64_t end = s->last_run_end_at;
	int rc;

	if (s->checkout_wish_at)
		return session_end(a, s, end > s->checkout_wish_at ? end : s->checkout_wish_at, "user", true);
	if (s->kind != SESSION_BOOKED) {
		int64_t from = end ? end : at;

		act_timer(a, "session_end", s->id, (from < a->now.wall_ms ? from : a->now.wall_ms) + QUIET_MS);
		return act_end(a);
	}
	rc = booking_load(a, s->booking, &b);
	/* the reading's label may stand still ahead of a clock that was set back */
	if (rc == 0 && at >= b.booked_to && a->now.wall_ms >= b.booked_to)
		return session_past_end(a, s, &b, end > b.booked_to ? end : b.booked_to, "meter");
	return rc < 0 ? rc : act_end(a);
}

int session_follow(struct act *a, struct session *s, bool running, int64_t run_from, int64_t run_to, int64_t at)
{
	bool was_unknown = s->state == SESSION_UNKNOWN, was_on = s->state == SESSION_RUNNING;
	int rc = 0;

	if (was_unknown) {
		s->unknown_since = 0;
		watch(a, s->instrument); /* for the next gap */
	}
	if (running && !was_on) {
		rc = run_began(a, s, run_from, at);
		if (rc == 0)
			rc = session_step(a, s, was_unknown ? SESSION_FOUND_ON : SESSION_RUN_ON, "meter", "");
		if (rc == 0)
			rc = hold_run(a, s, at);
	} else if (!running && (was_on || was_unknown)) {
		if (s->first_run_at && run_to > s->last_run_end_at)
			s->last_run_end_at = run_to;
		rc = session_step(a, s, was_unknown ? SESSION_FOUND_OFF : SESSION_RUN_OFF, "meter", "");
	}
	if (rc == 0 && !running && (was_on || was_unknown || s->checkout_wish_at))
		rc = quiet(a, s, at);
	return rc < 0 ? rc : act_end(a);
}

/* ---- after the close ---- */

int session_settled(struct act *a, int64_t session, enum session_outcome outcome)
{
	struct session s;
	enum session_state next;
	int rc = session_load(a, session, &s);

	if (rc != 0)
		return rc < 0 ? rc : DB_MISUSE;
	if (s.outcome == outcome)
		return act_end(a);
	s.outcome = outcome;
	if (outcome == OUTCOME_CHARGED && session_next(s.state, SESSION_CHARGE, &next))
		rc = session_step(a, &s, SESSION_CHARGE, "timer", session_outcome_name(outcome));
	else
		rc = session_note(a, &s, a->who.user[0] ? "manager" : "timer", session_outcome_name(outcome));
	return rc != 0 ? rc : act_end(a);
}
