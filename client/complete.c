/*
 * complete.c - what may follow on the command line, one "word<TAB>description" a line.
 * Owns nothing. Names of instruments and bookings come from the daemon, with a time limit; any failure means: no words.
 */
#include "client/complete.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/text.h"
#include "common/fmt.h"

static const char bash_script[] =
	"# bash completion for labtime\n"
	"_labtime() {\n"
	"\tlocal line\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r line _; do\n"
	"\t\tCOMPREPLY+=(\"$line\")\n"
	"\tdone < <(timeout 1 labtime __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"}\n"
	"complete -o default -F _labtime labtime\n";

static const char zsh_script[] =
	"#compdef labtime\n"
	"# zsh completion for labtime\n"
	"_labtime() {\n"
	"\tlocal -a found\n"
	"\tlocal word text\n"
	"\twhile IFS=$'\\t' read -r word text; do\n"
	"\t\tfound+=(\"${word//:/\\\\:}:$text\")\n"
	"\tdone < <(timeout 1 labtime __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\tif (( ${#found} )); then _describe labtime found; else _files; fi\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _labtime ]; then _labtime \"$@\"; else compdef _labtime labtime; fi\n";

static const char fish_script[] =
	"# fish completion for labtime\n"
	"function __labtime_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\ttimeout 1 labtime __complete -- $words[2..-1] 2>/dev/null\n"
	"end\n"
	"complete -c labtime -f -a '(__labtime_complete)'\n";

static const struct { const char *shell, *script; } scripts[] = {
	{ "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script },
};

int completion_script(const char *shell)
{
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
		if (strcmp(shell, scripts[i].shell) == 0)
			return fputs(scripts[i].script, stdout), 0;
	return -1;
}

static void offer(const char *prefix, const char *word, const char *text)
{
	char clean[256];

	if (strncmp(word, prefix, strlen(prefix)) != 0)
		return;
	text_fit(clean, sizeof clean, text ? text : "", 60, true);
	printf("%s\t%s\n", word, clean);
}

/* Words separated by blanks. */
static void offer_words(const char *prefix, const char *words)
{
	char word[64];

	while (words && *words) {
		size_t n = strcspn(words, " ");

		lt_fmt(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), words);
		offer(prefix, word, "");
		words += n + (words[n] == ' ');
	}
}

/* First words of commands, or second words of `first`. */
static void offer_commands(const char *first, const char *prefix)
{
	char word[64], last[64] = "";
	size_t k = first ? strlen(first) : 0;

	for (int t = 0; command_tables[t]; t++) {
		for (const struct command *c = command_tables[t]; c->name; c++) {
			const char *p = c->name;

			if (p[0] == '_' || (first && (strncmp(p, first, k) != 0 || p[k] != ' ')))
				continue;
			p += first ? k + 1 : 0;
			lt_fmt(word, sizeof word, "%.*s", (int)strcspn(p, " "), p);
			if (strcmp(word, last) != 0)
				offer(prefix, word, c->help);
			memcpy(last, word, sizeof last);
		}
	}
}

static void offer_options(const struct command *cmd, const char *prefix)
{
	const struct opt *sets[] = { cmd->opts, args_global };
	char word[64];

	for (int s = 0; s < 2; s++)
		for (const struct opt *o = sets[s]; o && o->name; o++) {
			lt_fmt(word, sizeof word, "--%s", o->name);
			offer(prefix, word, o->help);
		}
}

/* Ids of a list of the daemon; kinds as @KIND too when asked. */
static void offer_items(struct cli *c, const char *path, const char *prefix, const char *text, bool kinds)
{
	json_t *doc, *item;
	char word[128];
	size_t i;

	if (ask(c, "GET", path, NULL, NULL, ASK_QUIET, &doc) != EXIT_OK) {
		json_decref(doc);
		return;
	}
	json_array_foreach(json_object_get(doc, "items"), i, item) {
		if (TEXT(item, "id"))
			offer(prefix, TEXT(item, "id"), TEXT(item, text));
		if (kinds && TEXT(item, "kind") && prefix[0] == '@') {
			lt_fmt(word, sizeof word, "@%s", TEXT(item, "kind"));
			offer(prefix, word, "any of this kind");
		}
	}
	json_decref(doc);
}

static void offer_contexts(struct cli *c, const char *prefix)
{
	struct lt_err err;

	if (config_load(&c->config, &err) < 0)
		return;
	for (int i = 0; i < c->config.n; i++)
		offer(prefix, c->config.context[i].name, c->config.context[i].endpoint);
}

static void offer_first(struct cli *c, const struct command *cmd, const char *prefix)
{
	switch (cmd->first) {
	case ARG_INSTRUMENT: offer_items(c, "/v1/instruments?limit=200", prefix, "title", false); break;
	case ARG_TARGET: offer_items(c, "/v1/instruments?limit=200", prefix, "title", true); break;
	case ARG_BOOKING: offer_items(c, "/v1/bookings?state=live&limit=200", prefix, "instrument", false); break;
	case ARG_CONTEXT: offer_contexts(c, prefix); break;
	case ARG_COMMAND: offer_commands(NULL, prefix); offer(prefix, "time", "the time language"); break;
	default: break;
	}
}

static const struct opt *named_option(const struct command *cmd, const char *word)
{
	const struct opt *sets[] = { cmd->opts, args_global };

	for (int s = 0; s < 2; s++)
		for (const struct opt *o = sets[s]; o && o->name; o++)
			if (o->value && ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
					(word[0] == '-' && o->letter && word[1] == o->letter && !word[2])))
				return o;
	return NULL;
}

int complete_words(struct cli *c)
{
	const char *const *pos = c->args.pos;
	int n = c->args.npos, used;
	const char *prefix = n ? pos[n - 1] : "";
	const struct command *cmd = NULL;
	const struct opt *o;
	char name[128];

	if (n > 1) {
		lt_fmt(name, sizeof name, "%s %s", pos[0], n > 2 ? pos[1] : "");
		cmd = n > 2 ? args_find(name) : NULL;
	}
	used = cmd ? 2 : 1;
	if (!cmd && n > 1)
		cmd = args_find(pos[0]);
	if (n <= 1)
		offer_commands(NULL, prefix);
	if (n == 2)
		offer_commands(pos[0], prefix);
	if (strcmp(cmd ? cmd->name : "", "completion") == 0 && n == 2)
		offer_words(prefix, "bash zsh fish");
	if (!cmd)
		return EXIT_OK;
	o = n > used + 1 ? named_option(cmd, pos[n - 2]) : NULL;
	if (o)
		offer_words(prefix, o->words);
	else if (prefix[0] == '-')
		offer_options(cmd, prefix);
	else if (n == used + 1 || (strcmp(cmd->name, "cal") == 0 && n > used))
		offer_first(c, cmd, prefix);
	return EXIT_OK;
}
