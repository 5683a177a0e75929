/*
 * job.h - long work that runs between turns in bounded slices under a fixed snapshot (a sequence number).
 * No statement stays open between slices. The ledger asks for a slice when the loop granted a credit.
 */
#ifndef APP_JOB_H
#define APP_JOB_H

#include <stddef.h>

#include "store/db.h"

#define JOB_SLICE 65536

struct job;
struct job_kind {
	const char *name;
	/* Writes at most cap bytes to dst. 1: more to come; 0: that was the last; < 0: failed (the reply is cut). */
	int (*next_slice)(struct job *j, struct db *db, char *dst, size_t cap, size_t *ret_size);
	/* Runs as a turn item after the last slice was produced (the manifest is stored here). May be NULL. */
	int (*done)(struct job *j, void *act);
	void (*cancel)(struct job *j);          /* the connection closed or the job ended; frees the job */
};
struct job { const struct job_kind *kind; };   /* first member of each job's own struct */

#endif
