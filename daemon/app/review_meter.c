/*
 * review_meter.c - items "meter_manual": the register left its level in a way that no run explains. What it adds since
 * is held until it is back, a manager says "new meter", or a day has passed. A session that closes meanwhile has an item
 * of its own, and the meter has one where no session's is left. Owns nothing.
 */
#include <string.h>

#include "app/review_step.h"
#include "app/session_step.h"
#include "common/fmt.h"

#define ITEMS_MAX 32

static int open_item(struct act *a, const char *instrument, const struct session *s, const struct review_facts *f)
{
	int rc = review_open_with(a, "meter_manual", instrument, s ? s->id : 0, s ? s->org : "", "", f);

	return rc == REVIEW_KNOWN ? 0 : rc;
}

int review_level_waits(struct act *a, const struct session *s)
{
	struct meter m;
	int rc = store_meter_load(a->db, s->instrument, &m);

	return rc != 0 ? rc : open_item(a, s->instrument, s, &(struct review_facts){ .from_at = m.held_wall_ms,
		.held_ms = store_usage_held_of(a->db, s->id) });
}

int review_level_held(struct act *a, const char *instrument, int64_t since, int64_t held_ms)
{
	struct review one;
	int n, rc = store_review_held(a->db, instrument, 0, &one, 1, &n);

	if (rc == 0 && n == 0)
		rc = open_item(a, instrument, NULL, &(struct review_facts){ .from_at = since, .held_ms = held_ms });
	return rc == 0 ? store_review_hold(a->db, instrument, held_ms) : rc;
}

/* Nobody has to decide it any more. */
static int item_over(struct act *a, struct review *r, enum level_end end, const char *how)
{
	r->to_at = a->now.wall_ms;
	r->proposed_by[0] = '\0'; /* a proposal to waive that was not agreed ends here */
	review_decide(a, r, how);
	if (end != LEVEL_BELIEVED)
		lt_fmt(r->decided_by, sizeof(r->decided_by), "meter");
	return review_save(a, r, "review_level_over", "");
}

/* An item that stays for a person to see. */
static int item_seen(struct act *a, struct review *r)
{
	r->to_at = a->now.wall_ms;
	return store_review_update(a->db, r);
}

/* Was what this session waits for in the part of the hold that is over? */
static bool holds_no_more(struct act *a, const struct review *r)
{
	return r->session && r->held_ms > 0 && store_usage_held_of(a->db, r->session) == 0;
}

int review_level_over(struct act *a, const struct level_over *o)
{
	static const char *const how[] = { "the register is back at its old level", "new meter",
		"another device answers: what was held is measured", "a day has passed: what was held is measured" };
	struct review r[ITEMS_MAX];
	int64_t last = 0;
	bool seen = o->goes_on || o->how != LEVEL_AGED;
	int n, rc;

	do {
		rc = store_review_held(a->db, o->instrument, last, r, ITEMS_MAX, &n);
		for (int k = 0; k < n && rc == 0; k++) {
			last = r[k].id;
			if (o->goes_on && !holds_no_more(a, &r[k]))
				continue;
			if (o->how == LEVEL_AGED && !r[k].session) {
				seen = true;
				rc = item_seen(a, &r[k]);
				continue;
			}
			rc = item_over(a, &r[k], o->how, how[o->how]);
			if (rc == 0)
				rc = review_decided(a, r[k].session);
		}
	} while (rc == 0 && n == ITEMS_MAX);
	if (rc == 0 && !seen)
		rc = open_item(a, o->instrument, NULL, &(struct review_facts){ .from_at = o->from, .to_at = a->now.wall_ms,
			.held_ms = o->ms });
	return rc;
}

int review_level_decidable(struct act *a, const struct review *r)
{
	struct facts f = { .n = r->id, .from_at = r->from_at };

	lt_fmt(f.instrument, sizeof(f.instrument), "%s", r->instrument);
	if (strcmp(r->kind, "meter_manual") != 0 || r->session || r->to_at || !metering_holds(a, r->instrument, INT64_MAX))
		return 0;
	return act_refuse_facts(a, 409, "still-held", "", &f);
}

int review_new_meter(struct act *a, int64_t id, const char *reason, struct review *ret)
{
	const struct instrument *i;
	int64_t ms;
	int rc = review_item(a, id, ret);

	if (rc == 0 && strcmp(ret->kind, "meter_manual") != 0)
		return act_refuse_facts(a, 422, "not-a-level", "", &(struct facts){ .n = id });
	if (rc != 0)
		return rc;
	ret->to_at = a->now.wall_ms;
	ret->proposed_by[0] = '\0';
	review_decide(a, ret, "new meter");
	rc = review_save(a, ret, "review_new_meter", reason); /* the others are done with it */
	i = site_instrument(a->site, ret->instrument);
	if (rc == 0)
		rc = i ? metering_new_meter(a, i, &ms) : 1;
	if (rc == 1)
		return act_refuse_facts(a, 409, "nothing-held", "", &(struct facts){ .n = id });
	return rc == 0 ? review_decided(a, ret->session) : rc;
}
