/*
 * meter_level.c - the levels that a register left and may come back to. Owns nothing. Where a return cannot be told
 * from counting, the reading is what the classifier's table says; nothing is ever added that the old level forbids.
 *
 * The sum of a meter is E and what is held besides. A level keeps the sum at which it was left: when it is back, the
 * sum must be that and what the register shows above it, whatever the false levels in between have added.
 */
#include "core/meter_level.h"

#include <string.h>

#include "common/civil.h"

#define NEAR_SLACKS 3             /* a few counts more than was possible                                   */

int64_t meter_sum_ms(const struct meter *m)
{
	return m->ext_ms + m->held_ms;
}

/* A full list loses the oldest level that nothing is held for; the first of a hold says where the hold began. */
static void make_room(struct meter *m)
{
	int drop = 0;

	if (m->n_left < METER_LEVELS)
		return;
	while (drop < m->n_left && m->left[drop].by == METER_MANUAL)
		drop++;
	if (drop == m->n_left)
		drop = 1;
	m->n_left--;
	memmove(&m->left[drop], &m->left[drop + 1], sizeof(m->left[0]) * (size_t)(m->n_left - drop));
}

void meter_level_leave(struct meter *m, enum meter_class by, uint64_t raw)
{
	make_room(m);
	m->left[m->n_left++] = (struct meter_left){ .by = by, .down = raw < m->raw, .held = m->holding,
		.running = m->running, .raw = m->raw, .next = raw, .sum_ms = meter_sum_ms(m), .t = m->t, .wall_ms = m->wall_ms,
		.rtt_ms = m->rtt_ms };
	if (by != METER_MANUAL || m->holding)
		return;
	m->holding = true;
	m->held_ms = 0;
	m->held_t = m->t;
	m->held_wall_ms = m->wall_ms;
}

/* A quarter of the way round. */
static int64_t quarter_ms(const struct meter_def *def)
{
	uint64_t modulus = meter_modulus(&def->counter);

	return modulus ? meter_counts_ms(def, modulus / 4) : INT64_MAX;
}

/*
 * What lies above the level, when that was possible since it was left; -1: it was not. A value below the level turned
 * over since: that is believed soon after only, as later any value might have.
 */
static int64_t above_within(const struct meter *m, const struct meter_def *def, const struct meter_left *l,
	const struct meter_sample *s, int64_t elapsed, int slacks)
{
	uint64_t modulus = meter_modulus(&def->counter), raw = s->obs.hourmeter;
	int32_t rtt = s->rtt_ms > l->rtt_ms ? s->rtt_ms : l->rtt_ms;
	int64_t now = m->t + elapsed, ms;

	if ((modulus && raw >= modulus) || (raw < l->raw && (!modulus || now - l->t > quarter_ms(def))))
		return -1;
	ms = meter_counts_ms(def, meter_forward(l->raw, raw, modulus));
	if (ms > now - l->t + slacks * meter_slack_ms(def, rtt, now - l->t))
		return -1;
	for (int i = 0; i < ANCHORS && ms > 0; i++) {
		const struct meter_anchor *a = &m->anchor[i];

		if (a->t <= l->t && l->sum_ms + ms - a->ext_ms > now - a->t + slacks * meter_slack_ms(def, rtt, now - a->t))
			return -1;
	}
	return ms;
}

static int64_t above(const struct meter *m, const struct meter_def *def, const struct meter_left *l,
	const struct meter_sample *s, int64_t elapsed)
{
	return above_within(m, def, l, s, elapsed, 1);
}

/* Just below the value that followed the level, and farther off the level itself: that value lacks a few counts. */
static bool lacks_few(const struct meter_def *def, const struct meter_left *l, const struct meter_sample *s)
{
	uint64_t raw = s->obs.hourmeter, few = l->next - raw, from = raw > l->raw ? raw - l->raw : l->raw - raw;

	return few < from && meter_counts_ms(def, few) <= NEAR_SLACKS * meter_slack_ms(def, s->rtt_ms, 0);
}

/* Just below what the register showed last, and farther off the level: it lacks a few counts of where it stands. */
static bool lacks_few_of_now(const struct meter *m, const struct meter_def *def, const struct meter_left *l,
	const struct meter_sample *s)
{
	struct meter_left now = { .raw = l->raw, .next = m->raw };

	return s->obs.hourmeter < m->raw && lacks_few(def, &now, s);
}

/*
 * May a value that is impossible from the present level be level k come back? found: a level that was left later
 * explains it already, or -1. A restart that is measured is taken back only by a rise, also from a false level on which
 * the meter counted since. Of held levels the first one counts, but for one that the register left upwards: what lies
 * on the higher level, or on one left from there, is no return to the lower.
 */
static bool may_be_back(const struct meter *m, const struct meter_def *def, int k, int found,
	const struct meter_sample *s)
{
	const struct meter_left *l = &m->left[k];
	uint64_t raw = s->obs.hourmeter, end = k + 1 < m->n_left ? m->left[k + 1].raw : m->raw;

	if (l->by != METER_MANUAL)
		return found < 0 && raw > end && !lacks_few_of_now(m, def, l, s);
	if (!m->holding)
		return false;
	return l->down || (raw < l->next && !lacks_few(def, l, s)) || (found < 0 && raw > end);
}

/* All ones are what a lost device shows, also when a counter might have come so far. */
static bool all_ones(const struct meter_def *def, uint64_t raw)
{
	return raw == meter_modulus(&def->counter) - 1;
}

/* All ones; and a counter near zero that drops by a few is not where it was before it restarted. */
static bool is_no_level(const struct meter *m, const struct meter_def *def, const struct meter_sample *s)
{
	uint64_t modulus = meter_modulus(&def->counter), raw = s->obs.hourmeter, down = meter_forward(raw, m->raw, modulus);

	return all_ones(def, raw) || (raw > m->raw && meter_counts_ms(def, down) <= NEAR_SLACKS * meter_slack_ms(def,
		s->rtt_ms, 0));
}

void meter_level_mark_near(struct meter *m, const struct meter_def *def, const struct meter_sample *s, int64_t elapsed)
{
	for (int k = 0; k < m->n_left; k++) {
		bool may = k == m->n_left - 1 || may_be_back(m, def, k, -1, s);

		/* a false level that is far off takes nothing from what was near: that goes on when the false one is over */
		m->left[k].near |= may && !is_no_level(m, def, s) &&
			above_within(m, def, &m->left[k], s, elapsed, NEAR_SLACKS) >= 0;
	}
}

/* What has been added since the level was left. */
static int64_t gone_ms(const struct meter *m, const struct meter_left *l)
{
	return meter_sum_ms(m) - l->sum_ms;
}

/* The register left it upwards, and has counted more since than its return would leave: it has come round to it. */
static bool came_round(const struct meter *m, const struct meter_def *def, const struct meter_left *l,
	const struct meter_sample *s, int64_t above_ms)
{
	int64_t room = NEAR_SLACKS * meter_slack_ms(def, s->rtt_ms, above_ms);

	return l->by == METER_MANUAL && !l->down && gone_ms(m, l) > above_ms + room;
}

int meter_level_find(const struct meter *m, const struct meter_def *def, const struct meter_sample *s, int64_t elapsed,
	int64_t *ret_above)
{
	int found = -1;

	*ret_above = 0;
	if (is_no_level(m, def, s))
		return -1;
	for (int k = m->n_left - 1; k >= 0; k--) {
		int64_t ms = may_be_back(m, def, k, found, s) ? above(m, def, &m->left[k], s, elapsed) : -1;

		if (ms < 0 || came_round(m, def, &m->left[k], s, ms))
			continue;
		*ret_above = ms;
		found = k;
	}
	return found;
}

/*
 * Does this step of `way` counts lead to the level, or past it by ms? Only where the register did not count far by
 * itself before: what ran for long on the level that it stands on is no return, whatever number it comes by. And one
 * that stood near above the old level is on it when the time allows for that.
 */
static bool leads_to(const struct meter *m, const struct meter_def *def, const struct meter_left *l, uint64_t way,
	int64_t ms)
{
	int64_t gone = gone_ms(m, l);

	if (l->near && ms >= gone + meter_counts_ms(def, way))
		return true;
	return meter_forward(m->raw, l->raw, meter_modulus(&def->counter)) <= way && gone <= ms + METER_OWN_MS;
}

int meter_level_passed(const struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	int64_t elapsed)
{
	uint64_t way = meter_forward(m->raw, s->obs.hourmeter, meter_modulus(&def->counter));
	int found = -1;

	if (all_ones(def, s->obs.hourmeter))
		return -1;
	/* what began anew at a restart counts on an axis of its own */
	for (int k = m->n_left - 1; k >= 0 && m->holding && m->left[k].by == METER_MANUAL; k--) {
		int64_t ms = above(m, def, &m->left[k], s, elapsed);

		if (ms >= 0 && leads_to(m, def, &m->left[k], way, ms))
			found = k;
	}
	return found;
}

/* Held levels whose number this step comes by without a return: the register stands above them now. */
static void rise_above(struct meter *m, uint64_t modulus, uint64_t raw)
{
	uint64_t way = meter_forward(m->raw, raw, modulus);

	for (int k = m->n_left - 1; k >= 0 && m->left[k].by == METER_MANUAL; k--)
		if (meter_forward(m->raw, m->left[k].raw, modulus) < way) {
			m->left[k].down = false;
			m->left[k].next = raw;
		}
}

void meter_level_count_past(struct meter *m, const struct meter_def *def, uint64_t raw)
{
	uint64_t modulus = meter_modulus(&def->counter), end, own;
	int k = m->n_left - 1;

	rise_above(m, modulus, raw);
	while (k >= 0 && m->left[k].by != METER_RESET)
		k--;
	if (k < 0)
		return;
	end = k + 1 < m->n_left ? m->left[k + 1].raw : raw;
	own = meter_forward(m->left[k].next, end, modulus);
	if (meter_counts_ms(def, own) < METER_OWN_MS && meter_forward(m->left[k].next, m->left[k].raw, modulus) > own)
		return;
	m->n_left -= k + 1;
	memmove(m->left, &m->left[k + 1], sizeof(m->left[0]) * (size_t)m->n_left);
}

/* Sums that began on the false level begin where it did: what is added now may lie before them. */
static void anchors_back(struct meter *m, const struct meter_left *l, int64_t sum, int64_t ms)
{
	for (int i = 0; i < ANCHORS; i++)
		if (m->anchor[i].t > l->t)
			m->anchor[i] = (struct meter_anchor){ l->t, sum - ms, l->rtt_ms };
}

int64_t meter_level_return(struct meter *m, const struct meter_def *def, int k, const struct meter_sample *s,
	struct meter_verdict *v)
{
	const struct meter_left l = m->left[k];
	int64_t ms = meter_counts_ms(def, meter_forward(l.raw, s->obs.hourmeter, meter_modulus(&def->counter)));
	int64_t grown = l.sum_ms + ms - m->ext_ms;
	bool held = m->holding && l.held;

	v->class = METER_RETURN;
	v->left_wall = l.wall_ms;
	v->left_t = l.t;
	v->left_raw = l.raw;
	v->left_running = l.running;
	m->n_left = k;
	m->holding = held;
	m->held_ms = held && grown > 0 ? grown : 0;
	v->late_held_ms = ms < m->held_ms ? ms : m->held_ms;
	if (held)
		grown = grown < 0 ? grown : 0;
	v->excess_ms = grown < 0 ? -grown : 0;
	/* E keeps the excess, which sessions lose: the sums of levels below count it as well */
	for (int j = 0; j < k; j++)
		m->left[j].sum_ms += v->excess_ms;
	grown = grown > 0 ? grown : 0;
	anchors_back(m, &l, meter_sum_ms(m) + grown, ms);
	return grown;
}

int64_t meter_level_add(struct meter *m, int64_t ms, struct meter_verdict *v)
{
	if (!m->holding)
		return ms;
	m->held_ms += ms;
	v->fresh_held_ms = ms;
	return 0;
}

/* Of what is held, the oldest part is measured: all, or what lies below a level that was left within the hold. */
static int64_t release(struct meter *m, int64_t ms, struct meter_verdict *v)
{
	if (!m->holding)
		return 0;
	v->released = true;
	v->left_wall = m->held_wall_ms;
	v->left_t = m->held_t;
	for (int k = 0; k < m->n_left; k++)
		if (m->left[k].by == METER_MANUAL && m->left[k].t == m->held_t) {
			v->left_raw = m->left[k].raw;
			v->left_running = m->left[k].running;
		}
	m->ext_ms += ms;
	m->held_ms -= ms;
	return ms;
}

static int64_t release_all(struct meter *m, struct meter_verdict *v)
{
	int64_t ms = release(m, m->held_ms, v);

	m->holding = false;
	for (int k = 0; k < m->n_left; k++)
		m->left[k].held = false;
	return ms;
}

/* The day of the hold is over. Another level that was left in it less than a day ago has a day of its own. */
static int64_t release_oldest(struct meter *m, struct meter_verdict *v)
{
	int64_t below, ms;
	int k = 0;

	while (k < m->n_left && (m->left[k].by != METER_MANUAL || !m->left[k].held ||
			m->t - m->left[k].t >= METER_LEVEL_MS))
		k++;
	if (k == m->n_left)
		return release_all(m, v);
	below = m->left[k].sum_ms - m->ext_ms;
	ms = release(m, below < 0 ? 0 : below < m->held_ms ? below : m->held_ms, v);
	m->left[k].held = false;
	m->held_t = m->left[k].t;
	m->held_wall_ms = m->left[k].wall_ms;
	return ms;
}

int64_t meter_level_forget(struct meter *m, struct meter_verdict *v)
{
	int64_t ms = release_all(m, v);

	m->n_left = 0;
	return ms;
}

int64_t meter_level_expire(struct meter *m, struct meter_verdict *v)
{
	/* a return has said what became of the time since its level was left: a hold around it waits for the next one */
	bool over = m->holding && m->t - m->held_t >= METER_LEVEL_MS && v->class != METER_RETURN;
	int64_t ms = over ? release_oldest(m, v) : 0;
	int n = 0;

	for (int k = 0; k < m->n_left; k++)
		if (m->left[k].by == METER_MANUAL ? m->holding && m->left[k].t >= m->held_t : m->t - m->left[k].t <
			METER_LEVEL_MS)
			m->left[n++] = m->left[k];
	m->n_left = n;
	return ms;
}

bool meter_accept_level(struct meter *m, struct meter_verdict *ret)
{
	struct meter_verdict *v = ret;

	memset(v, 0, sizeof(*v));
	if (!m->holding)
		return false;
	v->at = m->wall_ms;
	v->raw = m->raw;
	v->running = v->was_running = m->running;
	v->late_ms = v->added_ms = meter_level_forget(m, v);
	return true;
}
