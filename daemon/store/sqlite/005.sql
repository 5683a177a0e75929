-- 005.sql - since when a booking counts, and what each witness saw of a session.

-- Waits, lengths, prices and fees count from here: the booked start, or the later instant at which the booking was made or
-- moved there, or at which what held the unit against it ended (core/booking.h).
ALTER TABLE booking ADD COLUMN since_at INTEGER NOT NULL DEFAULT 0;
UPDATE booking SET since_at = CASE WHEN created_at > booked_from AND created_at < booked_to THEN created_at ELSE booked_from END;
