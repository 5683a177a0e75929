/*
 * disown.c - what an owner says is not theirs: a run that began before their check-in, or without one, until it
 * settles; and an attribution that an org objects to. It becomes nobody's and is reviewed. Owns nothing; refuses with a
 * code and facts.
 */
#include <string.h>

#include "app/money.h"
#include "app/review.h"
#include "app/session_step.h"
#include "common/fmt.h"

/* The attribution of the session that its org may still object to; 1: there is none. */
static int objection_item(struct act *a, int64_t session, struct review *ret)
{
	int rc = store_review_find(a->db, "unattributed", "", session, ret);

	return rc == 0 && ret->due_at > a->now.wall_ms && ret->decided_by[0] ? 0 : rc < 0 ? rc : 1;
}

static int refuse(struct act *a, const char *code, const struct session *s)
{
	struct facts f = { .session = s->id, .at = s->checkin_at };

	return act_refuse_facts(a, 409, code, "", &f);
}

/* Until when the session is not surely its owner's: their check-in; without one, all of it (INT64_MAX). */
static int64_t unsure_until(const struct session *s)
{
	return s->checkin_at ? s->checkin_at : INT64_MAX;
}

static int may_disown(struct act *a, const struct session *s, int64_t before)
{
	if (s->kind != SESSION_BOOKED)
		return refuse(a, "not-booked", s);
	if (!s->booking || (!s->presumed && !s->checkin_at))
		return refuse(a, "attributed", s);
	if (s->outcome == OUTCOME_CHARGED || s->outcome == OUTCOME_WAIVED)
		return refuse(a, "settled", s);
	if (unsure_until(s) <= s->opened_at || (before && before <= s->opened_at))
		return refuse(a, "nothing-to-disown", s);
	if (before > unsure_until(s))
		return refuse(a, "after-checkin", s);
	return 0;
}

static void nobodys(struct session *s)
{
	s->kind = SESSION_UNATTRIBUTED;
	s->presumed = false;
	s->disowned = true;
	s->booking = 0;
	s->org[0] = s->user[0] = '\0';
}

static int object(struct act *a, struct review *r, struct session *s, const char *detail, const char *reason)
{
	char item[32];
	int rc;

	nobodys(s);
	rc = session_note(a, s, "user", detail);
	act_timer_clear(a, "objection", r->id);
	lt_fmt(item, sizeof(item), "V-%lld", (long long)r->id);
	act_audit(a, "session_object", item, r->decision, detail, reason);
	lt_fmt(r->state, sizeof(r->state), "open");
	lt_fmt(r->detail, sizeof(r->detail), "%s", detail);
	r->proposal[0] = r->proposed_by[0] = r->decision[0] = r->decided_by[0] = r->org[0] = '\0';
	r->proposed_at = r->decided_at = r->due_at = 0;
	return rc != 0 ? rc : store_review_update(a->db, r);
}

static int give_back_all(struct act *a, struct session *s, const char *detail)
{
	int rc;

	nobodys(s);
	rc = session_note(a, s, "user", detail);
	act_timer_clear(a, "settle", s->id);
	return rc != 0 ? rc : review_open(a, "unattributed", s->instrument, s->id, "", detail);
}

static int give_back_part(struct act *a, struct session *s, int64_t cut, const char *detail)
{
	struct session part;
	int rc = metering_give_back(a, s, cut, &part);

	if (rc == 0)
		rc = review_open(a, "unattributed", part.instrument, part.id, "", detail);
	return rc == 0 && s->closed_at ? money_settle(a, s->id) : rc;
}

int session_disown(struct act *a, int64_t id, int64_t before, const char *reason, struct session *ret)
{
	struct review r;
	char detail[REVIEW_TEXT];
	int64_t cut;
	int rc = session_load(a, id, ret), objects;

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "session", "there is no session S-%lld", (long long)id);
	if (rc != 0)
		return rc;
	objects = objection_item(a, id, &r);
	if (objects < 0)
		return objects;
	lt_fmt(detail, sizeof(detail), "%s by %s%s%s", objects == 0 ? "objected to" : "disowned", a->who.actor,
		reason[0] ? ": " : "", reason);
	rc = objects == 1 ? may_disown(a, ret, before) : 0;
	if (rc != 0)
		return rc;
	cut = before ? before : unsure_until(ret);
	if (objects == 0)
		rc = object(a, &r, ret, detail, reason);
	else if (cut > a->now.wall_ms || (ret->closed_at && cut >= ret->closed_at))
		rc = give_back_all(a, ret, detail);
	else
		rc = give_back_part(a, ret, cut, detail);
	if (rc == 0)
		rc = session_load(a, id, ret);
	return rc != 0 ? rc : act_end(a);
}
