/* err.c - fills the error that reaches a person. Owns nothing, cannot fail. */
#include "common/err.h"

#include <stdarg.h>
#include <string.h>

#include "common/fmt.h"

int lt_err_set(struct lt_err *err, const char *code, const char *field, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	memset(err, 0, sizeof(*err));
	lt_fmt(err->code, sizeof(err->code), "%s", code);
	lt_fmt(err->field, sizeof(err->field), "%s", field ? field : "");
	va_start(ap, fmt);
	lt_vfmt(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}
