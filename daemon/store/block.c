/* block.c - SQL of blocks. Failures are the sticky class of db.h. */
#include "store/block.h"

#include <string.h>

#define FIELDS "id, instrument, from_at, to_at, reason, actor, state, created_at, version, COALESCE(cut_booking, 0), cut_priced_to"

static const char *const names[] = { [BLOCK_PLANNED] = "planned", [BLOCK_WAITING] = "waiting",
	[BLOCK_REMOVED] = "removed" };

const char *block_state_name(enum block_state s)
{
	return names[s];
}

static void read_block(const struct stmt *s, struct block *b)
{
	const char *state = db_text(s, 6);

	memset(b, 0, sizeof(*b));
	b->id = db_int(s, 0);
	db_copy_text(s, 1, b->instrument, sizeof(b->instrument));
	b->from = db_int(s, 2);
	b->to = db_int(s, 3);
	db_copy_text(s, 4, b->reason, sizeof(b->reason));
	db_copy_text(s, 5, b->actor, sizeof(b->actor));
	b->state = strcmp(state, "planned") == 0 ? BLOCK_PLANNED : strcmp(state, "waiting") == 0
		? BLOCK_WAITING : BLOCK_REMOVED;
	b->created_at = db_int(s, 7);
	b->version = db_int(s, 8);
	b->cut_booking = db_int(s, 9);
	b->cut_priced_to = db_int(s, 10);
}

int store_block_load(struct db *db, int64_t id, struct block *ret)
{
	struct stmt *s = db_query(db, "SELECT " FIELDS " FROM block WHERE id = ?1", "i", id);
	int class = db_step(s);

	if (class == DB_ROW)
		read_block(s, ret);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int store_block_insert(struct db *db, const struct block *b)
{
	return db_run(db, "INSERT INTO block (id, instrument, from_at, to_at, reason, actor, state, created_at, cut_booking, "
		"cut_priced_to) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", "itiitttiIi", b->id, b->instrument, b->from,
		b->to, b->reason, b->actor, names[b->state], b->created_at, b->cut_booking ? &b->cut_booking : NULL,
		b->cut_priced_to);
}

int store_block_set_state(struct db *db, int64_t id, enum block_state s)
{
	return db_run(db, "UPDATE block SET state = ?2, version = version + 1 WHERE id = ?1", "it", id, names[s]);
}

int store_block_release_waiting(struct db *db, const char *instrument)
{
	return db_run(db, "UPDATE block SET state = 'planned', version = version + 1 WHERE instrument = ?1 AND state = "
		"'waiting'", "t", instrument);
}

int store_block_list(struct db *db, const char *instrument, int64_t from, int64_t to, int64_t after,
	struct block *ret, int cap,
		     int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " FIELDS " FROM block WHERE id > ?1 AND (?2 IS NULL OR instrument = ?2) AND "
		"to_at > ?3 AND from_at < ?4 AND state <> 'removed' ORDER BY id LIMIT ?5", "itiii", after, instrument, from, to,
		(int64_t)cap);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		read_block(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

bool store_block_at(struct db *db, const char *instrument, int64_t at)
{
	return db_one_int(db, 0, "SELECT 1 FROM block WHERE instrument = ?1 AND from_at <= ?2 AND to_at > ?2 AND state <> "
		"'removed' LIMIT 1", "ti", instrument, at) != 0;
}
