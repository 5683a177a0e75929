/*
 * test_meter_round.c - counters of sixteen bits and the levels that they left: a register that turned over, or stood
 * still for long, comes by an old level and is not back on it. What it counted is measured or held, and no more.
 */
#include "meter_rig.h"

/* It restarted while its display showed three less than there was, and drops below zero again so long after that it
 * could have counted all the way there from before the restart: it stood at rest. */
static void test_a_drop_below_zero_again_is_no_return_however_long_after(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 16, 24030);
	r.s.obs.running = 0;
	stand(&r, 300, 65533);
	stand(&r, 41600, 0);
	stand(&r, 300, 65533);
	stand(&r, 300, 0);
	if (billed(&r) > 10000)
		fail_msg("%lld s are billed of a meter that stood still", (long long)(billed(&r) / 1000));
}

/* The same, and then it is paused for another moment when it has turned over. */
static void test_two_pauses_of_a_run_that_turns_over_lose_no_hour(void **state)
{
	uint64_t raw = 8062 + 8852;
	struct rig r;

	(void)state;
	rig_init(&r, 16, 8062);
	for (int k = 0; k < 60; k++)
		read_after(&r, LT_SECOND, raw++);
	for (int k = 0; k < 58000 / 20; k++) {
		raw = (raw + 20) % 65536;
		read_after(&r, 20 * LT_SECOND, raw);
	}
	for (int k = 0; k < 60; k++)
		read_after(&r, LT_SECOND, raw + 16 + (uint64_t)k);
	assert_int_equal(r.returns, 0);
	assert_in_range(r.m.held_ms + billed(&r), 58000 * LT_SECOND, 58200 * LT_SECOND);
}

/* The machine was paused: the register rose by some counts more than its clocks explain, and goes on without a break
 * until it has turned over and comes by the value that it had. */
static void test_a_run_that_comes_round_to_the_level_it_left_is_no_return(void **state)
{
	int64_t silence = 28600, excess = 57, counted = 40000;
	uint64_t raw = 16199;
	struct rig r;

	(void)state;
	rig_init(&r, 16, raw);
	raw += (uint64_t)(silence + excess);
	read_after(&r, silence * LT_SECOND, raw);
	for (int64_t k = 0; k < counted / 20; k++) {
		raw = (raw + 20) % 65536;
		read_after(&r, 20 * LT_SECOND, raw);
	}
	assert_int_equal(r.returns, 0);
	assert_true(r.m.holding);
	assert_in_range(r.m.held_ms + billed(&r), (counted - 100) * LT_SECOND, (silence + excess + counted) * LT_SECOND);
}

/* It turned over while the machine was paused, and goes on without a break up to the value that it had, and past it.
 * Its display lacks two counts for some minutes after that. */
static void test_a_run_that_counts_up_to_the_level_it_left_is_no_return(void **state)
{
	const int64_t counted = 60000;
	uint64_t raw = 961;
	struct rig r;

	(void)state;
	rig_init(&r, 16, 57361);
	stand(&r, 5, raw);
	assert_true(r.m.holding);
	for (int64_t k = 0; k < counted / 20; k++)
		read_after(&r, 20 * LT_SECOND, raw += 20);
	assert_int_equal(r.returns, 0);
	assert_in_range(r.m.held_ms + billed(&r), (counted - 10) * LT_SECOND, (counted + 10) * LT_SECOND);
	r.s.obs.running = 0;
	stand(&r, 300, raw - 2);
	stand(&r, 300, raw);
	assert_in_range(r.m.held_ms + billed(&r), (counted - 10) * LT_SECOND, (counted + 10) * LT_SECOND);
}

/* The machine was paused for so long, and has stood still since for at least as long. Then the display lacks three
 * counts for some minutes. */
static void test_a_display_that_lacks_three_after_a_pause_bills_nobody_the_pause(void **state)
{
	static const uint64_t ran[] = { 20, 100, 6400, 100000 };

	(void)state;
	for (size_t k = 0; k < sizeof(ran) / sizeof(ran[0]); k++) {
		uint64_t raw = 4423 + ran[k];
		struct rig r;

		rig_init(&r, 32, 4423);
		r.s.obs.running = 0;
		stand(&r, 5, raw);
		assert_true(r.m.holding);
		for (uint64_t n = 0; n < ran[k] / 60 + 10; n++)
			read_after(&r, LT_MINUTE, raw);
		stand(&r, 300, raw - 3);
		stand(&r, 300, raw);
		if (billed(&r) > 0)
			fail_msg("%lld s are billed after a jump by %lld", (long long)(billed(&r) / 1000), (long long)ran[k]);
	}
}

/* It restarted while its display showed three less than there was, and has counted for as long as it had before. */
static void test_a_restart_below_zero_counts_up_to_its_old_level_and_loses_nothing(void **state)
{
	const int64_t counted = 9600;
	uint64_t raw = 3;
	struct rig r;

	(void)state;
	rig_init(&r, 32, 9100);
	r.s.obs.running = 0;
	stand(&r, 300, 9097);
	r.s.obs.running = 1;
	stand(&r, 5, UINT32_MAX - 2);
	stand(&r, 5, raw);
	for (int64_t k = 0; k < counted / 20; k++)
		read_after(&r, 20 * LT_SECOND, raw += 20);
	assert_in_range(r.m.held_ms + billed(&r), (counted - 60) * LT_SECOND, (counted + 60) * LT_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_drop_below_zero_again_is_no_return_however_long_after),
		cmocka_unit_test(test_a_run_that_comes_round_to_the_level_it_left_is_no_return),
		cmocka_unit_test(test_a_run_that_counts_up_to_the_level_it_left_is_no_return),
		cmocka_unit_test(test_a_restart_below_zero_counts_up_to_its_old_level_and_loses_nothing),
		cmocka_unit_test(test_a_display_that_lacks_three_after_a_pause_bills_nobody_the_pause),
		cmocka_unit_test(test_two_pauses_of_a_run_that_turns_over_lose_no_hour),
	};

	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
