-- 005.sql - since when a booking counts, and what each witness saw of a session.

-- Waits, lengths, prices and fees count from here: the booked start, or the later instant at which the booking was made or
-- moved there, or at which what held the unit against it ended (core/booking.h).
ALTER TABLE booking ADD COLUMN since_at INTEGER NOT NULL DEFAULT 0;
UPDATE booking SET since_at = CASE WHEN created_at > booked_from AND created_at < booked_to THEN created_at ELSE booked_from END;

-- What each witness saw of a session over the time in which both were read: how long the run bit was on, and what the
-- counter counted.
ALTER TABLE session ADD COLUMN on_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN counted_ms INTEGER NOT NULL DEFAULT 0;

-- Estimated time is charged only as two people agreed, of time that a gap hid or that the counter did not count, and at most
-- what the item allows. estimated_ms: what they agreed on.
ALTER TABLE review ADD COLUMN estimated_ms INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER usage_approved;
CREATE TRIGGER usage_approved BEFORE INSERT ON usage WHEN NEW.reason = 'approved' AND NOT EXISTS (SELECT 1 FROM review
	WHERE session = NEW.session AND kind IN ('meter_lost','meter_disagrees') AND state = 'done' AND proposed_by <> decided_by
	AND bound_ms >= NEW.estimated_ms AND estimated_ms = NEW.estimated_ms AND from_at = NEW.from_at AND to_at = NEW.to_at)
BEGIN SELECT RAISE(ABORT, 'second_person'); END;
CREATE TRIGGER review_estimated BEFORE UPDATE ON review WHEN NEW.estimated_ms <> 0 AND (NEW.decided_by IS NULL
	OR NEW.proposed_by IS NULL OR NEW.proposed_by = NEW.decided_by OR NEW.estimated_ms > NEW.bound_ms)
BEGIN SELECT RAISE(ABORT, 'second_person'); END;

-- What is out of service now cannot be used since it was taken out.
INSERT INTO outage (id, instrument, kind, from_at) SELECT (SELECT COALESCE(MAX(id), 0) FROM outage) + unit, id, 'service',
	COALESCE((SELECT MAX(at) FROM audit WHERE act = 'instrument.change' AND object = instrument.id
		AND before = 'in service' AND after = 'out of service'), (SELECT COALESCE(MAX(at), 0) FROM audit))
	FROM instrument WHERE out_of_service = 1;
INSERT INTO counter (name, next) SELECT 'outage', id + 1 FROM outage WHERE id = (SELECT MAX(id) FROM outage)
	ON CONFLICT (name) DO UPDATE SET next = CASE WHEN excluded.next > counter.next THEN excluded.next ELSE counter.next END;
