/* people.h - SQL of the tables org, user and token, and whose an object is. */
#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H

#include "core/role.h"
#include "core/site.h"
#include "store/db.h"

struct org_row { char id[LT_ID], name[LT_TITLE], tax_id[65]; bool host, active; int64_t created_at, version; };
struct user_row { char id[LT_ID], org[LT_ID], name[LT_TITLE]; enum role role; bool active; int64_t created_at,
	version; };
struct token_row {
	char public_id[9], user[LT_ID], org[LT_ID], kind[8], note[LT_TITLE], created_by[48];
	enum role role;
	bool active;             /* the user and the org are                                             */
	uint8_t secret_sha256[32];
	int64_t created_at, expires_at, revoked_at, last_used_at; /* 0: not */
};

/* 0; 1 not there; < 0. */
int store_org_load(struct db *db, const char *id, struct org_row *ret);
int store_user_load(struct db *db, const char *id, struct user_row *ret);
int store_token_load(struct db *db, const char *public_id, struct token_row *ret);

/* DB_DONE or a failure; DB_CONSTRAINT "unique": the id is taken. */
int store_org_insert(struct db *db, const struct org_row *o, int64_t at);
int store_org_update(struct db *db, const struct org_row *o);       /* name, tax_id, active                   */
int store_user_insert(struct db *db, const struct user_row *u, int64_t at);
int store_user_update(struct db *db, const struct user_row *u);     /* name, role, active                     */
int store_token_insert(struct db *db, const struct token_row *t);   /* public_id to expires_at but active     */
int store_token_revoke(struct db *db, const char *public_id, int64_t at);
int store_token_touch(struct db *db, const char *public_id, int64_t at);

/* Pages by id: at most cap behind `after` (""), of what is within reach and asked for. NULL: no such condition. */
struct people_filter { const char *reach_org, *reach_user, *org, *user, *after; };
int store_org_list(struct db *db, const struct people_filter *f, struct org_row *ret, int cap, int *ret_n);
int store_user_list(struct db *db, const struct people_filter *f, struct user_row *ret, int cap, int *ret_n);
int store_token_list(struct db *db, const struct people_filter *f, struct token_row *ret, int cap, int *ret_n);

/* Whose it is: its org and user ("" none). id for numbered objects, name for the others. 0, 1 not there, < 0. */
enum owned { OWNED_BOOKING, OWNED_SESSION, OWNED_CHARGE, OWNED_CLAIM, OWNED_USER, OWNED_ORG, OWNED_TOKEN };
struct owner { char org[LT_ID], user[LT_ID]; };
int store_owner(struct db *db, enum owned what, int64_t id, const char *name, struct owner *ret);

#endif
