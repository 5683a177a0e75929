/*
 * booking.h - a booking and the one function for all its transitions. Pure. Instants: wall ms.
 */
#ifndef CORE_BOOKING_H
#define CORE_BOOKING_H

#include "core/site.h"

enum booking_state { BOOKING_PENDING, BOOKING_CONFIRMED, BOOKING_ACTIVE, BOOKING_COMPLETED, BOOKING_CANCELLED,
	BOOKING_NO_SHOW, BOOKING_DISPLACED, BOOKING_LAPSED, BOOKING_REPLACED, BOOKING_STATES };

struct booking {
	int64_t id;
	char instrument[LT_ID], org[LT_ID], user[LT_ID];
	enum booking_state state;
	int64_t booked_from, booked_to;  /* its place in the calendar                                */
	int64_t since;                   /* waits, lengths, prices and fees count from here          */
	int64_t held_to;                 /* what R01 uses                                            */
	int64_t priced_to;               /* end for overrun pricing (R28)                            */
	int64_t policy_version, price_version; /* of its first terms row                             */
	int64_t quote_minor, fee_minor;
	int64_t fee_later_minor;         /* not stored: of a dry run, what booking_fee_later() would be */
	bool walk_up, waiting;
	char note[LT_TITLE], project[LT_ID];
	int64_t created_at, ended_at, checkin_at; /* 0: not */
	int64_t released_at;             /* R26: the rest is free for others since; 0: it is not      */
	char created_by[48];
	int64_t version;
};

/* What was promised for a part of the booked interval: the versions in force when that part was agreed. */
struct booking_term { int64_t from_at, to_at, price_version, policy_version; };

enum booking_verb { BOOKING_CREATE, BOOKING_MOVE, BOOKING_EXTEND, BOOKING_SHORTEN, BOOKING_CANCEL, BOOKING_TRANSFER,
	BOOKING_PROMOTE, BOOKING_CHECK_IN, BOOKING_VERBS };
enum booking_event { BOOKING_USE, BOOKING_COMPLETE, BOOKING_DO_CANCEL, BOOKING_MISS, BOOKING_DISPLACE, BOOKING_LAPSE,
	BOOKING_APPROVE, BOOKING_UNDO_MISS, BOOKING_EVENTS };

/* Since when a booking lies where it lies: its booked start, or the later instant at which it was made or moved there,
 * or at which what held the unit against it ended. Nothing that is younger than an instant is judged from it. */
int64_t booking_since(const struct booking *b, int64_t at);
/* R25: N, how long to wait for its user: at most half the time from `since` to its booked end; where `since` is later
 * than the booked start at least ten minutes, which may then be more than is left of it. */
int64_t booking_wait_ms(const struct booking *b, const struct policy *p);

bool booking_next(enum booking_state from, enum booking_event event, enum booking_state *ret);
const char *booking_state_name(enum booking_state s);
bool booking_state_from_name(const char *name, enum booking_state *ret);
bool booking_is_live(enum booking_state s);      /* pending, confirmed, active */

#endif
