/* booking_term.c - SQL of the terms of bookings. Failures are the sticky class of db.h. */
#include "store/booking_term.h"

#define FIELDS "from_at, to_at, price_version, policy_version"
#define HOLDS "booking = ?1 AND closed_at IS NULL"

static struct booking_term read_row(const struct stmt *s)
{
	return (struct booking_term){ db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3) };
}

static bool joins(const struct booking_term *last, const struct booking_term *t, bool by_price)
{
	return last->price_version == t->price_version && (by_price || last->policy_version == t->policy_version);
}

static int read_rows(struct stmt *s, bool by_price, struct booking_term *ret, int cap, int *ret_n)
{
	int class, n = 0, more = 0;

	while (!more && (class = db_step(s)) == DB_ROW) {
		struct booking_term t = read_row(s);

		if (n > 0 && joins(&ret[n - 1], &t, by_price))
			ret[n - 1].to_at = t.to_at;
		else if (n == cap)
			more = 1;
		else
			ret[n++] = t;
	}
	db_end(s);
	*ret_n = n;
	return class < 0 ? class : more;
}

static struct stmt *that_hold(struct db *db, int64_t booking)
{
	return db_query(db, "SELECT " FIELDS " FROM booking_term WHERE " HOLDS " ORDER BY from_at", "i", booking);
}

int store_booking_terms(struct db *db, int64_t booking, struct booking_term *ret, int cap, int *ret_n)
{
	return read_rows(that_hold(db, booking), true, ret, cap, ret_n);
}

int store_booking_terms_shown(struct db *db, int64_t booking, struct booking_term *ret, int cap, int *ret_n)
{
	return read_rows(that_hold(db, booking), false, ret, cap, ret_n);
}

int64_t store_booking_terms_label(struct db *db, int64_t booking, int64_t at)
{
	int64_t next = 1 + db_one_int(db, -1, "SELECT MAX(CASE WHEN COALESCE(closed_at, made_at) > made_at THEN closed_at ELSE "
		"made_at END) FROM booking_term WHERE booking = ?1", "i", booking);

	return at > next ? at : next;
}

int store_booking_terms_before(struct db *db, int64_t booking, int64_t at, struct booking_term *ret, int cap,
	int *ret_n)
{
	return read_rows(db_query(db, "SELECT " FIELDS " FROM booking_term WHERE booking = ?1 AND made_at < ?2 AND "
		"(closed_at IS NULL OR closed_at >= ?2) ORDER BY from_at", "ii", booking, at), true, ret, cap, ret_n);
}

int store_booking_term_add(struct db *db, int64_t booking, const struct booking_term *t, int64_t at)
{
	return db_run(db, "INSERT INTO booking_term (booking, n, " FIELDS ", made_at) SELECT ?1, 1 + COUNT(*), ?2, ?3, ?4, "
		"?5, ?6 FROM booking_term WHERE booking = ?1", "iiiiii", booking, t->from_at, t->to_at, t->price_version,
		t->policy_version, at);
}

int store_booking_terms_cut(struct db *db, int64_t booking, int64_t end, int64_t at)
{
	struct stmt *s = db_query(db, "SELECT " FIELDS " FROM booking_term WHERE " HOLDS " AND from_at < ?2 AND to_at > ?2",
		"ii", booking, end);
	int class = db_step(s);
	struct booking_term around = { 0 };

	if (class == DB_ROW)
		around = read_row(s);
	db_end(s);
	class = db_run(db, "UPDATE booking_term SET closed_at = ?3 WHERE " HOLDS " AND to_at > ?2", "iii", booking, end, at);
	around.to_at = end;
	return class >= 0 && around.price_version ? store_booking_term_add(db, booking, &around, at) : class;
}
