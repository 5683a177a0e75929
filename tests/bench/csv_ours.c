/*
 * csv_ours.c - for bench_export.py: "make FILE ROWS" fills a store with charges, "run FILE" streams them as the daemon
 * does (slices of 64 KiB, hash, sums) to stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "export/export.h"
#include "store/charge.h"
#include "store/ledger.h"

enum { BLOCK = 1000 };

static int fail(const char *what)
{
	fprintf(stderr, "csv_ours: %s\n", what);
	return 1;
}

static void a_charge(struct charge *c, int64_t i)
{
	memset(c, 0, sizeof(*c));
	c->id = c->seq = i;
	lt_fmt(c->kind, sizeof(c->kind), "fee");
	lt_fmt(c->org, sizeof(c->org), "org-%lld", (long long)(i / BLOCK % 400));
	lt_fmt(c->user, sizeof(c->user), "user-%lld", (long long)(i % 9000));
	lt_fmt(c->instrument, sizeof(c->instrument), "krios-%lld", (long long)(i % 40));
	lt_fmt(c->project, sizeof(c->project), "p-%lld", (long long)(i % 7));
	c->used_s = c->billed_s = i * 7919 % 14400;
	c->amount_minor = money_of_time(c->used_s, 10000, 1000);
	c->service_from = INT64_C(1796083200000) + i * 1000;
	c->service_to = c->service_from + c->used_s * 1000;
	c->posted_at = c->service_to + 60000;
	lt_fmt(c->period, sizeof(c->period), "2026-12");
	lt_fmt(c->currency, sizeof(c->currency), "USD");
	lt_fmt(c->flags, sizeof(c->flags), "%s", i % 50 ? "" : "gap,presumed");
}

/* The charges of a block are one org's and stand in the book as one transaction: debit the org, credit revenue. */
static int post_block(struct db *db, const struct charge *last, int64_t minor)
{
	char key[40];
	struct ledger_txn t = { .kind = "fee", .idem_key = key, .at = last->posted_at, .period = last->period, .n = 2 };

	lt_fmt(key, sizeof(key), "bench:%lld", (long long)last->id);
	t.id = last->id;
	lt_fmt(t.entries[0].account, sizeof(t.entries[0].account), "receivable:%s", last->org);
	lt_fmt(t.entries[1].account, sizeof(t.entries[1].account), "revenue:fees");
	for (int i = 0; i < 2; i++) {
		t.entries[i].minor = i ? -minor : minor;
		lt_fmt(t.entries[i].currency, sizeof(t.entries[i].currency), "%s", last->currency);
	}
	return minor ? ledger_post(db, &t) : 0;
}

static int make(struct db *db, int64_t rows)
{
	int64_t minor = 0;
	bool open;

	if (db_begin(db) || period_ensure(db, "2026-12", &open))
		return fail("cannot begin");
	for (int64_t i = 1; i <= rows; i++) {
		struct charge c;

		a_charge(&c, i);
		if (charge_insert(db, &c, "{}", NULL, 0))
			return fail(db_why(db));
		minor += c.amount_minor;
		if ((i + 1) % BLOCK && i < rows)
			continue;
		if (post_block(db, &c, minor))
			return fail("cannot post");
		minor = 0;
	}
	return db_commit(db) || db_checkpoint(db) < 0 ? fail("cannot commit") : 0;
}

static int run(struct db *db)
{
	static struct site site;
	static char slice[JOB_SLICE];
	struct export_row row = { .id = 1, .format = "csv", .period = "2026-12", .from_seq = 1 };
	struct export_filter f;
	struct lt_err err;
	struct job *job;
	size_t n;
	int rc;

	if (zone_load(&site.zone, "Asia/Shanghai", &err))
		return fail(err.text);
	lt_fmt(site.currency, sizeof(site.currency), "USD");
	site.exponent = 2;
	row.to_seq = export_last_seq(db);
	if (!export_row_filter(&row, &f))
		return fail("bad row");
	job = export_csv_new(&site, &row, &f, false);
	do {
		rc = job->kind->next_slice(job, db, slice, sizeof(slice), &n);
		if (rc >= 0 && write(STDOUT_FILENO, slice, n) != (ssize_t)n)
			return fail("cannot write");
	} while (rc > 0);
	job->kind->cancel(job);
	return rc < 0 ? fail(db_why(db)) : 0;
}

int main(int argc, char **argv)
{
	struct lt_err err;
	int64_t rows = 0;
	struct db *db;
	int rc;

	if (argc < 3 || (strcmp(argv[1], "make") == 0 && (argc < 4 || !lt_parse_i64(argv[3], 1, 10000000, &rows))))
		return fail("usage: csv_ours make FILE ROWS | run FILE");
	db = db_open(argv[2], 0, &err);
	if (!db)
		return fail(err.text);
	rc = rows ? make(db, rows) : run(db);
	db_close(db);
	return rc;
}
