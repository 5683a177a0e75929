/*
 * tree.c - reads one configuration file and holds it against a table of options.
 * Owns the libconfig tree between tree_open and tree_close; every failure names file, line and cure.
 */
#include "conf/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "core/terms.h"

void tree_place(char *dst, size_t cap, const char *path, int line)
{
	size_t n = strlen(path), room = cap - 12;

	lt_fmt(dst, cap, "%s%s:%d", n > room ? "..." : "", n > room ? path + n - room + 3 : path, line);
}

static int fail_at(const char *path, int line, struct lt_err *err, const char *code, const char *fmt, va_list ap)
{
	char text[sizeof(err->text)], place[sizeof(err->field)];

	lt_vfmt(text, sizeof(text), fmt, ap);
	tree_place(place, sizeof(place), path, line);
	return lt_err_set(err, code, place, "%s", text);
}

__attribute__((format(printf, 5, 6)))
static int fail(const char *path, int line, struct lt_err *err, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_at(path, line, err, code, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- The text, before libconfig sees it ---- */

struct scan { const char *p, *path; int line; struct lt_err *err; };

/* Walks over a string literal. */
static int scan_string(struct scan *s)
{
	int begin = s->line;

	for (s->p++; *s->p != '"'; s->p++) {
		if (*s->p == '\0' || *s->p == '\n')
			return fail(s->path, begin, s->err, "syntax", "a text is not closed with \" on its line");
		if (*s->p == '\\' && s->p[1] != '\0' && s->p[1] != '\n')
			s->p++;
	}
	s->p++;
	return 0;
}

static int scan_comment(struct scan *s)
{
	int begin = s->line;

	for (s->p += 2; s->p[0] != '*' || s->p[1] != '/'; s->p++) {
		if (*s->p == '\0')
			return fail(s->path, begin, s->err, "syntax", "a comment begins with /* and never ends");
		s->line += *s->p == '\n';
	}
	s->p += 2;
	return 0;
}

static bool word_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
		c == '*';
}

/* A bare word or number. Numbers must fit 32 bits: libconfig would wrap them without a word. */
static int scan_word(struct scan *s)
{
	const char *begin = s->p;
	size_t n;
	bool hex;

	while (word_character(*s->p))
		s->p++;
	n = (size_t)(s->p - begin);
	if (*begin == '-') {
		begin++;
		n--;
	}
	if (n == 0 || *begin < '0' || *begin > '9' || *s->p == '.')
		return 0;
	hex = n > 2 && (begin[1] == 'x' || begin[1] == 'X');
	if (hex ? n > 10 || (n == 10 && begin[2] > '7') : !lt_parse_i64n(begin, n, 0, INT32_MAX, &(int64_t){ 0 }))
		return fail(s->path, s->line, s->err, "out-of-range",
			"%.*s is not a number that fits 32 bits; write it as text, \"%.*s\"", (int)(n > 40 ? 40 : n), begin,
			(int)(n > 40 ? 40 : n), begin);
	return 0;
}

static int scan_text(const char *path, const char *text, struct lt_err *err)
{
	struct scan s = { text, path, 1, err };
	int r = 0;

	while (*s.p && r == 0) {
		if (*s.p == '"')
			r = scan_string(&s);
		else if (s.p[0] == '/' && s.p[1] == '*')
			r = scan_comment(&s);
		else if (*s.p == '#' || (s.p[0] == '/' && s.p[1] == '/'))
			s.p += strcspn(s.p, "\n");
		else if (*s.p == '@')
			r = fail(path, s.line, err, "syntax",
				"@include is not supported; put instruments into the instruments directory");
		else if (word_character(*s.p))
			r = scan_word(&s);
		else
			s.line += *s.p++ == '\n';
	}
	return r;
}

static int count_lines(const char *text, size_t n)
{
	int line = 1;

	for (size_t i = 0; i < n; i++)
		line += text[i] == '\n';
	return line;
}

static int check_bytes(const char *path, const char *text, size_t n, struct lt_err *err)
{
	const char *line = text;
	int number = 1;

	if (memchr(text, '\0', n))
		return fail(path, count_lines(text, strlen(text)), err, "syntax",
			"there is a NUL byte; this is not a text file");
	if (lt_utf8_valid(text, n))
		return 0;
	for (;; number++) {
		size_t length = strcspn(line, "\n");
		if (!lt_utf8_valid(line, length) || !line[length])
			return fail(path, number, err, "syntax", "the text is not UTF-8; save the file as UTF-8");
		line += length + 1;
	}
}

int tree_parse(config_t *cfg, const char *path, struct lt_err *err)
{
	size_t n = 0;
	char *text = file_read(path, TREE_FILE_MAX, &n, err);
	int r;

	if (!text)
		return -1;
	r = check_bytes(path, text, n, err) < 0 || scan_text(path, text, err) < 0 ? -1 : 0;
	if (r == 0 && config_read_string(cfg, text) != CONFIG_TRUE) {
		bool twice = strcmp(config_error_text(cfg), "duplicate setting name") == 0;
		r = fail(path, config_error_line(cfg), err, twice ? "duplicate-key" : "syntax", "%s%s", config_error_text(cfg),
			 twice ? "; keep one of the two" : "; a setting is \"name = value;\"");
	}
	free(text);
	return r;
}

/* ---- The tree against the table ---- */

static const char *const kinds[] = { "a group { ... }", "text in double quotes", "a whole number", "true or false",
	"a group { ... }", "a list ( ... ) of names" };

static bool type_fits(enum option_kind kind, int type)
{
	switch (kind) {
	case OPTION_GROUP:
	case OPTION_TERMS:
		return type == CONFIG_TYPE_GROUP;
	case OPTION_TEXT:
		return type == CONFIG_TYPE_STRING;
	case OPTION_NUMBER:
		return type == CONFIG_TYPE_INT;
	case OPTION_BOOL:
		return type == CONFIG_TYPE_BOOL;
	case OPTION_NAMES:
		return type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
	}
	return false;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static int take(struct tree *t, int i, config_setting_t *s, struct lt_err *err)
{
	const struct option *o = &t->options[i];
	int64_t most = o->max ? o->max : 255;

	t->at[i] = s;
	if (!type_fits(o->kind, config_setting_type(s)))
		return tree_fail(t, i, err, "wrong-type", "%s must be %s%s%s", o->path, kinds[o->kind],
			o->cure ? ", like " : "",
				 o->cure ? o->cure : "");
	if (o->kind == OPTION_NUMBER && (config_setting_get_int(s) < o->min || config_setting_get_int(s) > o->max))
		return tree_fail(t, i, err, "out-of-range", "%s = %d is out of range (%lld to %lld)", o->path,
				 config_setting_get_int(s), (long long)o->min, (long long)o->max);
	if (o->kind != OPTION_TEXT)
		return 0;
	const char *text = config_setting_get_string(s);
	if (text[0] == '\0' || has_control(text))
		return tree_fail(t, i, err, "bad-value", "%s must be %s", o->path,
				 text[0] ? "text without control characters" : "text that is not empty; leave the key out instead");
	if (strlen(text) > (size_t)most)
		return tree_fail(t, i, err, "out-of-range", "%s is longer than %lld bytes", o->path, (long long)most);
	return 0;
}

static int find(const struct tree *t, const char *path)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->options[i].path, path) == 0)
			return i;
	return -1;
}

static int walk(struct tree *t, config_setting_t *group, const char *prefix, struct lt_err *err)
{
	char path[96];

	for (int k = 0; k < config_setting_length(group); k++) {
		config_setting_t *s = config_setting_get_elem(group, (unsigned)k);
		lt_fmt(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", config_setting_name(s));
		int i = find(t, path);
		if (i < 0)
			return fail(t->path, (int)config_setting_source_line(s), err, "unknown-key",
				    "there is no key \"%s\"; docs/configuration.md lists them", path);
		if (take(t, i, s, err) < 0 || (t->options[i].kind == OPTION_GROUP && walk(t, s, path, err) < 0))
			return -1;
	}
	return 0;
}

/* A required key counts only where its group is there. */
static int check_required(const struct tree *t, struct lt_err *err)
{
	for (int i = 0; i < t->n; i++) {
		const struct option *o = &t->options[i];
		const char *dot = strrchr(o->path, '.');
		char group[96];
		lt_fmt(group, sizeof(group), "%.*s", dot ? (int)(dot - o->path) : 0, o->path);
		if (o->required && !t->at[i] && (!dot || t->at[find(t, group)]))
			return tree_fail(t, i, err, "missing-key", "%s is missing; add %s%s%s", o->path,
					 dot ? dot + 1 : o->path, o->cure ? " = " : "", o->cure ? o->cure : "");
	}
	return 0;
}

int tree_open(struct tree *t, const char *path, const struct option *options, int n, struct lt_err *err)
{
	memset(t, 0, sizeof(*t));
	t->path = path;
	t->options = options;
	t->n = n;
	config_init(&t->cfg);
	if (tree_parse(&t->cfg, path, err) < 0 || walk(t, config_root_setting(&t->cfg), "", err) < 0)
		return -1;
	return check_required(t, err);
}

void tree_close(struct tree *t)
{
	config_destroy(&t->cfg);
}

/* ---- Values ---- */

bool tree_has(const struct tree *t, int option)
{
	return t->at[option] != NULL;
}

const char *tree_text(const struct tree *t, int option, const char *initial)
{
	return t->at[option] ? config_setting_get_string(t->at[option]) : initial;
}

int64_t tree_number(const struct tree *t, int option, int64_t initial)
{
	return t->at[option] ? config_setting_get_int(t->at[option]) : initial;
}

bool tree_bool(const struct tree *t, int option, bool initial)
{
	return t->at[option] ? config_setting_get_bool(t->at[option]) == CONFIG_TRUE : initial;
}

int tree_duration(const struct tree *t, int option, int64_t min, int64_t max, int64_t initial, int64_t *ret,
	struct lt_err *err)
{
	const char *text = tree_text(t, option, NULL), *name = t->options[option].path;
	char low[32], high[32];
	int64_t ms;

	*ret = initial;
	if (!text)
		return 0;
	terms_duration_text(low, sizeof(low), min);
	terms_duration_text(high, sizeof(high), max);
	if (!terms_duration(text, &ms))
		return tree_fail(t, option, err, "bad-value",
			"%s = \"%s\" is not a duration; write one like \"1s\" or \"500ms\" (%s to %s)",
				 name, text, low, high);
	if (ms < min || ms > max)
		return tree_fail(t, option, err, "out-of-range", "%s = \"%s\" is out of range (%s to %s)", name, text, low,
			high);
	*ret = ms;
	return 0;
}

int tree_word(const struct tree *t, int option, const char *const *words, int initial, int *ret, struct lt_err *err)
{
	const char *text = tree_text(t, option, NULL);
	char list[128] = "";
	size_t n = 0;

	*ret = initial;
	if (!text)
		return 0;
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return 0;
		}
		n += lt_fmt(list + n, n < sizeof(list) ? sizeof(list) - n : 0, "%s\"%s\"", i ? " or " : "", words[i]);
	}
	return tree_fail(t, option, err, "bad-value", "%s = \"%s\" must be %s", t->options[option].path, text, list);
}

/* The line of the option, or of the nearest group around it that is in the file. */
static int line_of(const struct tree *t, int option)
{
	char path[96];
	char *dot;

	lt_fmt(path, sizeof(path), "%s", t->options[option].path);
	while (option >= 0 && !t->at[option]) {
		dot = strrchr(path, '.');
		if (!dot)
			return 1;
		*dot = '\0';
		option = find(t, path);
	}
	return option >= 0 ? (int)config_setting_source_line(t->at[option]) : 1;
}

int tree_fail(const struct tree *t, int option, struct lt_err *err, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_at(t->path, line_of(t, option), err, code, fmt, ap);
	va_end(ap);
	return -1;
}

const char *tree_value(const config_setting_t *s, char buffer[32])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(s);
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(s) == CONFIG_TRUE ? "yes" : "no";
	case CONFIG_TYPE_INT:
		lt_fmt(buffer, 32, "%d", config_setting_get_int(s));
		return buffer;
	default:
		return NULL;
	}
}
