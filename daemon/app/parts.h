/*
 * parts.h - the ledger's own parts, shared by ledger.c (steps), inbox.c (what waits), turn.c (one transaction),
 * choose.c (what runs next), leases.c (interlock wishes) and streams.c (long answers). Nobody else includes it.
 */
#ifndef APP_PARTS_H
#define APP_PARTS_H

#include <stdatomic.h>

#include "app/clock.h"
#include "app/effects.h"
#include "app/ledger.h"
#include "app/timers.h"

#define TURN_METER 256          /* items of each lane that one turn takes            */
#define TURN_TIMERS 64
#define TURN_REQUESTS 256
#define TURN_OTHERS (TURN_REQUESTS / 8)
#define TURN_MAX (TURN_METER + TURN_TIMERS + TURN_REQUESTS + 8)
#define READS_A_STEP 64
#define COMPANY_MS 200          /* plain readings wait this long for company         */
#define PARK_MS 1000
#define RETRY_MS 100
#define ATTEMPTS 3
#define ASIDE_MAX 32
#define ASIDE_MS 60000          /* a timer set aside is tried again after this       */
#define LEASE_MS 30000
#define LEASE_RENEW_MS 8000
#define HEARTBEAT_MS 1000
#define KNOWN_SLOTS 256
#define KNOWN_MS 600000
#define TOUCH_MAX 32

enum item_kind { ITEM_READING, ITEM_LINK, ITEM_INTERLOCK, ITEM_REQUEST, ITEM_TIMER, ITEM_STREAM, ITEM_ALARM };

struct stream;
struct item {
	struct item *next;
	enum item_kind kind;
	struct stamp at;
	uint64_t order;              /* of arrival, for equal stamps                     */
	struct msg *m;               /* owned: READING, LINK, INTERLOCK, REQUEST         */
	char timer[32];
	int64_t ref, due_at;         /* TIMER                                            */
	struct stream *stream;       /* STREAM: borrowed                                 */
	char text[200];              /* ALARM                                            */
	int attempts;
	int64_t not_before;          /* boot ms                                          */
	bool edge;                   /* READING: starts a turn and is never replaced     */
	uint64_t ticket;             /* parked: the poll it waits for                    */
	int64_t deadline;            /* boot ms                                          */
	bool polled, unread;
	bool parked_now;             /* in this turn: keeps waiting, whatever its fate   */
	struct msg_reply *reply;     /* REQUEST: leaves after the commit                 */
	struct job *job;             /* ... and what is streamed after it                */
	bool failed;                 /* in this turn                                     */
	int class;                   /* ... and how (enum db_class); 0: with the whole turn */
};

struct lane { struct item *first, **last; int n; };

/* What the ledger remembers of an instrument between turns; nothing here is truth. */
struct unit {
	bool seen, moved;            /* last reading; did its counter move?              */
	struct lt_observation obs;
	int64_t boot_ms;
	struct item *plain;          /* queued reading that a further unchanged one replaces */
	bool lease_dirty;
	uint8_t desired;
	uint64_t epoch;
	int64_t lease_until;         /* BOOTTIME ms, of the last lease; 0: none was given */
};

struct known { char id[9]; int64_t boot_ms; };
/* What the clocks showed is not in the store yet: failures in a row (0: none), when it is tried again. */
struct clock_retry { int failed; int64_t not_before, wait_ms; };

struct aside { char kind[32]; int64_t ref, until; };

struct ledger {
	struct ledger_options o;
	const struct site *site;
	struct unit *units;          /* same index as site->instruments                  */
	struct lane meter, known, others, reads, parked, alarms, ended;
	struct msg *reload;
	bool stop, started, out_of_memory;
	atomic_bool read_only;
	int alone;                   /* this many further turns take one item            */
	int64_t plain_since;         /* boot ms of the oldest waiting plain reading; -1  */
	uint64_t order, tickets, epoch;
	int64_t leases_at;           /* boot ms of the last publication of all           */
	int64_t leases_again_at;     /* boot ms: a wish that could not be asked is asked again */
	int64_t numbers_at;          /* boot ms of the last MSG_TURN: also the heartbeat */
	int64_t checkpoint_at, checkpoint_us; /* boot ms of the last one; how long it took      */
	struct known lately[KNOWN_SLOTS];
	struct aside aside[ASIDE_MAX];
	int n_touch;
	char touch[TOUCH_MAX][9];
	struct stream *streams;
	int64_t next_due_at;
	struct clock_view clock;     /* as the last turn that was committed knew it            */
	int64_t clock_saved;         /* boot ms of its last writing                            */
	struct clock_retry clock_retry;
	struct stamp stepped;        /* the last step; wall_ms 0: none yet                     */
	struct interval away;        /* labels without a turn that are not written yet         */
	struct msg_turn numbers;     /* counters, copied into each MSG_TURN              */
};

/* inbox.c */
void lane_init(struct lane *l);
void lane_push(struct lane *l, struct item *it);
void lane_return(struct lane *l, struct item *it); /* to its place in the order of arrival */
struct item *lane_pop(struct lane *l);
void lane_remove(struct lane *l, struct item *it);
struct item *item_new(struct ledger *l, enum item_kind kind, struct stamp at);
struct item *item_free(struct item *it);
void inbox_take(struct ledger *l);
void inbox_accepted(struct ledger *l, const struct msg_request *m, struct stamp now);
struct unit *inbox_unit(struct ledger *l, const char *instrument); /* NULL: not ours */
int inbox_site(struct ledger *l, const struct site *next);         /* 0 or -1: no memory; keeps what is known */

/* turn.c */
int turn_run(struct ledger *l, struct item **items, int n, struct stamp now); /* 0 or < 0: exit */
void turn_effects(struct ledger *l, struct act *a);
void turn_act(struct ledger *l, struct act *a, struct effects *e, struct stamp now);
/* Asks the loop for a poll now. ticket 0: nobody waits for its answer. */
void turn_poll(struct ledger *l, const char *instrument, uint64_t ticket, bool urgent, struct stamp now);
struct msg_reply *reply_new(struct ledger *l, const struct msg_request *m, struct ledger_reply *r);
struct msg_reply *reply_busy(struct ledger *l, const struct msg_request *m);

/* choose.c */
int choose_turn(struct ledger *l, struct stamp now, struct item *ret[TURN_MAX]); /* how many */
bool timer_waits(const struct ledger *l, const char *kind, int64_t ref, int64_t boot_ms); /* parked or set aside */
struct stmt *timers_by_due(struct ledger *l, struct stamp now);

/* ledger_clock.c */
int clock_watch(struct ledger *l, struct stamp now);    /* 0, or < 0: a commit is in doubt                  */
int clock_start(struct ledger *l, struct act *a);       /* in the first transaction                         */
/* Writes in a turn, once a minute, what the clocks show: true. A failure is sticky. Once the turn is committed, and not
 * before, it counts as written. */
bool clock_record(struct ledger *l, struct stamp now);
void clock_recorded(struct ledger *l, struct stamp now);
bool timers_wait(const struct ledger *l, int64_t boot_ms); /* those that take something do                  */

/* leases.c */
void leases_publish(struct ledger *l, struct stamp now);

/* streams.c */
void stream_start(struct ledger *l, struct conn_ref conn, struct job *job);
void stream_credit(struct ledger *l, struct conn_ref conn);
void stream_gone(struct ledger *l, struct conn_ref conn);
bool streams_slice(struct ledger *l);            /* true: a stream has more to do       */
bool streams_ready(const struct ledger *l);
int stream_finish(struct act *a, struct stream *s);
void stream_end(struct ledger *l, struct stream *s, bool ok);
void streams_cancel(struct ledger *l);

/* idem.c */
int idem_store(struct act *a, const struct msg_request *m, const struct ledger_reply *r);

#endif
