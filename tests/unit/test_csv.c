/* test_csv.c - the CSV of charges: exact bytes, small slices, a fixed snapshot, the spreadsheet variant, the
 * manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"
#include "common/fmt.h"
#include "export/export.h"
#include "store/charge.h"
#include "store/ledger.h"
#include "support/world.h"

static void add_charge(struct world *w, int64_t id, const char *project, int64_t minor)
{
	struct charge c = { .id = id, .seq = id, .session = 0, .booking = 0, .kind = "fee", .org = "acme", .user = "alice",
		.instrument = "krios-1", .posted_at = WORLD_NOW + id * 1000, .service_from = WORLD_NOW - 3600000,
		.service_to = WORLD_NOW, .period = "2026-12", .used_s = 3600, .billed_s = 3600, .amount_minor = minor,
		.currency = "USD", .flags = "gap,presumed" };

	lt_fmt(c.project, sizeof(c.project), "%s", project);
	assert_int_equal(0, charge_insert(w->db, &c, "{}", NULL, 0));
}

static void fill(struct world *w, int64_t from, int64_t to)
{
	bool open;

	world_act(w, NULL);
	assert_int_equal(0, period_ensure(w->db, "2026-12", &open));
	for (int64_t i = from; i <= to; i++)
		add_charge(w, i, "p-1", i * 101 - 500);
	assert_int_equal(0, world_end(w, 0));
}

static struct export_row a_row(struct world *w, const char *format)
{
	struct export_row e = { .id = 4, .period = "2026-12", .from_seq = 1, .actor = "finn", .created_at = WORLD_NOW,
		.state = "ready", .has_ledger = true, .ledger_minor = 77 };

	lt_fmt(e.format, sizeof(e.format), "%s", format);
	e.to_seq = export_last_seq(w->db);
	return e;
}

/* Streams with slices of `cap` bytes; between slices `between` runs. Malloc'd text. */
static char *stream(struct world *w, struct export_row *e, size_t cap, void (*between)(struct world *w),
	int *ret_slices)
{
	struct export_filter f;
	struct job *job;
	char *text = calloc(1, 1 << 20), *slice = malloc(cap);
	size_t n = 0, size = 0;
	int rc;

	assert_true(export_row_filter(e, &f));
	job = export_csv_new(&w->site, e, &f, strcmp(e->format, "csv-excel") == 0);
	assert_non_null(job);
	*ret_slices = 0;
	do {
		rc = job->kind->next_slice(job, w->db, slice, cap, &size);
		assert_true(rc >= 0);
		assert_true(size <= cap);
		memcpy(text + n, slice, size);
		n += size;
		if (++*ret_slices == 1 && between)
			between(w);
	} while (rc == 1);
	world_act(w, NULL);
	export_insert(w->db, e, "{}");
	assert_int_equal(0, job->kind->done(job, &w->act));
	assert_int_equal(0, job->kind->done(job, &w->act)); /* a turn may run again */
	assert_int_equal(0, world_end(w, 0));
	job->kind->cancel(job);
	free(slice);
	return text;
}

static void exact_bytes(void **state)
{
	struct world *w = *state;
	struct export_row e;
	char *text;
	int slices;

	fill(w, 1, 1);
	e = a_row(w, "csv");
	text = stream(w, &e, 65536, NULL, &slices);
	assert_int_equal(0, strncmp(text, export_csv_header, strlen(export_csv_header)));
	assert_string_equal("C-1,fee,,,,acme,alice,krios-1,p-1,2026-12,2026-12-01T08:00:01+08:00,2026-12-01T07:00:00+08:00,"
		"2026-12-01T08:00:00+08:00,3600,0,0,0,3600,0,-3.99,-399,USD,\"gap,presumed\"\r\n",
		text + strlen(export_csv_header));
	free(text);
}

static int lines_of(const char *text)
{
	int n = 0;

	for (; (text = strstr(text, "\r\n")); text += 2)
		n++;
	return n;
}

static void later_charges(struct world *w)
{
	fill(w, 2001, 2010);
}

/* Slices join without a seam; what is posted meanwhile is not in it; the manifest is true. */
static void slices_of_one_snapshot(void **state)
{
	struct world *w = *state;
	struct export_row e;
	char *big, *small, hex[65];
	uint8_t hash[32];
	int one, many;
	char *manifest = NULL;
	json_t *m;

	fill(w, 1, 2000);
	e = a_row(w, "csv");
	e.ledger_minor = world_int(w, "SELECT SUM(amount_minor) FROM charge");
	big = stream(w, &e, 1 << 19, NULL, &one);
	e.id = 5;
	small = stream(w, &e, 4096, later_charges, &many);
	assert_true(many > 50);
	assert_string_equal(big, small);
	assert_int_equal(2001, lines_of(small));
	assert_int_equal(0, export_load(w->db, 5, &e, &manifest));
	assert_string_equal("done", e.state);
	m = json_loads(manifest, 0, NULL);
	crypto_sha256(small, strlen(small), hash);
	crypto_hex(hex, hash, sizeof(hash));
	assert_string_equal(hex, json_string_value(json_object_get(m, "sha256")));
	assert_int_equal(2000, json_integer_value(json_object_get(m, "rows")));
	assert_int_equal(strlen(small), json_integer_value(json_object_get(m, "bytes")));
	assert_true(json_is_true(json_object_get(m, "matches_ledger")));
	assert_int_equal(e.ledger_minor,
		json_integer_value(json_object_get(json_object_get(json_object_get(m, "sums"), "USD"), "amount_minor")));
	json_decref(m);
	free(manifest);
	free(big);
	free(small);
}

static void spreadsheets_run_nothing(void **state)
{
	static const char *const projects[] = { "=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=b", "say \"x\", y" };
	static const char *const plain[] = { "=1+1", "+1", "-1", "@x", "\tx", "\"\rx\"", "a=b", "\"say \"\"x\"\", y\"" };
	static const char *const safe[] = { "'=1+1", "'+1", "'-1", "'@x", "'\tx", "\"'\rx\"", "a=b", "\"say \"\"x\"\", y\""
		};
	struct world *w = *state;
	char *text[2];
	bool open;
	int slices;

	world_act(w, NULL);
	assert_int_equal(0, period_ensure(w->db, "2026-12", &open));
	for (int i = 0; i < 8; i++)
		add_charge(w, i + 1, projects[i], -100);
	assert_int_equal(0, world_end(w, 0));
	for (int v = 0; v < 2; v++) {
		struct export_row e = a_row(w, v ? "csv-excel" : "csv");

		e.id = 10 + v;
		text[v] = stream(w, &e, 65536, NULL, &slices);
	}
	assert_int_equal(0, strncmp(text[0], "charge_id", 9));
	assert_int_equal(0, strncmp(text[1], "\xef\xbb\xbf" "charge_id", 12));
	for (int i = 0; i < 8; i++) {
		char want[80];

		lt_fmt(want, sizeof(want), "krios-1,%s,2026-12", plain[i]);
		assert_non_null(strstr(text[0], want));
		lt_fmt(want, sizeof(want), "krios-1,%s,2026-12", safe[i]);
		assert_non_null(strstr(text[1], want));
	}
	assert_non_null(strstr(text[1], ",-1.00,-100,USD")); /* numbers stay numbers */
	free(text[0]);
	free(text[1]);
}

static void an_empty_period_is_a_header(void **state)
{
	struct world *w = *state;
	struct export_row e = a_row(w, "csv");
	char *text;
	int slices;

	text = stream(w, &e, 65536, NULL, &slices);
	assert_string_equal(export_csv_header, text);
	free(text);
}

static void a_row_that_fits_no_slice_fails(void **state)
{
	struct world *w = *state;
	struct export_row e;
	struct export_filter f;
	struct job *job;
	char slice[300];
	size_t size;

	fill(w, 1, 1);
	e = a_row(w, "csv");
	assert_true(export_row_filter(&e, &f));
	job = export_csv_new(&w->site, &e, &f, false);
	assert_true(job->kind->next_slice(job, w->db, slice, sizeof(slice), &size) < 0);
	job->kind->cancel(job);
}

static int setup(void **state) { *state = world_new(); return 0; }
static int teardown(void **state) { world_free(*state); return 0; }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exact_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(slices_of_one_snapshot, setup, teardown),
		cmocka_unit_test_setup_teardown(spreadsheets_run_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_period_is_a_header, setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_that_fits_no_slice_fails, setup, teardown),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
