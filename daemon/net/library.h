/*
 * library.h - which libevent parses what strangers send, and whether the distribution's security patches are in it.
 *
 * event_get_version() says "2.1.12-stable" with and without them; only the package's version tells.
 */
#ifndef NET_LIBRARY_H
#define NET_LIBRARY_H

#include "base/base.h"

enum library_patch { LIBRARY_NOT_KNOWN, LIBRARY_PATCHED, LIBRARY_UNPATCHED };

/* Pure: the rule for one package version; "" is not known. */
enum library_patch library_judge(const char *package_version);

struct library {
	enum library_patch patch;
	char text[200];                 /* a sentence for people                                       */
	const char *cure;               /* NULL unless LIBRARY_UNPATCHED                               */
};

/* The libevent in this process. Asked once, at the start: a package upgraded later is not yet the code that runs.
 * database: dpkg's status file. Never fails. */
void library_ask(const char *database, struct library *ret);

#define LIBRARY_DATABASE "/var/lib/dpkg/status"

#endif
