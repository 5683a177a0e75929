/*
 * http.c - a request as a client could send it, whole and in two pieces. For any bytes: the reader stays inside them
 * (the sanitizers see to that), says the same however they are cut, and an accepted head keeps every promise of
 * net/http.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "fuzz.h"
#include "net/http.h"

static int count(const char *p, size_t n, const char *word)
{
	size_t w = strlen(word), i;
	int found = 0;

	for (i = 0; i + w <= n; i++)
		found += memcmp(p + i, word, w) == 0;
	return found;
}

static void check_accepted(const struct http_head *h, const char *p, size_t size)
{
	static const char *const odd[] = { "//", "/./", "/../" };
	size_t i;

	fuzz_promise(size <= HTTP_HEAD_MAX && h->body_size <= REQUEST_BODY_MAX);
	fuzz_promise(memchr(p, '\0', size) == NULL);
	fuzz_promise(count(p, size, "\n") == count(p, size, "\r\n") && count(p, size, "\r") == count(p, size, "\r\n"));
	fuzz_promise(count(p, size, "\r\n\r\n") == 1 && count(p, size, "\n ") == 0 && count(p, size, "\n\t") == 0);
	fuzz_promise(count(p, size, "\r\n") - 2 <= HTTP_HEADERS_MAX);
	fuzz_promise(count(p, size, "\nTransfer-Encoding:") == 0 && count(p, size, "\ntransfer-encoding:") == 0);
	fuzz_promise(count(p, size, "\nContent-Length:") <= 1 && count(p, size, "\nHost:") <= 1);
	fuzz_promise(h->path[0] == '/' && strlen(h->path) <= HTTP_URI_MAX && lt_utf8_valid(h->path, strlen(h->path)));
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		fuzz_promise(strstr(h->path, odd[i]) == NULL);
	for (i = 0; h->path[i]; i++)
		fuzz_promise((unsigned char)h->path[i] >= 0x20 && h->path[i] != 0x7f);
	fuzz_promise(strlen(h->idempotency_key) <= IDEM_KEY_MAX && strlen(h->if_match) < sizeof(h->if_match));
	fuzz_promise(h->method != METHOD_GET || h->body_size == 0);
}

static int http_input(const uint8_t *bytes, size_t n)
{
	/* A copy of exactly the size, so that one byte too far is seen. */
	char *p = malloc(n ? n : 1);
	size_t scanned = 0, size = 0, again = 0, size2 = 0, cut = n / 2;
	enum http_refusal r, r2;
	struct http_head h;
	int accepted;

	fuzz_promise(p != NULL);
	if (n)
		memcpy(p, bytes, n);
	r = http_scan(p, n, &scanned, &size);
	r2 = http_scan(p, cut, &again, &size2);
	if (r2 == HTTP_OK && size2 == 0)
		r2 = http_scan(p, n, &again, &size2);
	fuzz_promise(r == r2 && size == size2 && size <= n);
	accepted = r == HTTP_OK && size > 0 && http_parse(&h, p, size) == HTTP_OK;
	if (accepted)
		check_accepted(&h, p, size);
	free(p);
	return accepted;
}

static const struct fuzz_text seeds[] = {
	FUZZ_TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	FUZZ_TEXT("GET /v1/bookings/B-1042?from=2026-11-24T09:00:00%2b08:00&limit=50 HTTP/1.1\r\nHost: lab.example:7620\r\n"
		"Accept: */*\r\n\r\n"),
	FUZZ_TEXT("POST /v1/bookings HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer lt_user_abcd1234_x\r\nIdempotency-Key: k\r\n"
		"Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"),
	FUZZ_TEXT("PATCH /v1/instruments/%E6%98%BE HTTP/1.1\r\nHost: [::1]\r\nIf-Match: \"17\"\r\nConnection: close\r\n"
		"Content-Length: 0\r\n\r\n"),
	FUZZ_TEXT("DELETE /v1/blocks/K-7 HTTP/1.0\r\n\r\n"),
};

static const struct fuzz_text words[] = {
	FUZZ_TEXT("\r\n"), FUZZ_TEXT("\n"), FUZZ_TEXT("\r"), FUZZ_TEXT(" "), FUZZ_TEXT("\t"), FUZZ_TEXT(":"), FUZZ_TEXT("/"),
	FUZZ_TEXT("//"), FUZZ_TEXT("/../"), FUZZ_TEXT("/./"), FUZZ_TEXT("%"), FUZZ_TEXT("%00"), FUZZ_TEXT("%2f"), FUZZ_TEXT("%2e"),
	FUZZ_TEXT("%41"), FUZZ_TEXT("?"), FUZZ_TEXT("#"), FUZZ_TEXT("\""), FUZZ_TEXT("HTTP/1.1"), FUZZ_TEXT("HTTP/1.0"),
	FUZZ_TEXT("Host: b\r\n"), FUZZ_TEXT("Content-Length: 5\r\n"), FUZZ_TEXT("Content-Length: +5\r\n"),
	FUZZ_TEXT("Transfer-Encoding: chunked\r\n"), FUZZ_TEXT("Transfer-Encoding : chunked\r\n"),
	FUZZ_TEXT("Connection: keep-alive\r\n"), FUZZ_TEXT("Expect: 100-continue\r\n"), FUZZ_TEXT("Upgrade: h2c\r\n"),
	FUZZ_TEXT("Authorization: Bearer \r\n"), FUZZ_TEXT("If-Match: *\r\n"), FUZZ_TEXT("Idempotency-Key: \r\n"),
	FUZZ_TEXT("\r\n\r\n"), FUZZ_TEXT(" folded\r\n"), FUZZ_TEXT("\xff"), FUZZ_TEXT("\x7f"), FUZZ_TEXT("X"), FUZZ_TEXT("\0"),
};

const struct fuzz_target fuzz_target = { "http", seeds, sizeof(seeds) / sizeof(seeds[0]), words,
	sizeof(words) / sizeof(words[0]), 300000, http_input };
