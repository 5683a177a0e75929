/* invariants.c - see invariants.h. Owns nothing; the answer lives in a static buffer until the next call. */
#include "support/invariants.h"

#include <assert.h>
#include <stdio.h>

#include "core/meter.h"
#include "store/clock.h"
#include "store/meter.h"

static char said[240];

static const char *say(const char *what, const char *who, int64_t a, int64_t b)
{
	snprintf(said, sizeof(said), "%s (%s: %lld, %lld)", what, who, (long long)a, (long long)b);
	return said;
}

static int64_t one(struct db *db, const char *sql, const char *id)
{
	return db_one_int(db, 0, sql, "t", id);
}

static int64_t slack_of(const struct instrument *i, int64_t length)
{
	int64_t res = i->meter.counter.count_ms > i->meter.counter.refresh_ms
		? i->meter.counter.count_ms : i->meter.counter.refresh_ms;

	return 2 * (res > 0 ? res : 1) + i->meter.poll_ms + 1000 + length / 1000;
}

static const char *meter_holds(struct invariants_of *of, struct db *db, const struct instrument *i, struct stamp now)
{
	int64_t ext = one(db, "SELECT ext_ms - ext_first_ms FROM meter WHERE instrument = ?1", i->id);
	int64_t used = one(db, "SELECT SUM(measured_ms) FROM usage WHERE instrument = ?1", i->id), gone, held, kept;

	if (used != ext)
		return say("I1: the pieces of usage do not add up to what was metered", i->id, used, ext);
	held = one(db, "SELECT COALESCE(SUM(held_ms), -1) FROM review WHERE kind = 'meter_manual' AND to_at = 0 AND state <> "
		"'done' AND instrument = ?1 AND session IS NULL", i->id);
	kept = one(db, "SELECT SUM(held_ms) FROM usage WHERE instrument = ?1", i->id);
	if (held >= 0 && held != kept)
		return say("I1: the pieces of usage do not hold what is held", i->id, kept, held);
	if (one(db, "SELECT COUNT(*) FROM reading WHERE instrument = ?1", i->id) == 0 && used != 0)
		return say("I7: measured without a reading", i->id, used, 0);
	if (of->seen && ext < of->ext_ms)
		return say("I3: E decreased", i->id, of->ext_ms, ext);
	if (!of->seen)
		*of = (struct invariants_of){ true, ext, now.boot_ms, ext };
	of->ext_ms = ext;
	/* where the wall clock jumped, our machine may have been paused: the larger difference counts */
	gone = now.boot_ms - of->first_boot_ms + db_one_int(db, 0, "SELECT COALESCE(SUM(step_ms), 0) FROM clock_step WHERE "
		"jump = 1 AND boot_ms > ?1", "i", of->first_boot_ms);
	if (ext - of->first_ext_ms > gone + slack_of(i, gone))
		return say("I8: more was metered than time went by", i->id, ext - of->first_ext_ms, gone);
	return NULL;
}

/* Held: above a level that nobody knows. It lies in pieces of usage, each millisecond in one, while the hold lasts. */
static const char *held_is_in_pieces(struct db *db, const struct instrument *i)
{
	int64_t held = one(db, "SELECT SUM(held_ms) FROM usage WHERE instrument = ?1", i->id), open;
	struct meter m;

	if (i->meter.kind == METER_NONE || store_meter_load(db, i->id, &m) != 0)
		return NULL;
	if (m.held_ms != held || (held != 0 && !m.holding))
		return say("I1: the pieces of usage do not add up to what is held", i->id, held, m.held_ms);
	open = one(db, "SELECT COUNT(*) FROM review WHERE kind = 'meter_manual' AND to_at = 0 AND state <> 'done' AND instrument = "
		"?1", i->id);
	if (m.holding && open == 0)
		return say("time is held, and there is no item to decide", i->id, m.held_ms, open);
	return NULL;
}

/* I6: the last good reading once more, and once more after a restart, adds nothing. */
static const char *replay_adds_nothing(struct db *db, const struct instrument *i)
{
	struct meter m, once;
	struct meter_verdict v;
	struct meter_sample s = { .obs = { .have = LT_HAVE_HOURMETER | LT_HAVE_STATE } };

	if (i->meter.kind == METER_NONE || store_meter_load(db, i->id, &m) != 0 || m.phase != METER_LIVE || m.carried)
		return NULL;
	s.obs.hourmeter = m.raw;
	s.obs.running = m.running;
	s.boot_ms = m.boot_ms;
	s.wall_ms = m.wall_ms;
	s.boot_id = m.boot_id;
	for (int restarted = 0; restarted < 2; restarted++) {
		once = m;
		once.lost = once.lost || restarted;
		meter_read(&once, &i->meter, 30 * LT_SECOND, &s, &v);
		if (v.added_ms != 0 || once.ext_ms != m.ext_ms)
			return say("I6: a replayed reading adds", i->id, v.added_ms, restarted);
	}
	return NULL;
}

static const char *pieces_hold(struct db *db, const struct instrument *i)
{
	struct stmt *s = db_query(db, "SELECT id, from_at, to_at, measured_ms + estimated_ms, session, placed FROM usage "
		"WHERE instrument = ?1 ORDER BY from_at, id", "t", i->id);
	int64_t until = 0, owner = -1;
	const char *why = NULL;

	while (db_step(s) == DB_ROW && !why) {
		int64_t length = db_int(s, 2) - db_int(s, 1);
		/* while labels stand still, because the clock was set back, time goes by that they do not show */
		int64_t still = db_int(s, 5) ? 0 : store_clock_back_ms(db, db_int(s, 1));

		if (length < 0)
			why = say("a piece ends before it begins", i->id, db_int(s, 0), length);
		else if (!meter_is_coarse(&i->meter) && db_int(s, 3) > length + still + slack_of(i, length + still))
			why = say("I2: a piece holds more than its length", i->id, db_int(s, 3), length);
		else if (db_int(s, 5) && db_int(s, 1) < until && db_int(s, 4) != owner)
			why = say("placed pieces of two sessions overlap", i->id, db_int(s, 1), until);
		if (db_int(s, 5)) {
			until = db_int(s, 2) > until ? db_int(s, 2) : until;
			owner = db_int(s, 4);
		}
	}
	db_end(s);
	return why;
}

static const char *rows_hold(struct db *db)
{
	static const struct { const char *what, *sql; } none[] = {
		{ "a session's sum is not that of its pieces", "SELECT s.id FROM session s WHERE s.measured_ms <> COALESCE((SELECT SUM(measured_ms) "
			"FROM usage WHERE session = s.id), 0) LIMIT 1" },
		{ "I4: a session's estimate is not that of its pieces", "SELECT s.id FROM session s WHERE s.estimated_ms <> "
			"COALESCE((SELECT SUM(estimated_ms) FROM usage WHERE session = s.id), 0) LIMIT 1" },
		{ "promise 4: a closed session has no outcome", "SELECT id FROM session WHERE closed_at IS NOT NULL AND outcome IS NULL LIMIT 1" },
		{ "an open session has an outcome or an end", "SELECT id FROM session WHERE state IN ('open','running','idle','unknown') AND "
			"(closed_at IS NOT NULL OR outcome IS NOT NULL) LIMIT 1" },
		{ "a closed session has no end", "SELECT id FROM session WHERE state IN ('closed','reviewed','charged') AND closed_at IS NULL LIMIT 1" },
		{ "an open run belongs to no open session", "SELECT u.id FROM usage u LEFT JOIN session s ON s.id = u.session WHERE u.open = 1 AND "
			"(s.id IS NULL OR s.state NOT IN ('running','unknown')) LIMIT 1" },
		{ "a running session has no open run", "SELECT s.id FROM session s WHERE s.state = 'running' AND NOT EXISTS (SELECT 1 FROM usage u "
			"WHERE u.session = s.id AND u.open = 1) LIMIT 1" },
		{ "an internal or unattributed session was charged", "SELECT s.id FROM session s JOIN charge c ON c.session = s.id WHERE "
			"s.kind <> 'booked' AND c.kind = 'usage' LIMIT 1" },
		{ "a session awaits a review that nobody has", "SELECT s.id FROM session s WHERE s.outcome = 'awaiting_review' AND NOT EXISTS "
			"(SELECT 1 FROM review r WHERE r.session = s.id AND r.state <> 'done') LIMIT 1" },
		{ "I9: an interlock is known though its controller cannot be read", "SELECT unit FROM instrument WHERE link = 'down' AND "
			"lock <> 'unknown' LIMIT 1" },
		{ "R01: two active occupancies overlap", "SELECT a.id FROM occupancy a JOIN occupancy b ON b.unit = a.unit AND b.id > a.id AND "
			"a.active = 1 AND b.active = 1 AND a.busy_from < b.busy_to AND b.busy_from < a.busy_to LIMIT 1" },
		{ "a session of nobody's still holds the unit after it closed", "SELECT o.id FROM occupancy o JOIN session s ON s.id = o.ref WHERE "
			"o.kind = 'session' AND o.active = 1 AND s.closed_at IS NOT NULL LIMIT 1" },
	};

	for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++) {
		int64_t id = db_one_int(db, 0, none[k].sql, "");

		if (id != 0)
			return say(none[k].what, "id", id, 0);
	}
	return NULL;
}

static const char *readings_hold(struct invariants *inv, struct db *db)
{
	int64_t sum = db_one_int(db, 0, "SELECT COALESCE(SUM(raw % 1000003 + at % 1000003 + ext_ms % 1000003), 0) FROM "
		"reading WHERE id <= ?1", "i", inv->last_reading);

	if (sum != inv->reading_sum)
		return say("I5: a reading that was there has changed", "sum", inv->reading_sum, sum);
	inv->last_reading = db_one_int(db, 0, "SELECT COALESCE(MAX(id), 0) FROM reading", "");
	inv->reading_sum = db_one_int(db, 0, "SELECT COALESCE(SUM(raw % 1000003 + at % 1000003 + ext_ms % 1000003), 0) "
		"FROM reading", "");
	return NULL;
}

const char *invariants_check(struct invariants *inv, struct db *db, const struct site *site, struct stamp now)
{
	const char *why = rows_hold(db);

	for (int k = 0; k < site->n_instruments && k < INVARIANTS_INSTRUMENTS && !why; k++) {
		why = meter_holds(&inv->of[k], db, &site->instruments[k], now);
		if (!why)
			why = held_is_in_pieces(db, &site->instruments[k]);
		if (!why)
			why = replay_adds_nothing(db, &site->instruments[k]);
		if (!why)
			why = pieces_hold(db, &site->instruments[k]);
	}
	if (!why)
		why = readings_hold(inv, db);
	assert(db_failed(db) == 0);
	return why;
}
