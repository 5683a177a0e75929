/*
 * settle.c - when a closed session becomes money: at once if its end reading is there and nothing is in doubt, else by
 * its timer; an implausible one goes to review instead; a charged one is rated again: lowered at once, raised only
 * after a review.
 * Owns nothing; idempotent.
 */
#include <stdlib.h>
#include <string.h>

#include "app/booking.h"
#include "app/clock.h"
#include "app/metering.h"
#include "app/money.h"
#include "app/rating.h"
#include "app/timers.h"
#include "app/review.h"
#include "common/fmt.h"
#include "common/money.h"
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
	int64_t to = r->in.n_pieces ? rating_last_instant(r) : s->closed_at;
	int64_t begin = from < s->opened_at ? from : s->opened_at, wall = to - begin + clock_back_ms(a, begin), usual;

	if (r->result.used_s * 1000 > wall + LT_MINUTE + wall / 1000)
		return "more seconds were metered than the clock has";
	if (!s->unplaced && to - from > 2 * RATING_LABEL_MS &&
			evidence_overlap(a->db, s->instrument, s->id, from + RATING_LABEL_MS, to - RATING_LABEL_MS))
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
	add_flag(flags, r->result.fault_s > 0, "fault");
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
	if (rc == RATING_MANY_LISTS)
		rc = review_open(a, "price_lists", r->s.instrument, session, r->s.org, "");
	else if (why)
		rc = review_open(a, "implausible", r->s.instrument, session, r->s.org, why);
	else if (rc == 0)
		rc = post_usage(a, r, late);
	rating_free(r);
	if (rc == 0)
		act_timer_clear(a, "settle", session);
	return rc ? rc : act_end(a);
}

int money_priceable(struct act *a, int64_t session, bool *ret)
{
	struct rating *r = NULL;
	int rc = rating_session(a, session, &r);

	*ret = rc != RATING_TOO_MUCH && rc != RATING_MANY_LISTS;
	rating_free(r);
	return rc < 0 ? rc : 0;
}

/* ---- later data ---- */

struct again { struct charge c; struct charge_balance stands; struct rating *r; };

/* Rates a charged session anew. 0; 1: it has no charge that can be rated again; < 0. */
static int rate_charged(struct act *a, int64_t session, struct again *g)
{
	struct charge_sealed sealed;
	int rc = charge_of_session(a->db, session, &g->c);

	if (rc == 0)
		rc = charge_sealed(a->db, g->c.id, &sealed);
	if (rc == 0)
		rc = charge_balance(a->db, g->c.id, &g->stands);
	if (rc == 0)
		rc = rating_again(a, session, &sealed, &g->r);
	return rc < 0 ? rc : rc != 0;
}

static int correct(struct act *a, const struct again *g, const char *kind, const char *reason)
{
	char key[64];
	struct posting p = { .kind = kind, .reason = reason, .flags = "", .idem_key = key, .rating = g->r,
		.result = &g->r->result,
		.corrects = g->c.id, .previous = g->stands };

	lt_fmt(key, sizeof(key), "charge:%lld:%s:%d", (long long)g->c.id, kind, g->stands.n + 1);
	return posting_post(a, &p, NULL);
}

/* More than stands: the org is told, a person decides; nothing is posted here. */
static int ask_to_raise(struct act *a, const struct again *g)
{
	struct event_row e = { .kind = "supplement_proposed", .instrument = g->c.instrument, .org = g->c.org,
		.user = g->c.user,
		.booking = g->c.booking, .session = g->c.session, .charge = g->c.id,
		.facts = { .minor = g->r->result.total_minor, .was_minor = g->stands.minor } };
	struct review_facts facts = { .total_minor = g->r->result.total_minor };
	int rc;

	if (store_supplement_waived(a->db, g->c.session, facts.total_minor))
		return 0;
	rc = review_open_with(a, "supplement", g->c.instrument, g->c.session, g->c.org, "", &facts);
	if (rc == REVIEW_KNOWN)
		return 0;
	if (rc == 0)
		act_event(a, &e);
	return rc;
}

/* Less than stands is credited at once; more is asked about. */
static int rate_again(struct act *a, int64_t session)
{
	struct again g = { .r = NULL };
	int rc = rate_charged(a, session, &g);

	if (rc == 0 && g.r->result.total_minor < g.stands.minor)
		rc = correct(a, &g, "credit", "later data");
	else if (rc == 0 && g.r->result.total_minor > g.stands.minor)
		rc = ask_to_raise(a, &g);
	rating_free(g.r);
	return rc < 0 ? rc : act_end(a);
}

int money_supplement(struct act *a, int64_t session, int64_t agreed_minor)
{
	struct again g = { .r = NULL };
	int rc = rate_charged(a, session, &g);

	if (rc == 0 && g.r->result.total_minor > agreed_minor)
		rc = act_refuse(a, 409, "changed", "", "later data changed what S-%lld costs; look at the item again",
			(long long)session);
	else if (rc == 0 && g.r->result.total_minor > g.stands.minor)
		rc = correct(a, &g, "supplement", "later data, reviewed");
	else if (rc == 1)
		rc = 0;
	rating_free(g.r);
	return rc != 0 ? rc : act_end(a);
}

/* ---- when ---- */

/* How long to settle is one of the things that a booking has once; without one, what was in force when it opened. */
static int policy_of(struct act *a, const struct session *s, struct policy *ret)
{
	struct booking b;
	int64_t version;
	int rc = s->booking ? booking_load(a, s->booking, &b) : 1;

	if (rc == 0)
		return terms_policy(a, s->instrument, b.policy_version, ret);
	return rc < 0 ? rc : terms_policy_at(a, s->instrument, s->opened_at, ret, &version);
}

/* Waits for its last reading or for the end of a gap. True and *ret_until (the instant at which it no longer waits). An
 * end ahead of now was labelled before the clock was set back: what is left of the wait is counted from now. */
static int must_wait(struct act *a, const struct session *s, bool *ret_gap, int64_t *ret_until)
{
	struct policy policy;
	int64_t from = s->closed_at < a->now.wall_ms ? s->closed_at : a->now.wall_ms;
	int rc = metering_in_gap(a, s->instrument, s->closed_at, ret_gap);

	*ret_until = s->end_reading ? 0 : from + END_READING_WAIT;
	if (rc == 0 && *ret_gap) {
		rc = policy_of(a, s, &policy);
		*ret_until = from + policy.settle_ms;
	}
	return rc;
}

/* due: its timer says that it has waited for its last reading long enough. */
static int settle_closed(struct act *a, const struct session *s, bool due)
{
	bool pending, gap = false;
	int64_t until;
	int rc;

	/* a level that nobody knows waits for a person, or a day, however short the policy's time to settle, and whatever
	 * else is asked about the session */
	if (metering_holds(a, s->instrument, s->closed_at) &&
			!store_review_decided(a->db, s->id, "meter_manual", s->closed_at))
		return review_level_waits(a, s);
	rc = review_pending(a, s->id, &pending);
	if (rc || pending)
		return rc;
	rc = must_wait(a, s, &gap, &until);
	if (rc)
		return rc;
	if (a->now.wall_ms < until && (gap || !due)) {
		act_timer(a, "settle", s->id, until);
		return act_end(a);
	}
	return settle_now(a, s->id, gap);
}

static int settle(struct act *a, int64_t session, bool due)
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
	return settle_closed(a, &s, due);
}

int money_settle(struct act *a, int64_t session)
{
	return settle(a, session, false);
}

static int fire_settle(struct act *a, int64_t ref, int64_t due_at)
{
	return settle(a, ref, true);
}

int money_fee_resold(struct act *a, int64_t booking, int64_t due_at);

const struct timer_kind money_timers[] = {
	{ "settle", fire_settle, TIMER_TAKES | TIMER_LASTS },
	{ "fee_resold", money_fee_resold, TIMER_TAKES },
	{ NULL, NULL, 0 },
};
