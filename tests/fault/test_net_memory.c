/*
 * test_net_memory.c - the n-th allocation of the HTTP side fails, for n = 1, 2, 3 ... until a round passes without.
 *
 * Covers our own allocations (the linker's --wrap) and OpenSSL's (its hook); libevent 2.1.12 does not survive a failure
 * while it makes a bufferevent, so its own are left out. A failure may cost the connection that met it; it must not end
 * the process, leave anything behind, put a byte in clear on the TLS port, or harm the connection that comes next.
 * test_net_memory STRIDE: every STRIDE-th allocation (5 by default; 1 takes a minute).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "net_rig.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
char *__wrap_strdup(const char *s);

static bool armed;
static long stride = 5;
static long countdown;             /* 0: nothing fails */

/* A place for a debugger to stop at. */
static __attribute__((noinline)) bool now_it_fails(void)
{
	__asm__ volatile("" ::: "memory");
	return true;
}

static bool fails(void)
{
	return armed && countdown > 0 && --countdown == 0 && now_it_fails();
}

static void arm(bool on)
{
	armed = on;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static void *ssl_malloc(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return fails() ? NULL : __real_malloc(n);
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return n > 0 && fails() ? NULL : realloc(p, n);
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

static void ask(struct client *c, const char *request)
{
	if (!c->failed && !c->eof) {
		client_text(c, request);
		rig_until(c->rig, c, has_answers, client_answers(c) + 1, 1000);
	}
}

static void talk(struct rig *r)
{
	static const char post[] = "POST /v1/echo?a=b HTTP/1.1\r\nHost: lab\r\nContent-Length: 2\r\n\r\n{}";
	static const char stream[] = "GET /v1/stream?200000 HTTP/1.1\r\nHost: lab\r\n\r\n";
	struct client *c = client_tls(r);

	ask(c, post);
	ask(c, stream);
	client_free(c);
	c = client_unix(r);
	ask(c, post);
	ask(c, "GET /metrics HTTP/1.1\r\nHost: lab\r\n\r\n");
	client_free(c);
	c = client_tcp(r);
	client_text(c, "GET /livez HTTP/1.1\r\nHost: lab\r\n\r\n");
	rig_until(r, c, has_eof, 0, 1000);
	assert_false(client_saw(c, "HTTP/"));
	client_free(c);
}

static bool is_empty(struct rig *r, struct client *c, int64_t arg)
{
	(void)c, (void)arg;
	return net_idle(r->net) && net_connections(r->net) == 0;
}

static void every_allocation_may_fail(void **state)
{
	const struct net_options o = { .deadline_ms = 200, .idle_ms = 200, .window_ms = 200, .peer_rate = -1,
		.token_rate = -1 };
	struct client *c;
	struct rig r;
	long n;

	(void)state;
	rig_start(&r, &o);
	rig_arm = arm;
	for (n = 1; n < 20000; n += stride) {
		bool over;
		countdown = n;
		talk(&r);
		over = countdown > 0;
		countdown = 0;
		if (!rig_until(&r, NULL, is_empty, 0, 3000))
			fail_msg("allocation %ld: %d connections left", n, net_connections(r.net));
		c = client_tls(&r);
		if (c->failed || client_ask(c, "GET /v1/echo HTTP/1.1\r\nHost: lab\r\n\r\n") != 200)
			fail_msg("allocation %ld: the next connection fails", n);
		client_free(c);
		if (over)
			break;
	}
	rig_arm = NULL;
	print_message("# %ld allocations a round, each %ldth failed once\n", n - 1, stride);
	assert_true(n > 100 && n < 20000);
	rig_stop(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };

	if (argc > 1)
		stride = strtol(argv[1], NULL, 10);
	if (stride < 1)
		return 2;
	if (CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free) != 1)
		return 1;
	return cmocka_run_group_tests_name("net_memory", tests, NULL, NULL);
}
