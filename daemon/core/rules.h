/*
 * rules.h - what a rule says: a code, a class, the limit and the value, in words a person can act on.
 * The rules themselves live in core/policy.c; every path to a booking asks them through one function.
 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum rule_class { RULE_HARD, RULE_STAFF };
#define VIOLATIONS_MAX 16

struct violation {
	char rule[4];            /* "R03"                                                                */
	char code[32];           /* "off-grid": stable                                                   */
	enum rule_class class;
	char limit[64], value[64];
	char text[200];          /* what and the cure                                                    */
};
struct verdict { int n; struct violation v[VIOLATIONS_MAX]; };

#endif
