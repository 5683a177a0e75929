/*
 * terms.h - SQL of policy_version and price_version: append-only texts with the instant from which they hold. Which
 * price list is in force is decided here and nowhere else (store_price_at()).
 */
#ifndef STORE_TERMS_H
#define STORE_TERMS_H

#include "core/terms.h"
#include "store/db.h"

enum terms_kind { TERMS_POLICY, TERMS_PRICE };
struct terms_row { int64_t version, effective_at, created_at; char source[48], text[TERMS_TEXT]; };

/* 0, 1 not found, < 0. */
int store_terms_version(struct db *db, enum terms_kind k, const char *instrument, int64_t version,
	struct terms_row *ret);
/* The policy in force at the instant; before the first one, the first. */
int store_policy_at(struct db *db, const char *instrument, int64_t at, struct terms_row *ret);

/* For whom a price list is asked. class and org "": nobody's in particular. */
struct price_for { const char *instrument, *class, *org; };
/*
 * The price list in force at the instant: of those that have begun and were not withdrawn the most specific (the org's,
 * the class's, everybody's), of these the one with the latest (effective_at, version). Before the first one, the first.
 * 0, 1 there is none, < 0.
 */
int store_price_at(struct db *db, const struct price_for *who, int64_t at, struct terms_row *ret);
/* The first instant after `at` at which another list may come into force; 0 none. */
int64_t store_price_next(struct db *db, const struct price_for *who, int64_t at);
/* An announced list will not come into force. DB_DONE or a failure (the store refuses one that has begun). */
int store_price_withdraw(struct db *db, const char *instrument, int64_t version, int64_t at, const char *actor);
/* When it was withdrawn; 0: it was not. */
int64_t store_price_withdrawn(struct db *db, const char *instrument, int64_t version);
/* The text of the file behind the newest version that came from a file; "" none. */
int store_terms_file_text(struct db *db, enum terms_kind k, const char *instrument, char dst[TERMS_TEXT]);
/* Appends the next version (row->version is set). file_text: "" unless it came from a file. */
int store_terms_add(struct db *db, enum terms_kind k, const char *instrument, struct terms_row *row,
	const char *file_text);
/* Versions after `after`, in order. */
int store_terms_list(struct db *db, enum terms_kind k, const char *instrument, int64_t after, struct terms_row *ret,
	int cap,
		     int *ret_n);

#endif
