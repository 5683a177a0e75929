/* idem.c - the answers kept under idempotency keys. Owns nothing; fails by class. */
#include "app/idem.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "store/idem.h"
#include "store/timer.h"

#define KEEP_MS (7 * LT_DAY)
#define PURGE_BATCH 500
#define PURGE_EVERY LT_HOUR

static void add(struct crypto_sha256_stream *s, const void *p, size_t n)
{
	uint64_t size = n;

	crypto_sha256_add(s, &size, sizeof(size));
	crypto_sha256_add(s, p ? p : "", n);
}

/* Method, path, query and body. */
static void idem_hash(const struct msg_request *m, uint8_t ret[32])
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

static int fill(struct idem_row *row, struct ledger_reply *ret)
{
	ret->body = row->body;
	ret->body_size = row->body_size;
	ret->status = row->status;
	ret->content_type = content_type(row->content_type);
	lt_fmt(ret->etag, sizeof(ret->etag), "%s", row->etag);
	lt_fmt(ret->location, sizeof(ret->location), "%s", row->location);
	ret->replayed = true;
	return IDEM_REPLAY;
}

int idem_find(struct act *a, const struct msg_request *m, struct ledger_reply *ret)
{
	struct idem_row row;
	uint8_t hash[32];
	int rc = store_idem_find(a->db, a->who.scope, m->idempotency_key, &row);

	if (rc != 0)
		return rc < 0 ? rc : IDEM_NEW;
	idem_hash(m, hash);
	if (memcmp(row.request_sha256, hash, sizeof(hash)) == 0)
		return fill(&row, ret);
	free(row.body);
	return IDEM_REUSED;
}

int idem_store(struct act *a, const struct msg_request *m, const struct ledger_reply *r)
{
	struct idem_row row = { .status = r->status, .body = r->kept ? r->kept : r->body,
		.body_size = r->kept ? strlen(r->kept) : r->body_size };

	idem_hash(m, row.request_sha256);
	lt_fmt(row.content_type, sizeof(row.content_type), "%s", r->content_type ? r->content_type : "");
	lt_fmt(row.etag, sizeof(row.etag), "%s", r->etag);
	lt_fmt(row.location, sizeof(row.location), "%s", r->location);
	return store_idem_insert(a->db, a->who.scope, m->idempotency_key, &row, a->now.wall_ms);
}

int idem_start(struct act *a)
{
	if (store_timer_due(a->db, "idem_purge", 0) == INT64_MAX)
		act_timer(a, "idem_purge", 0, a->now.wall_ms + PURGE_EVERY);
	return act_end(a);
}

int idem_purge(struct act *a, int64_t ref, int64_t due_at)
{
	int64_t n;

	store_idem_purge(a->db, a->now.wall_ms - KEEP_MS, PURGE_BATCH, &n);
	act_timer(a, "idem_purge", 0, a->now.wall_ms + (n == PURGE_BATCH ? LT_SECOND : PURGE_EVERY));
	return act_end(a);
}
