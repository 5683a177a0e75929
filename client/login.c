/*
 * login.c - login, logout, whoami, context: where to connect and as whom.
 * Owns the files of config.h while it changes them. A token never stands in the command line; a certificate that
 * nobody vouches for is trusted only after its fingerprint was shown and confirmed.
 */
#include "client/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/sha256.h"
#include "common/fmt.h"
#include "common/token.h"

#define PEM_MAX 16384

static int base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* SHA-256 of the DER bytes inside a PEM text, as AA:BB:.. */
static bool fingerprint(const char *pem, char hex[65], char shown[96])
{
	static const char head[] = "-----BEGIN CERTIFICATE-----";
	const char *p = strstr(pem, head);
	struct sha256 s;
	uint8_t digest[32];
	uint32_t bits = 0;
	int n = 0;

	if (!p)
		return false;
	sha256_init(&s);
	for (p += sizeof head - 1; *p && *p != '-'; p++) {
		int v = base64_value(*p);

		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n >= 8) {
			uint8_t byte = (uint8_t)(bits >> (n -= 8));

			sha256_add(&s, &byte, 1);
		}
	}
	sha256_end(&s, digest);
	sha256_free(&s);
	sha256_hex(digest, hex);
	for (int i = 0; i < 32; i++)
		lt_fmt(shown + 3 * i, (size_t)(96 - 3 * i), "%c%c%s", hex[2 * i] - (hex[2 * i] >= 'a' ? 32 : 0),
			hex[2 * i + 1] - (hex[2 * i + 1] >= 'a' ? 32 : 0), i < 31 ? ":" : "");
	return true;
}

/* Trusts the certificate that the server shows, after the fingerprint was confirmed. */
static int pin(struct cli *c, struct context *x, const struct endpoint *e)
{
	static char pem[PEM_MAX];
	char hex[65], shown[96], question[160];
	const char *given = args_get(&c->args, "fingerprint");
	struct lt_err err;
	int rc = transport_certificate(e, pem, sizeof pem, &err);

	if (rc < 0)
		return fail_err(EXIT_UNREACHABLE, &err);
	x->pin[0] = x->ca_file[0] = '\0';
	if (rc == 0)
		return EXIT_OK;
	if (!fingerprint(pem, hex, shown))
		return fail(EXIT_FAILED, "bad-certificate", "%s shows no certificate that can be read", e->url);
	fprintf(stderr, "%s shows a certificate that nobody here vouches for.\n  SHA-256 %s\n"
		"Compare it with the one its administrator sees:\n  openssl x509 -in CERTIFICATE -noout -fingerprint -sha256\n",
		e->url, shown);
	if (given && strcasecmp(given, shown) != 0 && strcasecmp(given, hex) != 0)
		return fail(EXIT_LOGIN, "untrusted-certificate", "this is not the fingerprint that you gave");
	if (!given && !isatty(STDIN_FILENO))
		return fail(EXIT_LOGIN, "untrusted-certificate", "nobody is here to confirm it; add --fingerprint %s", shown);
	snprintf(question, sizeof question, "Trust it from now on?");
	if (!given && !confirm(question))
		return fail(EXIT_LOGIN, "untrusted-certificate", "not trusted, nothing was saved");
	lt_fmt(x->pin, sizeof x->pin, "%s", hex);
	if (lt_fmt(x->ca_file, sizeof x->ca_file, "%s.pem", x->name) >= sizeof x->ca_file)
		return args_usage(c->args.cmd, "the context's name is too long; choose another: --name NAME");
	return config_write(&c->config, x->ca_file, pem, strlen(pem), 0600, &err) < 0 ? fail_err(EXIT_FAILED,
		&err) : EXIT_OK;
}

/* A line without echo. */
static bool read_hidden(char *dst, size_t cap)
{
	struct termios old, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &old) == 0, ok;

	if (tty) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		interrupt_echo(&old);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fputs("Token (it is not shown): ", stderr);
	}
	ok = fgets(dst, (int)cap, stdin) != NULL;
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		interrupt_echo(NULL);
		fputc('\n', stderr);
	}
	dst[ok ? strcspn(dst, "\r\n") : 0] = '\0';
	return ok;
}

static int read_token(struct cli *c, const struct endpoint *e, char *dst, size_t cap)
{
	const char *file = args_get(&c->args, "token-file");
	struct lt_token t;
	struct lt_err err;

	dst[0] = '\0';
	if (!file && e->socket[0] && !args_has(&c->args, "token"))
		return EXIT_OK; /* the kernel says who asks */
	if (file && config_read_secret(file, dst, cap, &err) < 0)
		return fail_err(EXIT_LOGIN, &err);
	if (!file && (!read_hidden(dst, cap) || !*dst))
		return fail(EXIT_LOGIN, "no-token", "no token was given; an administrator makes one: labtime token add USER");
	if (!lt_token_parse(dst, &t))
		return fail(EXIT_LOGIN, "bad-token", "this is no labtime token (lt_user_...), or a character is missing");
	return EXIT_OK;
}

static void default_name(const struct endpoint *e, char dst[64])
{
	const char *host = e->url + 8;
	size_t n = strcspn(host, ":]");

	if (e->socket[0] || !n)
		lt_fmt(dst, 64, "local");
	else
		lt_fmt(dst, 64, "%.*s", (int)(n < 50 ? n : 50), host[0] == '[' ? "ipv6" : host);
}

static int greet(struct cli *c)
{
	static const struct column fields[] = {
		{ "User", "user", CELL_TEXT }, { "Org", "org", CELL_TEXT }, { "Role", "role", CELL_TEXT }, { "Acts as", "actor", CELL_TEXT },
		{ "Token", "token", CELL_TEXT }, { "Expires", "expires_at", CELL_TIME }, { NULL },
	};
	char where[300];
	json_t *me;
	int rc = ask_get(c, "/v1/whoami", &me);

	if (rc)
		return rc;
	out_record(&c->out, fields, me, "user");
	if (c->out.mode == OUT_TABLE)
		printf("  %-8s %s\n", "At", endpoint_text(&c->endpoint, where, sizeof where));
	json_decref(me);
	return EXIT_OK;
}

static int load(struct cli *c)
{
	struct lt_err err;

	return config_load(&c->config, &err) < 0 ? fail_err(EXIT_FAILED, &err) : EXIT_OK;
}

/* Where login goes: the word, or what would be used anyway. */
static int login_endpoint(struct cli *c, struct endpoint *e)
{
	const char *env = getenv("LABTIME_ENDPOINT"), *text = c->args.npos ? c->args.pos[0] : env && *env ? env : NULL;
	struct lt_err err;

	if (!text)
		text = access(CONFIG_DEFAULT_SOCKET, F_OK) == 0 ? CONFIG_DEFAULT_SOCKET : CONFIG_DEFAULT_URL;
	memset(e, 0, sizeof *e);
	return endpoint_parse(e, text, &err) < 0 ? fail_err(EXIT_USAGE, &err) : EXIT_OK;
}

static int run_login(struct cli *c)
{
	struct endpoint e;
	struct context *x;
	struct lt_err err;
	char name[64];
	int rc = load(c);

	if (rc || (rc = login_endpoint(c, &e)) != 0)
		return rc;
	default_name(&e, name);
	if (args_has(&c->args, "name"))
		lt_fmt(name, sizeof name, "%s", args_get(&c->args, "name"));
	x = config_add(&c->config, name, &err);
	if (!x)
		return fail_err(EXIT_USAGE, &err);
	endpoint_text(&e, x->endpoint, sizeof x->endpoint);
	if (!e.socket[0] && (rc = pin(c, x, &e)) != 0)
		return rc;
	if (x->ca_file[0] && !e.socket[0])
		snprintf(e.ca_file, sizeof e.ca_file, "%s/%s", c->config.dir, x->ca_file);
	if ((rc = read_token(c, &e, e.token, sizeof e.token)) != 0)
		return rc;
	lt_fmt(e.context, sizeof e.context, "%s", name);
	c->endpoint = e;
	c->endpoint_known = true;
	if ((rc = greet(c)) != 0) /* nothing is saved that does not work */
		return rc;
	lt_fmt(c->config.current, sizeof c->config.current, "%s", name);
	if (config_save(&c->config, &err) < 0 || config_save_token(&c->config, name, e.token, &err) < 0)
		return fail_err(EXIT_FAILED, &err);
	fprintf(stderr, "Logged in; context '%s' is in use.   Next: labtime ls\n", name);
	return EXIT_OK;
}

static int run_logout(struct cli *c)
{
	const char *name;
	struct lt_err err;
	int rc = load(c);

	if (rc)
		return rc;
	name = c->args.npos ? c->args.pos[0] : args_get(&c->args, "context") ? args_get(&c->args,
		"context") : c->config.current;
	if (!*name || !config_find(&c->config, name))
		return fail(EXIT_USAGE, "usage", "there is no context '%s' to log out of; see: labtime context ls", name);
	if (config_save_token(&c->config, name, "", &err) < 0)
		return fail_err(EXIT_FAILED, &err);
	fprintf(stderr, "The token of '%s' is gone from this machine.\nTo make it void everywhere: labtime token rm\n",
		name);
	return EXIT_OK;
}

static int run_whoami(struct cli *c)
{
	int rc = ask_connect(c);

	return rc ? rc : greet(c);
}

static int run_context_ls(struct cli *c)
{
	static const struct column columns[] = {
		{ "CONTEXT", "name", CELL_TEXT }, { "IN USE", "current", CELL_MARK }, { "ENDPOINT", "endpoint", CELL_TEXT, 0, true },
		{ "FINGERPRINT", "fingerprint", CELL_TEXT, 1, true }, { NULL },
	};
	json_t *items = json_array(), *doc;
	int rc = load(c);

	for (int i = 0; !rc && i < c->config.n; i++) {
		const struct context *x = &c->config.context[i];

		json_array_append_new(items, json_pack("{s:s, s:b, s:s, s:s}", "name", x->name, "current",
			strcmp(x->name, c->config.current) == 0, "endpoint", x->endpoint, "fingerprint", x->pin));
	}
	doc = json_pack("{s:o}", "items", items);
	if (!rc)
		out_list(&c->out, columns, doc, "name");
	if (!rc && c->config.n == 0 && c->out.mode == OUT_TABLE)
		fprintf(stderr, "No contexts: unix:%s is used, else %s. Add one: labtime login https://HOST:7620\n",
			CONFIG_DEFAULT_SOCKET, CONFIG_DEFAULT_URL);
	json_decref(doc);
	return rc;
}

static int run_context_use(struct cli *c)
{
	struct lt_err err;
	int rc = load(c);

	if (rc)
		return rc;
	if (!config_find(&c->config, c->args.pos[0]))
		return fail(EXIT_NOT_FOUND, "not-found", "there is no context '%s'; see: labtime context ls", c->args.pos[0]);
	lt_fmt(c->config.current, sizeof c->config.current, "%s", c->args.pos[0]);
	return config_save(&c->config, &err) < 0 ? fail_err(EXIT_FAILED, &err) : EXIT_OK;
}

static int run_context_add(struct cli *c)
{
	struct endpoint e = { 0 };
	struct context *x;
	struct lt_err err;
	int rc = load(c);

	if (rc)
		return rc;
	if (endpoint_parse(&e, c->args.pos[1], &err) < 0 || !(x = config_add(&c->config, c->args.pos[0], &err)))
		return fail_err(EXIT_USAGE, &err);
	endpoint_text(&e, x->endpoint, sizeof x->endpoint);
	if (config_save(&c->config, &err) < 0)
		return fail_err(EXIT_FAILED, &err);
	fprintf(stderr, "Added. Say who you are there: labtime login %s --name %s\n", x->endpoint, x->name);
	return EXIT_OK;
}

static int run_context_rm(struct cli *c)
{
	struct lt_err err;
	int rc = load(c);

	if (rc)
		return rc;
	if (!config_find(&c->config, c->args.pos[0]))
		return fail(EXIT_NOT_FOUND, "not-found", "there is no context '%s'; see: labtime context ls", c->args.pos[0]);
	config_remove(&c->config, c->args.pos[0]);
	if (config_save(&c->config, &err) < 0 || config_save_token(&c->config, c->args.pos[0], "", &err) < 0)
		return fail_err(EXIT_FAILED, &err);
	return EXIT_OK;
}

static const struct opt login_opts[] = {
	{ "name", 0, "NAME", "name of the context (the host)" },
	{ "token-file", 0, "FILE", "read the token from a file that only you can read" },
	{ "token", 0, NULL, "ask for a token on a Unix socket as well" },
	{ "fingerprint", 0, "AA:BB:...", "the certificate's SHA-256, when nobody is there to confirm it" },
	{ NULL },
};

#define G "PLUMBING"
const struct command login_commands[] = {
	{ "login", G, "[https://HOST:7620|unix:/PATH]", "keep a token for a daemon, and use it from now on", 0, 1, ARG_NONE, login_opts, run_login,
		"  labtime login https://lab.example.org:7620\n  labtime login unix:/run/labtime/labtimed.sock\n" },
	{ "logout", G, "[CONTEXT]", "forget the token", 0, 1, ARG_CONTEXT, NULL, run_logout },
	{ "whoami", G, "", "who the daemon says I am", 0, 0, ARG_NONE, NULL, run_whoami },
	{ "context ls", G, "", "known daemons", 0, 0, ARG_NONE, NULL, run_context_ls },
	{ "context use", G, "CONTEXT", "use this one from now on", 1, 1, ARG_CONTEXT, NULL, run_context_use },
	{ "context add", G, "NAME ENDPOINT", "a daemon without logging in", 2, 2, ARG_NONE, NULL, run_context_add },
	{ "context rm", G, "CONTEXT", "forget a daemon and its token", 1, 1, ARG_CONTEXT, NULL, run_context_rm },
	{ NULL },
};
