/* net_rig.c - see net_rig.h. Owns the temporary directory and everything in it. */
#include "net_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/base.h"

bool running_under_asan(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

void (*rig_arm)(bool on);

static void deliver(struct rig *r, struct msg *m)
{
	if (rig_arm)
		rig_arm(true);
	net_message(r->net, m);
	if (rig_arm)
		rig_arm(false);
}

/* ---- the scripted ledger ---- */

static int route_known(const char *method, const char *path, char allow[64])
{
	static const char *const paths[] = { "/v1/echo", "/v1/full", "/v1/hold", "/v1/denied", "/v1/stream", "/v1/broken" };
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(path, paths[i]) != 0)
			continue;
		if (strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0 || strcmp(method, "DELETE") == 0)
			return 0;
		snprintf(allow, 64, "GET, POST, DELETE");
		return 405;
	}
	return 404;
}

static void submit(void *arg, struct msg *m)
{
	struct rig *r = arg;

	queue_push(r->queue, m);
}

static struct msg_reply *reply_to(const struct msg_request *q, int status)
{
	struct msg_reply *m = msg_new(MSG_REPLY, sizeof(*m));

	assert_non_null(m);
	m->conn = q->conn;
	m->status = status;
	m->content_type = "application/json";
	return m;
}

static void answer_echo(struct rig *r, const struct msg_request *q)
{
	static const char *const methods[] = { "GET", "POST", "PATCH", "DELETE" };
	struct msg_reply *m = reply_to(q, 200);
	size_t cap = 4096 + q->body_size;

	m->body = malloc(cap);
	assert_non_null(m->body);
	m->body_size = (size_t)snprintf(m->body, cap, "%s %s ?%s key=%s match=%s token=%s body=", methods[q->method],
		q->path,
					q->query ? q->query : "", q->idempotency_key, q->if_match,
					q->has_token ? q->token.public_id : "");
	if (q->body)
		memcpy(m->body + m->body_size, q->body, q->body_size);
	m->body_size += q->body_size;
	deliver(r, &m->head);
}

static void answer_full(struct rig *r, const struct msg_request *q)
{
	struct msg_reply *m = reply_to(q, 201);

	m->body = strdup("{}");
	m->body_size = 2;
	snprintf(m->etag, sizeof(m->etag), "7");
	snprintf(m->location, sizeof(m->location), "/v1/bookings/B-1\r\nX-Evil: 1");
	snprintf(m->filename, sizeof(m->filename), "a\"b.csv");
	m->retry_after_s = 3;
	m->replayed = true;
	deliver(r, &m->head);
}

static void answer_stream(struct rig *r, const struct msg_request *q, bool broken)
{
	struct msg_reply *m = reply_to(q, 200);
	struct stream *s = r->streams;

	while (s->open)
		s++;
	*s = (struct stream){ .conn = q->conn, .left = q->query ? atoll(q->query) : 0, .open = true, .broken = broken };
	m->streamed = true;
	m->content_type = "text/csv";
	m->body = strdup("head\n");
	m->body_size = 5;
	deliver(r, &m->head);
}

static void on_request(struct rig *r, struct msg_request *q)
{
	r->requests++;
	r->last_peer = q->peer;
	snprintf(r->last_path, sizeof(r->last_path), "%s", q->path);
	if (strlen(r->seen_paths) + strlen(q->path) + 2 < sizeof(r->seen_paths)) {
		strncat(r->seen_paths, q->path, sizeof(r->seen_paths) - strlen(r->seen_paths) - 1);
		strncat(r->seen_paths, " ", sizeof(r->seen_paths) - strlen(r->seen_paths) - 1);
	}
	if (strcmp(q->path, "/v1/hold") == 0) {
		assert_true(r->n_held < 64);
		r->held[r->n_held++] = q;
		return;
	}
	if (strcmp(q->path, "/v1/full") == 0)
		answer_full(r, q);
	else if (strcmp(q->path, "/v1/denied") == 0)
		deliver(r, &reply_to(q, 401)->head);
	else if (strcmp(q->path, "/v1/stream") == 0 || strcmp(q->path, "/v1/broken") == 0)
		answer_stream(r, q, q->path[4] == 'b');
	else
		answer_echo(r, q);
	msg_free(&q->head);
}

static struct stream *stream_of(struct rig *r, struct conn_ref ref)
{
	int i;

	for (i = 0; i < 64; i++)
		if (r->streams[i].open && r->streams[i].conn.slot == ref.slot && r->streams[i].conn.generation ==
				ref.generation)
			return &r->streams[i];
	return NULL;
}

static void on_credit(struct rig *r, struct conn_ref ref)
{
	struct stream *s = stream_of(r, ref);
	struct msg_chunk *m;

	r->credits++;
	if (!s)
		return;
	m = msg_new(MSG_CHUNK, sizeof(*m));
	assert_non_null(m);
	m->conn = ref;
	m->body_size = s->left < 65536 ? (size_t)s->left : 65536;
	m->body = malloc(m->body_size + 1);
	assert_non_null(m->body);
	memset(m->body, 'a' + s->slices % 26, m->body_size);
	s->left -= (int64_t)m->body_size;
	s->slices++;
	r->streamed += (int64_t)m->body_size;
	m->failed = s->broken && s->slices == 3;
	m->last = s->left == 0;
	s->open = !m->last && !m->failed;
	deliver(r, &m->head);
}

static void ledger_step(struct rig *r)
{
	struct msg *m = queue_take(r->queue), *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		if (m->kind == MSG_REQUEST) {
			on_request(r, (struct msg_request *)m);
			continue;
		}
		if (m->kind == MSG_CREDIT)
			on_credit(r, ((struct msg_conn *)m)->conn);
		if (m->kind == MSG_GONE) {
			struct stream *s = stream_of(r, ((struct msg_conn *)m)->conn);
			if (s)
				s->open = false;
			r->gone++;
		}
		msg_free(m);
	}
}

void rig_release(struct rig *r)
{
	int i, n = r->n_held;

	r->n_held = 0;
	for (i = 0; i < n; i++) {
		answer_echo(r, r->held[i]);
		msg_free(&r->held[i]->head);
	}
}

/* ---- life ---- */

void rig_start(struct rig *r, const struct net_options *o)
{
	struct lt_err err = { 0 };

	memset(r, 0, sizeof(*r));
	if (o)
		r->o = *o;
	snprintf(r->dir, sizeof(r->dir), "/tmp/labtime-net-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->unix_path, sizeof(r->unix_path), "%s/s.sock", r->dir);
	snprintf(r->certificate, sizeof(r->certificate), "%s/cert.pem", r->dir);
	snprintf(r->key, sizeof(r->key), "%s/key.pem", r->dir);
	r->o.unix_path = r->unix_path;
	r->o.tls_address = "127.0.0.1:0";
	r->o.certificate = r->certificate;
	r->o.key = r->key;
	r->o.site_name = "Zhangjiang Shared Lab";
	r->o.route_known = route_known;
	r->o.submit = submit;
	r->o.arg = r;
	r->queue = queue_new();
	r->loop = loop_new();
	assert_non_null(r->queue);
	assert_non_null(r->loop);
	r->net = net_new(r->loop, &r->o, &err);
	if (!r->net)
		fail_msg("net_new: %s %s", err.field, err.text);
	r->client_tls = SSL_CTX_new(TLS_client_method());
	assert_non_null(r->client_tls);
}

void rig_stop(struct rig *r)
{
	char other[112];
	int i;

	for (i = 0; i < r->n_held; i++)
		msg_free(&r->held[i]->head);
	net_free(r->net);
	loop_once(r->loop, false);
	loop_free(r->loop);
	queue_free(r->queue);
	SSL_CTX_free(r->client_tls);
	unlink(r->certificate);
	unlink(r->key);
	unlink(r->unix_path);
	snprintf(other, sizeof(other), "%s/other", r->dir);
	unlink(other);
	rmdir(r->dir);
}

void rig_pump(struct rig *r)
{
	if (rig_arm)
		rig_arm(true);
	loop_once(r->loop, false);
	if (rig_arm)
		rig_arm(false);
	ledger_step(r);
}

bool rig_until(struct rig *r, struct client *c, bool (*holds)(struct rig *r, struct client *c, int64_t arg),
	int64_t arg, int ms)
{
	int64_t until = clock_boot_ms() + ms;

	for (;;) {
		rig_pump(r);
		if (c)
			client_step(c);
		if (holds(r, c, arg))
			return true;
		if (clock_boot_ms() >= until)
			return false;
	}
}

/* ---- clients ---- */

static struct client *client_new(struct rig *r, int family)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->rig = r;
	c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	return c;
}

static void unblock(struct client *c)
{
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

struct client *client_unix(struct rig *r)
{
	struct client *c = client_new(r, AF_UNIX);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", r->unix_path);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	unblock(c);
	return c;
}

struct client *client_tcp(struct rig *r)
{
	struct client *c = client_new(r, AF_INET);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)net_tls_port(r->net)) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	unblock(c);
	return c;
}

static bool handshake_over(struct rig *r, struct client *c, int64_t arg)
{
	int e, got;

	(void)r, (void)arg;
	ERR_clear_error();
	got = SSL_connect(c->ssl);
	if (got == 1)
		return true;
	e = SSL_get_error(c->ssl, got);
	c->failed = e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE;
	return c->failed;
}

struct client *client_tls(struct rig *r)
{
	struct client *c = client_tcp(r);
	SSL *ssl = SSL_new(r->client_tls);

	assert_non_null(ssl);
	SSL_set_fd(ssl, c->fd);
	c->ssl = ssl;
	c->frozen = true;
	assert_true(rig_until(r, c, handshake_over, 0, 5000));
	c->frozen = false;
	return c;
}

void client_free(struct client *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c->in);
	free(c);
}

static ssize_t read_some(struct client *c, char *p, size_t n)
{
	int got, e;

	if (!c->ssl)
		return read(c->fd, p, n);
	ERR_clear_error();
	got = SSL_read(c->ssl, p, (int)n);
	if (got > 0)
		return got;
	e = SSL_get_error(c->ssl, got);
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	c->clean = e == SSL_ERROR_ZERO_RETURN && (SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN);
	return 0;
}

void client_step(struct client *c)
{
	while (!c->frozen && !c->eof && !c->failed) {
		ssize_t got;
		if (c->cap - c->n < 65536) {
			c->cap = c->cap * 2 + 131072;
			c->in = realloc(c->in, c->cap);
			assert_non_null(c->in);
		}
		got = read_some(c, c->in + c->n, 65536);
		if (got > 0)
			c->n += (size_t)got;
		else if (got == 0 || errno != EAGAIN)
			c->eof = true;
		else
			return;
		c->in[c->n] = '\0';
	}
}

void client_send(struct client *c, const void *p, size_t n)
{
	const char *at = p;
	int64_t until = clock_boot_ms() + 5000;

	while (n > 0 && clock_boot_ms() < until) {
		ssize_t put = c->ssl ? SSL_write(c->ssl, at, (int)n) : send(c->fd, at, n, MSG_NOSIGNAL);
		if (put > 0) {
			at += put;
			n -= (size_t)put;
			continue;
		}
		if (!c->ssl && errno != EAGAIN)
			return; /* the server has closed: what it answered is still there to be read */
		if (c->ssl && SSL_get_error(c->ssl, (int)put) != SSL_ERROR_WANT_WRITE)
			return;
		rig_pump(c->rig);
		client_step(c);
	}
}

void client_text(struct client *c, const char *text)
{
	client_send(c, text, strlen(text));
}

/* ---- reading answers ---- */

/* Length of the complete answer at p, 0 when it is not complete. HEAD is never asked here but for errors. */
static size_t answer_length(const char *p, size_t n)
{
	const char *end = p && n ? memmem(p, n, "\r\n\r\n", 4) : NULL, *length, *chunked, *last;
	size_t head;

	if (!end)
		return 0;
	head = (size_t)(end + 4 - p);
	length = memmem(p, head, "Content-Length: ", 16);
	chunked = memmem(p, head, "Transfer-Encoding: chunked", 26);
	if (chunked) {
		last = memmem(p + head, n - head, "\r\n0\r\n\r\n", 7);
		return last ? (size_t)(last + 7 - p) : 0;
	}
	if (length)
		head += (size_t)strtoull(length + 16, NULL, 10);
	return head <= n ? head : 0;
}

int client_status(const struct client *c, int i)
{
	size_t at = 0, n;

	while ((n = answer_length(c->in + at, c->n - at)) > 0) {
		if (i-- == 0)
			return (int)strtol(c->in + at + 9, NULL, 10);
		at += n;
	}
	return 0;
}

int client_answers(const struct client *c)
{
	int n = 0;

	while (client_status(c, n) != 0)
		n++;
	return n;
}

bool client_saw(const struct client *c, const char *text)
{
	return c->in && c->n > 0 && memmem(c->in, c->n, text, strlen(text)) != NULL;
}

bool has_eof(struct rig *r, struct client *c, int64_t arg)
{
	(void)r, (void)arg;
	return c->eof || c->failed;
}

bool has_answers(struct rig *r, struct client *c, int64_t count)
{
	(void)r;
	return c->eof || c->failed || client_answers(c) >= count;
}

bool has_held(struct rig *r, struct client *c, int64_t count)
{
	(void)c;
	return r->n_held >= count;
}

bool has_gone(struct rig *r, struct client *c, int64_t count)
{
	(void)c;
	return r->gone >= count;
}

int client_ask(struct client *c, const char *request)
{
	int before = client_answers(c);

	client_text(c, request);
	rig_until(c->rig, c, has_answers, before + 1, 5000);
	return client_status(c, before);
}

bool is_quiet(struct rig *r, struct client *c, int64_t arg)
{
	(void)c, (void)arg;
	return net_idle(r->net);
}

void rig_token(char dst[LT_TOKEN_TEXT], int i)
{
	struct lt_token t = { .kind = "user" };

	snprintf(t.public_id, sizeof(t.public_id), "tok%05d", i);
	memset(t.secret, i, sizeof(t.secret));
	lt_token_text(dst, &t);
}

void rig_request(char dst[512], const char *path, int token)
{
	char text[LT_TOKEN_TEXT];

	rig_token(text, token);
	snprintf(dst, 512, "GET %s HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer %s\r\n\r\n", path, text);
}
