/*
 * vnet.c - see vnet.h. Owns the virtual clock, the timers, the connections and the world. Descriptors from BASE_FD on
 * are its own; every other one goes to the real calls (libmodbus has a socketpair).
 */
#include "tests/drivers/vnet.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/base.h"
#include "drivers/modbus/private.h"
#include "tests/drivers/text.h"

#define BASE_FD 100000
#define FDS 64
#define LEASE_MS 30000
#define RENEW_MS 8000
#define NEVER INT64_MAX

struct vnet vnet;

/* The clock ---------------------------------------------------------------------------------------------- */

static int64_t now_us;

int64_t clock_boot_us(void) { return now_us; }
int64_t clock_boot_ms(void) { return now_us / 1000; }
int64_t clock_wall_ms(void) { return now_us / 1000; }
int64_t clock_thread_us(void) { return now_us; }
const char *clock_boot_id(void) { return "virtual"; }
int64_t vnet_now(void) { return now_us / 1000; }

static struct stamp stamp(void)
{
	return (struct stamp){ vnet_now(), vnet_now() };
}

/* The loop: timers and descriptors ----------------------------------------------------------------------- */

struct loop_timer { struct loop_timer *next; int64_t at; void (*due)(void *arg); void *arg; };
struct loop_fd { int fd; unsigned want; void (*ready)(void *arg, unsigned what); void *arg; };

static struct loop_timer *timers;

struct loop_timer *loop_timer_new(struct loop *l, enum loop_priority p, void (*due)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	*t = (struct loop_timer){ timers, NEVER, due, arg };
	timers = t;
	return t;
}

void loop_timer_at(struct loop_timer *t, int64_t boot_ms) { t->at = boot_ms; }
void loop_timer_after(struct loop_timer *t, int64_t ms) { t->at = vnet_now() + ms; }
void loop_timer_clear(struct loop_timer *t) { t->at = NEVER; }

struct loop_timer *loop_timer_free(struct loop_timer *t)
{
	struct loop_timer **at = &timers;

	if (!t)
		return NULL;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
	return NULL;
}

/* Connections -------------------------------------------------------------------------------------------- */

struct conn {
	bool open, connected, ended;  /* ended: the peer is gone, after what is in `out` */
	int64_t connects_at;          /* when the connect is decided; NEVER: it hangs */
	int error;
	struct loop_fd *watch;
	uint8_t out[600];
	size_t n_out;
	int64_t out_at;               /* when `out` can be read */
};

static struct conn conns[FDS];
static int n_conns;

static struct conn *conn_of(int fd)
{
	return fd >= BASE_FD && fd < BASE_FD + FDS ? &conns[fd - BASE_FD] : NULL;
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, enum loop_priority p, void (*ready)(void *arg, unsigned what),
	void *arg)
{
	struct loop_fd *f = calloc(1, sizeof(*f));

	*f = (struct loop_fd){ fd, 0, ready, arg };
	conn_of(fd)->watch = f;
	return f;
}

int loop_fd_want(struct loop_fd *f, unsigned what)
{
	f->want = what;
	return 0;
}

struct loop_fd *loop_fd_free(struct loop_fd *f)
{
	if (f)
		conn_of(f->fd)->watch = NULL;
	free(f);
	return NULL;
}

int __real_socket(int family, int type, int protocol);
int __real_close(int fd);
ssize_t __real_send(int fd, const void *p, size_t n, int flags);
ssize_t __real_recv(int fd, void *p, size_t n, int flags);
int __wrap_socket(int family, int type, int protocol);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t size);
int __wrap_close(int fd);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);

int __wrap_socket(int family, int type, int protocol)
{
	for (int i = 0; i < FDS; i++) {
		struct conn *c = &conns[(n_conns + i) % FDS];
		if (c->open)
			continue;
		*c = (struct conn){ .open = true, .connects_at = NEVER, .out_at = NEVER };
		n_conns = (n_conns + i + 1) % FDS;
		return BASE_FD + (int)(c - conns);
	}
	errno = EMFILE;
	return -1;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	*(int *)value = conn_of(fd)->error;
	return 0;
}

/* A connection that begins in a black hole stays there: its first packet is lost, and nobody waits for the second. */
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t size)
{
	struct conn *c = conn_of(fd);

	vnet.connects++;
	if (vnet.gateway != VNET_BLACK_HOLE)
		c->connects_at = vnet_now() + 1;
	c->error = vnet.gateway == VNET_REFUSED ? ECONNREFUSED : 0;
	errno = EINPROGRESS;
	return -1;
}

int __wrap_close(int fd)
{
	struct conn *c = conn_of(fd);

	if (!c)
		return __real_close(fd);
	c->open = false;
	return 0;
}

/* The units ---------------------------------------------------------------------------------------------- */

static void reply(struct conn *c, const uint8_t *q, const uint8_t *pdu, size_t n, int64_t delay)
{
	uint8_t *p = c->out + c->n_out;

	assert_true(c->n_out + n + 7 <= sizeof(c->out));
	memcpy(p, q, 4);
	p[4] = 0;
	p[5] = (uint8_t)(n + 1);
	p[6] = q[6];
	memcpy(p + 7, pdu, n);
	c->n_out += n + 7;
	c->out_at = vnet_now() + (delay ? delay : 1);
}

static void answer_well(struct conn *c, struct vnet_unit *u, const uint8_t *q)
{
	unsigned address = (unsigned)(q[8] << 8 | q[9]), count = (unsigned)(q[10] << 8 | q[11]);
	uint32_t meter = (uint32_t)(vnet_now() / 1000);
	uint16_t all[4] = { (uint16_t)(meter >> 16), (uint16_t)meter, u->running, 0 };
	uint8_t pdu[64] = { q[7] };

	if (q[7] == 3) {
		pdu[1] = (uint8_t)(2 * count);
		for (unsigned i = 0; i < count && address + i < 4; i++) {
			pdu[2 + 2 * i] = (uint8_t)(all[address + i] >> 8);
			pdu[3 + 2 * i] = (uint8_t)all[address + i];
		}
		reply(c, q, pdu, 2 + 2 * count, u->delay_ms);
	} else if (q[7] == 1) {
		pdu[1] = 1;
		pdu[2] = u->unlocked;
		reply(c, q, pdu, 3, u->delay_ms);
	} else if (q[7] == 5) {
		u->unlocked = q[10] == 0xFF;
		reply(c, q, q + 7, 5, u->delay_ms);
	} else if (q[7] == 6) {
		u->n_fed++;
		reply(c, q, q + 7, 5, u->delay_ms);
	}
}

static void answer(struct conn *c, const uint8_t *q)
{
	struct vnet_unit *u = &vnet.unit[q[6] - 1];
	const uint8_t exception[2] = { (uint8_t)(q[7] | 0x80), (uint8_t)u->exception };

	u->asked++;
	u->last_asked = vnet_now();
	switch (u->fault) {
	case VNET_SILENT:
		return;
	case VNET_EXCEPTION:
		reply(c, q, exception, 2, u->delay_ms);
		return;
	case VNET_RESET:
		c->ended = true;
		return;
	case VNET_WRONG_UNIT:
		answer_well(c, u, q);
		c->out[6] ^= 0x40;
		return;
	case VNET_GARBAGE:
		memset(c->out, 0x55, 40);
		c->n_out = 40;
		c->out_at = vnet_now() + 1;
		return;
	case VNET_DEAF:
		if (q[7] < 5)
			answer_well(c, u, q);
		return;
	default:
		answer_well(c, u, q);
	}
}

ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
	struct conn *c = conn_of(fd);

	if (!c)
		return __real_send(fd, p, n, flags);
	if (vnet.gateway == VNET_CLOSES)
		c->ended = true;
	else if (vnet.gateway == VNET_WELL && !c->ended)
		answer(c, p);
	return (ssize_t)n; /* in a black hole, and to a peer that is gone, a send succeeds as well */
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags)
{
	struct conn *c = conn_of(fd);
	size_t got;

	if (!c)
		return __real_recv(fd, p, n, flags);
	got = c->out_at <= vnet_now() ? (c->n_out < n ? c->n_out : n) : 0;
	if (got == 0 && c->ended)
		return 0;
	if (got == 0) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(p, c->out, got);
	c->n_out -= got;
	memmove(c->out, c->out + got, c->n_out);
	return (ssize_t)got;
}

/* The ledger --------------------------------------------------------------------------------------------- */

static struct lt_profile *profiles[2]; /* without and with a watchdog */
static struct modbus_codec *codec;
static char ids[VNET_UNITS][MSG_ID];
static int64_t renew_at;
static uint64_t tickets;
static bool interlocks;

static struct vnet_unit *unit_of(const char *id)
{
	for (int i = 0; i < vnet.n; i++)
		if (strcmp(ids[i], id) == 0)
			return &vnet.unit[i];
	fail_msg("nobody is called %s", id);
	return NULL;
}

static void lease(int i)
{
	struct lease l = { .desired = (uint8_t)vnet.unit[i].desired, .epoch = 1,
			   .valid_until_boot_ms = vnet_now() + LEASE_MS };
	struct msg_leases m = { .head.kind = MSG_LEASES, .n = 1, .leases = &l };

	memcpy(l.instrument, ids[i], sizeof(ids[i]));
	poller_message(vnet.poller, &m.head);
}

static bool again[VNET_UNITS];       /* a lease is due for this one: its link came up */

static void on_reading(struct vnet_unit *u, const struct msg_reading *m)
{
	if (m->flags & READING_UNREAD) {
		u->unread_ticket = m->ticket;
		return;
	}
	if (u->polls++ && vnet_now() - u->last_read > u->longest_unread)
		u->longest_unread = vnet_now() - u->last_read;
	u->last_read = vnet_now();
	if (m->ticket)
		u->read_ticket = m->ticket;
}

static void on_link(struct vnet_unit *u, const struct msg_link *m)
{
	u->up = m->up;
	u->n_down += !m->up;
	snprintf(u->why, sizeof(u->why), "%s", m->why);
	again[u - vnet.unit] = m->up;
}

static void emit(void *arg, struct msg *m)
{
	if (m->kind == MSG_READING)
		on_reading(unit_of(((struct msg_reading *)m)->instrument), (struct msg_reading *)m);
	if (m->kind == MSG_LINK)
		on_link(unit_of(((struct msg_link *)m)->instrument), (struct msg_link *)m);
	if (m->kind == MSG_INTERLOCK)
		unit_of(((struct msg_interlock *)m)->instrument)->n_lock_told++;
	msg_free(m);
}

static void act_ledger(void)
{
	bool all = interlocks && vnet_now() >= renew_at;

	if (all)
		renew_at = vnet_now() + RENEW_MS;
	for (int i = 0; i < vnet.n; i++)
		if (all || (interlocks && again[i])) {
			again[i] = false;
			lease(i);
		}
}

/* Time --------------------------------------------------------------------------------------------------- */

static bool act_conn(struct conn *c)
{
	struct loop_fd *w = c->watch;

	if (!c->open || !w)
		return false;
	if (!c->connected && c->connects_at <= vnet_now() && (w->want & LOOP_WRITE)) {
		c->connected = c->error == 0;
		c->connects_at = NEVER;
		w->ready(w->arg, LOOP_WRITE);
		return true;
	}
	if (c->connected && (w->want & LOOP_READ) && (c->ended || (c->n_out && c->out_at <= vnet_now()))) {
		w->ready(w->arg, LOOP_READ);
		return true;
	}
	return false;
}

static bool act_timers(void)
{
	for (struct loop_timer *t = timers; t; t = t->next)
		if (t->at <= vnet_now()) {
			t->at = NEVER;
			t->due(t->arg);
			return true;
		}
	return false;
}

/* Everything that happens at this instant. */
static void act_now(void)
{
	bool more = true;

	for (int i = 0; more; i++) {
		if (i > 100000)
			fail_msg("the poller does not rest at %lld ms", (long long)vnet_now());
		more = false;
		for (int k = 0; k < FDS; k++)
			more = act_conn(&conns[k]) || more;
		more = act_timers() || more;
		act_ledger();
	}
}

static int64_t next_instant(int64_t end)
{
	int64_t at = interlocks && renew_at < end ? renew_at : end;

	for (struct loop_timer *t = timers; t; t = t->next)
		at = t->at < at ? t->at : at;
	for (int k = 0; k < FDS; k++) {
		const struct conn *c = &conns[k];
		if (!c->open)
			continue;
		at = c->connects_at < at ? c->connects_at : at;
		at = c->n_out && c->out_at < at ? c->out_at : at;
	}
	return at;
}

static bool run_until(const struct vnet_unit *u, bool (*met)(const struct vnet_unit *u, int64_t since), int64_t ms)
{
	int64_t since = vnet_now(), end = since + ms;

	for (;;) {
		int64_t next;
		act_now();
		if (met && met(u, since))
			return true;
		next = next_instant(end);
		if (next >= end) {
			now_us = end * 1000;
			return false;
		}
		now_us = next > vnet_now() ? next * 1000 : now_us + 1000;
	}
}

void vnet_run(int64_t ms)
{
	run_until(NULL, NULL, ms);
}

static bool was_read(const struct vnet_unit *u, int64_t since)
{
	return u->polls > 0 && u->last_read >= since;
}

int64_t vnet_until_read(int unit, int64_t most)
{
	int64_t since = vnet_now();

	return run_until(&vnet.unit[unit], was_read, most) ? vnet_now() - since : -1;
}

int vnet_busy(void)
{
	const struct device *d = vnet.poller->endpoints->active;

	return d ? (int)(unit_of(d->instrument) - vnet.unit) : -1;
}

int64_t vnet_longest_unread(int unit)
{
	const struct vnet_unit *u = &vnet.unit[unit];
	int64_t since = vnet_now() - u->last_read;

	return since > u->longest_unread ? since : u->longest_unread;
}

static bool is_open(const struct vnet_unit *u, int64_t since)
{
	return u->unlocked;
}

int64_t vnet_until_open(int unit, int64_t most)
{
	int64_t since = vnet_now();

	return run_until(&vnet.unit[unit], is_open, most) ? vnet_now() - since : -1;
}

/* The world ---------------------------------------------------------------------------------------------- */

#define MAP \
	"name = \"virtual\"; values = (" \
	" { role = \"hourmeter\"; area = \"holding\"; address = 0; type = \"u32\"; count = \"1s\"; }," \
	" { role = \"state\"; area = \"holding\"; address = 2; bit = 0; }," \
	" { role = \"interlock\"; area = \"coil\"; address = 0; } );" \
	"interlock = { area = \"coil\"; address = 0; };"

static const char *const maps[] = { MAP, MAP "watchdog = { area = \"holding\"; address = 3; value = 1; };" };

void vnet_start(const struct vnet_options *o)
{
	struct poller_options p = { .codec = codec, .now = stamp, .emit = emit, .seed = 7 };
	struct poll_target t[VNET_UNITS];
	struct lt_err err = { 0 };

	if (!codec) {
		codec = p.codec = modbus_codec_new(&err);
		for (int i = 0; i < 2; i++)
			profiles[i] = profile_of_text(maps[i], &err);
	}
	assert_non_null(codec);
	assert_true(profiles[0] && profiles[1]);
	if (vnet.poller)
		vnet_stop(); /* of a test that failed */
	memset(&vnet, 0, sizeof(vnet));
	memset(again, 0, sizeof(again));
	now_us = INT64_C(1000000000);
	renew_at = vnet_now();
	interlocks = o->interlock;
	vnet.n = o->n;
	for (int i = 0; i < o->n; i++) {
		snprintf(ids[i], sizeof(ids[i]), "unit-%d", i + 1);
		vnet.unit[i].desired = LT_LOCK_LOCKED;
		t[i] = (struct poll_target){ .instrument = ids[i], .host = "127.0.0.1", .port = 502,
			.unit = (uint8_t)(i + 1), .poll_ms = o->poll_ms, .timeout_ms = o->timeout_ms,
			.profile = profiles[o->watchdog],
			.interlock = o->interlock, .fail_locked = o->interlock };
	}
	vnet.poller = poller_new(&p, t, o->n, &err);
	if (!vnet.poller)
		fail_msg("%s %s", err.field, err.text);
}

void vnet_stop(void)
{
	vnet.poller = poller_free(vnet.poller);
	memset(conns, 0, sizeof(conns));
}

/* What a unit was asked before the fault is answered; a gateway that goes takes its connections with it. */
void vnet_fault(int unit, enum vnet_fault f, int exception)
{
	if (unit >= 0) {
		vnet.unit[unit].fault = f;
		vnet.unit[unit].exception = exception;
		return;
	}
	for (int k = 0; k < FDS; k++)
		if (conns[k].open && (f == VNET_REFUSED || f == VNET_CLOSES))
			conns[k].ended = true;
	vnet.gateway = f;
}

void vnet_look(int unit)
{
	/* The deadline is over: a ledger that was busy took a while to answer the doctor. */
	struct msg_poll m = { .head.kind = MSG_POLL, .deadline_boot_ms = vnet_now() - 1, .urgent = true };

	memcpy(m.instrument, ids[unit], sizeof(m.instrument));
	poller_message(vnet.poller, &m.head);
}

void vnet_stall_ledger(int64_t ms)
{
	renew_at = vnet_now() + ms;
}

uint64_t vnet_checkin(int unit)
{
	struct msg_poll m = { .head.kind = MSG_POLL, .ticket = ++tickets, .deadline_boot_ms = vnet_now() + 1000,
			      .urgent = true };

	memcpy(m.instrument, ids[unit], sizeof(m.instrument));
	vnet.unit[unit].desired = LT_LOCK_UNLOCKED;
	poller_message(vnet.poller, &m.head);
	again[unit] = true; /* the ledger's lease after the check-in */
	return m.ticket;
}
