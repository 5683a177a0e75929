/*
 * test_sessions_gaps.c - the rules about sessions when readings are missing or wrong, when the instrument fails, and
 * when people decide afterwards. Virtual time, as in test_sessions.c.
 */
#include "app/money.h"
#include "sessions_rig.h"

static struct charge_balance so_far(int64_t booking)
{
	struct charge_balance r;

	assert_int_equal(money_so_far(world_read(w, NULL), of_booking(booking).id, &r), 0);
	return r;
}

/* ---- gaps ---- */

static void test_gap_loses_nothing(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].silent = true;
	run(MIN(2));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_UNKNOWN);
	assert_true(s.unknown_since > 0);
	ABOUT(s.measured_ms, MIN(10), 1000); /* I7 */
	run(MIN(8));
	d.of[0].silent = false;
	run(MIN(1));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_RUNNING);
	ABOUT(s.measured_ms, MIN(21), 6000);
	assert_int_equal(reviews("meter_lost"), 1); /* ten minutes are reviewed, though the counter shows them whole */
	d.of[0].silent = true; /* a second gap is seen like the first */
	run(MIN(2));
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	d.of[0].silent = false;
	run(MIN(1));
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).measured_ms, MIN(24));
	assert_int_equal(of_booking(b).outcome, OUTCOME_REVIEW);
	must("mia", do_accept, world_int(w, "SELECT id FROM review"));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 24 * 60); /* what was measured */
	ABOUT(world_int(w, "SELECT gap_s FROM charge"), 12 * 60, 13);
}

/* Runs, is silent for `gap` from 10 minutes after the start of a booking of `length`, and runs on or not. */
static int64_t gap_in(const char *user, int64_t from, int64_t length, int64_t gap, bool on_before, bool on_after)
{
	int64_t b = book(user, "krios-1", from, from + length);

	run_until(from);
	must(user, do_checkin, b);
	d.of[0].on = on_before;
	run(MIN(10));
	d.of[0].silent = true;
	run(gap / 2);
	d.of[0].on = on_after;
	run(gap - gap / 2);
	d.of[0].silent = false;
	run(MIN(1));
	return b;
}

/* "A gap over 5 min or 5 % that touches a session with a run on at either edge." */
static void test_which_gaps_are_reviewed(void **state)
{
	static const struct { int64_t length, gap; bool before, after; int expected; } rows[] = {
		{ MIN(180), MIN(5) - 10000, true, true, 0 },    /* neither 5 min nor 9 min */
		{ MIN(180), MIN(5) + 10000, true, true, 1 },    /* the counter shows all of it: still a long gap */
		{ MIN(180), MIN(6), true, false, 1 },
		{ MIN(180), MIN(6), false, true, 1 },
		{ MIN(180), MIN(20), false, false, 0 },         /* no run at an edge */
		{ MIN(45), 125000, true, true, 0 },
		{ MIN(45), 145000, true, true, 1 },             /* 5 % of 45 min */
		{ MIN(45), 145000, false, false, 0 },
	};

	(void)state;
	d.of[0].silent = false;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		int64_t before = world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'meter_lost'"), b;

		b = gap_in("alice", H(1 + 4 * (int64_t)k), rows[k].length, rows[k].gap, rows[k].before, rows[k].after);
		if (world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'meter_lost'") - before != rows[k].expected)
			fail_msg("row %zu: wanted %d", k, rows[k].expected);
		d.of[0].on = false;
		run(MIN(1));
		must("alice", do_checkout, b);
		assert_int_equal(of_booking(b).outcome, rows[k].expected ? OUTCOME_REVIEW : OUTCOME_CHARGED);
	}
}

static void test_gap_with_less_than_its_length_is_reviewed(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].silent = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(20));
	d.of[0].silent = false;
	run(MIN(1));
	assert_int_equal(of_booking(b).measured_ms, MIN(20));
	assert_int_equal(world_int(w, "SELECT measured_ms FROM usage WHERE reason = 'gap'"), MIN(10));
	assert_int_equal(world_int(w, "SELECT placed FROM usage WHERE reason = 'gap'"), 0);
	assert_int_equal(reviews("meter_lost"), 1);
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).outcome, OUTCOME_REVIEW);
	must("mia", do_accept, world_int(w, "SELECT id FROM review"));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 1200);
}

static void test_unknown_closes_and_the_next_checks_in(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2)), z = book("zoe", "krios-1", H(3), H(4));
	struct session s;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(30));
	d.of[0].silent = true;
	run_until(H(2) + MIN(6));
	s = of_booking(b);
	assert_int_equal(s.state, SESSION_CLOSED);
	assert_string_equal(s.close_cause, "timer");
	assert_int_equal(s.closed_at, H(1) + MIN(30));
	assert_true(s.outcome == OUTCOME_OPEN_GAP || s.outcome == OUTCOME_REVIEW);
	assert_int_equal(world_int(w, "SELECT bound_ms FROM review WHERE kind = 'meter_lost'"), MIN(30)); /* booked rest */
	d.of[0].on = false; /* ran 36 min in the dark */
	run_until(H(3));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].silent = false;
	run(MIN(5));
	ABOUT(of_booking(b).gap_ms, MIN(35), 6000); /* booked end and grace */
	ABOUT(of_booking(z).gap_ms, MIN(10), 6000);
	/* on at both ends, and it stopped in between: whose ten minutes after her check-in are, nobody knows */
	ABOUT(of_booking(b).measured_ms, MIN(30) + MIN(36), 6000);
	ABOUT(of_booking(z).measured_ms, MIN(5), 6000);
	ABOUT(world_int(w, "SELECT measured_ms FROM session WHERE unplaced = 1"), MIN(10), 6000);
	assert_int_equal(of_booking(z).state, SESSION_RUNNING);
	d.of[0].on = false;
	/* one gap, one bound: what is measured now cannot be estimated as well */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'meter_lost' AND org = 'acme'"), 1);
	assert_int_equal(world_int(w, "SELECT bound_ms FROM review WHERE kind = 'meter_lost' AND org = 'acme'"), 0);
}

/* Nobody's run whose controller dies: the session ends by itself, the unit is free, and a late difference is kept. */
static void test_dead_controller_under_nobodys_run(void **state)
{
	struct session s;
	int64_t b, last;

	(void)state;
	d.of[2].on = true;
	run(MIN(10));
	last = w->now.wall_ms;
	d.of[2].silent = true;
	run(MIN(2));
	assert_int_equal(latest().state, SESSION_UNKNOWN);
	run(MIN(4));
	s = latest();
	assert_int_equal(s.state, SESSION_CLOSED);
	assert_string_equal(s.close_cause, "timer");
	ABOUT(s.closed_at, last, 5000);
	assert_int_equal(s.outcome, OUTCOME_REVIEW);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy WHERE kind = 'session' AND active = 1"), 0);
	run_until(H(1));
	b = book("zoe", "seq-1", H(1), H(2)); /* nothing holds the unit */
	d.of[2].on = false;
	d.of[2].silent = false;
	run(MIN(1));
	s = by_id(s.id);
	ABOUT(s.measured_ms, H(1) - WORLD_NOW, 6000); /* the run that was on keeps the difference */
	assert_int_equal(s.outcome, OUTCOME_REVIEW);
	must("zoe", do_checkin, b);
	assert_int_equal(of_booking(b).measured_ms, 0);
}

static int do_block(struct act *a, void *arg)
{
	struct block_request rq = { .from = H(1), .to = H(2), .reason = "service" };
	struct block b;

	(void)arg;
	lt_fmt(rq.instrument, sizeof(rq.instrument), "krios-1");
	return block_create(a, &rq, &b);
}

static void test_dead_controller_in_a_block(void **state)
{
	(void)state;
	must("mia", do_block, 0);
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(5));
	d.of[0].silent = true;
	run(MIN(10));
	assert_int_equal(latest().kind, SESSION_INTERNAL);
	assert_true(latest().closed_at > 0);
	assert_int_equal(latest().outcome, OUTCOME_INTERNAL);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review"), 0);
	d.of[0].on = d.of[0].silent = false;
	run(MIN(1));
	assert_int_equal(latest().outcome, OUTCOME_INTERNAL);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review"), 0);
}

static void test_restart_is_a_gap(void **state)
{
	int64_t b = book("alice", "plc-1", H(1), H(3)), c = book("bob", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	must("bob", do_checkin, c);
	d.of[0].on = d.of[1].on = true;
	run(MIN(10));
	/* ten minutes pass while nobody looks */
	for (int k = 0; k < 2; k++)
		d.of[k].run_ms += MIN(10);
	world_sleep(w, MIN(10));
	must(NULL, do_recover, 0);
	assert_int_equal(of_booking(b).state, SESSION_UNKNOWN);
	run(MIN(10));
	assert_int_equal(of_booking(c).state, SESSION_RUNNING);
	ABOUT(of_booking(c).measured_ms, MIN(30), 6000);
	ABOUT(of_booking(b).measured_ms, MIN(20), 11000); /* a sampling meter measures nothing in a gap */
	assert_true(so_far(b).idle_s <= 6); /* and says nothing of idle */
	ABOUT(of_booking(b).gap_ms, MIN(10), 6000);
	assert_int_equal(reviews("meter_lost"), 2);
	d.of[0].on = d.of[1].on = false;
}

static void test_replay_adds_nothing(void **state)
{
	int64_t before;

	(void)state;
	d.of[0].on = true;
	run(MIN(3));
	before = world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'");
	for (int i = 0; i < 5; i++)
		devices_poll(&d, 0);
	check();
	assert_int_equal(world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'"), before);
	d.of[0].on = false;
}

static void test_outliers_do_not_reach_the_bill(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	for (int i = 0; i < 60; i++) {
		d.of[0].lie = i % 7 == 0;
		d.of[0].lie_raw = i % 2 ? 0 : 0xffffffff;
		run(MIN(1));
	}
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).measured_ms, MIN(60));
	assert_true(world_int(w, "SELECT COUNT(*) FROM reading WHERE class = 'OUTLIER'") > 0);
}

/* ---- outages, faults ---- */

static void test_usable_minutes_and_idle_at_fault(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3)), usable;
	struct msg_link m = { .head.at = w->now, .up = false, .why = "timeout" };

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	run(MIN(10));
	d.of[0].faulty = true;
	run(MIN(10));
	d.of[0].faulty = false;
	run(MIN(10));
	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
	d.of[0].silent = true;
	run(MIN(10));
	assert_int_equal(metering_usable_ms(world_read(w, NULL), "krios-1", 0,
		(struct interval){ H(1), H(1) + MIN(40) }, &usable), 0);
	ABOUT(usable, MIN(20), 6000);
	d.of[0].silent = false;
	m.up = true;
	m.head.at = w->now;
	assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
	run(MIN(10));
	assert_int_equal(metering_usable_ms(world_read(w, NULL), "krios-1", 0,
		(struct interval){ H(1), H(1) + MIN(50) }, &usable), 0);
	ABOUT(usable, MIN(30), 6000);
}

/* The cause that the page shows is today's, and people are told once that the controller is away. */
static void test_the_reason_follows_the_fault(void **state)
{
	static const char *const whys[] = { "no reply in time", "the connection was refused", "no reply in time" };
	struct msg_link m = { .head.at = w->now, .up = false };
	char sql[160];

	(void)state;
	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	for (int i = 0; i < 3; i++) {
		lt_fmt(m.why, sizeof(m.why), "%s", whys[i]);
		assert_int_equal(world_end(w, metering_link(world_act(w, NULL), &m)), 0);
		lt_fmt(sql, sizeof(sql), "SELECT COUNT(*) FROM instrument WHERE id = 'krios-1' AND link_why = '%s'", whys[i]);
		assert_int_equal(world_int(w, sql), 1);
		run(MIN(1));
	}
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'link_down'"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM outage WHERE kind = 'down'"), 1);
}

/* A few usable seconds are missing for the no-show when the fault comes: they are not asked for every few seconds. */
static void test_no_show_waits_out_a_fault(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	int polls;

	(void)state;
	run_until(H(1) + MIN(30) - 2 * LT_SECOND);
	d.of[0].faulty = true;
	devices_poll(&d, 0);
	run(MIN(1));
	polls = d.of[0].polls;
	run(MIN(10));
	assert_in_range(d.of[0].polls - polls, MIN(10) / d.poll_ms, MIN(10) / d.poll_ms + 11);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE state = 'no_show'"), 0);
	d.of[0].faulty = false;
	run(MIN(2));
	assert_int_equal(world_int(w, "SELECT id FROM booking WHERE state = 'no_show'"), b);
}

/* Ten minutes of a run, ten at fault, ten again, ten of idle of which five at fault: only what was usable costs. */
static void test_nothing_accrues_at_fault(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));
	struct charge_balance r;

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].faulty = true;
	run(MIN(10));
	r = so_far(b);
	ABOUT(r.used_s, 20 * 60, 6);
	ABOUT(r.fault_s, 10 * 60, 6);
	ABOUT(r.billed_s, 10 * 60, 6);
	d.of[0].faulty = false;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(5));
	d.of[0].faulty = true;
	run(MIN(5));
	d.of[0].on = true; /* at fault from its first second */
	run(MIN(1));
	d.of[0].faulty = false;
	run(MIN(1));
	d.of[0].on = false;
	run(MIN(1));
	r = so_far(b);
	assert_int_equal(r.used_s, 32 * 60);
	ABOUT(r.fault_s, 11 * 60, 12);
	ABOUT(r.idle_s, 5 * 60, 6);
	must("alice", do_checkout, b);
	check(); /* I1: it stays measured and the session's */
	assert_int_equal(of_booking(b).measured_ms, MIN(32));
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), r.used_s);
	assert_int_equal(world_int(w, "SELECT fault_s FROM charge"), r.fault_s);
	assert_int_equal(world_int(w, "SELECT billed_s FROM charge"), r.used_s - r.fault_s);
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge"), r.minor);
	assert_int_equal(world_int(w, "SELECT seconds FROM charge_line WHERE component = 'fault' AND amount_minor = 0"), r.fault_s);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE flags = 'fault'"), 1);
}

/* What a gap hid has no place: it is not taken for time at fault. A fault of every other poll still adds up. */
static void test_faults_in_gaps_and_by_the_poll(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(5));
	d.of[0].faulty = true;
	run(MIN(5));
	d.of[0].silent = true;
	run(MIN(4));
	d.of[0].silent = d.of[0].faulty = false;
	run(MIN(5));
	ABOUT(so_far(b).fault_s, 5 * 60, 6);
	for (int i = 0; i < 300; i++) {
		d.of[0].faulty = !d.of[0].faulty;
		run(6000);
	}
	check();
	ABOUT(so_far(b).used_s, 49 * 60, 6);
	ABOUT(so_far(b).fault_s, 20 * 60, 12); /* more pieces than a charge lists */
	assert_true(world_int(w, "SELECT COUNT(*) FROM usage") > 256);
}

/* ---- review ---- */

static int64_t stray_run(void)
{
	d.of[2].on = true;
	run(MIN(20));
	d.of[2].on = false;
	run(MIN(10));
	return world_int(w, "SELECT id FROM review WHERE state = 'open'");
}

static int attribute(const char *by, int64_t item, const char *org, const char *user)
{
	struct by_id x = { .id = item, .org = org, .user = user };
	int r = devices_act(&d, by, do_attribute, &x);

	check();
	return r;
}

static int do_claim(struct act *a, void *arg)
{
	struct claim c;

	return claim_make(a, "seq-1", *(int64_t *)arg, "", &c);
}

static void test_claim_needs_one_person(void **state)
{
	int64_t item = stray_run(), at = w->now.wall_ms - MIN(15);

	(void)state;
	assert_int_equal(devices_act(&d, "alice", do_claim, &at), 0);
	assert_int_equal(attribute("mia", item, "acme", "zoe"), ACT_REFUSED); /* not acme's */
	assert_int_equal(attribute("mia", item, "acme", "alice"), 0);
	assert_int_equal(latest().outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 1200);
	assert_int_equal(attribute("root", item, "acme", "alice"), ACT_REFUSED);
}

static void test_without_a_claim_two_people_and_an_objection(void **state)
{
	int64_t item = stray_run(), id = latest().id;

	(void)state;
	assert_int_equal(attribute("mia", item, "zeta", "zoe"), 0);
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(attribute("mia", item, "zeta", "zoe"), ACT_REFUSED);
	assert_int_equal(attribute("root", item, "acme", "bob"), ACT_REFUSED);
	assert_int_equal(attribute("root", item, "zeta", "zoe"), 0);
	assert_string_equal(latest().org, "zeta");
	assert_int_equal(latest().outcome, OUTCOME_REVIEW); /* the org may object for 7 days */
	must("zoe", do_disown, id);
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(reviews("unattributed"), 1);
	assert_int_equal(attribute("mia", item, "zeta", "zoe"), 0);
	assert_int_equal(attribute("root", item, "zeta", "zoe"), 0);
	d.poll_ms = LT_HOUR;
	run(7 * LT_DAY + MIN(1));
	assert_int_equal(by_id(id).outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE org = 'zeta'"), 1);
}

static void test_waive_needs_two(void **state)
{
	int64_t item = stray_run();

	(void)state;
	must("mia", do_waive, item);
	assert_int_equal(act("mia", do_waive, item), ACT_REFUSED);
	assert_int_equal(act("root", do_accept, item), ACT_REFUSED); /* nobody to charge */
	must("root", do_waive, item);
	assert_int_equal(latest().outcome, OUTCOME_UNATTRIBUTED);
	assert_int_equal(reviews("unattributed"), 0);
	/* the store itself refuses a maker who checks */
	assert_int_equal(db_begin(w->db), 0);
	assert_int_equal(db_run(w->db, "UPDATE review SET decided_by = proposed_by WHERE id = ?1", "i", item),
		DB_CONSTRAINT);
	db_rollback(w->db);
}

static void settles_within(int64_t ms)
{
	w->instruments[0].policy.settle_ms = ms;
	assert_int_equal(world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])), 0);
}

/* How long a charge waits for late readings is one of the terms of the booking: a later policy does not change it. */
static void test_a_gap_waits_as_long_as_was_promised_with_the_booking(void **state)
{
	struct session s;
	int64_t b;

	(void)state;
	settles_within(24 * LT_HOUR);
	b = book("alice", "krios-1", H(1), H(2));
	settles_within(LT_HOUR);
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run(MIN(2));
	d.of[0].silent = true;
	run(MIN(20));
	s = of_booking(b);
	must("mia", do_close, s.id);
	run(MIN(5));
	s = by_id(s.id);
	assert_int_equal(s.outcome, OUTCOME_OPEN_GAP);
	assert_int_equal(db_one_int(w->db, 0, "SELECT due_at FROM timer WHERE kind = 'settle' AND ref = ?1", "i", s.id),
		s.closed_at + 24 * LT_HOUR);
}

/* The controller is silent in a run, and a manager ends the session. What ran on after that was not its user's. */
static void test_a_run_after_the_manager_closed_is_not_the_users(void **state)
{
	static const int64_t silent_after[] = { MIN(0), MIN(3), MIN(30), 5 * LT_HOUR };

	(void)state;
	for (size_t k = 0; k < sizeof(silent_after) / sizeof(silent_after[0]); k++) {
		int64_t from = (w->now.wall_ms / LT_HOUR + 2) * LT_HOUR, b = book("alice", "krios-1", from, from + 8 * LT_HOUR), ran;
		struct session s;

		run_until(from);
		must("alice", do_checkin, b);
		ran = d.of[0].run_ms;
		d.of[0].on = true;
		run(MIN(10));
		d.of[0].silent = true;
		run(MIN(10));
		s = of_booking(b);
		must("mia", do_close, s.id);
		ran = d.of[0].run_ms - ran;
		run(silent_after[k]);
		d.of[0].silent = false;
		run(MIN(10));
		d.of[0].on = false;
		run(MIN(5));
		s = by_id(s.id);
		if (s.measured_ms > ran + 2 * LT_SECOND)
			fail_msg("silent for %lld min more: %lld s are alice's, who ran %lld s", (long long)(silent_after[k] / LT_MINUTE),
				(long long)(s.measured_ms / 1000), (long long)(ran / 1000));
		run(8 * LT_HOUR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_gap_loses_nothing), T(test_which_gaps_are_reviewed),
		T(test_gap_with_less_than_its_length_is_reviewed),
		T(test_unknown_closes_and_the_next_checks_in), T(test_restart_is_a_gap),
		T(test_dead_controller_under_nobodys_run), T(test_dead_controller_in_a_block),
		T(test_replay_adds_nothing), T(test_outliers_do_not_reach_the_bill),
		T(test_usable_minutes_and_idle_at_fault), T(test_the_reason_follows_the_fault),
		T(test_no_show_waits_out_a_fault), T(test_nothing_accrues_at_fault),
		T(test_faults_in_gaps_and_by_the_poll), T(test_claim_needs_one_person),
		T(test_without_a_claim_two_people_and_an_objection), T(test_waive_needs_two),
		T(test_a_gap_waits_as_long_as_was_promised_with_the_booking),
		T(test_a_run_after_the_manager_closed_is_not_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
