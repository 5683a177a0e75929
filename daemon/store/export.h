/*
 * export.h - rows of exports (who took what, up to which charge, with which result) and the keyset slices of charges
 * that they stream. A slice is one short statement; nothing stays open between slices, and to_seq fixes the snapshot.
 */
#ifndef STORE_EXPORT_H
#define STORE_EXPORT_H

#include "core/site.h"
#include "store/db.h"

struct export_row {
	int64_t id;
	char format[16];             /* "csv", "csv-excel"                                                     */
	char org[LT_ID];             /* "": all                                                                */
	char period[48];             /* "2026-11", or "<from ms>..<to ms>"                                     */
	int64_t from, to;            /* of such a range; 0 when it was loaded                                  */
	int64_t from_seq, to_seq;    /* charges with from_seq <= seq <= to_seq                                 */
	char actor[48];
	int64_t created_at;
	char state[8];               /* "ready", "done", "failed"                                              */
	bool has_ledger;             /* the book's total for the same rows is known                             */
	int64_t ledger_minor;        /* fixed with the snapshot                                                */
};

int export_insert(struct db *db, const struct export_row *e, const char *manifest);
/* 0, 1 not there, < 0. *ret_manifest (may be NULL): malloc'd. */
int export_load(struct db *db, int64_t id, struct export_row *ret, char **ret_manifest);
int export_finish(struct db *db, int64_t id, const char *state, const char *manifest);
int64_t export_last_seq(struct db *db);

/* What a slice reads. period "": by posted_at in [from, to). org "": all. */
struct export_filter { char period[8], org[LT_ID]; int64_t from, to, to_seq; };
/* Columns in the order of enum export_column; rows ascend by seq from after (exclusive). Close with db_end. */
enum export_column { XC_SEQ, XC_ID, XC_KIND, XC_CORRECTS, XC_SESSION, XC_BOOKING, XC_ORG, XC_USER, XC_INSTRUMENT,
	XC_PROJECT, XC_PERIOD, XC_POSTED_AT, XC_SERVICE_FROM, XC_SERVICE_TO, XC_USED_S, XC_IDLE_S, XC_FAULT_S, XC_OVERRUN_S,
	XC_BILLED_S, XC_ESTIMATED_S, XC_AMOUNT_MINOR, XC_CURRENCY, XC_FLAGS, XC_COUNT };
struct stmt *export_slice(struct db *db, const struct export_filter *f, int64_t after, int64_t limit);

#endif
