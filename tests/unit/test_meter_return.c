/*
 * test_meter_return.c - a register that leaves its level and comes back: what it bills. A script says what the register
 * shows; what the instrument really ran is known beside it.
 */
#include "meter_rig.h"

static void test_drop_by_two_bills_once(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 5000);
	for (uint64_t k = 0; k < 5; k++) { /* +5 on the register; each time it dropped by two for a minute */
		read_after(&r, 1000, 5000 + k);
		stand(&r, 60, 4998 + k);
		stand(&r, 60, 5001 + k);
	}
	assert_int_equal(r.returns, 5);
	assert_int_equal(billed(&r), 5000);
	assert_false(r.m.holding);
}

/* Shorter than the confirmation, just as long, longer, much longer; twice each. */
static void test_zero_for_a_while_costs_nobody_a_second(void **state)
{
	static const int spans[] = { 1, 2, 3, 4, 5, 10, 60, 600, 3600, 23 * 3600 };
	static const uint64_t wild[] = { 0, 0xffff, 0xffffffff, 4990, 5002, 1 };

	(void)state;
	for (size_t w = 0; w < sizeof(wild) / sizeof(wild[0]); w++) {
		for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
			struct rig r;
			uint64_t at = 5000;

			rig_init(&r, 32, at);
			count(&r, 3, at + 1);
			at += 3;
			for (int twice = 0; twice < 2; twice++) {
				stand(&r, spans[i], wild[w]);
				at += (uint64_t)spans[i];
				count(&r, 20, at + 1);
				at += 20;
			}
			assert_in_range(billed(&r), (at - 5000 - 2) * 1000, (at - 5000) * 1000);
			assert_false(r.m.holding);
		}
	}
}

static void test_a_meter_that_restarts_each_day_is_billed_each_day(void **state)
{
	struct rig r;
	int64_t truth = 0;

	(void)state;
	rig_init(&r, 32, 30000);
	for (int day = 0; day < 5; day++) {
		count(&r, 8 * 3600, 1); /* eight hours from zero, then it is switched off */
		truth += 8 * 3600;
		read_after(&r, 16 * LT_HOUR, (uint64_t)(8 * 3600));
	}
	assert_int_equal(r.returns, 0);
	assert_in_range(billed(&r), (truth - 5 * 5) * 1000, truth * 1000);
}

/* Counting on from the lower level: what was billed before is not billed again until the old level is passed. */
static void test_counting_past_the_old_level(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 90000);
	count(&r, 60, 90001);
	stand(&r, 5, 90050);
	assert_true(r.m.holding);
	count(&r, 20, 90051);
	assert_false(r.m.holding);
	assert_int_equal(billed(&r), 70000);
}

/* After a reset the new level is the meter's own: normal counting passes the old one and all of it is measured. */
static void test_a_reset_that_passes_its_old_level_is_no_return(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 100);
	stand(&r, 5, 0);
	assert_int_equal(r.m.last, METER_NORMAL);
	count(&r, 300, 1);
	assert_int_equal(r.returns, 0);
	assert_int_equal(billed(&r), 300000);
}

/* A reset that was none: its seconds since zero were billed, and are taken back. */
static void test_excess_of_a_false_reset_is_taken_back(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 0);
	read_after(&r, LT_HOUR, 0);
	read_after(&r, LT_HOUR, 3000);
	r.v.class = METER_SUSPECT;
	read_after(&r, LT_HOUR, 2900);
	stand(&r, 5, 2900); /* a reset by the table: 2900 s since zero were possible */
	assert_int_equal(r.added_ms, 5900000);
	stand(&r, 6, 3010);
	assert_int_equal(r.returns, 1);
	assert_int_equal(r.v.accepted ? billed(&r) : 0, 3010000);
	assert_int_equal(r.m.ext_ms, 5900000);
	count(&r, 10, 3011);
	assert_int_equal(billed(&r), 3020000);
}

static void test_restart_between_drop_and_return(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	count(&r, 10, 700001);
	restart(&r);
	stand(&r, 10, 0);
	restart(&r);
	stand(&r, 40, 0);
	restart(&r);
	count(&r, 10, 700061);
	assert_int_equal(billed(&r), 70000);
	assert_int_equal(r.returns, 1);
}

static void test_back_after_a_day_and_an_hour(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	read_after(&r, 1000, 700001);
	for (int i = 0; i < 25 * 60; i++)
		read_after(&r, LT_MINUTE, 699990 + (uint64_t)(i < 5 ? 0 : i < 10 ? 1 : 2)); /* two seconds were counted */
	assert_false(r.m.holding);
	assert_int_equal(billed(&r), 3000); /* held for a day, then measured */
	stand(&r, 10, 700005);
	assert_int_equal(r.returns, 0);
	assert_int_equal(billed(&r), 3000);
	assert_true(r.m.holding);
}

static void test_all_ones_of_sixteen_bits_may_be_a_value(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 16, 65530);
	count(&r, 5, 65531);
	assert_int_equal(read_after(&r, 1000, 0), METER_WRAP);
	count(&r, 5, 1);
	assert_int_equal(billed(&r), 11000);
	stand(&r, 30, 65535); /* now it is the remote I/O that is lost */
	assert_true(r.m.holding);
	count(&r, 10, 36);
	assert_int_equal(billed(&r), 51000);
}

static void test_fall_during_a_silence(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	read_after(&r, LT_HOUR, 699000);
	stand(&r, 10, 699000);
	assert_true(r.m.holding);
	read_after(&r, 2 * LT_HOUR, 703600);
	stand(&r, 10, 703600);
	assert_int_equal(r.returns, 1);
	assert_int_equal(billed(&r), 3600000);
}

/* What stood on an even older level is what counts when that one is back. */
static void test_levels_within_levels(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	count(&r, 10, 700001);
	stand(&r, 20, 699999);
	stand(&r, 20, 0);
	stand(&r, 20, 0xffffffff);
	stand(&r, 20, 3);
	count(&r, 10, 700091);
	assert_int_equal(billed(&r), 100000);
	assert_false(r.m.holding);
	assert_int_equal(r.m.n_left, 0);
}

static void test_new_meter_measures_what_was_held(void **state)
{
	struct rig r;
	struct meter_verdict v;

	(void)state;
	rig_init(&r, 32, 700000);
	count(&r, 10, 700001);
	count(&r, 40, 200000);
	assert_true(r.m.holding);
	assert_int_equal(billed(&r), 10000);
	assert_true(meter_accept_level(&r.m, &v));
	assert_in_range(v.late_ms, 35000, 37000);
	assert_int_equal(r.m.ext_ms, 10000 + v.late_ms);
	assert_false(meter_accept_level(&r.m, &v));
	stand(&r, 10, 700060);
	assert_int_equal(r.returns, 0);
}

/*
 * Somebody set the counter to a higher value. What it shows when it drops there by two for a minute, or after a minute
 * of all ones or zero, was possible from the old value by now, and is still no return to it.
 */
static void test_a_flicker_on_a_higher_level_bills_nobody_the_way_up(void **state)
{
	static const uint64_t wild[] = { 6007, 0xffffffff, 0 };
	struct rig r;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		rig_init(&r, 32, 5000);
		count(&r, 10, 6000);
		assert_int_equal(r.m.n_left, 1);
		stand(&r, 7200, 6009);
		stand(&r, 60, wild[k]);
		stand(&r, 60, 6009);
		assert_int_equal(r.m.ext_ms, 0);
		assert_in_range(r.m.held_ms, 1000, 10 * 1000);
		count(&r, 10, 6010); /* it goes on */
		assert_in_range(r.m.held_ms, 11 * 1000, 20 * 1000);
		assert_int_equal(r.m.ext_ms, 0);
	}
}

/* 16 bits: so long after the counter was set to a higher value, all ones could have been reached from the old one. */
static void test_all_ones_are_no_return_however_long_after(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 16, 4070);
	count(&r, 10, 14059);
	stand(&r, 70000, 14068);
	stand(&r, 180, 65535);
	assert_int_equal(r.m.ext_ms, 0);
	stand(&r, 60, 14068);
	assert_int_equal(r.m.ext_ms, 0);
	assert_in_range(r.m.held_ms, 1000, 10 * 1000);
}

/* 16 bits: the counter restarts shortly before it would turn over, and shows two less than zero for a minute. */
static void test_a_drop_below_zero_is_no_return_of_before_the_restart(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 16, 64660);
	stand(&r, 1200, 0);
	assert_int_equal(r.m.n_left, 1);
	stand(&r, 60, 65534);
	assert_int_equal(r.m.ext_ms, 0);
	stand(&r, 60, 0);
	assert_int_equal(r.m.ext_ms, 0);
	assert_false(r.m.holding);
}

/* A level that was left within a hold is held for a day of its own. */
static void test_each_level_is_held_for_a_day(void **state)
{
	struct rig r;
	int64_t first;

	(void)state;
	rig_init(&r, 32, 500000);
	count(&r, 10, 400000);
	count(&r, 3600, 400010);
	first = r.m.held_ms;
	assert_in_range(first, 3590 * 1000, 3610 * 1000);
	for (int hour = 0; hour < 22; hour++)
		read_after(&r, LT_HOUR, 403609);
	count(&r, 10, 300000);
	count(&r, 600, 300010);
	assert_true(r.m.held_ms > first);
	assert_int_equal(r.m.ext_ms, 0);
	for (int hour = 0; hour < 2; hour++)
		read_after(&r, LT_HOUR, 300609);
	assert_int_equal(r.m.ext_ms, first); /* the first level's day is over */
	assert_true(r.m.holding);
	assert_in_range(r.m.held_ms, 590 * 1000, 610 * 1000);
	count(&r, 10, 403609);               /* the second is left for what was before: that was false */
	assert_int_equal(r.v.class, METER_NORMAL);
	assert_false(r.m.holding);
	assert_int_equal(r.m.held_ms, 0);
	assert_int_equal(billed(&r), first + 9000);
}

static void test_another_device_ends_the_hold(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	r.s.obs.have |= LT_HAVE_SERIAL;
	lt_fmt(r.s.obs.serial, sizeof(r.s.obs.serial), "%s", "A1");
	count(&r, 10, 700001);
	count(&r, 20, 200000);
	lt_fmt(r.s.obs.serial, sizeof(r.s.obs.serial), "%s", "");
	stand(&r, 10, 0); /* a serial that reads as nothing is no other device */
	assert_int_equal(r.m.last, METER_NORMAL);
	lt_fmt(r.s.obs.serial, sizeof(r.s.obs.serial), "%s", "B2");
	stand(&r, 10, 77);
	assert_int_equal(r.m.last, METER_NORMAL);
	assert_int_equal(r.m.n_left, 0);
	assert_false(r.m.holding);
	assert_in_range(billed(&r), 10000 + 15000, 10000 + 20000);
}

static void test_uptime_outweighs_boots_that_never_change(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	r.s.obs.have |= LT_HAVE_BOOTS | LT_HAVE_UPTIME;
	r.s.obs.boots = 1;
	r.s.obs.uptime_s = 900000;
	count(&r, 10, 700001);
	r.s.obs.uptime_s = 0;
	count(&r, 20, 1);
	assert_int_equal(billed(&r), 30000);
	assert_false(r.m.holding);
	/* the same boots and an uptime that runs on: a person looks */
	stand(&r, 10, 0);
	assert_true(r.m.holding);
}

/* A reading a minute; the register moves on by `step` each time. Returns its last value. */
static uint64_t minutes(struct rig *r, int n, uint64_t raw, uint64_t step)
{
	for (int i = 0; i < n; i++)
		read_after(r, LT_MINUTE, raw += step);
	return raw;
}

/* Sixteen bits: zero after a restart is no level of hours ago that turned over. */
static void test_restart_within_a_hold_is_no_turn_of_the_counter(void **state)
{
	struct rig r;
	uint64_t at;

	(void)state;
	rig_init(&r, 16, 4000);
	r.s.obs.have |= LT_HAVE_BOOTS;
	stand(&r, 5, 4189); /* more than a pause of our machine explains: it is held */
	at = minutes(&r, 480, 4189, 60);
	minutes(&r, 720, at, 0); /* twenty hours: a turn of the counter would be possible */
	r.s.obs.boots++;
	read_after(&r, 30 * LT_MINUTE, 0);
	stand(&r, 10, 0);
	assert_int_equal(r.m.last, METER_NORMAL);
	assert_int_equal(r.returns, 0);
	assert_in_range(billed(&r) + r.m.held_ms, 480 * 60000, 480 * 60000 + 2000);
	minutes(&r, 300, 0, 0);
	assert_false(r.m.holding);
	assert_in_range(billed(&r), 480 * 60000, 480 * 60000 + 2000);
}

/* Counting on from all ones looks like a turn of the counter. */
static void test_all_ones_and_then_the_truth(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 50);
	stand(&r, 10, 0xffffffff);
	assert_true(r.m.holding);
	read_after(&r, LT_MINUTE, 50);
	assert_int_equal(r.returns, 1);
	assert_false(r.m.holding);
	assert_int_equal(billed(&r), 0);
	rig_init(&r, 16, 1);
	stand(&r, 10, 65534); /* three less than one */
	read_after(&r, LT_MINUTE, 2);
	assert_false(r.m.holding);
	assert_int_equal(billed(&r), 1000);
}

/* The counter began anew and counted for hours: all ones, or any value above its old level, is not that level again. */
static void test_level_of_before_a_restart_stays_behind(void **state)
{
	struct rig r;
	uint64_t at;

	(void)state;
	rig_init(&r, 16, 62000);
	r.s.obs.have |= LT_HAVE_BOOTS;
	r.s.obs.boots = 1;
	stand(&r, 10, 0);
	at = minutes(&r, 120, 0, 60);
	stand(&r, 30, 65535);
	assert_int_equal(r.returns, 0);
	assert_int_equal(billed(&r), 7200000);
	count(&r, 20, at + 1);
	assert_int_equal(billed(&r), 7220000);
	stand(&r, 30, 63000);
	assert_int_equal(billed(&r), 7220000);
	assert_int_equal(r.returns, 1); /* from all ones */
}

/* After the restart our machine was paused, so that what ran since is held. Its display drops by one for a moment. */
static void test_a_flicker_long_after_a_restart_and_a_pause_costs_nobody_a_second(void **state)
{
	struct rig r;
	uint64_t at;

	(void)state;
	rig_init(&r, 16, 9436);
	r.s.obs.have |= LT_HAVE_BOOTS;
	r.s.obs.boots = 1;
	stand(&r, 10, 0);
	at = minutes(&r, 5, 0, 60);
	count(&r, 10, at + 29); /* 28 s more than our clock says */
	at = minutes(&r, 250, at + 38, 60);
	stand(&r, 10, at - 1);
	assert_int_equal(r.returns, 0);
	stand(&r, 10, at);
	at = minutes(&r, 10, at, 60);
	minutes(&r, 25 * 60, at, 0);
	assert_false(r.m.holding);
	assert_in_range(billed(&r), 265 * 60000, 265 * 60000 + 10000);
}

/* Zero after a boot, then all ones, then the truth. */
static void test_two_false_levels_after_a_boot(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 700000);
	r.s.obs.have |= LT_HAVE_BOOTS;
	r.s.obs.boots = 1;
	stand(&r, 10, 0);
	stand(&r, 10, 0xffffffff);
	stand(&r, 10, 700020);
	assert_int_equal(billed(&r), 20000);
	assert_false(r.m.holding);
}

/* It drops by three while it counts: nobody sees it. Its return is three seconds too much for a minute. */
static void test_drop_that_its_counting_hid(void **state)
{
	struct rig r;
	uint64_t at;

	(void)state;
	rig_init(&r, 32, 5000);
	at = minutes(&r, 10, 5000, 60);
	at = minutes(&r, 1, at, 57);
	at = minutes(&r, 10, at, 60);
	at = minutes(&r, 1, at, 63);
	count(&r, 10, at + 1);
	assert_true(r.m.holding);
	stand(&r, 5, at + 10);
	assert_int_equal(r.returns, 1); /* in the seconds that it stood still */
	assert_false(r.m.holding);
	assert_int_equal(billed(&r), 22 * 60000 + 10000);
	/* so much too much is no return */
	stand(&r, 600, at + 300);
	assert_true(r.m.holding);
	assert_int_equal(billed(&r), 22 * 60000 + 10000);
}

/* What began anew passes the number of the old level: what is held is of the time before, and is not lost. */
static void test_restart_counts_past_the_level_of_a_hold(void **state)
{
	struct rig r;
	uint64_t at;

	(void)state;
	rig_init(&r, 32, 9000);
	r.s.obs.have |= LT_HAVE_BOOTS;
	at = minutes(&r, 10, 9000, 60);
	stand(&r, 5, at - 300);
	minutes(&r, 4, at - 300, 60);
	assert_in_range(r.m.held_ms, 240000, 242000);
	r.s.obs.boots++;
	stand(&r, 5, 0);
	minutes(&r, 600, 0, 60);
	minutes(&r, 15 * 60, 36000, 0);
	assert_int_equal(r.returns, 0);
	assert_false(r.m.holding);
	assert_in_range(billed(&r), (600 + 240 + 36000) * 1000, (600 + 242 + 36000) * 1000);
}

/* Six minutes a count. */
static void test_coarse_counter_comes_back(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 1000);
	r.def.counter.count_ms = 360000;
	meter_session_starts(&r.m, &r.def);
	for (int i = 0; i < 3600; i++)
		read_after(&r, 1000, i > 600 && i < 2400 ? 0 : 1000 + (uint64_t)(i + 1) / 360);
	assert_int_equal(billed(&r), 3600000);
}

/* Bytes of before: they are read, and know of no level that was left. */
static void test_bytes_of_version_1(void **state)
{
	struct rig r;
	struct meter back;
	uint8_t blob[METER_BLOB];
	size_t size;

	(void)state;
	rig_init(&r, 32, 5000);
	count(&r, 10, 5001);
	size = meter_encode(&r.m, blob);
	blob[7] = 1;
	size -= (3 + 5) * 8; /* no unit, no levels, nothing held */
	assert_true(meter_decode(&back, blob, size));
	assert_int_equal(back.raw, 5010);
	assert_int_equal(back.ext_ms, 10000);
	assert_int_equal(back.n_left, 0);
	assert_false(back.holding);
}

/* ... and of version 2, which do not say what the value means: it is what the configuration says, nothing is lost. */
static void test_bytes_of_version_2(void **state)
{
	struct rig r;
	uint8_t blob[METER_BLOB];
	size_t size;

	(void)state;
	rig_init(&r, 32, 5000);
	count(&r, 10, 5001);
	size = meter_encode(&r.m, blob);
	blob[7] = 2;
	assert_true(meter_decode(&r.m, blob, size - 3 * 8));
	assert_int_equal(r.m.unit.kind, METER_NONE);
	count(&r, 10, 5011);
	assert_int_equal(billed(&r), 20000);
	assert_int_equal(r.m.unit.count_ms, 1000);
}

/* Each way to define it otherwise, while the same register is read: no difference is taken across the change. */
static void test_a_meter_that_is_defined_otherwise_begins_anew(void **state)
{
	static const struct meter_def other[] = {
		{ .kind = METER_COUNTER, .counter = { .bits = 32, .count_ms = 100 } },
		{ .kind = METER_COUNTER, .counter = { .bits = 16, .count_ms = 1000 } },
		{ .kind = METER_COUNTER, .counter = { .bits = 32, .modulus = 1000000, .count_ms = 1000 } },
		{ .kind = METER_STATE, .counter = { .bits = 32, .count_ms = 1000 } },
	};

	(void)state;
	for (size_t k = 0; k < 2 * (sizeof(other) / sizeof(other[0])); k++) {
		struct rig r;
		struct meter_def after = other[k / 2];
		uint64_t per_s;

		rig_init(&r, 32, 5000);
		after.has_state = true;
		after.poll_ms = r.def.poll_ms;
		after.rate_ppm = r.def.rate_ppm;
		count(&r, 10, 5001);
		r.def = after;
		if (k % 2) /* or on a reload */
			restart(&r);
		read_after(&r, LT_HOUR, 5500); /* as far as an hour may have counted */
		for (int i = 0; i < 3 && r.v.class == METER_SUSPECT; i++)
			read_after(&r, 1000, 5500);
		assert_int_equal(r.v.class, METER_SWAP);
		assert_true(r.v.redefined && r.v.review && r.v.audit);
		assert_int_equal(billed(&r), 10000);
		per_s = 1000 / after.counter.count_ms;
		for (uint64_t i = 1; i <= 10; i++) {
			read_after(&r, 1000, 5500 + i * per_s);
			assert_int_equal(r.v.class, METER_NORMAL);
		}
		assert_int_equal(billed(&r), 20000);
	}
}

/* What is of no weight for the value (how often it is read, what a state meter's profile counts) changes nothing. */
static void test_a_definition_that_means_the_same_goes_on(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 32, 5000);
	count(&r, 10, 5001);
	r.def.counter.modulus = UINT64_C(1) << 32;
	r.def.poll_ms = 2000;
	r.def.rate_ppm = 500;
	read_after(&r, 2000, 5012);
	assert_int_equal(r.v.class, METER_NORMAL);
	assert_int_equal(billed(&r), 12000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_by_two_bills_once), cmocka_unit_test(test_zero_for_a_while_costs_nobody_a_second),
		cmocka_unit_test(test_a_meter_that_restarts_each_day_is_billed_each_day),
		cmocka_unit_test(test_counting_past_the_old_level),
		cmocka_unit_test(test_a_reset_that_passes_its_old_level_is_no_return),
		cmocka_unit_test(test_excess_of_a_false_reset_is_taken_back),
		cmocka_unit_test(test_restart_between_drop_and_return), cmocka_unit_test(test_back_after_a_day_and_an_hour),
		cmocka_unit_test(test_all_ones_of_sixteen_bits_may_be_a_value), cmocka_unit_test(test_fall_during_a_silence),
		cmocka_unit_test(test_levels_within_levels), cmocka_unit_test(test_new_meter_measures_what_was_held),
		cmocka_unit_test(test_each_level_is_held_for_a_day),
		cmocka_unit_test(test_a_drop_below_zero_is_no_return_of_before_the_restart),
		cmocka_unit_test(test_a_flicker_on_a_higher_level_bills_nobody_the_way_up),
		cmocka_unit_test(test_all_ones_are_no_return_however_long_after),
		cmocka_unit_test(test_another_device_ends_the_hold),
		cmocka_unit_test(test_uptime_outweighs_boots_that_never_change),
		cmocka_unit_test(test_restart_within_a_hold_is_no_turn_of_the_counter),
		cmocka_unit_test(test_level_of_before_a_restart_stays_behind),
		cmocka_unit_test(test_a_flicker_long_after_a_restart_and_a_pause_costs_nobody_a_second),
		cmocka_unit_test(test_two_false_levels_after_a_boot), cmocka_unit_test(test_all_ones_and_then_the_truth),
		cmocka_unit_test(test_drop_that_its_counting_hid),
		cmocka_unit_test(test_restart_counts_past_the_level_of_a_hold),
		cmocka_unit_test(test_coarse_counter_comes_back), cmocka_unit_test(test_bytes_of_version_1),
		cmocka_unit_test(test_bytes_of_version_2),
		cmocka_unit_test(test_a_meter_that_is_defined_otherwise_begins_anew),
		cmocka_unit_test(test_a_definition_that_means_the_same_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
