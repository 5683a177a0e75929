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

/* A check-in waits for its forced poll while the clock is set, forward and back. */
static void test_a_parked_checkin_is_neither_overtaken_nor_given_up_by_a_step(void **state)
{
	static const int64_t by[] = { LT_SECOND * 59, LT_HOUR, 24 * LT_HOUR, -LT_HOUR };

	(void)state;
	for (size_t k = 0; k < sizeof(by) / sizeof(by[0]); k++) {
		struct rig *r = rig_new();
		uint64_t ticket;

		started(r);
		arm(r, "note", 3, r->w->now.wall_ms + 30 * LT_SECOND);
		arm(r, "take", 4, r->w->now.wall_ms + 30 * LT_SECOND);
		ask(r, METHOD_POST, "/park", "", 0);
		step(r);
		ticket = ((struct msg_poll *)got(r, MSG_POLL, 0))->ticket;
		world_sleep(r->w, 500);
		set_clock(r, by[k]);
		step(r);
		assert_string_equal(trace, "");
		read_meter(r, "krios-1", 5, false, ticket, READING_FORCED, 0);
		step(r);
		assert_int_equal(reply(r, 0)->status, 200);
		step(r);
		assert_string_equal(trace, by[k] > LT_MINUTE ? "reading:5 park:polled timer:3 "
			: by[k] > 0 ? "reading:5 park:polled timer:3 take:4 " : "reading:5 park:polled ");
		rig_free(r);
	}
}

/* Its second is a second of BOOTTIME, whatever the wall clock says. */
static void test_a_parked_checkin_is_unread_after_a_second_although_the_clock_was_set_back(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	started(r);
	ask(r, METHOD_POST, "/park", "", 0);
	step(r);
	set_clock(r, -LT_HOUR);
	world_sleep(r->w, 999);
	step(r);
	assert_string_equal(trace, "");
	world_sleep(r->w, 1);
	step(r);
	assert_string_equal(trace, "park:unread ");
	rig_free(r);
}

/* The store refuses the row of the step as often as this. */
static int step_not_written(void *arg, enum db_op op, const char *sql)
{
	int *times = arg;

	return op == DB_OP_STEP && strstr(sql, "INSERT INTO clock_step") && (*times)-- > 0 ? DB_FULL : 0;
}

static void test_while_the_store_cannot_write_a_step_what_takes_waits_and_the_rest_goes_on(void **state)
{
	struct rig *r = rig_new();
	int fails = 3;

	(void)state;
	started(r);
	db_on_op(r->w->db, step_not_written, &fails);
	arm(r, "take", 1, r->w->now.wall_ms + LT_MINUTE);
	arm(r, "note", 2, r->w->now.wall_ms + LT_MINUTE);
	set_clock(r, LT_HOUR);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(step(r), 0);
		assert_string_equal(trace, "timer:2 ");
		assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM clock_step"), 0);
		world_sleep(r->w, 100);
	}
	ask(r, METHOD_POST, "/put/a", "", 0);
	step(r);
	assert_int_equal(reply(r, 0)->status, 201);
	assert_int_equal(world_int(r->w, "SELECT step_ms FROM clock_step"), LT_HOUR);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM event WHERE kind = 'clock_jumped'"), 1);
	world_sleep(r->w, 10 * LT_MINUTE - 1);
	step(r);
	assert_string_equal(trace, "timer:2 put/a ");
	world_sleep(r->w, 1);
	step(r);
	assert_string_equal(trace, "timer:2 put/a take:1 ");
	rig_free(r);
}

/* In COMMIT nobody knows whether it was written: the ledger stops, and the next start looks at the clock anew. */
static int commit_fails(void *arg, enum db_op op, const char *sql)
{
	(void)sql;
	return op == DB_OP_COMMIT && (*(int *)arg)-- > 0 ? DB_IO : 0;
}

static void test_a_commit_of_a_step_in_doubt_stops_the_ledger(void **state)
{
	struct rig *r = rig_new();
	int fails = 1;

	(void)state;
	started(r);
	db_on_op(r->w->db, commit_fails, &fails);
	arm(r, "take", 1, r->w->now.wall_ms + LT_MINUTE);
	set_clock(r, LT_HOUR);
	assert_true(step(r) < 0);
	assert_string_equal(trace, "");
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
		cmocka_unit_test(test_a_parked_checkin_is_neither_overtaken_nor_given_up_by_a_step),
		cmocka_unit_test(test_a_parked_checkin_is_unread_after_a_second_although_the_clock_was_set_back),
		cmocka_unit_test(test_while_the_store_cannot_write_a_step_what_takes_waits_and_the_rest_goes_on),
		cmocka_unit_test(test_a_commit_of_a_step_in_doubt_stops_the_ledger),
		cmocka_unit_test(test_a_step_that_only_a_jitter_of_reading_makes_is_none),
		cmocka_unit_test(test_a_clock_set_back_fires_no_timer_twice),
		cmocka_unit_test(test_what_counts_a_duration_is_not_late_because_the_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("turn_clock", tests, NULL, NULL);
}
