/*
 * use.c - what a check-in and a check-out mean, in a sentence, for a terminal: is it open, until when, what comes next.
 * Owns nothing. Asks for the instrument until its interlock has been read back, for three seconds at most.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/book.h"

#define OPENS_WITHIN 30                       /* times a tenth of a second */

/* The interlock as it was last read back; "" when it cannot be asked. Waits for it to open. */
static void interlock_of(struct cli *c, const char *instrument, char *dst, size_t cap)
{
	struct timespec tenth = { .tv_nsec = 100000000 };
	struct path p;
	json_t *i;

	dst[0] = '\0';
	path_set(&p, "/v1/instruments");
	path_part(&p, instrument);
	for (int n = 0; n < OPENS_WITHIN; n++) {
		if (n > 0)
			nanosleep(&tenth, NULL);
		if (ask(c, "GET", p.text, NULL, NULL, ASK_QUIET, &i) != EXIT_OK) {
			json_decref(i);
			return;
		}
		snprintf(dst, cap, "%s", TEXT(i, "interlock") ? TEXT(i, "interlock") : "");
		json_decref(i);
		if (strcmp(dst, "locked") != 0 && strcmp(dst, "unknown") != 0)
			return;
	}
}

void say_started(struct cli *c, json_t *b)
{
	const char *id = TEXT(b, "id") ? TEXT(b, "id") : "", *instrument = TEXT(b, "instrument") ? TEXT(b, "instrument") : "";
	char until[64], lock[32];

	cell_time(&c->out, TEXT(b, "held_to") ? TEXT(b, "held_to") : TEXT(b, "to"), until, sizeof until);
	if (json_is_true(json_object_get(b, "waiting"))) {
		printf("Checked in: %s, but another session still holds %s.\n", id, instrument);
		printf("You are recorded as waiting, and no no-show runs against you.\n");
		return;
	}
	interlock_of(c, instrument, lock, sizeof lock);
	if (strcmp(lock, "unlocked") == 0)
		printf("Checked in: %s is unlocked until %s.\n", instrument, until);
	else if (strcmp(lock, "locked") == 0 || strcmp(lock, "unknown") == 0)
		printf("Checked in, but %s has not opened yet: its controller has not confirmed it.\nSee: labtime show %s\n",
			instrument, instrument);
	else
		printf("Checked in: %s is yours until %s.\n", instrument, until);
	printf("When you leave: labtime stop %s\n", id);
}

/* Was its run on when the meter was last read? */
static bool session_runs(struct cli *c, json_t *b)
{
	const char *session = TEXT(b, "session"), *state;
	struct path p;
	json_t *s = NULL;
	bool runs;

	path_set(&p, "/v1/sessions");
	path_part(&p, session ? session : "");
	runs = session && ask(c, "GET", p.text, NULL, NULL, ASK_QUIET, &s) == EXIT_OK;
	state = runs ? TEXT(s, "state") : NULL;
	runs = state && strcmp(state, "running") == 0;
	json_decref(s);
	return runs;
}

void say_stopped(struct cli *c, json_t *b)
{
	const char *id = TEXT(b, "id") ? TEXT(b, "id") : "", *instrument = TEXT(b, "instrument") ? TEXT(b, "instrument") : "";
	const char *state = TEXT(b, "state");

	if (state && strcmp(state, "active") == 0 && session_runs(c, b))
		printf("Checked out of %s; it still runs, and its time counts until it stops.\n", instrument);
	else if (state && strcmp(state, "active") == 0)
		printf("Checked out of %s; its meter could not be read: the session ends with the next reading.\n", instrument);
	else
		printf("Checked out: %s is over, %s is free again.\n", id, instrument);
	printf("What it costs: labtime wait %s --for charged, then labtime bill\n", id);
}
