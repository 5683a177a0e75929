/*
 * tell.c - what a device's state becomes as messages to the ledger, and the forced polls that wait for an answer.
 * Owns the tickets. Without memory a message is left out: the next one has it all.
 */
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/modbus/private.h"

#define WHY_AGAIN_MS 5000      /* a controller that fails in turns in two ways does not fill the ledger */

static void emit(struct poller *p, struct msg *m)
{
	m->at = p->o.now();
	p->o.emit(p->o.arg, m);
}

void tell_reading(struct device *d, uint64_t ticket, uint32_t flags, const struct lt_observation *obs, int64_t rtt)
{
	struct msg_reading *m = msg_new(MSG_READING, sizeof(*m));

	if (!m)
		return;
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

static void tell_link(struct device *d, bool up, const char *why)
{
	struct msg_link *m = msg_new(MSG_LINK, sizeof(*m));

	if (!m)
		return;
	memcpy(m->instrument, d->instrument, sizeof(m->instrument));
	d->seen = false; /* the next reading is the first after a change of the link */
	m->up = up;
	lt_fmt(m->why, sizeof(m->why), "%s", why);
	lt_fmt(d->why, sizeof(d->why), "%s", why);
	emit(d->endpoint->p, &m->head);
}

void tell_up(struct device *d)
{
	if (!d->told || !d->up)
		tell_link(d, true, "");
	d->up = d->told = true;
}

void tell_down(struct device *d, const char *why)
{
	int64_t now = clock_boot_ms();
	bool known = d->told && !d->up;

	d->up = false;
	d->told = true;
	if (known && (strcmp(why, d->why) == 0 || now < d->why_again))
		return;
	d->why_again = now + WHY_AGAIN_MS;
	tell_link(d, false, why);
}

void tell_lock(struct device *d, bool drift, const char *why)
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

static void drop(struct device *d, int i)
{
	d->tickets[i] = d->tickets[--d->n_tickets];
}

bool ticket_add(struct device *d, const struct ticket *t)
{
	if (d->n_tickets == TICKETS)
		return false;
	d->tickets[d->n_tickets++] = *t;
	return true;
}

void ticket_unread(struct device *d, uint64_t id)
{
	tell_reading(d, id, READING_FORCED | READING_UNREAD, NULL, 0);
	d->endpoint->p->unread++;
}

void tickets_unread(struct device *d, uint64_t poll)
{
	for (int i = d->n_tickets - 1; i >= 0; i--) {
		if (d->tickets[i].from_poll > poll)
			continue;
		ticket_unread(d, d->tickets[i].id);
		drop(d, i);
	}
}

void tickets_expire(struct device *d, int64_t now)
{
	for (int i = d->n_tickets - 1; i >= 0; i--) {
		if (d->tickets[i].deadline > now)
			continue;
		ticket_unread(d, d->tickets[i].id);
		drop(d, i);
	}
}

bool tickets_answer(struct device *d, const struct lt_observation *obs, int64_t rtt)
{
	bool any = false;

	for (int i = d->n_tickets - 1; i >= 0; i--) {
		if (d->tickets[i].from_poll > d->polls)
			continue;
		tell_reading(d, d->tickets[i].id, READING_FORCED, obs, rtt);
		drop(d, i);
		any = true;
	}
	return any;
}

int64_t tickets_deadline(const struct device *d)
{
	int64_t first = SCHEDULE_NEVER;

	for (int i = 0; i < d->n_tickets; i++)
		first = d->tickets[i].deadline < first ? d->tickets[i].deadline : first;
	return first;
}
