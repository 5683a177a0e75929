/*
 * bounded.c - sound inputs of a target, mutated at random, a bounded number of times. A seed is printed before each
 * block, so that an abort leaves the place behind: input_X SEED ROUNDS plays it again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

enum { BLOCK = 1000 };

static int try_once(uint64_t seed)
{
	static char p[FUZZ_INPUT_MAX];
	size_t n;

	fuzz_seed(seed);
	n = fuzz_sound(p, sizeof(p));
	for (uint32_t changes = fuzz_any(8); changes > 0; changes--)
		n = fuzz_mutate(p, n, sizeof(p));
	return fuzz_target.input((const uint8_t *)p, n);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : fuzz_target.rounds;
	uint64_t accepted = 0;
	int good;

	for (uint64_t i = 0; i < rounds; i++) {
		if (i % BLOCK == 0) {
			printf("# seed %llu\n", (unsigned long long)(first + i));
			fflush(stdout);
		}
		accepted += (uint64_t)(try_once(first + i) != 0);
	}
	/* A reader that accepts nothing, or everything, was not tested. */
	good = accepted > rounds / 50 && accepted < rounds * 9 / 10;
	printf("1..1\n%s 1 - %s: %llu of %llu accepted\n", good ? "ok" : "not ok", fuzz_target.name, (unsigned long long)accepted,
	       (unsigned long long)rounds);
	return !good;
}
