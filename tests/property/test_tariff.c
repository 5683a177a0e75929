/*
 * test_tariff.c - random sessions against what must hold for every charge: lines add up to the total, every metered
 * second is in exactly one line, a cut run costs what the whole one costs, more use never costs less, doubt never
 * costs more. A failing seed is printed; LABTIME_SEED runs it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/fmt.h"
#include "core/tariff.h"

#define CASES 20000
#define PIECES 12
#define NOON INT64_C(1796097600000)

static uint64_t state;

static int64_t below(int64_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((state >> 33) % (uint64_t)n);
}

struct random_case {
	struct price_list lists[3];
	struct rate_piece pieces[PIECES];
	struct rate_span kept[2];
	struct interval unusable[PIECES];
	struct price_span spans[6];
	struct rate_input in;
};

/* From some instants on another list, or one again: what a booking that was extended and a price that is split have. */
static void random_spans(struct random_case *c)
{
	int64_t at = NOON - below(3600000);

	c->in.spans = c->spans;
	c->in.n_spans = (int)below(7);
	for (int i = 0; i < c->in.n_spans; i++) {
		c->spans[i] = (struct price_span){ at, (int)below(c->in.n_lists) };
		at += below(7200000);
	}
	c->in.locked = c->in.n_spans ? (int)below(c->in.n_lists) : 0;
}

static void random_price(struct price *p)
{
	static const int64_t steps[] = { 1000, 1000, 36000, 360000, 900000 };
	static const int32_t factors[] = { 1000, 1000, 1250, 1500, 2000 };

	memset(p, 0, sizeof(*p));
	p->rate_minor = below(3) ? 10000 : below(20000);
	p->step_ms = steps[below(5)];
	p->minimum_minor = below(4) ? 0 : below(5000);
	p->overrun_pm = factors[below(5)];
	p->into_next_pm = p->overrun_pm + (int32_t)below(2) * 500;
	p->walk_up_pm = 1000;
	p->idle_rate_minor = below(2) ? 0 : below(8000);
	p->usage = (enum price_usage)below(4);
	p->usage_bp = (int32_t)below(10001);
	p->change = (enum price_change)below(3);
}

static void random_case(struct random_case *c, bool all_placed)
{
	int64_t at = NOON + below(3600000);

	memset(c, 0, sizeof(*c));
	c->in.n_lists = 1 + (int)below(3);
	for (int i = 0; i < c->in.n_lists; i++) {
		random_price(&c->lists[i].price);
		c->lists[i].version = i + 1;
		c->lists[i].effective_at = i == 0 ? 0 : NOON + i * below(7200000);
		if (i == 2 && c->lists[2].effective_at < c->lists[1].effective_at)
			c->lists[2].effective_at = c->lists[1].effective_at;
	}
	c->in.lists = c->lists;
	c->in.booked = below(4) != 0;
	c->in.booked_from = NOON + 1800000;
	c->in.booked_to = c->in.booked_from + 900000 * (1 + below(16));
	c->in.priced_to = c->in.booked_to + (below(4) ? 0 : below(1800000));
	c->in.next_from = below(2) ? 0 : c->in.booked_to + below(1800000);
	c->in.grace_ms = below(2) ? 300000 : below(600000);
	c->in.kept = c->kept;
	c->in.n_kept = c->in.booked ? (int)below(3) : 0;
	for (int i = 0; i < c->in.n_kept; i++) {
		struct rate_span *k = &c->kept[i];

		k->from_at = c->in.booked_from + 300000 + i * 300000 + below(100000);
		k->grace_to = k->from_at + below(60000);
		k->to_at = k->grace_to + below(100000);
	}
	c->in.start_at = below(2) ? 0 : NOON;
	c->in.n_pieces = (int)below(PIECES);
	for (int i = 0; i < c->in.n_pieces; i++) {
		struct rate_piece *p = &c->pieces[i];

		p->from_at = at += below(1200000);
		p->to_at = at += below(2400000);
		p->placed = all_placed || below(4) != 0;
		p->measured_ms = p->placed ? p->to_at - p->from_at : below(p->to_at - p->from_at + 1);
		p->estimated_ms = p->placed ? 0 : below(3) ? 0 : below(60000);
		p->approved = p->estimated_ms > 0 && below(2) == 0;
	}
	c->in.pieces = c->pieces;
	if (below(2))
		random_spans(c);
}

/* Some pieces are metered at fault, and so is some time between. */
static void break_down(struct random_case *c)
{
	int64_t after = 0;

	c->in.unusable = c->unusable;
	for (int i = 0; i < c->in.n_pieces; i++) {
		struct rate_piece *p = &c->pieces[i];
		int64_t from = p->from_at - below(2) * below(1200000), to = p->to_at + below(2) * below(600000);

		if (below(3))
			continue;
		p->fault = true;
		if (i + 1 < c->in.n_pieces && to > p[1].from_at)
			to = p[1].from_at;
		from = from < after ? after : from;
		if (i > 0 && from < p[-1].to_at)
			from = p[-1].to_at;
		c->unusable[c->in.n_unusable++] = (struct interval){ from, to };
		after = to;
	}
}

/* The first holds always. */
static void one_list(struct random_case *c)
{
	c->in.n_lists = 1;
	c->in.n_spans = c->in.locked = 0;
}

static bool is_use(enum component c)
{
	return c == COMP_TIME || c == COMP_WALK_UP || c == COMP_GRACE || c == COMP_OVERRUN || c == COMP_INTO_NEXT;
}

static void rated(struct random_case *c, struct rate_result *r)
{
	assert_int_equal(0, tariff_rate(&c->in, r));
}

/* Lines add up; metered seconds are in exactly one line each; the step only adds; estimates cost nothing. */
static void conserves(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result r;
		int64_t total = 0, used = 0, padding = 0, estimated = 0, fault = 0;

		random_case(&c, false);
		if (i % 2)
			break_down(&c);
		rated(&c, &r);
		for (int l = 0; l < r.n; l++) {
			total += r.line[l].amount_minor;
			padding += r.line[l].padding_s;
			if (is_use(r.line[l].component))
				used += r.line[l].seconds - r.line[l].padding_s;
			if (r.line[l].component == COMP_FAULT) {
				fault += r.line[l].seconds;
				assert_int_equal(0, r.line[l].amount_minor);
			}
			if (r.line[l].component == COMP_ESTIMATED)
				estimated += r.line[l].seconds;
			if (r.line[l].component == COMP_ESTIMATED && r.line[l].factor_pm == 0)
				assert_int_equal(0, r.line[l].amount_minor);
		}
		assert_int_equal(r.total_minor, total);
		assert_int_equal(r.used_s, used + fault);
		assert_int_equal(r.fault_s, fault);
		assert_int_equal(r.estimated_s, estimated);
		assert_true(padding >= 0 && padding < c.lists[r.n ? r.line[0].list : 0].price.step_ms / 1000 + 900);
		if (r.used_s == 0)
			assert_int_equal(0, r.billed_s);
	}
}

static void same_line(const struct rate_line *a, const struct rate_line *b)
{
	assert_int_equal(a->component, b->component);
	assert_int_equal(a->list, b->list);
	assert_int_equal(a->seconds, b->seconds);
	assert_int_equal(a->padding_s, b->padding_s);
	assert_int_equal(a->factor_pm, b->factor_pm);
	assert_int_equal(a->rate_minor, b->rate_minor);
	assert_int_equal(a->amount_minor, b->amount_minor);
	assert_true(a->from_at == b->from_at && a->to_at == b->to_at);
}

static void same_again(void **unused)
{
	for (int i = 0; i < CASES / 4; i++) {
		struct random_case c;
		struct rate_result one, two;

		random_case(&c, false);
		rated(&c, &one);
		rated(&c, &two);
		assert_int_equal(one.total_minor, two.total_minor);
		assert_int_equal(one.n, two.n);
		for (int l = 0; l < one.n; l++)
			same_line(&one.line[l], &two.line[l]);
	}
}

/* However readings happened to cut a run, it costs the same. */
static void cut_costs_the_same(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_piece *p = c.pieces;
		struct rate_result whole, cut;
		int k;

		random_case(&c, true);
		if (c.in.n_pieces == 0 || c.in.n_pieces == PIECES)
			continue;
		rated(&c, &whole);
		k = (int)below(c.in.n_pieces);
		memmove(&p[k + 1], &p[k], sizeof(*p) * (size_t)(c.in.n_pieces - k));
		c.in.n_pieces++;
		p[k].to_at = p[k + 1].from_at = p[k].from_at + below(p[k].to_at - p[k].from_at + 1);
		p[k].measured_ms = p[k].to_at - p[k].from_at;
		p[k + 1].measured_ms = p[k + 1].to_at - p[k + 1].from_at;
		rated(&c, &cut);
		assert_int_equal(whole.total_minor, cut.total_minor);
		assert_int_equal(whole.billed_s, cut.billed_s);
	}
}

static int64_t seconds_of(const struct rate_result *r, enum component c)
{
	int64_t sum = 0;

	for (int i = 0; i < r->n; i++)
		if (r->line[i].component == c)
			sum += r->line[i].seconds;
	return sum;
}

/* A run cut exactly where a price list, the booking, the grace or the wait of the next one begins or ends. */
static void cut_at_an_edge_moves_nothing(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result whole, cut;
		int64_t edges[7], at;
		int k;

		random_case(&c, true);
		if (c.in.n_pieces == 0 || c.in.n_pieces == PIECES)
			continue;
		edges[0] = c.in.booked_to;
		edges[1] = c.in.priced_to;
		edges[2] = c.in.booked ? tariff_grace_end(&c.in) : c.in.booked_from;
		edges[3] = c.in.next_from;
		edges[4] = c.lists[c.in.n_lists - 1].effective_at;
		edges[5] = c.lists[c.in.n_lists / 2].effective_at;
		edges[6] = c.in.n_spans ? c.spans[below(c.in.n_spans)].from_at : c.in.booked_to;
		at = edges[below(7)];
		for (k = 0; k < c.in.n_pieces && !(c.pieces[k].from_at < at && at < c.pieces[k].to_at); k++)
			;
		if (k == c.in.n_pieces)
			continue;
		rated(&c, &whole);
		memmove(&c.pieces[k + 1], &c.pieces[k], sizeof(c.pieces[0]) * (size_t)(c.in.n_pieces - k));
		c.in.n_pieces++;
		c.pieces[k].to_at = c.pieces[k + 1].from_at = at;
		for (int j = k; j <= k + 1; j++)
			c.pieces[j].measured_ms = c.pieces[j].to_at - c.pieces[j].from_at;
		rated(&c, &cut);
		assert_int_equal(whole.total_minor, cut.total_minor);
		assert_int_equal(whole.used_s, cut.used_s);
		for (int x = COMP_TIME; x <= COMP_BOOKED_FILL; x++)
			assert_int_equal(seconds_of(&whole, (enum component)x), seconds_of(&cut, (enum component)x));
	}
}

/* An agreed estimate is a line of its own: it adds to no use and to no overrun. */
static void an_estimate_is_apart(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result without, with;
		int64_t seconds = 1 + below(3600);

		random_case(&c, true);
		if (c.in.n_pieces == 0 || c.in.n_pieces == PIECES)
			continue;
		rated(&c, &without);
		c.pieces[c.in.n_pieces] = c.pieces[c.in.n_pieces - 1];
		c.pieces[c.in.n_pieces].measured_ms = 0;
		c.pieces[c.in.n_pieces].estimated_ms = seconds * 1000;
		c.pieces[c.in.n_pieces].placed = false;
		c.pieces[c.in.n_pieces].approved = true;
		c.in.n_pieces++;
		rated(&c, &with);
		assert_int_equal(seconds, seconds_of(&with, COMP_ESTIMATED));
		assert_int_equal(without.used_s, with.used_s);
		assert_int_equal(without.overrun_s, with.overrun_s);
		assert_true(with.billed_s <= without.billed_s + 900); /* it may take the place of fill, then of a step */
	}
}

static void more_costs_no_less(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result less, more;
		struct rate_piece *last;

		random_case(&c, true);
		if (c.in.n_pieces == 0)
			continue;
		one_list(&c); /* with several, padding moves to the later and maybe cheaper list */
		rated(&c, &less);
		last = &c.pieces[c.in.n_pieces - 1];
		last->to_at += 1000 * below(1800);
		last->measured_ms = last->to_at - last->from_at;
		rated(&c, &more);
		assert_true(more.total_minor + more.n >= less.total_minor); /* each line is rounded once */
	}
}

/* However long was metered at fault: every line but its own stays as it is, and so do fill, step and minimum. */
static void a_fault_costs_nothing(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result some, none;
		int k = 0;

		random_case(&c, false);
		for (int l = 0; l < c.in.n_lists; l++)
			c.lists[l].price.idle_after_ms = below(2) ? 0 : below(1200000);
		break_down(&c);
		rated(&c, &some);
		for (int p = 0; p < c.in.n_pieces; p++)
			if (c.pieces[p].fault)
				c.pieces[p].measured_ms = 0;
		rated(&c, &none);
		assert_int_equal(some.total_minor, none.total_minor);
		assert_int_equal(some.billed_s, none.billed_s);
		assert_int_equal(some.idle_s, none.idle_s);
		assert_int_equal(some.overrun_s, none.overrun_s);
		assert_int_equal(0, none.fault_s);
		for (int l = 0; l < some.n; l++)
			if (some.line[l].component != COMP_FAULT)
				same_line(&some.line[l], &none.line[k++]);
		assert_int_equal(k, none.n);
	}
}

/* A fault never makes a session dearer than it would have been without: of time, of idle, of what was booked. */
static void a_fault_costs_no_more(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result with, without;

		random_case(&c, true);
		one_list(&c); /* with several, padding moves to another list */
		c.lists[0].price.idle_after_ms = below(2) ? 0 : below(1200000);
		c.lists[0].price.idle_rate_minor = below(c.lists[0].price.rate_minor + 1);
		break_down(&c);
		rated(&c, &with);
		for (int p = 0; p < c.in.n_pieces; p++)
			c.pieces[p].fault = false;
		c.in.n_unusable = 0;
		rated(&c, &without);
		assert_true(with.idle_s <= without.idle_s + 1);
		assert_true(with.billed_s <= without.billed_s + 1);
		/* each line is rounded once, and a second may go to another line */
		assert_true(with.total_minor <= without.total_minor + with.n + without.n + 12);
	}
}

/* A piece whose place is unknown is never overrun, and never costs more than a placed one. */
static void doubt_favours_the_customer(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		struct random_case c;
		struct rate_result sure, doubt;

		random_case(&c, true);
		if (c.in.n_pieces == 0)
			continue;
		for (int k = 0; k < c.in.n_lists; k++) /* the step may move a second between two price lists */
			c.lists[k].price.step_ms = 1000;
		rated(&c, &sure);
		c.pieces[below(c.in.n_pieces)].placed = false;
		rated(&c, &doubt);
		assert_true(doubt.overrun_s <= sure.overrun_s + 1);
		assert_true(doubt.total_minor <= sure.total_minor + sure.n + doubt.n + 2);
		for (int k = 0; k < c.in.n_pieces; k++)
			c.pieces[k].placed = false;
		rated(&c, &doubt);
		assert_int_equal(0, doubt.overrun_s);
		assert_int_equal(0, doubt.idle_s);
	}
}

static void shares_add_up(void **unused)
{
	for (int i = 0; i < CASES; i++) {
		int64_t weights[20], share[20], mirror[20], sum = 0, weight = 0, total = below(1000000000);
		int n = 1 + (int)below(20);

		for (int k = 0; k < n; k++)
			weight += weights[k] = below(3) ? below(100000) : 0;
		money_share(total, weights, n, share);
		money_share(-total, weights, n, mirror);
		for (int k = 0; k < n; k++) {
			money_wide exact = (money_wide)total * weights[k];

			sum += share[k];
			assert_int_equal(share[k], -mirror[k]);
			if (weight > 0)
				assert_true((money_wide)share[k] * weight - exact < weight &&
					exact - (money_wide)share[k] * weight < weight);
		}
		assert_int_equal(total, sum);
	}
}

/* Nonsense is refused, not priced. */
static void refuses_nonsense(void **unused)
{
	struct random_case c;
	struct rate_result r;

	random_case(&c, true);
	c.in.n_lists = 0;
	assert_int_equal(1, tariff_rate(&c.in, &r));
	do
		random_case(&c, true);
	while (c.in.n_pieces < 2 || c.pieces[1].from_at == c.pieces[0].from_at);
	c.pieces[1].from_at = c.pieces[0].from_at - 1;
	assert_int_equal(1, tariff_rate(&c.in, &r));
	do {
		random_case(&c, true);
		break_down(&c);
	} while (c.in.n_unusable == 0);
	c.unusable[0].to = c.unusable[0].from - 1;
	assert_int_equal(1, tariff_rate(&c.in, &r));
	random_case(&c, true);
	c.in.n_pieces = 1;
	c.pieces[0] = (struct rate_piece){ 0, INT64_C(4000000000000), INT64_C(4000000000000), 0, true, false, false,
		false };
	c.in.booked = false;
	for (int i = 0; i < c.in.n_lists; i++)
		c.lists[i].price.rate_minor = INT64_C(100000000000);
	assert_int_equal(1, tariff_rate(&c.in, &r));
}

static int seed(void **unused)
{
	const char *text = getenv("LABTIME_SEED");
	int64_t value = 20261201;

	if (text && !lt_parse_i64(text, 0, INT64_MAX, &value))
		return -1;
	state = (uint64_t)value;
	print_message("# LABTIME_SEED=%lld\n", (long long)value);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conserves), cmocka_unit_test(same_again), cmocka_unit_test(cut_costs_the_same),
		cmocka_unit_test(cut_at_an_edge_moves_nothing), cmocka_unit_test(an_estimate_is_apart),
		cmocka_unit_test(more_costs_no_less), cmocka_unit_test(doubt_favours_the_customer),
		cmocka_unit_test(a_fault_costs_nothing), cmocka_unit_test(a_fault_costs_no_more),
		cmocka_unit_test(shares_add_up), cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests_name("tariff", tests, seed, NULL);
}
