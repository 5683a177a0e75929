/* terms.c - groups of policy and price keys, and addresses. Owns nothing; errors name file and line. */
#include "conf/private.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/fmt.h"

/* Moves an error of a key to the line of the file. */
static int at_line(const struct tree *t, const config_setting_t *s, const struct lt_err *cause, struct lt_err *err)
{
	char place[sizeof(cause->field)];

	tree_place(place, sizeof(place), t->path, (int)config_setting_source_line(s));
	return lt_err_set(err, cause->code, place, "%s", cause->text);
}

static int not_plain(const struct tree *t, const config_setting_t *s, struct lt_err *err)
{
	struct lt_err cause;

	lt_err_set(&cause, "wrong-type", "", "%s must be text in double quotes, like \"15m\", \"1.5\" or \"50%%\"",
		   config_setting_name(s));
	return at_line(t, s, &cause, err);
}

/* The setting that a check between keys complains about, or the group. */
static const config_setting_t *culprit(config_setting_t *group, const char *key)
{
	const config_setting_t *s = config_setting_get_member(group, key);

	return s ? s : group;
}

int conf_policy(const struct tree *t, int option, struct policy *p, struct lt_err *err)
{
	config_setting_t *group = t->at[option];
	struct lt_err cause;
	char buffer[32];

	if (!group)
		return 0;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *value = tree_value(s, buffer);
		if (!value)
			return not_plain(t, s, err);
		if (policy_set(p, config_setting_name(s), value, &cause) < 0)
			return at_line(t, s, &cause, err);
	}
	return policy_check(p, &cause) < 0 ? at_line(t, culprit(group, cause.field), &cause, err) : 0;
}

static int price_group(const struct tree *t, config_setting_t *group, bool has_rate, int exponent, struct price *p,
	struct lt_err *err)
{
	struct lt_err cause;
	char buffer[32];

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *value = tree_value(s, buffer);
		if (!value)
			return not_plain(t, s, err);
		if (has_rate && strcmp(config_setting_name(s), "rate") == 0) {
			lt_err_set(&cause, "duplicate-key", "", "rate is given twice, here and beside price; keep one of the two");
			return at_line(t, s, &cause, err);
		}
		if (price_set(p, config_setting_name(s), value, exponent, &cause) < 0)
			return at_line(t, s, &cause, err);
	}
	return price_check(p, &cause) < 0 ? at_line(t, culprit(group, cause.field), &cause, err) : 0;
}

int conf_price(const struct tree *t, int option, int rate, int exponent, struct price *p, struct lt_err *err)
{
	struct lt_err cause;

	if (t->at[rate] && price_set(p, "rate", tree_text(t, rate, ""), exponent, &cause) < 0)
		return at_line(t, t->at[rate], &cause, err);
	return t->at[option] ? price_group(t, t->at[option], t->at[rate] != NULL, exponent, p, err) : 0;
}

/* Splits "host:port", "[host]:port", "host" and "[host]" into two texts. port is NULL when there is none. */
static bool split_address(const char *text, char host[64], const char **ret_port)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
	size_t n;

	if (!end)
		return false;
	text += text[0] == '[';
	n = (size_t)(end - text);
	if (n == 0 || n >= 64)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	end += *end == ']';
	*ret_port = *end == ':' ? end + 1 : NULL;
	return *end == ':' || *end == '\0';
}

bool conf_address(const char *text, uint16_t initial, char host[64], uint16_t *ret_port)
{
	unsigned char binary[16];
	const char *port;
	int64_t number = initial ? initial : -1;

	if (!split_address(text, host, &port) || (port && !lt_parse_i64(port, initial ? 1 : 0, 65535, &number)) ||
			number < 0)
		return false;
	*ret_port = (uint16_t)number;
	return inet_pton(text[0] == '[' ? AF_INET6 : AF_INET, host, binary) == 1;
}
