/*
 * usage.c - gathers what a session is rated from: its pieces of metered time, its booking, the terms it was made under
 * and the bookings around it. Owns struct rating (heap); fails with the store's classes.
 */
#include <stdlib.h>
#include <string.h>

#include "app/booking.h"
#include "app/metering.h"
#include "app/money.h"
#include "app/rating.h"
#include "store/booking.h"
#include "store/evidence.h"
#include "store/meter.h"

struct rating *rating_free(struct rating *r)
{
	free(r);
	return NULL;
}

static int add_list(struct act *a, struct rating *r, const struct terms_row *row)
{
	struct price_list *l;
	struct lt_err err;
	int n = r->in.n_lists;

	if (n == RATE_LISTS_MAX)
		return RATING_TOO_MUCH;
	l = &r->lists[n];
	r->rows[n] = *row;
	l->version = row->version;
	l->effective_at = row->effective_at;
	if (price_from_text(&l->price, row->text, a->site->exponent, &err))
		return DB_CORRUPT;
	r->in.n_lists++;
	return 0;
}

/* The lists that came into force after the first one and before the session ended. */
static int add_later_lists(struct act *a, struct rating *r, int64_t until)
{
	struct terms_row row;
	int64_t after = r->lists[0].version;
	int n, rc;

	while ((rc = store_terms_list(a->db, TERMS_PRICE, r->s.instrument, after, &row, 1, &n)) == 0 && n == 1) {
		after = row.version;
		if (row.effective_at >= until || row.effective_at < r->lists[r->in.n_lists - 1].effective_at)
			continue;
		rc = add_list(a, r, &row);
		if (rc)
			return rc;
	}
	return rc;
}

/* The terms that hold: those of the sealed record, of the booking, or in force at the start. */
static int load_terms(struct act *a, const struct rating *r, enum terms_kind kind, int64_t booked, int64_t sealed,
	struct terms_row *ret)
{
	int64_t version = sealed ? sealed : r->in.booked ? booked : 0;

	return version ? store_terms_version(a->db, kind, r->s.instrument, version, ret)
		       : store_terms_at(a->db, kind, r->s.instrument, r->s.opened_at, ret);
}

static int load_lists(struct act *a, struct rating *r, const struct charge_sealed *sealed, int64_t until)
{
	struct terms_row row;
	int rc = load_terms(a, r, TERMS_PRICE, r->b.price_version, sealed ? sealed->price_version : 0, &row);

	if (rc)
		return rc < 0 ? rc : DB_CORRUPT;
	rc = add_list(a, r, &row);
	if (rc || r->lists[0].price.change == CHANGE_LOCK_AT_BOOKING)
		return rc;
	return add_later_lists(a, r, until);
}

static int load_policy(struct act *a, struct rating *r, const struct charge_sealed *sealed)
{
	struct lt_err err;
	int rc = load_terms(a, r, TERMS_POLICY, r->b.policy_version, sealed ? sealed->policy_version : 0,
		&r->policy_row);

	if (rc)
		return rc < 0 ? rc : DB_CORRUPT;
	return policy_from_text(&r->policy, r->policy_row.text, &err) ? DB_CORRUPT : 0;
}

/* What the meter showed of the window after two people had agreed on an estimate takes the estimate's place. */
static bool superseded(const struct rating *r, const struct usage *approved)
{
	for (int i = 0; i < r->in.n_pieces; i++) {
		const struct usage *u = &r->usage[i];

		if (u->id > approved->id && u->measured_ms > 0 && u->from_at < approved->to_at &&
			u->to_at > approved->from_at)
			return true;
	}
	return false;
}

static int load_pieces(struct act *a, struct rating *r)
{
	int rc = session_usage(a, r->s.id, r->usage, RATING_PIECES, &r->in.n_pieces);

	for (int i = 0; rc == 0 && i < r->in.n_pieces; i++) {
		const struct usage *u = &r->usage[i];

		r->pieces[i] = (struct rate_piece){ u->from_at, u->to_at, u->measured_ms, u->estimated_ms, u->placed,
			strcmp(u->reason, "approved") == 0 && !superseded(r, u), u->fault };
	}
	return rc;
}

static int load_booking(struct act *a, struct rating *r, const struct charge_sealed *sealed)
{
	struct rate_input *in = &r->in;
	int rc;

	if (!r->s.booking)
		return 0;
	rc = booking_load(a, r->s.booking, &r->b);
	if (rc)
		return rc < 0 ? rc : DB_CORRUPT;
	in->booked = true;
	in->walk_up = r->b.walk_up;
	in->booked_from = r->b.booked_from;
	in->booked_to = r->b.booked_to;
	in->priced_to = r->b.priced_to;
	in->kept = r->kept;
	rc = store_booking_kept(a->db, r->b.id, r->kept, RATE_KEPT_MAX, &in->n_kept);
	if (rc)
		return rc;
	in->next_from = sealed ? sealed->next_from : evidence_next_booking(a->db, r->s.instrument, r->b.booked_to,
		r->b.id);
	if (sealed)
		in->priced_to = r->b.priced_to = sealed->priced_to;
	return 0;
}

/* When the instrument said that it has a fault, from the first instant that anything is priced for to the last. */
static int load_faults(struct act *a, struct rating *r)
{
	struct rate_input *in = &r->in;
	int64_t from = r->s.opened_at, to = in->n_pieces ? r->pieces[in->n_pieces - 1].to_at : r->s.opened_at;

	if (in->n_pieces && r->pieces[0].from_at < from)
		from = r->pieces[0].from_at;
	if (in->start_at && in->start_at < from)
		from = in->start_at;
	if (in->booked && in->booked_from < from)
		from = in->booked_from;
	if (in->booked && in->booked_to > to)
		to = in->booked_to;
	in->faults = r->faults;
	return store_outage_faults(a->db, r->s.instrument, (struct interval){ from, to }, a->now.wall_ms, r->faults,
		RATE_FAULTS_MAX, &in->n_faults);
}

/* The gaps in the session that are over, and the one that it closed in and that goes on. */
static int load_gap(struct act *a, struct rating *r)
{
	const struct session *s = &r->s;
	int64_t to = s->closed_at ? s->closed_at : a->now.wall_ms, tail = 0;
	struct meter m;
	int rc = s->end_reading ? 1 : store_meter_load(a->db, s->instrument, &m);

	if (rc == 0)
		tail = to - (m.wall_ms > s->opened_at ? m.wall_ms : s->opened_at);
	if (rc == 0 && (s->closed_at || s->state == SESSION_UNKNOWN) && tail > 0)
		r->gap_s = (s->gap_ms + tail) / 1000;
	else
		r->gap_s = s->gap_ms / 1000;
	return rc < 0 ? rc : 0;
}

static int gather(struct act *a, int64_t session, const struct charge_sealed *sealed, struct rating *r)
{
	int64_t until;
	int rc = session_load(a, session, &r->s);

	if (rc)
		return rc < 0 ? rc : RATING_NONE;
	rc = load_booking(a, r, sealed);
	if (rc == 0)
		rc = load_pieces(a, r);
	if (rc)
		return rc;
	until = r->in.n_pieces ? r->pieces[r->in.n_pieces - 1].to_at : r->s.opened_at;
	r->in.start_at = sealed ? sealed->start_at : r->s.checkin_at;
	r->in.lists = r->lists;
	r->in.pieces = r->pieces;
	rc = load_faults(a, r);
	if (rc == 0)
		rc = load_gap(a, r);
	if (rc == 0)
		rc = load_policy(a, r, sealed);
	if (rc == 0)
		rc = load_lists(a, r, sealed, until);
	r->in.grace_ms = r->policy.grace_ms;
	return rc ? rc : db_failed(a->db);
}

int rating_again(struct act *a, int64_t session, const struct charge_sealed *sealed, struct rating **ret)
{
	struct rating *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return DB_NOMEM;
	rc = gather(a, session, sealed, r);
	if (rc == 0 && tariff_rate(&r->in, &r->result))
		rc = RATING_TOO_MUCH;
	if (rc != 0 && rc != RATING_TOO_MUCH) {
		rating_free(r);
		return rc;
	}
	*ret = r;
	return rc;
}

int rating_session(struct act *a, int64_t session, struct rating **ret)
{
	return rating_again(a, session, NULL, ret);
}

int money_so_far(struct act *a, int64_t session, struct rate_result *ret)
{
	struct rating *r = NULL;
	int rc = rating_session(a, session, &r);

	if (rc == 0)
		*ret = r->result;
	if (rc == RATING_TOO_MUCH)
		memset(ret, 0, sizeof(*ret));
	rating_free(r);
	return rc < 0 ? rc : rc == RATING_NONE ? 1 : 0;
}
