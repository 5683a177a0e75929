/* terms.h - SQL of policy_version and price_version: append-only texts with the instant from which they hold. */
#ifndef STORE_TERMS_H
#define STORE_TERMS_H

#include "core/terms.h"
#include "store/db.h"

enum terms_kind { TERMS_POLICY, TERMS_PRICE };
struct terms_row { int64_t version, effective_at, created_at; char source[48], text[TERMS_TEXT]; };

/* 0, 1 not found, < 0. */
int store_terms_version(struct db *db, enum terms_kind k, const char *instrument, int64_t version,
	struct terms_row *ret);
/* In force at the instant; before the first one, the first. */
int store_terms_at(struct db *db, enum terms_kind k, const char *instrument, int64_t at, struct terms_row *ret);
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
