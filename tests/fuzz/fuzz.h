/*
 * fuzz.h - one input from outside, and what must hold for any bytes of it. A target is a file; the bounded run of
 * ./check (bounded.c) and libFuzzer (entry.c) drive it with the same seeds and the same words of its grammar.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_text { const char *p; size_t n; };
#define FUZZ_TEXT(s) { s, sizeof(s) - 1 }

struct fuzz_target {
	const char *name;
	const struct fuzz_text *seeds;   /* sound inputs                                          */
	size_t n_seeds;
	const struct fuzz_text *words;   /* of the grammar, and its classic mistakes               */
	size_t n_words;
	uint64_t rounds;                 /* of a bounded run                                       */
	int (*input)(const uint8_t *p, size_t n); /* was it accepted? Aborts when a promise breaks */
};

extern const struct fuzz_target fuzz_target;

/* Aborts, with the place on stderr, when it does not hold. */
#define fuzz_promise(holds) fuzz_promised(!!(holds), #holds, __FILE__, __LINE__)
void fuzz_promised(int holds, const char *what, const char *file, int line);

/* One change to the n bytes at p (a byte, a piece, a word), never beyond cap. Returns the new size. */
#define FUZZ_INPUT_MAX 16384
void fuzz_seed(uint64_t seed);
uint32_t fuzz_any(uint32_t below);
size_t fuzz_mutate(char *p, size_t n, size_t cap);
/* A sound input of the target; returns its size. cap must hold it. */
size_t fuzz_sound(char *p, size_t cap);

#endif
