/* meter.c - SQL of what metering keeps of an instrument itself. Owns nothing; statement errors stay sticky. */
#include "store/meter.h"

#include <string.h>

#include "base/base.h"

/* Bytes that are not ours (damaged, or of a newer labtimed): the columns still know the register and E. */
static void from_columns(struct stmt *s, const char *instrument, struct meter *m)
{
	log_event(LOG_ERROR_LEVEL, "the state of a meter cannot be read; it goes on from its last reading", "instrument",
		instrument, NULL);
	meter_init(m);
	m->phase = METER_LIVE;
	m->raw = (uint64_t)db_int(s, 1);
	m->ext_ms = db_int(s, 2);
	db_copy_text(s, 3, m->boot_id, sizeof(m->boot_id));
	m->boot_ms = db_int(s, 4);
	m->wall_ms = db_int(s, 5);
	m->running = db_int(s, 6) != 0;
	m->lost = true;
	m->last = METER_STALE;
	for (int i = 0; i < ANCHORS; i++)
		m->anchor[i].ext_ms = m->ext_ms;
}

int store_meter_load(struct db *db, const char *instrument, struct meter *ret)
{
	struct stmt *s = db_query(db, "SELECT state, raw, ext_ms, boot_id, boot_ms, wall_at, running FROM meter WHERE "
		"instrument = ?1", "t", instrument);
	int rc = db_step(s);
	size_t size;
	const void *blob;

	meter_init(ret);
	if (rc == DB_ROW) {
		blob = db_blob(s, 0, &size);
		if (!meter_decode(ret, blob, size))
			from_columns(s, instrument, ret);
	}
	db_end(s);
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

int store_meter_save(struct db *db, const char *instrument, const struct meter *m)
{
	uint8_t blob[METER_BLOB];
	size_t size = meter_encode(m, blob);

	return db_run(db, "INSERT INTO meter (instrument, state, raw, ext_ms, ext_first_ms, boot_id, boot_ms, wall_at, "
		"running) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8) ON CONFLICT (instrument) DO UPDATE SET state = "
		"excluded.state, raw = excluded.raw, "
		"ext_ms = excluded.ext_ms, boot_id = excluded.boot_id, boot_ms = excluded.boot_ms, wall_at = excluded.wall_at, "
		"running = excluded.running", "tbiitiii", instrument, blob, size, (int64_t)m->raw, m->ext_ms, m->boot_id,
		m->boot_ms,
		m->wall_ms, (int64_t)m->running);
}

int store_reading_add(struct db *db, const struct reading *r)
{
	return db_run(db, "INSERT INTO reading (id, instrument, at, boot_ms, raw, ext_ms, running, class, cause, detail) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", "itiiiiittt", r->id, r->instrument, r->at, r->boot_ms,
		(int64_t)r->raw,
		r->ext_ms, (int64_t)r->running, r->class, r->cause, r->detail);
}

int64_t store_reading_last(struct db *db, const char *instrument)
{
	return db_one_int(db, 0, "SELECT at FROM reading WHERE instrument = ?1 ORDER BY at DESC LIMIT 1", "t", instrument);
}

int64_t store_reading_left(struct db *db, const char *instrument, int64_t since)
{
	return db_one_int(db, 0, "SELECT at FROM reading WHERE instrument = ?1 AND at >= ?2 AND class IN ('MANUAL','RESET') "
		"ORDER BY at LIMIT 1", "ti", instrument, since);
}

int store_reading_list(struct db *db, const char *instrument, int64_t from, int64_t to, int64_t after,
	struct reading *ret, int cap,
		       int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT id, instrument, at, boot_ms, raw, ext_ms, running, class, cause, detail FROM "
		"reading WHERE instrument = ?1 AND at BETWEEN ?2 AND ?3 AND id > ?4 ORDER BY id LIMIT ?5", "tiiii", instrument,
		from, to, after,
		(int64_t)cap);
	int rc;

	*ret_n = 0;
	while ((rc = db_step(s)) == DB_ROW) {
		struct reading *r = &ret[(*ret_n)++];

		r->id = db_int(s, 0);
		db_copy_text(s, 1, r->instrument, sizeof(r->instrument));
		r->at = db_int(s, 2);
		r->boot_ms = db_int(s, 3);
		r->raw = (uint64_t)db_int(s, 4);
		r->ext_ms = db_int(s, 5);
		r->running = db_int(s, 6) != 0;
		db_copy_text(s, 7, r->class, sizeof(r->class));
		db_copy_text(s, 8, r->cause, sizeof(r->cause));
		db_copy_text(s, 9, r->detail, sizeof(r->detail));
	}
	db_end(s);
	return rc;
}

bool store_outage_is_open(struct db *db, const char *instrument, const char *kind)
{
	return db_one_int(db, 0, "SELECT 1 FROM outage WHERE instrument = ?1 AND kind = ?2 AND to_at IS NULL", "tt",
		instrument, kind) != 0;
}

int store_outage_begin(struct db *db, int64_t id, const char *instrument, const char *kind, int64_t from)
{
	if (store_outage_is_open(db, instrument, kind))
		return db_failed(db);
	return db_run(db, "INSERT INTO outage (id, instrument, kind, from_at) VALUES (?1, ?2, ?3, ?4)", "itti", id,
		instrument, kind, from);
}

int store_outage_end(struct db *db, const char *instrument, const char *kind, int64_t to)
{
	return db_run(db, "UPDATE outage SET to_at = CASE WHEN from_at > ?3 THEN from_at ELSE ?3 END WHERE instrument = ?1 AND kind = ?2 AND to_at IS "
		"NULL", "tti", instrument, kind, to);
}

int store_outage_add(struct db *db, int64_t id, const char *instrument, const char *kind, int64_t from, int64_t to)
{
	return db_run(db, "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (?1, ?2, ?3, ?4, ?5)", "ittii",
		id, instrument, kind, from, to);
}

int store_link_set(struct db *db, const char *instrument, const char *link, const char *why, int64_t at)
{
	return db_run(db, "UPDATE instrument SET link = ?2, link_why = ?3, link_since = CASE WHEN link = ?2 THEN "
		"link_since ELSE ?4 END WHERE id = ?1", "ttti", instrument, link, why, at);
}

const char *store_lock_name(enum lt_lock l)
{
	static const char *const names[] = { "unknown", "locked", "unlocked" };

	return names[l];
}

int store_lock_set(struct db *db, const char *instrument, enum lt_lock lock, int64_t at)
{
	return db_run(db, "UPDATE instrument SET lock = ?2, lock_since = CASE WHEN lock = ?2 THEN lock_since ELSE ?3 END "
		"WHERE id = ?1", "tti", instrument, store_lock_name(lock), at);
}

enum lt_lock store_lock_get(struct db *db, const char *instrument, int64_t *ret_since)
{
	struct stmt *s = db_query(db, "SELECT lock, lock_since FROM instrument WHERE id = ?1", "t", instrument);
	enum lt_lock l = LT_LOCK_UNKNOWN;

	*ret_since = 0;
	if (db_step(s) == DB_ROW) {
		const char *name = db_text(s, 0);

		l = strcmp(name, "locked") == 0 ? LT_LOCK_LOCKED : strcmp(name, "unlocked") == 0
			? LT_LOCK_UNLOCKED : LT_LOCK_UNKNOWN;
		*ret_since = db_int(s, 1);
	}
	db_end(s);
	return l;
}

int64_t store_unit_of(struct db *db, const char *instrument)
{
	return db_one_int(db, 0, "SELECT unit FROM instrument WHERE id = ?1", "t", instrument);
}

bool store_unit_name(struct db *db, int64_t unit, char ret[LT_ID])
{
	struct stmt *s = db_query(db, "SELECT id FROM instrument WHERE unit = ?1", "i", unit);
	bool found = db_step(s) == DB_ROW;

	if (found)
		db_copy_text(s, 0, ret, LT_ID);
	db_end(s);
	return found;
}

bool store_link_down(struct db *db, const char *instrument)
{
	return db_one_int(db, 0, "SELECT link = 'down' FROM instrument WHERE id = ?1", "t", instrument) != 0;
}
