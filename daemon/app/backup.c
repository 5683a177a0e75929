/*
 * backup.c - see backup.h. Owns the unfinished copy, which goes when the job is cancelled. Fails by class: the answer
 * is cut, and no file of that name appears.
 */
#include "app/backup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fmt.h"

#define PAGES_A_SLICE 256        /* 1 MiB: a few milliseconds */

struct backup_job {
	struct job job;
	struct db_backup *copy;
	char path[512], actor[48];
};

/* Quoted for JSON: the path has no control characters (the API refused them). */
static size_t quoted(char *dst, size_t cap, const char *s)
{
	size_t n = 0;

	for (; *s && n + 3 < cap; s++) {
		if (*s == '"' || *s == '\\')
			dst[n++] = '\\';
		dst[n++] = *s;
	}
	dst[n] = '\0';
	return n;
}

static int next_slice(struct job *j, struct db *db, char *dst, size_t cap, size_t *ret_size)
{
	struct backup_job *b = (struct backup_job *)j;
	int r = db_backup_step(b->copy, PAGES_A_SLICE);
	char path[1100];
	struct stat st;

	if (r == DB_ROW) {
		*ret_size = lt_fmt(dst, cap, "\n");
		return 1;
	}
	if (r != DB_DONE || stat(b->path, &st) < 0)
		return r < 0 ? r : DB_IO;
	quoted(path, sizeof(path), b->path);
	*ret_size = lt_fmt(dst, cap, "{\"path\":\"%s\",\"bytes\":%lld}\n", path, (long long)st.st_size);
	return 0;
}

static int done(struct job *j, void *act)
{
	struct backup_job *b = (struct backup_job *)j;
	struct act *a = act;

	lt_fmt(a->who.actor, sizeof(a->who.actor), "%s", b->actor);
	act_audit(a, "backup", b->path, "", "", "");
	return act_end(a);
}

static void cancel(struct job *j)
{
	struct backup_job *b = (struct backup_job *)j;

	db_backup_free(b->copy);
	free(b);
}

static const struct job_kind backup_kind = { "backup", next_slice, done, cancel };

int backup_start(struct act *a, const char *path, struct job **ret)
{
	struct backup_job *b = calloc(1, sizeof(*b));
	struct lt_err err;

	if (!b)
		return DB_NOMEM;
	b->job.kind = &backup_kind;
	lt_fmt(b->path, sizeof(b->path), "%s", path);
	lt_fmt(b->actor, sizeof(b->actor), "%s", a->who.actor);
	b->copy = db_backup_new(a->db, path, &err);
	if (!b->copy) {
		free(b);
		return act_refuse(a, strcmp(err.code, "file-exists") == 0 ? 409 : 422, err.code, err.field, "%s",
			err.text);
	}
	*ret = &b->job;
	return 0;
}
