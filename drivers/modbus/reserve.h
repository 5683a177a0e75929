/*
 * reserve.h - descriptors kept back, so that a poller can connect again when everything else has used up the rest.
 */
#ifndef DRIVERS_MODBUS_RESERVE_H
#define DRIVERS_MODBUS_RESERVE_H

#define RESERVE_FDS 2

struct reserve { int fd[RESERVE_FDS]; };

void reserve_init(struct reserve *r);        /* takes what it can get */
void reserve_deinit(struct reserve *r);
/* Takes back what is missing, as far as descriptors are free. NULL: nothing to do. */
void reserve_fill(struct reserve *r);
/*
 * A non-blocking TCP socket of this address family, from the reserve when no other descriptor is left; otherwise it
 * fills the reserve. -1: errno.
 */
int reserve_socket(struct reserve *r, int family);

#endif
