/*
 * timers.h - due times are rows (kind, ref, due_at); a kind is a row of one table and its function.
 * fire() runs as an item stamped with its due time, exactly once: the row is deleted in the same savepoint before
 * fire() is called, and fire() may arm it again. It may park (act_park): then the row stays.
 */
#ifndef APP_TIMERS_H
#define APP_TIMERS_H

#include "app/act.h"

struct timer_kind { const char *name; int (*fire)(struct act *a, int64_t ref, int64_t due_at); };

/* end: name NULL */
extern const struct timer_kind booking_timers[], metering_timers[], money_timers[], people_timers[];
const struct timer_kind *timer_kind_find(const char *name);

#endif
