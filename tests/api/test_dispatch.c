/* test_dispatch.c - what every route shares: bodies, queries, keys, versions, dry runs, identity, problems; and
 * people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "api_rig.h"
#include "app/clock.h"
#include "base/base.h"
#include "common/fmt.h"

static json_t *parsed(const struct answer *a)
{
	json_t *v = json_loads(a->body, 0, NULL);

	assert_non_null(v);
	return v;
}

static void expect(struct world *w, struct call c, int status, const char *code)
{
	struct answer a = rig_call(w, c);
	json_t *v;

	if (a.status != status)
		fail_msg("%s %s: %d, not %d: %s", c.path, c.body ? c.body : "", a.status, status, a.body);
	if (code) {
		v = parsed(&a);
		assert_string_equal(json_string_value(json_object_get(v, "code")), code);
		assert_int_equal(json_integer_value(json_object_get(v, "status")), status);
		assert_true(json_string_length(json_object_get(v, "detail")) > 5);
		json_decref(v);
	}
	answer_free(&a);
}

#define POST_ORG .method = METHOD_POST, .path = "/v1/orgs", .key = "k"

static void test_bodies(void **state)
{
	static const struct { const char *body, *code; int status; } cases[] = {
		{ "{", "bad-json", 400 }, { "[]", "bad-json", 400 }, { "1", "bad-json", 400 },
			{ "{\"id\":1,\"id\":2}", "bad-json", 400 },
		{ "{\"id\":\"a\",\"name\":\"b\"} x", "bad-json", 400 },
			{ "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "bad-json", 400 },
		{ "{\"id\":1e999}", "bad-json", 400 }, { "{\"id\":99999999999999999999}", "bad-json", 400 },
			{ "{\"id\":\"\\u0000\"}", "bad-json", 400 },
		{ "{\"id\":\"\\ud800\"}", "bad-json", 400 }, { "{\"id\":\"\xff\"}", "bad-json", 400 },
			{ "{\"id\":\"new\",\"name\":\"N\",\"x\":1}", "unknown-member", 422 },
		{ "{}", "bad-request", 422 }, { "", "bad-request", 422 },
			{ "{\"id\":7,\"name\":\"N\"}", "bad-request", 422 },
		{ "{\"id\":\"UPPER\",\"name\":\"N\"}", "bad-request", 422 },
			{ "{\"id\":\"new\",\"name\":\"a\\nb\"}", "bad-request", 422 },
		{ "{\"id\":\"new\",\"name\":\"\"}", "bad-request", 422 },
			{ "{\"id\":\"new\",\"name\":\"N\",\"host\":1}", "bad-request", 422 },
		{ "{\"id\":\"acme\",\"name\":\"Again\"}", "exists", 409 },
	};
	struct world *w = rig_world();
	char *many = malloc(9000);
	size_t n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(w, (struct call){ POST_ORG, .body = cases[i].body }, cases[i].status, cases[i].code);
	n = lt_fmt(many, 9000, "{\"m0\":0");
	for (int i = 1; i <= 128; i++)
		n += lt_fmt(many + n, 9000 - n, ",\"m%d\":0", i);
	lt_fmt(many + n, 9000 - n, "}");
	expect(w, (struct call){ POST_ORG, .body = many }, 400, "bad-json");
	memset(many, 'a', 8999);
	memcpy(many, "{\"id\":\"", 7);
	memcpy(many + 5000, "\"}", 3);
	expect(w, (struct call){ POST_ORG, .body = many }, 400, "bad-json");
	free(many);
	world_free(w);
}

static void test_queries(void **state)
{
	static const struct { const char *query; int status; } cases[] = {
		{ "limit=2", 200 }, { "", 200 }, { "limit=0", 422 }, { "limit=201", 422 }, { "limit=x", 422 },
			{ "cursor=5", 422 }, { "cursor=k5", 422 }, { "cursor=n", 422 }, { "cursor=nm", 200 },
			{ "cursor=n01234567890123456789012345678901x", 422 },
		{ "nope=1", 422 }, { "limit", 400 }, { "limit=%zz", 400 }, { "limit=%00", 400 }, { "limit=%ff", 400 },
			{ "limit=1&limit=2", 400 },
		{ "limit=%32", 200 }, { "dry_run=true", 400 }, { "dry_run=maybe", 400 }, { "limit=2&", 400 },
	};
	struct world *w = rig_world();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(w, (struct call){ .path = "/v1/orgs", .query = cases[i].query }, cases[i].status, NULL);
	expect(w, (struct call){ .path = "/v1/nothing" }, 404, "no-such-route");
	expect(w, (struct call){ .path = "/v1/\xff\xc3" }, 404, "no-such-route");
	expect(w, (struct call){ .path = "/v1/users/\xe4\xb8" }, 404, "not-found");
	world_free(w);
}

/* The newest events of an org, oldest first; not together with a page. */
static void test_last_events(void **state)
{
	static const struct { const char *query; int status; } cases[] = { { "last=2", 200 }, { "last=0", 422 },
		{ "last=201", 422 }, { "last=2&after=1", 422 }, { "last=2&limit=5", 422 }, { "last=2&cursor=k1", 422 } };
	struct world *w = rig_world();
	struct lt_token zoe = rig_token(w, "zoe");
	struct answer a;
	json_t *v, *items;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(w, (struct call){ .path = "/v1/events", .query = cases[i].query }, cases[i].status, NULL);
	a = rig_call(w, (struct call){ .path = "/v1/events", .query = "last=2" });
	v = parsed(&a);
	items = json_object_get(v, "items");
	assert_int_equal(json_array_size(items), 2);
	assert_true(json_integer_value(json_object_get(json_array_get(items, 0), "id")) <
		json_integer_value(json_object_get(json_array_get(items, 1), "id")));
	json_decref(v);
	answer_free(&a);
	a = rig_call(w, (struct call){ .path = "/v1/events", .query = "last=200", .token = &zoe });
	v = parsed(&a);
	items = json_object_get(v, "items");
	for (size_t i = 0; i < json_array_size(items); i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(items, i), "org")), "zeta");
	assert_true(json_array_size(items) > 0);
	json_decref(v);
	answer_free(&a);
	world_free(w);
}

static void test_pages(void **state)
{
	struct world *w = rig_world();
	char query[64] = "limit=3", seen[200] = "";
	const char *next;
	int pages = 0;

	do {
		struct answer a = rig_call(w, (struct call){ .path = "/v1/users", .query = query });
		json_t *v = parsed(&a), *item;
		size_t i;
		json_array_foreach(json_object_get(v, "items"), i, item)
			lt_fmt(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ",
				json_string_value(json_object_get(item, "id")));
		next = json_string_value(json_object_get(v, "next_cursor"));
		lt_fmt(query, sizeof(query), "limit=3&cursor=%s", next ? next : "");
		pages++;
		assert_int_equal(next != NULL, pages < 3);
		json_decref(v);
		answer_free(&a);
	} while (pages < 3);
	assert_string_equal(seen, "alice bob finn mia olga root zoe ");
	world_free(w);
}

/* Rows appear before and behind the place where somebody reads on: each that was there is seen once, in order. */
static void test_pages_while_rows_are_added(void **state)
{
	static const struct { const char *path, *insert; } lists[] = {
		{ "/v1/orgs", "INSERT INTO org (id, name, created_at) VALUES (?1 || printf('%06d', ?2), 'n', 0)" },
		{ "/v1/users", "INSERT INTO user (id, org, name, role, created_at) VALUES (?1 || printf('%06d', ?2), 'acme', 'n', 'member', 0)" },
		{ "/v1/tokens", "INSERT INTO token (public_id, user, kind, secret_sha256, created_at, created_by, expires_at) VALUES "
			"(?1 || printf('%06d', ?2), 'bob', 'user', zeroblob(32), 0, 'bob', 1)" },
	};
	struct world *w = rig_world();

	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		char query[96] = "limit=4", last[LT_ID] = "";
		bool more = true;
		int seen = 0;

		for (int i = 0; i < 30; i++)
			db_run(w->db, lists[k].insert, "ti", "m", (int64_t)i);
		for (int page = 0; more; page++) {
			struct answer a = rig_call(w, (struct call){ .path = lists[k].path, .query = query });
			json_t *v = parsed(&a), *item;
			const char *next = json_string_value(json_object_get(v, "next_cursor"));
			size_t i;

			json_array_foreach(json_object_get(v, "items"), i, item) {
				const char *id = json_string_value(json_object_get(item, "id"));

				assert_true(strcmp(id, last) > 0);
				lt_fmt(last, sizeof(last), "%s", id);
				seen += id[0] == 'm' && id[1] == '0';
			}
			more = next != NULL;
			lt_fmt(query, sizeof(query), "limit=4&cursor=%s", next ? next : "");
			json_decref(v);
			answer_free(&a);
			db_run(w->db, lists[k].insert, "ti", "a", (int64_t)page);
			if (page < 9)
				db_run(w->db, lists[k].insert, "ti", "z", (int64_t)(99 - page));
			assert_int_equal(0, db_failed(w->db));
		}
		assert_int_equal(30, seen);
		assert_true(last[0] == 'z');
	}
	world_free(w);
}

/* How long the run bit was on and what was counted is shown to who decides about it, and to nobody else. */
static void test_staff_see_what_both_witnesses_saw(void **state)
{
	struct world *w = rig_world();
	struct lt_token of[] = { rig_token(w, "mia"), rig_token(w, "alice") };

	db_run(w->db, "UPDATE session SET on_ms = 3600500, counted_ms = 1200000 WHERE id = 1", "");
	assert_int_equal(0, db_failed(w->db));
	for (int k = 0; k < 2; k++) {
		struct answer a = rig_call(w, (struct call){ .method = METHOD_GET, .path = "/v1/sessions/S-1", .token = &of[k] });
		json_t *v = parsed(&a), *on = json_object_get(v, "run_bit_seconds"), *counted = json_object_get(v, "counted_seconds");

		assert_int_equal(200, a.status);
		assert_true(k == 0 ? json_integer_value(on) == 3600 && json_integer_value(counted) == 1200 :
			json_is_null(on) && json_is_null(counted));
		json_decref(v);
		answer_free(&a);
	}
	world_free(w);
}

/* The request itself takes the session out of its caller's reach; the retry after a lost answer gets the answer. */
static void disown_is_answered_again(struct world *w)
{
	struct lt_token alice = rig_token(w, "alice"), zoe = rig_token(w, "zoe");
	struct call c = { .method = METHOD_POST, .path = "/v1/sessions/S-1/disown", .key = "d1", .body = "{}",
		.token = &alice, .keep = true };
	struct answer a;

	db_run(w->db, "UPDATE session SET presumed = 1 WHERE id = 1", "");
	a = rig_call(w, c);
	assert_true(a.status == 200 && !a.replayed);
	answer_free(&a);
	a = rig_call(w, c);
	assert_true(a.status == 200 && a.replayed);
	answer_free(&a);
	c.key = "d2";
	expect(w, c, 404, "not-found");
	c.key = "d1";
	c.token = &zoe;
	expect(w, c, 404, "not-found");
}

static void test_keys(void **state)
{
	struct world *w = rig_world();
	const char *body = "{\"id\":\"nova\",\"name\":\"Nova\"}";
	struct answer a;

	expect(w, (struct call){ .method = METHOD_POST, .path = "/v1/orgs", .body = body }, 400,
		"idempotency-key-missing");
	expect(w, (struct call){ .method = METHOD_POST, .path = "/v1/orgs", .body = body, .key = "a b" }, 400,
		"bad-idempotency-key");
	a = rig_call(w, (struct call){ POST_ORG, .body = body, .keep = true });
	assert_int_equal(a.status, 201);
	assert_string_equal(a.location, "/v1/orgs/nova");
	assert_string_equal(a.etag, "1");
	assert_true(a.keep && !a.replayed);
	answer_free(&a);
	a = rig_call(w, (struct call){ POST_ORG, .body = body, .keep = true });
	assert_int_equal(a.status, 201);
	assert_true(a.replayed);
	assert_string_equal(a.location, "/v1/orgs/nova");
	answer_free(&a);
	expect(w, (struct call){ POST_ORG, .body = "{\"id\":\"other\",\"name\":\"Other\"}" }, 422, "key-reused");
	expect(w, (struct call){ .method = METHOD_POST, .path = "/v1/orgs", .key = "k2", .body = body, .keep = true },
		409, "exists");
	a = rig_call(w, (struct call){ .method = METHOD_POST, .path = "/v1/orgs", .key = "k2", .body = body });
	assert_true(a.status == 409 && a.replayed);
	answer_free(&a);
	disown_is_answered_again(w);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM org WHERE id = 'nova'"), 1);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'org.create' AND actor = 'uid:0'"), 1);
	world_free(w);
}

static void test_versions_and_dry_runs(void **state)
{
	struct world *w = rig_world();
	struct call c = { .method = METHOD_PATCH, .path = "/v1/orgs/acme", .body = "{\"name\":\"Acme 2\"}" };
	struct answer a;

	expect(w, c, 428, "if-match-missing");
	c.if_match = "x";
	expect(w, c, 400, "bad-if-match");
	c.if_match = "2";
	expect(w, c, 412, "version-conflict");
	c.if_match = "1";
	c.keep = true;
	c.query = "dry_run=true";
	a = rig_call(w, c);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "Acme 2"));
	answer_free(&a);
	assert_int_equal(world_int(w, "SELECT version FROM org WHERE id = 'acme'"), 1);
	c.query = NULL;
	a = rig_call(w, c);
	assert_string_equal(a.etag, "2");
	answer_free(&a);
	expect(w, c, 412, "version-conflict");
	assert_int_equal(world_int(w, "SELECT version FROM org WHERE id = 'acme'"), 2);
	world_free(w);
}

static void test_tokens(void **state)
{
	struct world *w = rig_world();
	struct lt_token root = rig_token(w, "root"), alice;
	struct call make = { .method = METHOD_POST, .path = "/v1/tokens", .key = "t", .body = "{\"user\":\"alice\"}",
		.token = &root, .keep = true };
	struct answer a = rig_call(w, make);
	json_t *v = parsed(&a);
	char path[64];

	assert_int_equal(a.status, 201);
	assert_true(lt_token_parse(json_string_value(json_object_get(v, "secret")), &alice));
	json_decref(v);
	answer_free(&a);
	a = rig_call(w, make); /* the retry: the secret was shown once */
	v = parsed(&a);
	assert_true(a.replayed && json_is_null(json_object_get(v, "secret")));
	json_decref(v);
	answer_free(&a);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM token"), 2);
	a = rig_call(w, (struct call){ .path = "/v1/whoami", .token = &alice });
	assert_non_null(strstr(a.body, "\"role\":\"member\""));
	answer_free(&a);
	assert_string_equal(w->effects.touch, alice.public_id);
	db_run(w->db, "UPDATE token SET last_used_at = ?1", "i", w->now.wall_ms - 60000);
	expect(w, (struct call){ .path = "/v1/whoami", .token = &alice }, 200, NULL);
	assert_string_equal(w->effects.touch, ""); /* a coarse grain */
	db_run(w->db, "UPDATE org SET active = 0 WHERE id = 'acme'", "");
	expect(w, (struct call){ .path = "/v1/whoami", .token = &alice }, 401, "login-needed");
	db_run(w->db, "UPDATE org SET active = 1", "");
	db_run(w->db, "UPDATE user SET active = 0 WHERE id = 'alice'", "");
	expect(w, (struct call){ .path = "/v1/whoami", .token = &alice }, 401, "login-needed");
	db_run(w->db, "UPDATE user SET active = 1", "");
	world_sleep(w, 91 * LT_DAY);
	expect(w, (struct call){ .path = "/v1/whoami", .token = &alice }, 401, "login-needed");
	world_sleep(w, -91 * LT_DAY);
	lt_fmt(path, sizeof(path), "/v1/tokens/%s", alice.public_id);
	expect(w, (struct call){ .method = METHOD_DELETE, .path = path, .token = &alice, .keep = true }, 204, NULL);
	expect(w, (struct call){ .path = "/v1/whoami", .token = &alice }, 401, "login-needed");
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM idem WHERE body LIKE '%lt_user_%'"), 0);
	world_free(w);
}

static void test_who_may_manage(void **state)
{
	static const struct { const char *user, *path, *body; int status; } cases[] = {
		{ "alice", "/v1/tokens", "{\"user\":\"bob\"}", 403 }, { "alice", "/v1/tokens", "{}", 201 },
			{ "mia", "/v1/tokens", "{\"user\":\"finn\"}", 403 },
		{ "alice", "/v1/tokens", "{\"user\":\"zoe\"}", 422 },
			{ "olga", "/v1/tokens", "{\"user\":\"bob\"}", 201 },
		{ "olga", "/v1/tokens", "{\"user\":\"zoe\"}", 422 },
			{ "root", "/v1/tokens", "{\"user\":\"mia\"}", 201 },
		{ "root", "/v1/tokens", "{\"user\":\"mia\",\"expires_at\":\"2028-01-01T00:00:00Z\"}", 422 },
		{ "olga", "/v1/users", "{\"id\":\"new\",\"name\":\"N\"}", 201 },
			{ "olga", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"org\":\"zeta\"}", 422 },
		{ "olga", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"role\":\"manager\"}", 422 },
		{ "mia", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"org\":\"zeta\"}", 201 },
		{ "mia", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"org\":\"lab\",\"role\":\"admin\"}", 403 },
		{ "root", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"org\":\"lab\",\"role\":\"admin\"}", 201 },
		{ "root", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"org\":\"acme\",\"role\":\"admin\"}", 422 },
		{ "root", "/v1/users", "{\"id\":\"new\",\"name\":\"N\",\"org\":\"nowhere\"}", 422 },
		{ "mia", "/v1/orgs", "{\"id\":\"new\",\"name\":\"N\",\"host\":true}", 403 },
	};
	struct world *w = rig_world();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lt_token t = rig_token(w, cases[i].user);
		expect(w, (struct call){ .method = METHOD_POST, .path = cases[i].path, .key = "k",
			.body = cases[i].body, .token = &t }, cases[i].status, NULL);
	}
	world_free(w);
}

static void test_deactivation(void **state)
{
	struct world *w = rig_world();
	struct lt_token root = rig_token(w, "root");

	expect(w, (struct call){ .method = METHOD_DELETE, .path = "/v1/users/alice", .if_match = "1" }, 409,
		"has-bookings");
	expect(w, (struct call){ .method = METHOD_DELETE, .path = "/v1/users/root", .if_match = "1", .token = &root },
		409, "self");
	expect(w, (struct call){ .method = METHOD_DELETE, .path = "/v1/users/finn", .if_match = "1", .keep = true },
		200, NULL);
	assert_int_equal(world_int(w, "SELECT active FROM user WHERE id = 'finn'"), 0);
	db_run(w->db, "UPDATE session SET booking = NULL WHERE id = 2", "");
	expect(w, (struct call){ .method = METHOD_DELETE, .path = "/v1/users/bob", .query = "cancel=true",
		.if_match = "1", .keep = true }, 200, NULL);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM booking WHERE user = 'bob' AND state = 'cancelled'"), 1);
	world_free(w);
}

static void test_local(void **state)
{
	struct world *w = rig_world();

	expect(w, (struct call){ .path = "/v1/whoami", .uid = 4711 }, 401, "login-needed");
	w->site.admins[0] = 4711;
	w->site.n_admins = 1;
	expect(w, (struct call){ .path = "/v1/whoami", .uid = 4711 }, 200, NULL);
	expect(w, (struct call){ .path = "/v1/doctor" }, 200, NULL);
	expect(w, (struct call){ .method = METHOD_POST, .path = "/v1/clock/accept", .key = "c",
		.body = "{\"reason\":\"it is right\"}" }, 409, "clock-steady");
	expect(w, (struct call){ .method = METHOD_POST, .path = "/v1/backups", .key = "b",
		.body = "{\"path\":\"relative.db\"}" }, 422, "bad-path");
	expect(w, (struct call){ .method = METHOD_POST, .path = "/v1/backups", .key = "b",
		.body = "{\"path\":\"/etc/passwd\"}" }, 409, "file-exists");
	world_free(w);
}

/* Does the doctor say that timers wait for the clock? */
static bool doctor_waits(struct world *w, const struct lt_token *who)
{
	struct answer a = rig_call(w, (struct call){ .path = "/v1/doctor", .token = who });
	json_t *v = parsed(&a), *one;
	bool ok = true;
	size_t k;

	json_array_foreach(json_object_get(v, "checks"), k, one)
		if (strcmp(json_string_value(json_object_get(one, "name")), "clock steps") == 0)
			ok = json_is_true(json_object_get(one, "ok"));
	assert_true(ok == !strstr(a.body, "releases wait until"));
	json_decref(v);
	answer_free(&a);
	return !ok;
}

static void test_a_manager_accepts_the_clock(void **state)
{
	struct world *w = rig_world();
	struct lt_token mia = rig_token(w, "mia"), alice = rig_token(w, "alice");
	struct call go = { .method = METHOD_POST, .path = "/v1/clock/accept", .key = "c", .keep = true,
		.body = "{\"reason\":\"the machine was paused\"}", .token = &alice };
	struct clock_view v = { 0 };

	for (int k = 0; k < 2; k++) {
		w->now.wall_ms += LT_HOUR;
		assert_int_equal(world_end(w, clock_notice(world_act(w, NULL), &v)), 0);
	}
	assert_true(doctor_waits(w, &mia));
	expect(w, go, 403, "forbidden");
	assert_true(doctor_waits(w, &mia));
	go.token = &mia;
	expect(w, go, 200, NULL);
	assert_false(doctor_waits(w, &mia));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'clock_accept' AND actor = 'mia' AND reason = "
		"'the machine was paused'"), 1);
	go.key = "again";
	expect(w, go, 409, "clock-steady");
	world_free(w);
}

static void test_routes_known(void **state)
{
	struct lt_err err = { 0 };
	char allow[64];

	assert_int_equal(api_configure(&(struct api_info){ .version = "1.2.3", .libevent = "libevent",
		.store_path = "/var/lib/labtime/labtime.db" }, &err), 0);
	assert_int_equal(api_route_known("GET", "/v1/orgs", allow), 0);
	assert_int_equal(api_route_known("PUT", "/v1/orgs/acme", allow), 405);
	assert_string_equal(allow, "GET, PATCH");
	assert_int_equal(api_route_known("GET", "/v1/orgs/acme/", allow), 404);
	assert_int_equal(api_route_known("GET", "/v1/orgs//", allow), 404);
	assert_int_equal(api_route_known("GET", "/v1", allow), 404);
	assert_int_equal(api_route_known("GET", "/v1/orgsx", allow), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_staff_see_what_both_witnesses_saw),
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_queries), cmocka_unit_test(test_pages),
			cmocka_unit_test(test_last_events),
			cmocka_unit_test(test_pages_while_rows_are_added),
			cmocka_unit_test(test_keys),
		cmocka_unit_test(test_versions_and_dry_runs), cmocka_unit_test(test_tokens),
			cmocka_unit_test(test_who_may_manage),
		cmocka_unit_test(test_deactivation), cmocka_unit_test(test_local),
			cmocka_unit_test(test_a_manager_accepts_the_clock), cmocka_unit_test(test_routes_known),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
