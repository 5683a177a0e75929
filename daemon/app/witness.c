/*
 * witness.c - two witnesses of one session: the run bit and the counter. They are compared over the time in which both
 * were read; where they differ by more than their resolution a person looks, and what only the bit saw is use all the
 * same. Owns nothing.
 */
#include "app/review.h"
#include "app/session_step.h"

void witness_saw(struct session *s, const struct reading_now *r)
{
	const struct meter_verdict *v = &r->v;

	/* while a level is remembered that was left, the register may be on a false one: what it counts is not known yet;
	 * nor while what it counts is held */
	if (!r->has_bit || v->gap || v->class != METER_NORMAL || r->m.n_left > 0 || r->m.holding ||
			r->i->meter.kind != METER_COUNTER)
		return;
	s->counted_ms += v->added_ms;
	/* at an edge nobody knows how long it was on: what the counter says is as good as anything */
	if (v->was_running && v->running)
		s->on_ms += v->elapsed_ms;
	else if (v->was_running || v->running)
		s->on_ms += v->added_ms < v->elapsed_ms ? v->added_ms : v->elapsed_ms;
}

/* Two counts and two polls, or a twentieth of the longer one. */
static int64_t tolerance(const struct meter_def *m, const struct session *s)
{
	int64_t fixed = 2 * (int64_t)m->counter.count_ms + 2 * m->poll_ms;
	int64_t share = (s->on_ms > s->counted_ms ? s->on_ms : s->counted_ms) / 20;

	return fixed > share ? fixed : share;
}

int witness_compare(struct act *a, const struct session *s, bool read)
{
	const struct instrument *i = site_instrument(a->site, s->instrument);
	int64_t more = s->on_ms - s->counted_ms;
	struct review_facts f = { .from_at = s->first_run_at ? s->first_run_at : s->opened_at,
		.to_at = s->last_run_end_at > s->opened_at ? s->last_run_end_at : s->closed_at,
		.bound_ms = more > 0 ? more : 0 };
	bool still, apart;
	int rc;

	if (!i || i->meter.kind != METER_COUNTER || s->kind == SESSION_INTERNAL)
		return act_end(a);
	/* it ran, and the counter did not move at all */
	still = read && s->first_run_at && s->measured_ms == 0;
	apart = (more > 0 ? more : -more) > tolerance(&i->meter, s);
	if (!still && !apart)
		return act_end(a);
	rc = review_open_with(a, "meter_disagrees", s->instrument, s->id, s->org, "", &f);
	return rc == REVIEW_KNOWN ? 0 : rc;
}
