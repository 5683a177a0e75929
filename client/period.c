/*
 * period.c - PERIOD for reports (looks back) and the text that echoes a resolved interval. Pure.
 * Fails with a column; a period never ends before it begins.
 */
#include "client/lex.h"

#include <string.h>

#include "common/fmt.h"

const char *const when_weekdays[8] = { "", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
const char *const when_months[13] = { "", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
	"Dec" };

struct days { int64_t from, to; }; /* local days, half-open */

static int64_t month_start(int year, int month)
{
	int m = year * 12 + month - 1;

	return lt_days_from_civil(m / 12, m % 12 + 1, 1);
}

static struct days months(int year, int month, int n)
{
	return (struct days){ month_start(year, month), month_start(year, month + n) };
}

static const char *const unit_words[] = { "day", "week", "month", "quarter", "year", NULL };

/* this/last and a unit; back = 0 or 1. */
static struct days relative(int64_t today, int unit, int back)
{
	int y, m, d;
	int64_t monday = today - (lt_weekday(today) - 1) - 7 * back;

	lt_civil_from_days(today, &y, &m, &d);
	switch (unit) {
	case 1: return (struct days){ today - back, today - back + 1 };
	case 2: return (struct days){ monday, monday + 7 };
	case 3: return months(y, m - back, 1);
	case 4: return months(y, (m - 1) / 3 * 3 + 1 - 3 * back, 3);
	default: return months(y - back, 1, 12);
	}
}

/* Words: today, yesterday, this month, last quarter, month, november [2025]. */
static int read_words(struct lex *l, int64_t today, struct days *ret)
{
	size_t start = l->at;
	int unit, month, year, y, m, d, back = 0;

	if (lex_word(l, "today"))
		return *ret = relative(today, 1, 0), 1;
	if (lex_word(l, "yesterday"))
		return *ret = relative(today, 1, 1), 1;
	if (lex_word(l, "last"))
		back = 1;
	else
		lex_word(l, "this");
	unit = lex_words(l, unit_words);
	if (unit)
		return *ret = relative(today, unit, back), 1;
	l->at = start;
	if (!lex_month(l, &month))
		return 0;
	lt_civil_from_days(today, &y, &m, &d);
	lex_blanks(l);
	if (lex_digits(l, 4, &year)) {
		if (year < 1970 || year > 2198)
			return lex_fail(l, start, "time-range", "outside the years 1970 to 2198");
	} else {
		year = month > m ? y - 1 : y;
	}
	*ret = months(year, month, 1);
	return 1;
}

/* 2026, 2026-11, 2026-11-05, 2026-Q4, 2026-W48 */
static int read_number(struct lex *l, struct days *ret)
{
	size_t start;
	int year, n;
	char c;

	lex_blanks(l);
	start = l->at;
	if (!lex_digits(l, 4, &year))
		return 0;
	if (year < 1970 || year > 2198)
		return lex_fail(l, start, "time-range", "outside the years 1970 to 2198");
	if (l->at >= l->size || l->text[l->at] != '-')
		return *ret = months(year, 1, 12), 1;
	l->at++;
	c = l->at < l->size ? l->text[l->at] : '\0';
	if (c == 'Q' || c == 'q') {
		l->at++;
		if (!lex_digits(l, 1, &n) || n < 1 || n > 4)
			return lex_fail(l, start, "time-range", "quarters run from Q1 to Q4");
		return *ret = months(year, n * 3 - 2, 3), 1;
	}
	if (c == 'W' || c == 'w') {
		int64_t jan4 = lt_days_from_civil(year, 1, 4), first = jan4 - (lt_weekday(jan4) - 1);
		int64_t next4 = lt_days_from_civil(year + 1, 1, 4), last = next4 - (lt_weekday(next4) - 1);

		l->at++;
		if (!lex_digits(l, 2, &n) || n < 1 || first + 7 * (n - 1) >= last)
			return lex_fail(l, start, "time-range", "%d has no such week", year);
		return *ret = (struct days){ first + 7 * (n - 1), first + 7 * n }, 1;
	}
	if (!lex_digits(l, 2, &n) || n < 1 || n > 12)
		return lex_fail(l, start, "time-range", "months run from 01 to 12");
	if (l->at < l->size && l->text[l->at] == '-') {
		int64_t day;
		int rc;

		l->at = start;
		if ((rc = lex_date(l, &day)) <= 0)
			return rc ? rc : lex_stranger(l);
		return *ret = (struct days){ day, day + 1 }, 1;
	}
	*ret = months(year, n, 1);
	return 1;
}

static int read_piece(struct lex *l, int64_t today, struct days *ret)
{
	int rc = read_words(l, today, ret);

	return rc ? rc : read_number(l, ret);
}

static void month_name(const struct days *d, char dst[8])
{
	int y, m, day;

	dst[0] = '\0';
	lt_civil_from_days(d->from, &y, &m, &day);
	if (day == 1 && d->to == month_start(y, m + 1))
		lt_fmt(dst, 8, "%04d-%02d", y % 10000, m % 100);
}

int when_period(const struct when_ctx *x, const char *text, struct when_period *ret, struct when_err *err)
{
	struct lex l;
	struct days d, e;
	struct when_period p = { 0 };
	int64_t today = lt_zone_day(x->zone, x->now), ms;
	int rc;

	if (lex_open(&l, text, err) < 0)
		return -1;
	if (lex_end(&l))
		return lex_fail(&l, 0, "time-incomplete", "need a period: 'last month' or '2026-11'");
	if ((rc = read_piece(&l, today, &d)) < 0)
		return -1;
	if (!rc && (rc = lex_length(&l, &ms)) > 0) {
		if (ms % LT_DAY)
			return lex_fail(&l, 0, "time-range", "a period is whole days: write 90d");
		d = (struct days){ today - ms / LT_DAY, today + 1 }; /* 90 days back, and today */
	} else if (!rc) {
		return lex_stranger(&l);
	} else if (rc < 0) {
		return -1;
	} else if (lex_mark(&l, "..")) {
		size_t at = l.at;

		if ((rc = read_piece(&l, today, &e)) <= 0)
			return rc ? rc : lex_stranger(&l);
		if (e.from <= d.from)
			return lex_fail(&l, at, "time-order", "the end is not after the start");
		d.to = e.from; /* half-open: 2026-11-01..2026-12-01 is November */
	}
	if (!lex_end(&l))
		return lex_stranger(&l);
	if (d.from < 0)
		return lex_fail(&l, 0, "time-range", "outside the years 1970 to 2199");
	p.from = lt_zone_midnight(x->zone, d.from);
	p.to = lt_zone_midnight(x->zone, d.to);
	if (p.from < 0)
		return lex_fail(&l, 0, "time-range", "outside the years 1970 to 2199");
	if (p.from > x->now)
		return lex_fail(&l, 0, "time-future", "this period has not begun; reports look back");
	month_name(&d, p.month);
	*ret = p;
	return 0;
}

void when_duration_text(char *dst, size_t cap, int64_t ms)
{
	int64_t s = (ms < 0 ? -ms : ms) / LT_SECOND;
	size_t n = ms < 0 ? lt_fmt(dst, cap, "-") : 0;
	struct { int64_t n; char unit; } part[] = { { s / 86400, 'd' }, { s / 3600 % 24, 'h' }, { s / 60 % 60, 'm' },
		{ s % 60, 's' } };
	bool any = false;

	for (size_t i = 0; i < 4 && n < cap; i++) {
		if (!part[i].n && (i < 3 || any))
			continue;
		n += lt_fmt(dst + n, cap - n, "%lld%c", (long long)part[i].n, part[i].unit);
		any = true;
	}
}

static size_t clock_text(char *dst, size_t cap, struct lt_civil c)
{
	if (c.second)
		return lt_fmt(dst, cap, "%02d:%02d:%02d", c.hour, c.minute, c.second);
	return lt_fmt(dst, cap, "%02d:%02d", c.hour, c.minute);
}

static size_t day_text(char *dst, size_t cap, struct lt_civil c)
{
	return lt_fmt(dst, cap, "%s %04d-%02d-%02d ", when_weekdays[lt_weekday(lt_days_from_civil(c.year, c.month, c.day))],
		c.year, c.month, c.day);
}

static size_t zone_text(char *dst, size_t cap, int32_t o)
{
	int32_t a = o < 0 ? -o : o;

	return lt_fmt(dst, cap, " %c%02d:%02d", o < 0 ? '-' : '+', (int)(a / 3600), (int)(a / 60 % 60));
}

void when_echo(char *dst, size_t cap, const struct lt_zone *z, int64_t from, int64_t to)
{
	struct lt_civil a = lt_zone_civil(z, from), b = lt_zone_civil(z, to);
	int32_t oa = lt_zone_offset(z, from), ob = lt_zone_offset(z, to);
	bool same = a.year == b.year && a.month == b.month && a.day == b.day;
	char buf[256], span[32];
	size_t n = day_text(buf, sizeof buf, a);

	n += clock_text(buf + n, sizeof buf - n, a);
	if (oa != ob)
		n += zone_text(buf + n, sizeof buf - n, oa);
	n += lt_fmt(buf + n, sizeof buf - n, same && oa == ob ? "-" : " - ");
	if (!same)
		n += day_text(buf + n, sizeof buf - n, b);
	n += clock_text(buf + n, sizeof buf - n, b);
	if (oa != ob)
		n += zone_text(buf + n, sizeof buf - n, ob);
	when_duration_text(span, sizeof span, to - from);
	n += lt_fmt(buf + n, sizeof buf - n, oa != ob ? " (%s, the clocks change) %s" : " (%s) %s", span, z->name);
	if (oa == ob)
		zone_text(buf + n, sizeof buf - n, oa);
	lt_fmt(dst, cap, "%s", buf);
}
