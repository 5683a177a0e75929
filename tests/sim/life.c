/*
 * life.c - the ledger's life in the simulated world: it starts, does its steps, is killed or loses power at any point,
 * and starts again. Owns the store, the queues and the ledger. A start that fails is a violation.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "app/booking.h"
#include "base/base.h"
#include "common/fmt.h"
#include "sim/world.h"

#define OPEN_TRIES 8             /* power may go away in the recovery as well */
#define SOON_MS 100              /* so soon the ledger tries what failed again */
#define BEAT_MS 4500             /* so often it has a turn at the least: sooner than it takes for a stop */

static int adopt(struct act *a, const struct site *next, struct lt_err *err)
{
	for (int i = 0; i < next->n_instruments; i++)
		if (terms_adopt(a, &next->instruments[i]) != 0)
			return lt_err_set(err, "adopt", next->instruments[i].id, "%s", db_why(a->db));
	return 0;
}

static int64_t no_clock(void)
{
	return 0;
}

static void start(struct world *w)
{
	struct lt_err err = { 0 };
	struct ledger_options o = {
		.db = w->db, .site = &w->site, .boot_id = "5117a7ed-0000-4000-8000-000000000001", .request = api_handle,
		.is_read = api_is_read, .reload = adopt, .clock_us = no_clock, .service_version = "sim", .ports = &ledger_ports,
	};

	w->in = queue_new();
	w->out = queue_new();
	o.in = w->in;
	o.out = w->out;
	w->fatal = false;
	w->ledger = ledger_new(&o, &err);
	if (!w->ledger)
		world_violate(w, "the ledger does not start: %s", err.text);
}

static void drop(struct world *w)
{
	w->ledger = ledger_free(w->ledger);
	w->in = queue_free(w->in);
	w->out = queue_free(w->out);
}

static void open_store(struct world *w)
{
	struct lt_err err = { 0 };

	for (int i = 0; i < OPEN_TRIES && !w->db; i++) {
		w->db = db_open(w->disk ? w->disk->path : ":memory:", 0, &err);
		if (!w->db && w->disk)
			w->disk->back(&w->rng);
	}
	if (!w->db)
		world_violate(w, "the store does not open: %s", err.text);
}

void life_open(struct world *w)
{
	open_store(w);
	if (w->db)
		start(w);
}

void life_end(struct world *w)
{
	drop(w);
	w->db = db_close(w->db);
}

/* With a disk the process and the machine die: only what was synced is sure. Without, the store is what it was. */
static void die(struct world *w)
{
	if (!w->disk) {
		if (db_in_transaction(w->db))
			db_rollback(w->db);
		drop(w);
		return;
	}
	w->disk->cut();
	life_end(w);
	w->disk->back(&w->rng);
	open_store(w);
	w->disk->pause(true);
	if (w->db)
		checks_after_crash(w);
	w->disk->pause(false);
}

void life_crash(struct world *w)
{
	world_trace(w, "crash");
	w->stats.crashes++;
	die(w);
	if (w->violation[0])
		return;
	world_away(w, rng_in(&w->rng, 50, 90000)); /* until somebody starts it again */
	start(w);
	poller_crashed(w);
	requests_crashed(w);
}

static void on_turn(struct world *w, const struct msg_turn *m)
{
	int64_t at = m->next_due_at - w->wall_skew_ms;

	w->tick_at = m->next_due_at == INT64_MAX ? 0 : at > w->true_ms ? at : w->true_ms + 50;
}

static void on_message(struct world *w, struct msg *m)
{
	switch (m->kind) {
	case MSG_REPLY:
		requests_on_reply(w, (struct msg_reply *)m);
		break;
	case MSG_POLL:
		poller_forced(w, (struct msg_poll *)m);
		break;
	case MSG_LEASES:
		poller_leases(w, (struct msg_leases *)m);
		break;
	case MSG_TURN:
		on_turn(w, (struct msg_turn *)m);
		break;
	case MSG_FATAL:
		w->fatal = true;
		if (!w->disk)
			world_violate(w, "the ledger ended: %s", ((struct msg_fatal *)m)->why);
		break;
	default:
		break;
	}
	msg_free(m);
}

static bool deliver(struct world *w, bool replies_only)
{
	struct msg *m = queue_take(w->out), *next;
	bool any = m != NULL;

	for (; m; m = next) {
		next = m->next;
		if (replies_only && (m->kind != MSG_REPLY || ((struct msg_reply *)m)->status >= 500))
			msg_free(m);
		else
			on_message(w, m);
	}
	return any;
}

/* What could not be done now is tried again soon. */
static void again(struct world *w)
{
	int64_t ms = w->ledger ? ledger_idle_ms(w->ledger, world_stamp(w)) : 0;

	if (ms > 0 && ms <= SOON_MS)
		world_at(w, w->true_ms + ms, EV_TICK, 0, 0, 0);
}

/* quiet: nothing happened, and no power goes away in it but where the disk says so. */
static void step(struct world *w, bool quiet)
{
	for (int rounds = 0; rounds < 16 && w->ledger && !w->violation[0]; rounds++) {
		int r = ledger_step(w->ledger, world_stamp(w));
		if (w->disk && w->disk->gone()) { /* what was answered before may have reached the people, or not */
			if (rng_chance(&w->rng, 500))
				deliver(w, true);
			life_crash(w);
			return;
		}
		if (r < 0 && !w->disk)
			world_violate(w, "ledger_step failed: %d %s", r, db_why(w->db));
		if (!quiet && rng_chance(&w->rng, 1) && rng_chance(&w->rng, 250)) {
			life_crash(w); /* decided and committed, and nobody was told */
			return;
		}
		if (!deliver(w, false) && r >= 0)
			return;
		if (r < 0 || w->fatal) {
			life_crash(w);
			return;
		}
	}
}

static void note_failing(struct world *w)
{
	if (!w->disk || !w->disk->failing || !w->disk->failing())
		return;
	if (!w->failing.from)
		w->failing.from = w->true_ms;
	w->failing.to = w->true_ms;
}

void life_beat(struct world *w)
{
	note_failing(w);
	step(w, true);
	world_at(w, w->true_ms + BEAT_MS, EV_BEAT, 0, 0, 0);
}

void life_step(struct world *w)
{
	note_failing(w);
	step(w, false);
	if (w->disk && !w->violation[0])
		again(w);
}
