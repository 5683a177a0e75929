/*
 * posting.c - seals a charge: its lines, its canonical record and its double-entry transaction, in the open period.
 * Owns nothing after it returns; fails with the store's classes.
 */
#include <stdlib.h>
#include <string.h>

#include "app/jsonout.h"
#include "app/money.h"
#include "app/rating.h"
#include "base/base.h"
#include "common/fmt.h"
#include "common/money.h"
#include "store/ledger.h"

#define PERIODS_AHEAD 120

/* The period (site-local month) that a posting at this instant belongs to: its own, or the next one that is open. */
static int money_period(struct act *a, int64_t at, char ret[8])
{
	struct lt_civil c = lt_zone_civil(&a->site->zone, at);

	for (int i = 0; i < PERIODS_AHEAD; i++) {
		bool open;
		int rc;

		lt_fmt(ret, 8, "%04d-%02d", c.year, c.month);
		rc = period_ensure(a->db, ret, &open);
		if (rc < 0 || open)
			return rc < 0 ? rc : 0;
		c.year += c.month == 12;
		c.month = c.month == 12 ? 1 : c.month + 1;
	}
	return DB_MISUSE;
}

static bool is_fee(const struct posting *p)
{
	return p->fee != NULL || p->rating == NULL;
}

static void line_detail(const struct posting *p, const struct rate_line *l, char *dst, size_t cap)
{
	dst[0] = '\0';
	if (l->padding_s > 0)
		lt_fmt(dst, cap, "%lld s of it fill the billing step", (long long)l->padding_s);
	else if (l->component == COMP_GRACE)
		lt_fmt(dst, cap, "free");
	else if (l->component == COMP_FAULT)
		lt_fmt(dst, cap, "the instrument was at fault, not charged");
	else if (l->component == COMP_ESTIMATED)
		lt_fmt(dst, cap, l->factor_pm ? "not measured; two people agreed to charge it" : "not measured, not charged");
	else if (l->component == COMP_NO_SHOW || l->component == COMP_LATE_CANCEL) {
		lt_fmt(dst, cap, "%d.%02d %% of the booked price%s", l->fee_bp / 100, l->fee_bp % 100,
			interval_empty(p->fee->given) ? "" : ", for the part given up");
	}
}

static int charge_lines_of(const struct posting *p, struct charge_line *ret)
{
	if (p->corrects) {
		ret[0] = (struct charge_line){ .factor_pm = 1000, .amount_minor = p->result->total_minor - p->previous.minor };
		lt_fmt(ret[0].component, sizeof(ret[0].component), "%s", component_name(COMP_CORRECTION));
		lt_fmt(ret[0].detail, sizeof(ret[0].detail), "%s", p->reason);
		return 1;
	}
	for (int i = 0; i < p->result->n; i++) {
		const struct rate_line *l = &p->result->line[i];

		ret[i] = (struct charge_line){ .from_at = l->from_at, .to_at = l->to_at, .seconds = l->seconds,
			.rate_minor = l->rate_minor, .factor_pm = l->factor_pm, .amount_minor = l->amount_minor };
		lt_fmt(ret[i].component, sizeof(ret[i].component), "%s", component_name(l->component));
		line_detail(p, l, ret[i].detail, sizeof(ret[i].detail));
	}
	return p->result->n;
}

static void from_session(struct charge *c, const struct rating *r)
{
	const struct session *s = &r->s;

	c->session = s->id;
	c->booking = s->booking;
	lt_fmt(c->org, sizeof(c->org), "%s", s->org);
	lt_fmt(c->user, sizeof(c->user), "%s", s->user);
	lt_fmt(c->instrument, sizeof(c->instrument), "%s", s->instrument);
	lt_fmt(c->project, sizeof(c->project), "%s", r->in.booked ? r->b.project : "");
	c->service_from = r->in.n_pieces ? r->pieces[0].from_at : s->opened_at;
	c->service_to = r->in.n_pieces ? rating_last_instant(r) : s->opened_at;
}

static void from_booking(struct charge *c, const struct booking *b)
{
	c->booking = b->id;
	lt_fmt(c->org, sizeof(c->org), "%s", b->org);
	lt_fmt(c->user, sizeof(c->user), "%s", b->user);
	lt_fmt(c->instrument, sizeof(c->instrument), "%s", b->instrument);
	lt_fmt(c->project, sizeof(c->project), "%s", b->project);
	c->service_from = b->since;
	c->service_to = b->booked_to;
}

static int fill_charge(struct act *a, const struct posting *p, struct charge *c)
{
	const struct rate_result *r = p->result;
	const struct charge_balance *before = &p->previous;

	memset(c, 0, sizeof(*c));
	c->id = act_id(a, "charge");
	c->seq = act_id(a, "charge_seq");
	if (p->rating)
		from_session(c, p->rating);
	else
		from_booking(c, p->booking);
	lt_fmt(c->kind, sizeof(c->kind), "%s", p->kind);
	c->corrects = p->corrects;
	c->posted_at = a->now.wall_ms;
	lt_fmt(c->currency, sizeof(c->currency), "%s", a->site->currency);
	lt_fmt(c->flags, sizeof(c->flags), "%s", p->flags);
	c->amount_minor = r->total_minor - before->minor;
	if (p->rating) { /* a correction carries the difference, of seconds as of money */
		c->used_s = r->used_s - before->used_s;
		c->idle_s = r->idle_s - before->idle_s;
		c->fault_s = r->fault_s - before->fault_s;
		c->overrun_s = r->overrun_s - before->overrun_s;
		c->billed_s = r->billed_s - before->billed_s;
		c->estimated_s = r->estimated_s - before->estimated_s;
		c->gap_s = p->rating->gap_s - before->gap_s;
	}
	return money_period(a, c->posted_at, c->period);
}

static int post_txn(struct act *a, const struct posting *p, const struct charge *c)
{
	struct ledger_txn t = { .kind = p->kind, .idem_key = p->idem_key, .at = c->posted_at, .period = c->period, .n = 2 };
	int rc;

	if (c->amount_minor == 0)
		return 0;
	t.id = act_id(a, "txn");
	for (int i = 0; i < 2; i++)
		lt_fmt(t.entries[i].currency, sizeof(t.entries[i].currency), "%s", c->currency);
	lt_fmt(t.entries[0].account, sizeof(t.entries[0].account), "receivable:%s", c->org);
	lt_fmt(t.entries[1].account, sizeof(t.entries[1].account), "revenue:%s", is_fee(p) ? "fees" : c->instrument);
	t.entries[0].minor = c->amount_minor;
	t.entries[1].minor = -c->amount_minor;
	rc = ledger_post(a->db, &t);
	if (rc > 0) { /* our keys name one posting: a collision is our bug, and nothing may be posted over it */
		log_event(LOG_ERROR_LEVEL, "a transaction was refused", "key", p->idem_key, "why",
			rc == LEDGER_OTHER ? "same key, other content" : rc == LEDGER_AGAIN ? "posted before" : "unbalanced", NULL);
		return DB_MISUSE;
	}
	return rc;
}

static void tell(struct act *a, const struct posting *p, const struct charge *c)
{
	struct event_row e = { .kind = "charge_posted", .instrument = c->instrument, .org = c->org, .user = c->user,
		.booking = c->booking, .session = c->session, .charge = c->id };
	char amount[40];

	lt_money_text(amount, sizeof(amount), c->amount_minor, a->site->exponent);
	lt_fmt(e.detail, sizeof(e.detail), "C-%lld: %s %s%s%s", (long long)c->id, amount, c->currency, *p->reason ? ", " : "",
		p->reason);
	act_event(a, &e);
}

int posting_post(struct act *a, const struct posting *p, int64_t *ret_charge)
{
	static struct charge_line lines[RATE_LINES_MAX]; /* the ledger thread only; too large for the stack */
	struct jsonout o = { 0 };
	struct charge c;
	int n = charge_lines_of(p, lines), rc = fill_charge(a, p, &c);

	if (rc == 0)
		rc = posting_record(a, p, &c, lines, n, &o);
	if (rc == 0) {
		crypto_sha256(o.p, o.n, c.sha256);
		rc = charge_insert(a->db, &c, o.p, lines, n);
	}
	if (rc == 0)
		rc = post_txn(a, p, &c);
	jsonout_deinit(&o);
	if (rc)
		return rc;
	tell(a, p, &c);
	if (ret_charge)
		*ret_charge = c.id;
	return act_end(a);
}
