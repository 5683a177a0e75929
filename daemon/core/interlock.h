/*
 * interlock.h - one reconciling step of an interlock: what is wished, what the device says, what to do now.
 *
 * Pure. The poller (loop thread) owns a struct interlock per instrument, calls interlock_step() after every poll and
 * after every direct read of the run bit, and carries out the one action it gets back. Instants: BOOTTIME ms.
 *
 *   lease valid     desired is what the ledger asked for
 *   lease lapsed    desired is what `fail` says: locked, or as it is; the watchdog is no longer fed
 *   lock            only after a *direct* read of the run bit said "not running"; unknown counts as running;
 *                   hard_stop (policy) locks anyway
 *   unlock          only on a lease that arrived after the link came up: an old enable is never replayed
 *   state           what was read back, never what was written (I9)
 */
#ifndef CORE_INTERLOCK_H
#define CORE_INTERLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "labtime/driver.h"

enum interlock_run { RUN_UNKNOWN = 0, RUN_OFF, RUN_ON };
enum interlock_action {
	INTERLOCK_REST = 0,     /* nothing to write                                                      */
	INTERLOCK_READ_RUN,     /* read the run bit now, directly, then step again with run_direct set    */
	INTERLOCK_WRITE_LOCK,   /* write, check the echo, call interlock_wrote(), read back              */
	INTERLOCK_WRITE_UNLOCK,
};

/* From the configuration; constant between reloads. */
struct interlock_rules {
	bool gates_power;        /* a power relay: the watchdog is never fed, fail is as-is              */
	bool fail_locked;        /* a lapsed lease asks for locked (never with gates_power)              */
	bool hard_stop;          /* locking may cut a run                                                */
	bool has_watchdog;
	int64_t verify_ms;       /* a write must be read back within this                                */
};

/* What the step remembers. Zeroed: nothing is known. */
struct interlock {
	enum lt_lock lock;       /* the last read-back; UNKNOWN after a disconnect or a write not confirmed in time */
	enum lt_lock pending;    /* written and not yet read back                                        */
	int64_t verify_until;
	enum lt_lock verified;   /* the state that was once read back as wished; for drift               */
};

/* What is known at this step. */
struct interlock_view {
	int64_t now;
	enum lt_lock desired;    /* of the last lease; UNKNOWN: there was none yet                       */
	int64_t lease_at;        /* when that lease arrived                                              */
	int64_t valid_until;     /* it holds while now < valid_until                                     */
	int64_t up_since;        /* when the link last came up                                           */
	enum lt_lock read_back;  /* of this poll; UNKNOWN: the poll did not say                          */
	enum interlock_run run;
	bool run_direct;         /* run was read by itself for this step; read_back is then still the poll's */
};

struct interlock_result {
	enum interlock_action action;
	bool feed;               /* feed the watchdog now                                                */
	bool changed;            /* state->lock changed: tell the ledger                                 */
	bool drift;              /* the device left a verified state by itself: alarm                    */
	const char *why;         /* static text, "" when there is nothing to say                         */
};

void interlock_step(struct interlock *s, const struct interlock_rules *r, const struct interlock_view *v,
		    struct interlock_result *ret);
/* The write of an action ended. ok: its echo was right. Starts the wait for the read-back. */
void interlock_wrote(struct interlock *s, const struct interlock_rules *r, enum lt_lock what, bool ok, int64_t now);
/* The link is down: nothing is known any more, nothing is pending. True: the lock state changed (it was known). */
bool interlock_lost(struct interlock *s);
/* A planned stop: the lease ends now; what `fail` says holds for all further steps. */
void interlock_lapse(struct interlock_view *v);

#endif
