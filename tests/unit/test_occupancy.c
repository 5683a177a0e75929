/*
 * test_occupancy.c - R01 in the store, against whoever writes: every way in which two active rows of a unit could come
 * to overlap is tried by direct SQL, and the functions of store/occupancy.h are held to their answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store/occupancy.h"
#include "support/world.h"

static struct world *w;

static int open_world(void **state)
{
	w = world_new();
	return 0;
}

static int close_world(void **state)
{
	w = world_free(w);
	return 0;
}

/* Runs a statement of its own text; what the store said: "" done, else the constraint. */
static const char *sql(const char *text)
{
	static char said[64];
	int class = db_run(w->db, text, "");

	said[0] = '\0';
	if (class == DB_DONE)
		return said;
	if (class != DB_CONSTRAINT)
		fail_msg("%s: %s", text, db_why(w->db));
	strncpy(said, db_constraint(w->db), sizeof(said) - 1);
	db_clear_constraint(w->db);
	return said;
}

static int64_t overlaps(void)
{
	return world_int(w, "SELECT COUNT(*) FROM occupancy a JOIN occupancy b ON a.unit = b.unit AND a.id < b.id AND "
		"a.active = 1 AND b.active = 1 AND a.busy_from < b.busy_to AND b.busy_from < a.busy_to");
}

#define REFUSED(text) assert_string_equal(sql(text), "r01_overlap")
#define DONE(text) assert_string_equal(sql(text), "")

static void inserts(void **state)
{
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (1, 1, 100, 200, 'booking', 1)");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (2, 1, 300, 400, 'booking', 2)");
	/* predecessor, successor, containing, contained, equal, bridging */
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 199, 250, 'booking', 3)");
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 250, 301, 'booking', 3)");
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 0, 1000, 'booking', 3)");
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 120, 130, 'block', 3)");
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 100, 200, 'hold', 3)");
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 150, 350, 'session', 3)");
	REFUSED("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 50, 101, 'booking', 3)");
	/* touching, another unit, inactive */
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 1, 200, 300, 'booking', 3)");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (4, 2, 100, 400, 'booking', 4)");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref, active) VALUES (5, 1, 100, 400, 'booking', "
		"5, 0)");
	assert_int_equal(overlaps(), 0);
}

static void conflict_clauses_do_not_help(void **state)
{
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (1, 1, 100, 200, 'booking', 1)");
	REFUSED("INSERT OR REPLACE INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (9, 1, 150, 250, "
		"'booking', 9)");
	REFUSED("INSERT OR IGNORE INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (9, 1, 150, 250, "
		"'booking', 9)");
	assert_string_equal(sql("INSERT OR REPLACE INTO occupancy (id, unit, busy_from, busy_to, kind, ref) "
		"VALUES (1, 1, 500, 600, 'booking', 9)"), "occupancy_exists");
	assert_string_equal(sql("INSERT OR REPLACE INTO occupancy (id, unit, busy_from, busy_to, kind, ref) "
		"VALUES (9, 1, 500, 600, 'booking', 1)"), "occupancy_exists");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (2, 1, 300, 400, 'booking', 2)");
	REFUSED("UPDATE OR REPLACE occupancy SET busy_from = 150 WHERE id = 2");
	assert_string_equal(sql("UPDATE OR REPLACE occupancy SET ref = 1 WHERE id = 2"), "append_only");
	assert_string_equal(sql("UPDATE OR REPLACE occupancy SET id = 1 WHERE id = 2"), "append_only");
	assert_string_equal(sql("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (2, 1, 1, 2, "
		"'booking', 2) ON CONFLICT (id) DO UPDATE SET busy_from = 150"), "occupancy_exists");
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy"), 2);
	/* the connection itself refuses to delete; the trigger does so for any other */
	assert_int_equal(db_run(w->db, "DELETE FROM occupancy WHERE id = 1", ""), DB_MISUSE);
}

static void updates(void **state)
{
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (1, 1, 100, 200, 'booking', 1)");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (2, 1, 300, 400, 'booking', 2)");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) VALUES (3, 2, 150, 350, 'booking', 3)");
	DONE("INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref, active) VALUES (4, 1, 120, 330, 'booking', "
		"4, 0)");
	REFUSED("UPDATE occupancy SET busy_to = 301 WHERE id = 1");
	REFUSED("UPDATE occupancy SET busy_from = 199 WHERE id = 2");
	REFUSED("UPDATE occupancy SET busy_from = 0, busy_to = 1000 WHERE id = 1");
	REFUSED("UPDATE occupancy SET unit = 1 WHERE id = 3");
	REFUSED("UPDATE occupancy SET active = 1 WHERE id = 4");
	REFUSED("UPDATE occupancy SET unit = 2, busy_from = 349, busy_to = 360 WHERE id = 1");
	/* one statement that moves both: whatever the order, no moment with an overlap is accepted */
	REFUSED("UPDATE occupancy SET busy_from = 500, busy_to = 600 WHERE id IN (1, 2)");
	assert_int_equal(overlaps(), 0);
	DONE("UPDATE occupancy SET busy_to = 300 WHERE id = 1");
	DONE("UPDATE occupancy SET active = 0 WHERE id = 1");
	DONE("UPDATE occupancy SET busy_from = 1, busy_to = 2 WHERE id = 4");
	DONE("UPDATE occupancy SET active = 1 WHERE id = 4");
	assert_int_equal(overlaps(), 0);
}

static void functions_answer(void **state)
{
	struct occupant o[4];
	int n;

	assert_int_equal(store_occupancy_put(w->db, 1, "seq-1", "booking", 1, (struct interval){ 100, 200 }), 0);
	assert_int_equal(store_occupancy_put(w->db, 2, "seq-1", "block", 1, (struct interval){ 150, 250 }), 1);
	assert_int_equal(store_occupancy_put(w->db, 2, "seq-1", "block", 1, (struct interval){ 200, 250 }), 0);
	assert_int_equal(store_occupancy_move(w->db, "booking", 1, (struct interval){ 100, 201 }), 1);
	assert_int_equal(store_occupancy_move(w->db, "booking", 1, (struct interval){ 90, 190 }), 0);
	assert_int_equal(store_occupancy_in(w->db, "seq-1", (struct interval){ 189, 201 }, "", 0, o, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(store_occupancy_in(w->db, "seq-1", (struct interval){ 190, 200 }, "", 0, o, 4, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_occupancy_in(w->db, "seq-1", (struct interval){ 0, 500 }, "block", 1, o, 4, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_occupancy_next(w->db, "booking", 1), 200);
	assert_int_equal(store_occupancy_next(w->db, "block", 1), INT64_MAX);
	assert_int_equal(store_occupancy_end(w->db, "block", 1), 0);
	assert_int_equal(store_occupancy_of(w->db, "block", 1, o), 1);
	/* ended and placed again, elsewhere */
	assert_int_equal(store_occupancy_put(w->db, 3, "krios-1", "block", 1, (struct interval){ 100, 200 }), 0);
	assert_int_equal(store_occupancy_of(w->db, "block", 1, o), 0);
	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM occupancy"), 2);
}

/* Random writers; after each step no two active rows of a unit overlap, and a refusal is never needless. */
static void random_writers(void **state)
{
	uint64_t seed = 99;
	struct { int unit, active; int64_t from, to; } row[40];

	memset(row, 0, sizeof(row));
	for (int step = 0; step < 4000; step++) {
		uint64_t r = seed = seed * 6364136223846793005u + 1442695040888963407u;
		int k = (int)((r >> 33) % 40), unit = 1 + (int)((r >> 20) % 2);
		int64_t from = (int64_t)(r >> 40) % 300, to = from + 1 + (int64_t)(r >> 50) % 30;
		bool end = (r >> 10) % 5 == 0, clash = false;
		int rc;

		for (int i = 0; i < 40; i++)
			clash |= !end && i != k && row[i].active && row[i].unit == unit && row[i].from < to && from < row[i].to;
		rc = end ? store_occupancy_end(w->db, "booking", k + 1)
			 : store_occupancy_put(w->db, k + 1, unit == 1 ? "krios-1" : "plc-1", "booking", k + 1,
			 	(struct interval){ from, to });
		if (rc != (clash ? 1 : 0))
			fail_msg("step %d: row %d unit %d [%d, %d) end %d clash %d: %d", step, k, unit, (int)from, (int)to, end,
				clash, rc);
		if (end)
			row[k].active = 0;
		else if (rc == 0) {
			row[k].unit = unit;
			row[k].active = 1;
			row[k].from = from;
			row[k].to = to;
		}
	}
	assert_int_equal(overlaps(), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = { T(inserts), T(conflict_clauses_do_not_help), T(updates), T(functions_answer),
		T(random_writers) };

	return cmocka_run_group_tests_name("occupancy", tests, NULL, NULL);
}
