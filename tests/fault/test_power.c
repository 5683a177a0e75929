/*
 * test_power.c - the simulated world on a disk that loses power: at a random write, sync or
 * truncation everything stops, what was not synced is lost, torn or reordered, and the daemon starts again on what is
 * left. Nothing acknowledged may be
 * missing, nothing unknown there, nothing corrupt; a retry gives the same answer. Cuts come anywhere: between decision
 * and COMMIT, inside COMMIT, before the answer, in a checkpoint, in the recovery itself.
 *
 *   test_power [--cuts N] [--seed S] [--trace]
 *
 * The last test proves that the others can fail: with a drive whose syncs do nothing, losses must be seen.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "fault/vfs.h"
#include "sim/world.h"

#define MOST_OPERATIONS 400      /* between two cuts */
#define LIE_SEEDS 10

static char path[128], ballast[160];
static int64_t cuts, cuts_in_start;
static struct rng plan_rng;
static bool steady;              /* no more cuts: what is under way must come to its end */

static void plan(void)
{
	int64_t most = rng_chance(&plan_rng, 500) ? 40 : MOST_OPERATIONS;

	if (!steady)
		fault_vfs_plan(FAULT_POWER, rng_in(&plan_rng, 1, most), false);
}

static void cut(void)
{
	cuts++;
	fault_vfs_freeze();
}

static void back(struct rng *rng)
{
	cuts_in_start += !fault_vfs_frozen();
	fault_vfs_restore(rng);
	plan();
}

static void over(void)
{
	steady = true;
	fault_vfs_plan(FAULT_NONE, 0, false);
}

static const struct world_disk disk = { path, fault_vfs_frozen, cut, back, fault_vfs_pause, over, NULL };

struct sums { int64_t cuts, lost, torn, acked, echoes, seeds; };

/* Plays one seed on an empty disk; returns false and prints what broke. */
static bool play(uint64_t seed, bool lie, FILE *trace, struct sums *sums)
{
	const struct world_options o = { .seed = seed, .span_ms = 8 * 3600000, .poll_ms = 300000, .haste = 8, .trace =
		trace, .disk = &disk };
	struct world *w;
	bool ok;

	fault_vfs_reset();
	fault_vfs_ignore_sync(lie);
	plan_rng.state = seed ^ UINT64_C(0x9d1ce);
	cuts = 0;
	steady = false;
	w = world_new(&o);
	plan();
	ok = !w->violation[0] && world_run(w);
	if (!ok && !lie)
		printf("# seed %llu, cut %lld: %s\n# replay: test_power --seed %llu --cuts 1 --trace\n", (unsigned long long)seed, (long long)cuts,
		       w->violation, (unsigned long long)seed);
	if (!ok && trace)
		world_dump(w, trace);
	sums->cuts += cuts;
	sums->lost += fault_vfs_lost_writes();
	sums->torn += fault_vfs_torn_writes();
	sums->acked += w->stats.answers;
	sums->echoes += w->stats.echoes;
	sums->seeds++;
	fault_vfs_plan(FAULT_NONE, 0, false);
	world_free(w);
	return ok;
}

static bool cuts_lose_nothing(int64_t wanted, uint64_t seed, FILE *trace)
{
	struct sums s = { 0 };
	bool ok = true;

	while (ok && s.cuts < wanted)
		ok = play(seed++, false, trace, &s);
	printf("# %lld cuts in %lld histories: %lld unsynced writes lost, %lld torn; %lld answers acknowledged, %s; %lld sent again\n",
	       (long long)s.cuts, (long long)s.seeds, (long long)s.lost, (long long)s.torn, (long long)s.acked,
	       	ok ? "0 lost" : "but a promise broke",
	       (long long)s.echoes);
	return ok && s.lost > 0 && s.torn > 0 && s.acked > 0;
}

/* A drive that only says that it synced. */
static bool a_lying_drive_is_found_out(void)
{
	struct sums s = { 0 };
	int found = 0;

	for (uint64_t seed = 1; seed <= LIE_SEEDS; seed++)
		found += !play(seed, true, NULL, &s);
	printf("# syncs that do nothing: %d of %d histories broke a promise within %lld cuts\n", found, LIE_SEEDS, (long long)s.cuts);
	return found >= LIE_SEEDS - 1;
}

static bool parse(int argc, char **argv, int64_t *cuts_wanted, uint64_t *seed, bool *trace)
{
	static const struct option names[] = { { "cuts", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
		{ "trace", no_argument, NULL, 't' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'c')
			*cuts_wanted = strtoll(optarg, NULL, 10);
		else if (c == 's')
			*seed = strtoull(optarg, NULL, 10);
		else if (c == 't')
			*trace = true;
		else
			return false;
	}
	return *cuts_wanted > 0;
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/labtime-power-XXXXXX";
	int64_t wanted = 50;
	uint64_t seed = 1;
	bool trace = false, kept, found;

	if (!parse(argc, argv, &wanted, &seed, &trace) || !mkdtemp(directory))
		return 2;
	if (!trace && !freopen("/dev/null", "w", stderr)) /* the daemon says a lot when its disk dies */
		return 2;
	lt_fmt(path, sizeof(path), "%s/store", directory);
	lt_fmt(ballast, sizeof(ballast), "%s.ballast", path);
	fault_vfs_install();
	kept = cuts_lose_nothing(wanted, seed, trace ? stdout : NULL);
	found = a_lying_drive_is_found_out();
	printf("1..2\n%s 1 - %lld power cuts lose nothing that was acknowledged\n%s 2 - syncs that do nothing are found out\n",
	       kept ? "ok" : "not ok", (long long)wanted, found ? "ok" : "not ok");
	fault_vfs_reset();
	unlink(path);
	unlink(ballast);
	rmdir(directory);
	return kept && found ? 0 : 1;
}
