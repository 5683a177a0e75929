/*
 * terms.c - policies and prices by version: what a booking was made under, what is in force, what the files add.
 * A text in the store that no longer parses is corruption and fails the item.
 */
#include <string.h>

#include "app/booking_step.h"
#include "common/fmt.h"
#include "store/booking.h"
#include "store/fact.h"
#include "store/meter.h"
#include "store/session.h"

static int parse_policy(int class, const struct terms_row *row, struct policy *ret)
{
	if (class != 0)
		return class < 0 ? class : DB_CORRUPT;
	return policy_from_text(ret, row->text, NULL) == 0 ? 0 : DB_CORRUPT;
}

static int parse_price(struct act *a, int class, const struct terms_row *row, struct price *ret)
{
	if (class != 0)
		return class < 0 ? class : DB_CORRUPT;
	return price_from_text(ret, row->text, a->site->exponent, NULL) == 0 ? 0 : DB_CORRUPT;
}

int terms_policy(struct act *a, const char *instrument, int64_t version, struct policy *ret)
{
	struct terms_row row;

	return parse_policy(store_terms_version(a->db, TERMS_POLICY, instrument, version, &row), &row, ret);
}

int terms_price(struct act *a, const char *instrument, int64_t version, struct price *ret)
{
	struct terms_row row;

	return parse_price(a, store_terms_version(a->db, TERMS_PRICE, instrument, version, &row), &row, ret);
}

int terms_policy_at(struct act *a, const char *instrument, int64_t at, struct policy *ret, int64_t *ret_version)
{
	struct terms_row row;
	int rc = parse_policy(store_policy_at(a->db, instrument, at, &row), &row, ret);

	if (rc == 0)
		*ret_version = row.version;
	return rc;
}

int terms_price_at(struct act *a, const char *instrument, int64_t at, struct price *ret, int64_t *ret_version)
{
	return terms_price_for(a, instrument, "", at, ret, ret_version);
}

int terms_price_for(struct act *a, const char *instrument, const char *org, int64_t at, struct price *ret,
	int64_t *ret_version)
{
	struct price_for who = { instrument, "", org };
	struct terms_row row;
	struct price price;
	int rc = parse_price(a, store_price_at(a->db, &who, at, &row), &row, ret ? ret : &price);

	if (rc == 0)
		*ret_version = row.version;
	return rc;
}

/* A file's text becomes a version when it is new; a version that a person set stays until the file changes again. */
static int adopt_text(struct act *a, enum terms_kind k, const char *instrument, const char *text)
{
	struct terms_row row = { .effective_at = a->now.wall_ms, .created_at = a->now.wall_ms, .source = "config" };
	char before[TERMS_TEXT];
	int rc = store_terms_file_text(a->db, k, instrument, before);

	if (rc != 0 || strcmp(before, text) == 0)
		return rc;
	lt_fmt(row.text, sizeof(row.text), "%s", text);
	rc = store_terms_add(a->db, k, instrument, &row, text);
	if (rc == 0)
		act_audit(a, k == TERMS_POLICY ? "policy.adopt" : "price.adopt", instrument, before, text, "the file changed");
	if (rc == 0 && k == TERMS_PRICE)
		rc = booking_requote_all(a, instrument, row.effective_at, row.version);
	return rc;
}

int terms_adopt(struct act *a, const struct instrument *i)
{
	struct instrument_row row;
	char text[TERMS_TEXT];
	int rc = store_instrument_load(a->db, i->id, &row);

	if (rc == 1) {
		int64_t unit = act_id(a, "unit");

		rc = store_instrument_insert(a->db, i->id, unit);
	} else if (rc == 0 && row.retired) {
		rc = store_instrument_retired(a->db, i->id, false);
	}
	if (rc != 0)
		return rc;
	policy_text(&i->policy, text);
	rc = adopt_text(a, TERMS_POLICY, i->id, text);
	if (rc != 0)
		return rc;
	price_text(&i->price, a->site->exponent, text);
	return adopt_text(a, TERMS_PRICE, i->id, text);
}

/* A fact of the site that cannot change once there are bookings. */
static int adopt_fact(struct act *a, const char *key, const char *value)
{
	char was[64] = "";
	int rc = store_fact_get(a->db, key, was, sizeof(was));

	if (rc < 0 || strcmp(was, value) == 0)
		return rc < 0 ? rc : db_failed(a->db);
	if (rc == 0 && store_booking_any(a->db))
		return act_refuse(a, 409, "site-fixed", key, "%s is %s and there are bookings: it cannot become %s", key, was,
			value);
	return store_fact_set(a->db, key, value);
}

#define ABSENT_PAGE 8

/* Instruments of the store that the site does not name any more. */
static int retire_one(struct act *a, const char *id)
{
	struct session s;
	int64_t busy = store_booking_live_on(a->db, id);
	int rc;

	if (busy != 0)
		return act_refuse(a, 409, "instrument-in-use", id,
			"%s is not configured any more but has bookings (B-%lld is one); end or "
				  "cancel them, or leave its file", id, (long long)busy);
	rc = store_session_open_on(a->db, id, &s);
	if (rc == 0)
		return act_refuse(a, 409, "instrument-in-use", id,
			"%s is not configured any more but session S-%lld is open; close it, or "
				  "leave its file", id, (long long)s.id);
	return rc < 0 ? rc : store_instrument_retired(a->db, id, true);
}

static int retire_absent(struct act *a, const struct site *next)
{
	struct instrument_row row[ABSENT_PAGE];
	char after[LT_ID] = "";
	int n = ABSENT_PAGE, rc = 0;

	while (rc == 0 && n == ABSENT_PAGE) {
		rc = store_instrument_list(a->db, after, row, ABSENT_PAGE, &n);
		for (int i = 0; i < n && rc == 0; i++) {
			lt_fmt(after, sizeof(after), "%s", row[i].id);
			if (site_instrument(next, row[i].id) == NULL)
				rc = retire_one(a, row[i].id);
		}
	}
	return rc != 0 ? rc : db_failed(a->db);
}

int terms_adopt_site(struct act *a, const struct site *next)
{
	int rc = adopt_fact(a, "timezone", next->zone.name);

	if (rc == 0)
		rc = adopt_fact(a, "currency", next->currency);
	if (rc == 0)
		rc = retire_absent(a, next);
	for (int i = 0; i < next->n_instruments && rc == 0; i++)
		rc = terms_adopt(a, &next->instruments[i]);
	return rc;
}

int terms_set_price(struct act *a, const char *instrument, const struct price *p, int64_t effective_at,
	struct terms_row *ret)
{
	struct price_for everybody = { instrument, "", "" };
	struct lt_err err;
	struct terms_row before;
	int rc;

	if (site_instrument(a->site, instrument) == NULL)
		return act_refuse(a, 404, "not-found", "instrument", "there is no instrument %s", instrument);
	if (effective_at < a->now.wall_ms)
		return act_refuse(a, 422, "in-the-past", "effective_at",
			"a price takes effect now or later, never before: what was used is priced as it was announced");
	if (price_check(p, &err) != 0)
		return act_refuse(a, 422, err.code, err.field, "%s", err.text);
	rc = store_price_at(a->db, &everybody, a->now.wall_ms, &before);
	if (rc != 0)
		return rc < 0 ? rc : DB_CORRUPT;
	memset(ret, 0, sizeof(*ret));
	ret->effective_at = effective_at;
	ret->created_at = a->now.wall_ms;
	lt_fmt(ret->source, sizeof(ret->source), "%s", a->who.actor);
	price_text(p, a->site->exponent, ret->text);
	if (a->dry_run)
		return act_end(a);
	rc = store_terms_add(a->db, TERMS_PRICE, instrument, ret, "");
	if (rc != 0)
		return rc;
	act_audit(a, "price.set", instrument, before.text, ret->text, "");
	rc = booking_requote_all(a, instrument, effective_at, ret->version);
	return rc != 0 ? rc : act_end(a);
}

int64_t terms_price_withdrawn(struct act *a, const char *instrument, int64_t version)
{
	return store_price_withdrawn(a->db, instrument, version);
}

int terms_withdraw_price(struct act *a, const char *instrument, int64_t version, int64_t seen)
{
	struct event_row e = { .kind = "price_withdrawn", .instrument = instrument, .facts = { .n = version } };
	struct facts f = { .n = version };
	struct terms_row row;
	int rc = store_terms_version(a->db, TERMS_PRICE, instrument, version, &row);

	lt_fmt(f.instrument, sizeof(f.instrument), "%s", instrument);
	if (rc == 1)
		return act_refuse_facts(a, 404, "no-price-list", "version", &f);
	if (rc < 0)
		return rc;
	if (seen != 0 && seen != version)
		return act_refuse(a, 412, "version-conflict", "If-Match", "a price list never changes: If-Match is its version");
	f.at = e.facts.at = row.effective_at;
	if (store_price_withdrawn(a->db, instrument, version) != 0)
		return act_end(a);
	if (row.effective_at <= a->now.wall_ms)
		return act_refuse_facts(a, 409, "price-in-force", "version", &f);
	rc = store_price_withdraw(a->db, instrument, version, a->now.wall_ms, a->who.actor);
	if (rc < 0)
		return rc;
	act_audit(a, "price.withdraw", instrument, row.text, "", "");
	act_event(a, &e);
	rc = booking_requote_all(a, instrument, row.effective_at, version);
	return rc != 0 ? rc : act_end(a);
}

int instrument_change(struct act *a, const char *id, int64_t version, const bool *out_of_service, const char *notes,
		      struct instrument_row *ret)
{
	int rc = site_instrument(a->site, id) == NULL ? 1 : store_instrument_load(a->db, id, ret);
	bool was;

	if (rc == 1)
		return act_refuse(a, 404, "not-found", "instrument", "there is no instrument %s", id);
	if (rc < 0)
		return rc;
	if (version != 0 && version != ret->version)
		return act_refuse(a, 412, "version-conflict", "If-Match", "the instrument has changed; read it again");
	was = ret->out_of_service;
	if (out_of_service != NULL)
		ret->out_of_service = *out_of_service;
	if (notes != NULL)
		lt_fmt(ret->notes, sizeof(ret->notes), "%s", notes);
	if (a->dry_run)
		return act_end(a);
	rc = store_instrument_set(a->db, id, ret->out_of_service, ret->notes);
	if (rc == 0 && was != ret->out_of_service)
		rc = was ? store_outage_end(a->db, id, "service", a->now.wall_ms)
			: store_outage_begin(a->db, act_id(a, "outage"), id, "service", a->now.wall_ms);
	if (rc != 0)
		return rc;
	ret->version++;
	act_audit(a, "instrument.change", id, was ? "out of service" : "in service",
		  ret->out_of_service ? "out of service" : "in service", ret->notes);
	if (was != ret->out_of_service) {
		struct event_row e = { .kind = ret->out_of_service ? "instrument.out_of_service" : "instrument.in_service",
			.instrument = id };

		lt_fmt(e.detail, sizeof(e.detail), "%.*s", 200, ret->notes);
		act_event(a, &e);
		act_lease(a, id);
	}
	return act_end(a);
}
