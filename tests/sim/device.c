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

bool device_start(struct device *d, int64_t at)
{
	if (d->running || d->locked)
		return false;
	assert(d->n_runs < DEVICE_RUNS);
	d->runs[d->n_runs++] = (struct device_run){ at, 0 };
	d->running = true;
	return true;
}

void device_stop(struct device *d, int64_t at)
{
	struct device_run *r;

	if (!d->running)
		return;
	r = &d->runs[d->n_runs - 1];
	r->to = at > r->from ? at : r->from + 1;
	d->ran_ms += r->to - r->from;
	d->running = false;
}

static int64_t counted_ms(const struct device *d, int64_t at)
{
	return d->ran_ms + (d->running ? at - d->runs[d->n_runs - 1].from : 0);
}

void device_reset(struct device *d, int64_t at)
{
	bool was_on = d->running;

	device_stop(d, at);
	d->forgotten_ms += d->ran_ms - d->read_ms;
	d->ran_ms = 0;
	d->read_ms = 0;
	d->offset = 0;
	d->boots++;
	if (was_on) {
		d->runs[d->n_runs] = (struct device_run){ d->runs[d->n_runs - 1].to, 0 };
		d->n_runs++;
		d->running = true;
	}
}

void device_read(struct device *d, int64_t at, struct lt_observation *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->have = LT_HAVE_HOURMETER | LT_HAVE_STATE | LT_HAVE_INTERLOCK | LT_HAVE_BOOTS | LT_HAVE_FAULT;
	ret->fault = d->faulty ? 7 : 0;
	ret->boots = d->boots;
	ret->hourmeter = (d->offset + (uint64_t)(counted_ms(d, at) / d->count_ms)) % d->modulus;
	ret->running = d->running;
	ret->interlock = d->locked ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED;
	d->read_ms = counted_ms(d, at) / d->count_ms * d->count_ms;
}

void device_fault(struct device *d, int64_t at)
{
	if (d->faulty) {
		d->faults[d->n_faults - 1].to = at;
	} else {
		assert(d->n_faults < DEVICE_FAULTS);
		d->faults[d->n_faults++] = (struct device_run){ at, 0 };
	}
	d->faulty = !d->faulty;
}

int64_t device_at_fault_ms(const struct device *d, int64_t from, int64_t to, int64_t now, int *ret_faults)
{
	int64_t sum = 0;

	*ret_faults = 0;
	for (int i = 0; i < d->n_faults; i++) {
		int64_t a = d->faults[i].from, b = d->faults[i].to ? d->faults[i].to : now, ran;

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
