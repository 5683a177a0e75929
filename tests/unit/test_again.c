/*
 * test_again.c - a charge of an older format is rated again by the law of its format, and its correction says so and
 * explains itself; a record holds the place by which a piece was rated; reports over days add up, charged or not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/tally.h"
#include "base/base.h"
#include "common/fmt.h"
#include "settle_rig.h"
#include "store/charge.h"

static void run_is(struct world *w, int64_t minutes)
{
	world_act(w, NULL);
	db_run(w->db, "UPDATE usage SET to_at = ?1, measured_ms = ?1 - from_at WHERE id = 1", "i", T0 + minutes * MIN);
	assert_int_equal(0, world_end(w, 0));
}

static char *swap(char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	size_t cap = strlen(text) + strlen(new) + 1;
	char *ret = malloc(cap);

	assert_non_null(at);
	lt_fmt(ret, cap, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
	free(text);
	return ret;
}

/* As format 2 wrote it: no `since`, no `used`, faults instead of what was unusable. */
static char *as_format_2(char *text)
{
	char since[64];

	lt_fmt(since, sizeof(since), "\"since_at\":%lld,", (long long)T0);
	text = swap(text, since, "");
	text = swap(text, ",\"unusable\":[],\"used\":false", "");
	text = swap(text, "\"grace_ms\"", "\"faults\":[],\"grace_ms\"");
	return swap(text, "\"format\":6", "\"format\":2");
}

struct sealed { struct charge c; struct charge_line line[4]; int n; char *record; };

/* What the session costs is worked out in a world of its own, and written as format 2 wrote it. */
static void seal(void (*price)(struct price *p), int64_t minutes, struct sealed *ret)
{
	struct world *w = world_new();

	adopt(w, price);
	usual(w, T0, T0 + minutes * MIN, true);
	settle(w, 1);
	assert_int_equal(0, charge_load(w->db, 1, &ret->c));
	assert_int_equal(0, charge_lines(w->db, 1, ret->line, 4, &ret->n));
	ret->record = as_format_2(charge_record(w->db, 1));
	crypto_sha256(ret->record, strlen(ret->record), ret->c.sha256);
	world_free(w);
}

/* The same session, charged by a labtimed of format 2. */
static void charged_in_format_2(struct world *w, void (*price)(struct price *p), int64_t minutes)
{
	struct sealed s;

	seal(price, minutes, &s);
	adopt(w, price);
	usual(w, T0, T0 + minutes * MIN, true);
	world_act(w, NULL);
	s.c.id = act_id(&w->act, "charge");
	s.c.seq = act_id(&w->act, "charge_seq");
	db_run(w->db, "INSERT INTO period(id, state) VALUES (?1, 'open')", "t", s.c.period);
	assert_int_equal(DB_DONE, charge_insert(w->db, &s.c, s.record, s.line, s.n));
	db_run(w->db, "UPDATE session SET outcome = 'charged'", "");
	free(s.record);
	assert_int_equal(0, world_end(w, 0));
}

static void least_charge_and_share(struct price *p)
{
	p->usage = USAGE_MAX;
	p->minimum_minor = 24000;
}

/* Alice paid for all that she booked and the least charge. That the instrument was down for an hour, and that her time
 * counted from later on, is no later data: by the law of that record neither mattered. */
static void an_old_record_is_rated_as_it_was_meant(void **state)
{
	struct world *w = *state;

	charged_in_format_2(w, least_charge_and_share, 30);
	assert_int_equal(24000, charged(w));
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'down', ?1, ?2)", "ii",
		T0 + 40 * MIN, T0 + 100 * MIN);
	db_run(w->db, "UPDATE booking SET since_at = booked_from + 600000, walk_up = 1", "");
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(24000, charged(w));
	assert_int_equal(1, world_int(w, "SELECT COUNT(*) FROM charge"));
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM review"));
	every_charge_explains_itself(w);
}

static void share_of_booked(struct price *p)
{
	p->usage = USAGE_BOOKED_PLUS_OVERRUN;
	p->overrun_pm = 2000;
}

/* Less was used than she paid: the credit is the difference by the old law, and explains itself by it. */
static void its_correction_is_rated_by_the_same_law(void **state)
{
	struct world *w = *state;

	charged_in_format_2(w, share_of_booked, 150);
	assert_int_equal(20000 + 10000, charged(w));
	world_act(w, NULL);
	db_run(w->db, "INSERT INTO outage (id, instrument, kind, from_at, to_at) VALUES (1, 'krios-1', 'down', ?1, ?2)", "ii",
		T0 + 40 * MIN, T0 + 100 * MIN);
	assert_int_equal(0, world_end(w, 0));
	run_is(w, 20);
	settle(w, 1);
	assert_int_equal(20000, charged(w));
	assert_int_equal(2, world_int(w, "SELECT json_extract(record, '$.rated_as_format') FROM charge WHERE id = 2"));
	every_charge_explains_itself(w);
}

/* Of what no charge stands for in the range. */
static struct tally_sum rest_in(struct world *w, int64_t from, int64_t to)
{
	struct tally_want want = { .by = TALLY_INSTRUMENT, .by_service = true, .rest = true, .from = from, .to = to };
	struct tally_sum all = { .key = "" };
	const struct tally_sum *rest;
	struct tally *t = tally_new(world_read(w, NULL), &want);
	int n, rc;

	assert_non_null(t);
	while ((rc = tally_step(t, w->db)) > 0)
		;
	assert_int_equal(rc, 0);
	rest = tally_rest(t, &n);
	for (int i = 0; i < n; i++) {
		all.sessions += rest[i].sessions;
		all.used_s += rest[i].used_s;
	}
	tally_free(t);
	return all;
}

/* A session over midnight: each day has the seconds that were metered in it, the day of its beginning the session. */
static void days_add_up(void **state)
{
	struct world *w = *state;
	struct tally_sum one, two, both;

	adopt(w, NULL);
	usual(w, T0, T0 + 30 * MIN, true);
	world_act(w, NULL);
	add_run(w, 2, 1, T0 + 60 * MIN, T0 + 80 * MIN);
	assert_int_equal(0, world_end(w, 0));
	for (int charged_before = 0; charged_before < 2; charged_before++) {
		one = rest_in(w, T0 - LT_DAY, T0 + 45 * MIN);
		two = rest_in(w, T0 + 45 * MIN, T0 + LT_DAY);
		both = rest_in(w, T0 - LT_DAY, T0 + LT_DAY);
		assert_int_equal(one.sessions, 1);
		assert_int_equal(two.sessions, 0);
		assert_int_equal(both.sessions, 1);
		assert_int_equal(one.used_s, charged_before ? 10 * 60 : 30 * 60);
		assert_int_equal(one.used_s + two.used_s, both.used_s);
		settle(w, 1);
		world_act(w, NULL);                      /* ten minutes more turn up */
		add_run(w, 3 + charged_before, 1, T0 + 100 * MIN, T0 + 110 * MIN);
		assert_int_equal(0, world_end(w, 0));
	}
}

static int open_world(void **state)
{
	*state = world_new();
	return 0;
}

static int close_world(void **state)
{
	world_free(*state);
	return 0;
}

/* The clock was set back, and the label of what was metered lies ahead of the session: it is rated within the session,
 * and so says the record. */
static void the_record_has_the_place_that_was_rated(void **state)
{
	struct world *w = *state;

	adopt(w, NULL);
	usual(w, T0, T0 + 30 * MIN, true);
	world_act(w, NULL);
	db_run(w->db, "UPDATE usage SET from_at = ?1, to_at = ?1, placed = 0", "i", T0 + 10 * LT_HOUR);
	assert_int_equal(0, world_end(w, 0));
	settle(w, 1);
	assert_int_equal(5000, charged(w));
	assert_int_equal(T0, world_int(w, "SELECT json_extract(record, '$.usage[0].from_at') FROM charge"));
	assert_int_equal(T0 + 2 * LT_HOUR, world_int(w, "SELECT json_extract(record, '$.usage[0].to_at') FROM charge"));
	every_charge_explains_itself(w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(an_old_record_is_rated_as_it_was_meant), T(its_correction_is_rated_by_the_same_law),
		T(the_record_has_the_place_that_was_rated), T(days_add_up),
	};

	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}
