/*
 * export.h - renderers of charges. Each is a job (app/job.h): bounded slices under a fixed snapshot, a running hash and
 * running sums; the manifest is stored in the turn after the last slice.
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "app/act.h"
#include "app/job.h"
#include "store/export.h"

#define EXPORT_CURRENCIES 8

/* What the stream found, and what the book said when the snapshot was taken. */
struct export_tally {
	int64_t rows, bytes;
	int n_sums;
	struct { char currency[4]; int64_t minor; } sums[EXPORT_CURRENCIES];
	char sha256[65];
};

/* The job of a CSV. excel: a byte-order mark, and a leading ' before text that a spreadsheet would run. */
struct job *export_csv_new(const struct site *site, const struct export_row *row, const struct export_filter *f,
	bool excel);
extern const char export_csv_header[];

/* The manifest: JSON, malloc'd; NULL when memory ran out. tally: what was streamed, or (state "ready") what the
 * roll-ups announce, rows < 0 when they do not know. */
char *export_manifest(const struct site *site, const struct export_row *row, const struct export_tally *tally);

/* The filter that an export row stands for. */
bool export_row_filter(const struct export_row *row, struct export_filter *ret);

#endif
