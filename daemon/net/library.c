/* library.c - see library.h. Owns nothing; what cannot be found out is "not known", never "fine". */
#include "net/library.h"

#include <dlfcn.h>
#include <string.h>

#include <event2/event.h>

#include "common/fmt.h"

/* Debian 12's 2.1.12-stable-8 has eight flaws (CVE-2026-63379, -81 to -85, -87, -88) that this revision mends. Later
 * revisions of the same upstream version carry their fixes under numbers that are not in this table. */
static const char since[] = "2.1.12-stable-8+deb12u1", beyond[] = "2.1.12-stable-9~";

enum library_patch library_judge(const char *package_version)
{
	if (!package_version[0] || package_compare(package_version, beyond) >= 0)
		return LIBRARY_NOT_KNOWN;
	return package_compare(package_version, since) >= 0 ? LIBRARY_PATCHED : LIBRARY_UNPATCHED;
}

/* Where the code was loaded from: a library that somebody built and put elsewhere is not the package's. */
static bool from_the_system(void)
{
	void *symbol = dlsym(RTLD_DEFAULT, "event_get_version");
	Dl_info info;

	return symbol && dladdr(symbol, &info) != 0 && info.dli_fname &&
		(strncmp(info.dli_fname, "/usr/lib/", 9) == 0 || strncmp(info.dli_fname, "/lib/", 5) == 0);
}

static bool package_of(const char *database, char version[PACKAGE_VERSION])
{
	return package_version(database, "libevent-core-2.1-7", version) ||
		package_version(database, "libevent-core-2.1-7t64", version);
}

void library_ask(const char *database, struct library *ret)
{
	char version[PACKAGE_VERSION] = "";
	const char *event = event_get_version();

	memset(ret, 0, sizeof(*ret));
	if (!from_the_system()) {
		lt_fmt(ret->text, sizeof(ret->text), "libevent %s, not from a package: not known whether the security "
			"patches are in it", event);
		return;
	}
	if (!package_of(database, version)) {
		lt_fmt(ret->text, sizeof(ret->text), "libevent %s: not known whether the security patches are in it (%s does "
			"not name its package)", event, database);
		return;
	}
	ret->patch = library_judge(version);
	lt_fmt(ret->text, sizeof(ret->text), "libevent %s, package %s: %s", event, version,
		ret->patch == LIBRARY_PATCHED ? "the security patches of September 2026 are in it" :
		ret->patch == LIBRARY_UNPATCHED ? "without the security patches of September 2026 (2.1.12-stable-8+deb12u1)" :
		"not known whether the security patches are in it");
	if (ret->patch == LIBRARY_UNPATCHED)
		ret->cure = "apt-get update && apt-get upgrade (libevent-core-2.1-7 and its sisters), then restart labtimed";
}
