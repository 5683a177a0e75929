/*
 * loop.h - the loop thread's event loop: descriptors, timers and the wake-up of the ledger's queue.
 *
 * Hides libevent from the pollers and from main. One loop, one thread; every function is called on it. Priorities:
 * METER first, then CONTROL (queue from the ledger, signals), then CLIENT. Times are BOOTTIME milliseconds.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_fd;
struct loop_timer;

enum loop_priority { LOOP_METER, LOOP_CONTROL, LOOP_CLIENT, LOOP_PRIORITIES };
enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_new(void);                     /* NULL: no memory or no epoll                            */
struct loop *loop_free(struct loop *l);
struct event_base *loop_base(struct loop *l);    /* for net/ itself and drivers/modbus                      */
int loop_run(struct loop *l);                    /* until loop_stop; 0 or -1                                */
int loop_once(struct loop *l, bool wait);        /* one round: what is ready now, or wait for the next      */
void loop_stop(struct loop *l);

struct loop_fd *loop_fd_new(struct loop *l, int fd, enum loop_priority p, void (*ready)(void *arg, unsigned what),
	void *arg);
int loop_fd_want(struct loop_fd *f, unsigned what);   /* LOOP_READ | LOOP_WRITE, level-triggered; 0 stops   */
struct loop_fd *loop_fd_free(struct loop_fd *f);      /* does not close fd                                 */

/* One-shot; loop_timer_at re-arms. */
struct loop_timer *loop_timer_new(struct loop *l, enum loop_priority p, void (*due)(void *arg), void *arg);
void loop_timer_at(struct loop_timer *t, int64_t boot_ms);
void loop_timer_after(struct loop_timer *t, int64_t ms);
void loop_timer_clear(struct loop_timer *t);
struct loop_timer *loop_timer_free(struct loop_timer *t);

/* May be called from any thread: wakes the loop and runs the function given at creation (eventfd). */
struct loop_wake;
struct loop_wake *loop_wake_new(struct loop *l, void (*woken)(void *arg), void *arg);
void loop_wake_up(void *wake);                   /* signature of queue_on_push                              */
struct loop_wake *loop_wake_free(struct loop_wake *w);

int loop_signal(struct loop *l, int signo, void (*got)(void *arg, int signo), void *arg);

#endif
