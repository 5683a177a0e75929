/*
 * ask.c - one question to the daemon: endpoint, request, answer as JSON, exit code; and the site's zone and clock.
 * Owns the connection of this run. Fails with the exit code of PRODUCT.md after saying why on stderr.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "common/fmt.h"
#include "common/money.h"

int ask_connect(struct cli *c)
{
	struct lt_err err;

	if (!c->endpoint_known) {
		if (config_load(&c->config, &err) < 0)
			return fail_err(EXIT_FAILED, &err);
		if (endpoint_resolve(&c->endpoint, &c->config, args_get(&c->args, "context"), &err) < 0)
			return fail_err(strcmp(err.code, "usage") == 0 ? EXIT_USAGE : EXIT_LOGIN, &err);
		c->endpoint_known = true;
	}
	if (!c->transport.curl && transport_open(&c->transport, &c->endpoint, args_has(&c->args, "verbose"), &err) < 0)
		return fail_err(strcmp(err.code, "usage") == 0 ? EXIT_USAGE : EXIT_FAILED, &err);
	return EXIT_OK;
}

/* A value that the daemon refuses: no such thing (3), not a rule (6) but a slip of the hand (2). */
static int code_of_value(const char *code, const char *field)
{
	static const char *const rules[] = { "max-price", "refused", "nobody-to-charge", NULL };

	if (strcmp(code, "key-reused") == 0 || strcmp(code, "file-unwritable") == 0)
		return EXIT_FAILED;
	if (strcmp(code, "unknown-member") == 0 || strcmp(code, "unknown-key") == 0)
		return EXIT_USAGE;
	if (strncmp(code, "unknown-", 8) == 0 || strncmp(code, "no-such-", 8) == 0)
		return EXIT_NOT_FOUND;
	for (int i = 0; rules[i]; i++)
		if (strcmp(code, rules[i]) == 0)
			return EXIT_RULE;
	return *field || strcmp(code, "bad-request") == 0 ? EXIT_USAGE : EXIT_RULE;
}

int exit_code_of(long status, json_t *problem)
{
	const char *code = TEXT(problem, "code"), *field = TEXT(problem, "field");
	bool rules = json_array_size(json_object_get(problem, "violations")) > 0;

	switch (status) {
	case 401: case 403: return EXIT_LOGIN;
	case 404: return EXIT_NOT_FOUND;
	case 409: case 412: return EXIT_CONFLICT;
	case 429: case 503: return EXIT_UNREACHABLE;
	case 400: return EXIT_USAGE;
	case 422:
		return rules || !code ? EXIT_RULE : code_of_value(code, field ? field : "");
	default: return EXIT_FAILED;
	}
}

/* The JSON of an answer; an object that stands for it when there is none. */
static json_t *parse(const struct answer *a)
{
	json_error_t e;
	json_t *v = a->size ? json_loadb(a->body, a->size, JSON_REJECT_DUPLICATES, &e) : NULL;

	return v;
}

static int judge(struct cli *c, struct answer *a, unsigned flags, json_t **ret)
{
	json_t *v = parse(a);
	int rc;

	memcpy(c->etag, a->etag, sizeof c->etag);
	if (a->status >= 200 && a->status < 300) {
		if (!v && a->status != 204)
			return fail(EXIT_FAILED, "bad-answer", "the answer is not JSON; is this a labtimed?");
		*ret = v;
		return EXIT_OK;
	}
	if (flags & ASK_QUIET) {
		rc = exit_code_of(a->status, v);
		if (v)
			json_object_set_new(v, "status", json_integer(a->status));
		*ret = v;
		return rc;
	}
	rc = problem_print(c, a->status, v);
	json_decref(v);
	return rc;
}

int ask(struct cli *c, const char *method, const char *path, json_t *body, const char *if_match, unsigned flags,
	json_t **ret)
{
	char key[TRANSPORT_KEY], *text = NULL;
	struct request rq = { .method = method, .path = path, .if_match = if_match };
	struct answer a = { 0 };
	struct lt_err err;
	int rc = ask_connect(c);

	*ret = NULL;
	if (!rc && !body && strcmp(method, "POST") == 0)
		body = json_object();
	if (!rc && body && !(rq.body = text = json_dumps(body, JSON_COMPACT)))
		rc = fail(EXIT_USAGE, "usage", "this is not UTF-8 text");
	json_decref(body);
	if (!rc && flags & ASK_KEY) {
		if (transport_key(key) < 0)
			rc = fail(EXIT_FAILED, "failed", "the kernel gives no random numbers: %s", strerror(errno));
		rq.key = key;
	}
	if (!rc && (rc = transport_ask(&c->transport, &rq, &a, &err)) != 0)
		fail_err(rc, &err);
	free(text);
	if (!rc)
		rc = judge(c, &a, flags, ret);
	answer_free(&a);
	return rc;
}

int ask_get(struct cli *c, const char *path, json_t **ret)
{
	return ask(c, "GET", path, NULL, NULL, 0, ret);
}

int ask_all(struct cli *c, const char *path, json_t **ret)
{
	json_t *all = NULL, *page, *items;
	struct path p;
	const char *cursor = NULL;
	char next[512];
	int rc;

	for (int pages = 0; ; pages++) {
		path_set(&p, path);
		path_query(&p, "limit", "200");
		path_query(&p, "cursor", cursor);
		if ((rc = p.full ? fail(EXIT_USAGE, "usage", "the request is too long") : ask_get(c, p.text, &page)) != 0)
			break;
		items = json_object_get(page, "items");
		cursor = TEXT(page, "next_cursor");
		if (cursor && (strlen(cursor) >= sizeof next || pages >= 100000))
			cursor = NULL;
		if (cursor)
			cursor = memcpy(next, cursor, strlen(cursor) + 1);
		if (!all) {
			all = json_incref(page);
			json_object_set_new(all, "next_cursor", json_null());
		} else {
			json_array_extend(json_object_get(all, "items"), items);
		}
		json_decref(page);
		if (!cursor) {
			*ret = all;
			return EXIT_OK;
		}
	}
	json_decref(all);
	*ret = NULL;
	return rc;
}

/* Loads a zone by its name from the system's zone data. */
static int load_zone(struct cli *c, const char *name)
{
	static uint8_t tzif[262144];
	const char *dir = getenv("TZDIR");
	struct lt_err err;
	char path[512];
	size_t n;
	FILE *f;

	if (!*name || strlen(name) >= sizeof c->zone.name || name[0] == '/' || strstr(name, ".."))
		return fail(EXIT_FAILED, "bad-zone", "the site's time zone '%.60s' is no zone name", name);
	snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
	f = fopen(path, "rbe");
	if (!f && strcmp(name, "UTC") == 0)
		return lt_zone_utc(&c->zone), EXIT_OK;
	if (!f)
		return fail(EXIT_FAILED, "no-zone-data",
			"this machine has no data for the site's time zone %s (%s); cure: apt install tzdata", name, path);
	n = fread(tzif, 1, sizeof tzif, f);
	fclose(f);
	if (lt_zone_parse(&c->zone, name, tzif, n, &err) < 0)
		return fail_err(EXIT_FAILED, &err);
	return EXIT_OK;
}

int ask_site(struct cli *c)
{
	json_t *site, *exponent;
	const char *zone, *now, *currency;
	int rc;

	if (c->site_known)
		return EXIT_OK;
	if ((rc = ask_get(c, "/v1/site", &site)) != 0)
		return rc;
	zone = TEXT(site, "timezone");
	now = TEXT(site, "now");
	currency = TEXT(site, "currency");
	exponent = json_object_get(site, "exponent");
	if (!zone || !now || !lt_rfc3339_parse(now, &c->now)) {
		rc = fail(EXIT_FAILED, "bad-answer", "the answer of /v1/site lacks the zone or the time; is this a labtimed?");
	} else {
		lt_fmt(c->site_name, sizeof c->site_name, "%s", TEXT(site, "name") ? TEXT(site, "name") : "");
		lt_fmt(c->currency, sizeof c->currency, "%s", currency ? currency : "");
		c->exponent = json_is_integer(exponent) ? (int)json_integer_value(exponent) : lt_currency_exponent(c->currency);
		rc = load_zone(c, zone);
	}
	if (!rc) {
		c->out.now = c->now;
		c->site_known = true;
	}
	json_decref(site);
	return rc;
}
