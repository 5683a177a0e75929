/*
 * test_whose_run.c - whose a run is that began before a check-in, or without one: what the user pays who checks in, and
 * what they are told (METERING.md, Sessions). What they may give back: test_disown.c. Virtual time.
 */
#include "app/money.h"
#include "sessions_rig.h"

#define STARTS (H(2) + MIN(10))

static int64_t sum_of(const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COALESCE(SUM(measured_ms), 0) FROM session WHERE kind = ?1", "t", kind);
}

static int64_t told(const char *user, const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE user = ?1 AND kind = ?2", "tt", user, kind);
}

/* zoe of another org has the hour before alice's booking, and starts the instrument ten minutes into it. */
static int64_t zoe_runs_on(void)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2), H(4));

	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].on = false;
	run_until(STARTS);
	d.of[0].on = true;
	return b;
}

static void leave(int64_t b, int64_t after)
{
	run(after);
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
}

/* ---- a run that may be another's ---- */

static void test_a_run_that_the_previous_user_starts_in_my_booking_is_not_charged_to_me(void **state)
{
	int64_t b = zoe_runs_on();

	(void)state;
	run(MIN(5));
	assert_int_equal(told("alice", "booking.unattributed_run"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE user = 'alice' AND (session IS NOT NULL OR detail LIKE "
		"'%zeta%' OR detail LIKE '%zoe%') AND kind = 'booking.unattributed_run'"), 0);
	must("alice", do_checkin, b);
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	assert_int_equal(of_booking(b).opened_at, STARTS + MIN(5));
	assert_int_equal(of_booking(b).measured_ms, 0);
	assert_int_equal(reviews("unattributed"), 1); /* what was before stays to be decided */
	leave(b, MIN(15));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge WHERE org = 'acme'"), 15 * 60);
	assert_int_equal(sum_of("unattributed"), MIN(5));
	assert_int_equal(reviews("unattributed"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session WHERE kind = 'unattributed' AND bypassed = 1 AND outcome = "
		"'awaiting_review'"), 1);
}

/* The controller is silent for so long around the check-in: shorter than a gap, as long, longer, much longer. */
static void test_what_ran_before_a_check_in_that_no_reading_answers_is_not_mine(void **state)
{
	static const int64_t silent[] = { 12 * LT_SECOND, 50 * LT_SECOND, MIN(4), MIN(40) };

	(void)state;
	for (size_t k = 0; k < sizeof(silent) / sizeof(silent[0]); k++) {
		int64_t b = zoe_runs_on(), seen;

		run(MIN(5));
		d.of[0].silent = true;
		run(silent[k] / 2);
		must("alice", do_checkin, b);
		seen = w->now.wall_ms;
		run(silent[k] - silent[k] / 2);
		d.of[0].silent = false;
		run(MIN(2));
		ABOUT(of_booking(b).measured_ms, w->now.wall_ms - seen, 12000);
		assert_true(of_booking(b).measured_ms <= w->now.wall_ms - seen + 2000);
		assert_int_equal(of_booking(b).state, SESSION_RUNNING);
		teardown(NULL);
		setup(NULL);
	}
}

static void test_the_second_run_of_the_previous_user_is_not_mine_either(void **state)
{
	int64_t b = zoe_runs_on();

	(void)state;
	run(MIN(2));
	d.of[0].on = false;
	run(MIN(7)); /* the session of nobody closes */
	d.of[0].on = true;
	run(MIN(4));
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	must("alice", do_checkin, b);
	leave(b, MIN(10));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge WHERE org = 'acme'"), 10 * 60);
	assert_int_equal(reviews("unattributed"), 2);
}

/* A run of nobody's before the booking, and soon after another in it: they are not taken for one. */
static void test_a_run_before_my_booking_does_not_hide_one_in_it(void **state)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2) + MIN(30), H(4));

	(void)state;
	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].on = false;
	run_until(H(2) + MIN(11)); /* alice's early start is at 15 */
	d.of[0].on = true;
	run(MIN(3));
	d.of[0].on = false;
	run(MIN(2));
	d.of[0].on = true;
	run_until(H(2) + MIN(30));
	assert_true(told("alice", "booking.unattributed_run") > 0);
	must("alice", do_checkin, b);
	leave(b, MIN(10));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge WHERE org = 'acme'"), 10 * 60);
	ABOUT(sum_of("unattributed"), MIN(3) + MIN(14), 6000);
}

/* What went on unseen from another org's session into my booking is the other's or nobody's, never presumed mine. */
static void went_on_unseen(int64_t dark, bool stopped)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2), H(6));

	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(50));
	if (stopped) {
		d.of[0].run_ms += dark;
		world_sleep(w, dark);
		must(NULL, do_recover, 0);
	} else {
		d.of[0].silent = true;
		run(dark);
		d.of[0].silent = false;
	}
	run(MIN(10));
	assert_true(latest().kind == SESSION_UNATTRIBUTED || strcmp(latest().org, "zeta") == 0);
	if (dark < MIN(40)) /* later she is a no-show */
		must("alice", do_checkin, b);
	d.of[0].on = false;
	run(MIN(1));
	assert_true(world_int(w, "SELECT COALESCE(SUM(measured_ms), 0) FROM session WHERE org = 'acme'") <= 2000);
}

static void test_a_run_that_goes_on_unseen_into_my_booking_is_not_presumed_mine(void **state)
{
	static const int64_t dark[] = { MIN(11), MIN(14), MIN(25), MIN(45), MIN(90) };

	(void)state;
	for (int k = 0; k < 10; k++) {
		went_on_unseen(dark[k / 2], k % 2);
		teardown(NULL);
		setup(NULL);
	}
}

/* zoe's session is given up, or closed by a manager, while her run goes on. It is found on, in no booking and long
 * before alice's, and is still on at alice's check-in. */
static void test_the_previous_users_run_that_is_found_on_is_not_mine_from_my_early_start(void **state)
{
	static const int64_t dark[] = { 0, MIN(16), MIN(25), MIN(60) };

	(void)state;
	for (size_t k = 0; k < sizeof(dark) / sizeof(dark[0]); k++) {
		int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(3) + MIN(30), H(5));

		run_until(H(1));
		must("zoe", do_checkin, z);
		d.of[0].on = true;
		run(MIN(50));
		d.of[0].silent = true;
		run(dark[k]);
		d.of[0].silent = false;
		if (dark[k] == 0)
			must("mia", do_close, of_booking(z).id);
		run_until(H(3) + MIN(35));
		assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
		must("alice", do_checkin, b);
		leave(b, MIN(10));
		assert_int_equal(world_int(w, "SELECT SUM(used_s) FROM charge WHERE org = 'acme'"), 10 * 60);
		teardown(NULL);
		setup(NULL);
	}
}

static int do_claim(struct act *a, void *arg)
{
	struct claim c;

	return claim_make(a, "krios-1", *(int64_t *)arg, "", &c);
}

static void test_a_run_that_somebody_else_has_claimed_is_not_taken_by_a_check_in(void **state)
{
	int64_t at, b;

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(3));
	at = w->now.wall_ms;
	assert_int_equal(devices_act(&d, "zoe", do_claim, &at), 0);
	run(MIN(3));
	b = book("alice", "krios-1", H(1) + MIN(15), H(2));
	run_until(H(1) + MIN(15));
	must("alice", do_checkin, b);
	assert_int_equal(of_booking(b).opened_at, H(1) + MIN(15));
	assert_int_equal(reviews("unattributed"), 1);
	d.of[0].on = false;
}

/* Nobody else is near: the run since the early start is the user's who checks in, and the rest stays nobody's. */
static void test_an_unbooked_run_is_mine_from_the_early_start_on(void **state)
{
	int64_t b;

	(void)state;
	b = book("alice", "krios-1", H(2), H(4));
	run_until(H(2) - MIN(40));
	d.of[0].on = true;
	run_until(H(2) + MIN(5));
	assert_int_equal(told("alice", "booking.unattributed_run"), 1); /* on at the start of the booking */
	must("alice", do_checkin, b);
	ABOUT(of_booking(b).measured_ms, MIN(20), 6000);
	ABOUT(sum_of("unattributed"), MIN(25), 6000);
	assert_int_equal(reviews("unattributed"), 1);
	d.of[0].on = false;
}

static void lock_is(enum lt_lock lock)
{
	struct msg_interlock m = { .head.at = w->now, .lock = lock };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	assert_int_equal(world_end(w, metering_interlock(world_act(w, NULL), &m)), 0);
	d.of[0].lock = lock;
}

/* Somebody got around the interlock, long before her booking. What ran up to her check-in is not hers, E or no E. */
static void test_a_run_behind_the_interlock_is_not_mine_before_my_check_in(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(4));

	(void)state;
	lock_is(LT_LOCK_LOCKED);
	run_until(H(2) - MIN(40));
	d.of[0].on = true;
	run_until(H(2) + MIN(5));
	assert_int_equal(told("alice", "booking.unattributed_run"), 1);
	must("alice", do_checkin, b);
	leave(b, MIN(10));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 10 * 60);
	ABOUT(sum_of("unattributed"), MIN(45), 6000);
}

static void link_is(bool up)
{
	struct msg_link m = { .head.at = w->now, .up = up };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
}

/* labtimed is stopped, or the controller away, for `dark` at the start of alice's booking. The relay is read back as
 * `lock` by the reading after it, and not yet by anything else; a run that begins then is the first that is seen. */
static int64_t first_seen_after(int64_t dark, bool stopped, enum lt_lock lock)
{
	int64_t b = book("alice", "krios-1", H(2), H(4));

	lock_is(LT_LOCK_LOCKED);
	run_until(H(2) + MIN(1));
	if (stopped) {
		world_sleep(w, dark);
		must(NULL, do_recover, 0);
	} else {
		link_is(false);
		d.of[0].silent = true;
		run(dark);
		d.of[0].silent = false;
		link_is(true);
	}
	d.of[0].lock = lock;
	d.of[0].on = true;
	run(MIN(5));
	return b;
}

static void test_a_run_behind_the_interlock_first_seen_after_a_restart_is_not_mine(void **state)
{
	static const int64_t dark[] = { 10 * LT_SECOND, 30 * LT_SECOND, MIN(3), MIN(25) };

	(void)state;
	for (int k = 0; k < 16; k++) {
		/* where the reading does not say how the relay stands, nobody is presumed either */
		int64_t b = first_seen_after(dark[k / 4], k % 2, k % 4 < 2 ? LT_LOCK_LOCKED : LT_LOCK_UNKNOWN);

		assert_true(latest().bypassed);
		assert_int_equal(told("alice", "session_presumed"), 0);
		assert_int_equal(told("alice", "booking.unattributed_run"), 1);
		must("alice", do_checkin, b);
		leave(b, MIN(10));
		assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 10 * 60);
		ABOUT(sum_of("unattributed"), MIN(5), 6000);
		assert_int_equal(reviews("unattributed"), 1);
		teardown(NULL);
		setup(NULL);
	}
}

static void test_a_run_before_an_open_interlock_is_presumed_mine_after_a_restart_too(void **state)
{
	(void)state;
	for (int stopped = 0; stopped < 2; stopped++) {
		int64_t b = first_seen_after(MIN(3), stopped, LT_LOCK_UNLOCKED);

		assert_int_equal(of_booking(b).kind, SESSION_BOOKED);
		assert_true(of_booking(b).presumed);
		d.of[0].on = false;
		teardown(NULL);
		setup(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_run_that_the_previous_user_starts_in_my_booking_is_not_charged_to_me),
		T(test_what_ran_before_a_check_in_that_no_reading_answers_is_not_mine),
		T(test_the_second_run_of_the_previous_user_is_not_mine_either),
		T(test_a_run_before_my_booking_does_not_hide_one_in_it),
		T(test_a_run_that_goes_on_unseen_into_my_booking_is_not_presumed_mine),
		T(test_the_previous_users_run_that_is_found_on_is_not_mine_from_my_early_start),
		T(test_a_run_that_somebody_else_has_claimed_is_not_taken_by_a_check_in),
		T(test_an_unbooked_run_is_mine_from_the_early_start_on),
		T(test_a_run_behind_the_interlock_is_not_mine_before_my_check_in),
		T(test_a_run_behind_the_interlock_first_seen_after_a_restart_is_not_mine),
		T(test_a_run_before_an_open_interlock_is_presumed_mine_after_a_restart_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
