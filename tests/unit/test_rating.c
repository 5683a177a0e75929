/*
 * test_rating.c - what one session costs where two rules meet: an estimate beside idle time, unused booked time of two
 * price lists beside overrun, seconds without length where a list begins, and records of older formats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/civil.h"
#include "core/tariff.h"

#define NOON INT64_C(1796097600000)

/* Two hours booked at noon under two lists, the second from one o'clock on. */
struct lab {
	struct price_list lists[2];
	struct price_span spans[2];
	struct rate_piece pieces[4];
	struct rate_span kept[1];
	struct rate_input in;
};

static void open_lab(struct lab *l)
{
	memset(l, 0, sizeof(*l));
	for (int i = 0; i < 2; i++) {
		price_defaults(&l->lists[i].price);
		l->lists[i].price.rate_minor = 3600;     /* a cent a second */
		l->lists[i].version = i + 1;
		l->spans[i] = (struct price_span){ NOON + i * LT_HOUR, i };
	}
	l->in = (struct rate_input){ .lists = l->lists, .n_lists = 2, .spans = l->spans, .n_spans = 2, .booked = true,
		.booked_from = NOON, .booked_to = NOON + 2 * LT_HOUR, .priced_to = NOON + 2 * LT_HOUR, .kept = l->kept,
		.pieces = l->pieces };
}

static void add_piece(struct lab *l, struct rate_piece p, int64_t from_min, int64_t to_min)
{
	p.from_at = NOON + from_min * LT_MINUTE;
	p.to_at = NOON + to_min * LT_MINUTE;
	if (p.placed)
		p.measured_ms = p.to_at - p.from_at;
	l->pieces[l->in.n_pieces++] = p;
}

static const struct rate_piece run = { .placed = true };

static int64_t seconds_of(const struct rate_result *r, enum component c, int list)
{
	int64_t sum = 0;

	for (int i = 0; i < r->n; i++)
		if (r->line[i].component == c && (list < 0 || r->line[i].list == list))
			sum += r->line[i].seconds;
	return sum;
}

/* The counter stood still for five minutes of an hour's work; between the runs the instrument was idle as ever. */
static void an_estimate_leaves_the_idle_around_it(void **state)
{
	static const struct rate_piece agreed = { .estimated_ms = 5 * LT_MINUTE, .approved = true, .agreed = true };
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.in.start_at = NOON;
	add_piece(&l, agreed, 0, 60);
	add_piece(&l, run, 10, 20);
	add_piece(&l, run, 50, 60);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(r.idle_s, 40 * 60);
	assert_int_equal(r.approved_s, 5 * 60);
	l.pieces[0].approved = false;                    /* what was measured later took its place */
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(r.idle_s, 40 * 60);
	l.in.format = 4;                                 /* a record that was sealed before stays what it is */
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(r.idle_s, 0);
}

/* What nobody read is neither use nor idle, and a window in which counted seconds lie is taken for use. */
static void a_gap_has_no_idle(void **state)
{
	static const struct rate_piece gap = { .estimated_ms = 5 * LT_MINUTE }, somewhere = { .measured_ms = LT_MINUTE };
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.in.start_at = NOON;
	add_piece(&l, gap, 0, 20);
	add_piece(&l, somewhere, 20, 40);
	add_piece(&l, run, 50, 60);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(r.idle_s, 10 * 60);
}

/* The clock was set back: what ran until its labels went on again lies on one label, in two parts, for the instrument
 * was at fault in one of them. An hour before that label, half of it run, was idle for the other half. */
static void what_ran_while_labels_stood_still_is_not_idle(void **state)
{
	static const struct rate_piece half = { .measured_ms = 20 * LT_MINUTE }, fault = { .measured_ms = 10 * LT_MINUTE,
		.fault = true };
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.in.start_at = NOON;
	add_piece(&l, half, 60, 60);
	add_piece(&l, fault, 60, 60);
	add_piece(&l, run, 60, 70);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(r.idle_s, 30 * 60);
	l.in.format = 5;                                 /* the first of them alone was taken off then */
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(r.idle_s, 40 * 60);
}

/* And the labels that they stood still at lie behind a jump of the clock: what ran, ran before the jump. */
static void what_ran_before_a_jump_is_not_idle(void **state)
{
	static const struct rate_piece half = { .measured_ms = 20 * LT_MINUTE };
	static const struct { int64_t from, to; int idle; } rows[] = {
		{ 30, 60, 10 },                          /* to the label */
		{ 30, 55, 15 }, { 30, 45, 25 },          /* some of it after the jump */
		{ 5, 60, 0 },                            /* less than ran was usable: the rest ran while nothing is known */
		{ 90, 95, 40 },
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct interval jump = { NOON + rows[k].from * LT_MINUTE, NOON + rows[k].to * LT_MINUTE };
		struct lab l;
		struct rate_result r;

		open_lab(&l);
		l.in.start_at = NOON;
		l.in.unusable = &jump;
		l.in.n_unusable = 1;
		add_piece(&l, half, 60, 60);
		add_piece(&l, run, 60, 70);
		assert_int_equal(tariff_rate(&l.in, &r), 0);
		assert_int_equal(r.idle_s, rows[k].idle * 60);
	}
}

/* Half of the cheap hour was used and none of the dear one, and an hour ran over at the dear list: of what was not used
 * an hour is the dear list's. */
static void overrun_is_no_use_of_booked_time(void **state)
{
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.lists[0].price.usage = USAGE_BOOKED_PLUS_OVERRUN;
	l.lists[1].price.rate_minor = 7200;
	add_piece(&l, run, 0, 30);
	add_piece(&l, run, 120, 180);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(seconds_of(&r, COMP_BOOKED_FILL, 0), 1800);
	assert_int_equal(seconds_of(&r, COMP_BOOKED_FILL, 1), 3600);
	assert_int_equal(r.total_minor, 1800 + 1800 + 7200 + 7200);
}

/* An estimate that is paid was use of the time it lies in: what is filled up is the rest. */
static void agreed_time_is_not_filled_up_again(void **state)
{
	static const struct rate_piece agreed = { .estimated_ms = LT_HOUR, .approved = true, .agreed = true };
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.in.used = true;
	l.lists[0].price.usage = USAGE_MAX;
	l.lists[1].price.rate_minor = 7200;
	add_piece(&l, agreed, 0, 60);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(seconds_of(&r, COMP_BOOKED_FILL, 1), 3600);
	assert_int_equal(r.total_minor, 3600 + 7200);
}

/* Twenty minutes were overrun before an extension took them in: nobody booked them, so they are not filled up. */
static void kept_overrun_is_not_filled_up(void **state)
{
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.kept[0] = (struct rate_span){ NOON + 40 * LT_MINUTE, NOON + 60 * LT_MINUTE, NOON + 60 * LT_MINUTE };
	l.in.n_kept = 1;
	l.lists[0].price.usage = USAGE_MAX;
	l.lists[1].price.rate_minor = 7200;
	add_piece(&l, run, 0, 60);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(seconds_of(&r, COMP_GRACE, -1), 20 * 60);
	assert_int_equal(seconds_of(&r, COMP_BOOKED_FILL, 0), 0);
	assert_int_equal(seconds_of(&r, COMP_BOOKED_FILL, 1), 3600);
}

/* Seconds without length that end where a list begins lie before it, however they were placed. */
static void what_ends_where_a_list_begins_is_before_it(void **state)
{
	static const struct rate_piece nowhere = { .measured_ms = LT_MINUTE };
	struct lab l;
	struct rate_result r;

	open_lab(&l);
	l.lists[1].price.rate_minor = 7200;
	add_piece(&l, nowhere, 60, 60);
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(seconds_of(&r, COMP_TIME, 0), 60);
	assert_int_equal(r.total_minor, 60);
	l.pieces[0].placed = true;
	assert_int_equal(tariff_rate(&l.in, &r), 0);
	assert_int_equal(seconds_of(&r, COMP_TIME, 0), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_estimate_leaves_the_idle_around_it), cmocka_unit_test(a_gap_has_no_idle),
		cmocka_unit_test(what_ran_while_labels_stood_still_is_not_idle),
		cmocka_unit_test(what_ran_before_a_jump_is_not_idle),
		cmocka_unit_test(overrun_is_no_use_of_booked_time), cmocka_unit_test(agreed_time_is_not_filled_up_again),
		cmocka_unit_test(kept_overrun_is_not_filled_up), cmocka_unit_test(what_ends_where_a_list_begins_is_before_it),
	};

	return cmocka_run_group_tests_name("rating", tests, NULL, NULL);
}
