/* book.h - what the commands about bookings share. */
#ifndef CLIENT_BOOK_H
#define CLIENT_BOOK_H

#include "client/show.h"

struct wish { char target[128]; struct when when; };

void target_body(json_t *body, const char *target);     /* "krios-1" or "@microscope"            */
void echo_interval(struct cli *c, int64_t from, int64_t to);
void echo_answer(struct cli *c, json_t *o);             /* the interval that an answer holds       */
void say_started(struct cli *c, json_t *b);             /* use.c: after a check-in, on a terminal  */
void say_stopped(struct cli *c, json_t *b);
void print_alternatives(struct cli *c, json_t *suggestions);
int run_wait(struct cli *c);
int run_watch(struct cli *c);
int run_claim(struct cli *c);

#endif
