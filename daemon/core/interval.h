/* interval.h - arithmetic of half-open intervals [from, to) of instants in milliseconds. Pure. */
#ifndef CORE_INTERVAL_H
#define CORE_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

struct interval { int64_t from, to; };

bool interval_empty(struct interval a);
bool interval_overlaps(struct interval a, struct interval b);
struct interval interval_cut(struct interval a, struct interval b);       /* intersection; may be empty: from == to   */
int64_t interval_common_ms(struct interval a, struct interval b);         /* length of the intersection               */
/* Sorts by start and joins what touches or overlaps, drops the empty; returns the new count. */
int interval_merge(struct interval *set, int n);
/* What of the merged set `a` no interval of the merged set `b` covers, merged, into ret (room for na + nb). Returns how
 * many. */
int interval_subtract(const struct interval *a, int na, const struct interval *b, int nb, struct interval *ret);
/* Makes a merged set fit into `cap` (>= 1) and keeps its milliseconds: of the two that are nearest to each other the
 * earlier one moves up to the later one, until it fits. Returns the new count. */
int interval_fit(struct interval *set, int n, int cap);
/* Milliseconds of `a` that the merged set covers. */
int64_t interval_covered_ms(struct interval a, const struct interval *set, int n);

#endif
