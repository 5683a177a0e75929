/*
 * test_terms.c - random policies and prices survive their text; random text never does harm.
 *
 * Every accepted value is written canonically: read back it gives the same struct, written again the same text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/civil.h"
#include "core/terms.h"

static uint64_t seed = 20261124;

static uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static const char *const policy_names[] = { "grid", "min", "max", "horizon", "horizon_opens", "notice", "opening",
	"holidays", "attended", "turnover", "turnover_same_org", "org_hours_week", "org_hours_month", "org_hours_open",
	"first_refusal", "lock", "early", "no_show",
	"first_run", "idle_release", "grace", "end_warning", "overrun", "gap", "settle", "max_overrun" };
static const char *const price_names[] = { "rate", "idle_rate", "idle_after", "step", "minimum", "overrun_factor",
	"into_next_factor", "walk_up_factor", "no_show_fee", "late_cancel", "usage", "price_change" };
static const char *const pieces[] = { "15m", "1h", "30s", "90", "Mon", "Mon..Fri", "Sun", " ", ", ", ",", "08:00-18:00",
	"22:00-06:00", "00:00-24:00", "2026-10-01", "2027-02-28", "50%", "0%", "12.25%", "48h 0%", "0s 50%", "1.5",
	"100.00", "-", "yes", "no", "always",
	"none", "off", "auto", "used", "max", "split", "lock_after", "07:30", "\xe4\xb8\xad", "%", ".", "5d" };

static void text_of(char *dst, size_t cap)
{
	size_t n = 0;

	dst[0] = '\0';
	for (uint64_t k = 1 + draw(4); k > 0; k--)
		n += (size_t)snprintf(dst + n, cap - n, "%s", pieces[draw(sizeof(pieces) / sizeof(pieces[0]))]);
}

static void policies(void **state)
{
	char value[256], text[TERMS_TEXT], second[TERMS_TEXT];
	int accepted = 0, whole = 0;
	struct policy p;

	for (int i = 0; i < 60000; i++) {
		struct policy before, again;
		struct lt_err err;
		if (i % 20 == 0)
			policy_defaults(&p);
		before = p;
		text_of(value, sizeof(value));
		if (policy_set(&p, policy_names[draw(24)], value, &err) < 0) {
			assert_memory_equal(&p, &before, sizeof(p));
			assert_true(err.text[0] && err.code[0] && err.field[0]);
			continue;
		}
		accepted++;
		policy_text(&p, text);
		if (policy_check(&p, &err) < 0) {
			assert_int_equal(policy_from_text(&again, text, &err), -1);
			p = before;
			continue;
		}
		whole++;
		assert_int_equal(policy_from_text(&again, text, &err), 0);
		assert_memory_equal(&p, &again, sizeof(p));
		policy_text(&again, second);
		assert_string_equal(text, second);
	}
	assert_in_range(whole, 500, accepted);
}

static void prices(void **state)
{
	char value[256], text[TERMS_TEXT];
	int whole = 0;
	struct price p;

	for (int i = 0; i < 60000; i++) {
		struct price before, again;
		struct lt_err err;
		int exponent = (int)draw(4);
		price_defaults(&p);
		before = p;
		text_of(value, sizeof(value));
		if (price_set(&p, price_names[draw(12)], value, exponent, &err) < 0) {
			assert_memory_equal(&p, &before, sizeof(p));
			continue;
		}
		price_text(&p, exponent, text);
		if (price_check(&p, &err) < 0)
			continue;
		whole++;
		assert_int_equal(price_from_text(&again, text, exponent, &err), 0);
		assert_memory_equal(&p, &again, sizeof(p));
	}
	assert_in_range(whole, 500, 60000);
}

static void duration_text(void **state)
{
	for (int i = 0; i < 100000; i++) {
		int64_t ms = (int64_t)draw(draw(2) ? 1000 : (uint64_t)(400 * LT_DAY)), back;
		char text[32];
		terms_duration_text(text, sizeof(text), ms);
		assert_true(terms_duration(text, &back) && back == ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(policies), cmocka_unit_test(prices),
		cmocka_unit_test(duration_text) };

	return cmocka_run_group_tests_name("terms properties", tests, NULL, NULL);
}
