/*
 * sealed.c - what sealed records of charges say that a re-rating must use again. The records are read here and not by
 * the database, so that any database will do. Owns nothing.
 */
#include "store/charge.h"

#include "common/record.h"

/* The record of the charge, and the statement that holds it, which the caller ends. 0, 1 there is none, < 0. */
static int open_record(struct db *db, int64_t charge, const char *kind, struct stmt **ret, const char **ret_record)
{
	int rc;

	*ret = db_query(db, "SELECT record FROM charge WHERE id = ?1 AND (?2 = '' OR kind = ?2)", "it", charge, kind);
	rc = db_step(*ret);
	*ret_record = rc == DB_ROW ? db_text(*ret, 0) : NULL;
	return rc == DB_ROW ? 0 : rc == DB_DONE ? 1 : rc;
}

static int64_t number(const char *record, const char *part, const char *name)
{
	return lt_record_int(lt_record_member(lt_record_member(record, part), name));
}

/* The first records have no since_at. */
static int64_t since_of(const char *record)
{
	const char *since = lt_record_member(lt_record_member(record, "booking"), "since_at");

	return since ? lt_record_int(since) : number(record, "booking", "booked_from_at");
}

int charge_sealed(struct db *db, int64_t charge, struct charge_sealed *ret)
{
	const char *record, *first;
	struct stmt *s;
	int rc = open_record(db, charge, "", &s, &record);

	first = lt_record_first(lt_record_member(record, "prices"));
	if (rc == 0)
		rc = lt_record_int(lt_record_member(first, "version")) > 0 ? 0 : 1;
	if (rc == 0)
		*ret = (struct charge_sealed){ charge, number(record, "policy", "version"), since_of(record),
			number(record, "booking", "booked_to_at"), number(record, "booking", "priced_to_at"),
			number(record, "session", "next_booking_at"), number(record, "session", "start_at"),
			(int)lt_record_int(lt_record_member(record, "format")),
			(int)lt_record_int(lt_record_member(record, "price_locked")), number(record, "booking", "walk_up") != 0 };
	db_end(s);
	return rc;
}

/* An array of the record, in its member `in` (NULL: of itself), and the two numbers that each of its objects has. */
struct pairs { const char *in, *array, *one, *two; };

/* As charge_sealed_prices(); version and from_at are the two numbers. */
static int sealed_pairs(struct db *db, int64_t charge, const struct pairs *of, struct sealed_price *ret, int cap,
	int *ret_n)
{
	const char *record, *at;
	struct stmt *s;
	int rc = open_record(db, charge, "", &s, &record), n = 0;

	at = lt_record_first(lt_record_member(of->in ? lt_record_member(record, of->in) : record, of->array));
	for (; at && n < cap; at = lt_record_next(at))
		ret[n++] = (struct sealed_price){ lt_record_int(lt_record_member(at, of->one)),
			lt_record_int(lt_record_member(at, of->two)) };
	db_end(s);
	*ret_n = n;
	return rc < 0 ? rc : at != NULL;
}

int charge_sealed_prices(struct db *db, int64_t charge, enum sealed_part part, struct sealed_price *ret, int cap,
	int *ret_n)
{
	static const struct pairs of[] = {
		[SEALED_LISTS] = { NULL, "prices", "version", "effective_at" },
		[SEALED_SPANS] = { NULL, "price_spans", "version", "from_at" },
		[SEALED_TERMS] = { "booking", "terms", "price_version", "from_at" },
	};

	return sealed_pairs(db, charge, &of[part], ret, cap, ret_n);
}

int charge_sealed_faults(struct db *db, int64_t charge, struct interval *ret, int cap, int *ret_n)
{
	static const struct pairs faults = { "session", "faults", "to_at", "from_at" };
	struct sealed_price found[RATE_UNUSABLE_MAX];
	int rc = sealed_pairs(db, charge, &faults, found, cap < RATE_UNUSABLE_MAX ? cap : RATE_UNUSABLE_MAX, ret_n);

	for (int i = 0; i < *ret_n; i++)
		ret[i] = (struct interval){ found[i].from_at, found[i].version };
	return rc;
}

int charge_sealed_fee(struct db *db, int64_t charge, struct fee_sealed *ret)
{
	const char *record, *kind;
	struct stmt *s;
	int rc = open_record(db, charge, "fee", &s, &record);

	*ret = (struct fee_sealed){ .at = number(record, "fee", "at"), .given = { number(record, "fee", "given_from_at"),
		number(record, "fee", "given_to_at") }, .walk_up = number(record, "booking", "walk_up") != 0,
		.policy_version = number(record, "booking", "policy_version") };
	kind = lt_record_member(lt_record_member(record, "fee"), "component");
	ret->kind = lt_record_is(kind, component_name(COMP_LATE_CANCEL)) ? COMP_LATE_CANCEL : COMP_NO_SHOW;
	if (rc == 0 && !lt_record_is(kind, component_name(ret->kind)))
		rc = DB_CORRUPT;
	db_end(s);
	return rc;
}
