/* show.h - views of single objects that several command files print. */
#ifndef CLIENT_SHOW_H
#define CLIENT_SHOW_H

#include "client/cli.h"

extern const struct column session_columns[], charge_columns[], line_columns[], history_columns[], review_columns[];

int run_show(struct cli *c);
int run_cal(struct cli *c);
void show_booking(struct cli *c, json_t *b);
/* R21: what a displaced booking's owner may take; nothing when nothing is held. */
void show_held(struct cli *c, json_t *b);
void show_session(struct cli *c, json_t *s);
void show_charge(struct cli *c, json_t *charge);
void show_review(struct cli *c, json_t *item);
/* "2026-12-01T07:00+08:00/PT4H" of an object with from and to; static storage, "" when it has none. */
const char *slot_paste(json_t *slot);
/* from and to as a text for `labtime book`; false when they are no interval. */
bool interval_paste(const char *from, const char *to, char *dst, size_t cap);

#endif
