/* review_step.h - what the files of review share; no other part of the tree includes it. */
#ifndef APP_REVIEW_STEP_H
#define APP_REVIEW_STEP_H

#include "app/review.h"

/* The item, if it waits for a decision. 0, ACT_REFUSED, < 0. */
int review_item(struct act *a, int64_t id, struct review *ret);
/* This person decides; the item is done. */
void review_decide(struct act *a, struct review *r, const char *what);
/* Writes the item and who did what to it. */
int review_save(struct act *a, struct review *r, const char *act, const char *reason);
/* The decision stands: what the session (0: none) waits for is fewer by one. */
int review_decided(struct act *a, int64_t session);

/* review_booking.c */
/* Refuses while the user's booking in which the session began still waits for them: it is not decided yet whether that
 * was used. */
int review_booking_over(struct act *a, const struct session *s, const char *user);
/* A closed session that was found to be its user's: when it began in their booking while that held the unit, and that
 * ended as not used, it is its use. The no-show or lapse is undone, with its fee. 0 (also where there is none), < 0. */
int review_into_booking(struct act *a, struct session *s);

#endif
