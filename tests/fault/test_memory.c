/*
 * test_memory.c - the n-th allocation inside the store's engine fails, for n = 1, 2, 3 ... once and from then on, under
 * a short history of the simulated world: a turn that failed before its COMMIT is run again, a failed COMMIT ends the
 * daemon and it recovers. No promise may break. Memory is there again when the daemon has ended, or after a while.
 *
 *   test_memory [--stride N] [--from N] [--once] [--trace]
 */
#include <getopt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fmt.h"
#include "fault/vfs.h"
#include "sim/world.h"

#define HOURS 1
#define DROUGHT 300              /* "from then on": memory is there again after so many refusals at the latest */

static char path[128], ballast[160];
static sqlite3_mem_methods real;
static int64_t allocations, fails_at;
static bool for_good, paused;
static FILE *trace;

static bool no_memory(void)
{
	if (paused || fails_at == 0)
		return false;
	allocations++;
	return for_good ? allocations >= fails_at && allocations < fails_at + DROUGHT : allocations == fails_at;
}

static void *hooked_malloc(int n)
{
	return no_memory() ? NULL : real.xMalloc(n);
}

static void *hooked_realloc(void *p, int n)
{
	return no_memory() ? NULL : real.xRealloc(p, n);
}

static bool never(void)
{
	return false;
}

static void pause_both(bool on)
{
	paused = on;
	fault_vfs_pause(on);
}

/* What the dead process frees needs no memory; the next one has its own. */
static void cut(void)
{
	fails_at = 0;
	fault_vfs_freeze();
}

static void back(struct rng *rng)
{
	(void)rng;
	fault_vfs_thaw();
}

static bool in_drought(void)
{
	return for_good && allocations >= fails_at && allocations < fails_at + DROUGHT;
}

static const struct world_disk disk = { path, never, cut, back, pause_both, NULL, in_drought };

/* Plays the history; n 0: nothing fails. False and a line when a promise broke. */
static bool play(int64_t n, bool good, int64_t *ret_allocations, int64_t *crashes)
{
	const struct world_options o = { .seed = 3, .span_ms = HOURS * 3600000, .poll_ms = 300000, .haste = 8,
		.trace = trace, .disk = &disk };
	struct world *w;
	bool ok;

	fault_vfs_reset();
	fails_at = 0;
	w = world_new(&o);
	allocations = 0;
	for_good = good;
	fails_at = n > 0 ? n : INT64_MAX;
	ok = !w->violation[0] && world_run(w);
	*ret_allocations = allocations;
	*crashes += w->stats.crashes;
	fails_at = 0;
	if (!ok)
		printf("# allocation %lld fails %s: %s\n# replay: test_memory --from %lld --stride 1000000 --trace\n", (long long)n,
		       good ? "from then on" : "once", w->violation, (long long)n);
	if (!ok && trace)
		world_dump(w, trace);
	world_free(w);
	return ok;
}

static bool every(int64_t from, int64_t stride, int64_t last, bool good)
{
	int64_t played = 0, crashes = 0, ignored;
	int broken = 0;

	for (int64_t n = from; n <= last && broken < 5; n += stride, played++)
		broken += !play(n, good, &ignored, &crashes);
	printf("# %lld of %lld allocations failed %s: %lld restarts\n", (long long)played, (long long)last, good ? "from then on" : "once",
	       (long long)crashes);
	return broken == 0 && played > 0;
}

static bool parse(int argc, char **argv, int64_t *stride, int64_t *from, bool *once)
{
	static const struct option names[] = { { "stride", required_argument, NULL, 'n' }, { "from", required_argument, NULL, 'f' },
		{ "once", no_argument, NULL, 'o' }, { "trace", no_argument, NULL, 't' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			*stride = strtoll(optarg, NULL, 10);
		else if (c == 'f')
			*from = strtoll(optarg, NULL, 10);
		else if (c == 'o')
			*once = true;
		else if (c == 't')
			trace = stdout;
		else
			return false;
	}
	return *stride > 0 && *from > 0;
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/labtime-memory-XXXXXX";
	int64_t stride = 1, from = 1, last = 0, crashes = 0;
	sqlite3_mem_methods hooked;
	bool once = false, ok[2] = { true, true };

	if (!parse(argc, argv, &stride, &from, &once) || !mkdtemp(directory))
		return 2;
	if (!trace && !freopen("/dev/null", "w", stderr)) /* the daemon says a lot without memory */
		return 2;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		return 2;
	hooked = real;
	hooked.xMalloc = hooked_malloc;
	hooked.xRealloc = hooked_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked) != SQLITE_OK)
		return 2;
	lt_fmt(path, sizeof(path), "%s/store", directory);
	lt_fmt(ballast, sizeof(ballast), "%s.ballast", path);
	fault_vfs_install();
	printf("1..2\n");
	if (!play(0, false, &last, &crashes) || last == 0)
		ok[0] = ok[1] = false;
	for (int i = 0; i < 2; i++) {
		ok[i] = ok[i] && ((i == 1 && once) || every(from, stride, last, i == 1));
		printf("%s %d - allocations of the store fail %s\n", ok[i] ? "ok" : "not ok", i + 1, i == 1 ? "from then on" : "once");
		fflush(stdout);
	}
	fault_vfs_reset();
	unlink(path);
	unlink(ballast);
	rmdir(directory);
	return ok[0] && ok[1] ? 0 : 1;
}
