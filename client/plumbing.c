/*
 * plumbing.c - api, help, version: the ways below and around the other commands.
 * Owns nothing.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/complete.h"
#include "common/fmt.h"

static const char help_time[] =
	"WHEN for booking looks forward. Every word is understood or refused; the\n"
	"result is always shown.\n"
	"\n"
	"  tomorrow 9am for 4h     tomorrow at 9am 4h     9am tomorrow for 1h30\n"
	"  fri 14:00-18:00         next fri 9am for 4h    fri 22:00 - sat 02:00\n"
	"  22:00-02:00             9:30 until noon        in 2 hours for 90m\n"
	"  2026-12-01 09:00-13:00  2026-12-01T09:00/PT4H  2026-12-01T09:00+08:00/PT4H\n"
	"  now for 2h              next free 4h           +2d 9am for 1h\n"
	"\n"
	"  fri        the next Friday (today, while that time is still ahead)\n"
	"  next fri   Friday of next week\n"
	"  9am        the next 9 o'clock; a bare 9 is refused\n"
	"  an end at or before the start is on the next day\n"
	"\n"
	"DUR     2h  90m  1h30  1.5h  1d6h  2 hours  PT4H  P1DT6H; m: minutes, d: 24 h\n"
	"PERIOD  for reports looks back: today  yesterday  this week  last month  90d\n"
	"        2026-11  2026-Q4  2026-W48  2026  november  2026-11-01..2026-12-01 (the\n"
	"        second day is not part of it)\n"
	"\n"
	"The zone is the site's, wherever you are. When the clocks jump forward some\n"
	"times do not exist; when they go back some happen twice: then write the offset,\n"
	"2026-10-25T02:30+02:00 for 1h. More: man labtime-time\n";

static int run_help(struct cli *c)
{
	char name[128];
	const struct command *cmd;
	bool shown = false;

	if (c->args.npos == 0)
		return args_overview(), EXIT_OK;
	if (c->args.npos == 1 && strcmp(c->args.pos[0], "time") == 0)
		return fputs(help_time, stdout), EXIT_OK;
	lt_fmt(name, sizeof name, "%s%s%s", c->args.pos[0], c->args.npos > 1 ? " " : "",
		c->args.npos > 1 ? c->args.pos[1] : "");
	if ((cmd = args_find(name)) != NULL)
		return args_help(cmd), EXIT_OK;
	for (int t = 0; command_tables[t]; t++)
		for (cmd = command_tables[t]; cmd->name; cmd++)
			if (strncmp(cmd->name, name, strlen(name)) == 0 && cmd->name[strlen(name)] == ' ')
				args_row(cmd->name, 34, cmd->help), shown = true;
	if (shown)
		return EXIT_OK;
	return args_usage(NULL, "there is no command '%s'", name);
}

static int run_version(struct cli *c)
{
	puts("labtime " LABTIME_VERSION);
	return EXIT_OK;
}

/* The body: a word, "-" for standard input, "@FILE". NULL after an error. */
static json_t *read_body(struct cli *c, const char *text)
{
	static char buf[65537];
	json_error_t e;
	json_t *v;
	size_t n = strlen(text);
	FILE *f = NULL;

	if (text[0] == '@' && !(f = fopen(text + 1, "rbe"))) {
		fail(EXIT_USAGE, "usage", "cannot read %s", text + 1);
		return NULL;
	}
	if (strcmp(text, "-") == 0)
		f = stdin;
	if (f) {
		n = fread(buf, 1, sizeof buf, f);
		text = buf;
		if (f != stdin)
			fclose(f);
	}
	if (n >= sizeof buf) {
		fail(EXIT_USAGE, "usage", "a body has at most 64 KiB");
		return NULL;
	}
	v = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
	if (!v || !json_is_object(v)) {
		fail(EXIT_USAGE, "bad-json", v ? "a body is a JSON object" : "the body is not JSON at line %d, column %d: %s",
			e.line, e.column, e.text);
		json_decref(v);
		return NULL;
	}
	return v;
}

static int print_answer(struct cli *c, const struct answer *a)
{
	json_t *v = a->size ? json_loadb(a->body, a->size, 0, NULL) : NULL;
	int rc = a->status >= 200 && a->status < 300 ? EXIT_OK : exit_code_of(a->status, v);

	if (v && c->out.mode != OUT_JSONL)
		json_dumpf(v, stdout, JSON_INDENT(2)), putchar('\n');
	else if (v)
		json_dumpf(v, stdout, JSON_COMPACT), putchar('\n');
	else if (a->size)
		fwrite(a->body, 1, a->size, stdout);
	if (rc)
		fprintf(stderr, "labtime: HTTP status %ld\n[%s]\n", a->status, TEXT(v, "code") ? TEXT(v, "code") : "http");
	json_decref(v);
	return rc;
}

static int run_api(struct cli *c)
{
	static const char *const methods[] = { "GET", "POST", "PATCH", "DELETE", NULL };
	const char *method = c->args.pos[0], *path = c->args.pos[1], *given = args_get(&c->args, "key");
	char key[TRANSPORT_KEY], *text = NULL;
	struct request rq = { .method = method, .path = path, .if_match = args_get(&c->args, "if-match") };
	struct answer a = { 0 };
	struct lt_err err;
	json_t *body = NULL;
	int i = 0, rc;

	while (methods[i] && strcmp(method, methods[i]) != 0)
		i++;
	if (!methods[i])
		return args_usage(c->args.cmd, "the method is GET, POST, PATCH or DELETE, not '%s'", method);
	if (path[0] != '/' || strcspn(path, " \t\r\n") != strlen(path))
		return args_usage(c->args.cmd, "a path begins with / and holds no blanks: /v1/instruments");
	if (c->args.npos > 2 && !(body = read_body(c, c->args.pos[2])))
		return EXIT_USAGE;
	if (!body && i == 1)
		body = json_object();
	rq.body = text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (i == 1 && !given && transport_key(key) < 0)
		rc = fail(EXIT_FAILED, "failed", "the kernel gives no random numbers");
	else
		rc = ask_connect(c);
	rq.key = i == 1 ? given ? given : key : NULL;
	if (!rc && (rc = transport_ask(&c->transport, &rq, &a, &err)) != 0)
		fail_err(rc, &err);
	if (!rc)
		rc = print_answer(c, &a);
	answer_free(&a);
	free(text);
	return rc;
}

static int run_completion(struct cli *c)
{
	return completion_script(c->args.pos[0]) < 0 ? args_usage(c->args.cmd,
		"there are scripts for bash, zsh and fish, not '%s'", c->args.pos[0]) :
		EXIT_OK;
}

static int run_complete(struct cli *c)
{
	return complete_words(c);
}

static const struct opt api_opts[] = {
	{ "if-match", 0, "VERSION", "version of the object, for PATCH and DELETE" },
	{ "key", 0, "KEY", "this Idempotency-Key instead of a new one" },
	{ NULL },
};

#define G "PLUMBING"
const struct command plumbing_commands[] = {
	{ "api", G, "METHOD PATH [BODY|@FILE|-]", "one raw request, with your token", 2, 3, ARG_NONE, api_opts, run_api,
		"  labtime api GET /v1/instruments\n  labtime api POST /v1/quotes '{\"instrument\":\"krios-1\", ...}'\n" },
	{ "completion", G, "bash|zsh|fish", "print a completion script", 1, 1, ARG_NONE, NULL, run_completion,
		"  labtime completion bash > ~/.local/share/bash-completion/completions/labtime\n" },
	{ "help", G, "[COMMAND|time]", "this, or more about one thing", 0, 2, ARG_COMMAND, NULL, run_help },
	{ "version", G, "", "the version of this client", 0, 0, ARG_NONE, NULL, run_version },
	{ "__complete", G, "WORDS", "what may follow, for the completion scripts", 0, -1, ARG_NONE, NULL, run_complete },
	{ NULL },
};
