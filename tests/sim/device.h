/*
 * device.h - a scripted instrument in virtual time: it runs, counts, locks, reports faults, loses replies and lies, and
 * it keeps the truth (when it really ran and who ran it, when it was at fault, what its meter counted) that a bill is
 * compared with. Instants: ms of the world's true clock.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "labtime/driver.h"
#include "sim/rng.h"

#define DEVICE_RUNS 8192
#define DEVICE_SPANS 2048

struct device_span { int64_t from, to; }; /* to 0: still so */
struct device_spans { int n; struct device_span of[DEVICE_SPANS]; };

/* counted_ms: of the finished run, what the meter counted. seen: readings that were taken while it was on. bypassed:
 * somebody got around the interlock. apart: it was read at rest since the run before. */
struct device_run { int64_t from, to, counted_ms; int by, seen; bool bypassed, apart; };

/* What the display shows instead of the count. */
enum device_display { DISPLAY_TRUE, DISPLAY_LESS, DISPLAY_ZERO, DISPLAY_ONES };

struct device {
	char id[33];
	int64_t count_ms;          /* of the hour meter                                          */
	uint64_t modulus;          /* 0: 2^32                                                    */
	uint64_t offset;           /* raw value at no run time                                   */
	int64_t ran_ms;            /* counted in finished runs since the counter's last reset    */
	bool running, locked, down;
	bool rested;               /* it was read at rest since its last run                     */
	bool faulty;               /* it says so                                                 */
	bool broken;               /* at fault and cannot run                                    */
	bool silent_boots;         /* tells its uptime and a count of boots that never changes   */
	enum device_display display;
	uint64_t less;             /* DISPLAY_LESS: so many counts                               */
	int64_t lacked_ms;         /* all that its display ever lacked for a while               */
	bool stalled;              /* the counter stands still while the instrument runs         */
	int64_t stalled_at, stalled_ms; /* of the run that is on                                 */
	int n_runs;
	struct device_run runs[DEVICE_RUNS];
	struct device_spans faults;
	int64_t forgotten_ms;      /* run time that a reset wiped, or a pause made impossible, before anybody read it */
	uint64_t boots;            /* a restart is told: without it a reset near the wrap looks like a wrap */
	int64_t booted_at;
	int64_t read_ms;           /* run time that the last delivered reading showed            */
	uint64_t read_raw;         /* its value                                                  */
	int read_resets;           /* resets before it                                           */
	int resets, lost, lies;
};

void device_init(struct device *d, const char *id, int64_t count_ms, uint64_t modulus, uint64_t offset);
/* by: the person who starts it. True when it started: one that is locked or broken refuses. */
bool device_start(struct device *d, int64_t at, int by);
/* The same behind a locked interlock. */
bool device_bypass(struct device *d, int64_t at, int by);
void device_stop(struct device *d, int64_t at);
/* The controller restarts its counter at zero (a reboot without a battery). */
void device_reset(struct device *d, int64_t at);
void device_read(struct device *d, int64_t at, struct lt_observation *ret);
/* The counter stands still from here on, or counts again. */
void device_stall(struct device *d, int64_t at, bool stalled);
/* A fault begins that it reports, or is over. It runs on, unless it is `broken`. */
void device_fault(struct device *d, int64_t at);
void spans_begin(struct device_spans *s, int64_t at);
void spans_end(struct device_spans *s, int64_t at);
/* Of the run time in [from, to), what was at fault; *ret_faults: how many faults touch it. */
int64_t device_at_fault_ms(const struct device *d, int64_t from, int64_t to, int64_t now, int *ret_faults);
/* Run time in [from, to), up to now. */
int64_t device_truth_ms(const struct device *d, int64_t from, int64_t to, int64_t now);
/* What it counted since its last reset, and no reading has shown yet. */
int64_t device_unread_ms(const struct device *d, int64_t at);
/* Run time until the counter turns over. */
int64_t device_turns_in_ms(const struct device *d, int64_t at);
int64_t device_level_ms(const struct device *d, int64_t at); /* what its register shows in truth */
/* What the meter counted since the world began, with what resets wiped. */
int64_t device_counted_ms(const struct device *d, int64_t at);

#endif
