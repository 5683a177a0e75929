/*
 * download.c - export: asks for it, streams it to a temporary file, compares it with the manifest, renames it.
 * Owns the temporary file. A broken or altered download ends with 9 and leaves nothing behind.
 */
#include "client/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/sha256.h"
#include "common/fmt.h"

struct download {
	FILE *f;
	char temp[4096];                      /* "" when it goes to standard output */
	const char *file;
	struct sha256 hash;
	int64_t bytes, lines, rows, began, shown; /* lines: ends of records; rows: expected, or -1 */
	bool progress, quoted;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Rows, rate, time left: on a terminal, after half a second, five times a second. */
static void progress(struct download *d)
{
	int64_t now = now_ms(), ms = now - d->began, rate, left;

	if (!d->progress || ms < 500 || now - d->shown < 200)
		return;
	d->shown = now;
	rate = d->lines * 1000 / ms;
	left = rate > 0 && d->rows > d->lines ? (d->rows - d->lines) / rate : 0;
	if (d->rows > 0)
		fprintf(stderr, "\r\033[K%lld of %lld rows, %lld/s, %llds left", (long long)d->lines, (long long)d->rows,
			(long long)rate, (long long)left);
	else
		fprintf(stderr, "\r\033[K%lld rows, %lld/s", (long long)d->lines, (long long)rate);
	fflush(stderr);
}

static int sink(void *user, const char *p, size_t n)
{
	struct download *d = user;

	if (fwrite(p, 1, n, d->f) != n) {
		fail(EXIT_FAILED, "write-failed", "cannot write %s: %s", d->file ? d->file : "standard output",
			strerror(errno));
		return -1;
	}
	sha256_add(&d->hash, p, n);
	d->bytes += (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		d->quoted ^= p[i] == '"';
		d->lines += p[i] == '\n' && !d->quoted;
	}
	progress(d);
	return 0;
}

static void discard(struct download *d)
{
	if (d->f && d->f != stdout)
		fclose(d->f);
	d->f = NULL;
	if (d->temp[0])
		unlink(d->temp);
	interrupt_file("");
}

static int open_file(struct cli *c, struct download *d)
{
	int fd;

	d->f = stdout;
	if (!d->file || strcmp(d->file, "-") == 0)
		return d->file = NULL, EXIT_OK;
	if (access(d->file, F_OK) == 0 && !args_has(&c->args, "force"))
		return fail(EXIT_FAILED, "file-exists", "%s is there already; add --force to replace it", d->file);
	if (lt_fmt(d->temp, sizeof d->temp, "%s.XXXXXX", d->file) >= sizeof d->temp)
		return args_usage(c->args.cmd, "the file's name is too long");
	fd = mkostemp(d->temp, O_CLOEXEC);
	if (fd < 0 || !(d->f = fdopen(fd, "wb"))) {
		d->temp[0] = '\0';
		return fail(EXIT_FAILED, "write-failed", "cannot write beside %s: %s", d->file, strerror(errno));
	}
	interrupt_file(d->temp);
	return EXIT_OK;
}

/* Durable under its name: fsync of the file, rename, fsync of the directory. */
static int finish(struct download *d)
{
	char dir[4096];
	const char *slash = d->file ? strrchr(d->file, '/') : NULL;
	mode_t mask = umask(0);
	bool ok;
	int fd;

	umask(mask);
	if (!d->file)
		return fflush(stdout) == 0 ? EXIT_OK : fail(EXIT_PARTIAL, "write-failed", "cannot write standard output: %s",
			strerror(errno));
	ok = fflush(d->f) == 0 && fchmod(fileno(d->f), 0666 & ~mask) == 0 && fsync(fileno(d->f)) == 0;
	ok = fclose(d->f) == 0 && ok;
	d->f = NULL;
	if (!ok || rename(d->temp, d->file) < 0) {
		int no = errno;

		discard(d);
		return fail(EXIT_FAILED, "write-failed", "cannot write %s: %s", d->file, strerror(no));
	}
	d->temp[0] = '\0';
	interrupt_file("");
	lt_fmt(dir, sizeof dir, "%.*s", slash ? (int)(slash - d->file) + 1 : 1, slash ? d->file : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return EXIT_OK;
}

/* The manifest of the finished export against what came. Rows are records without the header. */
static int compare(struct download *d, json_t *m)
{
	const char *sha = TEXT(m, "sha256");
	json_t *rows = json_object_get(m, "rows"), *bytes = json_object_get(m, "bytes");
	uint8_t digest[32];
	char hex[65];

	sha256_end(&d->hash, digest);
	sha256_hex(digest, hex);
	if (!sha || strlen(sha) != 64)
		return fail(EXIT_PARTIAL, "no-manifest", "the daemon's manifest has no SHA-256; the file was not kept");
	if (strcmp(sha, hex) != 0)
		return fail(EXIT_PARTIAL, "mismatch", "what came is not what was sent (SHA-256 %s, manifest %s); try again",
			hex, sha);
	if (json_is_integer(bytes) && json_integer_value(bytes) != d->bytes)
		return fail(EXIT_PARTIAL, "mismatch", "%lld bytes came, the manifest says %lld; try again", (long long)d->bytes,
			(long long)json_integer_value(bytes));
	if (!json_is_integer(rows) || json_integer_value(rows) != d->lines - 1) /* one line is the header */
		return fail(EXIT_PARTIAL, "mismatch", "%lld rows came, the manifest says %lld; try again",
			(long long)d->lines - 1, (long long)json_integer_value(rows));
	return EXIT_OK;
}

static int stream(struct cli *c, struct download *d, const char *path)
{
	struct request rq = { .method = "GET", .path = path, .sink = sink, .user = d };
	struct answer a = { 0 };
	struct lt_err err = { 0 };
	int rc;

	sha256_init(&d->hash);
	d->began = now_ms();
	rc = transport_ask(&c->transport, &rq, &a, &err);
	if (d->shown)
		fputs("\r\033[K", stderr);
	if (rc) {
		fail_err(rc, &err);
	} else if (a.status != 200) {
		json_t *problem = a.body ? json_loadb(a.body, a.size, 0, NULL) : NULL;

		rc = problem_print(c, a.status, problem);
		json_decref(problem);
	}
	answer_free(&a);
	return rc;
}

static int begin(struct cli *c, json_t **ret)
{
	const char *format = args_get(&c->args, "format");
	char text[WHEN_TEXT_MAX + 1];
	struct when_period w;
	json_t *body;
	int rc = words_join(c, 0, text, sizeof text);

	if (format && strcmp(format, "csv") != 0)
		return args_usage(c->args.cmd, "there is no format '%s'; this daemon writes csv", format);
	if (rc || (rc = read_period(c, text, &w)) != 0)
		return rc;
	body = json_object();
	if (w.month[0]) {
		body_text(body, "period", w.month);
	} else {
		json_object_set_new(body, "from", json_at(c, w.from));
		json_object_set_new(body, "to", json_at(c, w.to));
	}
	body_text(body, "format", "csv");
	body_text(body, "org", args_get(&c->args, "org"));
	if (args_has(&c->args, "excel"))
		json_object_set_new(body, "excel", json_true());
	return ask(c, "POST", "/v1/exports", body, NULL, ASK_KEY, ret);
}

/* What came, and what it was compared with: the manifest always, the book when that adds up the same charges. */
static int report(struct cli *c, struct download *d, json_t *m)
{
	json_t *sum, *matches = json_object_get(m, "matches_ledger"), *book = json_object_get(m, "ledger_total");
	int64_t rows = json_integer_value(json_object_get(m, "rows"));
	const char *currency;

	fprintf(stderr, "%s: %lld row%s", d->file ? d->file : "standard output", (long long)rows, rows == 1 ? "" : "s");
	json_object_foreach(json_object_get(m, "sums"), currency, sum) {
		const char *amount = json_is_object(sum) ? TEXT(sum, "amount") : json_string_value(sum);

		fprintf(stderr, ", %s %s", currency, amount ? amount : "?");
	}
	fputs(", SHA-256 as in the manifest", stderr);
	if (json_is_true(matches))
		fputs(", sum as in the ledger\n", stderr);
	else if (!json_is_false(matches))
		fputs("\nThe ledger adds up whole months: its sum was not compared with this range.\n", stderr);
	else
		return fputc('\n', stderr), fail(EXIT_FAILED, "ledger-differs", "the ledger says %s %s for this month; tell the "
			"finance office", TEXT(book, "currency") ? TEXT(book, "currency") : "",
			TEXT(book, "amount") ? TEXT(book, "amount") : "nothing");
	return EXIT_OK;
}

int run_export(struct cli *c)
{
	struct download d = { .file = args_get(&c->args, "output"), .rows = -1, .progress = isatty(STDERR_FILENO) };
	struct path p, data;
	json_t *e, *m = NULL;
	int rc = begin(c, &e);

	if (rc)
		return rc;
	if (!TEXT(e, "id"))
		rc = fail(EXIT_FAILED, "bad-answer", "the export has no id; is this a labtimed?");
	path_set(&p, "/v1/exports");
	path_part(&p, rc ? "" : TEXT(e, "id"));
	data = p;
	path_part(&data, "data");
	if (json_is_integer(json_object_get(e, "rows")))
		d.rows = json_integer_value(json_object_get(e, "rows"));
	if (!rc && (rc = open_file(c, &d)) == EXIT_OK && (rc = stream(c, &d, data.text)) == EXIT_OK &&
			(rc = ask_get(c, p.text, &m)) == EXIT_OK && (rc = compare(&d, m)) == EXIT_OK)
		rc = finish(&d);
	if (rc)
		discard(&d);
	else
		rc = report(c, &d, m);
	sha256_free(&d.hash);
	json_decref(e);
	json_decref(m);
	return rc;
}
