/*
 * http_input.c - what must hold for any bytes: the reader stays inside them (the sanitizers see to that), says the
 * same however they are cut, and an accepted head keeps every promise of net/http.h.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "net/http.h"

static void promise(int holds)
{
	if (!holds)
		abort();
}

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

	promise(size <= HTTP_HEAD_MAX && h->body_size <= REQUEST_BODY_MAX);
	promise(memchr(p, '\0', size) == NULL);
	promise(count(p, size, "\n") == count(p, size, "\r\n") && count(p, size, "\r") == count(p, size, "\r\n"));
	promise(count(p, size, "\r\n\r\n") == 1 && count(p, size, "\n ") == 0 && count(p, size, "\n\t") == 0);
	promise(count(p, size, "\r\n") - 2 <= HTTP_HEADERS_MAX);
	promise(count(p, size, "\nTransfer-Encoding:") == 0 && count(p, size, "\ntransfer-encoding:") == 0);
	promise(count(p, size, "\nContent-Length:") <= 1 && count(p, size, "\nHost:") <= 1);
	promise(h->path[0] == '/' && strlen(h->path) <= HTTP_URI_MAX && lt_utf8_valid(h->path, strlen(h->path)));
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		promise(strstr(h->path, odd[i]) == NULL);
	for (i = 0; h->path[i]; i++)
		promise((unsigned char)h->path[i] >= 0x20 && h->path[i] != 0x7f);
	promise(strlen(h->idempotency_key) <= IDEM_KEY_MAX && strlen(h->if_match) < sizeof(h->if_match));
	promise(h->method != METHOD_GET || h->body_size == 0);
}

int http_input(const uint8_t *bytes, size_t n)
{
	/* A copy of exactly the size, so that one byte too far is seen. */
	char *p = malloc(n ? n : 1);
	size_t scanned = 0, size = 0, again = 0, size2 = 0, cut = n / 2;
	enum http_refusal r, r2;
	struct http_head h;
	int accepted;

	promise(p != NULL);
	if (n)
		memcpy(p, bytes, n);
	r = http_scan(p, n, &scanned, &size);
	r2 = http_scan(p, cut, &again, &size2);
	if (r2 == HTTP_OK && size2 == 0)
		r2 = http_scan(p, n, &again, &size2);
	promise(r == r2 && size == size2 && size <= n);
	accepted = r == HTTP_OK && size > 0 && http_parse(&h, p, size) == HTTP_OK;
	if (accepted)
		check_accepted(&h, p, size);
	free(p);
	return accepted;
}
