/*
 * engine.c - what happens at one endpoint: polls, retries, the interlock's next step. Whose
 * turn it is says line.c.
 *
 * One operation at a time an endpoint. An operation ends in on_reply(), which either goes on with the next request of
 * the same device or gives the endpoint back to line_kick(). Nothing here blocks; whatever a device answers, the
 * worst is a poll that counts as failed.
 */
#include <string.h>

#include "base/base.h"
#include "drivers/modbus/private.h"

#define RETRIES 2
#define RETRY_PACE_MS 50
#define LONG_PROBE_MS 4000     /* a silent unit that keeps nobody waiting gets up to this every fourth time */
#define VERIFY_FIRST_MS 20     /* a relay that was written is read back so often: an eighth of verify_ms within these */
#define VERIFY_MOST_MS 250
#define STOP_POLLS 4
#define FIRST_LEASE_MS 5000    /* after start or reload the ledger gets this long to say what it wants */

static void on_reply(void *arg, const struct link_reply *r);

void engine_forget(struct device *d)
{
	struct endpoint *e = d->endpoint;

	tickets_unread(d, UINT64_MAX);
	if (e->active == d) {
		link_cancel(e->link);
		e->active = NULL;
		e->op = OP_NONE;
	}
}

/* Operations --------------------------------------------------------------------------------------------- */

static int64_t between(int64_t low, int64_t v, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* What the units of this line usually take, where this one has never answered. 0: none has. */
static int64_t usual_rtt(const struct device *d)
{
	int64_t rtt = d->srtt;

	if (rtt > 0)
		return rtt;
	for (const struct device *o = d->endpoint->devices; o; o = o->next)
		if (o->up && o->srtt > rtt)
			rtt = o->srtt;
	return rtt;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * How long a failing unit may take. Alone on its line it gets what is configured, and more every fourth time. Where it
 * would keep others waiting it gets little more than its answers took: a late answer is noticed (line_late), and then
 * it gets all the time it may. Of several that are all silent, one gets what is configured now and then.
 */
static int64_t probe(struct device *d, int64_t now)
{
	int64_t most = d->rto < d->target.timeout_ms ? d->rto : d->target.timeout_ms, slow = 4 * d->target.timeout_ms;
	int64_t quick = later(SCHEDULE_PROBE_MS, 4 * usual_rtt(d) + 20);

	if (line_alone(d) && d->failures % 4 == 0)
		return later(most, slow < LONG_PROBE_MS ? slow : LONG_PROBE_MS);
	if (line_alone(d) || d->endpoint->op_forced || (!line_has_company(d) && line_long_turn(d, now)))
		return most;
	return quick < most ? quick : most;
}

static void send_request(struct device *d, const struct modbus_request *r, bool retry)
{
	struct link_terms t = { .timeout_ms = d->probe_ms ? d->probe_ms : d->rto, .pace_ms = d->info.pace_ms,
				.tid_any = d->info.tid_any, .unit_any = d->info.unit_any };

	if (retry && t.pace_ms < RETRY_PACE_MS)
		t.pace_ms = RETRY_PACE_MS;
	link_send(d->endpoint->link, r, &t, on_reply, d->endpoint);
}

static bool send_write(struct device *d, enum lt_wish wish)
{
	struct lt_write w;
	struct modbus_request r;

	if (d->info.driver->write(d->state, wish, &w) != 1 ||
			modbus_encode_write(d->endpoint->p->o.codec, d->target.unit, &w, &r) < 0)
		return false;
	d->endpoint->p->writes++;
	send_request(d, &r, false);
	return true;
}

/* A poll deals with every reason that is due; what it does not settle is set anew when it ends. */
static void begin_poll(struct device *d)
{
	struct endpoint *e = d->endpoint;
	int64_t now = clock_boot_ms();

	e->looked = false;
	e->op_forced = d->at.forced <= now;
	if (e->op_forced)
		link_retry_now(e->link);
	else if (d->on_tick && d->at.poll <= now)
		metrics_late(e->p, clock_boot_us() - d->at.poll * 1000);
	d->polls++;
	d->asked = now;
	d->on_tick = false;
	d->at.forced = d->at.verify = SCHEDULE_NEVER;
	if (d->at.lapse <= now)
		d->at.lapse = SCHEDULE_NEVER;
	if (d->late)
		d->rto = between(d->target.timeout_ms / 2, 2 * d->srtt, d->target.timeout_ms * 4);
	d->probe_ms = line_failing(d) && !d->late ? probe(d, now) : 0;
}

static void begin(struct device *d, enum operation op)
{
	struct endpoint *e = d->endpoint;

	e->active = d;
	e->op = op;
	e->index = 0;
	if (op == OP_POLL)
		begin_poll(d);
	if (op == OP_POLL || op == OP_DIRECT) {
		e->op_started = clock_boot_ms();
		memset(&e->obs, 0, sizeof(e->obs));
		d->retries = 0;
		send_request(d, &d->requests[0], false);
	}
}

void engine_begin_poll(struct device *d)
{
	begin(d, OP_POLL);
}

static void end(struct device *d)
{
	struct endpoint *e = d->endpoint;

	e->active = NULL;
	e->op = OP_NONE;
	if (d->info.close_after_poll)
		link_close(e->link);
	if (d->lock.pending != LT_LOCK_UNKNOWN)
		d->at.verify = clock_boot_ms() + between(VERIFY_FIRST_MS, d->target.verify_ms / 8, VERIFY_MOST_MS);
	if (d->stopping && (++d->stop_polls >= STOP_POLLS || d->lock.pending == LT_LOCK_UNKNOWN))
		d->stopped = true;
	line_kick(e);
}

/*
 * As RFC 6298, in integers, between half and four times the configured timeout. A timeout of a unit that is down does
 * not count: it says nothing about how long an answer takes.
 */
static void adapt(struct device *d, int64_t rtt, bool timed_out)
{
	int64_t low = d->target.timeout_ms / 2, high = d->target.timeout_ms * 4;

	if (timed_out && line_failing(d))
		return;
	if (timed_out) {
		d->rto *= 2;
	} else {
		d->srtt = d->srtt ? (7 * d->srtt + rtt) / 8 : rtt;
		d->rto = 4 * d->srtt + 20;
	}
	d->rto = between(low, d->rto, high);
}

static void came_up(struct device *d, int64_t now)
{
	bool was_up = d->up && d->failures == 0;

	d->failures = 0;
	d->probe_ms = 0;
	d->late = false;
	if (!d->up)
		d->up_since = now;
	tell_up(d);
	if (!was_up)
		line_hurry(d->endpoint, true, now);
}

static void went_down(struct device *d, const char *why)
{
	if (interlock_lost(&d->lock) && d->target.interlock)
		tell_lock(d, false, "the controller does not answer");
	d->at.verify = SCHEDULE_NEVER;
	tell_down(d, why);
}

/* The line took no connection. No unit failed: each keeps its own instant, and all wait for the link's. */
static void line_failed(struct device *d, const char *why)
{
	struct endpoint *e = d->endpoint;
	int64_t now = clock_boot_ms();

	e->cut = true;
	e->failed_at = now;
	if (d->at.poll > now)
		d->at.poll = now; /* due as soon as the link may try again, however slow its schedule is */
	if (link_failures(e->link) >= SCHEDULE_DOWN)
		for (struct device *o = e->devices; o; o = o->next)
			went_down(o, why);
	tickets_unread(d, d->polls);
}

static void unit_failed(struct device *d, const char *why)
{
	int64_t now = clock_boot_ms();

	d->failures++;
	line_back_off(d, now);
	d->late = false;
	if (line_failing(d)) {
		went_down(d, why);
		tickets_unread(d, d->polls);
	} else if (d->n_tickets) {
		line_force(d, now); /* a first failure: once more while somebody waits */
	}
}

static void poll_failed(struct device *d, bool line, const char *why)
{
	d->endpoint->p->polls_failed++;
	if (line)
		line_failed(d, why);
	else
		unit_failed(d, why);
	if (d->endpoint->looked)
		line_ask_again(d, clock_boot_ms());
	if (d->stopping)
		d->stopped = true;
	end(d);
}

/* The interlock --------------------------------------------------------------------------------------------- */

static void step(struct device *d, bool direct)
{
	struct endpoint *e = d->endpoint;
	const struct lt_observation *o = &e->obs;
	struct interlock_rules rules = { .gates_power = d->target.gates_power, .fail_locked = d->target.fail_locked,
					 .hard_stop = d->target.hard_stop, .has_watchdog = d->info.has_watchdog,
					 .verify_ms = d->target.verify_ms };
	struct interlock_view v = { .now = clock_boot_ms(), .desired = d->desired, .lease_at = d->lease_at,
				    .valid_until = d->valid_until, .up_since = d->up_since, .run_direct = direct };
	struct interlock_result r;

	v.read_back = direct ? d->lock.lock : o->have & LT_HAVE_INTERLOCK ? (enum lt_lock)o->interlock : LT_LOCK_UNKNOWN;
	v.run = !(o->have & LT_HAVE_STATE) ? RUN_UNKNOWN : o->running ? RUN_ON : RUN_OFF;
	if (d->desired == LT_LOCK_UNKNOWN && v.now < d->created + FIRST_LEASE_MS && !d->stopping)
		rules.fail_locked = false;
	if (d->stopping)
		interlock_lapse(&v);
	interlock_step(&d->lock, &rules, &v, &r);
	if (r.changed || r.drift)
		tell_lock(d, r.drift, r.why);
	e->writing = r.action == INTERLOCK_WRITE_LOCK ? LT_LOCK_LOCKED : LT_LOCK_UNLOCKED;
	if (r.action == INTERLOCK_READ_RUN) {
		begin(d, OP_DIRECT);
	} else if (r.action != INTERLOCK_REST) {
		begin(d, OP_WRITE);
		if (!send_write(d, e->writing == LT_LOCK_LOCKED ? LT_WISH_LOCK : LT_WISH_UNLOCK))
			end(d);
	} else if (r.feed) {
		begin(d, OP_FEED);
		e->p->feeds++;
		if (!send_write(d, LT_WISH_FEED_WATCHDOG))
			end(d);
	} else {
		end(d);
	}
}

static void poll_done(struct device *d)
{
	struct endpoint *e = d->endpoint;
	int64_t now = clock_boot_ms(), rtt = now - e->op_started;

	e->p->polls_good++;
	came_up(d, now);
	line_on_schedule(d, now);
	if (!tickets_answer(d, &e->obs, rtt))
		tell_reading(d, 0, 0, &e->obs, rtt);
	if (d->target.interlock && d->info.can_lock)
		step(d, false);
	else
		end(d);
}

/* One good reply of a poll. */
static void on_data(struct device *d, const struct link_reply *r)
{
	struct endpoint *e = d->endpoint;
	struct lt_err why = { 0 };

	if (d->info.driver->decode(d->state, e->index, r->data, r->size, &e->obs, &why) < 0) {
		e->p->impossible++;
		poll_failed(d, false, why.text);
		return;
	}
	if (e->op == OP_DIRECT) {
		step(d, true);
		return;
	}
	if (++e->index < d->n_requests)
		send_request(d, &d->requests[e->index], false);
	else
		poll_done(d);
}

/* A write has its own end: the unit can be read, so what was lost is tried again soon, however slow its schedule is. */
static void written(struct device *d, const char *what, const struct link_reply *r)
{
	if (r->result == LINK_GOOD) {
		d->lost_writes = 0;
		return;
	}
	d->endpoint->p->writes_failed++;
	if (d->lost_writes++ == 0) { /* told once for a row of them */
		log_event(LOG_WARN, what, "instrument", d->instrument, "why", r->why, NULL);
		tell_lock(d, false, r->why);
	}
	d->at.verify = clock_boot_ms() + schedule_backoff(d->lost_writes, poller_random(d->endpoint->p));
}

static bool may_retry(const struct device *d, const struct link_reply *r)
{
	return r->result == LINK_EXCEPTION && r->exception < 32 && (d->info.retry_exceptions & 1u << r->exception) &&
		d->retries < RETRIES;
}

static void on_reply(void *arg, const struct link_reply *r)
{
	struct endpoint *e = arg;
	struct device *d = e->active;
	bool good = r->result == LINK_GOOD;

	if (r->result != LINK_UNREACHABLE && e->cut) {
		e->cut = false;
		e->share = 0;
		line_hurry(e, false, clock_boot_ms());
	}
	if (good || r->result == LINK_TIMEOUT)
		adapt(d, r->rtt_ms, !good);
	switch (e->op) {
	case OP_WRITE:
		interlock_wrote(&d->lock, &(struct interlock_rules){ .verify_ms = d->target.verify_ms }, e->writing, good,
			clock_boot_ms());
		written(d, "the relay was not written", r);
		end(d);
		return;
	case OP_FEED:
		written(d, "the watchdog was not fed", r);
		end(d);
		return;
	case OP_POLL: case OP_DIRECT:
		if (good) {
			on_data(d, r);
		} else if (may_retry(d, r)) {
			d->retries++;
			send_request(d, &d->requests[e->index], true);
		} else {
			poll_failed(d, r->result == LINK_UNREACHABLE, r->why);
		}
		return;
	case OP_NONE:
		return;
	}
}

/* Leases and the planned stop ------------------------------------------------------------------------------- */

void engine_lease(struct device *d, const struct lease *l)
{
	bool fresh = d->up && d->lease_at < d->up_since && l->desired != d->lock.lock; /* after a reconnect */
	int64_t now = clock_boot_ms();
	/* when the one before lapsed, the relay went to its fail mode: what holds from now on is another wish than that */
	bool lapsed = d->valid_until <= now || l->valid_until_boot_ms <= now;
	bool news = d->desired != (enum lt_lock)l->desired || fresh || lapsed;

	d->desired = (enum lt_lock)l->desired;
	d->lease_at = now;
	d->valid_until = l->valid_until_boot_ms;
	d->at.lapse = d->target.interlock && d->valid_until > d->lease_at ? d->valid_until : SCHEDULE_NEVER;
	if (news && d->target.interlock && !line_failing(d) && !line_backing_off(d, d->lease_at))
		line_force(d, d->lease_at);
	line_kick(d->endpoint);
}

void engine_stop(struct device *d)
{
	int64_t now = clock_boot_ms();

	d->stopping = true;
	tickets_unread(d, UINT64_MAX);
	if (!d->target.interlock || !d->info.can_lock || line_backing_off(d, now))
		d->stopped = d->endpoint->active != d || !d->target.interlock;
	line_force(d, now);
	line_kick(d->endpoint);
}
