/*
 * http.c - the strict HTTP/1.x request reader. Pure; owns nothing; fails by naming a refusal.
 *
 * Grammar: RFC 9112 sections 2 to 6, without obs-fold, bare LF, chunked requests, absolute and asterisk forms.
 */
#include "net/http.h"

#include <string.h>

#include "common/fmt.h"

const struct http_problem http_problems[HTTP_REFUSALS] = {
	[HTTP_BAD_BYTE] = { 400, "bad-byte", "the request head holds a control character; only visible text is allowed" },
	[HTTP_BARE_LF] = { 400, "bad-line-ending", "lines of a request end in CR LF, both and in this order" },
	[HTTP_BAD_LINE] = { 400, "bad-request-line", "the first line must be: METHOD /path HTTP/1.1" },
	[HTTP_BAD_VERSION] = { 505, "bad-version", "only HTTP/1.1 and HTTP/1.0 are spoken here" },
	[HTTP_BAD_URI] = { 400, "bad-uri",
	"the target must be an absolute path of visible ASCII, with valid %XX, without empty or dot segments" },
	[HTTP_URI_LONG] = { 414, "uri-too-long", "the target is longer than 2048 bytes" },
	[HTTP_HEAD_LONG] = { 431, "head-too-large", "request line and headers are larger than 8192 bytes" },
	[HTTP_HEADERS_MANY] = { 431, "too-many-headers", "the request has more than 48 headers" },
	[HTTP_BAD_HEADER] = { 400, "bad-header", "a header must be: Name: value, with no blank before the colon" },
	[HTTP_FOLD] = { 400, "bad-header", "a header must not be continued on the next line" },
	[HTTP_HOST] = { 400, "bad-host", "exactly one Host header with a host name is required" },
	[HTTP_LENGTH] = { 400, "bad-length", "Content-Length must be given at most once, in digits" },
	[HTTP_TRANSFER] = { 501, "transfer-encoding", "Transfer-Encoding is not accepted; send the body with Content-Length"
	},
	[HTTP_TWICE] = { 400, "header-twice", "a header that must be given once is given twice" },
	[HTTP_EXPECT] = { 417, "expectation-failed", "Expect is not supported; send the body at once" },
	[HTTP_UPGRADE] = { 400, "bad-upgrade", "the protocol cannot be changed on this connection" },
	[HTTP_CONNECTION] = { 400, "bad-connection", "Connection may only be close or keep-alive" },
	[HTTP_BODY_UNEXPECTED] = { 400, "unexpected-body", "this method takes no body" },
	[HTTP_BODY_LONG] = { 413, "body-too-large", "the body is larger than 65536 bytes" },
	[HTTP_KEY] = { 400, "bad-idempotency-key", "Idempotency-Key must be 1 to 128 visible ASCII characters" },
	[HTTP_MATCH] = { 400, "bad-if-match", "If-Match must be one quoted ETag, as the object was answered with" },
	[HTTP_METHOD] = { 501, "unknown-method", "no such method; methods are written in capitals" },
	[HTTP_NOT_FOUND] = { 404, "not-found", "there is no such route; see /v1/openapi.json" },
	[HTTP_NOT_ALLOWED] = { 405, "method-not-allowed", "the route does not know this method; see the Allow header" },
	[HTTP_TOKEN] = { 401, "bad-token",
	"the token is not one of ours: check that it was copied whole, or ask for a new one" },
	[HTTP_TYPE] = { 415, "bad-content-type", "a body must be application/json" },
	[HTTP_RATE] = { 429, "too-many-requests", "too many requests; wait for the seconds that Retry-After names" },
	[HTTP_BUSY] = { 503, "busy", "too many requests are in work; nothing was done, try again" },
	[HTTP_STOPPING] = { 503, "stopping", "the daemon is stopping; nothing was done, try again" },
};

static const struct { int status; const char *text; } reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" },
	{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" }, { 410, "Gone" },
	{ 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
	{ 428, "Precondition Required" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_reason(int status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

/* ---- characters ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_visible(char c)
{
	return c > 0x20 && c < 0x7f;
}

static bool in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool is_token_char(char c)
{
	return is_alnum(c) || in(c, "!#$%&'*+-.^_`|~");
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/* A piece of the head; not terminated. */
struct text { const char *p; size_t n; };

static bool text_is(struct text t, const char *word)
{
	size_t i;

	for (i = 0; i < t.n && word[i]; i++)
		if (lower(t.p[i]) != lower(word[i]))
			return false;
	return i == t.n && word[i] == '\0';
}

static struct text trim(struct text t)
{
	while (t.n > 0 && in(t.p[0], " \t"))
		t.p++, t.n--;
	while (t.n > 0 && in(t.p[t.n - 1], " \t"))
		t.n--;
	return t;
}

/* ---- the end of the head ---- */

static enum http_refusal check_byte(const char *p, size_t i)
{
	unsigned char c = (unsigned char)p[i];

	if (c == '\n')
		return i > 0 && p[i - 1] == '\r' ? HTTP_OK : HTTP_BARE_LF;
	if (i > 0 && p[i - 1] == '\r')
		return HTTP_BARE_LF;
	if ((c < 0x20 && c != '\r' && c != '\t') || c == 0x7f)
		return HTTP_BAD_BYTE;
	return i == 0 && !is_alnum((char)c) ? HTTP_BAD_LINE : HTTP_OK;
}

enum http_refusal http_scan(const char *p, size_t n, size_t *scanned, size_t *ret_size)
{
	size_t i, end = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;

	*ret_size = 0;
	for (i = *scanned; i < end; i++) {
		enum http_refusal r = check_byte(p, i);
		if (r != HTTP_OK)
			return r;
		if (p[i] == '\n' && i >= 3 && p[i - 2] == '\n') {
			*scanned = 0;
			*ret_size = i + 1;
			return HTTP_OK;
		}
	}
	*scanned = end;
	return n >= HTTP_HEAD_MAX ? HTTP_HEAD_LONG : HTTP_OK;
}

/* ---- the request line ---- */

static enum http_refusal read_method(struct http_head *h, struct text t)
{
	static const struct { const char *name; bool routed; enum method method; } methods[] = {
		{ "GET", true, METHOD_GET }, { "POST", true, METHOD_POST }, { "PATCH", true, METHOD_PATCH },
		{ "DELETE", true, METHOD_DELETE }, { "HEAD", false, METHOD_GET }, { "PUT", false, METHOD_POST },
		{ "OPTIONS", false, METHOD_GET },
	};
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (t.n != strlen(methods[i].name) || memcmp(t.p, methods[i].name, t.n) != 0)
			continue;
		memcpy(h->method_name, t.p, t.n);
		h->method_name[t.n] = '\0';
		h->method = methods[i].method;
		h->routed = methods[i].routed;
		h->head_only = strcmp(h->method_name, "HEAD") == 0;
		return HTTP_OK;
	}
	for (i = 0; i < t.n; i++)
		if (!is_token_char(t.p[i]))
			return HTTP_BAD_LINE;
	return t.n > 0 ? HTTP_METHOD : HTTP_BAD_LINE;
}

static enum http_refusal read_version(struct http_head *h, struct text t)
{
	if (t.n != 8 || memcmp(t.p, "HTTP/", 5) != 0 || !is_digit(t.p[5]) || t.p[6] != '.' || !is_digit(t.p[7]))
		return HTTP_BAD_LINE;
	if (t.p[5] != '1' || t.p[7] > '1')
		return HTTP_BAD_VERSION;
	h->http10 = t.p[7] == '0';
	h->close = h->http10;
	return HTTP_OK;
}

/* One character or %XX of the target; its value, or -1. */
static int uri_char(struct text t, size_t *i)
{
	char c = t.p[*i];
	int high, low;

	if (!is_visible(c) || in(c, "<>\"{}|\\^`#"))
		return -1;
	if (c != '%') {
		(*i)++;
		return c;
	}
	if (*i + 2 >= t.n)
		return -1;
	high = hex_value(t.p[*i + 1]);
	low = hex_value(t.p[*i + 2]);
	*i += 3;
	return high < 0 || low < 0 || high * 16 + low == 0 ? -1 : high * 16 + low;
}

/* "//", "/./", "/../", also at the end. */
static bool has_odd_segment(const char *path)
{
	const char *s = path;

	while ((s = strchr(s, '/')) != NULL) {
		size_t n = strcspn(++s, "/");
		if ((n == 0 && *s == '/') || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return true;
	}
	return false;
}

static enum http_refusal read_path(struct http_head *h, struct text t)
{
	size_t i = 0, n = 0;

	while (i < t.n) {
		bool escaped = t.p[i] == '%';
		int c = uri_char(t, &i);
		if (c < 0x20 || c == 0x7f || (escaped && (c == '/' || c == '.' || c == '\\')))
			return HTTP_BAD_URI;
		h->path[n++] = (char)c;
	}
	h->path[n] = '\0';
	return lt_utf8_valid(h->path, n) && !has_odd_segment(h->path) ? HTTP_OK : HTTP_BAD_URI;
}

static enum http_refusal read_target(struct http_head *h, struct text t)
{
	const char *mark;
	struct text query;
	size_t i = 0;

	if (t.n > HTTP_URI_MAX)
		return HTTP_URI_LONG;
	if (t.n == 0 || t.p[0] != '/')
		return HTTP_BAD_URI;
	mark = memchr(t.p, '?', t.n);
	if (!mark)
		return read_path(h, t);
	query = (struct text){ mark + 1, t.n - (size_t)(mark + 1 - t.p) };
	while (i < query.n)
		if (uri_char(query, &i) < 0)
			return HTTP_BAD_URI;
	memcpy(h->query, query.p, query.n);
	h->query[query.n] = '\0';
	h->has_query = true;
	return read_path(h, (struct text){ t.p, (size_t)(mark - t.p) });
}

static enum http_refusal read_request_line(struct http_head *h, struct text line)
{
	const char *first = memchr(line.p, ' ', line.n), *second;
	struct text method, target, version;
	enum http_refusal r;

	if (!first)
		return HTTP_BAD_LINE;
	method = (struct text){ line.p, (size_t)(first - line.p) };
	target = (struct text){ first + 1, line.n - method.n - 1 };
	second = memchr(target.p, ' ', target.n);
	if (!second)
		return target.n > HTTP_URI_MAX ? HTTP_URI_LONG : HTTP_BAD_LINE;
	version = (struct text){ second + 1, target.n - (size_t)(second - target.p) - 1 };
	target.n = (size_t)(second - target.p);
	r = read_version(h, version);
	if (r == HTTP_OK)
		r = read_target(h, target);
	if (r == HTTP_OK)
		r = read_method(h, method);
	return r;
}

/* ---- headers ---- */

static enum http_refusal on_host(struct http_head *h, struct text v)
{
	size_t i;

	(void)h;
	for (i = 0; i < v.n; i++)
		if (!is_alnum(v.p[i]) && !in(v.p[i], ".-_:[]"))
			return HTTP_HOST;
	return v.n > 0 && v.n <= 255 ? HTTP_OK : HTTP_HOST;
}

static enum http_refusal on_length(struct http_head *h, struct text v)
{
	size_t i, size = 0;

	if (v.n == 0)
		return HTTP_LENGTH;
	for (i = 0; i < v.n; i++)
		if (!is_digit(v.p[i]))
			return HTTP_LENGTH;
	for (i = 0; i < v.n && size <= REQUEST_BODY_MAX; i++)
		size = size * 10 + (size_t)(v.p[i] - '0');
	h->has_length = true;
	h->body_size = size;
	if (v.n > 8 || size > REQUEST_BODY_MAX)
		return HTTP_BODY_LONG;
	return HTTP_OK;
}

static enum http_refusal on_transfer(struct http_head *h, struct text v)
{
	(void)h, (void)v;
	return HTTP_TRANSFER;
}

static enum http_refusal on_expect(struct http_head *h, struct text v)
{
	(void)h, (void)v;
	return HTTP_EXPECT;
}

static enum http_refusal on_upgrade(struct http_head *h, struct text v)
{
	(void)h, (void)v;
	return HTTP_UPGRADE;
}

static enum http_refusal on_connection(struct http_head *h, struct text v)
{
	if (text_is(v, "close"))
		h->close = true;
	else if (!text_is(v, "keep-alive"))
		return HTTP_CONNECTION;
	return HTTP_OK;
}

static enum http_refusal on_authorization(struct http_head *h, struct text v)
{
	char token[LT_TOKEN_TEXT];
	static const char scheme[] = "bearer ";
	size_t i, skip = sizeof(scheme) - 1;
	bool bearer = v.n > skip;

	for (i = 0; bearer && i < skip; i++)
		bearer = lower(v.p[i]) == scheme[i];
	if (bearer && v.n - skip < sizeof(token)) {
		memcpy(token, v.p + skip, v.n - skip);
		token[v.n - skip] = '\0';
		h->has_token = lt_token_parse(token, &h->token);
		memset(token, 0, sizeof(token));
	}
	if (!h->has_token)
		h->judged = HTTP_TOKEN;
	return HTTP_OK;
}

static enum http_refusal on_type(struct http_head *h, struct text v)
{
	const char *mark = memchr(v.p, ';', v.n);
	struct text type = trim((struct text){ v.p, mark ? (size_t)(mark - v.p) : v.n });
	struct text rest = mark ? trim((struct text){ mark + 1, v.n - (size_t)(mark + 1 - v.p) }) : (struct text){ "", 0 };
	bool json = text_is(type, "application/json") &&
		(rest.n == 0 || text_is(rest, "charset=utf-8") || text_is(rest, "charset=\"utf-8\""));

	if (!json && h->judged == HTTP_OK)
		h->judged = HTTP_TYPE;
	return HTTP_OK;
}

static enum http_refusal on_key(struct http_head *h, struct text v)
{
	size_t i;

	if (v.n == 0 || v.n > IDEM_KEY_MAX)
		return HTTP_KEY;
	for (i = 0; i < v.n; i++)
		if (!is_visible(v.p[i]))
			return HTTP_KEY;
	memcpy(h->idempotency_key, v.p, v.n);
	h->idempotency_key[v.n] = '\0';
	return HTTP_OK;
}

static enum http_refusal on_match(struct http_head *h, struct text v)
{
	size_t i;

	if (v.n < 3 || v.n - 2 >= sizeof(h->if_match) || v.p[0] != '"' || v.p[v.n - 1] != '"')
		return HTTP_MATCH;
	for (i = 1; i < v.n - 1; i++)
		if (!is_visible(v.p[i]) || v.p[i] == '"')
			return HTTP_MATCH;
	memcpy(h->if_match, v.p + 1, v.n - 2);
	h->if_match[v.n - 2] = '\0';
	return HTTP_OK;
}

/* Headers that mean something here; each at most once. */
static const struct {
	const char *name;
	enum http_refusal twice;
	enum http_refusal (*read)(struct http_head *h, struct text value);
} known[] = {
	{ "host", HTTP_HOST, on_host },
	{ "content-length", HTTP_LENGTH, on_length },
	{ "transfer-encoding", HTTP_TRANSFER, on_transfer },
	{ "authorization", HTTP_TWICE, on_authorization },
	{ "content-type", HTTP_TWICE, on_type },
	{ "idempotency-key", HTTP_TWICE, on_key },
	{ "if-match", HTTP_TWICE, on_match },
	{ "connection", HTTP_TWICE, on_connection },
	{ "expect", HTTP_EXPECT, on_expect },
	{ "upgrade", HTTP_UPGRADE, on_upgrade },
};
enum { KNOWN = sizeof(known) / sizeof(known[0]), KNOWN_HOST = 0 };

static enum http_refusal read_header(struct http_head *h, struct text line, unsigned *seen)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct text name;
	size_t i;

	if (in(line.p[0], " \t"))
		return HTTP_FOLD;
	if (!colon || colon == line.p)
		return HTTP_BAD_HEADER;
	name = (struct text){ line.p, (size_t)(colon - line.p) };
	for (i = 0; i < name.n; i++)
		if (!is_token_char(name.p[i]))
			return HTTP_BAD_HEADER;
	for (i = 0; i < KNOWN; i++) {
		if (!text_is(name, known[i].name))
			continue;
		if (*seen & 1u << i)
			return known[i].twice;
		*seen |= 1u << i;
		return known[i].read(h, trim((struct text){ colon + 1, line.n - name.n - 1 }));
	}
	return HTTP_OK;
}

/* The next line without its CR LF; http_scan has seen to it that there is one. */
static struct text next_line(const char **p, const char *end)
{
	const char *lf = memchr(*p, '\n', (size_t)(end - *p));
	struct text line = { *p, (size_t)(lf - 1 - *p) };

	*p = lf + 1;
	return line;
}

static enum http_refusal check_whole(const struct http_head *h, unsigned seen)
{
	if (!h->http10 && !(seen & 1u << KNOWN_HOST))
		return HTTP_HOST;
	if ((h->method == METHOD_GET && h->has_length) || (h->method == METHOD_DELETE && h->body_size > 0))
		return HTTP_BODY_UNEXPECTED;
	return HTTP_OK;
}

enum http_refusal http_parse(struct http_head *ret, const char *p, size_t size)
{
	const char *end = p + size;
	enum http_refusal r, worst = HTTP_OK;
	unsigned seen = 0;
	int n = 0;

	memset(ret, 0, sizeof(*ret));
	r = read_request_line(ret, next_line(&p, end));
	if (r != HTTP_OK)
		return r;
	for (;;) {
		struct text line = next_line(&p, end);
		if (line.n == 0)
			break;
		if (++n > HTTP_HEADERS_MAX)
			return HTTP_HEADERS_MANY;
		r = read_header(ret, line, &seen);
		/* A body that is too large must not hide that the message is ambiguous. */
		if (r == HTTP_BODY_LONG)
			worst = r;
		else if (r != HTTP_OK)
			return r;
	}
	r = check_whole(ret, seen);
	return r != HTTP_OK ? r : worst;
}
