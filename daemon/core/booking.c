/*
 * booking.c - the one table of a booking's states and of the edges between them. Pure; cannot fail.
 *
 * Final states have no edge out, with one exception that favours the truth: a reading that comes late may show that a
 * booking that was missed or lapsed was used after all (BOOKING_UNDO_MISS).
 */
#include "core/booking.h"

#include <string.h>

#define NO_EDGE BOOKING_STATES

static const enum booking_state edges[BOOKING_STATES][BOOKING_EVENTS] = {
#define ROW(use, complete, cancel, miss, displace, lapse, approve, undo) \
	{ [BOOKING_USE] = use, [BOOKING_COMPLETE] = complete, [BOOKING_DO_CANCEL] = cancel, [BOOKING_MISS] = miss, \
	  [BOOKING_DISPLACE] = displace, [BOOKING_LAPSE] = lapse, [BOOKING_APPROVE] = approve, [BOOKING_UNDO_MISS] = undo }
	[BOOKING_PENDING] = ROW(NO_EDGE, NO_EDGE, BOOKING_CANCELLED, NO_EDGE, BOOKING_DISPLACED, BOOKING_LAPSED,
		BOOKING_CONFIRMED, NO_EDGE),
	[BOOKING_CONFIRMED] = ROW(BOOKING_ACTIVE, NO_EDGE, BOOKING_CANCELLED, BOOKING_NO_SHOW, BOOKING_DISPLACED,
		BOOKING_LAPSED, NO_EDGE, NO_EDGE),
	/* A session in which nothing ran was no use: before the start that is a cancellation. */
	[BOOKING_ACTIVE] = ROW(BOOKING_ACTIVE, BOOKING_COMPLETED, BOOKING_CANCELLED, BOOKING_NO_SHOW, NO_EDGE,
		BOOKING_LAPSED, NO_EDGE, NO_EDGE),
	[BOOKING_COMPLETED] = ROW(NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE),
	[BOOKING_CANCELLED] = ROW(NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE),
	[BOOKING_NO_SHOW] = ROW(NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, BOOKING_COMPLETED),
	[BOOKING_DISPLACED] = ROW(NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE),
	[BOOKING_LAPSED] = ROW(NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, BOOKING_COMPLETED),
	[BOOKING_REPLACED] = ROW(NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE, NO_EDGE),
#undef ROW
};

static const char *const names[BOOKING_STATES] = { "pending", "confirmed", "active", "completed", "cancelled",
	"no_show", "displaced", "lapsed", "replaced" };

#define LATE_WAIT (10 * LT_MINUTE)

int64_t booking_since(const struct booking *b, int64_t at)
{
	return at > b->booked_from ? at : b->booked_from;
}

int64_t booking_wait_ms(const struct booking *b, const struct policy *p)
{
	int64_t half = (b->booked_to - b->since) / 2, wait = p->no_show_ms < half ? p->no_show_ms : half;

	return b->since > b->booked_from && wait < LATE_WAIT ? LATE_WAIT : wait;
}

bool booking_next(enum booking_state from, enum booking_event event, enum booking_state *ret)
{
	if ((unsigned)from >= BOOKING_STATES || (unsigned)event >= BOOKING_EVENTS || edges[from][event] == NO_EDGE)
		return false;
	*ret = edges[from][event];
	return true;
}

const char *booking_state_name(enum booking_state s)
{
	return (unsigned)s < BOOKING_STATES ? names[s] : "?";
}

bool booking_state_from_name(const char *name, enum booking_state *ret)
{
	for (unsigned i = 0; i < BOOKING_STATES; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum booking_state)i;
			return true;
		}
	return false;
}

bool booking_is_live(enum booking_state s)
{
	return s == BOOKING_PENDING || s == BOOKING_CONFIRMED || s == BOOKING_ACTIVE;
}
