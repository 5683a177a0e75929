/*
 * booking_view.c - why a booking was accepted, and what lies on an instrument's calendar. Reads only.
 */
#include <stdlib.h>

#include "app/booking_step.h"
#include "app/view.h"
#include "store/booking_term.h"

int booking_why(struct act *a, int64_t id, struct booking *ret, struct finding found[RULES_MAX], int *ret_n)
{
	struct policy p;
	struct rule_facts f;
	int rc = booking_open(a, id, 0, ret);

	if (rc == 0)
		rc = terms_policy(a, ret->instrument, ret->policy_version, &p);
	if (rc != 0)
		return rc;
	{
		struct facts_for w = { .verb = BOOKING_CREATE, .instrument = ret->instrument, .org = ret->org,
			.user = ret->user,
			.except = id, .policy = &p, .now = ret->created_at, .at = { ret->booked_from, ret->booked_to },
			.now_from = ret->walk_up ? ret->booked_from : 0 };

		rc = booking_facts(a, &w, &f);
	}
	if (rc != 0)
		return rc;
	*ret_n = rules_examine(&f, found);
	return act_end(a);
}

static int by_start(const void *pa, const void *pb)
{
	const struct calendar_entry *x = pa, *y = pb;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

int booking_calendar(struct act *a, const char *instrument, int64_t from, int64_t to, struct calendar_entry *ret,
	int cap,
		     int *ret_n)
{
	int rc = store_calendar(a->db, instrument, (struct interval){ from, to }, a->now.wall_ms, ret, cap, ret_n);

	if (rc != 0)
		return rc;
	qsort(ret, (size_t)*ret_n, sizeof(*ret), by_start);
	return act_end(a);
}

#define TERMS_SHOWN 64

int view_booking_terms(struct act *a, const struct booking *b, struct term_shown *ret, int cap, int *ret_n)
{
	struct booking_term rows[TERMS_SHOWN];
	int rc = store_booking_terms_shown(a->db, b->id, rows, cap < TERMS_SHOWN ? cap : TERMS_SHOWN, ret_n);

	rc = rc < 0 ? rc : 0;
	for (int k = 0; k < *ret_n && rc == 0; k++) {
		struct price p;

		rc = terms_price(a, b->instrument, rows[k].price_version, &p);
		ret[k] = (struct term_shown){ rows[k], p.rate_minor };
	}
	return rc != 0 ? rc : act_end(a);
}
