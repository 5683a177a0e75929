/*
 * booking_overrun.c - R21, R27, R28: when the end for overrun pricing moves, what ran over until then stays as it was,
 * with the grace it had.
 */
#include "app/booking_step.h"
#include "core/tariff.h"
#include "store/booking.h"
#include "store/evidence.h"

int booking_kept(struct act *a, const struct booking *b, int64_t until, struct kept_spans *ret)
{
	struct rate_span span = { .from_at = b->priced_to, .to_at = until };
	struct rate_input in;
	struct policy own;
	int rc = store_booking_kept(a->db, b->id, ret->span, RATE_KEPT_MAX, &ret->n);

	if (rc != 0 || until <= b->priced_to)
		return rc;
	rc = terms_policy(a, b->instrument, b->policy_version, &own);
	if (rc != 0 || ret->n == RATE_KEPT_MAX)
		return rc != 0 ? rc : 1;
	in = money_booked(b, ret);
	in.grace_ms = own.grace_ms;
	span.grace_to = tariff_grace_end(&in);
	if (span.grace_to > span.to_at)
		span.grace_to = span.to_at;
	if (span.grace_to < span.from_at)
		span.grace_to = span.from_at;
	ret->span[ret->n++] = span;
	return 0;
}

int booking_keep_overrun(struct act *a, const struct booking *b, int64_t until)
{
	struct kept_spans kept;
	int rc = until <= b->priced_to ? 0 : booking_kept(a, b, until, &kept);

	if (rc != 0 || until <= b->priced_to)
		return rc;
	rc = store_booking_keep(a->db, b->id, &kept.span[kept.n - 1]);
	return rc < 0 ? rc : 0;
}

/* How long what runs past the end for overrun pricing costs nothing, less what the kept spans took of it. */
static int grace_left(struct act *a, const struct booking *b, int64_t *ret_ms)
{
	struct rate_span of[RATE_KEPT_MAX];
	struct rate_input in = money_booked(b, NULL);
	struct policy p;
	int rc = terms_policy(a, b->instrument, b->policy_version, &p);

	if (rc == 0)
		rc = store_booking_kept(a->db, b->id, of, RATE_KEPT_MAX, &in.n_kept);
	in.kept = of;
	in.grace_ms = p.grace_ms;
	*ret_ms = rc == 0 ? tariff_grace_end(&in) - in.priced_to : 0;
	return rc;
}

/* Where the next booking begins before that instant there is no grace: what runs then is that one's overrun at once. */
int booking_overrun_from(struct act *a, int64_t id, int64_t at)
{
	struct booking b;
	int64_t grace, next, end;
	int rc = booking_load(a, id, &b);

	if (rc == 0)
		rc = grace_left(a, &b, &grace);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	next = evidence_next_booking(a->db, b.instrument, b.booked_to, b.id);
	end = next && next < at ? at : at - grace;
	if (b.priced_to >= end)
		return 0;
	b.priced_to = end;
	return booking_note(a, &b, "clock_delay", &(struct facts){ .from_at = b.booked_to, .to_at = at,
		.ms = at - b.booked_to });
}
