/*
 * metering_hidden.c - what ran while nobody could read the meter and no session owns. Its place is not known, so it
 * overlaps nothing, holds no unit and is never open. People see it, may claim it and decide whose it was. Owns
 * nothing.
 */
#include <string.h>

#include "app/review.h"
#include "app/session_step.h"
#include "common/fmt.h"
#include "store/block.h"

#define HIDDEN_MS LT_MINUTE     /* less than this in one gap is kept as usage of nobody's and nothing more */

/* The run lay in maintenance, wherever in the gap it was. */
static bool in_block(struct act *a, const char *instrument, const struct attr_piece *p)
{
	struct block b;
	int n = 0;

	if (store_block_list(a->db, instrument, p->from, p->from + 1, 0, &b, 1, &n) != 0 || n == 0)
		return false;
	return b.from <= p->from && b.to >= p->to;
}

static void tell(struct act *a, const struct session *s, const struct attr_piece *p)
{
	struct event_row e = { .kind = "run_hidden", .instrument = s->instrument, .session = s->id,
		.facts = { .from_at = p->from, .to_at = p->to, .ms = p->measured_ms } };
	struct booking b;

	act_event(a, &e);
	if (booking_at(a, s->instrument, p->from, &b) != 0 || b.booked_to < p->to)
		return;
	e.kind = "booking.hidden_run";
	e.org = b.org;
	e.user = b.user;
	e.booking = b.id;
	e.session = 0;
	act_event(a, &e);
}

static int record(struct act *a, const struct attr_piece *p, struct session *s)
{
	struct review_facts facts = { .from_at = p->from, .to_at = p->to };
	int rc = session_record(a, s, "a gap hid it");

	if (rc != 0 || s->kind == SESSION_INTERNAL)
		return rc;
	tell(a, s, p);
	rc = review_open_with(a, "unattributed", s->instrument, s->id, "", "", &facts);
	return rc == REVIEW_KNOWN ? 0 : rc;
}

int metering_hidden(struct act *a, const char *instrument, const struct attr_piece *p, const struct meter_verdict *v)
{
	struct attr_piece piece = *p;
	struct session s = { .kind = SESSION_UNATTRIBUTED, .unplaced = true, .end_reading = true, .opened_at = p->from,
		.closed_at = p->to, .gap_ms = p->to - p->from };
	int rc;

	if (p->measured_ms < HIDDEN_MS)
		return session_piece(a, NULL, instrument, p, "gap", false, v);
	if (in_block(a, instrument, p))
		s.kind = SESSION_INTERNAL;
	lt_fmt(s.instrument, sizeof(s.instrument), "%s", instrument);
	lt_fmt(s.opened_cause, sizeof(s.opened_cause), "meter");
	lt_fmt(s.close_cause, sizeof(s.close_cause), "meter");
	rc = record(a, p, &s);
	if (rc == 0)
		rc = session_load(a, s.id, &s);
	piece.session = s.id;
	piece.placed = false;
	if (rc == 0)
		rc = session_piece(a, &s, instrument, &piece, "gap", false, v);
	return rc == 0 ? store_session_update(a->db, &s) : rc;
}
