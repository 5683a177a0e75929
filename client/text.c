/*
 * text.c - display width and fitting by grapheme clusters.
 * Owns nothing. Cannot fail: what is not UTF-8 is shown byte by byte as '?'.
 */
#include "client/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* One grapheme cluster at s: bytes in *bytes, cells as the result. */
static int cluster(const char *s, size_t n, size_t *bytes)
{
	utf8proc_int32_t c, next, state = 0;
	utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &c);
	size_t at;
	int cells;

	if (k <= 0) {
		*bytes = 1;
		return 1;
	}
	cells = utf8proc_charwidth(c);
	at = (size_t)k;
	while (at < n) {
		k = utf8proc_iterate((const utf8proc_uint8_t *)s + at, (utf8proc_ssize_t)(n - at), &next);
		if (k <= 0 || utf8proc_grapheme_break_stateful(c, next, &state))
			break;
		if (next == 0xfe0f) /* emoji presentation */
			cells = 2;
		c = next;
		at += (size_t)k;
	}
	*bytes = at;
	return cells;
}

static bool is_control(const char *s, size_t bytes)
{
	unsigned char c = (unsigned char)s[0];
	utf8proc_int32_t cp;

	if (c < 0x20 || c == 0x7f)
		return true;
	if (utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)bytes, &cp) <= 0)
		return true;
	/* C1 controls and the marks that turn the direction of text */
	return (cp >= 0x80 && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

int text_width(const char *s)
{
	size_t n = strlen(s), bytes;
	int cells = 0;

	for (size_t i = 0; i < n; i += bytes) {
		int w = cluster(s + i, n - i, &bytes);

		cells += is_control(s + i, bytes) ? 1 : w;
	}
	return cells;
}

int text_fit(char *dst, size_t cap, const char *s, int cells, bool utf8)
{
	const char *dots = utf8 ? "\xe2\x80\xa6" : "~";
	size_t n = strlen(s), at = 0, bytes, dot_bytes = strlen(dots);
	int full = text_width(s), room = full <= cells ? cells : cells - 1, used = 0;

	for (size_t i = 0; i < n; i += bytes) {
		int w = cluster(s + i, n - i, &bytes);
		bool bad = is_control(s + i, bytes);

		w = bad ? 1 : w;
		if (used + w > room || at + bytes + dot_bytes + 1 > cap)
			break;
		if (bad)
			dst[at++] = '?';
		else
			memcpy(dst + at, s + i, bytes), at += bytes;
		used += w;
	}
	if (full > cells && cells > 0 && at + dot_bytes + 1 <= cap) {
		memcpy(dst + at, dots, dot_bytes);
		at += dot_bytes;
		used++;
	}
	dst[at] = '\0';
	return used;
}

size_t text_line(const char *s, int cells)
{
	size_t n = strlen(s), bytes, blank = 0, i;
	int used = 0;

	for (i = 0; i < n; i += bytes) {
		int w = cluster(s + i, n - i, &bytes);

		if (i && used + w > cells)
			return blank ? blank : i;
		used += w;
		if (s[i] == ' ')
			blank = i + bytes;
	}
	return n;
}

bool text_utf8_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (int i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8") || strstr(v, "utf-8");
	}
	return false;
}
