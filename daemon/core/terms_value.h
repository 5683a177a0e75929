/* terms_value.h - how the values of terms are written: one reader and one writer a kind. Private to terms*.c. */
#ifndef CORE_TERMS_VALUE_H
#define CORE_TERMS_VALUE_H

#include "core/terms.h"

#define VALUE_TEXT 1536

enum value_kind { VALUE_DURATION, /* int64 ms */ VALUE_MINUTES, /* int32, written as a duration */
	VALUE_GRID,               /* int64 ms, divides a day */ VALUE_CLOCK, /* int32 minutes, "07:30" */
	VALUE_BOOL, VALUE_OVERRUN, VALUE_OPENING, VALUE_HOLIDAYS, VALUE_MONEY, /* int64 minor */
	VALUE_FACTOR,             /* int32 thousandths, "1.5" */ VALUE_PERCENT, /* int32 ten-thousandths, "12.5%" */
	VALUE_TIERS, VALUE_USAGE, VALUE_CHANGE };

/* One row of the table of keys. zero: a word that stands for 0; unit_ms: durations are multiples of it. */
struct value_def {
	const char *name;
	enum value_kind kind;
	size_t offset;
	int64_t min, max, unit_ms;
	const char *zero, *rule, *about;
};

/* base: the struct policy or price. NULL, or the reason why the text cannot be taken, for a person. */
const char *value_read(const struct value_def *d, void *base, const char *text, int exponent);
void value_write(const struct value_def *d, const void *base, int exponent, char *dst, size_t cap);
/* What may be written, for an error or the documentation: "a duration from 1m to 366d". */
void value_range(const struct value_def *d, int exponent, char *dst, size_t cap);

#endif
