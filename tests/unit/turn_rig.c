/* turn_rig.c - see turn_rig.h. Owns its world, its queues and what came out of the last step. */
#include <stdlib.h>
#include <string.h>

#include "app/clock.h"
#include "app/idem.h"
#include "app/timers.h"
#include "base/base.h"
#include "common/fmt.h"
#include "turn_rig.h"

char trace[2000];
int fire_fails, desired_is = LT_LOCK_LOCKED, desired_fails;

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
int jobs_freed;

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

int request(struct act *a, const struct msg_request *m, struct ledger_reply *ret)
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
	if (strcmp(verb, "look") == 0)
		act_poll(a, "krios-1");
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

bool is_read(const struct msg_request *m) { return m->method == METHOD_GET ||
	(m->query && strcmp(m->query, "dry_run=true") == 0); }

static int reading(struct act *a, const struct msg_reading *m)
{
	say("reading:%d ", (int)m->obs.hourmeter);
	db_run(a->db, "INSERT INTO counter (name, next) VALUES ('r' || ?1, 0)", "i", (int64_t)m->obs.hourmeter);
	return act_end(a);
}
static int link_changed(struct act *a, const struct msg_link *m) { say("link:%d ", m->up); return 0; }
static int interlock(struct act *a, const struct msg_interlock *m)
{
	say("lock:%d ", m->lock);
	db_run(a->db, "SELECT 'lock'", "");
	return act_end(a);
}
static int recover(struct act *a) { say("recover "); return 0; }
static int desired(struct act *a, const char *instrument, enum lt_lock *ret)
{
	*ret = (enum lt_lock)desired_is;
	if (desired_fails > 0 && desired_fails-- > 0)
		db_run(a->db, "SELECT nonsense", "");
	return act_end(a);
}

static int fire_note(struct act *a, int64_t ref, int64_t due) { say("timer:%d ", (int)ref); return act_end(a); }
static int fire_take(struct act *a, int64_t ref, int64_t due) { say("take:%d ", (int)ref); return act_end(a); }
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

/* Counts a minute, again and again; its name is that of a kind that lasts. */
static int fire_again(struct act *a, int64_t ref, int64_t due)
{
	say("again:%d ", (int)ref);
	act_timer(a, "reread", ref, a->now.wall_ms + LT_MINUTE);
	return act_end(a);
}

static const char *taking(void) { return ",take,"; }

static const struct timer_kind *find(const char *name)
{
	static const struct timer_kind kinds[] = { { "note", fire_note, 0 }, { "fail", fire_fail, 0 },
		{ "refuse", fire_refuse, 0 }, { "park", fire_park, 0 }, { "take", fire_take, TIMER_TAKES },
		{ "reread", fire_again, TIMER_LASTS } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

const struct ledger_ports ports = { reading, link_changed, interlock, recover, desired, find, taking, clock_notice };

/* The rig ------------------------------------------------------------------------------------------------ */


struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct lt_err err;

	trace[0] = '\0';
	jobs_freed = fire_fails = desired_fails = 0;
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

int step(struct rig *r)
{
	int rc;

	forget(r);
	rc = ledger_step(r->l, r->w->now);
	r->got = queue_take(r->out);
	return rc;
}

void rig_free(struct rig *r)
{
	forget(r);
	ledger_free(r->l);
	queue_free(r->in);
	queue_free(r->out);
	world_free(r->w);
	free(r);
}

int64_t count(struct rig *r) { return world_int(r->w,
	"SELECT COUNT(*) FROM counter WHERE name NOT IN ('event', 'audit')"); }

struct msg *got(struct rig *r, enum msg_kind kind, int nth)
{
	for (struct msg *m = r->got; m; m = m->next)
		if (m->kind == kind && nth-- == 0)
			return m;
	return NULL;
}
struct msg_reply *reply(struct rig *r, int nth) { return (struct msg_reply *)got(r, MSG_REPLY, nth); }

struct msg_request *ask(struct rig *r, enum method method, const char *path, const char *key, int64_t boot_after)
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

void read_meter(struct rig *r, const char *instrument, uint64_t value, bool running, uint64_t ticket,
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

void tell_lock(struct rig *r, const char *instrument, uint8_t lock, int64_t boot_after)
{
	struct msg_interlock *m = msg_new(MSG_INTERLOCK, sizeof(*m));

	m->head.at = (struct stamp){ r->w->now.boot_ms + boot_after, r->w->now.wall_ms + boot_after };
	lt_fmt(m->instrument, sizeof(m->instrument), "%s", instrument);
	m->lock = lock;
	queue_push(r->in, &m->head);
}

void arm(struct rig *r, const char *kind, int64_t ref, int64_t due)
{
	db_run(r->w->db, "INSERT INTO timer (kind, ref, due_at) VALUES (?1, ?2, ?3)", "tii", kind, ref, due);
}

void started(struct rig *r)
{
	assert_int_equal(step(r), 0);
	trace[0] = '\0';
}
