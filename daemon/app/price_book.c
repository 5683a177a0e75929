/*
 * price_book.c - fills a price book: from terms rows and the lists in force, or from a sealed record. A version that is
 * not there or does not parse is corruption.
 */
#include <string.h>

#include "app/booking.h"
#include "app/price_book.h"
#include "store/charge.h"
#include "store/terms.h"

/* The index of a version, which is added when it is not there yet. row: its text, NULL to load it. */
static int list_index(struct act *a, const char *instrument, int64_t version, const struct terms_row *row,
	struct price_book *b, int *ret)
{
	struct terms_row loaded;
	struct price_list *l = &b->lists[b->n_lists];
	int rc;

	for (*ret = 0; *ret < b->n_lists; (*ret)++)
		if (b->lists[*ret].version == version)
			return 0;
	if (b->n_lists == RATE_LISTS_MAX)
		return PRICE_BOOK_FULL;
	rc = row ? 0 : store_terms_version(a->db, TERMS_PRICE, instrument, version, &loaded);
	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	row = row ? row : &loaded;
	l->version = version;
	l->effective_at = row->effective_at;
	if (price_from_text(&l->price, row->text, a->site->exponent, NULL) != 0)
		return DB_CORRUPT;
	b->n_lists++;
	return 0;
}

static int add_span(struct price_span *spans, int *n, int64_t from, int list)
{
	if (*n > 0 && spans[*n - 1].list == list)
		return 0;
	if (*n == RATE_LISTS_MAX)
		return PRICE_BOOK_FULL;
	spans[(*n)++] = (struct price_span){ from, list };
	return 0;
}

static int add_rows(struct act *a, const struct price_question *q, struct price_book *b)
{
	int rc = 0, list = 0;

	for (int i = 0; i < q->n_terms && rc == 0; i++) {
		rc = list_index(a, q->instrument, q->terms[i].price_version, NULL, b, &list);
		if (rc == 0)
			rc = add_span(b->rows, &b->n_rows, q->terms[i].from_at, list);
	}
	return rc;
}

/* The list in force at the instant prices from there on; *ret_next: when another may come, 0 never. */
static int add_in_force(struct act *a, const struct price_question *q, int64_t at, struct price_book *b,
	int64_t *ret_next)
{
	struct price_for who = { q->instrument, "", q->org };
	struct terms_row row;
	int list, rc = store_price_at(a->db, &who, at, &row);

	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	rc = list_index(a, q->instrument, row.version, &row, b, &list);
	if (rc == 0)
		rc = add_span(b->prices, &b->n_prices, at, list);
	*ret_next = store_price_next(a->db, &who, at);
	return rc;
}

int price_book_fill(struct act *a, const struct price_question *q, struct price_book *ret)
{
	int64_t next = q->in.from;
	int rc;

	ret->n_lists = ret->n_prices = ret->n_rows = ret->locked = 0;
	rc = add_rows(a, q, ret);
	if (rc != 0)
		return rc;
	switch (ret->lists[0].price.change) {
	case CHANGE_LOCK_AT_BOOKING:
		memcpy(ret->prices, ret->rows, sizeof(ret->prices));
		ret->n_prices = ret->n_rows;
		break;
	case CHANGE_LOCK_AT_START:
		rc = add_in_force(a, q, q->start_at, ret, &next);
		break;
	case CHANGE_SPLIT:
		do
			rc = add_in_force(a, q, next, ret, &next);
		while (rc == 0 && next != 0 && next < q->in.to);
		break;
	}
	return rc != 0 ? rc : db_failed(a->db);
}

/* A sealed charge of the instrument, of which a part is read. */
struct sealed_source { const char *instrument; int64_t charge; enum sealed_part part; };

/* ret: NULL for the lists only. */
static int sealed_spans(struct act *a, const struct sealed_source *of, struct price_book *b, struct price_span *ret,
	int *ret_n)
{
	struct sealed_price found[RATE_LISTS_MAX];
	int n, list, rc = charge_sealed_prices(a->db, of->charge, of->part, found, RATE_LISTS_MAX, &n);

	for (int i = 0; i < n && rc == 0; i++) {
		rc = list_index(a, of->instrument, found[i].version, NULL, b, &list);
		if (rc == 0 && ret)
			rc = add_span(ret, ret_n, found[i].from_at, list);
	}
	return rc > 0 ? DB_CORRUPT : rc;
}

int price_book_sealed(struct act *a, const char *instrument, int64_t charge, struct price_book *ret)
{
	struct sealed_source of = { instrument, charge, SEALED_LISTS };
	int rc;

	ret->n_lists = ret->n_prices = ret->n_rows = ret->locked = 0;
	rc = sealed_spans(a, &of, ret, NULL, NULL);
	of.part = SEALED_SPANS;
	if (rc == 0)
		rc = sealed_spans(a, &of, ret, ret->prices, &ret->n_prices);
	of.part = SEALED_TERMS;
	if (rc == 0)
		rc = sealed_spans(a, &of, ret, ret->rows, &ret->n_rows);
	if (rc == 0 && ret->n_lists == 0)
		return DB_CORRUPT;
	if (ret->n_rows == 0)
		ret->rows[ret->n_rows++] = (struct price_span){ 0, 0 };
	return rc;
}

void price_book_use(const struct price_book *book, struct rate_input *in)
{
	in->lists = book->lists;
	in->n_lists = book->n_lists;
	in->locked = book->locked;
	in->spans = book->prices;
	in->n_spans = book->n_prices;
}
