/*
 * cell.c - one value of an answer as text, for a person or for a machine.
 * Owns nothing; a value of an unexpected type is shown as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/table.h"
#include "client/when.h"
#include "common/fmt.h"

json_t *json_member(json_t *item, const char *path)
{
	const char *dot = strchr(path, '.');
	char head[64];

	if (!dot)
		return json_object_get(item, path);
	if ((size_t)(dot - path) >= sizeof head)
		return NULL;
	memcpy(head, path, (size_t)(dot - path));
	head[dot - path] = '\0';
	return json_member(json_object_get(item, head), dot + 1);
}

static void plain(json_t *v, char *dst, size_t cap)
{
	char *dump;

	if (json_is_string(v)) {
		lt_fmt(dst, cap, "%s", json_string_value(v));
	} else if (json_is_integer(v)) {
		lt_fmt(dst, cap, "%lld", (long long)json_integer_value(v));
	} else if (json_is_boolean(v)) {
		lt_fmt(dst, cap, json_is_true(v) ? "yes" : "no");
	} else if (!v || json_is_null(v)) {
		dst[0] = '\0';
	} else if (json_is_object(v) && json_string_value(json_object_get(v, "amount"))) {
		lt_fmt(dst, cap, "%s", json_string_value(json_object_get(v, "amount")));
	} else {
		dump = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		lt_fmt(dst, cap, "%s", dump ? dump : "");
		free(dump);
	}
}

struct local { int64_t at; int year, month, day, hour, minute, second; int64_t days, today; };

/* The wall time that an RFC 3339 text shows, and today's date under the same offset. */
static bool local_time(const struct out *o, const char *s, struct local *l)
{
	int64_t v[6], civil;
	static const int where[6][2] = { { 0, 4 }, { 5, 2 }, { 8, 2 }, { 11, 2 }, { 14, 2 }, { 17, 2 } };

	if (!s || !lt_rfc3339_parse(s, &l->at))
		return false;
	for (int i = 0; i < 6; i++)
		if (!lt_parse_i64n(s + where[i][0], (size_t)where[i][1], 0, 9999, &v[i]))
			return false;
	l->year = (int)v[0], l->month = (int)v[1], l->day = (int)v[2], l->hour = (int)v[3], l->minute = (int)v[4],
		l->second = (int)v[5];
	l->days = lt_days_from_civil(l->year, l->month, l->day);
	civil = l->days * LT_DAY + l->hour * LT_HOUR + l->minute * LT_MINUTE;
	l->today = (o->now + civil - l->at / LT_MINUTE * LT_MINUTE) / LT_DAY;
	return true;
}

static void day_name(const struct local *l, char *dst, size_t cap)
{
	int y, m, d;

	lt_civil_from_days(l->today, &y, &m, &d);
	if (l->days == l->today)
		lt_fmt(dst, cap, "today");
	else if (l->days == l->today + 1)
		lt_fmt(dst, cap, "tomorrow");
	else if (l->year == y || (l->days > l->today && l->days < l->today + 180))
		lt_fmt(dst, cap, "%s %d %s", when_weekdays[lt_weekday(l->days)], l->day, when_months[l->month]);
	else
		lt_fmt(dst, cap, "%04d-%02d-%02d", l->year, l->month, l->day);
}

void cell_time(const struct out *o, const char *text, char *dst, size_t cap)
{
	struct local l;
	char day[40];

	if (!local_time(o, text, &l)) {
		lt_fmt(dst, cap, "%s", text ? text : "");
		return;
	}
	day_name(&l, day, sizeof day);
	lt_fmt(dst, cap, "%s %02d:%02d", day, l.hour, l.minute);
}

static void clock_text(const struct local *l, bool seconds, char *dst, size_t cap)
{
	lt_fmt(dst, cap, seconds ? "%02d:%02d:%02d" : "%02d:%02d", l->hour, l->minute, l->second);
}

void cell_span(const struct out *o, const char *from, const char *to, char *dst, size_t cap)
{
	struct local a, b;
	char first[64], second[64], day[40];
	bool seconds;

	if (!local_time(o, from, &a) || !local_time(o, to, &b)) {
		cell_time(o, from, first, sizeof first);
		cell_time(o, to, second, sizeof second);
		lt_fmt(dst, cap, "%s%s%s", first, *second ? " - " : *first ? " -" : "", second);
		return;
	}
	seconds = a.second || b.second;
	clock_text(&a, seconds, first, sizeof first);
	clock_text(&b, seconds, second, sizeof second);
	day_name(&a, day, sizeof day);
	if (a.days == b.days) {
		lt_fmt(dst, cap, "%s %s%s%s", day, first, o->utf8 ? "\xe2\x80\x93" : "-", second);
	} else {
		char next[40];

		day_name(&b, next, sizeof next);
		lt_fmt(dst, cap, "%s %s %s %s %s", day, first, o->utf8 ? "\xe2\x80\x93" : "-", next, second);
	}
}

static void seconds_text(json_t *v, char *dst, size_t cap)
{
	if (!json_is_integer(v))
		plain(v, dst, cap);
	else if (json_integer_value(v) > INT64_MAX / 1000 || json_integer_value(v) < INT64_MIN / 1000)
		plain(v, dst, cap);
	else
		when_duration_text(dst, cap, json_integer_value(v) * 1000);
}

/* "grid=15m min=15m" of an object of plain members, for a person. */
static void pairs(json_t *v, char *dst, size_t cap)
{
	char text[256];
	const char *key;
	json_t *m;
	size_t n = 0;

	dst[0] = '\0';
	json_object_foreach(v, key, m) {
		plain(m, text, sizeof text);
		n += lt_fmt(dst + n, cap - n, strchr(text, ' ') ? "%s%s=\"%s\"" : "%s%s=%s", n ? " " : "", key, text);
		if (n >= cap)
			return;
	}
}

void cell_human(const struct out *o, const struct column *c, json_t *item, char *dst, size_t cap)
{
	json_t *v = c->kind == CELL_SPAN ? NULL : json_member(item, c->member);
	const char *currency;
	char text[256];

	switch (c->kind) {
	case CELL_SPAN:
		cell_span(o, json_string_value(json_object_get(item, "from")), json_string_value(json_object_get(item, "to")),
			dst, cap);
		return;
	case CELL_TIME:
		cell_time(o, json_string_value(v), dst, cap);
		return;
	case CELL_SECONDS:
		seconds_text(v, dst, cap);
		return;
	case CELL_MARK:
		lt_fmt(dst, cap, json_is_true(v) ? "*" : "");
		return;
	case CELL_MONEY:
		currency = json_string_value(json_object_get(v, "currency"));
		plain(v, text, sizeof text);
		lt_fmt(dst, cap, "%s%s%s", currency ? currency : "", currency ? " " : "", text);
		return;
	default:
		if (json_is_object(v) && !json_object_get(v, "amount"))
			pairs(v, dst, cap);
		else
			plain(v, dst, cap);
	}
}

int cell_machine(const struct column *c, json_t *item, char *first, char *second, size_t cap)
{
	json_t *v = c->kind == CELL_SPAN ? NULL : json_member(item, c->member);

	second[0] = '\0';
	if (c->kind == CELL_SPAN) {
		plain(json_object_get(item, "from"), first, cap);
		plain(json_object_get(item, "to"), second, cap);
		return 2;
	}
	plain(v, first, cap);
	if (c->kind != CELL_MONEY)
		return 1;
	plain(json_object_get(v, "currency"), second, cap);
	return 2;
}

const char *cell_colour(const char *state)
{
	static const struct { const char *state, *colour; } colours[] = {
		{ "free", "\033[32m" }, { "booked", "\033[34m" }, { "running", "\033[36m" }, { "idle", "\033[33m" }, { "blocked", "\033[35m" },
		{ "down", "\033[31m" }, { "out_of_service", "\033[31m" }, { "confirmed", "\033[34m" }, { "active", "\033[36m" },
		{ "completed", "\033[32m" }, { "charged", "\033[32m" }, { "cancelled", "\033[2m" }, { "no_show", "\033[31m" },
		{ "displaced", "\033[35m" }, { "lapsed", "\033[2m" }, { "pending", "\033[33m" }, { "open", "\033[33m" }, { "unknown", "\033[31m" },
		{ "refused", "\033[31m" }, { "violated", "\033[31m" }, { "fail", "\033[31m" }, { "ok", "\033[32m" }, { "waived", "\033[35m" },
	};

	for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
		if (strcmp(state, colours[i].state) == 0)
			return colours[i].colour;
	return "";
}
