/* review.h - SQL of the tables review and claim. */
#ifndef STORE_REVIEW_H
#define STORE_REVIEW_H

#include "core/site.h"
#include "store/db.h"

#define REVIEW_TEXT 301

struct review {
	int64_t id, session;                /* session 0: none                                         */
	char kind[24], instrument[LT_ID], org[LT_ID];
	char state[12];                     /* 'open', 'proposed', 'done'                              */
	char detail[REVIEW_TEXT];
	int64_t opened_at, due_at;
	char proposal[REVIEW_TEXT], proposed_by[48], decision[REVIEW_TEXT], decided_by[48];
	int64_t proposed_at, decided_at, version;
	int64_t from_at, to_at, bound_ms;   /* the time it is about, and what may be charged as estimated */
	int64_t held_ms;                    /* meter_manual: held of the session, or (0) by the meter  */
	int64_t estimated_ms;               /* what two people agreed to charge of it                  */
	int64_t total_minor;                /* supplement: what the session costs by later data        */
};
int store_review_load(struct db *db, int64_t id, struct review *ret);            /* 0, 1, < 0 */
/* The item of this kind that is not done, for the session (or, session 0, the instrument). */
int store_review_find(struct db *db, const char *kind, const char *instrument, int64_t session, struct review *ret);
int store_review_insert(struct db *db, const struct review *r);
int store_review_update(struct db *db, struct review *r);
/* state NULL: all. Ids after `after`. */
int store_review_list(struct db *db, const char *state, int64_t after, struct review *ret, int cap, int *ret_n);
/* All items of the session that are not done are done with this decision. */
int store_review_close_all(struct db *db, int64_t session, const char *decision);
/* The items "meter_manual" of the instrument that are not done and whose hold goes on. Ids after `after`. */
int store_review_held(struct db *db, const char *instrument, int64_t after, struct review *ret, int cap, int *ret_n);
/* ... say what is held now: the meter's item held_ms, a session's what its pieces hold. That is no new version of them. */
int store_review_hold(struct db *db, const char *instrument, int64_t held_ms);
/* Was an item of this kind decided for the session at or after this instant? */
bool store_review_decided(struct db *db, int64_t session, const char *kind, int64_t since);
/* Was a supplement to at least this total waived for the session? */
bool store_supplement_waived(struct db *db, int64_t session, int64_t total_minor);
bool store_review_pending(struct db *db, int64_t session);

struct claim {
	int64_t id, at, created_at, session, version;
	char instrument[LT_ID], org[LT_ID], user[LT_ID], state[12], note[LT_TITLE];
};
int store_claim_insert(struct db *db, const struct claim *c);
/* Claims of a session; org NULL: of all. */
int store_claim_list(struct db *db, int64_t session, const char *org, struct claim *ret, int cap, int *ret_n);
/* Open claims on the instrument whose instant lies in [from, to] now name this session. */
int store_claim_match(struct db *db, const char *instrument, int64_t from, int64_t to, int64_t session);
int store_claim_decide(struct db *db, int64_t session, const char *granted_org);
/* How many claims of the user wait: a limit. */
int64_t store_claim_waiting(struct db *db, const char *user);

#endif
