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

/* Fees, overrun and idle cost something everywhere; what is paid, and by which list, differs. */
static void found_price(struct price *p, int i)
{
	static const enum price_change changes[WORLD_INSTRUMENTS] = { CHANGE_LOCK_AT_BOOKING, CHANGE_LOCK_AT_BOOKING,
		CHANGE_SPLIT, CHANGE_LOCK_AT_START };

	p->no_show_bp = 5000;
	p->n_tiers = 2;
	p->tiers[0] = (struct tier){ 2 * LT_HOUR, 0 };
	p->tiers[1] = (struct tier){ 0, 2500 };
	p->overrun_pm = 1500;
	p->idle_rate_minor = 1000;
	p->change = changes[i];
	p->usage = i == 1 ? USAGE_MAX : USAGE_USED;
}

static void found_instrument(struct world *w, int i)
{
	struct instrument *in = &w->instruments[i];

	lt_fmt(in->id, sizeof(in->id), "%s", counters[i].id);
	lt_fmt(in->kind, sizeof(in->kind), i < 2 ? "microscope" : "sequencer");
	lt_fmt(in->title, sizeof(in->title), "Simulated %s", counters[i].id);
	lt_fmt(in->location, sizeof(in->location), "B1");
	policy_defaults(&in->policy);
	price_defaults(&in->price);
	found_price(&in->price, i);
	in->meter = (struct meter_def){ .kind = METER_COUNTER, .has_state = true, .poll_ms = w->poll_ms, .rate_ppm = 1000 };
	in->meter.counter = (struct lt_counter){ .bits = counters[i].modulus ? 16 : 32, .count_ms =
		(uint32_t)counters[i].count_ms, .refresh_ms = 1000 };
	w->devices[i].gated = i != WORLD_INSTRUMENTS - 1; /* the last has no interlock: its sessions are presumed */
	if (w->devices[i].gated)
		in->interlock = (struct interlock_def){ .mode = INTERLOCK_ENABLE, .gates = GATES_START, .fail =
			FAIL_LOCKED, .verify_ms = 2000 };
	device_init(&w->devices[i].d, counters[i].id, counters[i].count_ms, counters[i].modulus, counters[i].offset);
	w->devices[i].d.locked = w->devices[i].gated;
	w->devices[i].d.booted_at = w->true_ms - 10 * LT_DAY;
	w->devices[i].d.silent_boots = i == 1;
	w->lists[w->n_lists++] = (struct world_list){ i, 0, 0, in->price.rate_minor };
}

/* Behind the gateway are more units than this lab books. */
static void found_others(struct world *w)
{
	for (int i = WORLD_INSTRUMENTS; i < WORLD_UNITS; i++) {
		char id[16];

		lt_fmt(id, sizeof(id), "unit-%d", i);
		device_init(&w->devices[i].d, id, 1000, 0, 0);
	}
}

static void found_people(struct world *w)
{
	static const char *const orgs[] = { "acme", "bolt", "host" }, *const roles[] = { "member", "manager", "admin" };

	for (int i = 0; i < 3; i++)
		db_run(w->db, "INSERT INTO org (id, name, host, created_at) VALUES (?1, ?1, ?2, 0)", "ti", orgs[i], (int64_t)(i == 2));
	for (int i = 0; i < WORLD_PEOPLE; i++) {
		struct person *p = &w->people[i];
		uint8_t hash[32];
		p->index = i;
		p->kind = i == WORLD_PEOPLE - 1 ? PERSON_ADMIN : i >= WORLD_PEOPLE - 3 ? PERSON_MANAGER : PERSON_MEMBER;
		lt_fmt(p->user, sizeof(p->user), "p%d", i);
		lt_fmt(p->org, sizeof(p->org), "%s", p->kind == PERSON_MEMBER ? orgs[i % 2] : "host");
		lt_fmt(p->token.kind, sizeof(p->token.kind), "user");
		lt_fmt(p->token.public_id, sizeof(p->token.public_id), "person0%d", i);
		for (int k = 0; k < 32; k++)
			p->token.secret[k] = (uint8_t)rng_next(&w->rng);
		crypto_sha256(p->token.secret, 32, hash);
		db_run(w->db, "INSERT INTO user (id, org, name, role, created_at) VALUES (?1, ?2, ?1, ?3, 0)", "ttt", p->user, p->org,
		       roles[p->kind]);
		db_run(w->db, "INSERT INTO token (public_id, user, kind, secret_sha256, created_at, created_by, expires_at)"
		       " VALUES (?1, ?2, 'user', ?3, 0, 'sim', ?4)", "ttbi", p->token.public_id, p->user, hash, sizeof(hash), LT_INSTANT_MAX);
	}
}

static void found_events(struct world *w)
{
	line_begin(w);
	for (int i = 0; i < WORLD_PEOPLE; i++)
		world_at(w, w->true_ms + rng_in(&w->rng, 10000, 3600000 / w->haste), EV_PERSON, i, 0, 0);
	trouble_begin(w);
	world_at(w, w->true_ms, EV_BEAT, 0, 0, 0);
}

static void found_site(struct world *w)
{
	size_t beginning = w->seed % (sizeof(beginnings) / sizeof(*beginnings));
	struct lt_err err = { 0 };

	lt_fmt(w->site.name, sizeof(w->site.name), "Simulated Lab");
	if (zone_load(&w->site.zone, beginnings[beginning].zone, &err) < 0)
		abort();
	lt_fmt(w->site.currency, sizeof(w->site.currency), "USD");
	w->site.exponent = 2;
	w->site.instruments = w->instruments;
	w->site.n_instruments = WORLD_INSTRUMENTS;
	w->start_ms = w->true_ms = lt_days_from_civil(beginnings[beginning].year, beginnings[beginning].month,
		beginnings[beginning].day) * LT_DAY;
	world_boot(w, w->start_ms - 1000000);
	world_skew(w, 0);
}

struct world *world_new(const struct world_options *o)
{
	struct world *w = calloc(1, sizeof(*w));

	assert(w);
	w->seed = w->rng.state = o->seed;
	w->trace = o->trace;
	w->trace_hash = UINT64_C(0xcbf29ce484222325);
	w->poll_ms = o->poll_ms ? o->poll_ms : 60000;
	w->haste = o->haste ? o->haste : 1;
	w->disk = o->disk;
	w->strict = o->strict;
	w->troubles = trouble_of_seed(o->troubles ? o->troubles : trouble_defaults(), o->disk ? 0 : o->seed);
	found_site(w);
	w->end_ms = w->start_ms + o->span_ms;
	for (int i = 0; i < WORLD_INSTRUMENTS; i++)
		found_instrument(w, i);
	found_others(w);
	life_open(w);
	if (!w->db)
		return w;
	found_people(w);
	if (db_failed(w->db))
		world_violate(w, "the founding failed: %s", db_why(w->db));
	found_events(w);
	return w;
}

struct world *world_free(struct world *w)
{
	if (!w)
		return NULL;
	life_end(w);
	requests_free(w);
	free(w);
	return NULL;
}
