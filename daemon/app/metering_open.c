/*
 * metering_open.c - whose session a run or a check-in opens, and what a check-out closes (METERING.md, Sessions).
 * Owns nothing.
 */
#include <string.h>

#include "app/session_step.h"
#include "common/fmt.h"
#include "store/block.h"

#define JOIN_BATCH 16

/* The booking in which a run that begins at `from` lies, or that begins within its E. ret->id 0: none. */
static int booking_for_run(struct act *a, const struct instrument *i, int64_t from, struct booking *ret)
{
	struct policy p;
	int rc = booking_at(a, i->id, from, ret);

	if (rc <= 0)
		return rc;
	rc = booking_after(a, i->id, from, ret);
	if (rc == 0)
		rc = terms_policy(a, i->id, ret->policy_version, &p);
	if (rc == 0 && ret->booked_from - from <= p.early_ms)
		return 0;
	memset(ret, 0, sizeof(*ret));
	return rc < 0 ? rc : 0;
}

/* May a run without a check-in be somebody else's than the booking's? */
static int may_be_foreign(struct act *a, const struct instrument *i, const struct booking *b, int64_t from, bool *ret)
{
	struct session last;
	int64_t since, ended;
	int rc;

	*ret = i->interlock.mode != INTERLOCK_NONE && store_lock_get(a->db, i->id, &since) == LT_LOCK_LOCKED &&
		since <= from;
	if (*ret || db_failed(a->db))
		return db_failed(a->db);
	rc = store_session_last_closed(a->db, i->id, a->now.wall_ms, &last);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	ended = last.last_run_end_at > last.closed_at ? last.last_run_end_at : last.closed_at;
	*ret = last.org[0] && strcmp(last.org, b->org) != 0 && from - ended < BYPASS_MS;
	return 0;
}

int session_kind_at(struct act *a, const struct instrument *i, int64_t from, enum session_kind *ret, bool *ret_bypassed,
		    struct booking *ret_booking)
{
	int rc;

	memset(ret_booking, 0, sizeof(*ret_booking));
	*ret_bypassed = false;
	*ret = SESSION_INTERNAL;
	if (store_block_at(a->db, i->id, from))
		return act_end(a);
	*ret = SESSION_UNATTRIBUTED;
	rc = booking_for_run(a, i, from, ret_booking);
	if (rc != 0 || !ret_booking->id)
		return rc < 0 ? rc : 0;
	if (!ret_booking->checkin_at || ret_booking->waiting) {
		rc = may_be_foreign(a, i, ret_booking, from, ret_bypassed);
		if (rc != 0)
			return rc;
	}
	if (!*ret_bypassed)
		*ret = SESSION_BOOKED;
	return 0;
}

int session_open_booked(struct act *a, const struct booking *b, int64_t at, const char *cause, bool presumed,
	int64_t checkin_at,
			struct session *ret)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->kind = SESSION_BOOKED;
	ret->booking = b->id;
	ret->presumed = presumed;
	ret->opened_at = at;
	ret->checkin_at = checkin_at;
	lt_fmt(ret->instrument, sizeof(ret->instrument), "%s", b->instrument);
	lt_fmt(ret->org, sizeof(ret->org), "%s", b->org);
	lt_fmt(ret->user, sizeof(ret->user), "%s", b->user);
	lt_fmt(ret->opened_cause, sizeof(ret->opened_cause), "%s", cause);
	rc = session_begin(a, ret);
	return rc != 0 ? rc : booking_used(a, b->id, checkin_at > at ? checkin_at : at, cause);
}

int session_open_by_run(struct act *a, const struct instrument *i, int64_t from, int64_t at, struct session *ret)
{
	enum session_kind kind;
	struct booking b;
	bool bypassed;
	int rc = session_kind_at(a, i, from, &kind, &bypassed, &b);

	if (rc != 0)
		return rc;
	if (kind == SESSION_BOOKED)
		return session_open_booked(a, &b, from, "meter", b.checkin_at == 0, b.checkin_at, ret);
	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	ret->bypassed = bypassed;
	ret->opened_at = from;
	lt_fmt(ret->instrument, sizeof(ret->instrument), "%s", i->id);
	lt_fmt(ret->opened_cause, sizeof(ret->opened_cause), "meter");
	rc = session_begin(a, ret);
	if (rc == 0 && kind == SESSION_UNATTRIBUTED)
		rc = review_open(a, "unattributed", i->id, ret->id, "",
			bypassed ? "interlock_bypassed: a run inside a booking that may be another's"
										 : "a run without a booking");
	return rc;
}

/* ---- check-in ---- */

/* What of a piece lies at or after `cut` becomes a piece of the booking's session. */
static int join_piece(struct act *a, struct usage *u, struct session *from, struct session *to, int64_t cut)
{
	int64_t ms = attr_after(u->from_at, u->to_at, u->measured_ms, u->placed, cut);
	int64_t estimated = u->from_at >= cut ? u->estimated_ms : 0;
	struct usage rest = *u;
	int rc;

	if (ms == 0 && !u->open)
		return 0;
	rest.id = act_id(a, "usage");
	rest.session = to->id;
	rest.from_at = u->from_at > cut ? u->from_at : cut < u->to_at ? cut : u->to_at;
	rest.measured_ms = ms;
	rest.estimated_ms = estimated;
	u->to_at = rest.from_at;
	u->measured_ms -= ms;
	u->estimated_ms -= estimated;
	u->open = false;
	rc = store_usage_update(a->db, u);
	if (rc == 0)
		rc = store_usage_insert(a->db, &rest);
	from->measured_ms -= ms;
	to->measured_ms += ms;
	from->estimated_ms -= estimated;
	to->estimated_ms += estimated;
	if (ms && (!to->first_run_at || rest.from_at < to->first_run_at))
		to->first_run_at = rest.from_at;
	return rc;
}

/* Takes the seconds of an unattributed session that lie at or after `cut` into the booking's. */
static int join_pieces(struct act *a, struct session *from, struct session *to, int64_t cut)
{
	struct usage u[JOIN_BATCH];
	int64_t last = 0;
	int n, rc;

	do {
		rc = store_usage_beyond(a->db, from->id, cut, last, u, JOIN_BATCH, &n);
		for (int k = 0; k < n && rc == 0; k++) {
			last = u[k].id;
			rc = join_piece(a, &u[k], from, to, cut);
		}
	} while (rc == 0 && n == JOIN_BATCH);
	return rc;
}

/* The whole unattributed session turns out to be the booking's. */
static int convert(struct act *a, struct session *s, const struct booking *b)
{
	struct review v;
	int rc = store_review_find(a->db, "unattributed", s->instrument, s->id, &v);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		lt_fmt(v.state, sizeof(v.state), "done");
		lt_fmt(v.decision, sizeof(v.decision), "joined B-%lld at its check-in", (long long)b->id);
		v.decided_at = a->now.wall_ms;
		store_review_update(a->db, &v);
	}
	s->kind = SESSION_BOOKED;
	s->booking = b->id;
	s->checkin_at = a->now.wall_ms;
	lt_fmt(s->org, sizeof(s->org), "%s", b->org);
	lt_fmt(s->user, sizeof(s->user), "%s", b->user);
	act_timer_clear(a, "hold", s->id);
	act_timer_clear(a, "session_end", s->id);
	rc = session_note(a, s, "user", "check-in: the run joins the booking");
	return rc != 0 ? rc : booking_used(a, b->id, a->now.wall_ms, "user");
}

/* Closing another's session may already have begun the one of a booking that waited. */
static int open_or_take(struct act *a, const struct booking *b, int64_t at, struct session *ret)
{
	int rc = session_open_on(a, b->instrument, ret);

	if (rc == 1)
		return session_open_booked(a, b, at, "user", false, a->now.wall_ms, ret);
	return rc;
}

/* The last reading's instant within [cut, now]. */
static int64_t last_seen(struct act *a, const char *instrument, int64_t cut, int64_t now)
{
	struct meter m;
	int64_t at = store_meter_load(a->db, instrument, &m) == 0 ? m.wall_ms : now;

	return at < cut ? cut : at > now ? now : at;
}

/* An unattributed run is on while the booking's user checks in. */
static int take_over(struct act *a, struct session *s, const struct booking *b, struct session *ret)
{
	struct policy p;
	bool was_on = s->state == SESSION_RUNNING;
	int64_t cut, now = a->now.wall_ms;
	int rc = terms_policy(a, b->instrument, b->policy_version, &p);

	if (rc != 0)
		return rc;
	cut = b->booked_from - p.early_ms;
	if (s->opened_at >= cut) {
		rc = convert(a, s, b);
		*ret = *s;
		return rc != 0 ? rc : was_on ? booking_ran(a, b->id, now) : 0;
	}
	if (cut > now)
		cut = now;
	struct session old = *s;

	old.last_run_end_at = cut;
	/* one open session a unit: the old one closes before the new one begins; its open run moves with the cut */
	rc = session_end(a, &old, cut, "user", !a->unread);
	if (rc == 0)
		rc = open_or_take(a, b, cut, ret);
	if (rc == 0)
		rc = join_pieces(a, &old, ret, cut);
	if (rc == 0)
		rc = store_session_update(a->db, &old);
	if (rc == 0 && was_on) {
		/* the next reading adds what ran since the last one, also when the device was silent just now */
		int64_t seen = last_seen(a, ret->instrument, cut, now);
		struct usage u;

		if (store_usage_last(a->db, ret->id, &u) == 0 && u.to_at >= seen) {
			u.open = true;
			store_usage_update(a->db, &u);
		} else {
			struct meter_verdict v = { 0 };
			struct attr_piece piece = { ret->id, seen, seen, 0, true };
			rc = session_piece(a, ret, ret->instrument, &piece, "run", true, &v);
		}
		if (rc == 0)
			rc = session_follow(a, ret, true, ret->first_run_at ? ret->first_run_at : now, now, now);
	}
	return rc != 0 ? rc : store_session_update(a->db, ret);
}

static int take_mine(struct act *a, struct session *s)
{
	if (!s->checkin_at)
		s->checkin_at = a->now.wall_ms;
	s->presumed = false;
	s->checkout_wish_at = 0;
	return session_note(a, s, "user", "check-in");
}

int metering_checkin(struct act *a, const struct booking *b, int64_t *ret_session, bool *ret_waiting)
{
	struct session s, mine;
	int64_t now = a->now.wall_ms;
	int rc = session_open_on(a, b->instrument, &s);

	*ret_session = 0;
	*ret_waiting = false;
	if (rc < 0)
		return rc;
	if (rc == 0 && s.booking == b->id && s.kind == SESSION_BOOKED) {
		*ret_session = s.id;
		rc = take_mine(a, &s);
		return rc != 0 ? rc : metering_arm(a, b->instrument);
	}
	if (rc == 0 && s.kind != SESSION_BOOKED && (s.state == SESSION_OPEN || s.state == SESSION_IDLE)) {
		rc = session_end(a, &s, s.last_run_end_at ? s.last_run_end_at : now, "user", true);
		if (rc != 0)
			return rc;
		rc = 1;
	}
	if (rc == 0 && s.kind == SESSION_UNATTRIBUTED) {
		rc = take_over(a, &s, b, &mine);
	} else if (rc == 0) {
		if (now < b->booked_from)
			return act_refuse(a, 409, "unit-busy", "",
				"%s is still in use; check in when it is free or at the start of your booking", b->instrument);
		*ret_waiting = true;
		return act_end(a);
	} else {
		rc = open_or_take(a, b, now, &mine);
	}
	if (rc != 0)
		return rc;
	*ret_session = mine.id;
	return metering_arm(a, b->instrument);
}

int session_next_waiting(struct act *a, const char *instrument, int64_t at)
{
	struct booking b;
	struct session s;
	int rc = session_open_on(a, instrument, &s);

	if (rc <= 0)
		return rc;
	rc = booking_at(a, instrument, at, &b);
	if (rc != 0 || !b.waiting)
		return rc < 0 ? rc : 0;
	rc = at > b.booked_from ? booking_delay(a, b.id, at - b.booked_from) : 0;
	if (rc == 0)
		rc = session_open_booked(a, &b, at, "user", false, b.checkin_at ? b.checkin_at : at, &s);
	if (rc == 0)
		rc = metering_arm(a, instrument);
	return rc;
}

/* ---- check-out ---- */

int metering_checkout(struct act *a, const struct booking *b, bool *ret_closed)
{
	const struct instrument *i = site_instrument(a->site, b->instrument);
	struct session s;
	int rc = session_of_booking(a, b->id, &s);
	bool blind = a->unread && i && i->meter.kind != METER_NONE;

	*ret_closed = true;
	if (rc != 0 || !session_is_open(&s))
		return rc < 0 ? rc : 0;
	if (s.state == SESSION_RUNNING || s.state == SESSION_UNKNOWN || blind) {
		*ret_closed = false;
		if (!s.checkout_wish_at)
			s.checkout_wish_at = a->now.wall_ms;
		return session_note(a, &s, "user",
			blind ? "check-out: waits for a reading" : "check-out: waits for the end of the run");
	}
	return session_end(a, &s, a->now.wall_ms, "user", true);
}

int metering_let_go(struct act *a, const struct booking *b)
{
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	if (rc != 0 || (s.state != SESSION_OPEN && s.state != SESSION_IDLE))
		return rc < 0 ? rc : 0;
	return session_end(a, &s, a->now.wall_ms, "timer", true);
}

int metering_booking_gone(struct act *a, int64_t booking)
{
	struct session s;
	struct booking b;
	int rc = session_of_booking(a, booking, &s);

	if (rc == 0 && (s.state == SESSION_OPEN || s.state == SESSION_IDLE)) {
		s.closed_at = a->now.wall_ms;
		s.end_reading = true;
		s.outcome = OUTCOME_SETTLING;
		lt_fmt(s.close_cause, sizeof(s.close_cause), "timer");
		rc = session_step(a, &s, SESSION_CLOSE, "timer", "its booking is gone");
		if (rc == 0)
			rc = occupancy_end(a, "session", s.id);
	}
	if (rc < 0)
		return rc;
	rc = booking_load(a, booking, &b);
	if (rc == 0)
		rc = metering_arm(a, b.instrument);
	return rc < 0 ? rc : act_end(a);
}
