/*
 * fee.c - fees of bookings without use: no-show and late cancellation, reduced for what others used of the time, and
 * credited when a late reading shows a run. Owns nothing.
 */
#include <string.h>

#include "app/booking.h"
#include "app/money.h"
#include "app/rating.h"
#include "common/fmt.h"
#include "store/evidence.h"

#define FEE_CHARGES 16
#define RESOLD_AFTER LT_HOUR            /* after the booked end: by then the runs of others are known */

int money_fee_resold(struct act *a, int64_t booking, int64_t due_at);

struct fee {
	struct terms_row terms;
	struct price_list list;
	struct fee_input in;
	struct rate_result result;
};

static int load_fee(struct act *a, const struct booking *b, const char *component, int64_t at, int64_t resold_ms,
	struct fee *f)
{
	struct lt_err err;
	int rc = store_terms_version(a->db, TERMS_PRICE, b->instrument, b->price_version, &f->terms);

	if (rc)
		return rc < 0 ? rc : DB_CORRUPT;
	f->list.version = f->terms.version;
	f->list.effective_at = f->terms.effective_at;
	if (price_from_text(&f->list.price, f->terms.text, a->site->exponent, &err))
		return DB_CORRUPT;
	f->in = (struct fee_input){ .list = &f->list, .walk_up = b->walk_up, .booked_from = b->booked_from,
		.booked_to = b->booked_to, .at = at, .resold_ms = resold_ms };
	if (!component_from_name(component, &f->in.kind) || (f->in.kind != COMP_NO_SHOW &&
		f->in.kind != COMP_LATE_CANCEL))
		return DB_MISUSE;
	return tariff_fee(&f->in, &f->result) ? DB_MISUSE : 0;
}

int money_fee_preview(struct act *a, const struct booking *b, const char *component, int64_t at, int64_t *ret_minor)
{
	struct fee f;
	int rc = load_fee(a, b, component, at, 0, &f);

	if (rc)
		return rc;
	*ret_minor = evidence_unusable(a->db, b->instrument) ? 0 : f.result.total_minor;
	return act_end(a);
}

/* Fee charges of the booking. */
static int load_fees(struct act *a, int64_t booking, struct charge *ret, int *ret_n)
{
	struct charge_filter filter = { .org = "", .user = "", .instrument = "", .period = "", .booking = booking,
		.limit = FEE_CHARGES };
	int n, kept = 0, rc = charge_page(a->db, &filter, ret, &n);

	for (int i = 0; i < n; i++)
		if (strcmp(ret[i].kind, "fee") == 0)
			ret[kept++] = ret[i];
	*ret_n = kept;
	return rc;
}

/* What is due on all its fees now. */
static int fees_due(struct act *a, const struct charge *fees, int n, int64_t *ret_minor)
{
	*ret_minor = 0;
	for (int i = 0; i < n; i++) {
		struct charge_balance stands = { 0 };
		int rc = charge_balance(a->db, fees[i].id, &stands);

		if (rc)
			return rc;
		*ret_minor += stands.minor;
	}
	return 0;
}

static int post_fee(struct act *a, const struct booking *b, const struct fee *f, const char *component, int nth)
{
	char key[64];
	struct posting p = { .kind = "fee", .reason = "", .booking = b, .fee = &f->in, .fee_terms = &f->terms,
		.result = &f->result, .flags = "", .idem_key = key };
	int rc;

	lt_fmt(key, sizeof(key), "booking:%lld:%s:%d", (long long)b->id, component, nth);
	rc = posting_post(a, &p, NULL);
	if (rc == 0)
		act_timer(a, "fee_resold", b->id,
			(a->now.wall_ms > b->booked_to ? a->now.wall_ms : b->booked_to) + RESOLD_AFTER);
	return rc ? rc : act_end(a);
}

int money_fee(struct act *a, const struct booking *b, const char *component, int64_t at, int64_t *ret_minor)
{
	struct charge fees[FEE_CHARGES];
	struct fee f;
	int64_t due = 0;
	int n = 0, rc = load_fee(a, b, component, at, 0, &f);

	if (rc == 0)
		rc = load_fees(a, b->id, fees, &n);
	if (rc == 0)
		rc = fees_due(a, fees, n, &due);
	if (rc)
		return rc;
	if (due == 0 && f.result.total_minor > 0 && !evidence_unusable(a->db, b->instrument)) {
		rc = post_fee(a, b, &f, component, n + 1);
		due = f.result.total_minor;
	}
	if (rc == 0 && ret_minor)
		*ret_minor = due;
	return rc ? rc : act_end(a);
}

/* Credits a fee down to what `now` says (NULL: to nothing). */
static int credit(struct act *a, const struct booking *b, const struct charge *fee, const struct fee *now,
	const char *reason)
{
	static const struct rate_result nothing;
	char key[64];
	struct posting p = { .kind = "credit", .reason = reason, .booking = b, .corrects = fee->id, .flags = "",
		.idem_key = key,
		.result = now ? &now->result : &nothing, .fee = now ? &now->in : NULL,
			.fee_terms = now ? &now->terms : NULL };
	int rc = charge_balance(a->db, fee->id, &p.previous);

	if (rc || p.previous.minor <= p.result->total_minor)
		return rc;
	lt_fmt(key, sizeof(key), "charge:%lld:credit:%d", (long long)fee->id, p.previous.n + 1);
	return posting_post(a, &p, NULL);
}

int money_fee_undo(struct act *a, const struct booking *b)
{
	struct charge fees[FEE_CHARGES];
	int n = 0, rc = load_fees(a, b->id, fees, &n);

	for (int i = 0; i < n && rc == 0; i++)
		rc = credit(a, b, &fees[i], NULL, "the booking was used after all");
	act_timer_clear(a, "fee_resold", b->id);
	return rc ? rc : act_end(a);
}

/* The component and the instant of a fee that was charged: those of its posting. */
static int reduce(struct act *a, const struct booking *b, const struct charge *c, int64_t resold_ms)
{
	struct charge_line line;
	struct fee f;
	int n = 0, rc = charge_lines(a->db, c->id, &line, 1, &n);

	if (rc || n == 0)
		return rc;
	/* the tier that was decided then: posted_at is the decision's instant, or the start for a no-show */
	rc = load_fee(a, b, line.component, b->ended_at ? b->ended_at : c->posted_at, resold_ms, &f);
	return rc ? rc : credit(a, b, c, &f, "others used part of the time");
}

int money_fee_resold(struct act *a, int64_t booking, int64_t due_at)
{
	struct charge fees[FEE_CHARGES];
	struct booking b;
	int64_t resold;
	int n = 0, rc = booking_load(a, booking, &b);

	if (rc)
		return rc < 0 ? rc : 0;
	resold = evidence_used_by_others(a->db, b.instrument, b.id, b.booked_from, b.booked_to);
	if (resold > b.booked_to - b.booked_from)
		resold = b.booked_to - b.booked_from;
	if (resold > 0)
		rc = load_fees(a, b.id, fees, &n);
	for (int i = 0; i < n && rc == 0; i++)
		rc = reduce(a, &b, &fees[i], resold);
	return rc ? rc : act_end(a);
}
