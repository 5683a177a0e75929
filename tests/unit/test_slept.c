/*
 * test_slept.c - labtimed had no turn for a while: its machine slept, or somebody stopped the process. For so long
 * nobody could check in, and nobody is charged for not coming. The real ledger in virtual time, a step each second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/booking_acts.h"
#include "app/ledger.h"
#include "common/fmt.h"
#include "support/world.h"

#define MIN(n) ((n) * LT_MINUTE)
#define START (WORLD_NOW + MIN(30))
#define POLL (20 * LT_SECOND)               /* ten of them are a gap: 200 s */

static struct world *w;
static struct queue *in, *out;
static struct ledger *l;
static bool disk_full;

static int no_request(struct act *a, const struct msg_request *m, struct ledger_reply *ret) { return 0; }
static bool no_read(const struct msg_request *m) { return false; }

static int fail_on_demand(void *arg, enum db_op op, const char *sql)
{
	return disk_full && op == DB_OP_STEP && sql && strstr(sql, "INSERT INTO outage") ? DB_FULL : 0;
}

static int open_lab(void **state)
{
	struct lt_err err;
	struct act *a;
	int rc = 0;

	w = world_new();
	disk_full = false;
	a = world_act(w, NULL);
	for (int i = 0; i < 3 && rc == 0; i++) {
		w->instruments[i].meter.poll_ms = POLL;
		w->instruments[i].price.no_show_bp = 5000;
		rc = terms_adopt(a, &w->instruments[i]);
	}
	assert_int_equal(world_end(w, rc), 0);
	in = queue_new();
	out = queue_new();
	struct ledger_options o = { .db = w->db, .site = &w->site, .boot_id = w->boot_id, .in = in, .out = out,
		.request = no_request, .is_read = no_read, .ports = &ledger_ports };
	l = ledger_new(&o, &err);
	assert_non_null(l);
	return 0;
}

static int close_lab(void **state)
{
	l = ledger_free(l);
	queue_free(in);
	queue_free(out);
	w = world_free(w);
	return 0;
}

static void reading(const char *instrument, uint64_t ticket)
{
	struct msg_reading *m = msg_new(MSG_READING, sizeof(*m));

	m->head.at = w->now;
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", instrument);
	m->ticket = ticket;
	m->obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
	m->obs.hourmeter = 5000;
	queue_push(in, &m->head);
}

/* Forced polls are answered at once. */
static void step(void)
{
	struct msg *m, *next;
	bool asked;

	do {
		asked = false;
		assert_int_equal(ledger_step(l, w->now), 0);
		for (m = queue_take(out); m; m = next) {
			next = m->next;
			if (m->kind == MSG_POLL)
				reading(((struct msg_poll *)m)->instrument, ((struct msg_poll *)m)->ticket);
			asked = asked || m->kind == MSG_POLL;
			msg_free(m);
		}
	} while (asked);
}

static void run_to(int64_t to)
{
	for (step(); w->now.wall_ms < to; step()) {
		world_sleep(w, LT_SECOND);
		if (w->now.wall_ms % POLL == 0)
			reading("krios-1", 0);
	}
}

static int64_t booked(void)
{
	struct booking_request r = { .from = START, .to = START + MIN(120), .instrument = "krios-1" };
	struct booking b;

	assert_int_equal(world_end(w, booking_create(world_act(w, "alice"), &r, &b)), 0);
	return b.id;
}

static const char *state_of(int64_t id)
{
	struct booking b;

	assert_int_equal(booking_load(world_read(w, NULL), id, &b), 0);
	return booking_state_name(b.state);
}

/* N is 30 minutes that somebody could have come in. However short it was away, the wait is so much longer. */
static void while_the_machine_sleeps_nobody_is_late(void **state)
{
	static const int slept_s[][2] = { { 30, 0 }, { 100, 0 }, { 199, 0 }, { 200, 0 }, { 201, 0 }, { 1800, 0 },
		{ 150, 150 } };

	for (size_t i = 0; i < sizeof(slept_s) / sizeof(slept_s[0]); i++) {
		int64_t id, late = (slept_s[i][0] + slept_s[i][1]) * LT_SECOND;

		if (i)
			open_lab(NULL);
		run_to(WORLD_NOW + MIN(1));
		id = booked();
		run_to(START + MIN(10));
		world_sleep(w, slept_s[i][0] * LT_SECOND);
		run_to(w->now.wall_ms + MIN(5));
		world_sleep(w, slept_s[i][1] * LT_SECOND);
		run_to(START + MIN(30) + late - 2 * LT_SECOND);
		if (strcmp(state_of(id), "confirmed") != 0)
			fail_msg("slept %d + %d s: %s too early", slept_s[i][0], slept_s[i][1], state_of(id));
		run_to(START + MIN(32) + late);
		assert_string_equal(state_of(id), "no_show");
		if (i + 1 < sizeof(slept_s) / sizeof(slept_s[0]))
			close_lab(NULL);
	}
}

/* Somebody who was asleep over the booked end as well had no chance: free of charge. */
static void asleep_over_the_booked_end_it_lapses(void **state)
{
	int64_t id;

	run_to(WORLD_NOW + MIN(1));
	id = booked();
	run_to(START + MIN(10));
	world_sleep(w, MIN(200));
	run_to(w->now.wall_ms + MIN(2));
	assert_string_equal(state_of(id), "lapsed");
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge"), 0);
}

/* A turn that comes a little late is no outage. */
static void a_busy_second_is_no_outage(void **state)
{
	run_to(WORLD_NOW + MIN(1));
	for (int i = 0; i < 5; i++) {
		world_sleep(w, 5 * LT_SECOND);
		step();
	}
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM outage"), 0);
	world_sleep(w, 5 * LT_SECOND + 1);
	step();
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM outage WHERE kind = 'unwatched'"), 3);
	assert_int_equal(world_int(w, "SELECT MIN(to_at - from_at) FROM outage"), 5 * LT_SECOND + 1);
}

/* The store could not take it at once: it is written later, whole, and once. */
static void what_the_store_could_not_take_is_written_later(void **state)
{
	run_to(WORLD_NOW + MIN(1));
	db_on_op(w->db, fail_on_demand, NULL);
	disk_full = true;
	world_sleep(w, MIN(1));
	run_to(w->now.wall_ms + 2 * LT_SECOND);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM outage"), 0);
	disk_full = false;
	run_to(w->now.wall_ms + MIN(2));
	db_on_op(w->db, NULL, NULL);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM outage"), 3);
	assert_int_equal(world_int(w, "SELECT MIN(to_at - from_at) FROM outage"), MIN(1));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)
	const struct CMUnitTest tests[] = {
		T(while_the_machine_sleeps_nobody_is_late),
		T(asleep_over_the_booked_end_it_lapses),
		T(a_busy_second_is_no_outage),
		T(what_the_store_could_not_take_is_written_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
