/*
 * civil.h - civil (proleptic Gregorian) dates, IANA zones from a supplied TZif image, RFC 3339.
 *
 * Instants are int64 milliseconds since 1970-01-01T00:00:00Z; intervals are half-open. No function
 * here reads a file or a clock: the caller loads the zone's TZif bytes (RFC 8536) and passes them in.
 */
#ifndef LT_CIVIL_H
#define LT_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define LT_SECOND INT64_C(1000)
#define LT_MINUTE (60 * LT_SECOND)
#define LT_HOUR   (60 * LT_MINUTE)
#define LT_DAY    (24 * LT_HOUR)

/* Instants that labtime accepts: 1970-01-01 .. 2199-12-31. */
#define LT_INSTANT_MAX INT64_C(7258118400000)

struct lt_civil { int year, month, day, hour, minute, second, ms; }; /* month 1..12, day 1..31 */

int64_t lt_days_from_civil(int year, int month, int day);          /* days since 1970-01-01 */
void lt_civil_from_days(int64_t days, int *year, int *month, int *day);
int lt_weekday(int64_t days);                                      /* 1 = Monday .. 7 = Sunday (ISO 8601) */
int lt_month_days(int year, int month);

#define LT_ZONE_TRANSITIONS 512

/* One "M" rule of a POSIX TZ footer: month, week, weekday (0 = Sunday), seconds after local midnight. */
struct lt_zone_rule { int month, week, day; int32_t second; };

struct lt_zone {
	char name[48];
	int n;
	int64_t at[LT_ZONE_TRANSITIONS];      /* seconds UTC, ascending                     */
	int32_t offset[LT_ZONE_TRANSITIONS];  /* seconds east of UTC from at[i] on          */
	int32_t first_offset;                 /* before at[0]                               */
	bool has_dst_rule;                    /* footer with DST, used after the last at[]  */
	int32_t std_offset, dst_offset;
	struct lt_zone_rule to_dst, to_std;
};

/* Parses a TZif v1..v4 image. 0, or -1 with *err. */
int lt_zone_parse(struct lt_zone *ret, const char *name, const uint8_t *tzif, size_t size, struct lt_err *err);
void lt_zone_utc(struct lt_zone *ret);

int32_t lt_zone_offset(const struct lt_zone *z, int64_t at_ms);     /* seconds east of UTC */
struct lt_civil lt_zone_civil(const struct lt_zone *z, int64_t at_ms);
/* Local civil date of an instant, as days since 1970-01-01. */
int64_t lt_zone_day(const struct lt_zone *z, int64_t at_ms);
/* First instant of that local day (handles zones whose midnight is skipped: the first instant that exists). */
int64_t lt_zone_midnight(const struct lt_zone *z, int64_t day);

enum lt_local { LT_LOCAL_ONCE = 0, LT_LOCAL_GAP = 1, LT_LOCAL_TWICE = 2 };

/*
 * Wall time to instant. ONCE: ret[0]. TWICE: ret[0] < ret[1] and their offsets. GAP: offsets[0] is the offset
 * before the gap and offsets[1] the one after it; ret[0] is the instant of the gap itself.
 */
enum lt_local lt_zone_instant(const struct lt_zone *z, struct lt_civil c, int64_t ret[2], int32_t offsets[2]);

/* RFC 3339 "2026-11-24T09:00:00+08:00"; milliseconds only when not zero. cap >= 40. */
void lt_rfc3339(char *dst, size_t cap, int64_t at_ms, int32_t offset_s);
/* Strict RFC 3339 with offset or Z; 1..3 fraction digits; [0, LT_INSTANT_MAX]. */
bool lt_rfc3339_parse(const char *s, int64_t *ret_ms);

#endif
