/*
 * review_meter.c - items "meter_manual": the register left its level in a way that no run explains. What it adds since
 * is held until it is back, a manager says "new meter", or a day has passed. Owns nothing.
 */
#include <string.h>

#include "app/review_step.h"
#include "app/session_step.h"
#include "common/fmt.h"

#define ITEMS_MAX 32

int review_level_held(struct act *a, const char *instrument, int64_t held_ms)
{
	return store_review_hold(a->db, instrument, held_ms);
}

static int back(struct act *a, struct review *r)
{
	lt_fmt(r->state, sizeof(r->state), "done");
	lt_fmt(r->decision, sizeof(r->decision), "the register is back at its old level");
	lt_fmt(r->decided_by, sizeof(r->decided_by), "meter");
	r->decided_at = a->now.wall_ms;
	return review_save(a, r, "review_back", "");
}

int review_level_over(struct act *a, const char *instrument, bool is_back)
{
	struct review r[ITEMS_MAX];
	int n, rc = store_review_held(a->db, instrument, r, ITEMS_MAX, &n);

	for (int k = 0; k < n && rc == 0; k++) {
		r[k].to_at = a->now.wall_ms;
		rc = is_back ? back(a, &r[k]) : store_review_update(a->db, &r[k]);
		if (rc == 0 && is_back)
			rc = review_decided(a, r[k].session);
	}
	return rc;
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
	i = site_instrument(a->site, ret->instrument);
	rc = i ? metering_new_meter(a, i, &ms) : 1;
	if (rc == 1)
		return act_refuse_facts(a, 409, "nothing-held", "", &(struct facts){ .n = id });
	if (rc == 0)
		rc = store_review_load(a->db, id, ret);
	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	review_decide(a, ret, "new meter");
	rc = review_save(a, ret, "review_new_meter", reason);
	return rc == 0 ? review_decided(a, ret->session) : rc;
}
