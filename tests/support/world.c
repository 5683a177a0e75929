/* world.c - the small world of world.h. Owns its store; asserts instead of failing. */
#include "support/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"

static void instrument_fill(struct instrument *i, const char *id, const char *kind, enum meter_kind meter)
{
	lt_fmt(i->id, sizeof(i->id), "%s", id);
	lt_fmt(i->kind, sizeof(i->kind), "%s", kind);
	lt_fmt(i->title, sizeof(i->title), "Test %s", id);
	lt_fmt(i->location, sizeof(i->location), "B1-101");
	policy_defaults(&i->policy);
	price_defaults(&i->price);
	i->meter.kind = meter;
	i->meter.counter = (struct lt_counter){ .bits = 32, .count_ms = 1000, .refresh_ms = 1000 };
	i->meter.has_state = true;
	i->meter.poll_ms = 1000;
	i->meter.rate_ppm = 1000;
	i->interlock.mode = meter == METER_COUNTER ? INTERLOCK_ENABLE : INTERLOCK_NONE;
	i->interlock.gates = GATES_START;
	i->interlock.fail = FAIL_LOCKED;
	i->interlock.verify_ms = 2000;
}

static void people_fill(struct db *db)
{
	static const char *const orgs[][2] = { { "acme", "Acme Bio" }, { "lab", "The Lab" },
		{ "zeta", "Zeta Genomics" } };
	static const char *const users[][3] = {
		{ "alice", "acme", "member" }, { "bob", "acme", "member" }, { "olga", "acme", "org_admin" },
			{ "zoe", "zeta", "member" },
		{ "mia", "lab", "manager" }, { "finn", "lab", "finance" }, { "root", "lab", "admin" },
	};

	for (size_t i = 0; i < sizeof(orgs) / sizeof(orgs[0]); i++)
		db_run(db, "INSERT INTO org (id, name, host, created_at) VALUES (?1, ?2, ?3, 0)", "tti", orgs[i][0],
			orgs[i][1], (int64_t)(i == 1));
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		db_run(db, "INSERT INTO user (id, org, name, role, created_at) VALUES (?1, ?2, ?1, ?3, 0)", "ttt",
			users[i][0], users[i][1], users[i][2]);
}

struct world *world_new(void) { return world_new_at(":memory:"); }

struct world *world_new_at(const char *path)
{
	struct world *w = calloc(1, sizeof(*w));
	struct lt_err err = { 0 };

	assert(w);
	w->db = db_open(path, 0, &err);
	assert(w->db);
	lt_fmt(w->site.name, sizeof(w->site.name), "Test Lab");
	if (zone_load(&w->site.zone, "Asia/Shanghai", &err) < 0)
		abort();
	lt_fmt(w->site.currency, sizeof(w->site.currency), "USD");
	w->site.exponent = 2;
	w->site.instruments = w->instruments;
	w->site.n_instruments = 3;
	instrument_fill(&w->instruments[0], "krios-1", "microscope", METER_COUNTER);
	instrument_fill(&w->instruments[1], "plc-1", "power", METER_STATE);
	instrument_fill(&w->instruments[2], "seq-1", "sequencer", METER_COUNTER);
	for (int i = 0; i < 3; i++)
		db_run(w->db, "INSERT INTO instrument (id, unit, link) VALUES (?1, ?2, 'up')", "ti",
			w->instruments[i].id, (int64_t)i + 1);
	people_fill(w->db);
	assert(db_failed(w->db) == 0);
	w->boot_id = "00000000-0000-0000-0000-000000000001";
	w->now = (struct stamp){ .boot_ms = 1000000, .wall_ms = WORLD_NOW };
	return w;
}

struct world *world_free(struct world *w)
{
	if (!w)
		return NULL;
	db_close(w->db);
	free(w);
	return NULL;
}

static const char *const role_names[ROLE_COUNT] = { "", "member", "org_admin", "manager", "finance", "admin" };

static void become(struct world *w, const char *user)
{
	struct principal *p = &w->act.who;
	struct stmt *s;

	lt_fmt(p->actor, sizeof(p->actor), "%s", user ? user : "timer");
	if (!user) {
		p->role = ROLE_ADMIN;
		return;
	}
	s = db_query(w->db, "SELECT role, org FROM user WHERE id = ?1", "t", user);
	if (db_step(s) != DB_ROW)
		abort();
	for (int r = ROLE_MEMBER; r < ROLE_COUNT; r++)
		if (strcmp(role_names[r], db_text(s, 0)) == 0)
			p->role = (enum role)r;
	db_copy_text(s, 1, p->org, sizeof(p->org));
	db_end(s);
	lt_fmt(p->user, sizeof(p->user), "%s", user);
	lt_fmt(p->scope, sizeof(p->scope), "t:%s", user);
}

struct act *world_read(struct world *w, const char *user)
{
	memset(&w->act, 0, sizeof(w->act));
	memset(&w->effects, 0, sizeof(w->effects));
	w->act.db = w->db;
	w->act.site = &w->site;
	w->act.now = w->now;
	w->act.boot_id = w->boot_id;
	w->act.effects = &w->effects;
	become(w, user);
	return &w->act;
}

struct act *world_act(struct world *w, const char *user)
{
	world_read(w, user);
	if (db_begin(w->db) < 0 || db_savepoint(w->db) < 0)
		abort();
	return &w->act;
}

int world_end(struct world *w, int r)
{
	if (r != 0) {
		db_rollback(w->db);
		return r;
	}
	if (db_release(w->db) < 0 || db_commit(w->db) < 0)
		abort();
	return 0;
}

void world_sleep(struct world *w, int64_t ms)
{
	w->now.boot_ms += ms;
	w->now.wall_ms += ms;
}

int64_t world_int(struct world *w, const char *sql)
{
	int64_t v = db_one_int(w->db, -1, sql, "");

	if (db_failed(w->db))
		abort();
	return v;
}
