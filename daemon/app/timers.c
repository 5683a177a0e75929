/* timers.c - finds the function of a timer kind. Owns nothing. */
#include "app/timers.h"

#include <string.h>

const struct timer_kind *timer_kind_find(const char *name)
{
	const struct timer_kind *const tables[] = { booking_timers, metering_timers, money_timers, people_timers };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct timer_kind *k = tables[i]; k->name; k++)
			if (strcmp(k->name, name) == 0)
				return k;
	return NULL;
}
