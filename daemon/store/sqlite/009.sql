-- 009.sql - for whom a step of the wall clock counts.

-- The last step that had been noticed when the session began, and when it ended: the steps between are those that it was
-- there for (core/clock_lost.h). 0: none. Of sessions from before this migration nobody knows: they were there for all.
ALTER TABLE session ADD COLUMN since_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN until_step INTEGER NOT NULL DEFAULT 0;
UPDATE session SET until_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step) WHERE closed_at IS NOT NULL;
CREATE TRIGGER session_since_step AFTER INSERT ON session BEGIN
	UPDATE session SET since_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step),
		until_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step) WHERE id = NEW.id;
END;
CREATE TRIGGER session_begins_anew AFTER UPDATE OF opened_at ON session WHEN NEW.opened_at <> OLD.opened_at BEGIN
	UPDATE session SET since_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step) WHERE id = NEW.id;
END;
CREATE TRIGGER session_until_step AFTER UPDATE OF closed_at ON session WHEN OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL BEGIN
	UPDATE session SET until_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step) WHERE id = NEW.id;
END;

-- The last step that had been noticed when the booking came to lie where it lies.
ALTER TABLE booking ADD COLUMN since_step INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER booking_since_step AFTER INSERT ON booking BEGIN
	UPDATE booking SET since_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step) WHERE id = NEW.id;
END;
CREATE TRIGGER booking_moved_step AFTER UPDATE OF booked_from, since_at ON booking
	WHEN NEW.booked_from <> OLD.booked_from OR NEW.since_at <> OLD.since_at BEGIN
	UPDATE booking SET since_step = (SELECT COALESCE(MAX(id), 0) FROM clock_step) WHERE id = NEW.id;
END;

-- What a label was worth is read from the steps; the latest one of all says nothing. Of a forward step from_at and to_at
-- in clock_step are the labels that it skipped.
ALTER TABLE clock DROP COLUMN high_at;

-- What a line of a booking's history is about, in typed members; its verb is its kind (daemon/api/words.c). 0: nothing.
ALTER TABLE booking_event ADD COLUMN from_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE booking_event ADD COLUMN to_at INTEGER NOT NULL DEFAULT 0;
