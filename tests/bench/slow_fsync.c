/*
 * slow_fsync.c - preloaded into a daemon by the benches (LD_PRELOAD): each fsync and fdatasync takes LABTIME_FSYNC_MS
 * milliseconds more, as on a tired disk. Owns nothing; an unreadable number counts as 0.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void rest(void)
{
	const char *text = getenv("LABTIME_FSYNC_MS");
	long ms = text ? strtol(text, NULL, 10) : 0;
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	if (ms > 0)
		nanosleep(&t, NULL);
}

int fsync(int fd)
{
	rest();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	rest();
	return (int)syscall(SYS_fdatasync, fd);
}
