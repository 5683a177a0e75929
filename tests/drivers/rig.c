/* rig.c - see rig.h. Owns the simulator's process, the loop, the poller and the messages. */
#include "tests/drivers/rig.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/base.h"

static struct stamp now(void)
{
	return (struct stamp){ clock_boot_ms(), clock_wall_ms() };
}

static void keep(void *arg, struct msg *m)
{
	struct rig *r = arg;

	assert_true(r->n_messages < RIG_MESSAGES);
	r->messages[r->n_messages++] = m;
}

void rig_exhaust(int fd)
{
	struct rlimit limit;
	int got;

	assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), 0);
	do {
		got = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(got >= 0);
	} while (got < fd);
}

static void spawn(struct rig *r, const char *const *instruments, int n, int out)
{
	char *argv[2 * RIG_DEVICES + 4];
	int c = 0;

	argv[c++] = (char *)SIM_PATH;
	for (int i = 0; i < n; i++) {
		argv[c++] = (char *)"--instrument";
		argv[c++] = (char *)instruments[i];
	}
	argv[c++] = (char *)"--control";
	argv[c++] = r->control;
	argv[c] = NULL;
	r->sim = fork();
	if (r->sim == 0) {
		dup2(out, 1);
		execv(argv[0], argv);
		_exit(127);
	}
	assert_true(r->sim > 0);
}

static void read_ports(struct rig *r, int from, int n)
{
	FILE *f = fdopen(from, "r");
	char line[256], id[33];
	unsigned port;

	assert_non_null(f);
	for (int i = 0; i < n; i++) {
		const char *colon;
		assert_non_null(fgets(line, sizeof(line), f));
		assert_int_equal(sscanf(line, "{\"event\":\"listening\",\"instrument\":\"%32[^\"]\"", id), 1);
		colon = strrchr(line, ':');
		assert_int_equal(sscanf(colon, ":%u", &port), 1);
		snprintf(r->ids[i], sizeof(r->ids[i]), "%s", id);
		r->ports[i] = (uint16_t)port;
	}
	fclose(f);
}

void rig_start(struct rig *r, const char *const *instruments, int n)
{
	static int serial;
	struct lt_err err;
	int pipe_fd[2];

	memset(r, 0, sizeof(*r));
	signal(SIGPIPE, SIG_IGN);
	r->codec = modbus_codec_new(&err);
	r->loop = loop_new();
	assert_non_null(r->codec);
	assert_non_null(r->loop);
	snprintf(r->control, sizeof(r->control), "/tmp/labtime-rig.%d.%d", (int)getpid(), serial++);
	assert_return_code(pipe(pipe_fd), 0);
	spawn(r, instruments, n, pipe_fd[1]);
	close(pipe_fd[1]);
	read_ports(r, pipe_fd[0], n);
	r->n = n;
}

void rig_stop(struct rig *r)
{
	poller_free(r->poller);
	loop_free(r->loop);
	modbus_codec_free(r->codec);
	for (int i = 0; i < r->n_messages; i++)
		msg_free(r->messages[i]);
	kill(r->sim, SIGTERM);
	waitpid(r->sim, NULL, 0);
}

const char *rig_ctl(struct rig *r, const char *fmt, ...)
{
	static char answer[8192];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char line[256];
	size_t n = 0;
	ssize_t got;
	va_list ap;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	strncat(line, "\n", sizeof(line) - strlen(line) - 1);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", r->control);
	assert_return_code(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	shutdown(fd, SHUT_WR);
	while (n < sizeof(answer) - 1 && (got = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	close(fd);
	if (strncmp(answer, "{\"ok\":true", 10) != 0)
		fail_msg("%s: %s", line, answer);
	return answer;
}

struct poll_target rig_target(const struct rig *r, int i, const struct lt_profile *p)
{
	return (struct poll_target){ .instrument = r->ids[i], .host = "127.0.0.1", .port = r->ports[i], .unit = 1,
		.poll_ms = 20,
				     .timeout_ms = 200, .verify_ms = 1000, .profile = p };
}

void rig_poll(struct rig *r, const struct poll_target *targets, int n)
{
	struct poller_options o = { .loop = r->loop, .codec = r->codec, .now = now, .emit = keep, .arg = r, .seed = 7 };
	struct lt_err err = { 0 };

	r->poller = poller_new(&o, targets, n, &err);
	if (!r->poller)
		fail_msg("%s %s", err.field, err.text);
}

void rig_lease(struct rig *r, const char *instrument, enum lt_lock desired, int64_t valid_ms)
{
	struct lease l = { .desired = (uint8_t)desired, .epoch = 1, .valid_until_boot_ms = clock_boot_ms() + valid_ms };
	struct msg_leases m = { .head.kind = MSG_LEASES, .n = 1, .leases = &l };

	snprintf(l.instrument, sizeof(l.instrument), "%s", instrument);
	poller_message(r->poller, &m.head);
}

void rig_force(struct rig *r, const char *instrument, uint64_t ticket, int64_t deadline_ms)
{
	struct msg_poll m = { .head.kind = MSG_POLL, .ticket = ticket, .deadline_boot_ms = clock_boot_ms() + deadline_ms };

	snprintf(m.instrument, sizeof(m.instrument), "%s", instrument);
	poller_message(r->poller, &m.head);
}

bool rig_until(struct rig *r, bool (*met)(struct rig *r, const void *arg), const void *arg, int64_t ms)
{
	int64_t end = clock_boot_ms() + ms;
	struct timeval tick = { 0, 5000 };

	while (!met(r, arg)) {
		if (clock_boot_ms() >= end)
			return false;
		event_base_loopexit(loop_base(r->loop), &tick);
		event_base_dispatch(loop_base(r->loop));
	}
	return true;
}

struct wanted { int *at; enum msg_kind kind; const char *instrument; const struct msg *found; };

static const char *instrument_of(const struct msg *m)
{
	return m->kind == MSG_READING ? ((const struct msg_reading *)m)->instrument
		: m->kind == MSG_LINK ? ((const struct msg_link *)m)->instrument
			: ((const struct msg_interlock *)m)->instrument;
}

static bool arrived(struct rig *r, const void *arg)
{
	struct wanted *w = (struct wanted *)arg;

	for (; *w->at < r->n_messages; (*w->at)++) {
		const struct msg *m = r->messages[*w->at];
		if (m->kind == w->kind && strcmp(instrument_of(m), w->instrument) == 0) {
			w->found = m;
			(*w->at)++;
			return true;
		}
	}
	return false;
}

const struct msg *rig_next(struct rig *r, int *at, enum msg_kind kind, const char *instrument, int64_t ms)
{
	struct wanted w = { at, kind, instrument, NULL };

	return rig_until(r, arrived, &w, ms) ? w.found : NULL;
}

static bool never(struct rig *r, const void *arg)
{
	return false;
}

void rig_run(struct rig *r, int64_t ms)
{
	rig_until(r, never, NULL, ms);
}
