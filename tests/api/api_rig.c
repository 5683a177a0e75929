/* api_rig.c - see api_rig.h. Owns nothing that outlives a call. */
#include "api_rig.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/booking.h"
#include "app/idem.h"
#include "app/people.h"
#include "base/base.h"
#include "common/fmt.h"

const struct route *const rig_tables[6] = { meta_routes, people_routes, instrument_routes, booking_routes,
	session_routes, charge_routes };

static void run(struct world *w, const char *sql)
{
	if (db_run(w->db, sql, "") < 0) {
		log_event(LOG_ERROR_LEVEL, "the rig's rows do not fit the schema", "why", db_why(w->db), "sql", sql,
			NULL);
		abort();
	}
}

/* Three of each; columns without a default are given, the rest is the schema's. */
static void objects(struct world *w)
{
	run(w, "INSERT INTO booking (id, instrument, org, user, state, booked_from, booked_to, held_to, priced_to, "
		"policy_version, price_version, quote_minor, created_at, created_by, note) SELECT column1, 'krios-1', "
		"column2, column3, 'confirmed', 1796086800000 + column1 * 3600000, 1796090400000 + column1 * 3600000, "
		"1796090400000 + column1 * 3600000, 1796090400000 + column1 * 3600000, 1, 1, 10000, 1, column3, 'note "
		"of ' || column3 FROM (VALUES (1, 'acme', 'alice'), (2, 'acme', 'bob'), (3, 'zeta', 'zoe'))");
	run(w, "INSERT INTO occupancy (id, unit, busy_from, busy_to, kind, ref) SELECT id, 1, booked_from, held_to, "
		"'booking', id FROM booking");
	run(w, "INSERT INTO session (id, instrument, booking, org, user, kind, state, outcome, opened_at, "
		"opened_cause, closed_at, close_cause) SELECT id, instrument, id, org, user, 'booked', 'closed', "
		"'settling', 1796000000000, 'user', 1796003600000, 'user' FROM booking");
	run(w, "INSERT INTO claim (id, instrument, at, org, user, created_at, state) SELECT id, instrument, "
		"1796000000000, org, user, 1, 'open' FROM booking");
	run(w, "INSERT INTO period (id, state) VALUES ('2026-11', 'open') ON CONFLICT (id) DO NOTHING");
	run(w, "INSERT INTO charge (id, seq, session, booking, kind, org, user, instrument, posted_at, period, "
		"service_from, service_to, used_s, idle_s, overrun_s, billed_s, estimated_s, amount_minor, currency, "
		"lines, record, sha256) SELECT id, id, id, id, 'usage', org, user, instrument, 1796000000000, '2026-11', "
		"1796000000000, 1796003600000, 3600, 0, 0, 3600, 0, 10000, 'USD', 0, '{}', zeroblob(32) FROM booking");
	run(w, "INSERT INTO event (id, at, kind, instrument, org, user, booking, detail) SELECT id, 1, 'booking', "
		"instrument, org, user, id, 'by ' || user FROM booking");
	run(w, "INSERT INTO export (id, format, org, period, from_seq, to_seq, actor, created_at, state) "
	       "SELECT id, 'csv', org, '2026-11', 1, 3, user, 1, 'ready' FROM booking");
	run(w, "INSERT INTO counter (name, next) VALUES ('booking', 4), ('session', 4), ('charge', 4), ('claim', 4), "
		"('occupancy', 4), ('event', 4), ('export', 4) ON CONFLICT (name) DO UPDATE SET next = MAX(next, "
		"excluded.next)");
}

struct world *rig_world(void)
{
	struct world *w = world_new();
	struct act *a = world_act(w, NULL);

	for (int i = 0; i < w->site.n_instruments; i++)
		if (terms_adopt(a, &w->instruments[i]) != 0)
			abort();
	world_end(w, 0);
	objects(w);
	return w;
}

struct lt_token rig_token(struct world *w, const char *user)
{
	struct act *a = world_act(w, NULL);
	struct token_row row = { 0 };
	char secret[LT_TOKEN_TEXT];
	struct lt_token t;

	lt_fmt(row.user, sizeof(row.user), "%s", user);
	if (token_create(a, &row, secret) != 0 || !lt_token_parse(secret, &t))
		abort();
	world_end(w, 0);
	return t;
}

static void request_fill(struct world *w, struct msg_request *m, const struct call *c)
{
	memset(m, 0, sizeof(*m));
	m->head.kind = MSG_REQUEST;
	m->head.at = w->now;
	m->method = c->method;
	m->path = (char *)c->path;
	m->query = (char *)c->query;
	m->body = (char *)c->body;
	m->body_size = c->body ? strlen(c->body) : 0;
	m->peer.kind = c->token ? PEER_TLS : PEER_UNIX;
	m->peer.uid = c->uid;
	m->has_token = c->token != NULL;
	if (c->token)
		m->token = *c->token;
	lt_fmt(m->idempotency_key, sizeof(m->idempotency_key), "%s", c->key ? c->key : "");
	lt_fmt(m->if_match, sizeof(m->if_match), "%s", c->if_match ? c->if_match : "");
}

/* As the turn does it: the row of the key outside the item's savepoint. */
static void finish(struct world *w, struct act *a, const struct msg_request *m, struct ledger_reply *reply, int r,
	bool keep)
{
	if (r == 0 && !a->dry_run)
		db_release(w->db);
	else
		db_rollback_to(w->db);
	if (reply->keep && !reply->replayed && a->who.scope[0] && idem_store(a, m, reply) < 0)
		abort();
	if (!keep || db_commit(w->db) < 0)
		db_rollback(w->db);
}

/* All slices of a streamed answer, joined. Returns how many. */
static int drain(struct world *w, struct job *job, char **ret_body)
{
	char *slice = malloc(JOB_SLICE);
	size_t n, size = 0;
	int more, slices = 0;

	do {
		more = job->kind->next_slice(job, w->db, slice, JOB_SLICE, &n);
		if (more < 0)
			abort();
		*ret_body = realloc(*ret_body, size + n + 1);
		memcpy(*ret_body + size, slice, n);
		(*ret_body)[size += n] = '\0';
		slices++;
	} while (more > 0);
	free(slice);
	return slices;
}

struct answer rig_call(struct world *w, struct call c)
{
	struct act *a = world_act(w, NULL);
	struct ledger_reply reply = { 0 };
	struct answer ret = { 0 };
	struct msg_request m;

	request_fill(w, &m, &c);
	memset(&a->who, 0, sizeof(a->who));
	ret.r = api_handle(a, &m, &reply);
	ret.status = ret.r < 0 || ret.r == ACT_PARKED ? 503 : reply.status;
	ret.body = reply.body ? reply.body : strdup("");
	ret.replayed = reply.replayed;
	ret.keep = reply.keep;
	memcpy(ret.etag, reply.etag, sizeof(ret.etag));
	memcpy(ret.location, reply.location, sizeof(ret.location));
	if (reply.job && strcmp(reply.content_type, "application/json") == 0)
		ret.slices = drain(w, reply.job, &ret.body);
	if (reply.job)
		reply.job->kind->cancel(reply.job);
	finish(w, a, &m, &reply, ret.r, c.keep);
	free(reply.kept);
	return ret;
}

void answer_free(struct answer *a)
{
	free(a->body);
	a->body = NULL;
}
