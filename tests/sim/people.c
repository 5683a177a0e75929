/*
 * people.c - what members do in the simulated world: book, change their minds, check in late or never, run the
 * instrument, extend, forget to log off, run past their time, disown, and look at what others must not see.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "common/money.h"
#include "sim/world.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define GRID (15 * MINUTE)
#define PROMPT_MS 2000           /* an answer that came at once, and was not lost */

void people_later(struct world *w, struct person *p, int64_t low, int64_t high)
{
	world_at(w, w->true_ms + rng_in(&w->rng, low, high) / w->haste, EV_PERSON, p->index, ++p->plan, 0);
}

void people_instant(char dst[40], int64_t at)
{
	lt_rfc3339(dst, 40, at, 0);
}

/* The next grid edge at or after an instant; the grid of 15 minutes is the same in every whole-quarter zone. */
int64_t people_grid_after(int64_t at)
{
	return (at + GRID - 1) / GRID * GRID;
}

static int64_t read_minor(const json_t *money)
{
	const char *amount = json_string_value(json_object_get(money, "amount"));
	int64_t minor = 0;

	return amount && lt_money_parse(amount, 2, &minor) ? minor : 0;
}

static bool read_booking(const char *body, struct person *p)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL;
	const char *id = json_string_value(json_object_get(j, "id"));
	const char *from = json_string_value(json_object_get(j, "from")), *to = json_string_value(json_object_get(j, "to"));
	bool ok = id && from && to && lt_parse_i64(id + 2, 1, INT64_MAX, &p->booking) && lt_rfc3339_parse(from, &p->from) &&
		  lt_rfc3339_parse(to, &p->to);

	if (ok) {
		p->version = json_integer_value(json_object_get(j, "version"));
		p->quote = read_minor(json_object_get(j, "quote"));
	}
	json_decref(j);
	return ok;
}

struct acked *people_booking(struct world *w, int64_t booking)
{
	for (int i = w->n_acked - 1; i >= 0; i--)
		if (w->acked[i].booking == booking)
			return &w->acked[i];
	return NULL;
}

/* A move brings new terms to all of it, an extension to what it adds; shortened, it keeps those of what is left. */
static void take_terms(struct acked *a, int64_t from, int64_t to, int64_t asked_at, int64_t told_at)
{
	if (a->n_terms == ACKED_TERMS) {
		a->unsure = true;
		return;
	}
	a->terms[a->n_terms++] = (struct acked_term){ from, to, asked_at, told_at };
}

static void cut_terms(struct acked *a, int64_t to)
{
	while (a->n_terms > 1 && a->terms[a->n_terms - 1].from >= to)
		a->n_terms--;
	a->terms[a->n_terms - 1].to = to;
}

void people_acked(struct world *w, struct person *p, bool moved, bool cancelled)
{
	struct acked *a = people_booking(w, p->booking);
	int64_t now = world_stamp(w).wall_ms;

	if (!a && w->n_acked == WORLD_ACKED)
		return;
	if (!a) {
		a = &w->acked[w->n_acked++];
		*a = (struct acked){ .booking = p->booking, .person = p->index, .instrument = p->instrument };
		moved = true;
	}
	if (moved) {
		a->n_terms = 0;
		a->since = p->from > p->asked_at ? p->from : p->asked_at;
		a->made_true = p->asked_true;
		take_terms(a, p->from, p->to, p->asked_at, now);
	} else if (p->to > a->to) {
		take_terms(a, a->to, p->to, p->asked_at, now);
	} else if (p->to < a->to) {
		cut_terms(a, p->to);
	}
	a->unsure |= p->asked_at > now;
	a->from = p->from;
	a->to = p->to;
	a->version = p->version;
	a->quote = p->quote;
	a->cancelled = cancelled;
}

static void booked(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 201 && read_booking(body, p)) {
		w->stats.bookings++;
		p->state = PERSON_BOOKED;
		people_acked(w, p, true, false);
		trouble_after_booking(w, p);
		people_later(w, p, MINUTE, p->from > w->true_ms ? (p->from - w->true_ms) / 2 + 2 * MINUTE : 2 * MINUTE);
		return;
	}
	if (status == 409)
		w->stats.conflicts++;
	else if (status == 422)
		w->stats.refused++;
	else
		world_violate(w, "booking answered %d: %s", status, body ? body : "");
	people_later(w, p, 5 * MINUTE, 2 * HOUR);
}

static void book(struct world *w, struct person *p)
{
	int64_t from = people_grid_after(w->true_ms + rng_in(&w->rng, 0, 6 * HOUR));
	int64_t to = from + GRID * rng_in(&w->rng, 1, 16);
	char a[40], b[40], *body = malloc(256);

	if (rng_chance(&w->rng, 50)) /* off the grid: must be refused */
		from += 7 * MINUTE;
	p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	people_instant(a, from);
	people_instant(b, to);
	lt_fmt(body, 256, "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", w->devices[p->instrument].d.id, a, b);
	world_ask(w, p, METHOD_POST, "/v1/bookings", NULL, body, booked);
}

static void walked_up(struct world *w, struct person *p)
{
	int64_t from = w->true_ms / GRID * GRID;
	char a[40], b[40], *body = malloc(256);

	p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	people_instant(a, from);
	people_instant(b, from + GRID * rng_in(&w->rng, 1, 8));
	lt_fmt(body, 256, "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"walk_up\":true}", w->devices[p->instrument].d.id, a, b);
	world_ask(w, p, METHOD_POST, "/v1/bookings", NULL, body, booked);
}

static void set_free(struct world *w, struct person *p)
{
	p->state = PERSON_FREE;
	p->booking = 0;
	people_later(w, p, 10 * MINUTE, 4 * HOUR);
}

/*
 * The change that was sent again is refused because the booking has changed: the first one was made, its answer lost.
 * Nobody here knows what the booking is now and which price was in force.
 */
static void doubt_unheard_change(struct world *w, const struct person *p)
{
	struct acked *a = people_booking(w, p->booking);

	if (a && p->tries > 1)
		a->unsure = true;
}

static void moved(struct world *w, struct person *p, int status, const char *body)
{
	int64_t was = p->from;

	if (status == 200 && read_booking(body, p))
		people_acked(w, p, p->from != was, false);
	else if (status == 412)
		doubt_unheard_change(w, p);
	else if (status != 409 && status != 422)
		world_violate(w, "move answered %d: %s", status, body ? body : "");
	people_later(w, p, MINUTE, p->from > w->true_ms + 2 * MINUTE ? p->from - w->true_ms : 2 * MINUTE);
}

static void move(struct world *w, struct person *p)
{
	char path[64], match[24], a[40], b[40], *body = malloc(160);
	int64_t shift = GRID * (rng_chance(&w->rng, 300) ? rng_in(&w->rng, -4, -1) : rng_in(&w->rng, 1, 8));

	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld", (long long)p->booking);
	lt_fmt(match, sizeof(match), "%lld", (long long)p->version);
	if (rng_chance(&w->rng, 400)) {
		people_instant(b, p->to + GRID * rng_in(&w->rng, -1, 3));
		lt_fmt(body, 160, "{\"to\":\"%s\"}", b);
	} else {
		people_instant(a, p->from + shift);
		people_instant(b, p->to + shift);
		lt_fmt(body, 160, "{\"from\":\"%s\",\"to\":\"%s\"}", a, b);
	}
	world_ask(w, p, METHOD_PATCH, path, match, body, moved);
}

static void cancelled(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 200 && read_booking(body, p)) {
		people_acked(w, p, false, strstr(body, "\"state\":\"cancelled\"") != NULL); /* after its start it is a no-show */
		trouble_after_cancel(w, p);
	} else if (status != 409 && status != 422) {
		world_violate(w, "cancel answered %d: %s", status, body ? body : "");
	}
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
	if (status == 200 && read_booking(body, p)) {
		people_acked(w, p, false, false);
		people_booking(w, p->booking)->checkin_at = p->asked_true;
		p->state = PERSON_AT_WORK;
		p->runs_left = (int)rng_in(&w->rng, 0, 4);
		trouble_after_checkin(w, p);
		reach_checked_in(w, p->instrument, w->true_ms - p->asked_true < PROMPT_MS ? p->asked_true : w->true_ms);
		people_later(w, p, 5000, 6 * MINUTE);
		return;
	}
	if (status != 409 && status != 422)
		world_violate(w, "check-in answered %d: %s", status, body ? body : "");
	if (w->true_ms < p->from)
		people_later(w, p, MINUTE, p->from - w->true_ms + MINUTE);
	else
		set_free(w, p);
}

static void checked_out(struct world *w, struct person *p, int status, const char *body)
{
	if (status != 200 && status != 409)
		world_violate(w, "check-out answered %d: %s", status, body ? body : "");
	if (status == 200)
		people_booking(w, p->booking)->checkout_at = p->asked_true;
	set_free(w, p);
}

static void cancelled_in_use(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 200) /* it had ended without use meanwhile, or nothing had run */
		cancelled(w, p, status, body);
	else if (status != 409 && status != 422)
		world_violate(w, "cancel in use answered %d: %s", status, body ? body : "");
	else
		people_later(w, p, MINUTE, 10 * MINUTE);
}

static void extended(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 200 && read_booking(body, p))
		people_acked(w, p, false, false);
	else if (status == 412)
		doubt_unheard_change(w, p);
	else if (status != 409 && status != 422)
		world_violate(w, "extend answered %d: %s", status, body ? body : "");
	people_later(w, p, MINUTE, 10 * MINUTE);
}

static void extend(struct world *w, struct person *p)
{
	char path[64], match[24], b[40], *body = malloc(160);

	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld", (long long)p->booking);
	lt_fmt(match, sizeof(match), "%lld", (long long)p->version);
	people_instant(b, p->to + GRID * rng_in(&w->rng, 1, 4));
	lt_fmt(body, 160, "{\"to\":\"%s\"}", b);
	world_ask(w, p, METHOD_PATCH, path, match, body, extended);
}

static void run_now(struct world *w, struct person *p)
{
	struct device *d = &w->devices[p->instrument].d;
	int64_t now = w->true_ms;

	if (now > p->to - 20 * MINUTE && now < p->to && rng_chance(&w->rng, 150)) {
		extend(w, p);
		return;
	}
	if (rng_chance(&w->rng, 10)) { /* too late: it is in use */
		post_verb(w, p, "cancel", cancelled_in_use);
		return;
	}
	if (d->running) { /* it is ours, or somebody's who overruns: leave it alone then */
		if (p->runs_left > 0 && rng_chance(&w->rng, 700)) {
			device_stop(d, now);
			p->runs_left--;
		}
		people_later(w, p, MINUTE, 20 * MINUTE);
		return;
	}
	if (now < p->to + 10 * MINUTE && p->runs_left > 0 && device_start(d, now, p->index)) {
		people_later(w, p, 20000, p->to > now ? (p->to - now) + 15 * MINUTE : 15 * MINUTE);
		return;
	}
	if (p->runs_left > 0 && now < p->to) {
		p->runs_left--;
		people_later(w, p, MINUTE, 10 * MINUTE);
		return;
	}
	if (rng_chance(&w->rng, 300)) /* forgets to log off */
		set_free(w, p);
	else
		post_verb(w, p, "checkout", checked_out);
}

static void disowned(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 200)
		w->stats.disowned++;
	else if (status != 409 && status != 404)
		world_violate(w, "disown answered %d: %s", status, body ? body : "");
	set_free(w, p);
}

static void saw_session(struct world *w, struct person *p, int status, const char *body)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL;
	const char *id = json_string_value(json_object_get(j, "session"));
	char path[64];

	if (status != 200)
		world_violate(w, "a look at the own booking answered %d", status);
	lt_fmt(path, sizeof(path), "/v1/sessions/%s/disown", id ? id : "S-0");
	json_decref(j);
	if (id)
		world_ask(w, p, METHOD_POST, path, NULL, strdup("{\"reason\":\"not me\"}"), disowned);
	else
		set_free(w, p);
}

/* Without an interlock nobody must check in: the session is presumed, and sometimes disowned. */
static void run_unannounced(struct world *w, struct person *p)
{
	struct device *d = &w->devices[p->instrument].d;
	char path[64];

	if (!d->running) {
		device_start(d, w->true_ms, p->index);
		people_later(w, p, 2 * MINUTE, 30 * MINUTE);
		return;
	}
	device_stop(d, w->true_ms);
	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld", (long long)p->booking);
	if (rng_chance(&w->rng, 500))
		world_ask(w, p, METHOD_GET, path, NULL, NULL, saw_session);
	else
		set_free(w, p);
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
			people_later(w, p, p->from - now - 14 * MINUTE, p->from - now + 10 * MINUTE);
		return;
	}
	if (rng_chance(&w->rng, 100)) /* never comes */
		set_free(w, p);
	else if (now > p->from && rng_chance(&w->rng, 40)) /* after the start */
		post_verb(w, p, "cancel", cancelled);
	else if (!w->devices[p->instrument].gated && now > p->from && rng_chance(&w->rng, 400))
		run_unannounced(w, p);
	else if (trouble_at_start(w, p))
		people_later(w, p, 10000, 15 * MINUTE);
	else
		post_verb(w, p, "checkin", checked_in);
}

static void looked(struct world *w, struct person *p, int status, const char *body)
{
	/* Whatever id was asked for: another org's answers 404, never its content. */
	if (status == 200 && body) {
		json_t *j = json_loads(body, 0, NULL);
		const char *org = json_string_value(json_object_get(j, "org"));
		if (!org || strcmp(org, p->org) != 0)
			world_violate(w, "%s of %s was shown %s", p->user, p->org, body);
		json_decref(j);
	} else if (status != 404) {
		world_violate(w, "a look answered %d", status);
	}
	people_later(w, p, MINUTE, 30 * MINUTE);
}

static void look(struct world *w, struct person *p)
{
	char path[64];

	if (w->n_acked == 0) {
		people_later(w, p, MINUTE, 30 * MINUTE);
		return;
	}
	lt_fmt(path, sizeof(path), "/v1/bookings/B-%lld", (long long)w->acked[rng_in(&w->rng, 0, w->n_acked - 1)].booking);
	world_ask(w, p, METHOD_GET, path, NULL, NULL, looked);
}

static void claimed(struct world *w, struct person *p, int status, const char *body)
{
	if (status == 201)
		w->stats.claims++;
	else if (status != 409 && status != 422)
		world_violate(w, "claim answered %d: %s", status, body ? body : "");
	people_later(w, p, MINUTE, 2 * HOUR);
}

/* "That was me", truly or not. */
static void claim(struct world *w, struct person *p)
{
	char a[40], *body = malloc(120);

	people_instant(a, w->true_ms - rng_in(&w->rng, 5000, 4 * HOUR));
	lt_fmt(body, 120, "{\"instrument\":\"%s\",\"at\":\"%s\"}", w->devices[rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1)].d.id, a);
	world_ask(w, p, METHOD_POST, "/v1/claims", NULL, body, claimed);
}

/* They saw that its display lives again, and go there at once. */
void people_wait_for(struct world *w, int instrument, struct rng *r)
{
	for (int i = 0; i < WORLD_PEOPLE; i++) {
		struct person *p = &w->people[i];

		if (p->state == PERSON_BOOKED && p->instrument == instrument && !p->waits && p->from <= w->true_ms &&
				w->true_ms < p->to && rng_chance(r, 600))
			world_at(w, w->true_ms + rng_in(r, 0, 4000), EV_PERSON, i, ++p->plan, 0);
	}
}

void people_act(struct world *w, struct person *p)
{
	if (p->waits)
		return; /* the answer goes on from here */
	if (p->kind != PERSON_MEMBER) {
		staff_act(w, p);
		return;
	}
	switch (p->state) {
	case PERSON_FREE:
		if (rng_chance(&w->rng, 150))
			look(w, p);
		else if (rng_chance(&w->rng, 100))
			claim(w, p);
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
