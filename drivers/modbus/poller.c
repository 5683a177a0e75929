/*
 * poller.c - the pollers' lists: devices by instrument, endpoints by address; start, reload, messages, stop.
 *
 * Owns devices, endpoints and their links. A reload builds everything new before it touches anything old, so that it
 * either succeeds or changes nothing. What a device does is in engine.c.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/modbus/private.h"

#define TIMEOUT_MS 1000
#define GRID_MS 10            /* ticks share their wake-ups: 200 a second are enough for any number of devices */
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

uint64_t poller_random(struct poller *p)
{
	uint64_t z = p->random += GOLDEN;

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Devices ------------------------------------------------------------------------------------------------ */

static struct device *device_free(struct device *d)
{
	if (!d)
		return NULL;
	free(d->state);
	free(d->requests);
	free(d);
	return NULL;
}

static int device_load(struct device *d, struct modbus_codec *codec, struct lt_err *err)
{
	const struct lt_driver *v = d->info.driver;
	struct lt_read reads[LT_READS_MAX];

	d->state = calloc(1, v->state_size ? v->state_size : 1);
	if (!d->state)
		return lt_err_set(err, "no-memory", "", "out of memory");
	if (v->load(d->state, d->target.profile, err) < 0)
		return -1;
	d->n_requests = v->plan(d->state, reads);
	if (d->n_requests < 1 || d->n_requests > LT_READS_MAX)
		return lt_err_set(err, "bad-profile", d->instrument, "its driver plans no request");
	d->requests = calloc((size_t)d->n_requests, sizeof(*d->requests));
	if (!d->requests)
		return lt_err_set(err, "no-memory", "", "out of memory");
	for (int i = 0; i < d->n_requests; i++)
		if (modbus_encode_read(codec, d->target.unit, &reads[i], &d->requests[i]) < 0)
			return lt_err_set(err, "bad-profile", d->instrument, "block %d of profile \"%s\" cannot be requested", i,
				d->info.name);
	return 0;
}

static void set_target(struct device *d, const struct poll_target *t)
{
	lt_fmt(d->instrument, sizeof(d->instrument), "%s", t->instrument);
	lt_fmt(d->host, sizeof(d->host), "%s", t->host);
	d->info = *lt_profile_info(t->profile);
	d->target = *t;
	d->target.instrument = d->instrument;
	d->target.host = d->host;
	d->target.poll_ms = t->poll_ms > 0 ? t->poll_ms : 1000;
	d->target.timeout_ms = t->timeout_ms > 0 ? t->timeout_ms : d->info.timeout_ms > 0 ? d->info.timeout_ms : TIMEOUT_MS;
	d->target.verify_ms = t->verify_ms > 0 ? t->verify_ms : 2000;
}

static struct device *device_new(struct poller *p, const struct poll_target *t, struct lt_err *err)
{
	struct device *d = calloc(1, sizeof(*d));

	if (!d) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return NULL;
	}
	set_target(d, t);
	d->rto = d->target.timeout_ms;
	d->at = (struct deadlines){ SCHEDULE_NEVER, SCHEDULE_NEVER, SCHEDULE_NEVER, SCHEDULE_NEVER };
	d->created = clock_boot_ms();
	if (device_load(d, p->o.codec, err) < 0)
		return device_free(d);
	return d;
}

static int by_instrument(const void *a, const void *b)
{
	return strcmp((*(struct device *const *)a)->instrument, (*(struct device *const *)b)->instrument);
}

static struct device *find(const struct poller *p, const char *instrument)
{
	int low = 0, high = p->n;

	while (low < high) {
		int mid = (low + high) / 2, c = strcmp(p->devices[mid]->instrument, instrument);
		if (c == 0)
			return p->devices[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool same(const struct device *d, const struct poll_target *t)
{
	struct device as = { 0 };

	set_target(&as, t);
	return strcmp(d->host, as.host) == 0 && d->target.port == as.target.port && d->target.unit == as.target.unit &&
	       d->target.poll_ms == as.target.poll_ms && d->target.timeout_ms == as.target.timeout_ms &&
	       d->target.verify_ms == as.target.verify_ms && d->target.interlock == as.target.interlock &&
	       d->target.gates_power == as.target.gates_power && d->target.fail_locked == as.target.fail_locked &&
	       d->target.hard_stop == as.target.hard_stop && lt_profile_equal(d->target.profile, as.target.profile);
}

/* Endpoints ---------------------------------------------------------------------------------------------- */

static struct endpoint *endpoint_free(struct endpoint *e)
{
	if (!e)
		return NULL;
	link_free(e->link);
	loop_timer_free(e->timer);
	free(e);
	return NULL;
}

static struct endpoint *endpoint_of(struct endpoint *list, const struct device *d)
{
	for (; list; list = list->next)
		if (list->port == d->target.port && strcmp(list->host, d->host) == 0)
			return list;
	return NULL;
}

static struct endpoint *endpoint_new(struct poller *p, const struct device *d, struct lt_err *err)
{
	struct endpoint *e = calloc(1, sizeof(*e));

	if (!e) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return NULL;
	}
	e->p = p;
	lt_fmt(e->host, sizeof(e->host), "%s", d->host);
	e->port = d->target.port;
	e->link = link_new(p->o.loop, p->o.codec, d->host, d->target.port, poller_random(p), err);
	e->timer = loop_timer_new(p->o.loop, LOOP_METER, line_timer, e);
	if (e->link && e->timer) {
		link_use_reserve(e->link, &p->reserve);
		link_on_late(e->link, line_late, e);
		return e;
	}
	if (e->link)
		lt_err_set(err, "no-memory", "", "out of memory");
	return endpoint_free(e);
}

/* What a freed endpoint counted stays in the totals: counters never go back. */
static void retire(struct poller *p, struct endpoint *e)
{
	const struct link_stats *s = link_stats(e->link);

	for (int i = 0; i < LINK_RESULTS; i++)
		p->retired[i] += s->results[i];
	p->retired_connects += s->connects;
	p->retired_strays += s->strays;
	endpoint_free(e);
}

static void attach(struct endpoint *e, struct device *d)
{
	d->endpoint = e;
	d->next = e->devices;
	e->devices = d;
}

static void detach(struct device *d)
{
	struct device **at = &d->endpoint->devices;

	engine_forget(d);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	d->endpoint = NULL;
}

/* Reload ------------------------------------------------------------------------------------------------- */

struct plan {
	struct device **devices;      /* one a target: kept or new */
	const struct poll_target **target;
	bool *kept;
	int n;
	struct endpoint *endpoints;   /* new ones */
};

static void plan_drop(struct plan *x)
{
	for (int i = 0; x->devices && i < x->n; i++)
		if (!x->kept[i])
			device_free(x->devices[i]);
	while (x->endpoints) {
		struct endpoint *e = x->endpoints;
		x->endpoints = e->next;
		endpoint_free(e);
	}
	free(x->devices);
	free(x->target);
	free(x->kept);
}

/* Everything that can fail. */
static int plan_make(struct poller *p, struct plan *x, const struct poll_target *targets, int n, struct lt_err *err)
{
	x->devices = calloc((size_t)n + 1, sizeof(*x->devices));
	x->target = calloc((size_t)n + 1, sizeof(*x->target));
	x->kept = calloc((size_t)n + 1, sizeof(*x->kept));
	if (!x->devices || !x->target || !x->kept)
		return lt_err_set(err, "no-memory", "", "out of memory");
	for (int i = 0; i < n; i++) {
		const struct poll_target *t = &targets[i];
		struct device *old = find(p, t->instrument);
		x->target[i] = t;
		x->kept[i] = old && same(old, t);
		x->devices[i] = x->kept[i] ? old : device_new(p, t, err);
		if (!x->devices[i])
			return -1;
		x->n = i + 1;
		if (endpoint_of(p->endpoints, x->devices[i]) || endpoint_of(x->endpoints, x->devices[i]))
			continue;
		struct endpoint *e = endpoint_new(p, x->devices[i], err);
		if (!e)
			return -1;
		e->next = x->endpoints;
		x->endpoints = e;
	}
	return 0;
}

/* A kept device goes on as it is, on the new snapshot's profile (same settings, other memory). */
static void keep(struct device *d, const struct poll_target *t)
{
	struct lt_err never;

	d->target.profile = t->profile;
	d->info = *lt_profile_info(t->profile);
	memset(d->state, 0, d->info.driver->state_size);
	if (d->info.driver->load(d->state, t->profile, &never) < 0)
		assert(!"a profile equal to a good one was refused");
}

/* Phases by the golden ratio: however many devices, any burst of them is spread over the period. */
static void spread(struct poller *p, struct device *d, uint64_t i)
{
	int64_t now = clock_boot_ms();
	uint64_t turn = (i * GOLDEN + p->o.seed) >> 32;

	d->phase = (int64_t)((turn * (uint64_t)d->target.poll_ms) >> 32);
	d->phase -= d->phase % GRID_MS;
	d->at.poll = schedule_tick(d->phase, d->target.poll_ms, now);
	d->on_tick = d->at.poll - now <= 1000;
	if (!d->on_tick)
		d->at.poll = now + (int64_t)(turn * 1000 >> 32); /* slow polls: the first one soon */
}

static void swap_in(struct poller *p, struct plan *x)
{
	struct endpoint **at;

	for (int i = 0; i < p->n; i++) {
		bool kept = false;
		for (int k = 0; k < x->n && !kept; k++)
			kept = x->kept[k] && x->devices[k] == p->devices[i];
		if (!kept) {
			detach(p->devices[i]);
			device_free(p->devices[i]);
		}
	}
	while (x->endpoints) {
		struct endpoint *e = x->endpoints;
		x->endpoints = e->next;
		e->next = p->endpoints;
		p->endpoints = e;
	}
	for (int i = 0; i < x->n; i++) {
		if (x->kept[i]) {
			keep(x->devices[i], x->target[i]);
			continue;
		}
		attach(endpoint_of(p->endpoints, x->devices[i]), x->devices[i]);
		spread(p, x->devices[i], (uint64_t)i + 1);
	}
	for (at = &p->endpoints; *at;) {
		struct endpoint *e = *at;
		if (e->devices) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		retire(p, e);
	}
	free(p->devices);
	p->devices = x->devices;
	p->n = x->n;
	x->devices = NULL;
	qsort(p->devices, (size_t)p->n, sizeof(struct device *), by_instrument);
}

int poller_reload(struct poller *p, const struct poll_target *targets, int n, struct lt_err *err)
{
	struct plan x = { 0 };

	if (plan_make(p, &x, targets, n, err) < 0) {
		plan_drop(&x);
		return -1;
	}
	swap_in(p, &x);
	plan_drop(&x);
	for (struct endpoint *e = p->endpoints; e; e = e->next)
		line_kick(e);
	return 0;
}

/* Life --------------------------------------------------------------------------------------------------- */

struct poller *poller_new(const struct poller_options *o, const struct poll_target *targets, int n, struct lt_err *err)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return NULL;
	}
	p->o = *o;
	p->random = o->seed;
	reserve_init(&p->reserve);
	if (poller_reload(p, targets, n, err) < 0)
		return poller_free(p);
	return p;
}

static void unread(struct poller *p, const struct msg_poll *m)
{
	struct msg_reading *r = msg_new(MSG_READING, sizeof(*r));

	if (!r)
		return;
	memcpy(r->instrument, m->instrument, sizeof(r->instrument));
	r->ticket = m->ticket;
	r->flags = READING_FORCED | READING_UNREAD;
	r->head.at = p->o.now();
	p->unread++;
	p->o.emit(p->o.arg, &r->head);
}

void poller_message(struct poller *p, const struct msg *m)
{
	const struct msg_leases *leases = (const struct msg_leases *)m;
	const struct msg_poll *poll = (const struct msg_poll *)m;
	struct device *d;

	if (m->kind == MSG_POLL) {
		d = find(p, poll->instrument);
		if (d)
			line_ticket(d, &(struct ticket){ poll->ticket, poll->deadline_boot_ms, 0 }, poll->urgent);
		else
			unread(p, poll);
	}
	for (int i = 0; m->kind == MSG_LEASES && i < leases->n; i++) {
		d = find(p, leases->leases[i].instrument);
		if (d)
			engine_lease(d, &leases->leases[i]);
	}
}

void poller_stop(struct poller *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	for (int i = 0; i < p->n; i++)
		engine_stop(p->devices[i]);
}

bool poller_idle(const struct poller *p)
{
	for (int i = 0; i < p->n; i++)
		if (!p->devices[i]->stopped || p->devices[i]->endpoint->active == p->devices[i])
			return false;
	return true;
}

struct poller *poller_free(struct poller *p)
{
	if (!p)
		return NULL;
	while (p->endpoints) {
		struct endpoint *e = p->endpoints;
		p->endpoints = e->next;
		endpoint_free(e);
	}
	for (int i = 0; i < p->n; i++)
		device_free(p->devices[i]);
	free(p->devices);
	reserve_deinit(&p->reserve);
	free(p);
	return NULL;
}
