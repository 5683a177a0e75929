/*
 * policy.h - the one rule engine: plain facts and a verb in, every violation out (BOOKING.md).
 *
 * Every path to a booking gathers struct rule_facts and asks here. A table says which rule runs for which verb; a
 * verb is refused only for a violation that it creates or worsens, so each check compares the booking as it would be
 * with the booking as it is. Pure; instants in ms.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "core/booking.h"
#include "core/calendar.h"
#include "core/rules.h"

#define RULE_CONFLICTS 8
#define RULE_OVERLAPS 8

/* What already holds the unit where the booking would be, turnover included. */
struct rule_conflict { struct interval span; bool block; };

struct rule_facts {
	enum booking_verb verb;
	const struct policy *policy;      /* in force now */
	const struct lt_zone *zone;
	int64_t now;                      /* stamp of the request */
	struct interval at;               /* the booked interval as it would be */
	bool existing;                    /* every verb but create and promote: `was` is the booked interval as it is */
	struct interval was;
	int64_t since, was_since;         /* what may be judged of each begins here (core/booking.h); 0: at its start */
	int64_t now_from;                 /* R03: where `now` begins, also off the grid; 0: no start is that */
	int64_t asked_ms;                 /* R04: the length asked for; what the grid added is not counted; 0: all is */
	bool out_of_service;              /* the manager has taken the instrument out of service */
	int n_conflicts;                  /* R01, R21 */
	struct rule_conflict conflicts[RULE_CONFLICTS];
	int n_overlaps;                   /* R10: the user's other attended bookings that overlap `at` */
	struct interval overlaps[RULE_OVERLAPS];
	int n_windows;                    /* R12: with others_ms filled in, this booking left out */
	struct window windows[CALENDAR_WINDOWS];
	bool windows_missing;             /* longer than any booking may be: R12 cannot be counted */
};

/* One row of the rule table with its result; `text` is a finding for `labtime why` also when nothing is wrong. */
struct finding { struct violation v; bool applies, violated; };

#define RULES_MAX 16
/* All rows in table order; returns their number (<= RULES_MAX). */
int rules_examine(const struct rule_facts *f, struct finding ret[RULES_MAX]);
/* The violations only. Returns their number. */
int rules_ask(const struct rule_facts *f, struct verdict *ret);
/* Takes the violations that a manager may override out of v and into *ret_overridden. Returns how many are left. */
int rules_override(struct verdict *v, struct verdict *ret_overridden);
bool rules_has(const struct verdict *v, const char *code);
/* True when the unit is taken (R01, or R21's block): answered as a conflict, with what is free. */
bool rules_taken(const struct verdict *v);
/* After a refused attempt at f->at.from: no start before this instant can be accepted for the same length, as far
 * as the facts show. Always later than f->at.from; INT64_MAX: none can. For the search of free slots. */
int64_t rules_retry_from(const struct rule_facts *f, const struct verdict *v);

#endif
