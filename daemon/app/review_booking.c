/*
 * review_booking.c - what a review that finds whose a run was means for their booking: a run inside it is the booking's
 * use (R25), so the no-show or the lapse that was decided without it is undone, and it is priced in the booking. Owns
 * nothing; refuses while the booking still waits for its user.
 */
#include <string.h>

#include "app/review_step.h"
#include "app/session_step.h"
#include "common/fmt.h"
#include "core/use.h"
#include "store/booking.h"

int review_booking_over(struct act *a, const struct session *s, const char *user)
{
	struct booking b;
	int rc = booking_at(a, s->instrument, s->opened_at, &b);

	if (rc == 0 && b.state == BOOKING_CONFIRMED && strcmp(b.user, user) == 0) {
		struct facts f = { .session = s->id, .booking = b.id, .to_at = b.booked_to };

		return act_refuse_facts(a, 409, "booking-waits", "", &f);
	}
	return rc < 0 ? rc : 0;
}

/* Where in a gap it ran nobody knows: it is the booking's where all of the gap is. */
static bool lies_in(const struct session *s, const struct booking *b)
{
	return !s->unplaced || s->closed_at <= b->booked_to;
}

int review_into_booking(struct act *a, struct session *s)
{
	struct booking b;
	int rc = store_booking_unused_at(a->db, s->instrument, s->user, s->opened_at, &b);

	if (rc != 0 || !session_used(s) || !lies_in(s, &b))
		return rc < 0 ? rc : 0;
	s->booking = b.id;
	rc = session_note(a, s, "manager", "it is the use of its user's booking");
	return rc != 0 ? rc : booking_ran(a, b.id, s->opened_at);
}

int review_objection_over(struct act *a, int64_t ref, int64_t due_at)
{
	struct review r;
	struct session s;
	int rc = store_review_load(a->db, ref, &r);

	if (rc != 0 || strcmp(r.state, "done") == 0 || !r.decided_by[0])
		return rc < 0 ? rc : act_end(a);
	lt_fmt(r.state, sizeof(r.state), "done");
	rc = store_review_update(a->db, &r);
	if (rc == 0)
		rc = session_load(a, r.session, &s);
	if (rc == 0)
		rc = review_into_booking(a, &s);
	return rc != 0 ? rc : review_decided(a, r.session);
}
