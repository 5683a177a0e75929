/*
 * fee.c - fees of bookings without use: no-show and late cancellation, reduced for what others used of the time, and
 * credited when a late reading shows a run; of parts that are given up, their share. Owns one workspace of the ledger
 * thread.
 */
#include <string.h>

#include "app/booking.h"
#include "app/money.h"
#include "app/rating.h"
#include "common/fmt.h"
#include "store/evidence.h"
#include "store/given_up.h"

#define FEE_CHARGES 64                  /* of one booking: its parts, and each time it was missed */
#define PAGE 16
#define FEE_PARTS 24                    /* of one booking that may be given up one by one */
#define RESOLD_AFTER LT_HOUR            /* after the end of what was given up: by then the runs of others are known */

int money_fee_resold(struct act *a, int64_t booking, int64_t due_at);

struct fee {
	struct price_book book;
	struct fee_input in;
	struct rate_result result;
};

/* in: everything but the lists and terms rows, which are those of the book. */
static int rate_fee(const struct fee_input *in, struct fee *f)
{
	f->in = *in;
	f->in.list = f->book.lists;
	f->in.n_lists = f->book.n_lists;
	f->in.prices = f->book.prices;
	f->in.n_prices = f->book.n_prices;
	f->in.rows = f->book.rows;
	f->in.n_rows = f->book.n_rows;
	return tariff_fee(&f->in, &f->result) ? DB_MISUSE : 0;
}

/* What the booked time would cost. When more lists were announced since than one price is made of, what was promised
 * holds: an end must not fail for it. */
static int fee_book(struct act *a, const struct booking *b, const struct terms_rows *rows, struct price_book *ret)
{
	struct price_question q = { .instrument = b->instrument, .org = b->org, .terms = rows->row, .n_terms = rows->n,
		.in = { b->since, b->booked_to }, .start_at = b->since };
	int rc = price_book_fill(a, &q, ret);

	if (rc == PRICE_BOOK_FULL) {
		memcpy(ret->prices, ret->rows, sizeof(ret->prices));
		ret->n_prices = ret->n_rows;
		return 0;
	}
	return rc;
}

/* Which fee, and the instant that decides its tier. given: the part that is given up, empty for all of it. terms_at: by
 * the terms of before this label; 0: by those that hold. */
struct fee_question { const char *component; int64_t at; struct interval given; int64_t terms_at; };

/* What the booking as it stands pays. */
static int fee_of(struct act *a, const struct booking *b, const struct fee_question *q, struct fee *f)
{
	struct fee_input in = { .walk_up = b->walk_up, .booked_from = b->since, .booked_to = b->booked_to, .at = q->at,
		.given = q->given };
	struct terms_rows rows;
	int rc;

	if (!component_from_name(q->component, &in.kind) || (in.kind != COMP_NO_SHOW && in.kind != COMP_LATE_CANCEL))
		return DB_MISUSE;
	rc = q->terms_at ? terms_rows_before(a, b->id, q->terms_at, &rows) : terms_rows_load(a, b->id, &rows);
	if (rc == 0)
		rc = fee_book(a, b, &rows, &f->book);
	return rc != 0 ? rc : rate_fee(&in, f);
}

struct posted { struct charge c; struct fee_sealed sealed; };
struct fees { int n, n_parts; int64_t whole_minor, parts_minor; struct posted of[FEE_CHARGES]; };

/* A fee charge, and what is due on it now. */
static int add_fee(struct act *a, const struct charge *c, struct fees *f)
{
	struct charge_balance stands = { 0 };
	struct posted *p = &f->of[f->n];
	bool part;
	int rc;

	if (f->n == FEE_CHARGES)
		return DB_CORRUPT;
	p->c = *c;
	rc = charge_sealed_fee(a->db, c->id, &p->sealed);
	if (rc == 0)
		rc = charge_balance(a->db, c->id, &stands);
	part = !interval_empty(p->sealed.given);
	*(part ? &f->parts_minor : &f->whole_minor) += stands.minor;
	f->n_parts += part;
	f->n++;
	return rc > 0 ? DB_CORRUPT : rc;
}

/* Fee charges of the booking, however many other charges it has. */
static int load_fees(struct act *a, int64_t booking, struct fees *f)
{
	static struct charge page[PAGE];                /* the ledger thread only; too large for the stack */
	struct charge_filter filter = { .org = "", .user = "", .instrument = "", .period = "", .booking = booking,
		.limit = PAGE };
	int n = PAGE, rc = 0;

	memset(f, 0, sizeof(*f));
	while (rc == 0 && n == PAGE) {
		rc = charge_page(a->db, &filter, page, &n);
		for (int i = 0; i < n && rc == 0; i++) {
			filter.after = page[i].seq;
			if (strcmp(page[i].kind, "fee") == 0)
				rc = add_fee(a, &page[i], f);
		}
	}
	return rc;
}

/* The one that the ledger thread works with. */
static struct fees fees;

int money_fees_due(struct act *a, int64_t booking, int64_t *ret_minor)
{
	int rc = load_fees(a, booking, &fees);

	*ret_minor = fees.whole_minor + fees.parts_minor;
	return rc;
}

static int post_fee(struct act *a, const struct booking *b, const struct fee *f, const struct use_facts *seen)
{
	char key[64];
	struct posting p = { .kind = "fee", .reason = "", .booking = b, .fee = &f->in, .fee_book = &f->book,
		.seen = seen, .result = &f->result, .flags = "", .idem_key = key };
	int64_t now = a->now.wall_ms;
	int rc;

	lt_fmt(key, sizeof(key), "booking:%lld:%s:%d", (long long)b->id, component_name(f->in.kind), fees.n + 1);
	rc = posting_post(a, &p, NULL);
	if (rc == 0)
		act_timer(a, "fee_resold", b->id, (now > b->booked_to ? now : b->booked_to) + RESOLD_AFTER);
	return rc ? rc : act_end(a);
}

/* Is anything due that is not charged yet? */
static bool is_new(const struct fee *f)
{
	return fees.whole_minor == 0 && f->result.total_minor > 0;
}

int money_fee_preview(struct act *a, const struct booking *b, const char *component, int64_t at, int64_t *ret_minor)
{
	struct fee_question q = { .component = component, .at = at };
	struct fee f;
	int rc = fee_of(a, b, &q, &f);

	if (rc == 0)
		rc = load_fees(a, b->id, &fees);
	if (rc)
		return rc;
	*ret_minor = fees.whole_minor + fees.parts_minor + (is_new(&f) ? f.result.total_minor : 0);
	return act_end(a);
}

int money_fee(struct act *a, const struct booking *b, const char *component, const struct use_facts *seen, int64_t at,
	int64_t *ret_minor)
{
	struct fee_question q = { .component = component, .at = at };
	struct fee f;
	int64_t due;
	int rc = fee_of(a, b, &q, &f);

	if (rc == 0)
		rc = load_fees(a, b->id, &fees);
	if (rc)
		return rc;
	due = fees.whole_minor + fees.parts_minor;
	if (is_new(&f)) {
		rc = post_fee(a, b, &f, seen);
		due += f.result.total_minor;
	}
	if (rc == 0 && ret_minor)
		*ret_minor = due;
	return rc ? rc : act_end(a);
}

static int fee_of_part(struct act *a, const struct booking *was, const struct fee_question *q, struct fee *f,
	int64_t *ret_minor)
{
	int rc = interval_empty(q->given) ? 1 : fee_of(a, was, q, f);

	*ret_minor = rc != 0 ? 0 : f->result.total_minor;
	return rc < 0 ? rc : act_end(a);
}

int money_fee_given_up_later(struct act *a, const struct booking *was, struct interval part, int64_t at,
	int64_t terms_at, int64_t *ret_minor)
{
	struct fee_question q = { "late_cancel", at, part, terms_at };
	struct fee f;

	return fee_of_part(a, was, &q, &f, ret_minor);
}

int money_fee_given_up_preview(struct act *a, const struct booking *was, struct interval part, int64_t at,
	int64_t *ret_minor)
{
	return money_fee_given_up_later(a, was, part, at, 0, ret_minor);
}

int money_fee_given_up_room(struct act *a, int64_t booking)
{
	int rc = load_fees(a, booking, &fees);

	if (rc == 0 && fees.n_parts + store_given_up_waiting(a->db, booking) >= FEE_PARTS)
		return act_refuse(a, 409, "changed-too-often", "", "B-%lld gave up time for a fee %d times; cancel it and book again",
			(long long)booking, FEE_PARTS);
	return rc;
}

int money_fee_given_up_due(struct act *a, const struct booking *was, struct interval part, int64_t at, int64_t terms_at,
	int64_t *ret_minor)
{
	struct fee_question q = { "late_cancel", at, part, terms_at };
	struct fee f;
	int rc = fee_of_part(a, was, &q, &f, ret_minor);

	if (rc != 0 || *ret_minor == 0)
		return rc;
	rc = money_fee_given_up_room(a, was->id);
	return rc ? rc : post_fee(a, was, &f, NULL);
}

int money_fee_given_up(struct act *a, const struct booking *was, struct interval part, int64_t at, int64_t *ret_minor)
{
	return money_fee_given_up_due(a, was, part, at, 0, ret_minor);
}

/* Credits a fee down to what `now` says (NULL: to nothing). */
static int credit(struct act *a, const struct booking *b, const struct charge *fee, const struct fee *now,
	const char *reason)
{
	static const struct rate_result nothing;
	char key[64];
	struct posting p = { .kind = "credit", .reason = reason, .booking = b, .corrects = fee->id, .flags = "",
		.idem_key = key,
		.result = now ? &now->result : &nothing, .fee = now ? &now->in : NULL, .fee_book = now ? &now->book : NULL };
	int rc = charge_balance(a->db, fee->id, &p.previous);

	if (rc || p.previous.minor <= p.result->total_minor)
		return rc;
	lt_fmt(key, sizeof(key), "charge:%lld:credit:%d", (long long)fee->id, p.previous.n + 1);
	return posting_post(a, &p, NULL);
}

int money_fee_undo(struct act *a, const struct booking *b, int64_t *ret_minor)
{
	int rc = load_fees(a, b->id, &fees);

	for (int i = 0; i < fees.n && rc == 0; i++)
		if (interval_empty(fees.of[i].sealed.given))
			rc = credit(a, b, &fees.of[i].c, NULL, "the booking was used after all");
	if (rc == 0 && fees.n_parts == 0)
		act_timer_clear(a, "fee_resold", b->id);
	*ret_minor = fees.parts_minor;
	return rc ? rc : act_end(a);
}

/* Rated again as it was charged: the booked interval, the price and the instant that decided are those of then. */
static int reduce(struct act *a, const struct booking *b, const struct posted *p)
{
	const struct fee_sealed *was = &p->sealed;
	bool whole = interval_empty(was->given);
	struct interval of = whole ? (struct interval){ p->c.service_from, p->c.service_to } : was->given;
	struct booking then = *b;
	struct fee f;
	/* of a part that was given up, what the booking's own user then used counts as well: it is paid as use */
	int64_t used = evidence_used_by_others(a->db, b->instrument, whole ? b->id : 0, of.from, of.to);
	struct fee_input in = { .kind = was->kind, .walk_up = was->walk_up, .booked_from = p->c.service_from,
		.booked_to = p->c.service_to, .at = was->at, .given = was->given,
		.resold_ms = used < of.to - of.from ? used : of.to - of.from };
	bool usable = true;
	int rc = price_book_sealed(a, b->instrument, p->c.id, &f.book);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	then.booked_from = then.since = p->c.service_from;
	then.booked_to = p->c.service_to;
	then.price_version = f.book.lists[0].version;
	then.policy_version = was->policy_version;
	then.walk_up = was->walk_up;
	rc = was->kind == COMP_LATE_CANCEL ? booking_was_usable(a, &then, &usable) : 0;
	if (rc == 0 && !usable)
		return credit(a, &then, &p->c, NULL, "the instrument could not be used in the booked time");
	if (rc == 0 && used > 0)
		rc = rate_fee(&in, &f);
	if (rc != 0 || used == 0)
		return rc;
	return credit(a, &then, &p->c, &f, whole ? "others used part of the time" : "part of the time was used");
}

int money_fee_resold(struct act *a, int64_t booking, int64_t due_at)
{
	int64_t again = 0;
	struct booking b;
	int rc = booking_load(a, booking, &b);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = load_fees(a, booking, &fees);
	for (int i = 0; i < fees.n && rc == 0; i++) {
		int64_t known = fees.of[i].c.service_to + RESOLD_AFTER;

		if (known <= due_at)
			rc = reduce(a, &b, &fees.of[i]);
		else if (again == 0 || known < again)
			again = known;
	}
	if (again)
		act_timer(a, "fee_resold", booking, again);
	return rc ? rc : act_end(a);
}
