/* private.h - what the files of this room share; nobody outside includes it. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "net/http.h"
#include "net/net.h"

struct bufferevent;

/* ---- admission (admit.c): buckets per peer and per token, lanes at the ledger ---- */

struct bucket {
	uint64_t key;             /* 0: unused                                                */
	int64_t at_ms;            /* when `milli` was true                                    */
	int64_t milli;            /* thousandths of a request in hand                         */
	int64_t accepted_until;   /* the ledger accepted this identity lately                 */
	int32_t open;             /* connections of this peer                                 */
};

enum { BUCKET_SETS = 1024, BUCKET_WAYS = 4 };
struct bucket_table { uint64_t secret; struct bucket sets[BUCKET_SETS][BUCKET_WAYS]; };

/* Finds or makes the bucket; NULL when every place is held by a peer with open connections. */
struct bucket *bucket_of(struct bucket_table *t, uint64_t key, int64_t now, int64_t rate);
struct bucket *bucket_find(struct bucket_table *t, uint64_t key);
/* Takes `cost` requests; 0, or the seconds to wait. */
int bucket_take(struct bucket *b, int64_t now, int64_t rate, int cost);
uint64_t bucket_key(const struct bucket_table *t, const void *p, size_t n);

/* ---- TLS (tls.c) ---- */

SSL_CTX *tls_context(const struct net_options *o, struct lt_err *err);
/* Makes a self-signed pair when both files are absent. */
int tls_make_pair(const struct net_options *o, struct lt_err *err);

/* ---- listeners (listen.c) ---- */

struct listener {
	struct net *net;
	enum peer_kind kind;
	int fd, port;
	struct loop_fd *watch;
	struct loop_timer *pause;         /* after an accept error                                    */
	bool full;                        /* paused by the connection cap                             */
	char path[108];                   /* Unix: ours, to be unlinked                               */
	dev_t device;
	ino_t inode;
};

int listener_open_unix(struct listener *l, struct net *n, const char *path, struct lt_err *err);
int listener_open_tls(struct listener *l, struct net *n, const char *address, struct lt_err *err);
void listener_close(struct listener *l);
void listener_room(struct listener *l);  /* a connection has ended */

/* ---- connections (conn.c) ---- */

struct answer;

enum conn_state {
	CONN_FREE,
	CONN_IDLE,       /* between two requests                                         */
	CONN_READING,    /* handshake, or from a request's first byte to its last        */
	CONN_WORKING,    /* the request is at the ledger                                 */
	CONN_STREAMING,  /* a reply goes out in slices, one per credit                   */
	CONN_SENDING,    /* the last bytes of a reply go out                             */
	CONN_LINGER,     /* our side is closed; waiting for the peer's                   */
	CONN_ZOMBIE,     /* the peer is gone, the ledger's reply is not here yet         */
	CONN_STATES
};

enum lane { LANE_KNOWN, LANE_TLS, LANE_UNIX, LANES };  /* accepted lately; others by where they come from */

struct conn {
	struct net *net;
	struct conn *newer, *older;       /* list of idle connections of a kind                       */
	struct bufferevent *bev;
	SSL *ssl;                         /* owned by bev                                             */
	struct loop_timer *timer;
	struct http_head *head;           /* while its body is awaited                                */
	size_t scanned, lingered;
	uint32_t slot, generation, next_free;
	enum conn_state state;
	enum lane lane;
	struct peer peer;
	uint64_t peer_key, identity;      /* of the token, or of the uid; 0 none                      */
	bool half_closed;                 /* plain: the peer will send no more, but may still read    */
	bool close_after, http10, head_only, credited, drained, bye_unsent;
	int64_t queued, taken;            /* bytes given to bev ever; with the peer at the window's start */
};

/* Takes fd (closes it on failure). tls: handshake first. 0 or -1. */
int conn_adopt(struct net *n, int fd, struct peer peer, uint64_t peer_key, SSL_CTX *tls);
void conn_drop(struct conn *c);
void conn_retire(struct conn *c);        /* idle: closes it in good form */
void conn_enter(struct conn *c, enum conn_state to);   /* the one way to another state */
/* Sends a whole answer; *own, when not NULL, is the malloced body and is taken over (set to NULL) if it is large. */
void conn_answer(struct conn *c, struct answer *a, char **own);
void conn_refuse(struct conn *c, enum http_refusal r, const char *allow, int retry_after_s);
void conn_serve(struct conn *c, const struct http_head *h);  /* request.c: the whole request is here */
struct stamp net_stamp(void);
void conn_on_reply(struct net *n, struct msg_reply *m);
void conn_on_chunk(struct net *n, struct msg_chunk *m);

/* ---- answers (answer.c) ---- */

struct answer {
	int status;
	const char *content_type, *etag, *location, *filename, *allow;  /* NULL or "": none */
	int retry_after_s;
	bool chunked, until_close, replayed, close, challenge;
	const char *body;
	size_t body_size;
};
enum { ANSWER_HEAD_MAX = 1024 };
/* Writes status line and headers with the empty line; returns their length. */
size_t answer_head(char dst[ANSWER_HEAD_MAX], const struct answer *a, int64_t wall_ms);
/* The problem document of a refusal; returns its length. */
size_t answer_problem(char dst[ANSWER_HEAD_MAX], enum http_refusal r);

/* ---- health (health.c) ---- */

/* Answers /livez, /readyz and /metrics; false for another path. *ret_body is the caller's to free. */
bool health_page(struct net *n, const struct http_head *h, struct answer *ret, char **ret_body);

/* ---- the whole ---- */

enum net_count {
	COUNT_ACCEPTED, COUNT_ACCEPT_ERRORS, COUNT_PEER_REFUSED, COUNT_REQUESTS, COUNT_REFUSED, COUNT_RATE, COUNT_BUSY,
	COUNT_DEADLINE, COUNT_SLOW_READER, COUNT_LATE_REPLIES, COUNT_EVICTED, COUNT_BYTES_OUT, COUNTS
};

enum { SOURCES_MAX = 4 };
struct metrics_source { size_t (*text)(void *arg, char *dst, size_t cap); void *arg; };

struct net {
	struct loop *loop;
	struct net_options o;             /* limits resolved, strings our own                         */
	char *strings[5];
	SSL_CTX *tls;
	struct listener unix_listener, tls_listener;
	struct conn *conns;
	uint32_t n_slots, first_free;     /* free slots chained by next_free; n_slots ends             */
	struct conn *idle_oldest[2], *idle_newest[2];   /* by peer kind                              */
	int open[2], states[CONN_STATES];
	int in_flight, lanes[LANES];
	struct bucket_table *peers, *tokens;
	bool stopping;
	uint64_t counts[COUNTS];
	struct msg_turn turn;
	int64_t turn_at, started_at;
	struct metrics_source sources[SOURCES_MAX];
	int n_sources;
	int self_test;                    /* 0 not run, 1 passed, -1 failed                           */
};

#endif
