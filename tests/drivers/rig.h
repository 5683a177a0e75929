/*
 * rig.h - a poller on a real loop against a real labtime-sim: starts both, keeps every message, waits for conditions.
 */
#ifndef TESTS_DRIVERS_RIG_H
#define TESTS_DRIVERS_RIG_H

#include <sys/types.h>

#include "drivers/modbus/poller.h"

#define RIG_DEVICES 8
#define RIG_MESSAGES 20000

struct rig {
	pid_t sim;
	char control[64];
	uint16_t ports[RIG_DEVICES];
	char ids[RIG_DEVICES][MSG_ID];
	int n;
	struct loop *loop;
	struct modbus_codec *codec;
	struct poller *poller;
	struct msg *messages[RIG_MESSAGES];
	int n_messages;
};

/* Opens descriptors until the next one is past `fd`; the codec must exist before. */
void rig_exhaust(int fd);
/* The codec and the loop, first thing; then the simulator with these --instrument texts (port 0). */
void rig_start(struct rig *r, const char *const *instruments, int n);
void rig_stop(struct rig *r);
/* One control command; fails the test when it is refused. Returns the answer (static). */
const char *rig_ctl(struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct poll_target rig_target(const struct rig *r, int i, const struct lt_profile *p);
void rig_poll(struct rig *r, const struct poll_target *targets, int n);
void rig_lease(struct rig *r, const char *instrument, enum lt_lock desired, int64_t valid_ms);
void rig_force(struct rig *r, const char *instrument, uint64_t ticket, int64_t deadline_ms);
/* Runs the loop until the condition holds or ms are over. */
bool rig_until(struct rig *r, bool (*met)(struct rig *r, const void *arg), const void *arg, int64_t ms);
/* Until a message from index *at on: of this kind and instrument; *at then points behind it. NULL: not in time. */
const struct msg *rig_next(struct rig *r, int *at, enum msg_kind kind, const char *instrument, int64_t ms);
void rig_run(struct rig *r, int64_t ms);    /* just runs the loop */

#endif
