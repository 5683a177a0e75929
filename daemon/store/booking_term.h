/* booking_term.h - SQL of what a booking was promised, by interval. Rows are closed, never deleted. */
#ifndef STORE_BOOKING_TERM_H
#define STORE_BOOKING_TERM_H

#include "core/booking.h"
#include "store/db.h"

/* The rows that hold, in order; neighbours of one price version as one. 0, 1 there are more than cap, < 0. */
int store_booking_terms(struct db *db, int64_t booking, struct booking_term *ret, int cap, int *ret_n);
/* The same for people: neighbours that differ in their policy only stay two. */
int store_booking_terms_shown(struct db *db, int64_t booking, struct booking_term *ret, int cap, int *ret_n);
/* By which label rows of the booking are made and closed at `at`: later than all that it has, though the wall clock may
 * have been set back since. */
int64_t store_booking_terms_label(struct db *db, int64_t booking, int64_t at);
/* Those that held just before the label `at`, as the first. */
int store_booking_terms_before(struct db *db, int64_t booking, int64_t at, struct booking_term *ret, int cap,
	int *ret_n);
/* at: the label. 0 or < 0. */
int store_booking_term_add(struct db *db, int64_t booking, const struct booking_term *t, int64_t at);
/* From `end` on nothing is promised any more: rows behind it are closed, one around it is replaced by what lies before.
 * 0 or < 0. */
int store_booking_terms_cut(struct db *db, int64_t booking, int64_t end, int64_t at);

#endif
