/* test_doctor.c - whoever calls the doctor looks for a fault: the controllers that are down are asked at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "api_rig.h"
#include "app/effects.h"
#include "app/metering.h"
#include "base/base.h"
#include "common/fmt.h"

static void call_the_doctor(struct world *w)
{
	struct answer a = rig_call(w, (struct call){ .method = METHOD_GET, .path = "/v1/doctor" });

	assert_int_equal(a.status, 200);
	answer_free(&a);
}

static bool is_asked(const struct world *w, const char *instrument)
{
	for (int k = 0; k < w->effects.n_polls; k++)
		if (strcmp(w->effects.polls[k], instrument) == 0)
			return true;
	return false;
}

static void test_the_doctor_asks_the_controllers_that_are_down(void **state)
{
	struct world *w = rig_world();

	call_the_doctor(w);
	assert_int_equal(w->effects.n_polls, 0); /* all are up */
	db_run(w->db, "UPDATE instrument SET link = 'down' WHERE id = 'krios-1'", "");
	db_run(w->db, "UPDATE instrument SET link = 'unknown' WHERE id = 'seq-1'", "");
	call_the_doctor(w);
	assert_int_equal(w->effects.n_polls, 2);
	assert_true(is_asked(w, "krios-1") && is_asked(w, "seq-1"));
	assert_string_equal(w->effects.park, ""); /* and the answer does not wait for them */
	world_free(w);
}

/* A whole lab that is down is not asked at the same instant. */
static void test_the_doctor_asks_sixteen_at_most(void **state)
{
	struct world *w = rig_world();

	for (int64_t n = 10; n < 40; n++)
		db_run(w->db, "INSERT INTO instrument (id, unit, link) VALUES ('more-' || ?1, ?1, 'down')", "i", n);
	call_the_doctor(w);
	assert_int_equal(w->effects.n_polls, 16);
	world_free(w);
}

/* Whoever calls it again has the next ones asked, and all of them in the end. */
static void test_the_doctor_asks_each_of_a_whole_lab_in_turn(void **state)
{
	struct world *w = rig_world();
	bool asked[40] = { false };
	char name[LT_ID];

	for (int64_t n = 10; n < 40; n++)
		db_run(w->db, "INSERT INTO instrument (id, unit, link) VALUES ('more-' || ?1, ?1, 'down')", "i", n);
	for (int call = 0; call < 2; call++) {
		call_the_doctor(w);
		assert_int_equal(w->effects.n_polls, 16);
		for (int n = 10; n < 40; n++) {
			lt_fmt(name, sizeof(name), "more-%d", n);
			asked[n] = asked[n] || is_asked(w, name);
		}
	}
	for (int n = 10; n < 40; n++)
		if (!asked[n])
			fail_msg("more-%d was not asked", n);
	world_free(w);
}

/* The hour meter shows this, a second later. */
static void reads(struct world *w, uint64_t hourmeter)
{
	struct msg_reading m = { 0 };

	world_sleep(w, LT_SECOND);
	m.head.at = w->now;
	lt_fmt(m.instrument, sizeof(m.instrument), "krios-1");
	m.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
	m.obs.hourmeter = hourmeter;
	m.obs.running = true;
	assert_int_equal(world_end(w, metering_reading(world_act(w, NULL), &m)), 0);
}

/* What the doctor says of the meter of krios-1 to a manager; "": nothing. */
static void said_of_meter(struct world *w, char ret[400])
{
	struct answer a = rig_call(w, (struct call){ .method = METHOD_GET, .path = "/v1/doctor" });
	json_t *doc = json_loads(a.body, 0, NULL), *one;
	size_t i;

	ret[0] = '\0';
	json_array_foreach(json_object_get(doc, "checks"), i, one)
		if (strcmp(json_string_value(json_object_get(one, "name")), "meter krios-1") == 0) {
			assert_true(json_is_false(json_object_get(one, "ok")));
			assert_non_null(strstr(json_string_value(json_object_get(one, "cure")), "labtime review new-meter"));
			lt_fmt(ret, 400, "%s", json_string_value(json_object_get(one, "detail")));
		}
	json_decref(doc);
	answer_free(&a);
}

/* Somebody set the register to another value, and nobody has said yet which one is right. */
static void test_the_doctor_says_that_a_meter_holds_time_for_a_decision(void **state)
{
	struct world *w = rig_world();
	struct answer a;
	char said[400], path[80];

	for (uint64_t s = 0; s < 5; s++)
		reads(w, 5000 + s);
	said_of_meter(w, said);
	assert_string_equal(said, "");
	for (uint64_t s = 0; s < 100; s++)
		reads(w, 95000 + s);
	said_of_meter(w, said);
	assert_non_null(strstr(said, " s are held and not billed"));
	assert_non_null(strstr(said, "2026-12-01T08:"));
	lt_fmt(path, sizeof(path), "/v1/review/V-%lld/new-meter", (long long)world_int(w, "SELECT MAX(id) FROM review WHERE "
		"kind = 'meter_manual' AND state <> 'done'"));
	a = rig_call(w, (struct call){ .method = METHOD_POST, .path = path, .key = "n", .body = "{\"reason\":\"replaced\"}",
		.keep = true });
	assert_int_equal(a.status, 200);
	answer_free(&a);
	said_of_meter(w, said);
	assert_string_equal(said, "");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_doctor_asks_the_controllers_that_are_down),
		cmocka_unit_test(test_the_doctor_asks_sixteen_at_most),
		cmocka_unit_test(test_the_doctor_asks_each_of_a_whole_lab_in_turn),
		cmocka_unit_test(test_the_doctor_says_that_a_meter_holds_time_for_a_decision),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
