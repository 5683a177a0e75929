/*
 * clock_lost.c - labels that a presence did not live through (clock_lost.h). Owns nothing, cannot fail: with more steps
 * than fit it is coarser.
 */
#include "core/clock_lost.h"

#define STRETCHES (CLOCK_STEPS_MAX + 1)

/* The labels that the clock showed from step k - 1 to step k; may be empty. */
static struct interval stretch(const struct clock_presence *p, int k)
{
	struct interval shown = { k > 0 ? p->steps[k - 1].wall_ms : p->from,
		k < p->n ? p->steps[k].wall_ms - p->steps[k].step_ms : p->to };

	if (shown.to < shown.from)
		shown.to = shown.from;
	return shown;
}

static bool holds(struct interval x, int64_t at) { return at >= x.from && at < x.to; }

void clock_presence_add(struct clock_presence *p, const struct clock_step *s, int64_t taken_from)
{
	struct clock_step *last;

	if (p->n < CLOCK_STEPS_MAX) {
		p->taken_from[p->n] = taken_from;
		p->steps[p->n++] = *s;
		return;
	}
	last = &p->steps[CLOCK_STEPS_MAX - 1];
	last->step_ms = s->wall_ms - (last->wall_ms - last->step_ms);
	last->boot_ms = s->boot_ms;
	last->wall_ms = s->wall_ms;
	last->jump = last->jump || s->jump;
	last->skipped = (struct interval){ s->wall_ms - (last->step_ms > 0 ? last->step_ms : 0), s->wall_ms };
}

int clock_lost(const struct clock_presence *p, struct interval in, struct interval *ret, int cap)
{
	struct interval skipped[CLOCK_STEPS_MAX], shown[STRETCHES], lost[CLOCK_STEPS_MAX + STRETCHES];
	int64_t high = 0;
	int n = 0, m, k;

	for (k = 0; k < p->n; k++)
		if (p->steps[k].step_ms > 0)
			skipped[n++] = interval_cut(p->steps[k].skipped, in);
	if (n == 0)
		return 0;
	for (m = 0; m <= p->n; m++) {
		shown[m] = stretch(p, m);
		if (p->onward && shown[m].from < high)
			shown[m].from = high;
		high = shown[m].to > high ? shown[m].to : high;
		if (m < p->n && p->steps[m].wall_ms > high)
			high = p->steps[m].wall_ms;
		if (m < p->n && shown[m].to > p->taken_from[m])
			shown[m].to = p->taken_from[m] > shown[m].from ? p->taken_from[m] : shown[m].from;
		shown[m] = interval_cut(shown[m], in);
	}
	n = interval_merge(skipped, n);
	n = interval_subtract(skipped, n, shown, interval_merge(shown, m), lost);
	n = interval_fit(lost, n, cap);
	for (k = 0; k < n; k++)
		ret[k] = lost[k];
	return n;
}

static bool shown_before(const struct clock_presence *p, int step, int64_t at)
{
	for (int k = 0; k <= step; k++)
		if (holds(stretch(p, k), at))
			return true;
	return false;
}

const struct clock_step *clock_jump_over(const struct clock_presence *p, int64_t at, int64_t least_ms)
{
	for (int k = p->n - 1; k >= 0; k--) {
		const struct clock_step *s = &p->steps[k];

		if (s->jump && at >= s->skipped.from && at < s->wall_ms + least_ms && !shown_before(p, k, at))
			return s;
		if (at >= s->wall_ms) /* after this step the clock comes to it by itself */
			return NULL;
	}
	return NULL;
}

int64_t clock_told_at(const struct clock_presence *p, int64_t at, int64_t least_ms)
{
	const struct clock_step *s;

	while ((s = clock_jump_over(p, at, least_ms)) != NULL)
		at = s->wall_ms + least_ms;
	return at;
}

int64_t clock_passed_ms(const struct clock_presence *p, int64_t at)
{
	int64_t since = 0, skipped = -1;

	for (int k = p->n; k >= 0; k--) {
		struct interval shown = stretch(p, k);

		if (k == 0 && at < shown.from)
			at = shown.from;
		if (at >= shown.from && at <= shown.to)
			return since + shown.to - at;
		since += shown.to - shown.from;
		if (skipped < 0 && k > 0 && holds(p->steps[k - 1].skipped, at))
			skipped = since;
	}
	return skipped < 0 ? 0 : skipped;
}
