/* record.h - a charge's sealed record, read: for explain.c alone. */
#ifndef EXPORT_RECORD_H
#define EXPORT_RECORD_H

#include <jansson.h>

#include "common/err.h"
#include "core/tariff.h"

#define PIECES_MAX 256

/* What a record says. doc belongs to whoever parsed it; the inputs point into this struct. */
struct record_facts {
	json_t *doc;
	int exponent;
	struct price_list lists[RATE_LISTS_MAX];
	struct price_span spans[RATE_LISTS_MAX], rows[RATE_LISTS_MAX];
	int n_rows;
	struct rate_piece pieces[PIECES_MAX];
	struct rate_span kept[RATE_KEPT_MAX];
	struct interval unusable[RATE_UNUSABLE_MAX];
	struct rate_input in;
	struct fee_input fee;
	bool is_fee, is_correction, has_input;
	struct rate_result result;
};

/* A member of an object; 0 and "" where it is absent or of another type. */
int64_t record_number(const json_t *o, const char *key);
const char *record_text(const json_t *o, const char *key);
/* Says that the record has no usable member `what`. Returns -1. */
int record_bad(struct lt_err *err, const char *what);
/* Fills f from f->doc. 0, or -1 with what is missing in *err. */
int record_read(struct record_facts *f, struct lt_err *err);

#endif
