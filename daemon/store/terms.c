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

int store_policy_at(struct db *db, const char *instrument, int64_t at, struct terms_row *ret)
{
	int class = first(db_query(db, "SELECT " FIELDS " FROM policy_version WHERE instrument = ?1 AND effective_at <= ?2 "
		"ORDER BY effective_at DESC, version DESC LIMIT 1", "ti", instrument, at), ret);

	if (class != 1)
		return class;
	return first(db_query(db, "SELECT " FIELDS " FROM policy_version WHERE instrument = ?1 ORDER BY effective_at, version "
		"LIMIT 1", "t", instrument), ret);
}

#define STANDS "NOT EXISTS (SELECT 1 FROM price_withdrawn w WHERE w.instrument = p.instrument AND w.version = p.version)"

/* The latest of the lists of exactly this org and class. */
static int price_of(struct db *db, const char *instrument, const char *class, const char *org, int64_t at,
	struct terms_row *ret)
{
	return first(db_query(db, "SELECT " FIELDS " FROM price_version p WHERE instrument = ?1 AND org = ?2 AND class = ?3 "
		"AND effective_at <= ?4 AND " STANDS " ORDER BY effective_at DESC, version DESC LIMIT 1", "ttti", instrument,
		org, class, at), ret);
}

int store_price_at(struct db *db, const struct price_for *who, int64_t at, struct terms_row *ret)
{
	int class = who->org[0] != '\0' ? price_of(db, who->instrument, "", who->org, at, ret) : 1;

	if (class == 1 && who->class[0] != '\0')
		class = price_of(db, who->instrument, who->class, "", at, ret);
	if (class == 1)
		class = price_of(db, who->instrument, "", "", at, ret);
	if (class != 1)
		return class;
	return first(db_query(db, "SELECT " FIELDS " FROM price_version p WHERE instrument = ?1 AND org = '' AND class = '' "
		"AND " STANDS " ORDER BY effective_at, version LIMIT 1", "t", who->instrument), ret);
}

int64_t store_price_next(struct db *db, const struct price_for *who, int64_t at)
{
	return db_one_int(db, 0, "SELECT effective_at FROM price_version p WHERE instrument = ?1 AND effective_at > ?2 "
		"AND org IN ('', ?3) AND class IN ('', ?4) AND " STANDS " ORDER BY effective_at LIMIT 1", "titt",
		who->instrument, at, who->org, who->class);
}

int store_price_withdraw(struct db *db, const char *instrument, int64_t version, int64_t at, const char *actor)
{
	return db_run(db, "INSERT INTO price_withdrawn (instrument, version, at, actor) VALUES (?1, ?2, ?3, ?4)",
		"tiit", instrument, version, at, actor);
}

int64_t store_price_withdrawn(struct db *db, const char *instrument, int64_t version)
{
	return db_one_int(db, 0, "SELECT at FROM price_withdrawn WHERE instrument = ?1 AND version = ?2", "ti", instrument,
		version);
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
