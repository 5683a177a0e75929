/*
 * tariff.c - the rating function. Time is collected into cells (component x price list) in milliseconds, floored once
 * to seconds, padded once to the billing step, priced cell by cell. Pure: owns nothing; fails only on nonsense.
 */
#include "core/tariff.h"

#include "common/money.h"

#include <assert.h>
#include <string.h>

#define FAR INT64_C(9000000000000000)   /* later than every instant */
#define EDGES_MAX (RATE_LISTS_MAX + 4 + 3 * RATE_KEPT_MAX)
#define DURATION_MAX INT64_C(7258118400000)

struct cell { int64_t ms, seconds, padding, from, to; };

struct work {
	const struct rate_input *in;
	const struct price *base;       /* the locked list's terms: step, minimum, policy, grace's kind */
	int first, last;                /* lists in use: one when the price is locked                   */
	int64_t grace_end, into_from;
	int64_t estimated_ms;
	struct cell cell[COMPONENTS][RATE_LISTS_MAX];
};

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

/* ---- what applies when ---- */

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int list_in_force(const struct rate_input *in, int64_t at)
{
	int i = 0;

	while (i + 1 < in->n_lists && in->lists[i + 1].effective_at <= at)
		i++;
	return i;
}

static int list_at(const struct work *w, int64_t at)
{
	int i = list_in_force(w->in, at);

	return i < w->first ? w->first : i > w->last ? w->last : i;
}

static enum component base_component(const struct rate_input *in)
{
	return !in->booked || in->walk_up ? COMP_WALK_UP : COMP_TIME;
}

static enum component component_at(const struct work *w, int64_t at)
{
	for (int i = 0; i < w->in->n_kept; i++)
		if (at >= w->in->kept[i].from_at && at < w->in->kept[i].to_at)
			return at < w->in->kept[i].grace_to ? COMP_GRACE : COMP_OVERRUN;
	if (!w->in->booked || at < w->in->priced_to)
		return base_component(w->in);
	if (at < w->grace_end)
		return COMP_GRACE;
	return at < w->into_from ? COMP_OVERRUN : COMP_INTO_NEXT;
}

static int32_t factor_of(const struct price *p, enum component c, const struct rate_input *in)
{
	switch (c) {
	case COMP_WALK_UP:
		return p->walk_up_pm;
	case COMP_GRACE:
	case COMP_FAULT:
		return 0;
	case COMP_OVERRUN:
		return p->overrun_pm;
	case COMP_INTO_NEXT:
		return p->into_next_pm;
	case COMP_BOOKED_FILL:
		return in->walk_up ? p->walk_up_pm : 1000;
	case COMP_ESTIMATED: /* approved; the rest is a line of its own at nothing */
		return factor_of(p, base_component(in), in);
	default:
		return 1000;
	}
}

static int64_t rate_of(const struct price *p, enum component c)
{
	return c == COMP_IDLE ? p->idle_rate_minor : p->rate_minor;
}

/* ---- collecting milliseconds ---- */

static void add(struct work *w, enum component c, int list, int64_t ms, int64_t from, int64_t to)
{
	struct cell *x = &w->cell[c][list];

	if (ms <= 0)
		return;
	x->from = x->ms ? min64(x->from, from) : from;
	x->to = x->ms ? max64(x->to, to) : to;
	x->ms += ms;
}

static void sooner(int64_t mark, int64_t at, int64_t *next)
{
	if (mark > at)
		*next = min64(*next, mark);
}

/* Cuts [from, to) where the component or the price list changes; edges[0] = from, edges[n] = to. Returns n. */
static int cut(const struct work *w, int64_t from, int64_t to, int64_t edges[EDGES_MAX + 1])
{
	int n = 0;
	int64_t at = from;

	while (at < to) {
		int64_t next = to;

		sooner(w->in->booked ? w->in->priced_to : FAR, at, &next);
		sooner(w->grace_end, at, &next);
		sooner(w->into_from, at, &next);
		for (int i = 0; i < w->in->n_kept; i++) {
			sooner(w->in->kept[i].from_at, at, &next);
			sooner(w->in->kept[i].grace_to, at, &next);
			sooner(w->in->kept[i].to_at, at, &next);
		}
		for (int i = w->first + 1; i <= w->last; i++)
			sooner(w->in->lists[i].effective_at, at, &next);
		assert(n < EDGES_MAX);
		edges[n++] = at;
		at = next;
	}
	edges[n] = to;
	return n;
}

/* What a span becomes: what its place says; use that is never overrun; idle. */
enum place { AS_PLACED, AS_BASE, AS_IDLE };

static void spread(struct work *w, int64_t from, int64_t to, int64_t ms, enum place place)
{
	int64_t edges[EDGES_MAX + 1], length[EDGES_MAX], share[EDGES_MAX];
	int n = cut(w, from, to, edges);

	if (n == 0) { /* no length: all of it at that instant */
		edges[0] = from;
		edges[1] = to;
		n = 1;
	}
	for (int i = 0; i < n; i++)
		length[i] = edges[i + 1] - edges[i];
	money_share(ms, length, n, share);
	for (int i = 0; i < n; i++) {
		enum component c = place == AS_IDLE ? COMP_IDLE
			: place == AS_BASE ? base_component(w->in) : component_at(w, edges[i]);

		add(w, c, list_at(w, edges[i]), share[i], edges[i], edges[i + 1]);
	}
}

/* Place unknown: fills the cheapest parts of the window first, each up to its length; overrun counts as base time. */
static void fill_cheapest(struct work *w, int64_t from, int64_t to, int64_t ms)
{
	int64_t edges[EDGES_MAX + 1];
	bool done[EDGES_MAX] = { false };
	int n = cut(w, from, to, edges), last = -1;

	for (int round = 0; round < n && ms > 0; round++) {
		int best = -1;
		money_wide best_price = 0;

		for (int i = 0; i < n; i++) {
			enum component c = component_at(w, edges[i]) == COMP_GRACE ? COMP_GRACE : base_component(w->in);
			const struct price *p = &w->in->lists[list_at(w, edges[i])].price;
			money_wide price = (money_wide)rate_of(p, c) * factor_of(p, c, w->in);

			if (!done[i] && (best < 0 || price < best_price)) {
				best = i;
				best_price = price;
			}
		}
		done[best] = true;
		int64_t take = min64(ms, edges[best + 1] - edges[best]);
		bool free_part = component_at(w, edges[best]) == COMP_GRACE;

		add(w, free_part ? COMP_GRACE : base_component(w->in), list_at(w, edges[best]), take, edges[best],
			edges[best + 1]);
		if (!free_part && last < 0)
			last = best;
		ms -= take;
	}
	if (ms > 0) /* a counter may run a little ahead of the clock */
		add(w, base_component(w->in), list_at(w, last < 0 ? from : edges[last]), ms, from, to);
}

/* Estimated time that two people agreed to charge: at the cheapest price list of its window. */
static void add_approved(struct work *w, const struct rate_piece *p)
{
	int best = list_at(w, p->from_at), last = list_at(w, p->to_at);

	for (int l = best + 1; l <= last; l++) {
		const struct price *x = &w->in->lists[l].price, *y = &w->in->lists[best].price;

		if ((money_wide)x->rate_minor * factor_of(x, COMP_ESTIMATED, w->in) <
		    (money_wide)y->rate_minor * factor_of(y, COMP_ESTIMATED, w->in))
			best = l;
	}
	add(w, COMP_ESTIMATED, best, p->estimated_ms, p->from_at, p->to_at);
}

/* A part of an idle spell in which the instrument was usable; *as_use: what may still count as use. */
static void add_usable(struct work *w, int64_t from, int64_t to, int64_t *as_use)
{
	int64_t use = min64(to - from, *as_use);

	if (use > 0)
		spread(w, from, from + use, use, AS_BASE);
	if (to - from > use)
		spread(w, from + use, to, to - from - use, AS_IDLE);
	*as_use -= use;
}

/* Between runs, without what was at fault; the first idle_after_ms of a spell count as use. */
static void add_idle(struct work *w, int64_t from, int64_t to)
{
	int64_t as_use = max64(0, w->base->idle_after_ms);

	for (int i = 0; i < w->in->n_faults && from < to; i++) {
		const struct interval *f = &w->in->faults[i];

		if (f->to <= from || f->from >= to)
			continue;
		if (f->from > from)
			add_usable(w, from, f->from, &as_use);
		from = f->to;
	}
	if (from < to)
		add_usable(w, from, to, &as_use);
}

/* Idle is known only up to the last run that was seen to start. */
static int64_t last_run_start(const struct rate_input *in)
{
	for (int i = in->n_pieces - 1; i >= 0; i--)
		if (in->pieces[i].placed)
			return in->pieces[i].from_at;
	return 0;
}

static void collect(struct work *w)
{
	const struct rate_input *in = w->in;
	int64_t idle_end = last_run_start(in), cursor = in->start_at;

	for (int i = 0; i < in->n_pieces; i++) {
		const struct rate_piece *p = &in->pieces[i];

		if (cursor > 0 && p->from_at > cursor && p->from_at <= idle_end)
			add_idle(w, cursor, p->from_at);
		if (p->fault)
			add(w, COMP_FAULT, w->first, p->measured_ms, p->from_at, p->to_at);
		else if (p->placed)
			spread(w, p->from_at, p->to_at, p->measured_ms, AS_PLACED);
		else
			fill_cheapest(w, p->from_at, p->to_at, p->measured_ms);
		w->estimated_ms += p->estimated_ms;
		if (p->approved)
			add_approved(w, p);
		cursor = max64(cursor, p->to_at);
	}
}

/* ---- seconds ---- */

/* Floors the sum of components [c0, c1] once and shares the seconds over their cells. Returns them. */
static int64_t floor_seconds(struct work *w, enum component c0, enum component c1)
{
	int64_t ms[COMPONENTS * RATE_LISTS_MAX] = { 0 }, share[COMPONENTS * RATE_LISTS_MAX], sum = 0;
	int n = 0;

	for (int c = (int)c0; c <= (int)c1; c++)
		for (int l = 0; l < RATE_LISTS_MAX; l++) {
			ms[n++] = w->cell[c][l].ms;
			sum += w->cell[c][l].ms;
		}
	sum /= 1000;
	money_share(sum, ms, n, share);
	n = 0;
	for (int c = (int)c0; c <= (int)c1; c++)
		for (int l = 0; l < RATE_LISTS_MAX; l++)
			w->cell[c][l].seconds = share[n++];
	return sum;
}

/* What was metered at fault: the session's seconds that are nothing else. Its milliseconds round no priced line up. */
static int64_t fault_seconds(struct work *w, int64_t priced_s)
{
	int64_t ms = w->cell[COMP_FAULT][w->first].ms;

	if (ms == 0)
		return 0;
	for (int c = COMP_TIME; c <= COMP_INTO_NEXT; c++)
		for (int l = 0; l < RATE_LISTS_MAX; l++)
			ms += w->cell[c][l].ms;
	return w->cell[COMP_FAULT][w->first].seconds = ms / 1000 - priced_s;
}

static int64_t seconds_of(const struct work *w, enum component c)
{
	int64_t sum = 0;

	for (int l = 0; l < RATE_LISTS_MAX; l++)
		sum += w->cell[c][l].seconds;
	return sum;
}

static int64_t billable(const struct work *w)
{
	return seconds_of(w, COMP_TIME) + seconds_of(w, COMP_WALK_UP) + seconds_of(w, COMP_OVERRUN) +
	       seconds_of(w, COMP_INTO_NEXT);
}

/* Of the booked interval, what was overrun before an extension took it in: nobody had booked it then. */
static int64_t kept_ms(const struct rate_input *in)
{
	int64_t sum = 0;

	for (int i = 0; i < in->n_kept; i++)
		sum += max64(0, min64(in->kept[i].to_at, in->booked_to) - in->kept[i].from_at);
	return sum;
}

static int64_t faults_in(const struct rate_input *in, int64_t from, int64_t to)
{
	return interval_covered_ms((struct interval){ from, to }, in->faults, in->n_faults);
}

/* The booked time that the usage policy may ask for: without what was at fault. */
static int64_t usable_ms(const struct rate_input *in)
{
	int64_t fault = faults_in(in, in->booked_from, in->booked_to);

	for (int i = 0; i < in->n_kept; i++)
		fault -= faults_in(in, in->kept[i].from_at, min64(in->kept[i].to_at, in->booked_to));
	return in->booked_to - in->booked_from - kept_ms(in) - fault;
}

/* What the usage policy adds to what was used. */
static int64_t fill_seconds(const struct work *w)
{
	const struct rate_input *in = w->in;
	int64_t booked = usable_ms(in) / 1000, agreed = seconds_of(w, COMP_ESTIMATED);
	int64_t used = billable(w) + agreed;

	if (!in->booked)
		return 0;
	switch (w->base->usage) {
	case USAGE_MAX:
		return max64(0, booked - used);
	case USAGE_BOOKED_PLUS_OVERRUN:
		return max64(0, booked - agreed - seconds_of(w, COMP_TIME) - seconds_of(w, COMP_WALK_UP));
	case USAGE_PERCENT:
		return max64(0, booked * w->base->usage_bp / 10000 - used);
	case USAGE_USED:
		break;
	}
	return 0;
}

/* The list that was in force when the last priced second of use fell. */
static int last_list(const struct work *w)
{
	int64_t latest = -1;
	int best = w->first;

	for (int c = COMP_TIME; c <= COMP_INTO_NEXT; c++)
		for (int l = 0; l < RATE_LISTS_MAX; l++)
			if (w->cell[c][l].ms > 0 && w->cell[c][l].to > latest) {
				latest = w->cell[c][l].to;
				best = l;
			}
	return best;
}

static void pad(struct work *w, int64_t total)
{
	int64_t step = max64(1, w->base->step_ms / 1000), missing = (step - total % step) % step;
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
	for (int l = w->first; l <= w->last; l++) {
		const struct cell *x = &w->cell[c][l];
		const struct price *p = &w->in->lists[l].price;
		struct rate_line line = { c, l, x->from, x->to, x->seconds, rate_of(p, c), factor_of(p, c, w->in),
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
	int64_t from = in->n_pieces ? in->pieces[0].from_at : 0,
		to = in->n_pieces ? in->pieces[in->n_pieces - 1].to_at : 0;

	if (r->billed_s > 0 && r->total_minor < w->base->minimum_minor &&
	    emit(r, (struct rate_line){ COMP_MINIMUM, w->first, from, to, 0, 0, 1000, 0,
		    w->base->minimum_minor - r->total_minor }))
		return 1;
	if (r->estimated_s > r->approved_s)
		return emit(r, (struct rate_line){ COMP_ESTIMATED, w->first, from, to, r->estimated_s - r->approved_s,
			w->base->rate_minor, 0, 0, 0 });
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

static bool bad_faults(const struct rate_input *in)
{
	int64_t before = 0;

	if (in->n_faults < 0 || in->n_faults > RATE_FAULTS_MAX)
		return true;
	for (int i = 0; i < in->n_faults; i++) {
		if (in->faults[i].from < before || in->faults[i].to < in->faults[i].from)
			return true;
		before = in->faults[i].to;
	}
	return false;
}

static int check(const struct rate_input *in)
{
	int64_t before = 0, sum = 0;

	if (in->n_lists < 1 || in->n_lists > RATE_LISTS_MAX || in->locked < 0 || in->locked >= in->n_lists)
		return 1;
	for (int i = 1; i < in->n_lists; i++)
		if (in->lists[i].effective_at < in->lists[i - 1].effective_at)
			return 1;
	if (in->booked && (in->booked_to <= in->booked_from || in->priced_to < in->booked_from))
		return 1;
	if (bad_kept(in) || bad_faults(in))
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
	int64_t start = in->n_pieces ? in->pieces[0].from_at : in->booked_from;

	w->base = &in->lists[in->locked].price;
	w->first = w->last = in->locked;
	if (w->base->change == CHANGE_LOCK_AT_START)
		w->first = w->last = list_in_force(in, in->start_at ? in->start_at : start);
	if (w->base->change == CHANGE_SPLIT) {
		w->first = 0;
		w->last = in->n_lists - 1;
	}
	w->base = &in->lists[w->base->change == CHANGE_SPLIT ? in->locked : w->first].price;
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
	ret->base = (int)(w.base == &in->lists[in->locked].price ? in->locked : w.first);
	w.into_from = into_next(in);
	w.grace_end = tariff_grace_end(in);
	collect(&w);
	ret->fault_s = fault_seconds(&w, floor_seconds(&w, COMP_TIME, COMP_INTO_NEXT));
	ret->idle_s = floor_seconds(&w, COMP_IDLE, COMP_IDLE);
	for (int i = 0; i < in->n_pieces; i++) {
		ret->used_s += in->pieces[i].measured_ms;
		priced_ms += in->pieces[i].fault ? 0 : in->pieces[i].measured_ms;
	}
	ret->used_s /= 1000;
	ret->approved_s = floor_seconds(&w, COMP_ESTIMATED, COMP_ESTIMATED);
	ret->estimated_s = w.estimated_ms / 1000;
	ret->overrun_s = seconds_of(&w, COMP_OVERRUN) + seconds_of(&w, COMP_INTO_NEXT);
	if (priced_ms >= 1000)
		fill = fill_seconds(&w);
	if (fill > 0)
		w.cell[COMP_BOOKED_FILL][list_at(&w, in->booked_from)] =
			(struct cell){ fill * 1000, fill, 0, in->booked_from, in->booked_to };
	pad(&w, billable(&w) + fill);
	ret->billed_s = billable(&w) + fill;
	if (emit_cells(&w, ret) || emit_rest(&w, ret))
		return 1;
	return 0;
}

int tariff_quote(const struct price_list *list, bool walk_up, int64_t from, int64_t to, struct rate_result *ret)
{
	struct rate_piece piece = { from, to, to - from, 0, true, false, false };
	struct rate_input in = { .lists = list, .n_lists = 1, .booked = true, .walk_up = walk_up, .booked_from = from,
		.booked_to = to, .priced_to = to, .pieces = &piece, .n_pieces = 1 };

	return tariff_rate(&in, ret);
}

/* ---- fees ---- */

int32_t tariff_fee_bp(const struct price *p, enum component kind, int64_t notice_ms)
{
	if (kind == COMP_NO_SHOW || notice_ms < 0)
		return p->no_show_bp;
	for (int i = 0; i < p->n_tiers; i++)
		if (notice_ms >= p->tiers[i].notice_ms)
			return p->tiers[i].fee_bp;
	return 0;
}

int tariff_fee(const struct fee_input *in, struct rate_result *ret)
{
	struct interval booked = { in->booked_from, in->booked_to }, part = interval_empty(in->given) ? booked : in->given;
	int64_t length = booked.to - booked.from, unsold = part.to - part.from - in->resold_ms, quote;
	int32_t bp = tariff_fee_bp(&in->list->price, in->kind, in->booked_from - in->at);
	struct rate_line line = { in->kind, 0, part.from, part.to, 0, in->list->price.rate_minor, bp / 10, 0, 0 };

	if (length <= 0 || part.from < booked.from || part.to > booked.to || in->resold_ms < 0 ||
		tariff_quote(in->list, in->walk_up, booked.from, booked.to, ret))
		return 1;
	quote = ret->total_minor;
	unsold = max64(0, unsold);
	memset(ret, 0, sizeof(*ret));
	line.seconds = unsold / 1000;
	line.amount_minor = money_round((money_wide)quote * bp * unsold, (money_wide)10000 * length);
	return line.amount_minor != 0 ? emit(ret, line) : 0;
}
