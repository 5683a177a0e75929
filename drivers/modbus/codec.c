/*
 * codec.c - requests are encoded and replies validated by libmodbus, which sits on a socketpair with a timeout of 1 us
 * and so can neither block nor touch a network descriptor.
 *
 * Owns the pair and the modbus_t. Encoding: libmodbus writes the request into the pair, finds no reply, and the bytes
 * are taken out at the far end. Decoding: the reply is laid into the pair with the transaction id that libmodbus will
 * use next, then the same call finds it there. A wrong guess of that id fails, it never passes.
 *
 * libmodbus' verdict on the reply to a read depends on the request's unit, function and count and on the reply's first
 * nine bytes, never on the data behind them; mismatch() has pinned those bytes before. What it accepted once in this
 * shape is remembered and not asked again: a poll costs nine system calls less. Exceptions and writes are always asked.
 */
#include "drivers/modbus/codec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define MBAP 6           /* bytes before the unit id, which is the first that the length counts */
#define PROVEN 256       /* shapes remembered; a collision only asks again */
#define UNIT_HOLE 248    /* libmodbus refuses 248..254: encoded as 255, then patched */

struct modbus_codec {
	modbus_t *mb;
	int near, far;
	bool dirty;              /* something may be left in the pair */
	uint16_t last_id;
	uint64_t proven[PROVEN]; /* shapes of replies that libmodbus accepted; 0 none */
};

struct modbus_codec *modbus_codec_new(struct lt_err *err)
{
	struct modbus_codec *c = calloc(1, sizeof(*c));
	int pair[2] = { -1, -1 };

	if (!c || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		free(c);
		lt_err_set(err, "no-codec", "", "no memory or descriptors for the Modbus codec");
		return NULL;
	}
	c->near = pair[0];
	c->far = pair[1];
	if (c->near >= FD_SETSIZE) {
		lt_err_set(err, "no-codec", "", "the Modbus codec must be made first: descriptor %d is over %d", c->near,
			FD_SETSIZE - 1);
		return modbus_codec_free(c);
	}
	c->mb = modbus_new_tcp("127.0.0.1", 502);
	if (!c->mb || modbus_set_socket(c->mb, c->near) < 0 || modbus_set_response_timeout(c->mb, 0, 1) < 0 ||
	    modbus_set_byte_timeout(c->mb, 0, 1) < 0 || modbus_set_error_recovery(c->mb, MODBUS_ERROR_RECOVERY_NONE) < 0) {
		lt_err_set(err, "no-codec", "", "libmodbus refused to start");
		return modbus_codec_free(c);
	}
	return c;
}

struct modbus_codec *modbus_codec_free(struct modbus_codec *c)
{
	if (!c)
		return NULL;
	if (c->mb)
		modbus_free(c->mb);
	close(c->near);
	close(c->far);
	free(c);
	return NULL;
}

static void drain(int fd)
{
	uint8_t junk[MODBUS_FRAME_MAX];

	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
}

/* Takes the request that libmodbus just wrote; learns its transaction id. */
static ssize_t take_request(struct modbus_codec *c, uint8_t *dst)
{
	ssize_t n = recv(c->far, dst, MODBUS_FRAME_MAX, MSG_DONTWAIT);

	if (n >= 2)
		c->last_id = (uint16_t)(dst[0] << 8 | dst[1]);
	return n;
}

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The libmodbus call of this request; reply values go nowhere: the caller decodes the frame's bytes itself. */
static int call_read(modbus_t *mb, uint8_t function, int address, int count)
{
	union { uint8_t bits[MODBUS_MAX_READ_BITS]; uint16_t registers[MODBUS_MAX_READ_REGISTERS]; } got;

	switch (function) {
	case 1:
		return modbus_read_bits(mb, address, count, got.bits);
	case 2:
		return modbus_read_input_bits(mb, address, count, got.bits);
	case 3:
		return modbus_read_registers(mb, address, count, got.registers);
	case 4:
		return modbus_read_input_registers(mb, address, count, got.registers);
	default:
		errno = EINVAL;
		return -1;
	}
}

/* data as on the wire: FC5 and FC6 one word, FC15 packed bits, FC16 words. */
static int call_write(modbus_t *mb, uint8_t function, int address, int count, const uint8_t *data)
{
	uint8_t bits[256];
	uint16_t words[16];

	switch (function) {
	case 5:
		return modbus_write_bit(mb, address, data[0] == 0xFF);
	case 6:
		return modbus_write_register(mb, address, word(data));
	case 15:
		for (int i = 0; i < count; i++)
			bits[i] = data[i / 8] >> (i % 8) & 1;
		return modbus_write_bits(mb, address, count, bits);
	case 16:
		for (int i = 0; i < count; i++)
			words[i] = word(data + 2 * i);
		return modbus_write_registers(mb, address, count, words);
	default:
		errno = EINVAL;
		return -1;
	}
}

static void begin(struct modbus_codec *c, uint8_t unit)
{
	modbus_set_slave(c->mb, unit >= UNIT_HOLE ? 255 : unit);
	if (c->dirty) {
		drain(c->near);
		drain(c->far);
	}
	c->dirty = true;
}

/* After the call: what it wrote becomes the request. */
static int encoded(struct modbus_codec *c, uint8_t unit, struct modbus_request *ret)
{
	ssize_t n = take_request(c, ret->frame);

	if (n < 12)
		return -1;
	ret->unit = ret->frame[MBAP] = unit;
	ret->function = ret->frame[7];
	ret->address = word(ret->frame + 8);
	ret->count = ret->function == 5 || ret->function == 6 ? 1 : word(ret->frame + 10);
	ret->size = (uint16_t)n;
	return 0;
}

int modbus_encode_read(struct modbus_codec *c, uint8_t unit, const struct lt_read *r, struct modbus_request *ret)
{
	int most = r->function <= 2 ? MODBUS_MAX_READ_BITS : MODBUS_MAX_READ_REGISTERS;

	if (r->function < 1 || r->function > 4 || r->count == 0 || r->count > most || r->address + r->count > 65536)
		return -1;
	begin(c, unit);
	call_read(c->mb, r->function, r->address, r->count); /* ends with ETIMEDOUT: nobody answers in the pair */
	return encoded(c, unit, ret);
}

static bool write_is_sound(const struct lt_write *w)
{
	switch (w->function) {
	case 5:
		return w->size == 2 && (w->data[0] == 0xFF || w->data[0] == 0) && w->data[1] == 0;
	case 6:
		return w->size == 2;
	case 15:
		return w->count >= 1 && w->count <= 256 && w->size == (w->count + 7) / 8 && w->address + w->count <= 65536;
	case 16:
		return w->count >= 1 && w->count <= 16 && w->size == 2 * w->count && w->address + w->count <= 65536;
	default:
		return false;
	}
}

int modbus_encode_write(struct modbus_codec *c, uint8_t unit, const struct lt_write *w, struct modbus_request *ret)
{
	if (!write_is_sound(w))
		return -1;
	begin(c, unit);
	call_write(c->mb, w->function, w->address, w->count, w->data);
	return encoded(c, unit, ret);
}

int modbus_gate(const uint8_t *bytes, size_t n)
{
	size_t length;
	uint8_t function;

	for (size_t i = 2; i < 4 && i < n; i++)
		if (bytes[i] != 0)
			return -1;
	if (n < MBAP)
		return 0;
	length = word(bytes + 4);
	if (length < 3 || length + MBAP > MODBUS_FRAME_MAX)
		return -1;
	if (n < 9)
		return 0;
	function = bytes[7];
	if (function & 0x80)
		return length == 3 ? 9 : -1;
	if (function >= 1 && function <= 4)
		return length == 3 + (size_t)bytes[8] && bytes[8] > 0 ? 9 + bytes[8] : -1;
	if (function == 5 || function == 6 || function == 15 || function == 16)
		return length == 6 ? 12 : -1;
	return -1;
}

static size_t expected_bytes(const struct modbus_request *r)
{
	return r->function <= 2 ? ((size_t)r->count + 7) / 8 : (size_t)r->count * 2;
}

/* What libmodbus does not check. NULL: fine. */
static const char *mismatch(const struct modbus_request *r, bool unit_any, const uint8_t *frame, size_t n)
{
	if (!unit_any && frame[MBAP] != r->unit)
		return "the reply is from another unit id";
	if ((frame[7] & 0x7f) != r->function)
		return "the reply is to another function";
	if (frame[7] & 0x80)
		return n == 9 && frame[8] != 0 ? NULL : "the exception has no code";
	if (r->function <= 4)
		return frame[8] == expected_bytes(r) && n == 9 + expected_bytes(r)
			? NULL : "the reply is not as long as what was asked";
	return n == 12 && memcmp(frame + 8, r->frame + 8, 4) == 0 ? NULL : "the echo of the write differs";
}

/* libmodbus' own judgement. 0, or its exception, or -1. */
static int validate(struct modbus_codec *c, const struct modbus_request *r, uint8_t *frame, size_t n)
{
	uint8_t scratch[MODBUS_FRAME_MAX], id[2] = { frame[0], frame[1] };
	uint16_t next = (uint16_t)(c->last_id + 1);
	int got, why;

	begin(c, r->unit);
	frame[0] = (uint8_t)(next >> 8);
	frame[1] = (uint8_t)next;
	if (send(c->far, frame, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		return -1;
	got = r->function <= 4 ? call_read(c->mb, r->function, r->address, r->count)
			       : call_write(c->mb, r->function, r->address, r->count, r->frame + (r->function <= 6 ? 10 : 13));
	why = errno;
	frame[0] = id[0];
	frame[1] = id[1];
	take_request(c, scratch);
	if (got >= 0) {
		c->dirty = false; /* the reply was read whole, the request taken */
		return frame[7] & 0x80 ? -1 : 0;
	}
	if (why > MODBUS_ENOBASE && (frame[7] & 0x80))
		return frame[8];
	return -1;
}

/* Everything libmodbus looks at in a good reply to a read (its length follows from the count); 0: not such a reply. */
static uint64_t shape(const struct modbus_request *r, const uint8_t *frame)
{
	return r->function > 4 || frame[7] & 0x80 ? 0 : (uint64_t)frame[MBAP] << 32 | (uint64_t)r->count << 16 |
		(uint64_t)r->unit << 8 | r->function;
}

static uint64_t *proven(struct modbus_codec *c, uint64_t shape)
{
	return &c->proven[(shape * UINT64_C(0x9E3779B97F4A7C15)) >> 56];
}

int modbus_decode(struct modbus_codec *c, const struct modbus_request *r, bool unit_any, uint8_t *frame, size_t n,
		  const uint8_t **ret_data, size_t *ret_size, const char **ret_why)
{
	uint64_t s = shape(r, frame);
	int result = 0;

	assert(n >= 9 && n <= MODBUS_FRAME_MAX);
	*ret_why = mismatch(r, unit_any, frame, n);
	if (*ret_why)
		return -1;
	if (s == 0 || *proven(c, s) != s)
		result = validate(c, r, frame, n);
	if (result < 0) /* a wrong guess of the id: learned now, so once more is certain */
		result = validate(c, r, frame, n);
	if (result < 0)
		*ret_why = "libmodbus refused the reply";
	else if (result == 0 && s != 0)
		*proven(c, s) = s;
	*ret_data = frame + 9;
	*ret_size = result == 0 && r->function <= 4 ? frame[8] : 0;
	return result;
}
