/* manifest.c - the manifest of an export: what the file must hash and add up to. Owns nothing after it returns. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "common/money.h"
#include "export/export.h"

static json_t *money(const struct site *site, int64_t minor, const char *currency)
{
	char text[40];

	lt_money_text(text, sizeof(text), minor, site->exponent);
	return json_pack("{s:s, s:I, s:s}", "amount", text, "amount_minor", (json_int_t)minor, "currency", currency);
}

static json_t *sums(const struct site *site, const struct export_tally *t)
{
	json_t *o = json_object();

	for (int i = 0; i < t->n_sums; i++)
		json_object_set_new(o, t->sums[i].currency, money(site, t->sums[i].minor, t->sums[i].currency));
	return o;
}

/* The sum in the site's currency; what the book is compared with. */
static int64_t home_sum(const struct site *site, const struct export_tally *t)
{
	for (int i = 0; i < t->n_sums; i++)
		if (strcmp(t->sums[i].currency, site->currency) == 0)
			return t->sums[i].minor;
	return 0;
}

static json_t *optional_text(const char *s)
{
	return *s ? json_string(s) : json_null();
}

char *export_manifest(const struct site *site, const struct export_row *row, const struct export_tally *t)
{
	bool streamed = t->sha256[0] != '\0', counted = t->rows >= 0;
	char id[32], at[48];
	json_t *o = json_object();
	char *text;

	lt_fmt(id, sizeof(id), "X-%lld", (long long)row->id);
	lt_rfc3339(at, sizeof(at), row->created_at, lt_zone_offset(&site->zone, row->created_at));
	json_object_set_new(o, "actor", json_string(row->actor));
	json_object_set_new(o, "bytes", streamed ? json_integer(t->bytes) : json_null());
	json_object_set_new(o, "created_at", json_string(at));
	json_object_set_new(o, "currency", json_string(site->currency));
	json_object_set_new(o, "format", json_string(row->format));
	json_object_set_new(o, "from_seq", json_integer(row->from_seq));
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "ledger_total", row->has_ledger ? money(site, row->ledger_minor,
		site->currency) : json_null());
	json_object_set_new(o, "matches_ledger", row->has_ledger && counted
		? json_boolean(row->ledger_minor == home_sum(site, t)) : json_null());
	json_object_set_new(o, "org", optional_text(row->org));
	json_object_set_new(o, "period", json_string(row->period));
	json_object_set_new(o, "rows", counted ? json_integer(t->rows) : json_null());
	json_object_set_new(o, "sha256", optional_text(t->sha256));
	json_object_set_new(o, "state", json_string(streamed ? "done" : "ready"));
	json_object_set_new(o, "sums", counted ? sums(site, t) : json_null());
	json_object_set_new(o, "to_seq", json_integer(row->to_seq));
	text = json_dumps(o, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(o);
	return text;
}

bool export_row_filter(const struct export_row *row, struct export_filter *ret)
{
	const char *dots = strstr(row->period, "..");

	memset(ret, 0, sizeof(*ret));
	lt_fmt(ret->org, sizeof(ret->org), "%s", row->org);
	ret->to_seq = row->to_seq;
	if (!dots) {
		lt_fmt(ret->period, sizeof(ret->period), "%s", row->period);
		return strlen(row->period) == 7;
	}
	return lt_parse_i64n(row->period, (size_t)(dots - row->period), 0, LT_INSTANT_MAX, &ret->from) &&
	       lt_parse_i64(dots + 2, 0, LT_INSTANT_MAX, &ret->to);
}
