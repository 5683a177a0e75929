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
#include "core/use.h"
#include "store/booking.h"
#include "store/evidence.h"
#include "store/meter.h"
#include "store/usable.h"

int64_t rating_last_instant(const struct rating *r)
{
	int64_t to = r->pieces[0].to_at;

	for (int k = 1; k < r->in.n_pieces; k++)
		to = r->pieces[k].to_at > to ? r->pieces[k].to_at : to;
	return to;
}

struct rating *rating_free(struct rating *r)
{
	free(r);
	return NULL;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* From the first instant that anything may be priced for to the last: lists that came before or after do not matter. */
static struct interval priced_time(const struct rating *r, int64_t now)
{
	const struct rate_input *in = &r->in;
	struct interval t = { r->s.opened_at, r->s.closed_at ? r->s.closed_at : now };

	if (in->n_pieces) {
		t.from = min64(t.from, r->pieces[0].from_at);
		t.to = max64(t.to, r->pieces[in->n_pieces - 1].to_at);
	}
	if (in->booked) {
		t.from = min64(t.from, in->booked_from);
		t.to = max64(t.to, in->booked_to);
	}
	return t;
}

/* The rows of the booking; without one, what was in force when the session opened. */
static int load_rows(struct act *a, const struct rating *r, struct terms_rows *ret)
{
	struct price_for who = { r->s.instrument, "", r->s.org };
	struct terms_row row;
	int rc;

	if (r->in.booked)
		return terms_rows_load(a, r->b.id, ret);
	rc = store_price_at(a->db, &who, r->s.opened_at, &row);
	ret->n = 1;
	ret->row[0] = (struct booking_term){ r->s.opened_at, r->s.opened_at + 1, row.version, 0 };
	return rc > 0 ? DB_CORRUPT : rc;
}

static int load_lists(struct act *a, struct rating *r, const struct charge_sealed *sealed)
{
	struct terms_rows rows = { 0 };
	struct price_question q = { .instrument = r->s.instrument, .org = r->s.org, .terms = rows.row,
		.in = priced_time(r, a->now.wall_ms), .start_at = money_start(r->in.booked ? &r->b : NULL, r->s.opened_at) };
	int rc;

	if (sealed) {
		rc = price_book_sealed(a, r->s.instrument, sealed->charge, &r->book);
		r->book.locked = sealed->locked;
		return rc;
	}
	rc = load_rows(a, r, &rows);
	q.n_terms = rows.n;
	if (rc == 0)
		rc = price_book_fill(a, &q, &r->book);
	return rc > 0 ? RATING_MANY_LISTS : rc;
}

/* The policy that holds: of the sealed record, of the booking, or in force at the start. */
static int policy_row(struct act *a, const struct rating *r, const struct charge_sealed *sealed, struct terms_row *ret)
{
	int64_t version = sealed ? sealed->policy_version : r->in.booked ? r->b.policy_version : 0;

	return version ? store_terms_version(a->db, TERMS_POLICY, r->s.instrument, version, ret)
		       : store_policy_at(a->db, r->s.instrument, r->s.opened_at, ret);
}

static int load_policy(struct act *a, struct rating *r, const struct charge_sealed *sealed)
{
	struct lt_err err;
	int rc = policy_row(a, r, sealed, &r->policy_row);

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

/* Where the piece i lies. A label that stood still ahead of a clock that was set back lies behind the session's end:
 * then it is anywhere in the session, after the pieces before it. */
static struct interval place_of(const struct rating *r, int i, int64_t now)
{
	const struct usage *u = &r->usage[i];
	int64_t end = r->s.closed_at ? r->s.closed_at : now;
	int64_t from = i > 0 ? max64(r->s.opened_at, r->pieces[i - 1].from_at) : r->s.opened_at;

	if (!u->placed && u->from_at > end && end > from)
		return (struct interval){ from, end };
	return (struct interval){ u->from_at, u->to_at };
}

static int load_pieces(struct act *a, struct rating *r)
{
	int rc = session_usage(a, r->s.id, r->usage, RATING_PIECES, &r->in.n_pieces);

	for (int i = 0; rc == 0 && i < r->in.n_pieces; i++) {
		const struct usage *u = &r->usage[i];
		struct interval at = place_of(r, i, a->now.wall_ms);

		bool agreed = strcmp(u->reason, "approved") == 0;

		r->pieces[i] = (struct rate_piece){ at.from, at.to, u->measured_ms, u->estimated_ms, u->placed,
			agreed && !superseded(r, u), u->fault, agreed };
	}
	return rc;
}

/* The booking as it was when its charge was sealed. */
static void as_sealed(const struct charge_sealed *sealed, struct booking *b)
{
	b->since = sealed->since;
	b->booked_to = sealed->booked_to;
	b->priced_to = sealed->priced_to;
	b->walk_up = sealed->walk_up;
}

static int load_booking(struct act *a, struct rating *r, const struct charge_sealed *sealed)
{
	struct kept_spans none = { 0 };
	int rc;

	if (!r->s.booking)
		return 0;
	rc = booking_load(a, r->s.booking, &r->b);
	if (rc)
		return rc < 0 ? rc : DB_CORRUPT;
	if (sealed)
		as_sealed(sealed, &r->b);
	r->in = money_booked(&r->b, &none);
	r->in.kept = r->kept;
	rc = store_booking_kept(a->db, r->b.id, r->kept, RATE_KEPT_MAX, &r->in.n_kept);
	if (rc)
		return rc;
	r->in.next_from = sealed ? sealed->next_from : evidence_next_booking(a->db, r->s.instrument, r->b.booked_to,
		r->b.id);
	return 0;
}

/* From the first instant that idle or booked time may be asked for to the last that is known. Where the clock was set
 * back, what ran before that has labels ahead of now. */
static struct interval asked_time(const struct rating *r, int64_t now)
{
	struct interval t = priced_time(r, now);
	int64_t known = now;

	if (r->in.start_at)
		t.from = min64(t.from, r->in.start_at);
	for (int i = 0; i < r->in.n_pieces; i++)
		known = max64(known, r->pieces[i].to_at);
	t.to = min64(t.to, known);
	return t;
}

/* BOOKING.md "Usable minute": when this session's user could not use the instrument. Until format 3 only its faults
 * counted. */
static int load_unusable(struct act *a, struct rating *r, const struct charge_sealed *sealed)
{
	struct unusable_query q = { .instrument = r->s.instrument, .booking = r->s.booking, .session = r->s.id,
		.in = asked_time(r, a->now.wall_ms), .now = a->now.wall_ms };

	r->in.unusable = r->unusable;
	if (sealed && sealed->format < 3)
		return charge_sealed_faults(a->db, sealed->charge, r->unusable, RATE_UNUSABLE_MAX, &r->in.n_unusable);
	if (interval_empty(q.in))
		return 0;
	return metering_unusable(a, &q, r->unusable, RATE_UNUSABLE_MAX, &r->in.n_unusable);
}

/* Use is what any witness saw. What ran only at fault is paid by nobody, and asks for no least charge. */
static bool was_used(const struct rating *r)
{
	for (int i = 0; i < r->in.n_pieces; i++)
		if (r->pieces[i].fault)
			return false;
	return session_used(&r->s);
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

/* Who checked in while another's session held the unit could not use it yet: idle begins with the session. */
static int64_t idle_from(const struct session *s)
{
	return s->checkin_at && s->opened_at > s->checkin_at ? s->opened_at : s->checkin_at;
}

static int gather(struct act *a, int64_t session, const struct charge_sealed *sealed, struct rating *r)
{
	int rc = session_load(a, session, &r->s);

	if (rc)
		return rc < 0 ? rc : RATING_NONE;
	rc = load_booking(a, r, sealed);
	if (rc == 0)
		rc = load_pieces(a, r);
	if (rc)
		return rc;
	r->in.start_at = sealed ? sealed->start_at : idle_from(&r->s);
	r->in.pieces = r->pieces;
	r->in.format = sealed ? sealed->format : 0;
	r->in.used = tariff_since(&r->in, 3) && was_used(r);
	rc = load_unusable(a, r, sealed);
	if (rc == 0)
		rc = load_gap(a, r);
	if (rc == 0)
		rc = load_policy(a, r, sealed);
	if (rc == 0)
		rc = load_lists(a, r, sealed);
	price_book_use(&r->book, &r->in);
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
	if (rc != 0 && rc != RATING_TOO_MUCH && rc != RATING_MANY_LISTS) {
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

int money_so_far(struct act *a, int64_t session, struct charge_balance *ret)
{
	struct rating *r = NULL;
	struct charge c;
	int rc = charge_of_session(a->db, session, &c);

	memset(ret, 0, sizeof(*ret));
	if (rc <= 0)
		return rc == 0 ? charge_balance(a->db, c.id, ret) : rc;
	rc = rating_session(a, session, &r);
	if (rc == 0)
		*ret = (struct charge_balance){ .minor = r->result.total_minor, .used_s = r->result.used_s,
			.idle_s = r->result.idle_s, .fault_s = r->result.fault_s, .overrun_s = r->result.overrun_s,
			.billed_s = r->result.billed_s, .estimated_s = r->result.estimated_s, .gap_s = r->gap_s };
	rating_free(r);
	return rc < 0 ? rc : rc != 0;
}
