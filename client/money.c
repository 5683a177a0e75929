/*
 * money.c - usage, bill, explain: what was used and what it costs. Reports look back.
 * Owns nothing; every figure is the daemon's.
 */
#include <stdio.h>
#include <string.h>

#include "client/download.h"
#include "client/show.h"
#include "client/text.h"
#include "common/fmt.h"

static const struct column usage_columns[] = {
	{ "BY", "key", CELL_TEXT, 0, true }, { "SESSIONS", "sessions", CELL_NUMBER, 2 }, { "USED", "used_seconds", CELL_SECONDS },
	{ "IDLE", "idle_seconds", CELL_SECONDS, 1 }, { "ESTIMATED", "estimated_seconds", CELL_SECONDS, 3 },
	{ "GAP", "gap_seconds", CELL_SECONDS, 2 }, { "AMOUNT", "amount", CELL_MONEY }, { NULL },
};
static const struct column step_columns[] = { { "STEP", "text", CELL_TEXT, 0, false, true },
	{ "VALUE", "value", CELL_TEXT, 0, false, true }, { NULL } };

static int run_usage(struct cli *c)
{
	struct path p;
	json_t *doc;
	int rc;

	path_set(&p, "/v1/usage");
	if ((rc = query_period(c, &p, false)) != 0)
		return rc;
	path_query(&p, "by", args_get(&c->args, "by") ? args_get(&c->args, "by") : "instrument");
	path_query(&p, "instrument", args_get(&c->args, "instrument"));
	if ((rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	out_list(&c->out, usage_columns, doc, "key");
	if (c->out.mode == OUT_TABLE && json_array_size(json_object_get(doc, "items")) == 0)
		fputs("Nothing was used in this period.\n", stderr);
	json_decref(doc);
	return EXIT_OK;
}

static int run_bill(struct cli *c)
{
	static const struct column total = { "", "total", CELL_MONEY };
	char text[128];
	struct path p;
	json_t *doc;
	int rc;

	path_set(&p, "/v1/bill");
	if ((rc = query_period(c, &p, true)) != 0)
		return rc;
	path_query(&p, "org", args_get(&c->args, "org"));
	path_query(&p, "user", args_get(&c->args, "user"));
	if ((rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	out_list(&c->out, charge_columns, doc, "id");
	if (c->out.mode == OUT_TABLE) {
		cell_human(&c->out, &total, doc, text, sizeof text);
		printf("%s%s\n", json_array_size(json_object_get(doc, "items"))
			? "\nTotal  " : "No charges in this period. Total ", text);
	}
	json_decref(doc);
	return EXIT_OK;
}

/* A step a line: text left and folded, value right; a value too wide for that on a line of its own. */
static void print_steps(struct cli *c, json_t *steps)
{
	int value_width = 12, width = (c->out.width < 120 ? c->out.width : 120) - value_width - 2;
	json_t *step;
	size_t i, n;

	json_array_foreach(steps, i, step) {
		const char *text = TEXT(step, "text") ? TEXT(step, "text") : "", *value = TEXT(step, "value") ? TEXT(step, "value") : "";
		bool wide = text_width(value) > value_width;
		char line[512];

		for (bool first = true; first || *text; first = false, text += n) {
			n = text_line(text, width > 20 ? width : 20);
			lt_fmt(line, sizeof line, "%.*s", (int)(n && text[n - 1] == ' ' ? n - 1 : n), text);
			out_text(&c->out, line);
			if (!text[n] && !wide)
				printf("%*s", width - text_width(line) + value_width + 2, value);
			putchar('\n');
		}
		if (wide)
			printf("  %s\n", value);
	}
}

static int run_explain(struct cli *c)
{
	struct path p;
	json_t *doc;
	int rc = need_id(c, 0, 'C', "charge");

	if (rc)
		return rc;
	path_set(&p, "/v1/charges");
	path_part(&p, c->args.pos[0]);
	path_part(&p, "explain");
	if ((rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	if (c->out.mode != OUT_JSON)
		json_object_set(doc, "items", json_object_get(doc, "steps"));
	if (c->out.mode == OUT_TABLE)
		print_steps(c, json_object_get(doc, "steps"));
	else
		out_list(&c->out, step_columns, doc, "text");
	if (json_is_false(json_object_get(doc, "matches")))
		rc = fail(EXIT_FAILED, "mismatch",
			"computed again, this charge comes to another amount; tell the finance office");
	else if (c->out.mode == OUT_TABLE && json_is_true(json_object_get(doc, "matches")) && fflush(stdout) == 0)
		fputs("Computed again from the readings: the same amount.\n", stderr);
	json_decref(doc);
	return rc;
}

static const struct opt usage_opts[] = {
	{ "period", 'p', "PERIOD", "this month, last month, 2026-11, 2026-Q4, 90d ..." },
	{ "by", 0, "WHAT", "instrument, org, project, user, kind or day", "instrument org project user kind day" },
	{ "instrument", 'i', "INSTR", "only this instrument" },
	{ NULL },
};
static const struct opt bill_opts[] = {
	{ "period", 'p', "PERIOD", "this month, last month, 2026-11, 2026-Q4 ..." },
	{ "org", 0, "ORG", "this organisation's (finance)" },
	{ "user", 0, "USER", "this user's" },
	{ NULL },
};
static const struct opt export_opts[] = {
	{ "format", 0, "FORMAT", "csv", "csv" },
	{ "output", 'o', "FILE", "where to; without it, standard output" },
	{ "excel", 0, NULL, "with a byte order mark, for Excel" },
	{ "org", 0, "ORG", "one organisation's charges" },
	{ "force", 0, NULL, "replace FILE when it is there" },
	{ NULL },
};

const struct command money_commands[] = {
	{ "usage", "MONEY", "", "measured time, summed", 0, 0, ARG_NONE, usage_opts, run_usage,
		"  labtime usage -p 'last month' --by project\n",
		"GAP: inside sessions nobody read the meter for so long. Staff also see what no\n"
		"charge stands for: unattributed (nobody's), internal (in blocks), uncharged\n"
		"(sessions that wait or were waived), held (on a level that nobody knows: see\n"
		"labtime review). So an instrument adds up to its meter.\n" },
	{ "bill", "MONEY", "", "charges so far, line by line", 0, 0, ARG_NONE, bill_opts, run_bill, "  labtime bill\n  labtime bill -p 2026-11 --csv\n" },
	{ "explain", "MONEY", "C-301", "a charge, from readings to cents", 1, 1, ARG_NONE, NULL, run_explain,
		"  labtime explain C-301\n" },
	{ "export", "MONEY", "PERIOD", "a period's charges, checked and in one file", 1, 4, ARG_NONE, export_opts, run_export,
		"  labtime export 2026-11 --format csv -o november.csv\n  labtime export 'last month' --excel -o nov.csv\n",
		"The file appears whole or not at all: rows and SHA-256 are compared with the\n"
		"daemon's manifest first.\n" },
	{ NULL },
};
