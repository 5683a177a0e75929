/*
 * clock_lost.h - which labels of the wall clock somebody did not live through. Pure.
 *
 * Time goes on by BOOTTIME. Between two steps of the wall clock it shows the labels from where the first step set it to
 * where the second one found it. A forward step skips labels. A skipped label is lost to whoever was there, unless the
 * clock also showed it while they were there: before, because the clock had been set back, or after, because it was set
 * back later. For somebody who came after a step it skipped nothing, and what the clock showed before they came does
 * not count as theirs. What it showed while another's session had the instrument did not count as theirs either: labels
 * that are shown only then are lost as well.
 *
 * The labels of readings never go back, and neither do those of the session that they belong to. What a session passed
 * over stays passed over, for what it does after a clock was set back has no labels of its own.
 */
#ifndef CORE_CLOCK_LOST_H
#define CORE_CLOCK_LOST_H

#include "core/clock.h"

#define CLOCK_STEPS_MAX 256

/* Somebody who was there: a booking since it was made, a session from its beginning to its end. */
struct clock_presence {
	int64_t from, to;                    /* labels at the first and at the last instant; from 0: always           */
	bool onward;                         /* its labels never go back: a session's, as those of readings           */
	int n;
	struct clock_step steps[CLOCK_STEPS_MAX]; /* those meanwhile, in their order; clock_presence_add fills both */
	int64_t taken_from[CLOCK_STEPS_MAX]; /* before each step, another was there from this label on              */
};

#define CLOCK_NOT_TAKEN INT64_MAX

/* One step more. What the clock showed just before it, from the label `taken_from` on, it showed to another. When there
 * is no room two forward steps become one, which skips what lies between them as well. */
void clock_presence_add(struct clock_presence *p, const struct clock_step *s, int64_t taken_from);
/* What of `in` was lost: merged, ascending, at most cap (>= 1) intervals, which keep their sum. Returns how many. Only
 * steps that touch `in` matter. */
int clock_lost(const struct clock_presence *p, struct interval in, struct interval *ret, int cap);
/* The last jump that the label `at` lies in, or less than least_ms after, if the clock has shown it neither before nor
 * after that jump; NULL: none. */
const struct clock_step *clock_jump_over(const struct clock_presence *p, int64_t at, int64_t least_ms);
/* An instant of which somebody must know so long before: one that a jump took is least_ms after its end, unless a later
 * jump took that as well. */
int64_t clock_told_at(const struct clock_presence *p, int64_t at, int64_t least_ms);
/* How many ms after the clock showed `at` the presence ended. `at` is the last time that it showed it; what was skipped
 * counts from the step, what lies before the presence from its beginning. */
int64_t clock_passed_ms(const struct clock_presence *p, int64_t at);

#endif
