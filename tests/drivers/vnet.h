/*
 * vnet.h - a network, a loop and a clock that are not there: the real poller, link and codec in virtual time.
 *
 * The test program is linked with --wrap for the socket calls of link.c and brings its own loop timers and clock, so
 * that an hour of silence takes milliseconds and always goes the same way. One gateway with up to 16 units behind it,
 * each an hour meter, a run bit and a relay. The other side, the ledger, renews leases and asks for polls.
 */
#ifndef TESTS_DRIVERS_VNET_H
#define TESTS_DRIVERS_VNET_H

#include "drivers/modbus/poller.h"

#define VNET_UNITS 16

enum vnet_fault {
	VNET_WELL, VNET_SILENT, VNET_EXCEPTION, VNET_RESET, VNET_WRONG_UNIT, VNET_GARBAGE,
	VNET_DEAF,                                             /* of a unit; DEAF: it is read, but no write arrives  */
	VNET_REFUSED, VNET_CLOSES, VNET_BLACK_HOLE,                                          /* of the gateway   */
};

struct vnet_unit {
	enum vnet_fault fault;
	int exception;
	int64_t delay_ms;             /* how long an answer takes                                                 */
	bool unlocked, running;
	int64_t asked;                /* how often; requests                                                      */
	int64_t last_asked, last_read; /* instants: a request came; a whole reading reached the ledger             */
	int64_t longest_unread;       /* between two readings                                                     */
	bool up;                      /* as the ledger was told                                                   */
	char why[120];
	int n_fed, n_lock_told;       /* its watchdog; news of its interlock that the ledger had                  */
	int n_down;                   /* how often it was told that it is down                                    */
	uint64_t unread_ticket, read_ticket; /* of the last forced poll that ended so                             */
	enum lt_lock desired;         /* what the ledger wants; renewed every 8 s for 30 s                        */
	uint64_t polls;               /* readings                                                                 */
};

struct vnet {
	int n;
	struct vnet_unit unit[VNET_UNITS];
	enum vnet_fault gateway;
	int connects;
	struct poller *poller;
};

struct vnet_options { int n; bool interlock; int64_t poll_ms, timeout_ms; bool watchdog; };

extern struct vnet vnet;              /* the one world of this program                                          */

void vnet_start(const struct vnet_options *o);
void vnet_stop(void);
int64_t vnet_now(void);               /* ms                                                                     */
void vnet_run(int64_t ms);
/* A fault of one unit (0 ...) or, with -1, of the gateway. VNET_WELL ends it. */
void vnet_fault(int unit, enum vnet_fault f, int exception);
/* The unit (0 ...) whose poll or write is under way, or -1. */
int vnet_busy(void);
/* The longest time between two readings of a unit (0 ...), or since the last one, ms. */
int64_t vnet_longest_unread(int unit);
/* Runs until the unit was read again, at most `most` ms; how long that took, or -1. */
int64_t vnet_until_read(int unit, int64_t most);
/* A person checks in: a forced poll, and the wish to unlock with the next lease. Returns the ticket. */
uint64_t vnet_checkin(int unit);
/* The ledger is busy elsewhere: for so long no lease is renewed. */
void vnet_stall_ledger(int64_t ms);
/* A person looks for the fault (the doctor): a poll that nothing waits for, at once. */
void vnet_look(int unit);
/* Runs until the relay is open, at most `most` ms; how long that took, or -1. */
int64_t vnet_until_open(int unit, int64_t most);

#endif
