/*
 * booking_now.c - R03: what `now` is for a new booking and for one that is moved: the start of the current grid cell
 * where that is free, else the instant since which the unit is free. Reads only; owns nothing.
 */
#include <string.h>

#include "app/booking_step.h"
#include "store/occupancy.h"

/* Where the unit is free in [cell, now] up to now; the cell when somebody is there still: R01 says so. */
static int free_since(struct act *a, const struct facts_for *w, int64_t cell, int64_t *ret)
{
	struct occupant o;
	int64_t end, now = w->now;
	int rc = store_occupancy_before(a->db, w->instrument, now + 1, &o);
	bool mine, kin;

	*ret = cell;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	mine = strcmp(o.kind, "booking") == 0 && o.ref == w->except;
	kin = o.org[0] != '\0' && strcmp(o.org, w->org) == 0 && !w->policy->turnover_same_org;
	end = kin && o.held_to < o.busy.to ? o.held_to : o.busy.to;
	if (!mine && end > cell && end <= now)
		*ret = end;
	return 0;
}

int booking_now(struct act *a, struct facts_for *w)
{
	const struct lt_zone *z = &a->site->zone;
	int64_t grid = w->policy->grid_ms, now = w->now, off = w->at.from - now;
	struct interval asked = w->at;
	int rc;

	if (off >= grid || off <= -grid || asked.to <= asked.from)
		return 0;
	rc = free_since(a, w, calendar_cell(z, grid, now), &w->at.from);
	w->now_from = w->at.from;
	if (rc != 0 || calendar_on_grid(z, grid, asked.to))
		return rc;
	w->asked_ms = asked.to - asked.from;
	w->at.to = calendar_grid_next(z, grid, now + w->asked_ms);
	return 0;
}

void booking_put(struct act *a, struct booking *b, const struct facts_for *w)
{
	b->booked_from = w->at.from;
	b->booked_to = b->held_to = b->priced_to = w->at.to;
	b->since = booking_since(b, w->now);
	b->walk_up = b->booked_from <= w->now &&
		b->booked_from >= calendar_cell(&a->site->zone, w->policy->grid_ms, w->now);
}
