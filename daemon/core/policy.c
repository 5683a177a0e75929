/*
 * policy.c - the rules of booking, one check a code, and the table of rule x verb. Pure; cannot fail.
 *
 * A check gets the facts and a finding that already carries rule, code and class; it writes limit, value and text and
 * says whether the rule is violated by what the verb creates or worsens.
 */
#include "core/policy.h"

#include <string.h>

#include "common/fmt.h"

#define SAY(f, ...) lt_fmt((f)->v.text, sizeof((f)->v.text), __VA_ARGS__)

static int64_t length(struct interval a)
{
	return a.to - a.from;
}

/* What counts of the booking as it would be and as it is: what lay in the past when it was made is nobody's time. */
static struct interval counted(const struct rule_facts *f)
{
	return (struct interval){ f->since > f->at.from ? f->since : f->at.from, f->at.to };
}

static struct interval counted_was(const struct rule_facts *f)
{
	return (struct interval){ f->was_since > f->was.from ? f->was_since : f->was.from, f->was.to };
}

static void say_duration(char *dst, size_t cap, int64_t ms)
{
	terms_duration_text(dst, cap, ms);
}

static void say_instant(const struct rule_facts *f, char *dst, size_t cap, int64_t at)
{
	if (at < 0 || at > LT_INSTANT_MAX)
		lt_fmt(dst, cap, "never");
	else
		lt_rfc3339(dst, cap, at, lt_zone_offset(f->zone, at));
}

/* The parts of the new interval that the old one did not have: at most one before and one after. */
static int added(const struct rule_facts *f, struct interval ret[2])
{
	struct interval at = counted(f);
	int n = 0;

	if (!f->existing || !interval_overlaps(at, f->was)) {
		ret[0] = at;
		return 1;
	}
	if (at.from < f->was.from)
		ret[n++] = (struct interval){ at.from, f->was.from };
	if (f->at.to > f->was.to)
		ret[n++] = (struct interval){ f->was.to, f->at.to };
	return n;
}

static bool new_start(const struct rule_facts *f)
{
	return !f->existing || f->at.from != f->was.from;
}

static bool new_end(const struct rule_facts *f)
{
	return !f->existing || f->at.to != f->was.to;
}

static const struct rule_conflict *first_conflict(const struct rule_facts *f, bool block)
{
	for (int i = 0; i < f->n_conflicts; i++)
		if (f->conflicts[i].block == block)
			return &f->conflicts[i];
	return NULL;
}

static bool check_r01(const struct rule_facts *f, struct finding *r)
{
	const struct rule_conflict *c = first_conflict(f, false);

	lt_fmt(r->v.limit, sizeof(r->v.limit), "one use at a time");
	if (c == NULL) {
		SAY(r, "the unit is free");
		return false;
	}
	say_instant(f, r->v.value, sizeof(r->v.value), c->span.from);
	SAY(r, "the unit is taken in this time; pick one of the suggestions or ask for free slots");
	return true;
}

static bool check_r21(const struct rule_facts *f, struct finding *r)
{
	const struct rule_conflict *c = first_conflict(f, true);

	lt_fmt(r->v.limit, sizeof(r->v.limit), "no block");
	if (c == NULL) {
		SAY(r, "no block lies in this time");
		return false;
	}
	say_instant(f, r->v.value, sizeof(r->v.value), c->span.from);
	SAY(r, "the instrument is blocked in this time; pick one of the suggestions or ask for free slots");
	return true;
}

static bool check_r21_service(const struct rule_facts *f, struct finding *r)
{
	lt_fmt(r->v.limit, sizeof(r->v.limit), "in service");
	lt_fmt(r->v.value, sizeof(r->v.value), "%s", f->out_of_service ? "out of service" : "in service");
	SAY(r, f->out_of_service ? "the instrument is out of service; see its notes, or take another one"
				 : "the instrument is in service");
	return f->out_of_service;
}

/* Nothing may take effect before now; the current cell of the grid is now. */
static bool check_r03_past(const struct rule_facts *f, struct finding *r)
{
	int64_t cell = calendar_cell(f->zone, f->policy->grid_ms, f->now);
	bool start = new_start(f) && f->at.from < cell, end = new_end(f) && f->at.to <= f->now;

	say_instant(f, r->v.limit, sizeof(r->v.limit), start ? cell : f->now);
	say_instant(f, r->v.value, sizeof(r->v.value), start ? f->at.from : f->at.to);
	SAY(r, start ? "the start is in the past; the earliest is the current grid cell"
	    : end ? "the end is in the past; it must be later than now" : "nothing takes effect before now");
	return start || end;
}

static bool check_r03(const struct rule_facts *f, struct finding *r)
{
	int64_t grid = f->policy->grid_ms;
	bool start = new_start(f) && f->at.from != f->now_from && !calendar_on_grid(f->zone, grid, f->at.from);
	bool end = new_end(f) && !calendar_on_grid(f->zone, grid, f->at.to);

	say_duration(r->v.limit, sizeof(r->v.limit), grid);
	say_instant(f, r->v.value, sizeof(r->v.value), start ? f->at.from : f->at.to);
	SAY(r, start ? "the start is off the grid of %s counted from local midnight"
	    : end ? "the end is off the grid of %s counted from local midnight" : "on the grid of %s", r->v.limit);
	return start || end;
}

static bool check_r04_short(const struct rule_facts *f, struct finding *r)
{
	int64_t now_short = f->policy->min_ms - length(counted(f));
	int64_t was_short = f->existing ? f->policy->min_ms - length(counted_was(f)) : 0;

	say_duration(r->v.limit, sizeof(r->v.limit), f->policy->min_ms);
	say_duration(r->v.value, sizeof(r->v.value), length(counted(f)));
	SAY(r, now_short > 0 ? "shorter than the minimum of %s; book a longer time" : "at least %s", r->v.limit);
	return now_short > 0 && now_short > was_short;
}

static bool check_r04_long(const struct rule_facts *f, struct finding *r)
{
	int64_t asked = f->asked_ms > 0 ? f->asked_ms : length(counted(f)), max = f->policy->max_ms;
	int64_t now_long = asked - max, was_long = f->existing ? length(counted_was(f)) - max : 0;

	say_duration(r->v.limit, sizeof(r->v.limit), f->policy->max_ms);
	say_duration(r->v.value, sizeof(r->v.value), asked);
	SAY(r, now_long > 0 ? "longer than the maximum of %s; book a shorter time" : "at most %s", r->v.limit);
	return now_long > 0 && now_long > was_long;
}

static bool check_r04_year(const struct rule_facts *f, struct finding *r)
{
	say_duration(r->v.limit, sizeof(r->v.limit), CALENDAR_LONGEST);
	say_duration(r->v.value, sizeof(r->v.value), length(f->at));
	SAY(r, "no booking is longer than %s", r->v.limit);
	return length(f->at) > CALENDAR_LONGEST || f->windows_missing;
}

static bool check_r05(const struct rule_facts *f, struct finding *r)
{
	int64_t horizon = calendar_horizon(f->policy, f->zone, f->now);

	say_instant(f, r->v.limit, sizeof(r->v.limit), horizon);
	say_instant(f, r->v.value, sizeof(r->v.value), f->at.from);
	SAY(r, f->at.from >= horizon ? "further ahead than may be booked now; starts before %s are open"
				     : "starts before %s are open", r->v.limit);
	return f->at.from >= horizon && (!f->existing || f->at.from > f->was.from);
}

static bool check_r06(const struct rule_facts *f, struct finding *r)
{
	int64_t notice = f->policy->notice_ms, earliest = f->now + notice;
	bool late = notice > 0 && f->at.from < earliest;

	say_duration(r->v.limit, sizeof(r->v.limit), notice);
	say_instant(f, r->v.value, sizeof(r->v.value), f->at.from);
	SAY(r, late ? "must be booked at least %s before it starts" : "a notice of %s is kept", r->v.limit);
	return late && (!f->existing || f->at.from < f->was.from);
}

static bool edge_closed(const struct rule_facts *f)
{
	return (new_start(f) && !calendar_is_open(f->policy, f->zone, counted(f).from)) ||
	       (new_end(f) && !calendar_is_open(f->policy, f->zone, f->at.to - 1));
}

static bool check_r07(const struct rule_facts *f, struct finding *r)
{
	struct interval part[2];
	int64_t outside = 0;
	int n = added(f, part);
	bool bad;

	if (f->policy->n_opening == 0 && f->policy->n_holidays == 0) {
		lt_fmt(r->v.limit, sizeof(r->v.limit), "always open");
		SAY(r, "always open");
		return false;
	}
	for (int i = 0; i < n; i++)
		outside += calendar_outside_ms(f->policy, f->zone, part[i]);
	bad = f->policy->attended ? outside > 0 : edge_closed(f);
	lt_fmt(r->v.limit, sizeof(r->v.limit), "opening hours%s", f->policy->attended ? "" : " at start and end");
	say_duration(r->v.value, sizeof(r->v.value), outside);
	SAY(r, bad ? "%s lie outside the opening hours or on a holiday; choose a time inside them"
		: "%s outside opening hours", r->v.value);
	return bad;
}

static bool check_r10(const struct rule_facts *f, struct finding *r)
{
	struct interval part[2];
	int n = added(f, part);

	lt_fmt(r->v.limit, sizeof(r->v.limit), "one attended instrument at a time");
	for (int i = 0; i < n; i++)
		for (int k = 0; k < f->n_overlaps; k++) {
			/* A transfer gives the booking to another user: all of it is new to them. */
			struct interval mine = f->verb == BOOKING_TRANSFER ? counted(f) : part[i];

			if (!interval_overlaps(mine, f->overlaps[k]))
				continue;
			say_instant(f, r->v.value, sizeof(r->v.value), f->overlaps[k].from);
			SAY(r, "the user holds another attended booking in this time; choose another time");
			return true;
		}
	SAY(r, "the user holds no other attended booking in this time");
	return false;
}

static bool check_r12(const struct rule_facts *f, struct finding *r)
{
	static const char *const names[] = { [WINDOW_WEEK] = "an ISO week", [WINDOW_MONTH] = "a month",
		[WINDOW_OPEN] = "all future bookings" };
	bool changes_org = f->verb == BOOKING_TRANSFER;

	lt_fmt(r->v.limit, sizeof(r->v.limit), f->n_windows ? "the organisation's hours" : "no limit");
	SAY(r, f->n_windows ? "inside the organisation's hours" : "no limit on the organisation's hours");
	for (int i = 0; i < f->n_windows; i++) {
		const struct window *w = &f->windows[i];
		int64_t mine = interval_common_ms(counted(f), w->span);
		int64_t mine_was = f->existing && !changes_org ? interval_common_ms(counted_was(f), w->span) : 0;

		if (w->others_ms + mine <= w->limit_ms || mine <= mine_was)
			continue;
		say_duration(r->v.limit, sizeof(r->v.limit), w->limit_ms);
		say_duration(r->v.value, sizeof(r->v.value), w->others_ms + mine);
		SAY(r, "the organisation would hold %s of at most %s in %s on this instrument", r->v.value, r->v.limit,
		    names[w->kind]);
		return true;
	}
	return false;
}

static bool check_r22(const struct rule_facts *f, struct finding *r)
{
	bool locked = f->existing && f->now >= f->was.from - f->policy->lock_ms;

	say_duration(r->v.limit, sizeof(r->v.limit), f->policy->lock_ms);
	say_instant(f, r->v.value, sizeof(r->v.value), f->was.from);
	SAY(r, locked ? "it starts within %s or has started: it can be extended or cancelled, not moved or shortened"
		      : "more than %s before the start", r->v.limit);
	return locked;
}

static bool check_r24(const struct rule_facts *f, struct finding *r)
{
	int64_t from = f->was.from - f->policy->early_ms;

	say_duration(r->v.limit, sizeof(r->v.limit), f->policy->early_ms);
	say_instant(f, r->v.value, sizeof(r->v.value), f->was.from);
	SAY(r, f->now < from ? "check-in opens %s before the start" : "within %s of the start, or later", r->v.limit);
	return f->now < from;
}

enum {
	V_CREATE = 1 << BOOKING_CREATE, V_MOVE = 1 << BOOKING_MOVE, V_EXTEND = 1 << BOOKING_EXTEND,
	V_SHORTEN = 1 << BOOKING_SHORTEN, V_TRANSFER = 1 << BOOKING_TRANSFER, V_PROMOTE = 1 << BOOKING_PROMOTE,
	V_CHECK_IN = 1 << BOOKING_CHECK_IN,
	V_PLACE = V_CREATE | V_MOVE | V_EXTEND | V_PROMOTE,
	V_START = V_CREATE | V_MOVE | V_PROMOTE,
};

/* Cancelling meets R22 and R23 only, and neither refuses it: they are its price. */
static const struct rule {
	const char *rule, *code;
	enum rule_class class;
	unsigned verbs;
	bool (*check)(const struct rule_facts *f, struct finding *r);
} rules[] = {
	{ "R01", "slot-taken", RULE_HARD, V_PLACE, check_r01 },
	{ "R21", "block", RULE_HARD, V_PLACE, check_r21 },
	{ "R21", "out-of-service", RULE_STAFF, V_PLACE | V_CHECK_IN, check_r21_service },
	{ "R03", "in-the-past", RULE_HARD, V_PLACE | V_SHORTEN, check_r03_past },
	{ "R03", "off-grid", RULE_STAFF, V_PLACE, check_r03 },
	{ "R04", "too-short", RULE_STAFF, V_PLACE, check_r04_short },
	{ "R04", "too-long", RULE_STAFF, V_PLACE, check_r04_long },
	{ "R04", "over-a-year", RULE_HARD, V_PLACE, check_r04_year },
	{ "R05", "beyond-horizon", RULE_STAFF, V_START, check_r05 },
	{ "R06", "short-notice", RULE_STAFF, V_START, check_r06 },
	{ "R07", "outside-opening", RULE_STAFF, V_PLACE, check_r07 },
	{ "R10", "user-overlap", RULE_STAFF, V_PLACE | V_TRANSFER, check_r10 },
	{ "R12", "org-hours", RULE_HARD, V_PLACE | V_TRANSFER, check_r12 },
	{ "R22", "lock-window", RULE_STAFF, V_MOVE | V_SHORTEN, check_r22 },
	{ "R24", "too-early", RULE_HARD, V_CHECK_IN, check_r24 },
};
_Static_assert(sizeof(rules) / sizeof(rules[0]) <= RULES_MAX, "RULES_MAX holds the table");
_Static_assert(RULES_MAX <= VIOLATIONS_MAX, "a verdict holds every rule");

int rules_examine(const struct rule_facts *f, struct finding ret[RULES_MAX])
{
	int n = sizeof(rules) / sizeof(rules[0]);

	for (int i = 0; i < n; i++) {
		struct finding *r = &ret[i];

		memset(r, 0, sizeof(*r));
		lt_fmt(r->v.rule, sizeof(r->v.rule), "%s", rules[i].rule);
		lt_fmt(r->v.code, sizeof(r->v.code), "%s", rules[i].code);
		r->v.class = rules[i].class;
		r->applies = (rules[i].verbs & 1u << f->verb) != 0;
		if (r->applies)
			r->violated = rules[i].check(f, r);
		else
			SAY(r, "not asked for this");
	}
	return n;
}

int rules_ask(const struct rule_facts *f, struct verdict *ret)
{
	struct finding found[RULES_MAX];
	int n = rules_examine(f, found);

	ret->n = 0;
	for (int i = 0; i < n; i++)
		if (found[i].violated)
			ret->v[ret->n++] = found[i].v;
	return ret->n;
}

int rules_override(struct verdict *v, struct verdict *ret_overridden)
{
	int kept = 0;

	ret_overridden->n = 0;
	for (int i = 0; i < v->n; i++) {
		if (v->v[i].class == RULE_STAFF)
			ret_overridden->v[ret_overridden->n++] = v->v[i];
		else
			v->v[kept++] = v->v[i];
	}
	v->n = kept;
	return kept;
}

bool rules_has(const struct verdict *v, const char *code)
{
	for (int i = 0; i < v->n; i++)
		if (strcmp(v->v[i].code, code) == 0)
			return true;
	return false;
}

bool rules_taken(const struct verdict *v)
{
	return rules_has(v, "slot-taken") || rules_has(v, "block");
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* R07: the start of the next opening that is not yet reached, else the end of the one that is too short. */
static int64_t retry_opening(const struct rule_facts *f)
{
	struct interval span;
	int64_t from = f->at.from, limit = from + 400 * LT_DAY;

	if (!calendar_open_span(f->policy, f->zone, from, limit, &span))
		return INT64_MAX;
	if (span.from > from)
		return span.from;
	return f->policy->attended && span.to < f->at.to ? span.to : from + 1;
}

static int64_t retry_windows(const struct rule_facts *f)
{
	int64_t to = f->at.from + 1;

	for (int i = 0; i < f->n_windows; i++) {
		const struct window *w = &f->windows[i];

		if (w->others_ms + interval_common_ms(counted(f), w->span) <= w->limit_ms)
			continue;
		if (w->kind == WINDOW_OPEN)
			return INT64_MAX;
		/* The start may slide until few enough of its minutes are in the full window. */
		to = later(to, w->span.to - (w->others_ms < w->limit_ms ? w->limit_ms - w->others_ms : 0));
	}
	return to;
}

int64_t rules_retry_from(const struct rule_facts *f, const struct verdict *v)
{
	static const char *const hopeless[] = { "beyond-horizon", "too-short", "too-long", "over-a-year",
		"out-of-service" };
	int64_t to = f->at.from + 1;

	for (size_t i = 0; i < sizeof(hopeless) / sizeof(hopeless[0]); i++)
		if (rules_has(v, hopeless[i]))
			return INT64_MAX;
	if (rules_taken(v))
		for (int i = 0; i < f->n_conflicts; i++)
			to = later(to, f->conflicts[i].span.to);
	if (rules_has(v, "in-the-past"))
		to = later(to, calendar_cell(f->zone, f->policy->grid_ms, f->now));
	if (rules_has(v, "short-notice"))
		to = later(to, f->now + f->policy->notice_ms);
	if (rules_has(v, "outside-opening"))
		to = later(to, retry_opening(f));
	if (rules_has(v, "user-overlap"))
		for (int i = 0; i < f->n_overlaps; i++)
			to = later(to, f->overlaps[i].from < f->at.to ? f->overlaps[i].to : to);
	if (rules_has(v, "org-hours"))
		to = later(to, retry_windows(f));
	return to;
}
