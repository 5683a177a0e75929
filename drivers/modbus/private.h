/*
 * private.h - the poller's inside: endpoints, their devices, and the one operation under way at each.
 * poller.c owns the lists and speaks with the ledger; engine.c polls and reconciles; metrics.c counts.
 */
#ifndef DRIVERS_MODBUS_PRIVATE_H
#define DRIVERS_MODBUS_PRIVATE_H

#include "core/interlock.h"
#include "drivers/modbus/link.h"
#include "drivers/modbus/poller.h"

#define TICKETS 16               /* forced polls that wait for one device */
#define LATE_BUCKETS 12
#define LATE_RING 4096

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
	int64_t phase, due;
	bool scheduled;                  /* due is a tick of the schedule, not a hurry */
	uint64_t polls;                  /* started */
	struct ticket tickets[TICKETS];
	int n_tickets;
	/* health */
	bool up, told;                   /* told: the ledger knows which */
	int failures, retries;
	int64_t up_since, rto, srtt;
	/* what the ledger was told last */
	bool seen, moved;
	struct lt_observation last;
	/* interlock */
	struct interlock lock;
	enum lt_lock desired;
	int64_t lease_at, valid_until, created;
	int64_t lapse;                   /* due only because a lease would lapse then                    */
	bool stopping, stopped, complained;
	int stop_polls;
};

struct endpoint {
	struct poller *p;
	struct endpoint *next;
	char host[64];
	uint16_t port;
	struct link *link;
	struct loop_timer *timer;
	struct device *devices, *active, *last;
	enum operation op;
	int index;                       /* request of the plan */
	enum lt_lock writing;
	int64_t op_started;
	struct lt_observation obs;
};

struct poller {
	struct poller_options o;
	struct endpoint *endpoints;
	int n;
	struct device **devices;         /* sorted by instrument */
	uint64_t random;
	bool stopping;
	/* numbers */
	uint64_t polls_good, polls_failed, forced, unread, impossible, writes, drifts, feeds;
	uint64_t retired[LINK_RESULTS], retired_connects, retired_strays;
	uint64_t late_count[LATE_BUCKETS], late_total, late_sum_us;
	uint32_t late_ring[LATE_RING];   /* us */
	uint64_t late_n;
};

/* engine.c */
void engine_kick(struct endpoint *e);          /* something may be due: start it or arm the timer */
void engine_ticket(struct device *d, uint64_t id, int64_t deadline);
void engine_lease(struct device *d, const struct lease *l);
void engine_stop(struct device *d);
/* about to be freed: answers its tickets unread, cancels its operation */
void engine_forget(struct device *d);
void engine_timer(void *endpoint);
int64_t engine_next_tick(const struct device *d, int64_t now);

/* metrics.c */
void metrics_late(struct poller *p, int64_t us);
uint32_t metrics_late_p99(const struct poller *p);

#endif
