/*
 * terms.c - the table of policy keys and price keys, and what must hold between them.
 *
 * A key is one row here: its name, kind, range and rule. Configuration, stored versions, explanations and the
 * documentation read this table. Owns nothing; fails with an lt_err that names the key, the value and the range.
 */
#include "core/terms.h"

#include <string.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "core/terms_value.h"

#define P(member) offsetof(struct policy, member)
#define R(member) offsetof(struct price, member)
#define COUNT(t) ((int)(sizeof(t) / sizeof((t)[0])))
#define RATE_MAX INT64_C(100000000000)

static const struct value_def policy_keys[] = {
	{ "grid", VALUE_GRID, P(grid_ms), LT_MINUTE, LT_DAY, LT_MINUTE, NULL, "R03", "bookings start and end on this grid, counted from local midnight" },
	{ "min", VALUE_DURATION, P(min_ms), LT_MINUTE, 366 * LT_DAY, LT_MINUTE, NULL, "R04", "shortest booking; a multiple of grid" },
	{ "max", VALUE_DURATION, P(max_ms), LT_MINUTE, 366 * LT_DAY, LT_MINUTE, NULL, "R04", "longest booking; a multiple of grid" },
	{ "horizon", VALUE_DURATION, P(horizon_ms), LT_HOUR, 1830 * LT_DAY, LT_MINUTE, NULL, "R05", "how far ahead a booking may start" },
	{ "horizon_opens", VALUE_CLOCK, P(horizon_opens_min), 0, 1439, 0, NULL, "R05", "local time at which a further day opens" },
	{ "notice", VALUE_DURATION, P(notice_ms), 0, 90 * LT_DAY, LT_SECOND, NULL, "R06", "how long before its start a booking must be made; 0s allows walk-ups" },
	{ "opening", VALUE_OPENING, P(opening), 0, 0, 0, "always", "R07", "opening hours in the site's time" },
	{ "holidays", VALUE_HOLIDAYS, P(holidays), 0, 0, 0, "none", "R07", "local dates on which it is closed" },
	{ "attended", VALUE_BOOL, P(attended), 0, 1, 0, NULL, "R07, R10", "somebody must be there: the whole booking lies inside opening hours" },
	{ "turnover", VALUE_DURATION, P(turnover_ms), 0, LT_DAY, LT_SECOND, NULL, "R02", "kept free after each booking, never billed" },
	{ "turnover_same_org", VALUE_BOOL, P(turnover_same_org), 0, 1, 0, NULL, "R02", "turnover also between bookings of one org" },
	{ "org_hours_week", VALUE_MINUTES, P(org_hours_week), LT_MINUTE, 7 * LT_DAY, LT_MINUTE, "none", "R12", "time an org may book in an ISO week" },
	{ "org_hours_month", VALUE_MINUTES, P(org_hours_month), LT_MINUTE, 31 * LT_DAY, LT_MINUTE, "none", "R12", "time an org may book in a local month" },
	{ "org_hours_open", VALUE_MINUTES, P(org_hours_open), LT_MINUTE, 366 * LT_DAY, LT_MINUTE, "none", "R12", "time an org may hold in future bookings" },
	{ "first_refusal", VALUE_DURATION, P(first_refusal_ms), 0, 30 * LT_DAY, LT_SECOND, NULL, "R21", "how long the next slot is held for the owner of a displaced booking; 0s: not" },
	{ "lock", VALUE_DURATION, P(lock_ms), 0, 90 * LT_DAY, LT_SECOND, NULL, "R22", "before the start, when a booking can no longer be moved or shortened" },
	{ "early", VALUE_DURATION, P(early_ms), 0, LT_DAY, LT_SECOND, NULL, "R24", "how early a session may begin on a free unit" },
	{ "no_show", VALUE_DURATION, P(no_show_ms), LT_MINUTE, LT_DAY, LT_SECOND, NULL, "R25", "usable time without use after which a booking is released; at most half of it" },
	{ "first_run", VALUE_DURATION, P(first_run_ms), LT_MINUTE, 2 * LT_DAY, LT_SECOND, NULL, "R25", "after a check-in, how long to wait for the first run" },
	{ "idle_release", VALUE_DURATION, P(idle_release_ms), 30 * LT_MINUTE, 2 * LT_DAY, LT_SECOND, "off", "R26", "idle time after which the rest is released" },
	{ "grace", VALUE_DURATION, P(grace_ms), 0, LT_DAY, LT_SECOND, NULL, "R28", "overrun that is free while nobody waits" },
	{ "end_warning", VALUE_DURATION, P(end_warning_ms), 0, LT_DAY, LT_SECOND, NULL, "R28", "before the end of a booking in use, when its user and the next are told; 0s: not" },
	{ "overrun", VALUE_OVERRUN, P(overrun), 0, 2, 0, NULL, "R28", "continue, inhibit_next or lock_after the run ends; a run is never cut" },
	{ "gap", VALUE_DURATION, P(gap_ms), 5 * LT_SECOND, LT_DAY, LT_SECOND, "auto", "gaps", "silence after which a session is unknown; auto: the larger of 30s and 10 polls" },
	{ "settle", VALUE_DURATION, P(settle_ms), LT_MINUTE, 90 * LT_DAY, LT_SECOND, NULL, "settling", "a closed session is charged at the latest after this" },
	{ "max_overrun", VALUE_DURATION, P(max_overrun_ms), 0, 2 * LT_DAY, LT_SECOND, NULL, "R17", "overrun that a hold covers" },
};

static const struct value_def price_keys[] = {
	{ "rate", VALUE_MONEY, R(rate_minor), 0, RATE_MAX, 0, NULL, "time", "an hour of measured time" },
	{ "idle_rate", VALUE_MONEY, R(idle_rate_minor), 0, RATE_MAX, 0, NULL, "idle", "an hour ready but not running" },
	{ "idle_after", VALUE_DURATION, R(idle_after_ms), 0, LT_DAY, LT_SECOND, NULL, "idle", "idle spells up to this count as use" },
	{ "step", VALUE_DURATION, R(step_ms), LT_SECOND, LT_DAY, LT_SECOND, NULL, "step", "the session's total is rounded up to this" },
	{ "minimum", VALUE_MONEY, R(minimum_minor), 0, RATE_MAX, 0, NULL, "minimum", "least charge of a session with use" },
	{ "overrun_factor", VALUE_FACTOR, R(overrun_pm), 0, 100000, 0, NULL, "overrun", "times the rate, past the booked end and the grace" },
	{ "into_next_factor", VALUE_FACTOR, R(into_next_pm), 0, 100000, 0, NULL, "overrun", "times the rate, while the next booking waits" },
	{ "walk_up_factor", VALUE_FACTOR, R(walk_up_pm), 0, 100000, 0, NULL, "walk_up", "times the rate, for use without a booking" },
	{ "no_show_fee", VALUE_PERCENT, R(no_show_bp), 0, 10000, 0, NULL, "R25", "of the booked price" },
	{ "late_cancel", VALUE_TIERS, R(tiers), 0, 0, 0, "none", "R23", "fee by notice, the longest notice first, the last one from 0s" },
	{ "usage", VALUE_USAGE, R(usage), 0, 0, 0, NULL, "policy", "used, max, booked_plus_overrun or a least share of the booked time" },
	{ "price_change", VALUE_CHANGE, R(change), 0, 0, 0, NULL, "policy", "lock_at_booking, lock_at_start or split" },
};

void policy_defaults(struct policy *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->grid_ms = ret->min_ms = 15 * LT_MINUTE;
	ret->max_ms = 48 * LT_HOUR;
	ret->horizon_ms = 30 * LT_DAY;
	ret->attended = true;
	ret->first_refusal_ms = LT_DAY;
	ret->early_ms = 15 * LT_MINUTE;
	ret->no_show_ms = 30 * LT_MINUTE;
	ret->first_run_ms = LT_HOUR;
	ret->grace_ms = 5 * LT_MINUTE;
	ret->end_warning_ms = 10 * LT_MINUTE;
	ret->settle_ms = 72 * LT_HOUR;
	ret->max_overrun_ms = LT_HOUR;
}

void price_defaults(struct price *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->rate_minor = 10000;
	ret->step_ms = LT_SECOND;
	ret->overrun_pm = ret->into_next_pm = ret->walk_up_pm = 1000;
}

static int set(const struct value_def *keys, int n, void *base, const char *key, const char *value, int exponent,
	       struct lt_err *err)
{
	char range[128];
	const char *why;
	int i = 0;

	while (i < n && strcmp(keys[i].name, key) != 0)
		i++;
	if (i == n)
		return lt_err_set(err, "unknown-key", key, "there is no key \"%.*s\" here; docs/configuration.md lists them",
			64, key);
	if (strlen(value) >= VALUE_TEXT)
		return lt_err_set(err, "bad-value", key, "the value of %s is longer than %d characters", key, VALUE_TEXT - 1);
	why = value_read(&keys[i], base, value, exponent);
	if (!why)
		return 0;
	value_range(&keys[i], exponent, range, sizeof(range));
	return lt_err_set(err, strcmp(why, "is out of range") == 0 ? "out-of-range" : "bad-value", key,
		"%s = \"%.*s\" %s%s%s%s",
			  key, 96, value, why, range[0] ? " (" : "", range, range[0] ? ")" : "");
}

int policy_set(struct policy *p, const char *key, const char *value, struct lt_err *err)
{
	return set(policy_keys, COUNT(policy_keys), p, key, value, 0, err);
}

int price_set(struct price *p, const char *key, const char *value, int exponent, struct lt_err *err)
{
	return set(price_keys, COUNT(price_keys), p, key, value, exponent, err);
}

static int conflict(struct lt_err *err, const char *key, const char *other, int64_t a_ms, int64_t b_ms,
	const char *must)
{
	char a[32], b[32];

	terms_duration_text(a, sizeof(a), a_ms);
	terms_duration_text(b, sizeof(b), b_ms);
	return lt_err_set(err, "conflicting-keys", key, "%s = \"%s\" must %s %s = \"%s\"; set one of the two", key, a, must,
			  other, b);
}

int policy_check(const struct policy *p, struct lt_err *err)
{
	if (p->min_ms % p->grid_ms)
		return conflict(err, "min", "grid", p->min_ms, p->grid_ms, "be a multiple of");
	if (p->max_ms % p->grid_ms)
		return conflict(err, "max", "grid", p->max_ms, p->grid_ms, "be a multiple of");
	if (p->min_ms > p->max_ms)
		return conflict(err, "min", "max", p->min_ms, p->max_ms, "not be longer than");
	if (p->notice_ms > p->horizon_ms)
		return conflict(err, "notice", "horizon", p->notice_ms, p->horizon_ms, "not be longer than");
	return 0;
}

int price_check(const struct price *p, struct lt_err *err)
{
	if (p->n_tiers && p->tiers[p->n_tiers - 1].notice_ms != 0)
		return lt_err_set(err, "conflicting-keys", "late_cancel",
			"late_cancel must say what no notice costs: end it with a tier \"0s ...%%\"");
	for (int i = 1; i < p->n_tiers; i++) {
		if (p->tiers[i].notice_ms >= p->tiers[i - 1].notice_ms)
			return lt_err_set(err, "conflicting-keys", "late_cancel",
				"late_cancel must have the longest notice first, each once");
		if (p->tiers[i].fee_bp < p->tiers[i - 1].fee_bp)
			return lt_err_set(err, "conflicting-keys", "late_cancel",
				"late_cancel must not get cheaper with less notice");
	}
	return 0;
}

static void text(const struct value_def *keys, int n, const void *base, int exponent, char dst[TERMS_TEXT])
{
	char value[VALUE_TEXT];
	size_t used = 0;

	dst[0] = '\0';
	for (int i = 0; i < n && used < TERMS_TEXT; i++) {
		value_write(&keys[i], base, exponent, value, sizeof(value));
		used += lt_fmt(dst + used, TERMS_TEXT - used, "%s = %s\n", keys[i].name, value);
	}
}

void policy_text(const struct policy *p, char dst[TERMS_TEXT])
{
	text(policy_keys, COUNT(policy_keys), p, 0, dst);
}

void price_text(const struct price *p, int exponent, char dst[TERMS_TEXT])
{
	text(price_keys, COUNT(price_keys), p, exponent, dst);
}

/* Takes "key = value" from the text into two buffers. False: not such a line, or too long. */
static bool line(const char **s, char key[32], char value[VALUE_TEXT])
{
	const char *end = strchr(*s, '\n'), *equals = strstr(*s, " = ");
	size_t k, v;

	if (!end || !equals || equals > end)
		return false;
	k = (size_t)(equals - *s);
	v = (size_t)(end - (equals + 3));
	if (k >= 32 || v >= VALUE_TEXT)
		return false;
	memcpy(key, *s, k);
	key[k] = '\0';
	memcpy(value, equals + 3, v);
	value[v] = '\0';
	*s = end + 1;
	return true;
}

static int from_text(const struct value_def *keys, int n, void *base, const char *s, int exponent, struct lt_err *err)
{
	char key[32], value[VALUE_TEXT];

	while (*s) {
		if (!line(&s, key, value))
			return lt_err_set(err, "bad-terms", "", "terms are lines of \"key = value\"");
		if (set(keys, n, base, key, value, exponent, err) < 0)
			return -1;
	}
	return 0;
}

int policy_from_text(struct policy *ret, const char *s, struct lt_err *err)
{
	struct policy p;

	policy_defaults(&p);
	if (from_text(policy_keys, COUNT(policy_keys), &p, s, 0, err) < 0 || policy_check(&p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

int price_from_text(struct price *ret, const char *s, int exponent, struct lt_err *err)
{
	struct price p;

	price_defaults(&p);
	if (from_text(price_keys, COUNT(price_keys), &p, s, exponent, err) < 0 || price_check(&p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

/* ---- The table, for those who explain it ---- */

static bool entry(const struct value_def *keys, int n, const void *base, const void *defaults, int i, int exponent,
		  struct terms_entry *ret)
{
	char value[VALUE_TEXT];

	if (i < 0 || i >= n)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->name = keys[i].name;
	ret->rule = keys[i].rule;
	ret->about = keys[i].about;
	value_range(&keys[i], exponent, ret->range, sizeof(ret->range));
	value_write(&keys[i], defaults, exponent, value, sizeof(value));
	lt_fmt(ret->initial, sizeof(ret->initial), "%s", value);
	value_write(&keys[i], base, exponent, ret->value, sizeof(ret->value));
	return true;
}

bool policy_entry(const struct policy *p, int i, struct terms_entry *ret)
{
	struct policy defaults;

	policy_defaults(&defaults);
	return entry(policy_keys, COUNT(policy_keys), p ? p : &defaults, &defaults, i, 0, ret);
}

bool price_entry(const struct price *p, int exponent, int i, struct terms_entry *ret)
{
	struct price defaults;

	price_defaults(&defaults);
	return entry(price_keys, COUNT(price_keys), p ? p : &defaults, &defaults, i, exponent, ret);
}
