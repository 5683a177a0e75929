/*
 * act.c - the small verbs every use case shares: refuse, park, ids, timers, events, audit.
 * Owns nothing. Statement errors stay sticky in the store; act_end() reports them.
 */
#include "app/act.h"

#include <stdarg.h>
#include <string.h>

#include "app/effects.h"
#include "common/fmt.h"

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

static bool link_down(struct act *a, const char *instrument)
{
	const struct instrument *i = site_instrument(a->site, instrument);

	if (!i || i->meter.kind == METER_NONE)
		return true;
	return db_one_int(a->db, 0, "SELECT link = 'down' FROM instrument WHERE id = ?1", "t", instrument) != 0;
}

int act_park(struct act *a, const char *instrument)
{
	if (a->polled || a->unread || a->dry_run)
		return 0;
	if (link_down(a, instrument)) {
		a->unread = true;
		return 0;
	}
	if (db_failed(a->db))
		return db_failed(a->db);
	lt_fmt(a->effects->park, sizeof(a->effects->park), "%s", instrument);
	return ACT_PARKED;
}

static bool listed(char list[][LT_ID], int n, const char *id)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list[i], id) == 0)
			return true;
	return false;
}

void act_poll(struct act *a, const char *instrument)
{
	struct effects *e = a->effects;

	if (e->n_polls < EFFECT_LIST && !listed(e->polls, e->n_polls, instrument))
		lt_fmt(e->polls[e->n_polls++], LT_ID, "%s", instrument);
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
	return db_one_int(a->db, 0, "INSERT INTO counter (name, next) VALUES (?1, 2) ON CONFLICT (name) DO UPDATE SET "
		"next = next + 1 RETURNING next - 1", "t", series);
}

void act_timer(struct act *a, const char *kind, int64_t ref, int64_t due_at)
{
	db_run(a->db, "INSERT INTO timer (kind, ref, due_at) VALUES (?1, ?2, ?3) ON CONFLICT (kind, ref) DO UPDATE SET "
		"due_at = excluded.due_at", "tii", kind, ref, due_at);
}

void act_timer_clear(struct act *a, const char *kind, int64_t ref)
{
	db_run(a->db, "DELETE FROM timer WHERE kind = ?1 AND ref = ?2", "ti", kind, ref);
}

static const char *text_or_null(const char *s) { return s && *s ? s : NULL; }
static const int64_t *id_or_null(const int64_t *v) { return *v ? v : NULL; }
static const char *text_or_empty(const char *s) { return s ? s : ""; }

void act_event(struct act *a, const struct event_row *e)
{
	int64_t id = act_id(a, "event");

	db_run(a->db, "INSERT INTO event (id, at, kind, instrument, org, user, booking, session, charge, detail) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", "iittttIIIt", id, a->now.wall_ms, e->kind,
		text_or_null(e->instrument), text_or_null(e->org), text_or_null(e->user), id_or_null(&e->booking),
		id_or_null(&e->session), id_or_null(&e->charge), e->detail);
}

void act_audit(struct act *a, const char *act, const char *object, const char *before, const char *after,
	const char *reason)
{
	int64_t id = act_id(a, "audit");

	db_run(a->db, "INSERT INTO audit (id, at, actor, act, object, before, after, reason) VALUES (?1, ?2, ?3, ?4, "
		"?5, ?6, ?7, ?8)", "iitttttt", id, a->now.wall_ms, a->who.actor, act, object, text_or_empty(before),
		text_or_empty(after), text_or_empty(reason));
}

bool act_is_staff(const struct act *a)
{
	return a->who.role == ROLE_MANAGER || a->who.role == ROLE_FINANCE || a->who.role == ROLE_ADMIN;
}
