/*
 * metering_take.c - what a check-in takes of a run that is on already, and what an owner gives back of a session that
 * began before them (METERING.md, Sessions). Owns nothing. A cut parts pieces of usage: each millisecond stays in
 * exactly one of them (I1).
 */
#include <string.h>

#include "app/money.h"
#include "app/session_step.h"
#include "common/fmt.h"

#define PART_BATCH 16
#define CLAIMS_MAX 32

/* ---- a cut ---- */

/* sealed: what is metered so far is all before, whatever its labels say. */
struct cut { struct session *owner, *before, *after; int64_t at; bool sealed; };

static void count(struct session *s, const struct usage *u, int sign)
{
	s->measured_ms += sign * u->measured_ms;
	s->estimated_ms += sign * u->estimated_ms;
}

/* What of a piece certainly lies at or after the cut goes to `after`, the rest to `before`. */
static int part_piece(struct act *a, const struct cut *c, struct usage *u)
{
	struct usage late = *u;
	bool moved = u->from_at >= c->at && !c->sealed, goes;
	/* what is held ran last, since the register left its level; what is measured ran before that */
	int64_t until = u->held_ms > 0 ? u->from_at + u->measured_ms : u->to_at;
	int rc = 0;

	count(c->owner, u, -1);
	late.open = u->open && (u->to_at >= c->at || c->sealed);
	if (!moved) {
		late.id = act_id(a, "usage");
		late.from_at = c->at < u->to_at && !c->sealed ? c->at : u->to_at;
		late.measured_ms = c->sealed ? 0 : attr_after(u->from_at, until, u->measured_ms, u->placed, c->at);
		late.held_ms = c->sealed ? 0 : attr_after(u->from_at, u->to_at, u->held_ms, u->placed, c->at);
		late.estimated_ms = 0;
	}
	goes = late.measured_ms > 0 || late.held_ms > 0 || late.open;
	late.session = c->after->id;
	if (!moved && goes)
		u->to_at = late.from_at;
	if (!moved) {
		u->session = c->before->id;
		u->measured_ms -= late.measured_ms;
		u->held_ms -= late.held_ms;
		u->open = false;
		count(c->before, u, 1);
		rc = store_usage_update(a->db, u);
	}
	if (rc != 0 || !(moved || goes))
		return rc;
	count(c->after, &late, 1);
	if (!c->after->first_run_at || late.from_at < c->after->first_run_at)
		c->after->first_run_at = late.from_at;
	return moved ? store_usage_update(a->db, &late) : store_usage_insert(a->db, &late);
}

/* Parts what the owner has from the instant `from` on. An estimate that two people agreed on stays where it is,
 * whenever its gap was: it names whom they charge, nobody changes it alone, and its charge can be disputed. */
static int part_pieces(struct act *a, const struct cut *c, int64_t from)
{
	struct usage u[PART_BATCH];
	int64_t last = 0;
	int n, rc;

	do {
		rc = store_usage_beyond(a->db, c->owner->id, from, last, u, PART_BATCH, &n);
		for (int k = 0; k < n && rc == 0; k++) {
			last = u[k].id;
			if (strcmp(u[k].reason, "approved") != 0)
				rc = part_piece(a, c, &u[k]);
		}
	} while (rc == 0 && n == PART_BATCH);
	return rc;
}

/* The instant of the last reading; now, where there is none. */
static int64_t seen_at(struct act *a, const char *instrument)
{
	struct meter m;
	int64_t now = a->now.wall_ms;

	return store_meter_load(a->db, instrument, &m) == 0 && m.wall_ms < now ? m.wall_ms : now;
}

/* Do labels stand ahead of the clock, which was set back? Then they do not say what came before an instant. */
static bool labels_ahead(struct act *a, const struct session *s)
{
	struct meter m;

	return s->opened_at > a->now.wall_ms ||
		(store_meter_load(a->db, s->instrument, &m) == 0 && m.wall_ms > a->now.wall_ms);
}

/* ---- check-in ---- */

/* The whole run of nobody's turns out to be the booking's. */
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
	s->bypassed = s->disowned = false;
	s->booking = b->id;
	s->checkin_at = a->now.wall_ms;
	lt_fmt(s->org, sizeof(s->org), "%s", b->org);
	lt_fmt(s->user, sizeof(s->user), "%s", b->user);
	store_claim_decide(a->db, s->id, b->org);
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

static bool claimed_by_another(struct act *a, const struct session *s, const struct booking *b)
{
	struct claim c[CLAIMS_MAX];
	int n = 0;

	store_claim_list(a->db, s->id, NULL, c, CLAIMS_MAX, &n);
	for (int k = 0; k < n; k++)
		if (strcmp(c[k].user, b->user) != 0)
			return true;
	return false;
}

/* Is the run perhaps not its booking's user's? It began behind the lock, somebody said so, or it is the run of another
 * org's session that goes on: that session closed where this one began, or nobody saw its end. */
static int may_be_anothers(struct act *a, const struct session *s, const struct booking *b, bool *ret)
{
	*ret = s->bypassed || s->disowned || claimed_by_another(a, s, b);
	return *ret ? 0 : session_of_another(a, b->instrument, s->opened_at, b->org, 1, ret);
}

/* From when on a run of nobody's is the user's who checks in now. What may be another's, or was said to be, is cut at
 * the check-in; else the booking's early start decides, and nothing of what another session had. */
static int cut_at(struct act *a, const struct session *s, const struct booking *b, int64_t *ret)
{
	struct policy p;
	struct session last;
	int64_t now = a->now.wall_ms, ended;
	bool another;
	int rc = terms_policy(a, b->instrument, b->policy_version, &p);

	*ret = now;
	if (rc == 0)
		rc = may_be_anothers(a, s, b, &another);
	if (rc != 0 || another)
		return rc;
	rc = store_session_last_closed(a->db, b->instrument, now, false, &last);
	if (rc < 0)
		return rc;
	ended = rc == 0 ? session_over_at(&last) : 0;
	*ret = b->booked_from - p.early_ms > ended ? b->booked_from - p.early_ms : ended;
	*ret = *ret < now ? *ret : now;
	return 0;
}

/* The run goes on in its new session: with the piece that the cut left open, or with one that begins at the reading.
 * lost: nobody knows whether it does, since that reading. */
static int go_on(struct act *a, struct session *s, int64_t seen, bool lost)
{
	struct meter_verdict v = { 0 };
	struct attr_piece piece = { s->id, seen, seen, 0, true };
	struct usage u;
	int64_t now = a->now.wall_ms;
	int rc = store_usage_last(a->db, s->id, &u);

	if (rc == 0 && u.to_at >= seen) {
		u.open = true;
		rc = store_usage_update(a->db, &u);
	} else if (rc >= 0) {
		rc = session_piece(a, s, s->instrument, &piece, "run", true, &v);
	}
	if (rc != 0 || lost)
		return rc != 0 ? rc : metering_lost(a, s, seen);
	return session_follow(a, s, true, s->first_run_at ? s->first_run_at : now, now, now);
}

/* A run of nobody's is on, or was when the controller was last read, while the booking's user checks in. */
static int take_over(struct act *a, struct session *s, const struct booking *b, struct session *ret)
{
	int64_t at, now = a->now.wall_ms, seen = a->unread ? seen_at(a, b->instrument) : now;
	struct session old = *s;
	struct cut c = { &old, &old, ret, 0, labels_ahead(a, s) };
	struct usage u;
	bool was_on = store_usage_open(a->db, s->instrument, &u) == 0;
	int rc = cut_at(a, s, b, &at);

	if (rc != 0)
		return rc;
	if (s->opened_at >= at && s->opened_at <= now) {
		rc = convert(a, s, b);
		*ret = *s;
		return rc != 0 ? rc : s->state == SESSION_RUNNING ? booking_ran(a, b->id, now) : 0;
	}
	if (c.sealed)
		at = now;
	c.at = at;
	old.last_run_end_at = at < seen ? at : seen;
	/* one open session a unit: the old one closes before the new one begins; its open run moves with the cut */
	rc = session_end(a, &old, at, "user", seen >= at);
	if (rc == 0)
		rc = open_or_take(a, b, at, ret);
	if (rc == 0)
		rc = part_pieces(a, &c, at);
	if (rc == 0)
		rc = store_session_update(a->db, &old);
	/* a silent device: the next reading parts what ran since the last one at the check-in */
	if (rc == 0 && was_on && seen >= at)
		rc = go_on(a, ret, seen < now ? seen : now, s->state == SESSION_UNKNOWN);
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

/* The relay is asked to open, and polls are forced at what comes next. */
static int checked_in(struct act *a, const char *instrument)
{
	int rc = metering_lock_watch(a, instrument);

	return rc != 0 ? rc : metering_arm(a, instrument);
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
		return rc != 0 ? rc : checked_in(a, b->instrument);
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
	return checked_in(a, b->instrument);
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
		rc = checked_in(a, instrument);
	return rc;
}

/* ---- what an owner gives back ---- */

/* The run that is on was last seen before the cut: what it is since then is not known. */
static int lose_sight(struct act *a, struct session *s, int64_t cut)
{
	int64_t seen = seen_at(a, s->instrument);

	return s->state == SESSION_RUNNING && seen < cut ? metering_lost(a, s, cut) : 0;
}

int metering_give_back(struct act *a, struct session *s, int64_t cut, struct session *ret_part)
{
	struct session *part = ret_part;
	struct cut c = { s, part, s, cut, false };
	int rc;

	memset(part, 0, sizeof(*part));
	part->kind = SESSION_UNATTRIBUTED;
	part->disowned = true;
	part->end_reading = seen_at(a, s->instrument) >= cut;
	part->opened_at = s->opened_at;
	part->closed_at = cut;
	part->first_run_at = s->first_run_at < cut ? s->first_run_at : 0;
	part->last_run_end_at = s->last_run_end_at && s->last_run_end_at < cut ? s->last_run_end_at : cut;
	lt_fmt(part->instrument, sizeof(part->instrument), "%s", s->instrument);
	lt_fmt(part->opened_cause, sizeof(part->opened_cause), "%s", s->opened_cause);
	lt_fmt(part->close_cause, sizeof(part->close_cause), "user");
	rc = session_record(a, part, "disowned");
	s->opened_at = cut;
	s->first_run_at = s->first_run_at >= cut ? s->first_run_at : 0;
	s->last_run_end_at = s->last_run_end_at > cut ? s->last_run_end_at : 0;
	if (rc == 0)
		rc = part_pieces(a, &c, INT64_MIN);
	if (rc == 0)
		rc = store_session_update(a->db, part);
	if (rc == 0)
		rc = session_note(a, s, "user", "what was before is disowned");
	return rc != 0 ? rc : lose_sight(a, s, cut);
}
