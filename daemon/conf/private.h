/* private.h - what the files of daemon/conf share. */
#ifndef CONF_PRIVATE_H
#define CONF_PRIVATE_H

#include "conf/conf.h"
#include "conf/tree.h"

/* Most instruments a daemon serves. */
#define CONF_INSTRUMENTS 4096

/* A conf being built. directory: where labtimed.conf lies; relative paths start there. */
struct builder {
	struct conf *conf;
	char directory[CONF_PATH];
	const char *profiles_dir;
	struct policy policy;   /* of the site: where instruments start from */
	struct price price;
};

/* Reads every *.conf of the directory, in the order of their names. 0 or -1 with *err. */
int conf_instruments(struct builder *b, const char *directory, struct lt_err *err);
/* The profile of that name, read once. NULL with *err; an error of the profile's file names that file. */
struct lt_profile *conf_profile(struct builder *b, const struct tree *t, int option, const char *name,
	struct lt_err *err);
/* Groups of policy and price keys. 0 or -1 with *err. */
int conf_policy(const struct tree *t, int option, struct policy *p, struct lt_err *err);
/* rate: the option of a rate of its own, which the group may not repeat. */
int conf_price(const struct tree *t, int option, int rate, int exponent, struct price *p, struct lt_err *err);
/* "host:port" with a numeric host; IPv6 in brackets. port 0: none was given and initial is used. False: not such. */
/* initial 0: of a listener; the port must be there, and 0 picks a free one. */
bool conf_address(const char *text, uint16_t initial, char host[64], uint16_t *ret_port);

#endif
