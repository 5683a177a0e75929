/*
 * app/money.h - what booking and metering may ask of money.
 */
#ifndef APP_MONEY_H
#define APP_MONEY_H

#include "app/act.h"
#include "core/booking.h"
#include "core/session.h"
#include "core/tariff.h"
#include "core/use.h"
#include "store/charge.h"

/* What a booking was promised, in order; at most as many price lists as one price is made of. */
struct terms_rows { int n; struct booking_term row[RATE_LISTS_MAX]; };
/* 0, 1: more than that, < 0. */
int terms_rows_load(struct act *a, int64_t booking, struct terms_rows *ret);
/* The same as they were before what was done by that label (store_booking_terms_label()). */
int terms_rows_before(struct act *a, int64_t booking, int64_t at, struct terms_rows *ret);
/* Overrun that extensions leave behind. */
struct kept_spans { int n; struct rate_span span[RATE_KEPT_MAX]; };
/* What a booking says of its price, for every rating of it: its time counts from `since` on. kept: NULL none. */
struct rate_input money_booked(const struct booking *b, const struct kept_spans *kept);
/* When it begins, for lock_at_start: seconds before the booked start take what that takes. opened_at: of its session, 0
 * while there is none; b: NULL for a session without a booking. */
int64_t money_start(const struct booking *b, int64_t opened_at);
/* Price of the booked time of *b under these terms as if all of it were used: the rating function, with the price lists
 * that a charge would take. kept: NULL none. 0, ACT_REFUSED, < 0. */
int money_quote(struct act *a, const struct booking *b, const struct terms_rows *terms, const struct kept_spans *kept,
	struct rate_result *ret);
/* The refusal of a time that touches too many price lists. */
int money_too_many_lists(struct act *a, const char *instrument);
/* The live meter: what stands for the session's charge; before it is charged, what it would be if it ended now, by the
 * same rating function. Writes nothing. 0; 1: there is no such session, or it is more than one charge may be; < 0. */
int money_so_far(struct act *a, int64_t session, struct charge_balance *ret);
/* A closed session (or one whose review was decided): settles now if nothing is open (BILLING.md "Settling"), else
 * arms the timer "settle". Idempotent. */
int money_settle(struct act *a, int64_t session);
/* Can a closed session be priced at all? When not, accepting a review item cannot end it and waiving it must. */
int money_priceable(struct act *a, int64_t session, bool *ret);
/* A manager agreed that later data raises the session's charge to at most this total: posts the difference, if any. */
int money_supplement(struct act *a, int64_t session, int64_t agreed_minor);
/* Fee of a booking without use. component: "late_cancel" or "no_show". Posts a sealed charge when it is not zero;
 * *ret_minor (may be NULL) is what is due on all fees of the booking. at: the instant that decides the tier. seen: how
 * a no-show was decided, for the record; NULL for a cancellation. */
int money_fee(struct act *a, const struct booking *b, const char *component, const struct use_facts *seen, int64_t at,
	int64_t *ret_minor);
/* The same without writing. */
int money_fee_preview(struct act *a, const struct booking *b, const char *component, int64_t at, int64_t *ret_minor);
/* R23: a part of the booked time is given up: it pays its share of what cancelling all of it at this instant would.
 * was: the booking before. *ret_minor: what this part costs. The preview writes nothing. */
int money_fee_given_up(struct act *a, const struct booking *was, struct interval part, int64_t at, int64_t *ret_minor);
/* The same for what was given up before: terms_at is the label of what was done to the terms then. _later writes
 * nothing. */
int money_fee_given_up_due(struct act *a, const struct booking *was, struct interval part, int64_t at, int64_t terms_at,
	int64_t *ret_minor);
int money_fee_given_up_later(struct act *a, const struct booking *was, struct interval part, int64_t at,
	int64_t terms_at, int64_t *ret_minor);
int money_fee_given_up_preview(struct act *a, const struct booking *was, struct interval part, int64_t at,
	int64_t *ret_minor);
/* What is due on all fees of the booking that were posted. */
int money_fees_due(struct act *a, int64_t booking, int64_t *ret_minor);
/* Can the booking give up one more part for a fee? 0; ACT_REFUSED: it did so too often; < 0. */
int money_fee_given_up_room(struct act *a, int64_t booking);
/* Credits what was posted as a fee for the whole booking (a late reading showed a run); *ret_minor: what is still due
 * for parts given up before. */
int money_fee_undo(struct act *a, const struct booking *b, int64_t *ret_minor);

#endif
