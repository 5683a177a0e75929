/*
 * booking_change.c - move, extend, shorten and cancel. Which verb it is follows from the times alone; an active
 * booking keeps its start and may only grow. Refused changes leave no trace.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/metering.h"
#include "app/money.h"
#include "common/fmt.h"
#include "common/money.h"
#include "store/booking.h"
#include "store/booking_term.h"

struct change {
	enum booking_verb verb;
	struct booking was, b;
	struct policy policy;            /* in force now */
	int64_t policy_version, price_version;
	struct facts_for w;
	struct rule_facts facts;
	struct verdict rules, overridden;
	struct terms_rows terms;         /* as they will be */
	struct kept_spans kept;          /* R27: likewise */
};

static const char *const verb_names[BOOKING_VERBS] = { [BOOKING_MOVE] = "move", [BOOKING_EXTEND] = "extend",
	[BOOKING_SHORTEN] = "shorten" };

/* BOOKING_VERBS: the times stay as they are. */
static enum booking_verb which_verb(const struct booking *was, const struct booking *b)
{
	if (was->booked_from != b->booked_from)
		return BOOKING_MOVE;
	if (was->booked_to == b->booked_to)
		return BOOKING_VERBS;
	return b->booked_to > was->booked_to ? BOOKING_EXTEND : BOOKING_SHORTEN;
}

/* The terms in force now, and where the booking would lie. */
static int prepare(struct act *a, const struct booking_patch *p, struct change *c)
{
	int rc = terms_policy_at(a, c->b.instrument, a->now.wall_ms, &c->policy, &c->policy_version);

	if (rc == 0)
		rc = terms_price_for(a, c->b.instrument, c->b.org, a->now.wall_ms, NULL, &c->price_version);
	if (rc != 0)
		return rc;
	c->w = (struct facts_for){ .instrument = c->b.instrument, .org = c->b.org, .user = c->b.user, .except = c->b.id,
		.policy = &c->policy, .now = a->now.wall_ms, .was = { c->was.booked_from, c->was.booked_to },
		.was_since = c->was.since,
		.at = { p->has_from ? p->from : c->was.booked_from, p->has_to ? p->to : c->was.booked_to } };
	if (p->walk_up)
		rc = booking_now(a, &c->w);
	c->b.booked_from = c->w.at.from;
	c->b.booked_to = c->w.at.to;
	c->verb = c->w.verb = which_verb(&c->was, &c->b);
	return rc;
}

static int judge_change(struct act *a, struct change *c, const char *reason)
{
	int rc = booking_facts(a, &c->w, &c->facts);

	return rc != 0 ? rc : booking_ask(a, &c->facts, reason, &c->rules, &c->overridden);
}

/* R27: an extension counts from now; what ran over before stays overrun. */
static int64_t kept_until(struct act *a, const struct change *c)
{
	if (c->verb != BOOKING_EXTEND || c->was.state != BOOKING_ACTIVE)
		return 0;
	return a->now.wall_ms < c->b.priced_to ? a->now.wall_ms : c->b.priced_to;
}

/* Added time gets the versions in force now, from its acceptance on; what ran over before keeps the last row's. */
static int add_term(struct act *a, struct change *c)
{
	struct terms_rows *t = &c->terms;
	struct booking_term added = { c->was.booked_to, c->b.booked_to, c->price_version, c->policy_version };

	if (a->now.wall_ms > added.from_at && a->now.wall_ms < added.to_at)
		added.from_at = a->now.wall_ms;
	if (t->n == RATE_LISTS_MAX)
		return money_too_many_lists(a, c->b.instrument);
	t->row[t->n++] = added;
	return 0;
}

static void cut_terms(struct change *c)
{
	struct terms_rows *t = &c->terms;

	while (t->n > 1 && t->row[t->n - 1].from_at >= c->b.booked_to)
		t->n--;
	t->row[t->n - 1].to_at = c->b.booked_to;
}

/* The rows as the verb wants them: a move is made anew, added time is as of now, the rest stays. */
static int change_terms(struct act *a, struct change *c)
{
	int rc = 0;

	if (c->verb == BOOKING_MOVE) {
		c->terms.n = 1;
		c->terms.row[0] = (struct booking_term){ c->b.booked_from, c->b.booked_to, c->price_version,
			c->policy_version };
		c->b.policy_version = c->policy_version;
		c->b.price_version = c->price_version;
		return 0;
	}
	rc = terms_rows_load(a, c->b.id, &c->terms);
	if (rc > 0)
		return money_too_many_lists(a, c->b.instrument);
	if (rc == 0 && c->verb == BOOKING_EXTEND)
		rc = add_term(a, c);
	if (rc == 0 && c->verb == BOOKING_SHORTEN)
		cut_terms(c);
	return rc;
}

static int reprice(struct act *a, struct change *c)
{
	int64_t delay = c->was.priced_to - c->was.booked_to;
	struct rate_result quote;
	int rc;

	if (c->verb == BOOKING_MOVE)
		booking_put(a, &c->b, &c->w);
	c->b.priced_to = c->b.booked_to + delay;
	if (c->verb != BOOKING_EXTEND || c->b.held_to < c->b.booked_to)
		c->b.held_to = c->b.booked_to;
	if (c->verb == BOOKING_EXTEND)
		c->b.released_at = 0;
	rc = change_terms(a, c);
	if (rc == 0)
		rc = booking_kept(a, &c->was, kept_until(a, c), &c->kept);
	if (rc == 1)
		return act_refuse(a, 409, "extended-too-often", "to",
			"B-%lld was extended %d times after its end; check out and book again", (long long)c->was.id,
			RATE_KEPT_MAX);
	if (rc == 0)
		rc = money_quote(a, &c->b, &c->terms, &c->kept, &quote);
	if (rc == 0)
		c->b.quote_minor = quote.total_minor;
	return rc;
}

/* Rows are closed and added as c->terms says. */
static int write_terms(struct act *a, const struct change *c)
{
	int64_t id = c->b.id, now = store_booking_terms_label(a->db, id, a->now.wall_ms);

	if (c->verb == BOOKING_EXTEND)
		return store_booking_term_add(a->db, id, &c->terms.row[c->terms.n - 1], now);
	if (c->verb == BOOKING_SHORTEN)
		return store_booking_terms_cut(a->db, id, c->b.booked_to, now);
	store_booking_terms_cut(a->db, id, 0, now);
	return store_booking_term_add(a->db, id, &c->terms.row[0], now);
}

static int write_change(struct act *a, struct change *c, const char *reason)
{
	struct facts f = { .from_at = c->b.booked_from, .to_at = c->b.booked_to, .n = c->price_version };
	struct policy own;
	int rc = booking_place(a, &c->b, &c->policy);

	if (rc == 1)
		return act_refuse(a, 409, "slot-taken", "from", "%s is taken in this time", c->b.instrument);
	if (rc == 0 && c->verb == BOOKING_MOVE)
		rc = booking_refit(a, c->b.instrument, c->was.booked_from);
	if (rc == 0)
		rc = booking_record_overrides(a, c->b.id, &c->overridden, reason);
	if (rc == 0)
		rc = terms_policy(a, c->b.instrument, c->b.policy_version, &own);
	if (rc == 0)
		rc = booking_keep_overrun(a, &c->was, kept_until(a, c));
	if (rc == 0)
		rc = write_terms(a, c);
	if (rc != 0)
		return rc;
	rc = booking_note(a, &c->b, verb_names[c->verb], &f);
	act_lease(a, c->b.instrument);
	return rc != 0 ? rc : booking_arm(a, &c->b, &own);
}

static int change_texts(struct act *a, const struct booking_patch *p, struct change *c)
{
	if (!p->has_note && !p->has_project)
		return 0;
	return a->dry_run ? 0 : booking_note(a, &c->b, "edit", &(struct facts){ 0 });
}

static int check_state(struct act *a, const struct change *c)
{
	if (!booking_is_live(c->was.state))
		return act_refuse(a, 409, "wrong-state", "", "B-%lld is %s and stays so", (long long)c->was.id,
				  booking_state_name(c->was.state));
	if (c->b.booked_to <= c->b.booked_from)
		return act_refuse(a, 422, "bad-interval", "to", "the end must be later than the start");
	if (c->was.state == BOOKING_ACTIVE && c->verb != BOOKING_EXTEND && c->verb != BOOKING_VERBS)
		return act_refuse(a, 409, "only-grows", "",
			"B-%lld is in use: its start is fixed and its end may only be later; "
				  "check out to end it", (long long)c->was.id);
	return 0;
}

int booking_change(struct act *a, int64_t id, int64_t version, const struct booking_patch *p, struct booking *ret)
{
	struct change c;
	int rc = booking_open(a, id, version, &c.was);

	if (rc != 0)
		return rc;
	c.b = c.was;
	rc = prepare(a, p, &c);
	if (rc != 0)
		return rc;
	if (p->has_note)
		lt_fmt(c.b.note, sizeof(c.b.note), "%s", p->note);
	if (p->has_project)
		lt_fmt(c.b.project, sizeof(c.b.project), "%s", p->project);
	rc = check_state(a, &c);
	if (rc == 0 && c.verb == BOOKING_VERBS) {
		rc = change_texts(a, p, &c);
	} else if (rc == 0) {
		rc = judge_change(a, &c, p->override_reason);
		if (rc == 0 && c.rules.n > 0)
			return booking_refuse(a, &c.w, &c.facts, &c.rules, "");
		if (rc == 0)
			rc = reprice(a, &c);
		if (rc == 0)
			rc = booking_give_up(a, &c.was, &c.b);
		if (rc == 0 && !a->dry_run)
			rc = write_change(a, &c, p->override_reason);
	}
	if (rc != 0)
		return rc;
	*ret = c.b;
	return act_end(a);
}

/* What cancelling now is: its event, the code for the history, of a no-show what it rests on, and what was due for
 * parts that were given up before. */
struct ending { enum booking_event event; const char *why; struct use_facts seen; int64_t due_minor; };

static int which_ending(struct act *a, const struct booking *b, struct ending *ret)
{
	int64_t now = a->now.wall_ms;
	enum use_verdict v;
	struct policy p;
	int rc;

	*ret = (struct ending){ .event = BOOKING_DO_CANCEL, .why = "", .seen = { .at = now, .left = true } };
	if (now < b->booked_from || b->state == BOOKING_PENDING)
		return 0;
	if (b->waiting) {
		ret->event = now - b->booked_from >= (b->booked_to - b->booked_from) / 2 ? BOOKING_DISPLACE : BOOKING_LAPSE;
		ret->why = "held_up";
		return 0;
	}
	rc = terms_policy(a, b->instrument, b->policy_version, &p);
	if (rc == 0)
		rc = booking_judge(a, b, &p, &ret->seen, &v);
	if (rc != 0)
		return rc;
	ret->event = v == USE_LAPSED ? BOOKING_LAPSE : BOOKING_MISS;
	ret->why = v == USE_LAPSED ? booking_why_lapsed(b, &ret->seen) : "after_start";
	return 0;
}

/* The fee of an ending, posted or (dry run) shown. */
static int ending_fee(struct act *a, struct booking *b, const struct ending *e)
{
	if (e->event == BOOKING_DO_CANCEL)
		return booking_late_cancel(a, b, a->now.wall_ms);
	if (e->event != BOOKING_MISS)
		return 0;
	if (a->dry_run)
		return money_fee_preview(a, b, "no_show", a->now.wall_ms, &b->fee_minor);
	return money_fee(a, b, "no_show", &e->seen, a->now.wall_ms, &b->fee_minor);
}

/* What the ending adds to what was due before, for the history. The fee of a cancellation may still be to come. */
static int cost_of(struct act *a, const struct booking *b, const struct ending *e, struct facts *ret)
{
	bool usable = true;
	int rc = 0;

	ret->minor = b->fee_minor - e->due_minor;
	if (e->event == BOOKING_DO_CANCEL && a->now.wall_ms < b->booked_from)
		rc = metering_usable_at(a, b->instrument, a->now.wall_ms, &usable);
	if (!usable)
		lt_fmt(ret->why, sizeof(ret->why), "undecided");
	else if (ret->minor > 0)
		lt_fmt(ret->why, sizeof(ret->why), "%s", e->event == BOOKING_MISS ? "after_start_fee" : "fee");
	else
		lt_fmt(ret->why, sizeof(ret->why), "%s", e->why[0] ? e->why : "no_fee");
	return rc;
}

static int refuse_cancel(struct act *a, const struct booking *b)
{
	struct session s;
	int rc;

	if (!booking_is_live(b->state))
		return act_refuse(a, 409, "wrong-state", "", "B-%lld is %s and stays so", (long long)b->id,
				  booking_state_name(b->state));
	rc = session_of_booking(a, b->id, &s);
	if (b->state == BOOKING_ACTIVE || rc == 0)
		return act_refuse(a, 409, "session-open", "", "B-%lld is in use; check out (`labtime stop B-%lld`) instead",
				  (long long)b->id, (long long)b->id);
	return rc < 0 ? rc : 0;
}

static int cancel_booking(struct act *a, int64_t id, const char *reason, bool free_of_charge, struct booking *ret)
{
	struct ending e;
	struct booking b;
	struct facts f = { .why = "free" };
	int rc = booking_open(a, id, 0, &b);

	if (rc == 0)
		rc = refuse_cancel(a, &b);
	if (rc == 0)
		rc = which_ending(a, &b, &e);
	if (rc == 0)
		rc = money_fees_due(a, b.id, &b.fee_minor);
	if (rc == 0 && !free_of_charge) {
		e.due_minor = b.fee_minor;
		rc = ending_fee(a, &b, &e);
	}
	if (rc == 0 && !free_of_charge)
		rc = cost_of(a, &b, &e, &f);
	if (rc != 0)
		return rc;
	if (a->dry_run) {
		booking_next(b.state, e.event, &b.state);
		*ret = b;
		return act_end(a);
	}
	if (a->now.wall_ms < b.held_to)
		b.held_to = a->now.wall_ms > b.booked_from ? a->now.wall_ms : b.booked_from;
	rc = booking_step(a, &b, e.event, "cancel", reason, &f);
	if (rc == 0)
		rc = booking_unplace(a, &b);
	if (rc == 0)
		rc = metering_booking_gone(a, b.id);
	if (rc != 0)
		return rc;
	*ret = b;
	return act_end(a);
}

int booking_cancel(struct act *a, int64_t id, const char *reason, struct booking *ret)
{
	return cancel_booking(a, id, reason, false, ret);
}

int booking_withdraw(struct act *a, int64_t id, const char *reason, struct booking *ret)
{
	return cancel_booking(a, id, reason, true, ret);
}
