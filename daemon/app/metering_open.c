/*
 * metering_open.c - whose session a run opens, and what a check-out closes (METERING.md, Sessions). A check-in is
 * metering_take.c's. Owns nothing.
 */
#include <string.h>

#include "app/clock.h"
#include "app/session_step.h"
#include "core/use.h"
#include "common/fmt.h"
#include "store/block.h"
#include "store/evidence.h"

/* The booking in which a run that begins at `from` lies, or that begins within its E. ret->id 0: none. */
static int booking_for_run(struct act *a, const struct instrument *i, int64_t from, struct booking *ret)
{
	struct policy p;
	int rc = booking_at(a, i->id, from, ret);

	if (rc <= 0)
		return rc;
	rc = booking_after(a, i->id, from, ret);
	if (rc == 0)
		rc = terms_policy(a, i->id, ret->policy_version, &p);
	if (rc == 0 && ret->booked_from - from <= p.early_ms)
		return 0;
	memset(ret, 0, sizeof(*ret));
	return rc < 0 ? rc : 0;
}

/* Was the meter read after the session closed and before `from`? */
static bool seen_since(struct act *a, const struct session *s, int64_t from)
{
	struct reading_copy r;

	return s->end_reading || (evidence_reading_after(a->db, s->instrument, s->closed_at + 1, &r) == 0 && r.at < from);
}

/*
 * Did a run without a check-in begin behind a locked interlock? What was last read back says so, and so does the
 * reading that shows the run: after a restart, or while the controller was away, it is all that is known. Where neither
 * says how the relay stands, it counts as locked. Only a check-in asks to unlock it, so whoever runs the instrument
 * without one has most likely got around it; a presumed session would charge the owner of the booking for that.
 */
static bool behind_lock(struct act *a, const struct reading_now *r, int64_t from)
{
	int64_t since;
	enum lt_lock was;

	if (r->i->interlock.mode == INTERLOCK_NONE)
		return false;
	was = store_lock_get(a->db, r->i->id, &since);
	if (r->lock == LT_LOCK_LOCKED || (was == LT_LOCK_LOCKED && since <= from))
		return true;
	return r->lock == LT_LOCK_UNKNOWN && was != LT_LOCK_UNLOCKED;
}

int session_of_another(struct act *a, const char *instrument, int64_t from, const char *org, int64_t within_ms,
	bool *ret)
{
	struct session last;
	int64_t ended;
	int rc = store_session_last_closed(a->db, instrument, a->now.wall_ms, true, &last);

	*ret = false;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	/* the run of a session that closed unread may have gone on until now */
	ended = seen_since(a, &last, from) ? session_over_at(&last) : from;
	*ret = strcmp(last.org, org) != 0 && from - ended < within_ms;
	return 0;
}

/* May a run without a check-in be somebody else's than the booking's? */
static int may_be_foreign(struct act *a, const struct reading_now *r, const struct booking *b, int64_t from, bool *ret)
{
	*ret = behind_lock(a, r, from);
	if (*ret || db_failed(a->db))
		return db_failed(a->db);
	return session_of_another(a, r->i->id, from, b->org, BYPASS_MS, ret);
}

int session_kind_at(struct act *a, const struct reading_now *r, int64_t from, enum session_kind *ret,
	bool *ret_bypassed, struct booking *ret_booking)
{
	int rc;

	memset(ret_booking, 0, sizeof(*ret_booking));
	*ret_bypassed = false;
	*ret = SESSION_INTERNAL;
	if (store_block_at(a->db, r->i->id, from))
		return act_end(a);
	*ret = SESSION_UNATTRIBUTED;
	rc = booking_for_run(a, r->i, from, ret_booking);
	if (rc == 0 && !ret_booking->id)
		*ret_bypassed = behind_lock(a, r, from);
	if (rc != 0 || !ret_booking->id)
		return rc < 0 ? rc : db_failed(a->db);
	if (!ret_booking->checkin_at || ret_booking->waiting) {
		rc = may_be_foreign(a, r, ret_booking, from, ret_bypassed);
		if (rc != 0)
			return rc;
	}
	if (!*ret_bypassed)
		*ret = SESSION_BOOKED;
	return 0;
}

int session_open_booked(struct act *a, const struct booking *b, int64_t at, const char *cause, bool presumed,
	int64_t checkin_at,
			struct session *ret)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->kind = SESSION_BOOKED;
	ret->booking = b->id;
	ret->presumed = presumed;
	ret->opened_at = at;
	ret->checkin_at = checkin_at;
	lt_fmt(ret->instrument, sizeof(ret->instrument), "%s", b->instrument);
	lt_fmt(ret->org, sizeof(ret->org), "%s", b->org);
	lt_fmt(ret->user, sizeof(ret->user), "%s", b->user);
	lt_fmt(ret->opened_cause, sizeof(ret->opened_cause), "%s", cause);
	rc = session_begin(a, ret);
	if (rc == 0)
		rc = booking_used(a, b->id, checkin_at > at ? checkin_at : at, cause);
	return rc != 0 ? rc : clock_session_opened(a, b->instrument);
}

void session_tell_owner(struct act *a, const struct booking *b, int64_t from)
{
	struct event_row e = { .kind = "booking.unattributed_run", .instrument = b->instrument, .org = b->org, .user = b->user,
		.booking = b->id, .facts.at = from };

	act_event(a, &e);
}

int session_open_by_run(struct act *a, const struct reading_now *r, int64_t from, struct session *ret)
{
	enum session_kind kind;
	struct booking b;
	bool bypassed;
	int rc = session_kind_at(a, r, from, &kind, &bypassed, &b);

	if (rc != 0)
		return rc;
	if (kind == SESSION_BOOKED)
		return session_open_booked(a, &b, from, "meter", b.checkin_at == 0, b.checkin_at, ret);
	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	ret->bypassed = bypassed;
	ret->opened_at = from;
	lt_fmt(ret->instrument, sizeof(ret->instrument), "%s", r->i->id);
	lt_fmt(ret->opened_cause, sizeof(ret->opened_cause), "meter");
	rc = session_begin(a, ret);
	if (rc == 0 && kind == SESSION_UNATTRIBUTED)
		rc = review_open(a, "unattributed", r->i->id, ret->id, "",
			!bypassed ? "a run without a booking" : b.id ? "interlock_bypassed: a run inside a booking that may be another's"
			: "interlock_bypassed: a run without a booking while the interlock did not read unlocked");
	if (rc == 0 && bypassed && b.id)
		session_tell_owner(a, &b, from);
	return rc;
}

/* ---- check-out ---- */

int metering_checkout(struct act *a, const struct booking *b, bool *ret_closed)
{
	struct session s;
	int rc = session_of_booking(a, b->id, &s);
	bool blind = act_blind(a, b->instrument);

	*ret_closed = true;
	if (rc != 0 || !session_is_open(&s))
		return rc < 0 ? rc : 0;
	if (s.state == SESSION_RUNNING || s.state == SESSION_UNKNOWN || blind) {
		*ret_closed = false;
		if (!s.checkout_wish_at)
			s.checkout_wish_at = a->now.wall_ms;
		return session_note(a, &s, "user",
			blind ? "check-out: waits for a reading" : "check-out: waits for the end of the run");
	}
	return session_end(a, &s, a->now.wall_ms, "user", true);
}

int metering_let_go(struct act *a, const struct booking *b)
{
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	if (rc != 0 || (s.state != SESSION_OPEN && s.state != SESSION_IDLE))
		return rc < 0 ? rc : 0;
	return session_end(a, &s, a->now.wall_ms, "timer", true);
}

int metering_end_unused(struct act *a, const struct booking *b, bool *ret_unread)
{
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	*ret_unread = false;
	if (rc != 0 || (s.state != SESSION_OPEN && s.state != SESSION_IDLE) || session_used(&s))
		return rc < 0 ? rc : 0;
	*ret_unread = act_blind(a, b->instrument);
	return *ret_unread ? 0 : session_end(a, &s, b->booked_to, "timer", true);
}

int metering_booking_gone(struct act *a, int64_t booking)
{
	struct session s;
	struct booking b;
	int rc = session_of_booking(a, booking, &s);

	if (rc == 0 && (s.state == SESSION_OPEN || s.state == SESSION_IDLE))
		rc = session_end(a, &s, a->now.wall_ms, "timer", true);
	if (rc < 0)
		return rc;
	rc = booking_load(a, booking, &b);
	if (rc == 0)
		rc = metering_arm(a, b.instrument);
	return rc < 0 ? rc : act_end(a);
}
