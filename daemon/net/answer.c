/*
 * answer.c - the head of an answer and the problem documents of this room. Pure; owns nothing.
 * A value that came from elsewhere cannot break out of its header line: what is not visible becomes '_'.
 */
#include <string.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "net/private.h"

struct text { char *p; size_t n, cap; };

static void put(struct text *t, const char *s)
{
	while (*s && t->n + 1 < t->cap)
		t->p[t->n++] = *s++;
	t->p[t->n] = '\0';
}

static void put_value(struct text *t, const char *s)
{
	char c[2] = "";

	for (; *s; s++) {
		c[0] = *s >= 0x20 && *s < 0x7f && *s != '"' && *s != '\\' ? *s : '_';
		put(t, c);
	}
}

static void put_header(struct text *t, const char *name, const char *before, const char *value, const char *after)
{
	if (!value || !*value)
		return;
	put(t, name);
	put(t, ": ");
	put(t, before);
	put_value(t, value);
	put(t, after);
	put(t, "\r\n");
}

static void put_number(struct text *t, const char *name, int64_t value)
{
	char digits[24];

	lt_fmt(digits, sizeof(digits), "%lld", (long long)value);
	put_header(t, name, "", digits, "");
}

/* RFC 9110 section 5.6.7, the form that must be sent. */
static void put_date(struct text *t, int64_t wall_ms)
{
	static const char days[] = "MonTueWedThuFriSatSun", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t day = wall_ms / LT_DAY;
	int second = (int)(wall_ms % LT_DAY / LT_SECOND), year, month, mday;
	char line[48];

	lt_civil_from_days(day, &year, &month, &mday);
	lt_fmt(line, sizeof(line), "Date: %.*s, %02d %.*s %04d %02d:%02d:%02d GMT\r\n", 3, days + 3 * (lt_weekday(day) - 1),
	       mday, 3, months + 3 * (month - 1), year, second / 3600, second / 60 % 60, second % 60);
	put(t, line);
}

size_t answer_head(char dst[ANSWER_HEAD_MAX], const struct answer *a, int64_t wall_ms)
{
	struct text t = { dst, 0, ANSWER_HEAD_MAX };
	char status[16];

	lt_fmt(status, sizeof(status), "HTTP/1.1 %d ", a->status);
	put(&t, status);
	put(&t, http_reason(a->status));
	put(&t, "\r\n");
	put_date(&t, wall_ms);
	put_header(&t, "Content-Type", "", a->content_type, "");
	put(&t, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
	put_header(&t, "ETag", "\"", a->etag, "\"");
	put_header(&t, "Location", "", a->location, "");
	put_header(&t, "Content-Disposition", "attachment; filename=\"", a->filename, "\"");
	put_header(&t, "Allow", "", a->allow, "");
	if (a->retry_after_s > 0)
		put_number(&t, "Retry-After", a->retry_after_s);
	if (a->replayed)
		put(&t, "Idempotency-Replayed: true\r\n");
	if (a->challenge)
		put(&t, "WWW-Authenticate: Bearer\r\n");
	if (a->chunked)
		put(&t, "Transfer-Encoding: chunked\r\n");
	else if (!a->until_close && a->status != 204)
		put_number(&t, "Content-Length", (int64_t)a->body_size);
	if (a->close)
		put(&t, "Connection: close\r\n");
	put(&t, "\r\n");
	return t.n;
}

size_t answer_problem(char dst[ANSWER_HEAD_MAX], enum http_refusal r)
{
	const struct http_problem *p = &http_problems[r];

	/* The texts of the table hold neither quotes nor backslashes. */
	return lt_fmt(dst, ANSWER_HEAD_MAX,
		      "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"}\n",
		      http_reason(p->status), p->status, p->code, p->detail);
}
