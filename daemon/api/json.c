/*
 * json.c - bodies and queries in (strict, bounded, one clear refusal), values out. Owns nothing beyond the request.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api_parts.h"
#include "common/fmt.h"
#include "common/money.h"

#define DEPTH_MAX 16
#define MEMBERS_MAX 128
#define STRING_MAX 4096

static int bad(struct act *a, const char *field, const char *text)
{
	return act_refuse(a, 422, "bad-request", field, "%s", text);
}

bool json_visible(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* Bodies ------------------------------------------------------------------------------------------------- */

/* Depth is judged before anything is parsed: the parser would recurse. */
static bool too_deep(const char *p, size_t n)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (!in_string && (p[i] == '{' || p[i] == '[') && ++depth > DEPTH_MAX)
			return true;
		else if (!in_string && (p[i] == '}' || p[i] == ']'))
			depth--;
	}
	return false;
}

static const char *too_much(const json_t *v, int *members)
{
	const char *key, *why = NULL;
	json_t *inner;
	size_t i;

	if (json_is_string(v) && json_string_length(v) > STRING_MAX)
		return "a string is longer than 4096 bytes";
	if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, inner)
			if (!why && !(why = too_much(inner, members)) && ++*members > MEMBERS_MAX)
				why = "more than 128 members";
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, inner)
			if (!why && !(why = too_much(inner, members)) && ++*members > MEMBERS_MAX)
				why = "more than 128 members";
	}
	return why;
}

int json_body(struct act *a, struct api_request *rq)
{
	const struct msg_request *m = rq->m;
	const char *why;
	json_error_t e;
	int members = 0;

	if (m->method == METHOD_GET || m->method == METHOD_DELETE || m->body_size == 0) {
		rq->body = json_object();
		return rq->body ? 0 : DB_NOMEM;
	}
	if (m->body_size > REQUEST_BODY_MAX || too_deep(m->body, m->body_size))
		return act_refuse(a, 400, "bad-json", "", "the body is nested deeper than %d or larger than 64 KiB",
			DEPTH_MAX);
	rq->body = json_loadb(m->body, m->body_size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (!rq->body)
		return act_refuse(a, 400, "bad-json", "", "the body is not JSON at line %d, column %d: %s", e.line,
			e.column, e.text);
	why = json_is_object(rq->body) ? too_much(rq->body, &members) : "the body must be an object, like {}";
	return why ? act_refuse(a, 400, "bad-json", "", "%s", why) : 0;
}

static json_t *member(struct act *a, struct api_request *rq, const char *name, unsigned flags, int *r)
{
	json_t *v = json_object_get(rq->body, name);

	*r = 0;
	if (v && !json_is_null(v))
		return v;
	if (!(flags & OPTIONAL))
		*r = act_refuse(a, 422, "bad-request", name, "%s is missing", name);
	return NULL;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

int api_text(struct act *a, struct api_request *rq, const char *name, unsigned flags, char *dst, size_t cap)
{
	json_t *v;
	int r;

	v = member(a, rq, name, flags, &r);
	if (!v)
		return r;
	if (!json_is_string(v))
		return act_refuse(a, 422, "bad-request", name, "%s must be a string", name);
	if (json_string_length(v) >= cap)
		return act_refuse(a, 422, "bad-request", name, "%s is longer than %zu bytes", name, cap - 1);
	if (has_control(json_string_value(v)))
		return act_refuse(a, 422, "bad-request", name, "%s holds a control character", name);
	if (json_string_length(v) == 0 && !(flags & OPTIONAL))
		return act_refuse(a, 422, "bad-request", name, "%s is empty", name);
	lt_fmt(dst, cap, "%s", json_string_value(v));
	return 0;
}

static int instant(struct act *a, const char *name, const char *text, int64_t *ret_ms)
{
	if (text && lt_rfc3339_parse(text, ret_ms))
		return 0;
	return act_refuse(a, 422, "bad-request", name, "%s must be an RFC 3339 time with an offset, like "
		"2026-11-24T09:00:00+08:00", name);
}

int api_instant(struct act *a, struct api_request *rq, const char *name, unsigned flags, int64_t *ret_ms)
{
	json_t *v;
	int r;

	v = member(a, rq, name, flags, &r);
	return v ? instant(a, name, json_string_value(v), ret_ms) : r;
}

int api_int(struct act *a, struct api_request *rq, const char *name, unsigned flags, int64_t min, int64_t max,
	int64_t *ret)
{
	json_t *v;
	int r;

	v = member(a, rq, name, flags, &r);
	if (!v)
		return r;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return act_refuse(a, 422, "bad-request", name, "%s must be a whole number from %lld to %lld", name,
			(long long)min, (long long)max);
	*ret = json_integer_value(v);
	return 0;
}

int api_bool(struct act *a, struct api_request *rq, const char *name, unsigned flags, bool *ret)
{
	json_t *v;
	int r;

	v = member(a, rq, name, flags, &r);
	if (!v)
		return r;
	if (!json_is_boolean(v))
		return act_refuse(a, 422, "bad-request", name, "%s must be true or false", name);
	*ret = json_is_true(v);
	return 0;
}

static bool in_list(const char *const names[], const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static int stranger(struct act *a, const char *what, const char *name, const char *const names[])
{
	char known[300] = "none";

	for (size_t n = 0; *names && n < sizeof(known); names++)
		n += lt_fmt(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", *names);
	return act_refuse(a, 422, "unknown-member", name, "unknown %s; known are: %s", what, known);
}

int api_only(struct act *a, struct api_request *rq, const char *const names[])
{
	const char *key;
	json_t *v;

	json_object_foreach(rq->body, key, v)
		if (!in_list(names, key))
			return stranger(a, "member", key, names);
	return 0;
}

/* Queries ------------------------------------------------------------------------------------------------ */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' &&
		c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. '+' stays '+': times carry it. */
static bool decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%') {
			int hi = hex(s[1]), lo = hi < 0 ? -1 : hex(s[2]);
			if (lo < 0 || (hi == 0 && lo == 0))
				return false;
			*to++ = (char)(hi << 4 | lo);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return true;
}

static int add_pair(struct act *a, struct api_request *rq, char *pair)
{
	char *value = strchr(pair, '=');

	if (!value)
		return act_refuse(a, 400, "bad-query", "", "write each parameter as name=value");
	*value++ = '\0';
	if (!decode(pair) || !decode(value) || !lt_utf8_valid(value, strlen(value)) ||
		!lt_utf8_valid(pair, strlen(pair)) || has_control(value))
		return act_refuse(a, 400, "bad-query", "", "a parameter is not valid percent-encoded UTF-8");
	if (api_query(rq, pair))
		return act_refuse(a, 400, "bad-query", pair, "%s is given twice", pair);
	if (rq->n_query == API_QUERY_MAX)
		return act_refuse(a, 400, "bad-query", "", "more than %d parameters", API_QUERY_MAX);
	rq->query[rq->n_query].name = pair;
	rq->query[rq->n_query++].value = value;
	return 0;
}

int json_query(struct act *a, struct api_request *rq)
{
	char *p, *next;
	int r = 0;

	if (!rq->m->query || rq->m->query[0] == '\0')
		return 0;
	rq->query_text = p = strdup(rq->m->query);
	if (!p)
		return DB_NOMEM;
	for (; p && r == 0; p = next) {
		next = strchr(p, '&');
		if (next)
			*next++ = '\0';
		r = add_pair(a, rq, p);
	}
	return r;
}

const char *api_query(struct api_request *rq, const char *name)
{
	for (int i = 0; i < rq->n_query; i++)
		if (strcmp(rq->query[i].name, name) == 0)
			return rq->query[i].value;
	return NULL;
}

int api_query_instant(struct act *a, struct api_request *rq, const char *name, unsigned flags, int64_t *ret_ms)
{
	const char *v = api_query(rq, name);

	if (!v)
		return flags & OPTIONAL ? 0 : act_refuse(a, 422, "bad-request", name, "%s is missing", name);
	return instant(a, name, v, ret_ms);
}

int api_query_int(struct act *a, struct api_request *rq, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	const char *v = api_query(rq, name);

	if (!v || lt_parse_i64(v, min, max, ret))
		return 0;
	return act_refuse(a, 422, "bad-request", name, "%s must be a whole number from %lld to %lld", name,
		(long long)min, (long long)max);
}

int api_only_query(struct act *a, struct api_request *rq, const char *const names[])
{
	for (int i = 0; i < rq->n_query; i++)
		if (strcmp(rq->query[i].name, "dry_run") != 0 && !in_list(names, rq->query[i].name))
			return stranger(a, "parameter", rq->query[i].name, names);
	return 0;
}

static int bad_cursor(struct act *a)
{
	return bad(a, "cursor", "use the next_cursor of an earlier answer as it is");
}

int api_page(struct act *a, struct api_request *rq, int64_t *ret_after, int64_t *ret_limit)
{
	const char *cursor = api_query(rq, "cursor");

	*ret_after = 0;
	*ret_limit = 50;
	if (cursor && (cursor[0] != 'k' || !lt_parse_i64(cursor + 1, 1, INT64_MAX, ret_after)))
		return bad_cursor(a);
	return api_query_int(a, rq, "limit", 1, 200, ret_limit);
}

int api_page_named(struct act *a, struct api_request *rq, const char **ret_after, int64_t *ret_limit)
{
	const char *cursor = api_query(rq, "cursor");

	*ret_after = cursor ? cursor + 1 : "";
	*ret_limit = 50;
	if (cursor && (cursor[0] != 'n' || !cursor[1] || strlen(cursor) > LT_ID))
		return bad_cursor(a);
	return api_query_int(a, rq, "limit", 1, 200, ret_limit);
}

/* Values out --------------------------------------------------------------------------------------------- */

json_t *api_items(json_t *items, int64_t next_cursor)
{
	char cursor[32];

	lt_fmt(cursor, sizeof(cursor), "k%lld", (long long)next_cursor);
	return json_pack("{s:o, s:o}", "items", items, "next_cursor", next_cursor ? json_string(cursor) : json_null());
}

json_t *api_items_named(json_t *items, const char *next)
{
	char cursor[LT_ID + 1];

	lt_fmt(cursor, sizeof(cursor), "n%s", next);
	return json_pack("{s:o, s:o}", "items", items, "next_cursor", next[0] ? json_string(cursor) : json_null());
}

bool api_id(const char *s, char letter, int64_t *ret)
{
	return s[0] == letter && s[1] == '-' && s[2] != '0' && lt_parse_i64(s + 2, 1, INT64_MAX, ret);
}

json_t *json_instant(const struct site *s, int64_t at_ms)
{
	char text[40];

	lt_rfc3339(text, sizeof(text), at_ms, lt_zone_offset(&s->zone, at_ms));
	return json_string(text);
}

json_t *json_instant_or_null(const struct site *s, int64_t at_ms)
{
	return at_ms ? json_instant(s, at_ms) : json_null();
}

json_t *json_money(const struct site *s, int64_t minor)
{
	char text[32];

	lt_money_text(text, sizeof(text), minor, s->exponent);
	return json_pack("{s:s, s:s}", "amount", text, "currency", s->currency);
}

json_t *json_factor(int64_t pm)
{
	char text[24];

	lt_fmt(text, sizeof(text), "%lld.%03d", (long long)(pm / 1000), (int)(pm % 1000));
	return json_string(text);
}

json_t *json_id(char letter, int64_t id)
{
	char text[32];

	if (id == 0)
		return json_null();
	lt_fmt(text, sizeof(text), "%c-%lld", letter, (long long)id);
	return json_string(text);
}

/* A text that was cut in the middle of a character loses its tail; anything else that is not UTF-8 is replaced. */
json_t *json_safe(const char *s)
{
	size_t n = strlen(s);
	char copy[1024];

	for (int cut = 0; cut < 4 && (size_t)cut <= n; cut++)
		if (lt_utf8_valid(s, n - (size_t)cut))
			return json_stringn(s, n - (size_t)cut);
	lt_fmt(copy, sizeof(copy), "%s", s);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(copy);
}

json_t *json_text(const char *s)
{
	return s && *s ? json_safe(s) : json_null();
}
