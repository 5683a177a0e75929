/*
 * founding.c - how a simulated world begins: a site whose nights include a clock change, instruments with different
 * counters, two customers and the host, tokens. The seed decides which.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/ledger.h"
#include "base/base.h"
#include "common/fmt.h"
#include "sim/world.h"

/* A zone and an instant a day before one of its clock changes (and one zone without any). */
static const struct { const char *zone; int year, month, day; } beginnings[] = {
	{ "Europe/Berlin", 2027, 3, 27 }, { "Europe/Berlin", 2026, 10, 24 }, { "America/New_York", 2027, 3, 13 },
	{ "America/New_York", 2026, 10, 31 }, { "Australia/Lord_Howe", 2027, 4, 3 }, { "Asia/Shanghai", 2026, 12, 30 },
};

static const struct { const char *id; int64_t count_ms; uint64_t modulus, offset; } counters[WORLD_INSTRUMENTS] = {
	{ "aaa-ms", 1, 0, 5000 },                       /* milliseconds                        */
	{ "bbb-s", 1000, 0, 86400 },                    /* seconds                             */
	{ "ccc-wrap", 1000, 65536, 65000 },             /* 16 bits: turns over within a day    */
	{ "ddd-ten", 10000, 0, 12 },                    /* ten seconds a count                 */
};

static void found_instrument(struct world *w, int i)
{
	struct instrument *in = &w->instruments[i];

	lt_fmt(in->id, sizeof(in->id), "%s", counters[i].id);
	lt_fmt(in->kind, sizeof(in->kind), i < 2 ? "microscope" : "sequencer");
	lt_fmt(in->title, sizeof(in->title), "Simulated %s", counters[i].id);
	lt_fmt(in->location, sizeof(in->location), "B1");
	policy_defaults(&in->policy);
	price_defaults(&in->price);
	in->meter = (struct meter_def){ .kind = METER_COUNTER, .has_state = true, .poll_ms = w->poll_ms, .rate_ppm = 1000 };
	in->meter.counter = (struct lt_counter){ .bits = counters[i].modulus ? 16 : 32, .count_ms = (uint32_t)counters[i].count_ms, .refresh_ms = 1000 };
	in->interlock = (struct interlock_def){ .mode = INTERLOCK_ENABLE, .gates = GATES_START, .fail = FAIL_LOCKED, .verify_ms = 2000 };
	device_init(&w->devices[i].d, counters[i].id, counters[i].count_ms, counters[i].modulus, counters[i].offset);
}

static void found_people(struct world *w)
{
	static const char *const orgs[] = { "acme", "bolt", "host" };

	for (int i = 0; i < 3; i++)
		db_run(w->db, "INSERT INTO org (id, name, host, created_at) VALUES (?1, ?1, ?2, 0)", "ti", orgs[i], (int64_t)(i == 2));
	for (int i = 0; i < WORLD_PEOPLE; i++) {
		struct person *p = &w->people[i];
		uint8_t hash[32];
		p->index = i;
		p->staff = i == WORLD_PEOPLE - 1;
		lt_fmt(p->user, sizeof(p->user), "p%d", i);
		lt_fmt(p->org, sizeof(p->org), "%s", p->staff ? "host" : orgs[i % 2]);
		lt_fmt(p->token.kind, sizeof(p->token.kind), "user");
		lt_fmt(p->token.public_id, sizeof(p->token.public_id), "person0%d", i);
		for (int k = 0; k < 32; k++)
			p->token.secret[k] = (uint8_t)rng_next(&w->rng);
		crypto_sha256(p->token.secret, 32, hash);
		db_run(w->db, "INSERT INTO user (id, org, name, role, created_at) VALUES (?1, ?2, ?1, ?3, 0)", "ttt", p->user, p->org,
		       p->staff ? "manager" : "member");
		db_run(w->db, "INSERT INTO token (public_id, user, kind, secret_sha256, created_at, created_by, expires_at)"
		       " VALUES (?1, ?2, 'user', ?3, 0, 'sim', ?4)", "ttbi", p->token.public_id, p->user, hash, sizeof(hash), LT_INSTANT_MAX);
	}
}

static void found_events(struct world *w)
{
	for (int i = 0; i < WORLD_INSTRUMENTS; i++) {
		world_at(w, w->true_ms + 1000 + i * 7000, EV_POLL, i, 0, 0);
		world_at(w, w->true_ms + rng_in(&w->rng, 3600000, 30 * 3600000), EV_FAULT, i, 0, 0);
	}
	for (int i = 0; i < WORLD_PEOPLE; i++)
		world_at(w, w->true_ms + rng_in(&w->rng, 10000, 3600000), EV_PERSON, i, 0, 0);
	world_at(w, w->true_ms + rng_in(&w->rng, 3600000, 20 * 3600000), EV_CRASH, 0, 0, 0);
	world_at(w, w->true_ms + rng_in(&w->rng, 3600000, 40 * 3600000), EV_CLOCK, 0, 0, 0);
}

struct world *world_new(uint64_t seed, int days, FILE *trace)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t beginning = seed % (sizeof(beginnings) / sizeof(*beginnings));
	struct lt_err err = { 0 };

	assert(w);
	w->seed = seed;
	w->rng.state = seed;
	w->trace = trace;
	w->trace_hash = UINT64_C(0xcbf29ce484222325);
	w->poll_ms = 60000;
	lt_fmt(w->site.name, sizeof(w->site.name), "Simulated Lab");
	if (zone_load(&w->site.zone, beginnings[beginning].zone, &err) < 0)
		abort();
	lt_fmt(w->site.currency, sizeof(w->site.currency), "USD");
	w->site.exponent = 2;
	w->site.instruments = w->instruments;
	w->site.n_instruments = WORLD_INSTRUMENTS;
	w->start_ms = w->true_ms = lt_days_from_civil(beginnings[beginning].year, beginnings[beginning].month, beginnings[beginning].day) * LT_DAY;
	w->end_ms = w->start_ms + days * LT_DAY;
	w->boot_base_ms = w->start_ms - 1000000;
	w->db = db_open(":memory:", 0, &err);
	if (!w->db)
		abort();
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		found_instrument(w, i);
	found_people(w);
	if (db_failed(w->db))
		world_violate(w, "the founding failed: %s", db_why(w->db));
	found_events(w);
	world_start(w);
	return w;
}

struct world *world_free(struct world *w)
{
	if (!w)
		return NULL;
	world_drop(w);
	for (int i = 0; i < WORLD_PENDING; i++)
		free(w->pending[i].body);
	db_close(w->db);
	free(w);
	return NULL;
}
