/*
 * explain.h - computes a charge again from its record alone, and says how in words: from readings to cents.
 */
#ifndef EXPORT_EXPLAIN_H
#define EXPORT_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/err.h"

#define EXPLAIN_STEPS 900
struct explain {
	int n;
	struct explain_step { char text[220], value[72]; } step[EXPLAIN_STEPS];
	int64_t amount_minor;        /* what the record says                                                   */
	int64_t recomputed_minor;    /* what its own facts give                                                */
	bool matches;                /* amount, lines and hash                                                 */
};

/* 0, or -1 with *err when the record cannot be read. sha256: the sealed hash. zone: how instants are shown. */
int explain_record(struct explain *ret, const char *record, const uint8_t sha256[32], const struct lt_zone *zone,
	struct lt_err *err);

#endif
