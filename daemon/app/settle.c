/*
 * settle.c - when a closed session becomes money: at once if its end reading is there and nothing is in doubt, else by
 * its timer; an implausible one goes to review instead; a charged one is rated again and only ever lowered.
 * Owns nothing; idempotent.
 */
#include <stdlib.h>
#include <string.h>

#include "app/booking.h"
#include "app/metering.h"
#include "app/money.h"
#include "app/rating.h"
#include "app/timers.h"
#include "common/fmt.h"
#include "store/evidence.h"

#define END_READING_WAIT (60 * LT_SECOND)
#define HISTORY_MIN 20          /* sessions before a median says anything */
#define HISTORY_MAX 64
#define HISTORY_FACTOR 10

/* ---- is it plausible ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Median of the org's sessions on instruments of this one's kind; 0 when there are too few. */
static int64_t usual_seconds(struct act *a, const struct session *s)
{
	const struct instrument *mine = site_instrument(a->site, s->instrument), *other;
	int64_t used[HISTORY_MAX];
	char on[HISTORY_MAX][LT_ID];
	int n = 0, kept = 0;

	if (!mine || charge_recent_used(a->db, s->org, used, on, HISTORY_MAX, &n) < 0)
		return 0;
	for (int i = 0; i < n; i++) {
		other = site_instrument(a->site, on[i]);
		if (other && strcmp(other->kind, mine->kind) == 0)
			used[kept++] = used[i];
	}
	if (kept < HISTORY_MIN)
		return 0;
	qsort(used, (size_t)kept, sizeof(used[0]), by_value);
	return used[kept / 2];
}

/* Why this charge may not be posted without a person, or NULL. */
static const char *implausible(struct act *a, const struct rating *r)
{
	const struct session *s = &r->s;
	int64_t from = r->in.n_pieces ? r->pieces[0].from_at : s->opened_at;
	int64_t to = r->in.n_pieces ? r->pieces[r->in.n_pieces - 1].to_at : s->closed_at;
	int64_t wall = to - (from < s->opened_at ? from : s->opened_at), usual;

	if (r->result.used_s * 1000 > wall + LT_MINUTE + wall / 1000)
		return "more seconds were metered than the clock has";
	if (evidence_overlap(a->db, s->instrument, s->id, from, to))
		return "another session of this unit overlaps it";
	usual = usual_seconds(a, s);
	if (usual > 0 && r->result.used_s > HISTORY_FACTOR * usual && (!r->in.booked || r->result.overrun_s > 0))
		return "ten times longer than this org's usual session and outside its booking";
	return NULL;
}

/* ---- posting ---- */

static void add_flag(char flags[96], bool on, const char *name)
{
	size_t n = strlen(flags);

	if (on)
		lt_fmt(flags + n, 96 - n, "%s%s", n ? "," : "", name);
}

static int post_usage(struct act *a, const struct rating *r, bool late)
{
	char key[48], flags[96] = "";
	struct posting p = { .kind = "usage", .reason = "", .rating = r, .result = &r->result, .flags = flags,
		.idem_key = key };
	bool unplaced = false;
	int rc;

	for (int i = 0; i < r->in.n_pieces; i++)
		unplaced |= !r->pieces[i].placed && r->pieces[i].measured_ms > 0;
	lt_fmt(key, sizeof(key), "session:%lld:usage", (long long)r->s.id);
	add_flag(flags, !r->s.end_reading, "no_end_reading");
	add_flag(flags, late, "gap");
	add_flag(flags, unplaced, "unplaced");
	add_flag(flags, r->result.estimated_s > 0, "estimated");
	add_flag(flags, r->s.presumed, "presumed");
	add_flag(flags, r->s.bypassed, "interlock_bypassed");
	rc = posting_post(a, &p, NULL);
	return rc ? rc : session_settled(a, r->s.id, OUTCOME_CHARGED);
}

static int settle_now(struct act *a, int64_t session, bool late)
{
	struct rating *r = NULL;
	const char *why = NULL;
	int rc = rating_session(a, session, &r);

	if (rc == RATING_TOO_MUCH)
		why = "its price is beyond what one charge may be";
	else if (rc == 0 && !evidence_review_done(a->db, session, "implausible"))
		why = implausible(a, r);
	if (why)
		rc = review_open(a, "implausible", r->s.instrument, session, r->s.org, why);
	else if (rc == 0)
		rc = post_usage(a, r, late);
	rating_free(r);
	if (rc == 0)
		act_timer_clear(a, "settle", session);
	return rc ? rc : act_end(a);
}

/* Rates a charged session again: less is credited at once, more is only told. */
static int rate_again(struct act *a, int64_t session)
{
	struct charge c;
	struct rating *r = NULL;
	char key[64];
	struct posting p = { .kind = "credit", .reason = "later data", .flags = "", .idem_key = key };
	int credits = 0, rc = charge_of_session(a->db, session, &c);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = rating_session(a, session, &r);
	if (rc == 0)
		rc = charge_balance(a->db, c.id, &p.previous_minor, &credits);
	if (rc == 0 && r->result.total_minor < p.previous_minor) {
		lt_fmt(key, sizeof(key), "charge:%lld:credit:%d", (long long)c.id, credits + 1);
		p.rating = r;
		p.result = &r->result;
		p.corrects = c.id;
		rc = posting_post(a, &p, NULL);
	} else if (rc == 0 && r->result.total_minor > p.previous_minor) {
		struct event_row e = { .kind = "charge_low", .instrument = c.instrument, .session = session, .charge = c.id };

		lt_fmt(e.detail, sizeof(e.detail), "later data would make C-%lld higher; nothing was posted", (long long)c.id);
		act_event(a, &e);
	}
	rating_free(r);
	return rc < 0 ? rc : act_end(a);
}

/* ---- when ---- */

/* Waits for its last reading or for the end of a gap. True and *ret_until (the instant at which it no longer waits). */
static int must_wait(struct act *a, const struct session *s, bool *ret_gap, int64_t *ret_until)
{
	struct policy policy;
	int64_t version;
	int rc = metering_in_gap(a, s->instrument, s->closed_at, ret_gap);

	*ret_until = s->end_reading ? 0 : s->closed_at + END_READING_WAIT;
	if (rc == 0 && *ret_gap) {
		rc = terms_policy_at(a, s->instrument, s->opened_at, &policy, &version);
		*ret_until = s->closed_at + policy.settle_ms;
	}
	return rc;
}

static int settle_closed(struct act *a, const struct session *s)
{
	bool pending, gap = false;
	int64_t until;
	int rc = review_pending(a, s->id, &pending);

	if (rc || pending)
		return rc;
	rc = must_wait(a, s, &gap, &until);
	if (rc)
		return rc;
	if (a->now.wall_ms < until) {
		act_timer(a, "settle", s->id, until);
		return act_end(a);
	}
	return settle_now(a, s->id, gap);
}

int money_settle(struct act *a, int64_t session)
{
	struct session s;
	int rc = session_load(a, session, &s);

	if (rc || s.closed_at == 0)
		return rc < 0 ? rc : 0;
	switch (s.outcome) {
	case OUTCOME_CHARGED:
		return rate_again(a, session);
	case OUTCOME_WAIVED:
	case OUTCOME_INTERNAL:
		return 0;
	default:
		break;
	}
	if (s.kind == SESSION_INTERNAL)
		return session_settled(a, session, OUTCOME_INTERNAL);
	if (s.kind == SESSION_UNATTRIBUTED || s.org[0] == '\0')
		return 0; /* review attributes it, or it stays what it is */
	return settle_closed(a, &s);
}

static int fire_settle(struct act *a, int64_t ref, int64_t due_at)
{
	return money_settle(a, ref);
}

int money_fee_resold(struct act *a, int64_t booking, int64_t due_at);

const struct timer_kind money_timers[] = {
	{ "settle", fire_settle },
	{ "fee_resold", money_fee_resold },
	{ NULL, NULL },
};
