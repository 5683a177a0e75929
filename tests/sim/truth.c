/*
 * truth.c - the store against what the devices really did: E and bills are never more than the truth, never less where
 * nothing went wrong, what ran at fault costs nothing, and nothing is measured without a reading (I3, I7, I8).
 */
#include <string.h>

#include "sim/world.h"
#include "store/meter.h"

#define GAP_POLLS 10             /* in a silence shorter than this, which is no gap, runs have no certain place */
#define EARLY_MS (16 * 60000)    /* a booking may begin so early, and a little                     */
#define NEAR_POLLS 3             /* a fault so many polls from a session may have touched it */

static void note_service(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];
	bool out = db_one_int(w->db, 0, "SELECT out_of_service FROM instrument WHERE id = ?1", "t", d->d.id) != 0;

	if (out != d->out_of_service)
		(out ? spans_begin : spans_end)(&d->service, w->true_ms);
	d->out_of_service = out;
}

void truth_service(struct world *w)
{
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		note_service(w, i);
}

/* I3: E never decreases, across crashes as well. I7: without a reading it stays where it is. */
void truth_step(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];
	int64_t ext = db_one_int(w->db, -1, "SELECT ext_ms FROM meter WHERE instrument = ?1", "t", d->d.id);

	if (ext < 0)
		return;
	if (ext < d->last_ext_ms)
		world_violate(w, "I3: E of %s fell from %lld to %lld", d->d.id, (long long)d->last_ext_ms, (long long)ext);
	if (ext != d->last_ext_ms && d->delivered == d->delivered_at_ext)
		world_violate(w, "I7: E of %s grew to %lld without a reading", d->d.id, (long long)ext);
	if (ext != d->last_ext_ms)
		d->delivered_at_ext = d->delivered - 1; /* readings of one turn may still wait for company */
	d->last_ext_ms = ext;
}

/* What it ran while both clocks stood still, and until the level after that was believed. */
static int64_t paused_ms(const struct world *w, const struct device *d)
{
	int64_t sum = 0;

	for (int k = 0; k < w->paused.n; k++)
		sum += device_truth_ms(d, w->paused.of[k].from, w->paused.of[k].to, w->true_ms);
	return sum;
}

/*
 * I8 and the truth: what was measured is never more than what the meter counted, up to one count a counter's life; and
 * with what is held it is never less than what it showed, but for what a restart wiped and what a level took that
 * nobody could believe.
 */
static void check_total(struct world *w, int i, const struct meter *m)
{
	const struct device *d = &w->devices[i].d;
	int64_t measured = db_one_int(w->db, 0, "SELECT ext_ms - ext_first_ms FROM meter WHERE instrument = ?1", "t", d->id);
	int64_t counted = device_counted_ms(d, w->true_ms), least;

	/* where the clock jumps between, a display that lacks three counts and shows them again is as one that ran */
	if (measured > counted + d->count_ms * (1 + d->resets) + (w->n_skews > 1 ? d->lacked_ms : 0))
		world_violate(w, "%s: measured %lld ms, its meter counted %lld ms", d->id, (long long)measured, (long long)counted);
	/* the last readings may still wait for company */
	least = counted - d->forgotten_ms - device_unread_ms(d, w->true_ms) - paused_ms(w, d) - 2 * w->poll_ms -
		d->count_ms * (1 + d->resets);
	if (d->display == DISPLAY_TRUE && measured + m->held_ms < least)
		world_violate(w, "%s: measured %lld ms and holds %lld ms, its meter showed %lld ms", d->id, (long long)measured,
			(long long)m->held_ms, (long long)least);
}

/* What the meter holds lies in pieces of usage, each millisecond in one, and for a day at most. */
static void check_held(struct world *w, int i, const struct meter *m)
{
	const char *id = w->devices[i].d.id;
	int64_t pieces = db_one_int(w->db, 0, "SELECT SUM(held_ms) FROM usage WHERE instrument = ?1", "t", id);

	if (m->held_ms != pieces)
		world_violate(w, "%s: its meter holds %lld ms, the pieces %lld ms", id, (long long)m->held_ms, (long long)pieces);
	if (m->holding && db_one_int(w->db, 0, "SELECT COUNT(*) FROM review WHERE kind = 'meter_manual' AND state <> 'done' AND "
			"to_at = 0 AND instrument = ?1", "t", id) == 0)
		world_violate(w, "%s: its meter holds %lld ms, and there is no item to decide", id, (long long)m->held_ms);
	if (m->holding && m->t - m->held_t >= METER_LEVEL_MS)
		world_violate(w, "%s: its meter holds %lld ms for %lld ms", id, (long long)m->held_ms, (long long)(m->t -
			m->held_t));
}

bool truth_troubled(const struct world *w, int i, int64_t from, int64_t to)
{
	return marks_in(&w->devices[i].marks, from - NEAR_POLLS * w->poll_ms, to + NEAR_POLLS * w->poll_ms);
}

/* stands_ms: what is left of used_ms after what was taken back. */
struct billed { int64_t id, used_ms, fault_ms, stands_ms; bool checked_in; struct noted_row row; };

/* What ran at fault is not priced, and nothing else is kept from the price: each edge is seen within a poll. */
static void check_faults(struct world *w, int i, const struct billed *b, struct device_span in)
{
	const struct device *d = &w->devices[i].d;
	int64_t edge = w->poll_ms + 1000 + d->count_ms;
	int faults, near; /* one that ended just before the session may be seen to end in it */
	int64_t least = device_at_fault_ms(d, in.from, in.to, w->true_ms, &faults), by;
	int64_t most = device_at_fault_ms(d, in.from, b->row.noted->closed, w->true_ms, &faults);

	device_at_fault_ms(d, in.from - edge, b->row.noted->closed, w->true_ms, &near);
	by = 1000 + 2 * near * edge;
	w->stats.faults += faults;
	/* what a level holds that nobody believes as yet is in no bill */
	if (b->fault_ms > most + by || b->fault_ms + b->row.noted->held_ms + by < least)
		world_violate(w, "C-%lld has %lld ms at fault, %s ran %lld ms in %d faults from %lld to %lld", (long long)b->id,
			(long long)b->fault_ms, d->id, (long long)most, faults, (long long)in.from, (long long)in.to);
}

static void check_charge(struct world *w, int i, const struct billed *b)
{
	const struct device *d = &w->devices[i].d;
	int64_t most, least, silence = GAP_POLLS * w->poll_ms;
	struct device_span wide, in;

	notes_place(w, i, &b->row, &wide, &in);
	w->stats.charges++;
	most = device_truth_ms(d, wide.from - EARLY_MS - silence, wide.to + silence, w->true_ms);
	least = device_truth_ms(d, in.from, in.to, w->true_ms);
	if (b->stands_ms > most + d->count_ms + 1000)
		world_violate(w, "C-%lld bills %lld ms, %s ran %lld ms", (long long)b->id, (long long)b->stands_ms, d->id,
			(long long)most);
	if (!b->checked_in || truth_troubled(w, i, in.from, b->row.noted->closed))
		return;
	w->stats.exact++;
	check_faults(w, i, b, in);
	/* seconds are floored once, the counter shows whole counts, a run may end or begin within a poll of an edge; what a
	 * level holds that nobody believes as yet is in no bill */
	if (b->used_ms + b->row.noted->held_ms + 1000 + 2 * d->count_ms + w->poll_ms < least)
		world_violate(w, "C-%lld bills %lld ms, %s ran %lld ms from %lld to %lld and nothing went wrong", (long long)b->id,
			      (long long)b->used_ms, d->id, (long long)least, (long long)in.from, (long long)in.to);
}

/* A run that a silence began in keeps what the counter gained in it, up to another's check-in: to where that ends. */
static void check_charges(struct world *w)
{
	struct stmt *q = db_query(w->db, "SELECT c.id, c.used_s, s.instrument, s.opened_at, s.closed_at,"
		" (SELECT COALESCE(MAX(CASE WHEN u.placed THEN u.to_at ELSE (SELECT COALESCE(MIN(r.at), u.to_at)"
		" FROM reading r WHERE r.instrument = u.instrument AND r.at >= u.to_at) END), 0)"
		" FROM usage u WHERE u.session = s.id), s.checkin_at IS NOT NULL, c.fault_s, c.used_s + (SELECT"
		" COALESCE(SUM(d.used_s), 0) FROM charge d WHERE d.corrects = c.id), s.id, s.measured_ms, s.opened_cause = 'user'"
		" FROM charge c JOIN session s ON s.id = c.session WHERE c.kind = 'usage'", "");

	while (db_step(q) == DB_ROW) {
		struct billed b = { .id = db_int(q, 0), .used_ms = db_int(q, 1) * 1000, .fault_ms = db_int(q, 7) * 1000,
			.stands_ms = db_int(q, 8) * 1000, .checked_in = db_int(q, 6) != 0, .row = { notes_session(w, db_int(q, 9)),
			db_int(q, 3), db_int(q, 4), db_int(q, 5), db_int(q, 10), db_int(q, 11) != 0 } };

		for (int i = 0; b.row.noted && i < WORLD_INSTRUMENTS; i++)
			if (strcmp(w->devices[i].d.id, db_text(q, 2)) == 0)
				check_charge(w, i, &b);
	}
	db_end(q);
}

static void check_totals(struct world *w)
{
	struct meter m;

	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		if (store_meter_load(w->db, w->devices[i].d.id, &m) == 0) {
			check_total(w, i, &m);
			check_held(w, i, &m);
		}
}

static const struct { void (*check)(struct world *w); bool on; } checks[] = {
	{ check_totals, true }, { check_charges, true }, { fees_end, true }, { owners_end, true }, { prices_end, true },
};

void truth_end(struct world *w)
{
	for (size_t k = 0; k < sizeof(checks) / sizeof(*checks); k++)
		if (checks[k].on || w->strict)
			checks[k].check(w);
	if (db_failed(w->db)) /* what could not be asked was not judged */
		world_violate(w, "a check could not ask: %s", db_why(w->db));
}
