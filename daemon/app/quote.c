/* quote.c - the price of an interval before it is used. Writes nothing. */
#include "app/money.h"

int money_quote(struct act *a, const struct instrument *i, const struct price *p, int64_t from, int64_t to,
	int64_t *ret_minor)
{
	struct price_list list = { .version = 0, .effective_at = 0, .price = *p };
	struct rate_result r;

	if (tariff_quote(&list, false, from, to, &r))
		return act_refuse(a, 422, "price-out-of-range", "to", "the price of this interval on %s is beyond what labtime "
			"handles in one figure; book a shorter one", i->id);
	*ret_minor = r.total_minor;
	return 0;
}
