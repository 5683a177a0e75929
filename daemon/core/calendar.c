/*
 * calendar.c - local days, weeks and months turned into instants; no loop over minutes. Pure; the only failure is a
 * caller's array that is too small, which is said.
 */
#include "core/calendar.h"

#define DAY_MINUTES 1440

int64_t calendar_cell(const struct lt_zone *z, int64_t grid_ms, int64_t at)
{
	int64_t midnight = lt_zone_midnight(z, lt_zone_day(z, at));

	return midnight + (at - midnight) / grid_ms * grid_ms;
}

int64_t calendar_grid_next(const struct lt_zone *z, int64_t grid_ms, int64_t at)
{
	int64_t cell = calendar_cell(z, grid_ms, at), midnight;

	if (cell == at)
		return at;
	midnight = lt_zone_midnight(z, lt_zone_day(z, at) + 1);
	return cell + grid_ms < midnight ? cell + grid_ms : midnight;
}

bool calendar_on_grid(const struct lt_zone *z, int64_t grid_ms, int64_t at)
{
	return calendar_cell(z, grid_ms, at) == at;
}

/* A local minute of a day as an instant. Where the clock shows it twice, opening starts at the first and ends at
 * the second; where it never shows, the instant of the jump stands for it. */
static int64_t minute_instant(const struct lt_zone *z, int64_t day, int minute, bool end)
{
	struct lt_civil c = { .hour = minute / 60, .minute = minute % 60 };
	int64_t at[2] = { 0, 0 };
	int32_t offsets[2];

	if (minute == 0)
		return lt_zone_midnight(z, day);
	if (minute >= DAY_MINUTES)
		return lt_zone_midnight(z, day + 1);
	lt_civil_from_days(day, &c.year, &c.month, &c.day);
	return lt_zone_instant(z, c, at, offsets) == LT_LOCAL_TWICE && end ? at[1] : at[0];
}

static bool is_holiday(const struct policy *p, int64_t day)
{
	for (int i = 0; i < p->n_holidays; i++)
		if (p->holidays[i] == day)
			return true;
	return false;
}

int calendar_day_open(const struct policy *p, const struct lt_zone *z, int64_t day, struct interval *ret)
{
	int base = (lt_weekday(day) - 1) * DAY_MINUTES, n = 0;

	if (is_holiday(p, day))
		return 0;
	if (p->n_opening == 0) {
		ret[0] = (struct interval){ lt_zone_midnight(z, day), lt_zone_midnight(z, day + 1) };
		return 1;
	}
	for (int i = 0; i < p->n_opening; i++) {
		int from = p->opening[i].from_minute - base, to = p->opening[i].to_minute - base;

		if (from < 0)
			from = 0;
		if (to > DAY_MINUTES)
			to = DAY_MINUTES;
		if (from < to)
			ret[n++] = (struct interval){ minute_instant(z, day, from, false), minute_instant(z, day, to, true) };
	}
	return interval_merge(ret, n);
}

int64_t calendar_outside_ms(const struct policy *p, const struct lt_zone *z, struct interval a)
{
	struct interval open[OPENING_MAX];
	int64_t last, outside = a.to - a.from;

	if (interval_empty(a))
		return 0;
	if (p->n_opening == 0 && p->n_holidays == 0)
		return 0;
	last = lt_zone_day(z, a.to - 1);
	for (int64_t day = lt_zone_day(z, a.from); day <= last; day++) {
		int n = calendar_day_open(p, z, day, open);

		outside -= interval_covered_ms(a, open, n);
	}
	return outside;
}

bool calendar_is_open(const struct policy *p, const struct lt_zone *z, int64_t at)
{
	return calendar_outside_ms(p, z, (struct interval){ at, at + 1 }) == 0;
}

/* Joins the parts of one day to *ret; true when a part follows that does not touch it. */
static bool join_day(struct interval *ret, bool *found, const struct interval *open, int n, int64_t at)
{
	for (int i = 0; i < n; i++) {
		if (!*found) {
			if (open[i].to <= at)
				continue;
			*ret = open[i];
			*found = true;
		} else if (open[i].from == ret->to) {
			ret->to = open[i].to;
		} else if (open[i].from > ret->to) {
			return true;
		}
	}
	return false;
}

bool calendar_open_span(const struct policy *p, const struct lt_zone *z, int64_t at, int64_t limit,
	struct interval *ret)
{
	struct interval open[OPENING_MAX], span = { 0, 0 };
	bool found = false;

	if (p->n_opening == 0 && p->n_holidays == 0) {
		*ret = (struct interval){ at, limit };
		return at < limit;
	}
	for (int64_t day = lt_zone_day(z, at); lt_zone_midnight(z, day) < limit; day++) {
		int n = calendar_day_open(p, z, day, open);

		if (join_day(&span, &found, open, n, at))
			break;
		if (found && span.to < lt_zone_midnight(z, day + 1))
			break;
	}
	if (!found || span.from >= limit)
		return false;
	if (span.to > limit)
		span.to = limit;
	*ret = span;
	return true;
}

int64_t calendar_horizon(const struct policy *p, const struct lt_zone *z, int64_t now)
{
	int64_t day = lt_zone_day(z, now);
	struct lt_civil c = lt_zone_civil(z, now);

	if (p->horizon_ms < LT_DAY)
		return now + p->horizon_ms + 1;
	if (c.hour * 60 + c.minute < p->horizon_opens_min)
		day--;
	return lt_zone_midnight(z, day + p->horizon_ms / LT_DAY + 1);
}

static int64_t month_first(int64_t day)
{
	int y, m, d;

	lt_civil_from_days(day, &y, &m, &d);
	return day - (d - 1);
}

static int64_t window_first(enum window_kind kind, int64_t day)
{
	return kind == WINDOW_WEEK ? day - (lt_weekday(day) - 1) : month_first(day);
}

static int64_t window_next(enum window_kind kind, int64_t first)
{
	return kind == WINDOW_WEEK ? first + 7 : month_first(first + 31);
}

static bool add_windows(enum window_kind kind, int32_t limit_min, const struct lt_zone *z, struct interval a,
			struct window *w, int cap, int *n)
{
	int64_t last = lt_zone_day(z, a.to - 1);

	if (limit_min <= 0)
		return true;
	for (int64_t first = window_first(kind, lt_zone_day(z, a.from)); first <= last; first = window_next(kind, first)) {
		if (*n == cap)
			return false;
		w[(*n)++] = (struct window){ .kind = kind, .limit_ms = limit_min * LT_MINUTE,
			.span = { lt_zone_midnight(z, first), lt_zone_midnight(z, window_next(kind, first)) } };
	}
	return true;
}

bool calendar_windows(const struct policy *p, const struct lt_zone *z, int64_t now, struct interval a,
		      struct window *ret_windows, int cap, int *ret)
{
	int n = 0;

	*ret = 0;
	if (interval_empty(a))
		return true;
	if (!add_windows(WINDOW_WEEK, p->org_hours_week, z, a, ret_windows, cap, &n) ||
	    !add_windows(WINDOW_MONTH, p->org_hours_month, z, a, ret_windows, cap, &n))
		return false;
	if (p->org_hours_open > 0) {
		if (n == cap)
			return false;
		ret_windows[n++] = (struct window){ .kind = WINDOW_OPEN, .limit_ms = p->org_hours_open * LT_MINUTE,
			.span = { now, LT_INSTANT_MAX } };
	}
	*ret = n;
	return true;
}
