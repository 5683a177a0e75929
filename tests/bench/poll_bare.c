/*
 * poll_bare.c - the reference of bench_poll.py: the least that a libevent client can do to poll Modbus/TCP devices.
 *
 * usage: poll_bare ENDPOINTS WARM_SECONDS SECONDS HEX...
 * ENDPOINTS has a line "address port" each. Once a second it sends the given requests to each, one after the other's
 * reply, byte for byte as they are, and reads the reply into a buffer up to the length in its header. Nothing is
 * checked, decoded, timed out or retried. Prints "polls=N cpu_us=N errors=N" for the last SECONDS.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

enum { PEERS_MAX = 4000, FRAMES_MAX = 4, FRAME_MAX = 260 };

struct peer { int fd, step; size_t n; uint8_t in[FRAME_MAX * 2]; struct event *readable, *tick; };

static uint8_t frames[FRAMES_MAX][FRAME_MAX];
static size_t sizes[FRAMES_MAX];
static int n_frames;
static struct peer peers[PEERS_MAX];
static int n_peers;
static long polls, errors;
static struct event_base *base;
static int64_t cpu_from;
static long polls_from;

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void ask(struct peer *p)
{
	p->n = 0;
	if (send(p->fd, frames[p->step], sizes[p->step], MSG_NOSIGNAL) != (ssize_t)sizes[p->step])
		errors++;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval second = { 1, 0 };
	struct peer *p = arg;

	(void)fd, (void)what;
	event_add(p->tick, &second);
	p->step = 0;
	ask(p);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	ssize_t got = recv(fd, p->in + p->n, sizeof(p->in) - p->n, 0);

	(void)what;
	if (got <= 0) {
		errors++;
		event_del(p->readable);
		return;
	}
	p->n += (size_t)got;
	if (p->n < 6 || p->n < 6u + (p->in[4] << 8 | p->in[5]))
		return;
	if (++p->step < n_frames)
		ask(p);
	else
		polls++;
}

static int add_peer(const char *host, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct peer *p = &peers[n_peers];
	const int one = 1;

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || inet_pton(AF_INET, host, &a.sin_addr) != 1 || connect(p->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	p->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	p->tick = evtimer_new(base, on_tick, p);
	n_peers++;
	return p->readable && p->tick ? event_add(p->readable, NULL) : -1;
}

static int read_peers(const char *path)
{
	char host[64];
	FILE *f = fopen(path, "r");
	int port, r = 0;

	if (!f)
		return -1;
	while (r == 0 && n_peers < PEERS_MAX && fscanf(f, "%63s %d", host, &port) == 2)
		r = add_peer(host, port);
	fclose(f);
	return n_peers ? r : -1;
}

static void unhex(const char *text)
{
	unsigned byte;
	size_t n = 0;

	for (; n < FRAME_MAX && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		frames[n_frames][n] = (uint8_t)byte;
	sizes[n_frames++] = n;
}

static void on_warm(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	cpu_from = cpu_us();
	polls_from = polls;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	printf("polls=%ld cpu_us=%lld errors=%ld\n", polls - polls_from, (long long)(cpu_us() - cpu_from), errors);
	event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	const struct rlimit files = { PEERS_MAX + 64, PEERS_MAX + 64 };
	struct timeval warm, end;
	int i;

	if (argc < 5 || argc > 4 + FRAMES_MAX) {
		fputs("usage: poll_bare ENDPOINTS WARM_SECONDS SECONDS HEX...\n", stderr);
		return 2;
	}
	for (i = 4; i < argc; i++)
		unhex(argv[i]);
	setrlimit(RLIMIT_NOFILE, &files);
	base = event_base_new();
	if (!base || read_peers(argv[1]) < 0) {
		fputs("poll_bare: cannot connect\n", stderr);
		return 1;
	}
	for (i = 0; i < n_peers; i++) { /* phases spread over the second */
		struct timeval phase = { 0, (suseconds_t)((int64_t)i * 1000000 / n_peers) };
		evtimer_add(peers[i].tick, &phase);
	}
	warm = (struct timeval){ strtol(argv[2], NULL, 10), 0 };
	end = (struct timeval){ warm.tv_sec + strtol(argv[3], NULL, 10), 0 };
	event_base_once(base, -1, EV_TIMEOUT, on_warm, NULL, &warm);
	event_base_once(base, -1, EV_TIMEOUT, on_end, NULL, &end);
	event_base_dispatch(base);
	return errors ? 1 : 0;
}
