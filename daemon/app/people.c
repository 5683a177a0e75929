/* people.c - see people.h. Owns nothing. */
#include "app/people.h"

#include <string.h>

#include "app/booking_acts.h"
#include "app/idem.h"
#include "app/timers.h"
#include "base/base.h"
#include "common/fmt.h"
#include "store/booking.h"

const struct timer_kind people_timers[] = { { "idem_purge", idem_purge, TIMER_TAKES }, { NULL, NULL, 0 } };

int org_load(struct act *a, const char *id, struct org_row *ret)
{
	return store_org_load(a->db, id, ret);
}

int user_load(struct act *a, const char *id, struct user_row *ret)
{
	return store_user_load(a->db, id, ret);
}

int token_load(struct act *a, const char *public_id, struct token_row *ret)
{
	return store_token_load(a->db, public_id, ret);
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
	r = store_org_insert(a->db, o, a->now.wall_ms);
	r = inserted(a, r, "an organisation", o->id);
	if (r == 0)
		act_audit(a, "org.create", o->id, "", o->name, "");
	return r ? r : act_end(a);
}

int org_change(struct act *a, const struct org_row *o)
{
	store_org_update(a->db, o);
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
	r = store_user_insert(a->db, u, a->now.wall_ms);
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
	store_user_update(a->db, u);
	r = u->active ? 0 : booking_first_refusals_end(a, u->id);
	if (r)
		return r;
	act_audit(a, "user.change", u->id, role_name(was.role), role_name(u->role), u->active ? "" : "inactive");
	return act_end(a);
}

static int cancel_bookings(struct act *a, const char *user)
{
	struct booking b;
	int64_t id;
	int r = 0;

	while (r == 0 && (id = store_booking_live_of(a->db, user)) != 0) {
		r = booking_withdraw(a, id, "the user was deactivated", &b);
		if (r == 0 && store_booking_live_of(a->db, user) == id)
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
	booking = store_booking_live_of(a->db, id);
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
	lt_fmt(row->public_id, sizeof(row->public_id), "%s", t.public_id);
	lt_fmt(row->kind, sizeof(row->kind), "%s", t.kind);
	lt_fmt(row->created_by, sizeof(row->created_by), "%s", a->who.actor);
	row->created_at = a->now.wall_ms;
	r = store_token_insert(a->db, row);
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
	store_token_revoke(a->db, public_id, a->now.wall_ms);
	act_audit(a, "token.revoke", public_id, "", t.user, "");
	return act_end(a);
}
