/*
 * frame.c - bytes that a controller sends in answer to a request. For any bytes: the gate knows its mind by each prefix
 * and never changes it, and what becomes data is the answer to this request, byte for byte inside the frame.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus/codec.h"
#include "fuzz.h"

enum { REQUESTS = 8 };

static struct modbus_codec *codec;
static struct modbus_request requests[REQUESTS];

static void load(void)
{
	static const struct lt_read reads[] = { { 3, 0, 16 }, { 4, 100, 125 }, { 1, 0, 1 }, { 2, 0xC4, 2000 },
		{ 3, 7, 2 } };
	static const struct lt_write writes[] = { { 5, 0xAC, 1, 2, { 0xFF, 0 } }, { 6, 1, 1, 2, { 0, 3 } },
		{ 16, 1, 2, 4, { 0, 10, 1, 2 } } };
	struct lt_err err;
	int n = 0;

	codec = modbus_codec_new(&err);
	fuzz_promise(codec != NULL);
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		fuzz_promise(modbus_encode_read(codec, 1, &reads[i], &requests[n++]) == 0);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		fuzz_promise(modbus_encode_write(codec, 1, &writes[i], &requests[n++]) == 0);
	fuzz_promise(n == REQUESTS);
}

/* What the gate says of the whole, after it said the same of every prefix from which it was sure. */
static int gate(const uint8_t *p, size_t n)
{
	int sure = 0;

	for (size_t k = 0; k <= n; k++) {
		char *exact = malloc(k + 1);
		int g;

		fuzz_promise(exact != NULL);
		memcpy(exact, p, k);
		g = modbus_gate((const uint8_t *)exact, k);
		free(exact);
		fuzz_promise(g >= -1 && g <= MODBUS_FRAME_MAX && (sure == 0 || g == sure));
		sure = g;
		if (k == 2 * MODBUS_FRAME_MAX)
			break;
	}
	return sure;
}

static int decoded(const struct modbus_request *r, bool unit_any, const uint8_t *p, size_t size)
{
	uint8_t *frame = malloc(size);
	const uint8_t *data = NULL;
	const char *why = NULL;
	size_t got = 0, bytes = r->function <= 2 ? (r->count + 7u) / 8 : r->count * 2u;
	int rc;

	fuzz_promise(frame != NULL);
	memcpy(frame, p, size);
	rc = modbus_decode(codec, r, unit_any, frame, size, &data, &got, &why);
	fuzz_promise(memcmp(frame, p, size) == 0);
	if (rc < 0)
		fuzz_promise(why && *why);
	else
		fuzz_promise((unit_any || p[6] == r->unit) && (p[7] & 0x7f) == r->function);
	if (rc > 0)
		fuzz_promise((p[7] & 0x80) && p[8] == rc && size == 9);
	if (rc == 0 && r->function <= 4)
		fuzz_promise(got == bytes && p[8] == bytes && data == frame + 9 && size == 9 + bytes);
	if (rc == 0 && r->function > 4)
		fuzz_promise(memcmp(p + 8, r->frame + 8, 4) == 0 && size == 12);
	free(frame);
	return rc >= 0;
}

static int frame_input(const uint8_t *p, size_t n)
{
	int size;

	if (!codec)
		load();
	if (n < 2)
		return 0;
	size = gate(p + 1, n - 1);
	if (size <= 0 || (size_t)size > n - 1)
		return 0;
	return decoded(&requests[p[0] % REQUESTS], p[0] & 0x80, p + 1, (size_t)size);
}

static const struct fuzz_text seeds[] = {
	FUZZ_TEXT("\0" "\0\1\0\0\0\43\1\3\40" "0123456789abcdefghijklmnopqrstuv"),
	FUZZ_TEXT("\2" "\0\1\0\0\0\4\1\1\1\1"),
	FUZZ_TEXT("\4" "\0\1\0\0\0\7\1\3\4\0\0\0\77"),
	FUZZ_TEXT("\204" "\0\1\0\0\0\7\377\3\4\0\0\0\77"),
	FUZZ_TEXT("\5" "\0\1\0\0\0\6\1\5\0\254\377\0"),
	FUZZ_TEXT("\6" "\0\1\0\0\0\6\1\6\0\1\0\3"),
	FUZZ_TEXT("\7" "\0\1\0\0\0\6\1\20\0\1\0\2"),
	FUZZ_TEXT("\0" "\0\1\0\0\0\3\1\203\2"),
	FUZZ_TEXT("\7" "\0\1\0\0\0\3\1\220\6"),
};

static const struct fuzz_text words[] = {
	FUZZ_TEXT("\0"), FUZZ_TEXT("\1"), FUZZ_TEXT("\377"), FUZZ_TEXT("\0\0"), FUZZ_TEXT("\377\377"), FUZZ_TEXT("\203"), FUZZ_TEXT("\0\3"),
	FUZZ_TEXT("\0\6"), FUZZ_TEXT("\1\4"), FUZZ_TEXT("\1\5"), FUZZ_TEXT("\372"), FUZZ_TEXT("\0\1\0\0\0\6\1\5\0\254\377\0"),
	FUZZ_TEXT("\0\2\0\0\0\7\1\3\4\0\0\0\0"), FUZZ_TEXT("\53\16"), FUZZ_TEXT("\200"),
};

const struct fuzz_target fuzz_target = { "frames of a controller", seeds, sizeof(seeds) / sizeof(seeds[0]), words,
	sizeof(words) / sizeof(words[0]), 100000, frame_input };
