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

/* To an org: at once when it claimed the session, else the second person to say the same decides and the org may
 * object. */
int review_attribute(struct act *a, int64_t id, const char *org, const char *user, const char *reason,
	struct review *ret);
/* What was measured is charged; of an item "supplement": what later data says. */
int review_accept(struct act *a, int64_t id, const char *reason, struct review *ret);
/* Of an item "meter_lost": so many seconds that nobody measured are charged as estimated; the second person decides. */
int review_estimate(struct act *a, int64_t id, int64_t seconds, const char *reason, struct review *ret);
/* Nothing is charged; the second person decides. */
int review_waive(struct act *a, int64_t id, const char *reason, struct review *ret);

/* review_open with what the item is about. An item of the kind that is open takes the facts on: gaps add up (one that
 * was given up and has ended now is still one), a total replaces. 0; REVIEW_KNOWN: it was open and says nothing new;
 * < 0. */
struct review_facts {
	int64_t from_at, to_at, bound_ms, total_minor;
	int64_t held_ms;         /* meter_manual                                                         */
	int64_t rest_ms;         /* of a gap: what was booked from its start on */
};
enum { REVIEW_KNOWN = 1 };
int review_open_with(struct act *a, const char *kind, const char *instrument, int64_t session, const char *org,
	const char *detail,
	const struct review_facts *facts);

/* Of an item "meter_manual": the register stands where it belongs; what is held is measured from now on. */
int review_new_meter(struct act *a, int64_t id, const char *reason, struct review *ret);
/* A closed session waits until the level is known, or somebody decides for it: opens its item. */
int review_level_waits(struct act *a, const struct session *s);
/* So much is held on the instrument since then; its open items say so. There is one at least. */
int review_level_held(struct act *a, const char *instrument, int64_t since, int64_t held_ms);
/* A hold is over, or a part of it (goes_on): of what is not held any more the items are done, and what sessions waited
 * for. After a day one of the meter's is left for a person to see. */
enum level_end { LEVEL_BACK, LEVEL_BELIEVED, LEVEL_SWAPPED, LEVEL_AGED };
struct level_over { const char *instrument; enum level_end how; bool goes_on; int64_t from, ms; };
int review_level_over(struct act *a, const struct level_over *o);
/* Refuses to accept or to waive the item of a meter that holds something: its time is somebody's. */
int review_level_decidable(struct act *a, const struct review *r);

/* Timer: nobody objected within the time; the decision stands and the session settles. */
int review_objection_over(struct act *a, int64_t ref, int64_t due_at);

/* The owner of a session says that what was before `before`, at most their check-in, is not theirs (0: all that can be;
 * without a check-in, all of it), or an org objects to an attribution. *ret is what is left to them, or the session of
 * nobody's. */
int session_disown(struct act *a, int64_t id, int64_t before, const char *reason, struct session *ret);
/* A manager closes an open session, whatever its run bit. */
int session_close(struct act *a, int64_t id, const char *reason, struct session *ret);

int claim_make(struct act *a, const char *instrument, int64_t at, const char *note, struct claim *ret);

#endif
