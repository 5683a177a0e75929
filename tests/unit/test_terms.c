/* test_terms.c - policy and price keys: what is taken, what is refused and why, the canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/civil.h"
#include "core/terms.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static void durations(void **state)
{
	static const struct { const char *text; int64_t ms; } good[] = { { "30s", 30000 }, { "15m", 900000 },
		{ "4h", 14400000 },
		{ "30d", 30 * LT_DAY }, { "1h30m", 5400000 }, { "250ms", 250 }, { "0s", 0 }, { "1d2h3m4s5ms", 93784005 },
		{ "90m", 5400000 } };
	static const char *const bad[] = { "", "30", "s", "-5m", "1.5h", "5 m", "5m ", "1m1h", "5m5m", "5min", "5H", "1e3s",
		"99999999999999999999s", "1000000000d", "+5m", "5m30", "h5" };
	static const struct { int64_t ms; const char *text; } texts[] = { { 0, "0s" }, { 48 * LT_HOUR, "48h" },
		{ 30 * LT_DAY, "30d" }, { 5400000, "1h30m" }, { 250, "250ms" }, { 8 * LT_DAY + LT_HOUR, "8d1h" } };
	char text[32];
	int64_t ms;

	for (size_t i = 0; i < ROWS(good); i++)
		assert_true(terms_duration(good[i].text, &ms) && ms == good[i].ms);
	for (size_t i = 0; i < ROWS(bad); i++)
		if (terms_duration(bad[i], &ms))
			fail_msg("accepted: %s", bad[i]);
	for (size_t i = 0; i < ROWS(texts); i++) {
		terms_duration_text(text, sizeof(text), texts[i].ms);
		assert_string_equal(text, texts[i].text);
	}
}

static void policy_values(void **state)
{
	struct policy p;
	struct lt_err err;

	policy_defaults(&p);
	assert_int_equal(policy_check(&p, &err), 0);
	assert_true(p.grid_ms == 15 * LT_MINUTE && p.max_ms == 48 * LT_HOUR && p.horizon_ms == 30 * LT_DAY && p.attended);
	assert_int_equal(policy_set(&p, "opening", "Mon..Fri 08:00-18:00, Sat 09:00-12:00", &err), 0);
	assert_int_equal(p.n_opening, 6);
	assert_true(p.opening[0].from_minute == 480 && p.opening[0].to_minute == 1080);
	assert_true(p.opening[5].from_minute == 5 * 1440 + 540 && p.opening[5].to_minute == 5 * 1440 + 720);
	assert_int_equal(policy_set(&p, "opening", "Sun 22:00-06:00", &err), 0); /* over midnight, over the week's end */
	assert_true(p.n_opening == 2 && p.opening[0].from_minute == 0 && p.opening[0].to_minute == 360);
	assert_true(p.opening[1].from_minute == 6 * 1440 + 1320 && p.opening[1].to_minute == 7 * 1440);
	assert_int_equal(policy_set(&p, "opening", "Sat..Mon 00:00-24:00", &err), 0);
	assert_int_equal(p.n_opening, 3);
	assert_int_equal(policy_set(&p, "opening", "always", &err), 0);
	assert_int_equal(p.n_opening, 0);
	assert_int_equal(policy_set(&p, "holidays", "2026-10-02, 2026-10-01", &err), 0);
	assert_true(p.n_holidays == 2 && p.holidays[0] == lt_days_from_civil(2026, 10, 1));
	assert_int_equal(policy_set(&p, "org_hours_week", "40h", &err), 0);
	assert_int_equal(p.org_hours_week, 2400);
	assert_int_equal(policy_set(&p, "org_hours_week", "none", &err), 0);
	assert_int_equal(p.org_hours_week, 0);
	assert_int_equal(policy_set(&p, "idle_release", "off", &err), 0);
	assert_int_equal(policy_set(&p, "horizon_opens", "07:30", &err), 0);
	assert_int_equal(p.horizon_opens_min, 450);
	assert_int_equal(policy_set(&p, "overrun", "lock_after", &err), 0);
	assert_int_equal(p.overrun, OVERRUN_LOCK_AFTER);
}

static void policy_refusals(void **state)
{
	static const struct { const char *key, *value, *code, *says; } rows[] = {
		{ "grid", "7m", "bad-value", "does not divide a day" }, { "grid", "30s", "out-of-range", "1m to 24h" },
		{ "grid", "15", "bad-value", "duration" }, { "grid", "", "bad-value", "duration" },
		{ "Grid", "15m", "unknown-key", "docs/configuration.md" }, { "rate", "1.00", "unknown-key", "rate" },
		{ "min", "90s", "bad-value", "whole minutes" }, { "max", "367d", "out-of-range", "366d" },
		{ "grace", "100ms", "bad-value", "whole seconds" }, { "idle_release", "29m", "out-of-range", "off, or 30m" },
		{ "gap", "1s", "out-of-range", "auto, or 5s" }, { "attended", "true", "bad-value", "\"yes\" or \"no\"" },
		{ "overrun", "cut", "bad-value", "inhibit_next" }, { "horizon_opens", "24:00", "bad-value", "time of day" },
		{ "horizon_opens", "7:30", "bad-value", "time of day" }, { "opening", "Mon", "bad-value", "opening hours" },
		{ "opening", "Mon 08:00-08:00", "bad-value", "opening hours" }, { "opening", "", "bad-value", "opening hours" },
		{ "opening", "Mon..Fri 08:00-18:00,", "bad-value", "opening hours" },
		{ "opening", "Moon 08:00-18:00", "bad-value", "opening hours" },
		{ "opening", "Mon 08:00-25:00", "bad-value", "opening hours" },
		{ "opening", "Mon 08:00-12:00, Mon 11:00-13:00", "bad-value", "overlap" },
		{ "opening", "Mon..Sun 01:00-02:00, Mon..Sun 03:00-04:00, Mon..Sun 05:00-06:00, Mon 07:00-08:00", "bad-value", "21 spans" },
		{ "holidays", "2026-02-29", "bad-value", "dates" }, { "holidays", "2026-10-01, 2026-10-01", "bad-value", "twice" },
		{ "holidays", "1.10.2026", "bad-value", "dates" }, { "org_hours_week", "169h", "out-of-range", "none, or 1m" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct policy p, before;
		struct lt_err err;
		policy_defaults(&p);
		before = p;
		if (policy_set(&p, rows[i].key, rows[i].value, &err) != -1)
			fail_msg("accepted: %s = %s", rows[i].key, rows[i].value);
		assert_string_equal(err.code, rows[i].code);
		assert_string_equal(err.field, rows[i].key);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s does not say \"%s\"", err.text, rows[i].says);
		assert_memory_equal(&p, &before, sizeof(p));
	}
}

static void price_values(void **state)
{
	static const struct { const char *key, *value, *code; } bad[] = { { "rate", "-1.00", "out-of-range" },
		{ "rate", "1.005", "bad-value" },
		{ "rate", "", "bad-value" }, { "step", "0s", "out-of-range" }, { "overrun_factor", "100.001", "out-of-range" },
		{ "overrun_factor", "-1", "bad-value" }, { "overrun_factor", "1.5555", "bad-value" }, { "no_show_fee", "50", "bad-value" },
		{ "no_show_fee", "100.01%", "out-of-range" }, { "no_show_fee", "%", "bad-value" }, { "usage", "0%", "bad-value" },
		{ "usage", "all", "bad-value" }, { "price_change", "never", "bad-value" }, { "late_cancel", "48h", "bad-value" },
		{ "late_cancel", "48h 0%, x 5%", "bad-value" }, { "late_cancel", "0s 101%", "bad-value" },
		{ "late_cancel", "7h 0%,6h 0%,5h 0%,4h 0%,3h 0%,2h 0%,0s 1%", "bad-value" }, { "grid", "15m", "unknown-key" } };
	struct price p;
	struct lt_err err;

	price_defaults(&p);
	assert_int_equal(price_set(&p, "rate", "100", 2, &err), 0);
	assert_int_equal(p.rate_minor, 10000);
	assert_int_equal(price_set(&p, "rate", "100", 0, &err), 0);
	assert_int_equal(p.rate_minor, 100);
	assert_int_equal(price_set(&p, "overrun_factor", "1.5", 2, &err), 0);
	assert_int_equal(p.overrun_pm, 1500);
	assert_int_equal(price_set(&p, "no_show_fee", "12.5%", 2, &err), 0);
	assert_int_equal(p.no_show_bp, 1250);
	assert_int_equal(price_set(&p, "late_cancel", "48h 0%, 24h 25%, 0s 50%", 2, &err), 0);
	assert_true(p.n_tiers == 3 && p.tiers[1].notice_ms == LT_DAY && p.tiers[2].fee_bp == 5000);
	assert_int_equal(price_set(&p, "usage", "80%", 2, &err), 0);
	assert_true(p.usage == USAGE_PERCENT && p.usage_bp == 8000);
	assert_int_equal(price_check(&p, &err), 0);
	for (size_t i = 0; i < ROWS(bad); i++) {
		if (price_set(&p, bad[i].key, bad[i].value, 2, &err) != -1)
			fail_msg("accepted: %s = %s", bad[i].key, bad[i].value);
		assert_string_equal(err.code, bad[i].code);
	}
}

static void between_keys(void **state)
{
	static const struct { const char *a, *av, *b, *bv, *field; } rows[] = { { "grid", "30m", "min", "15m", "min" },
		{ "grid", "1h", "max", "90m", "min" }, { "min", "4h", "max", "2h", "min" }, { "notice", "2d", "horizon", "1d", "notice" },
		{ "min", "15m", "max", "50m", "max" } };
	static const char *const tiers[] = { "48h 0%", "0s 50%, 48h 0%", "48h 50%, 0s 25%", "0s 1%, 0s 2%" };
	struct policy p;
	struct price q;
	struct lt_err err;

	for (size_t i = 0; i < ROWS(rows); i++) {
		policy_defaults(&p);
		assert_int_equal(policy_set(&p, rows[i].a, rows[i].av, &err), 0);
		assert_int_equal(policy_set(&p, rows[i].b, rows[i].bv, &err), 0);
		assert_int_equal(policy_check(&p, &err), -1);
		assert_string_equal(err.code, "conflicting-keys");
		assert_string_equal(err.field, rows[i].field);
	}
	for (size_t i = 0; i < ROWS(tiers); i++) {
		price_defaults(&q);
		assert_int_equal(price_set(&q, "late_cancel", tiers[i], 2, &err), 0);
		assert_int_equal(price_check(&q, &err), -1);
		assert_string_equal(err.field, "late_cancel");
	}
}

static void canonical_text(void **state)
{
	struct policy p, again;
	struct price q, q_again;
	struct lt_err err;
	char text[TERMS_TEXT], second[TERMS_TEXT];

	policy_defaults(&p);
	policy_text(&p, text);
	assert_non_null(strstr(text, "grid = 15m\nmin = 15m\nmax = 48h\nhorizon = 30d\nhorizon_opens = 00:00\n"));
	assert_non_null(strstr(text, "opening = always\nholidays = none\nattended = yes\n"));
	price_defaults(&q);
	price_text(&q, 2, text);
	assert_string_equal(text, "rate = 100.00\nidle_rate = 0.00\nidle_after = 0s\nstep = 1s\nminimum = 0.00\n"
		"overrun_factor = 1\ninto_next_factor = 1\nwalk_up_factor = 1\nno_show_fee = 0%\nlate_cancel = none\n"
		"usage = used\nprice_change = lock_at_booking\n");
	assert_int_equal(price_from_text(&q_again, text, 2, &err), 0);
	assert_memory_equal(&q, &q_again, sizeof(q));
	/* the longest policy there can be fits, and comes back */
	assert_int_equal(policy_set(&p, "opening", "Mon..Sun 08:00-10:00, Mon..Sun 11:00-12:00, Mon..Sun 13:00-14:00",
		&err), 0);
	p.n_holidays = HOLIDAY_MAX;
	for (int i = 0; i < HOLIDAY_MAX; i++)
		p.holidays[i] = 20000 + 3 * i;
	policy_text(&p, text);
	assert_in_range(strlen(text), 1200, TERMS_TEXT - 100);
	assert_int_equal(policy_from_text(&again, text, &err), 0);
	assert_memory_equal(&p, &again, sizeof(p));
	policy_text(&again, second);
	assert_string_equal(text, second);
	assert_int_equal(policy_from_text(&again, "grid = 15m", &err), -1); /* no newline */
	assert_int_equal(policy_from_text(&again, "grid 15m\n", &err), -1);
	assert_int_equal(policy_from_text(&again, "grid = 1h\n", &err), -1); /* min is 15m */
	assert_string_equal(err.code, "conflicting-keys");
}

static void entries(void **state)
{
	struct terms_entry e;
	struct policy p;
	int n = 0;

	policy_defaults(&p);
	p.grid_ms = LT_HOUR;
	assert_true(policy_entry(&p, 0, &e));
	assert_string_equal(e.name, "grid");
	assert_string_equal(e.value, "1h");
	assert_string_equal(e.initial, "15m");
	assert_string_equal(e.range, "1m to 24h");
	assert_string_equal(e.rule, "R03");
	while (policy_entry(NULL, n, &e)) {
		assert_string_equal(e.value, e.initial);
		assert_true(e.about[0] && e.rule[0]);
		n++;
	}
	assert_int_equal(n, 26);
	for (n = 0; price_entry(NULL, 2, n, &e); n++)
		assert_true(e.about[0] && e.rule[0]);
	assert_int_equal(n, 12);
	assert_false(price_entry(NULL, 2, -1, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(durations), cmocka_unit_test(policy_values),
		cmocka_unit_test(policy_refusals), cmocka_unit_test(price_values), cmocka_unit_test(between_keys),
		cmocka_unit_test(canonical_text), cmocka_unit_test(entries) };

	return cmocka_run_group_tests_name("terms", tests, NULL, NULL);
}
