/* idem.c - the answers kept under idempotency keys. Owns the table idem; fails by class. */
#include "app/idem.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"

#define KEEP_MS (7 * LT_DAY)
#define PURGE_BATCH 500
#define PURGE_EVERY LT_HOUR

static void add(struct crypto_sha256_stream *s, const void *p, size_t n)
{
	uint64_t size = n;

	crypto_sha256_add(s, &size, sizeof(size));
	crypto_sha256_add(s, p ? p : "", n);
}

void idem_hash(const struct msg_request *m, uint8_t ret[32])
{
	struct crypto_sha256_stream *s = crypto_sha256_new();
	uint8_t method = (uint8_t)m->method;

	if (!s)
		abort();
	add(s, &method, 1);
	add(s, m->path, m->path ? strlen(m->path) : 0);
	add(s, m->query, m->query ? strlen(m->query) : 0);
	add(s, m->if_match, strlen(m->if_match));
	add(s, m->body, m->body_size);
	crypto_sha256_end(s, ret);
}

/* Content types live in static memory; the row only names one. */
static const char *content_type(const char *text)
{
	static const char *const known[] = { "application/json", "application/problem+json" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], text) == 0)
			return known[i];
	return "application/octet-stream";
}

static int fill(const struct stmt *s, struct ledger_reply *ret)
{
	size_t n;
	const void *body = db_blob(s, 5, &n);

	ret->body = malloc(n + 1);
	if (!ret->body)
		return DB_NOMEM;
	memcpy(ret->body, body, n);
	ret->body[n] = '\0';
	ret->body_size = n;
	ret->status = (int)db_int(s, 1);
	ret->content_type = content_type(db_text(s, 2));
	db_copy_text(s, 3, ret->etag, sizeof(ret->etag));
	db_copy_text(s, 4, ret->location, sizeof(ret->location));
	ret->replayed = true;
	return IDEM_REPLAY;
}

int idem_find(struct act *a, const struct msg_request *m, struct ledger_reply *ret)
{
	struct stmt *s = db_query(a->db, "SELECT request_sha256, status, content_type, etag, location, body FROM idem "
		"WHERE scope = ?1 AND key = ?2", "tt", a->who.scope, m->idempotency_key);
	int r = db_step(s);
	uint8_t hash[32];
	size_t n;

	if (r == DB_ROW) {
		const void *was = db_blob(s, 0, &n);
		idem_hash(m, hash);
		r = n == 32 && memcmp(was, hash, 32) == 0 ? fill(s, ret) : IDEM_REUSED;
	} else if (r == DB_DONE) {
		r = IDEM_NEW;
	}
	db_end(s);
	return r;
}

int idem_store(struct act *a, const struct msg_request *m, const struct ledger_reply *r)
{
	uint8_t hash[32];

	idem_hash(m, hash);
	return db_run(a->db, "INSERT INTO idem (scope, key, request_sha256, status, content_type, etag, location, "
		"body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "ttbitttbi", a->who.scope, m->idempotency_key,
		hash, (size_t)32, (int64_t)r->status, r->content_type ? r->content_type : "", r->etag, r->location,
		r->kept ? r->kept : r->body, r->kept ? strlen(r->kept) : r->body_size, a->now.wall_ms);
}

int idem_start(struct act *a)
{
	if (db_one_int(a->db, 0, "SELECT 1 FROM timer WHERE kind = 'idem_purge'", "") == 0)
		act_timer(a, "idem_purge", 0, a->now.wall_ms + PURGE_EVERY);
	return act_end(a);
}

int idem_purge(struct act *a, int64_t ref, int64_t due_at)
{
	db_run(a->db, "DELETE FROM idem WHERE (scope, key) IN (SELECT scope, key FROM idem WHERE at < ?1 ORDER BY at "
		"LIMIT ?2)", "ii", a->now.wall_ms - KEEP_MS, (int64_t)PURGE_BATCH);
	act_timer(a, "idem_purge", 0, a->now.wall_ms + (db_changes(a->db) == PURGE_BATCH ? LT_SECOND : PURGE_EVERY));
	return act_end(a);
}
