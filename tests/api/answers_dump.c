/*
 * answers_dump.c - asks every route as every role in process and prints one JSON object a line {method, path, status,
 * body}, for test_answers.py, which holds them to the document.
 */
#include <stdio.h>
#include <string.h>

#include "api_rig.h"
#include "base/base.h"
#include "common/fmt.h"

static const char *const methods[] = { "get", "post", "patch", "delete" };

/* Bodies and queries that are accepted, so that the answers are not all problems. */
static const struct { enum method method; const char *path, *query, *body; } good[] = {
	{ METHOD_GET, "/v1/free", "duration_seconds=3600&instrument=krios-1", NULL },
	{ METHOD_GET, "/v1/instruments/{instrument}/calendar", "from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z",
		NULL },
	{ METHOD_GET, "/v1/blocks", "instrument=krios-1&from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z", NULL },
	{ METHOD_GET, "/v1/usage", "from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z&by=instrument", NULL },
	{ METHOD_GET, "/v1/bill", "period=2026-11", NULL },
	{ METHOD_GET, "/v1/charges", "period=2026-11", NULL },
	{ METHOD_POST, "/v1/quotes", NULL,
		"{\"instrument\":\"seq-1\",\"from\":\"2026-12-02T01:00:00Z\",\"to\":\"2026-12-02T02:00:00Z\"}" },
	{ METHOD_POST, "/v1/quotes", NULL,
		"{\"instrument\":\"krios-1\",\"from\":\"2026-12-01T01:30:00Z\",\"to\":\"2026-12-01T02:00:01Z\"}" },
	{ METHOD_POST, "/v1/bookings", NULL,
		"{\"instrument\":\"seq-1\",\"from\":\"2026-12-02T01:00:00Z\",\"to\":\"2026-12-02T02:00:00Z\"}" },
	{ METHOD_POST, "/v1/bookings", NULL,
		"{\"instrument\":\"krios-1\",\"from\":\"2026-12-01T01:30:00Z\",\"to\":\"2026-12-01T02:15:00Z\"}" },
	{ METHOD_PATCH, "/v1/bookings/{booking}", NULL, "{\"note\":\"another\"}" },
	{ METHOD_POST, "/v1/blocks", NULL,
		"{\"instrument\":\"seq-1\",\"from\":\"2026-12-03T01:00:00Z\",\"to\":\"2026-12-03T02:00:00Z\",\"reason\":\"service\"}" },
	{ METHOD_POST, "/v1/instruments/{instrument}/prices", NULL,
		"{\"effective_at\":\"2026-12-05T00:00:00Z\",\"rate\":\"120.00\"}" },
	{ METHOD_PATCH, "/v1/instruments/{instrument}", NULL, "{\"notes\":\"lens changed\"}" },
	{ METHOD_POST, "/v1/claims", NULL, "{\"instrument\":\"krios-1\",\"at\":\"2026-11-30T15:00:00Z\"}" },
	{ METHOD_POST, "/v1/exports", NULL, "{\"period\":\"2026-11\",\"format\":\"csv\"}" },
	{ METHOD_POST, "/v1/orgs", NULL, "{\"id\":\"new\",\"name\":\"New\"}" },
	{ METHOD_PATCH, "/v1/orgs/{org}", NULL, "{\"name\":\"Other\"}" },
	{ METHOD_POST, "/v1/users", NULL, "{\"id\":\"new\",\"org\":\"acme\",\"name\":\"New\"}" },
	{ METHOD_PATCH, "/v1/users/{user}", NULL, "{\"name\":\"Other\"}" },
	{ METHOD_POST, "/v1/tokens", NULL, "{\"note\":\"laptop\"}" },
};

static void path_of(const struct route *r, const char *token, char dst[200])
{
	static const struct { const char *name, *value; } names[] = {
		{ "{booking}", "B-1" }, { "{session}", "S-1" }, { "{charge}", "C-1" }, { "{claim}", "L-1" },
			{ "{org}", "acme" }, { "{user}", "alice" },
		{ "{instrument}", "krios-1" }, { "{export}", "X-1" }, { "{block}", "K-1" }, { "{item}", "V-1" },
	};
	const char *open = strchr(r->path, '{'), *value = token;

	lt_fmt(dst, 200, "%s", r->path);
	if (!open)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(open, names[i].name, strlen(names[i].name)) == 0)
			value = names[i].value;
	lt_fmt(dst, 200, "%.*s%s%s", (int)(open - r->path), r->path, value, strchr(open, '}') + 1);
}

static void ask(struct world *w, const struct route *r, const struct lt_token *t, const char *query, const char *body)
{
	char path[200], key[40];
	static int n;
	struct answer a;

	path_of(r, t->public_id, path);
	lt_fmt(key, sizeof(key), "key-%d", n++);
	a = rig_call(w, (struct call){ .method = r->method, .path = path, .query = query, .body = body, .key = key,
		.if_match = "1", .token = t });
	printf("{\"method\":\"%s\",\"path\":\"%s\",\"status\":%d,\"body\":%s}\n", methods[r->method], r->path, a.status,
	       a.body[0] == '{' ? a.body : "null");
	answer_free(&a);
}

int main(void)
{
	static const char *const users[] = { "alice", "olga", "mia", "finn", "root" };
	struct world *w = rig_world();

	log_level_set(LOG_ERROR_LEVEL);
	for (int u = 0; u < 5; u++) {
		struct lt_token t = rig_token(w, users[u]);
		for (int i = 0; i < 6; i++)
			for (const struct route *r = rig_tables[i]; r->path; r++) {
				ask(w, r, &t, NULL, r->method == METHOD_GET ? NULL : "{}");
				for (size_t g = 0; g < sizeof(good) / sizeof(good[0]); g++)
					if (good[g].method == r->method && strcmp(good[g].path, r->path) == 0)
						ask(w, r, &t, good[g].query, good[g].body);
			}
	}
	world_free(w);
	return 0;
}
