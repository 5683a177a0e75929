/* sqlite.h - what the two files of the SQLite engine share. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/db.h"

struct sqlite3;
struct sqlite3 *db_sqlite(struct db *db);
/* The whole copy at once, in place of an unfinished one. -1: err says why not. */
int db_backup_whole(struct db *db, const char *path, struct lt_err *err);

#endif
