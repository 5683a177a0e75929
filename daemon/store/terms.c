/* terms.c - SQL of the versions of policies and prices. Failures are the sticky class of db.h. */
#include "store/terms.h"

#define FIELDS "version, effective_at, created_at, source, text"

/* Each text once for each table: the address of a text is its key. */
static const char *pick(enum terms_kind k, const char *policy, const char *price)
{
	return k == TERMS_POLICY ? policy : price;
}
#define TEXT(k, before, after) pick(k, before " policy_version " after, before " price_version " after)

static void read_row(const struct stmt *s, struct terms_row *r)
{
	r->version = db_int(s, 0);
	r->effective_at = db_int(s, 1);
	r->created_at = db_int(s, 2);
	db_copy_text(s, 3, r->source, sizeof(r->source));
	db_copy_text(s, 4, r->text, sizeof(r->text));
}

static int first(struct stmt *s, struct terms_row *ret)
{
	int class = db_step(s);

	if (class == DB_ROW)
		read_row(s, ret);
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

int store_terms_version(struct db *db, enum terms_kind k, const char *instrument, int64_t version,
	struct terms_row *ret)
{
	return first(db_query(db, TEXT(k, "SELECT " FIELDS " FROM", "WHERE instrument = ?1 AND version = ?2"), "ti",
		instrument, version), ret);
}

int store_terms_at(struct db *db, enum terms_kind k, const char *instrument, int64_t at, struct terms_row *ret)
{
	int class = first(db_query(db, TEXT(k, "SELECT " FIELDS " FROM", "WHERE instrument = ?1 AND effective_at <= ?2 "
		"ORDER BY effective_at DESC, version DESC LIMIT 1"), "ti", instrument, at), ret);

	if (class != 1)
		return class;
	return first(db_query(db, TEXT(k, "SELECT " FIELDS " FROM", "WHERE instrument = ?1 ORDER BY version LIMIT 1"), "t",
		instrument), ret);
}

int store_terms_file_text(struct db *db, enum terms_kind k, const char *instrument, char dst[TERMS_TEXT])
{
	struct stmt *s = db_query(db, TEXT(k, "SELECT file_text FROM", "WHERE instrument = ?1 AND file_text <> '' "
		"ORDER BY version DESC LIMIT 1"), "t", instrument);
	int class = db_step(s);

	dst[0] = '\0';
	if (class == DB_ROW)
		db_copy_text(s, 0, dst, TERMS_TEXT);
	db_end(s);
	return class < 0 ? class : 0;
}

int store_terms_add(struct db *db, enum terms_kind k, const char *instrument, struct terms_row *row,
	const char *file_text)
{
	row->version = db_one_int(db, 0, TEXT(k, "SELECT MAX(version) FROM", "WHERE instrument = ?1"), "t", instrument) + 1;
	return db_run(db, TEXT(k, "INSERT INTO", "(instrument, version, effective_at, text, source, created_at, file_text) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"), "tiittit", instrument, row->version, row->effective_at, row->text,
		row->source, row->created_at, file_text);
}

int store_terms_list(struct db *db, enum terms_kind k, const char *instrument, int64_t after, struct terms_row *ret,
	int cap,
		     int *ret_n)
{
	struct stmt *s = db_query(db, TEXT(k, "SELECT " FIELDS " FROM", "WHERE instrument = ?1 AND version > ?2 ORDER BY "
		"version LIMIT ?3"), "tii", instrument, after, (int64_t)cap);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		read_row(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}
