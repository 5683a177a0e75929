/* session.h - SQL of the tables session, session_event and usage. */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "core/session.h"
#include "store/db.h"

int store_session_load(struct db *db, int64_t id, struct session *ret);             /* 0, 1 not found, < 0 */
int store_session_of_booking(struct db *db, int64_t booking, struct session *ret);  /* the latest */
/* All of a booking, oldest first. */
int store_session_list_booking(struct db *db, int64_t booking, struct session *ret, int cap, int *ret_n);
int store_session_open_on(struct db *db, const char *instrument, struct session *ret);
/* The last one that closed at or before `at` on the instrument and whose place is known. of_org: nobody's and internal
 * ones are passed over. */
int store_session_last_closed(struct db *db, const char *instrument, int64_t at, bool of_org, struct session *ret);
int store_session_insert(struct db *db, const struct session *s);
/* Writes what may change and raises the version, also in *s. */
int store_session_update(struct db *db, struct session *s);
/* Only what readings change, without a look at indexes and keys. */
int store_session_metered(struct db *db, struct session *s);
int store_session_event(struct db *db, int64_t session, int64_t at, const char *from, const char *to,
	const char *cause, const char *detail);
/* Closed without a reading at their end, not charged, that may have run since `since`; oldest first. */
int store_session_loose(struct db *db, const char *instrument, int64_t since, struct session *ret, int cap, int *ret_n);
/* All that were open after `since`, oldest first; more than cap: the latest. */
int store_session_since(struct db *db, const char *instrument, int64_t since, struct session *ret, int cap, int *ret_n);
/* Ids, ascending and after `after`, of those that closed after `since`. */
int store_session_closed_since(struct db *db, const char *instrument, int64_t since, int64_t after, int64_t *ret_ids,
	int cap, int *ret_n);
/* The unattributed session that was open at the instant, or nearly; one of unplaced time when there is no other. */
int store_session_unattributed_at(struct db *db, const char *instrument, int64_t at, struct session *ret);

struct session_filter {
	const char *org, *user, *instrument, *state, *outcome;   /* NULL: all */
	int64_t from, to;                                        /* opened in [from, to) */
	int64_t before;                                          /* ids below; newest first */
};
int store_session_list(struct db *db, const struct session_filter *f, struct session *ret, int cap, int *ret_n);

struct session_step { int64_t n, at; char from[12], to[12], cause[24], detail[120]; };
int store_session_steps(struct db *db, int64_t session, struct session_step *ret, int cap, int *ret_n);

int store_usage_insert(struct db *db, const struct usage *u);
int store_usage_update(struct db *db, const struct usage *u);
int store_usage_open(struct db *db, const char *instrument, struct usage *ret);     /* 0, 1 none, < 0 */
int store_usage_last(struct db *db, int64_t session, struct usage *ret);            /* its last run; 0, 1, < 0 */
/* So much the pieces of a session hold. */
int64_t store_usage_held_of(struct db *db, int64_t session);
/* Does one of them that touches [from, to) hold some? */
bool store_usage_is_held(struct db *db, int64_t session, int64_t from, int64_t to);
/* In order. More than cap (>= 2): the rest is summed into the last two, the second of them at fault. */
int store_usage_list(struct db *db, int64_t session, struct usage *ret, int cap, int *ret_n);
/* In the order of ids, after `last`: those that reach beyond the instant, and one that is open. At most cap. */
int store_usage_beyond(struct db *db, int64_t session, int64_t at, int64_t last, struct usage *ret, int cap,
	int *ret_n);
/*
 * What of metered time no usage charge stands for, by whose it is: nobody's; of a session in a block; of a customer's
 * session that is not charged, or not yet; and what is held, whose pieces it lies in. first: the first such piece of a
 * session.
 */
enum usage_class { USAGE_UNATTRIBUTED, USAGE_INTERNAL, USAGE_UNCHARGED, USAGE_HELD, USAGE_CLASSES };
struct usage_brief { enum usage_class class; int64_t measured_ms, estimated_ms; bool first; };
typedef void (*usage_take)(void *user, const struct usage_brief *b);
/*
 * A walk in bounded steps over pieces that begin in [from, to), of one instrument (only) or (only "") of all. A charge
 * counts when it was posted up to to_seq. instrument, after and after_id are the walk's own; begin with "" and 0.
 */
struct usage_scan { const char *only; int64_t from, to, to_seq, after, after_id; char instrument[LT_ID]; };
/* Looks at `limit` rows at most. 1: more to come; 0: the end; < 0. */
int usage_scan(struct db *db, struct usage_scan *at, int limit, usage_take take, void *user);
/* Of an instrument: those that reach beyond the instant, in order of from_at; more than cap: the earliest. */
int store_usage_since(struct db *db, const char *instrument, int64_t since, struct usage *ret, int cap, int *ret_n);
/* Of an instrument, those that hold something, in order of from_at and id, after a piece; NULL: from the first. */
int store_usage_held(struct db *db, const char *instrument, const struct usage *after, struct usage *ret, int cap,
	int *ret_n);

#endif
