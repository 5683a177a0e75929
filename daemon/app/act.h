/*
 * act.h - what a use case is given: the open transaction, the site, its stamp, who asks, and where to leave effects.
 *
 * A use case is a function int name(struct act *a, ...) that runs inside the item's savepoint. It returns
 *   0            done: its writes stay
 *   ACT_REFUSED  the world's fault: a->refusal says why, the savepoint is rolled back, the answer is kept
 *   ACT_PARKED   nothing was written; run again when the forced poll answered (a->polled / a->unread)
 *   < 0          an enum db_class: the item failed and is retried or set aside by the turn
 * Effects (polls, leases, wake-ups) happen after the commit. Statement errors are sticky (store/db.h): end a use
 * case with `return act_end(a);`, which is 0 or the sticky class.
 */
#ifndef APP_ACT_H
#define APP_ACT_H

#include "common/err.h"
#include "core/facts.h"
#include "core/role.h"
#include "core/rules.h"
#include "core/site.h"
#include "msg/msg.h"
#include "store/db.h"
#include "store/event.h"

enum { ACT_REFUSED = 1, ACT_PARKED = 2 };

struct principal {
	enum role role;
	char user[LT_ID];        /* "" for a local administrator (Unix socket) and for the system        */
	char org[LT_ID];         /* "" likewise                                                          */
	char actor[48];          /* what records say: "alice", "uid:0", "timer", "meter", "config"       */
	char scope[48];          /* of idempotency keys: "t:<public id>" or "u:<uid>"                    */
};

/* Why a request was refused, for app -> api. rules: what the rule engine said (core/rules.h). */
struct refusal {
	int status;              /* 403 404 409 412 422                                                  */
	struct lt_err err;         /* err.text "": the sentence is made from err.code and facts            */
	struct facts facts;
	struct verdict rules;    /* n == 0 when the refusal is not the rules'                            */
	int n_conflicts;         /* what occupies the slot, without who (times only)                     */
	struct { int64_t from, to; } conflicts[8];
	int n_suggestions;       /* starts that would be accepted for the same length                    */
	struct { char instrument[LT_ID]; int64_t from, to; } suggestions[5];
};

struct ledger;
struct effects;                  /* collected by the turn (app/turn.c)                                   */

struct act {
	struct db *db;
	const struct site *site;
	struct stamp now;        /* the item's stamp: `now` of every rule                                */
	const char *boot_id;
	struct principal who;
	bool dry_run;            /* rules run, the savepoint is rolled back whatever happens             */
	bool person;             /* somebody asked for this and waits: a backoff is no reason not to look     */
	bool polled;             /* resumed after a park: the device answered the forced poll            */
	bool unread;             /* after act_park: the meter has no good reading since. The device did not
	                          * answer in time, or said what the meter doubts                        */
	struct refusal refusal;
	struct effects *effects;
	struct ledger *ledger;   /* whose turn it is (app/ledger.h); NULL where none runs                */
};

int act_end(struct act *a);
/* Fills a->refusal; returns ACT_REFUSED. code: kebab-case and stable; text says what and the cure. */
int act_refuse(struct act *a, int status, const char *code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The same with a code whose sentence daemon/api/words.c makes from the facts. */
int act_refuse_facts(struct act *a, int status, const char *code, const char *field, const struct facts *facts);
/* Asks the loop for a forced poll of the instrument; returns ACT_PARKED. With a->polled or a->unread set it returns 0
 * at once; so it does, setting a->unread, without a controller, or with one that is down and no person waiting. An
 * answer that the meter did not take as a reading sets a->unread as well. */
int act_park(struct act *a, const char *instrument);
/* After act_park: is it not known what the instrument does now? Never of one without a meter. */
bool act_blind(const struct act *a, const char *instrument);
/*
 * A poll without waiting (a suspect value is read again; a person looks at a controller that is down). False: there are
 * as many as one act may ask for, and this one is left out.
 */
bool act_poll(struct act *a, const char *instrument);
/* The interlock wish of this instrument may have changed: the lease is computed again and published after commit. */
void act_lease(struct act *a, const char *instrument);

/* Next id of a series ("booking", "session", "charge", "block", "review", "reading", "usage", "txn", ...). */
int64_t act_id(struct act *a, const char *series);
/* Arms (or moves) the timer (kind, ref); kinds are in app/timers.c's table. due_at: wall ms. */
void act_timer(struct act *a, const char *kind, int64_t ref, int64_t due_at);
void act_timer_clear(struct act *a, const char *kind, int64_t ref);

/* For people: a row of event (store/event.h). */
void act_event(struct act *a, const struct event_row *e);
void act_audit(struct act *a, const char *act, const char *object, const char *before, const char *after,
	       const char *reason);

bool act_is_staff(const struct act *a);      /* manager, finance or admin: sees every org */

#endif
