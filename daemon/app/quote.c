/*
 * quote.c - the price of booked time before it is used, by the facts that a charge is rated from: terms rows, price
 * lists in force, overrun that stays. Writes nothing.
 */
#include "app/money.h"
#include "app/price_book.h"
#include "store/booking_term.h"
#include "store/session.h"

int terms_rows_load(struct act *a, int64_t booking, struct terms_rows *ret)
{
	int rc = store_booking_terms(a->db, booking, ret->row, RATE_LISTS_MAX, &ret->n);

	return rc == 0 && ret->n == 0 ? DB_CORRUPT : rc;
}

int terms_rows_before(struct act *a, int64_t booking, int64_t at, struct terms_rows *ret)
{
	int rc = store_booking_terms_before(a->db, booking, at, ret->row, RATE_LISTS_MAX, &ret->n);

	return rc == 0 && ret->n == 0 ? terms_rows_load(a, booking, ret) : rc;
}

int money_too_many_lists(struct act *a, const char *instrument)
{
	return act_refuse(a, 422, "too-many-price-lists", "to", "more than %d price lists of %s are in force in this time, "
		"more than one price is made of; book less of it at once", RATE_LISTS_MAX, instrument);
}

struct rate_input money_booked(const struct booking *b, const struct kept_spans *kept)
{
	return (struct rate_input){ .booked = true, .walk_up = b->walk_up, .booked_from = b->since,
		.booked_to = b->booked_to, .priced_to = b->priced_to, .kept = kept ? kept->span : NULL,
		.n_kept = kept ? kept->n : 0 };
}

int64_t money_start(const struct booking *b, int64_t opened_at)
{
	return b && b->since > opened_at ? b->since : opened_at;
}

int money_quote(struct act *a, const struct booking *b, const struct terms_rows *terms, const struct kept_spans *kept,
	struct rate_result *ret)
{
	struct price_question q = { .instrument = b->instrument, .org = b->org, .terms = terms->row, .n_terms = terms->n,
		.in = { b->since, b->booked_to } };
	struct rate_input in = money_booked(b, kept);
	struct price_book book;
	struct session s = { 0 };
	int rc = b->id ? store_session_of_booking(a->db, b->id, &s) : 1;

	q.start_at = money_start(b, rc == 0 ? s.opened_at : 0);
	rc = rc < 0 ? rc : price_book_fill(a, &q, &book);
	if (rc == PRICE_BOOK_FULL)
		return money_too_many_lists(a, b->instrument);
	price_book_use(&book, &in);
	if (rc == 0 && tariff_quote_terms(&in, ret))
		return act_refuse(a, 422, "price-out-of-range", "to", "the price of this interval on %s is beyond what labtime "
			"handles in one figure; book a shorter one", b->instrument);
	return rc;
}
