/*
 * package.c - what dpkg says is installed, and Debian's order of versions.
 *
 * Owns nothing. A database that is absent, larger than the bound or without the package answers "not known": a build
 * on another distribution is not wrong, only nobody can say.
 */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

#include "common/fmt.h"

#define DATABASE_MAX (64 << 20)   /* bytes; a large desktop has about 8 MiB */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The order of a character outside numbers: '~' before the end, the end before letters, letters before the rest. */
static int weight(char c)
{
	if (c == '~')
		return -1;
	if (c == '\0' || digit(c))
		return 0;
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? (unsigned char)c : (unsigned char)c + 256;
}

/* Numbers of any length: leading zeros do not count, then the longer is larger, then the first difference decides. */
static int compare_number(const char **a, const char **b)
{
	int first = 0;

	while (**a == '0')
		++*a;
	while (**b == '0')
		++*b;
	for (; digit(**a) && digit(**b); ++*a, ++*b)
		if (first == 0)
			first = **a - **b;
	return digit(**a) ? 1 : digit(**b) ? -1 : first;
}

/* One part (upstream version or revision), already cut out. */
static int compare_part(const char *a, const char *b)
{
	while (*a || *b) {
		int r;

		while ((*a && !digit(*a)) || (*b && !digit(*b))) {
			r = weight(*a) - weight(*b);
			if (r)
				return r;
			a += *a != '\0';
			b += *b != '\0';
		}
		r = compare_number(&a, &b);
		if (r)
			return r;
	}
	return 0;
}

/* [epoch:]upstream[-revision], as deb-version(7) cuts it; an absent epoch or revision counts as 0. */
struct parts { char epoch[PACKAGE_VERSION], upstream[PACKAGE_VERSION], revision[PACKAGE_VERSION]; };

static void cut(const char *version, struct parts *ret)
{
	const char *colon = strchr(version, ':'), *upstream = colon ? colon + 1 : version, *dash = strrchr(upstream, '-');

	lt_fmt(ret->epoch, sizeof(ret->epoch), "%.*s", colon ? (int)(colon - version) : 0, version);
	lt_fmt(ret->upstream, sizeof(ret->upstream), "%.*s", (int)(dash ? (size_t)(dash - upstream) : strlen(upstream)),
		upstream);
	lt_fmt(ret->revision, sizeof(ret->revision), "%s", dash ? dash + 1 : "");
}

int package_compare(const char *a, const char *b)
{
	struct parts x, y;
	int r;

	cut(a, &x);
	cut(b, &y);
	r = compare_part(x.epoch, y.epoch);
	if (r == 0)
		r = compare_part(x.upstream, y.upstream);
	return r ? r : compare_part(x.revision, y.revision);
}

/* The rest of a line "Key: value", or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == ':' && line[n + 1] == ' ' ? line + n + 2 : NULL;
}

struct stanza { bool wanted, installed; char version[PACKAGE_VERSION]; };

static void read_line(struct stanza *s, const char *line, const char *name)
{
	const char *v;

	if ((v = value_of(line, "Package")) != NULL)
		s->wanted = strcmp(v, name) == 0;
	else if ((v = value_of(line, "Status")) != NULL)
		s->installed = strlen(v) >= 10 && strcmp(v + strlen(v) - 10, " installed") == 0;
	else if ((v = value_of(line, "Version")) != NULL && strlen(v) < sizeof(s->version))
		lt_fmt(s->version, sizeof(s->version), "%s", v);
}

bool package_version(const char *database, const char *name, char ret[PACKAGE_VERSION])
{
	struct stanza s = { 0 };
	char line[512];
	bool begins = true, found = false;
	size_t seen = 0;
	FILE *f = fopen(database, "re");

	while (f && !found && seen < DATABASE_MAX && fgets(line, sizeof(line), f)) {
		size_t n = strcspn(line, "\n");
		bool whole = line[n] == '\n', empty = begins && whole && n == 0;

		seen += n + 1;
		line[n] = '\0';
		if (begins && whole && !empty)
			read_line(&s, line, name);
		begins = whole;
		found = s.wanted && s.installed && s.version[0];
		if (empty)
			memset(&s, 0, sizeof(s));
	}
	if (f)
		fclose(f);
	if (found)
		memcpy(ret, s.version, PACKAGE_VERSION);
	return found;
}
