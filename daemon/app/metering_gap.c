/*
 * metering_gap.c - the first reading after a gap, or after a session began or ended without one: what it added is given
 * to the sessions that certainly had it, and the rest to nobody (METERING.md, Gaps). Owns nothing; statement errors are
 * sticky in the store.
 */
#include <string.h>

#include "app/clock.h"
#include "app/metering_step.h"
#include "app/money.h"
#include "store/usable.h"

static const char *id_of(const struct step *t) { return t->r->i->id; }

/*
 * The gap by the clock as it is now, by which sessions go. The labels of readings stand still after the clock was set
 * back: they would begin the gap too late, or make it as short as nothing.
 */
static struct interval lived(const struct step *t)
{
	const struct meter_verdict *v = &t->r->v;
	int64_t now = reading_instant(t->r, v->at);

	return v->back && !v->by_wall ? (struct interval){ now - v->elapsed_ms, now }
		: (struct interval){ v->from_wall, v->at };
}

/* The same instant as a label of readings. */
static int64_t label_of(const struct step *t, int64_t at)
{
	const struct meter_verdict *v = &t->r->v;

	return at < v->from_wall ? v->from_wall : at > v->at ? v->at : at;
}

int step_claimants(struct act *a, struct step *t, struct claimants *c)
{
	int rc = store_session_loose(a->db, id_of(t), lived(t).from, c->s, LOOSE_MAX, &c->n_loose);

	c->n = c->n_loose;
	if (rc == 0 && t->has_session)
		c->s[c->n++] = t->s;
	return rc;
}

/* How long a session with no run at an edge of the gap may have run in it: to its check-out, or until it was given up.
 * 0: no end. */
static int64_t claim_ends(struct act *a, const struct session *s)
{
	int64_t end = s->checkout_wish_at, given_up;

	if (s->closed_at && strcmp(s->close_cause, "timer") != 0)
		return s->closed_at;
	if (s->kind != SESSION_BOOKED || !s->unknown_since || session_given_up(a, s, &given_up) != 0)
		return end;
	return end && end < given_up ? end : given_up;
}

/*
 * Who checked in during the gap has it from then on, but for what the clock jumped over since: the machine may have
 * been paused before the check-in, and the clock set right after it.
 */
static int64_t claim_begins(struct act *a, const struct step *t, const struct session *s, int64_t from)
{
	const struct meter_verdict *v = &t->r->v;
	struct unusable_query q = { .instrument = id_of(t), .booking = s->booking, .session = s->id,
		.in = { from, v->at }, .now = a->now.wall_ms };
	struct lost_labels lost;

	if (!v->clock || from <= v->from_wall || from >= v->at || clock_lost_to(a, &q, &lost) != 0)
		return from;
	for (int k = 0; k < lost.n; k++)
		from += lost.of[k].to - lost.of[k].from;
	return from;
}

/* A manager said that it is over, whatever the run bit says. */
static bool ended_by_hand(const struct session *s)
{
	return s->closed_at && strcmp(s->close_cause, "manager") == 0;
}

/* From when on a session may have run in the gap: from its check-in, though it waited for the unit until later. Who
 * waited before the gap began was seen to wait. */
static int64_t came_at(const struct session *s, int64_t start)
{
	return s->checkin_at > s->opened_at || s->checkin_at > start ? s->checkin_at : s->opened_at;
}

static int windows_of(struct act *a, const struct step *t, const struct claimants *c, int64_t owner,
	struct attr_window w[ATTR_WINDOWS])
{
	int64_t start = lived(t).from;
	int n = 0;

	for (int k = 0; k < c->n; k++) {
		const struct session *s = &c->s[k];
		bool at_end = k == c->n - 1 && t->has_session && t->r->v.running;
		bool at_start = s->id == owner && t->r->v.was_running;
		int64_t from = came_at(s, start);

		if (s->id == owner)
			from = start;
		else if (!s->checkin_at && !at_end)
			continue;
		from = claim_begins(a, t, s, from);
		w[n++] = (struct attr_window){ s->id, from > start ? from : start, at_end || at_start ? 0 : claim_ends(a, s) };
		if (at_start && ended_by_hand(s)) /* its run goes on as nobody's */
			w[n++] = (struct attr_window){ 0, s->closed_at > start ? s->closed_at : start, 0 };
	}
	return n;
}

static struct session *claimant(struct claimants *c, int64_t id)
{
	for (int k = 0; k < c->n; k++)
		if (c->s[k].id == id)
			return &c->s[k];
	return NULL;
}

/* A run found on after the gap belongs to the session that is open; nobody's opens now. */
static int found_on(struct act *a, struct step *t, struct claimants *c)
{
	int rc;

	if (!t->r->v.running || t->has_session)
		return 0;
	t->run_from = t->r->v.at;
	rc = step_session_for_run(a, t);
	if (rc == 0)
		c->s[c->n++] = t->s;
	return rc;
}

/* Pieces are labelled as readings are; p->from and p->to are instants of the clock as it is now. */
static int write_piece(struct act *a, struct step *t, struct session *s, const struct attr_piece *p)
{
	struct attr_piece labelled = *p;
	int rc;

	labelled.from = label_of(t, p->from);
	labelled.to = label_of(t, p->to);
	if (!s)
		return metering_hidden(a, id_of(t), &labelled, &t->r->v);
	rc = session_piece(a, s, id_of(t), &labelled, "gap", false, &t->r->v);
	if (rc != 0)
		return rc;
	if (!s->first_run_at)
		s->first_run_at = p->from;
	if (p->to > s->last_run_end_at && p->placed)
		s->last_run_end_at = p->to;
	return s->booking ? booking_ran(a, s->booking, p->from) : 0;
}

static int write_pieces(struct act *a, struct step *t, struct claimants *c, const struct attr_piece *p, int n)
{
	int rc = 0;

	for (int k = 0; k < n && rc == 0; k++)
		rc = write_piece(a, t, claimant(c, p[k].session), &p[k]);
	return rc;
}

static int64_t measured_of(const struct attr_piece *p, int n, int64_t session)
{
	int64_t ms = 0;

	for (int k = 0; k < n; k++)
		if (p[k].session == session)
			ms += p[k].measured_ms;
	return ms;
}

/* What closed without its last reading has it now. */
static int loose_done(struct act *a, struct step *t, struct claimants *c, int64_t owner, const struct attr_piece *p,
	int n)
{
	int rc = 0;

	for (int k = 0; k < c->n_loose && rc == 0; k++) {
		struct session *s = &c->s[k];

		s->end_reading = true;
		if (s->id == owner && t->r->v.gap)
			rc = metering_lost_review(a, s, t->r->v.from_wall, t->r->v.at, measured_of(p, n, s->id));
		if (rc == 0 && s->outcome == OUTCOME_OPEN_GAP)
			s->outcome = store_review_pending(a->db, s->id) ? OUTCOME_REVIEW : OUTCOME_SETTLING;
		if (rc == 0)
			rc = session_note(a, s, "meter", "its last reading arrived");
	}
	return rc;
}

static int end_old_run(struct act *a, struct step *t, int64_t *ret_owner)
{
	*ret_owner = 0;
	if (!t->has_run)
		return 0;
	*ret_owner = t->run.session;
	t->run.open = false;
	t->has_run = false;
	return store_usage_update(a->db, &t->run);
}

/* The session whose run was on when the last reading was taken, though its piece is closed since. */
static int64_t loose_owner(const struct step *t, const struct claimants *c)
{
	for (int k = 0; t->r->v.was_running && k < c->n_loose; k++)
		if (c->s[k].opened_at <= lived(t).from)
			return c->s[k].id;
	return 0;
}

/* What of the gap lay in each session. Where the meter counts nothing by itself, nobody knows of use or of idle. */
static int note_gap(struct act *a, const struct step *t, struct claimants *c)
{
	const struct meter_verdict *v = &t->r->v;
	struct interval gap = lived(t);
	int rc = 0;

	for (int k = 0; v->gap && k < c->n && rc == 0; k++) {
		struct session *s = &c->s[k];
		int64_t from = s->opened_at > gap.from ? s->opened_at : gap.from;
		int64_t to = s->closed_at && s->closed_at < gap.to ? s->closed_at : gap.to;
		struct attr_piece dark = { s->id, label_of(t, from), label_of(t, to), 0, false };

		if (to <= from)
			continue;
		s->gap_ms += to - from;
		if (t->r->i->meter.kind == METER_STATE)
			rc = session_piece(a, s, id_of(t), &dark, "gap", false, v);
	}
	return rc;
}

int step_after_gap(struct act *a, struct step *t, struct claimants *c)
{
	struct meter_verdict *v = &t->r->v;
	struct attr_window w[ATTR_WINDOWS];
	struct attr_piece p[ATTR_PIECES];
	struct interval in = lived(t);
	struct attr_gap gap = { in.from, in.to, t->ms, false, v->running, v->slack_ms };
	int64_t owner;
	bool open_in_it = t->has_session;
	int n, rc = end_old_run(a, t, &owner);

	if (!owner)
		owner = loose_owner(t, c);
	if (rc == 0)
		rc = note_gap(a, t, c);
	if (rc == 0)
		rc = found_on(a, t, c);
	if (rc != 0)
		return rc;
	n = windows_of(a, t, c, owner, w);
	gap.on_at_start = n > 0 && owner == w[0].session && v->was_running;
	n = attr_split(&gap, w, n, p);
	for (int k = 0; k < n && (v->clock || v->back); k++)
		p[k].placed = false; /* in a jump of the clock, or while its labels stand still, nothing has a place */
	rc = write_pieces(a, t, c, p, n);
	if (rc == 0)
		rc = loose_done(a, t, c, owner, p, n);
	if (rc != 0 || !t->has_session)
		return rc;
	t->s = c->s[c->n - 1];
	/* nobody's that begins with this reading has an item of its own, and none of the gap */
	if (v->gap && (t->s.id == owner || (v->running && (open_in_it || t->s.kind == SESSION_BOOKED))))
		rc = metering_lost_review(a, &t->s, v->from_wall, v->at, measured_of(p, n, t->s.id));
	t->run_from = v->at;
	t->run_to = v->from_wall;
	for (int k = 0; k < n; k++)
		if (p[k].session == t->s.id)
			t->run_to = label_of(t, p[k].to);
	if (rc == 0 && v->running) {
		struct attr_piece open = { t->s.id, v->at, v->at, 0, true };
		rc = session_piece(a, &t->s, id_of(t), &open, "run", true, v);
	}
	return rc;
}

int step_settle_loose(struct act *a, const struct claimants *c)
{
	int rc = 0;

	for (int k = 0; k < c->n_loose && rc == 0; k++)
		rc = money_settle(a, c->s[k].id);
	return rc;
}
