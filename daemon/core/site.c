/* site.c - look-ups in the immutable site. Pure. */
#include "core/site.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *key, const void *member)
{
	return strcmp(key, ((const struct instrument *)member)->id);
}

const struct instrument *site_instrument(const struct site *s, const char *id)
{
	if (s->n_instruments == 0)
		return NULL;
	return bsearch(id, s->instruments, (size_t)s->n_instruments, sizeof(*s->instruments), by_id);
}

bool site_id_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n < LT_ID && s[n] == '\0' && s[0] != '.' && s[0] != '_' && s[0] != '-';
}
