/*
 * metering_lock.c - an interlock that does not follow: a relay may acknowledge a write and never move. Asked to open,
 * it reads shut: the instrument cannot be used from when it was asked until it reads open, and its user and the staff
 * are told. Asked to lock, it reads open: anybody can run it, and the staff are told. Decided from what the store
 * knows: the wish that sessions make and the last state that was read back.
 */
#include <string.h>

#include "app/session_step.h"
#include "app/timers.h"
#include "store/timer.h"

#define PATIENCE (10 * LT_SECOND)       /* a relay that opens is read open well before                          */

/* Is it asked to open, and reads shut? *ret_since: when both held for the first time. *s: whose session asks. */
static int stuck(struct act *a, const char *instrument, bool *ret, int64_t *ret_since, struct session *s)
{
	enum lt_lock wish, lock = store_lock_get(a->db, instrument, ret_since);
	int rc = metering_desired(a, instrument, &wish);
	int64_t asked;

	*ret = false;
	if (rc != 0 || wish != LT_LOCK_UNLOCKED || lock != LT_LOCK_LOCKED)
		return rc;
	rc = session_open_on(a, instrument, s);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	asked = s->checkin_at ? s->checkin_at : s->opened_at;
	/* a label ahead of a clock that was set back says nothing of when the lock was read */
	if (asked > *ret_since || *ret_since > a->now.wall_ms)
		*ret_since = asked;
	*ret = true;
	return 0;
}

/* Is it asked to lock, and reads open? While a run is on it is not locked. *ret_since: the end of the last session, or
 * when it was read open after that. */
static int left_open(struct act *a, const char *instrument, bool *ret, int64_t *ret_since)
{
	enum lt_lock wish;
	struct session last;
	struct usage run;
	int rc = metering_desired(a, instrument, &wish), on;

	*ret = rc == 0 && wish == LT_LOCK_LOCKED && store_lock_get(a->db, instrument, ret_since) == LT_LOCK_UNLOCKED;
	if (!*ret)
		return rc;
	on = store_usage_open(a->db, instrument, &run);
	*ret = on == 1;
	rc = store_session_last_closed(a->db, instrument, a->now.wall_ms, false, &last);
	if (rc == 0 && last.closed_at > *ret_since)
		*ret_since = last.closed_at;
	return on < 0 ? on : rc < 0 ? rc : 0;
}

/* How much of its patience is left, for what holds since then? A timer may have been set for what is over. */
static int64_t patience_left(struct act *a, const struct instrument *i, int64_t since)
{
	int64_t all = i->interlock.verify_ms + PATIENCE, passed = a->now.wall_ms - since;

	return passed < 0 ? all : all - passed;
}

static void watch_again(struct act *a, const struct instrument *i, int64_t unit)
{
	if (store_timer_due(a->db, "locked", unit) == INT64_MAX)
		act_timer(a, "locked", unit, a->now.wall_ms + i->interlock.verify_ms + PATIENCE);
}

int metering_lock_watch(struct act *a, const char *instrument)
{
	const struct instrument *i = site_instrument(a->site, instrument);
	int64_t unit = store_unit_of(a->db, instrument), since;
	struct session s;
	bool is;
	int rc;

	if (!i || i->interlock.mode == INTERLOCK_NONE)
		return act_end(a);
	if (store_lock_get(a->db, instrument, &since) == LT_LOCK_UNLOCKED) {
		rc = store_outage_end(a->db, instrument, "locked", a->now.wall_ms);
		if (rc == 0)
			rc = left_open(a, instrument, &is, &since);
	} else {
		rc = stuck(a, instrument, &is, &since, &s);
		is = is && !store_outage_is_open(a->db, instrument, "locked");
	}
	if (rc == 0 && is)
		watch_again(a, i, unit);
	return rc != 0 ? rc : act_end(a);
}

static int tell_left_open(struct act *a, const char *instrument)
{
	struct event_row e = { .kind = "interlock_open", .instrument = instrument };

	act_event(a, &e);
	act_audit(a, "interlock_open", instrument, "locked", "unlocked", "asked to lock, reads unlocked");
	return act_end(a);
}

static int tell_stuck(struct act *a, const char *instrument, const struct session *s, int64_t since)
{
	struct event_row e = { .kind = "interlock_stuck", .instrument = instrument, .org = s->org, .user = s->user,
		.booking = s->booking, .session = s->id, .facts.at = since };

	act_event(a, &e);
	act_audit(a, "interlock_stuck", instrument, "unlocked", "locked", "asked to open, reads locked");
	return store_outage_begin(a->db, act_id(a, "outage"), instrument, "locked", since);
}

int metering_lock_stuck(struct act *a, int64_t ref, int64_t due_at)
{
	const struct instrument *i;
	char id[LT_ID];
	struct session s;
	int64_t since;
	bool open, is = false;
	int rc;

	if (!store_unit_name(a->db, ref, id) || !(i = site_instrument(a->site, id)))
		return act_end(a);
	rc = left_open(a, id, &open, &since);
	if (rc == 0 && !open)
		rc = stuck(a, id, &is, &since, &s);
	if (rc != 0 || !(open || (is && !store_outage_is_open(a->db, id, "locked"))))
		return rc != 0 ? rc : act_end(a);
	if (patience_left(a, i, since) > 0) {
		act_timer(a, "locked", ref, a->now.wall_ms + patience_left(a, i, since));
		return act_end(a);
	}
	return open ? tell_left_open(a, id) : tell_stuck(a, id, &s, since);
}
