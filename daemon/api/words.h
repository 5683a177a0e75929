/*
 * words.h - the sentences, in English, of what is stored or passed on as a kind with typed members (core/facts.h).
 * One table a sort of thing: a row is a kind and a sentence with the members' names in braces.
 */
#ifndef API_WORDS_H
#define API_WORDS_H

#include "core/site.h"
#include "app/review.h"
#include "app/view.h"

#define WORDS_MAX 512

/* Each fills dst and returns it; a kind without a sentence gives "". Instants are told in the site's zone. */
const char *words_event(const struct site *s, const struct event_seen *e, char dst[WORDS_MAX]);
const char *words_refusal(const struct site *s, const char *code, const struct facts *f, char dst[WORDS_MAX]);
const char *words_review(const struct site *s, const struct review *r, char dst[WORDS_MAX]);
/* A row of a booking's history: its own words, or those of its verb. */
const char *words_history(const struct site *s, const struct booking_history *h, char dst[WORDS_MAX]);
/* The sentence with what stands in braces replaced (words.c says which there are). Fills dst and returns it. */
const char *words_fill(const struct site *s, const char *sentence, const struct facts *f, char dst[WORDS_MAX]);

#endif
