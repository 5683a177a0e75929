/*
 * test_io.c - the n-th write, sync or truncation fails, for n = 1, 2, 3 ... until a history ends without having met it:
 * once and from then on, as an I/O error and as a full disk. A failed COMMIT is in doubt: the daemon ends and recovers;
 * a turn that failed before it is run again. No promise may break, nothing acknowledged may be missing.
 *
 *   test_io [--stride N] [--seed S] [--hours H]
 *
 * A disk that failed for good is mended when the daemon has ended, as an operator would.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "fault/vfs.h"
#include "sim/world.h"

static char path[128], ballast[160];

static bool never(void)
{
	return false;
}

/* The daemon starts again, without having closed the store; what failed for good has been mended. */
static void mended(struct rng *rng)
{
	(void)rng;
	fault_vfs_thaw();
	if (fault_vfs_fired())
		fault_vfs_plan(FAULT_NONE, 0, false);
}

static const struct world_disk disk = { path, never, fault_vfs_freeze, mended, fault_vfs_pause, NULL };

struct options { int64_t stride, hours; uint64_t seed; };
struct sums { int64_t histories, fired, crashes, answers; };

/* Plays the history once with this plan. 1: the failure came; 0: it did not; -1: a promise broke. */
static int play(const struct options *p, enum fault_kind kind, int64_t n, bool for_good, struct sums *sums)
{
	const struct world_options o = { .seed = p->seed, .span_ms = p->hours * 3600000,
		.poll_ms = 300000, .haste = 8, .disk = &disk };
	struct world *w;
	bool ok, fired;

	fault_vfs_reset();
	w = world_new(&o);
	fault_vfs_plan(kind, n, for_good);
	ok = !w->violation[0] && world_run(w);
	fired = w->stats.crashes > 0 || fault_vfs_fired();
	if (!ok)
		printf("# operation %lld fails %s as %s: %s\n", (long long)n, for_good ? "from then on" : "once",
			kind == FAULT_FULL ? "a full disk" : "an I/O error", w->violation);
	sums->histories++;
	sums->crashes += w->stats.crashes;
	sums->answers += w->stats.answers;
	fault_vfs_plan(FAULT_NONE, 0, false);
	world_free(w);
	sums->fired += fired;
	return ok ? fired : -1;
}

/* Operations of the history when nothing fails. */
static int64_t operations(const struct options *p)
{
	const struct world_options o = { .seed = p->seed, .span_ms = p->hours * 3600000,
		.poll_ms = 300000, .haste = 8, .disk = &disk };
	struct world *w;
	int64_t n;

	fault_vfs_reset();
	w = world_new(&o);
	fault_vfs_plan(FAULT_NONE, 0, false);
	n = world_run(w) ? fault_vfs_operations() : -1;
	world_free(w);
	return n;
}

static bool every_operation(const struct options *p, enum fault_kind kind, bool for_good, int64_t last)
{
	struct sums s = { 0 };
	int broken = 0;

	for (int64_t n = 1; n <= last && broken < 5; n += p->stride)
		broken += play(p, kind, n, for_good, &s) < 0;
	printf("# %lld of %lld operations failed %s as %s: %lld restarts, %lld answers\n", (long long)s.fired, (long long)last,
		for_good ? "from then on" : "once", kind == FAULT_FULL ? "a full disk" : "an I/O error", (long long)s.crashes,
		(long long)s.answers);
	return broken == 0 && s.fired > 0;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "stride", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' }, { "hours", required_argument, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			o->stride = strtoll(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 10);
		else if (c == 'h')
			o->hours = strtoll(optarg, NULL, 10);
		else
			return false;
	}
	return o->stride > 0 && o->hours > 0;
}

int main(int argc, char **argv)
{
	static const struct { enum fault_kind kind; bool for_good; const char *name; } tests[] = {
		{ FAULT_IO, false, "an I/O error once" }, { FAULT_IO, true, "an I/O error from then on" },
		{ FAULT_FULL, false, "a full disk once" }, { FAULT_FULL, true, "a full disk from then on" },
	};
	char directory[] = "/tmp/labtime-io-XXXXXX";
	struct options o = { .stride = 1, .hours = 1, .seed = 1 };
	int64_t last;
	int failed = 0;

	if (!parse(argc, argv, &o) || !mkdtemp(directory) || !freopen("/dev/null", "w", stderr))
		return 2;
	lt_fmt(path, sizeof(path), "%s/store", directory);
	lt_fmt(ballast, sizeof(ballast), "%s.ballast", path);
	fault_vfs_install();
	last = operations(&o);
	printf("1..4\n");
	for (int i = 0; i < 4; i++) {
		bool ok = last > 0 && every_operation(&o, tests[i].kind, tests[i].for_good, last);
		printf("%s %d - %s at operation 1 to %lld, every %lld\n", ok ? "ok" : "not ok", i + 1, tests[i].name, (long long)last,
			(long long)o.stride);
		fflush(stdout);
		failed += !ok;
	}
	fault_vfs_reset();
	unlink(path);
	unlink(ballast);
	rmdir(directory);
	return failed ? 1 : 0;
}
