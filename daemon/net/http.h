/*
 * http.h - the strict HTTP/1.x request reader: pure functions over bytes, no sockets, no allocation.
 *
 * It accepts much less than RFC 9112 allows a server to accept: every form that two readers might understand
 * differently is refused and closes the connection (docs/http.md lists them). Nothing is repaired.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg/msg.h"

enum { HTTP_HEAD_MAX = 8192, HTTP_URI_MAX = 2048, HTTP_HEADERS_MAX = 48 };

/* Why a request is refused without the ledger. http_problems[] holds status and text. */
enum http_refusal {
	HTTP_OK,
	/* the message itself cannot be trusted: answer and close */
	HTTP_BAD_BYTE, HTTP_BARE_LF, HTTP_BAD_LINE, HTTP_BAD_VERSION, HTTP_BAD_URI, HTTP_URI_LONG, HTTP_HEAD_LONG,
	HTTP_HEADERS_MANY, HTTP_BAD_HEADER, HTTP_FOLD, HTTP_HOST, HTTP_LENGTH, HTTP_TRANSFER, HTTP_TWICE, HTTP_EXPECT,
	HTTP_UPGRADE, HTTP_CONNECTION, HTTP_BODY_UNEXPECTED, HTTP_BODY_LONG, HTTP_KEY, HTTP_MATCH, HTTP_METHOD,
	/* the message is sound: the body is read, the connection lives on */
	HTTP_NOT_FOUND, HTTP_NOT_ALLOWED, HTTP_TOKEN, HTTP_TYPE, HTTP_RATE, HTTP_BUSY, HTTP_STOPPING,
	HTTP_REFUSALS
};
#define HTTP_CLOSES(r) ((r) > HTTP_OK && (r) < HTTP_NOT_FOUND)

struct http_problem { int status; const char *code, *detail; };
extern const struct http_problem http_problems[HTTP_REFUSALS];
const char *http_reason(int status);

struct http_head {
	enum method method;
	bool routed;                  /* method is one of enum method; otherwise only 404 or 405 can follow */
	bool head_only;               /* HEAD: an answer has no body                                        */
	char method_name[8];
	bool http10, close;
	char path[HTTP_URI_MAX + 1];  /* decoded                                                            */
	char query[HTTP_URI_MAX + 1]; /* raw                                                                */
	bool has_query;
	bool has_length;
	size_t body_size;
	bool has_token;
	struct lt_token token;
	char idempotency_key[IDEM_KEY_MAX + 1];
	char if_match[64];
	enum http_refusal judged;     /* HTTP_TOKEN, HTTP_TYPE: to be answered when the body is read        */
};

/*
 * Looks for the end of the head in the first n bytes; *scanned (0 at first) remembers how far earlier calls came.
 * HTTP_OK with *ret_size 0: more bytes are needed. HTTP_OK and *ret_size: the head with its empty line.
 */
enum http_refusal http_scan(const char *p, size_t n, size_t *scanned, size_t *ret_size);
/* Reads a head that http_scan measured. *ret is filled as far as it came. */
enum http_refusal http_parse(struct http_head *ret, const char *p, size_t size);

#endif
