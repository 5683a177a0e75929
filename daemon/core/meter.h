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

#define METER_BLOB 512            /* meter_encode writes at most this much                                */
#define METER_BOOT_ID 40
#define METER_REREADS 3           /* a suspect value is confirmed by at least so many further readings     */
#define METER_COARSE_MS 10000     /* a count worth more gives no edges                                     */

enum meter_class {
	METER_FIRST,      /* the baseline: bills 0                                                        */
	METER_NORMAL, METER_WRAP, METER_AMBIGUOUS,
	METER_OUTLIER,    /* a suspect value was discarded; this reading is good against the old level      */
	METER_RESET, METER_SWAP, METER_MANUAL,
	METER_SUSPECT,    /* nothing decided, nothing billed; read it again                                 */
	METER_STALE,      /* older than what is known: ignored                                              */
	METER_CLASSES
};
enum meter_phase { METER_NEW, METER_LIVE, METER_IN_DOUBT };

/* A point on the axis from which a sum is bounded. */
struct meter_anchor { int64_t t, ext_ms; int32_t rtt_ms; };
enum { ANCHOR_FIRST, ANCHOR_SESSION, ANCHOR_HOUR, ANCHOR_DAY, ANCHORS };

/* A level that has to go on by itself before it is believed. reads 0: there is none. */
struct meter_track { uint64_t raw; int64_t since_t, t; int32_t reads; };

struct meter {
	enum meter_phase phase;
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
	bool was_running, running;
	bool was_faulty;
	int64_t from_wall, at;    /* the interval on the wall clock; labels never go back                  */
	int64_t elapsed_ms;
	int64_t added_ms;         /* E grew by this                                                        */
	int64_t quantised_ms;     /* part of added_ms that no run explains: nobody's                       */
	int64_t estimated_ms;     /* RESET: at most this much is missing besides                           */
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
