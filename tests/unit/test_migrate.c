/*
 * test_migrate.c - a store that an older labtimed wrote is opened by this one and still means the same. A fixture
 * writes rows by an early schema into a file; each test looks at what the later schemas made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/fmt.h"
#include "store/booking.h"
#include "store/booking_term.h"
#include "store/clock.h"
#include "store/given_up.h"
#include "store/event.h"
#include "store/timer.h"
#include "store/meter.h"
#include "store/migration.h"
#include "store/review.h"
#include "store/session.h"
#include "store/terms.h"
#include "store/usable.h"

struct old { char dir[64], path[80]; struct db *db; };

/* The store as schema `version` left it, after `rows` were written into it. */
static struct old *old_store(int version, const char *const *rows)
{
	struct old *o = calloc(1, sizeof(*o));
	struct migration list[64] = { { 0, NULL } };
	struct lt_err err = { 0 };

	for (int i = 0; i < version; i++)
		list[i] = db_migrations[i];
	lt_fmt(o->dir, sizeof(o->dir), "/tmp/labtime-migrate-XXXXXX");
	assert_non_null(mkdtemp(o->dir));
	lt_fmt(o->path, sizeof(o->path), "%s/labtime.db", o->dir);
	o->db = db_open_with(o->path, 0, list, &err);
	if (!o->db)
		fail_msg("%s: %s", err.code, err.text);
	for (; *rows; rows++)
		if (db_run(o->db, *rows, "") < 0)
			fail_msg("%s: %s", *rows, db_why(o->db));
	o->db = db_close(o->db);
	return o;
}

/* Opens it with all schemas. */
static struct db *upgraded(struct old *o)
{
	struct lt_err err = { 0 };
	char why[200];

	o->db = db_open(o->path, 0, &err);
	if (!o->db)
		fail_msg("%s: %s", err.code, err.text);
	assert_true(db_check(o->db, false, why, sizeof(why)));
	return o->db;
}

static void old_free(struct old *o)
{
	char command[120];

	db_close(o->db);
	lt_fmt(command, sizeof(command), "rm -r %s", o->dir);
	assert_int_equal(system(command), 0);
	free(o);
}

#define OUTAGE_MS "SELECT SUM(COALESCE(to_at, 10000) - from_at) FROM outage"

/* 002: what was said in words stays, and outages keep their times. */
static void test_002_events_and_outages(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO event (id, at, kind, instrument, detail) VALUES (1, 1000, 'fault', 'krios-1', 'it has fault 7')",
		"INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'down', 1000, 3000)",
		"INSERT INTO outage (id, instrument, kind, from_at) VALUES (2, 'krios-1', 'fault', 2000)",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct event_row told = { .kind = "clock", .instrument = "krios-1", .facts = { .at = 1, .from_at = 2, .to_at = 3,
		.ms = 4, .most_ms = 5, .minor = 6, .was_minor = 7, .n = 8 } };
	struct event_seen e[3];
	int n;

	assert_int_equal(store_event_page(db, NULL, NULL, 0, e, 3, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(e[0].detail, "it has fault 7");
	assert_int_equal(e[0].facts.ms, 0);
	assert_int_equal(store_event_add(db, 2, 4000, &told), 0);
	assert_int_equal(store_event_page(db, NULL, NULL, 1, e, 3, &n), 0);
	assert_memory_equal(&e[0].facts, &told.facts, offsetof(struct facts, booking));
	assert_int_equal(db_one_int(db, 0, OUTAGE_MS, ""), 10000);
	assert_true(store_outage_is_open(db, "krios-1", "fault"));
	assert_int_equal(store_outage_add(db, 3, "krios-1", "fault", 0, 500), 0);
	assert_int_equal(db_one_int(db, 0, OUTAGE_MS, ""), 10500);
	old_free(o);
}

/* 004: what a meter, its pieces and its items say is what they said; nothing of before is held. */
static void test_004_levels(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO session (id, instrument, kind, state, opened_at, opened_cause, measured_ms) VALUES (1, 'krios-1', "
			"'unattributed', 'open', 1000, 'meter', 5000)",
		"INSERT INTO usage (id, instrument, session, from_at, to_at, measured_ms, placed, open, reason, raw_from, raw_to) "
			"VALUES (1, 'krios-1', 1, 1000, 6000, 5000, 1, 1, 'run', 10, 15)",
		"INSERT INTO review (id, kind, instrument, session, state, detail, opened_at) VALUES (1, 'meter_manual', 'krios-1', 1, "
			"'open', 'the counter jumped', 5000)",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct usage u;
	struct review r, held[2];
	int n;

	assert_int_equal(store_usage_open(db, "krios-1", &u), 0);
	assert_int_equal(u.measured_ms, 5000);
	assert_int_equal(u.held_ms, 0);
	assert_int_equal(store_review_load(db, 1, &r), 0);
	assert_string_equal(r.detail, "the counter jumped");
	assert_string_equal(r.state, "open");
	assert_int_equal(r.held_ms, 0);
	assert_int_equal(store_review_held(db, "krios-1", 0, held, 2, &n), 0);
	assert_int_equal(n, 0);
	u.held_ms = -1;
	assert_true(store_usage_update(db, &u) < 0);
	db_rollback(db);
	old_free(o);
}

/* 006: a session that is there already has a place and was not disowned; one without a place is never open. */
static void test_006_sessions_have_a_place(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO session (id, instrument, kind, state, opened_at, opened_cause, closed_at, outcome) VALUES (1, 'krios-1', "
			"'unattributed', 'closed', 1000, 'meter', 2000, 'unattributed')",
		"INSERT INTO session (id, instrument, kind, state, opened_at, opened_cause) VALUES (2, 'krios-1', 'unattributed', "
			"'running', 3000, 'meter')",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct session s;

	assert_int_equal(store_session_load(db, 1, &s), 0);
	assert_false(s.unplaced || s.disowned);
	assert_int_equal(s.closed_at, 2000);
	assert_int_equal(store_session_open_on(db, "krios-1", &s), 0);
	assert_int_equal(s.id, 2);
	s.disowned = true;
	assert_int_equal(store_session_update(db, &s), 0);
	assert_int_equal(store_session_load(db, 2, &s), 0);
	assert_true(s.disowned);
	assert_int_equal(db_run(db, "UPDATE session SET unplaced = 1 WHERE id = 2", ""), DB_CONSTRAINT);
	old_free(o);
}

/* 003: a booking's terms become one row of its interval; what writes bookings afterwards gives them theirs. */
static void test_003_terms_by_interval(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 0)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 0)",
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO price_version (instrument, version, effective_at, text, source, created_at) VALUES "
			"('krios-1', 1, 100, 'rate = 100.00', 'config', 100)",
		"INSERT INTO price_version (instrument, version, effective_at, text, source, created_at) VALUES "
			"('krios-1', 2, 9000, 'rate = 120.00', 'finn', 200)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (7, 'krios-1', 'acme', 'alice', 'confirmed', 1000, "
			"5000, 5000, 5000, 3, 1, 400, 500, 'alice')",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct price_for acme = { "krios-1", "student", "acme" };
	struct booking_term t[4], added = { 5000, 6000, 2, 4 };
	struct terms_row row;
	struct booking b;
	int n;

	assert_int_equal(store_booking_terms(db, 7, t, 4, &n), 0);
	assert_int_equal(n, 1);
	assert_memory_equal(&t[0], &((struct booking_term){ 1000, 5000, 1, 3 }), sizeof(t[0]));
	assert_int_equal(store_price_at(db, &acme, 8999, &row), 0);
	assert_int_equal(row.version, 1);
	assert_int_equal(store_price_at(db, &acme, 9000, &row), 0);
	assert_int_equal(row.version, 2);
	assert_int_equal(store_price_next(db, &acme, 100), 9000);
	assert_int_equal(store_booking_term_add(db, 7, &added, 600), 0);
	assert_int_equal(store_booking_load(db, 7, &b), 0);
	assert_int_equal(b.price_version, 1);
	assert_int_equal(store_booking_terms_cut(db, 7, 3000, 700), 0);
	assert_int_equal(store_booking_terms(db, 7, t, 4, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(t[0].to_at, 3000);
	assert_int_equal(db_one_int(db, 0, "SELECT COUNT(*) FROM booking_term WHERE closed_at = 700", ""), 2);
	assert_int_equal(store_price_withdraw(db, "krios-1", 2, 8000, "finn"), DB_DONE);
	assert_int_equal(store_price_at(db, &acme, 9000, &row), 0);
	assert_int_equal(row.version, 1);
	assert_int_equal(store_price_next(db, &acme, 100), 0);
	old_free(o);
}

/* 003: what was promised is not edited, nor is a list that has begun withdrawn. */
static void test_003_refuses_edits(void **state)
{
	static const struct { const char *sql, *constraint; } refused[] = {
		{ "UPDATE booking_term SET price_version = 2", "append_only" },
		{ "INSERT INTO booking_term (booking, n, from_at, to_at, price_version, policy_version, made_at) VALUES (7, 2, 4000, "
			"6000, 1, 1, 0)", "terms_overlap" },
		{ "INSERT INTO booking_term (booking, n, from_at, to_at, price_version, policy_version, made_at) VALUES (7, 3, 5000, "
			"6000, 1, 1, 0)", "append_only" },
		{ "INSERT INTO price_withdrawn (instrument, version, at, actor) VALUES ('krios-1', 1, 100, 'finn')",
			"price_in_force" },
	};
	static const char *const rows[] = {
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 0)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 0)",
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO price_version (instrument, version, effective_at, text, source, created_at) VALUES "
			"('krios-1', 1, 100, 'rate = 100.00', 'config', 100)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (7, 'krios-1', 'acme', 'alice', 'confirmed', 1000, "
			"5000, 5000, 5000, 3, 1, 400, 500, 'alice')",
		NULL,
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct old *o = old_store(1, rows);
		struct db *db = upgraded(o);

		assert_true(db_run(db, refused[i].sql, "") < 0);
		assert_string_equal(db_constraint(db), refused[i].constraint);
		old_free(o);
	}
}

/* 007: an older store knows nothing of the clock; the first look is no step. */
static void test_007_the_first_look_at_the_clock(void **state)
{
	static const char *const rows[] = { "INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)", NULL };
	struct old *o = old_store(6, rows);
	struct db *db = upgraded(o);
	struct clock_step s = { .boot_ms = 10, .wall_ms = 5000, .step_ms = 1500, .skipped = { 3500, 5000 } }, got;
	struct clock c;

	(void)state;
	assert_int_equal(store_clock_load(db, &c), 1);
	assert_int_equal(clock_stepped(&c, "b", 10, 5000), 0);
	assert_int_equal(store_clock_step_add(db, 1, "b", &s), 0);
	assert_int_equal(store_clock_last_of_all(db, &got), 0);
	assert_memory_equal(&got.skipped, &s.skipped, sizeof(s.skipped));
	assert_true(db_run(db, "DELETE FROM clock_step", "") < 0);
	old_free(o);
}

/* 009: what an older store's sessions were there for nobody knows; what begins or moves now knows the last step. */
static void test_009_who_was_there_at_a_step(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 1)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 1)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (1, 'krios-1', 'acme', 'alice', 'confirmed', 5000, "
			"9000, 9000, 9000, 1, 1, 0, 1000, 'alice')",
		"INSERT INTO booking_event (booking, n, at, actor, verb, from_state, to_state, detail) VALUES (1, 1, 1000, 'alice', "
			"'create', 'confirmed', 'confirmed', 'as it was')",
		"INSERT INTO session (id, instrument, kind, state, outcome, opened_at, opened_cause, closed_at) VALUES (1, 'krios-1', "
			"'unattributed', 'closed', 'unattributed', 1000, 'meter', 3000), (2, 'krios-1', 'unattributed', 'running', NULL, 4000, "
			"'meter', NULL)",
		"INSERT INTO clock (id, boot_id, boot_ms, wall_ms, offset_ms, high_at, waits_until) VALUES (1, 'b', 10, 5000, 4990, 9000, 0)",
		"INSERT INTO clock_step (id, boot_id, boot_ms, wall_ms, step_ms, jump, from_at, to_at) VALUES (1, 'b', 10, 5000, 1500, 0, "
			"3500, 5000)",
		NULL,
	};
	struct old *o = old_store(8, rows);
	struct db *db = upgraded(o);
	static struct clock_presence p;
	static const struct interval all = { 0, INT64_MAX };
	struct clock c;

	(void)state;
	assert_int_equal(store_clock_load(db, &c), 0);
	assert_true(c.wall_ms == 5000 && c.offset_ms == 4990 && c.waits_until == 0);
	assert_int_equal(store_clock_of_session(db, 1, 6000, all, &p), 0);
	assert_true(p.n == 1 && p.from == 1000 && p.to == 3000);
	assert_int_equal(store_clock_of_session(db, 2, 6000, all, &p), 0);
	assert_true(p.n == 1 && p.from == 4000 && p.to == 6000);
	assert_int_equal(store_clock_of_session(db, 3, 6000, all, &p), 1);
	assert_int_equal(store_clock_of_booking(db, 1, 6000, all, &p), 0);
	assert_int_equal(p.n, 1);
	assert_true(db_run(db, "UPDATE booking SET booked_from = 6000, since_at = 6000 WHERE id = 1", "") >= 0);
	assert_int_equal(store_clock_of_booking(db, 1, 6000, all, &p), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(db_one_int(db, -1, "SELECT from_at + to_at FROM booking_event", ""), 0);
	old_free(o);
}

/* 005: what was booked late in its cell counts from when it was booked. */
static void test_005_since(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 1)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 1)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (1, 'krios-1', 'acme', 'alice', 'confirmed', 5000, "
			"9000, 9000, 9000, 1, 1, 0, 1000, 'alice'), (2, 'krios-1', 'acme', 'alice', 'confirmed', 15000, 19000, 19000, "
			"19000, 1, 1, 0, 16000, 'alice')",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct booking b;

	assert_int_equal(store_booking_load(db, 1, &b), 0);
	assert_int_equal(b.since, 5000);
	assert_int_equal(store_booking_load(db, 2, &b), 0);
	assert_int_equal(b.since, 16000);
	old_free(o);
}

/* 005: what is out of service cannot be used since it was taken out; approvals made later are held to typed members. */
static void test_005_out_of_service(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit, out_of_service) VALUES ('krios-1', 1, 1), ('seq-1', 2, 0)",
		"INSERT INTO audit (id, at, actor, act, object, before, after) VALUES (1, 7000, 'mia', 'instrument.change', "
			"'krios-1', 'in service', 'out of service')",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);

	assert_int_equal(db_one_int(db, 0, OUTAGE_MS, ""), 3000);
	assert_true(store_outage_is_open(db, "krios-1", "service"));
	assert_false(store_outage_is_open(db, "seq-1", "service"));
	assert_true(store_next_id(db, "outage") > 1);
	assert_int_equal(db_run(db, "INSERT INTO usage (id, instrument, from_at, to_at, measured_ms, estimated_ms, placed, open, "
		"reason, raw_from, raw_to) VALUES (1, 'seq-1', 0, 1, 0, 5, 0, 0, 'approved', 0, 0)", ""), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "second_person");
	old_free(o);
}

/* 008: nothing of an older store waits for its fee; what its bookings were promised is known as it was before. */
static void test_008_parts_given_up(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 0)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 0)",
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (7, 'krios-1', 'acme', 'alice', 'confirmed', 1000, "
			"5000, 5000, 5000, 3, 1, 400, 500, 'alice')",
		NULL,
	};
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct given_up g = { 1, 7, 700, 1000, 5000, 1000, true, { 3000, 5000 } }, got;
	struct booking_term t[4];
	int n;

	(void)state;
	assert_int_equal(store_given_up_waiting(db, 7), 0);
	assert_int_equal(store_booking_terms_cut(db, 7, 3000, 700), 0);
	assert_int_equal(store_booking_terms_before(db, 7, 700, t, 4, &n), 0);
	assert_int_equal(n, 1);
	assert_true(t[0].from_at == 1000 && t[0].to_at == 5000 && t[0].price_version == 1);
	assert_int_equal(store_given_up_insert(db, &g), 0);
	assert_int_equal(store_given_up_waiting(db, 7), 1);
	assert_int_equal(store_given_up_load(db, 1, &got), 0);
	assert_true(got.booking == 7 && got.at == 700 && got.walk_up && got.part.from == 3000 && got.part.to == 5000);
	assert_int_equal(store_given_up_decide(db, 1, 1000), 0);
	assert_int_equal(store_given_up_load(db, 1, &got), 1);
	assert_int_equal(store_given_up_waiting(db, 7), 0);
	old_free(o);
}

/* 010: what waits for its fee is paid by the rows it was paid by; and labels of rows do not go back with the clock. */
static void test_010_labels_of_terms(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 0)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 0)",
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (7, 'krios-1', 'acme', 'alice', 'confirmed', 1000, "
			"5000, 5000, 5000, 3, 1, 400, 500, 'alice')",
		"INSERT INTO given_up (id, booking, at, booked_from, booked_to, since_at, walk_up, from_at, to_at) VALUES (1, 7, 700, "
			"1000, 5000, 1000, 0, 3000, 5000)",
		NULL,
	};
	struct old *o = old_store(8, rows);
	struct db *db = upgraded(o);
	struct given_up got;

	(void)state;
	assert_int_equal(store_given_up_load(db, 1, &got), 0);
	assert_true(got.terms_at == 700 && got.at == 700 && got.part.to == 5000);
	assert_int_equal(store_booking_terms_label(db, 7, 800), 800);
	assert_int_equal(store_booking_terms_label(db, 7, 400), 501);
	assert_int_equal(store_booking_terms_label(db, 7, 500), 501);
	old_free(o);
}

/* Every table, index and trigger of the store in the order of their names, and how many rows each table holds. */
static void describe(struct db *db, char *ret, size_t size)
{
	struct stmt *q = db_query(db, "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') FROM sqlite_schema"
		" ORDER BY type, name", "");
	size_t n = 0;

	while (db_step(q) == DB_ROW) {
		lt_fmt(ret + n, size - n, "%s\n", db_text(q, 0));
		n += strlen(ret + n);
	}
	db_end(q);
	assert_true(n > 10000 && n + 1 < size);
	for (q = db_query(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", ""); db_step(q) == DB_ROW;) {
		char sql[200];

		lt_fmt(sql, sizeof(sql), "SELECT COUNT(*) FROM \"%s\"", db_text(q, 0));
		lt_fmt(ret + n, size - n, "%s %lld\n", db_text(q, 0), (long long)db_one_int(db, -1, sql, ""));
		n += strlen(ret + n);
	}
	db_end(q);
	assert_true(n + 1 < size);
}

/* A new store is made in one step; it is the store that all the steps would have made. */
static void test_a_new_store_is_what_migrations_make(void **state)
{
	static const char *const none[] = { NULL };
	static char fresh[200000], stepped[200000];
	struct old *one = old_store(0, none), *each = old_store(1, none);
	struct lt_err err = { 0 };

	(void)state;
	describe(upgraded(one), fresh, sizeof(fresh));
	describe(upgraded(each), stepped, sizeof(stepped));
	assert_string_equal(fresh, stepped);
	one->db = db_close(one->db);
	one->db = db_open(one->path, DB_NO_MIGRATE, &err); /* nothing is left to do */
	assert_non_null(one->db);
	old_free(one);
	old_free(each);
}

/* 011: whether time could be used is asked at every check-in and fee; outages of years ago are not looked at for it. */
static void test_011_outages_are_found_by_their_end(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'down', 1000, 3000)",
		"INSERT INTO outage (id, instrument, kind, from_at) VALUES (2, 'krios-1', 'fault', 5000)",
		NULL,
	};
	struct unusable_query q = { .instrument = "krios-1", .in = { 2000, 9000 }, .now = 8000 };
	struct old *o = old_store(1, rows);
	struct db *db = upgraded(o);
	struct interval found[4];
	struct stmt *plan;
	char sql[3000];
	int n, by_end = 0;

	(void)state;
	if (store_unusable(db, &q, found, 4, &n) != 0)
		fail_msg("%s", db_why(db));
	assert_int_equal(n, 2);
	assert_int_equal(found[0].from, 2000);
	assert_int_equal(found[0].to, 3000);
	assert_int_equal(found[1].from, 5000);
	assert_int_equal(found[1].to, 8000);
	lt_fmt(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", store_unusable_sql);
	plan = db_query(db, sql, "tiiiiiii", "krios-1", INT64_C(0), INT64_C(9), INT64_C(9), INT64_C(0), INT64_C(0), INT64_C(0),
		INT64_C(0));
	while (db_step(plan) == DB_ROW)
		by_end += strstr(db_text(plan, 3), "outage USING INDEX outage_ended (instrument=? AND <expr>>?)") != NULL;
	db_end(plan);
	assert_int_equal(by_end, 1);
	old_free(o);
}

/* 012: what an older labtimed wrote into a booking's history and its events is still shown as it was written. */
static void test_012_the_history_of_a_booking_says_why(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO instrument (id, unit) VALUES ('krios-1', 1)",
		"INSERT INTO org (id, name, created_at) VALUES ('acme', 'Acme', 1)",
		"INSERT INTO user (id, org, name, role, created_at) VALUES ('alice', 'acme', 'Alice', 'member', 1)",
		"INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, policy_version, "
			"price_version, quote_minor, created_at, created_by) VALUES (1, 'krios-1', 'acme', 'alice', 'lapsed', 5000, "
			"9000, 9000, 9000, 1, 1, 0, 1000, 'alice')",
		"INSERT INTO booking_event (booking, n, at, actor, verb, from_state, to_state, detail) VALUES (1, 1, 1000, 'alice', "
		"'lapse', 'confirmed', 'lapsed', 'nobody approved it')",
		"INSERT INTO event (id, at, kind, booking, detail) VALUES (1, 1000, 'booking.lapse', 1, 'nobody approved it')",
		NULL,
	};
	struct old *o = old_store(11, rows);
	struct db *db = upgraded(o);
	struct booking_row later = { .booking = 1, .at = 2000, .actor = "alice", .verb = "cancel", .from = BOOKING_CONFIRMED,
		.to = BOOKING_CANCELLED, .detail = "ill", .facts = { .minor = 5000, .n = 7, .why = "fee" } };
	struct booking_history h[3];
	struct event_seen e[2];
	int n;

	(void)state;
	assert_int_equal(store_booking_event(db, &later), 0);
	assert_int_equal(store_booking_history(db, 1, h, 3, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(h[0].detail, "nobody approved it");
	assert_string_equal(h[0].facts.why, "");
	assert_string_equal(h[1].detail, "ill");
	assert_string_equal(h[1].facts.why, "fee");
	assert_int_equal(h[1].facts.minor, 5000);
	assert_int_equal(h[1].facts.n, 7);
	assert_int_equal(store_event_page(db, NULL, NULL, 0, e, 2, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(e[0].detail, "nobody approved it");
	assert_string_equal(e[0].facts.why, "");
	old_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_store_is_what_migrations_make),
		cmocka_unit_test(test_005_out_of_service),
		cmocka_unit_test(test_005_since),
		cmocka_unit_test(test_002_events_and_outages), cmocka_unit_test(test_003_terms_by_interval),
		cmocka_unit_test(test_003_refuses_edits), cmocka_unit_test(test_004_levels),
		cmocka_unit_test(test_006_sessions_have_a_place), cmocka_unit_test(test_007_the_first_look_at_the_clock),
		cmocka_unit_test(test_008_parts_given_up),
		cmocka_unit_test(test_009_who_was_there_at_a_step), cmocka_unit_test(test_010_labels_of_terms),
		cmocka_unit_test(test_011_outages_are_found_by_their_end),
		cmocka_unit_test(test_012_the_history_of_a_booking_says_why),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
