/*
 * main.c - plays seeds of the simulated world and prints one TAP line a batch. Usage:
 *   sim_world [--first SEED] [--seeds N] [--days D] [--jobs N] [--poll SECONDS] [--trace]
 * A failing seed prints its violation and the command that replays it; --trace prints that history line by line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "sim/world.h"

struct options { uint64_t first; int seeds, days, jobs, poll_s; bool trace; };

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Plays one seed. Returns false after printing what broke. */
static bool play(const struct options *o, uint64_t seed, struct world_stats *sum, uint64_t *ret_hash)
{
	const struct world_options wo = { .seed = seed, .span_ms = o->days * LT_DAY, .poll_ms = o->poll_s * LT_SECOND,
		.trace = o->trace ? stdout : NULL };
	struct world *w = world_new(&wo);
	bool ok = w && world_run(w);

	if (w && !ok)
		printf("# seed %llu, day %.2f: %s\n# replay: sim_world --first %llu --seeds 1 --days %d --poll %d --trace\n",
		       (unsigned long long)seed, (double)(w->true_ms - w->start_ms) / 86400000.0, w->violation,
		       	(unsigned long long)seed, o->days,
		       o->poll_s);
	if (w && !ok && o->trace)
		world_dump(w, stdout);
	if (w) {
		const int64_t *from = (const int64_t *)&w->stats;
		int64_t *to = (int64_t *)sum;
		for (size_t i = 0; i < sizeof(*sum) / sizeof(int64_t); i++)
			to[i] += from[i];
		*ret_hash = w->trace_hash;
	}
	world_free(w);
	return ok;
}

static int play_share(const struct options *o, int share)
{
	struct world_stats sum = { 0 };
	int failed = 0, played = 0;
	double years, start = cpu_seconds(), used;
	uint64_t hash = 0, again = 0;

	for (int i = share; i < o->seeds; i += o->jobs) {
		played++;
		failed += !play(o, o->first + (uint64_t)i, &sum, &hash);
		fflush(stdout);
	}
	used = cpu_seconds() - start;
	years = (double)played * o->days * WORLD_INSTRUMENTS / 365.25;
	printf("# %d seeds x %d days: %lld steps, %lld readings (%lld lost, %lld late, %lld lies, %lld resets), %lld requests (%lld retries, "
	       "%lld sent again)\n# %lld bookings, %lld charges (%lld of them exact, with %lld reported faults), "
	       "%lld claims, %lld disowned, %lld review verbs, "
	       "%lld crashes, %lld checks\n# %.0f instrument-years per CPU hour\n",
	       played, o->days, (long long)sum.steps, (long long)sum.readings, (long long)sum.lost,
	       	(long long)sum.late, (long long)sum.lies,
	       (long long)sum.resets, (long long)sum.requests, (long long)sum.retries, (long long)sum.echoes,
	       	(long long)sum.bookings,
	       (long long)sum.charges, (long long)sum.exact, (long long)sum.faults, (long long)sum.claims,
	       (long long)sum.disowned, (long long)sum.reviews,
	       (long long)sum.crashes, (long long)sum.checks, years / (used / 3600));
	if (share == 0 && !failed && !o->trace) { /* the same seed must give the same history */
		struct world_stats ignored = { 0 };
		play(o, o->first, &ignored, &hash);
		play(o, o->first, &ignored, &again);
		if (hash != again) {
			printf("# seed %llu does not replay: %016llx and %016llx\n", (unsigned long long)o->first,
				(unsigned long long)hash, (unsigned long long)again);
			failed++;
		}
	}
	fflush(stdout);
	return failed;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "first", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 's' }, { "days", required_argument, NULL, 'd' },
		{ "jobs", required_argument, NULL, 'j' }, { "poll", required_argument, NULL, 'p' }, { "trace",
			no_argument, NULL, 't' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->first = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o->seeds = (int)strtol(optarg, NULL, 10);
			break;
		case 'd':
			o->days = (int)strtol(optarg, NULL, 10);
			break;
		case 'j':
			o->jobs = (int)strtol(optarg, NULL, 10);
			break;
		case 'p':
			o->poll_s = (int)strtol(optarg, NULL, 10);
			break;
		case 't':
			o->trace = true;
			break;
		default:
			return false;
		}
	}
	return o->seeds > 0 && o->days > 0 && o->jobs > 0 && o->poll_s > 0;
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .seeds = 50, .days = 3, .jobs = 2, .poll_s = 60 };
	int failed = 0;

	if (!parse(argc, argv, &o))
		return 2;
	log_level_set(LOG_ERROR_LEVEL);
	if (o.jobs > o.seeds)
		o.jobs = o.seeds;
	if (o.trace || o.jobs == 1) {
		failed = play_share(&o, 0);
	} else {
		for (int i = 0; i < o.jobs; i++)
			if (fork() == 0)
				_exit(play_share(&o, i) > 0);
		for (int i = 0, status; i < o.jobs; i++) {
			wait(&status);
			failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		}
	}
	printf("1..1\n%s 1 - %d seeds x %d days keep every promise\n", failed ? "not ok" : "ok", o.seeds, o.days);
	return failed ? 1 : 0;
}
