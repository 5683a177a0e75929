/*
 * test_flicker.c - random lives of a register that leaves its level and comes back, against a scripted truth, with
 * labtimed killed and started again anywhere. Sessions together are never billed more than the register's
 * difference, and when it has been true for a while nothing is held and nothing is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "core/meter.h"

#define RESOLUTION_MS 1000

static uint64_t state_;

static uint32_t rnd(uint32_t below)
{
	state_ ^= state_ << 13;
	state_ ^= state_ >> 7;
	state_ ^= state_ << 17;
	return (uint32_t)(state_ >> 11) % below;
}

static int rounds(int usual)
{
	const char *s = getenv("LABTIME_ROUNDS");
	int64_t n;

	return s && lt_parse_i64(s, 1, 1000000, &n) ? (int)n : usual;
}

struct life {
	struct meter m;
	struct meter_def def;
	struct meter_sample s;
	struct meter_verdict v;
	uint64_t base;
	int64_t ran_ms, billed_ms;
	int resets;
	bool on;
};

/* kill -9 and a new start. */
static void restart(struct life *l)
{
	uint8_t blob[METER_BLOB];
	size_t size = meter_encode(&l->m, blob);

	assert_true(meter_decode(&l->m, blob, size));
	l->m.lost = true;
}

/* One poll; wild: the register says this instead of the truth. */
static void poll(struct life *l, int64_t ms, const uint64_t *wild)
{
	int64_t before = l->m.ext_ms;

	l->ran_ms += l->on ? ms : 0;
	l->s.boot_ms += ms;
	l->s.wall_ms += ms;
	l->s.obs.running = l->on;
	l->s.obs.hourmeter = wild ? *wild : l->base + (uint64_t)(l->ran_ms / RESOLUTION_MS);
	meter_read(&l->m, &l->def, 30 * LT_SECOND, &l->s, &l->v);
	assert_true(l->m.ext_ms >= before); /* I3 */
	if (!l->v.accepted)
		return;
	assert_int_equal(l->m.ext_ms - before, l->v.added_ms);
	assert_true(l->v.late_ms >= 0 && l->v.late_ms <= l->v.added_ms);
	l->billed_ms += l->v.added_ms - l->v.excess_ms;
	l->resets += l->v.class == METER_RESET;
	/* what is billed is never more than the register has shown, but for resets that are not yet known to be false */
	if (l->resets == 0)
		assert_true(l->billed_ms <= l->ran_ms + RESOLUTION_MS);
	if (rnd(60) == 0)
		restart(l);
}

/* A flicker: it lasts some seconds or some minutes, and says zero, ones, or a little less. */
static void flicker(struct life *l)
{
	uint64_t level = l->base + (uint64_t)(l->ran_ms / RESOLUTION_MS), wild[] = { 0, 0xffffffff, 0xffff, level - 1,
		level - 2, level - 3, level - 40 }, w = wild[rnd(7)];
	int polls = (int)(rnd(2) ? rnd(8) : rnd(300));

	for (int i = 0; i < polls; i++) {
		l->on = rnd(50) == 0 ? !l->on : l->on;
		poll(l, 500 + rnd(1500), &w);
	}
}

static void one_life(uint64_t seed)
{
	struct life l = { .def = { .kind = METER_COUNTER, .counter = { .bits = 32, .count_ms = RESOLUTION_MS,
		.refresh_ms = 1000 }, .has_state = true, .poll_ms = 1000, .rate_ppm = 1000 } };

	state_ = seed * 2654435761u + 1;
	l.base = 10000000 + rnd(1000000); /* far above what a reset could show: each return is known */
	l.s = (struct meter_sample){ .boot_ms = 5000, .wall_ms = 1700000000000, .rtt_ms = 5, .boot_id = "one" };
	l.s.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
	meter_init(&l.m);
	poll(&l, 0, NULL);
	for (int step = 0; step < 30; step++) {
		int polls = 10 + (int)rnd(200);

		flicker(&l);
		for (int i = 0; i < polls; i++) {
			l.on = rnd(30) == 0 ? !l.on : l.on;
			poll(&l, 500 + rnd(1000), NULL);
		}
		assert_false(l.m.holding);
		assert_in_range(l.ran_ms - l.billed_ms + RESOLUTION_MS, 0, 4 * RESOLUTION_MS);
	}
}

static void test_a_register_that_flickers_bills_its_difference(void **state)
{
	(void)state;
	for (int k = 1; k <= rounds(150); k++)
		one_life((uint64_t)k);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_register_that_flickers_bills_its_difference) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
