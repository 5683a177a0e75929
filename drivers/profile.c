/*
 * profile.c - reads a profile: one table of keys says for each where it goes and what it may be.
 * Owns the profile's memory. Every refusal names the key and the cure; a profile that failed is only good for free.
 */
#include "drivers/map.h"

#include <stdlib.h>
#include <string.h>

#include "common/fmt.h"

#define PATH_DEPTH 2

static const char *const areas[] = { "coil", "discrete", "holding", "input", NULL };
static const char *const roles[] = { "hourmeter", "state", "power", "energy", "pulse", "uptime", "boots", "serial",
	"fault",
				     "interlock", "watchdog", "probe", NULL };
static const char *const types[] = { "bit", "u16", "i16", "u32", "i32", "u48", "u64", "i64", "string", NULL };
static const char *const orders[] = { "ABCD", "CDAB", "BADC", "DCBA", NULL };
static const char *const tids[] = { "strict", "any", NULL };

enum kind { K_TEXT, K_INT, K_U16, K_BOOL, K_DURATION32, K_DURATION, K_NAME, K_LIST, K_U64, K_MIN, K_MAX, K_RATIO, K_TID,
	K_RETRY };
enum where { W_PROFILE, W_BLOCK, W_VALUE, W_CLEAR };

/* path: indices are written []. offset: into the struct that `where` names. */
struct key { const char *path; enum kind kind; enum where where; size_t offset; int64_t min, max;
	const char *const *names; };

#define P(member) W_PROFILE, offsetof(struct lt_profile, member)
#define B(member) W_BLOCK, offsetof(struct map_block, member)
#define V(member) W_VALUE, offsetof(struct map_value, member)
#define C(member) W_CLEAR, offsetof(struct map_block, member)
#define ANY_I64 INT64_MIN, INT64_MAX

static const struct key keys[] = {
	{ "name", K_TEXT, P(info.name), 1, sizeof(((struct lt_profile_info *)0)->name) },
	{ "title", K_TEXT, P(info.title), 1, sizeof(((struct lt_profile_info *)0)->title) },
	{ "driver", K_TEXT, P(driver), 1, sizeof(((struct lt_profile *)0)->driver) },
	{ "tid", K_TID, P(info.tid_any), 0, 1, tids },
	{ "unit_any", K_BOOL, P(info.unit_any), 0, 1 },
	{ "close_after_poll", K_BOOL, P(info.close_after_poll), 0, 1 },
	{ "timeout", K_DURATION32, P(info.timeout_ms), 50, 10000 },
	{ "pace", K_DURATION32, P(info.pace_ms), 0, 5000 },
	{ "retry[]", K_RETRY, P(info.retry_exceptions), 1, 11 },
	{ "address_base", K_INT, P(address_base), 0, 1 },
	{ "max_gap", K_INT, P(max_gap), 0, 124 },
	{ "max_registers", K_INT, P(max_registers), 1, 125 },
	{ "max_bits", K_INT, P(max_bits), 1, 2000 },
	{ "blocks[].area", K_NAME, B(area), 1, 0, areas },
	{ "blocks[].address", K_U16, B(address), 0, 65535 },
	{ "blocks[].count", K_U16, B(count), 1, 2000 },
	{ "values[].role", K_NAME, V(role), 1, 0, roles },
	{ "values[].area", K_NAME, V(area), 1, 0, areas },
	{ "values[].type", K_NAME, V(type), 1, 0, types },
	{ "values[].order", K_NAME, V(order), 0, 0, orders },
	{ "values[].address", K_INT, V(address), 0, 65535 },
	{ "values[].bit", K_INT, V(bit), 0, 15 },
	{ "values[].length", K_INT, V(length), 1, 16 },
	{ "values[].scale", K_RATIO, V(num), 1, 1000000000 },
	{ "values[].scale_register", K_INT, V(scale_register), 0, 65535 },
	{ "values[].invalid[]", K_LIST, V(invalid), ANY_I64 },
	{ "values[].on[]", K_LIST, V(on), ANY_I64 },
	{ "values[].expect[]", K_LIST, V(expect), ANY_I64 },
	{ "values[].min", K_MIN, V(min), ANY_I64 },
	{ "values[].max", K_MAX, V(max), ANY_I64 },
	{ "values[].mask", K_U64, V(mask), ANY_I64 },
	{ "values[].invert", K_BOOL, V(invert), 0, 1 },
	{ "values[].optional", K_BOOL, V(optional), 0, 1 },
	{ "values[].count", K_DURATION, V(count_ms), 1, 3600000 },
	{ "values[].refresh", K_DURATION, V(refresh_ms), 0, 60000 },
	{ "values[].modulus", K_U64, V(modulus), ANY_I64 },
	{ "interlock.area", K_NAME, P(interlock.area), 1, 0, areas },
	{ "interlock.address", K_INT, P(interlock.address), 0, 65535 },
	{ "interlock.function", K_INT, P(interlock.function), 5, 16 },
	{ "interlock.lock", K_INT, P(interlock.value[0]), 0, 65535 },
	{ "interlock.unlock", K_INT, P(interlock.value[1]), 0, 65535 },
	{ "watchdog.area", K_NAME, P(watchdog.area), 1, 0, areas },
	{ "watchdog.address", K_INT, P(watchdog.address), 0, 65535 },
	{ "watchdog.function", K_INT, P(watchdog.function), 5, 16 },
	{ "watchdog.value", K_INT, P(watchdog.value[0]), 0, 65535 },
	{ "clear[].area", K_NAME, C(area), 1, 0, areas },
	{ "clear[].address", K_U16, C(address), 0, 65535 },
	{ "clear[].count", K_U16, C(count), 1, 2000 },
};

struct setting {
	struct lt_profile *p;
	const char *path;
	bool is_text;
	const char *text;
	int64_t number;
	int index[PATH_DEPTH];
	int depth;
	struct lt_err *err;
};

static int refuse(const struct setting *s, const char *what)
{
	return lt_err_set(s->err, "profile-invalid", s->path, "%s", what);
}

static int refuse_range(const struct setting *s, int64_t min, int64_t max)
{
	return lt_err_set(s->err, "profile-range", s->path, "must be a whole number from %lld to %lld", (long long)min,
			  (long long)max);
}

struct lt_profile *lt_profile_new(void)
{
	struct lt_profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->max_registers = 125;
	p->max_bits = 2000;
	p->interlock.address = p->watchdog.address = -1;
	p->interlock.value[1] = 1;
	p->watchdog.value[0] = 1;
	for (int i = 0; i < MAP_VALUES; i++) {
		p->values[i].address = p->values[i].bit = p->values[i].scale_register = -1;
		p->values[i].num = p->values[i].den = 1;
	}
	return p;
}

struct lt_profile *lt_profile_free(struct lt_profile *p)
{
	free(p);
	return NULL;
}

const struct lt_profile_info *lt_profile_info(const struct lt_profile *p)
{
	return &p->info;
}

bool lt_profile_equal(const struct lt_profile *a, const struct lt_profile *b)
{
	return a == b || memcmp(a, b, sizeof(*a)) == 0; /* calloc'd and only set member by member: padding is zero */
}

/* "values[2].invalid[0]" -> "values[].invalid[]" and {2, 0}. */
static bool split_path(struct setting *s, char *dst, size_t cap)
{
	size_t n = 0;
	const char *c = s->path;

	if (strncmp(c, "profile.", 8) == 0)
		c += 8;
	while (*c && n + 2 < cap) {
		const char *end;
		int64_t i;

		dst[n++] = *c;
		if (*c++ != '[')
			continue;
		end = strchr(c, ']');
		if (!end || s->depth == PATH_DEPTH || !lt_parse_i64n(c, (size_t)(end - c), 0, 9999, &i))
			return false;
		s->index[s->depth++] = (int)i;
		c = end;
	}
	dst[n] = '\0';
	return *c == '\0';
}

/* A number, given as such or as decimal or 0x text (for 64-bit values). */
static bool number_of(const struct setting *s, uint64_t *ret)
{
	const char *t = s->text;
	uint64_t v = 0;
	unsigned base = 10;
	int64_t signed_value;

	if (!s->is_text) {
		*ret = (uint64_t)s->number;
		return true;
	}
	if (t[0] == '-') {
		if (!lt_parse_i64(t, INT64_MIN, 0, &signed_value))
			return false;
		*ret = (uint64_t)signed_value;
		return true;
	}
	if (t[0] == '0' && (t[1] == 'x' || t[1] == 'X')) {
		base = 16;
		t += 2;
	}
	if (!*t)
		return false;
	for (; *t; t++) {
		unsigned d = *t >= '0' && *t <= '9' ? (unsigned)(*t - '0') : *t >= 'a' && *t <= 'f' ? (unsigned)(*t - 'a' + 10)
			: *t >= 'A' && *t <= 'F' ? (unsigned)(*t - 'A' + 10) : 99;
		if (d >= base || v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return true;
}

static bool duration_of(const struct setting *s, int64_t *ret)
{
	static const struct { const char *unit; int64_t ms; } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 } };
	size_t digits = 0;
	int64_t n;

	if (!s->is_text)
		return false;
	digits = strspn(s->text, "0123456789");
	if (!lt_parse_i64n(s->text, digits, 0, 1000000, &n))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(s->text + digits, units[i].unit) == 0) {
			*ret = n * units[i].ms;
			return true;
		}
	return false;
}

static int name_of(const struct setting *s, const char *const *names, int *ret)
{
	char list[160] = "";

	for (int i = 0; names[i]; i++) {
		size_t n = strlen(list);
		if (s->is_text && strcmp(s->text, names[i]) == 0) {
			*ret = i;
			return 0;
		}
		lt_fmt(list + n, sizeof(list) - n, "%s%s", i ? " | " : "", names[i]);
	}
	return lt_err_set(s->err, "profile-invalid", s->path, "must be one of %s", list);
}

/* "10", "1/10": numerator and denominator lie side by side. */
static int set_ratio(const struct setting *s, int64_t *num, int64_t max)
{
	const char *slash = s->is_text ? strchr(s->text, '/') : NULL;
	size_t n = !s->is_text ? 0 : slash ? (size_t)(slash - s->text) : strlen(s->text);
	int64_t a = s->number, b = 1;

	if (s->is_text && !lt_parse_i64n(s->text, n, -max, max, &a))
		return refuse(s, "must be a whole number or a fraction such as \"1/10\"");
	if ((slash && !lt_parse_i64(slash + 1, 1, max, &b)) || a == 0 || a < -max || a > max)
		return refuse(s, "must be a whole number or a fraction such as \"1/10\", neither part 0 nor over 1000000000");
	num[0] = a;
	num[1] = b;
	return 0;
}

static int set_list(const struct setting *s, struct map_list *list)
{
	int i = s->index[s->depth - 1];

	if (i >= MAP_LIST || i != list->n)
		return refuse(s, "a list has at most 8 members, in order");
	if (!number_of(s, &list->v[i]))
		return refuse(s, "must be a whole number (or text with one, decimal or 0x...)");
	list->n++;
	return 0;
}

static int set_text(const struct setting *s, char *dst, size_t cap)
{
	size_t n = s->is_text ? strlen(s->text) : 0;

	if (n == 0 || n >= cap || !lt_utf8_valid(s->text, n))
		return lt_err_set(s->err, "profile-invalid", s->path, "must be text of 1 to %zu bytes", cap - 1);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s->text[i] < ' ' || s->text[i] == 0x7f)
			return refuse(s, "must not contain control characters");
	memcpy(dst, s->text, n + 1);
	return 0;
}

static int set_retry(const struct setting *s, uint32_t *bits)
{
	if (s->is_text || (s->number != 5 && s->number != 6 && s->number != 10 && s->number != 11))
		return refuse(s, "only exceptions 5, 6, 10 and 11 may be retried");
	*bits |= 1u << s->number;
	return 0;
}

/* The struct that a key belongs to; grows the array it is in. */
static void *base_of(struct setting *s, enum where where)
{
	struct lt_profile *p = s->p;
	int i = s->index[0];
	int *n = where == W_BLOCK ? &p->n_blocks : where == W_VALUE ? &p->n_values : &p->n_clears;
	int max = where == W_BLOCK ? LT_READS_MAX : where == W_VALUE ? MAP_VALUES : MAP_CLEARS;

	if (where == W_PROFILE)
		return p;
	if (i >= max || i > *n) {
		lt_err_set(s->err, "profile-limit", s->path, "at most %d entries, in order", max);
		return NULL;
	}
	if (i == *n)
		(*n)++;
	return where == W_BLOCK ? (void *)&p->blocks[i] : where == W_VALUE ? (void *)&p->values[i] : (void *)&p->clears[i];
}

static int set_name(const struct setting *s, const struct key *k, int *dst)
{
	int i;

	if (name_of(s, k->names, &i) < 0)
		return -1;
	*dst = i + (int)k->min; /* enums whose 0 is "none" start at 1 */
	return 0;
}

static int set_bound(const struct setting *s, const struct key *k, struct map_value *v)
{
	uint64_t u;

	if (!number_of(s, &u))
		return refuse(s, "must be a whole number");
	if (k->kind == K_MIN) {
		v->has_min = true;
		v->min = (int64_t)u;
	} else {
		v->has_max = true;
		v->max = (int64_t)u;
	}
	return 0;
}

static int set_integer(const struct setting *s, const struct key *k, char *dst)
{
	if (s->is_text || s->number < k->min || s->number > k->max)
		return k->kind == K_BOOL ? refuse(s, "must be true or false") : refuse_range(s, k->min, k->max);
	if (k->kind == K_BOOL)
		*(bool *)dst = s->number != 0;
	else if (k->kind == K_U16)
		*(uint16_t *)(void *)dst = (uint16_t)s->number;
	else
		*(int64_t *)(void *)dst = s->number;
	return 0;
}

static int set_duration(const struct setting *s, const struct key *k, char *dst)
{
	int64_t ms;

	if (!duration_of(s, &ms) || ms < k->min || ms > k->max)
		return lt_err_set(s->err, "profile-range", s->path,
			"must be a duration such as \"500ms\" or \"1s\", from %lldms to %lldms",
				  (long long)k->min, (long long)k->max);
	if (k->kind == K_DURATION32)
		*(int32_t *)(void *)dst = (int32_t)ms;
	else
		*(int64_t *)(void *)dst = ms;
	return 0;
}

static int set_key(struct setting *s, const struct key *k)
{
	char *base = base_of(s, k->where), *dst = base ? base + k->offset : NULL;
	int tid;

	if (!base)
		return -1;
	switch (k->kind) {
	case K_TEXT:
		return set_text(s, dst, (size_t)k->max);
	case K_INT: case K_U16: case K_BOOL:
		return set_integer(s, k, dst);
	case K_DURATION32: case K_DURATION:
		return set_duration(s, k, dst);
	case K_NAME:
		return set_name(s, k, (int *)(void *)dst);
	case K_LIST:
		return set_list(s, (struct map_list *)(void *)dst);
	case K_U64:
		if (!number_of(s, (uint64_t *)(void *)dst) || *(uint64_t *)(void *)dst == 0)
			return refuse(s, "must be a whole number over 0 (or text with one, decimal or 0x...)");
		return 0;
	case K_MIN: case K_MAX:
		return set_bound(s, k, (struct map_value *)(void *)base);
	case K_RATIO:
		return set_ratio(s, (int64_t *)(void *)dst, k->max);
	case K_TID:
		if (name_of(s, tids, &tid) < 0)
			return -1;
		*(bool *)dst = tid == 1;
		return 0;
	case K_RETRY:
		return set_retry(s, (uint32_t *)(void *)dst);
	}
	return -1;
}

int lt_profile_set(struct lt_profile *p, const char *path, bool is_text, const char *text, int64_t number,
	struct lt_err *err)
{
	struct setting s = { .p = p, .path = path, .is_text = is_text, .text = text ? text : "",
		.number = is_text ? 0 : number, .err = err };
	char pattern[96];

	if (!split_path(&s, pattern, sizeof(pattern)))
		return refuse(&s, "not a key of a profile; see docs/profiles.md");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].path, pattern) == 0) {
			if (strncmp(pattern, "interlock.", 10) == 0)
				p->interlock.set = true;
			if (strncmp(pattern, "watchdog.", 9) == 0)
				p->watchdog.set = true;
			return set_key(&s, &keys[i]);
		}
	return refuse(&s, "unknown key; see docs/profiles.md for those a profile may have");
}

const char *map_role_name(int role)
{
	return role > ROLE_NONE && role < ROLES ? roles[role - 1] : "none";
}
