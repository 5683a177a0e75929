/* event.h - SQL of the tables event (for people) and audit (for auditors). Rows are only added. */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "core/facts.h"
#include "core/site.h"
#include "store/db.h"

/* What an event says. Members may be "", NULL or 0. org "": staff only. The sentence is made from kind and facts where
 * the event is shown; detail is for what a person wrote, and for kinds that still bring their own words. */
struct event_row {
	const char *kind, *instrument, *org, *user;
	int64_t booking, session, charge;
	struct facts facts;
	char detail[300];
};
int store_event_add(struct db *db, int64_t id, int64_t at, const struct event_row *e);

/* An event as it was written. */
struct event_seen {
	int64_t id, at, booking, session, charge;
	char kind[40], instrument[LT_ID], org[LT_ID], user[LT_ID], detail[300];
	struct facts facts;
};
/* By id after `after`. org NULL: all. user NULL: all, else those that name nobody or this user. 0 or < 0. */
int store_event_page(struct db *db, const char *org, const char *user, int64_t after, struct event_seen *ret, int cap,
	int *ret_n);

/* The newest of them, oldest first. */
int store_event_last(struct db *db, const char *org, const char *user, struct event_seen *ret, int cap, int *ret_n);

struct audit_row { const char *actor, *act, *object, *before, *after, *reason; };
int store_audit_add(struct db *db, int64_t id, int64_t at, const struct audit_row *r);

#endif
