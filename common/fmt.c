/* fmt.c - a small, bounded formatter and number parser. Owns nothing; never fails, only truncates. */
#include "common/fmt.h"

#include <string.h>

struct out { char *p; size_t cap, len; };

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->cap)
		o->p[o->len] = c;
	o->len++;
}

static void put_number(struct out *o, uint64_t v, unsigned base, bool neg, bool zero, int width)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (neg && zero)
		put(o, '-');
	for (int i = n + (neg ? 1 : 0); i < width; i++)
		put(o, zero ? '0' : ' ');
	if (neg && !zero)
		put(o, '-');
	while (n > 0)
		put(o, digits[--n]);
}

/* Fetches the integer argument of the size that the conversion names. */
static int64_t signed_arg(va_list *ap, int longs)
{
	return longs == 0 ? va_arg(*ap, int) : longs == 1 ? va_arg(*ap, long) : (int64_t)va_arg(*ap, long long);
}

static uint64_t unsigned_arg(va_list *ap, int longs)
{
	return longs == 0 ? va_arg(*ap, unsigned int)
			  : longs == 1 ? va_arg(*ap, unsigned long) : (uint64_t)va_arg(*ap, unsigned long long);
}

static void put_string(struct out *o, const char *s, int precision)
{
	size_t n, room = o->cap > o->len + 1 ? o->cap - o->len - 1 : 0;

	if (!s)
		s = "(none)";
	n = precision < 0 ? strlen(s) : strnlen(s, (size_t)precision);
	if (room > 0)
		memmove(o->p + o->len, s, n < room ? n : room);
	o->len += n;
}

static const char *digits_of(const char *f, int *ret)
{
	*ret = 0;
	while (*f >= '0' && *f <= '9')
		*ret = *ret * 10 + (*f++ - '0');
	return f;
}

static const char *convert(struct out *o, const char *f, va_list *ap)
{
	bool zero = false;
	int width = 0, precision = -1, longs = 0;

	if (*f == '0') {
		zero = true;
		f++;
	}
	f = digits_of(f, &width);
	if (f[0] == '.' && f[1] == '*') {
		precision = va_arg(*ap, int);
		f += 2;
	} else if (f[0] == '.') {
		f = digits_of(f + 1, &precision);
	}
	for (; *f == 'l' || *f == 'z'; f++)
		longs++;
	switch (*f) {
	case 's':
		put_string(o, va_arg(*ap, const char *), precision);
		break;
	case 'c':
		put(o, (char)va_arg(*ap, int));
		break;
	case 'd': {
		int64_t v = signed_arg(ap, longs);
		put_number(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0, zero, width);
		break;
	}
	case 'u':
	case 'x':
		put_number(o, unsigned_arg(ap, longs), *f == 'x' ? 16 : 10, false, zero, width);
		break;
	default:
		put(o, *f);
		break;
	}
	return *f ? f + 1 : f;
}

size_t lt_vfmt(char *dst, size_t cap, const char *fmt, va_list ap)
{
	struct out o = { dst, cap, 0 };
	va_list args;

	va_copy(args, ap);
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = convert(&o, fmt + 1, &args);
	}
	va_end(args);
	if (cap)
		dst[o.len < cap ? o.len : cap - 1] = '\0';
	return o.len;
}

size_t lt_fmt(char *dst, size_t cap, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = lt_vfmt(dst, cap, fmt, ap);
	va_end(ap);
	return n;
}

bool lt_parse_i64n(const char *s, size_t n, int64_t min, int64_t max, int64_t *ret)
{
	uint64_t v = 0, limit;
	bool neg = n > 0 && s[0] == '-';
	size_t i = neg ? 1 : 0;

	if (i == n)
		return false;
	limit = neg ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	for (; i < n; i++) {
		unsigned d = (unsigned)(s[i] - '0');
		if (d > 9 || v > (limit - d) / 10)
			return false;
		v = v * 10 + d;
	}
	int64_t r = neg ? (int64_t)(0 - v) : (int64_t)v;
	if (r < min || r > max)
		return false;
	*ret = r;
	return true;
}

bool lt_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	return lt_parse_i64n(s, strlen(s), min, max, ret);
}

/* Length of the UTF-8 sequence at s (n bytes left), 0 when malformed. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return s[0] != 0;
	size_t len = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

bool lt_utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < n;) {
		size_t len = utf8_length(p + i, n - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}
