/*
 * test_turn_clock.c - the turn and a wall clock that is set: timers that take something wait, others go on behind them,
 * what came in before the jump runs before what is due only because of it. Virtual time, scripted use cases.
 */
#include "turn_rig.h"

#include <string.h>

#include "app/clock.h"
#include "store/timer.h"

static void set_clock(struct rig *r, int64_t by) { r->w->now.wall_ms += by; }

static void test_timers_that_take_wait_until_the_clock_is_steady(void **state)
{
	struct rig *r = rig_new();
	int64_t now;

	(void)state;
	started(r);
	now = r->w->now.wall_ms;
	arm(r, "take", 1, now + LT_MINUTE);
	arm(r, "note", 2, now + LT_MINUTE);
	world_sleep(r->w, 1000);
	set_clock(r, LT_HOUR);
	step(r);
	assert_string_equal(trace, "timer:2 ");
	world_sleep(r->w, 10 * LT_MINUTE - 1);
	step(r);
	assert_string_equal(trace, "timer:2 ");
	world_sleep(r->w, 1);
	step(r);
	assert_string_equal(trace, "timer:2 take:1 ");
	rig_free(r);
}

static void test_however_many_wait_those_behind_them_go_on(void **state)
{
	struct rig *r = rig_new();
	int64_t now;

	(void)state;
	started(r);
	now = r->w->now.wall_ms;
	for (int k = 0; k < 1000; k++)
		arm(r, "take", k, now + LT_MINUTE + k);
	arm(r, "note", 5, now + 2 * LT_HOUR);
	set_clock(r, LT_HOUR);
	step(r);
	assert_string_equal(trace, "");
	set_clock(r, LT_HOUR);
	step(r);
	assert_string_equal(trace, "timer:5 ");
	assert_true(ledger_idle_ms(r->l, r->w->now) > 0); /* those that wait keep nobody awake */
	rig_free(r);
}

static void test_what_came_before_the_jump_runs_before_what_is_due_by_it(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	started(r);
	arm(r, "note", 3, r->w->now.wall_ms + LT_MINUTE);
	world_sleep(r->w, 5000);
	ask(r, METHOD_POST, "/put/checkin", "", -1000); /* it waited while the ledger was busy */
	set_clock(r, LT_HOUR);
	step(r);
	assert_string_equal(trace, "put/checkin timer:3 ");
	rig_free(r);
}

static void test_a_step_that_only_a_jitter_of_reading_makes_is_none(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	started(r);
	for (int k = 0; k < 100; k++) {
		world_sleep(r->w, 1000);
		set_clock(r, k % 2 ? 900 : -900);
		step(r);
	}
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM clock_step"), 0);
	rig_free(r);
}

/* Set back and on again: the timer fired before that, and does not fire twice; the next one is not late by an hour. */
static void test_a_clock_set_back_fires_no_timer_twice(void **state)
{
	struct rig *r = rig_new();
	int64_t now;

	(void)state;
	started(r);
	now = r->w->now.wall_ms;
	arm(r, "note", 7, now + LT_MINUTE);
	world_sleep(r->w, 2 * LT_MINUTE);
	step(r);
	assert_string_equal(trace, "timer:7 ");
	set_clock(r, -LT_HOUR);
	for (int k = 0; k < 65; k++) {
		world_sleep(r->w, LT_MINUTE);
		step(r);
	}
	assert_string_equal(trace, "timer:7 ");
	rig_free(r);
}

static void test_what_counts_a_duration_is_not_late_because_the_clock_was_set_back(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	started(r);
	arm(r, "settle", 9, r->w->now.wall_ms + LT_MINUTE);
	world_sleep(r->w, 1000);
	set_clock(r, -LT_HOUR);
	step(r);
	assert_int_equal(store_timer_due(r->w->db, "settle", 9), r->w->now.wall_ms + LT_MINUTE - 1000);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_that_take_wait_until_the_clock_is_steady),
		cmocka_unit_test(test_however_many_wait_those_behind_them_go_on),
		cmocka_unit_test(test_what_came_before_the_jump_runs_before_what_is_due_by_it),
		cmocka_unit_test(test_a_step_that_only_a_jitter_of_reading_makes_is_none),
		cmocka_unit_test(test_a_clock_set_back_fires_no_timer_twice),
		cmocka_unit_test(test_what_counts_a_duration_is_not_late_because_the_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("turn_clock", tests, NULL, NULL);
}
