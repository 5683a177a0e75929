/*
 * when.h - human time to instants: pure. Text, now and a zone go in; an interval, an instant, a duration or a period
 * comes out. Booking words look forward, report words look back. Every word must be understood; nothing is guessed.
 *
 * All functions return 0, or -1 with *err (code, text, and the 1-based column in the text).
 */
#ifndef CLIENT_WHEN_H
#define CLIENT_WHEN_H

#include "common/civil.h"

#define WHEN_TEXT_MAX 200                     /* bytes of input; longer is refused     */
#define WHEN_DURATION_MAX (366 * LT_DAY)

struct when_ctx {
	int64_t now;                          /* ms, the site's clock                  */
	const struct lt_zone *zone;           /* the site's zone                       */
};

struct when_err { int column; struct lt_err e; };

enum when_kind { WHEN_INTERVAL, WHEN_START, WHEN_NEXT_FREE };
enum { WHEN_START_ALONE = 1 };                /* "tomorrow 9am" without a length is fine: kind WHEN_START */

struct when {
	enum when_kind kind;
	int64_t from, to;                     /* WHEN_START: to = from; WHEN_NEXT_FREE: both 0 */
	int64_t duration;                     /* ms; WHEN_START: 0                             */
	bool now;                             /* the start was written "now"                   */
};

struct when_period {
	int64_t from, to;
	char month[8];                        /* "2026-11" when it is one calendar month, or "" */
};

/* "tomorrow 9am for 4h", "fri 22:00 - sat 02:00", "2026-12-01T09:00/PT4H", "now for 2h", "next free 4h" */
int when_booking(const struct when_ctx *x, const char *text, unsigned flags, struct when *ret, struct when_err *err);
/* One instant ahead; a day alone means its midnight: "fri", "tomorrow 14:00", "in 2 hours". */
int when_instant(const struct when_ctx *x, const char *text, int64_t *ret, struct when_err *err);
/* One instant back: "yesterday 14:00", "mon 9:30", "9am", "2h ago". */
int when_past(const struct when_ctx *x, const char *text, int64_t *ret, struct when_err *err);
/* "2h" "90m" "1h30" "1.5h" "1d6h" "PT4H"; d = 24 hours. */
int when_duration(const char *text, int64_t *ret, struct when_err *err);
/* "last month" "2026-11" "2026-Q4" "2026-11-01..2026-12-01" "90d" "yesterday" "november". */
int when_period(const struct when_ctx *x, const char *text, struct when_period *ret, struct when_err *err);

/* "Tue 2026-12-01 09:00-13:00 (4h) Asia/Shanghai +08:00" */
void when_echo(char *dst, size_t cap, const struct lt_zone *z, int64_t from, int64_t to);
/* "4h", "1h30m", "2d", "45s" */
void when_duration_text(char *dst, size_t cap, int64_t ms);

extern const char *const when_weekdays[8];    /* [1] = "Mon" .. [7] = "Sun"  */
extern const char *const when_months[13];     /* [1] = "Jan" .. [12] = "Dec" */

#endif
