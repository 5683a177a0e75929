/*
 * record.c - reads a charge's sealed record (JSON, any format) into what the one rating function takes. Owns nothing;
 * fails only on a record that cannot be read, and names the member.
 */
#include "export/record.h"

#include <string.h>

#include "common/fmt.h"

int64_t record_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *record_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int record_bad(struct lt_err *err, const char *what)
{
	return lt_err_set(err, "bad-record", what, "this charge's record has no usable \"%s\"; restore "
		"it from a backup or an "
		"export", what);
}

static int list_of_version(const struct record_facts *f, int64_t version)
{
	for (int i = 0; i < f->in.n_lists; i++)
		if (f->lists[i].version == version)
			return i;
	return -1;
}

/* From which instant on which list; records of format 1 have none. Their number, or -1: more than there can be, or of a
 * list that the record does not have. */
static int read_spans(const struct record_facts *f, const json_t *array, const char *version, struct price_span *ret)
{
	size_t n = json_array_size(array);

	for (size_t i = 0; i < n && n <= RATE_LISTS_MAX; i++) {
		const json_t *o = json_array_get(array, i);

		ret[i] = (struct price_span){ record_number(o, "from_at"), list_of_version(f, record_number(o, version)) };
		if (ret[i].list < 0)
			return -1;
	}
	return n <= RATE_LISTS_MAX ? (int)n : -1;
}

static int read_lists(struct record_facts *f, struct lt_err *err)
{
	const json_t *prices = json_object_get(f->doc, "prices");

	if (json_array_size(prices) > RATE_LISTS_MAX)
		return record_bad(err, "prices");
	f->in.n_lists = (int)json_array_size(prices);
	for (int i = 0; i < f->in.n_lists; i++) {
		const json_t *row = json_array_get(prices, (size_t)i);

		f->lists[i].version = record_number(row, "version");
		f->lists[i].effective_at = record_number(row, "effective_at");
		if (price_from_text(&f->lists[i].price, record_text(row, "text"), f->exponent, err))
			return -1;
	}
	f->in.lists = f->lists;
	f->in.locked = (int)record_number(f->doc, "price_locked");
	f->in.spans = f->spans;
	f->in.n_spans = read_spans(f, json_object_get(f->doc, "price_spans"), "version", f->spans);
	f->n_rows = read_spans(f, json_object_get(json_object_get(f->doc, "booking"), "terms"), "price_version", f->rows);
	if (f->in.n_spans < 0 || f->n_rows < 0)
		return record_bad(err, f->in.n_spans < 0 ? "price_spans" : "terms");
	return 0;
}

static int read_usage(struct record_facts *f, struct lt_err *err)
{
	const json_t *usage = json_object_get(f->doc, "usage");

	if (json_array_size(usage) > PIECES_MAX)
		return record_bad(err, "usage");
	f->in.n_pieces = (int)json_array_size(usage);
	for (int i = 0; i < f->in.n_pieces; i++) {
		const json_t *u = json_array_get(usage, (size_t)i);

		f->pieces[i] = (struct rate_piece){ record_number(u, "from_at"), record_number(u, "to_at"), record_number(u, "measured_ms"),
			record_number(u, "estimated_ms"), json_is_true(json_object_get(u, "placed")),
			json_is_true(json_object_get(u, "approved")), json_is_true(json_object_get(u, "fault")),
			strcmp(record_text(u, "reason"), "approved") == 0 };
	}
	f->in.pieces = f->pieces;
	return 0;
}

/* More than there can be is nonsense that the rating refuses. */
static void read_kept(struct record_facts *f, const json_t *kept)
{
	f->in.kept = f->kept;
	f->in.n_kept = (int)json_array_size(kept);
	for (int i = 0; i < f->in.n_kept && i < RATE_KEPT_MAX; i++) {
		const json_t *k = json_array_get(kept, (size_t)i);

		f->kept[i] = (struct rate_span){ record_number(k, "from_at"), record_number(k, "grace_to_at"), record_number(k, "to_at") };
	}
}

/* Records of before format 3 name the faults only. */
static void read_unusable(struct record_facts *f, const json_t *session)
{
	const json_t *spans = json_object_get(session, "unusable");

	if (!spans)
		spans = json_object_get(session, "faults");
	f->in.used = json_is_true(json_object_get(session, "used"));
	f->in.unusable = f->unusable;
	f->in.n_unusable = (int)json_array_size(spans);
	for (int i = 0; i < f->in.n_unusable && i < RATE_UNUSABLE_MAX; i++) {
		const json_t *o = json_array_get(spans, (size_t)i);

		f->unusable[i] = (struct interval){ record_number(o, "from_at"), record_number(o, "to_at") };
	}
}

static void read_booking(struct record_facts *f)
{
	const json_t *b = json_object_get(f->doc, "booking"), *s = json_object_get(f->doc, "session");

	f->in.booked = json_is_object(b);
	f->in.walk_up = json_is_true(json_object_get(b, "walk_up"));
	/* records of before this was counted apart have none: it was the booked start */
	f->in.booked_from = record_number(b, json_object_get(b, "since_at") ? "since_at" : "booked_from_at");
	f->in.booked_to = record_number(b, "booked_to_at");
	f->in.priced_to = record_number(b, "priced_to_at");
	read_kept(f, json_object_get(b, "overrun_kept"));
	f->in.next_from = record_number(s, "next_booking_at");
	f->in.grace_ms = record_number(s, "grace_ms");
	f->in.start_at = record_number(s, "start_at");
	read_unusable(f, s);
}

static int read_fee(struct record_facts *f, struct lt_err *err)
{
	const json_t *fee = json_object_get(f->doc, "fee");

	f->is_fee = json_is_object(fee);
	if (!f->is_fee)
		return 0;
	f->fee = (struct fee_input){ .list = f->lists, .n_lists = f->in.n_lists, .prices = f->spans,
		.n_prices = f->in.n_spans, .rows = f->rows, .n_rows = f->n_rows,
		.walk_up = f->in.walk_up, .booked_from = f->in.booked_from,
		.booked_to = f->in.booked_to, .at = record_number(fee, "at"), .resold_ms = record_number(fee, "resold_ms"),
		.given = { record_number(fee, "given_from_at"), record_number(fee, "given_to_at") } };
	if (f->in.n_lists < 1 || !component_from_name(record_text(fee, "component"), &f->fee.kind))
		return record_bad(err, "fee");
	return 0;
}

int record_read(struct record_facts *f, struct lt_err *err)
{
	f->exponent = (int)record_number(f->doc, "exponent");
	f->is_correction = record_number(f->doc, "corrects") != 0;
	f->in.format = (int)record_number(f->doc, json_object_get(f->doc, "rated_as_format") ? "rated_as_format" : "format");
	f->has_input = json_array_size(json_object_get(f->doc, "prices")) > 0;
	if (f->exponent < 0 || f->exponent > 4)
		return record_bad(err, "exponent");
	if (read_lists(f, err) || read_usage(f, err))
		return -1;
	read_booking(f);
	return read_fee(f, err);
}
