/*
 * devices.h - scripted controllers over the small world of world.h, in virtual time: what a device counts is the truth,
 * what a poll says may be a lie. Timers fire as the turn fires them, with their forced polls.
 *
 *   devices_init(&d, w);                     registers the instruments' terms, first readings
 *   d.of[0].on = true; devices_run(&d, MIN(10));
 */
#ifndef TESTS_SUPPORT_DEVICES_H
#define TESTS_SUPPORT_DEVICES_H

#include "app/clock.h"
#include "support/world.h"

struct device {
	bool on, silent, faulty;
	int64_t run_ms;              /* truth: ran for so long since the start                           */
	uint64_t base;               /* register = (base + run_ms / 1000) * per_s, modulo 2^32           */
	uint64_t per_s;              /* counts of a second; 1                                            */
	uint8_t lock;                /* enum lt_lock, read back                                          */
	bool lie;                    /* the next poll says `lie_raw`                                     */
	uint64_t lie_raw;
	bool stuck;                  /* every poll says `stuck_raw`                                      */
	uint64_t stuck_raw;
	bool no_count;               /* no poll has the register's value                                 */
	int polls;                   /* how often it was asked                                           */
	int64_t polled_at;           /* when it was asked last, what it would have answered then, and    */
	uint64_t shown;              /* since when nothing else                                          */
	int64_t shown_at;
};

struct devices {
	struct world *w;
	struct device of[3];
	int64_t poll_ms;             /* of the schedule: forced polls are always made                    */
	struct clock_view clock;     /* noticed before everything, as the ledger does                    */
};

void devices_init(struct devices *d, struct world *w);
/* One reading of instrument k, now. */
void devices_poll(struct devices *d, int k);
/* The ledger's look at the clock: after the clock was set, or the machine started again. */
void devices_look(struct devices *d);
/* Time goes by: devices run, polls are made, timers fire (but for those that wait for a steady clock). */
void devices_run(struct devices *d, int64_t ms);
/* Runs a use case again after its forced poll, as the turn does: while (devices_again(&d, r)) r = use_case(...). */
int devices_act(struct devices *d, const char *user, int (*use_case)(struct act *a, void *arg), void *arg);

#endif
