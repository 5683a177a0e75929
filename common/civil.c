/*
 * civil.c - civil dates, zones and RFC 3339.
 *
 * Owns nothing. A zone is a sorted list of offset changes and, after the last one, the yearly rule of the TZif
 * footer. Wall times are resolved by walking the stretches of constant offset around them, so that any gap or
 * repetition is found, also the day that Apia skipped. Parsers fail with a reason and leave no half a zone.
 */
#include "common/civil.h"

#include <string.h>

#include "common/fmt.h"

#define DAY_S 86400
#define WINDOW_S (26 * 3600)  /* no zone is further from UTC than this */
#define TIME_LIMIT (INT64_C(1) << 60) /* older zone files begin at -2^59 */

/* Euclidean: the remainder is never negative. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

/* Years are counted from March, so that the leap day is the last of its year; 400 years are 146097 days. */
int64_t lt_days_from_civil(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400), yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void lt_civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

int lt_weekday(int64_t days)
{
	return (int)(days + 3 - floor_div(days + 3, 7) * 7) + 1;
}

int lt_month_days(int year, int month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month < 1 || month > 12 ? 0 : days[month - 1] + (month == 2 && leap);
}

/* ---- TZif, RFC 8536 ---- */

struct tzif { uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt; };

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const uint8_t *p, size_t width)
{
	if (width == 4)
		return (int32_t)be32(p);
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_header(const uint8_t *p, size_t size, struct tzif *h)
{
	if (size < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	*h = (struct tzif){ be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40) };
	/* Far above what exists; keeps the sums below small. */
	return h->timecnt < 65536 && h->typecnt >= 1 && h->typecnt <= 256 && h->charcnt < 65536 && h->leapcnt < 65536 &&
	       h->isutcnt <= h->typecnt && h->isstdcnt <= h->typecnt;
}

static size_t block_size(const struct tzif *h, size_t width)
{
	return h->timecnt * (width + 1) + h->typecnt * 6 + h->charcnt + h->leapcnt * (width + 4) + h->isstdcnt + h->isutcnt;
}

static bool read_transitions(struct lt_zone *z, const uint8_t *p, const struct tzif *h, size_t width)
{
	const uint8_t *index = p + h->timecnt * width, *types = index + h->timecnt;

	if (h->timecnt > LT_ZONE_TRANSITIONS)
		return false;
	for (uint32_t i = 0; i < h->typecnt; i++) {
		int32_t offset = (int32_t)be32(types + 6 * i);
		if (offset < -WINDOW_S + 3600 || offset > WINDOW_S - 3600)
			return false;
	}
	z->first_offset = (int32_t)be32(types);
	for (uint32_t i = 0; i < h->timecnt; i++) {
		z->at[i] = be_time(p + i * width, width);
		if (index[i] >= h->typecnt || (i > 0 && z->at[i] <= z->at[i - 1]) || z->at[i] < -TIME_LIMIT ||
		    z->at[i] > TIME_LIMIT)
			return false;
		z->offset[i] = (int32_t)be32(types + 6 * index[i]);
	}
	z->n = (int)h->timecnt;
	return true;
}

/* ---- The footer: std offset [dst [offset] , rule , rule] ---- */

static bool skip_name(const char **s)
{
	const char *p = *s;
	bool quoted = *p == '<';

	if (quoted)
		p++;
	while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
	       (quoted && ((*p >= '0' && *p <= '9') || *p == '+' || *p == '-')))
		p++;
	if (p - *s < 3 || (quoted && *p++ != '>'))
		return false;
	*s = p;
	return true;
}

static bool number(const char **s, int max, int *ret)
{
	const char *p = *s;
	int v = 0;

	while (*p >= '0' && *p <= '9' && p - *s < 4)
		v = v * 10 + (*p++ - '0');
	if (p == *s || v > max)
		return false;
	*s = p;
	*ret = v;
	return true;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds */
static bool clock_time(const char **s, int max_hours, int32_t *ret)
{
	int sign = **s == '-' ? -1 : 1, h, m = 0, sec = 0;

	if (**s == '-' || **s == '+')
		++*s;
	if (!number(s, max_hours, &h))
		return false;
	if (**s == ':') {
		++*s;
		if (!number(s, 59, &m))
			return false;
		if (**s == ':') {
			++*s;
			if (!number(s, 59, &sec))
				return false;
		}
	}
	*ret = sign * (h * 3600 + m * 60 + sec);
	return true;
}

static bool zone_rule(const char **s, struct lt_zone_rule *r)
{
	r->second = 7200;
	if ((*s)[0] != ',' || (*s)[1] != 'M')
		return false;
	*s += 2;
	if (!number(s, 12, &r->month) || r->month < 1 || *(*s)++ != '.' || !number(s, 5, &r->week) || r->week < 1 ||
	    *(*s)++ != '.' || !number(s, 6, &r->day))
		return false;
	if (**s == '/') {
		++*s;
		return clock_time(s, 167, &r->second);
	}
	return true;
}

static bool read_footer(struct lt_zone *z, const char *s)
{
	int32_t west;

	if (*s == '\0')
		return true;
	if (!skip_name(&s) || !clock_time(&s, 24, &west))
		return false;
	z->std_offset = z->dst_offset = -west;
	if (*s == '\0')
		return true;
	if (!skip_name(&s))
		return false;
	z->dst_offset = z->std_offset + 3600;
	if (*s != ',') {
		if (!clock_time(&s, 24, &west))
			return false;
		z->dst_offset = -west;
	}
	z->has_dst_rule = true;
	return zone_rule(&s, &z->to_dst) && zone_rule(&s, &z->to_std) && *s == '\0';
}

/* The footer is "\n...\n" after the second block. */
static bool footer_text(const uint8_t *p, size_t size, char dst[128])
{
	size_t n = 0;

	if (size < 2 || p[0] != '\n')
		return false;
	for (p++, size--; n < size && p[n] != '\n'; n++)
		if (p[n] == '\0' || n >= 127)
			return false;
	if (n == size)
		return false;
	memcpy(dst, p, n);
	dst[n] = '\0';
	return true;
}

static const char *parse(struct lt_zone *z, const uint8_t *p, size_t size)
{
	struct tzif h;
	char footer[128];
	size_t width = 4;

	if (!read_header(p, size, &h))
		return "not a TZif file";
	if (p[4] >= '2') {
		size_t first = 44 + block_size(&h, 4);
		if (first > size || !read_header(p + first, size - first, &h))
			return "cut short";
		p += first;
		size -= first;
		width = 8;
	}
	if (block_size(&h, width) > size - 44)
		return "cut short";
	if (!read_transitions(z, p + 44, &h, width))
		return "its table of offset changes is damaged or too long";
	if (width == 8) {
		size_t used = 44 + block_size(&h, 8);
		if (!footer_text(p + used, size - used, footer))
			return "its footer is missing";
		if (!read_footer(z, footer))
			return "its footer has a rule that is not understood";
	}
	return NULL;
}

int lt_zone_parse(struct lt_zone *ret, const char *name, const uint8_t *tzif, size_t size, struct lt_err *err)
{
	struct lt_zone z;
	const char *why;

	memset(&z, 0, sizeof(z));
	if (strlen(name) >= sizeof(z.name))
		return lt_err_set(err, "bad-zone", name, "the name is longer than any time zone's");
	lt_fmt(z.name, sizeof(z.name), "%s", name);
	why = parse(&z, tzif, size);
	if (why)
		return lt_err_set(err, "bad-zone", name, "the zone's data cannot be used: %s; reinstall tzdata", why);
	*ret = z;
	return 0;
}

void lt_zone_utc(struct lt_zone *ret)
{
	memset(ret, 0, sizeof(*ret));
	lt_fmt(ret->name, sizeof(ret->name), "UTC");
}

/* ---- Offsets ---- */

/* Days since 1970 of the rule's day in that year. */
static int64_t rule_day(const struct lt_zone_rule *r, int year)
{
	int64_t first = lt_days_from_civil(year, r->month, 1);
	int day = (r->day - lt_weekday(first) % 7 + 7) % 7 + (r->week - 1) * 7;

	while (day >= lt_month_days(year, r->month))
		day -= 7;
	return first + day;
}

static int64_t dst_begins(const struct lt_zone *z, int year)
{
	return rule_day(&z->to_dst, year) * DAY_S + z->to_dst.second - z->std_offset;
}

static int64_t dst_ends(const struct lt_zone *z, int year)
{
	return rule_day(&z->to_std, year) * DAY_S + z->to_std.second - z->dst_offset;
}

static int year_of(int64_t s)
{
	int y, m, d;

	lt_civil_from_days(floor_div(s, DAY_S), &y, &m, &d);
	return y;
}

static int32_t rule_offset(const struct lt_zone *z, int64_t s)
{
	int year = year_of(s + z->std_offset);
	int64_t on = dst_begins(z, year), off = dst_ends(z, year);
	bool dst = on < off ? s >= on && s < off : !(s >= off && s < on);

	return dst ? z->dst_offset : z->std_offset;
}

/* Number of listed changes at or before s. */
static int passed(const struct lt_zone *z, int64_t s)
{
	int lo = 0, hi = z->n;

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;
		if (z->at[mid] <= s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int32_t offset_at(const struct lt_zone *z, int64_t s)
{
	int i = passed(z, s);

	if (i == z->n && z->has_dst_rule)
		return rule_offset(z, s);
	return i == 0 ? z->first_offset : z->offset[i - 1];
}

/* First change after s; INT64_MAX: none. */
static int64_t next_change(const struct lt_zone *z, int64_t s)
{
	int64_t best = INT64_MAX;
	int i = passed(z, s), year;

	if (i < z->n)
		return z->at[i];
	if (!z->has_dst_rule)
		return best;
	year = year_of(s);
	for (int y = year - 1; y <= year + 1; y++) {
		int64_t on = dst_begins(z, y), off = dst_ends(z, y);
		if (on > s && on < best)
			best = on;
		if (off > s && off < best)
			best = off;
	}
	return best;
}

int32_t lt_zone_offset(const struct lt_zone *z, int64_t at_ms)
{
	return offset_at(z, floor_div(at_ms, LT_SECOND));
}

struct lt_civil lt_zone_civil(const struct lt_zone *z, int64_t at_ms)
{
	struct lt_civil c;
	int64_t local = at_ms + lt_zone_offset(z, at_ms) * LT_SECOND;
	int64_t days = floor_div(local, LT_DAY), rest = local - days * LT_DAY;

	lt_civil_from_days(days, &c.year, &c.month, &c.day);
	c.hour = (int)(rest / LT_HOUR);
	c.minute = (int)(rest / LT_MINUTE % 60);
	c.second = (int)(rest / LT_SECOND % 60);
	c.ms = (int)(rest % LT_SECOND);
	return c;
}

int64_t lt_zone_day(const struct lt_zone *z, int64_t at_ms)
{
	return floor_div(at_ms + lt_zone_offset(z, at_ms) * LT_SECOND, LT_DAY);
}

/* Where local second `wall` lies; ret in seconds UTC. */
static enum lt_local resolve(const struct lt_zone *z, int64_t wall, int64_t ret[2], int32_t offsets[2])
{
	int64_t from = wall - WINDOW_S, to, gap_at = 0;
	int32_t before = 0, after = 0, offset = offset_at(z, from);
	int n = 0;

	for (; from <= wall + WINDOW_S; from = to, offset = offset_at(z, from)) {
		to = next_change(z, from);
		if (wall - offset >= from && wall - offset < to && n < 2) {
			ret[n] = wall - offset;
			offsets[n++] = offset;
		}
		if (to == INT64_MAX)
			break;
		if (wall >= to + offset && wall < to + offset_at(z, to)) {
			gap_at = to;
			before = offset;
			after = offset_at(z, to);
		}
	}
	if (n > 0)
		return n == 1 ? LT_LOCAL_ONCE : LT_LOCAL_TWICE;
	ret[0] = gap_at;
	offsets[0] = before;
	offsets[1] = after;
	return LT_LOCAL_GAP;
}

enum lt_local lt_zone_instant(const struct lt_zone *z, struct lt_civil c, int64_t ret[2], int32_t offsets[2])
{
	int64_t wall = lt_days_from_civil(c.year, c.month, c.day) * DAY_S + c.hour * 3600 + c.minute * 60 + c.second;
	enum lt_local kind;

	ret[1] = 0;
	offsets[1] = 0;
	kind = resolve(z, wall, ret, offsets);
	ret[0] = ret[0] * LT_SECOND + (kind == LT_LOCAL_GAP ? 0 : c.ms);
	if (kind == LT_LOCAL_TWICE)
		ret[1] = ret[1] * LT_SECOND + c.ms;
	return kind;
}

int64_t lt_zone_midnight(const struct lt_zone *z, int64_t day)
{
	int64_t ret[2] = { 0, 0 };
	int32_t offsets[2];

	resolve(z, day * DAY_S, ret, offsets);
	return ret[0] * LT_SECOND;
}

/* ---- RFC 3339 ---- */

void lt_rfc3339(char *dst, size_t cap, int64_t at_ms, int32_t offset_s)
{
	struct lt_zone z = { .n = 0, .first_offset = offset_s / 60 * 60 }; /* the form has no seconds in an offset */
	struct lt_civil c = lt_zone_civil(&z, at_ms);
	int32_t minutes = z.first_offset / 60, abs = minutes < 0 ? -minutes : minutes;
	char fraction[8] = "", offset[8] = "Z";

	if (c.ms)
		lt_fmt(fraction, sizeof(fraction), ".%03d", c.ms);
	if (minutes)
		lt_fmt(offset, sizeof(offset), "%c%02d:%02d", minutes < 0 ? '-' : '+', (int)(abs / 60 % 100),
		       (int)(abs % 60));
	lt_fmt(dst, cap, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", c.year, c.month, c.day, c.hour, c.minute, c.second,
	       fraction, offset);
}

/* Exactly n digits. */
static bool digits(const char **s, int n, int min, int max, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return v >= min && v <= max;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

static bool fraction_ms(const char **s, int *ret)
{
	int scale = 100;

	*ret = 0;
	if (**s != '.')
		return true;
	++*s;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9' && scale > 0; ++*s, scale /= 10)
		*ret += (**s - '0') * scale;
	return true;
}

static bool offset_minutes(const char **s, int *ret)
{
	int sign = **s == '-' ? -1 : 1, h, m;

	*ret = 0;
	if (literal(s, 'Z'))
		return true;
	if (**s != '+' && **s != '-')
		return false;
	++*s;
	if (!digits(s, 2, 0, 23, &h) || !literal(s, ':') || !digits(s, 2, 0, 59, &m))
		return false;
	*ret = sign * (h * 60 + m);
	return true;
}

bool lt_rfc3339_parse(const char *s, int64_t *ret_ms)
{
	struct lt_civil c;
	int offset;
	int64_t at;

	if (!digits(&s, 4, 1, 9999, &c.year) || !literal(&s, '-') || !digits(&s, 2, 1, 12, &c.month) || !literal(&s, '-') ||
	    !digits(&s, 2, 1, lt_month_days(c.year, c.month), &c.day) || !literal(&s, 'T') ||
	    !digits(&s, 2, 0, 23, &c.hour) || !literal(&s, ':') || !digits(&s, 2, 0, 59, &c.minute) || !literal(&s, ':') ||
	    !digits(&s, 2, 0, 59, &c.second) || !fraction_ms(&s, &c.ms) || !offset_minutes(&s, &offset) || *s)
		return false;
	at = lt_days_from_civil(c.year, c.month, c.day) * LT_DAY + c.hour * LT_HOUR + c.minute * LT_MINUTE +
	     c.second * LT_SECOND + c.ms - offset * LT_MINUTE;
	if (at < 0 || at > LT_INSTANT_MAX)
		return false;
	*ret_ms = at;
	return true;
}
