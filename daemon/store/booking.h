/* booking.h - SQL of the tables booking, booking_event and override. Returns: 0, 1 not found, < 0 an enum db_class. */
#ifndef STORE_BOOKING_H
#define STORE_BOOKING_H

#include "core/booking.h"
#include "core/facts.h"
#include "core/interval.h"
#include "core/rules.h"
#include "core/tariff.h"
#include "store/db.h"

int store_booking_load(struct db *db, int64_t id, struct booking *ret);
int store_booking_insert(struct db *db, const struct booking *b);
/* Writes every member that may change and makes it the next version (b->version too). */
int store_booking_update(struct db *db, struct booking *b);
int store_booking_displaced_by(struct db *db, int64_t id, const char *by);
/* Live bookings: the one whose [booked_from, held_to) holds `at`; the first that starts at or after it. */
int store_booking_at(struct db *db, const char *instrument, int64_t at, struct booking *ret);
int store_booking_after(struct db *db, const char *instrument, int64_t at, struct booking *ret);
/* The user's booking that ended as not used (no_show, lapsed) and held the unit at `at`. */
int store_booking_unused_at(struct db *db, const char *instrument, const char *user, int64_t at, struct booking *ret);
/* The active booking whose rest was released and reaches into the interval, but `except`. */
int store_booking_released(struct db *db, const char *instrument, struct interval in, int64_t except,
	struct booking *ret);

/* The next live booking of a user, or any of an instrument; 0: none. Whether there ever was one. */
int64_t store_booking_live_of(struct db *db, const char *user);
int64_t store_booking_live_on(struct db *db, const char *instrument);
bool store_booking_any(struct db *db);

/* A page of bookings by id. Members NULL or 0: no such condition. state < 0: any; live: the live states only. */
struct booking_filter { const char *org, *user, *instrument; int state; bool live; int64_t from, to, after, limit; };
int store_booking_list(struct db *db, const struct booking_filter *f, struct booking *ret, int cap, int *ret_n);

/* R10: the user's live bookings of other instruments that reach into `at`, and the policy each was made under. */
struct user_overlap { char instrument[LT_ID]; int64_t policy_version; struct interval at; };
int store_booking_overlaps(struct db *db, const char *user, const char *instrument, int64_t except, struct interval at,
			   struct user_overlap *ret, int cap, int *ret_n);
/* R12: booked milliseconds of the org on the instrument inside the window, without booking `except`. live_only: of
 * bookings that are still to come or going on. */
int64_t store_booking_org_ms(struct db *db, const char *org, const char *instrument, struct interval window,
			     bool live_only, int64_t except);

/* A line of a booking's history: what happened, in typed members; its verb is its kind, and its sentence is made where
 * it is shown. facts: from_at, to_at, minor, n and why are kept. detail: what a person wrote, or the words of verbs
 * that still bring their own; "": none. */
struct booking_row {
	int64_t booking, at;
	const char *actor, *verb, *detail;
	enum booking_state from, to;
	struct facts facts;
};
int store_booking_event(struct db *db, const struct booking_row *e);
int store_override(struct db *db, int64_t id, const struct violation *v, const char *actor, const char *reason,
	int64_t at);

/* R27: overrun that extensions left behind, in order. 0 or < 0. */
int store_booking_keep(struct db *db, int64_t id, const struct rate_span *s);
int store_booking_kept(struct db *db, int64_t id, struct rate_span *ret, int cap, int *ret_n);

struct booking_history {
	int64_t at;
	char actor[48], verb[24], from_state[16], to_state[16], detail[300];
	struct facts facts;
};
int store_booking_history(struct db *db, int64_t id, struct booking_history *ret, int cap, int *ret_n);
struct booking_override { char rule[8], value[64], bound[64], actor[48], reason[300]; int64_t at; };
int store_booking_overrides(struct db *db, int64_t id, struct booking_override *ret, int cap, int *ret_n);

/* Whether the org and the user exist, belong together and are active. 0 and the user's org, or 1. */
int store_active_user(struct db *db, const char *user, char ret_org[LT_ID]);

#endif
