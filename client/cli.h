/*
 * cli.h - one run of labtime: options, connection, site, output; what the command files share.
 *
 * A command returns the exit code. stdout is data, stderr is talk.
 */
#ifndef CLIENT_CLI_H
#define CLIENT_CLI_H

#include <jansson.h>

#include "client/args.h"
#include "client/config.h"
#include "client/table.h"
#include "client/transport.h"
#include "client/when.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 3, EXIT_LOGIN = 4, EXIT_CONFLICT = 5,
	EXIT_RULE = 6, EXIT_UNREACHABLE = 7, EXIT_TIMEOUT = 8, EXIT_PARTIAL = 9, EXIT_INTERRUPTED = 130 };

struct cli {
	struct args args;
	struct out out;
	struct config config;
	struct endpoint endpoint;
	bool endpoint_known;
	struct transport transport;
	/* the site, once asked */
	bool site_known;
	char site_name[128], currency[8];
	int exponent;
	struct lt_zone zone;
	int64_t now;                          /* the site's clock at the time of asking */
	char etag[80];                        /* of the last answer                     */
};

/* ask.c: one request; prints the problem and returns its exit code, or EXIT_OK and *ret (a new reference; NULL for
 * 204). */
enum { ASK_KEY = 1 /* POST with Idempotency-Key */, ASK_QUIET = 2 /* do not print a problem: *ret holds it */ };
int ask(struct cli *c, const char *method, const char *path, json_t *body /* stolen */, const char *if_match,
	unsigned flags, json_t **ret);
int ask_get(struct cli *c, const char *path, json_t **ret);
/* All pages of a list as one {items: [...]}; path may hold a query. */
int ask_all(struct cli *c, const char *path, json_t **ret);
int ask_site(struct cli *c);              /* fills the site, zone and clock, once */
int ask_connect(struct cli *c);           /* resolves the endpoint, once          */
int exit_code_of(long status, json_t *problem);

/* problem.c: what, why, the cure; code last. Returns the exit code. */
int problem_print(struct cli *c, long status, json_t *problem);
int fail(int code, const char *kebab, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int fail_err(int code, const struct lt_err *e);
int fail_when(const char *what, const char *text, const struct when_err *e); /* with the caret; returns 2 */

/* path.c: paths with encoded parts. */
struct path { char text[1600]; size_t n; bool query, full; };
void path_set(struct path *p, const char *prefix);
void path_part(struct path *p, const char *part);                  /* "/" + encoded */
void path_query(struct path *p, const char *name, const char *value); /* NULL or "" value: nothing */
void path_instant(struct path *p, const char *name, int64_t at);

/* input.c: words of the command line to values of the API. */
int words_join(struct cli *c, int first, char *dst, size_t cap);
int read_when(struct cli *c, const char *text, unsigned flags, struct when *ret);
int read_instant(struct cli *c, const char *option, const char *text, int64_t *ret);
int read_duration(const char *text, int64_t *ret_ms);
int read_period(struct cli *c, const char *text, struct when_period *ret);
/* -p PERIOD as from/to (or period=) on a path, echoed on a terminal; absent: this month. */
int query_period(struct cli *c, struct path *p, bool month_word);
int read_money(struct cli *c, const char *text, json_t **ret);
json_t *json_at(struct cli *c, int64_t at);
void body_text(json_t *body, const char *name, const char *value); /* NULL: nothing */
void body_override(struct cli *c, json_t *body);
/* A booking "B-1042" and the like: letter and number; prints usage when it is none. */
bool is_id(const char *text, char letter);
int need_id(struct cli *c, int pos, char letter, const char *what);
/* y/N on a terminal. 1 yes, 0 no. */
int confirm(const char *question);

#define TEXT(o, name) json_string_value(json_object_get(o, name))

extern const struct command look_commands[], book_commands[], money_commands[], manage_commands[], admin_commands[],
	login_commands[], plumbing_commands[];
extern const struct column booking_columns[];

#endif
