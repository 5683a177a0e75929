/*
 * test_vectors.c - every case of vectors/billing.json against core/money and core/tariff: one test a case. A case that
 * the product does not do yet is skipped and says why. A last test compares our expectations with the collection
 * they came from, when $LABTIME_VECTORS names its file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"
#include "common/money.h"
#include "core/meter.h"
#include "core/tariff.h"

static int64_t number(const json_t *v, const char *name, int64_t fallback)
{
	const json_t *x = json_object_get(v, name);

	return x ? json_integer_value(x) : fallback;
}

static int64_t item(const json_t *a, size_t i)
{
	return json_integer_value(json_array_get(a, i));
}

/* An expectation: minor units, or a decimal string of the exponent. */
static void expect_money_of(const json_t *want, int64_t minor, int exponent)
{
	char text[40];

	if (json_is_integer(want)) {
		assert_int_equal(json_integer_value(want), minor);
		return;
	}
	assert_true(json_is_string(want));
	lt_money_text(text, sizeof(text), minor, exponent);
	assert_string_equal(text, json_string_value(want));
}

static void expect_money(const json_t *want, int64_t minor)
{
	expect_money_of(want, minor, 2);
}

/* ---- plain arithmetic ---- */

static void op_round(const json_t *v, const json_t *want)
{
	const json_t *x = json_object_get(want, "half_away");

	expect_money(x ? x : json_object_get(want, "half_up"), money_round(number(v, "num", 0), number(v, "den", 1)));
}

static void op_share(const json_t *v, const json_t *want)
{
	const json_t *w = json_object_get(v, "weights");
	int64_t weights[8], share[8];
	size_t n = json_array_size(w);

	for (size_t i = 0; i < n; i++)
		weights[i] = item(w, i);
	money_share(number(v, "total", 0), weights, (int)n, share);
	assert_int_equal(n, json_array_size(want));
	for (size_t i = 0; i < n; i++)
		expect_money(json_array_get(want, i), share[i]);
}

static void op_tax(const json_t *v, const json_t *want)
{
	const json_t *lines = json_object_get(v, "lines"), *allocated = json_object_get(want, "allocated");
	int64_t net[8], share[8], sum = 0, tax;
	size_t n = json_array_size(lines);

	for (size_t i = 0; i < n; i++)
		sum += net[i] = item(lines, i);
	tax = money_part(sum, number(v, "bp", 0), 10000);
	money_share(tax, net, (int)n, share);
	expect_money(json_object_get(want, "invoice_level"), tax);
	expect_money(json_object_get(want, "gross"), sum + tax);
	for (size_t i = 0; i < n; i++)
		expect_money(json_array_get(allocated, i), share[i]);
}

static void op_tax_inside(const json_t *v, const json_t *want)
{
	int64_t net, tax;

	money_tax_inside(number(v, "gross", 0), number(v, "bp", 0), &net, &tax);
	expect_money(json_object_get(want, "net"), net);
	expect_money(json_object_get(want, "vat"), tax);
}

static void op_discount(const json_t *v, const json_t *want)
{
	const json_t *percents = json_object_get(v, "percents");
	int64_t net = number(v, "amount", 0), off = 0;

	for (size_t i = 0; i < json_array_size(percents); i++) {
		off = money_part(net, item(percents, i), 100);
		net -= off;
	}
	if (json_object_get(want, "discount")) {
		expect_money(json_object_get(want, "discount"), off);
		expect_money(json_object_get(want, "net"), net);
	} else {
		expect_money(json_object_get(want, "sequential"), net);
	}
}

static void op_cap(const json_t *v, const json_t *want)
{
	const json_t *amounts = json_object_get(v, "amounts");
	int64_t before = 0;

	for (size_t i = 0; i < json_array_size(amounts); i++) {
		const json_t *row = json_array_get(want, i);
		int64_t gross = item(amounts, i), off = money_cap(gross, before, number(v, "cap", 0));

		expect_money(json_array_get(row, 0), gross);
		expect_money(json_array_get(row, 1), off);
		expect_money(json_array_get(row, 2), gross + off);
		before += gross + off;
	}
}

static void op_instalments(const json_t *v, const json_t *want)
{
	int n = (int)number(v, "n", 0);
	int64_t sum = 0;

	for (int i = 0; i < n; i++) {
		int64_t part = money_instalment(number(v, "amount", 0), i, n);

		expect_money(json_array_get(want, (size_t)i), part);
		sum += part;
	}
	assert_int_equal(sum, number(v, "amount", 0));
}

static void op_convert(const json_t *v, const json_t *want)
{
	const json_t *e = json_object_get(v, "exponents");

	expect_money_of(want, money_convert(number(v, "amount", 0), number(v, "rate", 0), (int)number(v, "decimals", 0),
		(int)item(e, 0), (int)item(e, 1)), (int)item(e, 1));
}

static void op_elapsed(const json_t *v, const json_t *want)
{
	const json_t *at = json_object_get(v, "at");
	struct lt_civil c = { (int)item(at, 0), (int)item(at, 1), (int)item(at, 2), (int)item(at, 3), (int)item(at,
		4), 0, 0 };
	struct price_list list = { 1, 0, { .rate_minor = 10000, .walk_up_pm = 1000 } };
	struct rate_result r;
	struct lt_zone zone;
	struct lt_err err;
	int64_t instant[2];
	int32_t offsets[2];

	assert_int_equal(0, zone_load(&zone, json_string_value(json_object_get(v, "zone")), &err));
	assert_int_equal(LT_LOCAL_TWICE, lt_zone_instant(&zone, c, instant, offsets));
	assert_int_equal(0, tariff_quote(&list, false, instant[0], instant[1], &r));
	assert_int_equal(json_integer_value(want), r.billed_s);
}

/* ---- the rating function ---- */

#define CASE_PIECES 8
struct rate_case {
	struct price_list lists[RATE_LISTS_MAX];
	struct rate_piece pieces[CASE_PIECES];
	struct rate_span kept[RATE_KEPT_MAX];
	struct rate_input in;
};

static void set_usage(struct price *p, const char *name)
{
	if (!name)
		return;
	if (strcmp(name, "max") == 0)
		p->usage = USAGE_MAX;
	else if (strcmp(name, "booked_plus_overrun") == 0)
		p->usage = USAGE_BOOKED_PLUS_OVERRUN;
	else {
		assert_string_equal("50%", name);
		p->usage = USAGE_PERCENT;
		p->usage_bp = 5000;
	}
}

static void set_lists(struct rate_case *c, const json_t *v)
{
	const json_t *lists = json_object_get(v, "lists");

	c->in.n_lists = lists ? (int)json_array_size(lists) : 1;
	for (int i = 0; i < c->in.n_lists; i++) {
		const json_t *row = json_array_get(lists, (size_t)i);
		struct price *p = &c->lists[i].price;

		c->lists[i].version = i + 1;
		c->lists[i].effective_at = lists ? item(row, 0) * 1000 : 0;
		p->rate_minor = lists ? item(row, 1) : 10000;
		p->step_ms = number(v, "step", 1) * 1000;
		p->minimum_minor = number(v, "minimum", 0);
		p->idle_rate_minor = number(v, "idle_rate", 0);
		p->idle_after_ms = number(v, "idle_after", 0) * 1000;
		p->overrun_pm = (int32_t)number(v, "overrun", 1000);
		p->into_next_pm = (int32_t)number(v, "into_next", 1000);
		p->walk_up_pm = (int32_t)number(v, "walk_up", 1000);
		p->change = json_object_get(v, "change") ? CHANGE_SPLIT : CHANGE_LOCK_AT_BOOKING;
		set_usage(p, json_string_value(json_object_get(v, "usage")));
	}
}

static void set_runs(struct rate_case *c, const json_t *runs)
{
	c->in.n_pieces = (int)json_array_size(runs);
	assert_true(c->in.n_pieces <= CASE_PIECES);
	for (int i = 0; i < c->in.n_pieces; i++) {
		const json_t *run = json_array_get(runs, (size_t)i);

		c->pieces[i].from_at = item(run, 0) * 1000;
		c->pieces[i].to_at = item(run, 1) * 1000;
		c->pieces[i].measured_ms = c->pieces[i].to_at - c->pieces[i].from_at;
		c->pieces[i].placed = true;
	}
}

/* [from, free until, to] of overrun that extensions left behind */
static void set_kept(struct rate_case *c, const json_t *kept)
{
	c->in.kept = c->kept;
	c->in.n_kept = (int)json_array_size(kept);
	for (int i = 0; i < c->in.n_kept; i++) {
		const json_t *k = json_array_get(kept, (size_t)i);

		c->kept[i] = (struct rate_span){ item(k, 0) * 1000, item(k, 1) * 1000, item(k, 2) * 1000 };
	}
}

static void set_case(struct rate_case *c, const json_t *v)
{
	const json_t *booked = json_object_get(v, "booked");
	struct rate_input *in = &c->in;

	memset(c, 0, sizeof(*c));
	set_lists(c, v);
	set_runs(c, json_object_get(v, "runs"));
	in->lists = c->lists;
	in->pieces = c->pieces;
	in->booked = !json_object_get(v, "walk_up");
	in->booked_from = booked ? item(booked, 0) * 1000 : in->n_pieces ? c->pieces[0].from_at : 0;
	in->booked_to = booked ? item(booked, 1) * 1000 : in->n_pieces ? c->pieces[in->n_pieces - 1].to_at : 3600000;
	in->priced_to = in->booked_to;
	in->next_from = number(v, "next", 0) * 1000;
	in->grace_ms = number(v, "grace", 0) * 1000;
	set_kept(c, json_object_get(v, "kept"));
	in->start_at = number(v, "start", 0) * 1000;
}

static int64_t seconds_named(const struct rate_result *r, const char *name)
{
	int64_t sum = 0;

	if (strcmp(name, "billed") == 0)
		return r->billed_s;
	for (int i = 0; i < r->n; i++)
		if (r->line[i].list == name[strlen("list ")] - '0')
			sum += r->line[i].seconds;
	return sum;
}

static void op_rate(const json_t *v, const json_t *want)
{
	struct rate_case c;
	struct rate_result r;
	const char *key;
	json_t *name;

	set_case(&c, v);
	assert_int_equal(0, tariff_rate(&c.in, &r));
	if (!json_is_object(want)) {
		expect_money(want, r.total_minor);
		return;
	}
	expect_money(json_object_get(want, "amount"), r.total_minor);
	if (json_object_get(want, "billed_s"))
		assert_int_equal(json_integer_value(json_object_get(want, "billed_s")), r.billed_s);
	json_object_foreach(json_object_get(v, "seconds"), key, name)
		assert_int_equal(json_integer_value(json_object_get(want, key)), seconds_named(&r, json_string_value(name)));
}

static void op_lines(const json_t *v, const json_t *want)
{
	struct rate_case c;
	struct rate_result r;

	set_case(&c, v);
	assert_int_equal(0, tariff_rate(&c.in, &r));
	assert_int_equal(json_array_size(want), r.n);
	for (int i = 0; i < r.n; i++)
		expect_money(json_array_get(want, (size_t)i), r.line[i].amount_minor);
}

static void op_edge(const json_t *v, const json_t *want)
{
	struct rate_case c;
	struct rate_result r;

	set_case(&c, v);
	c.in.n_pieces = 1;
	c.pieces[0] = (struct rate_piece){ c.in.booked_from, c.in.booked_to + 300000, 0, 0, true, false };
	c.pieces[0].measured_ms = c.pieces[0].to_at - c.pieces[0].from_at;
	assert_int_equal(0, tariff_rate(&c.in, &r));
	expect_money(json_object_get(want, "at_300"), r.total_minor);
	c.pieces[0].to_at += 1000;
	c.pieces[0].measured_ms += 1000;
	assert_int_equal(0, tariff_rate(&c.in, &r));
	expect_money(json_object_get(want, "at_301_deductible"), r.total_minor);
}

static void op_rerate(const json_t *v, const json_t *want)
{
	const json_t *runs = json_object_get(v, "runs");
	struct price_list list = { 1, 0, { .rate_minor = 10000 } };
	struct rate_result first, second;

	assert_int_equal(0, tariff_quote(&list, false, 0, item(runs, 0) * 1000, &first));
	assert_int_equal(0, tariff_quote(&list, false, 0, item(runs, 1) * 1000, &second));
	if (json_object_get(want, "postings")) {
		assert_int_equal(json_integer_value(json_object_get(want, "postings")), first.total_minor != second.total_minor);
		return;
	}
	expect_money(json_object_get(want, "first"), first.total_minor);
	expect_money(json_object_get(want, "second_total"), second.total_minor);
	expect_money(json_object_get(want, "posting"), second.total_minor - first.total_minor);
}

static void op_series(const json_t *v, const json_t *want)
{
	struct price_list list = { 1, 0, { .rate_minor = 10000 } };
	struct rate_result r;
	int64_t sum = 0, seconds = 0;

	for (int64_t i = number(v, "first", 0); i < number(v, "first", 0) + number(v, "n", 0); i++) {
		int64_t s = i * number(v, "mul", 0) % number(v, "mod", 1);

		if (s == 0)
			continue;
		assert_int_equal(0, tariff_quote(&list, false, 0, s * 1000, &r));
		sum += r.total_minor;
		seconds += s;
	}
	expect_money(json_object_get(want, "total"), sum);
	expect_money(json_object_get(want, "rounded_once"), money_of_time(seconds, 10000, 1000));
}

/* ---- fees ---- */

static void set_tiers(struct price *p, const json_t *tiers)
{
	p->n_tiers = (int32_t)json_array_size(tiers);
	for (int i = 0; i < p->n_tiers; i++) {
		const json_t *row = json_array_get(tiers, (size_t)i);

		p->tiers[i] = (struct tier){ item(row, 0) * 1000, (int32_t)item(row, 1) };
	}
}

static void op_fees(const json_t *v, const json_t *want)
{
	const json_t *booked = json_object_get(v, "booked"), *notice = json_object_get(v, "notice");
	const json_t *keys = json_object_get(v, "keys"), *percents = json_object_get(v, "no_show");
	size_t n = notice ? json_array_size(notice) : json_array_size(percents);

	for (size_t i = 0; i < n; i++) {
		struct price_list list = { 1, 0, { .rate_minor = 10000 } };
		struct fee_input in = { .list = &list, .booked_from = item(booked, 0) * 1000, .booked_to =
			item(booked, 1) * 1000,
			.resold_ms = number(v, "resold", 0) * 1000,
			.given = { item(json_object_get(v, "given"), 0) * 1000, item(json_object_get(v, "given"), 1) * 1000 } };
		struct rate_result r;
		const json_t *x = keys ? json_object_get(want, json_string_value(json_array_get(keys, i)))
			: json_is_array(want) ? json_array_get(want, i) : want;

		list.price.no_show_bp = (int32_t)item(percents, notice ? 0 : i);
		set_tiers(&list.price, json_object_get(v, "tiers"));
		component_from_name(json_string_value(json_object_get(v, "kind")), &in.kind);
		in.at = in.booked_from - (notice ? item(notice, i) * 1000 : 0);
		assert_int_equal(0, tariff_fee(&in, &r));
		expect_money(x, r.total_minor);
	}
}

/* The meter's classifier, read once a second before and after. */
static void op_wrap(const json_t *v, const json_t *want)
{
	struct meter_def def = { .kind = METER_COUNTER, .counter = { .bits = 32, .count_ms = 1000, .refresh_ms = 1000 },
		.has_state = true, .poll_ms = 1000, .rate_ppm = 1000 };
	const json_t *raw = json_object_get(v, "raw");
	struct meter_verdict verdict;
	struct meter m;

	meter_init(&m);
	for (size_t i = 0; i < 2; i++) {
		struct meter_sample s = { .boot_ms = 100000 + 30000 * (int64_t)i, .wall_ms = 1000000 + 30000 * (int64_t)i,
			.boot_id = "boot" };

		s.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
		s.obs.hourmeter = (uint64_t)item(raw, i);
		s.obs.running = 1;
		meter_read(&m, &def, 60000, &s, &verdict);
	}
	assert_int_equal(METER_WRAP, verdict.class);
	assert_int_equal(json_integer_value(want) * 1000, verdict.added_ms);
}

/* ---- running them ---- */

static const struct { const char *name; void (*run)(const json_t *v, const json_t *want); } ops[] = {
	{ "round", op_round }, { "share", op_share }, { "tax", op_tax }, { "tax_inside", op_tax_inside },
	{ "discount", op_discount }, { "cap", op_cap }, { "instalments", op_instalments }, { "convert", op_convert },
	{ "elapsed", op_elapsed }, { "rate", op_rate }, { "lines", op_lines }, { "edge", op_edge }, { "rerate", op_rerate },
	{ "series", op_series }, { "fees", op_fees }, { "wrap", op_wrap },
};

static void one(void **state)
{
	const json_t *v = *state;
	const char *name = json_string_value(json_object_get(v, "op"));

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(ops[i].name, name) == 0) {
			ops[i].run(v, json_object_get(v, "expect"));
			return;
		}
	fail_msg("no operation %s", name);
}

static json_t *ours, *source;

/* Our copy has every case of the collection it came from, with the same expectation. */
static void same_as_source(void **state)
{
	json_t *a, *b;
	size_t i, j;

	assert_int_equal(json_array_size(source), json_array_size(ours));
	json_array_foreach(source, i, a) {
		bool found = false;

		json_array_foreach(ours, j, b)
			if (json_equal(json_object_get(a, "id"), json_object_get(b, "id"))) {
				found = true;
				if (!json_equal(json_object_get(a, "expect"), json_object_get(b, "expect")))
					fail_msg("%s differs", json_string_value(json_object_get(a, "id")));
			}
		if (!found)
			fail_msg("%s is missing", json_string_value(json_object_get(a, "id")));
	}
}

/* One test a case that the product does; the others are told, with the reason. */
static size_t list_tests(struct CMUnitTest *tests)
{
	size_t i, n = 0;
	json_t *v;

	json_array_foreach(ours, i, v) {
		const char *id = json_string_value(json_object_get(v, "id"));

		if (strcmp(json_string_value(json_object_get(v, "op")), "skip") == 0)
			print_message("# skipped %s: %s\n", id, json_string_value(json_object_get(v, "about")));
		else
			tests[n++] = (struct CMUnitTest){ id, one, NULL, NULL, v };
	}
	if (source)
		tests[n++] = (struct CMUnitTest){ "same as the source", same_as_source, NULL, NULL, NULL };
	return n;
}

int main(void)
{
	const char *path = getenv("LABTIME_VECTORS");
	struct CMUnitTest *tests;
	json_error_t error;
	int rc;

	ours = json_load_file(SOURCE_ROOT "/tests/unit/vectors/billing.json", JSON_REJECT_DUPLICATES, &error);
	if (!ours) {
		print_error("vectors/billing.json:%d: %s\n", error.line, error.text);
		return 1;
	}
	source = path && *path ? json_load_file(path, 0, &error) : NULL;
	if (path && *path && !source) {
		print_error("LABTIME_VECTORS: %s:%d: %s\n", path, error.line, error.text);
		return 1;
	}
	if (!source)
		print_message("# LABTIME_VECTORS names no collection: our copy was not compared with its source\n");
	tests = calloc(json_array_size(ours) + 1, sizeof(*tests));
	if (!tests)
		return 1;
	rc = _cmocka_run_group_tests("billing vectors", tests, list_tests(tests), NULL, NULL);
	free(tests);
	json_decref(ours);
	json_decref(source);
	return rc;
}
