/*
 * test_gateway.c - up to 16 units behind one gateway, in virtual time: a gateway that goes away and comes back, a unit
 * that is silent, wrong or slow among healthy ones, and who is asked when.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>
#include <cmocka.h>

#include "tests/drivers/vnet.h"

#define READ_AGAIN_MS 5000

static const struct { const char *name; enum vnet_fault fault; } ways[] = {
	{ "refuses", VNET_REFUSED }, { "closes", VNET_CLOSES }, { "is a black hole", VNET_BLACK_HOLE },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Until every unit was read; the longest. */
static int64_t until_all_read(int64_t since)
{
	for (int i = 0; i < vnet.n; i++) {
		int64_t waited = vnet_now() - since;
		if (vnet.unit[i].last_read < since && vnet_until_read(i, 120000 - waited) < 0)
			return -1;
	}
	return vnet_now() - since;
}

static void all_units_are_read_again_after_the_gateway_was_away(void **state)
{
	static const int64_t away_ms[] = { 2000, 60000, 3600000 };

	for (size_t w = 0; w < WAYS; w++)
		for (size_t i = 0; i < 3; i++)
			for (int n = 1; n <= VNET_UNITS; n++)
				for (int interlock = 0; interlock < 2; interlock++) {
					int64_t took;
					vnet_start(&(struct vnet_options){ n, interlock, 1000, 1000 });
					vnet_run(4000);
					vnet_fault(-1, ways[w].fault, 0);
					vnet_run(away_ms[i] + 97 * n);
					vnet_fault(-1, VNET_WELL, 0);
					took = until_all_read(vnet_now());
					if (took < 0 || took > READ_AGAIN_MS)
						fail_msg("%d units, the gateway %s for %lld ms: the last is read after %lld ms", n,
							ways[w].name, (long long)away_ms[i], (long long)took);
					vnet_stop();
				}
}

#define ANSWERED 6                /* units that answer whenever the gateway does; the others are dead */

static int64_t asked_in_vain(void)
{
	int64_t n = 0;

	for (int i = ANSWERED; i < VNET_UNITS; i++)
		n += vnet.unit[i].asked;
	return n;
}

/* One question to a dead unit is the one that opened the connection, when nobody else was due. */
static void outage_beside_dead_units(enum vnet_fault way, const char *name, int64_t away_ms)
{
	int64_t since, vain;

	vnet_fault(-1, way, 0);
	vnet_run(away_ms);
	vnet_fault(-1, VNET_WELL, 0);
	since = vnet_now();
	vain = asked_in_vain();
	for (int i = 0; i < ANSWERED; i++) {
		int64_t left = since + READ_AGAIN_MS - vnet_now();
		if (vnet.unit[i].last_read < since && (left <= 0 || vnet_until_read(i, left) < 0))
			fail_msg("the gateway %s for %lld ms: unit %d is not read within 5 s", name, (long long)away_ms, i);
	}
	if (asked_in_vain() > vain + 1)
		fail_msg("the gateway %s for %lld ms: %lld dead units are asked before those that answer", name,
			(long long)away_ms, (long long)(asked_in_vain() - vain));
}

/*
 * Six units answered until the gateway went away, ten were dead long before. The minute after which a dead unit goes
 * before others does not run out while nobody can be asked.
 */
static void units_that_answered_go_before_dead_ones_when_the_gateway_is_back(void **state)
{
	static const int64_t away_ms[] = { 5000, 60000, 62000, 75000, 3600000 };

	for (size_t w = 0; w < WAYS; w++)
		for (size_t i = 0; ways[w].fault != VNET_CLOSES && i < sizeof(away_ms) / sizeof(away_ms[0]); i++) {
			vnet_start(&(struct vnet_options){ VNET_UNITS, false, 60000, 1000 });
			for (int k = ANSWERED; k < VNET_UNITS; k++)
				vnet_fault(k, VNET_SILENT, 0);
			for (int again = 0; again < 12; again++) {
				vnet_run(130000);
				outage_beside_dead_units(ways[w].fault, ways[w].name, away_ms[i] + 331 * again);
			}
			vnet_stop();
		}
}

/* Units behind a serial line that was unplugged: the gateway answers nobody, and then everybody. */
static void all_units_are_read_again_after_a_silence_of_all(void **state)
{
	for (int n = 1; n <= VNET_UNITS; n++)
		for (int exception = 0; exception <= 11; exception += 11) {
			int64_t took;
			vnet_start(&(struct vnet_options){ n, true, 1000, 1000 });
			vnet_run(4000);
			for (int i = 0; i < n; i++)
				vnet_fault(i, exception ? VNET_EXCEPTION : VNET_SILENT, exception);
			vnet_run(45000 + 97 * n);
			for (int i = 0; i < n; i++)
				vnet_fault(i, VNET_WELL, 0);
			took = until_all_read(vnet_now());
			if (took < 0 || took > READ_AGAIN_MS)
				fail_msg("%d units silent: the last is read after %lld ms", n, (long long)took);
			vnet_stop();
		}
}

/* A run bit that is sampled loses what nobody saw: not more than the outage and a poll or two. */
static void six_run_bit_meters_lose_no_more_than_the_outage(void **state)
{
	for (size_t w = 0; w < WAYS; w++)
		for (int64_t phase = 0; phase < 1000; phase += 130) {
			vnet_start(&(struct vnet_options){ 6, false, 1000, 1000 });
			vnet_run(10000 + phase);
			vnet_fault(-1, ways[w].fault, 0);
			vnet_run(2000);
			vnet_fault(-1, VNET_WELL, 0);
			vnet_run(20000);
			for (int i = 0; i < 6; i++)
				if (vnet_longest_unread(i) > (ways[w].fault == VNET_BLACK_HOLE ? 5000 : 4000))
					fail_msg("the gateway %s for 2 s: unit %d was not read for %lld ms", ways[w].name, i + 1,
						(long long)vnet_longest_unread(i));
			vnet_stop();
		}
}

/* One unit of five is away for any time; the others do not notice, and it is read again within 5 s. */
static void one_silent_unit_of_five(void **state)
{
	static const int64_t away_ms[] = { 20000, 50000, 120000, 600000, 3600000 };

	for (size_t i = 0; i < 5; i++)
		for (int round = 0; round < 6; round++) {
			int64_t took;
			vnet_start(&(struct vnet_options){ 5, true, 1000, 1000 });
			vnet_run(4000);
			vnet_fault(2, VNET_SILENT, 0);
			vnet_run(away_ms[i] + 531 * round);
			vnet_fault(2, VNET_WELL, 0);
			took = vnet_until_read(2, 120000);
			if (took < 0 || took > READ_AGAIN_MS)
				fail_msg("silent for %lld ms: read again after %lld ms", (long long)away_ms[i], (long long)took);
			for (int k = 0; k < 5; k++)
				if (k != 2 && vnet_longest_unread(k) > 3500)
					fail_msg("a sibling was not read for %lld ms", (long long)vnet_longest_unread(k));
			vnet_stop();
		}
}

/* It alone still answers: the silent ones must not take the line for as long as they like while it is asked again. */
static void one_lost_answer_beside_two_silent_units(void **state)
{
	for (int round = 0; round < 40; round++) {
		int64_t took, asked;
		vnet_start(&(struct vnet_options){ 3, true, 60000, 1000 });
		for (int i = 0; i < 3; i++)
			vnet.unit[i].delay_ms = 250;
		vnet_run(64000);
		vnet_fault(1, VNET_SILENT, 0);
		vnet_fault(2, VNET_SILENT, 0);
		vnet_run(300000 + 1531 * round);
		vnet_fault(0, VNET_SILENT, 0);
		asked = vnet.unit[0].asked;
		for (int ms = 0; ms < 70000 && vnet.unit[0].asked == asked; ms++)
			vnet_run(1);
		vnet_fault(0, VNET_WELL, 0);
		took = vnet_until_read(0, 120000);
		if (took < 0 || took > READ_AGAIN_MS)
			fail_msg("round %d: one answer was lost, and it was read again after %lld ms", round, (long long)took);
		vnet_stop();
	}
}

/* Whatever a unit answers, and if its answer closes the connection: only it waits. */
static void a_wrong_answer_costs_the_siblings_nothing(void **state)
{
	static const enum vnet_fault faults[] = { VNET_WRONG_UNIT, VNET_GARBAGE, VNET_RESET, VNET_EXCEPTION };

	for (size_t f = 0; f < 4; f++) {
		vnet_start(&(struct vnet_options){ 5, true, 1000, 1000 });
		vnet_run(4000);
		vnet_fault(1, faults[f], 10);
		vnet_run(120000);
		assert_false(vnet.unit[1].up);
		for (int k = 0; k < 5; k++)
			if (k != 1 && (vnet_longest_unread(k) > 1100 || vnet.unit[k].n_down))
				fail_msg("fault %d: a sibling was not read for %lld ms, told down %d times", (int)faults[f],
					(long long)vnet_longest_unread(k), vnet.unit[k].n_down);
		vnet_fault(1, VNET_WELL, 0);
		assert_true(vnet_until_read(1, READ_AGAIN_MS) >= 0);
		vnet_stop();
	}
}

/*
 * Several units are silent for any time, and one of them comes back alone, wherever the others are in their waits: when
 * nobody else answers, and beside one that does.
 */
static void one_of_several_silent_units_comes_back_alone(void **state)
{
	static const int units[] = { 2, 5, 9, VNET_UNITS };
	static const int64_t timeouts[] = { 500, 1000 };

	for (int i = 0; i < 4 * 2 * 2; i++) {
		int n = units[i % 4], answers = i / 4 % 2, last = n - 1 - answers;

		vnet_start(&(struct vnet_options){ n, true, 1000, timeouts[i / 8] });
		vnet_run(4000);
		for (int k = 0; k <= last; k++)
			vnet_fault(k, VNET_SILENT, 0);
		vnet_run(30000);
		for (int round = 0; round < 60; round++) {
			int64_t took;

			vnet_run(20000 + 373 * round);
			vnet_fault(round % (last + 1), VNET_WELL, 0);
			took = vnet_until_read(round % (last + 1), 120000);
			if (took < 0 || took > READ_AGAIN_MS)
				fail_msg("%d silent units and %d that answers: one was read after %lld ms", last + 1, answers,
					(long long)took);
			vnet_fault(round % (last + 1), VNET_SILENT, 0);
		}
		vnet_stop();
	}
}

/* The same, and the one that comes back takes longer to answer than a short question lasts. */
static void a_slow_one_of_several_silent_units_comes_back_alone(void **state)
{
	for (int64_t delay = 150; delay <= 450; delay += 100)
		for (int answers = 0; answers < 2; answers++) {
			int64_t took;

			vnet_start(&(struct vnet_options){ VNET_UNITS, true, 1000, 500 });
			vnet_run(4000);
			for (int k = 0; k < VNET_UNITS - answers; k++)
				vnet_fault(k, VNET_SILENT, 0);
			vnet_run(60000);
			vnet.unit[3].delay_ms = delay;
			vnet_fault(3, VNET_WELL, 0);
			took = vnet_until_read(3, 120000);
			if (took < 0 || took > 2 * READ_AGAIN_MS)
				fail_msg("one that takes %lld ms was read after %lld ms", (long long)delay, (long long)took);
			vnet_stop();
		}
}

/* The share: dead units take a third of the line from those that answer, a tenth of a second at a time. */
static void silent_units_live_by_their_share(void **state)
{
	for (int dead = 1; dead < VNET_UNITS; dead++) {
		int64_t asked[VNET_UNITS], spent = 0, end;
		vnet_start(&(struct vnet_options){ VNET_UNITS, true, 1000, 1000 });
		vnet_run(4000);
		for (int i = 0; i < dead; i++)
			vnet_fault(i, VNET_SILENT, 0);
		vnet_run(60000);
		for (int i = 0; i < VNET_UNITS; i++) {
			asked[i] = vnet.unit[i].asked;
			vnet.unit[i].longest_unread = 0;
		}
		for (end = vnet_now() + 600000; vnet_now() < end; vnet_run(20))
			spent += vnet_busy() >= 0 && vnet_busy() < dead ? 20 : 0;
		for (int i = 0; i < dead; i++) /* in turn: nobody lives on the share of another */
			if (vnet.unit[i].asked - asked[i] < 600 / 5)
				fail_msg("%d dead: one was asked %d times in ten minutes", dead, (int)(vnet.unit[i].asked - asked[i]));
		if (spent > 600000 / 3 + 6000 || spent < 600000 / 30)
			fail_msg("%d dead units took %lld ms of ten minutes", dead, (long long)spent);
		for (int i = dead; i < VNET_UNITS; i++)
			if (vnet_longest_unread(i) > 1150)
				fail_msg("%d dead: a sibling was not read for %lld ms", dead, (long long)vnet_longest_unread(i));
		vnet_stop();
	}
}

/* A gateway that waits nearly a second for each of six dead meters: what is dear is asked rarely. */
static void a_gateway_that_waits_for_dead_meters_has_time_for_the_others(void **state)
{
	int64_t asked = 0;

	vnet_start(&(struct vnet_options){ 8, true, 1000, 1000 });
	vnet_run(4000);
	for (int i = 0; i < 6; i++) {
		vnet_fault(i, VNET_EXCEPTION, 11);
		vnet.unit[i].delay_ms = 900;
	}
	vnet_run(120000);
	for (int i = 0; i < 6; i++)
		asked -= vnet.unit[i].asked;
	vnet.unit[6].longest_unread = 0;
	vnet_run(600000);
	for (int i = 0; i < 6; i++)
		asked += vnet.unit[i].asked;
	assert_in_range(asked * 900, 6 * 9 * 900, 600000 / 10);
	assert_true(vnet_longest_unread(6) <= 2000);
	vnet_stop();
}

/* One lost answer of the only unit that answers: the silent ones get no more time for it. */
static void a_lost_answer_is_no_time_for_silent_siblings(void **state)
{
	vnet_start(&(struct vnet_options){ 5, true, 1000, 1000 });
	vnet_run(4000);
	for (int i = 1; i < 5; i++)
		vnet_fault(i, VNET_SILENT, 0);
	vnet_run(30000);
	vnet.unit[0].longest_unread = 0;
	for (int round = 0; round < 200; round++) {
		vnet_run(5000 + 37 * round);
		vnet_fault(0, VNET_SILENT, 0);
		vnet_run(600);
		vnet_fault(0, VNET_WELL, 0);
	}
	assert_int_equal(vnet.unit[0].n_down, 0);
	if (vnet_longest_unread(0) > 3300)
		fail_msg("it was not read for %lld ms", (long long)vnet_longest_unread(0));
	vnet_stop();
}

/* Nothing was ever heard of a unit, and the line is busy to the brim: it has its minute all the same. */
static void a_silent_unit_on_a_full_line_is_asked_once_a_minute(void **state)
{
	int64_t asked;

	vnet_start(&(struct vnet_options){ 4, false, 1000, 1000 });
	for (int i = 1; i < 4; i++)
		vnet.unit[i].delay_ms = 400;
	vnet_fault(0, VNET_SILENT, 0);
	vnet_run(120000);
	asked = vnet.unit[0].asked;
	vnet_run(600000);
	assert_true(vnet.unit[0].asked - asked >= 9);
	for (int i = 1; i < 4; i++)
		assert_true(vnet_longest_unread(i) < 4500);
	vnet_stop();
}

/* A check-in at one unit while the gateway, or all its units, are away or just back. */
static void a_check_in_behind_a_gateway(void **state)
{
	for (int n = 1; n <= VNET_UNITS; n++)
		for (size_t w = 0; w <= WAYS; w++) {
			int64_t took;
			vnet_start(&(struct vnet_options){ n, true, 1000, 1000 });
			vnet_run(4000);
			for (int i = 0; w == WAYS && i < n; i++)
				vnet_fault(i, VNET_SILENT, 0);
			vnet_fault(-1, w < WAYS ? ways[w].fault : VNET_WELL, 0);
			vnet_run(60000 + 131 * n);
			vnet_checkin(n - 1);
			vnet_run(1100);
			assert_true(vnet.unit[n - 1].unread_ticket != 0);
			vnet_run(20000);
			for (int i = 0; w == WAYS && i < n; i++)
				vnet_fault(i, VNET_WELL, 0);
			vnet_fault(-1, VNET_WELL, 0);
			vnet_checkin(n - 1);
			took = vnet_until_open(n - 1, 60000);
			if (took < 0 || took > 3000)
				fail_msg("%d units, way %d: the relay opened %lld ms after the check-in", n, (int)w,
					(long long)took);
			vnet_stop();
		}
}

/*
 * Whoever looks for the fault has the dead units asked again, in their turn and by their share: the one that answers is
 * read on time, and a check-in at it in the middle of that is answered at once.
 */
static void the_doctor_takes_no_time_from_a_running_unit(void **state)
{
	struct vnet_unit *runs = &vnet.unit[VNET_UNITS - 1];

	vnet_start(&(struct vnet_options){ VNET_UNITS, true, 1000, 1000 });
	vnet_run(4000);
	for (int i = 0; i < VNET_UNITS - 1; i++)
		vnet_fault(i, VNET_SILENT, 0);
	vnet_run(60000);
	runs->longest_unread = 0;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < VNET_UNITS - 1; i++)
			vnet_look(i);
		vnet_run(1000 + 61 * round);
	}
	if (vnet_longest_unread(VNET_UNITS - 1) > 1150)
		fail_msg("the unit that runs was not read for %lld ms", (long long)vnet_longest_unread(VNET_UNITS - 1));
	for (int i = 0; i < VNET_UNITS - 1; i++)
		vnet_look(i);
	vnet_run(50);
	assert_false(runs->unlocked);
	runs->unread_ticket = 0;
	vnet_checkin(VNET_UNITS - 1);
	assert_in_range(vnet_until_open(VNET_UNITS - 1, 60000), 0, 500);
	assert_int_equal(runs->unread_ticket, 0);
	vnet_stop();
}

/* A crowd checks in at dead units. Each waits for a second; after that nobody waits for the fourteen that are left. */
static void check_ins_at_dead_units_take_a_second_from_the_others(void **state)
{
	int running = VNET_UNITS - 1;

	vnet_start(&(struct vnet_options){ VNET_UNITS, true, 1000, 1000 });
	vnet_run(4000);
	for (int i = 0; i < running; i++)
		vnet_fault(i, VNET_SILENT, 0);
	for (int round = 0; round < 5; round++) {
		vnet_run(30000 + 171 * round);
		vnet.unit[running].longest_unread = 0;
		for (int i = 0; i < running; i++)
			vnet_checkin(i);
		vnet_run(5000);
		for (int i = 0; i < running; i++)
			assert_true(vnet.unit[i].unread_ticket != 0);
		if (vnet_longest_unread(running) > 2200)
			fail_msg("the unit that runs was not read for %lld ms", (long long)vnet_longest_unread(running));
	}
	vnet_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_units_are_read_again_after_the_gateway_was_away),
		cmocka_unit_test(units_that_answered_go_before_dead_ones_when_the_gateway_is_back),
		cmocka_unit_test(all_units_are_read_again_after_a_silence_of_all),
		cmocka_unit_test(six_run_bit_meters_lose_no_more_than_the_outage), cmocka_unit_test(one_silent_unit_of_five),
		cmocka_unit_test(one_lost_answer_beside_two_silent_units),
		cmocka_unit_test(a_wrong_answer_costs_the_siblings_nothing),
		cmocka_unit_test(one_of_several_silent_units_comes_back_alone),
		cmocka_unit_test(a_slow_one_of_several_silent_units_comes_back_alone),
		cmocka_unit_test(silent_units_live_by_their_share),
		cmocka_unit_test(a_gateway_that_waits_for_dead_meters_has_time_for_the_others),
		cmocka_unit_test(a_lost_answer_is_no_time_for_silent_siblings),
		cmocka_unit_test(a_silent_unit_on_a_full_line_is_asked_once_a_minute),
		cmocka_unit_test(a_check_in_behind_a_gateway),
		cmocka_unit_test(the_doctor_takes_no_time_from_a_running_unit),
		cmocka_unit_test(check_ins_at_dead_units_take_a_second_from_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
