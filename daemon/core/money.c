/* money.c - rounding and sharing of amounts. Pure; never fails: ranges are the caller's duty and asserted. */
#include "core/money.h"

#include <assert.h>

int64_t money_round(money_wide num, money_wide den)
{
	money_wide abs = num < 0 ? -num : num;
	money_wide quotient;

	assert(den > 0);
	quotient = abs / den;
	if (abs % den >= den - abs % den)
		quotient++;
	if (quotient > INT64_MAX)
		quotient = INT64_MAX;
	return (int64_t)(num < 0 ? -quotient : quotient);
}

int64_t money_part(int64_t amount, int64_t num, int64_t den)
{
	return money_round((money_wide)amount * num, den);
}

/* Index of the largest remainder that is not taken yet; the first of equals. */
static int largest(const money_wide *remainder, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (remainder[i] > remainder[best])
			best = i;
	return best;
}

void money_share(int64_t total, const int64_t *weights, int n, int64_t *ret)
{
	money_wide remainder[MONEY_SHARES_MAX];
	money_wide sum = 0, size = total < 0 ? -(money_wide)total : total, left = size;

	assert(n > 0 && n <= MONEY_SHARES_MAX);
	for (int i = 0; i < n; i++) {
		assert(weights[i] >= 0);
		sum += weights[i];
		ret[i] = 0;
	}
	if (sum == 0) {
		ret[0] = total;
		return;
	}
	for (int i = 0; i < n; i++) {
		money_wide share = size * weights[i] / sum;

		remainder[i] = size * weights[i] % sum;
		ret[i] = (int64_t)share;
		left -= share;
	}
	for (; left > 0; left--) { /* fewer than n */
		int i = largest(remainder, n);

		ret[i]++;
		remainder[i] = -1;
	}
	if (total < 0)
		for (int i = 0; i < n; i++)
			ret[i] = -ret[i];
}

int64_t money_of_time(int64_t seconds, int64_t rate_minor, int64_t factor_pm)
{
	return money_round((money_wide)seconds * rate_minor * factor_pm, (money_wide)3600 * 1000);
}

void money_tax_inside(int64_t gross, int64_t rate_bp, int64_t *ret_net, int64_t *ret_tax)
{
	*ret_net = money_part(gross, 10000, 10000 + rate_bp);
	*ret_tax = gross - *ret_net;
}

int64_t money_instalment(int64_t amount, int i, int n)
{
	return money_part(amount, i + 1, n) - money_part(amount, i, n);
}

int64_t money_cap(int64_t amount, int64_t before, int64_t cap)
{
	int64_t room = before < cap ? cap - before : 0;

	return amount > room ? room - amount : 0;
}

int64_t money_convert(int64_t amount, int64_t rate, int rate_decimals, int exponent_from, int exponent_to)
{
	money_wide num = (money_wide)amount * rate, den = 1;

	for (int i = 0; i < rate_decimals + exponent_from; i++)
		den *= 10;
	for (int i = 0; i < exponent_to; i++)
		num *= 10;
	return money_round(num, den);
}
