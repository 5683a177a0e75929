/*
 * args.h - the command table and the reading of a command line against it.
 *
 * Nothing is abbreviated implicitly: an unknown command or option is an error that suggests the nearest names.
 */
#ifndef CLIENT_ARGS_H
#define CLIENT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define ARGS_MAX 64

struct cli;

struct opt {
	const char *name;      /* long name without dashes          */
	char letter;           /* short form, or 0                   */
	const char *value;     /* what its value is; NULL: a switch  */
	const char *help;
	const char *words;     /* the values it takes, for completion: "start end charged"; or NULL */
};

/* What positional arguments are, for completion. */
/* A target is an instrument or @kind. */
enum arg_kind { ARG_NONE, ARG_INSTRUMENT, ARG_TARGET, ARG_BOOKING, ARG_CONTEXT, ARG_COMMAND, ARG_FILE };

struct command {
	const char *name;      /* "book", "review ls"                */
	const char *group;     /* heading in the overview            */
	const char *args;      /* "INSTR|@KIND WHEN"                 */
	const char *help;      /* one line                           */
	int min, max;          /* positional arguments; max -1: any  */
	enum arg_kind first;
	const struct opt *opts;/* end: name NULL; may be NULL        */
	int (*run)(struct cli *c);
	const char *example;   /* lines of examples, or NULL         */
	const char *more;      /* a paragraph, or NULL               */
};

struct args {
	const struct command *cmd;
	const char *pos[ARGS_MAX];
	int npos;
	struct { const struct opt *opt; const char *value; } set[ARGS_MAX];
	int nset;
};

extern const struct opt args_global[];
/* All commands, table by table; ends with NULL. */
extern const struct command *const command_tables[];

/* 0, or an exit code (2) after saying on stderr what is wrong. argv[0] is the first word after "labtime". */
int args_parse(struct args *a, int argc, char **argv);
bool args_has(const struct args *a, const char *name);
const char *args_get(const struct args *a, const char *name);      /* NULL when absent; the last one wins */
/* The command with that name, or NULL. */
const struct command *args_find(const char *name);
/* Calls fn for every command of the tables. */
void args_each(void (*fn)(const struct command *c, void *user), void *user);
/* One row of help: left, then text from that column on, folded at HELP_WIDTH cells; a long left has its own line. */
#define HELP_WIDTH 80
void args_row(const char *left, int column, const char *help);
void args_help(const struct command *c);                           /* one command, to stdout              */
void args_overview(void);                                          /* all commands, to stdout             */
int args_usage(const struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* returns 2 */
/* The name nearest to a typo within two edits; false when none is near. */
bool args_near(const char *typo, const char *name);

#endif
