/*
 * settle_rig.h - what tests of settling share: bookings, sessions and runs of krios-1 put into the store, and what must
 * hold for every charge: the book balances, and each record explains itself.
 */
#ifndef TESTS_UNIT_SETTLE_RIG_H
#define TESTS_UNIT_SETTLE_RIG_H

#include "core/terms.h"
#include "support/world.h"

#define T0 (WORLD_NOW + LT_HOUR)       /* the booking's start */
#define MIN LT_MINUTE

/* A price like the default, then changed by the case; grace 0. */
void adopt(struct world *w, void (*change)(struct price *p));
void add_booking(struct world *w, int64_t id, const char *user, const char *org, int64_t from, int64_t to,
	const char *state);
void add_session(struct world *w, int64_t id, int64_t booking, int64_t from, int64_t to, bool end_reading);
void add_run(struct world *w, int64_t id, int64_t session, int64_t from, int64_t to);
/* Alice's booking 1, two hours from T0, and a session 1 with one run of it. */
void usual(struct world *w, int64_t from, int64_t to, bool end_reading);
void settle(struct world *w, int64_t session);
int64_t charged(struct world *w);
void book_balances(struct world *w);
void every_charge_explains_itself(struct world *w);
/* The charge's explanation has a step whose text holds `text` and whose value is `value` (NULL: any). */
void explains(struct world *w, int64_t charge, const char *text, const char *value);

#endif
