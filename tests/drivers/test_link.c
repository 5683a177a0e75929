/*
 * test_link.c - a link against a scripted peer: replies in random pieces, strays before and after, half replies,
 * resets, late replies, random bytes. Every answer that is good holds the very registers that were asked for.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include <event2/event.h>
#include <netinet/tcp.h>

#include "base/base.h"
#include "drivers/modbus/link.h"

enum mode { WHOLE, PIECES, STRAYS_FIRST, STRAYS_AFTER, LATE, HALF, GARBAGE, WRONG_UNIT, SILENT, CLOSE, MODES };

static uint64_t peer_seed = 0x2545F4914F6CDD1D, seed = 0x9E3779B97F4A7C15;

static uint32_t step(uint64_t *s, uint32_t n)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)((*s >> 9) % n);
}

struct peer { int listener; uint16_t port; _Atomic int mode; /* MODES: at random */ };

static size_t build(const uint8_t *q, uint8_t *dst, int lie)
{
	unsigned address = (unsigned)(q[8] << 8 | q[9]), count = (unsigned)(q[10] << 8 | q[11]);

	memcpy(dst, q, 8);
	dst[1] = (uint8_t)(dst[1] - lie);
	dst[4] = (uint8_t)((3 + 2 * count) >> 8);
	dst[5] = (uint8_t)(3 + 2 * count);
	dst[8] = (uint8_t)(2 * count);
	for (unsigned i = 0; i < count; i++) {
		unsigned v = (address + i) * 7 + (unsigned)lie * 1000;
		dst[9 + 2 * i] = (uint8_t)(v >> 8);
		dst[10 + 2 * i] = (uint8_t)v;
	}
	return 9 + 2 * count;
}

static void send_pieces(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		size_t k = 1 + step(&peer_seed, (uint32_t)(n < 20 ? n : 20));
		if (k > n)
			k = n;
		if (send(fd, p, k, MSG_NOSIGNAL) < 0)
			return;
		p += k;
		n -= k;
		if (step(&peer_seed, 3) == 0)
			sched_yield();
	}
}

/* False: the connection is to be closed. */
static bool misbehave(int fd, const uint8_t *q, int mode, uint8_t *late, size_t *n_late)
{
	uint8_t reply[300], other[300];
	size_t n = build(q, reply, 0), m = build(q, other, 1 + (int)step(&peer_seed, 9));

	if (*n_late)
		send_pieces(fd, late, *n_late);
	*n_late = 0;
	switch (mode) {
	case WHOLE:
		send(fd, reply, n, MSG_NOSIGNAL);
		return true;
	case PIECES:
		send_pieces(fd, reply, n);
		return true;
	case STRAYS_FIRST:
		for (uint32_t i = 0; i <= step(&peer_seed, 5); i++)
			send_pieces(fd, other, m);
		send_pieces(fd, reply, n);
		return true;
	case STRAYS_AFTER:
		memcpy(other, reply, n);
		for (uint32_t i = 0; i <= 2 + step(&peer_seed, 20); i++)
			send(fd, other, n, MSG_NOSIGNAL);
		return true;
	case LATE:
		memcpy(late, reply, n);
		*n_late = n;
		return true;
	case HALF:
		send_pieces(fd, reply, n / 2);
		return false;
	case GARBAGE:
		for (size_t i = 0; i < sizeof(other); i++)
			other[i] = (uint8_t)step(&peer_seed, 256);
		send(fd, other, sizeof(other), MSG_NOSIGNAL);
		return true;
	case WRONG_UNIT:
		reply[6]++;
		send(fd, reply, n, MSG_NOSIGNAL);
		return true;
	case SILENT:
		return true;
	default:
		return false;
	}
}

static void *serve(void *arg)
{
	struct peer *p = arg;
	int fd, one = 1;

	while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
		uint8_t q[12], late[300];
		size_t n_late = 0;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while (recv(fd, q, sizeof(q), MSG_WAITALL) == (ssize_t)sizeof(q)) {
			int mode = p->mode == MODES ? (step(&peer_seed, 3) ? (int)step(&peer_seed, LATE) : (int)step(&peer_seed,
				MODES)) : p->mode;
			if (!misbehave(fd, q, mode, late, &n_late))
				break;
		}
		close(fd);
	}
	return NULL;
}

static struct modbus_codec *codec;
static struct loop *loop;
static struct peer peer;
static pthread_t thread;

struct answer { bool done; enum link_result result; size_t size; uint8_t data[260]; };

static void on_answer(void *arg, const struct link_reply *r)
{
	struct answer *a = arg;

	a->done = true;
	a->result = r->result;
	a->size = r->size;
	if (r->result == LINK_GOOD)
		memcpy(a->data, r->data, r->size);
	else
		assert_true(r->why[0] != '\0');
}

static bool wait_for(const bool *done, int64_t ms)
{
	int64_t end = clock_boot_ms() + ms;

	struct timeval tick = { 0, 2000 };

	while (!*done && clock_boot_ms() < end) {
		event_base_loopexit(loop_base(loop), &tick);
		event_base_dispatch(loop_base(loop));
	}
	return *done;
}

static void ask(struct link *k, uint16_t address, uint16_t count, struct answer *a)
{
	struct link_terms t = { .timeout_ms = 60 };
	struct modbus_request r;
	bool never = false;
	int64_t retry;

	*a = (struct answer){ 0 };
	while ((retry = link_retry_at(k)))
		wait_for(&never, retry - clock_boot_ms() + 1);
	assert_int_equal(modbus_encode_read(codec, 5, &(struct lt_read){ 3, address, count }, &r), 0);
	link_send(k, &r, &t, on_answer, a);
	assert_true(link_busy(k));
	assert_true(wait_for(&a->done, 5000));
	assert_false(link_busy(k));
}

static bool right(const struct answer *a, uint16_t address, uint16_t count)
{
	if (a->size != 2u * count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if ((unsigned)(a->data[2 * i] << 8 | a->data[2 * i + 1]) != (((address + i) * 7) & 0xFFFF))
			return false;
	return true;
}

static void no_wrong_register_ever(void **state)
{
	struct lt_err err;
	struct link *k = link_new(loop, codec, "127.0.0.1", peer.port, 3, &err);
	int good = 0, bad = 0;

	assert_non_null(k);
	peer.mode = MODES;
	for (int i = 0; i < 200; i++) {
		uint16_t address = (uint16_t)step(&seed, 900), count = (uint16_t)(1 + step(&seed, 125));
		struct answer a;
		ask(k, address, count, &a);
		if (a.result != LINK_GOOD) {
			bad++;
			continue;
		}
		assert_true(right(&a, address, count));
		good++;
	}
	assert_true(good > 120 && bad > 8);
	link_free(k);
}

static void each_defect_has_its_name(void **state)
{
	static const struct { enum mode mode; enum link_result result; } rows[] = {
		{ WHOLE, LINK_GOOD }, { PIECES, LINK_GOOD }, { STRAYS_FIRST, LINK_GOOD }, { STRAYS_AFTER, LINK_GOOD }, { SILENT, LINK_TIMEOUT },
		{ LATE, LINK_TIMEOUT }, { GARBAGE, LINK_BAD_FRAME }, { WRONG_UNIT, LINK_BAD_FRAME }, { HALF, LINK_LOST }, { CLOSE, LINK_LOST },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lt_err err;
		struct link *k = link_new(loop, codec, "127.0.0.1", peer.port, 3, &err);
		struct answer a;
		peer.mode = rows[i].mode;
		ask(k, 40, 20, &a);
		if (a.result != rows[i].result)
			fail_msg("mode %d: %s", rows[i].mode, link_result_name(a.result));
		peer.mode = PIECES;
		ask(k, 41, 20, &a);
		assert_int_equal(a.result, LINK_GOOD);
		assert_true(right(&a, 41, 20));
		link_free(k);
	}
}

static void a_late_reply_costs_one_poll(void **state)
{
	struct lt_err err;
	struct link *k = link_new(loop, codec, "127.0.0.1", peer.port, 3, &err);
	struct answer a;

	peer.mode = LATE;
	ask(k, 100, 10, &a);
	assert_int_equal(a.result, LINK_TIMEOUT);
	peer.mode = WHOLE;
	for (uint16_t i = 0; i < 10; i++) {
		ask(k, (uint16_t)(200 + i), 10, &a);
		assert_int_equal(a.result, LINK_GOOD);
		assert_true(right(&a, (uint16_t)(200 + i), 10));
	}
	assert_true(link_stats(k)->connects == 1 && link_stats(k)->strays == 1);
	link_free(k);
}

static void unreachable_backs_off(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct lt_err err;
	struct modbus_request r;
	int64_t last = 0;
	struct link *k;

	assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0); /* bound, not listening: refused */
	assert_return_code(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	k = link_new(loop, codec, "127.0.0.1", ntohs(a.sin_port), 11, &err);
	assert_int_equal(modbus_encode_read(codec, 1, &(struct lt_read){ 3, 0, 1 }, &r), 0);
	for (int i = 0; i < 4; i++) {
		struct answer got;
		int64_t wait;
		ask(k, 0, 1, &got);
		assert_int_equal(got.result, LINK_UNREACHABLE);
		wait = link_retry_at(k) - clock_boot_ms();
		assert_true(wait > last / 2 && wait <= (INT64_C(250) << i) * 5 / 4 + 1);
		last = wait;
		got = (struct answer){ 0 };
		link_send(k, &r, &(struct link_terms){ .timeout_ms = 50 }, on_answer, &got); /* in backoff: told at once */
		assert_true(wait_for(&got.done, 50));
		assert_int_equal(got.result, LINK_UNREACHABLE);
	}
	assert_null(link_new(loop, codec, "plc.example", 502, 1, &err)); /* names would block: numeric only */
	link_free(k);
	close(fd);
}

static int setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	struct lt_err err;

	signal(SIGPIPE, SIG_IGN);
	codec = modbus_codec_new(&err);
	loop = loop_new();
	peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!codec || !loop || bind(peer.listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(peer.listener, 16) < 0 ||
	    getsockname(peer.listener, (struct sockaddr *)&a, &size) < 0)
		return -1;
	peer.port = ntohs(a.sin_port);
	return pthread_create(&thread, NULL, serve, &peer);
}

static int teardown(void **state)
{
	shutdown(peer.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(peer.listener);
	loop_free(loop);
	codec = modbus_codec_free(codec);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_defect_has_its_name), cmocka_unit_test(a_late_reply_costs_one_poll),
		cmocka_unit_test(unreachable_backs_off), cmocka_unit_test(no_wrong_register_ever),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
