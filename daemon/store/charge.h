/*
 * charge.h - sealed charges and their lines. A charge is written once and never changes; the store's triggers refuse
 * everything else. What corrects it is another charge (kind "credit" or "supplement") that names it.
 */
#ifndef STORE_CHARGE_H
#define STORE_CHARGE_H

#include "core/site.h"
#include "core/tariff.h"
#include "store/db.h"

struct charge {
	int64_t id, seq;
	int64_t session, booking, corrects;  /* 0: none                                                     */
	char kind[12];                       /* "usage", "fee", "credit", "supplement"                      */
	char org[LT_ID], user[LT_ID], instrument[LT_ID], project[LT_ID];
	int64_t posted_at, service_from, service_to;
	char period[8];                      /* "2026-11": the site's local month it is posted in           */
	int64_t used_s, idle_s, fault_s, overrun_s, billed_s, estimated_s;
	int64_t gap_s;                       /* of the session, in which nobody read the meter               */
	int64_t amount_minor;
	char currency[4];
	char flags[96];                      /* comma-separated words, or ""                                */
	uint8_t sha256[32];                  /* of the record                                               */
};

struct charge_line {
	char component[24];
	int64_t from_at, to_at, seconds, rate_minor, factor_pm, amount_minor;
	char detail[96];
};

/* Writes a charge with its lines and its canonical record. DB_DONE or a failure (a constraint names the trigger). */
int charge_insert(struct db *db, const struct charge *c, const char *record, const struct charge_line *lines, int n);

/* 0, 1 not there, < 0. */
int charge_load(struct db *db, int64_t id, struct charge *ret);
/* The usage charge of a session; 0, 1 none, < 0. */
int charge_of_session(struct db *db, int64_t session, struct charge *ret);
/* What stands for a charge: its own figures and its corrections' together; n: how many corrections. 0 or < 0. */
struct charge_balance { int64_t minor, used_s, idle_s, fault_s, overrun_s, billed_s, estimated_s, gap_s; int n; };
int charge_balance(struct db *db, int64_t charge, struct charge_balance *ret);
/* What the sealed record of a usage charge says a re-rating must use again. format: whose law it was rated by; since,
 * booked_to, priced_to: 0 without a booking; locked: index in its lists. 0, 1 (no such record), < 0. */
struct charge_sealed {
	int64_t charge, policy_version, since, booked_to, priced_to, next_from, start_at;
	int format, locked;
	bool walk_up;
};
int charge_sealed(struct db *db, int64_t charge, struct charge_sealed *ret);
/* Of a record of format 1 or 2, when the instrument was at fault: ascending. 0, 1 there are more than cap, < 0. */
int charge_sealed_faults(struct db *db, int64_t charge, struct interval *ret, int cap, int *ret_n);
/* Which price list the record says from which instant on, in its order: the lists it has (from: in force), what they
 * priced, the booking's terms rows. 0, 1 there are more than cap, < 0. */
struct sealed_price { int64_t version, from_at; };
enum sealed_part { SEALED_LISTS, SEALED_SPANS, SEALED_TERMS };
int charge_sealed_prices(struct db *db, int64_t charge, enum sealed_part part, struct sealed_price *ret, int cap,
	int *ret_n);
/* The same of a fee. given: the part of the booked time that it is for; empty: all of it. */
struct fee_sealed { enum component kind; int64_t at, policy_version; struct interval given; bool walk_up; };
int charge_sealed_fee(struct db *db, int64_t charge, struct fee_sealed *ret);
/* At most cap lines in order; *ret_n. 0 or < 0. */
int charge_lines(struct db *db, int64_t charge, struct charge_line *ret, int cap, int *ret_n);
/* The record's text, malloc'd (the caller frees); NULL when there is none or on failure. */
char *charge_record(struct db *db, int64_t id);

/* Empty strings and 0 do not filter; none is NULL. booking: charges of it. [from, to): posted; to 0: no end. */
struct charge_filter { const char *org, *user, *instrument, *period; int64_t booking, from, to, after; int limit; };
/* Ascending by seq, after `after`. */
int charge_page(struct db *db, const struct charge_filter *f, struct charge *ret, int *ret_n);
/* used_s of the org's latest usage charges on instruments of a kind's list; for the plausibility bound. */
int charge_recent_used(struct db *db, const char *org, int64_t *ret_used_s, char (*ret_instrument)[LT_ID], int cap,
	int *ret_n);

/* What reports add up of a charge. */
struct charge_brief {
	int64_t service_from, posted_at, used_s, idle_s, estimated_s, gap_s, amount_minor;
	bool usage;
	char org[LT_ID], user[LT_ID], instrument[LT_ID], project[LT_ID], period[8];
};
/*
 * A walk over charges in bounded steps: of an org, else of the service range, else of a period, else all. What the
 * walk does not select by is the caller's to leave out. begun, after and after_id are the walk's own; begin with 0.
 */
struct charge_scan { const char *org, *period; bool by_service, begun; int64_t from, to, to_seq, after, after_id; };
/* At most `limit` rows go to take(). 1: more to come; 0: the end; < 0, or what take() returned when it was not 0. */
int charge_scan(struct db *db, struct charge_scan *at, int limit, int (*take)(void *user, const struct charge_brief *c),
	void *user);
int64_t charge_last_seq(struct db *db);
/* No charge before this one was posted at `from` or later; 1 for 0. */
int64_t charge_first_seq(struct db *db, int64_t from);
/* Count and sum of what was posted in a period, for an org or (org "") all: a roll-up, however many charges. */
int charge_total(struct db *db, const char *period, const char *org, int64_t *ret_rows, int64_t *ret_minor);

#endif
