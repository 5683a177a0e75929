/* problem.c - refusals as RFC 9457 problem documents. Owns nothing. */
#include "api/api_parts.h"
#include "api/words.h"

static const struct { int status; const char *title; } titles[] = {
	{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" },
	{ 409, "Conflict" }, { 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" }, { 428, "Precondition Required" }, { 429, "Too Many Requests" },
		{ 503, "Service Unavailable" },
};

static const char *problem_title(int status)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

static json_t *violations(const struct verdict *v)
{
	json_t *list = json_array();

	for (int i = 0; i < v->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "rule", v->v[i].rule, "code",
			v->v[i].code, "class", v->v[i].class == RULE_STAFF ? "STAFF" : "HARD", "limit",
			json_safe(v->v[i].limit), "value", json_safe(v->v[i].value), "detail",
			json_safe(v->v[i].text)));
	return list;
}

static json_t *conflicts(const struct act *a)
{
	const struct refusal *r = &a->refusal;
	json_t *list = json_array();

	for (int i = 0; i < r->n_conflicts; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "from", json_instant(a->site, r->conflicts[i].from),
			"to", json_instant(a->site, r->conflicts[i].to)));
	return list;
}

static json_t *suggestions(const struct act *a)
{
	const struct refusal *r = &a->refusal;
	json_t *list = json_array();

	for (int i = 0; i < r->n_suggestions; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "instrument", r->suggestions[i].instrument,
			"from", json_instant(a->site, r->suggestions[i].from), "to",
			json_instant(a->site, r->suggestions[i].to)));
	return list;
}

json_t *problem_json(struct act *a)
{
	const struct refusal *r = &a->refusal;
	char made[WORDS_MAX];
	const char *text = r->err.text[0] ? r->err.text : words_refusal(a->site, r->err.code, &r->facts, made);
	json_t *p = json_pack("{s:s, s:s, s:i, s:s, s:o}", "type", "about:blank", "title", problem_title(r->status),
			      "status", r->status, "code", r->err.code, "detail", json_safe(text));

	if (p && r->err.field[0])
		json_object_set_new(p, "field", json_safe(r->err.field));
	if (p && r->rules.n > 0)
		json_object_set_new(p, "violations", violations(&r->rules));
	if (p && r->n_conflicts > 0)
		json_object_set_new(p, "conflicts", conflicts(a));
	if (p && r->n_suggestions > 0)
		json_object_set_new(p, "suggestions", suggestions(a));
	return p;
}
