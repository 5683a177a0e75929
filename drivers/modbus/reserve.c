/*
 * reserve.c - see reserve.h. Owns RESERVE_FDS descriptors of /dev/null. It is filled again when a connection to a
 * controller closes, and when one opens while descriptors are free; another thread may be quicker. Fails only as
 * socket() does, when the reserve is used up as well.
 */
#include "drivers/modbus/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

void reserve_init(struct reserve *r)
{
	for (int i = 0; i < RESERVE_FDS; i++)
		r->fd[i] = -1;
	reserve_fill(r);
}

void reserve_deinit(struct reserve *r)
{
	for (int i = 0; i < RESERVE_FDS; i++)
		if (r->fd[i] >= 0)
			close(r->fd[i]);
}

void reserve_fill(struct reserve *r)
{
	for (int i = 0; r && i < RESERVE_FDS; i++)
		if (r->fd[i] < 0)
			r->fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int open_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int reserve_socket(struct reserve *r, int family)
{
	int fd = open_socket(family);

	if (fd >= 0)
		reserve_fill(r); /* there are descriptors again, perhaps */
	for (int i = 0; fd < 0 && (errno == EMFILE || errno == ENFILE) && r && i < RESERVE_FDS; i++) {
		if (r->fd[i] < 0)
			continue;
		close(r->fd[i]);
		r->fd[i] = -1;
		fd = open_socket(family);
	}
	return fd;
}
