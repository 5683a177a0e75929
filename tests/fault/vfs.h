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

enum fault_kind { FAULT_NONE, FAULT_IO, FAULT_FULL, FAULT_POWER /* the operation does not happen: frozen */ };

void fault_vfs_install(void);
void fault_vfs_reset(void);                 /* forgets every file, counter and plan                     */

/* Fails operation number `at` (1 = the next one counted) of those that write: write, sync, truncate. */
void fault_vfs_plan(enum fault_kind kind, int64_t at, bool from_then_on);
int64_t fault_vfs_operations(void);         /* counted since the last plan or reset                     */
bool fault_vfs_fired(void);
void fault_vfs_pause(bool on);              /* what a test itself reads is not counted and does not fail  */
void fault_vfs_ignore_sync(bool on);        /* a drive that lies: a sync succeeds and makes nothing durable  */

/* Power is gone: from now on nothing reaches the files. */
void fault_vfs_freeze(void);
bool fault_vfs_frozen(void);
/* Only the process ended: all that was written is still there. */
void fault_vfs_thaw(void);
/* Power is back: each file is what had been synced plus a random part of what had not. */
void fault_vfs_restore(struct rng *rng);
int64_t fault_vfs_lost_writes(void);        /* unsynced operations that were dropped so far            */
int64_t fault_vfs_torn_writes(void);        /* ... or reached the platter in part                      */

#endif
