/*
 * requote.c - the quote that a booking shows, worked out anew when what it is made of changes: when its time counts
 * from later on, and when a price list is announced or withdrawn. Owners are told what it is instead. Owns nothing;
 * fails with the store's classes.
 */
#include "app/booking_step.h"
#include "store/booking.h"

#define PAGE 16

int booking_requote(struct act *a, struct booking *b)
{
	struct kept_spans kept;
	struct terms_rows rows;
	struct rate_result quote;
	int rc = terms_rows_load(a, b->id, &rows);

	if (rc == 0)
		rc = store_booking_kept(a->db, b->id, kept.span, RATE_KEPT_MAX, &kept.n);
	if (rc == 0)
		rc = money_quote(a, b, &rows, &kept, &quote);
	if (rc == 0)
		b->quote_minor = quote.total_minor;
	return rc < 0 ? rc : 0; /* what has no price any more keeps the last that it had */
}

static int tell(struct act *a, struct booking *b, int64_t was_minor, int64_t version)
{
	struct event_row e = { .kind = "quote_changed", .instrument = b->instrument, .org = b->org, .user = b->user,
		.booking = b->id, .facts = { .minor = b->quote_minor, .was_minor = was_minor, .n = version } };
	int rc = store_booking_update(a->db, b);

	act_event(a, &e);
	return rc;
}

int booking_requote_all(struct act *a, const char *instrument, int64_t from, int64_t version)
{
	struct booking_filter f = { .instrument = instrument, .state = -1, .live = true, .from = from, .limit = PAGE };
	struct booking page[PAGE];
	int n = PAGE, rc = 0;

	while (rc == 0 && n == PAGE) {
		rc = store_booking_list(a->db, &f, page, PAGE, &n);
		for (int i = 0; i < n && rc == 0; i++) {
			int64_t was = page[i].quote_minor;

			f.after = page[i].id;
			rc = booking_requote(a, &page[i]);
			if (rc == 0 && page[i].quote_minor != was)
				rc = tell(a, &page[i], was, version);
		}
	}
	return rc;
}
