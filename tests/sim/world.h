/*
 * world.h - the simulated world: the real core, app, api and store(:memory:) in virtual time, with scripted devices,
 * lossy controllers, people who book, run, forget and retry, and a process that is killed at random points.
 *
 * One seed is one history: no sockets, no threads, no clock. world_run() plays it and checks the promises after every
 * step; the first violation ends it and is printed with the command that replays it.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdio.h>

#include "app/ledger.h"
#include "core/site.h"
#include "msg/msg.h"
#include "sim/device.h"
#include "sim/rng.h"
#include "store/db.h"

#define WORLD_INSTRUMENTS 4
#define WORLD_PEOPLE 8
#define WORLD_EVENTS 4096
#define WORLD_PENDING 64
#define WORLD_ACKED 8192

enum world_event_kind { EV_POLL, EV_FORCED, EV_TICK, EV_PERSON, EV_RETRY, EV_DEVICE, EV_FAULT, EV_CRASH, EV_CLOCK };

struct world_event {
	int64_t at;               /* true wall ms                                                        */
	uint64_t order;           /* ties in the order of making: the history is one                      */
	enum world_event_kind kind;
	int index;                /* instrument, person or pending request                                */
	uint64_t ticket;
	int64_t deadline;
};

struct person;
struct world;
/* An answer reached the person. body may be NULL. */
typedef void (*answer_fn)(struct world *w, struct person *p, int status, const char *body);

struct pending {                  /* a request that is not answered yet; retried with its key       */
	bool used;
	uint32_t generation;
	int person, tries;
	enum method method;
	char path[160], key[40], if_match[32];
	char *body;
	answer_fn answer;
};

enum person_state { PERSON_FREE, PERSON_BOOKED, PERSON_AT_WORK };

struct person {
	int index;
	char user[LT_ID], org[LT_ID];
	struct lt_token token;
	bool staff;
	enum person_state state;
	int instrument;
	int64_t booking, from, to; /* of the booking in hand                                              */
	int64_t version;
	int runs_left;
	bool waits;                /* for an answer                                                       */
};

struct acked { int64_t booking; char org[LT_ID]; };

struct world_device { struct device d; bool lease_unlocked; int64_t lease_until_boot; int silent_polls; bool link_up; uint8_t reported_lock; int64_t last_ext_ms; };

struct world_stats {
	int64_t steps, requests, answers, retries, bookings, refused, conflicts, crashes, readings, lost, lies, resets, charges,
		checks;
};

struct world {
	uint64_t seed;
	struct rng rng;
	FILE *trace;               /* --trace: one line a step; NULL                                      */
	uint64_t trace_hash;       /* over every answer and reading: same seed, same hash                 */
	struct db *db;
	struct site site;
	struct instrument instruments[WORLD_INSTRUMENTS];
	struct queue *in, *out;
	struct ledger *ledger;
	int64_t true_ms, start_ms, end_ms; /* the world's own clock                                       */
	int64_t wall_skew_ms;      /* of the daemon's wall clock (steps)                                  */
	int64_t boot_base_ms;      /* true_ms of boot 0                                                   */
	int64_t poll_ms, checked_hour;
	struct world_device devices[WORLD_INSTRUMENTS];
	struct person people[WORLD_PEOPLE];
	struct pending pending[WORLD_PENDING];
	int n_events;
	struct world_event events[WORLD_EVENTS];
	uint64_t event_order;
	int64_t tick_at;           /* the timer tick already in the heap                                  */
	int n_acked;
	struct acked acked[WORLD_ACKED];
	struct world_stats stats;
	char violation[512];       /* "" while all promises hold                                          */
};

struct world *world_new(uint64_t seed, int days, FILE *trace);
struct world *world_free(struct world *w);
bool world_run(struct world *w);   /* false: w->violation says what broke */

/* For people.c and checks.c. */
struct stamp world_stamp(const struct world *w);
void world_at(struct world *w, int64_t at, enum world_event_kind kind, int index, uint64_t ticket, int64_t deadline);
void world_ask(struct world *w, struct person *p, enum method method, const char *path, const char *if_match, char *body,
	       answer_fn answer);
void world_violate(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void world_start(struct world *w);   /* the ledger, as at the daemon's start */
void world_drop(struct world *w);    /* and its end, without a word          */
void people_act(struct world *w, struct person *p);
void checks_step(struct world *w, int instrument); /* -1: all */
void checks_end(struct world *w);

#endif
