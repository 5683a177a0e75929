/* mutate.c - bytes, pieces and words of the target's grammar, changed at random from a seed. Owns the generator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static uint64_t state = 1;

void fuzz_promised(int holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void fuzz_seed(uint64_t seed)
{
	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

uint32_t fuzz_any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % below);
}

static size_t splice(char *p, size_t n, size_t cap, size_t at, size_t drop, struct fuzz_text w)
{
	if (drop > n - at)
		drop = n - at;
	if (n - drop + w.n > cap)
		return n;
	memmove(p + at + w.n, p + at + drop, n - at - drop);
	memcpy(p + at, w.p, w.n);
	return n - drop + w.n;
}

size_t fuzz_mutate(char *p, size_t n, size_t cap)
{
	char run[512];
	size_t at = fuzz_any((uint32_t)n + 1);
	struct fuzz_text word = fuzz_target.words[fuzz_any((uint32_t)fuzz_target.n_words)];
	char byte = (char)fuzz_any(256);

	switch (fuzz_any(6)) {
	case 0:
		return splice(p, n, cap, at, 1, (struct fuzz_text){ &byte, 1 });
	case 1:
		return splice(p, n, cap, at, fuzz_any(4), word);
	case 2:
		return splice(p, n, cap, at, fuzz_any(40), (struct fuzz_text){ "", 0 });
	case 3:
		return splice(p, n, cap, at, 0, (struct fuzz_text){ &byte, 1 });
	case 4:
		memset(run, 'a', sizeof(run));
		return splice(p, n, cap, at, 0, (struct fuzz_text){ run, fuzz_any(sizeof(run)) });
	default:
		return splice(p, n, cap, at, 0, word);
	}
}

size_t fuzz_sound(char *p, size_t cap)
{
	struct fuzz_text s = fuzz_target.seeds[fuzz_any((uint32_t)fuzz_target.n_seeds)];
	size_t n = s.n < cap ? s.n : cap;

	memcpy(p, s.p, n);
	return n;
}
