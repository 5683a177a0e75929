/*
 * transport.c - libcurl behind one function.
 * Owns the curl handle. Fails when the daemon cannot be reached (a retry is safe), when its certificate is not the
 * pinned one, or when an answer breaks off. A request that may have been done is repeated only with its
 * Idempotency-Key.
 */
#include "client/transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/fmt.h"

#define CONNECT_WINDOW_MS 1000
#define RETRY_WINDOW_MS 10000

struct state {
	const struct request *rq;
	struct answer *a;
	bool sink_failed, too_large;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
	struct state *s = user;
	struct answer *a = s->a;
	char *grown;

	n *= size;
	if (s->rq->sink && a->status == 0)
		a->status = -1; /* set by on_header before a body can come */
	if (s->rq->sink && a->status == 200) {
		s->sink_failed = s->rq->sink(s->rq->user, p, n) != 0;
		return s->sink_failed ? 0 : n;
	}
	if (a->size + n > TRANSPORT_BODY_MAX)
		return s->too_large = true, 0;
	grown = realloc(a->body, a->size + n + 1);
	if (!grown)
		return 0;
	a->body = grown;
	memcpy(a->body + a->size, p, n);
	a->size += n;
	a->body[a->size] = '\0';
	return n;
}

static bool header(const char *p, size_t n, const char *name, char *dst, size_t cap)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(p, name, k) != 0 || p[k] != ':')
		return false;
	for (p += k + 1, n -= k + 1; n > 0 && *p == ' '; p++)
		n--;
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	lt_fmt(dst, cap, "%.*s", (int)(n < 1000 ? n : 1000), p);
	return true;
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
	struct answer *a = ((struct state *)user)->a;
	char text[64];
	int64_t v;

	n *= size;
	if (n > 12 && strncmp(p, "HTTP/", 5) == 0) {
		const char *sp = memchr(p, ' ', n);

		a->etag[0] = a->type[0] = '\0';
		if (sp && (size_t)(sp - p) + 4 <= n && lt_parse_i64n(sp + 1, 3, 100, 999, &v))
			a->status = (long)v;
	} else if (header(p, n, "etag", text, sizeof text)) {
		size_t k = strlen(text);

		if (k >= 2 && text[0] == '"' && text[k - 1] == '"')
			lt_fmt(a->etag, sizeof a->etag, "%.*s", (int)(k - 2), text + 1);
	} else if (header(p, n, "retry-after", text, sizeof text)) {
		a->retry_after = lt_parse_i64(text, 0, 3600, &v) ? (long)v : 0;
	} else if (header(p, n, "content-type", text, sizeof text)) {
		memcpy(a->type, text, sizeof a->type);
	} else if (header(p, n, "idempotency-replayed", text, sizeof text)) {
		a->replayed = strcmp(text, "true") == 0;
	}
	return n;
}

/* Options that hold for every request of this endpoint. */
static void common_options(CURL *h, const struct endpoint *e)
{
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, e->socket[0] ? "http" : "https");
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "labtime");
	curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	if (e->socket[0]) {
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, e->socket);
		return;
	}
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (e->ca_file[0]) { /* the pinned certificate is the only one that is trusted: its name does not matter */
		curl_easy_setopt(h, CURLOPT_CAINFO, e->ca_file);
		curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

int transport_open(struct transport *t, const struct endpoint *e, bool verbose, struct lt_err *err)
{
	const char *retry = getenv("LABTIME_RETRY");
	int64_t s;

	*t = (struct transport){ .endpoint = e, .verbose = verbose, .retry_ms = -1 };
	if (retry && *retry) {
		if (!lt_parse_i64(retry, 0, 3600, &s))
			return lt_err_set(err, "usage", "LABTIME_RETRY",
				"LABTIME_RETRY is a number of seconds from 0 to 3600, not '%s'", retry);
		t->retry_ms = s * 1000;
	}
	/* OpenSSL's own start costs more than a request on the Unix socket: only where it is needed */
	if (curl_global_init(e->socket[0] ? CURL_GLOBAL_NOTHING : CURL_GLOBAL_SSL) != 0 || !(t->curl = curl_easy_init()))
		return lt_err_set(err, "failed", "", "libcurl does not start");
	common_options(t->curl, e);
	return 0;
}

void transport_close(struct transport *t)
{
	if (t->curl)
		curl_easy_cleanup(t->curl);
	t->curl = NULL;
}

int transport_key(char ret[TRANSPORT_KEY])
{
	unsigned char r[16];
	size_t n = 4;

	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return -1;
	memcpy(ret, "cli-", 5);
	for (size_t i = 0; i < sizeof r; i++, n += 2)
		lt_fmt(ret + n, TRANSPORT_KEY - n, "%02x", r[i]);
	return 0;
}

static struct curl_slist *add(struct curl_slist *l, const char *name, const char *value, const char *quote)
{
	char line[512];

	lt_fmt(line, sizeof line, "%s: %s%s%s", name, quote, value, quote);
	return curl_slist_append(l, line);
}

static struct curl_slist *headers(const struct transport *t, const struct request *rq)
{
	char bearer[160];
	struct curl_slist *l = curl_slist_append(NULL, "Expect:");

	l = add(l, "Accept", rq->sink ? "*/*" : "application/json, application/problem+json", "");
	if (rq->body)
		l = add(l, "Content-Type", "application/json", "");
	if (rq->two_lengths)
		l = add(add(l, "Content-Length", "0", ""), "Content-Length", "1", "");
	if (rq->key)
		l = add(l, "Idempotency-Key", rq->key, "");
	if (rq->if_match)
		l = add(l, "If-Match", rq->if_match, "\"");
	if (t->endpoint->token[0]) {
		lt_fmt(bearer, sizeof bearer, "Bearer %s", t->endpoint->token);
		l = add(l, "Authorization", bearer, "");
	}
	return l;
}

static CURLcode once(struct transport *t, const struct request *rq, struct answer *a, struct state *s)
{
	CURL *h = t->curl;
	char url[2304];
	struct curl_slist *l = headers(t, rq);
	CURLcode rc;

	lt_fmt(url, sizeof url, "%s%s", t->endpoint->socket[0] ? "http://localhost" : t->endpoint->url, rq->path);
	*s = (struct state){ .rq = rq, .a = a };
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, NULL);
	if (rq->body) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)strlen(rq->body));
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, rq->body);
	}
	if (strcmp(rq->method, rq->body ? "POST" : "GET") != 0)
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, rq->method);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, l);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, rq->sink ? 0L : 60000L);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, rq->sink ? 1L : 0L);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, rq->sink ? 60L : 0L);
	/* libcurl repeats a request by itself when a reused connection turns out dead: not what may not be repeated */
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, strcmp(rq->method, "GET") == 0 || rq->key ? 0L : 1L);
	rc = curl_easy_perform(h);
	curl_slist_free_all(l);
	return rc;
}

static bool reached(CURLcode rc)
{
	return rc != CURLE_COULDNT_CONNECT && rc != CURLE_COULDNT_RESOLVE_HOST;
}

static bool untrusted(CURLcode rc)
{
	return rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_ISSUER_ERROR;
}

/* The window in which this outcome is tried again; 0: not at all. */
static int64_t window(const struct transport *t, const struct request *rq, CURLcode rc, const struct answer *a,
	const struct state *s)
{
	bool get = strcmp(rq->method, "GET") == 0, repeat = get || rq->key;

	if (untrusted(rc) || s->sink_failed || s->too_large || (rq->sink && rc != CURLE_OK && reached(rc)))
		return 0;
	if (rc == CURLE_OK && a->status != 503 && a->status != 429)
		return 0;
	if (rc == CURLE_OK ? a->status == 503 && !repeat : reached(rc) && !repeat)
		return 0;
	if (t->retry_ms >= 0)
		return t->retry_ms;
	return rc != CURLE_OK && !reached(rc) ? CONNECT_WINDOW_MS : RETRY_WINDOW_MS;
}

static void pause_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* 100 ms, doubling to 2 s, each shortened by up to half at random; never less than Retry-After. */
static int64_t backoff(int attempt, long retry_after)
{
	int64_t ms = INT64_C(100) << (attempt < 5 ? attempt : 5);
	unsigned char r = 0;

	if (ms > 2000)
		ms = 2000;
	if (getrandom(&r, 1, GRND_NONBLOCK) == 1)
		ms -= ms * r / 512;
	return retry_after * 1000 > ms ? retry_after * 1000 : ms;
}

static int failure(const struct transport *t, const struct request *rq, CURLcode rc, const struct state *s,
	struct lt_err *err)
{
	char where[300];
	bool repeat = strcmp(rq->method, "GET") == 0 || rq->key || !reached(rc);

	endpoint_text(t->endpoint, where, sizeof where);
	if (s->sink_failed)
		return TRANSPORT_FAILED; /* the sink has said why */
	if (s->too_large)
		return lt_err_set(err, "too-large", where, "the answer is larger than %u MiB; ask for less",
			TRANSPORT_BODY_MAX >> 20), TRANSPORT_FAILED;
	if (untrusted(rc)) {
		lt_err_set(err, "untrusted-certificate", where,
			t->endpoint->ca_file[0] ?
			"%s does not show the certificate that was trusted at login; if its administrator changed it: labtime "
			"login %s" : "the certificate of %s is not trusted here; look at it and "
			"trust it: labtime login %s", where, where);
		return TRANSPORT_UNTRUSTED;
	}
	if (rq->sink && reached(rc))
		return lt_err_set(err, "broken-off", where, "the answer broke off: %s", curl_easy_strerror(rc)),
			TRANSPORT_BROKEN;
	if (!reached(rc)) {
		long no = 0;

		curl_easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &no);
		lt_err_set(err, "unreachable", where,
			"no labtimed answers at %s (%s); is it running (systemctl status labtimed), is this the right place "
			"(labtime context ls)?", where, no ? strerror((int)no) : curl_easy_strerror(rc));
	} else {
		lt_err_set(err, "unreachable", where, "%s did not answer: %s; %s", where, curl_easy_strerror(rc),
			repeat ? "a retry is safe" :
			"it may have been done: look before you retry (labtime mine)");
	}
	return TRANSPORT_UNREACHABLE;
}

int transport_ask(struct transport *t, const struct request *rq, struct answer *ret, struct lt_err *err)
{
	struct answer a = { 0 };
	struct state s;
	int64_t began = now_ms(), wait;
	CURLcode rc;

	if (strlen(rq->path) > 2000)
		return lt_err_set(err, "usage", "path", "the request is longer than 2000 bytes; ask for less at once"),
			TRANSPORT_FAILED;
	for (int attempt = 0;; attempt++) {
		int64_t at = now_ms();

		interrupt_in_flight(strcmp(rq->method, "GET") != 0);
		rc = once(t, rq, &a, &s);
		interrupt_in_flight(false);
		if (t->verbose)
			fprintf(stderr, "labtime: %s %s -> %ld%s%s (%lld ms)\n", rq->method, rq->path,
				rc == CURLE_OK ? a.status : 0, rc == CURLE_OK ? "" : " ", rc == CURLE_OK ? "" : curl_easy_strerror(rc),
				(long long)(now_ms() - at));
		wait = backoff(attempt, a.retry_after);
		if (now_ms() - began + wait > window(t, rq, rc, &a, &s))
			break;
		answer_free(&a);
		pause_ms(wait);
	}
	if (rc == CURLE_OK) {
		*ret = a;
		return TRANSPORT_OK;
	}
	answer_free(&a);
	return failure(t, rq, rc, &s, err);
}

void answer_free(struct answer *a)
{
	free(a->body);
	*a = (struct answer){ 0 };
}

static size_t drop(char *p, size_t size, size_t n, void *user)
{
	return size * n;
}

static int first_certificate(CURL *h, char *pem, size_t cap)
{
	struct curl_certinfo *info = NULL;

	if (curl_easy_getinfo(h, CURLINFO_CERTINFO, &info) != CURLE_OK || !info || info->num_of_certs < 1)
		return -1;
	for (struct curl_slist *l = info->certinfo[0]; l; l = l->next)
		if (strncmp(l->data, "Cert:", 5) == 0)
			return lt_fmt(pem, cap, "%s", l->data + 5) < cap ? 0 : -1;
	return -1;
}

int transport_certificate(const struct endpoint *e, char *pem, size_t cap, struct lt_err *err)
{
	char url[300];
	CURLcode rc = CURLE_OK;
	CURL *h;

	if (curl_global_init(CURL_GLOBAL_SSL) != 0 || !(h = curl_easy_init()))
		return lt_err_set(err, "failed", "", "libcurl does not start");
	lt_fmt(url, sizeof url, "%s/v1/site", e->url);
	common_options(h, e);
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 15000L);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop);
	rc = curl_easy_perform(h);
	if (untrusted(rc)) {
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(h, CURLOPT_CERTINFO, 1L);
		rc = curl_easy_perform(h);
		if (rc == CURLE_OK && first_certificate(h, pem, cap) == 0) {
			curl_easy_cleanup(h);
			return 1;
		}
	}
	curl_easy_cleanup(h);
	if (rc != CURLE_OK)
		return lt_err_set(err, "unreachable", e->url, "%s does not answer: %s", e->url, curl_easy_strerror(rc));
	return 0;
}
