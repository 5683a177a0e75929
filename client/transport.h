/*
 * transport.h - one HTTP request to the daemon, by libcurl: Unix socket or TLS, bounded retries with the same key.
 */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/config.h"

#define TRANSPORT_KEY 48
#define TRANSPORT_BODY_MAX (64u << 20)

struct transport {
	void *curl;                           /* CURL *                                        */
	const struct endpoint *endpoint;
	bool verbose;
	int64_t retry_ms;                     /* LABTIME_RETRY, -1 the defaults                */
};

struct request {
	const char *method, *path;            /* path with its query                           */
	const char *body;                     /* JSON text or NULL                             */
	const char *key;                      /* Idempotency-Key or NULL                       */
	const char *if_match;                 /* version without quotes, or NULL               */
	bool two_lengths;                     /* a probe: two Content-Length that differ; a sound server refuses it */
	/* A download: called for each piece; a result other than 0 ends it. NULL: the body is kept in memory. */
	int (*sink)(void *user, const char *p, size_t n);
	void *user;
};

struct answer {
	long status;
	char *body;                           /* NUL-terminated; freed by answer_free          */
	size_t size;
	char etag[80], type[64];
	bool replayed;
	long retry_after;
};

/* Failures of the transport; *err says why. */
enum { TRANSPORT_OK = 0, TRANSPORT_UNREACHABLE = 7, TRANSPORT_UNTRUSTED = 4, TRANSPORT_FAILED = 1,
	TRANSPORT_BROKEN = 9 };

int transport_open(struct transport *t, const struct endpoint *e, bool verbose, struct lt_err *err);
void transport_close(struct transport *t);
/* 0 and *ret whatever the status is, or a failure. Retries what may be repeated: GET, requests with a key, 429. */
int transport_ask(struct transport *t, const struct request *rq, struct answer *ret, struct lt_err *err);
void answer_free(struct answer *a);
/* A new key: "cli-" and 128 random bits. 0 or -1. */
int transport_key(char ret[TRANSPORT_KEY]);
/* Login: does the system trust the server (0), or (1) which certificate did it show (PEM)? Sends no token. */
int transport_certificate(const struct endpoint *e, char *pem, size_t cap, struct lt_err *err);

/* interrupt.c: Ctrl-C leaves at once with 130; removes this file, says whether a request was under way. */
void interrupt_setup(void);
void interrupt_file(const char *path);        /* "" none */
void interrupt_in_flight(bool yes);

#endif
