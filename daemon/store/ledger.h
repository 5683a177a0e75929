/*
 * ledger.h - the double-entry book: append-only transactions whose entries sum to zero per currency, and the roll-up
 * by period and account that the store keeps when a transaction is sealed.
 *
 * Accounts: "receivable:<org>", "revenue:<instrument>", "revenue:fees". Debits are positive.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "core/site.h"
#include "store/db.h"

#define LEDGER_ENTRIES_MAX 16

struct ledger_entry { char account[80]; int64_t minor; char currency[4]; };

struct ledger_txn {
	int64_t id;
	const char *kind;            /* "charge", "fee", "credit"                                              */
	const char *idem_key;        /* what is posted: "session:88:usage"                                     */
	int64_t reverses;            /* txn, 0: none                                                           */
	int64_t at;
	const char *period;
	int n;
	struct ledger_entry entries[LEDGER_ENTRIES_MAX];
};

enum { LEDGER_AGAIN = 1, LEDGER_OTHER = 2, LEDGER_UNBALANCED = 3 };
/*
 * Posts and seals. 0; LEDGER_AGAIN: the same key with the same content is there, no effect; LEDGER_OTHER: the key is
 * there with other content; LEDGER_UNBALANCED: nothing was written; < 0 a db_class.
 */
int ledger_post(struct db *db, const struct ledger_txn *t);
/* The txn of a key: its id, or 0. */
int64_t ledger_find(struct db *db, const char *idem_key);

/* Makes the period known (open) if it is new. *ret_open: may be posted to. */
int period_ensure(struct db *db, const char *period, bool *ret_open);

/* Sums by account, ordered; period "": over all. At most cap rows after the account `after`. */
struct ledger_balance { char account[80], currency[4]; int64_t minor; };
int ledger_balances(struct db *db, const char *period, const char *after, struct ledger_balance *ret, int cap,
	int *ret_n);
/* What orgs were charged in a period by the book: the sum over receivable accounts, or one org's. */
int ledger_receivable(struct db *db, const char *period, const char *org, int64_t *ret_minor);

/* Is every charge whole (its lines are all there and add up) and every transaction sealed? Else why in dst. */
bool ledger_check(struct db *db, char *dst, size_t cap);

#endif
