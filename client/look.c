/*
 * look.c - ls, free, mine, show: what is there, what is free, what is mine.
 * Owns nothing; one request a command where the API allows it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "client/show.h"
#include "common/fmt.h"

static const struct column instrument_columns[] = {
	{ "INSTRUMENT", "id", CELL_TEXT },
	{ "TITLE", "title", CELL_TEXT, 2, true },
	{ "KIND", "kind", CELL_TEXT, 3 },
	{ "STATE", "status", CELL_STATE },
	{ "MINE", "mine", CELL_MARK, 4 },
	{ "BOOKED UNTIL", "now_booked_until", CELL_TIME, 1 },
	{ "NEXT FREE", "next_free", CELL_TIME },
	{ "RATE/H", "rate", CELL_MONEY, 1 },
	{ "WHERE", "location", CELL_TEXT, 5, true },
	{ NULL },
};

const struct column booking_columns[] = {
	{ "BOOKING", "id", CELL_TEXT },
	{ "INSTRUMENT", "instrument", CELL_TEXT },
	{ "WHEN", "", CELL_SPAN },
	{ "STATE", "state", CELL_STATE },
	{ "USER", "user", CELL_TEXT, 2, true },
	{ "ORG", "org", CELL_TEXT, 3, true },
	{ "QUOTE", "quote", CELL_MONEY, 1 },
	{ "PROJECT", "project", CELL_TEXT, 4, true },
	{ "NOTE", "note", CELL_TEXT, 5, true },
	{ NULL },
};

static const struct column slot_columns[] = {
	{ "INSTRUMENT", "instrument", CELL_TEXT }, { "WHEN", "", CELL_SPAN }, { "PRICE", "price", CELL_MONEY }, { NULL },
};

/* Keeps the items for which keep() holds. */
static void filter(json_t *doc, bool (*keep)(json_t *item, const char *word), const char *word)
{
	json_t *items = json_object_get(doc, "items");

	for (size_t i = json_array_size(items); i-- > 0; )
		if (!keep(json_array_get(items, i), word))
			json_array_remove(items, i);
}

static bool named(json_t *item, const char *word)
{
	const char *id = TEXT(item, "id"), *kind = TEXT(item, "kind");

	return (id && strcmp(id, word) == 0) || (kind && strcmp(kind, word) == 0);
}

static int run_ls(struct cli *c)
{
	const char *word = c->args.npos ? c->args.pos[0] : NULL;
	json_t *doc;
	int rc = ask_all(c, "/v1/instruments", &doc);

	if (rc)
		return rc;
	if (word) {
		filter(doc, named, word[0] == '@' ? word + 1 : word);
		if (json_array_size(json_object_get(doc, "items")) == 0)
			rc = fail(EXIT_NOT_FOUND, "not-found",
				"there is no instrument and no kind '%s' that you may see; try: labtime ls", word);
	} else if (c->out.mode == OUT_TABLE && json_array_size(json_object_get(doc, "items")) == 0) {
		fputs("No instruments yet. Print a file for one: labtime instrument add --help\n", stderr);
	}
	if (!rc)
		out_list(&c->out, instrument_columns, doc, "id");
	json_decref(doc);
	return rc;
}

static int free_path(struct cli *c, struct path *p, int64_t duration)
{
	static const struct { const char *option, *member; } plain[] = {
		{ "kind", "kind" }, { "instrument", "instrument" }, { "within", "within" }, { "for", "user" },
	};
	const char *number = args_get(&c->args, "number"), *text;
	char seconds[32];
	int64_t at;
	int rc;

	path_set(p, "/v1/free");
	lt_fmt(seconds, sizeof seconds, "%lld", (long long)(duration / 1000));
	path_query(p, "duration_seconds", seconds);
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		text = args_get(&c->args, plain[i].option);
		path_query(p, plain[i].member, text && text[0] == '@' ? text + 1 : text);
	}
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "before" : "after";

		if ((text = args_get(&c->args, name)) == NULL)
			continue;
		if ((rc = read_instant(c, name, text, &at)) != 0)
			return rc;
		path_instant(p, name, at);
	}
	if (number && !lt_parse_i64(number, 1, 50, &at))
		return args_usage(c->args.cmd, "-n takes a number from 1 to 50, not '%s'", number);
	path_query(p, "limit", number ? number : "5");
	return EXIT_OK;
}

static int run_free(struct cli *c)
{
	char text[WHEN_TEXT_MAX + 1];
	int64_t duration;
	struct path p;
	json_t *doc;
	int rc = words_join(c, 0, text, sizeof text);

	if (rc || (rc = read_duration(text, &duration)) != 0 || (rc = free_path(c, &p, duration)) != 0 ||
			(rc = ask_get(c, p.text, &doc)) != 0)
		return rc;
	out_list(&c->out, slot_columns, doc, "instrument");
	if (json_array_size(json_object_get(doc, "items")) == 0)
		rc = fail(EXIT_NOT_FOUND, "nothing-free",
			"no free slot of %s there; ask for less, another --kind or a later --before", text);
	else if (c->out.mode == OUT_TABLE)
		fprintf(stderr, "Book the first: labtime book %s '%s'\n", TEXT(json_array_get(json_object_get(doc, "items"), 0),
			"instrument"), slot_paste(json_array_get(json_object_get(doc, "items"), 0)));
	json_decref(doc);
	return rc;
}

static int by_start(const void *a, const void *b)
{
	int64_t x = 0, y = 0;

	lt_rfc3339_parse(TEXT(*(json_t *const *)a, "from") ? TEXT(*(json_t *const *)a, "from") : "", &x);
	lt_rfc3339_parse(TEXT(*(json_t *const *)b, "from") ? TEXT(*(json_t *const *)b, "from") : "", &y);
	return (x > y) - (x < y);
}

/* Sorts items by their start. */
static void sort_items(json_t *doc)
{
	json_t *items = json_object_get(doc, "items"), *sorted;
	size_t n = json_array_size(items), i;
	json_t **v;

	if (n < 2 || !(v = calloc(n, sizeof *v)))
		return;
	for (i = 0; i < n; i++)
		v[i] = json_array_get(items, i);
	qsort(v, n, sizeof *v, by_start);
	sorted = json_array();
	for (i = 0; i < n; i++)
		json_array_append(sorted, v[i]);
	json_object_set_new(doc, "items", sorted);
	free(v);
}

/* The user whose bookings are "mine"; "" when the caller has none (a local administrator). */
static int whose(struct cli *c, char *dst, size_t cap)
{
	json_t *me;
	int rc = ask_get(c, "/v1/whoami", &me);

	if (rc)
		return rc;
	lt_fmt(dst, cap, "%s", TEXT(me, "user") ? TEXT(me, "user") : "");
	json_decref(me);
	return EXIT_OK;
}

/* held: the same of any state. */
static int mine_path(struct cli *c, struct path *p, struct path *held)
{
	static const char *const plain[] = { "instrument", "state", "org" };
	const char *user = args_get(&c->args, "user");
	bool org = args_has(&c->args, "org"), everyone = args_has(&c->args, "everyone");
	char me[128] = "";
	int rc;

	if (!user && !org && !everyone) {
		if ((rc = whose(c, me, sizeof me)) != 0)
			return rc;
		if (!me[0] && c->out.terminal)
			fputs("You act as a local administrator without a user: this is everyone's.\n", stderr);
	}
	path_set(p, "/v1/bookings");
	path_query(p, "user", user ? user : me);
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		path_query(p, plain[i], args_get(&c->args, plain[i]));
	*held = *p;
	if (args_has(&c->args, "period"))
		return query_period(c, p, false);
	if (!args_has(&c->args, "all") && !args_has(&c->args, "state"))
		path_query(p, "state", "live");
	return EXIT_OK;
}

/* Slots that are held for the owner of what a block displaced. */
static int mine_held(struct cli *c, struct path *p)
{
	json_t *doc, *b;
	size_t i;
	int rc;

	path_query(p, "state", "displaced");
	if ((rc = ask_all(c, p->text, &doc)) != 0)
		return rc;
	fflush(stdout);
	json_array_foreach(json_object_get(doc, "items"), i, b)
		show_held(c, b);
	json_decref(doc);
	return EXIT_OK;
}

static int run_mine(struct cli *c)
{
	bool past = args_has(&c->args, "all") || args_has(&c->args, "state") || args_has(&c->args, "period");
	struct path p, held;
	json_t *doc;
	int rc = mine_path(c, &p, &held);

	if (rc || (rc = ask_all(c, p.text, &doc)) != 0)
		return rc;
	sort_items(doc);
	out_list(&c->out, booking_columns, doc, "id");
	if (c->out.mode == OUT_TABLE && json_array_size(json_object_get(doc, "items")) == 0)
		fputs(past ? "No bookings.\n"
			: "No bookings ahead. Find a slot: labtime free 2h   Past ones: labtime mine --all\n", stderr);
	json_decref(doc);
	return past || c->out.mode != OUT_TABLE ? EXIT_OK : mine_held(c, &held);
}

static const struct opt free_opts[] = {
	{ "kind", 'k', "KIND", "any instrument of this kind" },
	{ "instrument", 'i', "A,B", "only these instruments" },
	{ "after", 0, "TIME", "not before this time" },
	{ "before", 0, "TIME", "done by this time" },
	{ "within", 0, "HOURS", "only inside these hours: 'Mon..Fri 08:00-18:00'" },
	{ "number", 'n', "N", "how many slots, 1 to 50 (5)" },
	{ "for", 0, "USER", "under this user's rules (staff)" },
	{ NULL },
};

static const struct opt mine_opts[] = {
	{ "all", 'a', NULL, "past and cancelled ones as well" },
	{ "state", 0, "STATE", "only this state", "live pending confirmed active completed cancelled no_show displaced lapsed replaced" },
	{ "instrument", 'i', "INSTR", "only this instrument" },
	{ "period", 'p', "PERIOD", "only this period" },
	{ "user", 0, "USER", "another user's (org administrators and staff)" },
	{ "org", 0, "ORG", "a whole organisation's" },
	{ "everyone", 0, NULL, "all that you may see" },
	{ NULL },
};

static const struct opt show_opts[] = {
	{ "readings", 0, NULL, "of a session: the meter readings it rests on" },
	{ NULL },
};

const struct command look_commands[] = {
	{ "ls", "LOOK", "[KIND|INSTR]", "instruments now: state, next free, rate", 0, 1, ARG_INSTRUMENT, NULL, run_ls,
		"  labtime ls\n  labtime ls microscope\n  labtime ls --json\n" },
	{ "free", "LOOK", "DUR", "the next free slots of a length", 1, 6, ARG_NONE, free_opts, run_free,
		"  labtime free 4h -k microscope\n  labtime free 90m -i krios-1,krios-2 --after 'next mon' \\\n    --within 'Mon..Fri "
		"08:00-18:00'\n" },
	{ "cal", "LOOK", "[INSTR...] [day|week] [WHEN]", "a timeline: booked against metered", 0, -1, ARG_INSTRUMENT, NULL, run_cal,
		"  labtime cal\n  labtime cal krios-1 week\n  labtime cal krios-1 krios-2 day fri\n" },
	{ "mine", "LOOK", "", "my bookings, next first", 0, 0, ARG_NONE, mine_opts, run_mine, "  labtime mine\n  labtime mine --all -p 'last month'\n" },
	{ "show", "LOOK", "B-1042|S-88|C-301|V-12|INSTR", "one thing: quote, meter, money, history", 1, 1, ARG_BOOKING, show_opts, run_show,
		"  labtime show B-1042\n  labtime show S-88 --readings\n  labtime show krios-1\n" },
	{ NULL },
};
