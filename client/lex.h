/* lex.h - the pieces of the time language: one cursor over the text and a reader for each kind of piece. Pure. */
#ifndef CLIENT_LEX_H
#define CLIENT_LEX_H

#include "client/when.h"

struct lex {
	const char *text;
	size_t at, size;
	struct when_err *err;
};

/* 1: read it; 0: something else is here, nothing consumed; -1: it is this, and wrong (*err is set). */
int lex_word(struct lex *l, const char *word);              /* case-insensitive, whole word            */
int lex_words(struct lex *l, const char *const *words);     /* index + 1 of the word read, 0 none      */
int lex_mark(struct lex *l, const char *mark);              /* exact bytes, after blanks               */
int lex_date(struct lex *l, int64_t *ret_day);              /* 2026-12-01, days since 1970             */
int lex_clock(struct lex *l, int32_t *ret_second);          /* 9am 9:00 21:30:15 noon midnight 24:00   */
int lex_offset(struct lex *l, bool minus, int32_t *ret);    /* directly after the clock: Z +08:00 -05:00 */
int lex_length(struct lex *l, int64_t *ret_ms);             /* 1h30 PT4H 2 hours                       */
int lex_weekday(struct lex *l, int *ret);                   /* mon .. sun, 1..7                        */
int lex_month(struct lex *l, int *ret);                     /* jan .. december, 1..12                  */
bool lex_digits(struct lex *l, int n, int *ret);            /* exactly n digits, no more               */

void lex_blanks(struct lex *l);
bool lex_end(struct lex *l);                                /* only blanks are left                    */
int lex_open(struct lex *l, const char *text, struct when_err *err);
/* Sets *err at a byte of the text; returns -1. */
int lex_fail(struct lex *l, size_t at, const char *code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "did not understand 'foo'" at the cursor. */
int lex_stranger(struct lex *l);

#endif
