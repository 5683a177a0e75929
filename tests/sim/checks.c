/*
 * checks.c - what must hold after every step of the simulated world, whatever happened: the promises of the product
 * and the metering invariants that can be seen from the store. What is compared with the devices is in truth.c.
 */
#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

#define SETTLED_MS 5000
#define STEADY_MS (10 * 60000)

/*
 * Each query counts what must not exist. ?1: the instrument touched, or null for all. ?2: the lock that was last read
 * back. label: it compares labels of readings, which stand still after the wall clock came back. length: it compares
 * lengths by the wall clock, and holds where that has not stepped lately.
 */
enum { LABEL = 1, LENGTH = 2 };
struct check { const char *name, *sql; int by; };
#define LENGTH_MS (12 * 3600000)

static const struct check each_step[] = {
	{ "promise 1: two active occupancies of a unit overlap",
	  "SELECT COUNT(*) FROM occupancy a WHERE active = 1 AND (?1 IS NULL OR"
	  " (unit = (SELECT unit FROM instrument WHERE id = ?1) AND"
	  " busy_to > (SELECT wall_at FROM meter WHERE instrument = ?1) - 7200000))"
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
	  /* one slack: two counts of ten seconds, a late answer, 1000 ppm; and three counts that a display may lack where
	   * the piece begins and show again in it, which no reading can tell from the two */
	  " measured_ms > to_at - from_at + 50000 + 1000 + (to_at - from_at) / 1000", LABEL | LENGTH },
	{ "I9: the lock that is shown was never read back",
	  "SELECT COUNT(*) FROM instrument WHERE id = ?1 AND lock <> ?2 AND lock <> 'unknown'" },
	{ "I4: a session's estimated time is not the sum of its pieces",
	  "SELECT COUNT(*) FROM session s WHERE (?1 IS NULL OR instrument = ?1) AND state IN ('open','running','idle','unknown') AND"
	  " estimated_ms <> (SELECT COALESCE(SUM(estimated_ms), 0) FROM usage u WHERE u.session = s.id)" },
};

/* What timers do at once after a start, not while one crash follows another. */
static const struct check when_settled[] = {
	{ "promise 4: a session settles and no timer will do it",
	  "SELECT COUNT(*) FROM session s WHERE outcome IN ('open_gap','settling') AND (?1 IS NULL OR instrument = ?1) AND NOT"
	  " EXISTS (SELECT 1 FROM timer t WHERE t.kind = 'settle' AND t.ref = s.id) AND NOT EXISTS"
	  " (SELECT 1 FROM review r WHERE r.session = s.id AND r.state <> 'done')" },
	{ "a running session's unit is free for others",
	  "SELECT COUNT(*) FROM session s JOIN instrument i ON i.id = s.instrument WHERE (?1 IS NULL OR s.instrument = ?1) AND s.kind = 'booked'"
	  " AND s.state = 'running' AND NOT EXISTS (SELECT 1 FROM occupancy o WHERE o.unit = i.unit AND" /* its own, or one that came after */
	  " (o.ref <> s.booking OR o.active = 1) AND"
	  " o.busy_to > (SELECT MAX(wall_at) FROM meter m WHERE m.instrument = s.instrument) - 120000)", LABEL },
};

static const struct check each_hour[] = {
	{ "a session's measured time is not the sum of its pieces",
	  "SELECT COUNT(*) FROM session s WHERE measured_ms <> (SELECT COALESCE(SUM(measured_ms), 0) FROM usage u WHERE u.session = s.id)" },
	{ "I4: a session's estimated time is not the sum of its pieces",
	  "SELECT COUNT(*) FROM session s WHERE estimated_ms <> (SELECT COALESCE(SUM(estimated_ms), 0) FROM usage u WHERE u.session = s.id)" },
	{ "I4: a charge has estimated seconds and does not say so",
	  "SELECT COUNT(*) FROM charge WHERE estimated_s > 0 AND flags NOT LIKE '%estimated%'" },
	{ "the ledger does not balance",
	  "SELECT COUNT(*) FROM (SELECT 1 FROM entry GROUP BY txn, currency HAVING SUM(minor) <> 0)" },
	{ "the kept balances are not the sums of the entries",
	  "SELECT COUNT(*) FROM balance b WHERE minor <> (SELECT SUM(e.minor) FROM entry e JOIN txn t ON t.id = e.txn WHERE t.period = b.period"
	  " AND e.account = b.account AND e.currency = b.currency AND t.sealed = 1)" },
	{ "a transaction is not sealed", "SELECT COUNT(*) FROM txn WHERE sealed = 0" },
	{ "a charge is not the sum of its lines",
	  "SELECT COUNT(*) FROM charge c WHERE amount_minor <> (SELECT COALESCE(SUM(amount_minor), 0) FROM charge_line l WHERE l.charge = c.id)" },
	{ "charges and receivables differ",
	  "SELECT (SELECT COALESCE(SUM(amount_minor), 0) FROM charge) <>"
	  " (SELECT COALESCE(SUM(minor), 0) FROM entry WHERE account LIKE 'receivable:%')" },
	{ "promise 4: a charged session has not one usage charge",
	  "SELECT COUNT(*) FROM session s WHERE outcome = 'charged' AND"
	  " (SELECT COUNT(*) FROM charge c WHERE c.session = s.id AND c.kind = 'usage') <> 1" },
	{ "promise 4: a session that is not charged has a usage charge",
	  "SELECT COUNT(*) FROM charge c JOIN session s ON s.id = c.session WHERE c.kind = 'usage' AND s.outcome IS NOT 'charged'" },
	{ "promise 4: a session awaits a review that nobody has to do",
	  "SELECT COUNT(*) FROM session s WHERE outcome = 'awaiting_review' AND NOT EXISTS"
	  " (SELECT 1 FROM review r WHERE r.session = s.id AND r.state <> 'done')" },
	{ "a member's session that closed is nobody's, or the other way round",
	  "SELECT COUNT(*) FROM session WHERE (kind = 'unattributed') <> (org IS NULL) AND kind <> 'internal'" },
	{ "a booking in a final state still holds its unit",
	  "SELECT COUNT(*) FROM booking b JOIN occupancy o ON o.kind = 'booking' AND o.ref = b.id AND o.active = 1"
	  " WHERE b.state IN ('cancelled','no_show','displaced','lapsed')" },
	{ "R21: a held slot has no place, no end, or outlived it",
	  "SELECT COUNT(*) FROM first_refusal f WHERE (f.ended_at IS NULL) <> EXISTS (SELECT 1 FROM occupancy o WHERE o.kind = 'hold' AND o.ref ="
	  " f.booking AND o.active = 1) OR (f.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.kind = 'first_refusal' AND"
	  " t.ref = f.booking AND t.due_at = f.expires_at))" },
	{ "a past session holds its unit",
	  "SELECT COUNT(*) FROM occupancy o JOIN session s ON s.id = o.ref WHERE o.kind = 'session' AND o.active = 1 AND s.closed_at IS NOT NULL" },
	{ "a completed booking holds its unit beyond its end",
	  "SELECT COUNT(*) FROM booking b JOIN occupancy o ON o.kind = 'booking' AND o.ref = b.id AND o.active = 1 WHERE b.state = 'completed'"
	  " AND o.busy_to > MAX(b.held_to, b.ended_at, o.busy_from + 1)" },
	{ "a charge was made for more than what was measured",
	  "SELECT COUNT(*) FROM charge c JOIN session s ON s.id = c.session WHERE c.kind = 'usage' AND (c.used_s +" /* less what was taken back */
	  " (SELECT COALESCE(SUM(d.used_s), 0) FROM charge d WHERE d.corrects = c.id)) * 1000 > s.measured_ms" },
	{ "an implausible session that was accepted is parked again",
	  "SELECT COUNT(*) FROM (SELECT 1 FROM review WHERE kind = 'implausible' GROUP BY session HAVING COUNT(*) > 2)" },
	{ "a charge was paid back more than once",
	  "SELECT COUNT(*) FROM charge c WHERE kind = 'usage' AND amount_minor + (SELECT COALESCE(SUM(amount_minor), 0) FROM charge d"
	  " WHERE d.corrects = c.id) < 0" },
	{ "a review was decided by one person alone",
	  "SELECT COUNT(*) FROM review WHERE decided_by IS NOT NULL AND decided_by = proposed_by" },
};

/* What is append-only: a fingerprint of the rows up to the last one seen must stay what it was (I5, promise 5). */
static const struct { const char *table, *last, *sum; } sealed[] = {
	{ "reading", "SELECT MAX(id) FROM reading", "SELECT SUM((id * 7919 + raw + ext_ms * 31 + at) % 1000003) FROM reading WHERE id > ?1 AND id <= ?2" },
	{ "charge", "SELECT MAX(id) FROM charge",
	  "SELECT SUM((id * 7919 + amount_minor + used_s * 31 + posted_at) % 1000003) FROM charge WHERE id > ?1 AND id <= ?2" },
	{ "charge_line", "SELECT MAX(charge) FROM charge_line",
	  "SELECT SUM((charge * 7919 + n * 104729 + amount_minor + seconds * 31) % 1000003) FROM charge_line WHERE charge > ?1 AND charge <= ?2" },
	{ "entry", "SELECT MAX(txn) FROM entry", "SELECT SUM((txn * 7919 + n * 104729 + minor) % 1000003) FROM entry WHERE txn > ?1 AND txn <= ?2" },
	{ "audit", "SELECT MAX(id) FROM audit",
	  "SELECT SUM((id * 7919 + at + length(act) * 31 + length(object)) % 1000003) FROM audit WHERE id > ?1 AND id <= ?2" },
};

static bool labels_stand(struct world *w)
{
	return db_one_int(w->db, 0, "SELECT COUNT(*) FROM meter WHERE wall_at > ?1", "i", world_stamp(w).wall_ms) > 0;
}

static bool uncertain(struct world *w, const struct check *c)
{
	return (c->by & LENGTH && marks_in(&w->clock_marks, w->true_ms - LENGTH_MS, w->true_ms)) ||
		(c->by & LABEL && labels_stand(w));
}

static void run_check(struct world *w, const struct check *c, const char *instrument, const char *lock)
{
	bool named = strstr(c->sql, "?1"), locked = strstr(c->sql, "?2");
	int64_t bad;

	if ((locked && !lock) || uncertain(w, c))
		return;
	bad = locked ? db_one_int(w->db, 0, c->sql, "tt", instrument, lock)
		     : db_one_int(w->db, 0, c->sql, !named ? "" : instrument ? "t" : "n", instrument);
	w->stats.checks++;
	if (db_failed(w->db))
		world_violate(w, "the check \"%s\" failed itself: %s", c->name, db_why(w->db));
	else if (bad)
		world_violate(w, "%s (%lld)%s%s", c->name, (long long)bad, instrument ? " on " : "", instrument ? instrument : "");
}

static void run_steps(struct world *w, int i)
{
	static const char *const locks[] = { "unknown", "locked", "unlocked" };

	/* a report may wait a moment for its turn, and longer for a store that fails */
	bool fresh = i >= 0 && w->true_ms - w->devices[i].reported_at < (w->disk ? 3 * w->poll_ms : 2000);

	for (size_t k = 0; k < sizeof(each_step) / sizeof(*each_step); k++)
		run_check(w, &each_step[k], i >= 0 ? w->devices[i].d.id : NULL, i < 0 ||
			fresh ? NULL : locks[w->devices[i].reported_lock]);
	for (size_t k = 0; w->true_ms - w->restarted_ms > SETTLED_MS &&
			k < sizeof(when_settled) / sizeof(*when_settled); k++)
		run_check(w, &when_settled[k], i >= 0 ? w->devices[i].d.id : NULL, NULL);
}

static void run_hours(struct world *w)
{
	reach_forgotten(w);
	run_steps(w, -1);
	for (size_t k = 0; k < sizeof(each_hour) / sizeof(*each_hour); k++)
		run_check(w, &each_hour[k], NULL, NULL);
}

static void check_sealed(struct world *w)
{
	for (size_t k = 0; k < sizeof(sealed) / sizeof(*sealed); k++) {
		int64_t upto = db_one_int(w->db, 0, sealed[k].last, "");
		int64_t sum = db_one_int(w->db, 0, sealed[k].sum, "ii", (int64_t)0, w->sealed_upto[k]);

		if (upto < w->sealed_upto[k] || sum != w->sealed_sum[k])
			world_violate(w, "%s: rows up to %lld are not what they were", sealed[k].table, (long long)w->sealed_upto[k]);
		w->sealed_sum[k] += db_one_int(w->db, 0, sealed[k].sum, "ii", w->sealed_upto[k], upto);
		w->sealed_upto[k] = upto;
	}
}

/* Timers fire: none is overdue by more than two polls and a park, unless they wait for the clock to keep its pace. */
static void check_timers(struct world *w)
{
	int64_t limit = world_stamp(w).wall_ms - 2 * w->poll_ms - 5000;
	int64_t bad = db_one_int(w->db, 0, "SELECT COUNT(*) FROM timer WHERE due_at < ?1", "i", limit);

	if (marks_in(&w->clock_marks, w->true_ms - STEADY_MS - 2 * w->poll_ms, w->true_ms))
		return;
	if (bad && w->true_ms - w->restarted_ms > 10000)
		world_violate(w, "%lld timers are stuck in the past", (long long)bad);
}

/*
 * Nothing happened since the last look but readings of a run that goes on, or of an instrument that rests: every fourth
 * of those, and one in fifteen minutes, is looked at.
 */
static bool calm(struct world *w, int i)
{
	struct world_device *d = &w->devices[i];
	int64_t at = w->stats.answers * 2 + w->stats.crashes * 1000003 + d->d.running;
	bool same = w->calm_at[i] == at;

	w->calm_at[i] = at;
	if (same && (d->d.running ? d->delivered % 4 != 0 : d->quiet_until > w->true_ms))
		return true;
	d->quiet_until = w->true_ms + 15 * 60000;
	return false;
}

static void check_now(struct world *w, int instrument)
{
	if (instrument >= 0 && instrument < WORLD_INSTRUMENTS) { /* nobody books the others */
		truth_step(w, instrument);
		if (!calm(w, instrument))
			run_steps(w, instrument);
	}
	if (w->true_ms - w->checked_hour >= 3600000) {
		w->checked_hour = w->true_ms;
		run_hours(w);
		check_sealed(w);
		check_timers(w);
	}
}

void checks_step(struct world *w, int instrument)
{
	if (w->violation[0])
		return;
	if (db_in_transaction(w->db))
		world_violate(w, "a step left its transaction open");
	if (w->disk)
		w->disk->pause(true);
	check_now(w, instrument);
	if (w->disk)
		w->disk->pause(false);
}

/* Promise 6: every acknowledged booking is there as it was acknowledged or later, and none that nobody knows of. */
static void check_acked(struct world *w, const struct acked *a)
{
	const struct person *p = &w->people[a->person];
	struct stmt *q = db_query(w->db, "SELECT org, user, instrument, booked_from, booked_to, version, state FROM booking WHERE id = ?1", "i",
				  a->booking);

	if (db_step(q) != DB_ROW)
		world_violate(w, "promise 6: B-%lld was acknowledged to %s and is gone", (long long)a->booking, p->org);
	else if (strcmp(db_text(q, 0), p->org) != 0 || strcmp(db_text(q, 1), p->user) != 0 ||
		 strcmp(db_text(q, 2), w->devices[a->instrument].d.id) != 0)
		world_violate(w, "promise 6: B-%lld is not whose it was", (long long)a->booking);
	else if (db_int(q, 5) < a->version)
		world_violate(w, "promise 6: B-%lld is at version %lld, %lld was acknowledged", (long long)a->booking, (long long)db_int(q, 5),
			      (long long)a->version);
	else if (db_int(q, 5) == a->version && (db_int(q, 3) != a->from || db_int(q, 4) != a->to))
		world_violate(w, "promise 6: B-%lld has not the acknowledged times", (long long)a->booking);
	else if (a->cancelled && strcmp(db_text(q, 6), "cancelled") != 0)
		world_violate(w, "promise 6: the cancelled B-%lld is %s", (long long)a->booking, db_text(q, 6));
	db_end(q);
}

static void check_bookings(struct world *w)
{
	int64_t stored = db_one_int(w->db, -1, "SELECT COUNT(*) FROM booking", "");
	int under_way = requests_under_way(w, "/v1/bookings");

	for (int i = 0; i < w->n_acked; i++)
		check_acked(w, &w->acked[i]);
	if (stored < w->n_acked || stored > w->n_acked + under_way)
		world_violate(w, "promise 6: %lld bookings stored, %d acknowledged, %d under way", (long long)stored, w->n_acked, under_way);
}

void checks_after_crash(struct world *w)
{
	char why[200];

	if (!db_check(w->db, false, why, sizeof(why))) {
		world_violate(w, "the store is corrupt: %s", why);
		return;
	}
	check_bookings(w);
	check_sealed(w);
	run_hours(w);
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		truth_step(w, i);
	if (db_failed(w->db))
		world_violate(w, "the store failed: %s", db_why(w->db));
}

/* R01 by the store alone: what the rules would have refused is refused without them. */
static void check_overlap_refused(struct world *w)
{
	int64_t id = db_one_int(w->db, 0, "SELECT MAX(id) FROM occupancy WHERE active = 1", "");

	if (id && db_run(w->db, "INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) SELECT id + 1000000, unit,"
			" busy_from + 1, busy_to + 1, 'hold', 1000000 FROM occupancy WHERE id = ?1", "i", id) != DB_CONSTRAINT)
		world_violate(w, "promise 1: the store took an overlap");
	db_rollback(w->db);
}

/* The store itself refuses to change what is sealed, whoever asks. */
static void check_refusals(struct world *w)
{
	static const char *const attempts[] = { "UPDATE reading SET raw = 0", "DELETE FROM reading", "UPDATE charge SET amount_minor = 0",
		"DELETE FROM entry", "DELETE FROM audit" };

	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		if (db_run(w->db, attempts[i], "") >= 0)
			world_violate(w, "the store allowed: %s", attempts[i]);
		db_rollback(w->db);
	}
}

void checks_end(struct world *w)
{
	if (w->disk)
		w->disk->pause(true);
	run_hours(w);
	check_sealed(w);
	check_bookings(w);
	truth_end(w);
	check_refusals(w);
	check_overlap_refused(w);
	if (!w->disk && db_one_int(w->db, 0, "SELECT COUNT(*) FROM event WHERE kind = 'alarm'", "") > 0)
		world_violate(w, "an item failed three times and was set aside");
	if (db_failed(w->db))
		world_violate(w, "the store failed: %s", db_why(w->db));
	if (w->disk)
		w->disk->pause(false);
}
