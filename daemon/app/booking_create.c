/*
 * booking_create.c - a new booking, or its quote: the same facts, the same rules, the same price; the quote stops
 * before it writes. R01 is asked first for its words and enforced by the store in any case.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/money.h"
#include "common/fmt.h"
#include "common/money.h"
#include "store/booking.h"

/* All that one candidate instrument needs to be judged. */
struct draft {
	struct policy policy;
	struct facts_for w;
	struct rule_facts facts;
	struct verdict rules, overridden;
	struct booking b;
	struct rate_result price_lines;  /* of the quote                                            */
};

static int whose(struct act *a, const struct booking_request *rq, struct booking *b)
{
	const char *user = rq->user[0] != '\0' ? rq->user : a->who.user;
	int rc;

	if (user[0] == '\0')
		return act_refuse(a, 422, "bad-request", "user",
			"say for which user: the local administrator is nobody's member");
	rc = store_active_user(a->db, user, b->org);
	if (rc < 0)
		return rc;
	/* Another org's user is nobody whom the caller may know of. */
	if (rc == 1 || (!act_is_staff(a) && strcmp(b->org, a->who.org) != 0))
		return act_refuse(a, 422, "unknown-user", "user", "there is no active user %s", user);
	if (!act_is_staff(a) && a->who.role != ROLE_ORG_ADMIN && strcmp(user, a->who.user) != 0)
		return act_refuse(a, 403, "forbidden", "user", "only your org's administrator or a manager may book for %s",
			user);
	lt_fmt(b->user, sizeof(b->user), "%s", user);
	return 0;
}

/* By the row that the booking would get. */
static int price_draft(struct act *a, struct draft *d)
{
	struct booking *b = &d->b;
	struct terms_rows terms = { 1, { { b->booked_from, b->booked_to, b->price_version, b->policy_version } } };
	int rc = money_quote(a, b, &terms, NULL, &d->price_lines);

	b->quote_minor = d->price_lines.total_minor;
	return rc;
}

static int judge(struct act *a, const struct booking_request *rq, const struct instrument *i, const struct booking *who,
		 struct draft *d)
{
	struct booking *b = &d->b;
	int rc;

	*b = *who;
	lt_fmt(b->instrument, sizeof(b->instrument), "%s", i->id);
	d->price_lines.n = 0;
	rc = terms_policy_at(a, i->id, a->now.wall_ms, &d->policy, &b->policy_version);
	if (rc == 0)
		rc = terms_price_for(a, i->id, b->org, a->now.wall_ms, NULL, &b->price_version);
	if (rc != 0)
		return rc;
	d->w = (struct facts_for){ .verb = BOOKING_CREATE, .instrument = b->instrument, .org = b->org, .user = b->user,
		.policy = &d->policy, .now = a->now.wall_ms, .at = { rq->from, rq->to } };
	if (rq->walk_up)
		rc = booking_now(a, &d->w);
	if (rc == 0) {
		booking_put(a, b, &d->w);
		rc = booking_facts(a, &d->w, &d->facts);
	}
	if (rc == 0)
		rc = booking_ask(a, &d->facts, rq->override_reason, &d->rules, &d->overridden);
	if (rc == 0 && b->booked_to > b->since && b->booked_to - b->booked_from <= CALENDAR_LONGEST)
		rc = price_draft(a, d);
	return rc;
}

/* The instrument, or the first of the kind that accepts; when none does, the first of the kind says why. */
static int choose(struct act *a, const struct booking_request *rq, struct draft *d)
{
	const struct site *s = a->site;
	struct booking who = { .state = BOOKING_CONFIRMED, .created_at = a->now.wall_ms, .version = 1 };
	const struct instrument *first = rq->kind[0] == '\0' ? site_instrument(s, rq->instrument) : NULL;
	int rc = rq->to > rq->from ? whose(a, rq, &who)
		: act_refuse(a, 422, "bad-interval", "to", "the end must be later than the start");

	if (rc != 0)
		return rc;
	lt_fmt(who.note, sizeof(who.note), "%s", rq->note);
	lt_fmt(who.project, sizeof(who.project), "%s", rq->project);
	lt_fmt(who.created_by, sizeof(who.created_by), "%s", a->who.actor);
	for (int i = 0; rq->kind[0] != '\0' && i < s->n_instruments; i++) {
		if (strcmp(s->instruments[i].kind, rq->kind) != 0)
			continue;
		rc = judge(a, rq, &s->instruments[i], &who, d);
		if (rc != 0 || d->rules.n == 0)
			return rc;
		if (first == NULL)
			first = &s->instruments[i];
	}
	if (first == NULL)
		return rq->kind[0] != '\0'
			? act_refuse(a, 422, "unknown-kind", "kind", "there is no instrument of kind %s", rq->kind)
			: act_refuse(a, 422, "unknown-instrument", "instrument", "there is no instrument %s", rq->instrument);
	return judge(a, rq, first, &who, d);
}

static int write_booking(struct act *a, struct draft *d, const char *reason)
{
	struct booking *b = &d->b;
	struct facts f = { .from_at = b->booked_from, .to_at = b->booked_to, .n = b->price_version };
	int rc;

	b->id = act_id(a, "booking");
	rc = store_booking_insert(a->db, b);
	if (rc == 0)
		rc = booking_place(a, b, &d->policy);
	if (rc == 1)
		return act_refuse(a, 409, "slot-taken", "from", "%s is taken in this time", b->instrument);
	if (rc == 0)
		rc = booking_record_overrides(a, b->id, &d->overridden, reason);
	if (rc != 0)
		return rc;
	lt_fmt(f.why, sizeof(f.why), "%s", b->walk_up ? "walk_up" : "");
	rc = booking_log(a, b, "create", "", &f);
	if (rc == 0)
		rc = booking_arm(a, b, &d->policy);
	act_lease(a, b->instrument);
	return rc;
}

int booking_create(struct act *a, const struct booking_request *rq, struct booking *ret)
{
	struct draft d;
	int rc = choose(a, rq, &d);

	if (rc != 0)
		return rc;
	if (d.rules.n > 0)
		return booking_refuse(a, &d.w, &d.facts, &d.rules, rq->kind);
	if (rq->has_max_price && d.b.quote_minor > rq->max_price_minor) {
		char price[40];

		lt_money_text(price, sizeof(price), d.b.quote_minor, a->site->exponent);
		return act_refuse(a, 422, "max-price", "max_price", "the price would be %s %s, more than the most you allow",
			price,
				  a->site->currency);
	}
	if (!a->dry_run)
		rc = write_booking(a, &d, rq->override_reason);
	if (rc != 0)
		return rc;
	*ret = d.b;
	return act_end(a);
}

int booking_quote(struct act *a, const struct booking_request *rq, struct booking_quote *ret)
{
	struct draft d;
	int rc = choose(a, rq, &d);

	if (rc != 0)
		return rc;
	memset(ret, 0, sizeof(*ret));
	ret->booking = d.b;
	ret->rules = d.rules;
	ret->price_lines = d.price_lines;
	if (d.rules.n == 0)
		return act_end(a);
	rc = booking_refuse(a, &d.w, &d.facts, &d.rules, rq->kind);
	if (rc < 0)
		return rc;
	/* A quote is an answer, not a refusal: what booking would say is its content. */
	for (int i = 0; i < a->refusal.n_conflicts; i++)
		ret->conflicts[ret->n_conflicts++] = (struct interval){ a->refusal.conflicts[i].from,
			a->refusal.conflicts[i].to };
	for (int i = 0; i < a->refusal.n_suggestions; i++) {
		memcpy(ret->suggestions[i].instrument, a->refusal.suggestions[i].instrument, LT_ID);
		ret->suggestions[i].from = a->refusal.suggestions[i].from;
		ret->suggestions[i].to = a->refusal.suggestions[i].to;
		ret->n_suggestions++;
	}
	memset(&a->refusal, 0, sizeof(a->refusal));
	return act_end(a);
}
