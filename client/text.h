/* text.h - display width and fitting of UTF-8 text, by utf8proc: independent of the locale. */
#ifndef CLIENT_TEXT_H
#define CLIENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Terminal cells; a sequence of joined characters counts as its first. Invalid bytes count one cell each. */
int text_width(const char *s);
/* Copies at most `cells` cells of s, with an ellipsis when it was cut; never splits a character. Control characters
 * become '?', so that data can never drive the terminal. Returns the cells written. cap > 0. */
int text_fit(char *dst, size_t cap, const char *s, int cells, bool utf8);
/* How many bytes of s stand in a line of `cells` cells, at least one character: up to a blank where there is one. */
size_t text_line(const char *s, int cells);
/* Does this terminal show UTF-8? From LC_ALL, LC_CTYPE, LANG alone: no locale is loaded. */
bool text_utf8_locale(void);

#endif
