/*
 * test_sessions_edges.c - when a reading is taken and kept, what the clock may not do, and the small print of who a run
 * is presumed to belong to (METERING.md, Edges, Sessions, Clock). Virtual time, as in test_sessions.c.
 */
#include "sessions_rig.h"

static bool read_at(const char *instrument, int64_t at)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM meter WHERE instrument = ?1 AND wall_at = ?2", "ti", instrument,
		at) == 1;
}

static bool kept_at(const char *instrument, int64_t at)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM reading WHERE instrument = ?1 AND at = ?2", "ti", instrument,
		at) == 1;
}

/* The schedule is hours away: what is read, is read because of an edge. */
static void test_polls_are_forced_at_edges(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	(void)state;
	d.poll_ms = 24 * LT_HOUR;
	run_until(H(1) + MIN(1));
	assert_true(kept_at("krios-1", H(1))); /* booking start */
	assert_false(kept_at("plc-1", H(1)));  /* nobody asked for this one */
	world_sleep(w, 7777);
	must("alice", do_checkin, b);
	assert_true(read_at("krios-1", w->now.wall_ms));
	world_sleep(w, MIN(20));
	must("alice", do_checkout, b);
	assert_true(read_at("krios-1", w->now.wall_ms));
	b = book("alice", "krios-1", H(3), H(4));
	run_until(H(3) + 1000);
	must("alice", do_checkin, b);
	run_until(H(4) + MIN(1));
	assert_true(kept_at("krios-1", H(4))); /* booking end */
}

static int64_t kept(int64_t from, int64_t to)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM reading WHERE instrument = 'krios-1' AND at > ?1 AND at <= ?2", "ii",
		from, to);
}

static void test_evidence_is_kept_and_stays(void **state)
{
	int64_t on_at, off_at;

	(void)state;
	run(MIN(60)); /* 720 polls */
	assert_in_range(kept(WORLD_NOW, w->now.wall_ms), 11, 13); /* every five minutes */
	run(MIN(2));
	on_at = w->now.wall_ms;
	d.of[0].on = true;
	run(MIN(1));
	assert_int_equal(kept(on_at, on_at + 5000), 1); /* at the change */
	off_at = w->now.wall_ms;
	d.of[0].on = false;
	run(MIN(1));
	assert_int_equal(kept(off_at, off_at + 5000), 1);
	assert_int_equal(db_begin(w->db), 0);
	assert_true(db_run(w->db, "UPDATE reading SET raw = raw + 1 WHERE id = (SELECT MAX(id) FROM reading)", "") < 0);
	db_rollback(w->db);
	assert_int_equal(db_begin(w->db), 0);
	assert_true(db_run(w->db, "DELETE FROM reading WHERE id = (SELECT MAX(id) FROM reading)", "") < 0);
	db_rollback(w->db);
}

static void test_clock_steps_bill_nothing_again(void **state)
{
	static const int64_t steps[] = { MIN(7), -MIN(3), 1500, -1500 };
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	for (int k = 0; k < 4; k++) {
		w->now.wall_ms += steps[k];
		run(MIN(5));
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'clock_step'"), k + 1);
	}
	w->now.wall_ms += 900; /* within a second: nothing to say */
	run(MIN(1));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'clock_step'"), 4);
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).measured_ms, d.of[0].run_ms / 1000 * 1000);
	/* the seven minutes that were jumped over are a gap in a run */
	must("mia", do_accept, world_int(w, "SELECT id FROM review WHERE kind = 'meter_lost'"));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), d.of[0].run_ms / 1000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
}

/* A session of `first` ends at H(2); `later` after it the booking of alice of acme sees a run without a check-in. */
static struct session after(const char *first, int64_t from, int64_t later)
{
	int64_t z = book(first, "krios-1", H(1), H(2));

	book("alice", "krios-1", from, H(4));
	run_until(H(1));
	must(first, do_checkin, z);
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run_until(H(2) + later);
	d.of[0].on = true;
	run(MIN(2));
	d.of[0].on = false;
	run(MIN(1));
	return latest();
}

static void test_29_minutes_after_another_org(void **state)
{
	struct session s = after("zoe", H(2), MIN(29));

	(void)state;
	assert_true(s.bypassed && s.kind == SESSION_UNATTRIBUTED);
}

static void test_31_minutes_after_another_org(void **state)
{
	struct session s = after("zoe", H(2) + MIN(30), MIN(31));

	(void)state;
	assert_true(s.presumed && !s.bypassed && s.kind == SESSION_BOOKED);
}

static void test_soon_after_the_same_org(void **state)
{
	struct session s = after("bob", H(2), MIN(5));

	(void)state;
	assert_true(s.presumed && s.kind == SESSION_BOOKED);
	assert_string_equal(s.user, "alice");
}

static void test_presumed_is_disowned_until_it_settles(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));
	struct session s;

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(5));
	d.of[0].on = false;
	run_until(H(2) + MIN(10));
	s = of_booking(b);
	assert_int_equal(s.outcome, OUTCOME_CHARGED);
	assert_int_equal(act("alice", do_disown, s.id), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "settled");
}

/* From check-in to the first run and between runs; none after the last run, none at fault. */
static void test_idle_time(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	run(MIN(6));
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(4));
	d.of[0].faulty = true;
	run(MIN(5));
	d.of[0].faulty = false;
	run(MIN(3));
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(30));
	must("alice", do_checkout, b);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 20 * 60);
	ABOUT(world_int(w, "SELECT idle_s FROM charge"), (6 + 4 + 3) * 60, 12);
}

/* Milliseconds are summed over the session's runs and floored once. */
static void test_milliseconds_are_floored_once(void **state)
{
	int64_t b = book("alice", "plc-1", H(1), H(3)), sum;

	(void)state;
	d.poll_ms = 1700; /* a sampled bit: runs of odd lengths */
	run_until(H(1));
	must("alice", do_checkin, b);
	for (int k = 0; k < 9; k++) {
		d.of[1].on = true;
		run(MIN(2));
		d.of[1].on = false;
		run(MIN(1));
	}
	must("alice", do_checkout, b);
	sum = world_int(w, "SELECT SUM(measured_ms) FROM usage WHERE session IS NOT NULL");
	assert_int_equal(of_booking(b).measured_ms, sum);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), sum / 1000);
	assert_true(world_int(w, "SELECT SUM(measured_ms / 1000) FROM usage WHERE session IS NOT NULL") < sum / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_polls_are_forced_at_edges), T(test_evidence_is_kept_and_stays), T(test_clock_steps_bill_nothing_again),
		T(test_29_minutes_after_another_org), T(test_31_minutes_after_another_org), T(test_soon_after_the_same_org),
		T(test_presumed_is_disowned_until_it_settles), T(test_idle_time), T(test_milliseconds_are_floored_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
