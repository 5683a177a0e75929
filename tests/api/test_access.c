/*
 * test_access.c - generated: every route, every role, every owner. Nobody without identity passes, a role passes only
 * where its row says so, and no byte of another org's objects reaches a member or an org's admin by any route.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "api_rig.h"
#include "base/base.h"
#include "common/fmt.h"

static const struct { const char *user; enum role role; } users[] = {
	{ "alice", ROLE_MEMBER }, { "olga", ROLE_ORG_ADMIN }, { "mia", ROLE_MANAGER }, { "finn", ROLE_FINANCE },
		{ "root", ROLE_ADMIN },
};
enum owner { OWNER_SELF, OWNER_COLLEAGUE, OWNER_STRANGER, OWNERS };

static struct lt_token tokens[5], owner_tokens[OWNERS];

/* Names the object of {..}. Objects without an owner get one that exists, or a number that does not. */
static void object_name(const struct route *r, enum owner o, char dst[40])
{
	static const char letters[] = { [OBJ_BOOKING] = 'B', [OBJ_SESSION] = 'S', [OBJ_CHARGE] = 'C',
		[OBJ_CLAIM] = 'L' };
	static const char *const orgs[] = { "acme", "acme", "zeta" }, *const people[] = { "alice", "bob", "zoe" };

	if (r->object == OBJ_ORG)
		lt_fmt(dst, 40, "%s", orgs[o]);
	else if (r->object == OBJ_USER)
		lt_fmt(dst, 40, "%s", people[o]);
	else if (r->object == OBJ_TOKEN)
		lt_fmt(dst, 40, "%s", owner_tokens[o].public_id);
	else if (r->object != OBJ_NONE)
		lt_fmt(dst, 40, "%c-%d", letters[r->object], (int)o + 1);
	else if (strstr(r->path, "{instrument}"))
		lt_fmt(dst, 40, "krios-1");
	else if (strstr(r->path, "{export}"))
		lt_fmt(dst, 40, "X-%d", (int)o + 1);
	else
		lt_fmt(dst, 40, "K-%d", (int)o + 1);
}

static void path_of(const struct route *r, enum owner o, char dst[200])
{
	const char *open = strchr(r->path, '{'), *close = open ? strchr(open, '}') : NULL;
	char name[40];

	object_name(r, o, name);
	if (open)
		lt_fmt(dst, 200, "%.*s%s%s", (int)(open - r->path), r->path, name, close + 1);
	else
		lt_fmt(dst, 200, "%s", r->path);
}

static struct answer ask(struct world *w, const struct route *r, enum owner o, const struct lt_token *t,
	const char *query)
{
	char path[200];

	path_of(r, o, path);
	return rig_call(w, (struct call){ .method = r->method, .path = path, .query = query,
		.body = r->method == METHOD_GET ? NULL : "{}", .key = "k", .if_match = "1", .token = t, .uid = 12345 });
}

/* A name of zeta, its people, or their notes. */
static bool leaks(const struct answer *a)
{
	return a->status < 300 && (strstr(a->body, "zeta") || strstr(a->body, "Zeta") || strstr(a->body, "zoe"));
}

static void judge(const struct route *r, size_t u, enum owner o, const struct answer *a)
{
	enum reach reach = r->access[users[u].role];
	bool customer = users[u].role == ROLE_MEMBER || users[u].role == ROLE_ORG_ADMIN;
	bool hidden = r->object != OBJ_NONE && ((customer && o == OWNER_STRANGER) ||
		(reach == REACH_OWN && r->object != OBJ_ORG && o != OWNER_SELF) || (reach == REACH_OWN && !customer));
	const char *why = NULL;

	if (users[u].role == ROLE_ORG_ADMIN && reach == REACH_OWN && r->object != OBJ_NONE)
		hidden = true; /* olga owns none of them */
	if (reach == REACH_ORG && !customer && r->object != OBJ_NONE)
		hidden = true; /* nor does the host org */
	if (a->status == 401)
		why = "a good token was refused";
	else if (reach == REACH_NONE && a->status != 403)
		why = "a role passed that must not";
	else if (reach != REACH_NONE && hidden && a->status != 404)
		why = "an object beyond reach was not 404";
	else if (reach != REACH_NONE && !hidden && r->object != OBJ_NONE && a->status == 404)
		why = "an object within reach was 404";
	else if (reach == REACH_ANY && r->object != OBJ_NONE && a->status == 403 && r->method == METHOD_GET)
		why = "a role was refused what its row allows";
	else if (customer && leaks(a))
		why = "another org shows";
	if (why)
		fail_msg("%s: method %d %s as %s, object %d: %d %s", why, r->method, r->path, users[u].user, o,
			a->status, a->body);
}

static void test_triples(void **state)
{
	struct world *w = *state;
	int n = 0;

	for (int i = 0; i < 6; i++)
		for (const struct route *r = rig_tables[i]; r->path; r++)
			for (size_t u = 0; u < 5 && !(r->flags & ROUTE_PUBLIC); u++)
				for (int o = 0; o < OWNERS; o++, n++) {
					struct answer a = ask(w, r, (enum owner)o, &tokens[u], NULL);
					judge(r, u, (enum owner)o, &a);
					answer_free(&a);
				}
	assert_true(n > 5 * OWNERS * 30);
}

static void test_nobody(void **state)
{
	struct world *w = *state;
	struct lt_token wrong = tokens[0], unknown = tokens[0];

	wrong.secret[31] ^= 1;
	lt_fmt(unknown.public_id, sizeof(unknown.public_id), "00000000");
	const struct lt_token *const nobody[] = { NULL, &wrong, &unknown };
	for (int i = 0; i < 6; i++)
		for (const struct route *r = rig_tables[i]; r->path; r++)
			for (int k = 0; k < 3; k++) {
				struct answer a = ask(w, r, OWNER_SELF, nobody[k], NULL);
				if (r->flags & ROUTE_PUBLIC ? a.status != 200 : a.status != 401)
					fail_msg("%s without identity: %d", r->path, a.status);
				answer_free(&a);
			}
}

/* Filters must narrow, never widen. */
static void test_filters(void **state)
{
	static const char *const queries[] = { "org=zeta", "user=zoe", "org=zeta&user=zoe", "period=2026-11&org=zeta",
		"period=2026-11",
		"from=2026-11-01T00:00:00Z&to=2026-12-30T00:00:00Z&by=org",
			"from=2026-11-01T00:00:00Z&to=2026-12-30T00:00:00Z&by=user",
		"from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z", "booking=B-3", "instrument=krios-1", "after=0",
			"limit=200",
		"state=confirmed", "state=all", "kind=microscope" };
	struct world *w = *state;
	int answered = 0;

	for (int i = 0; i < 6; i++)
		for (const struct route *r = rig_tables[i]; r->path; r++)
			for (size_t q = 0; q < sizeof(queries) / sizeof(queries[0]) && r->method == METHOD_GET &&
				!(r->flags & ROUTE_PUBLIC); q++)
				for (size_t u = 0; u < 2; u++) {
					struct answer a = ask(w, r, OWNER_SELF, &tokens[u], queries[q]);
					if (leaks(&a))
						fail_msg("%s?%s as %s shows zeta: %s", r->path, queries[q],
							users[u].user, a.body);
					answered += a.status == 200;
					answer_free(&a);
				}
	assert_true(answered > 20);
}

static void test_table(void **state)
{
	for (int i = 0; i < 6; i++)
		for (const struct route *r = rig_tables[i]; r->path; r++) {
			bool any = false;
			for (int role = ROLE_MEMBER; role < ROLE_COUNT; role++)
				any |= r->access[role] != REACH_NONE;
			assert_true(any);
			assert_true(r->handler != NULL);
			assert_true(r->access[ROLE_MEMBER] <= REACH_ORG || r->object == OBJ_NONE);
			assert_true(r->access[ROLE_ORG_ADMIN] <= REACH_ORG || r->object == OBJ_NONE);
			assert_true((r->method == METHOD_GET) <= !!(r->flags & ROUTE_READ));
			assert_true(!(r->method == METHOD_POST && !(r->flags & (ROUTE_KEY | ROUTE_READ))));
			assert_true(r->method != METHOD_PATCH || r->flags & ROUTE_MATCH);
		}
}

static int setup(void **state)
{
	static const char *const owners[] = { "alice", "bob", "zoe" };
	struct world *w = rig_world();

	for (int i = 0; i < 5; i++)
		tokens[i] = rig_token(w, users[i].user);
	for (int i = 0; i < OWNERS; i++)
		owner_tokens[i] = rig_token(w, owners[i]);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_nobody), cmocka_unit_test(test_triples),
			cmocka_unit_test(test_filters),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("access", tests, setup, teardown);
}
