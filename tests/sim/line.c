/*
 * line.c - when the simulated world's controllers are asked: the real drivers/modbus/schedule.c, and around it the
 * rules of the real line.c and engine.c in short. The first instrument has a line of its own, the others and seven more
 * units that nobody books are behind a gateway. A relay that was written is read back at once and leases are renewed in
 * time, so neither asks for a poll. Owns nothing.
 */
#include "sim/world.h"

#define RTT_MS 4
#define SLOW_MS 900              /* now and then somebody waits so much longer for an answer                 */
#define CONNECT_MS 2000          /* until a connection that nobody accepts is given up                       */
#define TIMEOUT_MS 1000          /* until a request is                                                       */
#define PROBE_MS 100             /* and one to a silent unit while others answer                             */
#define LONG_PROBE_MS 4000       /* each fourth one where nobody else is                                     */
#define LONG_EVERY_MS 5000       /* so often one of several silent units is asked for long                   */
#define AGAIN_MS 1000            /* a unit that failed once is asked again so soon                           */
#define START_MS 1000            /* after a start all are asked within this                                  */

enum attempt { ATTEMPT_READ, ATTEMPT_LATE, ATTEMPT_UNIT_FAILED, ATTEMPT_LINE_FAILED };

static int64_t boot_ms(const struct world *w)
{
	return w->true_ms - w->boot_base_ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct world_line *line_of(struct world *w, int i)
{
	return &w->lines[i >= w->lines[1].first];
}

static bool failing(const struct world_device *d)
{
	return d->failures >= SCHEDULE_DOWN;
}

static bool has_company(const struct world *w, const struct world_line *l, int i)
{
	for (int k = l->first; k < l->end; k++)
		if (k != i && w->devices[k].link_up)
			return true;
	return false;
}

static int64_t gate_of(const struct world *w, const struct world_line *l)
{
	return !l->connected && l->retry_at > boot_ms(w) ? l->retry_at : 0;
}

static bool backing_off(const struct world *w, const struct world_line *l, const struct world_device *d)
{
	return gate_of(w, l) > 0 || (failing(d) && d->at.poll > boot_ms(w));
}

static void force(struct world *w, struct world_device *d)
{
	d->at.forced = earlier(d->at.forced, boot_ms(w));
}

/* A mark a poll is enough, however often it is asked in vain. */
static void mark(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];

	if (w->true_ms - d->marked_at < w->poll_ms / 2)
		return;
	d->marked_at = w->true_ms;
	world_mark(w, i);
}

/* Tickets ------------------------------------------------------------------------------------------------- */

/* Unread, those that a poll up to this one should have answered, or whose time is over. */
static void unread(struct world *w, int i, uint64_t polls, int64_t deadline)
{
	struct world_device *d = &w->devices[i];

	for (int k = d->n_tickets - 1; k >= 0; k--) {
		struct world_ticket t = d->tickets[k];

		if (t.from_poll > polls && t.deadline > deadline)
			continue;
		d->tickets[k] = d->tickets[--d->n_tickets];
		poller_tell(w, i, t.id, READING_FORCED | READING_UNREAD, RTT_MS, NULL);
	}
}

static bool answer(struct world *w, int i, const struct lt_observation *obs, int64_t rtt_ms)
{
	struct world_device *d = &w->devices[i];
	bool any = false;

	for (int k = d->n_tickets - 1; k >= 0; k--) {
		struct world_ticket t = d->tickets[k];

		if (t.from_poll > d->polls)
			continue;
		d->tickets[k] = d->tickets[--d->n_tickets];
		poller_tell(w, i, t.id, READING_FORCED, rtt_ms, obs);
		any = true;
	}
	return any;
}

/* Whose turn it is ---------------------------------------------------------------------------------------- */

static int64_t due_at(const struct world *w, const struct world_line *l, int i)
{
	const struct world_device *d = &w->devices[i];
	struct gates g = { .line = gate_of(w, l), .share = l->share, .asked = d->asked, .up = d->link_up,
		.silent = failing(d) && has_company(w, l, i) };

	return schedule_next(&d->at, &g);
}

/* Who is waited for, then who answers, then the silent. */
static int rank(const struct world_device *d, int64_t now)
{
	if (d->at.forced <= now)
		return 0;
	return failing(d) && now < d->asked + SCHEDULE_SILENT_MOST_MS ? 2 : 1;
}

static bool goes_before(const struct world *w, const struct world_line *l, int a, int b)
{
	int64_t now = boot_ms(w), a_due = due_at(w, l, a), b_due = due_at(w, l, b);
	int by_rank = rank(&w->devices[a], now) - rank(&w->devices[b], now);

	if ((a_due <= now) != (b_due <= now))
		return a_due <= now;
	if (a_due <= now && by_rank)
		return by_rank < 0;
	return a_due < b_due || (a_due == b_due && w->devices[a].asked < w->devices[b].asked);
}

bool line_in_vain(const struct world *w, int i)
{
	const struct world_line *l = &w->lines[i >= w->lines[1].first];

	return w->devices[i].failures > 0 || !w->devices[i].link_up || l->cut || l->active == i;
}

static enum away away(const struct world *w, const struct world_line *l, int i)
{
	return l->away ? l->away : w->devices[i].d.down ? w->devices[i].away : AWAY_NOT;
}

static int64_t patience(const struct world *w, struct world_line *l, int i)
{
	const struct world_device *d = &w->devices[i];

	if (!failing(d) || l->forced)
		return TIMEOUT_MS;
	if (l->end - l->first == 1)
		return d->failures % 4 ? TIMEOUT_MS : LONG_PROBE_MS;
	if (has_company(w, l, i) || boot_ms(w) < l->long_at)
		return PROBE_MS;
	l->long_at = boot_ms(w) + LONG_EVERY_MS;
	return TIMEOUT_MS;
}

/* A connection that stands breaks before the next one does not come about. */
static enum attempt cut(struct world_line *l, int64_t lasts_ms, int64_t *ret_ms)
{
	enum attempt r = l->connected ? ATTEMPT_UNIT_FAILED : ATTEMPT_LINE_FAILED;

	l->connected = false;
	*ret_ms = lasts_ms;
	return r;
}

static enum attempt attempt(struct world *w, struct world_line *l, int i, int64_t *ret_ms)
{
	struct world_device *d = &w->devices[i];

	switch (away(w, l, i)) {
	case AWAY_REFUSED:
		return cut(l, RTT_MS, ret_ms);
	case AWAY_HANGING:
		return cut(l, l->connected ? patience(w, l, i) : CONNECT_MS, ret_ms);
	case AWAY_EXCEPTION: case AWAY_SILENT: case AWAY_NOT:
		break;
	}
	l->connected = true;
	*ret_ms = away(w, l, i) == AWAY_EXCEPTION ? RTT_MS : patience(w, l, i);
	if (d->d.down || trouble_chance(w, TROUBLE_LOSS, 5))
		return ATTEMPT_UNIT_FAILED;
	*ret_ms = RTT_MS;
	if (l->forced && rng_chance(&w->rng, 20))
		*ret_ms = SLOW_MS;
	if (l->forced || failing(d) || !trouble_chance(w, TROUBLE_LATE, 5))
		return ATTEMPT_READ;
	poller_observe(w, i, &d->late_obs);
	w->stats.late++;
	*ret_ms = rng_in(&w->rng, 100, 900);
	return ATTEMPT_LATE;
}

static void begin(struct world *w, struct world_line *l, int i)
{
	struct world_device *d = &w->devices[i];
	int64_t ms;
	enum attempt r;

	l->forced = d->at.forced <= boot_ms(w);
	if (l->forced)
		l->retry_at = 0;
	l->active = i;
	l->began = boot_ms(w);
	d->asked = l->began;
	d->polls++;
	d->at.forced = SCHEDULE_NEVER;
	if (d->at.lapse <= l->began)
		d->at.lapse = SCHEDULE_NEVER;
	if (d->afflicted)
		world_mark(w, i);
	r = attempt(w, l, i, &ms);
	if (r == ATTEMPT_UNIT_FAILED || r == ATTEMPT_LINE_FAILED) {
		mark(w, i);
		reach_lost(w, i);
	}
	world_at(w, w->true_ms + ms, EV_POLL, i, ++l->request, (int64_t)r);
}

static void kick(struct world *w, struct world_line *l)
{
	int64_t now = boot_ms(w), wake = SCHEDULE_NEVER;
	int first = l->first;

	for (int i = l->first; i < l->end; i++) {
		unread(w, i, 0, now);
		first = goes_before(w, l, i, first) ? i : first;
	}
	if (l->active < 0 && due_at(w, l, first) <= now)
		begin(w, l, first);
	else if (l->active < 0)
		wake = due_at(w, l, first);
	for (int i = l->first; i < l->end; i++)
		for (int k = 0; k < w->devices[i].n_tickets; k++)
			wake = earlier(wake, w->devices[i].tickets[k].deadline);
	if (wake != SCHEDULE_NEVER && wake != l->wakes_at)
		world_at(w, wake + w->boot_base_ms, EV_LINE, (int)(l - w->lines), ++l->wake, 0);
	l->wakes_at = wake;
}

void line_wake(struct world *w, const struct world_event *e)
{
	struct world_line *l = &w->lines[e->index];

	if (e->ticket != l->wake)
		return;
	l->wakes_at = SCHEDULE_NEVER;
	kick(w, l);
}

/* Answers ------------------------------------------------------------------------------------------------- */

static void hurry(struct world *w, struct world_line *l, bool failed_only)
{
	for (int i = l->first; i < l->end; i++)
		if (!failed_only || w->devices[i].failures > 0)
			w->devices[i].at.poll = earlier(w->devices[i].at.poll, boot_ms(w));
}

static void was_read(struct world *w, struct world_line *l, int i, enum attempt how)
{
	struct world_device *d = &w->devices[i];
	bool was_up = d->link_up && d->failures == 0;
	int64_t rtt = boot_ms(w) - l->began;
	struct lt_observation obs = d->late_obs;

	d->failures = 0;
	d->at.lapse = SCHEDULE_NEVER;
	poller_up(w, i);
	if (!was_up)
		hurry(w, l, true);
	d->at.poll = schedule_tick(d->phase, w->poll_ms, boot_ms(w));
	if (how == ATTEMPT_READ)
		poller_observe(w, i, &obs);
	if (!answer(w, i, &obs, rtt))
		poller_tell(w, i, 0, 0, rtt, &obs);
	reach_read(w, i);
	poller_follow(w, i);
}

static void unit_failed(struct world *w, struct world_line *l, int i)
{
	struct world_device *d = &w->devices[i];
	int64_t now = boot_ms(w), wait;

	l->doubted_ms += failing(d) ? 0 : now - l->began;
	d->failures++;
	if (!failing(d)) {
		d->at.poll = earlier(schedule_tick(d->phase, w->poll_ms, now), now + AGAIN_MS);
		if (d->n_tickets)
			force(w, d);
		return;
	}
	wait = l->began + schedule_backoff(d->failures - SCHEDULE_DOWN + 1, rng_next(&w->rng)) - now;
	d->at.poll = now + (wait > SCHEDULE_BACKOFF_FIRST_MS ? wait : SCHEDULE_BACKOFF_FIRST_MS);
	if (d->failures > SCHEDULE_DOWN && !l->forced && has_company(w, l, i))
		l->share = schedule_share(now - l->began, now);
	poller_down(w, i);
	unread(w, i, d->polls, 0);
}

static void line_failed(struct world *w, struct world_line *l, int i)
{
	struct world_device *d = &w->devices[i];

	l->cut = true;
	l->retry_at = boot_ms(w) + schedule_backoff(++l->failures, rng_next(&w->rng));
	d->at.poll = earlier(d->at.poll, boot_ms(w));
	for (int k = l->first; l->failures >= SCHEDULE_DOWN && k < l->end; k++)
		poller_down(w, k);
	unread(w, i, d->polls, 0);
}

void line_answered(struct world *w, const struct world_event *e)
{
	struct world_line *l = line_of(w, e->index);

	if (l->active != e->index || e->ticket != l->request)
		return;
	l->active = -1;
	if (e->deadline != ATTEMPT_LINE_FAILED)
		l->failures = 0;
	if (e->deadline != ATTEMPT_LINE_FAILED && l->cut) {
		l->cut = false;
		l->share = 0;
		hurry(w, l, false);
	}
	w->stats.lost += e->deadline == ATTEMPT_UNIT_FAILED || e->deadline == ATTEMPT_LINE_FAILED;
	if (e->deadline == ATTEMPT_LINE_FAILED)
		line_failed(w, l, e->index);
	else if (e->deadline == ATTEMPT_UNIT_FAILED)
		unit_failed(w, l, e->index);
	else
		was_read(w, l, e->index, (enum attempt)e->deadline);
	kick(w, l);
}

/* What asks for a poll ------------------------------------------------------------------------------------ */

/* A person need not wait for a line that only waits for a dead unit, or for a connection. */
static void make_room(struct world *w, struct world_line *l)
{
	int i = l->active;

	if (i < 0 || l->forced || !(l->cut || failing(&w->devices[i])))
		return;
	l->active = -1;
	w->devices[i].at.poll = boot_ms(w);
}

void line_ticket(struct world *w, int i, const struct msg_poll *m)
{
	struct world_device *d = &w->devices[i];
	struct world_line *l = line_of(w, i);

	if (m->deadline_boot_ms <= boot_ms(w) || (!m->urgent && backing_off(w, l, d)) || d->n_tickets == WORLD_TICKETS) {
		poller_tell(w, i, m->ticket, READING_FORCED | READING_UNREAD, RTT_MS, NULL);
		return;
	}
	d->tickets[d->n_tickets++] = (struct world_ticket){ m->ticket, m->deadline_boot_ms, d->polls + 1 };
	force(w, d);
	if (m->urgent)
		make_room(w, l);
	kick(w, l);
}

void line_lease(struct world *w, int i, const struct lease *lease)
{
	struct world_device *d = &w->devices[i];
	struct world_line *l = line_of(w, i);
	bool fresh = d->link_up && d->lease_at < d->up_since && lease->desired != d->lock.lock;
	bool news = d->lease.desired != lease->desired || fresh;

	d->lease = *lease;
	d->lease_at = boot_ms(w);
	d->lease.valid_until_boot_ms = SCHEDULE_NEVER;
	if (!d->link_up)
		d->at.lapse = lease->valid_until_boot_ms;
	if (news && !backing_off(w, l, d))
		force(w, d);
	kick(w, l);
}

/* Its life ------------------------------------------------------------------------------------------------ */

void line_begin(struct world *w)
{
	w->lines[0].end = 1;
	w->lines[1].first = 1;
	w->lines[1].end = WORLD_UNITS;
	for (int i = 0; i < WORLD_UNITS; i++)
		w->devices[i].phase = rng_in(&w->rng, 0, w->poll_ms - 1);
	line_started(w);
}

void line_started(struct world *w)
{
	for (int i = 0; i < WORLD_UNITS; i++) {
		struct world_device *d = &w->devices[i];

		d->at = (struct deadlines){ boot_ms(w) + rng_in(&w->rng, 0, START_MS), SCHEDULE_NEVER, SCHEDULE_NEVER,
			SCHEDULE_NEVER };
		d->failures = d->n_tickets = 0;
	}
	for (int k = 0; k < WORLD_LINES; k++) {
		struct world_line *l = &w->lines[k];

		l->connected = l->cut = false;
		l->failures = 0;
		l->retry_at = l->share = l->long_at = 0;
	}
	line_returned(w);
}

/* Nothing ran for a while: what was under way came too late, and is asked again. */
void line_returned(struct world *w)
{
	for (int i = 0; i < WORLD_UNITS; i++) {
		mark(w, i);
		reach_delayed(w, i);
		if (line_of(w, i)->active == i)
			w->devices[i].at.poll = 0;
	}
	for (int k = 0; k < WORLD_LINES; k++) {
		w->lines[k].active = -1;
		w->lines[k].wakes_at = SCHEDULE_NEVER;
		world_at(w, w->true_ms, EV_LINE, k, ++w->lines[k].wake, 0);
	}
}
