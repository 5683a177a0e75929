/*
 * test_settle.c - from a closed session to a sealed charge: when it settles, what it costs, that the book balances,
 * that it is charged once, that fees are posted, reduced and undone, that a record
 * explains itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/booking.h"
#include "app/metering.h"
#include "app/money.h"
#include "app/timers.h"
#include "base/base.h"
#include "common/fmt.h"
#include "export/explain.h"
#include "store/charge.h"
#include "store/ledger.h"
#include "settle_rig.h"

/* ---- settling ---- */

static void settles_once(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	settle(w, 1);
	assert_int_equal(16667, charged(w));
	settle(w, 1);
	settle(w, 1);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM txn WHERE idem_key = 'session:1:usage'"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM session WHERE outcome = 'charged' "
		"AND state = 'charged'"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE project = 'p-1' AND period = '2026-12' AND "
		"used_s = 6000"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'charge_posted' AND charge = 1"));
	book_balances(w);
	every_charge_explains_itself(w);
}

/* What a register that restarted may have lost begins after the run did, and ends before it. */
static void the_service_ends_with_its_last_instant(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	add_run(w, 2, 1, T0 + 50 * MIN, T0 + 51 * MIN);
	db_run(w->db, "UPDATE usage SET measured_ms = 0, estimated_ms = 500, placed = 0, reason = 'reset' WHERE id = 2", "");
	settle(w, 1);
	assert_int_equal(T0 + 100 * MIN, world_int(w, "SELECT service_to FROM charge"));
	every_charge_explains_itself(w);
}

static void waits_for_its_end_reading(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, false);
	w->now.wall_ms = T0 + 2 * LT_HOUR + 59 * LT_SECOND;
	settle(w, 1);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(T0 + 2 * LT_HOUR + MIN, world_int(w, "SELECT due_at FROM timer WHERE kind = 'settle' AND "
		"ref = "
		"1"));
	w->now.wall_ms = T0 + 2 * LT_HOUR + MIN;
	settle(w, 1);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE flags = 'no_end_reading'"));
	assert_int_equal(-1, world_int(w, "SELECT due_at FROM timer WHERE kind = 'settle'"));
}

static void waits_for_a_review(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	db_run(w->db, "INSERT INTO review(id, kind, instrument, session, state, detail, opened_at) VALUES "
		"(1, 'meter_lost', 'krios-1', 1, 'open', '', 0)", "");
	w->now.wall_ms = T0 + 400 * LT_HOUR;
	settle(w, 1);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge"));
	db_run(w->db, "UPDATE review SET state = 'done' WHERE id = 1", "");
	settle(w, 1);
	assert_int_equal(16667, charged(w));
}

static void an_unused_session_is_charged_nothing(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0, T0 + 2 * LT_HOUR, "completed");
	add_session(w, 1, 1, T0, T0 + LT_HOUR, true);
	assert_int_equal(0, world_end(w, 0));
	w->now.wall_ms = T0 + 3 * LT_HOUR;
	settle(w, 1);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE amount_minor = 0 AND billed_s = 0"));
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM txn"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM session WHERE outcome = 'charged'"));
}

static void unattributed_is_not_charged(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	db_run(w->db, "UPDATE session SET kind = 'unattributed', org = NULL, user = NULL, booking = NULL, outcome = "
		"'unattributed'", "");
	settle(w, 1);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge"));
}

static void overrun_price(struct price *p)
{
	p->overrun_pm = 1500;
	p->into_next_pm = 2000;
}

/* BILLING.md's case: to 12:20 with the next booking of another org at 12:10. */
static void overrun_into_the_next(void **state)
{
	struct world *w = *state;

	adopt(w, overrun_price);
	usual(w, T0, T0 + 140 * MIN, true);
	world_act(w, NULL);
	add_booking(w, 2, "zoe", "zeta", T0 + 130 * MIN, T0 + 190 * MIN, "completed");
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(25833, charged(w));
	assert_int_equal(1200, world_int(w, "SELECT overrun_s FROM charge"));
	book_balances(w);
	every_charge_explains_itself(w);
}

/* To 14:30 in a booking to 14:00 that was extended to 15:00 at 14:10; its first two minutes over were free. */
static void overrun_before_an_extension_is_kept(void **state)
{
	struct world *w = *state;

	adopt(w, overrun_price);
	usual(w, T0, T0 + 150 * MIN, true);
	world_act(w, NULL);
	db_run(w->db, "UPDATE booking SET booked_to = ?1, priced_to = ?1 WHERE id = 1", "i", T0 + 180 * MIN);
	db_run(w->db, "INSERT INTO overrun_kept (booking, n, from_at, grace_to, to_at) VALUES (1, 1, ?1, ?2, ?3)", "iii",
		T0 + 120 * MIN, T0 + 122 * MIN, T0 + 130 * MIN);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(480, world_int(w, "SELECT overrun_s FROM charge"));
	assert_int_equal(25333, charged(w));
	book_balances(w);
	every_charge_explains_itself(w);
}

static void rich_price(struct price *p)
{
	p->step_ms = 360000;
	p->minimum_minor = 2500;
	p->idle_rate_minor = 4000;
	p->change = CHANGE_SPLIT;
}

static void a_price_change_splits(void **state)
{
	struct world *w = *state;

	adopt(w, rich_price);
	usual(w, T0, T0 + 100 * MIN, true);
	world_act(w, NULL);
	add_run(w, 2, 1, T0 + 110 * MIN, T0 + 115 * MIN);
	db_run(w->db, "INSERT INTO price_version(instrument, version, effective_at, text, source, created_at) SELECT "
		"instrument, 2, ?1, replace(text, '100.00', '120.00'), 'finn', 0 FROM price_version WHERE instrument = "
		"'krios-1'", "i", T0 + LT_HOUR);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	/* 3600 s at 100, 2700 s at 120 and 180 s of the step at 120, 600 s idle at 40 */
	assert_int_equal(10000 + 9600 + 667, charged(w));
	assert_int_equal(3, world_int(w, "SELECT COUNT(*) FROM charge_line"));
	every_charge_explains_itself(w);
}

static void implausible_goes_to_review(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	db_run(w->db, "UPDATE usage SET measured_ms = 6300000", ""); /* 105 minutes in 100 by the clock, twice a lie */
	db_run(w->db, "UPDATE session SET closed_at = ?1", "i", T0 + 100 * MIN);
	settle(w, 1);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'implausible' "
		"AND session = 1 AND state "
		"= 'open'"));
	db_run(w->db, "UPDATE review SET state = 'done', decision = 'accept'", "");
	settle(w, 1);
	assert_int_equal(17500, charged(w));
}

static void overlap_goes_to_review(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	world_act(w, NULL);
	add_session(w, 2, 0, T0 + 50 * MIN, T0 + 60 * MIN, true);
	world_end(w, 0);
	settle(w, 1);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'implausible' AND session = 1"));
}

/* Twenty sessions of six minutes, then one of 100: past its booking it is asked about, inside it is not. */
/* A run that a check-in cut ends with the reading that the check-in forced, two ms later: nothing overlaps. */
static void a_cut_at_a_check_in_is_no_overlap(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	db_run(w->db, "UPDATE session SET closed_at = ?1", "i", T0 + 100 * MIN - 2);
	world_act(w, NULL);
	add_session(w, 2, 0, T0 + 100 * MIN - 2, T0 + 110 * MIN, true);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(16667, charged(w));
}

static void ten_times_the_usual_goes_to_review(void **state)
{
	struct world *w = *state;
	bool open;

	adopt(w, NULL);
	usual(w, T0, T0 + 140 * MIN, true);
	world_act(w, NULL);
	period_ensure(w->db, "2026-12", &open);
	for (int64_t i = 101; i <= 120; i++) {
		struct charge c = { .id = i, .seq = i, .kind = "usage", .org = "acme", .user = "alice",
			.instrument = "krios-1",
			.period = "2026-12", .used_s = 360, .billed_s = 360, .currency = "USD" };

		assert_int_equal(0, charge_insert(w->db, &c, "{}", NULL, 0));
	}
	world_end(w, 0);
	settle(w, 1);
	assert_int_equal(20, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'implausible' AND session = 1"));
	db_run(w->db, "UPDATE usage SET to_at = ?1, measured_ms = 6600000", "i", T0 + 110 * MIN);
	db_run(w->db, "UPDATE review SET kind = 'other', state = 'done'", "");
	db_run(w->db, "UPDATE session SET outcome = 'settling'", "");
	settle(w, 1);
	assert_int_equal(21, world_int(w, "SELECT COUNT(*) FROM charge"));
}

static void lands_in_the_open_period(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	db_run(w->db, "INSERT INTO period VALUES ('2026-12', 'closed'), ('2027-01', 'closing')", "");
	settle(w, 1);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge WHERE period = '2027-02'"));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM txn WHERE period = '2027-02'"));
}

static void the_live_meter_says_what_is_charged(void **state)
{
	struct world *w = *state;
	struct charge_balance r;

	adopt(w, rich_price);
	usual(w, T0, T0 + 97 * MIN, true);
	world_act(w, NULL);
	assert_int_equal(0, money_so_far(&w->act, 1, &r));
	assert_int_equal(1, money_so_far(&w->act, 99, &r));
	assert_int_equal(0, money_so_far(&w->act, 1, &r));
	world_end(w, 0);
	settle(w, 1);
	assert_int_equal(charged(w), r.minor);
}

/* The booking behind an overrun goes after it was charged: what the session shows stays what was charged. */
static void a_charged_session_shows_its_charge(void **state)
{
	struct world *w = *state;
	struct charge_balance r;

	adopt(w, overrun_price);
	usual(w, T0, T0 + 140 * MIN, true);
	world_act(w, NULL);
	add_booking(w, 2, "zoe", "zeta", T0 + 130 * MIN, T0 + 190 * MIN, "active");
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	world_act(w, NULL);
	db_run(w->db, "UPDATE booking SET state = 'lapsed' WHERE id = 2", "");
	assert_int_equal(0, money_so_far(&w->act, 1, &r));
	world_end(w, 0);
	assert_int_equal(25833, r.minor);
	assert_int_equal(1200, r.overrun_s);
}

/* ---- fees ---- */

static void fee_price(struct price *p)
{
	p->no_show_bp = 5000;
	p->n_tiers = 2;
	p->tiers[0] = (struct tier){ 24 * LT_HOUR, 0 };
	p->tiers[1] = (struct tier){ 0, 2500 };
}

static int64_t fee(struct world *w, const char *component, int64_t at)
{
	struct booking b;
	int64_t minor = -1;

	world_act(w, NULL);
	assert_int_equal(0, booking_load(&w->act, 1, &b));
	assert_int_equal(0, world_end(w, money_fee(&w->act, &b, component, NULL, at, &minor)));
	return minor;
}

static void fees_are_posted_once_and_undone(void **state)
{
	struct world *w = *state;
	struct booking b;
	int64_t due = -1;

	adopt(w, fee_price);
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0, T0 + 2 * LT_HOUR, "no_show");
	world_end(w, 0);
	w->now.wall_ms = T0 + 30 * MIN;
	assert_int_equal(10000, fee(w, "no_show", T0 + 30 * MIN));
	assert_int_equal(10000, fee(w, "no_show", T0 + 30 * MIN));
	assert_int_equal(10000, charged(w));
	world_act(w, NULL);
	assert_int_equal(0, booking_load(&w->act, 1, &b));
	assert_int_equal(0, world_end(w, money_fee_undo(&w->act, &b, &due)));
	assert_int_equal(0, charged(w));
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, money_fee_undo(&w->act, &b, &due)));
	assert_int_equal(0, due);
	assert_int_equal(2, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(10000, fee(w, "no_show", T0 + 30 * MIN)); /* decided again */
	assert_int_equal(10000, charged(w));
	assert_int_equal(10000, -world_int(w, "SELECT SUM(minor) FROM entry WHERE account = 'revenue:fees'"));
	book_balances(w);
	every_charge_explains_itself(w);
}

static void cancelling_pays_by_notice(void **state)
{
	static const struct { int64_t notice, minor; } cases[] = {
		{ 24 * LT_HOUR, 0 }, { 24 * LT_HOUR - 1000, 5000 }, { 0, 5000 }, { -1000, 10000 },
	};
	struct world *w = *state;
	struct booking b;
	int64_t minor;

	adopt(w, fee_price);
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0, T0 + 2 * LT_HOUR, "cancelled");
	assert_int_equal(0, booking_load(&w->act, 1, &b));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(0, money_fee_preview(&w->act, &b, "late_cancel", T0 - cases[i].notice, &minor));
		assert_int_equal(cases[i].minor, minor);
	}
	world_end(w, 0);
	assert_int_equal(0, charged(w));
}

static int64_t give_up(struct world *w, int64_t from, int64_t to)
{
	struct booking b;
	int64_t minor = -1, shown = -1;

	world_act(w, NULL);
	assert_int_equal(0, booking_load(&w->act, 1, &b));
	assert_int_equal(0, money_fee_given_up_preview(&w->act, &b, (struct interval){ from, to }, w->now.wall_ms, &shown));
	assert_int_equal(0, world_end(w, money_fee_given_up(&w->act, &b, (struct interval){ from, to }, w->now.wall_ms,
		&minor)));
	assert_int_equal(shown, minor);
	return minor;
}

/* Parts that are given up pay their share; what is left pays its own fee; each is reduced by what is used of it. */
static void parts_are_paid_and_resold_on_their_own(void **state)
{
	struct world *w = *state;
	struct booking b;
	int64_t due = -1;

	adopt(w, fee_price);
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0, T0 + 2 * LT_HOUR, "confirmed");
	add_booking(w, 2, "zoe", "zeta", T0 + 90 * MIN, T0 + 2 * LT_HOUR, "completed");
	world_end(w, 0);
	assert_int_equal(2500, give_up(w, T0 + LT_HOUR, T0 + 2 * LT_HOUR));      /* an hour of 25 % of 100.00 an hour */
	explains(w, 1, "of the booked time was given up", "3600.000 s");
	explains(w, 1, "late_cancel: the fee", "25.00");
	world_act(w, NULL);
	db_run(w->db, "UPDATE booking SET booked_to = ?1, state = 'no_show' WHERE id = 1", "i", T0 + LT_HOUR);
	world_end(w, 0);
	w->now.wall_ms = T0 + 30 * MIN;
	assert_int_equal(2500 + 5000, fee(w, "no_show", T0 + 30 * MIN));         /* of the hour that was left */
	assert_int_equal(7500, fee(w, "no_show", T0 + 30 * MIN));
	world_act(w, NULL);
	assert_int_equal(0, booking_load(&w->act, 1, &b));
	assert_int_equal(0, world_end(w, money_fee_undo(&w->act, &b, &due)));
	assert_int_equal(2500, due);                                            /* a run undoes the no-show alone */
	assert_int_equal(2500, charged(w));
	w->now.wall_ms = T0 + 3 * LT_HOUR;
	world_act(w, NULL);
	add_session(w, 9, 2, T0 + 90 * MIN, T0 + 2 * LT_HOUR, true);
	add_run(w, 9, 9, T0 + 90 * MIN, T0 + 2 * LT_HOUR);
	assert_int_equal(0, world_end(w, timer_kind_find("fee_resold")->fire(&w->act, 1, w->now.wall_ms)));
	assert_int_equal(1250, charged(w));                                     /* half of the hour was used */
	book_balances(w);
	every_charge_explains_itself(w);
}

/* An hour of the missed slot was used by somebody else: that hour is not paid twice. */
static void resold_time_is_credited(void **state)
{
	struct world *w = *state;
	int64_t due;

	adopt(w, fee_price);
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0, T0 + 2 * LT_HOUR, "no_show");
	add_booking(w, 2, "zoe", "zeta", T0 + LT_HOUR, T0 + 2 * LT_HOUR, "completed");
	world_end(w, 0);
	w->now.wall_ms = T0 + 30 * MIN;
	assert_int_equal(10000, fee(w, "no_show", T0 + 30 * MIN));
	due = world_int(w, "SELECT due_at FROM timer WHERE kind = 'fee_resold' AND ref = 1");
	assert_int_equal(T0 + 3 * LT_HOUR, due);
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO session(id, instrument, booking, org, user, kind, state, outcome, opened_at, "
		"opened_cause, closed_at) VALUES (9, 'krios-1', 2, 'zeta', 'zoe', 'booked', 'closed', 'settling', "
			"?1, 'user', "
		"?2)", "ii", T0 + LT_HOUR, T0 + 2 * LT_HOUR);
	add_run(w, 9, 9, T0 + LT_HOUR, T0 + 130 * MIN);
	world_end(w, 0);
	w->now.wall_ms = due;
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, timer_kind_find("fee_resold")->fire(&w->act, 1, due)));
	assert_int_equal(5000, charged(w));
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, timer_kind_find("fee_resold")->fire(&w->act, 1, due)));
	assert_int_equal(5000, charged(w));
	book_balances(w);
	every_charge_explains_itself(w);
}

/* ---- the quote ---- */

static void quote_is_the_rating_of_its_interval(void **state)
{
	struct world *w = *state;
	struct booking b = { .instrument = "krios-1", .org = "acme", .booked_from = T0, .booked_to = T0 + 100 * MIN,
		.since = T0 };
	struct terms_rows terms = { 1, { { T0, T0 + 100 * MIN, 1, 1 } } };
	struct rate_result r;

	adopt(w, NULL);
	world_act(w, NULL);
	assert_int_equal(0, money_quote(&w->act, &b, &terms, NULL, &r));
	assert_int_equal(16667, r.total_minor);
	db_run(w->db, "INSERT INTO price_version(instrument, version, effective_at, text, source, created_at) SELECT "
		"instrument, 2, 0, replace(text, 'rate = 100.00', 'rate = 1000000000.00'), 'finn', 0 FROM price_version "
		"WHERE instrument = 'krios-1'", "");
	terms.row[0].price_version = 2;
	b.booked_to = T0 + 366 * LT_DAY;
	assert_int_equal(ACT_REFUSED, money_quote(&w->act, &b, &terms, NULL, &r));
	assert_string_equal("price-out-of-range", w->act.refusal.err.code);
	world_end(w, 0);
}

/* A record that somebody changed no longer matches. */
static void a_forged_record_does_not_match(void **state)
{
	struct world *w = *state;
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err;
	struct charge c;
	char *record, *p;

	adopt(w, NULL);
	usual(w, T0, T0 + 100 * MIN, true);
	settle(w, 1);
	assert_int_equal(0, charge_load(w->db, 1, &c));
	record = charge_record(w->db, 1);
	p = strstr(record, "\"measured_ms\":6000000");
	assert_non_null(p);
	p[strlen("\"measured_ms\":")] = '5';
	assert_int_equal(0, explain_record(x, record, c.sha256, &w->site.zone, &err));
	assert_false(x->matches);
	assert_int_equal(13889, x->recomputed_minor);
	assert_int_equal(-1, explain_record(x, "{", c.sha256, &w->site.zone, &err));
	assert_string_equal("bad-record", err.code);
	free(record);
	free(x);
}

static int setup(void **state) { *state = world_new(); return 0; }
static int teardown(void **state) { world_free(*state); return 0; }

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(settles_once), CASE(the_service_ends_with_its_last_instant), CASE(waits_for_its_end_reading),
		CASE(waits_for_a_review), CASE(an_unused_session_is_charged_nothing),
		CASE(unattributed_is_not_charged), CASE(overrun_into_the_next), CASE(overrun_before_an_extension_is_kept),
		 CASE(a_price_change_splits),
		CASE(implausible_goes_to_review), CASE(overlap_goes_to_review), CASE(a_cut_at_a_check_in_is_no_overlap),
			CASE(ten_times_the_usual_goes_to_review),
		CASE(lands_in_the_open_period), CASE(the_live_meter_says_what_is_charged),
		CASE(a_charged_session_shows_its_charge),
		CASE(parts_are_paid_and_resold_on_their_own), CASE(fees_are_posted_once_and_undone),
		CASE(cancelling_pays_by_notice), CASE(resold_time_is_credited),
		CASE(quote_is_the_rating_of_its_interval), CASE(a_forged_record_does_not_match),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
