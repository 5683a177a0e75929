/* sqlite.h - what the two files of the SQLite engine share. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/db.h"

struct sqlite3;
struct sqlite3 *db_sqlite(struct db *db);

#endif
