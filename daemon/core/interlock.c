/*
 * interlock.c - the pure reconciling step of interlock.h. Owns nothing, cannot fail: every doubt ends in "do nothing
 * to a machine that may be running".
 */
#include "core/interlock.h"

/* What should hold now, by the lease or by the fail mode. UNKNOWN: leave it as it is. */
static enum lt_lock wish_of(const struct interlock_rules *r, const struct interlock_view *v, bool *ret_leased)
{
	*ret_leased = v->desired != LT_LOCK_UNKNOWN && v->now < v->valid_until;
	if (*ret_leased)
		return v->desired;
	return r->fail_locked && !r->gates_power ? LT_LOCK_LOCKED : LT_LOCK_UNKNOWN;
}

static void take_read_back(struct interlock *s, const struct interlock_view *v, struct interlock_result *ret)
{
	enum lt_lock before = s->lock;

	s->lock = v->read_back;
	if (s->pending != LT_LOCK_UNKNOWN && v->read_back == s->pending) {
		s->verified = v->read_back;
		s->pending = LT_LOCK_UNKNOWN;
	} else if (s->pending != LT_LOCK_UNKNOWN && v->now >= s->verify_until) {
		s->pending = LT_LOCK_UNKNOWN;
		s->verified = LT_LOCK_UNKNOWN;
		ret->why = "the write was not read back in time";
	} else if (s->pending == LT_LOCK_UNKNOWN && s->verified != LT_LOCK_UNKNOWN && v->read_back != LT_LOCK_UNKNOWN &&
		   v->read_back != s->verified) {
		s->verified = LT_LOCK_UNKNOWN;
		ret->drift = true;
		ret->why = "the device left the state that was verified";
	}
	ret->changed = before != s->lock;
}

static enum interlock_action lock_action(const struct interlock_rules *r, const struct interlock_view *v,
	struct interlock_result *ret)
{
	if (r->hard_stop)
		return INTERLOCK_WRITE_LOCK;
	if (!v->run_direct)
		return INTERLOCK_READ_RUN;
	if (v->run == RUN_OFF)
		return INTERLOCK_WRITE_LOCK;
	ret->why = v->run == RUN_ON ? "running: it is locked when the run ends" : "the run bit is unknown: not locked";
	return INTERLOCK_REST;
}

void interlock_step(struct interlock *s, const struct interlock_rules *r, const struct interlock_view *v,
		    struct interlock_result *ret)
{
	enum lt_lock wish;
	bool leased;

	*ret = (struct interlock_result){ .why = "" };
	take_read_back(s, v, ret);
	wish = wish_of(r, v, &leased);
	ret->feed = leased && r->has_watchdog && !r->gates_power;
	if (wish == LT_LOCK_UNKNOWN)
		return;
	if (s->lock == wish) {
		if (s->pending == LT_LOCK_UNKNOWN)
			s->verified = wish;
		return;
	}
	if (s->pending == wish && v->now < s->verify_until)
		return;
	if (wish == LT_LOCK_LOCKED)
		ret->action = lock_action(r, v, ret);
	else if (v->lease_at >= v->up_since)
		ret->action = INTERLOCK_WRITE_UNLOCK;
	else
		ret->why = "waiting for a fresh lease after the reconnect";
}

void interlock_wrote(struct interlock *s, const struct interlock_rules *r, enum lt_lock what, bool ok, int64_t now)
{
	s->verified = LT_LOCK_UNKNOWN;
	s->pending = ok ? what : LT_LOCK_UNKNOWN;
	s->verify_until = now + r->verify_ms;
}

bool interlock_lost(struct interlock *s)
{
	bool known = s->lock != LT_LOCK_UNKNOWN;

	*s = (struct interlock){ 0 };
	return known;
}

void interlock_lapse(struct interlock_view *v)
{
	v->valid_until = v->now;
}
