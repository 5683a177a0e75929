/*
 * err.h - the error that reaches a person: what, where, and the cure.
 *
 * Convention of the whole tree: functions return 0 on success, a *positive* value
 * for a condition that belongs to this function and that the caller must handle, a
 * *negative* value for a failure that is forwarded. Where an error can reach a user,
 * a struct lt_err travels along; it is written only on failure.
 */
#ifndef LT_ERR_H
#define LT_ERR_H

struct lt_err {
	char code[32];   /* stable, kebab-case: "slot-taken"                   */
	char field[96];  /* where: a JSON member, "file:line", "column 15"; may be "" */
	char text[400];  /* what, and the cure                                  */
};

/* Formats with lt_vfmt (fmt.h); truncates. err may be NULL. Returns -1, to be returned in turn. */
int lt_err_set(struct lt_err *err, const char *code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
