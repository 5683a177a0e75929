/*
 * engine.c - what happens at one endpoint: polls in their phases, forced polls, retries, the interlock's next step.
 *
 * One operation at a time an endpoint. An operation ends in on_reply(), which either goes on with the next request of
 * the same device or gives the endpoint back to engine_kick(). Nothing here blocks; whatever a device answers, the
 * worst is a poll that counts as failed.
 */
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/modbus/private.h"

#define RETRIES 2
#define RETRY_PACE_MS 50
#define FAILURES_DOWN 2        /* polls in a row before the link is told to be down */
#define AGAIN_MS 1000          /* after a first failure, when the poll period is longer */
#define DEVICE_BACKOFF_MS 250
#define DEVICE_BACKOFF_MOST_MS 30000
#define DEAD_SHARE 20          /* dead units get 1/20 of their endpoint's time */
#define STOP_POLLS 4
#define FIRST_LEASE_MS 5000    /* after start or reload the ledger gets this long to say what it wants */

static void begin(struct device *d, enum operation op);
static void on_reply(void *arg, const struct link_reply *r);

/* Messages to the ledger --------------------------------------------------------------------------------- */

static void emit(struct poller *p, struct msg *m)
{
	m->at = p->o.now();
	p->o.emit(p->o.arg, m);
}

static void emit_reading(struct device *d, uint64_t ticket, uint32_t flags, const struct lt_observation *obs,
	int64_t rtt)
{
	struct msg_reading *m = msg_new(MSG_READING, sizeof(*m));

	if (!m)
		return; /* no memory: this reading is missing, the next one has it all */
	memcpy(m->instrument, d->instrument, sizeof(m->instrument));
	m->ticket = ticket;
	m->flags = flags;
	m->rtt_ms = rtt > 0 ? (uint32_t)rtt : 0;
	if (obs) {
		m->obs = *obs;
		m->plain = flags == 0 && d->seen && !msg_observation_news(&d->last, d->moved, obs);
		d->moved = d->seen && obs->hourmeter != d->last.hourmeter;
		d->seen = true;
		d->last = *obs;
	}
	emit(d->endpoint->p, &m->head);
}

static void emit_link(struct device *d, bool up, const char *why)
{
	struct msg_link *m = msg_new(MSG_LINK, sizeof(*m));

	if (!m)
		return;
	memcpy(m->instrument, d->instrument, sizeof(m->instrument));
	d->seen = false; /* the next reading is the first after a change of the link */
	m->up = up;
	lt_fmt(m->why, sizeof(m->why), "%s", why);
	emit(d->endpoint->p, &m->head);
}

static void emit_lock(struct device *d, bool drift, const char *why)
{
	struct msg_interlock *m = msg_new(MSG_INTERLOCK, sizeof(*m));

	if (!m)
		return;
	memcpy(m->instrument, d->instrument, sizeof(m->instrument));
	m->lock = (uint8_t)d->lock.lock;
	m->drift = drift;
	lt_fmt(m->why, sizeof(m->why), "%s", why);
	d->endpoint->p->drifts += drift;
	emit(d->endpoint->p, &m->head);
}

/* Tickets ------------------------------------------------------------------------------------------------ */

static void drop_ticket(struct device *d, int i)
{
	d->tickets[i] = d->tickets[--d->n_tickets];
}

static void unread_ticket(struct device *d, int i)
{
	emit_reading(d, d->tickets[i].id, READING_FORCED | READING_UNREAD, NULL, 0);
	d->endpoint->p->unread++;
	drop_ticket(d, i);
}

static void unread_all(struct device *d)
{
	while (d->n_tickets)
		unread_ticket(d, d->n_tickets - 1);
}

static void expire_tickets(struct device *d, int64_t now)
{
	for (int i = d->n_tickets - 1; i >= 0; i--)
		if (d->tickets[i].deadline <= now)
			unread_ticket(d, i);
}

/* A poll that started after the ticket came answers it. True: there was one. */
static bool answer_tickets(struct device *d, const struct lt_observation *obs, int64_t rtt)
{
	bool any = false;

	for (int i = d->n_tickets - 1; i >= 0; i--) {
		if (d->tickets[i].from_poll > d->polls)
			continue;
		emit_reading(d, d->tickets[i].id, READING_FORCED, obs, rtt);
		drop_ticket(d, i);
		any = true;
	}
	return any;
}

/* In backoff: nobody is asked now, so a forced poll is unread at once. */
static bool backing_off(const struct device *d, int64_t now)
{
	return link_retry_at(d->endpoint->link) > now || (!d->up && d->failures >= FAILURES_DOWN && d->due > now);
}

static void hurry(struct device *d, int64_t at)
{
	if (at >= d->due)
		return;
	d->due = at;
	d->scheduled = false;
}

void engine_ticket(struct device *d, uint64_t id, int64_t deadline)
{
	int64_t now = clock_boot_ms();
	bool in_flight = d->endpoint->active == d;

	d->endpoint->p->forced++;
	if (d->n_tickets == TICKETS || d->stopped || deadline <= now || backing_off(d, now)) {
		emit_reading(d, id, READING_FORCED | READING_UNREAD, NULL, 0);
		d->endpoint->p->unread++;
		return;
	}
	d->tickets[d->n_tickets++] = (struct ticket){ id, deadline, d->polls + 1 };
	if (!in_flight)
		hurry(d, now);
	engine_kick(d->endpoint);
}

void engine_forget(struct device *d)
{
	struct endpoint *e = d->endpoint;

	unread_all(d);
	if (e->active == d) {
		link_cancel(e->link);
		e->active = NULL;
		e->op = OP_NONE;
	}
	if (e->last == d)
		e->last = NULL;
}

/* Schedule ----------------------------------------------------------------------------------------------- */

int64_t engine_next_tick(const struct device *d, int64_t now)
{
	int64_t period = d->target.poll_ms, since = (now - d->phase) % period;

	return now - (since < 0 ? since + period : since) + period;
}

static int64_t backoff_of(const struct device *d)
{
	int64_t ms = DEVICE_BACKOFF_MS, dead = 0;
	bool siblings = d->endpoint->devices->next != NULL;

	for (int i = FAILURES_DOWN; i < d->failures && ms < DEVICE_BACKOFF_MOST_MS; i++)
		ms *= 2;
	ms = ms > DEVICE_BACKOFF_MOST_MS ? DEVICE_BACKOFF_MOST_MS : ms;
	for (const struct device *o = d->endpoint->devices; o; o = o->next)
		dead += !o->up && o->failures >= FAILURES_DOWN;
	if (siblings && ms < DEAD_SHARE * dead * d->rto)
		ms = DEAD_SHARE * dead * d->rto;
	return ms;
}

/* When this device is asked next: its tick; later when it is dead, sooner when something waits for it. */
static void schedule(struct device *d, int64_t now)
{
	int64_t retry = link_retry_at(d->endpoint->link);

	d->scheduled = d->failures == 0;
	d->due = engine_next_tick(d, now);
	if (d->failures >= FAILURES_DOWN)
		d->due = now + backoff_of(d);
	else if (d->failures)
		hurry(d, now + AGAIN_MS);
	if (retry && (d->failures < FAILURES_DOWN || d->due < retry || !d->endpoint->devices->next))
		d->due = retry;
	if (d->lock.pending != LT_LOCK_UNKNOWN) {
		int64_t soon = d->target.verify_ms / 8;
		hurry(d, now + (soon < 20 ? 20 : soon > 250 ? 250 : soon));
	}
	d->lapse = 0;
	if (d->target.interlock && d->valid_until > now && d->valid_until < d->due) {
		hurry(d, d->valid_until); /* the lapse of a lease is noticed even between slow polls */
		d->lapse = d->due;
	}
	if (d->n_tickets && !backing_off(d, now))
		hurry(d, now);
}

/* The device of this endpoint whose turn is first; forced ones before scheduled ones that are due as well. */
static struct device *first_due(struct endpoint *e)
{
	struct device *best = NULL;

	for (struct device *d = e->devices; d; d = d->next)
		if (!d->stopped && (!best || d->due < best->due || (d->due == best->due && best == e->last)))
			best = d;
	return best;
}

void engine_kick(struct endpoint *e)
{
	int64_t now = clock_boot_ms(), wake;
	struct device *d;

	for (struct device *o = e->devices; o; o = o->next)
		expire_tickets(o, now);
	while ((d = first_due(e)) && d->due <= now && d->due == d->lapse && d->valid_until > now && e->active != d)
		schedule(d, now); /* renewed meanwhile */
	if (e->active == NULL && d && d->due <= now) {
		if (d->scheduled)
			metrics_late(e->p, clock_boot_us() - d->due * 1000);
		begin(d, OP_POLL);
	}
	wake = e->active || !d ? INT64_MAX : d->due;
	for (struct device *o = e->devices; o; o = o->next)
		for (int i = 0; i < o->n_tickets; i++)
			wake = o->tickets[i].deadline < wake ? o->tickets[i].deadline : wake;
	if (wake == INT64_MAX)
		loop_timer_clear(e->timer);
	else
		loop_timer_at(e->timer, wake);
}

void engine_timer(void *endpoint)
{
	engine_kick(endpoint);
}

/* Operations --------------------------------------------------------------------------------------------- */

static void send_request(struct device *d, const struct modbus_request *r, bool retry)
{
	struct link_terms t = { .timeout_ms = d->rto, .pace_ms = d->info.pace_ms, .tid_any = d->info.tid_any,
				.unit_any = d->info.unit_any };

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

static void begin(struct device *d, enum operation op)
{
	struct endpoint *e = d->endpoint;

	e->active = e->last = d;
	e->op = op;
	e->index = 0;
	if (op == OP_POLL || op == OP_DIRECT) {
		e->op_started = clock_boot_ms();
		memset(&e->obs, 0, sizeof(e->obs));
		d->polls += op == OP_POLL;
		d->retries = 0;
		send_request(d, &d->requests[0], false);
	}
}

static void end(struct device *d)
{
	struct endpoint *e = d->endpoint;

	e->active = NULL;
	e->op = OP_NONE;
	if (d->info.close_after_poll)
		link_close(e->link);
	schedule(d, clock_boot_ms());
	if (d->stopping && (++d->stop_polls >= STOP_POLLS || d->lock.pending == LT_LOCK_UNKNOWN))
		d->stopped = true;
	engine_kick(e);
}

/* As RFC 6298, in integers, between half and four times the configured timeout. */
static void adapt(struct device *d, int64_t rtt, bool timed_out)
{
	int64_t low = d->target.timeout_ms / 2, high = d->target.timeout_ms * 4;

	if (timed_out) {
		d->rto *= 2;
	} else {
		d->srtt = d->srtt ? (7 * d->srtt + rtt) / 8 : rtt;
		d->rto = 4 * d->srtt + 20;
	}
	d->rto = d->rto < low ? low : d->rto > high ? high : d->rto;
}

static void came_up(struct device *d)
{
	d->failures = 0;
	if (d->up && d->told)
		return;
	d->up = d->told = true;
	d->up_since = clock_boot_ms();
	emit_link(d, true, "");
}

static void went_down(struct device *d, const char *why)
{
	bool known = d->told && !d->up;

	d->up = false;
	d->told = true;
	if (interlock_lost(&d->lock) && d->target.interlock)
		emit_lock(d, false, "the controller does not answer");
	if (!known)
		emit_link(d, false, why);
}

static void poll_failed(struct device *d, bool unreachable, const char *why)
{
	int64_t now = clock_boot_ms();

	d->endpoint->p->polls_failed++;
	d->failures++;
	if (unreachable && d->failures < FAILURES_DOWN)
		d->failures = FAILURES_DOWN;
	if (d->failures >= FAILURES_DOWN)
		went_down(d, why);
	if (d->failures >= FAILURES_DOWN || link_retry_at(d->endpoint->link) > now)
		unread_all(d);
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
		emit_lock(d, r.drift, r.why);
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
	int64_t rtt = clock_boot_ms() - e->op_started;

	e->p->polls_good++;
	came_up(d);
	if (!answer_tickets(d, &e->obs, rtt))
		emit_reading(d, 0, 0, &e->obs, rtt);
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

	if (good || r->result == LINK_TIMEOUT)
		adapt(d, r->rtt_ms, !good);
	switch (e->op) {
	case OP_WRITE:
		interlock_wrote(&d->lock, &(struct interlock_rules){ .verify_ms = d->target.verify_ms }, e->writing, good,
			clock_boot_ms());
		if (!good && !d->complained)
			emit_lock(d, false, r->why);
		d->complained = !good; /* once for a row of failed writes */
		end(d);
		return;
	case OP_FEED:
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
	bool news = d->desired != (enum lt_lock)l->desired || fresh;

	d->desired = (enum lt_lock)l->desired;
	d->lease_at = clock_boot_ms();
	d->valid_until = l->valid_until_boot_ms;
	if (news && d->target.interlock && !backing_off(d, d->lease_at)) {
		hurry(d, d->lease_at);
		engine_kick(d->endpoint);
	}
}

void engine_stop(struct device *d)
{
	int64_t now = clock_boot_ms();

	d->stopping = true;
	unread_all(d);
	if (!d->target.interlock || !d->info.can_lock || backing_off(d, now))
		d->stopped = d->endpoint->active != d || !d->target.interlock;
	hurry(d, now);
	engine_kick(d->endpoint);
}
