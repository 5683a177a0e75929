/*
 * body.c - method, path, query and body of a request that passed the fence, through the routes, on a store in memory;
 * nothing is kept. The first line is method and path, the rest the body. For any bytes: no answer of 500 and above, and
 * what is refused is a problem document that says its code.
 */
#include <stdlib.h>
#include <string.h>

#include "api_rig.h"
#include "base/base.h"
#include "common/fmt.h"
#include "fuzz.h"

static struct world *world;
static struct lt_token member;

static void unload(void)
{
	world_free(world);
}

static void load(void)
{
	log_level_set(LOG_ERROR_LEVEL);
	world = rig_world();
	member = rig_token(world, "alice");
	atexit(unload);
}

static void check_refusal(const struct answer *a)
{
	json_error_t e;
	json_t *p = json_loads(a->body, JSON_REJECT_DUPLICATES, &e);
	const char *code = json_string_value(json_object_get(p, "code"));

	fuzz_promise(p != NULL && code != NULL && *code);
	fuzz_promise(json_integer_value(json_object_get(p, "status")) == a->status);
	json_decref(p);
}

/* "POST /v1/bookings?dry_run=true" */
static bool take_head(char *head, struct call *c)
{
	static const struct { const char *name; enum method method; } methods[] = { { "GET ", METHOD_GET },
		{ "POST ", METHOD_POST }, { "PATCH ", METHOD_PATCH }, { "DELETE ", METHOD_DELETE } };
	char *query;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t n = strlen(methods[i].name);

		if (strncmp(head, methods[i].name, n) != 0)
			continue;
		c->method = methods[i].method;
		c->path = head + n;
		query = strchr(head + n, '?');
		if (query)
			*query++ = '\0';
		c->query = query;
		return c->path[0] == '/';
	}
	return false;
}

static int body_input(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1), *body;
	struct call c = { .key = "fuzz", .if_match = "\"1\"" };
	struct answer a;
	int accepted = 0;

	if (!world)
		load();
	fuzz_promise(text != NULL);
	if (n)
		memcpy(text, p, n);
	text[n] = '\0';
	body = strchr(text, '\n');
	if (body)
		*body++ = '\0';
	c.body = body && *body ? body : NULL;
	c.token = n % 2 ? &member : NULL;
	if (strlen(text) == n - (c.body ? strlen(c.body) + 1 : body != NULL) && lt_utf8_valid(text, strlen(text)) &&
	    take_head(text, &c)) {
		a = rig_call(world, c);
		fuzz_promise(a.r >= 0 && a.status >= 200 && a.status < 500);
		if (a.status >= 400)
			check_refusal(&a);
		accepted = a.status < 300;
		answer_free(&a);
	}
	free(text);
	return accepted;
}

static const struct fuzz_text seeds[] = {
	FUZZ_TEXT("POST /v1/quotes\n"
		"{\"instrument\":\"krios-1\",\"from\":\"2026-12-03T09:00:00+08:00\",\"to\":\"2026-12-03T11:00:00+08:00\"}"),
	FUZZ_TEXT("POST /v1/bookings\n{\"instrument\":\"krios-1\",\"from\":\"2026-12-03T09:00:00+08:00\",\"to\":\"2026-12-03T11:00:00+08:00\"}"),
	FUZZ_TEXT("POST /v1/bookings?dry_run=true\n{\"kind\":\"microscope\",\"from\":\"2026-12-03T09:00:00Z\",\"to\":\"2026-12-03T10:00:00Z\","
		"\"note\":\"\xe6\x98\xbe\"}"),
	FUZZ_TEXT("PATCH /v1/bookings/B-1?dry_run=true\n{\"from\":\"2026-12-03T09:00:00Z\",\"to\":\"2026-12-03T11:00:00Z\"}"),
	FUZZ_TEXT("POST /v1/bookings/B-1/cancel?dry_run=true\n{\"reason\":\"ill\"}"),
	FUZZ_TEXT("GET /v1/availability?duration_seconds=3600&instrument=krios-1&after=2026-12-03T09:00:00%2B08:00&limit=5\n"),
	FUZZ_TEXT("GET /v1/bookings?limit=2&cursor=\n"), FUZZ_TEXT("GET /v1/charges?period=2026-11&limit=1\n"),
	FUZZ_TEXT("GET /v1/usage?period=2026-11&by=instrument\n"), FUZZ_TEXT("GET /v1/instruments/krios-1/calendar?from=2026-12-01T00:00:00Z&"
		"to=2026-12-02T00:00:00Z\n"),
	FUZZ_TEXT("POST /v1/instruments/krios-1/prices\n{\"rate\":\"120.00\",\"overrun\":\"150%\",\"reason\":\"new year\"}"),
	FUZZ_TEXT("POST /v1/blocks\n{\"instrument\":\"krios-1\",\"from\":\"2026-12-05T09:00:00Z\",\"to\":\"2026-12-05T12:00:00Z\",\"reason\":\"pump\","
		"\"displace\":true}"),
	FUZZ_TEXT("POST /v1/orgs\n{\"id\":\"bolt\",\"name\":\"Bolt\"}"),
	FUZZ_TEXT("POST /v1/users\n{\"id\":\"cy\",\"org\":\"acme\",\"name\":\"Cy\",\"role\":\"member\"}"),
	FUZZ_TEXT("POST /v1/claims\n{\"instrument\":\"krios-1\",\"at\":\"2026-11-25T09:00:00Z\",\"note\":\"mine\"}"),
};

static const struct fuzz_text words[] = {
	FUZZ_TEXT("{"), FUZZ_TEXT("}"), FUZZ_TEXT("["), FUZZ_TEXT("]"), FUZZ_TEXT("\""), FUZZ_TEXT(","), FUZZ_TEXT(":"),
	FUZZ_TEXT("\\u0000"),
	FUZZ_TEXT("\\ud800"), FUZZ_TEXT("null"), FUZZ_TEXT("true"), FUZZ_TEXT("-1"), FUZZ_TEXT("1e999"), FUZZ_TEXT("9223372036854775808"),
	FUZZ_TEXT("0.1"), FUZZ_TEXT("\"from\":\"2026-12-03T09:00:00Z\","), FUZZ_TEXT("\"override\":\"because\","), FUZZ_TEXT("\"user\":\"zoe\","),
	FUZZ_TEXT("\"x\":{\"x\":{\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}},"), FUZZ_TEXT("9999-12-31T23:59:59Z"), FUZZ_TEXT("+24:00"),
	FUZZ_TEXT("0001-01-01T00:00:00Z"), FUZZ_TEXT("' OR 1=1 --"), FUZZ_TEXT("%27"), FUZZ_TEXT("%00"), FUZZ_TEXT("B-99999999999999999999"),
	FUZZ_TEXT("&limit=100000"), FUZZ_TEXT("&cursor=A"), FUZZ_TEXT("&dry_run=maybe"), FUZZ_TEXT("/"), FUZZ_TEXT("?"), FUZZ_TEXT("\n"),
	FUZZ_TEXT("\xff"), FUZZ_TEXT("\xe6\x98\xbe"), FUZZ_TEXT("@microscope"), FUZZ_TEXT("@"),
};

const struct fuzz_target fuzz_target = { "bodies of requests", seeds, sizeof(seeds) / sizeof(seeds[0]), words,
	sizeof(words) / sizeof(words[0]), 60000, body_input };
