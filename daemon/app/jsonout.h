/*
 * jsonout.h - writes the canonical JSON of a sealed record: compact, keys in the order in which the caller gives them
 * (ascending), integers and text only. Bytes are what the hash is over.
 */
#ifndef APP_JSONOUT_H
#define APP_JSONOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonout { char *p; size_t n, cap; bool failed, comma; };

void jsonout_deinit(struct jsonout *o);
/* key NULL: a member of an array, or the outermost. */
void jsonout_open(struct jsonout *o, const char *key, char bracket);
void jsonout_close(struct jsonout *o, char bracket);
void jsonout_int(struct jsonout *o, const char *key, int64_t v);
void jsonout_text(struct jsonout *o, const char *key, const char *s);
void jsonout_bool(struct jsonout *o, const char *key, bool v);
void jsonout_null(struct jsonout *o, const char *key);
/* The text, NUL-terminated, owned by o; NULL when memory ran out. */
const char *jsonout_end(struct jsonout *o);

#endif
