/* ledger.c - SQL of the tables txn, entry, balance and period. Owns nothing. */
#include "store/ledger.h"

#include <string.h>

#include "base/base.h"
#include "common/fmt.h"

/* Every currency sums to zero and there is something to post. */
static bool balanced(const struct ledger_txn *t)
{
	if (t->n < 2 || t->n > LEDGER_ENTRIES_MAX)
		return false;
	for (int i = 0; i < t->n; i++) {
		int64_t sum = 0;

		for (int j = 0; j < t->n; j++)
			if (strcmp(t->entries[i].currency, t->entries[j].currency) == 0)
				sum += t->entries[j].minor;
		if (sum != 0)
			return false;
	}
	return true;
}

/* The canonical content: everything but id, instant and period, which a repetition may have otherwise. */
static void content_hash(const struct ledger_txn *t, uint8_t ret[32])
{
	char text[LEDGER_ENTRIES_MAX * 128 + 256];
	size_t n = lt_fmt(text, sizeof(text), "%s\n%s\n%lld\n", t->kind, t->idem_key, (long long)t->reverses);

	for (int i = 0; i < t->n && n < sizeof(text); i++)
		n += lt_fmt(text + n, sizeof(text) - n, "%s %lld %s\n", t->entries[i].account, (long long)t->entries[i].minor,
			t->entries[i].currency);
	crypto_sha256(text, n < sizeof(text) ? n : sizeof(text) - 1, ret);
}

/* 0 no such key; LEDGER_AGAIN; LEDGER_OTHER; < 0. */
static int seen(struct db *db, const char *key, const uint8_t hash[32])
{
	struct stmt *s = db_query(db, "SELECT content_sha256 FROM txn WHERE idem_key = ?1", "t", key);
	const void *there;
	size_t n;
	int rc = db_step(s);

	if (rc == DB_ROW) {
		there = db_blob(s, 0, &n);
		rc = n == 32 && memcmp(there, hash, 32) == 0 ? LEDGER_AGAIN : LEDGER_OTHER;
	}
	db_end(s);
	return rc;
}

int ledger_post(struct db *db, const struct ledger_txn *t)
{
	uint8_t hash[32];
	int rc;

	if (!balanced(t))
		return LEDGER_UNBALANCED;
	content_hash(t, hash);
	rc = seen(db, t->idem_key, hash);
	if (rc != 0)
		return rc;
	rc = db_run(db, "INSERT INTO txn(id, kind, idem_key, content_sha256, reverses, at, period, sealed) "
		"VALUES (?1,?2,?3,?4,?5,?6,?7,0)", "ittbIit", t->id, t->kind, t->idem_key, hash, sizeof(hash),
		t->reverses ? &t->reverses : NULL, t->at, t->period);
	for (int i = 0; i < t->n && rc == DB_DONE; i++)
		rc = db_run(db, "INSERT INTO entry(txn, n, account, minor, currency) VALUES (?1,?2,?3,?4,?5)", "iitit", t->id,
			(int64_t)i + 1, t->entries[i].account, t->entries[i].minor, t->entries[i].currency);
	return rc == DB_DONE ? db_run(db, "UPDATE txn SET sealed = 1 WHERE id = ?1", "i", t->id) : rc;
}

int64_t ledger_find(struct db *db, const char *idem_key)
{
	return db_one_int(db, 0, "SELECT id FROM txn WHERE idem_key = ?1", "t", idem_key);
}

int period_ensure(struct db *db, const char *period, bool *ret_open)
{
	int rc = db_run(db, "INSERT INTO period(id, state) VALUES (?1, 'open') ON CONFLICT(id) DO NOTHING", "t", period);

	if (rc < 0)
		return rc;
	*ret_open = db_one_int(db, 0, "SELECT state = 'open' FROM period WHERE id = ?1", "t", period) == 1;
	return db_failed(db);
}

int ledger_balances(struct db *db, const char *period, const char *after, struct ledger_balance *ret, int cap,
	int *ret_n)
{
	struct stmt *s = db_query(db, *period
		? "SELECT account, currency, SUM(minor) FROM balance WHERE period = ?1 AND account > ?2 GROUP BY account, "
			"currency ORDER BY account, currency LIMIT ?3"
		: "SELECT account, currency, SUM(minor) FROM balance WHERE ?1 = '' AND account > ?2 GROUP BY account, currency "
		  "ORDER BY account, currency LIMIT ?3", "tti", period, after, (int64_t)cap);
	int rc, n = 0;

	while ((rc = db_step(s)) == DB_ROW && n < cap) {
		db_copy_text(s, 0, ret[n].account, sizeof(ret[n].account));
		db_copy_text(s, 1, ret[n].currency, sizeof(ret[n].currency));
		ret[n++].minor = db_int(s, 2);
	}
	db_end(s);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

int ledger_receivable(struct db *db, const char *period, const char *org, int64_t *ret_minor)
{
	*ret_minor = db_one_int(db, 0, "SELECT SUM(minor) FROM balance WHERE period = ?1 AND account >= 'receivable:' "
		"AND account < 'receivable;' AND (?2 = '' OR account = 'receivable:' || ?2)", "tt", period, org);
	return db_failed(db);
}

bool ledger_check(struct db *db, char *dst, size_t cap)
{
	int64_t charge = db_one_int(db, 0, "SELECT id FROM charge c WHERE (SELECT COUNT(*) FROM charge_line WHERE charge = c.id) <> lines "
		"OR (SELECT COALESCE(SUM(amount_minor), 0) FROM charge_line WHERE charge = c.id) <> amount_minor LIMIT 1", "");
	int64_t txn = db_one_int(db, 0, "SELECT id FROM txn WHERE sealed = 0 LIMIT 1", "");

	dst[0] = '\0';
	if (charge)
		lt_fmt(dst, cap, "the lines of C-%lld are not whole", (long long)charge);
	else if (txn)
		lt_fmt(dst, cap, "transaction %lld is not sealed", (long long)txn);
	return charge == 0 && txn == 0 && db_failed(db) == 0;
}
