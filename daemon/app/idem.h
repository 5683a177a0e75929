/*
 * idem.h - idempotency keys: the row of an answer is written in the turn that decided it, outside the item's
 * savepoint. Scope: the token (a->who.scope). Keys are kept 7 days.
 */
#ifndef APP_IDEM_H
#define APP_IDEM_H

#include "app/ledger.h"

/* 0: this key is new. 1: *ret is the earlier answer. ACT_REFUSED + 1 (2): the key was used for another request. < 0. */
enum { IDEM_NEW = 0, IDEM_REPLAY = 1, IDEM_REUSED = 2 };
int idem_find(struct act *a, const struct msg_request *m, struct ledger_reply *ret);
int idem_store(struct act *a, const struct msg_request *m, const struct ledger_reply *r);
/* Arms the purge when it is not armed. */
int idem_start(struct act *a);
int idem_purge(struct act *a, int64_t ref, int64_t due_at);

#endif
