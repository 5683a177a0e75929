/*
 * config.c - reads and writes contexts and credentials.
 * Owns the two files. Fails with the file, the line and the cure; a secret that others can read is refused.
 */
#include "client/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536

static bool fits(char *dst, size_t cap, const char *src)
{
	size_t n = strlen(src);

	if (n >= cap)
		return false;
	memcpy(dst, src, n + 1);
	return true;
}

bool config_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n &&
		name[0] != '.' && name[0] != '-';
}

static int find_dir(struct config *c, struct lt_err *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (xdg && xdg[0] == '/')
		n = snprintf(c->dir, sizeof c->dir, "%s/labtime", xdg);
	else
		n = snprintf(c->dir, sizeof c->dir, "%s/.config/labtime", home && *home ? home : "/nonexistent");
	if (n < 0 || (size_t)n >= sizeof c->dir)
		return lt_err_set(err, "config", "XDG_CONFIG_HOME", "the path of the configuration is too long");
	return 0;
}

/* Reads a small file. 0 and the size; 1 not there; -1. secret: refuses what others can read. */
static int slurp(const char *path, char *dst, size_t cap, size_t *ret_n, bool secret, struct lt_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : lt_err_set(err, "config", path, "cannot read %s: %s", path,
			strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return lt_err_set(err, "config", path, "%s is not a regular file", path);
	}
	if (secret && (st.st_mode & 077 || (st.st_uid != geteuid() && st.st_uid != 0))) {
		close(fd);
		return lt_err_set(err, "credentials-open", path,
			"%s can be read by others, so its secret is not used; cure: chmod 600 %s", path, path);
	}
	while (n < cap && (got = read(fd, dst + n, cap - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (got < 0)
		return lt_err_set(err, "config", path, "cannot read %s: %s", path, strerror(errno));
	if (n >= cap)
		return lt_err_set(err, "config", path, "%s is larger than %zu bytes", path, cap - 1);
	if (memchr(dst, '\0', n))
		return lt_err_set(err, "config", path, "%s holds a NUL byte", path);
	dst[n] = '\0';
	*ret_n = n;
	return 0;
}

int config_read_secret(const char *path, char *dst, size_t cap, struct lt_err *err)
{
	char buf[1024];
	size_t n;
	int rc = slurp(path, buf, sizeof buf, &n, true, err);

	if (rc > 0)
		return lt_err_set(err, "config", path, "there is no file %s", path);
	if (rc < 0)
		return -1;
	while (n > 0 && strchr(" \t\r\n", buf[n - 1]))
		buf[--n] = '\0';
	if (!n || strcspn(buf, " \t\r\n") != n || !fits(dst, cap, buf))
		return lt_err_set(err, "config", path, "%s should hold one token and nothing else", path);
	return 0;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static int set_key(struct config *c, struct context *x, const char *key, const char *value)
{
	if (!x)
		return strcmp(key, "context") == 0 && fits(c->current, sizeof c->current, value) ? 0 : -1;
	if (strcmp(key, "endpoint") == 0)
		return fits(x->endpoint, sizeof x->endpoint, value) ? 0 : -1;
	if (strcmp(key, "fingerprint") == 0)
		return fits(x->pin, sizeof x->pin, value) ? 0 : -1;
	if (strcmp(key, "certificate") == 0)
		return config_name_ok(value) && fits(x->ca_file, sizeof x->ca_file, value) ? 0 : -1;
	return -1;
}

static int parse_line(struct config *c, struct context **x, char *line, struct lt_err *err, const char *where)
{
	char *eq, *key = trim(line);
	size_t n = strlen(key);

	if (!n || *key == '#' || *key == ';')
		return 0;
	if (*key == '[') {
		if (n < 12 || strncmp(key, "[context \"", 10) != 0 || strcmp(key + n - 2, "\"]") != 0)
			return lt_err_set(err, "config", where, "a section is written [context \"NAME\"]");
		key[n - 2] = '\0';
		*x = config_add(c, key + 10, err);
		return *x ? 0 : -1;
	}
	eq = strchr(key, '=');
	if (!eq)
		return lt_err_set(err, "config", where, "a line is written KEY = VALUE");
	*eq = '\0';
	key = trim(key);
	if (set_key(c, *x, key, trim(eq + 1)) < 0)
		return lt_err_set(err, "config", where,
			"unknown key '%s', or its value is too long; known are context and, in a section, endpoint, fingerprint, "
			"certificate", key);
	return 0;
}

int config_load(struct config *c, struct lt_err *err)
{
	static char text[FILE_MAX];
	char path[640], where[96];
	char *line, *next = text;
	struct context *x = NULL;
	size_t n;
	int rc, number = 0;

	memset(c, 0, sizeof *c);
	if (find_dir(c, err) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/config", c->dir);
	if ((rc = slurp(path, text, sizeof text, &n, false, err)) != 0)
		return rc < 0 ? -1 : 0;
	while ((line = strsep(&next, "\n")) != NULL) {
		snprintf(where, sizeof where, "config:%d", ++number);
		if (parse_line(c, &x, line, err, where) < 0)
			return -1;
	}
	return 0;
}

struct context *config_find(struct config *c, const char *name)
{
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->context[i].name, name) == 0)
			return &c->context[i];
	return NULL;
}

struct context *config_add(struct config *c, const char *name, struct lt_err *err)
{
	struct context *x = config_find(c, name);

	if (x)
		return x;
	if (!config_name_ok(name)) {
		lt_err_set(err, "config", "name", "a context's name is 1 to 63 letters, digits, '.', '_' or '-', not '%s'",
			name);
		return NULL;
	}
	if (c->n >= CONFIG_CONTEXTS) {
		lt_err_set(err, "config", "name", "more than %d contexts; remove one: labtime context rm NAME",
			CONFIG_CONTEXTS);
		return NULL;
	}
	x = &c->context[c->n++];
	memset(x, 0, sizeof *x);
	(void)fits(x->name, sizeof x->name, name);
	return x;
}

void config_remove(struct config *c, const char *name)
{
	struct context *x = config_find(c, name);

	if (!x)
		return;
	memmove(x, x + 1, (size_t)(&c->context[c->n] - (x + 1)) * sizeof *x);
	c->n--;
	if (strcmp(c->current, name) == 0)
		c->current[0] = '\0';
}

static int make_dir(const char *dir, struct lt_err *err)
{
	char path[640];

	for (size_t i = 1; i < sizeof path && i <= strlen(dir); i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return lt_err_set(err, "config", path, "cannot make the directory %s: %s", path, strerror(errno));
	}
	return 0;
}

int config_write(const struct config *c, const char *name, const char *text, size_t size, unsigned mode,
	struct lt_err *err)
{
	char path[640], temp[700];
	int fd;
	bool ok;

	if (make_dir(c->dir, err) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/%s", c->dir, name);
	snprintf(temp, sizeof temp, "%s.%ld.tmp", path, (long)getpid());
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	if (fd < 0)
		return lt_err_set(err, "config", path, "cannot write %s: %s", temp, strerror(errno));
	ok = write(fd, text, size) == (ssize_t)size && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;
	ok = close(fd) == 0 && ok && rename(temp, path) == 0;
	if (!ok) {
		lt_err_set(err, "config", path, "cannot write %s: %s", path, strerror(errno));
		unlink(temp);
		return -1;
	}
	return 0;
}

int config_save(const struct config *c, struct lt_err *err)
{
	static char text[FILE_MAX];
	size_t n = 0;

	if (c->current[0])
		n += (size_t)snprintf(text, sizeof text, "context = %s\n", c->current);
	for (int i = 0; i < c->n; i++) {
		const struct context *x = &c->context[i];

		n += (size_t)snprintf(text + n, sizeof text - n, "\n[context \"%s\"]\nendpoint = %s\n", x->name, x->endpoint);
		if (x->pin[0])
			n += (size_t)snprintf(text + n, sizeof text - n, "fingerprint = %s\n", x->pin);
		if (x->ca_file[0])
			n += (size_t)snprintf(text + n, sizeof text - n, "certificate = %s\n", x->ca_file);
	}
	return config_write(c, "config", text, n, 0600, err);
}

/* Walks the lines NAME = TOKEN. With out: copies all but NAME to it. */
static bool token_lines(char *text, const char *name, char *token, size_t cap, char *out, size_t *out_n)
{
	char *line, *next = text;
	bool found = false;

	while ((line = strsep(&next, "\n")) != NULL) {
		char copy[512], *eq, *key;

		if (!fits(copy, sizeof copy, line) || !(eq = strchr(copy, '=')))
			continue;
		*eq = '\0';
		key = trim(copy);
		if (strcmp(key, name) == 0) {
			found = token && fits(token, cap, trim(eq + 1));
			continue;
		}
		if (out)
			*out_n += (size_t)snprintf(out + *out_n, FILE_MAX - *out_n, "%s\n", line);
	}
	return found;
}

int config_token(const struct config *c, const char *name, char *token, size_t cap, struct lt_err *err)
{
	static char text[FILE_MAX];
	char path[640];
	size_t n;
	int rc;

	token[0] = '\0';
	snprintf(path, sizeof path, "%s/credentials", c->dir);
	if ((rc = slurp(path, text, sizeof text, &n, true, err)) != 0)
		return rc < 0 ? -1 : 0;
	token_lines(text, name, token, cap, NULL, NULL);
	return 0;
}

int config_save_token(const struct config *c, const char *name, const char *token, struct lt_err *err)
{
	static char text[FILE_MAX], out[FILE_MAX];
	char path[640];
	size_t n = 0;
	int rc;

	snprintf(path, sizeof path, "%s/credentials", c->dir);
	if ((rc = slurp(path, text, sizeof text / 2, &n, true, err)) < 0)
		return -1;
	n = 0;
	if (rc == 0)
		token_lines(text, name, NULL, 0, out, &n);
	if (*token)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s = %s\n", name, token);
	return config_write(c, "credentials", out, n, 0600, err);
}
