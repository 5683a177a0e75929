/*
 * test_held.c - customers who come while the hour meter stands on a level that nobody knows: what a manager sees, may
 * decide and has decided for whom, and what is charged when it is known. Virtual time.
 */
#include "sessions_rig.h"

#include "app/tally.h"
#include "store/meter.h"

#define DAY (24 * LT_HOUR)

static int do_new_meter(struct act *a, void *arg)
{
	struct review r;

	return review_new_meter(a, ((struct by_id *)arg)->id, "the counter was replaced", &r);
}

/* A visit of an hour at most: so many minutes of it run. */
static int64_t visit(const char *user, int64_t from, int64_t run_ms)
{
	int64_t b = book(user, "krios-1", from, from + LT_HOUR);

	run_until(from);
	must(user, do_checkin, b);
	d.of[0].on = true;
	run(run_ms);
	d.of[0].on = false;
	run(MIN(1));
	must(user, do_checkout, b);
	return b;
}

/* alice runs ten minutes, then the register is set to another value, and nine minutes more. */
static int64_t alice_loses_the_level(void)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].base += 90000;
	run(MIN(9));
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	return b;
}

static int64_t billed(int64_t b)
{
	return db_one_int(w->db, -1, "SELECT SUM(used_s) FROM charge WHERE booking = ?1", "i", b);
}

static int64_t item_of(int64_t booking)
{
	return db_one_int(w->db, 0, "SELECT r.id FROM review r JOIN session s ON s.id = r.session WHERE r.kind = 'meter_manual' "
		"AND r.state <> 'done' AND s.booking = ?1", "i", booking);
}

static int64_t meters_item(void)
{
	return db_one_int(w->db, 0, "SELECT id FROM review WHERE kind = 'meter_manual' AND state <> 'done' AND session IS NULL AND "
		"instrument = ?1", "t", "krios-1");
}

static void waits(int64_t booking)
{
	struct session s = of_booking(booking);

	assert_int_equal(billed(booking), -1);
	assert_int_not_equal(item_of(booking), 0);
	assert_int_equal(s.outcome, OUTCOME_REVIEW);
	assert_string_equal(s.review_reason, "meter_manual");
}

static int64_t usage_row(const char *key, int64_t *ret_all)
{
	struct tally_want want = { .by = TALLY_INSTRUMENT, .by_service = true, .rest = true, .instrument = "krios-1",
		.from = WORLD_NOW, .to = H(1000) };
	struct tally *t = tally_new(world_read(w, NULL), &want);
	const struct tally_sum *sums, *rest;
	int64_t row = 0;
	int rc, n;

	while ((rc = tally_step(t, w->db)) > 0)
		;
	assert_int_equal(rc, 0);
	sums = tally_sums(t, &n);
	*ret_all = n ? sums[0].used_s : 0;
	rest = tally_rest(t, &n);
	for (int k = 0; k < n; k++) {
		*ret_all += rest[k].used_s;
		row += strcmp(rest[k].key, key) == 0 ? rest[k].used_s : 0;
	}
	tally_free(t);
	return row;
}

/* What usage shows of the instrument is what ran, whatever is held of it. */
static void adds_up(int64_t held_ms, int64_t by)
{
	int64_t all;

	ABOUT(usage_row("held", &all), held_ms / 1000, by);
	ABOUT(all, d.of[0].run_ms / 1000, by);
}

struct estimate { int64_t id, seconds; };

static int do_estimate(struct act *a, void *arg)
{
	struct review r;

	return review_estimate(a, ((struct estimate *)arg)->id, ((struct estimate *)arg)->seconds, "by the log book", &r);
}

/* While the level is not known, the controller is silent for four minutes of a customer's run. The counter did count,
 * and what it counted is held: nobody may charge an estimate beside it. */
static void test_no_second_is_held_and_estimated(void **state)
{
	struct estimate e = { .seconds = 60 };
	int64_t b;

	(void)state;
	alice_loses_the_level();
	run_until(H(2));
	b = book("bob", "krios-1", H(2), H(3));
	must("bob", do_checkin, b);
	d.of[0].on = true;
	run(MIN(5));
	d.of[0].silent = true;
	run(MIN(4));
	d.of[0].silent = false;
	run(MIN(5));
	d.of[0].on = false;
	run(MIN(1));
	must("bob", do_checkout, b);
	assert_int_equal(billed(b), -1);
	assert_int_not_equal(item_of(b), 0); /* its own, beside that of the gap */
	assert_int_equal(reviews("meter_disagrees"), 0);
	e.id = world_int(w, "SELECT MAX(id) FROM review WHERE kind = 'meter_lost'");
	assert_int_not_equal(e.id, 0);
	assert_int_equal(devices_act(&d, "mia", do_estimate, &e), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "time-held");
	must("mia", do_new_meter, item_of(b));
	must("mia", do_accept, e.id);
	ABOUT(billed(b), 14 * 60, 6);
	adds_up(0, 26); /* the poll in which the level changed */
}

/* A manager accepts the first item. Whoever comes next is neither charged nothing nor forgotten. */
static void test_after_accepting_an_item_the_next_customers_are_charged_what_they_ran(void **state)
{
	int64_t a = alice_loses_the_level(), z, b;

	(void)state;
	waits(a);
	must("mia", do_accept, item_of(a));
	ABOUT(billed(a), 600, 6);
	assert_int_not_equal(meters_item(), 0); /* somebody can still say "new meter" */
	z = visit("zoe", H(2), MIN(15));
	b = visit("bob", H(3), MIN(43));
	waits(z);
	waits(b);
	assert_int_equal(of_booking(z).measured_ms, 0);
	adds_up(MIN(9) + MIN(15) + MIN(43), 25);
	must("mia", do_new_meter, meters_item());
	assert_int_equal(reviews("meter_manual"), 0);
	ABOUT(billed(z), 15 * 60, 6);
	ABOUT(billed(b), 43 * 60, 6);
	ABOUT(billed(a), 600, 6);
	assert_int_equal(reviews("supplement"), 1); /* alice's nine minutes: a person decides */
	adds_up(0, 25);
}

/* Any of the items will do. */
static void test_new_meter_on_one_item_decides_all(void **state)
{
	int64_t a = alice_loses_the_level(), z = visit("zoe", H(2), MIN(15)), b = visit("bob", H(3), MIN(5));

	(void)state;
	must("mia", do_new_meter, item_of(z));
	ABOUT(billed(a), 19 * 60, 25);
	ABOUT(billed(z), 15 * 60, 6);
	ABOUT(billed(b), 5 * 60, 6);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE state <> 'done'"), 0);
	assert_int_equal(act("mia", do_new_meter, item_of(z)), ACT_REFUSED);
}

/* Nobody decides; the policy would have sessions settle after five minutes. */
static void test_after_a_day_what_was_held_is_charged(void **state)
{
	int64_t a, z, b;

	(void)state;
	w->instruments[0].policy.settle_ms = MIN(5);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
	a = alice_loses_the_level();
	must("mia", do_accept, item_of(a));
	z = visit("zoe", H(2), MIN(15));
	b = visit("bob", H(3), MIN(43));
	run_until(H(1) + DAY);
	waits(z);
	waits(b);
	run(LT_HOUR);
	ABOUT(billed(z), 15 * 60, 6);
	ABOUT(billed(b), 43 * 60, 6);
	assert_int_equal(reviews("supplement"), 1);
	assert_int_equal(item_of(z) + item_of(b), 0);
	adds_up(0, 25);
	must("mia", do_accept, meters_item()); /* it is left for a person to see */
	assert_int_equal(reviews("meter_manual"), 0);
}

static void test_a_register_that_comes_back_charges_who_waited(void **state)
{
	int64_t a = alice_loses_the_level(), z;

	(void)state;
	must("mia", do_accept, item_of(a));
	z = visit("zoe", H(2), MIN(15));
	d.of[0].base -= 90000;
	run(MIN(5));
	ABOUT(billed(z), 15 * 60, 6);
	assert_int_equal(reviews("meter_manual"), 0);
	adds_up(0, 25);
}

/* The register flickers on its new level: what began before the flicker is as unknown as it was. */
static void test_a_flicker_while_time_is_held_decides_nothing_for_who_waits(void **state)
{
	int64_t a = alice_loses_the_level(), z, b;

	(void)state;
	must("mia", do_accept, item_of(a));
	z = visit("zoe", H(2), MIN(15));
	b = visit("bob", H(3), 0);
	for (int twice = 0; twice < 2; twice++) {
		d.of[0].stuck = true;
		d.of[0].stuck_raw = 7;
		run(MIN(2));
		d.of[0].stuck = false;
		run(MIN(5));
		waits(z);
		waits(b);
	}
	must("mia", do_new_meter, meters_item());
	ABOUT(billed(z), 15 * 60, 6);
	assert_int_equal(reviews("meter_manual"), 0);
}

/* The meter's own item has nothing to accept or to waive: its time is somebody's. */
static void test_what_the_meter_holds_cannot_be_accepted_away(void **state)
{
	int64_t a = alice_loses_the_level(), item;

	(void)state;
	must("mia", do_accept, item_of(a));
	item = meters_item();
	assert_int_equal(act("mia", do_accept, item), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "still-held");
	assert_int_equal(act("mia", do_waive, item), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "still-held");
	run(LT_HOUR);
	assert_int_equal(meters_item(), item);
	must("mia", do_new_meter, item);
}

/* Waived with their session, items leave the meter's to be decided as well. */
static void test_waiving_a_session_leaves_the_meter_to_be_decided(void **state)
{
	int64_t a = alice_loses_the_level(), item = item_of(a), z;

	(void)state;
	must("mia", do_waive, item);
	must("root", do_waive, item);
	assert_int_not_equal(meters_item(), 0);
	z = visit("zoe", H(2), MIN(15));
	must("mia", do_new_meter, meters_item());
	ABOUT(billed(z), 15 * 60, 6);
	assert_int_equal(billed(a), -1);
}

/* A run of nobody's while the level is unknown, found to be bob's. */
static void test_a_run_that_is_attributed_while_time_is_held_waits_as_well(void **state)
{
	int64_t s, item;

	(void)state;
	alice_loses_the_level();
	run_until(H(4));
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run(MIN(10));
	s = latest().id;
	assert_int_equal(by_id(s).kind, SESSION_UNATTRIBUTED);
	item = db_one_int(w->db, 0, "SELECT id FROM review WHERE kind = 'unattributed' AND session = ?1", "i", s);
	{
		struct by_id x = { .id = item, .org = "acme", .user = "bob" };

		assert_int_equal(devices_act(&d, "mia", do_attribute, &x), 0);
		assert_int_equal(devices_act(&d, "root", do_attribute, &x), 0);
	}
	run(8 * LT_HOUR);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
	must("mia", do_new_meter, db_one_int(w->db, 0, "SELECT id FROM review WHERE kind = 'meter_manual' AND state <> 'done'",
		""));
	run(8 * DAY);
	ABOUT(db_one_int(w->db, -1, "SELECT used_s FROM charge WHERE session = ?1", "i", s), 20 * 60, 6);
}

/* More than a few customers in the day. */
static void test_twenty_customers_in_a_day_are_all_charged_when_it_is_over(void **state)
{
	int64_t b[20], first = alice_loses_the_level();

	(void)state;
	must("mia", do_accept, item_of(first));
	for (int k = 0; k < 20; k++)
		b[k] = visit(k % 2 ? "zoe" : "bob", H(2 + k), MIN(5));
	run_until(H(3) + DAY);
	for (int k = 0; k < 20; k++)
		ABOUT(billed(b[k]), 300, 6);
	assert_int_equal(reviews("supplement"), 1);
	adds_up(0, 60);
}

/* What was held for a day is left to be seen; meanwhile the register is lost once more. */
static void test_a_level_lost_again_is_decidable_though_the_last_is_not_seen_yet(void **state)
{
	int64_t a = alice_loses_the_level(), seen, next;

	(void)state;
	must("mia", do_accept, item_of(a));
	run_until(H(2) + DAY);
	seen = meters_item();
	assert_int_not_equal(seen, 0);
	d.of[0].base += 90000;
	run(MIN(5));
	assert_int_equal(reviews("meter_manual"), 2);
	next = db_one_int(w->db, 0, "SELECT id FROM review WHERE kind = 'meter_manual' AND state <> 'done' AND id > ?1", "i", seen);
	must("mia", do_accept, seen);
	must("mia", do_new_meter, next);
	assert_int_equal(reviews("meter_manual"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_level_lost_again_is_decidable_though_the_last_is_not_seen_yet),
		T(test_no_second_is_held_and_estimated),
		T(test_after_accepting_an_item_the_next_customers_are_charged_what_they_ran),
		T(test_new_meter_on_one_item_decides_all), T(test_after_a_day_what_was_held_is_charged),
		T(test_a_flicker_while_time_is_held_decides_nothing_for_who_waits),
		T(test_a_register_that_comes_back_charges_who_waited), T(test_what_the_meter_holds_cannot_be_accepted_away),
		T(test_waiving_a_session_leaves_the_meter_to_be_decided),
		T(test_a_run_that_is_attributed_while_time_is_held_waits_as_well),
		T(test_twenty_customers_in_a_day_are_all_charged_when_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
