/*
 * codec.h - libmodbus as a codec on a socketpair: encodes requests once, validates replies; never owns a network
 * descriptor. One codec a process, made first thing in main so that its descriptors are small.
 */
#ifndef DRIVERS_MODBUS_CODEC_H
#define DRIVERS_MODBUS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "labtime/driver.h"

struct modbus_codec;

struct modbus_codec *modbus_codec_new(struct lt_err *err);
struct modbus_codec *modbus_codec_free(struct modbus_codec *c);

#define MODBUS_FRAME_MAX 260
struct modbus_request { uint8_t unit, function; uint16_t address, count; uint16_t size; uint8_t frame[MODBUS_FRAME_MAX];
	};

/* Encode; the transaction id (frame bytes 0 and 1) is patched by the link. 0 or -1. */
int modbus_encode_read(struct modbus_codec *c, uint8_t unit, const struct lt_read *r, struct modbus_request *ret);
int modbus_encode_write(struct modbus_codec *c, uint8_t unit, const struct lt_write *w, struct modbus_request *ret);

/*
 * The gate, before libmodbus sees a byte: the size of the frame that starts here once it is sure (it may be more than
 * n: read on), 0 while it is not sure yet, -1 when this can be no Modbus/TCP reply: close the connection.
 */
int modbus_gate(const uint8_t *bytes, size_t n);

/*
 * One whole frame (as the gate measured it) against its request; the transaction id is the caller's affair. Checks the
 * unit id, function, byte count and the echo of writes, then lets libmodbus validate it. Data points into frame.
 * 0; > 0 the Modbus exception that the device answered; -1 and *ret_why when the reply does not belong to the request.
 */
int modbus_decode(struct modbus_codec *c, const struct modbus_request *r, bool unit_any, uint8_t *frame, size_t n,
		  const uint8_t **ret_data, size_t *ret_size, const char **ret_why);

#endif
