/*
 * poller.h - polls every configured controller on the loop thread and reconciles its interlock.
 *
 * Owns one link an endpoint (host, port), shared by its unit ids. Readings, link changes and interlock results are
 * handed to `emit` as stamped messages. Leases come from the ledger; when one lapses the fail mode applies.
 */
#ifndef DRIVERS_MODBUS_POLLER_H
#define DRIVERS_MODBUS_POLLER_H

#include "common/err.h"
#include "drivers/modbus/codec.h"
#include "drivers/profile.h"
#include "msg/msg.h"
#include "net/loop.h"

struct poller;

/* One instrument, as main passes it from the configuration. Pointers live as long as the poller or its reload. */
struct poll_target {
	const char *instrument, *host;
	uint16_t port;
	uint8_t unit;
	int64_t poll_ms, timeout_ms, verify_ms;
	const struct lt_profile *profile;
	bool interlock;               /* mode is not none                                                */
	bool gates_power;             /* fail = as-is, the watchdog is never fed                         */
	bool fail_locked, hard_stop;
};

struct poller_options {
	struct loop *loop;
	struct modbus_codec *codec;   /* made first thing in main                                        */
	struct stamp (*now)(void);
	void (*emit)(void *arg, struct msg *m);   /* MSG_READING, MSG_LINK, MSG_INTERLOCK; gives it away   */
	void *arg;
	uint64_t seed;                /* of phases and jitter                                            */
};

struct poller *poller_new(const struct poller_options *o, const struct poll_target *targets, int n, struct lt_err *err);
/* Swaps the targets between polls; instruments that did not change keep their links. 0, or -1 and nothing changed. */
int poller_reload(struct poller *p, const struct poll_target *targets, int n, struct lt_err *err);
void poller_message(struct poller *p, const struct msg *m);   /* MSG_POLL, MSG_LEASES                           */
void poller_stop(struct poller *p);          /* planned stop: leases become what `fail` says, then no more polls */
bool poller_idle(const struct poller *p);
size_t poller_metrics(void *poller, char *dst, size_t cap);  /* Prometheus text                                */
struct poller *poller_free(struct poller *p);

#endif
