/* quote.c - the price of an interval before it is used. Writes nothing. */
#include "app/money.h"

int money_quote_lines(struct act *a, const struct instrument *i, const struct price *p, bool walk_up, int64_t from,
	int64_t to, struct rate_result *ret)
{
	struct price_list list = { .version = 0, .effective_at = 0, .price = *p };

	if (tariff_quote(&list, walk_up, from, to, ret))
		return act_refuse(a, 422, "price-out-of-range", "to", "the price of this interval on %s is beyond what labtime "
			"handles in one figure; book a shorter one", i->id);
	return 0;
}

int money_quote(struct act *a, const struct instrument *i, const struct price *p, int64_t from, int64_t to,
	int64_t *ret_minor)
{
	struct rate_result r;
	int rc = money_quote_lines(a, i, p, false, from, to, &r);

	if (rc == 0)
		*ret_minor = r.total_minor;
	return rc;
}
