/*
 * clock.h - the wall clock against CLOCK_BOOTTIME: what is a step, what is a jump, and how long timers then wait. Pure.
 *
 * Durations come from BOOTTIME; the wall clock only labels. Both run at the same pace, so that their difference changes
 * only when somebody sets the wall clock. Instants are ms of the clock that their name says.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/civil.h"
#include "core/interval.h"

#define CLOCK_BOOT_ID 40
#define CLOCK_STEP_MS LT_SECOND          /* a difference that grew by more than this is a step             */
#define CLOCK_JUMP_MS LT_MINUTE          /* forward steps of more, alone or summed over an hour: a jump    */
#define CLOCK_SUM_MS LT_HOUR
#define CLOCK_STEADY_MS (10 * LT_MINUTE) /* so long without a step, and the clock is trusted again         */
#define CLOCK_NOTICE_MS (15 * LT_MINUTE) /* whose booked end lay inside a jump has at least so long after it */

struct clock {
	char boot_id[CLOCK_BOOT_ID];         /* "": nothing is known yet                                        */
	int64_t boot_ms, wall_ms;            /* when it was last looked at                                      */
	int64_t offset_ms;                   /* wall less boot, at the last step or start                       */
	int64_t waits_until;                 /* BOOTTIME; 0: timers that take something do not wait             */
};

struct clock_stamp { int64_t boot_ms, wall_ms; }; /* one instant by both clocks                  */

struct clock_step {
	int64_t boot_ms, wall_ms;            /* when it was noticed                                             */
	int64_t step_ms;                     /* forward > 0                                                     */
	bool jump;
	struct interval skipped;             /* labels that it jumped over; empty when set back                 */
};

/* Has the clock been set since it was last looked at? By how much, forward > 0; 0: not by more than a second. After a
 * start of the machine only a label that lies before the last one is known to be a step. */
int64_t clock_stepped(const struct clock *c, const char *boot_id, int64_t boot_ms, int64_t wall_ms);
/* Looks at it: *c moves on. recent_ms: the sum of the forward steps in the hour before. True and *ret: it was set. */
bool clock_look(struct clock *c, const char *boot_id, int64_t boot_ms, int64_t wall_ms, int64_t recent_ms,
	struct clock_step *ret);
/* Do timers that cost or take something wait? */
bool clock_waits(const struct clock *c, int64_t boot_ms);
/* The stamp of what was due at the wall label `due`. s: the n last steps of this boot, in
 * their order. What was due only because of a forward step was due at its end, at the moment of the step. */
struct clock_stamp clock_due(const struct clock_step *s, int n, struct clock_stamp now, int64_t due);

#endif
