/*
 * msg.h - the plain structs that cross between the loop thread and the ledger thread.
 *
 * A message is one heap object owned by whoever holds it; pushing it on a queue gives it away. Messages name
 * connections by slot and generation and instruments by id; the one pointer that crosses is the immutable site
 * of a reload. Every message into the ledger is stamped by the loop when it was complete.
 */
#ifndef MSG_MSG_H
#define MSG_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/token.h"
#include "labtime/driver.h"

#define MSG_ID 33
#define IDEM_KEY_MAX 128
#define REQUEST_BODY_MAX 65536

/* BOOTTIME orders, wall time labels. Milliseconds. */
struct stamp { int64_t boot_ms, wall_ms; };

/* generation changes each time a slot is used again, so that a late reply finds nobody. */
struct conn_ref { uint32_t slot, generation; };

enum msg_kind {
	/* into the ledger */
	MSG_REQUEST, MSG_READING, MSG_LINK, MSG_INTERLOCK, MSG_TICK, MSG_CREDIT, MSG_GONE, MSG_RELOAD, MSG_STOP,
	/* out of the ledger */
	MSG_REPLY, MSG_CHUNK, MSG_POLL, MSG_LEASES, MSG_TURN, MSG_RELOADED, MSG_FATAL, MSG_STOPPED,
};

struct msg { struct msg *next; enum msg_kind kind; struct stamp at; };

enum method { METHOD_GET, METHOD_POST, METHOD_PATCH, METHOD_DELETE };
enum peer_kind { PEER_UNIX, PEER_TLS };
struct peer { enum peer_kind kind; uint32_t uid; /* PEER_UNIX only */ };

struct msg_request {
	struct msg head;
	struct conn_ref conn;
	enum method method;
	struct peer peer;
	bool has_token;               /* shape and checksum were good; the ledger looks it up            */
	struct lt_token token;
	char idempotency_key[IDEM_KEY_MAX + 1]; /* "" when absent                                         */
	char if_match[64];            /* without quotes; "" when absent                                   */
	char *path;                   /* decoded, starts with "/v1/" or "/"; owned                        */
	char *query;                  /* raw, may be NULL; owned                                          */
	char *body;                   /* may be NULL; owned                                               */
	size_t body_size;
	/* Set by the ledger while a request waits for a forced poll (park) and comes back. */
	uint64_t ticket;
	bool unread;                  /* the forced poll failed or its deadline passed                    */
	uint8_t attempts;
};

enum { READING_FORCED = 1, READING_UNREAD = 2 /* forced poll that failed: obs is empty */ };

struct msg_reading {
	struct msg head;
	char instrument[MSG_ID];
	uint64_t ticket;              /* of the MSG_POLL it answers, or 0                                 */
	uint32_t flags;
	uint32_t rtt_ms;
	bool plain;                   /* says nothing new: it may wait for the ledger's next tick         */
	struct lt_observation obs;
};

/* Does `now` say something new after `was`, besides a counter that moves (or rests) as it did? */
bool msg_observation_news(const struct lt_observation *was, bool was_moving, const struct lt_observation *now);

struct msg_link {                     /* the controller became reachable, or stopped being so             */
	struct msg head;
	char instrument[MSG_ID];
	bool up;
	char why[120];
};

struct msg_interlock {                /* what the read-back says after reconciling                        */
	struct msg head;
	char instrument[MSG_ID];
	uint8_t lock;                 /* enum lt_lock                                                     */
	bool drift;                   /* the device left the state that we had verified                   */
	char why[120];
};

struct site;
struct msg_reload { struct msg head; struct site *site; };  /* the ledger takes the reference              */
struct msg_conn { struct msg head; struct conn_ref conn; }; /* MSG_CREDIT, MSG_GONE                        */

struct msg_reply {
	struct msg head;
	struct conn_ref conn;
	int status;
	const char *content_type;     /* static string                                                    */
	char etag[32];                /* without quotes; "" none                                          */
	char location[96];
	char filename[64];            /* Content-Disposition; "" none                                     */
	int retry_after_s;            /* 0 none                                                           */
	bool streamed;                /* chunks follow, one per credit; body is the first slice           */
	bool replayed;                /* Idempotency-Replayed: true                                       */
	char *body;                   /* owned                                                            */
	size_t body_size;
};

struct msg_chunk { struct msg head; struct conn_ref conn; char *body; size_t body_size; bool last, failed; };

/* Poll this instrument now, outside its schedule. ticket 0: nobody waits for the answer. */
struct msg_poll {
	struct msg head;
	char instrument[MSG_ID];
	uint64_t ticket;
	int64_t deadline_boot_ms;     /* when its ticket is unread; ticket 0 has none                         */
	bool urgent;                  /* a person asks: it ends a backoff of the controller or its line       */
};

struct lease {
	char instrument[MSG_ID];
	uint8_t desired;              /* enum lt_lock: LOCKED or UNLOCKED                                 */
	uint64_t epoch;               /* of the decision; grows                                           */
	int64_t valid_until_boot_ms;  /* <= now + 30 s; afterwards the fail mode applies                  */
};
struct msg_leases { struct msg head; int n; struct lease *leases; };

/* After each turn: what the loop needs for its timer, health page and metrics. */
struct msg_turn {
	struct msg head;
	int64_t next_due_at;          /* wall ms of the earliest timer, INT64_MAX none                    */
	bool ready, read_only;
	uint64_t turns, items, commits, failed_turns, set_aside, readings;
	int64_t commit_us;            /* of this turn, 0 when none                                        */
	int64_t cpu_us;               /* the ledger thread so far                                         */
};

struct msg_reloaded { struct msg head; bool ok; struct lt_err err; struct site *site; };
struct msg_fatal { struct msg head; char why[160]; };

void *msg_new(enum msg_kind kind, size_t size); /* zeroed; NULL when out of memory */
struct msg *msg_free(struct msg *m);            /* frees owned members; NULL ok; returns NULL */

/*
 * queue.h part: an unbounded-by-itself, thread-safe FIFO with a wake-up. Bounds are kept by admission (net) and by
 * coalescing (readings); neither thread ever waits for the other's queue.
 */
struct queue;
struct queue *queue_new(void);
struct queue *queue_free(struct queue *q);      /* frees what is queued */
/* wake runs on the pusher's thread at the first queue_push since the last take; e.g. writes an eventfd. */
void queue_on_push(struct queue *q, void (*wake)(void *), void *arg);
void queue_push(struct queue *q, struct msg *m);
/* For what need not be dealt with at once: wakes nobody; it is taken with whatever comes next. */
void queue_push_quiet(struct queue *q, struct msg *m);
/* Takes all messages in order, as a list by ->next; NULL when empty. */
struct msg *queue_take(struct queue *q);
/* Blocks until there is a message; the loop's ticks see to it that this is never long. */
struct msg *queue_wait(struct queue *q);

/* Blocks until there is a message or the time is over; true when there is one. */
bool queue_ready(struct queue *q, int64_t timeout_ms);

#endif
