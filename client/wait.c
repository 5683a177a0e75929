/*
 * wait.c - wait until a booking starts, ends or is charged; claim a run that had no booking.
 * Owns nothing. Polls with a pause that grows from half a second to ten; ends with 8 when the time is up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/book.h"

static int64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static bool one_of(const char *s, const char *words)
{
	const char *p = s ? strstr(words, s) : NULL;
	size_t n = s ? strlen(s) : 0;

	return p && n && (p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0');
}

#define OVER "completed cancelled no_show displaced lapsed replaced"
#define NEVER "cancelled displaced lapsed replaced"

enum reached { NOT_YET, YES, NEVER_WILL };

/* Every session of the booking is settled, and there is something to pay or nothing more to come. */
static enum reached charged(json_t *b, const char *state)
{
	json_t *s;
	size_t i, settled = 0, n = json_array_size(json_object_get(b, "sessions"));

	json_array_foreach(json_object_get(b, "sessions"), i, s)
		settled += one_of(TEXT(s, "state"), "charged waived settled internal") ||
			one_of(TEXT(s, "outcome"), "charged waived internal");
	if (!one_of(state, OVER))
		return NOT_YET;
	if (json_array_size(json_object_get(b, "charges")) > 0 && settled == n)
		return YES;
	if (n == 0 && one_of(state, NEVER))
		return NEVER_WILL;
	return n > 0 && settled == n ? YES : NOT_YET;
}

static enum reached judge(json_t *b, const char *event)
{
	const char *state = TEXT(b, "state");

	if (strcmp(event, "charged") == 0)
		return charged(b, state);
	if (strcmp(event, "end") == 0)
		return one_of(state, OVER) ? YES : NOT_YET;
	if (one_of(state, "active completed"))
		return YES;
	return one_of(state, OVER) ? NEVER_WILL : NOT_YET;
}

static int options(struct cli *c, const char **event, int64_t *timeout)
{
	const char *text = args_get(&c->args, "timeout");

	*event = args_get(&c->args, "for");
	if (!*event)
		*event = "end";
	if (!one_of(*event, "start end charged"))
		return args_usage(c->args.cmd, "--for takes start, end or charged, not '%s'", *event);
	*timeout = INT64_MAX / 4;
	return text ? read_duration(text, timeout) : EXIT_OK;
}

/* "B-1 is completed; charged USD 0.06 (C-1)" */
static void reached(struct cli *c, json_t *b, const char *event)
{
	static const struct column amount = { "", "amount", CELL_MONEY };
	json_t *charge, *charges = json_object_get(b, "charges");
	const char *state = TEXT(b, "state");
	char text[80];
	size_t i;

	if (c->out.mode != OUT_TABLE) {
		out_record(&c->out, booking_columns, b, "id");
		return;
	}
	printf("%s is %s", TEXT(b, "id") ? TEXT(b, "id") : "", state ? state : "over");
	if (strcmp(event, "charged") == 0 && json_array_size(charges) == 0)
		printf("; nothing was charged");
	json_array_foreach(charges, i, charge) {
		cell_human(&c->out, &amount, charge, text, sizeof text);
		printf("%s %s (%s)", i ? "," : "; charged", text, TEXT(charge, "id") ? TEXT(charge, "id") : "");
	}
	putchar('\n');
}

int run_wait(struct cli *c)
{
	int64_t timeout, began = monotonic(), step = 500, left;
	const char *event;
	struct path p;
	json_t *b;
	enum reached r;
	int rc = need_id(c, 0, 'B', "booking");

	if (rc || (rc = options(c, &event, &timeout)) != 0)
		return rc;
	path_set(&p, "/v1/bookings");
	path_part(&p, c->args.pos[0]);
	for (;;) {
		if ((rc = ask_get(c, p.text, &b)) != 0)
			return rc;
		r = judge(b, event);
		left = timeout - (monotonic() - began);
		if (r != NOT_YET || left <= 0)
			break;
		json_decref(b);
		pause_ms(step < left ? step : left);
		step = step * 3 / 2 < 10000 ? step * 3 / 2 : 10000;
	}
	if (r == YES)
		reached(c, b, event);
	else if (r == NEVER_WILL)
		rc = fail(EXIT_FAILED, "will-not-happen", "%s is %s: it will not be '%s'", c->args.pos[0],
			TEXT(b, "state") ? TEXT(b, "state") : "over", event);
	else
		rc = fail(EXIT_TIMEOUT, "wait-timeout", "%s is still %s", c->args.pos[0],
			TEXT(b, "state") ? TEXT(b, "state") : "on its way");
	json_decref(b);
	return rc;
}

int run_claim(struct cli *c)
{
	static const struct column fields[] = {
		{ "Claim", "id", CELL_TEXT }, { "Instrument", "instrument", CELL_TEXT }, { "At", "at", CELL_TIME }, { "State", "state", CELL_STATE },
		{ "Note", "note", CELL_TEXT }, { NULL },
	};
	char text[WHEN_TEXT_MAX + 1];
	struct when_ctx x;
	struct when_err err;
	int64_t at;
	char when[64];
	json_t *body, *claim;
	int rc = words_join(c, 1, text, sizeof text);

	if (rc || (rc = ask_site(c)) != 0)
		return rc;
	x = (struct when_ctx){ .now = c->now, .zone = &c->zone };
	if (when_past(&x, text, &at, &err) < 0)
		return fail_when("time", text, &err);
	body = json_object();
	body_text(body, "instrument", c->args.pos[0]);
	json_object_set_new(body, "at", json_at(c, at));
	body_text(body, "note", args_get(&c->args, "note"));
	if ((rc = ask(c, "POST", "/v1/claims", body, NULL, ASK_KEY, &claim)) != 0)
		return rc;
	if (c->out.mode == OUT_TABLE) {
		cell_time(&c->out, TEXT(claim, "at"), when, sizeof when);
		printf("Claimed (%s): the run on %s around %s was yours.\n", TEXT(claim, "id") ? TEXT(claim, "id") : "",
			c->args.pos[0], when);
		puts("A manager decides; what it costs is then in: labtime bill");
	} else {
		out_record(&c->out, fields, claim, "id");
	}
	json_decref(claim);
	return EXIT_OK;
}
