/*
 * Width and fitting of text, tables on a terminal and in a pipe, CSV, the reading of arguments, SHA-256.
 * stdout goes to a temporary file while a table is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/args.h"
#include "client/sha256.h"
#include "client/table.h"
#include "client/text.h"

static const struct opt book_opts[] = { { "yes", 'y', NULL, "" }, { "max-price", 0, "AMOUNT", "" },
	{ "number", 'n', "N", "" }, { NULL } };
static const struct command commands[] = {
	{ "book", "BOOK", "INSTR WHEN", "", 2, -1, ARG_TARGET, book_opts, NULL },
	{ "review ls", "MANAGE", "", "", 0, 0, ARG_NONE, NULL, NULL },
	{ "whoami", "PLUMBING", "", "", 0, 0, ARG_NONE, NULL, NULL },
	{ NULL },
};
const struct command *const command_tables[] = { commands, NULL };

static char captured[16384];

/* Runs fn with `fd` caught into `captured`. */
static void capture(int fd, void (*fn)(void *user), void *user)
{
	FILE *f = tmpfile();
	int keep = dup(fd);
	size_t n;

	assert_non_null(f);
	fflush(NULL);
	dup2(fileno(f), fd);
	fn(user);
	fflush(NULL);
	dup2(keep, fd);
	close(keep);
	rewind(f);
	n = fread(captured, 1, sizeof captured - 1, f);
	captured[n] = '\0';
	fclose(f);
}

static void widths(void **state)
{
	static const struct { const char *text; int cells; } rows[] = {
		{ "abc", 3 }, { "", 0 }, { "\xe5\x8c\x97\xe4\xba\xac", 4 }, { "M\xc3\xbcller", 6 }, { "e\xcc\x81", 1 }, { "\xef\xbf\xa5", 2 }, { "\xc2\xa5", 1 },
		{ "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac", 2 }, { "a\tb", 3 }, { "\xff\xfe", 2 }, { "\xe2\x96\x88\xe2\x96\x92\xc2\xb7", 3 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(text_width(rows[i].text), rows[i].cells);
}

static void fitting(void **state)
{
	char buf[64];

	assert_int_equal(text_fit(buf, sizeof buf, "\xe5\x8c\x97\xe4\xba\xac\xe6\x99\xa8\xe6\x98\x9f", 6, true), 5);
	assert_string_equal(buf, "\xe5\x8c\x97\xe4\xba\xac\xe2\x80\xa6");
	assert_int_equal(text_fit(buf, sizeof buf, "abcdef", 4, false), 4);
	assert_string_equal(buf, "abc~");
	assert_int_equal(text_fit(buf, sizeof buf, "abcd", 4, true), 4);
	assert_string_equal(buf, "abcd");
	text_fit(buf, sizeof buf, "a\033[31mb\xc2\x9b\xe2\x80\xae", 40, true); /* data never drives the terminal */
	assert_string_equal(buf, "a?[31mb??");
	for (size_t cap = 1; cap < 12; cap++) {
		text_fit(buf, cap, "\xe5\x8c\x97\xe4\xba\xac\xe6\x99\xa8", 40, true);
		assert_true(strlen(buf) < cap && strlen(buf) % 3 == 0);
	}
}

static const struct column columns[] = {
	{ "BOOKING", "id", CELL_TEXT }, { "INSTRUMENT", "instrument", CELL_TEXT }, { "WHEN", "", CELL_SPAN }, { "ORG", "org", CELL_TEXT, 0, true },
	{ "QUOTE", "quote", CELL_MONEY }, { "USED", "used", CELL_SECONDS }, { "NOTE", "note", CELL_TEXT, 5, true }, { "EMPTY", "empty", CELL_TEXT }, { NULL },
};

static json_t *document(void)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:i, s:s}, {s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, "
		"s:i, s:s}]}", "items", "id", "B-1042", "instrument", "krios-1", "from", "2026-12-01T09:00:00+08:00", "to",
		"2026-12-01T13:00:00+08:00", "org",
		"\xe5\x8c\x97\xe4\xba\xac\xe6\x99\xa8\xe6\x98\x9f\xe7\x94\x9f\xe7\x89\xa9\xe7\xa7\x91\xe6\x8a\x80\xe6\x9c\x89\xe9\x99\x90\xe5\x85\xac\xe5\x8f\xb8",
		"quote", "amount", "400.00", "currency", "USD", "used", 13920, "note",
		"=cmd|'/c calc'!A1, and a rather long note",
		"id", "B-1044", "instrument", "novaseq-2", "from", "2026-12-02T22:00:00+08:00", "to",
		"2026-12-03T02:00:00+08:00", "org",
		"M\xc3\xbcller & S\xc3\xb6hne", "quote", "amount", "1150.00", "currency", "USD", "used", 0, "note",
		"tab\there");
}

static struct out terminal(int width)
{
	struct out o;
	char text[16];

	snprintf(text, sizeof text, "%d", width);
	setenv("COLUMNS", text, 1);
	setenv("LABTIME_FORCE_TTY", "1", 1);
	setenv("NO_COLOR", "1", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	memset(&o, 0, sizeof o);
	out_setup(&o, OUT_TABLE, true, false);
	o.now = INT64_C(1795000000000); /* 2026-11-18 */
	return o;
}

static void print_list(void *user)
{
	json_t *doc = document();

	out_list(user, columns, doc, "id");
	json_decref(doc);
}

static void tables_fit(void **state)
{
	for (int width = 130; width >= 40; width -= 5) {
		struct out o = terminal(width);
		char *next = captured, *line;
		int lines = 0, first = -1;

		capture(STDOUT_FILENO, print_list, &o);
		while ((line = strsep(&next, "\n")) != NULL && *line) {
			char *money = strstr(line, "00.00");

			assert_true(text_width(line) <= width);
			if (money && money[5] == ' ' && width >= 80) { /* the ends of the amounts stand below each other */
				int cells;

				money[5] = '\0';
				cells = text_width(line);
				assert_true(first < 0 || cells == first);
				first = cells;
			}
			lines++;
		}
		assert_int_equal(lines, 3);
	}
}

static void table_at_80(void **state)
{
	struct out o = terminal(80);

	capture(STDOUT_FILENO, print_list, &o);
	assert_non_null(strstr(captured, "Tue 1 Dec 09:00\xe2\x80\x93" "13:00"));
	assert_non_null(strstr(captured, "\xe2\x80\xa6"));
	assert_non_null(strstr(captured, "USD 1150.00"));
	assert_non_null(strstr(captured, "3h52m"));
	assert_null(strstr(captured, "NOTE")); /* the first to go */
	assert_null(strstr(captured, "EMPTY"));
	assert_null(strchr(captured, '\033'));
}

static void pipes_get_everything(void **state)
{
	struct out o = terminal(40);

	o.mode = OUT_TABS;
	capture(STDOUT_FILENO, print_list, &o);
	assert_non_null(strstr(captured,
		"B-1042\tkrios-1\t2026-12-01T09:00:00+08:00\t2026-12-01T13:00:00+08:00\t\xe5\x8c\x97"));
	assert_non_null(strstr(captured, "\xe5\x85\xac\xe5\x8f\xb8\t400.00\tUSD\t13920\t"));
	assert_non_null(strstr(captured, "tab here\t\n"));
	o.mode = OUT_CSV;
	capture(STDOUT_FILENO, print_list, &o);
	assert_int_equal(strncmp(captured, "id,instrument,from,to,org,quote,quote_currency,used,note,empty\r\n", 64), 0);
	assert_non_null(strstr(captured, ",\"'=cmd|'/c calc'!A1, and a rather long note\",\r\n"));
	o.mode = OUT_IDS;
	capture(STDOUT_FILENO, print_list, &o);
	assert_string_equal(captured, "B-1042\nB-1044\n");
	o.mode = OUT_JSONL;
	capture(STDOUT_FILENO, print_list, &o);
	assert_int_equal(strncmp(captured, "{\"id\":\"B-1042\"", 14), 0);
}

static void print_steps(void *user)
{
	static const struct column steps[] = { { "STEP", "text", CELL_TEXT, 0, false, true },
		{ "VALUE", "value", CELL_TEXT }, { NULL } };
	json_t *doc = json_pack("{s:[{s:s, s:s}]}", "items", "text",
		"all of the session's metered time, \xe6\x98\xbe\xe5\xbe\xae\xe9\x95\x9c "
		"from-the-first-reading-to-the-last-one-without-a-blank", "value", "3 s");

	out_list(user, steps, doc, "text");
	json_decref(doc);
}

/* What explains a bill is never cut. */
static void long_texts_wrap(void **state)
{
	static const char *const parts[] = { "all of the session's", "metered", "\xe6\x98\xbe\xe5\xbe\xae\xe9\x95\x9c",
		"from-the-first-reading-", "without", "3 s\n" };
	struct out o = terminal(40);
	char *next = captured, *line;

	capture(STDOUT_FILENO, print_steps, &o);
	assert_null(strstr(captured, "\xe2\x80\xa6"));
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (!strstr(captured, parts[i]))
			fail_msg("%s is not in\n%s", parts[i], captured);
	while ((line = strsep(&next, "\n")) != NULL)
		assert_true(text_width(line) <= 40);
	assert_int_equal(text_line("ab cd", 4), 3);
	assert_int_equal(text_line("abcdef", 4), 4);
	assert_int_equal(text_line("\xe5\x8c\x97\xe4\xba\xac", 1), 3); /* at least one character, or it would never end */
}

struct line { int argc; char *argv[8]; struct args a; int rc; };

static void parse(void *user)
{
	struct line *l = user;

	l->rc = args_parse(&l->a, l->argc, l->argv);
}

static struct line read_line(const char *text)
{
	static char buf[256];
	struct line l = { 0 };
	char *p = buf, *word;

	snprintf(buf, sizeof buf, "%s", text);
	while ((word = strsep(&p, " ")) != NULL)
		l.argv[l.argc++] = word;
	capture(STDERR_FILENO, parse, &l);
	return l;
}

static void arguments(void **state)
{
	static const struct { const char *line, *said; } bad[] = {
		{ "bok k 9am", "you mean labtime book" }, { "book", "book needs INSTR WHEN" }, { "book k 9am --hlp", "you mean --help?" },
		{ "book k 9am --max 5", "you mean --max-price?" }, { "book k 9am --max-price", "--max-price needs a value" },
		{ "book k 9am --yes=1", "--yes takes no value" }, { "whoami x", "whoami does not take 'x'" }, { "review lss", "there is no command 'review lss'" },
		{ "book k 9am -x", "has no option '-x'" }, { "who", "you mean labtime whoami" },
	};
	struct line l;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		l = read_line(bad[i].line);
		assert_int_equal(l.rc, 2);
		if (!strstr(captured, bad[i].said) || !strstr(captured, "[usage]\n"))
			fail_msg("%s: said %s", bad[i].line, captured);
	}
	l = read_line("book k 9am -11:00 -y -n5 --max-price=400");
	assert_int_equal(l.rc, 0);
	assert_int_equal(l.a.npos, 3);
	assert_string_equal(l.a.pos[2], "-11:00");
	assert_true(args_has(&l.a, "yes"));
	assert_string_equal(args_get(&l.a, "number"), "5");
	assert_string_equal(args_get(&l.a, "max-price"), "400");
	l = read_line("book k -- --yes");
	assert_int_equal(l.a.npos, 2);
	assert_false(args_has(&l.a, "yes"));
}

static void hashes(void **state)
{
	static const struct { const char *text, *hex; } rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	struct sha256 s;
	uint8_t d[32];
	char hex[65];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		sha256_init(&s);
		sha256_add(&s, rows[i].text, strlen(rows[i].text));
		sha256_end(&s, d);
		sha256_free(&s);
		sha256_hex(d, hex);
		assert_string_equal(hex, rows[i].hex);
	}
	sha256_init(&s);
	for (int i = 0; i < 1000000; i++)
		sha256_add(&s, "a", 1);
	sha256_end(&s, d);
	sha256_free(&s);
	sha256_hex(d, hex);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths), cmocka_unit_test(fitting), cmocka_unit_test(tables_fit),
			cmocka_unit_test(table_at_80),
		cmocka_unit_test(pipes_get_everything), cmocka_unit_test(long_texts_wrap), cmocka_unit_test(arguments),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
