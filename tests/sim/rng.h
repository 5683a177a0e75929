/* rng.h - the one source of chance in the simulated world: a seed gives the same sequence everywhere. */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng { uint64_t state; };

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* In [low, high]. */
static inline int64_t rng_in(struct rng *r, int64_t low, int64_t high)
{
	return low + (int64_t)(rng_next(r) % (uint64_t)(high - low + 1));
}

static inline bool rng_chance(struct rng *r, int per_mille)
{
	return rng_in(r, 0, 999) < per_mille;
}

#endif
