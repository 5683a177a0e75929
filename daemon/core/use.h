/*
 * use.h - R25: was a booking used, and if not, whose fault was it? The one place that decides between waiting, use, a
 * no-show, a cancellation and a booking that lapses free of charge. Pure. Instants: wall ms; durations: ms.
 *
 * Only who could have used the instrument and did not has missed: after N usable minutes, or when they left before that
 * and nothing had failed until then.
 */
#ifndef CORE_USE_H
#define CORE_USE_H

#include "core/booking.h"
#include "core/session.h"

enum use_verdict { USE_WAITS, USE_USED, USE_CANCELLED, USE_MISSED, USE_LAPSED };

struct use_facts {
	bool used;               /* session_used(), or a check-in where nothing is metered                    */
	bool left;               /* its user checks out or cancels at `at`, before its time is over           */
	bool silent;             /* the meter cannot be read at `at`: what it will show is not known          */
	bool broken;             /* nobody can use the instrument at `at`                                     */
	bool hidden;             /* a run of nobody's, which no reading shows, may lie in the booked time     */
	int64_t at;              /* of the decision                                                           */
	int64_t from, wait_ms;   /* the wait: since when, and how many usable ms                              */
	int64_t usable_ms;       /* of [from, at)                                                             */
};

/* How long to wait for its user: N since `since`. Sets from and wait_ms. */
void use_wait(const struct booking *b, const struct policy *p, struct use_facts *f);
/* What a check-in adds: F for the first run, from the check-in or from `since` where that is later. It only extends:
 * the booking waits until both are over. True and sets from and wait_ms; false: no check-in, or left, or at or after
 * its end. */
bool use_wait_first_run(const struct booking *b, const struct policy *p, struct use_facts *f);
enum use_verdict use_judge(const struct booking *b, const struct use_facts *f);
/* Any witness saw it run: the run bit on, seconds that the counter counted. A check-in alone is presence. */
bool session_used(const struct session *s);

#endif
