/*
 * endpoint.c - which daemon to ask: --context, LABTIME_ENDPOINT, the current context, the Unix socket, TLS on loopback.
 * Owns nothing. Fails when a name or an address is wrong, or a token file cannot be trusted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/config.h"
#include "common/token.h"

static int copy(char *dst, size_t cap, const char *src, size_t n, struct lt_err *err)
{
	if (n >= cap)
		return lt_err_set(err, "usage", "endpoint", "the address is longer than %zu bytes", cap - 1);
	memcpy(dst, src, n);
	dst[n] = '\0';
	return 0;
}

int endpoint_parse(struct endpoint *e, const char *text, struct lt_err *err)
{
	const char *host;
	size_t n = strlen(text);

	e->socket[0] = e->url[0] = '\0';
	if (strncmp(text, "unix:", 5) == 0)
		text += 5, n -= 5;
	if (text[0] == '/')
		return n < 108 ? copy(e->socket, sizeof e->socket, text, n, err) :
			lt_err_set(err, "usage", "endpoint", "the path of a Unix socket has at most 107 bytes");
	if (strncmp(text, "https://", 8) != 0)
		return lt_err_set(err, "usage", "endpoint",
			"an endpoint is unix:/path/to/socket or https://host:7620, not '%.80s'", text);
	while (n > 8 && text[n - 1] == '/')
		n--;
	host = text + 8;
	if (n == 8 || strcspn(host, "/?#@ \t\"\\") < n - 8)
		return lt_err_set(err, "usage", "endpoint", "an endpoint is https://host:7620 without user, path or query");
	if (copy(e->url, sizeof e->url - 6, text, n, err) < 0)
		return -1;
	/* without a port, or with [v6] alone: the daemon's own */
	if (!strchr(host[0] == '[' ? (strchr(host, ']') ? strchr(host, ']') : host) : host, ':'))
		memcpy(e->url + n, ":7620", 6);
	return 0;
}

static int use_context(struct endpoint *e, struct config *c, const struct context *x, struct lt_err *err)
{
	if (endpoint_parse(e, x->endpoint, err) < 0)
		return -1;
	snprintf(e->context, sizeof e->context, "%s", x->name);
	if (x->ca_file[0])
		snprintf(e->ca_file, sizeof e->ca_file, "%s/%s", c->dir, x->ca_file);
	return 0;
}

/* The context whose endpoint is the same, for its token and certificate. */
static const struct context *same_endpoint(struct config *c, const struct endpoint *e)
{
	for (int i = 0; i < c->n; i++) {
		struct endpoint o = { 0 };

		if (endpoint_parse(&o, c->context[i].endpoint, NULL) == 0 && strcmp(o.url, e->url) == 0 &&
				strcmp(o.socket, e->socket) == 0)
			return &c->context[i];
	}
	return NULL;
}

static int find_endpoint(struct endpoint *e, struct config *c, const char *context, struct lt_err *err)
{
	const char *env = getenv("LABTIME_ENDPOINT"), *from = "--context";
	const struct context *x;

	if (!context && env && *env) {
		if (endpoint_parse(e, env, err) < 0)
			return -1;
		x = same_endpoint(c, e);
		return x ? use_context(e, c, x, err) : 0;
	}
	if (!context && c->current[0]) {
		context = c->current;
		from = "the configuration";
	}
	if (context) {
		x = config_find(c, context);
		if (!x)
			return lt_err_set(err, "usage", "context",
				"there is no context '%s', which %s names; see: labtime context ls", context, from);
		return use_context(e, c, x, err);
	}
	e->fallback = true;
	if (access(CONFIG_DEFAULT_SOCKET, F_OK) == 0)
		return endpoint_parse(e, CONFIG_DEFAULT_SOCKET, err);
	return endpoint_parse(e, CONFIG_DEFAULT_URL, err);
}

static int find_token(struct endpoint *e, struct config *c, struct lt_err *err)
{
	const char *file = getenv("LABTIME_TOKEN_FILE");
	struct lt_token t;

	if (file && *file) {
		if (config_read_secret(file, e->token, sizeof e->token, err) < 0)
			return -1;
		snprintf(e->token_from, sizeof e->token_from, "%.500s", file);
	} else if (e->context[0]) {
		if (config_token(c, e->context, e->token, sizeof e->token, err) < 0)
			return -1;
		snprintf(e->token_from, sizeof e->token_from, "%s/credentials", c->dir);
	}
	if (e->token[0] && !lt_token_parse(e->token, &t))
		return lt_err_set(err, "bad-token", e->token_from,
			"%s holds no labtime token (lt_user_...), or a damaged one; cure: labtime login", e->token_from);
	return 0;
}

int endpoint_resolve(struct endpoint *e, struct config *c, const char *context, struct lt_err *err)
{
	memset(e, 0, sizeof *e);
	if (find_endpoint(e, c, context, err) < 0)
		return -1;
	return find_token(e, c, err);
}

const char *endpoint_text(const struct endpoint *e, char *dst, size_t cap)
{
	snprintf(dst, cap, "%s%s", e->socket[0] ? "unix:" : "", e->socket[0] ? e->socket : e->url);
	return dst;
}
