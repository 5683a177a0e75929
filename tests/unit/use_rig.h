/*
 * use_rig.h - what the tests of bookings in use share: a world with fees, scripted devices that are polled every twenty
 * seconds, and use cases by name on krios-1.
 */
#ifndef USE_RIG_H
#define USE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "app/booking_acts.h"
#include "app/metering.h"
#include "app/timers.h"
#include "common/fmt.h"
#include "support/world.h"

/* stalled: it runs by its run bit and the counter stands still. count_ms: what a count is worth; 0: a second. */
struct device { bool on, silent, stalled; uint32_t fault; int64_t run_ms, count_ms; };
extern struct world *w;
extern struct device device[3];

#define H(n) (WORLD_NOW + (n) * LT_HOUR)
#define MIN(n) ((n) * LT_MINUTE)
#define POLL (20 * LT_SECOND)
#define STATE(id, want) assert_string_equal(booking_state_name(now_is(id).state), want)

int open_world(void **state);
int close_world(void **state);
void poll(int k);
/* Time alone; the earliest timer that is due by then, once; all polls and timers up to an instant. */
void pass(int64_t to);
void fire(int64_t due);
void run_to(int64_t to);
int book(const char *user, int64_t from, int64_t to, struct booking *ret);
int use(const char *user, int64_t id, int (*verb)(struct act *, int64_t, struct booking *), struct booking *ret);
int cancel(const char *user, int64_t id, struct booking *ret);
struct booking now_is(int64_t id);
/* Of the last refusal. */
const char *code(void);
/* The controller of krios-1 answers, or not any more. */
void link_up(bool up);
/* What the relay of krios-1 was read back as. */
void lock_reads(enum lt_lock lock);

#endif
