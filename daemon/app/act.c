/*
 * act.c - the small verbs every use case shares: refuse, park, ids, timers, events, audit.
 * Owns nothing. Statement errors stay sticky in the store; act_end() reports them.
 */
#include "app/act.h"

#include <stdarg.h>
#include <string.h>

#include "app/effects.h"
#include "common/fmt.h"
#include "store/meter.h"
#include "store/timer.h"

int act_end(struct act *a)
{
	return db_failed(a->db);
}

int act_refuse(struct act *a, int status, const char *code, const char *field, const char *fmt, ...)
{
	struct lt_err *e = &a->refusal.err;
	va_list ap;

	a->refusal.status = status;
	memset(e, 0, sizeof(*e));
	lt_fmt(e->code, sizeof(e->code), "%s", code);
	lt_fmt(e->field, sizeof(e->field), "%s", field ? field : "");
	va_start(ap, fmt);
	lt_vfmt(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return ACT_REFUSED;
}

int act_refuse_facts(struct act *a, int status, const char *code, const char *field, const struct facts *facts)
{
	int rc = act_refuse(a, status, code, field, "%s", "");

	a->refusal.facts = *facts;
	return rc;
}

/* Nobody is there to be asked. A timer need not wait for a controller that is down; for a person it is asked. */
static bool no_answer(struct act *a, const char *instrument)
{
	const struct instrument *i = site_instrument(a->site, instrument);

	if (!i || i->meter.kind == METER_NONE)
		return true;
	return !a->person && store_link_down(a->db, instrument);
}

/* The device answered. Did the meter move on to what it said? A value that it doubts, or that has no count in it, tells
 * nothing of the time since the last good reading. */
static int believed(struct act *a, const char *instrument, bool *ret)
{
	const struct instrument *i = site_instrument(a->site, instrument);
	struct meter m;
	int rc;

	*ret = true;
	if (!i || i->meter.kind == METER_NONE)
		return 0;
	rc = store_meter_load(a->db, instrument, &m);
	*ret = rc == 0 && m.phase == METER_LIVE && (strncmp(m.boot_id, a->boot_id, sizeof(m.boot_id) - 1) != 0 ||
		m.boot_ms >= a->now.boot_ms);
	return rc < 0 ? rc : 0;
}

int act_park(struct act *a, const char *instrument)
{
	bool good = true;
	int rc = a->polled ? believed(a, instrument, &good) : 0;

	a->unread |= !good;
	if (a->polled || a->unread || a->dry_run)
		return rc;
	if (no_answer(a, instrument)) {
		a->unread = true;
		return 0;
	}
	if (db_failed(a->db))
		return db_failed(a->db);
	lt_fmt(a->effects->park, sizeof(a->effects->park), "%s", instrument);
	return ACT_PARKED;
}

bool act_blind(const struct act *a, const char *instrument)
{
	const struct instrument *i = site_instrument(a->site, instrument);

	return a->unread && i && i->meter.kind != METER_NONE;
}

static bool listed(char list[][LT_ID], int n, const char *id)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list[i], id) == 0)
			return true;
	return false;
}

bool act_poll(struct act *a, const char *instrument)
{
	struct effects *e = a->effects;

	if (listed(e->polls, e->n_polls, instrument))
		return true;
	if (e->n_polls == EFFECT_LIST)
		return false;
	lt_fmt(e->polls[e->n_polls++], LT_ID, "%s", instrument);
	return true;
}

void act_lease(struct act *a, const char *instrument)
{
	struct effects *e = a->effects;

	if (listed(e->leases, e->n_leases, instrument))
		return;
	if (e->n_leases == EFFECT_LIST)
		e->all_leases = true;
	else
		lt_fmt(e->leases[e->n_leases++], LT_ID, "%s", instrument);
}

int64_t act_id(struct act *a, const char *series)
{
	return store_next_id(a->db, series);
}

void act_timer(struct act *a, const char *kind, int64_t ref, int64_t due_at)
{
	store_timer_set(a->db, kind, ref, due_at);
}

void act_timer_clear(struct act *a, const char *kind, int64_t ref)
{
	store_timer_clear(a->db, kind, ref);
}

void act_event(struct act *a, const struct event_row *e)
{
	int64_t id = act_id(a, "event");

	store_event_add(a->db, id, a->now.wall_ms, e);
}

void act_audit(struct act *a, const char *act, const char *object, const char *before, const char *after,
	const char *reason)
{
	struct audit_row r = { .actor = a->who.actor, .act = act, .object = object, .before = before, .after = after,
		.reason = reason };
	int64_t id = act_id(a, "audit");

	store_audit_add(a->db, id, a->now.wall_ms, &r);
}

bool act_is_staff(const struct act *a)
{
	return a->who.role == ROLE_MANAGER || a->who.role == ROLE_FINANCE || a->who.role == ROLE_ADMIN;
}
