/* dump.c - what the store held when a promise broke, a row a line, for whoever looks for the cause. Owns nothing. */
#include "sim/world.h"

void world_dump(struct world *w, FILE *to)
{
	static const char *const queries[] = {
		"SELECT 'B-' || id || ' ' || instrument || ' ' || org || ' ' || state || ' ' || datetime(booked_from / 1000, 'unixepoch') || ' ' ||"
		" datetime(booked_to / 1000, 'unixepoch') || ' held ' || datetime(held_to / 1000, 'unixepoch') || ' waiting ' || waiting"
		" FROM booking ORDER BY id DESC LIMIT 200",
		"SELECT 'S-' || id || ' ' || instrument || ' B-' || COALESCE(booking, 0) || ' ' || kind || ' ' || state || ' ' ||"
		" COALESCE(outcome, '') || ' ' || datetime(opened_at / 1000, 'unixepoch') || ' ' || opened_cause || ' ' ||"
		" COALESCE(datetime(closed_at / 1000, 'unixepoch'), '') || ' ' || COALESCE(close_cause, '') || ' measured ' || measured_ms"
		" FROM session ORDER BY id DESC LIMIT 200",
		"SELECT 'usage ' || id || ' ' || instrument || ' S-' || COALESCE(session, 0) || ' ' || datetime(from_at / 1000, 'unixepoch') || ' ' ||"
		" datetime(to_at / 1000, 'unixepoch') || ' ' || measured_ms || ' of ' || (to_at - from_at) || ' placed ' || placed || ' open ' || open ||"
		" ' ' || reason FROM usage ORDER BY id DESC LIMIT 200",
		("SELECT 'occupancy ' || unit || ' ' || kind || ' ' || ref || ' ' || datetime(busy_from / 1000, 'unixepoch') || ' ' ||"
		" datetime(busy_to / 1000, 'unixepoch') || ' ' || active FROM occupancy ORDER BY id DESC LIMIT 200"),
		"SELECT 'C-' || id || ' S-' || COALESCE(session, 0) || ' ' || kind || ' used ' || used_s || ' ' || flags FROM charge ORDER BY id DESC LIMIT 200",
		"SELECT 'line C-' || charge || ' ' || component || ' ' || datetime(from_at / 1000, 'unixepoch') || ' ' || datetime(to_at / 1000,"
		" 'unixepoch') || ' ' || seconds || ' s at ' || rate_minor || ' times ' || factor_pm FROM charge_line ORDER BY charge DESC, n LIMIT 300",
		"SELECT 'priced B-' || id || ' since ' || datetime(since_at / 1000, 'unixepoch') || ' to ' || datetime(priced_to / 1000, 'unixepoch')"
		" FROM booking WHERE priced_to <> booked_to OR since_at > booked_from ORDER BY id DESC LIMIT 200",
		"SELECT 'overrun B-' || booking || ' ' || datetime(from_at / 1000, 'unixepoch') || ' grace ' || datetime(grace_to / 1000, 'unixepoch') ||"
		" ' ' || datetime(to_at / 1000, 'unixepoch') FROM overrun_kept ORDER BY booking DESC, n LIMIT 100",
		"SELECT 'reading ' || instrument || ' ' || datetime(at / 1000, 'unixepoch') || ' boot ' || boot_ms || ' ' || class || ' raw ' || raw ||"
		" ' ext ' || ext_ms || ' run ' || running || ' ' || detail FROM reading WHERE class <> 'NORMAL' OR detail <> '' ORDER BY id",
		"SELECT 'held ' || id || ' ' || instrument || ' S-' || COALESCE(session, 0) || ' ' || held_ms FROM usage WHERE held_ms > 0",
		"SELECT 'review ' || id || ' ' || instrument || ' S-' || COALESCE(session, 0) || ' ' || kind || ' ' || state || ' held ' || held_ms || ' ' ||"
		" datetime(from_at / 1000, 'unixepoch') || ' ' || datetime(to_at / 1000, 'unixepoch') || ' ' || decision || ' by ' || COALESCE(decided_by, '') ||"
		" ' ' || COALESCE(datetime(decided_at / 1000, 'unixepoch'), '') FROM review ORDER BY id DESC LIMIT 100",
		"SELECT 'history B-' || booking || ' ' || datetime(at / 1000, 'unixepoch') || ' ' || verb || ' ' || from_state || ' ' || to_state || ' ' ||"
		" actor FROM booking_event ORDER BY booking DESC, n DESC LIMIT 400",
		"SELECT 'outage ' || instrument || ' ' || kind || ' ' || datetime(from_at / 1000, 'unixepoch') || ' ' ||"
		" COALESCE(datetime(to_at / 1000, 'unixepoch'), '') FROM outage ORDER BY id DESC LIMIT 300",
		"SELECT 'step ' || id || ' boot ' || boot_ms || ' to ' || datetime(wall_ms / 1000, 'unixepoch') || ' by ' || step_ms || ' jump ' || jump"
		" FROM clock_step ORDER BY id",
		"SELECT 'timer ' || kind || ' ' || ref || ' ' || datetime(due_at / 1000, 'unixepoch') FROM timer ORDER BY due_at LIMIT 20",
	};

	for (size_t i = 0; w->db && i < sizeof(queries) / sizeof(*queries); i++) {
		struct stmt *q = db_query(w->db, queries[i], "");
		while (db_step(q) == DB_ROW)
			fprintf(to, "# %s\n", db_text(q, 0));
		db_end(q);
	}
}
