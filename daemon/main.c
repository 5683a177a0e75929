/*
 * main.c - labtimed's options and modes. The wiring of the two threads is in serve.c.
 * Owns the configuration until serve() takes its own reference; exits 2 for a wrong option, 1 for what failed.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "conf/conf.h"
#include "drivers/modbus/codec.h"
#include "selfcheck.h"
#include "serve.h"
#include "store/db.h"
#include "store/ledger.h"

static const char usage[] =
	"labtimed - books lab instruments and bills the time they really ran\n"
	"\n"
	"  labtimed --config FILE                 serve (the default file is /etc/labtime/labtimed.conf)\n"
	"  labtimed --config FILE --check-config  read and validate everything, start nothing\n"
	"  labtimed --config FILE --verify        check the store for damage, start nothing; --quick: its structure only\n"
	"\n"
	"  --profiles DIR   device profiles, after the configuration's own profiles/ (default " LABTIME_PROFILES ")\n"
	"  --debug          log more\n"
	"  --version, --help\n"
	"\n"
	"SIGHUP reads the configuration again (all or nothing), SIGTERM stops in order. See labtimed(8).\n";

enum mode { MODE_SERVE, MODE_CHECK, MODE_VERIFY };

struct options { enum mode mode; bool quick; const char *config; struct serve_options serve; };

enum { OPT_CONFIG = 256, OPT_CHECK, OPT_VERIFY, OPT_QUICK, OPT_PROFILES, OPT_DEBUG, OPT_TURN_ITEMS, OPT_VERSION,
	OPT_HELP };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "quick", no_argument, NULL, OPT_QUICK },
	{ "profiles", required_argument, NULL, OPT_PROFILES },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "turn-items", required_argument, NULL, OPT_TURN_ITEMS }, /* for benches: docs/benchmarks.md */
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int64_t number;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_CHECK:
			o->mode = MODE_CHECK;
			break;
		case OPT_VERIFY:
			o->mode = MODE_VERIFY;
			break;
		case OPT_QUICK:
			o->quick = true;
			break;
		case OPT_PROFILES:
			o->serve.profiles_dir = optarg;
			break;
		case OPT_DEBUG:
			log_level_set(LOG_DEBUG);
			break;
		case OPT_TURN_ITEMS:
			if (!lt_parse_i64(optarg, 1, 1000, &number)) {
				fputs("labtimed: --turn-items is a number from 1 to 1000\n", stderr);
				return 2;
			}
			o->serve.turn_items = (int)number;
			break;
		case OPT_VERSION:
			puts("labtimed " LABTIME_VERSION);
			return 0;
		case OPT_HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs("labtimed: see labtimed --help\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "labtimed: unexpected argument \"%s\"; see labtimed --help\n", argv[optind]);
		return 2;
	}
	return -1;
}

static int complain(const struct lt_err *err)
{
	fprintf(stderr, "labtimed: %s%s%s [%s]\n", err->field, err->field[0] ? ": " : "", err->text, err->code);
	return 1;
}

static int check_config(const struct conf *c)
{
	conf_print(c, stdout);
	return 0;
}

/* Quick is also what the daemon runs of itself at a start: it says nothing when all is well. */
static int verify(const struct conf *c, bool quick)
{
	char why[256];
	struct lt_err err;
	struct db *db = db_open(c->store_path, DB_READ_ONLY | DB_NO_MIGRATE, &err);
	bool ok;

	if (!db)
		return complain(&err);
	ok = db_check(db, quick, why, sizeof(why)) && (quick || ledger_check(db, why, sizeof(why)));
	db_close(db);
	if (!ok)
		log_event(LOG_ERROR_LEVEL, "the store is damaged; restore a backup", "store", c->store_path, "why", why, NULL);
	else if (!quick)
		printf("%s: ok\n", c->store_path);
	return ok ? 0 : SELFCHECK_EXIT_DAMAGED;
}

int main(int argc, char **argv)
{
	struct options o = { .config = "/etc/labtime/labtimed.conf", .serve.profiles_dir = LABTIME_PROFILES };
	struct modbus_codec *codec;
	struct lt_err err = { 0 };
	struct conf *conf;
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	signal(SIGPIPE, SIG_IGN);
	codec = modbus_codec_new(&err); /* first: libmodbus wants small descriptors */
	if (!codec)
		return complain(&err);
	conf = conf_load(o.config, o.serve.profiles_dir, &err);
	if (!conf)
		r = complain(&err);
	else if (o.mode == MODE_CHECK)
		r = check_config(conf);
	else if (o.mode == MODE_VERIFY)
		r = verify(conf, o.quick);
	else
		r = serve(conf, &o.serve, codec, &err) < 0 ? complain(&err) : 0;
	conf_unref(conf);
	modbus_codec_free(codec);
	return r;
}
