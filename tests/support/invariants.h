/*
 * invariants.h - what must hold in a store after every step, whatever happened: METERING.md's I1 to I9 and the promises
 * about sessions and slots that can be seen in rows. Reads only. Used by the property tests and the simulated world.
 *
 *   struct invariants inv = { 0 };                    remembers what may only grow
 *   const char *broken = invariants_check(&inv, db, site, now);      NULL: all hold; else a sentence (static)
 *
 * I6 is asked of the state that is stored: its last reading, once more, must add nothing. Of I9 the rows show only that
 * nothing is known of an interlock that cannot be read; that a write says nothing is in tests/unit/test_interlock.c.
 */
#ifndef TESTS_SUPPORT_INVARIANTS_H
#define TESTS_SUPPORT_INVARIANTS_H

#include "app/act.h"

#define INVARIANTS_INSTRUMENTS 64

struct invariants {
	struct invariants_of {
		bool seen;
		int64_t ext_ms;          /* I3 */
		int64_t first_boot_ms;   /* I8: when the meter was first seen, and its E then */
		int64_t first_ext_ms;
	} of[INVARIANTS_INSTRUMENTS];
	int64_t readings, last_reading, reading_sum;   /* I5 */
};

const char *invariants_check(struct invariants *inv, struct db *db, const struct site *site, struct stamp now);

#endif
