/*
 * test_explain.c - a charge's explanation goes from readings to cents for each kind of line: grace, overrun into the
 * next booking, step, minimum, idle, walk-up, usage policies, two price lists, fees with their tier.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "app/booking.h"
#include "app/money.h"
#include "app/review.h"
#include "settle_rig.h"

static void overrun_price(struct price *p)
{
	p->overrun_pm = 1500;
	p->into_next_pm = 2000;
}

/* Two hours booked, run for 140 minutes; the next booking begins 130 minutes after the start; 5 min of grace. */
static void grace_and_overrun(void **state)
{
	struct world *w = *state;

	w->instruments[0].policy.grace_ms = 5 * MIN;
	overrun_price(&w->instruments[0].price);
	world_act(w, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, terms_adopt(&w->act, &w->instruments[i]));
	assert_int_equal(0, world_end(w, 0));
	usual(w, T0, T0 + 140 * MIN, true);
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO reading(id, instrument, at, boot_ms, raw, ext_ms, running, class, cause) VALUES "
		"(7, 'krios-1', ?1, 0, 1000, 1000000, 1, 'NORMAL', 'edge'), (8, 'krios-1', ?2, 0, 9400, 9400000, 0, 'NORMAL', 'edge')",
		"ii", T0, T0 + 140 * MIN);
	add_booking(w, 2, "zoe", "zeta", T0 + 130 * MIN, T0 + 190 * MIN, "completed");
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(20000 + 0 + 1250 + 3333, charged(w));
	explains(w, 1, "reading 7 at the start", "1000");
	explains(w, 1, "reading 8 at the end", "9400");
	explains(w, 1, "run from 2026-12-01T09:00:00+08:00 to 2026-12-01T11:20:00+08:00", "8400.000 s");
	explains(w, 1, "floored once", "8400 s");
	explains(w, 1, "booked from 2026-12-01T09:00:00+08:00", "7200.000 s");
	explains(w, 1, "overrun is counted from here", "2026-12-01T11:00:00+08:00");
	explains(w, 1, "grace: free from there on", "300.000 s");
	explains(w, 1, "the next booking begins", "2026-12-01T11:10:00+08:00");
	explains(w, 1, "time: 7200 s x 100.00/h x 1.000 / 3600", "200.00");
	explains(w, 1, "grace: 300 s x 100.00/h x 0.000 / 3600", "0.00");
	explains(w, 1, "overrun: 300 s x 100.00/h x 1.500 / 3600", "12.50");
	explains(w, 1, "overrun_into_next: 600 s x 100.00/h x 2.000 / 3600", "33.33");
	explains(w, 1, "sum of the lines", "245.83");
	explains(w, 1, "SHA-256 of the record equals", NULL);
	every_charge_explains_itself(w);
}

static void rich_price(struct price *p)
{
	p->step_ms = 360000;
	p->idle_rate_minor = 4000;
	p->idle_after_ms = 4 * MIN;
	p->change = CHANGE_SPLIT;
}

static void step_idle_and_two_lists(void **state)
{
	struct world *w = *state;

	adopt(w, rich_price);
	usual(w, T0, T0 + 100 * MIN, true);
	world_act(w, NULL);
	add_run(w, 2, 1, T0 + 110 * MIN, T0 + 115 * MIN);
	db_run(w->db, "INSERT INTO outage(id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'fault', ?1, ?2)", "ii",
		T0 + 106 * MIN, T0 + 107 * MIN);
	db_run(w->db, "INSERT INTO price_version(instrument, version, effective_at, text, source, created_at) SELECT instrument, 2, "
		"?1, replace(text, '100.00', '120.00'), 'finn', 0 FROM price_version WHERE instrument = 'krios-1'", "i", T0 + LT_HOUR);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	/* 3600 s at 100; 2400 + 300 and 240 of the idle spell at 120, padded from 6540 to 6840; 300 s idle at 40 */
	assert_int_equal(10000 + 10800 + 333, charged(w));
	explains(w, 1, "price list in force from 2026-12-01T10:00:00+08:00", "version 2");
	explains(w, 1, "its step, minimum and usage hold", "version 1");
	explains(w, 1, "idle: from check-in to the first run", "300 s");
	explains(w, 1, "of each idle spell count as use", "240.000 s");
	explains(w, 1, "from 2026-12-01T10:46:00+08:00 to 2026-12-01T10:47:00+08:00 the instrument could not be used", "60.000 s");
	explains(w, 1, "to fill the billing step of 360 s", "300 s");
	explains(w, 1, "billed, without grace", "6840 s");
	explains(w, 1, "time: 3600 s x 100.00/h", "100.00");
	explains(w, 1, "time: 3240 s x 120.00/h x 1.000 / 3600, rounded half away from zero; the step's padding", "108.00");
	explains(w, 1, "idle: 300 s x 40.00/h", "3.33");
	every_charge_explains_itself(w);
}

static void greedy_price(struct price *p)
{
	p->usage = USAGE_MAX;
	p->minimum_minor = 12000;
	p->step_ms = 60000;
}

/* Two hours booked and run, half an hour of it at fault, and ten minutes more: booked time, step and minimum ask for
 * what was usable. */
static void faults_cost_nothing(void **state)
{
	struct world *w = *state;

	adopt(w, greedy_price);
	usual(w, T0, T0 + 70 * MIN, true);
	world_act(w, NULL);
	add_run(w, 2, 1, T0 + 70 * MIN, T0 + 100 * MIN);
	db_run(w->db, "UPDATE usage SET fault = 1 WHERE id = 2", "");
	db_run(w->db, "INSERT INTO outage(id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'fault', ?1, ?2), "
		"(2, 'krios-1', 'down', ?2 - 1, ?2), (3, 'krios-1', 'fault', ?2 + 600000, NULL)", "ii", T0 + 70 * MIN, T0 + 100 * MIN);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	/* booked 120 min less 30 and the last 10 at fault: 80 min; 70 were used, 10 are filled up */
	assert_int_equal(13334, charged(w));
	explains(w, 1, "not charged", "1800.000 s");
	explains(w, 1, "floored once", "6000 s");
	explains(w, 1, "from 2026-12-01T10:10:00+08:00 to 2026-12-01T10:40:00+08:00 the instrument could not be used", "1800.000 s");
	explains(w, 1, "from 2026-12-01T10:50:00+08:00 to", "600.000 s");
	explains(w, 1, "time: 4200 s x 100.00/h", "116.67");
	explains(w, 1, "fault: 1800 s x 100.00/h x 0.000 / 3600, rounded half away from zero; metered with", "0.00");
	explains(w, 1, "booked_fill: 600 s", "16.67");
	every_charge_explains_itself(w);
}

/* A run that was at fault all along costs nothing: no booked time, no step, no minimum. */
static void all_at_fault(void **state)
{
	struct world *w = *state;

	adopt(w, greedy_price);
	usual(w, T0, T0 + 70 * MIN + 300, true);
	world_act(w, NULL);
	db_run(w->db, "UPDATE usage SET fault = 1", "");
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(0, charged(w));
	explains(w, 1, "fault: 4200 s", "0.00");
	every_charge_explains_itself(w);
}

static void walk_up_price(struct price *p)
{
	p->walk_up_pm = 1250;
	p->minimum_minor = 2500;
}

static void walk_up_and_minimum(void **state)
{
	struct world *w = *state;

	adopt(w, walk_up_price);
	usual(w, T0, T0 + 4 * MIN, true);
	db_run(w->db, "UPDATE session SET booking = NULL", "");
	settle(w, 1);
	assert_int_equal(2500, charged(w));
	explains(w, 1, "no booking: all of it is a walk-up", "walk_up");
	explains(w, 1, "walk_up: 240 s x 100.00/h x 1.250 / 3600, rounded half away from zero; the factor is that of a walk-up", "8.33");
	explains(w, 1, "minimum: what the lines before lack to the least charge of a session, 25.00", "16.67");
	every_charge_explains_itself(w);
}

static void fill_price(struct price *p)
{
	p->usage = USAGE_MAX;
}

static void booked_fill(void **state)
{
	struct world *w = *state;

	adopt(w, fill_price);
	usual(w, T0, T0 + 80 * MIN, true);
	settle(w, 1);
	assert_int_equal(20000, charged(w));
	explains(w, 1, "usage policy; what it adds is booked_fill", "max: at least the booked time");
	explains(w, 1, "booked_fill: 2400 s x 100.00/h", "66.67");
	every_charge_explains_itself(w);
}

static void fee_price(struct price *p)
{
	p->no_show_bp = 5000;
	p->n_tiers = 3;
	p->tiers[0] = (struct tier){ 48 * LT_HOUR, 0 };
	p->tiers[1] = (struct tier){ 24 * LT_HOUR, 2500 };
	p->tiers[2] = (struct tier){ 0, 5000 };
}

static void fees_and_their_tier(void **state)
{
	struct world *w = *state;
	struct booking b;

	adopt(w, fee_price);
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0 + 2 * LT_DAY, T0 + 2 * LT_DAY + 2 * LT_HOUR, "cancelled");
	add_booking(w, 2, "bob", "acme", T0, T0 + 2 * LT_HOUR, "no_show");
	assert_int_equal(0, booking_load(&w->act, 1, &b));
	assert_int_equal(0, money_fee(&w->act, &b, "late_cancel", NULL, T0 + 90 * MIN + 18 * LT_HOUR, NULL));
	assert_int_equal(0, booking_load(&w->act, 2, &b));
	assert_int_equal(0, money_fee(&w->act, &b, "no_show", NULL, T0 + 30 * MIN, NULL));
	assert_int_equal(0, world_end(w, 0));
	assert_int_equal(5000 + 10000, charged(w));
	explains(w, 1, "price of the booked interval", "200.00");
	explains(w, 1, "from the cancellation to the booked start", "28h30m");
	explains(w, 1, "the tier \"at least 24h ahead\"", "25.00 %");
	explains(w, 1, "late_cancel fee by the price version", "25.00 %");
	explains(w, 1, "late_cancel: the fee", "50.00");
	explains(w, 2, "the booking was not used", "no_show");
	explains(w, 2, "no_show fee by the price version", "50.00 %");
	every_charge_explains_itself(w);
}

static int setup(void **state) { *state = world_new(); return 0; }
static int teardown(void **state) { world_free(*state); return 0; }

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(grace_and_overrun), CASE(step_idle_and_two_lists), CASE(walk_up_and_minimum), CASE(booked_fill),
		CASE(fees_and_their_tier), CASE(faults_cost_nothing), CASE(all_at_fault),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
