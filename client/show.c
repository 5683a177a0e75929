/*
 * show.c - views of one booking, session, charge, review item or instrument.
 * Owns nothing. Members that an answer lacks are left out.
 */
#include "client/show.h"

#include <stdio.h>
#include <string.h>

#include "client/book.h"
#include "common/fmt.h"

static const struct column booking_fields[] = {
	{ "Booking", "id", CELL_TEXT }, { "Instrument", "instrument", CELL_TEXT }, { "When", "", CELL_SPAN }, { "State", "state", CELL_STATE },
	{ "Length", "duration_seconds", CELL_SECONDS }, { "Held to", "held_to", CELL_TIME }, { "User", "user", CELL_TEXT },
	{ "Org", "org", CELL_TEXT }, { "Project", "project", CELL_TEXT }, { "Note", "note", CELL_TEXT }, { "Quote", "quote", CELL_MONEY },
	{ "Fee", "fee", CELL_MONEY }, { "Walk-up", "walk_up", CELL_MARK }, { "Waiting", "waiting", CELL_MARK },
	{ "Checked in", "checkin_at", CELL_TIME }, { "Session", "session", CELL_TEXT }, { "Made", "created_at", CELL_TIME },
	{ "By", "created_by", CELL_TEXT }, { "Policy", "policy_version", CELL_NUMBER }, { "Prices", "price_version", CELL_NUMBER },
	{ "Version", "version", CELL_NUMBER }, { NULL },
};

static const struct column session_fields[] = {
	{ "Session", "id", CELL_TEXT }, { "Instrument", "instrument", CELL_TEXT }, { "Booking", "booking", CELL_TEXT },
	{ "State", "state", CELL_STATE }, { "Outcome", "outcome", CELL_STATE }, { "User", "user", CELL_TEXT }, { "Org", "org", CELL_TEXT },
	{ "Kind", "kind", CELL_TEXT }, { "Presumed", "presumed", CELL_MARK }, { "Bypassed", "bypassed", CELL_MARK },
	{ "Place unknown", "unplaced", CELL_MARK }, { "Disowned", "disowned", CELL_MARK },
	{ "Opened", "opened_at", CELL_TIME }, { "Opened by", "opened_cause", CELL_TEXT }, { "Checked in", "checkin_at", CELL_TIME },
	{ "First run", "first_run_at", CELL_TIME }, { "Last run to", "last_run_end_at", CELL_TIME }, { "Closed", "closed_at", CELL_TIME },
	{ "Closed by", "close_cause", CELL_TEXT }, { "Unknown since", "unknown_since", CELL_TIME },
	{ "Measured", "measured_seconds", CELL_SECONDS }, { "Estimated", "estimated_seconds", CELL_SECONDS },
	{ "Run bit on", "run_bit_seconds", CELL_SECONDS }, { "Counted", "counted_seconds", CELL_SECONDS },
	{ "Idle", "idle_seconds", CELL_SECONDS }, { "At fault", "fault_seconds", CELL_SECONDS }, { "So far", "amount_so_far", CELL_MONEY }, { "Review", "review_reason", CELL_TEXT },
	{ NULL },
};

static const struct column charge_fields[] = {
	{ "Charge", "id", CELL_TEXT }, { "Kind", "kind", CELL_TEXT }, { "Amount", "amount", CELL_MONEY }, { "Instrument", "instrument", CELL_TEXT },
	{ "When", "", CELL_SPAN }, { "Booking", "booking", CELL_TEXT }, { "Session", "session", CELL_TEXT }, { "User", "user", CELL_TEXT },
	{ "Org", "org", CELL_TEXT }, { "Project", "project", CELL_TEXT }, { "Used", "used_seconds", CELL_SECONDS },
	{ "Idle", "idle_seconds", CELL_SECONDS }, { "At fault", "fault_seconds", CELL_SECONDS }, { "Overrun", "overrun_seconds", CELL_SECONDS },
	{ "Billed", "billed_seconds", CELL_SECONDS },
	{ "Estimated", "estimated_seconds", CELL_SECONDS }, { "Not read", "gap_seconds", CELL_SECONDS }, { "Period", "period", CELL_TEXT }, { "Posted", "posted_at", CELL_TIME },
	{ "Corrects", "corrects", CELL_TEXT }, { "Seal", "sha256", CELL_TEXT }, { NULL },
};

static const struct column review_fields[] = {
	{ "Item", "id", CELL_TEXT }, { "Kind", "kind", CELL_TEXT }, { "State", "state", CELL_STATE }, { "Instrument", "instrument", CELL_TEXT },
	{ "Session", "session", CELL_TEXT }, { "Org", "org", CELL_TEXT }, { "What", "detail", CELL_TEXT }, { "Opened", "opened_at", CELL_TIME },
	{ "Due", "due_at", CELL_TIME }, { "Proposal", "proposal", CELL_TEXT }, { "Proposed by", "proposed_by", CELL_TEXT },
	{ "Decision", "decision", CELL_TEXT }, { "Decided by", "decided_by", CELL_TEXT },
	{ "At most estimated", "estimable_seconds", CELL_SECONDS }, { "Held", "held_seconds", CELL_SECONDS }, { NULL },
};

static const struct column instrument_fields[] = {
	{ "Instrument", "id", CELL_TEXT }, { "Title", "title", CELL_TEXT }, { "Kind", "kind", CELL_TEXT }, { "Where", "location", CELL_TEXT },
	{ "State", "status", CELL_STATE }, { "Rate an hour", "rate", CELL_MONEY }, { "Booked until", "now_booked_until", CELL_TIME },
	{ "Next free", "next_free", CELL_TIME }, { "Running", "running", CELL_TEXT }, { "Controller", "link", CELL_TEXT },
	{ "Since", "link_since", CELL_TIME }, { "Interlock", "interlock", CELL_TEXT }, { "Out of service", "out_of_service", CELL_TEXT },
	{ "Notes", "notes", CELL_TEXT }, { "Version", "version", CELL_NUMBER }, { NULL },
};

const struct column session_columns[] = {
	{ "SESSION", "id", CELL_TEXT }, { "INSTRUMENT", "instrument", CELL_TEXT }, { "BOOKING", "booking", CELL_TEXT },
	{ "STATE", "state", CELL_STATE }, { "OUTCOME", "outcome", CELL_STATE, 2 }, { "OPENED", "opened_at", CELL_TIME },
	{ "CLOSED", "closed_at", CELL_TIME, 1 }, { "MEASURED", "measured_seconds", CELL_SECONDS }, { "USER", "user", CELL_TEXT, 3, true },
	{ "ORG", "org", CELL_TEXT, 4, true }, { NULL },
};
const struct column charge_columns[] = {
	{ "CHARGE", "id", CELL_TEXT }, { "KIND", "kind", CELL_TEXT, 3 }, { "INSTRUMENT", "instrument", CELL_TEXT }, { "WHEN", "", CELL_SPAN, 1 },
	{ "BOOKING", "booking", CELL_TEXT, 2 }, { "USER", "user", CELL_TEXT, 4, true }, { "ORG", "org", CELL_TEXT, 5, true },
	{ "USED", "used_seconds", CELL_SECONDS }, { "BILLED", "billed_seconds", CELL_SECONDS, 2 }, { "AMOUNT", "amount", CELL_MONEY }, { NULL },
};
const struct column line_columns[] = {
	{ "COMPONENT", "component", CELL_TEXT }, { "WHEN", "", CELL_SPAN, 2 }, { "TIME", "seconds", CELL_SECONDS },
	{ "RATE/H", "rate", CELL_MONEY }, { "FACTOR", "factor", CELL_TEXT }, { "AMOUNT", "amount", CELL_MONEY },
	{ "WHY", "detail", CELL_TEXT, 4, true }, { NULL },
};
const struct column history_columns[] = {
	{ "AT", "at", CELL_TIME }, { "ACT", "verb", CELL_TEXT }, { "FROM", "from_state", CELL_STATE, 2 }, { "TO", "to_state", CELL_STATE },
	{ "EDGE", "from", CELL_STATE, 2 }, { "STATE", "to", CELL_STATE }, { "CAUSE", "cause", CELL_TEXT, 1, true },
	{ "BY", "actor", CELL_TEXT, 0, true }, { "WHY", "detail", CELL_TEXT, 0, false, true }, { NULL },
};
const struct column review_columns[] = {
	{ "ITEM", "id", CELL_TEXT }, { "KIND", "kind", CELL_TEXT }, { "STATE", "state", CELL_STATE }, { "INSTRUMENT", "instrument", CELL_TEXT },
	{ "SESSION", "session", CELL_TEXT }, { "OPENED", "opened_at", CELL_TIME, 2 }, { "DUE", "due_at", CELL_TIME, 1 },
	{ "ORG", "org", CELL_TEXT, 3, true }, { "WHAT", "detail", CELL_TEXT, 0, false, true }, { NULL },
};

static const struct column override_columns[] = {
	{ "RULE", "rule", CELL_TEXT }, { "LIMIT", "limit", CELL_TEXT, 2, true }, { "VALUE", "value", CELL_TEXT, 2, true },
	{ "BY", "actor", CELL_TEXT, 1, true }, { "REASON", "reason", CELL_TEXT, 0, true }, { NULL },
};
static const struct column run_columns[] = {
	{ "RUN", "", CELL_SPAN }, { "MEASURED MS", "measured_ms", CELL_NUMBER }, { "PLACED", "placed", CELL_TEXT }, { "WHY", "reason", CELL_TEXT, 1, true },
	{ NULL },
};
static const struct column reading_columns[] = {
	{ "ID", "id", CELL_NUMBER, 2 }, { "AT", "at", CELL_TIME }, { "RAW", "raw", CELL_NUMBER }, { "EXTENDED MS", "extended_ms", CELL_NUMBER },
	{ "RUNNING", "running", CELL_TEXT }, { "CLASS", "class", CELL_TEXT }, { "CAUSE", "cause", CELL_TEXT, 1, true }, { NULL },
};
static const struct column claim_columns[] = {
	{ "CLAIM", "id", CELL_TEXT }, { "ORG", "org", CELL_TEXT }, { "USER", "user", CELL_TEXT }, { "AT", "at", CELL_TIME },
	{ "NOTE", "note", CELL_TEXT, 1, true }, { NULL },
};

static const struct column term_columns[] = {
	{ "BOOKED", "", CELL_SPAN }, { "RATE/H", "rate", CELL_MONEY }, { "PRICE LIST", "price_version", CELL_NUMBER },
	{ "POLICY", "policy_version", CELL_NUMBER, 1 }, { NULL },
};

static json_t *part(json_t *o, const char *name)
{
	return json_object_get(o, name);
}

void show_held(struct cli *c, json_t *b)
{
	static const struct column until = { "", "first_refusal.until", CELL_TIME };
	json_t *held = json_object_get(b, "first_refusal"), *slots;
	char text[80];

	if (c->out.mode != OUT_TABLE || !json_is_object(held))
		return;
	cell_human(&c->out, &until, b, text, sizeof text);
	fprintf(stderr, "Held for the owner of %s until %s:\n", TEXT(b, "id") ? TEXT(b, "id") : "a displaced booking", text);
	slots = json_pack("[{s:O, s:O, s:O}]", "instrument", json_object_get(b, "instrument"), "from",
		json_object_get(held, "from"), "to", json_object_get(held, "to"));
	print_alternatives(c, slots);
	json_decref(slots);
}

void show_booking(struct cli *c, json_t *b)
{
	out_record(&c->out, booking_fields, b, "id");
	if (json_array_size(part(b, "terms")) > 1) /* one row says what the record above says */
		out_section(&c->out, "Terms", term_columns, part(b, "terms"));
	out_section(&c->out, "Sessions", session_columns, part(b, "sessions"));
	out_section(&c->out, "Charges", charge_columns, part(b, "charges"));
	out_section(&c->out, "Overridden rules", override_columns, part(b, "overrides"));
	out_section(&c->out, "History", history_columns, part(b, "history"));
	fflush(stdout);
	show_held(c, b);
}

void show_session(struct cli *c, json_t *s)
{
	out_record(&c->out, session_fields, s, "id");
	out_section(&c->out, "Runs", run_columns, part(s, "runs"));
	out_section(&c->out, "History", history_columns, part(s, "history"));
}

void show_charge(struct cli *c, json_t *charge)
{
	out_record(&c->out, charge_fields, charge, "id");
	out_section(&c->out, "Lines", line_columns, part(charge, "lines"));
}

void show_review(struct cli *c, json_t *item)
{
	out_record(&c->out, review_fields, item, "id");
	out_section(&c->out, "Claims", claim_columns, part(item, "claims"));
}

static void show_instrument(struct cli *c, json_t *i)
{
	out_record(&c->out, instrument_fields, i, "id");
}

bool interval_paste(const char *from, const char *to, char *dst, size_t cap)
{
	int64_t a, b, s;
	size_t n;

	if (!from || !to || !lt_rfc3339_parse(from, &a) || !lt_rfc3339_parse(to, &b) || b <= a)
		return false;
	s = (b - a) / 1000;
	if (strncmp(from + 16, ":00", 3) == 0 && from[19] != '.')
		n = lt_fmt(dst, cap, "%.*s%s/PT", 16, from, from + 19);
	else
		n = lt_fmt(dst, cap, "%s/PT", from);
	if (n < cap && s / 3600)
		n += lt_fmt(dst + n, cap - n, "%lldH", (long long)(s / 3600));
	if (n < cap && s / 60 % 60)
		n += lt_fmt(dst + n, cap - n, "%lldM", (long long)(s / 60 % 60));
	if (n < cap && s % 60)
		n += lt_fmt(dst + n, cap - n, "%lldS", (long long)(s % 60));
	return n < cap;
}

const char *slot_paste(json_t *slot)
{
	static char text[160];

	if (!interval_paste(TEXT(slot, "from"), TEXT(slot, "to"), text, sizeof text))
		text[0] = '\0';
	return text;
}

static const struct view { char letter; const char *prefix; void (*show)(struct cli *c, json_t *o); } views[] = {
	{ 'B', "/v1/bookings", show_booking }, { 'S', "/v1/sessions", show_session }, { 'C', "/v1/charges", show_charge },
	{ 'V', "/v1/review", show_review }, { 0, "/v1/instruments", show_instrument },
};

static int show_readings(struct cli *c)
{
	struct path p;
	json_t *doc;
	int rc = need_id(c, 0, 'S', "session");

	if (rc)
		return rc;
	path_set(&p, "/v1/sessions");
	path_part(&p, c->args.pos[0]);
	path_part(&p, "readings");
	if ((rc = ask_all(c, p.text, &doc)) != 0)
		return rc;
	out_list(&c->out, reading_columns, doc, "id");
	json_decref(doc);
	return EXIT_OK;
}

int run_show(struct cli *c)
{
	const struct view *v = views;
	struct path p;
	json_t *o;
	int rc;

	if (args_has(&c->args, "readings"))
		return show_readings(c);
	while (v->letter && !is_id(c->args.pos[0], v->letter))
		v++;
	path_set(&p, v->prefix);
	path_part(&p, c->args.pos[0]);
	if ((rc = ask_get(c, p.text, &o)) != 0)
		return rc;
	v->show(c, o);
	json_decref(o);
	return EXIT_OK;
}
