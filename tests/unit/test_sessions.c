/*
 * test_sessions.c - every rule about sessions, on a store in memory, with scripted devices, in virtual time. After each
 * stretch of time the invariants are asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "app/booking_acts.h"
#include "app/metering.h"
#include "app/review.h"
#include "common/fmt.h"
#include "support/devices.h"
#include "support/invariants.h"

#define MIN(n) ((n) * LT_MINUTE)
#define H(n) (WORLD_NOW + (n) * LT_HOUR)

static struct world *w;
static struct devices d;
static struct invariants inv;

static void check(void)
{
	const char *broken = invariants_check(&inv, w->db, &w->site, w->now);

	if (broken)
		fail_msg("%s", broken);
}

static void run(int64_t ms)
{
	devices_run(&d, ms);
	check();
}

static void run_until(int64_t at) { run(at - w->now.wall_ms); }

static int setup(void **state)
{
	(void)state;
	memset(&inv, 0, sizeof(inv));
	w = world_new();
	devices_init(&d, w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	check();
	w = world_free(w);
	return 0;
}

static int64_t book(const char *user, const char *instrument, int64_t from, int64_t to)
{
	struct booking_request rq = { .from = from, .to = to };
	struct booking b;
	struct act *a = world_act(w, user);
	int rc;

	lt_fmt(rq.instrument, sizeof(rq.instrument), "%s", instrument);
	rc = booking_create(a, &rq, &b);
	if (rc != 0)
		fail_msg("booking refused: %s %s", a->refusal.err.code, a->refusal.err.text);
	world_end(w, rc);
	return b.id;
}

struct by_id { int64_t id; const char *reason, *org, *user; };

static int do_checkin(struct act *a, void *arg) { struct booking b; return booking_checkin(a, ((struct by_id *)arg)->id, &b); }
static int do_checkout(struct act *a, void *arg) { struct booking b; return booking_checkout(a, ((struct by_id *)arg)->id, &b); }
static int do_close(struct act *a, void *arg) { struct session s; return session_close(a, ((struct by_id *)arg)->id, "stuck", &s); }
static int do_disown(struct act *a, void *arg) { struct session s; return session_disown(a, ((struct by_id *)arg)->id, "not me", &s); }
static int do_waive(struct act *a, void *arg) { struct review r; return review_waive(a, ((struct by_id *)arg)->id, "why", &r); }
static int do_accept(struct act *a, void *arg) { struct review r; return review_accept(a, ((struct by_id *)arg)->id, "why", &r); }
static int do_recover(struct act *a, void *arg) { (void)arg; return metering_recover(a); }

static int do_attribute(struct act *a, void *arg)
{
	struct by_id *x = arg;
	struct review r;

	return review_attribute(a, x->id, x->org, x->user, "why", &r);
}

static int act(const char *user, int (*use_case)(struct act *, void *), int64_t id)
{
	struct by_id x = { .id = id };
	int r = devices_act(&d, user, use_case, &x);

	check();
	return r;
}

static void must(const char *user, int (*use_case)(struct act *, void *), int64_t id)
{
	int r = act(user, use_case, id);

	if (r != 0)
		fail_msg("refused: %s %s (%d)", w->act.refusal.err.code, w->act.refusal.err.text, r);
}

static struct session latest(void)
{
	struct session s;
	struct act *a = world_read(w, NULL);

	assert_int_equal(session_load(a, world_int(w, "SELECT MAX(id) FROM session"), &s), 0);
	return s;
}

static struct session of_booking(int64_t booking)
{
	struct session s;

	assert_int_equal(session_of_booking(world_read(w, NULL), booking, &s), 0);
	return s;
}

static struct session by_id(int64_t id)
{
	struct session s;

	assert_int_equal(session_load(world_read(w, NULL), id, &s), 0);
	return s;
}

static enum lt_lock desired(const char *instrument)
{
	enum lt_lock l = LT_LOCK_UNKNOWN;

	assert_int_equal(metering_desired(world_read(w, NULL), instrument, &l), 0);
	return l;
}

static int64_t reviews(const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM review WHERE kind = ?1 AND state <> 'done'", "t", kind);
}

#define ABOUT(got, want, by) assert_in_range((uint64_t)((got) - (want) + (by)), 0, (uint64_t)(2 * (by)))

/* ---- check-in, run, check-out ---- */

static void test_a_whole_visit(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	assert_int_equal(desired("krios-1"), LT_LOCK_LOCKED);
	run_until(H(1));
	assert_int_equal(desired("krios-1"), LT_LOCK_LOCKED); /* a booking alone never unlocks */
	must("alice", do_checkin, b);
	assert_int_equal(desired("krios-1"), LT_LOCK_UNLOCKED);
	run(MIN(5));
	d.of[0].on = true;
	run(MIN(40));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_RUNNING);
	ABOUT(s.measured_ms, MIN(40), 6000);
	d.of[0].on = false;
	run(MIN(5));
	assert_int_equal(of_booking(b).state, SESSION_IDLE);
	must("alice", do_checkout, b);
	s = of_booking(b);
	assert_int_equal(s.measured_ms, MIN(40));
	assert_int_equal(s.outcome, OUTCOME_CHARGED);
	assert_int_equal(s.state, SESSION_CHARGED);
	assert_int_equal(desired("krios-1"), LT_LOCK_LOCKED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 2400);
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge"), 6667);
}

static void test_check_out_while_running(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(30));
	must("alice", do_checkout, b);
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_RUNNING);
	assert_true(s.checkout_wish_at > 0);
	assert_int_equal(desired("krios-1"), LT_LOCK_LOCKED); /* locked when the run ends */
	run(MIN(30));
	assert_int_equal(of_booking(b).closed_at, 0);
	d.of[0].on = false;
	run(MIN(1));
	s = of_booking(b);
	assert_true(s.closed_at > 0);
	assert_int_equal(s.closed_at, s.last_run_end_at);
	assert_int_equal(s.measured_ms, MIN(60));
	assert_string_equal(s.close_cause, "user");
}

static void test_forgotten_log_off_costs_nothing(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run_until(H(3) + MIN(2));
	s = of_booking(b);
	assert_int_equal(s.closed_at, H(3));
	assert_int_equal(s.measured_ms, MIN(20));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 1200);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 1);
}

static void test_unmetered_check_out_without_use(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct booking after;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	run(MIN(10));
	must("alice", do_checkout, b);
	assert_int_equal(booking_load(world_read(w, NULL), b, &after), 0);
	assert_false(booking_is_live(after.state));
	assert_int_equal(of_booking(b).measured_ms, 0);
}

/* ---- runs without a check-in ---- */

static void test_presumed_and_disowned(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1) + MIN(10));
	d.of[0].on = true;
	run(MIN(10));
	s = of_booking(b);
	assert_true(s.presumed);
	assert_int_equal(s.kind, SESSION_BOOKED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'session_presumed' AND user = 'alice'"), 1);
	must("alice", do_disown, s.id);
	s = by_id(s.id);
	assert_int_equal(s.kind, SESSION_UNATTRIBUTED);
	assert_string_equal(s.org, "");
	assert_int_equal(reviews("unattributed"), 1);
	d.of[0].on = false;
	run(MIN(10));
	s = by_id(s.id);
	assert_int_equal(s.outcome, OUTCOME_REVIEW);
	assert_int_equal(s.measured_ms, MIN(10));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'usage'"), 0);
}

static void test_presumed_is_confirmed_by_check_in(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(5));
	must("alice", do_checkin, b);
	s = of_booking(b);
	assert_false(s.presumed);
	assert_true(s.checkin_at > s.opened_at);
	assert_int_equal(act("alice", do_disown, s.id), ACT_REFUSED);
}

static void test_early_start(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(3));
	struct session s;

	(void)state;
	run_until(H(2) - MIN(14));
	d.of[0].on = true;
	run(MIN(2));
	s = of_booking(b);
	assert_true(s.presumed);
	assert_true(s.opened_at < H(2));
	run_until(H(2) + MIN(10));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	d.of[0].on = false;
	run_until(H(3) + MIN(1));
	assert_int_equal(of_booking(b).measured_ms, MIN(24));
}

static void test_too_early_is_nobodys(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(3));
	struct session s;

	(void)state;
	run_until(H(2) - MIN(30));
	d.of[0].on = true;
	run(MIN(10));
	s = latest();
	assert_int_equal(s.kind, SESSION_UNATTRIBUTED);
	assert_int_equal(reviews("unattributed"), 1);
	/* still on when the booking's user checks in: cut, and what lies within E before the start joins */
	run_until(H(2));
	must("alice", do_checkin, b);
	s = of_booking(b);
	assert_int_equal(s.kind, SESSION_BOOKED);
	assert_int_equal(s.state, SESSION_RUNNING);
	ABOUT(s.measured_ms, MIN(15), 6000);
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	s = of_booking(b);
	ABOUT(s.measured_ms, MIN(15), 6000);
	assert_int_equal(s.outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session WHERE kind = 'unattributed' AND outcome = 'awaiting_review'"), 1);
}

static void test_run_without_a_booking(void **state)
{
	struct session s;

	(void)state;
	run(MIN(7));
	d.of[2].on = true;
	run(MIN(20));
	s = latest();
	assert_int_equal(s.kind, SESSION_UNATTRIBUTED);
	assert_int_equal(desired("seq-1"), LT_LOCK_LOCKED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy WHERE kind = 'session' AND active = 1"), 1);
	/* it holds the current cell, never tomorrow */
	assert_true(world_int(w, "SELECT busy_to FROM occupancy WHERE kind = 'session' AND active = 1") <= H(1));
	assert_true(world_int(w, "SELECT busy_to FROM occupancy WHERE kind = 'session' AND active = 1") > w->now.wall_ms);
	book("zoe", "seq-1", H(24), H(25));
	d.of[2].on = false;
	run(MIN(10));
	s = latest();
	assert_int_equal(s.state, SESSION_CLOSED);
	assert_int_equal(s.closed_at, s.last_run_end_at);
	assert_int_equal(s.measured_ms, MIN(20));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
}

static int do_block(struct act *a, void *arg)
{
	struct block_request rq = { .from = H(1), .to = H(2), .reason = "service" };
	struct block b;

	(void)arg;
	lt_fmt(rq.instrument, sizeof(rq.instrument), "krios-1");
	return block_create(a, &rq, &b);
}

static void test_run_inside_a_block(void **state)
{
	struct session s;

	(void)state;
	must("mia", do_block, 0);
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(10));
	s = latest();
	assert_int_equal(s.kind, SESSION_INTERNAL);
	assert_int_equal(s.outcome, OUTCOME_INTERNAL);
	assert_int_equal(s.measured_ms, MIN(10));
	assert_int_equal(reviews("unattributed"), 0);
}

static void test_soon_after_another_org(void **state)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2), H(4));
	struct session s;

	(void)state;
	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].on = false;
	run_until(H(2) + MIN(10));
	assert_true(of_booking(z).closed_at == H(2));
	d.of[0].on = true;
	run(MIN(5));
	s = latest();
	assert_int_equal(s.kind, SESSION_UNATTRIBUTED);
	assert_true(s.bypassed);
	assert_int_equal(reviews("unattributed"), 1);
	/* her check-in makes it hers */
	must("alice", do_checkin, b);
	s = of_booking(b);
	assert_int_equal(s.kind, SESSION_BOOKED);
	assert_int_equal(reviews("unattributed"), 0);
	ABOUT(s.measured_ms, MIN(5), 6000);
	d.of[0].on = false;
}

static void test_locked_read_back(void **state)
{
	struct msg_interlock m = { .head.at = w->now, .lock = LT_LOCK_LOCKED };

	(void)state;
	book("alice", "krios-1", H(1), H(3));
	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	assert_int_equal(world_end(w, metering_interlock(world_act(w, NULL), &m)), 0);
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(5));
	assert_true(latest().bypassed);
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	d.of[0].on = false;
}

/* ---- the end ---- */

static void test_overrun_holds_and_the_next_waits(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), z = book("zoe", "krios-1", H(3), H(5));
	struct booking next;
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run_until(H(2) + MIN(20));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_RUNNING);
	assert_int_equal(world_int(w, "SELECT held_to FROM booking WHERE user = 'alice'"), H(2) + MIN(30));
	assert_int_equal(desired("krios-1"), LT_LOCK_UNLOCKED); /* policy: continue */
	run_until(H(3) + MIN(5));
	assert_int_equal(world_int(w, "SELECT held_to FROM booking WHERE user = 'alice'"), H(3));
	must("zoe", do_checkin, z);
	assert_int_equal(booking_load(world_read(w, NULL), z, &next), 0);
	assert_true(next.waiting);
	assert_int_equal(of_booking(b).state, SESSION_RUNNING); /* never cut */
	run_until(H(3) + MIN(20));
	d.of[0].on = false;
	run(MIN(1));
	s = of_booking(b);
	assert_int_equal(s.measured_ms, MIN(140));
	assert_int_equal(s.closed_at, s.last_run_end_at);
	s = of_booking(z);
	assert_int_equal(s.state, SESSION_OPEN);
	assert_true(s.checkin_at > 0);
	assert_int_equal(booking_load(world_read(w, NULL), z, &next), 0);
	assert_false(next.waiting);
	ABOUT(next.priced_to - next.booked_to, MIN(20), 6000);
	assert_int_equal(desired("krios-1"), LT_LOCK_UNLOCKED);
}

static void test_run_continues_for_the_same_org(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), c = book("bob", "krios-1", H(2), H(3));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run_until(H(2) + MIN(30));
	s = of_booking(b);
	assert_string_equal(s.close_cause, "run_continues");
	ABOUT(s.measured_ms, MIN(60), 1000);
	s = of_booking(c);
	assert_string_equal(s.opened_cause, "run_continues");
	assert_int_equal(s.state, SESSION_RUNNING);
	ABOUT(s.measured_ms, MIN(30), 6000);
	d.of[0].on = false;
	run_until(H(3) + MIN(1));
	assert_int_equal(of_booking(b).measured_ms + of_booking(c).measured_ms, MIN(90));
	assert_int_equal(world_int(w, "SELECT SUM(overrun_s) FROM charge"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'usage'"), 2);
}

static void test_manager_closes_a_run(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	s = of_booking(b);
	must("mia", do_close, s.id);
	s = by_id(s.id);
	assert_string_equal(s.close_cause, "manager");
	assert_int_equal(s.measured_ms, MIN(10));
	run(MIN(5));
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	d.of[0].on = false;
	run(MIN(10));
}

/* ---- gaps ---- */

static void test_gap_loses_nothing(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].silent = true;
	run(MIN(2));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_UNKNOWN);
	assert_true(s.unknown_since > 0);
	ABOUT(s.measured_ms, MIN(10), 1000); /* I7 */
	run(MIN(8));
	d.of[0].silent = false;
	run(MIN(1));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_RUNNING);
	ABOUT(s.measured_ms, MIN(21), 6000);
	assert_int_equal(reviews("meter_lost"), 0); /* the counter shows it whole */
	d.of[0].silent = true; /* a second gap is seen like the first */
	run(MIN(2));
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	d.of[0].silent = false;
	run(MIN(1));
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).measured_ms, MIN(24));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
}

static void test_gap_with_less_than_its_length_is_reviewed(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].silent = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(20));
	d.of[0].silent = false;
	run(MIN(1));
	assert_int_equal(of_booking(b).measured_ms, MIN(20));
	assert_int_equal(world_int(w, "SELECT measured_ms FROM usage WHERE reason = 'gap'"), MIN(10));
	assert_int_equal(world_int(w, "SELECT placed FROM usage WHERE reason = 'gap'"), 0);
	assert_int_equal(reviews("meter_lost"), 1);
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).outcome, OUTCOME_REVIEW);
	must("mia", do_accept, world_int(w, "SELECT id FROM review"));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 1200);
}

static void test_unknown_closes_and_the_next_checks_in(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), z = book("zoe", "krios-1", H(3), H(4));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].silent = true;
	run_until(H(2) + MIN(6));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_CLOSED);
	assert_string_equal(s.close_cause, "timer");
	assert_int_equal(s.closed_at, H(1) + MIN(30));
	assert_true(s.outcome == OUTCOME_OPEN_GAP || s.outcome == OUTCOME_REVIEW);
	d.of[0].on = false; /* ran 36 min in the dark */
	run_until(H(3));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].silent = false;
	run(MIN(5));
	/* the run that was on at the gap's start keeps the difference up to the other's check-in */
	ABOUT(of_booking(b).measured_ms, MIN(30) + MIN(46), 6000);
	ABOUT(of_booking(z).measured_ms, MIN(5), 6000);
	assert_int_equal(of_booking(z).state, SESSION_RUNNING);
	d.of[0].on = false;
}

static void test_dark_run_of_nobody(void **state)
{
	(void)state;
	run(MIN(1));
	d.of[0].silent = true;
	run(MIN(5));
	d.of[0].on = true;
	run(MIN(5));
	d.of[0].on = false;
	run(MIN(5));
	d.of[0].silent = false;
	run(MIN(5));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 0);
	assert_int_equal(world_int(w, "SELECT SUM(measured_ms) FROM usage WHERE session IS NULL AND reason = 'gap'"), MIN(5));
}

static void test_restart_is_a_gap(void **state)
{
	int64_t b = book("alice", "plc-1", H(1), H(3)), c = book("bob", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	must("bob", do_checkin, c);
	d.of[0].on = d.of[1].on = true;
	run(MIN(10));
	/* ten minutes pass while nobody looks */
	for (int k = 0; k < 2; k++)
		d.of[k].run_ms += MIN(10);
	world_sleep(w, MIN(10));
	must(NULL, do_recover, 0);
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	run(MIN(10));
	assert_int_equal(of_booking(c).state, SESSION_RUNNING);
	ABOUT(of_booking(c).measured_ms, MIN(30), 6000);
	ABOUT(of_booking(b).measured_ms, MIN(20), 11000); /* a sampling meter measures nothing in a gap */
	assert_int_equal(reviews("meter_lost"), 1);
	d.of[0].on = d.of[1].on = false;
}

static void test_replay_adds_nothing(void **state)
{
	int64_t before;

	(void)state;
	d.of[0].on = true;
	run(MIN(3));
	before = world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'");
	for (int i = 0; i < 5; i++)
		devices_poll(&d, 0);
	check();
	assert_int_equal(world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'"), before);
	d.of[0].on = false;
}

static void test_outliers_do_not_reach_the_bill(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	for (int i = 0; i < 60; i++) {
		d.of[0].lie = i % 7 == 0;
		d.of[0].lie_raw = i % 2 ? 0 : 0xffffffff;
		run(MIN(1));
	}
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).measured_ms, MIN(60));
	assert_true(world_int(w, "SELECT COUNT(*) FROM reading WHERE class = 'OUTLIER'") > 0);
}

/* ---- outages, faults ---- */

static void test_usable_minutes_and_idle_at_fault(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3)), usable;
	struct msg_link m = { .head.at = w->now, .up = false, .why = "timeout" };

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	run(MIN(10));
	d.of[0].faulty = true;
	run(MIN(10));
	d.of[0].faulty = false;
	run(MIN(10));
	ABOUT(of_booking(b).fault_ms, MIN(10), 6000);
	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
	d.of[0].silent = true;
	run(MIN(10));
	assert_int_equal(metering_usable_ms(world_read(w, NULL), "krios-1", H(1), H(1) + MIN(40), &usable), 0);
	ABOUT(usable, MIN(20), 6000);
	d.of[0].silent = false;
	m.up = true;
	m.head.at = w->now;
	assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
	run(MIN(10));
	assert_int_equal(metering_usable_ms(world_read(w, NULL), "krios-1", H(1), H(1) + MIN(50), &usable), 0);
	ABOUT(usable, MIN(30), 6000);
}

/* ---- review ---- */

static int64_t stray_run(void)
{
	d.of[2].on = true;
	run(MIN(20));
	d.of[2].on = false;
	run(MIN(10));
	return world_int(w, "SELECT id FROM review WHERE state = 'open'");
}

static int attribute(const char *by, int64_t item, const char *org, const char *user)
{
	struct by_id x = { .id = item, .org = org, .user = user };
	int r = devices_act(&d, by, do_attribute, &x);

	check();
	return r;
}

static int do_claim(struct act *a, void *arg)
{
	struct claim c;

	return claim_make(a, "seq-1", *(int64_t *)arg, "", &c);
}

static void test_claim_needs_one_person(void **state)
{
	int64_t item = stray_run(), at = w->now.wall_ms - MIN(15);

	(void)state;
	assert_int_equal(devices_act(&d, "alice", do_claim, &at), 0);
	assert_int_equal(attribute("mia", item, "acme", "zoe"), ACT_REFUSED); /* not acme's */
	assert_int_equal(attribute("mia", item, "acme", "alice"), 0);
	assert_int_equal(latest().outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 1200);
	assert_int_equal(attribute("root", item, "acme", "alice"), ACT_REFUSED);
}

static void test_without_a_claim_two_people_and_an_objection(void **state)
{
	int64_t item = stray_run(), id = latest().id;

	(void)state;
	assert_int_equal(attribute("mia", item, "zeta", "zoe"), 0);
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(attribute("mia", item, "zeta", "zoe"), ACT_REFUSED);
	assert_int_equal(attribute("root", item, "acme", "bob"), ACT_REFUSED);
	assert_int_equal(attribute("root", item, "zeta", "zoe"), 0);
	assert_string_equal(latest().org, "zeta");
	assert_int_equal(latest().outcome, OUTCOME_REVIEW); /* the org may object for 7 days */
	must("zoe", do_disown, id);
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(reviews("unattributed"), 1);
	assert_int_equal(attribute("mia", item, "zeta", "zoe"), 0);
	assert_int_equal(attribute("root", item, "zeta", "zoe"), 0);
	d.poll_ms = LT_HOUR;
	run(7 * LT_DAY + MIN(1));
	assert_int_equal(by_id(id).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE org = 'zeta'"), 1);
}

static void test_waive_needs_two(void **state)
{
	int64_t item = stray_run();

	(void)state;
	must("mia", do_waive, item);
	assert_int_equal(act("mia", do_waive, item), ACT_REFUSED);
	assert_int_equal(act("root", do_accept, item), ACT_REFUSED); /* nobody to charge */
	must("root", do_waive, item);
	assert_int_equal(latest().outcome, OUTCOME_UNATTRIBUTED);
	assert_int_equal(reviews("unattributed"), 0);
	/* the store itself refuses a maker who checks */
	assert_int_equal(db_begin(w->db), 0);
	assert_int_equal(db_run(w->db, "UPDATE review SET decided_by = proposed_by WHERE id = ?1", "i", item), DB_CONSTRAINT);
	db_rollback(w->db);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_whole_visit), T(test_check_out_while_running), T(test_forgotten_log_off_costs_nothing), T(test_unmetered_check_out_without_use),
		T(test_presumed_and_disowned), T(test_presumed_is_confirmed_by_check_in), T(test_early_start), T(test_too_early_is_nobodys),
		T(test_run_without_a_booking), T(test_run_inside_a_block), T(test_soon_after_another_org), T(test_locked_read_back),
		T(test_overrun_holds_and_the_next_waits), T(test_run_continues_for_the_same_org), T(test_manager_closes_a_run),
		T(test_gap_loses_nothing), T(test_gap_with_less_than_its_length_is_reviewed), T(test_unknown_closes_and_the_next_checks_in),
		T(test_dark_run_of_nobody), T(test_restart_is_a_gap), T(test_replay_adds_nothing), T(test_outliers_do_not_reach_the_bill),
		T(test_usable_minutes_and_idle_at_fault), T(test_claim_needs_one_person), T(test_without_a_claim_two_people_and_an_objection),
		T(test_waive_needs_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
