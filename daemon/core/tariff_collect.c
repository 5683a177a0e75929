/*
 * tariff_collect.c - the first half of rating: what applies at an instant, and the milliseconds of a session sorted
 * into cells (component x price list). Every end is exclusive: what ends where a list begins lies before it. Pure: owns
 * nothing and cannot fail; tariff_rate() has looked at the input.
 */
#include "core/tariff_work.h"

#include <assert.h>

#define FAR INT64_C(9000000000000000)   /* later than every instant */
#define EDGES_MAX (RATE_LISTS_MAX + 4 + 3 * RATE_KEPT_MAX)

/* ---- what applies when ---- */

static int list_at(const struct work *w, int64_t at)
{
	return tariff_list_at(w->spans, w->n_spans, at);
}

/* Of what use is priced as while nothing else holds. */
static enum component tariff_base_component(const struct rate_input *in)
{
	return !in->booked || in->walk_up ? COMP_WALK_UP : COMP_TIME;
}

static enum component component_at(const struct work *w, int64_t at)
{
	for (int i = 0; i < w->in->n_kept; i++)
		if (at >= w->in->kept[i].from_at && at < w->in->kept[i].to_at)
			return at < w->in->kept[i].grace_to ? COMP_GRACE : COMP_OVERRUN;
	if (!w->in->booked || at < w->in->priced_to)
		return tariff_base_component(w->in);
	if (at < w->grace_end)
		return COMP_GRACE;
	return at < w->into_from ? COMP_OVERRUN : COMP_INTO_NEXT;
}

int32_t tariff_factor(const struct price *p, enum component c, const struct rate_input *in)
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
		return tariff_factor(p, tariff_base_component(in), in);
	default:
		return 1000;
	}
}

int64_t tariff_rate_of(const struct price *p, enum component c)
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
		for (int i = 1; i < w->n_spans; i++)
			sooner(w->spans[i].from_at, at, &next);
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

	if (n == 0) { /* no length: it ended at that instant, so it lies before what begins there */
		edges[0] = from - 1;
		edges[1] = from;
		n = 1;
	}
	for (int i = 0; i < n; i++)
		length[i] = edges[i + 1] - edges[i];
	money_share(ms, length, n, share);
	for (int i = 0; i < n; i++) {
		enum component c = place == AS_IDLE ? COMP_IDLE
			: place == AS_BASE ? tariff_base_component(w->in) : component_at(w, edges[i]);

		add(w, c, list_at(w, edges[i]), share[i], max64(from, edges[i]), edges[i + 1]);
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
			enum component c = component_at(w, edges[i]) == COMP_GRACE ? COMP_GRACE : tariff_base_component(w->in);
			const struct price *p = &w->in->lists[list_at(w, edges[i])].price;
			money_wide price = (money_wide)tariff_rate_of(p, c) * tariff_factor(p, c, w->in);

			if (!done[i] && (best < 0 || price < best_price)) {
				best = i;
				best_price = price;
			}
		}
		done[best] = true;
		int64_t take = min64(ms, edges[best + 1] - edges[best]);
		bool free_part = component_at(w, edges[best]) == COMP_GRACE;

		add(w, free_part ? COMP_GRACE : tariff_base_component(w->in), list_at(w, edges[best]), take, edges[best],
			edges[best + 1]);
		if (!free_part && last < 0)
			last = best;
		ms -= take;
	}
	/* a counter may run a little ahead of the clock; what has no length lies before what begins there */
	if (ms > 0)
		add(w, tariff_base_component(w->in), list_at(w, last >= 0 ? edges[last] : n == 0 && tariff_since(w->in, 5)
			? from - 1 : from), ms, from, to);
}

/* Estimated time that two people agreed to charge: at the cheapest price list of its window. */
static void add_approved(struct work *w, const struct rate_piece *p)
{
	int best = list_at(w, min64(p->from_at, p->to_at - 1));

	for (int i = 1; i < w->n_spans; i++) {
		const struct price *x = &w->in->lists[w->spans[i].list].price, *y = &w->in->lists[best].price;

		if (w->spans[i].from_at <= p->from_at || w->spans[i].from_at >= p->to_at)
			continue;
		if ((money_wide)x->rate_minor * tariff_factor(x, COMP_ESTIMATED, w->in) <
		    (money_wide)y->rate_minor * tariff_factor(y, COMP_ESTIMATED, w->in))
			best = w->spans[i].list;
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

/* Between runs, without what was not usable; the first idle_after_ms of a spell count as use. */
static void add_idle(struct work *w, int64_t from, int64_t to)
{
	int64_t as_use = max64(0, w->in->lists[w->base].price.idle_after_ms);

	for (int i = 0; i < w->in->n_unusable && from < to; i++) {
		const struct interval *f = &w->in->unusable[i];

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

/* Idle begins again after it: a run, or a window that nobody read. What people agreed on lies beside them. */
static bool ends_idle(const struct work *w, const struct rate_piece *p)
{
	return !p->agreed || !tariff_since(w->in, 5);
}

/* Of what ran without a place, what its window has no room for ran before it: labels stand still while the clock is set
 * back. The next ones that lie on the same labels, parted from it by a fault or a silence, ran before them too. */
static int64_t ran_before(const struct work *w, int i)
{
	const struct rate_piece *p = &w->in->pieces[i], *next = p;
	int64_t ms = 0, to = p->to_at;

	if (!tariff_since(w->in, 5))
		return 0;
	for (; next < w->in->pieces + w->in->n_pieces && !next->placed && next->from_at <= to; next++) {
		ms += next->measured_ms;
		to = max64(to, next->to_at);
		if (!tariff_since(w->in, 6))
			break;
	}
	return max64(0, ms - (to - p->from_at));
}

/* The instant before `at` since which the instrument was usable for so long: what ran, ran then. */
static int64_t usable_before(const struct work *w, int64_t at, int64_t ms)
{
	for (int i = w->in->n_unusable - 1; i >= 0 && tariff_since(w->in, 6); i--) {
		const struct interval *f = &w->in->unusable[i];

		if (f->from >= at)
			continue;
		if (f->to < at && at - f->to >= ms)
			break;
		if (f->to < at)
			ms -= at - f->to;
		at = f->from;
	}
	return at - ms;
}

void tariff_collect(struct work *w)
{
	const struct rate_input *in = w->in;
	int64_t idle_end = last_run_start(in), cursor = in->start_at;

	for (int i = 0; i < in->n_pieces; i++) {
		const struct rate_piece *p = &in->pieces[i];

		if (ends_idle(w, p) && cursor > 0 && p->from_at > cursor && p->from_at <= idle_end)
			add_idle(w, cursor, max64(cursor, usable_before(w, p->from_at, ran_before(w, i))));
		if (p->fault)
			add(w, COMP_FAULT, w->base, p->measured_ms, p->from_at, p->to_at);
		else if (p->placed)
			spread(w, p->from_at, p->to_at, p->measured_ms, AS_PLACED);
		else
			fill_cheapest(w, p->from_at, p->to_at, p->measured_ms);
		w->estimated_ms += p->estimated_ms;
		if (p->approved)
			add_approved(w, p);
		if (ends_idle(w, p))
			cursor = max64(cursor, p->to_at);
	}
}
