/*
 * booking_acts.h - the use cases of booking, for the API. Each runs inside the item's savepoint and returns as act.h
 * says; with a->dry_run the rules run, the answer shows what would be, and nothing is written.
 */
#ifndef APP_BOOKING_ACTS_H
#define APP_BOOKING_ACTS_H

#include "app/booking.h"
#include "core/policy.h"
#include "core/tariff.h"
#include "store/block.h"
#include "store/calendar.h"
#include "store/instrument.h"
#include "store/terms.h"

#define REASON_MAX 300

struct booking_request {
	char instrument[LT_ID], kind[LT_ID]; /* one of them                                             */
	int64_t from, to;
	char user[LT_ID];                    /* "": the caller                                          */
	char project[LT_ID], note[LT_TITLE];
	bool walk_up;                        /* R03: from is now; to is stated, or else a length after it */
	bool has_max_price;
	int64_t max_price_minor;
	char override_reason[REASON_MAX];    /* "": none                                                */
};
int booking_create(struct act *a, const struct booking_request *rq, struct booking *ret);

struct booking_quote {
	struct booking booking;              /* as it would be                                          */
	struct rate_result price_lines;      /* what its quote is made of                               */
	struct verdict rules;                /* n == 0: would be accepted                               */
	int n_conflicts;
	struct interval conflicts[RULE_CONFLICTS];
	int n_suggestions;
	struct { char instrument[LT_ID]; int64_t from, to; } suggestions[5];
};
/* Price and every rule that would refuse; writes nothing. */
int booking_quote(struct act *a, const struct booking_request *rq, struct booking_quote *ret);

struct booking_patch {
	bool has_from, has_to, has_note, has_project;
	bool walk_up;                        /* R03: as in a request                                    */
	int64_t from, to;
	char note[LT_TITLE], project[LT_ID], override_reason[REASON_MAX];
};
/* Move, extend or shorten, as the times say. version: what the caller saw (0: any). ret->fee_minor: with what the time
 * that is given up costs (R23). */
int booking_change(struct act *a, int64_t id, int64_t version, const struct booking_patch *p, struct booking *ret);
/* R23: what becomes due at the start that was booked, for what was cancelled or given up while the instrument could not
 * be used, if it can be used then. */
int booking_fee_later(struct act *a, const struct booking *b, int64_t *ret_minor);
/* ret->fee_minor: what it costs. */
int booking_cancel(struct act *a, int64_t id, const char *reason, struct booking *ret);
/* The same, free of charge: its user is deactivated. */
int booking_withdraw(struct act *a, int64_t id, const char *reason, struct booking *ret);
/* R21: the slot that is held for the owner of a displaced booking, and until when. 0, 1 none, < 0. */
int booking_first_refusal(struct act *a, int64_t id, struct interval *ret, int64_t *ret_until);
/* Whatever is held for the user is free: they are deactivated. */
int booking_first_refusals_end(struct act *a, const char *user);
int booking_checkin(struct act *a, int64_t id, struct booking *ret);
int booking_checkout(struct act *a, int64_t id, struct booking *ret);
/* The rules as they were asked when it was made: its own policy, the instant of its making, what stands beside it
 * now. */
int booking_why(struct act *a, int64_t id, struct booking *ret, struct finding found[RULES_MAX], int *ret_n);

struct free_request {
	int n_instruments;
	const struct instrument *instruments[64];
	int64_t duration_ms, after, before;  /* starts from `after` on, ends up to `before`             */
	bool has_within;
	struct policy within;                /* its opening hours: the whole slot lies inside           */
	int limit;                           /* 1..FREE_MAX                                             */
	char user[LT_ID];                    /* "": the caller, or nobody in particular                 */
};
#define FREE_MAX 50
struct free_slot { char instrument[LT_ID]; int64_t from, to, price_minor; };
/* Earliest slots, by start, that would be accepted by every rule. */
int booking_free(struct act *a, const struct free_request *rq, struct free_slot *ret, int *ret_n);

#define CALENDAR_MAX 500
/* Everything that is or was on the instrument in [from, to), by start; who may see what is the API's matter. */
int booking_calendar(struct act *a, const char *instrument, int64_t from, int64_t to, struct calendar_entry *ret,
	int cap,
		     int *ret_n);

struct block_request { char instrument[LT_ID]; int64_t from, to; char reason[REASON_MAX]; bool displace; };
int block_create(struct act *a, const struct block_request *rq, struct block *ret);
int block_remove(struct act *a, int64_t id, int64_t version);

/* Out of service and notes: the two facts about an instrument that the API owns. */
int instrument_change(struct act *a, const char *id, int64_t version, const bool *out_of_service, const char *notes,
		      struct instrument_row *ret);
/* A new price list from an instant on; not before now. */
int terms_set_price(struct act *a, const char *instrument, const struct price *p, int64_t effective_at,
	struct terms_row *ret);
/* An announced list will not come into force; refused from its instant on. Once it is withdrawn that stays so. seen:
 * the version that the caller looked at. */
int terms_withdraw_price(struct act *a, const char *instrument, int64_t version, int64_t seen);
/* When it was withdrawn; 0: it was not. */
int64_t terms_price_withdrawn(struct act *a, const char *instrument, int64_t version);

#endif
