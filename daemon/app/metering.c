/*
 * metering.c - the items of the turn that come from controllers, recovery after a stop, and what others ask: the
 * interlock wish, usable minutes, open gaps. Owns nothing; a reading, its E and its attribution are one savepoint.
 */
#include "app/metering.h"

#include <string.h>

#include "app/clock.h"
#include "app/session_step.h"
#include "common/fmt.h"
#include "store/clock.h"

int64_t metering_gap_limit(struct act *a, const struct instrument *i)
{
	struct policy p;
	int64_t version;

	if (terms_policy_at(a, i->id, a->now.wall_ms, &p, &version) != 0)
		return meter_gap_ms(&i->meter, i->policy.gap_ms);
	return meter_gap_ms(&i->meter, p.gap_ms);
}

int metering_session_starts(struct act *a, const struct instrument *i)
{
	struct meter m;
	int rc = store_meter_load(a->db, i->id, &m);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	meter_session_starts(&m, &i->meter);
	return store_meter_save(a->db, i->id, &m);
}

/* ---- one reading ---- */

static int keep_evidence(struct act *a, const struct reading_now *r, const struct msg_reading *m, const char *detail)
{
	struct reading e = { .at = r->v.at, .boot_ms = m->head.at.boot_ms, .raw = r->v.raw, .ext_ms = r->m.ext_ms,
		.running = r->v.running };
	bool edge = r->v.running != r->v.was_running, forced = m->flags & READING_FORCED;

	if (!r->v.audit && !edge && !forced && detail[0] == '\0' && r->v.class != METER_FIRST &&
	    r->v.at - store_reading_last(a->db, r->i->id) < EVIDENCE_MS)
		return act_end(a);
	e.id = act_id(a, "reading");
	lt_fmt(e.instrument, sizeof(e.instrument), "%s", r->i->id);
	lt_fmt(e.class, sizeof(e.class), "%s", meter_class_name(r->v.class));
	lt_fmt(e.cause, sizeof(e.cause), "%s", forced ? "forced" : edge ? "edge" : r->v.gap ? "gap" : r->v.audit
		? "class" : "periodic");
	lt_fmt(e.detail, sizeof(e.detail), "%s%s", r->v.by_wall && r->v.class != METER_FIRST ? "clock=wall " : "", detail);
	return store_reading_add(a->db, &e);
}

static int take_fault(struct act *a, const struct reading_now *r, const struct msg_reading *m)
{
	bool faulty = (m->obs.have & LT_HAVE_FAULT) && m->obs.fault != 0;
	struct event_row e = { .kind = faulty ? "fault" : "fault_over", .instrument = r->i->id };

	if (faulty == r->v.was_faulty)
		return 0;
	lt_fmt(e.detail, sizeof(e.detail), faulty ? "the instrument says it has fault %d" : "the fault is over",
		(int)m->obs.fault);
	act_event(a, &e);
	if (faulty)
		return store_outage_begin(a->db, act_id(a, "outage"), r->i->id, "fault", reading_instant(r, r->v.at));
	return store_outage_end(a->db, r->i->id, "fault", reading_instant(r, r->v.at));
}

/* By how much the wall clock and BOOTTIME parted since the last good reading; a step itself is app/clock.c's matter. */
static int64_t parted_ms(const struct meter *m, struct stamp at)
{
	return m->phase == METER_NEW ? 0 : at.wall_ms - m->wall_ms - (at.boot_ms - m->boot_ms);
}

/* The evidence says so where this reading showed it. */
static void evidence_detail(const struct reading_now *r, int64_t parted, char detail[120])
{
	const char *redefined = r->v.redefined ? "the configuration defines the meter otherwise" : "";

	lt_fmt(detail, 120, "%s", redefined);
	if (parted > CLOCK_STEP_MS && !r->v.by_wall)
		lt_fmt(detail, 120, "CLOCK_STEP %lld ms%s%s", (long long)parted, redefined[0] ? "; " : "", redefined);
}

static int suspect(struct act *a, struct reading_now *r, const struct msg_reading *m)
{
	int rc = r->v.audit ? keep_evidence(a, r, m, "") : 0;

	act_timer(a, "reread", store_unit_of(a->db, r->i->id), a->now.wall_ms + r->v.reread_ms);
	return rc != 0 ? rc : store_meter_save(a->db, r->i->id, &r->m);
}

/* Nobody could read it: as if it had been down since the reading before. What a clock jumped over has a row of its own,
 * which does not hold where the clock is set back. */
static void note_silence(struct act *a, const struct reading_now *r, int64_t parted)
{
	int64_t to = r->read_at + r->v.elapsed_ms - (r->v.clock ? parted : 0);

	if (r->v.gap && r->v.class != METER_FIRST && to > r->read_at)
		store_outage_add(a->db, act_id(a, "outage"), r->i->id, "down", r->read_at, to);
}

static int accepted(struct act *a, struct reading_now *r, int64_t parted, const struct msg_reading *m)
{
	char detail[120];
	int rc;

	evidence_detail(r, parted, detail);
	note_silence(a, r, parted);
	/* the state first: a session that opens in this reading begins its budget there */
	rc = store_meter_save(a->db, r->i->id, &r->m);
	if (rc == 0)
		rc = take_fault(a, r, m);
	if (rc == 0)
		rc = keep_evidence(a, r, m, detail);
	if (rc == 0)
		rc = metering_attribute(a, r);
	if (rc == 0 && r->v.audit)
		act_audit(a, "meter_class", r->i->id, "", meter_class_name(r->v.class), detail);
	/* bookings arm their edges; what a session began or ended by a reading changes is armed here */
	if (rc == 0 && (r->v.running != r->v.was_running || r->v.gap || r->v.class == METER_FIRST))
		rc = metering_arm(a, r->i->id);
	return rc;
}

int metering_reading(struct act *a, const struct msg_reading *m)
{
	struct reading_now r = { .i = site_instrument(a->site, m->instrument), .has_bit = m->obs.have & LT_HAVE_STATE };
	struct meter_sample s = { .obs = m->obs, .boot_ms = m->head.at.boot_ms, .wall_ms = m->head.at.wall_ms,
		.rtt_ms = (int32_t)(m->rtt_ms > 60000 ? 60000 : m->rtt_ms), .boot_id = a->boot_id };
	int64_t parted;
	int rc;

	if ((m->flags & READING_UNREAD) || !r.i || r.i->meter.kind == METER_NONE)
		return act_end(a);
	if (!a->who.actor[0])
		lt_fmt(a->who.actor, sizeof(a->who.actor), "meter");
	if ((m->obs.have & LT_HAVE_INTERLOCK) && m->obs.interlock <= LT_LOCK_UNLOCKED)
		r.lock = (enum lt_lock)m->obs.interlock;
	s.obs.serial[sizeof(s.obs.serial) - 1] = '\0';
	rc = store_meter_load(a->db, r.i->id, &r.m);
	if (rc < 0)
		return rc;
	parted = parted_ms(&r.m, m->head.at);
	r.read_at = metering_read_at(a, &r.m);
	s.unsteady = parted > CLOCK_STEP_MS && clock_is_unsteady(a);
	meter_read(&r.m, &r.i->meter, metering_gap_limit(a, r.i), &s, &r.v);
	if (r.v.class == METER_STALE)
		return act_end(a);
	rc = r.v.class == METER_SUSPECT ? suspect(a, &r, m) : accepted(a, &r, parted, m);
	return rc != 0 ? rc : act_end(a);
}

/* ---- the controller itself ---- */

int metering_link(struct act *a, const struct msg_link *m)
{
	bool known = !m->up && store_link_down(a->db, m->instrument); /* only the reason is another */
	struct event_row e = { .kind = m->up ? "link_up" : "link_down", .instrument = m->instrument };
	struct session s;
	int rc;

	if (!site_instrument(a->site, m->instrument))
		return act_end(a);
	rc = store_link_set(a->db, m->instrument, m->up ? "up" : "down", m->up ? "" : m->why, a->now.wall_ms);
	if (known)
		return rc != 0 ? rc : act_end(a);
	if (rc == 0 && m->up)
		rc = store_outage_end(a->db, m->instrument, "down", a->now.wall_ms);
	else if (rc == 0)
		rc = store_outage_begin(a->db, act_id(a, "outage"), m->instrument, "down", a->now.wall_ms);
	if (rc == 0 && m->up)
		rc = metering_lock_watch(a, m->instrument);
	if (rc == 0 && !m->up)
		rc = store_lock_set(a->db, m->instrument, LT_LOCK_UNKNOWN, a->now.wall_ms);
	if (rc != 0)
		return rc;
	lt_fmt(e.detail, sizeof(e.detail), "%s", m->why);
	act_event(a, &e);
	act_lease(a, m->instrument);
	rc = session_open_on(a, m->instrument, &s);
	if (rc == 0 && !m->up && s.state != SESSION_UNKNOWN)
		act_timer(a, "gap", store_unit_of(a->db, m->instrument),
			a->now.wall_ms + metering_gap_limit(a, site_instrument(a->site, m->instrument)));
	return rc < 0 ? rc : act_end(a);
}

int metering_interlock(struct act *a, const struct msg_interlock *m)
{
	struct event_row e = { .kind = "interlock_drift", .instrument = m->instrument };
	int rc;

	if (!site_instrument(a->site, m->instrument) || m->lock > LT_LOCK_UNLOCKED)
		return act_end(a);
	rc = store_lock_set(a->db, m->instrument, (enum lt_lock)m->lock, a->now.wall_ms);
	if (m->drift) {
		lt_fmt(e.detail, sizeof(e.detail), "%s", m->why);
		act_event(a, &e);
		act_audit(a, "interlock_drift", m->instrument, "", store_lock_name((enum lt_lock)m->lock), m->why);
	}
	if (rc == 0)
		rc = metering_lock_watch(a, m->instrument);
	return rc != 0 ? rc : act_end(a);
}

/* ---- after a stop ---- */

/* One row for whatever asks when the instrument could be used. */
static int unwatched(struct act *a, const struct instrument *i, struct interval labels)
{
	if (interval_empty(labels))
		return 0;
	return store_outage_add(a->db, act_id(a, "outage"), i->id, "unwatched", labels.from, labels.to);
}

int metering_unwatched(struct act *a, struct interval labels)
{
	int rc = 0;

	for (int k = 0; k < a->site->n_instruments && rc == 0; k++)
		if (store_unit_of(a->db, a->site->instruments[k].id))
			rc = unwatched(a, &a->site->instruments[k], labels);
	return rc != 0 ? rc : act_end(a);
}

static int recover_one(struct act *a, const struct instrument *i)
{
	struct session s;
	struct meter m;
	int64_t now = a->now.wall_ms, limit = metering_gap_limit(a, i), silent, read;
	int rc = store_meter_load(a->db, i->id, &m);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		m.lost = true;
		silent = metering_silent_ms(a, &m, false); /* what the clock jumped over has a row of its own */
		rc = store_meter_save(a->db, i->id, &m);
		read = metering_read_at(a, &m);
		if (rc == 0)
			rc = unwatched(a, i, (struct interval){ read, read + silent });
		if (rc != 0)
			return rc;
	}
	store_link_set(a->db, i->id, "unknown", "labtimed has just started", now);
	store_outage_end(a->db, i->id, "down", now);
	if (i->interlock.mode == INTERLOCK_NONE)
		store_outage_end(a->db, i->id, "locked", now);
	store_lock_set(a->db, i->id, LT_LOCK_UNKNOWN, now);
	act_lease(a, i->id);
	rc = session_open_on(a, i->id, &s);
	if (rc == 0 && s.state != SESSION_UNKNOWN && m.phase != METER_NEW && metering_silent_ms(a, &m, true) > limit)
		rc = metering_lost(a, &s, m.wall_ms);
	else if (rc == 0)
		act_timer(a, "gap", store_unit_of(a->db, i->id), now + limit);
	return rc < 0 ? rc : metering_arm(a, i->id);
}

int metering_recover(struct act *a)
{
	int rc = 0;

	for (int k = 0; k < a->site->n_instruments && rc == 0; k++)
		if (store_unit_of(a->db, a->site->instruments[k].id))
			rc = recover_one(a, &a->site->instruments[k]);
	return rc != 0 ? rc : act_end(a);
}

/* ---- questions ---- */

/* R28: past the end a run keeps its permission only where the policy says `continue`. */
static bool past_end_locks(struct act *a, const struct session *s)
{
	struct booking b;
	struct policy p;

	if (booking_load(a, s->booking, &b) != 0 ||
	    a->now.wall_ms < clock_not_inside(a, s->id, b.booked_to, CLOCK_NOTICE_MS))
		return false;
	return terms_policy(a, s->instrument, b.policy_version, &p) == 0 && p.overrun != OVERRUN_CONTINUE;
}

int metering_desired(struct act *a, const char *instrument, enum lt_lock *ret)
{
	const struct instrument *i = site_instrument(a->site, instrument);
	struct session s;
	bool on;
	int rc;

	*ret = LT_LOCK_UNKNOWN;
	if (!i || i->interlock.mode == INTERLOCK_NONE)
		return act_end(a);
	rc = session_open_on(a, instrument, &s);
	if (rc < 0)
		return rc;
	*ret = LT_LOCK_LOCKED;
	if (rc == 1 || s.kind != SESSION_BOOKED || s.checkout_wish_at)
		return act_end(a);
	on = s.state == SESSION_RUNNING || (s.state == SESSION_UNKNOWN && s.first_run_at && !s.last_run_end_at);
	if ((s.checkin_at || on) && !past_end_locks(a, &s))
		*ret = LT_LOCK_UNLOCKED;
	return act_end(a);
}

int64_t metering_silent_ms(struct act *a, const struct meter *m, bool jumps)
{
	int64_t wall = a->now.wall_ms - m->wall_ms, boot = a->now.boot_ms - m->boot_ms;

	if (strncmp(m->boot_id, a->boot_id, sizeof(m->boot_id) - 1) != 0)
		return wall;
	return jumps && wall > boot ? wall : boot;
}

int64_t metering_read_at(struct act *a, const struct meter *m)
{
	int64_t at = a->now.wall_ms - metering_silent_ms(a, m, false), stepped;

	if (m->wall_ms < at - CLOCK_STEP_MS || m->wall_ms > at + CLOCK_STEP_MS) { /* else it had no lead and made no step */
		stepped = store_clock_stepped_ms(a->db, a->boot_id, m->boot_ms);
		at -= stepped > 0 ? stepped : 0;
	}
	return m->wall_ms < at ? m->wall_ms : at;
}

int metering_in_gap(struct act *a, const char *instrument, int64_t at, bool *ret)
{
	const struct instrument *i = site_instrument(a->site, instrument);
	struct meter m;
	int64_t ahead = at > a->now.wall_ms ? at - a->now.wall_ms : 0, read; /* of now */
	int rc;

	*ret = false;
	if (!i || i->meter.kind == METER_NONE)
		return act_end(a);
	rc = store_meter_load(a->db, instrument, &m);
	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	/* an instant ahead of the clock is a label itself, as those of readings are after a set-back */
	read = at > a->now.wall_ms ? m.wall_ms : metering_read_at(a, &m);
	if (m.phase == METER_IN_DOUBT || (m.lost && read <= at))
		*ret = true;
	else
		*ret = read < at && metering_silent_ms(a, &m, true) + ahead > metering_gap_limit(a, i);
	return act_end(a);
}
