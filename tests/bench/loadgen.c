/*
 * loadgen.c - many clients that book at once, over TLS or the Unix socket; for the benches, the race and kill tests.
 *
 * A thread a client, one keep-alive connection each, one request under way. Each request has an Idempotency-Key and is
 * sent again with the same key, on a new connection if need be, until it is answered (429 and 503 are "not yet") or
 * --retry seconds are over; --pause rests between two requests of a client. Slots: request k books instrument k mod n
 * at start + (k / n) mod slots * step.
 *
 * Prints one line: counts, seconds, requests a second, p50 and p99 in microseconds. --history writes one line a
 * request: key status attempts instrument from to location. Exit: 0, 2 for wrong options, 1 when a request stayed
 * without an answer.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "common/civil.h"
#include "common/fmt.h"

enum { ANSWER_MAX = 1 << 20, NAMES_MAX = 1024, SAMPLES_MAX = 1 << 20 };

struct options {
	const char *unix_path, *host, *port, *get;
	char *tokens[NAMES_MAX], *instruments[NAMES_MAX];
	int n_tokens, n_instruments, clients, retry_s, pause_ms;
	int64_t start_ms, step_ms, slots, count, duration_ms;
	FILE *history;
};

struct worker {
	pthread_t thread;
	int index, fd;
	SSL *ssl;
	char *answer;
	size_t n;
	int64_t statuses[600], retries, unanswered, *us;
	size_t n_us;
};

static struct options o = { .clients = 1, .retry_s = 10, .step_ms = 900000, .slots = INT64_MAX, .count = INT64_MAX };
static SSL_CTX *tls;
static atomic_llong next_request;
static int64_t stop_at;
static uint64_t run_id;
static pthread_mutex_t history_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* ---- connection ---- */

static int dial_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	lt_fmt(a.sun_path, sizeof(a.sun_path), "%s", o.unix_path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int dial_tcp(void)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *a = NULL;
	const int on = 1;
	int fd = -1;

	if (getaddrinfo(o.host, o.port, &want, &a) != 0)
		return -1;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	freeaddrinfo(a);
	return fd;
}

static void hang_up(struct worker *w)
{
	if (w->ssl)
		SSL_free(w->ssl);
	if (w->fd >= 0)
		close(w->fd);
	w->ssl = NULL;
	w->fd = -1;
}

static int dial(struct worker *w)
{
	const struct timeval patience = { 30, 0 };

	if (w->fd >= 0)
		return 0;
	w->fd = o.unix_path ? dial_unix() : dial_tcp();
	if (w->fd < 0)
		return -1;
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (o.unix_path)
		return 0;
	w->ssl = SSL_new(tls);
	if (w->ssl && SSL_set_fd(w->ssl, w->fd) == 1 && SSL_connect(w->ssl) == 1)
		return 0;
	hang_up(w);
	return -1;
}

static ssize_t put(struct worker *w, const char *p, size_t n)
{
	return w->ssl ? SSL_write(w->ssl, p, (int)n) : send(w->fd, p, n, MSG_NOSIGNAL);
}

static ssize_t get(struct worker *w, char *p, size_t n)
{
	return w->ssl ? SSL_read(w->ssl, p, (int)n) : recv(w->fd, p, n, 0);
}

/* ---- one exchange ---- */

/* The value of a header of the answer, up to the line's end; "" when absent. */
static void header(const struct worker *w, const char *name, char *dst, size_t cap)
{
	const char *at = strstr(w->answer, name), *end = at ? strstr(at, "\r\n") : NULL;

	lt_fmt(dst, cap, "%.*s", end ? (int)(end - at - (ptrdiff_t)strlen(name)) : 0, end ? at + strlen(name) : "");
}

/* The status, or -1 when the connection failed. */
static int exchange(struct worker *w, const char *request, size_t n)
{
	char length[24], close_it[16];
	const char *end;
	size_t want = SIZE_MAX;

	if (dial(w) < 0 || put(w, request, n) != (ssize_t)n)
		return -1;
	for (w->n = 0; w->n < want && w->n + 1 < ANSWER_MAX;) {
		ssize_t got = get(w, w->answer + w->n, ANSWER_MAX - 1 - w->n);
		if (got <= 0)
			return -1;
		w->n += (size_t)got;
		w->answer[w->n] = '\0';
		end = want == SIZE_MAX ? strstr(w->answer, "\r\n\r\n") : NULL;
		if (!end)
			continue;
		header(w, "\r\nContent-Length: ", length, sizeof(length));
		want = (size_t)(end + 4 - w->answer) + strtoul(length, NULL, 10);
	}
	header(w, "\r\nConnection: ", close_it, sizeof(close_it));
	if (close_it[0])
		hang_up(w);
	return w->n > 12 ? (int)strtol(w->answer + 9, NULL, 10) : -1;
}

static void pause_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- requests ---- */

struct booking { char key[64], from[40], to[40], text[2048]; const char *instrument; size_t n; };

static void compose(struct booking *b, int64_t k, int worker)
{
	int64_t from = o.start_ms + (k / o.n_instruments) % o.slots * o.step_ms;
	const char *token = o.n_tokens ? o.tokens[worker % o.n_tokens] : NULL;
	char body[512];
	size_t body_n;

	b->instrument = o.instruments[k % o.n_instruments];
	lt_rfc3339(b->from, sizeof(b->from), from, 0);
	lt_rfc3339(b->to, sizeof(b->to), from + o.step_ms, 0);
	lt_fmt(b->key, sizeof(b->key), "load-%llx-%lld", (unsigned long long)run_id, (long long)k);
	body_n = lt_fmt(body, sizeof(body), "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", b->instrument, b->from,
		b->to);
	if (o.get)
		b->n = lt_fmt(b->text, sizeof(b->text), "GET %s HTTP/1.1\r\nHost: lab\r\n%s%s%s\r\n", o.get,
			      token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
	else
		b->n = lt_fmt(b->text, sizeof(b->text),
			      "POST /v1/bookings HTTP/1.1\r\nHost: lab\r\n%s%s%sIdempotency-Key: %s\r\n"
			      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			      token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "", b->key, body_n, body);
}

static void remember(const struct worker *w, const struct booking *b, int status, int attempts)
{
	char location[128] = "";

	if (!o.history)
		return;
	if (status > 0)
		header(w, "\r\nLocation: ", location, sizeof(location));
	pthread_mutex_lock(&history_lock);
	fprintf(o.history, "%s %d %d %s %s %s %s\n", b->key, status, attempts, b->instrument, b->from, b->to,
		location[0] ? location : "-");
	fflush(o.history);
	pthread_mutex_unlock(&history_lock);
}

static void ask(struct worker *w, int64_t k)
{
	int64_t began = now_us(), give_up = began + o.retry_s * INT64_C(1000000);
	struct booking b;
	int status, attempts = 0;

	compose(&b, k, w->index);
	for (;;) {
		status = exchange(w, b.text, b.n);
		attempts++;
		if (status > 0 && status != 429 && status != 503)
			break;
		if (status < 0)
			hang_up(w);
		if (now_us() >= give_up)
			break;
		w->retries++;
		pause_ms(20);
	}
	if (status < 0 || status == 429 || status == 503)
		w->unanswered++;
	w->statuses[status > 0 && status < 600 ? status : 0]++;
	if (w->n_us < SAMPLES_MAX / (size_t)o.clients)
		w->us[w->n_us++] = now_us() - began;
	remember(w, &b, status, attempts);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		int64_t k = atomic_fetch_add(&next_request, 1);
		if (k >= o.count || (stop_at && now_us() >= stop_at))
			break;
		ask(w, k);
		if (o.pause_ms)
			pause_ms(o.pause_ms);
	}
	hang_up(w);
	return NULL;
}

/* ---- sums ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int report(struct worker *w, int64_t took_us)
{
	int64_t total = 0, retries = 0, unanswered = 0, statuses[600] = { 0 };
	int64_t *all = malloc(SAMPLES_MAX * sizeof(*all));
	size_t n = 0;
	int i, s;

	if (!all)
		return 1;
	for (i = 0; i < o.clients; i++) {
		memcpy(all + n, w[i].us, w[i].n_us * sizeof(*all));
		n += w[i].n_us;
		retries += w[i].retries;
		unanswered += w[i].unanswered;
		for (s = 0; s < 600; s++)
			statuses[s] += w[i].statuses[s];
	}
	qsort(all, n, sizeof(*all), by_value);
	for (s = 0; s < 600; s++)
		total += statuses[s];
	printf("requests=%lld retries=%lld unanswered=%lld seconds=%lld.%03lld rps=%lld p50_us=%lld p99_us=%lld "
		"max_us=%lld", (long long)total, (long long)retries, (long long)unanswered, (long long)(took_us / 1000000),
	       (long long)(took_us / 1000 % 1000), (long long)(took_us > 0 ? total * 1000000 / took_us : 0),
	       (long long)(n ? all[n / 2] : 0), (long long)(n ? all[n * 99 / 100] : 0), (long long)(n ? all[n - 1] : 0));
	for (s = 0; s < 600; s++)
		if (statuses[s])
			printf(" status_%d=%lld", s, (long long)statuses[s]);
	putchar('\n');
	free(all);
	return unanswered ? 1 : 0;
}

/* ---- options ---- */

static int split(char *text, const char *by, char *dst[NAMES_MAX])
{
	char *rest = text, *word;
	int n = 0;

	while ((word = strsep(&rest, by)) != NULL && n < NAMES_MAX)
		if (*word)
			dst[n++] = word;
	return n;
}

static int read_tokens(const char *path)
{
	static char text[NAMES_MAX * 100];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	o.n_tokens = split(text, "\n\r \t", o.tokens);
	return o.n_tokens > 0 ? 0 : -1;
}

static bool number(const char *text, int64_t max, int64_t *ret)
{
	return lt_parse_i64(text, 1, max, ret);
}

static const struct option names[] = {
	{ "unix", 1, NULL, 'u' }, { "tls", 1, NULL, 't' }, { "tokens", 1, NULL, 'k' }, { "instruments", 1, NULL, 'i' },
	{ "clients", 1, NULL, 'c' }, { "count", 1, NULL, 'n' }, { "seconds", 1, NULL, 's' }, { "start", 1, NULL, 'f' },
	{ "step", 1, NULL, 'p' }, { "slots", 1, NULL, 'l' }, { "retry", 1, NULL, 'r' }, { "history", 1, NULL, 'h' },
	{ "get", 1, NULL, 'g' }, { "pause", 1, NULL, 'w' }, { 0 },
};

static bool set(int c, char *value)
{
	char *colon = c == 't' ? strrchr(value, ':') : NULL;
	int64_t x = 0;
	bool ok = true;

	switch (c) {
	case 'u': o.unix_path = value; break;
	case 't':
		ok = colon != NULL;
		if (ok) {
			*colon = '\0';
			o.host = value;
			o.port = colon + 1;
		}
		break;
	case 'k': ok = read_tokens(value) == 0; break;
	case 'i': o.n_instruments = split(value, ",", o.instruments); break;
	case 'c': ok = number(value, 4096, &x); o.clients = (int)x; break;
	case 'n': ok = number(value, INT64_MAX, &o.count); break;
	case 's': ok = number(value, 86400, &x); o.duration_ms = x * 1000; break;
	case 'f': ok = lt_rfc3339_parse(value, &o.start_ms); break;
	case 'p': ok = number(value, 86400, &x); o.step_ms = x * 1000; break;
	case 'l': ok = number(value, INT64_MAX, &o.slots); break;
	case 'r': ok = number(value, 3600, &x); o.retry_s = (int)x; break;
	case 'w': ok = number(value, 60000, &x); o.pause_ms = (int)x; break;
	case 'h': o.history = fopen(value, "w"); ok = o.history != NULL; break;
	case 'g': o.get = value; break;
	default: return false;
	}
	if (!ok)
		fprintf(stderr, "loadgen: cannot use \"%s\"\n", value);
	return ok;
}

static bool parse(int argc, char **argv)
{
	static char none[] = "-";
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (!set(c, optarg))
			return false;
	if (o.get && o.n_instruments == 0)
		o.instruments[o.n_instruments++] = none;
	return (o.unix_path || o.host) && o.n_instruments > 0 && (o.get || o.start_ms > 0) &&
		(o.count != INT64_MAX || o.duration_ms > 0) && optind == argc;
}

static bool start_worker(struct worker *w, int i)
{
	w->index = i;
	w->fd = -1;
	w->answer = malloc(ANSWER_MAX);
	w->us = calloc(SAMPLES_MAX / (size_t)o.clients, sizeof(*w->us));
	return w->answer && w->us && pthread_create(&w->thread, NULL, work, w) == 0;
}

int main(int argc, char **argv)
{
	struct worker *w;
	int64_t began;
	int i, r;

	if (!parse(argc, argv)) {
		fputs("loadgen (--unix PATH | --tls ADDRESS:PORT) (--count N | --seconds S) [--clients N] [--tokens FILE]\n"
		      "        (--get PATH | --instruments A,B --start RFC3339 [--step SECONDS] [--slots N])\n"
		      "        [--retry SECONDS] [--history FILE] [--pause MILLISECONDS]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	w = calloc((size_t)o.clients, sizeof(*w));
	tls = SSL_CTX_new(TLS_client_method());
	if (!w || !tls || getrandom(&run_id, sizeof(run_id), 0) != (ssize_t)sizeof(run_id))
		return 1;
	began = now_us();
	stop_at = o.duration_ms ? began + o.duration_ms * 1000 : 0;
	for (i = 0; i < o.clients; i++)
		if (!start_worker(&w[i], i))
			return 1;
	for (i = 0; i < o.clients; i++)
		pthread_join(w[i].thread, NULL);
	r = report(w, now_us() - began);
	for (i = 0; i < o.clients; i++) {
		free(w[i].answer);
		free(w[i].us);
	}
	free(w);
	SSL_CTX_free(tls);
	if (o.history)
		fclose(o.history);
	return r;
}
