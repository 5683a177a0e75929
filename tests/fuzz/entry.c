/* entry.c - a target for libFuzzer (clang, -Dfuzzer=true), with our seeds and words beside its own. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
size_t LLVMFuzzerMutate(uint8_t *p, size_t n, size_t cap);
size_t LLVMFuzzerCustomMutator(uint8_t *p, size_t n, size_t cap, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	fuzz_target.input(p, n);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *p, size_t n, size_t cap, unsigned seed)
{
	fuzz_seed(seed);
	if (n <= 1 || fuzz_any(50) == 0)
		n = fuzz_sound((char *)p, cap);
	return fuzz_any(2) ? fuzz_mutate((char *)p, n, cap) : LLVMFuzzerMutate(p, n, cap);
}
