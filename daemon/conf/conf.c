/*
 * conf.c - labtimed.conf, and the life of a configuration.
 *
 * A struct conf owns everything it points to, profiles included, until its last reference goes. Loading builds a new
 * one beside the one in use: it either succeeds whole or leaves one error.
 */
#include "conf/private.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "common/money.h"

#ifndef LABTIME_PROFILES
#define LABTIME_PROFILES "/usr/share/labtime/profiles"
#endif

#define SOCKET_PATH 107 /* sun_path without its NUL */

enum { S_SITE, S_NAME, S_TIMEZONE, S_CURRENCY, S_RATE, S_ADMINS, S_POLICY, S_PRICE, S_LISTEN, S_UNIX, S_TLS_ADDRESS,
	S_TLS, S_CERTIFICATE, S_KEY, S_MINIMUM, S_LIMITS, S_CONNECTIONS, S_IN_FLIGHT, S_TOKEN_RATE, S_PEER_RATE, S_STORE,
	S_PATH, S_INSTRUMENTS, S_OPTIONS };

static const struct option options[S_OPTIONS] = {
	[S_SITE] = { "site", OPTION_GROUP, .required = true,
		.cure = "{ name = \"...\"; timezone = \"Asia/Shanghai\"; currency = \"USD\"; };" },
	[S_NAME] = { "site.name", OPTION_TEXT, .max = LT_TITLE - 1, .required = true, .cure = "\"Zhangjiang Shared Lab\"" },
	[S_TIMEZONE] = { "site.timezone", OPTION_TEXT, .max = 47, .required = true, .cure = "\"Asia/Shanghai\"" },
	[S_CURRENCY] = { "site.currency", OPTION_TEXT, .required = true, .cure = "\"USD\"" },
	[S_RATE] = { "site.rate", OPTION_TEXT, .max = 24, .cure = "\"100.00\"" },
	[S_ADMINS] = { "site.admins", OPTION_NAMES, .cure = "( \"alice\", 1001 )" },
	[S_POLICY] = { "site.policy", OPTION_TERMS },
	[S_PRICE] = { "site.price", OPTION_TERMS },
	[S_LISTEN] = { "listen", OPTION_GROUP },
	[S_UNIX] = { "listen.unix", OPTION_TEXT, .cure = "\"/run/labtime/labtimed.sock\"" },
	[S_TLS_ADDRESS] = { "listen.tls", OPTION_TEXT, .max = 63, .cure = "\"127.0.0.1:7620\"" },
	[S_TLS] = { "tls", OPTION_GROUP },
	[S_CERTIFICATE] = { "tls.certificate", OPTION_TEXT, .required = true, .cure = "\"/etc/labtime/tls.crt\"" },
	[S_KEY] = { "tls.key", OPTION_TEXT, .required = true, .cure = "\"/etc/labtime/tls.key\"" },
	[S_MINIMUM] = { "tls.minimum", OPTION_TEXT, .cure = "\"1.3\"" },
	[S_LIMITS] = { "limits", OPTION_GROUP },
	[S_CONNECTIONS] = { "limits.connections", OPTION_NUMBER, .min = 16, .max = 20000, .cure = "1024" },
	[S_IN_FLIGHT] = { "limits.in_flight", OPTION_NUMBER, .min = 8, .max = 20000, .cure = "512" },
	[S_TOKEN_RATE] = { "limits.token_rate", OPTION_NUMBER, .min = 1, .max = 1000000, .cure = "500" },
	[S_PEER_RATE] = { "limits.peer_rate", OPTION_NUMBER, .min = 8, .max = 1000000, .cure = "2000" },
	[S_STORE] = { "store", OPTION_GROUP },
	[S_PATH] = { "store.path", OPTION_TEXT, .cure = "\"/var/lib/labtime/labtime.db\"" },
	[S_INSTRUMENTS] = { "instruments", OPTION_TEXT, .cure = "\"instruments.d\"" },
};

/* A path of the file; a relative one starts at the file's directory. 0 or -1 with *err. */
static int read_path(const struct builder *b, const struct tree *t, int option, const char *initial,
	char dst[CONF_PATH],
		     struct lt_err *err)
{
	const char *text = tree_text(t, option, initial);
	size_t n = text[0] == '/' ? lt_fmt(dst, CONF_PATH, "%s", text) : lt_fmt(dst, CONF_PATH, "%s/%s", b->directory,
		text);

	if (n >= CONF_PATH)
		return tree_fail(t, option, err, "out-of-range", "%s gives a path longer than %d bytes", options[option].path,
			CONF_PATH - 1);
	return 0;
}

static int read_admin(const struct tree *t, const config_setting_t *s, uint32_t *ret, struct lt_err *err)
{
	char buffer[32];
	const char *text = config_setting_type(s) == CONFIG_TYPE_BOOL ? NULL : tree_value(s, buffer);
	const struct passwd *user;
	int64_t uid;

	if (!text)
		return tree_fail(t, S_ADMINS, err, "wrong-type", "site.admins must be user names or uids, like %s",
			options[S_ADMINS].cure);
	if (config_setting_type(s) == CONFIG_TYPE_INT) {
		if (!lt_parse_i64(text, 0, INT32_MAX, &uid))
			return tree_fail(t, S_ADMINS, err, "out-of-range", "site.admins: %s is not a uid", text);
		*ret = (uint32_t)uid;
		return 0;
	}
	user = getpwnam(text);
	if (!user)
		return tree_fail(t, S_ADMINS, err, "unknown-user", "site.admins: there is no user \"%s\" on this machine",
			text);
	*ret = user->pw_uid;
	return 0;
}

static int read_admins(const struct tree *t, struct site *site, struct lt_err *err)
{
	config_setting_t *list = t->at[S_ADMINS];

	if (list && config_setting_length(list) > SITE_ADMINS)
		return tree_fail(t, S_ADMINS, err, "out-of-range", "site.admins has more than %d entries", SITE_ADMINS);
	for (int i = 0; list && i < config_setting_length(list); i++, site->n_admins++)
		if (read_admin(t, config_setting_get_elem(list, (unsigned)i), &site->admins[i], err) < 0)
			return -1;
	return 0;
}

static int read_site(struct builder *b, const struct tree *t, struct lt_err *err)
{
	struct site *site = &b->conf->site;
	const char *currency = tree_text(t, S_CURRENCY, ""), *zone = tree_text(t, S_TIMEZONE, "");
	struct lt_err cause;

	lt_fmt(site->name, sizeof(site->name), "%s", tree_text(t, S_NAME, ""));
	if (zone_load(&site->zone, zone, &cause) < 0)
		return tree_fail(t, S_TIMEZONE, err, cause.code, "site.timezone = \"%s\": %s", zone, cause.text);
	site->exponent = lt_currency_exponent(currency);
	if (site->exponent < 0)
		return tree_fail(t, S_CURRENCY, err, "bad-value",
			"site.currency = \"%s\" is not an ISO 4217 code; use one like \"USD\"", currency);
	lt_fmt(site->currency, sizeof(site->currency), "%s", currency);
	policy_defaults(&b->policy);
	price_defaults(&b->price);
	if (price_set(&b->price, "rate", "100", site->exponent, err) < 0 || read_admins(t, site, err) < 0 ||
	    conf_policy(t, S_POLICY, &b->policy, err) < 0)
		return -1;
	return conf_price(t, S_PRICE, S_RATE, site->exponent, &b->price, err);
}

static int read_listen(struct builder *b, const struct tree *t, struct lt_err *err)
{
	struct conf *c = b->conf;
	char host[64];
	uint16_t port;

	if (read_path(b, t, S_UNIX, "/run/labtime/labtimed.sock", c->unix_path, err) < 0)
		return -1;
	if (strlen(c->unix_path) > SOCKET_PATH)
		return tree_fail(t, S_UNIX, err, "out-of-range", "listen.unix: a socket's path has at most %d bytes",
			SOCKET_PATH);
	lt_fmt(c->tls_address, sizeof(c->tls_address), "%s", tree_text(t, S_TLS_ADDRESS, ""));
	if (tree_has(t, S_TLS_ADDRESS) && !conf_address(c->tls_address, 0, host, &port))
		return tree_fail(t, S_TLS_ADDRESS, err, "bad-value",
			"listen.tls = \"%s\" must be a numeric address and a port, like "
				 "\"127.0.0.1:7620\" or \"[::]:7620\"", c->tls_address);
	return 0;
}

/* Without names of their own, certificate and key lie beside the store. */
static int read_tls(struct builder *b, const struct tree *t, struct lt_err *err)
{
	static const char *const versions[] = { "1.3", "1.2", NULL };
	struct conf *c = b->conf;
	int version, directory = (int)(strrchr(c->store_path, '/') - c->store_path);
	char certificate[CONF_PATH + 8], key[CONF_PATH + 8];

	lt_fmt(certificate, sizeof(certificate), "%.*s/tls.crt", directory, c->store_path);
	lt_fmt(key, sizeof(key), "%.*s/tls.key", directory, c->store_path);
	if (read_path(b, t, S_CERTIFICATE, certificate, c->certificate, err) < 0 || read_path(b, t, S_KEY, key, c->key,
			err) < 0 || tree_word(t, S_MINIMUM, versions, 0, &version, err) < 0)
		return -1;
	c->tls12 = version == 1;
	return 0;
}

/* Of the HTTP side (net/net.h); the ranges are the option table's. */
static void read_limits(struct conf *c, const struct tree *t)
{
	c->connections = (int)tree_number(t, S_CONNECTIONS, 1024);
	c->in_flight = (int)tree_number(t, S_IN_FLIGHT, 512);
	c->token_rate = (int)tree_number(t, S_TOKEN_RATE, 500);
	c->peer_rate = (int)tree_number(t, S_PEER_RATE, 2000);
}

static int read_all(struct builder *b, const struct tree *t, struct lt_err *err)
{
	char directory[CONF_PATH];

	read_limits(b->conf, t);
	if (read_site(b, t, err) < 0 || read_listen(b, t, err) < 0 ||
	    read_path(b, t, S_PATH, "/var/lib/labtime/labtime.db", b->conf->store_path, err) < 0 ||
	    read_tls(b, t, err) < 0 ||
	    read_path(b, t, S_INSTRUMENTS, "instruments.d", directory, err) < 0)
		return -1;
	if (access(directory, R_OK | X_OK) != 0)
		return tree_fail(t, S_INSTRUMENTS, err, "file-unreadable", "cannot read the instruments directory %s: %s; "
			"make it, or name another", directory, strerror(errno));
	return conf_instruments(b, directory, err);
}

/* The directory of the file, absolute, so that a later reload does not depend on where the daemon stands. */
static int find_file(struct builder *b, const char *path, struct lt_err *err)
{
	char *real = realpath(path, NULL);
	size_t n;

	if (!real)
		return lt_err_set(err, "file-unreadable", path, "cannot read the configuration: %s", strerror(errno));
	n = lt_fmt(b->conf->path, sizeof(b->conf->path), "%s", path[0] == '/' ? path : real);
	lt_fmt(b->directory, sizeof(b->directory), "%.*s", (int)(strrchr(b->conf->path, '/') - b->conf->path),
		b->conf->path);
	free(real);
	return n < CONF_PATH ? 0 : lt_err_set(err, "out-of-range", "", "the configuration's path is longer than %d bytes",
		CONF_PATH - 1);
}

struct conf *conf_load(const char *path, const char *profiles_dir, struct lt_err *err)
{
	struct builder b = { .conf = calloc(1, sizeof(struct conf)),
		.profiles_dir = profiles_dir ? profiles_dir : LABTIME_PROFILES };
	struct tree t;
	int r;

	if (!b.conf) {
		lt_err_set(err, "no-memory", path, "out of memory");
		return NULL;
	}
	b.conf->references = 1;
	if (find_file(&b, path, err) < 0)
		return conf_unref(b.conf);
	r = tree_open(&t, b.conf->path, options, S_OPTIONS, err);
	if (r == 0)
		r = read_all(&b, &t, err);
	tree_close(&t);
	return r == 0 ? b.conf : conf_unref(b.conf);
}

struct conf *conf_ref(struct conf *c)
{
	__atomic_add_fetch(&c->references, 1, __ATOMIC_RELAXED);
	return c;
}

struct conf *conf_unref(struct conf *c)
{
	if (!c || __atomic_sub_fetch(&c->references, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	for (int i = 0; i < c->n_profiles; i++)
		lt_profile_free(c->profiles[i]);
	free(c->profiles);
	free(c->site.instruments);
	free(c->endpoints);
	free(c);
	return NULL;
}

static void print_instrument(const struct instrument *i, const struct endpoint *e, const struct site *site, FILE *f)
{
	static const char *const meters[] = { "no meter", "counter", "state" };
	bool v6 = strchr(e->host, ':') != NULL;
	char poll[32], rate[32];

	terms_duration_text(poll, sizeof(poll), e->poll_ms);
	lt_money_text(rate, sizeof(rate), i->price.rate_minor, site->exponent);
	fprintf(f, "    %-16s %s%s%s:%u unit %u, %s, every %s; %s, %s %s/h, interlock %s\n", i->id, v6 ? "[" : "", e->host,
		v6 ? "]" : "", (unsigned)e->port, (unsigned)e->unit, lt_profile_info(e->profile)->name, poll,
		meters[i->meter.kind], site->currency, rate,
		i->interlock.mode == INTERLOCK_NONE ? "none" : i->interlock.gates == GATES_START
		? "gates start" : "gates power");
}

void conf_print(const struct conf *c, FILE *f)
{
	fprintf(f, "%s: OK\n  site         %s, %s, %s\n  listen       %s%s%s\n  store        %s\n  instruments  %d\n",
		c->path, c->site.name, c->site.zone.name, c->site.currency, c->unix_path, c->tls_address[0] ? ", " : "",
		c->tls_address, c->store_path,
		c->site.n_instruments);
	for (int i = 0; i < c->site.n_instruments; i++)
		print_instrument(&c->site.instruments[i], &c->endpoints[i], &c->site, f);
}
