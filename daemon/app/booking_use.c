/*
 * booking_use.c - check-in, check-out, and what metering tells a booking: a session opened, a run was measured, the
 * session closed or runs past the end. Money and released time follow from these calls and from nothing else.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/metering.h"
#include "app/money.h"
#include "common/fmt.h"
#include "store/booking.h"
#include "store/occupancy.h"

/* R24: before its start the unit must be idle and free. */
static int early_ok(struct act *a, const struct booking *b, bool *ret)
{
	struct booking other;
	struct occupant o;
	struct session s;
	int n, rc;

	*ret = true;
	if (a->now.wall_ms >= b->booked_from)
		return 0;
	rc = store_occupancy_in(a->db, b->instrument, (struct interval){ a->now.wall_ms, b->booked_from }, "booking", b->id,
		&o, 1,
				&n);
	if (rc != 0)
		return rc;
	rc = session_open_on(a, b->instrument, &s);
	*ret = n == 0 && (rc == 1 || (rc == 0 && s.booking == b->id));
	/* an idle session that has let its time go leaves it to the next */
	if (rc == 0 && n == 0 && !*ret && s.booking != 0 && booking_load(a, s.booking, &other) == 0)
		*ret = other.released_at != 0;
	return rc < 0 ? rc : act_end(a);
}

static int ask_checkin(struct act *a, const struct booking *b)
{
	struct policy now_policy;
	struct verdict v, none;
	struct rule_facts f;
	struct facts_for w = { .verb = BOOKING_CHECK_IN, .instrument = b->instrument, .org = b->org, .user = b->user,
		.except = b->id, .policy = &now_policy, .now = a->now.wall_ms, .at = { b->booked_from, b->booked_to },
		.was = { b->booked_from, b->booked_to } };
	int64_t version;
	bool early = true;
	int rc = terms_policy_at(a, b->instrument, a->now.wall_ms, &now_policy, &version);

	if (rc == 0)
		rc = booking_facts(a, &w, &f);
	if (rc == 0)
		rc = booking_ask(a, &f, "", &v, &none);
	if (rc == 0 && v.n > 0)
		return booking_refuse(a, &w, &f, &v, "");
	if (rc == 0)
		rc = early_ok(a, b, &early);
	if (rc == 0 && !early)
		return act_refuse(a, 409, "unit-busy", "",
			"%s is still in use; check in from the start of the booking on, or when "
				  "it is free", b->instrument);
	return rc;
}

static int checkin_state(struct act *a, const struct booking *b)
{
	if (b->state == BOOKING_COMPLETED && a->now.wall_ms < b->booked_to)
		return act_refuse(a, 409, "wrong-state", "",
			"B-%lld ended and what was left of it is free again; book it: labtime book %s now",
				  (long long)b->id, b->instrument);
	if (b->state != BOOKING_CONFIRMED && b->state != BOOKING_ACTIVE)
		return act_refuse(a, 409, "wrong-state", "", "B-%lld is %s: nobody can check in", (long long)b->id,
				  booking_state_name(b->state));
	if (a->now.wall_ms >= (b->released_at != 0 ? b->booked_to : b->held_to))
		return act_refuse(a, 409, "ended", "", "B-%lld has ended; book again", (long long)b->id);
	return 0;
}

/* R25: a check-in extends the wait for the first run; it never shortens what is waited for anyhow. */
static int64_t first_run_due(const struct booking *b, const struct policy *p)
{
	int64_t missed = b->since + booking_wait_ms(b, p);
	int64_t due = (b->checkin_at > b->since ? b->checkin_at : b->since) + p->first_run_ms;

	return due > missed ? due : missed;
}

/* R26: `start` in a session that is idle resets the time after which the rest is released. */
static int restart_idle(struct act *a, struct booking *b)
{
	struct policy p;
	int rc = terms_policy(a, b->instrument, b->policy_version, &p);

	if (rc != 0 || p.idle_release_ms == 0 || b->state != BOOKING_ACTIVE || b->checkin_at == a->now.wall_ms)
		return rc;
	b->checkin_at = a->now.wall_ms;
	if (b->released_at == 0)
		return store_booking_update(a->db, b);
	act_timer(a, "booking_idle", b->id, a->now.wall_ms + p.idle_release_ms / 2);
	return booking_resume(a, b);
}

int booking_checkin(struct act *a, int64_t id, struct booking *ret)
{
	struct booking b;
	int64_t session;
	bool waiting = false;
	int rc = booking_open(a, id, 0, &b);

	if (rc == 0)
		rc = checkin_state(a, &b);
	if (rc == 0)
		rc = ask_checkin(a, &b);
	if (rc == 0)
		rc = act_park(a, b.instrument);
	/* The forced reading may have told the booking of a run. */
	if (rc == 0)
		rc = booking_open(a, id, 0, &b);
	if (rc == 0)
		rc = checkin_state(a, &b);
	if (rc == 0 && a->now.wall_ms < b.booked_from)
		rc = booking_taken(a, b.instrument, (struct interval){ a->now.wall_ms, b.booked_from }, id);
	if (rc == 0)
		rc = metering_checkin(a, &b, &session, &waiting);
	if (rc == 0)
		rc = booking_open(a, id, 0, &b);
	if (rc == 0 && !waiting)
		rc = restart_idle(a, &b);
	if (rc == 0 && waiting && !b.waiting) {
		b.waiting = true;
		b.checkin_at = a->now.wall_ms;
		rc = booking_note(a, &b, "waiting", &(struct facts){ 0 });
	}
	if (rc != 0)
		return rc;
	*ret = b;
	return act_end(a);
}

int booking_checkout(struct act *a, int64_t id, struct booking *ret)
{
	struct booking b;
	bool closed;
	int rc = booking_open(a, id, 0, &b);

	if (rc == 0 && b.state != BOOKING_ACTIVE)
		return act_refuse(a, 409, "not-checked-in", "", "B-%lld is %s: there is no session to end", (long long)b.id,
				  booking_state_name(b.state));
	if (rc == 0)
		rc = act_park(a, b.instrument);
	if (rc == 0)
		rc = booking_open(a, id, 0, &b);
	/* The forced reading may just have ended it. */
	if (rc == 0 && b.state == BOOKING_ACTIVE)
		rc = metering_checkout(a, &b, &closed);
	if (rc == 0)
		rc = booking_open(a, id, 0, ret);
	return rc != 0 ? rc : act_end(a);
}

int booking_used(struct act *a, int64_t id, int64_t at, const char *cause)
{
	struct booking b;
	struct policy p;
	struct facts why = facts_why(cause);
	bool checkin = strcmp(cause, "user") == 0, begins;
	int rc = booking_load(a, id, &b);

	if (rc != 0 || (b.state != BOOKING_CONFIRMED && b.state != BOOKING_ACTIVE))
		return rc < 0 ? rc : 0;
	rc = terms_policy(a, b.instrument, b.policy_version, &p);
	if (rc != 0)
		return rc;
	if (checkin && (b.checkin_at == 0 || b.waiting))
		b.checkin_at = at;
	b.waiting = false;
	if (at < b.booked_from) {
		struct occupant o;

		rc = store_occupancy_of(a->db, "booking", id, &o);
		if (rc == 0 && at < o.busy.from)
			rc = store_occupancy_move(a->db, "booking", id, (struct interval){ at, o.busy.to });
		if (rc < 0)
			return rc;
	}
	begins = b.state == BOOKING_CONFIRMED;
	rc = booking_step(a, &b, BOOKING_USE, checkin ? "checkin" : "use", "", &why);
	if (begins && rc == 0)
		rc = booking_warn_later(a, &b, &p);
	if (checkin && rc == 0) {
		act_timer(a, "booking_no_show", id, first_run_due(&b, &p));
	} else if (rc == 0) {
		act_timer_clear(a, "booking_no_show", id);
	}
	return rc;
}

int booking_ran(struct act *a, int64_t id, int64_t at)
{
	struct booking b;
	int rc = booking_load(a, id, &b);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (booking_is_live(b.state)) {
		struct policy p;

		act_timer_clear(a, "booking_no_show", id);
		rc = terms_policy(a, b.instrument, b.policy_version, &p);
		if (rc == 0 && p.idle_release_ms > 0)
			act_timer(a, "booking_idle", id, a->now.wall_ms + p.idle_release_ms);
		if (rc == 0)
			rc = booking_resume(a, &b);
		return rc != 0 ? rc : db_failed(a->db);
	}
	if ((b.state != BOOKING_NO_SHOW && b.state != BOOKING_LAPSED) || at >= b.booked_to)
		return 0;
	rc = money_fee_undo(a, &b, &b.fee_minor);
	if (rc != 0)
		return rc;
	return booking_step(a, &b, BOOKING_UNDO_MISS, "undo_no_show", "", &(struct facts){ 0 });
}

int booking_closed(struct act *a, int64_t id, int64_t at, bool read, const char *cause)
{
	struct use_facts f = { .silent = !read };
	struct facts why = facts_why(cause);
	enum use_verdict v;
	struct booking b;
	struct policy p;
	int rc = booking_load(a, id, &b);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (b.state != BOOKING_ACTIVE)
		return store_block_release_waiting(a->db, b.instrument);
	f.at = at < b.booked_to ? at : b.booked_to;
	f.left = at < b.booked_to;
	rc = terms_policy(a, b.instrument, b.policy_version, &p);
	if (rc == 0)
		rc = booking_judge(a, &b, &p, &f, &v);
	if (rc == 0 && v != USE_USED) {
		rc = booking_unused(a, &b, v, &f, at);
	} else if (rc == 0) {
		rc = booking_release(a, &b, &p, at);
		if (rc == 0)
			rc = booking_step(a, &b, BOOKING_COMPLETE, "complete", "", &why);
		if (rc == 0)
			rc = booking_overran(a, &b, at, strcmp(cause, "run_continues") == 0);
	}
	return rc != 0 ? rc : store_block_release_waiting(a->db, b.instrument);
}

int booking_delay(struct act *a, int64_t id, int64_t delay_ms)
{
	struct booking b;
	int rc = booking_load(a, id, &b);

	if (rc != 0 || delay_ms <= 0)
		return rc < 0 ? rc : 0;
	b.priced_to += delay_ms;
	return booking_note(a, &b, "delay", &(struct facts){ .from_at = b.priced_to - delay_ms, .to_at = b.priced_to,
		.ms = delay_ms });
}
