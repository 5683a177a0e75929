/* log.c - logfmt lines on stderr, one write each. Values are quoted, so that a text from outside cannot forge a
 * line. */
#include "base/base.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "common/fmt.h"

static enum log_level threshold = LOG_INFO;

void log_level_set(enum log_level level)
{
	threshold = level;
}

static void put(char *line, size_t cap, size_t *n, const char *s)
{
	while (*s && *n + 1 < cap)
		line[(*n)++] = *s++;
}

static void put_quoted(char *line, size_t cap, size_t *n, const char *s)
{
	put(line, cap, n, "\"");
	for (; *s && *n + 8 < cap; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f) {
			char hex[8];
			lt_fmt(hex, sizeof(hex), "\\x%02x", (unsigned)c);
			put(line, cap, n, hex);
		} else {
			if (c == '"' || c == '\\')
				line[(*n)++] = '\\';
			line[(*n)++] = (char)c;
		}
	}
	put(line, cap, n, "\"");
}

void log_event(enum log_level level, const char *message, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[2048], at[40];
	size_t n = 0, cap = sizeof(line) - 1;
	const char *key;
	va_list ap;
	ssize_t wrote;

	if (level > threshold)
		return;
	lt_rfc3339(at, sizeof(at), clock_wall_ms(), 0);
	put(line, cap, &n, "level=");
	put(line, cap, &n, names[level]);
	put(line, cap, &n, " at=");
	put(line, cap, &n, at);
	put(line, cap, &n, " msg=");
	put_quoted(line, cap, &n, message);
	va_start(ap, message);
	while ((key = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);
		put(line, cap, &n, " ");
		put(line, cap, &n, key);
		put(line, cap, &n, "=");
		put_quoted(line, cap, &n, value ? value : "");
	}
	va_end(ap);
	line[n++] = '\n';
	wrote = write(STDERR_FILENO, line, n);
	(void)wrote;
}
