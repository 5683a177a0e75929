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
	struct rate_piece pieces[PIECES_MAX];
	struct rate_input in;
	struct fee_input fee;
	bool is_fee, is_credit, has_input;
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
	return lt_err_set(err, "bad-record", what, "this charge's record has no usable \"%s\"; restore it from a backup or an "
		"export", what);
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
			number(u, "estimated_ms"), json_is_true(json_object_get(u, "placed")) };
	}
	f->in.pieces = f->pieces;
	return 0;
}

static void read_booking(struct facts *f)
{
	const json_t *b = json_object_get(f->doc, "booking"), *s = json_object_get(f->doc, "session");

	f->in.booked = json_is_object(b);
	f->in.walk_up = json_is_true(json_object_get(b, "walk_up"));
	f->in.booked_from = number(b, "booked_from_at");
	f->in.booked_to = number(b, "booked_to_at");
	f->in.priced_to = number(b, "priced_to_at");
	f->in.next_from = number(s, "next_booking_at");
	f->in.grace_ms = number(s, "grace_ms");
	f->in.start_at = number(s, "start_at");
	f->in.fault_ms = number(s, "fault_ms");
}

static int read_fee(struct facts *f, struct lt_err *err)
{
	const json_t *fee = json_object_get(f->doc, "fee");

	f->is_fee = json_is_object(fee);
	if (!f->is_fee)
		return 0;
	f->fee = (struct fee_input){ .list = &f->lists[0], .walk_up = f->in.walk_up, .booked_from = f->in.booked_from,
		.booked_to = f->in.booked_to, .at = number(fee, "at"), .resold_ms = number(fee, "resold_ms") };
	if (f->in.n_lists != 1 || !component_from_name(text(fee, "component"), &f->fee.kind))
		return bad(err, "fee");
	return 0;
}

static int read_facts(struct facts *f, struct lt_err *err)
{
	f->exponent = (int)number(f->doc, "exponent");
	f->is_credit = strcmp(text(f->doc, "kind"), "credit") == 0;
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
	int64_t sum = 0;
	char from[48], to[48], value[32];

	for (int i = 0; i < f->in.n_pieces; i++) {
		const struct rate_piece *p = &f->pieces[i];

		instant(from, zone, p->from_at);
		instant(to, zone, p->to_at);
		seconds_text(value, p->measured_ms);
		say(x, value, p->placed ? "run from %s to %s" : "metered somewhere between %s and %s", from, to);
		sum += p->measured_ms;
	}
	lt_fmt(value, sizeof(value), "%lld s", (long long)(sum / 1000));
	say(x, value, "all of the session's metered time, floored once to seconds");
}

static void say_fee(struct explain *x, const struct facts *f)
{
	struct rate_result quote;
	int32_t bp = tariff_fee_bp(&f->lists[0].price, f->fee.kind, f->fee.booked_from - f->fee.at);
	char value[40];

	if (tariff_quote(&f->lists[0], f->fee.walk_up, f->fee.booked_from, f->fee.booked_to, &quote))
		return;
	lt_money_text(value, sizeof(value), quote.total_minor, f->exponent);
	say(x, value, "price of the booked interval");
	lt_fmt(value, sizeof(value), "%d.%02d %%", bp / 100, bp % 100);
	say(x, value, "%s fee by the price version the booking was made under", component_name(f->fee.kind));
	if (f->fee.resold_ms > 0) {
		seconds_text(value, f->fee.resold_ms);
		say(x, value, "of the booked time was used by others and is not charged");
	}
}

static void say_lines(struct explain *x, const struct facts *f)
{
	char value[40], rate[40];

	for (int i = 0; i < f->result.n; i++) {
		const struct rate_line *l = &f->result.line[i];

		lt_money_text(value, sizeof(value), l->amount_minor, f->exponent);
		lt_money_text(rate, sizeof(rate), l->rate_minor, f->exponent);
		if (l->component == COMP_MINIMUM)
			say(x, value, "minimum: what is missing to the least charge of a session");
		else if (f->is_fee)
			say(x, value, "%s: the fee, rounded half away from zero", component_name(l->component));
		else
			say(x, value, "%s: %lld s x %s/h x %d.%03d / 3600, rounded half away from zero%s", component_name(l->component),
				(long long)l->seconds, rate, l->factor_pm / 1000, l->factor_pm % 1000,
				l->padding_s ? " (with the billing step's padding)" : "");
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
	if (f->is_credit)
		return true;
	if (json_array_size(lines) != (size_t)f->result.n)
		return false;
	for (int i = 0; i < f->result.n; i++) {
		const json_t *l = json_array_get(lines, (size_t)i);

		if (number(l, "seconds") != f->result.line[i].seconds || number(l, "amount_minor") != f->result.line[i].amount_minor ||
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
	if (f->is_credit) {
		lt_money_text(value, sizeof(value), before, f->exponent);
		say(x, value, "charged before (%s); the credit is the difference of the two totals", text(f->doc, "reason"));
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
	if (!f->is_fee && f->has_input) {
		say_reading(x, f, "start", zone);
		say_reading(x, f, "end", zone);
		say_usage(x, f, zone);
	}
	if (f->is_fee)
		say_fee(x, f);
	say_lines(x, f);
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
		lt_err_set(err, "bad-record", "", "this charge's record is not JSON (line %d: %s); restore it from a backup",
			error.line, error.text);
	else
		rc = explain(ret, f, zone, err);
	if (rc == 0) {
		crypto_sha256(record, strlen(record), hash);
		crypto_hex(hex, hash, sizeof(hash));
		say(ret, hex, "SHA-256 of the record %s the sealed one", memcmp(hash, sha256, 32) == 0 ? "equals" : "differs from");
		ret->amount_minor = number(f->doc, "amount_minor");
		ret->matches = ret->amount_minor == ret->recomputed_minor && lines_match(f) && memcmp(hash, sha256, 32) == 0;
	}
	json_decref(f->doc);
	free(f);
	return rc;
}
