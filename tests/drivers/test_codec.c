/*
 * test_codec.c - requests against the bytes of the Modbus specification, replies whole, cut, bent and random: no reply
 * that differs from what was asked becomes data, nothing aborts. Runs with over 1,100 descriptors open.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <setjmp.h>
#include <cmocka.h>

#include "drivers/modbus/codec.h"

static struct modbus_codec *codec;
static uint64_t seed = 88172645463325252u;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed % n);
}

static void check(const struct modbus_request *r, uint8_t unit, const char *hex)
{
	for (size_t i = 0; i < r->size - 2u; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		assert_int_equal(r->frame[2 + i], byte);
	}
	assert_int_equal(strlen(hex), 2 * (r->size - 2u));
	assert_int_equal(r->unit, unit);
}

static void requests_as_specified(void **state)
{
	struct modbus_request r;

	assert_int_equal(modbus_encode_read(codec, 1, &(struct lt_read){ 3, 0x006B, 3 }, &r), 0);
	check(&r, 1, "000000060103006b0003");
	assert_int_equal(modbus_encode_read(codec, 0x11, &(struct lt_read){ 1, 0x0013, 37 }, &r), 0);
	check(&r, 0x11, "00000006110100130025");
	/* libmodbus refuses 250 itself */
	assert_int_equal(modbus_encode_read(codec, 250, &(struct lt_read){ 4, 8, 1 }, &r), 0);
	check(&r, 250, "00000006fa0400080001");
	assert_int_equal(modbus_encode_read(codec, 255, &(struct lt_read){ 2, 0xC4, 2000 }, &r), 0);
	check(&r, 255, "00000006ff0200c407d0");
	assert_int_equal(modbus_encode_write(codec, 1, &(struct lt_write){ 5, 0xAC, 1, 2, { 0xFF, 0 } }, &r), 0);
	check(&r, 1, "00000006010500acff00");
	assert_int_equal(modbus_encode_write(codec, 1, &(struct lt_write){ 6, 1, 1, 2, { 0, 3 } }, &r), 0);
	check(&r, 1, "00000006010600010003");
	assert_int_equal(modbus_encode_write(codec, 1, &(struct lt_write){ 15, 0x13, 10, 2, { 0xCD, 1 } }, &r), 0);
	check(&r, 1, "00000009010f0013000a02cd01");
	assert_int_equal(modbus_encode_write(codec, 1, &(struct lt_write){ 16, 1, 2, 4, { 0, 10, 1, 2 } }, &r), 0);
	check(&r, 1, "0000000b01100001000204000a0102");
}

static void impossible_requests(void **state)
{
	static const struct lt_read reads[] = { { 0, 0, 1 }, { 5, 0, 1 }, { 3, 0, 0 }, { 3, 0, 126 }, { 1, 0, 2001 },
		{ 4, 65535, 2 } };
	static const struct lt_write writes[] = { { 5, 0, 1, 2, { 1, 0 } }, { 5, 0, 1, 1, { 0xFF } }, { 3, 0, 1, 2, { 0 } },
		{ 16, 0, 17, 34, { 0 } }, { 16, 0, 2, 2, { 0 } }, { 15, 0, 0, 0, { 0 } }, { 16, 65535, 2, 4, { 0 } } };
	struct modbus_request r;

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		assert_int_equal(modbus_encode_read(codec, 1, &reads[i], &r), -1);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		assert_int_equal(modbus_encode_write(codec, 1, &writes[i], &r), -1);
}

static void gate_measures_by_every_prefix(void **state)
{
	static const uint8_t good[] = { 0, 7, 0, 0, 0, 7, 1, 3, 4, 1, 2, 3, 4 };
	static const uint8_t pid[] = { 0, 7, 0x12, 0 }, empty[] = { 0, 7, 0, 0, 0, 2 }, huge[] = { 0, 7, 0, 0, 1, 0 };
	static const uint8_t lie[] = { 0, 7, 0, 0, 0, 3, 1, 3, 250 }, odd[] = { 0, 7, 0, 0, 0, 4, 1, 0x83, 2 };
	static const uint8_t exception[] = { 0, 7, 0, 0, 0, 3, 1, 0x83, 2 };
	static const uint8_t device_id[] = { 0, 7, 0, 0, 0, 9, 1, 0x2B, 14 };
	static const uint8_t none[] = { 0, 7, 0, 0, 0, 3, 1, 3, 0 };

	for (size_t n = 0; n <= sizeof(good); n++)
		assert_int_equal(modbus_gate(good, n), n < 9 ? 0 : 13);
	assert_int_equal(modbus_gate(pid, 3), -1);
	assert_int_equal(modbus_gate(empty, 6), -1);
	assert_int_equal(modbus_gate(huge, 6), -1);
	assert_int_equal(modbus_gate(lie, 9), -1);
	assert_int_equal(modbus_gate(odd, 9), -1);
	assert_int_equal(modbus_gate(exception, 9), 9);
	assert_int_equal(modbus_gate(device_id, 9), -1);
	assert_int_equal(modbus_gate(none, 9), -1);
}

static size_t reply_to(const struct modbus_request *r, uint8_t *dst)
{
	size_t bytes = r->function <= 2 ? (r->count + 7u) / 8 : r->count * 2u;

	if (r->function > 4) {
		memcpy(dst, r->frame, 12);
		dst[4] = 0;
		dst[5] = 6;
		return 12;
	}
	memcpy(dst, r->frame, 8);
	dst[4] = (uint8_t)((3 + bytes) >> 8);
	dst[5] = (uint8_t)(3 + bytes);
	dst[8] = (uint8_t)bytes;
	for (size_t i = 0; i < bytes; i++)
		dst[9 + i] = (uint8_t)rnd(256);
	return 9 + bytes;
}

static void random_request(struct modbus_request *ret)
{
	struct lt_write w = { 5, (uint16_t)rnd(60000), 1, 2, { rnd(2) ? 0xFF : 0, 0 } };
	struct lt_read r = { (uint8_t)(1 + rnd(4)), (uint16_t)rnd(60000), (uint16_t)(1 + rnd(125)) };
	uint8_t unit = (uint8_t)rnd(256);

	if (rnd(4)) {
		assert_int_equal(modbus_encode_read(codec, unit, &r, ret), 0);
		return;
	}
	if (rnd(2))
		w = (struct lt_write){ 16, (uint16_t)rnd(60000), 2, 4, { 1, 2, 3, 4 } };
	assert_int_equal(modbus_encode_write(codec, unit, &w, ret), 0);
}

static void good_replies_are_data(void **state)
{
	for (int i = 0; i < 5000; i++) {
		struct modbus_request r;
		uint8_t frame[MODBUS_FRAME_MAX], copy[MODBUS_FRAME_MAX];
		const uint8_t *data = NULL;
		const char *why = NULL;
		size_t n, size = 0;
		random_request(&r);
		n = reply_to(&r, frame);
		memcpy(copy, frame, n);
		assert_int_equal(modbus_gate(frame, n), n);
		assert_int_equal(modbus_decode(codec, &r, false, frame, n, &data, &size, &why), 0);
		assert_memory_equal(frame, copy, n); /* the id too is as it was */
		assert_int_equal(size, r.function <= 4 ? n - 9 : 0);
		if (size)
			assert_ptr_equal(data, frame + 9);
	}
}

/* One or two bytes of a good reply are changed: only a change of its data may still pass. */
static void bent_replies_are_not(void **state)
{
	for (int i = 0; i < 20000; i++) {
		struct modbus_request r;
		uint8_t frame[MODBUS_FRAME_MAX], good[MODBUS_FRAME_MAX];
		const uint8_t *data;
		const char *why;
		size_t n, size;
		int g, got;
		random_request(&r);
		n = reply_to(&r, good);
		memcpy(frame, good, n);
		for (uint32_t k = 0; k <= rnd(2); k++)
			frame[2 + rnd((uint32_t)(n < 12 ? n : 12) - 2)] ^= (uint8_t)(1 + rnd(255));
		g = modbus_gate(frame, n);
		if (g < 9 || (size_t)g > n)
			continue;
		got = modbus_decode(codec, &r, false, frame, (size_t)g, &data, &size, &why);
		if (got == 0) {
			assert_memory_equal(frame + 2, good + 2, r.function <= 4 ? 7 : 10);
			assert_int_equal((size_t)g, n);
		} else if (got > 0) {
			assert_int_equal(frame[7], r.function | 0x80);
		} else {
			assert_non_null(why);
		}
	}
}

/* What libmodbus accepted once is not asked again; a reply that differs in one byte of its head is refused all the
 * same. */
static void a_known_shape_excuses_nothing(void **state)
{
	struct modbus_request r, other;
	uint8_t good[MODBUS_FRAME_MAX], frame[MODBUS_FRAME_MAX];
	const uint8_t *data;
	const char *why;
	size_t n, size;

	assert_int_equal(modbus_encode_read(codec, 1, &(struct lt_read){ 3, 0, 4 }, &r), 0);
	assert_int_equal(modbus_encode_read(codec, 1, &(struct lt_read){ 3, 0, 5 }, &other), 0);
	n = reply_to(&r, good);
	for (int i = 0; i < 3; i++) {
		memcpy(frame, good, n);
		assert_int_equal(modbus_decode(codec, &r, false, frame, n, &data, &size, &why), 0);
		assert_int_equal(size, 8);
		assert_int_equal(modbus_decode(codec, &other, false, frame, n, &data, &size, &why), -1);
	}
	for (size_t at = 6; at < 9; at++)
		for (int v = 0; v < 256; v++) {
			memcpy(frame, good, n);
			frame[at] = (uint8_t)v;
			if (v != good[at])
				assert_int_not_equal(modbus_decode(codec, &r, false, frame, n, &data, &size, &why), 0);
		}
	assert_int_equal(modbus_decode(codec, &r, false, good, n - 1, &data, &size, &why), -1);
}

static void exceptions_have_their_code(void **state)
{
	struct modbus_request r;

	assert_int_equal(modbus_encode_read(codec, 1, &(struct lt_read){ 3, 0, 2 }, &r), 0);
	for (int code = 0; code < 256; code++) {
		uint8_t frame[] = { 0, 1, 0, 0, 0, 3, 1, 0x83, (uint8_t)code };
		const uint8_t *data;
		const char *why;
		size_t size;
		assert_int_equal(modbus_decode(codec, &r, false, frame, 9, &data, &size, &why), code ? code : -1);
	}
}

static void random_bytes(void **state)
{
	struct modbus_request r;

	assert_int_equal(modbus_encode_read(codec, 1, &(struct lt_read){ 3, 0, 2 }, &r), 0);
	for (int i = 0; i < 200000; i++) {
		uint8_t bytes[MODBUS_FRAME_MAX * 2];
		const uint8_t *data;
		const char *why;
		size_t n = rnd(sizeof(bytes)), size;
		int g;
		for (size_t k = 0; k < n; k++)
			bytes[k] = (uint8_t)(k >= 2 && k < 5 && rnd(8) ? 0 : k == 7 && rnd(4) ? 3 : rnd(256));
		g = modbus_gate(bytes, n);
		assert_true(g == -1 || g == 0 || (g >= 9 && g <= MODBUS_FRAME_MAX));
		if (g > 0 && (size_t)g <= n && modbus_decode(codec, &r, true, bytes, (size_t)g, &data, &size, &why) == 0)
			assert_true(bytes[7] == 3 && bytes[8] == 4 && size == 4);
	}
}

static int setup(void **state)
{
	struct lt_err err;
	struct rlimit limit;
	int fd = 0;

	codec = modbus_codec_new(&err);
	if (!codec || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	while (fd < 1124 && fd >= 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

static void late_codec_is_refused(void **state)
{
	struct lt_err err = { 0 };

	assert_null(modbus_codec_new(&err)); /* its descriptors would be over 1023: libmodbus would abort */
	assert_string_equal(err.code, "no-codec");
}

static int teardown(void **state)
{
	codec = modbus_codec_free(codec);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_as_specified), cmocka_unit_test(impossible_requests),
		cmocka_unit_test(gate_measures_by_every_prefix), cmocka_unit_test(good_replies_are_data),
		cmocka_unit_test(bent_replies_are_not), cmocka_unit_test(exceptions_have_their_code),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(a_known_shape_excuses_nothing), cmocka_unit_test(late_codec_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
