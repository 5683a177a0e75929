/*
 * terms.h - the two texts every booking is made under: the policy (when and for how long) and the price (how much).
 *
 * Both are plain integers and are described by one table of keys each (terms.c): name, unit, range, default, rule.
 * The configuration, the store's version rows, `labtime why` and the documentation all use that table, so a key
 * exists once. Durations are milliseconds, instants UTC milliseconds, money minor units an hour, multipliers
 * thousandths (1500 = x 1.5), fees ten-thousandths (5000 = 50 %).
 */
#ifndef CORE_TERMS_H
#define CORE_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define TERMS_TEXT 2048          /* canonical text of a policy or a price, with NUL */
#define OPENING_MAX 21           /* opening spans a week (three a day)               */
#define HOLIDAY_MAX 64
#define TIER_MAX 6

enum overrun_mode { OVERRUN_CONTINUE, OVERRUN_INHIBIT_NEXT, OVERRUN_LOCK_AFTER }; /* R28 */

/* Opening span in the site's local time: minutes after Monday 00:00, half-open, to <= 7 * 1440. */
struct opening { uint16_t from_minute, to_minute; };

struct policy {
	int64_t turnover_ms;        /* R02  default 0                                                   */
	bool turnover_same_org;     /* R02  true: also between bookings of one org; default false       */
	int64_t grid_ms;            /* R03  default 15 min; divides a day                               */
	int64_t min_ms, max_ms;     /* R04  defaults 15 min, 48 h                                       */
	int64_t horizon_ms;         /* R05  default 30 d                                                */
	int32_t horizon_opens_min;  /* R05  local minute of the day at which a further day opens; 0     */
	int64_t notice_ms;          /* R06  default 0                                                   */
	int32_t n_opening;          /* R07  0: always open                                              */
	struct opening opening[OPENING_MAX];
	int32_t n_holidays;         /* R07  local days since 1970-01-01, ascending                      */
	int32_t holidays[HOLIDAY_MAX];
	bool attended;              /* R07, R10  default true                                           */
	int32_t org_hours_week;     /* R12  minutes an org may book in an ISO week; 0: no limit         */
	int32_t org_hours_month;    /* R12  minutes in a local month; 0: no limit                       */
	int32_t org_hours_open;     /* R12  minutes of future bookings; 0: no limit                     */
	int64_t first_refusal_ms;   /* R21  how long a displaced owner's next slot is held; default 24 h, 0: not */
	int64_t lock_ms;            /* R22  L, default 0                                                */
	int64_t early_ms;           /* R24  E, default 15 min                                           */
	int64_t no_show_ms;         /* R25  N, default 30 min; at most half the booking applies         */
	int64_t first_run_ms;       /* R25  F, default 60 min                                           */
	int64_t idle_release_ms;    /* R26  I, 0 off, else >= 30 min                                    */
	int64_t grace_ms;           /* R28  g, default 5 min                                            */
	int64_t end_warning_ms;     /* R28  before the end of a booking in use; default 10 min, 0: none  */
	enum overrun_mode overrun;  /* R28  default continue                                            */
	int64_t gap_ms;             /* METERING gaps: 0 = max(30 s, 10 polls)                           */
	int64_t settle_ms;          /* BILLING settling: default 72 h                                   */
	int64_t max_overrun_ms;     /* R17  default 1 h                                                 */
};

/* Late-cancel tier: cancelling with at least notice_ms to go costs fee_bp; tiers descend by notice. */
struct tier { int64_t notice_ms; int32_t fee_bp; };

/* What is paid of a booking: what was measured; at least the booked time; the booked time and the overrun; at least
 * usage_bp of the booked time (BILLING.md "policy"). */
enum price_usage { USAGE_USED, USAGE_MAX, USAGE_BOOKED_PLUS_OVERRUN, USAGE_PERCENT };
/* Which price version a session is priced by when the price changed: the booking's, the one in force at the session's
 * start, or each second by its own. */
enum price_change { CHANGE_LOCK_AT_BOOKING, CHANGE_LOCK_AT_START, CHANGE_SPLIT };

struct price {
	int64_t rate_minor;          /* an hour of measured time; default 100.00                        */
	int64_t idle_rate_minor;     /* an hour of idle time; default 0                                 */
	int64_t idle_after_ms;       /* idle spells up to this count as use (threshold); default 0      */
	int64_t step_ms;             /* billing step on the session's total; default 1 s                */
	int64_t minimum_minor;       /* per session with use; default 0                                 */
	int32_t overrun_pm;          /* x 1 = 1000                                                      */
	int32_t into_next_pm;        /* overrun while the next booking waits; x 1                       */
	int32_t walk_up_pm;          /* use without a booking, or booked at the instrument; x 1         */
	int32_t no_show_bp;          /* of the booked price; default 0                                  */
	int32_t n_tiers;
	struct tier tiers[TIER_MAX]; /* R23; none: cancelling is free until start                        */
	enum price_usage usage;      /* "usage": used, max, booked_plus_overrun or "50%"; default used   */
	int32_t usage_bp;            /* USAGE_PERCENT                                                    */
	enum price_change change;    /* "price_change": lock_at_booking (default), lock_at_start, split  */
};

void policy_defaults(struct policy *ret);
void price_defaults(struct price *ret);

/*
 * Sets one key from its text ("grid", "15m"). exponent: the currency's. 0, or -1 with *err (unknown key, bad
 * unit, out of range: names key, value and range). List keys: opening = "Mon..Fri 08:00-18:00, Sat 09:00-12:00",
 * holidays = "2026-10-01, 2026-10-02", late_cancel = "48h 0%, 24h 25%, 0s 50%".
 */
int policy_set(struct policy *p, const char *key, const char *value, struct lt_err *err);
int price_set(struct price *p, const char *key, const char *value, int exponent, struct lt_err *err);
/* Checks between keys (min <= max, max a multiple of grid, ...). 0, or -1 with *err. */
int policy_check(const struct policy *p, struct lt_err *err);
int price_check(const struct price *p, struct lt_err *err);
/* Canonical text, one "key = value" a line in table order; policy_set over its lines gives the same struct. */
void policy_text(const struct policy *p, char dst[TERMS_TEXT]);
void price_text(const struct price *p, int exponent, char dst[TERMS_TEXT]);
int policy_from_text(struct policy *ret, const char *text, struct lt_err *err);
int price_from_text(struct price *ret, const char *text, int exponent, struct lt_err *err);

/* Row i of the table of keys, with the value in p (NULL: the default). False past the last row. */
struct terms_entry {
	const char *name, *rule, *about;
	char range[96], initial[64], value[1536];
};
bool policy_entry(const struct policy *p, int i, struct terms_entry *ret);
bool price_entry(const struct price *p, int exponent, int i, struct terms_entry *ret);

/* Durations in configuration and policy text: "30s" "15m" "4h" "30d" "1h30m"; "250ms". Milliseconds. */
bool terms_duration(const char *text, int64_t *ret_ms);
void terms_duration_text(char *dst, size_t cap, int64_t ms);

#endif
