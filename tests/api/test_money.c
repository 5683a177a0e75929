/* test_money.c - charges, explain, usage, bill, balance and exports through the API: who sees what, and do sums
 * agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api_rig.h"
#include "app/money.h"
#include "common/fmt.h"
#include "common/money.h"

#define AT INT64_C(1796083200000) /* 2026-12-01T08:00:00+08:00 */

/* Session 4 of alice, 100 minutes on krios-1, settled: C-4 in 2026-12, with a record. */
static struct world *money_world(void)
{
	struct world *w = rig_world();

	world_act(w, NULL);
	db_run(w->db, "INSERT INTO booking(id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, "
		"policy_version, price_version, quote_minor, created_at, created_by) VALUES (4, 'krios-1', 'acme', 'alice', "
		"'completed', ?1, ?2, ?2, ?2, 1, 1, "
		"20000, 0, 'alice')", "ii", AT, AT + 2 * LT_HOUR);
	db_run(w->db, "INSERT INTO session(id, instrument, booking, org, user, kind, state, outcome, opened_at, "
		"opened_cause, closed_at, close_cause, end_reading) VALUES (4, 'krios-1', 4, 'acme', 'alice', 'booked', "
		"'closed', 'settling', ?1, 'user', ?2, 'user', 1)",
		"ii", AT, AT + 2 * LT_HOUR);
	db_run(w->db, "INSERT INTO usage(id, instrument, session, from_at, to_at, measured_ms, placed, open, reason, "
		"raw_from, raw_to) VALUES (1, 'krios-1', 4, ?1, ?2, 6000000, 1, 0, 'run', 0, 6000)", "ii", AT, AT + 6000000);
	db_run(w->db, "UPDATE counter SET next = 5 WHERE name IN ('booking', 'session')", "");
	db_run(w->db, "INSERT INTO counter(name, next) VALUES ('charge_seq', 4)", "");
	assert_int_equal(0, db_failed(w->db));
	w->now.wall_ms = AT + 3 * LT_HOUR;
	w->act.now = w->now;
	assert_int_equal(0, world_end(w, money_settle(&w->act, 4)));
	return w;
}

/* The parsed answer; fails unless the status is `status`. */
static json_t *ask(struct world *w, const char *user, struct call c, int status)
{
	struct lt_token t = rig_token(w, user);
	struct answer a;
	json_t *v;

	c.token = &t;
	a = rig_call(w, c);
	if (a.status != status)
		fail_msg("%s?%s as %s: %d, not %d: %s", c.path, c.query ? c.query : "", user, a.status, status, a.body);
	v = json_loads(*a.body ? a.body : "{}", 0, NULL);
	assert_non_null(v);
	answer_free(&a);
	return v;
}

static json_t *get(struct world *w, const char *user, const char *path, const char *query, int status)
{
	return ask(w, user, (struct call){ .method = METHOD_GET, .path = path, .query = query }, status);
}

static const char *text_at(const json_t *v, const char *one, const char *two)
{
	v = json_object_get(v, one);
	return json_string_value(two ? json_object_get(v, two) : v);
}

static size_t items_of(json_t *v)
{
	size_t n = json_array_size(json_object_get(v, "items"));

	json_decref(v);
	return n;
}

static void test_who_sees_what(void **state)
{
	struct world *w = money_world();

	assert_int_equal(2, items_of(get(w, "alice", "/v1/charges", NULL, 200)));
	assert_int_equal(3, items_of(get(w, "olga", "/v1/charges", NULL, 200)));
	assert_int_equal(4, items_of(get(w, "finn", "/v1/charges", NULL, 200)));
	assert_int_equal(4, items_of(get(w, "mia", "/v1/charges", NULL, 200)));
	assert_int_equal(0, items_of(get(w, "alice", "/v1/charges", "org=zeta", 200)));
	assert_int_equal(0, items_of(get(w, "alice", "/v1/charges", "user=bob", 200)));
	assert_int_equal(1, items_of(get(w, "finn", "/v1/charges", "org=zeta", 200)));
	assert_int_equal(1, items_of(get(w, "finn", "/v1/charges", "period=2026-12", 200)));
	assert_int_equal(1, items_of(get(w, "finn", "/v1/charges", "booking=B-2", 200)));
	assert_int_equal(0, items_of(get(w, "finn", "/v1/charges", "instrument=seq-1", 200)));
	json_decref(get(w, "alice", "/v1/charges/C-3", NULL, 404));
	json_decref(get(w, "alice", "/v1/charges/C-2", NULL, 404));
	json_decref(get(w, "alice", "/v1/charges/C-3/explain", NULL, 404));
	json_decref(get(w, "alice", "/v1/ledger/balance", NULL, 403));
	json_decref(get(w, "olga", "/v1/ledger/balance", NULL, 403));
	json_decref(get(w, "olga", "/v1/exports/X-3", NULL, 404));
	json_decref(get(w, "olga", "/v1/exports/X-3/data", NULL, 404));
	json_decref(get(w, "finn", "/v1/exports/X-3", NULL, 200));
	json_decref(get(w, "finn", "/v1/exports/B-3", NULL, 404));
	world_free(w);
}

static void test_pages_join(void **state)
{
	struct world *w = money_world();
	char query[80] = "limit=1";
	int n = 0;

	for (;;) {
		json_t *v = get(w, "finn", "/v1/charges", query, 200);
		const char *cursor = json_string_value(json_object_get(v, "next_cursor"));

		n += (int)json_array_size(json_object_get(v, "items"));
		if (cursor)
			lt_fmt(query, sizeof(query), "limit=1&cursor=%s", cursor);
		json_decref(v);
		if (!cursor)
			break;
	}
	assert_int_equal(4, n);
	world_free(w);
}

static void test_charge_and_explain(void **state)
{
	struct world *w = money_world();
	json_t *v = get(w, "alice", "/v1/charges/C-4", NULL, 200), *line = json_array_get(json_object_get(v, "lines"), 0);

	assert_string_equal("166.67", text_at(v, "amount", "amount"));
	assert_int_equal(6000, json_integer_value(json_object_get(v, "used_seconds")));
	assert_string_equal("time", text_at(line, "component", NULL));
	assert_string_equal("100.00", text_at(line, "rate", "amount"));
	assert_string_equal("1.000", text_at(line, "factor", NULL));
	json_decref(v);
	v = get(w, "alice", "/v1/charges/C-4/explain", NULL, 200);
	assert_true(json_is_true(json_object_get(v, "matches")));
	assert_string_equal("166.67", text_at(v, "recomputed", "amount"));
	assert_int_equal(16667, json_integer_value(json_object_get(json_object_get(v, "record"), "amount_minor")));
	assert_true(json_array_size(json_object_get(v, "steps")) >= 4);
	json_decref(v);
	v = get(w, "alice", "/v1/charges/C-1/explain", NULL, 200); /* the rig's record is empty: it explains nothing */
	assert_true(json_is_false(json_object_get(v, "matches")));
	json_decref(v);
	world_free(w);
}

static void test_usage(void **state)
{
	static const char *const by[] = { "instrument", "org", "project", "user", "kind", "day" };
	static const size_t rows[] = { 1, 2, 1, 3, 1, 2 };
	struct world *w = money_world();

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		char query[120];
		json_t *v, *item;
		int64_t used = 0;
		size_t k;

		lt_fmt(query, sizeof(query), "from=2026-11-01T00:00:00Z&to=2026-12-31T00:00:00Z&by=%s", by[i]);
		v = get(w, "finn", "/v1/usage", query, 200);
		assert_int_equal(rows[i], json_array_size(json_object_get(v, "items")));
		json_array_foreach(json_object_get(v, "items"), k, item)
			used += json_integer_value(json_object_get(item, "used_seconds"));
		assert_int_equal(3 * 3600 + 6000, used);
		json_decref(v);
	}
	json_decref(get(w, "finn", "/v1/usage", "from=2026-11-01T00:00:00Z&to=2026-12-31T00:00:00Z&by=moon", 422));
	json_decref(get(w, "finn", "/v1/usage", "from=2026-12-01T00:00:00Z&to=2026-11-01T00:00:00Z", 422));
	json_decref(get(w, "finn", "/v1/usage", "from=2020-12-01T00:00:00Z&to=2026-11-01T00:00:00Z", 422));
	json_decref(get(w, "finn", "/v1/usage", NULL, 422));
	world_free(w);
}

/* The `used_seconds` of the row that no charge stands for; -1: there is none. */
static int64_t unattributed(struct world *w, const char *user, const char *query)
{
	json_t *v = get(w, user, "/v1/usage", query, 200), *item;
	int64_t used = -1;
	size_t k;

	json_array_foreach(json_object_get(v, "items"), k, item)
		if (json_is_false(json_object_get(item, "charged")) && strcmp(text_at(item, "key", NULL), "unattributed") == 0)
			used = json_integer_value(json_object_get(item, "used_seconds"));
	json_decref(v);
	return used;
}

/* What is nobody's is a row for staff, however many pieces it is of; others see what is theirs. */
static void test_usage_shows_staff_what_is_nobodys(void **state)
{
	static const char range[] = "from=2026-11-01T00:00:00Z&to=2026-12-31T00:00:00Z";
	struct world *w = money_world();
	char query[120];

	assert_int_equal(unattributed(w, "finn", range), -1);
	world_act(w, NULL);
	db_run(w->db, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) INSERT INTO usage(id, "
		"instrument, from_at, to_at, measured_ms, placed, open, reason, raw_from, raw_to) SELECT 100 + i, CASE i % 2 WHEN 0 "
		"THEN 'krios-1' ELSE 'seq-1' END, ?1 + i / 3, ?1 + i / 3, 1000, 0, 0, 'gap', 0, 0 FROM c", "i", AT);
	assert_int_equal(0, world_end(w, db_failed(w->db)));
	assert_int_equal(unattributed(w, "finn", range), 5000);
	assert_int_equal(unattributed(w, "mia", range), 5000);
	assert_int_equal(unattributed(w, "alice", range), -1);
	assert_int_equal(unattributed(w, "olga", range), -1);
	lt_fmt(query, sizeof(query), "%s&instrument=seq-1&by=day", range);
	assert_int_equal(unattributed(w, "finn", query), 2500);
	lt_fmt(query, sizeof(query), "%s&org=acme", range);
	assert_int_equal(unattributed(w, "finn", query), -1);
	world_free(w);
}

/* Charges 1001..1000 + n of zeta and acme over 50 days; a hundred begin at the same instant. */
static void many_charges(struct world *w, int64_t n)
{
	world_act(w, NULL);
	db_run(w->db, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?1) INSERT INTO charge(id, seq, kind, org, "
		"user, instrument, project, posted_at, period, service_from, service_to, used_s, idle_s, overrun_s, billed_s, estimated_s, "
		"gap_s, amount_minor, currency, lines, record, sha256) SELECT 1000 + i, 1000 + i, 'usage', CASE i % 3 WHEN 0 THEN 'zeta' ELSE 'acme' END, "
		"'user-' || (i % 4), 'unit-' || (i % 6), 'p-' || (i % 9), ?2 + i, '2026-11', ?2 + (i / 100) * 100 * 4320000000 / ?1, ?2, i % 7, "
		"i % 5, 0, i % 7, i % 3, i % 11, i % 1000, 'USD', 0, '{}', zeroblob(32) FROM c", "ii", n, AT - 60 * LT_DAY);
	assert_int_equal(0, db_failed(w->db));
	assert_int_equal(0, world_end(w, 0));
}

/* By instrument alone, while charges are posted: each that was there once, in order of posting. */
static void test_pages_of_an_instrument(void **state)
{
	struct world *w = money_world();
	int64_t seen = 0, last = 0, there;
	char query[96] = "instrument=unit-2&limit=7";
	bool more = true;

	many_charges(w, 300);
	there = world_int(w, "SELECT COUNT(*) FROM charge WHERE instrument = 'unit-2'");
	for (int page = 0; more; page++) {
		json_t *v = get(w, "finn", "/v1/charges", query, 200), *item;
		const char *cursor = json_string_value(json_object_get(v, "next_cursor"));
		size_t i;

		json_array_foreach(json_object_get(v, "items"), i, item) {
			int64_t id;

			assert_true(api_id(text_at(item, "id", NULL), 'C', &id) && id > last);
			assert_string_equal("unit-2", text_at(item, "instrument", NULL));
			last = id;
			seen += id <= 1300;
		}
		more = cursor != NULL;
		lt_fmt(query, sizeof(query), "instrument=unit-2&limit=7&cursor=%s", cursor ? cursor : "");
		json_decref(v);
		world_act(w, NULL);
		if (page < 3)
			db_run(w->db, "INSERT INTO charge(id, seq, kind, org, user, instrument, posted_at, period, service_from, service_to, used_s, "
				"idle_s, overrun_s, billed_s, estimated_s, amount_minor, currency, lines, record, sha256) SELECT 2000 + ?1, 2000 + ?1, "
				"kind, org, user, instrument, posted_at, period, 0, 0, 0, 0, 0, 0, 0, 0, 'USD', 0, '{}', zeroblob(32) FROM charge WHERE "
				"instrument = 'unit-2' LIMIT 1", "i", (int64_t)page);
		assert_int_equal(0, world_end(w, 0));
	}
	assert_true(there > 40);
	assert_int_equal(there, seen);
	assert_int_equal(2002, last);
	world_free(w);
}

#define IN_RANGE " FROM charge WHERE service_from >= 1789862400000 AND service_from < 1795996800000"
#define SUM_IN_RANGE "SELECT SUM(amount_minor)" IN_RANGE
#define GAP_IN_RANGE "SELECT SUM(gap_s)" IN_RANGE

static int64_t cents(const json_t *item)
{
	int64_t minor = 0;

	assert_true(lt_money_parse(text_at(item, "amount", "amount"), 2, &minor));
	return minor;
}

/* More than a slice holds: added up between turns, and to what one statement says. */
static void test_long_reports_come_in_slices(void **state)
{
	static const struct { const char *query, *user, *sql, *gap_sql; } cases[] = {
		{ "by=instrument", "finn", SUM_IN_RANGE, GAP_IN_RANGE },
		{ "by=day", "finn", SUM_IN_RANGE, GAP_IN_RANGE },
		{ "by=project&org=zeta", "finn", SUM_IN_RANGE " AND org = 'zeta'", GAP_IN_RANGE " AND org = 'zeta'" },
		{ "by=org&user=user-3", "finn", SUM_IN_RANGE " AND user = 'user-3'",
			GAP_IN_RANGE " AND user = 'user-3'" },
		{ "by=user", "olga", SUM_IN_RANGE " AND org = 'acme'", GAP_IN_RANGE " AND org = 'acme'" },
	};
	struct world *w = money_world();

	many_charges(w, 30000);
	assert_int_equal(30004, world_int(w, "SELECT COUNT(*) FROM charge"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char query[160];
		struct lt_token t = rig_token(w, cases[i].user);
		struct call c = { .method = METHOD_GET, .path = "/v1/usage", .query = query, .token = &t };
		struct answer a;
		int64_t sum = 0, gap = 0;
		json_t *v, *item;
		size_t k;

		lt_fmt(query, sizeof(query), "from=2026-09-20T00:00:00Z&to=2026-11-30T00:00:00Z&%s", cases[i].query);
		a = rig_call(w, c);
		assert_int_equal(200, a.status);
		assert_true(a.slices > 0 || strstr(cases[i].query, "zeta"));
		v = json_loads(a.body, 0, NULL);
		assert_non_null(v);
		json_array_foreach(json_object_get(v, "items"), k, item) {
			sum += cents(item);
			gap += json_integer_value(json_object_get(item, "gap_seconds"));
		}
		assert_int_equal(world_int(w, cases[i].sql), sum);
		assert_int_equal(world_int(w, cases[i].gap_sql), gap);
		json_decref(v);
		answer_free(&a);
	}
	{ /* a bill by instants is added up the same way, its items are there at once */
		struct lt_token t = rig_token(w, "finn");
		struct answer a = rig_call(w, (struct call){ .method = METHOD_GET, .path = "/v1/bill", .token = &t,
			.query = "from=2026-10-01T00:00:00Z&to=2027-01-01T00:00:00Z&limit=5" });
		json_t *v = json_loads(a.body, 0, NULL);
		char total[40];

		assert_true(a.slices > 1);
		assert_int_equal(5, json_array_size(json_object_get(v, "items")));
		lt_money_text(total, sizeof(total), world_int(w, "SELECT SUM(amount_minor) FROM charge WHERE posted_at >= 1790812800000"), 2);
		assert_string_equal(total, text_at(v, "total", "amount"));
		json_decref(v);
		answer_free(&a);
	}
	world_free(w);
}

static void test_bill_and_balance(void **state)
{
	struct world *w = money_world();
	json_t *v = get(w, "alice", "/v1/bill", NULL, 200);

	assert_string_equal("2026-12", text_at(v, "period", NULL));
	assert_string_equal("166.67", text_at(v, "total", "amount"));
	assert_int_equal(1, json_array_size(json_object_get(json_array_get(json_object_get(v, "items"), 0), "lines")));
	json_decref(v);
	v = get(w, "finn", "/v1/bill", "period=2026-11", 200);
	assert_string_equal("300.00", text_at(v, "total", "amount"));
	assert_int_equal(3, json_array_size(json_object_get(v, "items")));
	json_decref(v);
	v = get(w, "finn", "/v1/bill", "from=2026-12-01T00:00:00Z&to=2027-01-01T00:00:00Z", 200);
	assert_string_equal("166.67", text_at(v, "total", "amount"));
	json_decref(v);
	json_decref(get(w, "finn", "/v1/bill", "period=2026-13", 422));
	json_decref(get(w, "finn", "/v1/bill", "period=2026-12&from=2026-12-01T00:00:00Z", 422));
	v = get(w, "finn", "/v1/ledger/balance", "period=2026-12", 200);
	assert_string_equal("0.00", text_at(v, "total", "amount"));
	assert_int_equal(2, json_array_size(json_object_get(v, "items")));
	json_decref(v);
	world_free(w);
}

static json_t *accept_as(struct world *w, const char *user, const char *body, int status)
{
	static int n;
	char key[16];

	lt_fmt(key, sizeof(key), "v%d", ++n);
	return ask(w, user, (struct call){ .method = METHOD_POST, .path = "/v1/review/V-70/accept", .body = body, .key = key,
		.keep = true }, status);
}

/* Half an hour of a gap may be charged, by two people, and not a second more. */
static void test_estimated_time(void **state)
{
	struct world *w = money_world();
	json_t *v;

	world_act(w, NULL);
	db_run(w->db, "INSERT INTO session(id, instrument, booking, org, user, kind, state, outcome, opened_at, opened_cause, "
		"closed_at, close_cause, end_reading) VALUES (5, 'krios-1', 4, 'acme', 'alice', 'booked', 'closed', "
		"'awaiting_review', ?1, 'user', ?2, 'user', 1)", "ii", AT + 130 * LT_MINUTE, AT + 170 * LT_MINUTE);
	db_run(w->db, "INSERT INTO review(id, kind, instrument, session, org, state, detail, opened_at, from_at, to_at, bound_ms) "
		"VALUES (70, 'meter_lost', 'krios-1', 5, 'acme', 'open', 'no reading', 0, ?1, ?2, 1800000)", "ii",
		AT + 130 * LT_MINUTE, AT + 160 * LT_MINUTE);
	db_run(w->db, "INSERT OR REPLACE INTO counter(name, next) VALUES ('usage', 20)", "");
	assert_int_equal(0, db_failed(w->db));
	assert_int_equal(0, world_end(w, 0));
	v = get(w, "mia", "/v1/review/V-70", NULL, 200);
	assert_int_equal(1800, json_integer_value(json_object_get(v, "estimable_seconds")));
	json_decref(v);
	v = accept_as(w, "mia", "{\"estimated_seconds\":1801}", 422);
	assert_non_null(strstr(text_at(v, "detail", NULL), "at most 1800 s"));
	json_decref(v);
	json_decref(accept_as(w, "mia", "{\"estimated_seconds\":-1}", 422));
	json_decref(accept_as(w, "alice", "{\"estimated_seconds\":900}", 403));
	v = accept_as(w, "mia", "{\"estimated_seconds\":900,\"reason\":\"log book\"}", 200);
	assert_string_equal("proposed", text_at(v, "state", NULL));
	json_decref(v);
	json_decref(accept_as(w, "mia", "{\"estimated_seconds\":900}", 409));
	v = accept_as(w, "root", "{\"estimated_seconds\":900}", 200);
	assert_string_equal("done", text_at(v, "state", NULL));
	assert_string_equal("charge 900 s as estimated", text_at(v, "decision", NULL));
	json_decref(v);
	assert_int_equal(2500, world_int(w, "SELECT amount_minor FROM charge WHERE session = 5 AND estimated_s = 900"));
	world_free(w);
}

static json_t *export_as(struct world *w, const char *user, const char *body, int status)
{
	static int n;
	char key[16];

	lt_fmt(key, sizeof(key), "k%d", ++n);
	return ask(w, user, (struct call){ .method = METHOD_POST, .path = "/v1/exports", .body = body, .key = key,
		.keep = true }, status);
}

static void test_exports(void **state)
{
	struct world *w = money_world();
	json_t *v = export_as(w, "finn", "{\"period\":\"2026-12\",\"format\":\"csv\"}", 201);
	char path[60];

	assert_int_equal(1, json_integer_value(json_object_get(v, "rows")));
	assert_int_equal(16667, json_integer_value(json_object_get(json_object_get(v, "ledger_total"), "amount_minor")));
	assert_true(json_is_true(json_object_get(v, "matches_ledger")));
	assert_string_equal("ready", text_at(v, "state", NULL));
	lt_fmt(path, sizeof(path), "/v1/exports/%s/data", text_at(v, "id", NULL));
	json_decref(get(w, "finn", path, NULL, 200));
	json_decref(get(w, "olga", path, NULL, 404));
	json_decref(v);
	v = export_as(w, "olga", "{\"period\":\"2026-11\",\"format\":\"csv\",\"excel\":true}", 201);
	assert_string_equal("acme", text_at(v, "org", NULL));
	assert_int_equal(2, json_integer_value(json_object_get(v, "rows")));
	assert_string_equal("csv-excel", text_at(v, "format", NULL));
	json_decref(v);
	json_decref(export_as(w, "finn",
		"{\"from\":\"2026-11-01T00:00:00Z\",\"to\":\"2026-12-01T00:00:00Z\",\"format\":\"csv\"}", 201));
	json_decref(export_as(w, "olga", "{\"period\":\"2026-11\",\"format\":\"csv\",\"org\":\"zeta\"}", 403));
	json_decref(export_as(w, "alice", "{\"period\":\"2026-11\",\"format\":\"csv\"}", 403));
	json_decref(export_as(w, "mia", "{\"period\":\"2026-11\",\"format\":\"csv\"}", 403));
	json_decref(export_as(w, "finn", "{\"period\":\"november\",\"format\":\"csv\"}", 422));
	json_decref(export_as(w, "finn", "{\"period\":\"2026-11\",\"format\":\"xlsx\"}", 422));
	json_decref(export_as(w, "finn", "{\"period\":\"2026-11\"}", 422));
	json_decref(export_as(w, "finn", "{\"format\":\"csv\"}", 422));
	json_decref(export_as(w, "finn", "{\"period\":\"2026-11\",\"format\":\"csv\",\"from\":\"2026-11-01T00:00:00Z\"}",
		422));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_sees_what), cmocka_unit_test(test_pages_join),
			cmocka_unit_test(test_pages_of_an_instrument),
			cmocka_unit_test(test_charge_and_explain),
		cmocka_unit_test(test_usage), cmocka_unit_test(test_usage_shows_staff_what_is_nobodys),
		cmocka_unit_test(test_long_reports_come_in_slices),
			cmocka_unit_test(test_bill_and_balance), cmocka_unit_test(test_exports),
			cmocka_unit_test(test_estimated_time),
	};

	return cmocka_run_group_tests_name("money api", tests, NULL, NULL);
}
