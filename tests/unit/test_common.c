/* test_common.c - common/: civil dates, zones against the machine's tzdata, RFC 3339, money text, tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "common/money.h"
#include "common/record.h"
#include "common/token.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static size_t zone_bytes(const char *name, uint8_t *p, size_t cap)
{
	char path[256];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s; install tzdata", path);
	n = fread(p, 1, cap, f);
	fclose(f);
	return n;
}

static struct lt_zone zone(const char *name)
{
	static uint8_t image[65536];
	struct lt_zone z;
	struct lt_err err;

	if (lt_zone_parse(&z, name, image, zone_bytes(name, image, sizeof(image)), &err) < 0)
		fail_msg("%s: %s", name, err.text);
	return z;
}

static int64_t at(const char *text)
{
	int64_t ms;

	if (!lt_rfc3339_parse(text, &ms))
		fail_msg("not RFC 3339: %s", text);
	return ms;
}

static void civil_days(void **state)
{
	int64_t day = lt_days_from_civil(1600, 1, 1);

	assert_int_equal(lt_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(lt_days_from_civil(2000, 2, 29), 11016);
	assert_int_equal(lt_weekday(0), 4);
	assert_int_equal(lt_weekday(lt_days_from_civil(2026, 11, 23)), 1);
	assert_int_equal(lt_weekday(lt_days_from_civil(1969, 12, 28)), 7);
	assert_int_equal(lt_month_days(2100, 2), 28);
	assert_int_equal(lt_month_days(2000, 2), 29);
	assert_int_equal(lt_month_days(2026, 13), 0);
	for (int y = 1600; y < 2400; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; d <= lt_month_days(y, m); d++, day++) {
				int ry, rm, rd;
				assert_int_equal(lt_days_from_civil(y, m, d), day);
				lt_civil_from_days(day, &ry, &rm, &rd);
				assert_true(ry == y && rm == m && rd == d);
			}
}

static void zone_offsets(void **state)
{
	static const struct { const char *zone, *at; int32_t offset; } rows[] = {
		{ "Europe/Berlin", "2026-03-29T00:59:59Z", 3600 },
		{ "Europe/Berlin", "2026-03-29T01:00:00Z", 7200 },
		{ "Europe/Berlin", "2026-10-25T00:59:59.999Z", 7200 },
		{ "Europe/Berlin", "2026-10-25T01:00:00Z", 3600 },
		{ "Europe/Berlin", "2150-07-01T00:00:00Z", 7200 },
		{ "Europe/Berlin", "2150-12-01T00:00:00Z", 3600 },
		{ "America/New_York", "2026-03-08T06:59:59Z", -18000 },
		{ "America/New_York", "2026-03-08T07:00:00Z", -14400 },
		{ "America/New_York", "2099-07-04T00:00:00Z", -14400 },
		{ "Australia/Lord_Howe", "2026-01-15T00:00:00Z", 39600 },
		{ "Australia/Lord_Howe", "2026-07-15T00:00:00Z", 37800 },
		{ "Australia/Lord_Howe", "2120-07-15T00:00:00Z", 37800 },
		{ "Australia/Lord_Howe", "2120-12-31T23:59:59Z", 39600 },
		{ "Australia/Sydney", "2101-01-01T00:00:00Z", 39600 },
		{ "Asia/Kathmandu", "1985-12-31T18:29:59Z", 19800 },
		{ "Asia/Kathmandu", "2026-06-01T00:00:00Z", 20700 },
		{ "Asia/Shanghai", "2026-11-24T01:00:00Z", 28800 },
		{ "Asia/Shanghai", "1988-07-01T00:00:00Z", 32400 },
		{ "Asia/Shanghai", "2190-07-01T00:00:00Z", 28800 },
		{ "America/Sao_Paulo", "2018-12-01T00:00:00Z", -7200 },
		{ "America/Sao_Paulo", "2026-12-01T00:00:00Z", -10800 },
		{ "Pacific/Apia", "2011-12-30T09:59:59Z", -36000 },
		{ "Pacific/Apia", "2011-12-30T10:00:00Z", 50400 },
		{ "Europe/Dublin", "2130-01-10T00:00:00Z", 0 },
		{ "Europe/Dublin", "2130-07-10T00:00:00Z", 3600 },
		{ "America/Nuuk", "2100-07-01T00:00:00Z", -3600 },
		{ "Etc/GMT+5", "2026-01-01T00:00:00Z", -18000 },
		{ "Etc/UTC", "2026-01-01T00:00:00Z", 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct lt_zone z = zone(rows[i].zone);
		int32_t offset = lt_zone_offset(&z, at(rows[i].at));
		if (offset != rows[i].offset)
			fail_msg("%s at %s: %d, not %d", rows[i].zone, rows[i].at, offset, rows[i].offset);
	}
}

/* Our reading of the zone against the C library's, every 11 h 13 min of two centuries. */
static void zone_agrees_with_libc(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
		"Asia/Shanghai", "America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin", "Asia/Gaza", "America/Nuuk",
		"Africa/Casablanca", "Antarctica/Troll", "America/Havana", "Asia/Tehran", "Pacific/Chatham" };

	for (size_t i = 0; i < ROWS(names); i++) {
		struct lt_zone z = zone(names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t s = 0; s < LT_INSTANT_MAX / 1000; s += 40380) {
			struct tm tm;
			time_t t = (time_t)s;
			localtime_r(&t, &tm);
			if (lt_zone_offset(&z, s * 1000) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, libc says %ld", names[i], (long long)s, lt_zone_offset(&z, s * 1000),
					 tm.tm_gmtoff);
		}
	}
	unsetenv("TZ");
	tzset();
}

static void zone_wall_times(void **state)
{
	static const struct { const char *zone; struct lt_civil c; enum lt_local kind; const char *first, *second;
		int32_t o0, o1; } rows[] = {
		{ "Europe/Berlin", { 2026, 3, 29, 2, 30, 0, 0 }, LT_LOCAL_GAP, "2026-03-29T01:00:00Z", NULL, 3600, 7200 },
		{ "Europe/Berlin", { 2026, 3, 29, 3, 0, 0, 0 }, LT_LOCAL_ONCE, "2026-03-29T01:00:00Z", NULL, 7200, 0 },
		{ "Europe/Berlin", { 2026, 3, 29, 1, 59, 59, 999 }, LT_LOCAL_ONCE, "2026-03-29T00:59:59.999Z", NULL, 3600, 0 },
		{ "Europe/Berlin", { 2026, 10, 25, 2, 0, 0, 0 }, LT_LOCAL_TWICE, "2026-10-25T00:00:00Z",
		  "2026-10-25T01:00:00Z", 7200, 3600 },
		{ "Europe/Berlin", { 2026, 10, 25, 2, 59, 59, 7 }, LT_LOCAL_TWICE, "2026-10-25T00:59:59.007Z",
		  "2026-10-25T01:59:59.007Z", 7200, 3600 },
		{ "Europe/Berlin", { 2026, 10, 25, 3, 0, 0, 0 }, LT_LOCAL_ONCE, "2026-10-25T02:00:00Z", NULL, 3600, 0 },
		{ "Europe/Berlin", { 2100, 3, 28, 2, 30, 0, 0 }, LT_LOCAL_GAP, "2100-03-28T01:00:00Z", NULL, 3600, 7200 },
		{ "America/New_York", { 2026, 11, 1, 1, 30, 0, 0 }, LT_LOCAL_TWICE, "2026-11-01T05:30:00Z",
		  "2026-11-01T06:30:00Z", -14400, -18000 },
		{ "Australia/Lord_Howe", { 2026, 10, 4, 2, 15, 0, 0 }, LT_LOCAL_GAP, "2026-10-03T15:30:00Z", NULL, 37800, 39600 },
		{ "Australia/Lord_Howe", { 2026, 4, 5, 1, 45, 0, 0 }, LT_LOCAL_TWICE, "2026-04-04T14:45:00Z",
		  "2026-04-04T15:15:00Z", 39600, 37800 },
		{ "America/Sao_Paulo", { 2018, 11, 4, 0, 0, 0, 0 }, LT_LOCAL_GAP, "2018-11-04T03:00:00Z", NULL, -10800, -7200 },
		{ "America/Sao_Paulo", { 2018, 2, 17, 23, 30, 0, 0 }, LT_LOCAL_TWICE, "2018-02-18T01:30:00Z",
		  "2018-02-18T02:30:00Z", -7200, -10800 },
		{ "Pacific/Apia", { 2011, 12, 30, 12, 0, 0, 0 }, LT_LOCAL_GAP, "2011-12-30T10:00:00Z", NULL, -36000, 50400 },
		{ "Pacific/Apia", { 2011, 12, 31, 0, 0, 0, 0 }, LT_LOCAL_ONCE, "2011-12-30T10:00:00Z", NULL, 50400, 0 },
		{ "Asia/Kathmandu", { 1986, 1, 1, 0, 5, 0, 0 }, LT_LOCAL_GAP, "1985-12-31T18:30:00Z", NULL, 19800, 20700 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct lt_zone z = zone(rows[i].zone);
		int64_t got[2];
		int32_t offsets[2];
		enum lt_local kind = lt_zone_instant(&z, rows[i].c, got, offsets);
		if (kind != rows[i].kind || got[0] != at(rows[i].first) || offsets[0] != rows[i].o0 ||
				offsets[1] != rows[i].o1 || (rows[i].second && got[1] != at(rows[i].second)))
			fail_msg("row %zu: kind %d first %lld offsets %d %d", i, (int)kind, (long long)got[0], offsets[0],
				offsets[1]);
	}
}

static void zone_midnights(void **state)
{
	static const struct { const char *zone; int y, m, d; const char *at; } rows[] = {
		{ "Asia/Shanghai", 2026, 11, 24, "2026-11-23T16:00:00Z" },
		{ "America/Sao_Paulo", 2018, 11, 4, "2018-11-04T03:00:00Z" }, /* 00:00 does not exist: 01:00 is first */
		{ "America/Sao_Paulo", 2018, 2, 18, "2018-02-18T03:00:00Z" },
		{ "Pacific/Apia", 2011, 12, 30, "2011-12-30T10:00:00Z" },     /* the day does not exist */
		{ "Pacific/Apia", 2011, 12, 31, "2011-12-30T10:00:00Z" },
		{ "America/Havana", 2026, 11, 1, "2026-11-01T04:00:00Z" },    /* 00:00 comes twice: the first */
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct lt_zone z = zone(rows[i].zone);
		int64_t got = lt_zone_midnight(&z, lt_days_from_civil(rows[i].y, rows[i].m, rows[i].d));
		if (got != at(rows[i].at))
			fail_msg("row %zu: %lld", i, (long long)got);
	}
	struct lt_zone z = zone("America/New_York");
	int64_t day = lt_days_from_civil(2026, 3, 8);
	assert_int_equal(lt_zone_midnight(&z, day + 1) - lt_zone_midnight(&z, day), 23 * LT_HOUR);
	assert_int_equal(lt_zone_day(&z, at("2026-03-09T03:59:59Z")), day);
	assert_int_equal(lt_zone_day(&z, at("2026-03-09T04:00:00Z")), day + 1);
	struct lt_civil c = lt_zone_civil(&z, at("2026-03-08T07:00:00.250Z"));
	assert_true(c.year == 2026 && c.month == 3 && c.day == 8 && c.hour == 3 && c.minute == 0 && c.ms == 250);
}

/* Every instant is found again from its wall time, and days partition time. */
static void zone_round_trip(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo" };

	for (size_t i = 0; i < ROWS(names); i++) {
		struct lt_zone z = zone(names[i]);
		for (int64_t t = 0; t < LT_INSTANT_MAX; t += 7 * LT_HOUR + 1234567) {
			int64_t got[2], day = lt_zone_day(&z, t);
			int32_t offsets[2];
			enum lt_local kind = lt_zone_instant(&z, lt_zone_civil(&z, t), got, offsets);
			assert_true(kind == LT_LOCAL_ONCE ? got[0] == t : kind == LT_LOCAL_TWICE && (got[0] == t || got[1] == t));
			assert_true(lt_zone_midnight(&z, day) <= t && t < lt_zone_midnight(&z, day + 1));
		}
	}
}

/* Cut anywhere or with any byte changed, an image is refused or gives a zone that can be used. */
static void zone_damaged(void **state)
{
	static uint8_t image[65536], copy[65536];
	size_t n = zone_bytes("Europe/Berlin", image, sizeof(image));
	struct lt_zone z;
	struct lt_err err;
	uint32_t seed = 1;

	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *p = malloc(cut ? cut : 1);
		memcpy(p, image, cut);
		assert_int_equal(lt_zone_parse(&z, "cut", p, cut, &err), -1);
		assert_string_equal(err.code, "bad-zone");
		free(p);
	}
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, image, n);
		seed = seed * 1664525 + 1013904223;
		copy[(seed >> 8) % n] = (uint8_t)(seed >> 3);
		if (lt_zone_parse(&z, "bad", copy, n, &err) == 0) {
			int64_t got[2];
			int32_t offsets[2];
			lt_zone_instant(&z, (struct lt_civil){ 2026, 3, 29, 2, 30, 0, 0 }, got, offsets);
			assert_in_range(lt_zone_offset(&z, 1700000000000) + 100000, 0, 200000);
		}
	}
	lt_zone_utc(&z);
	assert_int_equal(lt_zone_parse(&z, "a-name-that-is-much-longer-than-any-time-zone-has-ever-had", image, n, &err),
		-1);
	assert_string_equal(z.name, "UTC");
}

static void rfc3339(void **state)
{
	static const char *const good[] = { "2026-11-24T09:00:00+08:00", "2026-11-24T09:00:00.5+08:00",
		"1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999Z", "2026-02-28T00:00:00-23:59", "2024-02-29T12:00:00-00:00",
		"2200-01-01T00:00:00Z" };
	static const char *const bad[] = { "", "2026-11-24", "2026-11-24T09:00:00", "2026-11-24 09:00:00Z",
		"2026-11-24t09:00:00Z", "2026-11-24T09:00:00z", "2026-11-24T09:00Z", "2026-11-24T24:00:00Z",
		"2026-11-24T09:60:00Z", "2026-11-24T09:00:60Z",
		"2026-02-29T09:00:00Z", "2026-13-01T09:00:00Z", "2026-00-01T09:00:00Z", "2026-01-00T09:00:00Z",
		"2026-11-24T09:00:00.Z", "2026-11-24T09:00:00.1234Z", "2026-11-24T09:00:00,5Z", "2026-11-24T09:00:00+8:00",
		"2026-11-24T09:00:00+0800", "2026-11-24T09:00:00+24:00", "2026-11-24T09:00:00+08:60", "2026-11-24T09:00:00Z ",
		" 2026-11-24T09:00:00Z", "+026-11-24T09:00:00Z", "2026-11-24T09:00:00Z+01:00", "1969-12-31T23:59:59Z",
		"2200-01-01T00:00:00.001Z", "1970-01-01T00:00:00+00:01", "20261-1-24T09:00:00Z",
		"2026-11-24T09:00:00\342\210\22208:00" };
	static const struct { int64_t ms; int32_t offset; const char *text; } texts[] = {
		{ 1795482000000, 28800, "2026-11-24T09:00:00+08:00" },
		{ 1795482000050, 0, "2026-11-24T01:00:00.050Z" },
		{ 1795482000000, -12600, "2026-11-23T21:30:00-03:30" },
		{ 0, -2670, "1969-12-31T23:16:00-00:44" },
	};
	char text[40];
	int64_t ms;

	for (size_t i = 0; i < ROWS(good); i++)
		if (!lt_rfc3339_parse(good[i], &ms))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ROWS(bad); i++)
		if (lt_rfc3339_parse(bad[i], &ms))
			fail_msg("accepted: %s", bad[i]);
	for (size_t i = 0; i < ROWS(texts); i++) {
		lt_rfc3339(text, sizeof(text), texts[i].ms, texts[i].offset);
		assert_string_equal(text, texts[i].text);
	}
	assert_true(lt_rfc3339_parse("2026-11-24T09:00:00.25+08:00", &ms) && ms == 1795482000250);
}

static void money(void **state)
{
	static const struct { const char *code; int exponent; } codes[] = { { "USD", 2 }, { "EUR", 2 }, { "CNY", 2 },
		{ "JPY", 0 },
		{ "KRW", 0 }, { "ISK", 0 }, { "BHD", 3 }, { "KWD", 3 }, { "TND", 3 }, { "CLF", 4 }, { "ZWG", 2 }, { "XPF", 0 },
		{ "usd", -1 }, { "US", -1 }, { "USDX", -1 }, { "", -1 }, { "XAU", -1 }, { "XXX", -1 }, { "D A", -1 } };
	static const struct { const char *text; int exponent; int64_t minor; } good[] = { { "100.00", 2, 10000 },
		{ "100", 2, 10000 },
		{ "0.5", 2, 50 }, { "-0.01", 2, -1 }, { "-400.00", 2, -40000 }, { "12", 0, 12 }, { "1.005", 3, 1005 },
		{ "1000000000000.00", 2, LT_MONEY_MAX }, { "-0", 2, 0 } };
	static const struct { const char *text; int exponent; } bad[] = { { "", 2 }, { "-", 2 }, { "+1", 2 }, { ".5", 2 },
		{ "5.", 2 },
		{ "1.005", 2 }, { "1.0", 0 }, { "1,00", 2 }, { "1 ", 2 }, { " 1", 2 }, { "1e3", 2 }, { "1.2.3", 3 }, { "0x1", 2 },
		{ "1000000000000.01", 2 }, { "99999999999999999999", 2 }, { "--1", 2 }, { "1.-5", 2 } };
	char text[32];
	int64_t v;

	for (size_t i = 0; i < ROWS(codes); i++)
		assert_int_equal(lt_currency_exponent(codes[i].code), codes[i].exponent);
	for (size_t i = 0; i < ROWS(good); i++)
		assert_true(lt_money_parse(good[i].text, good[i].exponent, &v) && v == good[i].minor);
	for (size_t i = 0; i < ROWS(bad); i++)
		if (lt_money_parse(bad[i].text, bad[i].exponent, &v))
			fail_msg("accepted: %s", bad[i].text);
	for (int exponent = 0; exponent <= 4; exponent++)
		for (int64_t m = -123456; m < 123456; m += 7) {
			lt_money_text(text, sizeof(text), m, exponent);
			assert_true(lt_money_parse(text, exponent, &v) && v == m);
		}
	lt_money_text(text, sizeof(text), -5, 2);
	assert_string_equal(text, "-0.05");
	lt_money_text(text, sizeof(text), INT64_MIN, 2);
	assert_string_equal(text, "-92233720368547758.08");
	lt_money_text(text, sizeof(text), 7, 0);
	assert_string_equal(text, "7");
}

static void token(void **state)
{
	struct lt_token t = { .kind = "user", .public_id = "k3v9x0ab" }, got;
	char text[LT_TOKEN_TEXT], bad[LT_TOKEN_TEXT + 1];
	size_t n;

	assert_int_equal(lt_crc32("123456789", 9), 0xcbf43926u);
	for (int i = 0; i < 32; i++)
		t.secret[i] = (uint8_t)(i * 37 + 250);
	lt_token_text(text, &t);
	n = strlen(text);
	assert_int_equal(n, 3 + 5 + 9 + 43 + 6);
	assert_true(lt_token_parse(text, &got));
	assert_string_equal(got.kind, "user");
	assert_string_equal(got.public_id, "k3v9x0ab");
	assert_memory_equal(got.secret, t.secret, 32);
	for (size_t i = 0; i < n; i++) /* a token with any character changed is not a token */
		for (const char *p = "A0_-z ?"; *p; p++) {
			memcpy(bad, text, n + 1);
			bad[i] = *p;
			assert_int_equal(lt_token_parse(bad, &got), *p == text[i]);
		}
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, text, n + 1);
		bad[i] = '\0';
		assert_false(lt_token_parse(bad, &got));
	}
	lt_fmt(bad, sizeof(bad), "%sA", text);
	assert_false(lt_token_parse(bad, &got));
	lt_fmt(t.kind, sizeof(t.kind), "svc");
	lt_token_text(text, &t);
	assert_true(lt_token_parse(text, &got));
	assert_string_equal(got.kind, "svc");
	lt_fmt(t.kind, sizeof(t.kind), "root"); /* right checksum, unknown kind */
	lt_token_text(text, &t);
	assert_false(lt_token_parse(text, &got));
	lt_fmt(t.kind, sizeof(t.kind), "svc");
	lt_fmt(t.public_id, sizeof(t.public_id), "K3V9X0AB");
	lt_token_text(text, &t);
	assert_false(lt_token_parse(text, &got));
}

static void text_helpers(void **state)
{
	char text[16];
	int64_t v;

	assert_int_equal(lt_fmt(text, sizeof(text), "%s %02d:%02d %u%%", "a", 7, 5, 9u), 10);
	assert_string_equal(text, "a 07:05 9%");
	assert_int_equal(lt_fmt(text, sizeof(text), "'%.3s' '%.*s' %d", "abcdef", 2, "xyz", 7), 12);
	assert_string_equal(text, "'abc' 'xy' 7");
	assert_int_equal(lt_fmt(text, 4, "%lld", (long long)INT64_MIN), 20);
	assert_string_equal(text, "-92");
	assert_true(lt_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v) && v == INT64_MIN);
	assert_false(lt_parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &v));
	assert_false(lt_parse_i64("", 0, 9, &v));
	assert_false(lt_parse_i64("1 ", 0, 9, &v));
	assert_true(lt_utf8_valid("\xe4\xb8\xad", 3));
	assert_false(lt_utf8_valid("\xc0\x80", 2));
	assert_false(lt_utf8_valid("\xed\xa0\x80", 3));
	assert_false(lt_utf8_valid("\xe4\xb8", 2));
	assert_false(lt_utf8_valid("a\0b", 3));
}

static void records(void **state)
{
	static const char record[] = "{\"a\":1,\"booking\":{\"note\":\"},\\\"id\\\":5\",\"id\":-7,\"on\":true},\"id\":null,\"list\":"
		"[{\"v\":[1,2]},{\"v\":3}],\"none\":[],\"long\":99999999999999999999999999}";
	const char *booking = lt_record_member(record, "booking"), *at = lt_record_first(lt_record_member(record, "list"));

	assert_int_equal(lt_record_int(lt_record_member(record, "a")), 1);
	assert_int_equal(lt_record_int(lt_record_member(booking, "id")), -7);
	assert_int_equal(lt_record_int(lt_record_member(booking, "on")), 1);
	assert_int_equal(lt_record_int(lt_record_member(record, "id")), 0);
	assert_int_equal(lt_record_int(lt_record_member(record, "long")), 0);
	assert_null(lt_record_member(record, "i"));
	assert_null(lt_record_member(record, "ids"));
	assert_null(lt_record_member(lt_record_member(record, "a"), "a"));
	assert_null(lt_record_member(NULL, "a"));
	assert_true(lt_record_is(lt_record_member("{\"k\":\"fee\"}", "k"), "fee"));
	assert_false(lt_record_is(lt_record_member("{\"k\":\"fees\"}", "k"), "fee"));
	assert_null(lt_record_first(lt_record_member(record, "none")));
	assert_int_equal(lt_record_int(lt_record_first(lt_record_member(at, "v"))), 1);
	at = lt_record_next(at);
	assert_int_equal(lt_record_int(lt_record_member(at, "v")), 3);
	assert_null(lt_record_next(at));
}

/* Cut off anywhere, the text has fewer members, and none is read behind its end. */
static void records_cut_off(void **state)
{
	static const char whole[] = "{\"a\":{\"s\":\"x\\\"y\"},\"n\":[12,true],\"z\":1}";

	for (size_t n = 0; n < sizeof(whole); n++) {
		char *text = strndup(whole, n); /* a sanitizer sees what lies behind it */
		const char *list = lt_record_first(lt_record_member(text, "n"));

		assert_non_null(text);
		assert_true(lt_record_int(list) == 0 || lt_record_int(list) == 1 || lt_record_int(list) == 12);
		assert_true(!list || !lt_record_next(list) || lt_record_int(lt_record_next(list)) <= 1);
		assert_false(lt_record_is(lt_record_member(lt_record_member(text, "a"), "s"), "x"));
		assert_true(lt_record_int(lt_record_member(text, "z")) == (n >= sizeof(whole) - 2));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(civil_days), cmocka_unit_test(zone_offsets), cmocka_unit_test(zone_agrees_with_libc),
		cmocka_unit_test(zone_wall_times), cmocka_unit_test(zone_midnights), cmocka_unit_test(zone_round_trip),
		cmocka_unit_test(zone_damaged), cmocka_unit_test(rfc3339), cmocka_unit_test(money), cmocka_unit_test(token),
		cmocka_unit_test(text_helpers), cmocka_unit_test(records), cmocka_unit_test(records_cut_off),
	};

	return cmocka_run_group_tests_name("common", tests, NULL, NULL);
}
