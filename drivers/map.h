/*
 * map.h - a profile's inside: what its file said, and where each value lies once the blocks are laid out.
 * Shared by the reader (profile.c), the checks (layout.c) and the driver (generic.c); nobody else includes it.
 */
#ifndef DRIVERS_MAP_H
#define DRIVERS_MAP_H

#include "drivers/profile.h"

enum map_area { AREA_NONE, AREA_COIL, AREA_DISCRETE, AREA_HOLDING, AREA_INPUT }; /* = Modbus read function */

enum map_role {
	ROLE_NONE, ROLE_HOURMETER, ROLE_STATE, ROLE_POWER, ROLE_ENERGY, ROLE_PULSE, ROLE_UPTIME, ROLE_BOOTS, ROLE_SERIAL,
	ROLE_FAULT, ROLE_INTERLOCK, ROLE_WATCHDOG, ROLE_PROBE, ROLES,
};

enum map_type { TYPE_NONE, TYPE_BIT, TYPE_U16, TYPE_I16, TYPE_U32, TYPE_I32, TYPE_U48, TYPE_U64, TYPE_I64,
	TYPE_STRING };

enum map_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

#define MAP_VALUES 16
#define MAP_LIST 8      /* members of invalid, on and expect */
#define MAP_CLEARS 8

struct map_list { int n; uint64_t v[MAP_LIST]; };

struct map_block { int area; uint16_t address, count; };

struct map_value {
	int role, area, type, order;
	int64_t address, bit, length;     /* bit: of a register, -1 none; length: registers of a string   */
	int64_t num, den;                 /* scale to the role's unit                                      */
	int64_t scale_register;           /* address of a power-of-ten exponent in the same block, -1 none */
	struct map_list invalid, on, expect;
	bool has_min, has_max, invert, optional;
	int64_t min, max;
	uint64_t mask;                    /* 0: none                                                       */
	int64_t count_ms, refresh_ms;     /* counters                                                      */
	uint64_t modulus;
	int block;                        /* laid out: plan index, and offset in bytes (registers) or bits */
	int offset, scale_offset;
};

struct map_output { bool set; int area; int64_t function, address, value[2]; /* value: lock or feed, unlock */ };

struct lt_profile {
	struct lt_profile_info info;
	char driver[33];
	int64_t address_base, max_gap, max_registers, max_bits;
	int n_blocks, n_values, n_clears;
	struct map_block blocks[LT_READS_MAX];
	struct map_value values[MAP_VALUES];
	struct map_output interlock, watchdog;
	struct map_block clears[MAP_CLEARS];
	bool sealed;
};

const char *map_role_name(int role);
int map_words(const struct map_value *v);      /* registers that the value covers; 0 for a bit of a bit area */
bool map_is_bits(int area);
int map_layout(struct lt_profile *p, struct lt_err *err);   /* layout.c */
const struct lt_driver *lt_driver_find(const char *name);   /* registry.c; NULL: unknown */
const struct lt_driver *lt_driver_at(int i);                /* NULL after the last */

extern const struct lt_driver lt_driver_profile;            /* generic.c */

#endif
