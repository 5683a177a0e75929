/*
 * test_attributed.c - a run without a check-in inside a booking, which a review finds to be its user's: it is the
 * booking's use, a no-show that was decided before is undone, and it is priced in the booking (R25, R29). Virtual time.
 */
#include "app/money.h"
#include "sessions_rig.h"

#define STARTS (H(2) + MIN(10))
#define DUE "SELECT COALESCE(SUM(amount_minor), 0) FROM charge WHERE org = 'acme'"
#define WALK_UPS "SELECT COUNT(*) FROM charge_line WHERE component = 'walk_up'"
#define FEE 7500                         /* half of what was left when the run was over: ninety minutes at 100.00 */
#define TWENTY 3333                      /* twenty minutes at 100.00 */
#define STATE(id, want) assert_string_equal(booking_state_name(now_is(id).state), want)

static struct booking now_is(int64_t id)
{
	struct booking b;

	assert_int_equal(booking_load(world_read(w, NULL), id, &b), 0);
	return b;
}

static int with_fees(void **state)
{
	setup(state);
	w->instruments[0].price.no_show_bp = 5000;
	w->instruments[0].price.walk_up_pm = 1500;
	return world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0]));
}

/* zoe of another org has the hour before alice's booking, so a run of 20 minutes in it without a check-in is nobody's. */
static int64_t ran_without_check_in(void)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2)), b = book("alice", "krios-1", H(2), H(4));

	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(50));
	d.of[0].on = false;
	run_until(STARTS);
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run(MIN(6));
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(latest().state, SESSION_CLOSED);
	return b;
}

static int do_claim(struct act *a, void *arg)
{
	struct claim c;

	return claim_make(a, "krios-1", *(int64_t *)arg, "", &c);
}

static void claim_run(void)
{
	int64_t at = STARTS + MIN(1);

	assert_int_equal(devices_act(&d, "alice", do_claim, &at), 0);
}

static int give_to_alice(const char *by)
{
	struct by_id x = { .id = world_int(w, "SELECT id FROM review WHERE state <> 'done'"), .org = "acme", .user = "alice" };

	return devices_act(&d, by, do_attribute, &x);
}

static int64_t told(const char *verb)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM booking_event WHERE verb = ?1", "t", verb);
}

static void test_my_claimed_run_undoes_my_no_show(void **state)
{
	int64_t b = ran_without_check_in();

	(void)state;
	run_until(H(3));
	STATE(b, "no_show");
	assert_int_equal(world_int(w, DUE), FEE);
	claim_run();
	assert_int_equal(give_to_alice("mia"), 0);
	STATE(b, "completed");
	assert_int_equal(told("undo_no_show"), 1);
	assert_int_equal(now_is(b).fee_minor, 0);
	run_until(H(5));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, DUE), TWENTY);
	assert_int_equal(world_int(w, WALK_UPS), 0);
	assert_int_equal(act("alice", do_disown, of_booking(b).id), ACT_REFUSED);
}

/* Nobody claimed it: the fee stands until the org has not objected for seven days. */
static void test_a_run_given_to_me_undoes_my_no_show_after_seven_days(void **state)
{
	int64_t b = ran_without_check_in();

	(void)state;
	run_until(H(3));
	assert_int_equal(give_to_alice("mia"), 0);
	assert_int_equal(give_to_alice("root"), 0);
	run_until(H(4));
	STATE(b, "no_show");
	assert_int_equal(world_int(w, DUE), FEE);
	run_until(H(3 + 7 * 24) + MIN(1));
	STATE(b, "completed");
	assert_int_equal(world_int(w, DUE), TWENTY);
	assert_int_equal(world_int(w, WALK_UPS), 0);
}

static void test_who_objects_keeps_the_no_show(void **state)
{
	int64_t b = ran_without_check_in();

	(void)state;
	run_until(H(3));
	assert_int_equal(give_to_alice("mia"), 0);
	assert_int_equal(give_to_alice("root"), 0);
	must("alice", do_disown, latest().id);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'session_object' AND actor = 'alice' AND "
		"before = 'attribute to alice of acme' AND after = 'objected to by alice: not me'"), 1);
	run_until(H(3 + 7 * 24) + MIN(1));
	STATE(b, "no_show");
	assert_int_equal(world_int(w, DUE), FEE);
}

/* It is not decided yet whether the booking is used: the review waits for that. */
static void test_the_review_waits_for_the_booking(void **state)
{
	int64_t b = ran_without_check_in();

	(void)state;
	claim_run();
	STATE(b, "confirmed");
	assert_int_equal(give_to_alice("mia"), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "booking-waits");
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
}

/* After the no-show the rest was free for everybody: a run there is a walk-up, and the fee stands. */
static void test_a_run_after_the_release_is_a_walk_up(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(4)), at = H(3) + MIN(1);

	(void)state;
	run_until(H(3));
	STATE(b, "no_show");
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run(MIN(6));
	assert_int_equal(devices_act(&d, "alice", do_claim, &at), 0);
	assert_int_equal(give_to_alice("mia"), 0);
	STATE(b, "no_show");
	assert_int_equal(world_int(w, DUE), 10000 + 5000);   /* half of two hours; twenty minutes, times 1.5 */
	assert_int_equal(world_int(w, WALK_UPS), 1);
}

/* Another's run stays another's: the owner did not come. */
static void test_a_run_given_to_another_undoes_nothing(void **state)
{
	struct by_id x = { .org = "acme", .user = "bob" };
	int64_t b = ran_without_check_in();

	(void)state;
	run_until(H(3));
	claim_run();
	x.id = world_int(w, "SELECT id FROM review WHERE state <> 'done'");
	assert_int_equal(devices_act(&d, "mia", do_attribute, &x), 0);
	STATE(b, "no_show");
	assert_int_equal(world_int(w, WALK_UPS), 1);
}

static void test_the_history_does_not_say_that_nothing_ran(void **state)
{
	int64_t b = ran_without_check_in();

	(void)state;
	run_until(H(3));
	STATE(b, "no_show");
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'no_show' AND why <> 'nobodys_run'"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'no_show' AND why = 'nobodys_run'"), 1);
}

int main(void)
{
#define F(f) cmocka_unit_test_setup_teardown(f, with_fees, teardown)
	const struct CMUnitTest tests[] = {
		F(test_my_claimed_run_undoes_my_no_show), F(test_a_run_given_to_me_undoes_my_no_show_after_seven_days),
		F(test_who_objects_keeps_the_no_show), F(test_the_review_waits_for_the_booking),
		F(test_a_run_after_the_release_is_a_walk_up), F(test_a_run_given_to_another_undoes_nothing),
		F(test_the_history_does_not_say_that_nothing_ran),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
