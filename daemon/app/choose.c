/*
 * choose.c - which of what waits becomes the next turn: lanes in order, a bounded number of each, then the due timers
 * that overtake nothing, all in the order of their stamps. Owns nothing; the chosen items leave their lanes.
 */
#include <stdlib.h>
#include <string.h>

#include "app/parts.h"
#include "store/timer.h"

struct choice {
	struct ledger *l;
	struct stamp now;
	int n, max;
	struct item **items;
};

static bool room(const struct choice *c) { return c->n < c->max; }

static bool same_unit(const struct item *a, const struct item *b)
{
	return strcmp(((const struct msg_reading *)a->m)->instrument,
		((const struct msg_reading *)b->m)->instrument) == 0;
}

_Static_assert(offsetof(struct msg_reading, instrument) == offsetof(struct msg_link, instrument) &&
	offsetof(struct msg_reading, instrument) == offsetof(struct msg_interlock, instrument),
	"one layout for the meter lane");

/* An item that waits for its next attempt holds back what comes after it from the same instrument. */
static bool held_back(const struct lane *lane, const struct item *it, int64_t boot_ms)
{
	if (it->not_before > boot_ms)
		return true;
	for (const struct item *p = lane->first; p != it; p = p->next)
		if (p->m && it->m && p->not_before > boot_ms && same_unit(p, it))
			return true;
	return false;
}

static void choose(struct choice *c, struct lane *lane, int most)
{
	struct item *it, *next;

	for (it = lane->first; it && most > 0 && room(c); it = next) {
		next = it->next;
		if (held_back(lane, it, c->now.boot_ms))
			continue;
		lane_remove(lane, it);
		if (it->kind == ITEM_READING) {
			struct unit *u = inbox_unit(c->l, ((struct msg_reading *)it->m)->instrument);
			if (u && u->plain == it)
				u->plain = NULL;
		}
		c->items[c->n++] = it;
		most--;
	}
}

static void earliest(const struct lane *lane, int64_t *boot_ms)
{
	for (const struct item *it = lane->first; it; it = it->next)
		if (it->kind != ITEM_TIMER && it->kind != ITEM_ALARM && it->at.boot_ms < *boot_ms)
			*boot_ms = it->at.boot_ms;
}

bool timer_waits(const struct ledger *l, const char *kind, int64_t ref, int64_t boot_ms)
{
	for (int i = 0; i < ASIDE_MAX; i++)
		if (l->aside[i].until > boot_ms && l->aside[i].ref == ref && strcmp(l->aside[i].kind, kind) == 0)
			return true;
	for (const struct item *it = l->parked.first; it; it = it->next)
		if (it->kind == ITEM_TIMER && it->ref == ref && strcmp(it->timer, kind) == 0)
			return true;
	for (const struct item *it = l->meter.first; it; it = it->next)
		if (it->kind == ITEM_TIMER && it->ref == ref && strcmp(it->timer, kind) == 0)
			return true;
	return false;
}

static bool chosen(const struct choice *c, const char *kind, int64_t ref)
{
	for (int i = 0; i < c->n; i++)
		if (c->items[i]->kind == ITEM_TIMER && c->items[i]->ref == ref && strcmp(c->items[i]->timer, kind) == 0)
			return true;
	return false;
}

/* While timers are held back, however many, those behind them go on. */
struct stmt *timers_by_due(struct ledger *l, struct stamp now)
{
	return store_timers_by_due(l->o.db, timers_wait(l, now.boot_ms) ? l->o.ports->timers_taking() : "",
		2 * TURN_TIMERS + ASIDE_MAX + l->parked.n);
}

/* A due timer is stamped with its due time; it never overtakes a request or reading that was complete by then. */
static void choose_timers(struct choice *c)
{
	struct ledger *l = c->l;
	int64_t horizon = INT64_MAX;
	struct stmt *s;
	int left = TURN_TIMERS;

	earliest(&l->meter, &horizon);
	earliest(&l->known, &horizon);
	earliest(&l->others, &horizon);
	earliest(&l->parked, &horizon);
	s = timers_by_due(l, c->now);
	while (left > 0 && room(c) && db_step(s) == DB_ROW) {
		int64_t due = db_int(s, 2);
		struct clock_stamp seen = clock_due(l->clock.recent, l->clock.n, (struct clock_stamp){ c->now.boot_ms,
			c->now.wall_ms }, due);
		struct stamp at = { seen.boot_ms, seen.wall_ms };
		struct item *it;

		if (due > c->now.wall_ms || at.boot_ms >= horizon)
			break;
		if (chosen(c, db_text(s, 0), db_int(s, 1)) ||
			timer_waits(l, db_text(s, 0), db_int(s, 1), c->now.boot_ms))
			continue;
		it = item_new(l, ITEM_TIMER, at);
		if (!it)
			break;
		db_copy_text(s, 0, it->timer, sizeof(it->timer));
		it->ref = db_int(s, 1);
		it->due_at = due;
		c->items[c->n++] = it;
		left--;
	}
	db_end(s);
}

static int by_stamp(const void *pa, const void *pb)
{
	const struct item *a = *(struct item *const *)pa, *b = *(struct item *const *)pb;
	bool ta = a->kind == ITEM_TIMER, tb = b->kind == ITEM_TIMER;

	if (a->at.boot_ms != b->at.boot_ms)
		return a->at.boot_ms < b->at.boot_ms ? -1 : 1;
	if (ta != tb)
		return ta ? 1 : -1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Parks whose deadline is over come back unread. */
static void expire_parks(struct choice *c)
{
	struct item *it, *next;

	for (it = c->l->parked.first; it && room(c); it = next) {
		next = it->next;
		if (it->deadline > c->now.boot_ms)
			continue;
		lane_remove(&c->l->parked, it);
		it->unread = true;
		it->polled = false;
		c->items[c->n++] = it;
	}
}

int choose_turn(struct ledger *l, struct stamp now, struct item *ret[TURN_MAX])
{
	int most = l->o.turn_items > 0 && l->o.turn_items < TURN_MAX ? l->o.turn_items : TURN_MAX;
	struct choice c = { .l = l, .now = now, .max = l->alone > 0 ? 1 : most, .items = ret };

	choose(&c, &l->meter, TURN_METER);
	expire_parks(&c);
	choose(&c, &l->known, TURN_REQUESTS - (l->others.n < TURN_OTHERS ? l->others.n : TURN_OTHERS));
	choose(&c, &l->others, TURN_OTHERS);
	choose(&c, &l->ended, 4);
	choose(&c, &l->alarms, 4);
	choose_timers(&c);
	qsort(c.items, (size_t)c.n, sizeof(c.items[0]), by_stamp);
	return c.n;
}
