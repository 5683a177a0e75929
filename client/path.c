/*
 * path.c - builds request paths: every part and value is percent-encoded.
 * Owns nothing. A path that does not fit is marked full; ask() refuses it.
 */
#include <string.h>

#include "client/cli.h"
#include "common/fmt.h"

static void put(struct path *p, const char *s, size_t n)
{
	if (p->n + n >= sizeof p->text) {
		p->full = true;
		return;
	}
	memcpy(p->text + p->n, s, n);
	p->n += n;
	p->text[p->n] = '\0';
}

static void encoded(struct path *p, const char *s)
{
	for (; *s; s++) {
		char hex[4];

		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *s)) {
			put(p, s, 1);
			continue;
		}
		lt_fmt(hex, sizeof hex, "%%%02x", (unsigned)(unsigned char)*s);
		put(p, hex, 3);
	}
}

void path_set(struct path *p, const char *prefix)
{
	*p = (struct path){ 0 };
	put(p, prefix, strlen(prefix));
	p->query = strchr(prefix, '?') != NULL;
}

void path_part(struct path *p, const char *part)
{
	put(p, "/", 1);
	if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) /* never a step up, whatever decodes it */
		put(p, "%2e", 3), part++;
	encoded(p, part);
}

void path_query(struct path *p, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	put(p, p->query ? "&" : "?", 1);
	p->query = true;
	put(p, name, strlen(name));
	put(p, "=", 1);
	encoded(p, value);
}

void path_instant(struct path *p, const char *name, int64_t at)
{
	char text[48];

	lt_rfc3339(text, sizeof text, at, 0);
	path_query(p, name, text);
}
