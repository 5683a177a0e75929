/*
 * fee.c - the fee for booked time without use: for each terms row its share of what its part of the booked time would
 * have cost. Pure; fails only on nonsense.
 */
#include "core/tariff_work.h"

#include "common/money.h"

#include <string.h>

#define PARTS_MAX (2 * RATE_LISTS_MAX)

/* A part of the booked interval with one share and one price. */
struct part { int row, list; int64_t from, to, given_ms; };

int32_t tariff_fee_bp(const struct price *p, enum component kind, int64_t notice_ms)
{
	if (kind == COMP_NO_SHOW || notice_ms < 0)
		return p->no_show_bp;
	for (int i = 0; i < p->n_tiers; i++)
		if (notice_ms >= p->tiers[i].notice_ms)
			return p->tiers[i].fee_bp;
	return 0;
}

static int64_t next_edge(const struct price_span *spans, int n, int64_t at, int64_t end)
{
	for (int i = 1; i < n; i++)
		if (spans[i].from_at > at)
			return min64(spans[i].from_at, end);
	return end;
}

/* Cuts the booked interval where the row or the price list changes. Returns the number of parts. */
static int cut(const struct rate_input *prices, const struct price_span *rows, int n_rows, struct interval given,
	struct part ret[PARTS_MAX])
{
	int n = 0;

	for (int64_t at = prices->booked_from; at < prices->booked_to; at = ret[n++].to) {
		int64_t end = next_edge(rows, n_rows, at, next_edge(prices->spans, prices->n_spans, at, prices->booked_to));
		struct interval part = interval_cut((struct interval){ at, end }, given);

		ret[n] = (struct part){ tariff_list_at(rows, n_rows, at), tariff_list_at(prices->spans, prices->n_spans, at),
			at, end, interval_empty(part) ? 0 : part.to - part.from };
	}
	return n;
}

/* What all of a price list's booked time would have cost. The minimum belongs to the first. */
static void price_lists(const struct rate_result *quote, int first, int64_t ret[RATE_LISTS_MAX])
{
	memset(ret, 0, RATE_LISTS_MAX * sizeof(ret[0]));
	for (int i = 0; i < quote->n; i++)
		ret[quote->line[i].component == COMP_MINIMUM ? first : quote->line[i].list] += quote->line[i].amount_minor;
}

static int add_line(struct rate_result *ret, const struct rate_line *line)
{
	if (ret->n == RATE_LINES_MAX || line->amount_minor > LT_MONEY_MAX - ret->total_minor)
		return 1;
	ret->line[ret->n++] = *line;
	ret->total_minor += line->amount_minor;
	return 0;
}

static int add_parts(const struct fee_input *in, const struct part *part, int n, const struct rate_result *quote,
	struct rate_result *ret)
{
	int64_t whole[RATE_LISTS_MAX], length[RATE_LISTS_MAX] = { 0 }, given[PARTS_MAX], resold[PARTS_MAX], sum = 0;

	price_lists(quote, n > 0 ? part[0].list : 0, whole);
	for (int i = 0; i < n; i++) {
		length[part[i].list] += part[i].to - part[i].from;
		sum += given[i] = part[i].given_ms;
	}
	money_share(min64(in->resold_ms, sum), given, n, resold);
	for (int i = 0; i < n; i++) {
		const struct part *p = &part[i];
		int32_t bp = tariff_fee_bp(&in->list[p->row].price, in->kind, in->booked_from - in->at);
		int64_t unsold = given[i] - resold[i];
		struct rate_line line = { in->kind, p->list, max64(p->from, in->given.to ? in->given.from : p->from),
			in->given.to ? min64(p->to, in->given.to) : p->to, unsold / 1000, in->list[p->list].price.rate_minor,
			bp / 10, 0, 0, bp };

		line.amount_minor = money_round((money_wide)whole[p->list] * bp * unsold, (money_wide)10000 * length[p->list]);
		if (line.amount_minor != 0 && add_line(ret, &line))
			return 1;
	}
	return 0;
}

/* Spans that ascend and name lists that there are. */
static bool bad_rows(const struct fee_input *in)
{
	if (in->n_rows < 0 || in->n_rows > RATE_LISTS_MAX)
		return true;
	for (int i = 0; i < in->n_rows; i++)
		if (in->rows[i].list < 0 || in->rows[i].list >= (in->n_lists ? in->n_lists : 1) ||
		    (i > 0 && in->rows[i].from_at < in->rows[i - 1].from_at))
			return true;
	return false;
}

int tariff_fee(const struct fee_input *in, struct rate_result *ret)
{
	static const struct price_span one = { 0, 0 };
	struct interval booked = { in->booked_from, in->booked_to }, given = interval_empty(in->given) ? booked : in->given;
	struct rate_input terms = { .lists = in->list, .n_lists = in->n_lists ? in->n_lists : 1,
		.spans = in->n_prices ? in->prices : &one, .n_spans = in->n_prices ? in->n_prices : 1, .booked = true,
		.walk_up = in->walk_up, .booked_from = booked.from, .booked_to = booked.to };
	struct part part[PARTS_MAX];
	struct rate_result quote;

	if (booked.to <= booked.from || given.from < booked.from || given.to > booked.to || in->resold_ms < 0 ||
	    bad_rows(in) || tariff_quote_terms(&terms, &quote))
		return 1;
	memset(ret, 0, sizeof(*ret));
	return add_parts(in, part, cut(&terms, in->n_rows ? in->rows : &one, in->n_rows ? in->n_rows : 1, given, part),
		&quote, ret);
}
