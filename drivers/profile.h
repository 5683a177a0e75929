/*
 * profile.h - register maps as files: blocks to read, values in them, their roles. Pure: text in, structs out.
 */
#ifndef DRIVERS_PROFILE_H
#define DRIVERS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "labtime/driver.h"

struct lt_profile;

/* What the host and the configuration need to know of a profile. */
struct lt_profile_info {
	char name[33], title[97];
	const struct lt_driver *driver;
	uint32_t roles;               /* LT_HAVE_* it can deliver                                        */
	struct lt_counter counter;    /* when roles has LT_HAVE_HOURMETER                                */
	bool can_lock, has_watchdog;
	bool tid_any, unit_any, close_after_poll;
	int32_t timeout_ms, pace_ms;  /* 0: default                                                      */
	uint32_t retry_exceptions;    /* bit n: Modbus exception n is retried                            */
};

/* text: the whole file (libconfig syntax is read by daemon/conf, which calls the setters below as it walks). */
struct lt_profile *lt_profile_new(void);
struct lt_profile *lt_profile_free(struct lt_profile *p);
/* path: "blocks[0].address"; exactly one of text/number is used, by is_text. 0 or -1 with *err (unknown key, range). */
int lt_profile_set(struct lt_profile *p, const char *path, bool is_text, const char *text, int64_t number,
	struct lt_err *err);
/* After the last set: cross-checks, picks the driver. 0 or -1 with *err. */
int lt_profile_done(struct lt_profile *p, struct lt_err *err);
const struct lt_profile_info *lt_profile_info(const struct lt_profile *p);
/* same settings: a reload changed nothing */
bool lt_profile_equal(const struct lt_profile *a, const struct lt_profile *b);

#endif
