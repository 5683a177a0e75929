/*
 * clock_lost.c - which labels of the wall clock a booking or a session did not live through, asked of the store
 * (core/clock_lost.h). Reads only; fails with the store's class.
 */
#include "app/clock.h"
#include "store/clock.h"
#include "store/usable.h"

static const struct interval any_time = { 0, INT64_MAX };

/* A booking, or 0: the lab. What lies ahead of the clock is still to come. */
static int lost_to_booking(struct act *a, int64_t booking, struct interval in, struct lost_labels *ret)
{
	static struct clock_presence p;
	int rc;

	if (in.to > a->now.wall_ms)
		in.to = a->now.wall_ms;
	if (interval_empty(in))
		return 0;
	rc = store_clock_of_booking(a->db, booking, a->now.wall_ms, in, &p);
	ret->n += clock_lost(&p, in, ret->of + ret->n, LOST_PART);
	return rc;
}

/* What lies before and after a session its booking lived through. */
static int lost_to_session(struct act *a, const struct unusable_query *q, struct lost_labels *ret)
{
	static struct clock_presence p;
	struct interval in = q->in;
	int rc = store_clock_of_session(a->db, q->session, a->now.wall_ms, in, &p);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	in.from = in.from < p.from ? p.from : in.from;
	if (!interval_empty(in))
		ret->n += clock_lost(&p, in, ret->of + ret->n, LOST_PART);
	rc = lost_to_booking(a, q->booking, interval_cut(q->in, (struct interval){ 0, p.from }), ret);
	if (rc == 0)
		rc = lost_to_booking(a, q->booking, interval_cut(q->in, (struct interval){ p.to, INT64_MAX }), ret);
	return rc;
}

int clock_lost_to(struct act *a, const struct unusable_query *q, struct lost_labels *ret)
{
	int rc;

	ret->n = 0;
	rc = q->session ? lost_to_session(a, q, ret) : lost_to_booking(a, q->booking, q->in, ret);
	ret->n = interval_merge(ret->of, ret->n);
	return rc;
}

int64_t clock_not_inside(struct act *a, int64_t session, int64_t at, int64_t least_ms)
{
	static struct clock_presence p;

	if (store_clock_of_session(a->db, session, a->now.wall_ms, any_time, &p) != 0)
		return at;
	return clock_told_at(&p, at, least_ms);
}

int64_t clock_passed(struct act *a, int64_t session, int64_t at)
{
	static struct clock_presence p;

	return store_clock_of_session(a->db, session, a->now.wall_ms, any_time, &p) == 0 ? clock_passed_ms(&p, at) : 0;
}

int64_t clock_back_ms(struct act *a, int64_t from)
{
	return store_clock_back_ms(a->db, from);
}
