/*
 * interrupt.c - Ctrl-C: leave at once with 130, without half a file and with the terminal's echo on.
 * Owns the handler's few static words. Only calls that are safe in a signal handler.
 */
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "client/login.h"
#include "client/transport.h"

static char file[4096];
static volatile sig_atomic_t in_flight, echo_saved;
static struct termios saved;

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(130);
}

static void on_signal(int sig)
{
	if (file[0])
		unlink(file);
	if (echo_saved)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	say("\nlabtime: interrupted");
	say(in_flight ? "; the request may have been done: labtime mine\n[interrupted]\n"
		: ", nothing was changed\n[interrupted]\n");
	_exit(128 + sig);
}

void interrupt_setup(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

void interrupt_file(const char *path)
{
	size_t n = strlen(path);

	if (n < sizeof file)
		memcpy(file, path, n + 1);
}

void interrupt_in_flight(bool yes)
{
	in_flight = yes;
}

void interrupt_echo(const struct termios *t)
{
	echo_saved = 0;
	if (t) {
		saved = *t;
		echo_saved = 1;
	}
}
