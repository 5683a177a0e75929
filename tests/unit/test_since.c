/*
 * test_since.c - nothing that is younger than an instant is judged from it: walk-ups and moves into a cell that is
 * nearly over, what `now` is, and what counts from the moment a booking came to lie where it lies.
 */
#include "use_rig.h"

#include "core/booking.h"

static int walk_up(const char *user, int64_t length, struct booking *ret)
{
	struct booking_request r = { .from = w->now.wall_ms, .to = w->now.wall_ms + length, .instrument = "krios-1",
		.walk_up = true };

	return world_end(w, booking_create(world_act(w, user), &r, ret));
}

static void policy(const char *key, const char *value)
{
	struct lt_err err;

	if (policy_set(&w->instruments[0].policy, key, value, &err) != 0)
		fail_msg("%s = %s: %s", key, value, err.text);
	world_sleep(w, 1);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
}

static void fine_grid(void)
{
	policy("grid", "5m");
	policy("min", "5m");
}

static void price(int usage)
{
	w->instruments[0].price.usage = (enum price_usage)usage;
	world_sleep(w, 1);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
}

/* A booking of the last minutes of its cell used to be a no-show before it was made. */
static void a_walk_up_late_in_its_cell_can_be_used(void **state)
{
	struct booking b;

	policy("grid", "1h");
	policy("min", "1h");
	run_to(H(2) + MIN(40));
	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(w->now.wall_ms + 1);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(50));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3));
	device[0].on = false;
	run_to(H(5));
	STATE(b.id, "completed");
	assert_int_equal(now_is(b.id).fee_minor, 0);
}

static void nobody_comes_to_a_late_walk_up(void **state)
{
	struct booking b;

	run_to(H(2) + MIN(14));
	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(44) - 1);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(44));
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).fee_minor, 8834);                 /* half of 1:46:00 at 100.00 */
	assert_true(now_is(b.id).ended_at >= now_is(b.id).created_at);
}

/* Ten minutes at least, also where half of what is left is less. */
static void a_short_rest_of_a_cell_waits_ten_minutes(void **state)
{
	struct booking b;

	fine_grid();
	run_to(H(2) + MIN(2));
	assert_int_equal(book("alice", H(2), H(2) + MIN(15), &b), 0);
	run_to(H(2) + MIN(12) - 1);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(12));
	STATE(b.id, "no_show");
}

static void with_less_than_ten_minutes_left_it_lapses(void **state)
{
	struct booking b;

	fine_grid();
	run_to(H(2) + MIN(6));
	assert_int_equal(book("alice", H(2) + MIN(5), H(2) + MIN(15), &b), 0);
	run_to(H(2) + MIN(15) - 1);
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(15));
	STATE(b.id, "lapsed");
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
}

/* The minute that is left of the cell is shorter than fifteen; `now` for fifteen ends where the next cell does. */
static void what_is_left_of_a_cell_has_the_length(void **state)
{
	struct booking b;

	run_to(H(2) + MIN(14));
	assert_int_equal(book("alice", H(2), H(2) + MIN(15), &b), ACT_REFUSED);
	assert_string_equal(code(), "too-short");
	assert_int_equal(walk_up("alice", MIN(15), &b), 0);
	assert_int_equal(b.booked_from, H(2));
	assert_int_equal(b.booked_to, H(2) + MIN(30));
}

static void what_the_grid_adds_is_not_too_long(void **state)
{
	struct booking b;

	policy("max", "2h");
	run_to(H(2) + MIN(7));
	assert_int_equal(walk_up("alice", MIN(135), &b), ACT_REFUSED);
	assert_string_equal(code(), "too-long");
	assert_int_equal(walk_up("alice", MIN(120), &b), 0);
	assert_int_equal(b.booked_to, H(4) + MIN(15));
}

static void a_stated_end_stays(void **state)
{
	struct booking b;
	struct booking_request r = { .to = H(4), .instrument = "krios-1", .walk_up = true };

	run_to(H(2) + MIN(7) + 321);
	r.from = w->now.wall_ms / LT_SECOND * LT_SECOND;
	assert_int_equal(world_end(w, booking_create(world_act(w, "alice"), &r, &b)), 0);
	assert_int_equal(b.booked_from, H(2));
	assert_int_equal(b.booked_to, H(4));
	assert_int_equal(b.quote_minor, 18831);                         /* 1:52:59 */
}

static void now_begins_where_the_unit_became_free(void **state)
{
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(4));
	device[0].on = false;
	run_to(H(3) + MIN(5));
	assert_int_equal(use("alice", b.id, booking_checkout, &b), 0);
	run_to(H(3) + MIN(7));
	assert_int_equal(walk_up("zoe", MIN(60), &next), 0);
	assert_int_equal(next.booked_from, H(3) + MIN(5));
	assert_int_equal(next.booked_to, H(4) + MIN(15));
	assert_true(next.walk_up);
	assert_int_equal(use("zoe", next.id, booking_checkin, &next), 0);
	device[0].on = true;
	run_to(H(4));
	device[0].on = false;
	run_to(H(5));
	STATE(next.id, "completed");
}

static void nothing_earlier_and_nothing_beside_it(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(7));
	assert_int_equal(walk_up("zoe", MIN(60), &b), ACT_REFUSED);
	assert_string_equal(code(), "slot-taken");
	assert_int_equal(cancel("alice", 1, &b), 0);
	run_to(H(2) + MIN(9));
	assert_int_equal(book("zoe", H(2) + MIN(8), H(3), &b), ACT_REFUSED);
	assert_string_equal(code(), "off-grid");
	assert_int_equal(walk_up("zoe", MIN(60), &b), 0);
	assert_int_equal(b.booked_from, H(2));                          /* nobody used any of the cell */
}

/* A booking that is moved into the current cell used to be missed at once, with the fee. */
static void a_move_into_the_current_cell_is_not_missed(void **state)
{
	struct booking_patch p = { .has_from = true, .has_to = true, .from = H(2), .to = H(2) + MIN(30) };
	struct booking b;

	assert_int_equal(book("alice", H(5), H(5) + MIN(30), &b), 0);
	run_to(H(2) + MIN(12));
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &p, &b)), 0);
	run_to(H(2) + MIN(20));
	STATE(b.id, "confirmed");
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(2) + MIN(29));
	device[0].on = false;
	run_to(H(3));
	STATE(b.id, "completed");
}

static void moved_to_now(void **state)
{
	struct booking_patch p = { .has_from = true, .has_to = true, .walk_up = true };
	struct booking b;

	assert_int_equal(book("alice", H(5), H(6), &b), 0);
	run_to(H(2) + MIN(12) + 500);
	p.from = w->now.wall_ms - 500;
	p.to = p.from + MIN(60);
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &p, &b)), 0);
	assert_int_equal(b.booked_from, H(2));
	assert_int_equal(b.booked_to, H(3) + MIN(15));
	assert_true(b.walk_up);
	run_to(H(2) + MIN(42));
	STATE(b.id, "confirmed");
	run_to(H(2) + MIN(43));
	STATE(b.id, "no_show");
}

/* What is free can be booked, and used. */
static void what_free_offers_now_can_be_used(void **state)
{
	struct free_request rq = { .n_instruments = 1, .instruments = { &w->instruments[0] }, .duration_ms = MIN(15),
		.before = LT_INSTANT_MAX, .limit = 3 };
	struct free_slot slot[FREE_MAX];
	struct booking b;
	int n;

	run_to(H(2) + MIN(14));
	assert_int_equal(booking_free(world_read(w, "alice"), &rq, slot, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(slot[0].from, H(2));
	assert_int_equal(slot[0].to, H(2) + MIN(30));
	assert_int_equal(slot[1].from, H(2) + MIN(30));
	assert_int_equal(book("alice", slot[0].from, slot[0].to, &b), 0);
	assert_int_equal(b.quote_minor, slot[0].price_minor);
	run_to(H(2) + MIN(24) - 1);
	STATE(b.id, "confirmed");
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
}

/* The wait for the first run counts from the check-in. */
static void a_late_check_in_has_its_hour(void **state)
{
	struct booking b;

	assert_int_equal(book("alice", H(2), H(6), &b), 0);
	run_to(H(2) + MIN(25));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	run_to(H(3) + MIN(25) - 1);
	STATE(b.id, "active");
	run_to(H(3) + MIN(25) + LT_SECOND);
	STATE(b.id, "no_show");
}

/* A first_run that is shorter than what is waited for anyhow: who checks in has those ten minutes all the same. */
static void a_check_in_never_shortens_the_wait(void **state)
{
	struct booking b;

	fine_grid();
	policy("no_show", "1m");
	policy("first_run", "1m");
	run_to(H(2) + MIN(2));
	assert_int_equal(book("alice", H(2), H(2) + MIN(30), &b), 0);
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	run_to(H(2) + MIN(12) - 1);
	STATE(b.id, "active");
	run_to(H(2) + MIN(12) + LT_SECOND);
	STATE(b.id, "no_show");
	assert_int_equal(now_is(b.id).fee_minor, 2334);                 /* half of 28 minutes at 100.00: of 46.67 */
}

static int history_says(int64_t id, const char *why)
{
	return (int)db_one_int(w->db, 0, "SELECT COUNT(*) FROM booking_event WHERE booking = ?1 AND why = ?2", "it", id, why);
}

/* Outages that leave enough of it lengthen the wait by as much, shorter and longer, one and two; only when too little
 * is left of the booking it is free. */
static void a_short_outage_lengthens_a_checked_in_wait(void **state)
{
	static const struct { int seconds[2], due_min; const char *ends; } of[] = {
		{ { 60, 0 }, 13, "no_show" }, { { 60, 120 }, 15, "no_show" }, { { 600, 0 }, 22, "no_show" },
		{ { 1320, 0 }, 30, "lapsed" },
	};

	fine_grid();
	policy("no_show", "1m");
	policy("first_run", "1m");
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		int64_t at = H(24 * (int64_t)i + 2);
		struct booking b;

		run_to(at + MIN(2));
		assert_int_equal(book("alice", at, at + MIN(30), &b), 0);
		assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
		run_to(at + MIN(3));
		for (int k = 0; k < 2 && of[i].seconds[k]; k++) {
			link_up(false);
			run_to(w->now.wall_ms + of[i].seconds[k] * LT_SECOND);
			link_up(true);
			run_to(w->now.wall_ms + MIN(1));
		}
		run_to(at + MIN(of[i].due_min - 1));
		STATE(b.id, "active");
		run_to(at + MIN(of[i].due_min + 2));
		STATE(b.id, of[i].ends);
	}
}

/* The reason in the history is the rule that made it free. */
static void the_history_says_that_little_was_left(void **state)
{
	struct booking b;

	fine_grid();
	run_to(H(2) + MIN(6));
	assert_int_equal(book("alice", H(2) + MIN(5), H(2) + MIN(15), &b), 0);
	run_to(H(2) + MIN(15));
	STATE(b.id, "lapsed");
	assert_int_equal(history_says(b.id, "not_usable"), 0);
	assert_int_equal(history_says(b.id, "too_short"), 1);
}

/* Whom another's session kept out has the wait from when it ended, checked in or not. */
static void the_wait_begins_when_the_other_has_gone(void **state)
{
	struct booking b, next;

	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(book("zoe", H(3), H(5), &next), 0);
	run_to(H(2));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(20));
	device[0].on = false;
	run_to(H(3) + MIN(49));
	STATE(b.id, "completed");
	STATE(next.id, "confirmed");
	run_to(H(3) + MIN(51));
	STATE(next.id, "no_show");
	assert_in_range(now_is(next.id).fee_minor, 8333 - 30, 8333 + 30);   /* half of 1:40 */
}

/* `usage = max` asks for the booked time from the moment on that it was booked. */
static void what_had_passed_is_not_paid(void **state)
{
	struct booking b;

	price(USAGE_MAX);
	run_to(H(2) + MIN(12));
	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(b.quote_minor, 8000);                          /* 0:48 */
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(2) + MIN(22));
	device[0].on = false;
	run_to(H(4));
	STATE(b.id, "completed");
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge"), 8000);
}

/* Downtimes shorter, equal, longer and much longer than the wait, and two of them: as if nobody had answered. */
static void after_downtimes_the_same(void **state)
{
	static const int minutes[][2] = { { 10, 0 }, { 30, 0 }, { 45, 0 }, { 600, 0 }, { 10, 10 } };

	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		int64_t at = H(24 * (int64_t)i + 2), up = at + MIN(16);
		struct booking b;

		run_to(at + MIN(6));
		assert_int_equal(book("alice", at, at + MIN(90), &b), 0);
		for (int k = 0; k < 2 && minutes[i][k]; k++) {
			run_to(up - MIN(5));
			world_sleep(w, MIN(minutes[i][k]));
			assert_int_equal(world_end(w, metering_recover(world_act(w, NULL))), 0);
			up = w->now.wall_ms + MIN(10);
		}
		run_to(up - MIN(5));
		/* thirty minutes in which somebody could have come, or the end */
		STATE(b.id, minutes[i][0] < 600 ? "confirmed" : "lapsed");
		run_to(at + MIN(95));
		STATE(b.id, minutes[i][0] < 50 ? "no_show" : "lapsed");
	}
}

/* Made fourteen minutes late, 46 minutes are booked: a tenth of them is free, before and after an extension. */
static void grace_is_a_tenth_of_what_counts(void **state)
{
	struct booking_patch p = { .has_to = true, .to = H(4) };
	struct booking b;

	run_to(H(2) + MIN(14));
	assert_int_equal(book("alice", H(2), H(3), &b), 0);
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	device[0].on = true;
	run_to(H(3) + MIN(20));
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 0, &p, &b)), 0);
	assert_int_equal(world_int(w, "SELECT grace_to - from_at FROM overrun_kept"), MIN(46) / 10);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(a_walk_up_late_in_its_cell_can_be_used), T(nobody_comes_to_a_late_walk_up),
		T(a_short_rest_of_a_cell_waits_ten_minutes), T(with_less_than_ten_minutes_left_it_lapses),
		T(what_is_left_of_a_cell_has_the_length), T(what_the_grid_adds_is_not_too_long), T(a_stated_end_stays),
		T(now_begins_where_the_unit_became_free), T(nothing_earlier_and_nothing_beside_it),
		T(a_move_into_the_current_cell_is_not_missed), T(moved_to_now), T(what_free_offers_now_can_be_used),
		T(a_late_check_in_has_its_hour), T(a_check_in_never_shortens_the_wait),
		T(a_short_outage_lengthens_a_checked_in_wait), T(the_history_says_that_little_was_left),
		T(the_wait_begins_when_the_other_has_gone), T(what_had_passed_is_not_paid),
		T(after_downtimes_the_same), T(grace_is_a_tenth_of_what_counts),
	};

	return cmocka_run_group_tests_name("since", tests, NULL, NULL);
}
