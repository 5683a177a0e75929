/*
 * record.h - reads members of canonical JSON: one line without spaces, as a sealed record is written. Pure; allocates
 * nothing; whatever the text, no byte after its end is read. NULL is a value that is not there, and has no members.
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a member of the object; NULL: it has none of that name, or is no object. */
const char *lt_record_member(const char *object, const char *name);
/* The first element of an array, and the one after `element`; NULL: there is none. */
const char *lt_record_first(const char *array);
const char *lt_record_next(const char *element);
/* An integer as it is, true as 1; 0 for anything else. */
int64_t lt_record_int(const char *value);
/* Does the value consist of exactly this text? The text has no characters that JSON escapes. */
bool lt_record_is(const char *value, const char *text);

#endif
