/*
 * sqlite_backup.c - the online copy: into <path>.part, which gets its name only when it is whole and on the disk.
 * Owns the copy's connection and the unfinished file. Fails by class (db.h); an unfinished file is removed.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fmt.h"

struct db_backup {
	sqlite3_backup *b;
	sqlite3 *to;
	char part[512], path[512];
	bool done;
};

struct db_backup *db_backup_new(struct db *db, const char *path, struct lt_err *err)
{
	struct db_backup *b = calloc(1, sizeof(*b));
	int fd;

	if (!b || strlen(path) > sizeof(b->part) - 8 || path[0] != '/') {
		lt_err_set(err, "bad-path", "path", "give an absolute path of at most %zu bytes", sizeof(b->part) - 8);
		free(b);
		return NULL;
	}
	lt_fmt(b->path, sizeof(b->path), "%s", path);
	lt_fmt(b->part, sizeof(b->part), "%s.part", path);
	fd = access(path, F_OK) == 0 ? (errno = EEXIST, -1) : open(b->part,
		O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		lt_err_set(err, errno == EEXIST ? "file-exists" : "file-unwritable", "path",
			"cannot write %s: %s; name a new file in a directory that labtimed may write", path,
			strerror(errno));
		free(b);
		return NULL;
	}
	close(fd);
	if (sqlite3_open_v2(b->part, &b->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		b->b = sqlite3_backup_init(b->to, "main", db_sqlite(db), "main");
	if (!b->b) {
		lt_err_set(err, "backup-failed", "path", "cannot start the copy: %s",
			b->to ? sqlite3_errmsg(b->to) : "out of memory");
		return db_backup_free(b);
	}
	return b;
}

static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[512];
	int fd, r;

	lt_fmt(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return r;
}

int db_backup_step(struct db_backup *b, int pages)
{
	int r = sqlite3_backup_step(b->b, pages);

	if (r == SQLITE_OK || r == SQLITE_BUSY || r == SQLITE_LOCKED)
		return DB_ROW;
	if (r != SQLITE_DONE)
		return (r & 0xff) == SQLITE_FULL ? DB_FULL : (r & 0xff) == SQLITE_NOMEM ? DB_NOMEM : DB_IO;
	sqlite3_backup_finish(b->b);
	b->b = NULL;
	r = sqlite3_close(b->to);
	b->to = NULL;
	if (r != SQLITE_OK || link(b->part, b->path) < 0)
		return DB_IO;
	unlink(b->part);
	b->done = true;
	return sync_directory(b->path) < 0 ? DB_IO : DB_DONE;
}

struct db_backup *db_backup_free(struct db_backup *b)
{
	if (!b)
		return NULL;
	sqlite3_backup_finish(b->b);
	sqlite3_close(b->to);
	if (!b->done)
		unlink(b->part);
	free(b);
	return NULL;
}

int db_backup_whole(struct db *db, const char *path, struct lt_err *err)
{
	struct db_backup *b;
	int r = DB_ROW;

	unlink(path); /* left by a migration that was interrupted: the store is still what it was */
	b = db_backup_new(db, path, err);
	if (!b)
		return -1;
	while (r == DB_ROW)
		r = db_backup_step(b, 1000);
	db_backup_free(b);
	return r == DB_DONE ? 0 : lt_err_set(err, "backup-failed", path,
		"cannot copy the store before the upgrade; is the disk full?");
}

bool db_check(struct db *db, bool quick, char *dst, size_t cap)
{
	struct stmt *s = db_query(db, quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", "");
	bool ok = db_step(s) == DB_ROW && strcmp(db_text(s, 0), "ok") == 0;

	lt_fmt(dst, cap, "%s", ok ? "" : db_failed(db) ? db_why(db) : db_text(s, 0));
	db_end(s);
	return ok;
}
