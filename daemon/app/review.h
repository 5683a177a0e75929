/*
 * app/review.h - the use cases of review and of claims, for the API. Each runs inside the item's savepoint and returns
 * as act.h says.
 */
#ifndef APP_REVIEW_H
#define APP_REVIEW_H

#include "app/act.h"
#include "core/session.h"
#include "store/review.h"

#define OBJECTION_MS (7 * LT_DAY)       /* R29: the org may object for so long                       */
#define CLAIMS_WAITING 20               /* a user's claims that nobody has decided                   */

/* To an org: at once when it claimed the session, else the second person to say the same decides and the org may object. */
int review_attribute(struct act *a, int64_t id, const char *org, const char *user, const char *reason, struct review *ret);
/* What was measured is charged. */
int review_accept(struct act *a, int64_t id, const char *reason, struct review *ret);
/* Nothing is charged; the second person decides. */
int review_waive(struct act *a, int64_t id, const char *reason, struct review *ret);

/* Timer: nobody objected within the time; the decision stands and the session settles. */
int review_objection_over(struct act *a, int64_t ref, int64_t due_at);

/* The owner of a presumed session says it is not theirs, or an org objects to an attribution. */
int session_disown(struct act *a, int64_t id, const char *reason, struct session *ret);
/* A manager closes an open session, whatever its run bit. */
int session_close(struct act *a, int64_t id, const char *reason, struct session *ret);

int claim_make(struct act *a, const char *instrument, int64_t at, const char *note, struct claim *ret);

#endif
