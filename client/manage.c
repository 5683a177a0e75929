/*
 * manage.c - block and review: what managers decide; sessions.
 * Owns nothing. Every decision carries a reason; the daemon says who may.
 */
#include <stdio.h>
#include <string.h>

#include "client/book.h"

static const struct column block_columns[] = {
	{ "BLOCK", "id", CELL_TEXT }, { "INSTRUMENT", "instrument", CELL_TEXT }, { "WHEN", "", CELL_SPAN }, { "STATE", "state", CELL_STATE, 2 },
	{ "BY", "actor", CELL_TEXT, 1, true }, { "REASON", "reason", CELL_TEXT, 0, true }, { NULL },
};

/* The live bookings that a block would displace; NULL when they cannot be asked. */
static json_t *in_the_way(struct cli *c, const struct when *w)
{
	struct path p;
	json_t *doc = NULL;

	path_set(&p, "/v1/bookings");
	path_query(&p, "state", "live");
	path_query(&p, "instrument", c->args.pos[0]);
	path_instant(&p, "from", w->from);
	path_instant(&p, "to", w->to);
	return ask_all(c, p.text, &doc) == EXIT_OK ? doc : NULL;
}

static int ask_block(struct cli *c, json_t *body, json_t **ret)
{
	return ask(c, "POST", args_has(&c->args, "dry-run") ? "/v1/blocks?dry_run=true" : "/v1/blocks", body, NULL, ASK_KEY,
		ret);
}

static int run_block(struct cli *c)
{
	char text[WHEN_TEXT_MAX + 1];
	struct when w;
	json_t *body, *b, *displaced = NULL;
	int rc = words_join(c, 1, text, sizeof text);

	if (!args_has(&c->args, "reason"))
		return args_usage(c->args.cmd, "a block needs --reason");
	if (rc || (rc = read_when(c, text, 0, &w)) != 0)
		return rc;
	if (w.kind == WHEN_NEXT_FREE)
		return args_usage(c->args.cmd, "a block needs a time");
	echo_interval(c, w.from, w.to);
	body = json_object();
	body_text(body, "instrument", c->args.pos[0]);
	json_object_set_new(body, "from", json_at(c, w.from));
	json_object_set_new(body, "to", json_at(c, w.to));
	body_text(body, "reason", args_get(&c->args, "reason"));
	if (args_has(&c->args, "displace")) {
		json_object_set_new(body, "displace", json_true());
		displaced = c->out.mode == OUT_TABLE ? in_the_way(c, &w) : NULL;
	}
	if ((rc = ask_block(c, body, &b)) == EXIT_OK) {
		out_record(&c->out, block_columns, b, "id");
		out_section(&c->out, args_has(&c->args, "dry-run") ? "Would displace" : "Displaced, free of charge; their owners are told",
			booking_columns, json_object_get(displaced, "items"));
		json_decref(b);
	}
	json_decref(displaced);
	if (rc)
		return rc;
	return EXIT_OK;
}

/* GET of a list with some plain options as its query. */
static int list(struct cli *c, const char *path, const char *const options[], const struct column *columns,
	const char *none)
{
	struct path p;
	json_t *doc;
	int rc;

	path_set(&p, path);
	for (int i = 0; options[i]; i++)
		path_query(&p, options[i], args_get(&c->args, options[i]));
	if (args_has(&c->args, "period") && (rc = query_period(c, &p, false)) != 0)
		return rc;
	if ((rc = ask_all(c, p.text, &doc)) != 0)
		return rc;
	out_list(&c->out, columns, doc, "id");
	if (c->out.mode == OUT_TABLE && json_array_size(json_object_get(doc, "items")) == 0)
		fprintf(stderr, "%s\n", none);
	json_decref(doc);
	return EXIT_OK;
}

static int run_block_ls(struct cli *c)
{
	static const char *const options[] = { "instrument", NULL };

	return list(c, "/v1/blocks", options, block_columns, "No blocks.");
}

static int run_block_rm(struct cli *c)
{
	char version[80] = "";
	struct path p;
	json_t *doc, *b, *none;
	size_t i;
	int rc = need_id(c, 0, 'K', "block");

	if (rc || (rc = ask_all(c, "/v1/blocks", &doc)) != 0)
		return rc;
	json_array_foreach(json_object_get(doc, "items"), i, b)
		if (TEXT(b, "id") && strcasecmp(TEXT(b, "id"), c->args.pos[0]) == 0)
			snprintf(version, sizeof version, "%lld", (long long)json_integer_value(json_object_get(b, "version")));
	json_decref(doc);
	if (!version[0])
		return fail(EXIT_NOT_FOUND, "not-found", "there is no block %s; see: labtime block ls", c->args.pos[0]);
	path_set(&p, "/v1/blocks");
	path_part(&p, c->args.pos[0]);
	if ((rc = ask(c, "DELETE", p.text, NULL, version, 0, &none)) == EXIT_OK && c->out.mode == OUT_TABLE)
		printf("Removed %s\n", c->args.pos[0]);
	json_decref(none);
	return rc;
}

static int run_review_ls(struct cli *c)
{
	static const char *const options[] = { "state", NULL };

	return list(c, "/v1/review", options, review_columns, "Nothing needs a human.");
}

/* After a decision: is it one, and if not, whom it waits for. */
static void what_next(struct cli *c, json_t *item)
{
	bool proposed = TEXT(item, "state") && strcmp(TEXT(item, "state"), "proposed") == 0;
	char due[64];

	fflush(stdout);
	if (!proposed) {
		fputs("Decided.\n", stderr);
	} else if (!TEXT(item, "decided_by")) {
		fputs("Proposed. This needs a second person: another manager runs the same command.\n", stderr);
	} else {
		cell_time(&c->out, TEXT(item, "due_at"), due, sizeof due);
		fprintf(stderr, "Decided by two. %s may object until %s; then it is charged.\n",
			TEXT(item, "org") ? TEXT(item, "org") : "The organisation", due);
	}
}

/* POST /v1/review/{item}/{verb} */
static int decide(struct cli *c, const char *verb, json_t *body)
{
	struct path p;
	json_t *item;
	int rc = need_id(c, 0, 'V', "review item");

	if (rc) {
		json_decref(body);
		return rc;
	}
	path_set(&p, "/v1/review");
	path_part(&p, c->args.pos[0]);
	path_part(&p, verb);
	body_text(body, "reason", args_get(&c->args, "reason"));
	if ((rc = ask(c, "POST", p.text, body, NULL, ASK_KEY, &item)) != 0)
		return rc;
	show_review(c, item);
	if (c->out.mode == OUT_TABLE)
		what_next(c, item);
	json_decref(item);
	return EXIT_OK;
}

static int run_attribute(struct cli *c)
{
	json_t *body;

	if (!args_has(&c->args, "reason"))
		return args_usage(c->args.cmd, "an attribution needs --reason");
	body = json_object();
	body_text(body, "org", c->args.pos[1]);
	body_text(body, "user", c->args.pos[2]);
	return decide(c, "attribute", body);
}

static int run_accept(struct cli *c)
{
	const char *estimated = args_get(&c->args, "estimated");
	json_t *body;
	int64_t ms = 0;
	int rc = estimated ? read_duration(estimated, &ms) : EXIT_OK;

	if (rc)
		return rc;
	body = json_object();
	if (estimated)
		json_object_set_new(body, "estimated_seconds", json_integer(ms / 1000));
	return decide(c, "accept", body);
}

static int run_waive(struct cli *c)
{
	if (!args_has(&c->args, "reason"))
		return args_usage(c->args.cmd, "a waiver needs --reason");
	return decide(c, "waive", json_object());
}

static int run_new_meter(struct cli *c)
{
	return decide(c, "new-meter", json_object());
}

static int run_review_show(struct cli *c)
{
	int rc = need_id(c, 0, 'V', "review item");

	return rc ? rc : run_show(c);
}

static int run_session_ls(struct cli *c)
{
	static const char *const options[] = { "state", "outcome", "instrument", "org", NULL };

	return list(c, "/v1/sessions", options, session_columns, "No sessions.");
}

static int act(struct cli *c, const char *verb)
{
	const char *before = args_get(&c->args, "before");
	struct path p;
	json_t *s, *body;
	int64_t at = 0;
	int rc = need_id(c, 0, 'S', "session");

	if (rc == 0 && before)
		rc = read_instant(c, "before", before, &at);
	if (rc)
		return rc;
	path_set(&p, "/v1/sessions");
	path_part(&p, c->args.pos[0]);
	path_part(&p, verb);
	body = json_object();
	body_text(body, "reason", args_get(&c->args, "reason"));
	if (before)
		json_object_set_new(body, "before", json_at(c, at));
	if ((rc = ask(c, "POST", p.text, body, NULL, ASK_KEY, &s)) != 0)
		return rc;
	show_session(c, s);
	json_decref(s);
	return EXIT_OK;
}

static int run_session_close(struct cli *c)
{
	return args_has(&c->args, "reason") ? act(c, "close") : args_usage(c->args.cmd, "closing a session needs --reason");
}

static int run_session_disown(struct cli *c)
{
	return act(c, "disown");
}

#define OPT_REASON { "reason", 0, "REASON", "why; it is recorded" }

static const struct opt block_opts[] = {
	OPT_REASON, { "displace", 0, NULL, "displace the bookings there; their owners are told" },
	{ "dry-run", 0, NULL, "run every rule, write nothing" }, { NULL },
};
static const struct opt block_ls_opts[] = {
	{ "instrument", 'i', "INSTR", "only this instrument" }, { "period", 'p', "PERIOD", "only this period" }, { NULL },
};
static const struct opt review_ls_opts[] = { { "state", 0, "STATE", "open (default), proposed, done or all",
	"open proposed done all" }, { NULL } };
static const struct opt reason_opts[] = { OPT_REASON, { NULL } };
static const struct opt disown_opts[] = {
	OPT_REASON, { "before", 0, "TIME", "only what ran before this instant, at most your check-in" }, { NULL },
};
static const struct opt accept_opts[] = {
	OPT_REASON, { "estimated", 0, "LENGTH", "charge so much that nobody measured, too; a second person must agree" },
		{ NULL },
};
static const struct opt session_opts[] = {
	{ "state", 0, "STATE", "only this state" }, { "outcome", 0, "OUTCOME", "only this outcome" },
	{ "instrument", 'i', "INSTR", "only this instrument" }, { "org", 0, "ORG", "only this organisation" },
	{ "period", 'p', "PERIOD", "only this period" }, { NULL },
};

const struct command manage_commands[] = {
	{ "block", "MANAGE", "INSTR WHEN --reason R", "keep an instrument free for maintenance", 2, -1, ARG_INSTRUMENT, block_opts, run_block,
		"  labtime block krios-1 fri 8am-6pm --reason 'pump swap' --displace\n" },
	{ "block ls", "MANAGE", "", "blocks", 0, 0, ARG_NONE, block_ls_opts, run_block_ls },
	{ "block rm", "MANAGE", "K-7", "end a block", 1, 1, ARG_NONE, NULL, run_block_rm },
	{ "review", "MANAGE", "", "sessions that need a human", 0, 0, ARG_NONE, review_ls_opts, run_review_ls, "  labtime review\n",
		"What the kinds mean:\n"
		"  unattributed     a run of nobody's\n"
		"  meter_lost       the meter was not read for long in a session\n"
		"  meter_disagrees  the run bit and the counter differ by too much\n"
		"  meter_manual     the register left its level; what it shows since is held\n"
		"  meter_swap       another serial number answers\n"
		"  meter_redefined  the configuration changed what the meter counts\n"
		"  ambiguous        whole turns of the counter may be missing\n"
		"  implausible      a charge that cannot be right, or is far above what is usual\n"
		"  price_lists      more price lists than one charge is made of: waive it\n"
		"  supplement       later data says that a charged session costs more\n" },
	{ "review ls", "MANAGE", "", "the same", 0, 0, ARG_NONE, review_ls_opts, run_review_ls },
	{ "review show", "MANAGE", "V-12", "one item, with its claims", 1, 1, ARG_NONE, NULL, run_review_show },
	{ "review attribute", "MANAGE", "V-12 ORG USER --reason R", "whose run it was", 3, 3, ARG_NONE, reason_opts, run_attribute,
		"  labtime review attribute V-12 acme chen --reason 'log book, page 4'\n",
		"When the organisation has not claimed the run, a second person must do the same.\n" },
	{ "review accept", "MANAGE", "V-12", "charge what was measured", 1, 1, ARG_NONE, accept_opts, run_accept,
		"  labtime review accept V-12\n"
		"  labtime review accept V-12 --estimated 15m --reason 'log book, page 4'\n",
		"Of a meter_manual this charges its session without what is held. That stays held: it\n"
		"is asked about again when it is measured. The meter has an item until that is known.\n" },
	{ "review new-meter", "MANAGE", "V-12", "the hour meter stands where it belongs: what is held is measured", 1, 1, ARG_NONE, reason_opts, run_new_meter,
		"  labtime review new-meter V-12 --reason 'the counter was replaced'\n",
		"Without it the time is held until the register is back at its old level, for a day at most.\n" },
	{ "review waive", "MANAGE", "V-12 --reason R", "charge nothing; a second person approves", 1, 1, ARG_NONE, reason_opts, run_waive },
	{ "session ls", "MANAGE", "", "sessions", 0, 0, ARG_NONE, session_opts, run_session_ls, "  labtime session ls --state open\n" },
	{ "session close", "MANAGE", "S-88 --reason R", "close a session by hand", 1, 1, ARG_NONE, reason_opts, run_session_close },
	{ "session disown", "MANAGE", "S-88", "it was not me: what ran before my check-in", 1, 1, ARG_NONE, disown_opts, run_session_disown,
		"  labtime session disown S-88 --reason 'I came at ten'\n  labtime session disown S-88 --before 9:40\n",
		"Without a check-in the whole session becomes unattributed. Until it settles.\n" },
	{ NULL },
};
