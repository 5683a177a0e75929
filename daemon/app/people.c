/* people.c - see people.h. Owns the tables org, user and token. */
#include "app/people.h"

#include <string.h>

#include "app/booking_acts.h"
#include "app/idem.h"
#include "app/timers.h"
#include "base/base.h"
#include "common/fmt.h"

static const char *const role_names[ROLE_COUNT] = { "", "member", "org_admin", "manager", "finance", "admin" };

const struct timer_kind people_timers[] = { { "idem_purge", idem_purge }, { NULL, NULL } };

const char *role_name(enum role r)
{
	return r >= 0 && r < ROLE_COUNT ? role_names[r] : "";
}

bool role_from_name(const char *name, enum role *ret)
{
	for (int r = ROLE_MEMBER; r < ROLE_COUNT; r++)
		if (strcmp(role_names[r], name) == 0) {
			*ret = (enum role)r;
			return true;
		}
	return false;
}

bool role_is_staff(enum role r)
{
	return r == ROLE_MANAGER || r == ROLE_FINANCE || r == ROLE_ADMIN;
}

static int loaded(struct act *a, bool there)
{
	return db_failed(a->db) ? db_failed(a->db) : !there;
}

int org_load(struct act *a, const char *id, struct org_row *ret)
{
	struct stmt *s = db_query(a->db, "SELECT id, name, host, COALESCE(tax_id, ''), active, created_at, version "
		"FROM org WHERE id = ?1", "t", id);
	bool there = db_step(s) == DB_ROW;

	if (there) {
		memset(ret, 0, sizeof(*ret));
		db_copy_text(s, 0, ret->id, sizeof(ret->id));
		db_copy_text(s, 1, ret->name, sizeof(ret->name));
		ret->host = db_int(s, 2) != 0;
		db_copy_text(s, 3, ret->tax_id, sizeof(ret->tax_id));
		ret->active = db_int(s, 4) != 0;
		ret->created_at = db_int(s, 5);
		ret->version = db_int(s, 6);
	}
	db_end(s);
	return loaded(a, there);
}

int user_load(struct act *a, const char *id, struct user_row *ret)
{
	struct stmt *s = db_query(a->db, "SELECT id, org, name, role, active, created_at, version FROM user WHERE "
		"id = ?1", "t", id);
	bool there = db_step(s) == DB_ROW;

	if (there) {
		memset(ret, 0, sizeof(*ret));
		db_copy_text(s, 0, ret->id, sizeof(ret->id));
		db_copy_text(s, 1, ret->org, sizeof(ret->org));
		db_copy_text(s, 2, ret->name, sizeof(ret->name));
		role_from_name(db_text(s, 3), &ret->role);
		ret->active = db_int(s, 4) != 0;
		ret->created_at = db_int(s, 5);
		ret->version = db_int(s, 6);
	}
	db_end(s);
	return loaded(a, there);
}

static void token_from_row(const struct stmt *s, struct token_row *ret)
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

int token_load(struct act *a, const char *public_id, struct token_row *ret)
{
	struct stmt *s = db_query(a->db, "SELECT t.public_id, t.user, u.org, t.kind, t.note, t.created_by, u.role, "
		"u.active AND o.active, "
		"t.secret_sha256, t.created_at, t.expires_at, COALESCE(t.revoked_at, 0), COALESCE(t.last_used_at, 0) "
		"FROM token t JOIN user u ON u.id = t.user JOIN org o ON o.id = u.org WHERE t.public_id = ?1", "t",
			public_id);
	bool there = db_step(s) == DB_ROW;

	if (there)
		token_from_row(s, ret);
	db_end(s);
	return loaded(a, there);
}

/* Organisations ------------------------------------------------------------------------------------------ */

static int bad_id(struct act *a, const char *field)
{
	return act_refuse(a, 422, "bad-request", field, "%s must be 1 to 32 of a-z 0-9 . _ - and start with a "
		"letter or digit", field);
}

/* r of a db_run: names the clash of a key, forwards the rest. */
static int inserted(struct act *a, int r, const char *what, const char *id)
{
	if (r == DB_CONSTRAINT && strcmp(db_constraint(a->db), "unique") == 0) {
		db_clear_constraint(a->db);
		return act_refuse(a, 409, "exists", "id", "there is already %s %s", what, id);
	}
	return act_end(a);
}

int org_create(struct act *a, const struct org_row *o)
{
	int r;

	if (!site_id_valid(o->id))
		return bad_id(a, "id");
	r = db_run(a->db, "INSERT INTO org (id, name, host, tax_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
		"ttiti", o->id, o->name,
		   (int64_t)o->host, o->tax_id[0] ? o->tax_id : NULL, a->now.wall_ms);
	r = inserted(a, r, "an organisation", o->id);
	if (r == 0)
		act_audit(a, "org.create", o->id, "", o->name, "");
	return r ? r : act_end(a);
}

int org_change(struct act *a, const struct org_row *o)
{
	db_run(a->db, "UPDATE org SET name = ?2, tax_id = ?3, active = ?4, version = version + 1 WHERE id = ?1",
		"ttti", o->id, o->name,
	       o->tax_id[0] ? o->tax_id : NULL, (int64_t)o->active);
	act_audit(a, "org.change", o->id, "", o->name, "");
	return act_end(a);
}

/* Users -------------------------------------------------------------------------------------------------- */

/* May this caller make somebody of this role, or touch one? */
static int may_manage(struct act *a, enum role role)
{
	if (a->who.role == ROLE_ADMIN || role == ROLE_MEMBER || role == ROLE_ORG_ADMIN)
		return 0;
	return act_refuse(a, 403, "forbidden", "role", "only an admin may manage a %s", role_name(role));
}

static int role_fits(struct act *a, const char *org, enum role role)
{
	struct org_row o;
	int r = org_load(a, org, &o);

	if (r < 0)
		return r;
	if (r > 0 || !o.active)
		return act_refuse(a, 422, "no-such-org", "org", "there is no active organisation %s", org);
	if (role_is_staff(role) && !o.host)
		return act_refuse(a, 422, "not-host", "role",
			"a %s must belong to a host organisation; %s is a customer", role_name(role), org);
	return may_manage(a, role);
}

int user_create(struct act *a, const struct user_row *u)
{
	int r;

	if (!site_id_valid(u->id))
		return bad_id(a, "id");
	r = role_fits(a, u->org, u->role);
	if (r)
		return r;
	r = db_run(a->db, "INSERT INTO user (id, org, name, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)", "tttti",
		u->id, u->org, u->name,
		   role_name(u->role), a->now.wall_ms);
	r = inserted(a, r, "a user", u->id);
	if (r == 0)
		act_audit(a, "user.create", u->id, "", role_name(u->role), "");
	return r ? r : act_end(a);
}

int user_change(struct act *a, const struct user_row *u)
{
	struct user_row was;
	int r = user_load(a, u->id, &was);

	if (r == 0)
		r = may_manage(a, was.role);
	if (r == 0)
		r = role_fits(a, was.org, u->role);
	if (r)
		return r > 0 && a->refusal.status == 0 ? act_refuse(a, 404, "not-found", "", "there is no user %s",
			u->id) : r;
	if (strcmp(u->id, a->who.user) == 0 && (u->role != was.role || !u->active))
		return act_refuse(a, 409, "self", "", "you cannot change your own role or deactivate yourself; ask "
			"another admin");
	db_run(a->db, "UPDATE user SET name = ?2, role = ?3, active = ?4, version = version + 1 WHERE id = ?1",
		"ttti", u->id, u->name,
	       role_name(u->role), (int64_t)u->active);
	act_audit(a, "user.change", u->id, role_name(was.role), role_name(u->role), u->active ? "" : "inactive");
	return act_end(a);
}

static int64_t live_booking(struct act *a, const char *user)
{
	return db_one_int(a->db, 0, "SELECT id FROM booking WHERE user = ?1 AND state IN "
		"('pending','confirmed','active') ORDER BY booked_from LIMIT 1",
			  "t", user);
}

static int cancel_bookings(struct act *a, const char *user)
{
	struct booking b;
	int64_t id;
	int r = 0;

	while (r == 0 && (id = live_booking(a, user)) != 0) {
		r = booking_withdraw(a, id, "the user was deactivated", &b);
		if (r == 0 && live_booking(a, user) == id)
			r = act_refuse(a, 409, "booking-active", "cancel", "B-%lld is in use; end it first",
				(long long)id);
	}
	return r ? r : act_end(a);
}

int user_deactivate(struct act *a, const char *id, bool cancel)
{
	struct user_row u;
	int64_t booking;
	int r = user_load(a, id, &u);

	if (r != 0)
		return r < 0 ? r : act_refuse(a, 404, "not-found", "", "there is no user %s", id);
	booking = live_booking(a, id);
	if (booking && !cancel)
		return act_refuse(a, 409, "has-bookings", "cancel",
			"%s has live bookings (B-%lld is the next); cancel them or add cancel=true", id,
				  (long long)booking);
	r = cancel ? cancel_bookings(a, id) : 0;
	u.active = false;
	return r ? r : user_change(a, &u);
}

/* Tokens ------------------------------------------------------------------------------------------------- */

static int fresh(struct lt_token *t)
{
	uint8_t random[8];

	memset(t, 0, sizeof(*t));
	lt_fmt(t->kind, sizeof(t->kind), "user");
	if (crypto_random(random, sizeof(random)) < 0 || crypto_random(t->secret, sizeof(t->secret)) < 0)
		return -1;
	for (int i = 0; i < 8; i++)
		t->public_id[i] = "0123456789abcdefghijklmnopqrstuv"[random[i] & 31];
	return 0;
}

int token_create(struct act *a, struct token_row *row, char ret_secret[LT_TOKEN_TEXT])
{
	struct user_row u;
	struct lt_token t;
	int r = user_load(a, row->user, &u);

	if (r < 0)
		return r;
	if (r > 0 || !u.active)
		return act_refuse(a, 422, "no-such-user", "user", "there is no active user %s", row->user);
	r = strcmp(u.id, a->who.user) == 0 ? 0 : may_manage(a, u.role);
	if (r)
		return r;
	if (row->expires_at == 0)
		row->expires_at = a->now.wall_ms + TOKEN_DEFAULT_MS;
	if (row->expires_at <= a->now.wall_ms || row->expires_at > a->now.wall_ms + TOKEN_MAX_MS)
		return act_refuse(a, 422, "bad-request", "expires_at", "expires_at must lie in the next 366 days");
	if (fresh(&t) < 0)
		return DB_IO;
	crypto_sha256(t.secret, sizeof(t.secret), row->secret_sha256);
	r = db_run(a->db, "INSERT INTO token (public_id, user, kind, secret_sha256, note, created_at, created_by, "
		"expires_at) "
		   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "tttbtiti", t.public_id, row->user, t.kind,
			row->secret_sha256, (size_t)32, row->note,
		   a->now.wall_ms, a->who.actor, row->expires_at);
	if (r < 0)
		return r;
	lt_token_text(ret_secret, &t);
	explicit_bzero(&t.secret, sizeof(t.secret));
	act_audit(a, "token.create", t.public_id, "", row->user, row->note);
	r = token_load(a, t.public_id, row);
	return r ? r : act_end(a);
}

int token_revoke(struct act *a, const char *public_id)
{
	struct token_row t;
	int r = token_load(a, public_id, &t);

	if (r == 0)
		r = strcmp(t.user, a->who.user) == 0 ? 0 : may_manage(a, t.role);
	if (r)
		return r > 0 && a->refusal.status == 0 ? act_refuse(a, 404, "not-found", "", "there is no token %s",
			public_id) : r;
	db_run(a->db, "UPDATE token SET revoked_at = COALESCE(revoked_at, ?2) WHERE public_id = ?1", "ti", public_id,
		a->now.wall_ms);
	act_audit(a, "token.revoke", public_id, "", t.user, "");
	return act_end(a);
}
