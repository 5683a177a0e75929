/*
 * test_use.c - use is what anything saw, and only the customer's fault costs a fee: who ran it though the meter stood
 * still, and who could not run it because the instrument, its controller or its relay failed.
 */
#include "use_rig.h"

#include "app/review.h"

static int64_t count(const char *sql)
{
	return world_int(w, sql);
}

#define FEES "SELECT COALESCE(SUM(amount_minor), 0) FROM charge"
#define DISAGREES "SELECT COUNT(*) FROM review WHERE kind = 'meter_disagrees'"

/* Booked from 2 to 4, checked in a minute after the start. */
static struct booking checked_in(void)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(1));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	return b;
}

static void leaves(int64_t id)
{
	struct booking b;

	assert_int_equal(use("alice", id, booking_checkout, &b), 0);
}

static void free_of_charge(int64_t id)
{
	STATE(id, "lapsed");
	assert_int_equal(now_is(id).fee_minor, 0);
	assert_int_equal(count(FEES), 0);
}

/* (a) */
static void it_ran_while_the_hour_meter_stood_still(void **state)
{
	struct booking b = checked_in();
	struct review r;

	device[0].on = device[0].stalled = true;
	run_to(H(3));
	device[0].on = false;
	run_to(H(3) + MIN(5));
	leaves(b.id);
	STATE(b.id, "completed");
	assert_int_equal(now_is(b.id).fee_minor, 0);
	assert_int_equal(count(DISAGREES " AND state = 'open' AND bound_ms > 3400000 AND bound_ms <= 3600000"), 1);
	run_to(H(6));
	assert_int_equal(count("SELECT COUNT(*) FROM charge"), 0);      /* a person looks first */
	assert_int_equal(world_end(w, review_accept(world_act(w, "mia"), 1, "", &r)), 0);
	assert_int_equal(count("SELECT COUNT(*) FROM charge WHERE kind = 'usage'"), 1);
	assert_int_equal(count(FEES), 0);
}

static void two_people_may_charge_what_was_not_counted(void **state)
{
	struct booking b = checked_in();
	struct review r;

	device[0].on = device[0].stalled = true;
	run_to(H(3));
	device[0].on = false;
	run_to(H(3) + MIN(5));
	leaves(b.id);
	assert_int_equal(world_end(w, review_estimate(world_act(w, "mia"), 1, 3601, "", &r)), ACT_REFUSED);
	assert_string_equal(code(), "above-bound");
	assert_int_equal(world_end(w, review_estimate(world_act(w, "mia"), 1, 1800, "", &r)), 0);
	assert_int_equal(world_end(w, review_estimate(world_act(w, "mia"), 1, 1800, "", &r)), ACT_REFUSED);
	assert_int_equal(world_end(w, review_estimate(world_act(w, "root"), 1, 1800, "", &r)), 0);
	run_to(H(6));
	assert_int_equal(count(FEES), 5000);
	assert_int_equal(count("SELECT estimated_s FROM charge"), 1800);
}

/* (b) */
static void it_ran_between_two_ticks_of_a_coarse_counter(void **state)
{
	struct booking b;

	device[0].count_ms = 360 * LT_SECOND;
	w->instruments[0].meter.counter.count_ms = 360 * LT_SECOND;
	w->instruments[0].meter.has_state = true;
	run_to(H(1));
	b = checked_in();
	run_to(H(2) + MIN(2));
	device[0].on = true;
	run_to(H(2) + MIN(5));
	device[0].on = false;
	run_to(H(2) + MIN(10));
	leaves(b.id);
	STATE(b.id, "completed");
	run_to(H(6));
	assert_int_equal(now_is(b.id).fee_minor, 0);
	assert_int_equal(count(FEES), 0);
	assert_int_equal(count(DISAGREES), 1);
}

static void where_both_agree_nobody_is_asked(void **state)
{
	struct booking b = checked_in();

	for (int i = 1; i <= 20; i++) {
		device[0].on = true;
		run_to(H(2) + MIN(2 + 4 * i) + 7000);
		device[0].on = false;
		run_to(H(2) + MIN(3 + 4 * i));
	}
	leaves(b.id);
	STATE(b.id, "completed");
	assert_int_equal(count(DISAGREES), 0);
	run_to(H(6));
	assert_true(count(FEES) > 0);
}

static void a_slow_meter_is_noticed(void **state)
{
	struct booking b = checked_in();

	device[0].on = true;
	run_to(H(3));
	device[0].stalled = true;
	run_to(H(3) + MIN(10));
	device[0].stalled = false;
	run_to(H(3) + MIN(20));
	device[0].on = false;
	run_to(H(3) + MIN(21));
	leaves(b.id);
	assert_int_equal(count(DISAGREES " AND bound_ms BETWEEN 560000 AND 640000"), 1);
}

/* Two runs, and the controller silent for half an hour between them: what is idle is what was usable. */
static void no_idle_accrues_while_the_controller_is_down(void **state)
{
	struct booking b = checked_in();

	for (int i = 0; i < 2; i++) {
		device[0].on = true;
		run_to(H(2) + MIN(10 + 60 * i));
		device[0].on = false;
		run_to(H(2) + MIN(20 + 60 * i));
		if (i)
			break;
		link_up(false);
		run_to(H(2) + MIN(50));
		link_up(true);
		run_to(H(2) + MIN(60));
	}
	leaves(b.id);
	run_to(H(6));
	assert_int_equal(count("SELECT COUNT(*) FROM charge"), 1);
	/* fifty minutes between the runs; about thirty of them nobody could have used it */
	assert_true(count("SELECT idle_s FROM charge") <= 21 * 60);
	assert_true(count("SELECT idle_s FROM charge") >= 18 * 60);
}

/* (c) */
static void the_controller_died_after_the_check_in(void **state)
{
	struct booking b = checked_in();

	run_to(H(2) + MIN(2));
	link_up(false);
	run_to(H(4) + MIN(20));
	free_of_charge(b.id);
}

static void the_controller_died_and_they_left(void **state)
{
	struct booking b = checked_in();

	run_to(H(2) + MIN(1) + 20 * LT_SECOND);
	link_up(false);
	run_to(H(2) + MIN(3));
	leaves(b.id);
	run_to(H(2) + MIN(30));
	link_up(true);
	poll(0);
	run_to(H(2) + MIN(31));
	free_of_charge(b.id);
}

/* (d) */
static void a_fault_came_seconds_after_the_check_in(void **state)
{
	for (int leave = 0; leave < 2; leave++) {
		struct booking b;
		int64_t at = H(2 + 24 * leave);

		device[0].fault = 0;
		run_to(at - MIN(10));
		assert_int_equal(book("alice", at, at + 2 * LT_HOUR, &b), 0);
		run_to(at + MIN(1));
		assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
		device[0].fault = 7;
		run_to(at + MIN(10));
		if (leave)
			leaves(b.id);
		run_to(at + 2 * LT_HOUR + MIN(1));
		free_of_charge(b.id);
	}
}

static void with_enough_time_before_the_fault_it_is_missed(void **state)
{
	struct booking b = checked_in();

	run_to(H(2) + MIN(40));
	device[0].fault = 7;
	run_to(H(2) + MIN(50));
	leaves(b.id);
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).fee_minor, 10000);
}

/* (e) */
static void the_relay_acknowledged_and_never_opened(void **state)
{
	for (int leave = 0; leave < 2; leave++) {
		int64_t at = H(2 + 24 * leave);
		struct booking b;

		lock_reads(LT_LOCK_LOCKED);
		run_to(at - MIN(10));
		assert_int_equal(book("alice", at, at + 2 * LT_HOUR, &b), 0);
		run_to(at + MIN(1));
		assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
		run_to(at + MIN(10));
		if (leave)
			leaves(b.id);
		run_to(at + 2 * LT_HOUR + MIN(1));
		free_of_charge(b.id);
		lock_reads(LT_LOCK_UNLOCKED);
	}
	assert_int_equal(count("SELECT COUNT(*) FROM event WHERE kind = 'interlock_stuck' AND user = 'alice'"), 2);
	assert_int_equal(count("SELECT COUNT(*) FROM outage WHERE kind = 'locked' AND to_at IS NOT NULL"), 2);
	assert_int_equal(count("SELECT MIN(from_at) FROM outage WHERE kind = 'locked'"), H(2) + MIN(1));
}

static void a_relay_that_opens_late_gives_its_time_back(void **state)
{
	struct booking b;

	lock_reads(LT_LOCK_LOCKED);
	b = checked_in();
	run_to(H(2) + MIN(31));
	lock_reads(LT_LOCK_UNLOCKED);
	run_to(H(3) + MIN(31) - LT_SECOND);
	STATE(b.id, "active");
	run_to(H(3) + MIN(32));
	STATE(b.id, "no_show");
	assert_int_equal(count("SELECT to_at - from_at FROM outage WHERE kind = 'locked'"), MIN(30));
}

/* It opened, she left, and it does not lock any more: the staff are told, once. */
static void the_relay_acknowledged_and_never_locked(void **state)
{
	for (int locks = 0; locks < 2; locks++) {
		int64_t at = H(2 + 24 * locks);
		struct booking b;

		lock_reads(LT_LOCK_LOCKED);
		run_to(at - MIN(10));
		assert_int_equal(book("alice", at, at + 2 * LT_HOUR, &b), 0);
		run_to(at + MIN(1));
		assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
		lock_reads(LT_LOCK_UNLOCKED);
		device[0].on = true;
		run_to(at + MIN(10));
		device[0].on = false;
		run_to(at + MIN(11));
		leaves(b.id);
		if (locks)
			lock_reads(LT_LOCK_LOCKED);
		run_to(at + MIN(30));
		assert_int_equal(count("SELECT COUNT(*) FROM event WHERE kind = 'interlock_open'"), 1);
	}
}

static void a_relay_that_opens_at_once_is_no_outage(void **state)
{
	struct booking b;

	lock_reads(LT_LOCK_LOCKED);
	b = checked_in();
	run_to(H(2) + MIN(1) + 2 * LT_SECOND);
	lock_reads(LT_LOCK_UNLOCKED);
	run_to(H(2) + MIN(5));
	leaves(b.id);
	lock_reads(LT_LOCK_LOCKED);
	run_to(H(3));
	STATE(b.id, "no_show");
	assert_int_equal(count("SELECT COUNT(*) FROM outage"), 0);
	assert_int_equal(count("SELECT COUNT(*) FROM event WHERE kind = 'interlock_stuck'"), 0);
}

/* Who leaves early though nothing failed has missed it, as before. */
static void leaving_early_is_missed(void **state)
{
	struct booking b = checked_in();

	run_to(H(2) + MIN(5));
	leaves(b.id);
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).fee_minor, 10000);
}

static void where_nothing_is_metered_a_check_in_is_use(void **state)
{
	struct booking b;

	w->instruments[0].meter.kind = METER_NONE;
	b = checked_in();
	run_to(H(3) + MIN(30));
	STATE(b.id, "active");
	leaves(b.id);
	STATE(b.id, "completed");
	assert_int_equal(now_is(b.id).fee_minor, 0);
}

/* A block that began under an idle booking, out of service, and another's session: nobody could use it. */
static void out_of_service_is_not_usable(void **state)
{
	bool out = true, in = false;
	struct instrument_row row;
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(10));
	assert_int_equal(world_end(w, instrument_change(world_act(w, "mia"), "krios-1", 0, &out, NULL, &row)), 0);
	run_to(H(3) + MIN(30));
	STATE(b.id, "confirmed");
	assert_int_equal(world_end(w, instrument_change(world_act(w, "mia"), "krios-1", 0, &in, NULL, &row)), 0);
	run_to(H(3) + MIN(50) - LT_SECOND);
	STATE(b.id, "confirmed");
	run_to(H(3) + MIN(51));
	STATE(b.id, "no_show");
}

static void another_session_keeps_them_out(void **state)
{
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(book("zoe", H(3), H(4), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(4));
	STATE(next.id, "lapsed");
	assert_int_equal(now_is(next.id).fee_minor, 0);
}

/* R23 */
static int64_t later(const struct booking *b)
{
	int64_t minor;

	assert_int_equal(booking_fee_later(world_read(w, NULL), b, &minor), 0);
	return minor;
}

/* What the booked start decides is told before, of a dry run too. */
static void cancelled_while_it_was_down(void **state)
{
	struct act *a;
	struct booking b;

	for (int down_at_start = 0; down_at_start < 2; down_at_start++) {
		int64_t at = H(2 + 24 * down_at_start);

		run_to(at - MIN(30));
		assert_int_equal(book("alice", at, at + 2 * LT_HOUR, &b), 0);
		link_up(false);
		run_to(at - MIN(20));
		a = world_act(w, "alice");
		a->dry_run = true;
		assert_int_equal(world_end(w, booking_cancel(a, b.id, "", &b)), 0);
		assert_int_equal(b.fee_later_minor, 5000);
		assert_int_equal(cancel("alice", b.id, &b), 0);
		assert_int_equal(b.fee_minor, 0);
		assert_int_equal(later(&b), 5000);
		if (!down_at_start)
			link_up(true);
		run_to(at + MIN(1));
		assert_int_equal(later(&b), 0);
		assert_int_equal(now_is(b.id).fee_minor, down_at_start ? 0 : 5000);
		link_up(true);
	}
	assert_int_equal(count(FEES), 5000);
}

static void cancelled_and_then_it_was_down(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(1));
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(count(FEES), 5000);
	run_to(H(2) + MIN(20));
	link_up(false);
	run_to(H(4));
	link_up(true);
	run_to(H(5) + MIN(1));
	assert_int_equal(count(FEES), 0);                               /* twenty of the thirty minutes of R25 */
	assert_int_equal(book("alice", H(8), H(10), &b), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	run_to(H(8) + MIN(40));
	link_up(false);
	run_to(H(10));
	link_up(true);
	run_to(H(11) + MIN(1));
	assert_int_equal(count(FEES), 5000);
}

/* labtimed was not there: as if its controller had been silent for so long. */
static void after_downtimes_the_same(void **state)
{
	static const struct { int down, again; const char *ends; } cases[] = {
		{ 5, 0, "no_show" }, { 30, 0, "no_show" }, { 60, 0, "no_show" }, { 600, 0, "lapsed" }, { 40, 40, "lapsed" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t at = H(24 * (int64_t)i + 2);
		struct booking b;

		run_to(at - MIN(20));
		assert_int_equal(book("alice", at, at + MIN(105), &b), 0);
		run_to(at + MIN(10));
		for (int k = 0; k < 2; k++) {
			world_sleep(w, MIN(k ? cases[i].again : cases[i].down));
			assert_int_equal(world_end(w, metering_recover(world_act(w, NULL))), 0);
			run_to(w->now.wall_ms + MIN(5));
		}
		run_to(at + MIN(720));
		STATE(b.id, cases[i].ends);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(it_ran_while_the_hour_meter_stood_still),
		T(two_people_may_charge_what_was_not_counted),
		T(it_ran_between_two_ticks_of_a_coarse_counter),
		T(where_both_agree_nobody_is_asked),
		T(no_idle_accrues_while_the_controller_is_down),
		T(a_slow_meter_is_noticed),
		T(the_controller_died_after_the_check_in),
		T(the_controller_died_and_they_left),
		T(a_fault_came_seconds_after_the_check_in),
		T(with_enough_time_before_the_fault_it_is_missed),
		T(the_relay_acknowledged_and_never_opened),
		T(the_relay_acknowledged_and_never_locked),
		T(a_relay_that_opens_late_gives_its_time_back),
		T(a_relay_that_opens_at_once_is_no_outage),
		T(leaving_early_is_missed),
		T(where_nothing_is_metered_a_check_in_is_use),
		T(out_of_service_is_not_usable),
		T(another_session_keeps_them_out),
		T(cancelled_while_it_was_down),
		T(cancelled_and_then_it_was_down),
		T(after_downtimes_the_same),
	};

	return cmocka_run_group_tests_name("use", tests, NULL, NULL);
}
