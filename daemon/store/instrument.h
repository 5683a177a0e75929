/* instrument.h - SQL of the table instrument: what the API may change and what time leaves behind. */
#ifndef STORE_INSTRUMENT_H
#define STORE_INSTRUMENT_H

#include "core/site.h"
#include "store/db.h"

#define INSTRUMENT_NOTES 1001
struct instrument_row {
	char id[LT_ID];
	int64_t unit;
	bool retired, out_of_service;
	char notes[INSTRUMENT_NOTES], link[12], link_why[121], lock[12];
	int64_t link_since, lock_since, version;
};

int store_instrument_load(struct db *db, const char *id, struct instrument_row *ret);   /* 0, 1 not found, < 0 */
/* Those that are configured, by id after `after`. 0 or < 0. */
int store_instrument_list(struct db *db, const char *after, struct instrument_row *ret, int cap, int *ret_n);
int store_instrument_insert(struct db *db, const char *id, int64_t unit);
int store_instrument_set(struct db *db, const char *id, bool out_of_service, const char *notes);
int store_instrument_retired(struct db *db, const char *id, bool retired);

#endif
