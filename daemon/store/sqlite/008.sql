-- 008.sql - parts of bookings that were given up while the instrument could not be used.

-- R23: whether such a part costs its share of a cancellation is decided at the start that the booking had: booked_from,
-- booked_to, since_at and walk_up are as they were at `at`, when the part [from_at, to_at) was given up. decided_at: when
-- it was decided; until then a timer "given_up" waits for booked_from.
CREATE TABLE given_up (
	id INTEGER PRIMARY KEY, booking INTEGER NOT NULL REFERENCES booking (id), at INTEGER NOT NULL,
	booked_from INTEGER NOT NULL, booked_to INTEGER NOT NULL CHECK (booked_to > booked_from), since_at INTEGER NOT NULL,
	walk_up INTEGER NOT NULL CHECK (walk_up IN (0, 1)),
	from_at INTEGER NOT NULL, to_at INTEGER NOT NULL CHECK (to_at > from_at), decided_at INTEGER
) STRICT;
CREATE INDEX given_up_booking ON given_up (booking);
