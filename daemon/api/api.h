/*
 * api.h - plain request in, plain reply out, on the ledger thread: who may, routes, JSON.
 *
 * Each resource file offers a table of struct route; api.c knows the tables, finds the route, authenticates,
 * asks the access table, parses the body, calls the handler, and turns refusals into application/problem+json.
 * A handler answers by setting rq->status (default 200) and *ret_body (a new reference), and returns what its use
 * case returned (act.h).
 */
#ifndef API_API_H
#define API_API_H

#include <jansson.h>

#include "app/act.h"
#include "app/job.h"
#include "msg/msg.h"

/* What a role sees of a route. OWN: the user's own objects; ORG: the org's; ANY: all. */
enum reach { REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY };

/* Kind of object that {id} in a path names: the dispatcher resolves its org and user and answers 404 outside the
 * caller's reach. OBJ_NONE: the handler must filter by rq->reach_org / rq->reach_user itself (collections). */
enum object_kind { OBJ_NONE, OBJ_BOOKING, OBJ_SESSION, OBJ_CHARGE, OBJ_USER, OBJ_ORG, OBJ_TOKEN, OBJ_CLAIM };

enum {
	ROUTE_KEY = 1,        /* mutation that needs Idempotency-Key                                     */
	ROUTE_MATCH = 2,      /* needs If-Match (the object's version)                                   */
	ROUTE_DRY = 4,        /* accepts ?dry_run=true                                                   */
	ROUTE_READ = 8,       /* runs between turns, outside a transaction that writes (GET, quote)      */
	ROUTE_PUBLIC = 16,    /* no identity needed                                                      */
};

#define API_QUERY_MAX 24

struct api_request {
	const struct msg_request *m;
	const struct route *route;
	char param[3][65];            /* the {..} parts of the path, in order                             */
	int64_t id;                   /* of an object route "B-1042": 1042; 0 otherwise                   */
	json_t *body;                 /* object, or NULL; borrowed                                        */
	enum reach reach;
	const char *reach_org;        /* filter every query by this org; NULL: all orgs                   */
	const char *reach_user;       /* and by this user; NULL: all of the org                           */
	int64_t if_match;             /* version, 0 when absent                                           */
	/* answer */
	int status;
	int64_t etag;                 /* version; 0 none                                                  */
	char location[96];
	struct job *job;              /* a streamed body follows (api takes ownership); body must be NULL  */
	const char *content_type;     /* of the streamed body                                             */
	char filename[64];
	const char *text;             /* a static body sent as it is, instead of *ret_body                */
	size_t text_size;
	json_t *kept;                 /* what the idempotency row keeps instead of the body (a secret is
	                                 shown once); new reference                                       */
	/* api.c's own */
	char *query_text;
	int n_query;
	struct { const char *name, *value; } query[API_QUERY_MAX];
};

typedef int (*api_handler)(struct act *a, struct api_request *rq, json_t **ret_body);

struct route {
	enum method method;
	const char *path;             /* "/v1/bookings/{booking}/checkin"                                  */
	api_handler handler;
	unsigned flags;
	enum object_kind object;      /* what the first {..} names                                        */
	enum reach access[ROLE_COUNT];/* by role; ROLE_NONE's entry is ignored                            */
};

extern const struct route people_routes[], instrument_routes[], booking_routes[], session_routes[],
	charge_routes[], meta_routes[];                                  /* end: path NULL */

/* Query parameters. api_query: decoded value or NULL; valid during the request. */
const char *api_query(struct api_request *rq, const char *name);
/* 412 when the caller's If-Match is not this version (ROUTE_MATCH). 0 or ACT_REFUSED. */
int api_match(struct act *a, const struct api_request *rq, int64_t version);
/* Reads of body members with one clear refusal (422, code "bad-request", field = name). All return 0 or ACT_REFUSED.
 * optional: a missing or null member leaves *ret as it was. */
enum { OPTIONAL = 1 };
int api_text(struct act *a, struct api_request *rq, const char *name, unsigned flags, char *dst, size_t cap);
int api_instant(struct act *a, struct api_request *rq, const char *name, unsigned flags, int64_t *ret_ms);
int api_int(struct act *a, struct api_request *rq, const char *name, unsigned flags, int64_t min, int64_t max,
	int64_t *ret);
int api_bool(struct act *a, struct api_request *rq, const char *name, unsigned flags, bool *ret);
int api_query_instant(struct act *a, struct api_request *rq, const char *name, unsigned flags, int64_t *ret_ms);
int api_query_int(struct act *a, struct api_request *rq, const char *name, int64_t min, int64_t max, int64_t *ret);
/* Refuses members (or query parameters) that are not in the NULL-ended list: names the stranger and the known. */
int api_only(struct act *a, struct api_request *rq, const char *const names[]);
int api_only_query(struct act *a, struct api_request *rq, const char *const names[]);
/* Keyset pages: ?limit= (1..200, default 50) and ?cursor= (opaque; an int64 inside). */
int api_page(struct act *a, struct api_request *rq, int64_t *ret_after, int64_t *ret_limit);
json_t *api_items(json_t *items, int64_t next_cursor);  /* {items, next_cursor}; steals items; 0: null cursor */
/* The same for lists in the order of a name; "": from the start, and null. */
int api_page_named(struct act *a, struct api_request *rq, const char **ret_after, int64_t *ret_limit);
json_t *api_items_named(json_t *items, const char *next);
/* "B-1042" -> 1042; false when the letter or the number is wrong. */
bool api_id(const char *text, char letter, int64_t *ret);

/* JSON values in the API's forms: instants RFC 3339 with the site's offset, money {"amount","currency"}. */
json_t *json_instant(const struct site *s, int64_t at_ms);
json_t *json_instant_or_null(const struct site *s, int64_t at_ms); /* null for 0 */
json_t *json_money(const struct site *s, int64_t minor);
json_t *json_factor(int64_t pm);                     /* thousandths: "1.500"                 */
json_t *json_id(char letter, int64_t id);
json_t *json_text(const char *s);                                  /* null for ""  */
json_t *json_safe(const char *s);                                  /* valid UTF-8 whatever was cut or sent */

/* The entry that main gives to the ledger (app/ledger.h). */
struct ledger_reply;
int api_handle(struct act *a, const struct msg_request *m, struct ledger_reply *ret);
bool api_is_read(const struct msg_request *m);                      /* ROUTE_READ, or ?dry_run=true */
/* 0, 404 or 405 (then allow lists the methods). Any thread: looks at constant tables only. */
int api_route_known(const char *method, const char *path, char allow[64]);

/* Is there such a route? 0, 404 or 405 with the methods allowed. Constant tables only: any thread may ask. */
int api_route_known(const char *method, const char *path, char allow[64]);

/* What /v1/site and /v1/doctor say of the process; copied. Also checks the route tables: a route that nobody may
 * use, twice the same, or a mutation without its key is our bug and nothing starts. 0 or -1. Before the threads. */
struct api_info {
	const char *version;
	const char *libevent, *libevent_cure;    /* a sentence; a cure when something is wrong, else NULL */
	const char *store_path;
};
int api_configure(const struct api_info *info, struct lt_err *err);

#endif
