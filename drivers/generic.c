/*
 * generic.c - the driver behind every profile: registers to integers by the map, a wish to one write.
 * Pure: no I/O, no clock, no allocation. Whatever bytes come, it answers with an observation or an error.
 */
#include <string.h>

#include "common/fmt.h"
#include "drivers/map.h"

struct state { const struct lt_profile *p; };

static int load(void *state, const struct lt_profile *profile, struct lt_err *err)
{
	if (!profile->sealed)
		return lt_err_set(err, "profile-invalid", "", "the profile is not complete");
	((struct state *)state)->p = profile;
	return 0;
}

static int plan(const void *state, struct lt_read ret[LT_READS_MAX])
{
	const struct lt_profile *p = ((const struct state *)state)->p;

	for (int i = 0; i < p->n_blocks && i < LT_READS_MAX; i++)
		ret[i] = (struct lt_read){ (uint8_t)p->blocks[i].area, p->blocks[i].address, p->blocks[i].count };
	return p->n_blocks;
}

static int bad(struct lt_err *err, const struct map_value *v, const char *what)
{
	return lt_err_set(err, "reading-impossible", map_role_name(v->role), "%s at address %lld %s",
		map_role_name(v->role),
			  (long long)v->address, what);
}

static uint16_t word_at(const uint8_t *data, bool swapped)
{
	return swapped ? (uint16_t)(data[1] << 8 | data[0]) : (uint16_t)(data[0] << 8 | data[1]);
}

static uint64_t raw_of(const struct map_value *v, const uint8_t *data)
{
	bool swapped = v->order == ORDER_BADC || v->order == ORDER_DCBA, low_first = v->order == ORDER_CDAB ||
		v->order == ORDER_DCBA;
	int words = map_words(v);
	uint64_t u = 0;

	if (map_is_bits(v->area))
		return (uint64_t)(data[v->offset / 8] >> (v->offset % 8) & 1);
	for (int i = 0; i < words; i++)
		u = u << 16 | word_at(data + v->offset + 2 * (low_first ? words - 1 - i : i), swapped);
	return v->type == TYPE_BIT ? u >> v->bit & 1 : u;
}

static bool in_list(const struct map_list *l, uint64_t u)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i] == u)
			return true;
	return false;
}

/* Two's complement of the value's own width; the unsigned types are returned as they are. */
static int64_t signed_of(const struct map_value *v, uint64_t u)
{
	if (v->type == TYPE_I16)
		return (int64_t)(u ^ 0x8000u) - 0x8000;
	if (v->type == TYPE_I32)
		return (int64_t)(u ^ 0x80000000u) - INT64_C(0x80000000);
	return (int64_t)u;
}

static uint64_t masked(const struct map_value *v, uint64_t u)
{
	uint64_t low = v->mask & (~v->mask + 1);

	if (v->mask)
		u = (u & v->mask) / low;
	return v->invert ? (v->type == TYPE_BIT ? u ^ 1 : !u) : u;
}

static bool out_of_bounds(const struct map_value *v, uint64_t u)
{
	int64_t s = signed_of(v, u);

	if (v->type == TYPE_U64 && u > INT64_MAX)
		return v->has_max;
	return (v->has_min && s < v->min) || (v->has_max && s > v->max);
}

static bool scaled(int64_t s, int64_t num, int64_t den, int exponent, int64_t *ret)
{
	for (; exponent > 0; exponent--)
		if (__builtin_mul_overflow(num, 10, &num))
			return false;
	for (; exponent < 0; exponent++)
		if (__builtin_mul_overflow(den, 10, &den))
			return false;
	if (__builtin_mul_overflow(s, num, &s))
		return false;
	*ret = s / den;
	return true;
}

static int set_scaled(const struct map_value *v, uint64_t u, const uint8_t *data, struct lt_observation *obs,
	struct lt_err *err)
{
	int exponent = 0;
	int64_t s = signed_of(v, u);

	if (v->type == TYPE_U64 && u > INT64_MAX)
		return bad(err, v, "is over 2^63");
	if (v->scale_register >= 0) {
		exponent = (int16_t)word_at(data + v->scale_offset, v->order == ORDER_BADC || v->order == ORDER_DCBA);
		if (exponent < -10 || exponent > 10)
			return bad(err, v, "has a scale factor outside -10..10");
	}
	if (!scaled(s, v->num, v->den, exponent, &s))
		return bad(err, v, "is too large for its scale");
	if (v->role == ROLE_POWER) {
		obs->power_mw = s;
		obs->have |= LT_HAVE_POWER;
		return 0;
	}
	if (s < 0 || (v->role == ROLE_FAULT && s > UINT32_MAX))
		return bad(err, v, "is out of range");
	if (v->role == ROLE_UPTIME) {
		obs->uptime_s = (uint64_t)s;
		obs->have |= LT_HAVE_UPTIME;
	} else if (v->role == ROLE_BOOTS) {
		obs->boots = (uint64_t)s;
		obs->have |= LT_HAVE_BOOTS;
	} else {
		obs->fault = (uint32_t)s;
		obs->have |= LT_HAVE_FAULT;
	}
	return 0;
}

static int set_counter(const struct map_value *v, uint64_t u, struct lt_observation *obs, struct lt_err *err)
{
	if (v->modulus && u >= v->modulus)
		return bad(err, v, "is not below its modulus");
	if (v->type == TYPE_I64 && u > INT64_MAX)
		return bad(err, v, "is negative");
	if (v->role == ROLE_HOURMETER) {
		obs->hourmeter = u;
		obs->have |= LT_HAVE_HOURMETER;
	} else if (v->role == ROLE_ENERGY) {
		obs->energy = u;
		obs->have |= LT_HAVE_ENERGY;
	} else {
		obs->pulse = u;
		obs->have |= LT_HAVE_PULSE;
	}
	return 0;
}

/* Printable ASCII up to the first NUL; trailing blanks go. Nothing printable: no serial. */
static void set_serial(const struct map_value *v, const uint8_t *data, struct lt_observation *obs)
{
	bool swapped = v->order == ORDER_BADC || v->order == ORDER_DCBA;
	size_t n = 0, last = 0;

	for (int i = 0; i < map_words(v) * 2 && n + 1 < sizeof(obs->serial); i++) {
		uint8_t c = data[v->offset + (swapped ? i ^ 1 : i)];
		if (c == 0)
			break;
		obs->serial[n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
		if (c != ' ')
			last = n;
	}
	memset(obs->serial + last, 0, sizeof(obs->serial) - last);
	if (last)
		obs->have |= LT_HAVE_SERIAL;
}

static void set_interlock(const struct lt_profile *p, const struct map_value *v, uint64_t u, struct lt_observation *obs)
{
	int64_t lock = p->interlock.set ? p->interlock.value[0] : 0, unlock = p->interlock.set ? p->interlock.value[1] : 1;

	if (v->on.n)
		u = in_list(&v->on, u) ? (uint64_t)unlock : (uint64_t)lock;
	obs->interlock = u == (uint64_t)unlock ? LT_LOCK_UNLOCKED : u == (uint64_t)lock ? LT_LOCK_LOCKED : LT_LOCK_UNKNOWN;
	obs->have |= LT_HAVE_INTERLOCK;
}

static int set_value(const struct lt_profile *p, const struct map_value *v, const uint8_t *data,
	struct lt_observation *obs,
		     struct lt_err *err)
{
	uint64_t raw, u;

	if (v->type == TYPE_STRING) {
		set_serial(v, data, obs);
		return 0;
	}
	raw = raw_of(v, data);
	if (in_list(&v->invalid, raw))
		return v->optional ? 0 : bad(err, v, "is the device's mark for \"not available\"");
	u = masked(v, raw);
	if (out_of_bounds(v, u))
		return v->optional ? 0 : bad(err, v, "is out of its bounds");
	switch (v->role) {
	case ROLE_HOURMETER: case ROLE_ENERGY: case ROLE_PULSE:
		return set_counter(v, u, obs, err);
	case ROLE_STATE:
		obs->running = v->on.n ? in_list(&v->on, u) : u != 0;
		obs->have |= LT_HAVE_STATE;
		return 0;
	case ROLE_INTERLOCK:
		set_interlock(p, v, u, obs);
		return 0;
	case ROLE_SERIAL:
		if (u != 0 && lt_fmt(obs->serial, sizeof(obs->serial), "%llu", (unsigned long long)u) > 0)
			obs->have |= LT_HAVE_SERIAL;
		return 0;
	case ROLE_PROBE:
		return in_list(&v->expect, u) ? 0 : bad(err, v,
			"is not what this profile expects: another device answers there");
	default:
		return set_scaled(v, u, data, obs, err);
	}
}

static int decode(const void *state, int request, const uint8_t *data, size_t size, struct lt_observation *obs,
	struct lt_err *err)
{
	const struct lt_profile *p = ((const struct state *)state)->p;
	const struct map_block *b;
	size_t want;

	if (request < 0 || request >= p->n_blocks)
		return lt_err_set(err, "reading-order", "", "there is no request %d in this profile", request);
	b = &p->blocks[request];
	want = map_is_bits(b->area) ? ((size_t)b->count + 7) / 8 : (size_t)b->count * 2;
	if (size != want)
		return lt_err_set(err, "reading-short", "", "block %d has %zu bytes, not %zu", request, size, want);
	for (int i = 0; i < p->n_values; i++)
		if (p->values[i].block == request && set_value(p, &p->values[i], data, obs, err) < 0)
			return -1;
	return 0;
}

static int write_of(const void *state, enum lt_wish wish, struct lt_write *ret)
{
	const struct lt_profile *p = ((const struct state *)state)->p;
	const struct map_output *o = wish == LT_WISH_FEED_WATCHDOG ? &p->watchdog : &p->interlock;
	uint16_t v;

	if (!o->set)
		return 0;
	v = (uint16_t)o->value[wish == LT_WISH_UNLOCK ? 1 : 0];
	if (o->function == 5)
		v = v ? 0xFF00 : 0;
	*ret = (struct lt_write){ .function = (uint8_t)o->function, .address = (uint16_t)o->address, .count = 1,
		.size = 2 };
	ret->data[0] = (uint8_t)(v >> 8);
	ret->data[1] = (uint8_t)v;
	if (o->function == 15) {
		ret->size = 1;
		ret->data[0] = (uint8_t)v;
		ret->data[1] = 0;
	}
	return 1;
}

const struct lt_driver lt_driver_profile = {
	.struct_size = sizeof(struct lt_driver), .api_version = LT_DRIVER_API, .name = "profile",
	.summary = "any device whose register map is a profile", .state_size = sizeof(struct state),
	.load = load, .plan = plan, .decode = decode, .write = write_of,
};
