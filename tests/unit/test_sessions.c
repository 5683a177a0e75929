/*
 * test_sessions.c - the rules about who a run belongs to and when it ends, on a store in memory, with scripted devices,
 * in virtual time. test_sessions_gaps.c has what is lost, doubtful or decided afterwards.
 */
#include "sessions_rig.h"

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
	assert_int_equal(s.opened_at, world_int(w, "SELECT MIN(from_at) FROM usage")); /* all of it, unless she disowns it */
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
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session WHERE kind = 'unattributed' AND outcome = "
		"'awaiting_review'"), 1);
}

/* The same after a run of many pieces: those that come last join, however many came before. */
static void test_taken_over_after_many_pieces(void **state)
{
	int64_t b = book("alice", "krios-1", H(3), H(4));
	struct session s;

	(void)state;
	run_until(H(3) - MIN(120));
	d.of[0].on = true;
	for (int i = 0; i < 120; i++) { /* every second minute at fault: a piece each */
		d.of[0].faulty = i % 2;
		run(MIN(1));
	}
	assert_true(world_int(w, "SELECT COUNT(*) FROM usage") > 100);
	must("alice", do_checkin, b);
	s = of_booking(b);
	ABOUT(s.measured_ms, MIN(15), 6000);
	assert_int_equal(s.measured_ms, world_int(w, "SELECT SUM(measured_ms) FROM usage WHERE session = (SELECT MAX(id) FROM session)"));
	assert_int_equal(s.state, SESSION_RUNNING);
}

/* The same with a check-in that no reading answers, soon after a gap: the piece begins where the last reading was. */
static void test_taken_over_unread(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(3));

	(void)state;
	w->instruments[0].meter.poll_ms = 7 * LT_MINUTE; /* no silence below is long enough for a gap of its own */
	run_until(H(2) - MIN(30));
	d.of[0].on = true;
	run_until(H(2) - MIN(16));
	d.of[0].silent = true;
	must(NULL, do_recover, 0);
	run_until(H(2) - MIN(6));
	d.of[0].silent = false;
	run(5 * LT_SECOND); /* one reading: it ends a gap around the cut and begins a piece */
	d.of[0].silent = true;
	run_until(H(2));
	must("alice", do_checkin, b);
	d.of[0].silent = false;
	run_until(H(2) + MIN(10));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	assert_true(world_int(w, "SELECT MAX(measured_ms - (to_at - from_at)) FROM usage") <= 3000);
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

static int do_block_later(struct act *a, void *arg)
{
	struct block_request rq = { .from = H(3), .to = H(4), .reason = "service", .displace = true };
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
	/* what follows her check-in is hers */
	must("alice", do_checkin, b);
	s = of_booking(b);
	assert_int_equal(s.kind, SESSION_BOOKED);
	assert_int_equal(reviews("unattributed"), 1);
	assert_int_equal(s.measured_ms, 0);
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

/* The hold ends where another's booking begins; when that booking goes away, what still runs holds the unit again. */
static void test_overrun_is_held_again(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	(void)state;
	book("zoe", "krios-1", H(3), H(5));
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run_until(H(3) + MIN(5));
	assert_int_equal(world_int(w, "SELECT held_to FROM booking WHERE user = 'alice'"), H(3));
	run_until(H(3) + MIN(33)); /* zoe never came, but could not have used it */
	assert_int_equal(world_int(w, "SELECT state = 'confirmed' FROM booking WHERE user = 'zoe'"), 1);
	must("zoe", do_cancel, 2);
	assert_int_equal(world_int(w, "SELECT state = 'lapsed' FROM booking WHERE user = 'zoe'"), 1);
	run_until(H(3) + MIN(35));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	assert_int_equal(world_int(w, "SELECT held_to FROM booking WHERE user = 'alice'"), H(3) + MIN(45));
}

/* A block in the middle of an overrun ends; the run that outlasted it holds the unit again, in a place of its own. */
static void test_overrun_outlasts_a_block(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	(void)state;
	must("mia", do_block_later, 0);
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run_until(H(3) + MIN(5));
	assert_int_equal(world_int(w, "SELECT held_to FROM booking"), H(3));
	run_until(H(4) + MIN(3));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	assert_int_equal(world_int(w, "SELECT busy_to FROM occupancy WHERE kind = 'session' AND active = 1"),
		H(4) + MIN(15));
	d.of[0].on = false;
	run_until(H(4) + MIN(20));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy WHERE kind = 'session' AND active = 1"), 0);
}

/* A block in the middle of what is in use ends the booking's hold; the run that goes on through it has a place
 * behind. */
static void test_run_outlasts_a_block_in_its_booking(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(6));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run_until(H(1) + MIN(10));
	must("mia", do_block_later, 0);
	assert_int_equal(world_int(w, "SELECT held_to FROM booking"), H(3));
	run_until(H(4) + MIN(3));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	assert_int_equal(world_int(w, "SELECT busy_to FROM occupancy WHERE kind = 'session' AND active = 1"),
		H(4) + MIN(15));
	d.of[0].on = false;
	run_until(H(4) + MIN(31));
	assert_int_equal(of_booking(b).state, SESSION_IDLE);
	d.of[0].on = true; /* its place is over by now: taken again with the run, not with the next timer */
	run(6 * LT_SECOND);
	assert_int_equal(world_int(w, "SELECT busy_to FROM occupancy WHERE kind = 'session' AND active = 1"), H(4) + MIN(45));
	d.of[0].on = false;
	run_until(H(6) + MIN(1));
	assert_int_equal(of_booking(b).state >= SESSION_CLOSED, true);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy WHERE kind = 'session' AND active = 1"), 0);
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

/* The poll at the edge lies: what the next good reading adds is parted where the booking began. */
static void test_run_continues_in_doubt(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), c = book("bob", "krios-1", H(2), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run_until(H(1) + MIN(10));
	w->instruments[0].meter.poll_ms = d.poll_ms = 7 * LT_MINUTE;
	run_until(H(2) - LT_SECOND);
	d.of[0].lie = true;
	d.of[0].lie_raw = 4000000000U;
	run_until(H(2) + MIN(20));
	assert_string_equal(of_booking(b).close_cause, "run_continues");
	ABOUT(of_booking(b).measured_ms, MIN(60), 2000);
	assert_string_equal(of_booking(c).opened_cause, "run_continues");
	assert_int_equal(of_booking(c).state, SESSION_RUNNING);
	d.of[0].on = false;
	run_until(H(3) + MIN(1));
	ABOUT(of_booking(b).measured_ms, MIN(60), 2000);
	assert_int_equal(of_booking(b).measured_ms + of_booking(c).measured_ms, MIN(80));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_whole_visit), T(test_check_out_while_running), T(test_forgotten_log_off_costs_nothing),
		T(test_unmetered_check_out_without_use), T(test_presumed_and_disowned),
		T(test_presumed_is_confirmed_by_check_in), T(test_early_start), T(test_too_early_is_nobodys),
		T(test_taken_over_after_many_pieces), T(test_taken_over_unread),
		T(test_run_without_a_booking), T(test_run_inside_a_block),
		T(test_soon_after_another_org),
		T(test_locked_read_back), T(test_overrun_holds_and_the_next_waits),
		T(test_overrun_is_held_again), T(test_overrun_outlasts_a_block),
		T(test_run_outlasts_a_block_in_its_booking),
		T(test_run_continues_for_the_same_org), T(test_run_continues_in_doubt),
		T(test_manager_closes_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
