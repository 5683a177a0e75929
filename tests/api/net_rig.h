/*
 * net_rig.h - the real HTTP side in this process, with a scripted ledger at the other end of its queue and clients on
 * real sockets. One thread drives all of them: rig_until pumps until a condition holds or its time is over.
 *
 * What the ledger answers is chosen by path: /v1/echo (method, path, query, body), /v1/full (every reply header),
 * /v1/hold (kept until rig_release), /v1/denied (401), /v1/stream?BYTES, /v1/broken (a stream that fails).
 */
#ifndef NET_RIG_H
#define NET_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "common/token.h"
#include "net/net.h"

struct stream { struct conn_ref conn; int64_t left; int slices; bool open, broken; };

struct rig {
	struct loop *loop;
	struct net *net;
	struct net_options o;
	char dir[64], unix_path[96], certificate[96], key[96];
	struct queue *queue;
	struct msg_request *held[64];
	int n_held;
	struct stream streams[64];
	int requests, gone, credits;       /* what the ledger has seen */
	int64_t streamed;
	struct peer last_peer;
	char last_path[64], seen_paths[4096];
	SSL_CTX *client_tls;
};

struct client {
	struct rig *rig;
	int fd;
	SSL *ssl;
	char *in;
	size_t n, cap;
	bool eof, clean, failed;
	bool frozen;                       /* reads nothing */
};

/* o may be NULL; the rig sets paths, route_known, submit. Fails the test when it cannot start. */
void rig_start(struct rig *r, const struct net_options *o);
void rig_stop(struct rig *r);
void rig_pump(struct rig *r);
extern void (*rig_arm)(bool on);           /* when set: called before and after the code under test runs */
void rig_release(struct rig *r);           /* answers what /v1/hold keeps, in order */

struct client *client_unix(struct rig *r);
struct client *client_tls(struct rig *r);  /* handshake done, or failed */
struct client *client_tcp(struct rig *r);  /* to the TLS port, without a handshake */
void client_free(struct client *c);
void client_send(struct client *c, const void *p, size_t n);
void client_text(struct client *c, const char *text);
void client_step(struct client *c);        /* reads what there is */

/* True when the condition came to hold within ms. */
bool rig_until(struct rig *r, struct client *c, bool (*holds)(struct rig *r, struct client *c, int64_t arg),
	int64_t arg, int ms);
bool has_eof(struct rig *r, struct client *c, int64_t arg);
bool has_answers(struct rig *r, struct client *c, int64_t count);
bool has_held(struct rig *r, struct client *c, int64_t count);
bool has_gone(struct rig *r, struct client *c, int64_t count);
int client_answers(const struct client *c);      /* complete answers read so far */
int client_status(const struct client *c, int i);/* status of the i-th answer, 0 when there is none */
/* Sends, waits for one more answer (or the end) and returns its status. */
int client_ask(struct client *c, const char *request);
bool client_saw(const struct client *c, const char *text);
bool running_under_asan(void);
bool is_quiet(struct rig *r, struct client *c, int64_t arg); /* nothing is owed to anybody */

#define ECHO "GET /v1/echo HTTP/1.1\r\nHost: lab\r\n\r\n"
#define HOLD "GET /v1/hold HTTP/1.1\r\nHost: lab\r\n\r\n"
#define PAGE(p) "GET " p " HTTP/1.1\r\nHost: lab\r\n\r\n"
/* The i-th token, always the same; a request that shows it. */
void rig_token(char dst[LT_TOKEN_TEXT], int i);
void rig_request(char dst[512], const char *path, int token);

#endif
