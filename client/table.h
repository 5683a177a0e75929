/*
 * table.h - output: tables fitted to the terminal, TAB-separated lines in a pipe, JSON, JSON lines, CSV, ids.
 */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum out_mode { OUT_TABLE, OUT_TABS, OUT_JSON, OUT_JSONL, OUT_CSV, OUT_IDS };

struct out {
	enum out_mode mode;
	bool terminal, colour, utf8, header;
	int width;
	int64_t now;                          /* ms, for "today" */
};

enum cell_kind {
	CELL_TEXT, CELL_STATE,                /* a state has a colour; its word stays */
	CELL_TIME, CELL_SPAN,                 /* CELL_SPAN: members from and to       */
	CELL_MONEY, CELL_SECONDS, CELL_NUMBER, CELL_MARK /* a boolean: "*" or ""      */
};

struct column {
	const char *title;                    /* end of the table: NULL                                     */
	const char *member;                   /* of the item; "a.b" looks into an object                    */
	enum cell_kind kind;
	int drop;                             /* 0 never; columns with the highest number vanish first      */
	bool shrink;                          /* may be cut with an ellipsis                                */
	bool wrap;                            /* goes on in the next line instead of being cut              */
};

void out_setup(struct out *o, enum out_mode mode, bool asked, bool header);
/* items: of doc's member "items"; id: the member that -q prints. */
void out_list(const struct out *o, const struct column *columns, json_t *doc, const char *id);
/* One object as name and value lines (or one row in CSV); members that are null or absent are left out on a
 * terminal. */
void out_record(const struct out *o, const struct column *fields, json_t *object, const char *id);
/* A heading and a table below a record: only on a terminal, and only when there are items. */
void out_section(const struct out *o, const char *title, const struct column *columns, json_t *items);
/* A word as it may stand on a terminal: without control characters. */
void out_text(const struct out *o, const char *text);
int out_finish(void);                         /* flushes stdout: 0, or 1 after saying why */

/* Cell text for a person, and for a machine (the second cell: to, or the currency; "" when there is none). */
void cell_human(const struct out *o, const struct column *c, json_t *item, char *dst, size_t cap);
int cell_machine(const struct column *c, json_t *item, char *first, char *second, size_t cap);
void cell_time(const struct out *o, const char *rfc3339, char *dst, size_t cap);
void cell_span(const struct out *o, const char *from, const char *to, char *dst, size_t cap);
const char *cell_colour(const char *state);   /* an escape sequence, or "" */
json_t *json_member(json_t *item, const char *path);

#endif
