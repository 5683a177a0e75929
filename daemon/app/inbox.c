/*
 * inbox.c - what waits for a turn: lanes, coalescing of readings, who is known.
 * Owns the queued items. Out of memory sets l->out_of_memory: the ledger ends and recovers.
 */
#include <stdlib.h>
#include <string.h>

#include "app/parts.h"
#include "common/fmt.h"

void lane_init(struct lane *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

void lane_push(struct lane *l, struct item *it)
{
	it->next = NULL;
	*l->last = it;
	l->last = &it->next;
	l->n++;
}

void lane_return(struct lane *l, struct item *it)
{
	struct item **p = &l->first;

	while (*p && (*p)->order < it->order)
		p = &(*p)->next;
	it->next = *p;
	*p = it;
	if (!it->next)
		l->last = &it->next;
	l->n++;
}

struct item *lane_pop(struct lane *l)
{
	struct item *it = l->first;

	if (it)
		lane_remove(l, it);
	return it;
}

void lane_remove(struct lane *l, struct item *it)
{
	struct item **p = &l->first;

	while (*p != it)
		p = &(*p)->next;
	*p = it->next;
	if (l->last == &it->next)
		l->last = p;
	it->next = NULL;
	l->n--;
}

struct item *item_new(struct ledger *l, enum item_kind kind, struct stamp at)
{
	struct item *it = calloc(1, sizeof(*it));

	if (!it) {
		l->out_of_memory = true;
		return NULL;
	}
	it->kind = kind;
	it->at = at;
	it->order = l->order++;
	return it;
}

struct item *item_free(struct item *it)
{
	if (!it)
		return NULL;
	msg_free(it->m);
	if (it->reply)
		msg_free(&it->reply->head);
	free(it);
	return NULL;
}

struct unit *inbox_unit(struct ledger *l, const char *instrument)
{
	const struct instrument *i = site_instrument(l->site, instrument);

	return i ? &l->units[i - l->site->instruments] : NULL;
}

int inbox_site(struct ledger *l, const struct site *next)
{
	struct unit *units = calloc((size_t)next->n_instruments + 1, sizeof(*units)), *was;

	if (!units)
		return -1;
	for (int i = 0; i < next->n_instruments; i++) {
		was = l->site ? inbox_unit(l, next->instruments[i].id) : NULL;
		if (was)
			units[i] = *was;
	}
	free(l->units);
	l->units = units;
	l->site = next;
	return 0;
}

/* Requests ----------------------------------------------------------------------------------------------- */

static struct known *known_slot(struct ledger *l, const char *public_id)
{
	return &l->lately[lt_crc32(public_id, strlen(public_id)) % KNOWN_SLOTS];
}

static bool is_known(struct ledger *l, const struct msg_request *m)
{
	const struct known *k;

	if (!m->has_token)
		return m->peer.kind == PEER_UNIX;
	k = known_slot(l, m->token.public_id);
	return strcmp(k->id, m->token.public_id) == 0 && m->head.at.boot_ms - k->boot_ms < KNOWN_MS;
}

void inbox_accepted(struct ledger *l, const struct msg_request *m, struct stamp now)
{
	struct known *k;

	if (!m->has_token)
		return;
	k = known_slot(l, m->token.public_id);
	lt_fmt(k->id, sizeof(k->id), "%s", m->token.public_id);
	k->boot_ms = now.boot_ms;
}

static void take_request(struct ledger *l, struct msg *m)
{
	struct item *it = item_new(l, ITEM_REQUEST, m->at);
	struct msg_request *r = (struct msg_request *)m;

	if (!it) {
		msg_free(m);
		return;
	}
	it->m = m;
	lane_push(l->o.is_read(r) ? &l->reads : is_known(l, r) ? &l->known : &l->others, it);
}

/* Readings ----------------------------------------------------------------------------------------------- */

static int64_t gap_ms(const struct ledger *l, const char *instrument)
{
	int64_t polls = 10 * site_instrument(l->site, instrument)->meter.poll_ms;

	return polls > 30000 ? polls : 30000;
}

/* Does this reading say something new, besides a counter that goes on as it did? */
static bool is_edge(const struct ledger *l, const struct unit *u, const struct msg_reading *r)
{
	return r->ticket || r->flags || !u->seen || msg_observation_news(&u->obs, u->moved, &r->obs) ||
		r->head.at.boot_ms - u->boot_ms > gap_ms(l, r->instrument);
}

static void take_reading(struct ledger *l, struct msg *m)
{
	struct msg_reading *r = (struct msg_reading *)m;
	struct unit *u = inbox_unit(l, r->instrument);
	struct item *it;
	bool edge;

	if (!u) {
		msg_free(m); /* of an instrument that a reload took away */
		return;
	}
	edge = is_edge(l, u, r);
	if (!(r->flags & READING_UNREAD)) {
		u->moved = u->seen && r->obs.hourmeter != u->obs.hourmeter;
		u->seen = true;
		u->obs = r->obs;
		u->boot_ms = m->at.boot_ms;
	}
	if (!edge && u->plain) {
		msg_free(u->plain->m);
		u->plain->m = m;
		u->plain->at = m->at;
		return;
	}
	it = item_new(l, ITEM_READING, m->at);
	if (!it) {
		msg_free(m);
		return;
	}
	it->m = m;
	it->edge = edge;
	u->plain = edge ? NULL : it;
	if (!edge && l->plain_since < 0)
		l->plain_since = m->at.boot_ms;
	lane_push(&l->meter, it);
}

static void take_meter(struct ledger *l, struct msg *m, enum item_kind kind, const char *instrument)
{
	struct unit *u = inbox_unit(l, instrument);
	struct item *it = u ? item_new(l, kind, m->at) : NULL;

	if (!it) {
		msg_free(m);
		return;
	}
	if (kind == ITEM_LINK) {
		u->seen = false;
		u->plain = NULL;
	}
	it->m = m;
	it->edge = true;
	lane_push(&l->meter, it);
}

/* ---------------------------------------------------------------------------------------------------------- */

static void take_one(struct ledger *l, struct msg *m)
{
	switch (m->kind) {
	case MSG_REQUEST:
		take_request(l, m);
		return;
	case MSG_READING:
		take_reading(l, m);
		return;
	case MSG_LINK:
		take_meter(l, m, ITEM_LINK, ((struct msg_link *)m)->instrument);
		return;
	case MSG_INTERLOCK:
		take_meter(l, m, ITEM_INTERLOCK, ((struct msg_interlock *)m)->instrument);
		return;
	case MSG_RELOAD:
		msg_free(l->reload);
		l->reload = m;
		return;
	case MSG_CREDIT:
		stream_credit(l, ((struct msg_conn *)m)->conn);
		break;
	case MSG_GONE:
		stream_gone(l, ((struct msg_conn *)m)->conn);
		break;
	case MSG_STOP:
		l->stop = true;
		break;
	default: /* a tick only wakes */
		break;
	}
	msg_free(m);
}

void inbox_take(struct ledger *l)
{
	struct msg *m = queue_take(l->o.in), *next;

	for (; m; m = next) {
		next = m->next;
		m->next = NULL;
		take_one(l, m);
	}
}
