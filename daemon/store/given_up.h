/* given_up.h - SQL of the table given_up: parts of bookings given up while the instrument could not be used (R23). */
#ifndef STORE_GIVEN_UP_H
#define STORE_GIVEN_UP_H

#include "core/booking.h"
#include "core/interval.h"
#include "store/db.h"

/* The booking's times are those of `at`, when the part was given up; terms_at: the label of the rows that were made or
 * closed then (store_booking_terms_label()). */
struct given_up {
	int64_t id, booking, at, booked_from, booked_to, since;
	bool walk_up;
	struct interval part;
	int64_t terms_at;
};

int store_given_up_insert(struct db *db, const struct given_up *g);
/* One that is not decided. 0, 1: there is none, < 0. */
int store_given_up_load(struct db *db, int64_t id, struct given_up *ret);
/* The next of a booking that is not decided. 0, 1: there is none, < 0. */
int store_given_up_next(struct db *db, int64_t booking, int64_t after, struct given_up *ret);
/* How many of a booking are not decided. */
int64_t store_given_up_waiting(struct db *db, int64_t booking);
int store_given_up_decide(struct db *db, int64_t id, int64_t at);

#endif
