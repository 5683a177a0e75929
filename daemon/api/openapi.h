/* openapi.h - the OpenAPI document, merged at build from openapi/NAME.json by openapi.py. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_size;

#endif
