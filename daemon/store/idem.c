/* idem.c - SQL of kept answers. Failures are the sticky class of db.h. */
#include "store/idem.h"

#include <stdlib.h>
#include <string.h>

static int take(const struct stmt *s, struct idem_row *ret)
{
	size_t n;
	const void *p = db_blob(s, 0, &n);

	memset(ret, 0, sizeof(*ret));
	if (n != sizeof(ret->request_sha256))
		return DB_CORRUPT;
	memcpy(ret->request_sha256, p, n);
	ret->status = (int)db_int(s, 1);
	db_copy_text(s, 2, ret->content_type, sizeof(ret->content_type));
	db_copy_text(s, 3, ret->etag, sizeof(ret->etag));
	db_copy_text(s, 4, ret->location, sizeof(ret->location));
	p = db_blob(s, 5, &n);
	ret->body = malloc(n + 1);
	if (!ret->body)
		return DB_NOMEM;
	if (n > 0)
		memcpy(ret->body, p, n);
	ret->body[n] = '\0';
	ret->body_size = n;
	return 0;
}

int store_idem_find(struct db *db, const char *scope, const char *key, struct idem_row *ret)
{
	struct stmt *s = db_query(db, "SELECT request_sha256, status, content_type, etag, location, body FROM idem "
		"WHERE scope = ?1 AND key = ?2", "tt", scope, key);
	int class = db_step(s);
	int rc = class == DB_ROW ? take(s, ret) : class == DB_DONE ? 1 : class;

	db_end(s);
	return rc;
}

int store_idem_insert(struct db *db, const char *scope, const char *key, const struct idem_row *r, int64_t at)
{
	return db_run(db, "INSERT INTO idem (scope, key, request_sha256, status, content_type, etag, location, body, at) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "ttbitttbi", scope, key, r->request_sha256,
		sizeof(r->request_sha256), (int64_t)r->status, r->content_type, r->etag, r->location, r->body, r->body_size,
			at);
}

int store_idem_purge(struct db *db, int64_t before, int64_t limit, int64_t *ret_n)
{
	int rc = db_run(db, "DELETE FROM idem WHERE (scope, key) IN (SELECT scope, key FROM idem WHERE at < ?1 ORDER BY at "
		"LIMIT ?2)", "ii", before, limit);

	*ret_n = rc < 0 ? 0 : db_changes(db);
	return rc < 0 ? rc : 0;
}
