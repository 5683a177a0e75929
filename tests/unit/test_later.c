/*
 * test_later.c - what happens to a charge afterwards: later data lowers it by itself and raises it only through review;
 * the facts of the sealed record stay; estimated time needs two people, has a bound and gives way to measured time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/metering.h"
#include "app/money.h"
#include "app/review.h"
#include "app/session_step.h"
#include "settle_rig.h"

static void run_is(struct world *w, int64_t minutes)
{
	db_run(w->db, "UPDATE usage SET to_at = ?1, measured_ms = ?1 - from_at WHERE id = 1", "i", T0 + minutes * MIN);
	assert_int_equal(0, db_failed(w->db));
}

static int accept(struct world *w, const char *who, int64_t item)
{
	struct review r;

	world_act(w, who);
	return world_end(w, review_accept(&w->act, item, "log book", &r));
}

static int waive(struct world *w, const char *who, int64_t item)
{
	struct review r;

	world_act(w, who);
	return world_end(w, review_waive(&w->act, item, "courtesy", &r));
}

static int estimate(struct world *w, const char *who, int64_t item, int64_t seconds)
{
	struct review r;

	world_act(w, who);
	return world_end(w, review_estimate(&w->act, item, seconds, "log book", &r));
}

static int64_t open_items(struct world *w)
{
	return world_int(w, "SELECT COUNT(*) FROM review WHERE state <> 'done'");
}

/* ---- more and less ---- */

static void less_is_credited_by_itself(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 110 * MIN, true);
	settle(w, 1);
	assert_int_equal(18333, charged(w));
	run_is(w, 100);
	settle(w, 1);
	assert_int_equal(16667, charged(w));
	assert_int_equal(-1666, world_int(w, "SELECT amount_minor FROM charge WHERE kind = 'credit' AND corrects = 1"));
	assert_int_equal(6000, world_int(w, "SELECT SUM(used_s) FROM charge"));
	assert_int_equal(6000, world_int(w, "SELECT SUM(billed_s) FROM charge"));
	settle(w, 1);
	assert_int_equal(2, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(0, open_items(w));
	book_balances(w);
	every_charge_explains_itself(w);
	explains(w, 2, "the correction is the difference of the two totals", "183.33");
}

static void more_needs_a_review(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	settle(w, 1);
	run_is(w, 110);
	settle(w, 1);
	settle(w, 1); /* asked once */
	assert_int_equal(16667, charged(w));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'supplement' "
		"AND total_minor = 18333"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'supplement_proposed' "
		"AND org = 'acme' AND "
		"user = 'alice' AND charge = 1 AND detail = '' AND was_minor = 16667 AND minor = 18333"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM session WHERE outcome = 'charged'"));
	w->now.wall_ms += LT_DAY;
	assert_int_equal(0, accept(w, "mia", 1));
	assert_int_equal(18333, charged(w));
	assert_int_equal(1666, world_int(w, "SELECT amount_minor FROM charge WHERE kind = 'supplement' "
		"AND corrects = 1"));
	assert_int_equal(6600, world_int(w, "SELECT SUM(used_s) FROM charge"));
	settle(w, 1);
	assert_int_equal(2, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(0, open_items(w));
	run_is(w, 100); /* and down again: the difference of totals, not a rounded difference */
	settle(w, 1);
	assert_int_equal(16667, charged(w));
	book_balances(w);
	every_charge_explains_itself(w);
}

/* More data while the item is open: it says the new total, and the org is told of that too. */
static void an_open_item_follows_the_data(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	settle(w, 1);
	run_is(w, 110);
	settle(w, 1);
	run_is(w, 115); /* nobody rated that yet: the item's figure is not what would be posted */
	assert_int_equal(ACT_REFUSED, accept(w, "mia", 1));
	assert_string_equal("changed", w->act.refusal.err.code);
	settle(w, 1);
	assert_int_equal(1, open_items(w));
	assert_int_equal(19167, world_int(w, "SELECT total_minor FROM review"));
	assert_int_equal(2, world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'supplement_proposed'"));
	assert_int_equal(0, accept(w, "mia", 1));
	assert_int_equal(19167, charged(w));
}

static void a_waived_supplement_is_not_asked_again(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	settle(w, 1);
	run_is(w, 110);
	settle(w, 1);
	assert_int_equal(0, waive(w, "mia", 1));
	assert_int_equal(1, open_items(w));
	assert_int_equal(ACT_REFUSED, waive(w, "mia", 1));
	assert_int_equal(0, waive(w, "finn", 1));
	settle(w, 1);
	assert_int_equal(0, open_items(w));
	assert_int_equal(16667, charged(w));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM session WHERE outcome = 'charged'"));
	run_is(w, 119);
	settle(w, 1); /* that is news */
	assert_int_equal(1, open_items(w));
}

static void a_supplement_needs_its_review_in_the_store(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	settle(w, 1);
	run_is(w, 110);
	world_act(w, NULL);
	assert_int_equal(DB_CONSTRAINT, money_supplement(&w->act, 1, INT64_MAX));
	world_end(w, DB_CONSTRAINT);
	assert_int_equal(16667, charged(w));
}

/* What changed around the session after it was sealed changes nothing: only readings do. */
static void the_sealed_facts_stay(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 140 * MIN, true);
	settle(w, 1);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE overrun_s = 1200"));
	world_act(w, NULL);
	add_booking(w, 2, "zoe", "zeta", T0 + 125 * MIN, T0 + 190 * MIN, "completed");
	db_run(w->db, "UPDATE booking SET priced_to = ?1 WHERE id = 1", "i", T0 + 130 * MIN);
	db_run(w->db, "UPDATE session SET checkin_at = ?1 WHERE id = 1", "i", T0 - 30 * MIN);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(0, open_items(w));
}

/* ---- estimated time ---- */

/* 40 minutes measured, then 50 minutes without a reading, then nothing; one item about it. */
static void lost(struct world *w)
{
	struct session s;

	adopt(w, NULL);
	usual(w, T0, T0 + 40 * MIN, true);
	world_act(w, NULL);
	assert_int_equal(0, session_load(&w->act, 1, &s));
	db_run(w->db, "INSERT OR REPLACE INTO counter(name, next) VALUES ('usage', 20)", "");
	assert_int_equal(0, world_end(w, metering_lost_review(&w->act, &s, T0 + 40 * MIN, T0 + 90 * MIN, 0)));
	assert_int_equal(1, open_items(w));
}

static void an_estimate_needs_two(void **state)
{
	struct world *w = *state;

	lost(w);
	assert_int_equal(50 * MIN, world_int(w, "SELECT bound_ms FROM review"));
	assert_int_equal(0, estimate(w, "mia", 1, 1800));
	assert_int_equal(0, charged(w));
	assert_int_equal(ACT_REFUSED, estimate(w, "mia", 1, 1800));
	assert_string_equal("second-person", w->act.refusal.err.code);
	assert_int_equal(ACT_REFUSED, estimate(w, "root", 1, 1200));
	assert_string_equal("other-proposal", w->act.refusal.err.code);
	assert_int_equal(0, estimate(w, "mia", 1, 1500)); /* on second thought */
	assert_int_equal(0, estimate(w, "root", 1, 1500));
	assert_int_equal(0, open_items(w));
	assert_int_equal(6667 + 4167, charged(w));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE used_s = 2400 AND billed_s = 2400 AND "
		"estimated_s = 1500 AND flags = 'estimated'"));
	assert_int_equal(4167, world_int(w, "SELECT amount_minor FROM charge_line WHERE component = 'estimated'"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'estimate_approved' "
		"AND org = 'acme'"));
	book_balances(w);
	every_charge_explains_itself(w);
	explains(w, 1, "two people agreed", "41.67");
}

static void an_estimate_has_a_bound(void **state)
{
	struct world *w = *state;

	lost(w);
	assert_int_equal(ACT_REFUSED, estimate(w, "mia", 1, 3001));
	assert_int_equal(422, w->act.refusal.status);
	assert_non_null(strstr(w->act.refusal.err.text, "at most 3000 s"));
	/* the store holds the bound and the two people by itself */
	world_act(w, NULL);
	assert_int_equal(DB_CONSTRAINT, db_run(w->db, "INSERT INTO usage(id, instrument, "
		"session, from_at, to_at, measured_ms, "
		"estimated_ms, placed, open, reason, raw_from, raw_to) SELECT 80, instrument, session, from_at, "
			"to_at, 0, 600000, 0, 0, "
		"'approved', 0, 0 FROM review", ""));
	world_end(w, DB_CONSTRAINT);
	world_act(w, NULL);
	assert_int_equal(DB_CONSTRAINT, db_run(w->db, "UPDATE review SET state = 'done', decision = 'charge "
		"600 s as estimated', "
		"decided_by = 'mia'", ""));
	world_end(w, DB_CONSTRAINT);
	assert_int_equal(0, estimate(w, "mia", 1, 3000));
	assert_int_equal(0, estimate(w, "root", 1, 3000));
	assert_int_equal(15000, charged(w));
}

/* The gap outlasts the booking, and a part of it was measured. */
static void the_bound_is_the_booked_rest(void **state)
{
	struct world *w = *state;
	struct session s;

	adopt(w, NULL);
	usual(w, T0, T0 + 40 * MIN, true);
	world_act(w, NULL);
	assert_int_equal(0, session_load(&w->act, 1, &s));
	assert_int_equal(0, metering_lost_review(&w->act, &s, T0 + 90 * MIN, T0 + 150 * MIN, 10 * MIN));
	assert_int_equal(20 * MIN, world_int(w, "SELECT bound_ms FROM review"));
	assert_int_equal(0, metering_lost_review(&w->act, &s, T0 + 50 * MIN, T0 + 60 * MIN, 0)); /* another gap of it */
	assert_int_equal(0, world_end(w, 0));
	assert_int_equal(30 * MIN, world_int(w, "SELECT bound_ms FROM review"));
	assert_int_equal(1, open_items(w));
}

static void the_default_charges_nothing(void **state)
{
	struct world *w = *state;

	lost(w);
	assert_int_equal(0, estimate(w, "mia", 1, 1500));
	assert_int_equal(0, accept(w, "root", 1));
	assert_int_equal(6667, charged(w));
	assert_int_equal(0, world_int(w, "SELECT estimated_s FROM charge"));
}

/* The counter came back after all: what it shows of the gap takes the estimate's place. */
static void measured_time_supersedes(void **state)
{
	struct world *w = *state;

	lost(w);
	assert_int_equal(0, estimate(w, "mia", 1, 1500));
	assert_int_equal(0, estimate(w, "root", 1, 1500));
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO usage(id, instrument, session, from_at, to_at, measured_ms, placed, "
		"open, reason, raw_from, raw_to) "
		"VALUES (90, 'krios-1', 1, ?1, ?2, 1200000, 0, 0, 'gap', 0, 0)", "ii", T0 + 40 * MIN, T0 + 90 * MIN);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(10000, charged(w));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'credit' AND used_s = 1200"));
	book_balances(w);
	every_charge_explains_itself(w);
}

static void only_a_gap_is_estimated(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 40 * MIN, true);
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, review_open(&w->act, "ambiguous", "krios-1", 1, "acme", "turns")));
	assert_int_equal(ACT_REFUSED, estimate(w, "mia", 1, 60));
	assert_string_equal("not-a-gap", w->act.refusal.err.code);
}

/* ---- two people, whoever writes ---- */

static void the_store_wants_two(void **state)
{
	static const char *const alone[] = {
		"UPDATE review SET state = 'done', decision = 'waive', decided_by = 'mia'",
		"UPDATE review SET state = 'done', decision = 'attribute to zoe of zeta', org = 'zeta', "
			"decided_by = 'mia'",
		"UPDATE review SET proposed_by = 'mia', decided_by = 'mia'",
		"UPDATE session SET outcome = 'waived'",
		"DELETE FROM review",
		"INSERT OR REPLACE INTO review(id, kind, instrument, state, detail, opened_at) VALUES "
			"(1, 'x', 'krios-1', 'open', '', 0)",
		"INSERT INTO review(id, kind, instrument, state, detail, opened_at, decided_by) VALUES (2, 'x', "
			"'krios-1', 'done', '', 0, 'mia')",
	};
	struct world *w = *state;

	lost(w);
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		world_act(w, NULL);
		int rc = db_run(w->db, alone[i], "");

		if (rc >= 0)
			fail_msg("the store took (%d): %s", rc, alone[i]);
		world_end(w, DB_CONSTRAINT);
	}
	assert_int_equal(0, waive(w, "mia", 1));
	assert_int_equal(0, waive(w, "root", 1));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM session WHERE outcome = 'waived'"));
}

static int setup(void **state) { *state = world_new(); return 0; }
static int teardown(void **state) { world_free(*state); return 0; }

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(less_is_credited_by_itself), CASE(more_needs_a_review), CASE(an_open_item_follows_the_data),
		CASE(a_waived_supplement_is_not_asked_again), CASE(a_supplement_needs_its_review_in_the_store),
		CASE(the_sealed_facts_stay), CASE(an_estimate_needs_two), CASE(an_estimate_has_a_bound),
		CASE(the_bound_is_the_booked_rest), CASE(the_default_charges_nothing), CASE(measured_time_supersedes),
		CASE(only_a_gap_is_estimated), CASE(the_store_wants_two),
	};

	return cmocka_run_group_tests_name("later", tests, NULL, NULL);
}
