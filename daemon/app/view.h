/*
 * view.h - what the API may read: plain structs, bounded pages. Who may see what is the API's matter. Each returns 0,
 * 1 where one row was asked for and is not there, or < 0 (an enum db_class).
 */
#ifndef APP_VIEW_H
#define APP_VIEW_H

#include "app/act.h"
#include "store/block.h"
#include "store/booking.h"
#include "store/calendar.h"
#include "store/charge.h"
#include "store/event.h"
#include "store/export.h"
#include "store/instrument.h"
#include "store/ledger.h"
#include "store/meter.h"
#include "store/occupancy.h"
#include "store/people.h"
#include "store/review.h"
#include "store/session.h"
#include "store/terms.h"

/* Bookings. */
int view_bookings(struct act *a, const struct booking_filter *f, struct booking *ret, int cap, int *ret_n);
int view_booking_history(struct act *a, int64_t id, struct booking_history *ret, int cap, int *ret_n);
int view_booking_overrides(struct act *a, int64_t id, struct booking_override *ret, int cap, int *ret_n);
/* What it was promised, by interval, in order; the rate an hour of each. At most cap, the first ones. */
struct term_shown { struct booking_term term; int64_t rate_minor; };
int view_booking_terms(struct act *a, const struct booking *b, struct term_shown *ret, int cap, int *ret_n);
int view_booking_sessions(struct act *a, int64_t id, struct session *ret, int cap, int *ret_n);

/* Sessions, their evidence. */
int view_sessions(struct act *a, const struct session_filter *f, struct session *ret, int cap, int *ret_n);
int view_session_steps(struct act *a, int64_t session, struct session_step *ret, int cap, int *ret_n);
/* Its evidence: readings from shortly before it opened to shortly after its end, by id after `after`. */
int view_session_readings(struct act *a, const struct session *s, int64_t after, struct reading *ret, int cap,
	int *ret_n);
int view_reviews(struct act *a, const char *state, int64_t after, struct review *ret, int cap, int *ret_n);
int view_review(struct act *a, int64_t id, struct review *ret);
int view_claims(struct act *a, int64_t session, struct claim *ret, int cap, int *ret_n);

/* Instruments. */
int view_instrument(struct act *a, const char *id, struct instrument_row *ret);
int view_instruments(struct act *a, const char *after, struct instrument_row *ret, int cap, int *ret_n);
int view_meter(struct act *a, const char *instrument, struct meter *ret);       /* 1: no reading yet */
const char *view_lock_name(enum lt_lock l);
/* What is active in the interval, in order. */
int view_occupants(struct act *a, const char *instrument, struct interval in, struct occupant *ret, int cap,
		   int *ret_n);
int view_blocks(struct act *a, const char *instrument, struct interval in, int64_t after, struct block *ret, int cap,
		int *ret_n);
int view_terms(struct act *a, enum terms_kind k, const char *instrument, int64_t after, struct terms_row *ret, int cap,
	       int *ret_n);

/* Money. */
int view_charge(struct act *a, int64_t id, struct charge *ret);
int view_charges(struct act *a, const struct charge_filter *f, struct charge *ret, int *ret_n);
int view_charge_lines(struct act *a, int64_t id, struct charge_line *ret, int cap, int *ret_n);
int view_charge_record(struct act *a, int64_t id, char **ret);                  /* malloc'd */
int view_charge_total(struct act *a, const char *period, const char *org, int64_t *ret_rows, int64_t *ret_minor);
int view_balances(struct act *a, const char *period, const char *after, struct ledger_balance *ret, int cap,
	int *ret_n);
int view_export(struct act *a, int64_t id, struct export_row *ret, char **ret_manifest);
/* Fixes what an export of e->period and e->org holds now: its last charge, and for a month the totals of the roll-ups
 * and of the book (*ret_rows < 0: not known). */
int export_fix(struct act *a, struct export_row *e, int64_t *ret_rows, int64_t *ret_minor);
int export_record(struct act *a, const struct export_row *e, const char *manifest);

/* People, events, the store. */
int view_orgs(struct act *a, const struct people_filter *f, struct org_row *ret, int cap, int *ret_n);
int view_users(struct act *a, const struct people_filter *f, struct user_row *ret, int cap, int *ret_n);
int view_tokens(struct act *a, const struct people_filter *f, struct token_row *ret, int cap, int *ret_n);
int view_owner(struct act *a, enum owned what, int64_t id, const char *name, struct owner *ret);
int view_events(struct act *a, const char *org, const char *user, int64_t after, struct event_seen *ret, int cap,
	int *ret_n);
/* The newest of them, oldest first. */
int view_events_last(struct act *a, const char *org, const char *user, struct event_seen *ret, int cap, int *ret_n);
struct store_numbers { int64_t held, wal_frames; bool read_only; /* a check found it damaged */ };
int view_store(struct act *a, struct store_numbers *ret);

#endif
