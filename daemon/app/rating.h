/*
 * rating.h - inside money: everything a session or a fee is rated from, gathered once, so that the live meter, the
 * settling, the record and a re-rating look at the same facts.
 */
#ifndef APP_RATING_H
#define APP_RATING_H

#include "app/act.h"
#include "app/price_book.h"
#include "core/booking.h"
#include "core/session.h"
#include "core/tariff.h"
#include "core/use.h"
#include "store/charge.h"
#include "store/terms.h"

#define RATING_PIECES 256
/* A forced reading may be labelled so long after the check-in or check-out that it serves. */
#define RATING_LABEL_MS 250

struct rating {
	struct session s;
	struct booking b;                 /* in.booked                                                      */
	struct policy policy;
	struct terms_row policy_row;
	struct price_book book;
	struct rate_span kept[RATE_KEPT_MAX];
	struct usage usage[RATING_PIECES];
	struct rate_piece pieces[RATING_PIECES];
	struct interval unusable[RATE_UNUSABLE_MAX];
	struct rate_input in;
	struct rate_result result;
	int64_t gap_s;                    /* inside the session nobody read the meter for so long           */
};

/* RATING_NONE: no such session. RATING_TOO_MUCH: more money than one charge may have. RATING_MANY_LISTS: more price
 * lists than one charge may have. */
enum { RATING_NONE = 1, RATING_TOO_MUCH = 2, RATING_MANY_LISTS = 3 };
/* Loads and rates a session. 0 and *ret (free it), RATING_NONE, the others (and *ret), < 0. */
int rating_session(struct act *a, int64_t session, struct rating **ret);
/* The same for a charged one: only what was metered is read anew; the booking, its terms, the bookings around it and
 * the law of the rating are those of the record. */
int rating_again(struct act *a, int64_t session, const struct charge_sealed *sealed, struct rating **ret);
struct rating *rating_free(struct rating *r);
/* When the last of its pieces ends: they are in the order of their beginnings, and a short one may lie within a long
 * one. It has at least one. */
int64_t rating_last_instant(const struct rating *r);

/* What is posted: a charge with its lines, its record and its transaction. */
struct posting {
	const char *kind;                 /* "usage", "fee", "credit", "supplement"                         */
	const char *reason;               /* of a correction, else ""                                       */
	const struct rating *rating;      /* usage and its corrections                                      */
	const struct booking *booking;    /* fees and their credits                                         */
	const struct fee_input *fee;
	const struct price_book *fee_book; /* of the fee                                                    */
	const struct use_facts *seen;     /* how a no-show was decided; NULL: a cancellation, or a credit   */
	int64_t corrects;                 /* charge                                                         */
	struct charge_balance previous;   /* of a correction: what stood before; it posts the difference    */
	const struct rate_result *result;
	const char *flags, *idem_key;
};
/* Posts it into the open period of now. 0 and *ret_charge (may be NULL), or < 0. */
int posting_post(struct act *a, const struct posting *p, int64_t *ret_charge);
/* The canonical record. 0, or DB_NOMEM. */
struct jsonout;
int posting_record(struct act *a, const struct posting *p, const struct charge *c, const struct charge_line *lines,
	int n, struct jsonout *o);

#endif
