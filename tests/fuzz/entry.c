/* fuzz_http.c - libFuzzer's entry (clang -fsanitize=fuzzer; -Dfuzzer=true). */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	http_input(p, n);
	return 0;
}
