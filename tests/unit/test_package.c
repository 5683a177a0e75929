/* test_package.c - Debian's order of versions, dpkg's database, and the verdict on libevent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "net/library.h"

/* Ascending: every pair of the table is compared both ways, each with itself too. */
static const char *const ascending[] = {
	"0.9", "1.0~~", "1.0~rc1-1", "1.0-0~1", "1.0", "1.0-1~bpo12", "1.0-1", "1.0-1a", "1.0-1+b1", "1.0-2", "1.0-10", "1.0+x-1", "1.0.1-1",
	"1.00000000000000000000000000000000000009-1", "1.00000000000000000000000000000010-1",
	"1.99999999999999999999999999999999-1", "2.1.12-stable-1", "2.1.12-stable-8~", "2.1.12-stable-8", "2.1.12-stable-8+b2",
	"2.1.12-stable-8+deb12u1~bpo11+1", "2.1.12-stable-8+deb12u1", "2.1.12-stable-8+deb12u1+b1", "2.1.12-stable-8+deb12u2",
	"2.1.12-stable-8+deb12u10", "2.1.12-stable-9ubuntu2", "2.1.12-stable-10", "2.2.1-1", "10.0", "1:0.1",
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void the_order_is_debians(void **state)
{
	for (size_t i = 0; i < N(ascending); i++)
		for (size_t k = 0; k < N(ascending); k++)
			if (sign(package_compare(ascending[i], ascending[k])) != (i > k) - (i < k))
				fail_msg("\"%s\" and \"%s\"", ascending[i], ascending[k]);
	assert_int_equal(package_compare("0:1.0-0", "1.0"), 0);
	assert_int_equal(package_compare("1.01", "1.1"), 0);
	assert_int_equal(package_compare("", ""), 0);
}

/* dpkg itself is asked where there is one. */
static void dpkg_agrees(void **state)
{
	char command[300];

	if (access("/usr/bin/dpkg", X_OK) != 0)
		return;
	for (size_t i = 1; i < N(ascending); i++) {
		snprintf(command, sizeof(command), "dpkg --compare-versions '%s' lt '%s' 2>/dev/null", ascending[i - 1],
			ascending[i]);
		if (system(command) != 0) /* NOLINT(cert-env33-c): a fixed text */
			fail_msg("dpkg: \"%s\" is not before \"%s\"", ascending[i - 1], ascending[i]);
	}
}

static void written(const char *path, const char *text, size_t padding)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (size_t i = 0; i < padding; i++)
		fputc('x', f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void the_database_is_read(void **state)
{
	static const struct { const char *text; size_t padding; const char *expect; } cases[] = {
		{ "Package: p\nStatus: install ok installed\nVersion: 1.2-3\n\n", 0, "1.2-3" },
		{ "Package: a\nStatus: install ok installed\nVersion: 9\n\nPackage: p\nStatus: install ok installed\nVersion: 4\n",
			0, "4" },
		{ "Version: 4\nPackage: p\nStatus: hold ok installed\n", 0, "4" },
		{ "Package: p\nStatus: deinstall ok config-files\nVersion: 4\n", 0, NULL },
		{ "Package: p\nStatus: install ok half-installed\nVersion: 4\n", 0, NULL },
		{ "Package: p\nStatus: install ok installed\n\nPackage: q\nVersion: 4\n", 0, NULL },
		{ "Package: pp\nStatus: install ok installed\nVersion: 4\n", 0, NULL },
		{ "Package: p\nStatus: install ok installed\nDescription: x\n Version: 4\n", 0, NULL },
		/* A line longer than the buffer does not begin a new one in its middle. */
		{ "Package: p\nStatus: install ok installed\nVersion: 4\n", 511, NULL },
		{ "\nPackage: p\nStatus: install ok installed\nVersion: 4\n", 2000, "4" },
		{ "Package: p\nStatus: install ok installed\nVersion: "
			"1234567890123456789012345678901234567890123456789012345678901234567890\n", 0, NULL },
		{ "Package: p\nStatus: install ok installed\nVersion: 4", 0, NULL },     /* cut in the middle of a line */
		{ "", 0, NULL },
	};
	char path[] = "/tmp/labtime-status.XXXXXX", got[PACKAGE_VERSION];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < N(cases); i++) {
		written(path, cases[i].text, cases[i].padding);
		got[0] = '\0';
		if (package_version(path, "p", got) != (cases[i].expect != NULL))
			fail_msg("case %zu", i);
		assert_string_equal(got, cases[i].expect ? cases[i].expect : "");
	}
	unlink(path);
	assert_false(package_version(path, "p", got));
	assert_false(package_version("/", "p", got));
}

static void the_verdict_on_libevent(void **state)
{
	static const struct { const char *version; enum library_patch patch; } cases[] = {
		{ "2.1.12-stable-8+deb12u1", LIBRARY_PATCHED }, { "2.1.12-stable-8+deb12u2", LIBRARY_PATCHED },
		{ "2.1.12-stable-8", LIBRARY_UNPATCHED }, { "2.1.12-stable-8+b1", LIBRARY_UNPATCHED },
		{ "2.1.12-stable-1", LIBRARY_UNPATCHED }, { "2.1.12-stable-10", LIBRARY_NOT_KNOWN },
		{ "2.1.12-stable-9ubuntu2", LIBRARY_NOT_KNOWN }, { "2.2.1-1", LIBRARY_NOT_KNOWN }, { "", LIBRARY_NOT_KNOWN },
	};

	for (size_t i = 0; i < N(cases); i++)
		if (library_judge(cases[i].version) != cases[i].patch)
			fail_msg("\"%s\": %d", cases[i].version, (int)library_judge(cases[i].version));
}

static void what_is_not_known_is_said(void **state)
{
	char path[] = "/tmp/labtime-status.XXXXXX";
	int fd = mkstemp(path);
	struct library l;

	assert_true(fd >= 0);
	close(fd);
	library_ask("/nonexistent/status", &l);
	assert_int_equal(l.patch, LIBRARY_NOT_KNOWN);
	assert_non_null(strstr(l.text, "not known"));
	assert_null(l.cure);
	written(path, "Package: libevent-core-2.1-7\nStatus: install ok installed\nVersion: 2.1.12-stable-8\n", 0);
	library_ask(path, &l);
	if (l.patch != LIBRARY_NOT_KNOWN) {   /* a libevent of one's own is not the package's */
		assert_int_equal(l.patch, LIBRARY_UNPATCHED);
		assert_non_null(strstr(l.text, "without the security patches"));
		assert_non_null(l.cure);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_debians), cmocka_unit_test(dpkg_agrees), cmocka_unit_test(the_database_is_read),
		cmocka_unit_test(the_verdict_on_libevent), cmocka_unit_test(what_is_not_known_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
