/*
 * test_booking_use.c - bookings in use, in virtual time with scripted devices: check-in and check-out, R21 on an active
 * booking, R22 to R26, R28 and what R25 decides with and without usable minutes.
 */
#include "use_rig.h"

static void a_day_as_it_should_be(void **state)
{
	struct booking b, other;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) - MIN(16));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), ACT_REFUSED);
	assert_string_equal(code(), "too-early");
	run_to(H(2) - MIN(10));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	assert_string_equal(booking_state_name(b.state), "active");
	assert_int_equal(world_int(w, "SELECT busy_from FROM occupancy WHERE kind = 'booking'"), H(2) - MIN(10));
	device[0].on = true;
	run_to(H(3));
	device[0].on = false;
	run_to(H(3) + MIN(5));
	assert_int_equal(use("alice", b.id, booking_checkout, &b), 0);
	STATE(b.id, "completed");
	assert_int_equal(b.held_to, H(3) + MIN(5));
	assert_int_equal(b.booked_to, H(4));
	assert_int_equal(b.fee_minor, 0);
	assert_int_equal(book("zoe", H(3) + MIN(15), H(4), &other), 0);   /* R26: the rest is free */
	assert_int_equal(cancel("alice", b.id, &b), ACT_REFUSED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM timer WHERE kind LIKE 'booking_%' AND ref = 1"), 0);
}

static void nobody_came(void **state)
{
	struct booking b, other;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(30) - 1);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(30));
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).fee_minor, 10000);
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge WHERE booking = 1"), 10000);
	assert_int_equal(book("zoe", H(2) + MIN(30), H(4), &other), 0);
	assert_int_equal(use("alice", b.id, booking_checkin, &b), ACT_REFUSED);
	assert_string_equal(code(), "wrong-state");
}

static void a_short_booking_waits_half_of_it(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(2) + MIN(30), &b), 0);
	run_to(H(2) + MIN(15) - 1);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(15));
	STATE(b.id, "no_show");
}

static void unusable_minutes_do_not_count(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(10));
	link_up(false);
	run_to(H(2) + MIN(20));
	link_up(true);
	run_to(H(2) + MIN(40) - LT_SECOND);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(42));
	STATE(b.id, "no_show");
}

static void a_dead_instrument_costs_nothing(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(10));
	link_up(false);
	run_to(H(4) - 1);
	STATE(b.id, "confirmed");
	run_to(H(4));
	STATE(b.id, "lapsed");
	assert_int_equal(now_is(b.id).fee_minor, 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
}

static void a_check_in_waits_for_the_first_run(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(6), &b), 0);
	run_to(H(2) + MIN(5));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	run_to(H(3) + MIN(5) - 1);
	STATE(b.id, "active");
	run_to(H(3) + MIN(5) + LT_SECOND);
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).fee_minor, 20000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session WHERE state IN ('open','running','idle','unknown')"),
		0);
}

static void a_run_without_check_in_is_use(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(20));
	device[0].on = true;
	run_to(H(3));
	STATE(b.id, "active");
	device[0].on = false;
	run_to(H(4) + MIN(1));
	STATE(b.id, "completed");
	assert_int_equal(now_is(b.id).held_to, H(4));
	assert_int_equal(now_is(b.id).fee_minor, 0);
}

static void out_before_the_start_is_a_cancellation(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) - MIN(10));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	run_to(H(2) - MIN(5));
	assert_int_equal(use("alice", b.id, booking_checkout, &b), 0);
	STATE(b.id, "cancelled");
	assert_int_equal(now_is(b.id).fee_minor, 5000);                 /* 25 % of 200.00 */
	assert_int_equal(book("zoe", H(2), H(4), &b), 0);
}

static void cancelling_after_the_start(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(10));
	assert_int_equal(cancel("alice", b.id, &b), 0);
	STATE(b.id, "no_show");
	assert_int_equal(b.fee_minor, 10000);
	assert_int_equal(book("zoe", H(2), H(3), &b), 0);               /* a walk-up into the same cell */
	assert_int_equal(use("zoe", b.id, booking_checkin, &b), 0);
	assert_int_equal(cancel("zoe", b.id, &b), ACT_REFUSED);
	assert_string_equal(code(), "session-open");
}

static void active_only_grows(void **state)
{
	struct booking_patch later = { .has_to = true, .to = H(5) }, shorter = { .has_to = true, .to = H(3) },
		moved = { .has_from = true, .from = H(3), .has_to = true, .to = H(6) };
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	assert_int_equal(book("zoe", H(6), H(7), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(2) + MIN(20));
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &shorter, &b)), ACT_REFUSED);
	assert_string_equal(code(), "only-grows");
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &moved, &b)), ACT_REFUSED);
	assert_string_equal(code(), "only-grows");
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &later, &b)), 0);
	assert_int_equal(b.booked_to, H(5));
	later.to = H(6) + MIN(15);
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &later, &b)), ACT_REFUSED);
	assert_string_equal(code(), "slot-taken");
	run_to(H(5) - MIN(10));
	STATE(1, "active");
	device[0].on = false;
	run_to(H(5) + MIN(1));
	STATE(1, "completed");
}

static void a_block_waits_for_what_is_in_use(void **state)
{
	struct block_request r = { .instrument = "krios-1", .from = H(3), .to = H(5), .reason = "chiller",
		.displace = true };
	struct booking b, next;
	struct block k;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	assert_int_equal(book("zoe", H(4), H(5), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(2) + MIN(20));
	assert_int_equal(world_end(w, block_create(world_act(w, "mia"), &r, &k)), 0);
	assert_int_equal(k.state, BLOCK_WAITING);
	STATE(b.id, "active");
	assert_int_equal(now_is(b.id).held_to, H(3));
	assert_int_equal(now_is(b.id).booked_to, H(4));
	STATE(next.id, "displaced");
	assert_int_equal(now_is(next.id).fee_minor, 0);
	assert_int_equal(book("zoe", H(3), H(4), &next), ACT_REFUSED);
	run_to(H(3) + MIN(30));
	STATE(b.id, "active");                                          /* the run is not cut */
	device[0].on = false;
	run_to(H(3) + MIN(32));
	assert_int_equal(use("alice", b.id, booking_checkout, &b), 0);
	STATE(b.id, "completed");
	assert_int_equal(now_is(b.id).priced_to, H(5));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM block WHERE state = 'planned'"), 1);
}

static void a_block_ends_the_overrun(void **state)
{
	struct block_request r = { .instrument = "krios-1", .from = H(3) + MIN(10), .to = H(6), .reason = "chiller",
		.displace = true };
	struct booking b;
	struct block k;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(2));
	assert_int_equal(world_end(w, block_create(world_act(w, "mia"), &r, &k)), 0);
	assert_int_equal(now_is(b.id).priced_to, H(6));
	run_to(H(5));
	device[0].on = false;
	run_to(H(5) + MIN(2));
	run_to(H(5) + MIN(5));
	STATE(b.id, "completed");
	assert_int_equal(world_int(w, "SELECT used_s FROM charge") / 60, 180);
	assert_int_equal(world_int(w, "SELECT overrun_s FROM charge"), 5 * 60);   /* 3:05 to 3:10 */
	assert_int_equal(world_int(w, "SELECT billed_s FROM charge") / 60, 175);
}

static void the_next_user_waits_and_is_not_missed(void **state)
{
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(book("zoe", H(3), H(5), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(5));
	STATE(b.id, "active");                                          /* a run is never cut */
	assert_int_equal(use("zoe", next.id, booking_checkin, &next), 0);
	assert_true(next.waiting);
	assert_string_equal(booking_state_name(next.state), "confirmed");
	run_to(H(3) + MIN(40));
	STATE(next.id, "confirmed");                                    /* R25 does not run against them */
	device[0].on = false;
	run_to(H(3) + MIN(41));
	STATE(b.id, "completed");
	STATE(next.id, "active");
	assert_false(now_is(next.id).waiting);
	assert_in_range(now_is(next.id).priced_to, H(5) + MIN(40), H(5) + MIN(41));
	device[0].on = true;
	run_to(H(4));
	device[0].on = false;
	run_to(H(5) + MIN(1));
	STATE(next.id, "completed");
}

static void waiting_for_the_unit_is_not_idle_time(void **state)
{
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(book("zoe", H(3), H(5), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(5));
	assert_int_equal(use("zoe", next.id, booking_checkin, &next), 0);
	assert_true(next.waiting);
	run_to(H(3) + MIN(40));
	device[0].on = false;
	run_to(H(3) + MIN(50));                                         /* the unit is hers since 3:40 */
	device[0].on = true;
	run_to(H(4));
	device[0].on = false;
	run_to(H(5) + MIN(5));
	STATE(next.id, "completed");
	assert_in_range(world_int(w, "SELECT idle_s FROM charge WHERE user = 'zoe'"), 9 * 60, 11 * 60);
}

static void idle_time_is_released_where_policy_says(void **state)
{
	struct booking b, other;
	struct act *a;

	w->instruments[0].policy.idle_release_ms = MIN(60);
	world_sleep(w, 1);
	a = world_act(w, NULL);
	assert_int_equal(world_end(w, terms_adopt(a, &w->instruments[0])), 0);
	assert_int_equal(book("alice", H(2), H(8), &b), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(30));
	device[0].on = false;
	run_to(H(4) + MIN(19));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.idle_release_soon'"), 0);
	run_to(H(4) + MIN(25));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.idle_release_soon'"), 1);
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);    /* `start` keeps it */
	run_to(H(5) + MIN(24));
	STATE(b.id, "active");
	run_to(H(5) + MIN(26));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.idle_release_soon'"), 2);
	STATE(b.id, "active");                                          /* released, not ended */
	assert_in_range(now_is(b.id).held_to, H(5) + MIN(25), H(5) + MIN(26));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
	assert_int_equal(book("zoe", H(5) + MIN(30), H(8), &other), 0);
	STATE(b.id, "completed");                                       /* taken: both end, and it is charged */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session WHERE state IN ('open','running','idle')"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE booking = 1 AND actor = 'zoe'"), 0);
	run_to(H(5) + MIN(28));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 1);
	assert_int_equal(use("alice", b.id, booking_checkin, &b), ACT_REFUSED);
	assert_non_null(strstr(w->act.refusal.err.text, "labtime book"));
}

static void an_extension_leaves_the_overrun_before_it(void **state)
{
	struct booking b;
	struct booking_patch p = { .has_to = true, .to = H(4) };
	struct act *a;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(20));
	a = world_act(w, "alice");
	assert_int_equal(world_end(w, booking_change(a, b.id, 0, &p, &b)), 0);
	assert_int_equal(world_int(w, "SELECT grace_to - from_at FROM overrun_kept"), MIN(5));
	assert_in_range(world_int(w, "SELECT to_at - grace_to FROM overrun_kept"), MIN(15), MIN(15) + 2000);
	run_to(H(3) + MIN(50));
	device[0].on = false;
	run_to(H(4) + MIN(3));
	STATE(b.id, "completed");
	assert_in_range(world_int(w, "SELECT overrun_s FROM charge"), 15 * 60 - 3, 15 * 60 + 3);
	assert_in_range(world_int(w, "SELECT billed_s FROM charge"), 105 * 60 - 3, 105 * 60 + 3);
}

/* A booking from 2 to 8 whose session ran until 3:30 and let its time go at 4:30. */
static void let_go(struct booking *b)
{
	struct act *a;

	w->instruments[0].policy.idle_release_ms = MIN(60);
	world_sleep(w, 1);
	a = world_act(w, NULL);
	assert_int_equal(world_end(w, terms_adopt(a, &w->instruments[0])), 0);
	assert_int_equal(book("alice", H(2), H(8), b), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b->id, booking_checkin, b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(30));
	device[0].on = false;
	run_to(H(4) + MIN(45));
	assert_in_range(now_is(b->id).held_to, H(4) + MIN(30), H(4) + MIN(32));
	assert_true(now_is(b->id).released_at != 0);
}

static void an_early_start_lets_nothing_go_before_the_booking(void **state)
{
	struct booking b;
	struct act *a;

	w->instruments[0].policy.idle_release_ms = MIN(30);
	w->instruments[0].policy.early_ms = H(2) - WORLD_NOW;
	world_sleep(w, 1);
	a = world_act(w, NULL);
	assert_int_equal(world_end(w, terms_adopt(a, &w->instruments[0])), 0);
	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(1) - MIN(40));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(1) - MIN(30));
	device[0].on = false;
	run_to(H(2) + MIN(29));
	assert_int_equal(now_is(b.id).released_at, 0);
	run_to(H(2) + MIN(32));
	assert_in_range(now_is(b.id).held_to, H(2) + MIN(30), H(2) + MIN(31));
}

static void a_run_takes_released_time_back(void **state)
{
	struct booking b, other;

	let_go(&b);
	device[0].on = true;
	run_to(H(5));
	assert_int_equal(now_is(b.id).released_at, 0);
	assert_int_equal(now_is(b.id).held_to, H(8));
	assert_int_equal(book("zoe", H(6), H(7), &other), ACT_REFUSED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
	device[0].on = false;
	run_to(H(8) + MIN(2));
	STATE(b.id, "completed");
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session WHERE booking = 1"), 1);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge") / 60, 90 + 15);
}

static void a_check_in_takes_released_time_back(void **state)
{
	struct booking b, other;

	let_go(&b);
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	assert_int_equal(b.held_to, H(8));
	assert_int_equal(b.released_at, 0);
	assert_int_equal(book("zoe", H(6), H(7), &other), ACT_REFUSED);
	run_to(H(5) + MIN(50));                                         /* and lets it go again an hour later */
	assert_true(now_is(b.id).released_at != 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
}

static void released_time_ends_at_the_booked_end(void **state)
{
	struct booking b;

	let_go(&b);
	run_to(H(7) + MIN(59));
	STATE(b.id, "active");
	run_to(H(8) + MIN(2));
	STATE(b.id, "completed");
	assert_int_equal(world_int(w, "SELECT used_s FROM charge") / 60, 90);
}

static void a_check_out_ends_released_time_at_once(void **state)
{
	struct booking b;

	let_go(&b);
	assert_int_equal(use("alice", b.id, booking_checkout, &b), 0);
	STATE(b.id, "completed");
	run_to(H(4) + MIN(47));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 1);
}

static void the_next_may_start_early_in_released_time(void **state)
{
	struct booking b, next;

	let_go(&b);
	assert_int_equal(book("zoe", H(8), H(9), &next), 0);
	STATE(b.id, "active");                                          /* its time is not taken by what comes after */
	run_to(H(7) + MIN(50));
	assert_int_equal(use("zoe", next.id, booking_checkin, &next), 0);
	STATE(next.id, "active");
	STATE(b.id, "completed");
}

static void a_waiting_user_may_leave_free(void **state)
{
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(book("zoe", H(3), H(5), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(5));
	assert_int_equal(use("zoe", next.id, booking_checkin, &next), 0);
	run_to(H(4) + MIN(5));
	assert_int_equal(cancel("zoe", next.id, &next), 0);
	STATE(next.id, "displaced");
	assert_int_equal(next.fee_minor, 0);
}

/* The same story with the daemon away over every decision gives the same answer. */
static void late_timers_decide_the_same(void **state)
{
	struct booking b, c;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(book("zoe", H(4), H(5), &c), 0);
	for (int64_t at = w->now.wall_ms; at < H(6); at += POLL) {      /* readings go on, timers do not fire */
		pass(at);
		poll(0);
	}
	for (int k = 0; k < 12 && world_int(w, "SELECT COUNT(*) FROM timer WHERE kind LIKE 'booking_%'") > 0; k++) {
		int64_t wall = w->now.wall_ms, due = world_int(w, "SELECT MIN(due_at) FROM timer");

		w->now.wall_ms = due;                                   /* an item is stamped with its due time */
		fire(due);
		w->now.wall_ms = wall;
	}
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).ended_at, H(2) + MIN(30));
	STATE(c.id, "no_show");
	assert_int_equal(now_is(c.id).ended_at, H(4) + MIN(30));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(a_day_as_it_should_be), T(nobody_came), T(a_short_booking_waits_half_of_it), T(unusable_minutes_do_not_count),
		T(a_dead_instrument_costs_nothing), T(a_check_in_waits_for_the_first_run), T(a_run_without_check_in_is_use),
		T(out_before_the_start_is_a_cancellation), T(cancelling_after_the_start), T(active_only_grows),
		T(a_block_waits_for_what_is_in_use), T(a_block_ends_the_overrun), T(the_next_user_waits_and_is_not_missed),
		T(waiting_for_the_unit_is_not_idle_time),
		T(idle_time_is_released_where_policy_says), T(a_run_takes_released_time_back),
			T(an_early_start_lets_nothing_go_before_the_booking),
		 T(an_extension_leaves_the_overrun_before_it),
		T(a_check_in_takes_released_time_back), T(released_time_ends_at_the_booked_end),
		T(a_check_out_ends_released_time_at_once), T(the_next_may_start_early_in_released_time),
			T(a_waiting_user_may_leave_free),
		T(late_timers_decide_the_same),
	};

	return cmocka_run_group_tests_name("booking_use", tests, NULL, NULL);
}
