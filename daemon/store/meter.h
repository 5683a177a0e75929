/* meter.h - SQL of the tables meter, reading and outage. */
#ifndef STORE_METER_H
#define STORE_METER_H

#include "core/interval.h"
#include "core/meter.h"
#include "store/db.h"

/* 0; 1: no reading yet; < 0. State that is not ours is made anew from the row: E and the register are never lost. */
int store_meter_load(struct db *db, const char *instrument, struct meter *ret);
int store_meter_save(struct db *db, const char *instrument, const struct meter *m);

struct reading {
	int64_t id;
	char instrument[LT_ID];
	int64_t at, boot_ms;
	uint64_t raw;
	int64_t ext_ms;
	bool running;
	char class[16], cause[24], detail[120];
};
int store_reading_add(struct db *db, const struct reading *r);
/* When the last row of evidence was written; 0: never. */
int64_t store_reading_last(struct db *db, const char *instrument);
/* When the first reading was accepted that left a level, at or after this label; 0: none did. */
int64_t store_reading_left(struct db *db, const char *instrument, int64_t since);
/* By id, after `after`, in [from, to]. */
int store_reading_list(struct db *db, const char *instrument, int64_t from, int64_t to, int64_t after,
	struct reading *ret, int cap,
		       int *ret_n);

/* kind: 'down', 'fault', 'unwatched'. Begin does nothing when one is open; end does nothing when none is. */
int store_outage_begin(struct db *db, int64_t id, const char *instrument, const char *kind, int64_t from);
bool store_outage_is_open(struct db *db, const char *instrument, const char *kind);
int store_outage_end(struct db *db, const char *instrument, const char *kind, int64_t to);
int store_outage_add(struct db *db, int64_t id, const char *instrument, const char *kind, int64_t from, int64_t to);

int store_link_set(struct db *db, const char *instrument, const char *link, const char *why, int64_t at);
bool store_link_down(struct db *db, const char *instrument);
int store_lock_set(struct db *db, const char *instrument, enum lt_lock lock, int64_t at);
enum lt_lock store_lock_get(struct db *db, const char *instrument, int64_t *ret_since);
const char *store_lock_name(enum lt_lock l);
/* Number of the instrument's unit; 0: not registered. */
int64_t store_unit_of(struct db *db, const char *instrument);
/* The instrument of a unit; false when there is none. */
bool store_unit_name(struct db *db, int64_t unit, char ret[LT_ID]);

#endif
