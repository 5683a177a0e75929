/*
 * private.h - the poller's inside: endpoints, their devices, and the one operation under way at each.
 * poller.c owns the lists; engine.c polls and reconciles; line.c says whose turn it is, by
 * schedule.c; tell.c speaks with the ledger; metrics.c counts.
 */
#ifndef DRIVERS_MODBUS_PRIVATE_H
#define DRIVERS_MODBUS_PRIVATE_H

#include "core/interlock.h"
#include "drivers/modbus/link.h"
#include "drivers/modbus/poller.h"
#include "drivers/modbus/schedule.h"

#define TICKETS 16               /* forced polls that wait for one device */
#define LATE_BUCKETS 12
#define LATE_RING 4096

/* from_poll: the first poll that answers it, one that began after it came. */
struct ticket { uint64_t id; int64_t deadline; uint64_t from_poll; };

enum operation { OP_NONE, OP_POLL, OP_DIRECT, OP_WRITE, OP_FEED };

struct device {
	struct poll_target target;       /* strings point into this struct */
	char instrument[MSG_ID], host[64];
	struct lt_profile_info info;
	void *state;
	int n_requests;
	struct modbus_request *requests;
	struct endpoint *endpoint;
	struct device *next;             /* of the endpoint */
	/* schedule; BOOTTIME ms */
	struct deadlines at;
	int64_t phase, asked;            /* asked: when its last poll began                                  */
	bool on_tick;                    /* at.poll is a tick of the schedule                                */
	uint64_t polls;                  /* started */
	struct ticket tickets[TICKETS];
	int n_tickets;
	/* health */
	bool up, told;                   /* told: the ledger knows which */
	char why[120];                   /* why it is down, as the ledger knows it                           */
	int64_t why_again;               /* another reason is not told before this                           */
	int64_t probe_ms;                /* how long it may take while it fails; 0: as its answers take (rto) */
	int64_t asked_long;              /* BOOTTIME ms: its last turn of line_long_turn() */
	int failures, retries;           /* of the unit: in a row, on a line that took the connection        */
	bool late;                       /* its last reply came after its timeout: it gets all the time it may */
	int64_t up_since, rto, srtt;
	/* what the ledger was told last */
	bool seen, moved;
	struct lt_observation last;
	/* interlock */
	struct interlock lock;
	enum lt_lock desired;
	int64_t lease_at, valid_until, created;
	int lost_writes;                 /* to its relay or watchdog, in a row; each is tried again */
	bool stopping, stopped;
	int stop_polls;
};

struct endpoint {
	struct poller *p;
	struct endpoint *next;
	char host[64];
	uint16_t port;
	struct link *link;
	struct loop_timer *timer;
	struct device *devices, *active;
	enum operation op;
	int index;                       /* request of the plan */
	enum lt_lock writing;
	int64_t op_started;
	bool op_forced;                  /* somebody waits for this poll                                     */
	bool looked;                     /* somebody looked for a fault since this poll began                */
	bool cut;                        /* the last connection did not come about                           */
	int64_t failed_at;               /* BOOTTIME ms: a connection last did not come about               */
	int64_t share;                   /* BOOTTIME ms: no silent unit is asked before this                 */
	int64_t long_at;                 /* BOOTTIME ms: none of several silent units is asked for long before this */
	struct lt_observation obs;
};

struct poller {
	struct poller_options o;
	struct endpoint *endpoints;
	int n;
	struct device **devices;         /* sorted by instrument */
	uint64_t random;
	struct reserve reserve;
	bool stopping;
	/* numbers */
	uint64_t polls_good, polls_failed, polls_cancelled;
	uint64_t forced, unread, impossible, writes, writes_failed, drifts, feeds;
	uint64_t retired[LINK_RESULTS], retired_connects, retired_strays;
	uint64_t late_count[LATE_BUCKETS], late_total, late_sum_us;
	uint32_t late_ring[LATE_RING];   /* us */
	uint64_t late_n;
};

/* engine.c */
void engine_begin_poll(struct device *d);      /* the line must be free */
void engine_lease(struct device *d, const struct lease *l);
void engine_stop(struct device *d);
/* about to be freed: answers its tickets unread, cancels its operation */
void engine_forget(struct device *d);

/* line.c */
void line_kick(struct endpoint *e);            /* something may be due: start it or arm the timer */
void line_timer(void *endpoint);
/*
 * A forced poll. urgent: it ends a backoff; otherwise a device in backoff is unread at once. Id 0: nobody waits, so it
 * has no answer of its own, and a device that is down keeps its turn.
 */
void line_ticket(struct device *d, const struct ticket *t, bool urgent);
void line_late(void *endpoint, uint8_t unit, int64_t rtt_ms);   /* signature of link_late */
bool line_failing(const struct device *d);     /* SCHEDULE_DOWN polls in a row failed, by the unit's own fault */
bool line_backing_off(const struct device *d, int64_t now);
bool line_has_company(const struct device *d); /* another unit of the line answers */
bool line_alone(const struct device *d);       /* the line has no other unit */
bool line_long_turn(struct device *d, int64_t now); /* true: it has had its turn now */
void line_ask_again(struct device *d, int64_t now); /* ends its wait, keeps its turn */
void line_force(struct device *d, int64_t now);
void line_on_schedule(struct device *d, int64_t now);
void line_back_off(struct device *d, int64_t now);
void line_hurry(struct endpoint *e, bool failed_only, int64_t now);

/* tell.c */
void tell_reading(struct device *d, uint64_t ticket, uint32_t flags, const struct lt_observation *obs, int64_t rtt);
void tell_up(struct device *d);
void tell_down(struct device *d, const char *why);   /* only what the ledger does not know yet */
void tell_lock(struct device *d, bool drift, const char *why);
/* False: there are too many already. */
bool ticket_add(struct device *d, const struct ticket *t);
void ticket_unread(struct device *d, uint64_t id);   /* answers one that was not added */
void tickets_expire(struct device *d, int64_t now);
void tickets_unread(struct device *d, uint64_t poll); /* those that this poll should have answered */
bool tickets_answer(struct device *d, const struct lt_observation *obs, int64_t rtt); /* true: there was one */
int64_t tickets_deadline(const struct device *d);    /* the earliest; SCHEDULE_NEVER: there are none */

/* poller.c */
uint64_t poller_random(struct poller *p);

/* metrics.c */
void metrics_late(struct poller *p, int64_t us);
uint32_t metrics_late_p99(const struct poller *p);

#endif
