/*
 * test_told.c - R28: who is told what before, at and after the end of a booking in use, in virtual time with scripted
 * devices.
 */
#include "sessions_rig.h"

static int64_t told(const char *user, const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE user = ?1 AND kind = ?2", "tt", user, kind);
}

static int64_t told_at(const char *user, const char *kind)
{
	return db_one_int(w->db, 0, "SELECT MAX(at) FROM event WHERE user = ?1 AND kind = ?2", "tt", user, kind);
}

static int64_t warnings(void)
{
	return world_int(w, "SELECT COUNT(*) FROM timer WHERE kind = 'booking_warn'");
}

static void policy(const char *key, const char *value)
{
	struct lt_err err;

	assert_int_equal(policy_set(&w->instruments[0].policy, key, value, &err), 0);
	world_sleep(w, 1);
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
}

struct patch { int64_t id, to; };

static int do_end(struct act *a, void *arg)
{
	struct patch *p = arg;
	struct booking_patch change = { .has_to = true, .to = p->to };
	struct booking b;

	return booking_change(a, p->id, 0, &change, &b);
}

static void end_at(const char *user, int64_t id, int64_t to)
{
	struct patch p = { id, to };

	assert_int_equal(devices_act(&d, user, do_end, &p), 0);
}

static void begin(const char *user, int64_t booking, int64_t at)
{
	run_until(at);
	must(user, do_checkin, booking);
	d.of[0].on = true;
}

static void both_are_told(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), z = book("zoe", "krios-1", H(2), H(4));

	(void)state;
	assert_int_equal(warnings(), 0);                        /* nothing is in use yet */
	begin("alice", b, H(1));
	assert_int_equal(warnings(), 1);
	run_until(H(2) - MIN(10) - 1);
	assert_int_equal(told("alice", "booking.end_soon"), 0);
	run_until(H(2) - MIN(10));
	assert_int_equal(told("alice", "booking.end_soon"), 1);
	assert_int_equal(told("zoe", "booking.in_use_before"), 1);
	assert_int_equal(told("alice", "overrun"), 0);
	run_until(H(2));
	assert_int_equal(told("alice", "overrun"), 1);
	assert_int_equal(told("zoe", "booking.held_up"), 1);
	run_until(H(2) + MIN(20));
	assert_int_equal(told("alice", "booking.overrun_over"), 0);
	d.of[0].on = false;
	run(MIN(1));
	assert_int_equal(told("alice", "booking.overrun_over"), 1);
	assert_int_equal(told("zoe", "booking.unit_free"), 1);
	/* each once, and each about their own booking */
	run_until(H(2) + MIN(25));
	assert_int_equal(told("alice", "booking.end_soon") + told("zoe", "booking.in_use_before"), 2);
	assert_int_equal(db_one_int(w->db, -1, "SELECT COUNT(*) FROM event WHERE user = 'zoe' AND kind IN ('booking.in_use_before', "
		"'booking.held_up', 'booking.unit_free') AND booking = ?1 AND org = 'zeta' AND detail NOT LIKE '%alice%'", "i", z), 3);
	assert_int_equal(warnings(), 0);
}

/* Who has checked in is told of the delay by their own booking. */
static void who_waits_is_told_once(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), z = book("zoe", "krios-1", H(3), H(5));

	(void)state;
	begin("alice", b, H(1));
	run_until(H(2) + MIN(1));
	assert_int_equal(told("zoe", "booking.in_use_before") + told("zoe", "booking.held_up"), 0); /* an hour lies between */
	run_until(H(3));
	assert_int_equal(told_at("zoe", "booking.held_up"), H(3));
	must("zoe", do_checkin, z);
	run_until(H(3) + MIN(20));
	d.of[0].on = false;
	run(MIN(1));
	assert_int_equal(told("zoe", "booking.delay"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'delay' AND detail = '' AND to_at > "
		"from_at AND to_at = (SELECT priced_to FROM booking WHERE id = booking_event.booking)"), 1);
	assert_int_equal(told("zoe", "booking.unit_free"), 0);
	assert_int_equal(told("alice", "booking.overrun_over"), 1);
}

static void the_warning_moves_with_the_end(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	(void)state;
	begin("alice", b, H(1));
	run_until(H(1) + MIN(30));
	end_at("alice", b, H(3));
	run_until(H(2) + MIN(49));
	assert_int_equal(told("alice", "booking.end_soon"), 0);
	must("alice", do_checkin, b);
	run_until(H(2) + MIN(51));
	assert_int_equal(told("alice", "booking.end_soon"), 1);
	must("alice", do_checkin, b);                           /* told already */
	run(MIN(1));
	assert_int_equal(told("alice", "booking.end_soon"), 1);
	end_at("alice", b, H(4));                               /* another end, another warning */
	run_until(H(3) + MIN(51));
	assert_int_equal(told("alice", "booking.end_soon"), 2);
	assert_int_equal(told_at("alice", "booking.end_soon"), H(3) + MIN(50));
	d.of[0].on = false;
	run_until(H(4) + MIN(1));
	assert_int_equal(told("alice", "overrun") + told("alice", "booking.overrun_over"), 0);
}

static void the_warning_dies_with_the_session(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), unused = book("bob", "krios-1", H(2), H(3));

	(void)state;
	begin("alice", b, H(1));
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(5));
	must("alice", do_checkout, b);
	assert_int_equal(warnings(), 0);
	run_until(H(4));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind IN ('booking.end_soon', 'booking.in_use_before', "
		"'booking.held_up', 'booking.unit_free', 'booking.overrun_over')"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE state = 'no_show'"), 1);
	assert_true(unused > b);
}

static void the_warning_is_a_policy(void **state)
{
	int64_t b;

	(void)state;
	policy("end_warning", "25m");
	b = book("alice", "krios-1", H(1), H(1) + MIN(15));     /* shorter than the warning: told when it begins */
	begin("alice", b, H(1));
	run(MIN(1));
	assert_int_equal(told("alice", "booking.end_soon"), 1);
	d.of[0].on = false;
	run_until(H(1) + MIN(20));
	policy("end_warning", "0s");
	b = book("alice", "krios-1", H(2), H(3));
	begin("alice", b, H(2));
	assert_int_equal(warnings(), 0);
	d.of[0].on = false;
	run_until(H(4));
	assert_int_equal(told("alice", "booking.end_soon"), 1);
}

/* Away over the warning: it is told when labtime is back, once, with the end that it names. */
static void late_timers_tell_once(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	(void)state;
	begin("alice", b, H(1));
	run_until(H(1) + MIN(45));
	world_sleep(w, MIN(10));                                /* no timer fires, no reading comes */
	assert_int_equal(told("alice", "booking.end_soon"), 0);
	run(0);
	assert_int_equal(told("alice", "booking.end_soon"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.end_soon' AND "
		"detail = '' AND fact_at = (SELECT booked_to FROM booking WHERE id = event.booking)"), 1);
	d.of[0].on = false;
	run_until(H(3));
	assert_int_equal(told("alice", "booking.end_soon"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_are_told), T(who_waits_is_told_once), T(the_warning_moves_with_the_end),
		T(the_warning_dies_with_the_session), T(the_warning_is_a_policy), T(late_timers_tell_once),
	};

	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
