/*
 * reach.c - what a person sees of the polls: a controller that answers again is read within 5 s, whatever was wrong
 * with it and for however long, one that answers all the time is read at each poll, and the relay opens within 3 s of a
 * check-in at one that answers, or when it is back and there was time for a fresh lease. Owns nothing.
 */
#include "sim/world.h"

#define READ_WITHIN_MS 5000
#define OPEN_WITHIN_MS 3000
#define LEASED_WITHIN_MS (READ_WITHIN_MS + WORLD_RENEW_MS + 1000) /* who checked in while it was away */

static struct world_line *line_of(struct world *w, int i)
{
	return &w->lines[i >= w->lines[1].first];
}

static void set_well(struct world *w, int i)
{
	w->devices[i].well_at = w->true_ms;
	w->devices[i].well_doubted_ms = line_of(w, i)->doubted_ms;
}

void reach_again(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];

	d->ill_at = w->true_ms;
	if (line_in_vain(w, i)) /* a silence that no poll met is none */
		set_well(w, i);
	world_at(w, w->true_ms + LEASED_WITHIN_MS, EV_OPEN, i, 0, w->true_ms);
}

void reach_away(struct world *w, int i)
{
	w->devices[i].ill_at = w->true_ms;
	w->devices[i].well_at = 0;
}

void reach_checked_in(struct world *w, int i, int64_t at)
{
	if (w->devices[i].gated)
		world_at(w, at + OPEN_WITHIN_MS, EV_OPEN, i, 0, at);
}

/* One request was lost: it would answer the next. */
void reach_lost(struct world *w, int i)
{
	w->devices[i].ill_at = w->true_ms;
	w->devices[i].well_at = 0;
	if (!w->devices[i].d.down)
		set_well(w, i);
}

void reach_delayed(struct world *w, int i)
{
	w->devices[i].ill_at = w->true_ms;
	if (w->devices[i].well_at)
		set_well(w, i);
}

/* A line may first have to find out that others of its units are silent, which takes a timeout each. */
static void check_reached(struct world *w, int i)
{
	const struct world_device *d = &w->devices[i];
	int64_t doubted = line_of(w, i)->doubted_ms, well = w->true_ms - d->well_at, read = w->true_ms - d->read_at;

	if (d->well_at && well > READ_WITHIN_MS + doubted - d->well_doubted_ms)
		world_violate(w, "%s answers again since %lld ms, and was not read", d->d.id, (long long)well);
	if (d->read_at && d->ill_at < d->read_at && read > w->poll_ms + READ_WITHIN_MS + doubted - d->read_doubted_ms)
		world_violate(w, "%s answers all the time, and was not read for %lld ms", d->d.id, (long long)read);
}

void reach_read(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];

	check_reached(w, i);
	w->stats.returns += d->well_at > 0;
	d->well_at = 0;
	d->read_at = w->true_ms;
	d->read_doubted_ms = line_of(w, i)->doubted_ms;
}

/* Somebody who is checked in, is not about to leave and has time left. */
static bool expected(struct world *w, int i, int64_t since)
{
	int64_t wall = world_stamp(w).wall_ms;

	if (marks_in(&w->clock_marks, since - 1, w->true_ms) || w->devices[i].ill_at > since ||
		w->devices[i].d.down || w->devices[i].stuck)
		return false;
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM session s JOIN booking b ON b.id = s.booking WHERE s.instrument = ?1"
		" AND s.kind = 'booked' AND s.state IN ('open','idle','running') AND s.checkin_at <= ?2 AND s.opened_at <= ?2"
		" AND s.checkout_wish_at IS NULL AND b.waiting = 0 AND b.booked_to > ?3", "tii", w->devices[i].d.id,
		since + w->wall_skew_ms + OPEN_WITHIN_MS / 2, wall) > 0;
}

/* So long after a check-in, or after the controller came back: the relay is open. */
void reach_opened(struct world *w, const struct world_event *e)
{
	int i = e->index;

	if (w->disk && w->disk->failing && w->disk->failing()) /* it was said, and nothing more could be asked */
		return;
	if (w->disk)
		w->disk->pause(true);
	if (w->devices[i].gated && w->true_ms - e->deadline <= LEASED_WITHIN_MS && expected(w, i, e->deadline)) {
		w->stats.opened++;
		if (w->devices[i].d.locked)
			world_violate(w, "%s is still locked %lld ms after a check-in at a controller that answers",
				w->devices[i].d.id, (long long)(w->true_ms - e->deadline));
	}
	if (w->disk)
		w->disk->pause(false);
}

/* Nobody has been forgotten. */
void reach_forgotten(struct world *w)
{
	for (int i = 0; i < WORLD_UNITS; i++)
		check_reached(w, i);
}
