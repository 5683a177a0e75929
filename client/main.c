/*
 * main.c - labtime: reads the command line, finds the command, runs it, ends with its exit code.
 * Owns the one struct cli. The locale is never loaded: widths come from utf8proc, times from the site's zone.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli.h"

const struct command *const command_tables[] = {
	look_commands, book_commands, money_commands, manage_commands, admin_commands, login_commands, plumbing_commands,
		NULL,
};

static int output_mode(struct cli *c)
{
	static const struct { const char *option; enum out_mode mode; } modes[] = {
		{ "json", OUT_JSON }, { "jsonl", OUT_JSONL }, { "csv", OUT_CSV }, { "quiet", OUT_IDS },
	};
	enum out_mode mode = OUT_TABLE;
	int asked = 0;

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if (args_has(&c->args, modes[i].option)) {
			mode = modes[i].mode;
			asked++;
		}
	}
	if (asked > 1)
		return args_usage(c->args.cmd, "choose one of --json, --jsonl, --csv and --quiet");
	out_setup(&c->out, mode, asked == 1, args_has(&c->args, "header"));
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	static struct cli c;
	struct timespec now;
	char *help[] = { (char *)"help" }, *version[] = { (char *)"version" };
	int rc;

	interrupt_setup();
	clock_gettime(CLOCK_REALTIME, &now);
	c.out.now = (int64_t)now.tv_sec * 1000;
	argv++;
	if (--argc <= 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
		argv = help, argc = 1;
	else if (strcmp(argv[0], "--version") == 0)
		argv = version, argc = 1;
	if ((rc = args_parse(&c.args, argc, argv)) != 0)
		return rc;
	if (args_has(&c.args, "help"))
		return args_help(c.args.cmd), out_finish();
	if ((rc = output_mode(&c)) == 0)
		rc = c.args.cmd->run(&c);
	transport_close(&c.transport);
	if (out_finish() && !rc)
		rc = EXIT_FAILED;
	return rc;
}
