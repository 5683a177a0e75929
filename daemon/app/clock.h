/*
 * app/clock.h - a step of the wall clock is a label (METERING.md, Clock): the ledger notices it by itself, says it,
 * keeps what lies inside a jump from everybody's account, and lets timers that take something wait.
 */
#ifndef APP_CLOCK_H
#define APP_CLOCK_H

#include "app/act.h"
#include "core/clock.h"

/* What the ledger knows between turns. last: the last forward step of this boot; step_ms 0: none. */
struct clock_view { struct clock clock; struct clock_step last; };

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

/* An instant that lies inside the last jump of this boot is over no sooner than least_ms after its end. */
int64_t clock_not_inside(struct act *a, int64_t at, int64_t least_ms);
/* Of the labels in [from, to) so many ms were jumped over: nobody's. */
int64_t clock_lost_ms(struct act *a, int64_t from, int64_t to);
/* Since the label `from` the clock was set back by so much: time that went by without labels of its own. */
int64_t clock_back_ms(struct act *a, int64_t from);
/* The clock jumped within the last hour: a further step of more than a second is a gap as well. */
bool clock_is_unsteady(struct act *a);

#endif
