/*
 * ctl.c - `labtime-sim ctl PATH COMMAND...`: one command to a running simulator's control socket, its JSON lines back.
 * Exits 0 when the answer says ok, 1 when it does not, 2 when there is no answer. Tries for 5 s to connect, so that a
 * script may start the simulator and go on at once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/sim/sim.h"

#define CONNECT_MS 5000
#define GOOD "{\"ok\":true"

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int64_t until = clock_boot_ms() + CONNECT_MS;

	if (strlen(path) >= sizeof(a.sun_path))
		return -1;
	lt_fmt(a.sun_path, sizeof(a.sun_path), "%s", path);
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
		if (clock_boot_ms() >= until)
			return -1;
		poll(NULL, 0, 20);
	}
}

int ctl_main(int argc, char **argv)
{
	char line[600] = "", answer[4096];
	bool ok = true, any = false;
	size_t at = 0; /* in this line of the answer */
	ssize_t n;
	int fd;

	if (argc < 2) {
		fputs("usage: labtime-sim ctl PATH COMMAND...   (try: labtime-sim ctl PATH help)\n", stderr);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		size_t end = strlen(line);
		if (lt_fmt(line + end, sizeof(line) - end, "%s%s", argv[i], i + 1 < argc ? " " : "\n") >= sizeof(line) - end) {
			fputs("labtime-sim ctl: the command is too long\n", stderr);
			return 2;
		}
	}
	fd = connect_to(argv[0]);
	if (fd < 0 || send(fd, line, strlen(line), MSG_NOSIGNAL) < 0) {
		fprintf(stderr, "labtime-sim ctl: no simulator at %s: %s\n", argv[0], strerror(errno));
		return 2;
	}
	shutdown(fd, SHUT_WR);
	while ((n = read(fd, answer, sizeof(answer))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (at < sizeof(GOOD) - 1) /* a line may come in two pieces */
				ok = ok && answer[i] == GOOD[at];
			at = answer[i] == '\n' ? 0 : at + 1;
		}
		any = true;
		fwrite(answer, 1, (size_t)n, stdout);
	}
	close(fd);
	if (!any) {
		fputs("labtime-sim ctl: the simulator gave no answer\n", stderr);
		return 2;
	}
	return ok ? 0 : 1;
}
