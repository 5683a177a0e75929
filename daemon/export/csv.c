/*
 * csv.c - charges as RFC 4180 CSV: CRLF, UTF-8, a header, one row a charge in order of posting. Rows are written by
 * direct writers into the slice's buffer: no allocation and no format string a row. Owns its job (heap); a row that
 * does not fit a slice fails the job.
 */
#include <stdlib.h>
#include <string.h>

#include "app/job.h"
#include "base/base.h"
#include "common/fmt.h"
#include "export/export.h"

#define SLICE_ROWS 1024

const char export_csv_header[] = "charge_id,kind,corrects,session_id,booking_id,org,user,instrument,project,period,"
	"posted_at,service_from,service_to,used_seconds,idle_seconds,fault_seconds,overrun_seconds,billed_seconds,estimated_seconds,"
	"amount,amount_minor,currency,flags\r\n";

struct csv_job {
	struct job job;
	struct export_row row;
	struct export_filter filter;
	struct site site;               /* a copy without instruments: a reload may free the original        */
	int64_t after;
	bool excel, started;
	struct crypto_sha256_stream *hash;
	struct export_tally tally;
};

/* ---- writers: p never passes end; full is sticky ---- */

struct writer { char *p, *end; bool full, excel; const struct lt_zone *zone; int exponent; int64_t day; char date[11];
	};

static bool room(struct writer *w, size_t n)
{
	if ((size_t)(w->end - w->p) < n)
		w->full = true;
	return !w->full;
}

static char *two(char *p, int v)
{
	*p++ = (char)('0' + v / 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *digits(char *p, uint64_t v)
{
	char text[20];
	int n = 0;

	do {
		text[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n > 0)
		*p++ = text[--n];
	return p;
}

static void put_int(struct writer *w, int64_t v)
{
	if (!room(w, 22))
		return;
	if (v < 0)
		*w->p++ = '-';
	w->p = digits(w->p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
	*w->p++ = ',';
}

/* "C-301", or nothing for 0. */
static void put_id(struct writer *w, char letter, int64_t id)
{
	if (!room(w, 24))
		return;
	if (id != 0) {
		*w->p++ = letter;
		*w->p++ = '-';
		w->p = digits(w->p, (uint64_t)id);
	}
	*w->p++ = ',';
}

static void put_amount(struct writer *w, int64_t minor)
{
	uint64_t abs = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor, unit = 1;

	if (!room(w, 32))
		return;
	for (int i = 0; i < w->exponent; i++)
		unit *= 10;
	if (minor < 0)
		*w->p++ = '-';
	w->p = digits(w->p, abs / unit);
	if (w->exponent > 0) {
		*w->p++ = '.';
		for (uint64_t rest = abs % unit, u = unit / 10; u > 0; rest %= u, u /= 10)
			*w->p++ = (char)('0' + rest / u);
	}
	*w->p++ = ',';
}

static void set_date(struct writer *w, int64_t day)
{
	int year, month, mday;

	lt_civil_from_days(day, &year, &month, &mday);
	lt_fmt(w->date, sizeof(w->date), "%04d-%02d-%02d", year, month, mday);
	w->day = day;
}

/* 2026-12-01T08:00:00+08:00 in the site's zone; milliseconds are dropped: rows are for people and spreadsheets. */
static void put_instant(struct writer *w, int64_t at)
{
	int32_t offset, minutes;
	int64_t local, second;

	if (!room(w, 32))
		return;
	offset = lt_zone_offset(w->zone, at);
	local = at / 1000 + offset;
	second = local % 86400;
	if (local / 86400 != w->day)
		set_date(w, local / 86400);
	memcpy(w->p, w->date, 10);
	w->p[10] = 'T';
	w->p = two(w->p + 11, (int)(second / 3600));
	*w->p++ = ':';
	w->p = two(w->p, (int)(second / 60 % 60));
	*w->p++ = ':';
	w->p = two(w->p, (int)(second % 60));
	*w->p++ = offset < 0 ? '-' : '+';
	minutes = (offset < 0 ? -offset : offset) / 60;
	w->p = two(w->p, minutes / 60);
	*w->p++ = ':';
	w->p = two(w->p, minutes % 60);
	*w->p++ = ',';
}

/* What a spreadsheet takes for a formula. */
static bool runs(char c)
{
	return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

static void put_text(struct writer *w, const char *s)
{
	size_t n = strlen(s);
	bool quote = w->excel && runs(*s);

	if (!room(w, 2 * n + 4))
		return;
	if (strcspn(s, ",\"\r\n") == n) {
		if (quote)
			*w->p++ = '\'';
		memcpy(w->p, s, n);
		w->p += n;
		*w->p++ = ',';
		return;
	}
	*w->p++ = '"';
	if (quote)
		*w->p++ = '\'';
	for (; *s; s++) {
		if (*s == '"')
			*w->p++ = '"';
		*w->p++ = *s;
	}
	*w->p++ = '"';
	*w->p++ = ',';
}

static void put_row(struct writer *w, const struct stmt *s)
{
	put_id(w, 'C', db_int(s, XC_ID));
	put_text(w, db_text(s, XC_KIND));
	put_id(w, 'C', db_int(s, XC_CORRECTS));
	put_id(w, 'S', db_int(s, XC_SESSION));
	put_id(w, 'B', db_int(s, XC_BOOKING));
	for (int c = XC_ORG; c <= XC_PERIOD; c++)
		put_text(w, db_text(s, c));
	for (int c = XC_POSTED_AT; c <= XC_SERVICE_TO; c++)
		put_instant(w, db_int(s, c));
	for (int c = XC_USED_S; c <= XC_ESTIMATED_S; c++)
		put_int(w, db_int(s, c));
	put_amount(w, db_int(s, XC_AMOUNT_MINOR));
	put_int(w, db_int(s, XC_AMOUNT_MINOR));
	put_text(w, db_text(s, XC_CURRENCY));
	put_text(w, db_text(s, XC_FLAGS));
	if (room(w, 1)) { /* the last comma becomes the line's end */
		w->p[-1] = '\r';
		*w->p++ = '\n';
	}
}

/* ---- the job ---- */

static int count(struct csv_job *j, const struct stmt *s)
{
	const char *currency = db_text(s, XC_CURRENCY);
	int i = 0;

	while (i < j->tally.n_sums && strcmp(j->tally.sums[i].currency, currency) != 0)
		i++;
	if (i == EXPORT_CURRENCIES)
		return DB_CORRUPT;
	if (i == j->tally.n_sums)
		lt_fmt(j->tally.sums[j->tally.n_sums++].currency, sizeof(j->tally.sums[0].currency), "%s", currency);
	j->tally.sums[i].minor += db_int(s, XC_AMOUNT_MINOR);
	j->tally.rows++;
	j->after = db_int(s, XC_SEQ);
	return 0;
}

static void start(struct csv_job *j, struct writer *w)
{
	if (j->excel) {
		memcpy(w->p, "\xef\xbb\xbf", 3);
		w->p += 3;
	}
	memcpy(w->p, export_csv_header, sizeof(export_csv_header) - 1);
	w->p += sizeof(export_csv_header) - 1;
	j->started = true;
}

/* Rows until the buffer or the slice is full. 1 more, 0 last, < 0. */
static int fill(struct csv_job *j, struct db *db, struct writer *w)
{
	struct stmt *s = export_slice(db, &j->filter, j->after, SLICE_ROWS);
	int n = 0, rc, bad = 0;

	while (!bad && (rc = db_step(s)) == DB_ROW) {
		char *row = w->p;

		put_row(w, s);
		if (w->full) {
			w->p = row;
			break;
		}
		bad = count(j, s);
		n++;
	}
	db_end(s);
	if (bad || rc < 0)
		return bad ? bad : rc;
	if (w->full)
		return n > 0 ? 1 : DB_CORRUPT;
	return n == SLICE_ROWS ? 1 : 0;
}

static int next_slice(struct job *job, struct db *db, char *dst, size_t cap, size_t *ret_size)
{
	struct csv_job *j = (struct csv_job *)job;
	struct writer w = { .p = dst, .end = dst + cap, .excel = j->excel, .zone = &j->site.zone,
		.exponent = j->site.exponent, .day = -1 };
	int rc;

	if (!j->started) {
		if (cap < sizeof(export_csv_header) + 3)
			return DB_MISUSE;
		start(j, &w);
	}
	rc = fill(j, db, &w);
	if (rc < 0)
		return rc;
	*ret_size = (size_t)(w.p - dst);
	j->tally.bytes += (int64_t)*ret_size;
	crypto_sha256_add(j->hash, dst, *ret_size);
	return rc;
}

static int done(struct job *job, void *act)
{
	struct csv_job *j = (struct csv_job *)job;
	struct act *a = act;
	uint8_t hash[32];
	char *manifest;
	int rc;

	if (j->hash) { /* a turn may run again */
		crypto_sha256_end(j->hash, hash);
		j->hash = NULL;
		crypto_hex(j->tally.sha256, hash, sizeof(hash));
	}
	manifest = export_manifest(&j->site, &j->row, &j->tally);
	if (!manifest)
		return DB_NOMEM;
	rc = export_finish(a->db, j->row.id, "done", manifest);
	free(manifest);
	return rc;
}

static void cancel(struct job *job)
{
	struct csv_job *j = (struct csv_job *)job;
	uint8_t hash[32];

	if (j->hash)
		crypto_sha256_end(j->hash, hash);
	free(j);
}

static const struct job_kind kind = { "csv", next_slice, done, cancel };

struct job *export_csv_new(const struct site *site, const struct export_row *row, const struct export_filter *f,
	bool excel)
{
	struct csv_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->job.kind = &kind;
	j->row = *row;
	j->filter = *f;
	j->after = row->from_seq - 1;
	j->site = *site;
	j->site.instruments = NULL;
	j->site.n_instruments = 0;
	j->excel = excel;
	j->hash = crypto_sha256_new();
	if (!j->hash) {
		free(j);
		return NULL;
	}
	return &j->job;
}
