/*
 * usable.c - BOOKING.md "Usable minute": the one answer to when an instrument could be used. labtime watched it, its
 * controller answered, it had no fault, it was in service and not blocked, its relay opened when it was asked to, no
 * jump of the clock lies there, and nobody else's session was on it. Reads only.
 */
#include <string.h>

#include "app/clock.h"
#include "app/metering.h"
#include "app/session_step.h"
#include "store/instrument.h"
#include "store/usable.h"

#define SPANS 128

/* A silence that goes on: nothing is known since the last reading. */
static int silence(struct act *a, const struct unusable_query *q, struct interval *ret)
{
	struct meter m;
	int64_t at = q->in.to, read;
	bool gap;
	int rc = metering_in_gap(a, q->instrument, at, &gap);

	*ret = (struct interval){ at, at };
	if (rc != 0 || !gap)
		return rc;
	rc = store_meter_load(a->db, q->instrument, &m);
	read = rc == 0 ? metering_read_at(a, &m) : at;
	if (read < at)
		*ret = interval_cut((struct interval){ read, at }, q->in);
	return rc < 0 ? rc : 0;
}

int metering_unusable(struct act *a, const struct unusable_query *q, struct interval *ret, int cap, int *ret_n)
{
	struct interval all[SPANS + 3 * LOST_PART];
	struct lost_labels lost;
	int n, rc = store_unusable(a->db, q, all, SPANS - 1, &n);

	*ret_n = 0;
	if (rc == 0)
		rc = silence(a, q, &all[n++]);
	if (rc == 0)
		rc = clock_lost_to(a, q, &lost);
	if (rc != 0)
		return rc;
	for (int k = 0; k < lost.n; k++)
		all[n++] = lost.of[k];
	n = interval_fit(all, interval_merge(all, n), cap);
	for (int k = 0; k < n; k++)
		ret[k] = all[k];
	*ret_n = n;
	return 0;
}

int metering_usable_ms(struct act *a, const char *instrument, int64_t booking, struct interval in, int64_t *ret_ms)
{
	struct unusable_query q = { .instrument = instrument, .booking = booking, .anybody = booking == 0, .in = in,
		.now = in.to > a->now.wall_ms ? in.to : a->now.wall_ms };
	struct interval not[SPANS];
	int n, rc;

	*ret_ms = 0;
	if (interval_empty(in))
		return 0;
	rc = metering_unusable(a, &q, not, SPANS, &n);
	*ret_ms = in.to - in.from - interval_covered_ms(in, not, n);
	return rc != 0 ? rc : act_end(a);
}

int metering_usable_at(struct act *a, const char *instrument, int64_t at, bool *ret)
{
	struct instrument_row row;
	int64_t ms;
	int rc = metering_usable_ms(a, instrument, 0, (struct interval){ at, at + 1 }, &ms);

	*ret = ms > 0;
	/* of this moment the instrument's own row knows as well */
	if (rc == 0 && ms > 0 && at >= a->now.wall_ms)
		rc = store_instrument_load(a->db, instrument, &row);
	if (rc == 0 && ms > 0 && at >= a->now.wall_ms)
		*ret = !row.out_of_service && strcmp(row.link, "down") != 0;
	return rc < 0 ? rc : 0;
}
