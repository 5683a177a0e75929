/*
 * api_rig.h - requests through api_handle, in process, on the small world of tests/support with one object of each
 * kind for alice and bob (org acme) and for zoe (org zeta): B-1 B-2 B-3, S-1.. C-1.. L-1.. X-1..
 */
#ifndef TESTS_API_RIG_H
#define TESTS_API_RIG_H

#include <jansson.h>

#include "api/api.h"
#include "app/ledger.h"
#include "support/world.h"

struct call {
	enum method method;
	const char *path, *query, *body, *key, *if_match;
	const struct lt_token *token;        /* NULL: the Unix peer                          */
	uint32_t uid;
	bool keep;                           /* commits what it did                          */
};
struct answer { int r, status, slices; char *body; bool replayed, keep; char etag[32], location[96]; };

extern const struct route *const rig_tables[6];
struct world *rig_world(void);
/* A token of a user, made by the use case. */
struct lt_token rig_token(struct world *w, const char *user);
struct answer rig_call(struct world *w, struct call c);
void answer_free(struct answer *a);

#endif
