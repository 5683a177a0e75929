/*
 * command.c - what the control socket and scripts may say, as one table; answers are JSON lines: one, or
 * one an instrument. Owns nothing. A wrong command changes nothing and answers {"ok":false,"error":...} with the usage.
 */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/civil.h"
#include "common/fmt.h"
#include "drivers/sim/sim.h"

#define WORDS 6

struct call {
	struct sim *s;
	struct sim_device *d;
	char *word[WORDS];
	int n;
	struct evbuffer *out;
	struct sim_waiter *waiter;
};

struct command { const char *name; int min, max; bool device; int (*run)(struct call *c); const char *usage; };

static int fail(struct call *c, const char *what, const char *more)
{
	evbuffer_add_printf(c->out, "{\"ok\":false,\"error\":\"%s%s\"}", what, more);
	return 0;
}

static int number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	return lt_parse_i64(text, min, max, ret) ? 0 : -1;
}

static void put_state(struct call *c, const struct sim_device *d)
{
	char unit[8] = "null";

	if (d->unit >= 0)
		lt_fmt(unit, sizeof(unit), "%d", d->unit);
	evbuffer_add_printf(c->out,
			    "{\"ok\":true,\"instrument\":\"%s\",\"kind\":\"%s\",\"address\":\"%s:%d\",\"unit\":%s,\"running\":%s,\"interlock\":\"%s\","
			    "\"hourmeter\":%u,\"serial\":\"%s\",\"boots\":%u,\"fault\":\"%s\",\"requests\":%llu,\"writes\":%llu,"
			    "\"refused_starts\":%llu}",
			    d->id, device_kind_name(d->kind), d->host, d->port, unit, d->running ? "true" : "false",
			    d->unlocked ? "unlocked" : "locked", device_counter(d, clock_boot_ms()), d->serial, d->boots,
			    fault_name(d->fault.kind), (unsigned long long)d->requests, (unsigned long long)d->writes,
			    (unsigned long long)d->refused_starts);
}

static int one_state(struct call *c)
{
	put_state(c, c->d);
	return 0;
}

static void put_run(struct evbuffer *out, const struct sim_run *r, bool open, bool first)
{
	evbuffer_add_printf(out, "%s{\"from_ms\":%lld,\"to_ms\":", first ? "" : ",", (long long)r->from_wall);
	if (open)
		evbuffer_add_printf(out, "null,\"ms\":%lld}", (long long)r->ms);
	else
		evbuffer_add_printf(out, "%lld,\"ms\":%lld}", (long long)r->to_wall, (long long)r->ms);
}

static void put_truth(struct evbuffer *out, const struct sim_device *d, int64_t boot)
{
	int64_t total = device_total_ms(d, boot), rest = total;

	evbuffer_add_printf(out, "{\"ok\":true,\"instrument\":\"%s\",\"hourmeter\":%u,\"running\":%s,\"total_ms\":%lld,\"total_s\":%lld,\"runs\":[", d->id,
			    device_counter(d, boot), d->running ? "true" : "false", (long long)total, (long long)(total / 1000));
	for (int i = 0; i < d->n_runs; i++) {
		put_run(out, &d->runs[i], false, i == 0);
		rest -= d->runs[i].ms;
	}
	if (d->running) {
		struct sim_run open = { d->run_wall, 0, rest };
		put_run(out, &open, true, d->n_runs == 0);
	}
	evbuffer_add_printf(out, "]}");
}

void command_truth(struct sim *s, const struct sim_device *only, struct evbuffer *out)
{
	int64_t boot = clock_boot_ms();

	for (int i = 0; i < s->n; i++) {
		if (only && only != &s->devices[i])
			continue;
		if (i && !only)
			evbuffer_add(out, "\n", 1);
		put_truth(out, &s->devices[i], boot);
	}
}

static int do_state(struct call *c)
{
	if (c->n > 1 && !(c->d = sim_find(c->s, c->word[1])))
		return fail(c, "no such instrument", "");
	for (int i = 0; i < c->s->n; i++) {
		if (c->d && c->d != &c->s->devices[i])
			continue;
		if (i && !c->d)
			evbuffer_add(c->out, "\n", 1);
		put_state(c, &c->s->devices[i]);
	}
	return 0;
}

static int do_truth(struct call *c)
{
	if (c->n > 1 && !(c->d = sim_find(c->s, c->word[1])))
		return fail(c, "no such instrument", "");
	command_truth(c->s, c->d, c->out);
	return 0;
}

static int do_run(struct call *c)
{
	int64_t seconds = 0, boot = clock_boot_ms();

	if (c->n > 2 && number(c->word[2], 1, 10000000, &seconds) < 0)
		return fail(c, "SECONDS is a whole number from 1", "");
	if (!device_run(c->d, boot, clock_wall_ms()))
		return fail(c, boot < c->d->down_until ? "down: the controller is rebooting"
			: "locked: the interlock refuses the start", "");
	if (seconds)
		c->d->stop_at = boot + seconds * 1000;
	return one_state(c);
}

static int do_stop(struct call *c)
{
	device_stop(c->d, clock_boot_ms(), clock_wall_ms());
	return one_state(c);
}

static int do_fault(struct call *c)
{
	struct sim_fault f = { FAULT_NONE, 0, -1 };

	if (!fault_kind(c->word[2], &f.kind)) {
		char list[400] = "";
		for (int i = 0; i < FAULT_KINDS; i++) {
			size_t n = strlen(list);
			lt_fmt(list + n, sizeof(list) - n, "%s%s", i ? " " : "", fault_name((enum sim_fault_kind)i));
		}
		return fail(c, "unknown fault; known: ", list);
	}
	for (int i = 3; i < c->n; i++) {
		int64_t v;
		if (strncmp(c->word[i], "times=", 6) == 0 && number(c->word[i] + 6, 1, 1000000, &v) == 0)
			f.times = (int)v;
		else if (number(c->word[i], 1, 600000, &v) == 0)
			f.value = (int)v;
		else
			return fail(c, "usage: ", "fault ID KIND [MS or CODE] [times=N]");
	}
	c->d->fault = f;
	return one_state(c);
}

static int do_set(struct call *c)
{
	const char *what = c->word[2], *value = c->word[3];
	int64_t v = 0;

	if (strcmp(what, "serial") == 0) {
		if (strlen(value) >= sizeof(c->d->serial) || strpbrk(value, "\"\\"))
			return fail(c, "a serial has at most 16 plain characters", "");
		memset(c->d->serial, 0, sizeof(c->d->serial));
		lt_fmt(c->d->serial, sizeof(c->d->serial), "%s", value);
		return one_state(c);
	}
	if (strcmp(what, "hourmeter") == 0 && number(value, 0, UINT32_MAX, &v) == 0)
		device_set_counter(c->d, (uint32_t)v, clock_boot_ms());
	else if (strcmp(what, "faultcode") == 0 && number(value, 0, 65535, &v) == 0)
		c->d->fault_code = (uint16_t)v;
	else if (strcmp(what, "power") == 0 && number(value, 0, 1000000, &v) == 0)
		c->d->power_w = (int)v;
	else
		return fail(c, "usage: ", "set ID hourmeter|serial|faultcode|power VALUE");
	return one_state(c);
}

static int do_reboot(struct call *c)
{
	int64_t ms = 2000;

	if (c->n > 2 && number(c->word[2], 0, 3600000, &ms) < 0)
		return fail(c, "MS is a whole number", "");
	device_reboot(c->d, ms, clock_boot_ms(), clock_wall_ms());
	if (c->s->server)
		server_drop(c->s->server, c->d);
	return one_state(c);
}

static int do_interlock(struct call *c)
{
	bool unlocked = strcmp(c->word[2], "unlocked") == 0;

	if (!unlocked && strcmp(c->word[2], "locked") != 0)
		return fail(c, "usage: ", "interlock ID locked|unlocked");
	device_lock(c->d, unlocked, clock_boot_ms(), clock_wall_ms());
	return one_state(c);
}

static int do_drop(struct call *c)
{
	if (c->s->server)
		server_drop(c->s->server, c->d);
	return one_state(c);
}

static int do_wait(struct call *c)
{
	static const char *const known[] = { "running", "stopped", "locked", "unlocked", "hourmeter", "polled" };
	int64_t timeout = 30000, v = 0;
	int at = 3;
	bool ok = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		ok = ok || strcmp(c->word[2], known[i]) == 0;
	if (ok && strcmp(c->word[2], "hourmeter") == 0)
		ok = c->n > at && number(c->word[at++], 0, UINT32_MAX, &v) == 0;
	if (!ok || (c->n > at && number(c->word[at], 1, 600000, &timeout) < 0))
		return fail(c, "usage: ", "wait ID running|stopped|locked|unlocked|polled|hourmeter N [TIMEOUT_MS]");
	if (!c->waiter)
		return fail(c, "wait needs a connection", "");
	*c->waiter = (struct sim_waiter){ .d = c->d, .number = strcmp(c->word[2], "polled") == 0
		? c->d->requests : (uint64_t)v,
					  .deadline = clock_boot_ms() + timeout, .active = true };
	lt_fmt(c->waiter->what, sizeof(c->waiter->what), "%s", c->word[2]);
	return 1;
}

bool command_wait_over(struct sim *s, const struct sim_waiter *w, struct evbuffer *out)
{
	struct call c = { .s = s, .d = w->d, .out = out };
	const struct sim_device *d = w->d;
	int64_t boot = clock_boot_ms();
	bool met = strcmp(w->what, "running") == 0 ? d->running : strcmp(w->what, "stopped") == 0 ? !d->running
		: strcmp(w->what, "locked") == 0 ? !d->unlocked : strcmp(w->what, "unlocked") == 0 ? d->unlocked
		: strcmp(w->what, "hourmeter") == 0 ? device_counter(d, boot) >= w->number : d->requests > w->number;

	if (!met && boot < w->deadline)
		return false;
	if (met)
		one_state(&c);
	else
		fail(&c, "timeout: never became ", w->what);
	return true;
}

static int do_quit(struct call *c)
{
	evbuffer_add_printf(c->out, "{\"ok\":true}");
	event_base_loopexit(c->s->base, &(struct timeval){ 0, 20000 });
	return 0;
}

static int do_help(struct call *c);

static const struct command commands[] = {
	{ "state", 1, 2, false, do_state, "state [ID]" },
	{ "truth", 1, 2, false, do_truth, "truth [ID]" },
	{ "run", 2, 3, true, do_run, "run ID [SECONDS]" },
	{ "stop", 2, 2, true, do_stop, "stop ID" },
	{ "fault", 3, 5, true, do_fault, "fault ID KIND [MS or CODE] [times=N]" },
	{ "set", 4, 4, true, do_set, "set ID hourmeter|serial|faultcode|power VALUE" },
	{ "reboot", 2, 3, true, do_reboot, "reboot ID [DOWN_MS]" },
	{ "interlock", 3, 3, true, do_interlock, "interlock ID locked|unlocked" },
	{ "drop", 2, 2, true, do_drop, "drop ID" },
	{ "wait", 3, 5, true, do_wait, "wait ID running|stopped|locked|unlocked|polled|hourmeter N [TIMEOUT_MS]" },
	{ "quit", 1, 1, false, do_quit, "quit" },
	{ "help", 1, 1, false, do_help, "help" },
};

static int do_help(struct call *c)
{
	evbuffer_add_printf(c->out, "{\"ok\":true,\"commands\":[");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		evbuffer_add_printf(c->out, "%s\"%s\"", i ? "," : "", commands[i].usage);
	evbuffer_add_printf(c->out, "]}");
	return 0;
}

int command_run(struct sim *s, const char *line, struct evbuffer *out, struct sim_waiter *waiter)
{
	struct call c = { .s = s, .out = out, .waiter = waiter };
	char text[512], *save = NULL;

	if (strlen(line) >= sizeof(text))
		return fail(&c, "a command has at most 511 bytes", "");
	lt_fmt(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		if (c.n == WORDS)
			return fail(&c, "too many words; see help", "");
		c.word[c.n++] = w;
	}
	for (size_t i = 0; c.n && i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *k = &commands[i];
		if (strcmp(k->name, c.word[0]) != 0)
			continue;
		if (c.n < k->min || c.n > k->max)
			return fail(&c, "usage: ", k->usage);
		if (k->device && !(c.d = sim_find(s, c.word[1])))
			return fail(&c, "no such instrument", "");
		return k->run(&c);
	}
	return fail(&c, "unknown command; see help", "");
}
