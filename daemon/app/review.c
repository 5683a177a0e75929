/*
 * review.c - sessions that need a human: items, proposals, decisions; two people where one must not decide alone.
 * Owns nothing. The store refuses a maker who is also the checker, whatever this file does.
 */
#include "app/review_step.h"

#include <string.h>

#include "app/money.h"
#include "app/session_step.h"
#include "common/fmt.h"
#include "store/people.h"

int review_item(struct act *a, int64_t id, struct review *ret)
{
	int rc = store_review_load(a->db, id, ret);

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "item", "there is no review item V-%lld", (long long)id);
	if (rc == 0 && (strcmp(ret->state, "done") == 0 || ret->decided_by[0]))
		return act_refuse(a, 409, "already-decided", "", "V-%lld was decided: %s", (long long)id,
			ret->decision);
	return rc;
}

int review_pending(struct act *a, int64_t session, bool *ret)
{
	*ret = store_review_pending(a->db, session);
	return act_end(a);
}

/* An item that is open stays the one to decide; what it is about may grow. */
static int take_on(struct act *a, struct review *r, const char *detail, const struct review_facts *f)
{
	/* the gap was given up with nothing measured, and is over now */
	bool same = f && f->from_at >= r->from_at && f->from_at < r->to_at;
	int64_t known, rest = f && f->rest_ms > 0 ? f->rest_ms : 0;

	if (!f || (!same && f->bound_ms == 0 && f->total_minor == r->total_minor))
		return REVIEW_KNOWN;
	known = same ? r->to_at - f->from_at : 0;
	r->bound_ms -= known < rest ? known : rest;
	r->from_at = r->from_at && r->from_at < f->from_at ? r->from_at : f->from_at;
	r->to_at = r->to_at > f->to_at ? r->to_at : f->to_at;
	r->bound_ms += f->bound_ms;
	r->total_minor = f->total_minor;
	lt_fmt(r->detail, sizeof(r->detail), "%s", detail);
	return store_review_update(a->db, r);
}

static int open_new(struct act *a, struct review *r, const char *detail)
{
	struct event_row e = { .kind = "review_opened", .instrument = r->instrument, .session = r->session,
		.facts = { .from_at = r->from_at, .to_at = r->to_at, .ms = r->held_ms, .most_ms = r->bound_ms,
			.minor = r->total_minor } };
	struct session s;
	int rc;

	r->id = act_id(a, "review");
	r->opened_at = a->now.wall_ms;
	lt_fmt(r->state, sizeof(r->state), "open");
	lt_fmt(r->detail, sizeof(r->detail), "%s", detail);
	rc = store_review_insert(a->db, r);
	lt_fmt(e.detail, sizeof(e.detail), "V-%lld %s%s%s", (long long)r->id, r->kind, detail[0] ? ": " : "", detail);
	act_event(a, &e);
	if (rc != 0 || !r->session)
		return rc != 0 ? rc : act_end(a);
	rc = session_load(a, r->session, &s);
	if (rc == 0 && strcmp(r->kind, "unattributed") == 0)
		store_claim_match(a->db, r->instrument, s.opened_at - QUIET_MS,
			(s.closed_at ? s.closed_at : a->now.wall_ms) + QUIET_MS, s.id);
	if (rc == 0 && s.closed_at && s.outcome != OUTCOME_CHARGED)
		rc = session_settled(a, r->session, OUTCOME_REVIEW);
	return rc < 0 ? rc : act_end(a);
}

int review_open_with(struct act *a, const char *kind, const char *instrument, int64_t session, const char *org,
	const char *detail,
	const struct review_facts *facts)
{
	struct review r;
	int rc = store_review_find(a->db, kind, instrument, session, &r);

	if (rc <= 0)
		return rc < 0 ? rc : take_on(a, &r, detail, facts);
	memset(&r, 0, sizeof(r));
	r.session = session;
	if (facts) {
		r.from_at = facts->from_at;
		r.to_at = facts->to_at;
		r.bound_ms = facts->bound_ms;
		r.total_minor = facts->total_minor;
		r.held_ms = facts->held_ms;
	}
	lt_fmt(r.kind, sizeof(r.kind), "%s", kind);
	lt_fmt(r.instrument, sizeof(r.instrument), "%s", instrument);
	lt_fmt(r.org, sizeof(r.org), "%s", org);
	return open_new(a, &r, detail);
}

int review_open(struct act *a, const char *kind, const char *instrument, int64_t session, const char *org,
	const char *detail)
{
	int rc = review_open_with(a, kind, instrument, session, org, detail, NULL);

	return rc == REVIEW_KNOWN ? 0 : rc;
}

static void propose(struct act *a, struct review *r, const char *what)
{
	lt_fmt(r->state, sizeof(r->state), "proposed");
	lt_fmt(r->proposal, sizeof(r->proposal), "%s", what);
	lt_fmt(r->proposed_by, sizeof(r->proposed_by), "%s", a->who.actor);
	r->proposed_at = a->now.wall_ms;
}

static void decide(struct act *a, struct review *r, const char *what, bool done)
{
	lt_fmt(r->state, sizeof(r->state), done ? "done" : "proposed");
	lt_fmt(r->decision, sizeof(r->decision), "%s", what);
	lt_fmt(r->decided_by, sizeof(r->decided_by), "%s", a->who.actor);
	r->decided_at = a->now.wall_ms;
}

void review_decide(struct act *a, struct review *r, const char *what)
{
	decide(a, r, what, true);
}

int review_save(struct act *a, struct review *r, const char *act, const char *reason)
{
	char object[32];

	lt_fmt(object, sizeof(object), "V-%lld", (long long)r->id);
	act_audit(a, act, object, r->proposal, r->decision, reason);
	return store_review_update(a->db, r);
}

#define PROPOSED 3 /* neither 0 nor one of act.h's answers */

/* 0: this person may decide what was proposed; PROPOSED: it is now; ACT_REFUSED. */
static int second_person(struct act *a, struct review *r, const char *what)
{
	if (strcmp(r->state, "open") == 0 || (strcmp(r->proposed_by, a->who.actor) == 0 && strcmp(r->proposal,
		what) != 0)) {
		propose(a, r, what); /* who proposed may think again */
		return PROPOSED;
	}
	if (strcmp(r->proposal, what) != 0)
		return act_refuse(a, 409, "other-proposal", "", "V-%lld: %s proposed \"%s\"; agree to that",
			(long long)r->id,
				  r->proposed_by, r->proposal);
	if (strcmp(r->proposed_by, a->who.actor) == 0)
		return act_refuse(a, 409, "second-person", "", "you proposed this; another manager must agree");
	return 0;
}

int review_decided(struct act *a, int64_t session)
{
	struct session s;
	bool pending;
	int rc = session ? session_load(a, session, &s) : 1;

	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	if (s.state == SESSION_CLOSED)
		rc = session_step(a, &s, SESSION_REVIEW, "manager", "reviewed");
	if (rc == 0)
		rc = review_pending(a, session, &pending);
	if (rc != 0 || pending || !s.closed_at)
		return rc;
	if (s.outcome == OUTCOME_REVIEW) {
		rc = session_settled(a, session,
			s.kind == SESSION_UNATTRIBUTED ? OUTCOME_UNATTRIBUTED : OUTCOME_SETTLING);
		if (rc != 0)
			return rc;
	}
	return money_settle(a, session);
}

static bool has_claimed(struct act *a, int64_t session, const char *org)
{
	struct claim c;
	int n = 0;

	return store_claim_list(a->db, session, org, &c, 1, &n) == 0 && n > 0;
}

static int check_person(struct act *a, const char *org, const char *user)
{
	struct user_row u;
	int rc = store_user_load(a->db, user, &u);

	if (rc < 0)
		return rc;
	if (rc > 0 || strcmp(u.org, org) != 0)
		return act_refuse(a, 422, "unknown-user", "user", "%s is not a user of %s", user, org);
	return 0;
}

static int closed_session(struct act *a, const struct review *r, struct session *ret)
{
	int rc = r->session ? session_load(a, r->session, ret) : 1;

	if (rc == 1)
		return act_refuse(a, 422, "no-session", "", "V-%lld is about the meter, not about a session",
			(long long)r->id);
	if (rc == 0 && session_is_open(ret))
		return act_refuse(a, 409, "session-open", "", "S-%lld is still open; decide when it has closed (five minutes after "
			"its run; a manager may close it now: labtime session close S-%lld --reason R)", (long long)r->session,
			(long long)r->session);
	return rc;
}

static int give_to(struct act *a, struct review *r, struct session *s, const char *org, const char *user, bool claimed)
{
	struct event_row e = { .kind = "session_attributed", .instrument = s->instrument, .org = org, .user = user,
		.session = s->id };
	int rc;

	s->kind = SESSION_BOOKED;
	lt_fmt(s->org, sizeof(s->org), "%s", org);
	lt_fmt(s->user, sizeof(s->user), "%s", user);
	lt_fmt(r->org, sizeof(r->org), "%s", org);
	rc = session_note(a, s, "manager", "attributed");
	store_claim_decide(a->db, s->id, org);
	lt_fmt(e.detail, sizeof(e.detail),
		claimed ? "your claim was granted" : "this use was found to be yours; you may object for 7 days");
	act_event(a, &e);
	if (!claimed) {
		r->due_at = a->now.wall_ms + OBJECTION_MS;
		act_timer(a, "objection", r->id, r->due_at);
	}
	return rc;
}

int review_attribute(struct act *a, int64_t id, const char *org, const char *user, const char *reason,
	struct review *ret)
{
	struct session s;
	char what[REVIEW_TEXT];
	bool claimed;
	int rc = review_item(a, id, ret);

	if (rc == 0)
		rc = closed_session(a, ret, &s);
	if (rc == 0 && s.kind != SESSION_UNATTRIBUTED)
		rc = act_refuse(a, 409, "attributed", "", "S-%lld is %s's already", (long long)s.id,
			s.org[0] ? s.org : "the lab");
	if (rc == 0)
		rc = check_person(a, org, user);
	if (rc != 0)
		return rc;
	rc = review_booking_over(a, &s, user);
	if (rc != 0)
		return rc;
	lt_fmt(what, sizeof(what), "attribute to %s of %s", user, org);
	claimed = has_claimed(a, s.id, org);
	rc = claimed ? 0 : second_person(a, ret, what);
	if (rc == ACT_REFUSED)
		return rc;
	if (rc == 0) {
		if (claimed && strcmp(ret->proposed_by, a->who.actor) == 0)
			ret->proposed_by[0] = '\0'; /* the org's claim is the other voice */
		decide(a, ret, what, claimed);
		rc = give_to(a, ret, &s, org, user, claimed);
		if (rc != 0)
			return rc;
	}
	rc = review_save(a, ret, rc == PROPOSED ? "review_attribute_propose" : "review_attribute", reason);
	if (rc == 0 && claimed)
		rc = review_into_booking(a, &s);
	if (rc == 0 && claimed)
		rc = review_decided(a, s.id);
	return rc != 0 ? rc : act_end(a);
}

/* What has no price cannot be accepted: the session would come back here for ever. */
static int check_price(struct act *a, const struct review *r)
{
	struct facts f = { .session = r->session };
	bool priceable = true;
	int rc = r->session && strcmp(r->kind, "supplement") != 0 ? money_priceable(a, r->session, &priceable) : 0;

	return rc != 0 || priceable ? rc : act_refuse_facts(a, 409, "cannot-be-priced", "", &f);
}

int review_accept(struct act *a, int64_t id, const char *reason, struct review *ret)
{
	struct session s;
	int rc = review_item(a, id, ret);

	if (rc == 0 && ret->session)
		rc = session_load(a, ret->session, &s);
	if (rc == 0 && ret->session && s.kind == SESSION_UNATTRIBUTED && strcmp(ret->kind, "unattributed") == 0)
		return act_refuse(a, 422, "nobody-to-charge", "", "S-%lld is nobody's: attribute it or waive it",
			(long long)s.id);
	if (rc == 0)
		rc = review_level_decidable(a, ret);
	if (rc == 0)
		rc = check_price(a, ret);
	if (rc != 0)
		return rc < 0 || rc == ACT_REFUSED ? rc : DB_CORRUPT;
	ret->proposed_by[0] = '\0'; /* a proposal to waive that was not agreed ends here */
	decide(a, ret, "accept what was measured", true);
	rc = review_save(a, ret, "review_accept", reason);
	if (rc == 0 && strcmp(ret->kind, "supplement") == 0)
		rc = money_supplement(a, ret->session, ret->total_minor);
	if (rc == 0)
		rc = review_decided(a, ret->session);
	return rc != 0 ? rc : metering_keep_held(a, ret->instrument);
}

/* ---- estimated time ---- */

static int check_estimate(struct act *a, const struct review *r, int64_t seconds)
{
	/* what is held may be measured yet, and would be charged beside its estimate */
	if (r->session && store_usage_is_held(a->db, r->session, r->from_at, r->to_at))
		return act_refuse(a, 409, "time-held", "estimated_seconds",
			"the hour meter holds time of S-%lld: decide its item of the kind meter_manual first", (long long)r->session);
	if (strcmp(r->kind, "meter_lost") != 0 && strcmp(r->kind, "meter_disagrees") != 0)
		return act_refuse(a, 422, "not-a-gap", "estimated_seconds",
			"V-%lld is %s; only time that a gap hid (meter_lost) or the counter did not count (meter_disagrees) can be estimated",
				  (long long)r->id, r->kind);
	if (seconds > r->bound_ms / 1000)
		return act_refuse(a, 422, "above-bound", "estimated_seconds",
			"V-%lld: at most %lld s can be charged as estimated: of a gap what was booked of it and "
				  "not measured, else what the run bit was on for longer than the counter counted", (long long)r->id,
					(long long)(r->bound_ms / 1000));
	return 0;
}

static int add_estimate(struct act *a, const struct review *r, struct session *s, int64_t seconds)
{
	struct usage u = { .id = act_id(a, "usage"), .session = s->id, .from_at = r->from_at, .to_at = r->to_at,
		.estimated_ms = seconds * 1000 };
	struct event_row e = { .kind = "estimate_approved", .instrument = s->instrument, .org = s->org, .user = s->user,
		.booking = s->booking, .session = s->id };
	int rc;

	lt_fmt(u.instrument, sizeof(u.instrument), "%s", s->instrument);
	lt_fmt(u.reason, sizeof(u.reason), "approved");
	rc = store_usage_insert(a->db, &u);
	s->estimated_ms += u.estimated_ms;
	if (rc == 0)
		rc = store_session_update(a->db, s);
	lt_fmt(e.detail, sizeof(e.detail),
		"%s and %s agreed to charge %lld s that no reading shows, as estimated; dispute the charge "
		"if they are wrong", r->proposed_by, r->decided_by, (long long)seconds);
	act_event(a, &e);
	return rc;
}

int review_estimate(struct act *a, int64_t id, int64_t seconds, const char *reason, struct review *ret)
{
	struct session s;
	char what[REVIEW_TEXT];
	int rc = review_item(a, id, ret);

	if (rc == 0)
		rc = check_estimate(a, ret, seconds);
	if (rc == 0)
		rc = closed_session(a, ret, &s);
	lt_fmt(what, sizeof(what), "charge %lld s as estimated", (long long)seconds);
	if (rc == 0)
		rc = second_person(a, ret, what);
	if (rc == ACT_REFUSED || rc < 0)
		return rc;
	if (rc == PROPOSED)
		return review_save(a, ret, "review_estimate_propose", reason);
	decide(a, ret, what, true);
	ret->estimated_ms = seconds * 1000;
	rc = review_save(a, ret, "review_estimate", reason);
	if (rc == 0)
		rc = add_estimate(a, ret, &s, seconds);
	return rc != 0 ? rc : review_decided(a, s.id);
}

static int waive_session(struct act *a, int64_t session)
{
	struct session s;
	int rc = session ? session_load(a, session, &s) : 1;

	if (rc != 0)
		return rc < 0 ? rc : act_end(a);
	if (s.state == SESSION_CLOSED)
		rc = session_step(a, &s, SESSION_REVIEW, "manager", "waived");
	if (rc == 0)
		rc = store_review_close_all(a->db, session, "waived with its session");
	if (rc != 0)
		return rc;
	act_timer_clear(a, "settle", session);
	return session_settled(a, session, s.kind == SESSION_UNATTRIBUTED ? OUTCOME_UNATTRIBUTED : OUTCOME_WAIVED);
}

int review_waive(struct act *a, int64_t id, const char *reason, struct review *ret)
{
	struct session s;
	bool supplement;
	int rc = review_item(a, id, ret);

	supplement = rc == 0 && strcmp(ret->kind, "supplement") == 0;
	if (rc == 0)
		rc = review_level_decidable(a, ret);
	if (rc == 0 && ret->session)
		rc = closed_session(a, ret, &s);
	if (rc == 0 && ret->session && s.outcome == OUTCOME_CHARGED && !supplement)
		rc = act_refuse(a, 409, "charged", "", "S-%lld was charged; a credit corrects it", (long long)s.id);
	if (rc == 0)
		rc = second_person(a, ret, "waive");
	if (rc == ACT_REFUSED || rc < 0)
		return rc;
	if (rc == 0)
		decide(a, ret, "waive", true);
	if (rc == PROPOSED)
		return review_save(a, ret, "review_waive_propose", reason);
	rc = review_save(a, ret, "review_waive", reason);
	if (rc == 0 && !supplement)
		rc = waive_session(a, ret->session);
	return rc != 0 ? rc : metering_keep_held(a, ret->instrument);
}

/* ---- a session that will not end ---- */

int session_close(struct act *a, int64_t id, const char *reason, struct session *ret)
{
	char object[32];
	int rc = session_load(a, id, ret);

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "session", "there is no session S-%lld", (long long)id);
	if (rc == 0 && !session_is_open(ret))
		return act_refuse(a, 409, "closed", "", "S-%lld is %s", (long long)id, session_state_name(ret->state));
	if (rc == 0)
		rc = act_park(a, ret->instrument);
	if (rc == 0)
		rc = session_load(a, id, ret);
	if (rc != 0)
		return rc;
	if (!session_is_open(ret))
		return act_end(a); /* the forced reading closed it */
	lt_fmt(object, sizeof(object), "S-%lld", (long long)id);
	act_audit(a, "session_close", object, session_state_name(ret->state), "closed", reason);
	if (ret->state == SESSION_RUNNING)
		ret->last_run_end_at = a->now.wall_ms;
	rc = session_end(a, ret, a->now.wall_ms, "manager", !a->unread);
	return rc != 0 ? rc : act_end(a);
}
