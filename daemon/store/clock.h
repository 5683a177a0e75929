/* clock.h - SQL of the tables clock and clock_step. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include "core/clock.h"
#include "store/db.h"

/* 0; 1: nothing is kept yet (*ret is then all 0). */
int store_clock_load(struct db *db, struct clock *ret);
int store_clock_save(struct db *db, const struct clock *c);
/* Only when it was last looked at: what timers wait for is left alone. */
int store_clock_seen(struct db *db, const struct clock *c);
int store_clock_step_add(struct db *db, int64_t id, const char *boot_id, const struct clock_step *s);
/* The last step of this boot, forward only when so asked. 0; 1: none. */
int store_clock_last_step(struct db *db, const char *boot_id, bool forward, struct clock_step *ret);
/* The last step of all. 0; 1: none. */
int store_clock_last_of_all(struct db *db, struct clock_step *ret);
/* The sum of forward steps of this boot after the instant of BOOTTIME. */
int64_t store_clock_forward_ms(struct db *db, const char *boot_id, int64_t after_boot_ms);
/* By how much the clock was set back since the wall label `from`: time that has no labels of its own. */
int64_t store_clock_back_ms(struct db *db, int64_t from);
/* Of the labels in [from, to) so many ms were jumped over. */
int64_t store_clock_lost_ms(struct db *db, int64_t from, int64_t to);

#endif
