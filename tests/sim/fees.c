/*
 * fees.c - every fee against the truth, at the end of a history: nobody pays for not coming, or for calling off, where
 * the instrument could not be used for as long as R25 asks, nor where it was used; and who did not come without any
 * trouble pays. Owns nothing.
 */
#include <string.h>

#include "sim/world.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define BY_NOBODY (USABLE_LINK | USABLE_FAULT | USABLE_SERVICE | USABLE_AWAY | USABLE_BLOCK)
#define ROUNDING_MS 10000            /* a count of the coarsest meter here */
#define BRIEF_MS (3 * MINUTE)            /* who leaves so soon after the check-in has not tried */
#define LATER_MS (3 * HOUR)              /* by then what is known late has been credited        */

struct owed {
	int64_t id, booking, stands_minor, decided_at;
	struct device_span during;       /* true ms: from when it was made until it was decided */
	bool no_show, by_user, whole;    /* whole: not of a part that a move or a cut gave up */
};

/* When another's session, also one that nothing ran in, let go of the unit after the booking began to wait; else 0. */
static int64_t let_go(const struct world *w, const struct acked *a)
{
	return db_one_int(w->db, 0, "SELECT b.since_at FROM booking b WHERE b.id = ?1 AND b.since_at > ?2 AND EXISTS (SELECT 1 FROM"
		" session s WHERE s.instrument = b.instrument AND s.booking IS NOT b.id AND s.opened_at < b.since_at AND"
		" s.closed_at >= b.since_at - 1000)", "ii", a->booking, a->since);
}

static int64_t usable_of(const struct world *w, const struct owed *o, const struct acked *a, int64_t until, int why)
{
	return usable_wall_ms(w, a->instrument, a->person, (struct device_span){ a->since, until }, o->during, why);
}

/*
 * What another ran in the time that is theirs, since the wall clock last showed its beginning: a clock that was ahead
 * may have shown it before, and then been set back to when it was still the other's.
 */
static int64_t held_ms(const struct world *w, const struct owed *o, const struct acked *a, int64_t until)
{
	struct owed last = *o;
	struct device_span shown;

	if (world_true(w, a->since, a->since, &shown) && shown.to > o->during.from && shown.to < o->during.to)
		last.during.from = shown.to;
	return usable_of(w, &last, a, until, 0) - usable_of(w, &last, a, until, USABLE_OTHERS);
}

/*
 * How many usable minutes R25 asks for before somebody who did not come has not come. A booking begins to wait when
 * nobody else holds its unit any more. Who runs it only after `until`, the decision, changes nothing.
 */
static int64_t wait_ms(const struct world *w, const struct owed *o, const struct acked *a, int64_t until)
{
	int64_t held = held_ms(w, o, a, until), since = let_go(w, a);
	int64_t n = w->instruments[a->instrument].policy.no_show_ms, half, wait;

	half = (a->to - (since ? since : a->since + held)) / 2;
	wait = n < half ? n : half;
	return (since || a->since > a->from || held > 0) && wait < 10 * MINUTE ? 10 * MINUTE : wait;
}

/* It began where another's had just ended: to whoever reads it, that run went on. */
static bool joins_another(const struct device *d, int k)
{
	for (; k > 0 && !d->runs[k].apart; k--)
		if (d->runs[k - 1].by != d->runs[k].by)
			return true;
	return false;
}

/* A run of theirs that two readings saw, or that the counter must have shown. */
static bool used(const struct world *w, const struct acked *a, int64_t from, int64_t to)
{
	const struct device *d = &w->devices[a->instrument].d;

	for (int k = 0; k < d->n_runs; k++) {
		const struct device_run *r = &d->runs[k];

		if (r->by != a->person || r->from < from || r->from >= to || r->to == 0 || joins_another(d, k))
			continue;
		if (r->seen > 1 || (r->counted_ms >= 2 * d->count_ms && !truth_troubled(w, a->instrument, r->from, r->to)))
			return true;
	}
	return false;
}

/* Who checked in and then nothing ran. */
static void check_no_run(struct world *w, const struct owed *o, const struct acked *a)
{
	int64_t at = o->during.to, f = w->instruments[a->instrument].policy.first_run_ms, need = 1;
	int64_t usable = usable_ms(w, a->instrument, a->person, a->checkin_at, at,
		BY_NOBODY | USABLE_RELAY | USABLE_OTHERS);

	if (o->by_user && at - a->checkin_at < BRIEF_MS)
		return;
	if (!o->by_user)
		need = o->decided_at < a->to ? f : 1;
	if (usable + ROUNDING_MS < need || usable == 0)
		world_violate(w, "C-%lld: a no-show fee of B-%lld, who checked in on %s and could use it for %lld of %lld s",
			(long long)o->id, (long long)a->booking, w->devices[a->instrument].d.id, (long long)usable / 1000,
			(long long)need / 1000);
}

static void check_no_show(struct world *w, const struct owed *o, const struct acked *a)
{
	int64_t usable, until = o->decided_at < a->to ? o->decided_at : a->to, need = wait_ms(w, o, a, until), slack;
	int why = BY_NOBODY | USABLE_OTHERS;

	if (a->checkin_at && used(w, a, a->checkin_at, o->during.to))
		world_violate(w, "C-%lld: a no-show fee of B-%lld, who ran %s", (long long)o->id, (long long)a->booking,
			w->devices[a->instrument].d.id);
	usable = usable_of(w, o, a, until, why);
	/* that another let go of it is seen within a poll */
	slack = usable < usable_of(w, o, a, until, BY_NOBODY) ? w->poll_ms : ROUNDING_MS;
	if (!o->by_user && usable + slack < need && (!a->checkin_at || o->decided_at >= a->to))
		world_violate(w, "C-%lld: a no-show fee of B-%lld after %lld of %lld usable s of %s", (long long)o->id,
			(long long)a->booking, (long long)usable / 1000, (long long)need / 1000, w->devices[a->instrument].d.id);
	if (o->by_user && !a->checkin_at && usable == 0 && until - a->since > BRIEF_MS)
		world_violate(w, "C-%lld: a no-show fee of B-%lld, called off when %s could not be used", (long long)o->id,
			(long long)a->booking, w->devices[a->instrument].d.id);
	if (a->checkin_at)
		check_no_run(w, o, a);
}

static bool away_at(const struct world *w, const struct acked *a, int64_t at)
{
	return usable_ms(w, a->instrument, a->person, at, at + 1, USABLE_LINK | USABLE_SERVICE | USABLE_BLOCK) == 0;
}

static void check_late_cancel(struct world *w, const struct owed *o, const struct acked *a)
{
	struct owed whole = *o;
	struct device_span start, end; /* as often as the wall clock showed them; a start that it skipped is where it did */
	int64_t usable, need;

	if (!world_true(w, a->from, INT64_MAX / 4, &start) || !world_true(w, a->to, INT64_MAX / 4, &end))
		return;
	world_true(w, a->from, a->from, &start);
	world_true(w, a->to, a->to, &end);
	if (end.to + LATER_MS > w->true_ms)
		return;
	whole.during.to = w->true_ms;
	usable = usable_wall_ms(w, a->instrument, a->person, (struct device_span){ a->from, a->to }, whole.during,
		BY_NOBODY);
	need = wait_ms(w, &whole, a, a->to);
	if (usable + ROUNDING_MS < need)
		world_violate(w, "C-%lld: a late-cancel fee of B-%lld although %s had only %lld of %lld usable s", (long long)o->id,
			(long long)a->booking, w->devices[a->instrument].d.id, (long long)usable / 1000,
			(long long)need / 1000);
	if (away_at(w, a, o->during.to) && away_at(w, a, start.from) && away_at(w, a, start.to))
		world_violate(w, "C-%lld: a late-cancel fee of B-%lld although %s was away then and at its start", (long long)o->id,
			(long long)a->booking, w->devices[a->instrument].d.id);
}

/* What was read while the store failed was set aside: of that the daemon knows by the next poll. */
static bool knew_late(const struct world *w, struct device_span during)
{
	return w->failing.from && during.to > w->failing.from && during.from < w->failing.to + w->poll_ms;
}

static void check_fees(struct world *w)
{
	struct stmt *q = db_query(w->db, "SELECT c.id, c.booking, c.amount_minor + (SELECT COALESCE(SUM(d.amount_minor), 0)"
		" FROM charge d WHERE d.corrects = c.id), (SELECT MAX(e.at) FROM booking_event e WHERE e.booking = b.id AND"
		" e.to_state = b.state AND e.from_state <> e.to_state) AS decided_at, EXISTS (SELECT 1 FROM charge_line l WHERE"
		" l.charge = c.id AND l.component = 'no_show'), EXISTS (SELECT 1 FROM booking_event e"
		" WHERE e.booking = b.id AND e.to_state = b.state AND e.from_state <> e.to_state AND e.actor = b.user)"
		" OR EXISTS (SELECT 1 FROM session s WHERE s.booking = b.id AND s.checkout_wish_at IS NOT NULL)," /* read later */
		" c.service_from = b.booked_from AND c.service_to = b.booked_to AND b.state = 'cancelled', b.booked_from, b.booked_to FROM charge c JOIN booking b ON b.id = c.booking WHERE c.kind = 'fee' AND b.state IN ('no_show', 'cancelled')", "");

	while (db_step(q) == DB_ROW) {
		struct owed o = { .id = db_int(q, 0), .booking = db_int(q, 1), .stands_minor = db_int(q, 2),
			.decided_at = db_int(q, 3), .no_show = db_int(q, 4) != 0, .by_user = db_int(q, 5) != 0,
			.whole = db_int(q, 6) != 0 };
		const struct acked *a = people_booking(w, o.booking);

		if (!a || o.stands_minor <= 0 || !notes_end(w, o.booking))
			continue;
		if (a->from != db_int(q, 7) || a->to != db_int(q, 8)) /* moved, and the answer was lost */
			continue;
		o.during = (struct device_span){ a->made_true, notes_end(w, o.booking) };
		/* whose check-out waited for a reading ended it all the same */
		o.by_user = o.by_user || (a->checkout_at && a->checkout_at <= o.during.to);
		if (knew_late(w, o.during))
			continue;
		w->stats.fees++;
		if (o.no_show)
			check_no_show(w, &o, a);
		else if (o.whole)
			check_late_cancel(w, &o, a);
	}
	db_end(q);
}

/* Nothing went wrong, nobody else was there, the instrument was there all the time: who did not come pays. */
static void check_absent(struct world *w, const struct acked *a, const char *state, int64_t fee_minor)
{
	struct device_span in;
	int64_t ended = notes_end(w, a->booking);
	int64_t usable = usable_wall_ms(w, a->instrument, WORLD_STRANGER - 1, (struct device_span){ a->since, a->to },
		(struct device_span){ a->made_true, w->true_ms }, BY_NOBODY | USABLE_OTHERS);

	if (!world_true(w, a->since, a->to, &in) || in.to + LATER_MS > w->true_ms || a->to - a->since < 25 * MINUTE)
		return;
	/* a clock that was ahead for a while said that it was over, when it had not begun */
	if (ended && ended < in.from && marks_in(&w->clock_marks, a->made_true, ended + MINUTE))
		return;
	/* a relay that stuck is not usable until it is seen to open, and nobody asked it since it moves again */
	if (db_one_int(w->db, 0, "SELECT COUNT(*) FROM outage WHERE instrument = ?1 AND kind = 'locked' AND from_at < ?3 AND "
		"COALESCE(to_at, 9223372036854775807) > ?2", "tii", w->devices[a->instrument].d.id, a->since, a->to) > 0)
		return;
	if (usable < a->to - a->since || truth_troubled(w, a->instrument, in.from - 20 * MINUTE, in.to) ||
		marks_in(&w->clock_marks, in.from - HOUR, in.to + MINUTE))
		return;
	if (device_truth_ms(&w->devices[a->instrument].d, in.from - 20 * MINUTE, in.to, w->true_ms) > 0)
		return;
	w->stats.absent++;
	if (strcmp(state, "no_show") != 0 || fee_minor == 0)
		world_violate(w, "nobody came to B-%lld on %s and nothing went wrong: it is %s and pays %lld", (long long)a->booking,
			w->devices[a->instrument].d.id, state, (long long)fee_minor);
}

static void check_absences(struct world *w)
{
	for (int k = 0; k < w->n_acked; k++) {
		const struct acked *a = &w->acked[k];
		struct stmt *q = db_query(w->db, "SELECT state, fee_minor FROM booking WHERE id = ?1 AND booked_to = ?2 AND"
			" state NOT IN ('cancelled', 'displaced')", "ii", a->booking, a->to);

		if (!a->checkin_at && db_step(q) == DB_ROW)
			check_absent(w, a, db_text(q, 0), db_int(q, 1));
		db_end(q);
	}
}

/* A decision is never older than what it decides, but where the wall clock went back. */
static void check_order(struct world *w)
{
	struct stmt *q = db_query(w->db, "SELECT id, created_at, ended_at FROM booking WHERE ended_at < created_at", "");

	while (db_step(q) == DB_ROW) {
		struct device_span in;

		if (world_true(w, db_int(q, 2), db_int(q, 1), &in) && !marks_in(&w->clock_marks, in.from - 24 * HOUR, in.to))
			world_violate(w, "B-%lld ended before it was made", (long long)db_int(q, 0));
	}
	db_end(q);
}

void fees_end(struct world *w)
{
	check_order(w);
	check_fees(w);
	check_absences(w);
}
