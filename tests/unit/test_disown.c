/*
 * test_disown.c - what an owner may give back of a session before it settles: what ran before their check-in, in whole
 * or in part, with what is held, or was agreed on, of that time (METERING.md, Sessions). Virtual time.
 */
#include "app/money.h"
#include "sessions_rig.h"

static int64_t sum_of(const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COALESCE(SUM(measured_ms), 0) FROM session WHERE kind = ?1", "t", kind);
}

static int64_t told(const char *user, const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE user = ?1 AND kind = ?2", "tt", user, kind);
}

static void refused(const char *user, int64_t session, const char *code)
{
	assert_int_equal(act(user, do_disown, session), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, code);
}

static void leave(int64_t b, int64_t after)
{
	run(after);
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
}

static int64_t presumed_then_checked_in(void)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(6));
	assert_int_equal(told("alice", "session_presumed"), 1);
	must("alice", do_checkin, b);
	return b;
}

static void test_i_may_disown_what_ran_before_my_check_in(void **state)
{
	int64_t b = presumed_then_checked_in(), id = of_booking(b).id;

	(void)state;
	run(MIN(10));
	must("alice", do_disown, id);
	assert_int_equal(of_booking(b).id, id);
	assert_int_equal(of_booking(b).state, SESSION_RUNNING);
	ABOUT(of_booking(b).measured_ms, MIN(10), 1000);
	ABOUT(sum_of("unattributed"), MIN(6), 6000);
	assert_int_equal(reviews("unattributed"), 1);
	refused("alice", id, "nothing-to-disown"); /* no more is from before */
	leave(b, MIN(5));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	ABOUT(world_int(w, "SELECT used_s FROM charge"), 15 * 60, 1);
	refused("alice", id, "settled");
}

static void test_i_may_disown_at_the_instant_of_my_check_in(void **state)
{
	int64_t b = presumed_then_checked_in();

	(void)state;
	must("alice", do_disown, of_booking(b).id);
	assert_int_equal(of_booking(b).measured_ms, 0);
	leave(b, MIN(5));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 5 * 60);
}

/* The check-in was not answered by a reading: what runs since the last one is parted when the next one comes. */
static void test_i_may_disown_while_the_controller_is_silent(void **state)
{
	static const int64_t silent[] = { 10 * LT_SECOND, 50 * LT_SECOND, MIN(10) };

	(void)state;
	for (size_t k = 0; k < sizeof(silent) / sizeof(silent[0]); k++) {
		int64_t b = book("alice", "krios-1", H(1), H(3)), at;

		run_until(H(1) + MIN(5));
		d.of[0].on = true;
		run(MIN(6));
		d.of[0].silent = true;
		run(silent[k]);
		must("alice", do_checkin, b);
		at = w->now.wall_ms;
		run(2 * LT_SECOND);
		must("alice", do_disown, of_booking(b).id);
		run(silent[k]);
		d.of[0].silent = false;
		run(MIN(1));
		assert_true(of_booking(b).measured_ms <= w->now.wall_ms - at + 2000);
		ABOUT(of_booking(b).measured_ms, w->now.wall_ms - at, 12000);
		ABOUT(sum_of("unattributed"), MIN(6) + silent[k], 12000);
		teardown(NULL);
		setup(NULL);
	}
}

static int do_disown_before(struct act *a, void *arg)
{
	struct session s;
	struct by_id *x = arg;

	return session_disown(a, x->id, H(1) + MIN(8), "only that", &s);
}

static void test_i_may_disown_a_part_only(void **state)
{
	int64_t b = presumed_then_checked_in();

	(void)state;
	must("alice", do_disown_before, of_booking(b).id);
	leave(b, MIN(4));
	ABOUT(of_booking(b).measured_ms, MIN(3) + MIN(4), 6000);
	ABOUT(sum_of("unattributed"), MIN(3), 6000);
}

/* It was said not to be theirs: a later check-in does not make it so. */
static void test_what_i_disowned_does_not_come_back_with_my_check_in(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(6));
	must("alice", do_disown, of_booking(b).id);
	run(MIN(2));
	must("alice", do_checkin, b);
	leave(b, MIN(10));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 10 * 60);
	ABOUT(sum_of("unattributed"), MIN(8), 6000);
	assert_int_equal(reviews("unattributed"), 1);
}

static int do_disown_silently(struct act *a, void *arg)
{
	struct session s;

	return session_disown(a, ((struct by_id *)arg)->id, 0, "", &s);
}

static void test_without_a_reason_no_colon_is_left(void **state)
{
	int64_t b = presumed_then_checked_in();

	(void)state;
	must("alice", do_disown_silently, of_booking(b).id);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE detail LIKE '%disowned by %alice'"), 1);
}

/* A colleague's run went on into my booking: I did not check in, and may say so. */
static void test_i_may_disown_what_a_colleague_ran_on_into_my_booking(void **state)
{
	int64_t c = book("bob", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2), H(3));

	(void)state;
	run_until(H(1));
	must("bob", do_checkin, c);
	d.of[0].on = true;
	run_until(H(2) + MIN(10));
	ABOUT(of_booking(b).measured_ms, MIN(10), 1000);
	assert_int_equal(told("alice", "booking.run_continues"), 1);
	must("alice", do_checkin, b);
	must("alice", do_disown, of_booking(b).id);
	leave(b, MIN(5));
	ABOUT(world_int(w, "SELECT used_s FROM charge WHERE user = 'alice'"), 5 * 60, 1);
}

static void test_what_followed_my_check_in_cannot_be_disowned(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1) + MIN(5));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(5));
	refused("alice", of_booking(b).id, "nothing-to-disown");
	assert_int_equal(act("alice", do_disown_before, of_booking(b).id), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "nothing-to-disown");
	d.of[0].on = false;
}

static int do_new_meter(struct act *a, void *arg)
{
	struct review r;

	return review_new_meter(a, ((struct by_id *)arg)->id, "the counter was replaced", &r);
}

/* The register left its level in the run: what was measured ran first, and what is held after that. */
static void test_what_is_held_stays_with_its_part_of_the_run(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(5));
	d.of[0].base -= 3000; /* another counter is in its place */
	run(MIN(4));
	must("alice", do_checkin, b);
	must("alice", do_disown_before, of_booking(b).id);
	ABOUT(of_booking(b).measured_ms, MIN(2), 12000);
	ABOUT(sum_of("unattributed"), MIN(3), 12000);
	ABOUT(world_int(w, "SELECT SUM(held_ms) FROM usage"), MIN(4), 30000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage WHERE measured_ms + held_ms > to_at - from_at + 2000"), 0);
	must("mia", do_new_meter, world_int(w, "SELECT id FROM review WHERE kind = 'meter_manual'"));
	ABOUT(of_booking(b).measured_ms, MIN(6), 30000);
	ABOUT(sum_of("unattributed"), MIN(3), 12000);
	d.of[0].on = false;
}

static int do_estimate(struct act *a, void *arg)
{
	struct review r;

	return review_estimate(a, ((struct by_id *)arg)->id, 300, "the log book says so", &r);
}

/* A gap before her check-in, of which two people agreed to charge her five minutes: she cannot undo that alone. */
static void test_what_two_people_agreed_to_charge_me_is_disputed_and_not_disowned(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3)), lost;

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(2));
	d.of[0].silent = true;
	run(MIN(4));
	d.of[0].on = false;
	run(MIN(6));
	d.of[0].silent = false;
	run(MIN(1));
	d.of[0].on = true;
	run(MIN(3));
	must("alice", do_checkin, b);
	run(MIN(5));
	d.of[0].base -= 3000; /* a second item keeps the session open to be disowned */
	run(MIN(2));
	leave(b, 0);
	lost = world_int(w, "SELECT id FROM review WHERE kind = 'meter_lost'");
	must("mia", do_estimate, lost);
	must("root", do_estimate, lost);
	assert_int_equal(of_booking(b).estimated_ms, MIN(5));
	must("alice", do_disown, of_booking(b).id);
	assert_int_equal(of_booking(b).estimated_ms, MIN(5));
	ABOUT(sum_of("unattributed"), MIN(9), 12000);
	must("mia", do_accept, world_int(w, "SELECT id FROM review WHERE kind = 'meter_manual'"));
	/* its time lies in what she gave back: a person looks once more */
	must("mia", do_accept, world_int(w, "SELECT id FROM review WHERE kind = 'implausible'"));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT estimated_s FROM charge"), 300);
	ABOUT(world_int(w, "SELECT used_s FROM charge"), 300, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_i_may_disown_what_ran_before_my_check_in), T(test_i_may_disown_at_the_instant_of_my_check_in),
		T(test_i_may_disown_while_the_controller_is_silent), T(test_i_may_disown_a_part_only),
		T(test_without_a_reason_no_colon_is_left),
		T(test_what_i_disowned_does_not_come_back_with_my_check_in),
		T(test_i_may_disown_what_a_colleague_ran_on_into_my_booking),
		T(test_what_followed_my_check_in_cannot_be_disowned),
		T(test_what_is_held_stays_with_its_part_of_the_run),
		T(test_what_two_people_agreed_to_charge_me_is_disputed_and_not_disowned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
