/* blocks.c - routes of blocks (maintenance). Who made a block and why is shown to staff only. */
#include "api/blocks.h"

#include <string.h>

#include "app/booking_acts.h"
#include "app/view.h"
#include "common/fmt.h"

static json_t *json_block(struct act *a, const struct block *k)
{
	json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:I}", "id", k->id != 0 ? json_id('K', k->id) : json_null(),
		"instrument", k->instrument, "from", json_instant(a->site, k->from), "to", json_instant(a->site, k->to),
		"state", block_state_name(k->state), "created_at", json_instant(a->site, k->created_at),
		"version", (json_int_t)k->version);

	if (act_is_staff(a)) {
		json_object_set_new(o, "reason", json_string(k->reason));
		json_object_set_new(o, "actor", json_string(k->actor));
	}
	return o;
}

int post_block(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "instrument", "from", "to", "reason", "displace", NULL };
	struct block_request r = { .from = 0 };
	struct block k;
	int rc = api_only(a, rq, names);

	if (rc == 0)
		rc = api_text(a, rq, "instrument", 0, r.instrument, sizeof(r.instrument));
	if (rc == 0)
		rc = api_instant(a, rq, "from", 0, &r.from);
	if (rc == 0)
		rc = api_instant(a, rq, "to", 0, &r.to);
	if (rc == 0)
		rc = api_text(a, rq, "reason", 0, r.reason, sizeof(r.reason));
	if (rc == 0)
		rc = api_bool(a, rq, "displace", OPTIONAL, &r.displace);
	if (rc == 0)
		rc = block_create(a, &r, &k);
	if (rc != 0)
		return rc;
	rq->status = a->dry_run ? 200 : 201;
	rq->etag = k.version;
	*ret_body = json_block(a, &k);
	return 0;
}

int get_blocks(struct act *a, struct api_request *rq, json_t **ret_body)
{
	static const char *const names[] = { "instrument", "from", "to", "limit", "cursor", NULL };
	struct block found[51];
	int64_t after, limit, from = a->now.wall_ms, to = LT_INSTANT_MAX, next = 0;
	json_t *items;
	int n = 0, rc = api_only_query(a, rq, names);

	if (rc == 0)
		rc = api_page(a, rq, &after, &limit);
	if (rc == 0)
		rc = api_query_instant(a, rq, "from", OPTIONAL, &from);
	if (rc == 0)
		rc = api_query_instant(a, rq, "to", OPTIONAL, &to);
	if (rc == 0 && limit > 50)
		limit = 50;
	if (rc == 0)
		rc = view_blocks(a, api_query(rq, "instrument"), (struct interval){ from, to }, after, found, (int)limit + 1,
			&n);
	if (rc != 0)
		return rc;
	if (n > limit) {
		n = (int)limit;
		next = found[n - 1].id;
	}
	items = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(items, json_block(a, &found[i]));
	*ret_body = api_items(items, next);
	return act_end(a);
}

int delete_block(struct act *a, struct api_request *rq, json_t **ret_body)
{
	int64_t id;

	if (!api_id(rq->param[0], 'K', &id))
		return act_refuse(a, 404, "not-found", "block", "there is no block %s", rq->param[0]);
	rq->status = 204;
	return block_remove(a, id, rq->if_match);
}
