/*
 * test_schedule.c - every combination of a device's deadlines and of what holds it back, over an hour around now: which
 * instant is next. The rule is said once more here, as a list of what must hold rather than as a formula.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>
#include <cmocka.h>

#include "drivers/modbus/schedule.h"

#define N SCHEDULE_NEVER

static const int64_t instants[] = { 0, 1, 999, 30000, 59999, 60000, 60001, 3600000, N };
#define INSTANTS (int)(sizeof(instants) / sizeof(instants[0]))

static void judge(const struct deadlines *at, const struct gates *g)
{
	int64_t next = schedule_next(at, g);

	assert_true(next <= at->forced);                              /* nothing holds back who is waited for */
	if (next == at->forced)
		return;
	assert_true(next >= g->line);                                 /* but every other reason waits for the line */
	if (g->up)
		assert_true(next == g->line || next <= (at->verify < at->lapse ? at->verify : at->lapse));
	else if (!g->silent)
		assert_true(next == (at->poll > g->line ? at->poll : g->line)); /* a lapse or a relay is no reason then */
	if (!g->silent)
		assert_true(next == g->line || next <= at->poll);
	else if (!g->up)
		assert_true(next >= at->poll && (next >= g->share || next >= g->asked + SCHEDULE_SILENT_MOST_MS));
	if (g->silent && at->poll <= g->asked + SCHEDULE_SILENT_MOST_MS && g->line <= g->asked + SCHEDULE_SILENT_MOST_MS)
		assert_true(next <= g->asked + SCHEDULE_SILENT_MOST_MS);  /* once a minute, whatever its share */
}

static void the_next_instant_of_every_combination(void **state)
{
	int64_t total = 1;

	for (int i = 0; i < 6; i++)
		total *= INSTANTS;
	for (int64_t i = 0; i < total; i++) {
		int64_t v[6], rest = i;
		struct deadlines at;
		for (int k = 0; k < 6; k++, rest /= INSTANTS)
			v[k] = instants[rest % INSTANTS];
		at = (struct deadlines){ .poll = v[0], .forced = v[1], .verify = v[2], .lapse = v[3] };
		for (int flags = 0; flags < 4; flags++)
			judge(&at, &(struct gates){ .line = v[4] == N ? 0 : v[4], .share = v[5] == N ? 0 : v[5], .asked = 500,
						    .up = flags & 1, .silent = flags & 2 });
	}
}

/* Renewed or not, a lease wakes for its own end and for nothing later than the poll. */
static void a_lease_wakes_before_the_poll_or_not_at_all(void **state)
{
	struct gates up = { .up = true }, down = { .up = false };
	struct deadlines at = { .poll = 5000, .forced = N, .verify = N, .lapse = N };

	for (at.lapse = 0; at.lapse < 100000; at.lapse += 8000) {
		assert_int_equal(schedule_next(&at, &up), at.lapse < 5000 ? at.lapse : 5000);
		assert_int_equal(schedule_next(&at, &down), 5000);
	}
}

static void ticks_are_the_grid_of_the_phase(void **state)
{
	for (int64_t now = -3000; now < 7000; now += 37)
		for (int64_t phase = 0; phase < 1000; phase += 130) {
			int64_t tick = schedule_tick(phase, 1000, now);
			assert_true(tick > now && tick <= now + 1000);
			assert_true((tick - phase) % 1000 == 0);
		}
}

static void a_wait_is_short_and_has_an_end(void **state)
{
	static const int64_t most[] = { 250, 250, 500, 500, 1000, 1000, 2000, 2000, 2500, 2500 };

	for (int failures = 1; failures < 1000; failures++)
		for (uint64_t random = 0; random < 2000; random += 7) {
			int64_t ms = schedule_backoff(failures, random * UINT64_C(0x9E3779B97F4A7C15));
			int64_t limit = failures <= 10 ? most[failures - 1] : SCHEDULE_BACKOFF_MOST_MS;
			assert_true(ms <= limit && ms >= limit * 3 / 4);
		}
	assert_true(schedule_backoff(2147483647, UINT64_MAX) <= SCHEDULE_BACKOFF_MOST_MS);
}

static void a_short_question_costs_a_third_and_a_long_one_a_twentieth(void **state)
{
	assert_int_equal(schedule_share(100, 1000), 1000 + 200);
	assert_int_equal(schedule_share(120, 1000), 1000 + 240);
	assert_int_equal(schedule_share(1120, 1000), 1000 + 240 + 19000);
	assert_int_equal(schedule_share(0, 1000), 1000);
	assert_int_equal(schedule_share(-5, 1000), 1000);
	for (int64_t cost = 1; cost < 5000; cost++) /* a longer one never comes sooner */
		assert_true(schedule_share(cost, 0) > schedule_share(cost - 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_instant_of_every_combination),
		cmocka_unit_test(a_lease_wakes_before_the_poll_or_not_at_all),
		cmocka_unit_test(ticks_are_the_grid_of_the_phase), cmocka_unit_test(a_wait_is_short_and_has_an_end),
		cmocka_unit_test(a_short_question_costs_a_third_and_a_long_one_a_twentieth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
