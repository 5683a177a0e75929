/*
 * metering_level.c - what becomes of sessions when a register is back at a level that it had left, or when the level it
 * stands on is believed after all. Owns nothing.
 *
 * The time since the level was left is a gap, except where the run bit gives the place. I1: what E grew by goes into
 * pieces of usage; what a false level gave too much leaves its pieces for one of nobody's, reason 'adjustment'.
 */
#include <string.h>

#include "app/money.h"
#include "app/review.h"
#include "app/session_step.h"
#include "common/fmt.h"

#define PIECES_MAX 256
#define HELD_BATCH 16
#define SESSIONS_MAX 16

/* [from, at): since the level was left. */
struct span {
	const struct instrument *i;
	struct meter_verdict v;
	int64_t from, at, left;          /* left: milliseconds to give or to take, and not yet so            */
	int64_t lived_ms;                /* went by since; labels may have stood still for most of it        */
	struct interval edge[2];         /* without a gap: the reading that left the level, the one back     */
	bool held;                       /* what is given is held                                            */
	struct session *open;            /* the session that the caller holds; NULL                          */
	struct usage u[PIECES_MAX];
	int n;
	struct session s[SESSIONS_MAX];  /* that were open in it, oldest first                               */
	int n_sessions;
};

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static int load(struct act *a, struct span *p)
{
	int rc = store_usage_since(a->db, p->i->id, p->from, p->u, PIECES_MAX, &p->n);

	return rc == 0 ? store_session_since(a->db, p->i->id, p->from, p->s, SESSIONS_MAX, &p->n_sessions) : rc;
}

/* ---- sessions whose sums change ---- */

static int change(struct act *a, struct span *p, int64_t id, int64_t measured_ms, int64_t estimated_ms)
{
	struct event_row e = { .kind = measured_ms < 0 ? "measured_less" : "measured_late", .instrument = p->i->id,
		.session = id, .facts = { .from_at = p->from, .ms = measured_ms < 0 ? -measured_ms : measured_ms } };
	struct session other, *s = p->open && p->open->id == id ? p->open : &other;
	char detail[120];
	int rc = s == &other && id ? session_load(a, id, s) : 0;

	if (id == 0 || rc != 0 || (measured_ms == 0 && estimated_ms == 0))
		return rc < 0 ? rc : act_end(a);
	s->measured_ms += measured_ms;
	s->estimated_ms += estimated_ms;
	lt_fmt(detail, sizeof(detail), "%lld ms %s", (long long)e.facts.ms, measured_ms < 0
		? "taken back: the register is at its old level again" : "of the time since the register left its level");
	rc = session_note(a, s, "meter", detail);
	e.org = s->org;
	e.user = s->user;
	e.booking = s->booking;
	if (measured_ms != 0)
		act_event(a, &e);
	return rc;
}

/* ---- giving ---- */

/* How much of what is given can lie in this run: its length since the level was left that is not yet measured. */
static int64_t room_of(const struct span *p, const struct usage *u)
{
	int64_t length = min64(u->to_at, p->at) - max64(u->from_at, p->from);

	return max64(0, min64(length, u->to_at - u->from_at - u->measured_ms - u->held_ms));
}

/* The room of a session's runs; session 0: of all. */
static int64_t room_in(const struct span *p, int64_t session)
{
	int64_t ms = 0;

	for (int k = 0; k < p->n; k++)
		if (p->u[k].placed && (session == 0 || p->u[k].session == session))
			ms += room_of(p, &p->u[k]);
	return ms;
}

static int fill_runs(struct act *a, struct span *p, int64_t session, int64_t ms)
{
	int64_t given = 0;
	int rc = 0;

	for (int k = 0; k < p->n && rc == 0 && given < ms; k++) {
		int64_t take = min64(p->u[k].placed ? room_of(p, &p->u[k]) : 0, ms - given);

		if (take == 0 || p->u[k].session != session)
			continue;
		*(p->held ? &p->u[k].held_ms : &p->u[k].measured_ms) += take;
		given += take;
		rc = store_usage_update(a->db, &p->u[k]);
	}
	p->left -= given;
	return rc == 0 && given > 0 && !p->held ? change(a, p, session, given, 0) : rc;
}

/* By the run bit: each session has for certain what the runs of the others could not hold. */
static int give_to_runs(struct act *a, struct span *p)
{
	int64_t ms = p->left, all = room_in(p, 0);
	int rc = 0;

	for (int k = 0; k < p->n_sessions && rc == 0; k++) {
		int64_t own = room_in(p, p->s[k].id);

		rc = fill_runs(a, p, p->s[k].id, min64(own, max64(0, ms - (all - own))));
	}
	return rc;
}

/* Where the run bit was read off of the session's run that was on when the level was left, with the gaps that it went
 * on over; 0: it still is on. */
static int64_t run_off_at(const struct span *p, const struct session *s)
{
	int64_t end = p->from;

	if (session_is_open(s) && s->last_run_end_at <= p->from) /* whatever gaps there were */
		return 0;

	for (int k = 0; k < p->n; k++) {
		const struct usage *u = &p->u[k];

		if (u->session != s->id || u->from_at > end)
			continue;
		if (u->open)
			return 0;
		end = max64(end, u->to_at);
	}
	return end;
}

/* As instants of the clock as it is now, the level was left here: before its label where labels stood still since.
 * Time without labels can hold what is given as well as any other. */
static int64_t lived_from(const struct span *p)
{
	return min64(p->from, p->at - p->lived_ms);
}

/* Sessions compete for what no run shows: with a check-in, or whose run was on when the level was left. */
static int windows_of(const struct span *p, struct attr_window w[ATTR_WINDOWS], bool *ret_on_at_start)
{
	int n = 0;

	*ret_on_at_start = false;
	for (int k = 0; k < p->n_sessions && n < ATTR_WINDOWS; k++) {
		const struct session *s = &p->s[k];
		bool on = p->v.left_running && s->opened_at <= p->from;
		int64_t end;

		if (!s->checkin_at && !on)
			continue;
		end = on && p->i->meter.has_state ? run_off_at(p, s) : on ? 0 : s->closed_at;
		*ret_on_at_start |= on && end == 0 && n == 0;
		w[n++] = (struct attr_window){ s->id, on ? lived_from(p) : max64(p->from, max64(s->opened_at, s->checkin_at)),
			end };
	}
	return n;
}

/* The readings between which the register changed its level do not say where in this time an edge of the run bit lies.
 * A gap there is among those of the sessions. */
static void edges_of(struct act *a, struct span *p)
{
	int64_t left = store_reading_left(a->db, p->i->id, p->from);

	if (left > p->from && left - p->from <= metering_gap_limit(a, p->i))
		p->edge[0] = (struct interval){ p->from, left };
	if (p->v.class == METER_RETURN && !p->v.gap && (p->v.was_running || p->v.running))
		p->edge[1] = (struct interval){ p->at - p->v.elapsed_ms, p->at };
}

/* For so long nobody read the meter in the session, as far as it is known by now. */
static int64_t unread_in(const struct span *p, int64_t session)
{
	if (p->open && p->open->id == session)
		return p->open->gap_ms;
	for (int k = 0; k < p->n_sessions; k++)
		if (p->s[k].id == session)
			return p->s[k].gap_ms;
	return 0;
}

/*
 * The run bit gives the place of what ran while it was read: on in the session's runs, off in the rest. What else is
 * the session's lies where nobody read the meter, where the level changed, or in a run of its own while labels stood
 * still.
 */
static int64_t unseen_in(const struct span *p, const struct attr_piece *piece)
{
	int64_t session = piece->session, ms = unread_in(p, session);

	if (!p->i->meter.has_state)
		return INT64_MAX;
	for (int k = 0; k < 2; k++)
		ms += max64(0, min64(p->edge[k].to, piece->to) - max64(p->edge[k].from, piece->from));
	for (int k = 0; k < p->n; k++) {
		const struct usage *u = &p->u[k];

		if (u->session == session && strcmp(u->reason, "gap") == 0)
			ms -= u->measured_ms + u->held_ms;
		else if (u->session == session && strcmp(u->reason, "run") == 0 && !u->placed)
			ms += room_of(p, u);
	}
	return max64(0, ms);
}

/* What of a session's window since the level was left is not yet metered time of its own. */
static int64_t free_in(const struct span *p, const struct attr_piece *piece)
{
	int64_t ms = piece->to - piece->from;

	for (int k = 0; k < p->n; k++)
		if (p->u[k].session == piece->session && p->u[k].to_at > piece->from && p->u[k].from_at < piece->to)
			ms -= min64(p->u[k].measured_ms + p->u[k].held_ms,
				min64(p->u[k].to_at, piece->to) - max64(p->u[k].from_at, piece->from));
	return max64(0, ms);
}

/* A session has no more of it than fits between what it has already, where the run bit was not read off; the rest is
 * nobody's. Returns how many. */
static int fit_pieces(const struct span *p, struct attr_piece *piece, int n)
{
	struct attr_piece rest = { 0, p->from, p->at, 0, false };
	int kept = 0;

	for (int k = 0; k < n; k++) {
		int64_t ms;

		piece[k].from = max64(piece[k].from, p->from);
		ms = min64(free_in(p, &piece[k]), unseen_in(p, &piece[k]));
		ms = piece[k].session ? min64(piece[k].measured_ms, ms) : 0;
		rest.measured_ms += piece[k].measured_ms - ms;
		piece[k].measured_ms = ms;
		if (ms > 0)
			piece[kept++] = piece[k];
	}
	if (rest.measured_ms > 0)
		piece[kept++] = rest;
	return kept;
}

static int give_as_gap(struct act *a, struct span *p)
{
	struct attr_window w[ATTR_WINDOWS];
	struct attr_piece piece[ATTR_PIECES];
	struct attr_gap gap = { lived_from(p), p->at, p->left, false, p->v.running, p->v.slack_ms };
	int n = windows_of(p, w, &gap.on_at_start), rc = 0;

	edges_of(a, p);
	n = fit_pieces(p, piece, attr_split(&gap, w, n, piece));
	for (int k = 0; k < n && rc == 0; k++) {
		struct session owner = { .id = piece[k].session }; /* its sum changes below */

		piece[k].placed = false; /* the run bit would have said so */
		rc = owner.id ? session_piece(a, &owner, p->i->id, &piece[k], "gap", false, &p->v)
			: metering_hidden(a, p->i->id, &piece[k], &p->v);
		if (rc == 0 && !p->held)
			rc = change(a, p, piece[k].session, piece[k].measured_ms, 0);
	}
	return rc;
}

/* A coarse counter shows more than a run explains: that is nobody's. */
static int give_rest(struct act *a, struct span *p)
{
	struct attr_piece rest = { 0, p->from, p->at, p->left, false };

	if (p->left <= 0)
		return 0;
	return meter_is_coarse(&p->i->meter) ? session_piece(a, NULL, p->i->id, &rest, "quantisation", false, &p->v)
		: give_as_gap(a, p);
}

/* A reset that was none hid nothing: what was estimated of it is no more. */
static int drop_estimate(struct act *a, struct span *p, struct usage *u)
{
	int64_t ms = u->estimated_ms;
	int rc;

	if (strcmp(u->reason, "reset") != 0 || ms == 0)
		return 0;
	u->estimated_ms = 0;
	rc = store_usage_update(a->db, u);
	return rc == 0 ? change(a, p, u->session, 0, -ms) : rc;
}

static int drop_estimates(struct act *a, struct span *p)
{
	int rc = 0;

	for (int k = 0; k < p->n && rc == 0; k++)
		rc = drop_estimate(a, p, &p->u[k]);
	return rc;
}

/* What the pieces of an instrument hold is what its meter holds, wherever they lie: all of them are looked at, the
 * oldest first, and p->left says how much of it is meant. */
typedef int (*held_fn)(struct act *a, struct span *p, struct usage *u);

static int each_held(struct act *a, struct span *p, held_fn fn)
{
	struct usage u[HELD_BATCH], last = { 0 };
	bool more = false;
	int n, rc;

	do {
		rc = store_usage_held(a->db, p->i->id, more ? &last : NULL, u, HELD_BATCH, &n);
		for (int k = 0; k < n && rc == 0; k++)
			rc = fn(a, p, &u[k]);
		more = n == HELD_BATCH;
		last = u[n > 0 ? n - 1 : 0];
	} while (rc == 0 && more);
	return rc;
}

/* The false level is no more: what it showed was not so, but for what is kept. */
static int drop_one(struct act *a, struct span *p, struct usage *u)
{
	int64_t keep = min64(u->held_ms, p->left);

	p->left -= keep;
	if (keep == u->held_ms)
		return 0;
	u->held_ms = keep;
	return store_usage_update(a->db, u);
}

/* The register is back: so much lies above the old level, somewhere since it was left. */
static int give_back(struct act *a, struct span *p)
{
	const struct meter_verdict *v = &p->v;
	int rc;

	p->left = v->held_ms - v->late_held_ms; /* an older hold goes on: it keeps what it had */
	rc = each_held(a, p, drop_one);
	if (rc == 0)
		rc = load(a, p);
	if (rc == 0)
		rc = drop_estimates(a, p);
	p->held = v->late_held_ms > 0;
	p->v.fresh_held_ms = p->held ? v->late_held_ms : 0;
	p->left = p->held ? v->late_held_ms : v->late_ms;
	if (rc == 0 && p->left > 0 && p->i->meter.has_state)
		rc = give_to_runs(a, p);
	return rc == 0 ? give_rest(a, p) : rc;
}

static int measure_one(struct act *a, struct span *p, struct usage *u)
{
	int64_t ms = min64(u->held_ms, p->left);
	int rc;

	if (ms == 0 && p->v.held_ms > 0)
		return 0;
	u->held_ms = p->v.held_ms > 0 ? u->held_ms - ms : 0;
	u->measured_ms += ms;
	p->left -= ms;
	rc = store_usage_update(a->db, u);
	return rc == 0 ? change(a, p, u->session, ms, 0) : rc;
}

/* The level is believed: what the pieces hold of it is measured, the oldest first. */
static int measure_held(struct act *a, struct span *p)
{
	int rc;

	p->v.fresh_held_ms = 0;
	p->left = p->v.late_ms;
	rc = each_held(a, p, measure_one);
	if (rc == 0)
		rc = load(a, p);
	return rc == 0 ? give_rest(a, p) : rc;
}

/* ---- taking back ---- */

/* All of a piece, or only what cannot be from before the level was left. */
static int64_t takeable(const struct span *p, const struct usage *u, bool all)
{
	int64_t before = u->from_at < p->from ? p->from - u->from_at : 0;

	return all ? u->measured_ms : max64(0, u->measured_ms - before);
}

static int take_from(struct act *a, struct span *p, struct usage *u, int64_t ms)
{
	int rc;

	if (ms == 0)
		return 0;
	u->measured_ms -= ms;
	p->left -= ms;
	rc = store_usage_update(a->db, u);
	return rc == 0 ? change(a, p, u->session, -ms, 0) : rc;
}

/* What the false level added too much lies in the oldest pieces: it came with the reset. */
static int take_back(struct act *a, struct span *p, int64_t ms)
{
	struct attr_piece piece = { 0, p->from, p->at, ms, false };
	int rc = ms > 0 ? load(a, p) : 0;

	if (ms <= 0 || rc != 0)
		return rc;
	p->left = ms;
	for (int all = 0; all < 2; all++)
		for (int k = 0; k < p->n && rc == 0; k++)
			if (strcmp(p->u[k].reason, "adjustment") != 0)
				rc = take_from(a, p, &p->u[k], min64(p->left, takeable(p, &p->u[k], all)));
	piece.measured_ms -= p->left;
	return rc == 0 ? session_piece(a, NULL, p->i->id, &piece, "adjustment", false, &p->v) : rc;
}

/* ---- what is decided by it ---- */

/* Sessions that closed meanwhile waited for this; a charged one is rated again. */
static int settle(struct act *a, const struct span *p)
{
	int64_t id[SESSIONS_MAX], last = 0;
	int n, rc;

	do {
		rc = store_session_closed_since(a->db, p->i->id, p->from, last, id, SESSIONS_MAX, &n);
		for (int k = 0; k < n && rc == 0; k++)
			rc = money_settle(a, last = id[k]);
	} while (rc == 0 && n == SESSIONS_MAX);
	return rc;
}

static void tell(struct act *a, const struct span *p, const char *kind, int64_t ms)
{
	struct event_row e = { .kind = kind, .instrument = p->i->id,
		.facts = { .from_at = p->from, .at = p->at, .ms = ms } };

	act_event(a, &e);
	act_audit(a, kind, p->i->id, "", "", "");
}

static struct span *span_of(struct span *p, const struct instrument *i, const struct meter *m,
	const struct meter_verdict *v, struct session *open)
{
	p->i = i;
	p->v = *v;
	p->lived_ms = m->t - v->left_t;
	p->from = v->left_wall;
	p->at = max64(v->at, v->left_wall);
	p->open = open;
	return p;
}

int metering_level(struct act *a, const struct reading_now *r, struct session *open)
{
	const struct meter_verdict *v = &r->v;
	bool back = v->class == METER_RETURN, over = back || v->released;
	struct span p = { 0 };
	int rc;

	if (!over)
		return r->m.holding ? review_level_held(a, r->i->id, r->m.held_wall_ms, r->m.held_ms) : 0;
	span_of(&p, r->i, &r->m, v, open);
	rc = back ? give_back(a, &p) : measure_held(a, &p);
	if (rc == 0)
		rc = take_back(a, &p, v->excess_ms);
	if (rc != 0)
		return rc;
	tell(a, &p, back ? "meter_back" : "meter_held_measured", v->late_ms);
	rc = review_level_over(a, &(struct level_over){ r->i->id, back ? LEVEL_BACK : v->class == METER_SWAP ? LEVEL_SWAPPED
		: LEVEL_AGED, r->m.holding, p.from, v->late_ms });
	if (rc == 0 && r->m.holding)
		rc = review_level_held(a, r->i->id, r->m.held_wall_ms, r->m.held_ms);
	return rc == 0 ? settle(a, &p) : rc;
}

int metering_new_meter(struct act *a, const struct instrument *i, int64_t *ret_ms)
{
	struct meter_verdict v;
	struct session open;
	struct span p = { 0 };
	struct meter m;
	int rc = store_meter_load(a->db, i->id, &m), has;

	*ret_ms = 0;
	if (rc != 0 || !meter_accept_level(&m, &v))
		return rc < 0 ? rc : 1;
	has = session_open_on(a, i->id, &open);
	rc = has < 0 ? has : store_meter_save(a->db, i->id, &m);
	span_of(&p, i, &m, &v, has == 0 ? &open : NULL);
	if (rc == 0)
		rc = measure_held(a, &p);
	if (rc != 0)
		return rc;
	*ret_ms = v.late_ms;
	tell(a, &p, "meter_held_measured", v.late_ms);
	rc = review_level_over(a, &(struct level_over){ i->id, LEVEL_BELIEVED, false, p.from, v.late_ms });
	return rc == 0 ? settle(a, &p) : rc;
}

int metering_keep_held(struct act *a, const char *instrument)
{
	struct meter m;
	int rc = store_meter_load(a->db, instrument, &m);

	if (rc != 0 || !m.holding)
		return rc < 0 ? rc : 0;
	return review_level_held(a, instrument, m.held_wall_ms, m.held_ms);
}

int metering_held(struct act *a, const char *instrument, int64_t *ret_ms, int64_t *ret_since)
{
	struct meter m;
	int rc = store_meter_load(a->db, instrument, &m);

	if (rc == 0) {
		*ret_ms = m.held_ms;
		*ret_since = m.held_wall_ms;
	}
	return rc != 0 ? rc : !m.holding;
}

bool metering_holds(struct act *a, const char *instrument, int64_t at)
{
	int64_t ms, since;

	return metering_held(a, instrument, &ms, &since) == 0 && since < at;
}
