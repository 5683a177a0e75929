/*
 * checks.c - what must hold after every step of the simulated world, whatever happened: the promises of the product
 * and the metering invariants I1 to I9 that can be seen from the store, and at the end against the devices' truth.
 */
#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

/* Each query counts what must not exist. ?1: the instrument touched, or null for all. */
struct check { const char *name, *sql; };

static const struct check each_step[] = {
	{ "promise 1: two active occupancies of a unit overlap",
	  "SELECT COUNT(*) FROM occupancy a WHERE active = 1 AND (?1 IS NULL OR unit = (SELECT unit FROM instrument WHERE "
	  "id = ?1))"
	  " AND EXISTS (SELECT 1 FROM occupancy b WHERE b.unit = a.unit AND b.active = 1 AND b.id <> a.id AND"
	  " b.busy_from < a.busy_to AND b.busy_to > a.busy_from)" },
	{ "promise 1: two live bookings overlap",
	  "SELECT COUNT(*) FROM booking a WHERE state IN ('pending','confirmed','active') AND (?1 IS NULL OR instrument = "
	  "?1)"
	  " AND EXISTS (SELECT 1 FROM booking b WHERE b.instrument = a.instrument AND b.state IN "
	  "('pending','confirmed','active')"
	  " AND b.id <> a.id AND b.booked_from < a.held_to AND b.held_to > a.booked_from)" },
	{ "a live booking does not hold its unit",
	  "SELECT COUNT(*) FROM booking b WHERE state IN ('pending','confirmed') AND (?1 IS NULL OR instrument = ?1) AND "
	  "NOT EXISTS"
	  " (SELECT 1 FROM occupancy o WHERE o.kind = 'booking' AND o.ref = b.id AND o.active = 1)" },
	{ "promise 4: a closed session has no outcome, or an open one has",
	  "SELECT COUNT(*) FROM session WHERE (?1 IS NULL OR instrument = ?1) AND"
	  " ((state IN ('open','running','idle','unknown')) <> (outcome IS NULL))" },
	{ "I1: metered time is not in exactly one record",
	  "SELECT COUNT(*) FROM meter m WHERE (?1 IS NULL OR instrument = ?1) AND ext_ms - ext_first_ms <>"
	  " (SELECT COALESCE(SUM(measured_ms), 0) FROM usage u WHERE u.instrument = m.instrument)" },
	{ "a session's measured time is not the sum of its pieces",
	  "SELECT COUNT(*) FROM session s WHERE (?1 IS NULL OR instrument = ?1) AND state IN "
	  "('open','running','idle','unknown') AND"
	  " measured_ms <> (SELECT COALESCE(SUM(measured_ms), 0) FROM usage u WHERE u.session = s.id)" },
	{ "I2: a placed piece measured more than its wall length",
	  "SELECT COUNT(*) FROM usage WHERE (?1 IS NULL OR instrument = ?1) AND placed = 1 AND open = 1 AND"
	  " measured_ms > to_at - from_at + 10000" },
};

static const struct check each_hour[] = {
	{ "a session's measured time is not the sum of its pieces",
	  "SELECT COUNT(*) FROM session s WHERE measured_ms <> (SELECT COALESCE(SUM(measured_ms), 0) FROM usage u WHERE "
	  "u.session = s.id)" },
	{ "the ledger does not balance",
	  "SELECT COUNT(*) FROM (SELECT 1 FROM entry GROUP BY txn, currency HAVING SUM(minor) <> 0)" },
	{ "a transaction is not sealed", "SELECT COUNT(*) FROM txn WHERE sealed = 0" },
	{ "a charge is not the sum of its lines",
	  "SELECT COUNT(*) FROM charge c WHERE amount_minor <> (SELECT COALESCE(SUM(amount_minor), 0) FROM charge_line l "
	  "WHERE l.charge = c.id)" },
	{ "charges and receivables differ",
	  "SELECT (SELECT COALESCE(SUM(amount_minor), 0) FROM charge) <>"
	  " (SELECT COALESCE(SUM(minor), 0) FROM entry WHERE account LIKE 'receivable:%')" },
	{ "promise 4: a charged session has not one usage charge",
	  "SELECT COUNT(*) FROM session s WHERE outcome = 'charged' AND"
	  " (SELECT COUNT(*) FROM charge c WHERE c.session = s.id AND c.kind = 'usage') <> 1" },
	{ "a booking in a final state still holds its unit",
	  "SELECT COUNT(*) FROM booking b JOIN occupancy o ON o.kind = 'booking' AND o.ref = b.id AND o.active = 1"
	  " WHERE b.state IN ('cancelled','no_show','displaced','lapsed')" },
	{ "a charge was made for more than what was measured",
	  "SELECT COUNT(*) FROM charge c JOIN session s ON s.id = c.session WHERE c.kind = 'usage' AND c.used_s * 1000 > "
	  "s.measured_ms" },
};

static void run_checks(struct world *w, const struct check *checks, size_t n, const char *instrument)
{
	for (size_t i = 0; i < n; i++) {
		const char *types = strstr(checks[i].sql, "?1") ? instrument ? "t" : "n" : "";
		int64_t bad = db_one_int(w->db, 0, checks[i].sql, types, instrument);
		w->stats.checks++;
		if (db_failed(w->db))
			world_violate(w, "the check \"%s\" failed itself: %s", checks[i].name, db_why(w->db));
		else if (bad)
			world_violate(w, "%s (%lld)%s%s", checks[i].name, (long long)bad, instrument ? " on " : "",
				instrument ? instrument : "");
	}
}

/* I3: E never decreases, across crashes as well. */
static void check_extended(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];
	int64_t ext = db_one_int(w->db, -1, "SELECT ext_ms FROM meter WHERE instrument = ?1", "t", d->d.id);

	if (ext >= 0 && ext < d->last_ext_ms)
		world_violate(w, "I3: E of %s fell from %lld to %lld", d->d.id, (long long)d->last_ext_ms, (long long)ext);
	if (ext >= 0)
		d->last_ext_ms = ext;
}

void checks_step(struct world *w, int instrument)
{
	if (w->violation[0])
		return;
	if (instrument >= 0) {
		run_checks(w, each_step, sizeof(each_step) / sizeof(*each_step), w->devices[instrument].d.id);
		check_extended(w, instrument);
	}
	if (w->true_ms - w->checked_hour >= 3600000) {
		w->checked_hour = w->true_ms;
		run_checks(w, each_step, sizeof(each_step) / sizeof(*each_step), NULL);
		run_checks(w, each_hour, sizeof(each_hour) / sizeof(*each_hour), NULL);
	}
}

/* Promise 6: every acknowledged booking is there, and none that nobody knows of. */
static void check_bookings(struct world *w)
{
	int64_t stored = db_one_int(w->db, -1, "SELECT COUNT(*) FROM booking", "");
	int under_way = 0;

	for (int i = 0; i < WORLD_PENDING; i++)
		under_way += w->pending[i].used && strcmp(w->pending[i].path, "/v1/bookings") == 0;
	for (int i = 0; i < w->n_acked; i++)
		if (!db_one_int(w->db, 0, "SELECT COUNT(*) FROM booking WHERE id = ?1 AND org = ?2", "it", w->acked[i].booking,
				w->acked[i].org))
			world_violate(w, "promise 6: B-%lld was acknowledged to %s and is gone", (long long)w->acked[i].booking,
				w->acked[i].org);
	if (stored < w->n_acked || stored > w->n_acked + under_way)
		world_violate(w, "promise 6: %lld bookings stored, %d acknowledged, %d under way", (long long)stored,
			w->n_acked, under_way);
}

/* I8 and the truth: what was measured is never more than what really ran, up to one count a counter's life. */
static void check_truth(struct world *w, int i)
{
	const struct device *d = &w->devices[i].d;
	int64_t measured = db_one_int(w->db, 0, "SELECT ext_ms - ext_first_ms FROM meter WHERE instrument = ?1", "t",
		d->id);
	int64_t ran = device_truth_ms(d, 0, INT64_MAX, w->true_ms);

	if (measured > ran + d->count_ms * (1 + w->stats.resets))
		world_violate(w, "%s: measured %lld ms, ran %lld ms", d->id, (long long)measured, (long long)ran);
}

/* Each charge against the device's own truth in the session's time. */
static void check_charges(struct world *w)
{
	struct stmt *q = db_query(w->db,
		"SELECT c.id, c.used_s, s.instrument, s.opened_at, s.closed_at FROM charge c JOIN session s ON s.id = c.session"
		" WHERE c.kind = 'usage'", "");

	while (db_step(q) == DB_ROW)
		for (int i = 0; i < WORLD_INSTRUMENTS; i++) {
			const struct device *d = &w->devices[i].d;
			int64_t used_ms = db_int(q, 1) * 1000, ran;
			if (strcmp(d->id, db_text(q, 2)) != 0)
				continue;
			w->stats.charges++;
			ran = device_truth_ms(d, db_int(q, 3) - 16 * 60000, db_int(q, 4) + w->poll_ms + 5000, w->true_ms);
			if (used_ms > ran + d->count_ms + 1000)
				world_violate(w, "C-%lld bills %lld ms, %s ran %lld ms", (long long)db_int(q, 0), (long long)used_ms,
					d->id,
					      (long long)ran);
		}
	db_end(q);
}

void checks_end(struct world *w)
{
	run_checks(w, each_step, sizeof(each_step) / sizeof(*each_step), NULL);
	run_checks(w, each_hour, sizeof(each_hour) / sizeof(*each_hour), NULL);
	check_bookings(w);
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		check_truth(w, i);
	check_charges(w);
	if (db_failed(w->db))
		world_violate(w, "the store failed: %s", db_why(w->db));
}
