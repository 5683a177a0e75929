/* test_db.c - the contract of store/db.h: classes, sticky errors, transactions, what is forbidden, migrations,
 * copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fmt.h"
#include "store/db.h"
#include "store/migration.h"

static struct db *memory(void)
{
	struct lt_err err = { 0 };
	struct db *db = db_open(":memory:", 0, &err);

	assert_non_null(db);
	return db;
}

static int add_counter(struct db *db, const char *name, int64_t next)
{
	return db_run(db, "INSERT INTO counter (name, next) VALUES (?1, ?2)", "ti", name, next);
}

static int64_t counters(struct db *db)
{
	return db_one_int(db, -1, "SELECT COUNT(*) FROM counter", "");
}

static void test_rows(void **state)
{
	struct db *db = memory();
	struct stmt *s;

	assert_int_equal(add_counter(db, "a", 7), DB_DONE);
	assert_int_equal(db_changes(db), 1);
	s = db_query(db, "SELECT name, next, NULL FROM counter WHERE name = ?1", "t", "a");
	assert_int_equal(db_step(s), DB_ROW);
	assert_string_equal(db_text(s, 0), "a");
	assert_int_equal(db_int(s, 1), 7);
	assert_true(db_is_null(s, 2));
	assert_string_equal(db_text(s, 2), "");
	assert_int_equal(db_step(s), DB_DONE);
	db_end(s);
	assert_int_equal(db_one_int(db, 42, "SELECT next FROM counter WHERE name = ?1", "t", "none"), 42);
	db_close(db);
}

static void test_sticky_constraint(void **state)
{
	struct db *db = memory();

	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(add_counter(db, "a", 1), DB_DONE);
	assert_int_equal(add_counter(db, "a", 2), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "unique");
	assert_int_equal(add_counter(db, "b", 2), DB_CONSTRAINT);
	assert_int_equal(counters(db), -1);
	assert_int_equal(db_rollback_to(db), 0);
	assert_int_equal(db_failed(db), 0);
	assert_int_equal(counters(db), 0);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(add_counter(db, "c", 3), DB_DONE);
	assert_int_equal(db_release(db), 0);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(counters(db), 1);
	db_close(db);
}

static void test_constraint_names(void **state)
{
	struct db *db = memory();

	assert_int_equal(db_run(db, "INSERT INTO user (id, org, name, role, created_at) VALUES ('u', 'none', 'U', "
		"'member', 0)", ""), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "foreign-key");
	db_clear_constraint(db);
	assert_int_equal(db_run(db, "INSERT INTO period (id, state) VALUES ('2026-11', 'odd')", ""), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "check");
	db_clear_constraint(db);
	assert_int_equal(db_run(db, "INSERT INTO counter (name, next) VALUES ('x', 'text')", ""), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "datatype");
	db_clear_constraint(db);
	db_run(db, "INSERT INTO instrument (id, unit) VALUES ('i', 1)", "");
	db_run(db, "INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (1, 1, 10, 20, 'block', 1)",
		"");
	assert_int_equal(db_run(db, "INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (2, 1, 15, "
		"25, 'block', 2)", ""), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "r01_overlap");
	db_close(db);
}

static void test_misuse(void **state)
{
	struct db *db = memory();
	static const char sql[] = "SELECT name FROM counter WHERE next > ?1";
	struct stmt *s = db_query(db, sql, "i", (int64_t)0);

	assert_int_equal(db_step(s), DB_DONE);
	assert_int_equal(db_step(db_query(db, sql, "i", (int64_t)0)), DB_MISUSE);
	db_rollback(db);
	assert_int_equal(db_run(db, sql, ""), DB_MISUSE);
	db_rollback(db);
	assert_int_equal(db_run(db, "SELECT nothing FROM nowhere", ""), DB_MISUSE);
	db_rollback(db);
	db_reads_only(db, true);
	assert_int_equal(add_counter(db, "a", 1), DB_MISUSE);
	db_rollback(db);
	assert_int_equal(counters(db), 0);
	db_close(db);
}

static void test_forbidden(void **state)
{
	static const char *const sql[] = {
		"DROP TABLE counter", "DROP TRIGGER charge_no_update", "ALTER TABLE counter RENAME TO c",
			"CREATE TABLE t (a)",
		"ATTACH 'x' AS y", "PRAGMA journal_mode=OFF", "PRAGMA foreign_keys=OFF", "PRAGMA writable_schema=ON",
		"UPDATE charge SET amount_minor = 0", "DELETE FROM charge", "DELETE FROM entry",
			"UPDATE audit SET actor = 'x'",
		"DELETE FROM event", "SELECT load_extension('x')", "UPDATE sqlite_schema SET sql = ''", "REINDEX",
			"ANALYZE", "VACUUM",
	};
	struct db *db = memory();

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		assert_true(db_run(db, sql[i], "") < 0);
		db_rollback(db);
	}
	db_run(db, "INSERT INTO audit (id, at, actor, act, object) VALUES (1, 1, 'a', 'b', 'c')", "");
	assert_int_equal(db_run(db, "INSERT OR REPLACE INTO audit (id, at, actor, act, object) VALUES (1, 1, 'x', 'b', "
		"'c')", ""), DB_CONSTRAINT);
	assert_string_equal(db_constraint(db), "append_only");
	db_close(db);
}

struct script { enum db_op op; int class, left; };

static int scripted(void *arg, enum db_op op, const char *sql)
{
	struct script *s = arg;

	return op == s->op && s->left-- == 0 ? s->class : 0;
}

static void test_transaction_gone(void **state)
{
	struct db *db = memory();
	struct script script = { DB_OP_STEP, DB_FULL, 1 };

	db_on_op(db, scripted, &script);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(add_counter(db, "a", 1), DB_DONE);
	assert_int_equal(add_counter(db, "b", 1), DB_TXN_GONE);
	assert_false(db_in_transaction(db));
	assert_int_equal(db_rollback_to(db), DB_TXN_GONE);
	assert_int_equal(add_counter(db, "c", 1), DB_TXN_GONE);
	db_rollback(db);
	assert_int_equal(counters(db), 0);
	db_close(db);
}

static void path_in(char dst[256], const char *dir, const char *name)
{
	lt_fmt(dst, 256, "%s/%s", dir, name);
}

static void test_file_and_copy(void **state)
{
	char dir[] = "/tmp/labtime-db-XXXXXX", path[256], copy[256], text[200], ballast[256];
	struct lt_err err = { 0 };
	struct db_backup *b;
	struct stat st;
	struct db *db;
	int r;

	assert_non_null(mkdtemp(dir));
	path_in(path, dir, "store.db");
	path_in(copy, dir, "copy.db");
	db = db_open(path, 0, &err);
	assert_non_null(db);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	path_in(ballast, dir, "store.db.ballast");
	assert_int_equal(stat(ballast, &st), 0);
	assert_true(st.st_size >= 16 << 20);
	add_counter(db, "a", 5);
	assert_true(db_wal_frames(db) > 0);
	b = db_backup_new(db, copy, &err);
	assert_non_null(b);
	while ((r = db_backup_step(b, 3)) == DB_ROW)
		assert_int_equal(access(copy, F_OK), -1);
	assert_int_equal(r, DB_DONE);
	db_backup_free(b);
	assert_null(db_backup_new(db, copy, &err));
	assert_string_equal(err.code, "file-exists");
	assert_int_equal(db_checkpoint(db), 0);
	assert_int_equal(db_wal_frames(db), 0);
	db_close(db);
	db = db_open(copy, DB_READ_ONLY, &err);
	assert_non_null(db);
	assert_int_equal(db_one_int(db, 0, "SELECT next FROM counter WHERE name = 'a'", ""), 5);
	assert_true(db_check(db, false, text, sizeof(text)));
	assert_true(add_counter(db, "b", 1) < 0);
	db_close(db);
	assert_int_equal(system(lt_fmt(text, sizeof(text), "rm -r %s", dir) ? text : ""), 0);
}

static void test_migrations(void **state)
{
	static const struct migration one[] = { { 1, "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);" },
		{ 0, NULL } };
	const struct migration two[] = { one[0], { 2,
		"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = 2;" }, { 0, NULL } };
	const struct migration bad[] = { one[0], { 2, "ALTER TABLE a ADD COLUMN y INTEGER; SELECT nonsense;" },
		{ 0, NULL } };
	char dir[] = "/tmp/labtime-db-XXXXXX", path[256], copy[256], text[200];
	struct lt_err err = { 0 };
	struct db *db;

	assert_non_null(mkdtemp(dir));
	path_in(path, dir, "store.db");
	path_in(copy, dir, "store.db.before-002");
	db = db_open_with(path, 0, one, &err);
	assert_non_null(db);
	db_close(db);
	assert_int_equal(access(copy, F_OK), -1);
	assert_null(db_open_with(path, 0, bad, &err));
	assert_string_equal(err.code, "migration-failed");
	assert_null(db_open_with(path, DB_READ_ONLY, two, &err));
	assert_string_equal(err.code, "store-too-old");
	db = db_open_with(path, 0, two, &err);
	assert_non_null(db);
	assert_int_equal(db_one_int(db, 0, "SELECT y FROM a", ""), 2);
	db_close(db);
	assert_null(db_open_with(path, 0, one, &err));
	assert_string_equal(err.code, "store-too-new");
	db = db_open_with(copy, 0, one, &err);
	assert_non_null(db);
	assert_int_equal(db_one_int(db, 0, "SELECT x FROM a", ""), 1);
	db_close(db);
	assert_int_equal(system(lt_fmt(text, sizeof(text), "rm -r %s", dir) ? text : ""), 0);
}

static void test_not_a_store(void **state)
{
	char path[] = "/tmp/labtime-db-XXXXXX", text[64];
	struct lt_err err = { 0 };
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "this is a letter, not a database at all, and long enough to be read as a header of "
		"one....................", 100), 100);
	close(fd);
	assert_null(db_open(path, 0, &err));
	assert_string_equal(err.code, "store-unreadable");
	assert_null(db_open("/nonexistent/store.db", 0, &err));
	assert_string_equal(err.code, "store-unreachable");
	unlink(path);
	lt_fmt(text, sizeof(text), "%s-wal", path);
	unlink(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_sticky_constraint),
			cmocka_unit_test(test_constraint_names),
		cmocka_unit_test(test_misuse), cmocka_unit_test(test_forbidden),
			cmocka_unit_test(test_transaction_gone),
		cmocka_unit_test(test_file_and_copy), cmocka_unit_test(test_migrations),
			cmocka_unit_test(test_not_a_store),
	};

	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
