/*
 * test_explain_fee.c - a no-show fee says how it was decided: who checked in and when, how long the instrument could be
 * used and how long the wait is; and records of each older format are still explained, to the cent.
 */
#include "use_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "export/explain.h"
#include "store/charge.h"

static bool says(const struct explain *x, const char *text, const char *value)
{
	for (int i = 0; i < x->n; i++)
		if (strstr(x->step[i].text, text) && strcmp(x->step[i].value, value) == 0)
			return true;
	for (int i = 0; i < x->n; i++)
		print_message("# %s  [%s]\n", x->step[i].text, x->step[i].value);
	return false;
}

/* The only fee, explained; it adds up. Free it. */
static struct explain *explained(void)
{
	int64_t id = world_int(w, "SELECT MIN(id) FROM charge WHERE kind = 'fee'");
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err = { 0 };
	struct charge c;
	char *record = charge_record(w->db, id);

	assert_int_equal(world_int(w, "SELECT COUNT(*) FROM charge WHERE kind = 'fee'"), 1);
	assert_int_equal(charge_load(w->db, id, &c), 0);
	assert_int_equal(explain_record(x, record, c.sha256, &w->site.zone, &err), 0);
	assert_true(x->matches);
	free(record);
	return x;
}

static void nobody_checked_in(void **state)
{
	struct explain *x;
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(4));
	STATE(b.id, "no_show");
	x = explained();
	assert_true(says(x, "nobody checked in, and no run was seen to be theirs", "none"));
	assert_true(says(x, "from 2026-12-01T10:00:00+08:00 to 2026-12-01T10:30:00+08:00 the instrument could be used for so long",
		"1800.000 s"));
	assert_true(says(x, "is the wait for a first run: the no-show fee is due after it", "1800.000 s"));
	assert_true(says(x, "no_show fee by the price version", "50.00 %"));
	free(x);
}

/* Somebody came a minute late and ran nothing in two hours: the fee says so, not that nobody came. */
static void checked_in_and_nothing_ran(void **state)
{
	struct explain *x;
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(1));
	assert_int_equal(use("alice", b.id, booking_checkin, &b), 0);
	run_to(H(4));
	STATE(b.id, "no_show");
	x = explained();
	assert_true(says(x, "alice checked in, and nothing ran: neither the run bit nor the counter showed a run",
		"2026-12-01T10:01:00+08:00"));
	for (int i = 0; i < x->n; i++)
		assert_null(strstr(x->step[i].text, "nobody"));
	/* the wait for her first run, which began with her check-in */
	assert_true(says(x, "from 2026-12-01T10:01:00+08:00 to 2026-12-01T11:01:00+08:00 the instrument could be used for so long",
		"3600.000 s"));
	assert_true(says(x, "is the wait for a first run: the no-show fee is due after it", "3600.000 s"));
	free(x);
}

/* The controller is silent for ten of the first minutes and is read again twenty seconds later: that is left out. */
static void silence_is_left_out_of_the_time_that_could_be_used(void **state)
{
	struct explain *x;
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(5));
	link_up(false);
	run_to(H(2) + MIN(15));
	link_up(true);
	run_to(H(4));
	STATE(b.id, "no_show");
	x = explained();
	assert_true(says(x, "from 2026-12-01T10:00:00+08:00 to 2026-12-01T10:40:20+08:00 the instrument could be used", "1800.000 s"));
	free(x);
}

/* Cancelled twenty minutes after the start: the fee is due at once, and says that the wait was not over. */
static void cancelled_after_the_start(void **state)
{
	struct explain *x;
	struct booking b;

	assert_int_equal(book("alice", H(2), H(4), &b), 0);
	run_to(H(2) + MIN(20));
	assert_int_equal(cancel("alice", b.id, &b), 0);
	STATE(b.id, "no_show");
	x = explained();
	assert_true(says(x, "the instrument could be used for so long", "1200.000 s"));
	assert_true(says(x, "is the wait for a first run; it was given up before that", "1800.000 s"));
	free(x);
}

/* Records of older formats ---------------------------------------------------------------------------------- */

/* The record in the file; where it says `old`, `new` (as long) is put. What explain_record() answers. */
static int explain_file(const char *name, const char *old, const char *new, struct explain *x, struct lt_err *err)
{
	static char record[16384];      /* one thread */
	uint8_t hash[32];
	char path[400], *at;
	FILE *f;
	size_t n;

	lt_fmt(path, sizeof(path), RECORDS "/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(record, 1, sizeof(record) - 1, f);
	fclose(f);
	while (n > 0 && record[n - 1] == '\n')
		n--;
	record[n] = '\0';
	at = strstr(record, old);
	assert_non_null(at);
	memcpy(at, new, strlen(new));
	crypto_sha256(record, n, hash);
	return explain_record(x, record, hash, &w->site.zone, err);
}

static struct explain *explained_file(const char *name)
{
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err = { 0 };

	assert_int_equal(explain_file(name, "", "", x, &err), 0);
	return x;
}

/* A record that names a price list which it does not hold is damaged: an error that says what, and nothing is read. */
static void a_damaged_record_is_an_error(void **state)
{
	static const struct { const char *file, *old, *new, *what; } damaged[] = {
		{ "format-3-no-show.json", "\"price_version\":1}]", "\"price_version\":7}]", "terms" },
		{ "format-3-usage.json", "\"price_version\":1}]", "\"price_version\":7}]", "terms" },
		{ "format-3-usage.json", "\"version\":1}],\"prices\"", "\"version\":7}],\"prices\"", "price_spans" },
		{ "format-3-usage.json", "\"price_locked\":0", "\"price_locked\":9", "usage" },
		{ "format-1-usage.json", "\"price_locked\":0", "\"price_locked\":9", "usage" },
	};
	struct explain *x = malloc(sizeof(*x));

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct lt_err err = { 0 };
		int rc = explain_file(damaged[i].file, damaged[i].old, damaged[i].new, x, &err);

		if (rc != -1 || strcmp(err.code, "bad-record") != 0 || strcmp(err.field, damaged[i].what) != 0)
			fail_msg("%s with %s: %d, %s \"%s\"", damaged[i].file, damaged[i].new, rc, err.code, err.field);
	}
	free(x);
}

/* A no-show fee of 100.00 of each format, as the daemon of then sealed it. */
static void no_show_fees_of_older_formats(void **state)
{
	static const char *const files[] = { "format-1-no-show.json", "format-2-no-show.json", "format-3-no-show.json" };

	for (size_t i = 0; i < 3; i++) {
		struct explain *x = explained_file(files[i]);

		assert_true(x->matches);
		assert_int_equal(x->amount_minor, 10000);
		assert_true(says(x, "the booking was not used: the no-show fee", "no_show"));
		for (int k = 0; k < x->n; k++)
			assert_null(strstr(x->step[k].text, "checked in"));
		free(x);
	}
}

/* The same session of 80 minutes, booked for two hours and at least so long to be paid. */
static void sessions_of_older_formats(void **state)
{
	static const char *const files[] = { "format-1-usage.json", "format-2-usage.json", "format-3-usage.json" };

	for (size_t i = 0; i < 3; i++) {
		struct explain *x = explained_file(files[i]);

		assert_true(x->matches);
		assert_int_equal(x->amount_minor, 20000);
		assert_true(says(x, "booked_fill: 2400 s", "66.67"));
		free(x);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nobody_checked_in), CASE(checked_in_and_nothing_ran),
		CASE(silence_is_left_out_of_the_time_that_could_be_used), CASE(cancelled_after_the_start),
		CASE(no_show_fees_of_older_formats), CASE(sessions_of_older_formats),
		CASE(a_damaged_record_is_an_error),
	};

	return cmocka_run_group_tests_name("explain fee", tests, NULL, NULL);
}
