/*
 * booking_judge.c - gathers what was seen of a booking's use and carries out what core/use.h says of it: no-show, lapse
 * or cancellation, with or without a fee. Owns nothing.
 */
#include "app/booking_step.h"
#include "app/metering.h"
#include "app/money.h"
#include "common/fmt.h"
#include "store/booking.h"
#include "store/evidence.h"
#include "store/timer.h"

/* What any witness saw. Where nothing is metered, a check-in is use. */
static int was_used(struct act *a, const struct booking *b, bool *ret)
{
	const struct instrument *i = site_instrument(a->site, b->instrument);
	struct session s;
	int rc = session_of_booking(a, b->id, &s);

	*ret = (rc == 0 && session_used(&s)) || (i && i->meter.kind == METER_NONE && b->checkin_at != 0);
	return rc < 0 ? rc : 0;
}

static int usable_of_wait(struct act *a, const struct booking *b, struct use_facts *f)
{
	return metering_usable_ms(a, b->instrument, b->id, (struct interval){ f->from, f->at }, &f->usable_ms);
}

int booking_was_usable(struct act *a, const struct booking *b, bool *ret)
{
	struct use_facts f = { .at = b->booked_to };
	struct policy p;
	int rc = terms_policy(a, b->instrument, b->policy_version, &p);

	*ret = true;
	if (rc != 0)
		return rc;
	use_wait(b, &p, &f);
	rc = usable_of_wait(a, b, &f);
	*ret = rc != 0 || f.usable_ms >= f.wait_ms;
	return rc;
}

/* Of the two waits the one that is over last. What could not be used lengthens each by itself. */
static int waited(struct act *a, const struct booking *b, const struct policy *p, struct use_facts *f)
{
	struct use_facts first_run = *f;
	int rc;

	use_wait(b, p, f);
	rc = usable_of_wait(a, b, f);
	if (rc != 0 || !use_wait_first_run(b, p, &first_run))
		return rc;
	rc = usable_of_wait(a, b, &first_run);
	if (rc == 0 && first_run.wait_ms - first_run.usable_ms >= f->wait_ms - f->usable_ms)
		*f = first_run;
	return rc;
}

int booking_judge(struct act *a, const struct booking *b, const struct policy *p, struct use_facts *f,
	enum use_verdict *ret)
{
	int rc = was_used(a, b, &f->used);

	if (rc == 0)
		rc = waited(a, b, p, f);
	if (rc == 0 && f->left) {
		bool usable;

		rc = metering_usable_at(a, b->instrument, f->at, &usable);
		f->broken = !usable;
	}
	/* what a gap hid may have been its user's: nobody can say that they did not come */
	f->hidden = !f->used && evidence_hidden(a->db, b->instrument, b->booked_from, b->booked_to);
	*ret = use_judge(b, f);
	return rc != 0 ? rc : db_failed(a->db);
}

/* What a cancellation at `at` adds to what is due, if the instrument can be used at the booked start. */
static int late_cancel_adds(struct act *a, const struct booking *b, int64_t at, int64_t *ret_minor)
{
	int64_t due, whole;
	int rc = money_fees_due(a, b->id, &due);

	if (rc == 0)
		rc = money_fee_preview(a, b, "late_cancel", at, &whole);
	*ret_minor = rc == 0 ? whole - due : 0;
	return rc;
}

/* R23: a cancellation while the instrument cannot be used costs nothing, unless it can be used at the booked start. */
int booking_late_cancel(struct act *a, struct booking *b, int64_t at)
{
	bool usable;
	int rc = metering_usable_at(a, b->instrument, a->now.wall_ms, &usable);

	if (rc != 0)
		return rc;
	if (usable && a->dry_run)
		return money_fee_preview(a, b, "late_cancel", at, &b->fee_minor);
	if (usable)
		return money_fee(a, b, "late_cancel", NULL, at, &b->fee_minor);
	if (at < b->booked_from && a->dry_run)
		return late_cancel_adds(a, b, at, &b->fee_later_minor);
	if (at < b->booked_from)
		act_timer(a, "late_cancel", b->id, b->booked_from);
	return act_end(a);
}

int booking_fee_later(struct act *a, const struct booking *b, int64_t *ret_minor)
{
	int64_t cancelled = 0;
	int rc = booking_given_up_later(a, b, ret_minor);

	if (rc == 0 && b->state == BOOKING_CANCELLED && store_timer_due(a->db, "late_cancel", b->id) != INT64_MAX)
		rc = late_cancel_adds(a, b, b->ended_at, &cancelled);
	*ret_minor += cancelled;
	return rc;
}

int booking_late_cancel_due(struct act *a, int64_t ref, int64_t due_at)
{
	struct booking b;
	bool usable;
	int rc = booking_load(a, ref, &b);

	if (rc == 0)
		rc = metering_usable_at(a, b.instrument, due_at, &usable);
	if (rc != 0 || !usable || b.state != BOOKING_CANCELLED || b.ended_at == 0)
		return rc < 0 ? rc : act_end(a);
	rc = money_fee(a, &b, "late_cancel", NULL, b.ended_at, &b.fee_minor);
	return rc != 0 ? rc : booking_note(a, &b, "late_cancel", &(struct facts){ .why = "cancelled" });
}

/* The code for the history of what nobody used. */
static const char *why_missed(struct act *a, const struct booking *b, int64_t at)
{
	if (evidence_nobodys_run(a->db, b->instrument, b->booked_from, at))
		return "nobodys_run";
	return b->checkin_at != 0 ? "checked_in" : "nobody_came";
}

const char *booking_why_lapsed(const struct booking *b, const struct use_facts *seen)
{
	if (seen->hidden)
		return "hidden_run";
	if (seen->wait_ms > b->booked_to - b->since)
		return "too_short";
	if (seen->silent)
		return "silent";
	return "not_usable";
}

int booking_unused(struct act *a, struct booking *b, enum use_verdict v, const struct use_facts *seen, int64_t at)
{
	int rc;

	switch (v) {
	case USE_CANCELLED:
		rc = booking_late_cancel(a, b, at);
		if (rc == 0)
			rc = booking_step(a, b, BOOKING_DO_CANCEL, "cancel", "", &(struct facts){ .why = "checked_out" });
		return rc != 0 ? rc : booking_unplace(a, b);
	case USE_MISSED:
		return booking_miss(a, b, seen, at, why_missed(a, b, at));
	case USE_LAPSED:
		return booking_lapse(a, b, at, booking_why_lapsed(b, seen));
	case USE_WAITS: case USE_USED:
		break;
	}
	return act_end(a);
}
