/* bookings.h - the JSON of a booking, for the other resources that show one. */
#ifndef API_BOOKINGS_H
#define API_BOOKINGS_H

#include <jansson.h>

#include "app/act.h"
#include "core/booking.h"

json_t *json_booking(struct act *a, const struct booking *b);

#endif
