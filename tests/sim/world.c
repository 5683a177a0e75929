/*
 * world.c - the machinery of the simulated world: events in the order of virtual time, one after the other. What people
 * do is in people.c and staff.c, controllers in line.c and poller.c, the daemon's deaths in life.c, what goes wrong in
 * trouble.c, what truly happened when in notes.c, what must hold in checks.c, reach.c, truth.c, fees.c, owners.c and
 * prices.c. Owns the event heap.
 */
#include "sim/world.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "common/fmt.h"

#define PATIENCE_MS (15 * 60000)

/* Events: a binary heap by (at, order). ----------------------------------------------------------------- */

static bool sooner(const struct world_event *a, const struct world_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void world_at(struct world *w, int64_t at, enum world_event_kind kind, int index, uint64_t ticket, int64_t deadline)
{
	int i = w->n_events++;

	assert(w->n_events < WORLD_EVENTS);
	w->events[i] = (struct world_event){ at > w->true_ms ? at : w->true_ms, w->event_order++, kind, index, ticket,
		deadline };
	while (i > 0 && sooner(&w->events[i], &w->events[(i - 1) / 2])) {
		struct world_event t = w->events[i];
		w->events[i] = w->events[(i - 1) / 2];
		w->events[(i - 1) / 2] = t;
		i = (i - 1) / 2;
	}
}

/* The next of the heap, or the tick at which the ledger's next timer is due. */
static struct world_event take_event(struct world *w)
{
	struct world_event first = w->events[0];
	int i = 0;

	if (w->tick_at && w->tick_at < first.at) {
		first = (struct world_event){ .at = w->tick_at, .kind = EV_TICK };
		w->tick_at = 0;
		return first;
	}
	w->events[0] = w->events[--w->n_events];
	for (;;) {
		int l = 2 * i + 1, m = i;
		if (l < w->n_events && sooner(&w->events[l], &w->events[m]))
			m = l;
		if (l + 1 < w->n_events && sooner(&w->events[l + 1], &w->events[m]))
			m = l + 1;
		if (m == i)
			return first;
		struct world_event t = w->events[i];
		w->events[i] = w->events[m];
		w->events[m] = t;
		i = m;
	}
}

/* ------------------------------------------------------------------------------------------------------- */

void world_violate(struct world *w, const char *fmt, ...)
{
	char text[sizeof(w->violation)];
	va_list ap;

	va_start(ap, fmt);
	lt_vfmt(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->trace) /* the first ends the history; at the end all are of interest */
		fprintf(w->trace, "violated: %s\n", text);
	if (!w->violation[0])
		memcpy(w->violation, text, sizeof(text));
}

void world_trace(struct world *w, const char *fmt, ...)
{
	char line[600], at[40];
	va_list ap;

	va_start(ap, fmt);
	lt_vfmt(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (const char *p = line; *p; p++)
		w->trace_hash = (w->trace_hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3); /* FNV-1a */
	if (!w->trace)
		return;
	lt_rfc3339(at, sizeof(at), w->true_ms, lt_zone_offset(&w->site.zone, w->true_ms));
	fprintf(w->trace, "%s %s\n", at, line);
}

struct stamp world_stamp(const struct world *w)
{
	return (struct stamp){ w->true_ms - w->boot_base_ms, w->true_ms + w->wall_skew_ms };
}

void marks_add(struct marks *m, int64_t at)
{
	if (m->n < WORLD_MARKS && (m->n == 0 || m->at[m->n - 1] < at - 1000))
		m->at[m->n++] = at;
}

bool marks_in(const struct marks *m, int64_t from, int64_t to)
{
	int lo = 0, hi = m->n;

	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (m->at[mid] < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return m->n == WORLD_MARKS || (lo < m->n && m->at[lo] <= to);
}

void world_mark(struct world *w, int instrument)
{
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		if (instrument < 0 || instrument == i)
			marks_add(&w->devices[i].marks, w->true_ms);
}

void world_skew(struct world *w, int64_t skew_ms)
{
	assert(w->n_skews < WORLD_SKEWS);
	w->skews[w->n_skews].from = w->true_ms;
	w->skews[w->n_skews++].skew = skew_ms;
	if (w->tick_at)
		w->tick_at -= skew_ms - w->wall_skew_ms;
	w->wall_skew_ms = skew_ms;
}

void world_boot(struct world *w, int64_t base_ms)
{
	assert(w->n_boots < WORLD_BOOTS);
	w->boot_base_ms = base_ms;
	w->boots[w->n_boots].boot_ms = w->true_ms - base_ms;
	w->boots[w->n_boots++].base_ms = base_ms;
}

void world_away(struct world *w, int64_t lasts_ms)
{
	world_mark(w, -1);
	spans_begin(&w->away, w->true_ms);
	w->true_ms += lasts_ms;
	spans_end(&w->away, w->true_ms);
	line_returned(w);
	w->restarted_ms = w->true_ms;
	world_mark(w, -1);
}

bool world_true(const struct world *w, int64_t from, int64_t to, struct device_span *ret)
{
	bool any = false;

	for (int i = 0; i < w->n_skews; i++) {
		int64_t a = w->skews[i].from, b = i + 1 < w->n_skews ? w->skews[i + 1].from : INT64_MAX / 2;

		a = a > from - w->skews[i].skew ? a : from - w->skews[i].skew;
		b = b < to - w->skews[i].skew ? b : to - w->skews[i].skew;
		if (a > b)
			continue;
		ret->from = any ? ret->from : a;
		ret->to = b;
		any = true;
	}
	return any;
}

static void on_event(struct world *w, const struct world_event *e)
{
	bool over = w->true_ms >= w->end_ms;

	switch (e->kind) {
	case EV_LINE:
		line_wake(w, e);
		break;
	case EV_POLL:
		line_answered(w, e);
		break;
	case EV_OPEN:
		reach_opened(w, e);
		break;
	case EV_PERSON:
		if (!over && e->ticket == w->people[e->index].plan)
			people_act(w, &w->people[e->index]);
		break;
	case EV_RETRY:
		requests_retry(w, e->index, e->ticket);
		break;
	case EV_ECHO:
		requests_echo(w, e->index);
		break;
	case EV_TROUBLE:
		trouble_event(w, e);
		break;
	case EV_BEAT:
		life_beat(w);
		break;
	case EV_TICK:
		break;
	}
}

/* At the end nobody begins anything new, the disk has peace, and what is under way is answered. */
static bool goes_on(struct world *w)
{
	if (w->violation[0])
		return false;
	if (w->true_ms < w->end_ms || w->fatal)
		return true;
	if (w->disk && w->disk->over)
		w->disk->over();
	if (w->true_ms > (w->restarted_ms > w->end_ms ? w->restarted_ms : w->end_ms) + PATIENCE_MS)
		world_violate(w, "a request was not answered in %d minutes", PATIENCE_MS / 60000);
	if (!w->reported && requests_under_way(w, NULL) == 0) {
		w->reported = true;
		staff_report(w);
	}
	return requests_under_way(w, NULL) > 0 && !w->violation[0];
}

bool world_run(struct world *w)
{
	while (goes_on(w)) {
		struct world_event e = take_event(w);
		if (e.at > w->true_ms)
			w->true_ms = e.at;
		w->told = false;
		on_event(w, &e);
		if (e.kind == EV_BEAT || (e.kind <= EV_OPEN && !w->told)) /* the ledger knows nothing of it */
			continue;
		w->stats.steps++;
		life_step(w);
		notes_step(w);
		if (e.kind <= EV_POLL) /* batches wait 200 ms, parks 1 s */
			world_at(w, w->true_ms + 210, EV_TICK, 0, 0, 0);
		checks_step(w, e.kind == EV_POLL ? e.index : -1);
	}
	if (!w->violation[0])
		checks_end(w);
	return w->violation[0] == '\0';
}
