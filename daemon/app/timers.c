/* timers.c - finds the function of a timer kind, and moves those that count a duration. Owns nothing. */
#include "app/timers.h"

#include <string.h>

#include "common/fmt.h"
#include "store/timer.h"

static const struct timer_kind *const tables[] = { booking_timers, metering_timers, money_timers, people_timers };

#define TABLES (sizeof(tables) / sizeof(tables[0]))

const struct timer_kind *timer_kind_find(const char *name)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct timer_kind *k = tables[i]; k->name; k++)
			if (strcmp(k->name, name) == 0)
				return k;
	return NULL;
}

const char *timer_kinds_taking(void)
{
	static char names[400];
	size_t n = 0;

	for (size_t i = 0; i < TABLES && names[0] == '\0'; i++)
		for (const struct timer_kind *k = tables[i]; k->name; k++)
			if (k->flags & TIMER_TAKES)
				n += (size_t)lt_fmt(names + n, sizeof(names) - n, "%s%s,", n ? "" : ",", k->name);
	return names;
}

int timers_shift(struct act *a, int64_t ms)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct timer_kind *k = tables[i]; k->name; k++)
			if (k->flags & TIMER_LASTS)
				store_timers_shift(a->db, k->name, ms);
	return act_end(a);
}
