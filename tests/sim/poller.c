/*
 * poller.c - what a poll of the simulated world tells the ledger: readings that are doubled or lie, links that go up
 * and down, and the interlock by the real core/interlock.c against a relay that may be stuck. When a poll is made is in
 * line.c. Owns nothing.
 */
#include <assert.h>
#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

static int64_t boot_ms(const struct world *w)
{
	return w->true_ms - w->boot_base_ms;
}

static int device_index(const struct world *w, const char *instrument)
{
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		if (strcmp(w->devices[i].d.id, instrument) == 0)
			return i;
	assert(!"unknown instrument");
	return 0;
}

/* Of the other units behind the gateway the ledger knows nothing. */
static bool booked(int i)
{
	return i < WORLD_INSTRUMENTS;
}

static void tell(struct world *w, struct msg *m)
{
	w->told = true;
	queue_push(w->in, m);
}

static void push_link(struct world *w, int i, bool up)
{
	struct msg_link *m;

	w->devices[i].link_up = up;
	w->devices[i].told = true;
	if (up)
		w->devices[i].up_since = boot_ms(w);
	if (!booked(i))
		return;
	m = msg_new(MSG_LINK, sizeof(*m));
	m->head.at = world_stamp(w);
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", w->devices[i].d.id);
	m->up = up;
	lt_fmt(m->why, sizeof(m->why), "%s", up ? "answers" : "no answer");
	tell(w, &m->head);
}

/* The interlock ------------------------------------------------------------------------------------------- */

static void push_lock(struct world *w, int i, const struct interlock_result *r)
{
	struct world_device *d = &w->devices[i];
	struct msg_interlock *m = msg_new(MSG_INTERLOCK, sizeof(*m));

	m->head.at = world_stamp(w);
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", d->d.id);
	m->lock = (uint8_t)d->lock.lock;
	m->drift = r->drift;
	lt_fmt(m->why, sizeof(m->why), "%s", r->why);
	d->reported_at = w->true_ms;
	d->reported_lock = m->lock;
	tell(w, &m->head);
}

static enum interlock_action step(struct world *w, int i, bool direct)
{
	static const struct interlock_rules rules = { .fail_locked = true, .verify_ms = 2000 };
	struct world_device *d = &w->devices[i];
	struct interlock_view v = { .now = boot_ms(w), .desired = (enum lt_lock)d->lease.desired, .lease_at = d->lease_at,
		.valid_until = d->lease.valid_until_boot_ms, .up_since = d->up_since,
		.read_back = d->d.locked ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED, .run = d->d.running ? RUN_ON : RUN_OFF,
			.run_direct = direct };
	struct interlock_result r;
	enum lt_lock want;

	interlock_step(&d->lock, &rules, &v, &r);
	if (r.changed || r.drift)
		push_lock(w, i, &r);
	if (r.action != INTERLOCK_WRITE_LOCK && r.action != INTERLOCK_WRITE_UNLOCK)
		return r.action;
	want = r.action == INTERLOCK_WRITE_LOCK ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED;
	if (want == LT_LOCK_LOCKED && d->d.running)
		world_violate(w, "%s was locked while it ran", d->d.id);
	if (want == LT_LOCK_UNLOCKED && (v.now >= v.valid_until || v.desired != LT_LOCK_UNLOCKED))
		world_violate(w, "%s was unlocked without a lease", d->d.id);
	if (!d->stuck)
		d->d.locked = want == LT_LOCK_LOCKED;
	interlock_wrote(&d->lock, &rules, want, true, v.now);
	return r.action;
}

void poller_follow(struct world *w, int i)
{
	enum interlock_action a;

	if (!w->devices[i].gated || !w->devices[i].link_up)
		return;
	a = step(w, i, false);
	if (a == INTERLOCK_READ_RUN)
		a = step(w, i, true);
	if (a == INTERLOCK_WRITE_LOCK || a == INTERLOCK_WRITE_UNLOCK)
		step(w, i, true); /* the read-back */
}

/* Only a check-in, or a run that is on in a booked session, asks for an unlocked instrument. */
static void check_lease(struct world *w, const struct lease *l)
{
	if (l->desired != LT_LOCK_UNLOCKED)
		return;
	if (w->disk)
		w->disk->pause(true);
	if (db_one_int(w->db, 0, "SELECT COUNT(*) FROM session WHERE instrument = ?1 AND kind = 'booked' AND state IN "
			"('open','running','idle','unknown') AND (checkin_at IS NOT NULL OR first_run_at IS NOT NULL)", "t", l->instrument) == 0)
		world_violate(w, "%s: a lease to unlock without a check-in or a run", l->instrument);
	if (w->disk)
		w->disk->pause(false);
}

void poller_leases(struct world *w, const struct msg_leases *m)
{
	for (int k = 0; k < m->n; k++) {
		int i = device_index(w, m->leases[k].instrument);
		check_lease(w, &m->leases[k]);
		line_lease(w, i, &m->leases[k]);
	}
}

/* Readings ------------------------------------------------------------------------------------------------ */

void poller_tell(struct world *w, int i, uint64_t ticket, uint32_t flags, int64_t rtt_ms,
	const struct lt_observation *obs)
{
	struct msg_reading *m, *again;

	if (!booked(i))
		return;
	m = msg_new(MSG_READING, sizeof(*m));
	m->head.at = world_stamp(w);
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", w->devices[i].d.id);
	m->ticket = ticket;
	m->flags = flags;
	m->rtt_ms = (uint32_t)rtt_ms;
	if (obs) {
		m->obs = *obs;
		w->devices[i].delivered++;
		w->stats.readings++;
		world_trace(w, "read %s raw %llu run %d", w->devices[i].d.id, (unsigned long long)m->obs.hourmeter, m->obs.running);
	}
	if (obs && !ticket && trouble_chance(w, TROUBLE_TWICE, 10)) { /* I6: the same reading twice adds nothing */
		again = msg_new(MSG_READING, sizeof(*again));
		again->head.at = m->head.at;
		memcpy(again->instrument, m->instrument, sizeof(m->instrument));
		again->flags = m->flags;
		again->rtt_ms = m->rtt_ms;
		again->obs = m->obs;
		tell(w, &again->head);
	}
	tell(w, &m->head);
}

void poller_observe(struct world *w, int i, struct lt_observation *obs)
{
	struct device *d = &w->devices[i].d;
	uint64_t truth;

	if (!booked(i))
		return;
	device_read(d, w->true_ms, obs);
	if (!w->devices[i].gated)
		obs->have &= ~(uint32_t)LT_HAVE_INTERLOCK;
	if (!trouble_chance(w, TROUBLE_LIE, 2))
		return;
	truth = obs->hourmeter;
	obs->hourmeter = rng_in(&w->rng, 0, 1) ? 0 : rng_next(&w->rng) % d->modulus; /* a lie: one wild value */
	/* a value that the time since the last poll explains is no lie that anybody could tell from the truth */
	if ((obs->hourmeter + d->modulus - truth) % d->modulus * (uint64_t)d->count_ms < (uint64_t)(4 * w->poll_ms))
		obs->hourmeter = (truth + d->modulus / 2) % d->modulus;
	d->lies++;
	w->stats.lies++;
	world_mark(w, i);
}

void poller_up(struct world *w, int i)
{
	if (w->devices[i].link_up)
		return;
	push_link(w, i, true);
	if (booked(i))
		world_at(w, w->true_ms + WORLD_RENEW_MS, EV_TICK, 0, 0, 0); /* it waits for a fresh lease */
}

void poller_down(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];
	struct interlock_result r = { .why = "the link is down" };

	if (d->told && !d->link_up)
		return;
	push_link(w, i, false);
	if (interlock_lost(&d->lock) && d->gated)
		push_lock(w, i, &r);
}

void poller_forced(struct world *w, const struct msg_poll *m)
{
	line_ticket(w, device_index(w, m->instrument), m);
}

void poller_crashed(struct world *w)
{
	for (int i = 0; i < WORLD_UNITS; i++) {
		struct world_device *d = &w->devices[i];
		d->lock = (struct interlock){ 0 };
		d->lease = (struct lease){ 0 };
		d->link_up = d->told = false;
		d->reported_lock = LT_LOCK_UNKNOWN;
		d->reported_at = w->true_ms;
	}
	line_started(w);
}
