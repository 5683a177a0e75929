/*
 * test_clock_back.c - the wall clock is set back, and labels of readings stand still ahead of it: what runs meanwhile
 * is whose it would be by the clock that people see. And a level that a paused machine left: on its return nobody has
 * more than fits. Virtual time; the whole of core, app and store.
 */
#include "sessions_rig.h"

static void set_clock(int64_t by)
{
	w->now.wall_ms += by;
	devices_look(&d);
}

/* Labels stand still so long ahead of the clock. */
static void ahead_by(int64_t ms)
{
	set_clock(ms);
	run(MIN(3));
	set_clock(-ms);
	run(MIN(3));
}

static void silent(int64_t ms)
{
	d.of[0].silent = true;
	run(ms);
	d.of[0].silent = false;
}

static int64_t rows(const char *sql) { return world_int(w, sql); }

/* Steps back by less than a poll's label, minutes, an hour and a day; and the day twice. */
static const int64_t steps[] = { MIN(2), MIN(90), 24 * LT_HOUR, 24 * LT_HOUR };

static int64_t hour_after(int64_t ms) { return ((w->now.wall_ms + ms) / LT_HOUR + 1) * LT_HOUR; }

static void test_who_checks_in_while_labels_stand_still_pays_no_strangers_run(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		int64_t from, b, ran;

		ahead_by(steps[k]);
		d.of[0].on = true; /* nobody's, for two hours */
		from = hour_after(LT_HOUR);
		run_until(from - MIN(40));
		b = book("alice", "krios-1", from, from + LT_HOUR);
		run_until(from);
		ran = d.of[0].run_ms;
		must("alice", do_checkin, b);
		run(MIN(10));
		d.of[0].on = false;
		run(MIN(2));
		must("alice", do_checkout, b);
		run(MIN(20));
		/* what lay in the early start may be hers where labels tell */
		if (of_booking(b).measured_ms > d.of[0].run_ms - ran + MIN(16))
			fail_msg("a step of %lld min: %lld s are hers", (long long)(steps[k] / LT_MINUTE),
				(long long)(of_booking(b).measured_ms / 1000));
		run(30 * LT_HOUR); /* labels go on again */
	}
}

static void test_who_checks_in_during_a_silence_while_labels_stand_still_pays_no_strangers_run(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		int64_t from, b, next;

		ahead_by(steps[k]);
		from = hour_after(LT_HOUR);
		b = book("alice", "krios-1", from, from + LT_HOUR);
		next = book("zoe", "krios-1", from + 2 * LT_HOUR, from + 3 * LT_HOUR);
		run_until(from);
		must("alice", do_checkin, b);
		run(MIN(3));
		d.of[0].silent = true; /* she runs it, nobody sees it, and it is given up at the booked end */
		d.of[0].on = true;
		run(MIN(50));
		d.of[0].on = false;
		run_until(from + 2 * LT_HOUR);
		must("zoe", do_checkin, next);
		run(MIN(5));
		must("zoe", do_checkout, next);
		run(MIN(10));
		d.of[0].silent = false;
		run(MIN(20));
		if (of_booking(next).measured_ms > 0)
			fail_msg("a step of %lld min: %lld s of another's run are hers", (long long)(steps[k] / LT_MINUTE),
				(long long)(of_booking(next).measured_ms / 1000));
		run(30 * LT_HOUR);
	}
}

static void test_who_checks_in_before_the_clock_is_set_right_pays_nothing_of_the_pause(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(5)), ran;

	(void)state;
	run_until(H(1));
	d.of[0].silent = true;
	d.of[0].run_ms += 2 * LT_HOUR; /* somebody's, while our machine is paused */
	run(10 * LT_SECOND);
	must("alice", do_checkin, b);
	ran = d.of[0].run_ms;
	d.of[0].on = true;
	run(MIN(4));
	set_clock(2 * LT_HOUR);
	d.of[0].silent = false;
	run(MIN(20));
	d.of[0].on = false;
	run(MIN(2));
	must("alice", do_checkout, b);
	run(MIN(20));
	if (of_booking(b).measured_ms > d.of[0].run_ms - ran + LT_MINUTE)
		fail_msg("%lld s are hers, she ran %lld s", (long long)(of_booking(b).measured_ms / 1000),
			(long long)((d.of[0].run_ms - ran) / 1000));
	assert_in_range(of_booking(b).measured_ms, MIN(19), MIN(27));
}

static void test_a_run_at_fault_costs_nothing_though_the_clock_jumps_in_it(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].faulty = true;
	run(MIN(2));
	d.of[0].on = true;
	for (int k = 0; k < 20; k++) { /* each minute a step that is a jump with those before it */
		run(MIN(1));
		set_clock(10 * LT_SECOND);
	}
	d.of[0].on = false;
	run(MIN(2));
	must("alice", do_checkout, b);
	run(MIN(20));
	assert_int_equal(rows("SELECT SUM(used_s) FROM charge"), d.of[0].run_ms / 1000);
	assert_int_equal(rows("SELECT SUM(fault_s) FROM charge"), d.of[0].run_ms / 1000);
	assert_int_equal(rows("SELECT SUM(amount_minor) FROM charge"), 0);
}

static void test_a_run_while_labels_stand_still_is_not_of_tomorrows_booking(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		int64_t from = hour_after(steps[k]) - LT_HOUR, b = book("alice", "krios-1", from + MIN(15), from + 3 * LT_HOUR);

		if (steps[k] < LT_HOUR)
			from += MIN(15);
		run_until(from - steps[k] > w->now.wall_ms ? from - steps[k] : w->now.wall_ms);
		ahead_by(steps[k]);
		if (w->now.wall_ms < from - MIN(30)) {
			d.of[0].on = true;
			run(MIN(10));
			d.of[0].on = false;
			run(MIN(10));
			assert_int_equal(rows("SELECT COUNT(*) FROM session WHERE booking IS NOT NULL AND state <> 'closed'"), 0);
			assert_int_equal(db_one_int(w->db, -1, "SELECT COUNT(*) FROM session WHERE booking = ?1", "i", b), 0);
		}
		run(60 * LT_HOUR);
	}
}

static void test_a_session_while_labels_stand_still_begins_and_ends_by_the_clock(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		int64_t from, b, ran;
		struct session s;

		ahead_by(steps[k]);
		from = hour_after(0);
		b = book("alice", "krios-1", from, from + LT_HOUR);
		run_until(from);
		must("alice", do_checkin, b);
		ran = d.of[0].run_ms;
		d.of[0].on = true;
		run(MIN(20));
		d.of[0].on = false;
		run(MIN(2));
		must("alice", do_checkout, b);
		s = of_booking(b);
		assert_in_range(s.opened_at, from, from + MIN(1));
		assert_in_range(s.closed_at, from + MIN(19), from + MIN(23));
		assert_in_range(s.last_run_end_at, from + MIN(19), from + MIN(21));
		run(MIN(20));
		assert_int_equal(db_one_int(w->db, -1, "SELECT used_s FROM charge WHERE session = ?1", "i", s.id),
			(d.of[0].run_ms - ran) / 1000);
		assert_in_range(db_one_int(w->db, -1, "SELECT idle_s FROM charge WHERE session = ?1", "i", s.id), 0, 60);
		run(30 * LT_HOUR);
	}
}

/* The counter ran on while the machine was paused, and no clock said so: nobody knows that level, until a later pause
 * shows a value that the old level can have. By then others have used the instrument. */
static void test_a_level_that_returns_gives_nobody_more_than_fits(void **state)
{
	int64_t a = book("alice", "krios-1", H(1), H(2)), b, before;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, a);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].run_ms += 2 * LT_HOUR;
	d.of[0].on = false;
	run(MIN(5));
	must("alice", do_checkout, a);
	before = of_booking(a).measured_ms;
	b = book("zoe", "krios-1", H(3), H(4));
	run_until(H(3));
	must("zoe", do_checkin, b);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].on = false;
	run(MIN(2));
	must("zoe", do_checkout, b);
	run(MIN(5));
	run_until(H(5));
	d.of[0].run_ms += MIN(10);
	run(MIN(5));
	assert_int_equal(rows("SELECT COUNT(*) FROM event WHERE kind = 'meter_back'"), 1);
	assert_in_range(of_booking(a).measured_ms, before, before + MIN(6));
	assert_in_range(of_booking(b).measured_ms, MIN(29), MIN(33));
}

/* A quarter of an hour that zoe does not run, before and after ten minutes that she does: read, or silent. */
static int64_t zoe_runs_ten_minutes(bool dark)
{
	int64_t from = hour_after(0), b = book("zoe", "krios-1", from, from + LT_HOUR);

	run_until(from);
	must("zoe", do_checkin, b);
	d.of[0].silent = dark;
	run(MIN(15));
	d.of[0].silent = false;
	run(MIN(2));
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(15));
	must("zoe", do_checkout, b);
	return b;
}

/*
 * A pause left a level, and most of the time since has no label: in it the instrument ran for hours that nobody saw.
 * Such hours are many more than the labels of the hold can have, and none of them are of who came after.
 */
static void test_who_ran_ten_minutes_pays_for_ten_when_a_level_with_hours_of_nobodys_returns(void **state)
{
	(void)state;
	for (int dark = 0; dark < 2; dark++) {
		int64_t high, b;

		set_clock(12 * LT_HOUR);
		run(MIN(11));
		high = w->now.wall_ms;
		set_clock(-12 * LT_HOUR);
		run(MIN(3));
		d.of[0].run_ms += LT_HOUR; /* while our machine is paused */
		run(MIN(5));
		d.of[0].on = true;
		silent(9 * LT_HOUR);
		d.of[0].on = false;
		run_until(high + MIN(5));
		b = zoe_runs_ten_minutes(dark);
		d.of[0].run_ms += MIN(10); /* another pause, after which the old level fits */
		run(MIN(5));
		assert_int_equal(rows("SELECT COUNT(*) FROM event WHERE kind = 'meter_back'"), 1);
		if (of_booking(b).measured_ms < MIN(10) - 5000 || of_booking(b).measured_ms > MIN(10) + 5000)
			fail_msg("%s: %lld s are hers, she ran 600 s", dark ? "with a silence" : "read all the time",
				(long long)(of_booking(b).measured_ms / 1000));
		teardown(state);
		setup(state);
	}
}

/* Her run was on when a pause left the level, and read off ever since; she stays for an hour and more. */
static void test_who_stays_after_her_run_pays_no_hour_that_a_returning_level_brings(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(4));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].run_ms += LT_HOUR;
	d.of[0].on = false;
	run(MIN(100));
	d.of[0].run_ms += MIN(10); /* another pause, after which the old level fits */
	run(MIN(5));
	must("alice", do_checkout, b);
	assert_int_equal(rows("SELECT COUNT(*) FROM event WHERE kind = 'meter_back'"), 1);
	/* and at most the polls in which the level changed */
	assert_in_range(of_booking(b).measured_ms, MIN(10) - 5 * LT_SECOND, MIN(10) + 25 * LT_SECOND);
}

/* The label of a lock is the clock's, which was an hour ahead when it was read. */
static void lock_reads(enum lt_lock state)
{
	struct msg_interlock m = { .head.at = w->now, .lock = (uint8_t)state };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	d.of[0].lock = (uint8_t)state;
	assert_int_equal(world_end(w, metering_interlock(world_act(w, NULL), &m)), 0);
}

static void test_a_relay_that_never_opens_is_seen_while_labels_stand_still(void **state)
{
	int64_t from, b;

	(void)state;
	set_clock(LT_HOUR);
	run(MIN(3));
	lock_reads(LT_LOCK_LOCKED);
	set_clock(-LT_HOUR);
	run(MIN(3));
	from = (w->now.wall_ms / LT_HOUR + 1) * LT_HOUR;
	b = book("alice", "krios-1", from, from + LT_HOUR);
	run_until(from);
	must("alice", do_checkin, b);
	run(MIN(5));
	assert_int_equal(rows("SELECT COUNT(*) FROM outage WHERE kind = 'locked'"), 1);
	assert_in_range(rows("SELECT MAX(from_at) FROM outage WHERE kind = 'locked'"), from, from + MIN(1));
}

/* Over the start of a booking nobody could see whether anything ran. */
static void test_a_silence_or_a_stop_while_labels_stand_still_costs_no_fee(void **state)
{
	(void)state;
	for (int stop = 0; stop < 2; stop++) {
		int64_t from, b;

		ahead_by(24 * LT_HOUR);
		from = hour_after(LT_HOUR);
		b = book("alice", "krios-1", from, from + 2 * LT_HOUR);
		run_until(from - MIN(10));
		d.of[0].silent = !stop;
		if (stop) {
			w->now.wall_ms += MIN(30);
			w->now.boot_ms += MIN(30);
			assert_int_equal(act(NULL, do_recover, 0), 0);
		}
		run_until(from + MIN(45)); /* half an hour without use is a no-show */
		assert_int_equal(rows("SELECT COUNT(*) FROM booking WHERE state = 'no_show'"), 0);
		if (stop)
			assert_in_range(rows("SELECT MAX(to_at - from_at) FROM outage WHERE kind = 'unwatched'"), MIN(30), MIN(32));
		d.of[0].silent = false;
		must("alice", do_cancel, b);
	}
}

/* Both clocks went on while nobody looked; then the wall clock is set. */
static void asleep(int64_t ms, int64_t then_by)
{
	w->now.wall_ms += ms;
	w->now.boot_ms += ms;
	set_clock(then_by);
}

/* Nobody could read the instrument, or our machine slept, or it slept and then its clock went over the rest, from
 * before the booking until after it: while labels stand still, and where they begin to go on in that time. */
static void test_who_did_not_come_in_a_silence_that_is_over_while_labels_stand_still_pays_no_fee(void **state)
{
	static const int64_t leads[] = { MIN(2), MIN(60), MIN(90), MIN(110), MIN(150), 24 * LT_HOUR };
	static const char *const ways[] = { "silent", "asleep", "asleep, and a jump" };

	for (size_t k = 0; k < 3 * sizeof(leads) / sizeof(leads[0]); k++) {
		int64_t from = H(2), b;

		w->instruments[0].price.no_show_bp = 10000;
		assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
		b = book("alice", "krios-1", from, from + LT_HOUR);
		run_until(H(1));
		ahead_by(leads[k / 3]);
		run_until(from - MIN(1));
		if (k % 3 == 0)
			silent(MIN(70));
		else
			asleep(k % 3 == 1 ? MIN(70) : MIN(35), k % 3 == 1 ? 0 : MIN(70));
		run(LT_HOUR);
		if (rows("SELECT COUNT(*) FROM charge") != 0 || !db_one_int(w->db, 0, "SELECT state = 'lapsed' FROM booking WHERE "
			"id = ?1", "i", b))
			fail_msg("ahead by %lld min, %s: a fee", (long long)(leads[k / 3] / LT_MINUTE), ways[k % 3]);
		teardown(state);
		setup(state);
	}
}

/* The machine slept over the booking, and woke up where labels go on again: they say that the silence was short. */
static void test_a_sleep_that_begins_while_labels_stand_still_costs_no_fee(void **state)
{
	int64_t high, from;

	(void)state;
	set_clock(6 * LT_HOUR);
	run(MIN(11));
	high = w->now.wall_ms;
	set_clock(-6 * LT_HOUR);
	run(MIN(11));
	from = hour_after(LT_HOUR);
	book("alice", "krios-1", from, from + LT_HOUR);
	run_until(from - MIN(10));
	w->now.boot_ms += high + MIN(1) - w->now.wall_ms;
	w->now.wall_ms = high + MIN(1);
	run(MIN(5));
	assert_int_equal(rows("SELECT COUNT(*) FROM booking WHERE state = 'lapsed'"), 1);
}

/* By its label it is of tomorrow: the run that keeps everybody from the instrument today. */
static void test_a_run_from_before_the_set_back_is_no_no_show_of_whom_it_keeps_out(void **state)
{
	int64_t from;

	(void)state;
	set_clock(24 * LT_HOUR);
	run(MIN(11));
	d.of[0].on = true; /* nobody's */
	run(MIN(1));
	set_clock(-24 * LT_HOUR);
	from = hour_after(MIN(20));
	book("alice", "krios-1", from, from + 2 * LT_HOUR);
	run_until(from + MIN(50)); /* half an hour without use is a no-show */
	assert_int_equal(rows("SELECT COUNT(*) FROM booking WHERE state = 'no_show'"), 0);
	run_until(from + 2 * LT_HOUR + MIN(1));
	d.of[0].on = false;
	run(30 * LT_HOUR); /* labels go on again */
	assert_int_equal(rows("SELECT COUNT(*) FROM booking WHERE state = 'no_show'"), 0);
}

/* Alice came while the clock was ahead and runs on after it was set back, for all of Zoe's time. */
static void test_who_did_not_come_while_a_session_of_tomorrow_held_the_unit_pays_no_fee(void **state)
{
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		int64_t from, a, b;

		w->instruments[0].price.no_show_bp = 10000;
		assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
		set_clock(steps[k]);
		run(MIN(1));
		from = hour_after(0);
		a = book("alice", "krios-1", from, from + LT_HOUR);
		run_until(from);
		must("alice", do_checkin, a);
		d.of[0].on = true;
		run(MIN(5));
		set_clock(-steps[k]);
		run(MIN(5));
		from = hour_after(0);
		b = book("zoe", "krios-1", from, from + LT_HOUR);
		run_until(from + MIN(65));
		d.of[0].on = false;
		run(MIN(30));
		if (db_one_int(w->db, 0, "SELECT COUNT(*) FROM charge WHERE booking = ?1", "i", b) != 0)
			fail_msg("a step of %lld min: a fee", (long long)(steps[k] / LT_MINUTE));
		teardown(state);
		setup(state);
	}
}

/* Nobody's run holds the unit from before Zoe's booking on; in it the clock is set back, and right again late in her
 * time. What the run held of it before was nobody else's to use. */
static void test_a_run_in_which_the_clock_was_set_back_held_the_unit_before_it(void **state)
{
	int64_t from, b;

	(void)state;
	w->instruments[0].price.no_show_bp = 10000;
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
	from = hour_after(MIN(20));
	b = book("zoe", "krios-1", from, from + 2 * LT_HOUR);
	run_until(from - MIN(18));
	d.of[0].on = true; /* too early to be hers */
	run_until(from + MIN(25));
	set_clock(-6 * LT_HOUR);
	run(MIN(12));
	d.of[0].on = false;
	run(MIN(70));
	set_clock(6 * LT_HOUR);
	run(MIN(30));
	assert_int_equal(db_one_int(w->db, 0, "SELECT COUNT(*) FROM charge WHERE booking = ?1", "i", b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_who_checks_in_during_a_silence_while_labels_stand_still_pays_no_strangers_run),
		T(test_who_checks_in_before_the_clock_is_set_right_pays_nothing_of_the_pause),
		T(test_a_run_at_fault_costs_nothing_though_the_clock_jumps_in_it),
		T(test_who_checks_in_while_labels_stand_still_pays_no_strangers_run),
		T(test_a_run_while_labels_stand_still_is_not_of_tomorrows_booking),
		T(test_a_session_while_labels_stand_still_begins_and_ends_by_the_clock),
		T(test_a_level_that_returns_gives_nobody_more_than_fits),
		T(test_who_ran_ten_minutes_pays_for_ten_when_a_level_with_hours_of_nobodys_returns),
		T(test_who_stays_after_her_run_pays_no_hour_that_a_returning_level_brings),
		T(test_a_relay_that_never_opens_is_seen_while_labels_stand_still),
		T(test_who_did_not_come_while_a_session_of_tomorrow_held_the_unit_pays_no_fee),
		T(test_a_run_in_which_the_clock_was_set_back_held_the_unit_before_it),
		T(test_a_silence_or_a_stop_while_labels_stand_still_costs_no_fee),
		T(test_who_did_not_come_in_a_silence_that_is_over_while_labels_stand_still_pays_no_fee),
		T(test_a_run_from_before_the_set_back_is_no_no_show_of_whom_it_keeps_out),
		T(test_a_sleep_that_begins_while_labels_stand_still_costs_no_fee),
	};

	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
