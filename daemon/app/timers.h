/*
 * timers.h - due times are rows (kind, ref, due_at); a kind is a row of one table and its function.
 * fire() runs as an item stamped with its due time, exactly once: the row is deleted in the same savepoint before
 * fire() is called, and fire() may arm it again. It may park (act_park): then the row stays.
 */
#ifndef APP_TIMERS_H
#define APP_TIMERS_H

#include "app/act.h"

/* TAKES: it costs somebody money, or takes time or a right from them: it waits while the wall clock is not to be
 * trusted (app/clock.h). LASTS: it counts a duration from when it was armed, by BOOTTIME: its label moves with the wall
 * clock. */
enum timer_flag { TIMER_TAKES = 1, TIMER_LASTS = 2 };
struct timer_kind { const char *name; int (*fire)(struct act *a, int64_t ref, int64_t due_at); unsigned flags; };

/* end: name NULL */
extern const struct timer_kind booking_timers[], metering_timers[], money_timers[], people_timers[];
const struct timer_kind *timer_kind_find(const char *name);
/* The names of the kinds that take something, for store_timers_by_due: ",name,name,". */
const char *timer_kinds_taking(void);
/* The wall clock was set by so much: what counts a duration moves with it. */
int timers_shift(struct act *a, int64_t ms);

#endif
