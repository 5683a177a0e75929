/*
 * test_price_lists.c - price lists that are announced, set out of order, or many; time that is added at another price.
 * What a person was told a booking costs is what is charged when it is used so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "settle_rig.h"

#include "app/booking_acts.h"
#include "app/money.h"
#include "app/review.h"
#include "app/view.h"
#include "common/fmt.h"
#include "export/explain.h"
#include "store/charge.h"

static const char *mode = "lock_at_booking";

static void set_mode(struct price *p)
{
	struct lt_err err;

	assert_int_equal(0, price_set(p, "price_change", mode, 2, &err));
	p->no_show_bp = 10000;
}

/* From `at` on an hour costs so much; returns its version. */
static int64_t announce(struct world *w, int64_t at, int64_t rate_minor)
{
	struct terms_row row;
	struct price p;

	price_defaults(&p);
	set_mode(&p);
	p.rate_minor = rate_minor;
	assert_int_equal(0, world_end(w, terms_set_price(world_act(w, "root"), "krios-1", &p, at, &row)));
	return row.version;
}

static struct booking book(struct world *w, int64_t from, int64_t to)
{
	struct booking_request rq = { .instrument = "krios-1", .from = from, .to = to };
	struct booking b;

	assert_int_equal(0, world_end(w, booking_create(world_act(w, "alice"), &rq, &b)));
	return b;
}

static struct booking change(struct world *w, int64_t id, int64_t from, int64_t to)
{
	struct booking_patch p = { .has_from = from != 0, .has_to = true, .from = from, .to = to };
	struct booking b;

	if (world_end(w, booking_change(world_act(w, "alice"), id, 0, &p, &b)) != 0)
		fail_msg("%s", w->act.refusal.err.text);
	return b;
}

/* It was used from its start to its end, and nothing else. Returns what is charged. */
static int64_t use(struct world *w, const struct booking *b)
{
	w->now.wall_ms = b->booked_to + LT_HOUR;
	world_act(w, NULL);
	add_session(w, 1, b->id, b->booked_from, b->booked_to, true);
	add_run(w, 1, 1, b->booked_from, b->booked_to);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	return charged(w);
}

/* Announced on Monday for Wednesday; another one set on Tuesday; booked under that, over Wednesday's start. */
static void an_announced_price_holds_on_its_day(void **state)
{
	struct world *w = *state;
	struct booking b;

	mode = "split";
	adopt(w, set_mode);
	announce(w, T0 + LT_HOUR, 12000);
	announce(w, w->now.wall_ms, 8000);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	assert_int_equal(use(w, &b), 8000 + 12000);
	assert_int_equal(b.quote_minor, 8000 + 12000);
	book_balances(w);
	every_charge_explains_itself(w);
}

static void a_session_is_priced_by_the_list_of_its_start(void **state)
{
	struct world *w = *state;
	struct booking b;

	mode = "lock_at_start";
	adopt(w, set_mode);
	announce(w, T0 - MIN, 12000);
	announce(w, w->now.wall_ms, 8000);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	assert_int_equal(use(w, &b), 24000);
	assert_int_equal(b.quote_minor, 24000);
	every_charge_explains_itself(w);
}

/* A run began it at 80; at 120 its user checked in. */
static void a_later_check_in_changes_no_price(void **state)
{
	struct world *w = *state;
	struct booking b;

	mode = "lock_at_start";
	adopt(w, set_mode);
	announce(w, T0 + 10 * MIN, 12000);
	announce(w, w->now.wall_ms, 8000);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	w->now.wall_ms = b.booked_to + LT_HOUR;
	world_act(w, NULL);
	add_session(w, 1, b.id, T0, b.booked_to, true);
	add_run(w, 1, 1, T0, b.booked_to);
	db_run(w->db, "UPDATE session SET checkin_at = ?1 WHERE id = 1", "i", T0 + 20 * MIN);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(charged(w), 16000);
	every_charge_explains_itself(w);
}

/* Two hours booked at 100; the price goes to 160; an hour is added. */
static void added_time_costs_what_was_said(void **state)
{
	struct world *w = *state;
	struct booking b;

	mode = "lock_at_booking";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	announce(w, w->now.wall_ms, 16000);
	b = change(w, b.id, 0, T0 + 3 * LT_HOUR);
	assert_int_equal(b.quote_minor, 20000 + 16000);
	assert_int_equal(use(w, &b), 20000 + 16000);
	book_balances(w);
	explains(w, 1, "its rates and factors hold from 2026-12-01T11:00:00+08:00 on", "version 2");
	every_charge_explains_itself(w);
}

static void cutting_added_time_gives_its_price_back(void **state)
{
	struct world *w = *state;
	struct booking b;

	mode = "lock_at_booking";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	announce(w, w->now.wall_ms, 16000);
	b = change(w, b.id, 0, T0 + 4 * LT_HOUR);
	b = change(w, b.id, 0, T0 + 3 * LT_HOUR);
	assert_int_equal(b.quote_minor, 20000 + 16000);
	b = change(w, b.id, 0, T0 + LT_HOUR);
	assert_int_equal(b.quote_minor, 10000);
	b = change(w, b.id, 0, T0 + 2 * LT_HOUR);
	assert_int_equal(b.quote_minor, 10000 + 16000);
	b = change(w, b.id, T0 + LT_HOUR, T0 + 3 * LT_HOUR);       /* a move is made anew */
	assert_int_equal(b.quote_minor, 32000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_term WHERE closed_at IS NULL"), 1);
	assert_int_equal(world_int(w, "SELECT price_version FROM booking"), 2);
	assert_int_equal(use(w, &b), 32000);
}

/* The fee for not coming is of each part's own price. */
static void not_coming_pays_for_added_time_at_its_own_price(void **state)
{
	struct world *w = *state;
	struct booking b;
	int64_t fee;

	mode = "lock_at_booking";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	announce(w, w->now.wall_ms, 16000);
	b = change(w, b.id, 0, T0 + 3 * LT_HOUR);
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, money_fee_preview(&w->act, &b, "no_show", T0, &fee)));
	assert_int_equal(fee, 36000);
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, money_fee(&w->act, &b, "no_show", NULL, T0, &fee)));
	assert_int_equal(fee, 36000);
	assert_int_equal(charged(w), 36000);
	book_balances(w);
	every_charge_explains_itself(w);
}

static void twelve_prices_between_booking_and_use(void **state)
{
	struct world *w = *state;
	struct booking b;
	int64_t want = 0;

	mode = "split";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 3 * LT_HOUR);
	for (int i = 0; i < 12; i++) {
		announce(w, T0 + i * 15 * MIN, 20000 + i * 400);
		want += (20000 + i * 400) / 4;
	}
	assert_int_equal(use(w, &b), want);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review"), 0);
	every_charge_explains_itself(w);
}

static void a_thousand_lists_of_an_instrument(void **state)
{
	struct world *w = *state;
	struct booking b;

	mode = "split";
	adopt(w, set_mode);
	for (int i = 0; i < 1000; i++)
		announce(w, w->now.wall_ms + (1000 - i) * LT_HOUR, 10000 + (1000 - i) * 100);
	b = book(w, T0, T0 + 2 * LT_HOUR);                          /* T0 is in one hour */
	assert_int_equal(b.quote_minor, 10100 + 10200);
	assert_int_equal(use(w, &b), 10100 + 10200);
	every_charge_explains_itself(w);
}

/* An hour that was added at another price is shown beside the two that were booked first; so is another policy. */
static void what_was_promised_is_shown_by_interval(void **state)
{
	struct world *w = *state;
	struct term_shown t[4];
	struct booking b;
	int64_t version;
	int n;

	mode = "lock_at_booking";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	assert_int_equal(0, view_booking_terms(world_read(w, NULL), &b, t, 4, &n));
	assert_int_equal(n, 1);
	version = announce(w, w->now.wall_ms, 15000);
	b = change(w, b.id, 0, T0 + 3 * LT_HOUR);
	w->instruments[0].policy.settle_ms = LT_HOUR;
	assert_int_equal(0, world_end(w, terms_adopt(world_act(w, NULL), &w->instruments[0])));
	b = change(w, b.id, 0, T0 + 4 * LT_HOUR);
	assert_int_equal(0, view_booking_terms(world_read(w, NULL), &b, t, 4, &n));
	assert_int_equal(n, 3);
	assert_int_equal(t[0].term.from_at, T0);
	assert_int_equal(t[0].term.to_at, T0 + 2 * LT_HOUR);
	assert_int_equal(t[0].rate_minor, 10000);
	assert_int_equal(t[1].term.to_at, T0 + 3 * LT_HOUR);
	assert_int_equal(t[1].rate_minor, 15000);
	assert_int_equal(t[2].term.price_version, version);
	assert_int_equal(t[2].term.policy_version, t[1].term.policy_version + 1);
	assert_int_equal(0, view_booking_terms(world_read(w, NULL), &b, t, 2, &n));
	assert_int_equal(n, 2);
}

/* A list a minute for two hours is more than one charge is made of: it says so, and people can end it. */
static void what_has_no_price_says_why_and_ends(void **state)
{
	struct world *w = *state;
	struct review r;
	struct booking b;

	mode = "split";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	for (int i = 0; i < 120; i++)
		announce(w, T0 + i * MIN, 10000 + i);
	assert_int_equal(use(w, &b), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'price_lists' AND state = 'open'"), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ACT_REFUSED, world_end(w, review_accept(world_act(w, "mia"), 1, "go", &r)));
		assert_string_equal("cannot-be-priced", w->act.refusal.err.code);
	}
	assert_int_equal(0, world_end(w, review_waive(world_act(w, "mia"), 1, "", &r)));
	assert_int_equal(0, world_end(w, review_waive(world_act(w, "root"), 1, "", &r)));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE state <> 'done'"), 0);
	settle(w, 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review"), 1);
	assert_int_equal(charged(w), 0);
}

/* An amount beyond what one charge may be is the same. */
static void an_amount_without_end_can_be_ended(void **state)
{
	struct world *w = *state;
	struct review r;
	struct booking b;

	mode = "lock_at_booking";
	adopt(w, set_mode);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO price_version(instrument, version, effective_at, text, source, created_at) SELECT "
		"instrument, 2, 0, replace(text, '100.00', '1000000000.00'), 'finn', 0 FROM price_version WHERE instrument = "
		"'krios-1'", "");
	db_run(w->db, "INSERT INTO booking_term (booking, n, from_at, to_at, price_version, policy_version, made_at) VALUES "
		"(1, 2, ?1, ?2, 2, 1, 0)", "ii", T0 + 2 * LT_HOUR, T0 + 20000 * LT_HOUR);
	db_run(w->db, "UPDATE booking SET booked_to = ?1, priced_to = ?1", "i", T0 + 20000 * LT_HOUR);
	assert_int_equal(0, world_end(w, 0));
	b.booked_to = T0 + 20000 * LT_HOUR;
	assert_int_equal(use(w, &b), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM review WHERE kind = 'implausible' AND state = 'open'"), 1);
	assert_int_equal(ACT_REFUSED, world_end(w, review_accept(world_act(w, "mia"), 1, "go", &r)));
	assert_string_equal("cannot-be-priced", w->act.refusal.err.code);
}

/* An hour quoted at the hour's lists touches too many of them: nobody is told a price that cannot be charged. */
static void too_many_lists_are_refused_before_booking(void **state)
{
	struct world *w = *state;
	struct booking_request rq = { .instrument = "krios-1", .from = T0, .to = T0 + 2 * LT_HOUR };
	struct booking b;

	mode = "split";
	adopt(w, set_mode);
	for (int i = 0; i < 120; i++)
		announce(w, T0 + i * MIN, 10000 + i);
	assert_int_equal(ACT_REFUSED, world_end(w, booking_create(world_act(w, "alice"), &rq, &b)));
	assert_string_equal("too-many-price-lists", w->act.refusal.err.code);
}

/* The org's own list goes before the class's, that before everybody's, whenever they were set. */
static void the_most_specific_list_is_in_force(void **state)
{
	static const struct { const char *class, *org; int64_t version; } want[] = { { "", "", 2 }, { "student", "", 3 },
		{ "", "acme", 4 }, { "student", "acme", 4 }, { "", "zeta", 2 } };
	struct world *w = *state;
	struct terms_row row;

	mode = "lock_at_booking";
	adopt(w, set_mode);
	announce(w, w->now.wall_ms, 9000);
	for (int i = 0; i < 2; i++)
		db_run(w->db, "INSERT INTO price_version(instrument, version, effective_at, text, source, created_at, class, org) "
			"SELECT instrument, ?1, 5, text, source, 0, ?2, ?3 FROM price_version WHERE instrument = 'krios-1' AND version "
			"= 1", "itt", (int64_t)(3 + i), i ? "" : "student", i ? "acme" : "");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct price_for who = { "krios-1", want[i].class, want[i].org };

		assert_int_equal(0, store_price_at(w->db, &who, T0, &row));
		assert_int_equal(row.version, want[i].version);
	}
	assert_int_equal(book(w, T0, T0 + LT_HOUR).price_version, 4); /* alice is acme's */
}

static int withdraw(struct world *w, int64_t version)
{
	return world_end(w, terms_withdraw_price(world_act(w, "root"), "krios-1", version, version));
}

/* Announced by mistake and withdrawn: as if it had never been; from its instant on it stays. */
static void a_withdrawn_list_never_comes_into_force(void **state)
{
	struct world *w = *state;
	struct booking b;
	int64_t version;

	mode = "split";
	adopt(w, set_mode);
	version = announce(w, T0 + LT_HOUR, 90000);
	assert_int_equal(withdraw(w, version), 0);
	assert_int_equal(withdraw(w, version), 0);                  /* again: no effect */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'price.withdraw'"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'price_withdrawn'"), 1);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	assert_int_equal(b.quote_minor, 20000);
	assert_int_equal(withdraw(w, 1), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "price-in-force");
	assert_int_equal(withdraw(w, 9), ACT_REFUSED);
	assert_string_equal(w->act.refusal.err.code, "no-price-list");
	version = announce(w, T0, 30000);
	w->now.wall_ms = T0;
	assert_int_equal(withdraw(w, version), ACT_REFUSED);        /* its instant is in force */
	w->now.wall_ms = T0 - 1;
	assert_int_equal(withdraw(w, version), 0);
	assert_int_equal(use(w, &b), 20000);
	every_charge_explains_itself(w);
}

static int64_t told(struct world *w, int64_t minor, int64_t was_minor)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE kind = 'quote_changed' AND user = 'alice' AND booking = 1 "
		"AND minor = ?1 AND was_minor = ?2", "ii", minor, was_minor);
}

/* Announced and withdrawn after the booking was made: each time she is told what it will cost, and so it costs. */
static void a_booking_follows_what_is_announced_and_withdrawn(void **state)
{
	static const char *const modes[] = { "split", "lock_at_start", "lock_at_booking" };

	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_new();
		int64_t version, dear = i == 0 ? 100000 : 180000;
		struct booking b;

		mode = modes[i];
		adopt(w, set_mode);
		b = book(w, T0, T0 + 2 * LT_HOUR);
		version = announce(w, i == 0 ? T0 + LT_HOUR : T0, 90000);
		assert_int_equal(told(w, dear, 20000), i < 2);
		assert_int_equal(world_int(w, "SELECT quote_minor FROM booking"), i < 2 ? dear : 20000);
		assert_int_equal(withdraw(w, version), 0);
		assert_int_equal(told(w, 20000, dear), i < 2);
		assert_int_equal(world_int(w, "SELECT quote_minor FROM booking"), 20000);
		assert_int_equal(use(w, &b), 20000);
		world_free(w);
	}
}

/* A charge that an older labtimed sealed has lists and no spans: it is read, and corrected, by those. */
static void a_charge_of_before_spans_is_corrected_by_its_own_lists(void **state)
{
	struct world *w = *state;
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err = { 0 };
	struct booking b;
	struct charge c;
	char *record;

	mode = "split";
	adopt(w, set_mode);
	announce(w, T0 + LT_HOUR, 12000);
	b = book(w, T0, T0 + 2 * LT_HOUR);
	assert_int_equal(use(w, &b), 22000);
	world_act(w, NULL);
	add_session(w, 2, b.id, T0, T0 + 2 * LT_HOUR, true);
	add_run(w, 2, 2, T0, T0 + 90 * MIN);                        /* half an hour less than what was sealed */
	db_run(w->db, "UPDATE session SET state = 'charged', outcome = 'charged' WHERE id = 2", "");
	db_run(w->db, "INSERT INTO charge SELECT 2, 2, 2, booking, kind, corrects, org, user, instrument, project, posted_at, "
		"period, service_from, service_to, used_s, idle_s, fault_s, overrun_s, billed_s, estimated_s, gap_s, amount_minor, "
		"currency, flags, lines, json_remove(record, '$.price_spans', '$.booking.terms'), sha256 FROM charge", "");
	db_run(w->db, "UPDATE counter SET next = 3 WHERE name IN ('charge', 'charge_seq')", "");
	assert_int_equal(0, world_end(w, 0));
	assert_int_equal(0, charge_load(w->db, 2, &c));
	record = charge_record(w->db, 2);
	assert_null(strstr(record, "price_spans"));
	assert_int_equal(0, explain_record(x, record, c.sha256, &w->site.zone, &err));
	assert_int_equal(x->recomputed_minor, 22000);
	announce(w, w->now.wall_ms, 1);
	settle(w, 2);
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge WHERE corrects = 2"), -6000);
	free(record);
	free(x);
}

static int setup(void **state) { *state = world_new(); return 0; }
static int teardown(void **state) { world_free(*state); return 0; }

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_announced_price_holds_on_its_day), CASE(a_session_is_priced_by_the_list_of_its_start),
		CASE(a_later_check_in_changes_no_price),
		CASE(added_time_costs_what_was_said), CASE(cutting_added_time_gives_its_price_back),
		CASE(not_coming_pays_for_added_time_at_its_own_price), CASE(what_was_promised_is_shown_by_interval),
		CASE(twelve_prices_between_booking_and_use),
		CASE(a_thousand_lists_of_an_instrument), CASE(what_has_no_price_says_why_and_ends),
		CASE(an_amount_without_end_can_be_ended), CASE(too_many_lists_are_refused_before_booking),
		CASE(the_most_specific_list_is_in_force), CASE(a_withdrawn_list_never_comes_into_force),
		CASE(a_booking_follows_what_is_announced_and_withdrawn),
		CASE(a_charge_of_before_spans_is_corrected_by_its_own_lists),
	};

	return cmocka_run_group_tests_name("price lists", tests, NULL, NULL);
}
