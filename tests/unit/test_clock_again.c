/*
 * test_clock_again.c - the wall clock is set more than once: forward, back and forward again. What a step jumped over
 * is lost to whoever was there, unless the clock showed it while they were there. No fee and no overrun for it, and no
 * excuse for who came later. Virtual time; the whole of core, app and store.
 */
#include "sessions_rig.h"

static void set_clock(int64_t by)
{
	w->now.wall_ms += by;
	devices_look(&d);
}

static int64_t rows(const char *sql) { return world_int(w, sql); }
static int64_t fees(void) { return rows("SELECT COUNT(*) FROM charge WHERE kind = 'fee'"); }
static int64_t sum(const char *sql) { return db_one_int(w->db, 0, sql, ""); }

static bool is(int64_t b, const char *state)
{
	return db_one_int(w->db, 0, "SELECT state = ?2 FROM booking WHERE id = ?1", "it", b, state);
}

/* The host charges the whole price for a no-show, idle time at half the rate, and lets a rest of half an hour go. */
static void harsh_terms(int64_t release_ms)
{
	for (int k = 0; k < 3; k++) {
		w->instruments[k].price.no_show_bp = 10000;
		w->instruments[k].price.idle_rate_minor = 5000;
		w->instruments[k].policy.idle_release_ms = release_ms;
		assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[k])), 0);
	}
}

/* Ahead for a minute, then back; the second time starts ten minutes after the first. */
static void forward_and_back(int64_t step)
{
	set_clock(step);
	run(MIN(1));
	set_clock(-step);
}

/* ---- bookings ---- */

struct steps { int64_t by[6]; };

/* A minute lies between two steps. Together they jump over the booking of two hours, of which nobody has seen anything
 * before. */
static const struct steps over[] = {
	{ { MIN(120), -MIN(120), MIN(120) } },
	{ { MIN(120), -MIN(120), MIN(120), -MIN(120), MIN(120) } },
	{ { MIN(120), -MIN(60), MIN(60) } },
	{ { 24 * LT_HOUR, -24 * LT_HOUR, MIN(120) } },
	{ { 24 * LT_HOUR, -12 * LT_HOUR, -12 * LT_HOUR, MIN(120) } },
	{ { -MIN(120), MIN(240) } },
	{ { MIN(40), MIN(40), MIN(40) } },
	{ { MIN(120), MIN(120), -MIN(240), MIN(120) } },
};

static void test_a_booking_that_several_steps_jumped_over_is_no_no_show(void **state)
{
	for (size_t k = 0; k < sizeof(over) / sizeof(over[0]); k++) {
		int64_t b;

		harsh_terms(0);
		b = book("alice", "krios-1", H(1), H(2) + MIN(30));
		run_until(H(1) - MIN(10));
		for (int n = 0; n < 6 && over[k].by[n]; n++) {
			set_clock(over[k].by[n]);
			run(MIN(1));
		}
		run(4 * LT_HOUR);
		if (fees() != 0 || !is(b, "lapsed"))
			fail_msg("row %zu: %lld fees, the booking is %slapsed", k, (long long)fees(), is(b, "lapsed") ? "" : "not ");
		teardown(state);
		setup(state);
	}
}

/* The clock was ahead for an hour, in which nobody had booked; whoever books after that lived none of it. */
static void test_what_passed_before_a_booking_was_made_is_nothing_it_could_use(void **state)
{
	int64_t b;

	(void)state;
	harsh_terms(0);
	run_until(H(1));
	set_clock(MIN(120));
	run(MIN(60));
	set_clock(-MIN(120));
	run(MIN(5));
	b = book("alice", "krios-1", H(3), H(4) + MIN(30));
	run(MIN(15));
	set_clock(MIN(130));
	run(LT_HOUR);
	assert_int_equal(fees(), 0);
	assert_true(is(b, "lapsed"));
}

/* Cancelled for a fee before the clock jumped over all of it: what the lab had lived through before the booking was
 * made was nothing that she gave up. */
static void test_a_cancelled_booking_that_the_clock_jumped_over_costs_nothing(void **state)
{
	int64_t b;

	(void)state;
	w->instruments[0].price.n_tiers = 1;
	w->instruments[0].price.tiers[0] = (struct tier){ 0, 5000 };
	harsh_terms(0);
	run_until(H(1));
	set_clock(MIN(120));
	run(MIN(60));
	set_clock(-MIN(120));
	run(MIN(5));
	b = book("alice", "krios-1", H(3), H(4) + MIN(30));
	run(MIN(5));
	must("alice", do_cancel, b);
	assert_int_equal(sum("SELECT SUM(amount_minor) FROM charge"), 7500);
	run(MIN(10));
	set_clock(MIN(130));
	run(3 * LT_HOUR);
	assert_int_equal(sum("SELECT SUM(amount_minor) FROM charge"), 0);
}

/* The clock is ahead for an hour and shows nearly all of a booking while another holds the instrument. It is set back,
 * they leave, the booking begins, and five minutes later the clock jumps over the rest of it. */
static void test_nobody_misses_a_booking_whose_time_the_clock_showed_only_while_another_ran_it(void **state)
{
	for (int booked = 0; booked < 2; booked++) {
		int64_t b, others = 0;

		harsh_terms(0);
		if (booked)
			others = book("zoe", "krios-1", H(1), H(3));
		b = book("alice", "krios-1", H(3), H(4));
		run_until(H(1));
		if (booked)
			must("zoe", do_checkin, others);
		d.of[0].on = true;
		run(MIN(10));
		set_clock(MIN(105));
		run(MIN(60)); /* five minutes are left of the booking */
		set_clock(-MIN(100));
		run(MIN(5));
		d.of[0].on = false;
		run(MIN(2));
		if (booked)
			must("zoe", do_checkout, others);
		run_until(H(3) + MIN(5));
		set_clock(MIN(70));
		run(LT_HOUR);
		if (fees() != 0 || !is(b, "lapsed"))
			fail_msg("%s: %lld fees, the booking is %slapsed", booked ? "another's session" : "nobody's run",
				(long long)fees(), is(b, "lapsed") ? "" : "not ");
		teardown(state);
		setup(state);
	}
}

/* Who had half an hour of it, after the other had left, and did not come pays as everybody does. */
static void test_who_does_not_come_when_the_other_has_left_pays_though_the_clock_was_ahead(void **state)
{
	int64_t b, other;

	(void)state;
	harsh_terms(0);
	other = book("zoe", "krios-1", H(1), H(3));
	b = book("alice", "krios-1", H(3), H(4));
	run_until(H(1));
	must("zoe", do_checkin, other);
	d.of[0].on = true;
	run(MIN(10));
	set_clock(MIN(105));
	run(MIN(60));
	set_clock(-MIN(100));
	d.of[0].on = false;
	run(MIN(2));
	must("zoe", do_checkout, other);
	run_until(H(3) + MIN(32));
	set_clock(MIN(70));
	run(LT_HOUR);
	assert_true(is(b, "no_show"));
	assert_int_equal(fees(), 1);
}

/* A run of nobody's reaches into a booking; its end and the jump over the rest are found together, after a silence. */
static void test_nobody_misses_a_booking_whose_wait_begins_just_before_a_jump(void **state)
{
	for (int k = 0; k < 20; k++) {
		int64_t b;

		harsh_terms(0);
		b = book("alice", "krios-1", H(2), H(4));
		run_until(H(2) - MIN(40));
		d.of[0].on = true;
		run_until(H(2) + MIN(2));
		d.of[0].on = false;
		run(MIN(1));
		d.of[0].silent = true;
		run(MIN(1) * (k % 10));
		set_clock(MIN(150));
		d.of[0].silent = k >= 10;
		run(MIN(2));
		d.of[0].silent = false;
		run(LT_HOUR);
		if (fees() != 0 || !is(b, "lapsed"))
			fail_msg("row %d: %lld fees, the booking is %slapsed", k, (long long)fees(), is(b, "lapsed") ? "" : "not ");
		teardown(state);
		setup(state);
	}
}

/* ---- sessions ---- */

/* Who came after the clock was set back is spared the second jump as everybody is. */
static void test_who_came_between_two_jumps_pays_no_overrun_for_the_second(void **state)
{
	static const int64_t steps[] = { MIN(10), MIN(120), 24 * LT_HOUR };

	for (size_t k = 0; k < 3; k++) {
		int64_t b;

		harsh_terms(0);
		b = book("alice", "krios-1", H(1), H(2));
		run_until(H(1) - MIN(10));
		forward_and_back(steps[k]);
		run_until(H(1));
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(55));
		set_clock(steps[k]);
		run(MIN(13));
		d.of[0].on = false;
		run(MIN(2));
		if (!of_booking(b).closed_at)
			must("alice", do_checkout, b);
		run(MIN(30));
		if (reviews("meter_lost"))
			must("mia", do_accept, rows("SELECT id FROM review WHERE kind = 'meter_lost'"));
		run(MIN(20));
		assert_int_equal(sum("SELECT COUNT(*) FROM booking_event WHERE verb = 'clock_delay' AND detail = '' AND from_at > 0"), 1);
		if (sum("SELECT SUM(overrun_s) FROM charge") != 0 || rows("SELECT COUNT(*) FROM event WHERE kind = 'clock_end'") != 1)
			fail_msg("%lld min: %lld s of overrun, told %lld times", (long long)(steps[k] / LT_MINUTE),
				(long long)sum("SELECT SUM(overrun_s) FROM charge"),
				(long long)rows("SELECT COUNT(*) FROM event WHERE kind = 'clock_end'"));
		teardown(state);
		setup(state);
	}
}

static bool unit_is_held(int64_t b)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM occupancy o JOIN session s ON s.instrument = 'krios-1' AND s.booking "
		"= ?1 WHERE o.active = 1 AND ((o.kind = 'booking' AND o.ref = ?1) OR (o.kind = 'session' AND o.ref = s.id)) AND "
		"o.busy_to > ?2", "ii", b, w->now.wall_ms) > 0;
}

/* The clock jumped over the end of a run and was ahead for so long; then it is set right, and the end is still to come.
 * She ran in her own time all the while. */
static void test_overrun_that_only_a_wrong_clock_saw_is_not_paid(void **state)
{
	static const int64_t ahead[] = { MIN(10), MIN(16), MIN(45) };

	for (size_t k = 0; k < 3; k++) {
		int64_t b, paid;

		harsh_terms(0);
		b = book("alice", "krios-1", H(1), H(3));
		run_until(H(1));
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(30));
		set_clock(6 * LT_HOUR);
		run(ahead[k]);
		set_clock(-6 * LT_HOUR);
		run(MIN(20));
		d.of[0].on = false;
		run(MIN(2));
		must("alice", do_checkout, b);
		run(MIN(30));
		if (rows("SELECT COUNT(*) FROM review WHERE kind = 'meter_lost' AND state <> 'done'"))
			must("mia", do_accept, rows("SELECT MAX(id) FROM review WHERE kind = 'meter_lost'"));
		run(8 * LT_HOUR);
		paid = sum("SELECT SUM(overrun_s) FROM charge");
		if (paid != 0 || sum("SELECT SUM(used_s) FROM charge") < 50 * 60)
			fail_msg("ahead for %lld min: %lld s of overrun, %lld s used", (long long)(ahead[k] / LT_MINUTE), (long long)paid,
				(long long)sum("SELECT SUM(used_s) FROM charge"));
		teardown(state);
		setup(state);
	}
}

/* The clock was a day ahead, before the booking was made, and showed the label of its end. Later it jumps over that
 * end, and over the next org's whole booking or into it. */
static void test_a_run_holds_its_unit_though_the_clock_had_shown_its_end_before(void **state)
{
	static const int64_t jumps[] = { MIN(70), MIN(100), 3 * LT_HOUR, 6 * LT_HOUR, 30 * LT_HOUR };

	for (size_t k = 0; k < sizeof(jumps) / sizeof(jumps[0]); k++) {
		int64_t b;

		set_clock(24 * LT_HOUR);
		run(4 * LT_HOUR);
		set_clock(-24 * LT_HOUR);
		run_until(H(24) - MIN(20));
		b = book("alice", "krios-1", H(24), H(25));
		book("zoe", "krios-1", H(25) + MIN(15), H(27));
		run_until(H(24) - MIN(10));
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(5));
		set_clock(jumps[k]);
		for (int m = 0; m < 20; m++) {
			/* from the step on, before any timer has fired; what another booked stays theirs */
			bool theirs = w->now.wall_ms >= H(25) + MIN(15) && w->now.wall_ms < H(27);

			if (of_booking(b).state != SESSION_RUNNING || (!theirs && !unit_is_held(b)))
				fail_msg("a step of %lld min: not held %d min later", (long long)(jumps[k] / LT_MINUTE), m);
			run(MIN(1));
		}
		teardown(state);
		setup(state);
	}
}

/* When did they come? The clock is ahead for some minutes, and what it jumped over comes after all. */
enum when { BEFORE, AFTER, WHENS };

static int64_t idle_session(enum when came)
{
	int64_t b = book("alice", "krios-1", H(1), H(5));

	run_until(H(1));
	if (came == BEFORE) {
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(5));
	}
	set_clock(MIN(90));
	run(MIN(5));
	set_clock(-MIN(90));
	run(MIN(5));
	if (came != BEFORE) {
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(5));
	}
	d.of[0].on = false;
	return b;
}

/* Labels stand still until the clock has come up to them; the next run has a place again. Who was there when the clock
 * was set back pays nothing for what has no labels. */
static void test_who_idles_after_the_clock_was_set_back_pays_what_they_idle(void **state)
{
	for (int came = BEFORE; came < WHENS; came++) {
		int64_t b, idle;

		harsh_terms(0);
		b = idle_session((enum when)came);
		run(MIN(120));
		d.of[0].on = true;
		run(MIN(5));
		d.of[0].on = false;
		run(MIN(2));
		must("alice", do_checkout, b);
		run(MIN(30));
		idle = sum("SELECT SUM(idle_s) FROM charge");
		if (idle > 120 * 60 + 15 || (came == AFTER && idle < 120 * 60 - 15))
			fail_msg("came %s: %lld s idle of 7200", came == BEFORE ? "before" : "after", (long long)idle);
		teardown(state);
		setup(state);
	}
}

static void test_a_rest_is_let_go_in_time_although_the_clock_was_set_back(void **state)
{
	for (int came = BEFORE; came < WHENS; came++) {
		harsh_terms(MIN(30));
		idle_session((enum when)came);
		run(MIN(28));
		assert_int_equal(rows("SELECT COUNT(*) FROM event WHERE kind = 'booking.release'"), 0);
		run(MIN(14)); /* it is asked now and then; ten minutes of warning */
		if (rows("SELECT COUNT(*) FROM event WHERE kind = 'booking.release'") != 1)
			fail_msg("came %s: not let go", came == BEFORE ? "before" : "after");
		teardown(state);
		setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_booking_that_several_steps_jumped_over_is_no_no_show),
		T(test_what_passed_before_a_booking_was_made_is_nothing_it_could_use),
		T(test_a_cancelled_booking_that_the_clock_jumped_over_costs_nothing),
		T(test_nobody_misses_a_booking_whose_time_the_clock_showed_only_while_another_ran_it),
		T(test_who_does_not_come_when_the_other_has_left_pays_though_the_clock_was_ahead),
		T(test_nobody_misses_a_booking_whose_wait_begins_just_before_a_jump),
		T(test_who_came_between_two_jumps_pays_no_overrun_for_the_second),
		T(test_overrun_that_only_a_wrong_clock_saw_is_not_paid),
		T(test_a_run_holds_its_unit_though_the_clock_had_shown_its_end_before),
		T(test_who_idles_after_the_clock_was_set_back_pays_what_they_idle),
		T(test_a_rest_is_let_go_in_time_although_the_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("clock again", tests, NULL, NULL);
}
