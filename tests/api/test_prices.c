/* test_prices.c - price lists and the prices of free slots through the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api_rig.h"
#include "app/booking.h"

/* The parsed answer; fails unless the status is `status`. */
static json_t *ask(struct world *w, const char *user, struct call c, int status)
{
	struct lt_token t = rig_token(w, user);
	struct answer a;
	json_t *v;

	c.token = &t;
	a = rig_call(w, c);
	if (a.status != status)
		fail_msg("%s as %s: %d, not %d: %s", c.path, user, a.status, status, a.body);
	v = json_loads(*a.body ? a.body : "{}", 0, NULL);
	assert_non_null(v);
	answer_free(&a);
	return v;
}

static const char *text(json_t *v, const char *member)
{
	return json_string_value(json_object_get(v, member));
}

/* What the same request answers when it writes, and when it does not. */
static void same_state(struct world *w, const char *body, const char *state)
{
	static const char *const queries[] = { "dry_run=true", NULL };
	int64_t lists = world_int(w, "SELECT COUNT(*) FROM price_version");

	for (int k = 0; k < 2; k++) {
		json_t *v = ask(w, "root", (struct call){ .method = METHOD_POST, .path = "/v1/instruments/krios-1/prices",
			.query = queries[k], .body = body, .key = k ? state : NULL, .keep = true }, k ? 201 : 200);

		assert_string_equal(text(v, "state"), state);
		assert_int_equal(world_int(w, "SELECT COUNT(*) FROM price_version"), lists + k);
		json_decref(v);
	}
}

static void a_dry_run_of_a_price_says_when_it_would_hold(void **state)
{
	struct world *w = rig_world();

	(void)state;
	same_state(w, "{\"rate\":\"120.00\"}", "in_force");
	same_state(w, "{\"rate\":\"130.00\",\"effective_at\":\"2026-12-05T00:00:00Z\"}", "announced");
	world_free(w);
}

static void long_bookings(struct world *w)
{
	struct act *a;

	w->now.wall_ms++;
	a = world_act(w, NULL);
	for (int i = 0; i < w->site.n_instruments; i++) {
		w->instruments[i].policy.max_ms = 90 * LT_DAY;
		assert_int_equal(terms_adopt(a, &w->instruments[i]), 0);
	}
	world_end(w, 0);
}

/* A price beyond one figure cannot be booked: it is not offered, and what the others offer is. */
static void one_dear_instrument_hides_no_slot_of_the_others(void **state)
{
	struct world *w = rig_world();
	json_t *v, *slot;
	size_t i;

	(void)state;
	long_bookings(w);
	json_decref(ask(w, "root", (struct call){ .method = METHOD_POST, .path = "/v1/instruments/krios-1/prices",
		.body = "{\"rate\":\"1000000000.00\"}", .key = "dear", .keep = true }, 201));
	json_decref(ask(w, "alice", (struct call){ .method = METHOD_POST, .path = "/v1/quotes",
		.body = "{\"instrument\":\"krios-1\",\"from\":\"2026-12-02T01:00:00Z\",\"to\":\"2027-02-02T01:00:00Z\"}" }, 422));
	v = ask(w, "alice", (struct call){ .path = "/v1/free", .query = "duration_seconds=5184000&limit=2" }, 200);
	assert_int_equal(json_array_size(json_object_get(v, "items")), 2);
	json_array_foreach(json_object_get(v, "items"), i, slot)
		assert_string_not_equal(text(slot, "instrument"), "krios-1");
	json_decref(v);
	v = ask(w, "alice", (struct call){ .path = "/v1/free", .query = "duration_seconds=5184000&instrument=krios-1" }, 200);
	assert_int_equal(json_array_size(json_object_get(v, "items")), 0);
	json_decref(v);
	world_free(w);
}

/* A line's amount is seconds x rate x factor / 3600: who looks at a quote sees all of them, as on the charge. */
static void a_quote_says_the_factor_of_a_walk_up(void **state)
{
	struct world *w = rig_world();
	json_t *v, *line;

	(void)state;
	json_decref(ask(w, "root", (struct call){ .method = METHOD_POST, .path = "/v1/instruments/seq-1/prices",
		.body = "{\"walk_up_factor\":\"1.5\"}", .key = "factor", .keep = true }, 201));
	v = ask(w, "alice", (struct call){ .method = METHOD_POST, .path = "/v1/quotes", .body = "{\"instrument\":\"seq-1\","
		"\"from\":\"2026-12-01T00:00:00Z\",\"to\":\"2026-12-01T01:00:00Z\",\"walk_up\":true}" }, 200);
	line = json_array_get(json_object_get(v, "lines"), 0);
	assert_string_equal(text(line, "component"), "walk_up");
	assert_string_equal(text(line, "factor"), "1.500");
	assert_string_equal(text(json_object_get(line, "rate"), "amount"), "100.00");
	assert_string_equal(text(json_object_get(line, "amount"), "amount"), "150.00");
	json_decref(v);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dry_run_of_a_price_says_when_it_would_hold),
		cmocka_unit_test(a_quote_says_the_factor_of_a_walk_up),
		cmocka_unit_test(one_dear_instrument_hides_no_slot_of_the_others),
	};

	return cmocka_run_group_tests_name("prices", tests, NULL, NULL);
}
