/* clock.c - the only place that reads a clock. Owns nothing, cannot fail. */
#include "base/base.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_thread_us(void)
{
	return read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t clock_boot_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

#define STAMP_MS 5       /* between the two clocks of a stamp, at most ... */
#define STAMP_TRIES 8    /* ... unless the machine is too busy            */

void clock_both_ms(int64_t *ret_boot, int64_t *ret_wall)
{
	int64_t before, after = clock_boot_ms();

	for (int k = 0; k < STAMP_TRIES; k++) {
		before = after;
		*ret_wall = clock_wall_ms();
		after = clock_boot_ms();
		if (after - before <= STAMP_MS)
			break;
	}
	*ret_boot = after;
}

const char *clock_boot_id(void)
{
	static char id[37];
	int fd;
	ssize_t n;

	if (id[0])
		return id;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, id, 36);
	if (fd >= 0)
		close(fd);
	if (n != 36)
		memcpy(id, "unknown", 8);
	return id;
}
