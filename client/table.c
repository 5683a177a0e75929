/*
 * table.c - lays lists and records out for where they go.
 * Owns the cells of the table while it is printed. Fails (out_finish) when stdout cannot be written.
 */
#include "client/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/text.h"
#include "common/fmt.h"

#define COLUMNS_MAX 24
#define CELL_MAX 1024

static int terminal_width(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize w;
	int64_t v;

	if (env && lt_parse_i64(env, 20, 1000, &v))
		return (int)v;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
		return w.ws_col;
	return 80;
}

void out_setup(struct out *o, enum out_mode mode, bool asked, bool header)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM"), *force = getenv("LABTIME_FORCE_TTY");

	o->terminal = isatty(STDOUT_FILENO) || (force && *force);
	o->mode = asked ? mode : o->terminal ? OUT_TABLE : OUT_TABS;
	o->colour = o->terminal && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
	o->utf8 = text_utf8_locale();
	o->header = header;
	o->width = terminal_width();
}

static int count(const struct column *columns)
{
	int n = 0;

	while (columns[n].title && n < COLUMNS_MAX)
		n++;
	return n;
}

/* --- machines --- */

static void tab_cell(const char *s)
{
	for (; *s; s++)
		putchar(*s == '\t' || *s == '\n' || *s == '\r' ? ' ' : *s);
}

static void csv_cell(const char *s, bool guard)
{
	bool quote = strpbrk(s, ",\"\r\n") != NULL || s[0] == ' ';

	guard = guard && s[0] && strchr("=+-@\t\r", s[0]);
	if (quote)
		putchar('"');
	if (guard) /* a spreadsheet would run it */
		putchar('\'');
	for (; *s; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	if (quote)
		putchar('"');
}

static void machine_row(const struct out *o, const struct column *columns, json_t *item)
{
	char cell[2][CELL_MAX];
	bool csv = o->mode == OUT_CSV;

	for (int i = 0; columns[i].title; i++) {
		int n = cell_machine(&columns[i], item, cell[0], cell[1], CELL_MAX);

		for (int k = 0; k < n; k++) {
			if (i || k)
				putchar(csv ? ',' : '\t');
			if (csv)
				csv_cell(cell[k], columns[i].kind == CELL_TEXT);
			else
				tab_cell(cell[k]);
		}
	}
	fputs(csv ? "\r\n" : "\n", stdout);
}

static void machine_header(const struct out *o, const struct column *columns)
{
	char sep = o->mode == OUT_CSV ? ',' : '\t';

	for (int i = 0; columns[i].title; i++) {
		if (i)
			putchar(sep);
		if (columns[i].kind == CELL_SPAN)
			printf("from%cto", sep);
		else if (columns[i].kind == CELL_MONEY)
			printf("%s%c%s_currency", columns[i].member, sep, columns[i].member);
		else
			fputs(columns[i].member, stdout);
	}
	fputs(o->mode == OUT_CSV ? "\r\n" : "\n", stdout);
}

static void print_json(json_t *v, size_t flags)
{
	if (json_dumpf(v, stdout, flags | JSON_ENCODE_ANY) == 0)
		putchar('\n');
}

/* --- people --- */

struct grid {
	const struct column *columns;
	int n, width[COLUMNS_MAX];
	bool gone[COLUMNS_MAX];
};

static int total_width(const struct grid *g)
{
	int sum = 0, shown = 0;

	for (int i = 0; i < g->n; i++)
		if (!g->gone[i])
			sum += g->width[i], shown++;
	return sum + 2 * (shown > 0 ? shown - 1 : 0);
}

/* Drops the least needed columns, then cuts the widest that may be cut, then the widest of all. */
static void fit(struct grid *g, int width)
{
	for (;;) {
		int victim = -1;

		if (total_width(g) <= width)
			return;
		for (int i = 0; i < g->n; i++)
			if (!g->gone[i] && g->columns[i].drop && (victim < 0 || g->columns[i].drop > g->columns[victim].drop))
				victim = i;
		if (victim < 0)
			break;
		g->gone[victim] = true;
	}
	for (int floor = 8, any = 0; total_width(g) > width; ) {
		int victim = -1;

		for (int i = 0; i < g->n; i++)
			if (!g->gone[i] && (g->columns[i].shrink || g->columns[i].wrap || any) && g->width[i] > floor &&
					(victim < 0 || g->width[i] > g->width[victim]))
				victim = i;
		if (victim >= 0)
			g->width[victim]--;
		else if (!any)
			any = 1;
		else if (floor > 3)
			floor--;
		else
			return;
	}
}

static bool right_aligned(enum cell_kind k)
{
	return k == CELL_MONEY || k == CELL_NUMBER || k == CELL_SECONDS;
}

/* Blanks are owed until something follows them: no line ends with any. */
static void print_cell(const struct out *o, const struct grid *g, int i, const char *text, const char *colour,
	int *owed)
{
	char buf[CELL_MAX + 8];
	int used = text_fit(buf, sizeof buf, text, g->width[i], o->utf8), pad = g->width[i] - used;
	bool right = right_aligned(g->columns[i].kind);

	if (pad < 0)
		pad = 0;
	if (!*buf) {
		*owed += g->width[i] + 2;
		return;
	}
	printf("%*s%s%s%s", *owed + (right ? pad : 0), "", colour, buf, *colour ? "\033[0m" : "");
	*owed = (right ? 0 : pad) + 2;
}

/* The part of a cell that this line shows; moves *rest on. */
static void next_part(const struct grid *g, int i, const char **rest, char *dst)
{
	size_t n = strlen(*rest);

	if (g->columns[i].wrap)
		n = text_line(*rest, g->width[i]);
	memcpy(dst, *rest, n);
	dst[n] = '\0';
	*rest += n;
	while (n > 0 && dst[n - 1] == ' ' && g->columns[i].wrap)
		dst[--n] = '\0';
}

static void print_row(const struct out *o, const struct grid *g, json_t *item)
{
	char cell[COLUMNS_MAX][CELL_MAX], part[CELL_MAX];
	const char *rest[COLUMNS_MAX];
	bool more = true;
	int owed;

	for (int i = 0; i < g->n; i++) {
		cell_human(o, &g->columns[i], item, cell[i], CELL_MAX);
		rest[i] = cell[i];
	}
	while (more) {
		more = false;
		owed = 0;
		for (int i = 0; i < g->n; i++) {
			if (g->gone[i])
				continue;
			next_part(g, i, &rest[i], part);
			print_cell(o, g, i, part, o->colour && g->columns[i].kind == CELL_STATE ? cell_colour(part) : "",
				&owed);
			more = more || *rest[i];
		}
		putchar('\n');
	}
}

static void print_grid(const struct out *o, const struct column *columns, json_t *items)
{
	struct grid g = { .columns = columns, .n = count(columns) };
	char cell[CELL_MAX];
	size_t row;
	json_t *item;
	int owed = 0;

	for (int i = 0; i < g.n; i++) {
		int most = 0;

		json_array_foreach(items, row, item) {
			cell_human(o, &columns[i], item, cell, sizeof cell);
			if (text_width(cell) > most)
				most = text_width(cell);
		}
		g.gone[i] = most == 0; /* a column with nothing in it says nothing */
		g.width[i] = most > text_width(columns[i].title) ? most : text_width(columns[i].title);
	}
	fit(&g, o->width);
	for (int i = 0; i < g.n; i++)
		if (!g.gone[i])
			print_cell(o, &g, i, columns[i].title, o->colour ? "\033[1m" : "", &owed);
	putchar('\n');
	json_array_foreach(items, row, item)
		print_row(o, &g, item);
}

void out_list(const struct out *o, const struct column *columns, json_t *doc, const char *id)
{
	json_t *items = json_object_get(doc, "items"), *item;
	char cell[2][CELL_MAX];
	struct column c = { "", id, CELL_TEXT };
	size_t row;

	if (o->mode == OUT_JSON) {
		print_json(doc, JSON_INDENT(2));
		return;
	}
	if (o->mode == OUT_TABLE) {
		if (json_array_size(items) > 0)
			print_grid(o, columns, items);
		return;
	}
	if ((o->mode == OUT_TABS && o->header) || o->mode == OUT_CSV)
		machine_header(o, columns);
	json_array_foreach(items, row, item) {
		if (o->mode == OUT_JSONL) {
			print_json(item, JSON_COMPACT);
		} else if (o->mode == OUT_IDS) {
			cell_machine(&c, item, cell[0], cell[1], CELL_MAX);
			puts(cell[0]);
		} else {
			machine_row(o, columns, item);
		}
	}
}

/* A list's title "NEXT FREE" labels a record as "Next free". */
static const char *label_of(const char *title)
{
	static char text[64];
	size_t n = lt_fmt(text, sizeof text, "%s", title);

	for (size_t i = 1; i < n && i < sizeof text; i++)
		if (title[1] >= 'A' && title[1] <= 'Z')
			text[i] = (char)tolower((unsigned char)text[i]);
	return text;
}

static void record_line(const struct out *o, const struct column *f, json_t *object, int label)
{
	char cell[2][CELL_MAX], shown[CELL_MAX + 8];
	int n;

	if (o->mode == OUT_TABS) {
		n = cell_machine(f, object, cell[0], cell[1], CELL_MAX);
		printf("%s\t", f->kind == CELL_SPAN ? "when" : f->member);
		tab_cell(cell[0]);
		if (n > 1) {
			putchar('\t');
			tab_cell(cell[1]);
		}
		putchar('\n');
		return;
	}
	cell_human(o, f, object, cell[0], CELL_MAX);
	if (!cell[0][0])
		return;
	text_fit(shown, sizeof shown, cell[0], CELL_MAX, o->utf8);
	n = o->colour && f->kind == CELL_STATE;
	printf("  %-*s  %s%s%s\n", label, label_of(f->title), n ? cell_colour(cell[0]) : "", shown,
		n && *cell_colour(cell[0]) ? "\033[0m" : "");
}

void out_record(const struct out *o, const struct column *fields, json_t *object, const char *id)
{
	int label = 0;

	if (o->mode == OUT_JSON || o->mode == OUT_JSONL) {
		print_json(object, o->mode == OUT_JSON ? JSON_INDENT(2) : JSON_COMPACT);
	} else if (o->mode == OUT_IDS) {
		char cell[2][CELL_MAX];
		struct column c = { "", id, CELL_TEXT };

		cell_machine(&c, object, cell[0], cell[1], CELL_MAX);
		puts(cell[0]);
	} else if (o->mode == OUT_CSV) {
		machine_header(o, fields);
		machine_row(o, fields, object);
	} else {
		for (int i = 0; fields[i].title; i++)
			if (text_width(fields[i].title) > label)
				label = text_width(fields[i].title);
		for (int i = 0; fields[i].title; i++)
			record_line(o, &fields[i], object, label);
	}
}

void out_section(const struct out *o, const char *title, const struct column *columns, json_t *items)
{
	if (o->mode != OUT_TABLE || json_array_size(items) == 0)
		return;
	printf("\n%s%s%s\n", o->colour ? "\033[1m" : "", title, o->colour ? "\033[0m" : "");
	print_grid(o, columns, items);
}

void out_text(const struct out *o, const char *text)
{
	char buf[CELL_MAX * 2];

	text_fit(buf, sizeof buf, text, (int)sizeof buf, o->utf8);
	fputs(buf, stdout);
}

int out_finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno != EPIPE)
		fprintf(stderr, "labtime: cannot write the output: %s\n[output]\n", strerror(errno));
	return 1;
}
