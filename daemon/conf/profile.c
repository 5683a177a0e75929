/*
 * profile.c - finds a profile's file and hands its settings, one by one, to drivers/profile.
 * The conf owns the profiles; one file is read once however many instruments name it.
 */
#include "conf/private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"

#define DEPTH 6

struct walker { struct lt_profile *profile; const char *path; struct lt_err *err; };

static int fail_at(const struct walker *w, const config_setting_t *s, const struct lt_err *cause)
{
	char place[sizeof(cause->field)];

	tree_place(place, sizeof(place), w->path, (int)config_setting_source_line(s));
	return lt_err_set(w->err, cause->code, place, "%s%s%s", cause->field, cause->field[0] ? ": " : "", cause->text);
}

static int set_plain(const struct walker *w, const config_setting_t *s, const char *name)
{
	int type = config_setting_type(s);
	int64_t number = type == CONFIG_TYPE_INT ? config_setting_get_int(s) : type == CONFIG_TYPE_BOOL
		? config_setting_get_bool(s) : 0;
	bool is_text = type == CONFIG_TYPE_STRING;
	struct lt_err cause;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_BOOL && !is_text) {
		lt_err_set(&cause, "wrong-type", name,
			"must be text or a whole number; nothing here is a floating point number");
		return fail_at(w, s, &cause);
	}
	if (lt_profile_set(w->profile, name, is_text, is_text ? config_setting_get_string(s) : NULL, number, &cause) < 0)
		return fail_at(w, s, &cause);
	return 0;
}

/* Members of a group are "prefix.name", those of a list or array "prefix[i]". */
static int walk(const struct walker *w, const config_setting_t *parent, const char *prefix, int depth)
{
	bool group = config_setting_type(parent) == CONFIG_TYPE_GROUP;
	char name[128];

	for (int i = 0; i < config_setting_length(parent); i++) {
		const config_setting_t *s = config_setting_get_elem(parent, (unsigned)i);
		bool nested = config_setting_is_aggregate(s);
		if (group)
			lt_fmt(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", config_setting_name(s));
		else
			lt_fmt(name, sizeof(name), "%s[%d]", prefix, i);
		if (nested && depth == DEPTH) {
			struct lt_err cause;
			lt_err_set(&cause, "syntax", name, "nested too deeply for a profile");
			return fail_at(w, s, &cause);
		}
		if (nested ? walk(w, s, name, depth + 1) < 0 : set_plain(w, s, name) < 0)
			return -1;
	}
	return 0;
}

static int fill(const struct walker *w, const config_t *cfg, const char *name)
{
	const config_setting_t *root = config_root_setting(cfg), *group = config_lookup(cfg, "profile");
	struct lt_err cause;

	if (!group || config_setting_length(root) != 1 || config_setting_type(group) != CONFIG_TYPE_GROUP) {
		lt_err_set(&cause, "syntax", "", "a profile's file holds one group: profile = { ... };");
		return fail_at(w, config_setting_length(root) ? config_setting_get_elem(root, 0) : root, &cause);
	}
	if (walk(w, group, "", 0) < 0)
		return -1;
	if (lt_profile_done(w->profile, &cause) < 0)
		return fail_at(w, group, &cause);
	if (strcmp(lt_profile_info(w->profile)->name, name) != 0) {
		lt_err_set(&cause, "bad-value", "name", "must be the file's own name, \"%s\"", name);
		return fail_at(w, config_setting_get_member(group, "name"), &cause);
	}
	return 0;
}

static struct lt_profile *read_profile(const char *path, const char *name, struct lt_err *err)
{
	struct walker w = { lt_profile_new(), path, err };
	config_t cfg;
	int r;

	config_init(&cfg);
	r = w.profile ? tree_parse(&cfg, path, err) : lt_err_set(err, "no-memory", path, "out of memory");
	if (r == 0)
		r = fill(&w, &cfg, name);
	config_destroy(&cfg);
	return r == 0 ? w.profile : lt_profile_free(w.profile);
}

static struct lt_profile *known(const struct conf *c, const char *name)
{
	for (int i = 0; i < c->n_profiles; i++)
		if (strcmp(lt_profile_info(c->profiles[i])->name, name) == 0)
			return c->profiles[i];
	return NULL;
}

struct lt_profile *conf_profile(struct builder *b, const struct tree *t, int option, const char *name,
	struct lt_err *err)
{
	char own[2 * CONF_PATH], built_in[2 * CONF_PATH];
	struct lt_profile *p = known(b->conf, name), **more;

	if (p)
		return p;
	if (!site_id_valid(name)) {
		tree_fail(t, option, err, "bad-value", "%s = \"%s\" is not a profile's name; use one like \"generic-plc\"",
			  t->options[option].path, name);
		return NULL;
	}
	lt_fmt(own, sizeof(own), "%s/profiles/%s.conf", b->directory, name);
	lt_fmt(built_in, sizeof(built_in), "%s/%s.conf", b->profiles_dir, name);
	if (access(own, F_OK) != 0 && access(built_in, F_OK) != 0) {
		tree_fail(t, option, err, "unknown-profile", "there is no profile \"%s\" in %s/profiles or %s; "
			"put one there, or say where they are with --profiles DIR", name, b->directory, b->profiles_dir);
		return NULL;
	}
	p = read_profile(access(own, F_OK) == 0 ? own : built_in, name, err);
	if (!p)
		return NULL;
	more = realloc(b->conf->profiles, (size_t)(b->conf->n_profiles + 1) * sizeof(*more));
	if (!more) {
		lt_err_set(err, "no-memory", name, "out of memory");
		return lt_profile_free(p);
	}
	b->conf->profiles = more;
	more[b->conf->n_profiles++] = p;
	return p;
}
