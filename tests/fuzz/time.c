/*
 * time.c - what people type for a time: every reader of client/when.h, around nights when the clock changes. For any
 * text: an answer that makes sense and that its own echo leads back to, or an error that names a column.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/when.h"
#include "common/fmt.h"
#include "fuzz.h"

enum { ZONES = 3 };

static struct { const char *name; int64_t now; struct lt_zone zone; } places[ZONES] = {
	{ .name = "Asia/Shanghai", .now = INT64_C(1795570050000) },     /* 2026-11-25 */
	{ .name = "Europe/Berlin", .now = INT64_C(1792836000000) },     /* the day before the clock goes back */
	{ .name = "America/New_York", .now = INT64_C(1804863600000) },  /* the day before it goes forward     */
};

static void load(void)
{
	static uint8_t tzif[262144];
	struct lt_err err;

	for (int i = 0; i < ZONES; i++) {
		char path[128];
		FILE *f;
		size_t n;

		lt_fmt(path, sizeof(path), "/usr/share/zoneinfo/%s", places[i].name);
		f = fopen(path, "rbe");
		fuzz_promise(f != NULL);
		n = fread(tzif, 1, sizeof(tzif), f);
		fclose(f);
		fuzz_promise(lt_zone_parse(&places[i].zone, places[i].name, tzif, n, &err) == 0);
	}
}

static void check_error(const char *text, const struct when_err *e)
{
	fuzz_promise(e->e.code[0] && e->e.text[0]);
	fuzz_promise(e->column >= 1 && (size_t)e->column <= strlen(text) + 1);
}

/* The interval as the client would send it on, read back. */
static void check_echo(const struct when_ctx *x, const struct when *w)
{
	char text[128], from[40], length[32];
	struct when again;
	struct when_err e;

	lt_rfc3339(from, sizeof(from), w->from, lt_zone_offset(x->zone, w->from));
	lt_fmt(length, sizeof(length), "PT%lldS", (long long)(w->duration / 1000));
	lt_fmt(text, sizeof(text), "%s/%s", from, length);
	fuzz_promise(when_booking(x, text, 0, &again, &e) == 0);
	fuzz_promise(again.from == w->from && again.to == w->to);
}

static int booking(const struct when_ctx *x, const char *text)
{
	struct when w = { 0 };
	struct when_err e = { 0 };

	if (when_booking(x, text, WHEN_START_ALONE, &w, &e) != 0) {
		check_error(text, &e);
		return 0;
	}
	if (w.kind == WHEN_NEXT_FREE)
		fuzz_promise(w.from == 0 && w.to == 0 && w.duration > 0 && w.duration <= WHEN_DURATION_MAX);
	else if (w.kind == WHEN_START)
		fuzz_promise(w.to == w.from && w.duration == 0);
	else
		fuzz_promise(w.to - w.from == w.duration && w.duration > 0 && w.duration <= WHEN_DURATION_MAX);
	if (w.kind == WHEN_INTERVAL && w.from % 1000 == 0 && w.duration % 1000 == 0)
		check_echo(x, &w);
	return 1;
}

/* Did this reader take the text? If not, its error must say where. */
static bool taken(int rc, const char *text, const struct when_err *e)
{
	if (rc != 0)
		check_error(text, e);
	return rc == 0;
}

static int others(const struct when_ctx *x, const char *text)
{
	struct when_err e = { 0 };
	struct when_period p = { 0 };
	int64_t at = 0, back = 0, length = 0;
	bool instant = taken(when_instant(x, text, &at, &e), text, &e);
	bool past = taken(when_past(x, text, &back, &e), text, &e);
	bool duration = taken(when_duration(text, &length, &e), text, &e);
	bool period = taken(when_period(x, text, &p, &e), text, &e);

	fuzz_promise(!past || back <= x->now);
	fuzz_promise(!duration || (length > 0 && length <= WHEN_DURATION_MAX));
	fuzz_promise(!period || (p.from < p.to && strlen(p.month) < sizeof(p.month)));
	return instant || past || duration || period;
}

static int time_input(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1); /* of exactly the size, so that one byte too far is seen */
	struct when_ctx x;
	int accepted;

	if (places[0].zone.name[0] == '\0')
		load();
	fuzz_promise(text != NULL);
	if (n)
		memcpy(text, p, n);
	text[n] = '\0';
	x = (struct when_ctx){ places[n % ZONES].now, &places[n % ZONES].zone };
	accepted = booking(&x, text) + others(&x, text);
	free(text);
	return accepted > 0;
}

static const struct fuzz_text seeds[] = {
	FUZZ_TEXT("tomorrow 9am for 4h"), FUZZ_TEXT("fri 22:00 - sat 02:00"), FUZZ_TEXT("2026-12-01T09:00/PT4H"),
	FUZZ_TEXT("now for 2h"), FUZZ_TEXT("next free 4h"), FUZZ_TEXT("2026-10-25T02:30+02:00 for 1h"),
	FUZZ_TEXT("next fri 9am for 4h"),
	FUZZ_TEXT("in 2 hours for 90m"), FUZZ_TEXT("+2d 9am for 1h"), FUZZ_TEXT("9:30 until noon"), FUZZ_TEXT("1d6h"),
	FUZZ_TEXT("P1DT6H"),
	FUZZ_TEXT("last month"), FUZZ_TEXT("2026-Q4"), FUZZ_TEXT("2026-W48"), FUZZ_TEXT("2026-11-01..2026-12-01"),
	FUZZ_TEXT("yesterday 14:00"),
	FUZZ_TEXT("2h ago"), FUZZ_TEXT("2027-03-14 02:30-04:00"), FUZZ_TEXT("november"), FUZZ_TEXT("90d"),
};

static const struct fuzz_text words[] = {
	FUZZ_TEXT(" "), FUZZ_TEXT("-"), FUZZ_TEXT(":"), FUZZ_TEXT("/"), FUZZ_TEXT("T"), FUZZ_TEXT("P"), FUZZ_TEXT("PT"),
	FUZZ_TEXT("Z"),
	FUZZ_TEXT("for "), FUZZ_TEXT("next "), FUZZ_TEXT("last "), FUZZ_TEXT("in "), FUZZ_TEXT(" ago"), FUZZ_TEXT("now"),
	FUZZ_TEXT("noon"),
	FUZZ_TEXT("midnight"), FUZZ_TEXT("tomorrow"), FUZZ_TEXT("mon"), FUZZ_TEXT("sunday"), FUZZ_TEXT("february 29"),
	FUZZ_TEXT("24:00"),
	FUZZ_TEXT("12am"), FUZZ_TEXT("9"), FUZZ_TEXT("99999999999999999999"), FUZZ_TEXT("0000-00-00"), FUZZ_TEXT("9999-12-31"),
	FUZZ_TEXT("W53"),
	FUZZ_TEXT("Q5"), FUZZ_TEXT("+14:00"), FUZZ_TEXT("1.5h"), FUZZ_TEXT("1e9h"), FUZZ_TEXT("366d"), FUZZ_TEXT(".."),
	FUZZ_TEXT("until "),
	FUZZ_TEXT("\xe2\x80\x93"), FUZZ_TEXT("\xff"), FUZZ_TEXT("\0"),
};

const struct fuzz_target fuzz_target = { "time language", seeds, sizeof(seeds) / sizeof(seeds[0]), words,
	sizeof(words) / sizeof(words[0]), 200000, time_input };
