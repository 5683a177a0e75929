/*
 * test_price_usable.c - what could not be used is not paid: the booked time, the least charge and the idle time that a
 * price asks for leave out every kind of minute in which the instrument could not be used, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "settle_rig.h"

/* Twenty minutes of the second hour, from ?1 to ?2. */
static const struct { const char *name, *sql; bool usable; } hindrances[] = {
	{ "nothing", "SELECT ?1, ?2", true },
	{ "fault", "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'fault', ?1, ?2)", false },
	{ "down", "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'down', ?1, ?2)", false },
	{ "locked", "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'locked', ?1, ?2)", false },
	{ "out of service", "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'service', ?1, ?2)",
		false },
	{ "a jump of the clock", "INSERT INTO clock_step (id, boot_id, boot_ms, wall_ms, step_ms, jump, from_at, to_at) VALUES (1, 'b', 1, ?2, ?2 - ?1, 1, ?1, ?2)",
		false },
	{ "a block", "INSERT INTO block (id, instrument, from_at, to_at, reason, actor, state, created_at) VALUES (1, 'krios-1', ?1, "
		"?2, 'pump', 'mia', 'planned', 0)", false },
	{ "a block that was removed", "INSERT INTO block (id, instrument, from_at, to_at, reason, actor, state, created_at) VALUES (1, "
		"'krios-1', ?1, ?2, 'pump', 'mia', 'removed', 0)", true },
	{ "an outage of another instrument", "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'seq-1', 'down', "
		"?1, ?2)", true },
};

static void booked_time_price(struct price *p)
{
	p->usage = USAGE_MAX;
}

static void least_charge_price(struct price *p)
{
	p->minimum_minor = 24000;
}

static void idle_price(struct price *p)
{
	p->idle_rate_minor = 6000;
}

/* Two hours booked at 100.00: a run in the first half hour, another in the last ten minutes. */
static const struct { const char *name; void (*price)(struct price *p); int64_t whole, less; } asked[] = {
	{ "booked time", booked_time_price, 20000, 16667 },
	{ "least charge", least_charge_price, 24000, 20000 },
	{ "idle time", idle_price, 6667 + 8000, 6667 + 6000 },
};

static int64_t price_of(size_t k, size_t i)
{
	struct world *w = world_new();
	int64_t due;

	adopt(w, asked[k].price);
	usual(w, T0, T0 + 30 * MIN, true);
	world_act(w, NULL);
	db_run(w->db, "UPDATE session SET checkin_at = opened_at", "");
	add_run(w, 2, 1, T0 + 110 * MIN, T0 + 120 * MIN);
	assert_true(db_run(w->db, hindrances[i].sql, "ii", T0 + 70 * MIN, T0 + 90 * MIN) >= 0);
	/* it was open when the clock jumped */
	assert_true(db_run(w->db, "UPDATE session SET until_step = (SELECT COUNT(*) FROM clock_step)", "") >= 0);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	due = charged(w);
	every_charge_explains_itself(w);
	world_free(w);
	return due;
}

static void what_could_not_be_used_is_not_paid(void **state)
{
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++)
		for (size_t i = 0; i < sizeof(hindrances) / sizeof(hindrances[0]); i++) {
			int64_t due = price_of(k, i), want = hindrances[i].usable ? asked[k].whole : asked[k].less;

			if (due != want)
				fail_msg("%s with %s: %lld, not %lld", asked[k].name, hindrances[i].name, (long long)due, (long long)want);
		}
}

/* Zoe's session ran over into the first twenty minutes; what is asked for of the booking is the rest. */
static void what_another_held_is_not_paid(void **state)
{
	static const int64_t due[] = { 16667, 20000, 5000 };

	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		struct world *w = world_new();

		adopt(w, asked[k].price);
		usual(w, T0 + 20 * MIN, T0 + 50 * MIN, true);
		world_act(w, NULL);
		db_run(w->db, "UPDATE session SET checkin_at = ?1 WHERE id = 1", "i", T0 + 5 * MIN);
		db_run(w->db, "INSERT INTO session (id, instrument, org, user, kind, state, outcome, opened_at, opened_cause, closed_at, "
			"close_cause, end_reading) VALUES (2, 'krios-1', 'zeta', 'zoe', 'booked', 'charged', 'charged', ?1, 'user', ?2, "
			"'user', 1)", "ii", T0 - 60 * MIN, T0 + 20 * MIN);
		assert_int_equal(0, world_end(w, 0));
		settle(w, 1);
		assert_int_equal(charged(w), due[k]);
		world_free(w);
	}
}

/* Two that overlap leave out what they cover together, once. */
static void what_overlaps_is_left_out_once(void **state)
{
	struct world *w = world_new();

	adopt(w, booked_time_price);
	usual(w, T0, T0 + 30 * MIN, true);
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'down', ?1, ?2), (2, "
		"'krios-1', 'service', ?1 + 600000, ?2 + 600000)", "ii", T0 + 70 * MIN, T0 + 90 * MIN);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(charged(w), 15000);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_not_be_used_is_not_paid), cmocka_unit_test(what_another_held_is_not_paid),
		cmocka_unit_test(what_overlaps_is_left_out_once),
	};

	return cmocka_run_group_tests_name("price of usable time", tests, NULL, NULL);
}
