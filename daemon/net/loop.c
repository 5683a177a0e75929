/*
 * loop.c - the loop thread's event loop on libevent.
 *
 * Owns the event base. Metering must not wait for clients: timers are precise (libevent's default clock is coarse by
 * up to 4 ms), and after 1 ms or 4 callbacks of a lower priority the base looks again for METER events.
 * Fails only at creation (no memory, no epoll, no eventfd); what runs later has its memory already.
 */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/base.h"

enum { DISPATCH_US = 1000, DISPATCH_CALLBACKS = 4, SIGNALS_MAX = 8 };

struct loop_signal_handler {
	struct event *event;
	void (*got)(void *arg, int signo);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *keep;              /* an empty loop waits for loop_stop instead of returning */
	struct loop_signal_handler signals[SIGNALS_MAX];
	int n_signals;
};

struct loop_fd {
	struct event_base *base;
	struct event *event;
	int fd;
	enum loop_priority priority;
	unsigned want;
	void (*ready)(void *arg, unsigned what);
	void *arg;
};

struct loop_timer {
	struct event *event;
	int64_t at;
	void (*due)(void *arg);
	void *arg;
};

struct loop_wake {
	struct event *event;
	int fd;
	void (*woken)(void *arg);
	void *arg;
};

static struct event_base *base_new(void)
{
	static const struct timeval slice = { 0, DISPATCH_US };
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (!c)
		return NULL;
	if (event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME |
			EVENT_BASE_FLAG_NOLOCK) == 0 && event_config_require_features(c, EV_FEATURE_O1) == 0 &&
	    event_config_set_max_dispatch_interval(c, &slice, DISPATCH_CALLBACKS, LOOP_CONTROL) == 0)
		base = event_base_new_with_config(c);
	event_config_free(c);
	return base;
}

static void keep_alive(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

struct loop *loop_new(void)
{
	static const struct timeval day = { 86400, 0 };
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->base = base_new();
	if (!l->base || event_base_priority_init(l->base, LOOP_PRIORITIES) < 0)
		return loop_free(l);
	l->keep = event_new(l->base, -1, EV_PERSIST, keep_alive, NULL);
	if (!l->keep || event_add(l->keep, &day) < 0)
		return loop_free(l);
	return l;
}

struct loop *loop_free(struct loop *l)
{
	int i;

	if (!l)
		return NULL;
	for (i = 0; i < l->n_signals; i++)
		event_free(l->signals[i].event);
	if (l->keep)
		event_free(l->keep);
	if (l->base)
		event_base_free(l->base);
	free(l);
	return NULL;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

int loop_run(struct loop *l)
{
	return event_base_dispatch(l->base) < 0 ? -1 : 0;
}

int loop_once(struct loop *l, bool wait)
{
	return event_base_loop(l->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK)) < 0 ? -1 : 0;
}

void loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

/* ---- descriptors ---- */

static void fd_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *f = arg;
	unsigned ready = 0;

	(void)fd;
	if (what & EV_READ)
		ready |= LOOP_READ;
	if (what & EV_WRITE)
		ready |= LOOP_WRITE;
	ready &= f->want;
	if (ready)
		f->ready(f->arg, ready);
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, enum loop_priority p, void (*ready)(void *arg, unsigned what),
	void *arg)
{
	struct loop_fd *f = calloc(1, sizeof(*f));

	assert(fd >= 0 && ready);
	if (!f)
		return NULL;
	*f = (struct loop_fd){ .base = l->base, .fd = fd, .priority = p, .ready = ready, .arg = arg };
	f->event = event_new(l->base, fd, EV_READ | EV_PERSIST, fd_event, f);
	if (!f->event || event_priority_set(f->event, (int)p) < 0)
		return loop_fd_free(f);
	return f;
}

int loop_fd_want(struct loop_fd *f, unsigned what)
{
	short events = EV_PERSIST;

	if (what == f->want)
		return 0;
	event_del(f->event);
	f->want = 0;
	if (what == 0)
		return 0;
	if (what & LOOP_READ)
		events |= EV_READ;
	if (what & LOOP_WRITE)
		events |= EV_WRITE;
	if (event_assign(f->event, f->base, f->fd, events, fd_event, f) < 0 ||
	    event_priority_set(f->event, (int)f->priority) < 0 || event_add(f->event, NULL) < 0)
		return -1;
	f->want = what;
	return 0;
}

struct loop_fd *loop_fd_free(struct loop_fd *f)
{
	if (!f)
		return NULL;
	if (f->event)
		event_free(f->event);
	free(f);
	return NULL;
}

/* ---- timers ---- */

/* libevent's clock stands still while the machine sleeps and may be a hair early: BOOTTIME has the last word. */
static void timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd, (void)what;
	if (clock_boot_ms() < t->at)
		loop_timer_at(t, t->at);
	else
		t->due(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, enum loop_priority p, void (*due)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	assert(due);
	if (!t)
		return NULL;
	*t = (struct loop_timer){ .due = due, .arg = arg };
	t->event = evtimer_new(l->base, timer_event, t);
	if (!t->event || event_priority_set(t->event, (int)p) < 0)
		return loop_timer_free(t);
	return t;
}

void loop_timer_at(struct loop_timer *t, int64_t boot_ms)
{
	/* A wait of more than a day is armed again when the day is over (timer_event). */
	int64_t wait_us = boot_ms > INT64_MAX / 1000 ? INT64_MAX : boot_ms * 1000 - clock_boot_us();
	struct timeval tv;

	if (wait_us < 0)
		wait_us = 0;
	if (wait_us > INT64_C(86400000000))
		wait_us = INT64_C(86400000000);
	t->at = boot_ms;
	tv = (struct timeval){ (time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000) };
	evtimer_add(t->event, &tv);
}

void loop_timer_after(struct loop_timer *t, int64_t ms)
{
	loop_timer_at(t, clock_boot_ms() + ms);
}

void loop_timer_clear(struct loop_timer *t)
{
	evtimer_del(t->event);
}

struct loop_timer *loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return NULL;
	if (t->event)
		event_free(t->event);
	free(t);
	return NULL;
}

/* ---- wake-up from another thread ---- */

static void wake_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_wake *w = arg;
	uint64_t count;
	ssize_t got;

	(void)what;
	got = read(fd, &count, sizeof(count));
	(void)got; /* EAGAIN: someone was faster; looking once more costs nothing */
	w->woken(w->arg);
}

struct loop_wake *loop_wake_new(struct loop *l, void (*woken)(void *arg), void *arg)
{
	struct loop_wake *w = calloc(1, sizeof(*w));

	assert(woken);
	if (!w)
		return NULL;
	w->woken = woken;
	w->arg = arg;
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0)
		return loop_wake_free(w);
	w->event = event_new(l->base, w->fd, EV_READ | EV_PERSIST, wake_event, w);
	if (!w->event || event_priority_set(w->event, LOOP_CONTROL) < 0 || event_add(w->event, NULL) < 0)
		return loop_wake_free(w);
	return w;
}

void loop_wake_up(void *wake)
{
	struct loop_wake *w = wake;
	const uint64_t one = 1;
	ssize_t put;

	do
		put = write(w->fd, &one, sizeof(one));
	while (put < 0 && errno == EINTR);
	/* EAGAIN: the counter is full, so the loop is about to wake anyway. */
}

struct loop_wake *loop_wake_free(struct loop_wake *w)
{
	if (!w)
		return NULL;
	if (w->event)
		event_free(w->event);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	return NULL;
}

/* ---- signals ---- */

static void signal_event(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal_handler *h = arg;

	(void)what;
	h->got(h->arg, (int)signo);
}

int loop_signal(struct loop *l, int signo, void (*got)(void *arg, int signo), void *arg)
{
	struct loop_signal_handler *h;

	assert(got && l->n_signals < SIGNALS_MAX);
	h = &l->signals[l->n_signals];
	*h = (struct loop_signal_handler){ .got = got, .arg = arg };
	h->event = evsignal_new(l->base, signo, signal_event, h);
	if (!h->event)
		return -1;
	if (event_priority_set(h->event, LOOP_CONTROL) < 0 || evsignal_add(h->event, NULL) < 0) {
		event_free(h->event);
		return -1;
	}
	l->n_signals++;
	return 0;
}
