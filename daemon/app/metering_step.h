/*
 * metering_step.h - what metering_run.c and metering_gap.c share of one accepted reading; nothing else includes it.
 */
#ifndef APP_METERING_STEP_H
#define APP_METERING_STEP_H

#include "app/session_step.h"

#define LOOSE_MAX 8

struct step {
	struct reading_now *r;
	struct session s;            /* the open one                                                     */
	struct session was;          /* as it is stored                                                  */
	bool has_session;
	struct usage run;            /* the piece of the run that was on                                 */
	bool has_run;
	int64_t ms;                  /* what the verdict added in this interval, without quantisation    */
	int64_t run_from, run_to;    /* the run's edges that this reading shows                          */
};

/* Sessions that compete for what a gap hid: first, by the time of their opening, those that closed without their last
 * reading (n_loose of them); then the open one, where there is one. */
struct claimants { struct session s[LOOSE_MAX + 1]; int n, n_loose; };

/* metering_run.c */
/* The session of a run that begins at t->run_from; opens one when there is none. 0, < 0. */
int step_session_for_run(struct act *a, struct step *t);

/* metering_gap.c */
/* Who competes for what the reading added. */
int step_claimants(struct act *a, struct step *t, struct claimants *c);
/* Gives what the reading added to who certainly had it, the rest to nobody, and goes on with a run that is on. */
int step_after_gap(struct act *a, struct step *t, struct claimants *c);
/* Sessions that waited for their last reading are charged. */
int step_settle_loose(struct act *a, const struct claimants *c);

#endif
