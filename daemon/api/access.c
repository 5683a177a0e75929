/*
 * access.c - who asks, what the role sees of the route, whose the object is. Default: no.
 * The answer for an unknown, expired or revoked token is one and the same; another org's object is not there.
 */
#include <string.h>
#include <unistd.h>

#include "api/api_parts.h"
#include "app/effects.h"
#include "app/people.h"
#include "app/view.h"
#include "base/base.h"
#include "common/fmt.h"

#define TOUCH_AFTER (10 * LT_MINUTE) /* grain of a token's last use */

static int unknown(struct act *a)
{
	memset(&a->who, 0, sizeof(a->who));
	return act_refuse(a, 401, "login-needed", "Authorization",
		"no valid token; ask your administrator for one, then: labtime login");
}

static bool token_good(struct act *a, const struct lt_token *t, const struct token_row *row)
{
	uint8_t hash[32];

	crypto_sha256(t->secret, sizeof(t->secret), hash);
	return crypto_equal(hash, row->secret_sha256, 32) && row->revoked_at == 0 && row->expires_at > a->now.wall_ms &&
		row->active &&
	       strcmp(row->kind, t->kind) == 0;
}

static int by_token(struct act *a, const struct lt_token *t)
{
	struct token_row row;
	int r = token_load(a, t->public_id, &row);

	if (r < 0)
		return r;
	if (r > 0 || !token_good(a, t, &row))
		return unknown(a);
	a->who.role = row.role;
	lt_fmt(a->who.user, sizeof(a->who.user), "%s", row.user);
	lt_fmt(a->who.org, sizeof(a->who.org), "%s", row.org);
	lt_fmt(a->who.actor, sizeof(a->who.actor), "%s", row.user);
	lt_fmt(a->who.scope, sizeof(a->who.scope), "t:%s", t->public_id);
	if (a->now.wall_ms - row.last_used_at >= TOUCH_AFTER)
		lt_fmt(a->effects->touch, sizeof(a->effects->touch), "%s", t->public_id);
	return 0;
}

static bool is_local_admin(const struct site *s, uint32_t uid)
{
	if (uid == 0 || uid == (uint32_t)getuid())
		return true;
	for (int i = 0; i < s->n_admins; i++)
		if (s->admins[i] == uid)
			return true;
	return false;
}

int access_identify(struct act *a, const struct msg_request *m)
{
	if (m->has_token)
		return by_token(a, &m->token);
	if (m->peer.kind != PEER_UNIX || !is_local_admin(a->site, m->peer.uid))
		return unknown(a);
	a->who.role = ROLE_ADMIN;
	lt_fmt(a->who.actor, sizeof(a->who.actor), "uid:%u", m->peer.uid);
	lt_fmt(a->who.scope, sizeof(a->who.scope), "u:%u", m->peer.uid);
	return 0;
}

/* Objects ------------------------------------------------------------------------------------------------ */

static const struct { char letter; enum owned what; } objects[] = {
	[OBJ_BOOKING] = { 'B', OWNED_BOOKING }, [OBJ_SESSION] = { 'S', OWNED_SESSION }, [OBJ_CHARGE] = { 'C', OWNED_CHARGE },
	[OBJ_CLAIM] = { 'L', OWNED_CLAIM }, [OBJ_USER] = { 0, OWNED_USER }, [OBJ_ORG] = { 0, OWNED_ORG },
	[OBJ_TOKEN] = { 0, OWNED_TOKEN },
};

static int not_there(struct act *a, const char *what)
{
	return act_refuse(a, 404, "not-found", "", "there is no %s here", what);
}

static bool within(const struct act *a, enum reach reach, const char *org, const char *user)
{
	if (reach == REACH_ANY)
		return true;
	if (a->who.org[0] == '\0' || strcmp(org, a->who.org) != 0)
		return false;
	return reach == REACH_ORG || (reach == REACH_OWN && a->who.user[0] && strcmp(user, a->who.user) == 0);
}

static int ask_object(struct act *a, struct api_request *rq)
{
	enum object_kind k = rq->route->object;
	struct owner o;
	int rc;

	if (objects[k].letter && !api_id(rq->param[0], objects[k].letter, &rq->id))
		return not_there(a, rq->param[0]);
	rc = view_owner(a, objects[k].what, rq->id, rq->param[0], &o);
	if (rc < 0)
		return rc;
	/* an org has no owner among its users: whoever is of it may see it as their own */
	if (rc == 0 && within(a, k == OBJ_ORG && rq->reach == REACH_OWN ? REACH_ORG : rq->reach, o.org, o.user))
		return 0;
	return not_there(a, rq->param[0]);
}

/* "K-7" in a route without an object owner: the handler gets the number. */
static void plain_id(struct api_request *rq)
{
	const char *p = rq->param[0];

	if (p[0] >= 'A' && p[0] <= 'Z')
		api_id(p, p[0], &rq->id);
}

int access_ask(struct act *a, struct api_request *rq)
{
	static const char *const names[ROLE_COUNT] = { "nobody", "a member", "an org admin", "a manager", "finance",
		"an admin" };

	rq->reach = a->who.role > ROLE_NONE && a->who.role < ROLE_COUNT ? rq->route->access[a->who.role] : REACH_NONE;
	if (rq->reach == REACH_NONE)
		return act_refuse(a, 403, "forbidden", "", "%s may not do this", names[a->who.role]);
	rq->reach_org = rq->reach == REACH_ANY ? NULL : a->who.org;
	rq->reach_user = rq->reach == REACH_OWN ? a->who.user : NULL;
	if (rq->route->object != OBJ_NONE)
		return ask_object(a, rq);
	plain_id(rq);
	return 0;
}
