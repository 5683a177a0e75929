/* test_turn_fail.c - what becomes of a turn whose store fails: before COMMIT, at COMMIT, at every operation. */
#include "turn_rig.h"

#include <string.h>

#include "base/base.h"

struct script { enum db_op op; int class, from, times; const char *sql; };

static int scripted(void *arg, enum db_op op, const char *sql)
{
	struct script *s = arg;

	if (op != s->op || (s->sql && !strstr(sql, s->sql)))
		return 0;
	return s->from-- <= 0 && s->times-- > 0 ? s->class : 0;
}

static void test_failed_turn(void **state)
{
	struct rig *r = rig_new();
	struct script s = { DB_OP_STEP, DB_FULL, 0, 1, "'r' ||" };

	started(r);
	db_on_op(r->w->db, scripted, &s);
	ask(r, METHOD_POST, "/put/a", "k1", 0);
	read_meter(r, "krios-1", 5, false, 0, 0, 1);
	read_meter(r, "seq-1", 6, false, 0, 0, 2);
	arm(r, "note", 1, r->w->now.wall_ms + 5);
	world_sleep(r->w, 5);
	assert_int_equal(step(r), 0);
	assert_int_equal(reply(r, 0)->status, 503);
	assert_int_equal(count(r), 0);
	assert_int_equal(((struct msg_turn *)got(r, MSG_TURN, 0))->failed_turns, 1);
	trace[0] = '\0';
	world_sleep(r->w, 100);
	for (int i = 0; i < 4; i++)
		step(r);
	assert_int_equal(count(r), 2);
	assert_string_equal(trace, "reading:5 reading:6 timer:1 ");
	ask(r, METHOD_POST, "/put/a", "k1", 0); /* the client's retry */
	step(r);
	assert_int_equal(reply(r, 0)->status, 201);
	rig_free(r);
}

static void test_reading_set_aside(void **state)
{
	struct rig *r = rig_new();
	struct script s = { DB_OP_STEP, DB_IO, 0, 1000, "'r' ||" };

	started(r);
	db_on_op(r->w->db, scripted, &s);
	read_meter(r, "krios-1", 5, false, 0, 0, 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(step(r), 0);
		world_sleep(r->w, 150);
	}
	assert_string_equal(trace, "reading:5 reading:5 reading:5 ");
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM event WHERE kind = 'alarm' AND detail LIKE '%krios-1%'"),
		1);
	rig_free(r);
}

/* Nobody says again what a lock is: the report outlives a store without memory, and stays before the next one. */
static void test_report_waits_in_order(void **state)
{
	struct rig *r = rig_new();
	struct script s = { DB_OP_STEP, DB_NOMEM, 0, 1000, "'lock'" };

	started(r);
	db_on_op(r->w->db, scripted, &s);
	tell_lock(r, "krios-1", 1, 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(step(r), 0);
		world_sleep(r->w, 150);
	}
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM event WHERE kind = 'alarm'"), 0);
	tell_lock(r, "krios-1", 2, 0); /* queued while the first waits for its next attempt */
	s.times = 1;
	step(r);
	trace[0] = '\0';
	for (int i = 0; i < 4; i++) {
		world_sleep(r->w, 150);
		step(r);
	}
	assert_string_equal(trace, "lock:1 lock:2 ");
	rig_free(r);
}

static void test_commit_in_doubt(void **state)
{
	struct rig *r = rig_new();
	struct script s = { DB_OP_COMMIT, DB_IO, 0, 1, NULL };

	started(r);
	db_on_op(r->w->db, scripted, &s);
	ask(r, METHOD_POST, "/put/a", "k1", 0);
	assert_true(step(r) < 0);
	assert_int_equal(reply(r, 0)->status, 503);
	assert_non_null(got(r, MSG_FATAL, 0));
	rig_free(r);
}

/* The n-th operation fails, for every n and each class, once: clients retry with their keys, the ledger is started
 * again after an exit, and in the end everything is there exactly once. */
struct nth { int left, class; bool hit; };

static int nth_op(void *arg, enum db_op op, const char *sql)
{
	struct nth *n = arg;

	if (n->left-- != 0)
		return 0;
	n->hit = true;
	return n->class;
}

static void restart(struct rig *r)
{
	struct lt_err err;
	struct ledger_options o = { .db = r->w->db, .site = &r->w->site, .boot_id = "b", .in = r->in, .out = r->out,
		.request = request, .is_read = is_read, .ports = &ports };

	ledger_free(r->l);
	db_rollback(r->w->db);
	r->l = ledger_new(&o, &err);
	assert_non_null(r->l);
}

static bool exchange(struct rig *r, bool answered[3], bool *ret_exited)
{
	static const char *const paths[] = { "/put/a", "/put/b", "/put/c" }, *const keys[] = { "ka", "kb", "kc" };
	uint32_t base = r->slot = 100 * (r->slot / 100 + 1);
	bool all = true;

	for (int i = 0; i < 3; i++, r->slot++)
		if (!answered[i])
			ask(r, METHOD_POST, paths[i], keys[i], i)->conn.slot = base + (uint32_t)i;
	if (step(r) < 0) {
		restart(r);
		*ret_exited = true;
	}
	for (int i = 0; reply(r, i); i++)
		if (reply(r, i)->status == 201)
			answered[reply(r, i)->conn.slot % 100] = true;
		else
			assert_int_equal(reply(r, i)->status, 503);
	for (int i = 0; i < 3; i++)
		all &= answered[i];
	world_sleep(r->w, 150);
	return all;
}

static bool survives(int n, int class)
{
	struct rig *r = rig_new();
	struct nth hook = { n, class, false };
	bool answered[3] = { false, false, false }, exited = false;
	int rounds = 0;

	arm(r, "note", 1, r->w->now.wall_ms);
	read_meter(r, "krios-1", 5, false, 0, 0, 1);
	read_meter(r, "seq-1", 6, false, 0, 0, 2);
	db_on_op(r->w->db, nth_op, &hook);
	while (!exchange(r, answered, &exited) || rounds < 6)
		assert_true(++rounds < 30);
	db_on_op(r->w->db, NULL, NULL);
	assert_int_equal(db_failed(r->w->db), 0);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM counter WHERE name IN ('a', 'b', 'c')"), 3);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM idem"), 3);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind = 'note'"), 0);
	if (!exited) /* after an exit the queued readings are a gap */
		assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM counter WHERE name IN ('r5', 'r6')"), 2);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM event WHERE kind = 'alarm'"), 0);
	rig_free(r);
	return !hook.hit;
}

static bool leased(struct rig *r, const char *instrument)
{
	struct msg_leases *m = (struct msg_leases *)got(r, MSG_LEASES, 0);

	for (int i = 0; m && i < m->n; i++)
		if (strcmp(m->leases[i].instrument, instrument) == 0 && m->leases[i].desired == desired_is)
			return true;
	return false;
}

/* The store cannot say what an interlock shall do: once, for a while, and again at the next renewal. */
static void test_a_wish_that_cannot_be_asked_is_asked_again_soon(void **state)
{
	static const int fails[] = { 1, 2, 20, 1 };
	struct rig *r = rig_new();

	started(r);
	for (size_t k = 0; k < sizeof(fails) / sizeof(fails[0]); k++) {
		int64_t began;

		world_sleep(r->w, 8000);
		desired_fails = fails[k];
		desired_is = k % 2 ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED;
		began = r->w->now.boot_ms;
		for (assert_int_equal(step(r), 0); !leased(r, "krios-1"); assert_int_equal(step(r), 0)) {
			assert_true(ledger_idle_ms(r->l, r->w->now) <= 100);
			world_sleep(r->w, 50);
			assert_true(r->w->now.boot_ms - began < 150 * (fails[k] + 1));
		}
		assert_int_equal(desired_fails, 0);
	}
	rig_free(r);
}

static void test_every_operation_fails(void **state)
{
	static const int all[] = { DB_FULL, DB_IO, DB_NOMEM, DB_RETRY };
	int n;

	for (size_t c = 0; c < sizeof(all) / sizeof(all[0]); c++) {
		for (n = 0; n < 2000 && !survives(n, all[c]); n++)
			;
		assert_in_range(n, 20, 1999);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_turn), cmocka_unit_test(test_reading_set_aside),
		cmocka_unit_test(test_report_waits_in_order),
			cmocka_unit_test(test_commit_in_doubt),
		cmocka_unit_test(test_a_wish_that_cannot_be_asked_is_asked_again_soon),
		cmocka_unit_test(test_every_operation_fails),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("turn_fail", tests, NULL, NULL);
}
