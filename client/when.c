/*
 * when.c - WHEN: days and clocks to instants in a zone, forward for booking and backward for claims.
 * Owns nothing. Fails with a column when a word is unknown, a wall time does not exist or happens twice, a time is
 * on the wrong side of now, or a length is missing.
 */
#include "client/lex.h"

#include <string.h>

#include "common/fmt.h"

enum day_kind { DAY_NONE, DAY_FIXED, DAY_WEEKDAY };

/* One written point in time, before it becomes an instant. */
struct point {
	size_t at;              /* where it was written                          */
	enum day_kind kind;
	int64_t day;            /* DAY_FIXED                                     */
	int weekday;            /* DAY_WEEKDAY                                   */
	bool has_clock, has_offset, t_form, clock_first, exact, now;
	int32_t second, offset;
	int64_t instant;        /* exact: now, "in 2 hours"                      */
};

static int64_t today(const struct when_ctx *x)
{
	return lt_zone_day(x->zone, x->now);
}

/* today, tomorrow, yesterday, fri, next fri, last fri, 2026-12-01 */
static int read_day(const struct when_ctx *x, struct lex *l, bool back, struct point *p)
{
	size_t start = l->at;
	int64_t monday = today(x) - (lt_weekday(today(x)) - 1);
	int rc, shift;

	if (lex_word(l, "today"))
		return p->kind = DAY_FIXED, p->day = today(x), 1;
	if (lex_word(l, "tomorrow"))
		return p->kind = DAY_FIXED, p->day = today(x) + 1, 1;
	if (lex_word(l, "yesterday"))
		return p->kind = DAY_FIXED, p->day = today(x) - 1, 1;
	shift = !back && lex_word(l, "next") ? 7 : back && lex_word(l, "last") ? -7 : 0;
	rc = lex_weekday(l, &p->weekday);
	if (rc && shift)
		return p->kind = DAY_FIXED, p->day = monday + shift + p->weekday - 1, 1;
	if (shift) {
		l->at = start;
		return 0;
	}
	if (rc)
		return p->kind = DAY_WEEKDAY, 1;
	rc = lex_date(l, &p->day);
	if (rc > 0)
		p->kind = DAY_FIXED;
	return rc;
}

static int read_clock(struct lex *l, struct point *p)
{
	int rc = lex_clock(l, &p->second);

	if (rc <= 0)
		return rc;
	p->has_clock = true;
	rc = lex_offset(l, p->t_form, &p->offset);
	p->has_offset = rc > 0;
	return rc < 0 ? -1 : 1;
}

static bool at_t(const struct lex *l)
{
	return l->at < l->size && (l->text[l->at] == 'T' || l->text[l->at] == 't') && l->at + 1 < l->size &&
		l->text[l->at + 1] >= '0' && l->text[l->at + 1] <= '9';
}

/* in 2 hours, +2h, +2d 9am */
static int read_ahead(const struct when_ctx *x, struct lex *l, struct point *p)
{
	size_t start = l->at;
	int64_t ms;
	int rc;

	if (!lex_word(l, "in") && !lex_mark(l, "+"))
		return 0;
	if ((rc = lex_length(l, &ms)) <= 0)
		return rc ? rc : lex_fail(l, l->at, "time-syntax", "write how long: 'in 2 hours' or '+2h'");
	lex_word(l, "at");
	if (ms % LT_DAY == 0) {
		if ((rc = read_clock(l, p)) < 0)
			return rc;
		if (rc) {
			p->kind = DAY_FIXED;
			p->day = today(x) + ms / LT_DAY;
			return 1;
		}
	}
	p->at = start;
	p->exact = true;
	p->instant = (x->now + ms + LT_MINUTE - 1) / LT_MINUTE * LT_MINUTE;
	return 1;
}

/* 1 read, 0 nothing here, -1 wrong. */
static int read_point(const struct when_ctx *x, struct lex *l, bool back, struct point *p)
{
	int rc;

	lex_blanks(l);
	*p = (struct point){ .at = l->at };
	if (lex_word(l, "now"))
		return p->exact = p->now = true, p->instant = x->now / LT_SECOND * LT_SECOND, 1;
	if (!back && (rc = read_ahead(x, l, p)) != 0)
		return rc;
	lex_word(l, "on");
	if ((rc = read_day(x, l, back, p)) < 0)
		return rc;
	if (rc) {
		if (p->kind == DAY_FIXED && at_t(l)) {
			l->at++;
			p->t_form = true;
		} else {
			lex_word(l, "at");
		}
		return read_clock(l, p) < 0 ? -1 : 1;
	}
	lex_word(l, "at");
	if ((rc = read_clock(l, p)) <= 0)
		return rc;
	p->clock_first = true;
	lex_word(l, "on");
	return read_day(x, l, back, p) < 0 ? -1 : 1;
}

static void offset_text(char dst[16], int32_t s)
{
	int32_t a = s < 0 ? -s : s;

	lt_fmt(dst, 16, "%c%02d:%02d", s < 0 ? '-' : '+', (int)(a / 3600), (int)(a / 60 % 60));
}

/* A wall time that does not exist, or happens twice. */
static int wall_trouble(const struct when_ctx *x, struct lex *l, const struct point *p, struct lt_civil c,
	enum lt_local what, const int64_t at[2], const int32_t offsets[2])
{
	char a[16], b[16];

	offset_text(a, offsets[0]);
	offset_text(b, offsets[1]);
	if (what == LT_LOCAL_GAP) {
		struct lt_civil n = lt_zone_civil(x->zone, at[0]);

		return lex_fail(l, p->at, "time-gap",
			"%04d-%02d-%02d %02d:%02d does not exist in %s: the clocks jump from UTC%s to UTC%s there; the first time "
			"after it is %02d:%02d", c.year, c.month, c.day, c.hour, c.minute, x->zone->name, a, b,
			n.hour, n.minute);
	}
	return lex_fail(l, p->at, "time-twice", "%04d-%02d-%02d %02d:%02d happens twice in %s: the clocks go back; write "
		"%04d-%02d-%02dT%02d:%02d%s or %04d-%02d-%02dT%02d:%02d%s", c.year, c.month, c.day, c.hour, c.minute,
		x->zone->name,
		c.year, c.month, c.day, c.hour, c.minute, a, c.year, c.month, c.day, c.hour, c.minute, b);
}

/* A local day and second of the day to an instant. */
static int wall(const struct when_ctx *x, struct lex *l, const struct point *p, int64_t day, int64_t *ret)
{
	int64_t at[2];
	int32_t offsets[2];
	struct lt_civil c = { 0 };
	enum lt_local what;

	day += p->second / 86400;
	if (day < 0 || day > LT_INSTANT_MAX / LT_DAY - 1)
		return lex_fail(l, p->at, "time-range", "outside the years 1970 to 2199");
	if (p->has_offset) {
		at[0] = day * LT_DAY + (p->second % 86400 - p->offset) * LT_SECOND;
		goto known;
	}
	lt_civil_from_days(day, &c.year, &c.month, &c.day);
	c.hour = p->second % 86400 / 3600;
	c.minute = p->second / 60 % 60;
	c.second = p->second % 60;
	if (!p->has_clock) {
		at[0] = lt_zone_midnight(x->zone, day);
		goto known;
	}
	what = lt_zone_instant(x->zone, c, at, offsets);
	if (what != LT_LOCAL_ONCE)
		return wall_trouble(x, l, p, c, what, at, offsets);
known:
	if (at[0] < 0 || at[0] > LT_INSTANT_MAX)
		return lex_fail(l, p->at, "time-range", "outside the years 1970 to 2199");
	*ret = at[0];
	return 0;
}

static int past_error(const struct when_ctx *x, struct lex *l, const struct point *p, int64_t at)
{
	char a[48], n[48];

	lt_rfc3339(a, sizeof a, at, lt_zone_offset(x->zone, at));
	lt_rfc3339(n, sizeof n, x->now / LT_SECOND * LT_SECOND, lt_zone_offset(x->zone, x->now));
	return lex_fail(l, p->at, "time-past", "%s is in the past (it is %s); to begin at once write 'now for 2h'", a, n);
}

/* The first instant at or after `floor` that the point can mean. */
static int ahead(const struct when_ctx *x, struct lex *l, const struct point *p, int64_t floor, int64_t *ret)
{
	int64_t day = lt_zone_day(x->zone, floor);

	if (p->exact)
		return *ret = p->instant, 0;
	if (p->kind == DAY_FIXED)
		return wall(x, l, p, p->day, ret);
	if (p->kind == DAY_WEEKDAY)
		day += (p->weekday - lt_weekday(day) + 7) % 7;
	if (wall(x, l, p, day, ret) < 0)
		return -1;
	if (*ret >= floor)
		return 0;
	return wall(x, l, p, day + (p->kind == DAY_WEEKDAY ? 7 : 1), ret);
}

static int rest(struct lex *l)
{
	return lex_end(l) ? 0 : lex_stranger(l);
}

/* A stranger where a START should be: says what a bare number lacks. */
static int no_start(struct lex *l)
{
	size_t at = l->at;
	int n;

	lex_blanks(l);
	if (lex_digits(l, 1, &n) || lex_digits(l, 2, &n)) {
		if (n <= 24 && (lex_end(l) || l->text[l->at] == '-' || l->text[l->at - 1] == ' '))
			return lex_fail(l, at, "time-syntax", "a bare '%d' is not a time of day: write %d:00, %dam or %dpm", n, n,
				n % 12 ? n % 12 : 12, n % 12 ? n % 12 : 12);
	}
	l->at = at;
	return lex_stranger(l);
}

static int need_clock(struct lex *l, const struct point *p)
{
	if (p->has_clock || p->exact)
		return 0;
	if (lex_end(l))
		return lex_fail(l, l->size, "time-incomplete", "need a time of day: add '9am' or '9:00'");
	return no_start(l);
}

/* The end of an interval, after "-" or "to". */
static int read_end(const struct when_ctx *x, struct lex *l, const struct point *s, int64_t from, int64_t *ret_to)
{
	struct point e;
	int rc = read_point(x, l, false, &e);
	int64_t day = lt_zone_day(x->zone, from);

	if (rc <= 0)
		return rc ? rc : no_start(l);
	if (e.now)
		return lex_fail(l, e.at, "time-syntax", "an interval cannot end now");
	if (need_clock(l, &e) < 0)
		return -1;
	if (e.clock_first && e.kind != DAY_NONE && s->kind == DAY_NONE && !s->exact)
		return lex_fail(l, e.at, "time-ambiguous",
			"does the day belong to both times? Put it first: 'tomorrow 9am-11am'");
	if (e.kind == DAY_NONE && !e.exact) {
		/* with an offset of its own the local day may be one behind */
		for (int64_t last = day + 2; day <= last; day++)
			if (wall(x, l, &e, day, ret_to) < 0)
				return -1;
			else if (*ret_to > from)
				return 0;
		return lex_fail(l, e.at, "time-order", "the end is not after the start");
	}
	if (ahead(x, l, &e, from + 1, ret_to) < 0)
		return -1;
	return *ret_to > from ? 0 : lex_fail(l, e.at, "time-order", "the end is not after the start");
}

static int need_length(struct lex *l, const struct point *s, unsigned flags, struct when *w)
{
	if (flags & WHEN_START_ALONE) {
		w->kind = WHEN_START;
		w->to = w->from;
		return 0;
	}
	if (s->has_offset && s->t_form && s->offset < 0)
		return lex_fail(l, l->size, "time-incomplete",
			"need a length: add 'for 2h' (a '-11:00' after T is a UTC offset; for an end write a blank before it)");
	return lex_fail(l, l->size, "time-incomplete", "need a length: add 'for 2h' or '-11:00'");
}

/* What follows START: for DUR, DUR, - END, to END, / END, / DUR. */
static int read_tail(const struct when_ctx *x, struct lex *l, const struct point *s, unsigned flags, struct when *w)
{
	int rc;

	if (lex_end(l))
		return need_length(l, s, flags, w);
	if (lex_mark(l, "-") || lex_mark(l, "\xe2\x80\x93") || lex_word(l, "to") || lex_word(l, "until") ||
			lex_word(l, "till")) {
		if (lex_end(l))
			return lex_fail(l, l->size, "time-incomplete", "need an end: '-11:00' or 'until 11am'");
		rc = read_end(x, l, s, w->from, &w->to);
	} else if (lex_mark(l, "/")) {
		rc = lex_length(l, &w->duration);
		if (rc > 0)
			w->to = w->from + w->duration;
		else if (rc == 0)
			rc = read_end(x, l, s, w->from, &w->to);
	} else {
		bool said = lex_word(l, "for");

		rc = lex_length(l, &w->duration);
		if (rc == 0)
			return said && lex_end(l) ? lex_fail(l, l->size, "time-incomplete", "need a length: 'for 2h'")
				: lex_stranger(l);
		w->to = w->from + w->duration;
	}
	return rc < 0 ? -1 : 0;
}

static int next_free(struct lex *l, struct when *ret)
{
	struct when w = { .kind = WHEN_NEXT_FREE };
	int rc;

	lex_word(l, "for");
	rc = lex_length(l, &w.duration);
	if (rc == 0)
		return lex_end(l) ? lex_fail(l, l->size, "time-incomplete", "need a length: 'next free 4h'") : lex_stranger(l);
	if (rc < 0 || rest(l) < 0)
		return -1;
	*ret = w;
	return 0;
}

int when_booking(const struct when_ctx *x, const char *text, unsigned flags, struct when *ret, struct when_err *err)
{
	struct lex l;
	struct point s;
	struct when w = { .kind = WHEN_INTERVAL };
	size_t at;
	int rc;

	if (lex_open(&l, text, err) < 0)
		return -1;
	if (lex_end(&l))
		return lex_fail(&l, 0, "time-incomplete", "need a time: 'tomorrow 9am for 4h'");
	at = l.at;
	if (lex_word(&l, "next") && lex_word(&l, "free"))
		return next_free(&l, ret);
	l.at = at;
	lex_word(&l, "from");
	if ((rc = read_point(x, &l, false, &s)) <= 0)
		return rc ? rc : no_start(&l);
	if (need_clock(&l, &s) < 0 || ahead(x, &l, &s, x->now, &w.from) < 0)
		return -1;
	if (s.has_clock && s.second == 86400)
		return lex_fail(&l, s.at, "time-range", "24:00 can only be an end; begin at 0:00 of the next day");
	w.now = s.now;
	/* An exact instant, as the daemon offered it, may be the start of the current cell of the grid: the daemon
	 * knows. */
	if (!s.now && w.from < x->now - (s.t_form && s.has_offset ? LT_DAY : 0))
		return past_error(x, &l, &s, w.from);
	if (read_tail(x, &l, &s, flags, &w) < 0 || rest(&l) < 0)
		return -1;
	w.duration = w.to - w.from;
	if (w.duration > WHEN_DURATION_MAX)
		return lex_fail(&l, s.at, "time-range", "longer than 366 days");
	if (w.to > LT_INSTANT_MAX)
		return lex_fail(&l, s.at, "time-range", "outside the years 1970 to 2199");
	*ret = w;
	return 0;
}

int when_instant(const struct when_ctx *x, const char *text, int64_t *ret, struct when_err *err)
{
	struct lex l;
	struct point p;
	int64_t at;
	int rc;

	if (lex_open(&l, text, err) < 0)
		return -1;
	if (lex_end(&l))
		return lex_fail(&l, 0, "time-incomplete", "need a time: 'tomorrow 9am'");
	if ((rc = read_point(x, &l, false, &p)) <= 0)
		return rc ? rc : no_start(&l);
	if (rest(&l) < 0 || ahead(x, &l, &p, x->now, &at) < 0)
		return -1;
	*ret = at;
	return 0;
}

/* The last instant at or before now that the point can mean. */
static int behind(const struct when_ctx *x, struct lex *l, const struct point *p, int64_t *ret)
{
	int64_t day = today(x);

	if (p->exact)
		return *ret = p->instant, 0;
	if (p->kind == DAY_FIXED)
		return wall(x, l, p, p->day, ret);
	if (p->kind == DAY_WEEKDAY)
		day -= (lt_weekday(day) - p->weekday + 7) % 7;
	if (wall(x, l, p, day, ret) < 0)
		return -1;
	if (*ret <= x->now)
		return 0;
	return wall(x, l, p, day - (p->kind == DAY_WEEKDAY ? 7 : 1), ret);
}

int when_past(const struct when_ctx *x, const char *text, int64_t *ret, struct when_err *err)
{
	struct lex l;
	struct point p;
	int64_t at, ms;
	int rc;

	if (lex_open(&l, text, err) < 0)
		return -1;
	if (lex_end(&l))
		return lex_fail(&l, 0, "time-incomplete", "need a time: 'yesterday 14:00'");
	if ((rc = lex_length(&l, &ms)) < 0)
		return -1;
	if (rc && lex_word(&l, "ago")) {
		if (rest(&l) < 0)
			return -1;
		if (ms > x->now)
			return lex_fail(&l, 0, "time-range", "outside the years 1970 to 2199");
		return *ret = (x->now - ms) / LT_SECOND * LT_SECOND, 0;
	}
	l.at = 0;
	if ((rc = read_point(x, &l, true, &p)) <= 0)
		return rc ? rc : no_start(&l);
	if (need_clock(&l, &p) < 0 || rest(&l) < 0 || behind(x, &l, &p, &at) < 0)
		return -1;
	if (at > x->now)
		return lex_fail(&l, p.at, "time-future", "this is still to come; name a time that has been");
	*ret = at;
	return 0;
}

int when_duration(const char *text, int64_t *ret, struct when_err *err)
{
	struct lex l;
	int64_t ms;
	int rc;

	if (lex_open(&l, text, err) < 0)
		return -1;
	if (lex_end(&l))
		return lex_fail(&l, 0, "time-incomplete", "need a length: '2h' or '90m'");
	if ((rc = lex_length(&l, &ms)) < 0)
		return -1;
	if (!rc) {
		int n;

		if ((lex_digits(&l, 1, &n) || lex_digits(&l, 2, &n) || lex_digits(&l, 3, &n)) && lex_end(&l))
			return lex_fail(&l, 0, "time-syntax", "'%d' of what? Write %dh or %dm", n, n, n);
		l.at = 0;
		return lex_stranger(&l);
	}
	if (rest(&l) < 0)
		return -1;
	*ret = ms;
	return 0;
}
