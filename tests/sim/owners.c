/*
 * owners.c - whose seconds a charge holds, against the truth, at the end of a history: what a stranger ran before the
 * check-in is never its owner's, idle is never more than what really passed without a run, and overrun is only what ran
 * after the booked end. Owns nothing.
 */
#include <string.h>

#include "sim/world.h"

#define MINUTE 60000
#define EARLY_MS (16 * MINUTE)           /* a booking may begin so early, and a little */
#define GAP_POLLS 10
#define JUMP_MS MINUTE                   /* a forward step of more is lost, whatever was before it */
#define NOTICE_MS (15 * MINUTE)          /* an end that the wall clock skipped is told, and then overruns */

struct held {
	int64_t id, used_ms, idle_ms, overrun_ms, priced_to;
	const struct acked *a;
	struct noted_row row;
	struct device_span in;       /* true ms: all of it lies here */
};

static const char *org_of(const struct world *w, int person)
{
	return person < 0 ? "" : w->people[person].org;
}

static int64_t part(int64_t from, int64_t to, int64_t a, int64_t b)
{
	from = from > a ? from : a;
	to = to < b ? to : b;
	return to > from ? to - from : 0;
}

/* Where the check-in was not read itself, the cut lies anywhere between two readings. */
static void check_owner(struct world *w, const struct held *h)
{
	int i = h->a->instrument;
	const struct device *d = &w->devices[i].d;
	int64_t checkin = h->row.noted->checkin;
	bool unsure = truth_troubled(w, i, checkin, checkin);
	int64_t off = unsure ? GAP_POLLS * w->poll_ms : 2000, own = 0;
	struct device_span start;

	if (!w->devices[i].gated || !world_true(w, h->a->from, INT64_MAX / 4, &start))
		return;
	for (int k = 0; k < d->n_runs; k++) {
		const struct device_run *r = &d->runs[k];
		int64_t to = r->to ? r->to : w->true_ms;
		bool mine = strcmp(org_of(w, r->by), org_of(w, h->a->person)) == 0;
		int64_t early = start.from - EARLY_MS - off;
		int64_t cut = mine ? r->from : r->bypassed && r->from >= early ? checkin - off : early;

		own += part(r->from > cut ? r->from : cut, to, h->in.from - EARLY_MS - GAP_POLLS * w->poll_ms,
			h->in.to + GAP_POLLS * w->poll_ms);
	}
	if (h->used_ms > own + d->count_ms + 1000)
		world_violate(w, "C-%lld bills %lld ms to %s, whose %s ran %lld ms: the rest is a stranger's", (long long)h->id,
			(long long)h->used_ms, w->people[h->a->person].user, d->id, (long long)own);
}

static void check_idle(struct world *w, const struct held *h)
{
	int i = h->a->instrument;
	int64_t checkin = h->row.noted->checkin, last = h->row.noted->stopped, ran, passed;

	if (!last || !h->idle_ms || truth_troubled(w, i, checkin, last))
		return;
	passed = last > checkin ? last - checkin : 0;
	ran = device_truth_ms(&w->devices[i].d, checkin, last, w->true_ms);
	if (h->idle_ms > (passed > ran ? passed - ran : 0) + 8 * w->poll_ms)
		world_violate(w, "C-%lld bills %lld ms idle on %s, where %lld ms passed without a run", (long long)h->id,
			(long long)h->idle_ms, w->devices[i].d.id, (long long)(passed - ran));
}

/*
 * What ran in it while the wall clock showed its end or more. A jump over the end is lost, and its user has notice
 * after it.
 */
static int64_t ran_after(const struct world *w, const struct held *h, int64_t end)
{
	int64_t sum = 0;

	for (int k = 0; k < w->n_skews; k++) {
		int64_t skew = w->skews[k].skew, from = w->skews[k].from, was = k ? w->skews[k - 1].skew : skew;
		int64_t to = k + 1 < w->n_skews ? w->skews[k + 1].from : w->true_ms;

		if (skew - was > JUMP_MS && from + was < end && from + skew >= end)
			from += NOTICE_MS;
		else if (end - skew > from)
			from = end - skew;
		from -= w->poll_ms;
		from = from > h->in.from ? from : h->in.from;
		to = to < h->in.to ? to : h->in.to;
		sum += to > from ? device_truth_ms(&w->devices[h->a->instrument].d, from, to, w->true_ms) : 0;
	}
	return sum;
}

static void check_overrun(struct world *w, const struct held *h)
{
	int i = h->a->instrument;
	int64_t end = h->a->terms[0].to < h->priced_to ? h->a->terms[0].to : h->priced_to, after = ran_after(w, h, end);

	if (h->overrun_ms > after + w->devices[i].d.count_ms + 1000)
		world_violate(w, "C-%lld bills %lld ms of overrun, %s ran %lld ms after its end", (long long)h->id,
			(long long)h->overrun_ms, w->devices[i].d.id, (long long)after);
}

void owners_end(struct world *w)
{
	struct stmt *q = db_query(w->db, "SELECT c.id, c.used_s + (SELECT COALESCE(SUM(d.used_s), 0)"
		" FROM charge d WHERE d.corrects = c.id), c.idle_s, c.overrun_s, b.priced_to, b.id, s.id, s.opened_at, s.closed_at,"
		" (SELECT COALESCE(MAX(CASE WHEN u.placed THEN u.to_at ELSE (SELECT"
		" COALESCE(MIN(r.at), u.to_at) FROM reading r WHERE r.instrument = u.instrument AND r.at >= u.to_at) END), 0)"
		" FROM usage u WHERE u.session = s.id), s.measured_ms, s.opened_cause = 'user' FROM charge c JOIN session s ON"
		" s.id = c.session JOIN booking b ON b.id = s.booking WHERE c.kind = 'usage' AND s.checkin_at IS NOT NULL", "");

	while (db_step(q) == DB_ROW) {
		struct held h = { db_int(q, 0), db_int(q, 1) * 1000, db_int(q, 2) * 1000, db_int(q, 3) * 1000, db_int(q, 4),
			people_booking(w, db_int(q, 5)), { notes_session(w, db_int(q, 6)), db_int(q, 7), db_int(q, 8),
			db_int(q, 9), db_int(q, 10), db_int(q, 11) != 0 }, { 0, 0 } };
		struct device_span least;

		if (!h.a || !h.row.noted)
			continue;
		notes_place(w, h.a->instrument, &h.row, &h.in, &least);
		check_owner(w, &h);
		check_idle(w, &h);
		check_overrun(w, &h);
	}
	db_end(q);
}
