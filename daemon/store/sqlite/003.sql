-- 003.sql - terms by interval, and price lists that can be withdrawn.

-- For whom a list is: '' is everybody. The most specific list of {org, class, everybody} is in force.
ALTER TABLE price_version ADD COLUMN class TEXT NOT NULL DEFAULT '';
ALTER TABLE price_version ADD COLUMN org TEXT NOT NULL DEFAULT '';
CREATE INDEX price_for ON price_version(instrument, org, class, effective_at, version);

-- An announced list that will not come into force. The list's own row stays as it was written.
CREATE TABLE price_withdrawn (
	instrument TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL,
	reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (instrument, version),
	FOREIGN KEY (instrument, version) REFERENCES price_version(instrument, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER price_withdrawn_early BEFORE INSERT ON price_withdrawn WHEN NEW.at >=
	(SELECT effective_at FROM price_version WHERE instrument = NEW.instrument AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'price_in_force'); END;
CREATE TRIGGER price_withdrawn_exists BEFORE INSERT ON price_withdrawn
	WHEN EXISTS (SELECT 1 FROM price_withdrawn WHERE instrument = NEW.instrument AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER price_withdrawn_no_update BEFORE UPDATE ON price_withdrawn BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER price_withdrawn_no_delete BEFORE DELETE ON price_withdrawn BEGIN SELECT RAISE(ABORT, 'append_only'); END;

-- What a booking was promised, by interval. A change of times closes rows and adds others; none is deleted. The open
-- rows of a booking follow each other; the booking's own two columns copy the first of them.
CREATE TABLE booking_term (
	booking INTEGER NOT NULL REFERENCES booking(id), n INTEGER NOT NULL,
	from_at INTEGER NOT NULL, to_at INTEGER NOT NULL CHECK (to_at > from_at),
	price_version INTEGER NOT NULL, policy_version INTEGER NOT NULL, made_at INTEGER NOT NULL,
	closed_at INTEGER,                          -- NULL: it holds
	PRIMARY KEY (booking, n)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER booking_term_in_order BEFORE INSERT ON booking_term WHEN NEW.closed_at IS NOT NULL
	OR NEW.n <> 1 + (SELECT COUNT(*) FROM booking_term WHERE booking = NEW.booking)
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER booking_term_overlap BEFORE INSERT ON booking_term WHEN EXISTS (SELECT 1 FROM booking_term
	WHERE booking = NEW.booking AND closed_at IS NULL AND from_at < NEW.to_at AND to_at > NEW.from_at)
BEGIN SELECT RAISE(ABORT, 'terms_overlap'); END;
CREATE TRIGGER booking_term_closes BEFORE UPDATE ON booking_term WHEN OLD.closed_at IS NOT NULL OR NEW.closed_at IS NULL
	OR NEW.booking <> OLD.booking OR NEW.n <> OLD.n OR NEW.from_at <> OLD.from_at OR NEW.to_at <> OLD.to_at
	OR NEW.price_version <> OLD.price_version OR NEW.policy_version <> OLD.policy_version OR NEW.made_at <> OLD.made_at
BEGIN SELECT RAISE(ABORT, 'append_only'); END;
CREATE TRIGGER booking_term_no_delete BEFORE DELETE ON booking_term BEGIN SELECT RAISE(ABORT, 'append_only'); END;

INSERT INTO booking_term (booking, n, from_at, to_at, price_version, policy_version, made_at)
	SELECT id, 1, booked_from, booked_to, price_version, policy_version, created_at FROM booking;

-- Whoever writes a booking gives it its first row with it.
CREATE TRIGGER booking_first_term AFTER INSERT ON booking BEGIN
	INSERT INTO booking_term (booking, n, from_at, to_at, price_version, policy_version, made_at)
		VALUES (NEW.id, 1, NEW.booked_from, NEW.booked_to, NEW.price_version, NEW.policy_version, NEW.created_at);
END;
CREATE TRIGGER booking_term_copied AFTER INSERT ON booking_term WHEN NEW.from_at =
	(SELECT MIN(from_at) FROM booking_term WHERE booking = NEW.booking AND closed_at IS NULL)
BEGIN
	UPDATE booking SET price_version = NEW.price_version, policy_version = NEW.policy_version WHERE id = NEW.booking;
END;
