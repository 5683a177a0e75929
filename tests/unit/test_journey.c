/*
 * test_journey.c - one booking through every room of the ledger: book, check in, the instrument runs, check out,
 * charged, explained, in the book. The seconds are the counter's, the cents the tariff's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/booking_acts.h"
#include "app/metering.h"
#include "app/timers.h"
#include "common/fmt.h"
#include "export/explain.h"
#include "store/charge.h"
#include "support/world.h"

#define POLL (10 * LT_SECOND)

struct lab { struct world *w; uint64_t raw; bool running; };

static void tick(struct lab *lab, int64_t ms)
{
	world_sleep(lab->w, ms);
	if (lab->running)
		lab->raw += (uint64_t)(ms / 1000);
}

static void read_meter(struct lab *lab, uint32_t flags)
{
	struct msg_reading m = { .head = { .kind = MSG_READING, .at = lab->w->now }, .flags = flags, .rtt_ms = 5 };

	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	m.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE | LT_HAVE_INTERLOCK;
	m.obs.hourmeter = lab->raw;
	m.obs.running = lab->running;
	m.obs.interlock = LT_LOCK_UNLOCKED;
	world_act(lab->w, NULL);
	assert_int_equal(0, world_end(lab->w, metering_reading(&lab->w->act, &m)));
}

/* Fires what is due, as the ledger does: the row goes, then the function runs. */
static void fire_timers(struct lab *lab)
{
	for (;;) {
		char kind[24];
		struct world *w = lab->w;
		struct stmt *s;
		int64_t ref, due;

		world_act(w, NULL);
		s = db_query(w->db, "SELECT kind, ref, due_at FROM timer WHERE due_at <= ?1 ORDER BY due_at, kind, ref LIMIT 1",
			"i", w->now.wall_ms);
		if (db_step(s) != DB_ROW) {
			db_end(s);
			world_end(w, 0);
			return;
		}
		db_copy_text(s, 0, kind, sizeof(kind));
		ref = db_int(s, 1);
		due = db_int(s, 2);
		db_end(s);
		act_timer_clear(&w->act, kind, ref);
		w->act.polled = true;
		assert_non_null(timer_kind_find(kind));
		assert_int_equal(0, world_end(w, timer_kind_find(kind)->fire(&w->act, ref, due)));
	}
}

static void run_for(struct lab *lab, int64_t ms)
{
	for (; ms > 0; ms -= POLL) {
		tick(lab, ms < POLL ? ms : POLL);
		read_meter(lab, 0);
		fire_timers(lab);
	}
}

static struct act *as_alice(struct lab *lab)
{
	struct act *a = world_act(lab->w, "alice");

	a->polled = true;
	return a;
}

static int64_t book(struct lab *lab, int64_t from, int64_t to)
{
	struct booking_request rq = { .from = from, .to = to };
	struct booking b;
	int r;

	lt_fmt(rq.instrument, sizeof(rq.instrument), "krios-1");
	r = booking_create(as_alice(lab), &rq, &b);
	if (r == ACT_REFUSED)
		print_message("# %s: %s %s\n", lab->w->act.refusal.err.code, lab->w->act.refusal.err.text,
			lab->w->act.refusal.rules.n ? lab->w->act.refusal.rules.v[0].text : "");
	assert_int_equal(0, world_end(lab->w, r));
	return b.id;
}

static void explains(struct lab *lab, int64_t charge)
{
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err;
	struct charge c;
	char *record;

	assert_int_equal(0, charge_load(lab->w->db, charge, &c));
	record = charge_record(lab->w->db, charge);
	assert_int_equal(0, explain_record(x, record, c.sha256, &lab->w->site.zone, &err));
	assert_true(x->matches);
	free(record);
	free(x);
}

static struct lab start_lab(void)
{
	struct lab lab = { .w = world_new(), .raw = 5000 };
	struct act *a = world_act(lab.w, NULL);

	for (int i = 0; i < 3; i++)
		assert_int_equal(0, terms_adopt(a, &lab.w->instruments[i]));
	assert_int_equal(0, world_end(lab.w, 0));
	return lab;
}

static void booked_used_charged(void **state)
{
	struct lab lab = start_lab();
	struct world *w = lab.w;
	struct booking b;
	int64_t id, from = WORLD_NOW + LT_HOUR;

	run_for(&lab, 10 * LT_MINUTE);
	id = book(&lab, from, from + 2 * LT_HOUR);
	run_for(&lab, 50 * LT_MINUTE + 30 * LT_SECOND);
	read_meter(&lab, READING_FORCED);
	assert_int_equal(0, world_end(w, booking_checkin(as_alice(&lab), id, &b)));
	run_for(&lab, 5 * LT_MINUTE);
	lab.running = true;
	run_for(&lab, 100 * LT_MINUTE);
	lab.running = false;
	run_for(&lab, LT_MINUTE);
	read_meter(&lab, READING_FORCED);
	assert_int_equal(0, world_end(w, booking_checkout(as_alice(&lab), id, &b)));
	run_for(&lab, 5 * LT_MINUTE);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(6000, world_int(w, "SELECT used_s FROM charge"));
	assert_int_equal(16667, world_int(w, "SELECT amount_minor FROM charge"));
	assert_int_equal(16667, world_int(w, "SELECT SUM(minor) FROM entry WHERE account = 'receivable:acme'"));
	assert_int_equal(0, world_int(w, "SELECT SUM(minor) FROM entry"));
	assert_true(world_int(w, "SELECT idle_s FROM charge") >= 290);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM session WHERE outcome = 'charged' AND state = 'charged'"));
	explains(&lab, 1);
	world_free(w);
}

/* Runs over the end: grace is free, then the overrun rate (x 1 by default); charged once all is read. */
static void overrun_is_measured(void **state)
{
	struct lab lab = start_lab();
	struct world *w = lab.w;
	struct booking b;
	int64_t id, from = WORLD_NOW + LT_HOUR;

	run_for(&lab, 10 * LT_MINUTE);
	id = book(&lab, from, from + LT_HOUR);
	run_for(&lab, 50 * LT_MINUTE);
	read_meter(&lab, READING_FORCED);
	assert_int_equal(0, world_end(w, booking_checkin(as_alice(&lab), id, &b)));
	lab.running = true;
	run_for(&lab, 75 * LT_MINUTE);
	lab.running = false;
	run_for(&lab, 20 * LT_MINUTE);
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(4500, world_int(w, "SELECT used_s FROM charge"));
	assert_int_equal(600, world_int(w, "SELECT overrun_s FROM charge"));
	assert_int_equal(300, world_int(w, "SELECT seconds FROM charge_line WHERE component = 'grace' AND amount_minor = "
		"0"));
	assert_int_equal(10000 + 1667, world_int(w, "SELECT amount_minor FROM charge"));
	explains(&lab, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(booked_used_charged), cmocka_unit_test(overrun_is_measured) };

	return cmocka_run_group_tests_name("journey", tests, NULL, NULL);
}
