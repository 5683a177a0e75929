/*
 * test_recovery.c - killed in the middle of a run, and what came to pass before the next start: the controller
 * rebooted, its counter wrapped or began anew, the machine itself was restarted. The store is a file; what a kill
 * leaves is an image of that file and its journal, taken while a reading was half written. Nothing is billed twice, and
 * doubt favours the customer. Virtual time.
 */
#include "sessions_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GONE "-wal", "-shm", "-journal", ""

static char dir[64], path[2][96];
static int image;

static void copy(const char *suffix)
{
	char from[128], to[128], bytes[65536];
	size_t n;
	FILE *in, *out;

	snprintf(from, sizeof(from), "%s%s", path[image], suffix);
	snprintf(to, sizeof(to), "%s%s", path[!image], suffix);
	remove(to);
	in = fopen(from, "rb");
	if (!in)
		return;
	out = fopen(to, "wb");
	assert_non_null(out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static int begin(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/labtime-recovery.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path[0], sizeof(path[0]), "%s/a.db", dir);
	snprintf(path[1], sizeof(path[1]), "%s/b.db", dir);
	image = 0;
	memset(&inv, 0, sizeof(inv));
	w = world_new_at(path[0]);
	devices_init(&d, w);
	return 0;
}

static int end(void **state)
{
	static const char *const suffixes[] = { GONE };

	teardown(state);
	for (int k = 0; k < 8; k++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", path[k & 1], suffixes[k >> 1]);
		remove(name);
	}
	rmdir(dir);
	return 0;
}

/* kill -9 in the middle of a reading: what it wrote so far is in no committed state. */
static void killed(void)
{
	static const char *const suffixes[] = { GONE };
	struct msg_reading m = { .head.at = w->now, .rtt_ms = 5 };
	struct lt_err err = { 0 };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	m.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
	m.obs.hourmeter = (d.of[0].base + (uint64_t)(d.of[0].run_ms / 1000)) & 0xffffffff;
	m.obs.running = d.of[0].on;
	assert_int_equal(metering_reading(world_act(w, NULL), &m), 0);
	for (size_t k = 0; k < sizeof(suffixes) / sizeof(suffixes[0]); k++)
		copy(suffixes[k]);
	db_rollback(w->db);
	db_close(w->db);
	image = !image;
	w->db = db_open(path[image], 0, &err);
	assert_non_null(w->db);
}

/* Time goes by while nobody looks. */
static void dark(int64_t ms)
{
	for (int k = 0; k < 3; k++)
		d.of[k].run_ms += d.of[k].on ? ms : 0;
	world_sleep(w, ms);
}

/* The machine itself starts again: BOOTTIME begins anew. */
static void machine_restarts(const char *boot_id)
{
	w->boot_id = boot_id;
	w->now.boot_ms = 20000;
	memset(&inv, 0, sizeof(inv)); /* its axis is BOOTTIME */
	must(NULL, do_recover, 0);
	for (int k = 0; k < 3; k++)
		devices_poll(&d, k);
	memset(&inv, 0, sizeof(inv));
}

static int64_t checked_in(const char *user, const char *instrument, int k)
{
	int64_t b = book(user, instrument, H(1), H(4));

	run_until(H(1));
	must(user, do_checkin, b);
	d.of[k].on = true;
	run(MIN(10));
	return b;
}

static void leave(const char *user, int64_t b, int k)
{
	d.of[k].on = false;
	run(MIN(1));
	must(user, do_checkout, b);
}

static int64_t rows(const char *class)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM reading WHERE class = ?1", "t", class);
}

static void test_killed_in_a_run(void **state)
{
	int64_t b = checked_in("alice", "krios-1", 0), before;

	(void)state;
	for (int k = 0; k < 3; k++) { /* more than once: each start finds the same */
		run(12345);
		killed();
		dark(MIN(1));
		must(NULL, do_recover, 0);
	}
	before = world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'");
	devices_poll(&d, 0);
	assert_true(world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'") > before);
	before = world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'");
	devices_poll(&d, 0); /* I6 */
	assert_int_equal(world_int(w, "SELECT ext_ms FROM meter WHERE instrument = 'krios-1'"), before);
	run(MIN(5));
	leave("alice", b, 0);
	assert_int_equal(of_booking(b).measured_ms, d.of[0].run_ms / 1000 * 1000);
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED); /* no gap was over 5 min or 5 % */
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), d.of[0].run_ms / 1000);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
}

static void test_ended_while_down(void **state)
{
	int64_t b = checked_in("alice", "krios-1", 0);

	(void)state;
	killed();
	dark(MIN(2));
	d.of[0].on = false;
	dark(MIN(2));
	must(NULL, do_recover, 0);
	run(MIN(1));
	assert_int_equal(of_booking(b).state, SESSION_IDLE);
	must("alice", do_checkout, b);
	assert_int_equal(of_booking(b).measured_ms, MIN(12));
	assert_int_equal(world_int(w, "SELECT measured_ms FROM usage WHERE reason = 'gap'"), MIN(2));
}

static void test_wrapped_while_down(void **state)
{
	int64_t b;

	(void)state;
	d.of[0].base = UINT64_C(0x100000000) - 700; /* eleven minutes and forty seconds of run below the wrap */
	killed();
	must(NULL, do_recover, 0);
	db_run(w->db, "DELETE FROM meter", "");
	memset(&inv, 0, sizeof(inv));
	b = checked_in("alice", "krios-1", 0);
	killed();
	dark(MIN(4));
	must(NULL, do_recover, 0);
	run(MIN(5));
	assert_true(rows("WRAP") == 1);
	assert_true(world_int(w, "SELECT COUNT(*) FROM audit WHERE act = 'meter_class' AND after = 'WRAP'") == 1);
	leave("alice", b, 0);
	assert_int_equal(of_booking(b).measured_ms, MIN(19));
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
}

/* The counter began anew at 0: what it says since is measured; what is missing is nobody's to bill. */
static void test_reset_while_down(void **state)
{
	int64_t b = checked_in("alice", "krios-1", 0);

	(void)state;
	killed();
	dark(MIN(2));
	d.of[0].base = (uint64_t)-(d.of[0].run_ms / 1000);
	dark(MIN(2));
	must(NULL, do_recover, 0);
	run(MIN(5));
	assert_int_equal(rows("RESET"), 1);
	leave("alice", b, 0);
	assert_int_equal(of_booking(b).measured_ms, MIN(10) + MIN(2) + MIN(5));
	assert_true(of_booking(b).estimated_ms <= 1000); /* at most a poll, apart, priced at nothing */
	assert_int_equal(world_int(w, "SELECT used_s FROM charge"), 17 * 60);
}

static void test_controller_rebooted_while_down(void **state)
{
	int64_t b = checked_in("alice", "krios-1", 0);

	(void)state;
	killed();
	dark(MIN(1));
	d.of[0].on = false; /* it lost power: its run ended, its counter is kept */
	dark(MIN(1));
	must(NULL, do_recover, 0);
	run(MIN(1));
	d.of[0].on = true;
	run(MIN(5));
	leave("alice", b, 0);
	assert_int_equal(of_booking(b).measured_ms, MIN(16));
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM session"), 1);
}

static void test_machine_restarted(void **state)
{
	int64_t b = checked_in("alice", "krios-1", 0), p;

	(void)state;
	p = book("bob", "plc-1", H(2), H(4));
	run_until(H(2));
	must("bob", do_checkin, p);
	d.of[1].on = true;
	run(MIN(10));
	killed();
	dark(MIN(4));
	machine_restarts("00000000-0000-0000-0000-000000000002");
	run(MIN(5));
	assert_true(world_int(w, "SELECT COUNT(*) FROM reading WHERE detail LIKE 'clock=wall%'") >= 1);
	d.of[1].on = false;
	leave("alice", b, 0);
	must("bob", do_checkout, p);
	assert_int_equal(of_booking(b).measured_ms, MIN(60 + 10 + 4 + 5)); /* a counter loses nothing */
	assert_true(of_booking(p).measured_ms <= MIN(15));                 /* a sampled bit measures nothing unseen */
	assert_true(of_booking(p).measured_ms >= MIN(15) - 11000);
	assert_int_equal(of_booking(b).outcome, OUTCOME_CHARGED);
}

/* ... with its clock an hour behind: time stands still for us, so the difference is not possible and bills nothing. */
static void test_machine_restarted_with_a_slow_clock(void **state)
{
	int64_t b = checked_in("alice", "krios-1", 0), truth;

	(void)state;
	run(MIN(60));
	killed();
	dark(MIN(4));
	w->now.wall_ms -= MIN(50);
	machine_restarts("00000000-0000-0000-0000-000000000003");
	run(MIN(2));
	d.of[0].on = false;
	run(MIN(1));
	truth = d.of[0].run_ms;
	assert_int_equal(rows("MANUAL"), 1);
	assert_int_equal(reviews("meter_manual"), 1);
	assert_true(of_booking(b).measured_ms <= truth - MIN(4));
	assert_true(of_booking(b).measured_ms >= MIN(70));
}

#define B(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		B(test_killed_in_a_run), B(test_ended_while_down), B(test_wrapped_while_down), B(test_reset_while_down),
		B(test_controller_rebooted_while_down), B(test_machine_restarted),
		B(test_machine_restarted_with_a_slow_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
