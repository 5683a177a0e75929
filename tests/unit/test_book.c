/* test_book.c - the double-entry book and sealed charges, against whoever writes: append-only, balanced, counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/base.h"
#include "common/fmt.h"
#include "store/charge.h"
#include "store/ledger.h"
#include "support/world.h"

static void open_period(struct world *w)
{
	bool open;

	assert_int_equal(0, period_ensure(w->db, "2026-12", &open));
	assert_true(open);
}

static struct ledger_txn two_entries(int64_t id, const char *key, int64_t minor)
{
	struct ledger_txn t = { .id = id, .kind = "charge", .idem_key = key, .at = WORLD_NOW, .period = "2026-12", .n = 2,
		.entries = { { "receivable:acme", minor, "USD" }, { "revenue:krios-1", -minor, "USD" } } };

	return t;
}

static struct charge a_charge(int64_t id, int64_t session, int64_t minor)
{
	struct charge c = { .id = id, .seq = id, .session = session, .kind = "usage", .org = "acme", .user = "alice",
		.instrument = "krios-1", .posted_at = WORLD_NOW, .service_from = WORLD_NOW - 3600000, .service_to = WORLD_NOW,
		.period = "2026-12", .used_s = 3600, .billed_s = 3600, .amount_minor = minor, .currency = "USD" };

	return c;
}

static void insert_session(struct world *w, int64_t id)
{
	db_run(w->db, "INSERT INTO session(id, instrument, org, user, kind, state, outcome, opened_at, opened_cause, "
		"closed_at) VALUES (?1, 'krios-1', 'acme', 'alice', 'booked', 'closed', 'settling', ?2, 'meter', ?3)", "iii",
		id,
		WORLD_NOW - 3600000, WORLD_NOW);
	assert_int_equal(0, db_failed(w->db));
}

static int insert_charge(struct world *w, const struct charge *c)
{
	struct charge_line line = { .component = "time", .seconds = 3600, .rate_minor = 10000, .factor_pm = 1000,
		.amount_minor = c->amount_minor };

	return charge_insert(w->db, c, "{}", &line, 1);
}

/* ---- a stranger's connection to the same file: no authorizer, none of our pragmas ---- */

struct file_book { char dir[32], path[64]; struct db *db; sqlite3 *raw; };

static void book_open(struct file_book *b)
{
	struct lt_err err;
	bool open;

	lt_fmt(b->dir, sizeof(b->dir), "/tmp/labtime-book-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	lt_fmt(b->path, sizeof(b->path), "%s/l.db", b->dir);
	b->db = db_open(b->path, 0, &err);
	assert_non_null(b->db);
	assert_int_equal(0, db_begin(b->db));
	db_run(b->db, "INSERT INTO org(id, name, created_at) VALUES ('acme', 'Acme Bio', 0)", "");
	assert_int_equal(0, period_ensure(b->db, "2026-12", &open));
}

static void book_close(struct file_book *b)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[80];

	sqlite3_close(b->raw);
	db_close(b->db);
	for (int i = 0; i < 3; i++) {
		lt_fmt(path, sizeof(path), "%s%s", b->path, ends[i]);
		unlink(path);
	}
	rmdir(b->dir);
}

/* Commits ours and opens theirs. */
static void book_share(struct file_book *b)
{
	assert_int_equal(0, db_commit(b->db));
	assert_int_equal(SQLITE_OK, sqlite3_open(b->path, &b->raw));
}

/* A stranger's statement that must be refused by the named trigger. */
static void refused(struct file_book *b, const char *why, const char *sql)
{
	char *text = NULL;

	assert_int_equal(SQLITE_CONSTRAINT, sqlite3_exec(b->raw, sql, NULL, NULL, &text));
	assert_string_equal(why, text);
	sqlite3_free(text);
}

static void same_key_same_content_has_no_effect(void **state)
{
	struct world *w = *state;
	struct ledger_txn t = two_entries(1, "session:1:usage", 16667);

	world_act(w, NULL);
	open_period(w);
	assert_int_equal(0, ledger_post(w->db, &t));
	t.id = 2;
	t.at += 5000;
	assert_int_equal(LEDGER_AGAIN, ledger_post(w->db, &t));
	assert_int_equal(1, ledger_find(w->db, "session:1:usage"));
	t = two_entries(3, "session:1:usage", 16668);
	assert_int_equal(LEDGER_OTHER, ledger_post(w->db, &t));
	assert_int_equal(0, world_end(w, 0));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM txn"));
	assert_int_equal(2, world_int(w, "SELECT COUNT(*) FROM entry"));
}

static void unbalanced_is_refused_twice(void **state)
{
	struct world *w = *state;
	struct ledger_txn t = two_entries(1, "k", 100);

	world_act(w, NULL);
	open_period(w);
	t.entries[1].minor = -99;
	assert_int_equal(LEDGER_UNBALANCED, ledger_post(w->db, &t));
	t = two_entries(1, "k", 100);
	lt_fmt(t.entries[1].currency, sizeof(t.entries[1].currency), "EUR");
	assert_int_equal(LEDGER_UNBALANCED, ledger_post(w->db, &t)); /* each currency for itself */
	t.n = 1;
	assert_int_equal(LEDGER_UNBALANCED, ledger_post(w->db, &t));
	world_end(w, 0);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM txn"));
}

static void the_store_balances_strangers_too(void **state)
{
	struct file_book b = { 0 };

	book_open(&b);
	book_share(&b);
	assert_int_equal(SQLITE_OK, sqlite3_exec(b.raw, "INSERT INTO txn(id, kind, idem_key, content_sha256, at, period) "
		"VALUES (7, 'x', 'x', x'00', 0, '2026-12'); INSERT INTO entry VALUES (7, 1, 'receivable:acme', 100, 'USD'); "
		"INSERT INTO entry VALUES (7, 2, 'revenue:krios-1', -99, 'USD')", NULL, NULL, NULL));
	refused(&b, "txn_unbalanced", "UPDATE txn SET sealed = 1 WHERE id = 7");
	refused(&b, "append_only", "INSERT INTO txn VALUES (8, 'x', 'y', x'00', NULL, 0, '2026-12', 1)");
	refused(&b, "period_closed", "INSERT INTO txn VALUES (8, 'x', 'y', x'00', NULL, 0, '2031-01', 0)");
	book_close(&b);
}

static void book_is_append_only(void **state)
{
	struct ledger_txn t = two_entries(1, "k", 100);
	struct file_book b = { 0 };

	book_open(&b);
	assert_int_equal(0, ledger_post(b.db, &t));
	book_share(&b);
	refused(&b, "append_only", "UPDATE entry SET minor = 0");
	refused(&b, "append_only", "DELETE FROM entry");
	refused(&b, "append_only", "DELETE FROM txn");
	refused(&b, "append_only", "UPDATE txn SET at = 1");
	refused(&b, "append_only", "UPDATE txn SET sealed = 0");
	refused(&b, "append_only", "INSERT INTO entry VALUES (1, 3, 'receivable:acme', 5, 'USD')");
	refused(&b, "append_only", "INSERT OR REPLACE INTO entry VALUES (1, 1, 'receivable:acme', 5, 'USD')");
	refused(&b, "txn_exists", "INSERT OR REPLACE INTO txn VALUES (1, 'x', 'k', x'00', NULL, 0, '2026-12', 0)");
	refused(&b, "txn_exists", "INSERT OR REPLACE INTO txn VALUES (9, 'x', 'k', x'00', NULL, 0, '2026-12', 0)");
	assert_int_equal(100, db_one_int(b.db, 0, "SELECT SUM(minor) FROM entry WHERE minor > 0", ""));
	book_close(&b);
}

static void charges_are_sealed(void **state)
{
	static const struct charge_line line = { .component = "time", .seconds = 3600, .amount_minor = 10000 };
	struct file_book b = { 0 };
	struct charge c = a_charge(1, 0, 10000);

	book_open(&b);
	assert_int_equal(0, charge_insert(b.db, &c, "{}", &line, 1));
	book_share(&b);
	refused(&b, "append_only", "UPDATE charge SET amount_minor = 1");
	refused(&b, "append_only", "DELETE FROM charge");
	refused(&b, "append_only", "UPDATE charge_line SET amount_minor = 1");
	refused(&b, "append_only", "DELETE FROM charge_line");
	refused(&b, "append_only", "INSERT INTO charge_line VALUES (1, 2, 'time', 0, 0, 3600, 10000, 1000, 5000, '')");
	refused(&b, "append_only", "INSERT INTO charge_line VALUES (1, 2, 'grace', 0, 0, 3600, 0, 0, 0, '')");
	refused(&b, "append_only", "INSERT INTO charge_line VALUES (2, 1, 'time', 0, 0, 3600, 10000, 1000, 0, '')"); /* before its charge */
	refused(&b, "append_only", "INSERT INTO charge_line VALUES (1, 0, 'time', 0, 0, 3600, 10000, 1000, -5000, '')");
	refused(&b, "append_only", "INSERT OR IGNORE INTO charge_line VALUES (1, -1, 'time', 0, 0, 3600, 10000, 1000, 0, '')");
	refused(&b, "append_only", "UPDATE charge SET lines = 2");
	refused(&b, "append_only", "INSERT OR REPLACE INTO charge SELECT * FROM charge");
	refused(&b, "append_only", "INSERT OR REPLACE INTO charge_line SELECT * FROM charge_line");
	assert_int_equal(10000, db_one_int(b.db, 0, "SELECT SUM(amount_minor) FROM charge", ""));
	book_close(&b);
}

/* Whoever writes a charge's lines: in order, as many as it says, and in sum what it says. */
static void lines_add_up_to_their_charge(void **state)
{
	static const struct charge_line lines[] = { { .component = "time", .seconds = 3600, .amount_minor = 10000 },
		{ .component = "overrun", .seconds = 60, .amount_minor = 250 } };
	struct file_book b = { 0 };
	struct charge c = a_charge(1, 0, 10250), less = a_charge(2, 0, 10249);
	char why[80];

	book_open(&b);
	assert_int_equal(0, charge_insert(b.db, &c, "{}", lines, 2));
	assert_int_equal(0, db_savepoint(b.db));
	assert_true(charge_insert(b.db, &less, "{}", lines, 2) < 0);
	assert_int_equal(0, db_rollback_to(b.db));
	less.amount_minor = 10250;
	assert_int_equal(0, charge_insert(b.db, &less, "{}", lines, 2));
	book_share(&b);
	refused(&b, "append_only", "INSERT INTO charge_line VALUES (2, 3, 'time', 0, 0, 1, 0, 0, 0, '')");
	assert_int_equal(SQLITE_OK, sqlite3_exec(b.raw, "CREATE TEMP TABLE one AS SELECT * FROM charge WHERE id = 2; UPDATE one SET id = 3, "
		"seq = 3; INSERT INTO charge SELECT * FROM one", NULL, NULL, NULL));
	refused(&b, "append_only", "INSERT INTO charge_line VALUES (3, 2, 'time', 0, 0, 1, 0, 0, 250, '')");
	assert_int_equal(SQLITE_OK, sqlite3_exec(b.raw, "INSERT INTO charge_line VALUES (3, 1, 'time', 0, 0, 1, 0, 0, 10000, '')", NULL,
		NULL, NULL));
	refused(&b, "charge_lines_total", "INSERT INTO charge_line VALUES (3, 2, 'time', 0, 0, 1, 0, 0, 251, '')");
	assert_false(ledger_check(b.db, why, sizeof(why)));
	assert_string_equal("the lines of C-3 are not whole", why);
	assert_int_equal(SQLITE_OK, sqlite3_exec(b.raw, "INSERT INTO charge_line VALUES (3, 2, 'time', 0, 0, 1, 0, 0, 250, '')", NULL, NULL,
		NULL));
	assert_true(ledger_check(b.db, why, sizeof(why)));
	assert_int_equal(SQLITE_OK, sqlite3_exec(b.raw, "INSERT INTO txn VALUES (9, 'x', 'z', x'00', NULL, 0, '2026-12', 0)", NULL, NULL,
		NULL));
	assert_false(ledger_check(b.db, why, sizeof(why)));
	assert_string_equal("transaction 9 is not sealed", why);
	book_close(&b);
}

static void a_session_has_one_usage_charge(void **state)
{
	struct world *w = *state;
	struct charge c = a_charge(1, 5, 10000), again = a_charge(2, 5, 1);

	world_act(w, NULL);
	open_period(w);
	insert_session(w, 5);
	assert_int_equal(0, insert_charge(w, &c));
	assert_int_equal(DB_CONSTRAINT, insert_charge(w, &again));
	db_clear_constraint(w->db);
	world_end(w, 0);
	assert_int_equal(10000, world_int(w, "SELECT SUM(amount_minor) FROM charge"));
}

static void nothing_is_posted_into_a_closed_period(void **state)
{
	struct world *w = *state;
	struct charge c = a_charge(1, 0, 10000);
	struct ledger_txn t = two_entries(1, "k", 100);
	bool open;

	world_act(w, NULL);
	open_period(w);
	db_run(w->db, "UPDATE period SET state = 'closed' WHERE id = '2026-12'", "");
	assert_int_equal(0, period_ensure(w->db, "2026-12", &open));
	assert_false(open);
	assert_int_equal(DB_CONSTRAINT, insert_charge(w, &c));
	assert_string_equal("period_closed", db_constraint(w->db));
	db_clear_constraint(w->db);
	assert_int_equal(DB_CONSTRAINT, ledger_post(w->db, &t));
	db_clear_constraint(w->db);
	world_end(w, 0);
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge"));
}

static void rollups_equal_what_they_roll_up(void **state)
{
	struct world *w = *state;
	struct ledger_balance rows[8];
	int64_t minor, count;
	int n;

	world_act(w, NULL);
	open_period(w);
	for (int64_t i = 1; i <= 50; i++) {
		char key[24];
		struct charge c = a_charge(i, 0, i * 37 % 1000 - 300);
		struct ledger_txn t;

		lt_fmt(key, sizeof(key), "k%lld", (long long)i);
		t = two_entries(i, key, c.amount_minor);
		lt_fmt(c.org, sizeof(c.org), "%s", i % 3 ? "acme" : "zeta");
		lt_fmt(t.entries[0].account, sizeof(t.entries[0].account), "receivable:%s", c.org);
		assert_int_equal(0, insert_charge(w, &c));
		assert_int_equal(0, ledger_post(w->db, &t));
	}
	assert_int_equal(0, charge_total(w->db, "2026-12", "", &count, &minor));
	assert_int_equal(50, count);
	assert_int_equal(world_int(w, "SELECT SUM(amount_minor) FROM charge"), minor);
	assert_int_equal(0, charge_total(w->db, "2026-12", "zeta", &count, &minor));
	assert_int_equal(world_int(w, "SELECT SUM(amount_minor) FROM charge WHERE org = 'zeta'"), minor);
	assert_int_equal(0, ledger_receivable(w->db, "2026-12", "zeta", &minor));
	assert_int_equal(world_int(w, "SELECT SUM(minor) FROM entry WHERE account = 'receivable:zeta'"), minor);
	assert_int_equal(0, ledger_receivable(w->db, "2026-12", "", &minor));
	assert_int_equal(world_int(w, "SELECT SUM(amount_minor) FROM charge"), minor);
	assert_int_equal(0, ledger_balances(w->db, "", "", rows, 8, &n));
	assert_int_equal(3, n);
	assert_int_equal(0, rows[0].minor + rows[1].minor + rows[2].minor);
	world_end(w, 0);
}

static int setup(void **state) { *state = world_new(); return 0; }
static int teardown(void **state) { world_free(*state); return 0; }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_key_same_content_has_no_effect, setup, teardown),
		cmocka_unit_test_setup_teardown(unbalanced_is_refused_twice, setup, teardown),
		cmocka_unit_test(the_store_balances_strangers_too), cmocka_unit_test(book_is_append_only),
		cmocka_unit_test(charges_are_sealed), cmocka_unit_test(lines_add_up_to_their_charge),
		cmocka_unit_test_setup_teardown(a_session_has_one_usage_charge, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_posted_into_a_closed_period, setup, teardown),
		cmocka_unit_test_setup_teardown(rollups_equal_what_they_roll_up, setup, teardown),
	};

	return cmocka_run_group_tests_name("book", tests, NULL, NULL);
}
