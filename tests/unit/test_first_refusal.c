/*
 * test_first_refusal.c - R21: what is held for the owner of a displaced booking, who takes it, who does not, and when
 * it ends; and what a booking in use gets back when the block is removed. The store's triggers stand behind all of it.
 */
#include "app/people.h"
#include "sessions_rig.h"

static int booked(const char *who, const char *user, int64_t from, int64_t to, struct booking *ret)
{
	struct booking_request rq = { .instrument = "krios-1", .from = from, .to = to };
	int rc;

	lt_fmt(rq.user, sizeof(rq.user), "%s", user);
	rc = world_end(w, booking_create(world_act(w, who), &rq, ret));
	check();
	return rc;
}

static int blocked(int64_t from, int64_t to, bool displace)
{
	struct block_request rq = { .instrument = "krios-1", .from = from, .to = to, .displace = displace, .reason = "leak" };
	struct block k;
	int rc = world_end(w, block_create(world_act(w, "mia"), &rq, &k));

	check();
	return rc;
}

static void policy(const char *key, const char *value)
{
	struct lt_err err;

	assert_int_equal(policy_set(&w->instruments[0].policy, key, value, &err), 0);
	world_sleep(w, 1);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
}

static int64_t holds(void)
{
	return world_int(w, "SELECT COUNT(*) FROM occupancy WHERE kind = 'hold' AND active = 1");
}

/* What is held for the owner of the booking: its start, or 0. */
static int64_t held(int64_t booking, int64_t *ret_until)
{
	struct interval at = { 0, 0 };
	int rc = booking_first_refusal(world_read(w, "alice"), booking, &at, ret_until);

	assert_in_range(rc, 0, 1);
	return at.from;
}

static void the_next_slot_is_held_for_the_owner(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(5)), until = 0;
	struct booking other, mine;

	(void)state;
	book("bob", "krios-1", H(7), H(8));
	assert_int_equal(blocked(H(1), H(6), true), 0);
	assert_int_equal(held(b, &until), H(8));                /* an hour from 6 is too short; bob is there from 7 */
	assert_int_equal(until, H(8) - MIN(30));                /* a day is later than that */
	assert_int_equal(holds(), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.first_refusal' AND user = 'alice' AND "
		"detail LIKE '%book krios-1 2026-12-01T16:00:00+08:00/PT3H'"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE booking = 1 AND verb = 'first_refusal'"), 1);
	assert_int_equal(booked("zoe", "zoe", H(8), H(9), &other), ACT_REFUSED);
	assert_string_equal(w->act.refusal.rules.v[0].rule, "R01");
	assert_int_equal(booked("bob", "bob", H(10), H(12), &other), ACT_REFUSED); /* nor is it the whole org's */
	assert_int_equal(booked("olga", "alice", H(9), H(10), &mine), 0);         /* their administrator, for them */
	assert_int_equal(holds(), 0);
	assert_int_equal(held(b, &until), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE booking = 1 AND verb = 'hold_over' AND "
		"why = 'taken' AND number > 1"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM timer WHERE kind = 'first_refusal'"), 0);
	assert_int_equal(booked("zoe", "zoe", H(8), H(9), &other), 0);            /* the rest is free */
	run_until(H(2));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'hold_over'"), 1);
}

static int do_move(struct act *a, void *arg)
{
	struct by_id *x = arg;
	struct booking_patch p = { .has_from = true, .has_to = true, .from = H(5), .to = H(6) };
	struct booking b;

	return booking_change(a, x->id, 0, &p, &b);
}

static void a_move_of_the_owner_takes_it(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(5)), z = book("zoe", "krios-1", H(20), H(21)), until,
		other = book("alice", "krios-1", H(30), H(31));

	(void)state;
	assert_int_equal(blocked(H(2), H(5), true), 0);
	assert_int_equal(held(b, &until), H(5));
	assert_int_equal(act("zoe", do_move, z), ACT_REFUSED);
	assert_int_equal(holds(), 1);
	must("alice", do_move, other);
	assert_int_equal(holds(), 0);
}

static void it_ends_by_itself(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(5)), until = 0;
	struct booking other;

	(void)state;
	policy("first_refusal", "90m");
	assert_int_equal(blocked(H(2), H(5), true), 0);
	assert_int_equal(held(b, &until), H(5));
	ABOUT(until, WORLD_NOW + MIN(90), 10);
	run_until(until - 1);
	assert_int_equal(holds(), 1);
	run(2);
	assert_int_equal(holds(), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.hold_over' AND user = 'alice'"), 1);
	assert_int_equal(booked("zoe", "zoe", H(5), H(8), &other), 0);
}

static void another_block_ends_it(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(5)), until;

	(void)state;
	assert_int_equal(blocked(H(2), H(5), true), 0);
	assert_int_equal(held(b, &until), H(5));
	assert_int_equal(blocked(H(7), H(9), false), 0);        /* a hold is no booking: nothing to displace */
	assert_int_equal(holds(), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'hold_over' AND why = 'block'"),
		1);
}

/* Nobody is left who could take it. */
static void it_goes_with_its_user(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(3)), c = book("alice", "krios-1", H(3), H(4)), until;

	(void)state;
	book("bob", "krios-1", H(4), H(5));
	assert_int_equal(blocked(H(2), H(5), true), 0);
	assert_true(held(b, &until) != 0 && held(c, &until) != 0);
	assert_int_equal(holds(), 3);
	assert_int_equal(world_end(w, user_deactivate(world_act(w, "root"), "alice", false)), 0);
	assert_int_equal(holds(), 1);
	assert_true(held(b, &until) == 0 && held(c, &until) == 0);
}

/* Two bookings of one user and one of another: each has a slot of its own, in the order of what was booked. */
static void each_has_their_own(void **state)
{
	int64_t first = book("alice", "krios-1", H(2), H(3)), second = book("zoe", "krios-1", H(3), H(4)),
		third = book("alice", "krios-1", H(4), H(5)), until;

	(void)state;
	assert_int_equal(blocked(H(2), H(5), true), 0);
	assert_int_equal(held(first, &until), H(5));
	assert_int_equal(held(second, &until), H(6));
	assert_int_equal(held(third, &until), H(7));
	assert_int_equal(holds(), 3);
}

static void never_within_half_an_hour(void **state)
{
	int64_t b, until;

	(void)state;
	run_until(H(1) - MIN(5));
	b = book("alice", "krios-1", H(1), H(2));
	assert_int_equal(blocked(H(1), H(1) + MIN(15), true), 0);
	assert_int_equal(held(b, &until), H(1) + MIN(30));      /* not 1:15, which is twenty minutes ahead */
	assert_int_equal(until, H(1));
}

static void off_or_nowhere(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(5)), c, until;

	(void)state;
	policy("first_refusal", "0s");
	assert_int_equal(blocked(H(2), H(5), true), 0);
	assert_int_equal(held(b, &until), 0);
	policy("first_refusal", "24h");
	c = book("alice", "krios-1", H(6), H(9));
	assert_int_equal(blocked(H(6), H(40 * 24), true), 0);   /* beyond the horizon */
	assert_int_equal(held(c, &until), 0);
	assert_int_equal(holds(), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE state = 'displaced'"), 2);
}

/* With its turnover, and no booking of the same org is squeezed for it. */
static void the_turnover_is_held_too(void **state)
{
	int64_t b, until;
	struct booking other;

	(void)state;
	policy("turnover", "30m");
	b = book("alice", "krios-1", H(2), H(3));
	book("bob", "krios-1", H(5), H(6));
	assert_int_equal(blocked(H(2), H(3) + MIN(45), true), 0);
	assert_int_equal(held(b, &until), H(6) + MIN(30));      /* 3:45 to 4:45 leaves bob's turnover too short */
	assert_int_equal(booked("zoe", "zoe", H(7) + MIN(45), H(9), &other), ACT_REFUSED);
	assert_int_equal(booked("zoe", "zoe", H(8), H(9), &other), 0);
	assert_int_equal(booked("alice", "alice", H(6) + MIN(30), H(7) + MIN(30), &other), 0);
	assert_int_equal(holds(), 0);
}

/* A booking that ends where the hold begins is not the one that takes it. */
static void beside_it_is_not_taking_it(void **state)
{
	int64_t b, until;
	struct booking other;

	(void)state;
	policy("turnover", "30m");
	b = book("alice", "krios-1", H(2), H(5));
	book("zoe", "krios-1", H(7) + MIN(30), H(8));
	assert_int_equal(blocked(H(2), H(6), true), 0);
	assert_int_equal(held(b, &until), H(8) + MIN(30));
	assert_int_equal(booked("alice", "alice", H(8) + MIN(15), H(8) + MIN(30), &other), ACT_REFUSED); /* zoe's turnover */
	assert_int_equal(booked("alice", "alice", H(6), H(7), &other), 0);
	assert_int_equal(holds(), 1);
}

/* Whoever writes: the store refuses what would overlap a hold. */
static void the_store_refuses_an_overlap(void **state)
{
	(void)state;
	book("alice", "krios-1", H(2), H(5));
	assert_int_equal(blocked(H(2), H(5), true), 0);
	world_act(w, NULL);
	assert_int_equal(db_run(w->db, "INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) SELECT 900, unit, "
		"busy_from + 1, busy_to + 1, 'booking', 900 FROM occupancy WHERE kind = 'hold'", ""), DB_CONSTRAINT);
	world_end(w, DB_CONSTRAINT);
	world_act(w, NULL);
	assert_int_equal(db_run(w->db, "INSERT INTO first_refusal (booking, from_at, to_at, expires_at, created_at) "
		"VALUES (1, 10, 20, 10, 0)", ""), DB_CONSTRAINT);
	world_end(w, DB_CONSTRAINT);
	assert_int_equal(holds(), 1);
}

/* ---- a block that goes away again ---- */

static int unblocked(int64_t block)
{
	int rc = world_end(w, block_remove(world_act(w, "mia"), block, 0));

	check();
	return rc;
}

static struct booking now_is(int64_t id)
{
	struct booking b;

	assert_int_equal(booking_load(world_read(w, NULL), id, &b), 0);
	return b;
}

static int64_t in_use(int64_t from, int64_t to)
{
	int64_t b = book("alice", "krios-1", from, to);

	run_until(from);
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	return b;
}

/* Runs to the end and settles: seconds of overrun that are charged. */
static int64_t overrun_at(int64_t end)
{
	run_until(end);
	d.of[0].on = false;
	run(LT_HOUR);
	return world_int(w, "SELECT overrun_s FROM charge WHERE kind = 'usage'");
}

static void what_was_cut_is_given_back(void **state)
{
	int64_t b = in_use(H(1), H(4));
	struct booking other;

	(void)state;
	assert_int_equal(blocked(H(2), H(6), true), 0);
	assert_int_equal(now_is(b).held_to, H(2));
	assert_int_equal(now_is(b).priced_to, H(6));
	run(MIN(20));
	assert_int_equal(unblocked(1), 0);
	assert_int_equal(now_is(b).held_to, H(4));
	assert_int_equal(now_is(b).priced_to, H(4));
	assert_int_equal(booked("zoe", "zoe", H(3), H(4), &other), ACT_REFUSED);
	assert_int_equal(booked("zoe", "zoe", H(5), H(6), &other), 0);
	ABOUT(overrun_at(H(4) + MIN(20)), 15 * 60, 10);          /* after five minutes of grace */
}

/* Removed while it lasted: what ran inside it is no overrun, what runs on from then is. */
static void inside_the_block_nothing_was_overrun(void **state)
{
	int64_t b = in_use(H(1), H(2));

	(void)state;
	assert_int_equal(blocked(H(1) + MIN(30), H(5), true), 0);
	run_until(H(3));
	assert_int_equal(unblocked(1), 0);
	assert_int_equal(now_is(b).priced_to, H(3));
	run(MIN(2));
	assert_true(world_int(w, "SELECT MAX(busy_to) FROM occupancy WHERE active = 1") > w->now.wall_ms);
	ABOUT(overrun_at(H(3) + MIN(30)), 25 * 60, 10);
}

static void what_others_have_is_not_given_back(void **state)
{
	int64_t b = in_use(H(1), H(5));
	struct booking other;

	(void)state;
	assert_int_equal(blocked(H(2), H(3), true), 0);
	assert_int_equal(booked("zoe", "zoe", H(3), H(4), &other), 0);
	assert_int_equal(unblocked(1), 0);
	assert_int_equal(now_is(b).held_to, H(3));
	assert_int_equal(now_is(b).priced_to, H(5));
	d.of[0].on = false;
	run(MIN(5));
	must("alice", do_checkout, b);
}

/* What had ended by then stays as it was. */
static void what_is_over_gets_nothing_back(void **state)
{
	int64_t b = in_use(H(1), H(4));
	struct booking was;

	(void)state;
	assert_int_equal(blocked(H(2), H(6), true), 0);
	d.of[0].on = false;
	run(MIN(5));
	must("alice", do_checkout, b);
	was = now_is(b);
	assert_int_equal(unblocked(1), 0);
	assert_int_equal(now_is(b).version, was.version);
	assert_int_equal(now_is(b).held_to, was.held_to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_next_slot_is_held_for_the_owner), T(a_move_of_the_owner_takes_it), T(it_ends_by_itself),
		T(another_block_ends_it), T(it_goes_with_its_user), T(each_has_their_own),
		T(never_within_half_an_hour), T(off_or_nowhere), T(the_turnover_is_held_too),
		T(beside_it_is_not_taking_it), T(the_store_refuses_an_overlap), T(what_was_cut_is_given_back),
		T(inside_the_block_nothing_was_overrun), T(what_others_have_is_not_given_back),
		T(what_is_over_gets_nothing_back),
	};

	return cmocka_run_group_tests_name("first refusal", tests, NULL, NULL);
}
