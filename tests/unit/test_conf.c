/* test_conf.c - the configuration: the documented example is good; every fault names its file, line and kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))
#define PROFILES SOURCE_ROOT "/etc/profiles"

/* The example of the documentation, word for word. */
static const char main_text[] =
	"# labtimed.conf\n"
	"site   = { name = \"Zhangjiang Shared Lab\"; timezone = \"Asia/Shanghai\"; currency = \"USD\"; rate = \"100.00\"; "
	"};\n"
	"listen = { unix = \"/run/labtime/labtimed.sock\"; tls = \"127.0.0.1:7620\"; };\n"
	"tls    = { certificate = \"...\"; key = \"...\"; };          # a self-signed pair is made at first start when "
	"absent\n"
	"store  = { path = \"/var/lib/labtime/labtime.db\"; };\n"
	"instruments = \"instruments.d\";\n";
static const char instrument_text[] =
	"# instruments.d/krios-1.conf\n"
	"instrument = {\n"
	"  id = \"krios-1\"; title = \"Titan Krios G4\"; kind = \"microscope\"; location = \"B1-101\"; rate = \"100.00\";\n"
	"  controller = { address = \"127.0.0.1:1502\"; unit = 1; profile = \"generic-plc\"; poll = \"1s\"; };\n"
	"  interlock  = { mode = \"enable\"; gates = \"start\"; fail = \"locked\"; };\n"
	"  policy     = { grid = \"15m\"; min = \"15m\"; max = \"48h\"; horizon = \"30d\"; no_show = \"30m\"; };\n"
	"};\n";

static char dir[64];

/* libconfig 1.5 loses a buffer of 64 bytes at a syntax error beside a text; nothing of ours may leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append";
}

static const char *in_dir(const char *name)
{
	static char path[4][160];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put_bytes(const char *name, const char *text, size_t n)
{
	FILE *f = fopen(in_dir(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/labtime-conf.XXXXXX");
	return !mkdtemp(dir) || mkdir(in_dir("instruments.d"), 0700) || mkdir(in_dir("profiles"), 0700);
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "labtimed.conf", "instruments.d/krios-1.conf", "instruments.d/a-first.conf",
		"instruments.d/notes.txt", "profiles/mine.conf" };

	for (size_t i = 0; i < ROWS(names); i++)
		unlink(in_dir(names[i]));
	rmdir(in_dir("instruments.d"));
	rmdir(in_dir("profiles"));
	return rmdir(dir);
}

static struct conf *load(struct lt_err *err)
{
	memset(err, 0, sizeof(*err));
	return conf_load(in_dir("labtimed.conf"), PROFILES, err);
}

static void documented_example(void **state)
{
	struct lt_err err;
	struct conf *c;
	const struct instrument *i;

	put("labtimed.conf", main_text);
	put("instruments.d/krios-1.conf", instrument_text);
	put("instruments.d/notes.txt", "not read");
	c = load(&err);
	if (!c)
		fail_msg("%s: %s", err.field, err.text);
	assert_string_equal(c->site.name, "Zhangjiang Shared Lab");
	assert_string_equal(c->site.zone.name, "Asia/Shanghai");
	assert_string_equal(c->site.currency, "USD");
	assert_int_equal(c->site.exponent, 2);
	assert_string_equal(c->unix_path, "/run/labtime/labtimed.sock");
	assert_string_equal(c->tls_address, "127.0.0.1:7620");
	assert_string_equal(c->store_path, "/var/lib/labtime/labtime.db");
	assert_string_equal(c->certificate, in_dir("..."));
	assert_false(c->tls12);
	assert_int_equal(c->site.n_instruments, 1);
	i = site_instrument(&c->site, "krios-1");
	assert_non_null(i);
	assert_string_equal(i->title, "Titan Krios G4");
	assert_int_equal(i->price.rate_minor, 10000);
	assert_int_equal(i->policy.max_ms, 48 * LT_HOUR);
	assert_int_equal(i->policy.early_ms, 15 * LT_MINUTE);
	assert_int_equal(i->meter.kind, METER_COUNTER);
	assert_true(i->meter.has_state);
	assert_int_equal(i->meter.rate_ppm, 1000);
	assert_int_equal(i->meter.counter.count_ms, 1000);
	assert_true(i->interlock.mode == INTERLOCK_ENABLE && i->interlock.gates == GATES_START &&
		i->interlock.fail == FAIL_LOCKED);
	assert_true(!i->interlock.hard_stop && i->interlock.verify_ms == 2000);
	assert_string_equal(c->endpoints[0].host, "127.0.0.1");
	assert_true(c->endpoints[0].port == 1502 && c->endpoints[0].unit == 1 && c->endpoints[0].poll_ms == 1000);
	assert_true(c->endpoints[0].timeout_ms == 500);
	assert_null(conf_unref(conf_ref(c)));
	assert_null(conf_unref(c));
	unlink(in_dir("instruments.d/notes.txt"));
}

static void every_key(void **state)
{
	struct lt_err err;
	struct conf *c;
	char text[4096] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	put("labtimed.conf", "site = { name = \"L\"; timezone = \"Europe/Berlin\"; currency = \"JPY\"; admins = ( "
		"\"root\", 4711 );\n policy = { grid = \"30m\"; min = \"30m\"; attended = false; }; price = { no_show_fee = "
		"\"50%\"; }; };\nlisten = { unix = \"s\"; tls = \"[::1]:7620\"; }; tls = { certificate = \"/c\"; key = \"/k\"; "
		"minimum = \"1.2\"; };\nstore = { path = \"db/l.db\"; };\n");
	put("instruments.d/krios-1.conf", instrument_text);
	put("instruments.d/a-first.conf",
		"instrument = { id = \"zz.9\"; title = \"\xe5\x86\xb7\xe5\x86\xbb\"; kind = \"k\"; rate = \"9000\";\n "
		"controller = { address = \"[fd00::7]\"; unit = 0x1F; profile = \"adam-6050\"; poll = \"250ms\"; timeout = "
		"\"2s\"; };\n meter = { kind = \"state\"; rate_ppm = 500; };\n"
	    " interlock = { mode = \"enable\"; gates = \"power\"; fail = \"as-is\"; hard_stop = true; verify = \"1s\"; };\n"
	    " price = { overrun_factor = \"1.5\"; walk_up_factor = 2; late_cancel = \"24h 0%, 0s 50%\"; };\n"
	    " policy = { opening = \"Mon..Fri 08:00-18:00\"; max = \"8h\"; }; };\n");
	put("instruments.d/krios-1.conf", "instrument = { id = \"krios-1\"; title = \"T\"; kind = \"k\";\n"
	    " controller = { address = \"10.0.0.1\"; profile = \"generic-plc\"; }; };\n");
	c = load(&err);
	if (!c)
		fail_msg("%s: %s", err.field, err.text);
	assert_int_equal(c->site.n_admins, 2);
	assert_true(c->site.admins[0] == 0 && c->site.admins[1] == 4711);
	assert_string_equal(c->unix_path, in_dir("s"));
	assert_string_equal(c->store_path, in_dir("db/l.db"));
	assert_true(c->tls12);
	assert_int_equal(c->site.n_instruments, 2);
	assert_string_equal(c->site.instruments[0].id, "krios-1"); /* sorted by id, endpoints alongside */
	assert_int_equal(c->endpoints[0].port, 502);
	assert_int_equal(c->site.instruments[0].price.rate_minor, 100);
	assert_int_equal(c->site.instruments[0].price.no_show_bp, 5000);
	assert_int_equal(c->site.instruments[0].policy.grid_ms, 30 * LT_MINUTE);
	assert_false(c->site.instruments[0].policy.attended);
	assert_int_equal(c->site.instruments[0].interlock.mode, INTERLOCK_NONE);
	const struct instrument *i = &c->site.instruments[1];
	assert_string_equal(c->endpoints[1].host, "fd00::7");
	assert_true(c->endpoints[1].unit == 31 && c->endpoints[1].poll_ms == 250 && c->endpoints[1].timeout_ms == 2000);
	assert_true(i->meter.kind == METER_STATE && i->meter.rate_ppm == 500 && i->meter.poll_ms == 250);
	assert_true(i->interlock.gates == GATES_POWER && i->interlock.hard_stop && i->interlock.verify_ms == 1000);
	assert_true(i->price.rate_minor == 9000 && i->price.overrun_pm == 1500 && i->price.walk_up_pm == 2000 &&
		i->price.n_tiers == 2);
	assert_true(i->policy.n_opening == 5 && i->policy.max_ms == 8 * LT_HOUR && i->policy.grid_ms == 30 * LT_MINUTE);
	conf_print(c, f);
	fclose(f);
	assert_non_null(strstr(text, ": OK\n"));
	assert_non_null(strstr(text,
		"zz.9             [fd00::7]:502 unit 31, adam-6050, every 250ms; state, JPY 9000/h, interlock gates power\n"));
	conf_unref(c);
	unlink(in_dir("instruments.d/a-first.conf"));
}

enum file { MAIN, INST };

/* One replacement in one of the two texts (the first occurrence), and what must come of it. */
static const struct { enum file file; const char *find, *put; int line; const char *code, *says; } faults[] = {
	{ MAIN, "name = \"Zh", "nme = \"Zh", 2, "unknown-key", "\"site.nme\"" },
	{ MAIN, "store ", "stor ", 5, "unknown-key", "docs/configuration.md" },
	{ MAIN, "store  = {", "store  = { path = \"/x\";", 5, "duplicate-key", "duplicate" },
	{ MAIN, "instruments =", "site = { };\ninstruments =", 6, "duplicate-key", "keep one" },
	{ MAIN, "instruments = \"instruments.d\";", "instruments = \"instruments.d\"\n= 4;", 7, "syntax", "name = value" },
	{ MAIN, "{ name", "name", 2, "syntax", "syntax" },
	{ MAIN, "\"/var/lib/labtime/labtime.db\"", "\"/var/lib", 5, "syntax", "not closed" },
	{ MAIN, "# a self", "/* a self", 4, "syntax", "never ends" },
	{ MAIN, "# labtimed.conf", "@include \"/etc/passwd\"", 1, "syntax", "@include" },
	{ MAIN, "\"USD\"", "\"usd\"", 2, "bad-value", "ISO 4217" },
	{ MAIN, "\"USD\"", "840", 2, "wrong-type", "double quotes" },
	{ MAIN, "currency = \"USD\";", "", 2, "missing-key", "site.currency is missing" },
	{ MAIN, "timezone = \"Asia/Shanghai\";", "", 2, "missing-key", "timezone = \"Asia/Shanghai\"" },
	{ MAIN, "Asia/Shanghai", "Asia/Shangai", 2, "bad-zone", "IANA" },
	{ MAIN, "Asia/Shanghai", "../../etc/passwd", 2, "bad-zone", "IANA" },
	{ MAIN, "\"100.00\"", "\"100.001\"", 2, "bad-value", "decimals" },
	{ MAIN, "\"100.00\"", "\"-1.00\"", 2, "out-of-range", "rate" },
	{ MAIN, "\"100.00\"", "100.0", 2, "wrong-type", "double quotes" },
	{ MAIN, "\"100.00\"", "99999999999", 2, "out-of-range", "32 bits" },
	{ MAIN, "\"100.00\"", "0xFFFFFFFF", 2, "out-of-range", "32 bits" },
	{ MAIN, "rate =", "admins = ( \"no-such-user-here\" ); rate =", 2, "unknown-user", "no-such-user-here" },
	{ MAIN, "rate =", "admins = ( -1 ); rate =", 2, "out-of-range", "uid" },
	{ MAIN, "rate =", "admins = ( true ); rate =", 2, "wrong-type", "uids" },
	{ MAIN, "rate =", "admins = \"root\"; rate =", 2, "wrong-type", "list" },
	{ MAIN, "rate =", "admins = (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1); rate =", 2, "out-of-range", "16" },
	{ MAIN, "rate =", "policy = { grid = \"7m\"; }; rate =", 2, "bad-value", "divide a day" },
	{ MAIN, "Zhangjiang Shared Lab", "", 2, "bad-value", "not empty" },
	{ MAIN, "Zhangjiang Shared Lab", "a\\tb", 2, "bad-value", "control" },
	{ MAIN, "Zhangjiang", "\xff\xfe", 2, "syntax", "UTF-8" },
	{ MAIN, "127.0.0.1:7620", "localhost:7620", 3, "bad-value", "numeric" },
	{ MAIN, "127.0.0.1:7620", "127.0.0.1", 3, "bad-value", "port" },
	{ MAIN, "127.0.0.1:7620", "127.0.0.1:70000", 3, "bad-value", "port" },
	{ MAIN, "127.0.0.1:7620", "::1:7620", 3, "bad-value", "numeric" },
	{ MAIN, "key = \"...\";", "", 4, "missing-key", "tls.key" },
	{ MAIN, "key = \"...\";", "key = \"...\"; minimum = \"1.1\";", 4, "bad-value", "\"1.3\" or \"1.2\"" },
	{ MAIN, "/run/labtime/labtimed.sock", "/a-path-that-is-so-long-that-it-does-not-fit-into-the-address-of-a-socket/and-"
	  "then-some-more-of-it/labtimed.sock", 3, "out-of-range", "107" },
	{ MAIN, "listen = {", "listen = 1; x = {", 3, "wrong-type", "group" },
	{ INST, "instrument = {", "instrumnt = {", 2, "unknown-key", "instrumnt" },
	{ INST, "};\n  policy", "};\n  polcy", 6, "unknown-key", "instrument.polcy" },
	{ INST, "\"krios-1\"", "\"Krios 1\"", 3, "bad-value", "lower-case" },
	{ INST, "\"krios-1\"", "\"-k\"", 3, "bad-value", "letter or digit" },
	{ INST, "\"krios-1\"", "\"a-name-that-is-far-too-long-for-an-id\"", 3, "out-of-range", "32 bytes" },
	{ INST, "id = \"krios-1\";", "", 2, "missing-key", "instrument.id" },
	{ INST, "title = \"Titan Krios G4\";", "", 2, "missing-key", "instrument.title" },
	{ INST, "rate = \"100.00\"", "rate = \"lots\"", 3, "bad-value", "amount" },
	{ INST, "rate = \"100.00\";", "rate = \"1.00\";\n  price = { rate = \"2.00\"; };", 4, "duplicate-key", "twice" },
	{ INST, "rate = \"100.00\";", "price = { late_cancel = \"48h 0%\"; };", 3, "conflicting-keys", "0s" },
	{ INST, "127.0.0.1:1502", "plc.example.org:502", 4, "bad-value", "names are not looked up" },
	{ INST, "127.0.0.1:1502", "127.0.0.1:0", 4, "bad-value", "numeric" },
	{ INST, "unit = 1", "unit = 256", 4, "out-of-range", "0 to 255" },
	{ INST, "unit = 1", "unit = \"1\"", 4, "wrong-type", "whole number" },
	{ INST, "\"generic-plc\"", "\"generic\"", 4, "unknown-profile", "--profiles DIR" },
	{ INST, "\"generic-plc\"", "\"../x\"", 4, "bad-value", "profile's name" },
	{ INST, "profile = \"generic-plc\";", "", 4, "missing-key", "controller.profile" },
	{ INST, "poll = \"1s\"", "poll = \"1\"", 4, "bad-value", "duration" },
	{ INST, "poll = \"1s\"", "poll = \"10ms\"", 4, "out-of-range", "100ms to 1h" },
	{ INST, "poll = \"1s\"", "timeout = \"1h\"", 4, "out-of-range", "50ms to 30s" },
	{ INST, "gates = \"start\";", "", 5, "missing-key", "interlock.gates" },
	{ INST, "\"start\"", "\"door\"", 5, "bad-value", "\"start\" or \"power\"" },
	{ INST, "\"start\"", "\"power\"", 5, "unsafe-interlock", "as-is" },
	{ INST, "\"locked\"", "\"open\"", 5, "bad-value", "\"as-is\" or \"locked\"" },
	{ INST, "\"generic-plc\"", "\"iologik-e1210\"", 5, "no-interlock", "read-back" },
	{ INST, "fail = \"locked\"", "hard_stop = \"no\"", 5, "wrong-type", "true or false" },
	{ INST, "interlock  =", "meter = { kind = \"power\"; };\n  interlock  =", 5, "bad-value", "\"counter\"" },
	{ INST, "interlock  =", "meter = { rate_ppm = 100001; };\n  interlock  =", 5, "out-of-range", "100000" },
	{ INST, "\"generic-plc\"; poll = \"1s\"; };\n", "\"adam-6050\"; };\n meter = { kind = \"counter\"; };\n", 5, "no-meter", "hour meter" },
	{ INST, "grid = \"15m\"", "grid = \"25m\"", 6, "bad-value", "divide a day" },
	{ INST, "grid = \"15m\"", "grid = 15.0", 6, "wrong-type", "double quotes" },
	{ INST, "grid = \"15m\"", "gird = \"15m\"", 6, "unknown-key", "gird" },
	{ INST, "max = \"48h\"", "max = \"10m\"", 6, "conflicting-keys", "multiple" },
	{ INST, "horizon = \"30d\"", "horizon = \"forever\"", 6, "bad-value", "duration" },
	{ INST, "no_show = \"30m\"", "grid = \"15m\"", 6, "duplicate-key", "duplicate" },
};

static void replace(char *dst, size_t cap, const char *text, const char *find, const char *put_text)
{
	const char *at = strstr(text, find);

	if (!at)
		fail_msg("the row's text is not there: %s", find);
	snprintf(dst, cap, "%.*s%s%s", (int)(at - text), text, put_text, at + strlen(find));
}

static void expect(const char *name, const char *what, int line, const char *code, const char *says)
{
	struct lt_err err;
	struct conf *c = load(&err);
	char place[256];

	if (c)
		fail_msg("accepted: %s", what);
	snprintf(place, sizeof(place), "%s:%d", in_dir(name), line);
	if (strcmp(err.field, place) != 0 || strcmp(err.code, code) != 0 || !strstr(err.text, says))
		fail_msg("%s: got %s [%s] %s; want %s [%s] ...%s...", what, err.field, err.code, err.text, place, code, says);
}

static void faults_named(void **state)
{
	static const char *const names[] = { "labtimed.conf", "instruments.d/krios-1.conf" };
	char text[4096];

	assert_in_range(ROWS(faults), 40, 1000);
	for (size_t i = 0; i < ROWS(faults); i++) {
		bool main_file = faults[i].file == MAIN;
		replace(text, sizeof(text), main_file ? main_text : instrument_text, faults[i].find, faults[i].put);
		put("labtimed.conf", main_file ? text : main_text);
		put("instruments.d/krios-1.conf", main_file ? instrument_text : text);
		expect(names[faults[i].file], faults[i].put, faults[i].line, faults[i].code, faults[i].says);
	}
}

static void faults_of_files(void **state)
{
	static char big[70000];
	struct lt_err err;

	put("instruments.d/krios-1.conf", instrument_text);
	memset(big, ' ', sizeof(big));
	put_bytes("labtimed.conf", big, sizeof(big));
	assert_null(load(&err));
	assert_string_equal(err.code, "file-too-large");
	put_bytes("labtimed.conf", "# one\n# two\0\n", 13);
	expect("labtimed.conf", "NUL", 2, "syntax", "NUL");
	put("labtimed.conf", "");
	expect("labtimed.conf", "empty", 1, "missing-key", "site is missing");
	unlink(in_dir("labtimed.conf"));
	assert_null(load(&err));
	assert_string_equal(err.code, "file-unreadable");
	assert_null(conf_load(dir, PROFILES, &err));
	assert_string_equal(err.code, "file-unreadable");
	put("labtimed.conf", "site = { name = \"L\"; timezone = \"UTC\"; currency = \"EUR\"; }; instruments = "
		"\"nowhere\";\n");
	assert_null(load(&err));
	assert_non_null(strstr(err.field, "labtimed.conf:1"));
	assert_non_null(strstr(err.text, in_dir("nowhere")));
	put("labtimed.conf", main_text);
	put("instruments.d/a-first.conf", instrument_text);
	expect("instruments.d/krios-1.conf", "same id", 3, "duplicate-id", "krios-1");
	char text[4096];
	replace(text, sizeof(text), instrument_text, "\"krios-1\"", "\"krios-2\"");
	put("instruments.d/a-first.conf", text);
	expect("instruments.d/krios-1.conf", "same controller", 4, "duplicate-controller", "krios-2");
	unlink(in_dir("instruments.d/a-first.conf"));
}

static const char profile_text[] =
	"profile = {\n"
	"  name = \"mine\"; title = \"Mine\";\n"
	"  values = (\n"
	"    { role = \"hourmeter\"; area = \"holding\"; address = 0; type = \"u32\"; count = \"6m\"; },\n"
	"    { role = \"state\"; area = \"holding\"; address = 2; bit = 0; }\n"
	"  );\n"
	"};\n";

static void own_profiles(void **state)
{
	static const struct { const char *find, *put; int line; const char *code; } rows[] = {
		{ "bit = 0", "bitt = 0", 5, NULL }, { "address = 0", "address = 70000", 4, NULL }, { "count = \"6m\"", "count = 0.1", 4, "wrong-type" },
		{ "\"mine\"", "\"other\"", 2, "bad-value" }, { "profile = {", "x = 1; profile = {", 1, "syntax" },
		{ "name = \"mine\";", "", 1, NULL }, { "address = 0", "address = 99999999999", 4, "out-of-range" },
	};
	struct lt_err err;
	struct conf *c;
	char text[4096], other[4096];

	replace(other, sizeof(other), instrument_text, "\"generic-plc\"", "\"mine\"");
	replace(text, sizeof(text), other, "  interlock  = { mode = \"enable\"; gates = \"start\"; fail = \"locked\"; };\n",
		"");
	put("labtimed.conf", main_text);
	put("instruments.d/krios-1.conf", text);
	put("profiles/mine.conf", profile_text);
	c = load(&err);
	if (!c)
		fail_msg("%s: %s", err.field, err.text);
	assert_int_equal(c->site.instruments[0].meter.counter.count_ms, 360000);
	assert_true(c->site.instruments[0].meter.has_state);
	conf_unref(c);
	for (size_t i = 0; i < ROWS(rows); i++) {
		char place[256];
		replace(text, sizeof(text), profile_text, rows[i].find, rows[i].put);
		put("profiles/mine.conf", text);
		if (load(&err))
			fail_msg("accepted: %s", rows[i].put);
		snprintf(place, sizeof(place), "%s:%d", in_dir("profiles/mine.conf"), rows[i].line);
		if (strcmp(err.field, place) != 0 || (rows[i].code && strcmp(err.code, rows[i].code) != 0))
			fail_msg("%s: got %s [%s] %s", rows[i].put, err.field, err.code, err.text);
	}
	/* a coarse counter alone shows no edges */
	replace(text, sizeof(text), profile_text, ",\n    { role = \"state\"; area = \"holding\"; address = 2; bit = 0; }",
		"");
	put("profiles/mine.conf", text);
	expect("instruments.d/krios-1.conf", "coarse", 4, "coarse-counter", "360 s");
	unlink(in_dir("profiles/mine.conf"));
}

/* Any byte of a good file changed: a configuration or an error with a place, never harm. */
static void random_damage(void **state)
{
	uint32_t seed = 7;
	char text[sizeof(instrument_text)];

	put("labtimed.conf", main_text);
	for (int i = 0; i < 1500; i++) {
		struct lt_err err;
		struct conf *c;
		memcpy(text, instrument_text, sizeof(text));
		seed = seed * 1664525 + 1013904223;
		text[(seed >> 8) % (sizeof(text) - 1)] = (char)(seed >> 24);
		put_bytes("instruments.d/krios-1.conf", text, sizeof(text) - 1);
		c = load(&err);
		if (c)
			conf_unref(c);
		else
			assert_true(err.text[0] && err.code[0] && strchr(err.field, ':'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(documented_example), cmocka_unit_test(every_key),
		cmocka_unit_test(faults_named), cmocka_unit_test(faults_of_files), cmocka_unit_test(own_profiles),
		cmocka_unit_test(random_damage) };

	return cmocka_run_group_tests_name("configuration", tests, make_dir, remove_dir);
}
