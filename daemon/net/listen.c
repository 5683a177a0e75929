/*
 * listen.c - the Unix and the TLS listener: bind, accept, the connection cap, and rest after an accept error.
 *
 * Owns the listening descriptors and the socket file. Accepts at most 16 connections a round. When accept fails (no
 * descriptors, no memory) the listener rests 100 ms: level-triggered readiness would spin. At the cap an idle
 * connection makes room; without one the listener waits until a connection ends.
 */
#include "net/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"

enum { ACCEPT_ROUND = 16, PAUSE_MS = 100, BACKLOG = 1024, HANDSHAKE_COST = 4 };

static void watch(struct listener *l, bool on)
{
	if (l->watch)
		loop_fd_want(l->watch, on ? LOOP_READ : 0);
}

static void rest(struct listener *l)
{
	l->net->counts[COUNT_ACCEPT_ERRORS]++;
	watch(l, false);
	loop_timer_after(l->pause, PAUSE_MS);
}

static void rested(void *arg)
{
	struct listener *l = arg;

	if (!l->full)
		watch(l, true);
}

/* TLS leaves an eighth of the places to the Unix socket, so that the administrator always gets in. */
static int cap_of(const struct net *n, enum peer_kind kind)
{
	return kind == PEER_TLS ? n->o.max_connections - n->o.max_connections / 8 : n->o.max_connections;
}

static bool is_full(const struct listener *l)
{
	const struct net *n = l->net;
	int open = l->kind == PEER_TLS ? n->open[PEER_TLS] : n->open[PEER_TLS] + n->open[PEER_UNIX];

	return open >= cap_of(n, l->kind);
}

static bool make_room(struct listener *l)
{
	struct net *n = l->net;

	if (!n->idle_oldest[l->kind])
		return false;
	n->counts[COUNT_EVICTED]++;
	conn_drop(n->idle_oldest[l->kind]);
	return true;
}

void listener_room(struct listener *l)
{
	if (l->watch && l->full) {
		l->full = false;
		watch(l, true);
	}
}

static void options_of(int fd)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* A peer is a uid, or an address (of IPv6 the /64 that one host controls anyway). */
static uint64_t peer_identity(struct net *n, struct peer *peer, int fd, const struct sockaddr_storage *a)
{
	struct { uint16_t family; uint8_t bytes[16]; } id = { .family = a->ss_family };
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (peer->kind == PEER_UNIX) {
		/* On TCP this "succeeds" with uid -1: ask only where the kernel knows. */
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 || size != sizeof(cred))
			return 0;
		peer->uid = (uint32_t)cred.uid;
		memcpy(id.bytes, &peer->uid, sizeof(peer->uid));
	} else if (a->ss_family == AF_INET6) {
		memcpy(id.bytes, &((const struct sockaddr_in6 *)a)->sin6_addr, 8);
	} else {
		memcpy(id.bytes, &((const struct sockaddr_in *)a)->sin_addr, 4);
	}
	return bucket_key(n->peers, &id, sizeof(id));
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
	return a->ss_family != AF_INET || (ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24) == 127;
}

/* One host may hold a quarter of the places; the machine itself all of them. */
static bool may_enter(struct listener *l, struct bucket *b, const struct sockaddr_storage *a)
{
	struct net *n = l->net;

	if (l->kind == PEER_UNIX)
		return true;
	if (!b || (!is_loopback(a) && b->open >= cap_of(n, PEER_TLS) / 4 + 1))
		return false;
	return bucket_take(b, clock_boot_ms(), n->o.peer_rate, HANDSHAKE_COST) == 0;
}

static void welcome(struct listener *l, int fd, const struct sockaddr_storage *a)
{
	struct net *n = l->net;
	struct peer peer = { .kind = l->kind };
	uint64_t key = peer_identity(n, &peer, fd, a);
	struct bucket *b = key ? bucket_of(n->peers, key, clock_boot_ms(), n->o.peer_rate) : NULL;

	if (key == 0 || !may_enter(l, b, a)) {
		n->counts[COUNT_PEER_REFUSED]++;
		close(fd);
		return;
	}
	options_of(fd);
	n->counts[COUNT_ACCEPTED]++;
	conn_adopt(n, fd, peer, key, l->kind == PEER_TLS ? n->tls : NULL);
}

/* What accept reports about the connection that it lost, not about us. */
static bool is_passing(int e)
{
	return e == EINTR || e == ECONNABORTED || e == EPROTO || e == ENETDOWN || e == EHOSTDOWN || e == EHOSTUNREACH ||
		e == ENETUNREACH || e == ENOPROTOOPT || e == EOPNOTSUPP || e == ENONET || e == EPERM;
}

static void on_ready(void *arg, unsigned what)
{
	struct listener *l = arg;
	int i;

	(void)what;
	for (i = 0; i < ACCEPT_ROUND && l->watch; i++) {
		struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
		socklen_t size = sizeof(a);
		int fd;

		if (is_full(l) && i > 0)
			return; /* readiness tells next time whether somebody waits; no one is evicted for nobody */
		if (is_full(l) && !make_room(l)) {
			l->full = true;
			watch(l, false);
			return;
		}
		fd = accept4(l->fd, (struct sockaddr *)&a, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			welcome(l, fd, &a);
		} else if (errno == EAGAIN) {
			return;
		} else if (!is_passing(errno)) {
			rest(l);
			return;
		}
	}
}

static int start(struct listener *l, const char *where, struct lt_err *err)
{
	if (listen(l->fd, BACKLOG) < 0)
		return lt_err_set(err, "cannot-listen", where, "%s", strerror(errno));
	l->pause = loop_timer_new(l->net->loop, LOOP_CLIENT, rested, l);
	l->watch = loop_fd_new(l->net->loop, l->fd, LOOP_CLIENT, on_ready, l);
	if (!l->pause || !l->watch || loop_fd_want(l->watch, LOOP_READ) < 0)
		return lt_err_set(err, "no-memory", where, "out of memory");
	return 0;
}

/* ---- Unix ---- */

/* A socket file that nobody listens on is left over from a daemon that was killed. */
static int clear_stale(const struct sockaddr_un *a, struct lt_err *err)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return lt_err_set(err, "not-a-socket", a->sun_path,
			"a file of another kind is in the way; remove it or name another path");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return lt_err_set(err, "no-socket", a->sun_path, "%s", strerror(errno));
	r = connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? errno : 0;
	close(fd);
	if (r != ECONNREFUSED)
		return lt_err_set(err, "in-use", a->sun_path, "somebody listens there already (another labtimed?)");
	if (unlink(a->sun_path) < 0 && errno != ENOENT)
		return lt_err_set(err, "stale-socket", a->sun_path, "the old socket cannot be removed: %s", strerror(errno));
	return 0;
}

int listener_open_unix(struct listener *l, struct net *n, const char *path, struct lt_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;

	*l = (struct listener){ .net = n, .kind = PEER_UNIX, .fd = -1 };
	if (strlen(path) >= sizeof(a.sun_path))
		return lt_err_set(err, "path-too-long", path, "a socket path has at most %zu bytes", sizeof(a.sun_path) - 1);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (clear_stale(&a, err) < 0)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return lt_err_set(err, "cannot-bind", path, "%s (does the directory exist, may this user write there?)",
			strerror(errno));
	memcpy(l->path, path, strlen(path) + 1);
	/* Anybody may connect: who it is says the kernel (uid) or a token, not the file's mode. */
	if (chmod(path, 0666) < 0 || lstat(path, &st) < 0)
		return lt_err_set(err, "cannot-bind", path, "%s", strerror(errno));
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return start(l, path, err);
}

/* ---- TCP ---- */

static int split_address(const char *address, char host[64], uint16_t *port, bool *v6)
{
	const char *colon = strrchr(address, ':');
	size_t n;
	int64_t p;

	if (!colon || !lt_parse_i64(colon + 1, 0, 65535, &p))
		return -1;
	n = (size_t)(colon - address);
	*v6 = n >= 2 && address[0] == '[' && colon[-1] == ']';
	if (*v6)
		address++, n -= 2;
	if (n == 0 || n >= 64)
		return -1;
	memcpy(host, address, n);
	host[n] = '\0';
	*port = (uint16_t)p;
	return 0;
}

static int bind_tcp(struct listener *l, const char *host, uint16_t port, bool v6)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int on = 1;
	int r;

	l->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -1;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by what is accepted; without it an answer in two records waits 40 ms for the peer's ACK. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (v6)
		r = inet_pton(AF_INET6, host, &a6.sin6_addr) == 1 ? bind(l->fd, (struct sockaddr *)&a6, sizeof(a6)) : -2;
	else
		r = inet_pton(AF_INET, host, &a4.sin_addr) == 1 ? bind(l->fd, (struct sockaddr *)&a4, sizeof(a4)) : -2;
	return r;
}

static int bound_port(int fd)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	socklen_t size = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
		: ((struct sockaddr_in *)&a)->sin_port);
}

int listener_open_tls(struct listener *l, struct net *n, const char *address, struct lt_err *err)
{
	char host[64];
	uint16_t port;
	bool v6;
	int r;

	*l = (struct listener){ .net = n, .kind = PEER_TLS, .fd = -1 };
	r = split_address(address, host, &port, &v6) < 0 ? -2 : bind_tcp(l, host, port, v6);
	if (r == -2)
		return lt_err_set(err, "bad-address", address,
			"write an address and a port, like 127.0.0.1:7620 or [::1]:7620");
	if (r < 0)
		return lt_err_set(err, "cannot-bind", address, "%s", strerror(errno));
	l->port = bound_port(l->fd);
	return start(l, address, err);
}

void listener_close(struct listener *l)
{
	struct stat st;

	l->watch = loop_fd_free(l->watch);
	l->pause = loop_timer_free(l->pause);
	if (l->path[0] && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->path);
	l->path[0] = '\0';
	if (l->net && l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
