/* bookings.h - what bookings.c takes from the files beside it. */
#ifndef API_BOOKINGS_H
#define API_BOOKINGS_H

#include "api/api.h"
#include "core/booking.h"

/* booking_parts.c: adds to o what only one booking's own answer says: terms, history, overrides, sessions, charges.
 * What cannot be read is an empty list; the failure is sticky in the store. */
void json_booking_parts(struct act *a, const struct booking *b, json_t *o);

/* free.c: GET /v1/free. */
int get_free(struct act *a, struct api_request *rq, json_t **ret_body);

#endif
