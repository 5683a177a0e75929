/*
 * book.c - quote, book, move, extend, cancel, start, stop, why: a booking's life.
 * Owns nothing. What a price or a rule is, the daemon says; this file asks, shows and sends the answer back.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/book.h"
#include "common/fmt.h"

#define FEE_TEXT 200    /* two amounts and what they hang on */

static const struct column quote_fields[] = {
	{ "Instrument", "instrument", CELL_TEXT }, { "When", "", CELL_SPAN }, { "Length", "duration_seconds", CELL_SECONDS },
	{ "Price", "price", CELL_MONEY }, { "Acceptable", "acceptable", CELL_TEXT }, { "Policy", "policy_version", CELL_NUMBER },
	{ "Prices", "price_version", CELL_NUMBER }, { NULL },
};
static const struct column violation_columns[] = {
	{ "RULE", "rule", CELL_TEXT }, { "CLASS", "class", CELL_TEXT, 2 }, { "LIMIT", "limit", CELL_TEXT, 1 }, { "VALUE", "value", CELL_TEXT, 1 },
	{ "WHY", "detail", CELL_TEXT, 0, false, true }, { NULL },
};
static const struct column conflict_columns[] = { { "TAKEN", "", CELL_SPAN }, { NULL } };
static const struct column rule_columns[] = {
	{ "RULE", "rule", CELL_TEXT }, { "APPLIES", "applies", CELL_TEXT }, { "VERDICT", "verdict", CELL_STATE }, { "LIMIT", "limit", CELL_TEXT, 0, false, true },
	{ "VALUE", "value", CELL_TEXT, 0, false, true }, { "WHY", "detail", CELL_TEXT, 0, false, true }, { NULL },
};

void target_body(json_t *body, const char *target)
{
	if (target[0] == '@')
		json_object_set_new(body, "kind", json_string(target + 1));
	else
		json_object_set_new(body, "instrument", json_string(target));
}

void echo_interval(struct cli *c, int64_t from, int64_t to)
{
	char text[300];

	when_echo(text, sizeof text, &c->zone, from, to);
	fprintf(stderr, "%s\n", text);
}

void echo_answer(struct cli *c, json_t *o)
{
	int64_t from, to;

	if (TEXT(o, "from") && TEXT(o, "to") && lt_rfc3339_parse(TEXT(o, "from"), &from) &&
			lt_rfc3339_parse(TEXT(o, "to"), &to))
		echo_interval(c, from, to);
}

/* What was asked for. "now" starts where the daemon's grid says: its answer tells. */
static void echo_wish(struct cli *c, const struct wish *w)
{
	if (!w->when.now)
		echo_interval(c, w->when.from, w->when.to);
}

/* "next free 4h": the first slot that `free` finds. *target becomes its instrument. */
static int next_slot(struct cli *c, struct when *w, char *target, size_t cap)
{
	char seconds[32];
	struct path p;
	json_t *doc, *slot;
	int rc;

	path_set(&p, "/v1/free");
	lt_fmt(seconds, sizeof seconds, "%lld", (long long)(w->duration / 1000));
	path_query(&p, "duration_seconds", seconds);
	path_query(&p, target[0] == '@' ? "kind" : "instrument", target[0] == '@' ? target + 1 : target);
	path_query(&p, "user", args_get(&c->args, "for"));
	path_query(&p, "limit", "1");
	if ((rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	slot = json_array_get(json_object_get(doc, "items"), 0);
	if (!slot)
		rc = fail(EXIT_RULE, "nothing-free",
			"%s has no free slot of that length within its booking horizon; ask for less", target);
	else if (!TEXT(slot, "instrument") || !TEXT(slot, "from") || !TEXT(slot, "to") ||
			!lt_rfc3339_parse(TEXT(slot, "from"), &w->from) || !lt_rfc3339_parse(TEXT(slot, "to"), &w->to))
		rc = fail(EXIT_FAILED, "bad-answer", "the answer of /v1/free is not understood");
	else
		lt_fmt(target, cap, "%s", TEXT(slot, "instrument"));
	json_decref(doc);
	return rc;
}

/* The words after the target. */
static int read_wish(struct cli *c, struct wish *w)
{
	char text[WHEN_TEXT_MAX + 1];
	int rc = words_join(c, 1, text, sizeof text);

	memset(w, 0, sizeof *w);
	if (lt_fmt(w->target, sizeof w->target, "%s", c->args.pos[0]) >= sizeof w->target)
		return args_usage(c->args.cmd, "an instrument's name has at most %zu bytes", sizeof w->target - 1);
	if (rc || (rc = read_when(c, text, 0, &w->when)) != 0)
		return rc;
	return w->when.kind == WHEN_NEXT_FREE ? next_slot(c, &w->when, w->target, sizeof w->target) : EXIT_OK;
}

static json_t *wish_body(struct cli *c, const struct wish *w)
{
	json_t *body = json_object();

	target_body(body, w->target);
	json_object_set_new(body, "from", json_at(c, w->when.from));
	json_object_set_new(body, "to", json_at(c, w->when.to));
	body_text(body, "user", args_get(&c->args, "for"));
	if (w->when.now)
		json_object_set_new(body, "walk_up", json_true());
	return body;
}

static json_t *book_body(struct cli *c, const struct wish *w, const json_t *max_price)
{
	json_t *body = wish_body(c, w);

	body_text(body, "project", args_get(&c->args, "project"));
	body_text(body, "note", args_get(&c->args, "note"));
	if (max_price)
		json_object_set(body, "max_price", (json_t *)max_price);
	body_override(c, body);
	return body;
}

static void show_quote(struct cli *c, json_t *q)
{
	out_record(&c->out, quote_fields, q, "instrument");
	out_section(&c->out, "Price", line_columns, json_object_get(q, "lines"));
	out_section(&c->out, "Refused by", violation_columns, json_object_get(q, "violations"));
	out_section(&c->out, "Taken", conflict_columns, json_object_get(q, "conflicts"));
}

/* 0, 5 or 6: what booking this quote would end with. */
static int quote_verdict(struct cli *c, json_t *q)
{
	json_t *v, *conflicts = json_object_get(q, "conflicts");
	size_t i;
	bool taken = json_array_size(conflicts) > 0;

	if (!json_is_false(json_object_get(q, "acceptable")))
		return EXIT_OK;
	json_array_foreach(json_object_get(q, "violations"), i, v)
		taken = taken || (TEXT(v, "rule") && strcmp(TEXT(v, "rule"), "R01") == 0);
	if (c->out.mode == OUT_TABLE || taken)
		print_alternatives(c, json_object_get(q, "suggestions"));
	return taken ? EXIT_CONFLICT : EXIT_RULE;
}

static int ask_quote(struct cli *c, const struct wish *w, json_t **ret)
{
	return ask(c, "POST", "/v1/quotes", wish_body(c, w), NULL, 0, ret);
}

static int run_quote(struct cli *c)
{
	struct wish w;
	json_t *q;
	int rc = read_wish(c, &w);

	if (rc)
		return rc;
	echo_wish(c, &w);
	if ((rc = ask_quote(c, &w, &q)) != 0)
		return rc;
	if (w.when.now)
		echo_answer(c, q);
	show_quote(c, q);
	rc = quote_verdict(c, q);
	if (rc)
		fprintf(stderr, "[%s]\n", rc == EXIT_CONFLICT ? "slot-taken" : "refused");
	json_decref(q);
	return rc;
}

/* What a person sees before y/N. *go: ask on. *w: of @KIND, the instrument that the quote names. */
static int preview(struct cli *c, struct wish *w, bool *ret_go)
{
	json_t *q;
	int rc;

	*ret_go = true;
	if ((rc = ask_quote(c, w, &q)) != 0)
		return rc;
	if (w->when.now)
		echo_answer(c, q);
	show_quote(c, q);
	rc = quote_verdict(c, q);
	if (TEXT(q, "instrument") && strlen(TEXT(q, "instrument")) < sizeof w->target)
		lt_fmt(w->target, sizeof w->target, "%s", TEXT(q, "instrument"));
	json_decref(q);
	if (rc == EXIT_RULE && args_has(&c->args, "override"))
		return EXIT_OK;
	if (rc)
		fprintf(stderr, "[%s]\n", rc == EXIT_CONFLICT ? "slot-taken" : "refused");
	*ret_go = rc == EXIT_OK;
	return rc;
}

/* fee: the member, "fee" or "fee_later". */
static bool costs(json_t *b, const char *fee)
{
	const char *amount = TEXT(json_object_get(b, fee), "amount");

	return amount && strspn(amount, "0.") != strlen(amount);
}

static const char *money_part(json_t *b, const char *fee, const char *part)
{
	const char *text = TEXT(json_object_get(b, fee), part);

	return text ? text : "";
}

/* The fee of a booking, with all that was given up of it before: "; fee USD 50.00", or what to say when there is none;
 * and what the instrument's state at the booked start decides. */
static void fee_text(json_t *b, const char *none, char *dst, size_t cap)
{
	size_t n;

	if (costs(b, "fee"))
		snprintf(dst, cap, "; fee %s %s", money_part(b, "fee", "currency"), money_part(b, "fee", "amount"));
	else
		snprintf(dst, cap, "%s", costs(b, "fee_later") ? "" : none);
	n = strlen(dst);
	if (costs(b, "fee_later"))
		snprintf(dst + n, cap - n, "; fee %s %s if the instrument can be used at the booked start, none if it cannot",
			money_part(b, "fee_later", "currency"), money_part(b, "fee_later", "amount"));
}

/* What a change would be and cost. */
static void would_be(struct cli *c, json_t *b)
{
	char fee[FEE_TEXT];

	fee_text(b, "; no fee", fee, sizeof fee);
	fprintf(stderr, "This would be accepted%s; nothing was written.\n", fee);
	out_record(&c->out, booking_columns, b, "id");
}

static void booked(struct cli *c, json_t *b, const char *verb)
{
	static const struct column quote = { "", "quote", CELL_MONEY };
	const char *id = TEXT(b, "id") ? TEXT(b, "id") : "";
	char span[160], price[80], fee[FEE_TEXT];

	if (c->out.mode == OUT_TABLE) {
		cell_span(&c->out, TEXT(b, "from"), TEXT(b, "to"), span, sizeof span);
		cell_human(&c->out, &quote, b, price, sizeof price);
		fee_text(b, "", fee, sizeof fee);
		printf("%s %s: %s %s, %s%s\n", verb, id, TEXT(b, "instrument") ? TEXT(b, "instrument") : "", span, price, fee);
		fflush(stdout);
		fprintf(stderr, "When you are there: labtime start %s   To give it back: labtime cancel %s\n", id, id);
	} else if (c->out.mode == OUT_TABS) {
		puts(id ? id : ""); /* a script wants the id */
	} else {
		struct out o = c->out;

		out_record(&o, booking_columns, b, "id");
	}
}

static int dry_run(struct cli *c, const struct wish *w, const json_t *max)
{
	json_t *b;
	int rc = ask(c, "POST", "/v1/bookings?dry_run=true", book_body(c, w, max), NULL, ASK_KEY, &b);

	if (rc)
		return rc;
	if (w->when.now)
		echo_answer(c, b);
	fputs("This would be accepted; nothing was written.\n", stderr);
	out_record(&c->out, booking_columns, b, "id");
	json_decref(b);
	return EXIT_OK;
}

static int run_book(struct cli *c)
{
	bool ask_first = !args_has(&c->args, "yes") && !args_has(&c->args, "dry-run"), tty = isatty(STDIN_FILENO) &&
		c->out.terminal, go;
	const char *limit = args_get(&c->args, "max-price");
	json_t *max = NULL, *b;
	struct wish w;
	int rc;

	if (ask_first && !tty && !limit)
		return args_usage(c->args.cmd, "without a terminal to ask on, add --yes or --max-price AMOUNT");
	if ((rc = read_wish(c, &w)) != 0 || (limit && (rc = read_money(c, limit, &max)) != 0))
		return rc;
	echo_wish(c, &w);
	if (args_has(&c->args, "dry-run")) {
		rc = dry_run(c, &w, max);
	} else if (ask_first && tty && (rc = preview(c, &w, &go)) == EXIT_OK && go && !confirm("Book it?")) {
		rc = fail(EXIT_FAILED, "not-confirmed", "not booked");
	} else if (!rc) {
		rc = ask(c, "POST", "/v1/bookings", book_body(c, &w, max), NULL, ASK_KEY, &b);
		if (!rc) {
			if (w.when.now && !(ask_first && tty))
				echo_answer(c, b);
			booked(c, b, "Booked");
			json_decref(b);
		}
	}
	json_decref(max);
	return rc;
}

/* GET of the booking named by the first word; its version for If-Match. */
static int load_booking(struct cli *c, struct path *p, json_t **ret, char version[80])
{
	json_t *v;
	int rc = need_id(c, 0, 'B', "booking");

	if (rc)
		return rc;
	path_set(p, "/v1/bookings");
	path_part(p, c->args.pos[0]);
	if ((rc = ask_get(c, p->text, ret)) != 0)
		return rc;
	v = json_object_get(*ret, "version");
	if (c->etag[0])
		lt_fmt(version, 80, "%s", c->etag);
	else
		lt_fmt(version, 80, "%lld", (long long)json_integer_value(v));
	return EXIT_OK;
}

/* Does this (doing: the verb; b: as it would be) raise the booking's fee from what it is, or may it at the booked
 * start? Then says so and asks. */
static int fee_asks(struct cli *c, const char *doing, json_t *was, json_t *b)
{
	const char *fee = money_part(b, "fee", "amount"), *before = money_part(was, "fee", "amount"), *id = c->args.pos[0];
	const char *currency = money_part(b, "fee", "currency");
	bool raises = costs(b, "fee") && strcmp(before, fee) != 0, later = costs(b, "fee_later") &&
		strcmp(money_part(was, "fee_later", "amount"), money_part(b, "fee_later", "amount")) != 0;
	char says[240], question[280];

	if (!raises && !later)
		return EXIT_OK;
	if (!raises)
		snprintf(says, sizeof says, "%s %s now costs %s %s if the instrument can be used at the booked start, and nothing if "
			"it cannot", doing, id, money_part(b, "fee_later", "currency"), money_part(b, "fee_later", "amount"));
	else if (costs(was, "fee"))
		snprintf(says, sizeof says, "%s %s now raises its fee from %s to %s %s", doing, id, before, currency, fee);
	else
		snprintf(says, sizeof says, "%s %s now costs %s %s", doing, id, currency, fee);
	if (!isatty(STDIN_FILENO) || !c->out.terminal)
		return args_usage(c->args.cmd, "%s; add --yes to accept that", says);
	snprintf(question, sizeof question, "%s. Do it?", says);
	return confirm(question) ? EXIT_OK : fail(EXIT_FAILED, "not-confirmed", "nothing was changed");
}

/* PATCH with the new interval, after showing it. echo: what became of "now" is in the answer. */
static int change(struct cli *c, struct path *p, const char *version, json_t *body, const char *verb, bool echo)
{
	bool dry = args_has(&c->args, "dry-run");
	json_t *b;
	int rc;

	if (dry)
		path_query(p, "dry_run", "true");
	if ((rc = ask(c, "PATCH", p->text, body, version, 0, &b)) != 0)
		return rc;
	if (echo)
		echo_answer(c, b);
	if (dry)
		would_be(c, b);
	else
		booked(c, b, verb);
	json_decref(b);
	return EXIT_OK;
}

/* A move inside the notice gives up what was booked before: what that costs is shown first. */
static int move_asks(struct cli *c, const struct path *p, const char *version, json_t *body, json_t *was)
{
	struct path dry = *p;
	json_t *b;
	int rc;

	path_query(&dry, "dry_run", "true");
	if ((rc = ask(c, "PATCH", dry.text, json_incref(body), version, 0, &b)) != 0)
		return rc;
	rc = fee_asks(c, "Moving", was, b);
	json_decref(b);
	return rc;
}

static int run_move(struct cli *c)
{
	char text[WHEN_TEXT_MAX + 1], version[80];
	struct when w;
	struct path p;
	json_t *b, *body;
	int64_t from, to;
	int rc = words_join(c, 1, text, sizeof text);

	if (rc || (rc = load_booking(c, &p, &b, version)) != 0)
		return rc;
	if ((rc = read_when(c, text, WHEN_START_ALONE, &w)) == EXIT_OK) {
		if (w.kind == WHEN_START && TEXT(b, "from") && TEXT(b, "to") && lt_rfc3339_parse(TEXT(b, "from"), &from) &&
				lt_rfc3339_parse(TEXT(b, "to"), &to))
			w.to = w.from + (to - from); /* a start alone keeps the length */
		if (w.kind == WHEN_NEXT_FREE)
			rc = args_usage(c->args.cmd, "move needs a time; see the free ones: labtime free");
	}
	if (rc) {
		json_decref(b);
		return rc;
	}
	if (!w.now)
		echo_interval(c, w.from, w.to);
	body = json_object();
	json_object_set_new(body, "from", json_at(c, w.from));
	json_object_set_new(body, "to", json_at(c, w.to));
	if (w.now)
		json_object_set_new(body, "walk_up", json_true());
	body_text(body, "note", args_get(&c->args, "note"));
	body_text(body, "project", args_get(&c->args, "project"));
	body_override(c, body);
	if (!args_has(&c->args, "dry-run") && !args_has(&c->args, "yes"))
		rc = move_asks(c, &p, version, body, b);
	json_decref(b);
	if (rc) {
		json_decref(body);
		return rc;
	}
	return change(c, &p, version, body, "Moved", w.now);
}

static int run_extend(struct cli *c)
{
	char text[WHEN_TEXT_MAX + 1], version[80];
	struct path p;
	json_t *b, *body;
	int64_t from = 0, to = 0, more;
	int rc = words_join(c, 1, text, sizeof text);
	bool known;

	if (rc || (rc = read_duration(text, &more)) != 0 || (rc = load_booking(c, &p, &b, version)) != 0)
		return rc;
	known = TEXT(b, "from") && TEXT(b, "to") && lt_rfc3339_parse(TEXT(b, "from"), &from) &&
		lt_rfc3339_parse(TEXT(b, "to"), &to);
	json_decref(b);
	if (!known)
		return fail(EXIT_FAILED, "bad-answer", "the booking has no times; is this a labtimed?");
	if ((rc = ask_site(c)) != 0)
		return rc;
	echo_interval(c, from, to + more);
	body = json_object();
	json_object_set_new(body, "to", json_at(c, to + more));
	body_override(c, body);
	return change(c, &p, version, body, "Extended", false);
}

static int cancel_path(struct cli *c, struct path *p)
{
	int rc = need_id(c, 0, 'B', "booking");

	if (rc)
		return rc;
	path_set(p, "/v1/bookings");
	path_part(p, c->args.pos[0]);
	path_part(p, "cancel");
	return EXIT_OK;
}

/* Says what a cancellation costs; asks when it does. */
static int cancel_asks(struct cli *c, const struct path *p)
{
	struct path dry = *p, path;
	char version[80];
	json_t *b, *was = NULL;
	int rc;

	path_query(&dry, "dry_run", "true");
	if ((rc = ask(c, "POST", dry.text, json_object(), NULL, ASK_KEY, &b)) != 0)
		return rc;
	if ((costs(b, "fee") || costs(b, "fee_later")) && (rc = load_booking(c, &path, &was, version)) == 0)
		rc = fee_asks(c, "Cancelling", was, b);
	json_decref(was);
	json_decref(b);
	return rc;
}

static int run_cancel(struct cli *c)
{
	struct path p;
	json_t *b, *body = NULL;
	char fee[FEE_TEXT];
	int rc = cancel_path(c, &p);
	bool dry = args_has(&c->args, "dry-run");

	if (rc || (!dry && !args_has(&c->args, "yes") && (rc = cancel_asks(c, &p)) != 0))
		return rc;
	body = json_object();
	body_text(body, "reason", args_get(&c->args, "reason"));
	if (dry)
		path_query(&p, "dry_run", "true");
	if ((rc = ask(c, "POST", p.text, body, NULL, ASK_KEY, &b)) != 0)
		return rc;
	fee_text(b, ", free of charge", fee, sizeof fee);
	if (dry)
		would_be(c, b);
	else if (c->out.mode != OUT_TABLE)
		out_record(&c->out, booking_columns, b, "id");
	else
		printf("Cancelled %s%s\n", TEXT(b, "id") ? TEXT(b, "id") : "", fee);
	json_decref(b);
	return EXIT_OK;
}

/* The checkin and checkout of a booking. */
static int check(struct cli *c, const char *what, json_t **ret)
{
	struct path p;
	int rc = need_id(c, 0, 'B', "booking");

	if (rc)
		return rc;
	path_set(&p, "/v1/bookings");
	path_part(&p, c->args.pos[0]);
	path_part(&p, what);
	return ask(c, "POST", p.text, json_object(), NULL, ASK_KEY, ret);
}

static int run_start(struct cli *c)
{
	json_t *b;
	int rc = check(c, "checkin", &b);

	if (rc)
		return rc;
	if (c->out.mode == OUT_TABLE)
		say_started(c, b);
	else
		out_record(&c->out, booking_columns, b, "id");
	json_decref(b);
	return EXIT_OK;
}

static int run_stop(struct cli *c)
{
	json_t *b;
	int rc = check(c, "checkout", &b);

	if (rc)
		return rc;
	if (c->out.mode == OUT_TABLE)
		say_stopped(c, b);
	else
		out_record(&c->out, booking_columns, b, "id");
	json_decref(b);
	return EXIT_OK;
}

static int run_why(struct cli *c)
{
	struct path p;
	json_t *doc;
	int rc = need_id(c, 0, 'B', "booking");

	if (rc)
		return rc;
	path_set(&p, "/v1/bookings");
	path_part(&p, c->args.pos[0]);
	path_part(&p, "why");
	if ((rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	if (c->out.mode != OUT_JSON)
		json_object_set(doc, "items", json_object_get(doc, "rules"));
	out_list(&c->out, rule_columns, doc, "rule");
	json_decref(doc);
	return EXIT_OK;
}

#define WHEN_MORE "WHEN: tomorrow 9am for 4h, fri 22:00 - sat 02:00, 2026-12-01T09:00/PT4H,\n" \
	"now for 2h, next free 4h.\n" \
	"All of it: labtime help time\n"
#define OPT_DRY { "dry-run", 0, NULL, "run every rule, write nothing" }
#define OPT_OVERRIDE { "override", 0, "REASON", "over rules that a manager may override (staff)" }
#define OPT_FOR { "for", 0, "USER", "on behalf of this user (staff)" }

static const struct opt quote_opts[] = { OPT_FOR, { NULL } };
static const struct opt book_opts[] = {
	{ "yes", 'y', NULL, "do not ask" },
	{ "max-price", 0, "AMOUNT", "refuse (exit code 6) when the quote is higher" },
	OPT_DRY,
	{ "project", 0, "PROJECT", "your project, for the bill" },
	{ "note", 0, "TEXT", "a note" },
	OPT_FOR, OPT_OVERRIDE, { NULL },
};
static const struct opt move_opts[] = { OPT_DRY, OPT_OVERRIDE, { "yes", 'y', NULL, "accept a fee without being asked" },
	{ "note", 0, "TEXT", "a new note" }, { "project", 0, "PROJECT", "a new project" }, { NULL } };
static const struct opt extend_opts[] = { OPT_DRY, OPT_OVERRIDE, { NULL } };
static const struct opt cancel_opts[] = {
	{ "reason", 0, "REASON", "why" }, { "yes", 'y', NULL, "accept a fee without being asked" }, OPT_DRY, { NULL },
};
static const struct opt watch_opts[] = {
	{ "number", 'n', "N", "how many of the past to begin with, 0 to 200 (10)" },
	{ "once", 0, NULL, "do not wait for more" },
	{ NULL },
};
static const struct opt wait_opts[] = {
	{ "for", 0, "EVENT", "start, end or charged (end)", "start end charged" },
	{ "timeout", 0, "DUR", "give up after this long, exit code 8" }, { NULL },
};
static const struct opt claim_opts[] = { { "note", 0, "TEXT", "what you did there" }, { NULL } };

const struct command book_commands[] = {
	{ "quote", "BOOK", "INSTR|@KIND WHEN", "the price, and every rule that would refuse", 2, -1, ARG_TARGET, quote_opts, run_quote,
		"  labtime quote krios-1 tomorrow 9am for 4h\n  labtime quote @microscope 'next free 4h'\n", WHEN_MORE },
	{ "book", "BOOK", "INSTR|@KIND WHEN", "book: price first, then y/N", 2, -1, ARG_TARGET, book_opts, run_book,
		"  labtime book krios-1 tomorrow 9am for 4h\n  labtime book @microscope next free 4h --max-price 400\n"
		"  labtime book krios-1 now for 2h -y\n", WHEN_MORE },
	{ "move", "BOOK", "B-1042 WHEN", "to another time; a start keeps the length", 2, -1, ARG_BOOKING, move_opts, run_move,
		"  labtime move B-1042 fri 14:00\n  labtime move B-1042 fri 14:00-18:00\n", WHEN_MORE },
	{ "extend", "BOOK", "B-1042 DUR", "make it longer", 2, 6, ARG_BOOKING, extend_opts, run_extend, "  labtime extend B-1042 30m\n" },
	{ "cancel", "BOOK", "B-1042", "give it back; asks when that costs money", 1, 1, ARG_BOOKING, cancel_opts, run_cancel,
		"  labtime cancel B-1042 --reason 'sample not ready'\n" },
	{ "start", "BOOK", "B-1042", "check in: opens the interlock", 1, 1, ARG_BOOKING, NULL, run_start, "  labtime start B-1042\n" },
	{ "stop", "BOOK", "B-1042", "check out: releases the rest", 1, 1, ARG_BOOKING, NULL, run_stop, "  labtime stop B-1042\n" },
	{ "wait", "BOOK", "B-1042", "until it starts, ends or is charged", 1, 1, ARG_BOOKING, wait_opts, run_wait,
		"  labtime wait B-1042 --for charged --timeout 2h\n" },
	{ "watch", "BOOK", "[INSTR|B-1042]", "what you are told, as it happens", 0, 1, ARG_BOOKING, watch_opts, run_watch,
		"  labtime watch\n  labtime watch B-1042\n  labtime watch krios-1 -n 50 --once\n" },
	{ "why", "BOOK", "B-1042", "each rule that was evaluated, and its verdict", 1, 1, ARG_BOOKING, NULL, run_why, "  labtime why B-1042\n" },
	{ "claim", "BOOK", "INSTR WHEN", "say that a run without a booking was yours", 2, -1, ARG_INSTRUMENT, claim_opts, run_claim,
		"  labtime claim krios-1 yesterday 14:00 --note 'calibration'\n  labtime claim krios-1 2h ago\n" },
	{ NULL },
};
