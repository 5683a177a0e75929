/*
 * calendar.h - the site's local time as booking sees it: grid, opening hours, holidays, horizon, quota windows.
 *
 * Everything is evaluated in the site's zone and returned as instants (UTC ms); local midnights are the origin, so
 * that on the days when clocks change the instants decide. Pure. Work is bounded by the days an interval touches.
 */
#ifndef CORE_CALENDAR_H
#define CORE_CALENDAR_H

#include "common/civil.h"
#include "core/interval.h"
#include "core/terms.h"

#define CALENDAR_LONGEST (366 * LT_DAY)          /* no booking is longer */
#define CALENDAR_WINDOWS 72                      /* quota windows that the longest booking touches, and room */

/* R03. Cells start at local midnight and every grid_ms after it; the last of a day ends at the next midnight. */
int64_t calendar_cell(const struct lt_zone *z, int64_t grid_ms, int64_t at);      /* start of the cell that holds at */
int64_t calendar_grid_next(const struct lt_zone *z, int64_t grid_ms, int64_t at); /* first grid line at or after     */
bool calendar_on_grid(const struct lt_zone *z, int64_t grid_ms, int64_t at);

/* R07. Open parts of one local day, merged, ascending; at most OPENING_MAX. No opening hours: the whole day. */
int calendar_day_open(const struct policy *p, const struct lt_zone *z, int64_t day, struct interval *ret);
int64_t calendar_outside_ms(const struct policy *p, const struct lt_zone *z, struct interval a);
bool calendar_is_open(const struct policy *p, const struct lt_zone *z, int64_t at);
/* The open time that holds `at` or else the first after it, its days joined; the search gives up at `limit` and
 * cuts there. False: nothing opens before it. */
bool calendar_open_span(const struct policy *p, const struct lt_zone *z, int64_t at, int64_t limit,
	struct interval *ret);

/* R05. First start that is not open for booking yet. From a day on, the horizon moves by whole local days, at the
 * policy's minute of the day; a shorter one moves with now. */
int64_t calendar_horizon(const struct policy *p, const struct lt_zone *z, int64_t now);

/* R12. The ISO weeks, the local months and the open future that the interval touches and the policy limits. */
enum window_kind { WINDOW_WEEK, WINDOW_MONTH, WINDOW_OPEN };
struct window { enum window_kind kind; struct interval span; int64_t limit_ms, others_ms; };
/* others_ms is left 0 for the caller. At most cap; *ret is the count. False: the interval touches more. */
bool calendar_windows(const struct policy *p, const struct lt_zone *z, int64_t now, struct interval a,
		      struct window *ret_windows, int cap, int *ret);

#endif
