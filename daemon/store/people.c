/* people.c - SQL of organisations, users and tokens. Failures are the sticky class of db.h. */
#include "store/people.h"

#include <string.h>

#define ORG_FIELDS "id, name, host, COALESCE(tax_id, ''), active, created_at, version"
#define USER_FIELDS "id, org, name, role, active, created_at, version"
#define TOKEN_FIELDS "t.public_id, t.user, u.org, t.kind, t.note, t.created_by, u.role, u.active AND o.active, t.secret_sha256, " \
	"t.created_at, t.expires_at, COALESCE(t.revoked_at, 0), COALESCE(t.last_used_at, 0) " \
	"FROM token t JOIN user u ON u.id = t.user JOIN org o ON o.id = u.org"

static int found(struct stmt *s, int class)
{
	db_end(s);
	return class == DB_ROW ? 0 : class == DB_DONE ? 1 : class;
}

static void take_org(const struct stmt *s, struct org_row *ret)
{
	memset(ret, 0, sizeof(*ret));
	db_copy_text(s, 0, ret->id, sizeof(ret->id));
	db_copy_text(s, 1, ret->name, sizeof(ret->name));
	ret->host = db_int(s, 2) != 0;
	db_copy_text(s, 3, ret->tax_id, sizeof(ret->tax_id));
	ret->active = db_int(s, 4) != 0;
	ret->created_at = db_int(s, 5);
	ret->version = db_int(s, 6);
}

static void take_user(const struct stmt *s, struct user_row *ret)
{
	memset(ret, 0, sizeof(*ret));
	db_copy_text(s, 0, ret->id, sizeof(ret->id));
	db_copy_text(s, 1, ret->org, sizeof(ret->org));
	db_copy_text(s, 2, ret->name, sizeof(ret->name));
	role_from_name(db_text(s, 3), &ret->role);
	ret->active = db_int(s, 4) != 0;
	ret->created_at = db_int(s, 5);
	ret->version = db_int(s, 6);
}

static void take_token(const struct stmt *s, struct token_row *ret)
{
	const void *hash;
	size_t n;

	memset(ret, 0, sizeof(*ret));
	db_copy_text(s, 0, ret->public_id, sizeof(ret->public_id));
	db_copy_text(s, 1, ret->user, sizeof(ret->user));
	db_copy_text(s, 2, ret->org, sizeof(ret->org));
	db_copy_text(s, 3, ret->kind, sizeof(ret->kind));
	db_copy_text(s, 4, ret->note, sizeof(ret->note));
	db_copy_text(s, 5, ret->created_by, sizeof(ret->created_by));
	role_from_name(db_text(s, 6), &ret->role);
	ret->active = db_int(s, 7) != 0;
	hash = db_blob(s, 8, &n);
	if (n == 32)
		memcpy(ret->secret_sha256, hash, 32);
	ret->created_at = db_int(s, 9);
	ret->expires_at = db_int(s, 10);
	ret->revoked_at = db_int(s, 11);
	ret->last_used_at = db_int(s, 12);
}

int store_org_load(struct db *db, const char *id, struct org_row *ret)
{
	struct stmt *s = db_query(db, "SELECT " ORG_FIELDS " FROM org WHERE id = ?1", "t", id);
	int class = db_step(s);

	if (class == DB_ROW)
		take_org(s, ret);
	return found(s, class);
}

int store_user_load(struct db *db, const char *id, struct user_row *ret)
{
	struct stmt *s = db_query(db, "SELECT " USER_FIELDS " FROM user WHERE id = ?1", "t", id);
	int class = db_step(s);

	if (class == DB_ROW)
		take_user(s, ret);
	return found(s, class);
}

int store_token_load(struct db *db, const char *public_id, struct token_row *ret)
{
	struct stmt *s = db_query(db, "SELECT " TOKEN_FIELDS " WHERE t.public_id = ?1", "t", public_id);
	int class = db_step(s);

	if (class == DB_ROW)
		take_token(s, ret);
	return found(s, class);
}

/* ---- changes ---- */

int store_org_insert(struct db *db, const struct org_row *o, int64_t at)
{
	return db_run(db, "INSERT INTO org (id, name, host, tax_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)", "ttiti",
		o->id, o->name, (int64_t)o->host, o->tax_id[0] ? o->tax_id : NULL, at);
}

int store_org_update(struct db *db, const struct org_row *o)
{
	return db_run(db, "UPDATE org SET name = ?2, tax_id = ?3, active = ?4, version = version + 1 WHERE id = ?1", "ttti",
		o->id, o->name, o->tax_id[0] ? o->tax_id : NULL, (int64_t)o->active);
}

int store_user_insert(struct db *db, const struct user_row *u, int64_t at)
{
	return db_run(db, "INSERT INTO user (id, org, name, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)", "tttti", u->id,
		u->org, u->name, role_name(u->role), at);
}

int store_user_update(struct db *db, const struct user_row *u)
{
	return db_run(db, "UPDATE user SET name = ?2, role = ?3, active = ?4, version = version + 1 WHERE id = ?1", "ttti",
		u->id, u->name, role_name(u->role), (int64_t)u->active);
}

int store_token_insert(struct db *db, const struct token_row *t)
{
	return db_run(db, "INSERT INTO token (public_id, user, kind, secret_sha256, note, created_at, created_by, "
		"expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "tttbtiti", t->public_id, t->user, t->kind,
		t->secret_sha256, (size_t)32,
		t->note, t->created_at, t->created_by, t->expires_at);
}

int store_token_revoke(struct db *db, const char *public_id, int64_t at)
{
	return db_run(db, "UPDATE token SET revoked_at = COALESCE(revoked_at, ?2) WHERE public_id = ?1", "ti", public_id,
		at);
}

int store_token_touch(struct db *db, const char *public_id, int64_t at)
{
	return db_run(db, "UPDATE token SET last_used_at = ?2 WHERE public_id = ?1", "ti", public_id, at);
}

/* ---- pages ---- */

int store_org_list(struct db *db, const struct people_filter *f, struct org_row *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " ORG_FIELDS " FROM org WHERE (?1 IS NULL OR id = ?1) AND id > ?3 ORDER BY id "
		"LIMIT ?2", "tit", f->reach_org, (int64_t)cap, f->after);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		take_org(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int store_user_list(struct db *db, const struct people_filter *f, struct user_row *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " USER_FIELDS " FROM user WHERE (?1 IS NULL OR org = ?1) AND (?2 IS NULL OR "
		"id = ?2) AND (?3 IS NULL OR org = ?3) AND (?4 IS NULL OR id = ?4) AND id > ?6 ORDER BY id LIMIT ?5", "ttttit",
		f->reach_org, f->reach_user, f->org, f->user, (int64_t)cap, f->after);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		take_user(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

int store_token_list(struct db *db, const struct people_filter *f, struct token_row *ret, int cap, int *ret_n)
{
	struct stmt *s = db_query(db, "SELECT " TOKEN_FIELDS " WHERE (?1 IS NULL OR u.org = ?1) AND (?2 IS NULL OR u.id = "
		"?2) AND (?3 IS NULL OR u.org = ?3) AND (?4 IS NULL OR u.id = ?4) AND t.public_id > ?6 ORDER BY t.public_id LIMIT ?5",
		"ttttit", f->reach_org, f->reach_user, f->org, f->user, (int64_t)cap, f->after);
	int class = DB_DONE, n = 0;

	while (n < cap && (class = db_step(s)) == DB_ROW)
		take_token(s, &ret[n++]);
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : 0;
}

/* ---- whose ---- */

static const struct { bool numbered; const char *sql; } owned[] = {
	[OWNED_BOOKING] = { true, "SELECT org, user FROM booking WHERE id = ?1" },
	[OWNED_SESSION] = { true, "SELECT org, user FROM session WHERE id = ?1" },
	[OWNED_CHARGE] = { true, "SELECT org, user FROM charge WHERE id = ?1" },
	[OWNED_CLAIM] = { true, "SELECT org, user FROM claim WHERE id = ?1" },
	[OWNED_USER] = { false, "SELECT org, id FROM user WHERE id = ?1" },
	[OWNED_ORG] = { false, "SELECT id, NULL FROM org WHERE id = ?1" },
	[OWNED_TOKEN] = { false, "SELECT u.org, u.id FROM token t JOIN user u ON u.id = t.user WHERE t.public_id = ?1" },
};

int store_owner(struct db *db, enum owned what, int64_t id, const char *name, struct owner *ret)
{
	struct stmt *s = owned[what].numbered ? db_query(db, owned[what].sql, "i", id) : db_query(db, owned[what].sql, "t",
		name);
	int class = db_step(s);

	if (class == DB_ROW) {
		db_copy_text(s, 0, ret->org, sizeof(ret->org));
		db_copy_text(s, 1, ret->user, sizeof(ret->user));
	}
	return found(s, class);
}
