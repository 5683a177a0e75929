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
#include "core/interlock.h"
#include "core/site.h"
#include "drivers/modbus/schedule.h"
#include "msg/msg.h"
#include "sim/device.h"
#include "sim/rng.h"
#include "sim/trouble.h"
#include "store/db.h"

#define WORLD_INSTRUMENTS 4
#define WORLD_UNITS 11           /* they, and seven units behind their gateway that nobody books               */
#define WORLD_PEOPLE 10
#define WORLD_EVENTS 4096
#define WORLD_LINES 2
#define WORLD_TICKETS 16
#define WORLD_RENEW_MS 8000      /* the ledger renews its leases so often                                */
#define WORLD_PENDING 64
#define WORLD_ECHOES 8
#define WORLD_ACKED 8192
#define WORLD_MARKS 16384
#define WORLD_SKEWS 2048
#define WORLD_LISTS 1024
#define WORLD_BLOCKS 512
#define WORLD_BOOTS 512
#define WORLD_SESSIONS 8192
#define WORLD_STRANGER (-1)      /* who runs an instrument and is none of the people */
#define ACKED_TERMS 16
#define WORLD_TROUBLES_GIVEN (UINT32_C(1) << 31) /* in world_options: also where no kind is on */

enum world_event_kind { EV_LINE, EV_POLL, EV_OPEN, EV_TICK, EV_PERSON, EV_RETRY, EV_ECHO, EV_TROUBLE, EV_BEAT };

struct world_event {
	int64_t at;               /* true wall ms                                                        */
	uint64_t order;           /* ties in the order of making: the history is one                      */
	enum world_event_kind kind;
	int index;                /* instrument, line, person or pending request                          */
	uint64_t ticket;
	int64_t deadline;
};

/* A file system that can lose power; NULL in the options: the store is in memory and only the process can die. */
struct world_disk {
	const char *path;
	bool (*gone)(void);               /* power went away inside the last step: nothing reaches the files */
	void (*cut)(void);                /* it goes away now                                                */
	void (*back)(struct rng *rng);    /* and comes back: what was not synced may be lost                 */
	void (*pause)(bool on);           /* what the checks read does not fail and does not count           */
	void (*over)(void);               /* or NULL: the time is over, now nothing more happens to it       */
	bool (*failing)(void);            /* or NULL: it fails, and until it is well nothing is done in time */
};

struct world_options {
	uint64_t seed;
	int64_t span_ms;                  /* how long the history is                                         */
	int64_t poll_ms;                  /* 0: a minute                                                     */
	int haste;                        /* people do things so many times as often; 0: once                */
	uint32_t troubles;                /* bits of enum trouble; 0: the defaults                           */
	bool strict;                      /* also the checks that are off                                    */
	FILE *trace;                      /* one line a step; NULL                                           */
	const struct world_disk *disk;
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

/* An answered request that is sent again: the same key must give the same answer, also after a crash. */
struct echo { bool used; int person; char path[160], key[40]; char *body, *answer; int status; };

enum person_state { PERSON_FREE, PERSON_BOOKED, PERSON_AT_WORK };
enum person_kind { PERSON_MEMBER, PERSON_MANAGER, PERSON_ADMIN };

struct person {
	int index;
	char user[LT_ID], org[LT_ID];
	struct lt_token token;
	enum person_kind kind;
	enum person_state state;
	int instrument;
	int64_t booking, from, to; /* of the booking in hand                                              */
	int64_t version, session, quote;
	int64_t asked_at, asked_true; /* wall and true ms: when the request under way was first sent      */
	int64_t counted_ms;        /* by the meter whose usage this person asks for, when it was asked for  */
	int runs_left;
	int tries;                 /* how often the last request was sent until this person heard an answer */
	bool waits;                /* for an answer                                                       */
	uint64_t plan;             /* the last one: what was planned before is given up                   */
};

/* Which price holds for a part of a booking: that in force when it was taken, somewhere in [asked_at, told_at]. */
struct acked_term { int64_t from, to, asked_at, told_at; };

/* A booking as its owner was last told. Wall ms. */
struct acked {
	int64_t booking, from, to, version, quote;
	int64_t since;             /* the later of its start and when it came to lie there                */
	int64_t made_true;         /* when it was asked to lie there                                      */
	int64_t checkin_at;        /* true ms; 0: nobody checked in                                       */
	int64_t checkout_at;       /* true ms; 0: nobody checked out                                      */
	int person, instrument, n_terms;
	struct acked_term terms[ACKED_TERMS];
	bool cancelled, unsure;    /* unsure: nobody here knows which price was in force                  */
};

/* A price list as it was answered to who set it. Wall ms; minor units an hour. */
/* backdated: the wall clock had been set back when it was set, so that what is older may not have known it. */
struct world_list { int instrument; int64_t version, effective_at, rate_minor; bool backdated; };

/* A reservation of the staff as it was answered to them. Wall ms. */
struct world_block { int instrument; int64_t id, from, to; };

struct marks { int n; int64_t at[WORLD_MARKS]; };

/* True instants of a session, 0: not yet. grew: a reading last added to it. stopped: its last run end was last set. */
struct noted_session {
	int64_t opened, checkin, grew, stopped, closed;
	int64_t wall_opened, wall_closed; /* what the wall clock showed then                              */
	int64_t measured_ms, last_end, seen, held_ms; /* held_ms: when it closed                          */
};

/* Labels of a session's row. last: of the last reading that added to it. */
struct noted_row {
	const struct noted_session *noted;
	int64_t opened, closed, last, measured_ms;
	bool by_user;
};

/* How a controller, or a gateway, is away: the last two leave it without a connection. */
enum away { AWAY_NOT, AWAY_SILENT, AWAY_EXCEPTION, AWAY_REFUSED, AWAY_HANGING };

/* A forced poll that waits. from_poll: the first that answers it. */
struct world_ticket { uint64_t id; int64_t deadline; uint64_t from_poll; };

/* One address: the controllers [first, end) behind it share its connection. BOOTTIME ms. */
struct world_line {
	int first, end;
	enum away away;            /* the gateway itself                                                  */
	int active;                /* whose request is under way; -1: none                                */
	bool forced;               /* somebody waits for it                                               */
	bool connected, cut;       /* cut: the last connection did not come about                         */
	int failures;              /* connections in a row that did not come about                        */
	int64_t began, retry_at, failed_at, share, wakes_at, long_at;
	int64_t doubted_ms;        /* waited in vain for units that were not known to be silent           */
	uint64_t request, wake;    /* older events are void                                               */
};

struct world_device {
	struct device d;
	bool gated;                /* has an interlock                                                    */
	struct interlock lock;
	struct lease lease;
	int64_t lease_at, up_since;
	struct deadlines at;       /* BOOTTIME ms, as phase and asked                                     */
	int64_t phase, asked;
	uint64_t polls;
	int failures, n_tickets;
	struct world_ticket tickets[WORLD_TICKETS];
	enum away away;            /* in what way, while d.down                                           */
	int64_t well_at;           /* true ms: since then it answers and has not been read; 0: it was     */
	int64_t ill_at, marked_at; /* when something was last wrong with it, and when that was marked     */
	int64_t read_at;           /* true ms: the last time, 0: never                                    */
	int64_t well_doubted_ms, read_doubted_ms; /* of its line, at well_at and read_at                  */
	bool told;                 /* the ledger has heard of the link since the last start */
	bool link_up, stuck;       /* stuck: the relay does not follow what is written                    */
	uint8_t reported_lock;
	int64_t reported_at;
	struct lt_observation late_obs; /* of an answer that is on its way                                */
	int64_t last_ext_ms, delivered, delivered_at_ext; /* I3, I7                                       */
	struct marks marks;        /* when something went wrong here: bills near it have no lower bound   */
	int silenced, sticking, afflicted; /* troubles that last and make it so                          */
	bool stuck_shut, out_of_service;
	struct device_spans silent, shut, service; /* no answer; the relay cannot open; out of service     */
	int64_t quiet_until;
};

struct world_stats {
	int64_t steps, requests, answers, retries, echoes, bookings, refused, conflicts, crashes, readings, lost,
		late, lies, resets, returns, opened, reports,
		charges, exact, fees, absent, lines, quotes, faults, claims, reviews, disowned, displaced, checks;
};

struct world {
	uint64_t seed;
	struct rng rng;
	FILE *trace;
	uint64_t trace_hash;       /* over every answer and reading: same seed, same hash                 */
	const struct world_disk *disk;
	struct db *db;
	struct site site;
	struct instrument instruments[WORLD_INSTRUMENTS];
	struct queue *in, *out;
	struct ledger *ledger;
	int64_t true_ms, start_ms, end_ms; /* the world's own clock                                       */
	int64_t wall_skew_ms;      /* of the daemon's wall clock (steps)                                  */
	struct device_span failing; /* when the store could not do its work: readings may be set aside then */
	bool told;                 /* by a poll, and the ledger has not looked yet                        */
	bool stepped;              /* by a trouble that will set it right                                 */
	int creeps;                /* small steps that are still to come                                  */
	int n_skews;
	struct { int64_t from, skew; } skews[WORLD_SKEWS]; /* of true time                                */
	struct device_spans away;  /* nothing of the daemon's machine ran                                 */
	struct device_spans paused; /* what meters counted in it fits neither clock, until it is believed   */
	struct marks clock_marks;
	uint32_t troubles;
	bool strict;
	struct rng trouble_rng[TROUBLES];
	int n_lists;
	struct world_list lists[WORLD_LISTS];
	int n_blocks;
	struct world_block blocks[WORLD_BLOCKS];
	int n_open;                /* sessions that were open after the last step, and the newest rows then */
	int64_t open[WORLD_INSTRUMENTS], newest_session, newest_event;
	struct noted_session sessions[WORLD_SESSIONS]; /* by id                                           */
	int64_t ends[WORLD_ACKED]; /* true ms, by booking: it was called off, or nobody came             */
	int n_boots;
	struct { int64_t boot_ms, base_ms; } boots[WORLD_BOOTS]; /* from this BOOTTIME on                 */
	int64_t boot_base_ms;      /* true_ms of boot 0                                                   */
	int64_t poll_ms, checked_hour, restarted_ms;
	int haste;
	struct world_device devices[WORLD_UNITS]; /* of the others only the polls                          */
	struct world_line lines[WORLD_LINES];
	struct person people[WORLD_PEOPLE];
	struct pending pending[WORLD_PENDING];
	int n_echoes;
	struct echo echoes[WORLD_ECHOES];
	int n_events;
	struct world_event events[WORLD_EVENTS];
	uint64_t event_order;
	int64_t tick_at;           /* when the ledger's next timer is due; 0: none                        */
	int n_acked;
	struct acked acked[WORLD_ACKED];
	int64_t sealed_upto[8], sealed_sum[8]; /* what must never change, as last seen (checks.c)           */
	int64_t calm_at[WORLD_INSTRUMENTS];    /* of the answers when the instrument was last checked         */
	bool reported;             /* at the end staff ask for all that was used                          */
	bool fatal;                /* the ledger asked for its end                                        */
	struct world_stats stats;
	char violation[512];       /* "" while all promises hold                                          */
};

struct world *world_new(const struct world_options *o);
struct world *world_free(struct world *w);
bool world_run(struct world *w);   /* false: w->violation says what broke */

/* For the parts of the world. */
struct stamp world_stamp(const struct world *w);
void world_at(struct world *w, int64_t at, enum world_event_kind kind, int index, uint64_t ticket, int64_t deadline);
void world_ask(struct world *w, struct person *p, enum method method, const char *path, const char *if_match,
	char *body,
	       answer_fn answer);
void world_violate(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void world_trace(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_mark(struct world *w, int instrument); /* something went wrong on it now; -1: on all */
void marks_add(struct marks *m, int64_t at);
bool marks_in(const struct marks *m, int64_t from, int64_t to);
void world_skew(struct world *w, int64_t skew_ms); /* the wall clock is now true time and this */
void world_away(struct world *w, int64_t lasts_ms); /* nothing of the daemon's machine runs for so long */
/* The first and the last true instant at which the wall clock showed something in [from, to]. False: it never did. */
bool world_true(const struct world *w, int64_t from, int64_t to, struct device_span *ret);

void life_open(struct world *w);             /* the store, and the ledger as at the daemon's start    */
void life_crash(struct world *w);            /* the end without a word, some downtime, the next start */
void life_end(struct world *w);
void life_step(struct world *w);             /* lets the ledger do what there is to do now            */
void life_beat(struct world *w);             /* it has a turn though nothing happens, and again soon  */

void requests_on_reply(struct world *w, const struct msg_reply *r);
void requests_retry(struct world *w, int slot, uint64_t generation);
void requests_echo(struct world *w, int slot);
void requests_crashed(struct world *w);
void requests_free(struct world *w);
int requests_under_way(const struct world *w, const char *path); /* NULL: all */

void line_begin(struct world *w);
void line_started(struct world *w);          /* the daemon did: it knows nothing of its controllers   */
void line_returned(struct world *w);         /* nothing of it ran for a while                         */
void line_wake(struct world *w, const struct world_event *e);
void line_answered(struct world *w, const struct world_event *e);
void line_ticket(struct world *w, int i, const struct msg_poll *m);
void line_lease(struct world *w, int i, const struct lease *lease);
bool line_in_vain(const struct world *w, int i); /* it was asked and has not answered since          */

void reach_again(struct world *w, int i);    /* the controller answers again                          */
void reach_away(struct world *w, int i);     /* it does not                                           */
void reach_lost(struct world *w, int i);     /* one request was lost                                  */
void reach_delayed(struct world *w, int i);  /* nobody asked for a while                              */
void reach_read(struct world *w, int i);
void reach_checked_in(struct world *w, int i, int64_t at); /* somebody who asked at this true ms      */
void reach_opened(struct world *w, const struct world_event *e);
void reach_forgotten(struct world *w);

void poller_observe(struct world *w, int i, struct lt_observation *ret);
void poller_tell(struct world *w, int i, uint64_t ticket, uint32_t flags, int64_t rtt_ms,
	const struct lt_observation *obs); /* NULL: unread */
void poller_up(struct world *w, int i);      /* tells the ledger, when it does not know               */
void poller_down(struct world *w, int i);
void poller_follow(struct world *w, int i);  /* the interlock's next steps                            */
void poller_leases(struct world *w, const struct msg_leases *m);
void poller_forced(struct world *w, const struct msg_poll *m);
void poller_crashed(struct world *w);

void people_act(struct world *w, struct person *p);
void staff_act(struct world *w, struct person *p);
void staff_report(struct world *w);          /* usage of all instruments, compared with their meters   */
void staff_lists(struct world *w, int n);    /* the admin sets so many price lists of one instrument  */
void staff_repair(struct world *w, int instrument, int64_t from, int64_t to); /* a block over all of it */
void people_later(struct world *w, struct person *p, int64_t low, int64_t high);
int64_t people_grid_after(int64_t at);
void people_wait_for(struct world *w, int instrument, struct rng *r); /* its controller answers again */
void people_instant(char dst[40], int64_t at);
/* moved: the booking lies elsewhere now, or is new: all of it is under the terms of now. */
void people_acked(struct world *w, struct person *p, bool moved, bool cancelled);
struct acked *people_booking(struct world *w, int64_t booking); /* NULL: not acknowledged */

void notes_step(struct world *w);            /* what the ledger committed in its step                 */
const struct noted_session *notes_session(const struct world *w, int64_t id); /* NULL: not noted      */
int64_t notes_end(const struct world *w, int64_t booking); /* true ms; 0: not noted                    */
/* True instants, by a session's row and the notes: most holds all that may belong to it but for what a silence before
 * it hid, and all of least belongs to it. */
void notes_place(const struct world *w, int instrument, const struct noted_row *r, struct device_span *ret_most,
	struct device_span *ret_least);
/* The first and the last true instant of the readings with this label, or with the next. False: there is none. */
bool notes_reading(const struct world *w, int instrument, int64_t label, struct device_span *ret);
void world_boot(struct world *w, int64_t base_ms); /* BOOTTIME is now true time less this              */

void checks_step(struct world *w, int instrument); /* -1: none by itself */
void world_dump(struct world *w, FILE *to); /* the rows of interest, after a violation */
void checks_after_crash(struct world *w);
void checks_end(struct world *w);
void truth_step(struct world *w, int instrument);
/* The staff's word, as the store has it now. */
void truth_service(struct world *w);
void truth_end(struct world *w);

/* What usable_ms() leaves out, after the time that the daemon needs to learn it. */
enum { USABLE_LINK = 1, USABLE_FAULT = 2, USABLE_RELAY = 4, USABLE_SERVICE = 8, USABLE_AWAY = 16, USABLE_OTHERS = 32,
	USABLE_BLOCK = 64 };
/* Of true time [from, to): at most so much could the person use the instrument. */
int64_t usable_ms(const struct world *w, int instrument, int person, int64_t from, int64_t to, int why);
/* The same of `during` where the wall clock showed `labels`. */
int64_t usable_wall_ms(const struct world *w, int instrument, int person, struct device_span labels,
	struct device_span during, int why);
bool truth_troubled(const struct world *w, int instrument, int64_t from, int64_t to); /* true ms */
void fees_end(struct world *w);
void owners_end(struct world *w);
void prices_end(struct world *w);

#endif
