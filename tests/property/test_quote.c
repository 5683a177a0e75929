/*
 * test_quote.c - quote and charge: price lists that are announced ahead and set out of order, bookings that are made,
 * moved, extended and shortened between them, over days on which the clock is put forward or back, and extended while
 * they are used, before their end and after it. Used as booked, a booking costs what its last change said when that is
 * locked; in the other modes, and for each interval that was promised, what a reference in this file adds up minute by
 * minute. A failing seed is printed; LABTIME_SEED runs it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "unit/settle_rig.h"

#include "app/booking_acts.h"
#include "base/base.h"
#include "common/fmt.h"

#define CASES 60
#define STEPS 14
#define CELL (15 * LT_MINUTE)

static uint64_t state;

static int64_t below(int64_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((state >> 33) % (uint64_t)n);
}

/* What the reference knows: lists in the order in which they were set, and what was promised. */
struct model {
	struct world *w;
	int n_lists, n_rows, last_change;
	struct { int64_t at, rate; } list[STEPS + 2];
	struct { int64_t from, to; int list; } row[STEPS + 2];
	int n_kept;
	struct { int64_t from, to; } kept[STEPS];   /* ran over before an extension: twice the rate */
	struct booking b;
};

#define OVERRUN 2

static const char *mode;

static void set_mode(struct price *p)
{
	struct lt_err err;

	assert_int_equal(0, price_set(p, "price_change", mode, 2, &err));
	p->overrun_pm = OVERRUN * 1000;
}

static int in_force(const struct model *m, int64_t at)
{
	int best = 0;

	for (int i = 0; i < m->n_lists; i++)
		if (m->list[i].at <= at && m->list[i].at >= m->list[best].at)
			best = i;
	return best;
}

static void announce(struct model *m)
{
	int64_t now = m->w->now.wall_ms, at = below(3) ? now + below(2 * 24 * 60) * LT_MINUTE : now;
	struct terms_row row;
	struct price p;

	price_defaults(&p);
	set_mode(&p);
	p.rate_minor = 5000 + below(20000);
	assert_int_equal(0, world_end(m->w, terms_set_price(world_act(m->w, "root"), "krios-1", &p, at, &row)));
	m->list[m->n_lists].at = at;
	m->list[m->n_lists++].rate = p.rate_minor;
}

static void promise(struct model *m, int64_t from, int64_t to)
{
	m->row[m->n_rows].from = from;
	m->row[m->n_rows].to = to;
	m->row[m->n_rows++].list = in_force(m, m->w->now.wall_ms);
	m->last_change = m->n_lists;
}

static void book(struct model *m)
{
	int64_t from = (m->w->now.wall_ms / CELL + 16 + below(80)) * CELL;
	struct booking_request rq = { .instrument = "krios-1", .from = from, .to = from + (1 + below(24)) * CELL };

	assert_int_equal(0, world_end(m->w, booking_create(world_act(m->w, "alice"), &rq, &m->b)));
	promise(m, rq.from, rq.to);
}

static void patch(struct model *m, int64_t from, int64_t to)
{
	struct booking_patch p = { .has_from = true, .has_to = true, .from = from, .to = to };

	if (world_end(m->w, booking_change(world_act(m->w, "alice"), m->b.id, 0, &p, &m->b)) != 0)
		fail_msg("%s", m->w->act.refusal.err.text);
}

static void extend(struct model *m)
{
	int64_t was = m->b.booked_to;

	patch(m, m->b.booked_from, was + (1 + below(8)) * CELL);
	promise(m, was, m->b.booked_to);
}

static bool kept(const struct model *m, int64_t at)
{
	for (int i = 0; i < m->n_kept; i++)
		if (at >= m->kept[i].from && at < m->kept[i].to)
			return true;
	return false;
}

/* While a run is on: before the end, or some minutes after it, which stay overrun. */
static void extend_in_use(struct model *m)
{
	struct world *w = m->w;
	int64_t was = m->b.booked_to, now = was + (below(60) - 30) * LT_MINUTE, from;

	if (now < w->now.wall_ms)
		now = w->now.wall_ms;
	w->now.wall_ms = now;
	from = now > was ? now : was;
	patch(m, m->b.booked_from, ((from / CELL) + 1 + below(8)) * CELL);
	if (from > was) {
		m->kept[m->n_kept].from = was;
		m->kept[m->n_kept++].to = from;
	}
	promise(m, from, m->b.booked_to);
}

static void shorten(struct model *m)
{
	int64_t cells = (m->b.booked_to - m->b.booked_from) / CELL;

	if (cells < 2)
		return;
	patch(m, m->b.booked_from, m->b.booked_to - (1 + below(cells - 1)) * CELL);
	while (m->row[m->n_rows - 1].from >= m->b.booked_to)
		m->n_rows--;
	m->row[m->n_rows - 1].to = m->b.booked_to;
	m->last_change = m->n_lists;
}

static void move(struct model *m)
{
	int64_t by = (1 + below(6)) * CELL;

	m->n_rows = 0;
	patch(m, m->b.booked_from + by, m->b.booked_to + by);
	promise(m, m->b.booked_from, m->b.booked_to);
}

static int64_t reference(const struct model *m)
{
	int64_t seconds[STEPS + 2][2] = { { 0 } }, sum = 0;
	int row = 0;

	for (int64_t at = m->b.booked_from; at < m->b.booked_to; at += LT_MINUTE) {
		while (row + 1 < m->n_rows && at >= m->row[row + 1].from)
			row++;
		seconds[strcmp(mode, "lock_at_booking") == 0 ? m->row[row].list
			: in_force(m, strcmp(mode, "split") == 0 ? at : m->b.booked_from)][kept(m, at)] += 60;
	}
	for (int i = 0; i < m->n_lists; i++) /* a line each for time and overrun */
		for (int over = 0; over < 2; over++)
			sum += (seconds[i][over] * m->list[i].rate * (over ? OVERRUN : 1) + 1800) / 3600;
	return sum;
}

/* Checked in at the start; a run is on from then. */
static void check_in(struct model *m)
{
	struct world *w = m->w;

	w->now.wall_ms = m->b.booked_from;
	world_act(w, NULL);
	add_session(w, 1, m->b.id, m->b.booked_from, m->b.booked_to, true);
	db_run(w->db, "UPDATE session SET state = 'running', outcome = NULL, closed_at = NULL, close_cause = NULL, checkin_at = "
		"opened_at, first_run_at = opened_at, end_reading = 0", "");
	db_run(w->db, "UPDATE booking SET state = 'active', checkin_at = booked_from WHERE id = ?1", "i", m->b.id);
	assert_int_equal(0, world_end(w, 0));
}

static int64_t check_out(struct model *m)
{
	struct world *w = m->w;

	w->now.wall_ms = m->b.booked_to + LT_HOUR;
	world_act(w, NULL);
	db_run(w->db, "UPDATE session SET state = 'closed', outcome = 'settling', closed_at = ?1, close_cause = 'user', "
		"end_reading = 1", "i", m->b.booked_to);
	add_run(w, 1, 1, m->b.booked_from, m->b.booked_to);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	return charged(w);
}

static void begin(struct model *m)
{
	/* the day before the clock is put back in Berlin and in New York, and forward by half an hour on Lord Howe */
	static const struct { const char *zone; int64_t at; } places[] = { { "Europe/Berlin", INT64_C(1792836000000) },
		{ "America/New_York", INT64_C(1793448000000) }, { "Australia/Lord_Howe", INT64_C(1790985600000) } };
	int i = (int)below(3);
	struct lt_err err;

	memset(m, 0, sizeof(*m));
	m->w = world_new();
	assert_int_equal(0, zone_load(&m->w->site.zone, places[i].zone, &err));
	m->w->now.wall_ms = places[i].at + below(600) * LT_MINUTE;
	adopt(m->w, set_mode);
	m->list[m->n_lists].at = m->w->now.wall_ms;
	m->list[m->n_lists++].rate = 10000;
}

static void one_case(void)
{
	static void (*const verbs[])(struct model *m) = { announce, announce, announce, extend, shorten, move };
	struct model m;
	int64_t said, want, got;

	begin(&m);
	for (int i = (int)below(5); i > 0; i--)
		announce(&m);
	book(&m);
	for (int i = 0; i < STEPS - 6; i++) {
		m.w->now.wall_ms += below(25) * LT_MINUTE;
		verbs[below(6)](&m);
	}
	check_in(&m);
	for (int i = (int)below(5); i > 0; i--) {
		m.w->now.wall_ms += below(10) * LT_MINUTE;
		(below(2) && m.n_lists < STEPS ? announce : extend_in_use)(&m);
	}
	said = m.b.quote_minor;
	want = reference(&m);
	got = check_out(&m);
	if (got != want)
		fail_msg("%s: charged %lld, the reference says %lld", mode, (long long)got, (long long)want);
	if ((strcmp(mode, "lock_at_booking") == 0 || m.last_change == m.n_lists) && got != said)
		fail_msg("%s: charged %lld, the last change said %lld", mode, (long long)got, (long long)said);
	book_balances(m.w);
	every_charge_explains_itself(m.w);
	world_free(m.w);
}

static void used_as_booked_costs_what_was_said(void **unused)
{
	static const char *const modes[] = { "lock_at_booking", "lock_at_start", "split" };

	for (int i = 0; i < 3 * CASES; i++) {
		mode = modes[i % 3];
		one_case();
	}
}

static int seed(void **unused)
{
	const char *text = getenv("LABTIME_SEED");
	int64_t value = 20261128;

	if (text && !lt_parse_i64(text, 0, INT64_MAX, &value))
		return -1;
	state = (uint64_t)value;
	print_message("# LABTIME_SEED=%lld\n", (long long)value);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(used_as_booked_costs_what_was_said) };

	return cmocka_run_group_tests_name("quote and charge", tests, seed, NULL);
}
