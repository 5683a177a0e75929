/*
 * test_poller.c - the poller on a real loop against labtime-sim on loopback: readings, forced polls, the interlock,
 * leases, reload, stop, dead units, and every defect a controller can have - with over 1,100 descriptors open.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/base.h"
#include "tests/drivers/rig.h"
#include "tests/drivers/text.h"

static struct lt_profile *plc, *dio;

static const struct msg_reading *reading(struct rig *r, int *at, const char *id, int64_t ms)
{
	return (const struct msg_reading *)rig_next(r, at, MSG_READING, id, ms);
}

static const struct msg_interlock *lock_event(struct rig *r, int *at, const char *id, int64_t ms)
{
	return (const struct msg_interlock *)rig_next(r, at, MSG_INTERLOCK, id, ms);
}

static const struct msg_link *link_event(struct rig *r, int *at, const char *id, int64_t ms)
{
	return (const struct msg_link *)rig_next(r, at, MSG_LINK, id, ms);
}

static void reads_all_that_bills(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,hourmeter=4294967294,serial=TFS-3971,unlocked",
		"b=dio@127.0.0.1:0,unlocked" };
	struct poll_target t[2];
	const struct msg_reading *m;
	const struct msg_link *l;
	struct rig r;
	int at = 0, at_b = 0, from;

	rig_start(&r, world, 2);
	t[0] = rig_target(&r, 0, plc);
	t[1] = rig_target(&r, 1, dio);
	rig_poll(&r, t, 2);
	l = link_event(&r, &at, "a", 3000);
	assert_non_null(l);
	assert_true(l->up);
	m = reading(&r, &at, "a", 3000);
	assert_non_null(m);
	assert_int_equal(m->obs.have, LT_HAVE_HOURMETER | LT_HAVE_STATE | LT_HAVE_FAULT | LT_HAVE_UPTIME | LT_HAVE_BOOTS |
			 LT_HAVE_SERIAL | LT_HAVE_INTERLOCK);
	assert_true(m->obs.hourmeter == 4294967294u);
	assert_string_equal(m->obs.serial, "TFS-3971");
	assert_int_equal(m->obs.interlock, LT_LOCK_UNLOCKED);
	assert_int_equal(m->obs.running, 0);
	assert_int_equal(m->flags, 0);
	m = reading(&r, &at_b, "b", 3000);
	assert_int_equal(m->obs.have, LT_HAVE_STATE | LT_HAVE_INTERLOCK);
	rig_ctl(&r, "run a");
	rig_ctl(&r, "run b");
	from = r.n_messages;
	do
		m = reading(&r, &from, "a", 3000);
	while (m && !m->obs.running);
	assert_non_null(m);
	do
		m = reading(&r, &from, "a", 6000);
	while (m && m->obs.hourmeter > 100);
	assert_non_null(m); /* it wrapped, and the driver passed that on as it is */
	do
		m = reading(&r, &at_b, "b", 3000);
	while (m && !m->obs.running);
	assert_non_null(m);
	rig_stop(&r);
}

/* What says nothing new may wait for the ledger's next tick; a change of state is told at once. */
static void a_reading_tells_whether_it_is_news(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,unlocked" };
	struct poll_target t;
	const struct msg_reading *m;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 1);
	t = rig_target(&r, 0, plc);
	rig_poll(&r, &t, 1);
	m = reading(&r, &at, "a", 3000);
	assert_non_null(m);
	assert_false(m->plain); /* the first one */
	m = reading(&r, &at, "a", 3000);
	assert_true(m->plain);
	rig_force(&r, "a", 7, 1000);
	do
		m = reading(&r, &at, "a", 3000);
	while (m && m->ticket != 7);
	assert_non_null(m);
	assert_false(m->plain);
	rig_ctl(&r, "run a");
	do
		m = reading(&r, &at, "a", 3000);
	while (m && !m->obs.running);
	assert_non_null(m);
	assert_false(m->plain);
	rig_stop(&r);
}

/* The difference of two forced readings around a run is the simulator's own truth to within one count at each edge. */
static void meter_and_truth_agree(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,hourmeter=41,unlocked" };
	struct poll_target t;
	const struct msg_reading *m;
	const char *truth;
	uint64_t before;
	long long total;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 1);
	t = rig_target(&r, 0, plc);
	rig_poll(&r, &t, 1);
	m = reading(&r, &at, "a", 3000);
	assert_non_null(m);
	before = m->obs.hourmeter;
	rig_ctl(&r, "run a 2");
	rig_run(&r, 100);
	rig_ctl(&r, "wait a stopped 10000");
	at = r.n_messages;
	rig_force(&r, "a", 77, 1000);
	do
		m = reading(&r, &at, "a", 2000);
	while (m && m->ticket != 77);
	assert_non_null(m);
	assert_int_equal(m->flags, READING_FORCED);
	truth = strstr(rig_ctl(&r, "truth a"), "\"total_ms\":");
	assert_non_null(truth);
	assert_int_equal(sscanf(truth, "\"total_ms\":%lld", &total), 1);
	assert_true(total >= 2000);
	assert_true((long long)(m->obs.hourmeter - before) == total / 1000);
	rig_stop(&r);
}

static void forced_polls(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0", "dead=microscope@127.0.0.1:0" };
	struct poll_target t[2];
	const struct msg_reading *m;
	const struct msg_link *l;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 2);
	t[0] = rig_target(&r, 0, plc);
	t[0].poll_ms = 60000; /* only forced polls */
	t[1] = rig_target(&r, 1, plc);
	rig_ctl(&r, "fault dead silence");
	rig_poll(&r, t, 2);
	m = reading(&r, &at, "a", 3000);
	assert_non_null(m);
	for (uint64_t i = 1; i <= 20; i++) {
		rig_force(&r, "a", i, 1000);
		m = reading(&r, &at, "a", 1500);
		assert_non_null(m);
		assert_true(m->ticket == i && m->flags == READING_FORCED && m->obs.have & LT_HAVE_HOURMETER);
	}
	at = 0;
	l = link_event(&r, &at, "dead", 5000);
	assert_non_null(l);
	assert_false(l->up);
	assert_true(strlen(l->why) > 0);
	at = r.n_messages;
	rig_force(&r, "dead", 99, 1000);
	rig_force(&r, "nobody", 100, 1000);
	m = reading(&r, &at, "dead", 10000);
	assert_non_null(m);
	assert_int_equal(m->flags, READING_FORCED | READING_UNREAD);
	assert_int_equal(m->obs.have, 0);
	m = reading(&r, &at, "nobody", 10000);
	assert_non_null(m);
	assert_true(m->ticket == 100 && m->flags == (READING_FORCED | READING_UNREAD));
	rig_stop(&r);
}

static void ticket_meets_its_deadline(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0" };
	const struct msg_reading *m;
	struct poll_target t;
	int64_t began;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 1);
	t = rig_target(&r, 0, plc);
	t.poll_ms = 60000;
	t.timeout_ms = 5000;
	rig_poll(&r, &t, 1);
	assert_non_null(reading(&r, &at, "a", 3000));
	rig_ctl(&r, "fault a silence");
	began = clock_boot_ms();
	rig_force(&r, "a", 5, 300);
	m = reading(&r, &at, "a", 4500);                     /* before the device's own timeout */
	assert_non_null(m);
	assert_int_equal(m->flags, READING_FORCED | READING_UNREAD);
	assert_true(clock_boot_ms() - began >= 290);
	rig_stop(&r);
}

/* Waits for a message that says the lock is so. */
static const struct msg_interlock *until_lock(struct rig *r, int *at, const char *id, enum lt_lock want, int64_t ms)
{
	const struct msg_interlock *m;

	do
		m = lock_event(r, at, id, ms);
	while (m && m->lock != want);
	return m;
}

static void interlock_follows_the_lease(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0", "b=dio@127.0.0.1:0" };
	struct poll_target t[2];
	const struct msg_interlock *m;
	struct rig r;

	rig_start(&r, world, 2);
	for (int i = 0; i < 2; i++) {
		t[i] = rig_target(&r, i, i ? dio : plc);
		t[i].interlock = t[i].fail_locked = true;
	}
	rig_poll(&r, t, 2);
	for (int i = 0; i < 2; i++) {
		int at = 0;
		const char *id = r.ids[i];
		assert_non_null(until_lock(&r, &at, id, LT_LOCK_LOCKED, 3000));
		rig_lease(&r, id, LT_LOCK_UNLOCKED, 30000);
		assert_non_null(until_lock(&r, &at, id, LT_LOCK_UNLOCKED, 3000));
		assert_non_null(strstr(rig_ctl(&r, "state %s", id), "\"interlock\":\"unlocked\""));
		/* Somebody turns the key: told as a drift, and put right. */
		rig_ctl(&r, "interlock %s locked", id);
		m = until_lock(&r, &at, id, LT_LOCK_LOCKED, 3000);
		assert_non_null(m);
		assert_true(m->drift);
		assert_non_null(until_lock(&r, &at, id, LT_LOCK_UNLOCKED, 3000));
		/* Never while it runs. */
		rig_ctl(&r, "run %s", id);
		at = r.n_messages;
		rig_lease(&r, id, LT_LOCK_LOCKED, 30000);
		assert_null(until_lock(&r, &at, id, LT_LOCK_LOCKED, 400));
		assert_non_null(strstr(rig_ctl(&r, "state %s", id), "\"running\":true,\"interlock\":\"unlocked\""));
		rig_ctl(&r, "stop %s", id);
		assert_non_null(until_lock(&r, &at, id, LT_LOCK_LOCKED, 3000));
	}
	rig_stop(&r);
}

static void lapsed_lease_locks(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0", "p=microscope@127.0.0.1:0,gates=power" };
	struct poll_target t[2];
	struct rig r;
	int at = 0, at_p = 0;

	rig_start(&r, world, 2);
	t[0] = rig_target(&r, 0, plc);
	t[0].interlock = t[0].fail_locked = true;
	t[1] = rig_target(&r, 1, plc);
	t[1].interlock = t[1].gates_power = true;
	t[0].poll_ms = t[1].poll_ms = 30000; /* the lapse is noticed between polls */
	rig_poll(&r, t, 2);
	assert_non_null(reading(&r, &at, "a", 3000));
	assert_non_null(reading(&r, &at_p, "p", 3000));
	rig_lease(&r, "a", LT_LOCK_UNLOCKED, 700);
	rig_lease(&r, "p", LT_LOCK_UNLOCKED, 700);
	assert_non_null(until_lock(&r, &at, "a", LT_LOCK_UNLOCKED, 3000));
	assert_non_null(until_lock(&r, &at_p, "p", LT_LOCK_UNLOCKED, 3000));
	assert_non_null(until_lock(&r, &at, "a", LT_LOCK_LOCKED, 3000));
	assert_null(until_lock(&r, &at_p, "p", LT_LOCK_LOCKED, 300)); /* fail = as-is: left as it was */
	rig_stop(&r);
}

/* A write that is acknowledged and not done is never believed. */
static void stuck_relay_is_not_believed(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0" };
	const struct msg_interlock *m;
	struct poll_target t;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 1);
	t = rig_target(&r, 0, plc);
	t.interlock = t.fail_locked = true;
	t.verify_ms = 200;
	rig_poll(&r, &t, 1);
	assert_non_null(until_lock(&r, &at, "a", LT_LOCK_LOCKED, 3000));
	rig_ctl(&r, "fault a stuck");
	rig_lease(&r, "a", LT_LOCK_UNLOCKED, 30000);
	while ((m = lock_event(&r, &at, "a", 800)))
		assert_int_not_equal(m->lock, LT_LOCK_UNLOCKED);
	rig_ctl(&r, "interlock a locked");
	rig_ctl(&r, "fault a none");
	rig_lease(&r, "a", LT_LOCK_UNLOCKED, 30000);
	assert_non_null(until_lock(&r, &at, "a", LT_LOCK_UNLOCKED, 5000));
	/* An echo that differs is a failed write; what is read back afterwards is what counts. */
	rig_ctl(&r, "fault a echo");
	rig_lease(&r, "a", LT_LOCK_LOCKED, 30000);
	assert_non_null(until_lock(&r, &at, "a", LT_LOCK_LOCKED, 5000));
	assert_non_null(strstr(rig_ctl(&r, "state a"), "\"interlock\":\"locked\""));
	rig_stop(&r);
}

static bool idle(struct rig *r, const void *arg)
{
	return poller_idle(r->poller);
}

static void planned_stop_locks_what_rests(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0", "b=microscope@127.0.0.1:0" };
	struct poll_target t[2];
	struct rig r;

	rig_start(&r, world, 2);
	for (int i = 0; i < 2; i++) {
		t[i] = rig_target(&r, i, plc);
		t[i].interlock = t[i].fail_locked = true;
	}
	rig_poll(&r, t, 2);
	for (int i = 0; i < 2; i++) {
		int at = 0;
		assert_non_null(reading(&r, &at, r.ids[i], 3000));
		rig_lease(&r, r.ids[i], LT_LOCK_UNLOCKED, 30000);
		assert_non_null(until_lock(&r, &at, r.ids[i], LT_LOCK_UNLOCKED, 3000));
	}
	rig_ctl(&r, "run b");
	poller_stop(r.poller);
	assert_true(rig_until(&r, idle, NULL, 3000));
	assert_non_null(strstr(rig_ctl(&r, "state a"), "\"interlock\":\"locked\""));
	assert_non_null(strstr(rig_ctl(&r, "state b"), "\"running\":true,\"interlock\":\"unlocked\""));
	rig_stop(&r);
}

static void reload_keeps_what_did_not_change(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0", "b=microscope@127.0.0.1:0", "c=microscope@127.0.0.1:0" };
	struct lt_profile *again = profile_shipped("generic-plc");
	struct poll_target t[3], next[3];
	char text[8192];
	struct lt_err err;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 3);
	for (int i = 0; i < 3; i++)
		t[i] = rig_target(&r, i, plc);
	rig_poll(&r, t, 2);
	for (int i = 0; i < 2; i++) {
		at = 0;
		assert_non_null(reading(&r, &at, r.ids[i], 3000));
	}
	next[0] = rig_target(&r, 0, again);
	next[1] = rig_target(&r, 2, again);
	next[2] = rig_target(&r, 1, again);
	next[2].host = "not an address";
	assert_int_equal(poller_reload(r.poller, next, 3, &err), -1); /* and nothing changed: */
	at = r.n_messages;
	assert_non_null(reading(&r, &at, "b", 3000));
	assert_int_equal(poller_reload(r.poller, next, 2, &err), 0);
	at = r.n_messages;
	assert_non_null(reading(&r, &at, "c", 3000));
	assert_non_null(reading(&r, &at, "a", 3000));
	at = r.n_messages;
	assert_null(reading(&r, &at, "b", 200));
	poller_metrics(r.poller, text, sizeof(text));
	assert_non_null(strstr(text, "labtime_modbus_connects_total 3\n")); /* a kept its connection */
	assert_non_null(strstr(text, "labtime_controllers 2\n"));
	rig_stop(&r);
	lt_profile_free(again);
}

/* Behind a gateway a dead unit takes little of its siblings' time. */
static void dead_unit_leaves_its_siblings_alone(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,unit=1" };
	struct poll_target t[2];
	const struct msg_link *l;
	struct rig r;
	int at = 0, good = 0, from;

	rig_start(&r, world, 1);
	t[0] = rig_target(&r, 0, plc);
	t[1] = t[0];
	t[1].instrument = "ghost";
	t[1].unit = 9;
	t[0].timeout_ms = t[1].timeout_ms = 100;
	rig_poll(&r, t, 2);
	l = link_event(&r, &at, "ghost", 5000);
	assert_non_null(l);
	assert_false(l->up);
	from = r.n_messages;
	rig_run(&r, 2000);
	while (reading(&r, &from, "a", 0))
		good++;
	assert_true(good >= 60); /* of 100 */
	rig_stop(&r);
}

/* Every defect: no wrong value ever, no abort, and good again afterwards. The hour meter stands at 123456. */
static const struct defect { const char *name; bool lies; } defects[] = {
	{ "silence", false }, { "late 300", false }, { "wrong-id", false }, { "id-zero", false }, { "wrong-unit", false },
	{ "wrong-function", false }, { "length-lie", false }, { "length-short", false }, { "protocol", false },
	{ "exception 1", false }, { "exception 2", false }, { "exception 3", false }, { "exception 4", false },
	{ "exception 5", false }, { "exception 6", false }, { "exception 8", false }, { "exception 10", false },
	{ "exception 11", false }, { "short", false }, { "reset", false }, { "truncate", false }, { "slow 2", false },
	{ "duplicate", false }, { "stale", false }, { "flood", false }, { "garbage", false }, { "oversize", false },
	{ "close", false }, { "late 900", false },
	{ "zero", true }, { "torn", true }, /* well-formed lies: the classifier's affair, not the codec's */
};

static bool wrong(const struct msg *m)
{
	const struct msg_reading *r = (const struct msg_reading *)m;

	return m->kind == MSG_READING && !(r->flags & READING_UNREAD) &&
	       (r->obs.hourmeter != 123456 || r->obs.running || strcmp(r->obs.serial, "S1") != 0 ||
	       r->obs.interlock != LT_LOCK_LOCKED);
}

static void defects_never_become_values(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,hourmeter=123456,serial=S1" };
	struct poll_target t;
	struct rig r;

	rig_start(&r, world, 1);
	rig_exhaust(1124);
	t = rig_target(&r, 0, plc);
	t.timeout_ms = 100;
	rig_poll(&r, &t, 1);
	for (size_t i = 0; i < sizeof(defects) / sizeof(defects[0]); i++) {
		int at = r.n_messages;
		const struct msg_reading *m;
		rig_ctl(&r, "fault a %s", defects[i].name);
		rig_run(&r, 300);
		rig_ctl(&r, "fault a none");
		for (int k = at; !defects[i].lies && k < r.n_messages; k++)
			if (wrong(r.messages[k]))
				fail_msg("%s became a value", defects[i].name);
		at = r.n_messages;
		do
			m = reading(&r, &at, "a", 5000);
		while (m && m->obs.have && m->obs.hourmeter != 123456);
		if (!m)
			fail_msg("%s: no reading afterwards", defects[i].name);
	}
	rig_stop(&r);
}

/* A gateway that answers with another id works with tid = any; a strict profile reads nothing from it. */
static void tid_any(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,hourmeter=123456,serial=S1" };
	static const char *const faults[] = { "wrong-id", "id-zero" };
	struct lt_err err;
	struct lt_profile *any = profile_of_text(
		"name = \"any\"; tid = \"any\"; values = ( { role = \"hourmeter\"; area = \"holding\"; address = 0; type = "
		"\"u32\"; count = \"1s\"; } );", &err);
	struct poll_target t;
	struct rig r;

	assert_non_null(any);
	rig_start(&r, world, 1);
	t = rig_target(&r, 0, any);
	rig_poll(&r, &t, 1);
	for (size_t i = 0; i < 2; i++) {
		int at, n = 0;
		rig_ctl(&r, "fault a %s", faults[i]);
		at = r.n_messages;
		for (const struct msg_reading *m; n < 20 && (m = reading(&r, &at, "a", 1000)); n++)
			assert_true(m->obs.hourmeter == 123456);
		assert_int_equal(n, 20);
	}
	rig_stop(&r);
	lt_profile_free(any);
}

static long counter(struct rig *r, const char *id, const char *name)
{
	const char *at = strstr(rig_ctl(r, "state %s", id), name);

	assert_non_null(at);
	return strtol(at + strlen(name), NULL, 10);
}

static const char watched_text[] =
	"name = \"watched\"; close_after_poll = true; retry = [ 6 ]; pace = \"1ms\"; values = ("
	" { role = \"hourmeter\"; area = \"holding\"; address = 0; type = \"u32\"; count = \"1s\"; },"
	" { role = \"state\"; area = \"holding\"; address = 2; bit = 0; },"
	" { role = \"interlock\"; area = \"coil\"; address = 0; } );"
	"interlock = { area = \"coil\"; address = 0; }; watchdog = { area = \"holding\"; address = 30; value = 1; };";

/* The watchdog is fed while the lease holds, never after it, and never behind a power relay. */
static void watchdog_lives_by_the_lease(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,unlocked", "p=microscope@127.0.0.1:0,unlocked" };
	struct lt_err err;
	struct lt_profile *watched = profile_of_text(watched_text, &err);
	struct poll_target t[2];
	char text[8192];
	long writes;
	struct rig r;
	int at = 0;

	assert_non_null(watched);
	rig_start(&r, world, 2);
	for (int i = 0; i < 2; i++) {
		t[i] = rig_target(&r, i, watched);
		t[i].interlock = true;
	}
	t[1].gates_power = true;
	rig_poll(&r, t, 2);
	assert_non_null(reading(&r, &at, "a", 3000));
	assert_int_equal(counter(&r, "a", "\"writes\":"), 0);
	rig_lease(&r, "a", LT_LOCK_UNLOCKED, 600);
	rig_lease(&r, "p", LT_LOCK_UNLOCKED, 600);
	rig_run(&r, 300);
	assert_true(counter(&r, "a", "\"writes\":") >= 4);
	rig_run(&r, 400);
	writes = counter(&r, "a", "\"writes\":");
	rig_run(&r, 200);
	assert_int_equal(counter(&r, "a", "\"writes\":"), writes);
	assert_int_equal(counter(&r, "p", "\"writes\":"), 0);
	/* A busy device is asked again, in the same poll. */
	rig_ctl(&r, "fault a exception 6 times=2");
	rig_run(&r, 300);
	poller_metrics(r.poller, text, sizeof(text));
	assert_non_null(strstr(text, "labtime_polls_total{result=\"failed\"} 0\n"));
	assert_non_null(strstr(text, "labtime_modbus_requests_total{result=\"exception\"} 2\n"));
	rig_stop(&r);
	lt_profile_free(watched);
}

static void reconnects_after_the_controller_was_away(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0,hourmeter=5,volatile" };
	const struct msg_reading *m;
	const struct msg_link *l;
	struct poll_target t;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 1);
	t = rig_target(&r, 0, plc);
	rig_poll(&r, &t, 1);
	l = link_event(&r, &at, "a", 3000);
	assert_true(l && l->up);
	rig_ctl(&r, "reboot a 600");
	l = link_event(&r, &at, "a", 5000);
	assert_true(l && !l->up);
	l = link_event(&r, &at, "a", 8000);
	assert_true(l && l->up);
	m = reading(&r, &at, "a", 3000);
	assert_non_null(m);
	assert_true(m->obs.hourmeter == 0 && m->obs.boots == 2);
	rig_stop(&r);
}

static int setup(void **state)
{
	plc = profile_shipped("generic-plc");
	dio = profile_shipped("adam-6050");
	return 0;
}

static int teardown(void **state)
{
	plc = lt_profile_free(plc);
	dio = lt_profile_free(dio);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_that_bills),
		cmocka_unit_test(a_reading_tells_whether_it_is_news), cmocka_unit_test(meter_and_truth_agree),
		cmocka_unit_test(forced_polls),
		cmocka_unit_test(ticket_meets_its_deadline), cmocka_unit_test(interlock_follows_the_lease),
		cmocka_unit_test(lapsed_lease_locks), cmocka_unit_test(stuck_relay_is_not_believed),
		cmocka_unit_test(planned_stop_locks_what_rests), cmocka_unit_test(reload_keeps_what_did_not_change),
		cmocka_unit_test(dead_unit_leaves_its_siblings_alone), cmocka_unit_test(tid_any),
		cmocka_unit_test(watchdog_lives_by_the_lease),
		cmocka_unit_test(reconnects_after_the_controller_was_away), cmocka_unit_test(defects_never_become_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
