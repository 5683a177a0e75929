/*
 * main.c - plays seeds of the simulated world and prints one TAP line a batch. Usage:
 *   sim_world [--first SEED] [--seeds N] [--days D] [--jobs N] [--poll SECONDS] [--trace] [--once]
 *             [--only KIND,...] [--without KIND,...] [--troubles] [--strict]
 * --only and --without choose the kinds of trouble by name, --troubles lists them; --strict makes the checks that are
 * off as well. --once leaves out the second run that shows that a seed replays. A failing seed prints its violation and
 * the command that replays it; --trace prints that history line by line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "common/fmt.h"
#include "sim/world.h"

struct options { uint64_t first; int seeds, days, jobs, poll_s; uint32_t troubles; bool trace, strict, once; };

static char chosen[400];         /* the options that choose troubles, for the command that replays */

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
		.troubles = o->troubles, .strict = o->strict, .trace = o->trace ? stdout : NULL };
	struct world *w = world_new(&wo);
	bool ok = w && world_run(w);

	if (w && !ok)
		printf("# seed %llu, day %.2f: %s\n# replay: sim_world --first %llu --seeds 1 --days %d --poll %d%s%s --trace\n",
			(unsigned long long)seed, (double)(w->true_ms - w->start_ms) / 86400000.0, w->violation,
			(unsigned long long)seed, o->days, o->poll_s, chosen, o->strict ? " --strict" : "");
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
	       "%lld fees, %lld not come without trouble, %lld priced lines and %lld quotes, %lld claims, %lld disowned, %lld review verbs, "
	       "%lld crashes, %lld checks\n# %lld controllers that came back, %lld relays that opened, %lld usage reports\n# %.0f instrument-years per CPU hour\n",
	       played, o->days, (long long)sum.steps, (long long)sum.readings, (long long)sum.lost,
	       	(long long)sum.late, (long long)sum.lies,
	       (long long)sum.resets, (long long)sum.requests, (long long)sum.retries, (long long)sum.echoes,
	       	(long long)sum.bookings,
	       (long long)sum.charges, (long long)sum.exact, (long long)sum.faults, (long long)sum.fees,
	       (long long)sum.absent, (long long)sum.lines, (long long)sum.quotes, (long long)sum.claims,
	       (long long)sum.disowned, (long long)sum.reviews,
	       (long long)sum.crashes, (long long)sum.checks, (long long)sum.returns, (long long)sum.opened,
	       (long long)sum.reports, years / (used / 3600));
	if (share == 0 && !failed && !o->trace && !o->once) { /* the same seed must give the same history */
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

/* Where each letter of an option goes. False: it is not a number. */
static bool parse_number(int c, struct options *o)
{
	int *const to = c == 's' ? &o->seeds : c == 'd' ? &o->days : c == 'j' ? &o->jobs : c == 'p' ? &o->poll_s : NULL;

	if (c == 'f')
		o->first = strtoull(optarg, NULL, 10);
	else if (to)
		*to = (int)strtol(optarg, NULL, 10);
	return c == 'f' || to;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "first", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 's' }, { "days", required_argument, NULL, 'd' },
		{ "jobs", required_argument, NULL, 'j' }, { "poll", required_argument, NULL, 'p' },
		{ "trace", no_argument, NULL, 't' }, { "only", required_argument, NULL, 'o' },
		{ "without", required_argument, NULL, 'w' }, { "troubles", no_argument, NULL, 'l' },
		{ "strict", no_argument, NULL, 'x' }, { "once", no_argument, NULL, '1' }, { 0 } };
	uint32_t bits;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 't') {
			o->trace = true;
		} else if (c == 'x') {
			o->strict = true;
		} else if (c == '1') {
			o->once = true;
		} else if (c == 'l') {
			trouble_list(stdout);
			exit(0);
		} else if (c == 'o' || c == 'w') {
			if (!trouble_parse(optarg, &bits))
				return false;
			o->troubles = (c == 'o' ? bits : o->troubles & ~bits) | WORLD_TROUBLES_GIVEN;
		} else if (!parse_number(c, o)) {
			return false;
		}
	}
	return o->seeds > 0 && o->days > 0 && o->jobs > 0 && o->poll_s > 0;
}

static void line_of(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++) {
		size_t n = strlen(chosen);

		if (strcmp(argv[i], "--only") == 0 || strcmp(argv[i], "--without") == 0)
			lt_fmt(chosen + n, sizeof(chosen) - n, " %s %s", argv[i], argv[i + 1]);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .seeds = 50, .days = 3, .jobs = 2, .poll_s = 60, .troubles = trouble_defaults() };
	int failed = 0;

	if (!parse(argc, argv, &o))
		return 2;
	line_of(argc, argv);
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
