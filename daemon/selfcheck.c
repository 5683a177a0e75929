/*
 * selfcheck.c - see selfcheck.h. Owns the child between start and its end. A check that cannot run is logged and does
 * not stop the daemon; only a check that found damage does anything.
 */
#include "selfcheck.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/base.h"

extern char **environ;

pid_t selfcheck_start(const char *config, const char *profiles_dir)
{
	char *const argv[] = { (char[]){ "labtimed" }, (char[]){ "--config" }, (char *)config, (char[]){ "--profiles" },
		(char *)profiles_dir, (char[]){ "--verify" }, (char[]){ "--quick" }, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid = -1;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (r == 0)
		return pid;
	log_event(LOG_WARN, "the store's check did not start", "why", strerror(r), NULL);
	return -1;
}

enum selfcheck selfcheck_ask(pid_t pid)
{
	int status;
	pid_t r = waitpid(pid, &status, WNOHANG);

	if (r == 0)
		return SELFCHECK_RUNS;
	if (r == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return SELFCHECK_OVER;
	if (r == pid && WIFEXITED(status) && WEXITSTATUS(status) == SELFCHECK_EXIT_DAMAGED)
		return SELFCHECK_DAMAGED;
	log_event(LOG_WARN, "the store's check ended without a result; run labtimed --verify by hand", NULL);
	return SELFCHECK_OVER;
}

void selfcheck_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
