/*
 * test_profile.c - profiles: what the shipped ones make of documented frames, every refusal with its place, and the
 * contract of drivers: whatever registers come, an observation within the profile's roles or an error in words.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "drivers/map.h"
#include "tests/drivers/text.h"

static uint64_t seed = 1442695040888963407u;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 11) % n);
}

static void *load(const struct lt_profile *p)
{
	const struct lt_driver *v = lt_profile_info(p)->driver;
	struct lt_err err = { 0 };
	void *state = calloc(1, v->state_size);

	assert_non_null(state);
	assert_int_equal(v->load(state, p, &err), 0);
	return state;
}

/* Decodes hex replies in plan order; NULL text: the poll fails, and says why. */
static int decode(const struct lt_profile *p, const char *const *hex, struct lt_observation *o, struct lt_err *err)
{
	const struct lt_driver *v = lt_profile_info(p)->driver;
	void *state = load(p);
	struct lt_read plan[LT_READS_MAX];
	int n = v->plan(state, plan), r = 0;

	memset(o, 0, sizeof(*o));
	for (int i = 0; i < n && r == 0; i++) {
		uint8_t data[256];
		size_t size = strlen(hex[i]) / 2;
		for (size_t k = 0; k < size; k++) {
			unsigned byte;
			assert_int_equal(sscanf(hex[i] + 2 * k, "%2x", &byte), 1);
			data[k] = (uint8_t)byte;
		}
		r = v->decode(state, i, data, size, o, err);
	}
	free(state);
	return r;
}

static void generic_plc(void **state)
{
	/* hour meter 0x00012345, running, fault 7, uptime 90061, boots 3, serial "TFS-3971-A"; coil on */
	static const char *const on[] = { "0001234500010007" "00015fcd00030000" "5446532d333937312d41000000000000", "01" };
	static const char *const off[] = { "ffffffff00000000" "0000000000000000" "00000000000000000000000000000000", "00" };
	struct lt_profile *p = profile_shipped("generic-plc");
	const struct lt_profile_info *info = lt_profile_info(p);
	struct lt_observation o;
	struct lt_err err;
	struct lt_write w;
	void *s = load(p);

	assert_int_equal(decode(p, on, &o, &err), 0);
	assert_true(o.hourmeter == 0x12345 && o.running && o.fault == 7 && o.uptime_s == 90061 && o.boots == 3);
	assert_string_equal(o.serial, "TFS-3971-A");
	assert_int_equal(o.interlock, LT_LOCK_UNLOCKED);
	assert_int_equal(decode(p, off, &o, &err), 0);
	assert_true(o.hourmeter == 0xFFFFFFFF && !o.running && !(o.have & LT_HAVE_SERIAL) && o.interlock == LT_LOCK_LOCKED);
	assert_true(info->can_lock && !info->has_watchdog && info->counter.bits == 32 && info->counter.count_ms == 1000);
	assert_int_equal(info->driver->write(s, LT_WISH_UNLOCK, &w), 1);
	assert_true(w.function == 5 && w.address == 0 && w.data[0] == 0xFF);
	assert_int_equal(info->driver->write(s, LT_WISH_LOCK, &w), 1);
	assert_true(w.function == 5 && w.data[0] == 0);
	assert_int_equal(info->driver->write(s, LT_WISH_FEED_WATCHDOG, &w), 0);
	free(s);
	lt_profile_free(p);
}

static void adam_6050(void **state)
{
	/* DI 0 and 11 on; DO 0 on */
	static const char *const on[] = { "0108", "01" }, *const off[] = { "fe07", "3e" };
	static const char *const pulses[] = { "23450001" };
	struct lt_profile *p = profile_shipped("adam-6050"), *q = profile_shipped("adam-6050-pulse");
	struct lt_observation o;
	struct lt_err err;
	struct lt_write w;
	void *s = load(p);

	assert_int_equal(decode(p, on, &o, &err), 0);
	assert_true(o.running && o.interlock == LT_LOCK_UNLOCKED && o.have == (LT_HAVE_STATE | LT_HAVE_INTERLOCK));
	assert_int_equal(decode(p, off, &o, &err), 0);
	assert_true(!o.running && o.interlock == LT_LOCK_LOCKED);
	assert_int_equal(lt_profile_info(p)->driver->write(s, LT_WISH_UNLOCK, &w), 1);
	assert_true(w.function == 5 && w.address == 16);
	assert_int_equal(decode(q, pulses, &o, &err), 0);
	assert_true(o.hourmeter == 0x12345); /* 40002 * 65536 + 40001 */
	assert_false(lt_profile_info(q)->can_lock);
	free(s);
	lt_profile_free(p);
	lt_profile_free(q);
}

static void other_io(void **state)
{
	static const struct { const char *name, *hex[2]; bool running, unlocked, locks; } rows[] = {
		{ "adam-6060", { "01", "01" }, true, true, true }, { "adam-6060", { "3e", "00" }, false, false, true },
		{ "iologik-e1214", { "01", "3e" }, true, false, true }, { "iologik-e1214", { "00", "01" }, false, true, true },
		{ "iologik-e1210", { "0100", "" }, true, false, false }, { "iologik-e1210", { "00ff", "" }, false, false, false },
		{ "brainboxes-ed-588", { "81", "02" }, true, false, true }, { "brainboxes-ed-588", { "7e", "01" }, false, true, true },
		{ "wago-750", { "01", "00" }, true, false, true }, { "wago-750", { "00", "01" }, false, true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lt_profile *p = profile_shipped(rows[i].name);
		struct lt_observation o;
		struct lt_err err;
		assert_int_equal(decode(p, rows[i].hex, &o, &err), 0);
		assert_int_equal(o.running, rows[i].running);
		assert_int_equal(o.interlock == LT_LOCK_UNLOCKED, rows[i].unlocked);
		assert_int_equal(lt_profile_info(p)->can_lock, rows[i].locks);
		lt_profile_free(p);
	}
}

/* Written at one address, read back at another. */
static void wago_750(void **state)
{
	struct lt_profile *p = profile_shipped("wago-750");
	void *s = load(p);
	struct lt_read plan[LT_READS_MAX];
	struct lt_write w;

	assert_int_equal(lt_profile_info(p)->driver->write(s, LT_WISH_LOCK, &w), 1);
	assert_true(w.function == 5 && w.address == 0);
	assert_int_equal(lt_profile_info(p)->driver->plan(s, plan), 2);
	assert_true(plan[1].function == 1 && plan[1].address == 0x200 && plan[1].count == 1);
	free(s);
	lt_profile_free(p);
}

/* A power meter as an hour meter: seconds of load, and a serial that is a number. */
static void schneider_pm5xxx(void **state)
{
	/* 3,723 s of load, 86,400 s in operation; serial 12345678; and a meter that has no such timer */
	static const char *const on[] = { "00000e8b00015180", "00bc614e" }, *const without[] = { "ffffffff00015180", "00bc614e" };
	struct lt_profile *p = profile_shipped("schneider-pm5xxx");
	struct lt_observation o;
	struct lt_err err;

	assert_int_equal(decode(p, on, &o, &err), 0);
	assert_true(o.hourmeter == 3723 && o.have == (LT_HAVE_HOURMETER | LT_HAVE_SERIAL));
	assert_string_equal(o.serial, "12345678");
	assert_int_equal(decode(p, without, &o, &err), -1);
	assert_true(lt_profile_info(p)->counter.bits == 32 && lt_profile_info(p)->counter.count_ms == 1000);
	assert_false(lt_profile_info(p)->can_lock);
	lt_profile_free(p);
}

static struct lt_profile *made(const char *text)
{
	struct lt_err err = { 0 };
	struct lt_profile *p = profile_of_text(text, &err);

	if (!p)
		fail_msg("%s: %s", err.field, err.text);
	return p;
}

static void orders_and_widths(void **state)
{
	static const struct { const char *type, *order, *hex; uint64_t value; } rows[] = {
		{ "u16", "ABCD", "1234", 0x1234 }, { "u16", "BADC", "1234", 0x3412 }, { "u32", "ABCD", "12345678", 0x12345678 },
		{ "u32", "CDAB", "56781234", 0x12345678 }, { "u32", "BADC", "34127856", 0x12345678 },
		{ "u32", "DCBA", "78563412", 0x12345678 }, { "u48", "ABCD", "000112345678", 0x112345678 },
		{ "u48", "CDAB", "567812340001", 0x112345678 }, { "u64", "ABCD", "0102030405060708", 0x0102030405060708 },
		{ "u64", "CDAB", "0708050603040102", 0x0102030405060708 }, { "u64", "DCBA", "0807060504030201", 0x0102030405060708 },
		{ "u64", "BADC", "0201040306050807", 0x0102030405060708 }, { "i64", "ABCD", "0000000000000009", 9 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *hex[] = { rows[i].hex };
		char text[256];
		struct lt_profile *p;
		struct lt_observation o;
		struct lt_err err;
		snprintf(text, sizeof(text),
			"name = \"t\"; values = ( { role = \"energy\"; area = \"input\"; address = 7; type = \"%s\"; order = "
			"\"%s\"; } );", rows[i].type, rows[i].order);
		p = made(text);
		assert_int_equal(decode(p, hex, &o, &err), 0);
		if (o.energy != rows[i].value)
			fail_msg("%s %s: %llx", rows[i].type, rows[i].order, (unsigned long long)o.energy);
		lt_profile_free(p);
	}
}

static void scales_masks_and_marks(void **state)
{
	/* power i16 with a scale register, state by enum under a mask, uptime in tenths, fault optional */
	static const char text[] =
		"name = \"t\"; address_base = 1; max_gap = 2; values = ("
		" { role = \"power\"; area = \"holding\"; address = 1; type = \"i16\"; scale = 1000; scale_register = 2; min = "
		"-5000; max = 5000; },"
		" { role = \"state\"; area = \"holding\"; address = 2; type = \"u16\"; mask = \"0x0F00\"; on = [ 3, 5 ]; },"
		" { role = \"uptime\"; area = \"holding\"; address = 3; type = \"u16\"; scale = \"1/10\"; },"
		" { role = \"fault\"; area = \"holding\"; address = 6; type = \"u16\"; invalid = [ 0xFFFF ]; optional = true; "
		"},"
		" { role = \"boots\"; area = \"holding\"; address = 7; type = \"u16\"; invalid = [ 0xFFFF ]; } );";
	static const struct { const char *hex; int64_t power; bool running; uint64_t uptime; bool fault; const char *fails;
		} rows[] = {
		{ "000a" "0000" "0065" "dead" "beef" "0002" "0001", 10000, false, 10, true, NULL },
		{ "fff6" "0300" "0065" "dead" "beef" "0002" "0001", 0, true, 10, true, "power" }, /* 768 as exponent */
		{ "fff6" "fffd" "0009" "dead" "beef" "ffff" "0001", -10, false, 0, false, NULL },
		{ "000a" "0000" "0065" "dead" "beef" "0002" "ffff", 0, false, 0, false, "boots" },
		{ "1389" "0000" "0065" "dead" "beef" "0002" "0001", 0, false, 0, false, "power" },
	};
	struct lt_profile *p = made(text);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *hex[] = { rows[i].hex };
		struct lt_observation o;
		struct lt_err err = { 0 };
		int r = decode(p, hex, &o, &err);
		if (rows[i].fails) {
			assert_int_equal(r, -1);
			assert_string_equal(err.field, rows[i].fails);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(o.power_mw, rows[i].power);
		assert_int_equal(o.running, rows[i].running);
		assert_true(o.uptime_s == rows[i].uptime);
		assert_int_equal((o.have & LT_HAVE_FAULT) != 0, rows[i].fault);
	}
	lt_profile_free(p);
}

static void probe_and_readback_elsewhere(void **state)
{
	/* WAGO: coils are read back at +0x200; a probe refuses another device; the state is block 0 though written last */
	struct lt_profile *p = made(
		"name = \"wago\"; values = ("
		" { role = \"probe\"; area = \"holding\"; address = 0x2012; type = \"u16\"; expect = [ 750, 352 ]; },"
		" { role = \"interlock\"; area = \"coil\"; address = 0x200; invert = true; },"
		" { role = \"state\"; area = \"discrete\"; address = 3; invert = true; } );"
		"interlock = { area = \"coil\"; address = 0; lock = 1; unlock = 0; function = 15; };"
		"watchdog = { area = \"holding\"; address = 0x1003; value = 1; };");
	static const char *const good[] = { "00", "00", "02ee" }, *const other[] = { "01", "01", "0001" };
	struct lt_observation o;
	struct lt_err err = { 0 };
	struct lt_write w;
	struct lt_read plan[LT_READS_MAX];
	void *s = load(p);

	assert_int_equal(lt_profile_info(p)->driver->plan(s, plan), 3);
	assert_true(plan[0].function == 2 && plan[1].function == 1 && plan[1].address == 0x200 && plan[2].function == 3);
	assert_int_equal(decode(p, good, &o, &err), 0);
	assert_true(o.running && o.interlock == LT_LOCK_LOCKED);
	assert_int_equal(decode(p, other, &o, &err), -1);
	assert_string_equal(err.field, "probe");
	assert_int_equal(lt_profile_info(p)->driver->write(s, LT_WISH_LOCK, &w), 1);
	assert_true(w.function == 15 && w.count == 1 && w.size == 1 && w.data[0] == 1);
	assert_int_equal(lt_profile_info(p)->driver->write(s, LT_WISH_FEED_WATCHDOG, &w), 1);
	assert_true(w.function == 6 && w.address == 0x1003 && w.data[1] == 1);
	free(s);
	lt_profile_free(p);
}

#define STATE "{ role = \"state\"; area = \"coil\"; address = 0; }"
#define LOCKED "{ role = \"interlock\"; area = \"coil\"; address = 1; }"

static void refusals(void **state)
{
	static const struct { const char *text, *field, *says; } rows[] = {
		{ "values = ( " STATE " );", "name", "needs a name" },
		{ "name = \"x\";", "values", "at least one value" },
		{ "name = \"x\"; colour = 3; values = ( " STATE " );", "colour", "unknown key" },
		{ "name = \"x\"; driver = \"warp\"; values = ( " STATE " );", "driver", "no driver \"warp\"" },
		{ "name = \"x\"; tid = \"maybe\"; values = ( " STATE " );", "tid", "strict | any" },
		{ "name = \"x\"; timeout = \"1h\"; values = ( " STATE " );", "timeout", "duration" },
		{ "name = \"x\"; timeout = 500; values = ( " STATE " );", "timeout", "duration" },
		{ "name = \"x\"; retry = [ 2 ]; values = ( " STATE " );", "retry[0]", "only exceptions 5, 6, 10 and 11" },
		{ "name = \"x\"; max_gap = 125; values = ( " STATE " );", "max_gap", "from 0 to 124" },
		{ "name = \"x\"; values = ( { role = \"runs\"; } );", "values[0].role", "must be one of hourmeter" },
		{ "name = \"x\"; values = ( { role = \"state\"; } );", "values[0]", "needs role, area and address" },
		{ "name = \"x\"; values = ( { role = \"state\"; area = \"coil\"; address = 70000; } );", "values[0].address", "0 to 65535" },
		{ "name = \"x\"; values = ( { role = \"state\"; area = \"coil\"; address = 1; type = \"u16\"; } );", "values[0].type", "type bit" },
		{ "name = \"x\"; values = ( { role = \"state\"; area = \"input\"; address = 1; } );", "values[0].type", "needs a type" },
		{ "name = \"x\"; values = ( { role = \"hourmeter\"; area = \"input\"; address = 1; type = \"u32\"; } );", "values[0].count", "\"1s\"" },
		{ "name = \"x\"; values = ( { role = \"hourmeter\"; area = \"input\"; address = 1; type = \"i32\"; count = \"1s\"; } );", "values[0].type", "unsigned" },
		{ "name = \"x\"; values = ( { role = \"energy\"; area = \"input\"; address = 1; type = \"u32\"; scale = 10; } );", "values[0].scale", "counters stay raw" },
		{ "name = \"x\"; values = ( { role = \"serial\"; area = \"input\"; address = 1; type = \"i32\"; } );", "values[0].type", "a serial is a string" },
		{ "name = \"x\"; values = ( { role = \"probe\"; area = \"input\"; address = 1; type = \"u16\"; } );", "values[0].expect", "expects" },
		{ "name = \"x\"; values = ( { role = \"watchdog\"; area = \"coil\"; address = 1; } );", "values[0].role", "group watchdog" },
		{ "name = \"x\"; values = ( { role = \"power\"; area = \"input\"; address = 1; type = \"u16\"; scale = 0; } );", "values[0].scale", "fraction" },
		{ "name = \"x\"; values = ( { role = \"power\"; area = \"input\"; address = 1; type = \"u16\"; min = 3; max = 2; } );", "values[0].min", "over max" },
		{ "name = \"x\"; values = ( { role = \"power\"; area = \"input\"; address = 1; type = \"u16\"; invalid = [ 1,2,3,4,5,6,7,8,9 ]; } );", "values[0].invalid[8]", "at most 8" },
		{ "name = \"x\"; values = ( " STATE ", " STATE " );", "values[1].role", "given once" },
		{ "name = \"x\"; address_base = 1; values = ( " STATE " );", "address_base", "no address may be 0" },
		{ "name = \"x\"; blocks = ( { area = \"holding\"; address = 0; count = 126; } ); values = ( " STATE " );", "blocks", "at most 125" },
		{ "name = \"x\"; blocks = ( { area = \"holding\"; address = 65535; count = 2; } ); values = ( " STATE " );", "blocks", "65535" },
		{ "name = \"x\"; blocks = ( { area = \"coil\"; address = 1; count = 2; } ); values = ( " STATE " );", "values[0].address", "in none of the blocks" },
		{ "name = \"x\"; values = ( " STATE ", { role = \"energy\"; area = \"input\"; address = 1; type = \"u32\"; } );", "values[1].address", "one block" },
		{ "name = \"x\"; values = ( " STATE " ); interlock = { area = \"coil\"; address = 1; };", "interlock", "read back" },
		{ "name = \"x\"; values = ( " LOCKED " ); interlock = { area = \"coil\"; address = 1; };", "interlock", "role state" },
		{ "name = \"x\"; values = ( " STATE ", " LOCKED " ); interlock = { area = \"input\"; address = 1; };", "interlock", "coil or holding" },
		{ "name = \"x\"; values = ( " STATE ", " LOCKED " ); interlock = { area = \"coil\"; address = 1; function = 6; };", "interlock", "5 or 15" },
		{ "name = \"x\"; values = ( " STATE ", " LOCKED " ); interlock = { area = \"coil\"; address = 1; lock = 1; };", "interlock", "must differ" },
		{ "name = \"x\"; values = ( " STATE ", " LOCKED " ); interlock = { area = \"coil\"; address = 1; lock = 7; };", "interlock", "0 or 1" },
		{ "name = \"x\"; clear = ( { area = \"coil\"; address = 0; count = 8; } ); values = ( " STATE ", " LOCKED " );"
		  " interlock = { area = \"coil\"; address = 1; };", "interlock", "never writes there" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lt_err err = { 0 };
		if (profile_of_text(rows[i].text, &err))
			fail_msg("accepted: %s", rows[i].text);
		if (strcmp(err.field, rows[i].field) != 0 || !strstr(err.text, rows[i].says))
			fail_msg("%s\n -> %s: %s", rows[i].text, err.field, err.text);
	}
}

/* Random keys and values never do harm, and a profile that passes still keeps the contract. */
static void random_settings(void **state)
{
	static const char *const paths[] = { "name", "title", "driver", "tid", "retry[0]", "address_base", "max_gap",
		"blocks[0].area", "blocks[0].address", "blocks[0].count", "values[0].role", "values[0].area",
		"values[0].address", "values[0].type",
		"values[0].bit", "values[0].order", "values[0].scale", "values[0].count", "values[0].mask", "values[0].length",
		"values[1].role", "values[1].area", "values[1].address", "values[1].type", "values[9].role", "values[0].on[0]",
		"values[", "values[]", "values[99999999999].role", "interlock.area", "interlock.address", "blocks[8].area", "",
		".", "[0]",
		"values[0].invalid[0][0]" };
	static const char *const texts[] = { "x", "coil", "holding", "u32", "bit", "state", "hourmeter", "1s", "1/0", "0x",
		"-1", "ABCD", "0xFFFFFFFFFFFFFFFF", "18446744073709551616", "profile", "99999999999999999999h", "" };

	for (int i = 0; i < 20000; i++) {
		struct lt_profile *p = lt_profile_new();
		struct lt_err err;
		for (uint32_t k = rnd(24); k > 0; k--) {
			bool is_text = rnd(2);
			memset(&err, 0, sizeof(err));
			if (lt_profile_set(p, paths[rnd(sizeof(paths) / sizeof(paths[0]))], is_text,
					   texts[rnd(sizeof(texts) / sizeof(texts[0]))], (int64_t)rnd(70000) - 2, &err) < 0)
				assert_true(err.text[0] != '\0');
		}
		memset(&err, 0, sizeof(err));
		if (lt_profile_done(p, &err) < 0)
			assert_true(err.text[0] != '\0');
		lt_profile_free(p);
	}
}

static void contract(const struct lt_profile *p)
{
	const struct lt_profile_info *info = lt_profile_info(p);
	const struct lt_driver *v = info->driver;
	struct lt_read plan[LT_READS_MAX];
	void *state = load(p);
	int n = v->plan(state, plan);

	assert_true(v->struct_size == sizeof(*v) && v->api_version == LT_DRIVER_API && v->name[0] && v->summary[0]);
	assert_in_range(n, 1, LT_READS_MAX);
	for (int round = 0; round < 3000; round++) {
		struct lt_observation o = { 0 };
		struct lt_err err = { 0 };
		int i = (int)rnd((uint32_t)n + 2) - 1; /* any order, and requests that do not exist */
		size_t want = i < 0 || i >= n ? rnd(250) : plan[i].function <= 2 ? (plan[i].count + 7u) / 8 : plan[i].count *
			2u;
		size_t size = rnd(4) ? want : rnd(250);
		uint8_t *data = malloc(size ? size : 1); /* exactly as long: a read past it is caught */
		int r;
		for (size_t k = 0; k < size; k++)
			data[k] = (uint8_t)(rnd(4) ? rnd(256) : rnd(2) ? 0 : 0xFF);
		r = v->decode(state, i, data, size, &o, &err);
		assert_true(r == 0 || (r == -1 && err.text[0]));
		assert_true(i >= 0 && i < n && size == want ? true : r == -1);
		assert_int_equal(o.have & ~info->roles, 0);
		assert_true(o.running <= 1 && o.interlock <= LT_LOCK_UNLOCKED && memchr(o.serial, '\0', sizeof(o.serial)));
		free(data);
	}
	for (int wish = LT_WISH_LOCK; wish <= LT_WISH_FEED_WATCHDOG; wish++) {
		struct lt_write w = { 0 };
		int can = v->write(state, (enum lt_wish)wish, &w);
		assert_int_equal(can, wish == LT_WISH_FEED_WATCHDOG ? info->has_watchdog : info->can_lock);
		if (can)
			assert_true((w.function == 5 || w.function == 6 || w.function == 15 || w.function == 16) && w.size &&
				w.size <= sizeof(w.data));
	}
	free(state);
}

static void every_shipped_profile_keeps_the_contract(void **state)
{
	DIR *dir = opendir(SOURCE_ROOT "/etc/profiles");
	int n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		char name[64];
		struct lt_profile *p;
		size_t len = strlen(e->d_name);
		if (len < 6 || len > 60 || strcmp(e->d_name + len - 5, ".conf") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len - 5, e->d_name);
		p = profile_shipped(name);
		assert_string_equal(lt_profile_info(p)->name, name);
		contract(p);
		lt_profile_free(p);
		n++;
	}
	closedir(dir);
	assert_true(n >= 6);
	for (int i = 0; lt_driver_at(i); i++)
		assert_ptr_equal(lt_driver_find(lt_driver_at(i)->name), lt_driver_at(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generic_plc), cmocka_unit_test(adam_6050), cmocka_unit_test(other_io),
		cmocka_unit_test(wago_750), cmocka_unit_test(schneider_pm5xxx), cmocka_unit_test(orders_and_widths),
		cmocka_unit_test(scales_masks_and_marks), cmocka_unit_test(probe_and_readback_elsewhere),
		cmocka_unit_test(refusals),
		cmocka_unit_test(random_settings), cmocka_unit_test(every_shipped_profile_keeps_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
