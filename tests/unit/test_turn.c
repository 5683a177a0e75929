/*
 * test_turn.c - the rules of the turn, in virtual time: order of stamps, savepoints, failures before and at COMMIT,
 * parks, idempotency, coalescing, leases, streams, reads, stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app/idem.h"
#include "app/ledger.h"
#include "app/timers.h"
#include "base/base.h"
#include "common/fmt.h"
#include "support/world.h"

static char trace[2000];
static int fire_fails, desired_is = LT_LOCK_LOCKED;

static void say(const char *fmt, ...)
{
	size_t n = strlen(trace);
	va_list ap;

	va_start(ap, fmt);
	lt_vfmt(trace + n, sizeof(trace) - n, fmt, ap);
	va_end(ap);
}

/* The scripted use cases --------------------------------------------------------------------------------- */

static int put(struct act *a, const char *name)
{
	db_run(a->db, "INSERT INTO counter (name, next) VALUES (?1, 0)", "t", name);
	return act_end(a);
}

struct count_job { struct job job; int left, fail_done; struct db *db; };
static int jobs_freed;

static int count_slice(struct job *j, struct db *db, char *dst, size_t cap, size_t *ret_size)
{
	struct count_job *c = (struct count_job *)j;

	*ret_size = lt_fmt(dst, cap, "%d;", c->left);
	return --c->left > 0;
}
static int count_done(struct job *j, void *act)
{
	say("done ");
	return put(act, "manifest");
}
static void count_cancel(struct job *j) { jobs_freed++; free(j); }
static const struct job_kind count_kind = { "count", count_slice, count_done, count_cancel };

static int answer(struct ledger_reply *ret, int status, const char *text)
{
	ret->status = status;
	ret->content_type = "application/json";
	ret->body = strdup(text);
	ret->body_size = strlen(text);
	ret->keep = status < 300 || status == 409;
	return status < 300 ? 0 : ACT_REFUSED;
}

static int request(struct act *a, const struct msg_request *m, struct ledger_reply *ret)
{
	const char *verb = m->path + 1;
	int r;

	lt_fmt(a->who.scope, sizeof(a->who.scope), "t:test");
	if (m->idempotency_key[0] && (r = idem_find(a, m, ret)) != IDEM_NEW)
		return r == IDEM_REPLAY ? 0 : answer(ret, 422, "reused");
	if (strncmp(verb, "put/", 4) == 0) {
		say("%s ", verb);
		r = put(a, verb + 4);
		return r ? r : answer(ret, 201, verb + 4);
	}
	if (strcmp(verb, "refuse") == 0) {
		put(a, "refused");
		return answer(ret, 409, "no");
	}
	if (strcmp(verb, "park") == 0) {
		if ((r = act_park(a, "krios-1")) != 0)
			return r;
		say("park:%s ", a->polled ? "polled" : "unread");
		put(a, "parked");
		act_lease(a, "krios-1");
		return answer(ret, 200, a->polled ? "polled" : "unread");
	}
	if (strcmp(verb, "job") == 0) {
		struct count_job *c = calloc(1, sizeof(*c));
		c->job.kind = &count_kind;
		c->left = 3;
		ret->job = &c->job;
		ret->status = 200;
		return 0;
	}
	if (strcmp(verb, "fail") == 0) {
		db_run(a->db, "SELECT nonsense", "");
		return act_end(a);
	}
	return answer(ret, 200, db_one_int(a->db, 0, "SELECT COUNT(*) FROM counter", "") > 0 ? "some" : "none");
}

static bool is_read(const struct msg_request *m) { return m->method == METHOD_GET ||
	(m->query && strcmp(m->query, "dry_run=true") == 0); }

static int reading(struct act *a, const struct msg_reading *m)
{
	say("reading:%d ", (int)m->obs.hourmeter);
	db_run(a->db, "INSERT INTO counter (name, next) VALUES ('r' || ?1, 0)", "i", (int64_t)m->obs.hourmeter);
	return act_end(a);
}
static int link_changed(struct act *a, const struct msg_link *m) { say("link:%d ", m->up); return 0; }
static int interlock(struct act *a, const struct msg_interlock *m) { say("lock:%d ", m->lock); return 0; }
static int recover(struct act *a) { say("recover "); return 0; }
static int desired(struct act *a, const char *instrument,
	enum lt_lock *ret) { *ret = (enum lt_lock)desired_is; return act_end(a); }

static int fire_note(struct act *a, int64_t ref, int64_t due) { say("timer:%d ", (int)ref); return act_end(a); }
static int fire_fail(struct act *a, int64_t ref, int64_t due)
{
	say("fail ");
	if (fire_fails-- > 0)
		db_run(a->db, "SELECT nonsense", "");
	return act_end(a);
}
static int fire_refuse(struct act *a, int64_t ref, int64_t due) { say("refuse "); return act_refuse(a, 409, "no", "",
	"no"); }
static int fire_park(struct act *a, int64_t ref, int64_t due)
{
	int r = act_park(a, "seq-1");

	if (r == 0)
		say("timer-%s ", a->polled ? "polled" : "unread");
	return r;
}

static const struct timer_kind *find(const char *name)
{
	static const struct timer_kind kinds[] = { { "note", fire_note }, { "fail", fire_fail },
		{ "refuse", fire_refuse }, { "park", fire_park } };

	for (size_t i = 0; i < 4; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static const struct ledger_ports ports = { reading, link_changed, interlock, recover, desired, find };

/* The rig ------------------------------------------------------------------------------------------------ */

struct rig { struct world *w; struct queue *in, *out; struct ledger *l; uint32_t slot; struct msg *got; };

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct lt_err err;

	trace[0] = '\0';
	jobs_freed = fire_fails = 0;
	desired_is = LT_LOCK_LOCKED;
	r->w = world_new();
	r->in = queue_new();
	r->out = queue_new();
	struct ledger_options o = { .db = r->w->db, .site = &r->w->site, .boot_id = "b", .in = r->in, .out = r->out,
		.request = request, .is_read = is_read, .ports = &ports };
	r->l = ledger_new(&o, &err);
	assert_non_null(r->l);
	return r;
}

static void forget(struct rig *r)
{
	struct msg *m, *next;

	for (m = r->got; m; m = next) {
		next = m->next;
		msg_free(m);
	}
	r->got = NULL;
}

static int step(struct rig *r)
{
	int rc;

	forget(r);
	rc = ledger_step(r->l, r->w->now);
	r->got = queue_take(r->out);
	return rc;
}

static void rig_free(struct rig *r)
{
	forget(r);
	ledger_free(r->l);
	queue_free(r->in);
	queue_free(r->out);
	world_free(r->w);
	free(r);
}

static int64_t count(struct rig *r) { return world_int(r->w,
	"SELECT COUNT(*) FROM counter WHERE name NOT IN ('event', 'audit')"); }

static struct msg *got(struct rig *r, enum msg_kind kind, int nth)
{
	for (struct msg *m = r->got; m; m = m->next)
		if (m->kind == kind && nth-- == 0)
			return m;
	return NULL;
}
static struct msg_reply *reply(struct rig *r, int nth) { return (struct msg_reply *)got(r, MSG_REPLY, nth); }

static struct msg_request *ask(struct rig *r, enum method method, const char *path, const char *key, int64_t boot_after)
{
	struct msg_request *m = msg_new(MSG_REQUEST, sizeof(*m));

	m->head.at = (struct stamp){ r->w->now.boot_ms + boot_after, r->w->now.wall_ms + boot_after };
	m->conn = (struct conn_ref){ r->slot++, 1 };
	m->method = method;
	m->path = strdup(path);
	m->peer.kind = PEER_UNIX;
	lt_fmt(m->idempotency_key, sizeof(m->idempotency_key), "%s", key);
	queue_push(r->in, &m->head);
	return m;
}

static void read_meter(struct rig *r, const char *instrument, uint64_t value, bool running, uint64_t ticket,
	uint32_t flags, int64_t boot_after)
{
	struct msg_reading *m = msg_new(MSG_READING, sizeof(*m));

	m->head.at = (struct stamp){ r->w->now.boot_ms + boot_after, r->w->now.wall_ms + boot_after };
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", instrument);
	m->ticket = ticket;
	m->flags = flags;
	m->obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
	m->obs.hourmeter = value;
	m->obs.running = running;
	queue_push(r->in, &m->head);
}

static void arm(struct rig *r, const char *kind, int64_t ref, int64_t due)
{
	db_run(r->w->db, "INSERT INTO timer (kind, ref, due_at) VALUES (?1, ?2, ?3)", "tii", kind, ref, due);
}

static void started(struct rig *r)
{
	assert_int_equal(step(r), 0);
	trace[0] = '\0';
}

/* Tests -------------------------------------------------------------------------------------------------- */

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
	db_run(r->w->db, "UPDATE instrument SET link = 'down'", "");
	db_run(r->w->db, "DELETE FROM counter", "");
	ask(r, METHOD_POST, "/park", "k4", 0);
	step(r);
	assert_string_equal(reply(r, 0)->body, "unread"); /* at once */
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
		cmocka_unit_test(test_start), cmocka_unit_test(test_order), cmocka_unit_test(test_savepoints),
		cmocka_unit_test(test_idempotency), cmocka_unit_test(test_reads), cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_park), cmocka_unit_test(test_timers), cmocka_unit_test(test_set_aside),
		cmocka_unit_test(test_failed_turn), cmocka_unit_test(test_reading_set_aside),
			cmocka_unit_test(test_commit_in_doubt),
		cmocka_unit_test(test_streams), cmocka_unit_test(test_stop), cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_every_operation_fails), cmocka_unit_test(test_thread),
	};

	log_level_set(LOG_ERROR_LEVEL);
	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
