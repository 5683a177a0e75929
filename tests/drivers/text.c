/* text.c - see text.h. */
#include "tests/drivers/text.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/base.h"

static int walk(struct lt_profile *p, const config_setting_t *parent, const char *prefix, struct lt_err *err)
{
	char path[128];

	for (int i = 0; i < config_setting_length(parent); i++) {
		const config_setting_t *s = config_setting_get_elem(parent, (unsigned)i);
		int type = config_setting_type(s), r;
		if (config_setting_name(s))
			snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", config_setting_name(s));
		else
			snprintf(path, sizeof(path), "%s[%d]", prefix, i);
		if (config_setting_is_aggregate(s))
			r = walk(p, s, path, err);
		else if (type == CONFIG_TYPE_STRING)
			r = lt_profile_set(p, path, true, config_setting_get_string(s), 0, err);
		else
			r = lt_profile_set(p, path, false, NULL,
					   type == CONFIG_TYPE_BOOL ? config_setting_get_bool(s) : config_setting_get_int64(s), err);
		if (r < 0)
			return -1;
	}
	return 0;
}

struct lt_profile *profile_of_text(const char *text, struct lt_err *err)
{
	struct lt_profile *p = lt_profile_new();
	config_t c;

	assert_non_null(p);
	config_init(&c);
	if (config_read_string(&c, text) != CONFIG_TRUE)
		fail_msg("line %d: %s", config_error_line(&c), config_error_text(&c));
	if (walk(p, config_root_setting(&c), "", err) < 0 || lt_profile_done(p, err) < 0)
		p = lt_profile_free(p);
	config_destroy(&c);
	return p;
}

struct lt_profile *profile_shipped(const char *name)
{
	struct lt_err err = { 0 };
	struct lt_profile *p;
	char path[256], *text;
	size_t size;

	snprintf(path, sizeof(path), SOURCE_ROOT "/etc/profiles/%s.conf", name);
	text = file_read(path, 65536, &size, &err);
	if (!text)
		fail_msg("%s", err.text);
	p = profile_of_text(text, &err);
	if (!p)
		fail_msg("%s: %s: %s", name, err.field, err.text);
	free(text);
	return p;
}
