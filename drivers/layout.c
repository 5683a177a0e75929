/*
 * layout.c - the cross-checks of a whole profile: every value inside a block, everything that bills in one request,
 * outputs that can be read back, nothing written that clears. Owns nothing; the first fault found is reported.
 */
#include <string.h>

#include "common/fmt.h"
#include "drivers/map.h"

static const uint32_t role_have[ROLES] = {
	[ROLE_HOURMETER] = LT_HAVE_HOURMETER, [ROLE_STATE] = LT_HAVE_STATE, [ROLE_POWER] = LT_HAVE_POWER,
	[ROLE_ENERGY] = LT_HAVE_ENERGY, [ROLE_PULSE] = LT_HAVE_PULSE, [ROLE_UPTIME] = LT_HAVE_UPTIME,
	[ROLE_BOOTS] = LT_HAVE_BOOTS, [ROLE_SERIAL] = LT_HAVE_SERIAL, [ROLE_FAULT] = LT_HAVE_FAULT,
	[ROLE_INTERLOCK] = LT_HAVE_INTERLOCK,
};

static const uint8_t type_words[] = {
	[TYPE_BIT] = 1, [TYPE_U16] = 1, [TYPE_I16] = 1, [TYPE_U32] = 2, [TYPE_I32] = 2, [TYPE_U48] = 3, [TYPE_U64] = 4,
		[TYPE_I64] = 4,
};

bool map_is_bits(int area)
{
	return area == AREA_COIL || area == AREA_DISCRETE;
}

int map_words(const struct map_value *v)
{
	return v->type == TYPE_STRING ? (int)v->length : type_words[v->type];
}

static bool bills(int role)
{
	return role == ROLE_HOURMETER || role == ROLE_STATE || role == ROLE_POWER || role == ROLE_ENERGY ||
		role == ROLE_PULSE;
}

static bool is_signed(int type)
{
	return type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64;
}

static bool is_counter(int role)
{
	return role == ROLE_HOURMETER || role == ROLE_ENERGY || role == ROLE_PULSE;
}

static int fail(struct lt_err *err, const char *list, int i, const char *key, const char *what)
{
	char where[64];

	lt_fmt(where, sizeof(where), i < 0 ? "%s" : "%s[%d]%s", list, i, key);
	return lt_err_set(err, "profile-invalid", where, "%s", what);
}

/* Shape of one value by itself. */
static int check_value(struct map_value *v, int i, struct lt_err *err)
{
	bool bits = map_is_bits(v->area);

	if (v->role == ROLE_NONE || v->area == AREA_NONE || v->address < 0)
		return fail(err, "values", i, "", "needs role, area and address");
	if (v->role == ROLE_WATCHDOG)
		return fail(err, "values", i, ".role", "a watchdog is written, not read: use the group watchdog = { ... }");
	if (v->type == TYPE_NONE)
		v->type = bits || v->bit >= 0 ? TYPE_BIT : TYPE_NONE;
	if (v->type == TYPE_NONE)
		return fail(err, "values", i, ".type", "a value in registers needs a type");
	if (bits != (v->type == TYPE_BIT) && (bits || v->bit < 0))
		return fail(err, "values", i, ".type",
			bits ? "coils and discrete inputs are of type bit" : "a bit of a register needs bit = 0..15");
	if (v->bit >= 0 && (bits || v->type != TYPE_BIT))
		return fail(err, "values", i, ".bit",
			"bit picks one bit of a register: use area holding or input and type bit");
	if ((v->type == TYPE_STRING && v->role != ROLE_SERIAL) || (v->type == TYPE_STRING) != (v->length > 0) ||
		(v->role == ROLE_SERIAL && (v->type == TYPE_BIT || is_signed(v->type))))
		return fail(err, "values", i, ".type",
			"a serial is a string with a length in registers or an unsigned number, and only a serial is a string");
	if (is_counter(v->role) && (v->type == TYPE_BIT || v->type == TYPE_I16 || v->type == TYPE_I32))
		return fail(err, "values", i, ".type",
			"a counter is unsigned: u16, u32, u48, u64 (i64 for meters that never go below 0)");
	if (v->role == ROLE_HOURMETER && v->count_ms == 0)
		return fail(err, "values", i, ".count",
			"an hour meter needs count, the time one count stands for, such as \"1s\" or \"6m\"");
	if (is_counter(v->role) && (v->num != 1 || v->den != 1 || v->scale_register >= 0))
		return fail(err, "values", i, ".scale", "counters stay raw; say what one count is with count");
	if (v->role == ROLE_PROBE && v->expect.n == 0)
		return fail(err, "values", i, ".expect", "a probe needs the list of values it expects");
	if (v->scale_register >= 0 && v->role != ROLE_POWER)
		return fail(err, "values", i, ".scale_register", "only power has a scale register");
	if (v->has_min && v->has_max && v->min > v->max)
		return fail(err, "values", i, ".min", "is over max");
	if (v->modulus == 1 || (v->modulus && !is_counter(v->role)))
		return fail(err, "values", i, ".modulus", "only a counter has a modulus, and it is over 1");
	return 0;
}

static int check_block(const struct lt_profile *p, const struct map_block *b, int i, struct lt_err *err)
{
	int64_t most = map_is_bits(b->area) ? p->max_bits : p->max_registers;

	if (b->area == AREA_NONE || b->count == 0)
		return fail(err, "blocks", i, "", "needs area, address and count");
	if (b->count > most || b->address + b->count > 65536)
		return lt_err_set(err, "profile-range", "blocks",
			"block %d reads %d from %d: at most %lld a request, and not past 65535",
				  i, b->count, b->address, (long long)most);
	return 0;
}

static bool inside(const struct map_block *b, const struct map_value *v)
{
	int64_t n = map_is_bits(v->area) ? 1 : map_words(v);

	return b->area == v->area && v->address >= b->address && v->address + n <= b->address + b->count;
}

/* No blocks in the file: one for each run of values of an area whose holes are within max_gap. */
static int make_blocks(struct lt_profile *p, struct lt_err *err)
{
	for (int area = AREA_COIL; area <= AREA_INPUT; area++) {
		int64_t at = -1, end = -1;
		for (;;) {
			const struct map_value *next = NULL;
			for (int i = 0; i < p->n_values; i++) {
				const struct map_value *v = &p->values[i];
				if (v->area == area && v->address > at && (!next || v->address < next->address))
					next = v;
			}
			if (!next)
				break;
			at = next->address;
			if (end < 0 || at > end + p->max_gap) {
				if (p->n_blocks == LT_READS_MAX)
					return fail(err, "values", -1, "", "they need more than 8 requests; raise max_gap or name blocks");
				p->blocks[p->n_blocks++] = (struct map_block){ area, (uint16_t)at, 0 };
			}
			for (int i = 0; i < p->n_values; i++) {
				const struct map_value *v = &p->values[i];
				int64_t to = v->address + (map_is_bits(area) ? 1 : map_words(v));
				if (v->area == area && v->address == at && to > end)
					end = to;
			}
			p->blocks[p->n_blocks - 1].count = (uint16_t)(end - p->blocks[p->n_blocks - 1].address);
		}
	}
	return 0;
}

static int place(const struct lt_profile *p, struct map_value *v, int i, struct lt_err *err)
{
	for (v->block = 0; v->block < p->n_blocks; v->block++)
		if (inside(&p->blocks[v->block], v))
			break;
	if (v->block == p->n_blocks)
		return fail(err, "values", i, ".address",
			"lies in none of the blocks; a value is never split between two requests");
	v->offset = (int)(v->address - p->blocks[v->block].address) * (map_is_bits(v->area) ? 1 : 2);
	if (v->scale_register >= 0) {
		const struct map_block *b = &p->blocks[v->block];
		if (v->scale_register < b->address || v->scale_register >= b->address + b->count)
			return fail(err, "values", i, ".scale_register", "must lie in the value's own block");
		v->scale_offset = (int)(v->scale_register - b->address) * 2;
	}
	return 0;
}

/* Everything money depends on comes from request 0. */
static int billing_first(struct lt_profile *p, struct lt_err *err)
{
	struct map_block first;
	int billing = -1;

	for (int i = 0; i < p->n_values; i++) {
		if (!bills(p->values[i].role))
			continue;
		if (billing >= 0 && p->values[i].block != billing)
			return fail(err, "values", i, ".address",
				    "hourmeter, state, power, energy and pulse must lie in one block: values read by two requests can "
				    "be torn");
		billing = p->values[i].block;
	}
	if (billing <= 0)
		return 0;
	first = p->blocks[billing];
	memmove(&p->blocks[1], &p->blocks[0], sizeof(first) * (size_t)billing);
	p->blocks[0] = first;
	for (int i = 0; i < p->n_values; i++) {
		struct map_value *v = &p->values[i];
		v->block = v->block == billing ? 0 : v->block < billing ? v->block + 1 : v->block;
	}
	return 0;
}

static int check_output(const struct lt_profile *p, struct map_output *o, const char *name, struct lt_err *err)
{
	if (!o->set)
		return 0;
	if ((o->area != AREA_COIL && o->area != AREA_HOLDING) || o->address < 0)
		return fail(err, name, -1, "", "needs area (coil or holding) and address");
	if (o->function == 0)
		o->function = o->area == AREA_COIL ? 5 : 6;
	if (o->area == AREA_COIL ? (o->function != 5 && o->function != 15) : (o->function != 6 && o->function != 16))
		return fail(err, name, -1, "", "function is 5 or 15 for a coil, 6 or 16 for a register");
	if (o->area == AREA_COIL && (o->value[0] > 1 || o->value[1] > 1))
		return fail(err, name, -1, "", "a coil is written 0 or 1");
	for (int i = 0; i < p->n_clears; i++) {
		const struct map_block *c = &p->clears[i];
		if (c->area == o->area && o->address >= c->address && o->address < c->address + c->count)
			return fail(err, name, -1, "", "its address clears something (see clear): labtime never writes there");
	}
	return 0;
}

static int check_outputs(struct lt_profile *p, struct lt_err *err)
{
	bool read_back = (p->info.roles & LT_HAVE_INTERLOCK) != 0;

	for (int i = 0; i < p->n_clears; i++)
		if (p->clears[i].area == AREA_NONE || p->clears[i].count == 0)
			return fail(err, "clear", i, "", "needs area, address and count");
	if (check_output(p, &p->interlock, "interlock", err) < 0 || check_output(p, &p->watchdog, "watchdog", err) < 0)
		return -1;
	if (p->interlock.set && p->interlock.value[0] == p->interlock.value[1])
		return fail(err, "interlock", -1, "", "lock and unlock must differ");
	if (p->interlock.set && !read_back)
		return fail(err, "interlock", -1, "",
			"needs a value with role interlock: its state is read back, never inferred from a write");
	if (p->interlock.set && !(p->info.roles & LT_HAVE_STATE))
		return fail(err, "interlock", -1, "", "needs a value with role state: what may be running is never locked");
	p->info.can_lock = p->interlock.set;
	p->info.has_watchdog = p->watchdog.set;
	return 0;
}

static int check_roles(struct lt_profile *p, struct lt_err *err)
{
	for (int i = 0; i < p->n_values; i++) {
		const struct map_value *v = &p->values[i];
		if (v->role == ROLE_PROBE)
			continue;
		if (p->info.roles & role_have[v->role])
			return fail(err, "values", i, ".role", "each role is given once");
		p->info.roles |= role_have[v->role];
		if (v->role == ROLE_HOURMETER)
			p->info.counter = (struct lt_counter){ .bits = (uint8_t)(map_words(v) * 16), .modulus = v->modulus,
				.count_ms = (uint32_t)v->count_ms, .refresh_ms = (uint32_t)v->refresh_ms };
	}
	return 0;
}

static int rebase(struct lt_profile *p, struct lt_err *err)
{
	int base = (int)p->address_base;

	for (int i = 0; base && i < p->n_blocks + p->n_clears; i++) {
		struct map_block *b = i < p->n_blocks ? &p->blocks[i] : &p->clears[i - p->n_blocks];
		if (b->address == 0)
			return fail(err, "address_base", -1, "", "is 1, so no address may be 0");
		b->address--;
	}
	for (int i = 0; base && i < p->n_values; i++) {
		if (p->values[i].address == 0 || p->values[i].scale_register == 0)
			return fail(err, "address_base", -1, "", "is 1, so no address may be 0");
		p->values[i].address--;
		p->values[i].scale_register -= p->values[i].scale_register > 0;
	}
	for (int i = 0; base && i < 2; i++) {
		struct map_output *o = i ? &p->watchdog : &p->interlock;
		if (o->set && o->address == 0)
			return fail(err, "address_base", -1, "", "is 1, so no address may be 0");
		o->address -= o->set;
	}
	return 0;
}

int map_layout(struct lt_profile *p, struct lt_err *err)
{
	if (p->n_values == 0)
		return fail(err, "values", -1, "", "a profile needs at least one value");
	for (int i = 0; i < p->n_values; i++)
		if (check_value(&p->values[i], i, err) < 0)
			return -1;
	if (rebase(p, err) < 0 || (p->n_blocks == 0 && make_blocks(p, err) < 0))
		return -1;
	for (int i = 0; i < p->n_blocks; i++)
		if (check_block(p, &p->blocks[i], i, err) < 0)
			return -1;
	for (int i = 0; i < p->n_values; i++)
		if (place(p, &p->values[i], i, err) < 0)
			return -1;
	return billing_first(p, err) < 0 || check_roles(p, err) < 0 || check_outputs(p, err) < 0 ? -1 : 0;
}

int lt_profile_done(struct lt_profile *p, struct lt_err *err)
{
	if (p->sealed)
		return lt_err_set(err, "profile-invalid", "", "the profile is complete already");
	if (p->info.name[0] == '\0')
		return fail(err, "name", -1, "", "a profile needs a name");
	p->info.driver = lt_driver_find(p->driver[0] ? p->driver : "profile");
	if (!p->info.driver)
		return lt_err_set(err, "profile-driver", "driver", "no driver \"%s\"; leave the key out for the generic one",
			p->driver);
	if (map_layout(p, err) < 0)
		return -1;
	p->sealed = true;
	return 0;
}
