/*
 * explain.c - reads a sealed record (JSON), rates its facts with the one rating function and tells each step. Owns the
 * parsed document while it runs; fails only on a record that cannot be read.
 */
#include "export/explain.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "common/money.h"
#include "core/tariff.h"

#define PIECES_MAX 256

struct facts {
	json_t *doc;
	int exponent;
	struct price_list lists[RATE_LISTS_MAX];
	struct price_span spans[RATE_LISTS_MAX], rows[RATE_LISTS_MAX];
	int n_rows;
	struct rate_piece pieces[PIECES_MAX];
	struct rate_span kept[RATE_KEPT_MAX];
	struct interval unusable[RATE_UNUSABLE_MAX];
	struct rate_input in;
	struct fee_input fee;
	bool is_fee, is_correction, has_input;
	struct rate_result result;
};

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- reading the record ---- */

static int bad(struct lt_err *err, const char *what)
{
	return lt_err_set(err, "bad-record", what, "this charge's record has no usable \"%s\"; restore "
		"it from a backup or an "
		"export", what);
}

static int list_of_version(const struct facts *f, int64_t version)
{
	for (int i = 0; i < f->in.n_lists; i++)
		if (f->lists[i].version == version)
			return i;
	return -1;
}

/* From which instant on which list; records of format 1 have none. Their number, or -1: more than there can be, or of a
 * list that the record does not have. */
static int read_spans(const struct facts *f, const json_t *array, const char *version, struct price_span *ret)
{
	size_t n = json_array_size(array);

	for (size_t i = 0; i < n && n <= RATE_LISTS_MAX; i++) {
		const json_t *o = json_array_get(array, i);

		ret[i] = (struct price_span){ number(o, "from_at"), list_of_version(f, number(o, version)) };
		if (ret[i].list < 0)
			return -1;
	}
	return n <= RATE_LISTS_MAX ? (int)n : -1;
}

static int read_lists(struct facts *f, struct lt_err *err)
{
	const json_t *prices = json_object_get(f->doc, "prices");

	if (json_array_size(prices) > RATE_LISTS_MAX)
		return bad(err, "prices");
	f->in.n_lists = (int)json_array_size(prices);
	for (int i = 0; i < f->in.n_lists; i++) {
		const json_t *row = json_array_get(prices, (size_t)i);

		f->lists[i].version = number(row, "version");
		f->lists[i].effective_at = number(row, "effective_at");
		if (price_from_text(&f->lists[i].price, text(row, "text"), f->exponent, err))
			return -1;
	}
	f->in.lists = f->lists;
	f->in.locked = (int)number(f->doc, "price_locked");
	f->in.spans = f->spans;
	f->in.n_spans = read_spans(f, json_object_get(f->doc, "price_spans"), "version", f->spans);
	f->n_rows = read_spans(f, json_object_get(json_object_get(f->doc, "booking"), "terms"), "price_version", f->rows);
	if (f->in.n_spans < 0 || f->n_rows < 0)
		return bad(err, f->in.n_spans < 0 ? "price_spans" : "terms");
	return 0;
}

static int read_usage(struct facts *f, struct lt_err *err)
{
	const json_t *usage = json_object_get(f->doc, "usage");

	if (json_array_size(usage) > PIECES_MAX)
		return bad(err, "usage");
	f->in.n_pieces = (int)json_array_size(usage);
	for (int i = 0; i < f->in.n_pieces; i++) {
		const json_t *u = json_array_get(usage, (size_t)i);

		f->pieces[i] = (struct rate_piece){ number(u, "from_at"), number(u, "to_at"), number(u, "measured_ms"),
			number(u, "estimated_ms"), json_is_true(json_object_get(u, "placed")),
			json_is_true(json_object_get(u, "approved")), json_is_true(json_object_get(u, "fault")),
			strcmp(text(u, "reason"), "approved") == 0 };
	}
	f->in.pieces = f->pieces;
	return 0;
}

/* More than there can be is nonsense that the rating refuses. */
static void read_kept(struct facts *f, const json_t *kept)
{
	f->in.kept = f->kept;
	f->in.n_kept = (int)json_array_size(kept);
	for (int i = 0; i < f->in.n_kept && i < RATE_KEPT_MAX; i++) {
		const json_t *k = json_array_get(kept, (size_t)i);

		f->kept[i] = (struct rate_span){ number(k, "from_at"), number(k, "grace_to_at"), number(k, "to_at") };
	}
}

/* Records of before format 3 name the faults only. */
static void read_unusable(struct facts *f, const json_t *session)
{
	const json_t *spans = json_object_get(session, "unusable");

	if (!spans)
		spans = json_object_get(session, "faults");
	f->in.used = json_is_true(json_object_get(session, "used"));
	f->in.unusable = f->unusable;
	f->in.n_unusable = (int)json_array_size(spans);
	for (int i = 0; i < f->in.n_unusable && i < RATE_UNUSABLE_MAX; i++) {
		const json_t *o = json_array_get(spans, (size_t)i);

		f->unusable[i] = (struct interval){ number(o, "from_at"), number(o, "to_at") };
	}
}

static void read_booking(struct facts *f)
{
	const json_t *b = json_object_get(f->doc, "booking"), *s = json_object_get(f->doc, "session");

	f->in.booked = json_is_object(b);
	f->in.walk_up = json_is_true(json_object_get(b, "walk_up"));
	/* records of before this was counted apart have none: it was the booked start */
	f->in.booked_from = number(b, json_object_get(b, "since_at") ? "since_at" : "booked_from_at");
	f->in.booked_to = number(b, "booked_to_at");
	f->in.priced_to = number(b, "priced_to_at");
	read_kept(f, json_object_get(b, "overrun_kept"));
	f->in.next_from = number(s, "next_booking_at");
	f->in.grace_ms = number(s, "grace_ms");
	f->in.start_at = number(s, "start_at");
	read_unusable(f, s);
}

static int read_fee(struct facts *f, struct lt_err *err)
{
	const json_t *fee = json_object_get(f->doc, "fee");

	f->is_fee = json_is_object(fee);
	if (!f->is_fee)
		return 0;
	f->fee = (struct fee_input){ .list = f->lists, .n_lists = f->in.n_lists, .prices = f->spans,
		.n_prices = f->in.n_spans, .rows = f->rows, .n_rows = f->n_rows,
		.walk_up = f->in.walk_up, .booked_from = f->in.booked_from,
		.booked_to = f->in.booked_to, .at = number(fee, "at"), .resold_ms = number(fee, "resold_ms"),
		.given = { number(fee, "given_from_at"), number(fee, "given_to_at") } };
	if (f->in.n_lists < 1 || !component_from_name(text(fee, "component"), &f->fee.kind))
		return bad(err, "fee");
	return 0;
}

static int read_facts(struct facts *f, struct lt_err *err)
{
	f->exponent = (int)number(f->doc, "exponent");
	f->is_correction = number(f->doc, "corrects") != 0;
	f->in.format = (int)number(f->doc, json_object_get(f->doc, "rated_as_format") ? "rated_as_format" : "format");
	f->has_input = json_array_size(json_object_get(f->doc, "prices")) > 0;
	if (f->exponent < 0 || f->exponent > 4)
		return bad(err, "exponent");
	if (read_lists(f, err) || read_usage(f, err))
		return -1;
	read_booking(f);
	return read_fee(f, err);
}

/* ---- saying it ---- */

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

static void say_reading(struct explain *x, const struct facts *f, const char *which, const struct lt_zone *zone)
{
	const json_t *r = json_object_get(json_object_get(f->doc, "readings"), which);
	char at[48], raw[32];

	if (!json_is_object(r))
		return;
	instant(at, zone, number(r, "at"));
	lt_fmt(raw, sizeof(raw), "%lld", (long long)number(r, "raw"));
	say(x, raw, "reading %lld at the %s, %s (%s): the meter's register", (long long)number(r, "id"), which, at,
		text(r, "class"));
}

static void say_usage(struct explain *x, const struct facts *f, const struct lt_zone *zone)
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
static void say_booking(struct explain *x, const struct facts *f, const struct lt_zone *zone)
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

static void say_idle(struct explain *x, const struct facts *f)
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

static void say_unusable(struct explain *x, const struct facts *f, const struct lt_zone *zone)
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
static void say_billed(struct explain *x, const struct facts *f)
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

static void say_session(struct explain *x, const struct facts *f, const struct lt_zone *zone)
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
static void say_no_show(struct explain *x, const struct facts *f, const struct lt_zone *zone)
{
	const json_t *fee = json_object_get(f->doc, "fee");
	int64_t usable = number(fee, "usable_ms"), wait = number(fee, "wait_ms");
	char value[48], from[48], to[48];

	if (!json_object_get(fee, "wait_ms")) {
		say(x, "no_show", "the booking was not used: the no-show fee");
		return;
	}
	instant(value, zone, number(fee, "checkin_at"));
	if (number(fee, "checkin_at"))
		say(x, value, "%s checked in, and nothing ran: neither the run bit nor the counter showed a run", text(f->doc, "user"));
	else
		say(x, "none", "nobody checked in, and no run was seen to be theirs");
	instant(from, zone, number(fee, "wait_from_at"));
	instant(to, zone, f->fee.at);
	seconds_text(value, usable);
	say(x, value, "from %s to %s the instrument could be used for so long", from, to);
	seconds_text(value, wait);
	say(x, value, usable < wait ? "is the wait for a first run; it was given up before that"
		: "is the wait for a first run: the no-show fee is due after it");
}

/* How long before the start it was called off, and the tier that this meets. */
static void say_tier(struct explain *x, const struct facts *f, const struct lt_zone *zone)
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
static void say_shares(struct explain *x, const struct facts *f)
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

static void say_fee(struct explain *x, const struct facts *f, const struct lt_zone *zone)
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

static void say_line(struct explain *x, const struct facts *f, const struct rate_line *l)
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
static bool lines_match(const struct facts *f)
{
	const json_t *lines = json_object_get(f->doc, "lines");
	int64_t sum = 0;

	for (size_t i = 0; i < json_array_size(lines); i++)
		sum += number(json_array_get(lines, i), "amount_minor");
	if (sum != number(f->doc, "amount_minor"))
		return false;
	if (f->is_correction)
		return true;
	if (json_array_size(lines) != (size_t)f->result.n)
		return false;
	for (int i = 0; i < f->result.n; i++) {
		const json_t *l = json_array_get(lines, (size_t)i);

		if (number(l, "seconds") != f->result.line[i].seconds || number(l,
			"amount_minor") != f->result.line[i].amount_minor ||
		    strcmp(text(l, "component"), component_name(f->result.line[i].component)) != 0)
			return false;
	}
	return true;
}

static void say_total(struct explain *x, const struct facts *f)
{
	int64_t before = number(f->doc, "previous_minor");
	char value[40];

	lt_money_text(value, sizeof(value), f->result.total_minor, f->exponent);
	say(x, value, "sum of the lines");
	if (f->is_correction) {
		lt_money_text(value, sizeof(value), before, f->exponent);
		say(x, value, "charged before (%s); the correction is the difference of the two totals", text(f->doc,
			"reason"));
	}
	x->recomputed_minor = f->result.total_minor - before;
	lt_money_text(value, sizeof(value), x->recomputed_minor, f->exponent);
	say(x, value, "amount in %s", text(f->doc, "currency"));
}

static int rate(struct facts *f, struct lt_err *err)
{
	int rc = 0;

	if (f->is_fee)
		rc = tariff_fee(&f->fee, &f->result);
	else if (f->has_input)
		rc = tariff_rate(&f->in, &f->result);
	return rc ? bad(err, "usage") : 0;
}

static int explain(struct explain *x, struct facts *f, const struct lt_zone *zone, struct lt_err *err)
{
	if (read_facts(f, err) || rate(f, err))
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
	struct facts *f = calloc(1, sizeof(*f));
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
		ret->amount_minor = number(f->doc, "amount_minor");
		ret->matches = ret->amount_minor == ret->recomputed_minor && lines_match(f) && memcmp(hash, sha256,
			32) == 0;
	}
	json_decref(f->doc);
	free(f);
	return rc;
}
