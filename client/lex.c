/*
 * lex.c - reads single pieces of the time language: words, dates, clocks, offsets, durations.
 * Owns nothing. Fails with a column and a cure; a reader that does not match consumes nothing.
 */
#include "client/lex.h"

#include <string.h>

#include "common/fmt.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

int lex_fail(struct lex *l, size_t at, const char *code, const char *fmt, ...)
{
	va_list ap;
	struct when_err *e = l->err;

	if (!e)
		return -1;
	va_start(ap, fmt);
	lt_vfmt(e->e.text, sizeof e->e.text, fmt, ap);
	va_end(ap);
	lt_fmt(e->e.code, sizeof e->e.code, "%s", code);
	e->column = (int)at + 1;
	lt_fmt(e->e.field, sizeof e->e.field, "column %d", e->column);
	return -1;
}

int lex_open(struct lex *l, const char *text, struct when_err *err)
{
	size_t n = strnlen(text, WHEN_TEXT_MAX + 1);

	*l = (struct lex){ .text = text, .size = n, .err = err };
	if (n > WHEN_TEXT_MAX)
		return lex_fail(l, WHEN_TEXT_MAX, "time-syntax", "a time of more than %d bytes", WHEN_TEXT_MAX);
	if (!lt_utf8_valid(text, n))
		return lex_fail(l, 0, "time-syntax", "this is not UTF-8 text");
	return 0;
}

void lex_blanks(struct lex *l)
{
	while (l->at < l->size && (l->text[l->at] == ' ' || l->text[l->at] == '\t'))
		l->at++;
}

bool lex_end(struct lex *l)
{
	lex_blanks(l);
	return l->at >= l->size;
}

static char peek(const struct lex *l, size_t ahead)
{
	return l->at + ahead < l->size ? l->text[l->at + ahead] : '\0';
}

int lex_stranger(struct lex *l)
{
	size_t n = 0;

	if (lex_end(l))
		return lex_fail(l, l->at, "time-syntax", "the time ends too early");
	while (l->at + n < l->size && peek(l, n) != ' ' && n < 40)
		n++;
	while (n > 0 && l->at + n < l->size && ((unsigned char)peek(l, n) & 0xc0) == 0x80)
		n--; /* do not cut a character */
	return lex_fail(l, l->at, "time-syntax", "did not understand '%.*s'", (int)n, l->text + l->at);
}

int lex_word(struct lex *l, const char *word)
{
	size_t n = strlen(word), i;

	lex_blanks(l);
	for (i = 0; i < n; i++)
		if (lower(peek(l, i)) != word[i])
			return 0;
	if (is_letter(peek(l, n)) || is_digit(peek(l, n)))
		return 0;
	l->at += n;
	return 1;
}

int lex_words(struct lex *l, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (lex_word(l, words[i]))
			return i + 1;
	return 0;
}

int lex_mark(struct lex *l, const char *mark)
{
	size_t n = strlen(mark), at = l->at;

	lex_blanks(l);
	if (l->size - l->at < n || memcmp(l->text + l->at, mark, n) != 0) {
		l->at = at;
		return 0;
	}
	l->at += n;
	return 1;
}

bool lex_digits(struct lex *l, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit(peek(l, (size_t)i)))
			return false;
		v = v * 10 + (peek(l, (size_t)i) - '0');
	}
	if (is_digit(peek(l, (size_t)n)))
		return false;
	l->at += (size_t)n;
	*ret = v;
	return true;
}

int lex_date(struct lex *l, int64_t *ret_day)
{
	size_t start;
	int y, m, d;

	lex_blanks(l);
	start = l->at;
	if (!lex_digits(l, 4, &y) || peek(l, 0) != '-')
		goto no;
	l->at++;
	if (!lex_digits(l, 2, &m) || peek(l, 0) != '-')
		goto no;
	l->at++;
	if (!lex_digits(l, 2, &d))
		goto no;
	if (y < 1970 || y > 2199)
		return lex_fail(l, start, "time-range", "the year %04d is outside 1970 to 2199", y);
	if (m < 1 || m > 12 || d < 1 || d > lt_month_days(y, m))
		return lex_fail(l, start, "time-range", "there is no day %04d-%02d-%02d", y, m, d);
	*ret_day = lt_days_from_civil(y, m, d);
	return 1;
no:
	l->at = start;
	return 0;
}

/* "am" or "pm" after an hour of 1..12; 0 none. */
static int half_day(struct lex *l)
{
	size_t at = l->at;
	int w;

	if (peek(l, 0) == ' ')
		l->at++;
	w = lex_word(l, "am") ? 1 : lex_word(l, "pm") ? 2 : 0;
	if (!w)
		l->at = at;
	return w;
}

static int clock_digits(struct lex *l, int32_t *ret_second)
{
	size_t start = l->at;
	int h, m = 0, s = 0, half;
	bool colon = false;

	if (!lex_digits(l, 2, &h) && !lex_digits(l, 1, &h))
		return 0;
	if (peek(l, 0) == ':') {
		l->at++;
		if (!lex_digits(l, 2, &m))
			return lex_fail(l, start, "time-syntax", "write minutes with two digits: %d:00", h);
		colon = true;
		if (peek(l, 0) == ':') {
			l->at++;
			if (!lex_digits(l, 2, &s))
				return lex_fail(l, start, "time-syntax", "write seconds with two digits: %d:%02d:00", h, m);
		}
	}
	half = half_day(l);
	if (!colon && !half) {
		l->at = start;
		return 0;
	}
	if (half && (h < 1 || h > 12))
		return lex_fail(l, start, "time-range", "there is no %d %s; hours run from 1 to 12 there", h,
			half == 1 ? "am" : "pm");
	if (h > 24 || m > 59 || s > 59 || (h == 24 && (m || s)))
		return lex_fail(l, start, "time-range", "there is no time of day %d:%02d; hours run from 0:00 to 23:59", h, m);
	if (half)
		h = h % 12 + (half == 2 ? 12 : 0);
	*ret_second = h * 3600 + m * 60 + s;
	return 1;
}

int lex_clock(struct lex *l, int32_t *ret_second)
{
	size_t start = l->at;
	int rc;

	if (lex_word(l, "noon"))
		return *ret_second = 43200, 1;
	if (lex_word(l, "midnight"))
		return *ret_second = 0, 1;
	lex_blanks(l);
	rc = is_digit(peek(l, 0)) ? clock_digits(l, ret_second) : 0;
	if (rc == 0)
		l->at = start;
	return rc;
}

int lex_offset(struct lex *l, bool minus, int32_t *ret)
{
	size_t start = l->at;
	char sign = peek(l, 0);
	int h, m;

	if ((sign == 'Z' || sign == 'z') && !is_letter(peek(l, 1)) && !is_digit(peek(l, 1))) {
		l->at++;
		*ret = 0;
		return 1;
	}
	if (sign != '+' && !(sign == '-' && minus))
		return 0;
	l->at++;
	if (!lex_digits(l, 2, &h) || peek(l, 0) != ':')
		goto no;
	l->at++;
	if (!lex_digits(l, 2, &m))
		goto no;
	if (h > 18 || m > 59)
		return lex_fail(l, start, "time-range", "there is no UTC offset %c%02d:%02d", sign, h, m);
	*ret = (h * 3600 + m * 60) * (sign == '-' ? -1 : 1);
	return 1;
no:
	l->at = start;
	return 0;
}

static const struct { const char *word; int64_t ms; } units[] = {
	{ "d", LT_DAY }, { "day", LT_DAY }, { "days", LT_DAY }, { "h", LT_HOUR }, { "hr", LT_HOUR }, { "hrs", LT_HOUR },
	{ "hour", LT_HOUR }, { "hours", LT_HOUR }, { "m", LT_MINUTE }, { "min", LT_MINUTE }, { "mins", LT_MINUTE },
	{ "minute", LT_MINUTE }, { "minutes", LT_MINUTE }, { "s", LT_SECOND }, { "sec", LT_SECOND }, { "second", LT_SECOND },
	{ "seconds", LT_SECOND }, { "w", 7 * LT_DAY }, { "week", 7 * LT_DAY }, { "weeks", 7 * LT_DAY },
};

/* The letters at the cursor as a unit; 0 when they are none. */
static int64_t unit(struct lex *l)
{
	size_t n = 0;

	while (is_letter(peek(l, n)))
		n++;
	for (size_t i = 0; n && i < sizeof units / sizeof units[0]; i++) {
		size_t k = 0;

		while (k < n && units[i].word[k] && lower(peek(l, k)) == units[i].word[k])
			k++;
		if (k == n && !units[i].word[k])
			return l->at += n, units[i].ms;
	}
	return 0;
}

/* "4", "1.5": thousandths of a unit. At most 9 digits before the point and 2 after it. */
static bool amount(struct lex *l, int64_t *ret_milli)
{
	int64_t v = 0;
	int n = 0;

	for (; is_digit(peek(l, 0)) && n < 9; n++, l->at++)
		v = v * 10 + (peek(l, 0) - '0');
	if (!n || is_digit(peek(l, 0)))
		return false;
	v *= 1000;
	if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
		int64_t scale = 100;

		l->at++;
		for (n = 0; is_digit(peek(l, 0)) && n < 2; n++, l->at++, scale /= 10)
			v += scale * (peek(l, 0) - '0');
		if (is_digit(peek(l, 0)))
			return false;
	}
	*ret_milli = v;
	return true;
}

static int length_done(struct lex *l, size_t start, int64_t ms, int64_t *ret)
{
	if (ms <= 0)
		return lex_fail(l, start, "time-range", "a length of nothing");
	if (ms > WHEN_DURATION_MAX)
		return lex_fail(l, start, "time-range", "longer than 366 days");
	if (ms % LT_SECOND)
		return lex_fail(l, start, "time-range", "not a whole number of seconds");
	*ret = ms;
	return 1;
}

/* PT4H, P1DT6H, PT1H30M; months and years are not a length. */
static int iso_length(struct lex *l, int64_t *ret)
{
	size_t start = l->at;
	int64_t total = 0, milli;
	bool clock = false;
	int parts = 0;

	l->at++; /* P */
	for (;;) {
		char c = lower(peek(l, 0));

		if (c == 't' && !clock) {
			clock = true;
			l->at++;
			continue;
		}
		if (!is_digit(c))
			break;
		if (!amount(l, &milli))
			return lex_fail(l, start, "time-syntax", "did not understand this length; write PT4H or P1DT6H");
		c = lower(peek(l, 0));
		if (!clock && c == 'd')
			total += milli * (LT_DAY / 1000);
		else if (!clock && c == 'w')
			total += milli * (7 * LT_DAY / 1000);
		else if (clock && c == 'h')
			total += milli * (LT_HOUR / 1000);
		else if (clock && c == 'm')
			total += milli * (LT_MINUTE / 1000);
		else if (clock && c == 's')
			total += milli * (LT_SECOND / 1000);
		else
			return lex_fail(l, start, "time-syntax", "months and years are not a length; write PT4H or P1DT6H");
		l->at++;
		if (++parts > 6 || total > 2 * WHEN_DURATION_MAX)
			return lex_fail(l, start, "time-range", "longer than 366 days");
	}
	if (!parts || is_letter(peek(l, 0)))
		return lex_fail(l, start, "time-syntax", "did not understand this length; write PT4H or P1DT6H");
	return length_done(l, start, total, ret);
}

/* "30" directly after hours, as in 1h30; 0 none, -1 more than 59. */
static int bare_minutes(struct lex *l, int64_t *total)
{
	size_t start = l->at;
	int minutes;

	if (!lex_digits(l, 2, &minutes))
		return 0;
	if (is_letter(peek(l, 0)) || peek(l, 0) == '.' || peek(l, 0) == ':')
		return l->at = start, 0;
	if (minutes > 59)
		return lex_fail(l, start, "time-range", "more than 59 minutes after an hour");
	*total += minutes * LT_MINUTE;
	return 1;
}

int lex_length(struct lex *l, int64_t *ret)
{
	size_t before = l->at, start, good;
	int64_t total = 0, milli, u, last = INT64_MAX;
	int rc = 0;

	lex_blanks(l);
	start = good = l->at;
	if (lower(peek(l, 0)) == 'p' && (is_digit(peek(l, 1)) || (lower(peek(l, 1)) == 't' && is_digit(peek(l, 2)))))
		return iso_length(l, ret);
	for (;;) {
		if (last == LT_HOUR && (rc = bare_minutes(l, &total)) != 0) {
			good = l->at;
			break;
		}
		lex_blanks(l);
		if (!amount(l, &milli))
			break;
		if (peek(l, 0) == ' ')
			l->at++;
		u = unit(l);
		if (!u || u >= last)
			break;
		total += milli * (u / 1000);
		if (total > 2 * WHEN_DURATION_MAX)
			return lex_fail(l, start, "time-range", "longer than 366 days");
		last = u;
		good = l->at;
	}
	l->at = good == start ? before : good;
	return rc < 0 ? -1 : good == start ? 0 : length_done(l, start, total, ret);
}

int lex_weekday(struct lex *l, int *ret)
{
	static const char *const words[] = { "mon", "monday", "tue", "tues", "tuesday", "wed", "wednesday", "thu", "thur",
		"thurs", "thursday", "fri", "friday", "sat", "saturday", "sun", "sunday", NULL };
	static const char day[] = { 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 7, 7 };
	int w = lex_words(l, words);

	if (w)
		*ret = day[w - 1];
	return w != 0;
}

int lex_month(struct lex *l, int *ret)
{
	static const char *const words[] = { "jan", "january", "feb", "february", "mar", "march", "apr", "april", "may",
		"jun", "june", "jul", "july", "aug", "august", "sep", "september", "sept", "oct", "october", "nov", "november",
		"dec", "december", NULL };
	static const char month[] = { 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 12, 12 };
	int w = lex_words(l, words);

	if (w)
		*ret = month[w - 1];
	return w != 0;
}
