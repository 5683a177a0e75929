/*
 * watch.c - what people are told, one line each, as it happens. Owns nothing. Asks every two seconds for what came
 * after the last event it has shown; ends by Ctrl-C, or at once with --once.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/book.h"
#include "common/fmt.h"

enum { PAUSE_S = 2, MOST = 200 };

static const struct column event_columns[] = {
	{ "AT", "at", CELL_TIME }, { "EVENT", "kind", CELL_TEXT }, { "INSTRUMENT", "instrument", CELL_TEXT },
	{ "ORG", "org", CELL_TEXT }, { "USER", "user", CELL_TEXT }, { "BOOKING", "booking", CELL_TEXT },
	{ "SESSION", "session", CELL_TEXT }, { "CHARGE", "charge", CELL_TEXT }, { "DETAIL", "detail", CELL_TEXT }, { NULL },
};

static bool wanted(json_t *e, const char *of)
{
	static const char *const members[] = { "instrument", "booking", "session", "charge" };

	for (size_t i = 0; of && i < sizeof members / sizeof members[0]; i++)
		if (TEXT(e, members[i]) && strcmp(TEXT(e, members[i]), of) == 0)
			return true;
	return !of;
}

/* "today 13:20  krios-1  B-12  it ends in 10 minutes ..." */
static void say_event(struct cli *c, json_t *e)
{
	static const char *const objects[] = { "instrument", "booking", "session", "charge" };
	char when[64];

	cell_time(&c->out, TEXT(e, "at"), when, sizeof when);
	printf("%s  ", when);
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
		if (TEXT(e, objects[i])) {
			out_text(&c->out, TEXT(e, objects[i]));
			fputs("  ", stdout);
		}
	out_text(&c->out, TEXT(e, "detail") && *TEXT(e, "detail") ? TEXT(e, "detail") : TEXT(e, "kind"));
	putchar('\n');
}

/* Shows those of the page that are wanted; *after moves to the last of all. Returns whether there are more already. */
static bool show_page(struct cli *c, json_t *doc, const char *of, int64_t *after)
{
	json_t *items = json_object_get(doc, "items"), *kept = json_array(), *e, *page;
	size_t i;

	json_array_foreach(items, i, e) {
		*after = json_integer_value(json_object_get(e, "id"));
		if (wanted(e, of))
			json_array_append(kept, e);
	}
	page = json_pack("{s:o}", "items", kept);
	if (c->out.mode == OUT_TABLE)
		json_array_foreach(kept, i, e)
			say_event(c, e);
	else if (json_array_size(kept) > 0)
		out_list(&c->out, event_columns, page, "id");
	c->out.header = false; /* once */
	fflush(stdout);
	json_decref(page);
	return json_is_string(json_object_get(doc, "next_cursor"));
}

static int options(struct cli *c, const char **number)
{
	const char *text = args_get(&c->args, "number");
	char *end;
	long n = text ? strtol(text, &end, 10) : 10;

	if (text && (*end || n < 0 || n > MOST))
		return args_usage(c->args.cmd, "--number takes 0 to %d, not '%s'", MOST, text);
	*number = text ? text : *number;
	if (c->out.mode == OUT_JSON && !args_has(&c->args, "once"))
		return args_usage(c->args.cmd, "--json is one document; use --jsonl, or --once");
	return EXIT_OK;
}

int run_watch(struct cli *c)
{
	const char *of = c->args.npos ? c->args.pos[0] : NULL, *number = "10";
	struct timespec pause = { .tv_sec = PAUSE_S };
	bool none, more, once = args_has(&c->args, "once");
	int64_t after = 0;
	char text[24];
	struct path p;
	json_t *doc;
	int rc = options(c, &number);

	if (rc)
		return rc;
	none = strtol(number, NULL, 10) == 0;
	path_set(&p, "/v1/events");
	path_query(&p, "last", none ? "1" : number); /* also 0 has to know where the end is */
	if ((rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	more = show_page(c, doc, none ? "" : of, &after);
	json_decref(doc);
	while (!once) {
		if (!more)
			nanosleep(&pause, NULL);
		lt_fmt(text, sizeof text, "%lld", (long long)after);
		path_set(&p, "/v1/events");
		path_query(&p, "after", text);
		if ((rc = ask_get(c, p.text, &doc)) != 0)
			return rc;
		more = show_page(c, doc, of, &after);
		json_decref(doc);
	}
	return EXIT_OK;
}
