/*
 * test_doubted.c - a forced poll that the device answers with a value that cannot be true (a register that reads 0
 * once): nobody knows then what ran since the last reading, as if the poll had not been answered. Virtual time.
 */
#include "sessions_rig.h"

#include "store/meter.h"

#define POLL (41 * LT_SECOND)
#define STARTS (H(2) + MIN(10))

#define REREAD 350              /* a doubted value is read again in about a third of a second */

/* How long the register lies from the forced poll on: for one reading, for two, for three; until the false level is
 * believed; much longer. */
static const int64_t lies[] = { 0, REREAD, 2 * REREAD, 3000, MIN(4) };
#define LIES (sizeof(lies) / sizeof(lies[0]))

static void poll_seldom(void)
{
	w->instruments[0].meter.poll_ms = d.poll_ms = POLL;
}

/* Between two polls: run() ends with one. */
static void run_unseen(int64_t ms)
{
	d.of[0].silent = true;
	run(ms);
	d.of[0].silent = false;
}

static void lie_for(int64_t ms)
{
	for (; ms > 0; ms -= REREAD)
		run(ms < REREAD ? ms : REREAD);
	d.of[0].stuck = false;
	run(REREAD);
	run(2 * POLL);
}

static void wild(void)
{
	d.of[0].stuck = true;
	d.of[0].stuck_raw = 0;
}

static int64_t total_ms(void)
{
	return world_int(w, "SELECT SUM(measured_ms) FROM usage");
}

/* zoe of another org has the hour before alice's booking, and starts the instrument ten minutes into it. */
static int64_t zoe_runs_on(void)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2), H(4));

	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].on = false;
	run_until(STARTS);
	d.of[0].on = true;
	poll_seldom();
	return b;
}

static void test_what_another_ran_before_a_check_in_that_read_a_wild_value_is_not_mine(void **state)
{
	for (size_t k = 0; k < LIES; k++) {
		int64_t b = zoe_runs_on(), at;

		run(MIN(5));
		run_unseen(POLL - LT_SECOND);
		wild();
		at = w->now.wall_ms;
		must("alice", do_checkin, b);
		lie_for(lies[k]);
		assert_true(of_booking(b).measured_ms <= w->now.wall_ms - at + 2000);
		d.of[0].on = false;
		run(2 * POLL);
		must("alice", do_checkout, b);
		ABOUT(of_booking(b).measured_ms, lies[k] + REREAD + 2 * POLL, 2000);
		assert_int_equal(total_ms(), d.of[0].run_ms / 1000 * 1000);
		teardown(state);
		setup(state);
	}
}

/* The device answers, and its register has no value (all ones, or not a number, as its profile says). */
static void test_what_another_ran_before_a_check_in_that_read_no_value_is_not_mine(void **state)
{
	int64_t b = zoe_runs_on(), at;

	(void)state;
	run(MIN(5));
	run_unseen(POLL - LT_SECOND);
	d.of[0].no_count = true;
	at = w->now.wall_ms;
	must("alice", do_checkin, b);
	d.of[0].no_count = false;
	run(2 * POLL);
	assert_true(of_booking(b).measured_ms <= w->now.wall_ms - at + 2000);
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	d.of[0].on = false;
	run(MIN(10));
}

/* The run that the check-out's poll did not show is still the user's, and its end is seen. */
static void test_a_check_out_that_reads_a_wild_value_leaves_no_run_behind(void **state)
{
	for (size_t k = 0; k < LIES; k++) {
		int64_t b = book("alice", "krios-1", H(1), H(4)), at;

		run_until(H(1));
		must("alice", do_checkin, b);
		poll_seldom();
		run(MIN(5));
		d.of[0].on = true; /* not seen before the check-out */
		at = d.of[0].run_ms;
		run_unseen(20 * LT_SECOND);
		wild();
		must("alice", do_checkout, b);
		assert_int_equal(of_booking(b).closed_at, 0);
		lie_for(lies[k]);
		d.of[0].on = false;
		run(2 * POLL);
		ABOUT(of_booking(b).measured_ms, d.of[0].run_ms - at, 1000);
		assert_true(of_booking(b).closed_at > 0);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
		teardown(state);
		setup(state);
	}
}

static void test_a_run_at_the_booked_end_that_reads_a_wild_value_is_still_mine(void **state)
{
	for (size_t k = 0; k < LIES; k++) {
		int64_t b = book("alice", "krios-1", H(1), H(2)), ran;

		run_until(H(1));
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(5));
		d.of[0].on = false;
		poll_seldom();
		run_until(H(2) - 20 * LT_SECOND);
		ran = d.of[0].run_ms;
		d.of[0].on = true; /* not seen before the booked end */
		run_unseen(20 * LT_SECOND - 1);
		wild();
		run(1);
		assert_int_equal(of_booking(b).closed_at, 0);
		lie_for(lies[k]);
		assert_int_equal(of_booking(b).state, SESSION_RUNNING);
		d.of[0].on = false;
		run(2 * POLL);
		ABOUT(of_booking(b).measured_ms, MIN(5) + d.of[0].run_ms - ran, 2000);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
		teardown(state);
		setup(state);
	}
}

/* Checked in, and nothing ran: what ran in the last seconds before the booked end is use, whatever its poll read. */
static void test_a_first_run_at_the_booked_end_that_reads_a_wild_value_is_no_no_show(void **state)
{
	w->instruments[0].price.no_show_bp = 5000;
	for (size_t k = 0; k < LIES; k++) {
		int64_t b = book("alice", "krios-1", H(1), H(1) + MIN(30));

		run_until(H(1));
		must("alice", do_checkin, b);
		poll_seldom();
		run_until(H(1) + MIN(30) - 20 * LT_SECOND);
		d.of[0].on = true;
		run_unseen(20 * LT_SECOND - 1);
		wild();
		run(1);
		lie_for(lies[k]);
		d.of[0].on = false;
		run(2 * POLL);
		ABOUT(of_booking(b).measured_ms, d.of[0].run_ms, 2000);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind <> 'usage'"), 0);
		teardown(state);
		setup(state);
		w->instruments[0].price.no_show_bp = 5000;
	}
}

/* alice's run goes on into the booking of zoe, who checks in at its start: the poll there reads a wild value. */
static void test_a_wild_value_at_the_booked_start_gives_nobody_the_others_run(void **state)
{
	for (size_t k = 0; k < LIES; k++) {
		int64_t b = book("alice", "krios-1", H(1), H(2)), z = book("zoe", "krios-1", H(2), H(3)), ran, at;

		run_until(H(1));
		must("alice", do_checkin, b);
		poll_seldom();
		d.of[0].on = true;
		run_until(H(2) - 20 * LT_SECOND);
		run_unseen(20 * LT_SECOND - 1);
		wild();
		run(1);
		must("zoe", do_checkin, z);
		lie_for(lies[k]);
		run(MIN(2));
		d.of[0].on = false;
		ran = d.of[0].run_ms;
		run(2 * POLL);
		ABOUT(of_booking(b).measured_ms, ran, 1000);
		at = d.of[0].run_ms;
		d.of[0].on = true;
		run(MIN(5));
		d.of[0].on = false;
		run(2 * POLL);
		ABOUT(of_booking(z).measured_ms, d.of[0].run_ms - at, 1000);
		teardown(state);
		setup(state);
	}
}

/* A manager closes a session while its poll reads a wild value: what ran since the last reading is still its own. (Once
 * the false level is believed, the run that was on keeps what nobody can place.) */
static void test_a_session_closed_at_a_wild_value_has_what_ran_before(void **state)
{
	for (size_t k = 0; k < 3; k++) {
		int64_t b = book("alice", "krios-1", H(1), H(3)), at;

		run_until(H(1));
		must("alice", do_checkin, b);
		poll_seldom();
		d.of[0].on = true;
		run(MIN(5));
		run_unseen(POLL - LT_SECOND);
		wild();
		at = d.of[0].run_ms;
		must("mia", do_close, of_booking(b).id);
		lie_for(lies[k]);
		ABOUT(of_booking(b).measured_ms, at, 1000);
		assert_true(of_booking(b).end_reading);
		d.of[0].on = false;
		run(MIN(10));
		teardown(state);
		setup(state);
	}
}

/* Idle time is released at an instant: not while nobody can say whether it is idle. */
static void test_a_wild_value_releases_no_idle_time_under_a_run(void **state)
{
	int64_t b, release = H(1) + MIN(45);

	(void)state;
	w->instruments[0].policy.idle_release_ms = MIN(30);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
	b = book("alice", "krios-1", H(1), H(4));
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(15));
	d.of[0].on = false;
	poll_seldom();
	run_until(release - 20 * LT_SECOND);
	d.of[0].on = true;
	run_unseen(20 * LT_SECOND - 1);
	wild();
	run(1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE released_at IS NOT NULL AND released_at > 0"), 0);
	lie_for(400);
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE released_at IS NOT NULL AND released_at > 0"), 0);
	d.of[0].on = false;
	run(MIN(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_another_ran_before_a_check_in_that_read_a_wild_value_is_not_mine),
		T(test_what_another_ran_before_a_check_in_that_read_no_value_is_not_mine),
		T(test_a_check_out_that_reads_a_wild_value_leaves_no_run_behind),
		T(test_a_run_at_the_booked_end_that_reads_a_wild_value_is_still_mine),
		T(test_a_first_run_at_the_booked_end_that_reads_a_wild_value_is_no_no_show),
		T(test_a_wild_value_at_the_booked_start_gives_nobody_the_others_run),
		T(test_a_session_closed_at_a_wild_value_has_what_ran_before),
		T(test_a_wild_value_releases_no_idle_time_under_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
