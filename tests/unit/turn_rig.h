/* turn_rig.h - a ledger in virtual time with scripted use cases: put messages in, step, look at what came out. */
#ifndef TESTS_UNIT_TURN_RIG_H
#define TESTS_UNIT_TURN_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/ledger.h"
#include "support/world.h"

struct rig { struct world *w; struct queue *in, *out; struct ledger *l; uint32_t slot; struct msg *got; };

/*
 * What ran, in order; how often the timer "fail" still fails; what the instruments ask for, and how often that cannot
 * be asked; jobs that ended.
 */
extern char trace[2000];
extern int fire_fails, desired_is, desired_fails, jobs_freed;
extern const struct ledger_ports ports;

int request(struct act *a, const struct msg_request *m, struct ledger_reply *ret);
bool is_read(const struct msg_request *m);
struct rig *rig_new(void);
int step(struct rig *r);
void rig_free(struct rig *r);
int64_t count(struct rig *r);
struct msg *got(struct rig *r, enum msg_kind kind, int nth);
struct msg_reply *reply(struct rig *r, int nth);
struct msg_request *ask(struct rig *r, enum method method, const char *path, const char *key, int64_t boot_after);
void read_meter(struct rig *r, const char *instrument, uint64_t value, bool running, uint64_t ticket, uint32_t flags,
	int64_t boot_after);
void tell_lock(struct rig *r, const char *instrument, uint8_t lock, int64_t boot_after);
void arm(struct rig *r, const char *kind, int64_t ref, int64_t due);
void started(struct rig *r);

#endif
