/*
 * meter.c - the classifier of meter.h. Owns nothing; every doubt bills nothing and is said.
 *
 * The bound of an interval or of a sum since an anchor is meter_slack_ms() above the time that went by (meter_def.c).
 */
#include "core/meter_level.h"

#include <string.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "core/clock.h"

#define RAW_NONE UINT64_C(0)

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

void meter_init(struct meter *m)
{
	memset(m, 0, sizeof(*m));
	m->phase = METER_NEW;
}

/*
 * The instant of a sample on the axis, relative to the last good reading. < 0: older than what is known. A wall clock
 * that jumped forward may be right (our machine was paused): the device may have counted all that time.
 */
static int64_t elapsed_since(const struct meter *m, const struct meter_sample *s, struct meter_verdict *v)
{
	bool other = strncmp(m->boot_id, s->boot_id, sizeof(m->boot_id) - 1) != 0;
	int64_t wall = s->wall_ms - m->wall_ms, boot = s->boot_ms - m->boot_ms + m->carried_ms;

	v->by_wall = other || m->carried;
	if (other)
		return max64(0, wall);
	if (s->boot_ms < m->boot_ms)
		return -1;
	v->clock = wall - boot > (s->unsteady ? CLOCK_STEP_MS : CLOCK_JUMP_MS);
	return v->clock ? wall : boot;
}

/* A doubtful reading is the first of another boot: what follows is timed from it, whatever the wall clock does. */
static void carry(struct meter *m, const struct meter_sample *s, int64_t elapsed)
{
	if (strncmp(m->boot_id, s->boot_id, sizeof(m->boot_id) - 1) == 0)
		return;
	m->carried = true;
	m->carried_ms = elapsed;
	m->boot_ms = s->boot_ms;
	lt_fmt(m->boot_id, sizeof(m->boot_id), "%s", s->boot_id);
}

/* Would adding d_ms now keep every sum within its budget? */
static bool possible(const struct meter *m, const struct meter_def *d, int64_t d_ms, int64_t elapsed, int32_t rtt_ms)
{
	int64_t t = m->t + elapsed;

	if (d_ms < 0 || d_ms > elapsed + meter_slack_ms(d, max64(rtt_ms, m->rtt_ms), elapsed))
		return false;
	if (d_ms == 0)
		return true;
	for (int i = 0; i < ANCHORS; i++) {
		const struct meter_anchor *a = &m->anchor[i];

		if (meter_sum_ms(m) - a->ext_ms + d_ms > t - a->t + meter_slack_ms(d, max64(rtt_ms, a->rtt_ms), t - a->t))
			return false;
	}
	return true;
}

/* Does its uptime say that it restarted since the last good reading? It runs on where the device does. */
static bool uptime_restarted(const struct meter *m, const struct lt_observation *o, int64_t elapsed, int64_t slack)
{
	if (!(o->have & LT_HAVE_UPTIME) || o->uptime_s >= UINT64_C(1) << 40)
		return false;
	if (m->have_uptime && o->uptime_s < m->uptime_s)
		return true;
	return (int64_t)o->uptime_s * 1000 + slack < elapsed + (m->have_uptime ? (int64_t)m->uptime_s * 1000 - 2000 : 0);
}

/* Did the device restart since the last good reading, as far as it says? */
static bool rebooted(const struct meter *m, const struct lt_observation *o, int64_t elapsed, int64_t slack)
{
	if (m->have_boots && (o->have & LT_HAVE_BOOTS) && o->boots != m->boots)
		return true;
	return uptime_restarted(m, o, elapsed, slack);
}

/* Does it say that it did not? A count of boots may be a constant, so an uptime that restarted outweighs it. */
static bool surely_up(const struct meter *m, const struct lt_observation *o, int64_t elapsed, int64_t slack)
{
	if (rebooted(m, o, elapsed, slack))
		return false;
	if (m->have_boots && (o->have & LT_HAVE_BOOTS))
		return true;
	return (o->have & LT_HAVE_UPTIME) && (o->uptime_s >= UINT64_C(1) << 40 || (int64_t)o->uptime_s * 1000 > elapsed +
		slack);
}

static bool serial_changed(const struct meter *m, const struct lt_observation *o)
{
	return (o->have & LT_HAVE_SERIAL) && o->serial[0] && m->serial[0] && strcmp(m->serial, o->serial) != 0;
}

/* Is what is read now the count of another meter? Then nothing can be told from the difference of the two values. */
static bool other_meter(const struct meter *m, const struct meter_def *d, const struct lt_observation *o)
{
	return serial_changed(m, o) || meter_redefined(m, d);
}

static void anchors_roll(struct meter *m)
{
	static const struct { int which; int64_t span; } spans[] = { { ANCHOR_HOUR, LT_HOUR }, { ANCHOR_DAY, LT_DAY } };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		if (m->t - m->anchor[spans[i].which].t >= spans[i].span)
			m->anchor[spans[i].which] = (struct meter_anchor){ m->t, meter_sum_ms(m), m->rtt_ms };
}

/* The state moves on to this reading. */
static void settle_on(struct meter *m, const struct meter_def *def, const struct meter_sample *s, int64_t elapsed,
	uint64_t raw, int64_t added)
{
	const struct lt_observation *o = &s->obs;

	m->unit = meter_unit_of(def);
	m->t += elapsed;
	if (raw != m->raw || added)
		m->changed_t = m->t;
	m->raw = raw;
	m->ext_ms += added;
	m->boot_ms = s->boot_ms;
	m->wall_ms = max64(m->wall_ms, s->wall_ms);
	m->carried = false;
	m->carried_ms = 0;
	m->rtt_ms = s->rtt_ms;
	lt_fmt(m->boot_id, sizeof(m->boot_id), "%s", s->boot_id);
	m->lost = false;
	m->faulty = (o->have & LT_HAVE_FAULT) && o->fault != 0;
	if (o->have & LT_HAVE_BOOTS) {
		m->boots = o->boots;
		m->have_boots = true;
	}
	if (o->have & LT_HAVE_UPTIME) {
		m->uptime_s = o->uptime_s;
		m->have_uptime = true;
	}
	if ((o->have & LT_HAVE_SERIAL) && o->serial[0])
		memcpy(m->serial, o->serial, sizeof(m->serial));
	m->serial[sizeof(m->serial) - 1] = 0;
	m->phase = METER_LIVE;
	m->doubt.reads = 0;
	m->back.reads = 0;
	anchors_roll(m);
}

static void first(struct meter *m, const struct meter_def *def, const struct meter_sample *s, struct meter_verdict *v)
{
	uint64_t raw = def->kind == METER_COUNTER ? s->obs.hourmeter : RAW_NONE;

	v->class = METER_FIRST;
	v->accepted = true;
	v->from_wall = s->wall_ms;
	settle_on(m, def, s, 0, raw, 0);
	v->raw_from = raw;
	for (int i = 0; i < ANCHORS; i++)
		m->anchor[i] = (struct meter_anchor){ m->t, 0, s->rtt_ms };
	m->running = (s->obs.have & LT_HAVE_STATE) && s->obs.running;
}

/* The run bit at this reading; a counter without one runs while it moves. */
static bool running_now(const struct meter *m, const struct meter_def *def, const struct lt_observation *o,
	bool moves)
{
	if (o->have & LT_HAVE_STATE)
		return o->running != 0;
	if (moves)
		return true;
	return m->running && m->t - m->changed_t <= 2 * meter_resolution_ms(def) + def->poll_ms;
}

/* Coarse counters: of what the counter says, only what the run bit explains is somebody's. */
static int64_t quantised(struct meter *m, const struct meter_def *def, const struct meter_verdict *v, int64_t added)
{
	int64_t take;

	if (!meter_is_coarse(def))
		return 0;
	if (v->was_running && !v->gap)
		m->credit_ms += v->elapsed_ms;
	take = v->gap ? added : min64(added, m->credit_ms);
	m->credit_ms = max64(0, m->credit_ms - take);
	return added - take;
}

/* Does this reading show that the counter moves? A jump to another level does not. */
static bool moved(const struct meter *m, const struct meter_verdict *v, uint64_t raw)
{
	if (v->class == METER_MANUAL || v->class == METER_SWAP || v->class == METER_RETURN)
		return false;
	return v->class == METER_RESET ? raw > 0 : raw != m->raw;
}

/* The meter moves on to this reading, which shows that E grew by `grown`: of that v->late_ms lies before it. */
static void accept(struct meter *m, const struct meter_def *def, const struct meter_sample *s, struct meter_verdict *v,
	uint64_t raw, int64_t grown)
{
	bool moves = moved(m, v, raw);
	int64_t over;

	v->accepted = true;
	settle_on(m, def, s, v->elapsed_ms, raw, grown);
	over = meter_level_expire(m, v);
	v->late_ms += over;
	v->added_ms += grown + over;
	v->quantised_ms = quantised(m, def, v, v->added_ms - v->late_ms + v->fresh_held_ms);
	m->running = running_now(m, def, &s->obs, moves);
	v->running = m->running;
	v->held_ms = m->held_ms;
	v->audit = v->class != METER_NORMAL || v->by_wall || v->clock || v->released;
	v->review = v->class == METER_AMBIGUOUS || v->class == METER_SWAP || v->class == METER_MANUAL;
}

/* Is this value plausible against the old level? True: *ret_class and *ret_added. */
static bool plausible(const struct meter *m, const struct meter_def *def, const struct meter_sample *s, int64_t elapsed,
	int64_t slack,
		      enum meter_class *ret_class, int64_t *ret_added)
{
	uint64_t modulus = meter_modulus(&def->counter), raw = s->obs.hourmeter;
	int64_t whole = modulus ? meter_counts_ms(def, modulus) : INT64_MAX, d;

	if ((modulus && raw >= modulus) || other_meter(m, def, &s->obs))
		return false;
	if (raw < m->raw && rebooted(m, &s->obs, elapsed, slack))
		return false;
	d = raw < m->raw && !modulus ? -1 : meter_counts_ms(def, meter_forward(m->raw, raw, modulus));
	if (!possible(m, def, d, elapsed, s->rtt_ms))
		return false;
	*ret_class = elapsed >= whole ? METER_AMBIGUOUS : raw < m->raw ? METER_WRAP : METER_NORMAL;
	*ret_added = d;
	return true;
}

static int64_t confirm_ms(const struct meter_def *def)
{
	return max64(LT_SECOND, 2 * (int64_t)def->counter.refresh_ms);
}

/* One more reading of a level; it begins anew where the value does not go on. True when it has confirmed itself. */
static bool confirms(struct meter_track *k, const struct meter_def *def, const struct meter *m,
	const struct meter_sample *s, int64_t t, uint64_t modulus)
{
	uint64_t raw = s->obs.hourmeter;
	int64_t elapsed = t - k->t, room = elapsed + meter_slack_ms(def, max64(s->rtt_ms, m->rtt_ms), elapsed);

	if (k->reads == 0 || (raw < k->raw && !modulus) || meter_counts_ms(def, meter_forward(k->raw, raw, modulus)) > room)
		*k = (struct meter_track){ .since_t = t, .reads = 1 };
	else if (elapsed > 0)
		k->reads++;
	k->raw = raw;
	k->t = t;
	return k->reads > METER_REREADS && t - k->since_t >= confirm_ms(def);
}

/* The value does not fit the old level. True when a new one has confirmed itself. */
static bool leaves(struct meter *m, const struct meter_def *def, const struct meter_sample *s, int64_t t)
{
	const char *serial = s->obs.have & LT_HAVE_SERIAL ? s->obs.serial : "";

	if (strcmp(serial, m->doubt_serial) != 0)
		m->doubt.reads = 0;
	lt_fmt(m->doubt_serial, sizeof(m->doubt_serial), "%s", serial);
	m->phase = METER_IN_DOUBT;
	m->back.reads = 0;
	return confirms(&m->doubt, def, m, s, t, 0);
}

/*
 * After a value that did not fit, one that does: back at once, as it can add little. After a silence it could add much,
 * and a wild value may fit by chance: the old level has to confirm itself as well.
 */
static bool comes_back(struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	const struct meter_verdict *v)
{
	if (m->phase != METER_IN_DOUBT || !v->gap)
		return true;
	m->doubt.reads = 0;
	return confirms(&m->back, def, m, s, m->t + v->elapsed_ms, meter_modulus(&def->counter));
}

/* The old baseline is closed: what was held on it is measured, and its levels mean nothing any more. The sums since the
 * anchors were bounded by the old definition's slack, so that they begin anew with another one. */
static void swap(struct meter *m, const struct meter_def *def, struct meter_verdict *v)
{
	v->class = METER_SWAP;
	v->redefined = meter_redefined(m, def);
	v->added_ms = v->late_ms = meter_level_forget(m, v);
	for (int i = 0; i < ANCHORS && v->redefined; i++)
		m->anchor[i] = (struct meter_anchor){ m->t, meter_sum_ms(m), m->rtt_ms };
}

/* A level that does not fit has confirmed itself: an old one is back, a reset, another device, or a person says. */
static int64_t new_level(struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	struct meter_verdict *v)
{
	int64_t alone = meter_counts_ms(def, s->obs.hourmeter), window = max64(0, v->elapsed_ms - alone), above;
	bool reset = s->obs.hourmeter < m->raw && possible(m, def, alone, v->elapsed_ms, s->rtt_ms) &&
		!surely_up(m, &s->obs, v->elapsed_ms, v->slack_ms);
	int back = meter_level_find(m, def, s, v->elapsed_ms, &above);
	/* a level that counted more than its return would leave was none that is false: it began anew; and a restart is
	 * told from a level that turned over by adding less */
	bool anew = reset && back >= 0 && (m->held_ms > above || s->obs.hourmeter < m->left[back].raw);

	if (other_meter(m, def, &s->obs)) {
		swap(m, def, v);
		return 0;
	}
	if (back >= 0 && !anew) {
		v->late_ms = meter_level_return(m, def, back, s, v);
		return v->late_ms;
	}
	if (reset) {
		v->class = METER_RESET;
		v->estimated_ms = v->was_running && !m->holding ? min64(window, def->poll_ms) : 0;
		meter_level_leave(m, METER_RESET, s->obs.hourmeter);
		return meter_level_add(m, alone, v);
	}
	v->class = METER_MANUAL;
	meter_level_leave(m, METER_MANUAL, s->obs.hourmeter);
	meter_level_mark_near(m, def, s, v->elapsed_ms);
	return 0;
}

/* The value fits the level that the meter stands on. */
static int64_t same_level(struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	struct meter_verdict *v, int64_t added)
{
	int passed = meter_level_passed(m, def, s, v->elapsed_ms);

	if (passed >= 0) {
		v->late_ms = meter_level_return(m, def, passed, s, v);
		return v->late_ms;
	}
	meter_level_count_past(m, def, s->obs.hourmeter);
	return meter_level_add(m, added, v);
}

static void read_counter(struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	struct meter_verdict *v)
{
	bool was_doubted = m->phase == METER_IN_DOUBT;
	int64_t added = 0;

	if (!(s->obs.have & LT_HAVE_HOURMETER)) {
		v->class = METER_STALE;
		return;
	}
	if (plausible(m, def, s, v->elapsed_ms, v->slack_ms, &v->class, &added)) {
		if (comes_back(m, def, s, v)) {
			if (was_doubted && v->class == METER_NORMAL)
				v->class = METER_OUTLIER;
			added = same_level(m, def, s, v, added);
			accept(m, def, s, v, s->obs.hourmeter, added);
			return;
		}
	} else if (leaves(m, def, s, m->t + v->elapsed_ms)) {
		added = new_level(m, def, s, v);
		accept(m, def, s, v, s->obs.hourmeter, added);
		return;
	}
	v->class = METER_SUSPECT;
	v->audit = !was_doubted;
	v->reread_ms = confirm_ms(def) / METER_REREADS + 1;
}

/* A sampled bit: an interval counts only when the bit was on at its start and no reading is missing in it. */
static void read_state(struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	struct meter_verdict *v)
{
	int64_t added = v->was_running && !v->gap && !v->by_wall ? v->elapsed_ms : 0;

	if (!(s->obs.have & LT_HAVE_STATE)) {
		v->class = METER_STALE;
		return;
	}
	v->class = METER_NORMAL;
	if (other_meter(m, def, &s->obs)) {
		added = 0;
		swap(m, def, v);
	}
	accept(m, def, s, v, (v->redefined ? RAW_NONE : m->raw) + (uint64_t)added, added);
}

void meter_read(struct meter *m, const struct meter_def *def, int64_t gap_ms, const struct meter_sample *s,
	struct meter_verdict *ret)
{
	struct meter_verdict *v = ret;

	memset(v, 0, sizeof(*v));
	v->at = max64(s->wall_ms, m->wall_ms);
	v->lead_ms = v->at - s->wall_ms;
	v->raw = s->obs.hourmeter;
	v->was_running = v->running = m->running;
	v->was_faulty = m->faulty;
	v->raw_from = m->raw;
	v->from_wall = m->wall_ms;
	v->lag_ms = 2 * meter_resolution_ms(def) + def->poll_ms;
	if (m->phase == METER_NEW) {
		if (!(s->obs.have & (def->kind == METER_COUNTER ? LT_HAVE_HOURMETER : LT_HAVE_STATE))) {
			v->class = METER_STALE;
			return;
		}
		first(m, def, s, v);
		v->running = m->running;
		v->was_running = false;
		m->last = v->class;
		return;
	}
	v->elapsed_ms = elapsed_since(m, s, v);
	if (v->elapsed_ms < 0) {
		v->class = METER_STALE;
		return;
	}
	v->back = s->wall_ms < m->wall_ms || v->at - v->from_wall < v->elapsed_ms - CLOCK_STEP_MS;
	v->slack_ms = meter_slack_ms(def, max64(s->rtt_ms, m->rtt_ms), v->elapsed_ms);
	v->gap = m->lost || v->clock || v->elapsed_ms > gap_ms;
	if (def->kind == METER_STATE)
		read_state(m, def, s, v);
	else
		read_counter(m, def, s, v);
	v->faulty = m->faulty;
	v->raw = m->phase == METER_IN_DOUBT ? s->obs.hourmeter : m->raw;
	if (v->class == METER_SUSPECT)
		carry(m, s, v->elapsed_ms);
	if (v->class != METER_STALE)
		m->last = v->class;
}

void meter_session_starts(struct meter *m, const struct meter_def *def)
{
	m->anchor[ANCHOR_SESSION] = (struct meter_anchor){ m->t, meter_sum_ms(m), m->rtt_ms };
	m->credit_ms = def->poll_ms;
}
