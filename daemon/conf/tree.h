/*
 * tree.h - one configuration file as a checked tree: read whole, bounded, every key known, with its line.
 *
 * libconfig parses; this file adds what it does not check: size, NUL, UTF-8, includes, comments that never end,
 * numbers that do not fit (libconfig wraps them silently), unknown keys, types. Private to daemon/conf.
 */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include <libconfig.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define TREE_FILE_MAX 65536
#define TREE_OPTIONS 40

/* TERMS: a group of policy or price keys, left to their own table. NAMES: a list of names or numbers. */
enum option_kind { OPTION_GROUP, OPTION_TEXT, OPTION_NUMBER, OPTION_BOOL, OPTION_TERMS, OPTION_NAMES };

struct option {
	const char *path;      /* "site.timezone" */
	enum option_kind kind;
	int64_t min, max;      /* NUMBER: range; TEXT: most bytes in max (0: 255) */
	bool required;
	const char *cure;      /* what to write, for the error */
};

struct tree {
	config_t cfg;
	const char *path;      /* of the file; the caller's */
	const struct option *options;
	int n;
	config_setting_t *at[TREE_OPTIONS]; /* by option; NULL: not in the file */
};

/* root: the one group the file may hold ("instrument"), or NULL for the options' own groups. The tree must be
 * given to tree_close also after a failure. 0 or -1 with *err. */
int tree_open(struct tree *t, const char *path, const struct option *options, int n, struct lt_err *err);
void tree_close(struct tree *t);

bool tree_has(const struct tree *t, int option);
const char *tree_text(const struct tree *t, int option, const char *initial);
int64_t tree_number(const struct tree *t, int option, int64_t initial);
bool tree_bool(const struct tree *t, int option, bool initial);
/* A duration within [min, max] ms. 0 or -1 with *err. */
int tree_duration(const struct tree *t, int option, int64_t min, int64_t max, int64_t initial, int64_t *ret,
	struct lt_err *err);
/* The index of the option's text in words (NULL-terminated). 0 or -1 with *err. */
int tree_word(const struct tree *t, int option, const char *const *words, int initial, int *ret, struct lt_err *err);

/* Error at the option's line (or the line of its group, or of the file). Returns -1. */
int tree_fail(const struct tree *t, int option, struct lt_err *err, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* "file:line"; a long path loses its beginning. */
void tree_place(char *dst, size_t cap, const char *path, int line);
/* A plain value of the tree as text (true is "yes"). NULL: it is neither text, a whole number nor yes or no. */
const char *tree_value(const config_setting_t *s, char buffer[32]);
/* Parses the file's text into cfg after the checks above. 0 or -1 with *err. */
int tree_parse(config_t *cfg, const char *path, struct lt_err *err);

#endif
