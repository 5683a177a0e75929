/*
 * labtime/driver.h - the contract between a device driver and its host.
 *
 * A driver turns registers into an observation and an interlock wish into one
 * write. It has no I/O, no clock and no allocation; the host (the poller, or a
 * test) owns the sockets, the time and the memory.
 *
 * Life cycle, per configured device:
 *
 *   host allocates state (state_size bytes, zeroed)
 *     -> load()    once; checks the profile and remembers what it needs. The
 *                  profile outlives the state. May fail with a clear error.
 *     -> plan()    once after load(); names the read requests, in the order in
 *                  which their replies will be handed to decode(). Request 0 is
 *                  the *billing* block: every value that money depends on comes
 *                  from it, so that no value is torn across two snapshots.
 *     -> decode()  for each reply of a poll, in plan order, into one observation
 *                  that the host zeroed before the first. A reply whose content is
 *                  impossible (out of range, invalid value) makes decode() fail and
 *                  the host discards the whole poll.
 *     -> write()   whenever the host wants the interlock in another state, and for
 *                  each feed of the watchdog.
 *   host frees state; there is no fini because a driver owns nothing.
 *
 * All functions may be called from one thread at a time per state. None may keep
 * a pointer to its arguments except the profile.
 */
#ifndef LABTIME_DRIVER_H
#define LABTIME_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LT_DRIVER_API 1

/* Which members of struct lt_observation are present. */
enum {
	LT_HAVE_HOURMETER = 1 << 0, /* cumulative running time, raw counts     */
	LT_HAVE_STATE     = 1 << 1, /* run bit                                  */
	LT_HAVE_POWER     = 1 << 2,
	LT_HAVE_ENERGY    = 1 << 3, /* cumulative energy, raw counts            */
	LT_HAVE_PULSE     = 1 << 4, /* cumulative pulses, raw counts            */
	LT_HAVE_UPTIME    = 1 << 5,
	LT_HAVE_BOOTS     = 1 << 6,
	LT_HAVE_SERIAL    = 1 << 7,
	LT_HAVE_FAULT     = 1 << 8,
	LT_HAVE_INTERLOCK = 1 << 9,  /* read back from the device, never inferred */
};

enum lt_lock { LT_LOCK_UNKNOWN = 0, LT_LOCK_LOCKED = 1, LT_LOCK_UNLOCKED = 2 };

/* What one poll of one device said. Integers only; unscaled where "raw". */
struct lt_observation {
	uint32_t have;       /* LT_HAVE_* bits                                  */
	uint64_t hourmeter;  /* raw counts, see struct lt_counter               */
	uint64_t energy;     /* raw counts                                      */
	uint64_t pulse;      /* raw counts                                      */
	int64_t power_mw;    /* milliwatts                                      */
	uint64_t uptime_s;
	uint64_t boots;
	uint32_t fault;      /* 0: none; otherwise the device's own code        */
	uint8_t running;     /* 0 or 1                                          */
	uint8_t interlock;   /* enum lt_lock, as read back                      */
	char serial[33];     /* NUL-terminated, printable ASCII                 */
};

/* How a cumulative counter of a device counts; from the profile. */
struct lt_counter {
	uint8_t bits;          /* 16, 32, 48 or 64: modulus is 2^bits unless modulus is set */
	uint64_t modulus;      /* 0: 2^bits                                     */
	uint32_t count_ms;     /* milliseconds (hour meter) one count stands for */
	uint32_t refresh_ms;   /* how often the device itself updates it         */
};

/* One read request. area: Modbus function 1, 2, 3 or 4; address on the wire (0-based). */
struct lt_read { uint8_t function; uint16_t address; uint16_t count; };

/* One write request: function 5, 6, 15 or 16 with its data, big-endian as on the wire. */
struct lt_write { uint8_t function; uint16_t address; uint16_t count; uint8_t size; uint8_t data[32]; };

enum lt_wish { LT_WISH_LOCK = 1, LT_WISH_UNLOCK = 2, LT_WISH_FEED_WATCHDOG = 3 };

struct lt_profile; /* daemon side: drivers/profile.h */
struct lt_err;     /* common/err.h */

#define LT_READS_MAX 8

struct lt_driver {
	uint32_t struct_size;  /* sizeof(struct lt_driver): grow only at the end */
	uint32_t api_version;  /* LT_DRIVER_API                                  */
	const char *name;
	const char *summary;
	size_t state_size;
	/* 0, or -1 with *err set. */
	int (*load)(void *state, const struct lt_profile *profile, struct lt_err *err);
	/* Number of requests written to ret (1..LT_READS_MAX), or -1. */
	int (*plan)(const void *state, struct lt_read ret[LT_READS_MAX]);
	/* data: register bytes (function 3/4, 2 * count) or packed bits (1/2). 0, or -1 with *err. */
	int (*decode)(const void *state, int request, const uint8_t *data, size_t size,
		      struct lt_observation *obs, struct lt_err *err);
	/* 1 and *ret when the device can do this; 0 when it cannot. */
	int (*write)(const void *state, enum lt_wish wish, struct lt_write *ret);
};

#ifdef __cplusplus
}
#endif
#endif
