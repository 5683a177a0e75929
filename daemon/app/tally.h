/*
 * tally.h - sums of charges over any range: usage by a key, the total of a bill. A slice reads a bounded number of rows
 * in one short statement, so a report over a million charges never holds the ledger up; to_seq fixes the snapshot.
 */
#ifndef APP_TALLY_H
#define APP_TALLY_H

#include "app/act.h"
#include "store/charge.h"
#include "store/session.h"

#define TALLY_KEYS 5000         /* more keys than that are added up as "(others)" */

enum tally_by { TALLY_NOTHING, TALLY_INSTRUMENT, TALLY_KIND, TALLY_ORG, TALLY_PROJECT, TALLY_USER, TALLY_DAY };
/* by_service: [from, to) is of the service, else of the posting. Texts "" do not filter; to 0: no end. rest: also what
 * was metered and no charge stands for. */
struct tally_want {
	enum tally_by by;
	bool by_service, rest;
	char org[LT_ID], user[LT_ID], instrument[LT_ID], period[8];
	int64_t from, to;
};
struct tally_sum { char key[LT_ID]; int64_t rows, sessions, used_s, idle_s, estimated_s, gap_s, minor; };

struct tally;
/* NULL: memory ran out. Frozen at what is posted now. */
struct tally *tally_new(struct act *a, const struct tally_want *want);
struct tally *tally_free(struct tally *t);
/* One slice. 1: more to come; 0: all is added up; < 0. */
int tally_step(struct tally *t, struct db *db);
/* What no charge stands for, of [from, to) of the service: *ret_n rows, "unattributed" (no session's, or sessions' of
 * nobody), "internal" (in blocks) and "uncharged" (sessions that wait, or were waived), and "held" (what a
 * register shows above a level that nobody knows: not measured yet, whosever it is). Rows without time are left out. */
const struct tally_sum *tally_rest(struct tally *t, int *ret_n);
/* The sums, ascending by key; *ret_n of them. */
const struct tally_sum *tally_sums(const struct tally *t, int *ret_n);

#endif
