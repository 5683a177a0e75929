/*
 * meter_def.c - what a meter's definition says: what a raw value means, how exact it is, and names for people. Owns
 * nothing and cannot fail.
 *
 * The bound of an interval or of a sum is elapsed + 2 * resolution + rtt + elapsed * rate_ppm / 10^6.
 */
#include "core/meter_level.h"

#include "common/civil.h"

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t meter_resolution_ms(const struct meter_def *d)
{
	return max64(max64(d->counter.count_ms, d->counter.refresh_ms), 1);
}

int64_t meter_slack_ms(const struct meter_def *d, int64_t rtt_ms, int64_t elapsed)
{
	int64_t drift = elapsed / 1000000 * d->rate_ppm + elapsed % 1000000 * d->rate_ppm / 1000000;

	return 2 * meter_resolution_ms(d) + rtt_ms + drift;
}

uint64_t meter_modulus(const struct lt_counter *c)
{
	if (c->modulus)
		return c->modulus;
	return c->bits >= 64 ? 0 : UINT64_C(1) << c->bits;
}

uint64_t meter_forward(uint64_t a, uint64_t b, uint64_t modulus)
{
	if (b >= a || modulus == 0)
		return b - a;
	return modulus - a + b;
}

int64_t meter_counts_ms(const struct meter_def *d, uint64_t counts)
{
	uint64_t each = d->counter.count_ms ? d->counter.count_ms : 1, most = INT64_MAX / 4;

	return counts > most / each ? (int64_t)most : (int64_t)(counts * each);
}

/* A state meter counts milliseconds of its own, whatever the profile's counter is. */
struct meter_unit meter_unit_of(const struct meter_def *d)
{
	if (d->kind != METER_COUNTER)
		return (struct meter_unit){ .kind = d->kind };
	return (struct meter_unit){ METER_COUNTER, d->counter.count_ms, meter_modulus(&d->counter) };
}

bool meter_redefined(const struct meter *m, const struct meter_def *d)
{
	struct meter_unit now = meter_unit_of(d);

	return m->unit.kind != METER_NONE && (m->unit.kind != now.kind || m->unit.count_ms != now.count_ms ||
		m->unit.modulus != now.modulus);
}

bool meter_is_coarse(const struct meter_def *def)
{
	return def->kind == METER_COUNTER && def->counter.count_ms > METER_COARSE_MS;
}

int64_t meter_gap_ms(const struct meter_def *def, int64_t policy_gap_ms)
{
	if (policy_gap_ms > 0)
		return policy_gap_ms;
	return max64(30 * LT_SECOND, 10 * def->poll_ms);
}

const char *meter_class_name(enum meter_class c)
{
	static const char *const names[METER_CLASSES] = { "FIRST", "NORMAL", "WRAP", "AMBIGUOUS", "OUTLIER", "RESET",
		"SWAP", "MANUAL", "SUSPECT", "STALE", "RETURN" };

	return names[c];
}

const char *meter_phase_name(enum meter_phase p)
{
	static const char *const names[] = { "new", "live", "suspect" };

	return names[p];
}
