/* settle_rig.c - see settle_rig.h. Fails the running test when the store refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "settle_rig.h"

#include "app/booking.h"
#include "app/money.h"
#include "export/explain.h"
#include "store/charge.h"

/* A price like the default, then changed by the case. */
void adopt(struct world *w, void (*change)(struct price *p))
{
	struct act *a = world_act(w, NULL);

	if (change)
		change(&w->instruments[0].price);
	w->instruments[0].policy.grace_ms = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, terms_adopt(a, &w->instruments[i]));
	assert_int_equal(0, world_end(w, 0));
}

void add_booking(struct world *w, int64_t id, const char *user, const char *org, int64_t from, int64_t to,
	const char *state)
{
	db_run(w->db, "INSERT INTO booking(id, instrument, org, user, state, booked_from, booked_to, "
		"held_to, priced_to, "
		"policy_version, price_version, quote_minor, created_at, created_by, project) VALUES "
		"(?1, 'krios-1', ?2, ?3, ?4, ?5, ?6, ?6, ?6, 1, 1, 20000, 0, ?3, 'p-1')", "itttii", id, org, user,
			state, from,
		to);
	assert_int_equal(0, db_failed(w->db));
}

void add_session(struct world *w, int64_t id, int64_t booking, int64_t from, int64_t to, bool end_reading)
{
	db_run(w->db, "INSERT INTO session(id, instrument, booking, org, user, kind, state, outcome, opened_at, "
		"opened_cause, closed_at, close_cause, end_reading) VALUES (?1, 'krios-1', ?2, 'acme', 'alice', "
			"'booked', "
		"'closed', 'settling', ?3, 'user', ?4, "
		"'user', ?5)", "iIiii", id, booking ? &booking : NULL, from, to, (int64_t)end_reading);
	assert_int_equal(0, db_failed(w->db));
}

void add_run(struct world *w, int64_t id, int64_t session, int64_t from, int64_t to)
{
	db_run(w->db, "INSERT INTO usage(id, instrument, session, from_at, to_at, measured_ms, placed, open, reason, "
		"raw_from, raw_to) VALUES (?1, 'krios-1', ?2, ?3, ?4, ?4 - ?3, 1, 0, 'run', 1000, 2000)", "iiii", id,
			session,
		from, to);
	assert_int_equal(0, db_failed(w->db));
}

/* Alice's booking 1, two hours from T0, and a session 1 with one run of it. */
void usual(struct world *w, int64_t from, int64_t to, bool end_reading)
{
	world_act(w, NULL);
	add_booking(w, 1, "alice", "acme", T0, T0 + 2 * LT_HOUR, "completed");
	add_session(w, 1, 1, from, to > T0 + 2 * LT_HOUR ? to : T0 + 2 * LT_HOUR, end_reading);
	add_run(w, 1, 1, from, to);
	assert_int_equal(0, world_end(w, 0));
	w->now.wall_ms = T0 + 3 * LT_HOUR;
}

void settle(struct world *w, int64_t session)
{
	world_act(w, NULL);
	assert_int_equal(0, world_end(w, money_settle(&w->act, session)));
}

int64_t charged(struct world *w)
{
	return world_int(w, "SELECT COALESCE(SUM(amount_minor), 0) FROM charge");
}

void book_balances(struct world *w)
{
	assert_int_equal(0, world_int(w, "SELECT COALESCE(SUM(minor), 0) FROM entry"));
	assert_int_equal(charged(w), world_int(w, "SELECT COALESCE(SUM(minor), 0) FROM entry WHERE account LIKE "
		"'receivable:%'"));
	assert_int_equal(charged(w), world_int(w, "SELECT COALESCE(SUM(minor), 0) FROM balance WHERE account LIKE "
		"'receivable:%'"));
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM txn WHERE sealed = 0"));
	assert_int_equal(0, world_int(w, "SELECT COUNT(*) FROM charge c WHERE amount_minor <> "
		"(SELECT COALESCE(SUM(amount_minor), 0) FROM charge_line WHERE charge = c.id)"));
}

/* Keys ascend everywhere and the text is what a canonical writer gives. */
static void record_is_canonical(const char *record)
{
	json_t *doc = json_loads(record, JSON_REJECT_DUPLICATES, NULL);
	char *again;

	assert_non_null(doc);
	again = json_dumps(doc, JSON_SORT_KEYS | JSON_COMPACT);
	assert_string_equal(again, record);
	free(again);
	json_decref(doc);
}

static void explains_itself(struct world *w, int64_t id)
{
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err = { 0 };
	struct charge c;
	char *record;

	assert_int_equal(0, charge_load(w->db, id, &c));
	record = charge_record(w->db, id);
	record_is_canonical(record);
	if (explain_record(x, record, c.sha256, &w->site.zone, &err))
		fail_msg("%s", err.text);
	assert_int_equal(c.amount_minor, x->recomputed_minor);
	assert_true(x->matches);
	assert_true(x->n >= 3);
	free(record);
	free(x);
}

void every_charge_explains_itself(struct world *w)
{
	int64_t n = world_int(w, "SELECT COUNT(*) FROM charge");

	for (int64_t id = 1; id <= n; id++)
		explains_itself(w, id);
}

void explains(struct world *w, int64_t charge, const char *text, const char *value)
{
	struct explain *x = malloc(sizeof(*x));
	struct lt_err err = { 0 };
	struct charge c;
	char *record = charge_record(w->db, charge);
	bool found = false;

	assert_int_equal(0, charge_load(w->db, charge, &c));
	assert_int_equal(0, explain_record(x, record, c.sha256, &w->site.zone, &err));
	for (int i = 0; i < x->n && !found; i++)
		found = strstr(x->step[i].text, text) && (!value || strcmp(x->step[i].value, value) == 0);
	for (int i = 0; i < x->n && !found; i++)
		print_message("# %s  [%s]\n", x->step[i].text, x->step[i].value);
	if (!found)
		fail_msg("no step \"%s\" with %s", text, value ? value : "any value");
	free(record);
	free(x);
}
