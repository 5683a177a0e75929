/* sessions.c - sessions, their runs, readings and history, and what an instrument's meter says. Owns nothing. */
#include "api/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "app/ledger.h"
#include "app/metering.h"
#include "app/money.h"
#include "app/review.h"
#include "app/view.h"

#define PAGE_MAX 200
#define RUNS_MAX 500
#define STEPS_MAX 500
#define REASON_CAP 300

static void set_id(json_t *o, const char *name, char letter, int64_t id)
{
	json_object_set_new(o, name, id ? json_id(letter, id) : json_null());
}

static void set_instants(json_t *o, const struct site *site, const struct session *s)
{
	const struct { const char *name; int64_t at; } instants[] = {
		{ "opened_at", s->opened_at }, { "checkin_at", s->checkin_at }, { "first_run_at", s->first_run_at },
		{ "last_run_end_at", s->last_run_end_at }, { "closed_at", s->closed_at }, { "unknown_since", s->unknown_since },
	};

	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++)
		json_object_set_new(o, instants[i].name, json_instant_or_null(site, instants[i].at));
}

/* What the session costs so far, or was charged; null where it has no price (nobody's, or beyond what one charge may
 * be). */
static int set_price(struct act *a, json_t *o, const struct session *s)
{
	struct charge_balance price = { 0 };
	int rc = s->org[0] ? money_so_far(a, s->id, &price) : 1;

	json_object_set_new(o, "idle_seconds", json_integer(price.idle_s));
	json_object_set_new(o, "fault_seconds", json_integer(price.fault_s));
	json_object_set_new(o, "amount_so_far", rc == 0 ? json_money(a->site, price.minor) : json_null());
	return rc < 0 ? rc : 0;
}

static int session_object(struct act *a, const struct session *s, json_t **ret)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id('S', s->id));
	json_object_set_new(o, "instrument", json_string(s->instrument));
	set_id(o, "booking", 'B', s->booking);
	json_object_set_new(o, "org", json_text(s->org));
	json_object_set_new(o, "user", json_text(s->user));
	json_object_set_new(o, "kind", json_string(session_kind_name(s->kind)));
	json_object_set_new(o, "state", json_string(session_state_name(s->state)));
	json_object_set_new(o, "outcome", json_text(session_outcome_name(s->outcome)));
	json_object_set_new(o, "presumed", json_boolean(s->presumed));
	json_object_set_new(o, "bypassed", json_boolean(s->bypassed));
	json_object_set_new(o, "unplaced", json_boolean(s->unplaced));
	json_object_set_new(o, "disowned", json_boolean(s->disowned));
	set_instants(o, a->site, s);
	json_object_set_new(o, "opened_cause", json_string(s->opened_cause));
	json_object_set_new(o, "close_cause", json_text(s->close_cause));
	json_object_set_new(o, "measured_seconds", json_integer(s->measured_ms / 1000));
	json_object_set_new(o, "estimated_seconds", json_integer(s->estimated_ms / 1000));
	json_object_set_new(o, "review_reason", json_text(s->review_reason));
	json_object_set_new(o, "version", json_integer(s->version));
	*ret = o;
	return set_price(a, o, s);
}

static json_t *runs_array(struct act *a, const struct usage *u, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "from", json_instant(a->site, u[i].from_at));
		json_object_set_new(o, "to", json_instant(a->site, u[i].to_at));
		json_object_set_new(o, "measured_ms", json_integer(u[i].measured_ms));
		json_object_set_new(o, "estimated_ms", json_integer(u[i].estimated_ms));
		json_object_set_new(o, "placed", json_boolean(u[i].placed));
		json_object_set_new(o, "open", json_boolean(u[i].open));
		json_object_set_new(o, "fault", json_boolean(u[i].fault));
		json_object_set_new(o, "reason", json_string(u[i].reason));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *steps_array(struct act *a, const struct session_step *s, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "at", json_instant(a->site, s[i].at));
		json_object_set_new(o, "from_state", json_text(s[i].from));
		json_object_set_new(o, "to_state", json_string(s[i].to));
		json_object_set_new(o, "cause", json_string(s[i].cause));
		json_object_set_new(o, "detail", json_text(s[i].detail));
		json_array_append_new(array, o);
	}
	return array;
}

static int add_runs(struct act *a, int64_t id, json_t *o)
{
	struct usage *u = calloc(RUNS_MAX, sizeof(*u));
	struct session_step *steps = calloc(STEPS_MAX, sizeof(*steps));
	int n = 0, rc = u && steps ? session_usage(a, id, u, RUNS_MAX, &n) : DB_NOMEM;

	if (rc == 0)
		json_object_set_new(o, "runs", runs_array(a, u, n));
	if (rc == 0)
		rc = view_session_steps(a, id, steps, STEPS_MAX, &n);
	if (rc == 0)
		json_object_set_new(o, "history", steps_array(a, steps, n));
	free(u);
	free(steps);
	return rc;
}

static int load(struct act *a, int64_t id, struct session *ret)
{
	int rc = session_load(a, id, ret);

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "session", "there is no session S-%lld; list them with GET /v1/sessions",
			(long long)id);
	return rc;
}

/* What the two witnesses saw while both were read. Staff decide by it; of what others are told, nothing follows. */
static void set_witnesses(struct act *a, json_t *o, const struct session *s)
{
	bool staff = act_is_staff(a);

	json_object_set_new(o, "run_bit_seconds", staff ? json_integer(s->on_ms / 1000) : json_null());
	json_object_set_new(o, "counted_seconds", staff ? json_integer(s->counted_ms / 1000) : json_null());
}

/* The answer of each route that names one session. */
static int answer(struct act *a, struct api_request *rq, const struct session *s, json_t **ret_body)
{
	json_t *o = NULL;
	int rc = session_object(a, s, &o);

	if (rc == 0)
		rc = add_runs(a, s->id, o);
	if (rc != 0) {
		json_decref(o);
		return rc;
	}
	set_witnesses(a, o, s);
	rq->etag = s->version;
	*ret_body = o;
	return act_end(a);
}

/* ---- reads ---- */

static bool known_name(const char *text, const char *(*name)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name(i), text) == 0)
			return true;
	return false;
}

static const char *state_name(int i) { return session_state_name((enum session_state)i); }
static const char *outcome_name(int i) { return session_outcome_name((enum session_outcome)(i + 1)); }

static int list_filter(struct act *a, struct api_request *rq, struct session_filter *f, int64_t *ret_limit,
	bool *ret_empty)
{
	static const char *const known[] = { "state", "outcome", "instrument", "org", "user", "from", "to", "limit",
		"cursor", NULL };
	const char *org = api_query(rq, "org"), *user = api_query(rq, "user");
	int64_t cursor = 0;
	int rc = api_only_query(a, rq, known);

	*f = (struct session_filter){ .state = api_query(rq, "state"), .outcome = api_query(rq, "outcome"),
		.instrument = api_query(rq, "instrument"), .to = LT_INSTANT_MAX };
	if (rc == 0)
		rc = api_query_instant(a, rq, "from", OPTIONAL, &f->from);
	if (rc == 0)
		rc = api_query_instant(a, rq, "to", OPTIONAL, &f->to);
	if (rc == 0)
		rc = api_page(a, rq, &cursor, ret_limit);
	if (rc != 0)
		return rc;
	if (f->state && !known_name(f->state, state_name, SESSION_STATES))
		return act_refuse(a, 422, "bad-request", "state",
			"\"%.20s\" is not a session state: open, running, idle, unknown, closed, reviewed, charged", f->state);
	if (f->outcome && !known_name(f->outcome, outcome_name, OUTCOMES - 1))
		return act_refuse(a, 422, "bad-request", "outcome",
			"\"%.20s\" is not an outcome: open_gap, awaiting_review, settling, charged, waived, internal, unattributed",
			f->outcome);
	f->before = cursor ? cursor : INT64_MAX;
	f->org = rq->reach_org ? rq->reach_org : org;
	f->user = rq->reach_user ? rq->reach_user : user;
	*ret_empty = (org && f->org != org && strcmp(org, f->org) != 0) ||
		(user && f->user != user && strcmp(user, f->user) != 0);
	return 0;
}

static int sessions_list(struct act *a, struct api_request *rq, json_t **ret_body)
{
	struct session *s;
	struct session_filter f;
	json_t *items, *o;
	int64_t limit = 0;
	bool empty = false;
	int n = 0, rc = list_filter(a, rq, &f, &limit, &empty);

	if (rc != 0)
		return rc;
	s = calloc(PAGE_MAX, sizeof(*s));
	if (!s)
		return DB_NOMEM;
	items = json_array();
	if (!empty)
		rc = view_sessions(a, &f, s, (int)limit, &n);
	for (int i = 0; i < n && rc == 0; i++) {
		rc = session_object(a, &s[i], &o);
		json_array_append_new(items, o);
	}
	if (rc == 0)
		*ret_body = api_items(items, n == limit ? s[n - 1].id : 0);
	else
		json_decref(items);
	free(s);
	return rc != 0 ? rc : act_end(a);
}

static int sessions_show(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const none[] = { NULL };
	struct session s;
	int rc = api_only_query(a, rq, none);

	if (rc == 0)
		rc = load(a, rq->id, &s);
	return rc == 0 ? answer(a, rq, &s, ret_body) : rc;
}

static json_t *reading_object(struct act *a, const struct reading *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_integer(r->id));
	json_object_set_new(o, "at", json_instant(a->site, r->at));
	json_object_set_new(o, "raw", json_integer((json_int_t)(r->raw > INT64_MAX ? INT64_MAX : r->raw)));
	json_object_set_new(o, "extended_ms", json_integer(r->ext_ms));
	json_object_set_new(o, "running", json_boolean(r->running));
	json_object_set_new(o, "class", json_string(r->class));
	json_object_set_new(o, "cause", json_string(r->cause));
	json_object_set_new(o, "detail", json_text(r->detail));
	return o;
}

static int sessions_readings(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "limit", "cursor", NULL };
	struct session s;
	struct reading *r;
	int64_t after = 0, limit = 0;
	json_t *items;
	int n = 0, rc = api_only_query(a, rq, known);

	if (rc == 0)
		rc = api_page(a, rq, &after, &limit);
	if (rc == 0)
		rc = load(a, rq->id, &s);
	if (rc != 0)
		return rc;
	r = calloc(PAGE_MAX, sizeof(*r));
	if (!r)
		return DB_NOMEM;
	rc = view_session_readings(a, &s, after, r, (int)limit, &n);
	items = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(items, reading_object(a, &r[i]));
	if (rc == 0)
		*ret_body = api_items(items, n == limit ? r[n - 1].id : 0);
	else
		json_decref(items);
	free(r);
	return rc != 0 ? rc : act_end(a);
}

static void set_link(struct act *a, json_t *o, const struct instrument_row *row)
{
	json_object_set_new(o, "link", json_string(row->link));
	json_object_set_new(o, "link_since", json_instant_or_null(a->site, row->link_since));
	json_object_set_new(o, "link_why", json_text(row->link_why));
	json_object_set_new(o, "interlock", json_string(row->lock));
}

static int sessions_meter(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const none[] = { NULL };
	const char *id = rq->param[0];
	enum lt_lock desired = LT_LOCK_UNKNOWN;
	struct instrument_row row;
	struct meter m;
	json_t *o;
	int rc = api_only_query(a, rq, none);

	if (rc != 0)
		return rc;
	rc = site_instrument(a->site, id) ? view_instrument(a, id, &row) : 1;
	if (rc == 1)
		return act_refuse(a, 404, "not-found", "instrument",
			"there is no instrument %s; list them with GET /v1/instruments", id);
	if (rc == 0)
		rc = view_meter(a, id, &m);
	if (rc >= 0)
		rc = metering_desired(a, id, &desired);
	if (rc != 0)
		return rc;
	o = json_object();
	json_object_set_new(o, "instrument", json_string(id));
	set_link(a, o, &row);
	json_object_set_new(o, "raw", json_integer((json_int_t)(m.raw > INT64_MAX ? INT64_MAX : m.raw)));
	json_object_set_new(o, "extended_ms", json_integer(m.ext_ms));
	json_object_set_new(o, "held_ms", json_integer(m.holding ? m.held_ms : 0));
	json_object_set_new(o, "held_since", json_instant_or_null(a->site, m.holding ? m.held_wall_ms : 0));
	json_object_set_new(o, "running", json_boolean(m.running));
	json_object_set_new(o, "read_at", json_instant_or_null(a->site, m.wall_ms));
	json_object_set_new(o, "class", m.phase == METER_NEW ? json_null() : json_string(meter_class_name(m.last)));
	json_object_set_new(o, "phase", json_string(meter_phase_name(m.phase)));
	json_object_set_new(o, "desired", desired == LT_LOCK_UNKNOWN ? json_null() : json_string(view_lock_name(desired)));
	json_object_set_new(o, "lease_valid_until", json_instant_or_null(a->site, lease_valid_until(a, id)));
	*ret_body = o;
	return act_end(a);
}

/* ---- acts ---- */

static int reason_of(struct act *a, struct api_request *rq, unsigned flags, char reason[REASON_CAP])
{
	static const char *const known[] = { "reason", NULL };
	int rc = api_only(a, rq, known);

	reason[0] = '\0';
	return rc == 0 ? api_text(a, rq, "reason", flags, reason, REASON_CAP) : rc;
}

static int sessions_disown(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "reason", "before", NULL };
	char reason[REASON_CAP] = "";
	int64_t before = 0;
	struct session s;
	int rc = api_only(a, rq, known);

	if (rc == 0)
		rc = api_text(a, rq, "reason", OPTIONAL, reason, REASON_CAP);
	if (rc == 0)
		rc = api_instant(a, rq, "before", OPTIONAL, &before);
	if (rc == 0)
		rc = session_disown(a, rq->id, before, reason, &s);
	return rc == 0 ? answer(a, rq, &s, ret_body) : rc;
}

static int sessions_close(struct act *a, struct api_request *rq, json_t **ret_body)
{
	char reason[REASON_CAP];
	struct session s;
	int rc = reason_of(a, rq, 0, reason);

	if (rc == 0)
		rc = session_close(a, rq->id, reason, &s);
	return rc == 0 ? answer(a, rq, &s, ret_body) : rc;
}

#define EVERYBODY { REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY, REACH_ANY, REACH_ANY }
#define PEOPLE { REACH_NONE, REACH_OWN, REACH_ORG, REACH_ANY, REACH_NONE, REACH_ANY }
#define MANAGERS { REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_NONE, REACH_ANY }
#define STAFF { REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_ANY, REACH_ANY }

const struct route session_routes[] = {
	{ METHOD_GET, "/v1/sessions", sessions_list, ROUTE_READ, OBJ_NONE, EVERYBODY },
	{ METHOD_GET, "/v1/sessions/{session}", sessions_show, ROUTE_READ, OBJ_SESSION, EVERYBODY },
	{ METHOD_GET, "/v1/sessions/{session}/readings", sessions_readings, ROUTE_READ, OBJ_SESSION, EVERYBODY },
	{ METHOD_POST, "/v1/sessions/{session}/disown", sessions_disown, ROUTE_KEY | ROUTE_DRY, OBJ_SESSION, PEOPLE },
	{ METHOD_POST, "/v1/sessions/{session}/close", sessions_close, ROUTE_KEY | ROUTE_DRY, OBJ_SESSION, MANAGERS },
	{ METHOD_GET, "/v1/instruments/{instrument}/meter", sessions_meter, ROUTE_READ, OBJ_NONE, STAFF },
	{ METHOD_POST, "/v1/claims", claims_create, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, PEOPLE },
	{ METHOD_GET, "/v1/review", reviews_list, ROUTE_READ, OBJ_NONE, MANAGERS },
	{ METHOD_GET, "/v1/review/{item}", reviews_show, ROUTE_READ, OBJ_NONE, MANAGERS },
	{ METHOD_POST, "/v1/review/{item}/attribute", reviews_attribute, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, MANAGERS },
	{ METHOD_POST, "/v1/review/{item}/accept", reviews_accept, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, MANAGERS },
	{ METHOD_POST, "/v1/review/{item}/new-meter", reviews_new_meter, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, MANAGERS },
	{ METHOD_POST, "/v1/review/{item}/waive", reviews_waive, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, MANAGERS },
	{ 0 },
};
