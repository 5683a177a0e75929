/*
 * app/booking.h - what metering and money may ask of booking. Everything else of a booking is asked through the
 * use cases in booking_acts.h.
 */
#ifndef APP_BOOKING_H
#define APP_BOOKING_H

#include "app/act.h"
#include "core/booking.h"

/* 0 and *ret, 1 not found, < 0 failed. */
int booking_load(struct act *a, int64_t id, struct booking *ret);
/* R25: was as much of the booked time usable, for its user, as a no-show asks for? 0 or < 0. */
int booking_was_usable(struct act *a, const struct booking *b, bool *ret);
/* The live booking whose [booked_from, held_to) holds the instant; 1 none. */
int booking_at(struct act *a, const char *instrument, int64_t at, struct booking *ret);
/* The next live booking that starts at or after the instant; 1 none. */
int booking_after(struct act *a, const char *instrument, int64_t at, struct booking *ret);
/* A session of this booking opened (first run or check-in): confirmed -> active, R25's timer moves or ends. */
int booking_used(struct act *a, int64_t id, int64_t at, const char *cause);
/* A run was measured in the booking: R25 is satisfied (undoes a no-show decided before the reading came). */
int booking_ran(struct act *a, int64_t id, int64_t at);
/* The booking's session closed: completes it and releases what is still held after `at`, or decides what is due where
 * it had no use (R25). read: the reading at that edge was taken. */
int booking_closed(struct act *a, int64_t id, int64_t at, bool read, const char *cause);
/* Its session runs past the end: keeps the unit held up to `to`, at most to what comes next. *ret_to: held until. */
int booking_hold(struct act *a, int64_t id, int64_t to, int64_t *ret_to);
/* What held the unit ended at `at` (by: whose booking that was, or 0): the live booking of that instant counts from
 * then. */
int booking_freed(struct act *a, const char *instrument, int64_t by, int64_t at);
/* R28: a run goes on past the booked end, or into the next booking: whose time that is is told. */
int booking_overruns(struct act *a, const struct booking *b);
/* Its booked end lay inside a jump of the wall clock: overrun begins no sooner than at `at`. */
int booking_overrun_from(struct act *a, int64_t id, int64_t at);
/* R28: this user's end, for overrun pricing, moves by the delay that another's session caused. */
int booking_delay(struct act *a, int64_t id, int64_t delay_ms);

/* The terms it was made under. 0 or < 0. */
int terms_policy(struct act *a, const char *instrument, int64_t version, struct policy *ret);
int terms_price(struct act *a, const char *instrument, int64_t version, struct price *ret);
/* The versions in force at an instant. */
int terms_policy_at(struct act *a, const char *instrument, int64_t at, struct policy *ret, int64_t *ret_version);
int terms_price_at(struct act *a, const char *instrument, int64_t at, struct price *ret, int64_t *ret_version);
/* The price list in force for an org ("": everybody). Which one that is, store_price_at() says and nothing else.
 * ret NULL: only its version is asked for. */
int terms_price_for(struct act *a, const char *instrument, const char *org, int64_t at, struct price *ret,
	int64_t *ret_version);
/* Registers a configured instrument and its file's terms (start and reload); records new versions as by "config". */
int terms_adopt(struct act *a, const struct instrument *i);
/* The whole site (start and reload). Refuses to lose an instrument with live bookings or an open session, and to change
 * the zone or the currency once there are bookings; instruments that are no longer configured are retired. */
int terms_adopt_site(struct act *a, const struct site *next);

/* Occupancy (R01). 0; 1 when something else is there; < 0. ref: the object's id. */
int occupancy_add(struct act *a, const char *instrument, const char *kind, int64_t ref, int64_t from, int64_t to);
int occupancy_end(struct act *a, const char *kind, int64_t ref);
/* Moves the end to `to`, or to the start of what comes next when that is sooner. *ret_to: what it became. */
int occupancy_grow(struct act *a, const char *kind, int64_t ref, int64_t to, int64_t *ret_to);

#endif
