/* jsonout.c - a growing buffer of JSON. Owns its bytes until jsonout_deinit(); out of memory is remembered. */
#include "app/jsonout.h"

#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"

void jsonout_deinit(struct jsonout *o)
{
	free(o->p);
	memset(o, 0, sizeof(*o));
}

static void put(struct jsonout *o, const char *s, size_t n)
{
	if (o->n + n + 1 > o->cap) {
		size_t cap = (o->n + n + 1) * 2 + 1024;
		char *p = realloc(o->p, cap);

		if (!p) {
			o->failed = true;
			return;
		}
		o->p = p;
		o->cap = cap;
	}
	memcpy(o->p + o->n, s, n);
	o->n += n;
	o->p[o->n] = '\0';
}

static void put_quoted(struct jsonout *o, const char *s)
{
	static const char shorts[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";

	put(o, "\"", 1);
	for (const char *from = s; ; s++) {
		const char *x = *s ? strchr(shorts, *s) : NULL;
		char text[8];

		if (*s && !x && (unsigned char)*s >= 0x20)
			continue;
		put(o, from, (size_t)(s - from));
		if (!*s)
			break;
		if (x)
			lt_fmt(text, sizeof(text), "\\%c", names[x - shorts]);
		else
			lt_fmt(text, sizeof(text), "\\u%04x", (unsigned)(unsigned char)*s);
		put(o, text, strlen(text));
		from = s + 1;
	}
	put(o, "\"", 1);
}

static void begin(struct jsonout *o, const char *key)
{
	if (o->comma)
		put(o, ",", 1);
	if (key) {
		put_quoted(o, key);
		put(o, ":", 1);
	}
	o->comma = true;
}

void jsonout_open(struct jsonout *o, const char *key, char bracket)
{
	begin(o, key);
	put(o, &bracket, 1);
	o->comma = false;
}

void jsonout_close(struct jsonout *o, char bracket)
{
	put(o, &bracket, 1);
	o->comma = true;
}

void jsonout_int(struct jsonout *o, const char *key, int64_t v)
{
	char text[24];

	begin(o, key);
	put(o, text, lt_fmt(text, sizeof(text), "%lld", (long long)v));
}

void jsonout_text(struct jsonout *o, const char *key, const char *s)
{
	begin(o, key);
	put_quoted(o, s);
}

void jsonout_bool(struct jsonout *o, const char *key, bool v)
{
	begin(o, key);
	put(o, v ? "true" : "false", v ? 4 : 5);
}

void jsonout_null(struct jsonout *o, const char *key)
{
	begin(o, key);
	put(o, "null", 4);
}

const char *jsonout_end(struct jsonout *o)
{
	return o->failed ? NULL : o->p;
}
