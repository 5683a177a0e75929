/* registry.c - the drivers that exist, by name. A new driver is one line here and one file beside it. */
#include <string.h>

#include "drivers/map.h"

static const struct lt_driver *const drivers[] = { &lt_driver_profile };

const struct lt_driver *lt_driver_at(int i)
{
	return i >= 0 && (size_t)i < sizeof(drivers) / sizeof(drivers[0]) ? drivers[i] : NULL;
}

const struct lt_driver *lt_driver_find(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}
