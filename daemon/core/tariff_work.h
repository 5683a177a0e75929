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

int32_t tariff_factor(const struct price *p, enum component c, const struct rate_input *in);
int64_t tariff_rate_of(const struct price *p, enum component c);
/* Milliseconds of all pieces into cells. */
void tariff_collect(struct work *w);
/* Of the component, what all lists have. */
int64_t tariff_seconds(const struct work *w, enum component c);
/* Of the booked interval what was booked: not what was overrun before an extension took it in. */
int64_t tariff_booked_ms(const struct rate_input *in);
/* Of that, what the usage policy and the minimum may ask for: without what was not usable. */
int64_t tariff_usable_ms(const struct rate_input *in);
/* What the usage policy adds to what was used, in cells of booked_fill. Returns the seconds. */
int64_t tariff_fill(struct work *w);

#endif
