/*
 * money.h - exact arithmetic on amounts: one rounding mode and one way to share. Pure.
 *
 * Amounts are int64 minor units, |amount| <= LT_MONEY_MAX (common/money.h); products go through 128 bits, so nothing
 * here overflows inside those ranges. Every figure is rounded half away from zero, once; what must add up is shared by
 * largest remainder with ties to the lowest index.
 */
#ifndef CORE_MONEY_H
#define CORE_MONEY_H

#include <stdint.h>

__extension__ typedef __int128 money_wide;

#define MONEY_SHARES_MAX 1024

/* num / den, half away from zero; den > 0; saturates at the ends of int64. */
int64_t money_round(money_wide num, money_wide den);
/* amount x num / den, rounded: a discount, a fee, a tax. den > 0. */
int64_t money_part(int64_t amount, int64_t num, int64_t den);
/*
 * Shares total over n <= MONEY_SHARES_MAX weights >= 0: ret sums to total exactly, each within one unit of its exact
 * share; a negative total mirrors the positive one. All weights 0: everything goes to index 0.
 */
void money_share(int64_t total, const int64_t *weights, int n, int64_t *ret);
/* Price of seconds at rate_minor an hour times factor_pm thousandths. */
int64_t money_of_time(int64_t seconds, int64_t rate_minor, int64_t factor_pm);

/* Tax in a gross amount: net = gross / (1 + rate), tax = gross - net. rate_bp: ten-thousandths (600 = 6 %). */
void money_tax_inside(int64_t gross, int64_t rate_bp, int64_t *ret_net, int64_t *ret_tax);
/* The i-th of n credits of one amount (i from 0): cumulative, so that all n add up to it. */
int64_t money_instalment(int64_t amount, int i, int n);
/* What a cap takes off this amount when `before` was already charged under it; <= 0. */
int64_t money_cap(int64_t amount, int64_t before, int64_t cap);
/* Another currency: amount x rate / 10^rate_decimals, from one exponent to another. Decimals and exponents: 0..9. */
int64_t money_convert(int64_t amount, int64_t rate, int rate_decimals, int exponent_from, int exponent_to);

#endif
