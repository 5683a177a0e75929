/*
 * api.c - the dispatcher: finds the route, asks who may, runs the handler, renders the answer or the problem.
 * Owns the request's parsed parts. A handler's failure (< 0) is forwarded to the turn, which answers 503.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api_parts.h"
#include "app/idem.h"
#include "common/fmt.h"

static const struct route *const tables[] = {
	meta_routes, people_routes, instrument_routes, booking_routes, session_routes, charge_routes,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const char *const method_names[] = { "GET", "POST", "PATCH", "DELETE" };
struct api_said api_said;

/* Routes ------------------------------------------------------------------------------------------------- */

static size_t part(const char *s)
{
	return strcspn(s, "/");
}

static bool path_matches(const char *pattern, const char *path, char param[3][65])
{
	int n = 0;

	while (*pattern == '/' && *path == '/') {
		size_t np = part(++pattern), n2 = part(++path);
		if (*pattern == '{') {
			if (n2 == 0 || n2 > 64 || n == 3)
				return false;
			if (param)
				lt_fmt(param[n], 65, "%.*s", (int)n2, path);
			n++;
		} else if (np != n2 || memcmp(pattern, path, np) != 0) {
			return false;
		}
		pattern += np;
		path += n2;
	}
	return *pattern == '\0' && *path == '\0';
}

static const struct route *api_route(enum method method, const char *path, char param[3][65])
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct route *r = tables[i]; r->path; r++)
			if (r->method == method && path_matches(r->path, path, param))
				return r;
	return NULL;
}

int api_route_known(const char *method, const char *path, char allow[64])
{
	size_t n = 0;

	allow[0] = '\0';
	for (int m = METHOD_GET; m <= METHOD_DELETE; m++) {
		if (!api_route((enum method)m, path, NULL))
			continue;
		if (strcmp(method, method_names[m]) == 0)
			return 0;
		n += lt_fmt(allow + n, 64 - n, "%s%s", n ? ", " : "", method_names[m]);
	}
	return n ? 405 : 404;
}

/* NULL, or what is wrong with a row. Nobody is let in by a forgotten column: REACH_NONE is 0. */
static const char *row_wrong(const struct route *r)
{
	bool any = false;

	for (int role = ROLE_MEMBER; role < ROLE_COUNT; role++)
		any |= r->access[role] != REACH_NONE;
	if (!any || !r->handler)
		return "nobody may use it";
	if (r->object != OBJ_NONE && !strchr(r->path, '{'))
		return "it names no object";
	if (r->method == METHOD_GET && !(r->flags & ROUTE_READ))
		return "a GET is a read";
	if (r->method == METHOD_POST && !(r->flags & (ROUTE_KEY | ROUTE_READ)))
		return "a POST needs its key";
	if (r->object != OBJ_NONE && (r->access[ROLE_MEMBER] == REACH_ANY || r->access[ROLE_ORG_ADMIN] == REACH_ANY))
		return "a customer would reach every org";
	return api_route(r->method, r->path, NULL) != r ? "there is another of that path" : NULL;
}

int api_configure(const struct api_info *info, struct lt_err *err)
{
	lt_fmt(api_said.version, sizeof(api_said.version), "%s", info->version);
	lt_fmt(api_said.libevent, sizeof(api_said.libevent), "%s", info->libevent);
	lt_fmt(api_said.libevent_cure, sizeof(api_said.libevent_cure), "%s", info->libevent_cure ? info->libevent_cure : "");
	lt_fmt(api_said.store_path, sizeof(api_said.store_path), "%s", info->store_path);
	for (size_t i = 0; i < TABLES; i++)
		for (const struct route *r = tables[i]; r->path; r++)
			if (row_wrong(r))
				return lt_err_set(err, "bad-route", r->path, "%s %s: %s", method_names[r->method],
					r->path, row_wrong(r));
	return 0;
}

static bool wants_dry_run(const struct msg_request *m)
{
	const char *p = m->query;

	while (p && *p) {
		size_t n = strcspn(p, "&");
		if (n == 12 && memcmp(p, "dry_run=true", n) == 0)
			return true;
		p += n + (p[n] == '&');
	}
	return false;
}

bool api_is_read(const struct msg_request *m)
{
	const struct route *r = api_route(m->method, m->path, NULL);

	return !r || (r->flags & ROUTE_READ) || ((r->flags & ROUTE_DRY) && wants_dry_run(m));
}

/* Preconditions ------------------------------------------------------------------------------------------ */

static int if_match(struct act *a, struct api_request *rq)
{
	if (!(rq->route->flags & ROUTE_MATCH))
		return 0;
	if (rq->m->if_match[0] == '\0')
		return act_refuse(a, 428, "if-match-missing", "If-Match",
			"this needs If-Match with the ETag that you read; read the object first");
	if (!lt_parse_i64(rq->m->if_match, 1, INT64_MAX, &rq->if_match))
		return act_refuse(a, 400, "bad-if-match", "If-Match",
			"If-Match must be the ETag as it was answered, like \"3\"");
	return 0;
}

int api_match(struct act *a, const struct api_request *rq, int64_t version)
{
	if (rq->if_match == 0 || rq->if_match == version)
		return 0;
	return act_refuse(a, 412, "version-conflict", "If-Match",
		"somebody changed it since: you saw version %lld, it is %lld now; read it again",
		(long long)rq->if_match, (long long)version);
}

static bool keeps(const struct act *a, const struct api_request *rq)
{
	return (rq->route->flags & ROUTE_KEY) && !(rq->route->flags & ROUTE_READ) && !a->dry_run;
}

static int key(struct act *a, struct api_request *rq, struct ledger_reply *ret)
{
	const char *k = rq->m->idempotency_key;
	int r;

	if (!(rq->route->flags & ROUTE_KEY) || a->dry_run)
		return IDEM_NEW;
	if (k[0] == '\0') {
		act_refuse(a, 400, "idempotency-key-missing", "Idempotency-Key",
			"this needs an Idempotency-Key of 1 to 128 visible characters");
		return -ACT_REFUSED - 100;
	}
	if (!json_visible(k)) {
		act_refuse(a, 400, "bad-idempotency-key", "Idempotency-Key", "use 1 to 128 visible ASCII characters");
		return -ACT_REFUSED - 100;
	}
	if (!keeps(a, rq))
		return IDEM_NEW;
	r = idem_find(a, rq->m, ret);
	if (r != IDEM_REUSED)
		return r;
	act_refuse(a, 422, "key-reused", "Idempotency-Key",
		"this key belongs to another request; use a new key for a new request");
	return -ACT_REFUSED - 100;
}

/* dry_run is set before anything runs: api_is_read() has put this request between the turns by the same test. */
static int dry_run(struct act *a, struct api_request *rq)
{
	const char *v = api_query(rq, "dry_run");

	if (!v)
		return 0;
	if (!(rq->route->flags & ROUTE_DRY))
		return act_refuse(a, 400, "no-dry-run", "dry_run", "this route has no dry run");
	if (strcmp(v, "true") != 0 && strcmp(v, "false") != 0)
		return act_refuse(a, 400, "bad-request", "dry_run", "dry_run is true or false");
	a->dry_run = strcmp(v, "true") == 0;
	if (a->dry_run != wants_dry_run(rq->m))
		return act_refuse(a, 400, "bad-request", "dry_run", "write dry_run=true plainly");
	return 0;
}

/* Answers ------------------------------------------------------------------------------------------------ */

static int fill(struct ledger_reply *ret, int status, const char *type, json_t *body)
{
	ret->status = status;
	ret->content_type = type;
	if (!body || status == 204)
		return 0;
	ret->body = json_dumps(body, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (!ret->body)
		return DB_NOMEM;
	ret->body_size = strlen(ret->body);
	return 0;
}

static int text(struct ledger_reply *ret, const char *body, size_t size)
{
	ret->body = malloc(size + 1);
	if (!ret->body)
		return DB_NOMEM;
	memcpy(ret->body, body, size);
	ret->body[size] = '\0';
	ret->body_size = size;
	return 0;
}

static int accepted(struct act *a, struct api_request *rq, struct ledger_reply *ret, json_t *body)
{
	int r = fill(ret, rq->status, rq->content_type ? rq->content_type : "application/json", body);

	if (r == 0 && rq->text)
		r = text(ret, rq->text, rq->text_size);
	if (r == 0 && rq->kept && !(ret->kept = json_dumps(rq->kept, JSON_COMPACT | JSON_PRESERVE_ORDER)))
		r = DB_NOMEM;
	if (rq->etag)
		lt_fmt(ret->etag, sizeof(ret->etag), "%lld", (long long)rq->etag);
	memcpy(ret->location, rq->location, sizeof(ret->location));
	memcpy(ret->filename, rq->filename, sizeof(ret->filename));
	ret->job = rq->job;
	rq->job = NULL;
	ret->keep = keeps(a, rq) && !ret->job;
	return r;
}

static int refused(struct act *a, struct api_request *rq, struct ledger_reply *ret)
{
	int status = a->refusal.status;
	json_t *body = problem_json(a);
	int r = body ? fill(ret, status, "application/problem+json", body) : DB_NOMEM;

	json_decref(body);
	ret->retry_after_s = status == 503 || status == 429 ? 1 : 0;
	ret->keep = rq->route && keeps(a, rq) && (status == 409 || status == 412 || status == 422) &&
		    strcmp(a->refusal.err.code, "key-reused") != 0;
	return r < 0 ? r : ACT_REFUSED;
}

static int prepare(struct act *a, struct api_request *rq)
{
	int r = json_query(a, rq);

	if (r == 0)
		r = rq->route->flags & ROUTE_PUBLIC ? 0 : access_identify(a, rq->m);
	if (r == 0)
		r = rq->route->flags & ROUTE_PUBLIC ? 0 : access_ask(a, rq);
	if (r == 0)
		r = dry_run(a, rq);
	return r;
}

/* What a request did may have taken its object out of the caller's reach (disown): its retry still gets the answer. */
static int done_before(struct act *a, struct api_request *rq, struct ledger_reply *ret)
{
	const char *k = rq->m->idempotency_key;

	if (a->refusal.status != 404 || rq->reach == REACH_NONE || !(rq->route->flags & ROUTE_KEY) ||
			wants_dry_run(rq->m) || !keeps(a, rq) || !json_visible(k))
		return IDEM_NEW;
	return idem_find(a, rq->m, ret);
}

static int handle(struct act *a, struct api_request *rq, struct ledger_reply *ret)
{
	json_t *body = NULL;
	int r = prepare(a, rq), k;

	if (r == ACT_REFUSED) {
		k = done_before(a, rq, ret);
		return k == IDEM_REPLAY ? 0 : k < 0 ? k : ACT_REFUSED;
	}
	if (r == 0) {
		k = key(a, rq, ret);
		if (k == IDEM_REPLAY)
			return 0;
		r = k == IDEM_NEW ? 0 : k == -ACT_REFUSED - 100 ? ACT_REFUSED : k;
	}
	if (r == 0)
		r = if_match(a, rq);
	if (r == 0)
		r = json_body(a, rq);
	if (r == 0)
		r = rq->route->handler(a, rq, &body);
	if (r == 0)
		r = accepted(a, rq, ret, body);
	json_decref(body);
	return r;
}

int api_handle(struct act *a, const struct msg_request *m, struct ledger_reply *ret)
{
	struct api_request rq = { .m = m, .status = 200 };
	int r;

	rq.route = api_route(m->method, m->path, rq.param);
	r = rq.route ? handle(a, &rq, ret) : act_refuse(a, 404, "no-such-route", "",
		"there is no %s; see /v1/openapi.json", m->path);
	if (r == ACT_REFUSED)
		r = refused(a, &rq, ret);
	json_decref(rq.body);
	json_decref(rq.kept);
	free(rq.query_text);
	if (rq.job)
		rq.job->kind->cancel(rq.job);
	return r;
}
