/* facts.c - facts that are made of a code alone. Owns nothing and cannot fail. */
#include "core/facts.h"

#include "common/fmt.h"

struct facts facts_why(const char *why)
{
	struct facts f = { 0 };

	lt_fmt(f.why, sizeof(f.why), "%s", why);
	return f;
}
