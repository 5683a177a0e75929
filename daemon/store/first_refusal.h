/* first_refusal.h - SQL of the table first_refusal: the slot held for the owner of a displaced booking (R21). */
#ifndef STORE_FIRST_REFUSAL_H
#define STORE_FIRST_REFUSAL_H

#include "core/interval.h"
#include "store/db.h"

/* ended_at 0: it is held. Its place is the occupancy ("hold", booking). */
struct first_refusal { int64_t booking; struct interval at; int64_t expires_at, created_at, ended_at; };

int store_first_refusal_insert(struct db *db, const struct first_refusal *f);
int store_first_refusal_load(struct db *db, int64_t booking, struct first_refusal *ret);   /* 0, 1 none, < 0 */
/* A displaced booking of the user for which a slot is held; 0: none. */
int64_t store_first_refusal_of(struct db *db, const char *user);
int store_first_refusal_end(struct db *db, int64_t booking, int64_t at);

#endif
