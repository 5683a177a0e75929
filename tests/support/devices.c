/* devices.c - see devices.h. Owns nothing; asserts instead of failing. */
#include "support/devices.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/booking.h"
#include "app/metering.h"
#include "app/timers.h"
#include "common/fmt.h"
#include "core/meter.h"

#define QUIET_MS LT_MINUTE      /* so long every poll is made after a change */

static int index_of(struct devices *d, const char *instrument)
{
	for (int k = 0; k < 3; k++)
		if (strcmp(d->w->instruments[k].id, instrument) == 0)
			return k;
	abort();
}

void devices_poll(struct devices *d, int k)
{
	struct device *v = &d->of[k];
	struct msg_reading m = { .head.at = d->w->now, .rtt_ms = 5 };

	devices_look(d);
	v->polls++;
	v->polled_at = d->w->now.wall_ms;
	if (v->silent)
		return;
	lt_fmt(m.instrument, sizeof(m.instrument), "%s", d->w->instruments[k].id);
	m.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE | LT_HAVE_INTERLOCK | LT_HAVE_FAULT;
	m.obs.hourmeter = (v->base + (uint64_t)(v->run_ms / 1000)) * v->per_s & 0xffffffff;
	if (v->stuck || v->lie)
		m.obs.hourmeter = v->stuck ? v->stuck_raw : v->lie_raw;
	if (v->no_count)
		m.obs.have &= ~(uint32_t)LT_HAVE_HOURMETER;
	m.obs.running = v->on;
	m.obs.fault = v->faulty;
	m.obs.interlock = v->lock;
	v->lie = false;
	if (world_end(d->w, metering_reading(world_act(d->w, NULL), &m)) != 0)
		abort();
}

void devices_look(struct devices *d)
{
	struct clock_step none;

	if (clock_must_notice(&d->clock, d->w->boot_id, d->w->now)) {
		if (world_end(d->w, clock_notice(world_act(d->w, NULL), &d->clock)) != 0)
			abort();
		return;
	}
	clock_look(&d->clock.clock, d->w->boot_id, d->w->now.boot_ms, d->w->now.wall_ms, 0, &none);
	if (clock_waits(&d->clock.clock, d->w->now.boot_ms)) /* somebody may have said go */
		d->clock.clock.waits_until = world_int(d->w, "SELECT waits_until FROM clock");
}

int devices_act(struct devices *d, const char *user, int (*use_case)(struct act *a, void *arg), void *arg)
{
	char park[LT_ID];
	int k, r;
	struct act *a;

	devices_look(d);
	r = world_end(d->w, use_case(world_act(d->w, user), arg));

	if (r != ACT_PARKED)
		return r;
	lt_fmt(park, sizeof(park), "%s", d->w->effects.park);
	k = index_of(d, park);
	devices_poll(d, k);
	a = world_act(d->w, user);
	a->polled = !d->of[k].silent;
	a->unread = d->of[k].silent;
	return world_end(d->w, use_case(a, arg));
}

struct firing { const struct timer_kind *kind; int64_t ref, due; };

static int fire_it(struct act *a, void *arg)
{
	struct firing *f = arg;

	act_timer_clear(a, f->kind->name, f->ref);
	return f->kind->fire(a, f->ref, f->due);
}

/* The first timer that does not wait for a steady clock; its due time, far away when there is none. */
static int64_t first_due(struct devices *d, struct firing *ret)
{
	bool waits = clock_waits(&d->clock.clock, d->w->now.boot_ms);
	struct stmt *s = db_query(d->w->db, "SELECT kind, ref, due_at FROM timer ORDER BY due_at, kind, ref", "");
	char name[40];

	*ret = (struct firing){ .due = INT64_C(253402300799000) };
	while (db_step(s) == DB_ROW && !ret->kind) {
		db_copy_text(s, 0, name, sizeof(name));
		*ret = (struct firing){ timer_kind_find(name), db_int(s, 1), db_int(s, 2) };
		assert(ret->kind);
		if (waits && (ret->kind->flags & TIMER_TAKES))
			*ret = (struct firing){ .due = INT64_C(253402300799000) };
	}
	db_end(s);
	return ret->due;
}

static void fire_next(struct devices *d)
{
	struct firing f;

	first_due(d, &f);
	if (!f.kind || devices_act(d, NULL, fire_it, &f) != 0)
		abort();
}

static int64_t next_due(struct devices *d)
{
	struct firing f;

	return first_due(d, &f);
}

/* What a controller would answer, and what is on its way to be seen. */
static uint64_t shows(const struct device *v)
{
	return (uint64_t)v->on | (uint64_t)v->faulty << 1 | (uint64_t)v->stuck << 2 | (uint64_t)v->no_count << 3 |
		(uint64_t)v->silent << 4 | (uint64_t)v->lie << 5 | (uint64_t)v->lock << 8 |
		((v->base + (uint64_t)(v->run_ms / 1000)) * v->per_s + v->stuck_raw) << 16;
}

/*
 * Where nothing changes each poll answers what the one before did: only so many are made that no silence is a gap, and
 * those on both sides of what a test or a timer does, so that readings are as fresh there as if all had been made.
 */
static bool rests(struct devices *d, int k, int64_t at, int64_t quiet_to)
{
	const struct instrument *i = &d->w->instruments[k];
	struct device *v = &d->of[k];

	if (shows(v) != v->shown) {
		v->shown = shows(v);
		v->shown_at = at;
	}
	return !v->on && !v->faulty && at - v->shown_at >= QUIET_MS && at + d->poll_ms <= quiet_to &&
		at - v->polled_at + d->poll_ms < meter_gap_ms(&i->meter, i->policy.gap_ms);
}

static void poll_all(struct devices *d, int64_t at, int64_t quiet_to)
{
	for (int k = 0; k < d->w->site.n_instruments; k++)
		if (!rests(d, k, at, quiet_to))
			devices_poll(d, k);
}

static void pass(struct devices *d, int64_t ms)
{
	for (int k = 0; k < 3; k++)
		d->of[k].run_ms += d->of[k].on ? ms : 0;
	world_sleep(d->w, ms);
}

void devices_run(struct devices *d, int64_t ms)
{
	int64_t to = d->w->now.wall_ms + ms;

	devices_look(d);
	while (next_due(d) <= d->w->now.wall_ms)
		fire_next(d);
	while (d->w->now.wall_ms < to) {
		int64_t now = d->w->now.wall_ms, next = now - now % d->poll_ms + d->poll_ms, due = next_due(d);

		next = next < to ? next : to;
		pass(d, (due < next ? due : next) - now);
		devices_look(d);
		if (due >= next)
			poll_all(d, next, due < to ? due : to);
		for (; next_due(d) <= d->w->now.wall_ms; fire_next(d))
			for (int k = 0; k < 3; k++)
				d->of[k].shown_at = next; /* the polls after it are made */
	}
}

void devices_init(struct devices *d, struct world *w)
{
	memset(d, 0, sizeof(*d));
	d->w = w;
	d->poll_ms = 5 * LT_SECOND;
	for (int k = 0; k < 3; k++) {
		d->of[k].base = 5000;
		d->of[k].per_s = 1;
		d->of[k].lock = LT_LOCK_UNLOCKED;
		if (world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[k])) != 0)
			abort();
		devices_poll(d, k);
	}
}
