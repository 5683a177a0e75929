/*
 * test_fees.c - fees where something else was going on: a run that no reading shows, parts given up before, many other
 * charges of the booking, a run of others that went on for more than a week; and quotes that follow what they rest on.
 */
#include "use_rig.h"

#include "app/money.h"

#define FEES "SELECT COALESCE(SUM(amount_minor), 0) FROM charge WHERE kind <> 'usage'"

/* Somewhere between the two instants something ran, and nobody knows whose it was. */
static void hidden_run(int64_t from, int64_t to)
{
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO session(id, instrument, kind, state, outcome, opened_at, opened_cause, closed_at, close_cause, "
		"end_reading, unplaced) VALUES (90, 'krios-1', 'unattributed', 'closed', 'settling', ?1, 'recovery', ?2, 'meter', 1, 1)",
		"ii", from, to);
	assert_int_equal(world_end(w, db_failed(w->db)), 0);
}

/* Not used, and cancelled twenty minutes after its start: what ran unseen may have been hers. */
static void cancelled_with_a_run_hidden_since(int64_t from)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(20));
	hidden_run(from, H(2) + MIN(10));
	assert_int_equal(cancel("alice", b.id, &b), 0);
	STATE(b.id, "lapsed");
	assert_int_equal(world_int(w, FEES), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'cancel' AND why = "
		"'hidden_run' AND minor = 0"), 1);
}

static void cancelling_after_a_hidden_run_is_free(void **state)
{
	cancelled_with_a_run_hidden_since(H(1));
}

/* A controller that was lost for nine days hides a run as well as one that was lost for an hour. */
static void a_gap_of_nine_days_hides_as_well(void **state)
{
	cancelled_with_a_run_hidden_since(H(2) - 9 * LT_DAY);
}

/* Two hours of four are given up for 50.00, then the rest is cancelled: the history says what that adds. */
static void the_history_says_what_this_cancellation_adds(void **state)
{
	struct booking_patch less = { .has_to = true, .to = H(6) };
	struct booking b;

	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &less, &b)), 0);
	assert_int_equal(b.fee_minor, 5000);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 10000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'cancel' AND why = 'fee' AND minor = 5000"), 1);
}

/* However many charges stand before it, the fee of the booking is found, and credited when it was used after all. */
static void a_fee_after_many_charges_is_credited(void **state)
{
	struct booking other, b;
	int64_t due;

	assert_int_equal(book("alice", H(10), H(12), &other), 0);
	assert_int_equal(cancel("alice", other.id, &other), 0);
	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	world_act(w, NULL);
	for (int i = 0; i < 70; i++)
		db_run(w->db, "INSERT INTO charge SELECT ?1, ?1, NULL, ?2, 'usage', NULL, org, user, instrument, project, "
			"posted_at, period, service_from, service_to, 0, 0, 0, 0, 0, 0, 0, 0, currency, flags, lines, record, sha256 FROM "
			"charge WHERE id = 1", "ii", (int64_t)(2 + i), b.id);
	db_run(w->db, "UPDATE counter SET next = 72 WHERE name IN ('charge', 'charge_seq')", "");
	assert_int_equal(world_end(w, db_failed(w->db)), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 10000);
	world_act(w, NULL);
	assert_int_equal(money_fee_undo(&w->act, &b, &due), 0);
	assert_int_equal(world_end(w, 0), 0);
	assert_int_equal(due, 0);
	assert_int_equal(world_int(w, "SELECT SUM(amount_minor) FROM charge WHERE booking = 2"), 0);
}

/* What held the unit against it ended half an hour late: its quote is of the time that is left, as its charge is. */
static void the_quote_counts_from_when_the_unit_came_free(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	assert_int_equal(b.quote_minor, 20000);
	w->now.wall_ms = H(2) + MIN(30);
	assert_int_equal(world_end(w, booking_freed(world_act(w, NULL), "krios-1", 0, w->now.wall_ms)), 0);
	assert_int_equal(now_is(b.id).since, H(2) + MIN(30));
	assert_int_equal(now_is(b.id).quote_minor, 15000);
}

/* A delay moves the end for overrun, not what using the booked time costs. */
static void a_delay_leaves_the_quote(void **state)
{
	struct rate_result quote;
	struct terms_rows rows;
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	assert_int_equal(world_end(w, booking_delay(world_act(w, NULL), b.id, MIN(20))), 0);
	b = now_is(b.id);
	assert_int_equal(b.priced_to, H(4) + MIN(20));
	assert_int_equal(terms_rows_load(world_read(w, NULL), b.id, &rows), 0);
	assert_int_equal(money_quote(&w->act, &b, &rows, NULL, &quote), 0);
	assert_int_equal(quote.total_minor, b.quote_minor);
}

/* Zoe's run began ten days before the hours that alice gave up and went on in the first of them. */
static void a_long_run_of_others_takes_the_fee_off(void **state)
{
	struct booking b;
	int64_t from = H(4) - 10 * LT_DAY;

	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(world_int(w, FEES), 10000);
	run_to(H(9) - MIN(1));
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO session(id, instrument, org, user, kind, state, outcome, opened_at, opened_cause, closed_at, "
		"close_cause, end_reading) VALUES (90, 'krios-1', 'zeta', 'zoe', 'booked', 'closed', 'settling', ?1, 'user', ?2, 'user', "
		"1)", "ii", from, H(5));
	db_run(w->db, "INSERT INTO usage(id, instrument, session, from_at, to_at, measured_ms, placed, open, reason, raw_from, "
		"raw_to) VALUES (90, 'krios-1', 90, ?1, ?2, ?2 - ?1, 1, 0, 'run', 0, 0)", "ii", from, H(5));
	assert_int_equal(world_end(w, db_failed(w->db)), 0);
	run_to(H(9) + MIN(1));
	assert_int_equal(world_int(w, FEES), 7500);
}

/* Two hours were given up, and the instrument was down for most of the four. What was enough by the policy of then
 * stays enough when the booking is moved under another one. */
static void a_fee_is_judged_by_the_policy_it_was_made_under(void **state)
{
	struct booking_patch less = { .has_to = true, .to = H(6) },
		away = { .has_from = true, .from = H(30), .has_to = true, .to = H(32) };
	struct booking b;

	assert_int_equal(book("alice", H(4), H(8), &b), 0);
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &less, &b)), 0);
	w->instruments[0].policy.no_show_ms = MIN(120);
	world_sleep(w, 1);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &away, &b)), 0);
	assert_int_equal(world_int(w, FEES), 10000);
	run_to(H(4));
	link_up(false);
	run_to(H(7) + MIN(5));
	link_up(true);
	run_to(H(10));
	assert_int_equal(world_int(w, FEES), 5000); /* of what the move gave up nothing could be used */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'credit' AND corrects = 1"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(cancelling_after_a_hidden_run_is_free), CASE(a_gap_of_nine_days_hides_as_well),
		CASE(the_history_says_what_this_cancellation_adds), CASE(a_fee_after_many_charges_is_credited),
		CASE(the_quote_counts_from_when_the_unit_came_free), CASE(a_delay_leaves_the_quote),
		CASE(a_long_run_of_others_takes_the_fee_off), CASE(a_fee_is_judged_by_the_policy_it_was_made_under),
	};

	return cmocka_run_group_tests_name("fees", tests, NULL, NULL);
}
