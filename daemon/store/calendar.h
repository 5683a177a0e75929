/* calendar.h - what is or was on an instrument, from every table that says so. */
#ifndef STORE_CALENDAR_H
#define STORE_CALENDAR_H

#include "core/interval.h"
#include "core/site.h"
#include "store/db.h"

enum calendar_kind { CALENDAR_BOOKING, CALENDAR_BLOCK, CALENDAR_HOLD, CALENDAR_SESSION, CALENDAR_METERED };
struct calendar_entry {
	enum calendar_kind kind;
	int64_t from, to, booking;           /* booking 0: none                                         */
	char user[LT_ID], org[LT_ID], reason[300];
};
/* Those that reach into `in`, each kind by start; an open session lasts until `now`. At most cap. 0 or < 0. */
int store_calendar(struct db *db, const char *instrument, struct interval in, int64_t now, struct calendar_entry *ret,
	int cap,
		   int *ret_n);

#endif
