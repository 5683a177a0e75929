/*
 * test_core_swept.c - core over whole spaces: the interlock in every state it can be in, and random bookings against
 * what must hold of the rules: what does not change is not refused, and a search that skips ahead skips nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/interlock.h"
#include "core/policy.h"

#define NOON INT64_C(1796097600000)     /* of a Tuesday, UTC */

/* ---- the interlock ---- */

static void one_step(const struct interlock *before, const struct interlock_rules *r, const struct interlock_view *v)
{
	bool leased = v->desired != LT_LOCK_UNKNOWN && v->now < v->valid_until;
	enum lt_lock wish = leased ? v->desired : r->fail_locked && !r->gates_power ? LT_LOCK_LOCKED : LT_LOCK_UNKNOWN;
	struct interlock s = *before;
	struct interlock_result got;

	interlock_step(&s, r, v, &got);
	assert_int_equal(s.lock, v->read_back);                         /* I9: never what was written */
	assert_int_equal(got.changed, before->lock != s.lock);
	assert_int_equal(got.feed, leased && r->has_watchdog && !r->gates_power);
	assert_non_null(got.why);
	if (got.action != INTERLOCK_REST)
		assert_true(wish != LT_LOCK_UNKNOWN && wish != v->read_back);
	if (got.action == INTERLOCK_WRITE_LOCK)
		assert_true(wish == LT_LOCK_LOCKED && (r->hard_stop || (v->run_direct && v->run == RUN_OFF)));
	if (got.action == INTERLOCK_READ_RUN)
		assert_true(wish == LT_LOCK_LOCKED && !r->hard_stop && !v->run_direct);
	if (got.action == INTERLOCK_WRITE_UNLOCK)
		assert_true(leased && v->desired == LT_LOCK_UNLOCKED && v->lease_at >= v->up_since);
	if (got.drift)
		assert_true(before->pending == LT_LOCK_UNKNOWN && before->verified != LT_LOCK_UNKNOWN &&
			    v->read_back != LT_LOCK_UNKNOWN && v->read_back != before->verified && got.why[0]);
	if (wish != LT_LOCK_UNKNOWN && wish != v->read_back && got.action == INTERLOCK_REST && !got.why[0])
		assert_true(before->pending == wish && v->now < before->verify_until);   /* a write is under way */
}

static void every_state_of_an_interlock(void **state)
{
	long steps = 0;

	for (int i = 0; i < 3 * 3 * 3 * 2; i++)
		for (int k = 0; k < 16; k++)
			for (int j = 0; j < 3 * 2 * 2 * 3 * 3 * 2; j++) {
				struct interlock s = { .lock = (enum lt_lock)(i % 3), .pending = (enum lt_lock)(i / 3 % 3),
					.verified = (enum lt_lock)(i / 9 % 3), .verify_until = i / 27 ? 2000 : 500 };
				struct interlock_rules r = { .gates_power = k & 1, .fail_locked = k & 2, .hard_stop = k & 4,
					.has_watchdog = k & 8, .verify_ms = 2000 };
				struct interlock_view v = { .now = 1000, .desired = (enum lt_lock)(j % 3),
					.valid_until = j / 3 % 2 ? 1001 : 1000, .up_since = 700, .lease_at = j / 6 % 2 ? 700 : 699,
					.read_back = (enum lt_lock)(j / 12 % 3), .run = (enum interlock_run)(j / 36 % 3),
					.run_direct = j / 108 };

				one_step(&s, &r, &v);
				steps++;
			}
	assert_int_equal(steps, 54 * 16 * 216);
}

/* ---- the rules ---- */

static uint64_t seed;

static int64_t below(int64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((seed >> 33) % (uint64_t)n);
}

/* Everything that facts are gathered from. */
struct world {
	struct policy policy;
	struct lt_zone zone;
	int64_t now, length, others_ms[3];
	bool out_of_service;
	int n_conflicts, n_overlaps;
	struct rule_conflict conflicts[RULE_CONFLICTS];
	struct interval overlaps[RULE_OVERLAPS];
};

static void policy_of(struct policy *p, const char *key, const char *value)
{
	struct lt_err err;

	if (policy_set(p, key, value, &err) < 0)
		fail_msg("%s = %s: %s", key, value, err.text);
}

static int64_t quarter(int64_t quarters)
{
	return NOON + below(quarters) * 15 * LT_MINUTE;
}

static void make_world(struct world *w)
{
	static const char *const hours[] = { "always", "Mon..Fri 08:00-18:00", "Mon 08:00-12:00, Sat 22:00-03:00",
		"Mon..Sun 00:00-24:00" };
	static const char *const quotas[] = { "none", "none", "6h", "40h" };
	static const char *const horizons[] = { "30d", "7d", "12h", "366d" };

	memset(w, 0, sizeof(*w));
	w->zone = (struct lt_zone){ .name = "UTC" };
	policy_defaults(&w->policy);
	policy_of(&w->policy, "opening", hours[below(4)]);
	policy_of(&w->policy, "holidays", below(4) ? "none" : "2026-12-02, 2026-12-03");
	policy_of(&w->policy, "org_hours_week", quotas[below(4)]);
	policy_of(&w->policy, "org_hours_month", quotas[below(4)]);
	policy_of(&w->policy, "org_hours_open", quotas[below(3)]);
	policy_of(&w->policy, "horizon", horizons[below(4)]);
	policy_of(&w->policy, "max", "4d");
	policy_of(&w->policy, "notice", below(3) ? "0s" : "3h");
	w->policy.attended = below(2);
	w->now = quarter(40) + below(3) * 400000;
	w->length = (1 + below(below(2) ? 40 : 300)) * 15 * LT_MINUTE;
	for (int i = 0; i < 3; i++)
		w->others_ms[i] = below(12) * LT_HOUR;
	w->out_of_service = !below(20);
	w->n_conflicts = (int)below(4);
	w->n_overlaps = (int)below(3);
	for (int i = 0; i < w->n_conflicts; i++) {
		w->conflicts[i].span.from = quarter(400);
		w->conflicts[i].span.to = w->conflicts[i].span.from + (1 + below(60)) * 15 * LT_MINUTE;
		w->conflicts[i].block = below(2);
	}
	for (int i = 0; i < w->n_overlaps; i++) {
		w->overlaps[i].from = quarter(400);
		w->overlaps[i].to = w->overlaps[i].from + (1 + below(30)) * 15 * LT_MINUTE;
	}
}

static struct rule_facts gather(const struct world *w, enum booking_verb verb, int64_t from, int64_t length)
{
	struct rule_facts f = { .verb = verb, .policy = &w->policy, .zone = &w->zone, .now = w->now,
		.at = { from, from + length }, .out_of_service = w->out_of_service };

	for (int i = 0; i < w->n_conflicts; i++)
		if (interval_overlaps(f.at, w->conflicts[i].span))
			f.conflicts[f.n_conflicts++] = w->conflicts[i];
	for (int i = 0; i < w->n_overlaps; i++)
		if (w->policy.attended && interval_overlaps(f.at, w->overlaps[i]))
			f.overlaps[f.n_overlaps++] = w->overlaps[i];
	f.windows_missing = !calendar_windows(&w->policy, &w->zone, w->now, f.at, f.windows, CALENDAR_WINDOWS,
		&f.n_windows);
	for (int i = 0; i < f.n_windows; i++)
		f.windows[i].others_ms = w->others_ms[f.windows[i].kind];
	return f;
}

/* After a refusal no start before the one that is tried next would have been accepted. */
static void a_search_skips_nothing(void **state)
{
	struct world w;
	struct verdict v;
	long refused = 0, hopeless = 0;

	for (int round = 0; round < 6000; round++) {
		struct rule_facts f;
		int64_t retry, most;

		seed = (uint64_t)round;
		make_world(&w);
		f = gather(&w, BOOKING_CREATE, quarter(300) - LT_DAY, w.length);
		if (rules_ask(&f, &v) == 0)
			continue;
		refused++;
		retry = rules_retry_from(&f, &v);
		hopeless += retry == INT64_MAX;
		assert_true(retry > f.at.from);
		most = retry < f.at.from + 20 * LT_DAY ? retry : f.at.from + 20 * LT_DAY;
		for (int i = 0; i < 20 && most - f.at.from > 15 * LT_MINUTE; i++) {
			int64_t start = f.at.from + below((most - f.at.from) / (15 * LT_MINUTE)) * 15 * LT_MINUTE;
			struct rule_facts g = gather(&w, BOOKING_CREATE, start, w.length);
			struct verdict still;

			if (start < retry && rules_ask(&g, &still) == 0)
				fail_msg("round %d: the search goes on at +%lld min, but +%lld min is free", round,
					(long long)((retry - f.at.from) / LT_MINUTE), (long long)((start - f.at.from) / LT_MINUTE));
		}
	}
	assert_true(refused > 2000 && hopeless > 50 && hopeless < refused);
}

/* A booking that stays where it is meets no rule about where it is; one that only gets shorter at its end neither. */
static void what_does_not_change_is_not_refused(void **state)
{
	static const char *const about_its_place[] = { "off-grid", "too-short", "too-long", "over-a-year", "beyond-horizon",
		"short-notice", "outside-opening", "org-hours", "in-the-past" };
	struct world w;
	struct verdict v;

	for (int round = 0; round < 6000; round++) {
		struct rule_facts f;

		seed = (uint64_t)round;
		make_world(&w);
		f = gather(&w, BOOKING_MOVE, quarter(300), w.length);
		f.existing = true;
		f.was = f.at;
		rules_ask(&f, &v);
		for (size_t i = 0; i < sizeof(about_its_place) / sizeof(about_its_place[0]); i++)
			if (rules_has(&v, about_its_place[i]))
				fail_msg("round %d: %s, and nothing changed", round, about_its_place[i]);
		f.was.to += LT_HOUR;
		rules_ask(&f, &v);
		assert_false(rules_has(&v, "org-hours") || rules_has(&v, "too-long") || rules_has(&v, "beyond-horizon") ||
			     rules_has(&v, "short-notice"));
	}
}

/* Far away, long, early or late, another's or one's own: always text for people, and never a longest booking. */
static void every_finding_says_something(void **state)
{
	static const enum booking_verb verbs[] = { BOOKING_CREATE, BOOKING_MOVE, BOOKING_EXTEND, BOOKING_SHORTEN,
		BOOKING_TRANSFER, BOOKING_PROMOTE, BOOKING_CHECK_IN };
	static const int64_t horizons[] = { 30 * LT_DAY, 12 * LT_HOUR, INT64_C(300000) * LT_DAY };
	struct world w;

	for (int round = 0; round < 12000; round++) {
		struct finding all[RULES_MAX];
		struct rule_facts f;
		struct verdict v;
		int n;

		seed = (uint64_t)round;
		make_world(&w);
		w.policy.horizon_ms = horizons[below(3)];
		f = gather(&w, verbs[below(7)], quarter(300), below(9) ? w.length : 400 * LT_DAY);
		f.existing = f.verb != BOOKING_CREATE && f.verb != BOOKING_PROMOTE;
		f.was = (struct interval){ f.at.from + (below(9) - 4) * LT_HOUR, f.at.to + (below(9) - 4) * LT_HOUR };
		f.now += below(4) ? 0 : below(8) * LT_DAY;
		n = rules_examine(&f, all);
		assert_true(n > 10 && n <= RULES_MAX);
		for (int i = 0; i < n; i++)
			assert_true(all[i].v.code[0] && all[i].v.text[0] && (all[i].applies || !all[i].violated));
		rules_ask(&f, &v);
		if (f.at.to - f.at.from > CALENDAR_LONGEST && f.verb <= BOOKING_EXTEND)
			assert_true(rules_has(&v, "over-a-year"));
		if (v.n > 0)
			assert_true(rules_retry_from(&f, &v) > f.at.from);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_of_an_interlock), cmocka_unit_test(a_search_skips_nothing),
		cmocka_unit_test(what_does_not_change_is_not_refused),
		cmocka_unit_test(every_finding_says_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
