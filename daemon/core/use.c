/* use.c - see use.h. Pure; cannot fail. */
#include "core/use.h"

void use_wait(const struct booking *b, const struct policy *p, struct use_facts *f)
{
	f->from = b->since;
	f->wait_ms = booking_wait_ms(b, p);
}

bool use_wait_first_run(const struct booking *b, const struct policy *p, struct use_facts *f)
{
	bool present = b->state == BOOKING_ACTIVE || b->checkin_at != 0;

	if (!present || f->left || f->at >= b->booked_to)
		return false;
	f->from = b->checkin_at > b->since ? b->checkin_at : b->since;
	f->wait_ms = p->first_run_ms;
	return true;
}

enum use_verdict use_judge(const struct booking *b, const struct use_facts *f)
{
	bool over = f->at >= b->booked_to, enough = f->usable_ms >= f->wait_ms;

	if (f->used)
		return USE_USED;
	if (f->left && f->at < b->booked_from)
		return USE_CANCELLED;
	if (f->silent)
		return over || f->left ? USE_LAPSED : USE_WAITS;
	if (enough)
		return f->hidden ? USE_LAPSED : USE_MISSED;
	if (!f->left)
		return over ? USE_LAPSED : USE_WAITS;
	/* who leaves early has waited for less: that is theirs where nothing failed, and where N fits into what was left */
	if (f->hidden || f->broken || f->usable_ms < f->at - f->from || f->wait_ms > b->booked_to - b->since)
		return USE_LAPSED;
	return USE_MISSED;
}

bool session_used(const struct session *s)
{
	return s->first_run_at != 0 || s->on_ms > 0 || s->measured_ms > 0;
}
