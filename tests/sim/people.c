/*
 * people.c - what people do in the simulated world: book, change their minds, check in late or never, run the
 * instrument, forget to log off, run past their time, and look at what others must not see. Managers block.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define GRID (15 * MINUTE)

static void later(struct world *w, struct person *p, int64_t low, int64_t high)
{
	world_at(w, w->true_ms + rng_in(&w->rng, low, high), EV_PERSON, p->index, 0, 0);
}

static void instant_text(char dst[40], int64_t at)
{
	lt_rfc3339(dst, 40, at, 0);
}

/* The next grid edge at or after an instant; the grid of 15 minutes is the same in every whole-quarter zone. */
static int64_t grid_after(int64_t at)
{
	return (at + GRID - 1) / GRID * GRID;
}

static bool read_booking(const char *body, struct person *p)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL;
	const char *id = json_string_value(json_object_get(j, "id"));
	const char *from = json_string_value(json_object_get(j, "from")), *to = json_string_value(json_object_get(j, "to"));
	bool ok = id && from && to && lt_parse_i64(id + 2, 1, INT64_MAX, &p->booking) && lt_rfc3339_parse(from, &p->from) &&
		  lt_rfc3339_parse(to, &p->to);

	if (ok)
		p->version = json_integer_value(json_object_get(j, "version"));
	json_decref(j);
	return ok;
}

static void booked(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 201 && read_booking(body, p)) {
		w->stats.bookings++;
		p->state = PERSON_BOOKED;
		if (w->n_acked < WORLD_ACKED) {
			w->acked[w->n_acked].booking = p->booking;
			lt_fmt(w->acked[w->n_acked++].org, LT_ID, "%s", p->org);
		}
		later(w, p, MINUTE, p->from > w->true_ms ? (p->from - w->true_ms) / 2 + 2 * MINUTE : 2 * MINUTE);
		return;
	}
	if (status == 409)
		w->stats.conflicts++;
	else if (status == 422)
		w->stats.refused++;
	else
		world_violate(w, "booking answered %d: %s", status, body ? body : "");
	later(w, p, 5 * MINUTE, 2 * HOUR);
}

static void book(struct world *w, struct person *p)
{
	int64_t from = grid_after(w->true_ms + rng_in(&w->rng, 0, 6 * HOUR));
	int64_t to = from + GRID * rng_in(&w->rng, 1, 16);
	char a[40], b[40], *body = malloc(256);

	if (rng_chance(&w->rng, 50)) /* off the grid: must be refused */
		from += 7 * MINUTE;
	p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	instant_text(a, from);
	instant_text(b, to);
	lt_fmt(body, 256, "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", w->devices[p->instrument].d.id, a, b);
	world_ask(w, p, METHOD_POST, "/v1/bookings", NULL, body, booked);
}

static void walked_up(struct world *w, struct person *p)
{
	int64_t from = w->true_ms / GRID * GRID;
	char a[40], b[40], *body = malloc(256);

	p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	instant_text(a, from);
	instant_text(b, from + GRID * rng_in(&w->rng, 2, 8));
	lt_fmt(body, 256, "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"walk_up\":true}", w->devices[p->instrument].d.id, a, b);
	world_ask(w, p, METHOD_POST, "/v1/bookings", NULL, body, booked);
}

static void set_free(struct world *w, struct person *p)
{
	p->state = PERSON_FREE;
	p->booking = 0;
	later(w, p, 10 * MINUTE, 4 * HOUR);
}

static void moved(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 200)
		read_booking(body, p);
	else if (status != 409 && status != 412 && status != 422)
		world_violate(w, "move answered %d: %s", status, body ? body : "");
	later(w, p, MINUTE, p->from > w->true_ms + 2 * MINUTE ? p->from - w->true_ms : 2 * MINUTE);
}

static void move(struct world *w, struct person *p)
{
	char path[64], match[24], a[40], b[40], *body = malloc(160);
	int64_t shift = GRID * rng_in(&w->rng, -4, 8);

	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld", (long long)p->booking);
	lt_fmt(match, sizeof(match), "%lld", (long long)p->version);
	if (rng_chance(&w->rng, 400)) {
		instant_text(b, p->to + GRID * rng_in(&w->rng, -1, 3));
		lt_fmt(body, 160, "{\"to\":\"%s\"}", b);
	} else {
		instant_text(a, p->from + shift);
		instant_text(b, p->to + shift);
		lt_fmt(body, 160, "{\"from\":\"%s\",\"to\":\"%s\"}", a, b);
	}
	world_ask(w, p, METHOD_PATCH, path, match, body, moved);
}

static void cancelled(struct world *w, struct person *p, int status, const char *body)
{
	if (status != 200 && status != 409)
		world_violate(w, "cancel answered %d: %s", status, body ? body : "");
	set_free(w, p);
}

static void post_verb(struct world *w, struct person *p, const char *verb, answer_fn answer)
{
	char path[64];

	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld/%s", (long long)p->booking, verb);
	world_ask(w, p, METHOD_POST, path, NULL, strdup("{}"), answer);
}

static void checked_in(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 200) {
		p->state = PERSON_AT_WORK;
		p->runs_left = (int)rng_in(&w->rng, 0, 4);
		later(w, p, 5000, 6 * MINUTE);
		return;
	}
	if (status != 409 && status != 422)
		world_violate(w, "check-in answered %d: %s", status, body ? body : "");
	if (w->true_ms < p->from)
		later(w, p, MINUTE, p->from - w->true_ms + MINUTE);
	else
		set_free(w, p);
}

static void checked_out(struct world *w, struct person *p, int status, const char *body)
{
	if (status != 200 && status != 409)
		world_violate(w, "check-out answered %d: %s", status, body ? body : "");
	set_free(w, p);
}

static void run_now(struct world *w, struct person *p)
{
	struct device *d = &w->devices[p->instrument].d;
	int64_t now = w->true_ms;

	if (d->running) { /* it is ours, or somebody's who overruns: leave it alone then */
		if (p->runs_left > 0 && rng_chance(&w->rng, 700)) {
			device_stop(d, now);
			p->runs_left--;
		}
		later(w, p, MINUTE, 20 * MINUTE);
		return;
	}
	if (now < p->to + 10 * MINUTE && p->runs_left > 0 && device_start(d, now)) {
		later(w, p, 20000, p->to > now ? (p->to - now) + 15 * MINUTE : 15 * MINUTE);
		return;
	}
	if (p->runs_left > 0 && now < p->to) {
		p->runs_left--;
		later(w, p, MINUTE, 10 * MINUTE);
		return;
	}
	if (rng_chance(&w->rng, 300)) /* forgets to log off */
		set_free(w, p);
	else
		post_verb(w, p, "checkout", checked_out);
}

static void booked_turn(struct world *w, struct person *p)
{
	int64_t now = w->true_ms;

	if (now < p->from - 15 * MINUTE) {
		if (rng_chance(&w->rng, 200))
			move(w, p);
		else if (rng_chance(&w->rng, 120))
			post_verb(w, p, "cancel", cancelled);
		else
			later(w, p, p->from - now - 14 * MINUTE, p->from - now + 10 * MINUTE);
		return;
	}
	if (rng_chance(&w->rng, 120)) /* never comes */
		set_free(w, p);
	else
		post_verb(w, p, "checkin", checked_in);
}

static void looked(struct world *w, struct person *p, int status, const char *body)
{
	/* Whatever id was asked for: another org's answers 404, never its content. */
	char mark[64];

	if (status == 200 && body && !p->staff) {
		lt_fmt(mark, sizeof(mark), "\"org\":\"%s\"", p->org);
		json_t *j = json_loads(body, 0, NULL);
		const char *org = json_string_value(json_object_get(j, "org"));
		if (!org || strcmp(org, p->org) != 0)
			world_violate(w, "%s of %s was shown %s", p->user, p->org, body);
		json_decref(j);
	} else if (status != 404 && !p->staff) {
		world_violate(w, "a look answered %d", status);
	}
	later(w, p, MINUTE, 30 * MINUTE);
}

static void look(struct world *w, struct person *p)
{
	char path[64];

	if (w->n_acked == 0) {
		later(w, p, MINUTE, 30 * MINUTE);
		return;
	}
	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld", (long long)w->acked[rng_in(&w->rng, 0, w->n_acked - 1)].booking);
	world_ask(w, p, METHOD_GET, path, NULL, NULL, looked);
}

static void blocked(struct world *w, struct person *p, int status, const char *body)
{
	if (status != 201 && status != 409 && status != 422)
		world_violate(w, "block answered %d: %s", status, body ? body : "");
	later(w, p, 6 * HOUR, 20 * HOUR);
}

static void block(struct world *w, struct person *p)
{
	int64_t from = grid_after(w->true_ms + rng_in(&w->rng, 0, 8 * HOUR));
	char a[40], b[40], *body = malloc(300);

	instant_text(a, from);
	instant_text(b, from + GRID * rng_in(&w->rng, 1, 8));
	lt_fmt(body, 300, "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"reason\":\"pump\",\"displace\":%s}",
	       w->devices[rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1)].d.id, a, b, rng_chance(&w->rng, 500) ? "true" : "false");
	world_ask(w, p, METHOD_POST, "/v1/blocks", NULL, body, blocked);
}

/* Somebody starts an instrument whose interlock they got around, or that still stands open. */
static void run_without_booking(struct world *w, struct person *p)
{
	struct device *d = &w->devices[rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1)].d;
	bool was_locked = d->locked;

	if (!d->running) {
		d->locked = false;
		device_start(d, w->true_ms);
		d->locked = was_locked;
	} else {
		device_stop(d, w->true_ms);
	}
	later(w, p, 10 * MINUTE, 3 * HOUR);
}

void people_act(struct world *w, struct person *p)
{
	if (p->waits)
		return; /* the answer goes on from here */
	if (p->staff) {
		if (rng_chance(&w->rng, 300))
			block(w, p);
		else
			run_without_booking(w, p);
		return;
	}
	switch (p->state) {
	case PERSON_FREE:
		if (rng_chance(&w->rng, 150))
			look(w, p);
		else if (rng_chance(&w->rng, 200))
			walked_up(w, p);
		else
			book(w, p);
		break;
	case PERSON_BOOKED:
		booked_turn(w, p);
		break;
	case PERSON_AT_WORK:
		run_now(w, p);
		break;
	}
}
