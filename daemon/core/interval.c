/* interval.c - arithmetic of half-open intervals. Pure; cannot fail. */
#include "core/interval.h"

#include <stdlib.h>
#include <string.h>

bool interval_empty(struct interval a)
{
	return a.to <= a.from;
}

bool interval_overlaps(struct interval a, struct interval b)
{
	return !interval_empty(a) && !interval_empty(b) && a.from < b.to && b.from < a.to;
}

struct interval interval_cut(struct interval a, struct interval b)
{
	struct interval c = { a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to };

	if (c.to < c.from)
		c.to = c.from;
	return c;
}

int64_t interval_common_ms(struct interval a, struct interval b)
{
	struct interval c = interval_cut(a, b);

	return c.to - c.from;
}

static int by_from(const void *pa, const void *pb)
{
	const struct interval *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

int interval_merge(struct interval *set, int n)
{
	int kept = 0;

	if (n > 0)
		qsort(set, (size_t)n, sizeof(*set), by_from);
	for (int i = 0; i < n; i++) {
		if (interval_empty(set[i]))
			continue;
		if (kept > 0 && set[i].from <= set[kept - 1].to) {
			if (set[i].to > set[kept - 1].to)
				set[kept - 1].to = set[i].to;
		} else {
			set[kept++] = set[i];
		}
	}
	return kept;
}

int interval_subtract(const struct interval *a, int na, const struct interval *b, int nb, struct interval *ret)
{
	int n = 0, k = 0;

	for (int i = 0; i < na; i++) {
		int64_t from = a[i].from;

		while (k > 0 && b[k - 1].to > from)
			k--;
		for (; k < nb && b[k].from < a[i].to; k++) {
			if (b[k].from > from)
				ret[n++] = (struct interval){ from, b[k].from };
			from = b[k].to > from ? b[k].to : from;
		}
		if (from < a[i].to)
			ret[n++] = (struct interval){ from, a[i].to };
	}
	return n;
}

static int nearest(const struct interval *set, int n)
{
	int best = 1;

	for (int i = 2; i < n; i++)
		if (set[i].from - set[i - 1].to < set[best].from - set[best - 1].to)
			best = i;
	return best;
}

int interval_fit(struct interval *set, int n, int cap)
{
	for (; n > cap; n--) {
		int k = nearest(set, n);

		set[k - 1] = (struct interval){ set[k].from - (set[k - 1].to - set[k - 1].from), set[k].to };
		memmove(&set[k], &set[k + 1], (size_t)(n - k - 1) * sizeof(*set));
	}
	return n;
}

int64_t interval_covered_ms(struct interval a, const struct interval *set, int n)
{
	int64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += interval_common_ms(a, set[i]);
	return sum;
}
