/* test_interlock.c - the reconciling step: what it writes, and above all what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/interlock.h"

static const struct interlock_rules start = { .fail_locked = true, .has_watchdog = true, .verify_ms = 2000 };
static const struct interlock_rules power = { .gates_power = true, .has_watchdog = true, .verify_ms = 2000 };

static struct interlock_view view(enum lt_lock desired, enum lt_lock read_back)
{
	return (struct interlock_view){ .now = 10000, .desired = desired, .lease_at = 9000, .valid_until = 40000,
		.up_since = 5000, .read_back = read_back, .run = RUN_UNKNOWN };
}

static void test_unlock_is_verified_by_read_back(void **state)
{
	struct interlock s = { 0 };
	struct interlock_view v = view(LT_LOCK_UNLOCKED, LT_LOCK_LOCKED);
	struct interlock_result r;

	(void)state;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_WRITE_UNLOCK);
	assert_true(r.feed);
	interlock_wrote(&s, &start, LT_LOCK_UNLOCKED, true, v.now);
	assert_int_equal(s.lock, LT_LOCK_LOCKED); /* I9: our write says nothing */
	v.now += 1000;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_REST); /* still within verify_ms */
	v.now += 500;
	v.read_back = LT_LOCK_UNLOCKED;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(s.lock, LT_LOCK_UNLOCKED);
	assert_true(r.changed);
	v.read_back = LT_LOCK_LOCKED;
	interlock_step(&s, &start, &v, &r);
	assert_true(r.drift);
	assert_int_equal(r.action, INTERLOCK_WRITE_UNLOCK);
	interlock_step(&s, &start, &v, &r);
	assert_false(r.drift); /* said once */
}

static void test_write_not_read_back_in_time(void **state)
{
	struct interlock s = { 0 };
	struct interlock_view v = view(LT_LOCK_UNLOCKED, LT_LOCK_LOCKED);
	struct interlock_result r;

	(void)state;
	interlock_wrote(&s, &start, LT_LOCK_UNLOCKED, true, v.now);
	v.now += 2000;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_WRITE_UNLOCK);
	assert_true(r.why[0] != '\0');
}

static void test_never_locks_a_run(void **state)
{
	struct interlock s = { 0 };
	struct interlock_view v = view(LT_LOCK_LOCKED, LT_LOCK_UNLOCKED);
	struct interlock_result r;
	struct interlock_rules hard = start;

	(void)state;
	v.run = RUN_OFF; /* of the poll: not good enough */
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_READ_RUN);
	v.run_direct = true;
	v.run = RUN_ON;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_REST);
	v.run = RUN_UNKNOWN;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_REST);
	v.run = RUN_OFF;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_WRITE_LOCK);
	hard.hard_stop = true;
	v.run = RUN_ON;
	interlock_step(&s, &hard, &v, &r);
	assert_int_equal(r.action, INTERLOCK_WRITE_LOCK);
}

static void test_lapsed_lease(void **state)
{
	struct interlock s = { 0 };
	struct interlock_view v = view(LT_LOCK_UNLOCKED, LT_LOCK_UNLOCKED);
	struct interlock_result r;

	(void)state;
	v.now = v.valid_until;
	interlock_step(&s, &power, &v, &r);
	assert_int_equal(r.action, INTERLOCK_REST); /* power: a daemon's death never cuts a run */
	assert_false(r.feed);
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_READ_RUN);
	assert_false(r.feed);
	v = view(LT_LOCK_UNLOCKED, LT_LOCK_UNLOCKED);
	interlock_step(&s, &power, &v, &r);
	assert_false(r.feed);
	interlock_lapse(&v);
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_READ_RUN);
}

static void test_no_replay_after_a_reconnect(void **state)
{
	struct interlock s = { .lock = LT_LOCK_UNLOCKED, .verified = LT_LOCK_UNLOCKED };
	struct interlock_view v = view(LT_LOCK_UNLOCKED, LT_LOCK_LOCKED);
	struct interlock_result r;

	(void)state;
	assert_true(interlock_lost(&s));
	assert_int_equal(s.lock, LT_LOCK_UNKNOWN);
	assert_false(interlock_lost(&s));
	v.up_since = 9500;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_REST);
	assert_false(r.drift);
	v.lease_at = 9600;
	interlock_step(&s, &start, &v, &r);
	assert_int_equal(r.action, INTERLOCK_WRITE_UNLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlock_is_verified_by_read_back), cmocka_unit_test(test_write_not_read_back_in_time),
		cmocka_unit_test(test_never_locks_a_run), cmocka_unit_test(test_lapsed_lease),
		cmocka_unit_test(test_no_replay_after_a_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
