/*
 * test_level.c - an hour meter that leaves its level and comes back, and what people are billed: a register that drops,
 * remote I/O that is lost, a controller that boots at zero, a counter that was replaced. Virtual time.
 */
#include "sessions_rig.h"

#include "store/meter.h"

static int64_t checked_in(const char *user, int64_t from, int64_t to)
{
	int64_t b = book(user, "krios-1", from, to);

	run_until(from);
	must(user, do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	return b;
}

static void leave(const char *user, int64_t b)
{
	d.of[0].on = false;
	run(MIN(1));
	must(user, do_checkout, b);
}

/* The register says this, whatever the instrument does. */
static void stuck_for(int64_t ms, uint64_t raw)
{
	d.of[0].stuck = true;
	d.of[0].stuck_raw = raw;
	run(ms);
}

static void true_again(void)
{
	d.of[0].stuck = false;
}

static int64_t billed(int64_t b)
{
	return db_one_int(w->db, -1, "SELECT SUM(used_s) FROM charge WHERE booking = ?1", "i", b);
}

static int64_t true_raw(void) { return (int64_t)d.of[0].base + d.of[0].run_ms / 1000; }

static void test_a_drop_by_two_for_a_minute_bills_its_seconds_once(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4));

	(void)state;
	d.of[0].on = false;
	for (int k = 0; k < 5; k++) {
		int64_t level = true_raw();

		d.of[0].on = true;
		run(1000);
		d.of[0].on = false;
		run(MIN(1));
		stuck_for(MIN(1), (uint64_t)level - 1); /* by two */
		true_again();
		run(MIN(1));
	}
	leave("alice", b);
	assert_int_equal(of_booking(b).measured_ms, MIN(10) + 5000);
	assert_int_equal(billed(b), 605);
	assert_int_equal(reviews("meter_manual"), 0);
}

/* Shorter than the confirmation, as long, longer, much longer; twice each. */
static void test_remote_io_lost_for_a_while_costs_nobody_a_second(void **state)
{
	static const int64_t spans[] = { 1000, 5000, 15000, MIN(1), MIN(20) };
	static const uint64_t wild[] = { 0, 0xffffffff };

	for (size_t k = 0; k < 5; k++) {
		int64_t b = checked_in("alice", H(1), H(4));

		for (int twice = 0; twice < 2; twice++) {
			stuck_for(spans[k], wild[k % 2]);
			true_again();
			run(MIN(2));
		}
		leave("alice", b);
		assert_int_equal(of_booking(b).measured_ms, MIN(14) + 2 * spans[k]);
		assert_int_equal(billed(b), (MIN(14) + 2 * spans[k]) / 1000);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE state <> 'done'"), 0);
		teardown(state);
		setup(state);
	}
}

/* Alice goes while the level is unknown, and bob comes: the run bit says who ran when. */
static void test_two_people_while_the_level_is_unknown(void **state)
{
	int64_t a = checked_in("alice", H(1), H(2)), b;

	(void)state;
	stuck_for(MIN(10), 0xffffffff);
	leave("alice", a);
	assert_int_equal(billed(a), -1); /* nobody knows yet */
	b = checked_in("zoe", H(2), H(3));
	true_again();
	run(MIN(5));
	leave("zoe", b);
	ABOUT(billed(a), 20 * 60, 5); /* the bit is read every five seconds */
	assert_in_range(billed(a) + billed(b), 35 * 60 - 5, 35 * 60);
	assert_in_range(world_int(w, "SELECT COALESCE(SUM(measured_ms), 0) FROM usage WHERE session IS NULL"), 0, 5000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'meter_back'"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'meter_manual' AND decided_by <> 'meter'"), 0);
}

static void test_labtimed_restarts_between_drop_and_return(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4));

	(void)state;
	stuck_for(MIN(5), 0);
	must(NULL, do_recover, 0);
	run(MIN(5));
	must(NULL, do_recover, 0);
	true_again();
	run(MIN(5));
	leave("alice", b);
	assert_int_equal(billed(b), 25 * 60);
}

/* A reset that was none had billed its seconds since zero: they are credited, and E does not fall. */
static void test_a_false_reset_is_credited(void **state)
{
	int64_t b, ext;

	(void)state;
	d.of[0].base = 0;
	memset(&inv, 0, sizeof(inv));
	db_run(w->db, "DELETE FROM meter", "");
	b = checked_in("alice", H(1), H(2));
	d.of[0].silent = true;
	run(MIN(12));
	d.of[0].silent = false;
	stuck_for(MIN(1), 500); /* after 600: possible since zero in these twelve minutes */
	d.of[0].run_ms -= MIN(13); /* and it did not run in them */
	leave("alice", b);
	must("mia", do_accept, world_int(w, "SELECT id FROM review WHERE kind = 'meter_lost'"));
	assert_int_equal(billed(b), 600 + 500);
	ext = world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'");
	true_again();
	run(MIN(2));
	assert_int_equal(true_raw(), 600);
	assert_int_equal(billed(b), 600);
	assert_int_equal(of_booking(b).measured_ms, MIN(10));
	assert_int_equal(world_int(w, "SELECT SUM(measured_ms) FROM usage WHERE reason = 'adjustment'"), 500000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'credit'"), 1);
	assert_true(world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'") >= ext);
}

static int do_new_meter(struct act *a, void *arg)
{
	struct review r;

	return review_new_meter(a, ((struct by_id *)arg)->id, "the counter was replaced", &r);
}

static void test_new_meter_measures_what_was_held(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4)), item;

	(void)state;
	d.of[0].base -= 3000; /* it counts on from a lower level */
	run(MIN(10));
	assert_int_equal(reviews("meter_manual"), 1);
	assert_int_equal(of_booking(b).measured_ms, MIN(10));
	item = world_int(w, "SELECT id FROM review");
	assert_in_range(world_int(w, "SELECT held_ms FROM review"), MIN(9), MIN(10));
	must("mia", do_new_meter, item);
	assert_in_range(of_booking(b).measured_ms, MIN(19), MIN(20));
	run(MIN(10));
	leave("alice", b);
	assert_in_range(billed(b), 29 * 60, 30 * 60);
	assert_int_equal(act("mia", do_new_meter, item), ACT_REFUSED);
}

/* The counter stood still for a while before: the run is longer than what it measured then. */
static void test_nothing_stays_held_when_the_register_is_back(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4));

	(void)state;
	stuck_for(20000, (uint64_t)true_raw());
	d.of[0].base -= 20;
	true_again();
	run(MIN(1));
	d.of[0].base -= 3000;
	run(MIN(10));
	assert_in_range(world_int(w, "SELECT SUM(held_ms) FROM usage"), MIN(9), MIN(10));
	d.of[0].base += 3000;
	run(MIN(1));
	assert_int_equal(world_int(w, "SELECT SUM(held_ms) FROM usage"), 0);
	leave("alice", b);
	assert_int_equal(billed(b), MIN(22) / 1000);
}

/* Accepting charges what was measured; what is held waits on, and is asked about when it is measured after a day. */
static void test_held_for_a_day_is_measured(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4));

	(void)state;
	d.of[0].base -= 3000;
	run(MIN(10));
	leave("alice", b);
	assert_int_equal(billed(b), -1);
	must("mia", do_accept, world_int(w, "SELECT id FROM review"));
	assert_int_equal(billed(b), 600);
	run(25 * LT_HOUR);
	assert_in_range(of_booking(b).measured_ms, MIN(19), MIN(20));
	assert_int_equal(billed(b), 600);
	assert_int_equal(reviews("supplement"), 1);
}

/* The meter's own bytes are damaged, or a newer labtimed wrote them: nothing begins anew at zero. */
static void test_a_state_that_cannot_be_read_loses_no_second(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4));

	(void)state;
	db_run(w->db, "UPDATE meter SET state = x'00' WHERE instrument = 'krios-1'", "");
	run(MIN(10));
	leave("alice", b);
	assert_int_equal(billed(b), 20 * 60);
}

static void count_in_tenths(struct meter_def *def)
{
	def->counter.count_ms = 100;
	d.of[0].per_s = 10;
}

/* Somebody puts another profile in: the register of seconds is one of tenths from then on. 5600 and 56000 are no time
 * that went by, though so much is possible in the two hours that nothing was read. */
static void test_a_changed_profile_bills_nobody_the_difference_of_two_units(void **state)
{
	static const int64_t silence[] = { 0, LT_MINUTE, 2 * LT_HOUR };

	for (size_t k = 0; k < 6; k++) {
		struct meter_def *def = &w->instruments[0].meter, before = *def;
		int64_t b = checked_in("alice", H(1), H(6));

		d.of[0].on = false;
		run(MIN(1));
		d.of[0].silent = silence[k / 2] > 0;
		run(silence[k / 2]);
		d.of[0].silent = false;
		count_in_tenths(def);
		if (k % 2) /* a reload; or a restart */
			must(NULL, do_recover, 0);
		run(MIN(1));
		assert_int_equal(of_booking(b).measured_ms, MIN(10));
		assert_int_equal(reviews("meter_redefined"), 1);
		assert_int_equal(reviews("meter_manual"), 0);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'meter_class' AND after = 'SWAP'"), 1);
		d.of[0].on = true;
		run(MIN(10));
		leave("alice", b);
		assert_int_equal(of_booking(b).measured_ms, MIN(20));
		must("mia", do_accept, world_int(w, "SELECT id FROM review WHERE kind = 'meter_redefined'"));
		ABOUT(billed(b), 20 * 60, 0);
		*def = before;
		teardown(state);
		setup(state);
	}
}

/* The run goes on while the profile changes: the seconds of the change are on no bill, all before and after are. */
static void test_a_run_goes_on_when_its_meter_is_defined_otherwise(void **state)
{
	int64_t b = checked_in("alice", H(1), H(4)), ext = world_int(w, "SELECT ext_ms FROM meter");

	(void)state;
	count_in_tenths(&w->instruments[0].meter);
	run(MIN(10));
	leave("alice", b);
	assert_true(world_int(w, "SELECT ext_ms FROM meter") >= ext);
	assert_in_range(of_booking(b).measured_ms, MIN(20) - 20 * 1000, MIN(20));
	assert_int_equal(reviews("meter_redefined"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_drop_by_two_for_a_minute_bills_its_seconds_once),
		T(test_remote_io_lost_for_a_while_costs_nobody_a_second), T(test_two_people_while_the_level_is_unknown),
		T(test_labtimed_restarts_between_drop_and_return), T(test_a_false_reset_is_credited),
		T(test_new_meter_measures_what_was_held), T(test_nothing_stays_held_when_the_register_is_back),
		T(test_held_for_a_day_is_measured),
		T(test_a_state_that_cannot_be_read_loses_no_second),
		T(test_a_changed_profile_bills_nobody_the_difference_of_two_units),
		T(test_a_run_goes_on_when_its_meter_is_defined_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
