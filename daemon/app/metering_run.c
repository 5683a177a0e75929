/*
 * metering_run.c - one accepted reading: who owns the milliseconds it proved, and what it says of sessions. What a gap
 * hid is metering_gap.c's. Owns nothing. I1: what the meter added goes into pieces of usage, each millisecond into
 * exactly one.
 */
#include <string.h>

#include "app/metering_step.h"
#include "app/review.h"
#include "common/fmt.h"

#define BLIND_MS 2000            /* a session that opened later than this after a reading opened unread */

static const char *id_of(const struct step *t) { return t->r->i->id; }

int64_t reading_instant(const struct reading_now *r, int64_t label)
{
	return label - r->v.lead_ms;
}

static int nobodys(struct act *a, struct step *t, int64_t from, int64_t to, int64_t ms, const char *reason)
{
	struct attr_piece p = { 0, from, to, ms, false };

	return ms > 0 ? session_piece(a, NULL, id_of(t), &p, reason, false, &t->r->v) : 0;
}

/* ---- without a gap ---- */

/* What the run is metered from here on goes into a piece of its own: it comes at fault, or no more so; or the clock was
 * set back and its labels stand still, so that nobody can say where in them it lies. */
static int part_run(struct act *a, struct step *t)
{
	struct usage next = t->run;
	int rc;

	next.fault = t->r->v.was_faulty;
	next.placed = !t->r->v.back;
	if (t->ms == 0 || (next.fault == t->run.fault && next.placed == t->run.placed))
		return 0;
	if (t->run.measured_ms > 0 || t->run.held_ms > 0) {
		t->run.open = false;
		rc = store_usage_update(a->db, &t->run);
		next.id = act_id(a, "usage");
		next.from_at = next.to_at;
		next.measured_ms = next.estimated_ms = next.held_ms = 0;
		next.raw_from = next.raw_to;
		if (rc == 0)
			rc = store_usage_insert(a->db, &next);
		if (rc != 0)
			return rc;
	}
	t->run = next;
	return 0;
}

/* What the verdict adds, measured or held. */
static void add_to(struct step *t, struct usage *u)
{
	bool held = t->r->v.fresh_held_ms > 0;

	*(held ? &u->held_ms : &u->measured_ms) += t->ms;
	if (!held && t->has_session && u->session == t->s.id)
		t->s.measured_ms += t->ms;
}

/* Grows the open run, and ends it when the bit went off. */
static int grow_run(struct act *a, struct step *t)
{
	struct meter_verdict *v = &t->r->v;
	bool moved = t->ms > 0 || t->r->has_bit;
	int rc = part_run(a, t);

	if (rc != 0)
		return rc;
	if (moved)
		t->run.to_at = t->run_to > t->run.to_at ? t->run_to : t->run.to_at;
	t->run_to = t->run.to_at;
	add_to(t, &t->run);
	t->run.raw_to = (int64_t)v->raw;
	t->run.open = v->running;
	return store_usage_update(a->db, &t->run);
}

/* An idle session of nobody does not take what a run in a booking (or a block) would open now. */
static int make_way(struct act *a, struct step *t)
{
	enum session_kind kind;
	struct booking b;
	bool bypassed;
	int rc;

	if (!t->has_session || t->s.kind == SESSION_BOOKED || t->s.state == SESSION_RUNNING ||
			t->s.state == SESSION_UNKNOWN)
		return 0;
	rc = session_kind_at(a, t->r, reading_instant(t->r, t->run_from), &kind, &bypassed, &b);
	/* what may be another's is kept apart from what was nobody's before the booking */
	if (rc != 0 || (kind == t->s.kind && (t->s.bypassed || !bypassed)))
		return rc;
	t->has_session = false;
	return session_end(a, &t->s, t->s.last_run_end_at ? t->s.last_run_end_at : reading_instant(t->r, t->run_from), "meter",
		true);
}

int step_session_for_run(struct act *a, struct step *t)
{
	int rc = make_way(a, t);

	if (rc != 0)
		return rc;
	rc = session_open_on(a, id_of(t), &t->s);
	if (rc == 1)
		rc = session_open_by_run(a, t->r, reading_instant(t->r, t->run_from), &t->s);
	t->has_session = rc == 0;
	return rc;
}

static int begin_run(struct act *a, struct step *t)
{
	struct attr_piece p = { 0, t->run_from, t->r->v.at, t->ms, !t->r->v.back };
	int rc = step_session_for_run(a, t);

	if (rc != 0)
		return rc;
	p.session = t->s.id;
	return session_piece(a, &t->s, id_of(t), &p, "run", t->r->v.running, &t->r->v);
}

/* Where the tail ends that begins at `from`. */
static int64_t tail_end(int64_t from, const struct step *t)
{
	return from + t->ms < t->r->v.at ? from + t->ms : t->r->v.at;
}

static int follow(struct act *a, struct step *t, bool running, int64_t run_to)
{
	const struct reading_now *r = t->r;

	return session_follow(a, &t->s, running, reading_instant(r, t->run_from), reading_instant(r, run_to),
		reading_instant(r, r->v.at));
}

/* The counter moved though the bit is off and was off: the tail of the last run, or a run shorter than a poll. */
static int off_tick(struct act *a, struct step *t)
{
	struct meter_verdict *v = &t->r->v;
	struct usage last;
	int rc = t->has_session ? store_usage_last(a->db, t->s.id, &last) : 1;
	bool coarse = meter_is_coarse(&t->r->i->meter);
	bool tail = t->ms <= v->lag_ms && rc == 0 && v->at - last.to_at <= 2 * v->lag_ms;

	if (rc < 0)
		return rc;
	if (rc == 0 && (coarse || tail) && last.fault != v->was_faulty) {
		struct attr_piece p = { t->s.id, last.to_at, coarse ? last.to_at : tail_end(last.to_at, t), t->ms, true };

		return session_piece(a, &t->s, id_of(t), &p, "run", false, v);
	}
	if (rc == 0 && (coarse || tail)) {
		int64_t length = last.measured_ms + last.held_ms + t->ms;

		add_to(t, &last);
		last.raw_to = (int64_t)v->raw;
		if (!coarse && last.to_at - last.from_at < length)
			last.to_at = last.from_at + length < v->at ? last.from_at + length : v->at;
		return store_usage_update(a->db, &last);
	}
	if (coarse || (t->ms <= v->lag_ms && (!t->has_session || !t->s.checkin_at)))
		return nobodys(a, t, v->from_wall, v->at, t->ms, "quantisation");
	rc = begin_run(a, t);
	if (rc == 0)
		rc = follow(a, t, true, v->at);
	return rc;
}

static int plain(struct act *a, struct step *t)
{
	struct meter_verdict *v = &t->r->v;

	attr_run(v->from_wall, v->at, t->ms, v->was_running, v->running, &t->run_from, &t->run_to);
	if (t->has_run)
		return grow_run(a, t);
	if (v->running)
		return begin_run(a, t);
	return t->ms > 0 ? off_tick(a, t) : 0;
}

/* ---- both ---- */

/* RESET: what may be missing is kept apart (I4); priced at nothing unless two people say otherwise. */
static int estimated(struct act *a, struct step *t)
{
	struct meter_verdict *v = &t->r->v;
	struct usage u = { .session = t->s.id, .from_at = v->from_wall, .to_at = v->at, .estimated_ms = v->estimated_ms,
		.raw_from = (int64_t)v->raw_from, .raw_to = (int64_t)v->raw };

	if (v->estimated_ms == 0 || !t->has_session)
		return 0;
	u.id = act_id(a, "usage");
	lt_fmt(u.instrument, sizeof(u.instrument), "%s", id_of(t));
	lt_fmt(u.reason, sizeof(u.reason), "reset");
	t->s.estimated_ms += v->estimated_ms;
	return store_usage_insert(a->db, &u);
}

static int opened(int rc) { return rc == REVIEW_KNOWN ? 0 : rc; }

static int reviews(struct act *a, struct step *t)
{
	static const struct { enum meter_class class; bool redefined; const char *kind, *detail; } kinds[] = {
		{ METER_AMBIGUOUS, false, "ambiguous", "whole turns of the counter may be missing" },
		{ METER_SWAP, false, "meter_swap", "the serial number changed: another device answers" },
		{ METER_SWAP, true, "meter_redefined", "" },
		{ METER_MANUAL, false, "meter_manual", "" },
	};

	struct review_facts facts = { .from_at = t->r->v.from_wall, .to_at = t->r->v.redefined ? t->r->v.at : 0,
		.held_ms = t->r->v.held_ms };

	for (size_t k = 0; t->r->v.review && k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (kinds[k].class == t->r->v.class && kinds[k].redefined == t->r->v.redefined)
			return opened(review_open_with(a, kinds[k].kind, id_of(t), t->has_session ? t->s.id : 0,
				t->has_session ? t->s.org : "", kinds[k].detail, &facts));
	return 0;
}

static int look_up(struct act *a, struct step *t)
{
	int rc = session_open_on(a, id_of(t), &t->s);

	t->has_session = rc == 0;
	if (rc == 0)
		t->was = t->s;
	if (rc >= 0)
		rc = store_usage_open(a->db, id_of(t), &t->run);
	t->has_run = rc == 0;
	return rc < 0 ? rc : 0;
}

/* What else changed was stored where it changed. */
static int save_metered(struct act *a, struct step *t)
{
	const struct session *s = &t->s, *was = &t->was;

	if (s->id == was->id && s->first_run_at == was->first_run_at && s->last_run_end_at == was->last_run_end_at &&
	    s->measured_ms == was->measured_ms && s->estimated_ms == was->estimated_ms && s->gap_ms == was->gap_ms &&
	    s->on_ms == was->on_ms && s->counted_ms == was->counted_ms)
		return 0;
	return store_session_metered(a->db, &t->s);
}

int metering_attribute(struct act *a, struct reading_now *r)
{
	struct meter_verdict *v = &r->v;
	struct step t = { .r = r, .ms = v->added_ms - v->late_ms + v->fresh_held_ms - v->quantised_ms };
	struct claimants c = { .n = 0 };
	bool apart;
	int rc = look_up(a, &t);

	if (rc == 0)
		rc = nobodys(a, &t, v->from_wall, v->at, v->quantised_ms, "quantisation");
	if (rc == 0)
		rc = estimated(a, &t);
	if (rc == 0)
		rc = step_claimants(a, &t, &c);
	if (rc != 0)
		return rc;
	apart = v->gap || c.n_loose > 0 || (t.has_session && t.s.opened_at > v->from_wall + BLIND_MS && !t.has_run &&
		v->class != METER_FIRST);
	rc = apart ? step_after_gap(a, &t, &c) : plain(a, &t);
	if (rc == 0 && !apart && t.has_session)
		witness_saw(&t.s, r);
	if (rc == 0)
		rc = reviews(a, &t);
	if (rc == 0)
		rc = metering_level(a, r, t.has_session && session_is_open(&t.s) ? &t.s : NULL);
	if (rc == 0 && t.has_session && session_is_open(&t.s)) {
		rc = save_metered(a, &t);
		if (rc == 0)
			rc = follow(a, &t, v->running, t.run_to);
	}
	return rc == 0 ? step_settle_loose(a, &c) : rc;
}
