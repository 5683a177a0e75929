/* meter_rig.h - what the tests of levels share: a meter, and a script that says what its register shows. */
#ifndef METER_RIG_H
#define METER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/civil.h"
#include "common/fmt.h"
#include "core/meter.h"

struct rig {
	struct meter m;
	struct meter_def def;
	struct meter_sample s;
	struct meter_verdict v;
	int64_t added_ms, excess_ms;     /* of all readings together                        */
	int returns;
};

static inline void rig_init(struct rig *r, int bits, uint64_t raw)
{
	memset(r, 0, sizeof(*r));
	r->def = (struct meter_def){ .kind = METER_COUNTER, .counter = { .bits = (uint8_t)bits, .count_ms = 1000,
		.refresh_ms = 1000 }, .has_state = true, .poll_ms = 1000, .rate_ppm = 1000 };
	meter_init(&r->m);
	r->s = (struct meter_sample){ .boot_ms = 1000, .wall_ms = 1700000000000, .rtt_ms = 5, .boot_id = "boot-one" };
	r->s.obs.have = LT_HAVE_HOURMETER | LT_HAVE_STATE;
	r->s.obs.running = 1;
	r->s.obs.hourmeter = raw;
	meter_read(&r->m, &r->def, 30 * LT_SECOND, &r->s, &r->v);
}

static inline enum meter_class read_after(struct rig *r, int64_t ms, uint64_t raw)
{
	int64_t before = r->m.ext_ms;

	r->s.boot_ms += ms;
	r->s.wall_ms += ms;
	r->s.obs.uptime_s += (uint64_t)ms / 1000;
	r->s.obs.hourmeter = raw;
	meter_read(&r->m, &r->def, 30 * LT_SECOND, &r->s, &r->v);
	assert_true(r->m.ext_ms >= before); /* I3 */
	assert_int_equal(r->m.ext_ms - before, r->v.accepted ? r->v.added_ms : 0);
	if (r->v.accepted) {
		r->added_ms += r->v.added_ms;
		r->excess_ms += r->v.excess_ms;
	}
	r->returns += r->v.class == METER_RETURN;
	return r->v.class;
}

/* The register stands still, or counts, for so many seconds; a reading each. */
static inline void stand(struct rig *r, int seconds, uint64_t raw)
{
	for (int i = 0; i < seconds; i++)
		read_after(r, 1000, raw);
}

static inline void count(struct rig *r, int seconds, uint64_t first)
{
	for (int i = 0; i < seconds; i++)
		read_after(r, 1000, first + (uint64_t)i);
}

/* labtimed is killed and starts again on the bytes that it kept. */
static inline void restart(struct rig *r)
{
	uint8_t blob[METER_BLOB];
	size_t size = meter_encode(&r->m, blob);

	assert_true(meter_decode(&r->m, blob, size));
	r->m.lost = true;
}

/* What all sessions together are billed. */
static inline int64_t billed(const struct rig *r) { return r->added_ms - r->excess_ms; }

#endif
