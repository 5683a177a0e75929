/* idem.h - SQL of the table idem: answers kept under their keys. */
#ifndef STORE_IDEM_H
#define STORE_IDEM_H

#include "core/site.h"
#include "store/db.h"

struct idem_row {
	uint8_t request_sha256[32];
	int status;
	char content_type[64], etag[32], location[96];
	char *body;                  /* of a row that was read: malloc'd, a NUL follows; the caller frees */
	size_t body_size;
};
/* 0 and *ret, 1 not there, < 0. */
int store_idem_find(struct db *db, const char *scope, const char *key, struct idem_row *ret);
int store_idem_insert(struct db *db, const char *scope, const char *key, const struct idem_row *r, int64_t at);
/* Forgets at most `limit` that are older. *ret_n: how many. */
int store_idem_purge(struct db *db, int64_t before, int64_t limit, int64_t *ret_n);

#endif
