/*
 * link.c - the connection to one endpoint. Every transition of its state is in enter().
 *
 * Owns the descriptor, its watcher and one timer. Replies are told apart by our own transaction id: a late one is
 * dropped and the connection stays. What cannot be a reply closes the connection. A peer that closes an idle
 * connection did nothing wrong: the next request connects again, without backoff. Backoff is for an endpoint that takes
 * no connection; what a unit behind it answers, or does not, is the unit's affair (engine.c).
 */
#include "drivers/modbus/link.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/modbus/schedule.h"

#define CONNECT_MS 2000
#define SILENT_CLOSE 3        /* timeouts in a row, over all unit ids, before the connection is thought dead ... */
#define SILENT_MS 2000        /* ... when nothing came for so long: a slow reply outlasts a short timeout */
#define LATE_MOST 16          /* requests that timed out whose late replies are still known */
#define STRAYS_MOST 200       /* frames nobody asked for since the last good reply */

enum state { DOWN, CONNECTING, IDLE, PACING, WAITING, FAILING };

struct link {
	struct loop *loop;
	struct modbus_codec *codec;
	struct sockaddr_storage address;
	socklen_t address_size;
	enum state state;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *timer;
	uint8_t in[MODBUS_FRAME_MAX * 2];
	size_t n_in;
	struct modbus_request request;
	struct link_terms terms;
	size_t sent;
	link_done *done;
	void *arg;
	uint16_t id;
	bool reused, retried;         /* the connection carried a reply before; this request was sent anew */
	int failures;                 /* connections in a row that did not come about */
	int timeouts, strays;
	int64_t retry_at;             /* no connection is tried before this; set when one fails */
	int64_t silent_since;         /* BOOTTIME ms: the first request since its last sign of life */
	int64_t sent_at, last_reply_at;
	const char *why;              /* of the last failed connection */
	struct link_reply failing;    /* FAILING: what the timer will report */
	struct { uint16_t id; uint8_t unit; int64_t sent_at; } unanswered[LATE_MOST]; /* timed out here; sent_at 0: none */
	unsigned n_unanswered;        /* ever; the oldest is overwritten */
	link_late *late;
	void *late_arg;
	struct reserve *reserve;
	uint64_t random;
	struct link_stats stats;
};

static void on_ready(void *arg, unsigned what);
static void on_timer(void *arg);
static void start(struct link *k);

const char *link_result_name(enum link_result r)
{
	static const char *const names[LINK_RESULTS] = { "good", "exception", "timeout", "unreachable", "lost",
		"bad_frame" };

	return names[r];
}

static uint64_t next_random(struct link *k)
{
	k->random ^= k->random << 13;
	k->random ^= k->random >> 7;
	k->random ^= k->random << 17;
	return k->random;
}

struct link *link_new(struct loop *l, struct modbus_codec *c, const char *host, uint16_t port, uint64_t seed,
	struct lt_err *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *found = NULL;
	struct link *k = calloc(1, sizeof(*k));
	char service[8];

	lt_fmt(service, sizeof(service), "%u", port);
	if (!k || getaddrinfo(host, service, &hints, &found) != 0) {
		free(k);
		lt_err_set(err, "bad-address", host, "is not a numeric address");
		return NULL;
	}
	memcpy(&k->address, found->ai_addr, found->ai_addrlen);
	k->address_size = found->ai_addrlen;
	freeaddrinfo(found);
	k->loop = l;
	k->codec = c;
	k->fd = -1;
	k->why = "";
	k->random = seed | 1;
	k->id = (uint16_t)next_random(k);
	k->timer = loop_timer_new(l, LOOP_METER, on_timer, k);
	if (!k->timer) {
		free(k);
		lt_err_set(err, "no-memory", "", "out of memory");
		return NULL;
	}
	return k;
}

static void disconnect(struct link *k)
{
	k->watch = loop_fd_free(k->watch);
	if (k->fd >= 0) {
		close(k->fd);
		reserve_fill(k->reserve);
	}
	k->fd = -1;
	k->n_in = 0;
	k->reused = false;
	memset(k->unanswered, 0, sizeof(k->unanswered));
}

struct link *link_free(struct link *k)
{
	if (!k)
		return NULL;
	disconnect(k);
	loop_timer_free(k->timer);
	free(k);
	return NULL;
}

bool link_busy(const struct link *k)
{
	return k->done != NULL;
}

int64_t link_retry_at(const struct link *k)
{
	return k->state == DOWN && k->retry_at > clock_boot_ms() ? k->retry_at : 0;
}

void link_retry_now(struct link *k)
{
	k->retry_at = 0;
}

int link_failures(const struct link *k)
{
	return k->failures;
}

void link_on_late(struct link *k, link_late *late, void *arg)
{
	k->late = late;
	k->late_arg = arg;
}

void link_use_reserve(struct link *k, struct reserve *r)
{
	k->reserve = r;
}

const struct link_stats *link_stats(const struct link *k)
{
	return &k->stats;
}

static void enter(struct link *k, enum state s)
{
	static const unsigned wants[] = { [CONNECTING] = LOOP_WRITE, [IDLE] = LOOP_READ, [PACING] = LOOP_READ,
		[WAITING] = LOOP_READ,
					 [FAILING] = 0 };

	k->state = s;
	if (s == DOWN)
		disconnect(k);
	if (s == DOWN || s == IDLE)
		loop_timer_clear(k->timer);
	if (s == FAILING)
		loop_timer_after(k->timer, 0);
	if (k->watch)
		loop_fd_want(k->watch, s == WAITING && k->sent < k->request.size ? LOOP_READ | LOOP_WRITE : wants[s]);
}

/* Ends the request. Nobody may touch the link's request after this: done may send the next one. */
static void finish(struct link *k, const struct link_reply *reply)
{
	link_done *done = k->done;

	k->stats.results[reply->result]++;
	k->done = NULL;
	if (done)
		done(k->arg, reply);
}

/* The connection is useless: close it and tell whoever still waits. If it never came about, the next one waits. */
static void fail(struct link *k, enum link_result r, const char *why)
{
	struct link_reply reply = { .result = r, .why = why };
	bool asked = k->done && k->state != IDLE; /* IDLE: it has its answer already */

	enter(k, DOWN);
	if (r == LINK_UNREACHABLE) {
		k->why = why;
		k->retry_at = clock_boot_ms() + schedule_backoff(++k->failures, next_random(k));
	}
	if (asked)
		finish(k, &reply);
}

static void fail_later(struct link *k, const char *why)
{
	k->failing = (struct link_reply){ .result = LINK_UNREACHABLE, .why = why };
	enter(k, FAILING);
}

static void flush_request(struct link *k)
{
	while (k->sent < k->request.size) {
		ssize_t n = send(k->fd, k->request.frame + k->sent, k->request.size - k->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0)
			break; /* the read side will see the end and knows whether to try again */
		k->sent += (size_t)n;
	}
	enter(k, WAITING);
}

/* A gateway whose ids cannot be trusted: what is there now cannot be the answer to what is sent next. */
static void drain(struct link *k)
{
	uint8_t junk[512];
	int rounds = 0;

	k->n_in = 0;
	while (rounds++ < 64 && recv(k->fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
}

static void send_now(struct link *k)
{
	if (++k->id == 0)
		k->id = 1; /* devices that do not copy the id answer 0 */
	k->request.frame[0] = (uint8_t)(k->id >> 8);
	k->request.frame[1] = (uint8_t)k->id;
	k->sent = 0;
	if (k->terms.tid_any)
		drain(k);
	k->sent_at = clock_boot_us();
	loop_timer_after(k->timer, k->terms.timeout_ms);
	flush_request(k);
}

static void send_paced(struct link *k)
{
	int64_t wait = k->last_reply_at ? k->last_reply_at + k->terms.pace_ms - clock_boot_ms() : 0;

	if (k->terms.pace_ms > 0 && wait > 0) {
		enter(k, PACING);
		loop_timer_after(k->timer, wait);
		return;
	}
	send_now(k);
}

static void start(struct link *k)
{
	int one = 1;

	k->fd = reserve_socket(k->reserve, k->address.ss_family);
	if (k->fd < 0) {
		fail_later(k, "no descriptor for the connection");
		return;
	}
	setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	k->watch = loop_fd_new(k->loop, k->fd, LOOP_METER, on_ready, k);
	if (!k->watch || (connect(k->fd, (struct sockaddr *)&k->address, k->address_size) < 0 && errno != EINPROGRESS)) {
		fail_later(k, "the connection was refused");
		return;
	}
	k->stats.connects++;
	k->strays = 0;
	enter(k, CONNECTING);
	loop_timer_after(k->timer, k->terms.timeout_ms > CONNECT_MS ? k->terms.timeout_ms : CONNECT_MS);
}

void link_send(struct link *k, const struct modbus_request *r, const struct link_terms *t, link_done *done, void *arg)
{
	assert(!k->done && done);
	k->request = *r;
	k->terms = *t;
	k->done = done;
	k->arg = arg;
	k->retried = false;
	k->sent = 0;
	if (k->state == IDLE)
		send_paced(k);
	else if (k->state == DOWN && link_retry_at(k) == 0)
		start(k);
	else if (k->state == DOWN)
		fail_later(k, k->why);
	/* CONNECTING or WAITING with a cancelled request: cannot be, link_cancel left IDLE or DOWN */
}

void link_cancel(struct link *k)
{
	if (!k->done)
		return;
	k->done = NULL;
	if (k->state == CONNECTING || k->state == FAILING || k->terms.tid_any ||
			(k->state == WAITING && k->sent < k->request.size))
		enter(k, DOWN);
	else
		enter(k, IDLE);
}

void link_close(struct link *k)
{
	if (!k->done && k->state == IDLE)
		enter(k, DOWN);
}

/* The end of the stream, or an error on it. */
static void on_end(struct link *k, const char *why)
{
	if (k->state == IDLE || k->state == PACING) {
		bool pending = k->state == PACING;
		enter(k, DOWN);
		if (pending)
			start(k);
		return;
	}
	if (k->state == WAITING && k->reused && !k->retried && k->n_in == 0) {
		k->retried = true; /* it was closed while idle and the request crossed with that */
		enter(k, DOWN);
		start(k);
		return;
	}
	fail(k, k->state == CONNECTING ? LINK_UNREACHABLE : LINK_LOST, why);
}

enum verdict { FRAME_STRAY, FRAME_ANSWER, FRAME_FATAL };

/* The reply to a request that timed out came after all: its unit is slow, not dead. */
static void note_late(struct link *k, const uint8_t *frame)
{
	for (int i = 0; i < LATE_MOST; i++) {
		int64_t sent_at = k->unanswered[i].sent_at;
		if (sent_at == 0 || (frame[0] << 8 | frame[1]) != k->unanswered[i].id || frame[6] != k->unanswered[i].unit)
			continue;
		k->unanswered[i].sent_at = 0;
		k->timeouts = 0; /* the connection lives */
		if (k->late)
			k->late(k->late_arg, frame[6], (clock_boot_us() - sent_at + 999) / 1000);
		return;
	}
}

/* One whole frame. FRAME_ANSWER: *ret is filled and the link is idle. FRAME_FATAL: the connection is gone. */
static enum verdict on_frame(struct link *k, uint8_t *frame, size_t n, struct link_reply *ret)
{
	int64_t now = clock_boot_us();
	bool ours = k->state == WAITING && k->sent == k->request.size && k->done &&
		    (k->terms.tid_any || (frame[0] == k->request.frame[0] && frame[1] == k->request.frame[1]));
	int r;

	*ret = (struct link_reply){ .result = LINK_GOOD, .why = "" };
	if (!ours) {
		k->stats.strays++;
		note_late(k, frame);
		if (++k->strays <= STRAYS_MOST)
			return FRAME_STRAY;
		fail(k, LINK_BAD_FRAME, "the peer sends replies that nobody asked for");
		return FRAME_FATAL;
	}
	r = modbus_decode(k->codec, &k->request, k->terms.unit_any, frame, n, &ret->data, &ret->size, &ret->why);
	if (r < 0) {
		fail(k, LINK_BAD_FRAME, ret->why);
		return FRAME_FATAL;
	}
	if (r > 0) {
		ret->result = LINK_EXCEPTION;
		ret->exception = r;
		ret->why = "the device answered with a Modbus exception";
	}
	ret->rtt_ms = (now - k->sent_at + 999) / 1000;
	k->timeouts = k->strays = 0;
	k->reused = true;
	k->last_reply_at = clock_boot_ms();
	enter(k, IDLE);
	return FRAME_ANSWER;
}

/* Takes whole frames from the front of the buffer; the answer is told last, because done may send, close or cancel. */
static void parse(struct link *k)
{
	uint8_t answer[MODBUS_FRAME_MAX], stray[MODBUS_FRAME_MAX];
	struct link_reply reply, ignored;
	bool answered = false;
	int n;

	while ((n = modbus_gate(k->in, k->n_in)) > 0 && (size_t)n <= k->n_in) {
		uint8_t *frame = answered ? stray : answer;
		enum verdict v;
		memcpy(frame, k->in, (size_t)n);
		k->n_in -= (size_t)n;
		memmove(k->in, k->in + n, k->n_in);
		v = on_frame(k, frame, (size_t)n, answered ? &ignored : &reply);
		if (v == FRAME_FATAL)
			break;
		answered = answered || v == FRAME_ANSWER;
	}
	if (n < 0)
		fail(k, LINK_BAD_FRAME, "the peer sent bytes that are no Modbus/TCP reply");
	if (answered)
		finish(k, &reply);
}

static void on_readable(struct link *k)
{
	ssize_t n = recv(k->fd, k->in + k->n_in, sizeof(k->in) - k->n_in, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_end(k, n == 0 ? "the peer closed the connection" : "the connection broke");
		return;
	}
	k->n_in += (size_t)n;
	parse(k);
}

static void on_connected(struct link *k)
{
	int why = 0;
	socklen_t size = sizeof(why);

	if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &why, &size) < 0 || why != 0) {
		fail(k, LINK_UNREACHABLE, why == ECONNREFUSED ? "the connection was refused" : "the connection failed");
		return;
	}
	k->failures = 0;
	send_paced(k);
}

static void on_ready(void *arg, unsigned what)
{
	struct link *k = arg;

	if (k->state == CONNECTING) {
		on_connected(k);
		return;
	}
	if ((what & LOOP_WRITE) && k->state == WAITING)
		flush_request(k);
	if (what & LOOP_READ)
		on_readable(k);
}

static bool seems_dead(const struct link *k)
{
	return k->timeouts >= SILENT_CLOSE && clock_boot_ms() >= k->silent_since + SILENT_MS;
}

static void on_reply_timeout(struct link *k)
{
	struct link_reply reply = { .result = LINK_TIMEOUT, .why = "no reply in time" };

	if (k->timeouts++ == 0)
		k->silent_since = k->sent_at / 1000;
	if (k->terms.tid_any || seems_dead(k) || k->sent < k->request.size || k->n_in > 0) {
		k->timeouts = 0;
		fail(k, LINK_TIMEOUT, k->n_in ? "the reply stopped in the middle" : "no reply in time");
		return;
	}
	k->unanswered[k->n_unanswered % LATE_MOST].id = k->id;
	k->unanswered[k->n_unanswered % LATE_MOST].unit = k->request.frame[6];
	k->unanswered[k->n_unanswered++ % LATE_MOST].sent_at = k->sent_at;
	enter(k, IDLE);
	finish(k, &reply);
}

static void on_timer(void *arg)
{
	struct link *k = arg;
	struct link_reply reply;

	switch (k->state) {
	case CONNECTING:
		fail(k, LINK_UNREACHABLE, "no connection in time");
		return;
	case PACING:
		send_now(k);
		return;
	case WAITING:
		on_reply_timeout(k);
		return;
	case FAILING:
		reply = k->failing;
		if (k->fd >= 0 || k->retry_at <= clock_boot_ms()) {
			fail(k, reply.result, reply.why);
		} else { /* nothing was tried, nothing failed */
			enter(k, DOWN);
			finish(k, &reply);
		}
		return;
	case DOWN: case IDLE:
		return;
	}
}
