/*
 * selfcheck.h - the store's quick check at a start, in a child (labtimed --verify --quick), so that no check stands
 * in the way of the first answer.
 */
#ifndef SELFCHECK_H
#define SELFCHECK_H

#include <sys/types.h>

/* What --verify exits with when it found damage (1: it could not look). */
enum { SELFCHECK_EXIT_DAMAGED = 3 };
/* The child's id, or -1 when there is none (logged). */
pid_t selfcheck_start(const char *config, const char *profiles_dir);
/* After SIGCHLD: still running; ended and the store is sound (or nobody knows: logged); the store is damaged. */
enum selfcheck { SELFCHECK_RUNS, SELFCHECK_OVER, SELFCHECK_DAMAGED };
enum selfcheck selfcheck_ask(pid_t pid);
/* Ends it. */
void selfcheck_stop(pid_t pid);

#endif
