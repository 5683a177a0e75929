/*
 * problem.c - refusals for people: what, why, the command that cures it, and the code last. All on stderr.
 * Owns nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/book.h"
#include "client/text.h"
#include "common/fmt.h"

/* Text of the daemon on a terminal: no control characters. */
static void say(const char *text)
{
	char buf[2048];

	text_fit(buf, sizeof buf, text, (int)sizeof buf, true);
	fputs(buf, stderr);
}

int fail(int code, const char *kebab, const char *fmt, ...)
{
	char buf[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	fputs("labtime: ", stderr);
	say(buf);
	fprintf(stderr, "\n[%s]\n", kebab);
	return code;
}

int fail_err(int code, const struct lt_err *e)
{
	if (!e->code[0])
		return code;
	fputs("labtime: ", stderr);
	if (strncmp(e->field, "config:", 7) == 0 || strncmp(e->field, "line ", 5) == 0)
		fprintf(stderr, "%s: ", e->field);
	say(e->text);
	fprintf(stderr, "\n[%s]\n", e->code);
	return code;
}

int fail_when(const char *what, const char *text, const struct when_err *e)
{
	char before[WHEN_TEXT_MAX + 8];
	size_t n = e->column > 0 ? (size_t)e->column - 1 : 0;

	if (n > WHEN_TEXT_MAX)
		n = WHEN_TEXT_MAX;
	snprintf(before, sizeof before, "%.*s", (int)n, text);
	fprintf(stderr, "labtime: cannot read the %s: ", what);
	say(e->e.text);
	fprintf(stderr, " (column %d)\n  ", e->column);
	say(text);
	fprintf(stderr, "\n  %*s^\n  try: labtime help time\n[%s]\n", text_width(before), "", e->e.code);
	return EXIT_USAGE;
}

static const struct { const char *code; long status; const char *cure; } cures[] = {
	{ "has-bookings", 0, "see them: labtime mine --user USER; cancel them with it: labtime user rm USER --cancel" },
	{ "unknown-instrument", 0, "look at what there is: labtime ls" },
	{ "bad-token", 0, "the token is wrong, expired or revoked: labtime login" },
	{ "slot-taken", 0, NULL },
	{ "key-reused", 0, "this is a fault of the client; please report it" },
	{ NULL, 401, "say who you are: labtime login" },
	{ NULL, 403, "your role does not allow this (labtime whoami); ask a manager" },
	{ NULL, 404, "look at what there is: labtime ls, labtime mine" },
	{ NULL, 412, "it has changed meanwhile; look at it (labtime show) and try again" },
	{ NULL, 429, "too many requests at once; wait a moment and try again" },
	{ NULL, 503, "the daemon is busy or restarting; trying again is safe" },
};

static const char *cure_of(const char *code, long status)
{
	for (size_t i = 0; i < sizeof cures / sizeof cures[0]; i++)
		if (cures[i].code ? code && strcmp(code, cures[i].code) == 0 : status == cures[i].status)
			return cures[i].cure;
	return NULL;
}

/* Does the sentence that was said already end with this one? */
static bool was_said(const char *said, const char *text)
{
	size_t n = said ? strlen(said) : 0, k = strlen(text);

	return n >= k && strcmp(said + n - k, text) == 0;
}

static void violations(json_t *list, const char *said)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		const char *rule = TEXT(v, "rule"), *class = TEXT(v, "class"), *detail = TEXT(v, "detail"),
			*code = TEXT(v, "code");

		fputs("  ", stderr);
		say(rule ? rule : "");
		fputc(' ', stderr);
		say(detail && code && was_said(said, detail) ? code : detail ? detail : code ? code : "");
		if (class && (strcmp(class, "STAFF") == 0 || strcmp(class, "staff") == 0))
			fputs("  (a manager may override: --override REASON)", stderr);
		fputc('\n', stderr);
	}
}

void print_alternatives(struct cli *c, json_t *suggestions)
{
	char span[160], cmd[160];
	json_t *v;
	size_t i;

	json_array_foreach(suggestions, i, v) {
		const char *from = TEXT(v, "from"), *to = TEXT(v, "to"), *instrument = TEXT(v, "instrument");

		if (!from || !to || !instrument || !interval_paste(from, to, cmd, sizeof cmd))
			continue;
		cell_span(&c->out, from, to, span, sizeof span);
		fputs("  labtime book ", stderr);
		say(instrument);
		fprintf(stderr, " %s  # %s\n", cmd, span); /* a shell takes the whole line */
	}
}

static void taken(struct cli *c, json_t *conflicts)
{
	char span[160];
	json_t *v;
	size_t i;

	json_array_foreach(conflicts, i, v) {
		cell_span(&c->out, TEXT(v, "from"), TEXT(v, "to"), span, sizeof span);
		fputs("  taken  ", stderr);
		say(span);
		fputc('\n', stderr);
	}
}

int problem_print(struct cli *c, long status, json_t *p)
{
	const char *detail = TEXT(p, "detail"), *title = TEXT(p, "title"), *code = TEXT(p, "code"),
		*field = TEXT(p, "field");
	const char *cure = cure_of(code, status), *space = strchr(c->args.cmd->name, ' ');
	char number[32];

	snprintf(number, sizeof number, "http-%ld", status);
	fputs("labtime: ", stderr);
	if (field && *field && (status == 400 || status == 422) && !(detail && strstr(detail, field))) {
		say(field);
		fputs(": ", stderr);
	}
	say(detail && *detail ? detail : title && *title ? title : "the daemon refused without a reason");
	fputc('\n', stderr);
	violations(json_object_get(p, "violations"), detail);
	taken(c, json_object_get(p, "conflicts"));
	print_alternatives(c, json_object_get(p, "suggestions"));
	if (status == 409 && code && strcmp(code, "slot-taken") == 0 && strcmp(c->args.cmd->name, "block") == 0)
		cure = "to displace the bookings there, free of charge: the same command with --displace";
	if (status == 404 && space)
		fprintf(stderr, "  look at what there is: labtime %.*s ls\n", (int)(space - c->args.cmd->name), c->args.cmd->name);
	else if (cure)
		fprintf(stderr, "  %s\n", cure);
	fputc('[', stderr);
	say(code && *code ? code : number);
	fputs("]\n", stderr);
	return exit_code_of(status, p);
}
