/*
 * codec.h - libmodbus as a codec on a socketpair: encodes requests once, validates replies; never owns a network
 * descriptor. One codec a process, made first thing in main so that its descriptors are small.
 */
#ifndef DRIVERS_MODBUS_CODEC_H
#define DRIVERS_MODBUS_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "labtime/driver.h"

struct modbus_codec;

struct modbus_codec *modbus_codec_new(struct lt_err *err);
struct modbus_codec *modbus_codec_free(struct modbus_codec *c);

#define MODBUS_FRAME_MAX 260
struct modbus_request { uint8_t unit, function; uint16_t address, count; uint16_t size; uint8_t frame[MODBUS_FRAME_MAX]; };

/* Encode; the transaction id (frame bytes 0 and 1) is patched by the link. 0 or -1. */
int modbus_encode_read(struct modbus_codec *c, uint8_t unit, const struct lt_read *r, struct modbus_request *ret);
int modbus_encode_write(struct modbus_codec *c, uint8_t unit, const struct lt_write *w, struct modbus_request *ret);

#endif
