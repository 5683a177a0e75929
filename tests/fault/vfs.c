/*
 * vfs.c - files in memory with a volatile cache in front of a durable image.
 *
 * Owns all file contents. A write goes to the cache and is remembered as pending; a sync makes the cache durable.
 * On a power cut each pending write survives, is dropped, or is torn at a 512-byte sector, and survivors are applied in
 * random order (a drive's write cache may do all of that). Truncations are pending operations as well. Directory
 * entries are durable at once, except that a file never synced may come back empty.
 * Asserts on our own misuse and on no memory.
 */
#include "fault/vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FILES 16
#define SECTOR 512
#define SHM_REGIONS 64

struct pending { int64_t at; int size; uint8_t *data; bool truncate; };

struct image { uint8_t *data; int64_t size, capacity; };

struct file {
	char name[256];
	bool exists;
	struct image cache, durable;
	struct pending *pending;
	int n_pending, pending_capacity;
	void *shm[SHM_REGIONS];
	int shm_references;
};

struct handle { sqlite3_file base; struct file *file; };

static struct file files[FILES];
static bool frozen, fired, sticky, paused, lying;
static enum fault_kind plan_kind;
static int64_t plan_at, operations, lost, torn;

static void image_resize(struct image *m, int64_t size)
{
	if (size > m->capacity) {
		m->capacity = size * 2 + 65536;
		m->data = realloc(m->data, (size_t)m->capacity);
		assert(m->data);
	}
	if (size > m->size)
		memset(m->data + m->size, 0, (size_t)(size - m->size));
	m->size = size;
}

static void image_write(struct image *m, int64_t at, const void *p, int n)
{
	if (at + n > m->size)
		image_resize(m, at + n);
	memcpy(m->data + at, p, (size_t)n);
}

static void image_copy(struct image *to, const struct image *from)
{
	image_resize(to, from->size);
	if (from->size)
		memcpy(to->data, from->data, (size_t)from->size);
}

static void forget_pending(struct file *f)
{
	for (int i = 0; i < f->n_pending; i++)
		free(f->pending[i].data);
	f->n_pending = 0;
}

static void remember(struct file *f, struct pending p)
{
	if (f->n_pending == f->pending_capacity) {
		f->pending_capacity = f->pending_capacity * 2 + 64;
		f->pending = realloc(f->pending, (size_t)f->pending_capacity * sizeof(*f->pending));
		assert(f->pending);
	}
	f->pending[f->n_pending++] = p;
}

/* SQLITE_OK, or what the plan wants for this operation. */
static int count_operation(int io_error)
{
	if (frozen)
		return io_error;
	if (paused)
		return SQLITE_OK;
	operations++;
	if (plan_kind == FAULT_NONE || (sticky ? operations < plan_at : operations != plan_at))
		return SQLITE_OK;
	fired = true;
	frozen = plan_kind == FAULT_POWER;
	return plan_kind == FAULT_FULL ? SQLITE_FULL : io_error;
}

static void apply(struct image *m, const struct pending *p, int size)
{
	if (p->truncate)
		image_resize(m, p->at);
	else
		image_write(m, p->at, p->data, size);
}

static void drop_shm(struct file *f)
{
	for (int i = 0; i < SHM_REGIONS; i++) {
		free(f->shm[i]);
		f->shm[i] = NULL;
	}
}

static void forget_file(struct file *f)
{
	forget_pending(f);
	drop_shm(f);
	free(f->pending);
	free(f->cache.data);
	free(f->durable.data);
	memset(f, 0, sizeof(*f));
}

/* Methods of an open file ----------------------------------------------------------------------------------- */

static int vfs_close(sqlite3_file *h)
{
	struct file *f = ((struct handle *)h)->file;

	if (f->name[0] == '\0')
		forget_file(f);
	return SQLITE_OK;
}

static int vfs_read(sqlite3_file *h, void *p, int n, sqlite3_int64 at)
{
	const struct image *m = &((struct handle *)h)->file->cache;
	int64_t have = at < m->size ? m->size - at : 0;

	have = have < n ? have : n;
	if (have)
		memcpy(p, m->data + at, (size_t)have);
	if (have == n)
		return SQLITE_OK;
	memset((uint8_t *)p + have, 0, (size_t)(n - have));
	return SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *h, const void *p, int n, sqlite3_int64 at)
{
	struct file *f = ((struct handle *)h)->file;
	struct pending w = { .at = at, .size = n };
	int rc = count_operation(SQLITE_IOERR_WRITE);

	if (rc != SQLITE_OK)
		return rc;
	w.data = malloc((size_t)n);
	assert(w.data);
	memcpy(w.data, p, (size_t)n);
	remember(f, w);
	image_write(&f->cache, at, p, n);
	return SQLITE_OK;
}

static int vfs_truncate(sqlite3_file *h, sqlite3_int64 size)
{
	struct file *f = ((struct handle *)h)->file;
	int rc = count_operation(SQLITE_IOERR_TRUNCATE);

	if (rc != SQLITE_OK)
		return rc;
	remember(f, (struct pending){ .at = size, .truncate = true });
	image_resize(&f->cache, size);
	return SQLITE_OK;
}

static int vfs_sync(sqlite3_file *h, int flags)
{
	struct file *f = ((struct handle *)h)->file;
	int rc = count_operation(SQLITE_IOERR_FSYNC);

	(void)flags;
	if (rc != SQLITE_OK)
		return rc;
	if (lying)
		return SQLITE_OK;
	for (int i = 0; i < f->n_pending; i++)
		apply(&f->durable, &f->pending[i], f->pending[i].size);
	forget_pending(f);
	return SQLITE_OK;
}

static int vfs_size(sqlite3_file *h, sqlite3_int64 *ret)
{
	*ret = ((struct handle *)h)->file->cache.size;
	return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *h, int level)
{
	(void)h;
	(void)level;
	return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *h, int *ret)
{
	(void)h;
	*ret = 0;
	return SQLITE_OK;
}

static int vfs_control(sqlite3_file *h, int op, void *arg)
{
	(void)h;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *h)
{
	(void)h;
	return SECTOR;
}

static int vfs_characteristics(sqlite3_file *h)
{
	(void)h;
	return 0; /* no promise of atomic or ordered writes */
}

static int vfs_shm_map(sqlite3_file *h, int region, int size, int extend, void volatile **ret)
{
	struct file *f = ((struct handle *)h)->file;

	assert(region < SHM_REGIONS);
	if (!f->shm[region] && extend)
		f->shm[region] = calloc(1, (size_t)size);
	*ret = f->shm[region];
	return SQLITE_OK;
}

static int vfs_shm_lock(sqlite3_file *h, int offset, int n, int flags)
{
	(void)h;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

static void vfs_shm_barrier(sqlite3_file *h)
{
	(void)h;
}

static int vfs_shm_unmap(sqlite3_file *h, int delete_it)
{
	(void)delete_it;
	drop_shm(((struct handle *)h)->file);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = vfs_close, .xRead = vfs_read, .xWrite = vfs_write, .xTruncate = vfs_truncate,
		.xSync = vfs_sync,
	.xFileSize = vfs_size, .xLock = vfs_lock, .xUnlock = vfs_lock, .xCheckReservedLock = vfs_check_reserved,
	.xFileControl = vfs_control, .xSectorSize = vfs_sector_size, .xDeviceCharacteristics = vfs_characteristics,
	.xShmMap = vfs_shm_map, .xShmLock = vfs_shm_lock, .xShmBarrier = vfs_shm_barrier, .xShmUnmap = vfs_shm_unmap,
};

/* The file system ----------------------------------------------------------------------------------------------- */

static struct file *find(const char *name, bool create)
{
	struct file *unused = NULL;

	for (int i = 0; i < FILES; i++) {
		if (files[i].exists && name && strcmp(files[i].name, name) == 0)
			return &files[i];
		if (!files[i].exists && !unused)
			unused = &files[i];
	}
	if (!create)
		return NULL;
	assert(unused);
	forget_file(unused);
	unused->exists = true;
	strncpy(unused->name, name ? name : "", sizeof(unused->name) - 1);
	return unused;
}

static int vfs_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *h, int flags, int *ret_flags)
{
	/* db_open() has made the main file in the real directory; here it exists from its first opening on */
	struct file *f = find(name, flags & (SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB));

	(void)v;
	h->pMethods = NULL;
	if (!f)
		return SQLITE_CANTOPEN;
	((struct handle *)h)->file = f;
	h->pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync_directory)
{
	struct file *f = find(name, false);

	(void)v;
	(void)sync_directory;
	if (frozen)
		return SQLITE_IOERR_DELETE;
	if (!f)
		return SQLITE_IOERR_DELETE_NOENT;
	f->exists = false;
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *ret)
{
	(void)v;
	(void)flags;
	*ret = find(name, false) != NULL;
	return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *v, const char *name, int n, char *ret)
{
	(void)v;
	sqlite3_snprintf(n, ret, "%s", name);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *v, int n, char *ret)
{
	(void)v;
	memset(ret, 0x5a, (size_t)n);
	return n;
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int vfs_time(sqlite3_vfs *v, sqlite3_int64 *ret)
{
	(void)v;
	*ret = INT64_C(212667811200000);
	return SQLITE_OK;
}

static int vfs_time_double(sqlite3_vfs *v, double *ret)
{
	(void)v;
	*ret = 2461400.0;
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *v, int n, char *ret)
{
	(void)v;
	if (n > 0)
		ret[0] = '\0';
	return 0;
}

static sqlite3_vfs vfs = {
	.iVersion = 2, .szOsFile = sizeof(struct handle), .mxPathname = 250, .zName = "fault", .xOpen = vfs_open,
	.xDelete = vfs_delete, .xAccess = vfs_access, .xFullPathname = vfs_full_name, .xRandomness = vfs_random,
	.xSleep = vfs_sleep, .xCurrentTime = vfs_time_double, .xCurrentTimeInt64 = vfs_time, .xGetLastError =
		vfs_last_error,
};

void fault_vfs_install(void)
{
	sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_reset(void)
{
	for (int i = 0; i < FILES; i++)
		forget_file(&files[i]);
	frozen = paused = lying = false;
	lost = torn = 0;
	fault_vfs_plan(FAULT_NONE, 0, false);
}

void fault_vfs_plan(enum fault_kind kind, int64_t at, bool from_then_on)
{
	plan_kind = kind;
	plan_at = at;
	sticky = from_then_on;
	operations = 0;
	fired = false;
}

int64_t fault_vfs_operations(void)
{
	return operations;
}

bool fault_vfs_fired(void)
{
	return fired;
}

int64_t fault_vfs_lost_writes(void)
{
	return lost;
}

int64_t fault_vfs_torn_writes(void)
{
	return torn;
}

void fault_vfs_pause(bool on)
{
	paused = on;
}

void fault_vfs_ignore_sync(bool on)
{
	lying = on;
}

void fault_vfs_freeze(void)
{
	frozen = true;
}

void fault_vfs_thaw(void)
{
	frozen = false;
}

bool fault_vfs_frozen(void)
{
	return frozen;
}

/* One unsynced operation meets the durable image: whole, torn where a sector begins, or not at all. */
static void settle(struct file *f, const struct pending *p, struct rng *rng)
{
	int64_t fate = rng_in(rng, 0, 3), first = p->at / SECTOR + 1, last = (p->at + p->size - 1) / SECTOR;

	if (fate == 0) {
		lost++;
	} else if (fate == 1 && !p->truncate && last >= first) {
		torn++;
		apply(&f->durable, p, (int)(rng_in(rng, first, last) * SECTOR - p->at));
	} else {
		apply(&f->durable, p, p->size);
	}
}

static void restore_file(struct file *f, struct rng *rng)
{
	for (int i = f->n_pending - 1; i > 0; i--) { /* the cache wrote in its own order */
		int j = (int)rng_in(rng, 0, i);
		struct pending t = f->pending[i];
		f->pending[i] = f->pending[j];
		f->pending[j] = t;
	}
	for (int i = 0; i < f->n_pending; i++)
		settle(f, &f->pending[i], rng);
	forget_pending(f);
	image_copy(&f->cache, &f->durable);
	f->cache.size = f->durable.size;
	drop_shm(f);
}

void fault_vfs_restore(struct rng *rng)
{
	for (int i = 0; i < FILES; i++)
		if (files[i].exists)
			restore_file(&files[i], rng);
	frozen = false;
}
