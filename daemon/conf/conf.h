/*
 * conf.h - the files become one immutable, reference-counted configuration.
 *
 * conf_load reads labtimed.conf and its instruments directory whole, validates everything and either gives a
 * snapshot or one error that names file and line. Nothing is half applied.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdio.h>

#include "core/site.h"
#include "drivers/profile.h"

#define CONF_PATH 256

struct endpoint {                 /* of one instrument, same index as site.instruments */
	char host[64];            /* numeric address */
	uint16_t port;
	uint8_t unit;
	int64_t poll_ms;
	int64_t timeout_ms;       /* first timeout; adapts */
	struct lt_profile *profile; /* owned by the conf; shared by instruments that name the same file */
};

struct conf {
	int references;           /* conf_ref/conf_unref: atomic */
	char path[CONF_PATH];
	struct site site;
	struct endpoint *endpoints;
	char unix_path[CONF_PATH], tls_address[64];
	char certificate[CONF_PATH], key[CONF_PATH];
	bool tls12;
	int connections, in_flight, token_rate, peer_rate; /* net/net.h; rates a second */
	char store_path[CONF_PATH];
	int n_profiles;
	struct lt_profile **profiles;
};

/* profiles_dir: where profiles are looked up after the configuration's own directory; NULL for the built-in one. */
struct conf *conf_load(const char *path, const char *profiles_dir, struct lt_err *err);
struct conf *conf_ref(struct conf *c);
struct conf *conf_unref(struct conf *c);      /* returns NULL */
/* What was understood, for --check-config: a line a thing. */
void conf_print(const struct conf *c, FILE *f);

#endif
