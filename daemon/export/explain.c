/*
 * explain.c - rates what a sealed record says (record.c) with the one rating function and tells each step. Owns the
 * parsed document while it runs; fails only on a record that cannot be read.
 */
#include "export/explain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "common/money.h"
#include "export/record.h"

static void say(struct explain *x, const char *value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void say(struct explain *x, const char *value, const char *fmt, ...)
{
	struct explain_step *s;
	va_list ap;

	if (x->n == EXPLAIN_STEPS)
		return;
	s = &x->step[x->n++];
	va_start(ap, fmt);
	lt_vfmt(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
	lt_fmt(s->value, sizeof(s->value), "%s", value);
}

static void instant(char dst[48], const struct lt_zone *zone, int64_t at)
{
	lt_rfc3339(dst, 48, at, lt_zone_offset(zone, at));
}

static void seconds_text(char dst[32], int64_t ms)
{
	lt_fmt(dst, 32, "%lld.%03d s", (long long)(ms / 1000), (int)(ms % 1000));
}

static void say_reading(struct explain *x, const struct record_facts *f, const char *which, const struct lt_zone *zone)
{
	const json_t *r = json_object_get(json_object_get(f->doc, "readings"), which);
	char at[48], raw[32];

	if (!json_is_object(r))
		return;
	instant(at, zone, record_number(r, "at"));
	lt_fmt(raw, sizeof(raw), "%lld", (long long)record_number(r, "raw"));
	say(x, raw, "reading %lld at the %s, %s (%s): the meter's register", (long long)record_number(r, "id"), which, at,
		record_text(r, "class"));
}

static void say_usage(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	char from[48], to[48], value[32];

	for (int i = 0; i < f->in.n_pieces; i++) {
		const struct rate_piece *p = &f->pieces[i];

		instant(from, zone, p->from_at);
		instant(to, zone, p->to_at);
		seconds_text(value, p->measured_ms ? p->measured_ms : p->estimated_ms);
		if (p->measured_ms == 0 && p->estimated_ms > 0)
			say(x, value, p->approved ? "not measured between %s and %s; two people agreed to charge it" :
				"not measured between %s and %s", from, to);
		else if (p->measured_ms == 0 && !p->placed)
			say(x, value, "nobody read the meter between %s and %s: neither use nor idle", from, to);
		else
			say(x, value, p->placed ? "run from %s to %s%s" : "metered somewhere between %s and %s%s", from, to,
				p->fault ? ", with the instrument at fault: not charged" : "");
	}
	lt_fmt(value, sizeof(value), "%lld s", (long long)f->result.used_s);
	say(x, value, "all of the session's metered time, floored once to seconds");
}

/* Where the booking ends, what of the overrun is free, and who waits. */
static void say_booking(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	const struct rate_input *in = &f->in;
	int64_t grace_end = tariff_grace_end(in);
	char from[48], to[48], value[48];

	if (!in->booked) {
		say(x, "walk_up", "no booking: all of it is a walk-up");
		return;
	}
	instant(from, zone, in->booked_from);
	instant(to, zone, in->booked_to);
	seconds_text(value, in->booked_to - in->booked_from);
	say(x, value, "booked from %s to %s%s", from, to, in->walk_up ? " at the instrument: a walk-up" : "");
	for (int i = 0; i < in->n_kept && i < RATE_KEPT_MAX; i++) {
		instant(from, zone, in->kept[i].from_at);
		instant(to, zone, in->kept[i].to_at);
		seconds_text(value, in->kept[i].grace_to - in->kept[i].from_at);
		say(x, value, "of grace in the overrun from %s to %s, which an extension at its end left as it was", from, to);
	}
	if (in->pieces && in->n_pieces && in->pieces[in->n_pieces - 1].to_at > in->priced_to) {
		instant(value, zone, in->priced_to);
		say(x, value, "overrun is counted from here");
		seconds_text(value, grace_end - in->priced_to);
		say(x, value, "grace: free from there on (the policy's grace, at most a tenth of the booking, over when the next "
			"booking begins)");
		if (in->next_from) {
			instant(value, zone, in->next_from);
			say(x, value, "the next booking begins: overrun_into_next from here");
		}
	}
}

static void say_idle(struct explain *x, const struct record_facts *f)
{
	const struct price *p = &f->lists[f->result.base].price;
	char value[32];

	if (f->result.idle_s == 0)
		return;
	lt_fmt(value, sizeof(value), "%lld s", (long long)f->result.idle_s);
	say(x, value, "idle: from check-in to the first run and between runs, never after the last, never while it could not be used");
	if (p->idle_after_ms > 0) {
		seconds_text(value, p->idle_after_ms);
		say(x, value, "of each idle spell count as use");
	}
}

static void say_unusable(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	char from[48], to[48], value[32];

	for (int i = 0; i < f->in.n_unusable && i < RATE_UNUSABLE_MAX; i++) {
		instant(from, zone, f->unusable[i].from);
		instant(to, zone, f->unusable[i].to);
		seconds_text(value, f->unusable[i].to - f->unusable[i].from);
		say(x, value, !tariff_since(&f->in, 3)
			? "the instrument said from %s to %s that it has a fault: nothing accrues"
			: "from %s to %s the instrument could not be used: no idle and no booked time is asked for", from, to);
	}
}

/* Policy, step: what was billed of what was used. */
static void say_billed(struct explain *x, const struct record_facts *f)
{
	static const char *const policies[] = { [USAGE_USED] = "used: what was measured", [USAGE_MAX] = "max: at least the booked time",
		[USAGE_BOOKED_PLUS_OVERRUN] = "booked_plus_overrun: the booked time and what ran over",
		[USAGE_PERCENT] = "a share: at least so much of the booked time" };
	const struct price *p = &f->lists[f->result.base].price;
	int64_t padding = 0;
	char value[32];

	for (int i = 0; i < f->result.n; i++)
		padding += f->result.line[i].padding_s;
	if (p->usage != USAGE_USED)
		say(x, policies[p->usage], "usage policy; what it adds is booked_fill");
	if (padding > 0) {
		lt_fmt(value, sizeof(value), "%lld s", (long long)padding);
		say(x, value, "added to time once, to fill the billing step of %lld s", (long long)(p->step_ms / 1000));
	}
	lt_fmt(value, sizeof(value), "%lld s", (long long)f->result.billed_s);
	say(x, value, "billed, without grace, idle, time at fault and estimates");
}

static void say_session(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	char at[48], version[32];

	say_reading(x, f, "start", zone);
	say_reading(x, f, "end", zone);
	say_usage(x, f, zone);
	say_booking(x, f, zone);
	for (int i = 0; i < f->in.n_lists; i++) {
		instant(at, zone, f->lists[i].effective_at);
		lt_fmt(version, sizeof(version), "version %lld", (long long)f->lists[i].version);
		say(x, version, "price list in force from %s%s", at, i == f->result.base ? "; its step, minimum and usage hold" : "");
	}
	for (int i = 1; i < f->in.n_spans; i++) {
		instant(at, zone, f->spans[i].from_at);
		lt_fmt(version, sizeof(version), "version %lld", (long long)f->lists[f->spans[i].list].version);
		say(x, version, "its rates and factors hold from %s on", at);
	}
	say_unusable(x, f, zone);
	say_idle(x, f);
	say_billed(x, f);
}

/* Who was there, and how long the instrument could be used. Records of before format 4 do not know. */
static void say_no_show(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	const json_t *fee = json_object_get(f->doc, "fee");
	int64_t usable = record_number(fee, "usable_ms"), wait = record_number(fee, "wait_ms");
	char value[48], from[48], to[48];

	if (!json_object_get(fee, "wait_ms")) {
		say(x, "no_show", "the booking was not used: the no-show fee");
		return;
	}
	instant(value, zone, record_number(fee, "checkin_at"));
	if (record_number(fee, "checkin_at"))
		say(x, value, "%s checked in, and nothing ran: neither the run bit nor the counter showed a run", record_text(f->doc, "user"));
	else
		say(x, "none", "nobody checked in, and no run was seen to be theirs");
	instant(from, zone, record_number(fee, "wait_from_at"));
	instant(to, zone, f->fee.at);
	seconds_text(value, usable);
	say(x, value, "from %s to %s the instrument could be used for so long", from, to);
	seconds_text(value, wait);
	say(x, value, usable < wait ? "is the wait for a first run; it was given up before that"
		: "is the wait for a first run: the no-show fee is due after it");
}

/* How long before the start it was called off, and the tier that this meets. */
static void say_tier(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	const struct price *p = &f->lists[0].price;
	int64_t notice = f->fee.booked_from - f->fee.at;
	char value[40], tier[40];

	if (f->fee.kind == COMP_NO_SHOW || notice < 0) {
		say_no_show(x, f, zone);
		return;
	}
	terms_duration_text(value, sizeof(value), notice);
	say(x, value, "notice: from the cancellation to the booked start");
	for (int i = 0; i < p->n_tiers; i++)
		if (notice >= p->tiers[i].notice_ms) {
			terms_duration_text(tier, sizeof(tier), p->tiers[i].notice_ms);
			lt_fmt(value, sizeof(value), "%d.%02d %%", p->tiers[i].fee_bp / 100, p->tiers[i].fee_bp % 100);
			say(x, value, "the tier \"at least %s ahead\"", tier);
			return;
		}
}

/* The share of each list that the booking was made or extended under. */
static void say_shares(struct explain *x, const struct record_facts *f)
{
	char value[40];

	for (int i = 0; i < (f->n_rows ? f->n_rows : 1); i++) {
		const struct price_list *l = &f->lists[f->n_rows ? f->rows[i].list : 0];
		int32_t bp = tariff_fee_bp(&l->price, f->fee.kind, f->fee.booked_from - f->fee.at);

		lt_fmt(value, sizeof(value), "%d.%02d %%", bp / 100, bp % 100);
		say(x, value, i == 0 ? "%s fee by the price version the booking was made under" :
			"%s fee for time that was added later, by price version %lld", component_name(f->fee.kind),
			(long long)l->version);
	}
}

static void say_fee(struct explain *x, const struct record_facts *f, const struct lt_zone *zone)
{
	struct rate_input booked = f->in;
	struct rate_result quote;
	char value[40];

	booked.n_pieces = booked.n_kept = 0;
	if (tariff_quote_terms(&booked, &quote))
		return;
	lt_money_text(value, sizeof(value), quote.total_minor, f->exponent);
	say(x, value, "price of the booked interval");
	say_tier(x, f, zone);
	say_shares(x, f);
	if (!interval_empty(f->fee.given)) {
		seconds_text(value, f->fee.given.to - f->fee.given.from);
		say(x, value, "of the booked time was given up; the fee is for that share");
	}
	if (f->fee.resold_ms > 0) {
		seconds_text(value, f->fee.resold_ms);
		say(x, value, "of the booked time was used by others and is not charged");
	}
}

/* Why a line is as it is, where its name does not say. */
static const char *remark(const struct rate_line *l)
{
	if (l->component == COMP_ESTIMATED)
		return l->factor_pm ? "; nobody measured it, two people agreed to charge it" : "; nobody measured it: not charged";
	if (l->component == COMP_GRACE)
		return "; the free first part of an overrun";
	if (l->component == COMP_FAULT)
		return "; metered with the instrument at fault: not charged";
	if (l->component == COMP_WALK_UP)
		return "; the factor is that of a walk-up";
	return l->padding_s ? "; the step's padding is in it" : "";
}

static void say_line(struct explain *x, const struct record_facts *f, const struct rate_line *l)
{
	char value[40], rate[40];

	lt_money_text(value, sizeof(value), l->amount_minor, f->exponent);
	lt_money_text(rate, sizeof(rate), l->rate_minor, f->exponent);
	if (l->component == COMP_MINIMUM) {
		lt_money_text(rate, sizeof(rate), f->lists[f->result.base].price.minimum_minor, f->exponent);
		say(x, value, "minimum: what the lines before lack to the least charge of a session, %s%s", rate,
			f->in.booked && f->in.n_unusable && tariff_since(&f->in, 3) ? " x usable booked time / booked time" : "");
	} else if (f->is_fee) {
		say(x, value, "%s: the fee, rounded half away from zero", component_name(l->component));
	} else {
		say(x, value, "%s: %lld s x %s/h x %d.%03d / 3600, rounded half away from zero%s", component_name(l->component),
			(long long)l->seconds, rate, l->factor_pm / 1000, l->factor_pm % 1000, remark(l));
	}
}

/* The record's lines are the ones that its facts give. */
static bool lines_match(const struct record_facts *f)
{
	const json_t *lines = json_object_get(f->doc, "lines");
	int64_t sum = 0;

	for (size_t i = 0; i < json_array_size(lines); i++)
		sum += record_number(json_array_get(lines, i), "amount_minor");
	if (sum != record_number(f->doc, "amount_minor"))
		return false;
	if (f->is_correction)
		return true;
	if (json_array_size(lines) != (size_t)f->result.n)
		return false;
	for (int i = 0; i < f->result.n; i++) {
		const json_t *l = json_array_get(lines, (size_t)i);

		if (record_number(l, "seconds") != f->result.line[i].seconds || record_number(l,
			"amount_minor") != f->result.line[i].amount_minor ||
		    strcmp(record_text(l, "component"), component_name(f->result.line[i].component)) != 0)
			return false;
	}
	return true;
}

static void say_total(struct explain *x, const struct record_facts *f)
{
	int64_t before = record_number(f->doc, "previous_minor");
	char value[40];

	lt_money_text(value, sizeof(value), f->result.total_minor, f->exponent);
	say(x, value, "sum of the lines");
	if (f->is_correction) {
		lt_money_text(value, sizeof(value), before, f->exponent);
		say(x, value, "charged before (%s); the correction is the difference of the two totals", record_text(f->doc,
			"reason"));
	}
	x->recomputed_minor = f->result.total_minor - before;
	lt_money_text(value, sizeof(value), x->recomputed_minor, f->exponent);
	say(x, value, "amount in %s", record_text(f->doc, "currency"));
}

static int rate(struct record_facts *f, struct lt_err *err)
{
	int rc = 0;

	if (f->is_fee)
		rc = tariff_fee(&f->fee, &f->result);
	else if (f->has_input)
		rc = tariff_rate(&f->in, &f->result);
	return rc ? record_bad(err, "usage") : 0;
}

static int explain(struct explain *x, struct record_facts *f, const struct lt_zone *zone, struct lt_err *err)
{
	if (record_read(f, err) || rate(f, err))
		return -1;
	if (!f->is_fee && f->has_input)
		say_session(x, f, zone);
	if (f->is_fee)
		say_fee(x, f, zone);
	for (int i = 0; i < f->result.n; i++)
		say_line(x, f, &f->result.line[i]);
	say_total(x, f);
	return 0;
}

int explain_record(struct explain *ret, const char *record, const uint8_t sha256[32], const struct lt_zone *zone,
	struct lt_err *err)
{
	struct record_facts *f = calloc(1, sizeof(*f));
	json_error_t error;
	uint8_t hash[32];
	char hex[65];
	int rc = -1;

	memset(ret, 0, sizeof(*ret));
	if (!f)
		return lt_err_set(err, "no-memory", "", "out of memory; try again");
	f->doc = json_loads(record, JSON_REJECT_DUPLICATES, &error);
	if (!f->doc)
		lt_err_set(err, "bad-record", "", "this charge's record is not JSON (line %d: %s); restore "
			"it from a backup",
			error.line, error.text);
	else
		rc = explain(ret, f, zone, err);
	if (rc == 0) {
		crypto_sha256(record, strlen(record), hash);
		crypto_hex(hex, hash, sizeof(hash));
		say(ret, hex, "SHA-256 of the record %s the sealed one", memcmp(hash, sha256, 32) == 0 ? "equals"
			: "differs from");
		ret->amount_minor = record_number(f->doc, "amount_minor");
		ret->matches = ret->amount_minor == ret->recomputed_minor && lines_match(f) && memcmp(hash, sha256,
			32) == 0;
	}
	json_decref(f->doc);
	free(f);
	return rc;
}
