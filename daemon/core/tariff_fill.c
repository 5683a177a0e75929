/*
 * tariff_fill.c - the part of rating that asks for booked time which was not used: how much of it, and at which price
 * lists. Pure: owns nothing and cannot fail; tariff_rate() has looked at the input.
 */
#include "core/tariff_work.h"

int64_t tariff_seconds(const struct work *w, enum component c)
{
	int64_t sum = 0;

	for (int l = 0; l < w->in->n_lists; l++)
		sum += w->cell[c][l].seconds;
	return sum;
}

static struct interval kept_at(const struct rate_input *in, int i)
{
	return (struct interval){ in->kept[i].from_at, min64(in->kept[i].to_at, in->booked_to) };
}

static int64_t unusable_in(const struct rate_input *in, struct interval of)
{
	return interval_covered_ms(of, in->unusable, in->n_unusable);
}

/* Of a part of the booked interval what was booked. What was overrun before an extension took it in, nobody had booked
 * then. */
static int64_t booked_in(const struct rate_input *in, struct interval part)
{
	int64_t sum = part.to - part.from;

	for (int i = 0; i < in->n_kept; i++) {
		struct interval kept = interval_cut(kept_at(in, i), part);

		sum -= interval_empty(kept) ? 0 : kept.to - kept.from;
	}
	return sum;
}

/* Of that, what was usable. */
static int64_t usable_in(const struct rate_input *in, struct interval part)
{
	int64_t unusable = unusable_in(in, part);

	for (int i = 0; i < in->n_kept; i++) {
		struct interval kept = interval_cut(kept_at(in, i), part);

		unusable -= interval_empty(kept) ? 0 : unusable_in(in, kept);
	}
	return booked_in(in, part) - unusable;
}

int64_t tariff_booked_ms(const struct rate_input *in)
{
	return booked_in(in, (struct interval){ in->booked_from, in->booked_to });
}

int64_t tariff_usable_ms(const struct rate_input *in)
{
	return usable_in(in, (struct interval){ in->booked_from, in->booked_to });
}

static const struct price *base_price(const struct work *w)
{
	return &w->in->lists[w->base].price;
}

/* Of use and agreed time, what takes the place of booked time: under booked_plus_overrun overrun comes on top. */
static bool is_of_booked(const struct work *w, enum component c)
{
	switch (c) {
	case COMP_TIME:
	case COMP_WALK_UP:
	case COMP_ESTIMATED:
		return true;
	case COMP_OVERRUN:
	case COMP_INTO_NEXT:
		return base_price(w)->usage != USAGE_BOOKED_PLUS_OVERRUN;
	default:
		return false;
	}
}

static int64_t fill_seconds(const struct work *w)
{
	const struct price *p = base_price(w);
	int64_t asked = tariff_usable_ms(w->in) / 1000;

	if (!w->in->booked || p->usage == USAGE_USED)
		return 0;
	if (p->usage == USAGE_PERCENT)
		asked = asked * p->usage_bp / 10000;
	for (int c = 0; c < COMPONENTS; c++)
		asked -= is_of_booked(w, (enum component)c) ? tariff_seconds(w, (enum component)c) : 0;
	return max64(0, asked);
}

/* Until format 5 all use was taken off, overrun as well, and neither agreed time nor kept overrun. */
static bool takes_off(const struct work *w, enum component c)
{
	return tariff_since(w->in, 5) ? is_of_booked(w, c) : c <= COMP_INTO_NEXT && c != COMP_GRACE;
}

/* Booked under the list and not used: what a booked fill may be priced at it. */
static int64_t unused_ms(const struct work *w, int list, struct interval *ret_part)
{
	const struct rate_input *in = w->in;
	int64_t unused = 0;

	*ret_part = (struct interval){ in->booked_to, in->booked_from };
	for (int i = 0; i < w->n_spans; i++) {
		struct interval part = { i ? max64(in->booked_from, w->spans[i].from_at) : in->booked_from,
			i + 1 < w->n_spans ? min64(in->booked_to, w->spans[i + 1].from_at) : in->booked_to };

		if (w->spans[i].list != list || part.from >= part.to)
			continue;
		unused += tariff_since(in, 5) ? usable_in(in, part) : part.to - part.from - unusable_in(in, part);
		ret_part->from = min64(ret_part->from, part.from);
		ret_part->to = max64(ret_part->to, part.to);
	}
	for (int c = 0; c < COMPONENTS; c++)
		unused -= takes_off(w, (enum component)c) ? w->cell[c][list].ms : 0;
	return max64(0, unused);
}

static money_wide fill_price(const struct work *w, int list)
{
	const struct price *p = &w->in->lists[list].price;

	return (money_wide)p->rate_minor * tariff_factor(p, COMP_BOOKED_FILL, w->in);
}

/* What is paid without use: the booked time that was not used under each list, of the cheapest first. What was used
 * outside the booked time may leave too little: the rest is the cheapest one's. */
static void place_fill(struct work *w, int64_t fill)
{
	bool done[RATE_LISTS_MAX] = { false };
	int cheapest = -1;

	for (int64_t left = fill; left > 0;) {
		struct interval part, best_part = { 0, 0 };
		int64_t room = 0, unused;
		int best = -1;

		for (int l = 0; l < w->in->n_lists; l++) {
			unused = unused_ms(w, l, &part) / 1000;
			if (done[l] || part.from >= part.to || (best >= 0 && fill_price(w, l) >= fill_price(w, best)))
				continue;
			best = l;
			room = unused;
			best_part = part;
		}
		if (best < 0) {
			w->cell[COMP_BOOKED_FILL][cheapest].seconds += left;
			return;
		}
		done[best] = true;
		cheapest = cheapest < 0 ? best : cheapest;
		room = min64(room, left);
		w->cell[COMP_BOOKED_FILL][best] = (struct cell){ room * 1000, room, 0, best_part.from, best_part.to };
		left -= room;
	}
}

int64_t tariff_fill(struct work *w)
{
	int64_t fill = fill_seconds(w);

	if (fill > 0)
		place_fill(w, fill);
	return fill;
}
