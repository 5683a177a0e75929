/*
 * test_attribution.c - how a gap's difference is split: who competes has what is certainly their own, and the pieces
 * sum to the difference whatever the windows are (METERING.md, Gaps). Pure functions, tables and seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/attribution.h"

static int64_t sum(const struct attr_piece *p, int n, int64_t session)
{
	int64_t ms = 0;

	for (int i = 0; i < n; i++)
		if (session < 0 || p[i].session == session)
			ms += p[i].measured_ms;
	return ms;
}

static int split(int64_t length, int64_t delta, bool on_at_start, int64_t slack, const struct attr_window *w, int n,
	struct attr_piece p[ATTR_PIECES])
{
	struct attr_gap gap = { 0, length, delta, on_at_start, false, slack };

	return attr_split(&gap, w, n, p);
}

static void test_run_at_the_start_keeps_the_gap(void **state)
{
	struct attr_window w[] = { { 1, 0 }, { 2, 600 } };
	struct attr_piece p[ATTR_PIECES];
	int n;

	(void)state;
	n = split(1000, 400, true, 0, w, 2, p);
	assert_int_equal(sum(p, n, 1), 400);
	n = split(1000, 800, true, 0, w, 2, p);
	assert_int_equal(sum(p, n, 1), 600);
	assert_int_equal(sum(p, n, 2), 200);
	assert_true(p[0].placed);
	n = split(1000, 800, true, 0, w, 1, p);
	assert_int_equal(sum(p, n, 1), 800);
}

static void test_only_certain_parts(void **state)
{
	struct attr_window two[] = { { 1, 0 }, { 2, 600 } }, late[] = { { 3, 700 } };
	struct attr_piece p[ATTR_PIECES];
	int n;

	(void)state;
	n = split(1000, 700, false, 0, two, 2, p);
	assert_int_equal(sum(p, n, 1), 300); /* the other's 400 could not hold more */
	assert_int_equal(sum(p, n, 2), 100);
	assert_int_equal(sum(p, n, 0), 300);
	n = split(1000, 500, false, 0, late, 1, p);
	assert_int_equal(sum(p, n, 3), 0);
	assert_int_equal(sum(p, n, 0), 500);
	n = split(1000, 1000, false, 0, late, 1, p);
	assert_int_equal(sum(p, n, 3), 300);
	n = split(1000, 0, false, 0, late, 1, p);
	assert_int_equal(n, 0);
	n = split(1000, 250, false, 0, NULL, 0, p);
	assert_int_equal(sum(p, n, 0), 250);
}

/* On at both ends and short of the gap: the first has stopped, and what may follow the next check-in is not its own. */
static void test_a_run_that_stopped_keeps_what_cannot_be_the_nexts(void **state)
{
	struct attr_window w[] = { { 1, 0, 0 }, { 2, 600, 0 } };
	static const struct { int64_t delta; bool on_at_end; int64_t first, second; } rows[] = {
		{ 300, false, 300, 0 }, { 300, true, 0, 0 }, { 700, true, 300, 100 }, { 989, true, 589, 389 },
		{ 990, true, 600, 390 },      /* within the slack: it went on */
		{ 1000, true, 600, 400 }, { 1005, true, 600, 405 }, { 700, false, 600, 100 },
	};
	struct attr_piece p[ATTR_PIECES];

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct attr_gap g = { 0, 1000, rows[k].delta, true, rows[k].on_at_end, 10 };
		int n = attr_split(&g, w, 2, p);

		assert_int_equal(sum(p, n, 1), rows[k].first);
		assert_int_equal(sum(p, n, 2), rows[k].second);
		g.on_at_end = true;
		assert_int_equal(sum(p, attr_split(&g, w, 1, p), 1), rows[k].delta); /* nobody else was there */
	}
}

/* A session that ended inside the gap has nothing of what may lie after its end; one that ran on has. */
static void test_a_session_that_ended_in_the_gap_has_what_was_before(void **state)
{
	struct attr_window w[] = { { 1, 0, 400 } };
	struct attr_gap g = { 0, 1000, 500, false, false, 10 };
	struct attr_piece p[ATTR_PIECES];
	int n = attr_split(&g, w, 1, p);

	(void)state;
	assert_int_equal(sum(p, n, 1), 0);
	assert_int_equal(sum(p, n, 0), 500);
	g.delta = 900;
	n = attr_split(&g, w, 1, p);
	assert_int_equal(sum(p, n, 1), 300);
	g.on_at_start = true;
	n = attr_split(&g, w, 1, p);
	assert_int_equal(sum(p, n, 1), 900);
}

static uint32_t seed = 12345;

static int64_t any(int64_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (int64_t)((uint64_t)(seed >> 4) % (uint64_t)below);
}

/* When session i's window begins and ends. The last end is the gap's. */
static int64_t begins(const struct attr_gap *g, const struct attr_window *w, int i)
{
	return w[i].from < g->to ? w[i].from : g->to;
}

static int64_t ends(const struct attr_gap *g, const struct attr_window *w, int n, int i)
{
	int64_t end = i + 1 < n ? begins(g, w, i + 1) : g->to, own = w[i].to > begins(g, w, i) ? w[i].to : begins(g, w, i);

	return w[i].to && own < end && !(i == 0 && g->on_at_start) ? own : end;
}

/* Nobody has what could lie after another's check-in, before their own, or after their end. */
static void holds(const struct attr_gap *g, const struct attr_window *w, int n, const struct attr_piece *p, int pieces)
{
	bool ran_on = g->on_at_start && !(g->on_at_end && g->delta + g->slack_ms < g->to - g->from);

	assert_true(pieces >= 0 && pieces <= ATTR_PIECES);
	assert_int_equal(sum(p, pieces, -1), g->delta);
	for (int i = 0; i < n; i++) {
		int64_t length = ends(g, w, n, i) - begins(g, w, i), others = g->to - g->from - length;
		int64_t has = sum(p, pieces, w[i].session), certain = g->delta > others ? g->delta - others : 0;

		if (i == 0 && ran_on && n > 1)
			assert_int_equal(has, g->delta < length ? g->delta : length);
		else if (i == 0 && ran_on)
			assert_int_equal(has, g->delta);
		else
			assert_true(has <= certain);
		assert_true(has <= length + g->slack_ms + 50);
	}
	for (int i = 0; i < pieces; i++)
		assert_true(p[i].measured_ms > 0);
}

static void test_nobody_has_what_could_be_anothers(void **state)
{
	(void)state;
	for (int round = 0; round < 50000; round++) {
		struct attr_gap g = { 0, 1 + any(5000), 0, any(2), any(2), 10 };
		struct attr_window w[ATTR_WINDOWS];
		struct attr_piece p[ATTR_PIECES];
		int64_t at = 0;
		int n = (int)any(6);

		g.delta = any(g.to + 50);
		for (int i = 0; i < n; i++) {
			if (i > 0 || !g.on_at_start)
				at += any(g.to) / 2;
			w[i] = (struct attr_window){ i + 1, at, any(3) ? 0 : at + any(g.to) };
		}
		g.on_at_start = g.on_at_start && n > 0;
		holds(&g, w, n, p, attr_split(&g, w, n, p));
	}
}

static void test_a_cut_leaves_what_is_certain(void **state)
{
	(void)state;
	assert_int_equal(attr_after(100, 200, 100, true, 150), 50);
	assert_int_equal(attr_after(100, 200, 100, true, 250), 0);
	assert_int_equal(attr_after(100, 200, 100, true, 100), 100);
	assert_int_equal(attr_after(100, 200, 40, false, 150), 0);   /* all of it fits before */
	assert_int_equal(attr_after(100, 200, 70, false, 150), 20);
	assert_int_equal(attr_after(100, 200, 70, false, 200), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_at_the_start_keeps_the_gap), cmocka_unit_test(test_only_certain_parts),
		cmocka_unit_test(test_a_run_that_stopped_keeps_what_cannot_be_the_nexts),
		cmocka_unit_test(test_a_session_that_ended_in_the_gap_has_what_was_before),
		cmocka_unit_test(test_nobody_has_what_could_be_anothers), cmocka_unit_test(test_a_cut_leaves_what_is_certain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
