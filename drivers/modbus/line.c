/*
 * line.c - whose turn it is at one endpoint, and when: it weighs the deadlines of the units that share its line.
 *
 * Owns the endpoint's timer and every device's poll and forced instants. A failure counts once, for what failed. A
 * connection that does not come about is the line's: the link waits, no unit does, and when it is back every unit
 * behind it is asked at once. Whatever happens on a line that is there is the unit's own: it alone waits.
 */
#include "base/base.h"
#include "drivers/modbus/private.h"

#define AGAIN_MS 1000          /* after a first failure, when the poll period is longer */
#define LONG_EVERY_MS 5000     /* so often one of several silent units is asked for long */

bool line_failing(const struct device *d)
{
	return d->failures >= SCHEDULE_DOWN;
}

/* Nobody is asked now unless somebody waits for it. */
bool line_backing_off(const struct device *d, int64_t now)
{
	return link_retry_at(d->endpoint->link) > now || (line_failing(d) && d->at.poll > now);
}

/* Asked now, whatever else it waits for. A forced poll passes every gate, so who calls this has looked. */
void line_force(struct device *d, int64_t now)
{
	if (now < d->at.forced)
		d->at.forced = now;
}

/* Not later than this, in its turn. */
static void ask_by(struct device *d, int64_t at)
{
	if (d->at.poll <= at)
		return;
	d->at.poll = at;
	d->on_tick = false;
}

/* A person need not wait for a line that is only waiting for a dead unit, or for a connection. */
static void make_room(struct endpoint *e, int64_t now)
{
	struct device *d = e->active;

	if (!d || e->op != OP_POLL || e->op_forced || !(e->cut || line_failing(d)))
		return;
	link_cancel(e->link);
	e->p->polls_cancelled++;
	e->active = NULL;
	e->op = OP_NONE;
	d->at.poll = now;
}

/* Ends the wait of a unit, and of its line, but not its turn: those that answer go first. */
void line_ask_again(struct device *d, int64_t now)
{
	link_retry_now(d->endpoint->link);
	ask_by(d, now);
}

/* Somebody wants to know, and waits for no answer. What is under way now may have begun too early to show it. */
static void look(struct device *d, bool urgent, int64_t now)
{
	if (urgent && !d->up) {
		d->endpoint->looked = d->endpoint->active != NULL;
		line_ask_again(d, now);
	} else if (!line_backing_off(d, now)) {
		line_force(d, now);
	}
}

void line_ticket(struct device *d, const struct ticket *t, bool urgent)
{
	struct ticket mine = { t->id, t->deadline, d->polls + 1 };
	int64_t now = clock_boot_ms();

	d->endpoint->p->forced++;
	if (t->id == 0 && !d->stopped) {
		look(d, urgent, now);
	} else if (d->stopped || t->deadline <= now || (!urgent && line_backing_off(d, now)) || !ticket_add(d, &mine)) {
		ticket_unread(d, t->id);
		return;
	} else {
		line_force(d, now);
		if (urgent)
			make_room(d->endpoint, now);
	}
	line_kick(d->endpoint);
}

/* The reply that had timed out: the unit is slow. It is asked again at once when it can be read at all. */
void line_late(void *endpoint, uint8_t unit, int64_t rtt_ms)
{
	struct endpoint *e = endpoint;
	int64_t now = clock_boot_ms();

	for (struct device *d = e->devices; d; d = d->next) {
		if (d->target.unit != unit || d->failures == 0 || rtt_ms >= 4 * d->target.timeout_ms)
			continue;
		d->late = true;
		d->srtt = rtt_ms;
		line_force(d, now);
	}
	if (!e->active)
		loop_timer_at(e->timer, now); /* not from here: the link is in the middle of its input */
}

/* Another unit of this line answers, but for a reply or two that were lost: a silent one must not take its time. */
bool line_has_company(const struct device *d)
{
	for (const struct device *o = d->endpoint->devices; o; o = o->next)
		if (o != d && (o->up || !line_failing(o)))
			return true;
	return false;
}

bool line_alone(const struct device *d)
{
	return d->endpoint->devices == d && !d->next;
}

/* Of a line whose units are all silent: whether this one may be asked for long now. They take turns. */
bool line_long_turn(struct device *d, int64_t now)
{
	if (now < d->endpoint->long_at)
		return false;
	for (const struct device *o = d->endpoint->devices; o; o = o->next)
		if (o->asked_long < d->asked_long)
			return false;
	d->endpoint->long_at = now + LONG_EVERY_MS;
	d->asked_long = now;
	return true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The minute of a silent unit: it does not run while the line is away and nobody can be asked. */
static int64_t minute_began(const struct device *d)
{
	return later(d->asked, d->endpoint->failed_at);
}

static int64_t due_at(const struct device *d)
{
	struct gates g = { .line = link_retry_at(d->endpoint->link), .share = d->endpoint->share, .asked = minute_began(d),
			   .up = d->up, .silent = line_failing(d) && line_has_company(d) };

	return schedule_next(&d->at, &g);
}

/* Of those that are due: who is waited for, then who answers, then the silent - these first when a minute is over. */
static int rank(const struct device *d, int64_t now)
{
	if (d->at.forced <= now)
		return 0;
	return line_failing(d) && now < minute_began(d) + SCHEDULE_SILENT_MOST_MS ? 2 : 1;
}

static bool goes_before(const struct device *a, const struct device *b, int64_t now)
{
	int64_t a_due = due_at(a), b_due = due_at(b);

	if ((a_due <= now) != (b_due <= now))
		return a_due <= now;
	if (a_due <= now && rank(a, now) != rank(b, now))
		return rank(a, now) < rank(b, now);
	return a_due < b_due || (a_due == b_due && a->asked < b->asked);
}

/* The device of this endpoint whose turn is first. */
static struct device *first_due(struct endpoint *e, int64_t now)
{
	struct device *best = NULL;

	for (struct device *d = e->devices; d; d = d->next)
		if (!d->stopped && (!best || goes_before(d, best, now)))
			best = d;
	return best;
}

/* A dead unit for which nobody waits any more goes back to its turn. */
static void expire(struct device *d, int64_t now)
{
	bool waited = d->n_tickets > 0;

	tickets_expire(d, now);
	if (!waited || d->n_tickets || !line_failing(d) || d->at.forced > now)
		return;
	d->at.forced = SCHEDULE_NEVER;
	ask_by(d, now);
}

void line_kick(struct endpoint *e)
{
	int64_t now = clock_boot_ms(), wake = SCHEDULE_NEVER;
	struct device *d;

	for (struct device *o = e->devices; o; o = o->next)
		expire(o, now);
	d = e->active ? NULL : first_due(e, now);
	if (d && due_at(d) <= now)
		engine_begin_poll(d);
	else if (d)
		wake = due_at(d);
	for (struct device *o = e->devices; o; o = o->next)
		wake = tickets_deadline(o) < wake ? tickets_deadline(o) : wake;
	if (wake == SCHEDULE_NEVER)
		loop_timer_clear(e->timer);
	else
		loop_timer_at(e->timer, wake);
}

void line_timer(void *endpoint)
{
	line_kick(endpoint);
}

/* A good poll: on with the schedule. */
void line_on_schedule(struct device *d, int64_t now)
{
	d->at.poll = schedule_tick(d->phase, d->target.poll_ms, now);
	d->on_tick = true;
}

/* The unit failed just now: the one place that makes it wait. */
void line_back_off(struct device *d, int64_t now)
{
	struct endpoint *e = d->endpoint;
	int64_t tick = schedule_tick(d->phase, d->target.poll_ms, now);

	d->on_tick = false;
	if (line_failing(d))
		d->at.poll = later(e->op_started + schedule_backoff(d->failures - SCHEDULE_DOWN + 1, poller_random(e->p)),
			now + SCHEDULE_BACKOFF_FIRST_MS);
	else
		d->at.poll = tick < now + AGAIN_MS ? tick : now + AGAIN_MS;
	if (d->failures > SCHEDULE_DOWN && (d->late || !e->op_forced) && line_has_company(d))
		e->share = schedule_share(now - e->op_started, now);
}

/* The line is back, or a unit that failed is: others failed by the same cause, so they need not wait. */
void line_hurry(struct endpoint *e, bool failed_only, int64_t now)
{
	for (struct device *d = e->devices; d; d = d->next)
		if (!failed_only || d->failures)
			ask_by(d, now);
}
