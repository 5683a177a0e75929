/*
 * facts.h - what an event, a refusal or a review item says, in typed members. Whoever shows it makes the sentence
 * (daemon/api/words.c), so that it can be said in another language, and no stored row holds words.
 *
 * Each kind uses the members that its sentence names and leaves the others 0 or "". Instants are wall ms, durations ms,
 * money minor units of the site's currency.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stdint.h>

struct facts {
	int64_t at, from_at, to_at;     /* instants: when it was or will be; an interval it is about     */
	int64_t ms, most_ms;            /* durations: how long; the limit it is held against             */
	int64_t minor, was_minor;       /* money: what it is; what it was before                         */
	int64_t n;                      /* a count, a version or a code, as the kind says                */
	char why[24];                   /* which of the causes that the kind knows; "": it knows one only */
	/* What it is about. Events and review items have columns of their own for these. */
	int64_t booking, session, charge;
	char instrument[33];
};

/* Facts whose only member is why. The text is cut to what fits; our codes do. */
struct facts facts_why(const char *why);

#endif
