/* device.c - the scripted instrument. Owns nothing outside its struct; asserts on our own misuse. */
#include "sim/device.h"

#include <assert.h>
#include <string.h>

#include "common/fmt.h"

void device_init(struct device *d, const char *id, int64_t count_ms, uint64_t modulus, uint64_t offset)
{
	memset(d, 0, sizeof(*d));
	lt_fmt(d->id, sizeof(d->id), "%s", id);
	d->count_ms = count_ms;
	d->modulus = modulus ? modulus : UINT64_C(1) << 32;
	d->offset = offset;
	d->locked = true;
}

void spans_begin(struct device_spans *s, int64_t at)
{
	assert(s->n < DEVICE_SPANS);
	s->of[s->n++] = (struct device_span){ at, 0 };
}

void spans_end(struct device_spans *s, int64_t at)
{
	s->of[s->n - 1].to = at;
}

bool device_start(struct device *d, int64_t at, int by)
{
	if (d->running || d->locked || d->broken)
		return false;
	assert(d->n_runs < DEVICE_RUNS);
	d->runs[d->n_runs++] = (struct device_run){ .from = at, .by = by, .apart = d->rested };
	d->running = true;
	d->stalled_at = at;
	d->stalled_ms = 0;
	return true;
}

bool device_bypass(struct device *d, int64_t at, int by)
{
	bool was_locked = d->locked, started;

	d->locked = false;
	started = device_start(d, at, by);
	if (started)
		d->runs[d->n_runs - 1].bypassed = was_locked;
	d->locked = was_locked;
	return started;
}

static int64_t stalled_ms(const struct device *d, int64_t at)
{
	return d->stalled_ms + (d->stalled ? at - d->stalled_at : 0);
}

void device_stop(struct device *d, int64_t at)
{
	struct device_run *r;

	if (!d->running)
		return;
	r = &d->runs[d->n_runs - 1];
	r->to = at > r->from ? at : r->from + 1;
	r->counted_ms = r->to - r->from - stalled_ms(d, r->to);
	d->ran_ms += r->counted_ms;
	d->running = d->rested = false;
}

void device_stall(struct device *d, int64_t at, bool stalled)
{
	if (d->running)
		d->stalled_ms = stalled_ms(d, at);
	d->stalled_at = at;
	d->stalled = stalled;
}

static int64_t counted_ms(const struct device *d, int64_t at)
{
	return d->ran_ms + (d->running ? at - d->runs[d->n_runs - 1].from - stalled_ms(d, at) : 0);
}

void device_reset(struct device *d, int64_t at)
{
	bool was_on = d->running, bypassed = was_on && d->runs[d->n_runs - 1].bypassed;
	int by = was_on ? d->runs[d->n_runs - 1].by : 0;

	device_stop(d, at);
	d->forgotten_ms += d->ran_ms - d->read_ms;
	d->ran_ms = 0;
	d->read_ms = 0;
	d->offset = 0;
	d->boots++;
	d->booted_at = at;
	d->resets++;
	if (was_on) {
		device_bypass(d, d->runs[d->n_runs - 1].to, by);
		d->runs[d->n_runs - 1].bypassed = bypassed;
	}
}

static uint64_t count_of(const struct device *d, int64_t at)
{
	return (d->offset + (uint64_t)(counted_ms(d, at) / d->count_ms)) % d->modulus;
}

static uint64_t displayed(const struct device *d, uint64_t count)
{
	switch (d->display) {
	case DISPLAY_LESS:
		return (count + d->modulus - d->less) % d->modulus;
	case DISPLAY_ZERO:
		return 0;
	case DISPLAY_ONES:
		return d->modulus - 1;
	case DISPLAY_TRUE:
		break;
	}
	return count;
}

/* A restart that nobody saw, and the counter has passed since what it showed before: it seems to have gone on from
 * there, and what lies below is on nobody's bill. */
static void shows_true(struct device *d, int64_t at, uint64_t raw)
{
	if (d->read_resets != d->resets && raw >= d->read_raw)
		d->forgotten_ms += (int64_t)d->read_raw * d->count_ms;
	d->read_resets = d->resets;
	d->read_raw = raw;
	d->read_ms = counted_ms(d, at) / d->count_ms * d->count_ms;
}

void device_read(struct device *d, int64_t at, struct lt_observation *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->have = LT_HAVE_HOURMETER | LT_HAVE_STATE | LT_HAVE_INTERLOCK | LT_HAVE_BOOTS | LT_HAVE_FAULT;
	ret->fault = d->faulty ? 7 : 0;
	ret->boots = d->silent_boots ? 1 : d->boots;
	if (d->silent_boots) {
		ret->have |= LT_HAVE_UPTIME;
		ret->uptime_s = (uint64_t)((at - d->booted_at) / 1000);
	}
	ret->hourmeter = displayed(d, count_of(d, at));
	ret->running = d->running;
	ret->interlock = d->locked ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED;
	if (d->display == DISPLAY_TRUE)
		shows_true(d, at, ret->hourmeter);
	if (d->running)
		d->runs[d->n_runs - 1].seen++;
	else
		d->rested = true;
}

void device_fault(struct device *d, int64_t at)
{
	if (d->faulty)
		spans_end(&d->faults, at);
	else
		spans_begin(&d->faults, at);
	d->faulty = !d->faulty;
}

int64_t device_at_fault_ms(const struct device *d, int64_t from, int64_t to, int64_t now, int *ret_faults)
{
	int64_t sum = 0;

	*ret_faults = 0;
	for (int i = 0; i < d->faults.n; i++) {
		int64_t a = d->faults.of[i].from, b = d->faults.of[i].to ? d->faults.of[i].to : now, ran;

		a = a > from ? a : from;
		b = b < to ? b : to;
		ran = b > a ? device_truth_ms(d, a, b, now) : 0;
		sum += ran;
		*ret_faults += b > a;
	}
	return sum;
}

int64_t device_truth_ms(const struct device *d, int64_t from, int64_t to, int64_t now)
{
	int64_t sum = 0;

	for (int i = 0; i < d->n_runs; i++) {
		int64_t a = d->runs[i].from, b = d->runs[i].to ? d->runs[i].to : now;
		a = a > from ? a : from;
		b = b < to ? b : to;
		sum += b > a ? b - a : 0;
	}
	return sum;
}

int64_t device_unread_ms(const struct device *d, int64_t at)
{
	return counted_ms(d, at) - d->read_ms;
}

int64_t device_turns_in_ms(const struct device *d, int64_t at)
{
	return (int64_t)(d->modulus - count_of(d, at)) * d->count_ms;
}

int64_t device_level_ms(const struct device *d, int64_t at)
{
	return (int64_t)count_of(d, at) * d->count_ms;
}

int64_t device_counted_ms(const struct device *d, int64_t at)
{
	int64_t sum = d->running ? counted_ms(d, at) - d->ran_ms : 0;

	for (int i = 0; i < d->n_runs; i++)
		sum += d->runs[i].counted_ms;
	return sum;
}
