/*
 * prices.c - the price of every line of every charge against the world's own record of what was set when, and quotes
 * against both, at the end of a history. Owns nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "core/money.h"
#include "sim/world.h"

#define HOUR 3600000
#define HELD_MS (10 * 60000)             /* so long before its start others are looked for */
#define SET_MS (5 * 60000)               /* so near to a set clock nobody knows what it showed */
#define RATES 64

/* The rates that were in force somewhere in [from, to]. unsure: perhaps others as well. */
struct rates { int n; int64_t of[RATES]; bool unsure; };

static void add_rate(struct rates *r, int64_t rate)
{
	if (r->n == RATES)
		r->unsure = true;
	else
		r->of[r->n++] = rate;
}

static bool later(const struct world_list *a, const struct world_list *b)
{
	return a->effective_at != b->effective_at ? a->effective_at > b->effective_at : a->version > b->version;
}

static void in_force(const struct world *w, int instrument, int64_t from, int64_t to, struct rates *r)
{
	const struct world_list *first = NULL;

	for (int k = 0; k < w->n_lists; k++) {
		const struct world_list *l = &w->lists[k];

		if (l->instrument != instrument)
			continue;
		r->unsure |= l->backdated && l->effective_at <= to;
		if (l->effective_at <= from && (!first || later(l, first)))
			first = l;
		if (l->effective_at > from && l->effective_at <= to)
			add_rate(r, l->rate_minor);
	}
	if (first)
		add_rate(r, first->rate_minor);
}

/* By the terms of the part of the booking; before its first part that of the first, after its last that of the last. */
static void of_terms(const struct world *w, const struct acked *a, int64_t from, int64_t to, struct rates *r)
{
	for (int k = 0; k < a->n_terms; k++) {
		const struct acked_term *t = &a->terms[k];

		if ((k == 0 || t->from < to) && (k == a->n_terms - 1 || t->to > from) && (t->from <= to || k == 0) &&
			(t->to >= from || k == a->n_terms - 1))
			in_force(w, a->instrument, t->asked_at - 1, t->told_at, r); /* of one millisecond, either may be first */
	}
}

struct line { const char *component; int64_t charge, from, to, rate_minor, opened, first_run; };

static void check_rate(struct world *w, const struct acked *a, const struct line *l)
{
	struct rates r = { 0 };
	int64_t start = l->opened > a->from ? l->opened : a->from; /* early seconds take what the booked start takes */

	switch (w->instruments[a->instrument].price.change) {
	case CHANGE_LOCK_AT_BOOKING:
		of_terms(w, a, l->from, l->to, &r);
		break;
	case CHANGE_LOCK_AT_START:
		in_force(w, a->instrument, start - 1000, l->first_run > start ? l->first_run : start, &r);
		break;
	case CHANGE_SPLIT:
		in_force(w, a->instrument, l->from, l->to, &r);
		break;
	}
	for (int k = 0; k < r.n; k++)
		if (r.of[k] == l->rate_minor)
			return;
	if (!r.unsure)
		world_violate(w, "C-%lld: %s of B-%lld on %s at %lld an hour, %lld was in force", (long long)l->charge, l->component,
			(long long)a->booking, w->devices[a->instrument].d.id, (long long)l->rate_minor,
			(long long)(r.n ? r.of[0] : 0));
}

/*
 * Did the daemon's labels go with its wall clock in all of this time, and the clock with the truth? After a set-back
 * labels stand still until the clock has come to the highest again.
 */
static bool labels_hold(const struct world *w, struct device_span in)
{
	int64_t high = 0;

	for (int k = 0; k < w->n_skews; k++) {
		int64_t from = w->skews[k].from, skew = w->skews[k].skew;
		int64_t end = k + 1 < w->n_skews ? w->skews[k + 1].from : w->true_ms;

		if (k > 0 && from >= in.from - SET_MS && from <= in.to + SET_MS)
			return false;
		if (from <= in.to && high - skew > in.from && end > in.from)
			return false;
		high = end + skew > high ? end + skew : high;
	}
	return true;
}

static bool steady(const struct world *w, const struct acked *a, int64_t until)
{
	struct device_span in;

	return !a->unsure && a->n_terms > 0 && world_true(w, a->terms[0].asked_at, until, &in) && labels_hold(w, in);
}

static void check_lines(struct world *w)
{
	struct stmt *q = db_query(w->db, "SELECT l.component, c.id, l.from_at, l.to_at, l.rate_minor, s.opened_at,"
		" COALESCE(s.first_run_at, 0), s.booking, s.closed_at FROM charge_line l JOIN charge c ON c.id = l.charge JOIN session s"
		" ON s.id = c.session WHERE c.kind = 'usage' AND s.booking IS NOT NULL AND l.seconds > 0 AND l.component IN"
		" ('time', 'walk_up', 'overrun', 'overrun_into_next', 'booked_fill')", "");

	while (db_step(q) == DB_ROW) {
		struct line l = { db_text(q, 0), db_int(q, 1), db_int(q, 2), db_int(q, 3), db_int(q, 4), db_int(q, 5),
			db_int(q, 6) };
		const struct acked *a = people_booking(w, db_int(q, 7));

		if (a && steady(w, a, db_int(q, 8))) {
			check_rate(w, a, &l);
			w->stats.lines++;
		}
	}
	db_end(q);
}

/* Each part at its own rate. False: a list came into force while somebody waited for the answer. */
static bool expected(const struct world *w, const struct acked *a, int64_t *ret)
{
	*ret = 0;
	for (int k = 0; k < a->n_terms; k++) {
		struct rates r = { 0 };

		in_force(w, a->instrument, a->terms[k].asked_at - 1, a->terms[k].told_at, &r);
		if (r.n != 1 || r.unsure)
			return false;
		*ret += money_of_time((a->terms[k].to - a->terms[k].from) / 1000, r.of[0], 1000);
	}
	return true;
}

/*
 * It may have come to lie there only after its start, or another who was checked in and ran nothing let go of the unit
 * only then: what then counts of it the daemon says.
 */
static bool late(const struct world *w, const struct acked *a)
{
	return a->since > a->from || a->terms[0].told_at > a->from ||
		db_one_int(w->db, 0, "SELECT since_at > booked_from FROM booking WHERE id = ?1", "i", a->booking) != 0;
}

/* Another's session at its start: the booking counts from when that has ended. */
static bool held_by_others(const struct world *w, const struct acked *a)
{
	struct device_span in;

	return !world_true(w, a->from, a->to, &in) || usable_ms(w, a->instrument, a->person, in.from - HELD_MS, in.to,
		USABLE_OTHERS) < in.to - in.from + HELD_MS;
}

/* Where the price is locked at the booking, all of it is known when it is made. */
static void check_quotes(struct world *w)
{
	for (int k = 0; k < w->n_acked; k++) {
		const struct acked *a = &w->acked[k];
		int64_t due;

		if (w->instruments[a->instrument].price.change != CHANGE_LOCK_AT_BOOKING || !steady(w, a, a->to) ||
			late(w, a) || held_by_others(w, a) || !expected(w, a, &due))
			continue;
		w->stats.quotes++;
		if (llabs(a->quote - due) > a->n_terms)
			world_violate(w, "B-%lld on %s in %d parts was quoted %lld, the lists say %lld", (long long)a->booking,
				w->devices[a->instrument].d.id, a->n_terms, (long long)a->quote, (long long)due);
	}
}

/* What pays at least the booked time and stays inside it pays the quote. */
static void check_charged(struct world *w)
{
	struct stmt *q = db_query(w->db, "SELECT c.id, (SELECT SUM(l.amount_minor) FROM charge_line l WHERE l.charge = c.id AND"
		" l.component IN ('time', 'walk_up', 'booked_fill')), s.booking, s.closed_at FROM charge c JOIN session s ON s.id ="
		" c.session JOIN booking b ON b.id = s.booking WHERE c.kind = 'usage' AND c.overrun_s = 0 AND c.fault_s = 0 AND"
		" b.state = 'completed' AND NOT EXISTS (SELECT 1 FROM charge_line l WHERE l.charge = c.id AND (l.component = 'grace'"
		" OR l.from_at < b.booked_from OR l.to_at > b.booked_to)) AND NOT EXISTS (SELECT 1 FROM booking_event e WHERE"
		" e.booking = b.id AND e.verb IN ('cut', 'delay', 'clock_delay', 'resume'))", "");

	while (db_step(q) == DB_ROW) {
		const struct acked *a = people_booking(w, db_int(q, 2));
		int64_t usable;
		struct device_span in;

		if (!a || w->instruments[a->instrument].price.usage != USAGE_MAX || !steady(w, a, db_int(q, 3)) ||
			late(w, a) || held_by_others(w, a) || !world_true(w, a->from, a->to, &in))
			continue;
		usable = usable_ms(w, a->instrument, a->person, in.from, in.to, USABLE_LINK | USABLE_FAULT | USABLE_SERVICE |
			USABLE_AWAY | USABLE_RELAY | USABLE_BLOCK);
		if (usable < in.to - in.from || truth_troubled(w, a->instrument, in.from, in.to))
			continue;
		if (llabs(db_int(q, 1) - a->quote) > 2 * a->n_terms + 1)
			world_violate(w, "C-%lld of B-%lld on %s charges %lld, %lld was quoted", (long long)db_int(q, 0),
				(long long)a->booking, w->devices[a->instrument].d.id, (long long)db_int(q, 1), (long long)a->quote);
	}
	db_end(q);
}

void prices_end(struct world *w)
{
	check_lines(w);
	check_quotes(w);
	check_charged(w);
}
