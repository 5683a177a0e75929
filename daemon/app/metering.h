/*
 * app/metering.h - what the turn, booking and money may ask of metering.
 */
#ifndef APP_METERING_H
#define APP_METERING_H

#include "app/act.h"
#include "core/booking.h"
#include "core/interval.h"
#include "core/session.h"

/* Items of the turn. */
int metering_reading(struct act *a, const struct msg_reading *m);
int metering_link(struct act *a, const struct msg_link *m);
int metering_interlock(struct act *a, const struct msg_interlock *m);
/* Once at start, in the first turn: the downtime is a gap; leases are computed. */
int metering_recover(struct act *a);
/* labtimed had no turn in these labels (not empty): nobody watched any instrument, and nobody could check in. */
int metering_unwatched(struct act *a, struct interval labels);

/* The lease the current bookings and check-ins ask for (METERING.md, Interlock). */
int metering_desired(struct act *a, const char *instrument, enum lt_lock *ret);

/* Check-in of a live booking (rules are already asked; the forced poll has answered or a->unread): opens or takes
 * the session. waiting: another's session still holds the unit (R28). 0 and *ret_session, or ACT_REFUSED. */
int metering_checkin(struct act *a, const struct booking *b, int64_t *ret_session, bool *ret_waiting);
/* Check-out: closes, or records the wish while a run is on. */
int metering_checkout(struct act *a, const struct booking *b, bool *ret_closed);
/* R26: the time that an idle session let go has been taken: it ends. One that runs or is lost sight of goes on. */
int metering_let_go(struct act *a, const struct booking *b);
/* Its time is over and it was polled: a session without use ends at the booked end, and may cost its user a fee.
 * *ret_unread: it goes on, for it cannot be read now. */
int metering_end_unused(struct act *a, const struct booking *b, bool *ret_unread);
/* A booking was made or its times changed: a poll is forced at what comes next on the instrument. */
int metering_arm(struct act *a, const char *instrument);
/* The booking was cancelled, moved, displaced or missed: nothing is open for it any more. */
int metering_booking_gone(struct act *a, int64_t booking);

int session_load(struct act *a, int64_t id, struct session *ret);          /* 0; 1 not found; < 0 */
int session_of_booking(struct act *a, int64_t booking, struct session *ret); /* latest; 0; 1; < 0  */
int session_open_on(struct act *a, const char *instrument, struct session *ret);
/* Pieces of a session in order; at most cap, *ret_n is the count written (the rest is summed into the last two,
 * the second of them at fault). */
int session_usage(struct act *a, int64_t session, struct usage *ret, int cap, int *ret_n);
/* BOOKING.md "Usable minute". Merged spans in which the query's asker could not use the instrument, at most cap >= 2. */
struct unusable_query;
int metering_unusable(struct act *a, const struct unusable_query *q, struct interval *ret, int cap, int *ret_n);
/* How much of the interval the booking's user could use it; booking 0: anybody. */
int metering_usable_ms(struct act *a, const char *instrument, int64_t booking, struct interval in, int64_t *ret_ms);
/* Could anybody use it at that instant? */
int metering_usable_at(struct act *a, const char *instrument, int64_t at, bool *ret);
/* Is the relay asked to open though it reads shut? From when that has gone on for too long it is an outage. */
int metering_lock_watch(struct act *a, const char *instrument);
/* Is a gap, a suspect reading or an unread edge open on this instrument at this instant? */
int metering_in_gap(struct act *a, const char *instrument, int64_t at, bool *ret);
/* Is something held (a level that nobody knows) since before this instant? */
bool metering_holds(struct act *a, const char *instrument, int64_t at);
/* How much is held, and since when. 0; 1: nothing; < 0. */
int metering_held(struct act *a, const char *instrument, int64_t *ret_ms, int64_t *ret_since);
/* While the meter holds something there is an item that a manager can decide: opens the meter's own, where no other is
 * left. After each decision about an item. */
int metering_keep_held(struct act *a, const char *instrument);
/* Money posted (or waived ...) a session: its state and outcome follow. */
int session_settled(struct act *a, int64_t session, enum session_outcome outcome);
/* Opens a review item; the kinds are in docs/api.md. */
int review_open(struct act *a, const char *kind, const char *instrument, int64_t session, const char *org,
	const char *detail);
/* Any review item of the session not done? */
int review_pending(struct act *a, int64_t session, bool *ret);

#endif
