/*
 * test_metering.c - random lives of meters. First the classifier alone on faulty traces: E never exceeds time, never
 * decreases, replays add nothing, and is right when nothing lied. Then the whole of metering on a store in memory:
 * bookings, check-ins, runs, silence, lies, restarts, faults; the invariants are asked after each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/booking_acts.h"
#include "app/metering.h"
#include "app/review.h"
#include "common/fmt.h"
#include "core/meter.h"
#include "support/devices.h"
#include "support/invariants.h"

#define MIN(n) ((n) * LT_MINUTE)

static uint64_t state_;

static uint32_t rnd(uint32_t below)
{
	state_ ^= state_ << 13;
	state_ ^= state_ >> 7;
	state_ ^= state_ << 17;
	return (uint32_t)(state_ >> 11) % below;
}

static int rounds(int usual)
{
	const char *s = getenv("LABTIME_ROUNDS");
	int64_t n;

	return s && lt_parse_i64(s, 1, 1000000, &n) ? (int)n : usual;
}

/* ---- the classifier alone ---- */

struct life { int64_t truth_ms, elapsed_ms; uint64_t base; int lies, resets; bool on; };

static uint64_t modulus_of(int bits) { return bits == 64 ? 0 : UINT64_C(1) << bits; }

static uint64_t register_of(const struct life *l, int bits, uint32_t count_ms)
{
	uint64_t v = l->base + (uint64_t)(l->truth_ms / count_ms);

	return bits == 64 ? v : v % modulus_of(bits);
}

static void one_trace(uint64_t seed, bool faulty)
{
	static const int widths[] = { 16, 32, 48, 64 };
	static const uint32_t counts[] = { 1000, 1000, 100, 6000 };
	int bits = widths[(state_ = seed * 2654435761u + 1, rnd(4))];
	uint32_t count_ms = counts[rnd(4)];
	struct meter_def def = { .kind = METER_COUNTER, .counter = { .bits = (uint8_t)bits, .count_ms = count_ms,
		.refresh_ms = 1000 }, .has_state = true, .poll_ms = 1000, .rate_ppm = 1000 };
	struct meter_sample s = { .boot_ms = 5000, .wall_ms = 1700000000000, .rtt_ms = 5, .boot_id = "one" };
	struct life l = { .base = bits == 64 ? rnd(1000000) : modulus_of(bits) - rnd(2000) - 1 };
	struct meter m;
	struct meter_verdict v;
	int64_t before;

	meter_init(&m);
	for (int step = 0; step < 1500; step++) {
		int64_t dt = rnd(50) == 0 ? rnd(600000) : 200 + rnd(3000);

		l.on = rnd(40) == 0 ? !l.on : l.on;
		l.truth_ms += l.on && step ? dt : 0;
		l.elapsed_ms += step ? dt : 0;
		s.boot_ms += dt;
		s.wall_ms += dt;
		if (faulty && rnd(300) == 0) {
			l.base = 0;
			l.truth_ms = 0;
			l.resets++;
		}
		s.obs = (struct lt_observation){ .have = LT_HAVE_HOURMETER | LT_HAVE_STATE, .running = l.on,
			.hourmeter = register_of(&l, bits, count_ms) };
		if (faulty && rnd(30) == 0) {
			static const uint64_t lies[] = { 0, 0xffff, 0xffffffff, 1 };
			s.obs.hourmeter = rnd(2) ? lies[rnd(4)] : s.obs.hourmeter ^ (UINT64_C(1) << rnd(16));
			l.lies++;
		}
		before = m.ext_ms;
		meter_read(&m, &def, 30000, &s, &v);
		assert_true(m.ext_ms >= before);
		assert_int_equal(m.ext_ms - before, v.added_ms);
		assert_true(v.quantised_ms >= 0 && v.quantised_ms <= v.added_ms);
		assert_true(m.ext_ms <= l.elapsed_ms + 2 * (count_ms > 1000 ? count_ms : 1000) + 5 + l.elapsed_ms / 1000);
		before = m.ext_ms;
		meter_read(&m, &def, 30000, &s, &v);
		if (m.phase == METER_LIVE)
			assert_int_equal(m.ext_ms, before);
	}
	if (!faulty && bits != 16)
		assert_in_range(l.truth_ms - m.ext_ms + 2 * count_ms, 0, 4 * count_ms);
}

static void test_traces(void **state)
{
	(void)state;
	for (int k = 1; k <= rounds(150); k++) {
		one_trace((uint64_t)k, false);
		one_trace((uint64_t)k + 1000000, true);
	}
}

/* A blob that was kept is a meter; any other bytes are refused or give a state that can be encoded again. */
static void test_random_blobs(void **state)
{
	uint8_t blob[METER_BLOB], back[METER_BLOB];
	struct meter m;
	size_t size;

	(void)state;
	meter_init(&m);
	size = meter_encode(&m, blob);
	state_ = 42;
	for (int k = 0; k < 20000; k++) {
		meter_init(&m);
		size = meter_encode(&m, blob);
		for (uint32_t i = 0; i < 1 + rnd(4); i++)
			blob[rnd((uint32_t)size)] = (uint8_t)rnd(256);
		if (meter_decode(&m, blob, size)) {
			assert_int_equal(meter_encode(&m, back), size);
			/* texts are canonical after the first NUL, numbers are what they were */
			assert_true(meter_decode(&m, back, size));
		}
	}
}

/* ---- all of it ---- */

struct any { struct world *w; struct devices d; struct invariants inv; int64_t booking; };

static int any_booking(struct act *a, void *arg)
{
	struct any *x = arg;
	struct booking_request rq = { .from = x->w->now.wall_ms / MIN(15) * MIN(15) + MIN(15) * (1 + rnd(16)) };
	struct booking b;

	rq.to = rq.from + MIN(15) * (1 + rnd(8));
	lt_fmt(rq.instrument, sizeof(rq.instrument), "%s", x->w->instruments[rnd(3)].id);
	return booking_create(a, &rq, &b);
}

static int any_checkin(struct act *a, void *arg)
{
	struct booking b;

	return booking_checkin(a, ((struct any *)arg)->booking, &b);
}

static int any_checkout(struct act *a, void *arg)
{
	struct booking b;

	return booking_checkout(a, ((struct any *)arg)->booking, &b);
}

static int any_cancel(struct act *a, void *arg)
{
	struct booking b;

	return booking_cancel(a, ((struct any *)arg)->booking, "", &b);
}

static int any_recover(struct act *a, void *arg) { (void)arg; return metering_recover(a); }

static int any_disown(struct act *a, void *arg)
{
	struct session s;

	return session_disown(a, ((struct any *)arg)->booking, 0, "x", &s);
}

static int any_close(struct act *a, void *arg)
{
	struct session s;

	return session_close(a, ((struct any *)arg)->booking, "x", &s);
}

static int any_accept(struct act *a, void *arg)
{
	struct review r;

	return review_accept(a, ((struct any *)arg)->booking, "x", &r);
}

static int any_waive(struct act *a, void *arg)
{
	struct review r;

	return review_waive(a, ((struct any *)arg)->booking, "x", &r);
}

static int any_attribute(struct act *a, void *arg)
{
	struct review r;

	return review_attribute(a, ((struct any *)arg)->booking, "acme", "bob", "x", &r);
}

static int64_t pick(struct any *x, const char *sql)
{
	return db_one_int(x->w->db, 0, sql, "i", (int64_t)rnd(4));
}

#define LIVE "SELECT id FROM booking WHERE state IN ('confirmed','active') ORDER BY booked_from LIMIT 1 OFFSET ?1"
#define ANY_OPEN "SELECT id FROM session WHERE closed_at IS NULL ORDER BY id LIMIT 1 OFFSET ?1"
#define ANY_REVIEW "SELECT id FROM review WHERE state <> 'done' ORDER BY id LIMIT 1 OFFSET ?1"

static void use(struct any *x, const char *sql, int (*use_case)(struct act *, void *), const char *user)
{
	int r;

	x->booking = sql ? pick(x, sql) : 1;
	if (x->booking == 0)
		return;
	r = devices_act(&x->d, user, use_case, x);
	if (r < 0)
		fail_msg("a use case failed: %d %s", r, db_why(x->w->db));
}

static void device_event(struct any *x)
{
	struct device *v = &x->d.of[rnd(3)];

	switch (rnd(8)) {
	case 0: case 1: case 2: v->on = !v->on; break;
	case 3: v->silent = !v->silent; break;
	case 4: v->lie = true; v->lie_raw = rnd(2) ? 0 : rnd(1000000); break;
	case 5: v->faulty = !v->faulty; break;
	case 6: v->base = 0; v->run_ms = 0; break;
	default: v->silent = false; break;
	}
}

static void person_event(struct any *x)
{
	static const char *const users[] = { "alice", "bob", "zoe", "mia" };
	const char *user = users[rnd(4)];

	switch (rnd(12)) {
	case 0: case 1: case 2: use(x, NULL, any_booking, users[rnd(3)]); break;
	case 3: case 4: case 5: use(x, LIVE, any_checkin, user); break;
	case 6: use(x, LIVE, any_checkout, user); break;
	case 7: use(x, LIVE, any_cancel, user); break;
	case 8: use(x, ANY_OPEN, rnd(2) ? any_disown : any_close, "mia"); break;
	case 9: use(x, ANY_REVIEW, any_accept, "mia"); break;
	case 10: use(x, ANY_REVIEW, any_attribute, rnd(2) ? "mia" : "root"); break;
	default: use(x, ANY_REVIEW, any_waive, rnd(2) ? "mia" : "root"); break;
	}
}

static void restart(struct any *x)
{
	int64_t down = rnd(20 * 60000);

	for (int k = 0; k < 3; k++)
		x->d.of[k].run_ms += x->d.of[k].on ? down : 0;
	world_sleep(x->w, down);
	use(x, NULL, any_recover, NULL);
}

static void one_life(uint64_t seed)
{
	struct any x = { .w = world_new() };
	const char *broken;

	state_ = seed * 88172645463325252u + 1;
	devices_init(&x.d, x.w);
	x.d.poll_ms = 5000 + rnd(3) * 20000;
	for (int step = 0; step < 120; step++) {
		uint32_t what = rnd(10);

		if (what < 4)
			device_event(&x);
		else if (what < 9)
			person_event(&x);
		else if (rnd(4) == 0)
			restart(&x);
		devices_run(&x.d, rnd(20 * 60000));
		broken = invariants_check(&x.inv, x.w->db, &x.w->site, x.w->now);
		if (broken)
			fail_msg("seed %llu step %d: %s", (unsigned long long)seed, step, broken);
	}
	world_free(x.w);
}

static void test_lives(void **state)
{
	const char *only = getenv("LABTIME_SEED");
	int64_t seed;

	(void)state;
	if (only && lt_parse_i64(only, 1, INT64_MAX, &seed)) {
		one_life((uint64_t)seed);
		return;
	}
	for (int k = 1; k <= rounds(150) / 10; k++)
		one_life((uint64_t)k);
	one_life(27); /* a run was taken over whose last piece was not the one to go on with */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_traces), cmocka_unit_test(test_random_blobs),
		cmocka_unit_test(test_lives) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
