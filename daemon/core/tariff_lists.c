/*
 * tariff_lists.c - which of a session's price lists holds at an instant. Spans say it; what was sealed before spans
 * were kept has lists with the instants from which they held, and the mode of the list it was booked under. Pure.
 */
#include "core/tariff_work.h"

int tariff_list_at(const struct price_span *spans, int n, int64_t at)
{
	int i = 0;

	while (i + 1 < n && spans[i + 1].from_at <= at)
		i++;
	return spans[i].list;
}

static int in_force(const struct rate_input *in, int64_t at)
{
	int i = 0;

	while (i + 1 < in->n_lists && in->lists[i + 1].effective_at <= at)
		i++;
	return i;
}

int tariff_spans(const struct rate_input *in, struct price_span ret[RATE_LISTS_MAX], int *ret_base)
{
	int64_t first = in->n_pieces ? in->pieces[0].from_at : in->booked_from;

	*ret_base = in->locked;
	ret[0] = (struct price_span){ 0, in->locked };
	switch (in->lists[in->locked].price.change) {
	case CHANGE_LOCK_AT_START:
		*ret_base = ret[0].list = in_force(in, in->start_at ? in->start_at : first);
		return 1;
	case CHANGE_SPLIT:
		for (int i = 0; i < in->n_lists; i++)
			ret[i] = (struct price_span){ in->lists[i].effective_at, i };
		return in->n_lists;
	case CHANGE_LOCK_AT_BOOKING:
		break;
	}
	return 1;
}
