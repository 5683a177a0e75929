/*
 * admin.c - organisations, users, tokens, instruments, prices, policies, doctor, backup.
 * Owns nothing. What the files of the daemon own is shown here and changed there: `instrument add` prints a file.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli.h"
#include "common/fmt.h"

static const struct column org_columns[] = {
	{ "ORG", "id", CELL_TEXT }, { "NAME", "name", CELL_TEXT, 0, true }, { "HOST", "host", CELL_TEXT }, { "TAX ID", "tax_id", CELL_TEXT, 1 },
	{ "VERSION", "version", CELL_NUMBER, 2 }, { NULL },
};
static const struct column user_columns[] = {
	{ "USER", "id", CELL_TEXT }, { "ORG", "org", CELL_TEXT }, { "NAME", "name", CELL_TEXT, 0, true }, { "ROLE", "role", CELL_TEXT },
	{ "ACTIVE", "active", CELL_TEXT, 1 }, { "VERSION", "version", CELL_NUMBER, 2 }, { NULL },
};
static const struct column token_columns[] = {
	{ "TOKEN", "id", CELL_TEXT }, { "USER", "user", CELL_TEXT }, { "NOTE", "note", CELL_TEXT, 2, true }, { "MADE", "created_at", CELL_TIME, 3 },
	{ "EXPIRES", "expires_at", CELL_TIME, 1 }, { "LAST USED", "last_used_at", CELL_TIME, 1 }, { "REVOKED", "revoked_at", CELL_TIME, 1 }, { NULL },
};
static const struct column version_columns[] = {
	{ "VERSION", "version", CELL_NUMBER }, { "FROM", "effective_at", CELL_TIME }, { "STATE", "state", CELL_STATE }, { "BY", "source", CELL_TEXT, 1, true },
	{ "RATE", "terms.rate", CELL_TEXT }, { "TERMS", "terms", CELL_TEXT, 0, false, true }, { NULL },
};
static const struct column policy_columns[] = {
	{ "VERSION", "version", CELL_NUMBER }, { "FROM", "effective_at", CELL_TIME }, { "STATE", "state", CELL_STATE }, { "BY", "source", CELL_TEXT, 1, true },
	{ "TERMS", "terms", CELL_TEXT, 0, false, true }, { NULL },
};
static const struct column meter_fields[] = {
	{ "Instrument", "instrument", CELL_TEXT }, { "Controller", "link", CELL_STATE }, { "Since", "link_since", CELL_TIME },
	{ "Raw", "raw", CELL_NUMBER }, { "Extended ms", "extended_ms", CELL_NUMBER }, { "Held ms", "held_ms", CELL_NUMBER },
	{ "Held since", "held_since", CELL_TIME }, { "Running", "running", CELL_TEXT }, { "Read", "read_at", CELL_TIME }, { "Class", "class", CELL_TEXT }, { "Phase", "phase", CELL_TEXT }, { "Interlock", "interlock", CELL_TEXT },
	{ "Desired", "desired", CELL_TEXT }, { "Lease until", "lease_valid_until", CELL_TIME }, { NULL },
};
static const struct column instrument_columns[] = {
	{ "INSTRUMENT", "id", CELL_TEXT }, { "STATE", "status", CELL_STATE }, { "OUT OF SERVICE", "out_of_service", CELL_TEXT },
	{ "NOTES", "notes", CELL_TEXT, 0, true }, { "VERSION", "version", CELL_NUMBER }, { NULL },
};
static const struct column check_columns[] = {
	{ "CHECK", "name", CELL_TEXT }, { "OK", "ok", CELL_TEXT }, { "DETAIL", "detail", CELL_TEXT, 0, false, true }, { "CURE", "cure", CELL_TEXT, 0, false, true },
	{ NULL },
};

/* org, user and token are the same shape: a collection, its members' names, how they are shown. */
static const struct noun { const char *name, *path; const struct column *columns; const char *first, *options;
	} nouns[] = {
	{ "org", "/v1/orgs", org_columns, "id", "name tax-id host" },
	{ "user", "/v1/users", user_columns, "id", "org name role" },
	{ "token", "/v1/tokens", token_columns, "user", "note expires" },
};

static const struct noun *noun_of(const struct cli *c)
{
	for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++)
		if (strncmp(c->args.cmd->name, nouns[i].name, strlen(nouns[i].name)) == 0)
			return &nouns[i];
	return NULL;
}

static int list(struct cli *c, const char *path, const struct column *columns, const char *id)
{
	json_t *doc;
	int rc = ask_all(c, path, &doc);

	if (rc)
		return rc;
	out_list(&c->out, columns, doc, id);
	if (c->out.mode == OUT_TABLE && json_array_size(json_object_get(doc, "items")) == 0)
		fputs("None.\n", stderr);
	json_decref(doc);
	return EXIT_OK;
}

static int run_ls(struct cli *c)
{
	const struct noun *n = noun_of(c);

	return list(c, n->path, n->columns, "id");
}

static void object_path(struct cli *c, const struct noun *n, struct path *p)
{
	path_set(p, n->path);
	path_part(p, c->args.pos[0]);
}

static int run_show(struct cli *c)
{
	const struct noun *n = noun_of(c);
	struct path p;
	json_t *o;
	int rc;

	object_path(c, n, &p);
	if ((rc = ask_get(c, p.text, &o)) != 0)
		return rc;
	out_record(&c->out, n->columns, o, "id");
	json_decref(o);
	return EXIT_OK;
}

/* The options of a noun into a body: --tax-id becomes tax_id, --expires an instant. */
static int body_options(struct cli *c, const struct noun *n, json_t *body)
{
	int64_t at;
	int rc;

	for (int i = 0; i < c->args.nset; i++) {
		const char *name = c->args.set[i].opt->name, *value = c->args.set[i].value, *found = strstr(n->options, name);

		if (!found)
			continue;
		if (strcmp(name, "expires") == 0) {
			if ((rc = read_instant(c, name, value, &at)) != 0)
				return rc;
			json_object_set_new(body, "expires_at", json_at(c, at));
		} else if (strcmp(name, "host") == 0) {
			if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
				return args_usage(c->args.cmd, "--host takes yes or no");
			json_object_set_new(body, "host", json_boolean(value[0] == 'y'));
		} else {
			json_object_set_new(body, strcmp(name, "tax-id") == 0 ? "tax_id" : name, json_string(value));
		}
	}
	return EXIT_OK;
}

static int run_add(struct cli *c)
{
	const struct noun *n = noun_of(c);
	json_t *body = json_object(), *o;
	int rc = body_options(c, n, body);

	if (rc) {
		json_decref(body);
		return rc;
	}
	body_text(body, n->first, c->args.pos[0]);
	if (strcmp(n->name, "org") == 0 && !json_object_get(body, "name"))
		body_text(body, "name", c->args.pos[0]);
	if (strcmp(n->name, "user") == 0 && !json_object_get(body, "name"))
		body_text(body, "name", c->args.pos[0]);
	if ((rc = ask(c, "POST", n->path, body, NULL, ASK_KEY, &o)) != 0)
		return rc;
	if (TEXT(o, "secret") && (c->out.mode == OUT_TABLE || c->out.mode == OUT_TABS)) {
		puts(TEXT(o, "secret"));
		fprintf(stderr, "Token %s of %s. It is shown this once: keep it in a file that only its owner can read, or "
			"hand it to\n  labtime login --token-file FILE\n", TEXT(o, "id") ? TEXT(o, "id") : "", c->args.pos[0]);
	} else {
		out_record(&c->out, n->columns, o, "id");
	}
	json_decref(o);
	return EXIT_OK;
}

/* The version of an object, for If-Match. */
static int version_of(struct cli *c, const char *path, char dst[80])
{
	json_t *o;
	int rc = ask_get(c, path, &o);

	if (rc)
		return rc;
	if (c->etag[0])
		lt_fmt(dst, 80, "%s", c->etag);
	else
		lt_fmt(dst, 80, "%lld", (long long)json_integer_value(json_object_get(o, "version")));
	json_decref(o);
	return EXIT_OK;
}

static int patch(struct cli *c, const char *path, json_t *body, const struct column *columns)
{
	char version[80];
	json_t *o;
	int rc;

	if (json_object_size(body) == 0) {
		json_decref(body);
		return args_usage(c->args.cmd, "say what to set");
	}
	if ((rc = version_of(c, path, version)) != 0) {
		json_decref(body);
		return rc;
	}
	if ((rc = ask(c, "PATCH", path, body, version, 0, &o)) != 0)
		return rc;
	out_record(&c->out, columns, o, "id");
	json_decref(o);
	return EXIT_OK;
}

static int run_set(struct cli *c)
{
	const struct noun *n = noun_of(c);
	json_t *body = json_object();
	struct path p;
	int rc = body_options(c, n, body);

	if (rc) {
		json_decref(body);
		return rc;
	}
	object_path(c, n, &p);
	return patch(c, p.text, body, n->columns);
}

/* The version of a token comes from the list: it has no page of its own. */
static int token_version(struct cli *c, char dst[80])
{
	json_t *doc, *t;
	size_t i;
	int rc = ask_all(c, "/v1/tokens", &doc);

	if (rc)
		return rc;
	lt_fmt(dst, 80, "1");
	json_array_foreach(json_object_get(doc, "items"), i, t)
		if (TEXT(t, "id") && strcmp(TEXT(t, "id"), c->args.pos[0]) == 0 &&
				json_is_integer(json_object_get(t, "version")))
			lt_fmt(dst, 80, "%lld", (long long)json_integer_value(json_object_get(t, "version")));
	json_decref(doc);
	return EXIT_OK;
}

static int run_rm(struct cli *c)
{
	const struct noun *n = noun_of(c);
	bool token = strcmp(n->name, "token") == 0;
	char version[80];
	struct path p;
	json_t *o;
	int rc;

	object_path(c, n, &p);
	if ((rc = token ? token_version(c, version) : version_of(c, p.text, version)) != 0)
		return rc;
	if (args_has(&c->args, "cancel"))
		path_query(&p, "cancel", "true");
	if ((rc = ask(c, "DELETE", p.text, NULL, version, 0, &o)) != 0)
		return rc;
	json_decref(o);
	if (c->out.mode == OUT_TABLE)
		printf("%s %s\n", token ? "Revoked" : "Deactivated", c->args.pos[0]);
	return EXIT_OK;
}

static void instrument_path(struct cli *c, struct path *p, const char *part)
{
	path_set(p, "/v1/instruments");
	path_part(p, c->args.pos[0]);
	if (part)
		path_part(p, part);
}

static int run_instrument_set(struct cli *c)
{
	const char *out = args_get(&c->args, "out-of-service");
	json_t *body = json_object();
	struct path p;

	if (out && strcmp(out, "yes") != 0 && strcmp(out, "no") != 0) {
		json_decref(body);
		return args_usage(c->args.cmd, "--out-of-service takes yes or no");
	}
	if (out)
		json_object_set_new(body, "out_of_service", json_boolean(out[0] == 'y'));
	body_text(body, "notes", args_get(&c->args, "notes"));
	instrument_path(c, &p, NULL);
	return patch(c, p.text, body, instrument_columns);
}

static int run_instrument_meter(struct cli *c)
{
	struct path p;
	json_t *o;
	int rc;

	instrument_path(c, &p, "meter");
	if ((rc = ask_get(c, p.text, &o)) != 0)
		return rc;
	out_record(&c->out, meter_fields, o, "instrument");
	json_decref(o);
	return EXIT_OK;
}

/* A value inside quotes of libconfig's syntax. */
static void quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if ((unsigned char)*s >= 0x20)
			putchar(*s);
	}
	putchar('"');
}

/* Prints a file for etc/instruments.d: the files own what an instrument is. */
static int run_instrument_add(struct cli *c)
{
	const struct args *a = &c->args;
	const char *id = a->pos[0], *title = args_get(a, "title"), *kind = args_get(a, "kind"),
		*where = args_get(a, "location");
	const char *address = args_get(a, "address"), *profile = args_get(a, "profile"), *unit = args_get(a, "unit"),
		*rate = args_get(a, "rate");
	int64_t n = 1;

	if (strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id) || strlen(id) > 40 || !*id)
		return args_usage(a->cmd, "an instrument's id is made of a-z, 0-9 and '-', not '%s'", id);
	if (unit && !lt_parse_i64(unit, 0, 255, &n))
		return args_usage(a->cmd, "--unit takes a number from 0 to 255");
	fputs("instrument = {\n  id = ", stdout);
	quoted(id);
	fputs(";\n  title = ", stdout);
	quoted(title ? title : id);
	fputs(";\n  kind = ", stdout);
	quoted(kind ? kind : "microscope");
	if (where) {
		fputs(";\n  location = ", stdout);
		quoted(where);
	}
	if (rate) {
		fputs(";\n  rate = ", stdout);
		quoted(rate);
	}
	fputs(";\n  controller = { address = ", stdout);
	quoted(address ? address : "192.0.2.10:502");
	printf("; unit = %lld; profile = ", (long long)n);
	quoted(profile ? profile : "generic-plc");
	fputs("; };\n};\n", stdout);
	fprintf(stderr, "Install it as instruments.d/%s.conf beside labtimed.conf, then: labtimed --check-config && "
		"systemctl reload labtimed\n", id);
	return EXIT_OK;
}

static int run_versions(struct cli *c)
{
	bool policy = strncmp(c->args.cmd->name, "policy", 6) == 0;
	struct path p;

	instrument_path(c, &p, policy ? "policies" : "prices");
	return list(c, p.text, policy ? policy_columns : version_columns, "version");
}

/* labtime rate set INSTR KEY=VALUE... --from TIME */
static int run_rate_set(struct cli *c)
{
	const char *from = args_get(&c->args, "from");
	char key[64];
	json_t *body, *o;
	struct path p;
	int64_t at;
	int rc;

	body = json_object();
	for (int i = 1; i < c->args.npos; i++) {
		const char *eq = strchr(c->args.pos[i], '=');

		if (!eq || eq == c->args.pos[i] || (size_t)(eq - c->args.pos[i]) >= sizeof key) {
			json_decref(body);
			return args_usage(c->args.cmd, "'%s' is not KEY=VALUE; write rate=120.00", c->args.pos[i]);
		}
		lt_fmt(key, sizeof key, "%.*s", (int)(eq - c->args.pos[i]), c->args.pos[i]);
		json_object_set_new(body, key, json_string(eq + 1));
	}
	if (from) {
		if ((rc = read_instant(c, "from", from, &at)) != 0) {
			json_decref(body);
			return rc;
		}
		json_object_set_new(body, "effective_at", json_at(c, at));
	}
	instrument_path(c, &p, "prices");
	if (args_has(&c->args, "dry-run"))
		path_query(&p, "dry_run", "true");
	if ((rc = ask(c, "POST", p.text, body, NULL, ASK_KEY, &o)) != 0)
		return rc;
	out_record(&c->out, version_columns, o, "version");
	json_decref(o);
	return EXIT_OK;
}

/* labtime rate rm INSTR VERSION: a list never changes, so its version is what was seen of it. */
static int run_rate_rm(struct cli *c)
{
	const char *version = c->args.pos[1];
	struct path p;
	json_t *none;
	int64_t n;
	int rc;

	if (!lt_parse_i64(version, 1, INT64_MAX, &n))
		return args_usage(c->args.cmd, "'%s' is not a version; see: labtime rate ls %s", version, c->args.pos[0]);
	instrument_path(c, &p, "prices");
	path_part(&p, version);
	if ((rc = ask(c, "DELETE", p.text, NULL, version, 0, &none)) == EXIT_OK && c->out.mode == OUT_TABLE)
		printf("Withdrew price list %s of %s\n", version, c->args.pos[0]);
	json_decref(none);
	return rc;
}

/* A check a line on a terminal; under one that failed, the cure. */
static void print_checks(struct cli *c, json_t *checks)
{
	json_t *check;
	size_t i;

	json_array_foreach(checks, i, check) {
		bool ok = json_is_true(json_object_get(check, "ok"));
		const char *mark = ok ? "ok " : "NOT", *colour = !c->out.colour ? "" : ok ? "\033[32m" : "\033[31m";

		printf("%s%s%s  ", colour, mark, *colour ? "\033[0m" : "");
		out_text(&c->out, TEXT(check, "name") ? TEXT(check, "name") : "");
		fputs(": ", stdout);
		out_text(&c->out, TEXT(check, "detail") ? TEXT(check, "detail") : "");
		fputs(ok ? "\n" : "\n       cure: ", stdout);
		if (!ok) {
			out_text(&c->out, TEXT(check, "cure") ? TEXT(check, "cure") : "");
			putchar('\n');
		}
	}
}

/* The server's own parser: a request that two readers would cut differently must be refused, else one connection could
 * carry a request of somebody else. */
static void check_http(struct cli *c, json_t *checks)
{
	struct request rq = { .method = "GET", .path = "/v1/site", .two_lengths = true };
	struct answer a = { 0 };
	struct lt_err err = { 0 };
	char detail[160];
	int rc = transport_ask(&c->transport, &rq, &a, &err);
	bool ok = rc == EXIT_OK && a.status == 400;

	if (rc)
		lt_fmt(detail, sizeof detail, "no answer to a request with two Content-Length: %s", err.text);
	else
		lt_fmt(detail, sizeof detail, "a request with two Content-Length is answered with %ld", a.status);
	json_array_append_new(checks, json_pack("{s:s, s:b, s:s, s:o}", "name", "http", "ok", (int)ok, "detail", detail, "cure",
		ok ? json_null() : json_string("it should be 400: is there a proxy in between, is labtimed the newest?")));
	answer_free(&a);
}

static int run_doctor(struct cli *c)
{
	json_t *doc, *check;
	size_t i, bad = 0;
	int rc = ask_get(c, "/v1/doctor", &doc);

	if (rc)
		return rc;
	check_http(c, json_object_get(doc, "checks"));
	if (c->out.mode != OUT_JSON)
		json_object_set(doc, "items", json_object_get(doc, "checks"));
	json_array_foreach(json_object_get(doc, "checks"), i, check)
		bad += !json_is_true(json_object_get(check, "ok"));
	if (c->out.mode == OUT_TABLE)
		print_checks(c, json_object_get(doc, "checks"));
	else
		out_list(&c->out, check_columns, doc, "name");
	json_decref(doc);
	fflush(stdout);
	if (bad)
		return fail(EXIT_FAILED, "unhealthy", "%zu check%s failed; each has its cure beside it", bad, bad == 1 ? "" : "s");
	return EXIT_OK;
}

static int run_clock_accept(struct cli *c)
{
	static const struct column fields[] = { { "Timers wait", "waits", CELL_TEXT }, { NULL } };
	json_t *body, *o;
	int rc;

	if (!args_has(&c->args, "reason"))
		return args_usage(c->args.cmd, "say why the clock is right: --reason TEXT");
	body = json_object();
	body_text(body, "reason", args_get(&c->args, "reason"));
	if ((rc = ask(c, "POST", "/v1/clock/accept", body, NULL, ASK_KEY, &o)) != 0)
		return rc;
	out_record(&c->out, fields, o, "waits");
	json_decref(o);
	return EXIT_OK;
}

static int run_backup(struct cli *c)
{
	static const struct column fields[] = { { "File", "path", CELL_TEXT }, { "Bytes", "bytes", CELL_NUMBER },
		{ NULL } };
	char path[PATH_MAX * 2], cwd[PATH_MAX];
	json_t *body, *o;
	int rc;

	if (c->args.pos[0][0] == '/')
		lt_fmt(path, sizeof path, "%s", c->args.pos[0]);
	else if (getcwd(cwd, sizeof cwd))
		lt_fmt(path, sizeof path, "%s/%s", cwd, c->args.pos[0]);
	else
		return fail(EXIT_FAILED, "failed", "the current directory is gone; name the file with a full path");
	body = json_object();
	body_text(body, "path", path);
	if ((rc = ask(c, "POST", "/v1/backups", body, NULL, ASK_KEY, &o)) != 0)
		return rc;
	out_record(&c->out, fields, o, "path");
	json_decref(o);
	return EXIT_OK;
}

static const struct opt org_opts[] = {
	{ "name", 0, "NAME", "its full name" }, { "tax-id", 0, "ID", "its tax number" }, { "host", 0, "yes|no", "the host institute itself", "yes no" }, { NULL },
};
static const struct opt user_opts[] = {
	{ "org", 0, "ORG", "the organisation" }, { "name", 0, "NAME", "the person's name" },
	{ "role", 0, "ROLE", "member, org_admin, manager, finance or admin", "member org_admin manager finance admin" }, { NULL },
};
static const struct opt user_rm_opts[] = { { "cancel", 0, NULL, "cancel the user's future bookings, free of charge" },
	{ NULL } };
static const struct opt token_opts[] = { { "note", 0, "TEXT", "what it is for" },
	{ "expires", 0, "TIME", "valid until" }, { NULL } };
static const struct opt instrument_set_opts[] = {
	{ "out-of-service", 0, "yes|no", "take it out of service, or back", "yes no" }, { "notes", 0, "TEXT", "a note for everyone" }, { NULL },
};
static const struct opt instrument_add_opts[] = {
	{ "title", 0, "TEXT", "its full name" }, { "kind", 'k', "KIND", "its kind (microscope)" }, { "location", 0, "TEXT", "where it stands" },
	{ "address", 0, "HOST:PORT", "its controller" }, { "unit", 0, "N", "Modbus unit (1)" },
	{ "profile", 0, "NAME", "register map (generic-plc)" }, { "rate", 0, "AMOUNT", "an hour" }, { NULL },
};
static const struct opt rate_opts[] = { { "from", 0, "TIME", "in force from then on (now)" },
	{ "dry-run", 0, NULL, "check, write nothing" }, { NULL } };

static const struct opt clock_opts[] = { { "reason", 0, "TEXT", "why it is right" }, { NULL } };

#define G "ADMIN"
const struct command admin_commands[] = {
	{ "org ls", G, "", "organisations", 0, 0, ARG_NONE, NULL, run_ls },
	{ "org show", G, "ORG", "one organisation", 1, 1, ARG_NONE, NULL, run_show },
	{ "org add", G, "ORG", "a new organisation", 1, 1, ARG_NONE, org_opts, run_add, "  labtime org add acme --name 'Acme Bio' --tax-id DE123\n" },
	{ "org set", G, "ORG", "change an organisation", 1, 1, ARG_NONE, org_opts, run_set },
	{ "user ls", G, "", "users", 0, 0, ARG_NONE, NULL, run_ls },
	{ "user show", G, "USER", "one user", 1, 1, ARG_NONE, NULL, run_show },
	{ "user add", G, "USER", "a new user", 1, 1, ARG_NONE, user_opts, run_add,
		"  labtime user add chen --org acme --name '\xe9\x99\x88\xe6\x98\x8e' --role member\n" },
	{ "user set", G, "USER", "change a user", 1, 1, ARG_NONE, user_opts, run_set },
	{ "user rm", G, "USER", "deactivate a user and revoke the tokens", 1, 1, ARG_NONE, user_rm_opts, run_rm },
	{ "token ls", G, "", "tokens, without their secrets", 0, 0, ARG_NONE, NULL, run_ls },
	{ "token add", G, "USER", "a new token; its secret is printed once", 1, 1, ARG_NONE, token_opts, run_add,
		"  labtime token add chen --note laptop --expires 'in 365 days'\n" },
	{ "token rm", G, "TOKEN", "revoke a token", 1, 1, ARG_NONE, NULL, run_rm },
	{ "instrument set", G, "INSTR", "out of service, notes", 1, 1, ARG_INSTRUMENT, instrument_set_opts, run_instrument_set,
		"  labtime instrument set krios-1 --out-of-service yes --notes 'cold trap leaks'\n" },
	{ "instrument meter", G, "INSTR", "what its controller says", 1, 1, ARG_INSTRUMENT, NULL, run_instrument_meter },
	{ "instrument add", G, "ID", "print a configuration file to install", 1, 1, ARG_NONE, instrument_add_opts, run_instrument_add,
		"  labtime instrument add krios-2 --title 'Titan Krios G4' \\\n    --address 10.0.0.7:502 > krios-2.conf\n" },
	{ "rate ls", G, "INSTR", "price versions", 1, 1, ARG_INSTRUMENT, NULL, run_versions },
	{ "rate set", G, "INSTR KEY=VALUE...", "a new price version", 2, -1, ARG_INSTRUMENT, rate_opts, run_rate_set,
		"  labtime rate set krios-1 rate=120.00 --from 2027-01-01\n" },
	{ "rate rm", G, "INSTR VERSION", "withdraw an announced price version before its time", 2, 2, ARG_INSTRUMENT, NULL,
		run_rate_rm, "  labtime rate rm krios-1 4\n" },
	{ "policy ls", G, "INSTR", "booking policy versions", 1, 1, ARG_INSTRUMENT, NULL, run_versions },
	{ "doctor", G, "", "what is well, what is not, and the cure", 0, 0, ARG_NONE, NULL, run_doctor },
	{ "clock accept", G, "", "the wall clock is right after a jump: fees, no-shows and releases go on", 0, 0, ARG_NONE, clock_opts,
		run_clock_accept, "  labtime clock accept --reason 'the machine was paused for an hour'\n" },
	{ "backup", G, "FILE", "a consistent copy of the database, beside the running daemon", 1, 1, ARG_FILE, NULL, run_backup,
		"  labtime backup /var/backups/labtime.db\n" },
	{ NULL },
};
