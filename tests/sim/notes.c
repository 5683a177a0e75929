/*
 * notes.c - when things truly happened: the world notes the true instant at which a session opens, is checked in,
 * grows and closes, and at which a booking reaches its end, as each step commits it. Labels cannot say that: a wall
 * clock that was set back shows an hour twice, and the labels of readings stand still meanwhile. Owns w->sessions and
 * w->ends. What does not fit is not noted, and not judged.
 */
#include <string.h>

#include "sim/world.h"

#define OPEN "state IN ('open','running','idle','unknown')"

const struct noted_session *notes_session(const struct world *w, int64_t id)
{
	return id > 0 && id < WORLD_SESSIONS && w->sessions[id].opened ? &w->sessions[id] : NULL;
}

int64_t notes_end(const struct world *w, int64_t booking)
{
	return booking > 0 && booking < WORLD_ACKED ? w->ends[booking] : 0;
}

/* The columns id, checkin_at, measured_ms, last_run_end_at of a row. */
static struct noted_session *note_row(struct world *w, struct stmt *q)
{
	int64_t id = db_int(q, 0);
	struct noted_session *n = id > 0 && id < WORLD_SESSIONS ? &w->sessions[id] : NULL;

	if (!n)
		return NULL;
	if (!n->opened) {
		n->opened = w->true_ms;
		n->wall_opened = world_stamp(w).wall_ms;
	}
	if (!n->checkin && db_int(q, 1))
		n->checkin = w->true_ms;
	if (db_int(q, 2) != n->measured_ms)
		n->grew = w->true_ms;
	if (db_int(q, 3) != n->last_end)
		n->stopped = w->true_ms;
	n->measured_ms = db_int(q, 2);
	n->last_end = db_int(q, 3);
	n->seen = w->stats.steps;
	return n;
}

#define COLUMNS "SELECT id, COALESCE(checkin_at, 0), measured_ms, COALESCE(last_run_end_at, 0) FROM session WHERE "

static void note_closed(struct world *w, int64_t id)
{
	struct stmt *q = db_query(w->db, COLUMNS "id = ?1", "i", id);

	if (db_step(q) == DB_ROW) {
		struct noted_session *n = note_row(w, q);

		if (n) {
			n->closed = w->true_ms;
			n->held_ms = db_one_int(w->db, 0, "SELECT SUM(held_ms) FROM usage WHERE session = ?1", "i", id);
			n->wall_closed = world_stamp(w).wall_ms;
		}
	}
	db_end(q);
}

/* What was open and is not any more, and what was closed when it came. */
static void note_closings(struct world *w, const int64_t *open, int n_open)
{
	int64_t newest = db_one_int(w->db, 0, "SELECT MAX(id) FROM session", "");

	for (int k = 0; k < w->n_open; k++)
		if (w->open[k] < WORLD_SESSIONS && w->sessions[w->open[k]].seen != w->stats.steps)
			note_closed(w, w->open[k]);
	for (; w->newest_session < newest; w->newest_session++) {
		int64_t id = w->newest_session + 1;

		if (id < WORLD_SESSIONS && w->sessions[id].seen != w->stats.steps)
			note_closed(w, id);
	}
	memcpy(w->open, open, sizeof(w->open));
	w->n_open = n_open;
}

static void note_sessions(struct world *w)
{
	struct stmt *q = db_query(w->db, COLUMNS OPEN, "");
	int64_t open[WORLD_INSTRUMENTS] = { 0 };
	int n = 0;

	while (db_step(q) == DB_ROW && n < WORLD_INSTRUMENTS) {
		note_row(w, q);
		open[n++] = db_int(q, 0);
	}
	db_end(q);
	note_closings(w, open, n);
}

/* Each decision of a booking leaves an event. */
static void note_ends(struct world *w)
{
	int64_t newest = db_one_int(w->db, 0, "SELECT MAX(id) FROM event", "");
	struct stmt *q;

	if (newest <= w->newest_event)
		return;
	truth_service(w);
	q = db_query(w->db, "SELECT b.id FROM event e JOIN booking b ON b.id = e.booking WHERE e.id > ?1 AND b.state IN"
		" ('no_show', 'cancelled', 'lapsed')", "i", w->newest_event);
	while (db_step(q) == DB_ROW)
		if (db_int(q, 0) < WORLD_ACKED && !w->ends[db_int(q, 0)])
			w->ends[db_int(q, 0)] = w->true_ms;
	db_end(q);
	w->newest_event = newest;
}

void notes_step(struct world *w)
{
	if (!w->db || w->violation[0])
		return;
	if (w->disk)
		w->disk->pause(true);
	note_sessions(w);
	note_ends(w);
	if (w->disk)
		w->disk->pause(false);
}

static int64_t true_of_boot(const struct world *w, int64_t boot_ms)
{
	int k = w->n_boots - 1;

	while (k > 0 && boot_ms < w->boots[k].boot_ms)
		k--;
	return boot_ms + w->boots[k].base_ms;
}

/* Labels of a meter's readings never go back, and stand still after the wall clock was set back: many may have one. */
bool notes_reading(const struct world *w, int instrument, int64_t label, struct device_span *ret)
{
	struct stmt *q = db_query(w->db, "SELECT MIN(boot_ms), MAX(boot_ms) FROM reading WHERE instrument = ?1 AND at ="
		" (SELECT MIN(at) FROM reading WHERE instrument = ?1 AND at >= ?2)", "ti", w->devices[instrument].d.id, label);
	bool any = db_step(q) == DB_ROW && db_int(q, 1) > 0;

	if (any)
		*ret = (struct device_span){ true_of_boot(w, db_int(q, 0)), true_of_boot(w, db_int(q, 1)) };
	db_end(q);
	return any;
}

/* What the wall clock has gone on since the label, at the latest where a reading had it. */
static int64_t before(const struct world *w, int instrument, int64_t at, int64_t wall, int64_t label)
{
	struct device_span read;

	at = wall > label ? at - (wall - label) : at;
	return notes_reading(w, instrument, label, &read) && read.from < at ? read.from : at;
}

void notes_place(const struct world *w, int instrument, const struct noted_row *r, struct device_span *ret_most,
	struct device_span *ret_least)
{
	const struct noted_session *n = r->noted;
	int64_t last = n->grew > n->closed ? n->grew : n->closed, closed = n->closed ? n->closed : w->true_ms;
	struct device_span read;

	if (r->measured_ms != n->measured_ms && notes_reading(w, instrument, r->last, &read) && read.to > last)
		last = read.to; /* more came after it had closed */
	*ret_most = (struct device_span){ n->opened, last };
	if (!r->by_user)
		ret_most->from = before(w, instrument, n->opened, n->wall_opened, r->opened);
	*ret_least = (struct device_span){ n->opened, before(w, instrument, closed, n->wall_closed, r->closed) };
}
