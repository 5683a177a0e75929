/*
 * conf.c - one of the three kinds of configuration file, the others being sound. For any bytes: a configuration that
 * can be printed, or one error that names a file of ours. Files lie in a temporary directory that goes at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fmt.h"
#include "conf/conf.h"
#include "fuzz.h"

enum { SITE, INSTRUMENT, PROFILE, FILES };

#define SOUND_SITE "site = { name = \"Lab\"; timezone = \"UTC\"; currency = \"USD\"; rate = \"100.00\"; };\n" \
	"listen = { unix = \"/tmp/none.sock\"; tls = \"127.0.0.1:7620\"; };\n" \
	"store = { path = \"/tmp/none.db\"; };\ninstruments = \"instruments.d\";\n"
#define SOUND_INSTRUMENT "instrument = { id = \"a-1\"; title = \"A\"; kind = \"microscope\"; location = \"B1\"; rate = \"90.50\";\n" \
	"controller = { address = \"127.0.0.1:1502\"; unit = 1; profile = \"plc\"; poll = \"1s\"; };\n" \
	"interlock = { mode = \"enable\"; gates = \"start\"; fail = \"locked\"; };\n" \
	"policy = { grid = \"15m\"; min = \"15m\"; max = \"48h\"; horizon = \"30d\"; no_show = \"30m\"; };\n" \
	"price = { overrun_factor = \"1.5\"; minimum = \"5.00\"; step = \"1s\"; }; };\n"
#define SOUND_PROFILE "profile = { name = \"plc\"; title = \"PLC\"; timeout = \"500ms\"; retry = [ 5, 6 ];\n" \
	"blocks = ( { area = \"holding\"; address = 0; count = 16; }, { area = \"coil\"; address = 0; count = 1; } );\n" \
	"values = ( { role = \"hourmeter\"; area = \"holding\"; address = 0; type = \"u32\"; count = \"1s\"; },\n" \
	"  { role = \"state\"; area = \"holding\"; address = 2; bit = 0; },\n" \
	"  { role = \"interlock\"; area = \"coil\"; address = 0; } );\n" \
	"interlock = { area = \"coil\"; address = 0; lock = 0; unlock = 1; }; };\n"

/* libconfig 1.5 loses the buffer of a text in which a syntax error ends the file. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static char directory[] = "/tmp/labtime-fuzz-XXXXXX";
static const char *const names[FILES] = { "labtimed.conf", "instruments.d/a.conf", "profiles/plc.conf" };
static const struct fuzz_text sound[FILES] = { FUZZ_TEXT(SOUND_SITE), FUZZ_TEXT(SOUND_INSTRUMENT),
	FUZZ_TEXT(SOUND_PROFILE) };
static bool ready;

static void path_of(char dst[128], const char *name)
{
	lt_fmt(dst, 128, "%s/%s", directory, name);
}

static void write_file(int which, const char *p, size_t n)
{
	char path[128];
	FILE *f;

	path_of(path, names[which]);
	f = fopen(path, "wbe");
	fuzz_promise(f != NULL);
	fuzz_promise(fwrite(p, 1, n, f) == n);
	fuzz_promise(fclose(f) == 0);
}

static void unload(void)
{
	char path[128];

	for (int i = 0; i < FILES; i++) {
		path_of(path, names[i]);
		unlink(path);
	}
	path_of(path, "instruments.d");
	rmdir(path);
	path_of(path, "profiles");
	rmdir(path);
	rmdir(directory);
}

static void load(void)
{
	char path[128];

	fuzz_promise(mkdtemp(directory) != NULL);
	atexit(unload);
	path_of(path, "instruments.d");
	fuzz_promise(mkdir(path, 0700) == 0);
	path_of(path, "profiles");
	fuzz_promise(mkdir(path, 0700) == 0);
	for (int i = 0; i < FILES; i++)
		write_file(i, sound[i].p, sound[i].n);
	ready = true;
}

static void check_accepted(const struct conf *c)
{
	FILE *f = fopen("/dev/null", "we");

	fuzz_promise(f != NULL);
	conf_print(c, f);
	fclose(f);
	fuzz_promise(c->site.n_instruments >= 0 && c->site.n_instruments <= 1);
	for (int i = 0; i < c->site.n_instruments; i++) {
		fuzz_promise(c->endpoints[i].port > 0 && c->endpoints[i].poll_ms > 0 && c->endpoints[i].profile != NULL);
		fuzz_promise(site_id_valid(c->site.instruments[i].id));
	}
}

static int conf_input(const uint8_t *p, size_t n)
{
	struct lt_err err = { 0 };
	struct conf *c;
	char path[128], profiles[128];
	int which;

	if (!ready)
		load();
	if (n == 0)
		return 0;
	which = p[0] % FILES;
	write_file(which, (const char *)p + 1, n - 1);
	path_of(path, names[SITE]);
	path_of(profiles, "none");
	c = conf_load(path, profiles, &err);
	write_file(which, sound[which].p, sound[which].n);
	if (c) {
		check_accepted(c);
		fuzz_promise(conf_unref(c) == NULL);
		return 1;
	}
	fuzz_promise(err.code[0] && err.text[0] && strstr(err.field, ".conf") != NULL);
	return 0;
}

static const struct fuzz_text seeds[] = {
	FUZZ_TEXT("\0" SOUND_SITE), FUZZ_TEXT("\1" SOUND_INSTRUMENT), FUZZ_TEXT("\2" SOUND_PROFILE),
};

static const struct fuzz_text words[] = {
	FUZZ_TEXT("{"), FUZZ_TEXT("}"), FUZZ_TEXT("("), FUZZ_TEXT(")"), FUZZ_TEXT("["), FUZZ_TEXT("]"), FUZZ_TEXT(";"),
	FUZZ_TEXT("="),
	FUZZ_TEXT("\""), FUZZ_TEXT("\\"), FUZZ_TEXT("\\x00"), FUZZ_TEXT("/*"), FUZZ_TEXT("*/"), FUZZ_TEXT("//"),
	FUZZ_TEXT("#"),
	FUZZ_TEXT("@include \"/etc/passwd\"\n"), FUZZ_TEXT("0x"), FUZZ_TEXT("99999999999999999999"), FUZZ_TEXT("-1"),
	FUZZ_TEXT("1.5"),
	FUZZ_TEXT("1e3"), FUZZ_TEXT("true"), FUZZ_TEXT("70000"), FUZZ_TEXT("0"), FUZZ_TEXT("\"0s\""), FUZZ_TEXT("\"1h\""),
	FUZZ_TEXT("\"100%\""),
	FUZZ_TEXT("grid = \"7m\";"), FUZZ_TEXT("rate = \"1.005\";"), FUZZ_TEXT("gates = \"power\";"),
	FUZZ_TEXT("id = \"../x\";"),
	FUZZ_TEXT("{ role = \"boots\"; area = \"holding\"; address = 15; type = \"u32\"; },"), FUZZ_TEXT("type = \"u64\";"),
	FUZZ_TEXT("order = \"cdab\";"), FUZZ_TEXT("\n"), FUZZ_TEXT("\r"), FUZZ_TEXT("\0"), FUZZ_TEXT("\xff"),
	FUZZ_TEXT("\xe6\x98\xbe"),
};

const struct fuzz_target fuzz_target = { "configuration", seeds, sizeof(seeds) / sizeof(seeds[0]), words,
	sizeof(words) / sizeof(words[0]), 8000, conf_input };
