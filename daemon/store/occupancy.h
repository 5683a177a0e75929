/*
 * occupancy.h - SQL of the table that holds every R01 object. The triggers of the schema refuse what overlaps; here
 * that is the answer 1, and the statement error is cleared.
 */
#ifndef STORE_OCCUPANCY_H
#define STORE_OCCUPANCY_H

#include "core/interval.h"
#include "core/site.h"
#include "store/db.h"

/* What holds the unit. org and held_to: of a booking (held_to is without turnover), else "" and busy.to. user: for whom
 * a hold is, else "". */
struct occupant { char kind[12]; int64_t ref; struct interval busy; char org[LT_ID], user[LT_ID]; int64_t held_to; };

/* Places (kind, ref) on the unit, whether it is there already or not. new_id: used when it is new. 0, 1 taken, < 0. */
int store_occupancy_put(struct db *db, int64_t new_id, const char *instrument, const char *kind, int64_t ref,
	struct interval busy);
/* 0; 1 taken; < 0. Nothing there: 0 and nothing happens. */
int store_occupancy_move(struct db *db, const char *kind, int64_t ref, struct interval busy);
int store_occupancy_end(struct db *db, const char *kind, int64_t ref);
/* The active row of (kind, ref). 0, 1 none, < 0. */
int store_occupancy_of(struct db *db, const char *kind, int64_t ref, struct occupant *ret);
/* What is active in [from, to) in order, but (kind, ref); at most cap. */
int store_occupancy_in(struct db *db, const char *instrument, struct interval in, const char *except_kind,
	int64_t except_ref,
		       struct occupant *ret, int cap, int *ret_n);
/* Start of the first active row of the unit of (kind, ref) that starts after it; INT64_MAX none. */
int64_t store_occupancy_next(struct db *db, const char *kind, int64_t ref);
/* The last active row that starts before `at`. 0, 1 none, < 0. */
int store_occupancy_before(struct db *db, const char *instrument, int64_t at, struct occupant *ret);
/* How many are active. */
int64_t store_occupancy_count(struct db *db);

#endif
