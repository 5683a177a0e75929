/*
 * test_given_up.c - R23: a part of a booking that is given up while the instrument is down costs its share of a
 * cancellation only where the instrument can be used at the start that the booking had.
 */
#include "use_rig.h"

#define FEES "SELECT COALESCE(SUM(amount_minor), 0) FROM charge WHERE kind = 'fee'"

static void change(int64_t id, int64_t from, int64_t to)
{
	struct booking_patch p = { .has_from = true, .from = from, .has_to = true, .to = to };
	struct booking b;

	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), id, 0, &p, &b)), 0);
	assert_int_equal(b.fee_minor, 0);
}

/* Booked from 4 to 8; the controller does not answer any more from 1 on. */
static int64_t booked_and_down(void)
{
	struct booking b;

	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	run_to(H(1));
	link_up(false);
	run_to(H(2));
	return b.id;
}

static void shortened_while_down_and_it_works_at_the_start(void **state)
{
	int64_t id = booked_and_down();

	change(id, H(4), H(6));
	run_to(H(3));
	link_up(true);
	run_to(H(4) - MIN(1));
	assert_int_equal(world_int(w, FEES), 0);
	run_to(H(4) + MIN(1));
	assert_int_equal(world_int(w, FEES), 5000);      /* two hours of 100.00, a quarter of it */
	assert_int_equal(now_is(id).fee_minor, 5000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'late_cancel'"), 1);
	run_to(H(4) + MIN(20));
	assert_int_equal(world_int(w, FEES), 5000);
}

static void shortened_while_down_and_it_is_down_at_the_start(void **state)
{
	int64_t id = booked_and_down();

	change(id, H(4), H(6));
	run_to(H(4) + MIN(1));
	link_up(true);
	run_to(H(9));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge_line WHERE component = 'late_cancel'"), 0);
}

/* Each part is decided by itself: cut twice. */
static void shortened_twice_while_down(void **state)
{
	int64_t id = booked_and_down(), later;
	struct booking b;

	change(id, H(4), H(7));
	run_to(H(2) + MIN(5));
	change(id, H(4), H(6));
	b = now_is(id);
	assert_int_equal(booking_fee_later(world_read(w, NULL), &b, &later), 0);
	assert_int_equal(later, 5000);
	run_to(H(3));
	link_up(true);
	run_to(H(4) + MIN(1));
	assert_int_equal(booking_fee_later(world_read(w, NULL), &b, &later), 0);
	assert_int_equal(later, 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'fee'"), 2);
	assert_int_equal(world_int(w, FEES), 5000);
	assert_int_equal(now_is(id).fee_minor, 5000);
}

/* Moved away to later hours: the old start decides, by the prices that the old time had. */
static void moved_while_down_pays_by_the_terms_of_before(void **state)
{
	int64_t id = booked_and_down();

	assert_true(db_run(w->db, "INSERT INTO price_version (instrument, version, effective_at, text, source, created_at) SELECT "
		"instrument, 2, ?1, replace(text, '100.00', '200.00'), 'finn', 0 FROM price_version WHERE instrument = 'krios-1'",
		"i", w->now.wall_ms - 1) >= 0);
	change(id, H(24), H(26));
	run_to(H(3));
	link_up(true);
	run_to(H(4) + MIN(1));
	assert_int_equal(world_int(w, FEES), 10000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge_line WHERE rate_minor = 10000"), 1);
	assert_int_equal(now_is(id).booked_from, H(24));
}

/* The clock was set back to before the booking was made: the terms of before the move are still the first ones. */
static void moved_after_the_clock_was_set_back(void **state)
{
	int64_t id = booked_and_down();

	world_act(w, NULL);
	db_run(w->db, "INSERT INTO price_version (instrument, version, effective_at, text, source, created_at) SELECT "
		"instrument, 2, ?1, replace(text, '100.00', '200.00'), 'finn', 0 FROM price_version WHERE instrument = 'krios-1'",
		"i", H(-1));
	assert_int_equal(world_end(w, db_failed(w->db)), 0);
	w->now.wall_ms = H(0) - MIN(30);
	change(id, H(24), H(26));
	run_to(H(1));
	link_up(true);
	run_to(H(4) + MIN(1));
	assert_int_equal(world_int(w, FEES), 10000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge_line WHERE rate_minor = 10000"), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

static void history_of_cancel_says(int64_t id, const char *why, int64_t minor)
{
	if (db_one_int(w->db, 0, "SELECT COUNT(*) FROM booking_event WHERE booking = ?1 AND verb = 'cancel' AND why = ?2 AND "
		"minor = ?3 AND detail = ''", "iti", id, why, minor) != 1)
		fail_msg("the history does not say \"%s\"", why);
}

static void the_history_says_what_a_cancellation_cost(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	history_of_cancel_says(b.id, "fee", 10000);  /* a quarter of four hours at 100.00 */
	w->instruments[0].price.n_tiers = 0;
	world_sleep(w, 1);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	history_of_cancel_says(b.id, "no_fee", 0);
}

static void the_history_says_that_the_fee_is_decided_later(void **state)
{
	int64_t id = booked_and_down();
	struct booking b;

	assert_int_equal(cancel("alice", id, &b), 0);
	history_of_cancel_says(id, "undecided", 0);
}

/* Taken back and given up again: each time is paid for, as docs/booking.md says. */
static void giving_up_the_same_minutes_again_pays_again(void **state)
{
	struct booking_patch less = { .has_to = true, .to = H(6) }, more = { .has_to = true, .to = H(8) };
	struct booking b;

	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &less, &b)), 0);
		assert_int_equal(world_int(w, FEES), 5000 * i);
		assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &more, &b)), 0);
	}
	assert_int_equal(now_is(b.id).fee_minor, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_history_says_what_a_cancellation_cost), CASE(the_history_says_that_the_fee_is_decided_later),
		CASE(giving_up_the_same_minutes_again_pays_again),
		CASE(shortened_while_down_and_it_works_at_the_start), CASE(shortened_while_down_and_it_is_down_at_the_start),
		CASE(shortened_twice_while_down), CASE(moved_while_down_pays_by_the_terms_of_before),
		CASE(moved_after_the_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("given up", tests, NULL, NULL);
}
