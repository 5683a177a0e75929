/*
 * link.h - one TCP connection to one Modbus endpoint: one request at a time, its own transaction ids, backoff.
 * Loop thread only. `done` is always called later, from the loop, never from inside link_send.
 */
#ifndef DRIVERS_MODBUS_LINK_H
#define DRIVERS_MODBUS_LINK_H

#include "drivers/modbus/codec.h"
#include "drivers/modbus/reserve.h"
#include "net/loop.h"

struct link;

enum link_result {
	LINK_GOOD,
	LINK_EXCEPTION,      /* the device refused; reply.exception                                      */
	LINK_TIMEOUT,        /* no reply in time                                                         */
	LINK_UNREACHABLE,    /* no connection: the endpoint failed, not the unit; backoff follows         */
	LINK_LOST,           /* the connection ended before the reply                                    */
	LINK_BAD_FRAME,      /* bytes that are no reply, or the reply to something else                  */
	LINK_RESULTS,
};

struct link_reply {
	enum link_result result;
	int exception;
	const uint8_t *data;     /* valid during the call */
	size_t size;
	int64_t rtt_ms;
	const char *why;         /* static text, "" when good */
};

typedef void link_done(void *arg, const struct link_reply *reply);
/* A unit answered after its timeout, rtt_ms after the request; the answer itself was dropped. Must not use the link. */
typedef void link_late(void *arg, uint8_t unit, int64_t rtt_ms);

/* How this request is to be sent. */
struct link_terms { int64_t timeout_ms, pace_ms; bool tid_any, unit_any; };

struct link_stats { uint64_t connects, strays, results[LINK_RESULTS]; };

struct link *link_new(struct loop *l, struct modbus_codec *c, const char *host, uint16_t port, uint64_t seed,
	struct lt_err *err);
struct link *link_free(struct link *k);
bool link_busy(const struct link *k);
/* BOOTTIME ms before which no connection is tried; 0 when connected or free to try. */
int64_t link_retry_at(const struct link *k);
void link_retry_now(struct link *k);       /* ends a backoff: somebody waits */
int link_failures(const struct link *k);   /* connections in a row that did not come about */
void link_on_late(struct link *k, link_late *late, void *arg);
void link_use_reserve(struct link *k, struct reserve *r);   /* NULL: none; outlives the link */
/* The link must not be busy. The request is copied. Connects first when needed. */
void link_send(struct link *k, const struct modbus_request *r, const struct link_terms *t, link_done *done, void *arg);
void link_cancel(struct link *k);  /* done is not called any more; a reply that still comes is dropped */
void link_close(struct link *k);   /* when not busy: the next request connects anew */
const struct link_stats *link_stats(const struct link *k);
const char *link_result_name(enum link_result r);

#endif
