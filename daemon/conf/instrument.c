/*
 * instrument.c - the files of the instruments directory: one table of options, and what must hold between them.
 * Adds to the conf being built; the first fault ends it with an error that names file and line.
 */
#include "conf/private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"

enum { I_INSTRUMENT, I_ID, I_TITLE, I_KIND, I_LOCATION, I_RATE, I_CONTROLLER, I_ADDRESS, I_UNIT, I_PROFILE, I_POLL,
	I_TIMEOUT, I_METER, I_METER_KIND, I_RATE_PPM, I_INTERLOCK, I_MODE, I_GATES, I_FAIL, I_HARD_STOP, I_VERIFY, I_POLICY,
	I_PRICE, I_OPTIONS };

static const struct option options[I_OPTIONS] = {
	[I_INSTRUMENT] = { "instrument", OPTION_GROUP, .required = true, .cure = "{ ... };" },
	[I_ID] = { "instrument.id", OPTION_TEXT, .max = LT_ID - 1, .required = true, .cure = "\"krios-1\"" },
	[I_TITLE] = { "instrument.title", OPTION_TEXT, .max = LT_TITLE - 1, .required = true, .cure = "\"Titan Krios G4\"" },
	[I_KIND] = { "instrument.kind", OPTION_TEXT, .max = LT_ID - 1, .required = true, .cure = "\"microscope\"" },
	[I_LOCATION] = { "instrument.location", OPTION_TEXT, .max = LT_TITLE - 1 },
	[I_RATE] = { "instrument.rate", OPTION_TEXT, .max = 24, .cure = "\"100.00\"" },
	[I_CONTROLLER] = { "instrument.controller", OPTION_GROUP, .required = true, .cure = "{ address = \"192.0.2.7:502\"; unit = 1; profile = \"generic-plc\"; };" },
	[I_ADDRESS] = { "instrument.controller.address", OPTION_TEXT, .required = true, .cure = "\"192.0.2.7:502\"" },
	[I_UNIT] = { "instrument.controller.unit", OPTION_NUMBER, 0, 255, .cure = "1" },
	[I_PROFILE] = { "instrument.controller.profile", OPTION_TEXT, .max = LT_ID - 1, .required = true, .cure = "\"generic-plc\"" },
	[I_POLL] = { "instrument.controller.poll", OPTION_TEXT, .max = 24, .cure = "\"1s\"" },
	[I_TIMEOUT] = { "instrument.controller.timeout", OPTION_TEXT, .max = 24, .cure = "\"500ms\"" },
	[I_METER] = { "instrument.meter", OPTION_GROUP },
	[I_METER_KIND] = { "instrument.meter.kind", OPTION_TEXT, .cure = "\"counter\"" },
	[I_RATE_PPM] = { "instrument.meter.rate_ppm", OPTION_NUMBER, 0, 100000, .cure = "1000" },
	[I_INTERLOCK] = { "instrument.interlock", OPTION_GROUP },
	[I_MODE] = { "instrument.interlock.mode", OPTION_TEXT, .cure = "\"enable\"" },
	[I_GATES] = { "instrument.interlock.gates", OPTION_TEXT, .required = true, .cure = "\"start\" if the relay only permits a start, \"power\" if opening it cuts a run" },
	[I_FAIL] = { "instrument.interlock.fail", OPTION_TEXT, .cure = "\"as-is\"" },
	[I_HARD_STOP] = { "instrument.interlock.hard_stop", OPTION_BOOL },
	[I_VERIFY] = { "instrument.interlock.verify", OPTION_TEXT, .max = 24, .cure = "\"2s\"" },
	[I_POLICY] = { "instrument.policy", OPTION_TERMS },
	[I_PRICE] = { "instrument.price", OPTION_TERMS },
};

static int read_identity(const struct builder *b, const struct tree *t, struct instrument *ret, struct lt_err *err)
{
	for (int i = I_ID; i <= I_KIND; i += I_KIND - I_ID)
		if (!site_id_valid(tree_text(t, i, "")))
			return tree_fail(t, i, err, "bad-value",
				"%s = \"%s\" must be lower-case letters, digits, '.', '_' and '-', "
					 "the first a letter or digit, at most %d", options[i].path, tree_text(t, i, ""), LT_ID - 1);
	lt_fmt(ret->id, sizeof(ret->id), "%s", tree_text(t, I_ID, ""));
	lt_fmt(ret->kind, sizeof(ret->kind), "%s", tree_text(t, I_KIND, ""));
	lt_fmt(ret->title, sizeof(ret->title), "%s", tree_text(t, I_TITLE, ""));
	lt_fmt(ret->location, sizeof(ret->location), "%s", tree_text(t, I_LOCATION, ""));
	for (int i = 0; i < b->conf->site.n_instruments; i++)
		if (strcmp(b->conf->site.instruments[i].id, ret->id) == 0)
			return tree_fail(t, I_ID, err, "duplicate-id", "the id \"%s\" is another instrument's already", ret->id);
	return 0;
}

static int read_controller(struct builder *b, const struct tree *t, struct endpoint *ret, struct lt_err *err)
{
	const char *address = tree_text(t, I_ADDRESS, "");
	const struct lt_profile_info *info;

	if (!conf_address(address, 502, ret->host, &ret->port))
		return tree_fail(t, I_ADDRESS, err, "bad-value", "%s = \"%s\" must be a numeric address with a port, like "
				 "\"192.0.2.7:502\" or \"[2001:db8::7]:502\"; names are not looked up", options[I_ADDRESS].path,
				 address);
	ret->unit = (uint8_t)tree_number(t, I_UNIT, 1);
	ret->profile = conf_profile(b, t, I_PROFILE, tree_text(t, I_PROFILE, ""), err);
	if (!ret->profile)
		return -1;
	info = lt_profile_info(ret->profile);
	if (tree_duration(t, I_POLL, 100, LT_HOUR, LT_SECOND, &ret->poll_ms, err) < 0 ||
	    tree_duration(t, I_TIMEOUT, 50, 30 * LT_SECOND, info->timeout_ms ? info->timeout_ms : 500, &ret->timeout_ms,
	    err) < 0)
		return -1;
	for (int i = 0; i < b->conf->site.n_instruments; i++) {
		const struct endpoint *e = &b->conf->endpoints[i];
		if (strcmp(e->host, ret->host) == 0 && e->port == ret->port && e->unit == ret->unit &&
				e->profile == ret->profile)
			return tree_fail(t, I_ADDRESS, err, "duplicate-controller",
				"instrument \"%s\" has this address, unit and profile "
					 "already: the same seconds would be metered twice", b->conf->site.instruments[i].id);
	}
	return 0;
}

static int read_meter(const struct tree *t, const struct endpoint *e, struct meter_def *ret, struct lt_err *err)
{
	static const char *const words[] = { "none", "counter", "state", NULL };
	const struct lt_profile_info *info = lt_profile_info(e->profile);
	bool counts = info->roles & LT_HAVE_HOURMETER;
	int kind;

	ret->has_state = info->roles & LT_HAVE_STATE;
	ret->poll_ms = e->poll_ms;
	ret->rate_ppm = (int32_t)tree_number(t, I_RATE_PPM, 1000);
	if (tree_word(t, I_METER_KIND, words, counts ? METER_COUNTER : ret->has_state ? METER_STATE : METER_NONE, &kind,
			err) < 0)
		return -1;
	if (kind == METER_NONE && !tree_has(t, I_METER_KIND))
		return tree_fail(t, I_PROFILE, err, "no-meter",
			"the profile \"%s\" has neither an hour meter nor a state, so nothing "
				 "can be metered", info->name);
	if ((kind == METER_COUNTER && !counts) || (kind == METER_STATE && !ret->has_state))
		return tree_fail(t, I_METER_KIND, err, "no-meter", "the profile \"%s\" has no %s", info->name,
				 kind == METER_COUNTER ? "hour meter (role = \"hourmeter\")" : "run bit (role = \"state\")");
	if (kind == METER_COUNTER && info->counter.count_ms > 10000 && !ret->has_state)
		return tree_fail(t, I_PROFILE, err, "coarse-counter",
			"one count of the profile \"%s\" is %u s, too coarse to see a run "
				 "begin and end; give the profile a value with role = \"state\"", info->name,
				 info->counter.count_ms / 1000);
	ret->kind = (enum meter_kind)kind;
	ret->counter = info->counter;
	return 0;
}

static int check_interlock(const struct tree *t, const struct lt_profile_info *info, const struct interlock_def *d,
	struct lt_err *err)
{
	if (!info->can_lock || !(info->roles & LT_HAVE_INTERLOCK))
		return tree_fail(t, I_INTERLOCK, err, "no-interlock",
			"the profile \"%s\" has no interlock output with a read-back",
				 info->name);
	if (d->gates == GATES_POWER && d->fail == FAIL_LOCKED)
		return tree_fail(t, I_FAIL, err, "unsafe-interlock",
			"gates = \"power\" requires fail = \"as-is\": a failure of labtime "
				 "must never cut a run");
	if (d->gates == GATES_POWER && info->has_watchdog)
		return tree_fail(t, I_GATES, err, "unsafe-interlock",
			"gates = \"power\" requires a profile without a watchdog, \"%s\" has "
				 "one: a failure of labtime must never cut a run", info->name);
	return 0;
}

static int read_interlock(const struct tree *t, const struct endpoint *e, struct interlock_def *ret, struct lt_err *err)
{
	static const char *const modes[] = { "none", "enable", NULL }, *const gates[] = { "start", "power", NULL },
		*const fails[] = { "as-is", "locked", NULL };
	int mode, gate, fail;

	ret->verify_ms = 2000;
	if (!tree_has(t, I_INTERLOCK))
		return 0;
	if (tree_word(t, I_MODE, modes, INTERLOCK_ENABLE, &mode, err) < 0 || tree_word(t, I_GATES, gates, GATES_START,
			&gate, err) < 0 || tree_word(t, I_FAIL, fails, FAIL_AS_IS, &fail, err) < 0 ||
	    tree_duration(t, I_VERIFY, 100, LT_MINUTE, 2000, &ret->verify_ms, err) < 0)
		return -1;
	ret->mode = (enum interlock_mode)mode;
	ret->gates = (enum interlock_gates)gate;
	ret->fail = (enum interlock_fail)fail;
	ret->hard_stop = tree_bool(t, I_HARD_STOP, false);
	return mode == INTERLOCK_NONE ? 0 : check_interlock(t, lt_profile_info(e->profile), ret, err);
}

static int read_instrument(struct builder *b, const struct tree *t, struct lt_err *err)
{
	struct site *site = &b->conf->site;
	struct instrument i;
	struct endpoint e;

	memset(&i, 0, sizeof(i));
	memset(&e, 0, sizeof(e));
	i.policy = b->policy;
	i.price = b->price;
	if (read_identity(b, t, &i, err) < 0 || read_controller(b, t, &e, err) < 0 || read_meter(t, &e, &i.meter, err) <
			0 || read_interlock(t, &e, &i.interlock, err) < 0 || conf_policy(t, I_POLICY, &i.policy, err) < 0 ||
	    conf_price(t, I_PRICE, I_RATE, site->exponent, &i.price, err) < 0)
		return -1;
	lt_fmt(i.line, sizeof(i.line), strchr(e.host, ':') ? "[%s]:%u" : "%s:%u", e.host, (unsigned)e.port);
	site->instruments[site->n_instruments] = i;
	b->conf->endpoints[site->n_instruments++] = e;
	return 0;
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int read_file(struct builder *b, const char *directory, const char *name, struct lt_err *err)
{
	char path[2 * CONF_PATH];
	struct tree t;
	int r;

	lt_fmt(path, sizeof(path), "%s/%s", directory, name);
	r = tree_open(&t, path, options, I_OPTIONS, err);
	if (r == 0)
		r = read_instrument(b, &t, err);
	tree_close(&t);
	return r;
}

/* Instruments and their endpoints, by id. */
static void sort_both(struct conf *c)
{
	for (int i = 1; i < c->site.n_instruments; i++) {
		struct instrument instrument = c->site.instruments[i];
		struct endpoint endpoint = c->endpoints[i];
		int k = i;
		for (; k > 0 && strcmp(c->site.instruments[k - 1].id, instrument.id) > 0; k--) {
			c->site.instruments[k] = c->site.instruments[k - 1];
			c->endpoints[k] = c->endpoints[k - 1];
		}
		c->site.instruments[k] = instrument;
		c->endpoints[k] = endpoint;
	}
}

int conf_instruments(struct builder *b, const char *directory, struct lt_err *err)
{
	struct dirent **list = NULL;
	int n = scandir(directory, &list, is_conf, alphasort), r = 0;

	if (n < 0)
		return lt_err_set(err, "file-unreadable", directory, "cannot read the instruments directory: %s",
			strerror(errno));
	if (n > CONF_INSTRUMENTS)
		r = lt_err_set(err, "too-many", directory, "there are %d instruments; at most %d fit", n, CONF_INSTRUMENTS);
	b->conf->site.instruments = calloc((size_t)n + 1, sizeof(struct instrument));
	b->conf->endpoints = calloc((size_t)n + 1, sizeof(struct endpoint));
	if (!b->conf->site.instruments || !b->conf->endpoints)
		r = lt_err_set(err, "no-memory", directory, "out of memory");
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_file(b, directory, list[i]->d_name, err);
		free(list[i]);
	}
	free(list);
	if (r == 0)
		sort_both(b->conf);
	return r;
}
