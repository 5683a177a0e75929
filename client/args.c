/*
 * args.c - reads the command line against the command table, prints help, suggests names for typos.
 * Owns nothing. Fails with exit code 2 and a sentence that names the word and the cure.
 */
#include "client/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/text.h"

const struct opt args_global[] = {
	{ "context", 0, "NAME", "use this context (labtime context ls)" },
	{ "json", 0, NULL, "one JSON document, as the API gave it" },
	{ "jsonl", 0, NULL, "one JSON object a line" },
	{ "csv", 0, NULL, "CSV with a header (RFC 4180)" },
	{ "header", 0, NULL, "a header line in a pipe as well" },
	{ "quiet", 'q', NULL, "ids only" },
	{ "verbose", 'v', NULL, "say on stderr what is asked" },
	{ "help", 'h', NULL, "this command's help" },
	{ NULL },
};

void args_each(void (*fn)(const struct command *c, void *user), void *user)
{
	for (int t = 0; command_tables[t]; t++)
		for (const struct command *c = command_tables[t]; c->name; c++)
			fn(c, user);
}

const struct command *args_find(const char *name)
{
	for (int t = 0; command_tables[t]; t++)
		for (const struct command *c = command_tables[t]; c->name; c++)
			if (strcmp(c->name, name) == 0)
				return c;
	return NULL;
}

/* Edit distance, at most `limit`; words of up to 30 bytes. */
static int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	int row[32], old, next;

	if (n > 30 || m > 30)
		return 99;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		old = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			next = old + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < next)
				next = row[j] + 1;
			if (row[j - 1] + 1 < next)
				next = row[j - 1] + 1;
			old = row[j];
			row[j] = next;
		}
	}
	return row[m];
}

bool args_near(const char *typo, const char *name)
{
	size_t n = strlen(typo);
	int d = distance(typo, name);

	return d <= (n < 4 ? 1 : 2) || (n >= 3 && strncmp(typo, name, n) == 0);
}

bool args_has(const struct args *a, const char *name)
{
	for (int i = 0; i < a->nset; i++)
		if (strcmp(a->set[i].opt->name, name) == 0)
			return true;
	return false;
}

const char *args_get(const struct args *a, const char *name)
{
	for (int i = a->nset - 1; i >= 0; i--)
		if (strcmp(a->set[i].opt->name, name) == 0)
			return a->set[i].value;
	return NULL;
}

int args_usage(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	fputs("labtime: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (c) {
		fprintf(stderr, "  usage: labtime %s%s%s\n", c->name, *c->args ? " " : "", c->args);
		fprintf(stderr, "  try:   labtime %s --help\n", c->name);
	} else {
		fputs("  try:   labtime help\n", stderr);
	}
	fputs("[usage]\n", stderr);
	return 2;
}

/* Is it the first word of a command of two? */
static bool is_family(const char *word)
{
	size_t w = strlen(word);

	for (int t = 0; command_tables[t]; t++)
		for (const struct command *c = command_tables[t]; c->name; c++)
			if (strncmp(c->name, word, w) == 0 && c->name[w] == ' ')
				return true;
	return false;
}

static int unknown_command(const char *word, const char *second)
{
	char both[128];
	int n = 0;

	snprintf(both, sizeof both, "%s %s", word, second ? second : "");
	fprintf(stderr, "labtime: there is no command '%s'.\n", second && second[0] != '-' &&
		is_family(word) ? both : word);
	for (int t = 0; command_tables[t]; t++) {
		for (const struct command *c = command_tables[t]; c->name && n < 4; c++) {
			size_t w = strlen(word);
			bool family = strncmp(c->name, word, w) == 0 && c->name[w] == ' ';

			if (c->name[0] != '_' && (family || args_near(word, c->name) || (second && args_near(both, c->name))))
				fprintf(stderr, "  %s labtime %s%s%s\n", n++ ? "        " : "you mean", c->name, *c->args ? " " : "",
					c->args);
		}
	}
	fputs(n ? "[usage]\n" : "  try: labtime help\n[usage]\n", stderr);
	return 2;
}

/* The longest name that the first words spell. *used: words. */
static const struct command *match(int argc, char **argv, int *used)
{
	char name[128];
	const struct command *c;

	if (argc > 1) {
		snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
		if ((c = args_find(name)) != NULL)
			return *used = 2, c;
	}
	*used = 1;
	return args_find(argv[0]);
}

static const struct opt *find_opt(const struct command *c, const char *name, size_t n, char letter)
{
	const struct opt *sets[] = { c->opts, args_global };

	for (int s = 0; s < 2; s++)
		for (const struct opt *o = sets[s]; o && o->name; o++)
			if (letter ? o->letter == letter : strlen(o->name) == n && memcmp(o->name, name, n) == 0)
				return o;
	return NULL;
}

static int unknown_option(const struct command *c, const char *word)
{
	char name[32];
	size_t n = strcspn(word + 2, "=");
	const struct opt *sets[] = { c->opts, args_global };

	snprintf(name, sizeof name, "%.*s", (int)(n < 31 ? n : 31), word + 2);
	for (int s = 0; s < 2 && word[1] == '-'; s++)
		for (const struct opt *o = sets[s]; o && o->name; o++)
			if (args_near(name, o->name))
				return args_usage(c, "%s has no option '--%s'; you mean --%s?", c->name, name, o->name);
	return args_usage(c, "%s has no option '%s'", c->name, word);
}

static int keep(struct args *a, const struct opt *o, const char *value)
{
	if (a->nset >= ARGS_MAX)
		return args_usage(a->cmd, "more than %d options", ARGS_MAX);
	a->set[a->nset].opt = o;
	a->set[a->nset++].value = value;
	return 0;
}

/* "--name", "--name=value", "--name value". *i moves over a value. */
static int long_option(struct args *a, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *eq = strchr(word, '=');
	size_t n = eq ? (size_t)(eq - word) - 2 : strlen(word) - 2;
	const struct opt *o = find_opt(a->cmd, word + 2, n, 0);

	if (!o)
		return unknown_option(a->cmd, word);
	if (!o->value)
		return eq ? args_usage(a->cmd, "--%s takes no value", o->name) : keep(a, o, "");
	if (eq)
		return keep(a, o, eq + 1);
	if (*i + 1 >= argc)
		return args_usage(a->cmd, "--%s needs a value: --%s %s", o->name, o->name, o->value);
	return keep(a, o, argv[++*i]);
}

/* "-q", "-n5", "-n 5", "-qv". */
static int short_options(struct args *a, int argc, char **argv, int *i)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct opt *o = find_opt(a->cmd, NULL, 0, *p);
		int rc;

		if (!o)
			return unknown_option(a->cmd, argv[*i]);
		if (!o->value) {
			if ((rc = keep(a, o, "")) != 0)
				return rc;
			continue;
		}
		if (p[1])
			return keep(a, o, p + 1);
		if (*i + 1 >= argc)
			return args_usage(a->cmd, "-%c needs a value: -%c %s", *p, *p, o->value);
		return keep(a, o, argv[++*i]);
	}
	return 0;
}

/* "-", "-11:00" and "-2h" belong to a time, not to the options. */
static bool is_word(const char *s)
{
	return s[0] != '-' || s[1] == '\0' || (s[1] >= '0' && s[1] <= '9');
}

int args_parse(struct args *a, int argc, char **argv)
{
	int used, rc = 0;
	bool plain = false;

	memset(a, 0, sizeof *a);
	a->cmd = match(argc, argv, &used);
	if (!a->cmd)
		return unknown_command(argv[0], argc > 1 ? argv[1] : NULL);
	for (int i = used; i < argc && !rc; i++) {
		if (!plain && strcmp(argv[i], "--") == 0) {
			plain = true;
		} else if (plain || is_word(argv[i])) {
			if (a->npos >= ARGS_MAX)
				return args_usage(a->cmd, "more than %d words", ARGS_MAX);
			a->pos[a->npos++] = argv[i];
		} else {
			rc = argv[i][1] == '-' ? long_option(a, argc, argv, &i) : short_options(a, argc, argv, &i);
		}
	}
	if (rc || args_has(a, "help"))
		return rc;
	if (a->npos < a->cmd->min)
		return args_usage(a->cmd, "%s needs %s", a->cmd->name, a->cmd->args);
	if (a->cmd->max >= 0 && a->npos > a->cmd->max)
		return args_usage(a->cmd, "%s does not take '%s'", a->cmd->name, a->pos[a->cmd->max]);
	return 0;
}

void args_row(const char *left, int column, const char *help)
{
	int at = printf("  %s", left);

	if (at + 2 > column) {
		putchar('\n');
		at = 0;
	}
	while (*help) {
		size_t n = text_line(help, HELP_WIDTH - column);

		int shown = (int)n - (n && help[n - 1] == ' ');

		printf("%*s%.*s\n", column - at, "", shown, help);
		help += n + strspn(help + n, " ");
		at = 0;
	}
}

static void print_opts(const struct opt *o)
{
	for (; o && o->name; o++) {
		char letter[5] = "    ", left[64];

		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
		args_row(left, 30, o->help);
	}
}

void args_help(const struct command *c)
{
	printf("labtime %s%s%s\n  %s\n", c->name, *c->args ? " " : "", c->args, c->help);
	if (c->example)
		printf("\n%s", c->example);
	if (c->more)
		printf("\n%s", c->more);
	if (c->opts) {
		puts("\nOptions:");
		print_opts(c->opts);
	}
	puts("\nAlways:");
	print_opts(args_global);
}

void args_overview(void)
{
	const char *group = "";

	puts("labtime - book shared lab equipment, see what it cost\n\n"
		"  labtime ls                                what is free now\n"
		"  labtime free 4h -k microscope             the next slots of four hours\n"
		"  labtime book krios-1 tomorrow 9am for 4h  price first, then y/N\n"
		"  labtime mine                              my bookings");
	for (int t = 0; command_tables[t]; t++) {
		for (const struct command *c = command_tables[t]; c->name; c++) {
			char left[96];

			if (c->name[0] == '_')
				continue;
			if (strcmp(group, c->group) != 0)
				printf("\n%s\n", group = c->group);
			snprintf(left, sizeof left, "%s%s%s", c->name, *c->args ? " " : "", c->args);
			args_row(left, 34, c->help);
		}
	}
	puts("\nEvery command has --help. Times: labtime help time. Manual: man labtime.");
}
