/* fact.h - SQL of the table meta: what a site is, once and for all. */
#ifndef STORE_FACT_H
#define STORE_FACT_H

#include "store/db.h"

/* 0 and the value, 1 not known, < 0. */
int store_fact_get(struct db *db, const char *key, char *dst, size_t cap);
int store_fact_set(struct db *db, const char *key, const char *value);

#endif
