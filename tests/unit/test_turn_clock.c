/*
 * test_turn_clock.c - the turn and a wall clock that is set: timers that take something wait, others go on behind them,
 * what came in before the jump runs before what is due only because of it. Virtual time, scripted use cases.
 */
#include "turn_rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/clock.h"
#include "store/timer.h"

static void set_clock(struct rig *r, int64_t by) { r->w->now.wall_ms += by; }

static int said(const char *what)
{
	int n = 0;

	for (const char *p = strstr(trace, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

static void minutes(struct rig *r, int n)
{
	for (; n > 0; n--) {
		world_sleep(r->w, LT_MINUTE);
		step(r);
	}
}

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

static int timer_rows(void *arg, enum db_op op, const char *sql)
{
	*(int *)arg += op == DB_OP_STEP && strstr(sql, "due_at FROM timer") != NULL;
	return 0;
}

/* A big lab after a jump: what waits is not walked at each step of the ledger. */
static void test_the_work_of_a_step_does_not_grow_with_what_waits(void **state)
{
	struct rig *r = rig_new();
	int seen = 0;

	(void)state;
	started(r);
	for (int k = 0; k < 5000; k++)
		arm(r, "take", k, r->w->now.wall_ms + LT_MINUTE + k);
	arm(r, "note", 5, r->w->now.wall_ms + 2 * LT_MINUTE);
	set_clock(r, LT_HOUR);
	db_on_op(r->w->db, timer_rows, &seen);
	step(r);
	assert_string_equal(trace, "timer:5 ");
	if (seen > 1000)
		fail_msg("%d rows of the table timer were read", seen);
	db_on_op(r->w->db, NULL, NULL);
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
		world_sleep(r->w, 4 * LT_SECOND);
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

static int attempts_fail(void *arg, enum db_op op, const char *sql)
{
	int *attempts = arg;

	if (op != DB_OP_STEP || !strstr(sql, "INSERT INTO clock_step"))
		return 0;
	return (*attempts)++ < 1000000 ? DB_FULL : 0;
}

/* Lines that the log has got since stderr was replaced by the file. */
static int lines_of(int file, const char *with)
{
	static char text[100000];
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);
	int lines = 0;

	text[n > 0 ? n : 0] = '\0';
	for (const char *p = strstr(text, with); p; p = strstr(p + 1, with))
		lines++;
	return lines;
}

/* The disk is full for a time; the ledger makes ten steps a second. It tries now and then, and says so once. */
static void test_a_step_that_cannot_be_written_is_tried_now_and_then_and_said_once(void **state)
{
	static const struct { int64_t full_s; int most; } of[] = { { 1, 2 }, { 10, 5 }, { 60, 8 }, { 3600, 70 } };

	(void)state;
	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		struct rig *r = rig_new();
		char path[] = "/tmp/labtime-log-XXXXXX";
		int attempts = 0, tries, file = mkstemp(path), err = dup(2), lines;

		started(r);
		db_on_op(r->w->db, attempts_fail, &attempts);
		arm(r, "take", 1, r->w->now.wall_ms + LT_MINUTE);
		set_clock(r, LT_HOUR);
		dup2(file, 2);
		for (int64_t n = 0; n < of[k].full_s * 10; n++) {
			step(r);
			world_sleep(r->w, 100);
		}
		lines = lines_of(file, "what the clocks did is not written");
		tries = attempts;
		attempts = 1000000; /* there is room again */
		for (int n = 0; n < 610; n++) {
			step(r);
			world_sleep(r->w, 100);
		}
		dup2(err, 2);
		close(err);
		close(file);
		unlink(path);
		if (tries < 1 || tries > of[k].most || lines != 1)
			fail_msg("in %lld s: tried %d times, said %d times", (long long)of[k].full_s, tries, lines);
		assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM clock_step"), 1);
		assert_string_equal(trace, "");
		rig_free(r);
	}
}

/* It was set right before the step could be written: nothing waits for ever. */
static void test_a_step_that_is_undone_before_it_is_written_holds_nothing(void **state)
{
	struct rig *r = rig_new();
	int fails = 1;

	(void)state;
	started(r);
	db_on_op(r->w->db, step_not_written, &fails);
	arm(r, "take", 1, r->w->now.wall_ms + LT_MINUTE);
	set_clock(r, LT_HOUR);
	step(r);
	set_clock(r, -LT_HOUR);
	step(r);
	minutes(r, 2);
	assert_string_equal(trace, "take:1 ");
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM clock_step"), 0);
	rig_free(r);
}

static int seen_not_written(void *arg, enum db_op op, const char *sql)
{
	return op == DB_OP_STEP && strstr(sql, "UPDATE clock SET boot_ms") && (*(int *)arg)-- > 0 ? DB_IO : 0;
}

/* Once a minute a turn writes what the clocks show; a turn that fails has not written it, and the next one does. */
static void test_what_the_clocks_show_is_written_again_after_a_turn_that_failed(void **state)
{
	struct rig *r = rig_new();
	int fails = 1;
	int64_t asked_at;

	(void)state;
	started(r);
	world_sleep(r->w, 5 * LT_MINUTE);
	db_on_op(r->w->db, seen_not_written, &fails);
	asked_at = r->w->now.wall_ms;
	ask(r, METHOD_POST, "/put/a", "", 0);
	step(r);
	assert_int_equal(fails, 0);
	assert_true(world_int(r->w, "SELECT wall_ms FROM clock") < asked_at);
	world_sleep(r->w, 1000);
	ask(r, METHOD_POST, "/put/b", "", 0);
	step(r);
	assert_true(world_int(r->w, "SELECT wall_ms FROM clock") >= asked_at);
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

/* Set back and on again, by less and by more than the minute that the second timer counts: the first one fired before
 * that, and does not fire twice although its label comes again; the second one goes on minute by minute. */
static void test_a_clock_set_back_fires_no_timer_twice(void **state)
{
	static const int64_t by[] = { 30 * LT_SECOND, LT_MINUTE, 90 * LT_SECOND, LT_HOUR, 24 * LT_HOUR };

	(void)state;
	for (size_t k = 0; k < sizeof(by) / sizeof(by[0]); k++) {
		struct rig *r = rig_new();

		started(r);
		arm(r, "note", 7, r->w->now.wall_ms + LT_MINUTE);
		arm(r, "reread", 8, r->w->now.wall_ms + LT_MINUTE);
		minutes(r, 5);
		set_clock(r, -by[k]);
		step(r);
		minutes(r, 20);
		set_clock(r, by[k]);
		step(r);
		minutes(r, 20);
		if (said("timer:7") != 1 || said("again:8") != 45)
			fail_msg("set by %lld s: fired %d and %d times of 1 and 45", (long long)(by[k] / 1000), said("timer:7"),
				said("again:8"));
		rig_free(r);
	}
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
		cmocka_unit_test(test_the_work_of_a_step_does_not_grow_with_what_waits),
		cmocka_unit_test(test_a_step_that_cannot_be_written_is_tried_now_and_then_and_said_once),
		cmocka_unit_test(test_a_step_that_is_undone_before_it_is_written_holds_nothing),
		cmocka_unit_test(test_what_the_clocks_show_is_written_again_after_a_turn_that_failed),
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
