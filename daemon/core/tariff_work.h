/*
 * tariff_work.h - inside the rating function: the cells that a session's time is collected into, component x price
 * list, and what is asked while it is collected. No other part of the tree includes it.
 */
#ifndef CORE_TARIFF_WORK_H
#define CORE_TARIFF_WORK_H

#include "core/tariff.h"

struct cell { int64_t ms, seconds, padding, from, to; };

struct work {
	const struct rate_input *in;
	int base;                               /* list of the first terms row: step, minimum, usage policy */
	struct price_span spans[RATE_LISTS_MAX];
	int n_spans;
	int64_t grace_end, into_from;
	int64_t estimated_ms;
	struct cell cell[COMPONENTS][RATE_LISTS_MAX];
};

static inline int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Of what use is priced as while nothing else holds. */
enum component tariff_base_component(const struct rate_input *in);
int32_t tariff_factor(const struct price *p, enum component c, const struct rate_input *in);
int64_t tariff_rate_of(const struct price *p, enum component c);
/* Milliseconds of all pieces into cells. */
void tariff_collect(struct work *w);

#endif
