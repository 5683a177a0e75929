/* people.c - routes of organisations, users and tokens. Owns nothing; the rules are app/people.c's. */
#include "app/people.h"

#include <string.h>

#include "api/api.h"
#include "app/view.h"
#include "common/fmt.h"

#define PEOPLE_MAX 201
#define STAFF REACH_ANY, REACH_ANY, REACH_ANY

static const char *const no_members[] = { NULL };
static const char *const page_query[] = { "limit", "cursor", NULL };

/* Organisations ------------------------------------------------------------------------------------------ */

static json_t *org_json(struct act *a, const struct org_row *o)
{
	return json_pack("{s:s, s:s, s:b, s:o, s:b, s:o, s:I}", "id", o->id, "name", o->name, "host", o->host, "tax_id",
		json_text(o->tax_id), "active", o->active, "created_at", json_instant(a->site, o->created_at),
		"version", (json_int_t)o->version);
}

static int org_answer(struct act *a, struct api_request *rq, const char *id, json_t **ret_body)
{
	struct org_row o;
	int r = org_load(a, id, &o);

	if (r)
		return r < 0 ? r : act_refuse(a, 404, "not-found", "", "there is no organisation %s", id);
	rq->etag = o.version;
	*ret_body = org_json(a, &o);
	return 0;
}

static int org_list(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static struct org_row o[PEOPLE_MAX];   /* the ledger thread only; too large for the stack */
	const char *after;
	int64_t limit;
	int n = 0, r = api_only_query(a, rq, page_query);
	json_t *items;

	if (r == 0)
		r = api_page_named(a, rq, &after, &limit);
	if (r)
		return r;
	r = view_orgs(a, &(struct people_filter){ .reach_org = rq->reach_org, .after = after }, o, (int)limit + 1, &n);
	if (r)
		return r;
	items = json_array();
	for (int i = 0; i < n && i < limit; i++)
		json_array_append_new(items, org_json(a, &o[i]));
	*ret_body = api_items_named(items, n > limit ? o[limit - 1].id : "");
	return act_end(a);
}

static int org_get(struct act *a, struct api_request *rq, json_t **ret_body)
{
	return org_answer(a, rq, rq->param[0], ret_body);
}

static int org_post(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "id", "name", "host", "tax_id", NULL };
	struct org_row o = { 0 };
	int r = api_only(a, rq, known);

	if (r == 0)
		r = api_text(a, rq, "id", 0, o.id, sizeof(o.id));
	if (r == 0)
		r = api_text(a, rq, "name", 0, o.name, sizeof(o.name));
	if (r == 0)
		r = api_bool(a, rq, "host", OPTIONAL, &o.host);
	if (r == 0)
		r = api_text(a, rq, "tax_id", OPTIONAL, o.tax_id, sizeof(o.tax_id));
	if (r == 0 && o.host && a->who.role != ROLE_ADMIN)
		r = act_refuse(a, 403, "forbidden", "host", "only an admin may add a host organisation");
	if (r == 0)
		r = org_create(a, &o);
	if (r)
		return r;
	rq->status = 201;
	lt_fmt(rq->location, sizeof(rq->location), "/v1/orgs/%s", o.id);
	return org_answer(a, rq, o.id, ret_body);
}

static int org_patch(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "name", "tax_id", "active", NULL };
	struct org_row o;
	int r = api_only(a, rq, known);

	if (r == 0)
		r = org_load(a, rq->param[0], &o);
	if (r == 0)
		r = api_match(a, rq, o.version);
	if (r == 0)
		r = api_text(a, rq, "name", OPTIONAL, o.name, sizeof(o.name));
	if (r == 0)
		r = api_text(a, rq, "tax_id", OPTIONAL, o.tax_id, sizeof(o.tax_id));
	if (r == 0)
		r = api_bool(a, rq, "active", OPTIONAL, &o.active);
	if (r == 0)
		r = org_change(a, &o);
	return r ? r : org_answer(a, rq, o.id, ret_body);
}

/* Users -------------------------------------------------------------------------------------------------- */

static json_t *user_json(struct act *a, const struct user_row *u)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:I}", "id", u->id, "org", u->org, "name", u->name, "role",
		role_name(u->role), "active", u->active, "created_at", json_instant(a->site, u->created_at), "version",
		(json_int_t)u->version);
}

static int user_answer(struct act *a, struct api_request *rq, const char *id, json_t **ret_body)
{
	struct user_row u;
	int r = user_load(a, id, &u);

	if (r)
		return r < 0 ? r : act_refuse(a, 404, "not-found", "", "there is no user %s", id);
	rq->etag = u.version;
	*ret_body = user_json(a, &u);
	return 0;
}

static int user_list(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "org", "limit", "cursor", NULL };
	static struct user_row u[PEOPLE_MAX];   /* the ledger thread only; too large for the stack */
	const char *after;
	int64_t limit;
	int n = 0, r = api_only_query(a, rq, known);
	json_t *items;

	if (r == 0)
		r = api_page_named(a, rq, &after, &limit);
	if (r)
		return r;
	r = view_users(a, &(struct people_filter){ .reach_org = rq->reach_org, .reach_user = rq->reach_user,
		.org = api_query(rq, "org"),
		.after = after }, u, (int)limit + 1, &n);
	if (r)
		return r;
	items = json_array();
	for (int i = 0; i < n && i < limit; i++)
		json_array_append_new(items, user_json(a, &u[i]));
	*ret_body = api_items_named(items, n > limit ? u[limit - 1].id : "");
	return act_end(a);
}

static int user_get(struct act *a, struct api_request *rq, json_t **ret_body)
{
	return user_answer(a, rq, rq->param[0], ret_body);
}

static int role_member(struct act *a, struct api_request *rq, unsigned flags, enum role *ret)
{
	char name[16] = "";
	int r = api_text(a, rq, "role", flags, name, sizeof(name));

	if (r || (name[0] == '\0' && (flags & OPTIONAL)))
		return r;
	return role_from_name(name, ret) ? 0 : act_refuse(a, 422, "bad-request", "role",
		"role is one of member, org_admin, manager, finance, admin");
}

static int user_post(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "id", "org", "name", "role", NULL };
	struct user_row u = { .role = ROLE_MEMBER };
	int r = api_only(a, rq, known);

	if (rq->reach_org)
		lt_fmt(u.org, sizeof(u.org), "%s", rq->reach_org);
	if (r == 0)
		r = api_text(a, rq, "id", 0, u.id, sizeof(u.id));
	if (r == 0)
		r = api_text(a, rq, "org", rq->reach_org ? OPTIONAL : 0, u.org, sizeof(u.org));
	if (r == 0)
		r = api_text(a, rq, "name", 0, u.name, sizeof(u.name));
	if (r == 0)
		r = role_member(a, rq, OPTIONAL, &u.role);
	if (r == 0 && rq->reach_org && strcmp(u.org, rq->reach_org) != 0)
		r = act_refuse(a, 422, "no-such-org", "org", "there is no active organisation %s", u.org);
	if (r == 0)
		r = user_create(a, &u);
	if (r)
		return r;
	rq->status = 201;
	lt_fmt(rq->location, sizeof(rq->location), "/v1/users/%s", u.id);
	return user_answer(a, rq, u.id, ret_body);
}

static int user_patch(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "name", "role", "active", NULL };
	struct user_row u;
	int r = api_only(a, rq, known);

	if (r == 0)
		r = user_load(a, rq->param[0], &u);
	if (r == 0)
		r = api_match(a, rq, u.version);
	if (r == 0)
		r = api_text(a, rq, "name", OPTIONAL, u.name, sizeof(u.name));
	if (r == 0)
		r = role_member(a, rq, OPTIONAL, &u.role);
	if (r == 0)
		r = api_bool(a, rq, "active", OPTIONAL, &u.active);
	if (r == 0)
		r = user_change(a, &u);
	return r ? r : user_answer(a, rq, u.id, ret_body);
}

static int user_delete(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "cancel", NULL };
	const char *cancel = api_query(rq, "cancel");
	struct user_row u;
	int r = api_only_query(a, rq, known);

	if (r == 0 && cancel && strcmp(cancel, "true") != 0 && strcmp(cancel, "false") != 0)
		r = act_refuse(a, 422, "bad-request", "cancel", "cancel is true or false");
	if (r == 0)
		r = user_load(a, rq->param[0], &u);
	if (r == 0)
		r = api_match(a, rq, u.version);
	if (r == 0)
		r = user_deactivate(a, u.id, cancel && strcmp(cancel, "true") == 0);
	return r ? r : user_answer(a, rq, u.id, ret_body);
}

/* Tokens ------------------------------------------------------------------------------------------------- */

static json_t *token_json(struct act *a, const struct token_row *t)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "id", t->public_id, "user", t->user,
		"org", t->org, "kind", t->kind, "note", json_text(t->note), "created_at",
		json_instant(a->site, t->created_at), "created_by", t->created_by, "expires_at",
		json_instant(a->site, t->expires_at), "revoked_at", json_instant_or_null(a->site, t->revoked_at),
		"last_used_at", json_instant_or_null(a->site, t->last_used_at));
}

static int token_list(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "user", "limit", "cursor", NULL };
	static struct token_row t[PEOPLE_MAX];   /* the ledger thread only; too large for the stack */
	const char *after;
	int64_t limit;
	int n = 0, r = api_only_query(a, rq, known);
	json_t *items;

	if (r == 0)
		r = api_page_named(a, rq, &after, &limit);
	if (r)
		return r;
	r = view_tokens(a, &(struct people_filter){ .reach_org = rq->reach_org, .reach_user = rq->reach_user,
		.user = api_query(rq, "user"), .after = after }, t, (int)limit + 1, &n);
	if (r)
		return r;
	items = json_array();
	for (int i = 0; i < n && i < limit; i++)
		json_array_append_new(items, token_json(a, &t[i]));
	*ret_body = api_items_named(items, n > limit ? t[limit - 1].public_id : "");
	return act_end(a);
}

/* Somebody else's token: only within reach, and for others as if the user were not there. */
static int token_target(struct act *a, struct api_request *rq, const char *user)
{
	struct user_row u;
	int r = user_load(a, user, &u);

	if (r < 0)
		return r;
	if (r > 0 || (rq->reach_org && strcmp(u.org, rq->reach_org) != 0))
		return act_refuse(a, 422, "no-such-user", "user", "there is no active user %s", user);
	if (rq->reach_user && strcmp(user, rq->reach_user) != 0)
		return act_refuse(a, 403, "forbidden", "user", "you may make tokens for yourself only");
	return 0;
}

static int token_post(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "user", "note", "expires_at", NULL };
	char secret[LT_TOKEN_TEXT];
	struct token_row t = { 0 };
	int r = api_only(a, rq, known);

	lt_fmt(t.user, sizeof(t.user), "%s", a->who.user);
	if (r == 0)
		r = api_text(a, rq, "user", a->who.user[0] ? OPTIONAL : 0, t.user, sizeof(t.user));
	if (r == 0)
		r = api_text(a, rq, "note", OPTIONAL, t.note, sizeof(t.note));
	if (r == 0)
		r = api_instant(a, rq, "expires_at", OPTIONAL, &t.expires_at);
	if (r == 0)
		r = token_target(a, rq, t.user);
	if (r == 0)
		r = token_create(a, &t, secret);
	if (r)
		return r;
	rq->status = 201;
	lt_fmt(rq->location, sizeof(rq->location), "/v1/tokens/%s", t.public_id);
	*ret_body = token_json(a, &t);
	rq->kept = json_deep_copy(*ret_body); /* at rest only its hash: a replayed answer has no secret */
	json_object_set_new(rq->kept, "secret", json_null());
	json_object_set_new(*ret_body, "secret", json_string(secret));
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

static int token_delete(struct act *a, struct api_request *rq, json_t **ret_body)
{
	int r = api_only_query(a, rq, no_members);

	rq->status = 204;
	return r ? r : token_revoke(a, rq->param[0]);
}

static int whoami(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct token_row t = { 0 };
	int r = rq->m->has_token ? token_load(a, rq->m->token.public_id, &t) : 0;

	if (r < 0)
		return r;
	*ret_body = json_pack("{s:s, s:o, s:o, s:s, s:o, s:o}", "actor", a->who.actor, "user", json_text(a->who.user),
		"org", json_text(a->who.org),
			      "role", role_name(a->who.role), "token", json_text(t.public_id), "expires_at",
			      json_instant_or_null(a->site, t.expires_at));
	return act_end(a);
}

const struct route people_routes[] = {
	/* access: nobody, member, org_admin, manager, finance, admin */
	{ METHOD_GET, "/v1/whoami", whoami, ROUTE_READ, OBJ_NONE,
		{ REACH_NONE, REACH_OWN, REACH_OWN, REACH_ANY, REACH_ANY, REACH_ANY } },
	{ METHOD_GET, "/v1/orgs", org_list, ROUTE_READ, OBJ_NONE, { REACH_NONE, REACH_ORG, REACH_ORG, STAFF } },
	{ METHOD_POST, "/v1/orgs", org_post, ROUTE_KEY | ROUTE_DRY, OBJ_NONE,
		{ REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_NONE, REACH_ANY } },
	{ METHOD_GET, "/v1/orgs/{org}", org_get, ROUTE_READ, OBJ_ORG, { REACH_NONE, REACH_ORG, REACH_ORG, STAFF } },
	{ METHOD_PATCH, "/v1/orgs/{org}", org_patch, ROUTE_MATCH | ROUTE_DRY, OBJ_ORG,
		{ REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_ANY, REACH_ANY } },
	{ METHOD_GET, "/v1/users", user_list, ROUTE_READ, OBJ_NONE, { REACH_NONE, REACH_OWN, REACH_ORG, STAFF } },
	{ METHOD_POST, "/v1/users", user_post, ROUTE_KEY | ROUTE_DRY, OBJ_NONE,
		{ REACH_NONE, REACH_NONE, REACH_ORG, REACH_ANY, REACH_NONE, REACH_ANY } },
	{ METHOD_GET, "/v1/users/{user}", user_get, ROUTE_READ, OBJ_USER, { REACH_NONE, REACH_OWN, REACH_ORG, STAFF } },
	{ METHOD_PATCH, "/v1/users/{user}", user_patch, ROUTE_MATCH | ROUTE_DRY, OBJ_USER,
		{ REACH_NONE, REACH_NONE, REACH_ORG, REACH_ANY, REACH_NONE, REACH_ANY } },
	{ METHOD_DELETE, "/v1/users/{user}", user_delete, ROUTE_MATCH, OBJ_USER,
		{ REACH_NONE, REACH_NONE, REACH_ORG, REACH_ANY, REACH_NONE, REACH_ANY } },
	{ METHOD_GET, "/v1/tokens", token_list, ROUTE_READ, OBJ_NONE,
		{ REACH_NONE, REACH_OWN, REACH_ORG, REACH_OWN, REACH_OWN, REACH_ANY } },
	{ METHOD_POST, "/v1/tokens", token_post, ROUTE_KEY, OBJ_NONE,
		{ REACH_NONE, REACH_OWN, REACH_ORG, REACH_OWN, REACH_OWN, REACH_ANY } },
	{ METHOD_DELETE, "/v1/tokens/{token}", token_delete, 0, OBJ_TOKEN,
		{ REACH_NONE, REACH_OWN, REACH_ORG, REACH_OWN, REACH_OWN, REACH_ANY } },
	{ 0 },
};
