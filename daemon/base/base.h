/*
 * base.h - the impure floor: the one clock, the log, the hash and the random source, whole files.
 * Logs are logfmt lines on stderr ("level=info at=... msg=... key=value"); values are quoted and escaped, so that
 * no text from outside can forge a line.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/err.h"

int64_t clock_boot_ms(void);             /* CLOCK_BOOTTIME                                               */
int64_t clock_boot_us(void);
int64_t clock_thread_us(void);           /* CPU time of the calling thread                               */
int64_t clock_wall_ms(void);             /* CLOCK_REALTIME                                               */
/* Both at one instant: a thread that was held up between them would see a step of the wall clock that was none. */
void clock_both_ms(int64_t *ret_boot, int64_t *ret_wall);
const char *clock_boot_id(void);         /* 36 characters; "unknown" when the kernel does not say        */

enum log_level { LOG_ERROR_LEVEL, LOG_WARN, LOG_INFO, LOG_DEBUG };
void log_level_set(enum log_level level);
/* pairs: "key", value (const char *), ..., NULL. */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));

void crypto_sha256(const void *p, size_t n, uint8_t ret[32]);
struct crypto_sha256_stream;
struct crypto_sha256_stream *crypto_sha256_new(void);
void crypto_sha256_add(struct crypto_sha256_stream *s, const void *p, size_t n);
void crypto_sha256_end(struct crypto_sha256_stream *s, uint8_t ret[32]); /* frees s */
bool crypto_equal(const void *a, const void *b, size_t n);               /* constant time */
int crypto_random(void *p, size_t n);                                    /* 0 or -1 */
void crypto_hex(char *dst, const uint8_t *p, size_t n);                  /* 2n + 1 bytes */

/* Whole file up to max bytes, NUL-terminated; caller frees. NULL with *err (names the path and the cause). */
char *file_read(const char *path, size_t max, size_t *ret_size, struct lt_err *err);
/* The zone's TZif from /usr/share/zoneinfo (or $TZDIR). 0 or -1 with *err. */
int zone_load(struct lt_zone *ret, const char *name, struct lt_err *err);

/* What dpkg's database (/var/lib/dpkg/status) says is installed; false when it does not say. Versions in Debian's order:
 * negative, 0 or positive. */
#define PACKAGE_VERSION 64
bool package_version(const char *database, const char *name, char ret[PACKAGE_VERSION]);
int package_compare(const char *a, const char *b);

/* "READY=1", "WATCHDOG=1", "STOPPING=1" to the service manager; no effect without one. */
void notify_manager(const char *state);

#endif
