/*
 * net.h - the HTTP side of the loop thread: listeners, the fence, connections, replies.
 *
 * A complete and acceptable request is handed over by `submit` as a struct msg_request (stamped); the reply comes
 * back as a struct msg_reply and chunks, named by connection slot and generation. What can be refused without the
 * store (shape, sizes, unknown route, rate) is answered here. /livez, /readyz and /metrics are answered here from
 * numbers that the ledger publishes.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "common/err.h"
#include "msg/msg.h"
#include "net/loop.h"

struct net;

struct net_options {
	const char *unix_path;           /* NULL: none. Directory must exist; stale sockets are replaced     */
	const char *tls_address;         /* "127.0.0.1:7620", "[::1]:7620"; NULL: none                       */
	const char *certificate, *key;   /* PEM paths; a self-signed pair is made when both are absent       */
	bool tls12;                      /* allow TLS 1.2 ECDHE-AEAD                                         */
	const char *site_name;           /* subject of the self-signed certificate                           */
	int max_connections;             /* 0: 1024                                                          */
	int max_in_flight;               /* requests at the ledger; 0: 512                                   */
	/* Requests a second (bursts of twice that) for a token and for a peer; a TLS handshake counts as 4. 0: the
	 * default (500 and 2000); negative: no limit. Root and the daemon's own uid have no peer limit. */
	int token_rate, peer_rate;
	int deadline_ms;                 /* handshake and one request, from its first byte; 0: 10 s          */
	int idle_ms;                     /* between two requests; 0: 30 s                                    */
	int window_ms;                   /* a reader of an answer must take 4 KiB/s over this; 0: 10 s       */
	/* 404 and 405 are answered here: is there such a route? Returns 0, 404 or 405 (and the Allow text). */
	int (*route_known)(const char *method, const char *path, char allow[64]);
	void (*submit)(void *arg, struct msg *m);   /* MSG_REQUEST, MSG_CREDIT, MSG_GONE: pushes to the ledger */
	void *arg;
};

struct net *net_new(struct loop *l, const struct net_options *o, struct lt_err *err);
void net_message(struct net *n, struct msg *m);         /* MSG_REPLY, MSG_CHUNK; takes ownership            */
void net_health(struct net *n, const struct msg_turn *t);
/* Lines appended to /metrics by others (the pollers); returns bytes written. */
void net_metrics_source(struct net *n, size_t (*text)(void *arg, char *dst, size_t cap), void *arg);
int net_reload_certificate(struct net *n, struct lt_err *err);  /* built first, swapped last               */
void net_close_listeners(struct net *n);
bool net_idle(const struct net *n);                     /* no request in flight, nothing left to send       */
int net_connections(const struct net *n);               /* open now                                          */
struct net *net_free(struct net *n);
int net_tls_port(const struct net *n);                  /* the port bound, for ":0"; 0 none                 */

/* Before loop_run: sends this very server a request with two Content-Length headers over a socket pair; it must be
 * refused with 400 and closed. 0, or -1 with *err (then the reader in use must not face a network). */
int net_self_test(struct net *n, struct lt_err *err);

#endif
