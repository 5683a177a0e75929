/* test_meter.c - the classifier: each class, the faults that the research lists, the budget, the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "core/meter.h"

struct rig {
	struct meter m;
	struct meter_def def;
	struct meter_sample s;
	struct meter_verdict v;
};

static const char *const boots[2] = { "boot-one", "boot-two" };

static struct rig rig_new(int bits)
{
	struct rig r = { .def = { .kind = METER_COUNTER, .counter = { .bits = (uint8_t)bits, .count_ms = 1000,
		.refresh_ms = 1000 }, .has_state = true, .poll_ms = 1000, .rate_ppm = 1000 } };

	meter_init(&r.m);
	r.s = (struct meter_sample){ .boot_ms = 1000, .wall_ms = 1700000000000, .rtt_ms = 5, .boot_id = boots[0] };
	return r;
}

static enum meter_class read_at(struct rig *r, int64_t after_ms, uint64_t raw, int running)
{
	r->s.boot_ms += after_ms;
	r->s.wall_ms += after_ms;
	r->s.obs.have |= LT_HAVE_HOURMETER | LT_HAVE_STATE;
	r->s.obs.hourmeter = raw;
	r->s.obs.running = (uint8_t)running;
	meter_read(&r->m, &r->def, 30 * LT_SECOND, &r->s, &r->v);
	return r->v.class;
}

static void test_first_bills_nothing(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	assert_int_equal(read_at(&r, 0, 5000, 1), METER_FIRST);
	assert_int_equal(r.m.ext_ms, 0);
	assert_true(r.m.running);
}

static void test_normal_and_replay(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100, 0);
	assert_int_equal(read_at(&r, 10000, 110, 1), METER_NORMAL);
	assert_int_equal(r.v.added_ms, 10000);
	assert_int_equal(read_at(&r, 0, 110, 1), METER_NORMAL);
	assert_int_equal(r.v.added_ms, 0);
	assert_int_equal(r.m.ext_ms, 10000);
	assert_int_equal(read_at(&r, -5000, 105, 1), METER_STALE);
	assert_int_equal(r.m.ext_ms, 10000);
}

static void test_gap_loses_nothing(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100, 1);
	assert_int_equal(read_at(&r, LT_HOUR, 3700, 1), METER_NORMAL);
	assert_true(r.v.gap);
	assert_int_equal(r.m.ext_ms, LT_HOUR);
}

static void test_wrap(void **state)
{
	struct rig r = rig_new(16);

	(void)state;
	read_at(&r, 0, 65530, 1);
	assert_int_equal(read_at(&r, 10000, 4, 1), METER_WRAP);
	assert_int_equal(r.v.added_ms, 10000);
	assert_true(r.v.audit);
	assert_false(r.v.review);
}

static void test_decimal_modulus(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	r.def.counter.modulus = 1000000;
	read_at(&r, 0, 999995, 1);
	assert_int_equal(read_at(&r, 10000, 5, 1), METER_WRAP);
	assert_int_equal(r.m.ext_ms, 10000);
	assert_int_equal(read_at(&r, 1000, 1000001, 1), METER_SUSPECT);
}

static void test_ambiguous(void **state)
{
	struct rig r = rig_new(16);

	(void)state;
	read_at(&r, 0, 100, 1);
	assert_int_equal(read_at(&r, 70000 * LT_SECOND, 200, 1), METER_AMBIGUOUS);
	assert_int_equal(r.v.added_ms, 100000);
	assert_true(r.v.review);
}

static void test_zero_for_one_read(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100000, 1);
	read_at(&r, 1000, 100001, 1);
	assert_int_equal(read_at(&r, 1000, 0, 1), METER_SUSPECT);
	assert_true(r.v.reread_ms > 0);
	assert_int_equal(r.m.ext_ms, 1000);
	assert_int_equal(read_at(&r, 1000, 100003, 1), METER_OUTLIER);
	assert_int_equal(r.m.ext_ms, 3000);
	assert_true(r.v.audit);
}

/* After a silence much would fit the old level: of two values that contradict each other neither is believed alone. */
static void test_wild_value_after_a_silence(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100000, 1);
	assert_int_equal(read_at(&r, 2 * LT_HOUR, 0, 0), METER_SUSPECT);
	assert_int_equal(read_at(&r, 700, 103600, 0), METER_SUSPECT); /* an hour more: it would be possible */
	assert_int_equal(r.m.ext_ms, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(read_at(&r, 700, 0, 0), METER_SUSPECT);
	assert_int_equal(read_at(&r, 700, 0, 0), METER_RESET);
	assert_int_equal(r.m.ext_ms, 0);
}

static void test_zero_after_a_silence(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100000, 1);
	assert_int_equal(read_at(&r, 2 * LT_HOUR, 0, 1), METER_SUSPECT);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(read_at(&r, 1000, 103600 + (uint64_t)i, 1), METER_SUSPECT);
	assert_int_equal(read_at(&r, 1000, 103604, 1), METER_OUTLIER);
	assert_int_equal(r.m.ext_ms, 3604000);
	assert_true(r.v.gap && r.v.audit);
}

static void test_zeros_for_a_whole_refresh(void **state)
{
	struct rig r = rig_new(32);
	int suspects = 0;

	(void)state;
	r.def.counter.refresh_ms = 10000;
	read_at(&r, 0, 100000, 1);
	for (int i = 0; i < 15; i++)
		suspects += read_at(&r, 1000, 0, 1) == METER_SUSPECT;
	assert_int_equal(suspects, 15);
	assert_int_equal(read_at(&r, 1000, 100016, 1), METER_OUTLIER);
	assert_int_equal(r.m.ext_ms, 16000);
}

static void test_torn_value(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 0x0001fffe, 1);
	assert_int_equal(read_at(&r, 1000, 0x0002ffff, 1), METER_SUSPECT);
	assert_int_equal(read_at(&r, 1000, 0x00020000, 1), METER_OUTLIER);
	assert_int_equal(r.m.ext_ms, 2000);
}

static void test_reset(void **state)
{
	struct rig r = rig_new(32);
	enum meter_class c = METER_SUSPECT;

	(void)state;
	read_at(&r, 0, 100000, 1);
	assert_int_equal(read_at(&r, 20000, 2, 1), METER_SUSPECT);
	for (int i = 1; c == METER_SUSPECT && i < 20; i++)
		c = read_at(&r, 1000, 2 + (uint64_t)i, 1);
	assert_int_equal(c, METER_RESET);
	/* what the new level shows is certain; the rest of the window is at most a poll, kept apart */
	assert_int_equal(r.m.ext_ms, (int64_t)r.m.raw * 1000);
	assert_int_equal(r.v.estimated_ms, r.def.poll_ms);
	assert_int_equal(read_at(&r, 5000, r.m.raw + 5, 1), METER_NORMAL);
}

static void test_reset_while_off_estimates_nothing(void **state)
{
	struct rig r = rig_new(32);
	enum meter_class c = METER_SUSPECT;

	(void)state;
	read_at(&r, 0, 100000, 0);
	for (int i = 0; c == METER_SUSPECT && i < 20; i++)
		c = read_at(&r, 1000, 0, 0);
	assert_int_equal(c, METER_RESET);
	assert_int_equal(r.v.estimated_ms, 0);
	assert_int_equal(r.m.ext_ms, 0);
}

/* The device says that it did not restart: a lower level is for a person. */
static void test_uptime_denies_a_reset(void **state)
{
	struct rig r = rig_new(32);
	enum meter_class c = METER_SUSPECT;

	(void)state;
	r.s.obs.have = LT_HAVE_UPTIME;
	r.s.obs.uptime_s = 900000;
	read_at(&r, 0, 100000, 1);
	for (int i = 0; c == METER_SUSPECT && i < 20; i++)
		c = read_at(&r, 1000, (uint64_t)i, 1);
	assert_int_equal(c, METER_MANUAL);
	assert_true(r.v.review);
	assert_int_equal(r.m.ext_ms, 0);
}

/* A 16-bit counter, a gap and a restart: the turn that would be possible is not assumed. */
static void test_restart_is_not_a_wrap(void **state)
{
	struct rig r = rig_new(16);
	enum meter_class c;

	(void)state;
	r.s.obs.have = LT_HAVE_BOOTS;
	r.s.obs.boots = 7;
	read_at(&r, 0, 65000, 1);
	r.s.obs.boots = 8;
	c = read_at(&r, 2000 * LT_SECOND, 100, 1);
	assert_int_equal(c, METER_SUSPECT);
	for (int i = 1; c == METER_SUSPECT && i < 20; i++)
		c = read_at(&r, 1000, 100 + (uint64_t)i, 1);
	assert_int_equal(c, METER_RESET);
	assert_true(r.m.ext_ms < 110000);
}

static void test_swap(void **state)
{
	struct rig r = rig_new(32);
	enum meter_class c = METER_SUSPECT;

	(void)state;
	r.s.obs.have = LT_HAVE_SERIAL;
	lt_fmt(r.s.obs.serial, sizeof(r.s.obs.serial), "A1");
	read_at(&r, 0, 100, 1);
	lt_fmt(r.s.obs.serial, sizeof(r.s.obs.serial), "B2");
	for (int i = 1; c == METER_SUSPECT && i < 20; i++)
		c = read_at(&r, 1000, 100 + (uint64_t)i, 1);
	assert_int_equal(c, METER_SWAP);
	assert_int_equal(r.m.ext_ms, 0);
	assert_true(r.v.review);
	assert_int_equal(read_at(&r, 1000, r.m.raw + 1, 1), METER_NORMAL);
	assert_int_equal(r.m.ext_ms, 1000);
}

static void test_manual(void **state)
{
	struct rig r = rig_new(32);
	enum meter_class c = METER_SUSPECT;

	(void)state;
	read_at(&r, 0, 100, 1);
	for (int i = 0; c == METER_SUSPECT && i < 20; i++)
		c = read_at(&r, 1000, 900000 + (uint64_t)i, 1);
	assert_int_equal(c, METER_MANUAL);
	assert_int_equal(r.m.ext_ms, 0);
	assert_true(r.v.review);
}

/* A counter that runs at twice the time: every single poll would be within its slack. */
static void test_fast_counter_is_caught(void **state)
{
	struct rig r = rig_new(32);
	int reviews = 0;
	int64_t elapsed = 0;

	(void)state;
	read_at(&r, 0, 0, 1);
	for (uint64_t i = 1; i <= 3600; i++) {
		reviews += read_at(&r, 1000, 2 * i, 1) == METER_MANUAL;
		elapsed += 1000;
		assert_true(r.m.ext_ms <= elapsed + 2 * 1000 + 5 + elapsed / 1000);
	}
	assert_true(reviews > 0);
}

static void test_other_boot_uses_the_wall_clock(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100, 1);
	r.s.boot_id = boots[1];
	r.s.boot_ms = 50;
	r.s.wall_ms += 60000;
	assert_int_equal(read_at(&r, 0, 160, 1), METER_NORMAL);
	assert_true(r.v.by_wall && r.v.audit && r.v.gap);
	assert_int_equal(r.m.ext_ms, 60000);
	/* a wall clock set back is no negative time */
	r.s.boot_id = boots[0];
	r.s.wall_ms -= LT_DAY;
	assert_int_equal(read_at(&r, 0, 160, 1), METER_NORMAL);
	assert_int_equal(r.v.elapsed_ms, 0);
}

/* Our machine restarted with its clock an hour behind: the doubt is over after some readings, not after an hour. */
static void test_other_boot_with_a_slow_clock(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 100, 1);
	r.s.boot_id = boots[1];
	r.s.boot_ms = 50;
	r.s.wall_ms -= LT_HOUR;
	assert_int_equal(read_at(&r, 0, 400, 1), METER_SUSPECT);
	assert_int_equal(read_at(&r, 1000, 401, 1), METER_SUSPECT);
	assert_int_equal(read_at(&r, 1000, 402, 1), METER_SUSPECT);
	assert_int_equal(read_at(&r, 1000, 403, 1), METER_MANUAL);
	assert_int_equal(r.m.ext_ms, 0);
	assert_true(r.v.by_wall && r.v.review);
	assert_int_equal(read_at(&r, 1000, 404, 1), METER_NORMAL);
	assert_false(r.v.by_wall);
	assert_int_equal(r.m.ext_ms, 0);
	assert_int_equal(r.m.held_ms, 1000); /* until a person says that the level is right */
}

static void test_full_64_bits(void **state)
{
	struct rig r = rig_new(64);

	(void)state;
	read_at(&r, 0, UINT64_MAX - 2, 1);
	assert_int_equal(read_at(&r, 10000, 7, 1), METER_SUSPECT); /* 2^64 is not a modulus we believe in */
	assert_int_equal(read_at(&r, 1000, UINT64_MAX, 1), METER_OUTLIER);
	assert_int_equal(r.m.ext_ms, 2000);
}

static void test_coarse_counter(void **state)
{
	struct rig r = rig_new(32);
	int64_t given = 0, nobodys = 0;

	(void)state;
	r.def.counter.count_ms = 360000;
	assert_true(meter_is_coarse(&r.def));
	read_at(&r, 0, 10, 0);
	meter_session_starts(&r.m, &r.def);
	read_at(&r, 1000, 10, 1);
	for (int i = 0; i < 100; i++)
		read_at(&r, 1000, 10, 1);
	read_at(&r, 1000, 11, 1); /* 101 s were on; the count says 360 */
	given += r.v.added_ms - r.v.quantised_ms;
	nobodys += r.v.quantised_ms;
	assert_int_equal(given, 101000 + r.def.poll_ms);
	assert_int_equal(given + nobodys, r.m.ext_ms);
	for (int i = 0; i < 359; i++)
		read_at(&r, 1000, 11, 1);
	read_at(&r, 1000, 12, 1);
	assert_int_equal(r.v.added_ms - r.v.quantised_ms, 360000);
}

static void test_state_meter(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	r.def.kind = METER_STATE;
	read_at(&r, 0, 0, 0);
	read_at(&r, 1000, 0, 1);
	assert_int_equal(r.v.added_ms, 0);
	read_at(&r, 1000, 0, 1);
	assert_int_equal(r.v.added_ms, 1000);
	read_at(&r, 1000, 0, 0);
	assert_int_equal(r.v.added_ms, 1000);
	read_at(&r, 1000, 0, 1);
	read_at(&r, LT_MINUTE, 0, 1);
	assert_true(r.v.gap);
	assert_int_equal(r.v.added_ms, 0); /* a sampling meter measures nothing in a gap */
	r.m.lost = true;
	read_at(&r, 1000, 0, 1);
	assert_int_equal(r.v.added_ms, 0);
	assert_int_equal(r.m.ext_ms, 2000);
}

/* A counter without a run bit: it runs while it moves. */
static void test_derived_run_bit(void **state)
{
	struct rig r = rig_new(32);

	(void)state;
	read_at(&r, 0, 10, 0);
	r.m.running = false;
	for (int i = 1; i < 5; i++) {
		r.s.obs.have = LT_HAVE_HOURMETER;
		r.s.obs.hourmeter = 10 + (uint64_t)i;
		r.s.boot_ms += 1000;
		r.s.wall_ms += 1000;
		meter_read(&r.m, &r.def, 30000, &r.s, &r.v);
		assert_true(r.v.running);
	}
	for (int i = 0; i < 10; i++) {
		r.s.boot_ms += 1000;
		r.s.wall_ms += 1000;
		meter_read(&r.m, &r.def, 30000, &r.s, &r.v);
	}
	assert_false(r.v.running);
}

static void test_bytes(void **state)
{
	struct rig r = rig_new(16);
	struct meter back;
	uint8_t blob[METER_BLOB], again[METER_BLOB];
	size_t size;

	(void)state;
	r.s.obs.have = LT_HAVE_SERIAL | LT_HAVE_BOOTS;
	lt_fmt(r.s.obs.serial, sizeof(r.s.obs.serial), "SN 0123456789012345678901234567");
	read_at(&r, 0, 100, 1);
	read_at(&r, 1000, 101, 1);
	read_at(&r, 1000, 50000, 1);
	size = meter_encode(&r.m, blob);
	assert_true(meter_decode(&back, blob, size));
	assert_int_equal(meter_encode(&back, again), size);
	assert_memory_equal(blob, again, size);
	assert_int_equal(back.phase, METER_IN_DOUBT);
	for (size_t n = 0; n < size; n++)
		assert_false(meter_decode(&back, blob, n));
	blob[7] ^= 1; /* the version */
	assert_false(meter_decode(&back, blob, size));
}

/* The store's column and everybody's buffers have METER_BLOB bytes. */
static void test_all_levels_fit_the_bytes(void **state)
{
	struct rig r = rig_new(32);
	struct meter back;
	uint8_t blob[METER_BLOB], again[METER_BLOB];
	size_t size;

	(void)state;
	read_at(&r, 0, 4000000, 1);
	for (int level = 1; r.m.n_left < METER_LEVELS && level < 100; level++)
		for (int k = 0; k < 5; k++)
			read_at(&r, 1000, 4000000 - 100000 * (uint64_t)level, 1);
	assert_int_equal(r.m.n_left, METER_LEVELS);
	memset(r.m.boot_id, 'b', sizeof(r.m.boot_id) - 1);
	memset(r.m.serial, 's', sizeof(r.m.serial) - 1);
	memset(r.m.doubt_serial, 's', sizeof(r.m.doubt_serial) - 1);
	size = meter_encode(&r.m, blob);
	assert_true(meter_decode(&back, blob, size)); /* what does not fit is cut off, and then refused */
	assert_int_equal(meter_encode(&back, again), size);
	assert_memory_equal(blob, again, size);
	assert_int_equal(back.n_left, METER_LEVELS);
	assert_int_equal(back.left[METER_LEVELS - 1].raw, r.m.left[METER_LEVELS - 1].raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_bills_nothing), cmocka_unit_test(test_normal_and_replay),
			cmocka_unit_test(test_gap_loses_nothing),
		cmocka_unit_test(test_wrap), cmocka_unit_test(test_decimal_modulus), cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_zero_for_one_read), cmocka_unit_test(test_wild_value_after_a_silence),
		cmocka_unit_test(test_zero_after_a_silence), cmocka_unit_test(test_zeros_for_a_whole_refresh),
		cmocka_unit_test(test_torn_value),
		cmocka_unit_test(test_reset), cmocka_unit_test(test_reset_while_off_estimates_nothing),
		cmocka_unit_test(test_uptime_denies_a_reset), cmocka_unit_test(test_restart_is_not_a_wrap),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_manual), cmocka_unit_test(test_fast_counter_is_caught),
		cmocka_unit_test(test_other_boot_uses_the_wall_clock),
		cmocka_unit_test(test_other_boot_with_a_slow_clock), cmocka_unit_test(test_full_64_bits),
		cmocka_unit_test(test_coarse_counter),
		cmocka_unit_test(test_state_meter), cmocka_unit_test(test_derived_run_bit), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_all_levels_fit_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
