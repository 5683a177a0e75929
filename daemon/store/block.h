/* block.h - SQL of the table block: maintenance and other time that nobody may book. */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "core/site.h"
#include "store/db.h"

enum block_state { BLOCK_PLANNED, BLOCK_WAITING, BLOCK_REMOVED };
struct block {
	int64_t id;
	char instrument[LT_ID];
	int64_t from, to;
	char reason[300], actor[48];
	enum block_state state;          /* waiting: an open session must close first (R21) */
	int64_t created_at, version;
	int64_t cut_booking;             /* the booking in use whose held end it cut; 0: none */
	int64_t cut_priced_to;           /* what that booking's end for overrun pricing was */
};

const char *block_state_name(enum block_state s);
int store_block_load(struct db *db, int64_t id, struct block *ret);      /* 0, 1 not found, < 0 */
int store_block_insert(struct db *db, const struct block *b);
int store_block_set_state(struct db *db, int64_t id, enum block_state s);
/* Blocks that wait on this instrument take effect. */
int store_block_release_waiting(struct db *db, const char *instrument);
/* A page by id of blocks that were not removed and reach into [from, to); instrument NULL: all. */
int store_block_list(struct db *db, const char *instrument, int64_t from, int64_t to, int64_t after,
	struct block *ret, int cap,
		     int *ret_n);
/* Does a block cover the instant? */
bool store_block_at(struct db *db, const char *instrument, int64_t at);

#endif
