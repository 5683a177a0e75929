/*
 * test_poller_outage.c - controllers that are away for as long as it pleases them, in virtual time: shorter than a
 * poll, as long as a lease, longer than lease and backoff, an hour, and twice in a row; with and without interlock.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "tests/drivers/vnet.h"

#define READ_AGAIN_MS 5000
#define OPENS_MS 3000

struct kind { const char *name; bool gateway; enum vnet_fault fault; int exception; };

static const struct kind kinds[] = {
	{ "silence", false, VNET_SILENT, 0 }, { "exception 4", false, VNET_EXCEPTION, 4 },
	{ "exception 6", false, VNET_EXCEPTION, 6 }, { "exception 10", false, VNET_EXCEPTION, 10 },
	{ "exception 11", false, VNET_EXCEPTION, 11 }, { "a reset", false, VNET_RESET, 0 },
	{ "a wrong unit id", false, VNET_WRONG_UNIT, 0 }, { "garbage", false, VNET_GARBAGE, 0 },
	{ "a refused connection", true, VNET_REFUSED, 0 }, { "a connection that closes", true, VNET_CLOSES, 0 },
	{ "a black hole", true, VNET_BLACK_HOLE, 0 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const int64_t lengths_ms[] = { 400, 2000, 20000, 30000, 40000, 50000, 61000, 120000, 600000, 3600000 };
#define LENGTHS (sizeof(lengths_ms) / sizeof(lengths_ms[0]))

static void outage(const struct kind *k, int64_t ms)
{
	int unit = k->gateway ? -1 : 0;

	vnet_fault(unit, k->fault, k->exception);
	vnet_run(ms);
	vnet_fault(unit, VNET_WELL, 0);
}

/* Well at any instant of its backoff: each round the controller comes back a little later. */
static void each_outage(bool interlock, int64_t poll_ms)
{
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < LENGTHS; i++) {
			vnet_start(&(struct vnet_options){ 1, interlock, poll_ms, 1000 });
			vnet_run(2 * poll_ms);
			for (int round = 0; round < 8; round++) {
				int64_t took;
				outage(&kinds[k], lengths_ms[i] + 337 * round);
				took = vnet_until_read(0, poll_ms + 3 * READ_AGAIN_MS);
				if (took < 0 || took > (poll_ms > READ_AGAIN_MS && !vnet.unit[0].n_down ? poll_ms : READ_AGAIN_MS))
					fail_msg("%s for %lld ms, %s interlock: read again after %lld ms", kinds[k].name,
						(long long)lengths_ms[i], interlock ? "with" : "without", (long long)took);
				assert_true(vnet.unit[0].up);
				vnet_run(1500);
			}
			vnet_stop();
		}
}

static void is_read_again_within_5_s_without_interlock(void **state)
{
	each_outage(false, 1000);
}

static void is_read_again_within_5_s_with_interlock(void **state)
{
	each_outage(true, 1000);
}

static void is_read_again_when_it_is_polled_once_a_minute(void **state)
{
	each_outage(true, 60000);
}

/* Somebody checks in the moment the controller is well, wherever its backoff is. */
static void the_relay_opens_within_3_s_of_a_check_in(void **state)
{
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < LENGTHS; i++) {
			int64_t took;
			vnet_start(&(struct vnet_options){ 1, true, 1000, 1000 });
			vnet_run(3000);
			outage(&kinds[k], lengths_ms[i] + 211 * (int64_t)k);
			vnet_checkin(0);
			took = vnet_until_open(0, 60000);
			if (took < 0 || took > OPENS_MS)
				fail_msg("%s for %lld ms: the relay opened %lld ms after the check-in", kinds[k].name,
					(long long)lengths_ms[i], (long long)took);
			vnet_stop();
		}
}

/* In the outage itself: nothing can open, but it is tried at once, and open soon after it is well. */
static void a_check_in_during_the_outage_is_tried_at_once(void **state)
{
	for (size_t k = 0; k < KINDS; k++) {
		int64_t took, began, tried;
		vnet_start(&(struct vnet_options){ 1, true, 1000, 1000 });
		vnet_run(3000);
		vnet_fault(kinds[k].gateway ? -1 : 0, kinds[k].fault, kinds[k].exception);
		for (int i = 0; i < 20; i++) {
			vnet_run(7000 + 61 * i);
			began = vnet.unit[0].asked + vnet.connects;
			vnet_checkin(0);
			vnet_run(50);
			tried = vnet.unit[0].asked + vnet.connects - began;
			if (tried == 0) /* also when a question for nobody is under way */
				fail_msg("%s: a check-in was not tried", kinds[k].name);
			vnet_run(3000);
			assert_true(vnet.unit[0].asked + vnet.connects > began);
			assert_true(vnet.unit[0].unread_ticket != 0 && vnet.unit[0].read_ticket == 0);
		}
		vnet_fault(kinds[k].gateway ? -1 : 0, VNET_WELL, 0);
		took = vnet_until_open(0, 60000);
		if (took < 0 || took > READ_AGAIN_MS)
			fail_msg("%s: the relay opened %lld ms after the end", kinds[k].name, (long long)took);
		vnet_stop();
	}
}

/*
 * Well again while its backoff lasts: whoever calls the doctor sees it up a moment later, and not when the backoff is
 * over. A request that is under way has to end first.
 */
static void the_doctor_does_not_wait_for_the_backoff(void **state)
{
	for (size_t k = 0; k < KINDS; k++) {
		bool waits = kinds[k].fault == VNET_SILENT || kinds[k].fault == VNET_BLACK_HOLE;

		vnet_start(&(struct vnet_options){ 1, true, 1000, 1000 });
		vnet_run(3000);
		for (int round = 0; round < 8; round++) {
			int64_t took;

			outage(&kinds[k], 40000 + 613 * round);
			vnet_look(0);
			took = vnet_until_read(0, READ_AGAIN_MS);
			if (took < 0 || took > (waits ? 2500 : 500))
				fail_msg("%s: read %lld ms after the doctor was called", kinds[k].name, (long long)took);
			vnet_run(3000);
		}
		vnet_stop();
	}
}

static long metric(const char *name)
{
	static char text[16384];
	const char *at;

	poller_metrics(vnet.poller, text, sizeof(text));
	at = strstr(text, name);
	assert_non_null(at);
	return strtol(at + strlen(name), NULL, 10);
}

static long ended(void)
{
	return metric("labtime_polls_total{result=\"failed\"} ") + metric("labtime_polls_total{result=\"cancelled\"} ");
}

/* Every poll that was begun has a result, also one that made room for a person. */
static void every_poll_is_counted_with_its_end(void **state)
{
	int64_t asked;
	long before;

	vnet_start(&(struct vnet_options){ 1, false, 1000, 1000 });
	vnet_run(3000);
	vnet_fault(0, VNET_SILENT, 0);
	asked = vnet.unit[0].asked;
	before = ended();
	vnet_run(30000);
	for (int i = 0; i < 50; i++) {
		vnet_run(3000 + 83 * i);
		vnet_checkin(0);
	}
	while (vnet_busy() >= 0)
		vnet_run(1);
	assert_true(metric("labtime_polls_total{result=\"cancelled\"} ") > 0);
	assert_int_equal(ended() - before, vnet.unit[0].asked - asked);
	vnet_stop();
}

/* A look waits for no answer, so it takes the place of nobody who does. */
static void a_check_in_after_many_looks_is_answered(void **state)
{
	uint64_t ticket;

	vnet_start(&(struct vnet_options){ 1, true, 1000, 1000 });
	vnet_run(3000);
	outage(&kinds[0], 40000);
	for (int i = 0; i < 100; i++)
		vnet_look(0);
	ticket = vnet_checkin(0);
	vnet_run(1000);
	assert_int_equal(vnet.unit[0].unread_ticket, 0);
	assert_int_equal(vnet.unit[0].read_ticket, ticket);
	vnet_stop();
}

/* The lease lapses while nobody answers: what wakes for it must not put off the next poll. */
static void a_lease_that_lapses_moves_no_poll(void **state)
{
	int64_t asked;

	vnet_start(&(struct vnet_options){ 1, true, 1000, 1000 });
	vnet_run(3000);
	vnet_fault(0, VNET_SILENT, 0);
	vnet_run(60000);
	for (int i = 0; i < 60; i++) {
		asked = vnet.unit[0].asked;
		vnet_run(60000);
		assert_true(vnet.unit[0].asked - asked >= 15); /* every 4 s at least, hour after hour */
	}
	vnet_stop();
}

/* The ledger stalls under a session of an instrument that is seldom read: shorter than a lease, as long, longer, much
 * longer; twice. The relay shuts when the lease lapses, and opens again with the ledger, not with the next poll. */
static void a_lease_that_is_renewed_after_it_lapsed_opens_the_relay_at_once(void **state)
{
	static const int64_t stalls[] = { 20000, 30000, 35000, 70000, 600000 };

	for (size_t k = 0; k < sizeof(stalls) / sizeof(stalls[0]); k++) {
		vnet_start(&(struct vnet_options){ 1, true, 300000, 1000 });
		vnet_run(3000);
		vnet_checkin(0);
		assert_in_range(vnet_until_open(0, 5000), 0, 2000);
		for (int twice = 0; twice < 2; twice++) {
			vnet_run(11000);
			vnet_stall_ledger(stalls[k]);
			vnet_run(stalls[k] - 1);
			assert_int_equal(vnet.unit[0].unlocked, stalls[k] < 30000);
			vnet_run(1);
			assert_in_range(vnet_until_open(0, 400000), 0, 2000);
		}
		vnet_stop();
	}
}

static void the_reason_that_people_see_is_todays(void **state)
{
	vnet_start(&(struct vnet_options){ 1, true, 1000, 1000 });
	vnet_run(3000);
	vnet_fault(0, VNET_SILENT, 0);
	vnet_run(20000);
	assert_false(vnet.unit[0].up);
	assert_string_equal(vnet.unit[0].why, "no reply in time");
	vnet_fault(-1, VNET_REFUSED, 0);
	vnet_run(20000);
	assert_string_equal(vnet.unit[0].why, "the connection was refused");
	assert_int_equal(vnet.unit[0].n_down, 2);
	vnet_run(600000);
	assert_int_equal(vnet.unit[0].n_down, 2); /* told when it changes, not each time */
	vnet_stop();
}

/* It answers after half a second more than it may: noticed, and given the time that it needs. */
static void a_slow_controller_is_not_a_dead_one(void **state)
{
	for (int64_t delay = 1100; delay <= 3900; delay += 400) {
		int64_t took;
		vnet_start(&(struct vnet_options){ 1, false, 5000, 1000 });
		vnet_run(20000);
		vnet.unit[0].delay_ms = delay;
		vnet_run(30000);
		took = vnet_until_read(0, 30000);
		if (took < 0)
			fail_msg("answers after %lld ms: never read", (long long)delay);
		vnet_stop();
	}
}

/* It may take five seconds, and takes nearly as long: each of its answers is waited for, also after a failure. */
static void a_long_timeout_is_never_cut_short(void **state)
{
	vnet_start(&(struct vnet_options){ 1, false, 10000, 8000 });
	vnet_run(20000);
	vnet_fault(0, VNET_SILENT, 0);
	for (int i = 0; i < 12; i++) {
		int64_t asked = vnet.unit[0].asked, at;

		for (int k = 0; k < 60000 && vnet.unit[0].asked == asked; k++)
			vnet_run(1);
		at = vnet.unit[0].last_asked;
		for (int k = 0; k < 60000 && vnet.unit[0].asked == asked + 1; k++)
			vnet_run(1);
		if (i > 1 && vnet.unit[0].last_asked - at < 8000)
			fail_msg("given up within %lld ms", (long long)(vnet.unit[0].last_asked - at));
	}
	vnet_stop();
}

static const int64_t deaf_ms[] = { 100, 1500, 20000, 61000, 3600000 };
#define DEAF (sizeof(deaf_ms) / sizeof(deaf_ms[0]))

/* The controller is read once a minute, and well: only the write to its relay is lost, for any time, and then again. */
static void the_relay_opens_soon_though_the_write_was_lost(void **state)
{
	for (size_t i = 0; i < DEAF; i++) {
		vnet_start(&(struct vnet_options){ 1, true, 60000, 1000 });
		vnet_run(70000);
		for (int round = 0; round < 2; round++) {
			int64_t asked = vnet.unit[0].asked, took;
			int told = vnet.unit[0].n_lock_told;

			vnet_fault(0, VNET_DEAF, 0);
			vnet_checkin(0);
			vnet_run(deaf_ms[i]);
			vnet_fault(0, VNET_WELL, 0);
			assert_true(vnet.unit[0].up && !vnet.unit[0].unlocked);
			assert_true(vnet.unit[0].n_lock_told - told <= 1); /* once, however long it lasts */
			assert_true(vnet.unit[0].asked - asked <= 20 + 3 * deaf_ms[i] / 2000);
			took = vnet_until_open(0, 120000);
			if (took < 0 || took > READ_AGAIN_MS)
				fail_msg("writes lost for %lld ms: the relay opened %lld ms later", (long long)deaf_ms[i],
					(long long)took);
			vnet.unit[0].desired = LT_LOCK_LOCKED;
			vnet_run(130000);
			assert_false(vnet.unit[0].unlocked);
		}
		vnet_stop();
	}
}

/* A controller that stops when its watchdog is not fed: the same, and somebody is told. */
static void a_watchdog_that_was_not_fed_is_fed_soon(void **state)
{
	for (size_t i = 0; i < DEAF; i++) {
		vnet_start(&(struct vnet_options){ 1, true, 60000, 1000, .watchdog = true });
		vnet_run(70000);
		for (int round = 0; round < 2; round++) {
			int told = vnet.unit[0].n_lock_told, fed;

			assert_true(vnet.unit[0].n_fed > round);
			vnet_fault(0, VNET_DEAF, 0);
			vnet_checkin(0); /* a poll, for which the wish is to stay locked */
			vnet.unit[0].desired = LT_LOCK_LOCKED;
			vnet_run(deaf_ms[i]);
			fed = vnet.unit[0].n_fed;
			vnet_fault(0, VNET_WELL, 0);
			vnet_run(READ_AGAIN_MS);
			if (vnet.unit[0].n_fed == fed)
				fail_msg("writes lost for %lld ms: not fed within 5 s", (long long)deaf_ms[i]);
			assert_int_equal(vnet.unit[0].n_lock_told, told + 1);
			vnet_run(130000);
		}
		vnet_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_read_again_within_5_s_without_interlock),
		cmocka_unit_test(is_read_again_within_5_s_with_interlock),
		cmocka_unit_test(is_read_again_when_it_is_polled_once_a_minute),
		cmocka_unit_test(the_relay_opens_within_3_s_of_a_check_in),
		cmocka_unit_test(a_check_in_during_the_outage_is_tried_at_once),
		cmocka_unit_test(the_doctor_does_not_wait_for_the_backoff),
		cmocka_unit_test(every_poll_is_counted_with_its_end),
		cmocka_unit_test(a_check_in_after_many_looks_is_answered),
		cmocka_unit_test(a_lease_that_lapses_moves_no_poll),
		cmocka_unit_test(a_lease_that_is_renewed_after_it_lapsed_opens_the_relay_at_once),
		cmocka_unit_test(the_reason_that_people_see_is_todays),
		cmocka_unit_test(a_slow_controller_is_not_a_dead_one),
		cmocka_unit_test(a_long_timeout_is_never_cut_short),
		cmocka_unit_test(the_relay_opens_soon_though_the_write_was_lost),
		cmocka_unit_test(a_watchdog_that_was_not_fed_is_fed_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
