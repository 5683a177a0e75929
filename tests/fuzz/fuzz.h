/* http_input.h - one input against the request reader; shared by the bounded run and by libFuzzer. */
#ifndef HTTP_INPUT_H
#define HTTP_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* Reads the bytes as a client could have sent them, whole and in two pieces, and aborts when a promise is broken.
 * Returns whether a request was accepted. */
int http_input(const uint8_t *p, size_t n);

#endif
