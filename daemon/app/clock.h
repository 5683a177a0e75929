/*
 * app/clock.h - a step of the wall clock is a label (METERING.md, Clock): the ledger notices it by itself, says it,
 * keeps what lies inside a jump from everybody's account, and lets timers that take something wait.
 */
#ifndef APP_CLOCK_H
#define APP_CLOCK_H

#include "app/act.h"
#include "core/clock_lost.h"

#define CLOCK_RECENT 16

/* What the ledger knows between turns. recent: the last n steps of this boot, in their order. */
struct clock_view { struct clock clock; int n; struct clock_step recent[CLOCK_RECENT]; };

/* Looks at the clock at a->now; what it finds is written. *v moves on; a v of zeroes is read from the store first.
 * 0 or < 0. */
int clock_notice(struct act *a, struct clock_view *v);
/* Cheap: does clock_notice() have something to write? */
bool clock_must_notice(const struct clock_view *v, const char *boot_id, struct stamp now);
/* A manager says that the clock is right: timers wait no longer. Refused (409) when none waits. */
int clock_accept(struct act *a, const char *reason);

/* A booked session began with a label from before the last jump: a check-in that waited for its poll meanwhile, or a
 * run that the first reading after it found. It is spared as the sessions that were open then. */
int clock_session_opened(struct act *a, const char *instrument);

/* For people: the clock as it is known, and the last step of all. */
struct clock_report {
	bool has_step, waits;
	struct clock_step last;              /* has_step                                                        */
	int64_t waits_until;                 /* wall ms; waits                                                  */
};
int clock_report(struct act *a, struct clock_report *ret);

#define LOST_PART 64

struct unusable_query;
struct lost_labels { int n; struct interval of[3 * LOST_PART]; };
/* Which labels of q->in the asker did not live through (core/clock_lost.h): the session, without one the booking,
 * without either the lab. Merged, ascending. 0 or < 0. */
int clock_lost_to(struct act *a, const struct unusable_query *q, struct lost_labels *ret);
/* An instant that lies inside a jump that the session was there for is over no sooner than least_ms after its end. */
int64_t clock_not_inside(struct act *a, int64_t session, int64_t at, int64_t least_ms);
/* How many ms of the session's life by BOOTTIME are after the wall clock showed `at`. */
int64_t clock_passed(struct act *a, int64_t session, int64_t at);
/* Since the label `from` the clock was set back by so much: time that went by without labels of its own. */
int64_t clock_back_ms(struct act *a, int64_t from);
/* The clock jumped within the last hour: a further step of more than a second is a gap as well. */
bool clock_is_unsteady(struct act *a);

#endif
