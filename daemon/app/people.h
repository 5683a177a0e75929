/*
 * people.h - organisations, users, tokens: who may come in. Every change leaves an audit row.
 *
 * Who may change whom: an admin anybody; a manager and an org's admin only members and org admins (the latter only
 * of their own org, which the access table sees to). Staff roles exist only in a host organisation.
 */
#ifndef APP_PEOPLE_H
#define APP_PEOPLE_H

#include "app/act.h"
#include "common/token.h"
#include "store/people.h"

/* 0; 1 not there; < 0. */
int org_load(struct act *a, const char *id, struct org_row *ret);
int user_load(struct act *a, const char *id, struct user_row *ret);
int token_load(struct act *a, const char *public_id, struct token_row *ret);

/* Use cases: 0, ACT_REFUSED, < 0. Versions: what the caller saw. */
int org_create(struct act *a, const struct org_row *o);
int org_change(struct act *a, const struct org_row *o);          /* name, tax_id, active of o->id        */
int user_create(struct act *a, const struct user_row *u);
int user_change(struct act *a, const struct user_row *u);        /* name, role, active of u->id          */
int user_deactivate(struct act *a, const char *id, bool cancel); /* cancel: their live bookings too      */
int token_create(struct act *a, struct token_row *t, char ret_secret[LT_TOKEN_TEXT]); /* user, note, expires_at given */
int token_revoke(struct act *a, const char *public_id);

#define TOKEN_DEFAULT_MS (90 * LT_DAY)
#define TOKEN_MAX_MS (366 * LT_DAY)

#endif
