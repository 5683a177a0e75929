/* file.c - whole files of a bounded size, and the zone's data. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fmt.h"

static char *read_all(int fd, size_t max, size_t *ret_size)
{
	char *p = malloc(max + 1);
	size_t n = 0;

	while (p && n <= max) {
		ssize_t got = read(fd, p + n, max + 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(p);
			return NULL;
		}
		if (got == 0) {
			p[n] = '\0';
			*ret_size = n;
			return p;
		}
		n += (size_t)got;
	}
	free(p);
	errno = p ? EFBIG : ENOMEM;
	return NULL;
}

char *file_read(const char *path, size_t max, size_t *ret_size, struct lt_err *err)
{
	struct stat st;
	char *p = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), why;

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (fd >= 0)
		p = read_all(fd, max, ret_size);
	why = errno;
	if (fd >= 0)
		close(fd);
	if (p)
		return p;
	if (why == EFBIG)
		lt_err_set(err, "file-too-large", path, "the file is larger than %zu bytes", max);
	else
		lt_err_set(err, "file-unreadable", path, "cannot read: %s", strerror(why));
	return NULL;
}

int zone_load(struct lt_zone *ret, const char *name, struct lt_err *err)
{
	const char *dir = getenv("TZDIR");
	char path[256];
	size_t size = 0;
	char *data;
	int r;

	if (strcmp(name, "UTC") == 0) {
		lt_zone_utc(ret);
		return 0;
	}
	if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") || strlen(name) >= sizeof(ret->name))
		return lt_err_set(err, "bad-zone", name, "not an IANA time zone name; use one like \"Asia/Shanghai\"");
	lt_fmt(path, sizeof(path), "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
	data = file_read(path, 65536, &size, err);
	if (!data)
		return lt_err_set(err, "bad-zone", name,
				  "no such time zone here; use an IANA name like \"Asia/Shanghai\" (is tzdata installed?)");
	r = lt_zone_parse(ret, name, (const uint8_t *)data, size, err);
	free(data);
	return r;
}
