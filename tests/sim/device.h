/*
 * device.h - a scripted instrument in virtual time: it runs, counts, locks, reports faults, loses replies and lies, and
 * it keeps the truth (when it really ran, when it was at fault) that a bill is compared with. Instants: wall ms of the
 * world's true clock.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "labtime/driver.h"
#include "sim/rng.h"

#define DEVICE_RUNS 8192
#define DEVICE_FAULTS 2048

struct device_run { int64_t from, to; }; /* to 0: still on */

struct device {
	char id[33];
	int64_t count_ms;          /* of the hour meter                                          */
	uint64_t modulus;          /* 0: 2^32                                                    */
	uint64_t offset;           /* raw value at no run time                                   */
	int64_t ran_ms;            /* of finished runs since the counter's last reset            */
	bool running, locked, down;
	bool faulty;               /* it says so                                                 */
	int n_runs, first_of_counter; /* runs before first_of_counter belong to an older counter  */
	struct device_run runs[DEVICE_RUNS];
	int n_faults;
	struct device_run faults[DEVICE_FAULTS];
	int64_t forgotten_ms;      /* run time that a reset wiped before anybody could read it    */
	uint64_t boots;            /* a restart is told: without it a reset near the wrap looks like a wrap */
	int64_t read_ms;           /* run time that the last delivered reading showed             */
	int lost, lies;            /* statistics                                                 */
};

void device_init(struct device *d, const char *id, int64_t count_ms, uint64_t modulus, uint64_t offset);
/* True when it started: a locked instrument refuses. */
bool device_start(struct device *d, int64_t at);
void device_stop(struct device *d, int64_t at);
/* The controller restarts its counter at zero (a reboot without a battery). */
void device_reset(struct device *d, int64_t at);
void device_read(struct device *d, int64_t at, struct lt_observation *ret);
/* A fault begins that it reports, or is over. It runs on. */
void device_fault(struct device *d, int64_t at);
/* Of the run time in [from, to), what was at fault; *ret_faults: how many faults touch it. */
int64_t device_at_fault_ms(const struct device *d, int64_t from, int64_t to, int64_t now, int *ret_faults);
/* Run time in [from, to), up to now. */
int64_t device_truth_ms(const struct device *d, int64_t from, int64_t to, int64_t now);

#endif
