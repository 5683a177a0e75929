/*
 * config.h - where to connect and as whom: contexts, credentials, the environment.
 *
 * $XDG_CONFIG_HOME/labtime/config        contexts, no secret; $XDG_CONFIG_HOME/labtime/credentials  tokens, 0600.
 * Functions return 0, or -1 with *err.
 */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define CONFIG_CONTEXTS 64
#define CONFIG_DEFAULT_SOCKET "/run/labtime/labtimed.sock"
#define CONFIG_DEFAULT_URL "https://127.0.0.1:7620"

struct context { char name[64], endpoint[256], pin[65], ca_file[64]; };

struct config {
	char dir[512];
	char current[64];                     /* "" none */
	int n;
	struct context context[CONFIG_CONTEXTS];
};

struct endpoint {
	char context[64];                     /* "" when none is in use        */
	char socket[256];                     /* path, or ""                   */
	char url[256];                        /* https://host:port, or ""      */
	char ca_file[640];                    /* pinned certificate, or ""     */
	char token[128];                      /* "" none                       */
	char token_from[560];                 /* where it came from            */
	bool fallback;                        /* default order: try CONFIG_DEFAULT_URL when the socket is not there */
};

int config_load(struct config *c, struct lt_err *err);
int config_save(const struct config *c, struct lt_err *err);
struct context *config_find(struct config *c, const char *name);
struct context *config_add(struct config *c, const char *name, struct lt_err *err); /* or the one that is there */
void config_remove(struct config *c, const char *name);
bool config_name_ok(const char *name);

/* token "" removes it. */
int config_save_token(const struct config *c, const char *name, const char *token, struct lt_err *err);
int config_token(const struct config *c, const char *name, char *token, size_t cap, struct lt_err *err);
/* A file that holds one secret: refused when others can read it. */
int config_read_secret(const char *path, char *dst, size_t cap, struct lt_err *err);
/* Replaces a file of the directory as a whole. */
int config_write(const struct config *c, const char *name, const char *text, size_t size, unsigned mode,
	struct lt_err *err);

/* "unix:/path", "/path", "https://host[:port]" */
int endpoint_parse(struct endpoint *e, const char *text, struct lt_err *err);
/* --context, LABTIME_ENDPOINT, the current context, the default order. Reads the token. */
int endpoint_resolve(struct endpoint *e, struct config *c, const char *context, struct lt_err *err);
const char *endpoint_text(const struct endpoint *e, char *dst, size_t cap);

#endif
