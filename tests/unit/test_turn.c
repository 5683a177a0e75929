/*
 * test_turn.c - the rules of the turn, in virtual time: order of stamps, savepoints, parks, idempotency, coalescing,
 * leases, streams, reads, stop. Failures: test_turn_fail.c.
 */
#include "turn_rig.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app/idem.h"
#include "base/base.h"
#include "common/fmt.h"

static void test_start(void **state)
{
	struct rig *r = rig_new();
	struct msg_leases *m;

	assert_int_equal(step(r), 0);
	assert_string_equal(trace, "recover ");
	assert_true(((struct msg_turn *)got(r, MSG_TURN, 0))->ready);
	m = (struct msg_leases *)got(r, MSG_LEASES, 0);
	assert_int_equal(m->n, 2); /* plc-1 has no interlock */
	assert_int_equal(m->leases[0].desired, LT_LOCK_LOCKED);
	assert_int_equal(m->leases[0].valid_until_boot_ms, r->w->now.boot_ms + 30000);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind = 'idem_purge'"), 1);
	world_sleep(r->w, 500);
	step(r);
	assert_null(got(r, MSG_TURN, 0));
	world_sleep(r->w, 4500);
	step(r);
	assert_non_null(got(r, MSG_TURN, 0)); /* the heartbeat of an idle ledger */
	assert_null(got(r, MSG_LEASES, 0));
	world_sleep(r->w, 4000);
	desired_is = LT_LOCK_UNLOCKED;
	step(r);
	m = (struct msg_leases *)got(r, MSG_LEASES, 0);
	assert_int_equal(m->leases[1].desired, LT_LOCK_UNLOCKED);
	assert_true(m->leases[1].epoch > 2);
	rig_free(r);
}

/* What people are told of a lease is what the loop was given. */
static int64_t until(struct rig *r, const char *instrument)
{
	struct act *a = world_read(r->w, NULL);

	a->ledger = r->l;
	return lease_valid_until(a, instrument);
}

static void test_lease_is_told(void **state)
{
	struct rig *r = rig_new();
	int64_t given;

	(void)state;
	assert_int_equal(until(r, "krios-1"), 0);
	step(r);
	given = r->w->now.wall_ms + 30000;
	assert_int_equal(until(r, "krios-1"), given);
	assert_int_equal(until(r, "plc-1"), 0); /* no interlock */
	assert_int_equal(until(r, "nowhere"), 0);
	world_sleep(r->w, 9000);
	assert_int_equal(until(r, "krios-1"), given);
	world_sleep(r->w, 1000);
	step(r);
	assert_int_equal(until(r, "krios-1"), given + 10000);
	world_sleep(r->w, 30000); /* a ledger that stalls renews nothing */
	assert_int_equal(until(r, "krios-1"), 0);
	assert_int_equal(lease_valid_until(world_read(r->w, NULL), "krios-1"), 0);
	rig_free(r);
}

static void test_order(void **state)
{
	struct rig *r = rig_new();

	started(r);
	arm(r, "note", 1, r->w->now.wall_ms + 50);
	arm(r, "note", 2, r->w->now.wall_ms + 30);
	ask(r, METHOD_POST, "/put/late", "k1", 60);
	ask(r, METHOD_POST, "/put/in-time", "k2", 50);
	read_meter(r, "krios-1", 7, true, 0, 0, 30);
	world_sleep(r->w, 5000); /* a stall */
	step(r);
	assert_string_equal(trace, "reading:7 timer:2 put/in-time timer:1 put/late ");
	assert_int_equal(reply(r, 0)->status, 201);
	assert_string_equal(reply(r, 0)->body, "in-time");
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind = 'note'"), 0);
	rig_free(r);
}

/* labtimed --turn-items: a bound on each turn; what is left waits for the next one. */
static void test_small_turns(void **state)
{
	struct rig *r = rig_new();
	struct ledger_options o = { .db = r->w->db, .site = &r->w->site, .boot_id = "b", .in = r->in, .out = r->out,
		.request = request, .is_read = is_read, .ports = &ports, .turn_items = 2 };
	struct lt_err err;

	ledger_free(r->l);
	r->l = ledger_new(&o, &err);
	assert_non_null(r->l);
	started(r);
	ask(r, METHOD_POST, "/put/a", "k1", 1);
	ask(r, METHOD_POST, "/put/b", "k2", 2);
	ask(r, METHOD_POST, "/put/c", "k3", 3);
	world_sleep(r->w, 10);
	step(r);
	assert_int_equal(count(r), 2);
	assert_non_null(reply(r, 1));
	assert_null(reply(r, 2));
	assert_int_equal(ledger_idle_ms(r->l, r->w->now), 0);
	step(r);
	assert_int_equal(count(r), 3);
	assert_non_null(reply(r, 0));
	rig_free(r);
}

static void test_savepoints(void **state)
{
	struct rig *r = rig_new();

	started(r);
	ask(r, METHOD_POST, "/put/a", "k1", 0);
	ask(r, METHOD_POST, "/refuse", "k2", 1);
	ask(r, METHOD_POST, "/fail", "k3", 2);
	ask(r, METHOD_POST, "/put/b", "k4", 3);
	assert_int_equal(step(r), 0);
	assert_int_equal(reply(r, 0)->status, 201);
	assert_int_equal(reply(r, 1)->status, 409);
	assert_int_equal(reply(r, 2)->status, 503);
	assert_int_equal(reply(r, 2)->retry_after_s, 1);
	assert_int_equal(reply(r, 3)->status, 201);
	assert_int_equal(count(r), 2);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM idem"), 3); /* the 409 is kept, the 503 is not */
	rig_free(r);
}

static void test_idempotency(void **state)
{
	struct rig *r = rig_new();
	struct msg_request *m;

	started(r);
	ask(r, METHOD_POST, "/put/a", "same", 0);
	ask(r, METHOD_POST, "/put/a", "same", 1);
	step(r);
	assert_int_equal(reply(r, 0)->status, 201);
	assert_false(reply(r, 0)->replayed);
	assert_int_equal(reply(r, 1)->status, 201);
	assert_true(reply(r, 1)->replayed);
	assert_string_equal(reply(r, 1)->body, "a");
	assert_string_equal(trace, "put/a ");
	ask(r, METHOD_POST, "/put/b", "same", 2);
	ask(r, METHOD_POST, "/refuse", "no", 3);
	step(r);
	assert_int_equal(reply(r, 0)->status, 422);
	m = ask(r, METHOD_POST, "/refuse", "no", 4);
	step(r);
	assert_int_equal(reply(r, 0)->status, 409);
	assert_true(reply(r, 0)->replayed);
	(void)m;
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM idem"), 2);
	struct act *a = world_act(r->w, NULL);
	a->now.wall_ms += 8 * LT_DAY;
	assert_int_equal(world_end(r->w, idem_purge(a, 0, 0)), 0);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM idem"), 0);
	rig_free(r);
}

static void test_reads(void **state)
{
	struct rig *r = rig_new();

	started(r);
	ask(r, METHOD_GET, "/x", "", 0);
	ask(r, METHOD_POST, "/put/a", "k", 1);
	ask(r, METHOD_POST, "/put/dry", "k2", 2)->query = strdup("dry_run=true");
	ask(r, METHOD_GET, "/put/read-that-writes", "", 3);
	step(r);
	assert_string_equal(reply(r, 1)->body, "some"); /* after the turn */
	assert_int_equal(reply(r, 2)->status, 201);
	assert_int_equal(reply(r, 3)->status, 503);
	assert_int_equal(count(r), 1);
	rig_free(r);
}

static int ask_meanwhile(void *arg, enum db_op op, const char *sql)
{
	struct rig *r = arg;

	if (op == DB_OP_COMMIT && r->slot < 50) {
		ask(r, METHOD_GET, "/look", "", 5);
		r->slot = 50;
		ask(r, METHOD_POST, "/put/next", "k2", 6);
	}
	return 0;
}

/* A read that comes while a turn commits is answered right after it, not behind the next one. */
static void test_read_during_turn(void **state)
{
	struct rig *r = rig_new();

	started(r);
	ask(r, METHOD_POST, "/put/a", "k1", 0);
	db_on_op(r->w->db, ask_meanwhile, r);
	step(r);
	assert_int_equal(reply(r, 0)->status, 201);
	assert_int_equal(reply(r, 1)->status, 200);
	assert_string_equal(reply(r, 1)->body, "some");
	assert_null(reply(r, 2));
	step(r);
	assert_string_equal(reply(r, 0)->body, "next");
	rig_free(r);
}

static int64_t slow_us;

static int64_t slow_clock(void)
{
	return slow_us += 100000;
}

static void grow_log(struct db *db, int i)
{
	static char text[400000];
	char key[16];

	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(db_begin(db), 0);
	for (int k = 0; k < 12; k++) {
		lt_fmt(key, sizeof(key), "%d-%d", i, k);
		assert_true(db_run(db, "INSERT INTO meta(key, value) VALUES (?1, ?2)", "tt", key, text) >= 0);
	}
	assert_int_equal(db_commit(db), 0);
	assert_true(db_wal_frames(db) > 1000);
}

/* On a disk where a checkpoint takes 100 ms the next one waits 40 s, however many would have been due. */
static void test_checkpoints_are_rare(void **state)
{
	char dir[] = "/tmp/labtime-turn.XXXXXX", path[64], command[96];
	struct rig *r = rig_new();
	struct lt_err err;

	assert_non_null(mkdtemp(dir));
	lt_fmt(path, sizeof(path), "%s/l.db", dir);
	struct ledger_options o = { .db = db_open(path, 0, &err), .site = &r->w->site, .boot_id = "b", .in = r->in,
		.out = r->out, .request = request, .is_read = is_read, .ports = &ports, .clock_us = slow_clock };
	assert_non_null(o.db);
	ledger_free(r->l);
	r->l = ledger_new(&o, &err);
	assert_non_null(r->l);
	started(r);
	grow_log(o.db, 1);
	step(r);
	assert_true(db_wal_frames(o.db) < 1000);
	grow_log(o.db, 2);
	world_sleep(r->w, 39000);
	step(r);
	assert_true(db_wal_frames(o.db) > 1000);
	world_sleep(r->w, 2000);
	step(r);
	assert_true(db_wal_frames(o.db) < 1000);
	r->l = ledger_free(r->l);
	db_close(o.db);
	rig_free(r);
	lt_fmt(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void test_coalescing(void **state)
{
	struct rig *r = rig_new();

	started(r);
	read_meter(r, "krios-1", 10, false, 0, 0, 0); /* the first: an edge */
	step(r);
	assert_string_equal(trace, "reading:10 ");
	trace[0] = '\0';
	read_meter(r, "krios-1", 10, false, 0, 0, 1000);
	world_sleep(r->w, 1000);
	step(r);
	assert_string_equal(trace, "");
	assert_int_equal(ledger_idle_ms(r->l, r->w->now), 200);
	read_meter(r, "krios-1", 10, false, 0, 0, 100);
	world_sleep(r->w, 100);
	step(r);
	assert_string_equal(trace, "");
	world_sleep(r->w, 100);
	db_run(r->w->db, "DELETE FROM counter", "");
	step(r);
	assert_string_equal(trace, "reading:10 "); /* one for two */
	trace[0] = '\0';
	db_run(r->w->db, "DELETE FROM counter", "");
	read_meter(r, "krios-1", 11, true, 0, 0, 10); /* edges are never replaced */
	read_meter(r, "krios-1", 12, true, 0, 0, 20);
	read_meter(r, "krios-1", 13, true, 0, 0, 30);
	read_meter(r, "krios-1", 13, true, 0, 0, 40); /* stopped counting: an edge */
	step(r);
	assert_string_equal(trace, "reading:11 reading:13 reading:13 ");
	rig_free(r);
}

static void test_park(void **state)
{
	struct rig *r = rig_new();
	struct msg_poll *poll;
	uint64_t ticket;

	started(r);
	ask(r, METHOD_POST, "/park", "k1", 0);
	arm(r, "note", 9, r->w->now.wall_ms + 100);
	step(r);
	poll = (struct msg_poll *)got(r, MSG_POLL, 0);
	assert_string_equal(poll->instrument, "krios-1");
	assert_int_equal(poll->deadline_boot_ms, r->w->now.boot_ms + 1000);
	ticket = poll->ticket;
	assert_null(reply(r, 0));
	world_sleep(r->w, 200);
	step(r);
	assert_string_equal(trace, ""); /* the timer waits for the request that came before it */
	assert_true(ledger_idle_ms(r->l, r->w->now) > 0);
	read_meter(r, "krios-1", 5, true, ticket, READING_FORCED, 0);
	step(r);
	assert_int_equal(reply(r, 0)->status, 200);
	assert_string_equal(trace, "reading:5 park:polled ");
	step(r);
	assert_string_equal(trace, "reading:5 park:polled timer:9 ");
	db_run(r->w->db, "DELETE FROM counter", "");
	ask(r, METHOD_POST, "/park", "k2", 0);
	ask(r, METHOD_POST, "/park", "k2", 1);
	trace[0] = '\0';
	step(r);
	assert_non_null(got(r, MSG_POLL, 0));
	assert_null(got(r, MSG_POLL, 1)); /* shared */
	world_sleep(r->w, 1000);
	step(r);
	assert_string_equal(trace, "park:unread ");
	assert_string_equal(reply(r, 0)->body, "unread");
	assert_true(reply(r, 1)->replayed);
	db_run(r->w->db, "DELETE FROM counter", "");
	ask(r, METHOD_POST, "/park", "k3", 0);
	step(r);
	ticket = ((struct msg_poll *)got(r, MSG_POLL, 0))->ticket;
	read_meter(r, "krios-1", 0, false, ticket, READING_UNREAD, 0);
	step(r);
	assert_string_equal(reply(r, 0)->body, "unread");
	assert_int_equal(count(r), 1); /* an unread answer is no reading */
	rig_free(r);
}

/* A person at the instrument is the best reason to ask now: the link is known to be down, and the poller is asked. */
static void test_a_person_asks_a_controller_that_is_down(void **state)
{
	struct rig *r = rig_new();
	struct msg_poll *poll;

	started(r);
	db_run(r->w->db, "UPDATE instrument SET link = 'down'", "");
	arm(r, "park", 1, r->w->now.wall_ms);
	step(r);
	assert_string_equal(trace, "timer-unread "); /* a timer does not wait for it */
	assert_null(got(r, MSG_POLL, 0));
	ask(r, METHOD_POST, "/park", "k4", 0);
	step(r);
	poll = (struct msg_poll *)got(r, MSG_POLL, 0);
	assert_non_null(poll);
	assert_true(poll->urgent);
	assert_null(reply(r, 0));
	read_meter(r, "krios-1", 5, true, poll->ticket, READING_FORCED, 0);
	step(r);
	assert_string_equal(reply(r, 0)->body, "polled");
	rig_free(r);
}

/* Somebody looks for the fault (the doctor): it is asked at once, and the answer does not wait for it. */
static void test_a_look_asks_a_controller_that_is_down(void **state)
{
	struct rig *r = rig_new();
	struct msg_poll *poll;

	started(r);
	db_run(r->w->db, "UPDATE instrument SET link = 'down'", "");
	ask(r, METHOD_GET, "/look", "", 0);
	step(r);
	poll = (struct msg_poll *)got(r, MSG_POLL, 0);
	assert_non_null(poll);
	assert_string_equal(poll->instrument, "krios-1");
	assert_true(poll->urgent);
	assert_int_equal(poll->ticket, 0);
	assert_non_null(reply(r, 0));
	rig_free(r);
}

static void test_timers(void **state)
{
	struct rig *r = rig_new();
	uint64_t ticket;

	started(r);
	arm(r, "park", 1, r->w->now.wall_ms);
	arm(r, "refuse", 2, r->w->now.wall_ms);
	step(r);
	assert_string_equal(trace, "refuse ");
	ticket = ((struct msg_poll *)got(r, MSG_POLL, 0))->ticket;
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind IN ('park', 'refuse')"), 1);
	step(r);
	read_meter(r, "seq-1", 3, false, ticket, READING_FORCED, 0);
	step(r);
	assert_string_equal(trace, "refuse reading:3 timer-polled ");
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind = 'park'"), 0);
	rig_free(r);
}

static void test_set_aside(void **state)
{
	struct rig *r = rig_new();
	struct msg_turn *t;

	started(r);
	fire_fails = 3;
	arm(r, "fail", 1, r->w->now.wall_ms);
	arm(r, "note", 2, r->w->now.wall_ms);
	for (int i = 0; i < 8; i++) {
		step(r);
		world_sleep(r->w, 150);
	}
	assert_string_equal(trace, "fail timer:2 fail fail ");
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM event WHERE kind = 'alarm'"), 1);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind = 'fail'"), 1);
	ask(r, METHOD_POST, "/put/z", "k", 0);
	step(r);
	t = (struct msg_turn *)got(r, MSG_TURN, 0);
	assert_int_equal(t->set_aside, 1);
	world_sleep(r->w, 61000);
	ask(r, METHOD_POST, "/put/y", "k2", 0);
	step(r);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM timer WHERE kind = 'fail'"),
		0); /* tried again, and it went */
	rig_free(r);
}

static void credit(struct rig *r, uint32_t slot, enum msg_kind kind)
{
	struct msg_conn *m = msg_new(kind, sizeof(*m));

	m->conn = (struct conn_ref){ slot, 1 };
	queue_push(r->in, &m->head);
}

static void test_streams(void **state)
{
	struct rig *r = rig_new();
	struct msg_chunk *c;
	uint32_t slot = r->slot;

	started(r);
	ask(r, METHOD_GET, "/job", "", 0);
	step(r);
	assert_true(reply(r, 0)->streamed);
	assert_null(got(r, MSG_CHUNK, 0));
	credit(r, slot, MSG_CREDIT);
	step(r);
	c = (struct msg_chunk *)got(r, MSG_CHUNK, 0);
	assert_memory_equal(c->body, "3;", 2);
	assert_false(c->last);
	credit(r, slot, MSG_CREDIT);
	credit(r, slot, MSG_CREDIT);
	step(r);
	step(r);
	assert_null(got(r, MSG_CHUNK, 0)); /* the last one waits for the manifest's commit */
	step(r);
	c = (struct msg_chunk *)got(r, MSG_CHUNK, 0);
	assert_true(c->last && !c->failed);
	assert_memory_equal(c->body, "1;", 2);
	assert_int_equal(jobs_freed, 1);
	assert_int_equal(world_int(r->w, "SELECT COUNT(*) FROM counter WHERE name = 'manifest'"), 1);
	slot = r->slot;
	ask(r, METHOD_GET, "/job", "", 0);
	step(r);
	credit(r, slot, MSG_GONE);
	step(r);
	assert_int_equal(jobs_freed, 2);
	rig_free(r);
}

static void test_stop(void **state)
{
	struct rig *r = rig_new();

	started(r);
	ask(r, METHOD_POST, "/park", "k1", 0);
	step(r);
	ask(r, METHOD_POST, "/put/a", "k2", 0);
	read_meter(r, "seq-1", 6, false, 0, 0, 2);
	queue_push(r->in, msg_new(MSG_STOP, sizeof(struct msg)));
	assert_int_equal(step(r), 1);
	assert_int_equal(reply(r, 0)->status, 201);
	assert_int_equal(reply(r, 1)->status, 503);
	assert_non_null(got(r, MSG_STOPPED, 0));
	assert_int_equal(count(r), 2);
	rig_free(r);
}

static void test_read_only(void **state)
{
	struct rig *r = rig_new();

	started(r);
	ledger_set_read_only(r->l);
	ask(r, METHOD_POST, "/put/a", "k2", 0);
	ask(r, METHOD_GET, "/x", "", 0);
	assert_int_equal(step(r), 0);
	assert_int_equal(reply(r, 0)->status, 503);
	assert_int_equal(reply(r, 1)->status, 200);
	assert_int_equal(count(r), 0);
	rig_free(r);
}

/* On its own thread, by the real clock: wakes for a message, answers, and ends at MSG_STOP. */
static struct stamp real_now(void) { return (struct stamp){ clock_boot_ms(), clock_wall_ms() }; }
static void *on_thread(void *l) { return ledger_run(l, real_now) == 1 ? l : NULL; }

static struct msg *wait_for(struct rig *r, enum msg_kind kind)
{
	for (;;) {
		struct msg *m = queue_wait(r->out), *next, *found = NULL;
		for (; m; m = next) {
			next = m->next;
			if (m->kind == kind && !found)
				found = m;
			else
				msg_free(m);
		}
		if (found)
			return found;
	}
}

static void count_wake(void *arg)
{
	++*(int *)arg;
}

/* A quiet message wakes nobody; the next one brings it along, in order. */
static void test_quiet(void **state)
{
	struct queue *q = queue_new();
	struct msg *m;
	int woken = 0;

	queue_on_push(q, count_wake, &woken);
	queue_push_quiet(q, msg_new(MSG_READING, sizeof(struct msg_reading)));
	assert_int_equal(woken, 0);
	queue_push(q, msg_new(MSG_TICK, sizeof(struct msg)));
	queue_push(q, msg_new(MSG_TICK, sizeof(struct msg)));
	assert_int_equal(woken, 1);
	m = queue_wait(q);
	assert_int_equal(m->kind, MSG_READING);
	assert_int_equal(m->next->kind, MSG_TICK);
	msg_free(m->next->next);
	msg_free(m->next);
	msg_free(m);
	queue_push(q, msg_new(MSG_TICK, sizeof(struct msg)));
	assert_int_equal(woken, 2);
	queue_free(q);
}

static void test_thread(void **state)
{
	struct rig *r = rig_new();
	struct msg *m;
	pthread_t t;
	void *ended;

	r->w->now = real_now();
	assert_int_equal(pthread_create(&t, NULL, on_thread, r->l), 0);
	for (int i = 0; i < 20; i++) {
		char path[32], key[8];
		lt_fmt(path, sizeof(path), "/put/n%d", i);
		lt_fmt(key, sizeof(key), "k%d", i);
		ask(r, METHOD_POST, path, key, 0);
		m = wait_for(r, MSG_REPLY);
		assert_int_equal(((struct msg_reply *)m)->status, 201);
		msg_free(m);
	}
	queue_push(r->in, msg_new(MSG_STOP, sizeof(struct msg)));
	msg_free(wait_for(r, MSG_STOPPED));
	assert_int_equal(pthread_join(t, &ended), 0);
	assert_ptr_equal(ended, r->l);
	assert_int_equal(count(r), 20);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start), cmocka_unit_test(test_lease_is_told),
		cmocka_unit_test(test_order), cmocka_unit_test(test_small_turns),
		cmocka_unit_test(test_savepoints),
		cmocka_unit_test(test_idempotency), cmocka_unit_test(test_reads),
		cmocka_unit_test(test_read_during_turn), cmocka_unit_test(test_checkpoints_are_rare),
		cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_park), cmocka_unit_test(test_a_person_asks_a_controller_that_is_down),
		cmocka_unit_test(test_a_look_asks_a_controller_that_is_down),
		cmocka_unit_test(test_timers), cmocka_unit_test(test_set_aside),
		cmocka_unit_test(test_streams), cmocka_unit_test(test_stop), cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_quiet), cmocka_unit_test(test_thread),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
