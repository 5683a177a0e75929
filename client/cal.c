/*
 * cal.c - the timeline: several instruments on one axis, booked against metered.
 * Owns the row of cells while it is drawn. A day is as long as the zone makes it.
 */
#include <stdio.h>
#include <string.h>

#include "client/show.h"
#include "client/text.h"
#include "common/fmt.h"

#define CAL_INSTRUMENTS 64
#define CAL_CELLS 160

/* Later marks win over earlier ones. */
static const struct mark { const char *kind, *utf8, *ascii, *colour, *name; } marks[] = {
	{ "", "\xc2\xb7", ".", "\033[2m", "" },
	{ "hold", "\xe2\x96\x91", "-", "\033[33m", "held" },
	{ "booking", "\xe2\x96\x92", "=", "\033[34m", "booked" },
	{ "mine", "\xe2\x96\x93", "M", "\033[36m", "mine" },
	{ "block", "\xe2\x95\xb3", "x", "\033[35m", "maintenance" },
	{ "session", "\xe2\x96\x84", "s", "\033[33m", "session" },
	{ "metered", "\xe2\x96\x88", "#", "\033[32m", "metered" },
};
#define MARKS (int)(sizeof marks / sizeof marks[0])

static const struct column entry_columns[] = {
	{ "INSTRUMENT", "instrument", CELL_TEXT }, { "KIND", "kind", CELL_TEXT }, { "WHEN", "", CELL_SPAN }, { "MINE", "mine", CELL_MARK },
	{ "BOOKING", "booking", CELL_TEXT }, { "USER", "user", CELL_TEXT }, { "ORG", "org", CELL_TEXT }, { "REASON", "reason", CELL_TEXT }, { NULL },
};

struct cal {
	struct cli *c;
	char name[CAL_INSTRUMENTS][65];
	int n, label, days, minutes;          /* minutes: of one cell */
	int64_t day;                          /* the first            */
	bool used[sizeof marks / sizeof marks[0]];
};

static int all_instruments(struct cal *k)
{
	json_t *doc, *item;
	size_t i;
	int rc = ask_get(k->c, "/v1/instruments?limit=64", &doc);

	if (rc)
		return rc;
	json_array_foreach(json_object_get(doc, "items"), i, item)
		if (k->n < CAL_INSTRUMENTS && TEXT(item, "id"))
			lt_fmt(k->name[k->n++], sizeof k->name[0], "%s", TEXT(item, "id"));
	json_decref(doc);
	return EXIT_OK;
}

/* [INSTR...] [day|week] [WHEN] */
static int read_words(struct cal *k)
{
	struct cli *c = k->c;
	char text[WHEN_TEXT_MAX + 1] = "today";
	struct when_ctx x = { .now = c->now, .zone = &c->zone };
	struct when_err err;
	int64_t at = c->now;
	int i = 0, rc;

	k->days = 1;
	for (; i < c->args.npos && strcmp(c->args.pos[i], "day") != 0 && strcmp(c->args.pos[i], "week") != 0; i++) {
		if (k->n >= CAL_INSTRUMENTS)
			return args_usage(c->args.cmd, "more than %d instruments", CAL_INSTRUMENTS);
		lt_fmt(k->name[k->n++], sizeof k->name[0], "%s", c->args.pos[i]);
	}
	if (i < c->args.npos)
		k->days = strcmp(c->args.pos[i++], "week") == 0 ? 7 : 1;
	if (i < c->args.npos) {
		if ((rc = words_join(c, i, text, sizeof text)) != 0)
			return rc;
		if (when_instant(&x, text, &at, &err) < 0)
			return fail_when("day", text, &err);
	}
	k->day = lt_zone_day(&c->zone, at);
	if (k->days == 7)
		k->day -= lt_weekday(k->day) - 1;
	return k->n ? EXIT_OK : all_instruments(k);
}

static int calendar(struct cal *k, int i, json_t **ret)
{
	struct path p;

	path_set(&p, "/v1/instruments");
	path_part(&p, k->name[i]);
	path_part(&p, "calendar");
	path_instant(&p, "from", lt_zone_midnight(&k->c->zone, k->day));
	path_instant(&p, "to", lt_zone_midnight(&k->c->zone, k->day + k->days));
	return ask_get(k->c, p.text, ret);
}

static int mark_of(json_t *entry)
{
	const char *kind = TEXT(entry, "kind");

	if (kind && strcmp(kind, "booking") == 0 && json_is_true(json_object_get(entry, "mine")))
		kind = "mine";
	for (int m = 1; kind && m < MARKS; m++)
		if (strcmp(marks[m].kind, kind) == 0)
			return m;
	return 0;
}

/* The marks of one day; returns the number of cells. */
static int cells(struct cal *k, json_t *entries, int64_t from, int64_t to, char cell[CAL_CELLS])
{
	int64_t step = k->minutes * LT_MINUTE;
	int n = (int)((to - from + step - 1) / step);
	json_t *e;
	size_t i;

	if (n > CAL_CELLS)
		n = CAL_CELLS;
	memset(cell, 0, (size_t)n);
	json_array_foreach(entries, i, e) {
		int64_t a, b = to;
		int m = mark_of(e);

		if (!TEXT(e, "from") || !lt_rfc3339_parse(TEXT(e, "from"), &a) ||
				(TEXT(e, "to") && !lt_rfc3339_parse(TEXT(e, "to"), &b)))
			continue;
		for (int c = 0; c < n; c++)
			if (a < from + (c + 1) * step && b > from + c * step && cell[c] < m)
				cell[c] = (char)m;
		k->used[m] = k->used[m] || (a < to && b > from);
	}
	return n;
}

static void axis(struct cal *k, int64_t from, int64_t to, const char *title)
{
	int64_t step = k->minutes * LT_MINUTE;
	int every = k->minutes < 60 ? 2 : 3, skip = 0;

	printf("%-*s", k->label + 2, title);
	for (int64_t at = from; at < to; at += step) {
		struct lt_civil t = lt_zone_civil(&k->c->zone, at);

		if (t.minute == 0 && t.hour % every == 0 && !skip)
			printf("%02d", t.hour), skip = 1;
		else if (skip)
			skip = 0;
		else
			putchar(' ');
	}
	putchar('\n');
}

static void draw(struct cal *k, const char *label, json_t *entries, int64_t from, int64_t to)
{
	const struct out *o = &k->c->out;
	char cell[CAL_CELLS], name[256];
	int n = cells(k, entries, from, to, cell), used = text_fit(name, sizeof name, label, k->label, o->utf8);

	printf("%s%*s", name, k->label - used + 2, "");
	for (int i = 0; i < n; i++) {
		const struct mark *m = &marks[(int)cell[i]];

		printf("%s%s%s", o->colour ? m->colour : "", o->utf8 ? m->utf8 : m->ascii, o->colour ? "\033[0m" : "");
	}
	putchar('\n');
}

static void title(struct cal *k, char *dst, size_t cap, int64_t day)
{
	int y, m, d;

	lt_civil_from_days(day, &y, &m, &d);
	lt_fmt(dst, cap, "%s %d %s %d", when_weekdays[lt_weekday(day)], d, when_months[m], y);
}

static void legend(struct cal *k)
{
	const struct out *o = &k->c->out;

	printf("%*s", k->label + 2, "");
	for (int m = MARKS - 1; m > 0; m--)
		if (k->used[m])
			printf("%s %s  ", o->utf8 ? marks[m].utf8 : marks[m].ascii, marks[m].name);
	printf("%s\n", k->c->zone.name);
}

static void picture(struct cal *k, json_t *const doc[])
{
	char text[64];
	const struct lt_zone *z = &k->c->zone;

	for (int i = 0; i < k->n; i++)
		if (text_width(k->name[i]) > k->label && k->label < 24)
			k->label = text_width(k->name[i]) < 24 ? text_width(k->name[i]) : 24;
	if (k->label < 15)
		k->label = 15;
	k->minutes = k->c->out.width >= k->label + 2 + 50 ? 30 : 60;
	if (k->c->out.width >= k->label + 2 + 100)
		k->minutes = 15;
	for (int i = 0; i < (k->days == 1 ? 1 : k->n); i++) {
		for (int d = 0; d < k->days; d++) {
			int64_t from = lt_zone_midnight(z, k->day + d), to = lt_zone_midnight(z, k->day + d + 1);

			title(k, text, sizeof text, k->day + d);
			if (d == 0)
				axis(k, from, to, k->days == 1 ? text : k->name[i]);
			for (int r = k->days == 1 ? 0 : i; r < (k->days == 1 ? k->n : i + 1); r++)
				draw(k, k->days == 1 ? k->name[r] : text, json_object_get(doc[r], "entries"), from, to);
		}
	}
	legend(k);
}

static void list(struct cal *k, json_t *const doc[])
{
	json_t *items = json_array(), *all, *e;
	size_t j;

	for (int i = 0; i < k->n; i++)
		json_array_foreach(json_object_get(doc[i], "entries"), j, e) {
			json_object_set_new(e, "instrument", json_string(k->name[i]));
			json_array_append(items, e);
		}
	all = json_pack("{s:o}", "items", items);
	out_list(&k->c->out, entry_columns, all, "booking");
	json_decref(all);
}

int run_cal(struct cli *c)
{
	struct cal k = { .c = c };
	json_t *doc[CAL_INSTRUMENTS] = { NULL };
	int rc = ask_site(c);

	if (!rc)
		rc = read_words(&k);
	for (int i = 0; i < k.n && !rc; i++)
		rc = calendar(&k, i, &doc[i]);
	if (!rc && c->out.mode == OUT_TABLE)
		picture(&k, doc);
	else if (!rc)
		list(&k, doc);
	for (int i = 0; i < k.n; i++)
		json_decref(doc[i]);
	return rc;
}
