/* usable.h - SQL of when nobody, or not the one who asks, could use an instrument: several tables together. */
#ifndef STORE_USABLE_H
#define STORE_USABLE_H

#include "core/interval.h"
#include "store/db.h"

/*
 * What of the interval was not usable: outages, blocks, and sessions that were not the asker's. An open outage or
 * session lasts until `now`. Jumps of the wall clock are not here: what they took differs from asker to asker
 * (core/clock_lost.h).
 */
struct unusable_query {
	const char *instrument;
	int64_t booking, session;        /* the asker's, 0: none                                   */
	bool anybody;                    /* sessions do not count: could anybody have used it?     */
	struct interval in;
	int64_t now;
};
/* Merged and ascending. More than cap: the last one covers the rest, what lay between included. 0 or < 0. */
int store_unusable(struct db *db, const struct unusable_query *q, struct interval *ret, int cap, int *ret_n);
/* The statement, for who asks how the database goes about it. */
extern const char store_unusable_sql[];

#endif
