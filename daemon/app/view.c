/* view.c - see view.h. Owns nothing; reads only, but for the row of an export. */
#include "app/view.h"

#include <string.h>

#include "app/ledger.h"

int view_bookings(struct act *a, const struct booking_filter *f, struct booking *ret, int cap, int *ret_n)
{
	return store_booking_list(a->db, f, ret, cap, ret_n);
}

int view_booking_history(struct act *a, int64_t id, struct booking_history *ret, int cap, int *ret_n)
{
	return store_booking_history(a->db, id, ret, cap, ret_n);
}

int view_booking_overrides(struct act *a, int64_t id, struct booking_override *ret, int cap, int *ret_n)
{
	return store_booking_overrides(a->db, id, ret, cap, ret_n);
}

int view_booking_sessions(struct act *a, int64_t id, struct session *ret, int cap, int *ret_n)
{
	return store_session_list_booking(a->db, id, ret, cap, ret_n);
}

int view_sessions(struct act *a, const struct session_filter *f, struct session *ret, int cap, int *ret_n)
{
	return store_session_list(a->db, f, ret, cap, ret_n);
}

int view_session_steps(struct act *a, int64_t session, struct session_step *ret, int cap, int *ret_n)
{
	return store_session_steps(a->db, session, ret, cap, ret_n);
}

int view_session_readings(struct act *a, const struct session *s, int64_t after, struct reading *ret, int cap,
	int *ret_n)
{
	int64_t to = s->last_run_end_at > s->closed_at ? s->last_run_end_at : s->closed_at;

	to = s->closed_at ? to + 2 * LT_SECOND : a->now.wall_ms;
	return store_reading_list(a->db, s->instrument, s->opened_at - 2 * LT_SECOND, to, after, ret, cap, ret_n);
}

int view_reviews(struct act *a, const char *state, int64_t after, struct review *ret, int cap, int *ret_n)
{
	return store_review_list(a->db, state, after, ret, cap, ret_n);
}

int view_review(struct act *a, int64_t id, struct review *ret)
{
	return store_review_load(a->db, id, ret);
}

int view_claims(struct act *a, int64_t session, struct claim *ret, int cap, int *ret_n)
{
	return store_claim_list(a->db, session, NULL, ret, cap, ret_n);
}

int view_instrument(struct act *a, const char *id, struct instrument_row *ret)
{
	return store_instrument_load(a->db, id, ret);
}

int view_instruments(struct act *a, const char *after, struct instrument_row *ret, int cap, int *ret_n)
{
	return store_instrument_list(a->db, after, ret, cap, ret_n);
}

int view_meter(struct act *a, const char *instrument, struct meter *ret)
{
	return store_meter_load(a->db, instrument, ret);
}

int view_occupants(struct act *a, const char *instrument, struct interval in, struct occupant *ret, int cap, int *ret_n)
{
	return store_occupancy_in(a->db, instrument, in, "", 0, ret, cap, ret_n);
}

int view_blocks(struct act *a, const char *instrument, struct interval in, int64_t after, struct block *ret, int cap,
	int *ret_n)
{
	return store_block_list(a->db, instrument, in.from, in.to, after, ret, cap, ret_n);
}

int view_terms(struct act *a, enum terms_kind k, const char *instrument, int64_t after, struct terms_row *ret,
	int cap, int *ret_n)
{
	return store_terms_list(a->db, k, instrument, after, ret, cap, ret_n);
}

/* ---- money ---- */

int view_charge(struct act *a, int64_t id, struct charge *ret)
{
	return charge_load(a->db, id, ret);
}

int view_charges(struct act *a, const struct charge_filter *f, struct charge *ret, int *ret_n)
{
	return charge_page(a->db, f, ret, ret_n);
}

int view_charge_lines(struct act *a, int64_t id, struct charge_line *ret, int cap, int *ret_n)
{
	return charge_lines(a->db, id, ret, cap, ret_n);
}

int view_charge_record(struct act *a, int64_t id, char **ret)
{
	*ret = charge_record(a->db, id);
	return *ret ? 0 : db_failed(a->db) ? db_failed(a->db) : DB_NOMEM;
}

int view_charge_total(struct act *a, const char *period, const char *org, int64_t *ret_rows, int64_t *ret_minor)
{
	return charge_total(a->db, period, org, ret_rows, ret_minor);
}

int view_balances(struct act *a, const char *period, const char *after, struct ledger_balance *ret, int cap, int *ret_n)
{
	return ledger_balances(a->db, period, after, ret, cap, ret_n);
}

int view_export(struct act *a, int64_t id, struct export_row *ret, char **ret_manifest)
{
	return export_load(a->db, id, ret, ret_manifest);
}

int export_fix(struct act *a, struct export_row *e, int64_t *ret_rows, int64_t *ret_minor)
{
	int rc = 0;

	*ret_rows = -1;
	*ret_minor = 0;
	e->from_seq = charge_first_seq(a->db, e->from);
	e->to_seq = export_last_seq(a->db);
	if (strlen(e->period) == 7) {
		rc = charge_total(a->db, e->period, e->org, ret_rows, ret_minor);
		if (rc == 0)
			rc = ledger_receivable(a->db, e->period, e->org, &e->ledger_minor);
		e->has_ledger = true;
	}
	return rc != 0 ? rc : act_end(a);
}

int export_record(struct act *a, const struct export_row *e, const char *manifest)
{
	return export_insert(a->db, e, manifest);
}

/* ---- people, events, the store ---- */

int view_orgs(struct act *a, const struct people_filter *f, struct org_row *ret, int cap, int *ret_n)
{
	return store_org_list(a->db, f, ret, cap, ret_n);
}

int view_users(struct act *a, const struct people_filter *f, struct user_row *ret, int cap, int *ret_n)
{
	return store_user_list(a->db, f, ret, cap, ret_n);
}

int view_tokens(struct act *a, const struct people_filter *f, struct token_row *ret, int cap, int *ret_n)
{
	return store_token_list(a->db, f, ret, cap, ret_n);
}

int view_owner(struct act *a, enum owned what, int64_t id, const char *name, struct owner *ret)
{
	return store_owner(a->db, what, id, name, ret);
}

int view_events(struct act *a, const char *org, const char *user, int64_t after, struct event_seen *ret, int cap,
	int *ret_n)
{
	return store_event_page(a->db, org, user, after, ret, cap, ret_n);
}

int view_events_last(struct act *a, const char *org, const char *user, struct event_seen *ret, int cap, int *ret_n)
{
	return store_event_last(a->db, org, user, ret, cap, ret_n);
}

int view_store(struct act *a, struct store_numbers *ret)
{
	ret->held = store_occupancy_count(a->db);
	ret->wal_frames = db_wal_frames(a->db);
	ret->read_only = a->ledger && ledger_is_read_only(a->ledger);
	return act_end(a);
}

const char *view_lock_name(enum lt_lock l)
{
	return store_lock_name(l);
}
