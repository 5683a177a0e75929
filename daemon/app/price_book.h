/*
 * price_book.h - inside money: the price lists that a booking or a session is priced by, and from when each holds. What
 * a quote, a charge, a fee and a re-rating are computed from is filled here and nowhere else.
 */
#ifndef APP_PRICE_BOOK_H
#define APP_PRICE_BOOK_H

#include "app/act.h"
#include "core/booking.h"
#include "core/tariff.h"

struct price_book {
	struct price_list lists[RATE_LISTS_MAX];  /* the first is that of the first terms row             */
	int locked;                               /* 0, or of a record without spans the one of the booking */
	struct price_span prices[RATE_LISTS_MAX]; /* which list prices what                               */
	struct price_span rows[RATE_LISTS_MAX];   /* the terms rows                                       */
	int n_lists, n_prices, n_rows;
};

/* More price lists than one session or one booking may touch. */
#define PRICE_BOOK_FULL 1

/* What is asked: whose, under which terms rows (at least one), of which time. start_at: when the session begins, for
 * lock_at_start. */
struct price_question {
	const char *instrument, *org;
	const struct booking_term *terms;
	int n_terms;
	struct interval in;
	int64_t start_at;
};
/* By the price_change of the first row's list: the rows' own lists, the one in force at start_at, or each that is in
 * force in the interval. 0, PRICE_BOOK_FULL, < 0. */
int price_book_fill(struct act *a, const struct price_question *q, struct price_book *ret);
/* As the record of a charge says. n_prices 0: it is of before spans were kept (core/tariff.h). 0 or < 0. */
int price_book_sealed(struct act *a, const char *instrument, int64_t charge, struct price_book *ret);
/* The lists and spans of *in. */
void price_book_use(const struct price_book *book, struct rate_input *in);

#endif
