/*
 * schedule.h - when a controller is asked next. Pure: instants in, an instant out.
 *
 * Every reason to ask a device has an absolute instant of its own, set when the reason arises and cleared when a poll
 * has dealt with it. Waking up for one of them never moves another.
 * Instants are BOOTTIME milliseconds, waits are milliseconds.
 */
#ifndef DRIVERS_MODBUS_SCHEDULE_H
#define DRIVERS_MODBUS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_NEVER INT64_MAX
#define SCHEDULE_DOWN 2              /* failures in a row after which a link or a unit counts as down            */
#define SCHEDULE_BACKOFF_FIRST_MS 250
/*
 * With these numbers a controller that is well again is read again within 5 s: the timeout of a request that was lost
 * just before (2 s for a connection, 500 ms by default for a reply) and this wait after it. Behind a gateway, up to 16
 * silent units are asked in turn within the same 5 s, each for SCHEDULE_PROBE_MS. docs/polling.md has the exceptions.
 */
#define SCHEDULE_BACKOFF_MOST_MS 2500
#define SCHEDULE_SILENT_MOST_MS 60000 /* a silent unit is asked at least so often, whatever its share           */
#define SCHEDULE_PROBE_MS 100         /* a silent unit whose answers are fast keeps others waiting for this long */
/*
 * Silent units together get a third of the time of a line that has others, as long as each takes no more than a probe
 * (with some time for the loop): 15 x 3 x 100 ms are less than 5 s, and whoever answers waits for one probe at most.
 * What a question takes beyond that counts as a twentieth.
 */
#define SCHEDULE_CHEAP_MS 120
#define SCHEDULE_CHEAP_SHARE 3
#define SCHEDULE_DEAR_SHARE 20

/* Why and when a device is asked. SCHEDULE_NEVER: not for this reason. */
struct deadlines {
	int64_t poll;      /* the next tick of its schedule, or the end of the wait after a failure              */
	int64_t forced;    /* a person or the ledger waits for it, or its lease is new. Passes every gate          */
	int64_t verify;    /* its relay was written: read it back; or a write failed: write it again               */
	int64_t lapse;     /* its lease ends unless it is renewed: the fail mode applies                         */
};

/* What a device must wait for besides its own deadlines. */
struct gates {
	int64_t line;      /* no connection is tried before this; 0: none is needed or one may be tried          */
	int64_t share;     /* no silent unit of this line is asked before this                                   */
	int64_t asked;     /* when this device was last asked, or later its line took no connection             */
	bool up;           /* it answered last time: only then a relay can be read back or locked                */
	bool silent;       /* it fails on a line whose other units answer: it lives by its share                 */
};

/* The earliest instant at which the device is to be asked. */
int64_t schedule_next(const struct deadlines *at, const struct gates *g);
/* The first tick after `now` of a schedule with this period (> 0). */
int64_t schedule_tick(int64_t phase, int64_t period, int64_t now);
/*
 * How long to wait after so many failures in a row (>= 1): 250 ms twice, 500 ms twice ... 2.5 s, less up to a quarter,
 * so that a rack that lost power is not asked in step. After a short outage that is about half of what it lasted.
 * `random` is any number. Asked once, when a failure happens.
 */
int64_t schedule_backoff(int failures, uint64_t random);
/* A silent unit took the line for `cost` until `now`: when the next one may be asked. */
int64_t schedule_share(int64_t cost, int64_t now);

#endif
