/*
 * record.c - the canonical record of a charge: sorted keys, integers, and copies of everything that is needed to
 * compute it again without this database. Instants are milliseconds UTC (*_at), money minor units (*_minor).
 */
#include <string.h>

#include "app/jsonout.h"
#include "app/rating.h"
#include "store/evidence.h"

/* 1: no price_spans, no booking.terms; at most eight prices. Up to 2: session.faults, which held faults only, and no
 * session.used; the minimum was asked for whole. Up to 3: a no-show fee does not say how it was decided. Up to 4: no
 * idle was counted in the window of an agreed estimate, booked_fill took overrun for use of its list, and usage holds
 * the labels of pieces. A correction is rated by the law of the charge that it corrects: rated_as_format. */
#define RECORD_FORMAT 6

static void kept_part(struct jsonout *o, const struct rate_input *in)
{
	if (in->n_kept == 0)
		return;
	jsonout_open(o, "overrun_kept", '[');
	for (int i = 0; i < in->n_kept; i++) {
		jsonout_open(o, NULL, '{');
		jsonout_int(o, "from_at", in->kept[i].from_at);
		jsonout_int(o, "grace_to_at", in->kept[i].grace_to);
		jsonout_int(o, "to_at", in->kept[i].to_at);
		jsonout_close(o, '}');
	}
	jsonout_close(o, ']');
}

static int price_part(struct act *a, struct jsonout *o, const char *instrument, int64_t version)
{
	struct terms_row row;
	int rc = store_terms_version(a->db, TERMS_PRICE, instrument, version, &row);

	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	jsonout_open(o, NULL, '{');
	jsonout_int(o, "effective_at", row.effective_at);
	jsonout_text(o, "text", row.text);
	jsonout_int(o, "version", row.version);
	jsonout_close(o, '}');
	return 0;
}

/* From which instant on which version. */
static void spans_part(struct jsonout *o, const char *key, const char *version, const struct price_book *book,
	bool rows)
{
	const struct price_span *span = rows ? book->rows : book->prices;

	jsonout_open(o, key, '[');
	for (int i = 0; i < (rows ? book->n_rows : book->n_prices); i++) {
		jsonout_open(o, NULL, '{');
		jsonout_int(o, "from_at", span[i].from_at);
		jsonout_int(o, version, book->lists[span[i].list].version);
		jsonout_close(o, '}');
	}
	jsonout_close(o, ']');
}

static const struct price_book *book_of(const struct posting *p)
{
	return p->rating ? &p->rating->book : p->fee_book;
}

static void booking_part(struct jsonout *o, const struct booking *b, const struct posting *p)
{
	jsonout_open(o, "booking", '{');
	jsonout_int(o, "booked_from_at", b->booked_from);
	jsonout_int(o, "booked_to_at", b->booked_to);
	jsonout_int(o, "id", b->id);
	if (p->rating)
		kept_part(o, &p->rating->in);
	jsonout_int(o, "policy_version", b->policy_version);
	jsonout_int(o, "price_version", b->price_version);
	jsonout_int(o, "priced_to_at", b->priced_to);
	jsonout_int(o, "since_at", b->since);
	if (book_of(p) && book_of(p)->n_prices)
		spans_part(o, "terms", "price_version", book_of(p), true);
	jsonout_bool(o, "walk_up", b->walk_up);
	jsonout_close(o, '}');
}

static void instrument_part(struct act *a, struct jsonout *o, const char *id)
{
	const struct instrument *i = site_instrument(a->site, id);

	jsonout_open(o, "instrument", '{');
	jsonout_text(o, "id", id);
	jsonout_text(o, "kind", i ? i->kind : "");
	jsonout_text(o, "location", i ? i->location : "");
	jsonout_text(o, "title", i ? i->title : "");
	jsonout_close(o, '}');
}

static void org_part(struct act *a, struct jsonout *o, const char *id)
{
	struct org_copy org = { "", "", "" };

	evidence_org(a->db, id, &org);
	jsonout_open(o, "org", '{');
	jsonout_text(o, "id", id);
	jsonout_text(o, "name", org.name);
	jsonout_text(o, "tax_id", org.tax_id);
	jsonout_close(o, '}');
}

static void lines_part(struct jsonout *o, const struct charge_line *lines, int n)
{
	jsonout_open(o, "lines", '[');
	for (int i = 0; i < n; i++) {
		jsonout_open(o, NULL, '{');
		jsonout_int(o, "amount_minor", lines[i].amount_minor);
		jsonout_text(o, "component", lines[i].component);
		jsonout_text(o, "detail", lines[i].detail);
		jsonout_int(o, "factor_pm", lines[i].factor_pm);
		jsonout_int(o, "from_at", lines[i].from_at);
		jsonout_int(o, "rate_minor", lines[i].rate_minor);
		jsonout_int(o, "seconds", lines[i].seconds);
		jsonout_int(o, "to_at", lines[i].to_at);
		jsonout_close(o, '}');
	}
	jsonout_close(o, ']');
}

static void reading_part(struct jsonout *o, const char *key, int found, const struct reading_copy *r)
{
	if (found != 0) {
		jsonout_null(o, key);
		return;
	}
	jsonout_open(o, key, '{');
	jsonout_int(o, "at", r->at);
	jsonout_text(o, "class", r->class);
	jsonout_int(o, "extended_ms", r->ext_ms);
	jsonout_int(o, "id", r->id);
	jsonout_int(o, "raw", r->raw);
	jsonout_close(o, '}');
}

static void readings_part(struct act *a, struct jsonout *o, const struct charge *c)
{
	struct reading_copy r;

	jsonout_open(o, "readings", '{');
	reading_part(o, "end", evidence_reading_after(a->db, c->instrument, c->service_to, &r), &r);
	reading_part(o, "start", evidence_reading_before(a->db, c->instrument, c->service_from + RATING_LABEL_MS, &r), &r);
	jsonout_close(o, '}');
}

static void unusable_part(struct jsonout *o, const struct rate_input *in)
{
	jsonout_open(o, "unusable", '[');
	for (int i = 0; i < in->n_unusable; i++) {
		jsonout_open(o, NULL, '{');
		jsonout_int(o, "from_at", in->unusable[i].from);
		jsonout_int(o, "to_at", in->unusable[i].to);
		jsonout_close(o, '}');
	}
	jsonout_close(o, ']');
}

static void session_part(struct jsonout *o, const struct rating *r)
{
	const struct session *s = &r->s;

	jsonout_open(o, "session", '{');
	jsonout_int(o, "checkin_at", s->checkin_at);
	jsonout_text(o, "close_cause", s->close_cause);
	jsonout_int(o, "closed_at", s->closed_at);
	jsonout_int(o, "grace_ms", r->in.grace_ms);
	jsonout_int(o, "id", s->id);
	jsonout_int(o, "next_booking_at", r->in.next_from);
	jsonout_int(o, "opened_at", s->opened_at);
	jsonout_text(o, "opened_cause", s->opened_cause);
	jsonout_int(o, "start_at", r->in.start_at);
	unusable_part(o, &r->in);
	jsonout_bool(o, "used", r->in.used);
	jsonout_close(o, '}');
}

static void usage_part(struct jsonout *o, const struct rating *r)
{
	jsonout_open(o, "usage", '[');
	for (int i = 0; i < r->in.n_pieces; i++) {
		const struct usage *u = &r->usage[i];

		jsonout_open(o, NULL, '{');
		jsonout_bool(o, "approved", r->pieces[i].approved);
		jsonout_int(o, "estimated_ms", u->estimated_ms);
		jsonout_bool(o, "fault", u->fault);
		jsonout_int(o, "from_at", r->pieces[i].from_at);
		jsonout_int(o, "measured_ms", u->measured_ms);
		jsonout_bool(o, "placed", u->placed);
		jsonout_int(o, "raw_from", u->raw_from);
		jsonout_int(o, "raw_to", u->raw_to);
		jsonout_text(o, "reason", u->reason);
		jsonout_int(o, "to_at", r->pieces[i].to_at);
		jsonout_close(o, '}');
	}
	jsonout_close(o, ']');
}

/* How the no-show was decided: the check-in (0: none), and the wait before it. */
static void seen_part(struct jsonout *o, const struct use_facts *seen)
{
	jsonout_int(o, "usable_ms", seen->usable_ms);
	jsonout_int(o, "wait_from_at", seen->from);
	jsonout_int(o, "wait_ms", seen->wait_ms);
}

static void fee_part(struct jsonout *o, const struct posting *p)
{
	const struct fee_input *f = p->fee;

	if (!f) {
		jsonout_null(o, "fee");
		return;
	}
	jsonout_open(o, "fee", '{');
	jsonout_int(o, "at", f->at);
	if (p->seen)
		jsonout_int(o, "checkin_at", p->booking->checkin_at);
	jsonout_text(o, "component", component_name(f->kind));
	if (!interval_empty(f->given)) {
		jsonout_int(o, "given_from_at", f->given.from);
		jsonout_int(o, "given_to_at", f->given.to);
	}
	jsonout_int(o, "resold_ms", f->resold_ms);
	if (p->seen)
		seen_part(o, p->seen);
	jsonout_close(o, '}');
}

static int prices_part(struct act *a, struct jsonout *o, const struct posting *p, const char *instrument)
{
	const struct price_book *book = book_of(p);
	int rc = 0;

	jsonout_int(o, "price_locked", p->rating ? p->rating->in.locked : 0);
	if (book && book->n_prices)
		spans_part(o, "price_spans", "version", book, false);
	jsonout_open(o, "prices", '[');
	for (int i = 0; book && i < book->n_lists && rc == 0; i++)
		rc = price_part(a, o, instrument, book->lists[i].version);
	jsonout_close(o, ']');
	return rc;
}

static void policy_part(struct jsonout *o, const struct posting *p)
{
	if (!p->rating) {
		jsonout_null(o, "policy");
		return;
	}
	jsonout_open(o, "policy", '{');
	jsonout_text(o, "text", p->rating->policy_row.text);
	jsonout_int(o, "version", p->rating->policy_row.version);
	jsonout_close(o, '}');
}

/* The second half of the alphabet. */
static int tail(struct act *a, const struct posting *p, const struct charge *c, struct jsonout *o)
{
	int rc;

	jsonout_text(o, "period", c->period);
	policy_part(o, p);
	jsonout_int(o, "posted_at", c->posted_at);
	jsonout_int(o, "previous_minor", p->previous.minor);
	rc = prices_part(a, o, p, c->instrument);
	jsonout_text(o, "project", c->project);
	if (p->rating && p->rating->in.format)
		jsonout_int(o, "rated_as_format", p->rating->in.format);
	readings_part(a, o, c);
	jsonout_text(o, "reason", p->reason);
	jsonout_int(o, "seq", c->seq);
	jsonout_int(o, "service_from_at", c->service_from);
	jsonout_int(o, "service_to_at", c->service_to);
	if (p->rating) {
		session_part(o, p->rating);
	} else {
		jsonout_null(o, "session");
	}
	jsonout_open(o, "site", '{');
	jsonout_text(o, "name", a->site->name);
	jsonout_text(o, "timezone", a->site->zone.name);
	jsonout_close(o, '}');
	if (p->rating)
		usage_part(o, p->rating);
	else
		jsonout_null(o, "usage");
	jsonout_int(o, "used_s", c->used_s);
	jsonout_text(o, "user", c->user);
	return rc;
}

int posting_record(struct act *a, const struct posting *p, const struct charge *c, const struct charge_line *lines,
	int n,
	struct jsonout *o)
{
	const struct booking *b = p->rating ? (p->rating->in.booked ? &p->rating->b : NULL) : p->booking;
	int rc;

	jsonout_open(o, NULL, '{');
	jsonout_int(o, "amount_minor", c->amount_minor);
	jsonout_int(o, "billed_s", c->billed_s);
	if (b)
		booking_part(o, b, p);
	else
		jsonout_null(o, "booking");
	jsonout_int(o, "charge", c->id);
	jsonout_int(o, "corrects", c->corrects);
	jsonout_text(o, "currency", c->currency);
	jsonout_int(o, "estimated_s", c->estimated_s);
	jsonout_int(o, "exponent", a->site->exponent);
	jsonout_int(o, "fault_s", c->fault_s);
	fee_part(o, p);
	jsonout_text(o, "flags", c->flags);
	jsonout_int(o, "format", RECORD_FORMAT);
	jsonout_int(o, "gap_s", c->gap_s);
	jsonout_int(o, "idle_s", c->idle_s);
	instrument_part(a, o, c->instrument);
	jsonout_text(o, "kind", c->kind);
	lines_part(o, lines, n);
	org_part(a, o, c->org);
	jsonout_int(o, "overrun_s", c->overrun_s);
	rc = tail(a, p, c, o);
	jsonout_close(o, '}');
	if (rc != 0)
		return rc;
	return jsonout_end(o) ? db_failed(a->db) : DB_NOMEM;
}
