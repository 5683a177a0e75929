/*
 * world.h - a small world for tests of use cases: a store in memory, a site in Asia/Shanghai with three instruments,
 * two customers and the host, and a struct act at a virtual time.
 *
 *   struct world *w = world_new();
 *   struct act *a = world_act(w, "alice");       opens a transaction and a savepoint; role and org are the user's
 *   r = some_use_case(a, ...);
 *   world_end(w, r);                             0: commits; anything else: rolls back. Returns r
 *
 * Instruments: krios-1 and seq-1 (counter of seconds, interlock gates start, fail locked), plc-1 (state meter, no
 * interlock).
 * All have the default policy and price, rate 100.00 an hour. Users: alice and bob (members of acme), olga (org_admin
 * of acme), zoe (member of zeta), mia (manager), finn (finance), root (admin), all three of the host org "lab".
 */
#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

#include "app/act.h"
#include "app/effects.h"

#define WORLD_NOW INT64_C(1796083200000) /* 2026-12-01T08:00:00+08:00, a Tuesday */

struct world {
	struct db *db;
	struct site site;
	struct instrument instruments[3];
	struct effects effects;
	struct stamp now;
	const char *boot_id;     /* another one: the machine was started anew                           */
	struct act act;
};

struct world *world_new(void);
struct world *world_new_at(const char *path);   /* the store is a file */
struct world *world_free(struct world *w);
/* user: an id of above; NULL: the system (role admin, actor "timer"). */
struct act *world_act(struct world *w, const char *user);
/* The same without opening a transaction (reads). */
struct act *world_read(struct world *w, const char *user);
int world_end(struct world *w, int r);
void world_sleep(struct world *w, int64_t ms);
/* First column of the first row of a statement without parameters; -1 when there is none. */
int64_t world_int(struct world *w, const char *sql);

#endif
