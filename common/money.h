/* money.h - money as text. Amounts are int64 minor units with the currency's ISO 4217 exponent. */
#ifndef LT_MONEY_H
#define LT_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest amount labtime handles in one figure, in minor units: leaves room for sums in int64. */
#define LT_MONEY_MAX INT64_C(100000000000000)

/* ISO 4217 exponent (0, 2, 3, ...) of a currency labtime knows, or -1. */
int lt_currency_exponent(const char *code);
/* "-400.00"; exactly exponent decimals. */
void lt_money_text(char *dst, size_t cap, int64_t minor, int exponent);
/* Strict: optional '-', digits, optional '.' with at most exponent digits; |amount| <= LT_MONEY_MAX. */
bool lt_money_parse(const char *s, int exponent, int64_t *ret_minor);

#endif
