/*
 * vfs.h - an SQLite VFS in memory that can lose power and fail: what was written but not synced may be lost, torn at
 * sector boundaries or reach the platter in another order; the n-th operation may fail once or from then on.
 * One process, one thread, a few files. Becomes the default VFS, so that db_open() uses it unchanged.
 */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/rng.h"

enum fault_kind { FAULT_NONE, FAULT_IO, FAULT_FULL };

void fault_vfs_install(void);
void fault_vfs_reset(void);                 /* forgets every file, counter and plan                     */

/* Fails operation number `at` (1 = the next one counted) of those that write: write, sync, truncate. */
void fault_vfs_plan(enum fault_kind kind, int64_t at, bool from_then_on);
int64_t fault_vfs_operations(void);         /* counted since the last plan or reset                     */
bool fault_vfs_fired(void);

/* Power is gone: from now on nothing reaches the files. */
void fault_vfs_freeze(void);
/* Power is back: each file is what had been synced plus a random part of what had not. */
void fault_vfs_restore(struct rng *rng);
int64_t fault_vfs_lost_writes(void);        /* unsynced writes that were dropped or torn so far         */

#endif
