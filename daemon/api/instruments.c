/*
 * instruments.c - routes of instruments: what each is doing now and its calendar. Members learn
 * that a time is taken and never by whom.
 */
#include <string.h>

#include "api/api.h"
#include "api/blocks.h"
#include "api/prices.h"
#include "app/booking_acts.h"
#include "app/metering.h"
#include "common/fmt.h"
#include "app/view.h"

/* What occupies the unit now and until when without a break; what it is doing. */
struct picture {
	struct instrument_row row;
	struct session session;
	bool has_session, running, mine;
	struct occupant now;
	bool occupied;
	int64_t next_free;               /* 0: not in sight */
	struct price price;
};

#define LOOK_AHEAD 64                    /* busy times that are skipped to find the next free one */

static int find_next_free(struct act *a, const char *instrument, struct picture *p)
{
	struct policy policy;
	struct occupant o;
	int64_t version, t = a->now.wall_ms;
	int n, rc = terms_policy_at(a, instrument, t, &policy, &version);

	p->next_free = 0;
	for (int i = 0; rc == 0 && i < LOOK_AHEAD && t < LT_INSTANT_MAX; i++) {
		rc = view_occupants(a, instrument, (struct interval){ t, t + policy.min_ms }, &o, 1, &n);
		if (rc == 0 && n == 0) {
			p->next_free = t;
			break;
		}
		t = calendar_grid_next(&a->site->zone, policy.grid_ms, o.busy.to);
	}
	return rc;
}

static int look(struct act *a, const struct instrument *i, struct picture *p)
{
	struct meter meter;
	int64_t version;
	int n = 0, rc = view_instrument(a, i->id, &p->row);

	if (rc == 0)
		rc = terms_price_for(a, i->id, a->who.org, a->now.wall_ms, &p->price, &version);
	if (rc == 0)
		rc = view_occupants(a, i->id, (struct interval){ a->now.wall_ms, a->now.wall_ms + 1 }, &p->now, 1, &n);
	p->occupied = rc == 0 && n > 0;
	p->next_free = 0;
	if (rc == 0 && !p->row.out_of_service) /* what is out of service is not free before somebody says so */
		rc = find_next_free(a, i->id, p);
	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	rc = view_meter(a, i->id, &meter);
	p->running = rc == 0 && meter.running;
	if (p->occupied && strcmp(p->now.kind, "booking") == 0) {
		struct booking b;

		rc = booking_load(a, p->now.ref, &b);
		p->mine = rc == 0 && a->who.user[0] != '\0' && strcmp(b.user, a->who.user) == 0;
	}
	rc = session_open_on(a, i->id, &p->session);
	p->has_session = rc == 0;
	return rc < 0 ? rc : act_end(a);
}

static const char *status_of(const struct picture *p)
{
	if (p->row.out_of_service)
		return "out_of_service";
	if (strcmp(p->row.link, "down") == 0)
		return "down";
	if (p->running || (p->has_session && p->session.state == SESSION_RUNNING))
		return "running";
	if (p->has_session)
		return "idle";
	if (!p->occupied)
		return "free";
	return strcmp(p->now.kind, "block") == 0 ? "blocked" : "booked";
}

static json_t *json_instrument(struct act *a, const struct instrument *i, const struct picture *p)
{
	const struct site *s = a->site;

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:b, s:s, s:b, s:o, s:o, s:b, s:I}", "id", i->id,
		"title", i->title, "kind", i->kind, "location", i->location, "rate", json_money(s, p->price.rate_minor),
		"status", status_of(p), "link", p->row.link, "link_since", json_instant_or_null(s, p->row.link_since),
		"interlock", i->interlock.mode == INTERLOCK_NONE ? "none" : p->row.lock, "out_of_service",
		(int)p->row.out_of_service,
		"notes", p->row.notes, "running", (int)p->running, "next_free", json_instant_or_null(s, p->next_free),
		"now_booked_until", json_instant_or_null(s, p->occupied && p->now.held_to < LT_INSTANT_MAX
		? p->now.held_to : 0),
		"mine", (int)p->mine, "version", (json_int_t)p->row.version);
}

static int answer(struct act *a, struct api_request *rq, const struct instrument *i, json_t **ret_body)
{
	struct picture p;
	int rc;

	memset(&p, 0, sizeof(p));
	rc = look(a, i, &p);
	if (rc != 0)
		return rc;
	*ret_body = json_instrument(a, i, &p);
	rq->etag = p.row.version;
	return 0;
}

static int find(struct act *a, struct api_request *rq, const struct instrument **ret)
{
	*ret = site_instrument(a->site, rq->param[0]);
	return *ret != NULL ? 0 : act_refuse(a, 404, "not-found", "instrument", "there is no instrument %s", rq->param[0]);
}

static int get_instruments(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "kind", "limit", "cursor", NULL };
	const char *kind = api_query(rq, "kind");
	int64_t after, limit, next = 0;
	json_t *items;
	int rc = api_only_query(a, rq, names);

	if (rc == 0)
		rc = api_page(a, rq, &after, &limit);
	if (rc != 0)
		return rc;
	items = json_array();
	for (int64_t i = after; i < a->site->n_instruments && next == 0; i++) {
		json_t *one = NULL;

		if (kind != NULL && strcmp(kind, a->site->instruments[i].kind) != 0)
			continue;
		if ((int64_t)json_array_size(items) == limit) {
			next = i;
			break;
		}
		rc = answer(a, rq, &a->site->instruments[i], &one);
		if (rc != 0) {
			json_decref(items);
			return rc;
		}
		json_array_append_new(items, one);
	}
	rq->etag = 0;
	*ret_body = api_items(items, next);
	return act_end(a);
}

static int get_instrument(struct act *a, struct api_request *rq, json_t **ret_body)
{
	const struct instrument *i;
	int rc = find(a, rq, &i);

	return rc != 0 ? rc : answer(a, rq, i, ret_body);
}

static int patch_instrument(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "out_of_service", "notes", NULL };
	const struct instrument *i;
	struct instrument_row row;
	char notes[INSTRUMENT_NOTES] = "";
	bool out = false, has_out = json_is_boolean(json_object_get(rq->body, "out_of_service"));
	bool has_notes = json_is_string(json_object_get(rq->body, "notes"));
	int rc = find(a, rq, &i);

	if (rc == 0)
		rc = api_only(a, rq, names);
	if (rc == 0)
		rc = api_bool(a, rq, "out_of_service", OPTIONAL, &out);
	if (rc == 0)
		rc = api_text(a, rq, "notes", OPTIONAL, notes, sizeof(notes));
	if (rc == 0)
		rc = instrument_change(a, i->id, rq->if_match, has_out ? &out : NULL, has_notes ? notes : NULL, &row);
	if (rc == 0)
		rc = answer(a, rq, i, ret_body);
	if (rc == 0 && a->dry_run) {
		json_object_set_new(*ret_body, "out_of_service", json_boolean(row.out_of_service));
		json_object_set_new(*ret_body, "notes", json_string(row.notes));
	}
	return rc;
}

static json_t *json_entry(struct act *a, const struct calendar_entry *e)
{
	static const char *const kinds[] = { [CALENDAR_BOOKING] = "booking", [CALENDAR_BLOCK] = "block",
		[CALENDAR_HOLD] = "hold", [CALENDAR_SESSION] = "session", [CALENDAR_METERED] = "metered" };
	bool mine = e->user[0] != '\0' && strcmp(e->user, a->who.user) == 0;
	bool shown = act_is_staff(a) || mine || (a->who.role == ROLE_ORG_ADMIN && e->org[0] != '\0' && strcmp(e->org,
		a->who.org) == 0);
	json_t *o = json_pack("{s:s, s:o, s:o, s:b}", "kind", kinds[e->kind], "from", json_instant(a->site, e->from),
		"to", json_instant(a->site, e->to), "mine", (int)mine);

	if (!shown)
		return o;
	json_object_set_new(o, "booking", e->booking != 0 ? json_id('B', e->booking) : json_null());
	json_object_set_new(o, "user", json_text(e->user));
	json_object_set_new(o, "org", json_text(e->org));
	json_object_set_new(o, "reason", json_text(e->reason));
	return o;
}

static int get_calendar(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "from", "to", NULL };
	static struct calendar_entry found[CALENDAR_MAX];  /* the ledger thread only; too large for the stack */
	const struct instrument *i;
	int64_t from = a->now.wall_ms, to = 0;
	json_t *entries;
	int n, rc = find(a, rq, &i);

	if (rc == 0)
		rc = api_only_query(a, rq, names);
	if (rc == 0)
		rc = api_query_instant(a, rq, "from", OPTIONAL, &from);
	to = from + 7 * LT_DAY;
	if (rc == 0)
		rc = api_query_instant(a, rq, "to", OPTIONAL, &to);
	if (rc == 0 && (to <= from || to - from > 100 * LT_DAY))
		return act_refuse(a, 422, "bad-request", "to", "the end must be later than the start, by at most 100 days");
	if (rc == 0)
		rc = booking_calendar(a, i->id, from, to, found, CALENDAR_MAX, &n);
	if (rc != 0)
		return rc;
	entries = json_array();
	for (int k = 0; k < n; k++)
		json_array_append_new(entries, json_entry(a, &found[k]));
	*ret_body = json_pack("{s:s, s:o, s:o, s:o}", "instrument", i->id, "from", json_instant(a->site, from),
		"to", json_instant(a->site, to), "entries", entries);
	return 0;
}

#define EVERYONE { REACH_NONE, REACH_ANY, REACH_ANY, REACH_ANY, REACH_ANY, REACH_ANY }
#define MANAGERS { REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY, REACH_NONE, REACH_ANY }
#define ADMINS { REACH_NONE, REACH_NONE, REACH_NONE, REACH_NONE, REACH_NONE, REACH_ANY }

const struct route instrument_routes[] = {
	{ METHOD_GET, "/v1/instruments", get_instruments, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_GET, "/v1/instruments/{instrument}", get_instrument, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_PATCH, "/v1/instruments/{instrument}", patch_instrument, ROUTE_MATCH | ROUTE_DRY, OBJ_NONE, MANAGERS },
	{ METHOD_GET, "/v1/instruments/{instrument}/calendar", get_calendar, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_GET, "/v1/instruments/{instrument}/prices", get_prices, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_POST, "/v1/instruments/{instrument}/prices", post_price, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, ADMINS },
	{ METHOD_DELETE, "/v1/instruments/{instrument}/prices/{version}", delete_price, ROUTE_MATCH, OBJ_NONE, ADMINS },
	{ METHOD_GET, "/v1/instruments/{instrument}/policies", get_policies, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_POST, "/v1/blocks", post_block, ROUTE_KEY | ROUTE_DRY, OBJ_NONE, MANAGERS },
	{ METHOD_GET, "/v1/blocks", get_blocks, ROUTE_READ, OBJ_NONE, EVERYONE },
	{ METHOD_DELETE, "/v1/blocks/{block}", delete_block, ROUTE_MATCH, OBJ_NONE, MANAGERS },
	{ 0 },
};
