/*
 * terms_value.c - values of policy and price keys: durations, clock times, spans, dates, money, factors, tiers.
 *
 * Owns nothing. A value that cannot be taken leaves the struct as it was and gives the reason; what is written is
 * canonical: reading it back gives the same struct.
 */
#include "core/terms_value.h"

#include <string.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "common/money.h"

#define COUNT(t) ((int)(sizeof(t) / sizeof((t)[0])))
#define DAY_MINUTES 1440

static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
static const char *const overruns[] = { "continue", "inhibit_next", "lock_after" };
static const char *const usages[] = { "used", "max", "booked_plus_overrun" };
static const char *const changes[] = { "lock_at_booking", "lock_at_start", "split" };

static int word(const char *const *list, int n, const char *s)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list[i], s) == 0)
			return i;
	return -1;
}

/* ---- Durations ---- */

static const struct { const char *unit; int64_t ms; } units[] = {
	{ "d", LT_DAY }, { "h", LT_HOUR }, { "m", LT_MINUTE }, { "s", LT_SECOND }, { "ms", 1 } };

static bool unit_at(const char *s, size_t n, int *ret)
{
	for (int i = 0; i < COUNT(units); i++)
		if (strlen(units[i].unit) == n && memcmp(units[i].unit, s, n) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

bool terms_duration(const char *text, int64_t *ret_ms)
{
	int64_t total = 0, v;
	int unit, last = -1;

	if (!*text)
		return false;
	while (*text) {
		size_t digits = strspn(text, "0123456789"), letters = strspn(text + digits, "dhms");
		if (digits == 0 || !lt_parse_i64n(text, digits, 0, INT64_C(1000000000000), &v) ||
		    !unit_at(text + digits, letters, &unit) || unit <= last || v > INT64_C(1000000000000) / units[unit].ms)
			return false;
		last = unit;
		total += v * units[unit].ms;
		text += digits + letters;
	}
	*ret_ms = total;
	return true;
}

void terms_duration_text(char *dst, size_t cap, int64_t ms)
{
	size_t n = 0;

	if (ms == 0) {
		lt_fmt(dst, cap, "0s");
		return;
	}
	dst[0] = '\0';
	for (int i = 0; i < COUNT(units); i++) {
		int64_t v = ms / units[i].ms;
		if (v == 0 || (i == 0 && ms < 7 * LT_DAY)) /* up to a week people say hours */
			continue;
		n += lt_fmt(dst + n, n < cap ? cap - n : 0, "%lld%s", (long long)v, units[i].unit);
		ms -= v * units[i].ms;
	}
}

static const char *read_duration(const struct value_def *d, const char *text, int64_t *ret)
{
	int64_t ms;

	if (d->zero && strcmp(text, d->zero) == 0) {
		*ret = 0;
		return NULL;
	}
	if (!terms_duration(text, &ms))
		return "is not a duration; write one like \"30s\", \"15m\", \"1h30m\" or \"30d\"";
	if ((ms < d->min || ms > d->max) && !(ms == 0 && d->zero))
		return "is out of range";
	if (d->unit_ms && ms % d->unit_ms)
		return d->unit_ms == LT_MINUTE ? "is not whole minutes" : "is not whole seconds";
	if (d->kind == VALUE_GRID && LT_DAY % ms)
		return "does not divide a day";
	*ret = ms;
	return NULL;
}

/* ---- Clock times, opening hours, holidays ---- */

static bool clock_minutes(const char *s, size_t n, int *ret)
{
	int64_t h, m;

	if (n != 5 || s[2] != ':' || s[0] == '-' || s[3] == '-' || !lt_parse_i64n(s, 2, 0, 24, &h) ||
	    !lt_parse_i64n(s + 3, 2, 0, 59, &m) || (h == 24 && m))
		return false;
	*ret = (int)(h * 60 + m);
	return true;
}

/* The next item of a comma-separated list, blanks around it left out. False at the end. */
static bool item(const char **s, const char **ret, size_t *ret_n)
{
	const char *p = *s, *end;

	if (!p)
		return false;
	p += strspn(p, " ");
	end = p + strcspn(p, ",");
	*s = *end ? end + 1 : NULL;
	while (end > p && end[-1] == ' ')
		end--;
	*ret = p;
	*ret_n = (size_t)(end - p);
	return true;
}

static bool weekday(const char *s, size_t n, int *ret)
{
	for (int i = 0; i < 7; i++)
		if (n == 3 && memcmp(days[i], s, 3) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* "Mon" or "Mon..Fri" (or "Sat..Mon"). */
static bool day_range(const char *s, size_t n, int *ret_first, int *ret_count)
{
	int last;

	if (n == 3 && weekday(s, 3, ret_first)) {
		*ret_count = 1;
		return true;
	}
	if (n != 8 || s[3] != '.' || s[4] != '.' || !weekday(s, 3, ret_first) || !weekday(s + 5, 3, &last))
		return false;
	*ret_count = (last - *ret_first + 7) % 7 + 1;
	return true;
}

struct week { int n; struct opening span[OPENING_MAX]; };

static const char *add_span(struct week *w, int from, int to)
{
	int i = w->n;

	if (w->n == OPENING_MAX)
		return "has more than 21 spans a week";
	for (; i > 0 && w->span[i - 1].from_minute > from; i--)
		w->span[i] = w->span[i - 1];
	w->span[i] = (struct opening){ (uint16_t)from, (uint16_t)to };
	w->n++;
	if ((i > 0 && w->span[i - 1].to_minute > from) || (i + 1 < w->n && w->span[i + 1].from_minute < to))
		return "has spans that overlap";
	return NULL;
}

/* Adds one day's hours; those past midnight become a span of the next day. */
static const char *add_day(struct week *w, int day, int from, int to)
{
	int base = day * DAY_MINUTES, next = (day + 1) % 7 * DAY_MINUTES;
	const char *why;

	if (from < to)
		return add_span(w, base + from, base + to);
	why = add_span(w, base + from, base + DAY_MINUTES);
	return why || to == 0 ? why : add_span(w, next, next + to);
}

static const char *read_opening_item(struct week *w, const char *s, size_t n)
{
	static const char shape[] = "is not a list of opening hours; write \"Mon..Fri 08:00-18:00, Sat 09:00-12:00\" or "
		"\"always\"";
	const char *blank = memchr(s, ' ', n), *why = NULL;
	int first, count, from, to;

	if (!blank || s + n - blank != 12 || blank[6] != '-' || !day_range(s, (size_t)(blank - s), &first, &count) ||
	    !clock_minutes(blank + 1, 5, &from) || !clock_minutes(blank + 7, 5, &to) || from == DAY_MINUTES || from == to)
		return shape;
	for (int i = 0; i < count && !why; i++)
		why = add_day(w, (first + i) % 7, from, to);
	return why;
}

static const char *read_opening(struct policy *p, const char *text)
{
	struct week w = { 0 };
	const char *s, *why;
	size_t n;

	if (strcmp(text, "always") != 0)
		while (item(&text, &s, &n)) {
			why = read_opening_item(&w, s, n);
			if (why)
				return why;
		}
	memset(p->opening, 0, sizeof(p->opening));
	memcpy(p->opening, w.span, (size_t)w.n * sizeof(w.span[0]));
	p->n_opening = w.n;
	return NULL;
}

static bool date_day(const char *s, size_t n, int32_t *ret)
{
	int64_t y, m, d;

	if (n != 10 || s[4] != '-' || s[7] != '-' || s[5] == '-' || s[8] == '-' || !lt_parse_i64n(s, 4, 1970, 2199, &y) ||
	    !lt_parse_i64n(s + 5, 2, 1, 12, &m) || !lt_parse_i64n(s + 8, 2, 1, lt_month_days((int)y, (int)m), &d))
		return false;
	*ret = (int32_t)lt_days_from_civil((int)y, (int)m, (int)d);
	return true;
}

static const char *read_holidays(struct policy *p, const char *text)
{
	int32_t list[HOLIDAY_MAX];
	int count = 0;
	const char *s;
	size_t n;

	if (strcmp(text, "none") == 0)
		text = NULL;
	while (item(&text, &s, &n)) {
		int32_t day;
		int i = count;
		if (!date_day(s, n, &day))
			return "is not a list of dates; write \"2026-10-01, 2026-10-02\" or \"none\"";
		if (count == HOLIDAY_MAX)
			return "has more than 64 dates; leave out those that are past";
		for (; i > 0 && list[i - 1] > day; i--)
			list[i] = list[i - 1];
		if (i > 0 && list[i - 1] == day)
			return "names a date twice";
		list[i] = day;
		count++;
	}
	memset(p->holidays, 0, sizeof(p->holidays));
	memcpy(p->holidays, list, (size_t)count * sizeof(list[0]));
	p->n_holidays = count;
	return NULL;
}

static void write_opening(const struct policy *p, char *dst, size_t cap)
{
	size_t n = lt_fmt(dst, cap, "%s", p->n_opening ? "" : "always");

	for (int i = 0; i < p->n_opening && n < cap; i++) {
		int from = p->opening[i].from_minute, day = from / DAY_MINUTES,
			to = p->opening[i].to_minute - day * DAY_MINUTES;
		from -= day * DAY_MINUTES;
		n += lt_fmt(dst + n, cap - n, "%s%s %02d:%02d-%02d:%02d", i ? ", " : "", days[day], from / 60, from % 60,
			to / 60, to % 60);
	}
}

static void write_holidays(const struct policy *p, char *dst, size_t cap)
{
	size_t n = lt_fmt(dst, cap, "%s", p->n_holidays ? "" : "none");

	for (int i = 0; i < p->n_holidays && n < cap; i++) {
		int y, m, d;
		lt_civil_from_days(p->holidays[i], &y, &m, &d);
		n += lt_fmt(dst + n, cap - n, "%s%04d-%02d-%02d", i ? ", " : "", y, m, d);
	}
}

/* ---- Money, factors, percentages, tiers ---- */

/* A decimal with at most `decimals` places, scaled; optionally followed by %. */
static bool scaled(const char *s, size_t n, int decimals, bool percent, int64_t *ret)
{
	char copy[24];

	if (percent && (n == 0 || s[--n] != '%'))
		return false;
	if (n == 0 || n >= sizeof(copy) || s[0] == '-')
		return false;
	memcpy(copy, s, n);
	copy[n] = '\0';
	return lt_money_parse(copy, decimals, ret);
}

/* The shortest text of v / 10^decimals. */
static size_t write_scaled(char *dst, size_t cap, int64_t v, int decimals, const char *suffix)
{
	char text[32];
	size_t n;

	lt_money_text(text, sizeof(text), v, decimals);
	n = strlen(text);
	while (decimals > 0 && text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	return lt_fmt(dst, cap, "%.*s%s", (int)n, text, suffix);
}

static const char *read_tiers(struct price *p, const char *text)
{
	static const char shape[] = "is not a list of tiers; write \"48h 0%, 24h 25%, 0s 50%\" or \"none\"";
	struct tier list[TIER_MAX];
	int count = 0;
	const char *s;
	size_t n;

	memset(list, 0, sizeof(list));
	if (strcmp(text, "none") == 0)
		text = NULL;
	while (item(&text, &s, &n)) {
		char notice[24];
		const char *blank = memchr(s, ' ', n);
		int64_t bp;
		if (!blank || (size_t)(blank - s) >= sizeof(notice))
			return shape;
		memcpy(notice, s, (size_t)(blank - s));
		notice[blank - s] = '\0';
		blank++;
		if (count == TIER_MAX)
			return "has more than 6 tiers";
		if (!terms_duration(notice, &list[count].notice_ms) || !scaled(blank, (size_t)(s + n - blank), 2, true, &bp))
			return shape;
		if (bp > 10000 || list[count].notice_ms > 366 * LT_DAY)
			return "has a tier out of range: notice at most 366d, fee at most 100%";
		list[count++].fee_bp = (int32_t)bp;
	}
	memcpy(p->tiers, list, sizeof(list));
	p->n_tiers = count;
	return NULL;
}

static void write_tiers(const struct price *p, char *dst, size_t cap)
{
	size_t n = lt_fmt(dst, cap, "%s", p->n_tiers ? "" : "none");

	for (int i = 0; i < p->n_tiers && n + 32 < cap; i++) {
		char notice[24];
		terms_duration_text(notice, sizeof(notice), p->tiers[i].notice_ms);
		n += lt_fmt(dst + n, cap - n, "%s%s ", i ? ", " : "", notice);
		n += write_scaled(dst + n, cap - n, p->tiers[i].fee_bp, 2, "%");
	}
}

static const char *read_usage(struct price *p, const char *text)
{
	int i = word(usages, COUNT(usages), text);
	int64_t bp = 0;

	if (i < 0 && (!scaled(text, strlen(text), 2, true, &bp) || bp < 1 || bp > 10000))
		return "is not one of \"used\", \"max\", \"booked_plus_overrun\" or a share of the booked time like \"50%\"";
	p->usage = i < 0 ? USAGE_PERCENT : (enum price_usage)i;
	p->usage_bp = (int32_t)bp;
	return NULL;
}

/* ---- One value ---- */

static int64_t load(const struct value_def *d, const void *base, size_t size)
{
	const char *p = (const char *)base + d->offset;
	int64_t wide;
	int32_t narrow;

	if (size == sizeof(narrow)) {
		memcpy(&narrow, p, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, p, sizeof(wide));
	return wide;
}

static void store(const struct value_def *d, void *base, size_t size, int64_t v)
{
	char *p = (char *)base + d->offset;
	int32_t narrow = (int32_t)v;

	if (size == sizeof(narrow))
		memcpy(p, &narrow, sizeof(narrow));
	else
		memcpy(p, &v, sizeof(v));
}

static const char *read_number(const struct value_def *d, void *base, const char *text, int exponent)
{
	bool money = d->kind == VALUE_MONEY;
	int64_t v;

	if (money && !lt_money_parse(text, exponent, &v))
		return "is not an amount; write one like \"100.00\", with no more decimals than the currency has";
	if (d->kind == VALUE_FACTOR && !scaled(text, strlen(text), 3, false, &v))
		return "is not a factor; write one like \"1.5\"";
	if (d->kind == VALUE_PERCENT && !scaled(text, strlen(text), 2, true, &v))
		return "is not a percentage; write one like \"50%\"";
	if (v < d->min || v > d->max)
		return "is out of range";
	store(d, base, money ? 8 : 4, v);
	return NULL;
}

static const char *read_word(const struct value_def *d, void *base, const char *text)
{
	static const char *const no_yes[] = { "no", "yes" };
	int i;

	switch (d->kind) {
	case VALUE_BOOL:
		i = word(no_yes, 2, text);
		if (i < 0)
			return "is not \"yes\" or \"no\"";
		*((bool *)((char *)base + d->offset)) = i == 1;
		return NULL;
	case VALUE_OVERRUN:
		i = word(overruns, COUNT(overruns), text);
		if (i < 0)
			return "is not one of \"continue\", \"inhibit_next\", \"lock_after\"";
		((struct policy *)base)->overrun = (enum overrun_mode)i;
		return NULL;
	default:
		i = word(changes, COUNT(changes), text);
		if (i < 0)
			return "is not one of \"lock_at_booking\", \"lock_at_start\", \"split\"";
		((struct price *)base)->change = (enum price_change)i;
		return NULL;
	}
}

const char *value_read(const struct value_def *d, void *base, const char *text, int exponent)
{
	const char *why;
	int64_t v = 0;
	int minutes;

	switch (d->kind) {
	case VALUE_DURATION:
	case VALUE_GRID:
	case VALUE_MINUTES:
		why = read_duration(d, text, &v);
		if (!why)
			store(d, base, d->kind == VALUE_MINUTES ? 4 : 8, d->kind == VALUE_MINUTES ? v / LT_MINUTE : v);
		return why;
	case VALUE_CLOCK:
		if (!clock_minutes(text, strlen(text), &minutes) || minutes == DAY_MINUTES)
			return "is not a time of day; write one like \"07:30\"";
		store(d, base, 4, minutes);
		return NULL;
	case VALUE_OPENING:
		return read_opening(base, text);
	case VALUE_HOLIDAYS:
		return read_holidays(base, text);
	case VALUE_TIERS:
		return read_tiers(base, text);
	case VALUE_USAGE:
		return read_usage(base, text);
	case VALUE_MONEY:
	case VALUE_FACTOR:
	case VALUE_PERCENT:
		return read_number(d, base, text, exponent);
	default:
		return read_word(d, base, text);
	}
}

static void write_duration(const struct value_def *d, int64_t ms, char *dst, size_t cap)
{
	if (ms == 0 && d->zero)
		lt_fmt(dst, cap, "%s", d->zero);
	else
		terms_duration_text(dst, cap, ms);
}

static void write_word(const struct value_def *d, const void *base, char *dst, size_t cap)
{
	const struct price *price = base;
	const char *text;

	if (d->kind == VALUE_USAGE && price->usage == USAGE_PERCENT) {
		write_scaled(dst, cap, price->usage_bp, 2, "%");
		return;
	}
	text = d->kind == VALUE_BOOL ? (*(const bool *)((const char *)base + d->offset) ? "yes" : "no")
	     : d->kind == VALUE_OVERRUN ? overruns[((const struct policy *)base)->overrun]
	     : d->kind == VALUE_USAGE ? usages[price->usage] : changes[price->change];
	lt_fmt(dst, cap, "%s", text);
}

void value_write(const struct value_def *d, const void *base, int exponent, char *dst, size_t cap)
{
	switch (d->kind) {
	case VALUE_DURATION:
	case VALUE_GRID:
		write_duration(d, load(d, base, 8), dst, cap);
		break;
	case VALUE_MINUTES:
		write_duration(d, load(d, base, 4) * LT_MINUTE, dst, cap);
		break;
	case VALUE_CLOCK:
		lt_fmt(dst, cap, "%02d:%02d", (int)(load(d, base, 4) / 60), (int)(load(d, base, 4) % 60));
		break;
	case VALUE_OPENING:
		write_opening(base, dst, cap);
		break;
	case VALUE_HOLIDAYS:
		write_holidays(base, dst, cap);
		break;
	case VALUE_TIERS:
		write_tiers(base, dst, cap);
		break;
	case VALUE_MONEY:
		lt_money_text(dst, cap, load(d, base, 8), exponent);
		break;
	case VALUE_FACTOR:
		write_scaled(dst, cap, load(d, base, 4), 3, "");
		break;
	case VALUE_PERCENT:
		write_scaled(dst, cap, load(d, base, 4), 2, "%");
		break;
	default:
		write_word(d, base, dst, cap);
		break;
	}
}

void value_range(const struct value_def *d, int exponent, char *dst, size_t cap)
{
	char min[32], max[32];

	switch (d->kind) {
	case VALUE_DURATION:
	case VALUE_GRID:
	case VALUE_MINUTES:
		terms_duration_text(min, sizeof(min), d->min);
		terms_duration_text(max, sizeof(max), d->max);
		break;
	case VALUE_MONEY:
		lt_money_text(min, sizeof(min), d->min, exponent);
		lt_money_text(max, sizeof(max), d->max, exponent);
		break;
	case VALUE_FACTOR:
	case VALUE_PERCENT:
		write_scaled(min, sizeof(min), d->min, d->kind == VALUE_FACTOR ? 3 : 2, d->kind == VALUE_FACTOR ? "" : "%");
		write_scaled(max, sizeof(max), d->max, d->kind == VALUE_FACTOR ? 3 : 2, d->kind == VALUE_FACTOR ? "" : "%");
		break;
	default:
		dst[0] = '\0';
		return;
	}
	lt_fmt(dst, cap, "%s%s%s to %s", d->zero ? d->zero : "", d->zero ? ", or " : "", min, max);
}
