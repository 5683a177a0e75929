/*
 * test_clock_table.c - the wall clock is set by every size, forward and back, at every point of a booking's life; after
 * each stretch of time the invariants are asked, and at the end the charge is compared with what BOOTTIME saw: no fee,
 * no idle second and no overrun that BOOTTIME does not explain. Then who is to pay for a session without use.
 */
#include "sessions_rig.h"

#define SLACK 15                /* seconds: polls are 5 s apart                                       */

enum when { AHEAD, IDLE, RUNNING, OVERRUN, GAP, WHENS };

static const char *const when_name[WHENS] = { "booked ahead", "checked in, idle", "running", "after the booked end",
	"in a gap" };

/* What BOOTTIME saw, in ms, of the one booking. */
static struct truth { int64_t idle, over; } seen;

static void set_clock(int64_t by)
{
	w->now.wall_ms += by;
	devices_look(&d);
}

static int64_t rows(const char *sql) { return world_int(w, sql); }
static int64_t fees(void) { return rows("SELECT COUNT(*) FROM charge WHERE kind = 'fee'"); }

static bool is(int64_t b, const char *state)
{
	return db_one_int(w->db, 0, "SELECT state = ?2 FROM booking WHERE id = ?1", "it", b, state);
}

/* The host charges the whole price for a no-show, idle time at half the rate and overrun at twice. */
static void harsh_terms(void)
{
	w->site.n_instruments = 1; /* the others have no part in it */
	w->instruments[0].price.no_show_bp = 10000;
	w->instruments[0].price.idle_rate_minor = 5000;
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
}

static void idles(int64_t ms) { d.of[0].on = false; run(ms); seen.idle += ms; }
static void runs(int64_t ms) { d.of[0].on = true; run(ms); }

static void overruns(int64_t ms) { runs(ms); seen.over += ms; }

static void checks_in(int64_t b)
{
	if (w->now.wall_ms < H(1))
		run_until(H(1));
	must("alice", do_checkin, b);
}

/* The booking's life until the clock is set. */
static void before_step(enum when at, int64_t b)
{
	if (at == AHEAD) {
		run_until(H(1) - MIN(5));
		return;
	}
	checks_in(b);
	if (at == IDLE) {
		idles(MIN(5));
		return;
	}
	runs(MIN(10));
	if (at == OVERRUN) {
		run_until(H(3));
		overruns(MIN(12));
	} else if (at == GAP) {
		d.of[0].silent = true;
		runs(MIN(2));
	}
}

/* And after it, for less than the quarter of an hour that everybody has whose end lay inside. */
static void after_step(enum when at, int64_t b)
{
	if (at == AHEAD) {
		run(MIN(9));
		if (is(b, "confirmed") && w->now.wall_ms < H(3)) {
			checks_in(b);
			runs(MIN(10));
		}
	} else if (at == IDLE) {
		idles(MIN(2));
		runs(MIN(8));
	} else if (at == OVERRUN) {
		overruns(MIN(5));
	} else {
		runs(MIN(5));
		d.of[0].silent = false;
		runs(MIN(5));
	}
	idles(MIN(2));
	if (is(b, "active"))
		must("alice", do_checkout, b);
}

/* A long gap in a run waits for a person, who accepts what was measured. */
static void settles(void)
{
	run(MIN(25));
	while (reviews("meter_lost") > 0) {
		must("mia", do_accept, rows("SELECT MIN(id) FROM review WHERE kind = 'meter_lost' AND state <> 'done'"));
		run(MIN(5));
	}
	run(MIN(130));
}

static void judge(enum when at, const char *how, int64_t step, int64_t b)
{
	int64_t used = rows("SELECT COALESCE(SUM(used_s), 0) FROM charge"),
		idle = rows("SELECT COALESCE(SUM(idle_s), 0) FROM charge"),
		over = rows("SELECT COALESCE(SUM(overrun_s), 0) FROM charge");
	bool nobody_came = d.of[0].run_ms == 0;
	const char *wrong = NULL;

	if (fees() != 0)
		wrong = "a fee";
	else if (used != d.of[0].run_ms / 1000)
		wrong = "not charged what ran";
	else if (rows("SELECT COUNT(*) FROM charge") != !nobody_came)
		wrong = "not one charge";
	else if (idle > seen.idle / 1000 + SLACK)
		wrong = "idle that nobody idled";
	else if (over > seen.over / 1000 + SLACK)
		wrong = "overrun that nobody ran";
	else if (nobody_came ? !is(b, "lapsed") : !is(b, "completed"))
		wrong = "a booking that is neither used nor free";
	else if (rows("SELECT COUNT(*) FROM session WHERE closed_at IS NULL OR closed_at = 0") != 0)
		wrong = "an open session";
	if (wrong)
		fail_msg("%s, the clock is set %s by %lld s: %s (used %lld of %lld s, idle %lld of %lld s, overrun %lld of %lld s)",
			when_name[at], how, (long long)(step / 1000), wrong, (long long)used, (long long)(d.of[0].run_ms / 1000),
			(long long)idle, (long long)(seen.idle / 1000), (long long)over, (long long)(seen.over / 1000));
}

static void one_case(enum when at, int64_t step)
{
	int64_t b;

	seen = (struct truth){ 0 };
	harsh_terms();
	b = book("alice", "krios-1", H(1), H(3));
	before_step(at, b);
	set_clock(step);
	after_step(at, b);
	settles();
	judge(at, "once", step, b);
}

static void test_nobody_pays_for_a_clock_that_is_set(void **state)
{
	static const int64_t sizes[] = { LT_SECOND, 59 * LT_SECOND, 61 * LT_SECOND, LT_HOUR, 24 * LT_HOUR };

	for (int at = 0; at < WHENS; at++)
		for (int k = 0; k < 10; k++) {
			one_case((enum when)at, k % 2 ? -sizes[k / 2] : sizes[k / 2]);
			teardown(state);
			setup(state);
		}
}

/* In parts of the size; a minute goes by before each step but the first. */
static const struct pattern { const char *name; int parts[6]; } patterns[] = {
	{ "forward, back, forward", { 4, -4, 4 } }, { "forward and back, twice", { 4, -4, 4, -4 } },
	{ "back, forward", { -4, 4 } }, { "back, forward, twice", { -4, 4, -4, 4 } }, { "forward twice", { 4, 4 } },
	{ "back twice", { -4, -4 } }, { "forward, back in parts", { 4, -1, -1, -2 } },
	{ "in parts forward, back", { 1, 1, 2, -4 } },
};

/* What goes on at that point of its life goes on. */
static void minute(enum when at)
{
	if (at == AHEAD)
		run(MIN(1));
	else if (at == IDLE)
		idles(MIN(1));
	else if (at == OVERRUN)
		overruns(MIN(1));
	else
		runs(MIN(1));
}

static void set_more_than_once(enum when at, const struct pattern *how, int64_t size)
{
	int64_t b;

	seen = (struct truth){ 0 };
	harsh_terms();
	b = book("alice", "krios-1", H(1), H(3));
	before_step(at, b);
	for (int k = 0; k < 6 && how->parts[k]; k++) {
		if (k > 0)
			minute(at);
		set_clock(how->parts[k] * size / 4);
	}
	after_step(at, b);
	settles();
	judge(at, how->name, size, b);
}

/* The waits are half an hour (no-show), 15 minutes (grace, told ends), the booking's two hours, a day of leases. */
static void test_nobody_pays_for_a_clock_that_is_set_more_than_once(void **state)
{
	static const int64_t sizes[] = { 64 * LT_SECOND, MIN(30), 2 * LT_HOUR, 24 * LT_HOUR };

	for (int at = 0; at < WHENS; at++)
		for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++)
			for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
				set_more_than_once((enum when)at, &patterns[p], sizes[k]);
				teardown(state);
				setup(state);
			}
}

/* ---- a session without use whose booked end lies inside a jump ---- */

/* Three quarters of an hour are usable: enough for a fee, which waits. */
static int64_t idle_and_jumped_over_its_end(void)
{
	int64_t b;

	harsh_terms();
	b = book("alice", "krios-1", H(1), H(2));
	checks_in(b);
	idles(MIN(45));
	set_clock(MIN(30));
	run(MIN(9));
	assert_true(is(b, "active"));
	assert_int_equal(fees(), 0);
	return b;
}

static void test_who_starts_after_the_jump_over_their_end_pays_for_use_and_no_fee(void **state)
{
	int64_t b = idle_and_jumped_over_its_end();

	(void)state;
	runs(MIN(5));
	idles(MIN(2));
	assert_true(is(b, "completed"));
	run(MIN(20));
	assert_int_equal(fees(), 0);
	assert_int_equal(rows("SELECT used_s FROM charge"), 300);
}

static void test_who_does_not_pays_the_fee_once_the_clock_is_steady(void **state)
{
	int64_t b = idle_and_jumped_over_its_end();

	(void)state;
	run(MIN(2));
	assert_true(is(b, "no_show"));
	assert_int_equal(fees(), 1);
	assert_int_equal(rows("SELECT closed_at FROM session"), H(2));
}

static void test_nothing_was_lost_when_the_clock_is_set_back_at_once(void **state)
{
	int64_t b = idle_and_jumped_over_its_end();

	(void)state;
	set_clock(-MIN(30));
	idles(MIN(1));
	assert_true(is(b, "active"));
	runs(MIN(10));
	idles(MIN(2));
	assert_true(is(b, "completed") || act("alice", do_checkout, b) == 0);
	run(MIN(20));
	assert_int_equal(fees(), 0);
}

static void test_a_silence_at_the_end_of_the_wait_costs_nobody_a_fee(void **state)
{
	int64_t b = idle_and_jumped_over_its_end();

	(void)state;
	d.of[0].silent = true;
	run(MIN(40));
	d.of[0].silent = false;
	run(MIN(5));
	assert_true(is(b, "lapsed"));
	assert_int_equal(fees(), 0);
}

/* The controller was silent over the jump; its first reading after it finds nothing and waits with the rest. */
static void test_the_first_reading_after_the_jump_charges_no_fee_at_once(void **state)
{
	int64_t b;

	(void)state;
	harsh_terms();
	b = book("alice", "krios-1", H(1), H(2));
	checks_in(b);
	idles(MIN(45));
	d.of[0].silent = true;
	run(MIN(3));
	set_clock(MIN(30));
	run(MIN(2));
	d.of[0].silent = false;
	run(MIN(5));
	assert_true(is(b, "active"));
	assert_int_equal(fees(), 0);
	run(MIN(5));
	assert_true(is(b, "no_show"));
	assert_int_equal(fees(), 1);
}

/* ---- a check-in that waits for its forced poll while the clock jumps over the booked end ---- */

static void test_who_checked_in_just_before_the_jump_pays_no_overrun_for_it(void **state)
{
	struct by_id x = { .id = 0 };
	struct stamp asked;
	struct act *a;

	(void)state;
	harsh_terms();
	x.id = book("alice", "krios-1", H(1), H(2));
	run_until(H(1) + MIN(10));
	asked = w->now;
	assert_int_equal(world_end(w, do_checkin(world_act(w, "alice"), &x)), ACT_PARKED);
	set_clock(MIN(90));
	devices_poll(&d, 0);
	a = world_act(w, "alice");
	a->now = asked;
	a->polled = true;
	assert_int_equal(world_end(w, do_checkin(a, &x)), 0);
	runs(MIN(14));
	assert_true(is(x.id, "active"));
	idles(MIN(2));
	run(MIN(30));
	assert_true(is(x.id, "completed"));
	assert_int_equal(fees(), 0);
	assert_int_equal(rows("SELECT used_s FROM charge"), 14 * 60);
	assert_int_equal(rows("SELECT overrun_s FROM charge"), 0);
	assert_int_equal(rows("SELECT COUNT(*) FROM event WHERE kind = 'clock_end'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nobody_pays_for_a_clock_that_is_set),
		T(test_nobody_pays_for_a_clock_that_is_set_more_than_once),
		T(test_who_starts_after_the_jump_over_their_end_pays_for_use_and_no_fee),
		T(test_who_does_not_pays_the_fee_once_the_clock_is_steady),
		T(test_nothing_was_lost_when_the_clock_is_set_back_at_once),
		T(test_a_silence_at_the_end_of_the_wait_costs_nobody_a_fee),
		T(test_the_first_reading_after_the_jump_charges_no_fee_at_once),
		T(test_who_checked_in_just_before_the_jump_pays_no_overrun_for_it),
	};

	return cmocka_run_group_tests_name("clock table", tests, NULL, NULL);
}
