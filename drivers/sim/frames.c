/*
 * frames.c - answers Modbus requests. libmodbus builds each reply on a socketpair, so that it never sees a network
 * descriptor; the register image is filled from the device before and read back after a write.
 * Owns the codec and the images. Fails only when descriptors or memory run out at start.
 */
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/sim/sim.h"

enum { MAP_BITS = 64, MAP_REGISTERS = 512, DIO_OUTPUTS = 16, POWER_W = 0x000C, POWER_WH = 0x0156 };

struct sim_map { modbus_mapping_t *m; };

struct sim_frames { modbus_t *mb; int near, far; };

static const char *const names[FAULT_KINDS] = {
	"none", "silence", "late", "wrong-id", "id-zero", "wrong-unit", "wrong-function", "length-lie", "length-short",
		"protocol",
	"exception", "short", "torn", "zero", "reset", "truncate", "slow", "duplicate", "stale", "flood", "garbage",
	"oversize",
	"close", "echo", "stuck",
};

const char *fault_name(enum sim_fault_kind k)
{
	return names[k];
}

bool fault_kind(const char *name, enum sim_fault_kind *ret)
{
	for (int i = 0; i < FAULT_KINDS; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum sim_fault_kind)i;
			return true;
		}
	return false;
}

struct sim_frames *frames_new(struct lt_err *err)
{
	struct sim_frames *f = calloc(1, sizeof(*f));
	int pair[2] = { -1, -1 };

	if (!f || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 || pair[0] >= FD_SETSIZE) {
		free(f);
		lt_err_set(err, "no-codec", "", "no descriptors or memory for the codec");
		return NULL;
	}
	f->near = pair[0];
	f->far = pair[1];
	f->mb = modbus_new_tcp("127.0.0.1", 502);
	if (!f->mb || modbus_set_socket(f->mb, f->near) < 0 || modbus_set_response_timeout(f->mb, 0, 1) < 0) {
		lt_err_set(err, "no-codec", "", "libmodbus refused to start");
		return frames_free(f);
	}
	return f;
}

struct sim_frames *frames_free(struct sim_frames *f)
{
	if (!f)
		return NULL;
	if (f->mb)
		modbus_free(f->mb);
	close(f->near);
	close(f->far);
	free(f);
	return NULL;
}

struct sim_map *frames_map_new(void)
{
	struct sim_map *m = calloc(1, sizeof(*m));

	if (m)
		m->m = modbus_mapping_new(MAP_BITS, MAP_BITS, MAP_REGISTERS, MAP_REGISTERS);
	if (m && !m->m) {
		free(m);
		return NULL;
	}
	return m;
}

struct sim_map *frames_map_free(struct sim_map *m)
{
	if (m) {
		modbus_mapping_free(m->m);
		free(m);
	}
	return NULL;
}

static void put_u32(uint16_t *r, uint32_t v)
{
	r[0] = (uint16_t)(v >> 16);
	r[1] = (uint16_t)v;
}

static void put_float(uint16_t *r, float v)
{
	uint32_t u;

	memcpy(&u, &v, sizeof(u));
	put_u32(r, u);
}

/* The map of etc/profiles/generic-plc.conf. */
static void fill_plc(struct sim_device *d, modbus_mapping_t *m, int64_t boot)
{
	uint16_t *r = m->tab_registers;
	int64_t up = boot > d->started_boot ? (boot - d->started_boot) / 1000 : 0;

	put_u32(r, device_counter(d, boot));
	r[2] = (uint16_t)(d->running ? 1 : 0);
	r[3] = d->fault_code;
	put_u32(r + 4, (uint32_t)up);
	r[6] = d->boots;
	for (int i = 0; i < 8; i++)
		r[8 + i] = (uint16_t)((uint8_t)d->serial[2 * i] << 8 | (uint8_t)d->serial[2 * i + 1]);
	m->tab_bits[0] = d->unlocked;
}

/* ADAM-6050: inputs are coils 0.., outputs coils 16.., counter 0 in registers 0 and 1, low word first. */
static void fill_dio(struct sim_device *d, modbus_mapping_t *m, int64_t boot)
{
	uint32_t count = device_counter(d, boot);

	m->tab_bits[0] = m->tab_input_bits[0] = d->running;
	m->tab_bits[DIO_OUTPUTS] = d->unlocked;
	m->tab_registers[0] = (uint16_t)count;
	m->tab_registers[1] = (uint16_t)(count >> 16);
}

static void fill_power(struct sim_device *d, modbus_mapping_t *m, int64_t boot)
{
	float watts = d->running ? (float)d->power_w : 4.0f;

	put_float(m->tab_input_registers + POWER_W, watts);
	put_float(m->tab_input_registers + POWER_WH, (float)((double)device_total_ms(d, boot) * d->power_w / 3600.0e6));
	m->tab_bits[0] = d->unlocked;
}

static void fill(struct sim_device *d, int64_t boot)
{
	modbus_mapping_t *m = d->map->m;

	memset(m->tab_bits, 0, MAP_BITS);
	memset(m->tab_input_bits, 0, MAP_BITS);
	memset(m->tab_registers, 0, MAP_REGISTERS * sizeof(uint16_t));
	memset(m->tab_input_registers, 0, MAP_REGISTERS * sizeof(uint16_t));
	if (d->kind == SIM_DIO)
		fill_dio(d, m, boot);
	else if (d->kind == SIM_POWER)
		fill_power(d, m, boot);
	else
		fill_plc(d, m, boot);
}

int frames_answer(struct sim_frames *f, struct sim_device *d, const uint8_t *request, int n, uint8_t reply[SIM_FRAME],
		  int64_t boot, int64_t wall)
{
	uint8_t function = request[7];
	bool write = function == 5 || function == 6 || function == 15 || function == 16;
	ssize_t got;

	if (n < 8 || (write && n < 12) || (function >= 1 && function <= 4 && n != 12))
		return 0;
	if ((function == 15 || function == 16) && (n < 13 || n != 13 + request[12]))
		return 0;
	fill(d, boot);
	while (recv(f->far, reply, SIM_FRAME, MSG_DONTWAIT) > 0)
		;
	if (modbus_reply(f->mb, request, n, d->map->m) < 0 && errno == EBADF)
		return 0;
	got = recv(f->far, reply, SIM_FRAME, MSG_DONTWAIT);
	if (got < 9)
		return 0;
	d->requests++;
	if (write && !(reply[7] & 0x80)) {
		d->writes++;
		if (d->fault.kind != FAULT_STUCK)
			device_lock(d, d->map->m->tab_bits[d->kind == SIM_DIO ? DIO_OUTPUTS : 0] != 0, boot, wall);
	}
	return (int)got;
}

static int exception_of(const uint8_t *reply, int code, uint8_t *dst)
{
	memcpy(dst, reply, 8);
	dst[4] = 0;
	dst[5] = 3;
	dst[7] |= 0x80;
	dst[8] = (uint8_t)(code ? code : 4);
	return 9;
}

/* Byte count two less than asked, lengths consistent. */
static int shortened(uint8_t *dst, int n)
{
	if (dst[7] > 4 || dst[8] < 2 || n < 12)
		return n;
	dst[5] = (uint8_t)(dst[5] - 2);
	dst[8] = (uint8_t)(dst[8] - 2);
	return n - 2;
}

static void bend_data(enum sim_fault_kind k, uint8_t *dst, int n)
{
	bool reads = dst[7] >= 1 && dst[7] <= 4;

	if (k == FAULT_ZERO && reads)
		memset(dst + 9, 0, (size_t)(n - 9));
	if (k == FAULT_TORN && (dst[7] == 3 || dst[7] == 4) && n >= 13)
		dst[10]++; /* the high word already carried, the low word is still the old one */
	if (k == FAULT_ECHO && !reads && n == 12)
		dst[10] ^= 0xFF;
}

static void bend_header(enum sim_fault_kind k, uint8_t *dst)
{
	if (k == FAULT_WRONG_ID)
		dst[1]++;
	if (k == FAULT_ID_ZERO)
		dst[0] = dst[1] = 0;
	if (k == FAULT_WRONG_UNIT)
		dst[6]++;
	if (k == FAULT_WRONG_FUNCTION)
		dst[7] = dst[7] == 3 ? 4 : dst[7] == 1 ? 2 : (uint8_t)(dst[7] ^ 1);
	if (k == FAULT_LENGTH_LIE)
		dst[5] = (uint8_t)(dst[5] + 40);
	if (k == FAULT_LENGTH_SHORT)
		dst[5] = 3;
	if (k == FAULT_PROTOCOL)
		dst[2] = 0x12;
}

int fault_bend(const struct sim_fault *f, const uint8_t *request, const uint8_t *reply, int n, uint8_t *dst, int cap)
{
	memcpy(dst, reply, (size_t)n);
	bend_header(f->kind, dst);
	bend_data(f->kind, dst, n);
	switch (f->kind) {
	case FAULT_SILENCE:
		return 0;
	case FAULT_EXCEPTION:
		return exception_of(reply, f->value, dst);
	case FAULT_SHORT:
		return shortened(dst, n);
	case FAULT_RESET: case FAULT_TRUNCATE:
		return n / 2;
	case FAULT_DUPLICATE:
		memcpy(dst + n, reply, (size_t)n);
		return 2 * n;
	case FAULT_STALE:   /* an old reply first: same shape, other data, the id before */
		dst[0] = (uint8_t)(((request[0] << 8 | request[1]) - 1) >> 8);
		dst[1] = (uint8_t)(request[1] - 1);
		dst[n - 1] ^= 0x55;
		memcpy(dst + n, reply, (size_t)n);
		return 2 * n;
	case FAULT_FLOOD:
		for (int i = 1; i < 50 && (i + 1) * n <= cap; i++)
			memcpy(dst + i * n, reply, (size_t)n);
		return 50 * n <= cap ? 50 * n : cap / n * n;
	case FAULT_GARBAGE:
		for (int i = 0; i < n; i++)
			dst[i] = (uint8_t)(reply[i] * 167 + 91);
		return n;
	case FAULT_OVERSIZE:
		memset(dst + n, 0xA5, (size_t)(600 - n));
		dst[4] = 2;
		dst[5] = 82;
		dst[8] = 255;
		return 600;
	default:
		return n;
	}
}
