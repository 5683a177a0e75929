/*
 * The time language against its golden table (when.tsv), against its own echo, and against random bytes.
 * WHEN_TSV names the table; zones come from the system's zone data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/when.h"
#include "common/fmt.h"

static void load_zone(struct lt_zone *z, const char *name)
{
	static uint8_t tzif[262144];
	struct lt_err err;
	char path[300];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(tzif, 1, sizeof tzif, f);
	fclose(f);
	assert_int_equal(lt_zone_parse(z, name, tzif, n, &err), 0);
}

static size_t instant(char *dst, size_t cap, const struct lt_zone *z, int64_t at)
{
	lt_rfc3339(dst, cap, at, lt_zone_offset(z, at));
	return strlen(dst);
}

static int run_span(const char *kind, const struct when_ctx *x, const char *text, char *dst, size_t cap,
	struct when_err *e)
{
	struct when w;
	size_t n;
	int rc = when_booking(x, text, strcmp(kind, "move") == 0 ? WHEN_START_ALONE : 0, &w, e);

	if (rc)
		return rc;
	if (w.kind == WHEN_NEXT_FREE)
		return snprintf(dst, cap, "free %lld", (long long)w.duration / 1000), 0;
	n = instant(dst, cap, x->zone, w.from);
	if (w.kind == WHEN_INTERVAL) {
		assert_int_equal(w.duration, w.to - w.from);
		dst[n++] = ' ';
		instant(dst + n, cap - n, x->zone, w.to);
	}
	return 0;
}

static int run_kind(const char *kind, const struct when_ctx *x, const char *text, char *dst, size_t cap,
	struct when_err *e)
{
	struct when_period p;
	int64_t v;
	size_t n;
	int rc;

	if (strcmp(kind, "book") == 0 || strcmp(kind, "move") == 0)
		return run_span(kind, x, text, dst, cap, e);
	if (strcmp(kind, "ahead") == 0 || strcmp(kind, "past") == 0) {
		rc = (kind[0] == 'a' ? when_instant : when_past)(x, text, &v, e);
		return rc ? rc : (instant(dst, cap, x->zone, v), 0);
	}
	if (strcmp(kind, "dur") == 0) {
		rc = when_duration(text, &v, e);
		return rc ? rc : (snprintf(dst, cap, "%lld", (long long)v / 1000), 0);
	}
	assert_string_equal(kind, "period");
	if ((rc = when_period(x, text, &p, e)) != 0)
		return rc;
	n = instant(dst, cap, x->zone, p.from);
	dst[n++] = ' ';
	n += instant(dst + n, cap - n, x->zone, p.to);
	snprintf(dst + n, cap - n, "%s%s", *p.month ? " " : "", p.month);
	return 0;
}

static bool row_ok(char *line, int number)
{
	char *f[5], got[200] = "";
	struct lt_zone z;
	struct when_ctx x = { .zone = &z };
	struct when_err e = { 0 };
	bool ok;

	for (int i = 0; i < 5; i++)
		assert_non_null(f[i] = strsep(&line, "\t"));
	load_zone(&z, f[2]);
	assert_true(lt_rfc3339_parse(f[1], &x.now));
	if (run_kind(f[0], &x, f[3], got, sizeof got, &e) == 0) {
		ok = strcmp(got, f[4]) == 0;
	} else {
		int column = 0, used = 0;

		snprintf(got, sizeof got, "error %d %.180s", e.column, e.e.text);
		ok = sscanf(f[4], "error %d %n", &column, &used) == 1 && column == e.column && strstr(e.e.text, f[4] + used);
	}
	if (!ok)
		print_message("# row %d: %s '%s'\n#   want %s\n#   got  %s\n", number, f[0], f[3], f[4], got);
	return ok;
}

static void golden(void **state)
{
	char line[1024];
	int number = 0, rows = 0, bad = 0;
	FILE *f = fopen(getenv("WHEN_TSV") ? getenv("WHEN_TSV") : "tests/cli/when.tsv", "r");

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		rows++;
		bad += !row_ok(line, number);
	}
	fclose(f);
	assert_int_equal(bad, 0);
	assert_true(rows >= 60);
}

static void echo_names_zone_and_offset(void **state)
{
	static const struct { const char *zone, *from, *to, *want; } rows[] = {
		{ "Asia/Shanghai", "2026-12-01T09:00:00+08:00", "2026-12-01T13:00:00+08:00", "Tue 2026-12-01 09:00-13:00 (4h) Asia/Shanghai +08:00" },
		{ "Europe/Berlin", "2026-11-27T22:00:00+01:00", "2026-11-28T02:30:00+01:00",
			"Fri 2026-11-27 22:00 - Sat 2026-11-28 02:30 (4h30m) Europe/Berlin +01:00" },
		{ "America/New_York", "2027-03-14T01:00:00-05:00", "2027-03-14T05:00:00-04:00",
			"Sun 2027-03-14 01:00 -05:00 - 05:00 -04:00 (3h, the clocks change) America/New_York" },
	};
	struct lt_zone z;
	char text[300];
	int64_t a, b;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		load_zone(&z, rows[i].zone);
		assert_true(lt_rfc3339_parse(rows[i].from, &a) && lt_rfc3339_parse(rows[i].to, &b));
		when_echo(text, sizeof text, &z, a, b);
		assert_string_equal(text, rows[i].want);
	}
}

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % n;
}

/* Whatever is read: an answer within bounds, or an error whose column is inside the text. */
static void feed(const struct when_ctx *x, const char *text)
{
	static const char *const kinds[] = { "book", "move", "ahead", "past", "dur", "period" };
	struct when w;
	struct when_err e = { 0 };
	char got[300];
	int64_t v;

	if (when_booking(x, text, 0, &w, &e) == 0) {
		if (w.kind == WHEN_INTERVAL)
			assert_true(w.to > w.from && w.from >= x->now - LT_DAY && w.to <= LT_INSTANT_MAX &&
				w.duration <= WHEN_DURATION_MAX);
	} else {
		assert_true(e.column >= 1 && (size_t)e.column <= strlen(text) + 1 && e.e.text[0] && e.e.code[0]);
	}
	if (when_past(x, text, &v, &e) == 0)
		assert_true(v <= x->now && v >= 0);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		run_kind(kinds[i], x, text, got, sizeof got, &e);
}

static void fuzz(void **state)
{
	static const char *const words[] = { "tomorrow", "9am", "for", "4h", "-", "fri", "next", "free", "2026-12-01", "T",
		"09:00", "/", "PT4H", "22:00", "+08:00", "now", "in", "2", "hours", "..", "last", "month", "90d", "2026", "Q4",
		"noon", "until", "to", "1.5h", "Z", "24:00",
		"2026-10-25", "02:30", "ago", "+", " ", "\xe2\x80\x93", "99999999999", ":", "p", "2199-12-31", "1970-01-01",
		"december", "W53" };
	const char *zones[] = { "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York" };
	struct lt_zone z[4];
	char text[260];

	for (int i = 0; i < 4; i++)
		load_zone(&z[i], zones[i]);
	for (int i = 0; i < 60000; i++) {
		struct when_ctx x = { .now = (int64_t)rnd(2000000000) * 2000 + rnd(1000), .zone = &z[i % 4] };
		size_t n = 0;

		if (i % 3 == 0) {
			n = rnd(sizeof text - 1);
			for (size_t k = 0; k < n; k++)
				text[k] = (char)(1 + rnd(i % 2 ? 255 : 126));
		} else {
			for (uint32_t k = rnd(9); k > 0 && n < 200; k--)
				n += lt_fmt(text + n, sizeof text - n, "%s%s", words[rnd(sizeof words / sizeof words[0])],
					rnd(3) ? " " : "");
			if (n && rnd(4) == 0)
				text[rnd((uint32_t)n)] = (char)(1 + rnd(255));
		}
		text[n] = '\0';
		feed(&x, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(golden), cmocka_unit_test(echo_names_zone_and_offset),
		cmocka_unit_test(fuzz) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
