/*
 * script.c - what happens by itself: timed lines from a file, runs from a seed, and runs that end after N seconds.
 * A script line is "TIME COMMAND..." with TIME since the start ("1500ms", "10s", "2m"), in order of time. A seed lets
 * each unlocked instrument start and stop runs at random lengths, the same for the same seed. Owns the lines.
 */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/sim/sim.h"

#define LINES 4096
#define STEP_MS 20
#define FILE_MAX (256 * 1024)

struct line { int64_t at; char *text; };

struct sim_script {
	struct sim *s;
	struct event *timer;
	struct line *lines;
	int n, next;
	char *file;
	bool seeded;
	uint64_t random;
	int64_t *turn_at;     /* per device: when the seed acts next */
};

static uint64_t next_random(struct sim_script *c)
{
	uint64_t z = c->random += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static bool parse_time(const char *word, size_t n, int64_t *ret)
{
	size_t digits = strspn(word, "0123456789");
	int64_t v, unit = n == digits + 2 && strncmp(word + digits, "ms", 2) == 0 ? 1
		: n == digits + 1 && word[digits] == 's' ? 1000 : n == digits + 1 && word[digits] == 'm' ? 60000 : 0;

	if (digits > n || unit == 0 || !lt_parse_i64n(word, digits, 0, 100000000, &v))
		return false;
	*ret = v * unit;
	return true;
}

static int read_script(struct sim_script *c, const char *path, struct lt_err *err)
{
	char *save = NULL, where[96];
	int number = 0;
	size_t size;

	c->file = file_read(path, FILE_MAX, &size, err);
	c->lines = calloc(LINES, sizeof(*c->lines));
	if (!c->file || !c->lines)
		return -1;
	for (char *l = strtok_r(c->file, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		size_t n;
		number++;
		l += strspn(l, " \t");
		if (*l == '#' || *l == '\0')
			continue;
		n = strcspn(l, " \t");
		lt_fmt(where, sizeof(where), "%s:%d", path, number);
		if (c->n == LINES)
			return lt_err_set(err, "bad-script", where, "a script has at most %d commands", LINES);
		if (!parse_time(l, n, &c->lines[c->n].at) || l[n] == '\0')
			return lt_err_set(err, "bad-script", where, "a line is TIME COMMAND, such as \"10s run krios-1\"");
		if (c->n && c->lines[c->n].at < c->lines[c->n - 1].at)
			return lt_err_set(err, "bad-script", where, "times must not go back");
		c->lines[c->n++].text = l + n + 1;
	}
	return 0;
}

/* Microscopes: runs of seconds to minutes. Sequencers: long ones. */
static void seed_turn(struct sim_script *c, int i, int64_t boot)
{
	struct sim_device *d = &c->s->devices[i];
	int64_t scale = d->kind == SIM_SEQUENCER ? 60000 : 5000;

	if (boot < c->turn_at[i])
		return;
	if (d->running)
		device_stop(d, boot, clock_wall_ms());
	else if (d->unlocked)
		device_run(d, boot, clock_wall_ms());
	c->turn_at[i] = boot + 500 + (int64_t)(next_random(c) % (uint64_t)scale);
}

static void run_line(struct sim_script *c, const char *text)
{
	struct evbuffer *out = evbuffer_new();

	if (!out)
		return;
	command_run(c->s, text, out, NULL);
	evbuffer_add(out, "", 1);
	printf("{\"event\":\"script\",\"answer\":%s}\n", (const char *)evbuffer_pullup(out, -1));
	fflush(stdout);
	evbuffer_free(out);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct sim_script *c = arg;
	int64_t boot = clock_boot_ms();
	struct timeval tv = { 0, STEP_MS * 1000 };

	while (c->next < c->n && boot - c->s->started_boot >= c->lines[c->next].at)
		run_line(c, c->lines[c->next++].text);
	for (int i = 0; i < c->s->n; i++) {
		struct sim_device *d = &c->s->devices[i];
		if (d->running && d->stop_at && boot >= d->stop_at)
			device_stop(d, boot, clock_wall_ms());
		if (c->seeded)
			seed_turn(c, i, boot);
	}
	event_add(c->timer, &tv);
}

struct sim_script *script_new(struct sim *s, const char *path, bool seeded, uint64_t seed, struct lt_err *err)
{
	struct sim_script *c = calloc(1, sizeof(*c));
	struct timeval now = { 0, 0 };

	if (c)
		c->turn_at = calloc((size_t)s->n + 1, sizeof(*c->turn_at));
	if (!c || !c->turn_at) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return script_free(c);
	}
	c->s = s;
	c->seeded = seeded;
	c->random = seed;
	if (path && read_script(c, path, err) < 0)
		return script_free(c);
	c->timer = event_new(s->base, -1, 0, on_step, c);
	if (!c->timer || event_add(c->timer, &now) < 0) {
		lt_err_set(err, "no-memory", "", "out of memory");
		return script_free(c);
	}
	return c;
}

struct sim_script *script_free(struct sim_script *c)
{
	if (!c)
		return NULL;
	if (c->timer)
		event_free(c->timer);
	free(c->turn_at);
	free(c->lines);
	free(c->file);
	free(c);
	return NULL;
}
