/* migration.h - numbered schema changes of an engine. The list ends with sql NULL. */
#ifndef STORE_MIGRATION_H
#define STORE_MIGRATION_H

#include "store/db.h"

struct migration { int version; const char *sql; };

extern const struct migration db_migrations[];
/* What they all end in: the schema of a new store, and the version of the last. */
extern const struct migration db_schema;

/* db_open() with another list of migrations, by which a new store is made as well: for tests of migrating itself. */
struct db *db_open_with(const char *path, unsigned flags, const struct migration *list, struct lt_err *err);

#endif
