/*
 * record.c - a reader of canonical JSON that walks the text itself. Owns nothing. What is not well formed has no
 * members and no elements.
 */
#include "common/record.h"

#include <string.h>

#include "common/fmt.h"

/* Behind the string that begins at p; the end of the text where it is cut off. */
static const char *behind_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* At the comma or bracket that follows the value. */
static const char *behind_value(const char *p)
{
	int depth = 0;

	while (*p) {
		if (*p == '"') {
			p = behind_string(p);
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == '}' || *p == ']'))
			return p;
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		p++;
	}
	return p;
}

const char *lt_record_member(const char *object, const char *name)
{
	size_t n = strlen(name);

	if (!object || *object != '{')
		return NULL;
	for (const char *p = object + 1; *p == '"'; p++) {
		const char *value = behind_string(p);

		if (*value != ':')
			return NULL;
		if (strncmp(p + 1, name, n) == 0 && p + 1 + n + 1 == value)
			return value + 1;
		p = behind_value(value + 1);
		if (*p != ',')
			return NULL;
	}
	return NULL;
}

const char *lt_record_first(const char *array)
{
	return array && *array == '[' && array[1] && array[1] != ']' ? array + 1 : NULL;
}

const char *lt_record_next(const char *element)
{
	const char *p = behind_value(element);

	return *p == ',' ? p + 1 : NULL;
}

int64_t lt_record_int(const char *value)
{
	char text[24];
	int64_t v = 0;
	size_t n;

	if (!value)
		return 0;
	if (strncmp(value, "true", 4) == 0)
		return 1;
	n = strspn(value, "-0123456789");
	if (n >= sizeof(text))
		return 0;
	memcpy(text, value, n);
	text[n] = '\0';
	return lt_parse_i64(text, INT64_MIN, INT64_MAX, &v) ? v : 0;
}

bool lt_record_is(const char *value, const char *text)
{
	size_t n = strlen(text);

	return value && *value == '"' && strncmp(value + 1, text, n) == 0 && value[n + 1] == '"';
}
