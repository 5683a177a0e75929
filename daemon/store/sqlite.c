/*
 * sqlite.c - db.h on SQLite; with sqlite_backup.c the only place that includes sqlite3.h.
 * Owns the connection and its prepared statements. Fails by class (db.h), sticky until a rollback.
 */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "store/migration.h"
#include "store/sqlite.h"

#define APPLICATION_ID 0x4C425431 /* "LBT1" */
#define BUCKETS 256
#define GUARDED_MAX 48
#define BALLAST (16 << 20)
#define CHECKPOINT_TRUNCATE 16384 /* frames: 64 MiB */

struct stmt {
	struct db *db;
	sqlite3_stmt *s;
	const char *sql;
	bool open;
	struct stmt *next;
};

/* Tables whose schema forbids changes (triggers named <table>_no_update, <table>_no_delete). */
struct guarded { char table[48]; bool no_update, no_delete; };

struct db {
	sqlite3 *c;
	sqlite3_stmt *undo;          /* ROLLBACK, prepared once the schema stands and there is memory; else NULL */
	struct stmt *buckets[BUCKETS];
	struct stmt failed_stmt;
	int failed;
	char constraint[64], why[256];
	bool in_txn, reads_only;
	char ballast[512];           /* a file to delete when the disk is full; "" none */
	int64_t changes, wal_frames;
	int n_guarded;
	struct guarded guarded[GUARDED_MAX];
	int (*hook)(void *, enum db_op, const char *);
	void *hook_arg;
};

/* Classes ------------------------------------------------------------------------------------------------ */

static const struct { int code, class; const char *constraint; } classes[] = {
	{ SQLITE_CONSTRAINT_UNIQUE, DB_CONSTRAINT, "unique" },
		{ SQLITE_CONSTRAINT_PRIMARYKEY, DB_CONSTRAINT, "unique" },
	{ SQLITE_CONSTRAINT_ROWID, DB_CONSTRAINT, "unique" },
		{ SQLITE_CONSTRAINT_FOREIGNKEY, DB_CONSTRAINT, "foreign-key" },
	{ SQLITE_CONSTRAINT_CHECK, DB_CONSTRAINT, "check" }, { SQLITE_CONSTRAINT_NOTNULL, DB_CONSTRAINT, "not-null" },
	{ SQLITE_CONSTRAINT_DATATYPE, DB_CONSTRAINT, "datatype" }, { SQLITE_MISMATCH, DB_CONSTRAINT, "datatype" },
	{ SQLITE_TOOBIG, DB_CONSTRAINT, "too-big" }, { SQLITE_BUSY, DB_RETRY, "" }, { SQLITE_LOCKED, DB_RETRY, "" },
	{ SQLITE_INTERRUPT, DB_RETRY, "" }, { SQLITE_FULL, DB_FULL, "" }, { SQLITE_IOERR_NOMEM, DB_NOMEM, "" },
	{ SQLITE_NOMEM, DB_NOMEM, "" }, { SQLITE_IOERR, DB_IO, "" }, { SQLITE_READONLY, DB_IO, "" },
	{ SQLITE_CANTOPEN, DB_IO, "" }, { SQLITE_PERM, DB_IO, "" }, { SQLITE_CORRUPT, DB_CORRUPT, "" },
	{ SQLITE_NOTADB, DB_CORRUPT, "" },
};

static int fail(struct db *db, int class, const char *constraint, const char *why)
{
	if (db->in_txn && sqlite3_get_autocommit(db->c)) {
		db->in_txn = false;
		class = DB_TXN_GONE;
	}
	db->failed = class;
	lt_fmt(db->constraint, sizeof(db->constraint), "%s", class == DB_CONSTRAINT ? constraint : "");
	lt_fmt(db->why, sizeof(db->why), "%s", why);
	return class;
}

/* The disk is full: the ballast goes, so that what is retried fits and somebody has time to make room. */
static void drop_ballast(struct db *db)
{
	if (db->ballast[0] && unlink(db->ballast) == 0)
		log_event(LOG_ERROR_LEVEL, "disk full: the ballast file was deleted, free some space now", "file",
			db->ballast, NULL);
	db->ballast[0] = '\0';
}

static int fail_code(struct db *db, int code)
{
	const char *why = sqlite3_errmsg(db->c);

	if ((code & 0xff) == SQLITE_FULL)
		drop_ballast(db);

	if (code == SQLITE_CONSTRAINT_TRIGGER)
		return fail(db, DB_CONSTRAINT, why, why);
	for (int exact = 1; exact >= 0; exact--)
		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
			if (classes[i].code == (exact ? code : code & 0xff))
				return fail(db, classes[i].class, classes[i].constraint, why);
	return fail(db, (code & 0xff) == SQLITE_CONSTRAINT ? DB_CONSTRAINT : DB_MISUSE, "constraint", why);
}

/* What the test's hook wants the engine to say. */
static int injected(struct db *db, enum db_op op, const char *sql)
{
	int class = db->hook ? db->hook(db->hook_arg, op, sql) : 0;

	if (class == DB_FULL || class == DB_IO || class == DB_NOMEM)
		sqlite3_exec(db->c, "ROLLBACK", NULL, NULL, NULL);
	return class < 0 ? fail(db, class, "injected", "injected by a test") : 0;
}

void db_on_op(struct db *db, int (*hook)(void *, enum db_op, const char *), void *arg)
{
	db->hook = hook;
	db->hook_arg = arg;
}

struct sqlite3 *db_sqlite(struct db *db) { return db->c; }
int db_failed(const struct db *db) { return db->failed; }
const char *db_constraint(const struct db *db) { return db->constraint; }
const char *db_why(const struct db *db) { return db->why; }
int64_t db_changes(const struct db *db) { return db->changes; }
int64_t db_wal_frames(const struct db *db) { return db->wal_frames; }
void db_reads_only(struct db *db, bool on) { db->reads_only = on; }
bool db_in_transaction(const struct db *db) { return !sqlite3_get_autocommit(db->c); }

static void forget(struct db *db)
{
	db->failed = 0;
	db->constraint[0] = '\0';
}

void db_clear_constraint(struct db *db)
{
	if (db->failed == DB_CONSTRAINT)
		forget(db);
}

/* Statements --------------------------------------------------------------------------------------------- */

static struct stmt **bucket_of(struct db *db, const char *sql)
{
	return &db->buckets[((uintptr_t)sql >> 3 ^ (uintptr_t)sql >> 11) % BUCKETS];
}

static struct stmt *prepare(struct db *db, const char *sql)
{
	struct stmt **bucket = bucket_of(db, sql), *s;
	int r;

	for (s = *bucket; s; s = s->next)
		if (s->sql == sql && strcmp(sqlite3_sql(s->s), sql) == 0)
			return s;
	s = calloc(1, sizeof(*s));
	if (!s) {
		fail(db, DB_NOMEM, "", "out of memory");
		return NULL;
	}
	r = sqlite3_prepare_v3(db->c, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->s, NULL);
	if (r != SQLITE_OK || !s->s) {
		fail_code(db, r != SQLITE_OK ? r : SQLITE_MISUSE);
		free(s);
		return NULL;
	}
	s->db = db;
	s->sql = sql;
	s->next = *bucket;
	*bucket = s;
	return s;
}

static int bind_one(sqlite3_stmt *s, int i, char type, va_list *ap)
{
	switch (type) {
	case 'i':
		return sqlite3_bind_int64(s, i, va_arg(*ap, int64_t));
	case 'I': {
		const int64_t *v = va_arg(*ap, const int64_t *);
		return v ? sqlite3_bind_int64(s, i, *v) : sqlite3_bind_null(s, i);
	}
	case 't':
		return sqlite3_bind_text(s, i, va_arg(*ap, const char *), -1, SQLITE_TRANSIENT);
	case 'b': {
		const void *p = va_arg(*ap, const void *);
		size_t n = va_arg(*ap, size_t);
		return sqlite3_bind_blob64(s, i, p ? p : "", n, SQLITE_TRANSIENT);
	}
	case 'n':
		return sqlite3_bind_null(s, i);
	default:
		return SQLITE_MISUSE;
	}
}

static struct stmt *query(struct db *db, const char *sql, const char *types, va_list *ap)
{
	struct stmt *s = db->failed ? NULL : prepare(db, sql);
	int r = SQLITE_OK;

	if (!s)
		return &db->failed_stmt;
	if (s->open) {
		fail(db, DB_MISUSE, "", "a statement was run again before db_end()");
		return &db->failed_stmt;
	}
	if (db->reads_only && !sqlite3_stmt_readonly(s->s)) {
		fail(db, DB_MISUSE, "", "a read tried to write");
		return &db->failed_stmt;
	}
	if (sqlite3_bind_parameter_count(s->s) != (int)strlen(types))
		r = SQLITE_MISUSE;
	for (int i = 0; r == SQLITE_OK && types[i]; i++)
		r = bind_one(s->s, i + 1, types[i], ap);
	if (r != SQLITE_OK) {
		sqlite3_clear_bindings(s->s);
		if (r == SQLITE_MISUSE)
			fail(db, DB_MISUSE, "", "parameters and their types do not match");
		else
			fail_code(db, r);
		return &db->failed_stmt;
	}
	s->open = true;
	return s;
}

struct stmt *db_query(struct db *db, const char *sql, const char *types, ...)
{
	struct stmt *s;
	va_list ap;

	va_start(ap, types);
	s = query(db, sql, types, &ap);
	va_end(ap);
	return s;
}

int db_step(struct stmt *s)
{
	struct db *db = s->db;
	int r;

	if (db->failed)
		return db->failed;
	if (!s->open)
		return fail(db, DB_MISUSE, "", "a step after db_end()");
	if (injected(db, DB_OP_STEP, s->sql))
		return db->failed;
	r = sqlite3_step(s->s);
	if (r == SQLITE_ROW)
		return DB_ROW;
	if (r == SQLITE_DONE)
		return DB_DONE;
	return fail_code(db, sqlite3_extended_errcode(db->c));
}

void db_end(struct stmt *s)
{
	if (!s->s)
		return;
	sqlite3_reset(s->s);
	sqlite3_clear_bindings(s->s);
	s->open = false;
}

static void end_all(struct db *db)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct stmt *s = db->buckets[i]; s; s = s->next)
			if (s->open)
				db_end(s);
}

int db_run(struct db *db, const char *sql, const char *types, ...)
{
	struct stmt *s;
	va_list ap;
	int r;

	va_start(ap, types);
	s = query(db, sql, types, &ap);
	va_end(ap);
	do
		r = db_step(s);
	while (r == DB_ROW);
	db->changes = r == DB_DONE ? sqlite3_changes64(db->c) : 0;
	db_end(s);
	return r;
}

int64_t db_one_int(struct db *db, int64_t fallback, const char *sql, const char *types, ...)
{
	struct stmt *s;
	va_list ap;

	va_start(ap, types);
	s = query(db, sql, types, &ap);
	va_end(ap);
	if (db_step(s) == DB_ROW && !db_is_null(s, 0))
		fallback = db_int(s, 0);
	db_end(s);
	return fallback;
}

bool db_is_null(const struct stmt *s, int column)
{
	return !s->s || sqlite3_column_type(s->s, column) == SQLITE_NULL;
}

int64_t db_int(const struct stmt *s, int column)
{
	return s->s ? sqlite3_column_int64(s->s, column) : 0;
}

/* A text or blob that does not lie whole in one page needs memory: where there is none NULL comes, as for no value. */
static void note_no_memory(const struct stmt *s, const void *value)
{
	if (!value && s->s && sqlite3_errcode(s->db->c) == SQLITE_NOMEM)
		fail(s->db, DB_NOMEM, "", "out of memory");
}

const char *db_text(const struct stmt *s, int column)
{
	const unsigned char *t = s->s ? sqlite3_column_text(s->s, column) : NULL;

	note_no_memory(s, t);
	return t ? (const char *)t : "";
}

const void *db_blob(const struct stmt *s, int column, size_t *ret_size)
{
	const void *p = s->s ? sqlite3_column_blob(s->s, column) : NULL;

	note_no_memory(s, p);
	*ret_size = p ? (size_t)sqlite3_column_bytes(s->s, column) : 0;
	return p ? p : "";
}

void db_copy_text(const struct stmt *s, int column, char *dst, size_t cap)
{
	lt_fmt(dst, cap, "%s", db_text(s, column));
}

/* Transactions ------------------------------------------------------------------------------------------- */

static int exec(struct db *db, const char *sql)
{
	int r;

	if (db->failed)
		return db->failed;
	r = sqlite3_exec(db->c, sql, NULL, NULL, NULL);
	return r == SQLITE_OK ? 0 : fail_code(db, sqlite3_extended_errcode(db->c));
}

/* As exec(), for what each item of a turn asks: one statement, parsed once. */
static int exec_kept(struct db *db, const char *sql)
{
	struct stmt *s = db->failed ? NULL : prepare(db, sql);

	if (!s)
		return db->failed;
	if (sqlite3_step(s->s) != SQLITE_DONE)
		fail_code(db, sqlite3_extended_errcode(db->c));
	sqlite3_reset(s->s);
	return db->failed;
}

int db_begin(struct db *db)
{
	if (db->failed == 0)
		injected(db, DB_OP_BEGIN, "BEGIN IMMEDIATE");
	if (exec_kept(db, "BEGIN IMMEDIATE") == 0)
		db->in_txn = true;
	return db->failed;
}

int db_commit(struct db *db)
{
	if (db->failed)
		return db->failed;
	end_all(db);
	if (injected(db, DB_OP_COMMIT, "COMMIT"))
		return db->failed;
	if (exec_kept(db, "COMMIT") == 0)
		db->in_txn = false;
	return db->failed;
}

void db_rollback(struct db *db)
{
	end_all(db);
	if (db_in_transaction(db))
		db->undo ? sqlite3_step(db->undo) : sqlite3_exec(db->c, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_reset(db->undo);
	db->in_txn = false;
	forget(db);
}

int db_savepoint(struct db *db) { return exec_kept(db, "SAVEPOINT item"); }
int db_release(struct db *db) { return exec_kept(db, "RELEASE item"); }

int db_rollback_to(struct db *db)
{
	end_all(db);
	if (db->failed == DB_TXN_GONE || !db_in_transaction(db))
		return db->failed = DB_TXN_GONE;
	forget(db);
	return exec(db, "ROLLBACK TO item; RELEASE item");
}

int db_checkpoint(struct db *db)
{
	int mode = db->wal_frames > CHECKPOINT_TRUNCATE ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	int left = 0, done = 0;

	if (db->failed || db_in_transaction(db))
		return db->failed ? db->failed : DB_MISUSE;
	end_all(db);
	if (sqlite3_wal_checkpoint_v2(db->c, NULL, mode, &left, &done) != SQLITE_OK)
		return DB_RETRY; /* nothing is lost: the log stays as it is, the next one tries again */
	if (left == done)
		db->wal_frames = 0;
	return 0;
}

/* Opening ------------------------------------------------------------------------------------------------ */

static int on_commit(void *arg, sqlite3 *c, const char *name, int frames)
{
	((struct db *)arg)->wal_frames = frames;
	return SQLITE_OK;
}

static const struct guarded *guarded(const struct db *db, const char *table)
{
	for (int i = 0; table && i < db->n_guarded; i++)
		if (strcmp(db->guarded[i].table, table) == 0)
			return &db->guarded[i];
	return NULL;
}

static int pragma_allowed(const char *name)
{
	return strcmp(name, "integrity_check") == 0 || strcmp(name, "quick_check") == 0 ||
		strcmp(name, "page_count") == 0
		       ? SQLITE_OK : SQLITE_DENY;
}

/* The runtime connection reads and writes rows; it never changes the schema, the settings or what is sealed. */
static int authorize(void *arg, int action, const char *a, const char *b, const char *database, const char *trigger)
{
	const struct guarded *g;

	switch (action) {
	case SQLITE_SELECT: case SQLITE_READ: case SQLITE_INSERT: case SQLITE_TRANSACTION: case SQLITE_SAVEPOINT:
	case SQLITE_RECURSIVE:
		return a && action == SQLITE_INSERT && strncmp(a, "sqlite_", 7) == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_FUNCTION:
		return b && strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_UPDATE:
		g = guarded(arg, a);
		return (g && g->no_update) || strncmp(a, "sqlite_", 7) == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_DELETE:
		g = guarded(arg, a);
		return (g && g->no_delete) || strncmp(a, "sqlite_", 7) == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		return pragma_allowed(a);
	default:
		return SQLITE_DENY;
	}
}

static void guard_table(struct db *db, const char *table, bool update)
{
	struct guarded *g = (struct guarded *)guarded(db, table);

	if (!g && db->n_guarded < GUARDED_MAX) {
		g = &db->guarded[db->n_guarded++];
		lt_fmt(g->table, sizeof(g->table), "%s", table);
	}
	if (g && update)
		g->no_update = true;
	else if (g)
		g->no_delete = true;
}

static void guard_tables(struct db *db)
{
	struct stmt *s = db_query(db, "SELECT tbl_name, name LIKE '%\\_no\\_update' ESCAPE '\\' FROM sqlite_schema "
		"WHERE type = 'trigger' AND (name LIKE '%\\_no\\_update' ESCAPE '\\' OR name LIKE '%\\_no\\_delete' "
		"ESCAPE '\\')", "");

	while (db_step(s) == DB_ROW)
		guard_table(db, db_text(s, 0), db_int(s, 1) != 0);
	db_end(s);
}

static const struct { int id, value; } limits[] = {
	{ SQLITE_LIMIT_LENGTH, 1000000 }, { SQLITE_LIMIT_SQL_LENGTH, 100000 }, { SQLITE_LIMIT_COLUMN, 100 },
	{ SQLITE_LIMIT_EXPR_DEPTH, 64 }, { SQLITE_LIMIT_COMPOUND_SELECT, 6 }, { SQLITE_LIMIT_VDBE_OP, 25000 },
	{ SQLITE_LIMIT_FUNCTION_ARG, 8 }, { SQLITE_LIMIT_ATTACHED, 0 }, { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER, 128 }, { SQLITE_LIMIT_TRIGGER_DEPTH, 10 },
};

static const char settings[] =
	"PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
	"PRAGMA mmap_size=0; PRAGMA cache_size=-16384; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
	"PRAGMA journal_size_limit=67108864;";

static void configure(struct db *db, unsigned flags)
{
	sqlite3_extended_result_codes(db->c, 1);
	sqlite3_busy_timeout(db->c, 2000);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_soft_heap_limit64(INT64_C(64) << 20);
	if (!(flags & DB_READ_ONLY))
		exec(db, "PRAGMA journal_mode=WAL");
	exec(db, settings);
}

static void lock_down(struct db *db)
{
	guard_tables(db);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db->c, limits[i].id, limits[i].value);
	sqlite3_wal_hook(db->c, on_commit, db);
	sqlite3_set_authorizer(db->c, authorize, db);
	sqlite3_prepare_v3(db->c, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &db->undo, NULL);
}

/*
 * The undo log of savepoints stays in memory: each item of a turn has one, and SQLite would write it to a temporary
 * file from 64 KiB on (measured: 2,400 writes a turn of 35 bookings). It lives no longer than its item. Before the
 * library's first use; later it is refused and nothing is lost but time.
 */
static void savepoints_in_memory(void)
{
	static bool asked;

	if (!asked)
		sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
	asked = true;
}

/* Large sorts go beside the store, not to a /tmp that may be in memory or full. Once a process. */
static void temporary_files(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash && slash != path && !sqlite3_temp_directory)
		sqlite3_temp_directory = sqlite3_mprintf("%.*s", (int)(slash - path), path);
}

/* Best effort: without it a full disk is only less comfortable. */
static void keep_ballast(struct db *db, const char *path)
{
	int fd;

	lt_fmt(db->ballast, sizeof(db->ballast), "%s.ballast", path);
	fd = open(db->ballast, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, BALLAST) != 0) {
		unlink(db->ballast);
		db->ballast[0] = '\0';
	}
	if (fd >= 0)
		close(fd);
}

static bool in_memory(const char *path) { return strcmp(path, ":memory:") == 0; }

static int open_file(struct db *db, const char *path, unsigned flags, struct lt_err *err)
{
	int fd, mode = flags & DB_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

	savepoints_in_memory();
	if (in_memory(path)) {
		mode |= SQLITE_OPEN_MEMORY;
	} else if (!(flags & DB_READ_ONLY)) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return lt_err_set(err, "store-unreachable", path, "cannot open or create the store: %s",
				strerror(errno));
		close(fd);
		temporary_files(path);
	}
	if (sqlite3_open_v2(path, &db->c, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL) != SQLITE_OK)
		return lt_err_set(err, "store-unreachable", path, "cannot open the store: %s",
				  db->c ? sqlite3_errmsg(db->c) : "out of memory");
	return 0;
}

static int64_t pragma_int(struct db *db, const char *sql)
{
	return db_one_int(db, 0, sql, "");
}

static int migrate_one(struct db *db, const struct migration *m, const char *path, struct lt_err *err)
{
	char version[64];

	lt_fmt(version, sizeof(version), "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
		m->version);
	if (db_begin(db) == 0 && exec(db, m->sql) == 0 && exec(db, version) == 0 && db_commit(db) == 0)
		return 0;
	lt_err_set(err, "migration-failed", path, "migration %d failed and changed nothing: %s", m->version, db->why);
	db_rollback(db);
	return -1;
}

static int migrate(struct db *db, const char *path, unsigned flags, const struct migration *list, struct lt_err *err)
{
	int64_t version = pragma_int(db, "PRAGMA user_version"), id = pragma_int(db, "PRAGMA application_id");
	int64_t tables = pragma_int(db, "SELECT COUNT(*) FROM sqlite_schema");
	const struct migration *m = list;
	char copy[512];

	if (db->failed)
		return lt_err_set(err, "store-unreadable", path, "cannot read the store: %s; restore a backup",
			db->why);
	if (tables > 0 && id != APPLICATION_ID)
		return lt_err_set(err, "not-a-store", path, "this file is not a labtime store; name another path");
	while (m->sql && m->version <= version)
		m++;
	if (m == list ? version > 0 : m[-1].version < version)
		return lt_err_set(err, "store-too-new", path, "the store has schema %lld, this labtimed knows up to "
			"%d; upgrade labtimed", (long long)version, m == list ? 0 : m[-1].version);
	if (!m->sql)
		return 0;
	if (flags & (DB_READ_ONLY | DB_NO_MIGRATE))
		return lt_err_set(err, "store-too-old", path, "the store has schema %lld; start labtimed once to "
			"upgrade it", (long long)version);
	if (tables == 0 && list == db_migrations)
		return migrate_one(db, &db_schema, path, err);
	lt_fmt(copy, sizeof(copy), "%s.before-%03d", path, m->version);
	if (version > 0 && !in_memory(path) && db_backup_whole(db, copy, err) < 0)
		return -1;
	for (; m->sql; m++)
		if (migrate_one(db, m, path, err) < 0)
			return -1;
	return 0;
}

struct db *db_open_with(const char *path, unsigned flags, const struct migration *list, struct lt_err *err)
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db) {
		lt_err_set(err, "out-of-memory", path, "not enough memory to open the store");
		return NULL;
	}
	db->failed_stmt.db = db;
	if (open_file(db, path, flags, err) < 0)
		return db_close(db);
	configure(db, flags);
	if (db->failed) {
		lt_err_set(err, "store-unreadable", path, "cannot use the store: %s; is it a labtime store, and whole?",
			db->why);
		return db_close(db);
	}
	if (migrate(db, path, flags, list, err) < 0)
		return db_close(db);
	if (!in_memory(path) && !(flags & DB_READ_ONLY))
		keep_ballast(db, path);
	lock_down(db);
	return db;
}

struct db *db_open(const char *path, unsigned flags, struct lt_err *err)
{
	return db_open_with(path, flags, db_migrations, err);
}

struct db *db_close(struct db *db)
{
	struct stmt *s, *next;

	if (!db)
		return NULL;
	for (int i = 0; i < BUCKETS; i++)
		for (s = db->buckets[i]; s; s = next) {
			next = s->next;
			sqlite3_finalize(s->s);
			free(s);
		}
	sqlite3_finalize(db->undo);
	sqlite3_close_v2(db->c);
	free(db);
	return NULL;
}
