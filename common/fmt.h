/*
 * fmt.h - bounded text without libc's stdio, so that common and core stay pure.
 *
 * A subset of printf: %s %.9s %.*s %c %d %u %x %ld %lu %lld %llu %zu %% with optional '0'
 * flag and width for integers ("%02d"). No floating point exists here.
 */
#ifndef LT_FMT_H
#define LT_FMT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Like snprintf: always terminates (cap > 0), returns the length it would have had. */
size_t lt_fmt(char *dst, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t lt_vfmt(char *dst, size_t cap, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

/* Decimal text, whole string, in [min, max]; no sign '+', no blanks, no leading zeros rule. */
bool lt_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
bool lt_parse_i64n(const char *s, size_t n, int64_t min, int64_t max, int64_t *ret);

/* True for valid UTF-8 without NUL, surrogates or overlong forms. */
bool lt_utf8_valid(const char *s, size_t n);

#endif
