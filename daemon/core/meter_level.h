/*
 * meter_level.h - inside the classifier: levels of the register that were left and may come back. meter.c,
 * meter_level.c and meter_def.c include it; nobody else does.
 */
#ifndef CORE_METER_LEVEL_H
#define CORE_METER_LEVEL_H

#include "core/meter.h"

/* ---- meter_def.c ---- */
/* The larger of a count and the device's own refresh. */
int64_t meter_resolution_ms(const struct meter_def *d);
int64_t meter_slack_ms(const struct meter_def *d, int64_t rtt_ms, int64_t elapsed);
uint64_t meter_modulus(const struct lt_counter *c);                          /* 0 stands for 2^64 */
/* The forward distance from a to b. Both are below the modulus. */
uint64_t meter_forward(uint64_t a, uint64_t b, uint64_t modulus);
/* Counts in milliseconds; saturates far above anything possible. */
int64_t meter_counts_ms(const struct meter_def *d, uint64_t counts);
struct meter_unit meter_unit_of(const struct meter_def *d);
/* Does the configuration say that a raw value means something else now than at the last good reading? */
bool meter_redefined(const struct meter *m, const struct meter_def *d);

/* ---- meter_level.c ---- */
/* A new level begins at `raw`; the one that the meter stands on is remembered. by: RESET or MANUAL. */
void meter_level_leave(struct meter *m, enum meter_class by, uint64_t raw);
/* A new level begins at this value, after MANUAL: which levels does it lie above by a few counts too many? So it looks
 * when a register that had dropped by a few while it counted is right again: nobody saw the drop. */
void meter_level_mark_near(struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	int64_t elapsed);
/* Is this value, impossible from the level that the meter stands on, an old level come back? Its index
 * and how much lies above it, or -1. */
int meter_level_find(const struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	int64_t elapsed, int64_t *ret_above);
/* Has a held level, by counting as it should, passed the one that was left, or are its few counts too many possible by
 * now? Its index, or -1. */
int meter_level_passed(const struct meter *m, const struct meter_def *def, const struct meter_sample *s,
	int64_t elapsed);
/* The register stands on level k again: fills class, late_ms, excess_ms, left_*; the meter has not moved on yet.
 * Returns by how much E grows. */
int64_t meter_level_return(struct meter *m, const struct meter_def *def, int k, const struct meter_sample *s,
	struct meter_verdict *v);
/* The meter counts as it should, to this value. A level that began at a restart and has counted enough, or counted past
 * the level before, is the meter's own: older levels are on another axis, and are forgotten. */
void meter_level_count_past(struct meter *m, const struct meter_def *def, uint64_t raw);
/* What a reading on the present level adds: to E, or to what is held. Returns by how much E grows. */
int64_t meter_level_add(struct meter *m, int64_t ms, struct meter_verdict *v);
/* After the meter moved on: levels older than a day are forgotten, and what was held so long is measured. Returns by
 * how much E has grown. */
int64_t meter_level_expire(struct meter *m, struct meter_verdict *v);
/* All levels are forgotten; what was held is measured. Returns by how much E has grown. */
int64_t meter_level_forget(struct meter *m, struct meter_verdict *v);

#endif
