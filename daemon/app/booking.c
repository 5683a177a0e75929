/*
 * booking.c - a booking as a row: loading, the one place that makes its transitions, its timers, its history.
 * A transition that the table does not know is a refusal (409), never a silent change.
 */
#include <string.h>

#include "app/booking_step.h"
#include "app/metering.h"
#include "app/money.h"
#include "common/fmt.h"
#include "core/tariff.h"
#include "store/booking.h"

int booking_load(struct act *a, int64_t id, struct booking *ret)
{
	return store_booking_load(a->db, id, ret);
}

int booking_at(struct act *a, const char *instrument, int64_t at, struct booking *ret)
{
	return store_booking_at(a->db, instrument, at, ret);
}

int booking_after(struct act *a, const char *instrument, int64_t at, struct booking *ret)
{
	return store_booking_after(a->db, instrument, at, ret);
}

int booking_open(struct act *a, int64_t id, int64_t version, struct booking *ret)
{
	int rc = store_booking_load(a->db, id, ret);

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "booking", "there is no booking B-%lld", (long long)id);
	if (rc == 0 && version != 0 && version != ret->version)
		return act_refuse(a, 412, "version-conflict", "If-Match", "B-%lld has changed since you read it; read it again",
				  (long long)id);
	return rc;
}

void booking_span_text(const struct site *s, char *dst, size_t cap, int64_t from, int64_t to)
{
	char a[40], b[40];

	lt_rfc3339(a, sizeof(a), from, lt_zone_offset(&s->zone, from));
	lt_rfc3339(b, sizeof(b), to, lt_zone_offset(&s->zone, to));
	lt_fmt(dst, cap, "%s to %s", a, b);
}

/* What a line of history and its event say. */
struct said { const char *verb, *detail; const struct facts *facts; };

static void tell(struct act *a, const struct booking *b, const struct said *s)
{
	struct event_row e = { .instrument = b->instrument, .org = b->org, .user = b->user, .booking = b->id,
		.facts = *s->facts };
	char kind[48];

	lt_fmt(kind, sizeof(kind), "booking.%s", s->verb);
	e.kind = kind;
	lt_fmt(e.detail, sizeof(e.detail), "%s", s->detail);
	act_event(a, &e);
}

void booking_tell(struct act *a, const struct booking *b, const char *what, const struct facts *f)
{
	tell(a, b, &(struct said){ what, "", f });
}

static int write_line(struct act *a, const struct booking *b, enum booking_state from, const struct said *s)
{
	struct booking_row e = { .booking = b->id, .at = a->now.wall_ms, .actor = a->who.actor, .verb = s->verb,
		.detail = s->detail, .from = from, .to = b->state, .facts = *s->facts };
	int rc = store_booking_event(a->db, &e);

	tell(a, b, s);
	return rc;
}

static int record(struct act *a, struct booking *b, enum booking_state from, const struct said *s)
{
	int rc = store_booking_update(a->db, b);

	return rc != 0 ? rc : write_line(a, b, from, s);
}

int booking_note(struct act *a, struct booking *b, const char *verb, const struct facts *f)
{
	return record(a, b, b->state, &(struct said){ verb, "", f });
}

int booking_log(struct act *a, const struct booking *b, const char *verb, const char *detail, const struct facts *f)
{
	return write_line(a, b, b->state, &(struct said){ verb, detail, f });
}

int booking_step(struct act *a, struct booking *b, enum booking_event event, const char *verb, const char *detail,
	const struct facts *f)
{
	enum booking_state from = b->state, to;

	if (!booking_next(from, event, &to))
		return act_refuse(a, 409, "wrong-state", "", "B-%lld is %s", (long long)b->id, booking_state_name(from));
	b->state = to;
	if (!booking_is_live(to)) {
		b->ended_at = a->now.wall_ms;
		b->waiting = false;
		act_timer_clear(a, "booking_no_show", b->id);
		act_timer_clear(a, "booking_end", b->id);
		act_timer_clear(a, "booking_idle", b->id);
		act_timer_clear(a, "booking_warn", b->id);
	}
	act_lease(a, b->instrument);
	return record(a, b, from, &(struct said){ verb, detail, f });
}

int booking_arm(struct act *a, const struct booking *b, const struct policy *p)
{
	if (b->state != BOOKING_ACTIVE)
		act_timer(a, "booking_no_show", b->id, b->since + booking_wait_ms(b, p));
	act_timer(a, "booking_end", b->id, b->booked_to);
	if (b->state == BOOKING_ACTIVE)
		booking_warn_later(a, b, p);
	return metering_arm(a, b->instrument);
}

int booking_freed(struct act *a, const char *instrument, int64_t by, int64_t at)
{
	struct booking b;
	struct policy p;
	int rc = booking_at(a, instrument, at, &b);

	if (rc != 0 || b.id == by || booking_since(&b, at) <= b.since)
		return rc < 0 ? rc : 0;
	b.since = booking_since(&b, at);
	rc = booking_requote(a, &b);
	if (rc == 0)
		rc = store_booking_update(a->db, &b);
	if (rc == 0)
		rc = terms_policy(a, instrument, b.policy_version, &p);
	return rc != 0 ? rc : booking_arm(a, &b, &p);
}

/* Nobody used it: the time is free again, and nothing waits for it any more. */
static int end_unused(struct act *a, struct booking *b, int64_t at, enum booking_event event, const char *verb,
	const char *why)
{
	struct facts f = facts_why(why);
	int rc;

	if (at < b->held_to)
		b->held_to = at > b->booked_from ? at : b->booked_from;
	rc = booking_step(a, b, event, verb, "", &f);
	if (rc == 0)
		rc = booking_unplace(a, b);
	return rc != 0 ? rc : metering_booking_gone(a, b->id);
}

int booking_miss(struct act *a, struct booking *b, const struct use_facts *seen, int64_t at, const char *why)
{
	int64_t fee_minor = b->fee_minor;
	int rc;

	rc = money_fee(a, b, "no_show", seen, at, &fee_minor);
	if (rc != 0)
		return rc;
	b->fee_minor = fee_minor;
	return end_unused(a, b, at, BOOKING_MISS, "no_show", why);
}

int booking_lapse(struct act *a, struct booking *b, int64_t at, const char *why)
{
	return end_unused(a, b, at, BOOKING_LAPSE, "lapse", why);
}
