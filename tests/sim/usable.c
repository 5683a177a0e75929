/*
 * usable.c - when an instrument could be used, in truth: its controller answered, it had no fault, its relay could
 * open, it was in service and no staff had reserved it, the daemon's machine ran, and nobody else
 * ran it. What the wall clock skipped is no time at all, what it showed twice is time twice. Each hindrance counts from
 * when the daemon could know of it. Owns nothing.
 */
#include <stdlib.h>

#include "sim/world.h"

#define HINDRANCES 4096
#define LINK_MS 5000             /* a poll without an answer, and soon a second, of two seconds each  */
#define RELAY_MS 5000            /* written, read back, and written again                              */

struct hindrances { int n; struct device_span of[HINDRANCES]; };

static void add(struct hindrances *h, struct device_span s, int64_t known_after, struct device_span in, int64_t now)
{
	int64_t from = s.from + known_after, to = s.to ? s.to : now;

	from = from > in.from ? from : in.from;
	to = to < in.to ? to : in.to;
	if (to > from && h->n < HINDRANCES)
		h->of[h->n++] = (struct device_span){ from, to };
}

static void add_all(const struct world *w, struct hindrances *h, const struct device_spans *s, int64_t known_after,
	struct device_span in)
{
	for (int k = 0; k < s->n; k++)
		add(h, s->of[k], known_after, in, w->true_ms);
}

static void add_others(const struct world *w, struct hindrances *h, int i, int person, struct device_span in)
{
	const struct device *d = &w->devices[i].d;

	for (int k = 0; k < d->n_runs; k++)
		if (d->runs[k].by != person)
			add(h, (struct device_span){ d->runs[k].from, d->runs[k].to }, w->poll_ms + 2000, in, w->true_ms);
}

/* What the wall clock showed of them, in true time. */
static void add_blocks(const struct world *w, struct hindrances *h, int i, struct device_span in)
{
	for (int k = 0; k < w->n_skews; k++) {
		int64_t skew = w->skews[k].skew, end = k + 1 < w->n_skews ? w->skews[k + 1].from : w->true_ms;
		struct device_span at = { in.from > w->skews[k].from ? in.from : w->skews[k].from, in.to < end ? in.to : end };

		for (int b = 0; at.from < at.to && b < w->n_blocks; b++)
			if (w->blocks[b].instrument == i)
				add(h, (struct device_span){ w->blocks[b].from - skew, w->blocks[b].to - skew }, 0, at, w->true_ms);
	}
}

static int by_from(const void *a, const void *b)
{
	int64_t x = ((const struct device_span *)a)->from, y = ((const struct device_span *)b)->from;

	return (x > y) - (x < y);
}

int64_t usable_ms(const struct world *w, int i, int person, int64_t from, int64_t to, int why)
{
	static struct hindrances h;      /* one thread; too large for the stack */
	const struct world_device *d = &w->devices[i];
	struct device_span in = { from, to };
	int64_t at = from, sum = 0;

	h.n = 0;
	if (why & USABLE_LINK)
		add_all(w, &h, &d->silent, w->poll_ms + LINK_MS, in);
	if (why & USABLE_FAULT)
		add_all(w, &h, &d->d.faults, w->poll_ms + 2000, in);
	if (why & USABLE_RELAY)
		add_all(w, &h, &d->shut, RELAY_MS, in);
	if (why & USABLE_SERVICE)
		add_all(w, &h, &d->service, 0, in);
	if (why & USABLE_AWAY)
		add_all(w, &h, &w->away, 0, in);
	if (why & USABLE_OTHERS)
		add_others(w, &h, i, person, in);
	if (why & USABLE_BLOCK)
		add_blocks(w, &h, i, in);
	qsort(h.of, (size_t)h.n, sizeof(*h.of), by_from);
	for (int k = 0; k < h.n; k++) {
		if (h.of[k].from > at)
			sum += h.of[k].from - at;
		at = h.of[k].to > at ? h.of[k].to : at;
	}
	return to > at ? sum + to - at : sum;
}

int64_t usable_wall_ms(const struct world *w, int i, int person, struct device_span labels, struct device_span during,
	int why)
{
	int64_t sum = 0;

	for (int k = 0; k < w->n_skews; k++) {
		int64_t skew = w->skews[k].skew, a = w->skews[k].from;
		int64_t b = k + 1 < w->n_skews ? w->skews[k + 1].from : w->true_ms;

		a = a > during.from ? a : during.from;
		b = b < during.to ? b : during.to;
		a = a > labels.from - skew ? a : labels.from - skew;
		b = b < labels.to - skew ? b : labels.to - skew;
		if (b > a)
			sum += usable_ms(w, i, person, a, b, why);
	}
	return sum;
}
