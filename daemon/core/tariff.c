/*
 * tariff.c - the rating function. Time is collected into cells (component x price list) in milliseconds, floored once
 * to seconds, padded once to the billing step, priced cell by cell. Pure: owns nothing; fails only on nonsense.
 */
#include "core/tariff_work.h"

#include "common/money.h"

#include <assert.h>
#include <string.h>

#define FAR INT64_C(9000000000000000)   /* later than every instant */
#define DURATION_MAX INT64_C(7258118400000)

static const char *const names[COMPONENTS] = {
	[COMP_TIME] = "time", [COMP_WALK_UP] = "walk_up", [COMP_GRACE] = "grace", [COMP_OVERRUN] = "overrun",
	[COMP_INTO_NEXT] = "overrun_into_next", [COMP_IDLE] = "idle", [COMP_FAULT] = "fault", [COMP_BOOKED_FILL] = "booked_fill",
	[COMP_NO_SHOW] = "no_show", [COMP_LATE_CANCEL] = "late_cancel", [COMP_MINIMUM] = "minimum",
	[COMP_ESTIMATED] = "estimated", [COMP_CORRECTION] = "correction",
};

const char *component_name(enum component c)
{
	return names[c];
}

bool component_from_name(const char *name, enum component *ret)
{
	for (int i = 0; i < COMPONENTS; i++)
		if (strcmp(names[i], name) == 0) {
			*ret = (enum component)i;
			return true;
		}
	return false;
}

static const struct price *base_price(const struct work *w)
{
	return &w->in->lists[w->base].price;
}

/* ---- seconds ---- */

/* Floors the sum of components [c0, c1] once and shares the seconds over their cells. Returns them. */
static int64_t floor_seconds(struct work *w, enum component c0, enum component c1)
{
	int64_t ms[COMPONENTS * RATE_LISTS_MAX] = { 0 }, share[COMPONENTS * RATE_LISTS_MAX], sum = 0;
	int n = 0;

	for (int c = (int)c0; c <= (int)c1; c++)
		for (int l = 0; l < w->in->n_lists; l++) {
			ms[n++] = w->cell[c][l].ms;
			sum += w->cell[c][l].ms;
		}
	sum /= 1000;
	money_share(sum, ms, n, share);
	n = 0;
	for (int c = (int)c0; c <= (int)c1; c++)
		for (int l = 0; l < w->in->n_lists; l++)
			w->cell[c][l].seconds = share[n++];
	return sum;
}

/* What was metered at fault: the session's seconds that are nothing else. Its milliseconds round no priced line up. */
static int64_t fault_seconds(struct work *w, int64_t priced_s)
{
	int64_t ms = w->cell[COMP_FAULT][w->base].ms;

	if (ms == 0)
		return 0;
	for (int c = COMP_TIME; c <= COMP_INTO_NEXT; c++)
		for (int l = 0; l < w->in->n_lists; l++)
			ms += w->cell[c][l].ms;
	return w->cell[COMP_FAULT][w->base].seconds = ms / 1000 - priced_s;
}

static int64_t billable(const struct work *w)
{
	return tariff_seconds(w, COMP_TIME) + tariff_seconds(w, COMP_WALK_UP) + tariff_seconds(w, COMP_OVERRUN) +
	       tariff_seconds(w, COMP_INTO_NEXT);
}

/* The least that a session with use pays: it falls away as far as booked time was not usable. */
static int64_t minimum(const struct work *w)
{
	const struct rate_input *in = w->in;
	int64_t booked = in->booked ? tariff_booked_ms(in) : 0, all = base_price(w)->minimum_minor;

	if (booked <= 0 || !tariff_since(in, 3)) /* until then all of it was asked for */
		return all;
	return money_round((money_wide)all * tariff_usable_ms(in), booked);
}

/* The list that was in force when the last priced second of use fell. */
static int last_list(const struct work *w)
{
	int64_t latest = -1;
	int best = w->base;

	for (int c = COMP_TIME; c <= COMP_INTO_NEXT; c++)
		for (int l = 0; l < w->in->n_lists; l++)
			if (w->cell[c][l].ms > 0 && w->cell[c][l].to > latest) {
				latest = w->cell[c][l].to;
				best = l;
			}
	return best;
}

static void pad(struct work *w, int64_t total)
{
	int64_t step = max64(1, base_price(w)->step_ms / 1000), missing = (step - total % step) % step;
	int l = last_list(w);
	struct cell *x = &w->cell[COMP_TIME][l];

	if (total == 0 || missing == 0)
		return;
	if (x->ms == 0)
		x->from = x->to = w->in->n_pieces ? w->in->pieces[w->in->n_pieces - 1].to_at : 0;
	x->seconds += missing;
	x->padding = missing;
}

/* ---- lines ---- */

static int emit(struct rate_result *r, struct rate_line line)
{
	assert(r->n < RATE_LINES_MAX);
	if (line.amount_minor > LT_MONEY_MAX || line.amount_minor < -LT_MONEY_MAX)
		return 1;
	r->line[r->n++] = line;
	r->total_minor += line.amount_minor;
	return r->total_minor > LT_MONEY_MAX ? 1 : 0;
}

static int emit_component(const struct work *w, struct rate_result *r, enum component c)
{
	for (int l = 0; l < w->in->n_lists; l++) {
		const struct cell *x = &w->cell[c][l];
		const struct price *p = &w->in->lists[l].price;
		struct rate_line line = { c, l, x->from, x->to, x->seconds, tariff_rate_of(p, c),
			tariff_factor(p, c, w->in),
			x->padding, 0 };

		line.amount_minor = money_of_time(x->seconds, line.rate_minor, line.factor_pm);
		if (x->seconds > 0 && emit(r, line))
			return 1;
	}
	return 0;
}

static int emit_cells(const struct work *w, struct rate_result *r)
{
	for (int c = COMP_TIME; c <= COMP_BOOKED_FILL; c++)
		if (emit_component(w, r, (enum component)c))
			return 1;
	return emit_component(w, r, COMP_ESTIMATED);
}

static int emit_rest(const struct work *w, struct rate_result *r)
{
	const struct rate_input *in = w->in;
	int64_t from = in->n_pieces ? in->pieces[0].from_at : in->booked_from,
		to = in->n_pieces ? in->pieces[in->n_pieces - 1].to_at : in->booked_from;

	if ((in->used || r->billed_s > 0) && r->total_minor < minimum(w) &&
	    emit(r, (struct rate_line){ COMP_MINIMUM, w->base, from, to, 0, 0, 1000, 0, minimum(w) - r->total_minor }))
		return 1;
	if (r->estimated_s > r->approved_s)
		return emit(r, (struct rate_line){ COMP_ESTIMATED, w->base, from, to, r->estimated_s - r->approved_s,
			base_price(w)->rate_minor, 0, 0, 0 });
	return 0;
}

static bool bad_kept(const struct rate_input *in)
{
	int64_t before = in->booked_from;

	if (in->n_kept < 0 || in->n_kept > RATE_KEPT_MAX || (in->n_kept > 0 && !in->booked))
		return true;
	for (int i = 0; i < in->n_kept; i++) {
		const struct rate_span *k = &in->kept[i];

		if (k->from_at < before || k->grace_to < k->from_at || k->to_at < k->grace_to)
			return true;
		before = k->to_at;
	}
	return before > in->priced_to;
}

static bool bad_unusable(const struct rate_input *in)
{
	int64_t before = 0;

	if (in->n_unusable < 0 || in->n_unusable > RATE_UNUSABLE_MAX)
		return true;
	for (int i = 0; i < in->n_unusable; i++) {
		if (in->unusable[i].from < before || in->unusable[i].to < in->unusable[i].from)
			return true;
		before = in->unusable[i].to;
	}
	return false;
}

static bool bad_lists(const struct rate_input *in)
{
	if (in->n_lists < 1 || in->n_lists > RATE_LISTS_MAX || in->locked < 0 || in->locked >= in->n_lists ||
	    in->n_spans < 0 || in->n_spans > RATE_LISTS_MAX)
		return true;
	for (int i = 1; i < in->n_lists && in->n_spans == 0; i++)
		if (in->lists[i].effective_at < in->lists[i - 1].effective_at)
			return true;
	for (int i = 0; i < in->n_spans; i++)
		if (in->spans[i].list < 0 || in->spans[i].list >= in->n_lists ||
		    (i > 0 && in->spans[i].from_at < in->spans[i - 1].from_at))
			return true;
	return false;
}

static int check(const struct rate_input *in)
{
	int64_t before = 0, sum = 0;

	if (bad_lists(in))
		return 1;
	if (in->booked && (in->booked_to <= in->booked_from || in->priced_to < in->booked_from))
		return 1;
	if (bad_kept(in) || bad_unusable(in))
		return 1;
	for (int i = 0; i < in->n_pieces; i++) {
		const struct rate_piece *p = &in->pieces[i];

		if (p->from_at < before || p->to_at < p->from_at || p->measured_ms < 0 || p->estimated_ms < 0)
			return 1;
		sum += min64(DURATION_MAX, p->measured_ms) + min64(DURATION_MAX, p->estimated_ms);
		if (sum > DURATION_MAX)
			return 1;
		before = p->from_at;
	}
	return 0;
}

static void set_lists(struct work *w)
{
	const struct rate_input *in = w->in;

	w->base = in->locked;
	w->n_spans = in->n_spans;
	if (in->n_spans > 0)
		memcpy(w->spans, in->spans, (size_t)in->n_spans * sizeof(w->spans[0]));
	else
		w->n_spans = tariff_spans(in, w->spans, &w->base);
}

static int64_t into_next(const struct rate_input *in)
{
	return in->booked && in->next_from ? max64(in->next_from, in->priced_to) : FAR;
}

int64_t tariff_grace_end(const struct rate_input *in)
{
	int64_t grace = min64(in->grace_ms, (in->booked_to - in->booked_from) / 10);

	for (int i = 0; i < in->n_kept; i++)
		grace -= in->kept[i].grace_to - in->kept[i].from_at;
	return in->booked ? min64(in->priced_to + max64(0, grace), into_next(in)) : FAR;
}

int tariff_rate(const struct rate_input *in, struct rate_result *ret)
{
	struct work w;
	int64_t fill = 0, priced_ms = 0;

	if (check(in))
		return 1;
	memset(&w, 0, sizeof(w));
	memset(ret, 0, sizeof(*ret));
	w.in = in;
	set_lists(&w);
	ret->base = w.base;
	w.into_from = into_next(in);
	w.grace_end = tariff_grace_end(in);
	tariff_collect(&w);
	ret->fault_s = fault_seconds(&w, floor_seconds(&w, COMP_TIME, COMP_INTO_NEXT));
	ret->idle_s = floor_seconds(&w, COMP_IDLE, COMP_IDLE);
	for (int i = 0; i < in->n_pieces; i++) {
		ret->used_s += in->pieces[i].measured_ms;
		priced_ms += in->pieces[i].fault ? 0 : in->pieces[i].measured_ms;
	}
	ret->used_s /= 1000;
	ret->approved_s = floor_seconds(&w, COMP_ESTIMATED, COMP_ESTIMATED);
	ret->estimated_s = w.estimated_ms / 1000;
	ret->overrun_s = tariff_seconds(&w, COMP_OVERRUN) + tariff_seconds(&w, COMP_INTO_NEXT);
	if (in->used || priced_ms >= 1000)
		fill = tariff_fill(&w);
	pad(&w, billable(&w) + fill);
	ret->billed_s = billable(&w) + fill;
	if (emit_cells(&w, ret) || emit_rest(&w, ret))
		return 1;
	return 0;
}

int tariff_quote(const struct price_list *list, bool walk_up, int64_t from, int64_t to, struct rate_result *ret)
{
	struct rate_input in = { .lists = list, .n_lists = 1, .booked = true, .walk_up = walk_up, .booked_from = from,
		.booked_to = to, .priced_to = to };

	return tariff_quote_terms(&in, ret);
}

int tariff_quote_terms(const struct rate_input *terms, struct rate_result *ret)
{
	struct rate_input in = *terms;
	struct rate_piece piece = { .from_at = in.booked_from, .to_at = in.booked_to, .placed = true,
		.measured_ms = in.booked_to - in.booked_from };

	in.priced_to = max64(in.priced_to, in.booked_to);
	in.pieces = &piece;
	in.n_pieces = 1;
	return tariff_rate(&in, ret);
}
