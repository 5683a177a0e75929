/* test_doctor.c - whoever calls the doctor looks for a fault: the controllers that are down are asked at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "api_rig.h"
#include "app/effects.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_doctor_asks_the_controllers_that_are_down),
		cmocka_unit_test(test_the_doctor_asks_sixteen_at_most),
		cmocka_unit_test(test_the_doctor_asks_each_of_a_whole_lab_in_turn),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
