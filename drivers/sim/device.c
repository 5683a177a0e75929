/*
 * device.c - what a simulated instrument does: runs only when its interlock lets it, counts the seconds it ran, and
 * remembers each run as the truth that a bill is compared with. Owns the list of runs. No sockets, no clock.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/sim/sim.h"

static const char *const kinds[] = { "microscope", "sequencer", "power", "dio" };

const char *device_kind_name(enum sim_kind k)
{
	return kinds[k];
}

bool device_kind(const char *name, enum sim_kind *ret)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(name, kinds[i]) == 0) {
			*ret = (enum sim_kind)i;
			return true;
		}
	return false;
}

void device_init(struct sim_device *d, int64_t boot)
{
	d->started_boot = boot;
	d->boots = 1;
	d->power_w = 1500;
}

struct sim_device *device_deinit(struct sim_device *d)
{
	free(d->runs);
	d->runs = NULL;
	return NULL;
}

static int64_t current_ms(const struct sim_device *d, int64_t boot)
{
	return d->running && boot > d->run_boot ? boot - d->run_boot : 0;
}

bool device_run(struct sim_device *d, int64_t boot, int64_t wall)
{
	if (d->running)
		return true;
	if (!d->unlocked || boot < d->down_until) {
		d->refused_starts++;
		return false;
	}
	if (d->n_runs == d->cap_runs) {
		int cap = d->cap_runs ? d->cap_runs * 2 : 16;
		struct sim_run *runs = realloc(d->runs, sizeof(*runs) * (size_t)cap);
		if (!runs)
			return false;
		d->runs = runs;
		d->cap_runs = cap;
	}
	d->running = true;
	d->run_boot = boot;
	d->run_wall = wall;
	d->stop_at = 0;
	d->pulses++;
	return true;
}

void device_stop(struct sim_device *d, int64_t boot, int64_t wall)
{
	int64_t ms = current_ms(d, boot);

	if (!d->running)
		return;
	d->running = false;
	d->ran_ms += ms;
	d->stop_at = 0;
	d->runs[d->n_runs++] = (struct sim_run){ d->run_wall, wall, ms };
}

void device_lock(struct sim_device *d, bool unlocked, int64_t boot, int64_t wall)
{
	d->unlocked = unlocked;
	if (!unlocked && d->gates_power)
		device_stop(d, boot, wall);
}

void device_set_counter(struct sim_device *d, uint32_t value, int64_t boot)
{
	d->counter_base = value - (uint32_t)((d->ran_ms + current_ms(d, boot)) / 1000);
}

void device_reboot(struct sim_device *d, int64_t down_ms, int64_t boot, int64_t wall)
{
	device_stop(d, boot, wall);
	d->down_until = boot + down_ms;
	d->started_boot = d->down_until;
	d->boots++;
	d->unlocked = false;
	if (d->counter_volatile) {
		device_set_counter(d, 0, boot);
		d->pulses = 0;
	}
}

uint32_t device_counter(const struct sim_device *d, int64_t boot)
{
	return d->counter_base + (uint32_t)((d->ran_ms + current_ms(d, boot)) / 1000);
}

int64_t device_total_ms(const struct sim_device *d, int64_t boot)
{
	int64_t sum = current_ms(d, boot);

	for (int i = 0; i < d->n_runs; i++)
		sum += d->runs[i].ms;
	return sum;
}
