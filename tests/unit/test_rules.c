/*
 * test_rules.c - the rule engine: each rule at its boundary and one step beyond it, the table of rule x verb, what a
 * verb creates or worsens, opening hours and grids on the nights when clocks change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "core/policy.h"

static struct lt_zone shanghai, berlin, new_york;

static int64_t t(const char *s)
{
	int64_t at;

	assert_true(lt_rfc3339_parse(s, &at));
	return at;
}

#define DAY1 "2026-12-01T"               /* a Tuesday */
#define SH(clock) t(DAY1 clock ":00+08:00")

static struct policy policy;

/* A create that nothing speaks against: 10:00 to 12:00 on the same morning, asked at 08:07. */
static struct rule_facts good(void)
{
	struct rule_facts f = { .verb = BOOKING_CREATE, .policy = &policy, .zone = &shanghai, .now = SH("08:07") };

	f.at = (struct interval){ SH("10:00"), SH("12:00") };
	return f;
}

static int fresh(void **state)
{
	policy_defaults(&policy);
	return 0;
}

static void assert_codes(const struct rule_facts *f, const char *codes)
{
	struct verdict v;
	char got[400] = "";

	rules_ask(f, &v);
	for (int i = 0; i < v.n; i++) {
		strncat(got, v.v[i].code, sizeof(got) - strlen(got) - 1);
		if (i + 1 < v.n)
			strncat(got, " ", sizeof(got) - strlen(got) - 1);
		assert_true(v.v[i].text[0] != '\0');
	}
	assert_string_equal(got, codes);
}

static void set(const char *key, const char *value)
{
	struct lt_err err;

	if (policy_set(&policy, key, value, &err) != 0)
		fail_msg("%s = %s: %s", key, value, err.text);
}

static void a_good_booking_meets_no_rule(void **state)
{
	struct rule_facts f = good();

	assert_codes(&f, "");
}

static void r01_taken_and_r21_block(void **state)
{
	struct rule_facts f = good();

	f.conflicts[f.n_conflicts++] = (struct rule_conflict){ { SH("11:00"), SH("13:00") }, false };
	assert_codes(&f, "slot-taken");
	f.conflicts[f.n_conflicts++] = (struct rule_conflict){ { SH("09:00"), SH("10:15") }, true };
	assert_codes(&f, "slot-taken block");
	f.out_of_service = true;
	assert_codes(&f, "slot-taken block out-of-service");
	/* cancelling and shortening do not ask who else is there */
	f.verb = BOOKING_CANCEL;
	f.existing = true;
	f.was = f.at;
	assert_codes(&f, "");
}

static void r03_grid(void **state)
{
	struct rule_facts f = good();

	f.at.from += LT_MINUTE;
	assert_codes(&f, "off-grid");
	f = good();
	f.at.to += 1;
	assert_codes(&f, "off-grid");
	set("grid", "1h");
	f = good();
	assert_codes(&f, "");
	f.at.from += 15 * LT_MINUTE;
	assert_codes(&f, "off-grid");
}

static void r03_walk_up_is_not_the_past(void **state)
{
	struct rule_facts f = good();

	f.at = (struct interval){ SH("08:00"), SH("09:00") };   /* the current cell */
	assert_codes(&f, "");
	f.at.from = SH("07:45");
	assert_codes(&f, "in-the-past");
	f.now = SH("08:00");
	f.at.from = SH("08:00");
	assert_codes(&f, "");
	f.now = SH("08:15");
	assert_codes(&f, "in-the-past");
	f.now = SH("08:14");
	f.at = (struct interval){ SH("08:00"), SH("08:15") };
	assert_codes(&f, "");
	/* notice closes the door to walk-ups */
	set("notice", "1h");
	assert_codes(&f, "short-notice");
}

static void r04_length(void **state)
{
	struct rule_facts f = good();

	set("min", "2h");
	assert_codes(&f, "");
	f.at.to -= 15 * LT_MINUTE;
	assert_codes(&f, "too-short");
	f.at = (struct interval){ SH("10:00"), SH("10:00") + 48 * LT_HOUR };
	assert_codes(&f, "");
	f.at.to += 15 * LT_MINUTE;
	assert_codes(&f, "too-long");
	f.at.to = f.at.from + 367 * LT_DAY;
	assert_codes(&f, "too-long over-a-year");
}

static void r05_horizon_opens_by_days(void **state)
{
	struct rule_facts f = good();
	int64_t last = t("2026-12-31T23:45:00+08:00");

	f.at = (struct interval){ last, last + LT_HOUR };
	assert_codes(&f, "");
	f.at = (struct interval){ last + 15 * LT_MINUTE, last + LT_HOUR };
	assert_codes(&f, "beyond-horizon");
	policy.horizon_opens_min = 9 * 60;                      /* 08:07 is too early for the 31st */
	f.at = (struct interval){ last, last + LT_HOUR };
	assert_codes(&f, "beyond-horizon");
	f.now = SH("08:59") + 59 * LT_SECOND;
	assert_codes(&f, "beyond-horizon");
	f.now = SH("09:00");
	assert_codes(&f, "");
	policy.horizon_ms = 4 * LT_HOUR;                        /* a short horizon moves with now */
	f.now = SH("08:00");
	f.at = (struct interval){ SH("12:00"), SH("13:00") };
	assert_codes(&f, "");
	f.at.from += 15 * LT_MINUTE;
	assert_codes(&f, "beyond-horizon");
}

static void r06_notice(void **state)
{
	struct rule_facts f = good();

	set("notice", "2h");
	f.now = SH("08:00");
	assert_codes(&f, "");
	f.now += 1;
	assert_codes(&f, "short-notice");
}

static void r07_opening_hours(void **state)
{
	struct rule_facts f = good();

	set("opening", "Mon..Fri 08:00-18:00");
	f.at = (struct interval){ SH("08:00"), SH("18:00") };
	f.now = SH("07:59");
	assert_codes(&f, "");
	f.at.to += 15 * LT_MINUTE;
	assert_codes(&f, "outside-opening");
	f.at = (struct interval){ SH("17:00"), SH("17:00") + LT_DAY };      /* overnight, attended */
	assert_codes(&f, "outside-opening");
	policy.attended = false;                                           /* only start and end count */
	assert_codes(&f, "");
	f.at.to = SH("20:00");
	assert_codes(&f, "outside-opening");
	f.at = (struct interval){ SH("06:00") + LT_DAY, SH("12:00") + LT_DAY };
	assert_codes(&f, "outside-opening");
}

static void r07_holidays(void **state)
{
	struct rule_facts f = good();

	set("holidays", "2026-12-02");
	assert_codes(&f, "");
	f.at.to = SH("00:00") + LT_DAY;
	assert_codes(&f, "");
	f.at.to += 15 * LT_MINUTE;
	assert_codes(&f, "outside-opening");
}

static void r10_and_r12(void **state)
{
	struct rule_facts f = good();

	f.overlaps[f.n_overlaps++] = (struct interval){ SH("11:45"), SH("12:30") };
	assert_codes(&f, "user-overlap");
	f.overlaps[0].from = SH("12:00");
	assert_codes(&f, "");
	f.windows[0] = (struct window){ WINDOW_WEEK, { t("2026-11-30T00:00:00+08:00"), t("2026-12-07T00:00:00+08:00") },
		10 * LT_HOUR, 8 * LT_HOUR };
	f.n_windows = 1;
	assert_codes(&f, "");
	f.windows[0].others_ms += LT_MINUTE;
	assert_codes(&f, "org-hours");
}

static void windows_are_local(void **state)
{
	struct window w[CALENDAR_WINDOWS];
	int n;

	policy.org_hours_week = 60;
	policy.org_hours_month = 60;
	policy.org_hours_open = 60;
	assert_true(calendar_windows(&policy, &berlin, 0, (struct interval){ t("2026-10-25T12:00:00+01:00"),
		t("2026-11-01T12:00:00+01:00") }, w, CALENDAR_WINDOWS, &n));
	assert_int_equal(n, 2 + 2 + 1);
	assert_int_equal(w[0].span.from, t("2026-10-19T00:00:00+02:00"));
	assert_int_equal(w[0].span.to, t("2026-10-26T00:00:00+01:00"));
	assert_int_equal(w[0].span.to - w[0].span.from, 7 * LT_DAY + LT_HOUR);
	assert_int_equal(w[2].span.from, t("2026-10-01T00:00:00+02:00"));
	assert_int_equal(w[3].span.to, t("2026-12-01T00:00:00+01:00"));
	assert_int_equal(w[4].span.to, LT_INSTANT_MAX);
	assert_false(calendar_windows(&policy, &berlin, 0, (struct interval){ 0, 60 * LT_DAY }, w, 4, &n));
}

/* A verb is refused only for what it creates or worsens. */
static void what_was_wrong_may_stay(void **state)
{
	struct rule_facts f = good();

	f.verb = BOOKING_EXTEND;
	f.existing = true;
	f.was = (struct interval){ SH("09:50"), SH("10:00") };   /* off the grid, too short: overridden once */
	f.at = (struct interval){ SH("09:50"), SH("10:05") };
	set("min", "1h");
	assert_codes(&f, "off-grid");                             /* its end is new; the length got better */
	f.at.to = SH("10:15");
	assert_codes(&f, "");
	set("opening", "Mon..Fri 12:00-18:00");
	assert_codes(&f, "outside-opening");
	f.was = (struct interval){ SH("09:00"), SH("17:00") };   /* what lay outside before is not asked again */
	f.at = (struct interval){ SH("09:00"), SH("18:00") };
	assert_codes(&f, "");
	f.at.to = SH("18:15");
	assert_codes(&f, "outside-opening");
	f.windows[0] = (struct window){ WINDOW_OPEN, { 0, LT_INSTANT_MAX }, LT_HOUR, 5 * LT_HOUR };
	f.n_windows = 1;
	f.at.to = f.was.to;                                       /* no more minutes than before */
	assert_codes(&f, "");
	f.at.to = SH("17:30");
	assert_codes(&f, "org-hours");
}

static void a_longer_excess_is_worse(void **state)
{
	struct rule_facts f = good();

	set("max", "1h");
	f.verb = BOOKING_EXTEND;
	f.existing = true;
	f.was = f.at;
	assert_codes(&f, "");
	f.at.to += 15 * LT_MINUTE;
	assert_codes(&f, "too-long");
	f.verb = BOOKING_MOVE;
	f.at = (struct interval){ f.was.from + LT_HOUR, f.was.to + LT_HOUR };
	assert_codes(&f, "");
}

static void r22_lock_window(void **state)
{
	struct rule_facts f = good();

	set("lock", "2h");
	f.verb = BOOKING_MOVE;
	f.existing = true;
	f.was = f.at;
	f.at = (struct interval){ SH("14:00"), SH("16:00") };
	f.now = SH("08:00") - 1;
	assert_codes(&f, "");
	f.now = SH("08:00");
	assert_codes(&f, "lock-window");
	f.verb = BOOKING_SHORTEN;
	f.at = (struct interval){ f.was.from, f.was.to - LT_HOUR };
	assert_codes(&f, "lock-window");
	f.verb = BOOKING_EXTEND;
	f.at = (struct interval){ f.was.from, f.was.to + LT_HOUR };
	assert_codes(&f, "");
	f.verb = BOOKING_CANCEL;
	assert_codes(&f, "");
}

static void shorten_meets_the_lock_only(void **state)
{
	struct rule_facts f = good();

	set("min", "4h");
	f.verb = BOOKING_SHORTEN;
	f.existing = true;
	f.was = f.at;
	f.at.to = f.at.from + 7 * LT_MINUTE;
	assert_codes(&f, "");
	f.now = f.was.from + LT_HOUR;
	f.at.to = f.now;                                          /* nothing takes effect before now */
	assert_codes(&f, "in-the-past lock-window");
}

static void r24_check_in(void **state)
{
	struct rule_facts f = good();

	f.verb = BOOKING_CHECK_IN;
	f.existing = true;
	f.was = f.at;
	f.now = SH("09:45");
	assert_codes(&f, "");
	f.now -= 1;
	assert_codes(&f, "too-early");
	f.now = SH("11:59");
	f.out_of_service = true;
	assert_codes(&f, "out-of-service");
}

static void all_violations_at_once(void **state)
{
	struct rule_facts f = good();
	struct verdict v, staff;

	set("min", "1h");
	set("opening", "Sat 08:00-18:00");
	f.conflicts[f.n_conflicts++] = (struct rule_conflict){ { SH("10:00"), SH("11:00") }, false };
	f.overlaps[f.n_overlaps++] = f.at;
	f.at = (struct interval){ SH("10:01"), SH("10:06") };
	assert_codes(&f, "slot-taken off-grid too-short outside-opening user-overlap");
	rules_ask(&f, &v);
	assert_int_equal(rules_override(&v, &staff), 1);
	assert_string_equal(v.v[0].rule, "R01");
	assert_int_equal(staff.n, 4);
	assert_true(rules_taken(&v));
}

static void every_verb_has_its_rules(void **state)
{
	/* asked for: C create, M move, E extend, S shorten, X cancel, T transfer, P promote, I check-in */
	static const struct { const char *code, *verbs; } want[] = {
		{ "slot-taken", "CMEP" }, { "block", "CMEP" }, { "out-of-service", "CMEPI" }, { "in-the-past", "CMESP" },
		{ "off-grid", "CMEP" }, { "too-short", "CMEP" }, { "too-long", "CMEP" }, { "over-a-year", "CMEP" },
		{ "beyond-horizon", "CMP" }, { "short-notice", "CMP" }, { "outside-opening", "CMEP" }, { "user-overlap", "CMETP" },
		{ "org-hours", "CMETP" }, { "lock-window", "MS" }, { "too-early", "I" },
	};
	const char letters[] = "CMESXTPI";

	for (int verb = 0; verb < BOOKING_VERBS; verb++) {
		struct rule_facts f = good();
		struct finding found[RULES_MAX];

		f.verb = (enum booking_verb)verb;
		f.existing = verb != BOOKING_CREATE && verb != BOOKING_PROMOTE;
		f.was = f.at;
		assert_int_equal(rules_examine(&f, found), sizeof(want) / sizeof(want[0]));
		for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
			assert_string_equal(found[i].v.code, want[i].code);
			assert_int_equal(found[i].applies, strchr(want[i].verbs, letters[verb]) != NULL);
		}
	}
}

static void grid_on_dst_nights(void **state)
{
	int64_t hour4 = 4 * LT_HOUR;

	/* 25 h: 00, 04 ... counted by instants from midnight: 04:00 on the clock is 5 h after it */
	assert_true(calendar_on_grid(&berlin, hour4, t("2026-10-25T03:00:00+01:00")));
	assert_false(calendar_on_grid(&berlin, hour4, t("2026-10-25T04:00:00+01:00")));
	assert_int_equal(calendar_grid_next(&berlin, hour4, t("2026-10-25T23:30:00+01:00")),
		t("2026-10-26T00:00:00+01:00"));
	/* both 02:30 of the repeated hour are on a half-hour grid, and differ */
	assert_true(calendar_on_grid(&berlin, 30 * LT_MINUTE, t("2026-10-25T02:30:00+02:00")));
	assert_true(calendar_on_grid(&berlin, 30 * LT_MINUTE, t("2026-10-25T02:30:00+01:00")));
	/* 23 h */
	assert_true(calendar_on_grid(&new_york, hour4, t("2026-03-08T05:00:00-04:00")));
	assert_int_equal(calendar_cell(&new_york, hour4, t("2026-03-08T23:59:00-04:00")), t("2026-03-08T21:00:00-04:00"));
	assert_int_equal(calendar_grid_next(&new_york, hour4, t("2026-03-08T21:00:01-04:00")),
		t("2026-03-09T00:00:00-04:00"));
}

static void opening_on_dst_nights(void **state)
{
	struct interval night = { t("2026-10-25T00:00:00+02:00"), t("2026-10-26T00:00:00+01:00") }, open[OPENING_MAX];

	set("opening", "Sun 01:30-02:30");                       /* 02:30 shows twice: open to the second */
	assert_int_equal(calendar_day_open(&policy, &berlin, lt_days_from_civil(2026, 10, 25), open), 1);
	assert_int_equal(open[0].from, t("2026-10-25T01:30:00+02:00"));
	assert_int_equal(open[0].to, t("2026-10-25T02:30:00+01:00"));
	assert_int_equal(calendar_outside_ms(&policy, &berlin, night), 23 * LT_HOUR);
	/* 02:15 does not exist on this night in New York: closing then means closing at the jump */
	policy_defaults(&policy);
	set("opening", "Sun 01:00-02:15");
	assert_int_equal(calendar_day_open(&policy, &new_york, lt_days_from_civil(2026, 3, 8), open), 1);
	assert_int_equal(open[0].to - open[0].from, LT_HOUR);
}

static void open_spans_join_days(void **state)
{
	struct interval s;

	set("opening", "Mon..Tue 00:00-24:00, Thu 08:00-12:00");
	set("holidays", "2026-12-08");
	assert_true(calendar_open_span(&policy, &shanghai, SH("08:00"), SH("08:00") + 30 * LT_DAY, &s));
	assert_int_equal(s.from, SH("00:00"));
	assert_int_equal(s.to, SH("00:00") + LT_DAY);
	assert_true(calendar_open_span(&policy, &shanghai, s.to, s.to + 30 * LT_DAY, &s));
	assert_int_equal(s.from, t("2026-12-03T08:00:00+08:00"));
	assert_int_equal(s.to, t("2026-12-03T12:00:00+08:00"));
	assert_true(calendar_open_span(&policy, &shanghai, s.to, s.to + 30 * LT_DAY, &s));
	assert_int_equal(s.from, t("2026-12-07T00:00:00+08:00"));
	assert_int_equal(s.to, t("2026-12-08T00:00:00+08:00"));
	assert_false(calendar_open_span(&policy, &shanghai, t("2026-12-04T00:00:00+08:00"), t("2026-12-06T00:00:00+08:00"),
		&s));
}

/* What retry says is a bound: nothing before it is acceptable. Compared with trying every grid line. */
static void retry_skips_nothing(void **state)
{
	static const char *const hours[] = { "Mon..Fri 08:00-18:00", "Mon 08:00-12:00, Tue 13:00-22:15, Sun 00:00-24:00",
		"Mon..Sun 00:00-24:00" };
	unsigned seed = 7;

	for (int round = 0; round < 12; round++) {
		struct rule_facts f = good();
		struct verdict v;
		int64_t to, brute;

		policy_defaults(&policy);
		set("opening", hours[round % 3]);
		policy.attended = round % 2;
		policy.notice_ms = round % 5 == 0 ? 3 * LT_HOUR : 0;
		f.n_conflicts = round % 4;
		for (int i = 0; i < f.n_conflicts; i++) {
			int64_t from = SH("00:00") + (int64_t)((seed = seed * 1103515245u + 12345u) >> 8) % 400 * 15 * LT_MINUTE;

			f.conflicts[i] = (struct rule_conflict){ { from, from + 3 * LT_HOUR }, i == 1 };
		}
		for (int64_t at = SH("08:00"); at < SH("08:00") + 5 * LT_DAY; at += 75 * LT_MINUTE) {
			struct rule_facts g = f;
			int taken = 0;

			g.at = (struct interval){ at, at + 4 * LT_HOUR };
			for (int i = 0; i < f.n_conflicts; i++)
				if (interval_overlaps(g.at, f.conflicts[i].span))
					g.conflicts[taken++] = f.conflicts[i];
			g.n_conflicts = taken;
			if (rules_ask(&g, &v) == 0)
				continue;
			to = rules_retry_from(&g, &v);
			assert_true(to > at);
			for (brute = at + 15 * LT_MINUTE; brute < to && brute < at + 2 * LT_DAY; brute += 15 * LT_MINUTE) {
				struct rule_facts h = f;

				h.at = (struct interval){ brute, brute + 4 * LT_HOUR };
				taken = 0;
				for (int i = 0; i < f.n_conflicts; i++)
					if (interval_overlaps(h.at, f.conflicts[i].span))
						h.conflicts[taken++] = f.conflicts[i];
				h.n_conflicts = taken;
				assert_true(rules_ask(&h, &v) > 0);
			}
		}
	}
}

static void interval_arithmetic(void **state)
{
	struct interval set3[] = { { 50, 60 }, { 0, 10 }, { 10, 20 }, { 55, 58 }, { 7, 7 } };
	int n = interval_merge(set3, 5);

	assert_int_equal(n, 2);
	assert_int_equal(set3[0].to, 20);
	assert_int_equal(interval_covered_ms((struct interval){ 5, 55 }, set3, n), 20);
	assert_false(interval_overlaps((struct interval){ 0, 10 }, (struct interval){ 10, 20 }));
	assert_false(interval_overlaps((struct interval){ 5, 5 }, (struct interval){ 0, 20 }));
	assert_true(interval_overlaps((struct interval){ 0, 11 }, (struct interval){ 10, 20 }));
}

/* Final states lead nowhere, but for what a later reading shows to have been used. */
static void states_and_edges(void **state)
{
	int edges = 0;

	for (int s = 0; s < BOOKING_STATES; s++)
		for (int e = 0; e < BOOKING_EVENTS; e++) {
			enum booking_state to = BOOKING_STATES, back;
			bool ok = booking_next((enum booking_state)s, (enum booking_event)e, &to);

			edges += ok;
			if (!ok)
				assert_int_equal(to, BOOKING_STATES);
			if (ok && !booking_is_live((enum booking_state)s))
				assert_true((s == BOOKING_NO_SHOW || s == BOOKING_LAPSED) && e == BOOKING_UNDO_MISS &&
					to == BOOKING_COMPLETED);
			if (s == BOOKING_ACTIVE && e == BOOKING_DISPLACE)
				assert_false(ok);
			assert_true(booking_state_from_name(booking_state_name((enum booking_state)s), &back));
			assert_int_equal(back, s);
		}
	assert_int_equal(edges, 4 + 5 + 5 + 2);
}

static int load_zones(void **state)
{
	struct lt_err err;

	return zone_load(&shanghai, "Asia/Shanghai", &err) != 0 || zone_load(&berlin, "Europe/Berlin", &err) != 0 ||
	       zone_load(&new_york, "America/New_York", &err) != 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh)
	const struct CMUnitTest tests[] = {
		T(a_good_booking_meets_no_rule), T(r01_taken_and_r21_block), T(r03_grid), T(r03_walk_up_is_not_the_past),
			T(r04_length),
		T(r05_horizon_opens_by_days), T(r06_notice), T(r07_opening_hours), T(r07_holidays), T(r10_and_r12),
		T(windows_are_local),
		T(what_was_wrong_may_stay), T(a_longer_excess_is_worse), T(r22_lock_window), T(shorten_meets_the_lock_only),
		T(r24_check_in), T(all_violations_at_once), T(every_verb_has_its_rules), T(grid_on_dst_nights),
		T(opening_on_dst_nights),
		T(open_spans_join_days), T(retry_skips_nothing), T(interval_arithmetic), T(states_and_edges),
	};

	return cmocka_run_group_tests_name("rules", tests, load_zones, NULL);
}
