/* ports.c - the turn's real use cases. Owns nothing. */
#include "app/clock.h"
#include "app/ledger.h"
#include "app/metering.h"
#include "app/timers.h"

const struct ledger_ports ledger_ports = {
	.reading = metering_reading, .link = metering_link, .interlock = metering_interlock,
	.recover = metering_recover, .desired = metering_desired, .timer = timer_kind_find,
	.timers_taking = timer_kinds_taking, .clock = clock_notice,
	.unwatched = metering_unwatched,
};
