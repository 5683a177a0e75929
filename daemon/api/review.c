/* review.c - review items and claims as the API shows them. Owns nothing. */
#include "app/review.h"

#include <stdlib.h>
#include <string.h>

#include "api/sessions.h"
#include "api/words.h"
#include "app/view.h"

#define PAGE_MAX 200
#define CLAIMS_SHOWN 50
#define REASON_CAP 300
#define ESTIMATE_MAX 31622400 /* a year */

static json_t *claim_object(struct act *a, const struct claim *c, bool staff)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id('L', c->id));
	json_object_set_new(o, "instrument", json_string(c->instrument));
	json_object_set_new(o, "at", json_instant(a->site, c->at));
	json_object_set_new(o, "org", json_string(c->org));
	json_object_set_new(o, "user", json_string(c->user));
	json_object_set_new(o, "created_at", json_instant(a->site, c->created_at));
	json_object_set_new(o, "note", json_text(c->note));
	/* a member learns what was decided, not whether there is a session to be had */
	json_object_set_new(o, "state", json_string(!staff && strcmp(c->state, "matched") == 0 ? "open" : c->state));
	json_object_set_new(o, "version", json_integer(c->version));
	return o;
}

static int item_object(struct act *a, const struct review *r, json_t **ret)
{
	struct claim claims[CLAIMS_SHOWN];
	json_t *o = json_object(), *array = json_array();
	char made[WORDS_MAX];
	int n = 0, rc = r->session ? view_claims(a, r->session, claims, CLAIMS_SHOWN, &n) : 0;

	for (int i = 0; i < n; i++)
		json_array_append_new(array, claim_object(a, &claims[i], true));
	json_object_set_new(o, "id", json_id('V', r->id));
	json_object_set_new(o, "kind", json_string(r->kind));
	json_object_set_new(o, "state", json_string(r->state));
	json_object_set_new(o, "instrument", json_string(r->instrument));
	json_object_set_new(o, "session", r->session ? json_id('S', r->session) : json_null());
	json_object_set_new(o, "org", json_text(r->org));
	json_object_set_new(o, "detail", json_text(r->detail[0] ? r->detail : words_review(a->site, r, made)));
	json_object_set_new(o, "opened_at", json_instant(a->site, r->opened_at));
	json_object_set_new(o, "due_at", json_instant_or_null(a->site, r->due_at));
	json_object_set_new(o, "proposal", json_text(r->proposal));
	json_object_set_new(o, "proposed_by", json_text(r->proposed_by));
	json_object_set_new(o, "decision", json_text(r->decision));
	json_object_set_new(o, "decided_by", json_text(r->decided_by));
	json_object_set_new(o, "estimable_seconds", json_integer(r->bound_ms / 1000));
	json_object_set_new(o, "held_seconds", json_integer(r->to_at ? 0 : r->held_ms / 1000));
	json_object_set_new(o, "claims", array);
	json_object_set_new(o, "version", json_integer(r->version));
	*ret = o;
	return rc;
}

static int answer(struct act *a, struct api_request *rq, const struct review *r, json_t **ret_body)
{
	json_t *o;
	int rc = item_object(a, r, &o);

	if (rc != 0) {
		json_decref(o);
		return rc;
	}
	rq->etag = r->version;
	*ret_body = o;
	return act_end(a);
}

static int item_id(struct act *a, struct api_request *rq, int64_t *ret)
{
	if (!api_id(rq->param[0], 'V', ret))
		return act_refuse(a, 404, "not-found", "item", "\"%.40s\" is not a review item; they look like V-12", rq->param[0]);
	return 0;
}

int reviews_list(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "state", "limit", "cursor", NULL };
	const char *state = api_query(rq, "state");
	int64_t after = 0, limit = 0;
	struct review *r;
	json_t *items, *o;
	int n = 0, rc = api_only_query(a, rq, known);

	if (rc == 0)
		rc = api_page(a, rq, &after, &limit);
	if (rc != 0)
		return rc;
	if (!state)
		state = "open";
	if (strcmp(state, "open") != 0 && strcmp(state, "proposed") != 0 && strcmp(state, "done") != 0 && strcmp(state, "all") != 0)
		return act_refuse(a, 422, "bad-request", "state", "\"%.20s\" is not one of open, proposed, done, all", state);
	r = calloc(PAGE_MAX, sizeof(*r));
	if (!r)
		return DB_NOMEM;
	rc = view_reviews(a, strcmp(state, "all") == 0 ? NULL : state, after, r, (int)limit, &n);
	items = json_array();
	for (int i = 0; i < n && rc == 0; i++) {
		rc = item_object(a, &r[i], &o);
		json_array_append_new(items, o);
	}
	if (rc == 0)
		*ret_body = api_items(items, n == limit ? r[n - 1].id : 0);
	else
		json_decref(items);
	free(r);
	return rc != 0 ? rc : act_end(a);
}

int reviews_show(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const none[] = { NULL };
	struct review r;
	int64_t id = 0;
	int rc = api_only_query(a, rq, none);

	if (rc == 0)
		rc = item_id(a, rq, &id);
	if (rc == 0)
		rc = view_review(a, id, &r);
	if (rc == 1)
		return act_refuse(a, 404, "not-found", "item", "there is no review item V-%lld; list them with GET /v1/review", (long long)id);
	return rc == 0 ? answer(a, rq, &r, ret_body) : rc;
}

/* The item and the reason of a decision. */
static int decision(struct act *a, struct api_request *rq, unsigned flags, int64_t *ret_id, char reason[REASON_CAP])
{
	static const char *const known[] = { "reason", NULL };
	int rc = item_id(a, rq, ret_id);

	reason[0] = '\0';
	if (rc == 0)
		rc = api_only(a, rq, known);
	return rc == 0 ? api_text(a, rq, "reason", flags, reason, REASON_CAP) : rc;
}

int reviews_accept(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "reason", "estimated_seconds", NULL };
	char reason[REASON_CAP] = "";
	struct review r;
	int64_t id = 0, seconds = 0;
	int rc = item_id(a, rq, &id);

	if (rc == 0)
		rc = api_only(a, rq, known);
	if (rc == 0)
		rc = api_text(a, rq, "reason", OPTIONAL, reason, sizeof(reason));
	if (rc == 0)
		rc = api_int(a, rq, "estimated_seconds", OPTIONAL, 0, ESTIMATE_MAX, &seconds);
	if (rc == 0)
		rc = seconds > 0 ? review_estimate(a, id, seconds, reason, &r) : review_accept(a, id, reason, &r);
	return rc == 0 ? answer(a, rq, &r, ret_body) : rc;
}

int reviews_waive(struct act *a, struct api_request *rq, json_t **ret_body)
{
	char reason[REASON_CAP];
	struct review r;
	int64_t id;
	int rc = decision(a, rq, 0, &id, reason);

	if (rc == 0)
		rc = review_waive(a, id, reason, &r);
	return rc == 0 ? answer(a, rq, &r, ret_body) : rc;
}

int reviews_new_meter(struct act *a, struct api_request *rq, json_t **ret_body)
{
	char reason[REASON_CAP];
	struct review r;
	int64_t id;
	int rc = decision(a, rq, OPTIONAL, &id, reason);

	if (rc == 0)
		rc = review_new_meter(a, id, reason, &r);
	return rc == 0 ? answer(a, rq, &r, ret_body) : rc;
}

int reviews_attribute(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "org", "user", "reason", NULL };
	char reason[REASON_CAP] = "", org[LT_ID] = "", user[LT_ID] = "";
	struct review r;
	int64_t id;
	int rc = item_id(a, rq, &id);

	if (rc == 0)
		rc = api_only(a, rq, known);
	if (rc == 0)
		rc = api_text(a, rq, "org", 0, org, sizeof(org));
	if (rc == 0)
		rc = api_text(a, rq, "user", 0, user, sizeof(user));
	if (rc == 0)
		rc = api_text(a, rq, "reason", 0, reason, sizeof(reason));
	if (rc == 0)
		rc = review_attribute(a, id, org, user, reason, &r);
	return rc == 0 ? answer(a, rq, &r, ret_body) : rc;
}

int claims_create(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const known[] = { "instrument", "at", "note", NULL };
	char instrument[LT_ID] = "", note[LT_TITLE] = "";
	struct claim c;
	int64_t at = 0;
	int rc = api_only(a, rq, known);

	if (rc == 0)
		rc = api_text(a, rq, "instrument", 0, instrument, sizeof(instrument));
	if (rc == 0)
		rc = api_instant(a, rq, "at", 0, &at);
	if (rc == 0)
		rc = api_text(a, rq, "note", OPTIONAL, note, sizeof(note));
	if (rc == 0)
		rc = claim_make(a, instrument, at, note, &c);
	if (rc != 0)
		return rc;
	rq->status = 201;
	rq->etag = c.version;
	*ret_body = claim_object(a, &c, act_is_staff(a));
	return act_end(a);
}
