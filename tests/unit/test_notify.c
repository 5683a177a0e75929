/* test_notify.c - what the service manager hears, and when it is left alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

static void nobody_to_tell(void **state)
{
	static const char *const nowhere[] = { "", "relative", "/nonexistent/socket", "@" };
	size_t i;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_manager("READY=1");
	for (i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		setenv("NOTIFY_SOCKET", nowhere[i], 1);
		errno = 0;
		notify_manager("READY=1");
		assert_true(errno == 0 || errno == ENOENT);   /* nothing was sent to anybody else */
	}
}

static void hears(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	char got[32] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(a.sun_path, name, strlen(name));
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_manager("WATCHDOG=1");
	assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 10);
	assert_string_equal(got, "WATCHDOG=1");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void somebody_hears(void **state)
{
	char dir[] = "/tmp/labtime-notify-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	hears(path);
	unlink(path);
	rmdir(dir);
	snprintf(path, sizeof(path), "@labtime-notify-%ld", (long)getpid());
	hears(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_to_tell), cmocka_unit_test(somebody_hears),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
