/* sessions_rig.h - what the tests of sessions share: a world, scripted devices, invariants, and use cases by name. */
#ifndef SESSIONS_RIG_H
#define SESSIONS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "app/booking_acts.h"
#include "app/metering.h"
#include "app/review.h"
#include "common/fmt.h"
#include "support/devices.h"
#include "support/invariants.h"

#define MIN(n) ((n) * LT_MINUTE)
#define H(n) (WORLD_NOW + (n) * LT_HOUR)
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define ABOUT(got, want, by) assert_in_range((uint64_t)((got) - (want) + (by)), 0, (uint64_t)(2 * (by)))

struct by_id { int64_t id; const char *reason, *org, *user; };

extern struct world *w;
extern struct devices d;
extern struct invariants inv;

void check(void);
void run(int64_t ms);
void run_until(int64_t at);
int setup(void **state);
int teardown(void **state);
int64_t book(const char *user, const char *instrument, int64_t from, int64_t to);
int do_checkin(struct act *a, void *arg);
int do_checkout(struct act *a, void *arg);
int do_cancel(struct act *a, void *arg);
int do_close(struct act *a, void *arg);
int do_disown(struct act *a, void *arg);
int do_waive(struct act *a, void *arg);
int do_accept(struct act *a, void *arg);
int do_recover(struct act *a, void *arg);
int do_attribute(struct act *a, void *arg);
int act(const char *user, int (*use_case)(struct act *, void *), int64_t id);
void must(const char *user, int (*use_case)(struct act *, void *), int64_t id);
struct session latest(void);
struct session of_booking(int64_t booking);
struct session by_id(int64_t id);
enum lt_lock desired(const char *instrument);
int64_t reviews(const char *kind);

#endif
