/*
 * trouble.h - what goes wrong in the simulated world: a table of kinds, each with a name, how often it comes and what
 * it does. Each kind has its own chance, so that a history without one kind keeps the chances of the others, and each
 * can be switched on or off by its name to narrow a violation down.
 */
#ifndef SIM_TROUBLE_H
#define SIM_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum trouble {
	TROUBLE_LOSS, TROUBLE_LATE, TROUBLE_TWICE, TROUBLE_LIE, TROUBLE_SILENCE, TROUBLE_OUTAGE, TROUBLE_GATEWAY,
	TROUBLE_RESTART, TROUBLE_DAILY, TROUBLE_FLICKER, TROUBLE_ZERO, TROUBLE_STALL, TROUBLE_RELAY, TROUBLE_STUCK,
	TROUBLE_FAULT, TROUBLE_BREAKDOWN, TROUBLE_CRASH, TROUBLE_SKEW, TROUBLE_STEP, TROUBLE_PAUSE, TROUBLE_SLEEP,
	TROUBLE_LISTS, TROUBLE_BYPASS, TROUBLE_JUMP, TROUBLE_CREEP, TROUBLE_LEVELS, TROUBLE_REPAIR, TROUBLE_UNITS, TROUBLES
};

struct world;
struct person;
struct world_event;

uint32_t trouble_defaults(void);             /* a bit for each kind that is on                         */
/*
 * Unless kinds were chosen, the wall clock is set in the odd seeds only: near a step nobody here can say which price
 * list was in force. And every third seed leaves out each kind by a toss of its own, as one trouble hides what another
 * brings to light. Seed 0: neither.
 */
uint32_t trouble_of_seed(uint32_t troubles, uint64_t seed);
/* "flicker,steps": the bits of the named kinds. False: a name is unknown. */
bool trouble_parse(const char *names, uint32_t *ret);
void trouble_list(FILE *to);
bool trouble_on(const struct world *w, enum trouble kind);
/* False when the kind is off, without asking chance. */
bool trouble_chance(struct world *w, enum trouble kind, int per_mille);
void trouble_begin(struct world *w);         /* the first of each kind                                  */
void trouble_event(struct world *w, const struct world_event *e);
/* Somebody is about to check in: true when a stranger was quicker and runs the instrument. */
bool trouble_at_start(struct world *w, const struct person *p);
/* A booking was made: shortly before its start the clock may jump. */
void trouble_after_booking(struct world *w, const struct person *p);
/* A booking was called off: now staff may take its place for a repair. */
void trouble_after_cancel(struct world *w, const struct person *p);
/* A check-in was answered: now the relay may stick, or the instrument break down, or the clock jump. */
void trouble_after_checkin(struct world *w, const struct person *p);

#endif
