/*
 * test_clock_steps.c - the wall clock is set while somebody has booked, waits, runs, overran, or cannot be read: what
 * lies inside a jump happened to nobody, timers that take something wait until the clock has kept its pace, and a clock
 * that is set back makes nothing happen twice. Virtual time; the whole of core, app and store.
 */
#include <stdlib.h>

#include "sessions_rig.h"

#include "app/clock.h"
#include "store/clock.h"

/* BOOTTIME knows nothing of it: a time service or a person sets the wall clock. */
static void set_clock(int64_t by)
{
	w->now.wall_ms += by;
	devices_look(&d);
}

/* Our machine is paused: the devices go on, BOOTTIME and the wall clock do not; then the wall clock is set right. */
static void paused(int64_t ms)
{
	for (int k = 0; k < 3; k++)
		d.of[k].run_ms += d.of[k].on ? ms : 0;
	set_clock(ms);
}

static int64_t rows(const char *sql) { return world_int(w, sql); }
static int64_t charged(void) { return rows("SELECT COALESCE(SUM(amount_minor), 0) FROM charge"); }
static int64_t events(const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE kind = ?1", "t", kind);
}

/* The host charges the whole price for a no-show, and idle time at half the rate. */
static void harsh_terms(void)
{
	for (int k = 0; k < 3; k++) {
		w->instruments[k].price.no_show_bp = 10000;
		w->instruments[k].price.idle_rate_minor = 5000;
		assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[k])), 0);
	}
}

static int64_t checked_in(int64_t from, int64_t to)
{
	int64_t b = book("alice", "krios-1", from, to);

	run_until(from);
	must("alice", do_checkin, b);
	return b;
}

static int64_t running(int64_t from, int64_t to)
{
	int64_t b = checked_in(from, to);

	d.of[0].on = true;
	run(MIN(10));
	return b;
}

static void stop(int64_t b)
{
	d.of[0].on = false;
	run(MIN(2));
	if (db_one_int(w->db, 0, "SELECT state = 'active' FROM booking WHERE id = ?1", "i", b)) /* past its end it closed by itself */
		must("alice", do_checkout, b);
}

static int64_t used_ms(void) { return d.of[0].run_ms / 1000 * 1000; }

/* ---- every step is said once ---- */

static void test_a_step_is_said_once_whatever_its_size(void **state)
{
	static const struct { int64_t step; const char *event; bool waits; } of[] = {
		{ 1000, NULL, false }, { -1000, NULL, false }, { 1500, "clock_forward", false }, { -1500, "clock_back", false },
		{ MIN(1) - 1000, "clock_forward", false }, { -MIN(1), "clock_back", false },
		{ MIN(1) + 1000, "clock_jumped", true }, { MIN(60), "clock_jumped", true }, { -MIN(60), "clock_back", false },
		{ 24 * LT_HOUR, "clock_jumped", true }, { -24 * LT_HOUR, "clock_back", false },
	};
	int64_t said = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		int64_t before = of[k].event ? events(of[k].event) : 0;

		set_clock(of[k].step);
		run(MIN(2));
		said += of[k].event != NULL;
		if (rows("SELECT COUNT(*) FROM audit WHERE act = 'clock_step'") != said)
			fail_msg("a step of %lld ms: said %lld times", (long long)of[k].step,
				(long long)rows("SELECT COUNT(*) FROM audit WHERE act = 'clock_step'"));
		if (of[k].event)
			assert_int_equal(events(of[k].event), before + 1);
		assert_int_equal(clock_waits(&d.clock.clock, w->now.boot_ms), of[k].waits);
		run(MIN(61));
		assert_false(clock_waits(&d.clock.clock, w->now.boot_ms));
	}
	assert_int_equal(charged(), 0);
}

/* ---- forward: what lies inside happened to nobody ---- */

static void test_a_paused_machine_whose_clock_is_set_right_charges_no_idle_hour(void **state)
{
	int64_t b;

	(void)state;
	harsh_terms();
	b = running(H(1), H(5));
	d.of[0].on = false;
	run(MIN(1));
	set_clock(MIN(60));
	run(MIN(1));
	d.of[0].on = true;
	run(MIN(5));
	stop(b);
	run(MIN(20));
	assert_in_range(rows("SELECT idle_s FROM charge"), 60, 180);
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
}

static void test_who_comes_after_the_jump_over_their_start_is_no_no_show(void **state)
{
	int64_t b;

	(void)state;
	harsh_terms();
	b = book("alice", "krios-1", H(1), H(3));
	run_until(H(1) - MIN(5));
	set_clock(MIN(61));
	run(MIN(25));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(20));
	stop(b);
	run(MIN(5));
	assert_int_equal(rows("SELECT COUNT(*) FROM charge WHERE kind = 'fee'"), 0);
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
}

static void test_a_booking_ahead_is_no_no_show_because_the_clock_was_set(void **state)
{
	static const int64_t steps[] = { 3 * LT_HOUR, 24 * LT_HOUR };

	(void)state;
	harsh_terms();
	for (size_t k = 0; k < 2; k++) {
		int64_t from = (w->now.wall_ms / LT_HOUR + 2) * LT_HOUR, b = book("alice", "krios-1", from, from + 2 * LT_HOUR);

		run_until(from - MIN(5));
		set_clock(steps[k]);
		run(MIN(9));
		assert_int_equal(db_one_int(w->db, 0, "SELECT state = 'confirmed' FROM booking WHERE id = ?1", "i", b), 1);
		run(4 * LT_HOUR);
		assert_int_equal(charged(), 0);
		assert_int_equal(db_one_int(w->db, 0, "SELECT state = 'lapsed' FROM booking WHERE id = ?1", "i", b), 1);
	}
}

/* The counter shows what ran while our machine was paused; where in the hour it was nobody knows. */
static void test_what_ran_while_the_machine_was_paused_is_billed_once_at_the_base_price(void **state)
{
	int64_t b = running(H(1), H(2));

	(void)state;
	paused(MIN(180)); /* over the booked end */
	run(MIN(5));
	assert_int_equal(rows("SELECT priced_to FROM booking") >= w->now.wall_ms, 1);
	assert_int_equal(events("clock_end"), 1);
	stop(b);
	run(MIN(20));
	assert_int_equal(of_booking(b).measured_ms, used_ms());
	if (reviews("meter_lost")) /* a gap of three hours in a run: a person looks */
		must("mia", do_accept, rows("SELECT id FROM review WHERE kind = 'meter_lost'"));
	run(MIN(20));
	assert_int_equal(rows("SELECT overrun_s FROM charge"), 0);
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
	assert_int_equal(rows("SELECT COUNT(*) FROM review WHERE kind = 'meter_manual'"), 0);
}

/* The clock alone was wrong: the instrument counted five seconds, and five seconds are billed. */
static void test_a_run_past_its_end_only_by_the_clock_pays_no_overrun(void **state)
{
	int64_t b = running(H(1), H(2));

	(void)state;
	set_clock(MIN(90));
	run(MIN(14));
	stop(b);
	run(MIN(20));
	if (reviews("meter_lost"))
		must("mia", do_accept, rows("SELECT id FROM review WHERE kind = 'meter_lost'"));
	run(MIN(20));
	assert_int_equal(rows("SELECT overrun_s FROM charge"), 0);
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
}

/* Told once, whatever grace the booking has, and though another booking began inside the jump. */
static void test_overrun_after_a_jump_begins_a_quarter_of_an_hour_after_it(void **state)
{
	static const int64_t lengths[] = { MIN(15), MIN(30), MIN(60), MIN(240) };

	for (size_t k = 0; k < 2 * sizeof(lengths) / sizeof(lengths[0]); k++) {
		int64_t end = H(1) + lengths[k / 2], b = running(H(1), end);

		if (k % 2)
			book("zoe", "krios-1", end, end + MIN(90));
		set_clock(lengths[k / 2] + MIN(30));
		run(MIN(25));
		stop(b);
		run(MIN(20));
		if (reviews("meter_lost"))
			must("mia", do_accept, rows("SELECT id FROM review WHERE kind = 'meter_lost'"));
		run(MIN(20));
		if (labs(rows("SELECT overrun_s FROM charge WHERE kind = 'usage'") - 10 * 60) > 20)
			fail_msg("a booking of %lld min%s: %lld s", (long long)(lengths[k / 2] / LT_MINUTE), k % 2 ? ", and one after it" : "",
				(long long)rows("SELECT overrun_s FROM charge WHERE kind = 'usage'"));
		teardown(state);
		setup(state);
	}
}

static int64_t held_to(int64_t b)
{
	return db_one_int(w->db, 0, "SELECT busy_to FROM occupancy WHERE kind = 'booking' AND ref = ?1 AND active = 1", "i", b);
}

/* A booking starts at the same moment as the jump, so that the edge of that start is what the loop acts on. */
static void test_a_run_whose_end_the_clock_jumped_over_holds_its_unit_all_the_time(void **state)
{
	static const int64_t steps[] = { MIN(61), MIN(125), 6 * LT_HOUR, 24 * LT_HOUR };

	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		int64_t from = (w->now.wall_ms / LT_HOUR + 2) * LT_HOUR, b = book("alice", "krios-1", from, from + LT_HOUR);

		run_until(from - MIN(5));
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(4));
		set_clock(steps[k]);
		for (int m = 0; m < 25; m++) {
			run(MIN(1));
			if (of_booking(b).state != SESSION_RUNNING || held_to(b) <= w->now.wall_ms)
				fail_msg("a step of %lld min: not held %d min later", (long long)(steps[k] / LT_MINUTE), m + 1);
		}
		stop(b);
		run(MIN(20));
		assert_int_equal(of_booking(b).measured_ms, db_one_int(w->db, 0, "SELECT SUM(measured_ms) FROM usage WHERE session = "
			"(SELECT id FROM session WHERE booking = ?1)", "i", b));
	}
	assert_int_equal(rows("SELECT SUM(measured_ms) FROM session"), used_ms());
}

/* Who rests between two runs has the quarter of an hour that they are told of. */
static void test_who_rests_when_the_clock_jumps_over_their_end_may_go_on(void **state)
{
	int64_t b = running(H(1), H(2));

	(void)state;
	d.of[0].on = false;
	run(MIN(1));
	set_clock(MIN(90));
	run(MIN(5));
	assert_int_equal(of_booking(b).state, SESSION_IDLE);
	assert_true(held_to(b) > w->now.wall_ms);
	run(MIN(12)); /* and then it ends as at any booked end */
	assert_int_equal(of_booking(b).closed_at != 0, 1);
	run(MIN(20));
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
	assert_int_equal(rows("SELECT idle_s FROM charge"), 0);
}

/* ---- many small ones ---- */

static void test_thirty_steps_of_ten_seconds_are_a_jump(void **state)
{
	int64_t b = running(H(1), H(4));

	(void)state;
	for (int k = 0; k < 30; k++) {
		set_clock(10 * LT_SECOND);
		run(MIN(1));
	}
	assert_int_equal(events("clock_forward"), 6); /* up to a minute */
	assert_int_equal(events("clock_jumped"), 24);
	assert_true(clock_waits(&d.clock.clock, w->now.boot_ms));
	ABOUT(rows("SELECT SUM(to_at - from_at) FROM outage WHERE kind = 'clock' AND instrument = 'krios-1'"), MIN(5), 1000);
	stop(b);
	assert_int_equal(of_booking(b).measured_ms, used_ms());
}

/* A machine that sleeps: BOOTTIME and the wall clock both go on. A silence, no step. */
static void test_a_machine_that_slept_is_a_silence_and_no_step(void **state)
{
	int64_t b = running(H(1), H(4));

	(void)state;
	d.of[0].run_ms += MIN(60);
	world_sleep(w, MIN(60));
	run(MIN(5));
	assert_int_equal(rows("SELECT COUNT(*) FROM audit WHERE act = 'clock_step'"), 0);
	assert_int_equal(rows("SELECT COUNT(*) FROM outage WHERE kind = 'clock'"), 0);
	assert_false(clock_waits(&d.clock.clock, w->now.boot_ms));
	stop(b);
	assert_int_equal(of_booking(b).measured_ms, used_ms());
}

/* ---- in a gap, and over a restart ---- */

static void test_a_jump_while_the_controller_is_silent_closes_nothing_early(void **state)
{
	int64_t b = running(H(1), H(2));

	(void)state;
	d.of[0].silent = true;
	run(MIN(2));
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	set_clock(MIN(120));
	run(MIN(10)); /* the booked end lay inside: not given up yet */
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	d.of[0].silent = false;
	run(MIN(2));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	stop(b);
	assert_int_equal(of_booking(b).measured_ms, used_ms());
}

static void test_a_daemon_started_anew_after_the_clock_was_set_sees_the_step(void **state)
{
	int64_t b = running(H(1), H(4));

	(void)state;
	memset(&d.clock, 0, sizeof(d.clock)); /* what it knew is in the store */
	w->now.wall_ms += MIN(60);
	devices_look(&d);
	assert_int_equal(act(NULL, do_recover, 0), 0);
	assert_int_equal(events("clock_jumped"), 1);
	assert_true(clock_waits(&d.clock.clock, w->now.boot_ms));
	memset(&d.clock, 0, sizeof(d.clock)); /* and once more: it still waits, and says nothing again */
	run(MIN(1));
	assert_int_equal(events("clock_jumped"), 1);
	assert_true(clock_waits(&d.clock.clock, w->now.boot_ms));
	run(MIN(10));
	assert_false(clock_waits(&d.clock.clock, w->now.boot_ms));
	stop(b);
	assert_int_equal(of_booking(b).measured_ms, used_ms());
}

/* ---- timers wait, or somebody says go ---- */

static int do_clock(struct act *a, void *arg) { (void)arg; return clock_accept(a, "I set it"); }

static void test_a_manager_says_that_the_clock_is_right(void **state)
{
	(void)state;
	assert_int_equal(act("mia", do_clock, 0), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "clock-steady");
	set_clock(MIN(30));
	assert_true(clock_waits(&d.clock.clock, w->now.boot_ms));
	must("mia", do_clock, 0);
	devices_look(&d);
	assert_false(clock_waits(&d.clock.clock, w->now.boot_ms));
	assert_int_equal(rows("SELECT COUNT(*) FROM audit WHERE act = 'clock_accept' AND actor = 'mia'"), 1);
	assert_int_equal(events("clock_accepted"), 1);
}

static void test_each_further_step_makes_them_wait_longer(void **state)
{
	(void)state;
	set_clock(MIN(30));
	run(MIN(9));
	set_clock(MIN(-30));
	run(MIN(9));
	assert_true(clock_waits(&d.clock.clock, w->now.boot_ms));
	run(MIN(1) + 1000);
	assert_false(clock_waits(&d.clock.clock, w->now.boot_ms));
}

/* An idle session's rest is not let go for an hour that nobody idled. */
static void test_an_idle_session_is_not_released_because_the_clock_was_set(void **state)
{
	int64_t b;

	(void)state;
	w->instruments[0].policy.idle_release_ms = MIN(30);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
	b = running(H(1), H(5));
	d.of[0].on = false;
	run(MIN(5));
	set_clock(MIN(60));
	run(MIN(12));
	assert_int_equal(db_one_int(w->db, -1, "SELECT COUNT(*) FROM booking WHERE id = ?1 AND released_at IS NOT NULL AND "
		"released_at <> 0", "i", b), 0);
	run(MIN(30));
	assert_int_equal(events("booking.idle_release_soon"), 1);
	assert_int_equal(events("booking.release"), 1);
}

/* ---- back ---- */

static void test_labels_of_readings_never_go_back(void **state)
{
	int64_t b = running(H(1), H(4)), high = w->now.wall_ms;

	(void)state;
	set_clock(MIN(-60));
	run(MIN(30));
	assert_int_equal(rows("SELECT COUNT(*) FROM reading a JOIN reading b ON b.id > a.id AND b.instrument = a.instrument "
		"WHERE b.at < a.at"), 0);
	assert_in_range(rows("SELECT wall_at FROM meter WHERE instrument = 'krios-1'"), high - 5000, high);
	run(MIN(40)); /* past it again */
	assert_in_range(rows("SELECT MAX(at) FROM reading WHERE instrument = 'krios-1'"), high, w->now.wall_ms);
	stop(b);
	run(MIN(5));
	assert_int_equal(of_booking(b).measured_ms, used_ms());
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
	assert_int_equal(rows("SELECT COUNT(*) FROM charge"), 1);
	assert_int_equal(rows("SELECT COUNT(*) FROM review"), 0);
}

static void test_a_session_closed_while_the_clock_is_back_is_charged_at_once(void **state)
{
	int64_t b = running(H(1), H(4));

	(void)state;
	set_clock(MIN(-60));
	run(MIN(5));
	stop(b);
	run(MIN(2));
	assert_int_equal(rows("SELECT COUNT(*) FROM charge"), 1);
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
}

static void test_a_controller_lost_while_the_clock_is_back_is_noticed(void **state)
{
	int64_t b = running(H(1), H(4));

	(void)state;
	set_clock(MIN(-60));
	d.of[0].silent = true;
	run(MIN(2));
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	d.of[0].silent = false;
	run(MIN(1));
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	stop(b);
}

static void test_an_overrun_is_told_once_though_its_hour_comes_twice(void **state)
{
	int64_t b = running(H(1), H(2));

	(void)state;
	run_until(H(2) + MIN(20));
	assert_int_equal(events("overrun"), 1);
	set_clock(MIN(-40));
	run(MIN(60));
	assert_int_equal(events("overrun"), 1);
	stop(b);
	run(MIN(5));
	assert_int_equal(of_booking(b).measured_ms, used_ms());
	assert_int_equal(rows("SELECT COUNT(*) FROM charge"), 1);
}

static int do_book_used(struct act *a, void *arg)
{
	struct booking_request rq = { .from = H(1), .to = H(1) + MIN(30) };
	struct booking b;

	(void)arg;
	lt_fmt(rq.instrument, sizeof(rq.instrument), "krios-1");
	return booking_create(a, &rq, &b);
}

static void test_used_time_cannot_be_booked_again(void **state)
{
	int64_t b = running(H(1), H(2));

	(void)state;
	run(MIN(40));
	stop(b);
	set_clock(MIN(-50)); /* in the first minutes of what was used */
	assert_int_equal(act("zoe", do_book_used, 0), ACT_REFUSED);
	assert_true(w->act.refusal.n_conflicts > 0);
}

/* A day that the clock jumped over and then lived through after all excuses nobody who does not come in it. */
static void test_who_does_not_come_after_the_clock_was_set_back_has_not_come(void **state)
{
	static const struct { int64_t jump, back; } of[] = { { MIN(2), MIN(2) }, { 3 * LT_HOUR, 3 * LT_HOUR },
		{ 24 * LT_HOUR, 24 * LT_HOUR }, { 24 * LT_HOUR, 23 * LT_HOUR }, { 24 * LT_HOUR, 24 * LT_HOUR } };

	(void)state;
	harsh_terms();
	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		int64_t to_come = of[k].jump - of[k].back, fees = charged();
		int64_t from = (w->now.wall_ms / LT_HOUR + 4) * LT_HOUR + to_come, b;

		b = book("alice", "krios-1", from, from + 2 * LT_HOUR);
		run_until(from - to_come - 2 * LT_HOUR);
		set_clock(of[k].jump);
		run(MIN(5));
		set_clock(-of[k].back);
		run_until(from + 2 * LT_HOUR + MIN(30));
		if (!db_one_int(w->db, 0, "SELECT state = 'no_show' FROM booking WHERE id = ?1", "i", b) || charged() == fees)
			fail_msg("forward %lld min, back %lld min: no no-show", (long long)(of[k].jump / LT_MINUTE),
				(long long)(of[k].back / LT_MINUTE));
	}
}

/* And a whole session in it is charged once, for what ran. */
static void test_an_idle_session_pays_no_day_that_the_clock_jumped_over_and_back(void **state)
{
	int64_t b;

	(void)state;
	harsh_terms();
	b = running(H(1), H(5));
	d.of[0].on = false;
	run(MIN(1));
	set_clock(24 * LT_HOUR);
	run(MIN(2));
	d.of[0].on = true;
	run(MIN(5));
	set_clock(-24 * LT_HOUR);
	run(MIN(2));
	stop(b);
	run(MIN(20));
	assert_int_equal(rows("SELECT COUNT(*) FROM charge"), 1);
	assert_in_range(rows("SELECT idle_s FROM charge"), 0, 5 * 60);
	assert_int_equal(rows("SELECT used_s FROM charge"), used_ms() / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_step_is_said_once_whatever_its_size),
		T(test_a_paused_machine_whose_clock_is_set_right_charges_no_idle_hour),
		T(test_who_comes_after_the_jump_over_their_start_is_no_no_show),
		T(test_who_does_not_come_after_the_clock_was_set_back_has_not_come),
		T(test_an_idle_session_pays_no_day_that_the_clock_jumped_over_and_back),
		T(test_a_booking_ahead_is_no_no_show_because_the_clock_was_set),
		T(test_what_ran_while_the_machine_was_paused_is_billed_once_at_the_base_price),
		T(test_a_run_past_its_end_only_by_the_clock_pays_no_overrun),
		T(test_overrun_after_a_jump_begins_a_quarter_of_an_hour_after_it),
		T(test_a_run_whose_end_the_clock_jumped_over_holds_its_unit_all_the_time),
		T(test_who_rests_when_the_clock_jumps_over_their_end_may_go_on), T(test_thirty_steps_of_ten_seconds_are_a_jump),
		T(test_a_machine_that_slept_is_a_silence_and_no_step),
		T(test_a_jump_while_the_controller_is_silent_closes_nothing_early),
		T(test_a_daemon_started_anew_after_the_clock_was_set_sees_the_step),
		T(test_a_manager_says_that_the_clock_is_right), T(test_each_further_step_makes_them_wait_longer),
		T(test_an_idle_session_is_not_released_because_the_clock_was_set), T(test_labels_of_readings_never_go_back),
		T(test_a_session_closed_while_the_clock_is_back_is_charged_at_once),
		T(test_a_controller_lost_while_the_clock_is_back_is_noticed),
		T(test_an_overrun_is_told_once_though_its_hour_comes_twice), T(test_used_time_cannot_be_booked_again),
	};

	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
