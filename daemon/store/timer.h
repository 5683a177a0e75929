/* timer.h - SQL of the tables timer and counter. */
#ifndef STORE_TIMER_H
#define STORE_TIMER_H

#include "store/db.h"

/* Next id of a series, from 1; 0 on failure (sticky). */
int64_t store_next_id(struct db *db, const char *series);

/* Arms or moves. */
int store_timer_set(struct db *db, const char *kind, int64_t ref, int64_t due_at);
int store_timer_clear(struct db *db, const char *kind, int64_t ref);
/* When it is due; INT64_MAX: not armed. */
int64_t store_timer_due(struct db *db, const char *kind, int64_t ref);
/* Ends it if it is still due at this instant. *ret_was (may be NULL): it was. 0 or < 0. */
int store_timer_take(struct db *db, const char *kind, int64_t ref, int64_t due_at, bool *ret_was);

/* All of a kind are due so much later. */
int store_timers_shift(struct db *db, const char *kind, int64_t ms);

/* By due time, without the kinds of the list ",name,name," ("": all); columns in the order of enum timer_column. Close
 * with db_end. */
enum timer_column { TC_KIND, TC_REF, TC_DUE_AT };
struct stmt *store_timers_by_due(struct db *db, const char *without, int64_t limit);

#endif
