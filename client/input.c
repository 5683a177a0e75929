/*
 * input.c - words of the command line become values of the API.
 * Owns nothing. Fails with exit code 2, the column and a way out.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli.h"
#include "common/fmt.h"
#include "common/money.h"

int words_join(struct cli *c, int first, char *dst, size_t cap)
{
	size_t n = 0;

	dst[0] = '\0';
	for (int i = first; i < c->args.npos; i++) {
		n += lt_fmt(dst + n, cap - n, "%s%s", i > first ? " " : "", c->args.pos[i]);
		if (n >= cap)
			return args_usage(c->args.cmd, "a time of more than %zu bytes", cap - 1);
	}
	return EXIT_OK;
}

static struct when_ctx context(struct cli *c)
{
	return (struct when_ctx){ .now = c->now, .zone = &c->zone };
}

int read_when(struct cli *c, const char *text, unsigned flags, struct when *ret)
{
	struct when_err err;
	struct when_ctx x;
	int rc = ask_site(c);

	if (rc)
		return rc;
	x = context(c);
	return when_booking(&x, text, flags, ret, &err) < 0 ? fail_when("time", text, &err) : EXIT_OK;
}

int read_instant(struct cli *c, const char *option, const char *text, int64_t *ret)
{
	struct when_err err;
	struct when_ctx x;
	char what[80];
	int rc = ask_site(c);

	if (rc)
		return rc;
	x = context(c);
	snprintf(what, sizeof what, "time of --%s", option);
	return when_instant(&x, text, ret, &err) < 0 ? fail_when(what, text, &err) : EXIT_OK;
}

int read_duration(const char *text, int64_t *ret_ms)
{
	struct when_err err;

	return when_duration(text, ret_ms, &err) < 0 ? fail_when("length", text, &err) : EXIT_OK;
}

int read_period(struct cli *c, const char *text, struct when_period *ret)
{
	struct when_err err;
	struct when_ctx x;
	int rc = ask_site(c);

	if (rc)
		return rc;
	x = context(c);
	return when_period(&x, text, ret, &err) < 0 ? fail_when("period", text, &err) : EXIT_OK;
}

json_t *json_at(struct cli *c, int64_t at)
{
	char text[48];

	lt_rfc3339(text, sizeof text, at, lt_zone_offset(&c->zone, at));
	return json_string(text);
}

int query_period(struct cli *c, struct path *p, bool month_word)
{
	const char *text = args_get(&c->args, "period");
	struct when_period w;
	char echo[300];
	int rc = read_period(c, text ? text : "this month", &w);

	if (rc)
		return rc;
	if (month_word && w.month[0]) {
		path_query(p, "period", w.month);
	} else {
		path_instant(p, "from", w.from);
		path_instant(p, "to", w.to);
	}
	if (c->out.terminal) {
		when_echo(echo, sizeof echo, &c->zone, w.from, w.to);
		fprintf(stderr, "%s\n", echo);
	}
	return EXIT_OK;
}

int read_money(struct cli *c, const char *text, json_t **ret)
{
	int64_t minor;
	char amount[40];
	int rc = ask_site(c);

	if (rc)
		return rc;
	if (!lt_money_parse(text, c->exponent < 0 ? 2 : c->exponent, &minor) || minor < 0)
		return args_usage(c->args.cmd, "'%s' is no amount; write 400 or 400.00, in %s", text, c->currency);
	lt_money_text(amount, sizeof amount, minor, c->exponent < 0 ? 2 : c->exponent);
	*ret = json_pack("{s:s, s:s}", "amount", amount, "currency", c->currency);
	return EXIT_OK;
}

void body_text(json_t *body, const char *name, const char *value)
{
	if (value)
		json_object_set_new(body, name, json_string(value));
}

void body_override(struct cli *c, json_t *body)
{
	const char *reason = args_get(&c->args, "override");

	if (reason)
		json_object_set_new(body, "override", json_pack("{s:s}", "reason", reason));
}

bool is_id(const char *text, char letter)
{
	size_t n = strlen(text);

	return n > 2 && n < 22 && toupper((unsigned char)text[0]) == letter && text[1] == '-' &&
		strspn(text + 2, "0123456789") == n - 2;
}

int need_id(struct cli *c, int pos, char letter, const char *what)
{
	if (pos < c->args.npos && is_id(c->args.pos[pos], letter))
		return EXIT_OK;
	return args_usage(c->args.cmd, "'%s' is no %s; one looks like %c-1042", pos < c->args.npos ? c->args.pos[pos] : "",
		what, letter);
}

int confirm(const char *question)
{
	char line[32];

	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!fgets(line, sizeof line, stdin)) {
		fputc('\n', stderr);
		return 0;
	}
	return line[0] == 'y' || line[0] == 'Y';
}
