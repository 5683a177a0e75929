/*
 * test_hidden_runs.c - what runs while nobody can read the meter: a session that had a right to it has what is
 * certainly its own; the rest is seen, reviewed and never shared out (METERING.md, Gaps). Virtual time, as in
 * test_sessions.c.
 */
#include "app/money.h"
#include "app/tally.h"
#include "sessions_rig.h"

static int64_t hidden_ms(void)
{
	return world_int(w, "SELECT COALESCE(SUM(measured_ms), 0) FROM session WHERE unplaced = 1");
}

static int64_t hidden(void) { return world_int(w, "SELECT COUNT(*) FROM session WHERE unplaced = 1"); }

static int64_t nobodys_ms(void)
{
	return world_int(w, "SELECT COALESCE(SUM(u.measured_ms), 0) FROM usage u LEFT JOIN session s ON s.id = u.session WHERE "
		"s.id IS NULL OR s.kind = 'unattributed'");
}

static int64_t events(const char *kind)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE kind = ?1", "t", kind);
}

/* Silent for `length`, in which krios-1 runs for `ms` from `at` on. */
static void dark_run(int64_t length, int64_t at, int64_t ms)
{
	d.of[0].silent = true;
	run(at);
	d.of[0].on = true;
	run(ms);
	d.of[0].on = false;
	run(length - at - ms);
	d.of[0].silent = false;
	run(15 * LT_SECOND);
}

/* ---- nobody is checked in ---- */

/* A gap is longer than 30 s here. Silences shorter than that, as long, longer, much longer; a run in each. */
static void test_pulling_the_cable_does_not_hide_a_run(void **state)
{
	static const struct { int64_t silent, ran; int sessions; } rows[] = {
		{ 20 * LT_SECOND, 15 * LT_SECOND, 1 },            /* no gap: the session is placed */
		{ 25 * LT_SECOND, 15 * LT_SECOND, 1 },            /* 30 s between two readings */
		{ 90 * LT_SECOND, 30 * LT_SECOND, 0 },            /* less than a minute in a gap */
		{ 90 * LT_SECOND, 70 * LT_SECOND, 1 },
		{ MIN(5), MIN(1), 1 },
		{ MIN(40), MIN(20), 1 },
		{ 26 * LT_HOUR, 5 * LT_HOUR, 1 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		d.poll_ms = 5 * LT_SECOND;
		run(MIN(1));
		dark_run(rows[k].silent, (rows[k].silent - rows[k].ran) / 2, rows[k].ran);
		if (world_int(w, "SELECT COUNT(*) FROM session") != rows[k].sessions ||
		    reviews("unattributed") != rows[k].sessions)
			fail_msg("row %zu: not %d", k, rows[k].sessions);
		assert_int_equal(events("run_hidden"), hidden());
		ABOUT(nobodys_ms(), rows[k].ran, 2000);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy WHERE kind = 'session' AND active = 1 AND ref IN "
			"(SELECT id FROM session WHERE unplaced = 1)"), 0);
		teardown(NULL);
		setup(NULL);
	}
}

static void test_two_gaps_hide_two_runs(void **state)
{
	(void)state;
	run(MIN(1));
	dark_run(MIN(10), MIN(2), MIN(3));
	run(MIN(5));
	dark_run(MIN(10), MIN(2), MIN(4));
	assert_int_equal(hidden(), 2);
	assert_int_equal(reviews("unattributed"), 2);
	assert_int_equal(hidden_ms(), MIN(7));
}

static void test_a_stop_of_labtimed_does_not_hide_a_run(void **state)
{
	(void)state;
	run(MIN(1));
	d.of[0].run_ms += MIN(7);
	world_sleep(w, MIN(30));
	must(NULL, do_recover, 0);
	run(MIN(1));
	assert_int_equal(hidden(), 1);
	assert_int_equal(hidden_ms(), MIN(7));
	ABOUT(latest().closed_at - latest().opened_at, MIN(30), 6000);
}

/* The owner of the booking that the whole gap lies in hears of it, and not what it costs nor whose it was. */
static void test_the_owner_of_the_booking_is_told_of_a_hidden_run(void **state)
{
	(void)state;
	book("alice", "krios-1", H(1), H(3));
	run_until(H(1) + MIN(5));
	dark_run(MIN(10), MIN(3), MIN(4));
	assert_int_equal(hidden_ms(), MIN(4));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.hidden_run' AND user = 'alice' AND ms = "
		"240000"), 1);
	run_until(H(5));
	dark_run(MIN(10), MIN(3), MIN(4));
	assert_int_equal(events("booking.hidden_run"), 1);
	assert_int_equal(events("run_hidden"), 2);
}

/* It may have been hers, however short it was: nobody can say that she did not come. The next day's booking is missed
 * as always. */
static void test_who_may_have_run_in_a_gap_is_no_no_show(void **state)
{
	static const int64_t ran[] = { MIN(4), MIN(1), 40 * LT_SECOND, 2 * LT_SECOND, 0 };

	(void)state;
	for (size_t k = 0; k < sizeof(ran) / sizeof(ran[0]); k++) {
		int64_t b = book("alice", "krios-1", H(1), H(3)), next = book("alice", "krios-1", H(24), H(26));
		struct booking after;

		run_until(H(1) + MIN(5));
		dark_run(MIN(10), MIN(3), ran[k]);
		run_until(H(26) + MIN(1));
		assert_int_equal(booking_load(world_read(w, NULL), b, &after), 0);
		if (after.state != (ran[k] ? BOOKING_LAPSED : BOOKING_NO_SHOW))
			fail_msg("%lld ms ran unseen, and her booking is %s", (long long)ran[k], booking_state_name(after.state));
		assert_int_equal(booking_load(world_read(w, NULL), next, &after), 0);
		assert_int_equal(after.state, BOOKING_NO_SHOW);
		teardown(NULL);
		setup(NULL);
	}
}

static int do_block(struct act *a, void *arg)
{
	struct block_request rq = { .from = H(1), .to = H(2), .reason = "service" };
	struct block b;

	(void)arg;
	lt_fmt(rq.instrument, sizeof(rq.instrument), "krios-1");
	return block_create(a, &rq, &b);
}

static void test_a_hidden_run_in_a_block_is_internal(void **state)
{
	(void)state;
	must("mia", do_block, 0);
	run_until(H(1) + MIN(5));
	dark_run(MIN(20), MIN(5), MIN(8));
	assert_int_equal(latest().kind, SESSION_INTERNAL);
	assert_int_equal(latest().outcome, OUTCOME_INTERNAL);
	assert_int_equal(latest().measured_ms, MIN(8));
	run_until(H(2) - MIN(10));
	dark_run(MIN(20), MIN(2), MIN(8)); /* reaches beyond the block: nobody knows */
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(reviews("unattributed"), 1);
}

/* ---- somebody is checked in ---- */

/* A gap of 60 minutes; alice checks in `at` minutes into it (or before it). Who has what of the difference. */
static void test_a_check_in_in_a_gap_takes_only_what_must_be_its_own(void **state)
{
	static const struct { int at, run_at, ran, mine; } rows[] = {
		{ -5, 20, 20, 20 },   /* checked in before: nobody else could */
		{ 40, 10, 20, 0 },    /* ran before the check-in: it could have */
		{ 40, 38, 22, 0 },    /* ran after it, but nobody can tell */
		{ 40, 5, 50, 10 },    /* the time before the check-in could not hold it all */
		{ 60, 10, 45, 0 },    /* at the end */
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		int64_t b = book("alice", "krios-1", H(1), H(4)), from = H(1) + MIN(10);

		run_until(from + (rows[k].at < 0 ? MIN(rows[k].at) : 0));
		if (rows[k].at < 0)
			must("alice", do_checkin, b);
		run_until(from);
		for (int minute = 0; minute < 60; minute++) {
			d.of[0].silent = true;
			if (minute == rows[k].at)
				must("alice", do_checkin, b);
			d.of[0].on = minute >= rows[k].run_at && minute < rows[k].run_at + rows[k].ran;
			run(MIN(1));
		}
		d.of[0].on = d.of[0].silent = false;
		if (rows[k].at == 60)
			must("alice", do_checkin, b);
		run(MIN(1));
		if (of_booking(b).measured_ms / 60000 != rows[k].mine || hidden_ms() / 60000 != rows[k].ran - rows[k].mine)
			fail_msg("row %zu: hers %lld, hidden %lld", k, (long long)of_booking(b).measured_ms, (long long)hidden_ms());
		teardown(NULL);
		setup(NULL);
	}
}

/* Her run is on when the gap begins; zoe checks in 40 minutes into it. on: a run is on at its end too. */
static void test_a_run_that_was_on_keeps_the_gap_only_where_it_cannot_be_the_nexts(void **state)
{
	static const struct { int hers, zoes; bool on; int alice, zoe; } rows[] = {
		{ 25, 0, false, 25, 0 },   /* as one continuous run */
		{ 25, 10, true, 15, 0 },   /* short of the gap and on at both ends: 20 may be zoe's */
		{ 5, 12, true, 0, 0 },
		{ 40, 20, true, 40, 20 },  /* all of it */
		{ 40, 20, false, 40, 20 },
		{ 30, 20, true, 30, 10 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		int64_t b = book("alice", "krios-1", H(1), H(1) + MIN(30)), z = book("zoe", "krios-1", H(1) + MIN(45), H(4));

		run_until(H(1));
		must("alice", do_checkin, b);
		d.of[0].on = true;
		run(MIN(10));
		for (int minute = 0; minute < 60; minute++) {
			d.of[0].silent = true;
			if (minute == 40)
				must("zoe", do_checkin, z);
			d.of[0].on = minute < rows[k].hers || (rows[k].on ? minute >= 60 - rows[k].zoes :
				minute >= 40 && minute < 40 + rows[k].zoes);
			run(MIN(1));
		}
		d.of[0].silent = false;
		if (!rows[k].on)
			d.of[0].on = false;
		devices_poll(&d, 0);
		check();
		if ((of_booking(b).measured_ms - MIN(10) + 6000) / 60000 != rows[k].alice ||
		    (of_booking(z).measured_ms + 6000) / 60000 != rows[k].zoe)
			fail_msg("row %zu: alice %lld, zoe %lld", k, (long long)of_booking(b).measured_ms,
				(long long)of_booking(z).measured_ms);
		ABOUT(hidden_ms(), MIN(rows[k].hers + rows[k].zoes - rows[k].alice - rows[k].zoe), 7000);
		d.of[0].on = false;
		teardown(NULL);
		setup(NULL);
	}
}

/* Her run is on when the gap begins. Zoe comes two minutes into her own booking, and waits for the unit that alice's
 * session still holds: what ran after she came may be hers, though her session begins later. */
static void test_a_gap_ends_for_me_when_the_next_one_comes_though_she_waits(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(1) + MIN(30)), z = book("zoe", "krios-1", H(1) + MIN(30), H(4));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	d.of[0].on = true;
	run(MIN(20));
	for (int minute = 20; minute < 50; minute++) {
		d.of[0].silent = true;
		if (minute == 32) {
			must("zoe", do_checkin, z);
			assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE waiting = 1"), 1);
		}
		d.of[0].on = minute < 31 || minute >= 33;
		run(MIN(1));
	}
	d.of[0].silent = false;
	devices_poll(&d, 0);
	check();
	assert_true(of_booking(z).opened_at >= H(1) + MIN(33));
	ABOUT(of_booking(b).measured_ms, MIN(20 + 28 - 18), 6000);      /* what the time after 32 could not hold */
	ABOUT(of_booking(z).measured_ms, MIN(28 - 12), 6000);           /* what the time before it could not hold */
	ABOUT(hidden_ms(), MIN(2), 7000);
	d.of[0].on = false;
}

/* She was checked in, with no run on, and given up after her end: what may have run after that is not hers. */
static void test_what_ran_long_after_my_booking_is_not_mine(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(2));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	run(MIN(50));
	dark_run(MIN(300), MIN(200), MIN(60));
	assert_int_equal(of_booking(b).measured_ms, 0);
	assert_int_equal(hidden_ms(), MIN(60));
	assert_int_equal(reviews("unattributed"), 1);
}

static void test_what_ran_after_my_check_out_is_not_mine(void **state)
{
	int64_t b = book("alice", "krios-1", H(1), H(3));

	(void)state;
	run_until(H(1));
	must("alice", do_checkin, b);
	run(MIN(10));
	d.of[0].silent = true;
	run(MIN(5));
	must("alice", do_checkout, b); /* waits for a reading */
	dark_run(MIN(60), MIN(20), MIN(30));
	assert_int_equal(of_booking(b).measured_ms, 0);
	assert_true(of_booking(b).closed_at > 0);
	assert_int_equal(hidden_ms(), MIN(30));
}

/* ---- what becomes of it ---- */

static int do_claim(struct act *a, void *arg)
{
	struct claim c;

	return claim_make(a, "krios-1", *(int64_t *)arg, "", &c);
}

static int attribute(const char *by, const char *org, const char *user)
{
	struct by_id x = { .id = world_int(w, "SELECT id FROM review WHERE state <> 'done'"), .org = org, .user = user };
	int r = devices_act(&d, by, do_attribute, &x);

	check();
	return r;
}

static void test_a_hidden_run_is_claimed_and_charged_without_overrun(void **state)
{
	int64_t at = H(1) + MIN(20);

	(void)state;
	run_until(H(1) + MIN(5));
	dark_run(MIN(60), MIN(10), MIN(30));
	assert_int_equal(devices_act(&d, "alice", do_claim, &at), 0);
	assert_int_equal(attribute("mia", "acme", "alice"), 0);
	assert_int_equal(latest().outcome, OUTCOME_CHARGED);
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 1800);
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge"), 5000); /* half an hour at 100.00 */
	assert_int_equal(world_int(w, "SELECT overrun_s + idle_s FROM charge"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE flags LIKE '%unplaced%'"), 1);
}

static void test_a_hidden_run_takes_two_people_without_a_claim(void **state)
{
	(void)state;
	run(MIN(5));
	dark_run(MIN(20), MIN(10), MIN(5));
	assert_int_equal(attribute("mia", "zeta", "zoe"), 0);
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	assert_int_equal(attribute("mia", "zeta", "zoe"), ACT_REFUSED);
	assert_int_equal(attribute("root", "zeta", "zoe"), 0);
	assert_string_equal(latest().org, "zeta");
	must("zoe", do_disown, latest().id); /* she objects */
	assert_int_equal(latest().kind, SESSION_UNATTRIBUTED);
	must("mia", do_waive, world_int(w, "SELECT id FROM review"));
	must("root", do_waive, world_int(w, "SELECT id FROM review"));
	assert_int_equal(latest().outcome, OUTCOME_UNATTRIBUTED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
}

/* It overlaps nothing: sessions inside the same hours settle, and so does it. */
static void test_a_hidden_run_does_not_stand_in_the_way_of_a_session(void **state)
{
	int64_t b = book("alice", "krios-1", H(2), H(3)), at = H(1) + MIN(20);

	(void)state;
	run_until(H(1) + MIN(5));
	d.of[0].silent = true;
	run(MIN(5));
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run_until(H(2));
	must("alice", do_checkin, b);
	run(MIN(5));
	d.of[0].silent = false;
	run(MIN(1));
	d.of[0].on = true;
	run(MIN(10));
	d.of[0].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
	ABOUT(world_int(w, "SELECT used_s FROM charge"), 600, 1);
	assert_int_equal(hidden_ms(), MIN(20));
	assert_int_equal(devices_act(&d, "bob", do_claim, &at), 0);
	assert_int_equal(attribute("mia", "acme", "bob"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE used_s = 1200 AND user = 'bob'"), 1);
}

/* zoe's session was the last on the unit, whatever a gap hid since: what runs soon after it may be hers. */
static void test_a_hidden_run_does_not_hide_who_was_there_before(void **state)
{
	int64_t z = book("zoe", "krios-1", H(1), H(2));

	(void)state;
	book("alice", "krios-1", H(2), H(4));
	run_until(H(1));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(20));
	d.of[0].on = false;
	run_until(H(2) + MIN(2));
	dark_run(MIN(10), MIN(4), MIN(3));
	assert_int_equal(hidden(), 1);
	run(MIN(5));
	d.of[0].on = true;
	run(MIN(2));
	assert_true(latest().bypassed);
	d.of[0].on = false;
}

/* ---- what adds up ---- */

static int64_t seconds(const struct tally_sum *sums, int n)
{
	int64_t s = 0;

	for (int i = 0; i < n; i++)
		s += sums[i].used_s;
	return s;
}

static int64_t rest_of(struct tally *t, const char *key)
{
	int n;
	const struct tally_sum *sums = tally_rest(t, &n);

	for (int i = 0; i < n; i++)
		if (strcmp(sums[i].key, key) == 0)
			return sums[i].used_s;
	return 0;
}

static struct tally *usage_of(const char *instrument)
{
	struct tally_want want = { .by = TALLY_INSTRUMENT, .by_service = true, .rest = true, .from = WORLD_NOW,
		.to = H(1000) };
	struct tally *t;
	int rc;

	lt_fmt(want.instrument, sizeof(want.instrument), "%s", instrument);
	t = tally_new(world_read(w, NULL), &want);
	assert_non_null(t);
	while ((rc = tally_step(t, w->db)) > 0)
		;
	assert_int_equal(rc, 0);
	return t;
}

static void adds_up(const char *instrument)
{
	struct tally *t = usage_of(instrument);
	int64_t ext = db_one_int(w->db, 0, "SELECT SUM(ext_ms - ext_first_ms) FROM meter WHERE ?1 = '' OR instrument = ?1", "t",
		instrument);
	int n, n_rest;
	const struct tally_sum *sums = tally_sums(t, &n), *rest = tally_rest(t, &n_rest);
	int64_t used = seconds(sums, n) + seconds(rest, n_rest);

	assert_in_range((uint64_t)(ext / 1000 - used), 0, (uint64_t)world_int(w, "SELECT COUNT(*) FROM charge") + 3);
	tally_free(t);
}

/* Charged, waiting for a review, in a block, of nobody, hidden by a gap, and too short to be anybody's. */
static void test_usage_of_an_instrument_adds_up_to_its_meter(void **state)
{
	int64_t b = book("alice", "krios-1", H(3), H(4)), z;
	struct tally *t;

	(void)state;
	must("mia", do_block, 0);
	run_until(H(1) + MIN(5));
	d.of[0].on = true;
	run(MIN(11)); /* in the block */
	d.of[0].on = false;
	run_until(H(2) + MIN(5));
	dark_run(MIN(20), MIN(3), MIN(7));
	run(MIN(10));
	dark_run(MIN(2), MIN(1), 20 * LT_SECOND);
	run_until(H(3));
	must("alice", do_checkin, b);
	d.of[0].on = d.of[1].on = true;
	run(MIN(13));
	d.of[0].on = d.of[1].on = false;
	run(MIN(1));
	must("alice", do_checkout, b);
	z = book("zoe", "krios-1", H(4), H(5));
	run_until(H(4));
	must("zoe", do_checkin, z);
	d.of[0].on = true;
	run(MIN(17)); /* not charged yet */
	adds_up("krios-1");
	adds_up("plc-1");
	adds_up("");
	t = usage_of("krios-1");
	assert_int_equal(rest_of(t, "unattributed"), 7 * 60 + 20);
	assert_int_equal(rest_of(t, "internal"), 11 * 60);
	ABOUT(rest_of(t, "uncharged"), 17 * 60, 6);
	tally_free(t);
	d.of[0].on = false;
	run_until(H(5) + MIN(1));
	adds_up("krios-1");
	t = usage_of("krios-1");
	assert_int_equal(rest_of(t, "uncharged"), 0);
	tally_free(t);
}

/* The run is nobody's, goes on after the gap, and is seen then: what was hidden of it, and what was seen. */
static void test_a_run_of_nobodys_over_the_end_of_a_gap_is_asked_about_once_a_part(void **state)
{
	(void)state;
	run_until(H(1));
	d.of[0].silent = true;
	run(MIN(3));
	d.of[0].on = true;
	run(MIN(7));
	d.of[0].silent = false;
	run(MIN(5));
	d.of[0].on = false;
	run(MIN(10));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 2);
	assert_int_equal(reviews("unattributed"), 2);
	assert_int_equal(reviews("meter_lost"), 0);
	adds_up("krios-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_run_of_nobodys_over_the_end_of_a_gap_is_asked_about_once_a_part),
		T(test_pulling_the_cable_does_not_hide_a_run), T(test_two_gaps_hide_two_runs),
		T(test_a_stop_of_labtimed_does_not_hide_a_run), T(test_the_owner_of_the_booking_is_told_of_a_hidden_run),
		T(test_who_may_have_run_in_a_gap_is_no_no_show),
		T(test_a_hidden_run_in_a_block_is_internal), T(test_a_check_in_in_a_gap_takes_only_what_must_be_its_own),
		T(test_a_run_that_was_on_keeps_the_gap_only_where_it_cannot_be_the_nexts),
		T(test_a_gap_ends_for_me_when_the_next_one_comes_though_she_waits),
		T(test_what_ran_long_after_my_booking_is_not_mine), T(test_what_ran_after_my_check_out_is_not_mine),
		T(test_a_hidden_run_is_claimed_and_charged_without_overrun),
		T(test_a_hidden_run_takes_two_people_without_a_claim),
		T(test_a_hidden_run_does_not_stand_in_the_way_of_a_session),
		T(test_a_hidden_run_does_not_hide_who_was_there_before),
		T(test_usage_of_an_instrument_adds_up_to_its_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
