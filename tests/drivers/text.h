/* text.h - profiles from libconfig text for tests, by the same walk as the daemon's. */
#ifndef TESTS_DRIVERS_TEXT_H
#define TESTS_DRIVERS_TEXT_H

#include "drivers/profile.h"

struct lt_profile *profile_of_text(const char *text, struct lt_err *err);  /* NULL with *err */
struct lt_profile *profile_shipped(const char *name);                      /* fails the test when it is refused */

#endif
