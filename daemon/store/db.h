/*
 * db.h - the small SQL interface behind which an engine lives. SQLite is the first one (store/sqlite.c).
 *
 * One connection, used by one thread. Errors are sticky: after a statement fails, further calls do nothing and
 * report the same class until db_rollback_to() or db_rollback() ends what failed, so that a use case can run its
 * statements and ask once. Statements are prepared once per SQL text (the text's address is the key: pass string
 * literals) and reused; at most one run of each may be open, close it with db_end().
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct db;
struct stmt;

/* What a step says. Failures are negative. */
enum db_class {
	DB_ROW = 1, DB_DONE = 0,
	DB_CONSTRAINT = -1,   /* db_constraint() names it: a trigger's RAISE text or "unique"/"foreign-key"/...; only
	                         the statement failed                                                          */
	DB_RETRY = -2,        /* busy: another writer                                                              */
	DB_FULL = -3, DB_IO = -4, DB_NOMEM = -5, DB_CORRUPT = -6,
	DB_MISUSE = -7,       /* our bug                                                                           */
	DB_TXN_GONE = -8,     /* the engine rolled back the whole transaction                                      */
};

enum { DB_READ_ONLY = 1, DB_NO_MIGRATE = 2 };

/* path ":memory:" or a file; opens, sets every pragma, migrates (backup first). NULL with *err. */
struct db *db_open(const char *path, unsigned flags, struct lt_err *err);
struct db *db_close(struct db *db);             /* NULL ok; returns NULL */

/*
 * Prepares (or reuses) and binds ?1.. by one letter each:
 *   i int64_t   I const int64_t * (NULL: null)   t const char * (NULL: null)   b const void *, size_t   n null
 * Never NULL: after a failure it returns a statement whose steps give the sticky class.
 */
struct stmt *db_query(struct db *db, const char *sql, const char *types, ...);
int db_step(struct stmt *s);                    /* DB_ROW, DB_DONE or a failure (which has become sticky)     */
void db_end(struct stmt *s);
/* Query, step to the end, close. DB_DONE or a failure. */
int db_run(struct db *db, const char *sql, const char *types, ...);
/* First column of the first row; fallback when there is no row or it is null. Failures are sticky. */
int64_t db_one_int(struct db *db, int64_t fallback, const char *sql, const char *types, ...);
int64_t db_changes(const struct db *db);        /* rows changed by the last db_run                            */

bool db_is_null(const struct stmt *s, int column);
int64_t db_int(const struct stmt *s, int column);
const char *db_text(const struct stmt *s, int column);   /* "" for null; valid until the next step or end       */
const void *db_blob(const struct stmt *s, int column, size_t *ret_size);
void db_copy_text(const struct stmt *s, int column, char *dst, size_t cap); /* truncates                       */

/* The sticky class: 0 when nothing failed. db_constraint(): the constraint's name, "" otherwise. */
int db_failed(const struct db *db);
const char *db_constraint(const struct db *db);
const char *db_why(const struct db *db);        /* the engine's words, for logs                               */
void db_clear_constraint(struct db *db);        /* forgets a sticky DB_CONSTRAINT that the caller has handled */

int db_begin(struct db *db);                    /* BEGIN IMMEDIATE                                            */
int db_commit(struct db *db);                   /* a failure here is in doubt                                 */
void db_rollback(struct db *db);
int db_savepoint(struct db *db);                /* one level: the item's                                      */
int db_release(struct db *db);
int db_rollback_to(struct db *db);              /* clears the sticky error, unless DB_TXN_GONE                */
bool db_in_transaction(const struct db *db);

/* Between turns: true makes every statement that would write fail with DB_MISUSE (reads run outside a turn). */
void db_reads_only(struct db *db, bool on);
int db_checkpoint(struct db *db);               /* between turns                                              */
int64_t db_wal_frames(const struct db *db);     /* frames in the log after the last commit                    */
/* Online copy to a new file; a step copies <= pages and returns DB_ROW while there is more. */
struct db_backup;
struct db_backup *db_backup_new(struct db *db, const char *path, struct lt_err *err);
int db_backup_step(struct db_backup *b, int pages);
struct db_backup *db_backup_free(struct db_backup *b);
/* PRAGMA integrity_check / quick_check: true and "" or the first complaint. */
bool db_check(struct db *db, bool quick, char *dst, size_t cap);

/*
 * For tests: asked before each of these; a class other than 0 is what the engine then "says". DB_FULL, DB_IO and
 * DB_NOMEM end the whole transaction, as the engine does.
 */
enum db_op { DB_OP_BEGIN, DB_OP_STEP, DB_OP_COMMIT };
void db_on_op(struct db *db, int (*hook)(void *arg, enum db_op op, const char *sql), void *arg);

#endif
