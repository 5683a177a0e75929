/*
 * sim.h - labtime-sim's parts: devices that run and count, the frames they answer, the sockets they answer on, the
 * control socket. One thread, one event base. Times: BOOTTIME ms for durations, wall ms as labels of the truth.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "common/err.h"

#define SIM_DEVICES 900          /* endpoints of one process */
#define SIM_FRAME 260

enum sim_kind { SIM_MICROSCOPE, SIM_SEQUENCER, SIM_POWER, SIM_DIO };

enum sim_fault_kind {
	FAULT_NONE, FAULT_SILENCE, FAULT_LATE, FAULT_WRONG_ID, FAULT_ID_ZERO, FAULT_WRONG_UNIT, FAULT_WRONG_FUNCTION,
	FAULT_LENGTH_LIE, FAULT_LENGTH_SHORT, FAULT_PROTOCOL, FAULT_EXCEPTION, FAULT_SHORT, FAULT_TORN, FAULT_ZERO,
	FAULT_RESET, FAULT_TRUNCATE, FAULT_SLOW, FAULT_DUPLICATE, FAULT_STALE, FAULT_FLOOD, FAULT_GARBAGE, FAULT_OVERSIZE,
	FAULT_CLOSE, FAULT_ECHO, FAULT_STUCK, FAULT_KINDS,
};

/* times: requests it still applies to, -1 until changed. value: ms or exception code, by kind. */
struct sim_fault { enum sim_fault_kind kind; int value, times; };

struct sim_run { int64_t from_wall, to_wall, ms; };

struct sim;
struct sim_map;                  /* frames.c: the register image */

struct sim_device {
	char id[33], host[64], serial[17];
	enum sim_kind kind;
	uint16_t port;
	int unit;                /* -1: answers to any */
	bool gates_power;        /* locking cuts a run */
	bool counter_volatile;   /* a reboot clears the hour meter */
	bool running, unlocked;
	uint32_t counter_base;   /* hour meter at no run time */
	int64_t ran_ms;          /* finished runs, since counter_base was set */
	int64_t run_boot, run_wall, started_boot, down_until, stop_at;
	uint32_t pulses;
	uint16_t boots, fault_code;
	int power_w;
	struct sim_run *runs;
	int n_runs, cap_runs;
	struct sim_fault fault;
	uint64_t requests, writes, refused_starts;
	struct sim_map *map;
};

/* device.c */
void device_init(struct sim_device *d, int64_t boot);
struct sim_device *device_deinit(struct sim_device *d);
bool device_run(struct sim_device *d, int64_t boot, int64_t wall);   /* false: locked or down */
void device_stop(struct sim_device *d, int64_t boot, int64_t wall);
void device_lock(struct sim_device *d, bool unlocked, int64_t boot, int64_t wall);
void device_reboot(struct sim_device *d, int64_t down_ms, int64_t boot, int64_t wall);
void device_set_counter(struct sim_device *d, uint32_t value, int64_t boot);
uint32_t device_counter(const struct sim_device *d, int64_t boot);   /* seconds shown */
int64_t device_total_ms(const struct sim_device *d, int64_t boot);   /* really run, over all runs */
const char *device_kind_name(enum sim_kind k);
bool device_kind(const char *name, enum sim_kind *ret);

/* frames.c: requests to replies, by libmodbus on a socketpair */
struct sim_frames;
struct sim_frames *frames_new(struct lt_err *err);
struct sim_frames *frames_free(struct sim_frames *f);
struct sim_map *frames_map_new(void);
struct sim_map *frames_map_free(struct sim_map *m);
/* Length of the reply, 0 none. A write has been applied to the device on return. */
int frames_answer(struct sim_frames *f, struct sim_device *d, const uint8_t *request, int n, uint8_t reply[SIM_FRAME],
		  int64_t boot, int64_t wall);
bool fault_kind(const char *name, enum sim_fault_kind *ret);
const char *fault_name(enum sim_fault_kind k);
/* Bends a good reply; what = the bytes to send, at most cap. Kinds that are about time are the server's. */
int fault_bend(const struct sim_fault *f, const uint8_t *request, const uint8_t *reply, int n, uint8_t *dst, int cap);

/* server.c */
struct sim_server;
struct sim_server *server_new(struct sim *s, struct lt_err *err);
struct sim_server *server_free(struct sim_server *v);
void server_drop(struct sim_server *v, const struct sim_device *d);  /* resets its connections */

/* control.c */
struct sim_control;
struct sim_control *control_new(struct sim *s, const char *path, struct lt_err *err);
struct sim_control *control_free(struct sim_control *c);
/* One command line to one JSON line (no newline). 0, or 1 when it answers later (wait; only with a connection). */
struct sim_waiter { struct sim_device *d; char what[16]; uint64_t number; int64_t deadline; bool active; };
struct evbuffer;
int command_run(struct sim *s, const char *line, struct evbuffer *out, struct sim_waiter *waiter);
bool command_wait_over(struct sim *s, const struct sim_waiter *w, struct evbuffer *out);
void command_truth(struct sim *s, const struct sim_device *only, struct evbuffer *out);

/* script.c */
struct sim_script;
struct sim_script *script_new(struct sim *s, const char *path, bool seeded, uint64_t seed, struct lt_err *err);
struct sim_script *script_free(struct sim_script *c);

/* ctl.c: the subcommand */
int ctl_main(int argc, char **argv);

/* main.c */
struct sim {
	struct event_base *base;
	struct sim_device *devices;
	int n;
	struct sim_frames *frames;
	struct sim_server *server;
	struct sim_control *control;
	struct sim_script *script;
	int64_t started_boot;
};
struct sim_device *sim_find(struct sim *s, const char *id);

#endif
