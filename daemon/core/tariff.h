/*
 * tariff.h - the one rating function: metered time and terms in, priced lines out. Pure.
 *
 * The quote, the live meter, the charge and every re-rating call tariff_rate(), so they cannot disagree. Instants are
 * wall ms, durations ms, billed time whole seconds, money minor units. Each line is priced as an exact fraction and
 * rounded once, half away from zero; the total is the sum of the lines.
 */
#ifndef CORE_TARIFF_H
#define CORE_TARIFF_H

#include "core/interval.h"
#include "core/money.h"
#include "core/terms.h"

/* Components in the order in which lines appear. GRACE: the free first part of an overrun. FAULT: metered while the
 * instrument said that it has a fault, never priced. MINIMUM: what is missing to the minimum charge. ESTIMATED: time
 * nobody measured, shown and priced at zero unless two people agreed to charge it. CORRECTION: of a credit or a
 * supplement, the difference of two totals. */
enum component { COMP_TIME, COMP_WALK_UP, COMP_GRACE, COMP_OVERRUN, COMP_INTO_NEXT, COMP_IDLE, COMP_FAULT,
	COMP_BOOKED_FILL, COMP_NO_SHOW, COMP_LATE_CANCEL, COMP_MINIMUM, COMP_ESTIMATED, COMP_CORRECTION, COMPONENTS };

/* Price lists that one session or one booking may touch. An instrument may have any number. */
#define RATE_LISTS_MAX 64
#define RATE_KEPT_MAX 8
#define RATE_UNUSABLE_MAX 128
#define RATE_LINES_MAX (7 * RATE_LISTS_MAX + 5)

/* A price list and the instant from which it is in force. */
struct price_list { int64_t version, effective_at; struct price price; };

/* From this instant on, up to the next span's, the list (an index) holds. */
struct price_span { int64_t from_at; int list; };

/* A piece of metered time. placed: a run that was on from from_at to to_at. Not placed: measured_ms lie somewhere in
 * [from_at, to_at). approved: estimated_ms, which two people agreed to charge, is charged. fault: measured at fault.
 * agreed: the piece is what people agreed on, beside the runs and gaps that its window holds. */
struct rate_piece { int64_t from_at, to_at, measured_ms, estimated_ms; bool placed, approved, fault, agreed; };

/* Overrun that an extension left behind (R27): accepted at to_at, it does not change what was before: free up to
 * grace_to, overrun from there on. */
struct rate_span { int64_t from_at, grace_to, to_at; };

struct rate_input {
	const struct price_list *lists; /* 1..RATE_LISTS_MAX                                              */
	int n_lists;
	int locked;                     /* the list of the first terms row: its step, minimum and usage hold */
	const struct price_span *spans; /* ascending: which list prices what; the first also what is before */
	int n_spans;                    /* 0: a record without spans: lists ascend by effective_at (tariff_spans()) */
	bool booked;                    /* false: a session without a booking; everything is a walk-up    */
	bool walk_up;                   /* booked at the instrument                                       */
	int64_t booked_from, booked_to; /* booked                                                         */
	int64_t priced_to;              /* overrun starts here (R28 may have moved it); >= booked_to      */
	int64_t next_from;              /* start of the next booking of somebody else; 0: none            */
	int64_t grace_ms;               /* of the policy                                                  */
	const struct rate_span *kept;   /* ascending, up to priced_to                                     */
	int n_kept;
	int64_t start_at;               /* idle is counted from here to the first run; 0: from that run   */
	bool used;                      /* a witness saw use, though less than a second may be metered    */
	const struct interval *unusable;/* ascending: no idle accrues in them; no booked time is filled up */
	int n_unusable;                 /* up to RATE_UNUSABLE_MAX                                        */
	int format;                     /* of the record that is rated again, by its law; 0: today's      */
	const struct rate_piece *pieces;/* ascending by from_at                                           */
	int n_pieces;
};

struct rate_line {
	enum component component;
	int list;                       /* index in lists                                                 */
	int64_t from_at, to_at;         /* first and last instant that the line covers                    */
	int64_t seconds, rate_minor;
	int32_t factor_pm;
	int64_t padding_s;              /* of seconds, what the billing step added                        */
	int64_t amount_minor;
	int32_t fee_bp;                 /* of a fee: ten-thousandths of the booked price                  */
};

struct rate_result {
	int n;
	int base;                       /* list whose step, minimum and usage policy hold                 */
	struct rate_line line[RATE_LINES_MAX];
	int64_t used_s;                 /* metered, floored once for the session                          */
	int64_t idle_s, overrun_s;
	int64_t fault_s;                /* of used_s, what was metered at fault                           */
	int64_t estimated_s;            /* all of it; approved_s: what of it is charged                   */
	int64_t approved_s;
	int64_t billed_s;               /* used (not grace, not fault), booked fill and padding           */
	int64_t total_minor;
};

/* 0 and *ret, or 1: the input makes no sense (times out of order, an amount beyond LT_MONEY_MAX). */
int tariff_rate(const struct rate_input *in, struct rate_result *ret);

struct fee_input {
	const struct price_list *list;  /* the list of the first terms row; with spans the first of n_lists */
	int n_lists;                    /* 0: that one, for all of the booking                            */
	const struct price_span *prices;/* what the booked time costs; 0: the one list                    */
	int n_prices;
	const struct price_span *rows;  /* the terms rows: the fee's share is that of each row's list      */
	int n_rows;
	enum component kind;            /* COMP_NO_SHOW or COMP_LATE_CANCEL                               */
	bool walk_up;
	int64_t booked_from, booked_to;
	int64_t at;                     /* decides the tier; after booked_from a cancellation is a no-show */
	struct interval given;          /* R23: only this part of it is given up; empty: all of it        */
	int64_t resold_ms;              /* of the time given up, what others used then                    */
};
/* Ten-thousandths of the booked price that are due. */
int32_t tariff_fee_bp(const struct price *p, enum component kind, int64_t notice_ms);
/* Is it rated by the law that records have from this format on? */
static inline bool tariff_since(const struct rate_input *in, int format)
{
	return in->format == 0 || in->format >= format;
}
/* When overrun may be free: from priced_to to here. What kept spans had of it is gone. */
int64_t tariff_grace_end(const struct rate_input *in);
/* The price of the booked interval as if all of it were used. */
int tariff_quote(const struct price_list *list, bool walk_up, int64_t from, int64_t to, struct rate_result *ret);
/* The same over several lists: lists, spans, kept and the booked interval of *terms; it is used to its end. */
int tariff_quote_terms(const struct rate_input *terms, struct rate_result *ret);
/* A line for each terms row and price list: a part that is given up pays its share of what all of it would pay. What
 * others used of it is taken off in proportion. */
int tariff_fee(const struct fee_input *in, struct rate_result *ret);

/* The list of the instant. */
int tariff_list_at(const struct price_span *spans, int n, int64_t at);
/* The spans of a record that has none: by the lists' instants and the price_change of the list that was booked under.
 * *ret_base: the list whose step, minimum and usage held. Returns their number. */
int tariff_spans(const struct rate_input *in, struct price_span ret[RATE_LISTS_MAX], int *ret_base);

const char *component_name(enum component c);
bool component_from_name(const char *name, enum component *ret);

#endif
