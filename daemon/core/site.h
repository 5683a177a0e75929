/*
 * site.h - what the files say, as plain types that every room may read: the site and its instruments.
 *
 * A struct site is immutable once built (daemon/conf builds it) and reference-counted by its owner; the ledger, the
 * API and the loop read it. Endpoints and profiles are not here: only the pollers need them (daemon/conf/conf.h).
 */
#ifndef CORE_SITE_H
#define CORE_SITE_H

#include "common/civil.h"
#include "core/terms.h"
#include "labtime/driver.h"

#define LT_ID 33            /* instrument, org, user, kind ids: [a-z0-9][a-z0-9._-]{0,31} with NUL */
#define LT_TITLE 121        /* UTF-8, no control characters, with NUL                            */
#define SITE_ADMINS 16

enum meter_kind { METER_NONE, METER_COUNTER, METER_STATE };   /* energy, pulse, power: later */

struct meter_def {
	enum meter_kind kind;
	struct lt_counter counter;   /* METER_COUNTER                                                    */
	bool has_state;              /* the profile also reads a run bit (edges for coarse counters)     */
	int64_t poll_ms;             /* configured poll period                                           */
	int32_t rate_ppm;            /* allowed drift of the counter against BOOTTIME; default 1000      */
};

enum interlock_mode { INTERLOCK_NONE, INTERLOCK_ENABLE };
enum interlock_gates { GATES_START, GATES_POWER };
enum interlock_fail { FAIL_AS_IS, FAIL_LOCKED };

struct interlock_def {
	enum interlock_mode mode;
	enum interlock_gates gates;
	enum interlock_fail fail;
	bool hard_stop;              /* policy says locking may cut a run; default false                 */
	int64_t verify_ms;           /* write -> read back within; default 2 s                           */
};

struct instrument {
	char id[LT_ID], kind[LT_ID];
	char title[LT_TITLE], location[LT_TITLE];
	struct policy policy;        /* as in the file; the version in force is the store's              */
	struct price price;
	struct meter_def meter;
	struct interlock_def interlock;
	char line[72];               /* the controller's address and port; those with the same text share its line */
};

struct site {
	char name[LT_TITLE];
	struct lt_zone zone;
	char currency[4];
	int exponent;
	int n_admins;
	uint32_t admins[SITE_ADMINS];   /* uids that are admin on the Unix socket, besides root and ours   */
	int n_instruments;
	struct instrument *instruments; /* sorted by id                                                   */
};

const struct instrument *site_instrument(const struct site *s, const char *id); /* NULL when unknown */
/* True for a well-formed id (see LT_ID). */
bool site_id_valid(const char *s);

#endif
