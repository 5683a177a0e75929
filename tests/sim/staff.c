/*
 * staff.c - what the lab's people do in the simulated world: managers block, unblock, run instruments without
 * a booking, decide review items two by two and take instruments out of service; the admin
 * changes prices, also for later. Usage reports are compared with what the meters counted.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"
#include "sim/world.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define GRID (15 * MINUTE)

/* Nothing else than these may answer a verb of the staff. */
static void expect(struct world *w, const char *what, int status, const char *body)
{
	if (status != 200 && status != 201 && status != 204 && status != 404 && status != 409 && status != 412 &&
		status != 422)
		world_violate(w, "%s answered %d: %s", what, status, body ? body : "");
}

static const char *some_instrument(struct world *w)
{
	return w->devices[rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1)].d.id;
}

static void done(struct world *w, struct person *p, int status, const char *body)
{
	expect(w, "a verb of the staff", status, body);
	people_later(w, p, HOUR, 6 * HOUR);
}

static bool instant_of(const json_t *j, const char *key, int64_t *ret)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text && lt_rfc3339_parse(text, ret);
}

static int64_t id_of(const json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "id"));
	int64_t n = 0;

	return id && strlen(id) > 2 && lt_parse_i64(id + 2, 1, INT64_MAX, &n) ? n : 0;
}

/* What was answered to them: usable.c leaves it out of what anybody could use. */
static void blocked(struct world *w, struct person *p, int status, const char *body)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL;
	struct world_block k = { .id = id_of(j), .instrument = p->instrument };

	if (status == 201 && w->n_blocks < WORLD_BLOCKS && k.id && instant_of(j, "from", &k.from) && instant_of(j, "to", &k.to))
		w->blocks[w->n_blocks++] = k;
	json_decref(j);
	done(w, p, status, body);
}

/* Until then at least it was in force. */
static void unblocked(struct world *w, struct person *p, int status, const char *body)
{
	for (int k = 0; k < w->n_blocks && (status < 300 || status == 404); k++)
		if (w->blocks[k].id == p->booking && w->blocks[k].to > p->asked_at)
			w->blocks[k].to = p->asked_at;
	done(w, p, status, body);
}

static void block_it(struct world *w, struct person *p, struct device_span in, bool displace)
{
	char a[40], b[40], *body = malloc(300);

	people_instant(a, in.from);
	people_instant(b, in.to);
	w->stats.displaced += displace;
	lt_fmt(body, 300, "{\"instrument\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"reason\":\"pump\",\"displace\":%s}",
	       w->devices[p->instrument].d.id, a, b, displace ? "true" : "false");
	world_ask(w, p, METHOD_POST, "/v1/blocks", NULL, body, blocked);
}

static void block(struct world *w, struct person *p)
{
	int64_t from = people_grid_after(w->true_ms + rng_in(&w->rng, 0, 8 * HOUR));
	bool displace = rng_chance(&w->rng, 500);
	struct device_span in = { from, from + GRID * rng_in(&w->rng, 1, 8) };

	p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	block_it(w, p, in, displace);
}

void staff_repair(struct world *w, int instrument, int64_t from, int64_t to)
{
	struct person *p = &w->people[WORLD_PEOPLE - 2];

	if (p->waits)
		return;
	p->instrument = instrument;
	block_it(w, p, (struct device_span){ from, to }, true);
}

/* Lists: takes one of the items. NULL when there is none. */
static json_t *pick(struct world *w, const char *body)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL, *items = json_object_get(j, "items");
	size_t n = json_array_size(items);
	json_t *one = n ? json_incref(json_array_get(items, (size_t)rng_in(&w->rng, 0, (int64_t)n - 1))) : NULL;

	json_decref(j);
	return one;
}

static void saw_blocks(struct world *w, struct person *p, int status, const char *body)
{
	json_t *one = pick(w, body);
	char path[64], match[24];

	expect(w, "the list of blocks", status, body);
	if (!one) {
		people_later(w, p, HOUR, 6 * HOUR);
		return;
	}
	lt_fmt(path, sizeof(path), "/v1/blocks/%s", json_string_value(json_object_get(one, "id")));
	lt_fmt(match, sizeof(match), "%lld", (long long)json_integer_value(json_object_get(one, "version")));
	p->booking = id_of(one);
	json_decref(one);
	world_ask(w, p, METHOD_DELETE, path, match, NULL, unblocked);
}

static void unblock(struct world *w, struct person *p)
{
	char path[160], a[40], b[40];

	people_instant(a, w->true_ms);
	people_instant(b, w->true_ms + 10 * HOUR);
	lt_fmt(path, sizeof(path), "/v1/blocks?instrument=%s&from=%s&to=%s", some_instrument(w), a, b);
	world_ask(w, p, METHOD_GET, path, NULL, NULL, saw_blocks);
}

static void saw_review(struct world *w, struct person *p, int status, const char *body)
{
	static const char *const verbs[] = { "accept", "waive", "attribute", "waive", "attribute" };
	const char *verb = verbs[rng_in(&w->rng, 0, 4)];
	json_t *one = pick(w, body);
	char path[64], *text = malloc(120);

	expect(w, "the review list", status, body);
	if (!one) {
		free(text);
		people_later(w, p, HOUR, 6 * HOUR);
		return;
	}
	lt_fmt(path, sizeof(path), "/v1/review/%s/%s", json_string_value(json_object_get(one, "id")), verb);
	json_decref(one);
	if (strcmp(verb, "attribute") == 0)
		lt_fmt(text, 120, "{\"org\":\"acme\",\"user\":\"p0\",\"reason\":\"seen there\"}");
	else
		lt_fmt(text, 120, "{\"reason\":\"looked into it\"}");
	w->stats.reviews++;
	world_ask(w, p, METHOD_POST, path, NULL, text, done);
}

static void review(struct world *w, struct person *p)
{
	world_ask(w, p, METHOD_GET, rng_chance(&w->rng, 500) ? "/v1/review" : "/v1/review?state=proposed", NULL, NULL, saw_review);
}

static void saw_instrument(struct world *w, struct person *p, int status, const char *body)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL;
	char path[64], match[24], *text = malloc(64);
	bool out = json_is_true(json_object_get(j, "out_of_service"));

	expect(w, "an instrument", status, body);
	lt_fmt(path, sizeof(path), "/v1/instruments/%s", j ? json_string_value(json_object_get(j, "id")) : "");
	lt_fmt(match, sizeof(match), "%lld", (long long)json_integer_value(json_object_get(j, "version")));
	lt_fmt(text, 64, "{\"out_of_service\":%s}", out || rng_chance(&w->rng, 600) ? "false" : "true");
	json_decref(j);
	world_ask(w, p, METHOD_PATCH, path, match, text, done);
}

static void service(struct world *w, struct person *p)
{
	char path[64];

	lt_fmt(path, sizeof(path), "/v1/instruments/%s", some_instrument(w));
	world_ask(w, p, METHOD_GET, path, NULL, NULL, saw_instrument);
}

static void saw_sessions(struct world *w, struct person *p, int status, const char *body)
{
	json_t *one = pick(w, body);
	char path[64];

	expect(w, "the list of sessions", status, body);
	if (!one) {
		people_later(w, p, HOUR, 6 * HOUR);
		return;
	}
	lt_fmt(path, sizeof(path), "/v1/sessions/%s/close", json_string_value(json_object_get(one, "id")));
	json_decref(one);
	world_ask(w, p, METHOD_POST, path, NULL, strdup("{\"reason\":\"left behind\"}"), done);
}

/* Somebody starts an instrument whose interlock they got around, or that still stands open. */
static void run_without_booking(struct world *w, struct person *p)
{
	struct device *d = &w->devices[rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1)].d;

	if (!d->running)
		device_bypass(d, w->true_ms, p->index);
	else
		device_stop(d, w->true_ms);
	people_later(w, p, 10 * MINUTE, 3 * HOUR);
}

/* The list as it was answered: prices.c compares the charges with it. */
static void priced(struct world *w, struct person *p, int status, const char *body)
{
	json_t *j = body ? json_loads(body, 0, NULL) : NULL;
	const char *at = json_string_value(json_object_get(j, "effective_at"));
	struct world_list l = { .instrument = p->instrument, .rate_minor = p->quote };

	expect(w, "a price list", status, body);
	l.version = json_integer_value(json_object_get(j, "version"));
	if (status == 201 && w->n_lists < WORLD_LISTS && at && lt_rfc3339_parse(at, &l.effective_at)) {
		l.backdated = l.effective_at < p->asked_true;
		w->lists[w->n_lists++] = l;
	}
	json_decref(j);
	if (p->runs_left > 0)
		people_later(w, p, 1000, 20 * MINUTE);
	else
		people_later(w, p, HOUR, 6 * HOUR);
}

static void price(struct world *w, struct person *p)
{
	char path[96], a[40], *body = malloc(160);
	bool burst = p->runs_left > 0;
	int64_t rate = rng_in(&w->rng, 50, 200);

	if (!burst)
		p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	p->runs_left -= burst;
	p->quote = rate * 100 + 50;
	people_instant(a, world_stamp(w).wall_ms + rng_in(&w->rng, 5 * MINUTE, burst ? 20 * HOUR : 8 * HOUR));
	lt_fmt(path, sizeof(path), "/v1/instruments/%s/prices", w->devices[p->instrument].d.id);
	if (rng_chance(&w->rng, burst ? 300 : 500))
		lt_fmt(body, 160, "{\"rate\":\"%lld.50\"}", (long long)rate);
	else
		lt_fmt(body, 160, "{\"rate\":\"%lld.50\",\"effective_at\":\"%s\"}", (long long)rate, a);
	world_ask(w, p, METHOD_POST, path, NULL, body, priced);
}

void staff_lists(struct world *w, int n)
{
	struct person *p = &w->people[WORLD_PEOPLE - 1];

	if (p->runs_left > 0 || p->waits)
		return;
	p->instrument = (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1);
	p->runs_left = n;
	price(w, p);
}

static int64_t metered(struct world *w, int i)
{
	int64_t ms;

	if (w->disk)
		w->disk->pause(true);
	ms = db_one_int(w->db, 0, "SELECT ext_ms - ext_first_ms FROM meter WHERE instrument = ?1", "t", w->devices[i].d.id);
	if (w->disk)
		w->disk->pause(false);
	return ms;
}

/*
 * Over an instrument the rows add up to what its meter counted at some time between the question and the answer, which
 * can be late: whose, nobody's, in blocks and not charged. Seconds are floored once a session, and once a row.
 */
static void compare_usage(struct world *w, const struct person *p, const json_t *items)
{
	int64_t listed_s = 0, floored = 1, counted = metered(w, p->instrument);

	for (size_t k = 0; k < json_array_size(items); k++) {
		const json_t *row = json_array_get(items, k);
		const char *key = json_string_value(json_object_get(row, "key"));

		if (key && strcmp(key, "held") == 0) /* above what is counted, and gone when the register is back */
			continue;
		listed_s += json_integer_value(json_object_get(row, "used_seconds"));
		floored += json_integer_value(json_object_get(row, "sessions")) + 1;
	}
	w->stats.reports++;
	if (listed_s * 1000 > counted || listed_s * 1000 + floored * 1000 < p->counted_ms)
		world_violate(w, "the usage of %s adds up to %lld s, its meter counted %lld to %lld ms",
			w->devices[p->instrument].d.id, (long long)listed_s, (long long)p->counted_ms, (long long)counted);
}

static void ask_usage(struct world *w, struct person *p, int i, answer_fn answer)
{
	char path[160], a[40], b[40];

	p->instrument = i;
	p->counted_ms = metered(w, i);
	people_instant(a, w->start_ms - 2 * 24 * HOUR);
	people_instant(b, w->end_ms + 2 * 24 * HOUR);
	lt_fmt(path, sizeof(path), "/v1/usage?by=instrument&instrument=%s&from=%s&to=%s", w->devices[i].d.id, a, b);
	world_ask(w, p, METHOD_GET, path, NULL, NULL, answer);
}

static void saw_usage(struct world *w, struct person *p, int status, const char *body)
{
	json_t *j = status == 200 && body ? json_loads(body, 0, NULL) : NULL;

	expect(w, "the usage of an instrument", status, body);
	if (j)
		compare_usage(w, p, json_object_get(j, "items"));
	json_decref(j);
	if (w->true_ms < w->end_ms)
		people_later(w, p, HOUR, 6 * HOUR);
	else if (p->instrument + 1 < WORLD_INSTRUMENTS)
		ask_usage(w, p, p->instrument + 1, saw_usage);
}

static void usage(struct world *w, struct person *p)
{
	ask_usage(w, p, (int)rng_in(&w->rng, 0, WORLD_INSTRUMENTS - 1), saw_usage);
}

void staff_report(struct world *w)
{
	ask_usage(w, &w->people[WORLD_PEOPLE - 2], 0, saw_usage);
}

void staff_act(struct world *w, struct person *p)
{
	static void (*const acts[])(struct world *, struct person *) = { block, unblock, review, review, review, service,
		run_without_booking, run_without_booking, run_without_booking, usage };

	if (p->kind == PERSON_ADMIN)
		price(w, p);
	else if (rng_chance(&w->rng, 60))
		world_ask(w, p, METHOD_GET, "/v1/sessions?state=unknown", NULL, NULL, saw_sessions);
	else
		acts[rng_in(&w->rng, 0, (int64_t)(sizeof(acts) / sizeof(*acts)) - 1)](w, p);
}
