/*
 * main.c - labtime-sim's options and wiring. Prints a JSON line for each endpoint when it listens, and the truth when
 * it ends. Exits 2 for a wrong option, 1 for what failed.
 */
#include <event2/buffer.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common/fmt.h"
#include "drivers/sim/sim.h"

static const char usage[] =
	"labtime-sim - simulated instruments on real Modbus/TCP\n"
	"\n"
	"  labtime-sim --instrument ID=KIND@ADDRESS:PORT[,OPTION...] ... [--control PATH] [--script FILE] [--seed N]\n"
	"  labtime-sim ctl PATH COMMAND...      one command to a running simulator; \"help\" lists them\n"
	"\n"
	"  KIND     microscope, sequencer (map of generic-plc), power (map of an SDM120), dio (map of an ADAM-6050)\n"
	"  PORT     0 picks a free one; it is printed\n"
	"  OPTION   unit=N           answer only to this unit id; instruments may share an address by it\n"
	"           hourmeter=N      seconds shown at the start\n"
	"           serial=TEXT      up to 16 characters\n"
	"           gates=power      locking cuts a run (default gates=start: it only refuses the start)\n"
	"           volatile         a reboot clears the hour meter\n"
	"           unlocked         the interlock starts unlocked\n"
	"\n"
	"One JSON line for each endpoint when all listen; on SIGTERM, SIGINT or quit the truth, one line each. See "
	"docs/sim.md.\n";

static int complain(const struct lt_err *err, int code)
{
	fprintf(stderr, "labtime-sim: %s%s%s [%s]\n", err->field, err->field[0] ? ": " : "", err->text, err->code);
	return code;
}

struct sim_device *sim_find(struct sim *s, const char *id)
{
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->devices[i].id, id) == 0)
			return &s->devices[i];
	return NULL;
}

static bool id_valid(const char *id, size_t n)
{
	return n >= 1 && n <= 32 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789._-") >= n;
}

static int parse_extra(struct sim_device *d, const char *word, struct lt_err *err)
{
	const char *eq = strchr(word, '=');
	int64_t v;

	if (strcmp(word, "volatile") == 0)
		d->counter_volatile = true;
	else if (strcmp(word, "unlocked") == 0)
		d->unlocked = true;
	else if (strcmp(word, "gates=power") == 0 || strcmp(word, "gates=start") == 0)
		d->gates_power = word[6] == 'p';
	else if (strncmp(word, "unit=", 5) == 0 && lt_parse_i64(eq + 1, 0, 255, &v))
		d->unit = (int)v;
	else if (strncmp(word, "hourmeter=", 10) == 0 && lt_parse_i64(eq + 1, 0, UINT32_MAX, &v))
		d->counter_base = (uint32_t)v;
	else if (strncmp(word, "serial=", 7) == 0 && strlen(eq + 1) <= 16 && !strpbrk(eq + 1, "\"\\"))
		lt_fmt(d->serial, sizeof(d->serial), "%s", eq + 1);
	else
		return lt_err_set(err, "bad-option", d->id, "unknown or impossible instrument option \"%s\"", word);
	return 0;
}

/* ID=KIND@ADDRESS:PORT[,OPTION...] */
static int parse_instrument(struct sim *s, const char *text, struct lt_err *err)
{
	struct sim_device *d = &s->devices[s->n];
	char copy[256], *eq, *at, *colon, *save = NULL;
	int64_t port;

	if (s->n == SIM_DEVICES)
		return lt_err_set(err, "too-many", "--instrument", "at most %d a process; start several processes",
			SIM_DEVICES);
	if (lt_fmt(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return lt_err_set(err, "bad-option", "--instrument", "is too long");
	eq = strchr(copy, '=');
	at = eq ? strchr(eq, '@') : NULL;
	colon = at ? strchr(at, ':') : NULL;
	if (!colon || !id_valid(copy, (size_t)(eq - copy)))
		return lt_err_set(err, "bad-option", "--instrument", "\"%s\" is not ID=KIND@ADDRESS:PORT", text);
	*eq = *at = *colon = '\0';
	d->unit = -1;
	lt_fmt(d->id, sizeof(d->id), "%s", copy);
	if (sim_find(s, d->id))
		return lt_err_set(err, "bad-option", "--instrument", "\"%s\" is given twice", d->id);
	if (!device_kind(eq + 1, &d->kind))
		return lt_err_set(err, "bad-option", d->id, "\"%s\" is no kind: microscope, sequencer, power or dio", eq + 1);
	lt_fmt(d->host, sizeof(d->host), "%s", at + 1);
	colon = strtok_r(colon + 1, ",", &save);
	if (!colon || !lt_parse_i64(colon, 0, 65535, &port))
		return lt_err_set(err, "bad-option", d->id, "the port is a number from 0 to 65535");
	d->port = (uint16_t)port;
	for (char *w = strtok_r(NULL, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (parse_extra(d, w, err) < 0)
			return -1;
	d->map = frames_map_new();
	if (!d->map)
		return lt_err_set(err, "no-memory", "", "out of memory");
	s->n++;
	return 0;
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static void announce(const struct sim *s)
{
	for (int i = 0; i < s->n; i++)
		printf("{\"event\":\"listening\",\"instrument\":\"%s\",\"address\":\"%s:%d\"}\n", s->devices[i].id,
			s->devices[i].host, s->devices[i].port);
	fflush(stdout);
}

static void print_truth(struct sim *s)
{
	struct evbuffer *out = evbuffer_new();

	if (!out)
		return;
	command_truth(s, NULL, out);
	evbuffer_add(out, "\n", 1);
	fwrite(evbuffer_pullup(out, -1), 1, evbuffer_get_length(out), stdout);
	fflush(stdout);
	evbuffer_free(out);
}

struct choice { const char *control, *script; bool seeded; uint64_t seed; };

static int play(struct sim *s, const struct choice *o, struct lt_err *err)
{
	struct event *term, *intr;

	s->started_boot = clock_boot_ms();
	for (int i = 0; i < s->n; i++)
		device_init(&s->devices[i], s->started_boot);
	if (!(s->server = server_new(s, err)) || !(s->script = script_new(s, o->script, o->seeded, o->seed, err)) ||
	    (o->control && !(s->control = control_new(s, o->control, err))))
		return -1;
	term = evsignal_new(s->base, SIGTERM, on_signal, s->base);
	intr = evsignal_new(s->base, SIGINT, on_signal, s->base);
	if (!term || !intr || event_add(term, NULL) < 0 || event_add(intr, NULL) < 0)
		return lt_err_set(err, "no-memory", "", "out of memory");
	announce(s);
	event_base_dispatch(s->base);
	event_free(term);
	event_free(intr);
	print_truth(s);
	return 0;
}

static void finish(struct sim *s)
{
	control_free(s->control);
	script_free(s->script);
	server_free(s->server);
	for (int i = 0; i < s->n; i++) {
		frames_map_free(s->devices[i].map);
		device_deinit(&s->devices[i]);
	}
	free(s->devices);
	frames_free(s->frames);
	if (s->base)
		event_base_free(s->base);
}

static struct event_base *precise_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *b;

	if (!c)
		return NULL;
	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	b = event_base_new_with_config(c);
	event_config_free(c);
	return b;
}

static int parse_options(int argc, char **argv, struct sim *s, struct choice *o, struct lt_err *err)
{
	static const struct option long_options[] = {
		{ "instrument", required_argument, NULL, 'i' }, { "control", required_argument, NULL, 'c' },
		{ "script", required_argument, NULL, 's' }, { "seed", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	int64_t seed;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (c == 'i' && parse_instrument(s, optarg, err) < 0)
			return -1;
		if (c == 'r' && !lt_parse_i64(optarg, 0, INT64_MAX, &seed))
			return lt_err_set(err, "bad-option", "--seed", "is a whole number");
		if (c == 'c')
			o->control = optarg;
		if (c == 's')
			o->script = optarg;
		if (c == 'r') {
			o->seeded = true;
			o->seed = (uint64_t)seed;
		}
		if (c == '?')
			return lt_err_set(err, "bad-option", "", "see labtime-sim --help");
	}
	if (optind < argc)
		return lt_err_set(err, "bad-option", argv[optind], "is unexpected; see labtime-sim --help");
	return s->n ? 0 : lt_err_set(err, "bad-option", "--instrument", "at least one is needed; see labtime-sim --help");
}

int main(int argc, char **argv)
{
	struct sim s = { 0 };
	struct choice o = { 0 };
	struct lt_err err = { 0 };
	int r;

	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "ctl") == 0)
		return ctl_main(argc - 2, argv + 2);
	s.frames = frames_new(&err); /* first: libmodbus wants small descriptors */
	s.base = precise_base();
	s.devices = calloc(SIM_DEVICES, sizeof(*s.devices));
	if (!s.frames || !s.base || !s.devices)
		r = complain(&err, 1);
	else if ((r = parse_options(argc, argv, &s, &o, &err)) != 0)
		r = r > 0 ? 0 : complain(&err, 2);
	else
		r = play(&s, &o, &err) < 0 ? complain(&err, 1) : 0;
	finish(&s);
	return r;
}
