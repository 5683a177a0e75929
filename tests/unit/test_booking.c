/*
 * test_booking.c - the use cases of booking on a store in memory: what is accepted, refused, told and left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/booking_acts.h"
#include "base/base.h"
#include "common/fmt.h"
#include "support/world.h"

static struct world *w;

#define H(n) (WORLD_NOW + (n) * LT_HOUR)                 /* 2026-12-01T08:00+08:00 and n hours */

static void adopt(void)
{
	struct act *a = world_act(w, NULL);
	int rc = 0;

	for (int i = 0; i < w->site.n_instruments && rc == 0; i++)
		rc = terms_adopt(a, &w->instruments[i]);
	assert_int_equal(world_end(w, rc), 0);
}

static int open_world(void **state)
{
	w = world_new();
	adopt();
	return 0;
}

static int close_world(void **state)
{
	w = world_free(w);
	return 0;
}

static void policy(const char *key, const char *value)
{
	struct lt_err err;

	for (int i = 0; i < w->site.n_instruments; i++)
		if (policy_set(&w->instruments[i].policy, key, value, &err) != 0)
			fail_msg("%s = %s: %s", key, value, err.text);
	world_sleep(w, 1);
	adopt();
	world_sleep(w, -1);
}

static void price(const char *key, const char *value)
{
	struct lt_err err;

	for (int i = 0; i < w->site.n_instruments; i++)
		if (price_set(&w->instruments[i].price, key, value, 2, &err) != 0)
			fail_msg("%s = %s: %s", key, value, err.text);
	adopt();
}

static struct booking_request request(const char *instrument, int64_t from, int64_t to)
{
	struct booking_request r = { .from = from, .to = to };

	lt_fmt(r.instrument, sizeof(r.instrument), "%s", instrument);
	return r;
}

static int book(const char *user, const char *instrument, int64_t from, int64_t to, struct booking *ret)
{
	struct booking_request r = request(instrument, from, to);

	return world_end(w, booking_create(world_act(w, user), &r, ret));
}

static int change(const char *user, int64_t id, int64_t from, int64_t to, struct booking *ret)
{
	struct booking_patch p = { .has_from = from != 0, .has_to = to != 0, .from = from, .to = to };

	return world_end(w, booking_change(world_act(w, user), id, 0, &p, ret));
}

static int cancel(const char *user, int64_t id, struct booking *ret)
{
	return world_end(w, booking_cancel(world_act(w, user), id, "", ret));
}

static const char *code(void)
{
	return w->act.refusal.err.code;
}

static void assert_no_overlap(void)
{
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy a JOIN occupancy b ON a.unit = b.unit AND a.id < "
		"b.id AND a.active = 1 AND b.active = 1 AND a.busy_from < b.busy_to AND b.busy_from < a.busy_to"), 0);
}

static void a_booking_and_its_traces(void **state)
{
	struct booking b, again;

	assert_int_equal(book("alice", "krios-1", H(2), H(6), &b), 0);
	assert_string_equal(b.org, "acme");
	assert_int_equal(b.quote_minor, 40000);
	assert_int_equal(b.state, BOOKING_CONFIRMED);
	assert_int_equal(b.policy_version, 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE verb = 'create'"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM timer WHERE kind LIKE 'booking_%'"), 2);
	assert_int_equal(world_int(w, "SELECT due_at FROM timer WHERE kind = 'booking_no_show'"), H(2) + 30 * LT_MINUTE);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy WHERE active = 1"), 1);
	assert_int_equal(booking_load(world_read(w, "alice"), b.id, &again), 0);
	assert_memory_equal(&again, &b, sizeof(b));
}

static void a_taken_slot_says_what_is_free(void **state)
{
	struct booking b;
	struct refusal *r = &w->act.refusal;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(book("zoe", "krios-1", H(3), H(5), &b), ACT_REFUSED);
	assert_int_equal(r->status, 409);
	assert_string_equal(r->err.code, "slot-taken");
	assert_int_equal(r->n_conflicts, 1);
	assert_int_equal(r->conflicts[0].from, H(2));
	assert_int_equal(r->conflicts[0].to, H(4));
	assert_int_equal(r->n_suggestions, 5);
	assert_int_equal(r->suggestions[0].from, H(4));
	assert_null(strstr(r->err.text, "alice"));
	for (int i = 0; i < 5; i++) {
		struct booking_request rq = request(r->suggestions[i].instrument, r->suggestions[i].from, r->suggestions[i].to);
		struct refusal kept = *r;

		assert_int_equal(world_end(w, booking_create(world_act(w, "zoe"), &rq, &b)), 0);
		*r = kept;
	}
	assert_no_overlap();
}

static void who_may_book_for_whom(void **state)
{
	struct booking_request rq = request("krios-1", H(2), H(3));
	struct booking b;

	lt_fmt(rq.user, sizeof(rq.user), "bob");
	assert_int_equal(world_end(w, booking_create(world_act(w, "alice"), &rq, &b)), ACT_REFUSED);
	assert_int_equal(w->act.refusal.status, 403);
	assert_int_equal(world_end(w, booking_create(world_act(w, "olga"), &rq, &b)), 0);
	assert_string_equal(b.user, "bob");
	lt_fmt(rq.user, sizeof(rq.user), "zoe");
	assert_int_equal(world_end(w, booking_create(world_act(w, "olga"), &rq, &b)), ACT_REFUSED);
	assert_string_equal(code(), "unknown-user");
	rq.from = H(4);
	rq.to = H(5);
	assert_int_equal(world_end(w, booking_create(world_act(w, "mia"), &rq, &b)), 0);
	assert_string_equal(b.org, "zeta");
}

static void a_manager_overrides_staff_rules_only(void **state)
{
	struct booking_request rq = request("krios-1", H(2), H(2) + 7 * LT_MINUTE);
	struct booking b;

	lt_fmt(rq.override_reason, sizeof(rq.override_reason), "service visit");
	lt_fmt(rq.user, sizeof(rq.user), "zoe");
	assert_int_equal(world_end(w, booking_create(world_act(w, "mia"), &rq, &b)), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM override WHERE rule IN ('R03', 'R04') AND reason = 'service "
		"visit'"), 2);
	assert_int_equal(world_end(w, booking_create(world_act(w, "mia"), &rq, &b)), ACT_REFUSED);
	assert_string_equal(code(), "slot-taken");
	rq.user[0] = '\0';
	rq.from = H(3) + 1;
	rq.to = H(4);
	assert_int_equal(world_end(w, booking_create(world_act(w, "alice"), &rq, &b)), ACT_REFUSED);
	assert_string_equal(code(), "off-grid");
	rq.override_reason[0] = '\0';
	assert_int_equal(world_end(w, booking_create(world_act(w, "mia"), &rq, &b)), ACT_REFUSED);
}

static void walk_up(void **state)
{
	struct booking_request rq;
	struct booking b;

	world_sleep(w, 7 * LT_MINUTE);
	rq = request("krios-1", w->now.wall_ms, w->now.wall_ms + 2 * LT_HOUR);
	rq.walk_up = true;
	assert_int_equal(world_end(w, booking_create(world_act(w, "alice"), &rq, &b)), 0);
	assert_int_equal(b.booked_from, H(0));
	assert_int_equal(b.booked_to, H(2) + 15 * LT_MINUTE);            /* the first line at or after now + 2h */
	assert_true(b.walk_up);
	assert_int_equal(b.quote_minor, 21333);                          /* from now on: 2:08 */
	price("walk_up_factor", "1.5");
	world_sleep(w, 1);
	assert_int_equal(book("bob", "plc-1", H(0), H(2), &b), 0);
	assert_int_equal(b.quote_minor, 28246);                          /* 1.5 times 1:52:59 */
	assert_int_equal(book("zoe", "plc-1", H(2), H(4), &b), 0);
	assert_int_equal(b.quote_minor, 20000);
	assert_int_equal(book("zoe", "seq-1", H(0) - 15 * LT_MINUTE, H(1), &b), ACT_REFUSED);
	assert_string_equal(code(), "in-the-past");
}

static void the_first_of_a_kind_that_accepts(void **state)
{
	struct booking_request rq = { .from = H(2), .to = H(3) };
	struct booking b;

	lt_fmt(w->instruments[1].kind, LT_ID, "microscope");
	lt_fmt(rq.kind, sizeof(rq.kind), "microscope");
	assert_int_equal(world_end(w, booking_create(world_act(w, "zoe"), &rq, &b)), 0);
	assert_string_equal(b.instrument, "krios-1");
	assert_int_equal(world_end(w, booking_create(world_act(w, "alice"), &rq, &b)), 0);
	assert_string_equal(b.instrument, "plc-1");
	assert_int_equal(world_end(w, booking_create(world_act(w, "mia"), &rq, &b)), ACT_REFUSED);
	assert_string_equal(code(), "slot-taken");
	assert_true(w->act.refusal.n_suggestions > 0);
	lt_fmt(rq.kind, sizeof(rq.kind), "toaster");
	assert_int_equal(world_end(w, booking_create(world_act(w, "zoe"), &rq, &b)), ACT_REFUSED);
	assert_string_equal(code(), "unknown-kind");
}

static void move_extend_shorten(void **state)
{
	struct booking b, other;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(book("zoe", "krios-1", H(5), H(6), &other), 0);
	assert_int_equal(change("alice", b.id, 0, H(5), &b), 0);
	assert_int_equal(b.quote_minor, 30000);
	assert_int_equal(b.version, 2);
	assert_int_equal(change("alice", b.id, 0, H(5) + 15 * LT_MINUTE, &b), ACT_REFUSED);
	assert_string_equal(code(), "slot-taken");
	assert_int_equal(change("alice", b.id, 0, H(3), &b), 0);
	assert_int_equal(b.quote_minor, 10000);
	assert_int_equal(change("alice", b.id, H(7), H(9), &b), 0);
	assert_int_equal(world_int(w, "SELECT due_at FROM timer WHERE kind = 'booking_end' AND ref = 1"), H(9));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking_event WHERE booking = 1"), 4);
	assert_int_equal(book("zoe", "krios-1", H(2), H(4), &other), 0);   /* its old place is free */
	assert_int_equal(change("alice", b.id, H(7), H(7), &b), ACT_REFUSED);
	assert_string_equal(code(), "bad-interval");
	assert_no_overlap();
}

static void versions_guard_changes(void **state)
{
	struct booking_patch p = { .has_note = true, .note = "cells" };
	struct booking b;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 1, &p, &b)), 0);
	assert_string_equal(b.note, "cells");
	assert_int_equal(world_end(w, booking_change(world_act(w, "alice"), b.id, 1, &p, &b)), ACT_REFUSED);
	assert_int_equal(w->act.refusal.status, 412);
}

static void dry_runs_write_nothing(void **state)
{
	struct booking_request rq = request("krios-1", H(2), H(4));
	struct booking_patch p = { .has_to = true, .to = H(5) };
	struct booking b;
	struct act *a = world_read(w, "alice");

	a->dry_run = true;
	assert_int_equal(booking_create(a, &rq, &b), 0);
	assert_int_equal(b.quote_minor, 20000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking"), 0);
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	a = world_read(w, "alice");
	a->dry_run = true;
	assert_int_equal(booking_change(a, b.id, 0, &p, &b), 0);
	assert_int_equal(b.quote_minor, 30000);
	assert_int_equal(booking_cancel(a, b.id, "", &b), 0);
	assert_int_equal(b.state, BOOKING_CANCELLED);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE state = 'confirmed' AND version = 1"), 1);
}

static void late_cancel_costs(void **state)
{
	struct booking b;
	struct act *a;

	price("late_cancel", "24h 0%, 0s 50%");
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	a = world_read(w, "alice");
	a->dry_run = true;
	assert_int_equal(booking_cancel(a, b.id, "", &b), 0);
	assert_int_equal(b.fee_minor, 10000);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 10000);
	assert_int_equal(world_int(w, "SELECT amount_minor FROM charge WHERE booking = 1"), 10000);
	assert_int_equal(cancel("alice", b.id, &b), ACT_REFUSED);
	assert_string_equal(code(), "wrong-state");
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);      /* free again */
	db_run(w->db, "UPDATE instrument SET link = 'down' WHERE id = 'krios-1'", "");
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 0);
	assert_int_equal(book("alice", "krios-1", H(30), H(31), &b), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM timer WHERE kind LIKE 'booking_%'"), 0);
}

static int64_t fee_shown(int64_t id, int64_t from, int64_t to)
{
	struct booking_patch p = { .has_from = true, .has_to = true, .from = from, .to = to };
	struct act *a = world_read(w, "alice");
	struct booking b;

	a->dry_run = true;
	assert_int_equal(booking_change(a, id, 0, &p, &b), 0);
	return b.fee_minor;
}

/* R23: who shortens or moves inside the notice does not dodge the fee; outside it nothing is due. */
static void giving_up_time_costs(void **state)
{
	struct booking b;

	price("late_cancel", "24h 0%, 0s 50%");
	assert_int_equal(book("alice", "krios-1", H(2), H(6), &b), 0);
	assert_int_equal(fee_shown(b.id, H(2), H(5)), 5000);                /* an hour of four */
	assert_int_equal(fee_shown(b.id, H(3), H(5)), 10000);               /* an hour at each end */
	assert_int_equal(fee_shown(b.id, H(5), H(9)), 15000);               /* the last hour stays booked */
	assert_int_equal(fee_shown(b.id, H(50), H(54)), 20000);             /* as if cancelled */
	assert_int_equal(fee_shown(b.id, H(2), H(8)), 0);                   /* nothing is given up */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
	assert_int_equal(change("alice", b.id, H(2), H(5), &b), 0);
	assert_int_equal(b.fee_minor, 5000);
	assert_int_equal(b.quote_minor, 30000);
	assert_int_equal(change("alice", b.id, H(50), H(53), &b), 0);
	assert_int_equal(b.fee_minor, 5000 + 15000);
	assert_int_equal(change("alice", b.id, H(50), H(52), &b), 0);       /* two days ahead */
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 20000);                               /* cancelling costs nothing more */
	assert_int_equal(world_int(w, "SELECT SUM(amount_minor) FROM charge WHERE kind = 'fee' AND booking = 1"), 20000);
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(change("alice", b.id, H(2), H(3), &b), 0);
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(b.fee_minor, 10000);                               /* in two steps as in one */
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	db_run(w->db, "UPDATE instrument SET link = 'down' WHERE id = 'krios-1'", "");
	assert_int_equal(change("alice", b.id, H(2), H(3), &b), 0);
	assert_int_equal(b.fee_minor, 0);
}

/* A part given up stays paid when a block then displaces the rest; who refuses to stop pays 24 times at most. */
static void what_was_given_up_stays_paid(void **state)
{
	struct block_request rq = { .instrument = "krios-1", .from = H(2), .to = H(9), .displace = true };
	struct block k;
	struct booking b;

	price("late_cancel", "0s 50%");
	assert_int_equal(book("alice", "krios-1", H(2), H(9), &b), 0);
	for (int i = 1; i <= 24; i++)
		assert_int_equal(change("alice", b.id, H(2), H(9) - i * 15 * LT_MINUTE, &b), 0);
	assert_int_equal(b.fee_minor, 6 * 5000);
	assert_int_equal(change("alice", b.id, H(2), H(2) + 30 * LT_MINUTE, &b), ACT_REFUSED);
	assert_string_equal(code(), "changed-too-often");
	assert_int_equal(world_end(w, block_create(world_act(w, "mia"), &rq, &k)), 0);
	assert_int_equal(world_int(w, "SELECT fee_minor FROM booking WHERE state = 'displaced'"), 6 * 5000);
	assert_int_equal(world_int(w, "SELECT SUM(amount_minor) FROM charge"), 6 * 5000);
}

static void turnover_between_orgs(void **state)
{
	struct booking b, c;

	policy("turnover", "30m");
	world_sleep(w, 10);
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(book("zoe", "krios-1", H(4), H(5), &c), ACT_REFUSED);
	assert_int_equal(w->act.refusal.suggestions[0].from, H(4) + 30 * LT_MINUTE);
	assert_int_equal(book("bob", "krios-1", H(4), H(5), &c), 0);        /* the same org follows at once */
	assert_int_equal(world_int(w, "SELECT busy_to FROM occupancy WHERE ref = 1"), H(4));
	assert_int_equal(book("zoe", "krios-1", H(1), H(2), &c), ACT_REFUSED);
	assert_int_equal(cancel("bob", 2, &c), 0);
	assert_int_equal(world_int(w, "SELECT busy_to FROM occupancy WHERE ref = 1"), H(4) + 30 * LT_MINUTE);
	policy("turnover_same_org", "yes");
	world_sleep(w, 10);
	assert_int_equal(book("bob", "krios-1", H(4), H(5), &c), ACT_REFUSED);
	assert_no_overlap();
}

static void org_hours_and_user_overlap(void **state)
{
	struct booking b;

	policy("org_hours_week", "3h");
	world_sleep(w, 10);
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(book("bob", "krios-1", H(6), H(8), &b), ACT_REFUSED);
	assert_string_equal(code(), "org-hours");
	assert_int_equal(w->act.refusal.suggestions[0].from, H(6) + 0 * LT_HOUR + (6 * 24 - 14) * LT_HOUR - LT_HOUR);
	assert_int_equal(book("bob", "krios-1", H(6), H(7), &b), 0);
	assert_int_equal(book("zoe", "krios-1", H(8), H(10), &b), 0);       /* another org's hours */
	assert_int_equal(book("alice", "seq-1", H(3), H(5), &b), ACT_REFUSED);
	assert_string_equal(code(), "user-overlap");
	assert_int_equal(book("alice", "seq-1", H(4), H(5), &b), 0);
}

static void free_offers_what_can_be_booked(void **state)
{
	struct free_request rq = { .duration_ms = 2 * LT_HOUR, .before = LT_INSTANT_MAX, .limit = 10, .n_instruments = 3 };
	struct free_slot slots[FREE_MAX];
	struct lt_err err;
	struct booking b;
	int n;

	for (int i = 0; i < 3; i++)
		rq.instruments[i] = &w->instruments[i];
	policy_defaults(&rq.within);
	assert_int_equal(policy_set(&rq.within, "opening", "Mon..Fri 09:00-12:00", &err), 0);
	rq.has_within = true;
	assert_int_equal(book("zoe", "krios-1", H(2), H(3), &b), 0);
	assert_int_equal(booking_free(world_read(w, "alice"), &rq, slots, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(slots[0].from, H(1));
	assert_string_equal(slots[0].instrument, "plc-1");
	assert_int_equal(slots[0].price_minor, 20000);
	for (int i = 0; i < n; i++) {
		assert_true(i == 0 || slots[i - 1].from <= slots[i].from);
		assert_false(strcmp(slots[i].instrument, "krios-1") == 0 && slots[i].from < H(24));
	}
	rq.before = H(4);
	rq.has_within = false;
	rq.after = H(2) + 1;
	assert_int_equal(booking_free(world_read(w, "alice"), &rq, slots, &n), 0);
	assert_int_equal(n, 0);
}

static int block(const char *instrument, int64_t from, int64_t to, bool displace, struct block *ret)
{
	struct block_request r = { .from = from, .to = to, .reason = "pump", .displace = displace };

	lt_fmt(r.instrument, sizeof(r.instrument), "%s", instrument);
	return world_end(w, block_create(world_act(w, "mia"), &r, ret));
}

static void blocks_displace_when_told(void **state)
{
	struct booking b;
	struct block k;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(block("krios-1", H(3), H(6), false, &k), ACT_REFUSED);
	assert_int_equal(w->act.refusal.n_conflicts, 1);
	assert_int_equal(block("krios-1", H(3), H(6), true, &k), 0);
	assert_int_equal(booking_load(world_read(w, "alice"), b.id, &b), 0);
	assert_int_equal(b.state, BOOKING_DISPLACED);
	assert_int_equal(b.fee_minor, 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM event WHERE kind = 'booking.displace' AND user = 'alice'"), 1);
	assert_int_equal(book("zoe", "krios-1", H(4), H(6), &b), ACT_REFUSED);
	assert_int_equal(w->act.refusal.status, 409);
	assert_string_equal(w->act.refusal.rules.v[0].code, "block");
	assert_int_equal(block("krios-1", H(5), H(8), true, &k), ACT_REFUSED);    /* never over another block */
	assert_int_equal(world_end(w, block_remove(world_act(w, "mia"), 1, 1)), 0);
	assert_int_equal(book("zoe", "krios-1", H(4), H(6), &b), 0);
	assert_no_overlap();
}

static void terms_have_versions(void **state)
{
	struct booking b, c;
	struct price p;
	struct terms_row row;
	int64_t version;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	adopt();                                                            /* the same text: no new version */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM price_version WHERE instrument = 'krios-1'"), 1);
	price_defaults(&p);
	p.rate_minor = 20000;
	assert_int_equal(world_end(w, terms_set_price(world_act(w, "root"), "krios-1", &p, H(1), &row)), 0);
	assert_int_equal(world_end(w, terms_set_price(world_act(w, "root"), "krios-1", &p, H(0) - 1, &row)), ACT_REFUSED);
	assert_int_equal(terms_price_at(world_read(w, "root"), "krios-1", H(1) - 1, &p, &version), 0);
	assert_int_equal(version, 1);
	assert_int_equal(terms_price_at(world_read(w, "root"), "krios-1", H(1), &p, &version), 0);
	assert_int_equal(version, 2);
	assert_int_equal(p.rate_minor, 20000);
	/* the file did not change: the person's price stays */
	adopt();
	assert_int_equal(world_int(w, "SELECT MAX(version) FROM price_version WHERE instrument = 'krios-1'"), 2);
	world_sleep(w, LT_HOUR + 1);
	assert_int_equal(change("alice", b.id, 0, H(5), &b), 0);            /* added time: the price in force now */
	assert_int_equal(b.quote_minor, 20000 + 20000);
	assert_int_equal(b.price_version, 1);
	assert_int_equal(book("zoe", "krios-1", H(6), H(7), &c), 0);
	assert_int_equal(c.price_version, 2);
	price("rate", "50.00");                                             /* the file changes: effective now */
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM price_version WHERE source = 'config' AND instrument = "
		"'krios-1'"), 2);
}

static int adopt_site(const struct site *s)
{
	return world_end(w, terms_adopt_site(world_act(w, NULL), s));
}

static void the_site_keeps_what_is_in_use(void **state)
{
	struct site fewer = w->site;
	struct booking b;
	struct lt_err err;

	assert_int_equal(adopt_site(&w->site), 0);
	fewer.instruments = &w->instruments[1];
	fewer.n_instruments = 2;
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(adopt_site(&fewer), ACT_REFUSED);
	assert_string_equal(code(), "instrument-in-use");
	assert_non_null(strstr(w->act.refusal.err.text, "B-1"));
	assert_int_equal(cancel("alice", b.id, &b), 0);
	assert_int_equal(adopt_site(&fewer), 0);
	assert_int_equal(world_int(w, "SELECT retired FROM instrument WHERE id = 'krios-1'"), 1);
	assert_int_equal(adopt_site(&w->site), 0);
	assert_int_equal(world_int(w, "SELECT SUM(retired) FROM instrument"), 0);
	fewer = w->site;
	assert_int_equal(zone_load(&fewer.zone, "Europe/Berlin", &err), 0);
	assert_int_equal(adopt_site(&fewer), ACT_REFUSED);
	assert_string_equal(code(), "site-fixed");
	fewer = w->site;
	lt_fmt(fewer.currency, sizeof(fewer.currency), "EUR");
	assert_int_equal(adopt_site(&fewer), ACT_REFUSED);
}

static void deactivation_is_free(void **state)
{
	struct booking b;

	price("late_cancel", "0s 100%");
	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(world_end(w, booking_withdraw(world_act(w, "root"), b.id, "left", &b)), 0);
	assert_int_equal(b.fee_minor, 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
}

static void why_names_every_rule(void **state)
{
	struct finding found[RULES_MAX];
	struct booking b;
	int n, applied = 0;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	world_sleep(w, 90 * LT_MINUTE);
	assert_int_equal(booking_why(world_read(w, "alice"), b.id, &b, found, &n), 0);
	for (int i = 0; i < n; i++) {
		applied += found[i].applies;
		assert_false(found[i].violated);
	}
	assert_int_equal(applied, 13);
}

static void calendar_shows_what_lies_there(void **state)
{
	struct calendar_entry e[16];
	struct booking b;
	struct block k;
	int n;

	assert_int_equal(book("alice", "krios-1", H(2), H(4), &b), 0);
	assert_int_equal(block("krios-1", H(5), H(6), false, &k), 0);
	assert_int_equal(booking_calendar(world_read(w, "zoe"), "krios-1", H(3), H(7), e, 16, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(e[0].kind, CALENDAR_BOOKING);
	assert_string_equal(e[0].user, "alice");
	assert_int_equal(e[1].kind, CALENDAR_BLOCK);
	assert_int_equal(booking_calendar(world_read(w, "zoe"), "krios-1", H(4), H(5), e, 16, &n), 0);
	assert_int_equal(n, 0);
}

/* Random users do random things; whatever was answered, nothing overlaps and each live booking holds its place. */
static void random_days(void **state)
{
	static const char *const users[] = { "alice", "bob", "zoe", "mia" };
	static const char *const places[] = { "krios-1", "seq-1", "plc-1" };
	uint64_t seed = 4242;
	int accepted = 0, refused = 0;

	policy("turnover", "15m");
	for (int step = 0; step < 1500; step++) {
		uint64_t r = seed = seed * 6364136223846793005u + 1442695040888963407u;
		int64_t from = H(1) + (int64_t)((r >> 40) % 200) * 15 * LT_MINUTE, to = from + (int64_t)(1 + (r >> 52) % 16) *
			15 * LT_MINUTE;
		const char *user = users[(r >> 33) % 4];
		int64_t id = 1 + (int64_t)((r >> 24) % 60);
		struct block k;
		struct booking b;
		int rc;

		switch ((r >> 18) % 8) {
		case 0: rc = cancel(user, id, &b); break;
		case 1: rc = change(user, id, from, to, &b); break;
		case 2: rc = change(user, id, 0, to, &b); break;
		case 3: rc = (r >> 30) % 4 == 0 ? block(places[r % 3], from, to, (r >> 29) & 1, &k) : 1; break;
		default: rc = book(user, places[(r >> 28) % 3], from, to, &b);
		}
		assert_true(rc == 0 || rc == ACT_REFUSED);
		accepted += rc == 0;
		refused += rc != 0;
		if (step % 100 == 0)
			assert_no_overlap();
	}
	assert_no_overlap();
	assert_true(accepted > 100 && refused > 100);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking b WHERE state IN ('pending','confirmed','active') AND "
		"NOT EXISTS (SELECT 1 FROM occupancy o WHERE o.kind = 'booking' AND o.ref = b.id AND o.active = 1 AND "
		"o.busy_from = b.booked_from "
		"AND o.busy_to >= b.held_to)"), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking b JOIN occupancy o ON o.kind = 'booking' AND o.ref = "
		"b.id AND o.active = 1 WHERE state IN ('cancelled','displaced','no_show','lapsed')"), 0);
}

/* Whatever free offers is accepted, in a full calendar, on the nights when clocks change. */
static void free_is_bookable(const char *zone, const char *start)
{
	struct free_request rq = { .before = LT_INSTANT_MAX, .limit = 20, .n_instruments = 3 };
	struct free_slot slots[FREE_MAX];
	struct lt_err err;
	uint64_t seed = 17;
	int n, offered = 0;

	assert_int_equal(zone_load(&w->site.zone, zone, &err), 0);
	assert_true(lt_rfc3339_parse(start, &w->now.wall_ms));
	for (int i = 0; i < 3; i++)
		rq.instruments[i] = &w->instruments[i];
	policy("opening", "Mon..Fri 06:00-22:00, Sat 00:00-24:00, Sun 00:00-13:00");
	policy("turnover", "15m");
	policy("org_hours_week", "30h");
	world_sleep(w, 20);
	for (int round = 0; round < 40; round++) {
		uint64_t r = seed = seed * 6364136223846793005u + 1442695040888963407u;
		const char *user = (r >> 40) & 1 ? "alice" : "zoe";

		rq.duration_ms = (int64_t)(1 + (r >> 33) % 20) * 15 * LT_MINUTE;
		rq.after = w->now.wall_ms + (int64_t)((r >> 20) % 50) * LT_HOUR;
		assert_int_equal(booking_free(world_read(w, user), &rq, slots, &n), 0);
		for (int i = 0; i < n; i++) {
			struct booking_request b = request(slots[i].instrument, slots[i].from, slots[i].to);
			struct act *a = world_read(w, user);
			struct booking made;

			a->dry_run = true;
			if (booking_create(a, &b, &made) != 0)
				fail_msg("round %d slot %d: %s", round, i, a->refusal.err.text);
			offered++;
		}
		if (n > 0) {
			struct booking made;

			assert_int_equal(book(user, slots[r % (unsigned)n].instrument, slots[r % (unsigned)n].from,
				slots[r % (unsigned)n].to, &made), 0);
		}
	}
	assert_true(offered > 100);
	assert_no_overlap();
}

static void free_is_bookable_berlin(void **state)
{
	free_is_bookable("Europe/Berlin", "2026-10-23T17:00:00+02:00");
}

static void free_is_bookable_new_york(void **state)
{
	free_is_bookable("America/New_York", "2026-03-06T17:00:00-05:00");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(a_booking_and_its_traces), T(a_taken_slot_says_what_is_free), T(who_may_book_for_whom),
		T(a_manager_overrides_staff_rules_only), T(walk_up), T(the_first_of_a_kind_that_accepts),
		T(move_extend_shorten),
		T(versions_guard_changes), T(dry_runs_write_nothing), T(late_cancel_costs), T(giving_up_time_costs),
		T(what_was_given_up_stays_paid), T(turnover_between_orgs),
		T(org_hours_and_user_overlap), T(free_offers_what_can_be_booked), T(blocks_displace_when_told),
		T(terms_have_versions),
		T(the_site_keeps_what_is_in_use), T(deactivation_is_free), T(why_names_every_rule),
		T(calendar_shows_what_lies_there), T(random_days), T(free_is_bookable_berlin),
		T(free_is_bookable_new_york),
	};

	return cmocka_run_group_tests_name("booking", tests, NULL, NULL);
}
