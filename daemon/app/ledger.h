/*
 * ledger.h - the ledger thread: takes messages, makes turns, answers after the commit.
 *
 * Everything outside is in the options, so that a test drives the same code in virtual time: push messages on `in`,
 * call ledger_step, read `out`. In the daemon ledger_run does that on its own thread until MSG_STOP.
 */
#ifndef APP_LEDGER_H
#define APP_LEDGER_H

#include "app/act.h"
#include "app/job.h"
#include "core/interval.h"
#include "msg/msg.h"

/* What the API room answers; the ledger turns it into a struct msg_reply after the commit. */
struct ledger_reply {
	int status;
	const char *content_type;
	char etag[32], location[96], filename[64];
	int retry_after_s;
	char *body;                   /* owned; malloc                                                    */
	size_t body_size;
	struct job *job;              /* streamed after body; owned                                       */
	bool keep;                    /* the idempotency row is written (2xx 409 412 422 of a POST)       */
	char *kept;                   /* owned: what that row keeps instead of body (a secret shown once)    */
	bool replayed;                /* the answer of an earlier request with the same key               */
};

/*
 * What the turn calls for each kind of item. `ledger_ports` (app/ports.c) are the real ones; tests of the turn give
 * their own.
 */
struct timer_kind;
struct clock_view;
struct ledger_ports {
	int (*reading)(struct act *a, const struct msg_reading *m);
	int (*link)(struct act *a, const struct msg_link *m);
	int (*interlock)(struct act *a, const struct msg_interlock *m);
	int (*recover)(struct act *a);
	int (*desired)(struct act *a, const char *instrument, enum lt_lock *ret);
	const struct timer_kind *(*timer)(const char *name);
	const char *(*timers_taking)(void); /* ",name,name,": the kinds that wait for the clock                  */
	int (*clock)(struct act *a, struct clock_view *v); /* the wall clock was set, or nothing is known of it  */
	int (*unwatched)(struct act *a, struct interval labels); /* the ledger had no turn meanwhile             */
};
extern const struct ledger_ports ledger_ports;

struct ledger_options {
	struct db *db;
	const struct site *site;      /* borrowed until a MSG_RELOAD gives another                        */
	const char *boot_id;
	struct queue *in, *out;
	/* Runs one request: fills ret, returns as a use case does (act.h). */
	int (*request)(struct act *a, const struct msg_request *m, struct ledger_reply *ret);
	bool (*is_read)(const struct msg_request *m);
	/* Gives the site its parts in the store, at the start and at a reload; refuses with *err. */
	int (*reload)(struct act *a, const struct site *next, struct lt_err *err);
	int64_t (*clock_us)(void);    /* for commit_us only                                               */
	int64_t (*cpu_us)(void);      /* CPU time of the ledger thread; may be NULL                       */
	int turn_items;               /* at most so many items a turn; 0: as many as lanes allow (benches) */
	const char *service_version;
	const struct ledger_ports *ports; /* &ledger_ports                                                */
};

struct ledger;
/* Until when the interlock's last lease holds, wall ms; 0: it has none, or it has lapsed. */
int64_t lease_valid_until(const struct act *a, const char *instrument);
struct ledger *ledger_new(const struct ledger_options *o, struct lt_err *err);
struct ledger *ledger_free(struct ledger *l);

/*
 * Takes what is queued and runs: one turn (if anything must write), then reads and slices of jobs. now orders timers:
 * those due at or before now->wall_ms become items. Returns 0, 1 after MSG_STOP was honoured, or < 0 when the
 * process must exit non-zero and recover (a COMMIT failed); a MSG_FATAL was pushed then.
 */
int ledger_step(struct ledger *l, struct stamp now);
int ledger_run(struct ledger *l, struct stamp (*now)(void));
/* How long ledger_step has nothing to do unless a message comes; 0: step again at once. */
int64_t ledger_idle_ms(const struct ledger *l, struct stamp now);
/* From any thread: a check found the store damaged. Nothing is written any more; reads are answered. */
void ledger_set_read_only(struct ledger *l);
bool ledger_is_read_only(const struct ledger *l);

#endif
