/*
 * test_clock_lost.c - which labels are lost to whom when the wall clock is set, as a table: sequences of steps, and at
 * which of them somebody was there. Pure; instants are minutes of the wall clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/clock_lost.h"

#define M(n) ((int64_t)(n) * LT_MINUTE)
#define MOST 4

/* Minutes go by, then the clock is set by so many. */
struct move { int wait, by; };

/* The story starts at minute 1000. */
static const struct story { const char *name; struct move moves[6]; int last_wait; } stories[] = {
	[0] = { "forward", { { 10, 120 } }, 10 },
	[1] = { "forward, back", { { 10, 120 }, { 1, -120 } }, 9 },
	[2] = { "forward, back, forward", { { 10, 120 }, { 1, -120 }, { 9, 120 } }, 10 },
	[3] = { "forward, back, twice", { { 10, 120 }, { 1, -120 }, { 9, 120 }, { 1, -120 } }, 20 },
	[4] = { "back, forward", { { 60, -60 }, { 10, 120 } }, 10 },
	[5] = { "a day, and back in parts", { { 10, 1440 }, { 5, -700 }, { 5, -740 } }, 60 },
	[6] = { "back, and on past where it was", { { 60, -60 }, { 30, 60 } }, 10 },
	[8] = { "forward, and soon again", { { 10, 120 }, { 1, 116 } }, 30 },
	[7] = { "on and on", { { 10, 10 }, { 10, 10 }, { 10, 10 } }, 10 },
};

static struct clock_presence told(const struct story *s, int from_step, bool onward)
{
	struct clock_presence p = { .onward = onward };
	int64_t boot = 0, wall = M(1000);

	for (int k = 0; k < 6 && s->moves[k].by; k++) {
		struct clock_step step = { .step_ms = M(s->moves[k].by), .jump = s->moves[k].by > 0 };

		if (k == from_step)
			p.from = wall; /* somebody came just after the step before */
		boot += M(s->moves[k].wait);
		wall += M(s->moves[k].wait) + step.step_ms;
		step.boot_ms = boot;
		step.wall_ms = wall;
		step.skipped = (struct interval){ wall - (step.step_ms > 0 ? step.step_ms : 0), wall };
		if (k >= from_step)
			clock_presence_add(&p, &step, CLOCK_NOT_TAKEN);
		else if (!s->moves[k + 1].by)
			p.from = wall;
	}
	p.to = wall + M(s->last_wait);
	return p;
}

struct asked { int story, from_step; bool onward; int in[2], lost[MOST][2]; };

static void test_who_loses_which_labels(void **state)
{
	static const struct asked asked[] = {
		{ 0, 0, false, { 900, 1200 }, { { 1010, 1130 } } },
		{ 0, 0, true, { 900, 1200 }, { { 1010, 1130 } } },
		{ 0, 0, false, { 1050, 1060 }, { { 1050, 1060 } } },
		{ 0, 1, true, { 900, 1200 }, { { 0 } } }, /* came after it */
		/* back at 1011 + 9: what was jumped over comes after all; not for a session, which passed over it */
		{ 1, 0, false, { 900, 1020 }, { { 1010, 1011 } } },
		{ 1, 0, true, { 900, 1200 }, { { 1010, 1130 } } },
		{ 1, 1, true, { 1130, 1200 }, { { 0 } } },
		{ 1, 2, true, { 900, 1200 }, { { 0 } } },
		/* only minutes 1130 to 1131 were shown of what the two jumps skipped, and 1011 to 1020 */
		{ 2, 0, false, { 900, 1150 }, { { 1010, 1011 }, { 1020, 1130 }, { 1131, 1140 } } },
		{ 2, 2, true, { 900, 1150 }, { { 1020, 1140 } } },
		{ 2, 0, true, { 900, 1150 }, { { 1010, 1130 }, { 1131, 1140 } } },
		{ 3, 0, false, { 900, 1041 }, { { 1010, 1011 }, { 1020, 1021 } } },
		{ 4, 0, false, { 900, 1200 }, { { 1060, 1130 } } },
		{ 4, 1, true, { 1000, 1200 }, { { 1010, 1130 } } }, /* they were not there when 1010 to 1060 were shown */
		{ 5, 0, false, { 900, 1080 }, { { 1010, 1020 } } },
		{ 5, 0, true, { 900, 2500 }, { { 1010, 2450 } } },
		{ 6, 0, false, { 900, 1200 }, { { 1060, 1090 } } },
		{ 6, 0, true, { 900, 1200 }, { { 1060, 1090 } } },
		{ 6, 1, true, { 1000, 1200 }, { { 1030, 1090 } } },
		{ 7, 0, true, { 900, 1200 }, { { 1010, 1020 }, { 1030, 1040 }, { 1050, 1060 } } },
		{ 7, 2, true, { 900, 1200 }, { { 1050, 1060 } } },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		const struct asked *q = &asked[k];
		struct clock_presence p = told(&stories[q->story], q->from_step, q->onward);
		struct interval lost[MOST];
		int n = clock_lost(&p, (struct interval){ M(q->in[0]), M(q->in[1]) }, lost, MOST), want = 0;

		while (want < MOST && q->lost[want][1])
			want++;
		for (int i = 0; i < n || i < want; i++)
			if (n != want || lost[i].from != M(q->lost[i][0]) || lost[i].to != M(q->lost[i][1]))
				fail_msg("row %zu, %s, from step %d: %d lost, not %d; the first wrong one from %lld", k, stories[q->story].name,
					q->from_step, n, want, i < n ? (long long)(lost[i].from / LT_MINUTE) : 0);
	}
}

/* Ahead from 1000 to 1100 and on to 1160, back to 1010, and at 1015 on to 1200. Another held the instrument while the
 * clock was ahead: from some label on, all the time, or not at all. */
static void test_what_the_clock_showed_to_another_is_lost_when_a_jump_takes_it(void **state)
{
	static const struct { int64_t taken_from; int n; int lost[3][2]; } rows[] = {
		{ M(1120), 3, { { 1000, 1010 }, { 1015, 1100 }, { 1120, 1200 } } },
		{ 0, 2, { { 1000, 1010 }, { 1015, 1200 } } },
		{ M(1160), 3, { { 1000, 1010 }, { 1015, 1100 }, { 1160, 1200 } } },
		{ CLOCK_NOT_TAKEN, 3, { { 1000, 1010 }, { 1015, 1100 }, { 1160, 1200 } } },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct clock_presence p = { .to = M(1300) };
		struct interval lost[MOST];

		clock_presence_add(&p, &(struct clock_step){ .wall_ms = M(1100), .step_ms = M(100), .jump = true,
			.skipped = { M(1000), M(1100) } }, CLOCK_NOT_TAKEN);
		clock_presence_add(&p, &(struct clock_step){ .wall_ms = M(1010), .step_ms = -M(150) }, rows[k].taken_from);
		clock_presence_add(&p, &(struct clock_step){ .wall_ms = M(1200), .step_ms = M(185), .jump = true,
			.skipped = { M(1015), M(1200) } }, CLOCK_NOT_TAKEN);
		assert_int_equal(clock_lost(&p, (struct interval){ M(900), M(1300) }, lost, MOST), rows[k].n);
		for (int i = 0; i < rows[k].n; i++)
			if (lost[i].from != M(rows[k].lost[i][0]) || lost[i].to != M(rows[k].lost[i][1]))
				fail_msg("row %zu: loss %d is wrong", k, i);
	}
}

/* Which jump took a booked end, or comes so shortly before it that nobody was told in time? */
static void test_which_jump_took_an_end(void **state)
{
	static const struct { int story, from_step, at, by; } asked[] = {
		{ 0, 0, 1009, -1 }, { 0, 0, 1010, 0 }, { 0, 0, 1100, 0 }, { 0, 0, 1144, 0 }, { 0, 0, 1145, -1 },
		{ 1, 0, 1100, -1 }, { 1, 0, 1135, -1 },     /* it comes by itself */
		{ 2, 0, 1100, 2 }, { 2, 2, 1100, 2 }, { 2, 0, 1015, -1 }, { 2, 0, 1154, 2 }, { 2, 3, 1100, -1 },
		{ 4, 0, 1030, -1 }, { 4, 1, 1030, 1 }, { 4, 0, 1100, 1 },
		{ 6, 0, 1050, -1 }, { 6, 1, 1050, 1 },      /* who was there before had overrun it already */
		{ 7, 0, 1035, 1 }, { 7, 0, 1015, 0 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		struct clock_presence p = told(&stories[asked[k].story], asked[k].from_step, true);
		const struct clock_step *s = clock_jump_over(&p, M(asked[k].at), M(15));
		int by = s ? (int)(s - p.steps) + asked[k].from_step : -1;

		if (by != asked[k].by)
			fail_msg("row %zu, %s, %d: step %d, not %d", k, stories[asked[k].story].name, asked[k].at, by, asked[k].by);
	}
}

/* Of a jump that took an end somebody is told; what they are told may be taken by the next one. */
static void test_an_end_that_two_jumps_took_comes_after_the_second(void **state)
{
	static const struct { int story, from_step, at, told; } asked[] = {
		{ 0, 0, 1100, 1145 }, { 0, 0, 1009, 1009 }, { 0, 0, 1140, 1145 }, { 0, 0, 1145, 1145 }, { 1, 0, 1100, 1100 },
		{ 2, 0, 1100, 1155 }, { 7, 0, 1015, 1075 }, { 7, 0, 1035, 1075 }, { 7, 1, 1015, 1015 }, { 8, 0, 1100, 1262 },
		{ 8, 0, 1145, 1262 }, { 8, 1, 1145, 1262 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		struct clock_presence p = told(&stories[asked[k].story], asked[k].from_step, true);
		int64_t at = clock_told_at(&p, M(asked[k].at), M(15));

		if (at != M(asked[k].told))
			fail_msg("row %zu: the end %d is told for %lld, not %d", k, asked[k].at, (long long)(at / LT_MINUTE), asked[k].told);
	}
}

static void test_how_long_ago_the_clock_showed_a_label(void **state)
{
	static const struct { int story, from_step, at, minutes; } asked[] = {
		{ 0, 0, 1005, 15 }, { 0, 0, 1050, 10 }, { 0, 0, 1135, 5 },
		{ 1, 0, 1005, 15 }, { 1, 0, 1015, 5 }, { 1, 0, 1130, 10 }, { 1, 2, 1000, 9 },
		{ 2, 0, 1005, 25 }, { 2, 0, 1015, 15 }, { 2, 0, 1100, 10 }, { 2, 0, 2000, 0 },
		{ 5, 0, 1005, 75 }, { 5, 0, 2452, 68 }, { 5, 0, 1753, 70 }, { 5, 0, 1758, 62 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		struct clock_presence p = told(&stories[asked[k].story], asked[k].from_step, true);
		int64_t ms = clock_passed_ms(&p, M(asked[k].at));

		if (ms != M(asked[k].minutes))
			fail_msg("row %zu: %lld min since %d, not %d", k, (long long)(ms / LT_MINUTE), asked[k].at, asked[k].minutes);
	}
}

/* Ten thousand steps of two seconds, a minute apart, keep their sum in few intervals; so do more steps than fit. */
static void test_creep_keeps_its_sum(void **state)
{
	static struct clock_presence p;
	struct interval lost[8];
	int64_t wall = M(1000), sum = 0;
	int n;

	(void)state;
	p = (struct clock_presence){ .from = wall };
	for (int k = 0; k < CLOCK_STEPS_MAX; k++) {
		wall += LT_MINUTE + 2 * LT_SECOND;
		clock_presence_add(&p, &(struct clock_step){ .wall_ms = wall, .step_ms = 2 * LT_SECOND,
			.skipped = { wall - 2 * LT_SECOND, wall } }, CLOCK_NOT_TAKEN);
	}
	p.to = wall + LT_MINUTE;
	n = clock_lost(&p, (struct interval){ 0, p.to }, lost, 8);
	assert_int_equal(n, 8);
	for (int k = 0; k < n; k++) {
		sum += lost[k].to - lost[k].from;
		assert_true(lost[k].from >= M(1000) && (k == 0 || lost[k].from >= lost[k - 1].to));
	}
	assert_int_equal(sum, CLOCK_STEPS_MAX * 2 * LT_SECOND);
	for (int k = 0; k < 10; k++) {
		wall += LT_MINUTE + 2 * LT_SECOND;
		clock_presence_add(&p, &(struct clock_step){ .wall_ms = wall, .step_ms = 2 * LT_SECOND,
			.skipped = { wall - 2 * LT_SECOND, wall } }, CLOCK_NOT_TAKEN);
	}
	assert_int_equal(p.n, CLOCK_STEPS_MAX);
	assert_true(p.steps[p.n - 1].wall_ms == wall && p.steps[p.n - 1].step_ms == 10 * (LT_MINUTE + 2 * LT_SECOND) +
		2 * LT_SECOND);
}

/* When was a timer due, by both clocks? One step after another, and small ones after a jump. */
static void test_what_is_due_by_a_jump_is_due_when_it_happened(void **state)
{
	static const struct clock_step steps[] = {
		{ .boot_ms = M(10), .wall_ms = M(1130), .step_ms = M(120), .jump = true, .skipped = { M(1010), M(1130) } },
		{ .boot_ms = M(15), .wall_ms = M(1136), .step_ms = M(1), .skipped = { M(1135), M(1136) } },
		{ .boot_ms = M(20), .wall_ms = M(1021), .step_ms = -M(120), .skipped = { M(1021), M(1021) } },
	};
	static const struct { int n, boot, wall, due, at_boot, at_wall; } asked[] = {
		{ 0, 5, 1005, 1002, 2, 1002 },
		{ 1, 12, 1132, 1002, 2, 1002 }, { 1, 12, 1132, 1100, 10, 1130 }, { 1, 12, 1132, 1131, 11, 1131 },
		{ 2, 17, 1138, 1100, 10, 1130 }, { 2, 17, 1138, 1137, 16, 1137 }, { 2, 17, 1138, 1133, 13, 1133 },
		{ 3, 30, 1031, 1025, 24, 1025 }, { 3, 30, 1031, 1015, 10, 1130 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		struct clock_stamp at = clock_due(steps, asked[k].n, (struct clock_stamp){ M(asked[k].boot), M(asked[k].wall) },
			M(asked[k].due));

		if (at.boot_ms != M(asked[k].at_boot) || at.wall_ms != M(asked[k].at_wall))
			fail_msg("row %zu: due at %lld of BOOTTIME, labelled %lld", k, (long long)(at.boot_ms / LT_MINUTE),
				(long long)(at.wall_ms / LT_MINUTE));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_loses_which_labels),
		cmocka_unit_test(test_what_the_clock_showed_to_another_is_lost_when_a_jump_takes_it),
		cmocka_unit_test(test_which_jump_took_an_end),
		cmocka_unit_test(test_an_end_that_two_jumps_took_comes_after_the_second),
		cmocka_unit_test(test_how_long_ago_the_clock_showed_a_label),
		cmocka_unit_test(test_creep_keeps_its_sum),
		cmocka_unit_test(test_what_is_due_by_a_jump_is_due_when_it_happened),
	};

	return cmocka_run_group_tests_name("clock_lost", tests, NULL, NULL);
}
