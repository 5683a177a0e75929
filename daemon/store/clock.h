/* clock.h - SQL of the tables clock and clock_step. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include "core/clock_lost.h"
#include "store/db.h"

/* 0; 1: nothing is kept yet (*ret is then all 0). */
int store_clock_load(struct db *db, struct clock *ret);
int store_clock_save(struct db *db, const struct clock *c);
/* Only when it was last looked at: what timers wait for is left alone. */
int store_clock_seen(struct db *db, const struct clock *c);
int store_clock_step_add(struct db *db, int64_t id, const char *boot_id, const struct clock_step *s);
/* The last step of all. 0; 1: none. */
int store_clock_last_of_all(struct db *db, struct clock_step *ret);
/* The last steps of this boot, at most cap, in their order. 0 or < 0. */
int store_clock_recent(struct db *db, const char *boot_id, struct clock_step *ret, int cap, int *ret_n);
/* The steps that touch the labels `in`, of those that a session was there for, or that came after a booking was made or
 * moved (0: all there were). Open-ended ones last until the wall label `now`. 0; 1: there is no such session; < 0. */
int store_clock_of_session(struct db *db, int64_t session, int64_t now, struct interval in, struct clock_presence *ret);
int store_clock_of_booking(struct db *db, int64_t booking, int64_t now, struct interval in, struct clock_presence *ret);
/* The sum of forward steps of this boot after the instant of BOOTTIME. */
int64_t store_clock_forward_ms(struct db *db, const char *boot_id, int64_t after_boot_ms);
/* The sum of all steps of this boot since then: how far ahead of its pace the clock is. */
int64_t store_clock_stepped_ms(struct db *db, const char *boot_id, int64_t after_boot_ms);
/* By how much the clock was set back since the wall label `from`: time that has no labels of its own. */
int64_t store_clock_back_ms(struct db *db, int64_t from);

#endif
