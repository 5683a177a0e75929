/*
 * meter.h - the classifier: what a reading of a meter proves, in milliseconds that may be billed (METERING.md).
 *
 * Pure. A struct meter is everything that must survive between two readings; the store keeps it as the bytes of
 * meter_encode(). All elapsed time runs on the meter's own axis `t`: the sum of the intervals between readings,
 * taken from BOOTTIME, or from the wall clock (clamped, flagged) across a reboot of our machine.
 */
#ifndef CORE_METER_H
#define CORE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/site.h"
#include "labtime/driver.h"

#define METER_BLOB 1024           /* meter_encode writes at most this much                                */
#define METER_BOOT_ID 40
#define METER_REREADS 3           /* a suspect value is confirmed by at least so many further readings     */
#define METER_COARSE_MS 10000     /* a count worth more gives no edges                                     */
#define METER_LEVELS 4            /* levels that were left and are remembered                              */
#define METER_LEVEL_MS LT_DAY     /* ... for so long                                                       */
#define METER_OWN_MS (10 * LT_MINUTE) /* a level that began at a restart and counted so much is the meter's own */

enum meter_class {
	METER_FIRST,      /* the baseline: bills 0                                                        */
	METER_NORMAL, METER_WRAP, METER_AMBIGUOUS,
	METER_OUTLIER,    /* a suspect value was discarded; this reading is good against the old level      */
	METER_RESET,
	METER_SWAP,       /* another device answers, or the meter is defined otherwise: a new baseline     */
	METER_MANUAL,
	METER_SUSPECT,    /* nothing decided, nothing billed; read it again                                 */
	METER_STALE,      /* older than what is known: ignored                                              */
	METER_RETURN,     /* the register is back at a level that it had left: only what lies above counts  */
	METER_CLASSES
};
enum meter_phase { METER_NEW, METER_LIVE, METER_IN_DOUBT };

/* A point on the axis from which a sum is bounded. */
struct meter_anchor { int64_t t, ext_ms; int32_t rtt_ms; };
enum { ANCHOR_FIRST, ANCHOR_SESSION, ANCHOR_HOUR, ANCHOR_DAY, ANCHORS };

/* A level that has to go on by itself before it is believed. reads 0: there is none. */
struct meter_track { uint64_t raw; int64_t since_t, t; int32_t reads; };

/*
 * A level that was left, by a RESET (the new level is measured) or a MANUAL (the new level is held). It is remembered
 * because a controller that says 0 for a minute, or a register that drops by two, comes back.
 */
struct meter_left {
	enum meter_class by;
	bool down;                /* the new level was below this one                                      */
	bool near;                /* the newest one lies above, by a few counts more than was possible     */
	bool held;                /* it was left while something was held: that hold is older              */
	bool running;             /* when it was left                                                      */
	uint64_t raw, next;       /* its last value, and the first of the level that followed it           */
	int64_t sum_ms;           /* meter_sum_ms() then                                                   */
	int64_t t, wall_ms;       /* its last good reading                                                 */
	int32_t rtt_ms;
};

/* What the raw value means. kind METER_NONE: not known (bytes of before), so the next reading says it. */
struct meter_unit { enum meter_kind kind; uint32_t count_ms; uint64_t modulus; };

struct meter {
	enum meter_phase phase;
	struct meter_unit unit;   /* of raw: a profile may be changed between two readings                 */
	uint64_t raw;             /* R0: the last good raw value; a state meter: its own count of ms       */
	int64_t ext_ms;           /* E, from 0 at the first reading; never decreases                       */
	int64_t t;                /* the axis at the last good reading                                     */
	int64_t boot_ms, wall_ms; /* its stamp                                                             */
	bool carried;             /* boot_ms and boot_id are those of a later, doubtful reading: the first  */
	int64_t carried_ms;       /* after our machine restarted, so long by the wall after the good one    */
	int32_t rtt_ms;
	char boot_id[METER_BOOT_ID];
	bool running;             /* at the last good reading                                              */
	bool faulty;
	bool lost;                /* readings are known to be missing since (restart): the next ends a gap */
	int64_t changed_t;        /* the axis when the counter last moved (run bit derived from it)        */
	int64_t credit_ms;        /* coarse counters: on-time not yet covered by a count, + one poll       */
	uint64_t boots, uptime_s;
	bool have_boots, have_uptime;
	char serial[33];
	struct meter_anchor anchor[ANCHORS];
	struct meter_track doubt; /* while in doubt: the new level that tries to confirm itself            */
	struct meter_track back;  /* and the old one, where a silence leaves it much room                  */
	char doubt_serial[33];
	struct meter_left left[METER_LEVELS]; /* oldest first                                              */
	int32_t n_left;
	bool holding;             /* since a MANUAL: what the register adds is held, not measured          */
	int64_t held_ms;
	int64_t held_t, held_wall_ms; /* since here                                                        */
	enum meter_class last;    /* class of the last reading, for people                                 */
};

struct meter_sample {
	struct lt_observation obs;
	int64_t boot_ms, wall_ms;
	int32_t rtt_ms;
	const char *boot_id;
	bool unsteady;            /* the wall clock jumped lately: a further step of a second is a gap too */
};

/* What the reading proved. */
struct meter_verdict {
	enum meter_class class;
	bool accepted;            /* the state moved on to this reading: what follows holds                */
	bool gap;                 /* longer than gap_ms since the last good reading, or a restart between   */
	bool by_wall;             /* elapsed by the wall clock                                             */
	bool clock;               /* the wall clock jumped forward: a gap; elapsed is the larger difference */
	bool back;                /* the clock was set back: the label shows less time than went by        */
	bool audit;               /* people should find it in the record (wrap, outlier, reset, ...)       */
	bool review;              /* a person must look (ambiguous, swap, manual)                          */
	bool redefined;           /* SWAP: the configuration says another kind, count or modulus           */
	bool was_running, running;
	bool was_faulty, faulty;
	int64_t lead_ms;          /* the label `at` stands so far ahead of the wall clock, which was set back  */
	int64_t from_wall, at;    /* the interval on the wall clock; labels never go back                  */
	int64_t elapsed_ms;
	int64_t added_ms;         /* E grew by this                                                        */
	int64_t fresh_held_ms;    /* what this interval added to what is held                              */
	int64_t quantised_ms;     /* of what this interval added (measured or held), what no run explains  */
	int64_t estimated_ms;     /* RESET: at most this much is missing besides                           */
	int64_t held_ms;          /* what is held after this reading (review item meter_manual)            */
	/* of added_ms: it lies anywhere in [left_wall, at], as a return shows it or as it was held until now */
	int64_t late_ms;
	int64_t late_held_ms;     /* RETURN to a level within a hold: so much above it is held             */
	int64_t excess_ms;        /* RETURN: the false level had added so much too much: to be taken back  */
	int64_t left_wall;        /* when the level was left that is back, or the hold began that is over  */
	int64_t left_t;           /* the same on the meter's axis, which goes on while labels stand still  */
	uint64_t left_raw;
	bool left_running;
	bool released;            /* a hold ended: its day is over, or another device answers              */
	int64_t slack_ms;         /* of this interval                                                      */
	int64_t lag_ms;           /* the counter may trail the run bit by this much                        */
	int64_t reread_ms;        /* SUSPECT: read again in this time                                      */
	uint64_t raw_from, raw;
};

void meter_init(struct meter *m);
/* gap_ms: the policy's, > 0. Updates *m and fills *ret. */
void meter_read(struct meter *m, const struct meter_def *def, int64_t gap_ms, const struct meter_sample *s,
		struct meter_verdict *ret);
/* A session begins here: its own budget starts, on-time of others no longer counts for it. */
void meter_session_starts(struct meter *m, const struct meter_def *def);
/* A person says that the level after a MANUAL is the meter's own ("new meter"): what is held is measured from now on,
 * old levels are forgotten. *ret has late_ms, left_wall, left_raw. False: nothing is held. */
bool meter_accept_level(struct meter *m, struct meter_verdict *ret);
/* E and what is held besides. */
int64_t meter_sum_ms(const struct meter *m);
/* max(30 s, 10 polls) where the policy says 0. */
int64_t meter_gap_ms(const struct meter_def *def, int64_t policy_gap_ms);
bool meter_is_coarse(const struct meter_def *def);
const char *meter_class_name(enum meter_class c);
const char *meter_phase_name(enum meter_phase p);

/* Canonical bytes, versioned: equal states have equal bytes. Returns the size. */
size_t meter_encode(const struct meter *m, uint8_t dst[METER_BLOB]);
/* False: not ours (short, another version, a value out of range); *ret is then untouched. */
bool meter_decode(struct meter *ret, const void *data, size_t size);

#endif
